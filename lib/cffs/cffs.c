/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "cffs.h"

#define WORD_BITS  64u
#define MAX_GROUPS 64u
#define MAX_MOVES  8u /* items put anew by one cffs_first() */

#define unlikely(x) __builtin_expect(!!(x), 0)

struct bucket {
	uint32_t head, tail; /* one load gives both; CFFS_NONE: empty */
};

struct cffs {
	uint64_t base; /* the window's first rank, a multiple of the bucket's width */
	struct cffs_node *nodes;
	struct bucket *buckets; /* by position on the circle: (rank >> shift) & mask */
	uint64_t *leaf;         /* a bit a bucket: it is not empty */
	uint32_t mask;
	uint32_t count;
	unsigned int shift;
	uint64_t top;               /* a bit a word of 'group' */
	uint64_t group[MAX_GROUPS]; /* a bit a word of 'leaf' */
};

/* The circle closes at 2^64 too, as n_buckets << shift divides it. */
static inline uint32_t position(const struct cffs *q, uint64_t rank)
{
	return (uint32_t)(rank >> q->shift) & q->mask;
}

static inline uint64_t width(const struct cffs *q)
{
	return UINT64_C(1) << q->shift;
}

static inline uint64_t align_down(const struct cffs *q, uint64_t rank)
{
	return rank & ~(width(q) - 1);
}

/* The first rank of the bucket at 'pos', in the window as it stands now. */
static inline uint64_t bucket_start(const struct cffs *q, uint32_t pos)
{
	return q->base + ((uint64_t)((pos - position(q, q->base)) & q->mask) << q->shift);
}

static inline uint32_t last_position(const struct cffs *q)
{
	return (position(q, q->base) - 1) & q->mask;
}

static inline bool is_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

/* True when 'item' stands in an earlier bucket than its rank says: it was beyond the window when it came. */
static inline bool is_parked(const struct cffs *q, uint32_t pos, uint32_t item)
{
	return (int64_t)(q->nodes[item].rank - bucket_start(q, pos)) >= (int64_t)width(q);
}

static inline uint64_t bit(uint32_t i)
{
	return UINT64_C(1) << (i % WORD_BITS);
}

/* All bits above bit i; none above 63. */
static inline uint64_t bits_above(uint32_t i)
{
	return ~UINT64_C(1) << (i % WORD_BITS);
}

static inline uint32_t lowest(uint64_t bits)
{
	return (uint32_t)__builtin_ctzll(bits);
}

/* The position of the first bucket that is not empty, seen from the base around the circle.  Only with items
 * inside. The word under the base comes first: in a busy queue the answer is nearly always there. */
static inline uint32_t find_first(const struct cffs *q)
{
	uint32_t from = position(q, q->base);
	uint32_t word = from / WORD_BITS;
	uint64_t bits = q->leaf[word] & (~UINT64_C(0) << (from % WORD_BITS));

	if (bits != 0)
		return word * WORD_BITS + lowest(bits);

	uint32_t group = word / WORD_BITS;
	bits = q->group[group] & bits_above(word);
	if (bits == 0) {
		bits = q->top & bits_above(group);
		if (bits == 0) /* nothing up to the end of the array: around, from its beginning */
			bits = q->top;
		group = lowest(bits);
		bits = q->group[group];
	}
	word = group * WORD_BITS + lowest(bits);
	return word * WORD_BITS + lowest(q->leaf[word]);
}

static inline void mark_filled(struct cffs *q, uint32_t pos)
{
	uint32_t word = pos / WORD_BITS;
	uint32_t group = word / WORD_BITS;

	q->leaf[word] |= bit(pos);
	q->group[group] |= bit(word);
	q->top |= bit(group);
}

/* Clears upward only as far as words run empty. */
static inline void mark_empty(struct cffs *q, uint32_t pos)
{
	uint32_t word = pos / WORD_BITS;
	uint32_t group = word / WORD_BITS;

	if ((q->leaf[word] &= ~bit(pos)) != 0)
		return;
	if ((q->group[group] &= ~bit(word)) != 0)
		return;
	q->top &= ~bit(group);
}

struct cffs *cffs_create(uint32_t n_buckets, unsigned int shift, struct cffs_node *nodes)
{
	assert(n_buckets >= CFFS_MIN_BUCKETS && n_buckets <= CFFS_MAX_BUCKETS);
	assert((n_buckets & (n_buckets - 1)) == 0);
	assert(shift + lowest(n_buckets) <= CFFS_MAX_SPAN_BITS);

