/* SPDX-License-Identifier: BSD-3-Clause */
#include "view.h"

static const char *const bound_names[] = {
	[VIEW_BPS] = "bps",
	[VIEW_PPS] = "pps",
	[VIEW_TENANT] = "tenant",
	[VIEW_LINK] = "link",
	[VIEW_CORE] = "core",
};

const char *view_bound_name(enum view_bound bound)
{
	return bound < N_VIEW_BOUNDS ? bound_names[bound] : "none";
}

uint64_t dir_view_drops(const struct dir_view *d)
{
	uint64_t sum = 0;

	for (int i = 0; i < N_DROP_REASONS; i++)
		sum += d->drops[i];
	return sum;
}
