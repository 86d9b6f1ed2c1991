/* SPDX-License-Identifier: BSD-3-Clause */
/* The control core's period, swept: what a run of it costs the control core and the workers, and how soon the workers have
 * what a new demand, or a weaker uplink, calls for.  Costs are measured; adaptation is on virtual time, with the control
 * core's own library in a loop with workers that read what they may of what is offered them. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "clk.h"
#include "control.h"
#include "period.h"
#include "pipe_change.h"
#include "why.h"

#define N_VFS	   64u
#define N_WORKERS  4u			/* that read; the first is home too */
#define CAPACITY   2000000u		/* packets a second of all of them */
#define LINK_BPS   UINT64_C(10000000000)
#define SETTLE	   100			/* periods */
#define MOST_S	   20			/* is never waited for longer */

static const uint64_t periods_us[] = {100, 300, 1000, 3000, 10000, 30000, 100000, 300000, 1000000};
#define N_PERIODS (sizeof(periods_us) / sizeof(periods_us[0]))

struct sweep {
	struct conf *conf;
	struct control *control;
	struct control_params params;
	struct grants *sold, *cut;	/* all guarantees as sold, and all of them less */
	uint64_t now_ns, n_changes;
	/* The workers on virtual time. */
	struct load_view loads[N_WORKERS];
	struct asker_view askers[CONF_MAX_PORTS];
	double demand_pps[N_WORKERS], part_pps[N_WORKERS], pkts[N_WORKERS];
	double drain_bps;		/* of the uplink, which has more to send; 0: it is not full */
	/* One that applies changes. */
	struct fabric *fabric;
	struct pipe *pipe;
	struct pipe_change *changes[2];	/* to 'cut' and back */
	int at;
};

static struct conf *make_conf(void)
{
	static struct why why;	/* big */
	size_t size = 1024 + 160 * (size_t)N_VFS, used;
	char *text = bench_alloc(size);

	used = (size_t)snprintf(text, size,
		"[switch]\nallow_overcommit = yes\npacket_capacity = %u\n[port pf]\nrole = pf\nlink_basis = l2\nrate = 10G\n", CAPACITY);
	for (uint32_t i = 0; i < N_WORKERS; i++)
		used += (size_t)snprintf(text + used, size - used, "[port v%u]\n", i);
	for (uint32_t i = 0; i < N_VFS; i++)
		used += (size_t)snprintf(text + used, size - used,
			"[vf v%u]\nport = v%u\nmac = 02:00:00:00:00:%02x\ntx.min_pps = 1k\ntx.max_bps = 1G\ntx.priority = %u\n", i,
			i % N_WORKERS, i, i % 8);
	why_init(&why);
	struct conf *conf = conf_parse("bench", text, used, &why);
	if (conf == NULL)
		why_print(&why, stderr);
	free(text);
	return bench_not_null(conf);
}

/* ---- Costs ---- */

static uint64_t idle_run(void *ctx)
{
	struct sweep *s = ctx;

	for (int i = 0; i < 64; i++) {
		s->now_ns += NS_PER_MS;
		bench_not_null((void *)(uintptr_t)control_period(s->control, s->conf, s->n_changes, s->loads, s->askers, s->now_ns));
	}
	return 64;
}

/* All guarantees worked out anew, and the grants of all VFs made into a change. */
static uint64_t worst_run(void *ctx)
{
	struct sweep *s = ctx;

	for (int i = 0; i < 16; i++) {
		s->now_ns += NS_PER_MS;
		bench_not_null((void *)(uintptr_t)control_period(s->control, s->conf, ++s->n_changes, s->loads, s->askers, s->now_ns));
		pipe_change_destroy(bench_not_null(pipe_change_create_granted(s->conf, s->sold, s->conf, s->cut)));
	}
	return 16;
}

static uint64_t apply(void *ctx)
{
	struct sweep *s = ctx;

	for (int i = 0; i < 16; i++, s->at = 1 - s->at)
		while (!pipe_apply(s->pipe, s->changes[s->at], ++s->now_ns))
			;
	return 16;
}

static uint32_t no_rx(void *ctx, uint16_t port, struct pkt *pkts, uint32_t n)
{
	(void)ctx, (void)port, (void)pkts, (void)n;
	return 0;
}

