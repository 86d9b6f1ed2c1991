/* SPDX-License-Identifier: BSD-3-Clause */
/* Contract 1, 2 and 9: limits and guarantees are exact, at every rate, packet size and uptime; bursts are bounded; a
 * change is free.  All of it at one egress, event by event. */
#include "unit.h"
#include "vtime.h"

static const uint64_t bps_rates[] = {
	1000, 33333, 1000000, 99700000, 1000000000, 10000000000, 98765432101, 400000000000,
};
static const uint64_t pps_rates[] = {1, 7, 1000, 14881, 1003003, 14880952, 100000000};

#define N_BPS (sizeof(bps_rates) / sizeof(bps_rates[0]))
#define N_PPS (sizeof(pps_rates) / sizeof(pps_rates[0]))
#define FOREVER (UINT64_C(1) << 60)

static const struct vt_sla unbound;

/* What 'node' sent since vt_reset() is rate x time, off by at most 'slack_units' and a millionth. */
static void is_exact(const struct vt *v, uint64_t units, uint64_t rate, double slack_units, const char *what)
{
	double want = (double)rate * (double)(v->now_ns - v->since_ns) / 1e9;
	double error = (double)units - want;

	ck_assert_msg(error <= slack_units + want * 1e-6 && error >= -slack_units - want * 1e-6,
		"%s at %llu/s: sent %llu, wanted %.1f +- %.1f", what, (unsigned long long)rate,
		(unsigned long long)units, want, slack_units);
}

static uint32_t largest_of(int mix)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < vt_mixes[mix].n; i++)
		most = vt_mixes[mix].bytes[i] > most ? vt_mixes[mix].bytes[i] : most;
	return most;
}

/* One VF with a constant backlog under a limit, on a link a quarter faster (or not paced): 10,000 packets are never
 * more than one packet off.  An error that grows with time would show as more. */
static void check_limit(uint64_t bps, uint64_t pps, int mix, uint64_t uptime_ns, bool is_paced)
{
	struct vt *v = vt_create(&(struct vt_params){
		.n_nodes = 1,
		.link_bps = is_paced ? bps + bps / 4 : 0,
		.largest_bytes = 9000,
		.start_ns = uptime_ns,
	});

	vt_vf(v, 0, &(struct vt_sla){.max_bps = bps, .max_pps = pps}, mix, 0);
	ck_assert(vt_run_pkts(v, 0, 500, FOREVER));	/* its saved burst is gone */
	vt_reset(v);
	ck_assert(vt_run_pkts(v, 0, 10000, FOREVER));
	if (bps != 0)
		is_exact(v, v->bytes[0] * 8, bps, largest_of(mix) * 8.0 + (double)bps / 1e9, vt_mixes[mix].name);
	else
		is_exact(v, v->pkts[0], pps, 1 + (double)pps / 1e9, vt_mixes[mix].name);
	ck_assert_uint_eq(v->n_reordered, 0);
	vt_destroy(v);
}

/* Fails if clk_add() drops the remainder. */
START_TEST(a_limit_in_bits_is_exact_at_every_rate_size_and_uptime)
{
	for (int mix = 0; mix < N_MIXES; mix++)
		for (int u = 0; u < VT_UPTIMES; u++) {
			check_limit(bps_rates[_i], 0, mix, vt_uptimes_ns[u], true);
			check_limit(bps_rates[_i], 0, mix, vt_uptimes_ns[u], false);
		}
}
END_TEST

/* Fails if clk_add() drops the remainder. */
START_TEST(a_limit_in_packets_is_exact_at_every_rate_size_and_uptime)
{
	for (int mix = 0; mix < N_MIXES; mix++)
		for (int u = 0; u < VT_UPTIMES; u++)
			check_limit(0, pps_rates[_i], mix, vt_uptimes_ns[u], false);
}
END_TEST

