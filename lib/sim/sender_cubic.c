/* SPDX-License-Identifier: BSD-3-Clause */
/* CUBIC (RFC 9438); marks count as losses (RFC 3168). */
#include "sender_impl.h"

#define CUBIC_C	   0.4
#define CUBIC_BETA 0.7

static double step_of(const struct sender *s, const struct sender_terms *t, uint64_t at_ns)
{
	double x = (double)(at_ns - s->epoch_ns + t->rtt_ns) / 1e9 - s->k_s;
	double target = CUBIC_C * x * x * x + s->w_max;
	double reno = 3 * (1 - CUBIC_BETA) / (1 + CUBIC_BETA) / s->cwnd;	/* its friendly region */
	double step = target > s->cwnd ? (target - s->cwnd) / s->cwnd : 0.01 / s->cwnd;

	return step > 0.5 ? 0.5 : step > reno ? step : reno;
}

static void hear(struct sender *s, const struct sender_terms *t, const struct heard *h)
{
	bool may_reduce = h->seq >= s->recover_seq;

	if ((h->n_lost > 0 || h->has_ce) && may_reduce)
		window_reduce(s, CUBIC_BETA, h->at_ns, h->next_seq);
	else if (!h->has_ce || s->cwnd >= s->ssthresh)
		window_grow(s, t, s->epoch_ns != 0 ? step_of(s, t, h->at_ns) : 1 / s->cwnd);
}

const struct sender_law sender_cubic = {.hear = hear, .loss_factor = CUBIC_BETA};
