/* SPDX-License-Identifier: BSD-3-Clause */
#include "grants.h"

#include <stdlib.h>
#include <string.h>

struct grant grant_as_sold(const struct sla *s)
{
	return (struct grant){s->min_bps, s->min_pps, s->urgent_bps, s->urgent_pps};
}

struct grants *grants_create(const struct conf *conf)
{
	struct grants *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->n_vfs = conf->n_vfs;
	g->n_tenants = conf->n_tenants;
	g->vfs = calloc(conf->n_vfs + 1, sizeof(*g->vfs));
	g->tenants = calloc(conf->n_tenants + 1, sizeof(*g->tenants));
	g->remote_bps = calloc(conf->n_vfs + 1, sizeof(*g->remote_bps));
	if (g->vfs == NULL || g->tenants == NULL || g->remote_bps == NULL) {
		grants_destroy(g);
		return NULL;
	}
	for (uint32_t i = 0; i < conf->n_vfs; i++)
		g->vfs[i] = grant_as_sold(&conf->vfs[i].tx_eff);
	for (uint32_t i = 0; i < conf->n_tenants; i++)
		g->tenants[i] = grant_as_sold(&conf->tenants[i].tx_eff);
	return g;
}

void grants_destroy(struct grants *g)
{
	if (g == NULL)
		return;
	free(g->vfs);
	free(g->tenants);
	free(g->remote_bps);
	free(g);
}

static struct sla granted(struct sla s, const struct grant *g)
{
	s.min_bps = g->min_bps;
	s.min_pps = g->min_pps;
	s.urgent_bps = g->urgent_bps;
	s.urgent_pps = g->urgent_pps;
	return s;
}

struct sla granted_vf(const struct conf *conf, const struct grants *g, uint32_t vf)
{
	return g == NULL ? conf->vfs[vf].tx_eff : granted(conf->vfs[vf].tx_eff, &g->vfs[vf]);
}

struct sla granted_tenant(const struct conf *conf, const struct grants *g, uint32_t tenant)
{
	return g == NULL ? conf->tenants[tenant].tx_eff : granted(conf->tenants[tenant].tx_eff, &g->tenants[tenant]);
}

void grants_copy_split(struct grants *to, const struct grants *from)
{
	memcpy(to->capacity_pps, from->capacity_pps, sizeof(to->capacity_pps));
	memcpy(to->port_pps, from->port_pps, sizeof(to->port_pps));
}

bool grants_copy(struct grants *to, const struct grants *from)
{
	if (to->n_vfs != from->n_vfs || to->n_tenants != from->n_tenants)
		return false;
	memcpy(to->vfs, from->vfs, from->n_vfs * sizeof(*from->vfs));
	memcpy(to->tenants, from->tenants, from->n_tenants * sizeof(*from->tenants));
	memcpy(to->remote_bps, from->remote_bps, from->n_vfs * sizeof(*from->remote_bps));
	to->core_pps = from->core_pps;
	grants_copy_split(to, from);
	return true;
}

bool grants_are_same(const struct grants *a, const struct grants *b)
{
	return a->n_vfs == b->n_vfs && a->n_tenants == b->n_tenants && a->core_pps == b->core_pps &&
	       memcmp(a->vfs, b->vfs, a->n_vfs * sizeof(*a->vfs)) == 0 &&
	       memcmp(a->tenants, b->tenants, a->n_tenants * sizeof(*a->tenants)) == 0 &&
	       memcmp(a->remote_bps, b->remote_bps, a->n_vfs * sizeof(*a->remote_bps)) == 0 &&
	       memcmp(a->capacity_pps, b->capacity_pps, sizeof(a->capacity_pps)) == 0 &&
	       memcmp(a->port_pps, b->port_pps, sizeof(a->port_pps)) == 0;
}

bool grants_step(struct grants *step, const struct grants *a, const struct grants *b)
{
	bool is_step = false;

	if (!grants_copy(step, b))
		return false;
	for (unsigned int i = 0; i < GRANTS_MAX_WORKERS; i++) {
		uint64_t from = a->capacity_pps[i];
		if (from == 0 || from >= b->capacity_pps[i])
			continue;
		step->capacity_pps[i] = from;
		is_step = true;
	}
	return is_step && !grants_are_same(step, a);
}
