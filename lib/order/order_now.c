/* SPDX-License-Identifier: BSD-3-Clause */
/* Past all queues, where nobody waits: clocks are charged, and nothing is decided.  Loops of one thing each: all of it in one
 * would have more at hand than a CPU has registers. */
#include "order_impl.h"

/* Nobody has a better claim to this moment than who comes in it. */
bool order_begin_now(struct order *o, uint64_t now_ns, struct order_run *r)
{
	const struct level *root = &o->levels[ROOT];

	if (level_is_able(root) || root->fresh_head != ORDER_NONE || !wheel_is_quiet(root->events, now_ns) ||
		!wheel_is_empty(o->urgents) || order_link_is_busy(o, now_ns))
		return false;
	lift_link(o, now_ns);
	*r = (struct order_run){.now_ns = now_ns, .link = &o->link, .extra_bytes = o->extra_bytes};
	return true;
}

/* May it, but for the link? */
static inline bool may_pass(const struct order *o, const struct onode *n, const struct limiter *l, uint64_t now_ns)
{
	return (n->state | (n->flags & NODE_IN_TREE)) == NODE_IDLE && (l->n_waiting == 0 || l == &o->no_limit) &&
	       l->bytes.ns <= now_ns && l->pkts.ns <= now_ns;
}

/* What their limits let go, from the first on; charged to the limits, and basis[i] is what it counts there.  A sender may be in
 * it twice. */
static __attribute__((noinline)) uint32_t pass_limits(const struct order *o, const uint32_t *nodes, const uint32_t *bytes,
	uint32_t *basis, uint32_t n, uint64_t now_ns)
{
	uint32_t lost_ns = (uint32_t)o->lost_total_ns, i;
	const struct onode *all = o->nodes;

	for (i = 0; i < n; i++) {
		const struct onode *node = &all[nodes[i]];
		struct limiter *l = node->limiter;

		if (!may_pass(o, node, l, now_ns))
			break;
		basis[i] = bytes[i] + l->extra_bytes;
		limiter_charge_alone(l, basis[i], now_ns, lost_ns);
	}
	return i;
}

static uint64_t sum_of(const uint32_t *bytes, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += bytes[i];
	return sum;
}

/* How many of them the link takes, from the first on, where it does not take all. */
static __attribute__((noinline)) uint32_t link_takes(const struct order_run *r, const uint32_t *bytes, uint32_t n)
{
	uint64_t sum = r->bytes + r->pkts * r->extra_bytes;
	uint32_t i;

	for (i = 0; i < n && limiter_goes_on(r->link, sum, r->pkts + i, r->now_ns); i++)
		sum += bytes[i] + r->extra_bytes;
	return i;
}

/* As wake_guarantee() and charge_guarantee() one after the other: nothing is owed, nothing was missed.  What is ahead by more
 * than the window is brought back to it. */
static inline void charge_due_now(struct clk *c, price_t price, uint32_t n, uint64_t window_ns, uint64_t now_ns)
{
	uint64_t part = (price & UINT32_MAX) * n, whole = (price >> 32) * n;

	if (c->ns >= now_ns + window_ns) {
		c->ns = now_ns + window_ns + whole + (part >> 32);
		c->frac = 0;
		return;
	}
	if (c->ns < now_ns) {
		c->ns = now_ns;
		c->frac = 0;
	}
	part += c->frac;
	c->ns += whole + (part >> 32);
	c->frac = (uint32_t)part;
}

static __attribute__((noinline)) void charge_guarantees(struct order *o, const uint32_t *nodes, const uint32_t *basis,
	uint32_t n, uint64_t now_ns)
{
	uint64_t *vtimes = o->levels[ROOT].vtime, ahead_most = o->ahead_most, window_ns = o->window_ns;
	struct onode *all = o->nodes;

	for (uint32_t i = 0; i < n; i++) {
		struct onode *node = &all[nodes[i]];

		if (has_guarantee(node)) {
			charge_due_now(&node->due_byte, node->min_byte, basis[i], window_ns, now_ns);
			charge_due_now(&node->due_pkt, node->min_pkt, 1, window_ns, now_ns);
		}
		/* What it is ahead by earlier shares is over with the contention that it came from. */
		uint64_t *vtime = &vtimes[node->priority];
		if (node->finish - *vtime <= ahead_most)
			*vtime = node->finish;
	}
}

uint32_t order_send_now(struct order *o, struct order_run *r, const uint32_t *nodes, const uint32_t *bytes, uint32_t n)
{
	uint64_t sum = sum_of(bytes, n), now_ns = r->now_ns;
	uint32_t basis[ORDER_NOW_PKTS], n_passed;

	if (!limiter_goes_on(r->link, r->bytes + sum + (r->pkts + n) * r->extra_bytes, r->pkts + n, now_ns)) {
		n = link_takes(r, bytes, n);
		sum = sum_of(bytes, n);
	}
	n_passed = pass_limits(o, nodes, bytes, basis, n, now_ns);
	order_run_add(r, n_passed == n ? sum : sum_of(bytes, n_passed), n_passed);
	charge_guarantees(o, nodes, basis, n_passed, now_ns);
	return n_passed;
}

void order_end_now(struct order *o, const struct order_run *r)
{
	charge_link(o, r);
}
