/* SPDX-License-Identifier: BSD-3-Clause */
#include "core_split.h"

#include <string.h>

#include "clk.h"
#include "split.h"

#define LATEST	      0.9	/* what the last period counts in what is read */
#define HELD_PART     0.1	/* of the time: a worker that is held so long by its part would read more */
#define READ_MORE     1.05	/* times what is read is wanted, by who is not held */
#define SLACK_PART    50	/* of the capacity: so much more than is read is left to a worker's ports that are not held */
#define WORTH_PERCENT 1		/* of the capacity: a split that moves less is left as it is */
#define PARTS	      65536	/* of all weights */
#define ROUNDS	      6		/* of taking out what is promised and not wanted, at most */
#define CLOSE_PART    400	/* of the capacity: so near two rounds are the same */

void core_split_init(struct core_split *s, unsigned int n_workers, const unsigned int *rx_worker)
{
	memset(s, 0, sizeof(*s));
	s->n_workers = n_workers;
	s->rx_worker = rx_worker;
}

/* ---- Demand ---- */

/* Who was not asked at all has nothing new to tell: an idle one that waits for its look is not held, and one that is starved
 * by a priority still is. */
static void measure_asker(struct core_asker *a, const struct asker_view *now, uint64_t took_ns)
{
	double pps = (double)(now->rx_pkts - a->last.rx_pkts) * 1e9 / (double)took_ns;

	a->pps += (pps - a->pps) * LATEST;
	if (now->n_asked != a->last.n_asked || now->n_no_room != a->last.n_no_room)
		a->is_held = now->n_drained == a->last.n_drained && a->last.n_woken != a->last.n_drained &&
			     now->n_no_room == a->last.n_no_room;
}

void core_split_measure(struct core_split *s, uint16_t n_ports, const struct load_view *loads,
	const struct asker_view *askers, uint64_t took_ns)
{
	for (uint16_t port = 0; port < n_ports; port++) {
		if (took_ns > 0)
			measure_asker(&s->askers[port], &askers[port], took_ns);
		s->askers[port].last = askers[port];
	}
	for (unsigned int i = 0; i < s->n_workers; i++) {
		double capped = took_ns > 0 ? (double)(loads[i].capped_ns - s->loads[i].capped_ns) / (double)took_ns : 0;
		s->capped[i] += (capped - s->capped[i]) * LATEST;
		s->loads[i] = loads[i];
	}
}

static bool is_held(const struct core_split *s, uint16_t port)
{
	return s->askers[port].is_held && s->capped[s->rx_worker[port]] > HELD_PART;
}

static double demand_of(const struct core_split *s, const struct asking *plan, uint16_t port, double capacity)
{
	unsigned int n = 0;

	if (is_held(s, port))
		return capacity;	/* it would be read more; nobody knows how much */
	for (uint16_t i = 0; i < plan->n_ports; i++)
		n += s->rx_worker[i] == s->rx_worker[port];
	return s->askers[port].pps * READ_MORE + capacity / SLACK_PART / n;
}

/* As long as nobody is held a split helps nobody; but what was promised must be there, and never more than there is. */
static bool is_needed(const struct core_split *s, const struct asking *plan, uint64_t capacity_pps, bool is_new,
	const struct grants *granted)
{
	uint64_t sum = 0;

	for (uint16_t port = 0; port < plan->n_ports; port++) {
		if (is_held(s, port))
			return true;
	}
	for (unsigned int i = 0; i < s->n_workers; i++)
		sum += s->loads[i].asks ? granted->capacity_pps[i] : 0;
	return sum > capacity_pps || (sum > 0 && is_new);
}

/* ---- What the contract gives each ---- */

static void set_node(struct alloc_node *node, const struct asking_terms *t, double demand, uint32_t parent, uint32_t n_ports)
{
	*node = (struct alloc_node){
		.min = (double)t->min_pps,
		.max = (double)UINT32_MAX * 65536,
		.demand = demand,
		.weight = t->weight > 0 ? t->weight : 1,
		.priority = t->priority,
		.parent = parent == ASKING_NONE ? ALLOC_NO_PARENT : n_ports + parent,
	};
}

