/* SPDX-License-Identifier: BSD-3-Clause */
/* Configs as text that reads back as the same: what was asked.  Comments and the order of keys are not kept. */
#include <inttypes.h>
#include <string.h>

#include "conf_change.h"
#include "conf_fields.h"
#include "conf_mark.h"
#include "units.h"

/* ---- Terms ---- */

#define TERM_TEXT 40

struct term {
	const char *key;
	size_t offset, bytes;
	bool is_time;
};

static const struct term terms[] = {
	{"min_bps", AT(struct sla, min_bps), false},
	{"max_bps", AT(struct sla, max_bps), false},
	{"min_pps", AT(struct sla, min_pps), false},
	{"max_pps", AT(struct sla, max_pps), false},
	{"urgent_bps", AT(struct sla, urgent_bps), false},
	{"urgent_pps", AT(struct sla, urgent_pps), false},
	{"burst", AT(struct sla, burst_ns), true},
	{"weight", AT(struct sla, weight), false},
	{"priority", AT(struct sla, priority), false},
	{"peak_bps", AT(struct sla, peak_bps), false},
	{"credit", AT(struct sla, credit_ns), true},
	{"basis", AT(struct sla, basis), false},
};

static uint64_t term_value(const struct term *t, const struct sla *sla)
{
	const char *at = (const char *)sla + t->offset;

	return t->bytes == 1 ? *(const uint8_t *)at : t->bytes == 4 ? *(const uint32_t *)at : *(const uint64_t *)at;
}

/* As it is written; "none" where it is not set. */
static const char *term_text(char buf[TERM_TEXT], const struct term *t, const struct sla *sla)
{
	char number[UNITS_TEXT];
	uint64_t value = term_value(t, sla);

	if (value == 0)
		return "none";
	if (t->offset == offsetof(struct sla, basis))
		return "wire";
	snprintf(buf, TERM_TEXT, "%s", t->is_time ? units_time_text(number, value) : units_count_text(number, value));
	return buf;
}

void conf_dump_terms(const char *dir, const struct sla *asked, FILE *out)
{
	char text[TERM_TEXT];

	for (size_t i = 0; i < LENGTH(terms); i++)
		if (term_value(&terms[i], asked) != 0)
			fprintf(out, "%s.%s = %s\n", dir, terms[i].key, term_text(text, &terms[i], asked));
}

const char *conf_terms_changes(const char *dir, const struct sla *from, const struct sla *to, char *buf, size_t size)
{
	char before[TERM_TEXT], after[TERM_TEXT];
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < LENGTH(terms) && used < size; i++)
		if (term_value(&terms[i], from) != term_value(&terms[i], to))
			used += (size_t)snprintf(buf + used, size - used, "%s%s.%s %s -> %s", used > 0 ? ", " : "", dir,
				terms[i].key, term_text(before, &terms[i], from), term_text(after, &terms[i], to));
	return buf;
}

bool conf_same_terms(const struct sla *a, const struct sla *b)
{
	for (size_t i = 0; i < LENGTH(terms); i++)
		if (term_value(&terms[i], a) != term_value(&terms[i], b))
			return false;
	return true;
}

/* ---- Keys of other kinds ---- */

static void put_count(FILE *out, const char *key, uint64_t value)
{
	char text[UNITS_TEXT];

	fprintf(out, "%s = %s\n", key, units_count_text(text, value));
}

static void put_number(FILE *out, const char *key, uint64_t value)
{
	fprintf(out, "%s = %" PRIu64 "\n", key, value);
}

static void put_time(FILE *out, const char *key, uint64_t ns)
{
	char text[UNITS_TEXT];

	fprintf(out, "%s = %s\n", key, units_time_text(text, ns));
}

static void put_lcore(FILE *out, const char *key, int lcore)
{
	if (lcore >= 0)
		fprintf(out, "%s = %d\n", key, lcore);
}

