/* SPDX-License-Identifier: BSD-3-Clause */
/* Clocks that do not lose time: nanoseconds plus a 2^-32 ns remainder, and prices (ns per byte, ns per packet) in the
 * same 32.32 fixed point.  A 64-byte slot at 400 Gb/s is 1.28 ns; 2^64 ns are 584 years.
 * Used by: everything that decides.  Uses: nothing. */
#ifndef WEIR_CLK_H
#define WEIR_CLK_H

#include <stdbool.h>
#include <stdint.h>

#undef NS_PER_S		/* DPDK has one, an int: its headers must come first */
#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

__extension__ typedef unsigned __int128 clk_u128;

static inline uint64_t u64_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline uint64_t u64_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t u64_apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* A moment.  'frac' counts 2^-32 ns.  Packed: a node's clocks and prices share one cache line. */
struct __attribute__((packed, aligned(4))) clk {
	uint64_t ns;
	uint32_t frac;
};

/* What one unit (a byte, a packet) costs: ns in 32.32 fixed point.  0 = costs nothing, that is: no such rate is set. */
typedef uint64_t price_t;

/* The price of a byte at 'bps' bits per second; 0 for 0.  Exact to 2^-32 ns; holds for 2 bps and more. */
static inline price_t price_of_bps(uint64_t bps)
{
	if (bps == 0)
		return 0;
	clk_u128 p = ((clk_u128)(8 * NS_PER_S) << 32) / bps;
	return p > UINT64_MAX ? UINT64_MAX : (price_t)p;
}

/* The price of a packet at 'pps' packets per second; 0 for 0. */
static inline price_t price_of_pps(uint64_t pps)
{
	if (pps == 0)
		return 0;
	clk_u128 p = ((clk_u128)NS_PER_S << 32) / pps;
	return p > UINT64_MAX ? UINT64_MAX : (price_t)p;
}

/* How long 'n' units last, rounded down to ns. */
static inline uint64_t price_ns(price_t price, uint64_t n)
{
	return (uint64_t)(((clk_u128)price * n) >> 32);
}

/* Moves 'c' forward by a price times a number of units. */
static inline void clk_add_cost(struct clk *c, clk_u128 cost)
{
	clk_u128 p = cost + c->frac;

	c->ns += (uint64_t)(p >> 32);
	c->frac = (uint32_t)p;
}

/* Moves 'c' forward by 'n' units.  The remainder is kept: n calls of 1 are one call of n. */
static inline void clk_add(struct clk *c, price_t price, uint64_t n)
{
	clk_add_cost(c, (clk_u128)price * n);
}

/* Where 'c' would stand after 'n' units. */
static inline uint64_t clk_after_ns(const struct clk *c, price_t price, uint64_t n)
{
	return c->ns + (uint64_t)(((clk_u128)price * n + c->frac) >> 32);
}

/* Lifts 'c' to 'floor_ns' where it is earlier. */
static inline void clk_at_least(struct clk *c, uint64_t floor_ns)
{
	if (c->ns < floor_ns) {
		c->ns = floor_ns;
		c->frac = 0;
	}
}

/* clk_at_least() and clk_add() one after the other, of fewer units than 2^32: in 64 bits, whose registers do not run out.  A
 * branch, for most clocks are lifted each time or never. */
static inline void clk_lift_and_add(struct clk *c, uint64_t floor_ns, price_t price, uint32_t n)
{
	uint64_t ns = floor_ns, part = (price & UINT32_MAX) * n;

	if (c->ns >= floor_ns) {
		ns = c->ns;
		part += c->frac;
	}
	c->ns = ns + (price >> 32) * n + (part >> 32);
	c->frac = (uint32_t)part;
}

/* The same of one unit, at a price below 2^64 - 2^32: at most 4 s. */
static inline void clk_lift_and_step(struct clk *c, uint64_t floor_ns, price_t price)
{
	uint64_t ns = floor_ns, part = price;

	if (c->ns >= floor_ns) {
		ns = c->ns;
		part += c->frac;
	}
	c->ns = ns + (part >> 32);
	c->frac = (uint32_t)part;
}

/* Lowers 'c' to 'ceil_ns' where it is later. */
static inline void clk_at_most(struct clk *c, uint64_t ceil_ns)
{
	if (c->ns >= ceil_ns) {
		c->ns = ceil_ns;
		c->frac = 0;
	}
}

/* a - b, or 0 where b is later: spans near uptime 0 must not wrap. */
static inline uint64_t ns_before(uint64_t a_ns, uint64_t span_ns)
{
	uint64_t left_ns;

	return __builtin_sub_overflow(a_ns, span_ns, &left_ns) ? 0 : left_ns;
}

#endif
