/* SPDX-License-Identifier: BSD-3-Clause */
/* The allocator's part of the control core: reads what the workers count, lets lib/control decide, and hands the grants to
 * the workers the way changes go: one pointer a worker, taken between turns.  It never waits for them: where they have not
 * taken the last ones, or a change of terms, it looks again a period later.
 *
 * One thing at a time is on its way: 'going' is what the workers will have.  Where parts of the packet capacity move from
 * one worker to another, those that lose go first ('step'), so that the sum is never above it. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "allocator.h"
#include "control.h"
#include "hist.h"
#include "pipe_change.h"
#include "remote_view.h"
#include "weir.h"

#define AWAY_PERIODS 20			/* a gap so long, and ... */
#define AWAY_LEAST_NS (100 * NS_PER_MS)	/* ... so long, is one to be told of */

struct allocator {
	struct control *control;
	struct period period;
	struct hist cost;
	uint64_t last_ns, told_decisions, n_runs, n_published, n_deferred, n_away, away_ns, away_at_ns;
	struct grants *has, *going, *step;	/* the workers'; on their way; room for a step there */
	struct pipe_change *change;
	struct live_conf *held;				/* the config of that change */
	pthread_mutex_t lock;				/* of what follows */
	struct allocator_view view;
	struct grants *seen;				/* what 'view' tells of */
};

static bool make_grants(struct allocator *a, const struct conf *conf)
{
	struct grants **all[ALLOCATOR_GRANTS] = {&a->has, &a->going, &a->step, &a->seen};

	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		*all[i] = grants_create(conf);
		if (*all[i] == NULL)
			return false;
	}
	return true;
}

bool allocator_open(struct weir *w, struct why *why)
{
	const struct port_info *pf = port_info(w->ports, w->conf->pf);
	struct control_params params = {
		.conf = w->conf,
		.pf_bps = pf->link_bps,
		.pf_basis = pf->basis,
		.n_workers = workers_n(w->workers),
		.echoes = remote_echoes,
		.ctx = w,
	};
	struct allocator *a = calloc(1, sizeof(*a));

	w->allocator = a;
	if (a == NULL)
		goto no_memory;
	pthread_mutex_init(&a->lock, NULL);
	for (uint16_t i = 0; i < w->conf->n_ports; i++)
		params.rx_worker[i] = w->plan.rx_worker[i];
	period_init(&a->period, remote_period_ns(w->conf));
	a->last_ns = tsc_now_ns(&w->clock);
	a->control = control_create(&params, a->last_ns);
	if (a->control != NULL && make_grants(a, w->conf) && remote_open(w))
		return true;
no_memory:
	why_add(why, "no memory for the allocator");
	return false;
}

void allocator_close(struct weir *w)
{
	struct allocator *a = w->allocator;

	if (a == NULL)
		return;
	pipe_change_destroy(a->change);
	if (a->held != NULL)
		live_release(w->live, a->held);
	control_destroy(a->control);
	grants_destroy(a->has);
	grants_destroy(a->going);
	grants_destroy(a->step);
	grants_destroy(a->seen);
	pthread_mutex_destroy(&a->lock);
	remote_close(w);
	free(a);
	w->allocator = NULL;
}

/* ---- To the workers ---- */

static bool hand(struct weir *w, const struct grants *to)
{
	struct allocator *a = w->allocator;
	struct live_conf *held = live_hold(w->live);
	const struct conf *conf = live_conf(held);
	struct pipe_change *change = pipe_change_create_granted(conf, a->has, conf, to);

	if (change == NULL) {	/* no memory: as it is, until the next period */
		live_release(w->live, held);
		return false;
	}
	a->change = change;
	a->held = held;
	a->n_published++;
	workers_change(w->workers, change);
	return true;
}

bool allocator_is_settled(struct weir *w)
{
	struct allocator *a = w->allocator;

	if (a->change == NULL)
		return true;
	if (!workers_have_changed(w->workers))
		return false;
	pipe_change_destroy(a->change);
	live_release(w->live, a->held);
	a->change = NULL;
	a->held = NULL;
	grants_copy(a->has, a->going);
	return true;
}

static void publish(struct weir *w, const struct grants *wanted)
{
	struct allocator *a = w->allocator;

	if (!allocator_is_settled(w) || w->change != NULL || w->change_to != NULL) {
		a->n_deferred++;
		return;
	}
	if (grants_are_same(wanted, a->has))
		return;
	grants_copy(a->going, wanted);
	if (grants_step(a->step, a->has, wanted))
		grants_copy(a->going, a->step);
	hand(w, a->going);
}

struct pipe_change *allocator_change(struct weir *w, const struct conf *from, const struct conf *to)
{
	struct allocator *a = w->allocator;

	control_fit(a->control, to, a->going);
	grants_copy_split(a->going, a->has);
	return pipe_change_create_granted(from, a->has, to, a->going);
}

void allocator_changed(struct weir *w)
{
	grants_copy(w->allocator->has, w->allocator->going);
}

