/* SPDX-License-Identifier: BSD-3-Clause */
/* What can be seen of the control core's allocator.  Written by it as a whole, read by telemetry.
 * Used by: telem, app.  Uses: nothing. */
#ifndef WEIR_ALLOCATOR_VIEW_H
#define WEIR_ALLOCATOR_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#define ALLOCATOR_VIEW_DECISIONS 16
#define ALLOCATOR_VIEW_WORKERS	 64

/* Packets or bits per second; 0: not known. */
struct capacity_view {
	uint64_t asked, measured, effective;
	uint64_t since_ns;	/* effective is what it is */
	bool is_configured;	/* the operator's word counts, whatever is measured */
};

struct allocator_view {
	uint64_t period_asked_ns, period_ns;	/* as configured, and as it is */
	uint64_t n_runs;
	uint64_t cost_p50_ns, cost_p99_ns, cost_max_ns;	/* of a run */
	uint64_t n_published;			/* grants handed to the workers */
	uint64_t n_deferred;			/* periods in which a worker had not taken the last ones yet */
	uint64_t n_away, away_ns, away_at_ns;	/* times the control core was away, the last time for how long, until when */
	struct capacity_view core_pps, port_bps;
	uint32_t n_cut;				/* VFs and tenants that are granted less than they were sold */
	unsigned int n_workers;
	uint64_t worker_pps[ALLOCATOR_VIEW_WORKERS];	/* parts of the packet capacity; 0: not split by demand */
	uint64_t n_decisions;			/* since the start; the last are below, the latest first */
	struct {
		uint64_t at_ns;
		char text[120];
	} decisions[ALLOCATOR_VIEW_DECISIONS];
};

#endif
