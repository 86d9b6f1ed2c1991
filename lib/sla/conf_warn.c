/* SPDX-License-Identifier: BSD-3-Clause */
/* What is no mistake, but holds otherwise than who wrote it may think. */
#include <inttypes.h>
#include <stdlib.h>

#include "clk.h"
#include "conf_change.h"
#include "units.h"

/* Alone on its port, but not for certain. */
static void warn_of_spares(const struct conf *conf, struct why *notes)
{
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		const struct conf_vf *vf = &conf->vfs[i];
		const struct conf_port *port = &conf->ports[vf->port];

		if (!conf_is_there(vf) || !vf->is_drop_forced || port->spare == 0 ||
			port->n_vfs != 1 || port->n_places != port->spare + 1)
			continue;
		why_add_at(notes, conf->file, vf->line,
			"[vf %s] is alone on %s, but drops what it sends too much (when_full = drop): spare = %u keeps places "
			"for others there, and a port that may be shared cannot be held; wanted spare = 0 in [port %s], or "
			"when_full = drop in [vf %s] if that is meant",
			vf->name, port->device, port->spare, port->device, vf->name);
	}
}

/* It would have to be held on every other port. */
static void warn_of_nics(const struct conf *conf, struct why *notes)
{
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		const struct conf_vf *vf = &conf->vfs[i];
		const struct conf_port *port = &conf->ports[vf->port];

		if (!conf_is_there(vf) || !vf->is_drop_forced || port->n_places != 1)
			continue;
		why_add_at(notes, conf->file, vf->line,
			"[vf %s] is on %s, a NIC's port, which drops by itself what is not read in time, so weir reads on and drops "
			"what [vf %s] sends too much, its least important packets first (when_full = drop); wanted when_full = drop "
			"in [vf %s] if that is meant",
			vf->name, port->device, vf->name, vf->name);
	}
}

/* The first VF on the port that is not in the tenant. */
static const struct conf_vf *stranger(const struct conf *conf, uint16_t port, uint32_t tenant)
{
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		const struct conf_vf *vf = &conf->vfs[i];
		uint32_t t = vf->tenant;

		if (!conf_is_there(vf) || vf->port != port)
			continue;
		while (t != CONF_NO_TENANT && t != tenant)
			t = conf->tenants[t].parent;
		if (t != tenant)
			return vf;
	}
	return NULL;
}

static void warn_of_tenant(const struct conf *conf, uint16_t port, const struct conf_vf *vf, uint32_t tenant, struct why *notes)
{
	const struct conf_tenant *t = &conf->tenants[tenant];
	const struct conf_vf *other = stranger(conf, port, tenant);

	if (other == NULL)
		return;
	why_add_at(notes, conf->file, t->line,
		"[tenant %s] is guaranteed %" PRIu64 " packets/s, its VFs by themselves %" PRIu64 "; but [vf %s] is on %s with "
		"[vf %s], which is not in it: where the core is short, such a port has what its VFs were sold, and nothing "
		"of the tenant's; wanted a port of its own for [vf %s], or tx.min_pps in the tenant's [vf] sections",
		t->name, t->tx_eff.min_pps, t->members_pps, vf->name, conf->ports[port].device, other->name, vf->name);
}

/* 'n' is how many VFs of each tenant are on the port: 0 here, and again when this returns. */
static void warn_of_strangers(const struct conf *conf, uint16_t port, uint32_t *n, struct why *notes)
{
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		const struct conf_vf *vf = &conf->vfs[i];

		for (uint32_t t = vf->tenant; conf_is_there(vf) && vf->port == port && t != CONF_NO_TENANT; t = conf->tenants[t].parent)
			n[t]++;
	}
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		const struct conf_vf *vf = &conf->vfs[i];

		for (uint32_t t = vf->tenant; conf_is_there(vf) && vf->port == port && t != CONF_NO_TENANT; t = conf->tenants[t].parent) {
			if (n[t] != 0 && n[t] < conf->ports[port].n_vfs && conf->tenants[t].tx_eff.min_pps > conf->tenants[t].members_pps)
				warn_of_tenant(conf, port, vf, t, notes);
			n[t] = 0;
		}
	}
}

/* Its urgent packets wait in its own ring, behind all that is held there, where weir does not see them. */
static void warn_of_held_urgent(const struct conf *conf, const struct conf_vf *vf, struct why *notes)
{
	if (vf->when_full != WHEN_FULL_HOLD || (vf->tx_eff.urgent_bps | vf->tx_eff.urgent_pps) == 0)
		return;
	why_add_at(notes, conf->file, vf->line,
		"[vf %s] is sold urgent packets, but when it sends too much it is held (when_full = hold): they wait in its own "
		"ring behind the others, and are refused there when it is full; wanted when_full = drop in [vf %s]",
		vf->name, vf->name);
}

#define SHORTEST_BYTES 60u
#define LONGEST_BYTES  9216u

