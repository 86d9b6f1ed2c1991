/* SPDX-License-Identifier: BSD-3-Clause */
#include "core_split.h"

#include <string.h>

#include "clk.h"
#include "split.h"

#define LATEST	      0.9	/* what the last period counts in what holds a worker, and ... */
#define STEADY	      0.06	/* ... in what is read, when that may be the same but for chance */
#define CHANCE_PKTS   4		/* so many more or less in a period, a 16th, and three times what is usual, may be chance */
#define MOST_DOUBT    31u	/* periods */
#define HELD_PART     0.1	/* of the time: a worker that is held so long by its part would read more */
#define READ_MORE     1.05	/* times what is read is a worker's own part at least, where nobody is held, and ... */
#define LOOK_PART     2000	/* of the capacity: so much wants who was not even looked at; he may have nothing */
#define USE_MORE      0.02	/* of what is read, by who is not held: so much more counts as its use of a tenant's guarantee and weight */
#define SLACK_PART    50	/* ... of the capacity: so much more */
#define WORTH_PART    400	/* of the capacity: a split that moves less is left as it is */
#define PARTS	      65536	/* of all weights */
#define GLANCE_PART   1600	/* of the capacity: a little of it, for what is measured by whole packets */
#define EASE_PART     600	/* of the capacity: of that a worker has its part beyond what it uses, while others lend */
#define MOST_PAUSE    63u	/* periods after a loan was ended until there is another: at first none, then twice as many each time */

void core_split_init(struct core_split *s, unsigned int n_workers, const unsigned int *rx_worker)
{
	memset(s, 0, sizeof(*s));
	s->n_workers = n_workers;
	s->rx_worker = rx_worker;
}

/* ---- Demand ---- */

static bool is_chance(const struct core_asker *a, double moved, uint64_t took_ns)
{
	double most = CHANCE_PKTS * 1e9 / (double)took_ns + a->pps / 16 + 3 * a->spread_pps;

	return moved < most && -moved < most;
}

/* A port that is read nearly as fast as its packets come is seen empty only now and then.  Who was taken to be held, had more and
 * then did not read more, is believed less readily the next time; else capacity would go to and fro for him.  What he read of
 * it is what he wants. */
static void judge(struct core_asker *a, bool is_full, double pps, uint64_t took_ns)
{
	a->n_full = is_full ? a->n_full + 1 : 0;
	if (pps > a->most_pps)
		a->most_pps = pps;
	if (is_full && !a->is_held && a->n_full > a->doubt) {
		a->is_held = true;
		a->held_pps = a->pps;
		a->most_pps = 0;
	} else if (!is_full && a->is_held) {
		bool was_chance = is_chance(a, a->most_pps - a->held_pps, took_ns);
		a->is_held = false;
		a->doubt = was_chance ? (uint32_t)u64_min(2 * a->doubt + 1, MOST_DOUBT) : a->doubt / 2;
		if (pps > a->pps) {
			a->pps = pps;
			a->way = 0;
		}
	}
}

static void spread(struct core_asker *a, double moved)
{
	a->spread_pps += ((moved < 0 ? -moved : moved) - a->spread_pps) * STEADY;
}

/* A burst is in one period alone, and counts in what is usual; what is so for two is so. */
static void measure_pps(struct core_asker *a, double pps, uint64_t took_ns)
{
	double moved = pps - a->pps;
	int way = is_chance(a, moved, took_ns) ? 0 : moved < 0 ? -1 : 1;
	bool is_another = way != 0 && way == a->way;

	if (a->way != 0 && !is_another)
		spread(a, a->last_moved);
	if (way == 0)
		spread(a, moved);
	a->pps += is_another ? moved : moved * STEADY;
	a->way = way;
	a->last_moved = moved;
}

/* Who was not asked at all has nothing new to tell: one that is starved by a priority still is held, and an idle one that waits
 * for its look is not. */
static void measure_asker(struct core_asker *a, const struct asker_view *now, uint64_t took_ns)
{
	double pps = (double)(now->rx_pkts - a->last.rx_pkts) * 1e9 / (double)took_ns;

	measure_pps(a, pps, took_ns);
	a->is_unseen = now->n_asked == a->last.n_asked && now->n_woken != now->n_drained;
	if (now->n_asked != a->last.n_asked || now->n_no_room != a->last.n_no_room)
		judge(a, now->n_drained == a->last.n_drained && (a->last.n_woken != a->last.n_drained || pps > 0) &&
			now->n_no_room == a->last.n_no_room, pps, took_ns);
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
		s->ended_loan = u64_max(s->ended_loan, loads[i].ended_loan);
	}
}

