/* SPDX-License-Identifier: BSD-3-Clause */
/* Text -> struct conf: which sections and keys there are.  Values against each other: conf_check.c. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "clk.h"
#include "conf_change.h"
#include "conf_fields.h"
#include "conf_mark.h"

/* ---- [switch], [classes] ---- */

static const struct conf_field switch_fields[] = {
	{"packet_capacity", conf_read_count, AT(struct conf, packet_capacity_pps), 1, CONF_MAX_PPS,
		"packets per second such as 190k (not known: leave it out)"},
	{"guarantee_size", conf_read_count, AT(struct conf, guarantee_bytes), 60, 9216, "bytes of a packet"},
	{"allow_overcommit", conf_read_choice, AT(struct conf, allow_overcommit), 0, 0, "no|yes"},
	{"require_tenant", conf_read_choice, AT(struct conf, require_tenant), 0, 0, "no|yes"},
	{"placement", conf_read_choice, AT(struct conf, placement), 0, 0, "auto|single|split"},
	{"turn_packets", conf_read_count, AT(struct conf, turn_pkts), 8, 4096, "packets"},
	{"turn_time", conf_read_time, AT(struct conf, turn_ns), NS_PER_US, 10 * NS_PER_MS,
		"a time such as 50us"},
	{"mbufs", conf_read_auto_0, AT(struct conf, n_mbufs), 256, 64 << 20, "auto or a number of buffers"},
	{"drain_time", conf_read_time, AT(struct conf, drain_ns), 0, 60 * NS_PER_S, "a time such as 1s"},
	{"state", conf_read_path, AT(struct conf, state), 0, 0, "an absolute path such as /var/lib/weir/state.conf"},
};

static const struct conf_field allocator_fields[] = {
	{"period", conf_read_time, AT(struct conf, period_ns), 100 * NS_PER_US, NS_PER_S, "a time such as 1ms"},
	{"capacity", conf_read_choice, AT(struct conf, capacity), 0, 0, "auto|configured|measured"},
};

static const struct conf_field class_fields[] = {
	{"high", conf_read_count, AT(struct conf, class_weight[TC_HIGH]), 1, 1000, "a weight"},
	{"medium", conf_read_count, AT(struct conf, class_weight[TC_MEDIUM]), 1, 1000, "a weight"},
	{"low", conf_read_count, AT(struct conf, class_weight[TC_LOW]), 1, 1000, "a weight"},
};

static const struct conf_field remote_fields[] = {
	{"period", conf_read_time, AT(struct conf_remote, period_ns), 10 * NS_PER_US, NS_PER_S, "a time such as 1ms"},
	{"bottleneck", conf_read_auto_0, AT(struct conf_remote, bottleneck_bps), 1000000, CONF_MAX_BPS,
		"auto or bits per second such as 100G"},
	{"gain", conf_read_count, AT(struct conf_remote, gain_pct), 1, 100, "percent"},
};

/* ---- [port DEVICE] ---- */

/* What a [port] section says: conf keeps the lcores apart. */
struct port_text {
	struct conf_port port;
	int rx_lcore, tx_lcore;
};

static const struct conf_field port_fields[] = {
	{"role", conf_read_choice, AT(struct port_text, port.role), 0, 0, "pf|vf"},
	{"rate", conf_read_count, AT(struct port_text, port.rate_bps), 1000, CONF_MAX_BPS,
		"bits per second such as 1G (what the device reports: leave it out)"},
	{"link_basis", conf_read_choice, AT(struct port_text, port.basis), 0, 0, "l2|wire"},
	{"mtu", conf_read_count, AT(struct port_text, port.mtu), 68, 65535, "bytes of L3"},
	{"spare", conf_read_count, AT(struct port_text, port.spare), 0, 4096, "VFs that may come while weir runs"},
	{"queues", conf_read_count, AT(struct port_text, port.n_queues), 1, 64, "queue pairs"},
	{"rx_descriptors", conf_read_auto_0, AT(struct port_text, port.n_rx_desc), 0, 32768,
		"auto or a number of descriptors"},
	{"tx_descriptors", conf_read_auto_0, AT(struct port_text, port.n_tx_desc), 0, 32768,
		"auto or a number of descriptors"},
	{"broadcast_pps", conf_read_count, AT(struct port_text, port.broadcast_pps), 0, CONF_MAX_PPS,
		"packets per second such as 10k"},
	{"trusted", conf_read_choice, AT(struct port_text, port.trusted), 0, 0, "no|yes"},
	{"csum", conf_read_choice, AT(struct port_text, port.fix_csum), 0, 0, "keep|fix"},
	{"numa", conf_read_auto_minus_1, AT(struct port_text, port.numa), 0, 63, "auto or a NUMA node"},
	{"rx_lcore", conf_read_auto_minus_1, AT(struct port_text, rx_lcore), 0, CONF_MAX_LCORES - 1,
		"auto or an lcore"},
	{"tx_lcore", conf_read_auto_minus_1, AT(struct port_text, tx_lcore), 0, CONF_MAX_LCORES - 1,
		"auto or an lcore"},
};

