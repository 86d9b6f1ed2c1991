/* SPDX-License-Identifier: BSD-3-Clause */
#include "feasible.h"

#define NONE UINT32_MAX

__extension__ typedef unsigned __int128 u128;

static uint32_t link_children(struct feasible_node *nodes, uint32_t n)
{
	uint32_t first_root = NONE;

	for (uint32_t i = 0; i < n; i++)
		nodes[i].first_child = NONE;
	for (uint32_t i = n; i-- > 0;) {
		uint32_t *first = nodes[i].parent == FEASIBLE_NO_PARENT ? &first_root : &nodes[nodes[i].parent].first_child;
		nodes[i].next = *first;
		*first = i;
	}
	return first_root;
}

/* Siblings, and what is below them.  Returns how many are cut. */
static uint32_t divide(struct feasible_node *nodes, uint32_t first, uint64_t capacity)
{
	u128 owed[FEASIBLE_N_PRIORITIES] = {0};
	uint64_t room[FEASIBLE_N_PRIORITIES];
	uint32_t n_cut = 0;

	for (uint32_t i = first; i != NONE; i = nodes[i].next)
		owed[nodes[i].priority] += nodes[i].owed;
	for (int priority = 0; priority < FEASIBLE_N_PRIORITIES; priority++) {
		room[priority] = owed[priority] < capacity ? (uint64_t)owed[priority] : capacity;
		capacity -= room[priority];
	}
	for (uint32_t i = first; i != NONE; i = nodes[i].next) {
		struct feasible_node *node = &nodes[i];
		uint8_t priority = node->priority;

		node->granted = node->owed;
		if (owed[priority] > room[priority])	/* then it is not 0 */
			node->granted = (uint64_t)((u128)node->owed * room[priority] / owed[priority]);
		n_cut += node->granted < node->owed;
		if (node->is_group)
			n_cut += divide(nodes, node->first_child, node->granted);
	}
	return n_cut;
}

uint32_t feasible_cut(struct feasible_node *nodes, uint32_t n, uint64_t capacity)
{
	return divide(nodes, link_children(nodes, n), capacity);
}
