/* SPDX-License-Identifier: BSD-3-Clause */
/* DCQCN (SIGCOMM 2015) with its published parameters: a CNP at most every 50 us cuts the rate by alpha / 2 and makes what
 * it was the goal; timers (55 us) and bytes (10 MB) lead back half of the way five times, then on by 40 Mb/s, and by ten
 * times that where both have passed five.  No hyper step before, and no byte counter of the wire: of what is acknowledged.
 * Time is caught up with when something is heard or sent: between, nobody sees the rate. */
#include "sender_impl.h"

#define CNP_NS	   50000u
#define TIMER_NS   55000u
#define COUNTER	   10000000u		/* bytes */
#define SMOOTHING  256
#define FAST	   5u
#define STEP_BPS   40e6
#define LEAST_BPS  10e6
#define LARGE_STEP 10

void rate_begin(struct sender *s, const struct sender_terms *t, uint64_t at_ns)
{
	s->cwnd = t->max_window_pkts;
	s->rate_bps = s->goal_bps = (double)t->line_bps;
	s->alpha_ns = s->timer_ns = at_ns;
}

static void increase(struct sender *s, const struct sender_terms *t)
{
	uint32_t most = s->n_timers > s->n_counters ? s->n_timers : s->n_counters;
	uint32_t least = s->n_timers < s->n_counters ? s->n_timers : s->n_counters;

	if (most >= FAST)
		s->goal_bps += STEP_BPS * t->step * (least > FAST ? LARGE_STEP : 1);
	if (s->goal_bps > (double)t->line_bps)
		s->goal_bps = (double)t->line_bps;
	s->rate_bps = (s->rate_bps + s->goal_bps) / 2;
}

void rate_advance(struct sender *s, const struct sender_terms *t, uint64_t at_ns)
{
	for (; s->alpha_ns + TIMER_NS <= at_ns; s->alpha_ns += TIMER_NS)
		s->marks.alpha *= 1 - smoothing_of(t, SMOOTHING);
	for (; s->timer_ns + TIMER_NS <= at_ns; s->timer_ns += TIMER_NS) {
		s->n_timers++;
		increase(s, t);
	}
}

bool rate_count(struct sender *s, const struct sender_terms *t, const struct heard *h)
{
	s->counted_bytes += h->bytes;
	if (s->counted_bytes >= COUNTER) {
		s->counted_bytes -= COUNTER;
		s->n_counters++;
		increase(s, t);
	}
	if (!h->has_ce || (s->cnp_ns != 0 && h->at_ns < s->cnp_ns + CNP_NS))
		return false;
	s->cnp_ns = h->at_ns;
	return true;
}

void rate_cut(struct sender *s, const struct sender_terms *t, double part, uint64_t at_ns)
{
	s->goal_bps = s->rate_bps;
	s->rate_bps *= 1 - part / 2;
	if (s->rate_bps < LEAST_BPS)
		s->rate_bps = LEAST_BPS;
	s->marks.alpha += smoothing_of(t, SMOOTHING) * (1 - s->marks.alpha);
	s->alpha_ns = s->timer_ns = at_ns;
	s->n_timers = s->n_counters = 0;
	s->counted_bytes = 0;
}

static void hear(struct sender *s, const struct sender_terms *t, const struct heard *h)
{
	if (rate_count(s, t, h))
		rate_cut(s, t, s->marks.alpha, h->at_ns);
}

const struct sender_law sender_dcqcn = {.begin = rate_begin, .hear = hear, .advance = rate_advance, .loss_factor = 0.5};