/* ---- Sections ---- */

static void read_switch(struct conf_reading *r, const struct ini_section *s)
{
	conf_read_fields(r, s, switch_fields, LENGTH(switch_fields), r->conf);
}

static void read_allocator(struct conf_reading *r, const struct ini_section *s)
{
	conf_read_fields(r, s, allocator_fields, LENGTH(allocator_fields), r->conf);
}

static void read_classes(struct conf_reading *r, const struct ini_section *s)
{
	conf_read_fields(r, s, class_fields, LENGTH(class_fields), r->conf);
}

static void read_remote(struct conf_reading *r, const struct ini_section *s)
{
	r->conf->remote.is_on = true;
	r->conf->remote.line = s->line;
	conf_read_fields(r, s, remote_fields, LENGTH(remote_fields), &r->conf->remote);
}

/* Whatever EAL calls an ethdev, but nothing that would break a table, a line or a JSON string. */
static bool is_device_name(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!isgraph((unsigned char)name[i]) || strchr("|\"\\[]", name[i]) != NULL)
			return false;
	return n > 0 && n < CONF_DEVICE_CHARS;
}

static void read_port(struct conf_reading *r, const struct ini_section *s)
{
	struct conf *conf = r->conf;
	struct port_text text = {
		.port = {.role = PORT_VF,
			.mtu = 1500,
			.n_queues = 1,
			.n_rx_desc = 1024,
			.n_tx_desc = 1024,
			.broadcast_pps = 10000,
			.numa = -1,
			.line = s->line},
		.rx_lcore = -1,
		.tx_lcore = -1,
	};

	conf_read_fields(r, s, port_fields, LENGTH(port_fields), &text);
	text.port.basis_set = conf_entry(s, "link_basis") != NULL;
	if (!is_device_name(s->name)) {
		conf_say(r, s->line,
			"[port %.60s]: wanted an ethdev's name such as net_vhost0 or 0000:03:00.0", s->name);
		return;
	}
	if (s->first_line != 0)
		return;
	if (conf->n_ports == CONF_MAX_PORTS) {
		conf_say(r, s->line, "[port %s]: wanted at most %d ports", s->name, CONF_MAX_PORTS);
		return;
	}
	snprintf(text.port.device, sizeof(text.port.device), "%s", s->name);
	r->port_section[conf->n_ports] = s;
	conf->rx_lcore[conf->n_ports] = text.rx_lcore;
	conf->tx_lcore[conf->n_ports] = text.tx_lcore;
	conf->ports[conf->n_ports++] = text.port;
}

/* ---- The whole ---- */

static const struct {
	const char *kind;
	bool is_named;
	void (*read)(struct conf_reading *r, const struct ini_section *s);
} sections[] = {
	{"switch", false, read_switch},
	{"port", true, read_port},
	{"vf", true, conf_read_vf},
	{"tenant", true, conf_read_tenant},
	{"classes", false, read_classes},
	{"allocator", false, read_allocator},
	{"remote", false, read_remote},
	{"dscp", true, conf_read_dscp},
	{"mark", true, NULL},	/* when all VFs are known */
};

static bool is_one_of(const char *kind, const char *const *kinds)
{
	for (; kinds != NULL && *kinds != NULL; kinds++)
		if (strcmp(kind, *kinds) == 0)
			return true;
	return false;
}

