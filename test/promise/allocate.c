/* SPDX-License-Identifier: BSD-3-Clause */
#include "allocate.h"

#define N_PRIORITIES 8

static double cap(const struct want *w)
{
	return w->max < w->demand ? w->max : w->demand;
}

/* What 'w' has when the water stands at 'level': its weight's part, not less than its floor and not above its cap. */
static double at_level(const struct want *w, double level)
{
	double rate = w->weight * level;

	if (rate < w->rate)
		rate = w->rate;
	return rate < cap(w) ? rate : cap(w);
}

static double used(const struct want *wants, uint32_t n, unsigned int priority, double level)
{
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += wants[i].priority == priority ? at_level(&wants[i], level) : 0;
	return sum;
}

void allocate(struct want *wants, uint32_t n, double link)
{
	double left = link;

	for (uint32_t i = 0; i < n; i++) {	/* everyone's floor, if there is demand */
		wants[i].rate = wants[i].min < cap(&wants[i]) ? wants[i].min : cap(&wants[i]);
		left -= wants[i].rate;
	}
	for (unsigned int p = 0; p < N_PRIORITIES; p++) {
		double floors = used(wants, n, p, 0), low = 0, high = 1e15;
		for (int round = 0; round < 200; round++) {
			double level = (low + high) / 2;
			if (used(wants, n, p, level) > floors + left)
				high = level;
			else
				low = level;
		}
		left -= used(wants, n, p, low) - floors;
		for (uint32_t i = 0; i < n; i++)
			if (wants[i].priority == p)
				wants[i].rate = at_level(&wants[i], low);
	}
}
