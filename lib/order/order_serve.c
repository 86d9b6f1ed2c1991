/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is next, and what it costs him: the lines that decide. */
#include "order_impl.h"

void order_wake(struct order *o, uint32_t id, uint32_t head_bytes, bool has_urgent, uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];

	wake(o, id, n, head_bytes, now_ns);
	o->n_waiting++;
	if (unlikely(n->flags & NODE_IN_TREE))
		groups_renew(o, n, now_ns);
	if (has_urgent)
		node_stand_urgent(o, id);
}

/* The node may have been overtaken by a sibling under the same limiter: then it is held, and another is looked for. */
static inline bool may_send(struct order *o, uint32_t id, uint64_t now_ns)
{
	const struct onode *n = &o->nodes[id];

	if (limit_ready_ns(n) <= now_ns)
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
		uint64_t ready_ns = node_urgent_ready_ns(o, &o->nodes[id]);
		if (ready_ns <= now_ns)
			return id;
		if (o->urgent[id].link.rank >= ready_ns)
			return ORDER_NONE;	/* the first is not ready: nobody is */
		node_leave_urgent(o, id);	/* its limit moved on since it stood here */
		node_stand_urgent(o, id);
	}
	return ORDER_NONE;
}

/* The first by share, and where its bucket starts: nobody competes below that. */
hot_inline uint32_t first_share(const struct order *o, struct level *l, struct cffs *q)
{
	uint32_t pos = cffs_find_first(q), id = q->buckets[pos].head;
	uint64_t start = cffs_bucket_start(q, pos);

	if (unlikely((int64_t)(o->nodes[id].share.rank - start) >= (int64_t)cffs_width(q))) {
		l->first = ORDER_NONE;
		return cffs_first(q);
	}
	l->first = id;
	l->first_start = start;
	return id;
}

hot_inline uint32_t next_of_level(struct order *o, struct level *l, uint64_t now_ns)
{
	uint32_t id;

	if (!wheel_is_quiet(l->events, now_ns))
		level_ripen(o, l, now_ns);
	l->how = ORDER_SHARE;
	while (l->fresh_head != ORDER_NONE) {
		if (unlikely(l->fresh_ns != now_ns)) {
			fresh_settle(o, l, now_ns);
			break;
		}
		if (may_send(o, l->fresh_head, now_ns))
			return l->fresh_head;
	}
	l->how = ORDER_DUE;
	while (!wheel_is_empty(l->deadlines)) {
		id = wheel_first(l->deadlines, now_ns, ORDER_LATE_NS);
		if (may_send(o, id, now_ns))
			return id;
	}
	l->how = ORDER_SHARE;
	while (l->shares_waiting != 0) {
		id = first_share(o, l, l->shares[__builtin_ctz(l->shares_waiting)]);
		if (may_send(o, id, now_ns))
			return id;
	}
	return ORDER_NONE;
}

/* Down through the groups.  One whose members are all held by now steps back, and another is looked for. */
static uint32_t next_in_groups(struct order *o, uint32_t id, uint64_t now_ns)
{
	struct level *l = &o->levels[ROOT];

	for (int i = 0; i < ORDER_MOVES && id != ORDER_NONE; i++) {
		if (!is_group(&o->nodes[id]))
			return id;
		struct level *inner = &o->levels[o->nodes[id].group];
		uint32_t member = next_of_level(o, inner, now_ns);
		if (member != ORDER_NONE) {
			l = inner;
			id = member;
			continue;
		}
		node_leave(o, id, now_ns);
		node_stand(o, id, now_ns);
		groups_renew(o, &o->nodes[id], now_ns);
		l = &o->levels[ROOT];
		id = next_of_level(o, l, now_ns);
	}
	return ORDER_NONE;
}

/* Not inline: callers keep their registers, which is worth more than the call. */
__attribute__((noinline)) uint32_t order_next(struct order *o, uint64_t now_ns, enum order_how *how)
{
	uint32_t id;

	if (order_link_is_busy(o, now_ns))
		return ORDER_NONE;
	if (!wheel_is_empty(o->urgents) && (id = next_urgent(o, now_ns)) != ORDER_NONE) {
		*how = ORDER_URGENT;
		return id;
	}
	id = next_of_level(o, &o->levels[ROOT], now_ns);
	if (unlikely(o->n_groups != 0))
		id = next_in_groups(o, id, now_ns);
	if (id != ORDER_NONE)
		*how = (enum order_how)level_of(o, &o->nodes[id])->how;
	return id;
}

