/* SPDX-License-Identifier: BSD-3-Clause */
/* weir's own arguments, apart from EAL's: weir [EAL options] -- [options].
 * Used by: app/weir. */
#ifndef WEIR_ARGS_H
#define WEIR_ARGS_H

#include <stdbool.h>
#include <stdio.h>

struct args {
	const char *config;
	bool check, help, version;
	bool allow_set;			/* by telemetry */
	const char *group;		/* whose members may use telemetry too; NULL: nobody but weir's user */
	unsigned int stats_s;		/* 0: no live table */
	unsigned int duration_s;	/* 0: until a signal */
	int eal_argc;			/* what is EAL's, the program's name first */
	char **eal_argv;
};

/* Reads them.  Without "--" all are weir's.  --help, --version and --check are found on either side of it.
 * false: what was wrong has been said on stderr. */
bool args_parse(struct args *args, int argc, char **argv);

void args_help(FILE *out);

#endif
