/* SPDX-License-Identifier: BSD-3-Clause */
/* Who should have what of the bottleneck: weighted max-min among those who have a grant. */
#include "remote_impl.h"

#define STEPS 48	/* of halving: rates are below 2^44 */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What it is known to want: who does not use what it may, little more than what it sends; where it heard of congestion,
 * its senders have given way themselves, and may want twice that. */
static uint64_t wanted_bps(const struct remote_vf *v)
{
	uint64_t more = v->alpha > REMOTE_LEAST_HEARD ? v->actual_bps : v->actual_bps / 8;

	return remote_is_hungry(v) ? v->terms.max_bps : least(v->actual_bps + more, v->terms.max_bps);
}

/* Its part where a weight of one has 'level'. */
static uint64_t part_bps(const struct remote_vf *v, uint64_t level)
{
	uint64_t wanted = wanted_bps(v), share = level * v->terms.weight, floor = least(v->terms.min_bps, wanted);

	return share < floor ? floor : least(share, wanted);
}

static uint64_t sum_of_parts(const struct remote_vf *vfs, uint32_t n, uint64_t level)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		if (vfs[i].grant_bps != 0)
			sum += part_bps(&vfs[i], level);
	return sum;
}

/* The level is found by halving: the sum grows with it. */
void remote_targets(struct remote_vf *vfs, uint32_t n, uint64_t bps)
{
	uint64_t low = 0, high = bps;

	for (int i = 0; i < STEPS && high - low > 1; i++) {
		uint64_t middle = low + (high - low) / 2;
		if (sum_of_parts(vfs, n, middle) <= bps)
			low = middle;
		else
			high = middle;
	}
	if (sum_of_parts(vfs, n, high) <= bps)	/* there is enough for all */
		low = high;
	for (uint32_t i = 0; i < n; i++)
		vfs[i].target_bps = vfs[i].grant_bps != 0 ? part_bps(&vfs[i], low) : 0;
}
