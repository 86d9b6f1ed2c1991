/* SPDX-License-Identifier: BSD-3-Clause */
/* How exact limits are on the real clock: every VF has more than its limit lets go, rates and gaps are metered. */
#include <math.h>
#include <stdio.h>

#include "sched_meter.h"

#define LINK_BPS  (50 * UINT64_C(1000000000))
#define KBPS	  UINT64_C(1000)
#define MBPS	  UINT64_C(1000000)
#define SLOT_US	  1.024
#define BAR_ERR	  0.1
#define LARGEST	  1514u			/* pkt_len: a limit saves two of them, and IMIX has them */
#define SAVED_US  1000.0		/* of a limit: weir.conf's default burst */
#define CAUGHT_UP_US 20000.0		/* of what the core lost is given back; so much of several gaps at once at most */
#define FULL_S	  600.0			/* 10,000 packets of the slowest take two minutes */
#define BACKLOG	  40u			/* more than a burst: what is due after a stall never empties a VF */
#define WARM_NS	  (80 * NS_PER_MS)	/* twice the longest tc_period */

struct accuracy {
	uint32_t n_vfs, pkt_len;	/* 0: IMIX */
	uint64_t vf_bps;
	bool is_quick;			/* with --quick too */
};

/* Sizes are pkt_len: 60 B are 84 B on the wire. */
static const struct accuracy rows[] = {
	{64, 60, 10 * MBPS, true},
	{256, 60, 10 * MBPS, false},
	{1024, 60, MBPS, true},
	{4096, 60, MBPS, true},
	{16, 60, 100 * MBPS, false},
	{64, 60, 100 * MBPS, false},
	{256, 60, 100 * KBPS, false},
	{64, 1500, 10 * MBPS, false},
	{256, 1500, 10 * MBPS, false},
	{4096, 1500, MBPS, false},
	{16, 1500, 2500 * MBPS, true},
	{256, 0, 10 * MBPS, false},
	{1024, 0, 2 * MBPS, false},
};

static const struct entrant {
	const char *name;
	const struct sched_peer *peer;
	uint32_t tc_period_ms;
	uint32_t tb_ms, tb_bytes;	/* one of them; never less than two packets */
	bool is_quick;
} entrants[] = {
	{BENCH_OURS, &sched_weir, 0, 0, 0, true},
	{"rte_sched", &sched_rte_capped, 10, 20, 0, true},
	{"rte_sched_40ms", &sched_rte_capped, 40, 20, 0, false},
	{"rte_sched_1ms_2MTU", &sched_rte_capped, 1, 0, 2 * (1500 + SCHED_OVERHEAD_BYTES), false},
	{"rte_sched_1MB", &sched_rte_capped, 10, 0, 1000000, false},
};

static void name_row(char *name, size_t size, const struct accuracy *a)
{
	char len[16] = "IMIX";

	if (a->pkt_len != 0)
		snprintf(len, sizeof(len), "%u B", a->pkt_len);
	if (a->vf_bps < MBPS)
		snprintf(name, size, "%u x %u kb/s, %s", a->n_vfs, (unsigned int)(a->vf_bps / KBPS), len);
	else
		snprintf(name, size, "%u x %u Mb/s, %s", a->n_vfs, (unsigned int)(a->vf_bps / MBPS), len);
}

static struct sched_load load_of(const struct accuracy *a)
{
	return (struct sched_load){
		.n_vfs = a->n_vfs,
		.backlog = BACKLOG,
		.pkt_len = a->pkt_len,
		.len_of = a->pkt_len == 0 ? sched_len_imix : NULL,
		.overhead_bytes = SCHED_OVERHEAD_BYTES,
		.n_classes = 1,
		.link_bps = LINK_BPS,
		.vf_bps = a->vf_bps,
		.sla = sched_sla_limit,
	};
}

static uint64_t pkts_ns(const struct accuracy *a, uint32_t n_pkts, uint32_t imix_len)
{
	uint32_t bytes = (a->pkt_len ? a->pkt_len : imix_len) + SCHED_OVERHEAD_BYTES;

	return n_pkts * price_ns(price_of_bps(a->vf_bps), bytes);
}

/* Ours the longer of 1 s and 10,000 packets of a VF; that of the others, whose errors do not shrink with it, 2 s at most. */
static uint64_t window_ns(struct bench *b, const struct accuracy *a, const struct entrant *e)
{
	uint64_t most_ns = e->peer == &sched_weir ? UINT64_MAX : 2 * NS_PER_S;

	return bench_is_quick(b) ? NS_PER_S : RTE_MIN(RTE_MAX(pkts_ns(a, 10000, 360), NS_PER_S), most_ns);
}

/* What a VF may send at once, as time at its rate: what its limit saves, a packet, and what the core lost. */
static double allowed_us(const struct accuracy *a, const struct sched_meter_result *r)
{
	struct accuracy largest = {.pkt_len = LARGEST, .vf_bps = a->vf_bps};
	double saved_us = fmax(SAVED_US, (double)pkts_ns(&largest, 2, 0) / 1000);

	return saved_us + (double)pkts_ns(a, 1, LARGEST) / 1000 + fmin(r->lost_ms * 1000, CAUGHT_UP_US);
}

/* A period's credits are less than a packet: it sends nothing at all. */
static bool is_collapsed(const struct accuracy *a, const struct entrant *e)
{
	return e->tc_period_ms * NS_PER_MS < pkts_ns(a, 1, LARGEST);
}

