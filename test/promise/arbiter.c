/* SPDX-License-Identifier: BSD-3-Clause */
/* Solves what arbiter.py asks, so that it can be held against another writing of the contract: the slow solver of the tests
 * (allocate.h) and the control core's (alloc.h).
 * In, a line each: "N LINK", then N times "MIN MAX DEMAND WEIGHT PRIORITY PARENT IS_TENANT", PARENT 1 + its number or 0.
 * Out, N times "SLOW FAST"; FAST is nan where floors do not fit, which the slow one does not say. */
#include <math.h>
#include <stdio.h>

#include "alloc.h"
#include "allocate.h"

static void solve(struct want *wants, struct alloc_node *nodes, uint32_t n, double link)
{
	bool is_memory_out;
	bool fits = alloc_tree(nodes, n, link, &is_memory_out);

	allocate_tree(wants, n, link);
	for (uint32_t i = 0; i < n; i++)
		printf("%.9g %.9g\n", wants[i].rate, fits ? nodes[i].rate : (double)NAN);
}

int main(void)
{
	struct alloc_node nodes[ALLOCATE_MAX];
	struct want wants[ALLOCATE_MAX];
	double link;
	uint32_t n;

	while (scanf("%u %lf", &n, &link) == 2 && n <= ALLOCATE_MAX) {
		for (uint32_t i = 0; i < n; i++) {
			struct want *w = &wants[i];
			unsigned int is_tenant;
			if (scanf("%lf %lf %lf %lf %u %u %u", &w->min, &w->max, &w->demand, &w->weight, &w->priority, &w->parent, &is_tenant) != 7)
				return 1;
			w->is_tenant = is_tenant != 0;
			nodes[i] = (struct alloc_node){.min = w->min, .max = w->max, .demand = w->demand, .weight = (uint32_t)w->weight,
				.priority = (uint8_t)w->priority, .parent = w->parent > 0 ? w->parent - 1 : ALLOC_NO_PARENT, .is_group = w->is_tenant};
		}
		solve(wants, nodes, n, link);
	}
	return 0;
}
