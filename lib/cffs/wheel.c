/* SPDX-License-Identifier: BSD-3-Clause */
/* Both levels share the nodes; an item is in one of them and its mark says which.  The fine level holds what
 * comes before split_ns and the coarse one the rest, so that items of one time keep their order whichever way
 * they came. The split stands half to a whole fine window ahead of the fine base and rises a coarse bucket at
 * a time, when that bucket's items have gone over; where WHEEL_MOVES are not enough it waits, and the next
 * call goes on. */
#include <inttypes.h>
#include <stdlib.h>

#include "wheel.h"

#define LOOK 8 /* items of one bucket looked at for the earliest */

enum level { FINE, COARSE, N_LEVELS };

static inline bool is_before(uint64_t a_ns, uint64_t b_ns)
{
	return (int64_t)(a_ns - b_ns) < 0;
}

static inline uint64_t width_ns(const struct wheel *w, enum level l)
{
	return UINT64_C(1) << w->shift[l];
}

/* Where the split should be: two coarse buckets make a fine window, so all before it is covered by the fine
 * level. */
static inline uint64_t split_wanted(const struct wheel *w)
{
	return (cffs_base(w->level[FINE]) & ~(width_ns(w, COARSE) - 1)) + 2 * width_ns(w, COARSE);
}

static inline struct cffs_node *link_of(const struct wheel *w, uint32_t item)
{
	return cffs_node_of(w->level[FINE], item);
}

struct wheel *wheel_create_in(uint32_t n_buckets, unsigned int shift, struct cffs_links links)
{
	struct wheel *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->shift[FINE] = shift;
	w->shift[COARSE] = shift + (unsigned int)__builtin_ctz(n_buckets) - 1;
	for (int l = FINE; l < N_LEVELS; l++) {
		w->level[l] = cffs_create_in(n_buckets, w->shift[l], links);
		if (w->level[l] == NULL) {
			wheel_destroy(w);
			return NULL;
		}
	}
	cffs_rebase(w->level[FINE], 0 - width_ns(w, FINE)); /* as at time 0: see turn() */
	cffs_rebase(w->level[COARSE], cffs_base(w->level[FINE]));
	w->split_ns = split_wanted(w);
	return w;
}

struct wheel *wheel_create(uint32_t n_buckets, unsigned int shift, struct cffs_node *nodes)
{
	return wheel_create_in(n_buckets, shift, (struct cffs_links){nodes, sizeof(*nodes)});
}

void wheel_destroy(struct wheel *w)
{
	if (w == NULL)
		return;
	for (int l = FINE; l < N_LEVELS; l++)
		cffs_destroy(w->level[l]);
	free(w);
}

static inline void put(struct wheel *w, enum level l, uint32_t item, uint64_t at_ns)
{
	link_of(w, item)->mark = l;
	cffs_push(w->level[l], item, at_ns);
}

void wheel_push(struct wheel *w, uint32_t item, uint64_t at_ns)
{
	uint64_t ahead_ns = is_before(at_ns, w->now_ns) ? 0 : at_ns - w->now_ns;

	if (ahead_ns < w->quiet_ns)
		w->quiet_ns = ahead_ns;
	put(w, is_before(at_ns, w->split_ns) ? FINE : COARSE, item, at_ns);
	w->count++;
}

void wheel_remove(struct wheel *w, uint32_t item)
{
	cffs_remove(w->level[link_of(w, item)->mark], item);
	w->count--;
}

/* The start of the coarse level's first bucket: none of its items comes before; false when it is empty. */
static inline bool coarse_start(const struct wheel *w, uint32_t *item, uint64_t *start_ns)
{
	*item = cffs_peek(w->level[COARSE], start_ns);
	return *item != CFFS_NONE;
}

/* Raises the split to 'split_ns', bucket by bucket.  Items still far away are held aside until the coarse
 * base has come up, for their place is reckoned from there: after an idle gap they would else walk through it
 * window by window. */
static __attribute__((noinline)) void feed(struct wheel *w, uint64_t split_ns)
{
	struct cffs *coarse = w->level[COARSE];
	uint32_t far[WHEEL_MOVES], n_far = 0;
	uint32_t item;
	uint64_t start_ns;

	for (int n = 0; n < WHEEL_MOVES; n++) {
		if (!coarse_start(w, &item, &start_ns) || !is_before(start_ns, split_ns))
			break;
		cffs_remove(coarse, item);
		if (is_before(link_of(w, item)->rank, split_ns))
			put(w, FINE, item, link_of(w, item)->rank);
		else
			far[n_far++] = item;
	}
	cffs_advance(coarse, cffs_base(w->level[FINE]));
	for (uint32_t i = 0; i < n_far; i++)
		put(w, COARSE, far[i], link_of(w, far[i])->rank);
	bool is_behind = coarse_start(w, &item, &start_ns) && is_before(start_ns, split_ns);
	w->split_ns = is_behind ? start_ns : split_ns;
}

/* Brings both levels up to now.  The fine base stays a bucket behind the times that matter, so that what is
 * pushed late never stands behind something that is not yet due. */
static inline void turn(struct wheel *w, uint64_t now_ns, uint64_t late_ns)
{
	w->now_ns = now_ns;
	w->quiet_ns = 0;
	cffs_advance(w->level[FINE], now_ns - late_ns - width_ns(w, FINE));
	uint64_t split_ns = split_wanted(w);
	if (split_ns != w->split_ns)
		feed(w, split_ns);
}

