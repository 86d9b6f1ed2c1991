/* SPDX-License-Identifier: BSD-3-Clause */
/* The estimator of what a resource carries, and the period, on virtual time. */
#include "capacity.h"
#include "clk.h"
#include "period.h"
#include "unit.h"

static struct capacity c;
static uint64_t now_ns;

/* So long a stretch in which it is full for a part (in %) and carries 'rate' then; returns the events, CUT 1, RESTORED 100. */
static int run(uint64_t ns, uint64_t rate, unsigned int full_percent)
{
	int events = 0;

	for (uint64_t end_ns = now_ns + ns; now_ns < end_ns;) {
		now_ns += NS_PER_MS;
		uint64_t full_ns = NS_PER_MS * full_percent / 100;
		enum capacity_event event = capacity_add(&c, rate * full_ns / NS_PER_S, full_ns, now_ns);
		events += event == CAPACITY_CUT ? 1 : event == CAPACITY_RESTORED ? 100 : 0;
	}
	return events;
}

static void begin(uint64_t nominal, bool is_fixed)
{
	now_ns = 5 * NS_PER_S;
	capacity_init(&c, nominal, is_fixed, now_ns);
}

/* Broken by: BELOW_NS 0; a p50 of fewer slots. */
START_TEST(cut_after_a_second_below_and_restored_after_five)
{
	begin(1000000000, false);
	ck_assert_int_eq(run(NS_PER_S, 600000000, 100), 0);
	ck_assert_uint_eq(c.effective, 1000000000);
	ck_assert_int_eq(run(NS_PER_S, 600000000, 100), 1);
	ck_assert_uint_eq(c.effective, 600000000);
	ck_assert_int_eq(run(20 * NS_PER_S, 600000000, 100), 0);
	uint64_t since_ns = c.since_ns;
	ck_assert_int_eq(run(4 * NS_PER_S, 0, 0), 0);
	ck_assert_uint_eq(c.since_ns, since_ns);
	ck_assert_int_eq(run(2 * NS_PER_S, 0, 0), 100);
	ck_assert_uint_eq(c.effective, 1000000000);
}
END_TEST

/* Nobody is helped by a cut of what a port that takes nothing was sold.  Broken by: a stall's rate that counts; 3 slots that
 * are believed. */
START_TEST(a_stall_or_a_moment_cuts_nothing)
{
	begin(1000000000, false);
	ck_assert_int_eq(run(20 * NS_PER_S, 0, 100), 0);
	ck_assert_int_eq(run(20 * NS_PER_S, 9000000, 100), 0);
	ck_assert_int_eq(run(3 * NS_PER_S, 20000000, 100), 1);
	begin(1000000000, false);
	ck_assert_int_eq(run(20 * NS_PER_S, 0, 0), 0);
	ck_assert_int_eq(run(900 * NS_PER_MS, 200000000, 100) + run(10 * NS_PER_S, 0, 0), 0);
	ck_assert_uint_eq(c.measured, 0);
}
END_TEST

/* Broken by: no hysteresis; a short dip that counts. */
START_TEST(dips_and_noise_change_nothing)
{
	begin(1000000000, false);
	ck_assert_int_eq(run(12 * NS_PER_S, 1000000000, 100), 0);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(run(500 * NS_PER_MS, 300000000, 100) + run(NS_PER_S, 1000000000, 100), 0);
	begin(1000000000, false);
	ck_assert_int_eq(run(3 * NS_PER_S, 600000000, 100), 1);
	for (int i = 0; i < 30; i++)	/* around what was measured */
		ck_assert_int_eq(run(NS_PER_S, i % 2 ? 594000000 : 606000000, 100), 0);
}
END_TEST

/* Broken by: a fixed one that is cut. */
START_TEST(the_operators_word_is_measured_against_and_kept)
{
	begin(190000, true);
	ck_assert_int_eq(run(30 * NS_PER_S, 100000, 100), 0);
	ck_assert_uint_eq(c.effective, 190000);
	ck_assert_uint_eq(c.measured, 100000);
}
END_TEST

/* Broken by: rates over the whole time, not over the full part of it. */
START_TEST(what_it_carries_is_told_by_the_time_it_is_full)
{
	begin(CAPACITY_UNLIMITED, false);
	ck_assert_int_eq(run(3 * NS_PER_S, 2000000, 30), 1);
	ck_assert_uint_eq(c.effective, 2000000);
	begin(CAPACITY_UNLIMITED, false);
	ck_assert_int_eq(run(30 * NS_PER_S, 2000000, 5), 0);	/* too little to tell */
	ck_assert_uint_eq(c.effective, CAPACITY_UNLIMITED);
	ck_assert_uint_eq(c.measured, 0);
}
END_TEST

/* Broken by: slots that do not move on. */
START_TEST(time_nobody_looked_is_no_measure)
{
	begin(1000000000, false);
	run(900 * NS_PER_MS, 500000000, 100);
	now_ns += 3600 * NS_PER_S;
	ck_assert_int_eq(run(100 * NS_PER_MS, 500000000, 100), 0);
	ck_assert_uint_eq(c.measured, 0);
	ck_assert_uint_eq(c.effective, 1000000000);
}
END_TEST

/* Broken by: a period that follows each run; one that stays long. */
START_TEST(the_period_stretches_so_that_a_run_costs_a_tenth_at_most)
{
	struct period p;
	int changes = 0;

	period_init(&p, NS_PER_MS);
	for (int i = 0; i < 100; i++)
		changes += period_note(&p, 50 * NS_PER_US);
	ck_assert_int_eq(changes, 0);
	for (int i = 0; i < 1000; i++)
		changes += period_note(&p, i % 2 ? 290 * NS_PER_US : 310 * NS_PER_US);
	ck_assert_uint_ge(p.effective_ns, 3 * NS_PER_MS);
	ck_assert_uint_le(p.effective_ns, 4 * NS_PER_MS);
	ck_assert_int_le(changes, 10);
	changes = 0;
	for (int i = 0; i < 1000; i++)
		changes += period_note(&p, 20 * NS_PER_US);
	ck_assert_uint_eq(p.effective_ns, NS_PER_MS);
	ck_assert_int_le(changes, 3);
	for (int i = 0; i < 1000; i++)
		period_note(&p, 100 * NS_PER_S);
	ck_assert_uint_eq(p.effective_ns, PERIOD_MOST_NS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("capacity");
	TCase *tc = tcase_create("capacity");

	tcase_add_test(tc, a_stall_or_a_moment_cuts_nothing);
	tcase_add_test(tc, cut_after_a_second_below_and_restored_after_five);
	tcase_add_test(tc, dips_and_noise_change_nothing);
	tcase_add_test(tc, the_operators_word_is_measured_against_and_kept);
	tcase_add_test(tc, what_it_carries_is_told_by_the_time_it_is_full);
	tcase_add_test(tc, time_nobody_looked_is_no_measure);
	tcase_add_test(tc, the_period_stretches_so_that_a_run_costs_a_tenth_at_most);
	suite_add_tcase(s, tc);
	return unit_run(s);
}
