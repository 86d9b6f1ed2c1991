/* SPDX-License-Identifier: BSD-3-Clause */
/* The answer to congestion beyond the uplink, against a twin in doubles that is slow and obvious, on a model of the switch
 * out there in steps of a period (the papers' discrete time): what arrives beyond its rate queues, and what arrives while
 * the queue is above K is marked and told a period later.  The loop index is the seed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "remote.h"
#include "unit.h"

#define MOST_VFS  4
#define PERIOD_NS 50000u
#define C_BPS	  100e9
#define K_BITS	  (210e3 * 8)
#define LEAST_BPS 1e6

/* ---- Powers ---- */

START_TEST(powers_are_those_of_doubles)
{
	for (uint32_t alpha = 1; alpha <= Q16_ONE; alpha += 97)
		for (uint32_t quality = 0; quality < 4 * Q16_ONE; quality += 1013) {
			double want = pow(alpha / 65536.0, quality / 65536.0), got = q16_power(alpha, quality) / 65536.0;
			ck_assert_msg(fabs(got - want) < 1e-4, "%u^%u: %f, wanted %f", alpha, quality, got, want);
		}
	ck_assert_uint_eq(q16_power(0, Q16_ONE), 0);
	ck_assert_uint_eq(q16_power(0, 0), Q16_ONE);
	ck_assert_uint_eq(q16_power(Q16_ONE, 12345), Q16_ONE);
}
END_TEST

/* ---- One step: the equations ---- */

struct bench {
	struct remote *r;
	uint32_t n;
	struct remote_terms terms[MOST_VFS];
	struct remote_sample samples[MOST_VFS];
	uint64_t now_ns;
};

static void bench_init(struct bench *b, uint32_t n, uint64_t bottleneck_bps)
{
	*b = (struct bench){.n = n, .now_ns = 1};
	b->r = remote_create(&(struct remote_params){.n_vfs = n, .bottleneck_bps = bottleneck_bps});
	for (uint32_t i = 0; i < n; i++) {
		b->terms[i] = (struct remote_terms){.is_on = true, .weight = n - i, .max_bps = 400000000000};
		remote_set(b->r, i, &b->terms[i]);
	}
	remote_step(b->r, b->samples, b->now_ns);
}

/* VF i sends at bps, of which 'marked' comes back marked. */
static void bench_send(struct bench *b, uint32_t i, double bps, double marked)
{
	uint64_t bytes = (uint64_t)(bps / 8 * PERIOD_NS / 1e9);

	b->samples[i].sent_bytes += bytes;
	b->samples[i].heard_bytes += bytes;
	b->samples[i].echoed_bytes += (uint64_t)((double)bytes * marked);
}

static void bench_step(struct bench *b)
{
	b->now_ns += PERIOD_NS;
	remote_step(b->r, b->samples, b->now_ns);
}

static void near(double got, double want, double part, const char *what, int step)
{
	ck_assert_msg(fabs(got - want) <= part * (fabs(want) + 1e-3), "step %d: %s is %f, wanted %f", step, what, got, want);
}

