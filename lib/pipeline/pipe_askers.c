/* SPDX-License-Identifier: BSD-3-Clause */
/* Whom a worker asks, and on what terms: a port stands for the VFs behind it, the PF for everybody outside. */
#include <stdlib.h>
#include <string.h>

#include "pipe_impl.h"

#define PF_FLOOR_PPS 250000	/* the uplink's floor where no capacity is known: little for any core */

/* The terms of all askers of the switch, before they are split over workers. */
struct askers {
	struct ask_terms port[CONF_MAX_PORTS];
	uint64_t min_pps;	/* sums */
	uint64_t weight;
	uint64_t capacity_pps;	/* of all workers */
	uint64_t worker_pps[GRANTS_MAX_WORKERS];	/* granted to each; 0: its part by the above */
};

/* A VF's urgent allowance counts as a minimum (contract 4). */
static void add_vf(struct ask_terms *t, uint64_t *weight, const struct sla *s)
{
	*weight += s->weight;
	t->min_pps += u64_max(s->min_pps, s->urgent_pps);
	if (s->priority < t->priority)
		t->priority = s->priority;
}

/* The PF must neither starve the VFs nor be starved by them, whatever their priorities: it weighs as much as all of them
 * together, comes after their priorities, and has half of what nobody was promised as a floor. */
static void add_pf(struct askers *a, const struct conf *conf)
{
	struct ask_terms *t = &a->port[conf->pf];

	t->priority = 0;
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		if (conf->vfs[i].tx_eff.priority > t->priority)
			t->priority = conf->vfs[i].tx_eff.priority;
	}
	if (conf->packet_capacity_pps == 0)
		t->min_pps = PF_FLOOR_PPS;
	else if (conf->packet_capacity_pps > a->min_pps)
		t->min_pps = (conf->packet_capacity_pps - a->min_pps) / 2;
	a->min_pps += t->min_pps;
}

static void gather(struct askers *a, const struct conf *conf, const struct grants *granted)
{
	uint64_t weight[CONF_MAX_PORTS] = {0};
	uint64_t all = 0;

	*a = (struct askers){.capacity_pps = conf->packet_capacity_pps};
	for (uint16_t port = 0; port < conf->n_ports; port++)
		a->port[port].priority = CONF_N_PRIORITIES - 1;
	if (granted != NULL)
		memcpy(a->worker_pps, granted->capacity_pps, sizeof(a->worker_pps));
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		struct sla tx = granted_vf(conf, granted, i);
		add_vf(&a->port[conf->vfs[i].port], &weight[conf->vfs[i].port], &tx);
	}
	for (uint16_t port = 0; port < conf->n_ports; port++) {
		all += weight[port];
		a->min_pps += a->port[port].min_pps;
	}
	weight[conf->pf] = all;
	for (uint16_t port = 0; port < conf->n_ports; port++) {
		uint64_t w = all > ORDER_MAX_WEIGHT ? weight[port] * ORDER_MAX_WEIGHT / all : weight[port];
		a->port[port].weight = w > 0 ? (uint32_t)w : 1;	/* a port without VFs: read, to drop */
		a->weight += a->port[port].weight;
	}
	add_pf(a, conf);
}

/* A worker's part of the configured capacity: what it was granted by demand; at first what its askers were promised, and
 * its weight's part of the rest. */
static uint64_t capacity_of(const struct pipe *p, const struct askers *a)
{
	uint64_t capacity_pps = a->capacity_pps;
	uint64_t min_pps = 0, weight = 0;

	if (capacity_pps == 0)
		return 0;
	if (p->worker < GRANTS_MAX_WORKERS && a->worker_pps[p->worker] != 0)
		return a->worker_pps[p->worker];
	for (uint32_t i = 0; i < p->n_rx_ports; i++) {
		min_pps += a->port[p->rx_ports[i]].min_pps;
		weight += a->port[p->rx_ports[i]].weight;
	}
	if (a->min_pps >= capacity_pps)	/* over-committed, as allowed */
		return u64_max(1, (uint64_t)((clk_u128)capacity_pps * min_pps / a->min_pps));
	return u64_max(1, min_pps + (uint64_t)((clk_u128)(capacity_pps - a->min_pps) * weight / a->weight));
}

struct askers *pipe_gather_askers(const struct conf *conf, const struct grants *granted)
{
	struct askers *a = malloc(sizeof(*a));

	if (a != NULL)
		gather(a, conf, granted);
	return a;
}

void pipe_set_askers(struct pipe *p, const struct askers *a, uint64_t now_ns)
{
	if (p->ask == NULL)
		return;
	for (uint32_t i = 0; i < p->n_rx_ports; i++)
		ask_set(p->ask, i, &a->port[p->rx_ports[i]], now_ns);
	ask_set_capacity(p->ask, capacity_of(p, a), now_ns);
}

bool pipe_create_ask(struct pipe *p, uint64_t now_ns)
{
	const struct fabric *f = p->f;
	struct askers askers;

	for (uint16_t port = 0; port < f->conf->n_ports; port++) {
		if (f->ports[port].rx_worker == p->worker)
			p->rx_ports[p->n_rx_ports++] = port;
	}
	if (p->n_rx_ports == 0)
		return true;
	gather(&askers, f->conf, NULL);
	p->ask = ask_create(&(struct ask_params){
		.n_askers = p->n_rx_ports,
		.capacity_pps = capacity_of(p, &askers),
		.turn_pkts = f->conf->turn_pkts,
		.turn_ns = f->conf->turn_ns,
	});
	if (p->ask == NULL)
		return false;
	for (uint32_t i = 0; i < p->n_rx_ports; i++) {
		ask_set(p->ask, i, &askers.port[p->rx_ports[i]], now_ns);
		ask_enable(p->ask, i, true, now_ns);
	}
	p->is_asking = true;
	return true;
}
