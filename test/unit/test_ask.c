/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "ask.h"
#include "unit.h"

#define US	   NS_PER_US
#define MAX_ASKERS 16

/* Askers that always have packets, or none; one worker that turns every 'turn_ns'. */
struct world {
	struct ask *ask;
	uint64_t now_ns, turn_ns;
	uint32_t n;
	bool has[MAX_ASKERS], is_full[MAX_ASKERS];
	bool has_few;			/* they answer with one less than they were asked for */
	uint64_t got[MAX_ASKERS], polls[MAX_ASKERS];
	uint32_t got_in_turn;
};

static void world_init(struct world *w, uint32_t n, uint64_t capacity_pps, uint32_t turn_pkts)
{
	memset(w, 0, sizeof(*w));
	w->n = n;
	w->turn_ns = 5 * US;
	w->now_ns = NS_PER_S;
	w->ask = ask_create(&(struct ask_params){
		.n_askers = n, .capacity_pps = capacity_pps, .turn_pkts = turn_pkts, .turn_ns = 50 * US});
	for (uint32_t i = 0; i < n; i++) {
		ask_set(w->ask, i, &(struct ask_terms){.weight = 1}, w->now_ns);
		ask_enable(w->ask, i, true, w->now_ns);
	}
}

static void world_fini(struct world *w)
{
	ck_assert(ask_check(w->ask, stderr));
	ask_destroy(w->ask);
}

static void turn(struct world *w)
{
	uint32_t id, n;

	w->got_in_turn = 0;
	ask_turn(w->ask, w->now_ns);
	while ((id = ask_next(w->ask, &n, w->now_ns)) != ASK_NONE) {
		if (n == 0 || n > ASK_QUANTUM)
			ck_abort_msg("asked for %u", n);
		if (w->is_full[id]) {
			ask_no_room(w->ask, id, w->now_ns);
			continue;
		}
		uint32_t got = w->has[id] ? n - (w->has_few && n > 1) : 0;
		w->polls[id]++;
		w->got[id] += got;
		w->got_in_turn += got;
		ask_answer(w->ask, id, n, got, w->now_ns);
	}
	w->now_ns += w->turn_ns;
}

static void run(struct world *w, uint64_t ns)
{
	memset(w->got, 0, sizeof(w->got));
	memset(w->polls, 0, sizeof(w->polls));
	for (uint64_t end_ns = w->now_ns + ns; w->now_ns < end_ns;)
		turn(w);
}

/* Broken by: k->pause_ns that stays FIRST_PAUSE_NS. */
START_TEST(an_idle_asker_is_asked_every_16_us_at_most_and_at_least)
{
	struct world w;

	world_init(&w, 3, 0, 256);
	w.turn_ns = 500;
	run(&w, NS_PER_MS);
	run(&w, 100 * NS_PER_MS);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_uint_le(w.polls[i], 100000 / 16);
		ck_assert_uint_ge(w.polls[i], 100000 / 18);	/* a bucket and a turn late */
	}
	world_fini(&w);
}
END_TEST

/* Broken by: k->pause_ns = FIRST_PAUSE_NS in ask_answer() after packets. */
START_TEST(who_has_been_drained_is_asked_again_in_the_next_turn)
{
	struct world w;
	uint32_t n;

	world_init(&w, 1, 0, 256);
	run(&w, NS_PER_MS);
	for (int i = 0; i < 100; i++) {
		w.now_ns += 20 * US;
		ask_turn(w.ask, w.now_ns);
		ck_assert_uint_eq(ask_next(w.ask, &n, w.now_ns), 0);
		ask_answer(w.ask, 0, n, 3, w.now_ns);
		ck_assert_uint_eq(ask_next(w.ask, &n, w.now_ns), ASK_NONE);	/* not twice in one turn */
		w.now_ns += 2 * US;
		ask_turn(w.ask, w.now_ns);
		ck_assert_uint_eq(ask_next(w.ask, &n, w.now_ns), 0);
		ask_answer(w.ask, 0, n, 0, w.now_ns);
	}
	world_fini(&w);
}
END_TEST

