/* SPDX-License-Identifier: BSD-3-Clause */
/* What l2_build() makes and l2_switch() reads: VFs, the table MAC -> VFs, and who is in which VLAN.  Private
 * to l2. The table is open addressing with linear probing, at most half full, one slot a (MAC, VF).  VFs that
 * have a MAC in common follow each other in the order they were put in, the lowest first; a slot holds all
 * that most look-ups need, so that a hit costs one cache line. */
#ifndef WEIR_L2_TABLE_H
#define WEIR_L2_TABLE_H

#include <endian.h>
#include <string.h>

#include "l2.h"

#define L2_N_VIDS     4096
#define L2_VID_MASK   0xfff
#define L2_VID_WORDS  (L2_N_VIDS / 64)
#define L2_MAC_MASK   UINT64_C(0xffffffffffff)
#define L2_VID_SHIFT  48
#define L2_TRUNK_SLOT 0xffff /* in the place of a slot's VID: ask the VF's trunk set */

struct l2_slot {
	uint64_t mac_vid; /* MAC in the lower 48 bits; VID, or L2_TRUNK_SLOT, above */
	vf_id vf;         /* VF_NONE: empty */
	uint16_t port;    /* of an empty one: none that there is */
};

struct l2_node {
	const uint64_t *trunk; /* trunk mode only */
	uint32_t first_mac;    /* in l2.macs */
	uint16_t port;
	uint16_t vid;
	uint8_t n_macs;
	uint8_t vlan_mode;
	bool antispoof;
	bool is_free;
};

struct l2 {
	struct l2_slot *slots;
	uint64_t slot_mask;
	unsigned int hash_shift;
	uint16_t pf_port;
	vf_id only_vf[L2_MAX_PORTS]; /* VF_NONE where there are none or several */
	struct l2_node *vfs;
	uint64_t *macs;
	uint64_t *trunks;
	vf_id *members;
	uint32_t group_at[L2_N_VIDS + 1]; /* VLAN v: members[group_at[v] .. group_at[v + 1]) */
	uint32_t n_on_port[L2_MAX_PORTS];
};

/* The MAC at 'at' as a number: the first byte lowest, so that bit 0 is the group bit. */
static inline uint64_t l2_mac_of(const uint8_t at[6])
{
	uint32_t low;
	uint16_t high;

	memcpy(&low, at, sizeof(low));
	memcpy(&high, at + 4, sizeof(high));
	return le32toh(low) | (uint64_t)le16toh(high) << 32;
}

/* Fibonacci hashing: the MACs of a host mostly count up, and such keys it spreads evenly. */
static inline uint64_t l2_home_slot(const struct l2 *l2, uint64_t mac)
{
	return mac * UINT64_C(0x9e3779b97f4a7c15) >> l2->hash_shift;
}

static inline bool l2_slot_has_mac(const struct l2_slot *slot, uint64_t mac)
{
	return (slot->mac_vid & L2_MAC_MASK) == mac;
}

static inline bool l2_trunk_has(const struct l2_node *vf, uint16_t vid)
{
	return vf->trunk[vid / 64] >> vid % 64 & 1;
}

#endif
