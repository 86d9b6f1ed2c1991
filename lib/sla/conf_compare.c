/* SPDX-License-Identifier: BSD-3-Clause */
/* A config that is to take the place of the running one: what may not differ, key by key, with the line. */
#include <sys/stat.h>
#include <string.h>

#include "conf_change.h"
#include "conf_fields.h"

static void same(struct conf_reading *r, const struct ini_section *s, const char *key, bool is_same)
{
	if (is_same)
		return;
	conf_say(r, conf_line(s, key), "%s in [%s%s%s] is not what runs and cannot change while weir runs: wanted it as it "
		"was, or a restart", key, s->kind, *s->name != '\0' ? " " : "", s->name);
}

/* The section of a kind that has no name; an empty one where there is none. */
static const struct ini_section *section_of(const struct conf_reading *r, const char *kind)
{
	static const struct ini_section none_switch = {.kind = "switch", .name = ""},
					none_classes = {.kind = "classes", .name = ""},
					none_allocator = {.kind = "allocator", .name = ""},
					none_remote = {.kind = "remote", .name = ""};

	for (size_t i = 0; i < r->ini->n_sections; i++)
		if (strcmp(r->ini->sections[i].kind, kind) == 0)
			return &r->ini->sections[i];
	if (strcmp(kind, "allocator") == 0)
		return &none_allocator;
	if (strcmp(kind, "remote") == 0)
		return &none_remote;
	return strcmp(kind, "switch") == 0 ? &none_switch : &none_classes;
}

#define SAME(member) (a->member == b->member)

static void compare_switch(struct conf_reading *r)
{
	const struct ini_section *s = section_of(r, "switch"), *c = section_of(r, "classes"),
				 *l = section_of(r, "allocator");
	const struct conf *a = r->conf, *b = r->running;

	same(r, s, "packet_capacity", SAME(packet_capacity_pps));
	same(r, s, "guarantee_size", SAME(guarantee_bytes));
	same(r, s, "allow_overcommit", SAME(allow_overcommit));
	same(r, s, "require_tenant", SAME(require_tenant));
	same(r, s, "placement", SAME(placement));
	same(r, s, "turn_packets", SAME(turn_pkts));
	same(r, s, "turn_time", SAME(turn_ns));
	same(r, s, "mbufs", SAME(n_mbufs));
	same(r, s, "drain_time", SAME(drain_ns));
	same(r, s, "state", strcmp(a->state, b->state) == 0);
	same(r, l, "period", SAME(period_ns));
	same(r, l, "capacity", SAME(capacity));
	same(r, c, "high", SAME(class_weight[TC_HIGH]));
	same(r, c, "medium", SAME(class_weight[TC_MEDIUM]));
	same(r, c, "low", SAME(class_weight[TC_LOW]));
	const struct ini_section *remote = section_of(r, "remote");
	if (a->remote.is_on != b->remote.is_on)
		conf_say(r, remote->line, "[remote] is %s and cannot change while weir runs: wanted it as it was, or a restart",
			a->remote.is_on ? "new" : "gone");
	same(r, remote, "period", SAME(remote.period_ns));
	same(r, remote, "bottleneck", SAME(remote.bottleneck_bps));
	same(r, remote, "gain", SAME(remote.gain_pct));
}

/* ---- Ports ---- */

static uint16_t port_index(const struct conf *conf, const char *device)
{
	uint16_t i = 0;

	while (i < conf->n_ports && strcmp(conf->ports[i].device, device) != 0)
		i++;
	return i;
}

static void compare_port(struct conf_reading *r, uint16_t i)
{
	const struct ini_section *s = r->port_section[i];
	const struct conf_port *a = &r->conf->ports[i], *b;
	uint16_t j = port_index(r->running, a->device);

	if (j == r->running->n_ports) {
		conf_say(r, a->line, "[port %s] is new, and ports cannot come while weir runs: wanted a restart",
			a->device);
		return;
	}
	b = &r->running->ports[j];
	same(r, s, "role", SAME(role));
	same(r, s, "rate", SAME(rate_bps));
	same(r, s, "link_basis", SAME(basis_set) && SAME(basis));
	same(r, s, "mtu", SAME(mtu));
	same(r, s, "queues", SAME(n_queues));
	same(r, s, "rx_descriptors", SAME(n_rx_desc));
	same(r, s, "tx_descriptors", SAME(n_tx_desc));
	same(r, s, "broadcast_pps", SAME(broadcast_pps));
	same(r, s, "trusted", SAME(trusted));
	same(r, s, "csum", SAME(fix_csum));
	same(r, s, "numa", SAME(numa));
	same(r, s, "rx_lcore", r->conf->rx_lcore[i] == r->running->rx_lcore[j]);
	same(r, s, "tx_lcore", r->conf->tx_lcore[i] == r->running->tx_lcore[j]);
}

static void compare_ports(struct conf_reading *r)
{
	for (uint16_t i = 0; i < r->conf->n_ports; i++)
		compare_port(r, i);
	for (uint16_t i = 0; i < r->running->n_ports; i++)
		if (port_index(r->conf, r->running->ports[i].device) == r->conf->n_ports)
			conf_say(r, 0, "[port %s] is gone, and ports cannot go while weir runs: wanted it, or a restart",
				r->running->ports[i].device);
}

