/* SPDX-License-Identifier: BSD-3-Clause */
/* Whom a worker asks, and on what terms: its part of the switch's plan, given to its asking order. */
#include <stdlib.h>

#include "pipe_impl.h"

struct asking *pipe_gather_askers(const struct conf *conf, const struct grants *granted)
{
	struct asking *plan = malloc(sizeof(*plan));

	if (plan != NULL)
		asking_plan(plan, conf, granted);
	return plan;
}

static void part_of(const struct pipe *p, const struct asking *plan, struct asking_part *part)
{
	unsigned int rx_worker[CONF_MAX_PORTS];

	for (uint16_t port = 0; port < plan->n_ports; port++)
		rx_worker[port] = p->f->ports[port].rx_worker;
	asking_part(plan, rx_worker, p->worker, part);
}

static struct ask_terms ask_terms(const struct asking_terms *t)
{
	return (struct ask_terms){.min_pps = t->min_pps, .weight = t->weight, .priority = t->priority};
}

static bool is_planned(const struct asking *plan, uint32_t tenant)
{
	for (uint32_t i = 0; i < plan->n_tenants; i++) {
		if (plan->tenants[i].id == tenant)
			return true;
	}
	return false;
}

/* There are so few tenants that each has a group of its own. */
static bool has_group_each(const struct pipe *p)
{
	return p->f->conf->n_tenants <= ASKING_MAX_TENANTS;
}

/* Its group of the order.  Of many tenants, one that is new has a group that no tenant of the plan has: there are as many groups
 * as a plan may have tenants. */
static uint32_t group_of_tenant(struct pipe *p, const struct asking *plan, uint32_t tenant, uint64_t now_ns)
{
	uint32_t i;

	if (has_group_each(p))
		return tenant;
	for (i = 0; i < ASKING_MAX_TENANTS; i++) {
		if (p->asked_tenants[i] == tenant)
			return i;
	}
	for (i = 0; is_planned(plan, p->asked_tenants[i]);)
		i++;
	if (p->asked_tenants[i] != CONF_NO_TENANT)
		ask_clear_group(p->ask, i, now_ns);
	p->asked_tenants[i] = tenant;
	return i;
}

static uint32_t group_of(struct pipe *p, const struct asking *plan, uint32_t place, uint64_t now_ns)
{
	return place == ASKING_NONE ? ORDER_NONE : group_of_tenant(p, plan, plan->tenants[place].id, now_ns);
}

static void set_tenants(struct pipe *p, const struct asking *plan, const struct asking_part *part, uint64_t now_ns)
{
	for (uint32_t i = 0; i < plan->n_tenants; i++) {
		const struct asking_tenant *t = &plan->tenants[i];
		struct ask_terms terms = ask_terms(&part->tenants[i]);
		uint32_t group = group_of(p, plan, i, now_ns);
		terms.min_pps = part->tenant_own_pps[i];
		if (terms.weight == 0)
			continue;
		ask_set_group(p->ask, group, &terms, now_ns);
		ask_join_group(p->ask, group, group_of(p, plan, t->parent, now_ns), now_ns);	/* no loops: the config was checked */
	}
}

static void set_part(struct pipe *p, const struct asking *plan, const struct asking_part *part, uint64_t now_ns)
{
	set_tenants(p, plan, part, now_ns);
	for (uint32_t i = 0; i < p->n_rx_ports; i++) {
		struct ask_terms terms = ask_terms(&part->ports[p->rx_ports[i]]);
		ask_set(p->ask, i, &terms, now_ns);
		ask_join(p->ask, i, group_of(p, plan, plan->tenant_of[p->rx_ports[i]], now_ns), now_ns);
	}
}

void pipe_set_askers(struct pipe *p, const struct asking *plan, uint64_t now_ns)
{
	struct asking_part part;

	if (p->ask == NULL)
		return;
	part_of(p, plan, &part);
	set_part(p, plan, &part, now_ns);
	pipe_set_capacity(p, &part, now_ns);
}

/* Where tenants take turns in the groups, a group's figures are nobody's. */
uint64_t pipe_tenant_missed_ns(const struct pipe *p, uint32_t tenant)
{
	return p->ask != NULL && has_group_each(p) ? ask_group_missed_ns(p->ask, tenant) : 0;
}

bool pipe_create_ask(struct pipe *p, uint64_t now_ns)
{
	const struct fabric *f = p->f;
	struct asking_part part;
	struct asking plan;

	for (uint16_t port = 0; port < f->conf->n_ports; port++) {
		if (f->ports[port].rx_worker == p->worker)
			p->rx_ports[p->n_rx_ports++] = port;
	}
	if (p->n_rx_ports == 0)
		return true;
	for (uint32_t i = 0; i < ASKING_MAX_TENANTS; i++)
		p->asked_tenants[i] = CONF_NO_TENANT;
	asking_plan(&plan, f->conf, NULL);
	part_of(p, &plan, &part);
	p->ask = ask_create(&(struct ask_params){
		.n_askers = p->n_rx_ports,
		.n_groups = f->conf->n_tenants < ASKING_MAX_TENANTS ? f->conf->n_tenants : ASKING_MAX_TENANTS,
		.capacity_pps = part.capacity_pps,
		.turn_pkts = f->conf->turn_pkts,
		.turn_ns = f->conf->turn_ns,
	});
	if (p->ask == NULL)
		return false;
	set_part(p, &plan, &part, now_ns);
	for (uint32_t i = 0; i < p->n_rx_ports; i++)
		ask_enable(p->ask, i, true, now_ns);
	p->is_asking = true;
	return true;
}
