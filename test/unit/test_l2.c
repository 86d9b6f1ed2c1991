/* SPDX-License-Identifier: BSD-3-Clause */
/* The switch against a model that searches all VFs, in small random worlds where MACs and VLANs often meet.
 */
#include "unit.h"

#include <string.h>

#include "classify.h"
#include "l2.h"
#include "l2_model.h"

static void mac_of(uint64_t i, uint8_t mac[6])
{
	/* Differences in the first and in the last bytes. */
	mac[0] = (uint8_t)(2 + 4 * (i & 1));
	mac[1] = 0;
	mac[2] = (uint8_t)(i >> 24);
	mac[3] = (uint8_t)(i >> 16);
	mac[4] = (uint8_t)(i >> 8);
	mac[5] = (uint8_t)i;
}

/* Takes the VF's MACs away that another VF has in one of its VLANs. */
static void keep_macs_unique(struct world *w, vf_id vf)
{
	struct l2_vf *new = &w->vfs[vf];
	uint8_t n = 0;

	w->n_vfs = vf;
	for (uint8_t m = 0; m < new->n_macs; m++) {
		bool is_taken = false;

		for (unsigned int v = 0; v < N_WORLD_VIDS; v++)
			if (model_is_in(new, world_vids[v]) &&
				model_find(w, w->macs[vf][m], world_vids[v]) != VF_NONE)
				is_taken = true;
		if (!is_taken)
			memmove(w->macs[vf][n++], w->macs[vf][m], 6);
	}
	new->n_macs = n;
	w->n_vfs = vf + 1;
}

static void make_world(struct world *w, uint64_t *rng)
{
	uint32_t n_vfs = (uint32_t)(unit_random(rng) % (MAX_VFS + 1));

	memset(w, 0, sizeof(*w));
	for (vf_id i = 0; i < n_vfs; i++) {
		struct l2_vf *vf = &w->vfs[i];
		uint16_t port = (uint16_t)(unit_random(rng) % (N_PORTS - 1));

		vf->port = port == PF_PORT ? N_PORTS - 1 : port;
		vf->mac = (mac_t *)w->macs[i];
		vf->n_macs = (uint8_t)(unit_random(rng) % 4);
		for (uint8_t m = 0; m < vf->n_macs; m++)
			mac_of(unit_random(rng) % N_WORLD_MACS, w->macs[i][m]);
		vf->antispoof = unit_random(rng) % 4 != 0;
		vf->vlan_mode = (uint8_t)(unit_random(rng) % 3);
		vf->trunk = w->trunks[i];
		for (unsigned int v = 0; v < N_WORLD_VIDS; v++)
			if (unit_random(rng) % 3 == 0)
				w->trunks[i][world_vids[v] / 64] |= UINT64_C(1) << world_vids[v] % 64;
		if (vf->vlan_mode == L2_VLAN_ACCESS)
			vf->vid = world_vids[1 + unit_random(rng) % (N_WORLD_VIDS - 1)];
		if (vf->vlan_mode == L2_VLAN_TRUNK)
			vf->vid = world_vids[unit_random(rng) % N_WORLD_VIDS];
		keep_macs_unique(w, i);
	}
}

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void make_mac(uint8_t mac[6], uint64_t *rng, bool is_source)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t lldp[6] = {0x01, 0x80, 0xc2, 0, 0, 0x0e};
	static const uint8_t beyond_lldp[6] = {0x01, 0x80, 0xc2, 0, 0, 0x10};
	uint64_t kind = unit_random(rng) % (is_source ? 64 : 16);

	if (kind == 0)
		memcpy(mac, all, 6);
	else if (kind == 1)
		memcpy(mac, lldp, 6);
	else if (kind == 2)
		memcpy(mac, beyond_lldp, 6);
	else
		mac_of(unit_random(rng) % (N_WORLD_MACS + 1), mac);
}

/* Writes a frame with 0 .. 3 tags, sometimes cut in them. */
static uint16_t make_frame(uint8_t *frame, uint64_t *rng)
{
	unsigned int n_tags = unit_random(rng) % 16 == 0 ? 2 + unit_random(rng) % 2 : unit_random(rng) % 2;
	uint16_t at = 12;

	make_mac(frame, rng, false);
	make_mac(frame + 6, rng, true);
	for (unsigned int i = 0; i < n_tags; i++, at += 4) {
		put16(frame + at, unit_random(rng) % 2 ? 0x8100 : 0x88a8);
		put16(frame + at + 2, (unsigned int)(unit_random(rng) % 8) << 13 |
					      world_vids[unit_random(rng) % N_WORLD_VIDS]);
	}
	put16(frame + at, 0x0800);
	return unit_random(rng) % 32 == 0 ? 14 : (uint16_t)(at + 2);
}

/* Check's assertions cost a system call each: they are for what differs. */
static bool is_same(const struct pkt *got, const struct pkt *want)
{
	return got->reason == want->reason && got->dest_kind == want->dest_kind && got->src == want->src &&
	       got->dst == want->dst && got->tag_op == want->tag_op &&
	       (got->reason != DROP_NOT || got->vid == want->vid);
}

