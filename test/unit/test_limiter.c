/* SPDX-License-Identifier: BSD-3-Clause */
#include "limiter.h"
#include "unit.h"

#define GBPS UINT64_C(1000000000)
#define NOW_NS (UINT64_C(1) << 50)

/* The same in one obvious number: 2^-32 ns since the beginning, never rounded. */
struct model {
	clk_u128 bytes, pkts;
};

static clk_u128 as_one(const struct clk *c)
{
	return (clk_u128)c->ns << 32 | c->frac;
}

static clk_u128 at_least(clk_u128 c, uint64_t floor_ns)
{
	return c >> 32 < floor_ns ? (clk_u128)floor_ns << 32 : c;
}

static price_t random_price(uint64_t *seed)
{
	uint64_t r = unit_random(seed);

	if (r % 5 == 0)
		return 0;
	return r % 2 ? price_of_bps(1000 + (r >> 20) % (400 * GBPS)) : price_of_pps(1 + (r >> 20) % 100000000);
}

/* Fails if clk_add() drops the remainder, or if the floor is laid after the charge. */
START_TEST(clocks_are_those_of_exact_arithmetic)
{
	uint64_t seed = (uint64_t)_i, now_ns = (uint64_t)_i << 40;
	struct limiter l = {
		.price_byte = random_price(&seed), .price_pkt = random_price(&seed),
		.save_ns = unit_random(&seed) % (2 * NS_PER_MS)};
	struct model m = {0};

	for (int i = 0; i < 20000; i++) {
		uint64_t bytes = 1 + unit_random(&seed) % 9000, pkts = 1 + unit_random(&seed) % 4;
		uint64_t floor_ns = ns_before(now_ns, l.save_ns);
		m.bytes = at_least(m.bytes, floor_ns) + (clk_u128)l.price_byte * bytes;
		m.pkts = at_least(m.pkts, floor_ns) + (clk_u128)l.price_pkt * pkts;
		limiter_charge(&l, bytes, pkts, now_ns, 0, 0);
		ck_assert(as_one(&l.bytes) == m.bytes && as_one(&l.pkts) == m.pkts);
		ck_assert_uint_eq(limiter_ready_ns(&l), (uint64_t)((m.bytes > m.pkts ? m.bytes : m.pkts) >> 32));
		now_ns = unit_random(&seed) % 3 ? u64_max(now_ns, limiter_ready_ns(&l)) :
						  now_ns + unit_random(&seed) % (5 * NS_PER_MS);
	}
}
END_TEST

/* Fails if clk_lift_and_add() or clk_lift_and_step() keeps the remainder of a clock that it lifts, or drops another's. */
START_TEST(who_is_alone_is_charged_as_all_are)
{
	uint64_t seed = (uint64_t)_i, now_ns = (uint64_t)_i << 40;
	struct limiter a = {
		.price_byte = random_price(&seed), .price_pkt = random_price(&seed), .save_ns = unit_random(&seed) % (2 * NS_PER_MS),
		.extra_bytes = 24};
	struct limiter b = a;

	for (int i = 0; i < 10000; i++) {
		uint32_t bytes = 60 + (uint32_t)(unit_random(&seed) % 65500);
		now_ns += unit_random(&seed) % (unit_random(&seed) % 2 ? 100 : 3 * NS_PER_MS);
		if (limiter_ready_ns(&a) > now_ns + NS_PER_S)	/* out of reach of any floor */
			now_ns = limiter_ready_ns(&a);
		limiter_charge(&a, bytes, 1, now_ns, 0, 0);
		limiter_charge_alone(&b, bytes + 24, now_ns);
		unit_must(as_one(&a.bytes) == as_one(&b.bytes) && as_one(&a.pkts) == as_one(&b.pkts));
	}
}
END_TEST

START_TEST(a_thousand_charges_of_one_are_one_of_a_thousand)
{
	price_t price = price_of_bps(399999999999);
	struct limiter a = {.price_byte = price, .price_pkt = price}, b = a;

	for (int i = 0; i < 1000; i++)
		limiter_charge(&a, 64, 1, 0, 0, 0);
	limiter_charge(&b, 64000, 1000, 0, 0, 0);
	ck_assert(as_one(&a.bytes) == as_one(&b.bytes) && as_one(&a.pkts) == as_one(&b.pkts));
}
END_TEST

START_TEST(idling_saves_no_more_than_the_burst)
{
	struct limiter l = {.price_byte = price_of_bps(GBPS), .save_ns = NS_PER_MS};
	uint64_t sent = 0, now_ns = NS_PER_S;

	while (limiter_ready_ns(&l) <= now_ns) {
		limiter_charge(&l, 1500, 1, now_ns, 0, 0);
		sent += 1500;
	}
	ck_assert_uint_ge(sent, 125000);
	ck_assert_uint_le(sent, 125000 + 1500);
}
END_TEST

