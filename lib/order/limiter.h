/* SPDX-License-Identifier: BSD-3-Clause */
/* A limit in bytes and in packets: each packet is charged in both, and may leave when both clocks allow (contract 1).
 * A clock stands at the time of the next permitted departure.  What it may lag behind now is what has been saved:
 * 'save_ns' (burst; at least two frames, at least 12 largest packets on the link and a turn, since others may go
 * first), and what the worker itself lost (catch-up, at most LIMITER_CATCHUP_NS a time), for those who were waiting.
 * One limiter may be shared by several nodes of several orders of the same worker (a VF's PF and local traffic).
 * Used by: order, sched, pipeline.  Uses: clk.h. */
#ifndef WEIR_LIMITER_H
#define WEIR_LIMITER_H

#include <assert.h>

#include "clk.h"

#define LIMITER_CATCHUP_NS (10 * NS_PER_MS)

struct limiter {	/* a cache line */
	struct clk bytes, pkts;		/* next permitted departure by each bound */
	price_t price_byte, price_pkt;	/* 0: not limited in this unit */
	uint64_t save_ns;
	uint32_t catchup_ns;		/* lag forgiven beyond save_ns now */
	uint32_t lost_seen_ns;		/* the worker's lost-time total, mod 2^32, already turned into catchup_ns */
	uint32_t n_waiting;		/* nodes that wait under it */
	uint32_t extra_bytes;		/* a packet counts so much more in bytes: 24 on the wire; set by the owner */
};
static_assert(sizeof(struct limiter) == 64, "a cache line");

/* When the next packet may leave. */
static inline uint64_t limiter_ready_ns(const struct limiter *l)
{
	return u64_max(l->bytes.ns, l->pkts.ns);
}

/* May one more packet leave now after 'bytes' in 'pkts' packets (extra bytes counted in)? */
static inline bool limiter_goes_on(const struct limiter *l, uint64_t bytes, uint64_t pkts, uint64_t now_ns)
{
	return clk_after_ns(&l->bytes, l->price_byte, bytes) <= now_ns &&
	       (l->price_pkt == 0 || clk_after_ns(&l->pkts, l->price_pkt, pkts) <= now_ns);
}

/* Time lost so far is nobody's who waits under it. */
static inline void limiter_forget(struct limiter *l, uint64_t lost_total_ns)
{
	l->catchup_ns = 0;
	l->lost_seen_ns = (uint32_t)lost_total_ns;
}

/* A node under it has something to send.  Time lost while none had is not given back. */
static inline void limiter_wake(struct limiter *l, uint64_t lost_total_ns)
{
	if (l->n_waiting++ == 0)
		limiter_forget(l, lost_total_ns);
}

/* The node has nothing left. */
static inline void limiter_sleep(struct limiter *l)
{
	l->n_waiting--;
}

/* Lost time becomes lag that is forgiven: twice, for after it all have something to catch up and others may go first,
 * which at half load takes as long again.  What is forgiven is waiting; the clock alone says how much may be sent. */
static inline void limiter_count_lost(uint32_t *catchup_ns, uint32_t *lost_seen_ns, uint64_t lost_total_ns)
{
	uint64_t more_ns = 2 * (uint64_t)((uint32_t)lost_total_ns - *lost_seen_ns);

	*catchup_ns = (uint32_t)u64_min(*catchup_ns + more_ns, 2 * LIMITER_CATCHUP_NS);
	*lost_seen_ns = (uint32_t)lost_total_ns;
}

/* What has been caught up is not forgiven again.  Twice what still lags, for it lags further while others go first, who
 * have something to catch up too. */
static inline uint32_t limiter_catchup_left(uint32_t catchup_ns, uint64_t lag_ns)
{
	return (uint32_t)u64_min(catchup_ns, 2 * lag_ns);
}

