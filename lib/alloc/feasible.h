/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is cut when guarantees no longer fit (contract 10; step 1 of DBA-VM): from the lowest priority up, and within one
 * priority each by the same part of what it was promised.  A tenant is one among its siblings; what is left to it is
 * divided among its members by the same rule.  One resource at a time, bits or packets, in any one unit.
 * A pure function: no state, no clock, no memory of its own.  O(n).  Used by: control.  Uses: nothing. */
#ifndef WEIR_FEASIBLE_H
#define WEIR_FEASIBLE_H

#include <stdbool.h>
#include <stdint.h>

#define FEASIBLE_NO_PARENT    UINT32_MAX
#define FEASIBLE_N_PRIORITIES 8

struct feasible_node {
	uint64_t owed;		/* of a group: its own guarantee or its members', whatever is larger */
	uint32_t parent;	/* index of its group, or FEASIBLE_NO_PARENT; no loops */
	uint8_t priority;	/* 0 is cut last */
	bool is_group;
	/* The answer: at most what is owed. */
	uint64_t granted;
	/* Of the function itself. */
	uint32_t first_child, next;
};

/* Grants to siblings add up to 'capacity' at most, and to less than it by fewer than there are siblings where anybody is
 * cut.  Returns how many nodes are cut. */
uint32_t feasible_cut(struct feasible_node *nodes, uint32_t n, uint64_t capacity);

#endif
