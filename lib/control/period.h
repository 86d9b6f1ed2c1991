/* SPDX-License-Identifier: BSD-3-Clause */
/* How often the control core runs: as asked, and less often where a run costs more than a tenth of that.
 * Pure.  Used by: the app.  Uses: nothing. */
#ifndef WEIR_PERIOD_H
#define WEIR_PERIOD_H

#include <stdbool.h>
#include <stdint.h>

#define PERIOD_MOST_NS	UINT64_C(1000000000)
#define PERIOD_COST_PART 10	/* a run may cost 1 / so much of a period */

struct period {
	uint64_t asked_ns, effective_ns;
	uint64_t cost_ns_q4;	/* smoothed over some 16 runs, x 16 */
};

void period_init(struct period *p, uint64_t asked_ns);

/* A run took so long.  true: the effective period is another now. */
bool period_note(struct period *p, uint64_t cost_ns);

#endif
