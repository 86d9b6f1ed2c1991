/* SPDX-License-Identifier: BSD-3-Clause */
/* Tenants: groups of the home worker's two egresses, with one limit for what leaves by both. */
#include <stdlib.h>
#include <string.h>

#include "pipe_impl.h"

void pipe_set_tenant(struct pipe *p, uint32_t tenant, const struct conf_tenant *t, uint64_t now_ns)
{
	struct order_terms pf_terms = pipe_terms(&t->tx_eff, true), local_terms = pipe_terms(&t->tx_eff, false);

	pipe_set_limit(p, &p->tenant_limits[tenant], &t->tx_eff, p->f->conf->pf, now_ns);
	egress_set_group(p->pf, tenant, &pf_terms, &p->tenant_limits[tenant], now_ns);
	egress_set_group(p->local, tenant, &local_terms, &p->tenant_limits[tenant], now_ns);
}

bool pipe_create_tenants(struct pipe *p, uint64_t now_ns)
{
	const struct conf *conf = p->f->conf;

	p->tenant_limits = calloc(conf->n_tenants + 1, sizeof(*p->tenant_limits));
	if (p->tenant_limits == NULL)
		return false;
	for (uint32_t i = 0; i < conf->n_tenants; i++) {
		const struct conf_tenant *t = &conf->tenants[i];
		pipe_set_tenant(p, i, t, now_ns);
		if (t->parent == CONF_NO_TENANT)
			continue;
		if (!egress_join_group(p->pf, i, t->parent, now_ns) ||
			!egress_join_group(p->local, i, t->parent, now_ns))
			return false;	/* no loops, none too deep: the config has been checked */
	}
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		uint32_t tenant = conf->vfs[i].tenant;
		if (conf_tenant_of(conf, tenant) == NULL)
			continue;
		egress_join(p->pf, i, tenant, now_ns);
		egress_join(p->local, i, tenant, now_ns);
	}
	return true;
}

/* Its PF and its local traffic wait at the same time under one limit: the longer wait is the tenant's. */
static void add_group(struct tenant_view *view, const struct egress *e, uint32_t tenant)
{
	const struct order_stats *s = order_group_stats(egress_order(e), tenant);

	pipe_add_held(view->held_ns, s);
	view->missed_ns += counter_read(&s->missed_ns);
}

void pipe_view_tenant(const struct pipe *p, uint32_t tenant, struct tenant_view *view)
{
	if (tenant >= p->f->conf->n_tenants)
		return;
	view->missed_ns += pipe_tenant_missed_ns(p, tenant);
	if (!p->is_home)
		return;
	add_group(view, p->pf, tenant);
	add_group(view, p->local, tenant);
}
