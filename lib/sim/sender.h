/* SPDX-License-Identifier: BSD-3-Clause */
/* What a connection makes of what it hears: how much it may have under way, and how fast.  One contract for windows (Reno,
 * CUBIC, DCTCP, D2TCP, QTCP) and rates (DCQCN, QRDMA); each is a law in a file of its own.  Time is an argument; who asks
 * a law keeps sequence numbers, losses, timers and the wire.
 * Sources: RFC 5681, 9438, 8257; D2TCP and DCQCN as published (SIGCOMM 2012, 2015); QTCP and QRDMA: doi 10.1145/3631606,
 * section 3.1, whose printed equations are rebuilt from their words (sender_quality.h).
 * Used by: scenario, world.  Uses: nothing. */
#ifndef WEIR_SENDER_H
#define WEIR_SENDER_H

#include <stdbool.h>
#include <stdint.h>

enum sender_algorithm {
	SENDER_RENO, SENDER_CUBIC, SENDER_DCTCP, SENDER_D2TCP, SENDER_QTCP, SENDER_DCQCN, SENDER_QRDMA, N_SENDER_ALGORITHMS,
};
#define SENDER_NAMES "reno|cubic|dctcp|d2tcp|qtcp|dcqcn|qrdma"

/* What all connections of a traffic have in common; read-only. */
struct sender_terms {
	enum sender_algorithm algorithm;
	uint64_t rtt_ns;		/* without queues */
	uint32_t max_window_pkts;
	uint32_t step;			/* additive increase, in the law's own steps: 1 is as published.  Of the whole class */
	uint32_t growth;		/* instead of steps: a round trip adds so many thousandths of the target's window; 0: steps */
	uint32_t smoothing;		/* the marked part by 1/N; 0: the law's own (16, QTCP 2, rates 256) */
	uint64_t target_bps;		/* QTCP, QRDMA: what the class is to have; 0: its target is target_ns */
	uint64_t target_ns;		/* D2TCP, QTCP, QRDMA: a message is to be there within */
	bool is_paced;			/* a window is spread over the round trip (DCQCN and QRDMA are rates anyway) */
	uint64_t line_bps;		/* DCQCN, QRDMA: the most, and the first, rate of the connection */
};

/* An acknowledgement, or a CNP where there are none. */
struct heard {
	uint64_t at_ns, sent_ns;	/* now; and when that was sent, which arrived */
	uint64_t seq, next_seq;		/* of what arrived, and of what would be sent next */
	uint64_t n_lost;		/* missing before it */
	uint32_t bytes;
	bool has_ce;
	uint32_t n_sharing;		/* connections of its class, itself with them: at least 1 */
	/* Where there are messages: */
	uint64_t tail_ns;		/* what 9 of 10 of its class took, followed message by message; 0: not known */
	uint64_t since_ns, left_pkts;	/* the oldest that is under way: when it came, what is missing; left 0: none */
};

/* DCTCP's, and of those made of it. */
struct sender_marks {
	double alpha;
	uint64_t window_seq, n_acked, n_marked;
};

struct sender_quality {
	double actual;			/* smoothed: bits/s, or ns */
	uint64_t slot_ns, slot_bytes;	/* since when, and how much since */
};

struct sender {
	double cwnd, ssthresh;		/* packets */
	double rate_bps;		/* 0: not paced */
	double srtt_ns;			/* 0: not known yet */
	uint64_t recover_seq;		/* reduced already for what was sent before */
	double w_max, k_s;		/* CUBIC */
	uint64_t epoch_ns;
	struct sender_marks marks;
	struct sender_quality quality;
	/* DCQCN */
	double goal_bps;
	uint64_t cnp_ns, alpha_ns, timer_ns, counted_bytes;
	uint32_t n_timers, n_counters;
};

/* 's' is the caller's memory, and as it was left by the last call. */
void sender_begin(struct sender *s, const struct sender_terms *t, uint64_t at_ns);
void sender_hear(struct sender *s, const struct sender_terms *t, const struct heard *h);
void sender_silence(struct sender *s, const struct sender_terms *t, uint64_t at_ns, uint64_t next_seq);	/* all is lost */

/* Before it sends: what time alone changes (DCQCN's timers). */
void sender_advance(struct sender *s, const struct sender_terms *t, uint64_t at_ns);

static inline bool sender_is_by_marks(enum sender_algorithm a)
{
	return a >= SENDER_DCTCP;
}

static inline bool sender_is_paced(enum sender_algorithm a)
{
	return a == SENDER_DCQCN || a == SENDER_QRDMA;
}

#endif