/* Broken by: budget not taken off in ask_answer(). */
START_TEST(a_turn_never_reads_more_than_its_budget)
{
	static const uint32_t budgets[] = {8, 33, 256, 4096};
	struct world w;

	world_init(&w, 5, 0, budgets[_i]);
	for (int i = 0; i < 5; i++)
		w.has[i] = true;
	for (int i = 0; i < 1000; i++) {
		turn(&w);
		ck_assert_uint_eq(w.got_in_turn, budgets[_i]);
	}
	world_fini(&w);
}
END_TEST

/* Broken by: fit_budget() that answers turn_pkts. */
START_TEST(turns_that_take_too_long_get_fewer_packets_and_later_more_again)
{
	struct world w;

	world_init(&w, 2, 0, 256);
	w.has[0] = w.has[1] = true;
	w.turn_ns = 200 * US;
	run(&w, 10 * NS_PER_MS);
	ck_assert_uint_eq(w.got_in_turn, ASK_QUANTUM);
	w.turn_ns = 5 * US;
	run(&w, 10 * NS_PER_MS);
	ck_assert_uint_eq(w.got_in_turn, 256);
	w.turn_ns = 200 * US;	/* long, but not for its packets */
	w.has[0] = w.has[1] = false;
	run(&w, 10 * NS_PER_MS);
	w.has[0] = true;
	turn(&w);
	ck_assert_uint_eq(w.got_in_turn, 256);
	world_fini(&w);
}
END_TEST

/* Broken by: order_sleep() and order_wake() in ask_no_room() (a third instead of 60 %). */
START_TEST(who_has_no_room_lets_the_turn_pass_and_loses_no_guarantee)
{
	struct world w;

	world_init(&w, 3, 100000, 256);
	ask_set(w.ask, 0, &(struct ask_terms){.weight = 1, .min_pps = 60000}, w.now_ns);
	w.has[0] = w.has[1] = w.has[2] = true;
	run(&w, 10 * NS_PER_MS);
	memset(w.got, 0, sizeof(w.got));
	for (int i = 0; i < 100000; i++) {	/* no room in every third turn, half of which could read */
		w.is_full[0] = i % 3 == 0;
		turn(&w);
	}
	ck_assert_uint_ge(w.got[0], 60000 / 2 - 20);
	ck_assert_uint_le(w.got[0], 60000 / 2 + 20);
	ck_assert_uint_ge(w.got[0] + w.got[1] + w.got[2], 50000 - 20);
	w.is_full[1] = true;
	run(&w, 100 * NS_PER_MS);
	ck_assert_uint_eq(w.got[1], 0);
	ck_assert_uint_gt(atomic_load(&ask_stats(w.ask, 1)->n_no_room), 9000);
	world_fini(&w);
}
END_TEST

/* Each turn leaves room for five packets.  Broken by: ask_answer() that charges only full answers (240,000). */
START_TEST(what_the_drained_gave_counts_too)
{
	struct world w;

	world_init(&w, 3, 100000, 256);
	w.has[0] = w.has[1] = w.has[2] = w.has_few = true;
	w.turn_ns = 50 * US;
	run(&w, 100 * NS_PER_MS);
	ck_assert_uint_le(w.got[0] + w.got[1] + w.got[2], 10010);
	ck_assert_uint_ge(w.got[0] + w.got[1] + w.got[2], 9900);
	world_fini(&w);
}
END_TEST

