/* SPDX-License-Identifier: BSD-3-Clause */
/* Contract 1 to 3 with many VFs, lost time and silence: crowds that wake, stalls of the worker, idle VFs. */
#include <time.h>

#include "unit.h"
#include "vtime.h"

#define GBPS UINT64_C(1000000000)

static const struct vt_sla unbound;

static void is_near(double got, double want, double tolerance, const char *what)
{
	ck_assert_msg(got <= want * (1 + tolerance) && got >= want * (1 - tolerance), "%s: %.6g, wanted %.6g", what, got,
		want);
}

/* 800 VFs guaranteed 100 kb/s each wake in the same moment, every 600 ms, beside one guaranteed 800 Mb/s that never
 * sleeps: it misses nothing, in any 10 ms.
 * Fails if order_wake() keeps old due clocks. */
START_TEST(a_crowd_of_slow_vfs_that_wakes_takes_nothing_from_a_fast_one)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 802, .link_bps = GBPS});

	vt_vf(v, 800, &(struct vt_sla){.min_bps = 800000000, .priority = 1}, MIX_1500, 0);
	vt_vf(v, 801, &unbound, MIX_1500, 0);
	for (uint32_t i = 0; i < 800; i++) {
		vt_set(v, i, &(struct vt_sla){.min_bps = 100000});
		vt_add(v, (struct vt_source){.node = i, .mix = &vt_mixes[MIX_1500], .tclass = TC_LOW, .bps = 1000000,
			.from_ns = 50 * NS_PER_MS, .on_ns = 60 * NS_PER_MS, .off_ns = 540 * NS_PER_MS, .depth = 4});
	}
	vt_run(v, 10 * NS_PER_MS);
	for (int i = 0; i < 130; i++) {
		vt_reset(v);
		vt_run(v, 10 * NS_PER_MS);
		ck_assert_double_ge(vt_bps(v, 800), 800e6 * 0.996);	/* a few packets' time */
	}
	ck_assert_uint_eq(order_stats(egress_order(v->e), 800)->missed_ns, 0);
	vt_destroy(v);
}
END_TEST

#define N_PARKED 65536

/* How many of the parked have left the limit wheel: their time there has been counted. */
static uint32_t n_moved(const struct vt *v)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < N_PARKED; i++)
		n += order_stats(egress_order(v->e), i)->held_ns[BOUND_BPS] != 0;
	return n;
}

/* 65,536 VFs parked by their limits may all send from the same moment on: no call moves more than 64 of them, and one
 * who is due meanwhile is served with every call that he is due in.
 * Fails if move_ripe() moves all that are ripe. */
START_TEST(waking_65536_parked_vfs_is_spread_over_calls)
{
	enum order_how how;
	struct vt *v = vt_create(&(struct vt_params){
		.n_nodes = N_PARKED + 1, .link_bps = 100 * GBPS, .n_chunks = 200000});
	struct order *o = egress_order(v->e);
	struct vt_sla slow = {.max_bps = 1000000};

	for (uint32_t i = 0; i < N_PARKED; i++) {
		vt_set(v, i, &slow);
		v->limiters[i].bytes.ns = v->now_ns + 100 * NS_PER_MS;	/* in debt */
		order_wake(o, i, 1500, false, v->now_ns);
	}
	ck_assert_uint_eq(n_moved(v), 0);
	vt_set(v, N_PARKED, &(struct vt_sla){.min_bps = 90 * GBPS});
	order_wake(o, N_PARKED, 1500, false, v->now_ns);
	uint64_t now_ns = 100 * NS_PER_MS + 1;
	uint32_t n_before = 0, n_due = 0;
	for (int i = 0; i < 400; i++) {
		uint32_t id = order_next(o, now_ns, &how);
		uint32_t n_after = n_moved(v);
		ck_assert_uint_le(n_after - n_before, 64);
		n_before = n_after;
		ck_assert_uint_ne(id, ORDER_NONE);
		n_due += id == N_PARKED;
		order_charge(o, id, how, 1500, 1, true, 1500, false, now_ns);
		now_ns += 120;
	}
	ck_assert_uint_ge(n_before, 400);	/* it goes on, though */
	ck_assert_uint_ge(n_due, 359);
	for (uint32_t i = 0; i <= N_PARKED; i++)
		order_sleep(o, i, now_ns);
	vt_destroy(v);
}
END_TEST

/* The same by what it is for: each has its rate, however many they are.  65,536 VFs of 1 Mb/s and one of 30 Gb/s.
 * Fails if move_ripe() moves one every other call. */
