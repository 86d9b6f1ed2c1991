/* SPDX-License-Identifier: BSD-3-Clause */
/* /weir/tenants and /weir/tenant,NAME: what tenants were sold, and what all their VFs together send. */
#include <string.h>

#include "telem_impl.h"

/* Of all VFs in a tenant and in the tenants below it. */
struct tenant_sum {
	uint64_t out_pkts, out_bytes, local_pkts, local_bytes;
	uint64_t backlog_pkts, backlog_bytes, drops;
	struct rates rates;
};

static void add_vf(const struct telem_source *s, vf_id vf, struct tenant_sum *sum)
{
	struct vf_view view;
	struct rates r;

	s->vf(s->ctx, vf, &view);
	(void)rates_get(s->rates, telem_row(s->conf, vf, TELEM_TX), &r); /* all 0 at first */
	sum->out_pkts += view.tx.out_pkts;
	sum->out_bytes += view.tx.out_bytes;
	sum->local_pkts += view.tx.local_pkts;
	sum->local_bytes += view.tx.local_bytes;
	sum->backlog_pkts += view.tx.backlog_pkts;
	sum->backlog_bytes += view.tx.backlog_bytes;
	sum->drops += dir_view_drops(&view.tx);
	sum->rates.bps_1s += r.bps_1s;
	sum->rates.pps_1s += r.pps_1s;
	sum->rates.bps_10s += r.bps_10s;
	sum->rates.pps_10s += r.pps_10s;
}

/* The sums of tenants start .. start + n - 1, in one pass over the VFs. */
static void add_up(const struct telem_source *s, uint32_t start, uint32_t n, struct tenant_sum *sums)
{
	const struct conf *conf = s->conf;

	memset(sums, 0, n * sizeof(*sums));
	for (vf_id vf = 0; vf < conf->n_vfs; vf++) {
		uint32_t i = conf->vfs[vf].tenant;

		for (; conf_tenant_of(conf, i) != NULL; i = conf->tenants[i].parent)
			if (i >= start && i - start < n)
				add_vf(s, vf, &sums[i - start]);
	}
}

static const char *parent_name(const struct conf *conf, const struct conf_tenant *t)
{
	const struct conf_tenant *parent = conf_tenant_of(conf, t->parent);

	return parent != NULL ? parent->name : "";
}

static void put_tenant_line(
	const struct conf *conf, const struct conf_tenant *t, const struct tenant_sum *sum, struct rte_tel_data *list)
{
	struct rte_tel_data *d = put_dict(list, t->name);

	put_text(d, "parent", parent_name(conf, t));
	put_u64(d, "n_all_vfs", t->n_all_vfs);
	put_u64(d, "min_bps", t->tx_eff.min_bps);
	put_u64(d, "max_bps", t->tx_eff.max_bps);
	put_u64(d, "tx_bps", (uint64_t)sum->rates.bps_1s);
	put_u64(d, "tx_pps", (uint64_t)sum->rates.pps_1s);
	put_u64(d, "backlog_pkts", sum->backlog_pkts);
	put_u64(d, "drops", sum->drops);
}

int answer_tenants(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	uint32_t total = s->conf->n_tenants, start, end;
	struct tenant_sum sums[TELEM_PAGE_TENANTS];
	struct rte_tel_data *list;

	if (!page_start(params, total, &start))
		return put_error(
			d, "no such tenant number", "/weir/tenants or /weir/tenants,START with START below total");
	end = page_end(start, total, TELEM_PAGE_TENANTS);
	add_up(s, start, end - start, sums);
	put_u64(d, "total", total);
	put_u64(d, "next", end);
	list = put_dict(d, "tenants");
	for (uint32_t i = start; i < end; i++)
		put_tenant_line(s->conf, &s->conf->tenants[i], &sums[i - start], list);
	return 0;
}

/* ---- One ---- */

