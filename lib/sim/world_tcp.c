/* SPDX-License-Identifier: BSD-3-Clause */
/* Bulk TCP senders: windows on virtual time.  Every packet that arrives is acknowledged, every gap in what arrives is a
 * loss (nothing is reordered), and lost data is sent again as new.  Slow start, then Reno (RFC 5681), CUBIC (RFC 9438) or
 * DCTCP (RFC 8257); one reduction a round trip; marks of others count as losses (RFC 3168).  No pacing, no HyStart, no
 * limit on what a flow has in its ring: the worst of what guests run. */
#include <math.h>

#include "world_impl.h"

#define LEAST_RTO_NS (200 * NS_PER_MS)
#define FIRST_CWND   10.0
#define NO_THRESHOLD 1e9
#define DCTCP_G	     (1.0 / 16)
#define CUBIC_C	     0.4
#define CUBIC_BETA   0.7

static const struct traffic *terms_of(const struct world *w, const struct flow *f)
{
	return w->sources[f->source].traffic;
}

static double loss_factor(const struct traffic *t)
{
	return t->algorithm == TCP_CUBIC ? CUBIC_BETA : 0.5;
}

static void reduce(struct flow *f, double factor, uint64_t at_ns)
{
	f->w_max = f->cwnd < f->w_max ? f->cwnd * (1 + factor) / 2 : f->cwnd;	/* fast convergence */
	f->cwnd = f->cwnd * factor > 2 ? f->cwnd * factor : 2;
	f->ssthresh = f->cwnd;
	f->k_s = f->w_max > f->cwnd ? cbrt((f->w_max - f->cwnd) / CUBIC_C) : 0;
	f->epoch_ns = at_ns;
	f->recover_seq = f->next_seq;
}

static double cubic_step(const struct traffic *t, const struct flow *f, uint64_t at_ns)
{
	double x = (double)(at_ns - f->epoch_ns + t->rtt_ns) / 1e9 - f->k_s;
	double target = CUBIC_C * x * x * x + f->w_max;
	double reno = 3 * (1 - CUBIC_BETA) / (1 + CUBIC_BETA) / f->cwnd;	/* its friendly region */
	double step = target > f->cwnd ? (target - f->cwnd) / f->cwnd : 0.01 / f->cwnd;

	return step > 0.5 ? 0.5 : step > reno ? step : reno;
}

static void grow(const struct traffic *t, struct flow *f, uint64_t at_ns)
{
	if (f->cwnd < f->ssthresh)
		f->cwnd += 1;
	else if (t->algorithm == TCP_CUBIC && f->epoch_ns != 0)
		f->cwnd += cubic_step(t, f, at_ns);
	else
		f->cwnd += 1 / f->cwnd;
	if (f->cwnd > t->window_pkts)
		f->cwnd = t->window_pkts;
}

/* DCTCP: the marked part, once a window. */
static void weigh_marks(struct flow *f, const struct event *ack)
{
	f->n_acked++;
	f->n_marked += ack->has_ce;
	if (ack->seq < f->window_seq)
		return;
	f->alpha += DCTCP_G * ((double)f->n_marked / (double)f->n_acked - f->alpha);
	f->n_acked = f->n_marked = 0;
	f->window_seq = f->next_seq;
}

bool world_send_one(struct world *w, uint32_t id, uint64_t at_ns)
{
	struct flow *f = &w->flows[id];
	const struct traffic *t = terms_of(w, f);

	if ((double)(f->next_seq - f->next_ack) + 1 > f->cwnd || w->is_ending)
		return false;
	if (t->stop_ns != 0 && at_ns >= t->stop_ns)
		return false;
	if (f->next_seq == f->next_ack)
		f->heard_ns = at_ns;
	world_put(w, &w->guests[w->sources[f->source].port], &(struct slot){.offered_ns = at_ns, .seq = f->next_seq++,
		.source = f->source, .flow = id, .bytes = t->size[0], .dscp = t->dscp, .ecn = t->ecn});
	if (!f->has_timer) {
		f->has_timer = true;
		world_push(w, &(struct event){.at_ns = at_ns + LEAST_RTO_NS + 2 * t->rtt_ns, .kind = EVENT_TIMER,
			.who = id});
	}
	return true;
}

/* All that its window allows; where the ring is full, it waits for its turn. */
static void send_more(struct world *w, uint32_t id, uint64_t at_ns)
{
	struct flow *f = &w->flows[id];
	struct guest *g = &w->guests[w->sources[f->source].port];

	if (f->is_waiting)
		return;
	while (g->n < g->size)
		if (!world_send_one(w, id, at_ns))
			return;
	f->is_waiting = true;
	world_wait(g, id);
}

void world_begin_flows(struct world *w, struct source *s, uint64_t at_ns)
{
	for (uint32_t i = 0; i < s->traffic->n_flows; i++) {
		uint32_t id = s->first_flow + i;
		w->flows[id] = (struct flow){
			.source = (uint32_t)(s - w->sources),
			.cwnd = FIRST_CWND,
			.ssthresh = NO_THRESHOLD,
			.w_max = FIRST_CWND,
			.alpha = 1,
			.heard_ns = at_ns,
		};
		send_more(w, id, at_ns);
	}
}

void world_hear(struct world *w, const struct event *ack)
{
	struct flow *f = &w->flows[ack->who];
	const struct traffic *t = terms_of(w, f);

	if (ack->seq < f->next_ack)	/* given up for lost, and came after all */
		return;
	uint64_t lost = ack->seq - f->next_ack;
	bool may_reduce = ack->seq >= f->recover_seq;
	f->next_ack = ack->seq + 1;
	f->heard_ns = ack->at_ns;
	if (t->algorithm == TCP_DCTCP)
		weigh_marks(f, ack);
	if (lost > 0 && may_reduce)
		reduce(f, loss_factor(t), ack->at_ns);
	else if (ack->has_ce && may_reduce)
		reduce(f, t->algorithm == TCP_DCTCP ? 1 - f->alpha / 2 : loss_factor(t), ack->at_ns);
	else if (!ack->has_ce || f->cwnd >= f->ssthresh)
		grow(t, f, ack->at_ns);
	send_more(w, ack->who, ack->at_ns);
}

/* Nothing was heard for long: all that was on the way is lost, and nobody was left to tell. */
void world_timer(struct world *w, uint32_t id, uint64_t at_ns)
{
	struct flow *f = &w->flows[id];
	const struct traffic *t = terms_of(w, f);
	uint64_t rto_ns = LEAST_RTO_NS + 2 * t->rtt_ns;

	f->has_timer = false;
	if (f->next_seq == f->next_ack)
		return;
	if (at_ns - f->heard_ns >= rto_ns) {
		reduce(f, loss_factor(t), at_ns);
		f->cwnd = 2;
		f->next_ack = f->next_seq;
		f->heard_ns = at_ns;
		send_more(w, id, at_ns);
	}
	if (f->has_timer || f->next_seq == f->next_ack)
		return;
	f->has_timer = true;
	world_push(w, &(struct event){.at_ns = f->heard_ns + rto_ns, .kind = EVENT_TIMER, .who = id});
}
