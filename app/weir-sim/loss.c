/* SPDX-License-Identifier: BSD-3-Clause */
/* What was lost or marked, by class and reason: sums, and words for them. */
#include "sim.h"

uint64_t loss_dropped(const struct world_losses *l)
{
	uint64_t n = l->switch_dropped_pkts;

	for (int r = 0; r < N_DROP_REASONS; r++)
		n += l->drops[r];
	return n;
}

uint64_t loss_marked(const struct world_losses *l)
{
	return l->marked_pkts + l->switch_marked_pkts;
}

void loss_add(struct world_losses *sum, const struct world_losses *l)
{
	for (int r = 0; r < N_DROP_REASONS; r++)
		sum->drops[r] += l->drops[r];
	sum->marked_pkts += l->marked_pkts;
	sum->switch_dropped_pkts += l->switch_dropped_pkts;
	sum->switch_marked_pkts += l->switch_marked_pkts;
}

void loss_since(struct world_losses *now, const struct world_losses *then)
{
	for (int r = 0; r < N_DROP_REASONS; r++)
		now->drops[r] -= then->drops[r];
	now->marked_pkts -= then->marked_pkts;
	now->switch_dropped_pkts -= then->switch_dropped_pkts;
	now->switch_marked_pkts -= then->switch_marked_pkts;
}
