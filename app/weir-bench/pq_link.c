/* SPDX-License-Identifier: BSD-3-Clause */
/* pq_link: where a packet's link lives.  The same small queue three times (bitmap, slots of head and tail), in turns
 * of 32: take 32, read and write line 0 of their mbufs, put them back.  Only the place of the 4-byte link differs:
 * an array of its own, line 0 of the mbuf (hash.usr), or line 1 (where m->next and the dynamic fields are).
 * With the array all 32 mbufs are known, and prefetched, before the first is touched; a link inside the mbuf makes
 * the walk along a slot a chain of misses. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "bench.h"
#include "ffs_map.h"

#define BURST	     32u
#define STRIDE_BYTES 2432u	/* mbuf, headroom, 2 KB, mempool header: what a pool of the usual size has */
#define NONE	     UINT32_MAX
#define TRACE	     4096u
#define PAIRS	     4096u

enum place { SIDE, LINE_0, LINE_1 };

static const char *const place_names[] = {"weir", "in mbuf line 0", "in mbuf line 1"};

struct slot {
	uint32_t head, tail;
};

struct link_queue {
	struct slot *slots;
	struct ffs_map map;
	uint32_t mask, now;
	uint32_t *side;
	char *mbufs;
	const uint32_t *later;	/* in slots */
	uint32_t at;
};

static inline struct rte_mbuf *mbuf_of(const struct link_queue *q, uint32_t item)
{
	return (struct rte_mbuf *)(void *)(q->mbufs + (size_t)item * STRIDE_BYTES);
}

static inline __attribute__((always_inline)) uint32_t *link_of(const struct link_queue *q, enum place place,
	uint32_t item)
{
	if (place == SIDE)
		return &q->side[item];
	if (place == LINE_0)
		return &mbuf_of(q, item)->hash.usr;
	return &mbuf_of(q, item)->dynfield1[0];
}

static inline __attribute__((always_inline)) void put(struct link_queue *q, enum place place, uint32_t item,
	uint32_t slot)
{
	struct slot *s = &q->slots[slot & q->mask];

	*link_of(q, place, item) = NONE;
	if (s->head == NONE) {
		s->head = item;
		ffs_map_set(&q->map, slot & q->mask);
	} else {
		*link_of(q, place, s->tail) = item;
	}
	s->tail = item;
}

static inline __attribute__((always_inline)) uint32_t take(struct link_queue *q, enum place place)
{
	uint32_t slot = ffs_map_first_around(&q->map, q->now);
	struct slot *s = &q->slots[slot];
	uint32_t item = s->head;

	q->now = slot;
	s->head = *link_of(q, place, item);
	if (s->head == NONE)
		ffs_map_clear(&q->map, slot);
	return item;
}

static inline __attribute__((always_inline)) uint64_t turns(struct link_queue *q, enum place place)
{
	uint32_t burst[BURST];

	for (uint32_t n = 0; n < PAIRS; n += BURST) {
		for (uint32_t i = 0; i < BURST; i++) {
			burst[i] = take(q, place);
			rte_prefetch0(mbuf_of(q, burst[i]));
		}
		for (uint32_t i = 0; i < BURST; i++) {
			struct rte_mbuf *m = mbuf_of(q, burst[i]);
			m->ol_flags = m->pkt_len;
			put(q, place, burst[i], q->now + q->later[q->at++ % TRACE]);
		}
	}
	return PAIRS;
}

static uint64_t turns_side(void *ctx)
{
	return turns(ctx, SIDE);
}

static uint64_t turns_line_0(void *ctx)
{
	return turns(ctx, LINE_0);
}

static uint64_t turns_line_1(void *ctx)
{
	return turns(ctx, LINE_1);
}

static void fill(struct link_queue *q, enum place place, uint32_t n_items, uint32_t n_slots, struct bench_rng *r)
{
	*q = (struct link_queue){
		.slots = bench_alloc(n_slots * sizeof(struct slot)),
		.map.leaf = bench_alloc(n_slots / 8),
		.mask = n_slots - 1,
		.side = bench_alloc(n_items * sizeof(uint32_t)),
		.mbufs = bench_alloc((size_t)n_items * STRIDE_BYTES),
		.later = q->later,
	};
	for (uint32_t i = 0; i < n_slots; i++)
		q->slots[i] = (struct slot){NONE, NONE};
	for (uint32_t i = 0; i < n_items; i++) {
		mbuf_of(q, i)->pkt_len = 60;
		put(q, place, i, bench_rng_below(r, n_slots));
	}
}

static void empty(struct link_queue *q)
{
	free(q->slots);
	free(q->map.leaf);
	free(q->side);
	free(q->mbufs);
}

/* After a first round in order of birth, items lie in their slots as chance will have it, as packets do. */
static void run_case(struct bench *b, const char *name, uint32_t n_items, uint32_t n_slots)
{
	static uint64_t (*const trials[])(void *) = {turns_side, turns_line_0, turns_line_1};
	uint32_t *later = bench_alloc(TRACE * sizeof(*later));
	struct bench_contender list[3];
	struct link_queue queues[3];
	struct bench_rng r;

	bench_rng_init(&r, bench_seed(b));
	for (uint32_t i = 0; i < TRACE; i++)
		later[i] = bench_rng_below(&r, n_slots - 1);
	for (enum place place = SIDE; place <= LINE_1; place++) {
		struct bench_rng same = r;
		bench_progress(b, "%s: filling", name);
		queues[place].later = later;
		fill(&queues[place], place, n_items, n_slots, &same);
		list[place] = (struct bench_contender){
			.name = place_names[place], .ctx = &queues[place], .trial = trials[place]};
		for (uint32_t n = 0; n < 4 * n_items; n += PAIRS)
			trials[place](&queues[place]);
	}
	bench_interleave(b, name, list, 3, NULL);
	for (enum place place = SIDE; place <= LINE_1; place++)
		empty(&queues[place]);
	free(later);
}

static void run(struct bench *b)
{
	static const char deep[] = "64K/16K";

	bench_plan(b, 3);
	run_case(b, "4K/4K", 4096, 4096);
	run_case(b, "64K/64K", 65536, 65536);
	run_case(b, deep, 65536, 16384);

	double ours = bench_value(b, deep, BENCH_OURS, "cycles");
	bench_bar(b, "side array against line 0, 64K items / 16K slots",
		bench_value(b, deep, place_names[LINE_0], "cycles") / ours, BENCH_AT_LEAST, 2, "times faster");
	bench_bar(b, "side array against line 1, 64K items / 16K slots",
		bench_value(b, deep, place_names[LINE_1], "cycles") / ours, BENCH_AT_LEAST, 2, "times faster");
	bench_note(b, "all three prefetch line 0 of each mbuf taken; 'weir' is the side array, as lib/cffs has it");
}

const struct bench_suite suite_pq_link = {
	.name = "pq_link",
	.about = "where the link lives, items/slots: side array or mbuf; a unit is take, touch the mbuf, put; bursts of 32",
	.run = run,
};
