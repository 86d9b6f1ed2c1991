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
	uint32_t tb_ms;
	bool is_quick;
} entrants[] = {
	{BENCH_OURS, &sched_weir, 0, 0, true},
	{"rte_sched", &sched_rte_capped, 10, 20, true},
	{"rte_sched_40ms", &sched_rte_capped, 40, 20, false},
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

/* The longer of 1 s and 10,000 packets of a VF, as far as there is time for it. */
static uint64_t window_ns(struct bench *b, const struct accuracy *a)
{
	uint32_t bytes = (a->pkt_len ? a->pkt_len : 360) + SCHED_OVERHEAD_BYTES;
	uint64_t pkts_ns = 10000 * price_ns(price_of_bps(a->vf_bps), bytes);

	return RTE_MIN(RTE_MAX(pkts_ns, NS_PER_S), bench_is_quick(b) ? NS_PER_S : 2 * NS_PER_S);
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
	bench_row(b, name, who, "sent", r->sent_mpps, "Mp/s");
	bench_row(b, name, who, "involuntary_switches", (double)r->n_switches, "count");
	bench_row(b, name, who, "core_lost", r->lost_ms, "ms");
}

static void run_entrant(struct bench *b, const struct accuracy *a, const struct entrant *e, const struct sched_mbufs *m)
{
	struct sched_meter_params p = {.warm_ns = WARM_NS, .window_ns = window_ns(b, a)};
	struct sched_load load = load_of(a);
	char name[80];

	name_row(name, sizeof(name), a);
	load.tc_period_ms = e->tc_period_ms;
	load.tb_bytes = RTE_MAX(a->vf_bps / 8000 * e->tb_ms, UINT64_C(3200));
	bench_progress(b, "%s, %s", name, e->name);
	/* With --quick rather all rows once. */
	struct sched_meter_result best = bench_is_quick(b) ? sched_meter(e->peer, &load, m, &p) :
		sched_meter_best(b, e->peer, &load, m, &p);
	record(b, name, e->name, &best);
}

/* The worst row against the bars; the rows where the core took too long say so by themselves. */
static void judge(struct bench *b)
{
	double err = 0, late = 0;
	char err_row[80] = "no row", late_row[80] = "no row", what[200];

	for (unsigned int i = 0; i < RTE_DIM(rows); i++) {
		char name[80];
		name_row(name, sizeof(name), &rows[i]);
		double e = bench_value(b, name, BENCH_OURS, "rate_error");
		double l = bench_value(b, name, BENCH_OURS, "gap_p99_beyond_ideal");
		if (e > err) {
			err = e;
			snprintf(err_row, sizeof(err_row), "%s", name);
		}
		if (l > late) {
			late = l;
			snprintf(late_row, sizeof(late_row), "%s", name);
		}
	}
	snprintf(what, sizeof(what), "mean |rate error| of a VF, worst row (%s)", err_row);
	bench_bar(b, what, err, BENCH_AT_MOST, BAR_ERR, "%");
	snprintf(what, sizeof(what), "gap p99 beyond ideal, worst row (%s)", late_row);
	bench_bar(b, what, late, BENCH_AT_MOST, 2 * SLOT_US, "us");
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
	bench_note(b, "rte_sched: tb_size 20 ms of the rate; its clock's own granularity (TSC ticks a byte / 256) is part of its error");
}

const struct bench_suite suite_sched_accuracy = {
	.name = "sched_accuracy",
	.about = "how exact limits are: real clock, all VFs backlogged, rate error and gaps of each VF",
	.run = run,
};
