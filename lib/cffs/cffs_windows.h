/* SPDX-License-Identifier: BSD-3-Clause */
/* cFFS with two windows, as Eiffel (NSDI'19, section 3.1) describes it: the primary holds the ranks [h, h + N), the
 * secondary the next N, each with hierarchical find-first-set bitmaps of its own; ranks beyond both are parked behind the
 * secondary; the windows swap when the base has passed the primary.  The calls of cffs.h with the same meaning.
 *
 * Where published code goes wrong, and this does not:
 * - It swaps only when the base has reached the primary's end, never because the primary ran empty: an item due now
 *   must not wait for a window that is still to come.  Until then first looks into the secondary behind it.
 * - First in, first out within a bucket; items that were parked come before those of the same bucket that came later.
 * - A parked item keeps its exact rank and is put anew once its place is known: never clamped.
 * - With both windows empty the base goes anywhere at once, up to the earliest parked rank.
 * Against cffs.h: the circle moves its window a bucket at a time and reads one bitmap; this one covers one to two
 * windows, by where the base stands.  Twice the memory for the same n_buckets.
 * Used by: rank_queue.h.  Uses: cffs.h (the links), ffs_map.h. */
#ifndef WEIR_CFFS_WINDOWS_H
#define WEIR_CFFS_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cffs.h"

#define CFFS_WINDOWS_MAX_SPAN_BITS (CFFS_MAX_SPAN_BITS - 1) /* of n_buckets << shift: there are two windows */

struct cffs_windows;

/* n_buckets of 2^shift ranks in each window: a power of two in CFFS_MIN_BUCKETS .. CFFS_MAX_BUCKETS.  'nodes' as in
 * cffs_create().  NULL where memory is out. */
struct cffs_windows *cffs_windows_create(uint32_t n_buckets, unsigned int shift, struct cffs_node *nodes);
void cffs_windows_destroy(struct cffs_windows *q);

/* Puts 'item', which must be in no queue.  The rank must be less than 2^62 away from the base.  Never allocates. */
void cffs_windows_push(struct cffs_windows *q, uint32_t item, uint64_t rank);
void cffs_windows_remove(struct cffs_windows *q, uint32_t item);

/* The first item of the first bucket that is not empty, or CFFS_NONE.  Parked items in the way are put anew, at most 8
 * a call; where more stand in the way, or all that wait are beyond both windows, the earliest of the first 8 is the
 * answer: it may not be quite the first.  Never none while there are items; the base stays. */
uint32_t cffs_windows_first(struct cffs_windows *q);

/* The head of the first bucket that is not empty as it stands (nothing is put anew), and a rank: no item waits before
 * that, except those put before the base.  CFFS_NONE when empty. */
uint32_t cffs_windows_peek(const struct cffs_windows *q, uint64_t *start);

/* Moves the base up towards 'rank', at most to the first waiting item; swaps the windows when it passes the primary's
 * end.  After a swap, what is parked in between is put anew, 8 a call; a crowd that is not yet through holds the base
 * back by at most a window.  Going back is ignored. */
void cffs_windows_advance(struct cffs_windows *q, uint64_t rank);

/* Puts the base anywhere; only while the queue is empty. */
void cffs_windows_rebase(struct cffs_windows *q, uint64_t rank);

/* True when 'rank' lies between the base and the secondary's end. */
bool cffs_windows_covers(const struct cffs_windows *q, uint64_t rank);

bool cffs_windows_is_empty(const struct cffs_windows *q);
uint32_t cffs_windows_count(const struct cffs_windows *q);
uint64_t cffs_windows_base(const struct cffs_windows *q);

/* The width of one window in ranks: so much is always covered from the base on. */
uint64_t cffs_windows_span(const struct cffs_windows *q);

/* Checks every invariant, slowly; says what is broken to 'out'. */
bool cffs_windows_check(const struct cffs_windows *q, FILE *out);

#endif
