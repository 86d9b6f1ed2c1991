/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to the world: world.c (set-up, time, figures), world_rim.c (what the pipe calls), world_source.c (who offers
 * packets, and the rings), world_flow.c (connections), world_change.c (terms that change), world_wire.c (what lies beyond weir), world_ranked.c (a switch there that
 * does not take who comes first). */
#ifndef WEIR_WORLD_IMPL_H
#define WEIR_WORLD_IMPL_H

#include "clk.h"
#include "event.h"
#include "pipeline.h"
#include "remote_loop.h"
#include "world.h"

#define FRAME_HEAD_BYTES 64
#define TAG_BYTES	 4
#define NO_FLOW		 UINT32_MAX
#define GREEDY		 (UINT32_C(1) << 31)	/* in a port's queue of those who wait for room: a source, not a flow */

/* A packet of this world: as much of it as weir looks at. */
struct frame {
	uint32_t bytes;
	uint16_t head_bytes;
	bool is_copy;
	bool has_ce;			/* in a switch beyond: not weir's to write */
	uint8_t tclass;			/* as weir will classify it */
	uint32_t source, flow;
	vf_id from, to;			/* the source's */
	uint64_t seq, offered_ns;
	struct frame *next_free;
	uint8_t head[FRAME_HEAD_BYTES + TAG_BYTES];
};

/* A pair of sender and receiver of one traffic.  A line for what makes the next packet, and one for what a packet is made
 * of when weir reads it. */
struct source {
	/* Open loop: what comes next. */
	alignas(64) const struct traffic *traffic;
	vf_id from, to;
	uint64_t random;
	price_t price;			/* of a byte, or of a packet */
	struct clk next;
	uint16_t next_bytes;
	uint8_t next_dscp, next_ecn;
	uint64_t on_until_ns;		/* onoff: of the period that holds 'next' */
	uint32_t at_trace;
	bool is_waiting;		/* greedy: in its port's queue */
	bool has_come, is_refused;	/* since world_mark(): its ring took some; and did not take some */
	/* Its packets. */
	alignas(64) uint64_t src_mac;
	uint64_t dst_mac;
	const uint8_t *classes;		/* by DSCP: of the sender's map, or the receiver's for what comes from outside */
	uint16_t port;			/* whose ring it fills */
	uint16_t vid;			/* tagged so; 0: untagged */
	uint32_t first_flow;		/* tcp */
	vf_id packet_from, packet_to;	/* as above */
	const uint8_t *head;		/* its traffic's */
	const struct trace_pkt *trace;	/* its traffic's; NULL: no trace.  A slot's seq is then the packet's number */
};
static_assert(sizeof(struct source) == 2 * 64, "a line for each use");

struct message {
	uint64_t end_seq, since_ns;
};

/* One connection. */
struct flow {
	uint32_t source;
	bool is_waiting;		/* in its port's queue: the ring has no room */
	bool has_timer;
	bool is_due;			/* an EVENT_SEND is under way */
	struct sender sender;
	uint64_t next_seq, next_ack;
	uint64_t heard_ns;
	double pace_ns;			/* paced: not before */
	struct clk app;			/* when the application has the next packet, where it has a rate */
	uint64_t app_seq;		/* it has packets up to here */
	struct message *messages;	/* under way, from first_message on */
	uint32_t first_message, n_messages, room_messages;
};

struct slot {				/* of a ring */
	uint64_t offered_ns, seq;
	uint32_t source, flow;
	uint16_t bytes;
	uint8_t dscp, ecn;
};

/* A source in its port's heap.  The time stands here too, and whose figures it counts in: with many sources, what is
 * compared must be near, and what will be written must be asked for before.  Four children of a node are one line. */
struct timed {
	uint64_t at_ns;
	uint32_t source;
	vf_id vf;
};
#define TIMED_ARITY 4u
#define TIMED_SHIFT (TIMED_ARITY - 1)	/* unused entries before the first, so that siblings do not straddle lines */

/* What stands behind a port: the ring that weir reads, those who fill it at times of their own (a heap), and those who
 * wait for room in it (a ring of their numbers, each once). */
