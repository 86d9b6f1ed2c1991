/* SPDX-License-Identifier: BSD-3-Clause */
/* Ours: cFFS with the two windows of the paper. */
#include <stdlib.h>

#include "cffs_windows.h"
#include "hold.h"

struct ours {
	struct cffs_windows *q;
	struct cffs_node *nodes;
};

static void *windows_create(const struct pq_size *size)
{
	struct ours *o = bench_alloc(sizeof(*o));

	o->nodes = bench_alloc(size->n_items * sizeof(*o->nodes));
	cffs_nodes_init(o->nodes, size->n_items);
	o->q = bench_not_null(cffs_windows_create(size->n_slots, HOLD_SHIFT, o->nodes));
	return o;
}

static void windows_destroy(void *queue)
{
	struct ours *o = queue;

	cffs_windows_destroy(o->q);
	free(o->nodes);
	free(o);
}

static inline void windows_push(void *queue, uint32_t item, uint64_t rank)
{
	struct ours *o = queue;

	cffs_windows_push(o->q, item, rank);
}

static inline uint32_t windows_pop(void *queue, uint64_t *rank)
{
	struct ours *o = queue;
	uint32_t item = cffs_windows_first(o->q);

	*rank = o->nodes[item].rank;
	cffs_windows_remove(o->q, item);
	cffs_windows_advance(o->q, *rank);
	return item;
}

static uint64_t windows_hold(void *hold)
{
	return hold_loop(hold, windows_pop, windows_push);
}

const struct pq pq_windows = {
	"two-window cFFS", windows_create, windows_destroy, windows_push, windows_pop, windows_hold};
