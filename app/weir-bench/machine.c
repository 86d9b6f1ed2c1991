/* SPDX-License-Identifier: BSD-3-Clause */
/* The CPU, EAL, and what the reader must know of the machine. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_version.h>

#include "bench_impl.h"

#define EAL_MIB	      "2048"
#define HUGE_NEED_MIB 1024	/* free in huge pages, or EAL goes without */
#define CHAIN_STEPS   200000u	/* 0.2 ms or so: one of the rounds is not disturbed */
#define CHAIN_ROUNDS  50u
#define IMUL_CYCLES   3		/* latency of a 64-bit multiplication on every x86 core of the last ten years */

/* --- CPUs ------------------------------------------------------------------------------------------------------ */

bool cpu_is_usable(unsigned int cpu)
{
	cpu_set_t set;

	return cpu < CPU_SETSIZE && sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_ISSET(cpu, &set);
}

int cpu_last(void)
{
	return cpu_other_than(CPU_SETSIZE);
}

/* The last CPU we may use that is not 'cpu', or -1. */
int cpu_other_than(unsigned int cpu)
{
	for (int i = CPU_SETSIZE - 1; i >= 0; i--)
		if ((unsigned int)i != cpu && cpu_is_usable((unsigned int)i))
			return i;
	return -1;
}

unsigned int bench_cpu(const struct bench *b)
{
	return b->args->cpu;
}

int bench_other_cpu(const struct bench *b)
{
	return b->other_cpu;
}

const char *bench_argv0(const struct bench *b)
{
	return b->argv0;
}

bool bench_has_huge_pages(const struct bench *b)
{
	return b->has_huge_pages;
}

uint64_t bench_seed(const struct bench *b)
{
	return b->args->seed;
}

/* --- EAL ------------------------------------------------------------------------------------------------------- */

/* A number in a file of /sys, or 0. */
static long read_number(const char *path)
{
	FILE *in = fopen(path, "r");
	long value = 0;

	if (in == NULL)
		return 0;
	if (fscanf(in, "%ld", &value) != 1)
		value = 0;
	fclose(in);
	return value;
}

static long free_huge_mib(void)
{
	return read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages") * 2 +
		read_number("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages") * 1024;
}

/* TSC and clock at one moment: the pair of the shortest gap out of some. */
static void read_both(uint64_t *ticks, uint64_t *ns)
{
	uint64_t shortest = UINT64_MAX;
	struct timespec now;

	for (unsigned int i = 0; i < 50; i++) {
		uint64_t before = rte_rdtsc_precise();
		clock_gettime(CLOCK_MONOTONIC_RAW, &now);
		uint64_t gap = rte_rdtsc_precise() - before;
		if (gap >= shortest)
			continue;
		shortest = gap;
		*ticks = before + gap / 2;
		*ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	}
}

/* EAL's own figure is rounded to 10 MHz, and jumps by as much on a busy machine. */
static uint64_t measure_tsc_hz(void)
{
	uint64_t ticks[2] = {0}, ns[2] = {0};

	read_both(&ticks[0], &ns[0]);
	usleep(100000);
	read_both(&ticks[1], &ns[1]);
	return (uint64_t)((double)(ticks[1] - ticks[0]) * 1e9 / (double)(ns[1] - ns[0]) + 0.5);
}

int eal_start(struct bench *b)
{
	char line[160];
	char *argv[16];
	int argc = 0;

	b->other_cpu = cpu_other_than(b->args->cpu);
	b->has_huge_pages = geteuid() == 0 && free_huge_mib() >= HUGE_NEED_MIB;
	snprintf(line, sizeof(line), "weir-bench --no-pci --no-telemetry --log-level=*:error -l %u %s", b->args->cpu,
		b->has_huge_pages ? "--in-memory" : "--no-huge --no-shconf -m " EAL_MIB);
	for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	if (rte_eal_init(argc, argv) < 0) {
		fprintf(stderr, "weir-bench: EAL does not start: %s\n", rte_strerror(rte_errno));
		return -1;
	}
	b->tsc_hz = measure_tsc_hz();
	return 0;
}

/* --- facts ----------------------------------------------------------------------------------------------------- */

/* How many core cycles pass in a TSC tick, by a chain of multiplications that cannot overlap. */
static double core_clock_ratio(void)
{
	uint64_t x = 3;
	double best = 0;

	for (unsigned int round = 0; round < CHAIN_ROUNDS; round++) {
		uint64_t began = rte_rdtsc_precise();
		for (uint32_t i = 0; i < CHAIN_STEPS; i++)
			__asm__ volatile("imulq %0, %0" : "+r"(x));
		double ratio = (double)CHAIN_STEPS * IMUL_CYCLES / (double)(rte_rdtsc_precise() - began);
		best = ratio > best ? ratio : best;
	}
	return best;
}

static void print_cpu_model(FILE *out)
{
	FILE *in = fopen("/proc/cpuinfo", "r");
	char line[256];

	fputs("cpu:      ", out);
	while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
		if (strncmp(line, "model name", 10) != 0 || strchr(line, ':') == NULL)
			continue;
		fputs(strchr(line, ':') + 2, out);	/* with its newline */
		fclose(in);
		return;
	}
	if (in != NULL)
		fclose(in);
	fputs("unknown\n", out);
}

static long cache_kib(unsigned int cpu, unsigned int index)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/cache/index%u/size", cpu, index);
	return read_number(path);
}

static void print_thp(FILE *out)
{
	FILE *in = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
	char line[64] = "";

	if (in != NULL) {
		if (fgets(line, sizeof(line), in) == NULL)
			line[0] = '\0';
		fclose(in);
	}
	bool is_never = line[0] == '\0' || strstr(line, "[never]") != NULL;
	fprintf(out, "; malloc: %s\n", is_never ? "4 KB pages" : "transparent huge pages");
}

void machine_print(const struct bench *b, FILE *out)
{
	print_cpu_model(out);
	double ratio = core_clock_ratio();
	fprintf(out, "clock:    TSC %.3f MHz; the core ran at %.2f times that: %.2f core cycles in a \"cycle\" (0.5 ns);"
		" CPU %u of %ld\n", (double)b->tsc_hz / 1e6, ratio, ratio * (double)b->tsc_hz / 2e9, b->args->cpu,
		sysconf(_SC_NPROCESSORS_ONLN));
	fprintf(out, "caches:   L1d %ld KB, L2 %ld KB, L3 %ld KB\n", cache_kib(b->args->cpu, 0),
		cache_kib(b->args->cpu, 2), cache_kib(b->args->cpu, 3));
	fprintf(out, "memory:   EAL: %s", b->has_huge_pages ? "huge pages" : "4 KB pages (no huge pages reserved)");
	print_thp(out);
	fprintf(out, "software: weir %s, %s, gcc %s%s; seed %lu%s\n", WEIR_VERSION, rte_version(), __VERSION__,
#ifdef __OPTIMIZE__
		"",
#else
		", NOT OPTIMISED",
#endif
		(unsigned long)b->args->seed, b->args->is_quick ? ", --quick" : "");
	fflush(out);
}