struct guest {
	struct slot *ring;
	uint32_t size, first, n;
	struct timed *timed;		/* its first TIMED_SHIFT entries are not used */
	uint32_t n_timed, room_timed;
	uint32_t *waiting;
	uint32_t waiting_size, waiting_first, n_waiting;
	uint64_t sent_bytes;		/* to it, by its link's basis, since the mark */
};

/* A switch beyond weir: its queue is known by when it will be empty. */
struct wire {
	const struct bottleneck *terms;
	price_t byte;			/* 0: there is none */
	struct clk free;
	struct world_bottleneck figures;
};

/* What has passed the switch before the uplink, or will have: not in the uplink's ring before its time. */
struct coming {
	struct slot slot;
	uint64_t at_ns;
};

struct ranked_switch;			/* world_ranked.c */

struct world {
	const struct scenario *s;
	const struct conf *conf;
	struct fabric *fabric;
	struct pipe *pipe;
	uint64_t now_ns, mark_ns;
	struct event_clock clock;
	struct guest guests[CONF_MAX_PORTS];
	enum link_basis basis[CONF_MAX_PORTS];
	uint64_t host_mac;
	struct source *sources;
	uint32_t n_sources, room_sources;
	struct flow *flows;
	uint32_t n_flows;
	struct sender_terms *senders;	/* by traffic */
	uint32_t *n_active;		/* by traffic, of the class that it is the first of: connections */
	struct world_messages *messages;	/* by traffic */
	double *tail_ns;		/* by traffic: what 9 of 10 of its messages took, followed; 0: none ended */
	struct pipe_change *change;	/* the pipe has not all of it yet */
	uint32_t n_changed;		/* of the scenario's changes: handed to the pipe */
	struct world_figures *figures;	/* 2 a VF: tx, rx */
	struct hist *hists;		/* given out as packets arrive: the others' memory is not touched */
	size_t n_hists;
	struct world_losses *losses;	/* by VF, direction and class: where nothing is lost, memory is not touched */
	uint64_t (*traffic_drops)[N_DROP_REASONS];	/* by traffic */
	struct vf_view *marked;		/* by VF, at the mark */
	struct tenant_view *marked_tenants;
	uint64_t *carried;		/* by VF: beyond the bottleneck */
	uint32_t *source_of;		/* by VF: 1 + the last source that sends from it; 0: none ... */
	uint32_t *source_before;	/* ... and by source: 1 + the one before it of the same VF */
	struct wire beyond, before;	/* the uplink */
	struct coming *coming;		/* a ring */
	uint32_t coming_size, coming_first, n_coming;
	struct ranked_switch *ranked;	/* instead of 'beyond', where that is by rank; else NULL */
	/* The answer to congestion beyond the uplink; NULL without [remote]. */
	struct remote_loop *remote;
	struct grants *granted;
	struct echo_view *heard;	/* by VF: what was heard; the rest is the pipe's to tell */
	uint64_t next_remote_ns;	/* UINT64_MAX: never */
	/* Frames. */
	struct frame **slabs;
	uint32_t n_slabs;
	struct frame *free_frames;
	uint64_t n_read, n_copies, n_delivered, n_freed;
	uint64_t n_events, n_before;	/* all, and those before this moment */
	bool is_out_of_memory, is_ending;
};

static inline size_t n_hists_of(const struct world *w)
{
	return 2 * (size_t)(w->conf->n_vfs + 1) * N_TCLASSES;
}

static inline size_t n_losses_of(const struct world *w)
{
	return 2 * (size_t)(w->conf->n_vfs + 1) * N_TCLASSES;
}

static inline struct world_losses *losses_of(const struct world *w, vf_id vf, enum world_dir dir, uint8_t tclass)
{
	return &w->losses[(2 * (size_t)vf + dir) * N_TCLASSES + tclass];
}

/* Of whoever is no VF the last row, that nobody reads. */
static inline vf_id world_row(const struct world *w, vf_id vf)
{
	return vf < w->conf->n_vfs ? vf : w->conf->n_vfs;
}

/* Whoever sends to the uplink's ring by a switch is not held by that ring: the switch drops. */
static inline bool world_has_room(const struct world *w, uint16_t port)
{
	return (port == w->conf->pf && w->before.byte != 0) || w->guests[port].n < w->guests[port].size;
}

