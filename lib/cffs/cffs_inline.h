/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to cffs.h: its structure, and the calls that every packet makes, in a header so that they vanish into their
 * callers.
 * Used by: cffs.h.  Uses: ffs_map.h. */
#ifndef WEIR_CFFS_INLINE_H
#define WEIR_CFFS_INLINE_H

#include <assert.h>

#include "cffs.h"
#include "ffs_map.h"

struct cffs_bucket {
	uint32_t head, tail;	/* one load gives both; CFFS_NONE: empty */
};

struct cffs {
	uint64_t base;			/* the window's first rank, a multiple of the bucket's width */
	char *nodes;			/* links, 'stride' bytes apart */
	uint32_t stride;
	uint32_t mask;
	unsigned int shift;
	uint32_t count;
	struct cffs_bucket *buckets;	/* by position on the circle: (rank >> shift) & mask */
	struct ffs_map map;		/* a bit a bucket: it is not empty */
};

static inline struct cffs_node *cffs_node_of(const struct cffs *q, uint32_t item)
{
	return (struct cffs_node *)(void *)(q->nodes + (size_t)item * q->stride);
}

static inline bool cffs_is_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

/* The circle closes at 2^64 too, as n_buckets << shift divides it. */
static inline uint32_t cffs_position(const struct cffs *q, uint64_t rank)
{
	return (uint32_t)(rank >> q->shift) & q->mask;
}

static inline uint64_t cffs_width(const struct cffs *q)
{
	return UINT64_C(1) << q->shift;
}

static inline uint64_t cffs_align_down(const struct cffs *q, uint64_t rank)
{
	return rank & ~(cffs_width(q) - 1);
}

/* The first rank of the bucket at 'pos', in the window as it stands now. */
static inline uint64_t cffs_bucket_start(const struct cffs *q, uint32_t pos)
{
	return q->base + ((uint64_t)((pos - cffs_position(q, q->base)) & q->mask) << q->shift);
}

static inline uint64_t cffs_span(const struct cffs *q)
{
	return ((uint64_t)q->mask + 1) << q->shift;
}

static inline bool cffs_is_empty(const struct cffs *q)
{
	return q->count == 0;
}

static inline uint32_t cffs_count(const struct cffs *q)
{
	return q->count;
}

static inline uint64_t cffs_base(const struct cffs *q)
{
	return q->base;
}

/* The position of the first bucket that is not empty, seen from the base around the circle.  Only with items inside. */
static inline uint32_t cffs_find_first(const struct cffs *q)
{
	return ffs_map_first_around(&q->map, cffs_position(q, q->base));
}

/* True when 'item' stands in an earlier bucket than its rank says: it was beyond the window when it came. */
static inline bool cffs_is_parked(const struct cffs *q, uint32_t pos, uint32_t item)
{
	return (int64_t)(cffs_node_of(q, item)->rank - cffs_bucket_start(q, pos)) >= (int64_t)cffs_width(q);
}

/* cffs.c: cffs_first() when the head of the first bucket is parked. */
uint32_t cffs_first_put_anew(struct cffs *q);

/* For who has the item's node at hand. */
static inline void cffs_push_node(struct cffs *q, uint32_t item, struct cffs_node *node, uint64_t rank)
{
	uint64_t ahead = rank - q->base;
	uint32_t pos = cffs_position(q, rank);

	assert(node->bucket == CFFS_NONE);
	if (__builtin_expect(ahead >= cffs_span(q), 0))	/* before the window: first bucket; beyond it: last */
		pos = (cffs_position(q, q->base) - ((int64_t)ahead < 0 ? 0 : 1)) & q->mask;

	struct cffs_bucket *b = &q->buckets[pos];
	uint32_t tail = b->tail;
	node->rank = rank;
	node->bucket = pos;
	node->next = CFFS_NONE;
	node->prev = tail;	/* nobody reads that of a head: see cffs_remove() */
	b->tail = item;
	if (tail == CFFS_NONE) {
		b->head = item;
		ffs_map_set(&q->map, pos);
	} else {
		cffs_node_of(q, tail)->next = item;
	}
	q->count++;
}

static inline void cffs_push(struct cffs *q, uint32_t item, uint64_t rank)
{
	cffs_push_node(q, item, cffs_node_of(q, item), rank);
}

/* Takes the head of the bucket at 'pos'.  The next item is not touched: it is in no cache yet, and a head's 'prev' means
 * nothing. */
static inline void cffs_remove_head(struct cffs *q, uint32_t pos, struct cffs_node *node)
{
	struct cffs_bucket *b = &q->buckets[pos];
	uint32_t next = node->next;

	b->head = next;
	if (next == CFFS_NONE) {
		b->tail = CFFS_NONE;
		ffs_map_clear(&q->map, pos);
	}
	node->bucket = CFFS_NONE;
	q->count--;
}

static inline void cffs_remove_node(struct cffs *q, uint32_t item, struct cffs_node *node)
{
	struct cffs_bucket *b = &q->buckets[node->bucket];
	uint32_t next = node->next;

	assert(node->bucket != CFFS_NONE);
	if (b->head == item) {
		cffs_remove_head(q, node->bucket, node);
		return;
	}
	cffs_node_of(q, node->prev)->next = next;
	if (next == CFFS_NONE)
		b->tail = node->prev;
	else
		cffs_node_of(q, next)->prev = node->prev;
	node->bucket = CFFS_NONE;
	q->count--;
}

static inline void cffs_remove(struct cffs *q, uint32_t item)
{
	cffs_remove_node(q, item, cffs_node_of(q, item));
}

static inline uint32_t cffs_first(struct cffs *q)
{
	if (q->count == 0)
		return CFFS_NONE;
	uint32_t pos = cffs_find_first(q);
	uint32_t item = q->buckets[pos].head;
	if (__builtin_expect(cffs_is_parked(q, pos, item), 0))
		return cffs_first_put_anew(q);
	return item;
}

static inline void cffs_advance(struct cffs *q, uint64_t rank)
{
	uint64_t to = cffs_align_down(q, rank);

	if ((int64_t)(to - q->base) <= 0)
		return;
	if (q->count != 0) {
		uint64_t first = cffs_bucket_start(q, cffs_find_first(q));
		if (cffs_is_before(first, to))
			to = first;
	}
	q->base = to;
}

static inline uint32_t cffs_pop_first(struct cffs *q)
{
	if (q->count == 0)
		return CFFS_NONE;
	uint32_t pos = cffs_find_first(q);
	uint32_t item = q->buckets[pos].head;
	struct cffs_node *node = cffs_node_of(q, item);
	uint64_t start = cffs_bucket_start(q, pos);
	if (__builtin_expect((int64_t)(node->rank - start) >= (int64_t)cffs_width(q), 0)) {	/* parked */
		item = cffs_first_put_anew(q);
		cffs_remove(q, item);
		cffs_advance(q, cffs_node_of(q, item)->rank);
		return item;
	}
	q->base = start;
	cffs_remove_head(q, pos, node);
	return item;
}

static inline uint32_t cffs_peek(const struct cffs *q, uint64_t *start)
{
	if (q->count == 0)
		return CFFS_NONE;
	uint32_t pos = cffs_find_first(q);
	*start = cffs_bucket_start(q, pos);
	return q->buckets[pos].head;
}

#endif
