/* SPDX-License-Identifier: BSD-3-Clause */
/* How long an urgent packet of a VF that is not itself held takes, from when it came to when it left, while the others
 * offer best effort at 0 to 120 % of the link.  Real clock; probes come at random times, one at a time. */
#include <stdio.h>
#include <stdlib.h>

#include "sched_world.h"

#define N_VFS	     64u
#define BACKLOG	     64u
#define PKT_LEN	     1500u
#define PROBE_LEN    60u
#define LINK_BPS     (10 * UINT64_C(1000000000))
#define PROBE_NS     (30 * NS_PER_US)	/* mean time to the next, after one has left */
#define MAX_PROBES   60000u
#define LOST_NS	     (100 * NS_PER_MS)
#define N_TRIALS     3u

static const uint32_t percents[] = {0, 50, 95, 120};

static const struct {
	const char *name;
	double q;
} quantiles[] = {{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};

#define N_QUANTILES RTE_DIM(quantiles)

static const struct entrant {
	const char *name;
	const struct sched_peer *peer;
	uint32_t tc_period_ms;
} entrants[] = {
	{BENCH_OURS, &sched_weir, 0},
	{"rte_sched_1ms", &sched_rte_capped, 1},
	{"rte_sched_10ms", &sched_rte_capped, 10},
};

#define N_ENTRANTS RTE_DIM(entrants)

struct probe_run {
	struct sched_run r;
	struct rte_mbuf **idle;		/* best-effort mbufs that are not queued */
	uint32_t n_idle;
	struct rte_mbuf *probe;
	uint64_t probe_due_ns, be_due_ns, be_interval_ns;
	bool is_probe_out;
	struct bench_rng rng;
	double *us;
	uint32_t n;
};

static void sla_of(const struct sched_load *load, uint32_t vf, struct sched_sla *sla)
{
	(void)load;
	*sla = (struct sched_sla){.weight = 1, .urgent_bps = vf == 0 ? LINK_BPS / 100 : 0};
}

static struct sched_load load_of(void)
{
	return (struct sched_load){
		.n_vfs = N_VFS,
		.backlog = BACKLOG,
		.pkt_len = PKT_LEN,
		.overhead_bytes = SCHED_OVERHEAD_BYTES,
		.n_classes = 1,
		.has_urgent = true,
		.link_bps = LINK_BPS,
		.sla = sla_of,
		.tb_bytes = 1000000,
	};
}

/* What has come by now: best effort first, so that the probe is behind all of it. */
static uint32_t arrive(struct probe_run *p, struct rte_mbuf **pkts, uint64_t now_ns)
{
	uint32_t n = 0;

	if (p->is_probe_out && now_ns > p->probe_due_ns + LOST_NS) {	/* starved: that long, at least */
		p->us[p->n++] = (double)(now_ns - p->probe_due_ns) / 1000;
		p->probe_due_ns = UINT64_MAX / 2;
	}
	while (p->be_due_ns <= now_ns && n < SCHED_BURST - 1) {
		p->be_due_ns += p->be_interval_ns;
		if (p->n_idle == 0)	/* all of it waits: it would be dropped */
			continue;
		uint32_t at = bench_rng_below(&p->rng, p->n_idle);
		pkts[n++] = p->idle[at];
		p->idle[at] = p->idle[--p->n_idle];
	}
	if (!p->is_probe_out && p->probe_due_ns <= now_ns) {
		pkts[n++] = p->probe;
		p->is_probe_out = true;
	}
	return n;
}

static void leave(struct probe_run *p, const struct sched_clock *clock, struct rte_mbuf **pkts, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (pkts[i] != p->probe) {
			p->idle[p->n_idle++] = pkts[i];
			continue;
		}
		uint64_t now_ns = sched_clock_ns(clock);
		if (p->probe_due_ns < now_ns)
			p->us[p->n++] = (double)(now_ns - p->probe_due_ns) / 1000;
		p->is_probe_out = false;
		p->probe_due_ns = now_ns + 1 + bench_rng_below(&p->rng, 2 * PROBE_NS);
	}
}

static void loop(struct probe_run *p, uint64_t window_ns)
{
	struct rte_mbuf *pkts[SCHED_BURST];
	struct sched_clock clock;
	uint64_t now_ns;

	sched_clock_start(&clock);
	now_ns = sched_clock_ns(&clock);
	uint64_t end_ns = now_ns + window_ns;
	p->probe_due_ns = now_ns + window_ns / 20;	/* the backlog builds up first */
	p->be_due_ns = p->be_interval_ns ? now_ns : UINT64_MAX;
	while (now_ns < end_ns && p->n < MAX_PROBES) {
		now_ns = sched_clock_ns(&clock);
		/* What the generator could not send while the core was away is not sent at once. */
		if (p->be_interval_ns != 0 && p->be_due_ns + 50 * NS_PER_US < now_ns)
			p->be_due_ns = now_ns;
		uint32_t n = arrive(p, pkts, now_ns);
		if (n > 0)
			p->r.n_lost += n - p->r.peer->enqueue(p->r.s, pkts, n, now_ns);
		n = p->r.peer->dequeue(p->r.s, pkts, SCHED_BURST, now_ns);
		leave(p, &clock, pkts, n);
	}
}

