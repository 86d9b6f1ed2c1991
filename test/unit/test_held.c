/* SPDX-License-Identifier: BSD-3-Clause */
/* Since when a bound holds, from looks at times that grow. */
#include "held.h"
#include "unit.h"

#define LOOK   UINT64_C(100000000)
#define SECOND UINT64_C(1000000000)

static uint64_t times[N_VIEW_BOUNDS], now_ns;
static struct held_store *s;

static void start(void)
{
	s = held_create(2);
	ck_assert_ptr_nonnull(s);
	now_ns = 5 * SECOND;
	for (int b = 0; b < N_VIEW_BOUNDS; b++)
		times[b] = (uint64_t)b * 77 * SECOND;	/* long ago */
	held_add(s, 1, times, now_ns);
}

/* Looks for so long, in which the bound holds for a part of each. */
static void looks(enum view_bound bound, uint64_t ns, uint64_t held_of_each_ns)
{
	for (uint64_t end_ns = now_ns + ns; now_ns < end_ns;) {
		now_ns += LOOK;
		times[bound] += held_of_each_ns;
		held_add(s, 1, times, now_ns);
	}
}

/* Broken by: a first look whose times are taken for new. */
START_TEST(what_held_before_the_first_look_does_not_hold)
{
	start();
	for (int b = 0; b < N_VIEW_BOUNDS; b++)
		ck_assert_uint_eq(held_since_ns(s, 1, b), 0);
	looks(VIEW_BPS, SECOND, 0);
	for (int b = 0; b < N_VIEW_BOUNDS; b++)
		ck_assert_uint_eq(held_since_ns(s, 1, b), 0);
	ck_assert_uint_eq(held_since_ns(s, 0, VIEW_BPS) + held_since_ns(s, 2, VIEW_BPS), 0);	/* no such row */
	held_destroy(s);
	held_destroy(NULL);
}
END_TEST

/* Broken by: a 'since' that moves with every look; a gap that ends it at once, or never. */
START_TEST(a_bound_holds_since_it_began_for_as_long_as_no_second_passes_without_it)
{
	uint64_t began_ns;

	start();
	looks(VIEW_PPS, SECOND / 2, 0);
	began_ns = now_ns;
	looks(VIEW_PPS, 3 * SECOND, LOOK / 2);
	ck_assert_uint_eq(held_since_ns(s, 1, VIEW_PPS), began_ns);
	ck_assert_uint_eq(held_since_ns(s, 1, VIEW_BPS) + held_since_ns(s, 0, VIEW_PPS), 0);
	looks(VIEW_PPS, SECOND - LOOK, 0);
	ck_assert_uint_eq(held_since_ns(s, 1, VIEW_PPS), began_ns);	/* a pause */
	looks(VIEW_PPS, SECOND, LOOK);
	ck_assert_uint_eq(held_since_ns(s, 1, VIEW_PPS), began_ns);
	looks(VIEW_PPS, SECOND, 0);
	ck_assert_uint_eq(held_since_ns(s, 1, VIEW_PPS), 0);		/* an end */
	began_ns = now_ns;
	looks(VIEW_PPS, LOOK, LOOK);
	ck_assert_uint_eq(held_since_ns(s, 1, VIEW_PPS), began_ns);
	held_destroy(s);
}
END_TEST

/* Broken by: any time at all that counts. */
START_TEST(a_hundredth_of_the_time_is_enough_and_less_is_not)
{
	start();
	looks(VIEW_LINK, SECOND, LOOK / 100 - 1);
	ck_assert_uint_eq(held_since_ns(s, 1, VIEW_LINK), 0);
	looks(VIEW_LINK, LOOK, LOOK / 100);
	ck_assert_uint_eq(held_since_ns(s, 1, VIEW_LINK), now_ns - LOOK);
	held_destroy(s);
}
END_TEST

/* Broken by: no held_begin(). */
START_TEST(another_in_the_row_has_nothing_of_who_was_there)
{
	start();
	looks(VIEW_CORE, SECOND, LOOK);
	held_begin(s, 1);
	ck_assert_uint_eq(held_since_ns(s, 1, VIEW_CORE), 0);
	times[VIEW_CORE] = 0;	/* counters of its own */
	looks(VIEW_CORE, LOOK, LOOK);
	ck_assert_uint_eq(held_since_ns(s, 1, VIEW_CORE), 0);
	looks(VIEW_CORE, LOOK, LOOK);
	ck_assert_uint_eq(held_since_ns(s, 1, VIEW_CORE), now_ns - LOOK);
	held_destroy(s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("held");
	TCase *tc = tcase_create("held");

	tcase_add_test(tc, what_held_before_the_first_look_does_not_hold);
	tcase_add_test(tc, a_bound_holds_since_it_began_for_as_long_as_no_second_passes_without_it);
	tcase_add_test(tc, a_hundredth_of_the_time_is_enough_and_less_is_not);
	tcase_add_test(tc, another_in_the_row_has_nothing_of_who_was_there);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