	struct cffs *q = calloc(1, sizeof(*q));
	if (q == NULL)
		return NULL;
	q->leaf = calloc(n_buckets / WORD_BITS, sizeof(*q->leaf));
	q->buckets = calloc(n_buckets, sizeof(*q->buckets));
	if (q->leaf == NULL || q->buckets == NULL) {
		cffs_destroy(q);
		return NULL;
	}
	for (uint32_t i = 0; i < n_buckets; i++)
		q->buckets[i] = (struct bucket){CFFS_NONE, CFFS_NONE};
	q->mask = n_buckets - 1;
	q->shift = shift;
	q->nodes = nodes;
	return q;
}

void cffs_destroy(struct cffs *q)
{
	if (q == NULL)
		return;
	free(q->leaf);
	free(q->buckets);
	free(q);
}

void cffs_nodes_init(struct cffs_node *nodes, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		nodes[i] = (struct cffs_node){.next = CFFS_NONE, .prev = CFFS_NONE, .bucket = CFFS_NONE};
}

void cffs_push(struct cffs *q, uint32_t item, uint64_t rank)
{
	struct cffs_node *node = &q->nodes[item];
	uint64_t ahead = rank - q->base;
	uint32_t pos = position(q, rank);

	assert(node->bucket == CFFS_NONE);
	if (unlikely(ahead >= cffs_span(q)))
		pos = (int64_t)ahead < 0 ? position(q, q->base) : last_position(q);

	struct bucket *b = &q->buckets[pos];
	uint32_t tail = b->tail;
	node->rank = rank;
	node->bucket = pos;
	node->next = CFFS_NONE;
	node->prev = tail;
	b->tail = item;
	if (tail == CFFS_NONE) {
		b->head = item;
		mark_filled(q, pos);
	} else {
		q->nodes[tail].next = item;
	}
	q->count++;
}

void cffs_remove(struct cffs *q, uint32_t item)
{
	struct cffs_node *node = &q->nodes[item];
	struct bucket *b = &q->buckets[node->bucket];
	uint32_t next = node->next;
	uint32_t prev = node->prev;

	assert(node->bucket != CFFS_NONE);
	if (prev == CFFS_NONE)
		b->head = next;
	else
		q->nodes[prev].next = next;
	if (next == CFFS_NONE)
		b->tail = prev;
	else
		q->nodes[next].prev = prev;
	if (b->head == CFFS_NONE)
		mark_empty(q, node->bucket);
	node->bucket = CFFS_NONE;
	q->count--;
}

/* The earliest of the first MAX_MOVES items of a bucket. */
static uint32_t earliest_of(const struct cffs *q, uint32_t pos)
{
	uint32_t best = q->buckets[pos].head;
	uint32_t item = best;

	for (uint32_t i = 0; i < MAX_MOVES && item != CFFS_NONE; i++, item = q->nodes[item].next)
		if (is_before(q->nodes[item].rank, q->nodes[best].rank))
			best = item;
	return best;
}

/* cffs_first() when the head of the first bucket is parked: puts such heads where they belong by now. */
static __attribute__((noinline)) uint32_t first_put_anew(struct cffs *q)
{
	uint32_t best = CFFS_NONE;

	for (uint32_t n_moves = 0;; n_moves++) {
		uint32_t pos = find_first(q);
		uint32_t item = q->buckets[pos].head;
		if (!is_parked(q, pos, item))
			return item;
		if (pos == last_position(q)) /* all that wait stand here: only the base can part them */
			return earliest_of(q, pos);
		if (best == CFFS_NONE || is_before(q->nodes[item].rank, q->nodes[best].rank))
			best = item;
		if (n_moves == MAX_MOVES)
			return best;
		cffs_remove(q, item);
		cffs_push(q, item, q->nodes[item].rank);
	}
}

uint32_t cffs_first(struct cffs *q)
{
	if (q->count == 0)
		return CFFS_NONE;
	uint32_t pos = find_first(q);
	uint32_t item = q->buckets[pos].head;
	if (unlikely(is_parked(q, pos, item)))
		return first_put_anew(q);
	return item;
}