static void dump_switch(const struct conf *conf, FILE *out)
{
	static const char *const placements[] = {"auto", "single", "split"};
	static const char *const capacities[] = {"auto", "configured", "measured"};

	fprintf(out, "[switch]\n");
	if (conf->packet_capacity_pps > 0)
		put_count(out, "packet_capacity", conf->packet_capacity_pps);
	put_number(out, "guarantee_size", conf->guarantee_bytes);
	fprintf(out, "allow_overcommit = %s\n", conf->allow_overcommit ? "yes" : "no");
	fprintf(out, "require_tenant = %s\n", conf->require_tenant ? "yes" : "no");
	fprintf(out, "placement = %s\n", placements[conf->placement]);
	put_number(out, "turn_packets", conf->turn_pkts);
	put_time(out, "turn_time", conf->turn_ns);
	if (conf->n_mbufs > 0)
		put_number(out, "mbufs", conf->n_mbufs);
	put_time(out, "drain_time", conf->drain_ns);
	if (conf->state[0] != '\0')
		fprintf(out, "state = %s\n", conf->state);
	fprintf(out, "\n[allocator]\n");
	put_time(out, "period", conf->period_ns);
	fprintf(out, "capacity = %s\n", capacities[conf->capacity]);
	fprintf(out, "\n[classes]\nhigh = %u\nmedium = %u\nlow = %u\n", conf->class_weight[TC_HIGH],
		conf->class_weight[TC_MEDIUM], conf->class_weight[TC_LOW]);
	if (!conf->remote.is_on)
		return;
	fprintf(out, "\n[remote]\n");
	put_time(out, "period", conf->remote.period_ns);
	if (conf->remote.bottleneck_bps > 0)
		put_count(out, "bottleneck", conf->remote.bottleneck_bps);
	put_number(out, "gain", conf->remote.gain_pct);
}

static void dump_port(const struct conf *conf, uint16_t i, FILE *out)
{
	const struct conf_port *p = &conf->ports[i];

	fprintf(out, "\n[port %s]\nrole = %s\n", p->device, p->role == PORT_PF ? "pf" : "vf");
	if (p->rate_bps > 0)
		put_count(out, "rate", p->rate_bps);
	if (p->basis_set)
		fprintf(out, "link_basis = %s\n", p->basis == BASIS_WIRE ? "wire" : "l2");
	put_number(out, "mtu", p->mtu);
	if (p->n_places > p->n_vfs)
		put_number(out, "spare", p->n_places - p->n_vfs);
	put_number(out, "queues", p->n_queues);
	put_number(out, "rx_descriptors", p->n_rx_desc);
	put_number(out, "tx_descriptors", p->n_tx_desc);
	if (p->role == PORT_PF)
		put_count(out, "broadcast_pps", p->broadcast_pps);
	if (p->trusted)
		fprintf(out, "trusted = yes\n");
	if (p->fix_csum)
		fprintf(out, "csum = fix\n");
	put_lcore(out, "numa", p->numa);
	put_lcore(out, "rx_lcore", conf->rx_lcore[i]);
	put_lcore(out, "tx_lcore", conf->tx_lcore[i]);
}

/* Only what is other than in the standard map. */
static void dump_map(const struct dscp_map *map, FILE *out)
{
	struct dscp_map standard;
	char text[16];

	dscp_map_default(&standard);
	if (*map->name == '\0')
		return;
	fprintf(out, "\n[dscp %s]\ndefault = standard\n", map->name);
	for (int dscp = 0; dscp < CONF_N_DSCP; dscp++)
		if (map->tclass[dscp] != standard.tclass[dscp] || map->drop_prec[dscp] != standard.drop_prec[dscp])
			fprintf(out, "%s = %s\n", dscp_name(dscp), conf_class_text(map, dscp, text));
}

