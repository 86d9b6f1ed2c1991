/* SPDX-License-Identifier: BSD-3-Clause */
/* The rates that the contract promises, computed in the slowest and most obvious way: what the scheduler is held to.
 * Weighted max-min with floors and ceilings, strict priority for the excess (contract 3). */
#ifndef WEIR_ALLOCATE_H
#define WEIR_ALLOCATE_H

#include <stdbool.h>
#include <stdint.h>

#define ALLOCATE_MAX 128	/* members of a tenant */

struct want {
	double min, max, demand;	/* in one unit */
	double weight;
	unsigned int priority;
	uint32_t parent;		/* 1 + the index of the tenant it is in; 0: none */
	bool is_tenant;			/* allocate_tree() computes its demand, and lifts its min to what its members are owed */
	double rate;			/* the answer */
};

void allocate(struct want *wants, uint32_t n, double link);

/* The same with tenants above VFs, and above tenants: what one gets is divided among its members by the same rule. */
void allocate_tree(struct want *wants, uint32_t n, double link);

#endif
