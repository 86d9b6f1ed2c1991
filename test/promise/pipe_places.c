/* SPDX-License-Identifier: BSD-3-Clause */
/* Promise: VFs come and go while packets flow, through whole pipelines of one worker and several, and others do not notice:
 * none of their packets is lost, reordered (the sink checks every stream) or late, and none of a VF that went reaches the
 * one that has its place. */
#include <stdio.h>
#include <string.h>

#include "conf_change.h"
#include "fake_rim.h"
#include "unit.h"

#define MS UINT64_C(1000000)
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define PORT(n, more) "[port v" #n "]\n" more
#define VF(n, port, terms) "[vf vm" #n "]\nport = v" #port "\nmac = 02:00:00:00:00:" #n "\n" terms

static void is_near(double got, double want, double tolerance, const char *what)
{
	ck_assert_msg(got <= want * (1 + tolerance) && got >= want * (1 - tolerance), "%s: %.6g, wanted %.6g", what, got,
		want);
}

static void add(struct rim *r, const char *name, const char *text)
{
	ck_assert_msg(rim_add(r, name, text), "%s: %s", name, text);
}

static int load(struct rim *r, uint16_t port, uint64_t src, uint64_t dst, uint64_t pps)
{
	return rim_offer(r, &(struct rim_stream){.port = port, .src = src, .dst = dst, .bytes = 1000, .pps = pps});
}

static void settle(struct rim *r, uint64_t ns)
{
	rim_run(r, 20 * MS);
	rim_mark(r);
	rim_run(r, ns);
}

static uint64_t drops_of(const struct rim *r, const char *name)
{
	struct vf_view v = rim_view_named(r, name);

	return dir_view_drops(&v.tx) + dir_view_drops(&v.rx);
}

/* Broken by: a switch that is not changed (take_between() and p->l2 = c->after). */
START_TEST(one_that_comes_gets_its_own_and_others_do_not_notice)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = RIM_PF("1G") RIM_VM(01, "tx.max_bps = 100M\n") PORT(2, "spare = 2\n") VF(02, 2, "tx.max_bps = 30M\n"),
		.placement = (enum rim_placement)_i});
	int alone = load(r, 1, 0, HOST_MAC(1), 50000), mate = load(r, 2, VM_MAC(2), HOST_MAC(1), 3000);
	int new = load(r, 2, VM_MAC(5), HOST_MAC(1), 20000), to_new = load(r, 0, 0, VM_MAC(5), 1000);

	settle(r, 100 * MS);
	ck_assert_uint_eq(rim_pkts(r, new, 0) + rim_pkts(r, to_new, 2), 0);	/* nobody knows it yet */
	rim_mark(r);
	add(r, "web", "port=v2;mac=02:00:00:00:00:05;tx.max_bps=50M");
	rim_run(r, 300 * MS);
	is_near(rim_bps(r, alone, 0), 100e6, 0.002, "who is alone on its port");
	is_near(rim_bps(r, mate, 0), 24e6, 0.005, "who shares the port");
	is_near(rim_bps(r, new, 0), 50e6, 0.01, "its own limit");	/* and what idling had not saved */
	is_near(rim_pps(r, to_new, 2), 1000, 0.02, "what is sent to it");
	ck_assert_uint_eq(drops_of(r, "vm01") + drops_of(r, "vm02"), 0);
	rim_end(r);
}
END_TEST

/* Its counters are its own, from its first packet on.  Broken by: a place whose counters nobody notes when another comes
 * (note_births()). */
