/* SPDX-License-Identifier: BSD-3-Clause */
/* What it costs to schedule one packet, enqueue to dequeue, without I/O.
 * Virtual time: a burst of 32 leaves, comes back, and 'now' moves on by what it takes on the link, so clocks come due
 * and wheels turn as at full load.  rte_sched has only its own clock; there it is given rates that never bind, which is
 * where it is fastest.  sched_shaping.c is about where they do. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "sched_shaping.h"
#include "sched_world.h"

#define LINK_BPS      (10 * UINT64_C(1000000000))
#define TRIAL_PKTS    4096u
#define N_SIZES	      5u
#define MAX_RUNS      4u

static const uint32_t sizes[N_SIZES] = {16, 64, 256, 1024, 4096};

/* A load that all judged cases run at, for all sizes. */
struct series {
	uint32_t backlog, pkt_len;
};

enum kind { LIMIT, LIMIT_BOUND, FULL };

struct kind_info {
	const char *name;
	uint32_t max_percent;		/* of a VF's even part of the link */
	uint8_t n_classes;
	void (*sla)(const struct sched_load *load, uint32_t vf, struct sched_sla *sla);
};

static const struct kind_info kinds[] = {
	[LIMIT] = {"limit", 200, 1, sched_sla_limit},
	[LIMIT_BOUND] = {"limit_bound", 95, 1, sched_sla_limit},
	[FULL] = {"full", 200, 2, sched_sla_full},
};

struct entrant {
	const char *name;
	const struct sched_peer *peer;
	bool is_in[FULL + 1];
	bool tc_ov;
};

static const struct entrant entrants[MAX_RUNS] = {
	{BENCH_OURS, &sched_weir, {true, true, true}, false},
	{"rte_sched", &sched_rte, {true, false, true}, false},
	{"rte_sched_tc_ov", &sched_rte, {true, false, false}, true},
	{"token_bucket_drr", &sched_naive, {true, true, false}, false},
};

static struct sched_load load_of(const struct series *s, uint32_t n_vfs, enum kind kind)
{
	return (struct sched_load){
		.n_vfs = n_vfs,
		.backlog = s->backlog,
		.pkt_len = s->pkt_len,
		.overhead_bytes = SCHED_OVERHEAD_BYTES,
		.n_classes = kinds[kind].n_classes,
		.link_bps = LINK_BPS,
		.vf_bps = LINK_BPS / n_vfs * kinds[kind].max_percent / 100,
		.sla = kinds[kind].sla,
	};
}

static void name_case(char *name, size_t size, const struct series *s, uint32_t n_vfs, enum kind kind)
{
	snprintf(name, size, "%s, %u VFs, backlog %u, %u B", kinds[kind].name, n_vfs, s->backlog, s->pkt_len);
}

static uint64_t trial(void *ctx)
{
	return sched_run_virtual(ctx, TRIAL_PKTS) ? TRIAL_PKTS : 0;
}

/* Who serves a few VFs over and over has their queues and packets in the first cache, and others wait: what part of them
 * all sends at least once while 32 packets a VF leave? */
static void count_served(struct bench *b, const char *case_name, const char *contender, struct sched_run *r,
	uint32_t n_vfs)
{
	uint8_t *is_served = bench_alloc(n_vfs);
	uint32_t n_served = 0;

	for (uint32_t n = 0; n < 32 * n_vfs; n += r->n_burst) {
		if (!sched_run_virtual(r, 1))
			break;
		for (uint32_t i = 0; i < r->n_burst; i++)
			is_served[sched_mbuf_vf(r->burst[i])] = 1;
	}
	for (uint32_t i = 0; i < n_vfs; i++)
		n_served += is_served[i];
	bench_row(b, case_name, contender, "vfs_served", 100.0 * n_served / n_vfs, "%");
	free(is_served);
}

static void run_case(struct bench *b, const struct series *s, struct sched_mbufs *m, uint32_t n_vfs, enum kind kind)
{
	struct sched_load load = load_of(s, n_vfs, kind);
	struct sched_run runs[MAX_RUNS] = {0};
	struct bench_contender contenders[MAX_RUNS] = {0};
	char name[80];

	sched_mbufs_mark(m, &load);
	name_case(name, sizeof(name), s, n_vfs, kind);
	for (unsigned int i = 0; i < MAX_RUNS; i++) {
		struct sched_load mine = load;
		if (!entrants[i].is_in[kind])
			continue;
		mine.tc_ov = entrants[i].tc_ov;
		if (entrants[i].peer == &sched_rte) {
			mine.is_unlimited = true;
			mine.link_bps = 40 * LINK_BPS;
		}
		if (!sched_run_start(&runs[i], entrants[i].peer, &mine, m, 0)) {
			bench_note(b, "%s: %s cannot be set up so", name, entrants[i].name);
			continue;
		}
		contenders[i] = (struct bench_contender){.name = entrants[i].name, .ctx = &runs[i], .trial = trial};
	}
	bench_interleave(b, name, contenders, MAX_RUNS, NULL);
	for (unsigned int i = 0; i < MAX_RUNS; i++) {
		if (runs[i].s != NULL && kind != LIMIT_BOUND)
			count_served(b, name, entrants[i].name, &runs[i], n_vfs);
		if (runs[i].n_lost > 0)
			bench_note(b, "%s: %s refused packets", name, entrants[i].name);
		sched_run_stop(&runs[i]);
	}
}

