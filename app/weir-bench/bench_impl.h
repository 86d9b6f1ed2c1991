/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of weir-bench's frame share and suites do not see. */
#ifndef WEIR_BENCH_IMPL_H
#define WEIR_BENCH_IMPL_H

#include <stdio.h>

#include "bench.h"

struct bench_row_rec {
	const struct bench_suite *suite;
	char *case_name, *contender, *metric, *unit;
	double value;
};

struct bench_bar_rec {
	char *what, *unit;
	double value, bar;
	enum bench_bound bound;
};

struct bench_args {
	const struct bench_suite **suites;	/* those asked for, in the order of the table */
	unsigned int n_suites;
	const char *json_path, *csv_path, *plot_path;
	unsigned int cpu;
	uint64_t seed;
	bool is_quick, is_list, is_help;
};

struct bench {
	const struct bench_args *args;
	const char *argv0;
	int other_cpu;
	bool has_huge_pages;
	uint64_t tsc_hz;

	const struct bench_suite *suite;	/* running now */
	uint64_t began_ticks;
	unsigned int n_planned;
	uint32_t n_trials, n_discarded;
	uint64_t said_ticks;			/* the last line of progress */
	bool is_tty, is_line_open;

	struct bench_row_rec *rows;		/* of all suites */
	size_t n_rows, cap_rows;
	struct bench_bar_rec *bars;		/* of this suite */
	size_t n_bars;
	char **notes;
	size_t n_notes;
};

extern const struct bench_suite *const bench_suites[];	/* ends with NULL */

/* 0, or the exit code after having said what was wanted. */
int args_parse(struct bench_args *args, int argc, char **argv);
void args_help(FILE *out);

/* The CPUs this process may use: the last, the n-th after it ... */
int cpu_last(void);
int cpu_other_than(unsigned int cpu);
bool cpu_is_usable(unsigned int cpu);

/* Starts EAL on the measuring CPU.  0 or an error that has been said. */
int eal_start(struct bench *b);
void machine_print(const struct bench *b, FILE *out);

void suite_begin(struct bench *b, const struct bench_suite *suite);
void suite_end(struct bench *b);
void progress_close(struct bench *b);

char *copy_string(const char *s);
void *grow(void *array, size_t n, size_t size);

/* 0 or -errno. */
int rows_write_json(const struct bench *b, const char *path);
int rows_write_csv(const struct bench *b, const char *path);
/* Both say what is missing. */
bool plot_is_possible(const char *picture);
bool plot_draw(const struct bench *b);

void table_print(const struct bench *b, FILE *out);

#endif