/* How much may be sent at once at now_ns. */
static uint64_t drain_some(struct limiter *l, uint64_t most, uint64_t now_ns, uint64_t lost_ns)
{
	uint64_t sent = 0;

	for (; sent < most && limiter_ready_ns(l) <= now_ns; sent += 1000)
		limiter_charge(l, 1000, 1, now_ns, lost_ns, now_ns);
	return sent;
}

static uint64_t drain(struct limiter *l, uint64_t now_ns, uint64_t lost_ns)
{
	return drain_some(l, UINT64_MAX, now_ns, lost_ns);
}

/* 1 Gb/s, 0.1 ms saved; 4 ms are lost: 4 ms' worth is sent after it, once.
 * Fails if limiter_catchup_left() keeps what has been caught up. */
START_TEST(lost_time_is_given_back_once_to_who_was_waiting)
{
	struct limiter l = {.price_byte = price_of_bps(GBPS), .save_ns = 100000};
	uint64_t now_ns = NS_PER_S, lost_ns = 0;

	limiter_wake(&l, now_ns, lost_ns);
	drain(&l, now_ns, lost_ns);
	now_ns += 4 * NS_PER_MS;
	lost_ns += 4 * NS_PER_MS;
	ck_assert_uint_eq(drain(&l, now_ns, lost_ns) / 2000, 500000 / 2000);
	ck_assert_uint_eq(l.catchup_ns, 0);
	now_ns += 4 * NS_PER_MS;	/* not lost, but not used */
	ck_assert_uint_le(drain(&l, now_ns, lost_ns), 12500 + 1000);
}
END_TEST

/* The same of one whose queue is empty: it runs empty again at once. */
static uint64_t drain_anew(struct limiter *l, uint64_t most, uint64_t now_ns, uint64_t lost_ns)
{
	uint64_t sent;

	limiter_wake(l, now_ns, lost_ns);
	sent = drain_some(l, most, now_ns, lost_ns);
	limiter_sleep(l, now_ns);
	return sent;
}

/* 4 ms are lost, and 0.8 ms' worth waits; the rest comes some turns later.
 * Fails if limiter_sleep() keeps nothing; if limiter_wake() forgets. */
START_TEST(who_runs_empty_while_he_is_owed_time_has_the_rest_of_it_later)
{
	struct limiter l = {.price_byte = price_of_bps(GBPS), .save_ns = 100000};
	uint64_t now_ns = NS_PER_S, lost_ns = 4 * NS_PER_MS, sent;

	limiter_wake(&l, now_ns, 0);
	drain(&l, now_ns, 0);
	now_ns += lost_ns;
	sent = drain_some(&l, 100000, now_ns, lost_ns);
	limiter_sleep(&l, now_ns);
	for (int i = 0; i < 4; i++) {
		now_ns += 10 * NS_PER_US;
		sent += drain_anew(&l, 50000, now_ns, lost_ns);
	}
	ck_assert_uint_eq(sent, 300000);
	sent += drain_anew(&l, UINT64_MAX, now_ns, lost_ns);
	ck_assert_uint_ge(sent, 500000 - 40 * 125);	/* idling costs what it would save */
	ck_assert_uint_le(sent, 500000 + 40 * 125 + 1000);
	ck_assert_uint_eq(l.catchup_ns, 0);
}
END_TEST

/* 3 ms are owed to one that sleeps.  1 ms later it has 2 left, 3 ms later none; but time that is lost is no idling, and is owed to
 * one that has something left, up to 10 ms.
 * Fails if limiter_resume() does not take idle_ns off; if it counts lost_ns as such; without its LIMITER_CATCHUP_NS. */
START_TEST(what_is_owed_is_lost_by_idling)
{
	static const struct {
		uint64_t after_us, lost_us, left_us;
	} cases[] = {{1000, 0, 2000}, {2950, 0, 100}, {3050, 0, 100}, {100000, 0, 100}, {4295000 + 50, 0, 100}, {1000, 1000, 4000},
		{5000, 4000, 6000}, {7000, 4000, 100}, {12000, 11000, 10100}};
	struct limiter l = {.price_byte = price_of_bps(GBPS), .save_ns = 100000};
	uint64_t now_ns = NS_PER_S + 4 * NS_PER_MS, lost_ns = 4 * NS_PER_MS, sent;

	limiter_wake(&l, NS_PER_S, 0);
	drain(&l, NS_PER_S, 0);
	drain_some(&l, 112000, now_ns, lost_ns);	/* 0.896 ms: 3.004 are left, and 0.1 saved */
	limiter_sleep(&l, now_ns);
	now_ns += cases[_i].after_us * NS_PER_US;
	lost_ns += cases[_i].lost_us * NS_PER_US;
	sent = drain_anew(&l, UINT64_MAX, now_ns, lost_ns);
	ck_assert_uint_ge(sent, cases[_i].left_us * 125);
	ck_assert_uint_le(sent, cases[_i].left_us * 125 + 14000);
}
END_TEST

