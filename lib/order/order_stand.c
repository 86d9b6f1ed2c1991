/* SPDX-License-Identifier: BSD-3-Clause */
/* In and out of the queues: where a node stands at a given time. */
#include "order_impl.h"

/* An earlier event may stay: it costs a look. */
static inline void want_event(struct level *l, uint32_t id, const struct onode *n, uint64_t at_ns)
{
	if (n->time.bucket != CFFS_NONE) {
		if (n->time.rank <= at_ns)
			return;
		wheel_remove(l->events, id);
	}
	wheel_push(l->events, id, at_ns);
}

/* How long the groups above it have been held by their own limits, in all. */
static uint64_t groups_held_ns(const struct order *o, const struct onode *n, uint64_t now_ns)
{
	uint64_t sum_ns = 0;

	for (uint32_t owner = level_of(o, n)->owner; owner != ORDER_NONE; owner = level_of(o, n)->owner) {
		n = &o->nodes[owner];
		sum_ns += counter_read(&n->stats->held_ns[BOUND_BPS]) + counter_read(&n->stats->held_ns[BOUND_PPS]);
		if (n->state == NODE_HELD && n->bound < N_BOUNDS)
			sum_ns += now_ns - n->since_ns;
	}
	return sum_ns;
}

static inline void begin_to_compete(const struct order *o, struct onode *n, uint64_t now_ns)
{
	n->since_ns = now_ns;
	if (unlikely(n->level != ROOT))
		n->group_held_ns = groups_held_ns(o, n, now_ns);
}

/* What a member waited while its group was held by its own limit is the group's doing. */
void count_held_in_group(const struct order *o, struct onode *n, uint64_t now_ns)
{
	uint64_t held_ns = now_ns - n->since_ns;
	uint8_t bound = n->state == NODE_HELD ? n->bound : (uint8_t)BOUND_LINK;

	if (n->state != NODE_HELD) {
		uint64_t all_ns = groups_held_ns(o, n, now_ns);
		uint64_t by_group_ns = u64_min(all_ns - n->group_held_ns, held_ns);
		counter_add(&n->stats->held_ns[BOUND_GROUP], by_group_ns);
		held_ns -= by_group_ns;
		n->group_held_ns = all_ns;
	}
	if (bound < N_BOUNDS)
		counter_add(&n->stats->held_ns[bound], held_ns);
	n->since_ns = now_ns;
}

void node_hold(struct order *o, uint32_t id, uint64_t until_ns, uint8_t bound, uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];

	n->state = NODE_HELD;
	n->bound = bound;
	n->since_ns = now_ns;
	want_event(level_of(o, n), id, n, until_ns);
}

/* A group of which nobody may send waits for the first of its members. */
static uint64_t members_ready_ns(const struct order *o, const struct onode *n, uint64_t now_ns)
{
	const struct level *l = &o->levels[n->group];

	if (level_is_able(l))
		return 0;
	return u64_max(wheel_next_ns(l->events), moves_are_spent(o, now_ns) ? now_ns + 1 : 0);
}

/* A member that is due makes its group due: what members were sold is a floor of the group (contract.py). */
static inline uint64_t due_ns(const struct order *o, const struct onode *n)
{
	if (unlikely(is_group(n))) {
		if (!wheel_is_empty(o->levels[n->group].deadlines))
			return 0;
		if (!has_guarantee(n))
			return UINT64_MAX;
	}
	return own_due_ns(n);
}

static uint64_t group_deadline_ns(const struct order *o, const struct onode *n, uint64_t now_ns)
{
	struct wheel *deadlines = o->levels[n->group].deadlines;
	uint64_t at_ns = has_guarantee(n) && own_due_ns(n) <= now_ns ? own_deadline_ns(n) : UINT64_MAX;

	if (wheel_is_empty(deadlines))
		return at_ns;
	return u64_min(at_ns, o->nodes[wheel_first(deadlines, now_ns, ORDER_LATE_NS)].time.rank);
}

static void make_due(struct order *o, struct level *l, uint32_t id, struct onode *n, uint64_t now_ns)
{
	if (n->time.bucket != CFFS_NONE)
		wheel_remove(l->events, id);
	n->state = NODE_DUE;
	wheel_push(l->deadlines, id, is_group(n) ? group_deadline_ns(o, n, now_ns) : own_deadline_ns(n));
}

static uint64_t event_ns(const struct order *o, const struct onode *n, uint64_t due)
{
	return is_group(n) ? u64_min(due, wheel_next_ns(o->levels[n->group].events)) : due;
}

static inline void stand_able(struct order *o, struct level *l, uint32_t id, struct onode *n, uint64_t now_ns)
{
	begin_to_compete(o, n, now_ns);
	if (n->flags & NODE_MAY_BE_DUE) {
		uint64_t due = due_ns(o, n);
		if (due <= now_ns) {
			make_due(o, l, id, n, now_ns);
			return;
		}
		due = event_ns(o, n, due);
		if (due != UINT64_MAX)
			want_event(l, id, n, due);
	}
	n->state = NODE_SHARED;
	push_share(o, l, id, n);
}

void node_stand(struct order *o, uint32_t id, uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];
	uint64_t ready_ns = limit_ready_ns(n);

	if (unlikely(is_group(n)))
		ready_ns = u64_max(ready_ns, n->yield_ns);
	if (ready_ns > now_ns) {
		bool by_pkts = n->limiter->pkts.ns > n->limiter->bytes.ns;
		node_hold(o, id, ready_ns, by_pkts ? BOUND_PPS : BOUND_BPS, now_ns);
		return;
	}
	if (unlikely(is_group(n)) && (ready_ns = members_ready_ns(o, n, now_ns)) > now_ns) {
		node_hold(o, id, ready_ns, N_BOUNDS, now_ns);
		return;
	}
	if (level_of(o, n)->fresh_head != ORDER_NONE)
		fresh_settle(o, level_of(o, n), now_ns);
	stand_able(o, level_of(o, n), id, n, now_ns);
}

