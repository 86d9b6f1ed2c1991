/* SPDX-License-Identifier: BSD-3-Clause */
/* One turn of a worker, in plain C: ask, classify, switch, schedule, transmit.  The rim gives it packets and ports by
 * struct pipe_io; a worker calls pipe_turn() with its TSC's time, the tests and the simulator with theirs.
 *
 * The fabric is what all workers share: the config, the L2 switch, the maps, and a VF's room (what it may have waiting).
 * A pipe is one worker's part.  The way of a packet:
 *   asked of a VF  -> PF egress or local egress, on the home worker (held there by the sender's own bounds)
 *   local egress   -> receiver's egress, on that port's transmit worker (dropped there by the receiver's)
 *   asked of the PF -> receiver's egress
 *   an egress      -> at most a burst staged -> the port; what the port does not take stays staged
 * Used by: worker, the promise tests, the simulator.  Uses: everything below. */
#ifndef WEIR_PIPELINE_H
#define WEIR_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "conf.h"
#include "pkt.h"
#include "view.h"

#define PIPE_BURST 32

/* What the rim does for a pipe.  All calls come from the worker's thread, except where said. */
struct pipe_io {
	void *ctx;
	/* Reads up to n packets (<= PIPE_BURST) of a port: sets handle, data, data_bytes, bytes. */
	uint32_t (*rx)(void *ctx, uint16_t port, struct pkt *pkts, uint32_t n);
	/* Sends; returns how many the port took, from the first on.  The others stay the caller's. */
	uint32_t (*tx)(void *ctx, uint16_t port, void **handles, uint32_t n);
	void (*free)(void *ctx, void **handles, uint32_t n);
	/* A private copy of src->handle into *copy (handle, data, data_bytes, bytes).  false: no buffer. */
	bool (*copy)(void *ctx, const struct pkt *src, struct pkt *copy);
	/* Fills data, data_bytes, bytes for p->handle. */
	void (*look)(void *ctx, struct pkt *p);
	/* Copies the first n bytes of a packet that has as many.  NULL: then no captures can be set. */
	void (*read)(void *ctx, const void *handle, uint8_t *to, uint32_t n);
	/* Pushes a tag (TCI = vid) or pops the outermost one; never writes a shared mbuf; may replace p->handle; keeps
	 * p's rim fields true.  false: no buffer, the packet is unchanged. */
	bool (*retag)(void *ctx, struct pkt *p, enum tag_op op, uint16_t vid);
	/* Sets CE (RFC 3168) in an ECN-capable packet; may replace *handle, never writes a shared mbuf.  false: it is not
	 * ECN-capable, or there is no buffer; it is as it was. */
	bool (*mark_ce)(void *ctx, void **handle);
	/* Gives an IP packet (classify has read its tags) another DSCP; ECN stays, and IPv4's checksum is right if it was.
	 * May replace p->handle, never writes a shared mbuf, keeps p's rim fields true.  false: no buffer, it is as it was. */
	bool (*set_dscp)(void *ctx, struct pkt *p, uint8_t dscp);
	/* How many packets wait in a port's receive ring, RING_UNTOLD where it cannot tell; NULL: none can. */
	uint32_t (*ring_pkts)(void *ctx, uint16_t port);
	/* To another worker's ring: returns how many fitted, from the first on.  Packets leave the last slot free, which is a
	 * marker's (handle NULL): whatever floods a ring, a VF can go.  Unused with one worker. */
	uint32_t (*hand)(void *ctx, unsigned int worker, const struct pkt *pkts, uint32_t n);
	/* How many more packets that ring would take at least; NULL: any number.  Nobody is asked beyond it. */
	uint32_t (*hand_room)(void *ctx, unsigned int worker);
	/* From the rings to this worker. */
	uint32_t (*take)(void *ctx, struct pkt *pkts, uint32_t n);
	/* As the counters count it: a packet that will be freed, or of which a copy is not made.  NULL: nobody asks. */
	void (*dropped)(void *ctx, vf_id vf, bool is_tx, const void *handle, enum drop_reason reason);
};

