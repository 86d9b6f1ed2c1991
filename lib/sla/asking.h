/* SPDX-License-Identifier: BSD-3-Clause */
/* Whom a worker asks for packets, and on what terms, when the core is what is short: a port stands for the VFs behind it,
 * a tenant for the ports whose VFs are all its own, the PF for everybody outside.  A plan is of the whole switch; a part is
 * what one worker makes of it.
 * Pure functions of a config.  Used by: pipeline, control.  Uses: sla (grants.h). */
#ifndef WEIR_ASKING_H
#define WEIR_ASKING_H

#include "grants.h"

#define ASKING_MAX_TENANTS (CONF_MAX_PORTS * CONF_MAX_DEPTH)
#define ASKING_NONE	   UINT32_MAX

struct asking_terms {
	uint64_t min_pps;
	uint32_t weight;	/* among those of the same tenant, or of none; in a plan the sum of its VFs', in a part 1 .. 1000 */
	uint8_t priority;
};

struct asking_tenant {
	uint32_t id;		/* index into conf.tenants */
	uint32_t parent;	/* index into the list it is in, or ASKING_NONE */
	uint8_t depth;		/* 1: no parent */
	struct asking_terms terms;
};

struct asking {
	struct asking_terms ports[CONF_MAX_PORTS];
	uint32_t tenant_of[CONF_MAX_PORTS];	/* index into 'tenants': all its VFs are in it or below; or ASKING_NONE */
	struct asking_tenant tenants[ASKING_MAX_TENANTS];
	uint32_t n_tenants;
	uint16_t n_ports, pf;
	uint64_t capacity_pps;			/* of all workers; 0: not capped */
	uint64_t core_pps;			/* what they really carry: that, or less */
	uint64_t worker_pps[GRANTS_MAX_WORKERS];	/* granted of it to each; 0: by what is promised and the weights */
	uint64_t port_pps[CONF_MAX_PORTS];		/* what that comes to for each port; all 0: by what was sold */
	uint64_t port_more_pps[CONF_MAX_PORTS];		/* as granted */
	uint64_t loan;					/* as granted: see grants.h */
	uint64_t loaned_pps[GRANTS_MAX_WORKERS];
	bool is_at_ease[GRANTS_MAX_WORKERS];
};

/* Terms of ports that other workers ask are not set. */
struct asking_part {
	struct asking_terms ports[CONF_MAX_PORTS];
	struct asking_terms tenants[ASKING_MAX_TENANTS];	/* as in the plan; weight 0: nobody of it is asked here */
	uint64_t tenant_own_pps[ASKING_MAX_TENANTS];	/* of min_pps what is the tenant's own, whoever of it asks for it */
	uint64_t sold_pps;		/* promised to those that are asked here */
	uint64_t min_pps;		/* that, and the PF's floor */
	uint64_t weight_q16, all_weight_q16;	/* of those; of all */
	uint64_t capacity_pps;		/* its part; 0: not capped */
	uint64_t loan, loaned_pps;	/* what it reads instead while that loan is in force; loan 0: none */
	bool is_at_ease;
};

/* 'granted' NULL: as sold. */
void asking_plan(struct asking *plan, const struct conf *conf, const struct grants *granted);

/* What the PF is taken for among the VFs and tenants that stand in no other, whoever reads it. */
struct asking_terms asking_pf(const struct asking *plan);

/* Of the worker, where rx_worker[port] asks the port.  A tenant on several workers has its guarantee and its weight on them
 * by what its members there are granted of the packet capacity (port_pps), but no less than those themselves were promised;
 * where nothing is granted yet, by what they were promised and weigh: then in sum never more than it was sold. */
void asking_part(const struct asking *plan, const unsigned int *rx_worker, unsigned int worker, struct asking_part *part);

/* What of a part is of the whole worker: for a fifth of the work. */
struct asking_sold {
	uint64_t pps, weight_q16, all_weight_q16;
};
struct asking_sold asking_sold(const struct asking *plan, const unsigned int *rx_worker, unsigned int worker);

#endif