/* Time was lost since the last departure: of what was lost beyond LIMITER_CATCHUP_NS nothing is given back.  As of the moment in
 * which the gap ended, not of now: who had to wait for others after it loses nothing by that. */
static inline void limiter_see_lost(struct limiter *l, uint64_t lost_total_ns, uint64_t lost_end_ns)
{
	uint64_t more_ns = u64_min((uint32_t)lost_total_ns - l->lost_seen_ns, LIMITER_CATCHUP_NS);
	uint64_t floor_ns = ns_before(lost_end_ns, l->save_ns + l->catchup_ns + more_ns);

	clk_at_least(&l->bytes, floor_ns);
	clk_at_least(&l->pkts, floor_ns);
	limiter_count_lost(&l->catchup_ns, &l->lost_seen_ns, lost_total_ns);
}

/* How many packets it allows at once now, 1 .. most; most where it has no bound in packets. */
static inline uint32_t limiter_pkts(const struct limiter *l, uint32_t most, uint64_t now_ns)
{
	uint64_t ready_ns = u64_max(l->pkts.ns, ns_before(now_ns, l->save_ns));
	uint32_t n = 1;

	if (l->price_pkt == 0)
		return most;
	/* Adding beats dividing for the few packets that a paced link allows a turn. */
	for (uint64_t at_ns = ready_ns; n < most; n++) {
		at_ns += price_ns(l->price_pkt, 1);
		if (at_ns > now_ns)
			break;
	}
	return n;
}

/* Forgets what may not be saved, before a departure.  lost_total_ns: the worker's running total of lost time; lost_end_ns: when
 * the last of it ended. */
static inline void limiter_lift(struct limiter *l, uint64_t now_ns, uint64_t lost_total_ns, uint64_t lost_end_ns)
{
	if (__builtin_expect(l->lost_seen_ns != (uint32_t)lost_total_ns, 0))
		limiter_see_lost(l, lost_total_ns, lost_end_ns);
	uint64_t floor_ns = ns_before(now_ns, l->save_ns + l->catchup_ns);

	clk_at_least(&l->bytes, floor_ns);
	clk_at_least(&l->pkts, floor_ns);
}

/* Counts departures after limiter_lift(), in the same moment. */
static inline void limiter_add(struct limiter *l, uint64_t bytes, uint64_t pkts, uint64_t now_ns)
{
	clk_add(&l->bytes, l->price_byte, bytes + pkts * l->extra_bytes);
	if (l->price_pkt != 0)
		clk_add(&l->pkts, l->price_pkt, pkts);
	if (__builtin_expect(l->catchup_ns != 0, 0))
		l->catchup_ns = limiter_catchup_left(l->catchup_ns, ns_before(now_ns, limiter_ready_ns(l)));
}

/* Charges one departure (or 'pkts' at once). */
static inline void limiter_charge(struct limiter *l, uint64_t bytes, uint64_t pkts, uint64_t now_ns,
	uint64_t lost_total_ns, uint64_t lost_end_ns)
{
	limiter_lift(l, now_ns, lost_total_ns, lost_end_ns);
	limiter_add(l, bytes, pkts, now_ns);
}

/* The same of one packet, extra bytes counted in, where nothing waits under it: nothing is caught up.  'lost_total_ns' as
 * limiter_forget() keeps it. */
static inline void limiter_charge_alone(struct limiter *l, uint32_t bytes, uint64_t now_ns, uint32_t lost_total_ns)
{
	uint64_t floor_ns = ns_before(now_ns, l->save_ns);

	limiter_forget(l, lost_total_ns);
	clk_lift_and_add(&l->bytes, floor_ns, l->price_byte, bytes);
	clk_lift_and_step(&l->pkts, floor_ns, l->price_pkt);
}

/* New prices at once, without credit or shock: debt is bytes and packets, not time (contract 9). */
void limiter_set(struct limiter *l, price_t price_byte, price_t price_pkt, uint64_t save_ns, uint64_t now_ns);

#endif