/* Fails if limiter_ready_ns() looks at one clock. */
START_TEST(of_two_limits_the_narrower_holds_whatever_the_size)
{
	static const struct vt_mix two_sizes = {"64 and 1500", 2, {64, 1500}};
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 3, .link_bps = 10 * NS_PER_S});
	struct vt_sla sla = {.max_bps = 100000000, .max_pps = 20000};	/* 625 B on average are both */

	vt_vf(v, 0, &sla, MIX_64, 0);
	vt_vf(v, 1, &sla, MIX_1500, 0);
	vt_set(v, 2, &sla);
	vt_add(v, (struct vt_source){.node = 2, .mix = &two_sizes, .tclass = TC_LOW});
	vt_run(v, 100 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, NS_PER_S);
	is_exact(v, v->pkts[0], 20000, 2, "64 B");
	is_exact(v, v->bytes[1] * 8, 100000000, 24000, "1500 B");
	is_exact(v, v->bytes[2] * 8, 100000000, 24000, "64 and 1500 B");
	ck_assert_uint_le(v->pkts[2], 20001);
	vt_destroy(v);
}
END_TEST

/* A guarantee is all it gets: another of a better priority takes whatever is left.  It is met to one packet of its own
 * and one of the other's on the link. */
static void check_guarantee(uint64_t bps, uint64_t pps, int mix, int other, uint64_t uptime_ns)
{
	uint64_t link_bps = bps + bps / 4, link_pps = 3 * pps;
	struct vt *v = vt_create(&(struct vt_params){
		.n_nodes = 2,
		.link_bps = link_bps,
		.link_pps = link_pps,
		.largest_bytes = 9000,
		.start_ns = uptime_ns,
	});
	double other_s = bps != 0 ? largest_of(other) * 8.0 / (double)link_bps : 1.0 / (double)link_pps;

	vt_vf(v, 0, &(struct vt_sla){.min_bps = bps, .min_pps = pps, .priority = 7}, mix, 0);
	vt_vf(v, 1, &unbound, other, 0);
	ck_assert(vt_run_pkts(v, 0, 200, FOREVER));
	vt_reset(v);
	ck_assert(vt_run_pkts(v, 0, 10000, FOREVER));
	if (bps != 0)
		is_exact(v, v->bytes[0] * 8, bps, largest_of(mix) * 8.0 + (double)bps * (other_s + 1e-9),
			vt_mixes[mix].name);
	else
		is_exact(v, v->pkts[0], pps, 1 + (double)pps * (other_s + 1e-9), vt_mixes[mix].name);
	ck_assert_uint_eq(order_stats(egress_order(v->e), 0)->missed_ns, 0);
	vt_destroy(v);
}

/* Fails if charge_clock_due() forgets 2 us a service, or if shares are served before deadlines. */
START_TEST(a_guarantee_in_bits_is_exact_at_every_rate_size_and_uptime)
{
	for (int mix = 0; mix < N_MIXES; mix++) {
		check_guarantee(bps_rates[_i], 0, mix, (mix + 1) % N_MIXES, vt_uptimes_ns[(mix + _i) % VT_UPTIMES]);
		check_guarantee(bps_rates[_i], 0, mix, (mix + 2) % N_MIXES, vt_uptimes_ns[(mix + _i + 1) % VT_UPTIMES]);
	}
}
END_TEST

/* Fails if charge_clock_due() forgets 2 us a service. */
START_TEST(a_guarantee_in_packets_is_exact_at_every_rate_size_and_uptime)
{
	for (int mix = 0; mix < N_MIXES; mix++) {
		check_guarantee(0, pps_rates[_i], mix, (mix + 1) % N_MIXES, vt_uptimes_ns[(mix + _i) % VT_UPTIMES]);
		check_guarantee(0, pps_rates[_i], mix, (mix + 2) % N_MIXES, vt_uptimes_ns[(mix + _i + 1) % VT_UPTIMES]);
	}
}
END_TEST

static const struct vt_mix guaranteed_sizes[] = {
	{"64", 1, {64}}, {"1500", 1, {1500}}, {"9000", 1, {9000}}, {"IMIX", 12, {64, 64, 64, 64, 64, 64, 64, 594, 594, 594, 594, 1518}},
	{"64 and 1500", 2, {64, 1500}}, {"64, 9000", 2, {64, 9000}},
};
#define N_GUARANTEED_SIZES (sizeof(guaranteed_sizes) / sizeof(guaranteed_sizes[0]))