START_TEST(counters_of_one_that_comes_begin_at_nothing_and_miss_nothing)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = RIM_PF("1G") PORT(1, "spare = 1\n") VF(01, 1, "") RIM_VM(02, ""),
		.placement = (enum rim_placement)_i});
	int old = load(r, 1, VM_MAC(1), HOST_MAC(1), 20000), new = load(r, 1, VM_MAC(7), HOST_MAC(1), 10000);
	struct vf_view v;

	settle(r, 100 * MS);
	ck_assert(rim_del(r, "vm01"));
	ck_assert(!rim_del(r, "vm01"));
	ck_assert_uint_eq(conf_find_vf(rim_conf(r), "vm01"), UINT32_MAX);
	rim_set_pps(r, old, 0);
	add(r, "b", "port=v1;mac=02:00:00:00:00:07");	/* one of them has vm01's place */
	add(r, "a", "port=v1;mac=02:00:00:00:00:06");
	rim_run(r, 50 * MS);
	v = rim_view_named(r, "b");
	ck_assert_uint_eq(v.tx.out_pkts, rim_pkts(r, new, 0));
	ck_assert_uint_gt(v.tx.out_pkts, 450);
	v = rim_view_named(r, "a");
	ck_assert_uint_eq(v.tx.in_pkts + v.tx.out_pkts + v.rx.in_pkts + dir_view_drops(&v.tx), 0);
	ck_assert(!rim_add(r, "c", "port=v1;mac=02:00:00:00:00:08"));	/* no place is left */
	rim_end(r);
}
END_TEST

/* Broken by: no peak_forget() (the first one's busiest ms is told).  (Credits end with the terms of the first already;
 * pipe_forget_credit() is for who takes the place in the same change.) */
START_TEST(one_that_comes_has_neither_credits_nor_peaks_of_who_was_there)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = RIM_PF("1G") PORT(1, "spare = 0\n") VF(01, 1, "tx.max_bps = 100M\ntx.peak_bps = 300M\ntx.credit = 2s\n") RIM_VM(02, ""),
		.placement = (enum rim_placement)_i});
	int old = load(r, 1, VM_MAC(1), HOST_MAC(1), 0), new = load(r, 1, VM_MAC(7), HOST_MAC(1), 0);

	rim_run(r, 300 * MS);
	ck_assert_int_gt(rim_credit(r, 0).left_ns, 200 * (int64_t)MS);
	rim_put(r, old, 200);
	rim_run(r, 20 * MS);
	ck_assert_uint_gt(rim_view(r, 0).tx.peak.ever.ms.pkts, 20);
	ck_assert(rim_del(r, "vm01"));
	add(r, "b", "port=v1;mac=02:00:00:00:00:07;tx.max_bps=100M;tx.peak_bps=300M;tx.credit=2s");
	ck_assert_int_lt(rim_credit(r, 0).left_ns, 50 * (int64_t)MS);
	ck_assert_uint_eq(rim_view(r, 0).tx.peak.ever.ms.pkts, 0);
	rim_put(r, new, 1);
	rim_run(r, 5 * MS);
	ck_assert_uint_eq(rim_view(r, 0).tx.peak.ever.ms.pkts, 1);
	ck_assert_uint_eq(rim_view(r, 0).tx.peak.ever.ten_ms.pkts, 1);
	rim_end(r);
}
END_TEST

/* Its queues are emptied, and counted: its own, those in which others wait for it, and its port's.
 * Broken by: a switch that knows it until the end (take_between()); each of the three loops of drop_at_home();
 * drop_at_port(). */
