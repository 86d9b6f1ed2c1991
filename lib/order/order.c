/* SPDX-License-Identifier: BSD-3-Clause */
/* Set-up, terms, waking and sleeping. */
#include "order.h"

#include <stdlib.h>

#include "order_impl.h"

#define WHEEL_SHIFT	 10	/* 1.024 us */
#define NOMINAL_LINK_BPS UINT64_C(10000000000)

static uint32_t pow2_at_least(uint64_t n, uint32_t least, uint32_t most)
{
	uint32_t p = least;

	while (p < n && p < most)
		p *= 2;
	return p;
}

/* Buckets so wide that the largest packet of the smallest weight spans half of the window. */
static unsigned int share_shift(const struct order *o, const struct order_params *p, uint32_t n_buckets)
{
	clk_u128 step = (clk_u128)o->cost_byte * p->largest_bytes;
	clk_u128 by_pkt = (clk_u128)o->cost_pkt * (p->largest_pkts ? p->largest_pkts : 1);
	unsigned int shift = 0;

	if (by_pkt > step)
		step = by_pkt;
	step >>= ORDER_SHARE_SHIFT;
	while (shift < 50 && ((clk_u128)n_buckets << shift) < 2 * step)
		shift++;
	return shift;
}

static bool create_queues(struct order *o, const struct order_params *p)
{
	uint32_t n_times = pow2_at_least(UINT64_C(4) * p->n_nodes, 512, 16384);
	uint32_t n_ordered = n_times < 4096 ? 4096 : n_times;	/* a window of 4 ms: ORDER_LATE_NS must fit a quarter */
	uint32_t n_shares = pow2_at_least(UINT64_C(2) * p->n_nodes, 1024, 65536);
	unsigned int shift = share_shift(o, p, n_shares);
	bool is_ok = true;

	o->ahead_most = (uint64_t)n_shares << (shift + 5);	/* packets of 32 copies at once, and to spare */
	cffs_nodes_init(o->time_links, p->n_nodes);
	cffs_nodes_init(o->share_links, p->n_nodes);
	cffs_nodes_init(o->urgent_links, p->n_nodes);
	is_ok &= (o->limits = wheel_create(n_times, WHEEL_SHIFT, o->time_links)) != NULL;
	is_ok &= (o->guarantees = wheel_create(n_times, WHEEL_SHIFT, o->time_links)) != NULL;
	is_ok &= (o->deadlines = wheel_create(n_ordered, WHEEL_SHIFT, o->time_links)) != NULL;
	is_ok &= (o->urgents = wheel_create(n_ordered, WHEEL_SHIFT, o->urgent_links)) != NULL;
	for (int i = 0; i < ORDER_N_PRIORITIES; i++)
		is_ok &= (o->shares[i] = cffs_create(n_shares, shift, o->share_links)) != NULL;
	return is_ok;
}

/* For how long past excess counts towards a guarantee: until all guarantees may have had two turns one after the
 * other, for what is left comes in between, in gusts; more than is remembered would be had on top of the guarantee (36
 * VFs with floors on 90 % of the link: 0.8 % of it).  At least 10 packets (contract.py), and not over 1 ms, which would
 * be felt. */
static void set_window(struct order *o)
{
	uint64_t n_pkts = u64_max(2 * o->n_guarantees, 10);
	uint64_t most_ns = u64_max(10 * o->largest_ns, NS_PER_MS);

	o->window_ns = u64_min(n_pkts * o->largest_ns, most_ns) + o->turn_ns;
}

struct order *order_create(const struct order_params *p)
{
	struct order *o = calloc(1, sizeof(*o));
	uint32_t n_at_once = p->largest_pkts ? p->largest_pkts : 1;

	if (o == NULL)
		return NULL;
	o->n_nodes = p->n_nodes;
	o->nodes = calloc(p->n_nodes, sizeof(*o->nodes));
	o->time_links = calloc(p->n_nodes, sizeof(*o->time_links));
	o->share_links = calloc(p->n_nodes, sizeof(*o->share_links));
	o->urgent_links = calloc(p->n_nodes, sizeof(*o->urgent_links));
	o->extra_bytes = p->extra_bytes;
	o->link_catchup = p->link_catchup;
	o->cost_byte = p->cost_byte ? p->cost_byte : p->link_byte;
	o->cost_pkt = p->cost_pkt ? p->cost_pkt : p->link_pkt;
	if ((o->cost_byte | o->cost_pkt) == 0)
		o->cost_byte = price_of_bps(NOMINAL_LINK_BPS);

