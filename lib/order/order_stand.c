/* SPDX-License-Identifier: BSD-3-Clause */
/* In and out of the queues: where a node stands at a given time. */
#include "order_impl.h"

static void push_share(struct order *o, uint32_t id)
{
	struct onode *n = &o->nodes[id];

	forget_share(o, n);
	cffs_push(o->shares[n->priority], id, n->finish);
	o->shares_waiting |= 1u << n->priority;
}

static void remove_share(struct order *o, uint32_t id)
{
	uint8_t p = o->nodes[id].priority;

	cffs_remove(o->shares[p], id);
	if (cffs_is_empty(o->shares[p]))
		o->shares_waiting &= ~(1u << p);
}

void node_hold(struct order *o, uint32_t id, uint64_t until_ns, uint8_t bound, uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];

	n->state = NODE_HELD;
	n->bound = bound;
	n->since_ns = now_ns;
	wheel_push(o->limits, id, until_ns);
}

static void stand_able(struct order *o, uint32_t id, uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];

	n->since_ns = now_ns;
	if (has_guarantee(n)) {
		if (due_ns(n) <= now_ns) {
			n->state = NODE_DUE;
			wheel_push(o->deadlines, id, deadline_ns(n));
			return;
		}
		wheel_push(o->guarantees, id, due_ns(n));
	}
	n->state = NODE_SHARED;
	push_share(o, id);
}

void node_stand(struct order *o, uint32_t id, uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];

	if (n->limiter != NULL) {
		uint64_t ready_ns = limiter_ready_ns(n->limiter);
		if (ready_ns > now_ns) {
			bool by_pkts = n->limiter->pkts.ns > n->limiter->bytes.ns;
			node_hold(o, id, ready_ns, by_pkts ? BOUND_PPS : BOUND_BPS, now_ns);
			return;
		}
	}
	stand_able(o, id, now_ns);
}

void node_leave(struct order *o, uint32_t id, uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];
	uint8_t bound = BOUND_LINK;

	switch (n->state) {
	case NODE_HELD:
		/* It may have been popped from the wheel already by the caller. */
		if (o->time_links[id].bucket != CFFS_NONE)
			wheel_remove(o->limits, id);
		bound = n->bound;
		n->able_ns = u64_min(o->time_links[id].rank, now_ns);
		break;
	case NODE_SHARED:
		if (has_guarantee(n))
			wheel_remove(o->guarantees, id);
		remove_share(o, id);
		break;
	case NODE_DUE:
		wheel_remove(o->deadlines, id);
		break;
	default:
		return;
	}
	counter_add(&n->stats.held_ns[bound], now_ns - n->since_ns);
	n->state = NODE_IDLE;
}

void node_make_due(struct order *o, uint32_t id)
{
	struct onode *n = &o->nodes[id];

	remove_share(o, id);
	n->state = NODE_DUE;
	wheel_push(o->deadlines, id, deadline_ns(n));
}

/* Within its allowance, and not further over the VF's limit than its burst (contract 4). */
uint64_t node_urgent_ready_ns(const struct onode *n)
{
	uint64_t allowed_ns = u64_max(n->urgent_byte.ns, n->urgent_pkt.ns);

	if (n->limiter == NULL)
		return allowed_ns;
	return u64_max(allowed_ns, ns_before(limiter_ready_ns(n->limiter), n->burst_ns));
}

void node_stand_urgent(struct order *o, uint32_t id)
{
	struct onode *n = &o->nodes[id];

	if (n->is_urgent || !has_urgent_terms(n))
		return;
	n->is_urgent = true;
	wheel_push(o->urgents, id, node_urgent_ready_ns(n));
}

void node_leave_urgent(struct order *o, uint32_t id)
{
	struct onode *n = &o->nodes[id];

	if (!n->is_urgent)
		return;
	n->is_urgent = false;
	wheel_remove(o->urgents, id);
}