START_TEST(what_waits_of_one_that_goes_or_for_it_is_dropped_and_reaches_nobody)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = RIM_PF("1G") PORT(1, "spare = 1\n") VF(01, 1, "tx.max_bps = 1M\nrx.max_bps = 1M\n")
			RIM_VM(02, "tx.max_bps = 4M\n") RIM_VM(03, ""),
		.placement = (enum rim_placement)(_i % 3)});
	int out = load(r, 1, VM_MAC(1), HOST_MAC(1), 0), across = load(r, 1, VM_MAC(1), VM_MAC(3), 0);
	int slow = load(r, 2, VM_MAC(2), VM_MAC(1), 0), other = load(r, 2, VM_MAC(2), VM_MAC(3), 0);
	int in = load(r, 0, 0, VM_MAC(1), 0), flood = load(r, 1, VM_MAC(1), BROADCAST_MAC, 0);
	bool is_reused = _i % 6 >= 3;
	struct vf_view v;

	rim_put(r, out, 50);
	rim_put(r, across, 50);
	rim_put(r, flood, 5);
	rim_put(r, slow, 60);
	rim_put(r, other, 60);
	rim_put(r, in, 20);
	rim_run(r, 2 * MS);
	uint32_t n_inside = rim_inside(r);
	ck_assert_uint_gt(n_inside, 150);
	rim_set_pps(r, out, 10000000);	/* it goes on sending, and others go on sending to it */
	rim_set_pps(r, in, 10000000);
	rim_run(r, MS / 10 + (uint64_t)_i * 5000);	/* the workers come to it in another order each time */
	rim_mark(r);
	ck_assert(rim_del(r, "vm01"));
	ck_assert_uint_le(rim_pkts(r, out, 0), 34);	/* what was staged */
	ck_assert_uint_le(rim_pkts(r, in, 1), 34);
	rim_set_pps(r, in, 1000);
	rim_set_pps(r, out, 1000);
	rim_mark(r);
	v = rim_view(r, 0);
	ck_assert_uint_gt(v.tx.drops[DROP_VF_DELETED], 90);
	ck_assert_uint_gt(v.rx.drops[DROP_VF_DELETED], 10);
	ck_assert_uint_gt(rim_view(r, 1).tx.drops[DROP_VF_DELETED], 40);
	ck_assert_uint_eq(rim_room_used(r, 0), 0);
	ck_assert_uint_eq(v.tx.backlog_pkts + v.rx.backlog_pkts, 0);
	if (is_reused) {
		add(r, "one", "port=v1;mac=02:00:00:00:00:08");
		add(r, "two", "port=v1;mac=02:00:00:00:00:09");
	}
	rim_run(r, 500 * MS);
	ck_assert_uint_eq(rim_pkts(r, out, 0) + rim_pkts(r, across, 3) + rim_pkts(r, slow, 1) + rim_pkts(r, in, 1), 0);
	ck_assert_uint_eq(rim_view(r, 1).tx.drops[DROP_VF_DELETED] + rim_view(r, 1).tx.out_pkts, 120);
	ck_assert_uint_ge(rim_view(r, 2).rx.out_pkts, 60);	/* what was for another, all of it */
	rim_end(r);
}
END_TEST

/* One core lags behind the others by 40 turns, whichever it is; rings of 16 are full meanwhile.  Three times over: the last
 * one's markers, and where its emptying ended, are nobody's.
 * Broken by: markers that are not waited for, from all (round 0) or from home (round 1); one that is lost because a ring is
 * full; packets that leave no room for one (the change then never ends); those of the last change that count; staged packets
 * that stay; flows of senders that are looked at from where the last emptying ended. */
START_TEST(however_late_one_core_is_nothing_of_one_that_goes_stays_behind)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = RIM_PF("1G") PORT(1, "spare = 1\n") VF(01, 1, "tx.max_bps = 1M\nrx.max_bps = 1M\nqueue = 2000\n")
			RIM_VM(02, "tx.max_bps = 200M\n") RIM_VM(03, "queue = 2000\n"),
		.placement = RIM_SPREAD, .hand_pkts = _i % 8 < 4 ? 1024 : 16});
	rim_set_ring(r, 0, 20000);
	int out = load(r, 1, VM_MAC(1), HOST_MAC(1), 0), across = load(r, 1, VM_MAC(1), VM_MAC(3), 0);
	int to_it = load(r, 2, VM_MAC(2), VM_MAC(1), 0), in = load(r, 0, 0, VM_MAC(1), 0);
	int other_out = load(r, 3, 0, HOST_MAC(1), 0), other_in = load(r, 0, 0, VM_MAC(3), 0);
	const int all[] = {out, across, to_it, in, other_out, other_in};

	for (int round = 0; round < 3; round++) {
		rim_set_reader(r, 1, 0, 0);	/* its guest reads nothing: packets are staged for it */
		for (size_t i = 0; i < LENGTH(all); i++)
			rim_set_pps(r, all[i], 10000000);
		rim_run(r, MS);
		rim_set_slow(r, (unsigned int)_i % 4, 40);
		rim_run(r, MS / 20 + (uint64_t)_i * 5000);
		uint64_t of_two = rim_view(r, 1).tx.drops[DROP_VF_DELETED];
		ck_assert(rim_del(r, "vm01"));
		rim_set_slow(r, 0, 0);
		struct vf_view v = rim_view(r, 0);
		ck_assert_uint_eq(rim_room_used(r, 0) + v.tx.backlog_pkts + v.rx.backlog_pkts, 0);
		ck_assert_uint_gt(rim_view(r, 1).tx.drops[DROP_VF_DELETED] - of_two, 5);	/* what others had for it */
		add(r, "one", "port=v1;mac=02:00:00:00:00:08");	/* its place, and one more: without limits, so that ... */
		add(r, "two", "port=v1;mac=02:00:00:00:00:09");
		rim_run(r, MS / 10);
		rim_mark(r);
		rim_set_reader(r, 1, RIM_TAKES_ALL, 0);
		rim_run(r, 20 * MS);	/* ... whatever stayed is soon there */
		ck_assert_uint_eq(rim_pkts(r, out, 0) + rim_pkts(r, across, 3), 0);
		ck_assert_uint_eq(rim_pkts(r, to_it, 1) + rim_pkts(r, in, 1), 0);	/* to_it goes out: nobody here is known so */
		for (size_t i = 0; i < LENGTH(all); i++)
			rim_set_pps(r, all[i], 0);
		ck_assert(rim_change(r, false, "vm02", "tx.max_bps=none"));
		rim_run(r, 60 * MS);	/* all rings are empty */
		ck_assert(rim_change(r, false, "vm02", "tx.max_bps=200M"));
		ck_assert(rim_del(r, "one") && rim_del(r, "two"));
		add(r, "vm01", "port=v1;mac=02:00:00:00:00:01;tx.max_bps=1M;rx.max_bps=1M");
	}
	rim_end(r);
}
END_TEST

