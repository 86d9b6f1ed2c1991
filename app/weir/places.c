/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters only grow, and belong to places: a VF that came at run time is told what they have grown since. */
#include <pthread.h>
#include <stdlib.h>

#include "pipe_change.h"
#include "weir.h"

struct place_start {
	struct vf_view view;
	struct delay_view delay;
};

struct places {
	pthread_mutex_t lock;
	struct place_start **start;	/* by place; NULL: whoever is there was there at the start */
	uint32_t n;
};

bool places_open(struct weir *w, struct why *why)
{
	struct places *p = calloc(1, sizeof(*p));

	w->places = p;
	if (p != NULL) {
		pthread_mutex_init(&p->lock, NULL);
		p->n = w->conf->n_vfs;
		p->start = calloc(p->n + 1u, sizeof(*p->start));
		if (p->start != NULL)
			return true;
	}
	why_add(why, "no memory for the counters of %u VFs", w->conf->n_vfs);
	return false;
}

void places_close(struct weir *w)
{
	struct places *p = w->places;

	if (p == NULL)
		return;
	for (uint32_t i = 0; p->start != NULL && i < p->n; i++)
		free(p->start[i]);
	free(p->start);
	pthread_mutex_destroy(&p->lock);
	free(p);
	w->places = NULL;
}

/* Without memory it goes on where the one before it ended. */
static void begin(struct weir *w, vf_id vf)
{
	struct place_start *now = malloc(sizeof(*now)), *before;

	if (now == NULL)
		return;
	workers_view_vf(w->workers, vf, &now->view);
	workers_view_delay(w->workers, vf, &now->delay);
	rates_begin(w->rates, telem_row(w->conf, vf, TELEM_TX),
		&(struct rates_sample){now->view.tx.out_pkts, now->view.tx.out_bytes});
	rates_begin(w->rates, telem_row(w->conf, vf, TELEM_RX),
		&(struct rates_sample){now->view.rx.out_pkts, now->view.rx.out_bytes});
	held_begin(w->held, telem_row(w->conf, vf, TELEM_TX));
	held_begin(w->held, telem_row(w->conf, vf, TELEM_RX));
	pthread_mutex_lock(&w->places->lock);
	before = w->places->start[vf];
	w->places->start[vf] = now;
	pthread_mutex_unlock(&w->places->lock);
	free(before);
}

void places_begin(struct weir *w, const struct pipe_change *change)
{
	const vf_id *vfs;
	uint32_t n = pipe_change_coming(change, &vfs);

	for (uint32_t i = 0; i < n; i++)
		begin(w, vfs[i]);
}

void places_view_vf(const struct weir *w, vf_id vf, struct vf_view *view)
{
	struct places *p = w->places;

	workers_view_vf(w->workers, vf, view);
	if (vf >= p->n)
		return;
	pthread_mutex_lock(&p->lock);
	if (p->start[vf] != NULL)
		vf_view_since(view, &p->start[vf]->view);
	pthread_mutex_unlock(&p->lock);
}

void places_view_delay(const struct weir *w, vf_id vf, struct delay_view *view)
{
	struct places *p = w->places;

	workers_view_delay(w->workers, vf, view);
	if (vf >= p->n)
		return;
	pthread_mutex_lock(&p->lock);
	if (p->start[vf] != NULL)
		delay_view_since(view, &p->start[vf]->delay);
	pthread_mutex_unlock(&p->lock);
}

void places_view_gone(const struct weir *w, const struct conf *conf, struct vf_view *sum)
{
	const struct places *p = w->places;
	struct vf_view raw;

	*sum = (struct vf_view){0};
	for (vf_id vf = 0; vf < p->n; vf++) {
		if (conf_is_there(&conf->vfs[vf]) && p->start[vf] != NULL) {
			vf_view_add(sum, &p->start[vf]->view);
		} else if (!conf_is_there(&conf->vfs[vf])) {
			workers_view_vf(w->workers, vf, &raw);
			vf_view_add(sum, &raw);
		}
	}
}
