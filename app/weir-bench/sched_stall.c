/* SPDX-License-Identifier: BSD-3-Clause */
/* The core is taken away for a while, again and again, while the link is half full: the rates must hold all the same,
 * and nobody may get ahead of his by more than his burst.  Real clock; the stall is the loop standing still. */
#include <stdio.h>

#include "sched_meter.h"

#define N_VFS	  64u
#define MBPS	  UINT64_C(1000000)
#define VF_BPS	  (10 * MBPS)
#define PKT_LEN	  60u
#define BURST_MS  1u

static const struct stall {
	uint32_t stall_ms, every_ms;
} stalls[] = {{1, 10}, {4, 40}, {10, 100}};

static struct sched_load load_of(void)
{
	return (struct sched_load){
		.n_vfs = N_VFS,
		.backlog = 64,
		.pkt_len = PKT_LEN,
		.overhead_bytes = SCHED_OVERHEAD_BYTES,
		.n_classes = 1,
		.link_bps = 2 * N_VFS * VF_BPS,
		.vf_bps = VF_BPS,
		.sla = sched_sla_limit,
		.tc_period_ms = 10,
		.tb_bytes = VF_BPS / 8 / 50,
	};
}

static void name_case(char *name, size_t size, const struct stall *s)
{
	snprintf(name, size, "%u ms every %u ms", s->stall_ms, s->every_ms);
}

static void run_one(struct bench *b, const struct stall *s, const char *who, const struct sched_peer *peer)
{
	struct sched_meter_params p = {
		.warm_ns = 80 * NS_PER_MS,
		.window_ns = bench_is_quick(b) ? NS_PER_S : 2 * NS_PER_S,
		.stall_ns = s->stall_ms * NS_PER_MS,
		.stall_every_ns = s->every_ms * NS_PER_MS,
	};
	struct sched_load load = load_of();
	struct sched_mbufs m;
	char name[64];

	name_case(name, sizeof(name), s);
	bench_progress(b, "%s: %s", name, who);
	if (!sched_mbufs_create(&m, &load, bench_seed(b)))
		return;
	struct sched_meter_result r = sched_meter_best(b, peer, &load, &m, &p);
	bench_row(b, name, who, "rate_error", r.err_mean, "%");
	bench_row(b, name, who, "rate_error_worst", r.err_worst, "%");
	bench_row(b, name, who, "overshoot", r.ahead_bytes, "B");
	bench_row(b, name, who, "involuntary_switches", (double)r.n_switches, "count");
	bench_row(b, name, who, "core_lost", r.lost_ms, "ms");
	sched_mbufs_destroy(&m);
}

static void run(struct bench *b)
{
	double err = 0, ahead = 0;

	for (unsigned int i = 0; i < RTE_DIM(stalls); i++) {
		char name[64];
		run_one(b, &stalls[i], BENCH_OURS, &sched_weir);
		run_one(b, &stalls[i], "rte_sched", &sched_rte_capped);
		name_case(name, sizeof(name), &stalls[i]);
		err = RTE_MAX(err, bench_value(b, name, BENCH_OURS, "rate_error"));
		ahead = RTE_MAX(ahead, bench_value(b, name, BENCH_OURS, "overshoot"));
	}
	bench_bar(b, "mean |rate error|, worst case", err, BENCH_AT_MOST, 0.5, "%");
	bench_bar(b, "overshoot: ahead of rate x time, against the burst of 1 ms or two frames", ahead, BENCH_AT_MOST,
		RTE_MAX(VF_BPS / 8 * BURST_MS / 1000, 2 * (1514 + SCHED_OVERHEAD_BYTES)), "B");
	bench_note(b, "64 VFs x 10 Mb/s, 84 B, all backlogged, on a link of twice their sum; lost time is told to weir's scheduler as its pipeline does (what a turn lasts beyond 50 us)");
	bench_note(b, "rte_sched multiplies the lapse by 256 into 32 bits: of a gap over 2^24 TSC ticks it sees a part");
}

const struct bench_suite suite_stall = {
	.name = "stall",
	.about = "the core stalls for 1, 4 and 10 ms at half load: rate error and overshoot; real clock",
	.run = run,
};
