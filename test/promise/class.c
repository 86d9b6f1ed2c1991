/* SPDX-License-Identifier: BSD-3-Clause */
/* Contract 4, 5 and 7: urgent packets, classes inside a VF, drop precedence, and that nobody's marks are another's
 * loss. */
#include "unit.h"
#include "vtime.h"

#define GBPS UINT64_C(1000000000)

static const struct vt_sla unbound;
static const struct vt_mix of_200 = {"200", 1, {200}};

static void is_near(double got, double want, double tolerance, const char *what)
{
	ck_assert_msg(got <= want * (1 + tolerance) && got >= want * (1 - tolerance), "%s: %.6g, wanted %.6g", what, got,
		want);
}

static uint32_t add(struct vt *v, uint32_t node, enum tclass tclass, const struct vt_mix *mix, uint64_t bps)
{
	return vt_add(v, (struct vt_source){.node = node, .tclass = tclass, .mix = mix, .bps = bps});
}

static uint64_t longest_ns(const struct vt *v, uint32_t node, enum tclass tclass)
{
	return egress_class(egress_stats(v->e, node), tclass)->delay_max_ns;
}

static double source_bps(const struct vt *v, uint32_t source, uint64_t bytes_before)
{
	return (double)(v->sources[source].sent_bytes - bytes_before) * 8e9 / (double)(v->now_ns - v->since_ns);
}

/* Three VFs fill the link, one of them guaranteed all but what is urgent; the fourth's urgent packets wait for no more
 * than the one that is leaving, and for another urgent one.
 * Fails if order_next() looks at deadlines or shares before the urgent wheel. */
START_TEST(urgent_within_its_allowance_goes_before_everyone)
{
	struct vt *v = vt_create(&(struct vt_params){
		.n_nodes = 4, .link_bps = GBPS, .largest_bytes = 9000, .start_ns = vt_uptimes_ns[_i]});

	vt_vf(v, 0, &(struct vt_sla){.min_bps = 890000000}, MIX_9000, 0);
	vt_vf(v, 1, &unbound, MIX_IMIX, 0);
	vt_vf(v, 2, &unbound, MIX_9000, 0);
	vt_set(v, 3, &(struct vt_sla){.urgent_bps = 100000000, .priority = 7});
	uint32_t urgent = add(v, 3, TC_URGENT, &of_200, 99000000);
	vt_run(v, 100 * NS_PER_MS);
	ck_assert_uint_ge(v->sources[urgent].n_sent, 6180);
	ck_assert_uint_le(longest_ns(v, 3, TC_URGENT), 72000 + 2 * 1600);
	vt_destroy(v);
}
END_TEST

/* All of one VF's packets are marked urgent, ten times its allowance of them: it has what its weight gives, no more,
 * and the other's guarantee stands.
 * Fails if node_urgent_ready_ns() ignores the allowance's clocks. */
START_TEST(marking_buys_no_priority_beyond_the_allowance)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 3, .link_bps = GBPS});

	vt_set(v, 0, &(struct vt_sla){.urgent_bps = 100000000});
	add(v, 0, TC_URGENT, &vt_mixes[MIX_1500], 0);
	vt_vf(v, 1, &unbound, MIX_1500, 0);
	vt_vf(v, 2, &(struct vt_sla){.min_bps = 400000000}, MIX_IMIX, 0);
	vt_run(v, 100 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, 500 * NS_PER_MS);
	is_near(vt_bps(v, 0), 300e6, 0.005, "all marked urgent");
	is_near(vt_bps(v, 1), 300e6, 0.005, "not marked");
	is_near(vt_bps(v, 2), 400e6, 0.005, "guaranteed");
	vt_destroy(v);
}
END_TEST

