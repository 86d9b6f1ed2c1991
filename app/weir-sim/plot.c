/* SPDX-License-Identifier: BSD-3-Clause */
/* --plot: scripts/sim-plot draws what --csv and --json hold. */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim.h"

/* -> the script's exit code, or -1; it says itself what is wrong. */
static int run_script(const char *first, const char *second, const char *third)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl(SIM_PLOT_SCRIPT, SIM_PLOT_SCRIPT, first, second, third, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

bool plot_is_possible(void)
{
	if (access(SIM_PLOT_SCRIPT, X_OK) != 0) {
		fprintf(stderr, "weir-sim: --plot needs %s, the script of the sources: %s\n", SIM_PLOT_SCRIPT, strerror(errno));
		return false;
	}
	return run_script("--check", NULL, NULL) == 0;
}

bool plot_draw(const char *csv, const char *json, const char *svg)
{
	bool is_done = run_script(csv, json, svg) == 0;

	if (!is_done)
		fprintf(stderr, "weir-sim: %s is not drawn\n", svg);
	return is_done;
}
