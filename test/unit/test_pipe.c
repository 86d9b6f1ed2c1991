/* SPDX-License-Identifier: BSD-3-Clause */
/* One turn's mechanics, on fake ports: what is dropped for what and at whose count, who is polled when. */
#include "fake_rim.h"
#include "unit.h"

#define MS  UINT64_C(1000000)
#define US  UINT64_C(1000)
#define TWO RIM_PF("1G") RIM_VM(01, "") RIM_VM(02, "")

static int offer(struct rim *r, uint16_t port, uint64_t dst, uint32_t bytes)
{
	return rim_offer(r, &(struct rim_stream){.port = port, .dst = dst, .bytes = bytes});
}

/* n packets of the stream at once, and time for them. */
static void send(struct rim *r, int stream, uint32_t n)
{
	rim_put(r, stream, n);
	rim_run(r, MS);
}

/* Broken by: mtu + 15; the PF's MTU for every port. */
START_TEST(a_frame_longer_than_the_ports_mtu_is_dropped_at_its_senders_count)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = RIM_PF("1G") RIM_VM(01, "")
			"[port v2]\nmtu = 1000\n[vf vm2]\nport = v2\nmac = 02:00:00:00:00:02\n",
		.placement = (enum rim_placement)_i});
	int fits = offer(r, 1, VM_MAC(2), 1014), longer = offer(r, 1, VM_MAC(2), 1015);
	int pf_fits = offer(r, 1, HOST_MAC(1), 1514), pf_longer = offer(r, 1, HOST_MAC(1), 1515);
	int from_pf = offer(r, 0, VM_MAC(2), 1015);
	int all = offer(r, 1, BROADCAST_MAC, 1200), for_none = offer(r, 1, BROADCAST_MAC, 1515);

	send(r, fits, 10);
	send(r, longer, 10);
	send(r, pf_fits, 10);
	send(r, pf_longer, 10);
	send(r, from_pf, 10);
	ck_assert_uint_eq(rim_pkts(r, fits, 2), 10);
	ck_assert_uint_eq(rim_pkts(r, pf_fits, 0), 10);
	ck_assert_uint_eq(rim_pkts(r, longer, 2) + rim_pkts(r, pf_longer, 0) + rim_pkts(r, from_pf, 2), 0);
	ck_assert_uint_eq(rim_view(r, 0).tx.drops[DROP_MTU], 20);
	ck_assert_uint_eq(rim_view(r, VF_PF).tx.drops[DROP_MTU], 10);
	send(r, all, 1);	/* a flood: each copy at its receiver's */
	ck_assert_uint_eq(rim_view(r, 0).tx.drops[DROP_MTU], 20);
	ck_assert_uint_eq(rim_view(r, 1).rx.drops[DROP_MTU], 1);
	send(r, for_none, 1);	/* what no port takes is not even queued */
	ck_assert_uint_eq(rim_view(r, 0).tx.drops[DROP_MTU], 21);
	ck_assert_uint_eq(rim_view(r, 1).rx.drops[DROP_MTU], 1);
	rim_end(r);
}
END_TEST

/* A tag that weir itself adds must not make a full frame too long.  Broken by: mtu + 14 without the tags. */
START_TEST(the_mtu_leaves_room_for_tags)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = RIM_PF("1G") RIM_VM(01, "vlan = 7\n") RIM_VM(02, "trunk = 7\n")});
	int to_pf = offer(r, 1, HOST_MAC(1), 1514), to_2 = offer(r, 1, VM_MAC(2), 1514);

	send(r, to_pf, 5);
	send(r, to_2, 5);
	ck_assert_uint_eq(rim_pkts(r, to_pf, 0), 5);
	ck_assert_int_eq(rim_last_vid(r, to_pf, 0), 7);
	ck_assert_uint_eq(rim_pkts(r, to_2, 2), 5);
	ck_assert_int_eq(rim_last_vid(r, to_2, 2), 7);
	rim_end(r);
}
END_TEST

