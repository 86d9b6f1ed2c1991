/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched_meter.h"

#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>

#define MAX_SAMPLES 100000u
#define N_RETRIES   2u
#define FEW_SWITCHES 10	/* who loses time with so few does so by himself */
#define GRACE_NS    (200 * NS_PER_MS)	/* for the last departure after the window */

struct meter {
	const struct sched_load *load;
	const struct sched_mbufs *mbufs;
	const struct sched_meter_params *p;
	struct sched_meter_vf *vfs;
	double *bytes_per_ns;
	double *gaps, *lates;		/* us */
	size_t n_samples;
	uint32_t sample_mask;		/* VFs whose gaps are kept: a power of two less one */
	uint64_t begin_ns, end_ns;
	uint64_t n_sent;		/* in the window */
	uint32_t n_left;		/* VFs not yet behind it */
	uint32_t n_started;
	double ahead_bytes, burst_ns;
	uint64_t lost_ns;
};

double sched_vf_bps(const struct sched_load *load, uint32_t vf)
{
	struct sched_sla sla;
	double bps = INFINITY;
	uint32_t len = load->len_of != NULL ? load->len_of(load, vf, 0) : load->pkt_len;

	load->sla(load, vf, &sla);
	if (sla.max_bps != 0)
		bps = (double)sla.max_bps;
	if (sla.max_pps != 0)
		bps = fmin(bps, (double)sla.max_pps * 8 * (len + load->overhead_bytes));
	return bps;
}

/* The line from the last departure to this one, at 'at_ns' between them. */
static double bytes_at(const struct sched_meter_vf *v, uint64_t now_ns, uint32_t bytes, uint64_t at_ns)
{
	if (v->last_ns == 0 || now_ns == v->last_ns)
		return (double)v->bytes;
	return (double)v->bytes + bytes * (double)(at_ns - v->last_ns) / (double)(now_ns - v->last_ns);
}

static void sample(struct meter *m, uint32_t vf, const struct sched_meter_vf *v, uint64_t now_ns)
{
	if ((vf & m->sample_mask) != 0 || v->last_ns < m->begin_ns || m->n_samples == MAX_SAMPLES)
		return;
	double gap_ns = (double)(now_ns - v->last_ns);
	m->gaps[m->n_samples] = gap_ns / 1000;
	m->lates[m->n_samples++] = (gap_ns - v->last_bytes / m->bytes_per_ns[vf]) / 1000;
}

/* A bucket that leaks at the VF's rate is never fuller than the most that it sent, in any time, beyond rate x time. */
static void fill(struct meter *m, uint32_t vf, struct sched_meter_vf *v, uint32_t bytes, uint64_t now_ns)
{
	double rate = m->bytes_per_ns[vf];

	v->burst_bytes = fmax(0, v->burst_bytes - (double)(now_ns - v->last_ns) * rate) + bytes;
	if (v->state == 1)
		m->burst_ns = fmax(m->burst_ns, v->burst_bytes / rate);
}

static void depart(struct meter *m, uint32_t vf, uint32_t bytes, uint64_t now_ns)
{
	struct sched_meter_vf *v = &m->vfs[vf];

	if (v->state == 0 && now_ns >= m->begin_ns) {
		v->state = 1;
		v->begin_bytes = bytes_at(v, now_ns, bytes, m->begin_ns);
	}
	if (v->state == 1 && now_ns >= m->end_ns) {
		v->state = 2;
		v->end_bytes = bytes_at(v, now_ns, bytes, m->end_ns);
		m->n_left--;
	}
	if (v->state == 1) {
		double ahead = (double)v->bytes + bytes - v->begin_bytes -
			(double)(now_ns - m->begin_ns) * m->bytes_per_ns[vf];
		m->ahead_bytes = fmax(m->ahead_bytes, ahead);
		m->n_sent++;
		sample(m, vf, v, now_ns);
	}
	fill(m, vf, v, bytes, now_ns);
	v->last_ns = now_ns;
	v->last_bytes = bytes;
	v->bytes += bytes;
}

