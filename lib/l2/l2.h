/* SPDX-License-Identifier: BSD-3-Clause */
/* The L2 switch: who sent it, may he, and where does it go.  VF MACs are static (nothing is learnt, so nothing can be
 * poisoned or overflow); a MAC may occur once a VLAN.  Read-only after l2_build(): any number of workers may use it.
 * Rules: IEEE 802.1Q bridge with the PF as the only uplink.  Unknown unicast of a VF goes to the PF, of the PF is
 * dropped; groups go to the PF and the members of the VLAN but the sender; 01:80:C2:00:00:0x is never forwarded.
 * Used by: pipeline.  Uses: pkt. */
#ifndef WEIR_L2_H
#define WEIR_L2_H

#include <stdbool.h>
#include <stdint.h>

#include "pkt.h"
#include "drop.h"

#define L2_MAX_PORTS 64

enum l2_vlan_mode { L2_VLAN_NONE, L2_VLAN_ACCESS, L2_VLAN_TRUNK };	/* as enum vlan_mode of sla */

/* What the switch needs to know of a VF. */
struct l2_vf {
	bool is_free;		/* none is there (yet): nothing comes from it or goes to it, but its port is not another's alone */
	uint16_t port;
	uint8_t n_macs;
	const uint8_t (*mac)[6];
	bool antispoof;
	uint8_t vlan_mode;	/* enum l2_vlan_mode */
	uint16_t vid;		/* access: its VLAN; trunk: the native VLAN, or 0 */
	const uint64_t *trunk;	/* 64 words; trunk only; VID 0 in it means nothing */
};

struct l2;

/* 'pf_port' and vfs[].port are port numbers < L2_MAX_PORTS, no VF's port is the PF's, VIDs are below 4,096.
 * Copies what it needs.  Where a MAC is twice in a VLAN after all, the lower VF has it.  NULL where memory is out. */
struct l2 *l2_build(const struct l2_vf *vfs, uint32_t n_vfs, uint16_t pf_port);
void l2_destroy(struct l2 *l2);

/* Decides for a burst that came in by 'port' and has been through classify_headers(): sets src, vid, dest_kind, dst,
 * tag_op, reason of each.  Never fails: what may not pass is DEST_DROP with a reason.  src is set even on a drop where
 * the sender is known (the VF whose port it is), else VF_NONE.  What they have in common is looked up once. */
#define L2_BURST 32
void l2_switch(const struct l2 *l2, struct pkt *p, uint32_t n, uint16_t port);

/* The copies of a flood in VLAN 'vid': one a port, named by the VF that answers for it (the lowest of the VLAN's
 * members on that port).  The PF is not in the list. */
struct l2_group {
	uint32_t n;
	const vf_id *members;
};
struct l2_group l2_group_of(const struct l2 *l2, uint16_t vid);

/* The tag operation for a frame of VLAN p->vid on its way to VF 'to' (or VF_PF): how it must leave, compared with how
 * it came in (n_tags, outer_tci). */
enum tag_op l2_tag_op(const struct l2 *l2, const struct pkt *p, vf_id to);

/* 1 when nothing but one VF, or the place for one, is on the port: its packets may be held. */
uint32_t l2_vfs_on_port(const struct l2 *l2, uint16_t port);
vf_id l2_only_vf(const struct l2 *l2, uint16_t port);	/* VF_NONE: none is there, or others may be too */
uint16_t l2_port_of(const struct l2 *l2, vf_id vf);	/* VF_PF too */

#endif
