/* SPDX-License-Identifier: BSD-3-Clause */
/* Who goes next.  The one place where weir decides between senders; used twice: per egress port by the scheduler (who
 * may send, in bytes and packets) and per worker for asking (whose ring is read, in packets).
 *
 * A node (a VF, as a rule) that has something to send stands in these queues:
 *   limit wheel       may not send yet: by the time it may (the later of its bps and pps clocks)
 *   guarantee wheel   may send, its guarantee is not yet due: by due time; and at the same time in
 *   share queue       of its priority: by virtual finish time (cost / weight)
 *   deadline queue    may send and its guarantee is due: by due + this packet's interval
 *   urgent wheel      beside these, when its urgent class waits: by the time its urgent allowance allows
 * and is served in this order: urgent within allowance; the earliest deadline; the best share of the best priority.
 *
 * A group (a tenant) is a node of the same queues: its members wait inside it, in queues of its own, and it stands for
 * them with a limit, a guarantee, a weight and a priority of its own.  Only it waits for its limit.  A member that is due
 * makes it due: what the members were sold is a floor of the group (contract.py, allocate_tree).  Groups may stand in
 * groups, ORDER_MAX_DEPTH deep.
 * Source: design section 3; hClock (EuroSys'13) for min, max and share; Eiffel (NSDI'19) for the queues; WF2Q+ for
 * "eligible by due, served by deadline".  contract.py's simulate() is the same in its slowest form.
 *
 * Buckets only order: clocks are exact, so bucket width never becomes rate error.
 * Plain C on a time argument, one thread, no allocation after create.
 * Used by: sched, ask.  Uses: cffs, limiter.h. */
#ifndef WEIR_ORDER_H
#define WEIR_ORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "limiter.h"

#define ORDER_NONE	   UINT32_MAX
#define ORDER_N_PRIORITIES 8
#define ORDER_MAX_WEIGHT   1000
#define ORDER_MAX_DEPTH	   4

struct order_params {
	uint32_t n_nodes;
	uint32_t n_groups;	/* 0 where there are none */
	price_t link_byte;	/* the link clock; 0 = not paced in bytes */
	price_t link_pkt;	/* the core's capacity as a clock; 0 = not paced in packets */
	price_t cost_byte;	/* what a byte costs of the shared resource, for shares; 0 = link_byte, or as at 10 Gb/s */
	price_t cost_pkt;	/* what a packet costs; the larger of both counts (contract 3); 0 = link_pkt */
	uint32_t extra_bytes;	/* a packet counts that much more on the link than in its sender's bounds (wire basis) */
	uint32_t largest_bytes;	/* of a packet, on the link */
	uint32_t largest_pkts;	/* charged at once; 0 = 1 */
	uint64_t turn_ns;	/* how long a turn of the worker may last */
	bool link_catchup;	/* the link is only a number (virtual port): its clock is given lost time back too */
};

/* The bounds of one node in clock units.  0 = no such bound. */
struct order_terms {
	price_t min_byte, min_pkt;		/* the guarantee; due when both clocks are */
	price_t urgent_byte, urgent_pkt;	/* the urgent allowance; both 0 = no urgent service */
	uint64_t burst_ns;			/* urgent may overdraw the limit by this */
	uint32_t weight;			/* 1 .. ORDER_MAX_WEIGHT */
	uint8_t priority;			/* 0 first */
};

/* Why a node was served, and at whose cost. */
enum order_how { ORDER_URGENT, ORDER_DUE, ORDER_SHARE };

/* What held a node back (time counted between having something and being served): its own limits, the limit of a group
 * above it, or that others went first on the link. */
enum order_bound { BOUND_BPS, BOUND_PPS, BOUND_LINK, BOUND_GROUP, N_BOUNDS };

/* Plain counters of one node, written by the order's thread, only growing. */
struct order_stats {
	_Atomic uint64_t held_ns[N_BOUNDS];
	_Atomic uint64_t missed_ns;	/* backlogged time served later than deadline + 1 ms (contract 2) */
};

