/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_model.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "clk.h"

#define STEP_NS	    (20 * NS_PER_US)
#define MAX_ACKS    (1u << 19)
#define MAX_DELAYS  (1u << 21)
#define LEAST_RTO   (200 * NS_PER_MS)
#define FIRST_CWND  10.0
#define DCTCP_G	    (1.0 / 16)
#define CUBIC_C	    0.4
#define CUBIC_BETA  0.7
#define SRTT_GAIN   (1.0 / 8)
#define TRUE_BYTES  2304.0	/* what Linux counts for a frame of TCP_BYTES in a socket's send buffer */

struct flow {
	int stream;
	double cwnd, ssthresh;
	uint64_t next_seq;		/* sent next */
	uint64_t next_ack;		/* all before it are acknowledged or lost */
	uint64_t recover_seq;		/* no second reduction for what was sent before it */
	uint64_t heard_ns;
	double srtt_ns;
	/* CUBIC */
	double w_max, k_s;
	uint64_t epoch_ns;		/* 0: no reduction yet */
	/* DCTCP */
	double alpha;
	uint64_t window_seq, n_acked, n_marked;
};

struct ack {
	uint64_t at_ns, seq, rtt_ns;
	uint32_t flow;
	bool has_ce;
};

struct tcp {
	struct rim *rim;
	struct tcp_params p;
	struct flow flows[TCP_MAX_FLOWS];
	int first_stream;
	uint32_t turn;			/* whose turn it is to fill the ring */
	struct ack *acks;
	uint32_t first, n;
	uint32_t *delays_us;
	uint32_t n_delays;
	uint64_t start_ns, mark_ns, bytes, lost, marked;
};

/* Newton: libm is no dependency here. */
static double cube_root(double x)
{
	double y = x > 1 ? x : 1;

	for (int i = 0; i < 60; i++)
		y = (2 * y + x / (y * y)) / 3;
	return y;
}

static void reduce(const struct tcp *t, struct flow *f, double factor)
{
	uint64_t now_ns = rim_now_ns(t->rim);

	f->w_max = f->cwnd < f->w_max ? f->cwnd * (1 + factor) / 2 : f->cwnd;	/* fast convergence */
	f->cwnd = f->cwnd * factor > 2 ? f->cwnd * factor : 2;
	f->ssthresh = f->cwnd;
	f->k_s = f->w_max > f->cwnd ? cube_root((f->w_max - f->cwnd) / CUBIC_C) : 0;
	f->epoch_ns = now_ns;
	f->recover_seq = f->next_seq;
}

static double loss_factor(const struct tcp *t)
{
	return t->p.kind == TCP_CUBIC ? CUBIC_BETA : 0.5;
}

/* Of a window that is not used up nobody knows that the path takes it (RFC 7661; tcp_is_cwnd_limited()). */
static bool is_used_up(const struct tcp *t, const struct flow *f)
{
	double n_out = (double)(f->next_seq - f->next_ack) + 1;

	return !t->p.has_small_queues || f->cwnd < (f->cwnd < f->ssthresh ? 2 * n_out : n_out + 1);
}

static void grow(const struct tcp *t, struct flow *f)
{
	if (!is_used_up(t, f))
		return;

	double rtt_s = (double)t->p.rtt_ns / 1e9;
	double at_s = (double)(rim_now_ns(t->rim) - f->epoch_ns) / 1e9;

	if (f->cwnd < f->ssthresh) {
		f->cwnd += 1;
	} else if (t->p.kind == TCP_RENO || t->p.ecn == TCP_DCTCP || f->epoch_ns == 0) {
		f->cwnd += 1 / f->cwnd;
	} else {
		double x = at_s + rtt_s - f->k_s;
		double target = CUBIC_C * x * x * x + f->w_max;
		double reno = 3 * (1 - CUBIC_BETA) / (1 + CUBIC_BETA) / f->cwnd;	/* its friendly region */
		double step = target > f->cwnd ? (target - f->cwnd) / f->cwnd : 0.01 / f->cwnd;
		f->cwnd += step > 0.5 ? 0.5 : step > reno ? step : reno;
	}
	if (f->cwnd > t->p.most_pkts)
		f->cwnd = t->p.most_pkts;
}

