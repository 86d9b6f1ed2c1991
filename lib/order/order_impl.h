/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to lib/order: the structures that order.c (set-up, terms), order_stand.c (in and out of the queues),
 * order_serve.c (who is next, what it costs) and order_check.c share.
 *
 * A level is a set of queues: the root's, or a group's, whose members stand in it while the group itself is a node of the
 * level above.  A node stands in its level's share queue or deadline queue or is held, and has at most one event in its
 * wheel: the time at which to look at it again (its limit allows, its guarantee is due).  Events are lazy: one that comes
 * too early costs a look and is put anew, so that a service which only makes a time later moves nothing.
 *
 * Where nobody waits there is nothing to decide: nodes that come in the same moment (turn) are served as they came, and
 * stand in no queue.  Only who is still there a moment later competes. */
#ifndef WEIR_ORDER_IMPL_H
#define WEIR_ORDER_IMPL_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "cffs.h"
#include "counter.h"
#include "order.h"
#include "wheel.h"

#define ORDER_MOVES	  64	/* nodes moved between queues a call, and ... */
#define ORDER_TURN_MOVES  512	/* ... a moment: bounds a turn when a crowd wakes */
#define ORDER_RUN_PKTS	  64u	/* by a node at one go, at most: more than a burst */
#define ORDER_TICKS	  4	/* nodes whose figures order_tick() brings up to now */
#define ORDER_LATE_NS	  NS_PER_MS	/* how late deadlines keep their order; lateness below it is not missed */
#define ORDER_SHARE_SHIFT 12	/* virtual time counts 2^-20 ns: 2^-32 ns >> 12 */
#define ORDER_INV_BITS	  28	/* 1 / weight in fixed point */
#define GROUP_WINDOWS	  4	/* a group's guarantee remembers past excess so much longer: its members' gusts add up */
#define ROOT		  0u

#define unlikely(x) __builtin_expect(!!(x), 0)
#define hot_inline  static inline __attribute__((always_inline))	/* one copy in order_end_run(), where calls would cost most */

enum node_state {
	NODE_IDLE,	/* nothing to send */
	NODE_FRESH,	/* came this very moment and found nobody waiting: in the level's list of such */
	NODE_HELD,	/* may not send before its event */
	NODE_SHARED,	/* in its priority's share queue; with an event if its guarantee will be due */
	NODE_DUE,	/* in the deadline queue */
};

enum node_flag {
	NODE_HAS_GUARANTEE = 1,
	NODE_HAS_MEMBERS = 2,	/* it is a group */
	NODE_HAS_URGENT = 4,
	NODE_HAS_STATS = 8,
	NODE_IN_TREE = 16,	/* it is a group or in one: not a plain node of the root's */
	NODE_MAY_BE_DUE = NODE_HAS_GUARANTEE | NODE_HAS_MEMBERS,	/* a group's members may have a guarantee */
};

/* Of the few nodes that were sold an urgent allowance. */
struct ourgent {
	struct cffs_node link;
	struct clk bytes, pkts;
	price_t price_byte, price_pkt;
	uint64_t burst_ns;
	bool is_waiting;		/* in the urgent wheel */
};

struct onode {
	/* What every service touches. */
	alignas(64) struct cffs_node share;
	uint64_t finish;			/* virtual, modulo 2^64 */
	uint64_t since_ns;			/* in this state */
	struct limiter *limiter;		/* never NULL: &order.no_limit */
	uint32_t inverse;			/* 1 / weight, ORDER_INV_BITS of fraction */
	uint32_t head_bytes;
	uint32_t level;				/* where it stands: ROOT, or its group's */
	uint8_t state, priority;
	uint8_t bound;				/* of NODE_HELD: which clock */
	uint8_t flags;				/* NODE_HAS_..: what of the colder lines matters */
	/* The guarantee, and the link in the event wheel or the deadline queue. */
	struct cffs_node time;
	struct clk due_byte, due_pkt;
	price_t min_byte, min_pkt;
	/* Colder. */
	uint64_t charged_ns;			/* last service, or until when missed time has been counted */
	uint64_t able_ns;			/* when its own limit last let it go: not missed before */
	uint64_t group_held_ns;			/* its groups' held time when it began to compete */
	uint32_t catchup_ns, lost_seen_ns;	/* of the guarantee clocks, as in struct limiter */
	struct ourgent *urgent;			/* NULL: none was sold */
	struct order_stats *stats;		/* from its first packet on */
	uint32_t group;				/* the level of its members; ROOT: it is no group */
	uint32_t weight;
	uint64_t yield_ns;			/* of a group: until then others under its limiter go first */
};
static_assert(sizeof(struct onode) == 192, "three cache lines");

