/* SPDX-License-Identifier: BSD-3-Clause */
/* Promise: change is free.  Terms of VFs and tenants change while packets flow, through whole pipelines of one worker and
 * several: no packet lost, none reordered (the sink checks every stream), no credit refilled, others unmoved. */
#include <stdio.h>

#include "fake_rim.h"
#include "unit.h"

#define MS UINT64_C(1000000)
#define T(name, terms) "[tenant " name "]\n" terms

static void is_near(double got, double want, double tolerance, const char *what)
{
	ck_assert_msg(got <= want * (1 + tolerance) && got >= want * (1 - tolerance), "%s: %.6g, wanted %.6g", what, got,
		want);
}

static int load(struct rim *r, uint16_t port, uint64_t dst, uint32_t bytes, uint8_t dscp)
{
	return rim_offer(r, &(struct rim_stream){.port = port, .dst = dst, .bytes = bytes, .pps = 500000, .dscp = dscp});
}

static void settle(struct rim *r, uint64_t ns)
{
	rim_run(r, 20 * MS);
	rim_mark(r);
	rim_run(r, ns);
}

static void change(struct rim *r, const char *vf, const char *text)
{
	ck_assert_msg(rim_change(r, false, vf, text), "%s: %s", vf, text);
}

/* Broken by: a sender's limit that is set at first only. */
START_TEST(every_term_acts_and_nothing_is_lost)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = RIM_PF("1G") RIM_VM(01, "") RIM_VM(02, "") RIM_VM(03, ""),
		.placement = (enum rim_placement)_i});
	int one = load(r, 1, HOST_MAC(1), 1500, 0), two = load(r, 2, HOST_MAC(1), 1500, 0);
	int local = load(r, 1, VM_MAC(3), 1500, 0);

	settle(r, 200 * MS);
	is_near(rim_bps(r, two, 0), 500e6, 0.01, "half");
	change(r, "vm01", "tx.max_bps=100M");
	settle(r, 200 * MS);
	is_near(rim_bps(r, one, 0) + rim_bps(r, local, 3), 100e6, 0.002, "its limit, by both ways");
	is_near(rim_bps(r, two, 0), 1e9 - rim_bps(r, one, 0), 0.002, "what it leaves is the other's");
	change(r, "vm01", "tx.max_bps=none;tx.max_pps=10k");
	settle(r, 200 * MS);
	is_near(rim_pps(r, one, 0) + rim_pps(r, local, 3), 10e3, 0.002, "its limit in packets");
	change(r, "vm01", "tx.max_pps=none;tx.min_bps=800M");
	rim_set_pps(r, local, 0);
	settle(r, 200 * MS);
	is_near(rim_bps(r, one, 0), 800e6, 0.002, "its guarantee");
	change(r, "vm01", "tx.min_bps=none;tx.weight=3");
	settle(r, 200 * MS);
	is_near(rim_bps(r, one, 0), 750e6, 0.002, "its weight");
	change(r, "vm02", "tx.priority=1");
	settle(r, 200 * MS);
	is_near(rim_bps(r, one, 0), 1e9, 0.002, "its priority");
	ck_assert_uint_eq(rim_all_drops(r), 0);
	rim_end(r);
}
END_TEST

/* Broken by: a receiver's limit that is set at first only. */
START_TEST(a_receivers_limit_acts_at_once)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = RIM_PF("1G") RIM_VM(01, "") RIM_VM(02, ""),
		.placement = (enum rim_placement)_i});
	int in = rim_offer(r, &(struct rim_stream){.port = 0, .dst = VM_MAC(1), .bytes = 1000, .pps = 100000});
	int other = rim_offer(r, &(struct rim_stream){.port = 0, .dst = VM_MAC(2), .bytes = 1000, .pps = 20000});

	settle(r, 100 * MS);
	is_near(rim_bps(r, in, 1), 800e6, 0.002, "all that is sent");
	change(r, "vm01", "rx.max_bps=40M");
	rim_mark(r);
	rim_run(r, 200 * MS);
	is_near(rim_bps(r, in, 1), 40e6, 0.02, "its limit");	/* 1 ms of burst */
	is_near(rim_bps(r, other, 2), 160e6, 0.002, "the other's");
	change(r, "vm01", "rx.max_bps=none");
	settle(r, 100 * MS);
	is_near(rim_bps(r, in, 1), 800e6, 0.002, "all again");
	rim_end(r);
}
END_TEST

