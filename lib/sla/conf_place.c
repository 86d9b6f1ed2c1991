/* SPDX-License-Identifier: BSD-3-Clause */
/* VFs that come and go while weir runs.  All there can be have their places at the start, on their port: those of the VFs
 * of the file, and the spare ones.  A VF that comes takes a free place, a VF that goes leaves its own; indices of others
 * never move, and nobody reserves anything at run time. */
#include <stdlib.h>
#include <string.h>

#include "conf_change.h"
#include "conf_mark.h"

#define DEFAULT_QUEUE_PKTS 256u

/* ---- Places ---- */

/* What a VF with the default keys would have. */
static struct conf_vf free_place(uint16_t port, uint32_t room_pkts, uint32_t receive_room_pkts)
{
	return (struct conf_vf){
		.port = port,
		.tenant = CONF_NO_TENANT,
		.queue_pkts = room_pkts / 2,
		.when_full = WHEN_FULL_DROP,
		.room_pkts = room_pkts,
		.receive_room_pkts = receive_room_pkts,
	};
}

/* Behind the VFs of the file, by ports. */
void conf_add_spares(struct conf_reading *r)
{
	struct conf *conf = r->conf;
	size_t n = conf->n_vfs;

	conf->n_named = conf->n_vfs;
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		struct conf_vf *vf = &conf->vfs[i];
		if (vf->port < conf->n_ports)
			vf->room_pkts = conf_queue_room(conf, vf);
	}
	for (uint16_t port = 0; port < conf->n_ports; port++)
		n += conf->ports[port].spare;
	if (n == conf->n_vfs)
		return;
	if (n > CONF_MAX_VFS) {
		conf_say(r, 0, "%zu VFs, spare ones counted: wanted at most %d", n, CONF_MAX_VFS);
		return;
	}
	struct conf_vf *vfs = realloc(conf->vfs, n * sizeof(*vfs));
	if (vfs == NULL) {
		conf_say(r, 0, "out of memory");
		return;
	}
	conf->vfs = vfs;
	for (uint16_t port = 0; port < conf->n_ports; port++)
		for (uint32_t i = 0; i < conf->ports[port].spare; i++)
			conf->vfs[conf->n_vfs++] = free_place(port, 2 * DEFAULT_QUEUE_PKTS, 0);
}

/* ---- Coming ---- */

static bool is_queue_asked(const struct conf_vf *vf)
{
	return vf->queue_pkts != DEFAULT_QUEUE_PKTS;	/* as asked, it is as good as not */
}

static bool fits(const struct conf *conf, const struct conf_vf *vf, const struct conf_vf *place)
{
	return (!is_queue_asked(vf) || conf_queue_room(conf, vf) <= place->room_pkts) &&
	       (vf->is_receive_auto || vf->receive_queue_pkts <= place->receive_room_pkts);
}

/* Who is spoken of, where the line does not tell. */
static const char *who(const struct conf_reading *r, const struct conf_vf *vf, char buf[CONF_NAME_CHARS + 8])
{
	buf[0] = '\0';
	if (r->command == NULL || strcmp(r->command, "reload") == 0)
		snprintf(buf, CONF_NAME_CHARS + 8, "[vf %s]: ", vf->name);
	return buf;
}

static void say_none_fits(struct conf_reading *r, const struct conf_vf *vf, int line)
{
	const struct conf *conf = r->conf;
	uint32_t queue = 0, receive = 0;
	char name[CONF_NAME_CHARS + 8];

	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		const struct conf_vf *p = &conf->vfs[i];
		if (conf_is_there(p) || p->port != vf->port)
			continue;
		queue = p->room_pkts > queue ? p->room_pkts : queue;
		receive = p->receive_room_pkts > receive ? p->receive_room_pkts : receive;
	}
	conf_say(r, line, "%sbuffers are reserved at the start, and no free place of %s has so many: wanted queue = %u and "
		"receive_queue = %u at most", who(r, vf, name), conf->ports[vf->port].device,
		(uint32_t)((uint64_t)queue * vf->queue_pkts / conf_queue_room(conf, vf)), receive);
}