static void dump_tenant(const struct conf *conf, const struct conf_tenant *t, FILE *out)
{
	const struct conf_tenant *parent = conf_tenant_of(conf, t->parent);

	fprintf(out, "\n[tenant %s]\n", t->name);
	if (parent != NULL)
		fprintf(out, "parent = %s\n", parent->name);
	conf_dump_terms("tx", &t->tx, out);
}

static void dump_trunk(const uint64_t *trunk, FILE *out)
{
	const char *before = "trunk = ";

	for (unsigned int first = 1, last; first < 4095; first = last + 1) {
		last = first;
		if ((trunk[first / 64] >> (first % 64) & 1) == 0)
			continue;
		while (last + 1 < 4095 && (trunk[(last + 1) / 64] >> ((last + 1) % 64) & 1) != 0)
			last++;
		fprintf(out, last > first ? "%s%u-%u" : "%s%u", before, first, last);
		before = ",";
	}
	fprintf(out, "\n");
}

static void dump_address(const struct conf_vf *vf, FILE *out)
{
	for (uint8_t i = 0; i < vf->n_macs; i++)
		fprintf(out, "%s%02x:%02x:%02x:%02x:%02x:%02x%s", i == 0 ? "mac = " : ",", vf->mac[i][0], vf->mac[i][1],
			vf->mac[i][2], vf->mac[i][3], vf->mac[i][4], vf->mac[i][5], i + 1 == vf->n_macs ? "\n" : "");
	if (vf->vlan_mode == VLAN_TRUNK)
		dump_trunk(vf->trunk, out);
	if (vf->vlan_mode != VLAN_NONE && vf->vid != 0)
		fprintf(out, "%s = %u\n", vf->vlan_mode == VLAN_TRUNK ? "native" : "vlan", vf->vid);
	if (vf->n_macs > 0 && !vf->antispoof)
		fprintf(out, "antispoof = no\n");
}

static void dump_vf(const struct conf *conf, const struct conf_vf *vf, FILE *out)
{
	const struct conf_tenant *tenant = conf_tenant_of(conf, vf->tenant);

	fprintf(out, "\n[vf %s]\nport = %s\n", vf->name, conf->ports[vf->port].device);
	dump_address(vf, out);
	put_count(out, "broadcast_pps", vf->broadcast_pps);
	fprintf(out, "queue = %u\n", vf->queue_pkts);
	if (!vf->is_receive_auto)
		fprintf(out, "receive_queue = %u\n", vf->receive_queue_pkts);
	fprintf(out, "dscp_map = %s\n", conf->maps[vf->dscp_map].name);
	if (tenant != NULL)
		fprintf(out, "tenant = %s\n", tenant->name);
	if (vf->when_full == WHEN_FULL_DROP)
		fprintf(out, "when_full = drop\n");
	if (!vf->ecn)
		fprintf(out, "ecn = no\n");
	if (vf->mark_above_ns != 0)
		put_time(out, "mark_above", vf->mark_above_ns);
	conf_dump_remote(vf, &(struct conf_vf){.is_remote = true}, out);
	conf_dump_terms("tx", &vf->tx, out);
	conf_dump_terms("rx", &vf->rx, out);
}

void conf_dump(const struct conf *conf, FILE *out)
{
	struct dscp_map standard;

	dump_switch(conf, out);
	for (uint16_t i = 0; i < conf->n_ports; i++)
		dump_port(conf, i, out);
	dscp_map_default(&standard);
	for (uint16_t i = 0; i < conf->n_maps; i++)
		if (i > 0 || !conf_same_map(&conf->maps[0], &standard))
			dump_map(&conf->maps[i], out);
	for (uint32_t i = 0; i < conf->n_tenants; i++)
		dump_tenant(conf, &conf->tenants[i], out);
	for (uint32_t i = 0; i < conf->n_vfs; i++)
		if (conf_is_there(&conf->vfs[i]))
			dump_vf(conf, &conf->vfs[i], out);
	conf_dump_marks(conf, out);
}

