/* SPDX-License-Identifier: BSD-3-Clause */
#include "control.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clk.h"
#include "core_split.h"
#include "feasible.h"
#include "units.h"

#define WIRE_BYTES     24u
#define REMOTE_TELL_NS (10 * NS_PER_S)	/* that congestion beyond the uplink comes or goes is told once in that at most */

enum resource { BITS, PACKETS };

struct control {
	struct control_params is;
	struct capacity core, port;
	struct asking asking;			/* of 'granted' */
	bool is_planned;
	struct grants *granted;
	uint64_t n_changes, last_ns;
	uint64_t fitted_bps, fitted_pps;	/* what 'granted' was worked out for */
	bool has_loads;
	bool is_fitted;				/* anew, in this period */
	uint32_t n_cut;
	uint32_t told_n_cut, told_worst;	/* what was last said of that */
	struct grant told_grant;
	struct feasible_node *nodes;		/* VFs, then tenants */
	uint32_t n_nodes;
	struct load_view loads[GRANTS_MAX_WORKERS];	/* of the last period */
	struct core_split split;
	struct control_decision decisions[CONTROL_DECISIONS];
	uint64_t n_decisions;
	struct remote_loop *remote;		/* NULL without [remote] */
	uint32_t n_remote;			/* VFs that it held when that was told last */
	uint64_t remote_told_ns;
};

/* ---- Reasons ---- */

void control_note(struct control *c, uint64_t now_ns, const char *fmt, ...)
{
	struct control_decision *d = &c->decisions[c->n_decisions++ % CONTROL_DECISIONS];
	va_list args;

	d->at_ns = now_ns;
	va_start(args, fmt);
	vsnprintf(d->text, sizeof(d->text), fmt, args);
	va_end(args);
}

void control_note_cost(struct control *c, struct period *period, uint64_t cost_ns, uint64_t now_ns)
{
	if (period_note(period, cost_ns))
		control_note(c, now_ns, "a run costs %.1f us: period %.3f ms, asked %.3f ms", (double)period->cost_ns_q4 / 16e3,
			(double)period->effective_ns / 1e6, (double)period->asked_ns / 1e6);
}

uint64_t control_n_decisions(const struct control *c)
{
	return c->n_decisions;
}

const struct control_decision *control_decision(const struct control *c, uint64_t n)
{
	return &c->decisions[n % CONTROL_DECISIONS];
}

static const char *amount(char buf[UNITS_TEXT], uint64_t value)
{
	return units_approx_text(buf, (double)value);
}

/* ---- Capacity ---- */

static void note_capacity(struct control *c, const struct capacity *is, enum capacity_event event, const char *what,
	const char *unit, uint64_t now_ns)
{
	char text[UNITS_TEXT];

	if (event == CAPACITY_CUT)
		control_note(c, now_ns, "%s %s %s when full (p50), for a second now: counted with that", what,
			amount(text, is->effective), unit);
	else if (event == CAPACITY_RESTORED && is->effective == is->nominal)
		control_note(c, now_ns, "%s what it should, or was not full for 5 s: counted with all of it", what);
	else if (event == CAPACITY_RESTORED)
		control_note(c, now_ns, "%s %s %s, for 5 s now: counted with that", what, amount(text, is->effective), unit);
}

/* The core is full where all that ask are; where it is home that is full, it is what home takes. */
static void measure_core(struct control *c, const struct load_view *loads, uint64_t now_ns)
{
	uint64_t full_ns = UINT64_MAX, home_ns = 0, home_pkts = 0;
	double pkts = 0;

	for (unsigned int i = 0; i < c->is.n_workers; i++) {
		uint64_t ns = loads[i].full_ns - c->loads[i].full_ns;
		uint64_t n = loads[i].full_pkts - c->loads[i].full_pkts;
		if (loads[i].asks) {
			full_ns = u64_min(full_ns, ns);
			pkts += ns > 0 ? (double)n / (double)ns : 0;
		} else if (loads[i].is_home) {
			home_ns = ns;
			home_pkts = n;
		}
	}
	if (full_ns == UINT64_MAX)
		full_ns = 0;
	bool is_home = home_ns > full_ns;
	note_capacity(c, &c->core,
		capacity_add(&c->core, is_home ? home_pkts : (uint64_t)(pkts * (double)full_ns + 0.5),
			is_home ? home_ns : full_ns, now_ns),
		"core: it moves", "packets/s", now_ns);
}

