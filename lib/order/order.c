/* SPDX-License-Identifier: BSD-3-Clause */
/* Set-up, terms, waking and sleeping. */
#include "order.h"

#include <stdlib.h>
#include "mem.h"
#include "order_impl.h"

#define WHEEL_SHIFT	 10	/* 1.024 us */
#define LEAST_SHARES	 512	/* a packet at weight 1000 is half a bucket; with 128 a floor had 3 % of the link too much */
#define NOMINAL_LINK_BPS UINT64_C(10000000000)

static uint32_t pow2_at_least(uint64_t n, uint32_t least, uint32_t most)
{
	uint32_t p = least;

	while (p < n && p < most)
		p *= 2;
	return p;
}

/* Buckets so wide that the largest packet of the smallest weight spans half of the window. */
static unsigned int share_shift(const struct order *o, uint32_t n_buckets)
{
	unsigned int shift = 0;

	while (shift < 45 && ((clk_u128)n_buckets << shift) < 2 * o->largest_step)
		shift++;
	return shift;
}

#define LINKS(first, member)                                                                                           \
	(struct cffs_links)                                                                                            \
	{                                                                                                              \
		&(first)->member, sizeof(*(first))                                                                     \
	}

/* The queues of a level for about 'n' members.  A group's deadlines stand in wider buckets: there are many groups. */
static bool create_level(struct order *o, struct level *l, uint32_t n, uint32_t least, unsigned int deadline_shift)
{
	uint32_t n_times = pow2_at_least(UINT64_C(4) * n, 512, 4096);	/* more would only fill the cache */
	uint32_t n_ordered = n_times < least ? least : n_times;	/* 4 ms: ORDER_LATE_NS must fit a quarter */
	uint32_t n_shares = pow2_at_least(n / 4, least / 4 < LEAST_SHARES ? LEAST_SHARES : least / 4, 65536);
	unsigned int shift = share_shift(o, n_shares);
	bool is_ok = true;

	is_ok &= (l->events = wheel_create_in(n_times, WHEEL_SHIFT, LINKS(o->nodes, time))) != NULL;
	is_ok &= (l->deadlines = wheel_create_in(n_ordered, deadline_shift, LINKS(o->nodes, time))) != NULL;
	for (int i = 0; i < ORDER_N_PRIORITIES; i++)
		is_ok &= (l->shares[i] = cffs_create_in(n_shares, shift, LINKS(o->nodes, share))) != NULL;
	if (l == &o->levels[ROOT])
		o->ahead_most = (uint64_t)n_shares << (shift + 5);	/* packets of 32 copies at once, and to spare */
	return is_ok;
}

static void destroy_level(struct level *l)
{
	wheel_destroy(l->events);
	wheel_destroy(l->deadlines);
	for (int i = 0; i < ORDER_N_PRIORITIES; i++)
		cffs_destroy(l->shares[i]);
}

static bool create_queues(struct order *o)
{
	uint32_t n_members = o->n_groups != 0 ? o->n_nodes / o->n_groups + 1 : 0;
	bool is_ok = create_level(o, &o->levels[ROOT], o->n_nodes, 4096, WHEEL_SHIFT);

	o->levels[ROOT].owner = ORDER_NONE;
	o->levels[ROOT].first = o->levels[ROOT].fresh_head = ORDER_NONE;
	for (uint32_t i = 1; i <= o->n_groups && is_ok; i++) {
		o->levels[i].owner = o->n_nodes + i - 1;
		o->levels[i].first = o->levels[i].fresh_head = ORDER_NONE;
		is_ok = create_level(o, &o->levels[i], n_members < 256 ? n_members : 256, 512, WHEEL_SHIFT + 3);
	}
	o->urgents = wheel_create_in(4096, WHEEL_SHIFT, LINKS(o->urgent, link));
	return is_ok && o->urgents != NULL;
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
	clk_u128 ahead = (clk_u128)o->window_ns << (32 - ORDER_SHARE_SHIFT);
	if (o->largest_ns != o->largest_cost_ns)
		ahead = ahead * o->largest_cost_ns / u64_max(o->largest_ns, 1);
	o->group_ahead = ahead > o->ahead_most ? o->ahead_most : (uint64_t)ahead;
}

