/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion signals of a queue by how long its packets waited, judged one by one as they leave (contract 8).
 *
 * Marking, for ECN-capable packets (RFC 3168): CE when the delay is above K, a step on the instantaneous queue as RFC
 * 8257 section 3.1 has it, but in time.  ECT(0), ECT(1) and CE are treated alike: there is no queue of its own for L4S.
 * Dropping, for the others and only where it is asked for: CoDel as in RFC 8289 section 5, the square root by Newton
 * steps.  Where CoDel would drop an ECN-capable packet, the step has marked it already: K is below its target.
 *
 * It differs from RFC 8289 in three places:
 *   - the time of the next drop is set with a drop, not after a look at the packet behind it, which is judged later;
 *   - count stays below CODEL_MAX_COUNT (the next drop is then an interval / 1024 away; beyond it the queue is full and
 *     drops anyway);
 *   - a queue that is good whatever its delay holds one packet at most, not one longest packet's bytes.
 * The caller raises the target to K where that is longer (slow limits), as section 4.3 allows for links below a packet
 * a target.
 *
 * Time is an argument, state is a few words of the owner's; no division, no square root, and for a queue below its
 * target two compares.
 * Used by: egress.  Uses: base/clk.h. */
#ifndef WEIR_AQM_H
#define WEIR_AQM_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "clk.h"

#define CODEL_TARGET_NS	(5 * NS_PER_MS)		/* RFC 8289 section 4.3 */
#define CODEL_INTERVAL_NS (100 * NS_PER_MS)	/* section 4.2: the longest RTT that is usual */
#define CODEL_MAX_COUNT	(1u << 20)

struct codel_terms {
	uint64_t target_ns, interval_ns;
};

/* All 0: new. */
struct codel {
	uint64_t first_above_ns;	/* an interval after the delay went above the target; 0: it is below */
	uint64_t drop_next_ns;
	uint32_t count : 31;		/* drops since dropping began */
	uint32_t is_dropping : 1;
	uint32_t last_count;		/* count when dropping last began */
};
static_assert(sizeof(struct codel) <= 24, "beside the queue");

/* 2^32 / sqrt(count), for count >= 1. */
uint32_t codel_inv_sqrt(uint32_t count);

/* The rest of codel_should_drop(), for a queue above its target. */
bool codel_above(struct codel *c, const struct codel_terms *t, uint64_t now_ns);

/* Is this packet, which leaves after 'waited_ns' and leaves 'left_pkts' behind it, to be dropped?  (Or marked, which
 * CoDel counts as the same.)  To be asked for each packet that leaves, dropped ones too. */
static inline bool codel_should_drop(struct codel *c, const struct codel_terms *t, uint64_t waited_ns,
	uint32_t left_pkts, uint64_t now_ns)
{
	if (waited_ns < t->target_ns || left_pkts <= 1) {
		c->first_above_ns = 0;
		c->is_dropping = 0;
		return false;
	}
	return codel_above(c, t, now_ns);
}

#endif