static void fail_over(const struct pkt *got, const struct pkt *want, uint16_t port)
{
	ck_abort_msg("from port %u: %s, kind %u, src %u, dst %u, tag op %u, VLAN %u; "
		     "wanted %s, kind %u, src %u, dst %u, tag op %u, VLAN %u",
		port, drop_name(got->reason), got->dest_kind, got->src, got->dst, got->tag_op, got->vid,
		drop_name(want->reason), want->dest_kind, want->src, want->dst, want->tag_op, want->vid);
}

static uint32_t n_wrong_tag_ops(const struct l2 *l2, const struct world *w, const struct pkt *p)
{
	uint32_t n = 0;

	for (vf_id to = 0; to < w->n_vfs; to++)
		n += l2_tag_op(l2, p, to) != model_tag_op(w, p, p->vid, to);
	return n + (l2_tag_op(l2, p, VF_PF) != model_tag_op(w, p, p->vid, VF_PF));
}

/* A random burst through both. */
static void compare(const struct l2 *l2, const struct world *w, unsigned int *n_of_reason, uint64_t *rng)
{
	uint16_t port = (uint16_t)(unit_random(rng) % N_PORTS);
	uint32_t n_pkts = 1 + (uint32_t)(unit_random(rng) % L2_BURST);
	struct pkt got[L2_BURST], want[L2_BURST];
	uint8_t frame[L2_BURST][64];

	for (uint32_t i = 0; i < n_pkts; i++) {
		uint16_t n = make_frame(frame[i], rng);

		if (i > 0 && unit_random(rng) % 2)	/* more of the same, as most traffic is */
			memcpy(frame[i], frame[i - 1], unit_random(rng) % 2 ? 6 : 12);
		got[i] = (struct pkt){.data = frame[i],
			.bytes = n,
			.data_bytes = n,
			.dest_kind = 9,
			.reason = 99,
			.tag_op = 9,
			.vid = 9,
			.src = 9,
			.dst = 9};
		classify_headers(&got[i]);
		want[i] = got[i];
		model_switch(w, &want[i], port);
	}
	l2_switch(l2, got, n_pkts, port);
	for (uint32_t i = 0; i < n_pkts; i++) {
		if (!is_same(&got[i], &want[i]))
			fail_over(&got[i], &want[i], port);
		if (got[i].reason == DROP_NOT && n_wrong_tag_ops(l2, w, &got[i]) > 0)
			ck_abort_msg("tag operations of a copy in VLAN %u", got[i].vid);
		n_of_reason[got[i].reason]++;
	}
}

/* Broken by: lead_plain() that does not ask for which VLAN its answer was; enter_plain() that does not compare the port, or
 * takes the PF's frame whatever its source. */
START_TEST(the_switch_decides_as_a_search_through_all_vfs_does)
{
	uint64_t rng = (uint64_t)_i;
	struct world w;
	unsigned int n_of_reason[N_DROP_REASONS + 1] = {0};

	for (int round = 0; round < 20; round++) {
		make_world(&w, &rng);
		struct l2 *l2 = l2_build(w.vfs, w.n_vfs, PF_PORT);

		ck_assert_ptr_nonnull(l2);
		for (int i = 0; i < 100; i++)
			compare(l2, &w, n_of_reason, &rng);
		l2_destroy(l2);
	}
	/* The worlds are worth something only if they meet every case. */
	static const enum drop_reason must_meet[] = {DROP_NOT, DROP_MALFORMED, DROP_SPOOF,
		DROP_UNKNOWN_SOURCE, DROP_VLAN, DROP_UNKNOWN_DEST, DROP_SAME_PORT, DROP_LINK_LOCAL};

	for (size_t i = 0; i < sizeof(must_meet) / sizeof(must_meet[0]); i++)
		ck_assert_msg(n_of_reason[must_meet[i]] > 0, "%s never met", drop_name(must_meet[i]));
}
END_TEST

START_TEST(a_group_is_the_lowest_member_of_the_vlan_on_each_port)
{
	uint64_t rng = 1000 + (uint64_t)_i;
	struct world w;

	for (int round = 0; round < 50; round++) {
		make_world(&w, &rng);
		struct l2 *l2 = l2_build(w.vfs, w.n_vfs, PF_PORT);

		for (unsigned int v = 0; v <= N_WORLD_VIDS; v++) {
			uint16_t vid = v < N_WORLD_VIDS ? world_vids[v] : 3000;
			struct l2_group group = l2_group_of(l2, vid);
			bool seen[N_PORTS] = {false};
			uint32_t n = 0;

			for (vf_id i = 0; i < w.n_vfs; i++) {
				if (!model_is_in(&w.vfs[i], vid) || seen[w.vfs[i].port])
					continue;
				seen[w.vfs[i].port] = true;
				ck_assert_uint_lt(n, group.n);
				ck_assert_uint_eq(group.members[n++], i);
			}
			ck_assert_uint_eq(n, group.n);
		}
		ck_assert_uint_eq(l2_group_of(l2, 4096).n, 0);
		for (uint16_t port = 0; port < N_PORTS; port++)
			ck_assert_uint_eq(l2_vfs_on_port(l2, port), model_n_on_port(&w, port));
		for (vf_id i = 0; i < w.n_vfs; i++)
			ck_assert_uint_eq(l2_port_of(l2, i), w.vfs[i].port);
		ck_assert_uint_eq(l2_port_of(l2, VF_PF), PF_PORT);
		l2_destroy(l2);
	}
}
END_TEST

