/* SPDX-License-Identifier: BSD-3-Clause */
#include "sender_quality.h"

#include <math.h>

#include "sender_impl.h"

#define TAIL	  0.9	/* by delay the actual one is that which 9 of 10 messages are within */
#define TAIL_STEP 0.1	/* of the target: how far a message moves it */

void quality_follow_tail(double *tail_ns, double took_ns, double target_ns)
{
	if (*tail_ns <= 0)
		*tail_ns = took_ns;
	else
		*tail_ns += TAIL_STEP * target_ns * (took_ns > *tail_ns ? TAIL : TAIL - 1);
	*tail_ns = *tail_ns > 1 ? *tail_ns : 1;
}

static void smooth(struct sender_quality *q, double now)
{
	q->actual += q->actual > 0 ? QUALITY_GAMMA * (now - q->actual) : now;
}

void quality_end_slot(struct sender_quality *q, const struct sender_terms *t, uint64_t at_ns)
{
	if (t->target_bps > 0 && at_ns > q->slot_ns)
		smooth(q, (double)q->slot_bytes * 8e9 / (double)(at_ns - q->slot_ns));
	q->slot_ns = at_ns;
	q->slot_bytes = 0;
}

double quality_of(const struct sender_quality *q, const struct sender_terms *t, const struct heard *h)
{
	if (t->target_bps > 0)
		return q->actual > 0 ? (double)t->target_bps / h->n_sharing / q->actual : 1;
	return h->tail_ns > 0 ? (double)h->tail_ns / (double)t->target_ns : 1;
}

double quality_part(double alpha, double quality)
{
	return quality >= 1 ? alpha : pow(alpha, quality);
}
