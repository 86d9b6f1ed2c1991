/* SPDX-License-Identifier: BSD-3-Clause */
/* What would be granted to whom if a change were made: nothing is changed, and nobody but this thread is asked. */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "conf_change.h"
#include "telem_impl.h"

#define PAGE_VFS 60u

/* Everybody sends packets of guarantee_size: then a packet limit is one in bits, and so is the core's capacity. */
static double bits_of(const struct conf *conf, uint64_t pps)
{
	return (double)pps * 8 * conf->guarantee_bytes;
}

static double l2_bits(const struct conf *conf, const struct sla *sla, uint64_t bps)
{
	return (double)bps * conf->guarantee_bytes / basis_bytes((enum link_basis)sla->basis, conf->guarantee_bytes);
}

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

static struct alloc_node node_of(const struct conf *conf, const struct sla *sla, uint32_t parent)
{
	double max = DBL_MAX;

	if (sla->max_bps > 0)
		max = l2_bits(conf, sla, sla->max_bps);
	if (sla->max_pps > 0)
		max = smaller(max, bits_of(conf, sla->max_pps));
	return (struct alloc_node){
		.min = smaller(l2_bits(conf, sla, sla->min_bps), bits_of(conf, sla->min_pps)),
		.max = max,
		.demand = DBL_MAX / 1e6,	/* sums of them must be numbers */
		.weight = sla->weight,
		.priority = sla->priority,
		.parent = parent,
	};
}

/* VFs first, then tenants.  NULL: no memory. */
static struct alloc_node *nodes_of(const struct conf *conf)
{
	struct alloc_node *nodes = calloc((size_t)conf->n_vfs + conf->n_tenants + 1, sizeof(*nodes));

	for (uint32_t i = 0; nodes != NULL && i < conf->n_vfs + conf->n_tenants; i++) {
		bool is_tenant = i >= conf->n_vfs;
		uint32_t up = is_tenant ? conf->tenants[i - conf->n_vfs].parent : conf->vfs[i].tenant;
		const struct sla *sla = is_tenant ? &conf->tenants[i - conf->n_vfs].tx_eff : &conf->vfs[i].tx_eff;

		nodes[i] = node_of(conf, sla, conf_tenant_of(conf, up) != NULL ? conf->n_vfs + up : ALLOC_NO_PARENT);
		nodes[i].is_group = is_tenant;
		if (!is_tenant && !conf_is_there(&conf->vfs[i]))
			nodes[i].demand = 0;
	}
	return nodes;
}

/* What the link carries of such packets, in L2 bits; the core may carry less.  0: not known. */
static double capacity_of(const struct conf *conf, const struct telem_port *pf)
{
	double bits = (double)pf->link_bps * conf->guarantee_bytes / basis_bytes(pf->basis, conf->guarantee_bytes);
	double core = bits_of(conf, conf->packet_capacity_pps);

	return bits == 0 ? core : core > 0 ? smaller(bits, core) : bits;
}

/* The rates of a config when all send; NULL where they cannot be told, with the reason. */
static struct alloc_node *rates_of(const struct conf *conf, double capacity, const char **why_not)
{
	struct alloc_node *nodes = nodes_of(conf);
	bool is_memory_out = nodes == NULL;

	if (nodes != NULL && alloc_tree(nodes, conf->n_vfs + conf->n_tenants, capacity, &is_memory_out))
		return nodes;
	*why_not = is_memory_out ? "out of memory" : "guarantees are over-committed: who has less cannot be told";
	free(nodes);
	return NULL;
}

/* Its own bound; or the tenant above that is at its limit. */
static const char *bound_text(const struct conf *conf, const struct alloc_node *nodes, vf_id vf, char text[80])
{
	if (nodes[vf].bound == ALLOC_LIMIT)
		return alloc_bound_text(ALLOC_LIMIT);
	for (uint32_t i = nodes[vf].parent; i != ALLOC_NO_PARENT; i = nodes[i].parent) {
		if (nodes[i].bound != ALLOC_LIMIT)
			continue;
		snprintf(text, 80, "%s, of the limit of tenant %s", alloc_bound_text(nodes[vf].bound),
			conf->tenants[i - conf->n_vfs].name);
		return text;
	}
	return alloc_bound_text(nodes[vf].bound);
}

