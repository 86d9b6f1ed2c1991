/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-bench: weir's parts and what could be linked in their place, side by side in one process and one run. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>

#include "bench_impl.h"

/* All peers' memory is of one class: malloc asks for huge pages too (transparent ones), which glibc decides before
 * main().  So the program starts itself again, once. */
static void ask_for_huge_malloc(char **argv)
{
	if (getenv("GLIBC_TUNABLES") != NULL)
		return;
	if (setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 1) == 0)
		execv("/proc/self/exe", argv);
	/* where that fails we go on with small pages for all */
}

static void list_suites(void)
{
	for (unsigned int i = 0; bench_suites[i] != NULL; i++)
		printf("%-16s %s\n", bench_suites[i]->name, bench_suites[i]->about);
}

/* Says what is wrong with the file; true when it is written (or not asked for). */
static bool write_file(const struct bench *b, const char *path, int (*write)(const struct bench *, const char *))
{
	if (path == NULL)
		return true;
	int rc = write(b, path);
	if (rc != 0)
		fprintf(stderr, "weir-bench: %s: %s\n", path, strerror(-rc));
	return rc == 0;
}

/* After every suite, so that an interrupted run keeps what it has. */
static bool write_files(const struct bench *b)
{
	return write_file(b, b->args->json_path, rows_write_json) &&
		write_file(b, b->args->csv_path, rows_write_csv);
}

static int run_suites(struct bench *b)
{
	if (!write_files(b) || (b->args->plot_path != NULL && !plot_is_possible(b->args->plot_path)))	/* before time is spent */
		return 1;
	machine_print(b, stdout);
	for (unsigned int i = 0; i < b->args->n_suites; i++) {
		suite_begin(b, b->args->suites[i]);
		b->suite->run(b);
		suite_end(b);
		if (!write_files(b))
			return 1;
	}
	return b->args->plot_path == NULL || plot_draw(b) ? 0 : 1;
}

static void forget(struct bench *b, struct bench_args *args)
{
	for (size_t i = 0; i < b->n_rows; i++) {
		free(b->rows[i].case_name);
		free(b->rows[i].contender);
		free(b->rows[i].metric);
		free(b->rows[i].unit);
	}
	free(b->rows);
	free(b->bars);
	free(b->notes);
	free(args->suites);
}

int main(int argc, char **argv)
{
	struct bench_args args;
	struct bench b = {.args = &args, .argv0 = argv[0]};
	int rc = args_parse(&args, argc, argv);

	if (rc != 0)
		return rc;
	if (args.is_help || args.is_list) {
		args.is_help ? args_help(stdout) : list_suites();
		free(args.suites);
		return 0;
	}
	ask_for_huge_malloc(argv);
	if (eal_start(&b) != 0)
		return 1;
	rc = run_suites(&b);
	rte_eal_cleanup();
	forget(&b, &args);
	return rc;
}
