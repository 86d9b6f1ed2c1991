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

static void compare_port(struct conf_reading *r, uint16_t i)
{
	const struct ini_section *s = r->port_section[i];
	const struct conf_port *a = &r->conf->ports[i], *b;
	uint16_t j = conf_find_port(r->running, a->device);

	if (j == CONF_MAX_PORTS) {
		conf_say(r, a->line, "[port %s] is new, and ports cannot come while weir runs: wanted a restart",
			a->device);
		return;
	}
	b = &r->running->ports[j];
	if (a->n_vfs > b->n_places)
		conf_say(r, a->line, "[port %s] has %u VFs in this file, and %u places since weir was started: wanted at most so "
			"many, or a restart", a->device, a->n_vfs, b->n_places);
	else if (a->spare > b->spare && a->n_vfs + a->spare > b->n_places)
		same(r, s, "spare", false);
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
		if (conf_find_port(r->conf, r->running->ports[i].device) == CONF_MAX_PORTS)
			conf_say(r, 0, "[port %s] is gone, and ports cannot go while weir runs: wanted it, or a restart",
				r->running->ports[i].device);
}

/* ---- VFs and tenants ---- */

static const char *tenant_name(const struct conf *conf, uint32_t tenant)
{
	const struct conf_tenant *t = conf_tenant_of(conf, tenant);

	return t != NULL ? t->name : "";
}

/* Those that are in both: others come and go. */
static void compare_vfs(struct conf_reading *r, const struct conf_names *running)
{
	const char *keys[CONF_MOST_DIFFERENCES];

	for (uint32_t i = 0; i < r->conf->n_vfs; i++) {
		const struct conf_vf *vf = &r->conf->vfs[i];
		uint32_t j = conf_names_find(running, vf->name);

		if (j == UINT32_MAX || vf->port >= r->conf->n_ports)
			continue;
		uint32_t n = conf_vf_differs(r->conf, vf, r->running, &r->running->vfs[j], keys);
		for (uint32_t k = 0; k < n; k++)
			same(r, r->vf_section[i], keys[k], false);
	}
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