struct level {
	struct wheel *events, *deadlines;
	uint64_t fresh_ns;			/* when those in the list came */
	uint32_t fresh_head, fresh_tail;	/* linked by share.next; ORDER_NONE: empty */
	uint64_t first_start;			/* of the share bucket from which 'first' was named */
	uint32_t first;				/* by the last order_next(), unless something has moved since; or ORDER_NONE */
	uint32_t shares_waiting;		/* bit p: shares[p] is not empty */
	uint32_t n_waiting;			/* nodes */
	uint32_t owner;				/* the group's node; ORDER_NONE: the root */
	uint8_t how;				/* of the last order_next() */
	struct cffs *shares[ORDER_N_PRIORITIES];
	uint64_t vtime[ORDER_N_PRIORITIES];
};

struct order {
	struct onode *nodes;			/* n_nodes, then n_groups */
	struct level *levels;			/* ROOT, then n_groups */
	struct limiter link, no_limit;
	uint64_t link_charged_ns;		/* the last moment */
	uint64_t moves_ns;			/* the moment of moves_left */
	uint32_t moves_left;
	uint64_t lost_total_ns, lost_end_ns;	/* lost by the worker so far; when the last of it ended */
	uint64_t slack_ns, window_ns;		/* contract.py: 12 and 10 largest packets on the link (here at least) */
	price_t cost_byte, cost_pkt;
	uint64_t ahead_most;			/* a finish further ahead of virtual time is stale */
	uint64_t group_ahead;			/* a group's may be so far ahead or behind, at weight 1 */
	uint32_t extra_bytes;
	uint32_t run_bytes, run_pkts;		/* a node may send so much at one go: what one largest packet costs */
	uint32_t n_waiting;			/* nodes, without groups */
	bool link_catchup;
	struct wheel *urgents;
	/* Colder. */
	uint64_t others_ns;			/* how long one may have to wait for others on the link */
	uint64_t largest_ns, turn_ns;		/* what a largest packet takes of the link as it is */
	uint64_t largest_cost_ns;		/* .. and as it was at first: shares are counted by that */
	uint32_t largest_pkts;
	uint64_t late_ns;			/* how much later than its deadline a guarantee is missed */
	uint32_t n_guarantees;			/* nodes that have one */
	uint32_t n_nodes, n_groups;
	uint32_t tick;				/* the node whose figures come next */
	clk_u128 largest_step;			/* in virtual time, at weight 1 */
	struct ourgent *urgent;			/* by node; touched only by those who have terms for it */
	struct order_stats *stats;		/* attached in the order of first packets */
	uint32_t n_stats;
};

static inline bool has_guarantee(const struct onode *n)
{
	return n->flags & NODE_HAS_GUARANTEE;
}

static inline bool is_group(const struct onode *n)
{
	return n->flags & NODE_HAS_MEMBERS;
}

static inline bool waits_urgent(const struct onode *n)
{
	return (n->flags & NODE_HAS_URGENT) && n->urgent->is_waiting;
}

static inline struct level *level_of(const struct order *o, const struct onode *n)
{
	return &o->levels[n->level];
}

/* Somebody in it may send now. */
static inline bool level_is_able(const struct level *l)
{
	return l->shares_waiting != 0 || !wheel_is_empty(l->deadlines);
}

/* What is ripe beyond them moves in the next moment. */
static inline bool moves_are_spent(const struct order *o, uint64_t now_ns)
{
	return o->moves_ns == now_ns && o->moves_left == 0;
}

static inline uint64_t own_due_ns(const struct onode *n)
{
	return u64_max(n->due_byte.ns, n->due_pkt.ns);
}

/* What packets count in the node's own clocks: its limiter knows in which basis it was sold. */
static inline uint64_t own_bytes(const struct onode *n, uint64_t bytes, uint64_t pkts)
{
	return bytes + pkts * n->limiter->extra_bytes;
}