/* Those that 'base' has and nobody knows any more come first: the others may want their places. */
static void dump_changed_maps(const struct conf *conf, const struct conf *base, FILE *out)
{
	for (uint16_t i = 1; i < base->n_maps; i++)
		if (*base->maps[i].name != '\0' && conf_find_map(conf, base->maps[i].name) == UINT16_MAX)
			fprintf(out, "\n[dscp %s]\ndeleted = yes\n", base->maps[i].name);
	for (uint16_t i = 0; i < conf->n_maps; i++) {
		uint16_t j = *conf->maps[i].name != '\0' ? conf_find_map(base, conf->maps[i].name) : UINT16_MAX;
		if (j == UINT16_MAX || !conf_same_map(&conf->maps[i], &base->maps[j]))
			dump_map(&conf->maps[i], out);
	}
}

/* VFs of 'base' that are none any more. */
static void dump_deleted(const struct conf *base, const struct conf_names *now, FILE *out)
{
	for (uint32_t i = 0; i < base->n_vfs; i++)
		if (conf_is_there(&base->vfs[i]) && conf_names_find(now, base->vfs[i].name) == UINT32_MAX)
			fprintf(out, "\n[vf %s]\ndeleted = yes\n", base->vfs[i].name);
}

/* As a whole where the config has none of this name or another; else its terms, where they are others. */
static void dump_changed_vf(const struct conf *conf, const struct conf_vf *vf, const struct conf *base,
	const struct conf_vf *before, FILE *out)
{
	const char *map = conf->maps[vf->dscp_map].name, *keys[CONF_MOST_DIFFERENCES];

	if (before == NULL || conf_vf_differs(conf, vf, base, before, keys) > 0 || !conf_same_address(vf, before)) {
		dump_vf(conf, vf, out);
		return;
	}
	bool is_other_map = strcmp(map, base->maps[before->dscp_map].name) != 0;
	if (conf_same_terms(&vf->tx, &before->tx) && conf_same_terms(&vf->rx, &before->rx) && conf_same_remote(vf, before) &&
		!is_other_map)
		return;
	fprintf(out, "\n[vf %s]\n", vf->name);
	if (is_other_map)
		fprintf(out, "dscp_map = %s\n", map);
	conf_dump_remote(vf, before, out);
	conf_dump_terms("tx", &vf->tx, out);
	conf_dump_terms("rx", &vf->rx, out);
}

static void dump_changed_vfs(const struct conf *conf, const struct conf *base, FILE *out)
{
	struct conf_names now = {0}, then = {0};

	if (conf_names_init(&now, conf->vfs, conf->n_vfs, sizeof(struct conf_vf)) &&
		conf_names_init(&then, base->vfs, base->n_vfs, sizeof(struct conf_vf))) {
		dump_deleted(base, &now, out);
		for (uint32_t i = 0; i < conf->n_vfs; i++) {
			uint32_t j = conf_names_find(&then, conf->vfs[i].name);
			if (conf_is_there(&conf->vfs[i]))
				dump_changed_vf(conf, &conf->vfs[i], base, j != UINT32_MAX ? &base->vfs[j] : NULL, out);
		}
	}
	conf_names_fini(&now);
	conf_names_fini(&then);
}

void conf_dump_state(const struct conf *conf, const struct conf *base, FILE *out)
{
	fprintf(out, "# What was sold at run time, other than in the config.  Written by weir, read at its start.\n");
	dump_changed_maps(conf, base, out);
	for (uint32_t i = 0; i < conf->n_tenants; i++) {
		if (conf_same_terms(&conf->tenants[i].tx, &base->tenants[i].tx))
			continue;
		fprintf(out, "\n[tenant %s]\n", conf->tenants[i].name);
		conf_dump_terms("tx", &conf->tenants[i].tx, out);
	}
	dump_changed_vfs(conf, base, out);
	conf_dump_state_marks(conf, base, out);
}
