/* SPDX-License-Identifier: BSD-3-Clause */
/* The extended PIFO of Eiffel (NSDI'19, section 3.2): flows stand in the queue and packets wait in the FIFO
 *of their flow. A flow's rank is computed anew on each packet that comes (rank per flow) and on each that
 *leaves (rank on dequeue), and the flow then stands where the new rank says: with all its packets, those that
 *came long before included.  A plain PIFO (pifo.h) ranks a packet once, alone.
 *
 * A policy is one function from what waits in a flow to its rank.  Longest queue first, for one:
 *	static uint64_t longest_first(const struct flow_view *flow) { return MAX_PKTS - flow->n_pkts; }
 * Of the flows of one rank, the one that has had it longest goes first, and keeps its turn for as long as it
 *has it. Packets of one flow are never reordered. Used by: pfabric.  Uses: rank_queue.h. */
#ifndef WEIR_FLOW_PIFO_H
#define WEIR_FLOW_PIFO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "rank_queue.h"

/* What waits in a flow: at least one packet. */
struct flow_view {
	uint32_t n_pkts;
	uint64_t head_value; /* of the packet that would go next */
	uint64_t min_value;  /* the least of all that wait */
};

typedef uint64_t flow_rank_fn(const struct flow_view *flow);

struct flow_pifo_params {
	const struct rank_queue_ops *ops;
	uint32_t n_buckets; /* see struct rank_queue_params */
	unsigned int shift;
	uint32_t max_pkts;
	uint32_t n_flows;
	flow_rank_fn *rank;
};

struct flow_pifo;

/* NULL where memory is out; nothing is allocated later. */
struct flow_pifo *flow_pifo_create(const struct flow_pifo_params *params);
void flow_pifo_destroy(struct flow_pifo *f);

/* A packet for 'flow', 0 .. n_flows - 1; what its 'value' means is the policy's matter.  'handle' stays the
 * caller's and must not be NULL.  false: full, and nothing has changed.  O(1) on average: a value may retire
 * many that were larger. */
bool flow_pifo_push(struct flow_pifo *f, uint32_t flow, void *handle, uint64_t value);

/* The first packet of the flow of the lowest rank, or NULL when empty.  'flow' may be NULL. */
void *flow_pifo_pop(struct flow_pifo *f, uint32_t *flow);

uint32_t flow_pifo_count(const struct flow_pifo *f);

/* Checks every invariant, slowly; says what is broken to 'out'. */
bool flow_pifo_check(const struct flow_pifo *f, FILE *out);

#endif