#define MANY 40		/* more than a core sets at once */

/* One core lags behind, whichever it is: until it has the terms of all nobody's switch knows one of them, and their counters
 * begin there.  Broken by: a gate that opens when the first core is there, or none (pipe_open_places()). */
START_TEST(however_late_one_core_is_those_that_come_are_known_to_all_at_once)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = RIM_PF("1G") PORT(1, "spare = 40\n") VF(01, 1, "") RIM_VM(02, ""),
		.placement = RIM_SPREAD});
	static char ini[8192];
	size_t n = (size_t)snprintf(ini, sizeof(ini), "%s", RIM_PF("1G") PORT(1, "spare = 40\n") VF(01, 1, "") RIM_VM(02, ""));
	int new[MANY];

	for (unsigned int i = 0; i < MANY; i++) {
		n += (size_t)snprintf(ini + n, sizeof(ini) - n, "[vf n%u]\nport = v1\nmac = 02:00:00:00:00:%02x\ntx.max_bps = 8M\n", i, 0x40 + i);
		new[i] = load(r, 1, VM_MAC(0x40 + i), HOST_MAC(1), i < 34 ? 5000 : 100000);	/* the last ones flood */
	}
	settle(r, 10 * MS);
	rim_mark(r);
	rim_set_slow(r, (unsigned int)_i % 4, 40 + (uint32_t)_i);
	ck_assert(rim_reload(r, ini));
	rim_set_slow(r, 0, 0);
	rim_run(r, 20 * MS);
	for (unsigned int i = 0; i < MANY; i++) {
		char name[16];
		snprintf(name, sizeof(name), "n%u", i);
		struct vf_view v = rim_view_named(r, name);
		ck_assert_uint_eq(v.tx.out_pkts, rim_pkts(r, new[i], 0));
		ck_assert_uint_gt(v.tx.out_pkts, 15);
		ck_assert_uint_le(v.tx.out_pkts, 21 + 3 + 12);	/* 8 Mb/s from the first on, its burst, and what others may keep */
	}
	rim_end(r);
}
END_TEST

