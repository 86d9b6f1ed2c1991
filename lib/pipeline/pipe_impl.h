/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to lib/pipeline: what fabric.c (shared set-up), pipe.c (a worker's set-up and its turn), pipe_ingest.c (from
 * a port to an egress), pipe_ahead.c (how far a port is read), pipe_egress.c (from an egress to a port or a receiver),
 * pipe_tenant.c (tenants), pipe_credit.c (burst credits), pipe_change.c (new terms), pipe_places.c (VFs that come and go),
 * pipe_capture.c (copies for captures) and pipe_view.c (figures) share.
 * Terms, and which VFs there are, are read from the fabric's config at create only: they may have changed since.  Places,
 * their ports, and the rest of it never do. */
#ifndef WEIR_PIPE_IMPL_H
#define WEIR_PIPE_IMPL_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "aqm.h"
#include "ask.h"
#include "asking.h"
#include "capture.h"
#include "classify.h"
#include "counter.h"
#include "credit.h"
#include "egress.h"
#include "grants.h"
#include "l2.h"
#include "mark.h"
#include "pipeline.h"

static_assert(CONF_MAX_PORTS - 1 <= FIFO_MAX_COPIES, "a flood has one copy a VF port");

#define FLOOD_KEY	  (UINT32_C(1) << 31)	/* flow key of a flood in the local egress: FLOOD_KEY | vid */
#define MAX_BURSTS	  8u			/* of one port a turn */
#define PIPE_MAX_TAKEN	  (MAX_BURSTS * PIPE_BURST)	/* from other workers a turn */
#define MAX_PURGE	  64u			/* packets of a dead port dropped a turn */
#define NEIGHBOUR_PPS	  100			/* ARP and ND of a VF that go as high */

/* A VF's room: entries inside weir = in - out.  'in' is written by the worker that asks the VF, 'out' by home. */
struct room {
	alignas(64) _Atomic uint64_t in;
	_Atomic uint32_t hold_pkts;	/* what may be inside while its packets are held; 0: it is not held */
	_Atomic uint32_t ahead_bytes, ahead_pkts;	/* the same of one that has nothing to order, by its limit; 0: no such limit */
	uint64_t tenants_bps, tenants_pps;		/* home's: see struct conf_vf */
	alignas(64) _Atomic uint64_t out;
	_Atomic uint64_t ahead_ns;	/* of its limit are ahead_bytes and ahead_pkts */
};

#define PIPE_MARKER_ROUNDS 2

/* What every packet of a VF asks of its config, in one word. */
struct vf_brief {
	uint16_t port;
	_Atomic uint16_t dscp_map;	/* changed at home, read by all who ask */
	bool is_held;			/* its room counts: it is alone on a port that can hold its packets */
};

struct fabric {
	const struct conf *conf;
	unsigned int n_workers, home;
	struct fabric_port ports[CONF_MAX_PORTS];
	struct l2 *l2;				/* a pipe has its own pointer: see pipe_places.c */
	struct class_map *maps;			/* as in the config; room for CONF_MAX_MAPS */
	struct room *rooms;			/* by VF */
	struct vf_brief *briefs;		/* by VF */
	uint32_t *node_of;			/* VF -> node of its port's egress */
	vf_id *port_vfs[CONF_MAX_PORTS];	/* node -> VF */
	uint32_t n_port_vfs[CONF_MAX_PORTS];
	vf_id lone_vf[CONF_MAX_PORTS];		/* the only VF of a port that can hold, else VF_NONE */
	_Atomic bool is_up[CONF_MAX_PORTS];
	/* Of home, for all who ask: its last turn, and time that it lost in the last 10 ms before 'lost_at_ns'. */
	_Atomic uint64_t home_seen_ns, lost_at_ns, lost_ns;
	uint32_t longest_bytes;			/* that any port takes, without tags */
	/* The last loan of the packet capacity that a worker ended: read by all every turn, written hardly ever. */
	alignas(64) _Atomic uint64_t ended_loan;
};

/* Counters of one sender and receiver: by VF, then the PF, then senders nobody knows.  What each packet adds to stands close
 * together, four senders a cache line. */
struct came {
	_Atomic uint64_t pkts, bytes;	/* read from the sender */
};

struct party {
	_Atomic uint64_t tx_drops[N_DROP_REASONS], rx_drops[N_DROP_REASONS];
	/* Of what it sent to VFs here, dropped in their queues; and in whose the last. */
	_Atomic uint64_t receiver_drops[N_RECEIVER_DROPS];
	_Atomic vf_id last_receiver[N_RECEIVER_DROPS];
	struct limiter broadcast, neighbour;
};