static void make_pipe(struct sweep *s)
{
	static struct why why;
	struct fabric_params params = {.conf = s->conf, .n_workers = 1};
	struct pipe_io io = {.ctx = s, .rx = no_rx};

	why_init(&why);
	params.ports[s->conf->pf].link_bps = LINK_BPS;
	s->fabric = bench_not_null(fabric_create(&params, &why));
	s->pipe = bench_not_null(pipe_create(s->fabric, 0, &io, s->now_ns, &why));
	s->changes[0] = bench_not_null(pipe_change_create_granted(s->conf, s->sold, s->conf, s->cut));
	s->changes[1] = bench_not_null(pipe_change_create_granted(s->conf, s->cut, s->conf, s->sold));
}

static double cost_us(struct bench *b, const char *name, struct sweep *s, uint64_t (*trial)(void *))
{
	struct bench_contender one = {.name = BENCH_OURS, .ctx = s, .trial = trial};
	struct bench_spread spread;

	bench_interleave(b, name, &one, 1, &spread);
	return spread.p50 / BENCH_CYCLES_PER_NS / 1000;
}

/* ---- Adaptation ---- */

static void renew_control(struct sweep *s)
{
	control_destroy(s->control);
	s->control = bench_not_null(control_create(&s->params, s->now_ns));
	for (unsigned int i = 0; i < N_WORKERS; i++) {
		s->loads[i] = (struct load_view){.asks = true, .is_home = i == 0};
		s->part_pps[i] = (double)CAPACITY / N_WORKERS;
		s->pkts[i] = 0;
		s->askers[1 + i] = (struct asker_view){.n_woken = 1, .n_drained = 1};
	}
}

static void one_period(struct sweep *s, uint64_t ns)
{
	double seconds = (double)ns / 1e9;

	for (unsigned int i = 0; i < N_WORKERS; i++) {
		bool is_held = s->demand_pps[i] > s->part_pps[i];
		s->pkts[i] += (is_held ? s->part_pps[i] : s->demand_pps[i]) * seconds;
		s->loads[i].rx_pkts = (uint64_t)s->pkts[i];
		s->loads[i].capped_ns += is_held ? ns : 0;
		s->askers[1 + i].n_asked++;
		s->askers[1 + i].rx_pkts = (uint64_t)s->pkts[i];	/* of the port that it reads: it has more, or was drained */
		s->askers[1 + i].n_drained += !is_held;
		s->askers[1 + i].n_woken = s->askers[1 + i].n_drained + is_held;
	}
	s->loads[0].pf_bytes += (uint64_t)(s->drain_bps * seconds / 8);
	s->loads[0].pf_blocked_ns += s->drain_bps > 0 ? ns : 0;
	s->now_ns += ns;
	const struct grants *g = bench_not_null(
		(void *)(uintptr_t)control_period(s->control, s->conf, s->n_changes, s->loads, s->askers, s->now_ns));
	for (unsigned int i = 0; i < N_WORKERS; i++)
		if (g->capacity_pps[i] != 0)
			s->part_pps[i] = (double)grants_reads_pps(g, i);
}

static void demand(struct sweep *s, unsigned int who)
{
	for (unsigned int i = 0; i < N_WORKERS; i++)
		s->demand_pps[i] = i == who ? 3.0 * CAPACITY : 20000;
}

/* From one worker to another; periods until that one has 95 % of what it will have. */
static unsigned int split_periods(struct sweep *s, uint64_t ns)
{
	double had[SETTLE];
	unsigned int n = 0;

	renew_control(s);
	demand(s, 1);
	for (int i = 0; i < SETTLE; i++)
		one_period(s, ns);
	demand(s, 2);
	for (int i = 0; i < SETTLE; i++) {
		one_period(s, ns);
		had[i] = s->part_pps[2];
	}
	while (had[n] < 0.95 * had[SETTLE - 1])
		n++;
	return n + 1;
}

