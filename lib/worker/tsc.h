/* SPDX-License-Identifier: BSD-3-Clause */
/* The time stamp counter as nanoseconds: a multiply and a shift.  Its frequency is measured against the kernel's raw
 * clock, since EAL's is rounded to 10 MHz where the CPU does not tell it, and that would be a rate error.
 * Used by: worker, app.  Uses: nothing. */
#ifndef WEIR_TSC_H
#define WEIR_TSC_H

#include <stdint.h>

#include <rte_cycles.h>

#include "clk.h"

/* The same moment on both clocks. */
struct tsc_mark {
	uint64_t tsc;
	uint64_t ns;
};

struct tsc_clock {
	uint64_t zero_tsc;
	uint64_t price;		/* ns of a tick in 32.32 fixed point */
};

void tsc_mark(struct tsc_mark *mark);

/* Time 0 is 'since'.  The frequency comes from the time since then, which is made 100 ms at least by sleeping. */
void tsc_clock_init(struct tsc_clock *clock, const struct tsc_mark *since);

static inline uint64_t tsc_now_ns(const struct tsc_clock *clock)
{
	return price_ns(clock->price, rte_rdtsc() - clock->zero_tsc);
}

#endif
