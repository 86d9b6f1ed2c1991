/* SPDX-License-Identifier: BSD-3-Clause */
#include "credit.h"

void credit_set(struct credit *c, uint64_t base_bps, uint64_t peak_bps, uint64_t bank_ns, uint32_t extra_bytes,
	uint64_t bytes, uint64_t pkts, uint64_t now_ns)
{
	if (peak_bps == 0 || c->bank.price_byte == 0)
		*c = (struct credit){.seen_ns = now_ns, .seen_bytes = bytes, .seen_pkts = pkts, .bank = {.bytes = {.ns = now_ns}}};
	if (peak_bps == 0)
		return;
	limiter_set(&c->bank, price_of_bps(base_bps), 0, bank_ns, now_ns);
	limiter_lift(&c->bank, now_ns, 0, 0);	/* a smaller bank holds no more than it can */
	c->bank.extra_bytes = extra_bytes;
	c->above = (price_t)(((clk_u128)(peak_bps - base_bps) << 32) / base_bps);
}

bool credit_look(struct credit *c, uint64_t bytes, uint64_t pkts, uint64_t now_ns)
{
	uint64_t gap_ns = u64_min(now_ns - c->seen_ns, NS_PER_S);	/* longer ones are nobody's turn: nothing was sent meanwhile */
	uint64_t spent_ns = price_ns(c->above, gap_ns);		/* until the next look, were it all used */
	bool was_open = c->is_open;

	if (c->bank.price_byte == 0)
		return false;
	limiter_lift(&c->bank, now_ns, 0, 0);
	limiter_add(&c->bank, bytes - c->seen_bytes, pkts - c->seen_pkts, now_ns);
	c->seen_ns = now_ns;
	c->seen_bytes = bytes;
	c->seen_pkts = pkts;
	int64_t left_ns = credit_left_ns(c, now_ns);
	uint64_t needed_ns = was_open ? spent_ns : CREDIT_OPEN_NS + 2 * spent_ns;
	c->is_open = left_ns > 0 && (uint64_t)left_ns > needed_ns;
	return c->is_open != was_open;
}