/* Sold in bits and in packets: a packet rides on both, so small ones have the packets, large ones the bits, and of no mix
 * more than the narrower allows, nor less.  Another of a better priority takes what is left.
 * Fails if own_due_ns() looks at one clock. */
START_TEST(of_two_guarantees_the_narrower_is_kept_whatever_the_size)
{
	const struct vt_mix *mix = &guaranteed_sizes[_i];
	struct vt_sla sla = {.min_bps = 150000000, .min_pps = 30000, .priority = 7};	/* 625 B on average are both */
	struct vt *v = vt_create(&(struct vt_params){
		.n_nodes = 2, .link_bps = NS_PER_S, .link_pps = 1000000, .largest_bytes = 9000});
	double bytes = 0, want_pps;

	for (uint32_t i = 0; i < mix->n; i++)
		bytes += (double)mix->bytes[i] / mix->n;
	want_pps = 150e6 / 8 / bytes < 30e3 ? 150e6 / 8 / bytes : 30e3;
	vt_set(v, 0, &sla);
	vt_add(v, (struct vt_source){.node = 0, .mix = mix, .tclass = TC_LOW});
	vt_vf(v, 1, &unbound, MIX_1500, 0);
	vt_run(v, 100 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, NS_PER_S);
	ck_assert_msg((double)v->pkts[0] > want_pps * 0.9999 - 2 && (double)v->pkts[0] < want_pps * 1.0001 + 2,
		"%s: %llu packets, wanted %.1f", mix->name, (unsigned long long)v->pkts[0], want_pps);
	ck_assert_uint_eq(order_stats(egress_order(v->e), 0)->missed_ns, 0);
	vt_destroy(v);
}
END_TEST

/* Eight guarantees from 1 to 40 % of the link that sum up to all of it, of all packet sizes, and one without that takes
 * what it can: each is kept for its every packet.  Fails if charge_clock_due() forgets 2 us a service. */
START_TEST(guarantees_that_fill_the_link_are_all_kept)
{
	static const uint64_t percent[8] = {1, 2, 3, 4, 10, 15, 25, 40};
	struct vt *v = vt_create(&(struct vt_params){
		.n_nodes = 9,
		.link_bps = 10 * NS_PER_S,
		.largest_bytes = 9000,
		.start_ns = vt_uptimes_ns[_i],
	});

	for (uint32_t i = 0; i < 8; i++)
		vt_vf(v, i, &(struct vt_sla){.min_bps = percent[i] * 100000000, .priority = 7}, (int)i % N_MIXES, 0);
	vt_vf(v, 8, &unbound, MIX_9000, 0);
	vt_run(v, 100 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, NS_PER_S);
	for (uint32_t i = 0; i < 8; i++) {
		is_exact(v, v->bytes[i] * 8, percent[i] * 100000000, 9 * 9000 * 8, "one of eight");
		ck_assert_uint_eq(order_stats(egress_order(v->e), i)->missed_ns, 0);
	}
	vt_destroy(v);
}
END_TEST

/* Everything a departure adds to a leaky bucket at the limit's rate: its level is the most that any window showed
 * beyond rate x time. */
struct bucket {
	double level_bits, most_bits, rate_bps;
	uint64_t at_ns;
};

static void leak(struct vt *v, const struct egress_out *out)
{
	struct bucket *b = (struct bucket *)v->left_ctx + out->node;

	b->level_bits -= b->rate_bps * (double)(v->now_ns - b->at_ns) / 1e9;
	b->level_bits = (b->level_bits > 0 ? b->level_bits : 0) + out->bytes * 8.0;
	b->most_bits = b->level_bits > b->most_bits ? b->level_bits : b->most_bits;
	b->at_ns = v->now_ns;
}

