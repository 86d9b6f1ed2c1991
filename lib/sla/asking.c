/* SPDX-License-Identifier: BSD-3-Clause */
#include "asking.h"

#include <string.h>

#include "clk.h"

#define PF_FLOOR_PPS 250000	/* the uplink's floor where no capacity is known: little for any core */
#define MAX_WEIGHT   1000
#define ONE_Q16	     (UINT64_C(1) << 16)

/* ---- The plan ---- */

/* The nearest tenant that both are in. */
static uint32_t common_tenant(const struct conf *conf, uint32_t a, uint32_t b)
{
	const struct conf_tenant *t, *u;

	while (a != b && (t = conf_tenant_of(conf, a)) != NULL && (u = conf_tenant_of(conf, b)) != NULL) {
		if (t->depth >= u->depth)
			a = t->parent;
		if (u->depth >= t->depth)
			b = u->parent;
	}
	return a == b ? a : CONF_NO_TENANT;
}

static uint32_t find_tenant(const struct asking *plan, uint32_t id)
{
	for (uint32_t i = 0; i < plan->n_tenants; i++) {
		if (plan->tenants[i].id == id)
			return i;
	}
	return ASKING_NONE;
}

/* It and all above it come into the list.  Its place there. */
static uint32_t list_tenant(struct asking *plan, const struct conf *conf, const struct grants *granted, uint32_t id)
{
	uint32_t place = find_tenant(plan, id);
	struct sla tx;

	if (conf_tenant_of(conf, id) == NULL || place != ASKING_NONE)
		return place;
	tx = granted_tenant(conf, granted, id);
	place = plan->n_tenants++;
	plan->tenants[place] = (struct asking_tenant){.id = id, .depth = conf->tenants[id].depth,
		.terms = {.min_pps = tx.min_pps, .weight = tx.weight, .priority = tx.priority}};
	uint32_t parent = list_tenant(plan, conf, granted, conf->tenants[id].parent);
	plan->tenants[place].parent = parent;
	return place;
}

/* A VF's urgent allowance counts as a minimum (contract 4). */
static uint64_t promised_pps(const struct sla *tx)
{
	return u64_max(tx->min_pps, tx->urgent_pps);
}

static void add_vf(struct asking *plan, const struct conf *conf, const struct grants *granted, uint32_t vf,
	uint32_t *tenant)
{
	const struct conf_vf *v = &conf->vfs[vf];
	struct asking_terms *t = &plan->ports[v->port];
	struct sla tx = granted_vf(conf, granted, vf);

	if (t->weight == 0)	/* the port's first */
		tenant[v->port] = v->tenant;
	else if (tenant[v->port] != v->tenant)
		tenant[v->port] = common_tenant(conf, tenant[v->port], v->tenant);
	t->weight += tx.weight;
	t->min_pps += promised_pps(&tx);
	if (tx.priority < t->priority)
		t->priority = tx.priority;
}

/* What a tenant was sold is for those of its VFs too that share a port with others': that part is promised to the port. */
static void take_out_shared(struct asking *plan, const struct conf *conf, const struct grants *granted, uint32_t vf,
	uint32_t tenant)
{
	struct sla tx = granted_vf(conf, granted, vf);
	uint64_t pps = promised_pps(&tx);

	for (uint32_t t = conf->vfs[vf].tenant; t != tenant && conf_tenant_of(conf, t) != NULL; t = conf->tenants[t].parent) {
		uint32_t place = find_tenant(plan, t);
		if (place == ASKING_NONE)
			continue;
		struct asking_terms *terms = &plan->tenants[place].terms;
		terms->min_pps -= terms->min_pps < pps ? terms->min_pps : pps;
	}
}

