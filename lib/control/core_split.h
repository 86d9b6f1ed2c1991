/* SPDX-License-Identifier: BSD-3-Clause */
/* Which worker may read how much of the packet capacity (design: splits between workers, by demand, exact in sum).  Each
 * worker's part is what the contract (2.3) gives its ports, all workers' together: guarantees, then priority, then weights, by
 * what each wants; so the orders of asking, each for itself, come to what one order of all would.  What VFs and tenants
 * were promised is at hand on the worker that reads them, as far as there is room for that: each worker's own part.  What of
 * that is not used is lent (grants.h): then a worker reads what it uses, and others the more; who lends has his own part back at
 * packet time (pipeline/pipe_loan.c), and the control core lends anew.
 * It keeps what it measures, and reads no clock.  Used by: control.  Uses: alloc, sla (asking.h), view. */
#ifndef WEIR_CORE_SPLIT_H
#define WEIR_CORE_SPLIT_H

#include "alloc.h"
#include "asking.h"
#include "view.h"

struct core_asker {
	struct asker_view last;
	double pps;		/* what it was read, smoothed while it is much the same */
	double spread_pps;	/* by how much that was another in a period, smoothed */
	int way;		/* whether it was more or less in the last period, by what is no chance, and ... */
	double last_moved;	/* ... by how much */
	bool is_held;		/* it had more all the time, and nothing of its own held it */
	bool is_unseen;		/* it was not asked, and waits for that */
	uint32_t n_full, doubt;	/* periods of that; of so many it is not believed yet */
	double held_pps, most_pps;	/* what it was read when it was believed last, and at most since */
};

struct core_split {
	struct core_asker askers[CONF_MAX_PORTS];
	struct load_view loads[GRANTS_MAX_WORKERS];
	double capped[GRANTS_MAX_WORKERS];	/* part of the time that the capacity holds the worker, smoothed */
	unsigned int n_workers;
	const unsigned int *rx_worker;		/* by port */
	struct alloc_node nodes[CONF_MAX_PORTS + ASKING_MAX_TENANTS];
	struct asking trial;			/* the plan with what would be granted */
	/* Of the last split that was worked out. */
	double demands[CONF_MAX_PORTS];
	uint64_t capacity_pps;
	/* Loans between workers. */
	uint64_t n_loans, ended_loan, counted_loan;	/* the last that was granted, that a worker ended, and of which that was counted */
	uint32_t pause, left, n_quiet;			/* periods: after the next that is ended, still of this one, since anything */
	bool waits_to_lend;
};

/* 'rx_worker' is the caller's, and stays. */
void core_split_init(struct core_split *s, unsigned int n_workers, const unsigned int *rx_worker);

/* What was read since the last call; the first only begins. */
void core_split_measure(struct core_split *s, uint16_t n_ports, const struct load_view *loads,
	const struct asker_view *askers, uint64_t took_ns);

/* Writes capacity_pps and port_pps of 'granted' where a new split is worth it: 'plan' is of what is granted, 'capacity_pps'
 * what there is to split, 'is_new' that terms, capacity or guarantees are others than at the last call.  true: it did. */
bool core_split_run(struct core_split *s, const struct asking *plan, uint64_t capacity_pps, bool is_new, struct grants *granted);

#endif