/* Contract 9: debts are bytes.  Broken by: limiter_set() that begins anew. */
START_TEST(changes_refill_no_credit_and_keep_no_debt_in_time)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = RIM_PF("10G") RIM_VM(01, "tx.max_bps = 10M\n")});
	int s = load(r, 1, HOST_MAC(1), 1000, 0);

	settle(r, 10 * MS);
	rim_mark(r);
	for (int i = 0; i < 1000; i++) {
		change(r, "vm01", i % 2 == 0 ? "tx.max_bps=20M" : "tx.max_bps=10M");
		rim_run(r, MS);
	}
	is_near(rim_bps(r, s, 0), 15e6, 0.005, "a thousand changes give and take nothing");
	change(r, "vm01", "tx.max_bps=1k");
	rim_mark(r);
	rim_run(r, 100 * MS);
	ck_assert_uint_le(rim_pkts(r, s, 0), 2);
	change(r, "vm01", "tx.max_bps=1G");
	rim_mark(r);
	rim_run(r, MS);
	ck_assert_uint_ge(rim_pkts(r, s, 0), 100);
	rim_end(r);
}
END_TEST

/* An allowance that is new while urgent packets wait.  Broken by: no order_wake_urgent() in egress_set_node(). */
START_TEST(a_new_urgent_allowance_serves_packets_that_wait)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = RIM_PF("100M") RIM_VM(01, "tx.priority = 1\n") RIM_VM(02, "")});
	int urgent = load(r, 1, HOST_MAC(1), 1500, 46);

	load(r, 2, HOST_MAC(1), 1500, 0);
	settle(r, 50 * MS);
	ck_assert_uint_eq(rim_pkts(r, urgent, 0), 0);	/* the other's priority takes it all */
	change(r, "vm01", "tx.urgent_bps=10M");
	settle(r, 200 * MS);
	is_near(rim_bps(r, urgent, 0), 10e6, 0.01, "its allowance");
	change(r, "vm01", "tx.urgent_bps=none");
	settle(r, 50 * MS);
	ck_assert_uint_le(rim_pkts(r, urgent, 0), 1);
	rim_end(r);
}
END_TEST

/* Broken by: no pipe_set_tenant(); askers that keep the old terms (a core-bound port has its min_pps by them alone). */
START_TEST(tenants_and_the_order_of_asking_follow)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = "[switch]\npacket_capacity = 100k\n" RIM_PF("10G") T("one", "tx.max_bps = 100M\n")
			RIM_VM(01, "tenant = one\n") RIM_VM(02, "")});
	int one = load(r, 1, HOST_MAC(1), 1500, 0), two = load(r, 2, HOST_MAC(1), 64, 0);

	settle(r, 200 * MS);
	is_near(rim_bps(r, one, 0), 100e6, 0.005, "its tenant's limit");
	ck_assert(rim_change(r, true, "one", "tx.max_bps=50M"));
	settle(r, 200 * MS);
	is_near(rim_bps(r, one, 0), 50e6, 0.005, "its new limit");
	ck_assert(rim_change(r, true, "one", "tx.max_bps=none"));
	change(r, "vm02", "tx.min_pps=80k");
	settle(r, 400 * MS);
	is_near(rim_pps(r, two, 0), 80e3, 0.01, "packets of the core");
	rim_end(r);
}
END_TEST

