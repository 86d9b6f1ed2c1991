/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to lib/order: the structures that order.c (set-up, terms), order_stand.c (in and out of the queues) and
 * order_serve.c (who is next, what it costs) share. */
#ifndef WEIR_ORDER_IMPL_H
#define WEIR_ORDER_IMPL_H

#include <stdatomic.h>

#include "cffs.h"
#include "counter.h"
#include "order.h"
#include "wheel.h"

#define ORDER_MOVES	  64	/* nodes moved between queues a call: bounds a turn when a crowd wakes */
#define ORDER_TICKS	  4	/* nodes whose figures order_tick() brings up to now */
#define ORDER_LATE_NS	  NS_PER_MS	/* how late deadlines keep their order; lateness below it is not missed */
#define ORDER_SHARE_SHIFT 12	/* virtual time counts 2^-20 ns: 2^-32 ns >> 12 */

enum node_state {
	NODE_IDLE,	/* nothing to send */
	NODE_HELD,	/* in the limit wheel */
	NODE_SHARED,	/* in its priority's share queue, and in the guarantee wheel if it has a guarantee */
	NODE_DUE,	/* in the deadline queue */
};

struct onode {
	struct clk due_byte, due_pkt;		/* guarantee clocks */
	uint64_t finish;			/* virtual, modulo 2^64 */
	struct limiter *limiter;
	price_t min_byte, min_pkt;
	price_t share_byte, share_pkt;		/* virtual time a byte, a packet: cost / weight */
	uint64_t since_ns;			/* in this state */
	uint64_t charged_ns;			/* last service, or until when missed time has been counted */
	uint64_t able_ns;			/* when its own limit last let it go: not missed before */
	uint64_t catchup_ns, lost_seen_ns;	/* of the guarantee clocks, as in struct limiter */
	uint32_t head_bytes;
	uint8_t state, priority;
	uint8_t bound;				/* of NODE_HELD: which clock */
	bool is_urgent;				/* in the urgent wheel */
	/* colder */
	struct clk urgent_byte, urgent_pkt;
	price_t urgent_price_byte, urgent_price_pkt;
	uint64_t burst_ns;
	uint32_t weight;
	struct order_stats stats;
};

struct order {
	struct onode *nodes;
	struct wheel *limits, *guarantees, *deadlines, *urgents;
	struct cffs *shares[ORDER_N_PRIORITIES];
	uint32_t shares_waiting;		/* bit p: shares[p] is not empty */
	uint64_t vtime[ORDER_N_PRIORITIES];
	uint64_t ahead_most;			/* a finish further ahead of virtual time is stale */
	struct limiter link;
	uint64_t lost_total_ns;
	uint64_t slack_ns, window_ns;		/* contract.py: 12 and 10 largest packets on the link (here at least) */
	uint64_t others_ns;			/* how long one may have to wait for others on the link */
	uint64_t largest_ns, turn_ns;
	uint64_t late_ns;			/* how much later than its deadline a guarantee is missed */
	uint32_t n_guarantees;			/* nodes that have one */
	bool link_catchup;
	uint32_t extra_bytes;
	uint32_t n_nodes, n_waiting;
	uint32_t tick;				/* the node whose figures come next */
	price_t cost_byte, cost_pkt;
	struct cffs_node *time_links, *share_links, *urgent_links;
};

static inline bool has_guarantee(const struct onode *n)
{
	return (n->min_byte | n->min_pkt) != 0;
}

static inline bool has_urgent_terms(const struct onode *n)
{
	return (n->urgent_price_byte | n->urgent_price_pkt) != 0;
}

static inline uint64_t due_ns(const struct onode *n)
{
	return u64_max(n->due_byte.ns, n->due_pkt.ns);
}

/* When the head packet must have left: the later clock after it. */
static inline uint64_t deadline_ns(const struct onode *n)
{
	return u64_max(n->due_byte.ns + price_ns(n->min_byte, n->head_bytes), n->due_pkt.ns + price_ns(n->min_pkt, 1));
}

/* a is before b in virtual time, which wraps. */
static inline bool vtime_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

/* No credit of shares from idling or from having been held.  Nobody is further ahead than his last packets' cost: a
 * finish that seems so is hours old, and virtual time has gone half round since (2.4 hours of the link at weight 1). */
static inline void forget_share(const struct order *o, struct onode *n)
{
	if (n->finish - o->vtime[n->priority] > o->ahead_most)
		n->finish = o->vtime[n->priority];
}

/* order_serve.c */
void node_count_missed(const struct order *o, struct onode *n, uint64_t now_ns);

/* order_stand.c */
void node_stand(struct order *o, uint32_t id, uint64_t now_ns);		/* into the queue where it belongs now */
void node_leave(struct order *o, uint32_t id, uint64_t now_ns);		/* out of it, time accounted */
void node_hold(struct order *o, uint32_t id, uint64_t until_ns, uint8_t bound, uint64_t now_ns);
void node_make_due(struct order *o, uint32_t id);	/* from share queue to deadline queue */
uint64_t node_urgent_ready_ns(const struct onode *n);
void node_stand_urgent(struct order *o, uint32_t id);
void node_leave_urgent(struct order *o, uint32_t id);

#endif
