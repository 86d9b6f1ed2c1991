/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "rates.h"
#include "view.h"

#define PERIOD ((uint64_t)RATES_PERIOD_NS)

static void assert_rates(const struct rates_store *s, uint32_t row, double pps_1s, double pps_10s)
{
	struct rates r;

	ck_assert(rates_get(s, row, &r));
	ck_assert_double_eq_tol(r.pps_1s, pps_1s, 1e-6 * pps_1s + 1e-9);
	ck_assert_double_eq_tol(r.pps_10s, pps_10s, 1e-6 * pps_10s + 1e-9);
}

START_TEST(there_is_no_rate_before_two_samples)
{
	struct rates_store *s = rates_create(2);
	struct rates_sample rows[2] = {{100, 1000}, {0, 0}};
	struct rates r = {.bps_1s = 1, .pps_10s = 1};

	ck_assert_ptr_nonnull(s);
	ck_assert(!rates_get(s, 0, &r));
	ck_assert_double_eq(r.bps_1s, 0);
	rates_add(s, rows, 5);
	ck_assert(!rates_get(s, 0, &r));
	ck_assert_double_eq(r.pps_10s, 0);
	rates_add(s, rows, 6);
	ck_assert(rates_get(s, 0, &r));
	ck_assert_double_eq(r.pps_1s, 0);
	ck_assert_msg(!rates_get(s, 2, &r), "there is no row 2");
	rates_destroy(s);
	rates_destroy(NULL);
}
END_TEST

START_TEST(a_steady_rate_is_shown_from_the_second_sample_on)
{
	struct rates_store *s = rates_create(2);

	for (uint64_t i = 0; i < 300; i++) {
		struct rates_sample rows[2] = {{7 + 100 * i, 9 + 12500 * i}, {0, 0}};
		struct rates r;

		rates_add(s, rows, 1000 + i * PERIOD);
		if (i == 0)
			continue;
		assert_rates(s, 0, 1000, 1000);
		assert_rates(s, 1, 0, 0);
		rates_get(s, 0, &r);
		ck_assert_double_eq_tol(r.bps_1s, 1e6, 1);
		ck_assert_double_eq_tol(r.bps_10s, 1e6, 1);
	}
	rates_destroy(s);
}
END_TEST

START_TEST(a_step_fills_the_1_s_rate_in_1_s_and_the_10_s_rate_in_10)
{
	struct rates_store *s = rates_create(1);
	uint64_t pkts = 0;

	for (uint64_t i = 0; i < 150; i++) {
		struct rates_sample row = {pkts, 0};

		rates_add(s, &row, i * PERIOD);
	}
	for (uint64_t i = 0; i < 120; i++) {
		struct rates_sample row = {pkts += 100, 0};

		rates_add(s, &row, (150 + i) * PERIOD);
		assert_rates(s, 0, i + 1 < 10 ? 100.0 * (double)(i + 1) : 1000,
			i + 1 < 100 ? 10.0 * (double)(i + 1) : 1000);
	}
	rates_destroy(s);
}
END_TEST

/* Random periods and counts against the whole history. */
START_TEST(rates_are_the_histories_whatever_the_periods)
{
	enum { N = 400 };
	struct rates_sample history[N];
	uint64_t at_ns[N], rng = (uint64_t)_i, now = 1, pkts = 0, bytes = 0;
	struct rates_store *s = rates_create(1);

	for (int n = 0; n < N; n++) {
		now += _i % 2 ? PERIOD - 1000 + unit_random(&rng) % 2000
			      : 1 + unit_random(&rng) % (3 * PERIOD);
		pkts += unit_random(&rng) % 1000;
		bytes += unit_random(&rng) % 1000000;
		history[n] = (struct rates_sample){pkts, bytes};
		at_ns[n] = now;
		rates_add(s, &history[n], now);
		if (n == 0)
			continue;
		struct rates r;
		double pps[2];
		uint64_t span[2] = {10 * PERIOD, 100 * PERIOD};

		for (int k = 0; k < 2; k++) {
			int oldest = n < RATES_SAMPLES ? 0 : n - RATES_SAMPLES + 1, base = oldest;

			for (int i = oldest; i < n; i++)
				if (now - at_ns[i] + PERIOD / 2 >= span[k])
					base = i;
			pps[k] = (double)(pkts - history[base].pkts) * 1e9 / (double)(now - at_ns[base]);
		}
		ck_assert(rates_get(s, 0, &r));
		ck_assert_double_eq_tol(r.pps_1s, pps[0], 1e-6 * pps[0] + 1e-9);
		ck_assert_double_eq_tol(r.pps_10s, pps[1], 1e-6 * pps[1] + 1e-9);
	}
	rates_destroy(s);
}
END_TEST