/* The one that comes has nothing of the one before it: no debt, no tenant, no priority.  Broken by: no egress_join(). */
START_TEST(one_that_takes_a_place_inherits_nothing)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = RIM_PF("1G") "[tenant lab]\ntx.max_bps = 10M\n[tenant dept]\n" PORT(1, "") "[vf old]\nport = v1\n"
			"mac = 02:00:00:00:00:01\ntenant = lab\ntx.max_bps = 10k\nrx.max_bps = 10k\ntx.priority = 7\n"
			RIM_VM(02, "tenant = lab\n"),
		.placement = (enum rim_placement)_i});
	int s = load(r, 1, VM_MAC(1), HOST_MAC(1), 100000), in = load(r, 0, 0, VM_MAC(1), 50000);
	int two = load(r, 2, 0, HOST_MAC(1), 50000);

	settle(r, 100 * MS);
	ck_assert_uint_le(rim_pkts(r, s, 0), 2);
	ck_assert(rim_del(r, "old"));
	add(r, "new", "port=v1;mac=02:00:00:00:00:01;tenant=dept");
	rim_mark(r);
	rim_run(r, 20 * MS);
	is_near(rim_bps(r, s, 0), 800e6, 0.02, "all it sends");
	is_near(rim_bps(r, in, 1), 400e6, 0.02, "all it is sent");
	is_near(rim_bps(r, two, 0), 10e6, 0.15, "the tenant that it is not in");	/* with a ms of burst */
	ck_assert(rim_del(r, "new"));
	add(r, "new", "port=v1;mac=02:00:00:00:00:01;tenant=lab");
	settle(r, 200 * MS);
	is_near(rim_bps(r, s, 0) + rim_bps(r, two, 0), 10e6, 0.01, "the tenant that it is in");
	ck_assert(rim_change(r, true, "lab", "tx.max_bps=none"));
	rim_end(r);
}
END_TEST

/* One that has a port alone goes and comes back: what its guest sends in between is nobody's.  Broken by: a lone VF that
 * its port names for ever (lone_vf in switch_one()); a hold that is set at first only (fabric_set_hold()). */
START_TEST(one_that_has_its_port_alone_goes_and_comes_back)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = RIM_PF("1G") RIM_VM(01, "") RIM_VM(02, "tx.max_bps = 20M\n"),
		.placement = (enum rim_placement)_i});
	int one = load(r, 1, 0, HOST_MAC(1), 1000), two = load(r, 2, 0, HOST_MAC(1), 50000), short_one;

	short_one = rim_offer(r, &(struct rim_stream){.port = 1, .dst = HOST_MAC(1), .bytes = 60, .pps = 100, .kind = RIM_SHORT});
	settle(r, 50 * MS);
	rim_mark(r);
	ck_assert(rim_del(r, "vm01"));
	rim_run(r, 20 * MS);
	struct vf_view before = rim_view(r, 0);
	rim_mark(r);
	rim_run(r, 50 * MS);
	ck_assert_uint_eq(rim_pkts(r, one, 0), 0);
	struct vf_view after = rim_view(r, 0);
	ck_assert_int_eq(memcmp(&before, &after, sizeof(before)), 0);	/* nothing is on its account */
	add(r, "vm01", "port=v01;mac=02:00:00:00:00:01;when_full=drop;tx.max_bps=4M;queue=100");
	settle(r, 200 * MS);
	is_near(rim_bps(r, one, 0), 4e6, 0.01, "its limit");
	ck_assert_uint_gt(rim_drops(r, 0, DROP_QUEUE_FULL) + rim_drops(r, 0, DROP_AQM), 0);	/* not held any more */
	ck_assert(rim_del(r, "vm01"));
	add(r, "vm01", "port=v01;tx.max_bps=4M");
	uint64_t drops = rim_all_drops(r);
	rim_set_pps(r, short_one, 0);
	settle(r, 100 * MS);
	is_near(rim_bps(r, one, 0), 4e6, 0.01, "its limit");
	is_near(rim_bps(r, two, 0), 20e6, 0.005, "the other");
	ck_assert_uint_le(rim_all_drops(r) - drops, 8);	/* broken frames until they ended: else it is held again */
	ck_assert(rim_del(r, "vm01"));
	add(r, "vm01", "port=v01;tx.max_bps=4M;queue=16");
	settle(r, 50 * MS);
	ck_assert_uint_le(rim_room_used(r, 0), 16);
	rim_end(r);
}
END_TEST

/* A file says which VFs there are.  Where one goes and another takes its place, that is one change.
 * Broken by: a switch after it that is built of the config before it (build_switches()). */