void asking_plan(struct asking *plan, const struct conf *conf, const struct grants *granted)
{
	uint32_t tenant[CONF_MAX_PORTS];

	memset(plan, 0, sizeof(*plan));
	plan->n_ports = conf->n_ports;
	plan->pf = conf->pf;
	plan->capacity_pps = plan->core_pps = conf->packet_capacity_pps;
	if (granted != NULL && granted->core_pps != 0)
		plan->core_pps = granted->core_pps;
	if (granted != NULL) {
		memcpy(plan->worker_pps, granted->capacity_pps, sizeof(plan->worker_pps));
		memcpy(plan->port_pps, granted->port_pps, sizeof(plan->port_pps));
		memcpy(plan->port_more_pps, granted->port_more_pps, sizeof(plan->port_more_pps));
		plan->loan = granted->loan;
		memcpy(plan->loaned_pps, granted->loaned_pps, sizeof(plan->loaned_pps));
		memcpy(plan->is_at_ease, granted->is_at_ease, sizeof(plan->is_at_ease));
	}
	for (uint16_t port = 0; port < CONF_MAX_PORTS; port++) {
		plan->ports[port].priority = CONF_N_PRIORITIES - 1;
		tenant[port] = CONF_NO_TENANT;
	}
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		if (conf_is_there(&conf->vfs[i]))
			add_vf(plan, conf, granted, i, tenant);
	}
	for (uint16_t port = 0; port < conf->n_ports; port++)
		plan->tenant_of[port] = list_tenant(plan, conf, granted, tenant[port]);
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		if (conf_is_there(&conf->vfs[i]) && conf->vfs[i].tenant != tenant[conf->vfs[i].port])
			take_out_shared(plan, conf, granted, i, tenant[conf->vfs[i].port]);
	}
}

/* ---- A worker's part of it ---- */

/* What the members of a tenant, or of none, add up to: on all workers, and here. */
struct members {
	uint64_t all_pps, here_pps;
	uint64_t all_q16, here_q16;	/* weights */
	uint64_t all_use_pps, here_use_pps;	/* granted */
};

struct sums {
	struct members tenants[ASKING_MAX_TENANTS], root;
	uint64_t tenant_q16[ASKING_MAX_TENANTS];	/* the weight of a tenant's part here */
	uint64_t tenant_own_pps[ASKING_MAX_TENANTS];	/* the part of its own guarantee */
	uint8_t root_priority;				/* the last of them */
};

static struct members *members_of(struct sums *s, uint32_t tenant)
{
	return tenant == ASKING_NONE ? &s->root : &s->tenants[tenant];
}

/* Inlined, so that what is added is in registers. */
static inline __attribute__((always_inline)) void add_member(struct sums *s, uint32_t tenant, const struct members *m, uint8_t priority)
{
	struct members *to = members_of(s, tenant);

	to->all_pps += m->all_pps;
	to->here_pps += m->here_pps;
	to->all_q16 += m->all_q16;
	to->here_q16 += m->here_q16;
	to->all_use_pps += m->all_use_pps;
	to->here_use_pps += m->here_use_pps;
	if (tenant == ASKING_NONE && priority > s->root_priority)
		s->root_priority = priority;
}

static uint64_t part_of(uint64_t whole, uint64_t here, uint64_t all)
{
	uint64_t product;

	if (all == 0)
		return 0;
	/* As a rule: a division by 128 bits costs some ten times as much. */
	if (!__builtin_mul_overflow(whole, here, &product))
		return product / all;
	return (uint64_t)((clk_u128)whole * here / all);
}

static uint64_t used_part_of(uint64_t whole, const struct members *m)
{
	return part_of(whole, u64_min(m->here_use_pps, m->all_use_pps), m->all_use_pps);
}

/* By use: where its members are granted something, there is its guarantee and its weight. */
static void divide_by_use(const struct members *m, uint64_t weight_q16, struct members *as_member)
{
	as_member->here_pps = u64_max(m->here_pps, used_part_of(as_member->all_pps, m));
	as_member->here_q16 = u64_max(m->here_q16 > 0, used_part_of(weight_q16, m));
	as_member->all_use_pps = m->all_use_pps;
	as_member->here_use_pps = m->here_use_pps;
}

/* A tenant as a member of its parent, its own members being known: where they are, there is its own guarantee too, by
 * weight as far as it is more than theirs. */
