/* SPDX-License-Identifier: BSD-3-Clause */
#include "sender_quality.h"

#include <math.h>

#include "sender_impl.h"

#define TAIL	  0.9	/* by delay the actual one is that which 9 of 10 messages are within */
#define TAIL_STEP 0.3	/* of the target: how far a message moves it */

static void follow_tail(struct sender_quality *q, double took_ns, double target_ns)
{
	if (q->actual <= 0)
		q->actual = took_ns;
	else
		q->actual += TAIL_STEP * target_ns * (took_ns > q->actual ? TAIL : TAIL - 1);
	q->actual = q->actual > 1 ? q->actual : 1;
}

static void smooth(struct sender_quality *q, double now)
{
	q->actual += q->actual > 0 ? QUALITY_GAMMA * (now - q->actual) : now;
}

void quality_count(struct sender_quality *q, const struct sender_terms *t, const struct heard *h)
{
	q->slot_bytes += h->bytes;
	if (t->target_bps == 0 && h->took_ns > 0)
		follow_tail(q, (double)h->took_ns, (double)t->target_ns);
}

void quality_end_slot(struct sender_quality *q, const struct sender_terms *t, uint64_t at_ns)
{
	if (t->target_bps > 0 && at_ns > q->slot_ns)
		smooth(q, (double)q->slot_bytes * 8e9 / (double)(at_ns - q->slot_ns));
	q->slot_ns = at_ns;
	q->slot_bytes = 0;
}

double quality_of(const struct sender_quality *q, const struct sender_terms *t, uint32_t n_sharing)
{
	if (q->actual <= 0)
		return 1;
	if (t->target_bps > 0)
		return (double)t->target_bps / n_sharing / q->actual;
	return q->actual / (double)t->target_ns;
}

double quality_part(double alpha, double quality)
{
	return quality >= 1 ? alpha : pow(alpha, quality);
}