static void put_members(
	const struct conf *conf, uint32_t tenant, uint32_t start, uint32_t end, struct rte_tel_data *d)
{
	struct rte_tel_data *names = put_text_array(d, "vfs");
	uint32_t n = 0;

	put_u64(d, "total", conf->tenants[tenant].n_vfs);
	put_u64(d, "next", end);
	for (vf_id vf = 0; names != NULL && vf < conf->n_vfs && n < end; vf++) {
		if (conf->vfs[vf].tenant != tenant)
			continue;
		if (n++ >= start)
			rte_tel_data_add_array_string(names, conf->vfs[vf].name);
	}
}

static void put_tx(const struct telem_source *s, uint32_t tenant, struct rte_tel_data *d)
{
	const struct conf_tenant *t = &s->conf->tenants[tenant];
	struct tenant_view view;
	struct tenant_sum sum;

	add_up(s, tenant, 1, &sum);
	put_u64(d, "bps_1s", (uint64_t)sum.rates.bps_1s);
	put_u64(d, "pps_1s", (uint64_t)sum.rates.pps_1s);
	put_u64(d, "bps_10s", (uint64_t)sum.rates.bps_10s);
	put_u64(d, "pps_10s", (uint64_t)sum.rates.pps_10s);
	put_u64(d, "out_pkts", sum.out_pkts);
	put_u64(d, "out_bytes", sum.out_bytes);
	put_u64(d, "local_pkts", sum.local_pkts);
	put_u64(d, "local_bytes", sum.local_bytes);
	put_u64(d, "backlog_pkts", sum.backlog_pkts);
	put_u64(d, "backlog_bytes", sum.backlog_bytes);
	put_u64(d, "drops", sum.drops);
	if (s->tenant != NULL) {
		s->tenant(s->ctx, tenant, &view);
		put_u64(d, "guarantee_missed_ns", view.missed_ns);
		put_held(d, view.held_ns);
		put_held_for(s, telem_tenant_row(s->conf, tenant), d);
	}
	put_u64(d, "members_bps", t->members_bps);
	put_u64(d, "members_pps", t->members_pps);
	put_u64(d, "owed_bps", t->owed_bps);
	put_u64(d, "owed_pps", t->owed_pps);
	put_sla(d, "asked", &t->tx);
	put_sla(d, "effective", &t->tx_eff);
}

/* "NAME" or "NAME,START"; false: no tenant of this name, or none named. */
static bool find_tenant(const struct conf *conf, const char *params, uint32_t *tenant, const char **start)
{
	size_t n = params != NULL ? strcspn(params, ",") : 0;

	*start = n > 0 && params[n] == ',' ? params + n + 1 : NULL;
	for (*tenant = 0; n > 0 && *tenant < conf->n_tenants; ++*tenant) {
		const char *name = conf->tenants[*tenant].name;

		if (strncmp(name, params, n) == 0 && name[n] == '\0')
			return true;
	}
	return false;
}

int answer_tenant(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	static const char wanted[] = "/weir/tenant,NAME or /weir/tenant,NAME,START with a NAME that /weir/tenants lists";
	const struct conf_tenant *t;
	uint32_t tenant, start;
	const char *page;

	if (!find_tenant(s->conf, params, &tenant, &page))
		return put_error(d, params == NULL ? "no tenant named" : "no tenant of this name", wanted);
	t = &s->conf->tenants[tenant];
	if (!page_start(page, t->n_vfs, &start))
		return put_error(d, "no such VF number", wanted);
	put_text(d, "name", t->name);
	put_text(d, "parent", parent_name(s->conf, t));
	put_u64(d, "depth", t->depth);
	put_u64(d, "n_vfs", t->n_vfs);
	put_u64(d, "n_tenants", t->n_tenants);
	put_u64(d, "n_all_vfs", t->n_all_vfs);
	put_members(s->conf, tenant, start, page_end(start, t->n_vfs, TELEM_PAGE_MEMBERS), d);
	put_tx(s, tenant, put_dict(d, "tx"));
	return 0;
}
