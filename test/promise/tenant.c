/* SPDX-License-Identifier: BSD-3-Clause */
/* Tenants at packet time: their limits, guarantees, lending, live change, and many members parked under one limit. */
#include "unit.h"
#include "vtime.h"

#define GBPS UINT64_C(1000000000)
#define MBPS UINT64_C(1000000)

static const struct vt_sla unbound;

static void is_near(double got, double want, double tolerance, const char *what)
{
	ck_assert_msg(got <= want * (1 + tolerance) && got >= want * (1 - tolerance), "%s: %.6g, wanted %.6g", what, got,
		want);
}

static struct vt *world(uint32_t n_vfs, uint32_t n_tenants, uint64_t link_bps)
{
	return vt_create(&(struct vt_params){
		.n_nodes = n_vfs, .n_groups = n_tenants, .link_bps = link_bps, .largest_bytes = 9000});
}

/* VF 'node' in 'tenant', always backlogged. */
static void member(struct vt *v, uint32_t node, uint32_t tenant, const struct vt_sla *sla, int mix)
{
	egress_join(v->e, node, tenant, v->now_ns);
	vt_vf(v, node, sla, mix, 0);
}

static double sum_bps(const struct vt *v, uint32_t first, uint32_t n)
{
	double sum = 0;

	for (uint32_t i = first; i < first + n; i++)
		sum += vt_bps(v, i);
	return sum;
}

/* Members come and go, with limits and guarantees of their own, of all sizes: together they are exact to a packet.
 * Fails if charge_groups() charges the first group only (the limit is of the outer one). */
START_TEST(a_tenants_limit_in_bits_is_exact_whatever_its_members_do)
{
	struct vt *v = world(7, 2, 10 * GBPS);

	vt_set_group(v, 0, &(struct vt_sla){.max_bps = 700 * MBPS});
	vt_set_group(v, 1, &(struct vt_sla){.weight = 3});
	ck_assert(egress_join_group(v->e, 1, 0, v->now_ns));
	for (uint32_t i = 0; i < 5; i++)
		member(v, i, i % 2, &(struct vt_sla){.min_bps = i * 20 * MBPS, .max_bps = i == 3 ? 100 * MBPS : 0,
			.weight = 1 + 7 * i, .priority = (uint8_t)(i % 3)}, (int)i);
	egress_join(v->e, 5, 1, v->now_ns);
	vt_set(v, 5, &unbound);
	vt_add(v, (struct vt_source){.node = 5, .mix = &vt_mixes[MIX_IMIX], .tclass = TC_LOW, .bps = 400 * MBPS,
		.on_ns = 3 * NS_PER_MS, .off_ns = 5 * NS_PER_MS});
	vt_vf(v, 6, &unbound, MIX_1500, 0);	/* of nobody */
	vt_run(v, 50 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, 500 * NS_PER_MS);
	double error_bits = (sum_bps(v, 0, 6) - 700e6) * 0.5;
	ck_assert_msg(error_bits < 9000 * 8 * 2 && error_bits > -9000 * 8 * 2, "%.0f bits off", error_bits);
	is_near(sum_bps(v, 0, 7), 10e9, 0.0002, "the others have the rest");
	ck_assert_uint_eq(v->n_reordered, 0);
	vt_destroy(v);
}
END_TEST

/* Fails if limit_ready_ns() looks at bytes alone. */
START_TEST(a_tenants_limit_in_packets_is_exact_whatever_its_members_do)
{
	struct vt *v = world(4, 1, 10 * GBPS);

	vt_set_group(v, 0, &(struct vt_sla){.max_pps = 100000, .max_bps = 5 * GBPS});
	for (uint32_t i = 0; i < 3; i++)
		member(v, i, 0, &(struct vt_sla){.weight = 1 + i}, (int)i % 2);
	vt_vf(v, 3, &unbound, MIX_1500, 0);
	vt_run(v, 50 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, NS_PER_S);
	double pkts = (double)(v->pkts[0] + v->pkts[1] + v->pkts[2]);
	is_near(pkts, 100000, 0.00002, "packets a second");
	vt_destroy(v);
}
END_TEST

/* Tenant 0 was sold 300 Mb/s, its member 1 100 of it; everybody else floods at a better priority.
 * Fails if due_ns() does not look at the group's own clocks (300), or not at its members' deadlines (100). */