/* The virtual time of a priority moves to the smallest finish among those who compete: as far as buckets tell, so to
 * the first bucket's start.  Were it the finish of whom the bucket happened to give first, the others in the bucket
 * would be lifted to it and lose what they are ahead: with weights far apart that is most of their share. */
static void advance_share(struct level *l, struct cffs *q, const struct onode *n)
{
	uint64_t least = n->finish, start;

	if (!wheel_is_empty(l->deadlines))	/* they are able too, and not in the share queue: theirs may be the least */
		return;
	if (cffs_peek(q, &start) != CFFS_NONE && vtime_before(start, least))
		least = start;
	if (vtime_before(l->vtime[n->priority], least)) {
		l->vtime[n->priority] = least;
		cffs_advance(q, least);
	}
}

/* The node has left the queue. */
hot_inline void charge_share(struct order *o, struct level *l, uint32_t id, struct onode *n, enum order_how how,
	bool was_fresh, uint64_t bytes, uint64_t pkts)
{
	struct cffs *q = l->shares[n->priority];
	uint64_t cost = (uint64_t)(((clk_u128)o->cost_byte * bytes) >> ORDER_SHARE_SHIFT);

	if (o->cost_pkt != 0)
		cost = u64_max(cost, (uint64_t)(((clk_u128)o->cost_pkt * pkts) >> ORDER_SHARE_SHIFT));
	uint64_t step = (uint64_t)((clk_u128)cost * n->inverse >> ORDER_INV_BITS);
	if (was_fresh) {	/* nobody competes: the time is its own */
		forget_share(o, l, n);
		l->vtime[n->priority] = n->finish;
		n->finish += step;
		return;
	}
	if (l->first == id && how == ORDER_SHARE) {	/* it was the first, and nothing has moved since */
		if (vtime_before(l->vtime[n->priority], l->first_start)) {
			l->vtime[n->priority] = l->first_start;
			q->base = l->first_start;
		}
	} else {
		advance_share(l, q, n);
	}
	/* Served on its guarantee: what it owes for shares is never more than this packet beyond virtual time,
	 * so that a floor above the share costs no later excess.  Served on its share: no credit from the past. */
	uint64_t clamp = l->vtime[n->priority];
	if (how != ORDER_SHARE && !is_group(n))
		clamp += cffs_width(q);		/* virtual time is where a bucket begins: debts within it are not forgotten */
	if ((how == ORDER_SHARE) == vtime_before(n->finish, clamp))
		n->finish = clamp;
	n->finish += step;
}

static inline void charge_clock_due(struct clk *c, price_t price, uint64_t n, uint64_t slack_ns, uint64_t window_ns,
	uint64_t now_ns)
{
	uint64_t interval_ns = price_ns(price, n);

	clk_at_least(c, ns_before(now_ns, 2 * interval_ns + slack_ns));
	clk_add(c, price, n);
	clk_at_most(c, now_ns + interval_ns + window_ns);	/* past excess is soon forgotten */
}

/* Backlogged time, beyond what may pass after the deadline, that has not been counted yet (contract 2). */
void node_count_missed(const struct order *o, struct onode *n, uint64_t now_ns)
{
	uint64_t late_from_ns = u64_max(own_deadline_ns(n), n->able_ns) + o->late_ns;

	if (now_ns <= late_from_ns)
		return;
	counter_add(&n->stats->missed_ns, now_ns - u64_max(late_from_ns, n->charged_ns));
	n->charged_ns = now_ns;
}

static inline void charge_guarantee(struct order *o, struct onode *n, uint64_t bytes, uint64_t pkts, uint64_t now_ns)
{
	node_count_missed(o, n, now_ns);
	/* Time the worker lost is made good to guarantees as to limits, or else every stall would be shared by weight. */
	if (unlikely(n->lost_seen_ns != (uint32_t)o->lost_total_ns))
		limiter_count_lost(&n->catchup_ns, &n->lost_seen_ns, o->lost_total_ns);
	uint64_t slack_ns = o->slack_ns + n->catchup_ns;
	uint64_t window_ns = is_group(n) ? GROUP_WINDOWS * o->window_ns : o->window_ns;

	charge_clock_due(&n->due_byte, n->min_byte, own_bytes(n, bytes, pkts), slack_ns, window_ns, now_ns);
	charge_clock_due(&n->due_pkt, n->min_pkt, pkts, slack_ns, window_ns, now_ns);
	if (n->catchup_ns != 0)
		n->catchup_ns = limiter_catchup_left(n->catchup_ns, ns_before(now_ns, own_due_ns(n)));
	n->charged_ns = now_ns;
}

