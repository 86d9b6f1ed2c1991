/* SPDX-License-Identifier: BSD-3-Clause */
/* The scheduler of one egress: packets wait in FIFOs (node x flow x class), nodes compete by lib/order.
 * Three kinds of it make up a switch:
 *   the PF's       nodes = VFs as senders (tx SLA); one flow a node
 *   the local one  nodes = VFs as senders, flows = their receivers (and floods); no link: what leaves it has been charged
 *                  to the sender and goes on to a receiver's egress.  A VF's two nodes share one limiter.
 *   a VF port's    nodes = the VFs on the port as receivers (rx SLA), flows = their senders (the PF is one)
 * Inside a node, flows share by deficit round robin in bytes (a flow's weight: egress_set_flow_weight), and inside a
 * flow urgent is strictly first, then high : medium : low by weight (default 3:2:1).  No reordering within a class.
 *
 * Packets are the caller's: push hands one over, pop hands it back; what push refuses stays the caller's.
 * One thread; no allocation after create; the counters may be read by others (relaxed).
 * Used by: pipeline.  Uses: order, cffs, hist, pkt. */
#ifndef WEIR_EGRESS_H
#define WEIR_EGRESS_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "drop.h"
#include "fifo.h"
#include "hist.h"
#include "order.h"
#include "peak.h"
#include "pkt.h"

#define EGRESS_AT_ONCE_NS   1024
#define EGRESS_AT_ONCE_PKTS ORDER_NOW_PKTS	/* by one egress_send_now() */

struct egress_params {
	struct order_params order;	/* n_nodes, link, ... */
	uint32_t n_flows;		/* flows that may have packets at one time; 0: one a node, key 0 only */
	uint32_t class_weight[N_TCLASSES];
};

/* Of one class of a node. */
struct egress_class_stats {
	_Atomic uint64_t out_pkts, out_bytes;	/* left, copies counted */
	_Atomic uint64_t delay_max_ns;
	_Atomic uint64_t delay_run;		/* see hist_count_run() */
};

/* Of one node, only growing; written by the egress's thread.  By egress_class(): high and medium, which most packets are,
 * share a cache line.  What left is the sum over the classes; what waits now is
 * egress_backlog_pkts() and _bytes(), what came egress_in_pkts() and _bytes(). */
struct egress_stats {
	alignas(64) struct egress_class_stats tclass[N_TCLASSES];
	alignas(64) _Atomic uint64_t marked_pkts;	/* of out: marked CE, or had it; copies counted */
};

/* How a node tells its senders of congestion (contract 8); all 0: not at all. */
struct egress_signals {
	uint64_t mark_ns;	/* K: what is ECN-capable is marked CE after a longer wait; 0 = never */
	/* Not 0: when_full = drop.  CoDel per class with this target drops what cannot be marked, and a full queue pushes
	 * out what is of a worse class, or of the same and worse drop precedence, before it refuses. */
	uint64_t drop_target_ns;
};

/* Takes over a packet that was waiting and is dropped: DROP_AQM, DROP_PUSHED_OUT. */
typedef void egress_drop_fn(void *ctx, uint32_t node, uint32_t flow_key, void *handle, enum drop_reason reason);

static inline uint32_t egress_class_place(enum tclass c)
{
	return (c + N_TCLASSES - TC_HIGH) % N_TCLASSES;
}

static inline const struct egress_class_stats *egress_class(const struct egress_stats *s, enum tclass c)
{
	return &s->tclass[egress_class_place(c)];
}

static inline uint64_t egress_out_pkts(const struct egress_stats *s)
{
	uint64_t sum = 0;

	for (int c = 0; c < N_TCLASSES; c++)
		sum += atomic_load_explicit(&s->tclass[c].out_pkts, memory_order_relaxed);
	return sum;
}

static inline uint64_t egress_out_bytes(const struct egress_stats *s)
{
	uint64_t sum = 0;

	for (int c = 0; c < N_TCLASSES; c++)
		sum += atomic_load_explicit(&s->tclass[c].out_bytes, memory_order_relaxed);
	return sum;
}

/* What pop hands out. */
struct egress_out {
	void *handle;
	uint32_t node;
	uint32_t flow_key;
	uint32_t bytes;
	uint8_t tclass;
	uint8_t drop_prec;
	uint8_t copies;		/* as pushed */
	bool is_ect;		/* may be marked CE */
	bool is_marked;		/* is to be */
	uint64_t waited_ns;
};

struct egress;

/* 'pool' must have chunks for all packets that may be queued here, and outlive it; several egresses of one thread may
 * share one.  NULL where memory is out. */
struct egress *egress_create(const struct egress_params *params, struct fifo_pool *pool);
void egress_destroy(struct egress *e);	/* must be empty */

/* queue_pkts: the node's queue limit, beyond which push refuses by policy (receivers, senders that cannot be held);
 * urgent may exceed it by an eighth (its reserve).  0: push never refuses, the caller holds the sender instead. */
void egress_set_node(struct egress *e, uint32_t node, const struct order_terms *terms, struct limiter *limiter,
	uint32_t queue_pkts, uint64_t now_ns);

/* A bound in bytes of what nodes send by this egress alone, beside their limiters: of a pair the sibling knows nothing of
 * it.  Urgent within its allowance is charged for it, but does not wait.  'holds' by node, the caller's: changed by
 * limiter_set(), with egress_set_node() after it; a price of 0 is no bound.  Before the first packet. */