static void make_nodes(struct core_split *s, const struct asking *plan, double capacity)
{
	struct asking_terms pf = asking_pf(plan);

	for (uint16_t port = 0; port < plan->n_ports; port++) {
		bool is_pf = port == plan->pf;
		set_node(&s->nodes[port], is_pf ? &pf : &plan->ports[port], demand_of(s, plan, port, capacity),
			is_pf ? ASKING_NONE : plan->tenant_of[port], plan->n_ports);
	}
	for (uint32_t i = 0; i < plan->n_tenants; i++) {
		struct alloc_node *node = &s->nodes[plan->n_ports + i];
		set_node(node, &plan->tenants[i].terms, 0, plan->tenants[i].parent, plan->n_ports);
		node->is_group = true;
	}
}

/* Nothing is new since the last time: as a rule, also where the core is the bottleneck for hours. */
static bool is_as_before(struct core_split *s, const struct asking *plan, uint64_t capacity_pps)
{
	bool is_same = s->capacity_pps == capacity_pps;

	for (uint16_t port = 0; port < plan->n_ports; port++) {
		double moved = s->nodes[port].demand - s->demands[port];
		is_same &= moved < (double)capacity_pps / CLOSE_PART && -moved < (double)capacity_pps / CLOSE_PART;
	}
	for (uint16_t port = 0; !is_same && port < plan->n_ports; port++)
		s->demands[port] = s->nodes[port].demand;
	s->capacity_pps = capacity_pps;
	return is_same;
}

static double used_by(const struct core_split *s, const struct asking *plan, unsigned int worker)
{
	double sum = 0;

	for (uint16_t port = 0; port < plan->n_ports; port++)
		sum += s->rx_worker[port] == worker ? s->nodes[port].rate : 0;
	return sum;
}

/* false: it does not fit, or there is no memory: rates are as they were, at first 0, by which the split goes by what was sold. */
static bool allocate(struct core_split *s, const struct asking *plan, double capacity)
{
	bool is_memory_out;

	bool is_done = alloc_tree(s->nodes, plan->n_ports + plan->n_tenants, capacity, &is_memory_out);

	/* Without the slack: a tenant's guarantee is not left where nobody uses it. */
	for (uint16_t port = 0; is_done && port < plan->n_ports; port++) {
		uint64_t read_pps = (uint64_t)(s->askers[port].pps * READ_MORE);
		s->trial.port_pps[port] = (uint64_t)s->nodes[port].rate;
		if (!is_held(s, port))
			s->trial.port_pps[port] = u64_min(s->trial.port_pps[port], read_pps);
	}
	return is_done;
}

/* ---- The split ---- */

/* By worker that asks: what was sold there, tenants' guarantees being where they are used, and its weight.  Their floors' sum. */
static uint64_t set_floors(const struct core_split *s, struct split_part *parts)
{
	uint64_t floors = 0;

	for (unsigned int i = 0, n = 0; i < s->n_workers; i++) {
		if (!s->loads[i].asks)
			continue;
		struct asking_sold sold = asking_sold(&s->trial, s->rx_worker, i);
		parts[n].floor = sold.pps;
		parts[n].weight = (uint32_t)u64_max(1, sold.weight_q16 * PARTS / u64_max(1, sold.all_weight_q16));
		floors += parts[n++].floor;
	}
	return floors;
}

/* What each uses, as its demand.  What of the floors nobody wants. */
static uint64_t set_demands(const struct core_split *s, const struct asking *plan, struct split_part *parts)
{
	uint64_t unused_pps = 0;

	for (unsigned int i = 0, n = 0; i < s->n_workers; i++) {
		if (!s->loads[i].asks)
			continue;
		struct split_part *p = &parts[n++];
		p->demand = (uint64_t)used_by(s, plan, i);
		unused_pps += p->floor > p->demand ? p->floor - p->demand : 0;
	}
	return unused_pps;
}

/* What is at hand and not wanted cannot be had by others: 'left' of the capacity is theirs, where left = capacity - unused(left).
 * Straight between bends, so that a line through the last two tries is soon there. */
