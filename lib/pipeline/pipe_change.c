/* SPDX-License-Identifier: BSD-3-Clause */
/* New terms for a pipe that runs.  Which they are is worked out once, by the control core; a worker sets them between
 * its turns, some at a time, so that no change is long enough to be felt.  Nothing is emptied, paused or refilled: debts
 * are bytes and packets, and stay (order_set(), limiter_set()). */
#include <stdlib.h>
#include <string.h>

#include "pipe_change_impl.h"

#define AT_ONCE 32u	/* VFs, tenants and moves a turn: some us */

static bool is_same_sla(const struct sla *a, const struct sla *b)
{
	return a->min_bps == b->min_bps && a->max_bps == b->max_bps && a->min_pps == b->min_pps &&
	       a->max_pps == b->max_pps && a->urgent_bps == b->urgent_bps && a->urgent_pps == b->urgent_pps &&
	       a->burst_ns == b->burst_ns && a->peak_bps == b->peak_bps && a->credit_ns == b->credit_ns && a->weight == b->weight && a->priority == b->priority &&
	       a->basis == b->basis;
}

/* But for what is sent: that is granted, not just sold. */
static bool is_same_rest(const struct conf_vf *a, const struct conf_vf *b)
{
	return is_same_sla(&a->rx_eff, &b->rx_eff) &&
	       a->receive_queue_pkts == b->receive_queue_pkts && a->tx_mark_ns == b->tx_mark_ns &&
	       a->rx_mark_ns == b->rx_mark_ns && a->tenants_bps == b->tenants_bps && a->tenants_pps == b->tenants_pps &&
	       conf_same_remote(a, b);
}

/* Ports are asked by the tx terms of their VFs, and senders weigh at a VF's port what they weigh at the PF. */
/* Renewing the flows of all egresses takes a worker up to milliseconds: only where a weight is another. */
static bool has_new_weight(const struct conf *from, const struct conf *to)
{
	for (uint32_t i = 0; from != to && i < to->n_vfs; i++) {
		if (from->vfs[i].tx_eff.weight != to->vfs[i].tx_eff.weight)
			return true;
	}
	return false;
}

static bool gather_tx(struct pipe_change *c, const struct conf *from, bool is_new)
{
	if (is_new && (c->askers = pipe_gather_askers(c->to, c->granted)) == NULL)
		return false;
	return !has_new_weight(from, c->to) || (c->weights = pipe_sender_weights(c->to)) != NULL;
}

static bool is_new_map(const struct conf *from, const struct conf *to, uint16_t map)
{
	return map >= from->n_maps || memcmp(from->maps[map].tclass, to->maps[map].tclass, CONF_N_DSCP) != 0 ||
	       memcmp(from->maps[map].drop_prec, to->maps[map].drop_prec, CONF_N_DSCP) != 0;
}

static bool gather_maps(struct pipe_change *c, const struct conf *from)
{
	const struct conf *to = c->to;
	bool is_new[CONF_MAX_MAPS] = {false};

	c->moves = calloc(to->n_vfs + 1, sizeof(*c->moves));
	c->maps = calloc(to->n_maps + 1u, sizeof(*c->maps));
	if (c->moves == NULL || c->maps == NULL)
		return false;
	for (uint16_t i = 0; i < to->n_maps; i++) {
		is_new[i] = is_new_map(from, to, i);
		if (is_new[i])
			c->maps[c->n_maps++] = i;
	}
	for (int late = 0; late <= 1; late++) {
		for (uint32_t i = 0; i < to->n_vfs; i++) {
			uint16_t map = to->vfs[i].dscp_map;
			if (map != from->vfs[i].dscp_map && is_new[map] == (late == 1))
				c->moves[c->n_moves++] = (struct move){.vf = i, .map = map};
		}
		if (late == 0)
			c->n_early = c->n_moves;
	}
	return true;
}

