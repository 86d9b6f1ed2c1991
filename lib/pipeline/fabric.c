/* SPDX-License-Identifier: BSD-3-Clause */
/* What all workers share, built once from the config. */
#include <stdlib.h>
#include <string.h>

#include "pipe_impl.h"

struct l2 *fabric_build_l2(const struct conf *conf, const bool *is_out)
{
	struct l2_vf *vfs = calloc(conf->n_vfs + 1, sizeof(*vfs));
	struct l2 *l2;

	if (vfs == NULL)
		return NULL;
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		const struct conf_vf *v = &conf->vfs[i];
		vfs[i] = (struct l2_vf){
			.is_free = !conf_is_there(v) || (is_out != NULL && is_out[i]),
			.port = v->port,
			.n_macs = v->n_macs,
			.mac = (const uint8_t(*)[6])v->mac,
			.antispoof = v->antispoof,
			.vlan_mode = (uint8_t)v->vlan_mode,
			.vid = v->vid,
			.trunk = v->trunk,
		};
	}
	l2 = l2_build(vfs, conf->n_vfs, conf->pf);
	free(vfs);
	return l2;
}

static bool build_ports(struct fabric *f)
{
	const struct conf *conf = f->conf;

	for (uint16_t port = 0; port < conf->n_ports; port++) {
		f->port_vfs[port] = calloc(conf->n_vfs + 1, sizeof(vf_id));
		if (f->port_vfs[port] == NULL)
			return false;
		f->lone_vf[port] = VF_NONE;
		atomic_init(&f->is_up[port], true);
		if (f->longest_bytes < conf->ports[port].mtu + 14u)
			f->longest_bytes = conf->ports[port].mtu + 14u;
	}
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		uint16_t port = conf->vfs[i].port;
		f->node_of[i] = f->n_port_vfs[port];
		f->port_vfs[port][f->n_port_vfs[port]++] = i;
	}
	for (uint16_t port = 0; port < conf->n_ports; port++) {
		if (f->n_port_vfs[port] == 1 && !f->ports[port].is_physical)
			f->lone_vf[port] = f->port_vfs[port][0];
	}
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		f->briefs[i] = (struct vf_brief){
			.port = conf->vfs[i].port,
			.dscp_map = conf->vfs[i].dscp_map,
			.is_held = f->lone_vf[conf->vfs[i].port] == i,
		};
	}
	return true;
}

struct fabric *fabric_create(const struct fabric_params *params, struct why *why)
{
	const struct conf *conf = params->conf;
	struct fabric *f = calloc(1, sizeof(*f));

	if (f == NULL)
		goto no_memory;
	f->conf = conf;
	f->n_workers = params->n_workers;
	f->home = params->home;
	memcpy(f->ports, params->ports, sizeof(f->ports));
	f->maps = calloc(CONF_MAX_MAPS, sizeof(*f->maps));
	f->rooms = aligned_alloc(alignof(struct room), (conf->n_vfs + 1) * sizeof(*f->rooms));
	f->node_of = calloc(conf->n_vfs + 1, sizeof(*f->node_of));
	f->briefs = calloc(conf->n_vfs + 1, sizeof(*f->briefs));
	f->l2 = fabric_build_l2(conf, NULL);
	if (f->maps == NULL || f->rooms == NULL || f->node_of == NULL || f->briefs == NULL ||
		f->l2 == NULL || !build_ports(f))
		goto no_memory;
	memset(f->rooms, 0, (conf->n_vfs + 1) * sizeof(*f->rooms));
	for (uint32_t i = 0; i < conf->n_vfs; i++)
		fabric_set_hold(f, i, &conf->vfs[i]);
	for (uint16_t i = 0; i < conf->n_maps; i++)
		class_map_init(&f->maps[i], conf->maps[i].tclass, conf->maps[i].drop_prec);
	return f;
no_memory:
	why_add(why, "no memory for %u VFs", conf->n_vfs);
	fabric_destroy(f);
	return NULL;
}

void fabric_destroy(struct fabric *f)
{
	if (f == NULL)
		return;
	for (int i = 0; i < CONF_MAX_PORTS; i++)
		free(f->port_vfs[i]);
	l2_destroy(f->l2);
	free(f->maps);
	free(f->rooms);
	free(f->node_of);
	free(f->briefs);
	free(f);
}

void fabric_set_link(struct fabric *f, uint16_t port, bool up)
{
	atomic_store_explicit(&f->is_up[port], up, memory_order_relaxed);
}

void fabric_set_hold(struct fabric *f, vf_id vf, const struct conf_vf *v)
{
	uint32_t pkts = v->when_full == WHEN_FULL_HOLD ? v->queue_pkts : 0;

	atomic_store_explicit(&f->rooms[vf].hold_pkts, pkts, memory_order_relaxed);
}

uint64_t fabric_room_used(const struct fabric *f, vf_id vf)
{
	uint64_t out = atomic_load_explicit(&f->rooms[vf].out, memory_order_acquire);	/* first: never above in */

	return counter_read(&f->rooms[vf].in) - out;
}

/* A queue may go to twice its limit (see egress_push()); a held sender's may go over by the copies of floods; one that
 * cannot be held has two such queues, for the PF and for local receivers, as its room says.  Spare places count as VFs. */
uint32_t fabric_max_pkts(const struct conf *conf)
{
	uint64_t n = (uint64_t)conf->n_ports * PIPE_BURST * 2;

	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		const struct conf_vf *v = &conf->vfs[i];
		n += 2 * ((uint64_t)v->room_pkts + v->receive_room_pkts + PIPE_BURST);
	}
	return n > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)n;
}