/* All of a VF's packets come at once. */
static void start_vf(struct meter *m, struct sched_run *r, uint32_t vf, uint64_t now_ns)
{
	struct rte_mbuf *pkts[SCHED_BURST];
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->load->backlog; i++) {
		pkts[n++] = sched_mbuf(m->mbufs, m->mbufs->order[vf + i * m->load->n_vfs]);
		if (n < SCHED_BURST && i + 1 < m->load->backlog)
			continue;
		r->n_lost += n - r->peer->enqueue(r->s, pkts, n, now_ns);
		n = 0;
	}
}

/* VFs start one after the other, evenly over the time that a packet takes at a VF's rate: started together they would
 * all be due together for ever, and the gaps would show the order inside a heap. */
static void start_due(struct meter *m, struct sched_run *r, uint64_t begin_ns, uint64_t now_ns)
{
	uint32_t last = m->load->n_vfs - 1;	/* not the first: it may be the odd one */
	uint32_t len = m->load->len_of != NULL ? 300 : m->load->pkt_len;
	double spacing_ns = (len + m->load->overhead_bytes) / m->bytes_per_ns[last] / m->load->n_vfs;

	while (m->n_started < m->load->n_vfs && (double)(now_ns - begin_ns) >= m->n_started * spacing_ns)
		start_vf(m, r, m->n_started++, now_ns);
}

static void loop(struct meter *m, struct sched_run *r)
{
	const struct sched_meter_params *p = m->p;
	struct sched_clock clock;
	uint64_t now_ns;

	sched_clock_start(&clock);
	now_ns = sched_clock_ns(&clock);
	uint64_t start_ns = now_ns;
	m->begin_ns = now_ns + p->warm_ns;
	m->end_ns = m->begin_ns + p->window_ns;
	uint64_t stall_ns = p->stall_ns ? m->begin_ns + p->stall_every_ns / 2 : UINT64_MAX;
	while (m->n_left > 0 && now_ns < m->end_ns + GRACE_NS) {
		if (now_ns >= stall_ns) {
			stall_ns += p->stall_every_ns;
			for (uint64_t until_ns = now_ns + p->stall_ns; now_ns < until_ns;)
				now_ns = sched_clock_ns(&clock);
		}
		uint64_t last_ns = now_ns;
		now_ns = sched_clock_ns(&clock);
		if (now_ns - last_ns > SCHED_TURN_NS)
			m->lost_ns += now_ns - last_ns - SCHED_TURN_NS;
		if (m->n_started < m->load->n_vfs)
			start_due(m, r, start_ns, now_ns);
		if (r->n_burst > 0)
			r->n_lost += r->n_burst - r->peer->enqueue(r->s, r->burst, r->n_burst, now_ns);
		r->n_burst = r->peer->dequeue(r->s, r->burst, SCHED_BURST, now_ns);
		for (uint32_t i = 0; i < r->n_burst; i++)
			depart(m, sched_mbuf_vf(r->burst[i]), r->burst[i]->pkt_len + m->load->overhead_bytes, now_ns);
	}
}

static struct sched_meter_result summarise(struct meter *m)
{
	struct sched_meter_result r = {0};
	uint32_t n = 0;