static bool is_same_tx(const struct pipe_change *c, const struct conf *from, const struct grants *granted, uint32_t vf)
{
	if (from == c->to && granted != NULL && c->granted != NULL)
		return memcmp(&granted->vfs[vf], &c->granted->vfs[vf], sizeof(*granted->vfs)) == 0;
	struct sla a = granted_vf(from, granted, vf), b = granted_vf(c->to, c->granted, vf);

	return is_same_sla(&a, &b);
}

static bool is_same_tenant(const struct pipe_change *c, const struct conf *from, const struct grants *granted, uint32_t i)
{
	struct sla a = granted_tenant(from, granted, i), b = granted_tenant(c->to, c->granted, i);

	return is_same_sla(&a, &b);
}

static uint64_t remote_bps(const struct grants *g, uint32_t vf)
{
	return g != NULL ? g->remote_bps[vf] : 0;
}

static bool is_same_capacity(const struct grants *a, const struct grants *b)
{
	static const struct grants none;

	a = a != NULL ? a : &none;
	b = b != NULL ? b : &none;
	return a->core_pps == b->core_pps && memcmp(a->capacity_pps, b->capacity_pps, sizeof(none.capacity_pps)) == 0 &&
	       memcmp(a->port_pps, b->port_pps, sizeof(none.port_pps)) == 0 &&
	       memcmp(a->port_more_pps, b->port_more_pps, sizeof(none.port_more_pps)) == 0 && a->loan == b->loan &&
	       memcmp(a->loaned_pps, b->loaned_pps, sizeof(none.loaned_pps)) == 0 &&
	       memcmp(a->is_at_ease, b->is_at_ease, sizeof(none.is_at_ease)) == 0;
}

struct pipe_change *pipe_change_create_granted(const struct conf *from, const struct grants *from_granted,
	const struct conf *to, const struct grants *to_granted)
{
	struct pipe_change *c = calloc(1, sizeof(*c));
	bool is_new = !is_same_capacity(from_granted, to_granted);

	if (c == NULL)
		return NULL;
	c->to = to;
	c->granted = to_granted;
	c->vfs = calloc(to->n_vfs + 1, sizeof(*c->vfs));
	c->tenants = calloc(to->n_tenants + 1, sizeof(*c->tenants));
	c->rates = calloc(to->n_vfs + 1, sizeof(*c->rates));
	if (c->vfs == NULL || c->tenants == NULL || c->rates == NULL ||
		(from != to && (!gather_maps(c, from) || !pipe_gather_places(c, from))))
		goto fail;
	for (uint32_t i = 0; i < to->n_vfs; i++) {
		bool is_tx_new = !is_same_tx(c, from, from_granted, i);
		is_tx_new |= from != to && conf_is_another(&from->vfs[i], &to->vfs[i]);
		if (is_tx_new || (from != to && !is_same_rest(&from->vfs[i], &to->vfs[i])))
			c->vfs[c->n_vfs++] = i;
		is_new |= is_tx_new;
		if (remote_bps(from_granted, i) != remote_bps(to_granted, i))
			c->rates[c->n_rates++] = i;
	}
	for (uint32_t i = 0; i < to->n_tenants; i++)
		if (!is_same_tenant(c, from, from_granted, i))
			c->tenants[c->n_tenants++] = i;
	is_new |= c->n_tenants != 0;
	if (gather_tx(c, from, is_new))
		return c;
fail:
	pipe_change_destroy(c);
	return NULL;
}

struct pipe_change *pipe_change_create(const struct conf *from, const struct conf *to)
{
	return pipe_change_create_granted(from, NULL, to, NULL);
}

void pipe_change_destroy(struct pipe_change *c)
{
	if (c == NULL)
		return;
	free(c->vfs);
	free(c->tenants);
	free(c->rates);
	free(c->moves);
	free(c->maps);
	free(c->askers);
	free(c->weights);
	pipe_free_places(c);
	free(c);
}

