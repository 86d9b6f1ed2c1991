/* SPDX-License-Identifier: BSD-3-Clause */
/* The one list of suites.  A new one: its declaration, its line, its files in meson.build. */
#include "bench_impl.h"

extern const struct bench_suite suite_pq_hold;
extern const struct bench_suite suite_sched_cost;

const struct bench_suite *const bench_suites[] = {
	&suite_pq_hold,
	&suite_sched_cost,
	NULL,
};
