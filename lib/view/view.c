/* SPDX-License-Identifier: BSD-3-Clause */
#include "view.h"

#include <assert.h>
#include <stddef.h>

#include "clk.h"

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

/* All that counts, as one array: figures are uint64_t, and what waits is put back. */
#define N_FIGURES (sizeof(struct dir_view) / sizeof(uint64_t))

union figures {
	struct dir_view view;
	uint64_t figure[N_FIGURES];
};
static_assert(sizeof(union figures) == sizeof(struct dir_view), "nothing but figures");

static void since(struct dir_view *now, const struct dir_view *then)
{
	union figures a = {.view = *now}, b = {.view = *then};

	b.view.backlog_pkts = b.view.backlog_bytes = 0;
	for (size_t i = 0; i < N_FIGURES; i++)
		a.figure[i] -= b.figure[i] < a.figure[i] ? b.figure[i] : a.figure[i];
	*now = a.view;
}

static void add(struct dir_view *sum, const struct dir_view *v)
{
	union figures a = {.view = *sum}, b = {.view = *v};

	for (size_t i = 0; i < N_FIGURES; i++)
		a.figure[i] += b.figure[i];
	*sum = a.view;
}

void vf_view_since(struct vf_view *now, const struct vf_view *then)
{
	since(&now->tx, &then->tx);
	since(&now->rx, &then->rx);
}

void tenant_view_since(struct tenant_view *now, const struct tenant_view *then)
{
	for (int b = 0; b < N_VIEW_BOUNDS; b++)
		now->held_ns[b] -= u64_min(then->held_ns[b], now->held_ns[b]);
	now->missed_ns -= u64_min(then->missed_ns, now->missed_ns);
}

void vf_view_add(struct vf_view *sum, const struct vf_view *v)
{
	add(&sum->tx, &v->tx);
	add(&sum->rx, &v->rx);
}

void delay_view_since(struct delay_view *now, const struct delay_view *then)
{
	for (int c = 0; c < N_TCLASSES; c++) {
		hist_since(&now->tx[c], &then->tx[c]);
		hist_since(&now->rx[c], &then->rx[c]);
	}
}

uint64_t dir_view_drops(const struct dir_view *d)
{
	uint64_t sum = 0;

	for (int i = 0; i < N_DROP_REASONS; i++)
		sum += d->drops[i];
	return sum;
}
