/* SPDX-License-Identifier: BSD-3-Clause */
/* What test_l2.c holds the switch against: the rules of l2.h written down plainly, by search through all VFs.
 */
#ifndef WEIR_L2_MODEL_H
#define WEIR_L2_MODEL_H

#include <string.h>

#include "l2.h"

#define MAX_VFS      24
#define N_PORTS      6
#define PF_PORT      3
#define N_WORLD_MACS 10
#define N_WORLD_VIDS 5 /* 0 and four more */

typedef const uint8_t mac_t[6];

static const uint16_t world_vids[N_WORLD_VIDS] = {0, 1, 64, 100, 4094};

struct world {
	struct l2_vf vfs[MAX_VFS];
	uint8_t macs[MAX_VFS][8][6];
	uint64_t trunks[MAX_VFS][64];
	uint32_t n_vfs;
};

static bool trunk_bit(const struct l2_vf *vf, uint16_t vid)
{
	return vf->vlan_mode == L2_VLAN_TRUNK && vid != 0 && (vf->trunk[vid / 64] >> (vid % 64) & 1);
}

static bool model_is_in(const struct l2_vf *vf, uint16_t vid)
{
	if (vf->vlan_mode == L2_VLAN_NONE)
		return vid == 0;
	if (vf->vlan_mode == L2_VLAN_ACCESS)
		return vid == vf->vid;
	return vid != 0 && (vid == vf->vid || trunk_bit(vf, vid));
}

static bool model_has_mac(const struct l2_vf *vf, const uint8_t mac[6])
{
	for (int i = 0; i < vf->n_macs; i++)
		if (memcmp(vf->mac[i], mac, 6) == 0)
			return true;
	return false;
}

static vf_id model_find(const struct world *w, const uint8_t mac[6], uint16_t vid)
{
	for (vf_id i = 0; i < w->n_vfs; i++)
		if (model_has_mac(&w->vfs[i], mac) && model_is_in(&w->vfs[i], vid))
			return i;
	return VF_NONE;
}

/* The VLAN of a frame of this VF; -1: not allowed. */
static int model_vid(const struct l2_vf *vf, const struct pkt *p)
{
	uint16_t vid = p->outer_tci & 0xfff;
	bool is_tagged = p->n_tags == 2 || (p->n_tags == 1 && vid != 0);

	switch (vf->vlan_mode) {
	case L2_VLAN_NONE:
		return is_tagged ? -1 : 0;
	case L2_VLAN_ACCESS:
		return is_tagged ? -1 : vf->vid;
	default:
		if (is_tagged)
			return trunk_bit(vf, vid) ? vid : -1;
		return vf->vid != 0 ? vf->vid : -1;
	}
}

static uint32_t model_n_on_port(const struct world *w, uint16_t port)
{
	uint32_t n = 0;

	for (vf_id i = 0; i < w->n_vfs; i++)
		n += w->vfs[i].port == port;
	return n;
}

struct verdict {
	enum drop_reason reason;
	vf_id src;
	int vid;
};

static struct verdict model_enter_shared(const struct world *w, const struct pkt *p, uint16_t port)
{
	vf_id here = VF_NONE;
	bool is_elsewhere = false;

	for (vf_id i = 0; i < w->n_vfs; i++) {
		const struct l2_vf *vf = &w->vfs[i];

		if (!model_has_mac(vf, p->data + 6))
			continue;
		if (vf->port != port)
			is_elsewhere = true;
		else if (model_vid(vf, p) >= 0)
			return (struct verdict){DROP_NOT, i, model_vid(vf, p)};
		else if (here == VF_NONE)
			here = i;
	}
	if (here != VF_NONE)
		return (struct verdict){DROP_VLAN, here, 0};
	return (struct verdict){is_elsewhere ? DROP_SPOOF : DROP_UNKNOWN_SOURCE, VF_NONE, 0};
}

static struct verdict model_enter_alone(const struct l2_vf *vf, vf_id src, const struct pkt *p)
{
	if (vf->antispoof && !model_has_mac(vf, p->data + 6))
		return (struct verdict){DROP_SPOOF, src, 0};
	if (model_vid(vf, p) < 0)
		return (struct verdict){DROP_VLAN, src, 0};
	return (struct verdict){DROP_NOT, src, model_vid(vf, p)};
}

static struct verdict model_enter(const struct world *w, const struct pkt *p, uint16_t port)
{
	bool is_cut_tag = p->n_tags < 2 && (p->ether_type == 0x8100 || p->ether_type == 0x88a8);
	bool is_group_source = p->data[6] & 1;
	vf_id only = port == PF_PORT ? VF_PF : VF_NONE;

	for (vf_id i = 0; i < w->n_vfs && model_n_on_port(w, port) == 1; i++)
		if (w->vfs[i].port == port)
			only = i;
	if (is_cut_tag || is_group_source)
		return (struct verdict){is_cut_tag ? DROP_MALFORMED : DROP_SPOOF, only, 0};
	if (only == VF_NONE)
		return model_enter_shared(w, p, port);
	if (only != VF_PF)
		return model_enter_alone(&w->vfs[only], only, p);
	uint16_t vid = p->outer_tci & 0xfff;
	bool is_loop = model_find(w, p->data + 6, vid) != VF_NONE;

	return (struct verdict){is_loop ? DROP_SPOOF : DROP_NOT, VF_PF, vid};
}

static bool model_leaves_tagged(const struct world *w, uint16_t vid, vf_id to)
{
	if (to == VF_PF)
		return vid != 0;
	return w->vfs[to].vlan_mode == L2_VLAN_TRUNK && vid != w->vfs[to].vid;
}

static enum tag_op model_tag_op(const struct world *w, const struct pkt *p, uint16_t vid, vf_id to)
{
	bool came_tagged = p->n_tags > 0, must = model_leaves_tagged(w, vid, to);

	if (came_tagged && must)
		return (p->outer_tci & 0xfff) == vid ? TAG_KEEP : TAG_SET;
	if (came_tagged)
		return TAG_POP;
	return must ? TAG_PUSH : TAG_KEEP;
}

static void model_switch(const struct world *w, struct pkt *p, uint16_t port)
{
	struct verdict v = model_enter(w, p, port);
	static const uint8_t link_local[5] = {0x01, 0x80, 0xc2, 0, 0};

	p->src = v.src;
	p->dst = VF_NONE;
	p->tag_op = TAG_KEEP;
	p->reason = (uint8_t)v.reason;
	p->dest_kind = DEST_DROP;
	if (v.reason != DROP_NOT)
		return;
	p->vid = (uint16_t)v.vid;
	if (memcmp(p->data, link_local, 5) == 0 && p->data[5] < 16) {
		p->reason = DROP_LINK_LOCAL;
		return;
	}
	if (p->data[0] & 1) {
		p->dest_kind = DEST_FLOOD;
		return;
	}
	vf_id to = model_find(w, p->data, p->vid);

	if (to == VF_NONE && v.src == VF_PF) {
		p->reason = DROP_UNKNOWN_DEST;
	} else if (to != VF_NONE && w->vfs[to].port == port) {
		p->reason = DROP_SAME_PORT;
	} else {
		p->dest_kind = to == VF_NONE ? DEST_PF : DEST_VF;
		p->dst = to == VF_NONE ? VF_PF : to;
		p->tag_op = (uint8_t)model_tag_op(w, p, p->vid, p->dst);
	}
}

#endif
