/* SPDX-License-Identifier: BSD-3-Clause */
/* Values against each other.  What could not be read is 0 = not set here, and has been reported: no mistake
 * is told twice, and none hides another. */
#include <string.h>

#include "conf_fields.h"

static bool is_memif(const struct conf_port *port)
{
	return strncmp(port->device, "net_memif", 9) == 0;
}

/* ---- Ports ---- */

static void check_one_pf(struct conf_reading *r)
{
	struct conf *conf = r->conf;
	bool found = false;

	for (uint16_t i = 0; i < conf->n_ports; i++) {
		const struct conf_port *port = &conf->ports[i];

		if (port->role != PORT_PF)
			continue;
		if (found)
			conf_say(r, conf_line(r->port_section[i], "role"),
				"[port %s] is a second PF: [port %s] at line %d is one, wanted one",
				port->device, conf->ports[conf->pf].device, conf->ports[conf->pf].line);
		else
			conf->pf = i;
		found = true;
	}
	if (!found)
		conf_say(r, 0, "no PF: wanted one [port DEVICE] with role = pf, the uplink");
}

static void check_port(struct conf_reading *r, uint16_t i)
{
	const struct conf_port *port = &r->conf->ports[i];
	const struct ini_section *s = r->port_section[i];

	if (port->role == PORT_VF && conf_entry(s, "broadcast_pps") != NULL)
		conf_say(r, conf_line(s, "broadcast_pps"),
			"broadcast_pps is for the PF: wanted it in the [vf] sections of port %s",
			port->device);
	if (port->trusted && !is_memif(port))
		conf_say(r, conf_line(s, "trusted"),
			"trusted = yes means nothing on %s: wanted it on net_memif ports only", port->device);
	if (port->fix_csum && strncmp(port->device, "net_af_packet", strlen("net_af_packet")) != 0)
		conf_say(r, conf_line(s, "csum"),
			"csum = fix means nothing on %s, whose frames come with whole checksums: wanted it on "
			"net_af_packet ports only",
			port->device);
}

/* ---- VFs: names ---- */

/* "net_vhost0, net_vhost1": where a VF could be. */
static void list_vf_ports(const struct conf *conf, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (uint16_t i = 0; i < conf->n_ports && used < size; i++)
		if (conf->ports[i].role == PORT_VF)
			used += (size_t)snprintf(
				buf + used, size - used, "%s%s", used > 0 ? ", " : "", conf->ports[i].device);
	if (used == 0)
		snprintf(buf, size, "a [port] with role = vf");
}

uint16_t conf_find_port(const struct conf *conf, const char *device)
{
	for (uint16_t i = 0; i < conf->n_ports; i++)
		if (strcmp(conf->ports[i].device, device) == 0)
			return i;
	return CONF_MAX_PORTS;
}

uint16_t conf_named_port(struct conf_reading *r, const struct ini_section *s)
{
	const struct conf *conf = r->conf;
	const struct ini_entry *e = conf_entry(s, "port");
	char wanted[300];

	list_vf_ports(conf, wanted, sizeof(wanted));
	if (e == NULL) {
		conf_say(r, s->line, "[vf %.60s] has no port: wanted port = %s", s->name, wanted);
		return CONF_MAX_PORTS;
	}
	if (*e->value == '\0')
		return CONF_MAX_PORTS;
	uint16_t i = conf_find_port(conf, e->value);
	if (i == CONF_MAX_PORTS)
		conf_say(r, e->line, "port = %.60s: there is no such [port]: wanted %s", e->value, wanted);
	else if (conf->ports[i].role == PORT_PF)
		conf_say(r, e->line, "port = %s is the PF: wanted %s", e->value, wanted);
	else
		return i;
	return CONF_MAX_PORTS;
}

static void resolve_port(struct conf_reading *r, uint32_t vf)
{
	struct conf *conf = r->conf;

	conf->vfs[vf].port = conf_named_port(r, r->vf_section[vf]);
	if (conf->vfs[vf].port < conf->n_ports)
		conf->ports[conf->vfs[vf].port].n_vfs++;
}

/* How many VFs there may be, now and later: a port of a switch that runs has as many places as it has. */
static void count_places(struct conf_reading *r)
{
	for (uint16_t i = 0; i < r->conf->n_ports; i++) {
		struct conf_port *port = &r->conf->ports[i];
		uint16_t running = r->running != NULL ? conf_find_port(r->running, port->device) : CONF_MAX_PORTS;

		port->n_places = running != CONF_MAX_PORTS ? r->running->ports[running].n_places
							   : port->n_vfs + port->spare;
	}
}

static void resolve_map(struct conf_reading *r, uint32_t vf)
{
	struct conf *conf = r->conf;
	const struct ini_entry *e = conf_entry(r->vf_section[vf], "dscp_map");
	uint16_t i = 0;

	if (e == NULL || *e->value == '\0')
		return;
	while (i < conf->n_maps && strcmp(conf->maps[i].name, e->value) != 0)
		i++;
	if (i < conf->n_maps)
		conf->vfs[vf].dscp_map = i;
	else
		conf_say(r, e->line,
			"dscp_map = %.60s: there is no such map: wanted the name of a [dscp NAME]", e->value);
}

/* ---- VFs: what contradicts ---- */

/* " (line 7)", of a file. */
static const char *line_text(const struct conf_reading *r, char buf[20], int line)
{
	buf[0] = '\0';
	if (r->command == NULL)
		snprintf(buf, 20, " (line %d)", line);
	return buf;
}

