/* SPDX-License-Identifier: BSD-3-Clause */
/* --plot: scripts/bench-plot draws what --json holds. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_impl.h"
#include "writable.h"

#define ARGS_A_SUITE 3

/* -> the script's exit code, or -1; it says itself what is wrong. */
static int run_script(const char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execv(BENCH_PLOT_SCRIPT, (char *const *)(uintptr_t)argv);	/* which changes nothing */
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

bool plot_is_possible(const char *picture)
{
	if (!file_is_writable(picture)) {
		fprintf(stderr, "weir-bench: --plot %s: %s\n", picture, strerror(errno));
		return false;
	}
	if (access(BENCH_PLOT_SCRIPT, X_OK) != 0) {
		fprintf(stderr, "weir-bench: --plot needs %s, the script of the sources: %s\n", BENCH_PLOT_SCRIPT,
			strerror(errno));
		return false;
	}
	return run_script((const char *const[]){BENCH_PLOT_SCRIPT, "--check", NULL}) == 0;
}

/* With a word on what each suite measures. */
static bool draw(const struct bench *b, const char *json_path)
{
	unsigned int n = b->args->n_suites, at = 0;
	const char **argv = calloc(4 + ARGS_A_SUITE * (size_t)n, sizeof(*argv));
	bool is_done;

	if (argv == NULL)
		return false;
	argv[at++] = BENCH_PLOT_SCRIPT;
	for (unsigned int i = 0; i < n; i++) {
		argv[at++] = "--title";
		argv[at++] = b->args->suites[i]->name;
		argv[at++] = b->args->suites[i]->about;
	}
	argv[at++] = json_path;
	argv[at++] = b->args->plot_path;
	is_done = run_script(argv) == 0;
	free(argv);
	return is_done;
}

bool plot_draw(const struct bench *b)
{
	char path[] = "/tmp/weir-bench-XXXXXX";
	const char *json_path = b->args->json_path;
	int fd = -1;

	if (json_path == NULL) {
		fd = mkstemp(path);
		if (fd < 0) {
			fprintf(stderr, "weir-bench: --plot: %s: %s\n", path, strerror(errno));
			return false;
		}
		close(fd);
		json_path = path;
	}
	bool is_done = rows_write_json(b, json_path) == 0 && draw(b, json_path);
	if (fd >= 0)
		unlink(path);
	if (is_done)
		printf("\nplot: %s\n", b->args->plot_path);
	else
		fprintf(stderr, "weir-bench: %s is not drawn\n", b->args->plot_path);
	return is_done;
}