static void random_change(struct rim *r, uint64_t *seed)
{
	static const char *const terms[] = {"tx.max_bps=%uM", "tx.min_bps=%uM;tx.max_bps=none", "tx.weight=%u",
		"tx.urgent_bps=%uM;tx.max_bps=none", "rx.max_bps=%uM", "tx.max_pps=%uk", "tx.min_bps=none", "tx.max_bps=none",
		"tx.urgent_bps=none", "rx.max_bps=none", "tx.basis=wire", "tx.basis=none", "tx.max_bps=%uk"};
	char name[8], text[64], priority[32];
	unsigned int n = 1 + (unsigned int)(unit_random(seed) % 200);

	snprintf(name, sizeof(name), "vm%02u", 1 + (unsigned int)(unit_random(seed) % 4));
	_Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wformat-nonliteral\"")
	snprintf(text, sizeof(text), terms[unit_random(seed) % (sizeof(terms) / sizeof(*terms))], n);
	_Pragma("GCC diagnostic pop")
	(void)rim_change(r, false, name, text);
	snprintf(priority, sizeof(priority), "tx.priority=%u;tx.weight=%u", n % 8, 1 + n % 9);
	(void)rim_change(r, unit_random(seed) % 2, unit_random(seed) % 2 ? "one" : name, priority);
	if (unit_random(seed) % 4 == 0)
		(void)rim_change(r, true, unit_random(seed) % 2 ? "one" : "two", n % 3 ? text : "tx.max_bps=none;tx.max_pps=none");
}

/* Every invariant after every change, no packet lost that no receiver's limit bounds, and one VM that nobody changes.
 * Broken by: change_at that is not put back (it then never ends). */
START_TEST(random_changes_keep_every_invariant_and_leave_others_alone)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = "[switch]\nallow_overcommit = yes\n" RIM_PF("1G") T("one", "") T("two", "parent = one\n")
			RIM_VM(01, "tenant = one\n") RIM_VM(02, "tenant = two\n") RIM_VM(03, "tenant = two\n")
			RIM_VM(04, "") RIM_VM(05, "tx.max_bps = 20M\ntx.urgent_bps = 20M\n"),
		.placement = (enum rim_placement)(_i % 3)});
	uint64_t seed = (uint64_t)_i;
	int quiet;

	for (uint16_t i = 1; i <= 4; i++) {
		load(r, i, HOST_MAC(1), 60 + (uint32_t)(unit_random(&seed) % 1400), (uint8_t)(unit_random(&seed) % 2 ? 46 : 0));
		load(r, i, VM_MAC(1 + i % 4), 60 + (uint32_t)(unit_random(&seed) % 1400), 0);
	}
	quiet = rim_offer(r, &(struct rim_stream){.port = 5, .dst = HOST_MAC(1), .bytes = 1000, .pps = 2000, .dscp = 46});
	rim_set_check(r, 97);
	settle(r, 2 * MS);
	rim_mark(r);
	for (int i = 0; i < 200; i++) {
		random_change(r, &seed);
		rim_run(r, 1 + unit_random(&seed) % (MS / 2));
	}
	is_near(rim_bps(r, quiet, 0), 16e6, 0.03, "who was not changed");	/* a packet at either end */
	for (vf_id vf = 0; vf < 5; vf++) {
		struct vf_view v = rim_view(r, vf);
		ck_assert_uint_eq(dir_view_drops(&v.tx), 0);	/* held by its own bounds, whatever they were */
	}
	for (int i = 1; i <= 4; i++) {		/* so that it can end */
		char name[8];
		snprintf(name, sizeof(name), "vm%02d", i);
		change(r, name, "tx.max_bps=none;tx.max_pps=none;rx.max_bps=none");
	}
	ck_assert(rim_change(r, true, "one", "tx.max_bps=none;tx.max_pps=none"));
	ck_assert(rim_change(r, true, "two", "tx.max_bps=none;tx.max_pps=none"));
	rim_end(r);
}
END_TEST

/* ---- Many a second ---- */

/* What a VF has had above its limit, whichever held at the time: a bucket that leaks at that limit. */
struct above {
	struct rim *r;
	double bps[4], level_bits[4], most_bits[4];
	uint64_t at_ns[4];
};

static void leak(struct above *a, int vf, double bits)
{
	uint64_t now_ns = rim_now_ns(a->r);

	a->level_bits[vf] -= a->bps[vf] * (double)(now_ns - a->at_ns[vf]) / 1e9;
	a->level_bits[vf] = (a->level_bits[vf] > 0 ? a->level_bits[vf] : 0) + bits;
	if (a->level_bits[vf] > a->most_bits[vf])
		a->most_bits[vf] = a->level_bits[vf];
	a->at_ns[vf] = now_ns;
}

static void note_bits(void *ctx, int stream, uint64_t seq, bool has_ce, uint64_t offered_ns)
{
	(void)seq, (void)has_ce, (void)offered_ns;
	if (stream < 4)
		leak(ctx, stream, 12000);
}