/* What a VF hears of congestion beyond the uplink; by VF, and only with [remote]. */
struct echoes {
	alignas(64) _Atomic uint64_t marked_bytes;	/* by this pipe itself, to the PF */
	_Atomic uint64_t heard_bytes, echoed_bytes, repeated_bytes, echoes, ce_pkts;
	bool is_counted, is_classic;	/* set at create */
	_Atomic uint64_t cnps;
	uint64_t next_cnp_ns;		/* until then a CNP tells nothing new */
};

/* A VF's burst credits, and what it was sold. */
struct vf_credit {
	struct credit is;
	struct sla sold;
	uint32_t place;			/* in pipe.credit_vfs */
	bool is_sold;
	_Atomic bool is_open;		/* for other threads, as of the last look */
	_Atomic int64_t left_ns;
	_Atomic uint64_t open_ns;	/* above its limit so far */
};

/* How fast a VF's ring is read while it has a backlog, as sums that fade: what waits there becomes time. */
struct ring_meter {
	uint64_t at_ns;			/* when it was last read */
	uint64_t span_ns, pkts_q8;
	uint64_t pkt_ns_q8;		/* their ratio */
	uint32_t n_read;		/* at at_ns */
	uint32_t n_behind;		/* still there then */
	bool is_asked, tells;		/* whether the port can tell, as of the last time it was asked */
	/* Whether there is an order to make of what is read, and how far to read where there is none: see pipe_ahead.c. */
	uint8_t tclass;			/* of the last packet, */
	vf_id dst;			/* .. and where it went */
	uint32_t n_alike;		/* packets since one that was not as the one before it */
	uint32_t ahead_pkts;
	uint64_t mean_bytes_q8, mean_pkts_q8;	/* sums that fade: their ratio is a packet's size */
};

/* At most a burst between an egress and its port. */
struct stage {
	void *handles[PIPE_BURST];
	uint32_t nodes[PIPE_BURST];	/* whose they were */
	uint32_t n, at;
};

/* Whose packets an egress of a port drops. */
struct port_drops {
	struct pipe *p;
	uint16_t port;
};

struct pipe {
	struct fabric *f;
	struct pipe_io io;
	unsigned int worker;
	bool is_home, is_asking;
	uint64_t turn_ns, last_turn_ns;
	uint32_t tick;				/* whose figures are brought up to now in this turn */
	const struct l2 *l2;			/* changed between turns */
	struct ask *ask;
	uint32_t n_rx_ports;
	uint16_t rx_ports[CONF_MAX_PORTS];	/* by asker */
	uint64_t loan;				/* the loan by which it reads more of the packet capacity, or less; 0: none */
	uint64_t own_pps;			/* what it may read without */
	bool is_lender;
	uint32_t asked_tenants[ASKING_MAX_TENANTS];	/* by group of 'ask', where tenants are more: which, or CONF_NO_TENANT */
	struct ring_meter rings[CONF_MAX_PORTS];
	struct egress *pf, *local;		/* home only */
	struct egress *egress[CONF_MAX_PORTS];	/* of VF ports it transmits to; the PF's is 'pf' */
	struct port_drops drops[CONF_MAX_PORTS];
	uint64_t tx_ports;			/* bit set of ports it transmits to */
	uint64_t busy_ports;			/* of these, those with anything queued or staged */
	struct stage stage[CONF_MAX_PORTS];
	struct fifo_pool pool;
	struct limiter *tx_limits, *rx_limits;	/* by VF */
	struct limiter *tenant_limits;		/* home only */
	struct vf_credit *credits;		/* by VF; home only */
	uint32_t *credit_vfs, n_credits, credit_at;	/* those who were sold some, and whose was looked at last */
	struct party *parties;
	struct came *came;
	struct echoes *echoes;			/* NULL without [remote] */
	struct echo_flows *echo_flows;		/* of the PF's, where this pipe reads it */
	uint64_t *grants;			/* bits per second to the PF, by VF, 0: none; home only, and only with [remote] */
	struct limiter *holds;			/* the same as the PF's egress wants it */
	const struct marks *marks;		/* of the running config; NULL: nobody has any */
	const struct capture_set *captures;	/* NULL: nothing is captured, as a rule */
	uint32_t n_vfs;
	uint32_t change_at;			/* of a change that is being applied: how far it is */
	uint8_t change_stage;			/* the same where VFs come or go, see pipe_places.c: */
	uint32_t purge_at, purge_sender;	/* which of those that go is emptied, and of what its senders wait for it */
	uint64_t marked;			/* bit w: worker w has been handed this round's marker */
	uint32_t n_markers[PIPE_MARKER_ROUNDS];	/* that came from others */
	/* Figures of its own; relaxed. */
	_Atomic uint64_t seen_ns;		/* the time of its last turn */
	_Atomic uint64_t n_turns, n_idle_turns, rx_pkts, tx_pkts, lost_ns, longest_gap_ns;
	/* For the control core: what its core and the PF's port really carry. */
	bool was_full, was_capped;		/* the last turn read all that a turn may; or was held by the capacity */
	uint32_t full_turn_pkts;		/* so many */
	_Atomic uint64_t full_ns, full_pkts;	/* turns that did */
	_Atomic uint64_t capped_ns;	/* time with somebody ready to be asked, held by the packet capacity */
	_Atomic uint64_t pf_blocked_ns;		/* the PF's port took less than there was */
	_Atomic uint64_t pf_bytes, pf_pkts;	/* staged for it */
};

