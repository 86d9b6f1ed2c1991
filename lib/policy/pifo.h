/* SPDX-License-Identifier: BSD-3-Clause */
/* PIFO: a packet is pushed in anywhere, by its rank, and popped from the front (Sivaraman et al.,
 * SIGCOMM'16): for policies that know a packet's rank when it comes and never change their mind.  Of equal
 * ranks, first in, first out; ranks of one bucket of the queue beneath count as equal.  For ranks of flows
 * that change as packets come and go, which a PIFO cannot express, see flow_pifo.h. Used by: edf, dscp_rank.
 * Uses: rank_queue.h. */
#ifndef WEIR_PIFO_H
#define WEIR_PIFO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "rank_queue.h"

struct pifo_params {
	const struct rank_queue_ops *ops;
	uint32_t n_buckets; /* see struct rank_queue_params */
	unsigned int shift;
	uint32_t max_pkts;
};

struct pifo;

/* NULL where memory is out; nothing is allocated later. */
struct pifo *pifo_create(const struct pifo_params *params);
void pifo_destroy(struct pifo *p);

/* 'handle' stays the caller's and must not be NULL.  false: full, and nothing has changed. */
bool pifo_push(struct pifo *p, void *handle, uint64_t rank);

/* The handle of the lowest rank, or NULL when empty. */
void *pifo_pop(struct pifo *p);

/* Ranks before this are late from now on: see rank_queue_ops. */
void pifo_advance(struct pifo *p, uint64_t rank);

uint32_t pifo_count(const struct pifo *p);

/* Checks every invariant, slowly; says what is broken to 'out'. */
bool pifo_check(const struct pifo *p, FILE *out);

#endif
