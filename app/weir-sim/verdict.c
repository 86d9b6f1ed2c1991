/* SPDX-License-Identifier: BSD-3-Clause */
/* What was sold against what was had, by what arrived. */
#include "clk.h"
#include "sim.h"

#define CATCHUP_PKTS 12u	/* contract 1: others may go first */
#define FRAME_BYTES  1518u

/* What limits let through in a span: rate x time of each config that held + burst, which is at least two frames, and what
 * others may take first on the link.  UINT64_MAX: they do not limit it. */
struct allowed {
	uint64_t bits, pkts;
};

/* Who was sold something: a direction of a VF, or a tenant. */
struct buyer {
	bool is_tenant;
	uint32_t id;
	enum world_dir dir;
};

static const struct sla *sla_of(const struct conf *conf, const struct buyer *b)
{
	if (b->is_tenant)
		return &conf->tenants[b->id].tx_eff;
	return b->dir == WORLD_TX ? &conf->vfs[b->id].tx_eff : &conf->vfs[b->id].rx_eff;
}

static void allow(uint64_t *sum, uint64_t per_s, uint64_t span_ns)
{
	if (per_s == 0)
		*sum = UINT64_MAX;
	else if (*sum != UINT64_MAX)
		*sum += (uint64_t)((clk_u128)per_s * span_ns / NS_PER_S);
}

static struct allowed allowed_of(const struct sim *sim, const struct buyer *b)
{
	uint64_t others_ns = price_ns(price_of_bps(sim->s->uplink_bps), CATCHUP_PKTS * FRAME_BYTES) +
		sim->s->conf->turn_ns + sim->s->turn_ns;
	uint64_t end_ns = world_now_ns(sim->w), at_ns = end_ns - world_span_ns(sim->w), until_ns;
	struct allowed a = {UINT64_C(16) * FRAME_BYTES, 2};
	uint64_t bank_bits = 0;		/* of credits: the largest there was may have been full before */

	do {
		const struct sla *sla = sla_of(scenario_conf_at(sim->s, at_ns, &until_ns), b);
		until_ns = u64_min(until_ns, end_ns);
		uint64_t span_ns = until_ns - at_ns + u64_max(sla->burst_ns, others_ns);
		allow(&a.bits, sla->max_bps, span_ns);
		allow(&a.pkts, sla->max_pps, span_ns);
		bank_bits = u64_max(bank_bits, (uint64_t)((clk_u128)sla->max_bps * sla->credit_ns / NS_PER_S));
		at_ns = until_ns;
	} while (at_ns < end_ns);
	if (a.bits != UINT64_MAX)
		a.bits += bank_bits;
	return a;
}

static bool is_limit_kept(const struct sim *sim, const struct buyer *b, uint64_t got_bytes, uint64_t got_pkts)
{
	uint64_t extra = basis_bytes(sla_of(sim->s->conf, b)->basis, 0);
	struct allowed a = allowed_of(sim, b);

	return (got_bytes + extra * got_pkts) * 8 <= a.bits && got_pkts <= a.pkts;
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
	v->is_limit_kept = is_limit_kept(sim, &(struct buyer){.id = vf, .dir = dir}, f->got_bytes, f->got_pkts);
	v->shut_out = dir == WORLD_TX ? world_shut_out(sim->w, vf) : NULL;
	v->is_starved = dir == WORLD_TX && ((f->offered_pkts > 0 && f->got_pkts == 0) || v->shut_out != NULL);
}

static bool is_in(const struct conf *conf, vf_id vf, uint32_t tenant)
{
	uint32_t t = conf->vfs[vf].tenant;

	while (conf_tenant_of(conf, t) != NULL && t != tenant)
		t = conf->tenants[t].parent;
	return t == tenant;
}

/* Of the VFs in it, and in the tenants below it. */
static struct world_figures tenant_figures(const struct sim *sim, uint32_t tenant)
{
	struct world_figures sum = {0};

	for (vf_id vf = 0; vf < sim->s->conf->n_vfs; vf++) {
		if (!is_in(sim->s->conf, vf, tenant))
			continue;
		const struct world_figures *f = world_figures(sim->w, vf, WORLD_TX);
		sum.offered_bytes += f->offered_bytes;
		sum.offered_pkts += f->offered_pkts;
		sum.got_bytes += f->got_bytes;
		sum.got_pkts += f->got_pkts;
	}
	return sum;
}

void verdict_of_tenant(const struct sim *sim, uint32_t tenant, struct tenant_verdict *v)
{
	struct world_figures f = tenant_figures(sim, tenant);
	double seconds = (double)world_span_ns(sim->w) / 1e9;

	*v = (struct tenant_verdict){
		.offered_bps = (double)f.offered_bytes * 8 / seconds,
		.offered_pps = (double)f.offered_pkts / seconds,
		.got_bps = (double)f.got_bytes * 8 / seconds,
		.got_pps = (double)f.got_pkts / seconds,
		.is_starved = f.offered_pkts > 0 && f.got_pkts == 0,
		.is_limit_kept = is_limit_kept(sim, &(struct buyer){.is_tenant = true, .id = tenant}, f.got_bytes, f.got_pkts),
	};
	world_view_tenant(sim->w, tenant, &v->view);
	v->is_guarantee_kept = v->view.missed_ns == 0;
}

static bool tenants_are_kept(const struct sim *sim)
{
	struct tenant_verdict v;

	for (uint32_t i = 0; i < sim->s->conf->n_tenants; i++) {
		verdict_of_tenant(sim, i, &v);
		if (!tenant_verdict_kept(&v))
			return false;
	}
	return true;
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
	return tenants_are_kept(sim);
}