static void charge_urgent(const struct order *o, struct ourgent *u, uint64_t bytes, uint64_t pkts, uint64_t now_ns)
{
	/* The allowance saves two frames, for urgent means now, not a burst; and what it takes to wait for the link. */
	uint64_t two_ns = 2 * u64_max(price_ns(u->price_byte, bytes), price_ns(u->price_pkt, pkts));
	uint64_t floor_ns = ns_before(now_ns, two_ns + o->others_ns);

	clk_at_least(&u->bytes, floor_ns);
	clk_at_least(&u->pkts, floor_ns);
	clk_add(&u->bytes, u->price_byte, bytes);
	clk_add(&u->pkts, u->price_pkt, pkts);
}

/* Time is accounted to what bounds a node when that changes: who waits for the link, is served and waits for the link
 * again is left alone (his figures are brought up to now by order_tick()). */
static inline bool stays_link_bound(const struct onode *n)
{
	return n->state != NODE_HELD && !(n->flags & NODE_IN_TREE);
}

/* Out of its queues, and all its clocks forward. */
hot_inline void charge_node(struct order *o, struct level *l, uint32_t id, struct onode *n, enum order_how how,
	uint64_t bytes, uint64_t pkts, uint64_t now_ns)
{
	bool was_fresh = n->state == NODE_FRESH && l->fresh_head == id;	/* else the others compete now */

	if (stays_link_bound(n))
		take_out(o, l, id, n, now_ns);
	else
		leave(o, l, id, n, now_ns);
	charge_share(o, l, id, n, how, was_fresh, bytes, pkts);
	if (has_guarantee(n))
		charge_guarantee(o, n, bytes, pkts, now_ns);
}

/* After charge_node(): n->state is what it was where the time since has yet to be accounted, else idle. */
hot_inline void stand_again(struct order *o, struct level *l, uint32_t id, struct onode *n, bool left,
	uint32_t head_bytes, uint64_t now_ns)
{
	bool is_open = n->state != NODE_IDLE;
	uint64_t since_ns = n->since_ns;

	if (left) {
		n->head_bytes = head_bytes;
		stand(o, l, id, n, now_ns);
		if (is_open && n->state != NODE_HELD && now_ns - since_ns < NS_PER_MS)
			n->since_ns = since_ns;
		else if (is_open)
			count_held_by(n, BOUND_LINK, now_ns - since_ns);
		return;
	}
	if (is_open) {
		count_held(o, n, now_ns);
		n->state = NODE_IDLE;
	}
	l->n_waiting--;
	limiter_sleep(n->limiter);
}

/* Members have their guarantees in gusts, of packets of different sizes, and others have shares in between.  What the
 * group is ahead of virtual time by that, or behind, counts for as long as past excess does: else it would have shares
 * on top of its floor (14 % of a link were seen), or less than its share.  'finish': before this packet. */
static void keep_finish(const struct order *o, struct onode *g, enum order_how how, uint64_t finish)
{
	uint64_t vtime = level_of(o, g)->vtime[g->priority], most = group_span(o, g);

	if (how != ORDER_SHARE && vtime_before(vtime, finish))
		g->finish += u64_min(finish - vtime, most);
	else if (how == ORDER_SHARE && vtime_before(finish, vtime))
		g->finish -= u64_min(vtime - finish, most);
}

/* A limit may be shared with the group's twin in another order (uplink and local traffic).  Whoever looks first when it
 * allows would have all of it: so it is had by turns, but for what was guaranteed. */
static void yield(struct onode *g, enum order_how how, uint64_t bytes, uint64_t pkts)
{
	const struct limiter *l = g->limiter;

	g->yield_ns = 0;
	if (how == ORDER_SHARE && l->n_waiting > 1)
		g->yield_ns = limiter_ready_ns(l) + u64_max(price_ns(l->price_byte, bytes), price_ns(l->price_pkt, pkts));
}

