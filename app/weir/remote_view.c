/* SPDX-License-Identifier: BSD-3-Clause */
#include "remote_view.h"

#include <pthread.h>
#include <stdlib.h>

#include "control.h"
#include "weir.h"

struct remote_shown {
	pthread_mutex_t lock;		/* of what follows */
	struct telem_remote all;
	struct remote_view *vfs;
};

bool remote_open(struct weir *w)
{
	if (!w->conf->remote.is_on)
		return true;
	w->remote = calloc(1, sizeof(*w->remote));
	if (w->remote == NULL)
		return false;
	pthread_mutex_init(&w->remote->lock, NULL);
	w->remote->vfs = calloc(w->conf->n_vfs + 1, sizeof(*w->remote->vfs));
	return w->remote->vfs != NULL;
}

void remote_close(struct weir *w)
{
	if (w->remote == NULL)
		return;
	pthread_mutex_destroy(&w->remote->lock);
	free(w->remote->vfs);
	free(w->remote);
	w->remote = NULL;
}

uint64_t remote_period_ns(const struct conf *conf)
{
	return conf->remote.is_on && conf->remote.period_ns < conf->period_ns ? conf->remote.period_ns : conf->period_ns;
}

void remote_echoes(void *ctx, vf_id vf, struct echo_view *view)
{
	const struct weir *w = ctx;

	workers_view_echoes(w->workers, vf, view);
}

void remote_show(struct weir *w)
{
	const struct remote_loop *loop = control_remote(allocator_control(w));
	uint64_t period_ns = allocator_period_ns(w);

	if (w->remote == NULL || loop == NULL)
		return;
	const struct remote *r = remote_loop_remote(loop);
	pthread_mutex_lock(&w->remote->lock);
	w->remote->all = (struct telem_remote){
		.period_ns = period_ns > w->conf->remote.period_ns ? period_ns : w->conf->remote.period_ns,
		.bottleneck_bps = remote_bottleneck_bps(r),
		.n_calibrations = remote_n_perturbations(r),
		.calibrated_ns = remote_measured_ns(r),
		.n_held = remote_loop_n_held(loop),
	};
	for (vf_id vf = 0; vf < w->conf->n_vfs; vf++)
		remote_look(r, vf, &w->remote->vfs[vf]);
	pthread_mutex_unlock(&w->remote->lock);
}

void remote_view_all(struct weir *w, struct telem_remote *view)
{
	pthread_mutex_lock(&w->remote->lock);
	*view = w->remote->all;
	pthread_mutex_unlock(&w->remote->lock);
}

bool remote_view_vf(struct weir *w, vf_id vf, struct telem_remote_vf *view)
{
	if (vf >= w->conf->n_vfs)
		return false;
	pthread_mutex_lock(&w->remote->lock);
	view->is = w->remote->vfs[vf];
	pthread_mutex_unlock(&w->remote->lock);
	workers_view_echoes(w->workers, vf, &view->echoes);
	return true;
}
