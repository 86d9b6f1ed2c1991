/* SPDX-License-Identifier: BSD-3-Clause */
/* What of the guarantees that were sold is granted: all of it, or less while they do not fit (contract 10); and what each
 * worker may read of the packet capacity.  By index of a config's VFs and tenants.  The control core writes it, and
 * nobody does any more once it was handed to the workers.
 * Used by: control, pipeline, the app.  Uses: sla (conf.h). */
#ifndef WEIR_GRANTS_H
#define WEIR_GRANTS_H

#include "conf.h"

#define GRANTS_MAX_WORKERS 64

/* Of tx, effective. */
struct grant {
	uint64_t min_bps, min_pps, urgent_bps, urgent_pps;
};

struct grants {
	struct grant *vfs, *tenants;
	uint32_t n_vfs, n_tenants;
	uint64_t *remote_bps;		/* by VF: what it may send to the uplink, for congestion beyond it; 0: no such bound */
	uint64_t core_pps;	/* what the core really carries, where that is less than the packet capacity; else 0 */
	uint64_t capacity_pps[GRANTS_MAX_WORKERS];	/* by worker; 0: by guarantees and weights, as at the start */
	/* While a loan is in force each worker reads so much instead, in sum the same: what was promised and is not used is
	 * others'.  Who needs it ends the loan for all, at packet time. */
	uint64_t loan;		/* which; they count up.  0: none */
	uint64_t loaned_pps[GRANTS_MAX_WORKERS];
	bool is_at_ease[GRANTS_MAX_WORKERS];	/* nobody is held there: it may read all of its own at once, and ends the loan by that */
	/* What that comes to for each port: by it a tenant's guarantee and weight are divided between workers.  All 0: by what
	 * its members were sold, and weigh. */
	uint64_t port_pps[CONF_MAX_PORTS];
	uint64_t port_more_pps[CONF_MAX_PORTS];	/* so much more of them is at its worker, for that is only measured; in nobody's stead */
};

/* All that was sold.  NULL: no memory. */
struct grants *grants_create(const struct conf *conf);
void grants_destroy(struct grants *g);

struct grant grant_as_sold(const struct sla *tx_eff);

/* tx_eff with what is granted; 'g' NULL: as sold. */
struct sla granted_vf(const struct conf *conf, const struct grants *g, uint32_t vf);
struct sla granted_tenant(const struct conf *conf, const struct grants *g, uint32_t tenant);

/* 'to' becomes 'from'; false: it has other VFs or tenants. */
bool grants_copy(struct grants *to, const struct grants *from);
void grants_copy_split(struct grants *to, const struct grants *from);	/* of the packet capacity alone, for another config */
bool grants_are_same(const struct grants *a, const struct grants *b);

/* What a worker reads at most while the loan, if there is one, is in force. */
uint64_t grants_reads_pps(const struct grants *g, unsigned int worker);

/* 'b', but each worker's capacity, with a loan and without, only so far towards it that the sum over workers is never above that of
 * either, in whatever order they take it: a step between them.  false: no such step is needed, or it was taken. */
bool grants_step(struct grants *step, const struct grants *a, const struct grants *b);

#endif