/* When the head packet must have left: the later clock after it. */
static inline uint64_t own_deadline_ns(const struct onode *n)
{
	return u64_max(n->due_byte.ns + price_ns(n->min_byte, own_bytes(n, n->head_bytes, 1)),
		n->due_pkt.ns + price_ns(n->min_pkt, 1));
}

/* a is before b in virtual time, which wraps. */
static inline bool vtime_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

/* No credit of shares from idling or from having been held.  Nobody is further ahead than his last packets' cost: a
 * finish that seems so is hours old, and virtual time has gone half round since (2.4 hours of the link at weight 1). */
static inline void forget_share(const struct order *o, const struct level *l, struct onode *n)
{
	uint64_t vtime = l->vtime[n->priority];

	if (n->finish - vtime > o->ahead_most)
		n->finish = vtime;
}

static inline uint64_t group_span(const struct order *o, const struct onode *g)
{
	uint64_t span = (uint64_t)((clk_u128)o->group_ahead * g->inverse >> ORDER_INV_BITS);

	return u64_min(span, o->ahead_most / 2);
}

/* A group that was due is behind, for while it was its level's virtual time went on without it: see keep_finish(). */
static inline void forget_group_share(const struct order *o, const struct level *l, struct onode *g)
{
	uint64_t vtime = l->vtime[g->priority];

	if (vtime - g->finish > group_span(o, g))
		forget_share(o, l, g);
}

/* order_serve.c */
void node_count_missed(const struct order *o, struct onode *n, uint64_t now_ns);

/* order_stand.c */
void node_stand(struct order *o, uint32_t id, uint64_t now_ns);		/* into the queue where it belongs now */
void node_leave(struct order *o, uint32_t id, uint64_t now_ns);		/* out of it, time accounted */
void node_hold(struct order *o, uint32_t id, uint64_t until_ns, uint8_t bound, uint64_t now_ns);
void count_held_in_group(const struct order *o, struct onode *n, uint64_t now_ns);
void node_wake(struct order *o, uint32_t id, uint32_t head_bytes, uint64_t now_ns);
void node_sleep(struct order *o, uint32_t id, uint64_t now_ns);
void node_attach_stats(struct order *o, struct onode *n);	/* on its first packet */
void fresh_settle(struct order *o, struct level *l, uint64_t now_ns);	/* they compete from now on */
void take_out_settled(struct order *o, uint32_t id, uint64_t now_ns);
void level_ripen(struct order *o, struct level *l, uint64_t now_ns);
void groups_renew(struct order *o, const struct onode *n, uint64_t now_ns);	/* those above it, after a change in it */
uint64_t node_urgent_ready_ns(const struct order *o, const struct onode *n);
void node_stand_urgent(struct order *o, uint32_t id);
void node_leave_urgent(struct order *o, uint32_t id);

hot_inline void push_share(struct order *o, struct level *l, uint32_t id, struct onode *n)
{
	struct cffs *q = l->shares[n->priority];

	if (unlikely(is_group(n)))
		forget_group_share(o, l, n);
	else
		forget_share(o, l, n);
	if (cffs_is_empty(q))	/* virtual time may have gone on without it */
		cffs_advance(q, l->vtime[n->priority]);
	cffs_push_node(q, id, &n->share, n->finish);
	l->shares_waiting |= 1u << n->priority;
	l->first = ORDER_NONE;
}

hot_inline void remove_share(struct level *l, uint32_t id, struct onode *n)
{
	struct cffs *q = l->shares[n->priority];

	cffs_remove_node(q, id, &n->share);
	if (cffs_is_empty(q))
		l->shares_waiting &= ~(1u << n->priority);
}

hot_inline uint64_t limit_ready_ns(const struct onode *n)
{
	return limiter_ready_ns(n->limiter);
}

static inline void count_held_by(const struct onode *n, uint8_t bound, uint64_t held_ns)
{
	if (held_ns != 0)
		counter_add(&n->stats->held_ns[bound], held_ns);
}

/* The time in this state, up to now, to the bound that made it wait. */
hot_inline void count_held(const struct order *o, struct onode *n, uint64_t now_ns)
{
	uint64_t held_ns = now_ns - n->since_ns;

	if (held_ns == 0)
		return;
	if (unlikely((n->flags & NODE_IN_TREE) && n->level != ROOT)) {
		count_held_in_group(o, n, now_ns);
		return;
	}
	uint8_t bound = n->state == NODE_HELD ? n->bound : (uint8_t)BOUND_LINK;
	if (bound < N_BOUNDS)
		count_held_by(n, bound, held_ns);
	n->since_ns = now_ns;
}

