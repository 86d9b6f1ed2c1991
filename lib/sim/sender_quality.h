/* SPDX-License-Identifier: BSD-3-Clause */
/* The quality factor Q of QTCP and QRDMA, as rebuilt:
 *   by throughput  Q = target / smoothed actual,   by delay  Q = actual tail / target
 *   Q < 1: there is slack; Q >= 1: there is none.  In a slot with congestion of which alpha is the smoothed part:
 *   W <- W (1 - alpha / 2) when Q >= 1,  W <- W (1 - alpha^Q / 2) when Q < 1.   Without congestion Q is not used.
 * Q is of a class: the tail is the 90th percentile (the paper's own example) of what its messages took, followed one by one.
 * A class's target is shared by its connections.  Pure.
 * Used by: sender_qtcp, sender_qrdma, the tests.  Uses: sender. */
#ifndef WEIR_SENDER_QUALITY_H
#define WEIR_SENDER_QUALITY_H

#include "sender.h"

#define QUALITY_GAMMA 0.5

/* Counts what was heard, toward the slot that lasts. */
static inline void quality_count(struct sender_quality *q, const struct heard *h)
{
	q->slot_bytes += h->bytes;
}

/* The slot ends. */
void quality_end_slot(struct sender_quality *q, const struct sender_terms *t, uint64_t at_ns);

/* 1 before anything is known. */
double quality_of(const struct sender_quality *q, const struct sender_terms *t, const struct heard *h);

/* A message of the class took so long: the tail moves towards it, up nine times as far as down. */
void quality_follow_tail(double *tail_ns, double took_ns, double target_ns);

/* The part that gives way: alpha, or alpha^Q where there is slack; the window or rate becomes 1 - part / 2 of itself. */
double quality_part(double alpha, double quality);

#endif