struct order;

/* NULL where memory is out. */
struct order *order_create(const struct order_params *params);
void order_destroy(struct order *o);

/* Sets a node's terms, at any time (a live change keeps debts: contract 9).  'limiter' may be NULL (no limit) and may be
 * shared; the caller owns it and changes it by limiter_set(), then calls this. */
void order_set(struct order *o, uint32_t node, const struct order_terms *terms, struct limiter *limiter,
	uint64_t now_ns);

/* The same for a group, 0 .. n_groups - 1; it has no urgent allowance. */
void order_set_group(struct order *o, uint32_t group, const struct order_terms *terms, struct limiter *limiter,
	uint64_t now_ns);

/* Puts a node, or a group, into a group; ORDER_NONE: into none, as at first.  At any time; debts are kept, shares begin
 * anew.  false: the groups would loop or be too deep; nothing changed. */
void order_join(struct order *o, uint32_t node, uint32_t group, uint64_t now_ns);
bool order_join_group(struct order *o, uint32_t group, uint32_t parent, uint64_t now_ns);

/* What the node owes or has saved is nobody's any more: another begins in its place.  It must not be waiting. */
void order_forget(struct order *o, uint32_t node);

/* Ask for the node's cache lines some packets before they are needed, and later for what they lead to. */
void order_prefetch(const struct order *o, uint32_t node);
void order_prefetch_more(const struct order *o, uint32_t node);

/* Who may well be named by order_next() once 'node', named now, has been served: for a prefetch.  ORDER_NONE: unknown. */
uint32_t order_likely_next(const struct order *o, uint32_t node);

/* The node has something to send now and had nothing before.  head_bytes: its first packet's.  has_urgent: its urgent
 * class waits; has_other: another class waits. */
void order_wake(struct order *o, uint32_t node, uint32_t head_bytes, bool has_urgent, uint64_t now_ns);

/* A waiting node's urgent class was empty and is not any more. */
void order_wake_urgent(struct order *o, uint32_t node, uint64_t now_ns);

/* The node has nothing left (its last packet was dropped or taken otherwise than by order_end_run()). */
void order_sleep(struct order *o, uint32_t node, uint64_t now_ns);

/* Its urgent class has nothing left, other classes have (otherwise than by order_end_run()). */
void order_sleep_urgent(struct order *o, uint32_t node);

/* What is sent at one go, by one node (order_begin_run()) or by many (order_begin_now()): packets are only summed up, and
 * the sums charged at the end.  Clocks are exact, so that is the same as charging one by one.  Private but for the sums. */
struct order_run {
	uint64_t bytes, pkts;			/* so far */
	uint64_t now_ns;
	const struct limiter *link;
	uint32_t extra_bytes;			/* of a packet on the link */
	/* Of one node. */
	const struct limiter *limiter;
	uint64_t most_bytes, most_pkts;		/* it ends when it has had so much ... */
	bool is_free, is_bound;			/* ... which its limits and the link allow in any case, or do not */
};

static inline void order_run_add(struct order_run *r, uint64_t bytes, uint64_t pkts)
{
	r->bytes += bytes;
	r->pkts += pkts;
}

static inline bool order_run_limit_goes_on(const struct order_run *r, uint64_t bytes, uint64_t pkts)
{
	return limiter_goes_on(r->limiter, bytes + pkts * r->limiter->extra_bytes, pkts, r->now_ns) &&
	       limiter_goes_on(r->link, bytes + pkts * r->extra_bytes, pkts, r->now_ns);
}

/* May the node send one more packet now, after those added?  Of order_begin_run() only.  Where it may have all that a run
 * may, it is asked once. */