/* Whatever was heard: alpha, Q, and what was given way are those of the equations, and no grant is below its guarantee. */
START_TEST(each_step_is_what_the_equations_say)
{
	uint64_t seed = (uint64_t)_i + 1;
	struct remote_view was[MOST_VFS], is;
	struct bench b;
	double sent[MOST_VFS], marked[MOST_VFS];
	int n_ways = 0, n_slack = 0;

	bench_init(&b, 3, 0);
	b.terms[2].min_bps = 12000000000;
	remote_set(b.r, 2, &b.terms[2]);
	for (int step = 0; step < 3000; step++) {
		for (uint32_t i = 0; i < b.n; i++) {
			remote_look(b.r, i, &was[i]);
			double grant = was[i].grant_bps != 0 ? fmax((double)was[i].grant_bps, 1e9) : 50e9;
			sent[i] = grant * (0.5 + 0.5 * (double)(unit_random(&seed) % 1000) / 1000);
			marked[i] = unit_random(&seed) % 3 == 0 ? (double)(unit_random(&seed) % 1000) / 1000 : 0;
			bench_send(&b, i, sent[i], marked[i]);
		}
		bench_step(&b);
		for (uint32_t i = 0; i < b.n; i++) {
			remote_look(b.r, i, &is);
			ck_assert(fabs(is.alpha / 65536.0 - (was[i].alpha / 65536.0 + marked[i]) / 2) < 3e-3);	/* bytes are whole */
			ck_assert(is.grant_bps == 0 || is.grant_bps >= b.terms[i].min_bps);
			if (is.grant_bps == 0)
				continue;
			double q = fmin((double)is.target_bps / (double)is.actual_bps, 16);
			ck_assert(fabs(is.quality / 65536.0 - q) < 1e-4);
			if (is.n_backoffs == was[i].n_backoffs || was[i].grant_bps == 0)
				continue;
			n_ways++;
			n_slack += is.n_slack_backoffs != was[i].n_slack_backoffs;
			double alpha = is.alpha / 65536.0, part = is.quality < Q16_ONE ? pow(alpha, q) : alpha;
			double want = (double)was[i].grant_bps * (1 - part / 2);
			near((double)is.grant_bps, fmax(want, fmax(LEAST_BPS, (double)b.terms[i].min_bps)), 1e-3, "grant", step);
			ck_assert_int_eq(is.quality < Q16_ONE, is.n_slack_backoffs != was[i].n_slack_backoffs);
		}
	}
	ck_assert_int_gt(n_ways, 300);
	ck_assert_int_gt(n_slack, 50);
	remote_destroy(b.r);
}
END_TEST

/* ---- The whole loop: a twin in doubles ---- */

struct twin_vf {
	double weight, min, grant, target, actual, alpha;
	int n_clear;
	bool is_waiting;
};

static double twin_part(const struct twin_vf *v, double level)
{
	return fmax(level * v->weight, v->min);
}

static void twin_targets(struct twin_vf *v, int n, double c)
{
	double low = 0, high = c;

	for (int i = 0; i < 200; i++) {
		double middle = (low + high) / 2, sum = 0;
		for (int j = 0; j < n; j++)
			sum += twin_part(&v[j], middle);
		*(sum <= c ? &low : &high) = middle;
	}
	for (int j = 0; j < n; j++)
		v[j].target = twin_part(&v[j], low);
}

/* All send what they may; 'heard': the part of what they sent that was marked. */
static void twin_step(struct twin_vf *v, int n, double heard)
{
	for (int i = 0; i < n; i++) {
		v[i].actual += (v[i].grant - v[i].actual) / 4;
		v[i].alpha += 0.5 * (heard - v[i].alpha);
		bool was_waiting = v[i].is_waiting;
		v[i].is_waiting = false;
		double q = v[i].target / v[i].actual;
		if (heard > 1.0 / 128 && was_waiting)
			continue;
		if (heard > 1.0 / 128) {
			v[i].grant = fmax(v[i].grant * (1 - (q < 1 ? pow(v[i].alpha, q) : v[i].alpha) / 2), v[i].min);
			v[i].n_clear = 0;
			v[i].is_waiting = true;
			continue;
		}
		v[i].n_clear++;
		if (v[i].grant < v[i].target * 63 / 64)
			v[i].grant += (v[i].target - v[i].grant) / 2;
		else
			v[i].grant += v[i].target / 256 * pow(2, fmin(fmax(0, floor((v[i].n_clear - 8) / 4.0)), 4));
	}
}

/* The switch: -> the part of this period's arrivals that it marks. */
static double switch_step(double *queue_bits, double arrived_bps, double rate_bps)
{
	double before = *queue_bits, after = fmax(0, before + (arrived_bps - rate_bps) * PERIOD_NS / 1e9);

	*queue_bits = after;
	if (fmin(before, after) >= K_BITS)
		return 1;
	return fmax(before, after) <= K_BITS ? 0 : (fmax(before, after) - K_BITS) / fabs(after - before);
}

