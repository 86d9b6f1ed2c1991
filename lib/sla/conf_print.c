/* SPDX-License-Identifier: BSD-3-Clause */
/* The effective configuration, for people. */
#include <string.h>

#include "conf_mark.h"
#include "table.h"
#include "units.h"

/* 0 = not set. */
static const char *rate_text(char buf[UNITS_TEXT], uint64_t value)
{
	return value == 0 ? "-" : units_count_text(buf, value);
}

static const char *lcore_text(char buf[UNITS_TEXT], int lcore)
{
	if (lcore < 0)
		return "auto";
	snprintf(buf, UNITS_TEXT, "%d", lcore);
	return buf;
}

static const char *auto_text(char buf[UNITS_TEXT], uint32_t value)
{
	if (value == 0)
		return "auto";
	snprintf(buf, UNITS_TEXT, "%u", value);
	return buf;
}

static void print_switch(const struct conf *conf, FILE *out)
{
	static const char *const placements[] = {"auto", "single", "split"};
	char a[UNITS_TEXT], b[UNITS_TEXT];

	fprintf(out, "switch\n");
	fprintf(out, "  packet capacity  %s\n",
		conf->packet_capacity_pps == 0 ? "not set" : units_count_text(a, conf->packet_capacity_pps));
	fprintf(out, "  guarantee size   %u bytes\n", conf->guarantee_bytes);
	fprintf(out, "  over-commitment  %s\n", conf->allow_overcommit ? "allowed" : "refused");
	fprintf(out, "  a VF's tenant    %s\n", conf->require_tenant ? "required" : "not required");
	fprintf(out, "  placement        %s\n", placements[conf->placement]);
	fprintf(out, "  turn             %u packets or %s\n", conf->turn_pkts,
		units_time_text(a, conf->turn_ns));
	fprintf(out, "  mbufs            %s\n", auto_text(a, conf->n_mbufs));
	fprintf(out, "  drain time       %s\n", units_time_text(b, conf->drain_ns));
	fprintf(out, "  classes          urgent strictly first, then high : medium : low = %u : %u : %u\n",
		conf->class_weight[TC_HIGH], conf->class_weight[TC_MEDIUM], conf->class_weight[TC_LOW]);
	if (!conf->remote.is_on)
		return;
	fprintf(out, "  beyond uplink    answers congestion every %s, alpha's gain %u %%, bottleneck %s\n",
		units_time_text(a, conf->remote.period_ns), conf->remote.gain_pct,
		conf->remote.bottleneck_bps == 0 ? "found out" : units_count_text(b, conf->remote.bottleneck_bps));
}

static void print_spares(const struct conf *conf, FILE *out)
{
	const char *before = "  spare places, for VFs that come at run time: ";

	for (uint16_t i = 0; i < conf->n_ports; i++) {
		const struct conf_port *p = &conf->ports[i];
		if (p->n_places <= p->n_vfs)
			continue;
		fprintf(out, "%s%s %u", before, p->device, p->n_places - p->n_vfs);
		before = ", ";
	}
	if (before[0] == ',')
		fprintf(out, "\n");
}

