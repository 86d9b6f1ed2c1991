/* SPDX-License-Identifier: BSD-3-Clause */
/* Ours, and three forms found in published code, each with its one fault: a window that swaps as soon as it is empty, a
 * time beyond the horizon cut down to it, last in first out within a bucket.  They walk slots: it is their answers that
 * are looked at, not their speed. */
#include <stdlib.h>

#include "cffs.h"
#include "cffs_windows.h"
#include "wheel.h"
#include "window.h"

struct ours {
	void *q;
	struct cffs_node nodes[WINDOW_ITEMS];
};

static struct ours *ours_create(void)
{
	struct ours *o = bench_alloc(sizeof(*o));

	cffs_nodes_init(o->nodes, WINDOW_ITEMS);
	return o;
}

/* --- one circle ------------------------------------------------------------------------------------------------ */

static void *circle_create(uint64_t now_ns)
{
	struct ours *o = ours_create();

	o->q = bench_not_null(cffs_create(WINDOW_SLOTS, WINDOW_SHIFT, o->nodes));
	cffs_rebase(o->q, now_ns);
	return o;
}

static void circle_destroy(void *queue)
{
	struct ours *o = queue;

	cffs_destroy(o->q);
	free(o);
}

static void circle_push(void *queue, uint32_t item, uint64_t at_ns)
{
	struct ours *o = queue;

	cffs_push(o->q, item, at_ns);
}

static uint32_t circle_pop_due(void *queue, uint64_t now_ns)
{
	struct ours *o = queue;

	cffs_advance(o->q, now_ns);
	uint32_t item = cffs_first(o->q);
	if (item == CFFS_NONE || o->nodes[item].rank > now_ns)
		return WINDOW_NONE;
	cffs_remove(o->q, item);
	return item;
}

/* --- two windows ----------------------------------------------------------------------------------------------- */

static void *windows_create(uint64_t now_ns)
{
	struct ours *o = ours_create();

	o->q = bench_not_null(cffs_windows_create(WINDOW_SLOTS, WINDOW_SHIFT, o->nodes));
	cffs_windows_rebase(o->q, now_ns);
	return o;
}

static void windows_destroy(void *queue)
{
	struct ours *o = queue;

	cffs_windows_destroy(o->q);
	free(o);
}

static void windows_push(void *queue, uint32_t item, uint64_t at_ns)
{
	struct ours *o = queue;

	cffs_windows_push(o->q, item, at_ns);
}

static uint32_t windows_pop_due(void *queue, uint64_t now_ns)
{
	struct ours *o = queue;

	cffs_windows_advance(o->q, now_ns);
	uint32_t item = cffs_windows_first(o->q);
	if (item == CFFS_NONE || o->nodes[item].rank > now_ns)
		return WINDOW_NONE;
	cffs_windows_remove(o->q, item);
	return item;
}

/* --- the wheel of two levels ----------------------------------------------------------------------------------- */

static void *two_level_create(uint64_t now_ns)
{
	struct ours *o = ours_create();

	o->q = bench_not_null(wheel_create(WINDOW_SLOTS, WINDOW_SHIFT, o->nodes));
	wheel_pop_due(o->q, now_ns);
	return o;
}

static void two_level_destroy(void *queue)
{
	struct ours *o = queue;

	wheel_destroy(o->q);
	free(o);
}

static void two_level_push(void *queue, uint32_t item, uint64_t at_ns)
{
	struct ours *o = queue;

	wheel_push(o->q, item, at_ns);
}

static uint32_t two_level_pop_due(void *queue, uint64_t now_ns)
{
	struct ours *o = queue;

	return wheel_pop_due(o->q, now_ns);
}

/* --- the faults ------------------------------------------------------------------------------------------------ */

struct naive {
	bool swaps_when_empty, cuts_far, is_lifo;
	uint64_t base;			/* in slots: of the primary; the secondary follows */
	unsigned int primary;
	uint32_t count[2];
	uint32_t head[2][WINDOW_SLOTS], tail[2][WINDOW_SLOTS];
	uint32_t next[WINDOW_ITEMS];
	uint64_t at_ns[WINDOW_ITEMS];
};

static struct naive *naive_create(uint64_t now_ns)
{
	struct naive *w = bench_alloc(sizeof(*w));

