/* SPDX-License-Identifier: BSD-3-Clause */
/* Eiffel's approximate gradient queue (NSDI'19): as the exact one (pq_gradient.c), but a child i that is not empty adds
 * 2^(i / ALPHA), so that 64 bits do for 512 children and not 32; two levels of them are enough here.  Were all below it full, the highest would be b / a and
 * 1 / (2^(1 / ALPHA) - 1) more; where gaps make that wrong the next child that is not empty is taken, first downwards.  So
 * the first item is not always the one that comes out: pq_hold shows by how much. */
#include <math.h>
#include <stdlib.h>

#include "hold.h"

#define NONE  UINT32_MAX
#define FAN   512u
#define ALPHA 16.0

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

/* Of a horizon.  Slots are numbered downwards, as a node finds its highest child. */
struct half {
	struct node top;	/* over 'nodes' */
	struct node *nodes;	/* over slots */
	struct slot *slots;
	uint32_t count;		/* of slots that are not empty */
};

struct approx {
	struct half half[2];
	struct item *items;
	uint64_t weight[FAN];
	uint32_t n_slots;	/* in a half: a power of two, FAN * FAN at most */
	uint32_t shift;		/* what b / a is too low where all is full */
	unsigned int n_bits, first;	/* first: the half that comes out */
};

static void *approx_create(const struct pq_size *size)
{
	struct approx *g = bench_alloc(sizeof(*g));

	g->items = bench_alloc(size->n_items * sizeof(*g->items));
	g->n_slots = size->n_slots;
	g->n_bits = (unsigned int)__builtin_ctz(size->n_slots);
	g->shift = (uint32_t)(1 / (exp2(1 / ALPHA) - 1) + 0.5);
	for (uint32_t i = 0; i < FAN; i++)
		g->weight[i] = (uint64_t)(exp2(i / ALPHA) + 0.5);
	for (unsigned int h = 0; h < 2; h++) {
		g->half[h].slots = bench_alloc(g->n_slots * sizeof(struct slot));
		g->half[h].nodes = bench_alloc((g->n_slots + FAN - 1) / FAN * sizeof(struct node));
		for (uint32_t i = 0; i < g->n_slots; i++)
			g->half[h].slots[i] = (struct slot){NONE, NONE};
	}
	return g;
}

static void approx_destroy(void *queue)
{
	struct approx *g = queue;

	for (unsigned int h = 0; h < 2; h++) {
		free(g->half[h].slots);
		free(g->half[h].nodes);
	}
	free(g->items);
	free(g);
}

/* One division. */
static inline uint32_t guess(const struct approx *g, const struct node *node, uint32_t n_children)
{
	uint64_t at = node->b / node->a + g->shift;

	return at < n_children ? (uint32_t)at : n_children - 1;
}

static inline uint32_t find_node(const struct approx *g, const struct half *h)
{
	uint32_t n = (g->n_slots + FAN - 1) / FAN, from = guess(g, &h->top, n), at = from;

	while (at > 0 && h->nodes[at].a == 0)
		at--;
	if (h->nodes[at].a == 0)
		for (at = from; h->nodes[at].a == 0;)
			at++;
	return at;
}

static inline uint32_t find_slot(const struct approx *g, const struct half *h, uint32_t node)
{
	uint32_t n = g->n_slots < FAN ? g->n_slots : FAN, from = guess(g, &h->nodes[node], n), at = from;
	const struct slot *slots = &h->slots[node * FAN];

	while (at > 0 && slots[at].head == NONE)
		at--;
	if (slots[at].head == NONE)
		for (at = from; slots[at].head == NONE;)
			at++;
	return node * FAN + at;
}

static inline void mark_filled(const struct approx *g, struct half *h, uint32_t at)
{
	struct node *node = &h->nodes[at / FAN];

	if (node->a == 0) {
		h->top.a += g->weight[at / FAN];
		h->top.b += at / FAN * g->weight[at / FAN];
	}
	node->a += g->weight[at % FAN];
	node->b += at % FAN * g->weight[at % FAN];
	h->count++;
}

static inline void mark_empty(const struct approx *g, struct half *h, uint32_t at)
{
	struct node *node = &h->nodes[at / FAN];

	node->a -= g->weight[at % FAN];
	node->b -= at % FAN * g->weight[at % FAN];
	if (node->a == 0) {
		h->top.a -= g->weight[at / FAN];
		h->top.b -= at / FAN * g->weight[at / FAN];
	}
	h->count--;
}

static inline void approx_push(void *queue, uint32_t item, uint64_t rank)
{
	struct approx *g = queue;
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

static inline uint32_t approx_pop(void *queue, uint64_t *rank)
{
	struct approx *g = queue;

	if (g->half[g->first].count == 0)
		g->first ^= 1;
	struct half *h = &g->half[g->first];
	uint32_t at = find_slot(g, h, find_node(g, h));
	struct slot *s = &h->slots[at];
	uint32_t item = s->head;
	*rank = g->items[item].rank;
	s->head = g->items[item].next;
	if (s->head == NONE)
		mark_empty(g, h, at);
	return item;
}

static uint64_t approx_hold(void *hold)
{
	return hold_loop(hold, approx_pop, approx_push);
}

const struct pq pq_approx = {"approximate gradient queue", approx_create, approx_destroy, approx_push, approx_pop, approx_hold};
