/* SPDX-License-Identifier: BSD-3-Clause */
#include "limiter.h"

/* Debt and credit in units, not in time: what stood for n bytes at the old price stands for n bytes at the new one. */
static void rescale(struct clk *c, price_t old_price, price_t new_price, uint64_t now_ns)
{
	if (old_price == 0 || new_price == 0 || old_price == new_price)
		return;
	if (c->ns >= now_ns) {
		clk_u128 ahead = (clk_u128)(c->ns - now_ns) * new_price / old_price;
		c->ns = now_ns + (ahead > UINT64_MAX / 2 ? UINT64_MAX / 2 : (uint64_t)ahead);
	} else {
		clk_u128 behind = (clk_u128)(now_ns - c->ns) * new_price / old_price;
		c->ns = behind > now_ns ? 0 : now_ns - (uint64_t)behind;
	}
}

void limiter_set(struct limiter *l, price_t price_byte, price_t price_pkt, uint64_t save_ns, uint64_t now_ns)
{
	if ((l->price_byte | l->price_pkt) == 0)	/* who had no limit has nothing to catch up */
		l->catchup_ns = 0;
	/* Credit older than what may be saved is none: forget it before it is multiplied. */
	uint64_t floor_ns = ns_before(now_ns, l->save_ns + l->catchup_ns);

	clk_at_least(&l->bytes, floor_ns);
	clk_at_least(&l->pkts, floor_ns);
	rescale(&l->bytes, l->price_byte, price_byte, now_ns);
	rescale(&l->pkts, l->price_pkt, price_pkt, now_ns);
	if (price_byte == 0)	/* an unlimited clock owes nothing when a limit comes back */
		clk_at_most(&l->bytes, now_ns);
	if (price_pkt == 0)
		clk_at_most(&l->pkts, now_ns);
	l->price_byte = price_byte;
	l->price_pkt = price_pkt;
	l->save_ns = save_ns;
}