/* What is owed are bytes as credit is, whatever the rate becomes meanwhile: 3 ms at 1 Gb/s are 0.3 ms at 10.
 * Fails if limiter_set() leaves catchup_ns (1.4 MB). */
START_TEST(a_change_keeps_what_is_owed_as_bytes)
{
	struct limiter l = {.price_byte = price_of_bps(GBPS), .save_ns = 100000};
	uint64_t now_ns = NS_PER_S + 4 * NS_PER_MS, lost_ns = 4 * NS_PER_MS, sent;

	limiter_wake(&l, NS_PER_S, 0);
	drain(&l, NS_PER_S, 0);
	drain_some(&l, 112000, now_ns, lost_ns);
	limiter_sleep(&l, now_ns);
	limiter_set(&l, price_of_bps(10 * GBPS), 0, 100000, now_ns);
	now_ns += _i * NS_PER_MS;
	sent = drain_anew(&l, UINT64_MAX, now_ns, lost_ns);
	ck_assert_uint_le(sent, _i == 0 ? 388000 + 1000 : 125000 + 1000);
	ck_assert_uint_ge(sent, _i == 0 ? 387000 : 125000);
}
END_TEST

/* Whatever is lost and however it comes: no more than the rate, what idling saves and 10 ms; and after 10 ms without anything to
 * send no more than idling saves.  Fails without the LIMITER_CATCHUP_NS of limiter_resume(), or the idle_ns. */
START_TEST(nobody_has_more_than_his_rate_what_he_saves_and_10_ms)
{
	uint64_t seed = (uint64_t)_i + 1, now_ns = NOW_NS, lost_ns = 0, idle_ns = 0;
	struct limiter l = {.price_byte = price_of_bps(GBPS), .save_ns = 100000};
	double level = 0;	/* in bytes, above the rate */

	for (int i = 0; i < 20000; i++) {
		uint64_t r = unit_random(&seed), step_ns = unit_random(&seed) % (20 * NS_PER_US), sent = 0;
		uint64_t most = 1000 * (1 + unit_random(&seed) % 200);

		if (r % 32 == 0) {
			step_ns = unit_random(&seed) % (12 * NS_PER_MS);
			lost_ns += step_ns;
		} else if (l.n_waiting == 0) {
			if (r % 32 == 1)
				step_ns = 11 * NS_PER_MS;
			idle_ns += step_ns;
		}
		now_ns += step_ns;
		level -= u64_min((uint64_t)level, step_ns / 8);
		if (l.n_waiting == 0 && r % 32 >= 8)
			continue;
		if (l.n_waiting == 0)
			limiter_wake(&l, now_ns, lost_ns);
		bool ends = r % 4 == 0;	/* it runs empty, or takes all that it may */
		sent = drain_some(&l, ends ? most : UINT64_MAX, now_ns, lost_ns);
		if (ends)
			limiter_sleep(&l, now_ns);
		level += (double)sent;
		ck_assert_msg(level <= 10.1e-3 * 125e6 + 2000, "seed %d, step %d: %.0f bytes", _i, i, level);
		if (idle_ns > 10 * NS_PER_MS)
			ck_assert_msg(sent <= 12500 + 1000, "seed %d, step %d: %llu bytes after idling", _i, i, (unsigned long long)sent);
		idle_ns = 0;
	}
}
END_TEST

/* Fails if limiter_wake() leaves lost_seen_ns. */
START_TEST(lost_time_is_not_given_to_who_came_later)
{
	struct limiter l = {.price_byte = price_of_bps(GBPS), .save_ns = 100000};

	limiter_wake(&l, NS_PER_S, 0);
	drain(&l, NS_PER_S, 0);
	limiter_sleep(&l, NS_PER_S);
	limiter_wake(&l, NS_PER_S + 4 * NS_PER_MS, 4 * NS_PER_MS);
	ck_assert_uint_le(drain(&l, NS_PER_S + 4 * NS_PER_MS, 4 * NS_PER_MS), 12500 + 1000);
	ck_assert_uint_eq(l.n_waiting, 1);
}
END_TEST

