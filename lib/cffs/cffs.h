/* SPDX-License-Identifier: BSD-3-Clause */
/* cFFS: a bucketed integer priority queue, circular, with hierarchical find-first-set bitmaps (Eiffel, NSDI'19).
 * One window of n_buckets buckets of 2^shift ranks each starts at the base; find, push and remove are O(1) at three
 * levels of 64-bit words.  First in, first out within a bucket.  Ranks are compared modulo 2^64, so they may wrap.
 *
 * Items are numbers (0 .. n_items - 1) and their links live in an array of struct cffs_node that the caller gives and
 * may share among queues of which an item is in one at a time.
 *
 * Correct at the window's edges: a rank before the base goes to the first bucket; a rank beyond the window goes to the
 * last bucket and is put anew when it comes first, never clamped; the base never passes a waiting item.
 * Used by: wheel.h, order.  Uses: nothing. */
#ifndef WEIR_CFFS_H
#define WEIR_CFFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CFFS_NONE	   UINT32_MAX
#define CFFS_MIN_BUCKETS   64u
#define CFFS_MAX_BUCKETS   262144u	/* 64^3 */
#define CFFS_MAX_SPAN_BITS 62u		/* of n_buckets << shift: ranks compare by signed difference */

struct cffs_node {
	uint64_t rank;		/* exact, as pushed */
	uint32_t next, prev;	/* within the bucket; of its first item 'prev' means nothing */
	uint32_t bucket;	/* CFFS_NONE: in no queue */
	uint32_t mark;		/* free for the queue's user (wheel: which level); cFFS never touches it */
};

struct cffs;

/* Where the links live: an array of its own, or inside the user's structs, 'stride' bytes apart, so that a decision
 * finds all it needs of an item in one cache line.  Must outlive the queue; each link initialised once. */
struct cffs_links {
	void *first;	/* the struct cffs_node of item 0 */
	size_t stride;
};

/* n_buckets: a power of two in CFFS_MIN_BUCKETS .. CFFS_MAX_BUCKETS.  NULL where memory is out. */
struct cffs *cffs_create_in(uint32_t n_buckets, unsigned int shift, struct cffs_links links);

/* The same with links in an array of their own. */
struct cffs *cffs_create(uint32_t n_buckets, unsigned int shift, struct cffs_node *nodes);
void cffs_destroy(struct cffs *q);
void cffs_nodes_init(struct cffs_node *nodes, uint32_t n);

/* Puts 'item', which must be in no queue.  The rank must be less than 2^63 away from the base.  Never allocates. */
static inline void cffs_push(struct cffs *q, uint32_t item, uint64_t rank);

/* Takes 'item' out of the queue it is in ('q'). */
static inline void cffs_remove(struct cffs *q, uint32_t item);

/* The first item of the first bucket that is not empty, or CFFS_NONE.  Items of far ranks found on the way are put
 * anew, at most 8 a call; where more stand in the way, or all that wait are beyond the window, the earliest of those
 * looked at is the answer: it may not be quite the first.  Never none while there are items; the base stays. */
static inline uint32_t cffs_first(struct cffs *q);

/* Takes the first item and moves the base up to its bucket: cffs_first(), cffs_remove() and cffs_advance() in one look.
 * CFFS_NONE when empty. */
static inline uint32_t cffs_pop_first(struct cffs *q);

/* The head of the first bucket that is not empty as it stands (nothing is put anew), and the bucket's first rank: no
 * item waits before that, except those put before the base.  CFFS_NONE when empty. */
static inline uint32_t cffs_peek(const struct cffs *q, uint64_t *start);

/* Moves the base up towards 'rank', at most to the first waiting item.  Going back is ignored. */
static inline void cffs_advance(struct cffs *q, uint64_t rank);

/* Puts the base anywhere; only while the queue is empty. */
void cffs_rebase(struct cffs *q, uint64_t rank);

/* True when 'rank' lies inside the window now. */
bool cffs_covers(const struct cffs *q, uint64_t rank);

static inline bool cffs_is_empty(const struct cffs *q);
static inline uint32_t cffs_count(const struct cffs *q);
static inline uint64_t cffs_base(const struct cffs *q);

/* The width of the window in ranks. */
static inline uint64_t cffs_span(const struct cffs *q);

/* Checks every invariant, slowly; says what is broken to 'out'. */
bool cffs_check(const struct cffs *q, FILE *out);

/* The calls of every packet. */
#include "cffs_inline.h"

#endif