START_TEST(each_of_65536_vfs_and_a_fast_one_beside_them_has_its_rate)
{
	struct vt *v = vt_create(&(struct vt_params){
		.n_nodes = N_PARKED + 1, .link_bps = 100 * GBPS, .n_chunks = 200000});

	for (uint32_t i = 0; i < N_PARKED - 1; i++) {
		vt_set(v, i, &(struct vt_sla){.max_bps = 1000000});
		vt_add(v, (struct vt_source){.node = i, .mix = &vt_mixes[MIX_1500], .tclass = TC_LOW, .depth = 2});
	}
	vt_vf(v, N_PARKED, &(struct vt_sla){.min_bps = 30 * GBPS, .priority = 7}, MIX_1500, 0);
	vt_run(v, 26 * NS_PER_MS);	/* two frames each are saved: gone */
	vt_reset(v);
	vt_run(v, 60 * NS_PER_MS);
	for (uint32_t i = 0; i < N_PARKED - 1; i++)	/* 12 ms a packet */
		ck_assert_msg(v->pkts[i] >= 4 && v->pkts[i] <= 6, "VF %u: %llu packets", i,
			(unsigned long long)v->pkts[i]);
	is_near(vt_bps(v, N_PARKED), 34.465e9, 0.001, "the fast one");
	ck_assert_uint_eq(order_stats(egress_order(v->e), N_PARKED)->missed_ns, 0);
	vt_destroy(v);
}
END_TEST

static double most_in_1_ms;

static void watch_1_ms(struct vt *v, const struct egress_out *out)
{
	static uint64_t bin, bits;

	if (v->now_ns / NS_PER_MS != bin)
		bits = 0;
	bin = v->now_ns / NS_PER_MS;
	if (out->node == 0)
		bits += out->bytes * 8;
	most_in_1_ms = (double)bits > most_in_1_ms ? (double)bits : most_in_1_ms;
}

/* The worker is away for 1, 4 or 10 ms every 50 ms; half of the link is asked for, by three VFs at their limits and one
 * guaranteed.  What was lost is made good: the mean is right, and no more is given back than was lost.
 * Fails if limiter_charge() does not add lost time to what it forgives. */
START_TEST(stalls_of_the_worker_cost_no_vf_its_rate)
{
	static const uint64_t stalls_ns[3] = {NS_PER_MS, 4 * NS_PER_MS, 10 * NS_PER_MS};
	static const uint64_t rates[3] = {10000000, 140000000, 350000000};
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 3, .link_bps = GBPS, .turn_ns = 50 * NS_PER_US});
	uint64_t stall_ns = stalls_ns[_i];

	for (uint32_t i = 0; i < 3; i++)
		vt_vf(v, i, &(struct vt_sla){.max_bps = rates[i], .min_bps = i == 2 ? rates[i] : 0}, MIX_1500, 0);
	v->stall_every_ns = 50 * NS_PER_MS;
	v->stall_ns = stall_ns;
	v->left = watch_1_ms;
	most_in_1_ms = 0;
	vt_run(v, 100 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, 2 * NS_PER_S);
	for (uint32_t i = 0; i < 3; i++)
		is_near(vt_bps(v, i), (double)rates[i], 0.005, "mean");
	/* The 10 Mb/s one: at most what it may save, the stall, waiting while others catch up, and a millisecond's. */
	uint64_t most_ns = v->limiters[0].save_ns + 2 * stall_ns + NS_PER_MS;
	ck_assert_double_le(most_in_1_ms, 10e6 * (double)most_ns / 1e9 + 12000);
	vt_destroy(v);
}
END_TEST

static double level, most_level;
static uint64_t level_ns;

static void watch_level(struct vt *v, const struct egress_out *o)
{
	if (o->node != 0)
		return;
	level -= (double)(v->now_ns - level_ns) * 100e6 / 8e9;
	level = (level < 0 ? 0 : level) + o->bytes;
	level_ns = v->now_ns;
	most_level = level > most_level ? level : most_level;
}

/* One that is idle now and then: what the worker lost meanwhile gives it nothing beside what idling saves.
 * Fails if what an idle limit saves is cut when it is used, not when it wakes (each stall counts twice). */
START_TEST(stalls_give_who_was_idle_no_more_than_idling_saves)
{
	static const uint64_t stalls_ns[3] = {NS_PER_MS, 4 * NS_PER_MS, 10 * NS_PER_MS};
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 2, .link_bps = GBPS, .turn_ns = 5 * NS_PER_US, .n_chunks = 20000});

	level = most_level = 0;
	level_ns = 0;
	vt_set(v, 0, &(struct vt_sla){.max_bps = 100000000, .burst_ns = NS_PER_MS});
	vt_add(v, (struct vt_source){.node = 0, .tclass = TC_MEDIUM, .mix = &vt_mixes[MIX_1500], .bps = 200000000,
		.on_ns = 7 * NS_PER_MS, .off_ns = 31 * NS_PER_MS, .depth = 1000});
	vt_vf(v, 1, &(struct vt_sla){.weight = 1}, MIX_1500, 0);
	v->left = watch_level;
	v->stall_every_ns = 20 * NS_PER_MS;
	v->stall_ns = stalls_ns[_i];
	vt_run(v, 2 * NS_PER_S);
	ck_assert_double_le(most_level, 100e6 / 8 * (double)(NS_PER_MS + stalls_ns[_i]) / 1e9 + 2 * 1500);
	vt_destroy(v);
}
END_TEST

