/* SPDX-License-Identifier: BSD-3-Clause */
#include "aqm.h"

#define ONE_Q32	     (UINT64_C(1) << 32)
#define NEWTON_STEPS 4

/* A guess by the position of the highest bit, within a factor of 2^(1/4), then Newton: y = y (3 - count y^2) / 2. */
uint32_t codel_inv_sqrt(uint32_t count)
{
	static const uint32_t guess[2] = {3611622603u, 2553802834u};	/* 2^(32 - 1/4), 2^(32 - 3/4) */
	unsigned int log2 = 31u - (unsigned int)__builtin_clz(count);
	uint64_t y = guess[log2 & 1] >> (log2 / 2);

	for (int i = 0; i < NEWTON_STEPS; i++) {
		uint64_t cy2 = (uint64_t)((clk_u128)(y * y) * count >> 32);
		y = (uint64_t)((clk_u128)y * (3 * ONE_Q32 - cy2) >> 33);
	}
	return y < UINT32_MAX ? (uint32_t)y : UINT32_MAX;
}

static uint64_t control_law(const struct codel *c, const struct codel_terms *t, uint64_t from_ns)
{
	return from_ns + (uint64_t)((clk_u128)t->interval_ns * codel_inv_sqrt(c->count) >> 32);
}

/* If the delay is above the target again soon, the drop rate that controlled it last time is where to begin. */
static void begin(struct codel *c, const struct codel_terms *t, uint64_t now_ns)
{
	uint32_t delta = c->count - c->last_count;
	bool was_recent = c->drop_next_ns + 16 * t->interval_ns > now_ns;

	c->count = (delta > 1 && was_recent ? delta : 1) & 0x7fffffff;
	c->last_count = c->count;
	c->is_dropping = 1;
	c->drop_next_ns = control_law(c, t, now_ns);
}

bool codel_above(struct codel *c, const struct codel_terms *t, uint64_t now_ns)
{
	if (c->first_above_ns == 0) {
		c->first_above_ns = now_ns + t->interval_ns;
		return false;
	}
	if (now_ns < c->first_above_ns)
		return false;
	if (!c->is_dropping) {
		begin(c, t, now_ns);
		return true;
	}
	if (now_ns < c->drop_next_ns)
		return false;
	if (c->count < CODEL_MAX_COUNT)
		c->count++;
	c->drop_next_ns = control_law(c, t, c->drop_next_ns);
	return true;
}
