/* SPDX-License-Identifier: BSD-3-Clause */
/* The control core of a fake world. */
#include <string.h>

#include "fake_rim_impl.h"
#include "pipe_change.h"

void rim_set_echoes(struct rim *r, rim_echo_fn *echoes, void *ctx)
{
	r->echoes = echoes;
	r->echoes_ctx = ctx;
}

static void view_echoes(void *ctx, vf_id vf, struct echo_view *view)
{
	const struct rim *r = ctx;

	*view = (struct echo_view){0};
	for (unsigned int i = 0; i < r->n_workers; i++)
		pipe_view_echoes(r->workers[i].pipe, vf, view);
	if (r->echoes != NULL)
		r->echoes(r->echoes_ctx, vf, view);
}

void rim_set_control(struct rim *r, bool runs)
{
	struct control_params params = {.conf = r->conf, .pf_bps = r->pf_bps, .n_workers = r->n_workers, .echoes = view_echoes,
		.ctx = r};

	r->has_control = runs;
	if (r->control != NULL)
		return;
	memcpy(params.rx_worker, r->rx_worker, sizeof(params.rx_worker));
	r->control = control_create(&params, r->now_ns);
	r->granted = grants_create(r->conf);
	ck_assert(r->control != NULL && r->granted != NULL);
}

const struct control *rim_control(const struct rim *r)
{
	return r->control;
}

uint64_t rim_most_capacity_pps(const struct rim *r)
{
	return r->most_capacity_pps;
}

static void hand_grants(struct rim *r, const struct grants *to)
{
	const struct conf *conf = r->running != NULL ? r->running : r->conf;
	struct pipe_change *c = pipe_change_create_granted(conf, r->granted, conf, to);
	uint64_t sum_pps = 0, loaned_pps = 0;

	for (unsigned int i = 0; i < r->n_workers; i++) {
		while (!pipe_apply(r->workers[i].pipe, c, r->now_ns))
			;
		/* They take it at different times. */
		sum_pps += r->granted->capacity_pps[i] == 0 ? to->capacity_pps[i]
							   : u64_max(r->granted->capacity_pps[i], to->capacity_pps[i]);
		loaned_pps += to->loan == 0 || r->granted->capacity_pps[i] == 0
				      ? 0
				      : u64_max(grants_reads_pps(r->granted, i), grants_reads_pps(to, i));
	}
	pipe_change_destroy(c);
	grants_copy(r->granted, to);
	r->most_capacity_pps = u64_max(r->most_capacity_pps, u64_max(sum_pps, loaned_pps));
}

/* As the app does it. */
void fake_run_control(struct rim *r)
{
	struct load_view loads[RIM_MAX_WORKERS];
	struct asker_view askers[CONF_MAX_PORTS] = {0};
	const struct grants *wanted;

	for (unsigned int i = 0; i < r->n_workers; i++) {
		pipe_view_load(r->workers[i].pipe, &loads[i]);
		pipe_view_askers(r->workers[i].pipe, askers);
	}
	wanted = control_period(r->control, r->running != NULL ? r->running : r->conf, r->n_changes, loads, askers,
		r->now_ns);
	ck_assert_ptr_nonnull(wanted);
	if (grants_are_same(wanted, r->granted))
		return;
	struct grants *step = grants_create(r->conf);
	ck_assert_ptr_nonnull(step);
	hand_grants(r, grants_step(step, r->granted, wanted) ? step : wanted);
	grants_destroy(step);
}