/* Broken by: ask_enable() that leaves the asker in the idle wheel. */
START_TEST(who_is_off_is_not_asked_whatever_it_was_doing)
{
	struct world w;

	world_init(&w, 4, 0, 64);
	w.has[1] = w.has[2] = w.is_full[2] = true;	/* 0 idle, 1 ready, 2 without room, 3 idle */
	run(&w, NS_PER_MS);
	for (uint32_t i = 0; i < 3; i++)
		ask_enable(w.ask, i, false, w.now_ns);
	ck_assert(ask_check(w.ask, stderr));
	run(&w, NS_PER_MS);
	ck_assert_uint_eq(w.polls[0] + w.polls[1] + w.polls[2], 0);
	ck_assert_uint_gt(w.polls[3], 0);
	w.is_full[2] = false;
	for (uint32_t i = 0; i < 3; i++)
		ask_enable(w.ask, i, true, w.now_ns);
	run(&w, NS_PER_MS);
	for (uint32_t i = 0; i < 4; i++)
		ck_assert_uint_gt(w.polls[i], 0);
	world_fini(&w);
}
END_TEST

/* Broken by: ask_set_capacity() that does nothing. */
START_TEST(capacity_and_terms_change_at_once)
{
	struct world w;

	world_init(&w, 2, 100000, 256);
	w.has[0] = w.has[1] = true;
	run(&w, 100 * NS_PER_MS);
	ck_assert_uint_ge(w.got[0] + w.got[1], 9980);
	ck_assert_uint_le(w.got[0] + w.got[1], 10020);
	ask_set_capacity(w.ask, 300000, w.now_ns);
	ask_set(w.ask, 1, &(struct ask_terms){.weight = 2}, w.now_ns);
	run(&w, 100 * NS_PER_MS);
	ck_assert_uint_ge(w.got[0], 9950);
	ck_assert_uint_le(w.got[0], 10050);
	ck_assert_uint_ge(w.got[1], 19950);
	ask_set(w.ask, 1, &(struct ask_terms){.weight = 1, .priority = 3}, w.now_ns);
	run(&w, 100 * NS_PER_MS);
	ck_assert_uint_le(w.got[1], 50);
	ck_assert_uint_ge(w.got[0], 29900);
	world_fini(&w);
}
END_TEST

/* Made for a thousandth (1), or a thousand times (2), of what it has then: what is forgotten of the past is as if it had been so from
 * the start (0).  Who had all of the core, before others whose priority is better, has his guarantee at once.
 * Broken by: order_set_link() that keeps the window and slack of before (0 of 300 packets in the first millisecond). */
START_TEST(a_guarantee_forgets_as_soon_whatever_the_capacity_was)
{
	static const uint64_t was_pps[] = {1000000, 1000, 1000000000};
	struct world w;

	world_init(&w, 3, was_pps[_i], 256);
	ask_set_capacity(w.ask, 1000000, w.now_ns);
	ask_set(w.ask, 0, &(struct ask_terms){.min_pps = 300000, .weight = 1, .priority = 1}, w.now_ns);
	w.has[0] = true;
	run(&w, 50 * NS_PER_MS);
	ck_assert_uint_ge(w.got[0], 49900);
	w.has[1] = w.has[2] = true;
	run(&w, NS_PER_MS);
	ck_assert_msg(w.got[0] >= 270, "%lu packets in the first millisecond", (unsigned long)w.got[0]);
	run(&w, 50 * NS_PER_MS);
	ck_assert_uint_ge(w.got[0], 14900);
	ck_assert_uint_le(w.got[0], 15100);
	w.has[0] = false;
	run(&w, 50 * NS_PER_MS);
	w.has[0] = true;	/* and of what it left it has nothing more */
	run(&w, 5 * NS_PER_MS);
	ck_assert_msg(w.got[0] <= 1600, "%lu packets in 5 ms after a pause", (unsigned long)w.got[0]);
	world_fini(&w);
}
END_TEST

/* 100 of 300 kp/s are used, the rest is lent: shares are kept to that, a guarantee is not, and after a burst's worth of it the
 * loan is to end.  Nobody is kept out who was not held.
 * Broken by: ask_answer() that does not charge 'used'; ask_lend() that keeps nobody out; a burst of no packets. */
