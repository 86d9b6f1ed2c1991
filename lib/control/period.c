/* SPDX-License-Identifier: BSD-3-Clause */
#include "period.h"

void period_init(struct period *p, uint64_t asked_ns)
{
	*p = (struct period){.asked_ns = asked_ns, .effective_ns = asked_ns};
}

/* Longer at once, by a quarter more than needed; shorter only when half would do: no to and fro. */
bool period_note(struct period *p, uint64_t cost_ns)
{
	uint64_t before_ns = p->effective_ns;

	p->cost_ns_q4 = p->cost_ns_q4 == 0 ? cost_ns * 16 : p->cost_ns_q4 - p->cost_ns_q4 / 16 + cost_ns;
	uint64_t needed_ns = p->cost_ns_q4 / 16 * PERIOD_COST_PART;
	if (needed_ns > p->effective_ns)
		p->effective_ns = needed_ns + needed_ns / 4;
	else if (needed_ns < p->effective_ns / 2)
		p->effective_ns = needed_ns + needed_ns / 4;
	if (p->effective_ns < p->asked_ns)
		p->effective_ns = p->asked_ns;
	if (p->effective_ns > PERIOD_MOST_NS)
		p->effective_ns = PERIOD_MOST_NS;
	return p->effective_ns != before_ns;
}