START_TEST(a_sample_no_later_than_the_last_is_left_out)
{
	struct rates_store *s = rates_create(1);

	rates_add(s, &(struct rates_sample){0, 0}, 0);
	rates_add(s, &(struct rates_sample){1000, 0}, 10 * PERIOD);
	rates_add(s, &(struct rates_sample){9000, 0}, 10 * PERIOD);
	rates_add(s, &(struct rates_sample){9000, 0}, 9 * PERIOD);
	assert_rates(s, 0, 1000, 1000);
	rates_destroy(s);
}
END_TEST

struct race {
	struct rates_store *store;
	atomic_bool is_over;
	uint64_t n_read, n_wrong;
};

enum { RACE_ROWS = 64 };

/* A row's samples are in proportion to their time: any mixture of two shows as another rate. */
static void *read_all_the_time(void *arg)
{
	struct race *race = arg;

	for (uint32_t row = 0; !atomic_load(&race->is_over); row = (row + 1) % RACE_ROWS) {
		struct rates r;

		if (!rates_get(race->store, row, &r))
			continue;
		double want = 10.0 * (row + 1);

		race->n_read++;
		if (r.pps_1s < want * 0.999 || r.pps_1s > want * 1.001 || r.pps_10s < want * 0.999 ||
			r.pps_10s > want * 1.001)
			race->n_wrong++;
	}
	return NULL;
}

START_TEST(a_reader_never_sees_a_half_written_sample)
{
	struct race race = {.store = rates_create(RACE_ROWS)};
	pthread_t reader;

	ck_assert_int_eq(pthread_create(&reader, NULL, read_all_the_time, &race), 0);
	for (uint64_t i = 1; i <= 100000; i++) {
		struct rates_sample rows[RACE_ROWS];

		for (uint32_t k = 0; k < RACE_ROWS; k++)
			rows[k] = (struct rates_sample){i * (k + 1), i};
		rates_add(race.store, rows, i * PERIOD);
	}
	atomic_store(&race.is_over, true);
	pthread_join(reader, NULL);
	ck_assert_uint_gt(race.n_read, 0);
	ck_assert_uint_eq(race.n_wrong, 0);
	rates_destroy(race.store);
}
END_TEST

START_TEST(the_sum_of_drops_has_all_reasons_and_bounds_have_names)
{
	struct dir_view d = {0};

	for (int i = 0; i < N_DROP_REASONS; i++)
		d.drops[i] = UINT64_C(1) << i;
	ck_assert_uint_eq(dir_view_drops(&d), (UINT64_C(1) << N_DROP_REASONS) - 1);
	ck_assert_str_eq(view_bound_name(VIEW_BPS), "bps");
	ck_assert_str_eq(view_bound_name(VIEW_PPS), "pps");
	ck_assert_str_eq(view_bound_name(VIEW_TENANT), "tenant");
	ck_assert_str_eq(view_bound_name(VIEW_LINK), "link");
	ck_assert_str_eq(view_bound_name(VIEW_CORE), "core");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("rates");
	TCase *tc = tcase_create("rates");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, there_is_no_rate_before_two_samples);
	tcase_add_test(tc, a_steady_rate_is_shown_from_the_second_sample_on);
	tcase_add_test(tc, a_step_fills_the_1_s_rate_in_1_s_and_the_10_s_rate_in_10);
	tcase_add_loop_test(tc, rates_are_the_histories_whatever_the_periods, 0, 16);
	tcase_add_test(tc, a_sample_no_later_than_the_last_is_left_out);
	tcase_add_test(tc, a_reader_never_sees_a_half_written_sample);
	tcase_add_test(tc, the_sum_of_drops_has_all_reasons_and_bounds_have_names);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
