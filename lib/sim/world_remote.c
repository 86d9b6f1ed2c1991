/* SPDX-License-Identifier: BSD-3-Clause */
/* Weir's answer to congestion beyond the uplink, by the same loop as in its control core: once a period, from what the data
 * path has counted.  Acknowledgements are no packets in this world, so what they echo is counted here as they pass. */
#include <stdlib.h>

#include "world_impl.h"

static void echoes(void *ctx, vf_id vf, struct echo_view *view)
{
	const struct world *w = ctx;

	*view = (struct echo_view){0};
	pipe_view_echoes(w->pipe, vf, view);
	view->heard_bytes = w->heard[vf].heard_bytes;
	view->echoed_bytes = w->heard[vf].echoed_bytes;
}

bool world_create_remote(struct world *w)
{
	struct remote_loop_params params = {.conf = w->conf, .pf_bps = w->s->uplink_bps, .echoes = echoes, .ctx = w};

	w->next_remote_ns = UINT64_MAX;
	if (!w->conf->remote.is_on)
		return true;
	w->remote = remote_loop_create(&params);
	w->granted = grants_create(w->conf);
	w->heard = calloc(w->conf->n_vfs + 1, sizeof(*w->heard));
	w->next_remote_ns = 0;
	return w->remote != NULL && w->granted != NULL && w->heard != NULL;
}

void world_destroy_remote(struct world *w)
{
	remote_loop_destroy(w->remote);
	grants_destroy(w->granted);
	free(w->heard);
}

void world_hear_echo(struct world *w, const struct event *ack)
{
	const struct source *s = &w->sources[w->flows[ack->who].source];

	if (w->remote == NULL || s->from == VF_PF)
		return;
	w->heard[s->from].heard_bytes += s->traffic->size[0];
	if (ack->has_ce)
		w->heard[s->from].echoed_bytes += s->traffic->size[0];
}

void world_run_remote(struct world *w)
{
	const struct conf *conf = world_running(w);

	if (w->now_ns < w->next_remote_ns)
		return;
	remote_loop_run(w->remote, conf, w->n_changed, w->granted, w->now_ns);
	for (vf_id vf = 0; vf < conf->n_vfs; vf++)
		pipe_set_grant(w->pipe, vf, &conf->vfs[vf], w->granted->remote_bps[vf], w->now_ns);
	w->next_remote_ns = remote_loop_next_ns(w->remote);
}

const struct remote *world_remote(const struct world *w)
{
	return w->remote != NULL ? remote_loop_remote(w->remote) : NULL;
}