/* A free place on its port where its queues fit; UINT32_MAX: there is none, and why has been said. */
static uint32_t find_place(struct conf_reading *r, const struct conf_vf *vf, int line)
{
	const struct conf *conf = r->conf;
	const struct conf_port *port = &conf->ports[vf->port];
	char name[CONF_NAME_CHARS + 8];
	bool has_free = false;

	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		if (conf_is_there(&conf->vfs[i]) || conf->vfs[i].port != vf->port)
			continue;
		if (fits(conf, vf, &conf->vfs[i]))
			return i;
		has_free = true;
	}
	if (has_free)
		say_none_fits(r, vf, line);
	else
		conf_say(r, line, "%sall places of %s are taken (%u VFs): wanted spare in [port %s] raised (it is %u) "
			"and a restart, or a VF of it deleted", who(r, vf, name), port->device, port->n_places, port->device,
			port->spare);
	return UINT32_MAX;
}

/* Takes over *vf, whose port is known, and whose trunk is freed where there is no place.  Its index, or UINT32_MAX. */
static uint32_t take_place(struct conf_reading *r, struct conf_vf *vf, int line)
{
	struct conf *conf = r->conf;
	uint32_t i;

	vf->is_receive_auto |= vf->receive_queue_pkts == 0;
	i = find_place(r, vf, line);
	if (i == UINT32_MAX) {
		free(vf->trunk);
		return i;
	}
	vf->room_pkts = conf->vfs[i].room_pkts;
	vf->receive_room_pkts = conf->vfs[i].receive_room_pkts;
	if (conf_queue_room(conf, vf) > vf->room_pkts)
		vf->queue_pkts = (uint32_t)((uint64_t)vf->room_pkts * vf->queue_pkts / conf_queue_room(conf, vf));
	vf->born = ++conf->n_born;
	conf->vfs[i] = *vf;
	conf->ports[vf->port].n_vfs++;
	conf->n_named++;
	return i;
}

uint32_t conf_add_vf(struct conf_reading *r, const struct ini_section *s)
{
	struct conf *conf = r->conf;
	const struct ini_section **sections = calloc(conf->n_vfs + 1, sizeof(*sections)), **before = r->vf_section;
	struct conf_vf vf;
	uint32_t i = UINT32_MAX;

	if (sections == NULL) {
		conf_say(r, s->line, "out of memory");
		return i;
	}
	conf_read_vf_keys(r, s, &vf);
	vf.port = conf_named_port(r, s);
	if (!conf_has_good_name(r, s) || vf.port == CONF_MAX_PORTS)
		free(vf.trunk);
	else if ((i = take_place(r, &vf, s->line)) != UINT32_MAX) {
		r->vf_section = sections;
		sections[i] = s;
		conf_check_vf(r, i);
		conf_join_tenant(r, i);
		conf_check_macs(r);
	}
	r->vf_section = before;
	free(sections);
	return i;
}

void conf_copy_vf(struct conf_reading *r, const struct conf *from, const struct conf_vf *wanted)
{
	struct conf *conf = r->conf;
	const struct conf_tenant *tenant = conf_tenant_of(from, wanted->tenant);
	struct conf_vf vf = *wanted;

	vf.port = conf_find_port(conf, from->ports[wanted->port].device);
	vf.tenant = tenant != NULL ? conf_find_tenant(conf, tenant->name) : CONF_NO_TENANT;
	vf.dscp_map = 0;	/* maps come by themselves */
	if (vf.is_receive_auto)
		vf.receive_queue_pkts = 0;
	if (wanted->trunk != NULL) {
		vf.trunk = malloc(64 * sizeof(*vf.trunk));
		if (vf.trunk == NULL) {
			conf_say(r, wanted->line, "out of memory");
			return;
		}
		memcpy(vf.trunk, wanted->trunk, 64 * sizeof(*vf.trunk));
	}
	uint32_t i = take_place(r, &vf, wanted->line);
	if (i != UINT32_MAX)
		conf_count_in_tenants(conf, conf->vfs[i].tenant, 1);
}

/* ---- Going ---- */