/* Fails if has_urgent_terms() is always true. */
START_TEST(marks_of_a_vf_without_an_allowance_change_nothing_for_others)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 3, .link_bps = GBPS});

	vt_set(v, 0, &unbound);
	add(v, 0, TC_URGENT, &vt_mixes[MIX_1500], 0);
	vt_set(v, 1, &unbound);
	add(v, 1, TC_LOW, &vt_mixes[MIX_1500], 0);
	vt_set(v, 2, &unbound);
	for (int c = TC_URGENT; c < N_TCLASSES; c++)
		add(v, 2, (enum tclass)c, &vt_mixes[MIX_1500], 0);
	vt_run(v, 100 * NS_PER_MS);
	vt_reset(v);
	vt_run(v, 500 * NS_PER_MS);
	for (uint32_t i = 0; i < 3; i++)
		is_near(vt_bps(v, i), GBPS / 3.0, 0.001, "a third");
	vt_destroy(v);
}
END_TEST

/* 100 Mb/s with 20 urgent, and as much medium as it can: urgent may overdraw the limit by the burst, medium pays, the
 * sum is the limit.
 * Fails if node_urgent_ready_ns() does not subtract the burst (urgent waits for the limit), or order_end_run() does not
 * charge urgent to the limiter (120 Mb/s). */
START_TEST(urgent_may_overdraw_the_limit_and_the_vfs_other_classes_pay)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 1, .link_bps = GBPS});

	vt_set(v, 0, &(struct vt_sla){.max_bps = 100000000, .urgent_bps = 21000000, .burst_ns = NS_PER_MS});
	uint32_t urgent = add(v, 0, TC_URGENT, &of_200, 20000000);
	add(v, 0, TC_MEDIUM, &vt_mixes[MIX_1500], 0);
	vt_run(v, 100 * NS_PER_MS);
	vt_reset(v);
	uint64_t before = v->sources[urgent].sent_bytes;
	vt_run(v, 500 * NS_PER_MS);
	is_near(source_bps(v, urgent, before), 20e6, 0.001, "urgent");
	is_near(vt_bps(v, 0), 100e6, 0.001, "in all");
	ck_assert_uint_le(longest_ns(v, 0, TC_URGENT), 2 * 12000);
	vt_destroy(v);
}
END_TEST

/* Fails if class_price is not 1 / weight. */
START_TEST(classes_of_a_vf_share_3_2_1_and_urgent_goes_first)
{
	static const int mix[N_TCLASSES] = {MIX_64, MIX_1500, MIX_64, MIX_9000};
	uint32_t source[N_TCLASSES];
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 2, .link_bps = GBPS, .largest_bytes = 9000});

	vt_set(v, 0, &(struct vt_sla){.max_bps = 700000000});
	vt_vf(v, 1, &(struct vt_sla){.max_bps = 200000000}, MIX_1500, 0);
	for (int c = TC_URGENT; c < N_TCLASSES; c++)
		source[c] = add(v, 0, (enum tclass)c, &vt_mixes[mix[c]], c == TC_URGENT ? 100000000 : 0);
	vt_run(v, 100 * NS_PER_MS);
	uint64_t before[N_TCLASSES];
	for (int c = TC_URGENT; c < N_TCLASSES; c++)
		before[c] = v->sources[source[c]].sent_bytes;
	vt_reset(v);
	vt_run(v, NS_PER_S);
	for (int c = TC_URGENT; c < N_TCLASSES; c++)
		is_near(source_bps(v, source[c], before[c]), c == TC_URGENT ? 100e6 : 100e6 * (N_TCLASSES - c), 0.003,
			"class");
	vt_destroy(v);
}
END_TEST

/* Urgent packets within their allowance come before the 3:2:1 and are not taken from high's part of it.
 * Fails if flow_pop() charges them to high. */
START_TEST(urgent_within_its_allowance_costs_high_nothing)
{
	uint32_t source[N_TCLASSES];
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 1, .link_bps = 700000000});

	vt_set(v, 0, &(struct vt_sla){.urgent_bps = 101000000});
	for (int c = TC_URGENT; c < N_TCLASSES; c++)
		source[c] = add(v, 0, (enum tclass)c, &vt_mixes[MIX_1500], c == TC_URGENT ? 100000000 : 0);
	vt_run(v, 100 * NS_PER_MS);
	uint64_t before[N_TCLASSES];
	for (int c = TC_URGENT; c < N_TCLASSES; c++)
		before[c] = v->sources[source[c]].sent_bytes;
	vt_reset(v);
	vt_run(v, NS_PER_S);
	for (int c = TC_URGENT; c < N_TCLASSES; c++)
		is_near(source_bps(v, source[c], before[c]), c == TC_URGENT ? 100e6 : 100e6 * (N_TCLASSES - c), 0.003,
			"class");
	vt_destroy(v);
}
END_TEST

