/* SPDX-License-Identifier: BSD-3-Clause */
/* stamp: what it costs to say when a packet of a VF may leave (ours: bytes and packets at once), beside DPDK's
 * meters, which colour by bytes alone: one srTCM, one trTCM, and two srTCM (bytes, packets) for the policy of ours.
 * VFs by a random trace, 32 packets a burst, the state of all 32 prefetched first, by everyone.  Time comes from one
 * TSC read a burst, or from one a packet to show what that costs.  The limits are wide enough to colour all green:
 * the meters' usual path.  They share one profile among the VFs, their best case; weir has each VF's own prices. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_meter.h>
#include <rte_prefetch.h>

#include "bench.h"
#include "limiter.h"

#define BURST	 32u
#define TRACE	 (1u << 18)
#define PKTS	 8192u
#define LEN	 84u
#define MAX_VFS  (1u << 18)
#define NS_SHIFT 22u

struct two_meters {
	struct rte_meter_srtcm bytes, pkts;
};

struct stamp {
	struct limiter *limiters;
	struct rte_meter_srtcm *srtcm;
	struct rte_meter_trtcm *trtcm;
	struct two_meters *two;
	struct rte_meter_srtcm_profile sr, sr_pkts;
	struct rte_meter_trtcm_profile tr;
	const uint32_t *vfs;
	uint64_t began_ticks, ns_per_tick;	/* 2^-NS_SHIFT ns */
	uint64_t n_held;			/* of all packets: keeps the answers alive */
	uint32_t at;
};

/* Each has its own idea of time: ours ns, the meters TSC ticks. */
static inline uint64_t time_ns(const struct stamp *s)
{
	return ((rte_rdtsc() - s->began_ticks) * s->ns_per_tick) >> NS_SHIFT;
}

static inline uint64_t time_ticks(const struct stamp *s)
{
	(void)s;
	return rte_rdtsc();
}

/* --- one packet each ------------------------------------------------------------------------------------------- */

static inline uint64_t check_weir(struct stamp *s, uint32_t vf, uint64_t now_ns)
{
	struct limiter *l = &s->limiters[vf];
	uint64_t is_held = limiter_ready_ns(l) > now_ns;

	limiter_charge(l, LEN, 1, now_ns, 0, 0);
	return is_held;
}

static inline uint64_t check_srtcm(struct stamp *s, uint32_t vf, uint64_t ticks)
{
	return rte_meter_srtcm_color_blind_check(&s->srtcm[vf], &s->sr, ticks, LEN) != RTE_COLOR_GREEN;
}

static inline uint64_t check_trtcm(struct stamp *s, uint32_t vf, uint64_t ticks)
{
	return rte_meter_trtcm_color_blind_check(&s->trtcm[vf], &s->tr, ticks, LEN) != RTE_COLOR_GREEN;
}

static inline uint64_t check_two(struct stamp *s, uint32_t vf, uint64_t ticks)
{
	struct two_meters *m = &s->two[vf];
	enum rte_color by_bytes = rte_meter_srtcm_color_blind_check(&m->bytes, &s->sr, ticks, LEN);
	enum rte_color by_pkts = rte_meter_srtcm_color_blind_check(&m->pkts, &s->sr_pkts, ticks, 1);

	return by_bytes != RTE_COLOR_GREEN || by_pkts != RTE_COLOR_GREEN;
}

/* --- bursts ---------------------------------------------------------------------------------------------------- */

struct meter {
	size_t offset, size;	/* of the states: where the pointer is, how large one is */
	uint64_t (*time)(const struct stamp *s);
	uint64_t (*check)(struct stamp *s, uint32_t vf, uint64_t time);
};

static inline __attribute__((always_inline)) uint64_t bursts(struct stamp *s, struct meter meter, bool is_per_packet)
{
	const char *states = *(char *const *)(const void *)((const char *)s + meter.offset);
	uint64_t n_held = 0;

	for (uint32_t n = 0; n < PKTS; n += BURST, s->at = (s->at + BURST) % TRACE) {
		const uint32_t *vfs = &s->vfs[s->at];
		uint64_t time = meter.time(s);
		for (uint32_t i = 0; i < BURST; i++)
			rte_prefetch0(states + vfs[i] * meter.size);
		for (uint32_t i = 0; i < BURST; i++)
			n_held += meter.check(s, vfs[i], is_per_packet ? meter.time(s) : time);
	}
	s->n_held += n_held;
	return PKTS;
}

#define METER(field, time, check) \
	((struct meter){offsetof(struct stamp, field), sizeof(*(((struct stamp *)NULL)->field)), time, check})

static uint64_t weir_burst(void *ctx)
{
	return bursts(ctx, METER(limiters, time_ns, check_weir), false);
}

static uint64_t weir_packet(void *ctx)
{
	return bursts(ctx, METER(limiters, time_ns, check_weir), true);
}

static uint64_t srtcm_burst(void *ctx)
{
	return bursts(ctx, METER(srtcm, time_ticks, check_srtcm), false);
}

static uint64_t srtcm_packet(void *ctx)
{
	return bursts(ctx, METER(srtcm, time_ticks, check_srtcm), true);
}

static uint64_t trtcm_burst(void *ctx)
{
	return bursts(ctx, METER(trtcm, time_ticks, check_trtcm), false);
}