/* Broken by: pipe_drop_tx() that counts at nobody; lone_vf of a shared port. */
START_TEST(what_is_refused_is_counted_by_reason_at_its_sender)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = TWO "[port s]\n[vf a]\nport = s\nmac = 02:00:00:00:00:0a\n[vf b]\nport = s\n"
			"mac = 02:00:00:00:00:0b\nvlan = 5\n",
		.placement = (enum rim_placement)_i});
	const struct {
		struct rim_stream s;
		vf_id vf;
		enum drop_reason reason;
	} cases[] = {
		{{.port = 1, .dst = HOST_MAC(1), .kind = RIM_SHORT}, 0, DROP_MALFORMED},
		{{.port = 0, .dst = VM_MAC(1), .kind = RIM_SHORT}, VF_PF, DROP_MALFORMED},
		{{.port = 3, .dst = VM_MAC(1), .kind = RIM_SHORT}, VF_NONE, DROP_MALFORMED},
		{{.port = 1, .src = VM_MAC(2), .dst = HOST_MAC(1)}, 0, DROP_SPOOF},
		{{.port = 0, .src = VM_MAC(2), .dst = VM_MAC(1)}, VF_PF, DROP_SPOOF},
		{{.port = 3, .src = HOST_MAC(9), .dst = VM_MAC(1)}, VF_NONE, DROP_UNKNOWN_SOURCE},
		{{.port = 1, .dst = HOST_MAC(1), .vid = 9}, 0, DROP_VLAN},
		{{.port = 3, .src = VM_MAC(0xb), .dst = VM_MAC(1), .vid = 9}, 3, DROP_VLAN},
		{{.port = 0, .dst = HOST_MAC(9)}, VF_PF, DROP_UNKNOWN_DEST},
		{{.port = 1, .dst = VM_MAC(1)}, 0, DROP_SAME_PORT},
		{{.port = 3, .src = VM_MAC(0xa), .dst = VM_MAC(0xa)}, 2, DROP_SAME_PORT},
		{{.port = 2, .dst = UINT64_C(0x0180c2000002)}, 1, DROP_LINK_LOCAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rim_stream s = cases[i].s;
		s.bytes = 60;
		uint64_t in = rim_view(r, cases[i].vf).tx.in_pkts;
		send(r, rim_offer(r, &s), 1 + (uint32_t)i);
		ck_assert_uint_eq(rim_view(r, cases[i].vf).tx.in_pkts - in, 1 + i);
		ck_assert_uint_ge(rim_view(r, cases[i].vf).tx.drops[cases[i].reason], 1 + i);
	}
	ck_assert_uint_eq(rim_all_drops(r), 12 * 13 / 2);
	for (vf_id vf = 0; vf < 4; vf++)
		ck_assert_uint_eq(rim_room_used(r, vf), 0);
	rim_end(r);
}
END_TEST

/* 1,000 ARP requests a second behind a full queue of medium packets: 100 of them go as high.
 * Broken by: classify() without the limiter, or without TC_HIGH. */
START_TEST(neighbour_discovery_goes_as_high_up_to_100_a_second)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = TWO, .placement = (enum rim_placement)_i});

	rim_offer(r, &(struct rim_stream){.port = 1, .dst = VM_MAC(2), .bytes = 60, .pps = 1000, .kind = RIM_ARP});
	rim_offer(r, &(struct rim_stream){.port = 0, .dst = VM_MAC(2), .bytes = 60, .pps = 1000, .kind = RIM_ARP});
	rim_run(r, 1000 * MS);
	uint64_t high = rim_view(r, 0).tx.class_pkts[TC_HIGH], all = rim_view(r, 0).tx.out_pkts;
	rim_run(r, 1000 * MS);
	high = rim_view(r, 0).tx.class_pkts[TC_HIGH] - high;
	all = rim_view(r, 0).tx.out_pkts - all;
	ck_assert_uint_ge(high, 99);
	ck_assert_uint_le(high, 101);
	ck_assert_uint_ge(all, 999);
	rim_end(r);
}
END_TEST

/* Broken by: no pause for the idle (200,000 polls a second). */
START_TEST(a_silent_vm_costs_a_poll_every_16_us)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = TWO, .turn_ns = US});
	int busy = rim_offer(r, &(struct rim_stream){.port = 1, .dst = VM_MAC(2), .bytes = 64, .pps = 1000000});

	rim_run(r, 10 * MS);
	rim_mark(r);
	rim_run(r, 100 * MS);
	ck_assert_uint_le(rim_polls(r, 2), 100000 / 16);
	ck_assert_uint_le(rim_polls(r, 0), 100000 / 16);
	ck_assert_uint_ge(rim_polls(r, 2), 100000 / 19);
	ck_assert_double_gt(rim_pps(r, busy, 2), 999000);
	rim_end(r);
}
END_TEST

