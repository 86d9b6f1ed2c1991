/* SPDX-License-Identifier: BSD-3-Clause */
/* Contract 2 and 3: who gets what of a link: floors, ceilings, weights, priorities, lending.  Random SLA sets are held
 * against allocate(). */
#include "allocate.h"
#include "unit.h"
#include "vtime.h"

#define GBPS UINT64_C(1000000000)

/* What a random set is drawn from. */
struct draw {
	uint64_t link_bps;
	uint32_t most_vfs, most_weight, n_priorities;
	bool is_uneven;			/* weights of 1, of the most, and others; all want all */
	int n_mixes;			/* of vt_mixes, or 0: 64, 500 and 1500 */
	uint32_t largest_bytes;
	uint64_t span_ns;
};

static double unit_real(uint64_t *seed)
{
	return (double)(unit_random(seed) >> 11) / 9007199254740992.0;
}

static struct want draw_one(const struct draw *d, uint64_t *seed, double *room)
{
	double link = (double)d->link_bps;
	struct want w = {
		.min = unit_random(seed) % 2 ? 0 : unit_real(seed) * *room / 2,
		.max = unit_random(seed) % 2 ? 2 * link : (0.05 + 0.85 * unit_real(seed)) * link,
		.demand = unit_random(seed) % 2 ? 3 * link : (0.02 + 0.58 * unit_real(seed)) * link,
		.weight = 1 + (double)(unit_random(seed) % d->most_weight),
		.priority = (unsigned int)(unit_random(seed) % d->n_priorities),
	};

	if (d->is_uneven) {
		uint64_t r = unit_random(seed);
		w.weight = r % 4 == 0 ? 1 : r % 2 ? d->most_weight : w.weight;
		w.demand = 3 * link;
	}
	if (w.max < w.min * 1.01)
		w.max = w.min * 1.01;
	*room -= w.min;
	return w;
}

static void add_vf(struct vt *v, const struct draw *d, uint32_t node, const struct want *w, uint64_t *seed)
{
	static const struct vt_mix half = {"500", 1, {500}};
	static const struct vt_mix *toy[3] = {&vt_mixes[MIX_64], &half, &vt_mixes[MIX_1500]};
	uint64_t r = unit_random(seed);
	struct vt_sla sla = {
		.min_bps = (uint64_t)w->min,
		.max_bps = (uint64_t)w->max,
		.weight = (uint32_t)w->weight,
		.priority = (uint8_t)w->priority,
	};

	vt_set(v, node, &sla);
	vt_add(v, (struct vt_source){
		.node = node,
		.tclass = TC_MEDIUM,
		.depth = w->demand > (double)d->link_bps ? 40 : 2000,	/* bursts of others must not cost it demand */
		.mix = d->n_mixes ? &vt_mixes[r % (unsigned int)d->n_mixes] : toy[r % 3],
		.bps = w->demand > (double)d->link_bps ? 0 : (uint64_t)w->demand,
	});
}

/* -> the largest error of a random set, as a part of the link. */
static double worst_error(const struct draw *d, uint64_t seed)
{
	struct want wants[64];
	uint32_t n = 2 + (uint32_t)(unit_random(&seed) % (d->most_vfs - 1));
	double room = (double)d->link_bps * 0.9, worst = 0;
	struct vt *v = vt_create(&(struct vt_params){
		.n_nodes = n,
		.link_bps = d->link_bps,
		.largest_bytes = d->largest_bytes,
		.start_ns = vt_uptimes_ns[seed % VT_UPTIMES],
		.n_chunks = n * 400,
	});

	for (uint32_t i = 0; i < n; i++) {
		wants[i] = draw_one(d, &seed, &room);
		add_vf(v, d, i, &wants[i], &seed);
	}
	allocate(wants, n, (double)d->link_bps);
	vt_run(v, d->span_ns / 5);
	vt_reset(v);
	vt_run(v, d->span_ns);
	for (uint32_t i = 0; i < n; i++) {
		double error = (vt_bps(v, i) - wants[i].rate) / (double)d->link_bps;
		worst = error > worst ? error : -error > worst ? -error : worst;
		ck_assert_uint_eq(order_stats(egress_order(v->e), i)->missed_ns, 0);
	}
	ck_assert_uint_eq(v->n_reordered, 0);
	ck_assert(egress_check(v->e, stderr));
	vt_destroy(v);
	return worst;
}

