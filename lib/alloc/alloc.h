/* SPDX-License-Identifier: BSD-3-Clause */
/* Who gets what of a link when all send: the rates that the contract promises (2.3), computed, not measured.  Weighted
 * max-min with guarantees as floors, limits as ceilings and strict priority for what they leave, over a tree: a group (a
 * tenant) is one among its siblings, and what it gets is divided among its members by the same rule; what they are owed
 * is a floor of the group.  One unit for all figures.
 * A pure function: no state, no clock.  O(n log n).  Used by: telem (dry run).  Uses: nothing. */
#ifndef WEIR_ALLOC_H
#define WEIR_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

#define ALLOC_NO_PARENT	   UINT32_MAX
#define ALLOC_N_PRIORITIES 8

/* What bounds a node. */
enum alloc_bound {
	ALLOC_DEMAND,		/* it has all it wants */
	ALLOC_LIMIT,		/* its own maximum */
	ALLOC_GUARANTEE,	/* it has its guarantee, and by priority or weight nothing more */
	ALLOC_SHARE,		/* its part by weight */
};

struct alloc_node {
	double min, max, demand;	/* demand of a group: not read, its members' counts */
	uint32_t weight;		/* 1 or more */
	uint8_t priority;		/* 0 is served first */
	uint32_t parent;		/* index of its group, or ALLOC_NO_PARENT */
	bool is_group;
	/* The answer. */
	double rate;
	enum alloc_bound bound;
};

/* false: the floors do not fit (or memory is out: then *is_memory_out), and no rate is set. */
bool alloc_tree(struct alloc_node *nodes, uint32_t n, double link, bool *is_memory_out);

const char *alloc_bound_text(enum alloc_bound bound);	/* for people */

#endif
