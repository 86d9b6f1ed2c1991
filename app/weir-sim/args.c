/* SPDX-License-Identifier: BSD-3-Clause */
#include <getopt.h>
#include <string.h>

#include "sim.h"
#include "units.h"

#define MOST_BPS UINT64_C(10000000000000)	/* as in the configuration */

static const struct option options[] = {
	{"json", required_argument, NULL, 'j'},
	{"csv", required_argument, NULL, 'c'},
	{"plot", required_argument, NULL, 'p'},
	{"seed", required_argument, NULL, 's'},
	{"uplink-rate", required_argument, NULL, 'u'},
	{"strict", no_argument, NULL, 'S'},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

static const char help[] =
	"weir-sim plays a scenario against weir's own scheduler on virtual time: no NIC, no DPDK, no rights.\n"
	"\n"
	"  weir-sim SCENARIO [options]\n"
	"\n"
	"SCENARIO is a configuration of weir's; [sim], [traffic NAME] and [bottleneck] say what happens to it\n"
	"(examples: config/sim/ in the source; every key: man weir-sim).  Without [traffic] every VF sends all it can.\n"
	"\n"
	"  --json FILE   the figures, for programs\n"
	"  --csv FILE    rates over time, a line a VF, direction and sample\n"
	"  --plot FILE   the same as a picture (.svg, .png or .pdf; needs python3-matplotlib)\n"
	"  --seed N      other random numbers than the scenario's\n"
	"  --uplink-rate RATE, such as 25G: what the uplink's device would tell, where SCENARIO names no rate\n"
	"  --strict      end with 3 where a guarantee or a limit was not kept, or traffic got nothing\n"
	"  --quiet       print nothing\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 ended well, 1 bad arguments or scenario, 2 a file could not be written or the run could not go on,\n"
	"3 with --strict: a promise was broken.\n";

void args_help(FILE *out)
{
	fputs(help, out);
}

static bool is_picture(const char *path)
{
	const char *dot = strrchr(path, '.');

	if (dot != NULL && (strcmp(dot, ".svg") == 0 || strcmp(dot, ".png") == 0 || strcmp(dot, ".pdf") == 0))
		return true;
	fprintf(stderr, "weir-sim: --plot %s: wanted a file name that ends in .svg, .png or .pdf\n", path);
	return false;
}

static bool take(struct sim_args *args, int option)
{
	switch (option) {
	case 'j':
		args->json = optarg;
		return true;
	case 'c':
		args->csv = optarg;
		return true;
	case 'p':
		args->plot = optarg;
		return is_picture(optarg);
	case 's':
		args->has_seed = units_parse_count(optarg, &args->seed);
		if (!args->has_seed)
			fprintf(stderr, "weir-sim: --seed %s: wanted a number\n", optarg);
		return args->has_seed;
	case 'u':
		if (units_parse_count(optarg, &args->uplink_bps) && args->uplink_bps >= 1000 && args->uplink_bps <= MOST_BPS)
			return true;
		fprintf(stderr, "weir-sim: --uplink-rate %s: wanted bits per second such as 25G\n", optarg);
		return false;
	case 'S':
		args->is_strict = true;
		return true;
	case 'q':
		args->is_quiet = true;
		return true;
	case 'h':
		args->help = true;
		return true;
	case 'V':
		args->version = true;
		return true;
	default:
		return false;
	}
}

static bool say_bad(const char *what, const char *why)
{
	fprintf(stderr, "weir-sim: %s: %s; weir-sim --help says more\n", what, why);
	return false;
}

bool args_parse(struct sim_args *args, int argc, char **argv)
{
	int option;

	*args = (struct sim_args){0};
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (option == ':')
			return say_bad(argv[optind - 1], "wanted a value");
		if (option == '?')
			return say_bad(argv[optind - 1], "no such option");
		if (!take(args, option))
			return false;
	}
	if (args->help || args->version)
		return true;
	if (optind >= argc)
		return say_bad("no SCENARIO", "wanted a file");
	if (optind + 1 < argc)
		return say_bad(argv[optind + 1], "wanted one SCENARIO (its [sim] may name a config = FILE)");
	args->scenario = argv[optind];
	return true;
}
