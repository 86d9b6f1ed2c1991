/* SPDX-License-Identifier: BSD-3-Clause */
/* Interleaved trials, their time, and what is said while they run. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "bench_impl.h"

#define QUICK_S		 12.0
#define FULL_S		 90.0
#define QUICK_TRIALS	 40u
#define FULL_TRIALS	 200u
#define TRIALS_PER_TURN	 4u	/* after one to warm up: the others have just had the caches */
#define MIN_TURNS	 5u
#define MAX_SAMPLES	 1024u
#define PROGRESS_EVERY_S 5.0
#define DEFAULT_SHARE_S	 1.0

struct samples {
	double *kept, *disturbed;	/* cycles a unit */
	uint32_t n_kept, n_disturbed;
};

/* --- time ------------------------------------------------------------------------------------------------------ */

static double seconds_since(const struct bench *b, uint64_t ticks)
{
	return (double)(rte_rdtsc() - ticks) / (double)b->tsc_hz;
}

bool bench_is_quick(const struct bench *b)
{
	return b->args->is_quick;
}

double bench_seconds_left(const struct bench *b)
{
	double full_s = b->suite->full_s > 0 ? b->suite->full_s : FULL_S;

	return fmax(0, (bench_is_quick(b) ? QUICK_S : full_s) - seconds_since(b, b->began_ticks));
}

void bench_plan(struct bench *b, unsigned int n_cases)
{
	b->n_planned = n_cases;
}

uint64_t bench_tsc_hz(const struct bench *b)
{
	return b->tsc_hz;
}

double bench_ns_of_ticks(const struct bench *b, double ticks)
{
	return ticks * 1e9 / (double)b->tsc_hz;
}

double bench_cycles_of_ticks(const struct bench *b, double ticks)
{
	return bench_ns_of_ticks(b, ticks) * BENCH_CYCLES_PER_NS;
}

/* --- progress -------------------------------------------------------------------------------------------------- */

void bench_progress(struct bench *b, const char *format, ...)
{
	if (seconds_since(b, b->said_ticks) < (b->is_tty ? 0.1 : PROGRESS_EVERY_S))
		return;
	b->said_ticks = rte_rdtsc();

	char text[160];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (b->is_tty)
		fprintf(stderr, "\r\033[K%s: %s", b->suite->name, text);
	else
		fprintf(stderr, "%s: %s\n", b->suite->name, text);
	b->is_line_open = b->is_tty;
}

void progress_close(struct bench *b)
{
	if (b->is_line_open)
		fputs("\r\033[K", stderr);
	b->is_line_open = false;
}

/* --- trials ---------------------------------------------------------------------------------------------------- */

static long involuntary_switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw;
}

/* One trial. -> cycles a unit. */
static double run_once(const struct bench *b, const struct bench_contender *c)
{
	if (c->before != NULL)
		c->before(c->ctx);

	uint64_t began = rte_rdtsc_precise();
	uint64_t units = c->trial(c->ctx);
	uint64_t ticks = rte_rdtsc_precise() - began;

	if (c->own_ticks != NULL)
		ticks = c->own_ticks(c->ctx);
	return bench_cycles_of_ticks(b, (double)ticks) / (double)(units != 0 ? units : 1);
}

static void run_turn(const struct bench *b, const struct bench_contender *c, struct samples *s)
{
	run_once(b, c);
	for (unsigned int i = 0; i < TRIALS_PER_TURN; i++) {
		long before = involuntary_switches();
		double cycles = run_once(b, c);
		if (involuntary_switches() != before) {
			if (s->n_disturbed < MAX_SAMPLES)
				s->disturbed[s->n_disturbed++] = cycles;
		} else if (s->n_kept < MAX_SAMPLES) {
			s->kept[s->n_kept++] = cycles;
		}
	}
}

static void record(struct bench *b, const char *case_name, const char *contender, const struct bench_spread *spread)
{
	bench_row(b, case_name, contender, "cycles", spread->p50, "cycles");
	bench_row(b, case_name, contender, "cycles_p15", spread->p15, "cycles");
	bench_row(b, case_name, contender, "cycles_p95", spread->p95, "cycles");
	bench_row(b, case_name, contender, "ns", spread->p50 / BENCH_CYCLES_PER_NS, "ns");
}

/* Where nearly all was disturbed, a disturbed median is better than none, and is said to be one. */
static struct bench_spread summarise(struct bench *b, const char *case_name, const char *contender, struct samples *s)
{
	bool is_disturbed = s->n_kept < MIN_TURNS;
	double *values = is_disturbed ? s->disturbed : s->kept;
	uint32_t n = is_disturbed ? s->n_disturbed : s->n_kept;