static uint32_t n_at_once(const struct order_params *p)
{
	return p->largest_pkts ? p->largest_pkts : 1;
}

/* How long others may take, and what is forgiven for it. */
static void set_largest(struct order *o, uint64_t largest_ns)
{
	o->largest_ns = largest_ns;
	o->late_ns = u64_max(ORDER_LATE_NS, largest_ns + o->turn_ns);	/* a slow link's packet takes longer */
	o->others_ns = 12 * largest_ns + o->turn_ns;
	o->slack_ns = u64_max(o->others_ns, o->late_ns + o->turn_ns);	/* what is forgiven cannot be missed */
	set_window(o);
}

static void set_spans(struct order *o, const struct order_params *p)
{
	uint64_t largest_ns = u64_max(price_ns(o->cost_byte, p->largest_bytes), price_ns(o->cost_pkt, n_at_once(p)));

	o->largest_cost_ns = largest_ns;
	o->largest_pkts = n_at_once(p);
	o->run_bytes = p->largest_bytes;
	o->run_pkts = ORDER_RUN_PKTS;
	if (o->cost_pkt != 0)
		o->run_pkts = (uint32_t)u64_min((uint64_t)(((clk_u128)largest_ns << 32) / o->cost_pkt), ORDER_RUN_PKTS);
	o->turn_ns = p->turn_ns;
	o->largest_step = (clk_u128)o->cost_byte * p->largest_bytes;
	if (o->largest_step < (clk_u128)o->cost_pkt * n_at_once(p))
		o->largest_step = (clk_u128)o->cost_pkt * n_at_once(p);
	o->largest_step >>= ORDER_SHARE_SHIFT;
	o->ahead_most = UINT64_MAX;	/* until there are queues */
	set_largest(o, largest_ns);
}

static void init_node(struct order *o, struct onode *n)
{
	cffs_nodes_init(&n->share, 1);
	cffs_nodes_init(&n->time, 1);
	n->weight = 1;
	n->inverse = 1u << ORDER_INV_BITS;
	n->limiter = &o->no_limit;
}

struct order *order_create(const struct order_params *p)
{
	struct order *o = calloc(1, sizeof(*o));
	uint32_t n_all = p->n_nodes + p->n_groups;

	if (o == NULL)
		return NULL;
	o->n_nodes = p->n_nodes;
	o->n_groups = p->n_groups;
	o->nodes = mem_reserve(n_all, sizeof(*o->nodes));
	o->levels = calloc(p->n_groups + 1, sizeof(*o->levels));
	o->urgent = mem_reserve(p->n_nodes, sizeof(*o->urgent));
	o->stats = mem_reserve(n_all, sizeof(*o->stats));
	o->extra_bytes = p->extra_bytes;
	o->link_catchup = p->link_catchup;
	o->cost_byte = p->cost_byte ? p->cost_byte : p->link_byte;
	o->cost_pkt = p->cost_pkt ? p->cost_pkt : p->link_pkt;
	if ((o->cost_byte | o->cost_pkt) == 0)
		o->cost_byte = price_of_bps(NOMINAL_LINK_BPS);
	set_spans(o, p);
	o->link.price_byte = p->link_byte;
	o->link.price_pkt = p->link_pkt;
	o->link.save_ns = p->turn_ns;
	o->link.n_waiting = 1;
	o->link_charged_ns = UINT64_MAX;
	if (o->nodes == NULL || o->levels == NULL || o->urgent == NULL || o->stats == NULL || !create_queues(o)) {
		order_destroy(o);
		return NULL;
	}
	for (uint32_t i = 0; i < n_all; i++)
		init_node(o, &o->nodes[i]);
	for (uint32_t i = 0; i < p->n_groups; i++) {
		struct onode *g = &o->nodes[p->n_nodes + i];
		g->group = i + 1;
		g->flags = NODE_HAS_MEMBERS | NODE_IN_TREE;
		node_attach_stats(o, g);
	}
	return o;
}

