/* SPDX-License-Identifier: BSD-3-Clause */
#include "ask.h"

#include <stdlib.h>

#include "counter.h"
#include "wheel.h"

#define NOMINAL_PPS	 UINT64_C(10000000)	/* for shares where no capacity is set */
#define FIRST_PAUSE_NS	 NS_PER_US
#define STARVED_NS	 (10 * NS_PER_MS)
#define IDLE_BUCKETS	 64u
#define IDLE_SHIFT	 9			/* pauses in steps of 0.5 us */

enum asker_state {
	ASKER_OFF,
	ASKER_IDLE,	/* drained: in the idle wheel */
	ASKER_READY,	/* in the order */
};

struct asker {
	uint64_t pause_ns;
	uint64_t ready_ns;
	uint32_t group;
	uint8_t state;
	uint8_t how;		/* order_next()'s answer, for the charge */
	struct ask_stats stats;
};

struct ask {
	struct order *order;
	struct wheel *idle;
	struct cffs_node *idle_links;
	struct asker *askers;
	uint32_t *parents;		/* by group */
	uint32_t n_askers, n_groups;
	uint32_t tick;			/* whose figures come next */
	uint32_t budget;		/* left in this turn */
	uint32_t turn_pkts, most_pkts;	/* of a turn: as configured, and as many as fit into turn_ns */
	uint64_t turn_ns, turn_at_ns;
	struct limiter used;		/* of the capacity, while the rest is lent: by it alone nobody is held ... */
	uint64_t used_burst_ns;
	bool keeps_shares_out;		/* ... but who comes for his share */
};

struct ask *ask_create(const struct ask_params *p)
{
	struct ask *a = calloc(1, sizeof(*a));
	struct order_params op = {
		.n_nodes = p->n_askers,
		.n_groups = p->n_groups,
		.link_pkt = price_of_pps(p->capacity_pps),
		.cost_pkt = price_of_pps(p->capacity_pps ? p->capacity_pps : NOMINAL_PPS),
		.largest_pkts = p->capacity_pps ? 1 : ASK_QUANTUM,
		.turn_ns = p->turn_ns,
		.link_catchup = true,	/* a capped capacity is only a number */
	};

	if (a == NULL)
		return NULL;
	a->n_askers = p->n_askers;
	a->n_groups = p->n_groups;
	a->turn_pkts = a->most_pkts = a->budget = p->turn_pkts;
	a->turn_ns = p->turn_ns;
	a->used.n_waiting = 1;
	a->askers = calloc(p->n_askers, sizeof(*a->askers));
	a->idle_links = calloc(p->n_askers, sizeof(*a->idle_links));
	a->parents = calloc(p->n_groups + 1, sizeof(*a->parents));
	if (a->askers == NULL || a->idle_links == NULL || a->parents == NULL)
		goto fail;
	for (uint32_t i = 0; i < p->n_askers; i++)
		a->askers[i].group = ORDER_NONE;
	for (uint32_t i = 0; i < p->n_groups; i++)
		a->parents[i] = ORDER_NONE;
	cffs_nodes_init(a->idle_links, p->n_askers);
	a->idle = wheel_create(IDLE_BUCKETS, IDLE_SHIFT, a->idle_links);
	a->order = order_create(&op);
	if (a->idle == NULL || a->order == NULL)
		goto fail;
	return a;
fail:
	ask_destroy(a);
	return NULL;
}

void ask_destroy(struct ask *a)
{
	if (a == NULL)
		return;
	order_destroy(a->order);
	wheel_destroy(a->idle);
	free(a->idle_links);
	free(a->parents);
	free(a->askers);
	free(a);
}

static struct order_terms order_terms(const struct ask_terms *t)
{
	return (struct order_terms){
		.min_pkt = price_of_pps(t->min_pps), .weight = t->weight, .priority = t->priority};
}

void ask_set(struct ask *a, uint32_t id, const struct ask_terms *t, uint64_t now_ns)
{
	struct order_terms terms = order_terms(t);

	order_set(a->order, id, &terms, NULL, now_ns);
}

void ask_set_group(struct ask *a, uint32_t group, const struct ask_terms *t, uint64_t now_ns)
{
	struct order_terms terms = order_terms(t);

	order_set_group(a->order, group, &terms, NULL, now_ns);
}

void ask_join(struct ask *a, uint32_t id, uint32_t group, uint64_t now_ns)
{
	if (a->askers[id].group == group)
		return;
	a->askers[id].group = group;
	order_join(a->order, id, group, now_ns);
}