/* The port is the bottleneck where it takes less than there is nearly all of the time; then what it was handed is what
 * it drains. */
static void measure_port(struct control *c, const struct load_view *loads, uint64_t now_ns)
{
	uint64_t extra_bytes = c->is.pf_basis == BASIS_WIRE ? WIRE_BYTES : 0, bits = 0, blocked_ns = 0;
	uint64_t took_ns = now_ns - c->last_ns;

	for (unsigned int i = 0; i < c->is.n_workers; i++) {
		const struct load_view *last = &c->loads[i];
		if (!loads[i].is_home)
			continue;
		bits = 8 * (loads[i].pf_bytes - last->pf_bytes + extra_bytes * (loads[i].pf_pkts - last->pf_pkts));
		blocked_ns = loads[i].pf_blocked_ns - last->pf_blocked_ns;
	}
	bool is_full = blocked_ns >= took_ns - took_ns / 10;
	note_capacity(c, &c->port, capacity_add(&c->port, is_full ? bits : 0, is_full ? took_ns : 0, now_ns),
		"uplink: its port drains", "bits/s", now_ns);
}

/* ---- Feasibility ---- */

/* In L2 bits of packets of guarantee_size, as admission counts. */
static uint64_t to_l2(const struct conf *conf, const struct sla *s, uint64_t bps)
{
	if (s->basis == BASIS_L2)
		return bps;
	return (uint64_t)((clk_u128)bps * conf->guarantee_bytes / basis_bytes(BASIS_WIRE, conf->guarantee_bytes));
}

static uint64_t owed(const struct conf *conf, const struct sla *s, enum resource r)
{
	return r == BITS ? to_l2(conf, s, u64_max(s->min_bps, s->urgent_bps)) : u64_max(s->min_pps, s->urgent_pps);
}

static bool make_nodes(struct control *c, const struct conf *conf, enum resource r)
{
	uint32_t n = conf->n_vfs + conf->n_tenants;

	if (n > c->n_nodes || c->nodes == NULL) {
		free(c->nodes);
		c->nodes = calloc((size_t)n + 1, sizeof(*c->nodes));
		c->n_nodes = c->nodes != NULL ? n : 0;
	}
	for (uint32_t i = 0; c->nodes != NULL && i < n; i++) {
		const struct conf_vf *v = i < conf->n_vfs ? &conf->vfs[i] : NULL;
		const struct conf_tenant *t = v == NULL ? &conf->tenants[i - conf->n_vfs] : NULL;
		const struct sla *s = v != NULL ? &v->tx_eff : &t->tx_eff;
		uint32_t up = v != NULL ? v->tenant : t->parent;

		c->nodes[i] = (struct feasible_node){
			.owed = v != NULL ? owed(conf, s, r) : r == BITS ? t->owed_bps : t->owed_pps,
			.parent = conf_tenant_of(conf, up) != NULL ? conf->n_vfs + up : FEASIBLE_NO_PARENT,
			.priority = s->priority,
			.is_group = t != NULL,
		};
	}
	return c->nodes != NULL;
}

/* The part of what was sold that is left: min and urgent allowance within it. */
static bool cut(struct grant *g, const struct conf *conf, const struct sla *s, const struct feasible_node *node,
	enum resource r)
{
	if (node->granted >= node->owed)
		return false;
	if (r == BITS) {
		uint64_t bps = (uint64_t)((clk_u128)node->granted *
			basis_bytes((enum link_basis)s->basis, conf->guarantee_bytes) / conf->guarantee_bytes);
		g->min_bps = u64_min(s->min_bps, bps);
		g->urgent_bps = u64_min(s->urgent_bps, bps);
	} else {
		g->min_pps = u64_min(s->min_pps, node->granted);
		g->urgent_pps = u64_min(s->urgent_pps, node->granted);
	}
	return true;
}

/* A guarantee has both units: none where there is nothing left of one (0 would mean that it has no such clock). */
static void drop_halves(struct grant *g, bool is_cut)
{
	if (is_cut && (g->min_bps == 0 || g->min_pps == 0))
		g->min_bps = g->min_pps = 0;
	if (is_cut && (g->urgent_bps == 0 || g->urgent_pps == 0))
		g->urgent_bps = g->urgent_pps = 0;
}

static uint64_t l2_capacity(const struct control *c, const struct conf *conf)
{
	if (c->port.effective == CAPACITY_UNLIMITED)
		return CAPACITY_UNLIMITED;
	return (uint64_t)((clk_u128)c->port.effective * conf->guarantee_bytes /
		basis_bytes(c->is.pf_basis, conf->guarantee_bytes));
}

