/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows: slow start, additive increase, one reduction a round trip. */
#include <math.h>

#include "sender_impl.h"

#define CUBIC_C 0.4

void window_reduce(struct sender *s, double factor, uint64_t at_ns, uint64_t next_seq)
{
	s->w_max = s->cwnd < s->w_max ? s->cwnd * (1 + factor) / 2 : s->cwnd;	/* CUBIC's fast convergence */
	s->cwnd = s->cwnd * factor > 2 ? s->cwnd * factor : 2;
	s->ssthresh = s->cwnd;
	s->k_s = s->w_max > s->cwnd ? cbrt((s->w_max - s->cwnd) / CUBIC_C) : 0;
	s->epoch_ns = at_ns;
	s->recover_seq = next_seq;
}

void window_grow(struct sender *s, const struct sender_terms *t, double step)
{
	s->cwnd += s->cwnd < s->ssthresh ? 1 : step;
	if (s->cwnd > t->max_window_pkts)
		s->cwnd = t->max_window_pkts;
}

double window_step(const struct sender *s, const struct sender_terms *t, const struct heard *h)
{
	if (t->growth > 0)
		return t->growth / 1e3 * (double)t->target_bps / h->n_sharing * (double)t->rtt_ns / 8e9 / h->bytes / s->cwnd;
	return t->step / (s->cwnd * (t->target_bps > 0 ? h->n_sharing : 1));
}

bool window_weigh_marks(struct sender *s, const struct heard *h, double g, double *part)
{
	struct sender_marks *m = &s->marks;

	m->n_acked++;
	m->n_marked += h->has_ce;
	if (h->seq < m->window_seq)
		return false;
	*part = (double)m->n_marked / (double)m->n_acked;
	m->alpha += g * (*part - m->alpha);
	m->n_acked = m->n_marked = 0;
	m->window_seq = h->next_seq;
	return true;
}

void window_hear(struct sender *s, const struct sender_terms *t, const struct heard *h, double marked, double lost)
{
	bool may_reduce = h->seq >= s->recover_seq;

	if (h->n_lost > 0 && may_reduce)
		window_reduce(s, lost, h->at_ns, h->next_seq);
	else if (h->has_ce && may_reduce)
		window_reduce(s, marked, h->at_ns, h->next_seq);
	else if (!h->has_ce || s->cwnd >= s->ssthresh)
		window_grow(s, t, window_step(s, t, h));
}