static void take_out_unused(struct core_split *s, const struct asking *plan, struct split_part *parts, uint64_t capacity_pps,
	uint64_t unused_pps)
{
	double before = (double)capacity_pps, over_before = (double)unused_pps;	/* left, and what it is above capacity - unused */
	double left = before - over_before;

	for (int round = 1; round < ROUNDS && allocate(s, plan, left); round++) {
		double over = left - ((double)capacity_pps - (double)set_demands(s, plan, parts));
		if (over < (double)capacity_pps / CLOSE_PART && over > -(double)capacity_pps / CLOSE_PART)
			break;
		double slope = (over - over_before) / (left - before);
		double next = slope > 0.1 ? left - over / slope : left - over;
		before = left;
		over_before = over;
		left = next < 0 ? 0 : next > (double)capacity_pps ? (double)capacity_pps : next;
		if (left == before)
			break;
	}
}

/* First what each uses, at its floor at least; then the rest by weight, for who wakes up. */
static void divide(struct split_part *parts, unsigned int n, uint64_t capacity_pps, uint64_t floors)
{
	uint32_t weights[GRANTS_MAX_WORKERS];

	for (unsigned int i = 0; i < n; i++) {
		struct split_part *p = &parts[i];
		if (floors > capacity_pps && p->floor > p->demand)
			p->floor = p->demand;	/* there is no room to keep it for who may come */
		p->cap = u64_max(p->floor, p->demand);
		weights[i] = p->weight;
		p->weight = (uint32_t)u64_max(1, (uint64_t)((clk_u128)p->demand * PARTS / u64_max(1, capacity_pps)));
	}
	split_budget(parts, n, capacity_pps);
	for (unsigned int i = 0; i < n; i++) {
		parts[i].floor = parts[i].share;
		parts[i].weight = weights[i];
		parts[i].demand = 0;
		parts[i].cap = SPLIT_NO_CAP;
	}
	split_budget(parts, n, capacity_pps);
}

static bool is_worth_it(const struct core_split *s, const struct split_part *parts, const struct asking *plan,
	uint64_t capacity_pps, const struct grants *granted)
{
	uint64_t moved = 0;

	for (unsigned int i = 0, n = 0; i < s->n_workers; i++) {
		if (s->loads[i].asks)
			moved = u64_max(moved, u64_apart(parts[n++].share, granted->capacity_pps[i]));
	}
	for (uint16_t port = 0; port < plan->n_ports; port++) {
		if (plan->tenant_of[port] != ASKING_NONE)
			moved = u64_max(moved, u64_apart(s->trial.port_pps[port], granted->port_pps[port]));
	}
	return moved > capacity_pps * WORTH_PERCENT / 100;
}

bool core_split_run(struct core_split *s, const struct asking *plan, uint64_t capacity_pps, bool is_new, struct grants *granted)
{
	struct split_part parts[GRANTS_MAX_WORKERS] = {0};
	unsigned int n_askers = 0;

	for (unsigned int i = 0; i < s->n_workers; i++)
		n_askers += s->loads[i].asks;
	if (capacity_pps == 0 || n_askers < 2 || !is_needed(s, plan, capacity_pps, is_new, granted))
		return false;
	make_nodes(s, plan, (double)capacity_pps);
	if (is_as_before(s, plan, capacity_pps) && !is_new)
		return false;
	s->trial = *plan;
	allocate(s, plan, (double)capacity_pps);
	uint64_t floors = set_floors(s, parts), unused_pps = set_demands(s, plan, parts);
	if (unused_pps > 0 && floors <= capacity_pps)
		take_out_unused(s, plan, parts, capacity_pps, unused_pps);
	floors = set_floors(s, parts);
	divide(parts, n_askers, capacity_pps, floors);
	if (!is_worth_it(s, parts, plan, capacity_pps, granted))
		return false;
	for (unsigned int i = 0, n = 0; i < s->n_workers; i++) {
		if (s->loads[i].asks)
			granted->capacity_pps[i] = u64_max(parts[n++].share, 1);
	}
	memcpy(granted->port_pps, s->trial.port_pps, sizeof(granted->port_pps));
	return true;
}