/* Random on/off senders of all sizes, loss of time included (turns and stalls for odd seeds).
 * Fails if limiter_charge() lifts its clocks to a floor twice as far back. */
START_TEST(over_any_window_a_vf_sends_at_most_rate_x_time_and_its_burst)
{
	uint64_t seed = (uint64_t)_i;
	struct bucket buckets[8] = {0};
	struct vt *v = vt_create(&(struct vt_params){
		.n_nodes = 8,
		.link_bps = 10 * NS_PER_S,
		.largest_bytes = 9000,
		.start_ns = vt_uptimes_ns[_i % VT_UPTIMES],
		.turn_ns = _i % 2 ? 50 * NS_PER_US : 0,
	});
	uint64_t others_ns = 12 * 7200 + v->p.turn_ns;
	uint64_t lost_ns = _i % 2 ? 2 * 4 * NS_PER_MS : 0;	/* the stall and waiting for the others' */

	v->left = leak;
	v->left_ctx = buckets;
	v->stall_every_ns = 37 * NS_PER_MS;
	v->stall_ns = 4 * NS_PER_MS;
	for (uint32_t i = 0; i < 8; i++) {
		uint64_t rate = 1000000 + unit_random(&seed) % 1000000000;
		int mix = (int)(unit_random(&seed) % N_MIXES);
		buckets[i].rate_bps = (double)rate;
		buckets[i].at_ns = v->now_ns;
		vt_set(v, i, &(struct vt_sla){.max_bps = rate, .burst_ns = unit_random(&seed) % (5 * NS_PER_MS)});
		vt_add(v, (struct vt_source){.node = i, .mix = &vt_mixes[mix], .bps = 3 * rate, .tclass = TC_LOW,
			.on_ns = 1 + unit_random(&seed) % (20 * NS_PER_MS),
			.off_ns = 1 + unit_random(&seed) % (20 * NS_PER_MS)});
	}
	vt_run(v, 300 * NS_PER_MS);
	double nearest = 0;
	for (uint32_t i = 0; i < 8; i++) {
		uint64_t save_ns = u64_max(v->limiters[i].save_ns, others_ns) + lost_ns + 1;	/* rounding */
		double burst_bits = buckets[i].rate_bps * (double)save_ns / 1e9 + 9000 * 8.0;
		ck_assert_msg(buckets[i].most_bits <= burst_bits, "VF %u: %.0f bits, allowed are %.0f", i,
			buckets[i].most_bits, burst_bits);
		nearest = buckets[i].most_bits / burst_bits > nearest ? buckets[i].most_bits / burst_bits : nearest;
	}
	ck_assert_double_gt(nearest, _i % 2 ? 0.2 : 0.9);	/* the bound is no looser than the promise */
	vt_destroy(v);
}
END_TEST

/* 1 kb/s <-> 1 Gb/s while it waits: fast at once (within a packet), slow at once (no burst beyond two frames).
 * Fails if limiter_set() leaves the clocks where they are. */
START_TEST(a_change_of_a_limit_acts_at_once_and_refills_nothing)
{
	struct vt *v = vt_create(&(struct vt_params){
		.n_nodes = 1, .link_bps = 10 * NS_PER_S, .start_ns = vt_uptimes_ns[_i]});

	vt_vf(v, 0, &(struct vt_sla){.max_bps = 1000}, MIX_1500, 0);
	vt_run(v, 65 * NS_PER_S);	/* 12 s a packet */
	for (int round = 0; round < 3; round++) {
		vt_reset(v);
		vt_set(v, 0, &(struct vt_sla){.max_bps = NS_PER_S, .burst_ns = NS_PER_MS});
		vt_run(v, 100 * NS_PER_MS);
		is_exact(v, v->bytes[0] * 8, NS_PER_S, 2 * 12000, "1 kb/s -> 1 Gb/s");
		vt_reset(v);
		vt_set(v, 0, &(struct vt_sla){.max_bps = 1000});
		vt_run(v, 65 * NS_PER_S);
		is_exact(v, v->bytes[0] * 8, 1000, 2 * 12000, "1 Gb/s -> 1 kb/s");
	}
	ck_assert_uint_eq(v->n_reordered, 0);
	vt_destroy(v);
}
END_TEST