static void change_vf(struct pipe *p, const struct pipe_change *c, vf_id vf, uint64_t now_ns)
{
	struct conf_vf v = c->to->vfs[vf];

	v.tx_eff = granted_vf(c->to, c->granted, vf);
	if (p->is_home)
		pipe_set_vf_tx(p, vf, &v, now_ns);
	if (p->egress[v.port] != NULL)
		pipe_set_vf_rx(p, vf, &v, now_ns);
	pipe_set_echo(p, vf, &v);
}

static void change_rate(struct pipe *p, const struct pipe_change *c, vf_id vf, uint64_t now_ns)
{
	struct conf_vf v = c->to->vfs[vf];

	v.tx_eff = granted_vf(c->to, c->granted, vf);
	pipe_set_grant(p, vf, &v, remote_bps(c->granted, vf), now_ns);
}

static void change_tenant(struct pipe *p, const struct pipe_change *c, uint32_t tenant, uint64_t now_ns)
{
	struct conf_tenant t = c->to->tenants[tenant];

	t.tx_eff = granted_tenant(c->to, c->granted, tenant);
	pipe_set_tenant(p, tenant, &t, now_ns);
}

static void renew_maps(const struct pipe *p, const struct pipe_change *c)
{
	for (uint16_t i = 0; i < c->n_maps; i++) {
		const struct dscp_map *map = &c->to->maps[c->maps[i]];
		class_map_init(&p->f->maps[c->maps[i]], map->tclass, map->drop_prec);
	}
}

/* The i-th of the moves, with the maps as one more step among them.  All workers read what home writes here. */
static void change_map(const struct pipe *p, const struct pipe_change *c, uint32_t i)
{
	if (i == c->n_early) {
		renew_maps(p, c);
		return;
	}
	const struct move *m = &c->moves[i < c->n_early ? i : i - 1];
	atomic_store_explicit(&p->f->briefs[m->vf].dscp_map, m->map, memory_order_release);
}

static void change_step(struct pipe *p, const struct pipe_change *c, uint32_t i, uint64_t now_ns)
{
	if (i < c->n_settled) {
		pipe_settle_place(p, c, i, now_ns);
		return;
	}
	i -= c->n_settled;
	if (i < c->n_tenants) {
		if (p->is_home)
			change_tenant(p, c, c->tenants[i], now_ns);
	} else if (i < c->n_tenants + c->n_vfs) {
		change_vf(p, c, c->vfs[i - c->n_tenants], now_ns);
	} else if (i < c->n_tenants + c->n_vfs + c->n_rates) {
		if (p->is_home)
			change_rate(p, c, c->rates[i - c->n_tenants - c->n_vfs], now_ns);
	} else if (p->is_home) {
		change_map(p, c, i - c->n_tenants - c->n_vfs - c->n_rates);
	}
}

/* What is one for all VFs. */
static void change_rest(struct pipe *p, const struct pipe_change *c, uint64_t now_ns)
{
	if (c->askers != NULL)
		pipe_set_askers(p, c->askers, now_ns);
	for (uint64_t left = c->weights != NULL ? p->tx_ports : 0; left != 0; left &= left - 1) {
		struct egress *e = p->egress[__builtin_ctzll(left)];
		if (e != NULL)
			egress_change_flow_weights(e, c->weights);
	}
}

bool pipe_apply(struct pipe *p, const struct pipe_change *c, uint64_t now_ns)
{
	uint32_t n_all = c->n_settled + c->n_tenants + c->n_vfs + c->n_rates + c->n_moves + 1;

	if (!pipe_empty_places(p, c, now_ns))
		return false;
	for (uint32_t n = 0; n < AT_ONCE && p->change_at < n_all; n++, p->change_at++)
		change_step(p, c, p->change_at, now_ns);
	if (p->change_at < n_all)
		return false;
	if (p->change_at == n_all) {
		change_rest(p, c, now_ns);
		p->marks = c->to->marks;
		p->change_at++;
	}
	if (!pipe_open_places(p, c))
		return false;
	p->change_at = 0;
	return true;
}
