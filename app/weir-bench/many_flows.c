/* SPDX-License-Identifier: BSD-3-Clause */
/* What Eiffel (NSDI'19) showed of many flows: shaping 20,000 of them at 24 Gb/s, and how many flows a core holds at line rate,
 * under hClock and under pFabric, in cFFS and in binary heaps.  Virtual time for what shapes and shares; a unit is a packet.
 *
 * At line rate: the time a packet takes on the line is all that the core has for it.  The number of flows at which a
 * contender's cost reaches that, between two measured numbers by the logarithm; where even the most flows cost less, "at
 * least" so many. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "pfabric.h"
#include "rank_heap.h"
#include "sched_world.h"

#define TRIAL_PKTS     4096u
#define N_SIZES	       6u
#define MOST_PKTS      (140 << 10)	/* of memory for mbufs there is so much: 330 MB */
#define MOST_PEERS     4u
#define SHAPED_VFS     20000u
#define SHAPED_BPS     (24 * UINT64_C(1000000000))
#define SHAPED_PKT_LEN 1500u
#define LINE_BPS       (10 * UINT64_C(1000000000))
#define MESSAGE_PKTS   1000u	/* the longest of pFabric's messages */

static const uint32_t sizes[N_SIZES] = {256, 1024, 4096, 16384, 65536, 262144};

static uint64_t trial(void *ctx)
{
	return sched_run_virtual(ctx, TRIAL_PKTS) ? TRIAL_PKTS : 0;
}

/* ---- One load, several schedulers ---- */

static void run_load(struct bench *b, const char *name, const struct sched_load *load, const struct sched_peer *const *peers,
	unsigned int n)
{
	struct bench_contender contenders[MOST_PEERS] = {0};
	struct sched_run runs[MOST_PEERS] = {0};
	struct sched_mbufs m;

	bench_progress(b, "%s: setting up", name);
	if (!sched_mbufs_create(&m, load, bench_seed(b))) {
		bench_note(b, "%s: no memory for its packets", name);
		return;
	}
	for (unsigned int i = 0; i < n; i++) {
		const char *who = peers[i] == &sched_weir ? BENCH_OURS : peers[i]->name;
		if (!sched_run_start(&runs[i], peers[i], load, &m, 0))
			bench_note(b, "%s: %s cannot be set up so", name, who);
		else if (!sched_run_virtual(&runs[i], 3 * m.n))	/* until all have sent: memory is had, and bursts are gone */
			bench_note(b, "%s: %s got stuck", name, who);
		else
			contenders[i] = (struct bench_contender){.name = who, .ctx = &runs[i], .trial = trial};
	}
	bench_interleave(b, name, contenders, n, NULL);
	for (unsigned int i = 0; i < n; i++) {
		if (runs[i].n_lost > 0)
			bench_note(b, "%s: %s refused packets", name, peers[i]->name);
		sched_run_stop(&runs[i]);
	}
	sched_mbufs_destroy(&m);
}

/* ---- 20,000 flows at 24 Gb/s ---- */

static void run_shaping(struct bench *b)
{
	static const struct sched_peer *const peers[] = {&sched_weir, &sched_fq, &sched_heap, &sched_carousel};
	static const char name[] = "shaping, 20000 flows at 24 Gb/s";
	/* Their limits are 95 % of the link: who waits, waits for his own. */
	struct sched_load load = {
		.n_vfs = SHAPED_VFS,
		.backlog = 2,
		.pkt_len = SHAPED_PKT_LEN,
		.overhead_bytes = SCHED_OVERHEAD_BYTES,
		.n_classes = 1,
		.link_bps = SHAPED_BPS,
		.vf_bps = SHAPED_BPS / SHAPED_VFS * 95 / 100,
		.sla = sched_sla_limit,
	};
	double per_s = (double)SHAPED_BPS / 8 / (SHAPED_PKT_LEN + SCHED_OVERHEAD_BYTES);

	run_load(b, name, &load, peers, RTE_DIM(peers));
	for (unsigned int i = 0; i < RTE_DIM(peers); i++) {
		const char *who = peers[i] == &sched_weir ? BENCH_OURS : peers[i]->name;
		double ns = bench_value(b, name, who, "ns");
		if (!isnan(ns))
			bench_row(b, name, who, "core", ns * per_s / 1e7, "% of a core");
	}
	bench_bar(b, "20,000 flows shaped to 24 Gb/s: a tree's cycles over ours",
		bench_value(b, name, sched_fq.name, "cycles") / bench_value(b, name, BENCH_OURS, "cycles"), BENCH_AT_LEAST, 14,
		"times (Eiffel's figure is against all of the kernel's fq)");
}

/* ---- hClock ---- */

static void name_case(char *name, size_t size, const char *policy, uint32_t n_flows)
{
	snprintf(name, size, "%s, %u flows", policy, n_flows);
}

static void run_hclock(struct bench *b, uint32_t n_flows)
{
	static const struct sched_peer *const peers[] = {&sched_weir, &sched_heap};
	struct sched_load load = {
		.n_vfs = n_flows,
		.backlog = 2,
		.pkt_len = 60,
		.overhead_bytes = SCHED_OVERHEAD_BYTES,
		.n_classes = 1,
		.link_bps = LINE_BPS,
		.vf_bps = 2 * LINE_BPS / n_flows,
		.sla = sched_sla_full,
	};
	char name[64];

	name_case(name, sizeof(name), "hclock", n_flows);
	run_load(b, name, &load, peers, RTE_DIM(peers));
}

