/* SPDX-License-Identifier: BSD-3-Clause */
/* Virtual time for the promise tests: one egress, sources that feed it, and a clock that jumps to the next event
 * (an arrival, or what order_next_ns() says), or that turns like a worker: fixed turns, with stalls.
 * A node is a VF; its limiter is here.  Counts what leaves, and checks on every departure that no packet of a source
 * overtakes another (a source has one class and one flow). */
#ifndef WEIR_VTIME_H
#define WEIR_VTIME_H

#include "egress.h"

#define VT_3_YEARS_NS  (UINT64_C(3) * 365 * 86400 * NS_PER_S)
#define VT_UPTIMES     3
#define VT_MAX_SOURCES 65536

extern const uint64_t vt_uptimes_ns[VT_UPTIMES];	/* 0, 2^48 ns, 3 years */

/* Packet sizes, one after the other, over and over. */
struct vt_mix {
	const char *name;
	uint32_t n;
	uint32_t bytes[16];
};

enum { MIX_64, MIX_1500, MIX_9000, MIX_IMIX, MIX_MIXED, N_MIXES };
extern const struct vt_mix vt_mixes[N_MIXES];

/* What an SLA says about one direction.  0 = not said. */
struct vt_sla {
	uint64_t min_bps, max_bps, min_pps, max_pps;
	uint64_t urgent_bps, urgent_pps;
	uint64_t burst_ns;
	uint32_t weight;	/* 0 = 1 */
	uint32_t queue_pkts;
	uint8_t priority;
};

struct vt_source {
	uint32_t node, flow_key;
	enum tclass tclass;
	enum drop_prec drop_prec;
	const struct vt_mix *mix;
	uint64_t bps, pps;	/* arrivals; both 0: always 'depth' packets wait */
	uint32_t depth;		/* that many packets wait at most, more are held back at the source; 0 = 40 */
	uint64_t from_ns, until_ns;	/* sends from .. until (0: without end), relative to vt_create's time */
	uint64_t on_ns, off_ns;		/* on_ns of arrivals, then off_ns of silence; 0: always on */
	/* Figures. */
	uint64_t n_sent, n_refused, sent_bytes;
	/* Its own. */
	uint64_t n_pushed;
	uint32_t at, waiting;
	struct clk next;
};

struct vt_params {
	uint32_t n_nodes;
	uint32_t n_groups;
	uint64_t link_bps, link_pps;	/* 0: not paced */
	uint64_t cost_bps, cost_pps;	/* what shares reckon with; 0: as the link */
	uint32_t largest_bytes;		/* 0: 1500 */
	uint64_t start_ns;
	uint64_t turn_ns;		/* 0: event by event */
	uint32_t class_weight[N_TCLASSES];	/* all 0: 3:2:1 */
	uint32_t n_flows;		/* 0: one a node */
	uint32_t n_chunks;		/* of the pool; 0: 20 a node, at least 4096 */
};

struct vt {
	struct vt_params p;
	struct egress *e;
	struct fifo_pool pool;
	struct limiter *limiters;	/* by node, then by group */
	struct vt_source *sources;
	uint32_t *heap;			/* sources by their next arrival */
	uint32_t n_sources, n_heap;
	uint64_t now_ns, since_ns;
	uint64_t stall_every_ns, stall_ns;	/* the worker is away; only with turns */
	uint64_t next_stall_ns;
	uint64_t *bytes, *pkts;		/* left since vt_reset(), by node */
	uint64_t class_bytes[N_TCLASSES];
	uint64_t n_reordered, n_spins;
	void (*left)(struct vt *v, const struct egress_out *out);	/* told of every departure, if set */
	void *left_ctx;
};

struct vt *vt_create(const struct vt_params *params);
void vt_destroy(struct vt *v);

void vt_set(struct vt *v, uint32_t node, const struct vt_sla *sla);
void vt_set_group(struct vt *v, uint32_t group, const struct vt_sla *sla);

/* The source's number.  It may not come before the present time. */
uint32_t vt_add(struct vt *v, struct vt_source source);

/* For the short tests: node 'node' gets 'sla' and one medium source of 'mix' at 'bps' (0: constant backlog). */
uint32_t vt_vf(struct vt *v, uint32_t node, const struct vt_sla *sla, int mix, uint64_t bps);

/* Runs on for a span. */
void vt_run(struct vt *v, uint64_t span_ns);

/* Runs until 'node' has sent n packets more since vt_reset(); false: not within 'most_ns'. */
bool vt_run_pkts(struct vt *v, uint32_t node, uint64_t n, uint64_t most_ns);

/* Counting begins anew, now. */
void vt_reset(struct vt *v);

double vt_bps(const struct vt *v, uint32_t node);	/* since vt_reset() */
double vt_total_bps(const struct vt *v);

#endif
