/* SPDX-License-Identifier: BSD-3-Clause */
/* The buckets of both windows stand in one array, a half each, and behind them the two places to park in.
 * What is parked behind the secondary when the windows swap is then the primary's: unsettled, as it may
 * belong anywhere by now.  It is put anew from its tail to the heads of the buckets, so that of equal ranks
 * the first pushed stays the first: it came before everything in those buckets, which were not yet covered
 * then. */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "ffs_map.h"
#include "rank_queue_form.h"
#pragma GCC visibility push(hidden) /* else, compiled as for a shared object, no call is inline here */
#include "cffs_windows.h"
#pragma GCC visibility pop

#define MAX_MOVES 8u /* parked items put anew, or looked at, by one call */

#define unlikely(x) __builtin_expect(!!(x), 0)

struct window_bucket {
	uint32_t head, tail; /* CFFS_NONE: empty */
};

struct cffs_windows {
	uint64_t base;  /* a multiple of the bucket's width, inside the primary */
	uint64_t reach; /* from the base to the secondary's end */
	uint64_t start; /* the primary's first rank */
	struct cffs_node *nodes;
	struct window_bucket *buckets; /* 2 x n_buckets, then parked[2] */
	uint32_t n_buckets;
	uint32_t count;
	unsigned int shift;
	unsigned int primary;   /* 0 or 1: which half */
	uint64_t parked_min[2]; /* no rank parked there is before this */
	struct ffs_map map[2];
};

static inline bool is_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

static inline uint64_t width(const struct cffs_windows *q)
{
	return UINT64_C(1) << q->shift;
}

static inline uint64_t align_down(const struct cffs_windows *q, uint64_t rank)
{
	return rank & ~(width(q) - 1);
}

static inline uint64_t span(const struct cffs_windows *q)
{
	return (uint64_t)q->n_buckets << q->shift;
}

/* The bucket of a rank that is at or after the primary's start and covered.  The number of buckets is a power
 * of two, so that going into the other half is one bit. */
static inline uint32_t bucket_of(const struct cffs_windows *q, uint64_t rank)
{
	return (uint32_t)((rank - q->start) >> q->shift) ^ (q->primary ? q->n_buckets : 0);
}

/* The first rank of bucket 'i' of 'half', in the windows as they stand now. */
static inline uint64_t bucket_start(const struct cffs_windows *q, unsigned int half, uint32_t i)
{
	return q->start + ((uint64_t)i << q->shift) + (half == q->primary ? 0 : span(q));
}

static inline uint32_t parking(const struct cffs_windows *q, unsigned int half)
{
	return 2 * q->n_buckets + half;
}

static inline uint32_t parked_head(const struct cffs_windows *q, unsigned int half)
{
	return q->buckets[parking(q, half)].head;
}

static inline bool is_unsettled(const struct cffs_windows *q)
{
	return parked_head(q, q->primary) != CFFS_NONE;
}

/* Index in its half of the first bucket with items; the half must have some. */
static inline uint32_t first_of_half(const struct cffs_windows *q, unsigned int half)
{
	const struct ffs_map *map = &q->map[half];

	if (half != q->primary)
		return ffs_map_first(map);
	return ffs_map_first_from(map, (uint32_t)((q->base - q->start) >> q->shift));
}

static inline uint32_t head_of_half(const struct cffs_windows *q, unsigned int half)
{
	return q->buckets[half * q->n_buckets + first_of_half(q, half)].head;
}

/* The bucket was empty and is not any more; the places to park in have no bit. */
static inline void mark_filled(struct cffs_windows *q, uint32_t bucket)
{
	if (bucket < 2 * q->n_buckets)
		ffs_map_set(&q->map[bucket >= q->n_buckets], bucket & (q->n_buckets - 1));
}

static inline void link_tail(struct cffs_windows *q, uint32_t bucket, uint32_t item)
{
	struct window_bucket *b = &q->buckets[bucket];
	struct cffs_node *node = &q->nodes[item];
	uint32_t tail = b->tail;

	node->bucket = bucket;
	node->next = CFFS_NONE;
	node->prev = tail;
	b->tail = item;
	if (tail == CFFS_NONE) {
		b->head = item;
		mark_filled(q, bucket);
	} else {
		q->nodes[tail].next = item;
	}
}