/* ---- VFs and tenants ---- */

static const char *port_name(const struct conf *conf, uint16_t port)
{
	return port < conf->n_ports ? conf->ports[port].device : "";
}

static const char *tenant_name(const struct conf *conf, uint32_t tenant)
{
	const struct conf_tenant *t = conf_tenant_of(conf, tenant);

	return t != NULL ? t->name : "";
}

static bool same_trunk(const struct conf_vf *a, const struct conf_vf *b)
{
	if (a->trunk == NULL || b->trunk == NULL)
		return a->trunk == b->trunk;
	return memcmp(a->trunk, b->trunk, 64 * sizeof(*a->trunk)) == 0;
}

static void compare_vf(struct conf_reading *r, uint32_t i, const struct conf_vf *b)
{
	const struct ini_section *s = r->vf_section[i];
	const struct conf_vf *a = &r->conf->vfs[i];
	bool is_tagged = a->vlan_mode == VLAN_TRUNK;

	same(r, s, "port", strcmp(port_name(r->conf, a->port), port_name(r->running, b->port)) == 0);
	same(r, s, "mac", SAME(n_macs) && memcmp(a->mac, b->mac, a->n_macs * sizeof(a->mac[0])) == 0);
	same(r, s, is_tagged ? "trunk" : "vlan", SAME(vlan_mode) && same_trunk(a, b));
	same(r, s, is_tagged ? "native" : "vlan", a->vlan_mode != b->vlan_mode || SAME(vid));
	same(r, s, "antispoof", SAME(antispoof));
	same(r, s, "broadcast_pps", SAME(broadcast_pps));
	same(r, s, "queue", SAME(queue_pkts));
	same(r, s, "receive_queue", SAME(is_receive_auto) && (a->is_receive_auto || SAME(receive_queue_pkts)));
	same(r, s, "tenant", strcmp(tenant_name(r->conf, a->tenant), tenant_name(r->running, b->tenant)) == 0);
	same(r, s, "when_full", SAME(when_full));
	same(r, s, "ecn", SAME(ecn));
	same(r, s, "mark_above", SAME(mark_above_ns));
	same(r, s, "remote", SAME(is_remote));
	same(r, s, "echo", SAME(echo));
}

static void compare_vfs(struct conf_reading *r, const struct conf_names *running)
{
	struct conf_names own;

	for (uint32_t i = 0; i < r->conf->n_vfs; i++) {
		uint32_t j = conf_names_find(running, r->conf->vfs[i].name);

		if (j != UINT32_MAX)
			compare_vf(r, i, &r->running->vfs[j]);
		else
			conf_say(r, r->conf->vfs[i].line,
				"[vf %s] is new, and VFs cannot come while weir runs: wanted a restart", r->conf->vfs[i].name);
	}
	if (!conf_names_init(&own, r->conf->vfs, r->conf->n_vfs, sizeof(struct conf_vf))) {
		conf_say(r, 0, "out of memory");
		return;
	}
	for (uint32_t j = 0; j < r->running->n_vfs; j++)
		if (conf_names_find(&own, r->running->vfs[j].name) == UINT32_MAX)
			conf_say(r, 0, "[vf %s] is gone, and VFs cannot go while weir runs: wanted it, or a restart",
				r->running->vfs[j].name);
	conf_names_fini(&own);
}

static void compare_tenants(struct conf_reading *r, const struct conf_names *running)
{
	for (uint32_t i = 0; i < r->conf->n_tenants; i++) {
		const struct conf_tenant *a = &r->conf->tenants[i];
		uint32_t j = conf_names_find(running, a->name);

		if (j == UINT32_MAX)
			conf_say(r, a->line, "[tenant %s] is new, and tenants cannot come while weir runs: wanted a restart",
				a->name);
		else
			same(r, r->tenant_section[i], "parent",
				strcmp(tenant_name(r->conf, a->parent),
					tenant_name(r->running, r->running->tenants[j].parent)) == 0);
	}
	for (uint32_t j = 0; j < r->running->n_tenants; j++)
		if (conf_find_tenant(r->conf, r->running->tenants[j].name) == UINT32_MAX)
			conf_say(r, 0, "[tenant %s] is gone, and tenants cannot go while weir runs: wanted it, or a restart",
				r->running->tenants[j].name);
}

void conf_compare(struct conf_reading *r)
{
	struct conf_names vfs = {0}, tenants = {0};

	if (!conf_names_init(&vfs, r->running->vfs, r->running->n_vfs, sizeof(struct conf_vf)) ||
		!conf_names_init(&tenants, r->running->tenants, r->running->n_tenants, sizeof(struct conf_tenant))) {
		conf_say(r, 0, "out of memory");
	} else {
		compare_switch(r);
		compare_ports(r);
		compare_tenants(r, &tenants);
		compare_vfs(r, &vfs);
	}
	conf_names_fini(&vfs);
	conf_names_fini(&tenants);
}

struct conf *conf_reload(const struct conf *running, const char *file, struct why *why)
{
	struct stat st;

	/* Who asks waits: a pipe or a device might never end. */
	if (stat(file, &st) == 0 && !S_ISREG(st.st_mode)) {
		why_add_at(why, file, 0, "not a regular file: wanted a configuration");
		return NULL;
	}
	return conf_load_over(running, file, why);
}
