/* SPDX-License-Identifier: BSD-3-Clause */
/* The decision for each packet of a burst: sender and VLAN, then destination.  No loop but over VFs that share a MAC.
 * Most frames are untagged IP from where most come, to where the one before went: these take a few lines at the end, and
 * decide() says what they must come to. */
#include "l2.h"

#include <assert.h>

#include "l2_table.h"

#define TPID_VLAN 0x8100
#define TPID_QINQ 0x88a8

/* 01:80:C2:00:00:00 .. 0F as l2_mac_of() reads it. */
#define LINK_LOCAL_MASK UINT64_C(0xf0ffffffffff)
#define LINK_LOCAL_MAC  UINT64_C(0x0000c28001)

static inline bool is_group(uint64_t mac)
{
	return mac & 1;
}

static inline uint16_t outer_vid(const struct pkt *p)
{
	return p->outer_tci & L2_VID_MASK;
}

/* The slot of the VF that has this MAC in this VLAN; NULL = none. */
static inline const struct l2_slot *find(const struct l2 *l2, uint64_t mac, uint16_t vid)
{
	for (uint64_t i = l2_home_slot(l2, mac);; i = (i + 1) & l2->slot_mask) {
		const struct l2_slot *slot = &l2->slots[i];

		if (slot->vf == VF_NONE)
			return NULL;
		if (!l2_slot_has_mac(slot, mac))
			continue;
		uint64_t slot_vid = slot->mac_vid >> L2_VID_SHIFT;

		if (slot_vid == vid)
			return slot;
		if (slot_vid != L2_TRUNK_SLOT)
			continue;
		const struct l2_node *vf = &l2->vfs[slot->vf];

		if (vid != 0 && (vid == vf->vid || l2_trunk_has(vf, vid)))
			return slot;
	}
}

/* May the VF send the frame as it is tagged?  Sets p->vid if so.  A priority tag counts as untagged only when
 * no other tag follows: taking it off would bare a VID of the VF's own choice to the uplink. */
static inline bool enter_vlan(const struct l2_node *vf, struct pkt *p)
{
	uint16_t vid = outer_vid(p);
	bool is_untagged = p->n_tags == 0 || (vid == 0 && p->n_tags == 1);

	if (is_untagged) {
		p->vid = vf->vid; /* none: 0 */
		return vf->vlan_mode != L2_VLAN_TRUNK || vf->vid != 0;
	}
	if (vf->vlan_mode != L2_VLAN_TRUNK || !l2_trunk_has(vf, vid))
		return false;
	p->vid = vid;
	return true;
}

/* The same by the slot alone, where it tells: a packet in a hundred is tagged, and the VF's line is one more. */
static inline bool enter_vlan_of(const struct l2 *l2, const struct l2_slot *slot, struct pkt *p)
{
	uint64_t vid = slot->mac_vid >> L2_VID_SHIFT;

	if (p->n_tags != 0 || vid == L2_TRUNK_SLOT)
		return enter_vlan(&l2->vfs[slot->vf], p);
	p->vid = (uint16_t)vid;
	return true;
}

static inline bool has_mac(const struct l2 *l2, const struct l2_node *vf, uint64_t mac)
{
	for (unsigned int i = 0; i < vf->n_macs; i++)
		if (l2->macs[vf->first_mac + i] == mac)
			return true;
	return false;
}

static inline enum drop_reason from_only_vf(const struct l2 *l2, struct pkt *p, uint64_t mac)
{
	const struct l2_node *vf = &l2->vfs[p->src];

	if (is_group(mac) || (vf->antispoof && !has_mac(l2, vf, mac)))
		return DROP_SPOOF;
	return enter_vlan(vf, p) ? DROP_NOT : DROP_VLAN;
}

/* The sender is who has this MAC on this port and may send the frame as it is tagged. */
static enum drop_reason from_shared_port(const struct l2 *l2, struct pkt *p, uint64_t mac, uint16_t port)
{
	enum drop_reason reason = DROP_UNKNOWN_SOURCE;

	if (is_group(mac))
		return DROP_SPOOF;
	for (uint64_t i = l2_home_slot(l2, mac); l2->slots[i].vf != VF_NONE; i = (i + 1) & l2->slot_mask) {
		const struct l2_slot *slot = &l2->slots[i];

		if (!l2_slot_has_mac(slot, mac))
			continue;
		if (slot->port != port) {
			if (p->src == VF_NONE)
				reason = DROP_SPOOF;
			continue;
		}
		if (enter_vlan_of(l2, slot, p)) {
			p->src = slot->vf;
			return DROP_NOT;
		}
		if (p->src == VF_NONE)
			p->src = slot->vf;
		reason = DROP_VLAN;
	}
	return reason;
}

