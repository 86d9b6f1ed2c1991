/* SPDX-License-Identifier: BSD-3-Clause */
/* What a packet costs as VFs become many, and what a VF costs that never sends.
 * Memory is what is resident (/proc/self/statm): pages that were asked for and never touched cost nothing. */
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "sched_world.h"

#define LINK_BPS   (40 * UINT64_C(1000000000))
#define TRIAL_PKTS 4096u
#define MANY_VFS   1000000u
#define SENDING_OF 100u		/* every hundredth VF, anywhere, sends */
#define MAX_RUNS   3u

static const struct entrant {
	const char *name;
	const struct sched_peer *peer;
	uint32_t most_vfs;	/* where its memory ends */
} entrants[MAX_RUNS] = {
	{BENCH_OURS, &sched_weir, UINT32_MAX},
	{"rte_sched", &sched_rte, 65536},
	{"token_bucket_drr", &sched_naive, UINT32_MAX},
};

static struct sched_load load_of(uint32_t n_vfs, uint32_t n_sending)
{
	return (struct sched_load){
		.n_vfs = n_vfs,
		.n_sending = n_sending,
		.backlog = 2,
		.pkt_len = 64,
		.overhead_bytes = SCHED_OVERHEAD_BYTES,
		.n_classes = 1,
		.link_bps = LINK_BPS,
		.vf_bps = 2 * LINK_BPS / n_sending,
		.sla = sched_sla_limit,
	};
}

static uint64_t resident_bytes(void)
{
	unsigned long pages = 0;
	FILE *in = fopen("/proc/self/statm", "r");

	if (in == NULL)
		return 0;
	if (fscanf(in, "%*u %lu", &pages) != 1)
		pages = 0;
	fclose(in);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t trial(void *ctx)
{
	return sched_run_virtual(ctx, TRIAL_PKTS) ? TRIAL_PKTS : 0;
}

static void run_backlogged(struct bench *b, uint32_t n_vfs)
{
	struct sched_load load = load_of(n_vfs, n_vfs);
	struct bench_contender contenders[MAX_RUNS] = {0};
	struct sched_run runs[MAX_RUNS] = {0};
	struct sched_mbufs m;
	char name[64];

	snprintf(name, sizeof(name), "%u VFs, all backlogged", n_vfs);
	bench_progress(b, "%s: setting up", name);
	if (!sched_mbufs_create(&m, &load, bench_seed(b)))
		return;
	for (unsigned int i = 0; i < MAX_RUNS; i++) {
		struct sched_load mine = load;
		if (n_vfs > entrants[i].most_vfs)
			continue;
		if (entrants[i].peer == &sched_rte) {
			mine.is_unlimited = true;
			mine.link_bps = 10 * LINK_BPS;
		}
		if (!sched_run_start(&runs[i], entrants[i].peer, &mine, &m, 0)) {
			bench_note(b, "%s: %s cannot be set up so", name, entrants[i].name);
			continue;
		}
		contenders[i] = (struct bench_contender){.name = entrants[i].name, .ctx = &runs[i], .trial = trial};
	}
	bench_interleave(b, name, contenders, MAX_RUNS, NULL);
	for (unsigned int i = 0; i < MAX_RUNS; i++)
		sched_run_stop(&runs[i]);
	sched_mbufs_destroy(&m);
}

/* Memory first: a scheduler of a million that has seen no packet; then some of them send. */
static void run_many(struct bench *b)
{
	struct sched_load load = load_of(MANY_VFS, MANY_VFS / SENDING_OF);
	struct bench_contender ours = {.name = BENCH_OURS, .trial = trial};
	struct sched_run run = {0};
	struct sched_mbufs none = {0}, m;
	char name[64];

	snprintf(name, sizeof(name), "%u VFs, 1 %% send", MANY_VFS);
	bench_progress(b, "%s: setting up", name);
	if (!sched_mbufs_create(&m, &load, bench_seed(b)))
		return;
	uint64_t before = resident_bytes();
	if (!sched_run_start(&run, &sched_weir, &load, &none, 0)) {
		bench_note(b, "%s: no memory", name);
		sched_mbufs_destroy(&m);
		return;
	}
	uint64_t idle = resident_bytes();
	sched_run_fill(&run, &m);
	bool is_ok = sched_run_virtual(&run, 4 * m.n);
	uint64_t busy = resident_bytes();
	bench_row(b, name, BENCH_OURS, "memory", (double)(idle - before) / MANY_VFS, "B/VF");
	bench_row(b, name, BENCH_OURS, "memory_first_packet", (double)(busy - idle) / load.n_sending, "B/VF");
	ours.ctx = &run;
	if (is_ok)
		bench_interleave(b, name, &ours, 1, NULL);
	bench_bar(b, "memory of a VF that never sent, of 1,000,000", (double)(idle - before) / MANY_VFS, BENCH_AT_MOST,
		400, "B");
	sched_run_stop(&run);
	sched_mbufs_destroy(&m);
}

static void run(struct bench *b)
{
	static const uint32_t sizes[] = {1024, 16384, 65536};

	bench_plan(b, RTE_DIM(sizes) + 1);
	/* First, while the heap has no freed pages that would hide what is touched. */
	run_many(b);
	for (unsigned int i = 0; i < RTE_DIM(sizes); i++)
		run_backlogged(b, sizes[i]);
	bench_bar(b, "65,536 backlogged VFs", bench_value(b, "65536 VFs, all backlogged", BENCH_OURS, "cycles"),
		BENCH_AT_MOST, 250, "cycles");
	struct sched_load load = load_of(1024, 1024);
	bench_row(b, "1024 VFs, all backlogged", "rte_sched", "memory", rte_sched_bytes_per_pipe(&load), "B/VF");
	bench_note(b, "memory: resident, with the caller's limiters; mbufs and the packet FIFOs' pool apart by being there before or small");
}

const struct bench_suite suite_growth = {
	.name = "growth",
	.about = "cost of a packet and memory of a VF as VFs become many; a unit is a packet",
	.run = run,
};
