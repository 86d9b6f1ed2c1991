/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL for the unit tests of the rim: no huge pages, no devices, nothing on stdout, nothing left behind. */
#ifndef WEIR_UNIT_EAL_H
#define WEIR_UNIT_EAL_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>

static inline void unit_eal_remove_dir(void)
{
	(void)rmdir(rte_eal_get_runtime_dir());
}

/* 'extra' is one more option, or NULL.  The directory goes after EAL's own exit handlers have emptied it. */
static inline int unit_eal(const char *name, const char *extra)
{
	static char options[][32] = {"test", "--no-huge", "-m", "64", "--no-pci", "--no-shconf", "--lcores", "0@0",
		"--log-level=*:error"};
	static char prefix[64], last[64];
	const int n = sizeof(options) / sizeof(options[0]);
	char *argv[sizeof(options) / sizeof(options[0]) + 3] = {0};

	for (int i = 0; i < n; i++)
		argv[i] = options[i];
	snprintf(prefix, sizeof(prefix), "--file-prefix=weir_%s_%d", name, (int)getpid());
	argv[n] = prefix;
	if (extra != NULL) {
		snprintf(last, sizeof(last), "%s", extra);
		argv[n + 1] = last;
	}
	atexit(unit_eal_remove_dir);
	return rte_eal_init(n + 1 + (extra != NULL), argv);
}

#endif
