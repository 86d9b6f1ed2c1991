/* SPDX-License-Identifier: BSD-3-Clause */
/* Burst credits: what a limit leaves unused is banked, up to a bound, and lets its owner go above it, up to a peak, for
 * as long as there is some.  Two token buckets, as the committed and the peak rate of RFC 2698 and RFC 4115:
 *   the peak     is what the owner's limiter counts while it may go above its base: at packet time, exact
 *   the bank     is a limiter too, at the base rate, with a burst of seconds or minutes: what it lags behind now is banked.
 *                All that leaves is charged to it, so what is spent was saved before, and nothing is counted twice
 * The bank is looked at every now and then, not for each packet.  A look ends a time above the base while what is banked
 * still lasts until the next one, if that comes as soon as this one did; where it comes later, the bank owes the difference,
 * and nothing is spent before that is paid.  So over any time t: at most base x t + bank + one such difference.
 * It needs nobody but its owner's worker: while the control core stands still, credits are spent and end as ever.
 * Plain C on a time argument, no allocation.  Used by: pipeline.  Uses: limiter.h. */
#ifndef WEIR_CREDIT_H
#define WEIR_CREDIT_H

#include "limiter.h"

#define CREDIT_OPEN_NS (20 * NS_PER_MS)	/* at its base rate: so much is banked before it goes above it again */

struct credit {
	struct limiter bank;
	uint64_t seen_ns, seen_bytes, seen_pkts;	/* the last look, and what had left by then */
	price_t above;			/* (peak - base) / base, 32.32: what a ns at the peak takes from the bank */
	bool is_open;			/* it may go above its base */
};

/* New terms, after credit_look() in the same moment; all that has left so far as there.  Who had none begins with an empty
 * bank; else what is banked, or owed, stays: bytes, not time (contract 9).  peak_bps 0: no credits any more.
 * 0 < base_bps < peak_bps; 'extra_bytes' as in struct limiter. */
void credit_set(struct credit *c, uint64_t base_bps, uint64_t peak_bps, uint64_t bank_ns, uint32_t extra_bytes,
	uint64_t bytes, uint64_t pkts, uint64_t now_ns);

/* 'bytes' in 'pkts' packets have left so far, since ever.  true: whether it may go above its base is otherwise now. */
bool credit_look(struct credit *c, uint64_t bytes, uint64_t pkts, uint64_t now_ns);

/* What is banked, as time at the base rate; below 0: it is owed. */
static inline int64_t credit_left_ns(const struct credit *c, uint64_t now_ns)
{
	return (int64_t)(now_ns - c->bank.bytes.ns);
}

#endif