static void check_sets(const struct draw *d, int first, int n, double limit)
{
	for (int i = first; i < first + n; i++) {
		double error = worst_error(d, (uint64_t)i);
		ck_assert_msg(error <= limit, "set %d: %.4f %% of the link off", i, error * 100);
	}
}

/* Fails if due ones are not served before shares, if virtual time moves to the finish of whoever is served, or if none
 * of the past excess counts towards a guarantee (charge_clock_due() with its ceiling at now). */
START_TEST(random_slas_get_what_the_contract_computes)
{
	static const struct draw d = {
		.link_bps = GBPS, .most_vfs = 6, .most_weight = 3, .n_priorities = 2, .span_ns = 120 * NS_PER_MS};

	check_sets(&d, 20 * _i, 20, 0.001);
}
END_TEST

/* Fails if virtual time moves to the finish of whoever is served, not to the first bucket's start (3 % of the link), or
 * if the window of charge_clock_due() stays at ten packets with 40 guarantees (0.8 %). */
START_TEST(random_slas_of_many_vfs_all_weights_priorities_and_sizes_too)
{
	static const struct draw d = {
		.link_bps = 10 * GBPS, .most_vfs = 40, .most_weight = ORDER_MAX_WEIGHT, .n_priorities = 8,
		.n_mixes = N_MIXES, .largest_bytes = 9000, .span_ns = 100 * NS_PER_MS};

	check_sets(&d, 1000 + 5 * _i, 5, 0.001);
}
END_TEST

/* Guarantees that are small parts of shares, or nearly they.  Fails if virtual time moves while somebody is due, or if who is
 * served on its guarantee owes less than a bucket. */
START_TEST(random_slas_of_very_uneven_weights_too)
{
	static const struct draw d = {
		.link_bps = GBPS, .most_vfs = 8, .most_weight = ORDER_MAX_WEIGHT, .n_priorities = 2, .is_uneven = true,
		.span_ns = 200 * NS_PER_MS};

	check_sets(&d, 3000 + 20 * _i, 20, 0.002);
}
END_TEST

static void is_near(double got, double want, double tolerance, const char *what)
{
	ck_assert_msg(got <= want * (1 + tolerance) && got >= want * (1 - tolerance), "%s: %.6g, wanted %.6g", what, got,
		want);
}

/* 2:1 in total, though the lighter one has a guarantee of 200 Mb/s: it is part of its share, not on top.
 * Fails if none of the past excess counts towards a guarantee (charge_clock_due() with its ceiling at now). */
START_TEST(weights_divide_totals_not_what_is_left_above_guarantees)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 2, .link_bps = 900000000});

	vt_vf(v, 0, &(struct vt_sla){.min_bps = 200000000, .weight = 1}, MIX_1500, 0);
	vt_vf(v, 1, &(struct vt_sla){.weight = 2}, MIX_IMIX, 0);
	vt_run(v, 100 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, 500 * NS_PER_MS);
	is_near(vt_bps(v, 0), 300e6, 0.001, "weight 1, guaranteed");
	is_near(vt_bps(v, 1), 600e6, 0.001, "weight 2");
	vt_destroy(v);
}
END_TEST

/* Two guarantees that are due together, and somebody without one who is served in between: the share of the heavy one is not
 * forgotten.  Fails if virtual time moves while somebody is due (B has its guarantee alone). */
