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
		limiter_forget(&a, now_ns);
		limiter_charge(&a, bytes, 1, now_ns, now_ns, now_ns);
		limiter_charge_alone(&b, bytes + 24, now_ns, (uint32_t)now_ns);
		unit_must(as_one(&a.bytes) == as_one(&b.bytes) && as_one(&a.pkts) == as_one(&b.pkts));
		unit_must(a.catchup_ns == b.catchup_ns && a.lost_seen_ns == b.lost_seen_ns);
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
static uint64_t drain(struct limiter *l, uint64_t now_ns, uint64_t lost_ns)
{
	uint64_t sent = 0;

	while (limiter_ready_ns(l) <= now_ns) {
		limiter_charge(l, 1000, 1, now_ns, lost_ns, now_ns);
		sent += 1000;
	}
	return sent;
}

/* 1 Gb/s, 0.1 ms saved; 4 ms are lost: 4 ms' worth is sent after it, once.
 * Fails if limiter_catchup_left() keeps what has been caught up. */
START_TEST(lost_time_is_given_back_once_to_who_was_waiting)
{
	struct limiter l = {.price_byte = price_of_bps(GBPS), .save_ns = 100000};
	uint64_t now_ns = NS_PER_S, lost_ns = 0;

	limiter_wake(&l, lost_ns);
	drain(&l, now_ns, lost_ns);
	now_ns += 4 * NS_PER_MS;
	lost_ns += 4 * NS_PER_MS;
	ck_assert_uint_eq(drain(&l, now_ns, lost_ns) / 2000, 500000 / 2000);
	ck_assert_uint_eq(l.catchup_ns, 0);
	now_ns += 4 * NS_PER_MS;	/* not lost, but not used */
	ck_assert_uint_le(drain(&l, now_ns, lost_ns), 12500 + 1000);
}
END_TEST

/* Fails if limiter_wake() leaves lost_seen_ns. */
START_TEST(lost_time_is_not_given_to_who_came_later)
{
	struct limiter l = {.price_byte = price_of_bps(GBPS), .save_ns = 100000};

	limiter_wake(&l, 0);
	drain(&l, NS_PER_S, 0);
	limiter_sleep(&l);
	limiter_wake(&l, 4 * NS_PER_MS);
	ck_assert_uint_le(drain(&l, NS_PER_S + 4 * NS_PER_MS, 4 * NS_PER_MS), 12500 + 1000);
	ck_assert_uint_eq(l.n_waiting, 1);
}
END_TEST

/* Fails if limiter_see_lost() lifts no clock: 20 ms. */
START_TEST(no_more_than_10_ms_of_lost_time_are_given_back)
{
	struct limiter l = {.price_byte = price_of_bps(GBPS), .save_ns = 100000};

	limiter_wake(&l, 0);
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

	limiter_wake(&l, 0);
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