static inline enum drop_reason from_pf(const struct l2 *l2, struct pkt *p, uint64_t mac)
{
	p->src = VF_PF;
	p->vid = outer_vid(p);
	/* A VF's MAC that comes in from the uplink went out there before: a loop, or somebody lies. */
	return is_group(mac) || find(l2, mac, p->vid) ? DROP_SPOOF : DROP_NOT;
}

static inline enum drop_reason enter(const struct l2 *l2, struct pkt *p, uint16_t port)
{
	uint64_t mac = l2_mac_of(p->data + 6);

	p->vid = 0;
	p->src = l2->only_vf[port];
	/* A tag cut short: padding to the least frame size would complete it behind our back. */
	if ((p->ether_type == TPID_VLAN || p->ether_type == TPID_QINQ) && p->n_tags < 2) {
		p->src = port == l2->pf_port ? VF_PF : p->src;
		return DROP_MALFORMED;
	}
	if (port == l2->pf_port)
		return from_pf(l2, p, mac);
	return p->src != VF_NONE ? from_only_vf(l2, p, mac) : from_shared_port(l2, p, mac, port);
}

/* What most often answers for the next packet too; of one burst from one port. */
struct memo {
	uint64_t mac_vid, plain, sender;	/* what the answers below are for; NO_MAC_VID: nothing yet */
	const struct l2_slot *slot;		/* find() of mac_vid */
	uint32_t way;				/* of an untagged frame to 'plain' */
	vf_id dst;
	uint16_t sender_vid;			/* of an untagged frame from the port's only VF by MAC 'sender' */
};

#define NO_MAC_VID UINT64_MAX	/* no VLAN has this number */

static inline const struct l2_slot *find_by_memo(const struct l2 *l2, uint64_t mac, uint16_t vid, struct memo *memo)
{
	uint64_t mac_vid = mac | (uint64_t)vid << L2_VID_SHIFT;

	if (memo->mac_vid != mac_vid) {
		memo->mac_vid = mac_vid;
		memo->slot = find(l2, mac, vid);
	}
	return memo->slot;
}

static inline enum drop_reason to_where(const struct l2 *l2, struct pkt *p, uint16_t port, struct memo *memo)
{
	uint64_t mac = l2_mac_of(p->data);

	if (is_group(mac)) {
		p->dest_kind = DEST_FLOOD;
		return (mac & LINK_LOCAL_MASK) == LINK_LOCAL_MAC ? DROP_LINK_LOCAL : DROP_NOT;
	}
	const struct l2_slot *slot = find_by_memo(l2, mac, p->vid, memo);

	if (slot) {
		p->dest_kind = DEST_VF;
		p->dst = slot->vf;
		p->tag_op = (uint8_t)l2_tag_op(l2, p, slot->vf);
		return slot->port == port ? DROP_SAME_PORT : DROP_NOT;
	}
	p->dest_kind = DEST_PF;
	p->dst = VF_PF;
	p->tag_op = (uint8_t)l2_tag_op(l2, p, VF_PF);
	return p->src == VF_PF ? DROP_UNKNOWN_DEST : DROP_NOT;
}

static inline void settle(struct pkt *p, enum drop_reason reason)
{
	p->reason = (uint8_t)reason;
	if (reason != DROP_NOT) {
		p->dest_kind = DEST_DROP;
		p->dst = VF_NONE;
		p->tag_op = TAG_KEEP;
	}
}

static __attribute__((noinline)) void decide(const struct l2 *l2, struct pkt *p, uint16_t port, struct memo *memo)
{
	p->way = 0;
	p->dst = VF_NONE;
	enum drop_reason reason = enter(l2, p, port);
	if (reason == DROP_NOT)
		reason = to_where(l2, p, port, memo);
	settle(p, reason);
}

enum port_kind { PORT_SHARED, PORT_OF_ONE, PORT_PF };

/* The head of a frame: two words that any frame has. */
struct head {
	uint64_t dst;		/* its MAC */
	uint64_t src_type;	/* the source's MAC, and what stands behind it */
	uint64_t at;		/* the home slot of that MAC */
};

static inline uint64_t word_at(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return le64toh(word);
}

/* IPv4 or IPv6 without a tag. */
static inline bool is_plain(uint64_t src_type)
{
	uint64_t type = src_type >> L2_VID_SHIFT;

	return type == 0x0008 || type == 0xdd86;
}