static void fit_one(struct control *c, const struct conf *conf, struct grants *g, enum resource r)
{
	uint64_t capacity = r == BITS ? l2_capacity(c, conf) : c->core.effective;

	if (capacity == CAPACITY_UNLIMITED || !make_nodes(c, conf, r) ||
		feasible_cut(c->nodes, conf->n_vfs + conf->n_tenants, capacity) == 0)
		return;
	for (uint32_t i = 0; i < conf->n_vfs; i++)
		drop_halves(&g->vfs[i], cut(&g->vfs[i], conf, &conf->vfs[i].tx_eff, &c->nodes[i], r));
	for (uint32_t i = 0; i < conf->n_tenants; i++)
		drop_halves(&g->tenants[i],
			cut(&g->tenants[i], conf, &conf->tenants[i].tx_eff, &c->nodes[conf->n_vfs + i], r));
}

void control_fit(struct control *c, const struct conf *conf, struct grants *g)
{
	for (uint32_t i = 0; i < conf->n_vfs; i++)
		g->vfs[i] = grant_as_sold(&conf->vfs[i].tx_eff);
	for (uint32_t i = 0; i < conf->n_tenants; i++)
		g->tenants[i] = grant_as_sold(&conf->tenants[i].tx_eff);
	fit_one(c, conf, g, BITS);
	fit_one(c, conf, g, PACKETS);
	g->core_pps = c->core.effective < conf->packet_capacity_pps ? c->core.effective : 0;
	if (c->granted != NULL)
		grants_copy_split(g, c->granted);
	if (c->remote != NULL)
		remote_loop_fit(c->remote, conf, g);
}

static bool is_cut(const struct grant *g, const struct sla *s)
{
	return g->min_bps != s->min_bps || g->min_pps != s->min_pps || g->urgent_bps != s->urgent_bps ||
	       g->urgent_pps != s->urgent_pps;
}

static void note_cuts(struct control *c, const struct conf *conf, uint64_t now_ns)
{
	char from[UNITS_TEXT], to[UNITS_TEXT], from_pps[UNITS_TEXT], to_pps[UNITS_TEXT];
	uint32_t before = c->n_cut, worst = UINT32_MAX;

	c->n_cut = 0;
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		if (!is_cut(&c->granted->vfs[i], &conf->vfs[i].tx_eff))
			continue;
		c->n_cut++;
		if (worst == UINT32_MAX || conf->vfs[i].tx_eff.priority > conf->vfs[worst].tx_eff.priority)
			worst = i;
	}
	for (uint32_t i = 0; i < conf->n_tenants; i++)
		c->n_cut += is_cut(&c->granted->tenants[i], &conf->tenants[i].tx_eff);
	if (worst != UINT32_MAX && c->n_cut == c->told_n_cut && worst == c->told_worst &&
		memcmp(&c->granted->vfs[worst], &c->told_grant, sizeof(c->told_grant)) == 0)
		return;		/* the same again, after a change of others */
	c->told_n_cut = worst != UINT32_MAX ? c->n_cut : 0;
	if (worst != UINT32_MAX) {
		const struct sla *s = &conf->vfs[worst].tx_eff;
		const struct grant *g = &c->granted->vfs[worst];
		c->told_worst = worst;
		c->told_grant = *g;
		control_note(c, now_ns, "guarantees do not fit, %u cut: vf %s %s -> %s b/s, %s -> %s p/s",
			c->n_cut, conf->vfs[worst].name, amount(from, s->min_bps), amount(to, g->min_bps),
			amount(from_pps, s->min_pps), amount(to_pps, g->min_pps));
	} else if (before > 0 && c->n_cut == 0) {
		control_note(c, now_ns, "all guarantees fit again, and are granted");
	}
}

/* Only what is new is worked out: as a rule nothing is. */
static bool fit(struct control *c, const struct conf *conf, uint64_t n_changes, uint64_t now_ns)
{
	bool is_new = c->granted == NULL || c->n_changes != n_changes;

	c->is_fitted = false;
	if (!is_new && c->fitted_bps == c->port.effective && c->fitted_pps == c->core.effective)
		return true;
	if (c->granted == NULL || c->granted->n_vfs != conf->n_vfs || c->granted->n_tenants != conf->n_tenants) {
		grants_destroy(c->granted);
		c->granted = grants_create(conf);
		if (c->granted == NULL)
			return false;
	}
	c->n_changes = n_changes;
	c->fitted_bps = c->port.effective;
	c->fitted_pps = c->core.effective;
	control_fit(c, conf, c->granted);
	c->is_planned = false;
	c->is_fitted = true;
	note_cuts(c, conf, now_ns);
	return true;
}

