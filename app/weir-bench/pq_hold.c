/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "bench.h"
#include "cffs.h"

struct hold {
	struct cffs *q;
	struct cffs_node *nodes;
	struct bench_rng rng;
};

static uint64_t hold_cffs(void *ctx)
{
	struct hold *h = ctx;

	for (uint32_t i = 0; i < 4096; i++) {
		uint32_t item = cffs_first(h->q);
		uint64_t now = h->nodes[item].rank;
		cffs_remove(h->q, item);
		cffs_advance(h->q, now);
		cffs_push(h->q, item, now + bench_rng_below(&h->rng, 16384));
	}
	return 4096;
}

static void run(struct bench *b)
{
	struct hold h = {.nodes = bench_alloc(16384 * sizeof(struct cffs_node))};

	bench_rng_init(&h.rng, bench_seed(b));
	cffs_nodes_init(h.nodes, 16384);
	h.q = cffs_create(16384, 0, h.nodes);
	for (uint32_t i = 0; i < 16384; i++)
		cffs_push(h.q, i, bench_rng_below(&h.rng, 16384));
	struct bench_contender weir = {.name = BENCH_OURS, .ctx = &h, .trial = hold_cffs};
	bench_plan(b, 1);
	bench_interleave(b, "uniform 16K/16K", &weir, 1, NULL);
	bench_bar(b, "pop + push, 16K items / 16K slots", bench_value(b, "uniform 16K/16K", BENCH_OURS, "cycles"),
		BENCH_AT_MOST, 55, "cycles");
	cffs_destroy(h.q);
	free(h.nodes);
}

const struct bench_suite suite_pq_hold = {
	.name = "pq_hold",
	.about = "the queue in the hold model: pop the first, push it at a later rank; a unit is one pop + push",
	.run = run,
};
