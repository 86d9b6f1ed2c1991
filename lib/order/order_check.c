/* SPDX-License-Identifier: BSD-3-Clause */
/* The invariants, slowly. */
#include <inttypes.h>

#include "order_impl.h"

struct counts {
	uint32_t waiting, fresh, shared, due, timed;
};

static bool check_node(const struct order *o, uint32_t id, struct counts *c, FILE *out)
{
	const struct onode *n = &o->nodes[id];
	bool in_time = n->time.bucket != CFFS_NONE, in_share = n->share.bucket != CFFS_NONE;
	bool wants_time = n->state == NODE_HELD || n->state == NODE_DUE || (n->state == NODE_SHARED && has_guarantee(n));
	bool is_waiting = is_group(n) ? o->levels[n->group].n_waiting > 0 : n->state != NODE_IDLE;

	c->waiting += n->state != NODE_IDLE;
	c->fresh += n->state == NODE_FRESH;
	c->shared += n->state == NODE_SHARED;
	c->due += n->state == NODE_DUE;
	c->timed += in_time;
	if ((wants_time && !in_time) || in_share != (n->state == NODE_SHARED)) {
		fprintf(out, "order: node %u in state %u stands in the wrong queues\n", id, n->state);
		return false;
	}
	if (waits_urgent(n) && n->state == NODE_IDLE) {
		fprintf(out, "order: node %u is urgent but idle\n", id);
		return false;
	}
	if (is_waiting != (n->state != NODE_IDLE)) {
		fprintf(out, "order: group %u in state %u has %u members waiting\n", id - o->n_nodes, n->state,
			o->levels[n->group].n_waiting);
		return false;
	}
	return true;
}

/* A member must not be able, or become so, while its group does not know. */
static bool check_group(const struct order *o, uint32_t id, FILE *out)
{
	const struct onode *g = &o->nodes[id];
	const struct level *l = &o->levels[g->group];
	bool is_held_by_limit = g->state == NODE_HELD && g->bound < N_BOUNDS;

	if (g->state == NODE_IDLE || is_held_by_limit)
		return true;
	if (g->state == NODE_HELD && level_is_able(l)) {
		fprintf(out, "order: group %u is held though a member may send\n", id - o->n_nodes);
		return false;
	}
	if (g->state == NODE_SHARED && !wheel_is_empty(l->deadlines)) {
		fprintf(out, "order: group %u is not due though a member is\n", id - o->n_nodes);
		return false;
	}
	if (g->state != NODE_DUE && !wheel_is_empty(l->events) &&
		(g->time.bucket == CFFS_NONE || g->time.rank > u64_max(wheel_next_ns(l->events), o->moves_ns + 1))) {
		fprintf(out, "order: group %u sleeps longer than its members, until %" PRIu64 "\n", id - o->n_nodes,
			g->time.rank);
		return false;
	}
	return true;
}

static bool check_level(const struct order *o, uint32_t level, FILE *out)
{
	const struct level *l = &o->levels[level];
	struct counts c = {0};
	uint32_t n_in_shares = 0;
	bool is_ok = wheel_check(l->events, out) && wheel_check(l->deadlines, out);

	for (uint32_t id = 0; id < o->n_nodes + o->n_groups; id++) {
		if (o->nodes[id].level == level)
			is_ok &= check_node(o, id, &c, out);
	}
	for (int p = 0; p < ORDER_N_PRIORITIES; p++) {
		is_ok &= cffs_check(l->shares[p], out);
		is_ok &= cffs_is_empty(l->shares[p]) == ((l->shares_waiting & 1u << p) == 0);
		n_in_shares += cffs_count(l->shares[p]);
	}
	uint32_t n_fresh = 0;
	for (uint32_t id = l->fresh_head; id != ORDER_NONE && n_fresh <= c.fresh; id = o->nodes[id].share.next)
		n_fresh++;
	if (n_fresh != c.fresh || (n_fresh > 0 && level_is_able(l))) {
		fprintf(out, "order: level %u: %u came in this moment, %u are in their list\n", level, c.fresh, n_fresh);
		is_ok = false;
	}
	if (c.waiting != l->n_waiting || c.shared != n_in_shares || c.due != wheel_count(l->deadlines) ||
		c.timed != wheel_count(l->events) + wheel_count(l->deadlines)) {
		fprintf(out, "order: level %u: %u waiting (%u counted), %u shared (%u queued), %u due, %u timed\n", level,
			c.waiting, l->n_waiting, c.shared, n_in_shares, c.due, c.timed);
		is_ok = false;
	}
	return is_ok;
}

bool order_check(const struct order *o, FILE *out)
{
	uint32_t n_waiting = 0;
	bool is_ok = wheel_check(o->urgents, out);

	for (uint32_t level = ROOT; level <= o->n_groups; level++)
		is_ok &= check_level(o, level, out);
	for (uint32_t id = 0; id < o->n_nodes; id++)
		n_waiting += o->nodes[id].state != NODE_IDLE;
	for (uint32_t id = o->n_nodes; id < o->n_nodes + o->n_groups; id++)
		is_ok &= check_group(o, id, out);
	if (n_waiting != o->n_waiting) {
		fprintf(out, "order: %u nodes wait, %u counted\n", n_waiting, o->n_waiting);
		is_ok = false;
	}
	return is_ok;
}