/* Fails if limiter_see_lost() lifts no clock: 20 ms. */
START_TEST(no_more_than_10_ms_of_lost_time_are_given_back)
{
	struct limiter l = {.price_byte = price_of_bps(GBPS), .save_ns = 100000};

	limiter_wake(&l, NS_PER_S, 0);
	drain(&l, NS_PER_S, 0);
	ck_assert_uint_le(drain(&l, 2 * NS_PER_S, NS_PER_S), 1250000 + 12500 + 1000);
}
END_TEST

/* A debt of 100 packets is one of 100 packets at any price.  Fails if rescale() keeps the time. */
START_TEST(debts_and_credits_survive_a_change_as_bytes)
{
	uint64_t seed = (uint64_t)_i, now_ns = NOW_NS;
	struct limiter l = {.price_byte = price_of_bps(GBPS), .save_ns = NS_PER_MS};

	limiter_set(&l, l.price_byte, 0, NS_PER_MS, now_ns);
	l.bytes.ns = now_ns;
	for (int i = 0; i < 100; i++)
		limiter_charge(&l, 1500, 1, now_ns, 0, 0);
	for (int i = 0; i < 50; i++) {
		uint64_t bps = UINT64_C(1000) << unit_random(&seed) % 20;
		limiter_set(&l, price_of_bps(bps), 0, NS_PER_MS, now_ns);
		double owed = (double)(l.bytes.ns - now_ns) * (double)bps / 8e9;
		ck_assert_double_eq_tol(owed, 150000, 60 + (double)bps * 50 / 8e9);
	}
	limiter_set(&l, 0, 0, NS_PER_MS, now_ns);	/* unlimited: the debt is gone */
	ck_assert_uint_le(limiter_ready_ns(&l), now_ns);
	limiter_set(&l, price_of_bps(1000), 0, NS_PER_MS, now_ns);
	ck_assert_uint_le(limiter_ready_ns(&l), now_ns);
}
END_TEST

START_TEST(a_change_gives_no_credit)
{
	struct limiter l = {0};
	uint64_t now_ns = NOW_NS, sent = 0;

	limiter_set(&l, price_of_bps(GBPS), 0, NS_PER_MS, now_ns);
	drain(&l, now_ns, 0);
	for (int i = 0; i < 100; i++) {
		limiter_set(&l, price_of_bps(i % 2 ? GBPS : 1000), 0, i % 2 ? NS_PER_MS : 24 * NS_PER_S, now_ns);
		sent += drain(&l, now_ns, 0);
	}
	ck_assert_uint_le(sent, 2000);
}
END_TEST

/* Fails if limiter_set() keeps catch-up that no limit used up: 18 ms of the new rate. */
START_TEST(who_had_no_limit_has_nothing_to_catch_up)
{
	struct limiter l = {.save_ns = 100000};
	uint64_t now_ns = NOW_NS, sent = 0;

	limiter_wake(&l, now_ns, 0);
	limiter_charge(&l, 1500, 1, now_ns, 9 * NS_PER_MS, NOW_NS);
	now_ns += 20 * NS_PER_MS;
	limiter_set(&l, price_of_bps(GBPS), 0, 100000, now_ns);
	for (; limiter_ready_ns(&l) <= now_ns; sent += 1500)
		limiter_charge(&l, 1500, 1, now_ns, 9 * NS_PER_MS, NOW_NS);
	ck_assert_uint_le(sent, 100000 / 8 + 1500);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("limiter");
	TCase *tc = tcase_create("limiter");

	tcase_add_loop_test(tc, clocks_are_those_of_exact_arithmetic, 0, 20);
	tcase_add_loop_test(tc, who_is_alone_is_charged_as_all_are, 0, 20);
	tcase_add_test(tc, who_had_no_limit_has_nothing_to_catch_up);
	tcase_add_test(tc, a_thousand_charges_of_one_are_one_of_a_thousand);
	tcase_add_test(tc, idling_saves_no_more_than_the_burst);
	tcase_add_test(tc, lost_time_is_given_back_once_to_who_was_waiting);
	tcase_add_test(tc, lost_time_is_not_given_to_who_came_later);
	tcase_add_test(tc, who_runs_empty_while_he_is_owed_time_has_the_rest_of_it_later);
	tcase_add_loop_test(tc, what_is_owed_is_lost_by_idling, 0, 9);
	tcase_add_loop_test(tc, a_change_keeps_what_is_owed_as_bytes, 0, 2);
	tcase_add_loop_test(tc, nobody_has_more_than_his_rate_what_he_saves_and_10_ms, 0, 20);
	tcase_add_test(tc, no_more_than_10_ms_of_lost_time_are_given_back);
	tcase_add_loop_test(tc, debts_and_credits_survive_a_change_as_bytes, 0, 10);
	tcase_add_test(tc, a_change_gives_no_credit);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