bool ask_join_group(struct ask *a, uint32_t group, uint32_t parent, uint64_t now_ns)
{
	if (a->parents[group] == parent)
		return true;
	if (!order_join_group(a->order, group, parent, now_ns))
		return false;
	a->parents[group] = parent;
	return true;
}

void ask_clear_group(struct ask *a, uint32_t group, uint64_t now_ns)
{
	for (uint32_t i = 0; i < a->n_askers; i++) {
		if (a->askers[i].group == group)
			ask_join(a, i, ORDER_NONE, now_ns);
	}
	for (uint32_t i = 0; i < a->n_groups; i++) {
		if (i == group || a->parents[i] == group)
			ask_join_group(a, i, ORDER_NONE, now_ns);
	}
}

void ask_set_capacity(struct ask *a, uint64_t capacity_pps, uint64_t now_ns)
{
	order_set_link(a->order, 0, price_of_pps(capacity_pps), now_ns);
}

void ask_lend(struct ask *a, uint64_t used_pps, uint64_t own_pps, bool keeps_shares_out, uint64_t now_ns)
{
	uint64_t burst_pkts = u64_max(ASK_BURST_PKTS, own_pps / (NS_PER_S / ASK_BURST_NS));

	limiter_set(&a->used, 0, price_of_pps(used_pps), a->turn_ns, now_ns);
	a->used_burst_ns = price_ns(a->used.price_pkt, burst_pkts);
	a->keeps_shares_out = used_pps != 0 && keeps_shares_out;
}

bool ask_needs_lent(const struct ask *a, uint64_t now_ns)
{
	return limiter_ready_ns(&a->used) > now_ns + a->used_burst_ns;
}

static void make_ready(struct ask *a, uint32_t id, uint64_t now_ns)
{
	struct asker *k = &a->askers[id];

	k->state = ASKER_READY;
	k->ready_ns = now_ns;
	counter_add(&k->stats.n_woken, 1);
	order_wake(a->order, id, 0, false, now_ns);
}

static void make_idle(struct ask *a, uint32_t id, uint64_t now_ns)
{
	struct asker *k = &a->askers[id];

	k->state = ASKER_IDLE;
	wheel_push(a->idle, id, now_ns + k->pause_ns);
}

void ask_enable(struct ask *a, uint32_t id, bool on, uint64_t now_ns)
{
	struct asker *k = &a->askers[id];

	if (on == (k->state != ASKER_OFF))
		return;
	if (on) {
		k->pause_ns = 0;
		make_idle(a, id, now_ns);
		return;
	}
	if (k->state == ASKER_IDLE) {
		wheel_remove(a->idle, id);
	} else {
		counter_add(&k->stats.n_drained, 1);
		order_sleep(a->order, id, now_ns);
	}
	k->state = ASKER_OFF;
}

/* A turn that spent all its packets and took too long had too many: the next has half, and later ones more again. */
static uint32_t fit_budget(const struct ask *a, uint64_t took_ns)
{
	uint32_t least = a->turn_pkts < ASK_QUANTUM ? a->turn_pkts : ASK_QUANTUM;
	uint32_t most = a->most_pkts;

	if (a->budget == 0 && took_ns > a->turn_ns)
		return most / 2 > least ? most / 2 : least;
	return most + least < a->turn_pkts ? most + least : a->turn_pkts;
}

void ask_turn(struct ask *a, uint64_t now_ns)
{
	uint32_t id;

	a->most_pkts = fit_budget(a, now_ns - a->turn_at_ns);
	a->budget = a->most_pkts;
	a->turn_at_ns = now_ns;
	while ((id = wheel_pop_due(a->idle, now_ns)) != CFFS_NONE)
		make_ready(a, id, now_ns);
}

uint32_t ask_next(struct ask *a, uint32_t *n_pkts, uint64_t now_ns)
{
	enum order_how how;
	uint32_t most = a->budget < ASK_QUANTUM ? a->budget : ASK_QUANTUM;

	if (most == 0)
		return ASK_NONE;
	uint32_t id = order_next(a->order, now_ns, &how);
	if (id == ORDER_NONE)
		return ASK_NONE;
	*n_pkts = order_link_pkts(a->order, most, now_ns);
	if (a->keeps_shares_out) {
		if (how == ORDER_SHARE && limiter_ready_ns(&a->used) > now_ns)
			return ASK_NONE;
		*n_pkts = limiter_pkts(&a->used, *n_pkts, now_ns);
	}
	a->askers[id].how = (uint8_t)how;
	return id;
}