static void add_tenant(const struct asking *plan, struct sums *s, uint32_t i, struct asking_terms *here)
{
	const struct asking_tenant *t = &plan->tenants[i];
	const struct members *m = &s->tenants[i];
	uint64_t more_pps = t->terms.min_pps > m->all_pps ? t->terms.min_pps - m->all_pps : 0;
	struct members as_member = {
		.all_pps = m->all_pps + more_pps,
		.here_pps = m->here_pps + part_of(more_pps, m->here_q16, m->all_q16),
		.all_q16 = t->terms.weight * ONE_Q16,
		.here_q16 = part_of(t->terms.weight * ONE_Q16, m->here_q16, m->all_q16),
	};

	/* What its members were sold makes it due while they want it.  It is no guarantee of its own: what one of them leaves would
	 * be the others' on his worker, and not everybody's. */
	s->tenant_own_pps[i] = u64_min(as_member.here_pps, t->terms.min_pps);
	if (m->all_use_pps > 0) {
		divide_by_use(m, t->terms.weight * ONE_Q16, &as_member);
		s->tenant_own_pps[i] = used_part_of(t->terms.min_pps, m);
	}
	s->tenant_q16[i] = as_member.here_q16;
	here->min_pps = as_member.here_pps;
	here->priority = t->terms.priority;
	add_member(s, t->parent, &as_member, t->terms.priority);
}

/* A port without VFs is read too, to drop. */
static uint64_t port_weight_q16(const struct asking_terms *t)
{
	return u64_max(t->weight, 1) * ONE_Q16;
}

static void sum_up(const struct asking *plan, const unsigned int *rx_worker, unsigned int worker, struct sums *s,
	struct asking_terms *tenants)
{
	memset(s->tenants, 0, plan->n_tenants * sizeof(s->tenants[0]));	/* mostly few of so many */
	s->root = (struct members){0};
	s->root_priority = 0;
	for (uint16_t port = 0; port < plan->n_ports; port++) {
		const struct asking_terms *t = &plan->ports[port];
		bool is_here = rx_worker[port] == worker;
		uint64_t weight = port_weight_q16(t);
		struct members m = {t->min_pps, is_here ? t->min_pps : 0, weight, is_here ? weight : 0, plan->port_pps[port],
			is_here ? plan->port_pps[port] + plan->port_more_pps[port] : 0};
		if (port != plan->pf)
			add_member(s, plan->tenant_of[port], &m, t->weight != 0 ? t->priority : 0);
	}
	for (int depth = CONF_MAX_DEPTH; depth > 0; depth--) {
		for (uint32_t i = 0; i < plan->n_tenants; i++) {
			if (plan->tenants[i].depth == depth)
				add_tenant(plan, s, i, &tenants[i]);
		}
	}
}

/* As an order wants it.  Whole weights that fit stay as they are; else they are parts of all that stand beside it. */
static uint32_t fit_weight(uint64_t weight_q16, uint64_t all_q16, bool is_split)
{
	if (!is_split && all_q16 <= MAX_WEIGHT * ONE_Q16)
		return (uint32_t)(weight_q16 / ONE_Q16);
	return (uint32_t)u64_max(1, part_of(MAX_WEIGHT, weight_q16, all_q16));
}

/* The PF must neither starve the VFs nor be starved by them, whatever their priorities: it weighs as much as all of them
 * together, comes after their priorities, and has half of what nobody was promised as a floor.  Where all is promised it has what they
 * leave. */
static struct asking_terms terms_of_pf(const struct asking *plan, const struct sums *s)
{
	struct asking_terms t = {.priority = s->root_priority};

	if (plan->capacity_pps == 0)
		t.min_pps = PF_FLOOR_PPS;
	else if (plan->core_pps > s->root.all_pps)
		t.min_pps = (plan->core_pps - s->root.all_pps) / 2;
	t.weight = (uint32_t)u64_max(1, s->root.all_q16 / ONE_Q16);
	return t;
}

/* Its floor was promised to nobody: while it leaves that to other workers, it never comes before what was promised here. */
static void fit_pf(const struct asking *plan, struct asking_part *part, const struct sums *s, unsigned int worker, bool is_split)
{
	struct asking_terms *pf = &part->ports[plan->pf];
	uint64_t granted_pps = worker < GRANTS_MAX_WORKERS ? plan->worker_pps[worker] : 0;

	pf->weight = (uint32_t)u64_max(1, fit_weight(s->root.all_q16, s->root.all_q16, is_split));
	if (granted_pps != 0)
		pf->min_pps = u64_min(pf->min_pps, granted_pps > part->sold_pps ? granted_pps - part->sold_pps : 0);
}