/* Turns as long as the longest pause.  Broken by: ASK_MAX_IDLE_NS of 100 us. */
START_TEST(who_wakes_is_answered_within_two_turns)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = TWO, .turn_ns = 16 * US});
	int flood = rim_offer(r, &(struct rim_stream){.port = 1, .dst = HOST_MAC(2), .bytes = 64, .pps = 5000000});
	int ping = offer(r, 2, HOST_MAC(1), 64);

	for (int i = 0; i < 1000; i++) {
		rim_put(r, ping, 1);
		rim_run(r, (uint64_t)(100 + i) * US);
	}
	ck_assert_uint_eq(rim_pkts(r, ping, 0), 1000);
	ck_assert_uint_le(rim_longest_wait_ns(r, ping), 2 * 16 * US);
	ck_assert_uint_gt(rim_pkts(r, flood, 0), 100000);
	rim_end(r);
}
END_TEST

/* Broken by: budget not taken off in ask_answer(); pipe_room() that answers UINT32_MAX. */
START_TEST(a_turn_reads_no_more_than_its_budget_and_asks_nobody_for_more_than_its_room)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = "[switch]\nturn_packets = 100\n" RIM_PF("10M") RIM_VM(01, "queue = 50\n") RIM_VM(02, ""),
		.placement = (enum rim_placement)(_i % 3)});

	for (uint16_t port = 1; port <= 2; port++)
		rim_offer(r, &(struct rim_stream){.port = port, .dst = HOST_MAC(1), .bytes = 64, .pps = 10000000});
	rim_offer(r, &(struct rim_stream){.port = 0, .dst = VM_MAC(1), .bytes = 64, .pps = 100000000});
	for (int i = 0; i < 100; i++) {
		rim_run(r, MS / 10);
		ck_assert_uint_le(rim_room_used(r, 0), 50);
		ck_assert_uint_le(rim_room_used(r, 1), 256);
	}
	ck_assert_uint_ge(rim_most_read_in_turn(r), 100);
	ck_assert_uint_le(rim_most_read_in_turn(r), _i % 3 == 2 ? 200 : 100);	/* of each worker that reads */
	rim_end(r);
}
END_TEST

/* VFs that share a port cannot be held: their queues drop, each for itself.  Broken by: lone_vf of shared ports. */
START_TEST(vms_that_share_a_port_are_dropped_at_their_own_queues)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = RIM_PF("1G") RIM_VM(01, "")
			"[port s]\n[vf a]\nport = s\nmac = 02:00:00:00:00:0a\ntx.max_bps = 1M\n[vf b]\nport = s\nmac = 02:00:00:00:00:0b\n",
		.placement = (enum rim_placement)_i});
	int a = rim_offer(r, &(struct rim_stream){
		.port = 2, .src = VM_MAC(0xa), .dst = HOST_MAC(1), .bytes = 1000, .pps = 10000});
	int b = rim_offer(r, &(struct rim_stream){
		.port = 2, .src = VM_MAC(0xb), .dst = HOST_MAC(1), .bytes = 1000, .pps = 10000});

	rim_run(r, 300 * MS);
	rim_mark(r);
	rim_run(r, 1000 * MS);
	ck_assert_double_lt(rim_bps(r, a, 0), 1.01e6);
	ck_assert_double_gt(rim_bps(r, a, 0), 0.99e6);
	ck_assert_double_gt(rim_pps(r, b, 0), 9990);
	ck_assert_uint_eq(rim_view(r, 2).tx.drops[DROP_QUEUE_FULL], 0);
	ck_assert_uint_gt(rim_view(r, 1).tx.drops[DROP_QUEUE_FULL], 9000);
	rim_end(r);
}
END_TEST