START_TEST(shares_are_kept_to_what_is_not_lent_and_guarantees_end_the_loan)
{
	struct world w;

	world_init(&w, 2, 300000, 256);
	ask_set(w.ask, 1, &(struct ask_terms){.min_pps = 200000, .weight = 1}, w.now_ns);
	w.has[0] = true;
	ask_lend(w.ask, 100000, 300000, true, w.now_ns);
	run(&w, 100 * NS_PER_MS);
	ck_assert_uint_ge(w.got[0], 9980);
	ck_assert_uint_le(w.got[0], 10020);
	ck_assert(!ask_needs_lent(w.ask, w.now_ns));
	w.has[1] = true;
	run(&w, 2 * NS_PER_MS);
	ck_assert_uint_ge(w.got[1], 395);
	ck_assert(!ask_needs_lent(w.ask, w.now_ns));	/* 200 above what is used, of 300 */
	run(&w, 2 * NS_PER_MS);
	ck_assert(ask_needs_lent(w.ask, w.now_ns));
	ask_lend(w.ask, 0, 0, false, w.now_ns);
	ck_assert(!ask_needs_lent(w.ask, w.now_ns));
	run(&w, 100 * NS_PER_MS);
	ck_assert_uint_ge(w.got[0] + w.got[1], 29900);
	w.has[1] = false;
	ask_lend(w.ask, 100000, 300000, false, w.now_ns);
	run(&w, 2 * NS_PER_MS);
	ck_assert_uint_ge(w.got[0], 595);
	ck_assert(ask_needs_lent(w.ask, w.now_ns));
	world_fini(&w);
}
END_TEST

static uint64_t core_ns(const struct world *w, uint32_t id)
{
	return ask_stats(w->ask, id)->core_ns;
}

/* A full core: who has nothing waits for his look too, and that is nobody's bound.  Who has something is held, from the first
 * look that finds it, and also when he is never looked at again.
 * Broken by: waits that count whatever came of them; none that counts before an answer, of who had nothing (is_told()). */
START_TEST(who_has_nothing_is_not_held_by_the_core)
{
	struct world w;

	world_init(&w, 3, 10000, 256);
	w.has[0] = true;
	run(&w, NS_PER_S);
	ck_assert_uint_eq(core_ns(&w, 1), 0);
	ck_assert_uint_gt(core_ns(&w, 0), NS_PER_S / 2);
	w.has[1] = true;
	run(&w, NS_PER_S);
	ck_assert_uint_gt(core_ns(&w, 1), NS_PER_S * 9 / 10);
	ck_assert_uint_lt(core_ns(&w, 1), NS_PER_S * 11 / 10);
	ck_assert_uint_eq(core_ns(&w, 2), 0);
	ask_set(w.ask, 2, &(struct ask_terms){.weight = 1, .priority = 5}, w.now_ns);	/* never again */
	w.has[2] = true;
	for (int i = 0; i < 20; i++) {
		run(&w, 50 * NS_PER_MS);
		for (int n = 0; n < 3; n++)
			ask_tick(w.ask, w.now_ns);
	}
	ck_assert_uint_gt(core_ns(&w, 2), NS_PER_S * 9 / 10);
	ck_assert_uint_lt(core_ns(&w, 2), NS_PER_S * 11 / 10);
	world_fini(&w);
}
END_TEST

/* Broken by: wheel_next_ns() left out of ask_next_ns(). */
START_TEST(next_time_is_never_too_late_for_somebody)
{
	struct world w;
	uint64_t seed = (uint64_t)_i;
	uint32_t n;

	world_init(&w, 4, _i % 2 ? 50000 : 0, 256);
	for (int step = 0; step < 3000; step++) {
		for (int i = 0; i < 4; i++)
			w.has[i] = unit_random(&seed) % 4 == 0;
		turn(&w);
		uint64_t next_ns = ask_next_ns(w.ask, w.now_ns);
		if (next_ns == UINT64_MAX)
			ck_abort_msg("never, with four askers on");
		for (; w.now_ns < next_ns; w.now_ns += 1 + (next_ns - w.now_ns) / 3) {
			ask_turn(w.ask, w.now_ns);
			if (ask_next(w.ask, &n, w.now_ns) != ASK_NONE)
				ck_abort_msg("step %d: somebody %lu ns earlier", step,
					(unsigned long)(next_ns - w.now_ns));
		}
	}
	world_fini(&w);
}
END_TEST

