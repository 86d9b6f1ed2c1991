/* SPDX-License-Identifier: BSD-3-Clause */
/* A fixed piece of work and nothing else, to be run under an instruction counter (scripts/costs): the same loads as
 * weir-bench's sched_cost on virtual time, and whole turns of a pipe without I/O. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "count.h"
#include "sched_world.h"

#define LINK_BPS  UINT64_C(10000000000)
#define WARM_UP	  20000u
#define A_ROUND	  4096u

/* What weir-bench's frame gives its suites. */
void *bench_alloc(size_t bytes)
{
	void *p = calloc(1, bytes);

	if (p == NULL) {
		fputs("weir-count: no memory\n", stderr);
		exit(1);
	}
	return p;
}

void bench_rng_init(struct bench_rng *r, uint64_t seed)
{
	r->state = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

static int count_sched(const char *what, uint32_t n_vfs, uint32_t backlog, uint32_t rounds)
{
	bool is_full = strcmp(what, "full") == 0, binds = strcmp(what, "binds") == 0;
	struct sched_load load = {
		.n_vfs = n_vfs,
		.backlog = backlog,
		.pkt_len = 64,
		.overhead_bytes = SCHED_OVERHEAD_BYTES,
		.n_classes = is_full ? 2 : 1,
		.link_bps = LINK_BPS,
		.vf_bps = LINK_BPS / n_vfs * (binds ? 95 : 200) / 100,
		.sla = is_full ? sched_sla_full : sched_sla_limit,
	};
	struct sched_mbufs mbufs;
	struct sched_run run;

	if (!sched_mbufs_create(&mbufs, &load, 1) || !sched_run_start(&run, &sched_weir, &load, &mbufs, 0)) {
		fputs("weir-count: no memory\n", stderr);
		return 1;
	}
	sched_run_virtual(&run, WARM_UP);
	for (uint32_t i = 0; i < rounds; i++)
		sched_run_virtual(&run, A_ROUND);
	sched_run_stop(&run);
	sched_mbufs_destroy(&mbufs);
	printf("%" PRIu32 "\n", rounds * A_ROUND);
	return 0;
}

static int usage(void)
{
	fputs("usage: weir-count limit|binds|full VFS BACKLOG ROUNDS\n"
	      "       weir-count turn VFS ROUNDS\n"
	      "Does ROUNDS rounds of work, and prints of how many packets.  For scripts/costs.\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "turn") == 0)
		return count_turns((uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]));
	if (argc != 5 || (strcmp(argv[1], "limit") != 0 && strcmp(argv[1], "binds") != 0 && strcmp(argv[1], "full") != 0) ||
		atoi(argv[2]) < 1 || atoi(argv[3]) < 1)
		return usage();
	return count_sched(argv[1], (uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]));
}