/* Broken by: add_egress() of the local egress left out (tx.out 20 instead of 30). */
START_TEST(views_tell_what_happened)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = TWO, .placement = (enum rim_placement)_i});
	int local = rim_offer(r, &(struct rim_stream){.port = 1, .dst = VM_MAC(2), .bytes = 200, .dscp = 46});
	int out = offer(r, 1, HOST_MAC(1), 100), in = offer(r, 0, VM_MAC(1), 300);

	rim_put(r, local, 10);
	rim_put(r, out, 20);
	rim_put(r, in, 30);
	rim_run(r, 10 * MS);
	struct vf_view one = rim_view(r, 0), two = rim_view(r, 1), pf = rim_view(r, VF_PF);
	ck_assert_uint_eq(one.tx.in_pkts, 30);
	ck_assert_uint_eq(one.tx.in_bytes, 10 * 200 + 20 * 100);
	ck_assert_uint_eq(one.tx.out_pkts, 30);
	ck_assert_uint_eq(one.tx.out_bytes, 10 * 200 + 20 * 100);
	ck_assert_uint_eq(one.tx.local_pkts, 10);
	ck_assert_uint_eq(one.tx.local_bytes, 10 * 200);
	ck_assert_uint_eq(one.tx.class_pkts[TC_URGENT], 10);
	ck_assert_uint_eq(one.rx.in_pkts, 30);
	ck_assert_uint_eq(one.rx.out_bytes, 30 * 300);
	ck_assert_uint_eq(two.rx.out_pkts, 10);
	ck_assert_uint_eq(two.tx.in_pkts, 0);
	ck_assert_uint_eq(pf.tx.in_pkts, 30);
	ck_assert_uint_eq(pf.rx.out_pkts, 20);
	ck_assert_uint_eq(pf.rx.out_bytes, 20 * 100);
	rim_end(r);
}
END_TEST

/* A worker cannot count an absence before it is back.  Broken by: seen_ns that is not told each turn; an absence that is in
 * both figures once it is over. */
START_TEST(an_absence_is_seen_while_it_lasts_and_counted_once)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = TWO, .placement = (enum rim_placement)_i});

	rim_run(r, 10 * MS);
	for (unsigned int i = 0; i < rim_n_workers(r); i++)
		ck_assert_uint_eq(rim_worker_view(r, i).away_ns, 0);
	uint64_t lost_ns = rim_worker_view(r, 0).lost_ns;
	rim_stall(r, 300 * MS);
	struct worker_view view = rim_worker_view(r, 0);
	ck_assert_uint_eq(view.lost_ns, lost_ns);
	ck_assert_uint_le(view.away_ns, 300 * MS);
	ck_assert_uint_gt(view.away_ns, 299 * MS);
	rim_run(r, MS);
	view = rim_worker_view(r, 0);
	ck_assert_uint_eq(view.away_ns, 0);
	ck_assert_uint_le(view.lost_ns, lost_ns + 300 * MS);
	ck_assert_uint_gt(view.lost_ns, lost_ns + 299 * MS);
	rim_end(r);
}
END_TEST

/* 20 packets of 1,500 bytes at 10 Mb/s, and nobody is asked any more.  Broken by: pipe_next_ns() without the PF. */
START_TEST(next_time_knows_when_the_uplink_is_free_again)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = RIM_PF("10M") RIM_VM(01, ""), .is_event_driven = true});
	int s = offer(r, 1, HOST_MAC(1), 1500);

	rim_put(r, s, 20);
	rim_run(r, MS);
	ck_assert_uint_gt(rim_inside(r), 15);
	rim_stop_asking(r);
	rim_run(r, 15 * MS);
	ck_assert_uint_gt(rim_inside(r), 4);	/* 1.2 ms each, not earlier */
	rim_run(r, 15 * MS);
	ck_assert_uint_eq(rim_inside(r), 0);
	rim_end(r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pipe");
	TCase *tc = tcase_create("pipe");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_frame_longer_than_the_ports_mtu_is_dropped_at_its_senders_count, 0, 3);
	tcase_add_test(tc, the_mtu_leaves_room_for_tags);
	tcase_add_loop_test(tc, what_is_refused_is_counted_by_reason_at_its_sender, 0, 3);
	tcase_add_loop_test(tc, neighbour_discovery_goes_as_high_up_to_100_a_second, 0, 3);
	tcase_add_test(tc, a_silent_vm_costs_a_poll_every_16_us);
	tcase_add_test(tc, who_wakes_is_answered_within_two_turns);
	tcase_add_loop_test(tc, a_turn_reads_no_more_than_its_budget_and_asks_nobody_for_more_than_its_room, 0, 3);
	tcase_add_loop_test(tc, vms_that_share_a_port_are_dropped_at_their_own_queues, 0, 3);
	tcase_add_loop_test(tc, views_tell_what_happened, 0, 3);
	tcase_add_loop_test(tc, an_absence_is_seen_while_it_lasts_and_counted_once, 0, 3);
	tcase_add_test(tc, next_time_knows_when_the_uplink_is_free_again);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
