/* SPDX-License-Identifier: BSD-3-Clause */
#include "split.h"

#define LEVEL_SHIFT 16	/* the level has so many bits behind the point */

__extension__ typedef unsigned __int128 u128;

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t floor_of(const struct split_part *p)
{
	return least(p->floor, p->cap);
}

/* What it wants, and its floor at least. */
static uint64_t want_of(const struct split_part *p)
{
	uint64_t want = least(p->demand, p->cap);

	return want > floor_of(p) ? want : floor_of(p);
}

/* What a part has at a level: its weight's part, not less than it has already, not more than its target. */
static uint64_t at_level(const struct split_part *p, uint64_t target, uint64_t level)
{
	u128 share = (u128)p->weight * level >> LEVEL_SHIFT;

	if (share < p->share)
		return p->share;
	return share < target ? (uint64_t)share : target;
}

static u128 sum_at(const struct split_part *parts, uint32_t n, uint64_t (*target)(const struct split_part *), uint64_t level)
{
	u128 sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += at_level(&parts[i], target(&parts[i]), level);
	return sum;
}

/* Raises all to the highest level that the budget pays for, each to its target at most; what rounding leaves goes to the
 * first that still want it. */
static void pour(struct split_part *parts, uint32_t n, uint64_t budget, uint64_t (*target)(const struct split_part *))
{
	uint64_t low = 0, high = budget << LEVEL_SHIFT, left = budget;

	while (low < high) {
		uint64_t middle = high - (high - low) / 2;
		if (sum_at(parts, n, target, middle) <= budget)
			low = middle;
		else
			high = middle - 1;
	}
	for (uint32_t i = 0; i < n; i++) {
		parts[i].share = at_level(&parts[i], target(&parts[i]), low);
		left -= parts[i].share;
	}
	for (uint32_t i = 0; i < n && left > 0; i++) {
		uint64_t more = least(left, target(&parts[i]) - parts[i].share);
		parts[i].share += more;
		left -= more;
	}
}

static uint64_t cap_of(const struct split_part *p)
{
	return p->cap;
}

void split_budget(struct split_part *parts, uint32_t n, uint64_t budget)
{
	u128 floors = 0;

	for (uint32_t i = 0; i < n; i++)
		floors += floor_of(&parts[i]);
	for (uint32_t i = 0; i < n; i++) {
		parts[i].share = floor_of(&parts[i]);
		if (floors > budget)
			parts[i].share = (uint64_t)((u128)parts[i].share * budget / floors);
	}
	if (floors <= budget)
		pour(parts, n, budget, want_of);
	pour(parts, n, budget, cap_of);
}