/* A guarantee in one unit that the limit in the other cannot hold, whatever the packets' size. */
static void warn_of_units(const struct conf *conf, const struct conf_vf *vf, struct why *notes)
{
	char min[UNITS_TEXT], takes[UNITS_TEXT], max[UNITS_TEXT];
	uint64_t least_bps = vf->tx.min_pps * SHORTEST_BYTES * 8, most_bps = vf->tx.max_pps * LONGEST_BYTES * 8;

	if (vf->tx.max_bps != 0 && least_bps > vf->tx.max_bps)
		why_add_at(notes, conf->file, vf->line,
			"[vf %s] tx.min_pps = %s takes %s bits/s with the shortest packets (%u bytes), more than tx.max_bps = %s lets it "
			"have; wanted a guarantee that its limit can hold",
			vf->name, units_count_text(min, vf->tx.min_pps), units_count_text(takes, least_bps), SHORTEST_BYTES,
			units_count_text(max, vf->tx.max_bps));
	if (vf->tx.max_pps != 0 && vf->tx.min_bps > most_bps)
		why_add_at(notes, conf->file, vf->line,
			"[vf %s] tx.min_bps = %s is more than tx.max_pps = %s carries with the longest packets (%u bytes), %s bits/s; wanted "
			"a guarantee that its limit can hold",
			vf->name, units_count_text(min, vf->tx.min_bps), units_count_text(max, vf->tx.max_pps), LONGEST_BYTES,
			units_count_text(takes, most_bps));
}

#define BURST_PKTS    32u
#define SMALLEST_BITS (84u * 8)	/* of a 64-byte frame on the wire */

/* What fits into its queue is less than a burst, and less than it may send in a turn: it is empty before the next turn, as
 * often as not, and who has nothing waiting has no share of what is left over. */
static void warn_of_small_queue(const struct conf *conf, const struct conf_vf *vf, struct why *notes)
{
	uint64_t pps = UINT64_MAX;

	if (conf->n_vfs < 2 || vf->queue_pkts >= BURST_PKTS)
		return;
	if (vf->tx_eff.max_bps != 0)
		pps = vf->tx_eff.max_bps / SMALLEST_BITS;
	if (vf->tx_eff.max_pps != 0)
		pps = u64_min(pps, vf->tx_eff.max_pps);
	if (price_ns(price_of_pps(pps), vf->queue_pkts) >= conf->turn_ns)
		return;
	why_add_at(notes, conf->file, vf->line,
		"[vf %s] has room for %" PRIu32 " packets (queue), less than a burst of %u: with short frames they are sent before "
		"more are read, and its weight is not kept; wanted queue = %u or more, or a limit that %" PRIu32
		" packets last a turn at",
		vf->name, vf->queue_pkts, BURST_PKTS, BURST_PKTS, vf->queue_pkts);
}

static void warn_of_remote(const struct conf *conf, const struct conf_vf *vf, struct why *notes)
{
	if (conf->remote.is_on || vf->is_remote)
		return;
	why_add_at(notes, conf->file, vf->line,
		"[vf %s] remote = no does nothing: there is no [remote], which would look after it; wanted that section too, or no such "
		"key (weirctl set %s remote none)",
		vf->name, vf->name);
}

static void warn_of_terms(const struct conf *conf, const struct conf_vf *vf, struct why *notes)
{
	if (!conf_is_there(vf))
		return;
	warn_of_units(conf, vf, notes);
	warn_of_held_urgent(conf, vf, notes);
	warn_of_small_queue(conf, vf, notes);
	warn_of_remote(conf, vf, notes);
}

/* The uplink is promised nothing when the core is shared out: all VMs hear from it by what others leave. */
static void warn_of_all_sold(const struct conf *conf, struct why *notes)
{
	uint64_t bps, pps, capacity_pps = conf->packet_capacity_pps;
	char sold_text[UNITS_TEXT], capacity_text[UNITS_TEXT];

	if (capacity_pps == 0)
		return;
	conf_guaranteed(conf, BASIS_L2, &bps, &pps);
	if (pps < capacity_pps - capacity_pps / 20)
		return;
	why_add_at(notes, conf->file, conf->ports[conf->pf].line,
		"[port %s] is the uplink, and of %s packets/s that the core can move (packet_capacity) VFs are guaranteed %s: when all of "
		"them send, what comes in by it is read with what they leave; wanted a twentieth or more that nobody is promised",
		conf->ports[conf->pf].device, units_count_text(capacity_text, capacity_pps), units_count_text(sold_text, pps));
}

/* One that was made at run time goes by itself. */
static void warn_of_maps(const struct conf *conf, struct why *notes)
{
	for (uint16_t i = 1; i < conf->n_maps; i++) {
		const struct dscp_map *map = &conf->maps[i];

		if (*map->name != '\0' && map->line != 0 && conf_map_users(conf, i) == 0)
			why_add_at(notes, conf->file, map->line,
				"[dscp %s] is no VF's, so it says nothing; wanted dscp_map = %s in a [vf], or weirctl dscp VF map %s later, if "
				"that is meant",
				map->name, map->name, map->name);
	}
}

void conf_warn(const struct conf *conf, struct why *notes)
{
	uint32_t *n = conf->n_tenants > 0 ? calloc(conf->n_tenants, sizeof(*n)) : NULL;

	warn_of_spares(conf, notes);
	for (uint32_t i = 0; i < conf->n_vfs; i++)
		warn_of_terms(conf, &conf->vfs[i], notes);
	warn_of_all_sold(conf, notes);
	warn_of_nics(conf, notes);
	warn_of_maps(conf, notes);
	for (uint16_t port = 0; n != NULL && port < conf->n_ports; port++)
		if (conf->ports[port].n_vfs > 1)
			warn_of_strangers(conf, port, n, notes);
	free(n);
}

void conf_warn_of_vf(const struct conf *conf, uint32_t vf, struct why *notes)
{
	warn_of_terms(conf, &conf->vfs[vf], notes);
	warn_of_all_sold(conf, notes);
}
