/* SPDX-License-Identifier: BSD-3-Clause */
/* Heaps with two and with four children a node: rank and item side by side in one array, a hole that moves instead of
 * swaps, four siblings in one cache line.  Better than most in use: no index of where an item is (so none can be
 * removed from the middle), and equal ranks leave in any order. */
#include <stdlib.h>

#include "hold.h"

struct entry {
	uint64_t rank;
	uint64_t item;	/* 16 bytes in all: siblings do not straddle lines */
};

struct heap {
	struct entry *memory, *entries;
	uint32_t n;
};

static void *heap_create(const struct pq_size *size, unsigned int arity)
{
	struct heap *h = bench_alloc(sizeof(*h));

	/* the children of 0 are 1 .. arity: the array is shifted so that entry 1 begins a line */
	h->memory = bench_alloc((size->n_items + 2 * arity) * sizeof(struct entry));
	h->entries = h->memory + arity - 1;
	return h;
}

static void heap_destroy(void *queue)
{
	struct heap *h = queue;

	free(h->memory);
	free(h);
}

static inline __attribute__((always_inline)) void heap_push(struct heap *h, uint32_t arity, uint32_t item,
	uint64_t rank)
{
	uint32_t hole = h->n++;

	while (hole > 0) {
		uint32_t parent = (hole - 1) / arity;
		if (h->entries[parent].rank <= rank)
			break;
		h->entries[hole] = h->entries[parent];
		hole = parent;
	}
	h->entries[hole] = (struct entry){rank, item};
}

static inline __attribute__((always_inline)) uint32_t least_child(const struct heap *h, uint32_t arity,
	uint32_t first)
{
	uint32_t end = first + arity < h->n ? first + arity : h->n;
	uint32_t least = first;

	for (uint32_t child = first + 1; child < end; child++)
		least = h->entries[child].rank < h->entries[least].rank ? child : least;
	return least;
}

static inline __attribute__((always_inline)) uint32_t heap_pop(struct heap *h, uint32_t arity, uint64_t *rank)
{
	struct entry top = h->entries[0];
	struct entry last = h->entries[--h->n];
	uint32_t hole = 0;

	for (;;) {
		uint32_t first = hole * arity + 1;
		if (first >= h->n)
			break;
		uint32_t child = least_child(h, arity, first);
		if (h->entries[child].rank >= last.rank)
			break;
		h->entries[hole] = h->entries[child];
		hole = child;
	}
	h->entries[hole] = last;
	*rank = top.rank;
	return (uint32_t)top.item;
}

static void *heap2_create(const struct pq_size *size)
{
	return heap_create(size, 2);
}

static inline void heap2_push(void *queue, uint32_t item, uint64_t rank)
{
	heap_push(queue, 2, item, rank);
}

static inline uint32_t heap2_pop(void *queue, uint64_t *rank)
{
	return heap_pop(queue, 2, rank);
}

static uint64_t heap2_hold(void *hold)
{
	return hold_loop(hold, heap2_pop, heap2_push);
}

static void *heap4_create(const struct pq_size *size)
{
	return heap_create(size, 4);
}

static inline void heap4_push(void *queue, uint32_t item, uint64_t rank)
{
	heap_push(queue, 4, item, rank);
}

static inline uint32_t heap4_pop(void *queue, uint64_t *rank)
{
	return heap_pop(queue, 4, rank);
}

static uint64_t heap4_hold(void *hold)
{
	return hold_loop(hold, heap4_pop, heap4_push);
}

const struct pq pq_heap2 = {"binary heap", heap2_create, heap_destroy, heap2_push, heap2_pop, heap2_hold};
const struct pq pq_heap4 = {"4-ary heap", heap4_create, heap_destroy, heap4_push, heap4_pop, heap4_hold};