/* The sum over many changes is what the rates say: a change gives nothing and takes nothing.
 * Fails if rescale() keeps a debt's time instead of its bytes. */
START_TEST(a_thousand_changes_neither_give_nor_take)
{
	uint64_t seed = (uint64_t)_i;
	double want_bits = 0;
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 1, .link_bps = 100 * NS_PER_S});

	vt_vf(v, 0, &(struct vt_sla){.max_bps = NS_PER_S}, MIX_1500, 0);
	vt_run(v, 10 * NS_PER_MS);
	vt_reset(v);
	for (int round = 0; round < 1000; round++) {
		uint64_t rate = UINT64_C(1000000) << unit_random(&seed) % 14;
		uint64_t span_ns = 1 + unit_random(&seed) % NS_PER_MS;
		vt_set(v, 0, &(struct vt_sla){.max_bps = rate});
		vt_run(v, span_ns);
		want_bits += (double)rate * (double)span_ns / 1e9;
	}
	ck_assert_double_eq_tol((double)v->bytes[0] * 8, want_bits, 12000 * 2 + want_bits * 1e-5);
	vt_destroy(v);
}
END_TEST

/* A guarantee raised from 1 kb/s to 900 Mb/s is met within a packet; lowered, the rest has it at once.
 * Fails if reprice_due() keeps the debt's time: its 12 s would have to pass first. */
START_TEST(a_change_of_a_guarantee_acts_at_once)
{
	struct vt *v = vt_create(&(struct vt_params){
		.n_nodes = 2, .link_bps = NS_PER_S, .start_ns = vt_uptimes_ns[_i]});
	struct vt_sla low = {.min_bps = 1000, .priority = 7}, high = {.min_bps = 900000000, .priority = 7};

	vt_vf(v, 0, &low, MIX_1500, 0);
	vt_vf(v, 1, &unbound, MIX_1500, 0);
	for (int round = 0; round < 3; round++) {
		vt_set(v, 0, &high);
		vt_reset(v);
		vt_run(v, 10 * NS_PER_MS);
		is_exact(v, v->bytes[0] * 8, 900000000, 3 * 12000, "1 kb/s -> 900 Mb/s");
		vt_set(v, 0, &low);
		vt_reset(v);
		vt_run(v, 10 * NS_PER_MS);
		is_exact(v, v->bytes[1] * 8, NS_PER_S, 4 * 12000, "the rest");
	}
	vt_destroy(v);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("limit");
	TCase *tc = tcase_create("exact");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, a_limit_in_bits_is_exact_at_every_rate_size_and_uptime, 0, N_BPS);
	tcase_add_loop_test(tc, a_limit_in_packets_is_exact_at_every_rate_size_and_uptime, 0, N_PPS);
	tcase_add_test(tc, of_two_limits_the_narrower_holds_whatever_the_size);
	tcase_add_loop_test(tc, a_guarantee_in_bits_is_exact_at_every_rate_size_and_uptime, 0, N_BPS);
	tcase_add_loop_test(tc, a_guarantee_in_packets_is_exact_at_every_rate_size_and_uptime, 0, N_PPS);
	tcase_add_loop_test(tc, of_two_guarantees_the_narrower_is_kept_whatever_the_size, 0, N_GUARANTEED_SIZES);
	tcase_add_loop_test(tc, guarantees_that_fill_the_link_are_all_kept, 0, VT_UPTIMES);
	tcase_add_loop_test(tc, over_any_window_a_vf_sends_at_most_rate_x_time_and_its_burst, 0, 6);
	tcase_add_loop_test(tc, a_change_of_a_limit_acts_at_once_and_refills_nothing, 0, VT_UPTIMES);
	tcase_add_loop_test(tc, a_thousand_changes_neither_give_nor_take, 0, 4);
	tcase_add_loop_test(tc, a_change_of_a_guarantee_acts_at_once, 0, VT_UPTIMES);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
