/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "hist.h"
#include "unit.h"

#define N 5000

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* All magnitudes alike, small ranges, or one value. */
static uint64_t random_ns(uint64_t *state, int kind)
{
	uint64_t r = unit_random(state);

	switch (kind % 4) {
	case 0:
		return (r >> 22) >> (unit_random(state) % 42);
	case 1:
		return r % 20;
	case 2:
		return 1000 + r % 100;
	default:
		return 123456;
	}
}

START_TEST(quantiles_are_those_of_a_sorted_array_within_an_eighth)
{
	static const double shares[] = {0, 0.01, 0.07, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
	static struct hist h;
	static struct hist_snapshot s;
	static uint64_t all[N];
	uint64_t state = (uint64_t)_i;

	memset(&h, 0, sizeof(h));
	for (int i = 0; i < N; i++) {
		all[i] = random_ns(&state, _i);
		hist_record(&h, all[i]);
	}
	qsort(all, N, sizeof(all[0]), by_value);
	hist_read(&h, &s);
	ck_assert_uint_eq(s.n, N);
	ck_assert_uint_eq(s.max_ns, all[N - 1]);
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		int k = (int)(shares[i] * N + 0.5);
		uint64_t want = all[k > 0 ? k - 1 : 0];
		uint64_t got = hist_quantile_ns(&s, shares[i]);
		uint64_t error = got > want ? got - want : want - got;
		ck_assert_msg(error * 8 <= want, "share %g: got %lu, want %lu", shares[i], got, want);
		ck_assert_uint_le(got, s.max_ns);
	}
}
END_TEST

START_TEST(each_time_lies_in_a_bucket_whose_middle_is_near)
{
	uint32_t last = 0;

	for (uint64_t ns = 0; ns < UINT64_C(1) << 42; ns += 1 + ns / 50) {
		uint32_t bucket = hist_bucket(ns);
		uint64_t middle = hist_bucket_ns(bucket);
		uint64_t error = middle > ns ? middle - ns : ns - middle;
		unit_must(bucket < HIST_BUCKETS - 1 && bucket >= last);
		unit_must(error * 16 <= ns);
		unit_must(hist_bucket(middle) == bucket);
		last = bucket;
	}
	ck_assert_uint_eq(hist_bucket((UINT64_C(1) << 42) - 1), last);
}
END_TEST

START_TEST(times_beyond_the_scale_are_counted_and_told_by_the_maximum)
{
	static struct hist h;
	static struct hist_snapshot s;

	hist_record(&h, 5);
	hist_record(&h, UINT64_C(1) << 42);
	hist_record(&h, UINT64_MAX);
	hist_read(&h, &s);
	ck_assert_uint_eq(s.n, 3);
	ck_assert_uint_eq(s.count[HIST_BUCKETS - 1], 2);
	ck_assert_uint_eq(hist_quantile_ns(&s, 0.1), 5);
	ck_assert_uint_eq(hist_quantile_ns(&s, 1), UINT64_MAX);
}
END_TEST

START_TEST(without_samples_every_quantile_is_0)
{
	static struct hist h;
	static struct hist_snapshot s;

	hist_read(&h, &s);
	ck_assert_uint_eq(s.n, 0);
	ck_assert_uint_eq(hist_quantile_ns(&s, 0.5), 0);
	ck_assert_uint_eq(hist_quantile_ns(&s, 1), 0);
}
END_TEST

START_TEST(seven_samples_of_a_hundred_are_the_share_of_0_07)
{
	static struct hist h;
	static struct hist_snapshot s;

	for (int i = 0; i < 100; i++)
		hist_record(&h, i < 7 ? 1 : 1000);
	hist_read(&h, &s);
	ck_assert_uint_eq(hist_quantile_ns(&s, 0.07), 1);
	ck_assert_uint_gt(hist_quantile_ns(&s, 0.0701), 900);
}
END_TEST

