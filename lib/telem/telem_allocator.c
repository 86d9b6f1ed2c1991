/* SPDX-License-Identifier: BSD-3-Clause */
/* /weir/allocator: what the control core does, and what is granted. */
#include <stdio.h>

#include "telem_impl.h"

#define PAGE_GRANTS 40u

static void put_capacity(struct rte_tel_data *d, const char *name, const struct capacity_view *c)
{
	struct rte_tel_data *in = put_dict(d, name);

	put_u64(in, "asked", c->asked);
	put_u64(in, "measured", c->measured);
	put_u64(in, "effective", c->effective);
	put_u64(in, "since_ns", c->since_ns);
	put_text(in, "by", c->is_configured ? "configured" : "measured");
}

static void put_decisions(struct rte_tel_data *d, const struct allocator_view *v)
{
	struct rte_tel_data *list = put_dict(d, "decisions");

	put_u64(d, "n_decisions", v->n_decisions);
	for (unsigned int i = 0; i < ALLOCATOR_VIEW_DECISIONS && i < v->n_decisions; i++) {
		struct rte_tel_data *line = put_numbered_dict(list, i);
		put_u64(line, "at_ns", v->decisions[i].at_ns);
		put_text(line, "text", v->decisions[i].text);
	}
}

static void put_grants(const struct telem_source *s, uint32_t start, struct rte_tel_data *d)
{
	uint32_t total = s->conf->n_named, end = page_end(start, total, PAGE_GRANTS);
	struct rte_tel_data *list;
	struct grant g;

	put_u64(d, "total", total);
	put_u64(d, "next", end);
	list = put_dict(d, "grants");
	for (vf_id vf = nth_vf(s->conf, start); start < end; vf = nth_vf_from(s->conf, vf + 1), start++) {
		const struct sla *sold = &s->conf->vfs[vf].tx_eff;
		struct rte_tel_data *line;

		if (!s->grant(s->ctx, vf, &g))
			continue;
		line = put_dict(list, s->conf->vfs[vf].name);
		put_u64(line, "sold_bps", sold->min_bps);
		put_u64(line, "granted_bps", g.min_bps);
		put_u64(line, "sold_pps", sold->min_pps);
		put_u64(line, "granted_pps", g.min_pps);
	}
}

int answer_allocator(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	struct allocator_view v;
	struct rte_tel_data *split;
	uint32_t start;

	if (s->allocator == NULL || s->grant == NULL)
		return put_error(d, "there is no allocator", "a switch that has one");
	if (!page_start(params, s->conf->n_named, &start))
		return put_error(d, "no such VF number", "/weir/allocator or /weir/allocator,START with START below total");
	s->allocator(s->ctx, &v);
	put_u64(d, "period_asked_ns", v.period_asked_ns);
	put_u64(d, "period_ns", v.period_ns);
	put_u64(d, "runs", v.n_runs);
	put_u64(d, "cost_p50_ns", v.cost_p50_ns);
	put_u64(d, "cost_p99_ns", v.cost_p99_ns);
	put_u64(d, "cost_max_ns", v.cost_max_ns);
	put_u64(d, "published", v.n_published);
	put_u64(d, "deferred", v.n_deferred);
	put_u64(d, "times_away", v.n_away);
	put_u64(d, "last_away_ns", v.away_ns);
	put_u64(d, "last_away_at_ns", v.away_at_ns);
	put_capacity(d, "core_pps", &v.core_pps);
	put_capacity(d, "port_bps", &v.port_bps);
	put_u64(d, "n_cut", v.n_cut);
	split = put_dict(d, "worker_pps");
	for (unsigned int i = 0; i < v.n_workers && i < ALLOCATOR_VIEW_WORKERS; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%u", i);
		put_u64(split, name, v.worker_pps[i]);
	}
	put_decisions(d, &v);
	put_grants(s, start, d);
	return 0;
}