/* DCTCP, once a window. */
static void weigh_marks(const struct tcp *t, struct flow *f, const struct ack *a)
{
	f->n_acked++;
	f->n_marked += a->has_ce;
	if (a->seq < f->window_seq)
		return;
	f->alpha += DCTCP_G * ((double)f->n_marked / (double)f->n_acked - f->alpha);
	f->n_acked = f->n_marked = 0;
	f->window_seq = f->next_seq;
	(void)t;
}

static void hear(struct tcp *t, const struct ack *a)
{
	struct flow *f = &t->flows[a->flow];
	uint64_t lost = a->seq - f->next_ack;
	bool may_reduce = a->seq >= f->recover_seq;

	f->next_ack = a->seq + 1;
	f->heard_ns = rim_now_ns(t->rim);
	f->srtt_ns += SRTT_GAIN * ((double)a->rtt_ns - f->srtt_ns);
	t->lost += lost;
	if (t->p.ecn == TCP_DCTCP)
		weigh_marks(t, f, a);
	if (lost > 0 && may_reduce)
		reduce(t, f, loss_factor(t));
	else if (a->has_ce && may_reduce)
		reduce(t, f, t->p.ecn == TCP_DCTCP ? 1 - f->alpha / 2 : loss_factor(t));
	else
		grow(t, f);
}

/* All that was on the way is lost: nobody was left to tell. */
static void time_out(struct tcp *t, struct flow *f)
{
	if (f->next_seq == f->next_ack || rim_now_ns(t->rim) - f->heard_ns < LEAST_RTO + 2 * t->p.rtt_ns)
		return;
	t->lost += f->next_seq - f->next_ack;
	reduce(t, f, loss_factor(t));
	f->cwnd = 2;
	f->next_ack = f->next_seq;
	f->heard_ns = rim_now_ns(t->rim);
}

/* The first window is spread over the first round trip, if slow start is to be behind it. */
static bool may_send(const struct tcp *t, const struct flow *f)
{
	uint64_t now_ns = rim_now_ns(t->rim);

	if ((double)(f->next_seq - f->next_ack) + 1 > f->cwnd)
		return false;
	return t->p.first_pkts == 0 || (now_ns - t->start_ns) * t->p.first_pkts >= f->next_seq * t->p.rtt_ns;
}

/* Linux's TCP small queues (tcp_small_queue_check()): no more goes out while in the ring is a ms of the rate that it paces at, and two
 * packets at least. */
static bool is_small(const struct tcp *t, const struct flow *f)
{
	double pace = (f->cwnd < f->ssthresh / 2 ? 2 : 1.2) * f->cwnd / f->srtt_ns * 1e9;	/* packets a second */
	double most = pace * TCP_BYTES / 1024;
	uint64_t in_ring = f->next_seq - rim_read(t->rim, f->stream);

	return !t->p.has_small_queues || (double)in_ring * TRUE_BYTES + 1 <= (most > 2 * TRUE_BYTES ? most : 2 * TRUE_BYTES);
}

/* Round robin while the ring has room. */
static void fill_ring(struct tcp *t)
{
	uint32_t room = rim_ring_room(t->rim, t->p.port), idle = 0;

	while (room > 0 && idle < t->p.n_flows) {
		struct flow *f = &t->flows[t->turn];
		t->turn = t->turn + 1 < t->p.n_flows ? t->turn + 1 : 0;
		if (!may_send(t, f) || !is_small(t, f)) {
			idle++;
			continue;
		}
		if (f->next_seq == f->next_ack)
			f->heard_ns = rim_now_ns(t->rim);
		rim_put(t->rim, f->stream, 1);
		f->next_seq++;
		room--;
		idle = 0;
	}
}