START_TEST(a_tenants_guarantee_and_its_members_are_kept_against_floods)
{
	struct vt *v = world(6, 2, GBPS);

	vt_set_group(v, 0, &(struct vt_sla){.min_bps = 300 * MBPS, .priority = 7});
	vt_set_group(v, 1, &(struct vt_sla){.priority = 7});	/* sold nothing, but a member was */
	member(v, 0, 0, &(struct vt_sla){.priority = 0}, MIX_9000);
	member(v, 1, 0, &(struct vt_sla){.min_bps = 100 * MBPS, .priority = 7}, MIX_1500);
	member(v, 2, 1, &(struct vt_sla){.min_bps = 50 * MBPS, .priority = 7}, MIX_IMIX);
	member(v, 3, 1, &unbound, MIX_64);
	vt_vf(v, 4, &unbound, MIX_64, 0);
	vt_vf(v, 5, &unbound, MIX_9000, 0);
	vt_run(v, 50 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, 500 * NS_PER_MS);
	is_near(vt_bps(v, 1), 100e6, 0.003, "the member's");
	is_near(vt_bps(v, 0), 200e6, 0.003, "what the tenant has above it, by priority");
	is_near(vt_bps(v, 2), 50e6, 0.005, "a member of a tenant that was sold nothing");
	ck_assert_double_le(vt_bps(v, 3), 0.5e6);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_uint_eq(order_stats(egress_order(v->e), i)->missed_ns, 0);
	ck_assert_uint_eq(order_group_stats(egress_order(v->e), 0)->missed_ns, 0);
	vt_destroy(v);
}
END_TEST

/* Three tenants of 1, 2 and 5 members that want everything, weights 1:1:2: who has more VMs has no more.
 * Fails if members stand in the root's queues. */
START_TEST(tenants_share_by_their_weights_however_many_members_they_have)
{
	struct vt *v = world(8, 3, GBPS);
	static const uint32_t tenant[8] = {0, 1, 1, 2, 2, 2, 2, 2};

	for (uint32_t i = 0; i < 3; i++)
		vt_set_group(v, i, &(struct vt_sla){.weight = i == 2 ? 2 : 1});
	for (uint32_t i = 0; i < 8; i++)
		member(v, i, tenant[i], &unbound, (int)i % N_MIXES);
	vt_run(v, 50 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, 500 * NS_PER_MS);
	is_near(vt_bps(v, 0), 250e6, 0.001, "alone in its tenant");
	is_near(sum_bps(v, 1, 2), 250e6, 0.001, "two");
	is_near(sum_bps(v, 3, 5), 500e6, 0.001, "five");
	is_near(vt_bps(v, 3), 100e6, 0.01, "one of five");
	vt_destroy(v);
}
END_TEST

/* A silent member's part goes to its tenant first, a silent tenant's to the others, to the last bit; each is back with
 * its first packet.  Fails if order_next() looks for shares before deadlines, or node_wake() does not wake the group. */
START_TEST(what_is_silent_is_lent_inside_and_across_tenants_and_is_back_at_once)
{
	struct vt *v = world(4, 2, GBPS);

	vt_set_group(v, 0, &(struct vt_sla){.min_bps = 600 * MBPS});
	vt_set_group(v, 1, &(struct vt_sla){.min_bps = 300 * MBPS, .priority = 1});
	for (uint32_t i = 0; i < 2; i++) {	/* 0: always; 1: from 100 ms on; both stop at 200 ms until 300 ms */
		egress_join(v->e, i, 0, v->now_ns);
		vt_set(v, i, &(struct vt_sla){.min_bps = 250 * MBPS});
		vt_add(v, (struct vt_source){.node = i, .mix = &vt_mixes[MIX_1500],
			.from_ns = i * 100 * NS_PER_MS, .until_ns = 200 * NS_PER_MS});
		vt_add(v, (struct vt_source){.node = i, .mix = &vt_mixes[MIX_1500], .from_ns = 300 * NS_PER_MS});
	}
	member(v, 2, 1, &unbound, MIX_1500);
	member(v, 3, 1, &unbound, MIX_1500);
	vt_run(v, 10 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, 90 * NS_PER_MS);
	is_near(vt_bps(v, 0), 700e6, 0.002, "all of its tenant's");
	is_near(sum_bps(v, 2, 2), 300e6, 0.002, "the other's guarantee");
	vt_reset(v);
	vt_run(v, 2 * NS_PER_MS);
	ck_assert_double_ge(vt_bps(v, 1), 240e6);	/* back at once */
	vt_reset(v);
	vt_run(v, 90 * NS_PER_MS);
	is_near(vt_bps(v, 0), 350e6, 0.003, "half of its tenant's");
	is_near(vt_bps(v, 1), 350e6, 0.003, "half of its tenant's");
	vt_run(v, 12 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, 90 * NS_PER_MS);
	is_near(sum_bps(v, 2, 2), 1e9, 0.001, "lent to the other tenant");
	vt_run(v, 300 * NS_PER_MS + v->p.start_ns - v->now_ns);
	vt_reset(v);
	vt_run(v, 72 * NS_PER_US + 1);	/* a largest packet's time */
	ck_assert_uint_ge(v->pkts[0] + v->pkts[1], 1);
	vt_run(v, 2 * NS_PER_MS);
	ck_assert_double_ge(sum_bps(v, 0, 2), 560e6);	/* back at once */
	vt_destroy(v);
}
END_TEST

