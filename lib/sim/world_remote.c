/* SPDX-License-Identifier: BSD-3-Clause */
/* Weir's answer to congestion beyond the uplink, as its control core gives it: once a period, from what the data path has
 * counted.  Acknowledgements are no packets in this world, so what they echo is counted here as they pass. */
#include <stdlib.h>

#include "world_impl.h"

static uint64_t max_bps_of(const struct world *w, const struct sla *s)
{
	return s->max_bps != 0 ? u64_min(s->max_bps, w->s->uplink_bps) : w->s->uplink_bps;
}

bool world_create_remote(struct world *w)
{
	const struct conf_remote *terms = &w->conf->remote;
	struct remote_params params = {.n_vfs = w->conf->n_vfs, .bottleneck_bps = terms->bottleneck_bps,
		.gain = Q16_ONE * terms->gain_pct / 100};

	w->next_remote_ns = UINT64_MAX;
	if (!terms->is_on)
		return true;
	w->remote = remote_create(&params);
	w->samples = calloc(w->conf->n_vfs + 1, sizeof(*w->samples));
	if (w->remote == NULL || w->samples == NULL)
		return false;
	for (vf_id vf = 0; vf < w->conf->n_vfs; vf++) {
		const struct conf_vf *v = &w->conf->vfs[vf];
		remote_set(w->remote, vf, &(struct remote_terms){
			.is_on = v->is_remote,
			.weight = v->tx_eff.weight,
			.min_bps = u64_max(v->tx_eff.min_bps, v->tx_eff.urgent_bps),
			.max_bps = max_bps_of(w, &v->tx_eff),
		});
	}
	w->next_remote_ns = 0;
	return true;
}

void world_destroy_remote(struct world *w)
{
	remote_destroy(w->remote);
	free(w->samples);
}

void world_hear_echo(struct world *w, const struct event *ack)
{
	const struct source *s = &w->sources[w->flows[ack->who].source];

	if (w->remote == NULL || s->from == VF_PF)
		return;
	w->samples[s->from].heard_bytes += s->traffic->size[0];
	if (ack->has_ce)
		w->samples[s->from].echoed_bytes += s->traffic->size[0];
}

void world_run_remote(struct world *w)
{
	if (w->now_ns < w->next_remote_ns)
		return;
	for (vf_id vf = 0; vf < w->conf->n_vfs; vf++) {
		struct echo_view view = {0};
		pipe_view_echoes(w->pipe, vf, &view);
		w->samples[vf].sent_bytes = view.sent_bytes;
		w->samples[vf].marked_bytes = view.marked_bytes;
	}
	remote_step(w->remote, w->samples, w->now_ns);
	for (vf_id vf = 0; vf < w->conf->n_vfs; vf++)
		pipe_set_grant(w->pipe, vf, &w->conf->vfs[vf], remote_grant_bps(w->remote, vf), w->now_ns);
	w->next_remote_ns = w->now_ns + w->conf->remote.period_ns;
}

const struct remote *world_remote(const struct world *w)
{
	return w->remote;
}