static inline bool is_vf(const struct pipe *p, vf_id vf)
{
	return vf < p->n_vfs;
}

static inline uint32_t party_place(const struct pipe *p, vf_id vf)
{
	return is_vf(p, vf) ? vf : vf == VF_PF ? p->n_vfs : p->n_vfs + 1;
}

static inline struct party *party_of(const struct pipe *p, vf_id vf)
{
	return &p->parties[party_place(p, vf)];
}

static inline void count_came(struct pipe *p, vf_id vf, uint64_t pkts, uint64_t bytes)
{
	struct came *c = &p->came[party_place(p, vf)];

	counter_add(&c->pkts, pkts);
	counter_add(&c->bytes, bytes);
}

static inline bool port_is_up(const struct fabric *f, uint16_t port)
{
	return atomic_load_explicit(&f->is_up[port], memory_order_relaxed);
}

/* A packet of the VF comes in, or will not be there after all (or is copied: more). */
static inline void room_enter(const struct fabric *f, vf_id vf, uint64_t n)
{
	if (f->briefs[vf].is_held)
		counter_add(&f->rooms[vf].in, n);
}

static inline void room_left(struct pipe *p, vf_id vf, uint64_t n)
{
	if (p->f->briefs[vf].is_held)
		counter_add(&p->f->rooms[vf].out, n);
}

/* pipe.c */
struct order_terms pipe_terms(const struct sla *s, bool has_guarantee);
void pipe_set_limit(const struct pipe *p, struct limiter *l, const struct sla *s, uint16_t port, uint64_t now_ns);
/* The terms of a VF as a sender (at home) and as a receiver (where its port is transmitted to), at first and whenever
 * they change.  false: memory is out; never on a change. */
bool pipe_set_vf_tx(struct pipe *p, vf_id vf, const struct conf_vf *v, uint64_t now_ns);
bool pipe_set_vf_rx(struct pipe *p, vf_id vf, const struct conf_vf *v, uint64_t now_ns);
/* What senders weigh at a VF's port, by flow key.  The PF is one of them, and everybody outside stands behind it: no VM
 * weighs more.  NULL: no memory.  The caller frees. */
uint32_t *pipe_sender_weights(const struct conf *conf);

/* The limit that a VF's tx has now: as sold, or above it by credits, or below by a grant. */
void pipe_set_tx_limit(struct pipe *p, vf_id vf, const struct sla *s, uint64_t now_ns);

/* pipe_credit.c */
bool pipe_create_credits(struct pipe *p);
void pipe_destroy_credits(struct pipe *p);
void pipe_set_credit(struct pipe *p, vf_id vf, const struct sla *s, uint64_t now_ns);	/* before pipe_set_tx_limit() */
void pipe_forget_credit(struct pipe *p, vf_id vf);	/* it is gone: who takes its place begins with nothing banked */
uint64_t pipe_credit_limit(const struct pipe *p, vf_id vf, uint64_t max_bps);	/* the peak while it may have that */
void pipe_look_at_credits(struct pipe *p, uint64_t now_ns);	/* once a turn */
/* The limits that no terms say: of broadcast and of ARP and ND. */
void pipe_set_party(struct pipe *p, vf_id vf, uint64_t broadcast_pps, uint64_t now_ns);

/* fabric.c */
struct l2 *fabric_build_l2(const struct conf *conf, const bool *is_out);	/* is_out (may be NULL): as if it were not there */
void fabric_set_hold(struct fabric *f, vf_id vf, const struct conf_vf *v);

/* pipe_ahead.c */
void fabric_set_ahead(struct fabric *f, vf_id vf, const struct conf_vf *v);	/* and then, of each new limit of its own: */
void fabric_limit_ahead(struct fabric *f, vf_id vf, uint64_t max_bps, uint64_t max_pps);	/* 0: none */
void pipe_look_ahead(struct pipe *p, uint16_t port, const struct pkt *burst, uint32_t n);	/* what was read, and went on */
void pipe_note_lost(struct pipe *p, uint64_t lost_ns, uint64_t now_ns);	/* home, each turn; 0: none */
uint32_t pipe_room(const struct pipe *p, uint16_t port, uint64_t now_ns);

/* pipe_tenant.c */
bool pipe_create_tenants(struct pipe *p, uint64_t now_ns);
void pipe_set_tenant(struct pipe *p, uint32_t tenant, const struct conf_tenant *t, uint64_t now_ns);