#define STEPS 2000

START_TEST(the_loop_shares_as_its_twin_in_doubles_does)
{
	static const double minimum[] = {0, 0, 30e9};	/* of the third VF, in the second run: more than its part */
	struct twin_vf twin[3];
	double queue = 0, twin_queue = 0, heard = 0, twin_heard = 0, got[3] = {0}, want[3] = {0};
	double min = _i == 1 ? minimum[2] : 0, parts[2][3] = {{50e9, 100e9 / 3, 50e9 / 3}, {42e9, 28e9, 30e9}};
	struct remote_view view;
	struct bench b;
	int settled = -1;

	bench_init(&b, 3, 100000000000);
	b.terms[2].min_bps = (uint64_t)min;
	remote_set(b.r, 2, &b.terms[2]);
	for (int i = 0; i < 3; i++)
		twin[i] = (struct twin_vf){.weight = 3 - i, .min = i == 2 ? min : 0, .grant = 110e9 / 3, .actual = 110e9 / 3};
	twin_targets(twin, 3, 100e9);
	for (int step = 0; step < STEPS; step++) {
		double sum = 0, twin_sum = 0;
		bool is_near = true;
		for (uint32_t i = 0; i < 3; i++) {
			uint64_t grant = remote_grant_bps(b.r, i);
			double bps = grant != 0 ? (double)grant : 110e9 / 3;
			bench_send(&b, i, bps, heard);
			sum += bps;
			twin_sum += twin[i].grant;
			got[i] += step >= STEPS / 2 ? bps : 0;
			want[i] += step >= STEPS / 2 ? twin[i].grant : 0;
		}
		for (uint32_t i = 1; i < (min > 0 ? 2 : 3); i++) {	/* all to each other as they should be, however much there is of it */
			double ratio = (double)remote_grant_bps(b.r, 0) / (double)remote_grant_bps(b.r, i);
			is_near &= fabs(ratio / (parts[_i][0] / parts[_i][i]) - 1) < 0.25;
		}
		settled = !is_near ? -1 : settled < 0 ? step : settled;
		bench_step(&b);
		twin_step(twin, 3, twin_heard);
		heard = switch_step(&queue, sum, C_BPS);
		twin_heard = switch_step(&twin_queue, twin_sum, C_BPS);
		for (uint32_t i = 0; i < 3; i++) {
			remote_look(b.r, i, &view);
			ck_assert(view.grant_bps == 0 || (double)view.grant_bps >= (i == 2 ? min : 0));
		}
	}
	for (int i = 0; i < 3; i++) {
		near(got[i], want[i], 0.03, "a rate, as the twin's", i);
		near(got[i] * 2 / STEPS, parts[_i][i], 0.1, "a rate, as it should be", i);
	}
	near(got[0] / got[1], 1.5, 0.02, "3 : 2", STEPS);
	if (_i == 0)
		near(got[0] / got[2], 3, 0.02, "3 : 1", STEPS);
	ck_assert_msg(settled >= 0 && settled < 50, "settled at step %d", settled);
	remote_destroy(b.r);
}
END_TEST

/* Somebody else takes 40 of the 100 Gb/s and leaves again: what is known of the bottleneck follows, and so do all. */
START_TEST(a_perturbation_is_measured_and_so_is_its_end)
{
	double queue = 0, heard = 0;
	struct bench b;

	bench_init(&b, 3, 100000000000);
	for (int step = 0; step < 3000; step++) {
		double sum = 0, rate = step >= 1000 && step < 2000 ? 60e9 : 100e9;
		for (uint32_t i = 0; i < 3; i++) {
			uint64_t grant = remote_grant_bps(b.r, i);
			bench_send(&b, i, grant != 0 ? (double)grant : 110e9 / 3, heard);
			sum += grant != 0 ? (double)grant : 110e9 / 3;
		}
		bench_step(&b);
		heard = switch_step(&queue, sum, rate);
		if (step % 1000 != 999)
			continue;
		near((double)remote_bottleneck_bps(b.r), rate, 0.08, "the bottleneck", step);
		near((double)remote_grant_bps(b.r, 0) / (double)remote_grant_bps(b.r, 2), 3, 0.1, "3 : 1", step);
	}
	ck_assert_uint_ge(remote_n_perturbations(b.r), 2);
	remote_destroy(b.r);
}
END_TEST

