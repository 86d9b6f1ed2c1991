/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a VF gets what it gets, in words: from figures of the whole switch at two moments, a second or less apart.  Pure: it
 * looks at nothing but what it is given.
 * Used by: telem.  Uses: sla (conf.h), remote, view, hist. */
#ifndef WEIR_EXPLAIN_H
#define WEIR_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "grants.h"
#include "remote.h"
#include "view.h"

#define EXPLAIN_LINES	  136	/* what there can be at most: all workers, all drop reasons, both ways, and four tenants */
#define EXPLAIN_CHARS	  360
#define EXPLAIN_MAX_WORKERS 64

struct explain_worker {
	unsigned int lcore;
	uint64_t lost_ns;		/* between the two moments, of an absence that still lasts too */
	uint64_t away_ns;		/* that absence so far: it may have begun before them */
};

/* A VF's tenant and those above it, the nearest first. */
struct explain_tenant {
	const struct conf_tenant *tenant;
	struct tenant_view before, after;
	uint64_t tx_bps, tx_pps;	/* of all VFs in it */
	uint64_t held_for_ns[N_VIEW_BOUNDS];	/* as of the VF */
};

#define EXPLAIN_OTHERS 3

/* Another VF that sends, of the last second. */
struct explain_other {
	const struct conf_vf *vf;	/* NULL: there is none */
	uint64_t bps, pps;
};

struct explain_figures {
	const struct conf *conf;
	const struct conf_vf *vf;
	uint64_t span_ns;		/* between 'before' and 'after' */
	struct vf_view before, after;
	uint64_t tx_held_for_ns[N_VIEW_BOUNDS], rx_held_for_ns[N_VIEW_BOUNDS];	/* so far; 0: not known */
	struct delay_view delay;	/* of that time alone: hist_since() */
	bool is_port_up, is_uplink_up;
	bool has_grant;			/* an allocator says what of the guarantee is granted now */
	struct grant grant;
	bool has_remote;		/* the answer to congestion beyond the uplink looks after it */
	struct remote_view remote;
	uint64_t bottleneck_bps;	/* out there, as measured */
	bool has_credit;		/* it was sold burst credits: what is left of them */
	struct credit_view credit;
	uint64_t link_bps, link_used_bps;	/* of the uplink; 0: not paced */
	uint64_t core_pps;			/* what all VFs and the uplink bring */
	struct explain_other by_bps[EXPLAIN_OTHERS], by_pps[EXPLAIN_OTHERS];	/* who sends most beside it, the most first */
	uint32_t n_workers, n_tenants;
	struct explain_worker worker[EXPLAIN_MAX_WORKERS];
	struct explain_tenant tenant[CONF_MAX_DEPTH];
};

struct explain {
	uint32_t n;
	char line[EXPLAIN_LINES][EXPLAIN_CHARS];
};

/* What concerns the whole switch comes first: where weir itself did not run, or a port is down, the rest is a consequence. */
void explain_vf(const struct explain_figures *f, struct explain *out);

#endif