/* pipe_view.c */
void pipe_add_held(uint64_t held_ns[N_VIEW_BOUNDS], const struct order_stats *s);	/* the longer of both */

/* pipe_askers.c */
bool pipe_create_ask(struct pipe *p, uint64_t now_ns);
uint64_t pipe_tenant_missed_ns(const struct pipe *p, uint32_t tenant);	/* of its guarantee in packets, at the core; any thread */
/* Whom the workers ask on what terms, and how much of the capacity each has: of the whole switch.  NULL: no memory. */
struct asking *pipe_gather_askers(const struct conf *conf, const struct grants *granted);
void pipe_set_askers(struct pipe *p, const struct asking *plan, uint64_t now_ns);

/* pipe_loan.c */
void pipe_set_capacity(struct pipe *p, const struct asking_part *part, uint64_t now_ns);
void pipe_look_at_loan(struct pipe *p, uint64_t now_ns);	/* before a turn's asking */

/* pipe_ring.c */
uint16_t pipe_ring_wait(struct pipe *p, uint16_t port, uint32_t got, bool is_full, uint64_t now_ns);

/* pipe_ingest.c */
uint32_t pipe_ask(struct pipe *p, uint64_t now_ns);
uint32_t pipe_take_handed(struct pipe *p, uint64_t now_ns);
/* Between workers also goes what is no packet: a marker, which says that all its worker handed before is here too. */
bool pipe_hand_marker(struct pipe *p, unsigned int worker, uint32_t round);	/* false: its ring is full */
uint32_t pipe_take_markers(struct pipe *p, struct pkt *burst, uint32_t n);	/* out of the burst; what is left of it */

/* pipe_echo.c */
void pipe_set_echo(struct pipe *p, vf_id vf, const struct conf_vf *v);
bool pipe_create_echoes(struct pipe *p);
void pipe_destroy_echoes(struct pipe *p);
void pipe_count_echoes(struct pipe *p, const struct pkt *burst, uint32_t n, uint64_t now_ns);	/* from the PF, switched */

/* pipe_capture.c: all only where is_capturing() */
void pipe_capture_read(struct pipe *p, const struct pkt *burst, uint32_t n);	/* switched: their senders are known */
void pipe_capture_dropped(struct pipe *p, vf_id vf, enum capture_dir dir, const void *handle, enum drop_reason reason);
void pipe_capture_staged(struct pipe *p, uint16_t port, const struct egress_out *out, uint32_t n);
void pipe_capture_staged_now(struct pipe *p, uint16_t port, const uint32_t *nodes, const struct pkt *k, uint32_t n);
void pipe_capture_passed(struct pipe *p, const struct egress_out *out, uint32_t n);	/* out of the local egress */

static inline bool is_capturing(const struct pipe *p)
{
	return __builtin_expect(p->captures != NULL, 0);
}

/* pipe_egress.c */
void pipe_drop_tx(struct pipe *p, vf_id sender, void *handle, enum drop_reason reason);
void pipe_drop_rx(struct pipe *p, vf_id receiver, void *handle, enum drop_reason reason);
void pipe_drop_received(void *ctx, uint32_t node, uint32_t sender, void *handle, enum drop_reason reason);	/* ctx: struct port_drops */
uint64_t pipe_receive_target_ns(const struct pipe *p, const struct conf_vf *v);	/* CoDel's; 0: none */
bool pipe_is_too_long(const struct fabric *f, const struct pkt *k, uint16_t port);
/* How many of the packets, from the first on, come from one sender and go to one place, and are no floods. */
uint32_t pipe_run_of(const struct pkt *k, uint32_t n);
/* A run of packets, PIPE_BURST at most: to the sender's bounds at home, else to the receiver.  Those to the uplink may
 * be of any senders. */
void pipe_enqueue(struct pipe *p, const struct pkt *k, uint32_t n, uint64_t now_ns);
/* At home, k[i] of vfs[i] to the uplink: those that may leave at once do, from the first on, and never come to be inside.  How many. */
uint32_t pipe_send_now(struct pipe *p, const uint32_t *vfs, const struct pkt *k, uint32_t n, uint64_t now_ns);
void pipe_deliver(struct pipe *p, const struct pkt *k, uint32_t n, uint64_t now_ns);	/* by hand where it must */
bool pipe_copy_to(struct pipe *p, const struct pkt *k, vf_id to, struct pkt *copy);
void pipe_pass_local(struct pipe *p, uint64_t now_ns);
uint32_t pipe_drop_staged(struct pipe *p, uint16_t port, enum drop_reason reason);
/* In the middle of a turn (not is_last) only what can leave: a port that took no more is tried once a turn. */
uint32_t pipe_transmit(struct pipe *p, bool is_last, uint64_t now_ns);

#endif