/* Urgent beyond its allowance and high are one class of weight 3 against medium and low: 600 Mb/s less the allowance.
 * What has been silent for long, urgent and high alike, comes back without credit: medium and low keep their parts.
 * Fails if egress_push() lifts urgent's own finish and not high's when demoted urgent wakes. */
START_TEST(demoted_urgent_competes_as_high_and_has_no_credit_from_silence)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 1, .link_bps = 620000000});

	vt_set(v, 0, &(struct vt_sla){.urgent_bps = 20000000});
	uint32_t medium = add(v, 0, TC_MEDIUM, &vt_mixes[MIX_1500], 0);
	uint32_t low = add(v, 0, TC_LOW, &vt_mixes[MIX_1500], 0);
	vt_run(v, 500 * NS_PER_MS);
	uint32_t urgent = add(v, 0, TC_URGENT, &vt_mixes[MIX_1500], 0);
	uint64_t before_medium = v->sources[medium].sent_bytes, before_low = v->sources[low].sent_bytes;
	vt_reset(v);
	vt_run(v, 100 * NS_PER_MS);
	is_near(source_bps(v, urgent, 0), 320e6, 0.005, "urgent");
	is_near(source_bps(v, medium, before_medium), 200e6, 0.005, "medium");
	is_near(source_bps(v, low, before_low), 100e6, 0.005, "low");
	vt_destroy(v);
}
END_TEST

/* What a class does not use, the others have; what comes back has no credit from its silence.
 * Fails if flow_wake_class() does nothing. */
START_TEST(a_silent_class_lends_and_comes_back_without_credit)
{
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 1, .link_bps = 600000000});

	vt_set(v, 0, &unbound);
	uint32_t low = add(v, 0, TC_LOW, &vt_mixes[MIX_1500], 0);
	vt_run(v, 200 * NS_PER_MS);
	is_near(vt_bps(v, 0), 600e6, 0.001, "alone");
	uint32_t medium = add(v, 0, TC_MEDIUM, &vt_mixes[MIX_1500], 0);
	uint64_t before = v->sources[low].sent_bytes;
	vt_reset(v);
	vt_run(v, 50 * NS_PER_MS);
	is_near(source_bps(v, low, before), 200e6, 0.005, "low");
	is_near(source_bps(v, medium, 0), 400e6, 0.005, "medium");
	vt_destroy(v);
}
END_TEST

/* A queue with a limit (a receiver's): when it is full, high precedence is dropped at half of it and medium at three
 * quarters, so low precedence has the room; urgent has an eighth beyond.  RFC 2597 section 3.
 * Fails if has_room() ignores drop_prec. */
START_TEST(when_a_queue_is_full_drop_precedence_decides)
{
	uint32_t source[N_DROP_PRECS];
	struct vt *v = vt_create(&(struct vt_params){.n_nodes = 1, .link_bps = 100000000});

	vt_set(v, 0, &(struct vt_sla){.queue_pkts = 64});
	for (int d = DP_LOW; d < N_DROP_PRECS; d++)
		source[d] = vt_add(v, (struct vt_source){.node = 0, .tclass = TC_MEDIUM, .drop_prec = (enum drop_prec)d,
			.mix = &vt_mixes[MIX_1500], .bps = 60000000 + (unsigned int)d, .depth = 1000});
	uint32_t urgent = vt_add(v, (struct vt_source){.node = 0, .tclass = TC_URGENT, .mix = &of_200,
		.bps = 1000000, .depth = 1000});
	vt_run(v, NS_PER_S);
	double low = (double)v->sources[source[DP_LOW]].n_sent, medium = (double)v->sources[source[DP_MEDIUM]].n_sent;
	ck_assert_uint_eq(v->sources[source[DP_LOW]].n_refused, 0);
	is_near(low * 12000, 60e6, 0.02, "low precedence");
	is_near(medium * 12000, 39e6, 0.02, "medium precedence has what is left");
	ck_assert_uint_lt(v->sources[source[DP_HIGH]].n_sent, 64);
	ck_assert_uint_eq(v->sources[urgent].n_refused, 0);
	ck_assert_uint_le(egress_backlog_pkts(v->e, 0), 64);
	vt_destroy(v);
}
END_TEST

