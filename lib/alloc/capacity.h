/* SPDX-License-Identifier: BSD-3-Clause */
/* What a resource really carries: packets a second of the core, bits a second of the uplink's port.  It is known only
 * while the resource is full, so samples of full stretches are gathered in slots of 100 ms, and the p50 of the last 10 s
 * of slots is what is measured.
 * What takes nothing, or next to nothing, tells no rate: its users wait, and cutting what they were sold would help nobody.
 * It acts slowly: below what was believed (by 2 %) for 1 s, it is cut; above (by 5 %), or not full for 5 s, restored.
 * Time is an argument.  Used by: control.  Uses: nothing. */
#ifndef WEIR_CAPACITY_H
#define WEIR_CAPACITY_H

#include <stdbool.h>
#include <stdint.h>

#define CAPACITY_SLOT_NS  UINT64_C(100000000)
#define CAPACITY_SLOTS	  100u
#define CAPACITY_BELOW_NS UINT64_C(1000000000)
#define CAPACITY_ABOVE_NS UINT64_C(5000000000)
#define CAPACITY_UNLIMITED UINT64_MAX

enum capacity_event { CAPACITY_SAME, CAPACITY_CUT, CAPACITY_RESTORED };

struct capacity {
	/* Read at will. */
	uint64_t nominal;	/* what it was said to be, or CAPACITY_UNLIMITED */
	bool is_fixed;		/* the operator's word: measured, but never acted upon */
	uint64_t measured;	/* 0: it was not full lately */
	uint64_t effective;	/* what is counted with: nominal, or less */
	uint64_t since_ns;	/* it is so */
	/* Its own. */
	uint64_t slot[CAPACITY_SLOTS];	/* per second; 0: not full */
	uint64_t slot_end_ns, slot_amount, slot_full_ns;
	uint64_t below_since_ns, above_since_ns;	/* + 1; 0: it is not */
	uint32_t at;
};

void capacity_init(struct capacity *c, uint64_t nominal, bool is_fixed, uint64_t now_ns);

/* Of the time since the last call the resource was full for 'full_ns', and carried 'amount' in that.  A slot counts where
 * it was full for a tenth of it. */
enum capacity_event capacity_add(struct capacity *c, uint64_t amount, uint64_t full_ns, uint64_t now_ns);

#endif