static void sink(void *ctx, int stream, uint64_t seq, bool has_ce, uint64_t offered_ns)
{
	struct tcp *t = ctx;
	uint64_t now_ns = rim_now_ns(t->rim);

	if (stream < t->first_stream || stream >= t->first_stream + (int)t->p.n_flows)
		return;
	ck_assert_msg(t->n < MAX_ACKS, "too many on the way");
	t->acks[(t->first + t->n++) % MAX_ACKS] = (struct ack){
		now_ns + t->p.rtt_ns, seq, now_ns + t->p.rtt_ns - offered_ns, (uint32_t)(stream - t->first_stream), has_ce};
	t->bytes += TCP_BYTES;
	t->marked += has_ce;
	if (t->n_delays < MAX_DELAYS)
		t->delays_us[t->n_delays++] = (uint32_t)((now_ns - offered_ns) / NS_PER_US);
}

struct tcp *tcp_create(struct rim *r, const struct tcp_params *p)
{
	struct tcp *t = calloc(1, sizeof(*t));

	t->rim = r;
	t->start_ns = rim_now_ns(r);
	t->p = *p;
	if (t->p.most_pkts == 0)
		t->p.most_pkts = 4000;
	t->acks = malloc(MAX_ACKS * sizeof(*t->acks));
	t->delays_us = malloc(MAX_DELAYS * sizeof(*t->delays_us));
	for (uint32_t i = 0; i < p->n_flows; i++) {
		struct flow *f = &t->flows[i];
		f->stream = rim_offer(r, &(struct rim_stream){.port = p->port, .dst = p->dst, .bytes = TCP_BYTES,
			.ecn = p->ecn == TCP_NO_ECN ? ECN_NOT_ECT : ECN_ECT_0});
		f->cwnd = p->first_pkts ? p->first_pkts : FIRST_CWND;
		f->ssthresh = p->first_pkts ? f->cwnd : 1e9;
		f->w_max = f->cwnd;
		f->epoch_ns = p->first_pkts ? rim_now_ns(r) : 0;
		f->alpha = p->first_pkts ? 0 : 1;
		f->heard_ns = rim_now_ns(r);
		f->srtt_ns = (double)p->rtt_ns;
	}
	t->first_stream = t->flows[0].stream;
	rim_set_sink(r, sink, t);
	tcp_mark(t);
	return t;
}

void tcp_destroy(struct tcp *t)
{
	rim_set_sink(t->rim, NULL, NULL);
	free(t->acks);
	free(t->delays_us);
	free(t);
}

void tcp_run(struct tcp *t, uint64_t ns)
{
	uint64_t end_ns = rim_now_ns(t->rim) + ns;

	while (rim_now_ns(t->rim) < end_ns) {
		while (t->n > 0 && t->acks[t->first].at_ns <= rim_now_ns(t->rim)) {
			hear(t, &t->acks[t->first]);
			t->first = (t->first + 1) % MAX_ACKS;
			t->n--;
		}
		for (uint32_t i = 0; i < t->p.n_flows; i++)
			time_out(t, &t->flows[i]);
		fill_ring(t);
		rim_run(t->rim, STEP_NS);
	}
}

void tcp_mark(struct tcp *t)
{
	t->mark_ns = rim_now_ns(t->rim);
	t->bytes = t->lost = t->marked = 0;
	t->n_delays = 0;
}

double tcp_bps(const struct tcp *t)
{
	return (double)t->bytes * 8e9 / (double)(rim_now_ns(t->rim) - t->mark_ns);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

uint64_t tcp_median_delay_ns(struct tcp *t)
{
	qsort(t->delays_us, t->n_delays, sizeof(*t->delays_us), by_value);
	return t->n_delays ? t->delays_us[t->n_delays / 2] * NS_PER_US : 0;
}

uint64_t tcp_lost(const struct tcp *t)
{
	return t->lost;
}

uint64_t tcp_marked(const struct tcp *t)
{
	return t->marked;
}
