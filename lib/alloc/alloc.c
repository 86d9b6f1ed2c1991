/* SPDX-License-Identifier: BSD-3-Clause */
#include "alloc.h"

#include <stdlib.h>

#define NONE	UINT32_MAX
#define ROUNDING 1e-9	/* of the whole */
#define FEW_BENDS 64

/* Where the sum over a level bends when the water rises: a node begins to grow, or is full. */
struct bend {
	double water, slope;
};

/* What is worked out of a node. */
struct part {
	double floor, cap;
	uint32_t first_child, next;
};

struct work {
	struct alloc_node *nodes;
	struct part *parts;	/* n + 1: the last is the root's */
	struct bend *bends;	/* 2 n */
	uint32_t n;
	bool fits;
};

static double least(double a, double b)
{
	return a < b ? a : b;
}

static double most(double a, double b)
{
	return a > b ? a : b;
}

/* What a node can take, and has before anybody shares: of a group by what its members can take, and are owed. */
static void complete(struct work *w, uint32_t id)
{
	struct alloc_node *node = &w->nodes[id];
	struct part *part = &w->parts[id];
	double demand = node->demand, owed = 0;

	if (node->is_group) {
		demand = 0;
		for (uint32_t i = part->first_child; i != NONE; i = w->parts[i].next) {
			complete(w, i);
			demand += w->parts[i].cap;
			owed += w->parts[i].floor;
		}
		if (owed > node->max * (1 + ROUNDING))
			w->fits = false;
		owed = least(owed, node->max);
	}
	part->cap = least(node->max, demand);
	part->floor = least(most(node->min, owed), part->cap);
}

static int by_water(const void *a, const void *b)
{
	const struct bend *x = a, *y = b;

	return x->water < y->water ? -1 : x->water > y->water;
}

/* Few, as nearly always, are sorted as they come: a call for each comparison costs more than they do. */
static void sort(struct bend *bends, uint32_t n)
{
	if (n > FEW_BENDS) {
		qsort(bends, n, sizeof(*bends), by_water);
		return;
	}
	for (uint32_t i = 1; i < n; i++) {
		struct bend b = bends[i];
		uint32_t at = i;
		for (; at > 0 && bends[at - 1].water > b.water; at--)
			bends[at] = bends[at - 1];
		bends[at] = b;
	}
}

/* How high the water stands when the nodes of a level have 'budget' together, each its weight times the water but not less
 * than its floor and not more than its cap.  Exact: straight lines between the bends. */
static double find_water(struct work *w, uint32_t first, uint8_t priority, double budget)
{
	double water = 0, used = 0, slope = 0;
	uint32_t n = 0;

	for (uint32_t i = first; i != NONE; i = w->parts[i].next) {
		const struct alloc_node *node = &w->nodes[i];
		if (node->priority != priority)
			continue;
		w->bends[n++] = (struct bend){w->parts[i].floor / node->weight, node->weight};
		w->bends[n++] = (struct bend){w->parts[i].cap / node->weight, -(double)node->weight};
		used += w->parts[i].floor;
	}
	sort(w->bends, n);
	for (uint32_t i = 0; i < n; i++) {
		double more = slope * (w->bends[i].water - water);
		if (slope > 0 && used + more > budget)
			return water + most(budget - used, 0) / slope;
		used += more;
		water = w->bends[i].water;
		slope += w->bends[i].slope;
	}
	return water;	/* all are full */
}

static void pour(struct work *w, uint32_t id, double water, double link)
{
	struct alloc_node *node = &w->nodes[id];
	const struct part *part = &w->parts[id];

	node->rate = least(part->cap, most(part->floor, node->weight * water));
	if (node->rate >= part->cap - ROUNDING * link)
		node->bound = part->cap < node->max ? ALLOC_DEMAND : ALLOC_LIMIT;
	else
		node->bound = part->floor > 0 && node->rate <= part->floor + ROUNDING * link ? ALLOC_GUARANTEE : ALLOC_SHARE;
}

/* Divides 'link' among the members of a group, or the root, and below. */
static void divide(struct work *w, uint32_t first, double link)
{
	double left = link;
	uint32_t there = 0;	/* priorities */

	for (uint32_t i = first; i != NONE; i = w->parts[i].next) {
		left -= w->parts[i].floor;
		there |= 1u << w->nodes[i].priority;
	}
	if (left < -ROUNDING * link)
		w->fits = false;
	for (uint8_t priority = 0; priority < ALLOC_N_PRIORITIES && w->fits; priority++) {
		if ((there >> priority & 1) == 0)
			continue;
		double budget = most(left, 0);
		for (uint32_t i = first; i != NONE; i = w->parts[i].next)
			budget += w->nodes[i].priority == priority ? w->parts[i].floor : 0;
		double water = find_water(w, first, priority, budget);
		for (uint32_t i = first; i != NONE; i = w->parts[i].next) {
			if (w->nodes[i].priority != priority)
				continue;
			pour(w, i, water, link);
			left -= w->nodes[i].rate - w->parts[i].floor;
		}
	}
	for (uint32_t i = first; i != NONE && w->fits; i = w->parts[i].next)
		if (w->nodes[i].is_group)
			divide(w, w->parts[i].first_child, w->nodes[i].rate);
}

static void link_children(struct work *w)
{
	for (uint32_t i = 0; i <= w->n; i++)
		w->parts[i].first_child = w->parts[i].next = NONE;
	for (uint32_t i = w->n; i-- > 0;) {
		struct part *parent = &w->parts[w->nodes[i].parent == ALLOC_NO_PARENT ? w->n : w->nodes[i].parent];
		w->parts[i].next = parent->first_child;
		parent->first_child = i;
	}
}

bool alloc_tree(struct alloc_node *nodes, uint32_t n, double link, bool *is_memory_out)
{
	struct work w = {.nodes = nodes, .n = n, .fits = true};

	w.parts = malloc((n + 1) * sizeof(*w.parts));
	w.bends = malloc((2 * (size_t)n + 1) * sizeof(*w.bends));
	*is_memory_out = w.parts == NULL || w.bends == NULL;
	if (!*is_memory_out) {
		link_children(&w);
		for (uint32_t i = w.parts[n].first_child; i != NONE; i = w.parts[i].next)
			complete(&w, i);
		divide(&w, w.parts[n].first_child, link);
	}
	free(w.parts);
	free(w.bends);
	return !*is_memory_out && w.fits;
}

const char *alloc_bound_text(enum alloc_bound bound)
{
	static const char *const texts[] = {
		[ALLOC_DEMAND] = "all it wants",
		[ALLOC_LIMIT] = "its limit",
		[ALLOC_GUARANTEE] = "its guarantee alone",
		[ALLOC_SHARE] = "its share by weight",
	};

	return texts[bound];
}
