/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is next, and what it costs him: the lines that decide. */
#include "order_impl.h"

/* What became able to send leaves the limit wheel; what became due goes to the deadline queue. */
static void move_ripe(struct order *o, uint64_t now_ns)
{
	uint32_t id;

	for (int i = 0; i < ORDER_MOVES && (id = wheel_pop_due(o->limits, now_ns)) != CFFS_NONE; i++) {
		node_leave(o, id, now_ns);
		node_stand(o, id, now_ns);	/* held anew where a sibling has used the limiter meanwhile */
	}
	for (int i = 0; i < ORDER_MOVES && (id = wheel_pop_due(o->guarantees, now_ns)) != CFFS_NONE; i++)
		node_make_due(o, id);
}

/* The node may have been overtaken by a sibling under the same limiter: then it is held, and another is looked for. */
static bool may_send(struct order *o, uint32_t id, uint64_t now_ns)
{
	const struct onode *n = &o->nodes[id];

	if (n->limiter == NULL || limiter_ready_ns(n->limiter) <= now_ns)
		return true;
	node_leave(o, id, now_ns);
	node_stand(o, id, now_ns);
	return false;
}

static uint32_t next_urgent(struct order *o, uint64_t now_ns)
{
	for (int i = 0; i < ORDER_MOVES; i++) {
		uint32_t id = wheel_first(o->urgents, now_ns, ORDER_LATE_NS);
		if (id == CFFS_NONE)
			return ORDER_NONE;
		uint64_t ready_ns = node_urgent_ready_ns(&o->nodes[id]);
		if (ready_ns <= now_ns)
			return id;
		if (o->urgent_links[id].rank >= ready_ns)
			return ORDER_NONE;	/* the first is not ready: nobody is */
		node_leave_urgent(o, id);	/* its limit moved on since it stood here */
		node_stand_urgent(o, id);
	}
	return ORDER_NONE;
}

uint32_t order_next(struct order *o, uint64_t now_ns, enum order_how *how)
{
	uint32_t id;

	if (order_link_is_busy(o, now_ns))
		return ORDER_NONE;
	move_ripe(o, now_ns);

	*how = ORDER_URGENT;
	if (!wheel_is_empty(o->urgents) && (id = next_urgent(o, now_ns)) != ORDER_NONE)
		return id;

	*how = ORDER_DUE;
	while ((id = wheel_first(o->deadlines, now_ns, ORDER_LATE_NS)) != CFFS_NONE) {
		if (may_send(o, id, now_ns))
			return id;
	}

	*how = ORDER_SHARE;
	while (o->shares_waiting != 0) {
		id = cffs_first(o->shares[__builtin_ctz(o->shares_waiting)]);
		if (may_send(o, id, now_ns))
			return id;
	}
	return ORDER_NONE;
}

/* The virtual time of a priority moves to the smallest finish among those who compete: as far as buckets tell, so to
 * the first bucket's start.  Were it the finish of whom the bucket happened to give first, the others in the bucket
 * would be lifted to it and lose what they are ahead: with weights far apart that is most of their share. */
static void charge_share(struct order *o, uint32_t id, enum order_how how, uint64_t bytes, uint64_t pkts)
{
	struct onode *n = &o->nodes[id];
	uint8_t p = n->priority;
	uint64_t by_bytes = (uint64_t)(((clk_u128)n->share_byte * bytes) >> ORDER_SHARE_SHIFT);
	uint64_t by_pkts = (uint64_t)(((clk_u128)n->share_pkt * pkts) >> ORDER_SHARE_SHIFT);
	uint64_t step = u64_max(by_bytes, by_pkts);
	uint64_t least = n->finish, start;

	if (cffs_peek(o->shares[p], &start) != CFFS_NONE && vtime_before(start, least))
		least = start;
	if (vtime_before(o->vtime[p], least)) {
		o->vtime[p] = least;
		cffs_advance(o->shares[p], least);
	}
	/* Served on its guarantee: what it owes for shares is never more than this packet beyond virtual time,
	 * so that a floor above the share costs no later excess.  Served on its share: no credit from the past. */
	if ((how == ORDER_SHARE) == vtime_before(n->finish, o->vtime[p]))
		n->finish = o->vtime[p];
	n->finish += step;
}

static void charge_clock_due(struct clk *c, price_t price, uint64_t n, const struct order *o, uint64_t slack_ns,
	uint64_t now_ns)
{
	uint64_t interval_ns = price_ns(price, n);

	clk_at_least(c, ns_before(now_ns, 2 * interval_ns + slack_ns));
	clk_add(c, price, n);
	clk_at_most(c, now_ns + interval_ns + o->window_ns);	/* past excess is soon forgotten */
}