START_TEST(no_share_is_forgotten_while_guarantees_are_due)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 3, .link_bps = GBPS});

	vt_vf(v, 0, &(struct vt_sla){.min_bps = 100000000, .weight = 1}, MIX_64, 0);
	vt_vf(v, 1, &(struct vt_sla){.min_bps = 94000000, .weight = 950}, MIX_64, 0);
	vt_vf(v, 2, &(struct vt_sla){.weight = 100}, MIX_1500, 0);
	vt_run(v, 50 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, 100 * NS_PER_MS);
	is_near(vt_bps(v, 0), 100e6, 0.005, "A, guaranteed");
	is_near(vt_bps(v, 1), 900e6 * 950 / 1050, 0.005, "B, weight 950");
	is_near(vt_bps(v, 2), 900e6 * 100 / 1050, 0.01, "C, weight 100");
	vt_destroy(v);
}
END_TEST

/* Priority decides on the excess alone: the guarantee of the last is served before the wishes of the first.
 * Fails if order_next() looks at shares before deadlines. */
START_TEST(excess_goes_by_strict_priority_after_all_guarantees)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 3, .link_bps = GBPS});

	vt_vf(v, 0, &(struct vt_sla){.min_bps = 100000000, .priority = 2}, MIX_1500, 0);
	vt_vf(v, 1, &(struct vt_sla){.min_bps = 200000000, .priority = 1}, MIX_64, 0);
	vt_vf(v, 2, &(struct vt_sla){.max_bps = 600000000, .priority = 0}, MIX_9000, 0);
	vt_run(v, 100 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, 500 * NS_PER_MS);
	is_near(vt_bps(v, 2), 600e6, 0.001, "first, up to its limit");
	is_near(vt_bps(v, 1), 300e6, 0.001, "second, guaranteed 200 and what is left");
	is_near(vt_bps(v, 0), 100e6, 0.001, "last, its guarantee alone");
	vt_destroy(v);
}
END_TEST

/* What the demo's scenario 'lend' shows on real ports: min 150/700/150 on 1 Gb/s, the second is silent for a while.
 * Its guarantee is lent to the last bit, and is back with its first packet: it waits for no more than two packets, and
 * has its rate in the first millisecond.
 * Fails if order_next() looks at shares before deadlines. */
START_TEST(a_silent_vfs_guarantee_is_lent_at_once_and_back_at_once)
{
	struct vt *v = vt_create(&(struct vt_params){
		.n_nodes = 3, .link_bps = GBPS, .start_ns = vt_uptimes_ns[_i]});
	struct vt_sla small = {.min_bps = 150000000, .max_bps = GBPS}, big = {.min_bps = 700000000, .max_bps = GBPS};

	vt_vf(v, 0, &small, MIX_1500, 0);
	vt_vf(v, 2, &small, MIX_1500, 0);
	vt_set(v, 1, &big);
	for (uint64_t at_ns = 0; at_ns < 400 * NS_PER_MS; at_ns += 200 * NS_PER_MS)
		vt_add(v, (struct vt_source){.node = 1, .mix = &vt_mixes[MIX_1500],
			.from_ns = at_ns + 100 * NS_PER_MS, .until_ns = at_ns + 200 * NS_PER_MS, .depth = 40});
	for (int round = 0; round < 2; round++) {
		vt_run(v, 2 * NS_PER_MS);	/* what it left behind has gone */
		vt_reset(v);
		vt_run(v, 98 * NS_PER_MS);
		is_near(vt_bps(v, 0), 500e6, 0.001, "lent");
		is_near(vt_bps(v, 2), 500e6, 0.001, "lent");
		vt_reset(v);
		vt_run(v, 24 * NS_PER_US + 1);
		ck_assert_uint_ge(v->pkts[1], 1);
		vt_reset(v);
		vt_run(v, NS_PER_MS);
		ck_assert_double_ge(vt_bps(v, 1), 693e6);
		vt_reset(v);
		vt_run(v, 99 * NS_PER_MS - 24 * NS_PER_US - 1);
		is_near(vt_bps(v, 1), 700e6, 0.001, "back");
		is_near(vt_bps(v, 0), 150e6, 0.003, "gave back");
	}
	ck_assert_uint_eq(order_stats(egress_order(v->e), 1)->missed_ns, 0);
	vt_destroy(v);
}
END_TEST