static void print_ports(const struct conf *conf, FILE *out)
{
	struct table *t = table_create(
		"port|role|>VFs|>rate|basis|>mtu|>queues|>rx desc|>tx desc|>bcast/s|trusted|csum|>numa|"
		">rx lcore|>tx lcore");
	char rate[UNITS_TEXT], rx[UNITS_TEXT], tx[UNITS_TEXT], numa[UNITS_TEXT], bcast[UNITS_TEXT],
		rxd[UNITS_TEXT], txd[UNITS_TEXT];

	for (uint16_t i = 0; i < conf->n_ports; i++) {
		const struct conf_port *p = &conf->ports[i];
		bool is_pf = p->role == PORT_PF;

		table_row(t, "%s|%s|%u|%s|%s|%u|%u|%s|%s|%s|%s|%s|%s|%s|%s", p->device, is_pf ? "pf" : "vf",
			p->n_vfs, p->rate_bps > 0 ? units_count_text(rate, p->rate_bps) : "device",
			!p->basis_set            ? "device"
			: p->basis == BASIS_WIRE ? "wire"
						 : "l2",
			p->mtu, p->n_queues, auto_text(rxd, p->n_rx_desc), auto_text(txd, p->n_tx_desc),
			is_pf ? units_count_text(bcast, p->broadcast_pps) : "-", p->trusted ? "yes" : "no",
			p->fix_csum ? "fix" : "keep",
			lcore_text(numa, p->numa), lcore_text(rx, conf->rx_lcore[i]),
			lcore_text(tx, conf->tx_lcore[i]));
	}
	fprintf(out, "ports\n");
	table_print(t, out, "  ");
	table_destroy(t);
	print_spares(conf, out);
}

/* "10,20-30 native 5" */
static const char *vlan_text(const struct conf_vf *vf, char *buf, size_t size)
{
	size_t used = 0;

	if (vf->vlan_mode == VLAN_NONE)
		return "-";
	if (vf->vlan_mode == VLAN_ACCESS) {
		snprintf(buf, size, "%u", vf->vid);
		return buf;
	}
	buf[0] = '\0';
	for (unsigned int first = 0, last; first < 4096 && used < size; first = last + 1) {
		last = first;
		if ((vf->trunk[first / 64] >> (first % 64) & 1) == 0)
			continue;
		while (last + 1 < 4096 && (vf->trunk[(last + 1) / 64] >> ((last + 1) % 64) & 1) != 0)
			last++;
		used += (size_t)snprintf(buf + used, size - used, last > first ? "%s%u-%u" : "%s%u",
			used > 0 ? "," : "", first, last);
	}
	if (vf->vid != 0 && used < size)
		snprintf(buf + used, size - used, " native %u", vf->vid);
	return buf;
}

static const char *macs_text(const struct conf_vf *vf, char *buf, size_t size)
{
	size_t used = 0;

	snprintf(buf, size, "-");
	for (uint8_t i = 0; i < vf->n_macs && used < size; i++) {
		const uint8_t *m = vf->mac[i];

		used += (size_t)snprintf(buf + used, size - used, "%s%02x:%02x:%02x:%02x:%02x:%02x",
			i > 0 ? "," : "", m[0], m[1], m[2], m[3], m[4], m[5]);
	}
	return buf;
}

static const char *tenant_text(const struct conf *conf, uint32_t tenant)
{
	const struct conf_tenant *t = conf_tenant_of(conf, tenant);

	return t != NULL ? t->name : "-";
}

static void print_vfs(const struct conf *conf, FILE *out)
{
	struct table *t = table_create("vf|tenant|port|mac|vlan|dscp map|antispoof|>bcast/s|>queue|>receive queue");
	char vlan[256], macs[192], bcast[UNITS_TEXT];

	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		const struct conf_vf *vf = &conf->vfs[i];

		if (!conf_is_there(vf))
			continue;
		table_row(t, "%s|%s|%s|%s|%s|%s|%s|%s|%u|%u", vf->name, tenant_text(conf, vf->tenant),
			conf->ports[vf->port].device,
			macs_text(vf, macs, sizeof(macs)), vlan_text(vf, vlan, sizeof(vlan)),
			conf->maps[vf->dscp_map].name, vf->antispoof ? "yes" : "no",
			units_count_text(bcast, vf->broadcast_pps), vf->queue_pkts, vf->receive_queue_pkts);
	}
	fprintf(out, "VFs\n");
	table_print(t, out, "  ");
	table_destroy(t);
}

