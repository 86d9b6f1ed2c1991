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

/* From its members up: all they can send, and what they are owed up to its limit, are its own. */
static void complete(struct want *wants, uint32_t n, uint32_t tenant)
{
	struct want *t = &wants[tenant];
	double can = 0, owed = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct want *m = &wants[i];
		if (m->parent != tenant + 1)
			continue;
		if (m->is_tenant)
			complete(wants, n, i);
		can += cap(m);
		owed += m->min < cap(m) ? m->min : cap(m);
	}
	t->demand = can;
	if (owed > t->max)
		owed = t->max;
	if (t->min < owed)
		t->min = owed;
}

static void divide(struct want *wants, uint32_t n, uint32_t parent, double link)
{
	struct want members[ALLOCATE_MAX];
	uint32_t index[ALLOCATE_MAX], n_members = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (wants[i].parent != parent)
			continue;
		index[n_members] = i;
		members[n_members++] = wants[i];
	}
	allocate(members, n_members, link);
	for (uint32_t i = 0; i < n_members; i++) {
		wants[index[i]].rate = members[i].rate;
		if (members[i].is_tenant)
			divide(wants, n, index[i] + 1, members[i].rate);
	}
}

void allocate_tree(struct want *wants, uint32_t n, double link)
{
	for (uint32_t i = 0; i < n; i++) {
		if (wants[i].is_tenant && wants[i].parent == 0)
			complete(wants, n, i);
	}
	divide(wants, n, 0, link);
}