static void record(struct bench *b, const char *name, const char *who, const struct sched_meter_result *r)
{
	bench_row(b, name, who, "rate_error", r->err_mean, "%");
	bench_row(b, name, who, "rate_error_signed", r->err_signed, "%");
	bench_row(b, name, who, "gap_p1", r->gap_p1, "us");
	bench_row(b, name, who, "gap_p50", r->gap_p50, "us");
	bench_row(b, name, who, "gap_p99", r->gap_p99, "us");
	bench_row(b, name, who, "gap_p99.9", r->gap_p999, "us");
	bench_row(b, name, who, "gap_p99_beyond_ideal", r->late_p99, "us");
	bench_row(b, name, who, "burst", r->burst_ns / 1000, "us");
	bench_row(b, name, who, "sent", r->sent_mpps, "Mp/s");
	bench_row(b, name, who, "involuntary_switches", (double)r->n_switches, "count");
	bench_row(b, name, who, "core_lost", r->lost_ms, "ms");
}

static void run_entrant(struct bench *b, const struct accuracy *a, const struct entrant *e, const struct sched_mbufs *m)
{
	struct sched_meter_params p = {.warm_ns = WARM_NS, .window_ns = window_ns(b, a, e)};
	struct sched_load load = load_of(a);
	char name[80];

	name_row(name, sizeof(name), a);
	load.tc_period_ms = e->tc_period_ms;
	load.tb_bytes = e->tb_bytes > 0 ? e->tb_bytes : RTE_MAX(a->vf_bps / 8000 * e->tb_ms, UINT64_C(3200));
	bench_progress(b, "%s, %s", name, e->name);
	/* With --quick rather all rows once. */
	struct sched_meter_result best = bench_is_quick(b) ? sched_meter(e->peer, &load, m, &p) :
		sched_meter_best(b, e->peer, &load, m, &p);
	record(b, name, e->name, &best);
	if (e->peer == &sched_weir)
		bench_row(b, name, e->name, "burst_of_allowed", best.burst_ns / 1000 / allowed_us(a, &best), "x");
	else if (is_collapsed(a, e))
		bench_note(b, "%s, %s: collapses, for a tc_period's credits are less than a packet", name, e->name);
}

/* The worst row; the rows where the core took too long say so by themselves. */
static void judge_worst(struct bench *b, const char *metric, const char *said, double bar, const char *unit)
{
	char name[80], worst_row[80] = "no row", what[240];
	double worst = 0;

	for (unsigned int i = 0; i < RTE_DIM(rows); i++) {
		name_row(name, sizeof(name), &rows[i]);
		double value = bench_value(b, name, BENCH_OURS, metric);
		if (value > worst) {
			worst = value;
			snprintf(worst_row, sizeof(worst_row), "%s", name);
		}
	}
	snprintf(what, sizeof(what), "%s, worst row (%s; its core was away for %.0f ms)", said, worst_row,
		bench_value(b, worst_row, BENCH_OURS, "core_lost"));
	bench_bar(b, what, worst, BENCH_AT_MOST, bar, unit);
}

static void judge(struct bench *b)
{
	judge_worst(b, "rate_error", "mean |rate error| of a VF", BAR_ERR, "%");
	judge_worst(b, "gap_p99_beyond_ideal", "gap p99 beyond ideal", 2 * SLOT_US, "us");
	judge_worst(b, "burst_of_allowed", "most sent in any time / rate x time + 1 ms or two frames + a packet + lost time", 1, "x");
}

static void run(struct bench *b)
{
	unsigned int n_left_out = 0;

	for (unsigned int i = 0; i < RTE_DIM(rows); i++) {
		struct sched_load load = load_of(&rows[i]);
		struct sched_mbufs m;
		if (bench_is_quick(b) && !rows[i].is_quick)
			continue;
		if (bench_seconds_left(b) < 2 || !sched_mbufs_create(&m, &load, bench_seed(b))) {
			n_left_out++;
			continue;
		}
		for (unsigned int k = 0; k < RTE_DIM(entrants); k++)
			if (!bench_is_quick(b) || entrants[k].is_quick)
				run_entrant(b, &rows[i], &entrants[k], &m);
		sched_mbufs_destroy(&m);
	}
	judge(b);
	if (n_left_out > 0)
		bench_note(b, "%u rows left out: no time (the CPU is shared?) or no memory", n_left_out);
	bench_note(b, "where 'sent' is under the row's sum of rates the core was full, or away longer than may be caught up");
	bench_note(b, "both count pkt_len + 24 B; the sink takes no more than a port of %u Gb/s",
		(unsigned int)(LINK_BPS / 1000000000));
	bench_note(b, "rte_sched: tc_period 10 ms and tb_size 20 ms of the rate unless named otherwise; its clock's own granularity "
		"(TSC ticks a byte / 256) is part of its error");
	bench_note(b, "gap: between two departures of a VF; ideal is what the first takes at its rate, and a gap below it is of packets that "
		"left together");
	bench_note(b, "burst: the most that a VF sent in any time beyond its rate, as time at its rate");
}

const struct bench_suite suite_sched_accuracy = {
	.name = "sched_accuracy",
	.about = "how exact limits are: real clock, all VFs backlogged, rate error and gaps of each VF",
	.run = run,
	.full_s = FULL_S,
};
