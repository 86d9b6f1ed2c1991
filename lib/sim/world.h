/* SPDX-License-Identifier: BSD-3-Clause */
/* A scenario on virtual time: weir's own pipe, as a worker runs it, between guests and networks that are only numbers.
 * The event clock says what happens next, and time jumps there: no clock is read, and one seed gives one run.
 * Guests put packets into their rings (what finds no room is refused there, and is not weir's loss), weir reads them as
 * it would read a port, and whatever leaves it is counted where it arrives, not by weir's counters.
 * One thread.  Memory grows with VFs, sources and what is under way, not with time.
 * Used by: weir-sim, the promise test of it.  Uses: pipeline, scenario. */
#ifndef WEIR_WORLD_H
#define WEIR_WORLD_H

#include <stdalign.h>

#include "hist.h"
#include "scenario.h"
#include "view.h"

enum world_dir { WORLD_TX, WORLD_RX, N_WORLD_DIRS };	/* seen from the VF */

/* A direction of a VF: since world_mark().  A line for what is counted where a packet arrives, and one for what is looked
 * up there or counted where it begins: with many VFs each is a miss of its own. */
struct world_figures {
	alignas(64) uint64_t class_pkts[N_TCLASSES];	/* arrived: at the uplink's far end, or at a VF */
	uint64_t class_bytes[N_TCLASSES];
	alignas(64) struct hist *delay[N_TCLASSES];	/* from the sender's ring to there; NULL: nothing arrived */
	uint64_t offered_pkts, offered_bytes;	/* by whoever sends: what was refused too */
	uint64_t refused_pkts;			/* the sender's own ring was full */
	uint64_t got_pkts, got_bytes;		/* all classes; summed up when the figures are read */
	uint64_t marked_pkts;			/* of those that arrived, with CE; all classes, as well */
	uint64_t class_marked_pkts[N_TCLASSES];
};

/* Of one class of a direction: what was lost, or told of congestion, and where; since world_mark(). */
struct world_losses {
	uint64_t drops[N_DROP_REASONS];		/* in weir */
	uint64_t marked_pkts;			/* in weir; of a packet from VF to VF, at both */
	uint64_t switch_dropped_pkts, switch_marked_pkts;	/* tx: beyond the uplink; rx: before it */
};

/* What the switch beyond the uplink, or before it, did, since world_mark(). */
struct world_bottleneck {
	uint64_t carried_pkts, carried_bytes, dropped_pkts, marked_pkts;
	uint64_t longest_queue_bytes;
};

/* Messages of a traffic that came since world_mark(). */
struct world_messages {
	uint64_t n, n_missed;		/* ended; of these, later than their target */
	uint64_t took_sum_ns;
	struct hist *took;		/* from when it came to the last acknowledgement; NULL: it has no messages */
};

struct world;
struct remote;

/* Whose this address is: a VF's, or for VF_PF, beyond the uplink, no VF's. */
bool world_is_mac_of(const struct conf *conf, vf_id vf, uint64_t mac);

/* NULL with a reason in 'why'.  The scenario must outlive it. */
struct world *world_create(const struct scenario *s, struct why *why);
void world_destroy(struct world *w);

/* Runs to a time since the start.  false: it cannot go on (time stands still, memory is out), and 'why' says what was
 * seen. */
bool world_run(struct world *w, uint64_t until_ns, struct why *why);

/* Counting begins anew. */
void world_mark(struct world *w);

uint64_t world_now_ns(const struct world *w);
uint64_t world_span_ns(const struct world *w);		/* since world_mark() */
uint64_t world_events(const struct world *w);		/* turns, arrivals, departures, acknowledgements, timers: all */
const struct world_figures *world_figures(struct world *w, vf_id vf, enum world_dir dir);	/* until the next call for it */
const struct world_losses *world_losses(const struct world *w, vf_id vf, enum world_dir dir, enum tclass tclass);
const struct world_bottleneck *world_bottleneck(const struct world *w);
const struct world_bottleneck *world_inbound(const struct world *w);
uint64_t world_bottleneck_vf_bytes(const struct world *w, vf_id vf);	/* carried, of this sender */
const uint64_t *world_traffic_drops(const struct world *w, uint32_t traffic);	/* in weir, by reason, since world_mark() */
const struct world_messages *world_messages(const struct world *w, uint32_t traffic);
/* A [traffic] that this VF offered since world_mark(), and of which its own ring took nothing; NULL: there is none. */
const char *world_shut_out(const struct world *w, vf_id vf);
uint64_t world_open_misses(const struct world *w, uint32_t traffic);	/* not ended, and past their target already */
uint64_t world_port_bytes(const struct world *w, uint16_t port);	/* sent to it, as its link counts them */

/* The answer to congestion beyond the uplink; NULL: the configuration has no [remote]. */
const struct remote *world_remote(const struct world *w);

/* Weir's own figures, since world_mark(); gauges as they are. */
void world_view_vf(const struct world *w, vf_id vf, struct vf_view *view);
void world_view_tenant(const struct world *w, uint32_t tenant, struct tenant_view *view);

/* Lets nobody send any more, drains for 'ns' at most, and checks that no packet was lost or kept, and every invariant of
 * the pipe.  false with a reason in 'why'. */
bool world_end(struct world *w, uint64_t ns, struct why *why);

#endif