/* ---- A period ---- */

static void tell(struct allocator *a)
{
	for (; a->told_decisions < control_n_decisions(a->control); a->told_decisions++)
		report_say("%s", control_decision(a->control, a->told_decisions)->text);
}

static struct capacity_view capacity_view(const struct capacity *c)
{
	return (struct capacity_view){
		.asked = c->nominal == CAPACITY_UNLIMITED ? 0 : c->nominal,
		.measured = c->measured,
		.effective = c->effective == CAPACITY_UNLIMITED ? 0 : c->effective,
		.since_ns = c->since_ns,
		.is_configured = c->is_fixed,
	};
}

void allocator_show(struct weir *w)
{
	struct allocator *a = w->allocator;
	struct hist_snapshot cost;
	struct allocator_view *v = &a->view;
	uint64_t n = control_n_decisions(a->control);

	hist_read(&a->cost, &cost);
	pthread_mutex_lock(&a->lock);
	*v = (struct allocator_view){
		.period_asked_ns = a->period.asked_ns,
		.period_ns = a->period.effective_ns,
		.n_runs = a->n_runs,
		.cost_p50_ns = hist_quantile_ns(&cost, 0.5),
		.cost_p99_ns = hist_quantile_ns(&cost, 0.99),
		.cost_max_ns = cost.max_ns,
		.n_published = a->n_published,
		.n_deferred = a->n_deferred,
		.n_away = a->n_away,
		.away_ns = a->away_ns,
		.away_at_ns = a->away_at_ns,
		.core_pps = capacity_view(control_core(a->control)),
		.port_bps = capacity_view(control_port(a->control)),
		.n_cut = control_n_cut(a->control),
		.n_workers = workers_n(w->workers),
		.n_decisions = n,
	};
	memcpy(v->worker_pps, a->has->capacity_pps, sizeof(v->worker_pps));
	for (unsigned int i = 0; i < ALLOCATOR_VIEW_DECISIONS && i < n; i++) {
		const struct control_decision *d = control_decision(a->control, n - 1 - i);
		v->decisions[i].at_ns = d->at_ns;
		memcpy(v->decisions[i].text, d->text, sizeof(v->decisions[i].text));
	}
	grants_copy(a->seen, a->has);
	pthread_mutex_unlock(&a->lock);
	remote_show(w);
}

static void note_gap(struct allocator *a, uint64_t now_ns)
{
	uint64_t gap_ns = now_ns - a->last_ns;

	if (a->n_runs == 0 || gap_ns < AWAY_LEAST_NS || gap_ns < AWAY_PERIODS * a->period.effective_ns)
		return;
	a->n_away++;
	a->away_ns = gap_ns;
	a->away_at_ns = now_ns;
	control_note(a->control, now_ns, "the control core was away for %.3f s: grants, limits and guarantees were kept as they were",
		(double)gap_ns / 1e9);
}

void allocator_run(struct weir *w)
{
	struct allocator *a = w->allocator;
	struct load_view loads[GRANTS_MAX_WORKERS];
	struct asker_view askers[CONF_MAX_PORTS];
	uint64_t start_ns = tsc_now_ns(&w->clock);
	unsigned int n_workers = workers_n(w->workers);

	if (start_ns <= a->last_ns)
		return;
	note_gap(a, start_ns);
	for (unsigned int i = 0; i < n_workers; i++)
		workers_view_load(w->workers, i, &loads[i]);
	workers_view_askers(w->workers, askers);
	struct live_conf *held = live_hold(w->live);
	const struct grants *wanted =
		control_period(a->control, live_conf(held), live_n_changes(w->live), loads, askers, start_ns);
	live_release(w->live, held);
	if (wanted != NULL)
		publish(w, wanted);
	a->last_ns = start_ns;
	a->n_runs++;
	uint64_t cost_ns = tsc_now_ns(&w->clock) - start_ns;
	hist_record(&a->cost, cost_ns);
	control_note_cost(a->control, &a->period, cost_ns, start_ns);
	tell(a);
}

const struct control *allocator_control(const struct weir *w)
{
	return w->allocator->control;
}

uint64_t allocator_period_ns(const struct weir *w)
{
	return w->allocator->period.effective_ns;
}

uint64_t allocator_next_ns(const struct weir *w)
{
	return w->allocator->last_ns + w->allocator->period.effective_ns;
}

/* ---- Any thread ---- */

void allocator_view(struct weir *w, struct allocator_view *view)
{
	pthread_mutex_lock(&w->allocator->lock);
	*view = w->allocator->view;
	pthread_mutex_unlock(&w->allocator->lock);
}

bool allocator_grant(struct weir *w, vf_id vf, struct grant *grant)
{
	struct allocator *a = w->allocator;

	pthread_mutex_lock(&a->lock);
	bool is_there = vf < a->seen->n_vfs;
	if (is_there)
		*grant = a->seen->vfs[vf];
	pthread_mutex_unlock(&a->lock);
	return is_there;
}