/* How senders learn that they send too much. */
static void print_signals(const struct conf *conf, FILE *out)
{
	struct table *t = table_create("vf|when full|ecn|>tx marked above|>rx marked above");
	char tx[UNITS_TEXT], rx[UNITS_TEXT];

	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		const struct conf_vf *vf = &conf->vfs[i];

		if (!conf_is_there(vf))
			continue;
		table_row(t, "%s|%s|%s|%s|%s", vf->name, vf->when_full == WHEN_FULL_DROP ? "drop" : "hold",
			vf->ecn ? "yes" : "no", vf->ecn ? units_time_text(tx, vf->tx_mark_ns) : "-",
			vf->ecn ? units_time_text(rx, vf->rx_mark_ns) : "-");
	}
	fprintf(out, "congestion (marked: CE, of packets that can be, when those before wait longer)\n");
	table_print(t, out, "  ");
	table_destroy(t);
}

static void print_tenants(const struct conf *conf, FILE *out)
{
	struct table *t = table_create("tenant|parent|>tenants|>VFs|>VFs in all|>members b/s|>members p/s|>owed b/s|"
				       ">owed p/s");
	char text[4][UNITS_TEXT];

	for (uint32_t i = 0; i < conf->n_tenants; i++) {
		const struct conf_tenant *tenant = &conf->tenants[i];

		table_row(t, "%s|%s|%u|%u|%u|%s|%s|%s|%s", tenant->name, tenant_text(conf, tenant->parent),
			tenant->n_tenants, tenant->n_vfs, tenant->n_all_vfs,
			rate_text(text[0], tenant->members_bps), rate_text(text[1], tenant->members_pps),
			rate_text(text[2], tenant->owed_bps), rate_text(text[3], tenant->owed_pps));
	}
	fprintf(out, "tenants (owed: the larger of its minimum and of what its members were promised)\n");
	table_print(t, out, "  ");
	table_destroy(t);
}

/* "auto 1ms": where it begins. */
static const char *burst_text(char buf[UNITS_TEXT + 8], const struct sla *sla)
{
	char time[UNITS_TEXT];

	if (sla->burst_ns == 0)
		return "-";
	snprintf(buf, UNITS_TEXT + 8, "%s%s", sla->burst_auto ? "auto " : "",
		units_time_text(time, sla->burst_ns));
	return buf;
}

/* A default that was not asked for, and what is as the default, is told in the effective row alone. */
static void sla_row(
	struct table *t, const char *name, const char *dir, const char *what, const struct sla *sla, bool is_asked)
{
	char text[6][UNITS_TEXT], burst[UNITS_TEXT + 8];
	char weight[UNITS_TEXT] = "-", priority[UNITS_TEXT] = "-";

	if (sla->weight > 0)
		snprintf(weight, sizeof(weight), "%u", sla->weight);
	if (sla->priority > 0 || !is_asked)
		snprintf(priority, sizeof(priority), "%u", sla->priority);
	table_row(t, "%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s", name, dir, what, rate_text(text[0], sla->min_bps),
		rate_text(text[1], sla->min_pps), rate_text(text[2], sla->max_bps),
		rate_text(text[3], sla->max_pps), rate_text(text[4], sla->urgent_bps),
		rate_text(text[5], sla->urgent_pps), burst_text(burst, sla), weight, priority,
		sla->basis == BASIS_WIRE ? "wire" : is_asked ? "-" : "l2");
}

/* Where nothing was asked, what holds is enough. */
static void sla_rows(
	struct table *t, const char *name, const char *dir, const struct sla *asked, const struct sla *eff)
{
	static const struct sla nothing;
	bool is_asked = memcmp(asked, &nothing, sizeof(nothing)) != 0;

	if (is_asked)
		sla_row(t, name, dir, "asked", asked, true);
	sla_row(t, is_asked ? "" : name, is_asked ? "" : dir, "effective", eff, false);
}

#define SLA_HEADS \
	"|||>min b/s|>min p/s|>max b/s|>max p/s|>urgent b/s|>urgent p/s|>burst|>weight|>priority|basis"