static inline void link_head(struct cffs_windows *q, uint32_t bucket, uint32_t item)
{
	struct window_bucket *b = &q->buckets[bucket];
	struct cffs_node *node = &q->nodes[item];
	uint32_t head = b->head;

	node->bucket = bucket;
	node->prev = CFFS_NONE;
	node->next = head;
	b->head = item;
	if (head == CFFS_NONE) {
		b->tail = item;
		mark_filled(q, bucket);
	} else {
		q->nodes[head].prev = item;
	}
}

static inline void unlink_item(struct cffs_windows *q, uint32_t item)
{
	struct cffs_node *node = &q->nodes[item];
	uint32_t bucket = node->bucket;
	struct window_bucket *b = &q->buckets[bucket];
	uint32_t next = node->next;
	uint32_t prev = node->prev;

	if (prev == CFFS_NONE)
		b->head = next;
	else
		q->nodes[prev].next = next;
	if (next == CFFS_NONE)
		b->tail = prev;
	else
		q->nodes[next].prev = prev;
	if (b->head == CFFS_NONE && bucket < 2 * q->n_buckets)
		ffs_map_clear(&q->map[bucket >= q->n_buckets], bucket & (q->n_buckets - 1));
	node->bucket = CFFS_NONE;
}

/* A rank is about to be parked behind the secondary. */
static inline void note_parked(struct cffs_windows *q, uint64_t rank)
{
	unsigned int half = q->primary ^ 1;

	if (parked_head(q, half) == CFFS_NONE || is_before(rank, q->parked_min[half]))
		q->parked_min[half] = rank;
}

/* The primary begins at 'start' and holds the base. */
static inline void set_windows(struct cffs_windows *q, uint64_t start, uint64_t base)
{
	assert(base - start < span(q));
	q->start = start;
	q->base = base;
	q->reach = start + 2 * span(q) - base;
}

struct cffs_windows *cffs_windows_create(uint32_t n_buckets, unsigned int shift, struct cffs_node *nodes)
{
	assert(n_buckets >= CFFS_MIN_BUCKETS && n_buckets <= CFFS_MAX_BUCKETS);
	assert((n_buckets & (n_buckets - 1)) == 0);
	assert(shift + (unsigned int)__builtin_ctz(n_buckets) <= CFFS_WINDOWS_MAX_SPAN_BITS);

	struct cffs_windows *q = calloc(1, sizeof(*q));
	if (q == NULL)
		return NULL;
	q->buckets = calloc(2 * n_buckets + 2, sizeof(*q->buckets));
	q->map[0].leaf = calloc(n_buckets / FFS_MAP_WORD_BITS, sizeof(uint64_t));
	q->map[1].leaf = calloc(n_buckets / FFS_MAP_WORD_BITS, sizeof(uint64_t));
	if (q->buckets == NULL || q->map[0].leaf == NULL || q->map[1].leaf == NULL) {
		cffs_windows_destroy(q);
		return NULL;
	}
	for (uint32_t i = 0; i < 2 * n_buckets + 2; i++)
		q->buckets[i] = (struct window_bucket){CFFS_NONE, CFFS_NONE};
	q->n_buckets = n_buckets;
	q->shift = shift;
	q->nodes = nodes;
	set_windows(q, 0, 0);
	return q;
}

void cffs_windows_destroy(struct cffs_windows *q)
{
	if (q == NULL)
		return;
	free(q->map[0].leaf);
	free(q->map[1].leaf);
	free(q->buckets);
	free(q);
}

void cffs_windows_push(struct cffs_windows *q, uint32_t item, uint64_t rank)
{
	uint64_t ahead = rank - q->base;
	uint32_t bucket;

	assert(q->nodes[item].bucket == CFFS_NONE);
	if (unlikely(ahead >= q->reach)) {
		if ((int64_t)ahead < 0) {
			bucket = bucket_of(q, q->base);
		} else {
			bucket = parking(q, q->primary ^ 1);
			note_parked(q, rank);
		}
	} else {
		bucket = bucket_of(q, rank);
	}
	q->nodes[item].rank = rank;
	link_tail(q, bucket, item);
	q->count++;
}

void cffs_windows_remove(struct cffs_windows *q, uint32_t item)
{
	assert(q->nodes[item].bucket != CFFS_NONE);
	unlink_item(q, item);
	q->count--;
}