void ask_answer(struct ask *a, uint32_t id, uint32_t asked, uint32_t got, uint64_t now_ns)
{
	struct asker *k = &a->askers[id];

	counter_add(&k->stats.n_asked, 1);
	if (got > 0)	/* who had nothing waited for nothing */
		counter_add(&k->stats.core_ns, now_ns - k->ready_ns);
	k->ready_ns = now_ns;
	if (got == 0) {
		counter_add(&k->stats.n_empty, 1);
		counter_add(&k->stats.n_drained, 1);
		order_sleep(a->order, id, now_ns);
		k->pause_ns = k->pause_ns == 0 ? FIRST_PAUSE_NS : u64_min(2 * k->pause_ns, ASK_MAX_IDLE_NS);
		make_idle(a, id, now_ns);
		return;
	}
	counter_add(&k->stats.n_pkts, got);
	if (a->used.price_pkt != 0)
		limiter_charge(&a->used, 0, got, now_ns, order_lost_total_ns(a->order), order_lost_end_ns(a->order));
	a->budget -= got < a->budget ? got : a->budget;
	order_charge(a->order, id, (enum order_how)k->how, 0, got, got == asked, 0, false, now_ns);
	k->pause_ns = 0;
	if (got < asked) {
		counter_add(&k->stats.n_drained, 1);
		make_idle(a, id, now_ns);
	}
}

void ask_no_room(struct ask *a, uint32_t id, uint64_t now_ns)
{
	struct asker *k = &a->askers[id];

	counter_add(&k->stats.n_no_room, 1);
	/* Not put to sleep: who wakes has no guarantee due, and it has been waiting all the time. */
	order_pass(a->order, id, now_ns + 1, now_ns);
	k->ready_ns = now_ns;
}

bool ask_is_full(const struct ask *a)
{
	return a->budget == 0;
}

bool ask_is_capped(const struct ask *a, uint64_t now_ns)
{
	bool is_out = a->keeps_shares_out && limiter_ready_ns(&a->used) > now_ns;

	return a->budget > 0 && order_n_waiting(a->order) > 0 && (is_out || order_link_is_busy(a->order, now_ns));
}

/* Who had nothing when he was looked at last may have nothing now; but who waits for his look as long as this is starved. */
static bool is_told(const struct asker *k, uint64_t now_ns)
{
	return k->pause_ns == 0 || now_ns - k->ready_ns >= STARVED_NS;
}

void ask_tick(struct ask *a, uint64_t now_ns)
{
	struct asker *k = &a->askers[a->tick];

	a->tick = a->tick + 1 < a->n_askers ? a->tick + 1 : 0;
	if (k->state != ASKER_READY || !is_told(k, now_ns))
		return;
	counter_add(&k->stats.core_ns, now_ns - k->ready_ns);
	k->ready_ns = now_ns;
}

void ask_lost(struct ask *a, uint64_t lost_ns, uint64_t now_ns)
{
	order_lost(a->order, lost_ns, now_ns);
}

uint64_t ask_next_ns(struct ask *a, uint64_t now_ns)
{
	uint64_t at_ns = order_next_ns(a->order, now_ns);

	if (a->keeps_shares_out && at_ns != UINT64_MAX)	/* unless a guarantee is due meanwhile: looked for once a turn */
		at_ns = u64_max(at_ns, u64_min(limiter_ready_ns(&a->used), now_ns + a->turn_ns));
	return u64_max(now_ns, u64_min(wheel_next_ns(a->idle), at_ns));
}

const struct ask_stats *ask_stats(const struct ask *a, uint32_t id)
{
	return &a->askers[id].stats;
}

uint64_t ask_missed_ns(const struct ask *a, uint32_t id)
{
	return counter_read(&order_stats(a->order, id)->missed_ns);
}

uint64_t ask_group_missed_ns(const struct ask *a, uint32_t group)
{
	return counter_read(&order_group_stats(a->order, group)->missed_ns);
}

bool ask_check(const struct ask *a, FILE *out)
{
	uint32_t n_idle = 0, n_ready = 0;

	for (uint32_t i = 0; i < a->n_askers; i++) {
		n_idle += a->askers[i].state == ASKER_IDLE;
		n_ready += a->askers[i].state == ASKER_READY;
	}
	if (n_idle != wheel_count(a->idle) || n_ready != order_n_waiting(a->order)) {
		fprintf(out, "ask: %u idle, %u ready; queued %u, %u\n", n_idle, n_ready, wheel_count(a->idle),
			order_n_waiting(a->order));
		return false;
	}
	return order_check(a->order, out) && wheel_check(a->idle, out);
}