/* The uplink drains half of its rate from now on: until guarantees are fitted into that. */
static double cut_ms(struct sweep *s, uint64_t ns)
{
	uint64_t since_ns;

	renew_control(s);
	demand(s, 1);
	for (int i = 0; i < SETTLE; i++)
		one_period(s, ns);
	since_ns = s->now_ns;
	s->drain_bps = (double)LINK_BPS / 2;
	while (control_port(s->control)->effective == LINK_BPS && s->now_ns - since_ns < MOST_S * NS_PER_S)
		one_period(s, ns);
	s->drain_bps = 0;
	return (double)(s->now_ns - since_ns) / 1e6;
}

/* ---- The sweep ---- */

static void row(struct bench *b, uint64_t us, const char *metric, double value, const char *unit)
{
	char name[32];

	snprintf(name, sizeof(name), "period %u us", (unsigned int)us);
	bench_row(b, name, BENCH_OURS, metric, value, unit);
}

static double stretched_us(uint64_t us, double run_us)
{
	struct period p;

	period_init(&p, us * NS_PER_US);
	for (int i = 0; i < 100; i++)
		period_note(&p, (uint64_t)(run_us * 1000));
	return (double)p.effective_ns / 1000;
}

static void sweep_all(struct bench *b, struct sweep *s, double idle_us, double worst_us, double apply_us)
{
	unsigned int most_periods = 0;
	double most_pct = 0;

	for (size_t i = 0; i < N_PERIODS; i++) {
		uint64_t us = periods_us[i];
		double real_us = stretched_us(us, worst_us), pct = 100 * worst_us / real_us;
		unsigned int n = split_periods(s, us * NS_PER_US);

		bench_progress(b, "%u us", (unsigned int)us);
		row(b, us, "control_core", 100 * idle_us / stretched_us(us, idle_us), "%");
		row(b, us, "control_core_worst", pct, "%");
		row(b, us, "workers_worst", 100 * apply_us / real_us, "%");
		row(b, us, "split_95", (double)n * (double)us / 1000, "ms");
		row(b, us, "uplink_cut", cut_ms(s, us * NS_PER_US), "ms");
		most_periods = n > most_periods ? n : most_periods;
		most_pct = pct > most_pct ? pct : most_pct;
	}
	bench_bar(b, "95 % of a new split across workers, at any period", most_periods, BENCH_AT_MOST, 3, "periods");
	bench_bar(b, "cost of all guarantees cut anew each time, at any period", most_pct, BENCH_AT_MOST, 10, "% of a core");
}

static void run(struct bench *b)
{
	struct sweep s = {.conf = make_conf(), .now_ns = NS_PER_S};

	bench_plan(b, 3);
	s.params = (struct control_params){.conf = s.conf, .pf_bps = LINK_BPS, .n_workers = N_WORKERS};
	for (uint16_t i = 0; i < s.conf->n_ports; i++)
		s.params.rx_worker[i] = i == s.conf->pf ? 0 : (unsigned int)(i - 1) % N_WORKERS;
	s.sold = bench_not_null(grants_create(s.conf));
	s.cut = bench_not_null(grants_create(s.conf));
	for (uint32_t i = 0; i < N_VFS; i++) {
		s.cut->vfs[i].min_bps /= 2;
		s.cut->vfs[i].min_pps /= 2;
	}
	renew_control(&s);
	make_pipe(&s);
	double idle_us = cost_us(b, "64 VFs, nothing new", &s, idle_run);
	double worst_us = cost_us(b, "64 VFs, all granted anew", &s, worst_run);
	double apply_us = cost_us(b, "64 VFs, a worker takes it", &s, apply);
	sweep_all(b, &s, idle_us, worst_us, apply_us);
	bench_note(b, "4 workers read, 64 VFs; a run in which nothing is new is the rule.  An uplink's rate is believed after a second, whatever the period.");
	pipe_change_destroy(s.changes[0]);
	pipe_change_destroy(s.changes[1]);
	pipe_destroy(s.pipe);
	fabric_destroy(s.fabric);
	grants_destroy(s.sold);
	grants_destroy(s.cut);
	control_destroy(s.control);
	conf_destroy(s.conf);
}

const struct bench_suite suite_period_sweep = {
	.name = "period-sweep",
	.about = "the control core's period from 0.1 ms to 1 s: its cost, the workers', and how soon a change is had",
	.run = run,
};