void egress_set_holds(struct egress *e, struct limiter *holds);

/* May be changed at any time.  false: memory is out, nothing changed. */
bool egress_set_signals(struct egress *e, uint32_t node, const struct egress_signals *signals);
bool egress_reserve_drops(struct egress *e);	/* so that a drop target can be set later without memory; false: it is out */
void egress_set_drop(struct egress *e, egress_drop_fn *drop, void *ctx);	/* before a node drops */

/* The same for a group of nodes (a tenant), and who is in it: order_set_group(), order_join(), order_join_group(). */
void egress_set_group(struct egress *e, uint32_t group, const struct order_terms *terms, struct limiter *limiter,
	uint64_t now_ns);
void egress_join(struct egress *e, uint32_t node, uint32_t group, uint64_t now_ns);
bool egress_join_group(struct egress *e, uint32_t group, uint32_t parent, uint64_t now_ns);

/* The weight that flows with 'key' have among the flows of their node (1 .. ORDER_MAX_WEIGHT; 1 unless set).
 * Keys 0 .. n_keys - 1; others have 1.  Copied; not for the data path.  false: memory is out, nothing changed. */
bool egress_set_flow_weights(struct egress *e, const uint32_t *weights, uint32_t n_keys);

/* The same for as many keys as were set before, on the data path: at once, without memory. */
void egress_change_flow_weights(struct egress *e, const uint32_t *weights);

/* Ask for what a packet of the node will need: its lines are cold where VFs are many.  The first some packets ahead, the
 * second later, when what the first asked for is there. */
void egress_prefetch(const struct egress *e, uint32_t node);
void egress_prefetch_more(const struct egress *e, uint32_t node);

/* Queues a packet of 'bytes' L2 bytes.  copies > 1: it is charged that often (floods).
 * DROP_NOT: taken.  Otherwise refused, and the packet stays the caller's: DROP_QUEUE_FULL by the node's queue limit or
 * the flow's part of it, with drop precedence (low may fill all, medium 3/4, high 1/2; RFC 2597 section 3).
 * p->ecn and p->ring_wait tell whether it can be marked, and of a wait that is not seen here. */
enum drop_reason egress_push(struct egress *e, uint32_t node, uint32_t flow_key, const struct pkt *p, uint32_t copies,
	uint64_t now_ns);

/* The same for n packets of one flow, one copy each: what they have in common is looked up and counted once.  Returns
 * how many were taken, from the first on; n but for the first that is refused (DROP_QUEUE_FULL). */
uint32_t egress_push_run(struct egress *e, uint32_t node, uint32_t flow_key, const struct pkt *p, uint32_t n,
	uint64_t now_ns);

/* How many of these packets, p[i] of nodes[i], may leave at once, past all queues, from the first on: their nodes have
 * none waiting, nor has anybody who might go now.  They are charged to limits, guarantees and the link (order_begin_now())
 * and counted as come and left, without delay; they are never marked.  Push the next. */
uint32_t egress_send_now(struct egress *e, const uint32_t *nodes, const struct pkt *p, uint32_t n, uint64_t now_ns);

/* Takes up to n packets that may leave now, in order.  Fewer than n: nobody may send, or the link clock says so. */
uint32_t egress_pop(struct egress *e, struct egress_out *out, uint32_t n, uint64_t now_ns);

/* Takes any packet of a node without charging anybody (its port is gone, or the end).  false: it has none. */
bool egress_take(struct egress *e, uint32_t node, struct egress_out *out, uint64_t now_ns);

/* The same of one of its flows. */
bool egress_take_flow(struct egress *e, uint32_t node, uint32_t flow_key, struct egress_out *out, uint64_t now_ns);

/* Another begins in the node's place: it owes nothing and has saved nothing.  It must be empty.  Figures go on: who is told
 * of them knows where they stood. */
void egress_forget(struct egress *e, uint32_t node);

/* Shares a VF's tx rate between its PF node and its local node by round robin in bytes over destinations (contract 6):
 * node i of 'pf' and node i of 'local' become siblings.  While one waits for its link, the other goes on.
 * Before egress_set_node().  false: memory is out. */
bool egress_pair(struct egress *pf, struct egress *local);

/* The port does not take packets at the moment: its siblings need not wait for it. */
void egress_set_blocked(struct egress *e, bool is_blocked);
bool egress_is_blocked(const struct egress *e);

/* Accepted so far. */
uint64_t egress_in_pkts(const struct egress *e, uint32_t node);
uint64_t egress_in_bytes(const struct egress *e, uint32_t node);

/* How long packets of a class waited; less than EGRESS_AT_ONCE_NS is told as 0. */
void egress_delay(const struct egress *e, uint32_t node, enum tclass tclass, struct hist_snapshot *delay);

/* Any thread: adds the most that the node sent in 1 and in 10 ms; of a pair, both nodes together. */
void egress_peaks(const struct egress *e, uint32_t node, uint64_t now_ns, struct peak_view *view);

uint32_t egress_backlog_pkts(const struct egress *e, uint32_t node);
uint64_t egress_backlog_bytes(const struct egress *e, uint32_t node);
uint32_t egress_n_pkts(const struct egress *e);
struct order *egress_order(const struct egress *e);
/* Zeros before the node's first packet: statistics are attached on it. */
const struct egress_stats *egress_stats(const struct egress *e, uint32_t node);

/* Checks every invariant of it and its order, slowly. */
bool egress_check(const struct egress *e, FILE *out);

#endif
