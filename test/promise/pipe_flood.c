/* SPDX-License-Identifier: BSD-3-Clause */
/* Promise: a broadcast goes once to everybody entitled and never back, is charged once per copy, and is limited
 * (contract 7); also across workers. */
#include "fake_rim.h"
#include "unit.h"

#define MS UINT64_C(1000000)

static void check_near(double got, double want, double permille, const char *what)
{
	ck_assert_msg(got >= want * (1 - permille / 1000) && got <= want * (1 + permille / 1000),
		"%s: %.0f, wanted %.0f", what, got, want);
}

static int shout(struct rim *r, uint16_t port, uint32_t bytes, uint64_t pps, uint16_t vid)
{
	return rim_offer(r, &(struct rim_stream){
		.port = port, .dst = BROADCAST_MAC, .bytes = bytes, .pps = pps, .vid = vid});
}

/* Broken by: flood_of_vf() that does not leave out the sender's own port (the sink refuses what comes back). */
START_TEST(a_broadcast_reaches_everybody_once_and_never_its_sender)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = RIM_PF("1G") RIM_VM(01, "") RIM_VM(02, "") RIM_VM(03, "") RIM_VM(04, ""),
		.placement = (enum rim_placement)_i});
	int of_vm = shout(r, 1, 100, 0, 0), of_pf = shout(r, 0, 100, 0, 0);

	rim_run(r, 100 * MS);	/* saves a burst of broadcasts */
	rim_put(r, of_vm, 20);
	rim_put(r, of_pf, 30);
	rim_run(r, 10 * MS);
	for (uint16_t port = 0; port <= 4; port++) {
		ck_assert_uint_eq(rim_pkts(r, of_vm, port), port == 1 ? 0 : 20);
		ck_assert_uint_eq(rim_pkts(r, of_pf, port), port == 0 ? 0 : 30);
	}
	ck_assert_uint_eq(rim_all_drops(r), 0);
	ck_assert_uint_eq(rim_view(r, 0).tx.in_pkts, 20);
	ck_assert_uint_eq(rim_view(r, 0).tx.out_pkts, 20 * 4);	/* a copy is a packet */
	ck_assert_uint_eq(rim_view(r, 0).tx.local_pkts, 20 * 3);
	rim_end(r);
}
END_TEST

/* 1 Mb/s for frames of 1,000 bytes to four: 31.25 floods a second.  Broken by: copies = 1 in enqueue_sender(). */
START_TEST(a_broadcast_is_charged_to_its_sender_once_a_copy)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = RIM_PF("1G") RIM_VM(01, "tx.max_bps = 1M\n") RIM_VM(02, "") RIM_VM(03, "") RIM_VM(04, ""),
		.placement = (enum rim_placement)_i});
	int s = shout(r, 1, 1000, 500, 0);
	double sum = 0;

	rim_run(r, 2000 * MS);
	rim_mark(r);
	rim_run(r, 4000 * MS);
	for (uint16_t port = 0; port <= 4; port++)
		sum += rim_bps(r, s, port);
	check_near(sum, 1e6, 20, "all copies");
	check_near(rim_pps(r, s, 2), rim_pps(r, s, 3), 20, "to VM 2 as to VM 3");
	ck_assert_uint_eq(rim_all_drops(r), 0);		/* held, like everything within the broadcast limit */
	rim_end(r);
}
END_TEST

