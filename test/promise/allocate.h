/* SPDX-License-Identifier: BSD-3-Clause */
/* The rates that the contract promises, computed in the slowest and most obvious way: what the scheduler is held to.
 * Weighted max-min with floors and ceilings, strict priority for the excess (contract 3). */
#ifndef WEIR_ALLOCATE_H
#define WEIR_ALLOCATE_H

#include <stdint.h>

struct want {
	double min, max, demand;	/* in one unit */
	double weight;
	unsigned int priority;
	double rate;			/* the answer */
};

void allocate(struct want *wants, uint32_t n, double link);

#endif
