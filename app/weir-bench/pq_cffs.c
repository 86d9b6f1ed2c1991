/* SPDX-License-Identifier: BSD-3-Clause */
/* Ours: cFFS on one circle, called as the scheduler calls it. */
#include <stdlib.h>

#include "cffs.h"
#include "hold.h"

struct ours {
	struct cffs *q;
	struct cffs_node *nodes;
};

static void *circle_create(const struct pq_size *size)
{
	struct ours *o = bench_alloc(sizeof(*o));

	o->nodes = bench_alloc(size->n_items * sizeof(*o->nodes));
	cffs_nodes_init(o->nodes, size->n_items);
	o->q = bench_not_null(cffs_create(size->n_slots, HOLD_SHIFT, o->nodes));
	return o;
}

static void circle_destroy(void *queue)
{
	struct ours *o = queue;

	cffs_destroy(o->q);
	free(o->nodes);
	free(o);
}

static inline void circle_push(void *queue, uint32_t item, uint64_t rank)
{
	struct ours *o = queue;

	cffs_push(o->q, item, rank);
}

static inline uint32_t circle_pop(void *queue, uint64_t *rank)
{
	struct ours *o = queue;
	uint32_t item = cffs_pop_first(o->q);

	*rank = o->nodes[item].rank;
	return item;
}

static uint64_t circle_hold(void *hold)
{
	return hold_loop(hold, circle_pop, circle_push);
}

const struct pq pq_weir = {BENCH_OURS, circle_create, circle_destroy, circle_push, circle_pop, circle_hold};