/* Sends from the PF to a MAC in a VLAN; 0 = untagged. */
static struct pkt from_pf(const struct l2 *l2, const uint8_t to[6], uint16_t vid)
{
	static uint8_t frame[18];
	struct pkt p = {.data = frame, .bytes = sizeof(frame), .data_bytes = sizeof(frame)};

	memcpy(frame, to, 6);
	mac_of(UINT32_MAX, frame + 6);
	put16(frame + 12, vid ? 0x8100 : 0x0800);
	put16(frame + 14, vid);
	put16(frame + 16, 0x0800);
	classify_headers(&p);
	l2_switch(l2, &p, 1, 0);
	return p;
}

START_TEST(all_macs_of_65536_vfs_are_found)
{
	enum { N = 65536 };
	struct l2_vf *vfs = calloc(N, sizeof(*vfs));
	uint8_t(*macs)[8][6] = calloc(N, sizeof(*macs));
	uint32_t n_found = 0;

	for (uint32_t i = 0; i < N; i++) {
		for (uint32_t m = 0; m < 8; m++)
			mac_of(8 * i + m, macs[i][m]);
		vfs[i] = (struct l2_vf){.port = (uint16_t)(1 + i % 31), .n_macs = 8, .mac = (mac_t *)macs[i]};
	}
	struct l2 *l2 = l2_build(vfs, N, 0);

	ck_assert_ptr_nonnull(l2);
	for (uint32_t i = 0; i < N; i++)
		for (uint32_t m = 0; m < 8; m++) {
			struct pkt p = from_pf(l2, macs[i][m], 0);

			n_found += p.dest_kind == DEST_VF && p.dst == i;
		}
	ck_assert_uint_eq(n_found, 8 * N);
	ck_assert_uint_eq(l2_group_of(l2, 0).n, 31);
	l2_destroy(l2);
	free(vfs);
	free(macs);
}
END_TEST

START_TEST(one_mac_in_every_vlan_finds_each_vlans_vf)
{
	enum { N = 4094 };
	struct l2_vf *vfs = calloc(N, sizeof(*vfs));
	uint8_t mac[1][6];

	mac_of(7, mac[0]);
	for (uint32_t i = 0; i < N; i++)
		vfs[i] = (struct l2_vf){.port = 1,
			.n_macs = 1,
			.mac = (mac_t *)mac,
			.vlan_mode = L2_VLAN_ACCESS,
			.vid = (uint16_t)(1 + i)};
	struct l2 *l2 = l2_build(vfs, N, 0);

	for (uint32_t i = 0; i < N; i++) {
		struct pkt p = from_pf(l2, mac[0], (uint16_t)(1 + i));

		ck_assert_uint_eq(p.dst, i);
		ck_assert_uint_eq(p.tag_op, TAG_POP);
	}
	ck_assert_uint_eq(from_pf(l2, mac[0], 0).reason, DROP_UNKNOWN_DEST);
	l2_destroy(l2);
	free(vfs);
}
END_TEST

START_TEST(a_second_tag_behind_a_priority_tag_does_not_reach_the_uplink)
{
	static const uint8_t mac[1][6] = {{2, 0, 0, 0, 0, 1}};
	struct l2_vf vf = {
		.port = 1, .n_macs = 1, .mac = mac, .antispoof = true, .vlan_mode = (uint8_t)_i, .vid = 10};
	uint64_t trunk[64] = {0};
	uint8_t frame[22] = {2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 0, 0x81, 0, 0, 100, 0x08, 0};
	struct pkt p = {.data = frame, .bytes = sizeof(frame)};

	vf.trunk = trunk;
	struct l2 *l2 = l2_build(&vf, 1, 0);

	for (p.data_bytes = 16; p.data_bytes <= sizeof(frame); p.data_bytes++) {
		classify_headers(&p);
		l2_switch(l2, &p, 1, 1);
		ck_assert_uint_eq(p.dest_kind, DEST_DROP);
		ck_assert_uint_eq(p.reason, p.data_bytes < 22 ? DROP_MALFORMED : DROP_VLAN);
		ck_assert_uint_eq(p.src, 0);
	}
	l2_destroy(l2);
	l2_destroy(NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("l2");
	TCase *tc = tcase_create("l2");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, the_switch_decides_as_a_search_through_all_vfs_does, 0, 32);
	tcase_add_loop_test(tc, a_group_is_the_lowest_member_of_the_vlan_on_each_port, 0, 16);
	tcase_add_test(tc, all_macs_of_65536_vfs_are_found);
	tcase_add_test(tc, one_mac_in_every_vlan_finds_each_vlans_vf);
	tcase_add_loop_test(tc, a_second_tag_behind_a_priority_tag_does_not_reach_the_uplink, 0, 3);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