	w->base = now_ns >> WINDOW_SHIFT;
	for (uint32_t i = 0; i < WINDOW_SLOTS; i++)
		w->head[0][i] = w->head[1][i] = WINDOW_NONE;
	return w;
}

static void *early_swap_create(uint64_t now_ns)
{
	struct naive *w = naive_create(now_ns);

	w->swaps_when_empty = true;
	return w;
}

static void *cut_create(uint64_t now_ns)
{
	struct naive *w = naive_create(now_ns);

	w->cuts_far = true;
	return w;
}

static void *lifo_create(uint64_t now_ns)
{
	struct naive *w = naive_create(now_ns);

	w->is_lifo = true;
	return w;
}

static void naive_destroy(void *queue)
{
	free(queue);
}

static void naive_push(void *queue, uint32_t item, uint64_t at_ns)
{
	struct naive *w = queue;
	uint64_t slot = at_ns >> WINDOW_SHIFT;
	uint64_t ahead = slot > w->base ? slot - w->base : 0;
	uint64_t last = 2 * WINDOW_SLOTS - 1;	/* cut: to the end of the secondary; else it stays there to be put anew */
	ahead = ahead > last ? last : ahead;

	unsigned int side = ahead < WINDOW_SLOTS ? w->primary : !w->primary;
	uint32_t at = (uint32_t)(ahead % WINDOW_SLOTS);
	bool is_empty = w->head[side][at] == WINDOW_NONE;

	w->at_ns[item] = at_ns;
	w->next[item] = w->is_lifo ? w->head[side][at] : WINDOW_NONE;
	if (is_empty || w->is_lifo)
		w->head[side][at] = item;
	else
		w->next[w->tail[side][at]] = item;
	if (is_empty || !w->is_lifo)
		w->tail[side][at] = item;
	w->count[side]++;
}

static uint32_t naive_take(struct naive *w, uint32_t at)
{
	uint32_t item = w->head[w->primary][at];

	w->head[w->primary][at] = w->next[item];
	w->count[w->primary]--;
	return item;
}

/* The published rule: the windows swap as soon as the primary is empty, though its time is not over. */
static bool must_swap(const struct naive *w, uint64_t now_slot)
{
	if (w->swaps_when_empty && w->count[w->primary] == 0 && w->count[!w->primary] != 0)
		return true;
	return w->count[w->primary] == 0 && now_slot >= w->base + WINDOW_SLOTS;
}

static uint32_t naive_pop_due(void *queue, uint64_t now_ns)
{
	struct naive *w = queue;
	uint64_t now_slot = now_ns >> WINDOW_SHIFT;

	while (must_swap(w, now_slot)) {
		w->base += WINDOW_SLOTS;
		w->primary = !w->primary;
	}
	for (uint32_t at = 0; at < WINDOW_SLOTS && w->base + at <= now_slot; at++) {
		if (w->head[w->primary][at] == WINDOW_NONE)
			continue;
		uint32_t item = naive_take(w, at);
		if (w->at_ns[item] >> WINDOW_SHIFT <= now_slot || w->cuts_far)
			return item;
		naive_push(w, item, w->at_ns[item]);
		return naive_pop_due(w, now_ns);
	}
	return WINDOW_NONE;
}

static const struct window_queue two_level = {
	BENCH_OURS, true, two_level_create, two_level_destroy, two_level_push, two_level_pop_due};
static const struct window_queue circle = {
	"circular cFFS", true, circle_create, circle_destroy, circle_push, circle_pop_due};
static const struct window_queue windows = {
	"two-window cFFS", true, windows_create, windows_destroy, windows_push, windows_pop_due};
static const struct window_queue early_swap = {
	"naive: swaps when empty", false, early_swap_create, naive_destroy, naive_push, naive_pop_due};
static const struct window_queue cut = {
	"naive: cuts to the horizon", false, cut_create, naive_destroy, naive_push, naive_pop_due};
static const struct window_queue lifo = {
	"naive: last in first out", false, lifo_create, naive_destroy, naive_push, naive_pop_due};

const struct window_queue *const window_queues[] = {&two_level, &circle, &windows, &early_swap, &cut, &lifo, NULL};