void conf_del_vf(struct conf_reading *r, uint32_t i)
{
	struct conf *conf = r->conf;
	struct conf_vf *vf = &conf->vfs[i];
	uint16_t map = vf->dscp_map;

	conf_drop_marks(r, i);
	conf_count_in_tenants(conf, vf->tenant, -1);
	conf->ports[vf->port].n_vfs--;
	conf->n_named--;
	free(vf->trunk);
	*vf = free_place(vf->port, vf->room_pkts, vf->receive_room_pkts);
	conf_leave_map(conf, map);
}

/* ---- What is another ---- */

static const char *tenant_name(const struct conf *conf, uint32_t tenant)
{
	const struct conf_tenant *t = conf_tenant_of(conf, tenant);

	return t != NULL ? t->name : "";
}

static bool is_same_trunk(const struct conf_vf *a, const struct conf_vf *b)
{
	if (a->trunk == NULL || b->trunk == NULL)
		return a->trunk == b->trunk;
	return memcmp(a->trunk, b->trunk, 64 * sizeof(*a->trunk)) == 0;
}

bool conf_same_address(const struct conf_vf *a, const struct conf_vf *b)
{
	return a->n_macs == b->n_macs && memcmp(a->mac, b->mac, a->n_macs * sizeof(a->mac[0])) == 0 &&
	       a->vlan_mode == b->vlan_mode && a->vid == b->vid && is_same_trunk(a, b) && a->antispoof == b->antispoof;
}

uint32_t conf_vf_differs(const struct conf *in_a, const struct conf_vf *a, const struct conf *in_b,
	const struct conf_vf *b, const char *keys[CONF_MOST_DIFFERENCES])
{
	uint32_t n = 0;

	if (strcmp(in_a->ports[a->port].device, in_b->ports[b->port].device) != 0)
		keys[n++] = "port";
	if (a->broadcast_pps != b->broadcast_pps)
		keys[n++] = "broadcast_pps";
	if (a->queue_pkts != b->queue_pkts)
		keys[n++] = "queue";
	if (a->is_receive_auto != b->is_receive_auto ||
		(!a->is_receive_auto && a->receive_queue_pkts != b->receive_queue_pkts))
		keys[n++] = "receive_queue";
	if (strcmp(tenant_name(in_a, a->tenant), tenant_name(in_b, b->tenant)) != 0)
		keys[n++] = "tenant";
	if (a->when_full != b->when_full)
		keys[n++] = "when_full";
	if (a->ecn != b->ecn)
		keys[n++] = "ecn";
	if (a->mark_above_ns != b->mark_above_ns)
		keys[n++] = "mark_above";
	return n;
}

/* The terms of a VF that stays, and where it is to be found. */
void conf_take_vf(struct conf_reading *r, struct conf_vf *vf, const struct conf *from, const struct conf_vf *wanted)
{
	const char *keys[CONF_MOST_DIFFERENCES];

	if (conf_vf_differs(r->conf, vf, from, wanted, keys) > 0) {	/* it was the same when the file was read */
		conf_say(r, wanted->line, "[vf %s] became another meanwhile (%s): wanted the reload once more", vf->name, keys[0]);
		return;
	}
	vf->tx = wanted->tx;
	vf->rx = wanted->rx;
	vf->is_remote = wanted->is_remote;
	vf->echo = wanted->echo;
	if (conf_same_address(vf, wanted))
		return;
	uint64_t *trunk = wanted->trunk != NULL ? malloc(64 * sizeof(*trunk)) : NULL;
	if (wanted->trunk != NULL && trunk == NULL) {
		conf_say(r, wanted->line, "out of memory");
		return;
	}
	if (trunk != NULL)
		memcpy(trunk, wanted->trunk, 64 * sizeof(*trunk));
	free(vf->trunk);
	vf->trunk = trunk;
	vf->n_macs = wanted->n_macs;
	memcpy(vf->mac, wanted->mac, sizeof(vf->mac));
	vf->vlan_mode = wanted->vlan_mode;
	vf->vid = wanted->vid;
	vf->antispoof = wanted->antispoof;
}
