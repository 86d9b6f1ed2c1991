/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames of guests: the first byte is the port, the rest the frame.  Whatever is in it, what a VF sends must
 * reach the uplink in a VLAN of that VF, seen as the next switch sees it: with the tag done, and padded with
 * zeros to 60 bytes. */
#include <assert.h>
#include <string.h>

#include "classify.h"
#include "fuzz.h"
#include "l2.h"

#define N_PORTS    6 /* the last has nobody */
#define N_VFS      6
#define PF_PORT    0
#define SHARED     4
#define NATIVE     30
#define WIRE_BYTES 60

static const uint8_t macs[N_VFS][1][6] = {
	{{2, 0, 0, 0, 0, 1}},
	{{2, 0, 0, 0, 0, 2}},
	{{2, 0, 0, 0, 0, 3}},
	{{2, 0, 0, 0, 0, 4}},
	{{2, 0, 0, 0, 0, 5}},
	{{2, 0, 0, 0, 0, 6}},
};
static const uint64_t trunk[64] = {[0] = UINT64_C(1) << 20 | UINT64_C(1) << 21 | 1, [63] = UINT64_C(1) << 62};
static const struct l2_vf vfs[N_VFS] = {
	{.port = 1, .n_macs = 1, .mac = macs[0], .antispoof = true},
	{.port = 2, .n_macs = 1, .mac = macs[1], .vlan_mode = L2_VLAN_ACCESS, .vid = 10},
	{.port = 3, .n_macs = 1, .mac = macs[2], .vlan_mode = L2_VLAN_TRUNK, .vid = NATIVE, .trunk = trunk},
	{.port = SHARED, .n_macs = 1, .mac = macs[3]},
	{.port = SHARED, .n_macs = 1, .mac = macs[4], .vlan_mode = L2_VLAN_ACCESS, .vid = 10},
	{.port = SHARED, .n_macs = 1, .mac = macs[5], .vlan_mode = L2_VLAN_TRUNK, .trunk = trunk},
};

static bool may_send_in(vf_id vf, uint16_t vid)
{
	if (vfs[vf].vlan_mode != L2_VLAN_TRUNK)
		return vid == vfs[vf].vid;
	return vid != 0 && (vid == vfs[vf].vid || (trunk[vid / 64] >> vid % 64 & 1));
}

/* Does to 'frame' what the rim would do, and returns the VLAN in which the next switch sees it. */
static uint16_t vid_on_wire(uint8_t *frame, const struct pkt *p, enum tag_op op)
{
	if (op == TAG_POP)
		memmove(frame + 12, frame + 16, WIRE_BYTES - 16);
	if (op == TAG_PUSH) {
		memmove(frame + 16, frame + 12, WIRE_BYTES - 16);
		memcpy(frame + 12, "\x81", 2);
		frame[14] = 0;
	}
	if (op == TAG_PUSH || op == TAG_SET) {
		frame[14] = (uint8_t)((frame[14] & 0xf0) | p->vid >> 8);
		frame[15] = (uint8_t)p->vid;
	}
	bool is_tagged = (frame[12] == 0x81 && frame[13] == 0x00) || (frame[12] == 0x88 && frame[13] == 0xa8);

	if (!is_tagged)
		return 0;
	return (uint16_t)((frame[14] & 0xf) << 8 | frame[15]);
}

static void check_uplink(const struct l2 *l2, const struct pkt *p)
{
	uint8_t frame[WIRE_BYTES] = {0};

	memcpy(frame, p->data, p->data_bytes < WIRE_BYTES ? p->data_bytes : WIRE_BYTES);
	assert(p->src < N_VFS);
	assert(may_send_in(p->src, p->vid));
	assert(vid_on_wire(frame, p, l2_tag_op(l2, p, VF_PF)) == p->vid);
}

static void check_verdict(const struct l2 *l2, const struct pkt *p, uint16_t port)
{
	switch (p->dest_kind) {
	case DEST_DROP:
		assert(p->reason < N_DROP_REASONS);
		assert(p->src < N_VFS || p->src == VF_PF || p->src == VF_NONE);
		return;
	case DEST_PF:
		assert(p->dst == VF_PF);
		assert(p->tag_op == l2_tag_op(l2, p, VF_PF));
		check_uplink(l2, p);
		break;
	case DEST_VF:
		assert(p->dst < N_VFS && vfs[p->dst].port != port);
		assert(may_send_in(p->dst, p->vid));
		assert(memcmp(p->data, vfs[p->dst].mac[0], 6) == 0);
		break;
	case DEST_FLOOD:
		assert(p->data[0] & 1);
		if (port != PF_PORT)
			check_uplink(l2, p);
		break;
	default:
		assert(false);
	}
	assert(p->reason == DROP_NOT);
	assert((p->src == VF_PF) == (port == PF_PORT));
	assert(p->src == VF_PF || vfs[p->src].port == port);
}

/* What mark_ce() would find behind the tags is what was read. */
static void check_ecn(const struct pkt *p, int dscp)
{
	const uint8_t *ip = p->data + PKT_MIN_BYTES + 4 * p->n_tags;

	if (dscp < 0)
		return;
	unsigned int tos = ip[0] >> 4 == 4 ? ip[1] : (unsigned int)(ip[0] << 4 | ip[1] >> 4) & 0xff;
	assert(tos >> 2 == (unsigned int)dscp && (tos & 3) == p->ecn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct l2 *l2;

	if (!l2)
		l2 = l2_build(vfs, N_VFS, PF_PORT);
	if (!l2 || size < 1 + PKT_MIN_BYTES || size > UINT16_MAX)
		return 0;
	uint16_t port = data[0] % N_PORTS;
	struct pkt p = {.data = data + 1, .bytes = (uint32_t)(size - 1), .data_bytes = (uint16_t)(size - 1)};
	int dscp = classify_headers(&p);

	assert(dscp >= -1 && dscp < 64);
	assert(p.n_tags <= 2);
	assert(p.ecn <= ECN_CE && (dscp >= 0 || p.ecn == ECN_NOT_ECT));
	check_ecn(&p, dscp);
	l2_switch(l2, &p, 1, port);
	check_verdict(l2, &p, port);
	return 0;
}
