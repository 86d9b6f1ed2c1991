/* SPDX-License-Identifier: BSD-3-Clause */
#include <time.h>

#include "tsc.h"

#define MIN_SPAN_NS (100 * NS_PER_MS)
#define MARK_TRIES  16

static uint64_t raw_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Of some readings the one with the least time around it: an interrupt in between would be an error. */
void tsc_mark(struct tsc_mark *mark)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < MARK_TRIES; i++) {
		uint64_t before = rte_rdtsc_precise();
		uint64_t ns = raw_ns();
		uint64_t width = rte_rdtsc_precise() - before;

		if (width >= best)
			continue;
		best = width;
		mark->tsc = before + width / 2;
		mark->ns = ns;
	}
}

void tsc_clock_init(struct tsc_clock *clock, const struct tsc_mark *since)
{
	struct tsc_mark now = {0};	/* the first try always sets it, which the compiler cannot see */

	tsc_mark(&now);
	while (now.ns - since->ns < MIN_SPAN_NS) {
		struct timespec rest = {.tv_nsec = (long)(MIN_SPAN_NS - (now.ns - since->ns))};

		clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
		tsc_mark(&now);
	}
	clock->zero_tsc = since->tsc;
	clock->price = (uint64_t)(((clk_u128)(now.ns - since->ns) << 32) / (now.tsc - since->tsc));
}