/* 'others': kinds that are somebody else's, for the message. */
static void read_section(struct conf_reading *r, const struct ini_section *s, const char *const *others)
{
	char here[80] = "";
	size_t n = 0;

	for (size_t i = 0; i < LENGTH(sections); i++) {
		if (strcmp(s->kind, sections[i].kind) != 0)
			continue;
		if (!sections[i].is_named && *s->name != '\0')
			conf_say(r, s->line, "[%s %.60s]: wanted [%s], without a name", s->kind, s->name,
				s->kind);
		if (sections[i].read != NULL)
			sections[i].read(r, s);
		return;
	}
	for (; others != NULL && *others != NULL && n < sizeof(here); others++)
		n += (size_t)snprintf(here + n, sizeof(here) - n, "%s[%s]", n == 0 ? ", and here " : ", ", *others);
	conf_say(r, s->line,
		"unknown section [%.60s]: wanted [switch], [port DEVICE], [vf NAME], [tenant NAME], [classes], "
		"[allocator], [remote], [dscp NAME] or [mark NAME]%s%s",
		s->kind, here,
		strcmp(s->kind, "vm") == 0 ? "; a VM with terms of its own is a [tenant] of its VFs"
					   : "");
}

static struct conf *conf_create(const char *file)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (conf == NULL)
		return NULL;
	conf->maps = calloc(CONF_MAX_MAPS, sizeof(*conf->maps));
	if (conf->maps == NULL) {
		free(conf);
		return NULL;
	}
	dscp_map_default(&conf->maps[0]);
	conf->n_maps = 1;
	snprintf(conf->file, sizeof(conf->file), "%s", file);
	conf->guarantee_bytes = 1500;
	conf->turn_pkts = 256;
	conf->turn_ns = 50 * NS_PER_US;
	conf->drain_ns = NS_PER_S;
	conf->period_ns = NS_PER_MS;
	conf->remote.period_ns = NS_PER_MS;
	conf->remote.gain_pct = 50;
	conf->class_weight[TC_HIGH] = 3;
	conf->class_weight[TC_MEDIUM] = 2;
	conf->class_weight[TC_LOW] = 1;
	return conf;
}

/* Every pass runs, whatever the one before has found: all mistakes at once. */
static struct conf *read_whole(const struct ini *ini, bool is_good_ini, const char *const *others,
	const struct conf *running, struct why *why)
{
	struct conf_reading r = {
		.conf = conf_create(ini->file), .ini = ini, .why = why, .ok = is_good_ini, .running = running};

	if (r.conf == NULL) {
		why_add_at(why, ini->file, 0, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < ini->n_sections; i++)
		if (!is_one_of(ini->sections[i].kind, others))
			read_section(&r, &ini->sections[i], others);
	conf_check(&r);
	if (running == NULL)
		conf_add_spares(&r);
	conf_read_marks(&r);
	conf_complete(r.conf);
	conf_check_tenant_sums(&r);
	const struct conf_port *pf = &r.conf->ports[r.conf->pf];
	/* An unknown basis is the rim's to decide; L2 refuses nothing that could be accepted. */
	if (r.conf->n_ports > 0 && pf->rate_bps > 0 &&
		!conf_admit(r.conf, pf->rate_bps, pf->basis_set ? pf->basis : BASIS_L2, why))
		r.ok = false;
	if (running != NULL)
		conf_compare(&r);
	free(r.vf_section);
	free(r.tenant_section);
	if (r.ok)
		return r.conf;
	conf_destroy(r.conf);
	return NULL;
}

struct conf *conf_from_ini(const struct ini *ini, bool is_good, const char *const *others, struct why *why)
{
	return read_whole(ini, is_good, others, NULL, why);
}

struct conf *conf_reload_text(const struct conf *running, const char *file, const char *text, size_t size,
	struct why *why)
{
	struct ini ini;
	bool is_good = ini_read(&ini, file, text, size, why);
	struct conf *conf = read_whole(&ini, is_good, NULL, running, why);

	ini_fini(&ini);
	return conf;
}

struct conf *conf_parse(const char *file, const char *text, size_t size, struct why *why)
{
	return conf_reload_text(NULL, file, text, size, why);
}

struct conf *conf_load_over(const struct conf *running, const char *file, struct why *why)
{
	struct ini ini;
	bool is_good = ini_read_file(&ini, file, why);
	/* What could not be read at all has no other mistakes to find. */
	struct conf *conf = is_good || ini.memory != NULL ? read_whole(&ini, is_good, NULL, running, why) : NULL;

	ini_fini(&ini);
	return conf;
}

struct conf *conf_load(const char *file, struct why *why)
{
	return conf_load_over(NULL, file, why);
}

void conf_destroy(struct conf *conf)
{
	if (conf == NULL)
		return;
	for (uint32_t i = 0; i < conf->n_vfs; i++)
		free(conf->vfs[i].trunk);
	free(conf->vfs);
	free(conf->tenants);
	free(conf->maps);
	marks_release(conf->marks);
	free(conf);
}
