/* SPDX-License-Identifier: BSD-3-Clause */
/* Single cases of who goes next; random operations are in test_order.c. */
#include <string.h>

#include "counter.h"
#include "order.h"
#include "unit.h"

/* Who is next on a link where two never run dry; time goes on until somebody is. */
static uint32_t serve_next(struct order *o, uint64_t *now_ns)
{
	enum order_how how;
	uint32_t id;

	while ((id = order_next(o, *now_ns, &how)) == ORDER_NONE)
		*now_ns += 100;
	order_charge(o, id, how, 1500, 1, true, 1500, false, *now_ns);
	return id;
}

/* Fails if order_set() leaves a place in the share queue as the old weight made it: a thousand packets are waited for. */
START_TEST(a_new_weight_counts_at_once)
{
	struct order *o = order_create(&(struct order_params){
		.n_nodes = 2, .link_byte = price_of_bps(1000000000), .largest_bytes = 1500});
	struct order_terms light = {.weight = 1}, heavy = {.weight = ORDER_MAX_WEIGHT};
	uint64_t now_ns = NS_PER_S;
	uint32_t n_others = 0;

	order_set(o, 0, &light, NULL, now_ns);
	order_set(o, 1, &heavy, NULL, now_ns);
	for (uint32_t i = 0; i < 2; i++)
		order_wake(o, i, 1500, false, now_ns);
	for (int n = 0; n < 3;)
		n += serve_next(o, &now_ns) == 0;
	order_set(o, 0, &heavy, NULL, now_ns);
	for (; serve_next(o, &now_ns) != 0; n_others++)
		;
	ck_assert_uint_le(n_others, 4);
	order_destroy(o);
}
END_TEST

/* The link has saved 100 us: 1500 bytes take 12 us of it, and the last one may begin while any is left.
 * Fails if order_send_now() does not look at the link, or order_end_now() charges nothing. */
START_TEST(no_more_is_sent_at_once_than_the_link_takes)
{
	struct order *o = order_create(&(struct order_params){
		.n_nodes = 2, .link_byte = price_of_bps(1000000000), .largest_bytes = 1500, .turn_ns = 100000});
	uint32_t nodes[100], bytes[100];
	enum order_how how;
	struct order_run r;

	for (uint32_t i = 0; i < 100; i++) {
		nodes[i] = i % 2;
		bytes[i] = 1500;
	}
	ck_assert_uint_eq(order_next(o, NS_PER_S, &how), ORDER_NONE);
	ck_assert(order_begin_now(o, NS_PER_S, &r));
	ck_assert_uint_eq(order_send_now(o, &r, nodes, bytes, 2), 2);
	ck_assert_uint_eq(order_send_now(o, &r, nodes, bytes, ORDER_NOW_PKTS), 7);
	ck_assert_uint_eq(order_send_now(o, &r, nodes, bytes, 1), 0);
	order_end_now(o, &r);
	ck_assert(order_link_is_busy(o, NS_PER_S + 7999) && !order_link_is_busy(o, NS_PER_S + 8000));
	ck_assert(!order_begin_now(o, NS_PER_S, &r));
	order_destroy(o);
}
END_TEST

/* Two with half of the link guaranteed each, one of which has just sent four packets that nobody disputed: they count
 * towards its guarantee, which is not due again for four times two packets' time, whatever it has by its share.
 * Fails if order_send_now() does not charge the guarantee. */
START_TEST(what_was_sent_at_once_counts_towards_the_guarantee)
{
	struct order *o = order_create(&(struct order_params){
		.n_nodes = 2, .link_byte = price_of_bps(1000000000), .largest_bytes = 1500, .turn_ns = 100000});
	struct order_terms half = {.min_byte = price_of_bps(500000000), .weight = 1};
	uint64_t now_ns = NS_PER_S, n_due[2] = {0};
	enum order_how how;
	struct order_run r;

	for (uint32_t i = 0; i < 2; i++)
		order_set(o, i, &half, NULL, now_ns);
	ck_assert_uint_eq(order_next(o, now_ns, &how), ORDER_NONE);
	ck_assert(order_begin_now(o, now_ns, &r));
	ck_assert_uint_eq(order_send_now(o, &r, (const uint32_t[4]){0}, (const uint32_t[4]){1500, 1500, 1500, 1500}, 4), 4);
	order_end_now(o, &r);
	for (uint32_t i = 0; i < 2; i++)
		order_wake(o, i, 1500, false, now_ns + 1 + i);
	for (now_ns += 1000; now_ns < NS_PER_S + 95000; now_ns += 1000) {
		uint32_t id = order_next(o, now_ns, &how);
		if (id == ORDER_NONE)
			continue;
		n_due[id] += how == ORDER_DUE;
		order_charge(o, id, how, 1500, 1, true, 1500, false, now_ns);
	}
	ck_assert_uint_gt(n_due[1], 0);
	ck_assert_uint_eq(n_due[0], 0);
	order_destroy(o);
}
END_TEST