void order_destroy(struct order *o)
{
	if (o == NULL)
		return;
	for (uint32_t i = 0; o->levels != NULL && i <= o->n_groups; i++)
		destroy_level(&o->levels[i]);
	wheel_destroy(o->urgents);
	free(o->levels);
	mem_release(o->urgent, o->n_nodes, sizeof(*o->urgent));
	mem_release(o->stats, o->n_nodes + o->n_groups, sizeof(*o->stats));
	mem_release(o->nodes, o->n_nodes + o->n_groups, sizeof(*o->nodes));
	free(o);
}

/* A guarantee's or allowance's clock ahead of now is a debt in units: it is worth as many units at the new price (contract 9). */
static void reprice_due(struct clk *c, price_t old_price, price_t new_price, uint64_t now_ns)
{
	if (old_price == 0 || c->ns <= now_ns)
		return;
	clk_u128 ahead = (clk_u128)(c->ns - now_ns) * new_price / old_price;
	c->ns = now_ns + (ahead > UINT64_MAX / 4 ? UINT64_MAX / 4 : (uint64_t)ahead);
}

static void change_limiter(struct order *o, struct onode *n, struct limiter *limiter, bool is_waiting)
{
	if (limiter == NULL)
		limiter = &o->no_limit;
	if (n->limiter == limiter)
		return;
	if (is_waiting) {
		limiter_sleep(n->limiter);
		limiter_wake(limiter, o->lost_total_ns);
	}
	n->limiter = limiter;
}

static void set_urgent(struct order *o, uint32_t id, const struct order_terms *t, uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];

	if ((t->urgent_byte | t->urgent_pkt) == 0) {
		n->urgent = NULL;
		n->flags &= (uint8_t)~NODE_HAS_URGENT;
		return;
	}
	if (n->urgent == NULL)
		cffs_nodes_init(&o->urgent[id].link, 1);
	if (n->urgent != NULL) {
		reprice_due(&n->urgent->bytes, n->urgent->price_byte, t->urgent_byte, now_ns);
		reprice_due(&n->urgent->pkts, n->urgent->price_pkt, t->urgent_pkt, now_ns);
	}
	n->urgent = &o->urgent[id];
	n->flags |= NODE_HAS_URGENT;
	n->urgent->price_byte = t->urgent_byte;
	n->urgent->price_pkt = t->urgent_pkt;
	n->urgent->burst_ns = t->burst_ns;
}

static void set_guarantee(struct order *o, struct onode *n, const struct order_terms *t, uint64_t now_ns)
{
	reprice_due(&n->due_byte, n->min_byte, t->min_byte, now_ns);
	reprice_due(&n->due_pkt, n->min_pkt, t->min_pkt, now_ns);
	o->n_guarantees -= has_guarantee(n);
	if (!has_guarantee(n)) {	/* it begins now, without credit */
		clk_at_least(&n->due_byte, now_ns);
		clk_at_least(&n->due_pkt, now_ns);
		n->charged_ns = now_ns;
		n->catchup_ns = 0;
		n->lost_seen_ns = (uint32_t)o->lost_total_ns;
	}
	n->min_byte = t->min_byte;
	n->min_pkt = t->min_pkt;
	n->flags &= (uint8_t)~NODE_HAS_GUARANTEE;
	if ((n->min_byte | n->min_pkt) != 0)
		n->flags |= NODE_HAS_GUARANTEE;
	o->n_guarantees += has_guarantee(n);
	set_window(o);
}

/* What it is ahead in virtual time are bytes and packets: worth less of it at a greater weight (contract 9). */
static void reweigh(const struct order *o, struct onode *n, uint32_t weight)
{
	uint64_t vtime = level_of(o, n)->vtime[n->priority], ahead = n->finish - vtime;

	if (ahead <= o->ahead_most) {
		clk_u128 renewed = (clk_u128)ahead * n->weight / weight;
		n->finish = vtime + (renewed > o->ahead_most ? o->ahead_most : (uint64_t)renewed);
	}
	n->weight = weight;
	n->inverse = (1u << ORDER_INV_BITS) / weight;
}