/* As enter() of a plain frame; false: that must say. */
static inline __attribute__((always_inline)) bool enter_plain(const struct l2 *l2, struct pkt *p, const struct head *head,
	uint16_t port, enum port_kind kind, struct memo *memo)
{
	uint64_t at = head->at, mac = head->src_type & L2_MAC_MASK;
	const struct l2_slot *slot = &l2->slots[at];
	uint16_t vid;

	switch (kind) {
	case PORT_SHARED:	/* the first that has the MAC, on this port, in one VLAN */
		while (!l2_slot_has_mac(slot, mac) && slot->vf != VF_NONE)
			slot = &l2->slots[at = (at + 1) & l2->slot_mask];
		vid = (uint16_t)(slot->mac_vid >> L2_VID_SHIFT);
		if (slot->port != port || vid == L2_TRUNK_SLOT)
			return false;
		p->src = slot->vf;
		p->vid = vid;
		return true;
	case PORT_OF_ONE:
		if (mac != memo->sender) {
			if (enter(l2, p, port) != DROP_NOT)
				return false;
			memo->sender = mac;
			memo->sender_vid = p->vid;
		}
		p->src = l2->only_vf[port];
		p->vid = memo->sender_vid;
		return true;
	case PORT_PF:	/* nobody's MAC here */
		if (slot->vf != VF_NONE || is_group(mac))
			return false;
		p->src = VF_PF;
		p->vid = 0;
		return true;
	}
	return false;
}

static inline void lead_plain(const struct l2 *l2, struct pkt *p, uint64_t mac, uint16_t port, struct memo *memo)
{
	uint64_t mac_vid = mac | (uint64_t)p->vid << L2_VID_SHIFT;

	if (mac_vid != memo->plain) {
		p->way = 0;
		p->dst = VF_NONE;
		settle(p, to_where(l2, p, port, memo));
		memo->plain = mac_vid;
		memo->way = p->way;
		memo->dst = p->dst;
		return;
	}
	p->way = memo->way;
	p->dst = memo->dst;
}

static inline __attribute__((always_inline)) void switch_all(const struct l2 *l2, struct pkt *p, const struct head *head,
	uint32_t n, uint16_t port, enum port_kind kind)
{
	struct memo memo = {.mac_vid = NO_MAC_VID, .plain = NO_MAC_VID, .sender = NO_MAC_VID};

	for (uint32_t i = 0; i < n; i++) {
		if (is_plain(head[i].src_type) && enter_plain(l2, &p[i], &head[i], port, kind, &memo))
			lead_plain(l2, &p[i], head[i].dst, port, &memo);
		else
			decide(l2, &p[i], port, &memo);
	}
}

/* What the packets' look-ups will read. */
static inline void read_heads(const struct l2 *l2, const struct pkt *p, struct head *head, uint32_t n)
{
	uint64_t last = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t dst = word_at(p[i].data) & L2_MAC_MASK, src_type = word_at(p[i].data + 6);

		head[i] = (struct head){dst, src_type, l2_home_slot(l2, src_type & L2_MAC_MASK)};
		__builtin_prefetch(&l2->slots[head[i].at]);
		if (dst != last)
			__builtin_prefetch(&l2->slots[l2_home_slot(l2, dst)]);
		last = dst;
	}
}

void l2_switch(const struct l2 *l2, struct pkt *p, uint32_t n, uint16_t port)
{
	struct head head[L2_BURST];

	assert(n <= L2_BURST);
	read_heads(l2, p, head, n);
	if (port == l2->pf_port)
		switch_all(l2, p, head, n, port, PORT_PF);
	else if (l2->only_vf[port] != VF_NONE)
		switch_all(l2, p, head, n, port, PORT_OF_ONE);
	else
		switch_all(l2, p, head, n, port, PORT_SHARED);
}

struct l2_group l2_group_of(const struct l2 *l2, uint16_t vid)
{
	if (vid >= L2_N_VIDS)
		return (struct l2_group){0};
	return (struct l2_group){
		.n = l2->group_at[vid + 1] - l2->group_at[vid],
		.members = l2->members + l2->group_at[vid],
	};
}

enum tag_op l2_tag_op(const struct l2 *l2, const struct pkt *p, vf_id to)
{
	bool leaves_tagged;

	if (to == VF_PF)
		leaves_tagged = p->vid != 0;
	else
		leaves_tagged = l2->vfs[to].vlan_mode == L2_VLAN_TRUNK && p->vid != l2->vfs[to].vid;
	if (p->n_tags == 0)
		return leaves_tagged ? TAG_PUSH : TAG_KEEP;
	if (!leaves_tagged)
		return TAG_POP;
	return outer_vid(p) == p->vid ? TAG_KEEP : TAG_SET;
}

uint32_t l2_vfs_on_port(const struct l2 *l2, uint16_t port)
{
	return l2->n_on_port[port];
}

vf_id l2_only_vf(const struct l2 *l2, uint16_t port)
{
	return l2->only_vf[port];
}

uint16_t l2_port_of(const struct l2 *l2, vf_id vf)
{
	return vf == VF_PF ? l2->pf_port : l2->vfs[vf].port;
}