/* Backlogged time, beyond what may pass after the deadline, that has not been counted yet (contract 2). */
void node_count_missed(const struct order *o, struct onode *n, uint64_t now_ns)
{
	uint64_t late_from_ns = u64_max(deadline_ns(n), n->able_ns) + o->late_ns;

	if (now_ns <= late_from_ns)
		return;
	counter_add(&n->stats.missed_ns, now_ns - u64_max(late_from_ns, n->charged_ns));
	n->charged_ns = now_ns;
}

static void charge_guarantee(struct order *o, struct onode *n, uint64_t bytes, uint64_t pkts, uint64_t now_ns)
{
	node_count_missed(o, n, now_ns);
	/* Time the worker lost is made good to guarantees as to limits, or else every stall would be shared by weight. */
	if (n->lost_seen_ns != o->lost_total_ns)
		limiter_count_lost(&n->catchup_ns, &n->lost_seen_ns, o->lost_total_ns);
	uint64_t slack_ns = o->slack_ns + n->catchup_ns;

	charge_clock_due(&n->due_byte, n->min_byte, bytes, o, slack_ns, now_ns);
	charge_clock_due(&n->due_pkt, n->min_pkt, pkts, o, slack_ns, now_ns);
	if (n->catchup_ns != 0)
		n->catchup_ns = limiter_catchup_left(n->catchup_ns, ns_before(now_ns, due_ns(n)), o->slack_ns);
}

static void charge_urgent(const struct order *o, struct onode *n, uint64_t bytes, uint64_t pkts, uint64_t now_ns)
{
	/* The allowance saves two frames, for urgent means now, not a burst; and what it takes to wait for the link. */
	uint64_t two_ns = 2 * u64_max(price_ns(n->urgent_price_byte, bytes), price_ns(n->urgent_price_pkt, pkts));
	uint64_t floor_ns = ns_before(now_ns, two_ns + o->others_ns);

	clk_at_least(&n->urgent_byte, floor_ns);
	clk_at_least(&n->urgent_pkt, floor_ns);
	clk_add(&n->urgent_byte, n->urgent_price_byte, bytes);
	clk_add(&n->urgent_pkt, n->urgent_price_pkt, pkts);
}

void order_charge(struct order *o, uint32_t id, enum order_how how, uint64_t bytes, uint64_t pkts, bool left,
	uint32_t head_bytes, bool has_urgent, uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];

	node_leave(o, id, now_ns);
	node_leave_urgent(o, id);
	charge_share(o, id, how, bytes, pkts);
	if (has_guarantee(n))
		charge_guarantee(o, n, bytes, pkts, now_ns);
	if (how == ORDER_URGENT)
		charge_urgent(o, n, bytes, pkts, now_ns);
	if (n->limiter != NULL)
		limiter_charge(n->limiter, bytes, pkts, now_ns, o->lost_total_ns);
	limiter_charge(&o->link, bytes + pkts * o->extra_bytes, pkts, now_ns, o->link_catchup ? o->lost_total_ns : 0);
	n->charged_ns = now_ns;
	counter_add(how == ORDER_SHARE ? &n->stats.n_share : how == ORDER_DUE ? &n->stats.n_due : &n->stats.n_urgent,
		pkts);

	if (!left) {
		o->n_waiting--;
		if (n->limiter != NULL)
			limiter_sleep(n->limiter);
		return;
	}
	n->head_bytes = head_bytes;
	node_stand(o, id, now_ns);
	if (has_urgent)
		node_stand_urgent(o, id);
}

void order_pass(struct order *o, uint32_t id, uint64_t until_ns, uint64_t now_ns)
{
	node_leave(o, id, now_ns);
	node_hold(o, id, until_ns, BOUND_BPS, now_ns);
}

bool order_link_is_busy(const struct order *o, uint64_t now_ns)
{
	return limiter_ready_ns(&o->link) > now_ns;
}

uint32_t order_link_pkts(const struct order *o, uint32_t most, uint64_t now_ns)
{
	uint64_t ready_ns = u64_max(o->link.pkts.ns, ns_before(now_ns, o->link.save_ns));
	uint32_t n = 1;

	if (o->link.price_pkt == 0)
		return most;
	/* Adding beats dividing for the few packets that a paced link allows a turn. */
	for (uint64_t at_ns = ready_ns; n < most; n++) {
		at_ns += price_ns(o->link.price_pkt, 1);
		if (at_ns > now_ns)
			break;
	}
	return n;
}

uint64_t order_next_ns(struct order *o, uint64_t now_ns)
{
	uint64_t at_ns = u64_min(wheel_next_ns(o->limits), wheel_next_ns(o->urgents));

	if (o->n_waiting == 0)
		return UINT64_MAX;
	if (o->shares_waiting != 0 || !wheel_is_empty(o->deadlines))
		at_ns = now_ns;
	return u64_max(u64_max(at_ns, limiter_ready_ns(&o->link)), now_ns);
}
