/* SPDX-License-Identifier: BSD-3-Clause */
/* What a suite of weir-bench sees: trials in turns, rows of results, bars, a seeded PRNG, progress.
 * A suite is one 'const struct bench_suite' and one line in suites.c.  It makes its own contenders, lets them run in
 * interleaved trials, records rows and bars, and frees what it made; main prints the tables, and writes the files.
 * "cycles" are ns * 2 everywhere: TSC cycles at 2.0 GHz, the unit of the bars, whatever this machine's TSC counts.
 * Used by: every suite.  Uses: DPDK (EAL runs already, its one lcore pinned to the measuring CPU). */
#ifndef WEIR_BENCH_H
#define WEIR_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_OURS	   "weir"	/* the contender that is ours, in every row */
#define BENCH_CYCLES_PER_NS 2.0

struct bench;

struct bench_suite {
	const char *name;
	const char *about;	/* one line: what is measured, what a unit is */
	void (*run)(struct bench *b);
	double full_s;		/* most time without --quick; 0: a minute and a half */
};

/* --- how long ------------------------------------------------------------------------------------------------- */

/* --quick: fewer cases, and a suite under 20 s by the clock, setting up included. */
bool bench_is_quick(const struct bench *b);

/* What is left of the suite's time (12 s of measuring with --quick, else 90 s), never negative. */
double bench_seconds_left(const struct bench *b);

/* Tells how many calls of bench_interleave() will come: each gets its share of what is left.  Without it, 1 s. */
void bench_plan(struct bench *b, unsigned int n_cases);

/* A line on stderr: over the last one on a terminal, else one every 5 s.  Call it in long set-ups and loops. */
void bench_progress(struct bench *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- trials --------------------------------------------------------------------------------------------------- */

struct bench_contender {
	const char *name;			/* BENCH_OURS is ours; NULL: leave this one out */
	void *ctx;
	uint64_t (*trial)(void *ctx);		/* timed as a whole; returns units done (pairs, packets), not 0 */
	void (*before)(void *ctx);		/* untimed, before every trial, or NULL */
	uint64_t (*own_ticks)(void *ctx);	/* NULL, or: TSC ticks of the last trial by its own clock reads */
};

/* In cycles (see above) a unit. */
struct bench_spread {
	double p15, p50, p95;
	uint32_t n_trials, n_discarded;		/* kept; thrown away for involuntary context switches */
};

/* Lets the contenders take turns (A B C A B C ...), a turn being one trial to warm up and a few timed ones, until all
 * have 200 (--quick: 40) good trials, or three times as many in all, or the time is up.  Trials in which the kernel took
 * the CPU away are discarded and counted.  A trial of 50 us to 2 ms is right.
 * Records for each: cycles (the median), cycles_p15, cycles_p95, ns.  'out' may be NULL, else one for each. */
void bench_interleave(struct bench *b, const char *case_name, const struct bench_contender *contenders, unsigned int n,
	struct bench_spread *out);

/* --- results -------------------------------------------------------------------------------------------------- */

/* Records one value.  The strings are copied.  Rows of one metric become one table: cases x contenders.  In a table of
 * "cycles", x_p15 and x_p95 stand beside x, and so does the ratio to ours. */
void bench_row(struct bench *b, const char *case_name, const char *contender, const char *metric, double value,
	const char *unit);

/* What was recorded in this suite, or NaN. */
double bench_value(const struct bench *b, const char *case_name, const char *contender, const char *metric);

enum bench_bound { BENCH_AT_MOST, BENCH_AT_LEAST };

/* A bar of the issue: printed below the tables as "bar: what: <= 55 cycles: 41 met" or "... missed".  NaN: not
 * measured. */
void bench_bar(struct bench *b, const char *what, double value, enum bench_bound bound, double bar, const char *unit);

/* A line for people below the tables: a limit of the comparison, a choice made, what had to be left out. */
void bench_note(struct bench *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- tools ---------------------------------------------------------------------------------------------------- */

/* The CPU that measures (ours now), and another one for what must not disturb it, or -1 where there is none. */
unsigned int bench_cpu(const struct bench *b);
int bench_other_cpu(const struct bench *b);
const char *bench_argv0(const struct bench *b);
bool bench_has_huge_pages(const struct bench *b);

uint64_t bench_tsc_hz(const struct bench *b);
double bench_ns_of_ticks(const struct bench *b, double ticks);
double bench_cycles_of_ticks(const struct bench *b, double ticks);

uint64_t bench_seed(const struct bench *b);

/* xorshift64*.  The same seed and suite give the same run. */
struct bench_rng {
	uint64_t state;
};

void bench_rng_init(struct bench_rng *r, uint64_t seed);

static inline uint64_t bench_rng_u64(struct bench_rng *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * UINT64_C(0x2545F4914F6CDD1D);
}

/* 0 .. n - 1; n < 2^32 */
static inline uint32_t bench_rng_below(struct bench_rng *r, uint32_t n)
{
	return (uint32_t)(((bench_rng_u64(r) >> 32) * n) >> 32);
}

/* Sorts 'values' and gives its p-th part (0 .. 1); NaN for none. */
double bench_percentile(double *values, size_t n, double p);
double bench_geomean(const double *values, size_t n);

/* 64-byte aligned, zeroed; says so and ends the program where memory is out.  Free with free(). */
void *bench_alloc(size_t bytes);

/* 'p', or says that memory is out and ends the program: for what libraries create. */
void *bench_not_null(void *p);

#endif