static void check_vlans(struct conf_reading *r, uint32_t i)
{
	const struct conf_vf *vf = &r->conf->vfs[i];
	const struct ini_section *s = r->vf_section[i];
	const struct ini_entry *vlan = conf_entry(s, "vlan"), *trunk = conf_entry(s, "trunk");
	const struct ini_entry *native = conf_entry(s, "native");
	char line[20];

	if (vlan != NULL && trunk != NULL)
		conf_say(r, trunk->line,
			"trunk and vlan%s exclude each other: wanted vlan, or trunk with native",
			line_text(r, line, vlan->line));
	if (native != NULL && trunk == NULL)
		conf_say(r, native->line,
			"native without trunk: wanted trunk = VLANs beside it, or vlan = %.20s",
			native->value);
	if (native != NULL && vlan == NULL && vf->trunk != NULL && vf->vid != 0 &&
		(vf->trunk[vf->vid / 64] >> (vf->vid % 64) & 1) != 0)
		conf_say(r, native->line,
			"native = %d is in trunk%s too: wanted it in one of them: native frames have "
			"no tag",
			vf->vid, line_text(r, line, trunk->line));
}

static void say_unheld(struct conf_reading *r, const struct conf_port *port, int line)
{
	if (port->n_places > 1)
		conf_say(r, line,
			"when_full = hold, but %u VFs share %s and one cannot be held without the others: wanted "
			"when_full = drop, or a port of its own",
			port->n_places, port->device);
	else
		conf_say(r, line,
			"when_full = hold, but %s is a NIC's: what is not read in time its ring drops, whatever it is: wanted "
			"when_full = drop", port->device);
}

/* How it is told that it sends too much. */
static void check_signals(struct conf_reading *r, uint32_t i)
{
	struct conf_vf *vf = &r->conf->vfs[i];
	const struct ini_section *s = r->vf_section[i];
	const struct ini_entry *mark = conf_entry(s, "mark_above"), *when = conf_entry(s, "when_full");
	char line[20];

	if (mark != NULL && !vf->ecn)
		conf_say(r, mark->line,
			"mark_above with ecn = no%s: nothing is marked, wanted one of them",
			line_text(r, line, conf_line(s, "ecn")));
	if (vf->port >= r->conf->n_ports)
		return;
	const struct conf_port *port = &r->conf->ports[vf->port];
	if (port->n_places <= 1 && !conf_is_nic(port))
		return;
	if (when != NULL && vf->when_full == WHEN_FULL_HOLD && strcmp(when->value, "hold") == 0)
		say_unheld(r, port, when->line);
	vf->is_drop_forced = vf->when_full == WHEN_FULL_HOLD;
	vf->when_full = WHEN_FULL_DROP;
}

static void check_vf_on_port(struct conf_reading *r, uint32_t i)
{
	struct conf_vf *vf = &r->conf->vfs[i];
	const struct ini_section *s = r->vf_section[i];
	const struct conf_port *port = &r->conf->ports[vf->port];
	const struct ini_entry *antispoof = conf_entry(s, "antispoof");
	bool has_mac = conf_entry(s, "mac") != NULL;

	if (is_memif(port) && !port->trusted)
		conf_say(r, conf_line(s, "port"),
			"[vf %s] is on %s, and DPDK does not validate what a memif peer writes into its "
			"descriptors: that peer is as trusted as weir itself; wanted trusted = yes in [port "
			"%s] at line %d, or a "
			"net_vhost port",
			vf->name, port->device, port->device, port->line);
	if (!has_mac && port->n_places > 1)
		conf_say(r, s->line,
			"[vf %s] has no mac, and %s has %u VFs%s: wanted mac = ADDRESS to tell them apart",
			vf->name, port->device, port->n_places, port->n_vfs < port->n_places ? ", spare ones counted" : "");
	if (!has_mac && antispoof != NULL && strcmp(antispoof->value, "yes") == 0)
		conf_say(r, antispoof->line,
			"antispoof = yes without mac: wanted mac = ADDRESS, what it may send from");
	if (!has_mac)
		vf->antispoof = false; /* no address to hold it to */
}

static void check_alone(struct conf_reading *r, uint32_t i)
{
	resolve_map(r, i);
	check_vlans(r, i);
	conf_check_sla(r, r->vf_section[i], "tx", &r->conf->vfs[i].tx);
	conf_check_sla(r, r->vf_section[i], "rx", &r->conf->vfs[i].rx);
}

static void check_in_place(struct conf_reading *r, uint32_t i)
{
	if (r->conf->vfs[i].port < r->conf->n_ports)
		check_vf_on_port(r, i);
	check_signals(r, i);
	conf_check_remote(r, r->vf_section[i]);
}

void conf_check_vf(struct conf_reading *r, uint32_t vf)
{
	check_alone(r, vf);
	check_in_place(r, vf);
}

void conf_check(struct conf_reading *r)
{
	struct conf *conf = r->conf;

	check_one_pf(r);
	for (uint16_t i = 0; i < conf->n_ports; i++)
		check_port(r, i);
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		resolve_port(r, i);
		check_alone(r, i);
	}
	count_places(r);
	for (uint32_t i = 0; i < conf->n_vfs; i++) /* now that each port's VFs have been counted */
		check_in_place(r, i);
	conf_check_tenants(r);
	conf_check_macs(r);
}