/* The first of the bucket's first few items whose time has come.  Only the bucket of 'now' needs looking
 * into. */
static inline uint32_t first_due(const struct wheel *w, uint32_t item, uint64_t start_ns)
{
	if (item == CFFS_NONE || is_before(w->now_ns, start_ns))
		return CFFS_NONE;
	for (int n = 0; n < LOOK && item != CFFS_NONE; n++, item = link_of(w, item)->next)
		if (!is_before(w->now_ns, link_of(w, item)->rank))
			return item;
	return CFFS_NONE;
}

uint32_t wheel_first(struct wheel *w, uint64_t now_ns, uint64_t late_ns)
{
	uint64_t max_late_ns = width_ns(w, COARSE) / 2;
	uint64_t start_ns;

	turn(w, now_ns, late_ns < max_late_ns ? late_ns : max_late_ns);
	uint32_t head = cffs_peek(w->level[FINE], &start_ns);
	if (head == CFFS_NONE)
		return cffs_first(w->level[COARSE]);
	uint32_t item = first_due(w, head, start_ns);
	return item != CFFS_NONE ? item : head;
}

/* The earliest time in the bucket that begins with 'item', as far as wheel_pop_due() looks. */
static uint64_t earliest_ns(const struct wheel *w, uint32_t item, bool *is_all)
{
	uint64_t best_ns = link_of(w, item)->rank;

	for (int n = 0; n < LOOK && item != CFFS_NONE; n++, item = link_of(w, item)->next)
		if (is_before(link_of(w, item)->rank, best_ns))
			best_ns = link_of(w, item)->rank;
	*is_all = item == CFFS_NONE;
	return best_ns;
}

/* In a crowded bucket one not looked at may be earlier than those that were: come back in small steps. */
static uint64_t fine_next_ns(const struct wheel *w, uint32_t item, uint64_t start_ns)
{
	bool is_all;
	uint64_t earliest = earliest_ns(w, item, &is_all);

	if (is_all || !is_before(w->now_ns, earliest))
		return earliest;
	if (is_before(w->now_ns, start_ns))
		return start_ns;
	uint64_t step_ns = w->now_ns + width_ns(w, FINE) / LOOK + 1;
	return is_before(step_ns, earliest) ? step_ns : earliest;
}

uint64_t wheel_next_ns(const struct wheel *w)
{
	uint64_t start_ns, next_ns = UINT64_MAX;
	uint32_t item = cffs_peek(w->level[FINE], &start_ns);

	if (item != CFFS_NONE)
		next_ns = fine_next_ns(w, item, start_ns);
	if (coarse_start(w, &item, &start_ns) && (next_ns == UINT64_MAX || is_before(start_ns, next_ns)))
		next_ns = start_ns;
	if (w->quiet_ns != 0 && next_ns != UINT64_MAX && is_before(next_ns, w->now_ns + w->quiet_ns))
		next_ns = w->now_ns + w->quiet_ns;
	return next_ns;
}

/* Nothing is due now, nor before the next item.  But the base must not stay far behind: what is pushed meanwhile finds
 * its place from there. */
static void set_quiet(struct wheel *w, uint32_t head, uint64_t start_ns)
{
	uint64_t most_ns = width_ns(w, COARSE) / 2;

	if (head != CFFS_NONE && is_before(w->now_ns, start_ns)) {	/* no need to look at any item */
		w->quiet_ns = start_ns - w->now_ns < most_ns ? start_ns - w->now_ns : most_ns;
		return;
	}
	uint64_t next_ns = wheel_next_ns(w);
	if (!wheel_is_empty(w) && is_before(next_ns, w->now_ns))	/* there was more to move than a call may */
		return;
	w->quiet_ns = wheel_is_empty(w) || next_ns - w->now_ns > most_ns ? most_ns : next_ns - w->now_ns;
}

uint32_t wheel_pop_due_now(struct wheel *w, uint64_t now_ns)
{
	uint64_t start_ns;

	turn(w, now_ns, 0);
	uint32_t head = cffs_peek(w->level[FINE], &start_ns);
	uint32_t item = first_due(w, head, start_ns);
	if (item == CFFS_NONE) {
		set_quiet(w, head, start_ns);
		return CFFS_NONE;
	}
	cffs_remove(w->level[FINE], item);
	w->count--;
	return item;
}

/* The fine level: covered by its window or late.  The coarse one: no bucket before the split. */
bool wheel_check(const struct wheel *w, FILE *out)
{
	uint32_t item;
	uint64_t start_ns;

	if (!cffs_check(w->level[FINE], out) || !cffs_check(w->level[COARSE], out))
		return false;
	if (w->count != cffs_count(w->level[FINE]) + cffs_count(w->level[COARSE])) {
		fprintf(out, "wheel: counts %" PRIu32 " items\n", w->count);
		return false;
	}
	if (is_before(split_wanted(w), w->split_ns)) {
		fprintf(out, "wheel: the split, %" PRIu64 ", is beyond the fine window\n", w->split_ns);
		return false;
	}
	if (coarse_start(w, &item, &start_ns) && is_before(start_ns, w->split_ns)) {
		fprintf(out, "wheel: coarse items from %" PRIu64 ", the split is %" PRIu64 "\n", start_ns,
			w->split_ns);
		return false;
	}
	return true;
}
