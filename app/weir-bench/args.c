/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "bench_impl.h"

#define EXIT_USAGE 2

static const char help[] =
	"usage: weir-bench [--suite NAME]... [--list] [--quick] [--json FILE] [--csv FILE] [--plot FILE]\n"
	"                  [--cpu N] [--seed N] [--help]\n"
	"\n"
	"Measures weir's parts and their peers in interleaved trials, on one CPU.  Needs no huge pages, no port, no root.\n"
	"\n"
	"  --suite NAME  run this suite only (may be repeated); without it, all of them, one after the other\n"
	"  --list        print the names of the suites and what they measure\n"
	"  --quick       fewer cases and trials: each suite under 20 s\n"
	"  --json FILE   write the results as a list of rows: suite, case, contender, metric, value, unit\n"
	"  --csv FILE    the same rows as CSV\n"
	"  --plot FILE   draw them (.svg or .png; needs python3-matplotlib)\n"
	"  --cpu N       measure on this CPU (default: the last one this process may use)\n"
	"  --seed N      seed of all that is random (default: 1)\n"
	"\n"
	"\"cycles\" are TSC cycles at 2.0 GHz: ns * 2.  A bar that is missed is said, and is no error: exit code 0.\n";

enum { OPT_SUITE = 1, OPT_LIST, OPT_QUICK, OPT_JSON, OPT_CSV, OPT_PLOT, OPT_CPU, OPT_SEED, OPT_HELP };

static const struct option options[] = {
	{"suite", required_argument, NULL, OPT_SUITE},
	{"list", no_argument, NULL, OPT_LIST},
	{"quick", no_argument, NULL, OPT_QUICK},
	{"json", required_argument, NULL, OPT_JSON},
	{"csv", required_argument, NULL, OPT_CSV},
	{"plot", required_argument, NULL, OPT_PLOT},
	{"cpu", required_argument, NULL, OPT_CPU},
	{"seed", required_argument, NULL, OPT_SEED},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

void args_help(FILE *out)
{
	fputs(help, out);
}

static bool read_u64(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0';
}

static bool wrong(const char *what, const char *text, const char *wanted)
{
	fprintf(stderr, "weir-bench: %s '%s': want %s\n", what, text, wanted);
	return false;
}

/* Marks the suite of this name as chosen. */
static bool choose_suite(bool *is_chosen, const char *name)
{
	for (unsigned int i = 0; bench_suites[i] != NULL; i++)
		if (strcmp(bench_suites[i]->name, name) == 0)
			return is_chosen[i] = true;
	fprintf(stderr, "weir-bench: --suite '%s': want one of:", name);
	for (unsigned int i = 0; bench_suites[i] != NULL; i++)
		fprintf(stderr, " %s", bench_suites[i]->name);
	fputc('\n', stderr);
	return false;
}

static bool read_cpu(struct bench_args *args, const char *text)
{
	uint64_t cpu;

	if (!read_u64(text, &cpu) || cpu > UINT32_MAX || !cpu_is_usable((unsigned int)cpu))
		return wrong("--cpu", text, "the number of a CPU that this process may use");
	args->cpu = (unsigned int)cpu;
	return true;
}

static bool read_plot(struct bench_args *args, const char *path)
{
	const char *dot = strrchr(path, '.');

	if (dot == NULL || (strcmp(dot, ".svg") != 0 && strcmp(dot, ".png") != 0))
		return wrong("--plot", path, "a file name that ends in .svg or .png");
	args->plot_path = path;
	return true;
}

static bool read_option(struct bench_args *args, bool *is_chosen, int opt)
{
	switch (opt) {
	case OPT_SUITE:
		return choose_suite(is_chosen, optarg);
	case OPT_LIST:
		return args->is_list = true;
	case OPT_QUICK:
		return args->is_quick = true;
	case OPT_HELP:
		return args->is_help = true;
	case OPT_JSON:
		args->json_path = optarg;
		return true;
	case OPT_CSV:
		args->csv_path = optarg;
		return true;
	case OPT_PLOT:
		return read_plot(args, optarg);
	case OPT_CPU:
		return read_cpu(args, optarg);
	case OPT_SEED:
		return read_u64(optarg, &args->seed) || wrong("--seed", optarg, "a number of 0 or more");
	default:	/* getopt has said what is wrong */
		fputs("weir-bench --help lists the options\n", stderr);
		return false;
	}
}

int args_parse(struct bench_args *args, int argc, char **argv)
{
	unsigned int n = 0;

	*args = (struct bench_args){.cpu = (unsigned int)cpu_last(), .seed = 1};
	while (bench_suites[n] != NULL)
		n++;

	bool *is_chosen = grow(NULL, n + 1, sizeof(*is_chosen));
	bool is_any = false;
	int opt;
	memset(is_chosen, 0, n * sizeof(*is_chosen));
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (!read_option(args, is_chosen, opt)) {
			free(is_chosen);
			return EXIT_USAGE;
		}
		is_any |= opt == OPT_SUITE;
	}
	if (optind < argc) {
		wrong("argument", argv[optind], "options only (--help lists them)");
		free(is_chosen);
		return EXIT_USAGE;
	}
	args->suites = grow(NULL, n + 1, sizeof(struct bench_suite *));
	for (unsigned int i = 0; i < n; i++)
		if (is_chosen[i] || !is_any)
			args->suites[args->n_suites++] = bench_suites[i];
	free(is_chosen);
	return 0;
}