/* The last in priority has all of the link while the first is silent, for long.  When the first comes back and wants
 * everything, the last has its guarantee from then on.
 * Fails if charge_clock_due() has no ceiling: 600 ms of excess at 1 Gb/s would be 5 s of a guarantee of 100 Mb/s. */
START_TEST(past_excess_never_counts_against_a_later_guarantee)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 2, .link_bps = GBPS});

	vt_vf(v, 0, &(struct vt_sla){.min_bps = 100000000, .priority = 7}, MIX_1500, 0);
	vt_set(v, 1, &(struct vt_sla){0});
	vt_add(v, (struct vt_source){.node = 1, .mix = &vt_mixes[MIX_1500], .from_ns = 600 * NS_PER_MS});
	vt_run(v, 600 * NS_PER_MS);
	is_near(vt_bps(v, 0), 1e9, 0.001, "alone");
	vt_reset(v);
	vt_run(v, 20 * NS_PER_MS);
	is_near(vt_bps(v, 0), 100e6, 0.025, "guaranteed");	/* the window: half a millisecond at most */
	vt_destroy(v);
}
END_TEST

/* One whose guarantee is above its share has more than the other, and owes nothing for it when the guarantee ends.
 * Fails if charge_share() does not bound the finish of whom is served on his guarantee. */
START_TEST(a_guarantee_above_the_share_costs_no_later_share)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 2, .link_bps = GBPS});
	uint64_t bits = 0;

	vt_vf(v, 0, &(struct vt_sla){0}, MIX_1500, 0);
	vt_vf(v, 1, &(struct vt_sla){0}, MIX_1500, 0);
	for (uint64_t i = 0; i < 50; i++) {
		vt_set(v, 0, &(struct vt_sla){.min_bps = 700000000});
		vt_run(v, 5 * NS_PER_MS + i * 100 * NS_PER_US);
		vt_set(v, 0, &(struct vt_sla){0});
		vt_reset(v);
		vt_run(v, NS_PER_MS);
		bits += v->bytes[0] * 8;
	}
	is_near((double)bits / 50e-3, 500e6, 0.02, "half, at once");
	vt_destroy(v);
}
END_TEST

/* 1 Gb/s and 200,000 packets/s: 64 bytes cost 5 us of the core, 1500 cost 12 us of the link; each has the same cost a
 * second.  In bits alone the small ones would have 23 times as many packets, in packets alone as many as the large.
 * Fails if charge_share() takes bytes only, or packets only. */
START_TEST(a_share_costs_the_larger_of_its_part_of_the_link_and_of_the_core)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 2, .link_bps = GBPS, .link_pps = 200000,
		.turn_ns = 50 * NS_PER_US});

	vt_vf(v, 0, &(struct vt_sla){0}, MIX_64, 0);
	vt_vf(v, 1, &(struct vt_sla){0}, MIX_1500, 0);
	vt_run(v, 100 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, NS_PER_S);
	is_near((double)v->pkts[0] * 5, (double)v->pkts[1] * 12, 0.001, "cost");
	is_near((double)(v->pkts[0] + v->pkts[1]), 200e3, 0.001, "the core is used");
	vt_destroy(v);
}
END_TEST

/* Someone whose guarantee cannot be kept is told for how long.  150 % of the link are promised.
 * Fails if the due clocks forgive all beyond 12 packets' time: then nobody is ever late by 1 ms. */