#define N_PARKED 10000

/* 10,000 members wait under one limit.  Only their tenant waits for it: when it may send, no member moves, and one
 * packet is one member's.  Fails if members held by their group stand in an event wheel each. */
START_TEST(members_parked_under_a_tenants_limit_do_not_stampede)
{
	enum order_how how;
	struct vt *v = vt_create(&(struct vt_params){
		.n_nodes = N_PARKED + 1, .n_groups = 1, .link_bps = 10 * GBPS, .n_chunks = 3 * N_PARKED});
	struct order *o = egress_order(v->e);
	uint32_t n_served = 0;

	vt_set_group(v, 0, &(struct vt_sla){.max_bps = 10 * MBPS});
	v->limiters[N_PARKED + 1].bytes.ns = v->now_ns + 100 * NS_PER_MS;	/* in debt */
	vt_set(v, N_PARKED, &(struct vt_sla){.min_bps = 9 * GBPS, .priority = 1});
	for (uint32_t i = 0; i < N_PARKED; i++) {
		vt_set(v, i, &unbound);
		egress_join(v->e, i, 0, v->now_ns);
		order_wake(o, i, 1500, false, v->now_ns);
	}
	order_wake(o, N_PARKED, 1500, false, v->now_ns);
	uint64_t now_ns = 99 * NS_PER_MS;
	for (int i = 0; i < 1000; i++) {	/* 12 us of the link each: 12 ms */
		uint32_t id = order_next(o, now_ns, &how);
		ck_assert_uint_ne(id, ORDER_NONE);
		n_served += id < N_PARKED;
		ck_assert(now_ns > 100 * NS_PER_MS || id == N_PARKED);
		order_charge(o, id, how, 1500, 1, true, 1500, false, now_ns);
		now_ns = order_next_ns(o, now_ns);
		ck_assert_uint_lt(now_ns, 120 * NS_PER_MS);
	}
	ck_assert_uint_le(n_served, 2 + (now_ns - 99 * NS_PER_MS) / 1200000 + 30);
	uint32_t n_moved = 0;
	for (uint32_t i = 0; i < N_PARKED; i++)
		n_moved += (order_stats(o, i)->held_ns[BOUND_GROUP] | order_stats(o, i)->held_ns[BOUND_BPS]) != 0;
	ck_assert_uint_le(n_moved, n_served);
	for (uint32_t i = 0; i <= N_PARKED; i++)
		order_sleep(o, i, now_ns);
	ck_assert(order_check(o, stderr));
	vt_destroy(v);
}
END_TEST

/* As in crowd.c, 800 slow ones that wake in the same moment, here all of one tenant, in which the fast one is too.
 * Fails if node_wake() keeps old due clocks. */
START_TEST(a_crowd_of_slow_members_that_wakes_takes_nothing_from_a_fast_one)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 802, .n_groups = 1, .link_bps = GBPS});

	vt_set_group(v, 0, &(struct vt_sla){.max_bps = 950 * MBPS});
	member(v, 800, 0, &(struct vt_sla){.min_bps = 800 * MBPS, .priority = 1}, MIX_1500);
	vt_vf(v, 801, &unbound, MIX_1500, 0);
	for (uint32_t i = 0; i < 800; i++) {
		vt_set(v, i, &(struct vt_sla){.min_bps = 100000});
		egress_join(v->e, i, 0, v->now_ns);
		vt_add(v, (struct vt_source){.node = i, .mix = &vt_mixes[MIX_1500], .tclass = TC_LOW, .bps = MBPS,
			.from_ns = 50 * NS_PER_MS, .on_ns = 60 * NS_PER_MS, .off_ns = 540 * NS_PER_MS, .depth = 4});
	}
	vt_run(v, 10 * NS_PER_MS);
	for (int i = 0; i < 70; i++) {
		vt_reset(v);
		vt_run(v, 10 * NS_PER_MS);
		ck_assert_msg(vt_bps(v, 800) >= 800e6 * 0.996, "step %d: %.0f", i, vt_bps(v, 800));
	}
	ck_assert_uint_eq(order_stats(egress_order(v->e), 800)->missed_ns, 0);
	vt_destroy(v);
}
END_TEST

/* A tenant's limit changes every 5 ms between 1 Mb/s and 900 Mb/s while members join and leave: what it sent is what its
 * limits allowed and no burst more a change, nothing is lost or reordered.
 * Fails if limiter_set() keeps debts in time, or if charge_groups() charges the first group only. */