START_TEST(a_file_brings_and_takes_vfs_and_gives_them_other_addresses)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = RIM_PF("1G") PORT(1, "") VF(01, 1, "tx.max_bps = 10M\n") PORT(2, "spare = 1\n") VF(02, 2, "") RIM_VM(03, ""),
		.placement = (enum rim_placement)_i});
	int one = load(r, 1, VM_MAC(1), HOST_MAC(1), 5000), four = load(r, 1, VM_MAC(4), HOST_MAC(1), 5000);
	int two = load(r, 2, VM_MAC(2), HOST_MAC(1), 500), six = load(r, 2, VM_MAC(6), HOST_MAC(1), 500);
	int three = load(r, 3, VM_MAC(3), HOST_MAC(1), 20000);

	settle(r, 50 * MS);
	rim_mark(r);
	ck_assert(rim_reload(r, RIM_PF("1G") PORT(1, "") VF(04, 1, "tx.max_bps = 20M\n") PORT(2, "spare = 1\n")
		"[vf vm02]\nport = v2\nmac = 02:00:00:00:00:06\n" RIM_VM(03, "")));
	settle(r, 100 * MS);
	is_near(rim_bps(r, four, 0), 20e6, 0.01, "who has the place now");
	is_near(rim_pps(r, six, 0), 500, 0.05, "the new address");
	is_near(rim_bps(r, three, 0), 160e6, 0.005, "who stayed");
	ck_assert_uint_eq(rim_pkts(r, one, 0) + rim_pkts(r, two, 0), 0);
	ck_assert_uint_eq(drops_of(r, "vm03"), 0);
	rim_end(r);
}
END_TEST

static bool random_place(struct rim *r, uint64_t *seed)
{
	static const char *const terms[] = {"", ";tx.max_bps=%uM", ";tx.min_bps=%uM", ";rx.max_bps=%uM", ";tx.weight=%u;tenant=one",
		";tenant=two;tx.priority=2", ";vlan=%u", ";tx.urgent_bps=%uM", ";queue=%u", ";when_full=drop"};
	unsigned int n = (unsigned int)(unit_random(seed) % 7), port = 1 + (unsigned int)(unit_random(seed) % 3);
	char name[8], text[128];
	size_t used;

	snprintf(name, sizeof(name), "x%u", n);
	if (conf_find_vf(rim_conf(r), name) != UINT32_MAX)
		return rim_del(r, name);
	used = (size_t)snprintf(text, sizeof(text), "port=v%u;mac=02:00:00:00:00:1%u", port, n);
	_Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wformat-nonliteral\"")
	snprintf(text + used, sizeof(text) - used, terms[unit_random(seed) % (sizeof(terms) / sizeof(*terms))],
		8 + (unsigned int)(unit_random(seed) % 90));
	_Pragma("GCC diagnostic pop")
	return rim_add(r, name, text);
}

/* Every invariant after every change, nothing lost but what is counted (rim_end()), and a VM that nobody changes.
 * Broken by: a marker that is taken for a packet; room that is not given back. */
