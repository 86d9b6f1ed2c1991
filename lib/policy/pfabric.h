/* SPDX-License-Identifier: BSD-3-Clause */
/* pFabric (Alizadeh et al., SIGCOMM'13) on the extended PIFO, as Eiffel (NSDI'19, section 3.2) shows it: each
 * packet says how much of its flow was left to send when it was sent; the flow with the least left goes
 * first, so that short flows finish soon.  A flow's rank is the least of what its waiting packets say, new
 * with each packet that comes or leaves. Starvation rule of the paper: within the chosen flow the *earliest*
 * packet goes, not the one of the lowest rank, else the oldest, sent when most was left, would wait for the
 * whole flow. Sizes are told apart in steps of 1/64 (exactly below 128 bytes), so that 3,776 ranks hold all
 * of 2^64 and nothing is clamped; of flows within a step, the one longest in it goes first. Not here: the
 * paper drops the packet of the highest rank when the buffer is full; this refuses the new one. Used by:
 * tests, benchmarks.  Uses: flow_pifo.h. */
#ifndef WEIR_PFABRIC_H
#define WEIR_PFABRIC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "rank_queue.h"

struct pfabric;

/* NULL where memory is out; nothing is allocated later. */
struct pfabric *pfabric_create(const struct rank_queue_ops *ops, uint32_t n_flows, uint32_t max_pkts);
void pfabric_destroy(struct pfabric *p);

/* A packet of 'flow', 0 .. n_flows - 1, that had 'remaining_bytes' left to send, itself included.
 * false: full, and nothing has changed. */
bool pfabric_push(struct pfabric *p, uint32_t flow, void *handle, uint64_t remaining_bytes);

/* NULL when empty. */
void *pfabric_pop(struct pfabric *p);

uint32_t pfabric_count(const struct pfabric *p);
bool pfabric_check(const struct pfabric *p, FILE *out);

#endif
