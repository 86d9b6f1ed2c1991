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

/* What their limits let go, from the first on, and the link if it is asked; charged to the limits. */
hot_inline uint32_t pass_each(const struct order *o, struct order_run *r, const uint32_t *nodes, const uint32_t *bytes,
	uint32_t n, bool asks_link)
{
	uint64_t now_ns = r->now_ns, sum = 0;
	uint32_t lost_ns = (uint32_t)o->lost_total_ns, i;
	const struct onode *all = o->nodes;

	for (i = 0; i < n; i++) {
		const struct onode *node = &all[nodes[i]];
		struct limiter *l = node->limiter;

		if (!may_pass(o, node, l, now_ns))
			break;
		if (asks_link && !limiter_goes_on(r->link, r->bytes + sum + (r->pkts + i) * r->extra_bytes, r->pkts + i, now_ns))
			break;
		sum += bytes[i];
		limiter_charge_alone(l, bytes[i], 1, now_ns, lost_ns);
	}
	order_run_add(r, sum, i);
	return i;
}

static __attribute__((noinline)) uint32_t pass_slowly(const struct order *o, struct order_run *r, const uint32_t *nodes,
	const uint32_t *bytes, uint32_t n)
{
	return pass_each(o, r, nodes, bytes, n, true);
}

/* Where the link takes all of them, it is asked once. */
static __attribute__((noinline)) uint32_t pass_limits(const struct order *o, struct order_run *r, const uint32_t *nodes,
	const uint32_t *bytes, uint32_t n)
{
	uint64_t sum = r->bytes, pkts = r->pkts + n;

	for (uint32_t i = 0; i < n; i++)
		sum += bytes[i];
	if (!limiter_goes_on(r->link, sum + pkts * r->extra_bytes, pkts, r->now_ns))
		return pass_slowly(o, r, nodes, bytes, n);
	return pass_each(o, r, nodes, bytes, n, false);
}

/* As wake_guarantee() and charge_guarantee() one after the other: nothing is owed, nothing was missed. */
static inline void charge_due_now(struct clk *c, price_t price, uint32_t n, uint64_t window_ns, uint64_t now_ns)
{
	uint64_t most_ns = now_ns + (price >> 32) * n + ((price & UINT32_MAX) * n >> 32) + window_ns;
	struct clk due = *c;

	clk_lift_and_add(&due, now_ns, price, n);
	c->frac = due.ns >= most_ns ? 0 : due.frac;
	c->ns = u64_min(due.ns, most_ns);
}

static __attribute__((noinline)) void charge_guarantees(struct order *o, const uint32_t *nodes, const uint32_t *bytes,
	uint32_t n, uint64_t now_ns)
{
	uint64_t *vtimes = o->levels[ROOT].vtime;

	for (uint32_t i = 0; i < n; i++) {
		struct onode *node = &o->nodes[nodes[i]];

		if (node->flags & NODE_HAS_GUARANTEE) {
			charge_due_now(&node->due_byte, node->min_byte, bytes[i] + node->limiter->extra_bytes, o->window_ns, now_ns);
			charge_due_now(&node->due_pkt, node->min_pkt, 1, o->window_ns, now_ns);
		}
		/* What it is ahead by earlier shares is over with the contention that it came from. */
		uint64_t *vtime = &vtimes[node->priority];
		if (node->finish - *vtime <= o->ahead_most)
			*vtime = node->finish;
	}
}

uint32_t order_send_now(struct order *o, struct order_run *r, const uint32_t *nodes, const uint32_t *bytes, uint32_t n)
{
	n = pass_limits(o, r, nodes, bytes, n);
	charge_guarantees(o, nodes, bytes, n, r->now_ns);
	return n;
}

void order_end_now(struct order *o, const struct order_run *r)
{
	charge_link(o, r);
}
