/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"
#include "writable.h"

static struct scenario *load(const struct sim_args *args)
{
	static struct why why;	/* big */
	struct scenario *s;

	why_init(&why);
	s = scenario_load(args->scenario, args->uplink_bps, &why);
	if (s != NULL && !trace_load_all(s, args->scenario, &why)) {
		scenario_destroy(s);
		s = NULL;
	}
	if (s == NULL)
		why_print(&why, stderr);
	else if (args->has_seed)
		s->seed = args->seed;
	return s;
}

/* A file for the picture's script, where the user wants none for himself.  false: said. */
static bool make_temporary(char *path, const char **arg, bool is_wanted)
{
	int fd;

	if (!is_wanted || *arg != NULL)
		return true;
	fd = mkstemp(path);
	if (fd < 0) {
		fprintf(stderr, "weir-sim: --plot: %s: %s\n", path, strerror(errno));
		return false;
	}
	close(fd);
	*arg = path;
	return true;
}

/* Before anything is played: a long run would be for nothing.  --csv is opened then anyhow. */
static bool is_ready_to_write(const char *option, const char *path)
{
	if (path == NULL || file_is_writable(path))
		return true;
	fprintf(stderr, "weir-sim: %s %s: %s\n", option, path, strerror(errno));
	return false;
}

static enum sim_exit write_all(const struct sim *sim)
{
	const struct sim_args *args = sim->args;

	if (!args->is_quiet)
		report_print(sim, stdout);
	if (args->json != NULL && !json_write(sim, args->json))
		return SIM_FAILED;
	if (args->plot != NULL && !plot_draw(args->csv, args->json, args->plot))
		return SIM_FAILED;
	return args->is_strict && !verdict_all_kept(sim) ? SIM_BROKEN : SIM_OK;
}

static enum sim_exit run(const struct sim_args *args, const struct scenario *s)
{
	static struct why why;
	struct sim sim = {.args = args, .s = s};
	enum sim_exit rc = SIM_FAILED;

	why_init(&why);
	sim.w = world_create(s, &why);
	if (sim.w != NULL && run_all(&sim, &why))
		rc = write_all(&sim);
	why_print(&why, stderr);
	world_destroy(sim.w);
	return rc;
}

int main(int argc, char **argv)
{
	char csv[] = "/tmp/weir-sim-XXXXXX", json[] = "/tmp/weir-sim-XXXXXX";
	struct sim_args args;
	struct scenario *s;
	enum sim_exit rc;

	if (!args_parse(&args, argc, argv))
		return SIM_USAGE;
	if (args.help || args.version) {
		if (args.help)
			args_help(stdout);
		else
			printf("weir-sim %s\n", WEIR_VERSION);
		return SIM_OK;
	}
	s = load(&args);
	if (s == NULL)
		return SIM_USAGE;
	if (!is_ready_to_write("--json", args.json) || !is_ready_to_write("--plot", args.plot) || (args.plot != NULL && !plot_is_possible()))
		rc = SIM_FAILED;
	else if (!make_temporary(csv, &args.csv, args.plot != NULL) || !make_temporary(json, &args.json, args.plot != NULL))
		rc = SIM_FAILED;
	else
		rc = run(&args, s);
	if (args.csv == csv)
		unlink(csv);
	if (args.json == json)
		unlink(json);
	scenario_destroy(s);
	return rc;
}