	uint64_t largest_ns = u64_max(price_ns(o->cost_byte, p->largest_bytes), price_ns(o->cost_pkt, n_at_once));
	o->largest_ns = largest_ns;
	o->turn_ns = p->turn_ns;
	o->late_ns = u64_max(ORDER_LATE_NS, largest_ns + p->turn_ns);	/* a slow link's packet takes longer */
	o->others_ns = 12 * largest_ns + p->turn_ns;
	o->slack_ns = u64_max(o->others_ns, o->late_ns + p->turn_ns);	/* what is forgiven cannot be missed */
	set_window(o);
	o->link.price_byte = p->link_byte;
	o->link.price_pkt = p->link_pkt;
	o->link.save_ns = p->turn_ns;
	o->link.n_waiting = 1;
	if (o->nodes == NULL || o->time_links == NULL || o->share_links == NULL || o->urgent_links == NULL ||
		!create_queues(o, p)) {
		order_destroy(o);
		return NULL;
	}
	for (uint32_t i = 0; i < p->n_nodes; i++)
		order_set(o, i, &(struct order_terms){.weight = 1}, NULL, 0);
	return o;
}

void order_destroy(struct order *o)
{
	if (o == NULL)
		return;
	wheel_destroy(o->limits);
	wheel_destroy(o->guarantees);
	wheel_destroy(o->deadlines);
	wheel_destroy(o->urgents);
	for (int i = 0; i < ORDER_N_PRIORITIES; i++)
		cffs_destroy(o->shares[i]);
	free(o->time_links);
	free(o->share_links);
	free(o->urgent_links);
	free(o->nodes);
	free(o);
}

/* A guarantee clock ahead of now is a debt in units: it is worth as many units at the new price (contract 9). */
static void reprice_due(struct clk *c, price_t old_price, price_t new_price, uint64_t now_ns)
{
	if (old_price == 0 || c->ns <= now_ns)
		return;
	clk_u128 ahead = (clk_u128)(c->ns - now_ns) * new_price / old_price;
	c->ns = now_ns + (ahead > UINT64_MAX / 4 ? UINT64_MAX / 4 : (uint64_t)ahead);
}

static void change_limiter(struct order *o, struct onode *n, struct limiter *limiter, bool is_waiting)
{
	if (n->limiter == limiter)
		return;
	if (is_waiting && n->limiter != NULL)
		limiter_sleep(n->limiter);
	if (is_waiting && limiter != NULL)
		limiter_wake(limiter, o->lost_total_ns);
	n->limiter = limiter;
}

void order_set(struct order *o, uint32_t id, const struct order_terms *t, struct limiter *limiter, uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];
	bool is_waiting = n->state != NODE_IDLE;
	bool was_urgent = n->is_urgent;

	node_leave(o, id, now_ns);
	node_leave_urgent(o, id);
	reprice_due(&n->due_byte, n->min_byte, t->min_byte, now_ns);
	reprice_due(&n->due_pkt, n->min_pkt, t->min_pkt, now_ns);
	o->n_guarantees -= has_guarantee(n);
	n->min_byte = t->min_byte;
	n->min_pkt = t->min_pkt;
	o->n_guarantees += has_guarantee(n);
	set_window(o);
	n->urgent_price_byte = t->urgent_byte;
	n->urgent_price_pkt = t->urgent_pkt;
	n->burst_ns = t->burst_ns;
	n->weight = t->weight;
	n->share_byte = o->cost_byte / t->weight;
	n->share_pkt = o->cost_pkt / t->weight;
	if (n->priority != t->priority) {	/* virtual times of two priorities have nothing in common */
		n->priority = t->priority;
		n->finish = o->vtime[t->priority];
	}
	change_limiter(o, n, limiter, is_waiting);
	if (is_waiting)
		node_stand(o, id, now_ns);
	if (was_urgent)
		node_stand_urgent(o, id);
}

void order_wake(struct order *o, uint32_t id, uint32_t head_bytes, bool has_urgent, uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];

	/* No credit from idling: neither of shares nor of guarantees (a crowd that wakes would starve a fast one).  The
	 * limit's credit is the burst, which limiter_charge() bounds. */
	forget_share(o, n);
	clk_at_least(&n->due_byte, now_ns);
	clk_at_least(&n->due_pkt, now_ns);
	if (n->limiter != NULL)
		limiter_wake(n->limiter, o->lost_total_ns);
	n->charged_ns = now_ns;
	n->catchup_ns = 0;
	n->lost_seen_ns = o->lost_total_ns;
	n->head_bytes = head_bytes;
	o->n_waiting++;
	node_stand(o, id, now_ns);
	if (has_urgent)
		node_stand_urgent(o, id);
}