START_TEST(live_changes_of_a_tenant_keep_debts_and_lose_nothing)
{
	struct vt *v = world(4, 2, GBPS);
	uint64_t seed = (uint64_t)_i, allowed_bits = 0;

	for (uint32_t i = 0; i < 3; i++)
		member(v, i, 0, &unbound, i == 1 ? MIX_64 : MIX_1500);
	vt_vf(v, 3, &unbound, MIX_1500, 0);
	vt_set_group(v, 1, &(struct vt_sla){.weight = 2});
	ck_assert(egress_join_group(v->e, 1, 0, v->now_ns));
	vt_run(v, 10 * NS_PER_MS);
	vt_reset(v);
	for (int i = 0; i < 60; i++) {
		uint64_t bps = unit_random(&seed) % 2 ? MBPS : (100 + unit_random(&seed) % 800) * MBPS;
		vt_set_group(v, 0, &(struct vt_sla){.max_bps = bps, .weight = 50});
		for (uint32_t node = 0; node < 3; node++)	/* in the tenant, or in the one in it */
			egress_join(v->e, node, (uint32_t)(unit_random(&seed) % 2), v->now_ns);
		vt_run(v, 5 * NS_PER_MS);
		allowed_bits += bps / 200;
		ck_assert(egress_check(v->e, stderr));
	}
	double sent = (double)(v->bytes[0] + v->bytes[1] + v->bytes[2]) * 8;
	/* Each change may leave what waits 12 largest packets; two frames at 1 Mb/s. */
	ck_assert_msg(sent <= (double)allowed_bits + 13 * 9000 * 8, "%.0f bits sent, %.0f allowed", sent,
		(double)allowed_bits);
	ck_assert_msg(sent >= (double)allowed_bits * 0.97, "%.0f bits sent, %.0f allowed", sent, (double)allowed_bits);
	is_near(sent + (double)v->bytes[3] * 8, 1e9 * 0.3, 0.001, "the link is used");
	ck_assert_uint_eq(v->n_reordered, 0);
	vt_destroy(v);
}
END_TEST

/* One member, held by the outer tenant's limit 9 tenths of the time, and not by its own.
 * Fails if groups_held_ns() looks at the first group alone. */
START_TEST(time_held_by_a_tenants_limit_is_told_as_such)
{
	struct vt *v = world(3, 2, GBPS);
	struct order *o = egress_order(v->e);

	vt_set_group(v, 0, &(struct vt_sla){.max_bps = 10 * MBPS});
	vt_set_group(v, 1, &unbound);
	ck_assert(egress_join_group(v->e, 1, 0, v->now_ns));
	member(v, 0, 1, &unbound, MIX_1500);
	member(v, 1, 0, &(struct vt_sla){.max_bps = MBPS}, MIX_1500);
	vt_vf(v, 2, &unbound, MIX_1500, 0);
	vt_run(v, NS_PER_S);
	ck_assert_uint_ge(order_stats(o, 0)->held_ns[BOUND_GROUP], 950 * NS_PER_MS);
	ck_assert_uint_eq(order_stats(o, 0)->held_ns[BOUND_BPS], 0);
	ck_assert_uint_ge(order_stats(o, 1)->held_ns[BOUND_BPS], 800 * NS_PER_MS);
	ck_assert_uint_ge(order_group_stats(o, 0)->held_ns[BOUND_BPS], 950 * NS_PER_MS);
	ck_assert_uint_eq(order_group_stats(o, 1)->held_ns[BOUND_BPS], 0);
	ck_assert_uint_ge(order_group_stats(o, 1)->held_ns[BOUND_GROUP], 900 * NS_PER_MS);
	ck_assert_uint_eq(order_stats(o, 2)->held_ns[BOUND_GROUP], 0);
	vt_destroy(v);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("tenant");
	TCase *tc = tcase_create("tenant");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_tenants_limit_in_bits_is_exact_whatever_its_members_do);
	tcase_add_test(tc, a_tenants_limit_in_packets_is_exact_whatever_its_members_do);
	tcase_add_test(tc, a_tenants_guarantee_and_its_members_are_kept_against_floods);
	tcase_add_test(tc, tenants_share_by_their_weights_however_many_members_they_have);
	tcase_add_test(tc, what_is_silent_is_lent_inside_and_across_tenants_and_is_back_at_once);
	tcase_add_test(tc, members_parked_under_a_tenants_limit_do_not_stampede);
	tcase_add_test(tc, a_crowd_of_slow_members_that_wakes_takes_nothing_from_a_fast_one);
	tcase_add_loop_test(tc, live_changes_of_a_tenant_keep_debts_and_lose_nothing, 0, 4);
	tcase_add_test(tc, time_held_by_a_tenants_limit_is_told_as_such);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