/* What weir marks itself comes back too, some periods later, and is nobody's congestion. */
START_TEST(echoes_of_weirs_own_marks_are_not_the_networks)
{
	struct bench b;

	bench_init(&b, 1, 0);
	for (int step = 0; step < 500; step++) {
		bench_send(&b, 0, 10e9, step >= 3 ? 0.3 : 0);
		b.samples[0].marked_bytes += (uint64_t)(10e9 / 8 * PERIOD_NS / 1e9 * 0.3);
		bench_step(&b);
		ck_assert_uint_eq(remote_grant_bps(b.r, 0), 0);
	}
	bench_send(&b, 0, 10e9, 1);
	bench_step(&b);
	ck_assert_uint_ne(remote_grant_bps(b.r, 0), 0);
	remote_destroy(b.r);
}
END_TEST

/* A row that acknowledges all of a period is a mark in all of it, and weir's own where weir marked as its first says.  Fails
 * where only first echoes count: alpha would be next to nothing. */
START_TEST(a_classic_row_of_echoes_counts_as_its_sender_takes_it)
{
	uint64_t bytes = (uint64_t)(10e9 / 8 * PERIOD_NS / 1e9);
	struct remote_view view;
	struct bench b;

	bench_init(&b, 1, 0);
	b.terms[0].is_classic = true;
	remote_set(b.r, 0, &b.terms[0]);
	for (int step = 0; step < 50; step++) {		/* weir marks much; a row comes of it every other period */
		bench_send(&b, 0, 10e9, step % 2);
		b.samples[0].repeated_bytes += step % 2 ? bytes - 1500 : 0;
		b.samples[0].marked_bytes += 20 * 1500;
		bench_step(&b);
		ck_assert_uint_eq(remote_grant_bps(b.r, 0), 0);
	}
	for (int step = 0; step < 20; step++) {		/* it has ceased to */
		bench_send(&b, 0, 10e9, 0);
		bench_step(&b);
	}
	bench_send(&b, 0, 10e9, 1);
	b.samples[0].repeated_bytes += bytes - 1500;
	bench_step(&b);
	remote_look(b.r, 0, &view);
	ck_assert_uint_ne(view.grant_bps, 0);
	ck_assert_double_eq_tol(view.alpha / 65536.0, 0.5, 0.01);
	bench_send(&b, 0, 10e9, 1);			/* the row goes on */
	b.samples[0].repeated_bytes += bytes;
	bench_step(&b);
	remote_look(b.r, 0, &view);
	ck_assert_double_eq_tol(view.alpha / 65536.0, 0.75, 0.01);
	remote_destroy(b.r);
}
END_TEST

START_TEST(who_is_left_alone_has_no_grant)
{
	struct bench b;

	bench_init(&b, 2, 0);
	remote_set(b.r, 1, &(struct remote_terms){0});
	for (int step = 0; step < 20; step++) {
		bench_send(&b, 0, 10e9, 0.5);
		bench_send(&b, 1, 10e9, 0.5);
		bench_step(&b);
	}
	ck_assert_uint_ne(remote_grant_bps(b.r, 0), 0);
	ck_assert_uint_eq(remote_grant_bps(b.r, 1), 0);
	remote_destroy(b.r);
}
END_TEST

/* ---- CNPs ---- */