/* Out of its queue.  The time it stood there is not accounted. */
hot_inline void take_out(struct order *o, struct level *l, uint32_t id, struct onode *n, uint64_t now_ns)
{
	if (n->state == NODE_SHARED)
		remove_share(l, id, n);
	else if (n->state == NODE_DUE)
		wheel_remove(l->deadlines, id);
	else if (n->state == NODE_FRESH && l->fresh_head == id)
		l->fresh_head = n->share.next;
	else if (n->state == NODE_FRESH) {
		fresh_settle(o, l, now_ns);
		take_out_settled(o, id, now_ns);
	} else if (n->state == NODE_HELD && has_guarantee(n))
		n->able_ns = u64_min(u64_max(limit_ready_ns(n), n->time.rank), now_ns);
}

hot_inline void leave(struct order *o, struct level *l, uint32_t id, struct onode *n, uint64_t now_ns)
{
	if (n->state == NODE_IDLE)
		return;
	take_out(o, l, id, n, now_ns);
	count_held(o, n, now_ns);
	n->state = NODE_IDLE;
}

/* Most often nobody waits, or nothing holds it. */
hot_inline void stand(struct order *o, struct level *l, uint32_t id, struct onode *n, uint64_t now_ns)
{
	bool has_fresh = l->fresh_head != ORDER_NONE;

	if (unlikely(n->flags & NODE_IN_TREE) || limit_ready_ns(n) > now_ns) {
		node_stand(o, id, now_ns);
		return;
	}
	if (has_fresh ? l->fresh_ns != now_ns : level_is_able(l)) {
		if (has_fresh || (n->flags & NODE_MAY_BE_DUE)) {
			node_stand(o, id, now_ns);
			return;
		}
		n->since_ns = now_ns;
		n->state = NODE_SHARED;
		push_share(o, l, id, n);
		return;
	}
	n->since_ns = now_ns;
	n->state = NODE_FRESH;
	n->share.next = ORDER_NONE;
	if (has_fresh)
		o->nodes[l->fresh_tail].share.next = id;
	else
		l->fresh_head = id;
	l->fresh_tail = id;
	l->fresh_ns = now_ns;
}

hot_inline void wake_guarantee(const struct order *o, struct onode *n, uint64_t now_ns)
{
	if (!(n->flags & NODE_MAY_BE_DUE))
		return;
	clk_at_least(&n->due_byte, now_ns);
	clk_at_least(&n->due_pkt, now_ns);
	n->charged_ns = now_ns;
	n->catchup_ns = 0;
	n->lost_seen_ns = (uint32_t)o->lost_total_ns;
}

/* No credit from idling: neither of shares nor of guarantees (a crowd that wakes would starve a fast one).  The limit's
 * credit is the burst, which limiter_charge() bounds. */
hot_inline void wake(struct order *o, uint32_t id, struct onode *n, uint32_t head_bytes, uint64_t now_ns)
{
	if (unlikely(!(n->flags & NODE_HAS_STATS)))
		node_attach_stats(o, n);
	if (n->limiter->n_waiting == 0) {	/* it has been idle: time lost later must add to what that saves, not save it again */
		clk_at_least(&n->limiter->bytes, ns_before(now_ns, n->limiter->save_ns));
		clk_at_least(&n->limiter->pkts, ns_before(now_ns, n->limiter->save_ns));
	}
	limiter_wake(n->limiter, o->lost_total_ns);
	wake_guarantee(o, n, now_ns);
	n->head_bytes = head_bytes;
	struct level *l = level_of(o, n);
	l->n_waiting++;
	stand(o, l, id, n, now_ns);
}

/* Once a moment: within it nothing more can be forgiven. */
static inline void lift_link(struct order *o, uint64_t now_ns)
{
	if (o->link_charged_ns == now_ns)
		return;
	limiter_lift(&o->link, now_ns, o->link_catchup ? o->lost_total_ns : 0, o->lost_end_ns);
	o->link_charged_ns = now_ns;
}

static inline void charge_link(struct order *o, const struct order_run *r)
{
	limiter_add(&o->link, r->bytes + r->pkts * o->extra_bytes, r->pkts, r->now_ns);
}

#endif
