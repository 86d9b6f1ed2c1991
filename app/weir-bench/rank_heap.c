/* SPDX-License-Identifier: BSD-3-Clause */
/* A binary heap behind cffs/rank_queue.h: exact ranks, of equal ones the first pushed, and an index of where each item is,
 * so that one can be taken from the middle. */
#include "rank_heap.h"

#include <stdlib.h>

struct entry {
	uint64_t rank;
	uint32_t seq;			/* in the order they came; wraps far beyond what waits */
	uint32_t item;
};

struct rank_heap {
	struct cffs_node *nodes;	/* 'bucket': its place */
	struct entry *entries;
	uint32_t n, seq;
};

static inline bool is_before(const struct entry *a, const struct entry *b)
{
	return a->rank != b->rank ? (int64_t)(a->rank - b->rank) < 0 : (int32_t)(a->seq - b->seq) < 0;
}

static inline void place(struct rank_heap *h, uint32_t at, const struct entry *e)
{
	h->entries[at] = *e;
	h->nodes[e->item].bucket = at;
}

static inline void up(struct rank_heap *h, uint32_t at, const struct entry *e)
{
	for (; at > 0 && is_before(e, &h->entries[(at - 1) / 2]); at = (at - 1) / 2)
		place(h, at, &h->entries[(at - 1) / 2]);
	place(h, at, e);
}

static inline void down(struct rank_heap *h, uint32_t at, const struct entry *e)
{
	for (uint32_t child; (child = 2 * at + 1) < h->n; at = child) {
		if (child + 1 < h->n && is_before(&h->entries[child + 1], &h->entries[child]))
			child++;
		if (!is_before(&h->entries[child], e))
			break;
		place(h, at, &h->entries[child]);
	}
	place(h, at, e);
}

static void heap_push(void *q, uint32_t item, uint64_t rank)
{
	struct rank_heap *h = q;

	h->nodes[item].rank = rank;
	up(h, h->n++, &(struct entry){rank, h->seq++, item});
}

static void heap_remove(void *q, uint32_t item)
{
	struct rank_heap *h = q;
	uint32_t at = h->nodes[item].bucket;

	h->nodes[item].bucket = CFFS_NONE;
	struct entry last = h->entries[--h->n];
	if (at == h->n)
		return;
	if (at > 0 && is_before(&last, &h->entries[(at - 1) / 2]))
		up(h, at, &last);
	else
		down(h, at, &last);
}

static uint32_t heap_first(void *q)
{
	const struct rank_heap *h = q;

	return h->n > 0 ? h->entries[0].item : CFFS_NONE;
}

static uint32_t heap_pop_first(void *q)
{
	uint32_t item = heap_first(q);

	if (item != CFFS_NONE)
		heap_remove(q, item);
	return item;
}

static void heap_advance(void *q, uint64_t rank)
{
	(void)q;
	(void)rank;
}

static uint32_t heap_count(const void *q)
{
	return ((const struct rank_heap *)q)->n;
}

static bool heap_check(const void *q, FILE *out)
{
	const struct rank_heap *h = q;

	for (uint32_t i = 0; i < h->n; i++) {
		if (i > 0 && is_before(&h->entries[i], &h->entries[(i - 1) / 2])) {
			fprintf(out, "rank_heap: entry %u is before its parent\n", i);
			return false;
		}
		if (h->nodes[h->entries[i].item].bucket != i) {
			fprintf(out, "rank_heap: item %u does not know its place %u\n", h->entries[i].item, i);
			return false;
		}
	}
	return true;
}

static void heap_destroy(void *q)
{
	struct rank_heap *h = q;

	free(h->entries);
	free(h);
}

static void *heap_create(const struct rank_queue_params *params)
{
	struct rank_heap *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->nodes = params->nodes;
	h->entries = calloc(params->n_items, sizeof(*h->entries));
	if (h->entries == NULL) {
		free(h);
		return NULL;
	}
	return h;
}

const struct rank_queue_ops rank_queue_heap = {
	.name = "binary heap",
	.create = heap_create,
	.destroy = heap_destroy,
	.push = heap_push,
	.pop_first = heap_pop_first,
	.remove = heap_remove,
	.first = heap_first,
	.advance = heap_advance,
	.count = heap_count,
	.check = heap_check,
};