/* Puts up to MAX_MOVES of the unsettled items where they belong by now: see the top. */
static __attribute__((noinline)) void settle(struct cffs_windows *q)
{
	const struct window_bucket *unsettled = &q->buckets[parking(q, q->primary)];

	for (uint32_t i = 0; i < MAX_MOVES && unsettled->tail != CFFS_NONE; i++) {
		uint32_t item = unsettled->tail;
		uint64_t rank = q->nodes[item].rank;
		unlink_item(q, item);
		if (rank - q->base < q->reach) {
			link_head(q, bucket_of(q, rank), item);
		} else {
			note_parked(q, rank);
			link_head(q, parking(q, q->primary ^ 1), item);
		}
	}
}

/* The earliest of the first MAX_MOVES parked items; of one bucket's ranks the first. */
static uint32_t earliest_parked(const struct cffs_windows *q, unsigned int half)
{
	uint32_t item = parked_head(q, half);
	uint32_t best = item;

	for (uint32_t i = 0; i < MAX_MOVES && item != CFFS_NONE; i++, item = q->nodes[item].next)
		if (is_before(q->nodes[item].rank, align_down(q, q->nodes[best].rank)))
			best = item;
	return best;
}

/* The first of what is settled, or CFFS_NONE.  The windows stand where they are, though the primary may be
 * empty. */
static inline uint32_t first_settled(const struct cffs_windows *q)
{
	if (!ffs_map_is_empty(&q->map[q->primary]))
		return head_of_half(q, q->primary);
	if (!ffs_map_is_empty(&q->map[q->primary ^ 1]))
		return head_of_half(q, q->primary ^ 1);
	return earliest_parked(q, q->primary ^ 1);
}

/* cffs_windows_first() while some are unsettled: they matter when they come before the first of the others.
 */
static __attribute__((noinline)) uint32_t first_unsettled(struct cffs_windows *q)
{
	uint64_t unsettled_min = align_down(q, q->parked_min[q->primary]);
	uint32_t settled = first_settled(q);

	if (settled != CFFS_NONE && is_before(q->nodes[settled].rank, unsettled_min))
		return settled;
	settle(q);
	settled = first_settled(q);
	uint32_t unsettled = earliest_parked(q, q->primary);
	if (unsettled == CFFS_NONE)
		return settled;
	if (settled == CFFS_NONE ||
		!is_before(q->nodes[settled].rank, align_down(q, q->nodes[unsettled].rank)))
		return unsettled;
	return settled;
}

uint32_t cffs_windows_first(struct cffs_windows *q)
{
	if (unlikely(is_unsettled(q)))
		return first_unsettled(q);
	return first_settled(q);
}

/* As first_settled(), but the bucket as it stands and its first rank. */
static uint32_t peek_settled(const struct cffs_windows *q, uint64_t *start)
{
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int half = q->primary ^ i;
		if (ffs_map_is_empty(&q->map[half]))
			continue;
		*start = bucket_start(q, half, first_of_half(q, half));
		return head_of_half(q, half);
	}
	*start = align_down(q, q->parked_min[q->primary ^ 1]);
	return parked_head(q, q->primary ^ 1);
}

uint32_t cffs_windows_peek(const struct cffs_windows *q, uint64_t *start)
{
	if (q->count == 0)
		return CFFS_NONE;
	uint64_t settled_start;
	uint64_t unsettled_start = align_down(q, q->parked_min[q->primary]);
	uint32_t item = peek_settled(q, &settled_start);
	if (is_unsettled(q) && (item == CFFS_NONE || !is_before(settled_start, unsettled_start))) {
		*start = unsettled_start;
		return parked_head(q, q->primary);
	}
	*start = settled_start;
	return item;
}

/* The primary is behind: the secondary takes its place, and what is parked behind it is to be settled. */
static inline void swap(struct cffs_windows *q)
{
	assert(ffs_map_is_empty(&q->map[q->primary]) && !is_unsettled(q));
	q->primary ^= 1;
}

void cffs_windows_advance(struct cffs_windows *q, uint64_t rank)
{
	uint64_t to = align_down(q, rank);
	uint64_t start;

	if (unlikely(is_unsettled(q)))
		settle(q);
	if ((int64_t)(to - q->base) <= 0)
		return;
	if (cffs_windows_peek(q, &start) == CFFS_NONE) {
		set_windows(q, to, to);
		return;
	}
	if (is_before(start, to))
		to = start;
	uint64_t ahead = to - q->start;
	if (ahead < span(q)) {
		set_windows(q, q->start, to);
	} else if (is_unsettled(q)) { /* a crowd: not before it is through */
		set_windows(q, q->start, q->start + span(q) - width(q));
	} else {
		swap(q);
		set_windows(q, ahead < 2 * span(q) ? q->start + span(q) : to, to);
	}
}

