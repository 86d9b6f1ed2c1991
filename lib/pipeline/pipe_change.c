/* SPDX-License-Identifier: BSD-3-Clause */
/* New terms for a pipe that runs.  Which they are is worked out once, by the control core; a worker sets them between
 * its turns, some at a time, so that no change is long enough to be felt.  Nothing is emptied, paused or refilled: debts
 * are bytes and packets, and stay (order_set(), limiter_set()). */
#include "pipe_change.h"

#include <stdlib.h>

#include "pipe_impl.h"

#define AT_ONCE 32u	/* VFs and tenants a turn: some us */

struct pipe_change {
	const struct conf *to;
	uint32_t *vfs, *tenants;	/* whose terms are new */
	uint32_t n_vfs, n_tenants;
	struct askers *askers;		/* NULL: they stay as they are */
	uint32_t *weights;		/* the same */
};

static bool is_same_sla(const struct sla *a, const struct sla *b)
{
	return a->min_bps == b->min_bps && a->max_bps == b->max_bps && a->min_pps == b->min_pps &&
	       a->max_pps == b->max_pps && a->urgent_bps == b->urgent_bps && a->urgent_pps == b->urgent_pps &&
	       a->burst_ns == b->burst_ns && a->weight == b->weight && a->priority == b->priority &&
	       a->basis == b->basis;
}

static bool is_same_vf(const struct conf_vf *a, const struct conf_vf *b)
{
	return is_same_sla(&a->tx_eff, &b->tx_eff) && is_same_sla(&a->rx_eff, &b->rx_eff) &&
	       a->receive_queue_pkts == b->receive_queue_pkts && a->tx_mark_ns == b->tx_mark_ns &&
	       a->rx_mark_ns == b->rx_mark_ns;
}

/* Ports are asked by the tx terms of their VFs, and senders weigh at a VF's port what they weigh at the PF. */
static bool gather_tx(struct pipe_change *c, const struct conf *from)
{
	bool is_new = false;

	for (uint32_t i = 0; i < c->n_vfs && !is_new; i++)
		is_new = !is_same_sla(&from->vfs[c->vfs[i]].tx_eff, &c->to->vfs[c->vfs[i]].tx_eff);
	if (!is_new)
		return true;
	c->askers = pipe_gather_askers(c->to);
	c->weights = pipe_sender_weights(c->to);
	return c->askers != NULL && c->weights != NULL;
}

struct pipe_change *pipe_change_create(const struct conf *from, const struct conf *to)
{
	struct pipe_change *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->to = to;
	c->vfs = calloc(to->n_vfs + 1, sizeof(*c->vfs));
	c->tenants = calloc(to->n_tenants + 1, sizeof(*c->tenants));
	if (c->vfs == NULL || c->tenants == NULL)
		goto fail;
	for (uint32_t i = 0; i < to->n_vfs; i++)
		if (!is_same_vf(&from->vfs[i], &to->vfs[i]))
			c->vfs[c->n_vfs++] = i;
	for (uint32_t i = 0; i < to->n_tenants; i++)
		if (!is_same_sla(&from->tenants[i].tx_eff, &to->tenants[i].tx_eff))
			c->tenants[c->n_tenants++] = i;
	if (gather_tx(c, from))
		return c;
fail:
	pipe_change_destroy(c);
	return NULL;
}

void pipe_change_destroy(struct pipe_change *c)
{
	if (c == NULL)
		return;
	free(c->vfs);
	free(c->tenants);
	free(c->askers);
	free(c->weights);
	free(c);
}

static void change_vf(struct pipe *p, const struct pipe_change *c, vf_id vf, uint64_t now_ns)
{
	const struct conf_vf *v = &c->to->vfs[vf];

	if (p->is_home)
		pipe_set_vf_tx(p, vf, v, now_ns);
	if (p->egress[v->port] != NULL)
		pipe_set_vf_rx(p, vf, v, now_ns);
}

/* What is one for all VFs. */
static void change_rest(struct pipe *p, const struct pipe_change *c, uint64_t now_ns)
{
	if (c->askers == NULL)
		return;
	pipe_set_askers(p, c->askers, now_ns);
	for (uint64_t left = p->tx_ports; left != 0; left &= left - 1) {
		struct egress *e = p->egress[__builtin_ctzll(left)];
		if (e != NULL)
			egress_change_flow_weights(e, c->weights);
	}
}

bool pipe_apply(struct pipe *p, const struct pipe_change *c, uint64_t now_ns)
{
	uint32_t n_all = c->n_tenants + c->n_vfs;

	for (uint32_t n = 0; n < AT_ONCE && p->change_at < n_all; n++, p->change_at++) {
		if (p->change_at >= c->n_tenants)
			change_vf(p, c, c->vfs[p->change_at - c->n_tenants], now_ns);
		else if (p->is_home)
			pipe_set_tenant(p, c->tenants[p->change_at], &c->to->tenants[c->tenants[p->change_at]], now_ns);
	}
	if (p->change_at < n_all)
		return false;
	change_rest(p, c, now_ns);
	p->marks = c->to->marks;
	p->change_at = 0;
	return true;
}
