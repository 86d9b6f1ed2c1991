/* SPDX-License-Identifier: BSD-3-Clause */
/* The lcores that EAL would have, told from its options without starting it: for --check.
 * Used by: app/weir. */
#ifndef WEIR_LCORES_H
#define WEIR_LCORES_H

#include <sched.h>
#include <stdbool.h>

#include "conf.h"

struct lcores {
	unsigned int main;
	unsigned int n;				/* of lcore[]: data lcores */
	unsigned int lcore[CONF_MAX_LCORES];
	cpu_set_t cpus[CONF_MAX_LCORES];	/* that lcore[] would run on: at least one each */
};

/* Knows -l, --lcores, -c, --main-lcore; without any, the CPUs that this process may use.  false: cannot tell. */
bool lcores_from_args(struct lcores *lcores, int argc, char **argv);

#endif