static uint64_t trtcm_packet(void *ctx)
{
	return bursts(ctx, METER(trtcm, time_ticks, check_trtcm), true);
}

static uint64_t two_burst(void *ctx)
{
	return bursts(ctx, METER(two, time_ticks, check_two), false);
}

/* --- setting up ------------------------------------------------------------------------------------------------ */

/* Wide limits, but real ones: 400 Gb/s and 600 Mp/s over all VFs, 100 Mb/s and 150 kp/s at least. */
static void set_limits(struct stamp *s, uint32_t n_vfs)
{
	uint64_t bps = u64_max(UINT64_C(400000000000) / n_vfs, 100000000);
	uint64_t pps = u64_max(600000000 / n_vfs, 150000);
	struct rte_meter_srtcm_params sr = {.cir = bps / 8, .cbs = 1000000, .ebs = 1000000};
	struct rte_meter_srtcm_params sr_pkts = {.cir = pps, .cbs = 10000, .ebs = 10000};
	struct rte_meter_trtcm_params tr = {.cir = bps / 8, .pir = bps / 8, .cbs = 1000000, .pbs = 1000000};

	rte_meter_srtcm_profile_config(&s->sr, &sr);
	rte_meter_srtcm_profile_config(&s->sr_pkts, &sr_pkts);
	rte_meter_trtcm_profile_config(&s->tr, &tr);
	for (uint32_t i = 0; i < n_vfs; i++) {
		limiter_set(&s->limiters[i], price_of_bps(bps), price_of_pps(pps), 100 * NS_PER_US, 0);
		rte_meter_srtcm_config(&s->srtcm[i], &s->sr);
		rte_meter_trtcm_config(&s->trtcm[i], &s->tr);
		rte_meter_srtcm_config(&s->two[i].bytes, &s->sr);
		rte_meter_srtcm_config(&s->two[i].pkts, &s->sr_pkts);
	}
}

static void run_case(struct bench *b, struct stamp *world, uint32_t *vfs, uint32_t n_vfs)
{
	static const struct bench_contender contenders[] = {
		{.name = BENCH_OURS, .trial = weir_burst},
		{.name = "srTCM", .trial = srtcm_burst},
		{.name = "trTCM", .trial = trtcm_burst},
		{.name = "2 srTCM (bps, pps)", .trial = two_burst},
		{.name = "weir, TSC per packet", .trial = weir_packet},
		{.name = "srTCM, TSC per packet", .trial = srtcm_packet},
		{.name = "trTCM, TSC per packet", .trial = trtcm_packet},
	};
	struct bench_contender list[sizeof(contenders) / sizeof(contenders[0])];
	struct stamp states[sizeof(contenders) / sizeof(contenders[0])];
	struct bench_rng r;
	char name[32];

	bench_rng_init(&r, bench_seed(b));
	for (uint32_t i = 0; i < TRACE; i++)
		vfs[i] = bench_rng_below(&r, n_vfs);
	set_limits(world, n_vfs);
	for (unsigned int i = 0; i < sizeof(contenders) / sizeof(contenders[0]); i++) {
		states[i] = *world;
		list[i] = contenders[i];
		list[i].ctx = &states[i];
	}
	snprintf(name, sizeof(name), "%" PRIu32 "%s VFs", n_vfs < 1024 ? n_vfs : n_vfs / 1024, n_vfs < 1024 ? "" : "K");
	bench_interleave(b, name, list, sizeof(list) / sizeof(list[0]), NULL);
}

static void run(struct bench *b)
{
	static const uint32_t counts[] = {1, 16, 256, 4096, 65536, MAX_VFS};
	uint32_t *vfs = bench_alloc(TRACE * sizeof(*vfs));
	struct stamp world = {
		.limiters = bench_alloc(MAX_VFS * sizeof(struct limiter)),
		.srtcm = bench_alloc(MAX_VFS * sizeof(struct rte_meter_srtcm)),
		.trtcm = bench_alloc(MAX_VFS * sizeof(struct rte_meter_trtcm)),
		.two = bench_alloc(MAX_VFS * sizeof(struct two_meters)),
		.vfs = vfs,
		.began_ticks = rte_rdtsc(),
		.ns_per_tick = (uint64_t)(bench_ns_of_ticks(b, 1) * (1u << NS_SHIFT)),
	};

	bench_plan(b, sizeof(counts) / sizeof(counts[0]));
	for (unsigned int i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		run_case(b, &world, vfs, counts[i]);
	bench_bar(b, "stamp, hot (256 VFs)", bench_value(b, "256 VFs", BENCH_OURS, "cycles"), BENCH_AT_MOST, 8, "cycles");
	bench_bar(b, "stamp, 256K VFs", bench_value(b, "256K VFs", BENCH_OURS, "cycles"), BENCH_AT_MOST, 20, "cycles");
	bench_note(b, "only weir and '2 srTCM' bound bytes and packets; srTCM and trTCM alone leave packets unbounded");
	free(world.limiters);
	free(world.srtcm);
	free(world.trtcm);
	free(world.two);
	free(vfs);
}

const struct bench_suite suite_stamp = {
	.name = "stamp",
	.about = "a limit in bytes and packets beside rte_meter, 84 B, random VFs, bursts of 32; a unit is a packet",
	.run = run,
};