START_TEST(vfs_that_come_and_go_at_random_keep_every_invariant_and_leave_others_alone)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = "[switch]\nallow_overcommit = yes\n" RIM_PF("1G") "[tenant one]\ntx.max_bps = 200M\n[tenant two]\nparent = one\n"
			PORT(1, "spare = 2\n") PORT(2, "spare = 1\n") PORT(3, "spare = 1\n") RIM_VM(04, "tx.max_bps = 90M\n")
			RIM_VM(05, "tx.min_bps = 20M\ntx.urgent_bps = 20M\n"),
		.placement = (enum rim_placement)(_i % 3), .hand_pkts = _i % 2 ? 16 : 1024});
	uint64_t seed = (uint64_t)_i;
	unsigned int n_changes = 0;
	int quiet, held;

	for (uint16_t n = 0; n < 7; n++)
		for (uint16_t port = 1; port <= 3; port++) {
			rim_offer(r, &(struct rim_stream){.port = port, .src = VM_MAC(0x10 + n), .dst = n % 2 ? HOST_MAC(1) :
				VM_MAC(0x10 + (n + port) % 7), .bytes = 60 + (uint32_t)(unit_random(&seed) % 1400),
				.pps = UINT64_C(100) << unit_random(&seed) % 9, .dscp = (uint8_t)(unit_random(&seed) % 2 ? 46 : 0)});
		}
	for (uint16_t n = 0; n < 7; n++)
		rim_offer(r, &(struct rim_stream){.port = n % 2 ? 4 : 0, .dst = VM_MAC(0x10 + n), .bytes = 700, .pps = 3000});
	rim_offer(r, &(struct rim_stream){.port = 1, .src = VM_MAC(0x10), .dst = BROADCAST_MAC, .bytes = 100, .pps = 2000});
	held = load(r, 4, 0, HOST_MAC(1), 30000);
	quiet = rim_offer(r, &(struct rim_stream){.port = 5, .dst = HOST_MAC(1), .bytes = 1000, .pps = 2000, .dscp = 46});
	rim_set_check(r, 97);
	if (_i % 4 == 3)
		rim_set_control(r, true);
	settle(r, 2 * MS);
	rim_mark(r);
	for (int i = 0; i < 120; i++) {
		n_changes += random_place(r, &seed);
		if (unit_random(&seed) % 3 == 0)
			(void)rim_change(r, false, i % 2 ? "x1" : "x2", i % 3 ? "tx.max_bps=7M" : "tx.max_bps=none;tx.weight=3");
		rim_run(r, 1 + unit_random(&seed) % (MS / 2));
	}
	ck_assert_uint_gt(n_changes, 50);
	is_near(rim_bps(r, quiet, 0), 16e6, 0.03, "who was not changed");	/* a packet at either end */
	ck_assert_uint_le(rim_longest_delay_ns(r, quiet), MS);
	ck_assert_uint_gt(rim_pkts(r, held, 0), 100);
	ck_assert_uint_eq(drops_of(r, "vm05"), 0);
	for (vf_id vf = 0; vf < rim_n_vfs(r); vf++) {
		struct vf_view v = rim_view(r, vf);
		ck_assert_uint_le(v.tx.backlog_pkts, 2048);
		if (strcmp(rim_conf(r)->vfs[vf].name, "vm04") == 0)	/* held; but what it has for others may lose them */
			ck_assert_uint_eq(dir_view_drops(&v.tx), v.tx.drops[DROP_VF_DELETED]);
	}
	if (_i % 2)
		rim_flush(r);
	else
		(void)rim_change(r, true, "one", "tx.max_bps=none");
	rim_end(r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pipe_places");
	TCase *tc = tcase_create("places");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, one_that_comes_gets_its_own_and_others_do_not_notice, RIM_SINGLE, RIM_SPREAD + 1);
	tcase_add_loop_test(tc, one_that_comes_has_neither_credits_nor_peaks_of_who_was_there, 0, 3);
	tcase_add_loop_test(tc, counters_of_one_that_comes_begin_at_nothing_and_miss_nothing, RIM_SINGLE, RIM_SPREAD + 1);
	tcase_add_loop_test(tc, what_waits_of_one_that_goes_or_for_it_is_dropped_and_reaches_nobody, 0, 12);
	tcase_add_loop_test(tc, however_late_one_core_is_nothing_of_one_that_goes_stays_behind, 0, 16);
	tcase_add_loop_test(tc, however_late_one_core_is_those_that_come_are_known_to_all_at_once, 0, 8);
	tcase_add_loop_test(tc, one_that_takes_a_place_inherits_nothing, RIM_SINGLE, RIM_SPREAD + 1);
	tcase_add_loop_test(tc, one_that_has_its_port_alone_goes_and_comes_back, RIM_SINGLE, RIM_SPREAD + 1);
	tcase_add_loop_test(tc, a_file_brings_and_takes_vfs_and_gives_them_other_addresses, RIM_SINGLE, RIM_SPREAD + 1);
	suite_add_tcase(s, tc);
	tc = tcase_create("random");
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, vfs_that_come_and_go_at_random_keep_every_invariant_and_leave_others_alone, 0, 12);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