/* 100 ms behind others on the link (1 Gb/s), then 100 us by its own limit, of which a twin in another order has had 60 KB.
 * Fails if fresh_settle() gives the time before to the limit. */
START_TEST(time_on_the_link_is_the_links_though_a_twin_uses_the_limit_then)
{
	struct order *o = order_create(&(struct order_params){
		.n_nodes = 1, .link_byte = price_of_bps(1000000000), .largest_bytes = 1500, .turn_ns = 10000});
	uint64_t now_ns = NS_PER_S, end_ns = now_ns + 100 * NS_PER_MS;
	struct limiter l = {0};
	enum order_how how;

	limiter_set(&l, price_of_bps(2000000000), 0, 200000, now_ns);
	order_set(o, 0, &(struct order_terms){.weight = 1}, &l, now_ns);
	order_wake(o, 0, 1500, false, now_ns);
	for (; now_ns < end_ns; now_ns = order_next_ns(o, now_ns)) {
		if (order_next(o, now_ns, &how) == 0)
			order_charge(o, 0, how, 1500, 1, true, 1500, false, now_ns);
	}
	limiter_charge(&l, 60000, 40, now_ns, 0, 0);
	for (end_ns = now_ns + 200000; now_ns < end_ns; now_ns += 1000) {
		if (order_next(o, now_ns, &how) == 0)
			order_charge(o, 0, how, 1500, 1, true, 1500, false, now_ns);
	}
	order_sleep(o, 0, now_ns);
	const struct order_stats *s = order_stats(o, 0);
	ck_assert_uint_le(counter_read(&s->held_ns[BOUND_BPS]), 300000);
	ck_assert_uint_ge(counter_read(&s->held_ns[BOUND_LINK]), 99 * NS_PER_MS);
	order_destroy(o);
}
END_TEST

/* Fails if who is served and waits again shows what it waited only when order_tick() comes to it. */
START_TEST(who_is_served_shows_within_a_millisecond_or_two_how_long_it_was_held)
{
	enum { N = 64 };
	struct order *o = order_create(&(struct order_params){
		.n_nodes = N, .link_byte = price_of_bps(10000000000), .largest_bytes = 1500, .turn_ns = 50000});
	uint64_t now_ns = NS_PER_S;
	enum order_how how;
	uint32_t id;

	for (uint32_t i = 0; i < N; i++) {
		order_set(o, i, &(struct order_terms){.weight = 1}, NULL, now_ns);
		order_wake(o, i, 1500, false, now_ns);
	}
	for (; now_ns < NS_PER_S + 100 * NS_PER_MS; now_ns += 50000) {
		while ((id = order_next(o, now_ns, &how)) != ORDER_NONE)
			order_charge(o, id, how, 1500, 1, true, 1500, false, now_ns);
	}
	for (uint32_t i = 0; i < N; i++)
		ck_assert_uint_ge(counter_read(&order_stats(o, i)->held_ns[BOUND_LINK]), 98 * NS_PER_MS);
	order_destroy(o);
}
END_TEST

/* One whose limit holds it, but whose urgent class may go: nobody passes it.
 * Fails if order_begin_now() does not look at the urgent wheel. */
START_TEST(nobody_passes_an_urgent_packet)
{
	struct order *o = order_create(&(struct order_params){
		.n_nodes = 2, .link_byte = price_of_bps(1000000000), .largest_bytes = 1500, .turn_ns = 100000});
	struct order_terms urgent = {.urgent_byte = price_of_bps(100000000), .burst_ns = 100 * NS_PER_MS, .weight = 1};
	struct limiter l = {0};
	enum order_how how;
	struct order_run r;

	limiter_set(&l, price_of_bps(10000000), 0, NS_PER_MS, NS_PER_S);
	limiter_charge(&l, 60000, 40, NS_PER_S, 0, 0);	/* held for 47 ms */
	order_set(o, 0, &urgent, &l, NS_PER_S);
	ck_assert_uint_eq(order_next(o, NS_PER_S, &how), ORDER_NONE);
	ck_assert(order_begin_now(o, NS_PER_S, &r));
	order_end_now(o, &r);
	order_wake(o, 0, 1500, true, NS_PER_S);
	ck_assert(!order_begin_now(o, NS_PER_S, &r));
	ck_assert_uint_eq(order_next(o, NS_PER_S, &how), 0);
	ck_assert_int_eq(how, ORDER_URGENT);
	order_destroy(o);
}
END_TEST

START_TEST(destroying_nothing_is_legal)
{
	order_destroy(NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("order_cases");
	TCase *tc = tcase_create("order");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_new_weight_counts_at_once);
	tcase_add_test(tc, time_on_the_link_is_the_links_though_a_twin_uses_the_limit_then);
	tcase_add_test(tc, who_is_served_shows_within_a_millisecond_or_two_how_long_it_was_held);
	tcase_add_test(tc, nobody_passes_an_urgent_packet);
	tcase_add_test(tc, no_more_is_sent_at_once_than_the_link_takes);
	tcase_add_test(tc, what_was_sent_at_once_counts_towards_the_guarantee);
	tcase_add_test(tc, destroying_nothing_is_legal);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
