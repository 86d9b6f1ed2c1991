/* SPDX-License-Identifier: BSD-3-Clause */
/* What was sold against what was had, by what arrived. */
#include "clk.h"
#include "sim.h"

#define CATCHUP_PKTS 12u	/* contract 1: others may go first */
#define FRAME_BYTES  1518u

/* The most that a limit lets through in a span: rate x time + burst, which is at least two frames, and what others may
 * take first on the link. */
static bool is_within(uint64_t got, uint64_t per_s, const struct sla *sla, const struct sim *sim, uint64_t two_units)
{
	uint64_t others_ns = price_ns(price_of_bps(sim->s->uplink_bps), CATCHUP_PKTS * FRAME_BYTES) +
		sim->s->conf->turn_ns + sim->s->turn_ns;
	uint64_t span_ns = world_span_ns(sim->w) + u64_max(sla->burst_ns, others_ns);

	return per_s == 0 || got <= (uint64_t)((clk_u128)per_s * span_ns / NS_PER_S) + two_units;
}

static bool is_limit_kept(const struct sim *sim, const struct sla *sla, const struct world_figures *f)
{
	uint64_t extra = basis_bytes(sla->basis, 0);

	return is_within((f->got_bytes + extra * f->got_pkts) * 8, sla->max_bps, sla, sim, UINT64_C(16) * FRAME_BYTES) &&
		is_within(f->got_pkts, sla->max_pps, sla, sim, 2);
}

void verdict_delay(const struct world_figures *f, int tclass, struct hist_snapshot *sum)
{
	*sum = (struct hist_snapshot){0};
	for (int c = 0; c < N_TCLASSES; c++) {
		struct hist_snapshot one;
		if (f->delay[c] == NULL || (tclass >= 0 && c != tclass))
			continue;
		hist_read(f->delay[c], &one);
		hist_merge(sum, &one);
	}
}

void verdict_of(const struct sim *sim, vf_id vf, enum world_dir dir, struct verdict *v)
{
	const struct world_figures *f = world_figures(sim->w, vf, dir);
	const struct conf_vf *cv = &sim->s->conf->vfs[vf];
	double seconds = (double)world_span_ns(sim->w) / 1e9;
	struct hist_snapshot delay;

	*v = (struct verdict){
		.offered_bps = (double)f->offered_bytes * 8 / seconds,
		.offered_pps = (double)f->offered_pkts / seconds,
		.got_bps = (double)f->got_bytes * 8 / seconds,
		.got_pps = (double)f->got_pkts / seconds,
	};
	world_view_vf(sim->w, vf, &v->view);
	const struct dir_view *d = dir == WORLD_TX ? &v->view.tx : &v->view.rx;
	verdict_delay(f, -1, &delay);
	v->n_delays = delay.n;
	v->p50_ns = hist_quantile_ns(&delay, 0.5);
	v->p99_ns = hist_quantile_ns(&delay, 0.99);
	v->max_ns = delay.max_ns;
	v->drops = dir_view_drops(d);
	v->is_guarantee_kept = d->missed_ns == 0;
	v->is_limit_kept = is_limit_kept(sim, dir == WORLD_TX ? &cv->tx_eff : &cv->rx_eff, f);
	v->is_starved = f->offered_pkts > 0 && f->got_pkts == 0 && dir == WORLD_TX;
}

bool verdict_all_kept(const struct sim *sim)
{
	struct verdict v;

	for (vf_id vf = 0; vf < sim->s->conf->n_vfs; vf++) {
		for (int dir = 0; dir < N_WORLD_DIRS; dir++) {
			verdict_of(sim, vf, (enum world_dir)dir, &v);
			if (!verdict_kept(&v))
				return false;
		}
	}
	return true;
}