static void set_node(struct order *o, uint32_t id, const struct order_terms *t, struct limiter *limiter,
	uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];
	bool is_waiting = n->state != NODE_IDLE;
	bool was_urgent = waits_urgent(n);

	node_leave(o, id, now_ns);
	if (n->time.bucket != CFFS_NONE)	/* what it was for may have gone */
		wheel_remove(level_of(o, n)->events, id);
	node_leave_urgent(o, id);
	set_urgent(o, id, t, now_ns);
	set_guarantee(o, n, t, now_ns);
	reweigh(o, n, t->weight);
	if (n->priority != t->priority) {	/* virtual times of two priorities have nothing in common */
		n->priority = t->priority;
		n->finish = level_of(o, n)->vtime[t->priority];
	}
	change_limiter(o, n, limiter, is_waiting);
	n->yield_ns = 0;	/* it was in the old rate */
	if (is_waiting)
		node_stand(o, id, now_ns);
	groups_renew(o, n, now_ns);
	if (was_urgent)
		node_stand_urgent(o, id);
}

void order_set(struct order *o, uint32_t node, const struct order_terms *t, struct limiter *limiter, uint64_t now_ns)
{
	set_node(o, node, t, limiter, now_ns);
}

/* A group's limit bounds the urgent packets of those below it: their places were reckoned by the old one. */
static void renew_urgents(struct order *o)
{
	for (uint32_t id = 0; id < o->n_nodes && !wheel_is_empty(o->urgents); id++) {
		if (!waits_urgent(&o->nodes[id]))
			continue;
		node_leave_urgent(o, id);
		node_stand_urgent(o, id);
	}
}

void order_set_group(struct order *o, uint32_t group, const struct order_terms *t, struct limiter *limiter,
	uint64_t now_ns)
{
	set_node(o, o->n_nodes + group, t, limiter, now_ns);
	renew_urgents(o);
}

/* How many groups stand one in the other from this level up. */
static uint32_t depth_of(const struct order *o, uint32_t level)
{
	uint32_t depth = 0;

	for (; level != ROOT; level = o->nodes[o->levels[level].owner].level)
		depth++;
	return depth;
}

static uint32_t depth_below(const struct order *o, uint32_t level)
{
	uint32_t most = 0;

	for (uint32_t i = 1; i <= o->n_groups; i++) {
		uint32_t depth = depth_of(o, i), own = depth_of(o, level);
		for (uint32_t up = i; up != ROOT; up = o->nodes[o->levels[up].owner].level) {
			if (up == level && depth - own > most)
				most = depth - own;
		}
	}
	return most;
}

static bool may_join(const struct order *o, uint32_t group, uint32_t level)
{
	for (uint32_t up = level; up != ROOT; up = o->nodes[o->levels[up].owner].level) {
		if (up == group)
			return false;
	}
	return depth_of(o, level) + 1 + depth_below(o, group) <= ORDER_MAX_DEPTH;
}

static void move_to_level(struct order *o, uint32_t id, uint32_t level, uint64_t now_ns)
{
	struct onode *n = &o->nodes[id];
	bool is_waiting = n->state != NODE_IDLE;

	if (n->level == level)
		return;
	node_leave(o, id, now_ns);
	if (n->time.bucket != CFFS_NONE)
		wheel_remove(level_of(o, n)->events, id);
	level_of(o, n)->n_waiting -= is_waiting;
	groups_renew(o, n, now_ns);
	n->level = level;
	n->flags &= (uint8_t)~NODE_IN_TREE;
	if (level != ROOT || is_group(n))
		n->flags |= NODE_IN_TREE;
	n->finish = level_of(o, n)->vtime[n->priority];
	level_of(o, n)->n_waiting += is_waiting;
	if (is_waiting)
		node_stand(o, id, now_ns);
	groups_renew(o, n, now_ns);
	if (is_waiting || is_group(n))
		renew_urgents(o);
}

void order_join(struct order *o, uint32_t node, uint32_t group, uint64_t now_ns)
{
	move_to_level(o, node, group == ORDER_NONE ? ROOT : group + 1, now_ns);
}

bool order_join_group(struct order *o, uint32_t group, uint32_t parent, uint64_t now_ns)
{
	uint32_t level = parent == ORDER_NONE ? ROOT : parent + 1;

	if (!may_join(o, group + 1, level))
		return false;
	move_to_level(o, o->n_nodes + group, level, now_ns);
	return true;
}

