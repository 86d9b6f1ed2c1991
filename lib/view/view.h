/* SPDX-License-Identifier: BSD-3-Clause */
/* What can be seen of a VF, a tenant, a port and a worker: plain figures, summed over the workers, that count up and never reset.
 * The pipeline fills them from its counters (any thread may ask), the control core keeps a history for rates, telemetry
 * and tables print them.
 * Used by: pipeline, telem, app.  Uses: hist, pkt. */
#ifndef WEIR_VIEW_H
#define WEIR_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "drop.h"
#include "hist.h"
#include "peak.h"
#include "pkt.h"

/* What held packets back (contract 12). */
enum view_bound { VIEW_BPS, VIEW_PPS, VIEW_TENANT, VIEW_LINK, VIEW_CORE, N_VIEW_BOUNDS };
const char *view_bound_name(enum view_bound bound);

/* One direction of a VF (tx leaves the VM), or of the PF as a sender (tx = received from the uplink) and receiver. */
struct dir_view {
	uint64_t in_pkts, in_bytes;	/* tx: read from the VM; rx: accepted for it */
	uint64_t out_pkts, out_bytes;	/* tx: sent on (copies counted); rx: delivered to its port */
	uint64_t local_pkts, local_bytes;	/* tx: the part of out that went to other VFs here */
	uint64_t backlog_pkts, backlog_bytes;
	uint64_t drops[N_DROP_REASONS];
	uint64_t receiver_drops[N_RECEIVER_DROPS];	/* tx: of out, in the queues of other VFs here, whose drops they are */
	uint64_t marked_pkts;			/* of out: marked CE here */
	uint64_t held_ns[N_VIEW_BOUNDS];	/* time with something to send, not sent, by what bound it */
	uint64_t missed_ns;			/* backlogged time served later than deadline + 1 ms */
	uint64_t class_pkts[N_TCLASSES], class_bytes[N_TCLASSES];	/* of out */
	struct peak_view peak;		/* of out; of VFs alone */
};

struct vf_view {
	struct dir_view tx, rx;
	vf_id last_receiver[N_RECEIVER_DROPS];	/* in whose queue the last of tx.receiver_drops was; where there was one */
};

/* What a VF heard of congestion on its way out, where the config has [remote]. */
struct echo_view {
	uint64_t sent_bytes, sent_pkts;	/* to the uplink; L2 */
	uint64_t marked_bytes;		/* of these, CE by weir */
	uint64_t heard_bytes;		/* TCP acknowledged to it from beyond the uplink */
	uint64_t echoed_bytes;		/* of these, with ECE */
	uint64_t repeated_bytes;	/* of these, where echo = classic, those after the first of a row */
	uint64_t echoes;		/* times a flow's ECE began */
	uint64_t cnps;			/* RoCE's congestion notifications, at most one in 50 us */
	uint64_t ce_pkts;		/* arrived for it with CE: of the other side's way, only told */
};

/* Burst credits of a VF's tx, as of a moment ago. */
struct credit_view {
	int64_t left_ns;	/* banked, as time at its limit; below 0: owed */
	bool is_open;		/* it may go above its limit now */
	uint64_t open_ns;	/* and could so long, so far */
};

/* Delays are big, so they are read apart. */
struct delay_view {
	struct hist_snapshot tx[N_TCLASSES], rx[N_TCLASSES];
};

/* What a tenant, as one among others, was held by: figures that its VFs added up do not give. */
struct tenant_view {
	uint64_t held_ns[N_VIEW_BOUNDS];	/* time with something to send below it, not sent, by what bound the tenant */
	uint64_t missed_ns;			/* of its guarantee: as of a VF's */
};

struct worker_view {
	uint64_t n_turns, n_idle_turns;		/* a turn that moved nothing is idle */
	uint64_t rx_pkts, tx_pkts;
	uint64_t lost_ns;			/* gaps between turns beyond a turn's time */
	uint64_t away_ns;			/* the same of the gap that still lasts; no part of lost_ns */
	uint64_t longest_gap_ns;
	uint64_t no_room;			/* askers not asked for want of room */
};

/* What a worker's core, and the PF's port, carry while they are full; for the control core. */
struct load_view {
	uint64_t rx_pkts;
	uint64_t full_ns, full_pkts;		/* turns that read (or, without ports, took from others) all that a turn may */
	uint64_t capped_ns;			/* somebody ready to be asked was held by the packet capacity */
	uint64_t ended_loan;			/* of the packet capacity: the last that any worker ended */
	uint64_t pf_blocked_ns;			/* home: the PF's port took less than there was */
	uint64_t pf_bytes, pf_pkts;		/* home: handed to it; L2 */
	bool asks, is_home;
};

/* What one port was read, and whether it had more; for the control core. */
struct asker_view {
	uint64_t n_asked, rx_pkts;
	uint64_t n_woken, n_drained;	/* it has more to read where they differ */
	uint64_t n_no_room;		/* times it was not read for what bounds itself */
};

/* Leaves in 'now' only what came after 'then', an earlier view of the same; what waits is what waits. */
void vf_view_since(struct vf_view *now, const struct vf_view *then);
void tenant_view_since(struct tenant_view *now, const struct tenant_view *then);
void delay_view_since(struct delay_view *now, const struct delay_view *then);
void vf_view_add(struct vf_view *sum, const struct vf_view *v);

/* The sum of all drops. */
uint64_t dir_view_drops(const struct dir_view *d);

#endif
