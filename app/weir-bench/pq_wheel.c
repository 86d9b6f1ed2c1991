/* SPDX-License-Identifier: BSD-3-Clause */
/* A plain timing wheel: slots in a circle, walked one by one; first in, first out within a slot.  It takes what ours
 * takes less of: no bitmap, no item beyond the horizon, none removed from the middle (a single link an item). */
#include <stdlib.h>

#include "hold.h"

#define NONE UINT32_MAX

struct slot {
	uint32_t head, tail;
};

struct item {
	uint64_t rank;
	uint32_t next;
};

struct plain {
	struct slot *slots;
	struct item *items;
	uint32_t mask;
	uint32_t now;	/* the slot under the hand */
};

static void *plain_create(const struct pq_size *size)
{
	struct plain *w = bench_alloc(sizeof(*w));

	w->slots = bench_alloc(size->n_slots * sizeof(*w->slots));
	w->items = bench_alloc(size->n_items * sizeof(*w->items));
	w->mask = size->n_slots - 1;
	for (uint32_t i = 0; i <= w->mask; i++)
		w->slots[i] = (struct slot){NONE, NONE};
	return w;
}

static void plain_destroy(void *queue)
{
	struct plain *w = queue;

	free(w->slots);
	free(w->items);
	free(w);
}

static inline void plain_push(void *queue, uint32_t item, uint64_t rank)
{
	struct plain *w = queue;
	struct slot *s = &w->slots[(uint32_t)(rank >> HOLD_SHIFT) & w->mask];

	w->items[item] = (struct item){rank, NONE};
	if (s->head == NONE)
		s->head = item;
	else
		w->items[s->tail].next = item;
	s->tail = item;
}

static inline uint32_t plain_pop(void *queue, uint64_t *rank)
{
	struct plain *w = queue;
	struct slot *s = &w->slots[w->now];

	while (s->head == NONE) {
		w->now = (w->now + 1) & w->mask;
		s = &w->slots[w->now];
	}
	uint32_t item = s->head;
	*rank = w->items[item].rank;
	s->head = w->items[item].next;
	return item;
}

static uint64_t plain_hold(void *hold)
{
	return hold_loop(hold, plain_pop, plain_push);
}

const struct pq pq_wheel = {"plain wheel", plain_create, plain_destroy, plain_push, plain_pop, plain_hold};
