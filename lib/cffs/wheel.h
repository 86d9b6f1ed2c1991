/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue by time over two cFFS: a fine one for the next milliseconds and a coarse one for long waits, which feeds the
 * fine one as time passes, at most WHEEL_MOVES items a call.  Times beyond both are put anew when they come first.
 * Time may begin anywhere and jump forward by hours; it must not go back.  Of one time, first in, first out, except for
 * what lay beyond the coarse level.  Where a call needs more moves than it has, items come later or out of order.
 * Used by: order, ask.  Uses: cffs.h. */
#ifndef WEIR_WHEEL_H
#define WEIR_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "cffs.h"

#define WHEEL_MOVES 64

struct wheel {	/* private; here for the calls of every turn below */
	struct cffs *level[2];
	uint64_t split_ns;
	uint64_t now_ns;	/* of the last turn */
	uint64_t quiet_ns;	/* for so long after it wheel_pop_due() has nothing to do */
	unsigned int shift[2];
	uint32_t count;
};

/* Buckets of 2^shift ns; n_buckets in each level (a power of two).  A bucket of the coarse level spans half of the
 * fine level.  With shift 10 and 4,096 buckets: 4.2 ms in steps of 1 us, and 8.6 s in steps of 2.1 ms.
 * 'nodes' as in cffs_create().  NULL where memory is out. */
struct wheel *wheel_create(uint32_t n_buckets, unsigned int shift, struct cffs_node *nodes);
struct wheel *wheel_create_in(uint32_t n_buckets, unsigned int shift, struct cffs_links links);
void wheel_destroy(struct wheel *w);

/* 'item' must be in no queue; at_ns less than 2^63 ns away. */
void wheel_push(struct wheel *w, uint32_t item, uint64_t at_ns);
void wheel_remove(struct wheel *w, uint32_t item);

/* Takes the next item whose time has come (at_ns <= now_ns), or CFFS_NONE.  An item may come up to one bucket late
 * (2^shift ns), never early; one pushed with its time past comes at once, first in, first out.  Call until CFFS_NONE,
 * or as often as the turn's budget allows. */
static inline uint32_t wheel_pop_due(struct wheel *w, uint64_t now_ns);

/* The earliest item without taking it, or CFFS_NONE: bucket order, then first in, first out, but in the bucket of now_ns
 * those whose time has come before the others.  'late_ns' is how far behind now_ns items keep their order; older ones
 * stand first in, first out.  It is the same in every call; more than a quarter of the fine level counts as that.
 * An answer more than a quarter of the fine level ahead is in order to a coarse bucket only.
 * A wheel is used by this or by wheel_pop_due(), not both. */
uint32_t wheel_first(struct wheel *w, uint64_t now_ns, uint64_t late_ns);

/* No item is due before this time, but for buckets of more than 8 items: then by 1/8 of a bucket at most.  Calling
 * wheel_pop_due() or wheel_first() then (or now, where it is past) gives an item or makes this time later.
 * UINT64_MAX when empty. */
uint64_t wheel_next_ns(const struct wheel *w);

static inline bool wheel_is_empty(const struct wheel *w);
static inline uint32_t wheel_count(const struct wheel *w);
bool wheel_check(const struct wheel *w, FILE *out);

/* wheel.c */
uint32_t wheel_pop_due_now(struct wheel *w, uint64_t now_ns);

/* wheel_pop_due() has nothing to do now. */
static inline bool wheel_is_quiet(const struct wheel *w, uint64_t now_ns)
{
	return now_ns - w->now_ns < w->quiet_ns;
}

static inline uint32_t wheel_pop_due(struct wheel *w, uint64_t now_ns)
{
	if (wheel_is_quiet(w, now_ns))
		return CFFS_NONE;
	return wheel_pop_due_now(w, now_ns);
}

static inline uint32_t wheel_count(const struct wheel *w)
{
	return w->count;
}

static inline bool wheel_is_empty(const struct wheel *w)
{
	return wheel_count(w) == 0;
}

#endif