static bool is_held(const struct core_split *s, uint16_t port)
{
	return s->askers[port].is_held && s->capped[s->rx_worker[port]] > HELD_PART;
}

static double demand_of(const struct core_split *s, uint16_t port, double capacity)
{
	if (is_held(s, port))
		return capacity;	/* it would be read more; nobody knows how much */
	return s->askers[port].pps + (s->askers[port].is_unseen ? capacity / LOOK_PART : 0);
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
		set_node(&s->nodes[port], is_pf ? &pf : &plan->ports[port], demand_of(s, port, capacity),
			is_pf ? ASKING_NONE : plan->tenant_of[port], plan->n_ports);
	}
	for (uint32_t i = 0; i < plan->n_tenants; i++) {
		struct alloc_node *node = &s->nodes[plan->n_ports + i];
		set_node(node, &plan->tenants[i].terms, 0, plan->tenants[i].parent, plan->n_ports);
		node->is_group = true;
	}
}

static double ease_of(uint64_t capacity_pps, unsigned int n_askers)
{
	return (double)capacity_pps / EASE_PART / n_askers;
}

/* Nothing is new since the last time: as a rule, also where the core is the bottleneck for hours. */
static bool is_as_before(struct core_split *s, const struct asking *plan, uint64_t capacity_pps, double ease)
{
	bool is_same = s->capacity_pps == capacity_pps;

	for (uint16_t port = 0; port < plan->n_ports; port++) {
		double moved = s->nodes[port].demand - s->demands[port];
		is_same &= moved < ease / 8 && -moved < ease / 8;
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

/* It would be read more, or will be when it has what was worked out for it. */
static bool is_short(const struct core_split *s, uint16_t port)
{
	return is_held(s, port) || s->nodes[port].rate < s->nodes[port].demand * 0.999;
}

/* A tenant's guarantee and weight are where they are used, and a little more of them where that is only measured, or else who has
 * all he wants would have less by the next packet more, and seem to be held; and where somebody of it was not even looked at, for
 * a look. */
static double more_of(const struct core_split *s, const struct asking *plan, uint16_t port, double capacity)
{
	if (s->askers[port].is_unseen) {
		for (uint16_t i = 0; i < port; i++) {
			if (s->askers[i].is_unseen && plan->tenant_of[i] == plan->tenant_of[port] && s->rx_worker[i] == s->rx_worker[port])
				return 0;
		}
		return 2 * capacity / GLANCE_PART;
	}
	return is_short(s, port) ? 0 : s->askers[port].pps * USE_MORE + capacity / GLANCE_PART;
}

/* false: it does not fit, or there is no memory: rates are as they were, at first 0, by which the split goes by what was sold. */
static bool allocate(struct core_split *s, const struct asking *plan, double capacity)
{
	bool is_memory_out;

	bool is_done = alloc_tree(s->nodes, plan->n_ports + plan->n_tenants, capacity, &is_memory_out);

	for (uint16_t port = 0; is_done && port < plan->n_ports; port++) {
		s->trial.port_pps[port] = (uint64_t)(is_short(s, port) ? s->nodes[port].rate : s->askers[port].pps);
		s->trial.port_more_pps[port] = (uint64_t)more_of(s, plan, port, capacity);
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

/* ---- What is lent ---- */

/* Another one, and not soon after one that was ended: who wakes up again and again would have to end each. */
static bool may_lend(struct core_split *s, const struct grants *granted)
{
	if (granted->loan != 0 && s->ended_loan >= granted->loan && s->counted_loan != granted->loan) {
		s->counted_loan = granted->loan;
		s->left = s->pause;
		s->pause = (uint32_t)u64_min(2 * s->pause + 1, MOST_PAUSE);
	} else if (s->left > 0) {
		s->left--;
	} else if (s->n_quiet++ >= MOST_PAUSE) {
		s->n_quiet = 0;
		s->pause /= 2;
	}
	return s->left == 0;
}

/* All its ports have what they want. */
static bool is_at_ease(const struct core_split *s, const struct asking *plan, unsigned int worker)
{
	for (uint16_t port = 0; port < plan->n_ports; port++) {
		if (s->rx_worker[port] == worker && is_short(s, port))
			return false;
	}
	return true;
}

/* What each worker reads when nobody keeps anything for who may come.  Each has a little more than it uses: that is only
 * measured, and a guarantee that has not quite its rate would end the loan.  false: nothing can be worked out. */
static bool set_loans(struct core_split *s, const struct asking *plan, unsigned int n_askers, uint64_t capacity_pps,
	struct grants *next)
{
	double ease = ease_of(capacity_pps, n_askers);

	bool is_possible = allocate(s, plan, (double)capacity_pps - ease * n_askers);
	for (unsigned int i = 0; i < s->n_workers; i++) {
		next->is_at_ease[i] = s->loads[i].asks && is_at_ease(s, plan, i);
		next->loaned_pps[i] = s->loads[i].asks ? (uint64_t)(used_by(s, plan, i) + ease) : 0;
	}
	memcpy(next->port_pps, s->trial.port_pps, sizeof(next->port_pps));
	memcpy(next->port_more_pps, s->trial.port_more_pps, sizeof(next->port_more_pps));
	return is_possible;
}

/* Or else a loan would be ended for want of a little. */
static bool is_worth_it(const struct core_split *s, const struct asking *plan, uint64_t capacity_pps, double ease,
	const struct grants *a, const struct grants *b)
{
	uint64_t moved = 0;
	bool is_tight = false;

	for (unsigned int i = 0; i < s->n_workers; i++) {
		if (!s->loads[i].asks)
			continue;
		moved = u64_max(moved, u64_apart(a->capacity_pps[i], b->capacity_pps[i]));
		moved = u64_max(moved, u64_apart(grants_reads_pps(a, i), grants_reads_pps(b, i)));
		is_tight |= a->loan != 0 && b->loan != 0 && (double)b->loaned_pps[i] > (double)a->loaned_pps[i] + ease / 2;
	}
	for (uint16_t port = 0; port < plan->n_ports; port++) {
		if (plan->tenant_of[port] != ASKING_NONE)
			moved = u64_max(moved, u64_apart(a->port_pps[port] + a->port_more_pps[port], b->port_pps[port] + b->port_more_pps[port]));
	}
	return is_tight || moved > capacity_pps / WORTH_PART;
}

/* What stays at hand where it was sold, and the rest by use; who has all he wants might read more at any time. */
static void set_parts(const struct core_split *s, const struct asking *plan, unsigned int n_askers, uint64_t capacity_pps,
	struct grants *next)
{
	struct split_part parts[GRANTS_MAX_WORKERS] = {0};
	uint64_t floors = set_floors(s, parts);

	for (unsigned int i = 0, n = 0; i < s->n_workers; i++) {
		double used = used_by(s, plan, i);
		if (s->loads[i].asks)
			parts[n++].demand = (uint64_t)(next->is_at_ease[i] ? used * READ_MORE + (double)capacity_pps / SLACK_PART : used);
	}
	divide(parts, n_askers, capacity_pps, floors);
	for (unsigned int i = 0, n = 0; i < s->n_workers; i++) {
		if (s->loads[i].asks)
			next->capacity_pps[i] = u64_max(parts[n++].share, 1);
	}
}

bool core_split_run(struct core_split *s, const struct asking *plan, uint64_t capacity_pps, bool is_new, struct grants *granted)
{
	bool may_lend_now = may_lend(s, granted), is_over = granted->loan != 0 && s->ended_loan >= granted->loan;
	unsigned int n_askers = 0;

	for (unsigned int i = 0; i < s->n_workers; i++)
		n_askers += s->loads[i].asks;
	if (capacity_pps == 0 || n_askers < 2 || !is_needed(s, plan, capacity_pps, is_new, granted))
		return false;
	make_nodes(s, plan, (double)capacity_pps);
	if (is_as_before(s, plan, capacity_pps, ease_of(capacity_pps, n_askers)) && !is_new && !is_over && !(s->waits_to_lend && may_lend_now))
		return false;
	struct grants next = *granted;
	s->trial = *plan;
	bool is_possible = set_loans(s, plan, n_askers, capacity_pps, &next);
	set_parts(s, plan, n_askers, capacity_pps, &next);
	s->waits_to_lend = is_possible && !may_lend_now;
	next.loan = is_possible && may_lend_now ? s->n_loans + 1 : 0;
	if (!is_over && !is_worth_it(s, plan, capacity_pps, ease_of(capacity_pps, n_askers), granted, &next))
		return false;
	s->n_loans += next.loan != 0;
	grants_copy_split(granted, &next);
	return true;
}