static void run_size(struct bench *b, const struct series *s, uint32_t n_vfs)
{
	struct sched_load load = load_of(s, n_vfs, LIMIT);
	struct sched_mbufs m;

	if (!sched_mbufs_create(&m, &load, bench_seed(b))) {
		bench_note(b, "no memory for %u x %u mbufs", n_vfs, s->backlog);
		return;
	}
	run_case(b, s, &m, n_vfs, LIMIT);
	run_case(b, s, &m, n_vfs, FULL);
	if (s->backlog == 8)
		run_case(b, s, &m, n_vfs, LIMIT_BOUND);
	sched_mbufs_destroy(&m);
}

static double cycles_of(const struct bench *b, const struct series *s, uint32_t n_vfs, enum kind kind, const char *who)
{
	char name[80];

	name_case(name, sizeof(name), s, n_vfs, kind);
	return bench_value(b, name, who, "cycles");
}

/* The dearest size of a case against the bar. */
static void judge_cost(struct bench *b, const struct series *s, enum kind kind)
{
	char what[120];
	double worst = 0;

	for (unsigned int i = 0; i < N_SIZES; i++)
		worst = RTE_MAX(worst, cycles_of(b, s, sizes[i], kind, BENCH_OURS));
	snprintf(what, sizeof(what), "%s, backlog %u, %u B, the dearest of 16 to 4096 VFs", kinds[kind].name, s->backlog,
		s->pkt_len);
	bench_bar(b, what, worst, BENCH_AT_MOST, 80, "cycles");
}

static void judge_ratio(struct bench *b, const struct series *s)
{
	double ratios[N_SIZES];
	char what[120];

	for (unsigned int i = 0; i < N_SIZES; i++) {
		double off = cycles_of(b, s, sizes[i], LIMIT, "rte_sched");
		double on = cycles_of(b, s, sizes[i], LIMIT, "rte_sched_tc_ov");
		ratios[i] = cycles_of(b, s, sizes[i], LIMIT, BENCH_OURS) / RTE_MIN(off, on);
	}
	snprintf(what, sizeof(what), "limit, backlog %u, %u B: weir / rte_sched never credit-limited, its better setting",
		s->backlog, s->pkt_len);
	bench_bar(b, what, bench_geomean(ratios, N_SIZES), BENCH_AT_MOST, 0.6, "x (geometric mean of the sizes)");
}

static void run(struct bench *b)
{
	static const struct series series[] = {{8, 64}, {1, 64}, {64, 64}, {8, 1500}, {1, 1500}, {64, 1500}};
	unsigned int n_series = bench_is_quick(b) ? 3 : RTE_DIM(series);

	sched_shaping(b);
	bench_plan(b, n_series * N_SIZES * 2 + n_series / 3 * N_SIZES);
	for (unsigned int i = 0; i < n_series; i++)
		for (unsigned int k = 0; k < N_SIZES; k++)
			run_size(b, &series[i], sizes[k]);
	for (unsigned int i = 0; i < n_series; i++) {
		judge_cost(b, &series[i], LIMIT);
		judge_cost(b, &series[i], FULL);
		judge_ratio(b, &series[i]);
	}
	bench_note(b, "a closed load: what leaves comes back to its VF, so a backlog of 1 wakes and sleeps a VF for every packet");
	bench_note(b, "vfs_served: of all VFs, which all wait, those that sent while 32 packets a VF left; who serves a few over and"
		" over finds their packets in the cache, and a packet's memory is what costs most where VFs are many");
	bench_note(b, "rte_sched here never waits for credits (its fastest), and has no guarantees; with 'full' it has two weighted queues a pipe");
}

const struct bench_suite suite_sched_cost = {
	.name = "sched_cost",
	.about = "schedule one packet, enqueue to dequeue, no I/O; bursts of 32; a unit is a packet",
	.run = run,
};
