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
	memcpy(to->port_more_pps, from->port_more_pps, sizeof(to->port_more_pps));
	to->loan = from->loan;
	memcpy(to->loaned_pps, from->loaned_pps, sizeof(to->loaned_pps));
	memcpy(to->is_at_ease, from->is_at_ease, sizeof(to->is_at_ease));
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
	       memcmp(a->port_pps, b->port_pps, sizeof(a->port_pps)) == 0 &&
	       memcmp(a->port_more_pps, b->port_more_pps, sizeof(a->port_more_pps)) == 0 && a->loan == b->loan &&
	       memcmp(a->loaned_pps, b->loaned_pps, sizeof(a->loaned_pps)) == 0 &&
	       memcmp(a->is_at_ease, b->is_at_ease, sizeof(a->is_at_ease)) == 0;
}

uint64_t grants_reads_pps(const struct grants *g, unsigned int worker)
{
	return g->loan != 0 ? g->loaned_pps[worker] : g->capacity_pps[worker];
}

typedef uint64_t reads_fn(const struct grants *g, unsigned int worker);

static uint64_t own_pps(const struct grants *g, unsigned int worker)
{
	return g->capacity_pps[worker];
}

/* On the way from 'a' to 'b': who loses has lost it, and who gains has what may be had before anybody has. */
struct way {
	uint64_t gain, room;
};

static struct way find_way(const struct grants *a, const struct grants *b, reads_fn *reads)
{
	struct way w = {0};
	uint64_t sum_a = 0, sum_b = 0;

	for (unsigned int i = 0; i < GRANTS_MAX_WORKERS; i++) {
		if (a->capacity_pps[i] == 0)
			continue;
		sum_a += reads(a, i);
		sum_b += reads(b, i);
		w.gain += reads(b, i) > reads(a, i) ? reads(b, i) - reads(a, i) : 0;
	}
	w.room = sum_b > sum_a ? sum_b - sum_a : 0;
	return w;
}

static uint64_t half_way(const struct way *w, uint64_t from, uint64_t to)
{
	__extension__ typedef unsigned __int128 u128;

	if (to <= from || w->room >= w->gain)
		return to;
	return from + (uint64_t)((u128)(to - from) * w->room / w->gain);
}

/* It is in the loan that is in force: who ends that ends the step's too. */
bool grants_step(struct grants *step, const struct grants *a, const struct grants *b)
{
	struct way own = find_way(a, b, own_pps), with_loan = find_way(a, b, grants_reads_pps);
	bool is_step = false;

	if (!grants_copy(step, b))
		return false;
	step->loan = a->loan != 0 ? a->loan : b->loan;
	for (unsigned int i = 0; i < GRANTS_MAX_WORKERS; i++) {
		if (a->capacity_pps[i] == 0)
			continue;
		step->capacity_pps[i] = half_way(&own, a->capacity_pps[i], b->capacity_pps[i]);
		step->loaned_pps[i] = 0;
		if (step->loan != 0)
			step->loaned_pps[i] = half_way(&with_loan, grants_reads_pps(a, i), grants_reads_pps(b, i));
		step->is_at_ease[i] = (a->loan == 0 || a->is_at_ease[i]) && (b->loan == 0 || b->is_at_ease[i]);
		is_step |= step->capacity_pps[i] < b->capacity_pps[i] || grants_reads_pps(step, i) < grants_reads_pps(b, i);
	}
	return is_step && !grants_are_same(step, a);
}