/* Broken by: may_broadcast() that is always true. */
START_TEST(broadcasts_are_limited_per_vm_and_for_the_uplink)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = "[port pf]\nrole = pf\nlink_basis = l2\nrate = 1G\nbroadcast_pps = 2k\n"
			RIM_VM(01, "broadcast_pps = 100\n") RIM_VM(02, "broadcast_pps = 0\n") RIM_VM(03, ""),
		.placement = (enum rim_placement)_i});
	int a = shout(r, 1, 100, 5000, 0), b = shout(r, 2, 100, 5000, 0), c = shout(r, 3, 100, 5000, 0);
	int pf = shout(r, 0, 100, 50000, 0);
	int unicast = rim_offer(r, &(struct rim_stream){.port = 2, .dst = VM_MAC(1), .bytes = 100, .pps = 5000});

	rim_run(r, 200 * MS);
	rim_mark(r);
	rim_run(r, 1000 * MS);
	check_near(rim_pps(r, a, 3), 100, 10, "limited to 100");
	check_near(rim_pps(r, b, 3), 0, 0, "forbidden");
	check_near(rim_pps(r, c, 1), 1000, 2, "limited by default");
	check_near(rim_pps(r, pf, 1), 2000, 2, "of the uplink");
	check_near(rim_pps(r, unicast, 1), 5000, 2, "unicast beside");
	ck_assert_uint_gt(rim_view(r, 0).tx.drops[DROP_BROADCAST_LIMIT], 5800);
	ck_assert_uint_eq(rim_view(r, 1).tx.drops[DROP_BROADCAST_LIMIT], rim_view(r, 1).tx.in_pkts - 5000 - 1000);
	ck_assert_uint_gt(rim_view(r, VF_PF).tx.drops[DROP_BROADCAST_LIMIT], 57000);
	rim_end(r);
}
END_TEST

#define VLANS \
	RIM_PF("1G") RIM_VM(01, "vlan = 10\n") RIM_VM(02, "vlan = 10\n") RIM_VM(03, "vlan = 20\n") \
		RIM_VM(04, "trunk = 10,20\nnative = 30\n") RIM_VM(05, "")

/* Broken by: flow key of floods without the VID; l2_tag_op() for the PF. */
START_TEST(a_broadcast_stays_in_its_vlan_and_is_tagged_as_each_receiver_wants)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = VLANS, .placement = (enum rim_placement)_i});
	/* What is delivered to ports 0 .. 5: -2 nothing, -1 untagged, else the VID. */
	static const struct {
		uint16_t port, vid;
		int at[6];
	} cases[] = {
		{1, 0, {10, -2, -1, -2, 10, -2}},	/* access 10 */
		{3, 0, {20, -2, -2, -2, 20, -2}},	/* access 20 */
		{4, 10, {10, -1, -1, -2, -2, -2}},	/* trunk, in 10 */
		{4, 0, {30, -2, -2, -2, -2, -2}},	/* trunk, native */
		{5, 0, {-1, -2, -2, -2, -2, -2}},	/* no VLAN: nobody else */
		{0, 20, {-2, -2, -2, -1, 20, -2}},	/* from the uplink */
		{0, 30, {-2, -2, -2, -2, -1, -2}},
		{0, 0, {-2, -2, -2, -2, -2, -1}},
		{0, 99, {-2, -2, -2, -2, -2, -2}},	/* nobody's VLAN */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int s = shout(r, cases[i].port, 100, 0, cases[i].vid);
		rim_run(r, 20 * MS);
		rim_put(r, s, 5);
		rim_run(r, 10 * MS);
		for (uint16_t port = 0; port <= 5; port++) {
			ck_assert_msg(rim_pkts(r, s, port) == (cases[i].at[port] == -2 ? 0 : 5),
				"case %zu, port %u: %lu", i, port, (unsigned long)rim_pkts(r, s, port));
			if (cases[i].at[port] != -2)
				ck_assert_int_eq(rim_last_vid(r, s, port), cases[i].at[port]);
		}
	}
	ck_assert_uint_eq(rim_all_drops(r), 0);
	rim_end(r);
}
END_TEST