/* What a member sends its groups send too. */
static __attribute__((noinline)) void charge_groups(struct order *o, const struct onode *n, enum order_how how,
	uint64_t bytes, uint64_t pkts, uint64_t now_ns)
{
	for (uint32_t id = level_of(o, n)->owner; id != ORDER_NONE; id = level_of(o, n)->owner) {
		uint32_t head_bytes = n->head_bytes;

		struct onode *g = &o->nodes[id];
		enum order_how own = how == ORDER_URGENT ? how : (enum order_how)level_of(o, g)->how;
		uint64_t finish = g->finish;
		struct level *l = level_of(o, g);
		n = g;
		charge_node(o, l, id, g, own, bytes, pkts, now_ns);
		keep_finish(o, g, own, finish);
		limiter_charge(g->limiter, bytes, pkts, now_ns, o->lost_total_ns, o->lost_end_ns);
		yield(g, own, own_bytes(g, bytes, pkts), pkts);
		stand_again(o, l, id, g, o->levels[g->group].n_waiting > 0, head_bytes, now_ns);
	}
}

void order_begin_run(struct order *o, uint32_t id, enum order_how how, uint64_t now_ns, struct order_run *r)
{
	const struct onode *n = &o->nodes[id];
	/* One that goes for its guarantee may not be due any more; one that shares limits with others must look. */
	bool is_one = how != ORDER_SHARE || (n->flags & NODE_IN_TREE);

	lift_link(o, now_ns);
	limiter_lift(n->limiter, now_ns, o->lost_total_ns, o->lost_end_ns);
	*r = (struct order_run){
		.now_ns = now_ns,
		.most_bytes = is_one ? 0 : o->run_bytes,
		.most_pkts = o->run_pkts,
		.link = &o->link,
		.limiter = n->limiter,
		.extra_bytes = o->extra_bytes,
	};
}

void order_end_run(struct order *o, uint32_t id, enum order_how how, const struct order_run *r, bool left,
	uint32_t head_bytes, bool has_urgent)
{
	struct onode *n = &o->nodes[id];
	struct level *l = level_of(o, n);

	charge_link(o, r);
	limiter_add(n->limiter, r->bytes, r->pkts, r->now_ns);
	if (unlikely(n->flags & NODE_HAS_URGENT)) {
		node_leave_urgent(o, id);
		if (how == ORDER_URGENT)
			charge_urgent(o, n->urgent, own_bytes(n, r->bytes, r->pkts), r->pkts, r->now_ns);
	}
	charge_node(o, l, id, n, how, r->bytes, r->pkts, r->now_ns);
	stand_again(o, l, id, n, left, head_bytes, r->now_ns);
	o->n_waiting -= !left;
	if (unlikely(n->flags & NODE_IN_TREE))
		charge_groups(o, n, how, r->bytes, r->pkts, r->now_ns);
	if (left && has_urgent)
		node_stand_urgent(o, id);
}

void order_charge(struct order *o, uint32_t id, enum order_how how, uint64_t bytes, uint64_t pkts, bool left,
	uint32_t head_bytes, bool has_urgent, uint64_t now_ns)
{
	struct order_run r;

	order_begin_run(o, id, how, now_ns, &r);
	order_run_add(&r, bytes, pkts);
	order_end_run(o, id, how, &r, left, head_bytes, has_urgent);
}

void order_pass(struct order *o, uint32_t id, uint64_t until_ns, uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];

	node_leave(o, id, now_ns);
	if (n->time.bucket != CFFS_NONE)	/* an earlier event would end it */
		wheel_remove(level_of(o, n)->events, id);
	node_hold(o, id, until_ns, BOUND_BPS, now_ns);
	if (unlikely(n->level != ROOT))
		groups_renew(o, n, now_ns);
}

bool order_link_is_busy(const struct order *o, uint64_t now_ns)
{
	return limiter_ready_ns(&o->link) > now_ns;
}

uint32_t order_link_pkts(const struct order *o, uint32_t most, uint64_t now_ns)
{
	return limiter_pkts(&o->link, most, now_ns);
}

uint64_t order_next_ns(struct order *o, uint64_t now_ns)
{
	const struct level *root = &o->levels[ROOT];
	uint64_t at_ns = u64_min(wheel_next_ns(root->events), wheel_next_ns(o->urgents));

	if (o->n_waiting == 0)
		return UINT64_MAX;
	if (moves_are_spent(o, now_ns))
		at_ns = u64_max(at_ns, now_ns + 1);
	if (level_is_able(root) || root->fresh_head != ORDER_NONE)
		at_ns = now_ns;
	return u64_max(u64_max(at_ns, limiter_ready_ns(&o->link)), now_ns);
}
