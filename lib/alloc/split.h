/* SPDX-License-Identifier: BSD-3-Clause */
/* A budget split over those who draw on it, by use (step 2 of DBA-VM): a VM's over its VFs, the packet capacity over
 * the workers that ask.  First everybody's floor; then up to what each wants, by weight (where all want more than there
 * is: max-min); what nobody wants is lent by weight too, so that who wakes up finds something.
 * A pure function on whole numbers: no state, no clock, no memory of its own.  Used by: control.  Uses: nothing. */
#ifndef WEIR_SPLIT_H
#define WEIR_SPLIT_H

#include <stdint.h>

#define SPLIT_NO_CAP	 UINT64_MAX
#define SPLIT_MAX_BUDGET (UINT64_C(1) << 47)	/* 140 Tb/s */

struct split_part {
	uint64_t floor, demand;
	uint64_t cap;		/* its own limit, or SPLIT_NO_CAP */
	uint32_t weight;	/* 1 or more */
	/* The answer. */
	uint64_t share;
};

/* Shares add up to the budget (SPLIT_MAX_BUDGET at most) to the unit, or to all caps where that is less.  Floors that do
 * not fit are cut in proportion.  O(n), with a factor of some hundred. */
void split_budget(struct split_part *parts, uint32_t n, uint64_t budget);

#endif