/* A worker's part of the configured capacity: what it was granted by demand; at first what its askers were promised, and
 * its weight's part of the rest. */
static uint64_t capacity_of(const struct asking *plan, const struct asking_part *part, uint64_t all_pps,
	unsigned int worker)
{
	uint64_t capacity = plan->capacity_pps;

	if (capacity == 0)
		return 0;
	if (worker < GRANTS_MAX_WORKERS && plan->worker_pps[worker] != 0)
		return plan->worker_pps[worker];
	if (all_pps >= capacity)	/* over-committed, as allowed */
		return u64_max(1, part_of(capacity, part->min_pps, all_pps));
	return u64_max(1, part->min_pps + part_of(capacity - all_pps, part->weight_q16, part->all_weight_q16));
}

/* Some tenant is here with a part of its weight. */
static bool has_split_tenant(const struct asking *plan, const struct sums *s)
{
	for (uint32_t i = 0; i < plan->n_tenants; i++) {
		if (s->tenant_q16[i] != 0 && s->tenant_q16[i] != plan->tenants[i].terms.weight * ONE_Q16)
			return true;
	}
	return false;
}

struct asking_terms asking_pf(const struct asking *plan)
{
	struct asking_terms tenants[ASKING_MAX_TENANTS];
	static const unsigned int rx_worker[CONF_MAX_PORTS];
	struct sums s;

	sum_up(plan, rx_worker, 0, &s, tenants);
	return terms_of_pf(plan, &s);
}

struct asking_sold asking_sold(const struct asking *plan, const unsigned int *rx_worker, unsigned int worker)
{
	struct asking_terms tenants[ASKING_MAX_TENANTS];
	struct sums s;

	sum_up(plan, rx_worker, worker, &s, tenants);
	return (struct asking_sold){
		.pps = s.root.here_pps,
		.weight_q16 = s.root.here_q16 + (rx_worker[plan->pf] == worker ? s.root.all_q16 : 0),
		.all_weight_q16 = 2 * s.root.all_q16,
	};
}

void asking_part(const struct asking *plan, const unsigned int *rx_worker, unsigned int worker, struct asking_part *part)
{
	struct sums s;

	memset(part, 0, sizeof(*part));
	sum_up(plan, rx_worker, worker, &s, part->tenants);
	bool is_split = has_split_tenant(plan, &s), is_pf_here = rx_worker[plan->pf] == worker;
	for (uint32_t i = 0; i < plan->n_tenants; i++) {
		if (s.tenant_q16[i] != 0)
			part->tenants[i].weight =
				fit_weight(s.tenant_q16[i], members_of(&s, plan->tenants[i].parent)->all_q16, is_split);
	}
	for (uint16_t port = 0; port < plan->n_ports; port++) {
		const struct asking_terms *t = &plan->ports[port];
		part->ports[port] = *t;
		part->ports[port].weight =
			fit_weight(port_weight_q16(t), members_of(&s, plan->tenant_of[port])->all_q16, is_split);
	}
	part->sold_pps = s.root.here_pps;
	part->ports[plan->pf] = terms_of_pf(plan, &s);
	uint64_t all_pps = s.root.all_pps + part->ports[plan->pf].min_pps;
	if (is_pf_here)
		fit_pf(plan, part, &s, worker, is_split);
	part->min_pps = s.root.here_pps + (is_pf_here ? part->ports[plan->pf].min_pps : 0);
	part->weight_q16 = s.root.here_q16 + (is_pf_here ? s.root.all_q16 : 0);
	part->all_weight_q16 = 2 * s.root.all_q16;
	part->capacity_pps = capacity_of(plan, part, all_pps, worker);
	memcpy(part->tenant_own_pps, s.tenant_own_pps, plan->n_tenants * sizeof(s.tenant_own_pps[0]));
	if (worker >= GRANTS_MAX_WORKERS || plan->worker_pps[worker] == 0)
		return;
	part->loan = plan->loan;
	part->loaned_pps = u64_max(1, plan->loaned_pps[worker]);
	part->is_at_ease = plan->is_at_ease[worker];
}