void fresh_settle(struct order *o, struct level *l, uint64_t now_ns)
{
	uint32_t id = l->fresh_head;

	l->fresh_head = ORDER_NONE;
	while (id != ORDER_NONE) {
		struct onode *n = &o->nodes[id];
		uint32_t next = n->share.next;
		uint64_t since_ns = n->since_ns;
		n->state = NODE_IDLE;
		node_stand(o, id, now_ns);
		if (n->state == NODE_HELD)	/* a sibling has used the limiter meanwhile: until now it waited for the link */
			count_held_by(n, BOUND_LINK, now_ns - since_ns);
		else
			n->since_ns = since_ns;
		id = next;
	}
}

/* take_out() of one that has just been settled. */
void take_out_settled(struct order *o, uint32_t id, uint64_t now_ns)
{
	take_out(o, level_of(o, &o->nodes[id]), id, &o->nodes[id], now_ns);
}

void node_leave(struct order *o, uint32_t id, uint64_t now_ns)
{
	leave(o, level_of(o, &o->nodes[id]), id, &o->nodes[id], now_ns);
}

static inline void look_again(struct order *o, struct level *l, uint32_t id, uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];

	if (n->state == NODE_HELD && !(n->flags & NODE_IN_TREE)) {	/* as most are */
		leave(o, l, id, n, now_ns);
		stand(o, l, id, n, now_ns);
		return;
	}
	if (unlikely(is_group(n)))
		level_ripen(o, &o->levels[n->group], now_ns);
	if (n->state == NODE_HELD) {
		node_leave(o, id, now_ns);
		node_stand(o, id, now_ns);	/* held anew where a sibling has used the limiter meanwhile */
	} else if (n->state == NODE_SHARED && (n->flags & NODE_MAY_BE_DUE)) {
		uint64_t due = due_ns(o, n);
		if (due <= now_ns) {
			remove_share(l, id, n);
			make_due(o, l, id, n, now_ns);
		} else if ((due = event_ns(o, n, due)) != UINT64_MAX) {
			want_event(l, id, n, due);
		}
	}
}

/* What became able to send, and what became due, moves to where it belongs; so many in a moment, and the rest in the
 * next. */
void level_ripen(struct order *o, struct level *l, uint64_t now_ns)
{
	uint32_t id;

	if (o->moves_ns != now_ns) {
		o->moves_ns = now_ns;
		o->moves_left = ORDER_TURN_MOVES;
	}
	for (int i = 0; i < ORDER_MOVES && o->moves_left > 0; i++) {
		id = wheel_pop_due(l->events, now_ns);
		if (id == CFFS_NONE)
			return;
		o->moves_left--;
		look_again(o, l, id, now_ns);
	}
}

void node_attach_stats(struct order *o, struct onode *n)
{
	__atomic_store_n(&n->stats, &o->stats[o->n_stats++], __ATOMIC_RELEASE);
	n->flags |= NODE_HAS_STATS;
}

void node_wake(struct order *o, uint32_t id, uint32_t head_bytes, uint64_t now_ns)
{
	wake(o, id, &o->nodes[id], head_bytes, now_ns);
}

void node_sleep(struct order *o, uint32_t id, uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];

	node_leave(o, id, now_ns);
	level_of(o, n)->n_waiting--;
	limiter_sleep(n->limiter);
}

static void renew_group(struct order *o, uint32_t id, uint32_t head_bytes, uint64_t now_ns)
{
	struct onode *g = &o->nodes[id];
	bool is_waiting = o->levels[g->group].n_waiting > 0;

	if (g->state == NODE_IDLE) {
		if (is_waiting)
			node_wake(o, id, head_bytes, now_ns);
	} else if (!is_waiting) {
		node_sleep(o, id, now_ns);
	} else if (g->state != NODE_HELD || g->bound >= N_BOUNDS || limit_ready_ns(g) <= now_ns) {
		node_leave(o, id, now_ns);
		node_stand(o, id, now_ns);
	}
}

void groups_renew(struct order *o, const struct onode *n, uint64_t now_ns)
{
	for (uint32_t owner = level_of(o, n)->owner; owner != ORDER_NONE; owner = level_of(o, n)->owner) {
		renew_group(o, owner, n->head_bytes, now_ns);
		n = &o->nodes[owner];
	}
}

/* Within its allowance, and not further over its limits, the groups' too, than its burst (contract 4). */
uint64_t node_urgent_ready_ns(const struct order *o, const struct onode *n)
{
	const struct ourgent *u = n->urgent;
	uint64_t limit_ns = limit_ready_ns(n);

	for (uint32_t owner = level_of(o, n)->owner; owner != ORDER_NONE; owner = level_of(o, n)->owner) {
		n = &o->nodes[owner];
		limit_ns = u64_max(limit_ns, limit_ready_ns(n));
	}
	return u64_max(u64_max(u->bytes.ns, u->pkts.ns), ns_before(limit_ns, u->burst_ns));
}

void node_stand_urgent(struct order *o, uint32_t id)
{
	const struct onode *n = &o->nodes[id];

	if (!(n->flags & NODE_HAS_URGENT) || n->urgent->is_waiting)
		return;
	n->urgent->is_waiting = true;
	wheel_push(o->urgents, id, node_urgent_ready_ns(o, n));
}

void node_leave_urgent(struct order *o, uint32_t id)
{
	const struct onode *n = &o->nodes[id];

	if (!waits_urgent(n))
		return;
	n->urgent->is_waiting = false;
	wheel_remove(o->urgents, id);
}