/* Four clients, a change of each on its way at any time: 5,000 a second for two seconds, of limits, guarantees, weights and
 * priorities, all VFs and the uplink full.  Nothing is lost, nothing reordered (the sink looks), no VF has more at one go
 * than the bursts of two limits, and two whom nobody changes keep their rates to 0.1 %.
 * Broken by: limiter_set() that begins anew; askers that are made anew at each change; a guarantee's clock that is. */
START_TEST(five_thousand_changes_a_second_under_full_load_cost_nobody_anything)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = RIM_PF("1G") RIM_VM(01, "tx.max_bps = 100M\n") RIM_VM(02, "tx.max_bps = 100M\n") RIM_VM(03, "tx.max_bps = 100M\n")
			RIM_VM(04, "tx.max_bps = 100M\n") RIM_VM(05, "tx.max_bps = 100M\ntx.min_bps = 100M\n") RIM_VM(06, "tx.min_bps = 200M\n"
			"tx.priority = 7\n") RIM_VM(07, ""),
		.placement = (enum rim_placement)_i, .turn_ns = 10000});
	struct above a = {.r = r, .bps = {100e6, 100e6, 100e6, 100e6}};
	uint64_t seed = (uint64_t)_i;
	int s[7];

	for (uint16_t i = 0; i < 7; i++)
		s[i] = load(r, (uint16_t)(i + 1), HOST_MAC(1), 1500, 0);
	rim_set_sink(r, note_bits, &a);
	settle(r, 20 * MS);
	rim_mark(r);
	for (int i = 0; i < 10000; i++) {
		unsigned int vf = (unsigned int)i % 4, mbps = 10 + (unsigned int)(unit_random(&seed) % 141);
		char name[8], text[80];
		snprintf(name, sizeof(name), "vm%02u", vf + 1);
		snprintf(text, sizeof(text), "tx.max_bps=%uM;tx.min_bps=%uM;tx.weight=%u;tx.priority=%u", mbps, 1 + mbps / 3,
			1 + mbps % 9, mbps % 8);
		leak(&a, (int)vf, 0);	/* by the old one until now; workers take the new one in their next turn */
		a.bps[vf] = mbps * 1e6;
		change(r, name, text);
		rim_run(r, 200000);
	}
	is_near(rim_bps(r, s[4], 0), 100e6, 0.001, "a limit that nobody changes");
	is_near(rim_bps(r, s[5], 0), 200e6, 0.001, "a guarantee that nobody changes");
	for (int vf = 0; vf < 4; vf++) {	/* 150 Mb/s: a burst of 1 ms, old and new; a turn at either end */
		ck_assert_msg(a.most_bits[vf] <= 2 * 150e3 + 24000 + 2 * 150e6 * 20e-6, "vm%d: %.0f bits at one go", vf + 1,
			a.most_bits[vf]);
		ck_assert_double_ge(rim_bps(r, s[vf], 0), 26e6);	/* at least what it was guaranteed, one ms with another */
	}
	ck_assert_uint_eq(rim_all_drops(r), 0);
	rim_end(r);
}
END_TEST

/* ---- DSCP maps ---- */

static void change_dscp(struct rim *r, const char *vf, const char *text)
{
	ck_assert_msg(rim_change_dscp(r, vf, text), "%s: %s", vf, text);
}

/* That all that this VF sends, and receives, has been of this class since. */
static void is_all_of(struct rim *r, vf_id vf, enum tclass tx, enum tclass rx)
{
	rim_run(r, 2 * MS);	/* what waited has left */
	struct vf_view before = rim_view(r, vf), after;

	rim_run(r, 20 * MS);
	after = rim_view(r, vf);
	ck_assert_uint_gt(after.tx.out_pkts, before.tx.out_pkts);
	ck_assert_uint_gt(after.rx.out_pkts, before.rx.out_pkts);
	ck_assert_uint_eq(after.tx.class_pkts[tx] - before.tx.class_pkts[tx], after.tx.out_pkts - before.tx.out_pkts);
	ck_assert_uint_eq(after.rx.class_pkts[rx] - before.rx.class_pkts[rx], after.rx.out_pkts - before.rx.out_pkts);
}