static void put_rates(struct rte_tel_data *d, const struct conf *conf, const struct alloc_node *now,
	const struct alloc_node *then, uint32_t start)
{
	uint32_t end = page_end(start, conf->n_named, PAGE_VFS);
	struct rte_tel_data *list;
	char text[80];

	put_u64(d, "total", conf->n_named);
	put_u64(d, "next", end);
	list = put_dict(d, "vfs");
	for (vf_id vf = nth_vf(conf, start); start < end; vf = nth_vf_from(conf, vf + 1), start++) {
		struct rte_tel_data *line = put_dict(list, conf->vfs[vf].name);

		if (now != NULL)
			put_u64(line, "now_bps", (uint64_t)(now[vf].rate + 0.5));
		put_u64(line, "then_bps", (uint64_t)(then[vf].rate + 0.5));
		put_text(line, "bound", bound_text(conf, then, vf, text));
	}
}

/* The allocation of both configs, side by side. */
static void put_allocation(const struct telem_source *s, const struct conf *then, const struct telem_port *pf,
	uint32_t start, struct rte_tel_data *d)
{
	const char *why_not = "the link's rate is not known";
	double capacity = capacity_of(then, pf);
	struct alloc_node *nodes_then = capacity > 0 ? rates_of(then, capacity, &why_not) : NULL;
	struct alloc_node *nodes_now = NULL;
	const char *ignored;

	if (nodes_then == NULL) {
		put_text(d, "rates_unknown", why_not);
		return;
	}
	nodes_now = rates_of(s->conf, capacity, &ignored);
	put_u64(d, "packet_bytes", then->guarantee_bytes);
	put_u64(d, "capacity_bps", (uint64_t)capacity);
	put_rates(d, then, nodes_now, nodes_then, start);
	free(nodes_now);
	free(nodes_then);
}

static void put_verdict(const struct telem_source *s, const struct conf_change *change, uint32_t start,
	struct why *why, struct rte_tel_data *d)
{
	struct conf *then = conf_changed(s->conf, change, why);
	struct telem_port pf;
	uint32_t i;

	s->port(s->ctx, s->conf->pf, &pf);
	if (then == NULL || !conf_admit(then, pf.link_bps, pf.basis, why)) {
		put_reasons(d, why);
		conf_destroy(then);
		return;
	}
	if (start >= then->n_named && start > 0) {
		put_error(d, "no such VF number", "START below total");
		conf_destroy(then);
		return;
	}
	i = change->is_tenant ? conf_find_tenant(then, change->name) : conf_find_vf(then, change->name);
	put_text(d, "admitted", "yes");
	put_what_changed(d, s->conf, then, change->is_tenant, i);
	put_terms(d, then, change->is_tenant, i);
	put_allocation(s, then, &pf, start, d);
	conf_destroy(then);
}

static int dryrun(const struct telem_source *s, const char *params, struct rte_tel_data *d, bool is_tenant)
{
	static const char wanted[] = "NAME,key=value;key=value or NAME,key=value;key=value,START";
	struct conf_change change = {.is_tenant = is_tenant};
	const char *text = NULL;
	struct why *why;
	uint32_t start;

	if (!take_name(params, change.name, &text) || text == NULL)
		return put_error(d, is_tenant ? "no tenant or nothing to try" : "no VF or nothing to try", wanted);
	size_t n = strcspn(text, ",");
	snprintf(change.text, sizeof(change.text), "%.*s", (int)n, text);
	if (!page_start(text[n] == ',' ? text + n + 1 : NULL, UINT32_MAX, &start))
		return put_error(d, "no such VF number", wanted);
	why = malloc(sizeof(*why));
	if (why == NULL)
		return put_error(d, "out of memory", "it once more");
	why_init(why);
	put_verdict(s, &change, start, why, d);
	free(why);
	return 0;
}

int answer_sla_dryrun(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	return dryrun(s, params, d, false);
}

int answer_tenant_dryrun(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	return dryrun(s, params, d, true);
}