/* Every class, many flows, limits, stalls, changes of everything: within a class of a flow nothing overtakes, nothing
 * is lost.  (Every promise test checks this too.)  Fails if flow_find() opens a second flow for a key. */
START_TEST(nothing_is_reordered_within_a_class_or_lost_whatever_changes)
{
	uint64_t seed = (uint64_t)_i;
	struct vt *v = vt_create(&(struct vt_params){
		.n_nodes = 8, .link_bps = GBPS, .largest_bytes = 9000, .n_flows = 64, .n_chunks = 8192,
		.turn_ns = _i % 2 ? 20 * NS_PER_US : 0});

	for (uint32_t i = 0; i < 64; i++) {
		vt_set(v, i % 8, &unbound);
		vt_add(v, (struct vt_source){.node = i % 8, .flow_key = i / 24, .tclass = (enum tclass)(i / 8 % 4),
			.mix = &vt_mixes[unit_random(&seed) % N_MIXES], .bps = unit_random(&seed) % 50000000,
			.depth = 1 + (uint32_t)(unit_random(&seed) % 100), .until_ns = 200 * NS_PER_MS});
	}
	for (int i = 0; i < 400; i++) {
		uint64_t r = unit_random(&seed);
		struct vt_sla sla = {
			.min_bps = r % 3 ? 0 : 100000000,
			.max_bps = r / 4 % 3 ? 0 : 1000000 << r / 16 % 10,
			.urgent_bps = r / 256 % 2 ? 0 : 10000000,
			.weight = 1 + (uint32_t)(r / 512 % 1000),
			.priority = (uint8_t)(r / 1048576 % 8),
		};
		vt_set(v, (uint32_t)(r >> 32) % 8, &sla);
		vt_run(v, 500 * NS_PER_US);
		ck_assert(i % 20 != 0 || egress_check(v->e, stderr));
	}
	for (uint32_t i = 0; i < 8; i++)
		vt_set(v, i, &unbound);
	vt_run(v, 500 * NS_PER_MS);
	ck_assert_uint_eq(v->n_reordered, 0);
	ck_assert_uint_eq(egress_n_pkts(v->e), 0);
	for (uint32_t i = 0; i < v->n_sources; i++)
		ck_assert_uint_eq(v->sources[i].n_sent, v->sources[i].n_pushed);
	vt_destroy(v);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("class");
	TCase *tc = tcase_create("class");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, urgent_within_its_allowance_goes_before_everyone, 0, VT_UPTIMES);
	tcase_add_test(tc, marking_buys_no_priority_beyond_the_allowance);
	tcase_add_test(tc, marks_of_a_vf_without_an_allowance_change_nothing_for_others);
	tcase_add_test(tc, urgent_may_overdraw_the_limit_and_the_vfs_other_classes_pay);
	tcase_add_test(tc, classes_of_a_vf_share_3_2_1_and_urgent_goes_first);
	tcase_add_test(tc, urgent_within_its_allowance_costs_high_nothing);
	tcase_add_test(tc, demoted_urgent_competes_as_high_and_has_no_credit_from_silence);
	tcase_add_test(tc, a_silent_class_lends_and_comes_back_without_credit);
	tcase_add_test(tc, when_a_queue_is_full_drop_precedence_decides);
	tcase_add_loop_test(tc, nothing_is_reordered_within_a_class_or_lost_whatever_changes, 0, 8);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
