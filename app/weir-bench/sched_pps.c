/* SPDX-License-Identifier: BSD-3-Clause */
/* One VF floods against one of its two bounds while the other is slack; its neighbours are all
 * backlogged at their limits; together they half fill the link.  Real clock.  rte_sched has no bound in packets: it gets the bytes that the
 * cap stands for at this size, which is right for as long as the VF sends no other. */
#include <math.h>

#include "sched_meter.h"

#define N_VFS	      64u
#define MBPS	      UINT64_C(1000000)
#define LINK_BPS      (2000 * MBPS)	/* room to catch up after the core was away: promised to half load */
#define CAP_PPS	      UINT64_C(200000)
#define CAP_BPS	      (150 * MBPS)
#define NEIGHBOUR_BPS (12 * MBPS)

enum scene { BY_PPS, BY_BPS };

static const char *const names[] = {
	[BY_PPS] = "64 B flood, pps binds",
	[BY_BPS] = "1500 B flood, bps binds",
};

static void sla_of(const struct sched_load *load, uint32_t vf, struct sched_sla *sla)
{
	*sla = (struct sched_sla){.max_bps = NEIGHBOUR_BPS, .weight = 1};
	if (vf != 0)
		return;
	sla->max_bps = load->vf_bps;
	sla->max_pps = load->flood_pps;
}

static uint32_t len_of(const struct sched_load *load, uint32_t vf, uint32_t i)
{
	(void)i;
	return vf == 0 ? load->pkt_len : 1500;
}

static bool is_flood(uint32_t vf)
{
	return vf == 0;
}

static bool is_neighbour(uint32_t vf)
{
	return vf != 0;
}

static struct sched_load load_of(enum scene scene, bool has_pps)
{
	struct sched_load load = {
		.n_vfs = N_VFS,
		.backlog = 40,
		.pkt_len = scene == BY_PPS ? 64 : 1500,
		.len_of = len_of,
		.overhead_bytes = SCHED_OVERHEAD_BYTES,
		.n_classes = 1,
		.link_bps = LINK_BPS,
		.vf_bps = scene == BY_PPS ? 500 * MBPS : CAP_BPS,
		.flood_pps = CAP_PPS,
		.sla = sla_of,
		.tb_bytes = 16000,
		.tc_period_ms = 40,	/* many packets a period */
	};

	if (!has_pps) {
		load.flood_pps = 0;
		load.vf_bps = RTE_MIN(load.vf_bps, CAP_PPS * 8 * (load.pkt_len + SCHED_OVERHEAD_BYTES));
	}
	return load;
}

/* -> |rate error| of those counted, in % */
static void run_one(struct bench *b, enum scene scene, const char *who, const struct sched_peer *peer)
{
	struct sched_load load = load_of(scene, peer == &sched_weir);
	struct sched_meter_params p = {.warm_ns = 80 * NS_PER_MS, .window_ns = NS_PER_S};
	struct sched_mbufs m;

	if (!sched_mbufs_create(&m, &load, bench_seed(b)))
		return;
	bench_progress(b, "%s: %s", names[scene], who);
	p.is_counted = is_flood;
	struct sched_meter_result flood = sched_meter_best(b, peer, &load, &m, &p);
	sched_mbufs_mark(&m, &load);
	p.is_counted = is_neighbour;
	struct sched_meter_result others = sched_meter_best(b, peer, &load, &m, &p);
	bench_row(b, names[scene], who, "flood_rate_error", flood.err_signed, "%");
	bench_row(b, names[scene], who, "neighbour_rate_error", others.err_mean, "%");
	bench_row(b, names[scene], who, "neighbour_worst", others.err_worst, "%");
	bench_row(b, names[scene], who, "involuntary_switches", (double)(flood.n_switches + others.n_switches),
		"count");
	bench_row(b, names[scene], who, "core_lost", flood.lost_ms + others.lost_ms, "ms");
	sched_mbufs_destroy(&m);
}

static void run(struct bench *b)
{
	for (enum scene scene = BY_PPS; scene <= BY_BPS; scene++) {
		run_one(b, scene, BENCH_OURS, &sched_weir);
		run_one(b, scene, "rte_sched", &sched_rte_capped);
	}
	for (enum scene scene = BY_PPS; scene <= BY_BPS; scene++) {
		char what[80];
		snprintf(what, sizeof(what), "%s: the flood keeps to its bound, |error|", names[scene]);
		bench_bar(b, what, fabs(bench_value(b, names[scene], BENCH_OURS, "flood_rate_error")), BENCH_AT_MOST, 0.5,
			"%");
		snprintf(what, sizeof(what), "%s: the worst neighbour's |rate error|", names[scene]);
		bench_bar(b, what, bench_value(b, names[scene], BENCH_OURS, "neighbour_worst"), BENCH_AT_MOST, 0.5, "%");
	}
	bench_note(b, "rte_sched has no packet rate: it runs with the bytes that the cap stands for at this packet size");
}

const struct bench_suite suite_pps_sla = {
	.name = "pps_sla",
	.about = "a flood against its packet or its byte bound, 63 neighbours at their limits, link half full; real clock",
	.run = run,
};