/* The sender's map for what it sends, the receiver's for what comes from outside; other VFs keep theirs.
 * Broken by: maps that are renewed and VFs that are not moved to them. */
START_TEST(a_new_map_acts_at_once_on_both_ways_and_on_this_vf_alone)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = RIM_PF("1G") RIM_VM(01, "dscp_map = gold\n")
		RIM_VM(02, "dscp_map = gold\n") RIM_VM(03, "") "[dscp gold]\ndefault = low\n",
		.placement = (enum rim_placement)_i});

	for (uint16_t i = 1; i <= 3; i++) {
		rim_offer(r, &(struct rim_stream){.port = i, .dst = HOST_MAC(1), .bytes = 1000, .pps = 10000, .dscp = 10,
			.may_overtake = true});
		rim_offer(r, &(struct rim_stream){.port = 0, .dst = VM_MAC(i), .bytes = 1000, .pps = 10000, .dscp = 20,
			.may_overtake = true});
	}
	rim_run(r, 20 * MS);
	is_all_of(r, 0, TC_LOW, TC_LOW);
	change_dscp(r, "vm01", "AF11=high;AF22=urgent");
	is_all_of(r, 0, TC_HIGH, TC_URGENT);
	is_all_of(r, 1, TC_LOW, TC_LOW);		/* the same map until now */
	is_all_of(r, 2, TC_MEDIUM, TC_MEDIUM);
	change_dscp(r, "vm02", "default=medium");	/* gold itself: nobody else uses it now */
	change_dscp(r, "vm01", "map=gold;AF11=urgent");
	is_all_of(r, 0, TC_URGENT, TC_MEDIUM);
	is_all_of(r, 1, TC_MEDIUM, TC_MEDIUM);
	change_dscp(r, "vm01", "map=default");
	change_dscp(r, "vm03", "AF11=low;AF22=high");	/* takes the place that vm01's map had */
	is_all_of(r, 0, TC_MEDIUM, TC_MEDIUM);
	is_all_of(r, 2, TC_LOW, TC_HIGH);
	ck_assert_uint_eq(rim_all_drops(r), 0);
	rim_end(r);
}
END_TEST

struct arrivals {
	uint64_t seq[256];
	uint32_t n;
};

static void note_arrival(void *ctx, int stream, uint64_t seq, bool has_ce, uint64_t offered_ns)
{
	struct arrivals *a = ctx;

	(void)has_ce, (void)offered_ns;
	if (stream == 0 && a->n < 256)
		a->seq[a->n++] = seq;
}

/* What waits keeps its class and its place; what is read later goes by the new map.  Broken by: packets classified when
 * they leave; a queue that is emptied for the change. */
START_TEST(what_waits_keeps_its_class_and_what_comes_later_has_the_new_one)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = RIM_PF("1G") RIM_VM(01, "tx.max_bps = 10M\n"),
		.placement = (enum rim_placement)_i});
	struct arrivals got = {.n = 0};
	int moved = rim_offer(r, &(struct rim_stream){.port = 1, .dst = HOST_MAC(1), .bytes = 1000, .dscp = 8,
		.may_overtake = true});
	uint32_t n_waiting, n_first_new;

	rim_set_sink(r, note_arrival, &got);
	rim_put(r, moved, 100);
	rim_run(r, 5 * MS);
	n_waiting = got.n;
	ck_assert_uint_lt(n_waiting, 90);	/* 10 Mb/s: the most of them wait inside */
	ck_assert_uint_eq(rim_inside(r), 100 - n_waiting);
	change_dscp(r, "vm01", "CS1=urgent");
	rim_put(r, moved, 60);
	rim_run(r, 500 * MS);
	ck_assert_uint_eq(got.n, 160);		/* none lost */
	for (n_first_new = 0; got.seq[n_first_new] < 100; n_first_new++)
		;
	ck_assert_uint_le(n_first_new, n_waiting + 4);	/* a staged packet or some, and then the new ones go first */
	for (uint32_t i = 1, low = 0, high = 100; i < got.n; i++) {
		ck_assert_uint_ge(got.seq[i], got.seq[i] < 100 ? low : high);	/* in each class in order */
		*(got.seq[i] < 100 ? &low : &high) = (uint32_t)got.seq[i];
	}
	ck_assert_uint_eq(rim_all_drops(r), 0);
	rim_end(r);
}
END_TEST