/* What is known of a port only at run time. */
struct fabric_port {
	uint64_t link_bps;		/* the link clock; 0 = not paced */
	enum link_basis basis;
	bool is_physical;		/* has a real link: no catch-up beyond it, and it cannot hold its senders */
	unsigned int rx_worker, tx_worker;
};

struct fabric_params {
	const struct conf *conf;	/* must outlive the fabric */
	unsigned int n_workers, home;
	struct fabric_port ports[CONF_MAX_PORTS];
};

struct fabric;
struct pipe;
struct capture_set;	/* capture.h */

/* NULL with a reason in 'why'. */
struct fabric *fabric_create(const struct fabric_params *params, struct why *why);
void fabric_destroy(struct fabric *f);

/* Any thread: a port's link went up or down.  Starts as up. */
void fabric_set_link(struct fabric *f, uint16_t port, bool up);

/* Any thread: packets of a VF inside weir that count against its queue limit. */
uint64_t fabric_room_used(const struct fabric *f, vf_id vf);

/* Packets that may be inside weir at one time, all queues full: what the mbuf pool must have beside the ports' needs. */
uint32_t fabric_max_pkts(const struct conf *conf);

struct pipe *pipe_create(struct fabric *f, unsigned int worker, const struct pipe_io *io, uint64_t now_ns,
	struct why *why);
void pipe_destroy(struct pipe *p);	/* frees no packets: pipe_flush() first */

/* One turn.  Returns the packets moved (read, or sent).  The time must not go back. */
uint32_t pipe_turn(struct pipe *p, uint64_t now_ns);

/* By the pipe's own thread, between turns: what the VF may send to the uplink by a grant of the control core, 'v' its terms
 * as they are; 0: no grant.  Its limit holds beside it; what it sends to other VFs is not counted; debts stay, as with any
 * change.  Without [remote] there are no such grants, and it does nothing. */
void pipe_set_grant(struct pipe *p, vf_id vf, const struct conf_vf *v, uint64_t bps, uint64_t now_ns);

/* By the pipe's own thread, between turns: packets that this set wants are copied into its rings from now on, until another
 * one is set; NULL: none.  Nothing else changes. */
void pipe_set_captures(struct pipe *p, const struct capture_set *set);

/* Asks nobody any more (the end). */
void pipe_stop_asking(struct pipe *p);

/* Packets inside this pipe: queues, staging. */
uint32_t pipe_n_pkts(const struct pipe *p);

/* Drops all it holds (reason: shutdown).  Returns how many. */
uint32_t pipe_flush(struct pipe *p, uint64_t now_ns);

/* For the simulator: the next time at which a turn can do anything, if nothing arrives. */
uint64_t pipe_next_ns(struct pipe *p, uint64_t now_ns);

/* Any thread: adds this pipe's figures of a VF to *view.  VF_PF too: its tx is what came in by the uplink, its rx what
 * left by it; VF_NONE: what came from senders nobody knows. */
void pipe_view_vf(const struct pipe *p, vf_id vf, struct vf_view *view);
void pipe_view_delay(const struct pipe *p, vf_id vf, struct delay_view *view);
void pipe_view_echoes(const struct pipe *p, vf_id vf, struct echo_view *view);	/* nothing without [remote] */
void pipe_view_credit(const struct pipe *p, vf_id vf, struct credit_view *view);	/* nothing where none was sold */
void pipe_view_tenant(const struct pipe *p, uint32_t tenant, struct tenant_view *view);
void pipe_view_worker(const struct pipe *p, uint64_t now_ns, struct worker_view *view);

/* Any thread: what the control core reads every period, set, not added; figures that only grow. */
void pipe_view_load(const struct pipe *p, struct load_view *view);

/* Of the ports that it asks; others' are left as they are. */
void pipe_view_askers(const struct pipe *p, struct asker_view by_port[CONF_MAX_PORTS]);

/* Checks every invariant of everything in it, slowly. */
bool pipe_check(const struct pipe *p, FILE *out);

#endif
