/* SPDX-License-Identifier: BSD-3-Clause */
/* What every Check program here needs: a runner that speaks TAP for meson.  Nothing else may write to stdout. */
#ifndef WEIR_UNIT_H
#define WEIR_UNIT_H

#include <check.h>
#include <stdint.h>
#include <stdlib.h>

static inline int unit_run(Suite *suite)
{
	SRunner *sr = srunner_create(suite);

	srunner_set_tap(sr, "-");
	srunner_run_all(sr, CK_SILENT);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* As ck_assert(), for inner loops: Check writes a note to a file for each of its own. */
#define unit_must(condition)                                  \
	do {                                                  \
		if (!(condition))                             \
			ck_abort_msg("not: %s", #condition);  \
	} while (0)

/* A small, fast, repeatable generator (splitmix64): the seed is the loop index. */
static inline uint64_t unit_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

#endif