void cffs_windows_rebase(struct cffs_windows *q, uint64_t rank)
{
	assert(q->count == 0);
	set_windows(q, align_down(q, rank), align_down(q, rank));
}

bool cffs_windows_covers(const struct cffs_windows *q, uint64_t rank)
{
	return rank - q->base < q->reach;
}

bool cffs_windows_is_empty(const struct cffs_windows *q)
{
	return q->count == 0;
}

uint32_t cffs_windows_count(const struct cffs_windows *q)
{
	return q->count;
}

uint64_t cffs_windows_base(const struct cffs_windows *q)
{
	return q->base;
}

uint64_t cffs_windows_span(const struct cffs_windows *q)
{
	return span(q);
}

/* Says what is broken; always false, to be returned. */
__attribute__((format(printf, 2, 3))) static bool broken(FILE *out, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("cffs_windows: ", out);
	vfprintf(out, format, args);
	fputc('\n', out);
	va_end(args);
	return false;
}

/* Is the item's rank one that may stand in its bucket? */
static bool is_placed(const struct cffs_windows *q, uint32_t bucket, uint64_t rank)
{
	unsigned int half = bucket < 2 * q->n_buckets ? bucket >= q->n_buckets : bucket - 2 * q->n_buckets;

	if (bucket >= 2 * q->n_buckets) {
		uint64_t from = half == q->primary ? q->base : q->base + q->reach;
		return !is_before(rank, from) && !is_before(rank, q->parked_min[half]);
	}
	if (is_before(rank, q->base))
		return bucket == bucket_of(q, q->base);
	return rank - bucket_start(q, half, bucket & (q->n_buckets - 1)) < width(q);
}

/* Counts the bucket's items into 'n'. */
static bool check_bucket(const struct cffs_windows *q, uint32_t bucket, uint32_t *n, FILE *out)
{
	uint32_t prev = CFFS_NONE;

	for (uint32_t item = q->buckets[bucket].head; item != CFFS_NONE; item = q->nodes[item].next) {
		const struct cffs_node *node = &q->nodes[item];
		if (++*n > q->count)
			return broken(out, "more items than the count, %" PRIu32, q->count);
		if (node->bucket != bucket || node->prev != prev)
			return broken(
				out, "item %" PRIu32 " in bucket %" PRIu32 ": wrong links", item, bucket);
		if (!is_placed(q, bucket, node->rank))
			return broken(out, "item %" PRIu32 " of rank %" PRIu64 " stands in bucket %" PRIu32,
				item, node->rank, bucket);
		prev = item;
	}
	return q->buckets[bucket].tail == prev || broken(out, "bucket %" PRIu32 ": wrong tail", bucket);
}

/* The leaves say which buckets have items, the summaries what the leaves say. */
static bool check_map(const struct cffs_windows *q, unsigned int half, FILE *out)
{
	const struct ffs_map *map = &q->map[half];

	for (uint32_t i = 0; i < q->n_buckets; i++) {
		bool is_marked = (map->leaf[i / FFS_MAP_WORD_BITS] & ffs_map_bit(i)) != 0;
		if (is_marked != (q->buckets[half * q->n_buckets + i].head != CFFS_NONE))
			return broken(out, "half %u, bucket %" PRIu32 ": its bit is %d", half, i, is_marked);
	}
	return ffs_map_check(map, q->n_buckets / FFS_MAP_WORD_BITS) ||
	       broken(out, "half %u: wrong summary", half);
}

bool cffs_windows_check(const struct cffs_windows *q, FILE *out)
{
	uint32_t n = 0;

	if (q->base - q->start >= span(q) || q->base != align_down(q, q->base))
		return broken(out, "base %" PRIu64 ", the primary starts at %" PRIu64, q->base, q->start);
	if (q->base + q->reach != q->start + 2 * span(q))
		return broken(out, "reach %" PRIu64, q->reach);
	for (uint32_t bucket = 0; bucket < 2 * q->n_buckets + 2; bucket++)
		if (!check_bucket(q, bucket, &n, out))
			return false;
	if (n != q->count)
		return broken(out, "%" PRIu32 " items found, the count is %" PRIu32, n, q->count);
	return check_map(q, 0, out) && check_map(q, 1, out);
}

RANK_QUEUE_FORM(cffs_windows, rank_queue_windows);