	for (uint32_t vf = 0; vf < m->load->n_vfs; vf++) {
		struct sched_meter_vf *v = &m->vfs[vf];
		if (m->p->is_counted != NULL && !m->p->is_counted(vf))
			continue;
		double begin = v->state == 0 ? (double)v->bytes : v->begin_bytes;
		double end = v->state < 2 ? (double)v->bytes : v->end_bytes;
		double err = 100 * ((end - begin) / ((double)m->p->window_ns * m->bytes_per_ns[vf]) - 1);
		r.err_mean += fabs(err);
		r.err_signed += err;
		r.err_worst = fmax(r.err_worst, fabs(err));
		n++;
	}
	r.err_mean /= n;
	r.err_signed /= n;
	r.late_p99 = bench_percentile(m->lates, m->n_samples, 0.99);
	r.gap_p1 = bench_percentile(m->gaps, m->n_samples, 0.01);
	r.gap_p50 = bench_percentile(m->gaps, m->n_samples, 0.50);
	r.gap_p99 = bench_percentile(m->gaps, m->n_samples, 0.99);
	r.gap_p999 = bench_percentile(m->gaps, m->n_samples, 0.999);
	r.ahead_bytes = m->ahead_bytes;
	r.burst_ns = m->burst_ns;
	r.lost_ms = (double)m->lost_ns / (double)NS_PER_MS;
	r.sent_mpps = (double)m->n_sent * 1000 / (double)m->p->window_ns;
	return r;
}

static bool meter_init(struct meter *m)
{
	const struct sched_load *load = m->load;
	double pps = 0;

	m->vfs = calloc(load->n_vfs, sizeof(*m->vfs));
	m->bytes_per_ns = calloc(load->n_vfs, sizeof(*m->bytes_per_ns));
	m->gaps = calloc(MAX_SAMPLES, sizeof(*m->gaps));
	m->lates = calloc(MAX_SAMPLES, sizeof(*m->lates));
	m->n_left = load->n_vfs;
	if (m->vfs == NULL || m->bytes_per_ns == NULL || m->gaps == NULL || m->lates == NULL)
		return false;
	for (uint32_t vf = 0; vf < load->n_vfs; vf++) {
		uint32_t len = load->len_of != NULL ? 300 : load->pkt_len;	/* about, for sampling */
		m->bytes_per_ns[vf] = sched_vf_bps(load, vf) / 8e9;
		pps += m->bytes_per_ns[vf] * 1e9 / (len + load->overhead_bytes);
	}
	while (pps * (double)m->p->window_ns / 1e9 / (m->sample_mask + 1) > MAX_SAMPLES && m->sample_mask + 1 < load->n_vfs)
		m->sample_mask = m->sample_mask * 2 + 1;
	return true;
}

struct sched_meter_result sched_meter(const struct sched_peer *peer, const struct sched_load *load,
	const struct sched_mbufs *mbufs, const struct sched_meter_params *p)
{
	struct meter m = {.load = load, .mbufs = mbufs, .p = p};
	const struct sched_mbufs none = {0};
	struct sched_meter_result result = {.err_mean = (double)NAN};
	struct sched_run run = {0};
	struct rusage before, after;

	if (meter_init(&m) && sched_run_start(&run, peer, load, &none, 0)) {
		sched_take_cpu(true);
		getrusage(RUSAGE_THREAD, &before);
		loop(&m, &run);
		getrusage(RUSAGE_THREAD, &after);
		sched_take_cpu(false);
		result = summarise(&m);
		result.n_switches = after.ru_nivcsw - before.ru_nivcsw;
		if (run.n_lost > 0)
			result.err_mean = (double)NAN;
	}
	sched_run_stop(&run);
	free(m.vfs);
	free(m.bytes_per_ns);
	free(m.gaps);
	free(m.lates);
	return result;
}

struct sched_meter_result sched_meter_best(struct bench *b, const struct sched_peer *peer, const struct sched_load *load,
	const struct sched_mbufs *m, const struct sched_meter_params *p)
{
	double window_ms = (double)p->window_ns / (double)NS_PER_MS;
	struct sched_meter_result best = sched_meter(peer, load, m, p);

	for (unsigned int i = 0; i < N_RETRIES && !isnan(best.err_mean); i++) {
		bool is_quiet = best.lost_ms < 0.02 * window_ms || best.n_switches < FEW_SWITCHES;
		/* What is left is for the others first: a quarter of it. */
		if (is_quiet || bench_seconds_left(b) < 4 * window_ms / 1000)
			break;
		struct sched_meter_result r = sched_meter(peer, load, m, p);
		if (r.lost_ms < best.lost_ms)
			best = r;
	}
	return best;
}