START_TEST(shares_outside_0_and_1_are_the_least_and_the_most)
{
	static struct hist h;
	static struct hist_snapshot s;

	hist_record(&h, 3);
	hist_record(&h, 900);
	hist_read(&h, &s);
	ck_assert_uint_eq(hist_quantile_ns(&s, -1), 3);
	ck_assert_uint_eq(hist_quantile_ns(&s, __builtin_nan("")), 3);
	ck_assert_uint_eq(hist_quantile_ns(&s, 7), hist_quantile_ns(&s, 1));
	ck_assert_uint_gt(hist_quantile_ns(&s, 1), 800);
}
END_TEST

START_TEST(merged_histograms_are_the_histogram_of_all_samples)
{
	static struct hist a, b, both;
	static struct hist_snapshot sa, sb, want;
	uint64_t state = 7;

	for (int i = 0; i < N; i++) {
		uint64_t ns = random_ns(&state, 0);
		hist_record(i % 3 == 0 ? &a : &b, ns);
		hist_record(&both, ns);
	}
	hist_record(&b, UINT64_C(1) << 43);
	hist_record(&both, UINT64_C(1) << 43);
	hist_read(&a, &sa);
	hist_read(&b, &sb);
	hist_read(&both, &want);
	hist_merge(&sa, &sb);
	ck_assert_mem_eq(&sa, &want, sizeof(want));
	hist_read(&a, &sa);
	hist_merge(&sb, &sa);
	ck_assert_mem_eq(&sb, &want, sizeof(want));
}
END_TEST

START_TEST(reading_changes_nothing_and_a_snapshot_stays_as_it_was)
{
	static struct hist h;
	static struct hist_snapshot first, second;

	hist_record(&h, 100);
	hist_read(&h, &first);
	hist_read(&h, &second);
	ck_assert_mem_eq(&first, &second, sizeof(first));
	hist_record(&h, 200);
	ck_assert_uint_eq(first.n, 1);
	hist_read(&h, &second);
	ck_assert_uint_eq(second.n, 2);
	ck_assert_uint_eq(second.max_ns, 200);
}
END_TEST

/* Fails if a run is not added, or is written to the bucket of the next. */
START_TEST(counting_in_runs_is_counting_one_by_one)
{
	static struct hist h, in_runs;
	static struct hist_snapshot want, got;
	static _Atomic uint64_t run;
	uint64_t state = (uint64_t)_i;

	memset(&h, 0, sizeof(h));
	memset(&in_runs, 0, sizeof(in_runs));
	run = 0;
	for (int i = 0; i < N; i++) {
		uint64_t ns = random_ns(&state, i / 200 + _i);
		hist_record(&h, ns);
		hist_count_run(&run, in_runs.count, ns, 1);
		hist_max(&in_runs.max_ns, ns);
		if (i % 100 != 0)
			continue;
		hist_read(&h, &want);
		hist_read_parts(in_runs.count, &run, &in_runs.max_ns, &got);
		ck_assert_mem_eq(&got, &want, sizeof(got));
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("hist");
	TCase *tc = tcase_create("hist");

	tcase_add_loop_test(tc, quantiles_are_those_of_a_sorted_array_within_an_eighth, 0, 16);
	tcase_add_test(tc, each_time_lies_in_a_bucket_whose_middle_is_near);
	tcase_add_test(tc, times_beyond_the_scale_are_counted_and_told_by_the_maximum);
	tcase_add_test(tc, without_samples_every_quantile_is_0);
	tcase_add_test(tc, seven_samples_of_a_hundred_are_the_share_of_0_07);
	tcase_add_test(tc, shares_outside_0_and_1_are_the_least_and_the_most);
	tcase_add_test(tc, merged_histograms_are_the_histogram_of_all_samples);
	tcase_add_loop_test(tc, counting_in_runs_is_counting_one_by_one, 0, 4);
	tcase_add_test(tc, reading_changes_nothing_and_a_snapshot_stays_as_it_was);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
