/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as a configuration: refused with a reason, or accepted as one that can be printed and relied on.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "conf_change.h"
#include "fuzz.h"

static void check_sla(const struct sla *sla)
{
	assert(sla->weight >= 1 && sla->weight <= 1000);
	assert(sla->priority < CONF_N_PRIORITIES);
	assert(sla->burst_ns > 0);
	assert((sla->min_bps == 0) == (sla->min_pps == 0));
	assert((sla->urgent_bps == 0) == (sla->urgent_pps == 0));
	assert(sla->max_bps == 0 || (sla->min_bps <= sla->max_bps && sla->urgent_bps <= sla->max_bps));
	assert(sla->basis <= BASIS_WIRE);
	assert((sla->peak_bps == 0) == (sla->credit_ns == 0));
	assert(sla->peak_bps == 0 || (sla->max_bps > 0 && sla->peak_bps > sla->max_bps));
	assert(sla->max_pps == 0 || (sla->min_pps <= sla->max_pps && sla->urgent_pps <= sla->max_pps));
}

static void check_vf(const struct conf *conf, const struct conf_vf *vf)
{
	assert(vf->port < conf->n_ports && conf->ports[vf->port].role == PORT_VF);
	assert(vf->dscp_map < conf->n_maps);
	assert((vf->trunk != NULL) == (vf->vlan_mode == VLAN_TRUNK));
	assert(vf->vlan_mode != VLAN_ACCESS || vf->vid != 0);
	assert(vf->vid < 4095);
	assert(vf->n_macs <= CONF_MAX_MACS && (vf->n_macs > 0 || conf->ports[vf->port].n_vfs == 1));
	assert(vf->queue_pkts > 0 && vf->receive_queue_pkts > 0);
	assert(vf->tenant == CONF_NO_TENANT ? !conf->require_tenant : vf->tenant < conf->n_tenants);
	assert(vf->when_full == WHEN_FULL_DROP || conf->ports[vf->port].n_vfs == 1);
	assert(vf->tx_mark_ns > 0 && vf->rx_mark_ns > 0 && (vf->ecn || vf->mark_above_ns == 0));
	check_sla(&vf->tx_eff);
	check_sla(&vf->rx_eff);
	assert(vf->rx_eff.peak_bps == 0);
}

/* Parents end, within four; each is owed what it and its members were promised. */
static void check_tenant(const struct conf *conf, const struct conf_tenant *tenant)
{
	const struct conf_tenant *parent = conf_tenant_of(conf, tenant->parent);

	assert(tenant->n_all_vfs >= tenant->n_vfs);	/* of none: one may come */
	assert(tenant->depth == (parent != NULL ? parent->depth + 1 : 1) && tenant->depth <= CONF_MAX_DEPTH);
	assert(parent == NULL || (parent->n_tenants > 0 && parent->n_all_vfs >= tenant->n_all_vfs));
	assert(parent == NULL || (parent->members_bps >= tenant->owed_bps && parent->members_pps >= tenant->owed_pps));
	assert(tenant->owed_pps >= tenant->tx_eff.min_pps);
	assert(conf->allow_overcommit ||
		(tenant->owed_bps >= tenant->members_bps && tenant->owed_pps >= tenant->members_pps));
	assert(tenant->tx_eff.urgent_bps == 0 && tenant->tx_eff.urgent_pps == 0);
	check_sla(&tenant->tx_eff);
	assert(tenant->tx_eff.peak_bps == 0);
}

static void check_conf(const struct conf *conf)
{
	uint32_t n_vfs = 0, n_places = 0;

	assert(conf->n_ports > 0 && conf->ports[conf->pf].role == PORT_PF);
	for (uint16_t i = 0; i < conf->n_ports; i++) {
		assert((conf->ports[i].role == PORT_PF) == (i == conf->pf));
		n_vfs += conf->ports[i].n_vfs;
		n_places += conf->ports[i].n_places;
	}
	assert(n_vfs == conf->n_named && n_places == conf->n_vfs);
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		if (conf_is_there(&conf->vfs[i]))
			check_vf(conf, &conf->vfs[i]);
	}
	for (uint32_t i = 0; i < conf->n_tenants; i++)
		check_tenant(conf, &conf->tenants[i]);
	for (uint16_t i = 0; i < conf->n_maps; i++)
		for (int dscp = 0; dscp < CONF_N_DSCP; dscp++)
			assert(conf->maps[i].tclass[dscp] < N_TCLASSES &&
				conf->maps[i].drop_prec[dscp] < N_DROP_PRECS);
}

/* What was accepted can be written, and reads back as the same. */
static void check_dump(const struct conf *conf)
{
	static struct why why;
	char *text[2];
	size_t size[2];

	for (int i = 0; i < 2; i++) {
		FILE *out = open_memstream(&text[i], &size[i]);
		struct conf *again = NULL;

		why_init(&why);
		if (i > 0)
			again = conf_reload_text(conf, "dump", text[0], size[0], &why);
		assert(i == 0 || again != NULL);
		conf_dump(i > 0 ? again : conf, out);
		fclose(out);
		conf_destroy(again);
	}
	assert(strcmp(text[0], text[1]) == 0);
	free(text[0]);
	free(text[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct why why;
	static FILE *nowhere;

	if (nowhere == NULL)
		nowhere = fopen("/dev/null", "w");
	assert(nowhere != NULL);
	why_init(&why);
	struct conf *conf = conf_parse("fuzz.conf", (const char *)data, size, &why);
	assert((conf == NULL) == (why.n > 0));
	if (conf != NULL) {
		check_conf(conf);
		conf_print(conf, nowhere);
		check_dump(conf);
	}
	conf_destroy(conf);
	return 0;
}
