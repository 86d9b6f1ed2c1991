/* SPDX-License-Identifier: BSD-3-Clause */
/* Eiffel's gradient queue, the exact one, as its authors' kernel code does it: nodes of 32 children, a child i that
 * is not empty adds 2^i to a and i * 2^i to b, and the highest child is ceil(b / a).  A division instead of an
 * instruction: it is here to be seen.  The circle has two halves of a horizon each, so that the lowest slot of the
 * half under the base is the first one.  Slots are numbered downwards, as a node finds its highest child. */
#include <stdlib.h>

#include "hold.h"

#define NONE   UINT32_MAX
#define FAN    32u
#define LEVELS 4u	/* 32^4 slots in a half are more than any case has */

struct node {
	uint64_t a, b;
};

struct slot {
	uint32_t head, tail;
};

struct item {
	uint64_t rank;
	uint32_t next;
};

struct half {
	struct node *level[LEVELS];	/* 0: over slots; then over nodes; the last that is used has one node */
	struct slot *slots;
	uint32_t count;			/* of slots that are not empty */
};

struct gradient {
	struct half half[2];
	struct item *items;
	uint64_t base;			/* in slots */
	uint32_t n_slots;		/* in a half: a power of two */
	unsigned int n_bits, n_levels;
};

static void half_create(struct half *h, const struct gradient *g)
{
	uint32_t n = g->n_slots;

	h->slots = bench_alloc(n * sizeof(*h->slots));
	for (uint32_t i = 0; i < n; i++)
		h->slots[i] = (struct slot){NONE, NONE};
	for (unsigned int l = 0; l < g->n_levels; l++) {
		n = (n + FAN - 1) / FAN;
		h->level[l] = bench_alloc(n * sizeof(struct node));
	}
}

static void *gradient_create(const struct pq_size *size)
{
	struct gradient *g = bench_alloc(sizeof(*g));

	g->items = bench_alloc(size->n_items * sizeof(*g->items));
	g->n_slots = size->n_slots;
	g->n_bits = (unsigned int)__builtin_ctz(size->n_slots);
	g->n_levels = (g->n_bits + 4) / 5;
	half_create(&g->half[0], g);
	half_create(&g->half[1], g);
	return g;
}

static void gradient_destroy(void *queue)
{
	struct gradient *g = queue;

	for (unsigned int i = 0; i < 2; i++) {
		free(g->half[i].slots);
		for (unsigned int l = 0; l < g->n_levels; l++)
			free(g->half[i].level[l]);
	}
	free(g->items);
	free(g);
}

static inline void mark_filled(const struct gradient *g, struct half *h, uint32_t at)
{
	for (unsigned int l = 0; l < g->n_levels; l++, at /= FAN) {
		struct node *node = &h->level[l][at / FAN];
		bool was_empty = node->a == 0;
		node->a += UINT64_C(1) << (at % FAN);
		node->b += (uint64_t)(at % FAN) << (at % FAN);
		if (!was_empty)
			break;
	}
	h->count++;
}

static inline void mark_empty(const struct gradient *g, struct half *h, uint32_t at)
{
	for (unsigned int l = 0; l < g->n_levels; l++, at /= FAN) {
		struct node *node = &h->level[l][at / FAN];
		node->a -= UINT64_C(1) << (at % FAN);
		node->b -= (uint64_t)(at % FAN) << (at % FAN);
		if (node->a != 0)
			break;
	}
	h->count--;
}

static inline uint32_t highest(const struct gradient *g, const struct half *h)
{
	uint32_t at = 0;

	for (unsigned int l = g->n_levels; l-- > 0;) {
		const struct node *node = &h->level[l][at];
		at = at * FAN + (uint32_t)((node->b + node->a - 1) / node->a);
	}
	return at;
}

static inline void gradient_push(void *queue, uint32_t item, uint64_t rank)
{
	struct gradient *g = queue;
	uint64_t slot = rank >> HOLD_SHIFT;
	struct half *h = &g->half[(slot >> g->n_bits) & 1];
	uint32_t at = g->n_slots - 1 - ((uint32_t)slot & (g->n_slots - 1));
	struct slot *s = &h->slots[at];

	g->items[item] = (struct item){rank, NONE};
	if (s->head == NONE) {
		s->head = item;
		mark_filled(g, h, at);
	} else {
		g->items[s->tail].next = item;
	}
	s->tail = item;
}

static inline uint32_t gradient_pop(void *queue, uint64_t *rank)
{
	struct gradient *g = queue;
	struct half *h = &g->half[(g->base >> g->n_bits) & 1];

	if (h->count == 0)
		h = &g->half[~(g->base >> g->n_bits) & 1];

	uint32_t at = highest(g, h);
	struct slot *s = &h->slots[at];
	uint32_t item = s->head;
	*rank = g->items[item].rank;
	g->base = *rank >> HOLD_SHIFT;
	s->head = g->items[item].next;
	if (s->head == NONE)
		mark_empty(g, h, at);
	return item;
}

static uint64_t gradient_hold(void *hold)
{
	return hold_loop(hold, gradient_pop, gradient_push);
}

const struct pq pq_gradient = {
	"gradient queue", gradient_create, gradient_destroy, gradient_push, gradient_pop, gradient_hold};