static inline void world_put_in_ring(struct guest *g, const struct slot *slot)	/* there must be room */
{
	uint32_t at = g->first + g->n;

	g->ring[at < g->size ? at : at - g->size] = *slot;
	g->n++;
}

static inline struct world_figures *figures_of(const struct world *w, vf_id vf, enum world_dir dir)
{
	return &w->figures[2 * (size_t)vf + dir];
}

/* splitmix64 */
static inline uint64_t world_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* world_source.c */
bool world_create_sources(struct world *w, struct why *why);
void world_settle(struct world *w, uint16_t port);	/* everything offered up to now: into the ring, or refused */
void world_settle_until(struct world *w, uint16_t port, uint64_t at_ns);	/* of those with times of their own */
void world_fill(struct world *w, uint16_t port);	/* from those who wait for room */
void world_wake(struct world *w, uint32_t source, uint64_t at_ns);	/* EVENT_WAKE: a greedy or a TCP source begins */
void world_put(struct world *w, struct guest *g, const struct slot *slot);	/* there must be room */
void world_wait(struct guest *g, uint32_t who);		/* for room: a flow, or GREEDY | a source; not there yet */

/* world_rim.c */
struct pipe_io world_io(struct world *w);

static inline double world_unit_random(uint64_t *state)	/* (0, 1] */
{
	return (double)((world_random(state) >> 11) + 1) / 9007199254740992.0;
}

uint64_t world_exponential(uint64_t *state, double mean_ns);	/* at least 1 */

/* world_change.c */
const struct conf *world_running(const struct world *w);	/* with all changes that were handed to the pipe */
uint64_t world_next_change_ns(const struct world *w);	/* UINT64_MAX: none */
void world_take_changes(struct world *w);
void world_destroy_changes(struct world *w);

/* world_flow.c */
bool world_create_flows(struct world *w);	/* false: no memory */
void world_destroy_flows(struct world *w);
void world_mark_flows(struct world *w);
void world_send(struct world *w, uint32_t flow, uint64_t at_ns);		/* EVENT_SEND */
void world_message(struct world *w, uint32_t flow, uint64_t at_ns);	/* EVENT_MESSAGE */
void world_stop_flows(struct world *w, const struct source *s);		/* EVENT_STOP */
void world_begin_flows(struct world *w, struct source *s, uint64_t at_ns);
bool world_send_one(struct world *w, uint32_t flow, uint64_t at_ns);	/* if its window allows; there must be room */
void world_hear(struct world *w, const struct event *ack);
void world_timer(struct world *w, uint32_t flow, uint64_t at_ns);

/* world_remote.c */
bool world_create_remote(struct world *w);
void world_destroy_remote(struct world *w);
void world_hear_echo(struct world *w, const struct event *ack);	/* it passes weir on its way to the sender */
void world_run_remote(struct world *w);				/* where a period is over */

uint64_t world_left_bytes(const struct world *w, const struct frame *f);	/* of its message, with it */
uint64_t world_deadline_ns(const struct world *w, const struct frame *f);	/* of its message; UINT64_MAX: none */

/* world_ranked.c */
bool world_create_ranked(struct world *w);
void world_destroy_ranked(struct world *w);
void world_rank(struct world *w, const struct frame *f, bool may_mark, bool is_marked);	/* it has left the uplink */
void world_ranked_left(struct world *w, uint64_t at_ns);			/* EVENT_WIRE */

/* world_wire.c */
uint8_t world_dscp_of(const struct frame *f);	/* as it left weir */
void world_switch_drops(struct wire *x, struct world_losses *mine);
void world_switch_marks(struct wire *x, struct world_losses *mine);
void world_create_wires(struct world *w);
void world_acknowledge(struct world *w, const struct frame *f, uint64_t at_ns, bool has_ce);
void world_come(struct world *w, const struct slot *slot);	/* it is sent towards the uplink */
void world_take_coming(struct world *w);			/* what is there by now: into the uplink's ring */
void world_deliver(struct world *w, uint16_t port, struct frame *f);	/* counts; does not free it */
void world_prefetch(const struct world *w, void *const *frames, uint32_t n);	/* what their deliveries will touch */

void world_push(struct world *w, const struct event *e);

#endif