/* Broken by: pipe_copy_to() that counts nothing where there is no buffer; no free where a copy cannot be tagged. */
START_TEST(copies_that_cannot_be_made_are_counted_and_leak_nothing)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = VLANS, .placement = (enum rim_placement)_i});
	int vm = shout(r, 1, 100, 0, 0), pf = shout(r, 0, 100, 0, 20);
	int to_pf = rim_offer(r, &(struct rim_stream){.port = 1, .dst = HOST_MAC(1), .bytes = 100});

	rim_run(r, 100 * MS);
	rim_set_buffers(r, false, false);
	rim_put(r, vm, 5);
	rim_put(r, pf, 5);
	rim_put(r, to_pf, 5);	/* needs a tag */
	rim_run(r, 10 * MS);
	ck_assert_uint_eq(rim_drops(r, VF_PF, DROP_NO_BUFFER), 5);	/* the flood's copy for the uplink */
	ck_assert_uint_eq(rim_view(r, 0).tx.drops[DROP_NO_BUFFER], 5);	/* what its sender lost: the unicast */
	ck_assert_uint_eq(rim_view(r, 1).rx.drops[DROP_NO_BUFFER], 5);
	ck_assert_uint_eq(rim_view(r, 2).rx.drops[DROP_NO_BUFFER], 5);
	ck_assert_uint_eq(rim_view(r, 3).rx.drops[DROP_NO_BUFFER], 10);
	rim_set_buffers(r, true, false);	/* copies, but no room for a tag in them */
	rim_put(r, vm, 5);
	rim_run(r, 10 * MS);
	ck_assert_uint_eq(rim_drops(r, VF_PF, DROP_NO_BUFFER), 10);
	ck_assert_uint_eq(rim_view(r, 1).rx.drops[DROP_NO_BUFFER], 5);	/* needs none */
	ck_assert_uint_eq(rim_pkts(r, vm, 2), 5);
	ck_assert_uint_eq(rim_view(r, 3).rx.drops[DROP_NO_BUFFER], 15);
	rim_end(r);
}
END_TEST

#define STORM \
	RIM_PF("1G") RIM_VM(01, "broadcast_pps = 50M\n") RIM_VM(02, "tx.min_pps = 40k\n") RIM_VM(03, "") RIM_VM(04, "")

/* A guest that shouts all it can, and one that does not read.
 * Broken by: room_left() once a copy; room_to_home() without "/ 2". */
START_TEST(a_storm_costs_others_nothing)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = _i < 3 ? "[switch]\npacket_capacity = 500k\n" STORM : STORM, .hand_pkts = 48,
		.placement = (enum rim_placement)(_i % 3)});
	int good = rim_offer(r, &(struct rim_stream){.port = 2, .dst = VM_MAC(3), .bytes = 200, .pps = 40000});

	shout(r, 1, 60, 20000000, 0);
	rim_set_reader(r, 4, 0, 0);
	rim_run(r, 100 * MS);
	rim_mark(r);
	rim_run(r, 300 * MS);
	check_near(rim_pps(r, good, 3), 40000, 5, "beside the storm");
	ck_assert_uint_gt(rim_drops(r, 3, DROP_RECEIVER_SLOW), 0);
	ck_assert_uint_eq(rim_drops(r, 2, DROP_RECEIVER_SLOW), 0);
	ck_assert_uint_eq(rim_view(r, 0).tx.drops[DROP_RING_FULL], 0);
	rim_end(r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pipe_flood");
	TCase *tc = tcase_create("flood");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, a_broadcast_reaches_everybody_once_and_never_its_sender, 0, 3);
	tcase_add_loop_test(tc, a_broadcast_is_charged_to_its_sender_once_a_copy, 0, 3);
	tcase_add_loop_test(tc, broadcasts_are_limited_per_vm_and_for_the_uplink, 0, 3);
	tcase_add_loop_test(tc, a_broadcast_stays_in_its_vlan_and_is_tagged_as_each_receiver_wants, 0, 3);
	tcase_add_loop_test(tc, copies_that_cannot_be_made_are_counted_and_leak_nothing, 0, 3);
	tcase_add_loop_test(tc, a_storm_costs_others_nothing, 0, 6);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