/* One trial: p50, p99, p99.9, max. */
static bool run_trial(struct bench *b, uint32_t percent, const struct entrant *e, const struct sched_mbufs *m,
	double us[N_QUANTILES])
{
	struct sched_load load = load_of();
	struct sched_mbufs none = {0};
	struct probe_run p = {.us = bench_alloc(MAX_PROBES * sizeof(double))};

	load.tc_period_ms = e->tc_period_ms;
	p.idle = bench_alloc(m->n * sizeof(*p.idle));
	bench_rng_init(&p.rng, bench_seed(b));
	if (percent > 0)
		p.be_interval_ns = price_ns(price_of_bps(LINK_BPS), PKT_LEN + SCHED_OVERHEAD_BYTES) * 100 / percent;
	for (uint32_t i = 0; i < m->n; i++) {
		struct rte_mbuf *mbuf = sched_mbuf(m, i);
		if (sched_mbuf_vf(mbuf) != 0)
			p.idle[p.n_idle++] = mbuf;
		else
			p.probe = mbuf;
	}
	sched_mbuf_set(p.probe, 0, TC_URGENT, PROBE_LEN);
	bool is_ok = sched_run_start(&p.r, e->peer, &load, &none, 0);
	if (is_ok) {
		sched_take_cpu(true);
		loop(&p, bench_is_quick(b) ? NS_PER_S / 4 : NS_PER_S);
		sched_take_cpu(false);
		for (unsigned int i = 0; i < N_QUANTILES; i++)
			us[i] = bench_percentile(p.us, p.n, quantiles[i].q);
	}
	sched_run_stop(&p.r);
	free(p.us);
	free(p.idle);
	return is_ok;
}

/* Of several trials in turns the median, for a core that is taken away in one of them says nothing about the others. */
static void run_load(struct bench *b, uint32_t percent, struct sched_mbufs *m)
{
	double us[N_ENTRANTS][N_QUANTILES][N_TRIALS], trial[N_QUANTILES];
	size_t n[N_ENTRANTS] = {0};
	struct sched_load load = load_of();
	char name[40];

	snprintf(name, sizeof(name), "%u %% of the link", percent);
	for (unsigned int t = 0; t < N_TRIALS; t++) {
		for (unsigned int i = 0; i < N_ENTRANTS; i++) {
			bench_progress(b, "%s: %s", name, entrants[i].name);
			sched_mbufs_mark(m, &load);
			if (!run_trial(b, percent, &entrants[i], m, trial))
				continue;
			for (unsigned int q = 0; q < N_QUANTILES; q++)
				us[i][q][n[i]] = trial[q];
			n[i]++;
		}
	}
	for (unsigned int i = 0; i < N_ENTRANTS; i++)
		for (unsigned int q = 0; q < N_QUANTILES; q++)
			bench_row(b, name, entrants[i].name, quantiles[q].name, bench_percentile(us[i][q], n[i], 0.5), "us");
}

/* How long a turn lasts: a burst of 32 in and out of our scheduler, without I/O. */
static double turn_us(struct bench *b, const struct sched_mbufs *m)
{
	struct sched_load load = load_of();
	struct sched_run r;
	double us[20];

	if (!sched_run_start(&r, &sched_weir, &load, m, 0))
		return 0;
	sched_run_virtual(&r, 4096);
	for (unsigned int i = 0; i < RTE_DIM(us); i++) {
		uint64_t begin = rte_rdtsc();
		sched_run_virtual(&r, 4096);
		us[i] = bench_ns_of_ticks(b, (double)(rte_rdtsc() - begin)) / 1000 * SCHED_BURST / 4096;
	}
	sched_run_stop(&r);
	return bench_percentile(us, RTE_DIM(us), 0.5);
}

static void run(struct bench *b)
{
	struct sched_load load = load_of();
	struct sched_mbufs m;

	if (!sched_mbufs_create(&m, &load, bench_seed(b)))
		return;
	double turn = turn_us(b, &m);
	for (unsigned int i = 0; i < RTE_DIM(percents); i++)
		run_load(b, percents[i], &m);
	sched_mbufs_destroy(&m);
	double idle = bench_value(b, "0 % of the link", BENCH_OURS, "p99");
	double full = bench_value(b, "120 % of the link", BENCH_OURS, "p99");
	bench_row(b, "a turn", BENCH_OURS, "burst_of_32", turn, "us");
	bench_bar(b, "p99 at 120 %: beyond idle p99, in turns (a burst of 32)", (full - idle) / turn, BENCH_AT_MOST, 2,
		"turns");
	bench_note(b, "a packet on the link is not interrupted: %.2f us for the best effort of %u B at 10 Gb/s",
		(double)price_ns(price_of_bps(LINK_BPS), PKT_LEN + SCHED_OVERHEAD_BYTES) / 1000, PKT_LEN);
}

const struct bench_suite suite_prio_latency = {
	.name = "prio_latency",
	.about = "delay of an urgent packet under best effort at 0 to 120 % of a 10 Gb/s link; real clock",
	.run = run,
};
