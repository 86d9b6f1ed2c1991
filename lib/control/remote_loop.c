/* SPDX-License-Identifier: BSD-3-Clause */
#include "remote_loop.h"

#include <stdlib.h>

#include "clk.h"

#define ANY_BPS UINT64_C(10000000000000)	/* no port is faster */

struct remote_loop {
	struct remote_loop_params is;
	struct remote *remote;
	struct remote_sample *samples;
	uint64_t n_changes, next_ns;
	uint32_t n_held;
};

struct remote_loop *remote_loop_create(const struct remote_loop_params *params)
{
	const struct conf_remote *terms = &params->conf->remote;
	struct remote_loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->is = *params;
	l->n_changes = UINT64_MAX;
	l->samples = calloc(params->conf->n_vfs + 1, sizeof(*l->samples));
	l->remote = remote_create(&(struct remote_params){.n_vfs = params->conf->n_vfs,
		.bottleneck_bps = terms->bottleneck_bps, .gain = Q16_ONE * terms->gain_pct / 100});
	if (l->samples != NULL && l->remote != NULL)
		return l;
	remote_loop_destroy(l);
	return NULL;
}

void remote_loop_destroy(struct remote_loop *l)
{
	if (l == NULL)
		return;
	remote_destroy(l->remote);
	free(l->samples);
	free(l);
}

/* What was sold, not what of it is granted: a guarantee that is cut for want of capacity here is no less owed out there. */
static struct remote_terms terms_of(const struct remote_loop *l, const struct conf_vf *v)
{
	uint64_t link_bps = l->is.pf_bps != 0 ? l->is.pf_bps : ANY_BPS;
	uint64_t max_bps = v->tx_eff.max_bps != 0 ? u64_min(v->tx_eff.max_bps, link_bps) : link_bps;

	return (struct remote_terms){
		.is_on = v->is_remote && conf_is_there(v),
		.weight = v->tx_eff.weight,
		.min_bps = u64_min(u64_max(v->tx_eff.min_bps, v->tx_eff.urgent_bps), max_bps),
		.max_bps = max_bps,
		.is_classic = v->echo == ECHO_CLASSIC,
	};
}

/* Bytes as its limit counts them. */
static struct remote_sample sample_of(const struct remote_loop *l, vf_id vf, const struct conf_vf *v)
{
	struct echo_view view = {0};

	l->is.echoes(l->is.ctx, vf, &view);
	return (struct remote_sample){
		.sent_bytes = view.sent_bytes + view.sent_pkts * basis_bytes((enum link_basis)v->tx_eff.basis, 0),
		.marked_bytes = view.marked_bytes,
		.heard_bytes = view.heard_bytes,
		.echoed_bytes = view.echoed_bytes,
		.repeated_bytes = view.repeated_bytes,
		.cnps = view.cnps,
	};
}

bool remote_loop_run(struct remote_loop *l, const struct conf *conf, uint64_t n_changes, struct grants *g, uint64_t now_ns)
{
	bool is_new = l->n_changes != n_changes;

	if (now_ns < l->next_ns)
		return false;
	for (vf_id vf = 0; vf < conf->n_vfs; vf++) {
		struct remote_terms terms = terms_of(l, &conf->vfs[vf]);
		if (is_new)
			remote_set(l->remote, vf, &terms);
		l->samples[vf] = sample_of(l, vf, &conf->vfs[vf]);
	}
	l->n_changes = n_changes;
	remote_step(l->remote, l->samples, now_ns);
	l->n_held = 0;
	for (vf_id vf = 0; vf < conf->n_vfs; vf++) {
		g->remote_bps[vf] = remote_grant_bps(l->remote, vf);
		l->n_held += g->remote_bps[vf] != 0;
	}
	l->next_ns = now_ns + conf->remote.period_ns;
	return true;
}

void remote_loop_fit(const struct remote_loop *l, const struct conf *conf, struct grants *g)
{
	for (vf_id vf = 0; vf < conf->n_vfs; vf++) {
		struct remote_terms terms = terms_of(l, &conf->vfs[vf]);
		uint64_t bps = remote_grant_bps(l->remote, vf);
		g->remote_bps[vf] = bps != 0 && terms.is_on ? u64_min(u64_max(bps, terms.min_bps), terms.max_bps) : 0;
	}
}

uint64_t remote_loop_next_ns(const struct remote_loop *l)
{
	return l->next_ns;
}

const struct remote *remote_loop_remote(const struct remote_loop *l)
{
	return l->remote;
}

uint32_t remote_loop_n_held(const struct remote_loop *l)
{
	return l->n_held;
}