void order_forget(struct order *o, uint32_t id)
{
	struct onode *n = &o->nodes[id];

	assert(n->state == NODE_IDLE);
	n->due_byte = n->due_pkt = (struct clk){0};
	if (n->urgent != NULL)
		n->urgent->bytes = n->urgent->pkts = (struct clk){0};
	n->finish = level_of(o, n)->vtime[n->priority];
	n->catchup_ns = 0;
	n->lost_seen_ns = (uint32_t)o->lost_total_ns;
}

void order_prefetch(const struct order *o, uint32_t id)
{
	const struct onode *n = &o->nodes[id];

	__builtin_prefetch(&n->share, 1);
	__builtin_prefetch(&n->time, 1);
}

void order_prefetch_more(const struct order *o, uint32_t id)
{
	const struct onode *n = &o->nodes[id];

	__builtin_prefetch(n->limiter, 1);
	if (n->flags & NODE_MAY_BE_DUE)
		__builtin_prefetch(&n->charged_ns, 1);
}

uint32_t order_likely_next(const struct order *o, uint32_t id)
{
	const struct onode *n = &o->nodes[id];

	return n->state == NODE_SHARED || n->state == NODE_FRESH ? n->share.next : ORDER_NONE;
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
	if (o->nodes[id].state == NODE_IDLE)
		return;
	node_sleep(o, id, now_ns);
	o->n_waiting--;
	groups_renew(o, &o->nodes[id], now_ns);
	node_leave_urgent(o, id);
}

uint64_t order_lost_total_ns(const struct order *o)
{
	return o->lost_total_ns;
}

uint64_t order_lost_end_ns(const struct order *o)
{
	return o->lost_end_ns;
}

void order_lost(struct order *o, uint64_t lost_ns, uint64_t now_ns)
{
	o->lost_total_ns += lost_ns;
	o->lost_end_ns = now_ns;
	o->link_charged_ns = UINT64_MAX;
	if (o->n_waiting == 0)	/* nobody waited: nothing is given back */
		o->link.lost_seen_ns = o->link_catchup ? (uint32_t)o->lost_total_ns : 0;
}

void order_tick(struct order *o, uint64_t now_ns)
{
	if (o->n_waiting == 0)
		return;
	for (int i = 0; i < ORDER_TICKS; i++) {
		struct onode *n = &o->nodes[o->tick];

		o->tick = o->tick + 1 < o->n_nodes + o->n_groups ? o->tick + 1 : 0;
		if (n->state == NODE_IDLE)
			continue;
		count_held(o, n, now_ns);
		if (n->state != NODE_HELD && has_guarantee(n))
			node_count_missed(o, n, now_ns);
	}
}

void order_set_link(struct order *o, price_t link_byte, price_t link_pkt, uint64_t now_ns)
{
	uint64_t largest_ns = u64_max(price_ns(link_byte, o->run_bytes), price_ns(link_pkt, o->largest_pkts));

	limiter_set(&o->link, link_byte, link_pkt, o->link.save_ns, now_ns);
	o->link_charged_ns = UINT64_MAX;
	if (largest_ns != 0)	/* else it is paced no more: as fast as it was */
		set_largest(o, largest_ns);
}

bool order_is_waiting(const struct order *o, uint32_t id)
{
	return o->nodes[id].state != NODE_IDLE;
}

uint32_t order_n_waiting(const struct order *o)
{
	return o->n_waiting;
}

/* Another thread may ask while the worker attaches them. */
static const struct order_stats *stats_of(const struct onode *n)
{
	static const struct order_stats none;
	const struct order_stats *stats = __atomic_load_n(&n->stats, __ATOMIC_ACQUIRE);

	return stats != NULL ? stats : &none;
}

const struct order_stats *order_stats(const struct order *o, uint32_t id)
{
	return stats_of(&o->nodes[id]);
}

const struct order_stats *order_group_stats(const struct order *o, uint32_t group)
{
	return stats_of(&o->nodes[o->n_nodes + group]);
}