/* ---- pFabric: a packet of some flow leaves, and the flow's next one comes ---- */

struct fabric {
	struct pfabric *queue;
	uint32_t *left;			/* by flow: packets of its message that have not come */
	uint32_t *ids;			/* handles point here */
	struct bench_rng rng;
};

static void come(struct fabric *f, uint32_t flow)
{
	if (f->left[flow] == 0)
		f->left[flow] = 1 + bench_rng_below(&f->rng, MESSAGE_PKTS);
	pfabric_push(f->queue, flow, &f->ids[flow], f->left[flow] * UINT64_C(1500));
	f->left[flow]--;
}

static uint64_t trial_fabric(void *ctx)
{
	struct fabric *f = ctx;

	for (uint32_t i = 0; i < TRIAL_PKTS; i++) {
		const uint32_t *id = pfabric_pop(f->queue);
		come(f, *id);
	}
	return TRIAL_PKTS;
}

static void fabric_create(struct fabric *f, const struct rank_queue_ops *ops, uint32_t n_flows, uint64_t seed)
{
	f->queue = bench_not_null(pfabric_create(ops, n_flows, 2 * n_flows));
	f->left = bench_alloc(n_flows * sizeof(*f->left));
	f->ids = bench_alloc(n_flows * sizeof(*f->ids));
	bench_rng_init(&f->rng, seed);
	for (uint32_t i = 0; i < 2 * n_flows; i++) {
		f->ids[i % n_flows] = i % n_flows;
		come(f, i % n_flows);
	}
}

static void fabric_destroy(struct fabric *f)
{
	pfabric_destroy(f->queue);
	free(f->left);
	free(f->ids);
}

static void run_pfabric(struct bench *b, uint32_t n_flows)
{
	static const struct rank_queue_ops *const ops[] = {&rank_queue_circular, &rank_queue_heap};
	static const char *const names[] = {BENCH_OURS, "binary heaps"};
	struct bench_contender contenders[RTE_DIM(ops)];
	struct fabric fabrics[RTE_DIM(ops)];
	char name[64];

	name_case(name, sizeof(name), "pfabric", n_flows);
	bench_progress(b, "%s: setting up", name);
	for (unsigned int i = 0; i < RTE_DIM(ops); i++) {
		fabric_create(&fabrics[i], ops[i], n_flows, bench_seed(b));
		contenders[i] = (struct bench_contender){.name = names[i], .ctx = &fabrics[i], .trial = trial_fabric};
	}
	bench_interleave(b, name, contenders, RTE_DIM(ops), NULL);
	for (unsigned int i = 0; i < RTE_DIM(ops); i++)
		fabric_destroy(&fabrics[i]);
}

/* ---- How many at line rate ---- */

/* NaN: even the fewest cost more. */
static double flows_at(const struct bench *b, const char *policy, const char *who, double budget_ns)
{
	double last_n = NAN, last_ns = NAN;
	char name[64];

	for (unsigned int i = 0; i < N_SIZES; i++) {
		name_case(name, sizeof(name), policy, sizes[i]);
		double ns = bench_value(b, name, who, "ns");
		if (isnan(ns))
			break;
		if (ns > budget_ns)
			return isnan(last_n) ? (double)NAN :
				exp(log(last_n) + (log(sizes[i]) - log(last_n)) * (budget_ns - last_ns) / (ns - last_ns));
		last_n = sizes[i];
		last_ns = ns;
	}
	return last_n;
}

static void count_flows(struct bench *b, const char *policy)
{
	static const uint32_t lengths[] = {60, 124, 252, 508, 1500};
	char name[64];

	for (unsigned int i = 0; i < RTE_DIM(lengths); i++) {
		double budget_ns = (lengths[i] + SCHED_OVERHEAD_BYTES) * 8e9 / (double)LINE_BPS;
		snprintf(name, sizeof(name), "%s, 10 Gb/s of %u B (%.0f ns)", policy, lengths[i], budget_ns);
		for (int k = 0; k < 2; k++) {
			const char *who = k == 0 ? BENCH_OURS : sched_heap.name;
			double n = flows_at(b, policy, who, budget_ns);
			bench_row(b, name, who, "flows_at_line_rate", isnan(n) ? 0 : n, "flows");
		}
	}
}

static void run(struct bench *b)
{
	unsigned int n = bench_is_quick(b) ? N_SIZES - 1 : N_SIZES;

	bench_plan(b, 1 + 2 * n);
	sched_take_cpu(true);
	run_shaping(b);
	for (unsigned int i = 0; i < n; i++) {
		if (2 * sizes[i] <= MOST_PKTS)
			run_hclock(b, sizes[i]);
		run_pfabric(b, sizes[i]);
	}
	sched_take_cpu(false);
	count_flows(b, "hclock");
	count_flows(b, "pfabric");
	bench_note(b, "flows at line rate: more than %u (hclock: 65536) were not tried; 0: %u are too many", sizes[n - 1], sizes[0]);
	bench_note(b, "the heaps know nothing of packets a second, tenants, urgent classes or lost time; weir's order does");
}

const struct bench_suite suite_many_flows = {
	.name = "many_flows",
	.about = "20,000 flows shaped at 24 Gb/s; how many flows at line rate, hClock and pFabric, in cFFS and in heaps",
	.run = run,
};