/* 40 ms away: no more than 10 ms of it are given back, and what idling saves.
 * Fails if what is forgiven after lost time is what may be sent then. */
START_TEST(of_a_long_stall_no_more_than_10_ms_are_given_back)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 2, .link_bps = 10 * GBPS, .turn_ns = 5 * NS_PER_US, .n_chunks = 20000});

	level = most_level = 0;
	level_ns = 0;
	vt_vf(v, 0, &(struct vt_sla){.max_bps = 100000000, .burst_ns = NS_PER_MS}, MIX_1500, 0);
	vt_vf(v, 1, &(struct vt_sla){.max_bps = 100000000}, MIX_1500, 0);
	v->left = watch_level;
	v->stall_every_ns = 200 * NS_PER_MS;
	v->stall_ns = 40 * NS_PER_MS;
	vt_run(v, 2 * NS_PER_S);
	ck_assert_msg(most_level <= 100e6 / 8 * 11e-3 + 2 * 1500, "%.0f bytes, %.1f ms", most_level, most_level * 8e3 / 100e6);
	vt_destroy(v);
}
END_TEST

/* A VF that sends nothing: its guarantee, weight and priority take nothing from those who do.
 * Fails if order_next() looks for shares of the best priority alone. */
START_TEST(a_silent_vf_costs_nothing)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 3, .link_bps = GBPS});

	vt_set(v, 0, &(struct vt_sla){.min_bps = 900000000, .urgent_bps = 50000000, .weight = 1000});
	vt_vf(v, 1, &(struct vt_sla){.priority = 7}, MIX_1500, 0);
	vt_vf(v, 2, &(struct vt_sla){.priority = 7, .min_bps = 50000000}, MIX_64, 0);
	vt_run(v, 10 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, 100 * NS_PER_MS);
	is_near(vt_bps(v, 1) + vt_bps(v, 2), 1e9, 0.0002, "all of the link");
	is_near(vt_bps(v, 1), 500e6, 0.001, "half");
	vt_destroy(v);
}
END_TEST

/* The CPU time of a packet among n VFs of which two send. */
static double cpu_ns(uint32_t n)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = n, .link_bps = 10 * GBPS});
	struct timespec from, to;
	double best = 1e18;

	for (uint32_t i = 0; i < n; i++)
		vt_set(v, i, &(struct vt_sla){.min_bps = 1000});
	vt_vf(v, 0, &unbound, MIX_1500, 0);
	vt_vf(v, n - 1, &(struct vt_sla){.min_bps = 4 * GBPS}, MIX_1500, 0);
	for (int round = 0; round < 5; round++) {
		vt_reset(v);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
		vt_run(v, 20 * NS_PER_MS);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
		double ns = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
		ns /= (double)(v->pkts[0] + v->pkts[n - 1]);
		best = ns < best ? ns : best;
	}
	vt_destroy(v);
	return best;
}

/* Generous, for the machine is shared: the cost would be thousands of times higher if it grew with the idle.
 * Fails if order_next() looks at every node. */
START_TEST(the_cost_of_a_packet_does_not_grow_with_idle_vfs)
{
	ck_assert_double_le(cpu_ns(20000), 3 * cpu_ns(2) + 200);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("crowd");
	TCase *tc = tcase_create("crowd");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_crowd_of_slow_vfs_that_wakes_takes_nothing_from_a_fast_one);
	tcase_add_test(tc, waking_65536_parked_vfs_is_spread_over_calls);
	tcase_add_test(tc, each_of_65536_vfs_and_a_fast_one_beside_them_has_its_rate);
	tcase_add_loop_test(tc, stalls_of_the_worker_cost_no_vf_its_rate, 0, 3);
	tcase_add_loop_test(tc, stalls_give_who_was_idle_no_more_than_idling_saves, 0, 3);
	tcase_add_test(tc, of_a_long_stall_no_more_than_10_ms_are_given_back);
	tcase_add_test(tc, a_silent_vf_costs_nothing);
	tcase_add_test(tc, the_cost_of_a_packet_does_not_grow_with_idle_vfs);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