static inline bool order_run_goes_on(struct order_run *r)
{
	if (r->bytes >= r->most_bytes || r->pkts >= r->most_pkts)
		return false;
	if (r->is_free)
		return true;
	if (!r->is_bound) {
		r->is_free = order_run_limit_goes_on(r, r->most_bytes, r->most_pkts);
		r->is_bound = !r->is_free;
	}
	return r->is_free || order_run_limit_goes_on(r, r->bytes, r->pkts);
}

/* Where nobody waits who might go, packets of nodes that have nothing waiting leave at once, whoever's they are: limits,
 * guarantees and the link are charged; shares and urgent allowances are not, for nobody was competed with or overtaken.
 * order_begin_now(): false: not at the moment.  Then order_send_now(), packets of bytes[i] of nodes[i], ORDER_NOW_PKTS at most:
 * how many go, from the first on; the next must stand in line (order_wake(), after order_end_now()), and nothing is charged
 * for it.  order_end_now() in any case, before any other call. */
#define ORDER_NOW_PKTS 64u
bool order_begin_now(struct order *o, uint64_t now_ns, struct order_run *r);
uint32_t order_send_now(struct order *o, struct order_run *r, const uint32_t *nodes, const uint32_t *bytes, uint32_t n);
void order_end_now(struct order *o, const struct order_run *r);

/* Who goes next at now_ns, or ORDER_NONE: nobody may, or the link clock says not yet.  Takes nothing. */
uint32_t order_next(struct order *o, uint64_t now_ns, enum order_how *how);

/* The node that order_next() named sends packets: add one, and more while it goes on (never more than what one largest
 * packet costs), then end the run.  left: it has more; then head_bytes is the next packet's size and has_urgent tells of
 * its urgent class. */
void order_begin_run(struct order *o, uint32_t node, enum order_how how, uint64_t now_ns, struct order_run *r);
void order_end_run(struct order *o, uint32_t node, enum order_how how, const struct order_run *r, bool left,
	uint32_t head_bytes, bool has_urgent);

/* The same for 'bytes' in 'pkts' packets that are known before. */
void order_charge(struct order *o, uint32_t node, enum order_how how, uint64_t bytes, uint64_t pkts, bool left,
	uint32_t head_bytes, bool has_urgent, uint64_t now_ns);

/* The node that order_next() named lets its turn pass until 'until_ns' and keeps all it has. */
void order_pass(struct order *o, uint32_t node, uint64_t until_ns, uint64_t now_ns);

/* The worker lost 'lost_ns' between turns: to be given back to those who were waiting. */
void order_lost(struct order *o, uint64_t lost_ns, uint64_t now_ns);
uint64_t order_lost_total_ns(const struct order *o);	/* so far: for limiters beside its own */
uint64_t order_lost_end_ns(const struct order *o);	/* when the last of it ended */

/* Brings the figures of a few nodes that wait up to now, in turns: who is never served shows it all the same.  To be
 * called once a turn or so; its cost is small and the same for any number of nodes. */
void order_tick(struct order *o, uint64_t now_ns);

/* The link has a new price (live). */
void order_set_link(struct order *o, price_t link_byte, price_t link_pkt, uint64_t now_ns);

/* The next time at which order_next() may answer otherwise; UINT64_MAX when nobody waits. */
uint64_t order_next_ns(struct order *o, uint64_t now_ns);

/* How many packets the link clock allows at once now, 1 .. most (in packets; most where it is not paced). */
uint32_t order_link_pkts(const struct order *o, uint32_t most, uint64_t now_ns);

/* True while the link clock is ahead of now. */
bool order_link_is_busy(const struct order *o, uint64_t now_ns);

bool order_is_waiting(const struct order *o, uint32_t node);
uint32_t order_n_waiting(const struct order *o);
const struct order_stats *order_stats(const struct order *o, uint32_t node);	/* zeros before its first packet */
const struct order_stats *order_group_stats(const struct order *o, uint32_t group);

/* Checks every invariant, slowly; says what is broken to 'out'. */
bool order_check(const struct order *o, FILE *out);

#endif