START_TEST(missed_time_counts_when_guarantees_cannot_be_kept)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 2, .link_bps = GBPS});

	vt_vf(v, 0, &(struct vt_sla){.min_bps = 750000000}, MIX_1500, 0);
	vt_vf(v, 1, &(struct vt_sla){.min_bps = 750000000}, MIX_1500, 200000000);
	vt_run(v, 500 * NS_PER_MS);
	const struct order_stats *s = order_stats(egress_order(v->e), 0);
	ck_assert_uint_eq(s->missed_ns, 0);	/* the other does not use its promise */
	vt_add(v, (struct vt_source){.node = 1, .mix = &vt_mixes[MIX_1500], .tclass = TC_LOW});
	vt_run(v, 500 * NS_PER_MS);
	is_near((double)s->missed_ns, 500e6, 0.02, "ns missed");
	vt_destroy(v);
}
END_TEST

/* A VF's own limit is no missed guarantee, however long it holds it back.
 * Fails if charge_guarantee() counts from the deadline alone. */
START_TEST(a_vf_held_by_its_own_limit_misses_nothing)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 2, .link_bps = GBPS});

	vt_vf(v, 0, &(struct vt_sla){.min_bps = 10000000, .max_pps = 2}, MIX_1500, 0);
	vt_vf(v, 1, &(struct vt_sla){0}, MIX_1500, 0);
	vt_run(v, 10 * NS_PER_S);
	ck_assert_uint_eq(order_stats(egress_order(v->e), 0)->missed_ns, 0);
	ck_assert_uint_ge(order_stats(egress_order(v->e), 0)->held_ns[BOUND_PPS], 8 * NS_PER_S);
	vt_destroy(v);
}
END_TEST

/* Hours of virtual time pass while one is silent: it must not be taken for one far ahead when it comes back.
 * Fails if forget_share() goes by the sign alone. */
START_TEST(one_who_was_silent_for_hours_is_no_worse_off)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 3, .link_bps = 1000000, .largest_bytes = 9000});

	for (uint32_t i = 0; i < 2; i++)
		vt_vf(v, i, &(struct vt_sla){0}, MIX_9000, 0);
	vt_vf(v, 2, &(struct vt_sla){0}, MIX_9000, 1);	/* one packet */
	for (uint64_t hours = 3; hours < 12; hours += 3) {
		vt_run(v, hours * 3600 * NS_PER_S);
		vt_add(v, (struct vt_source){.node = 2, .mix = &vt_mixes[MIX_9000], .from_ns = v->now_ns,
			.until_ns = v->now_ns + 20 * NS_PER_S});
		vt_reset(v);
		vt_run(v, 20 * NS_PER_S);
		is_near(vt_bps(v, 2), 1e6 / 3, 0.03, "after silence");
	}
	vt_destroy(v);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("share");
	TCase *tc = tcase_create("allocate");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, random_slas_get_what_the_contract_computes, 0, 5);
	tcase_add_loop_test(tc, random_slas_of_many_vfs_all_weights_priorities_and_sizes_too, 0, 4);
	tcase_add_loop_test(tc, random_slas_of_very_uneven_weights_too, 0, 5);
	tcase_add_test(tc, no_share_is_forgotten_while_guarantees_are_due);
	tcase_add_test(tc, weights_divide_totals_not_what_is_left_above_guarantees);
	tcase_add_test(tc, excess_goes_by_strict_priority_after_all_guarantees);
	tcase_add_loop_test(tc, a_silent_vfs_guarantee_is_lent_at_once_and_back_at_once, 0, VT_UPTIMES);
	tcase_add_test(tc, past_excess_never_counts_against_a_later_guarantee);
	tcase_add_test(tc, a_guarantee_above_the_share_costs_no_later_share);
	tcase_add_test(tc, a_share_costs_the_larger_of_its_part_of_the_link_and_of_the_core);
	tcase_add_test(tc, missed_time_counts_when_guarantees_cannot_be_kept);
	tcase_add_test(tc, a_vf_held_by_its_own_limit_misses_nothing);
	tcase_add_test(tc, one_who_was_silent_for_hours_is_no_worse_off);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