static void print_slas(const struct conf *conf, FILE *out)
{
	struct table *vfs = table_create("vf" SLA_HEADS), *tenants = table_create("tenant" SLA_HEADS);

	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		const struct conf_vf *vf = &conf->vfs[i];

		if (!conf_is_there(vf))
			continue;
		sla_rows(vfs, vf->name, "tx", &vf->tx, &vf->tx_eff);
		sla_rows(vfs, "", "rx", &vf->rx, &vf->rx_eff);
	}
	for (uint32_t i = 0; i < conf->n_tenants; i++)
		sla_rows(tenants, conf->tenants[i].name, "tx", &conf->tenants[i].tx, &conf->tenants[i].tx_eff);
	fprintf(out, "SLAs (tx leaves the VM; - = not set: no guarantee, no limit)\n");
	if (conf->n_tenants > 0)
		table_print(tenants, out, "  ");
	table_print(vfs, out, "  ");
	table_destroy(tenants);
	table_destroy(vfs);
}

static void print_credits(const struct conf *conf, FILE *out)
{
	struct table *t = table_create("vf|>max b/s|>peak b/s|>bank|>bits");
	char text[3][UNITS_TEXT], bank[UNITS_TEXT];
	uint32_t n = 0;

	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		const struct sla *s = &conf->vfs[i].tx_eff;

		if (s->peak_bps == 0)
			continue;
		n++;
		table_row(t, "%s|%s|%s|%s|%s", conf->vfs[i].name, rate_text(text[0], s->max_bps), rate_text(text[1], s->peak_bps),
			units_time_text(bank, s->credit_ns),
			units_approx_text(text[2], (double)s->max_bps * (double)s->credit_ns / 1e9));
	}
	if (n > 0) {
		fprintf(out, "credits (what max leaves unused is banked, and lets the VF have its peak while there is some)\n");
		table_print(t, out, "  ");
	}
	table_destroy(t);
}

/* Code points of one class that have no precedence to tell. */
static int n_plain(const struct dscp_map *map, int tclass)
{
	int n = 0;

	for (int dscp = 0; dscp < CONF_N_DSCP; dscp++)
		n += map->tclass[dscp] == tclass && map->drop_prec[dscp] == DP_LOW;
	return n;
}

/* One line a class: the code points in it.  The class of most of them takes "the others". */
static void print_map(const struct dscp_map *map, FILE *out)
{
	static const char *const precs[N_DROP_PRECS] = {"", "/medium", "/high"};
	int most = 0;

	for (int c = 1; c < N_TCLASSES; c++)
		if (n_plain(map, c) > n_plain(map, most))
			most = c;
	fprintf(out, "DSCP map %s (/ = drop precedence, where not low)\n", map->name);
	for (int c = 0; c < N_TCLASSES; c++) {
		fprintf(out, "  %s", tclass_name(c));
		for (int dscp = 0; dscp < CONF_N_DSCP; dscp++)
			if (map->tclass[dscp] == c && (c != most || map->drop_prec[dscp] != DP_LOW))
				fprintf(out, " %s%s", dscp_name(dscp), precs[map->drop_prec[dscp]]);
		fprintf(out, "%s\n", c == most ? " and all others" : "");
	}
}

void conf_print(const struct conf *conf, FILE *out)
{
	fprintf(out, "%s\n", conf->file);
	print_switch(conf, out);
	print_ports(conf, out);
	if (conf->n_tenants > 0)
		print_tenants(conf, out);
	if (conf->n_named > 0) {
		print_vfs(conf, out);
		print_signals(conf, out);
		print_slas(conf, out);
		print_credits(conf, out);
	}
	for (uint16_t i = 0; i < conf->n_maps; i++)
		print_map(&conf->maps[i], out);
	if (conf->marks != NULL)
		conf_print_marks(conf, out);
}
