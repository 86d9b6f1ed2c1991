/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to mark: a VF's table, which mark.c makes and mark_packet.c reads. */
#ifndef WEIR_MARK_IMPL_H
#define WEIR_MARK_IMPL_H

#include <stdalign.h>
#include <stdatomic.h>

#include "counter.h"
#include "mark.h"

/* Written by the one worker that receives from the VF's port. */
struct mark_hits {
	alignas(64) _Atomic uint64_t pkts, bytes;
	/* Of sets: any thread. */
	alignas(64) _Atomic uint32_t n_holders;
};

/* What the words do not say of a rule. */
struct mark_match {
	uint64_t src[2], src_mask[2], dst[2], dst_mask[2];	/* IPv4 in the upper half of the first */
	uint16_t src_port[2], dst_port[2];
	int8_t set_dscp;
	struct mark_hits *hits;
};

struct mark_table {
	uint64_t by_dscp[64], by_protocol[256];	/* a bit a rule, the first rule lowest */
	uint64_t any_protocol;			/* where it is not known */
	uint64_t v4, v6;
	uint64_t has_ports;
	struct mark_match match[];
};

#endif