/* Maps of some come, change and go under load; a VF that nobody changes, and code points that nobody moves, do not notice:
 * none lost, none reordered.  Broken by: a map that takes another's place (places given anew). */
START_TEST(random_maps_lose_nothing_and_leave_others_alone)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = RIM_PF("1G") RIM_VM(01, "") RIM_VM(02, "tx.max_bps = 200M\n") RIM_VM(03, "") RIM_VM(04, "tx.max_bps = 20M\n")
			"[dscp gold]\ndefault = medium\n",
		.placement = (enum rim_placement)(_i % 3)});
	static const char *const classes[] = {"urgent", "high", "medium", "low"};
	uint64_t seed = (uint64_t)_i;
	int quiet[2];

	for (uint16_t i = 1; i <= 3; i++) {
		rim_offer(r, &(struct rim_stream){.port = i, .dst = HOST_MAC(1), .bytes = 1000, .pps = 60000, .dscp = 10,
			.may_overtake = true});
		rim_offer(r, &(struct rim_stream){.port = i, .dst = VM_MAC(1 + i % 3), .bytes = 500, .pps = 2000, .dscp = 12,
			.may_overtake = true});
		rim_offer(r, &(struct rim_stream){.port = i, .dst = HOST_MAC(1), .bytes = 700, .pps = 9000, .dscp = 20});
	}
	quiet[0] = rim_offer(r, &(struct rim_stream){.port = 4, .dst = HOST_MAC(1), .bytes = 500, .pps = 2000, .dscp = 10});
	quiet[1] = rim_offer(r, &(struct rim_stream){.port = 4, .dst = HOST_MAC(1), .bytes = 500, .pps = 2000, .dscp = 46});
	rim_set_check(r, 97);
	settle(r, 2 * MS);
	rim_mark(r);
	for (int i = 0; i < 200; i++) {
		char name[8], text[64];
		snprintf(name, sizeof(name), "vm%02u", 1 + (unsigned int)(unit_random(&seed) % 3));
		if (unit_random(&seed) % 5 == 0)	/* both have AF22 as medium */
			change_dscp(r, name, unit_random(&seed) % 2 ? "map=gold;AF11=high" : "map=default;AF12=high high");
		snprintf(text, sizeof(text), "AF11=%s;12=%s low", classes[unit_random(&seed) % 4], classes[unit_random(&seed) % 4]);
		change_dscp(r, name, text);
		rim_run(r, 1 + unit_random(&seed) % (MS / 2));
	}
	is_near(rim_bps(r, quiet[0], 0), 8e6, 0.05, "who was not changed");	/* a packet at either end */
	is_near(rim_bps(r, quiet[1], 0), 8e6, 0.05, "who was not changed");
	for (vf_id vf = 0; vf < 4; vf++) {
		struct vf_view v = rim_view(r, vf);
		ck_assert_uint_eq(dir_view_drops(&v.tx), 0);
	}
	rim_end(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipe_change");
	TCase *tc = tcase_create("pipe_change");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, every_term_acts_and_nothing_is_lost, 0, 3);
	tcase_add_loop_test(tc, a_receivers_limit_acts_at_once, 0, 3);
	tcase_add_test(tc, changes_refill_no_credit_and_keep_no_debt_in_time);
	tcase_add_test(tc, a_new_urgent_allowance_serves_packets_that_wait);
	tcase_add_test(tc, tenants_and_the_order_of_asking_follow);
	tcase_add_loop_test(tc, random_changes_keep_every_invariant_and_leave_others_alone, 0, 12);
	tcase_add_loop_test(tc, five_thousand_changes_a_second_under_full_load_cost_nobody_anything, 0, 3);
	tcase_add_loop_test(tc, a_new_map_acts_at_once_on_both_ways_and_on_this_vf_alone, 0, 3);
	tcase_add_loop_test(tc, what_waits_keeps_its_class_and_what_comes_later_has_the_new_one, 0, 3);
	tcase_add_loop_test(tc, random_maps_lose_nothing_and_leave_others_alone, 0, 12);
	suite_add_tcase(s, tc);
	return unit_run(s);
}