/* ---- The packet capacity, over the workers that ask ---- */

static void split_capacity(struct control *c, const struct conf *conf)
{
	if (!c->is_planned)
		asking_plan(&c->asking, conf, c->granted);
	c->is_planned = true;
	core_split_run(&c->split, &c->asking, u64_min(conf->packet_capacity_pps, c->core.effective), c->is_fitted, c->granted);
}

/* ---- Beyond the uplink ---- */

/* That it begins or ends, not each step. */
static void run_remote(struct control *c, const struct conf *conf, uint64_t n_changes, uint64_t now_ns)
{
	if (c->remote == NULL || !remote_loop_run(c->remote, conf, n_changes, c->granted, now_ns))
		return;
	uint32_t n = remote_loop_n_held(c->remote);
	bool is_new = (n > 0) != (c->n_remote > 0);

	if (!is_new || (c->remote_told_ns != 0 && now_ns - c->remote_told_ns < REMOTE_TELL_NS))
		return;
	if (n > 0)
		control_note(c, now_ns, "congestion beyond the uplink: %u VFs heard of it and are held to their parts", n);
	else
		control_note(c, now_ns, "no congestion beyond the uplink any more: nobody is held for it");
	c->n_remote = n;
	c->remote_told_ns = now_ns;
}

const struct remote_loop *control_remote(const struct control *c)
{
	return c->remote;
}

/* ---- A period ---- */

static bool create_remote(struct control *c, const struct control_params *params)
{
	if (!params->conf->remote.is_on)
		return true;
	c->remote = remote_loop_create(&(struct remote_loop_params){
		.conf = params->conf, .pf_bps = params->pf_bps, .echoes = params->echoes, .ctx = params->ctx});
	return c->remote != NULL;
}

struct control *control_create(const struct control_params *params, uint64_t now_ns)
{
	struct control *c = calloc(1, sizeof(*c));
	const struct conf *conf = params->conf;
	bool is_known = conf->packet_capacity_pps != 0;
	/* What a full core moves depends on its packets, and on what the host leaves it: acted upon only where that was asked. */
	bool is_core_fixed = conf->capacity != CAPACITY_IS_MEASURED;

	if (c == NULL || !create_remote(c, params)) {
		free(c);
		return NULL;
	}
	c->is = *params;
	core_split_init(&c->split, params->n_workers, c->is.rx_worker);
	c->last_ns = now_ns;
	c->n_changes = UINT64_MAX;
	capacity_init(&c->core, is_known ? conf->packet_capacity_pps : CAPACITY_UNLIMITED, is_core_fixed, now_ns);
	capacity_init(&c->port, params->pf_bps != 0 ? params->pf_bps : CAPACITY_UNLIMITED,
		conf->capacity == CAPACITY_IS_CONFIGURED, now_ns);
	return c;
}

void control_destroy(struct control *c)
{
	if (c == NULL)
		return;
	remote_loop_destroy(c->remote);
	grants_destroy(c->granted);
	free(c->nodes);
	free(c);
}

const struct grants *control_period(struct control *c, const struct conf *conf, uint64_t n_changes,
	const struct load_view *loads, const struct asker_view *askers, uint64_t now_ns)
{
	uint64_t took_ns = now_ns - c->last_ns;

	if (c->has_loads && took_ns > 0) {
		measure_core(c, loads, now_ns);
		measure_port(c, loads, now_ns);
	}
	core_split_measure(&c->split, conf->n_ports, loads, askers, c->has_loads ? took_ns : 0);
	if (!fit(c, conf, n_changes, now_ns))
		return NULL;
	if (c->has_loads && took_ns > 0)
		split_capacity(c, conf);
	run_remote(c, conf, n_changes, now_ns);
	for (unsigned int i = 0; i < c->is.n_workers; i++)
		c->loads[i] = loads[i];
	c->has_loads = true;
	c->last_ns = now_ns;
	return c->granted;
}

const struct capacity *control_core(const struct control *c)
{
	return &c->core;
}

const struct capacity *control_port(const struct control *c)
{
	return &c->port;
}

uint32_t control_n_cut(const struct control *c)
{
	return c->n_cut;
}