/* Anything may happen at any time; the invariants hold, and nobody who has packets and room is forgotten. */
START_TEST(random_askers_keep_the_invariants_and_none_is_forgotten)
{
	struct world w;
	uint64_t seed = (uint64_t)_i;
	bool is_on[MAX_ASKERS];

	world_init(&w, 1 + (uint32_t)(unit_random(&seed) % MAX_ASKERS), _i % 2 ? 2000000 : 0, 64);
	memset(is_on, true, sizeof(is_on));
	for (int step = 0; step < 2000; step++) {
		uint32_t id = (uint32_t)(unit_random(&seed) % w.n);
		w.has[id] = unit_random(&seed) % 2;
		w.is_full[id] = unit_random(&seed) % 4 == 0;
		w.turn_ns = 1 + unit_random(&seed) % (40 * US);
		if (unit_random(&seed) % 8 == 0)
			ask_enable(w.ask, id, is_on[id] = !is_on[id], w.now_ns);
		if (unit_random(&seed) % 8 == 0)
			ask_set(w.ask, id, &(struct ask_terms){.weight = 1 + (uint32_t)(unit_random(&seed) % 1000),
				.min_pps = unit_random(&seed) % 20000,
				.priority = unit_random(&seed) % 2 ? 0 : 7}, w.now_ns);
		if (unit_random(&seed) % 16 == 0)
			ask_lost(w.ask, unit_random(&seed) % NS_PER_MS, w.now_ns);
		turn(&w);
		if (step % 8 == 0 && !ask_check(w.ask, stderr))
			ck_abort_msg("seed %d, step %d", _i, step);
	}
	for (uint32_t id = 0; id < w.n; id++) {		/* all alike now: all get some */
		ask_set(w.ask, id, &(struct ask_terms){.weight = 1}, w.now_ns);
		ask_enable(w.ask, id, true, w.now_ns);
		w.has[id] = true;
		w.is_full[id] = false;
	}
	w.turn_ns = 5 * US;
	run(&w, 100 * NS_PER_MS);
	run(&w, 10 * NS_PER_MS);
	for (uint32_t id = 0; id < w.n; id++)
		ck_assert_uint_gt(w.got[id], 0);
	world_fini(&w);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ask");
	TCase *tc = tcase_create("ask");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, an_idle_asker_is_asked_every_16_us_at_most_and_at_least);
	tcase_add_test(tc, who_has_been_drained_is_asked_again_in_the_next_turn);
	tcase_add_loop_test(tc, a_turn_never_reads_more_than_its_budget, 0, 4);
	tcase_add_test(tc, turns_that_take_too_long_get_fewer_packets_and_later_more_again);
	tcase_add_test(tc, who_has_no_room_lets_the_turn_pass_and_loses_no_guarantee);
	tcase_add_test(tc, what_the_drained_gave_counts_too);
	tcase_add_test(tc, who_is_off_is_not_asked_whatever_it_was_doing);
	tcase_add_test(tc, capacity_and_terms_change_at_once);
	tcase_add_loop_test(tc, a_guarantee_forgets_as_soon_whatever_the_capacity_was, 0, 3);
	tcase_add_test(tc, shares_are_kept_to_what_is_not_lent_and_guarantees_end_the_loan);
	tcase_add_test(tc, who_has_nothing_is_not_held_by_the_core);
	tcase_add_loop_test(tc, next_time_is_never_too_late_for_somebody, 0, 10);
	tcase_add_loop_test(tc, random_askers_keep_the_invariants_and_none_is_forgotten, 0, 50);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