	if (is_disturbed)
		bench_note(b, "%s, %s: the CPU was taken away in nearly every trial; those are shown", case_name,
			contender);
	b->n_trials += s->n_kept;
	b->n_discarded += s->n_disturbed;
	return (struct bench_spread){
		.p15 = bench_percentile(values, n, 0.15),
		.p50 = bench_percentile(values, n, 0.50),
		.p95 = bench_percentile(values, n, 0.95),
		.n_trials = s->n_kept,
		.n_discarded = s->n_disturbed,
	};
}

/* On a busy machine three times as many trials must do, good or not. */
static uint32_t count_for(const struct samples *s)
{
	uint32_t in_all = (s->n_kept + s->n_disturbed) / 3;

	return s->n_kept > in_all ? s->n_kept : in_all;
}

static uint32_t fewest_trials(const struct bench_contender *contenders, const struct samples *s, unsigned int n)
{
	uint32_t fewest = UINT32_MAX;

	for (unsigned int i = 0; i < n; i++)
		if (contenders[i].name != NULL && count_for(&s[i]) < fewest)
			fewest = count_for(&s[i]);
	return fewest;
}

static double share_s(struct bench *b)
{
	if (b->n_planned == 0)
		return DEFAULT_SHARE_S;
	return bench_seconds_left(b) / b->n_planned--;
}

void bench_interleave(struct bench *b, const char *case_name, const struct bench_contender *contenders, unsigned int n,
	struct bench_spread *out)
{
	uint32_t wanted = bench_is_quick(b) ? QUICK_TRIALS : FULL_TRIALS;
	struct samples *s = grow(NULL, n, sizeof(*s));
	double budget_s = share_s(b);
	uint64_t began = rte_rdtsc();

	for (unsigned int i = 0; i < n; i++)
		s[i] = (struct samples){
			.kept = bench_alloc(MAX_SAMPLES * sizeof(double)),
			.disturbed = bench_alloc(MAX_SAMPLES * sizeof(double)),
		};
	for (unsigned int turn = 0;; turn++) {
		uint32_t fewest = fewest_trials(contenders, s, n);
		double spent_s = seconds_since(b, began);
		if (fewest >= wanted || (turn >= MIN_TURNS && spent_s > budget_s) || (turn > 0 && spent_s > 1.5 * budget_s + 0.3))
			break;
		bench_progress(b, "%s: %u of %u trials", case_name, fewest, wanted);
		for (unsigned int i = 0; i < n; i++)
			if (contenders[i].name != NULL)
				run_turn(b, &contenders[i], &s[i]);
	}
	for (unsigned int i = 0; i < n; i++) {
		if (contenders[i].name != NULL) {
			struct bench_spread spread = summarise(b, case_name, contenders[i].name, &s[i]);
			record(b, case_name, contenders[i].name, &spread);
			if (out != NULL)
				out[i] = spread;
		}
		free(s[i].kept);
		free(s[i].disturbed);
	}
	free(s);
}

/* --- suites ---------------------------------------------------------------------------------------------------- */

void suite_begin(struct bench *b, const struct bench_suite *suite)
{
	b->suite = suite;
	b->n_planned = 0;
	b->n_trials = b->n_discarded = 0;
	b->began_ticks = b->said_ticks = rte_rdtsc();
	b->is_tty = isatty(STDERR_FILENO) == 1;
	printf("\n%s: %s\n", suite->name, suite->about);
	fflush(stdout);
}

void suite_end(struct bench *b)
{
	progress_close(b);
	table_print(b, stdout);
	printf("%.1f s", seconds_since(b, b->began_ticks));
	if (b->n_trials != 0)
		printf(", %u trials kept, %u discarded (the CPU was taken away in them)", b->n_trials, b->n_discarded);
	putchar('\n');
	fflush(stdout);
	for (size_t i = 0; i < b->n_notes; i++)
		free(b->notes[i]);
	for (size_t i = 0; i < b->n_bars; i++) {
		free(b->bars[i].what);
		free(b->bars[i].unit);
	}
	b->n_notes = b->n_bars = 0;
}

/* --- tools ----------------------------------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_percentile(double *values, size_t n, double p)
{
	if (n == 0)
		return NAN;
	qsort(values, n, sizeof(*values), compare_doubles);
	return values[(size_t)(p * (double)(n - 1) + 0.5)];
}

double bench_geomean(const double *values, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += log(values[i]);
	return n != 0 ? exp(sum / (double)n) : NAN;
}

void bench_rng_init(struct bench_rng *r, uint64_t seed)
{
	r->state = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);	/* never 0 but for 2^64 - 1 */
	if (r->state == 0)
		r->state = 1;
}

void *bench_alloc(size_t bytes)
{
	size_t padded = (bytes + 63) & ~(size_t)63;
	void *p = aligned_alloc(64, padded);

	return memset(bench_not_null(p), 0, padded);
}

void *bench_not_null(void *p)
{
	if (p == NULL) {
		fputs("weir-bench: out of memory\n", stderr);
		exit(1);
	}
	return p;
}