void order_wake_urgent(struct order *o, uint32_t id, uint64_t now_ns)
{
	(void)now_ns;
	node_stand_urgent(o, id);
}

void order_sleep_urgent(struct order *o, uint32_t id)
{
	node_leave_urgent(o, id);
}

void order_sleep(struct order *o, uint32_t id, uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];

	if (n->state == NODE_IDLE)
		return;
	node_leave(o, id, now_ns);
	node_leave_urgent(o, id);
	o->n_waiting--;
	if (n->limiter != NULL)
		limiter_sleep(n->limiter);
}

void order_lost(struct order *o, uint64_t lost_ns, uint64_t now_ns)
{
	(void)now_ns;
	o->lost_total_ns += lost_ns;
	if (o->n_waiting == 0)	/* nobody waited: nothing is given back */
		o->link.lost_seen_ns = o->link_catchup ? o->lost_total_ns : 0;
}

void order_tick(struct order *o, uint64_t now_ns)
{
	if (o->n_waiting == 0)
		return;
	for (int i = 0; i < ORDER_TICKS; i++) {
		struct onode *n = &o->nodes[o->tick];

		o->tick = o->tick + 1 < o->n_nodes ? o->tick + 1 : 0;
		if (n->state == NODE_IDLE)
			continue;
		counter_add(&n->stats.held_ns[n->state == NODE_HELD ? n->bound : BOUND_LINK], now_ns - n->since_ns);
		n->since_ns = now_ns;
		if (n->state != NODE_HELD && has_guarantee(n))
			node_count_missed(o, n, now_ns);
	}
}

void order_set_link(struct order *o, price_t link_byte, price_t link_pkt, uint64_t now_ns)
{
	limiter_set(&o->link, link_byte, link_pkt, o->link.save_ns, now_ns);
}

bool order_is_waiting(const struct order *o, uint32_t id)
{
	return o->nodes[id].state != NODE_IDLE;
}

uint32_t order_n_waiting(const struct order *o)
{
	return o->n_waiting;
}

const struct order_stats *order_stats(const struct order *o, uint32_t id)
{
	return &o->nodes[id].stats;
}

static bool check_node(const struct order *o, uint32_t id, FILE *out)
{
	const struct onode *n = &o->nodes[id];
	bool in_time = o->time_links[id].bucket != CFFS_NONE;
	bool in_share = o->share_links[id].bucket != CFFS_NONE;
	bool in_urgent = o->urgent_links[id].bucket != CFFS_NONE;
	bool want_time = n->state == NODE_HELD || n->state == NODE_DUE ||
			 (n->state == NODE_SHARED && has_guarantee(n));

	if (in_time != want_time || in_share != (n->state == NODE_SHARED) || in_urgent != n->is_urgent) {
		fprintf(out, "order: node %u in state %u stands in the wrong queues\n", id, n->state);
		return false;
	}
	if (n->is_urgent && n->state == NODE_IDLE) {
		fprintf(out, "order: node %u is urgent but idle\n", id);
		return false;
	}
	return true;
}

bool order_check(const struct order *o, FILE *out)
{
	uint32_t n_waiting = 0, n_shared = 0, n_in_shares = 0, n_held = 0, n_due = 0;
	bool is_ok = wheel_check(o->limits, out) && wheel_check(o->guarantees, out) && wheel_check(o->deadlines, out) &&
		     wheel_check(o->urgents, out);

	for (uint32_t id = 0; id < o->n_nodes; id++) {
		is_ok &= check_node(o, id, out);
		n_waiting += o->nodes[id].state != NODE_IDLE;
		n_shared += o->nodes[id].state == NODE_SHARED;
		n_held += o->nodes[id].state == NODE_HELD;
		n_due += o->nodes[id].state == NODE_DUE;
	}
	for (int p = 0; p < ORDER_N_PRIORITIES; p++) {
		is_ok &= cffs_check(o->shares[p], out);
		is_ok &= cffs_is_empty(o->shares[p]) == ((o->shares_waiting & 1u << p) == 0);
		n_in_shares += cffs_count(o->shares[p]);
	}
	if (n_waiting != o->n_waiting || n_shared != n_in_shares || n_held != wheel_count(o->limits) ||
		n_due != wheel_count(o->deadlines)) {
		fprintf(out, "order: %u waiting (%u counted), %u shared (%u queued), %u held, %u due\n", n_waiting,
			o->n_waiting, n_shared, n_in_shares, n_held, n_due);
		is_ok = false;
	}
	return is_ok;
}
