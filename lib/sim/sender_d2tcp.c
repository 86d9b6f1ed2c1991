/* SPDX-License-Identifier: BSD-3-Clause */
/* D2TCP (SIGCOMM 2012): DCTCP whose marked part is raised to d, the time that the message still needs over the time it
 * still has: above 1 where the deadline is near, so that it gives way less; a window is 3/4 full on average; d stays within
 * 0.5 .. 2.  Without a message, or past its deadline, it is DCTCP. */
#include <math.h>

#include "sender_impl.h"

#define SMOOTHING 16
#define LEAST	  0.5
#define MOST	  2.0

static double urgency(const struct sender *s, const struct sender_terms *t, const struct heard *h)
{
	double need_ns, have_ns = (double)(h->since_ns + t->target_ns) - (double)h->at_ns;

	if (h->left_pkts == 0 || have_ns <= 0)
		return 1;
	need_ns = (double)h->left_pkts / (0.75 * s->cwnd) * (double)t->rtt_ns;
	return fmin(MOST, fmax(LEAST, need_ns / have_ns));
}

static void hear(struct sender *s, const struct sender_terms *t, const struct heard *h)
{
	double part;

	window_weigh_marks(s, h, smoothing_of(t, SMOOTHING), &part);
	window_hear(s, t, h, 1 - pow(s->marks.alpha, urgency(s, t, h)) / 2, 0.5);
}

const struct sender_law sender_d2tcp = {.hear = hear, .loss_factor = 0.5};
