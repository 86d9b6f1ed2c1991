/* SPDX-License-Identifier: BSD-3-Clause */
#include "cffs.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#define MAX_MOVES 8u /* items put anew by one cffs_first() */

struct cffs *cffs_create_in(uint32_t n_buckets, unsigned int shift, struct cffs_links links)
{
	assert(n_buckets >= CFFS_MIN_BUCKETS && n_buckets <= CFFS_MAX_BUCKETS);
	assert((n_buckets & (n_buckets - 1)) == 0);
	assert(shift + (unsigned int)__builtin_ctz(n_buckets) <= CFFS_MAX_SPAN_BITS);

	struct cffs *q = calloc(1, sizeof(*q));
	if (q == NULL)
		return NULL;
	q->map.leaf = calloc(n_buckets / FFS_MAP_WORD_BITS, sizeof(*q->map.leaf));
	q->buckets = calloc(n_buckets, sizeof(*q->buckets));
	if (q->map.leaf == NULL || q->buckets == NULL) {
		cffs_destroy(q);
		return NULL;
	}
	for (uint32_t i = 0; i < n_buckets; i++)
		q->buckets[i] = (struct cffs_bucket){CFFS_NONE, CFFS_NONE};
	q->mask = n_buckets - 1;
	q->shift = shift;
	q->nodes = links.first;
	q->stride = (uint32_t)links.stride;
	return q;
}

struct cffs *cffs_create(uint32_t n_buckets, unsigned int shift, struct cffs_node *nodes)
{
	return cffs_create_in(n_buckets, shift, (struct cffs_links){nodes, sizeof(*nodes)});
}

void cffs_destroy(struct cffs *q)
{
	if (q == NULL)
		return;
	free(q->map.leaf);
	free(q->buckets);
	free(q);
}

void cffs_nodes_init(struct cffs_node *nodes, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		nodes[i] = (struct cffs_node){.next = CFFS_NONE, .prev = CFFS_NONE, .bucket = CFFS_NONE};
}

static uint32_t last_position(const struct cffs *q)
{
	return (cffs_position(q, q->base) - 1) & q->mask;
}

/* The earliest of the first MAX_MOVES items of a bucket. */
static uint32_t earliest_of(const struct cffs *q, uint32_t pos)
{
	uint32_t best = q->buckets[pos].head;
	uint32_t item = best;

	for (uint32_t i = 0; i < MAX_MOVES && item != CFFS_NONE; i++, item = cffs_node_of(q, item)->next)
		if (cffs_is_before(cffs_node_of(q, item)->rank, cffs_node_of(q, best)->rank))
			best = item;
	return best;
}

/* Puts parked heads where they belong by now. */
uint32_t cffs_first_put_anew(struct cffs *q)
{
	uint32_t best = CFFS_NONE;

	for (uint32_t n_moves = 0;; n_moves++) {
		uint32_t pos = cffs_find_first(q);
		uint32_t item = q->buckets[pos].head;
		if (!cffs_is_parked(q, pos, item))
			return item;
		if (pos == last_position(q)) /* all that wait stand here: only the base can part them */
			return earliest_of(q, pos);
		if (best == CFFS_NONE || cffs_is_before(cffs_node_of(q, item)->rank, cffs_node_of(q, best)->rank))
			best = item;
		if (n_moves == MAX_MOVES)
			return best;
		cffs_remove(q, item);
		cffs_push(q, item, cffs_node_of(q, item)->rank);
	}
}

void cffs_rebase(struct cffs *q, uint64_t rank)
{
	assert(q->count == 0);
	q->base = cffs_align_down(q, rank);
}

bool cffs_covers(const struct cffs *q, uint64_t rank)
{
	return rank - q->base < cffs_span(q);
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
	const struct cffs_node *node = cffs_node_of(q, item);

	if (node->bucket != pos)
		return broken(out, "item %" PRIu32 " says bucket %" PRIu32 ", stands in %" PRIu32, item,
			node->bucket, pos);
	if (prev != CFFS_NONE && node->prev != prev)
		return broken(
			out, "item %" PRIu32 ": prev is %" PRIu32 ", not %" PRIu32, item, node->prev, prev);
	if (cffs_is_before(node->rank, cffs_bucket_start(q, pos)) && pos != cffs_position(q, q->base))
		return broken(out, "item %" PRIu32 " of rank %" PRIu64 " stands too late, in bucket %" PRIu32,
			item, node->rank, pos);
	return true;
}

/* Counts the bucket's items into 'n'. */
static bool check_bucket(const struct cffs *q, uint32_t pos, uint32_t *n, FILE *out)
{
	const struct cffs_bucket *b = &q->buckets[pos];
	bool is_marked = (q->map.leaf[pos / FFS_MAP_WORD_BITS] & ffs_map_bit(pos)) != 0;
	uint32_t prev = CFFS_NONE;

	if (is_marked != (b->head != CFFS_NONE))
		return broken(out, "bucket %" PRIu32 ": its bit is %d", pos, is_marked);
	for (uint32_t item = b->head; item != CFFS_NONE; item = cffs_node_of(q, item)->next) {
		if (!check_item(q, pos, item, prev, out))
			return false;
		if (++*n > q->count)
			return broken(out, "more items than the count, %" PRIu32, q->count);
		prev = item;
	}
	return b->tail == prev || broken(out, "bucket %" PRIu32 ": wrong tail", pos);
}

bool cffs_check(const struct cffs *q, FILE *out)
{
	uint32_t n = 0;

	if (q->base != cffs_align_down(q, q->base))
		return broken(out, "base %" PRIu64 " is not a multiple of the width", q->base);
	for (uint32_t pos = 0; pos <= q->mask; pos++)
		if (!check_bucket(q, pos, &n, out))
			return false;
	if (n != q->count)
		return broken(out, "%" PRIu32 " items found, the count is %" PRIu32, n, q->count);
	return ffs_map_check(&q->map, (q->mask + 1) / FFS_MAP_WORD_BITS) || broken(out, "the summaries do not tell of the leaves");
}