static uint32_t step_cnps(struct bench *b, double heard_bps, uint32_t n_cnps)
{
	struct remote_view view;

	bench_send(b, 0, 10e9, 0);
	b->samples[0].heard_bytes += (uint64_t)(heard_bps / 8 * PERIOD_NS / 1e9) - (uint64_t)(10e9 / 8 * PERIOD_NS / 1e9);
	b->samples[0].cnps += n_cnps;
	bench_step(b);
	remote_look(b->r, 0, &view);
	return view.alpha;
}

/* One a period of 50 us is all that RoCE sent in it, none is none of it; what TCP acknowledged is told by TCP. */
START_TEST(a_cnp_stands_for_50_us_of_what_roce_sent)
{
	struct bench b;

	bench_init(&b, 1, 0);
	ck_assert_uint_eq(step_cnps(&b, 0, 0), 0);
	ck_assert_uint_eq(remote_grant_bps(b.r, 0), 0);
	ck_assert_double_eq_tol(step_cnps(&b, 0, 1) / 65536.0, 0.5, 0.001);
	ck_assert_uint_ne(remote_grant_bps(b.r, 0), 0);
	ck_assert_double_eq_tol(step_cnps(&b, 0, 1) / 65536.0, 0.75, 0.001);
	ck_assert_double_eq_tol(step_cnps(&b, 0, 0) / 65536.0, 0.375, 0.001);
	for (int step = 0; step < 40; step++)
		step_cnps(&b, 7.5e9, 1);
	ck_assert_double_eq_tol(step_cnps(&b, 7.5e9, 1) / 65536.0, 0.25, 0.001);
	remote_destroy(b.r);
}
END_TEST

/* One in five periods of 10 us is all the time as well. */
START_TEST(a_cnp_counts_longer_than_a_short_period)
{
	struct remote *r = remote_create(&(struct remote_params){.n_vfs = 1});
	struct remote_sample sample = {0};
	struct remote_view view;

	remote_set(r, 0, &(struct remote_terms){.is_on = true, .weight = 1, .max_bps = 400000000000});
	for (uint64_t step = 0; step < 100; step++) {
		sample.sent_bytes += 12500;
		sample.cnps += step % 5 == 1;
		remote_step(r, &sample, 1 + step * 10000);
	}
	remote_look(r, 0, &view);
	ck_assert_double_eq_tol(view.alpha / 65536.0, 1, 0.001);
	remote_destroy(r);
}
END_TEST

/* A packet that weir marks brings a CNP as well. */
START_TEST(cnps_of_weirs_own_marks_are_not_the_networks)
{
	struct bench b;

	bench_init(&b, 1, 0);
	for (int step = 0; step < 500; step++) {
		b.samples[0].marked_bytes += 1090;
		step_cnps(&b, 0, 1);
		ck_assert_uint_eq(remote_grant_bps(b.r, 0), 0);
	}
	for (int step = 0; step < 3; step++)
		step_cnps(&b, 0, 1);
	ck_assert_uint_ne(remote_grant_bps(b.r, 0), 0);
	remote_destroy(b.r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("remote");
	TCase *tc = tcase_create("remote");

	tcase_add_test(tc, powers_are_those_of_doubles);
	tcase_add_loop_test(tc, each_step_is_what_the_equations_say, 0, 20);
	tcase_add_loop_test(tc, the_loop_shares_as_its_twin_in_doubles_does, 0, 2);
	tcase_add_test(tc, a_perturbation_is_measured_and_so_is_its_end);
	tcase_add_test(tc, echoes_of_weirs_own_marks_are_not_the_networks);
	tcase_add_test(tc, a_classic_row_of_echoes_counts_as_its_sender_takes_it);
	tcase_add_test(tc, a_cnp_stands_for_50_us_of_what_roce_sent);
	tcase_add_test(tc, a_cnp_counts_longer_than_a_short_period);
	tcase_add_test(tc, cnps_of_weirs_own_marks_are_not_the_networks);
	tcase_add_test(tc, who_is_left_alone_has_no_grant);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
