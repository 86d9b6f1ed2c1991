/* SPDX-License-Identifier: BSD-3-Clause */
#include "capacity.h"

#include <string.h>

#define BELOW_PERCENT	2
#define ABOVE_PERCENT	5
#define NS_IN_S		UINT64_C(1000000000)
#define LEAST_SLOTS	10u	/* to be believed */
#define STALL_PART	100u	/* of the nominal: less than that is a stall, and no rate */

__extension__ typedef unsigned __int128 u128;

void capacity_init(struct capacity *c, uint64_t nominal, bool is_fixed, uint64_t now_ns)
{
	*c = (struct capacity){
		.nominal = nominal,
		.is_fixed = is_fixed,
		.effective = nominal,
		.since_ns = now_ns,
		.slot_end_ns = now_ns + CAPACITY_SLOT_NS,
	};
}

/* The middle one of those that are there: insertion, as they are few and this is done ten times a second. */
static uint64_t p50(const struct capacity *c)
{
	uint64_t sorted[CAPACITY_SLOTS];
	uint32_t n = 0;

	for (uint32_t i = 0; i < CAPACITY_SLOTS; i++) {
		uint32_t k = n;
		if (c->slot[i] == 0)
			continue;
		for (; k > 0 && sorted[k - 1] > c->slot[i]; k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = c->slot[i];
		n++;
	}
	return n >= LEAST_SLOTS ? sorted[n / 2] : 0;
}

static uint64_t slot_rate(const struct capacity *c)
{
	if (c->slot_full_ns < CAPACITY_SLOT_NS / 10)
		return 0;
	uint64_t rate = (uint64_t)((u128)c->slot_amount * NS_IN_S / c->slot_full_ns);
	bool is_stalled = c->nominal != CAPACITY_UNLIMITED && rate < c->nominal / STALL_PART;
	return is_stalled ? 0 : rate;
}

/* True when it has been so for that long. */
static bool has_lasted(uint64_t *since_ns, bool is_so, uint64_t long_ns, uint64_t now_ns)
{
	if (!is_so)
		*since_ns = 0;
	else if (*since_ns == 0)
		*since_ns = now_ns + 1;
	return is_so && now_ns + 1 - *since_ns >= long_ns;
}

static enum capacity_event set(struct capacity *c, uint64_t effective, enum capacity_event event, uint64_t now_ns)
{
	c->effective = effective;
	c->since_ns = now_ns;
	c->below_since_ns = c->above_since_ns = 0;
	return event;
}

static enum capacity_event judge(struct capacity *c, uint64_t now_ns)
{
	/* The last slots alone tell whether it is full now; the p50 of 10 s is what it carries then. */
	bool is_full = c->slot[c->at] != 0;
	uint64_t most = c->effective, m = c->measured;
	bool is_below = is_full && m != 0 && m < most - most / 100 * BELOW_PERCENT;
	bool is_above = most < c->nominal && (!is_full || m > most + most / 100 * ABOVE_PERCENT);

	if (c->is_fixed)
		return CAPACITY_SAME;
	if (has_lasted(&c->below_since_ns, is_below, CAPACITY_BELOW_NS, now_ns))
		return set(c, m, CAPACITY_CUT, now_ns);
	if (has_lasted(&c->above_since_ns, is_above, CAPACITY_ABOVE_NS, now_ns))
		return set(c, is_full && m < c->nominal ? m : c->nominal, CAPACITY_RESTORED, now_ns);
	return CAPACITY_SAME;
}

enum capacity_event capacity_add(struct capacity *c, uint64_t amount, uint64_t full_ns, uint64_t now_ns)
{
	c->slot_amount += amount;
	c->slot_full_ns += full_ns;
	if (now_ns < c->slot_end_ns)
		return CAPACITY_SAME;
	c->at = c->at + 1 < CAPACITY_SLOTS ? c->at + 1 : 0;
	c->slot[c->at] = slot_rate(c);
	/* Nobody looked for longer than a slot: what was there before tells the less. */
	for (uint64_t missed = (now_ns - c->slot_end_ns) / CAPACITY_SLOT_NS; missed > 0; missed--) {
		uint64_t latest = c->slot[c->at];
		if (missed > CAPACITY_SLOTS) {
			memset(c->slot, 0, sizeof(c->slot));
			missed = 1;
		}
		c->slot[c->at] = 0;
		c->at = c->at + 1 < CAPACITY_SLOTS ? c->at + 1 : 0;
		c->slot[c->at] = latest;
	}
	c->slot_amount = c->slot_full_ns = 0;
	c->slot_end_ns += ((now_ns - c->slot_end_ns) / CAPACITY_SLOT_NS + 1) * CAPACITY_SLOT_NS;
	c->measured = p50(c);
	return judge(c, now_ns);
}