uint32_t cffs_peek(const struct cffs *q, uint64_t *start)
{
	if (q->count == 0)
		return CFFS_NONE;
	uint32_t pos = find_first(q);
	*start = bucket_start(q, pos);
	return q->buckets[pos].head;
}

void cffs_advance(struct cffs *q, uint64_t rank)
{
	uint64_t to = align_down(q, rank);

	if ((int64_t)(to - q->base) <= 0)
		return;
	if (q->count != 0) {
		uint64_t first = bucket_start(q, find_first(q));
		if (is_before(first, to))
			to = first;
	}
	q->base = to;
}

void cffs_rebase(struct cffs *q, uint64_t rank)
{
	assert(q->count == 0);
	q->base = align_down(q, rank);
}

bool cffs_covers(const struct cffs *q, uint64_t rank)
{
	return rank - q->base < cffs_span(q);
}

bool cffs_is_empty(const struct cffs *q)
{
	return q->count == 0;
}

uint32_t cffs_count(const struct cffs *q)
{
	return q->count;
}

uint64_t cffs_base(const struct cffs *q)
{
	return q->base;
}

uint64_t cffs_span(const struct cffs *q)
{
	return ((uint64_t)q->mask + 1) << q->shift;
}

/* Says what is broken; always false, to be returned. */
__attribute__((format(printf, 2, 3))) static bool broken(FILE *out, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("cffs: ", out);
	vfprintf(out, format, args);
	fputc('\n', out);
	va_end(args);
	return false;
}

static bool check_item(const struct cffs *q, uint32_t pos, uint32_t item, uint32_t prev, FILE *out)
{
	const struct cffs_node *node = &q->nodes[item];

	if (node->bucket != pos)
		return broken(out, "item %" PRIu32 " says bucket %" PRIu32 ", stands in %" PRIu32, item,
			node->bucket, pos);
	if (node->prev != prev)
		return broken(
			out, "item %" PRIu32 ": prev is %" PRIu32 ", not %" PRIu32, item, node->prev, prev);
	if (is_before(node->rank, bucket_start(q, pos)) && pos != position(q, q->base))
		return broken(out, "item %" PRIu32 " of rank %" PRIu64 " stands too late, in bucket %" PRIu32,
			item, node->rank, pos);
	return true;
}

/* Counts the bucket's items into 'n'. */
static bool check_bucket(const struct cffs *q, uint32_t pos, uint32_t *n, FILE *out)
{
	const struct bucket *b = &q->buckets[pos];
	bool is_marked = (q->leaf[pos / WORD_BITS] & bit(pos)) != 0;
	uint32_t prev = CFFS_NONE;

	if (is_marked != (b->head != CFFS_NONE))
		return broken(out, "bucket %" PRIu32 ": its bit is %d", pos, is_marked);
	for (uint32_t item = b->head; item != CFFS_NONE; item = q->nodes[item].next) {
		if (!check_item(q, pos, item, prev, out))
			return false;
		if (++*n > q->count)
			return broken(out, "more items than the count, %" PRIu32, q->count);
		prev = item;
	}
	return b->tail == prev || broken(out, "bucket %" PRIu32 ": wrong tail", pos);
}

static bool check_bitmaps(const struct cffs *q, FILE *out)
{
	uint32_t n_words = (q->mask + 1) / WORD_BITS;

	for (uint32_t group = 0; group < MAX_GROUPS; group++) {
		uint64_t want = 0;
		for (uint32_t word = group * WORD_BITS; word < (group + 1) * WORD_BITS && word < n_words;
			word++)
			want |= q->leaf[word] != 0 ? bit(word) : 0;
		if (q->group[group] != want)
			return broken(out, "wrong bits in group %" PRIu32, group);
		if (((q->top & bit(group)) != 0) != (want != 0))
			return broken(out, "wrong top bit %" PRIu32, group);
	}
	return true;
}

bool cffs_check(const struct cffs *q, FILE *out)
{
	uint32_t n = 0;

	if (q->base != align_down(q, q->base))
		return broken(out, "base %" PRIu64 " is not a multiple of the width", q->base);
	for (uint32_t pos = 0; pos <= q->mask; pos++)
		if (!check_bucket(q, pos, &n, out))
			return false;
	if (n != q->count)
		return broken(out, "%" PRIu32 " items found, the count is %" PRIu32, n, q->count);
	return check_bitmaps(q, out);
}
