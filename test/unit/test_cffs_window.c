/* SPDX-License-Identifier: BSD-3-Clause */
/* The window's edges, on both forms: far, late, empty, swapping.  A virtual clock with a sorted list as the
 * oracle, and the cases by hand.  With 64 buckets of 16 ranks a window is 1,024 wide; the second of two ends
 * at 2,048. */
#include <stdbool.h>
#include <stdio.h>

#include "cffs_forms.h"

#define N_ITEMS   120
#define MAX_MOVES 8 /* parked items that one look may pass: with more the order is only nearly right */

/* Waiting items in the order they came: the oracle is a search. */
struct clock {
	const struct form *form;
	struct rank_queue rq;
	struct cffs_node nodes[N_ITEMS];
	uint32_t waiting[N_ITEMS];
	uint32_t n;
	uint32_t n_free, free[N_ITEMS];
	bool was_far[N_ITEMS];
	uint32_t n_far;
	uint64_t now, width, span;
	uint64_t state;
};

static void clock_init(struct clock *c, int index)
{
	static const uint32_t sizes[] = {64, 256, 4096};
	static const unsigned int shifts[] = {4, 10, 0, 40};
	int seed = index / N_FORMS;
	uint32_t n_buckets = sizes[seed % 3];
	unsigned int shift = shifts[seed % 4];

	*c = (struct clock){.form = &forms[index % N_FORMS], .state = (uint64_t)seed, .n_free = N_ITEMS};
	c->rq = form_open(c->form, n_buckets, shift, c->nodes, N_ITEMS);
	c->width = UINT64_C(1) << shift;
	c->span = n_buckets * c->width;
	/* Half of the runs wrap. */
	c->now = seed % 2 == 0 ? unit_random(&c->state) : 0 - 2 * c->span;
	c->form->rebase(c->rq.q, c->now - c->width);
	for (uint32_t i = 0; i < N_ITEMS; i++)
		c->free[i] = i;
}

static void clock_push(struct clock *c, uint64_t rank, uint32_t max_far)
{
	bool is_late = (int64_t)(rank - c->form->base(c->rq.q)) < 0;
	bool is_far = !is_late && !c->form->covers(c->rq.q, rank);

	if (c->n_free == 0 || (is_far && c->n_far == max_far))
		return;
	/* Any free item, so that numbers say nothing about the order. */
	uint32_t i = (uint32_t)(unit_random(&c->state) % c->n_free);
	uint32_t item = c->free[i];
	c->free[i] = c->free[--c->n_free];
	rank_queue_push(&c->rq, item, rank);
	c->was_far[item] = is_far;
	c->n_far += is_far;
	c->waiting[c->n++] = item;
}

/* Of one rank the first that came, unless one of the two was parked and the form says that it may fall back.
 */
static void must_be_first_of_its_rank(const struct clock *c, uint32_t item)
{
	for (uint32_t i = 0; i < c->n && c->waiting[i] != item; i++) {
		uint32_t before = c->waiting[i];
		bool may_fall_back = c->was_far[before] && !c->form->keeps_parked_order;
		unit_must(may_fall_back || c->nodes[before].rank != c->nodes[item].rank);
	}
}

static void clock_drop(struct clock *c, uint32_t item)
{
	uint32_t at = 0;

	while (at < c->n && c->waiting[at] != item)
		at++;
	unit_must(at < c->n);
	for (c->n--; at < c->n; at++)
		c->waiting[at] = c->waiting[at + 1];
	c->n_far -= c->was_far[item];
	c->free[c->n_free++] = item;
}

/* Takes all that is due, as a pacer would: none early, none more than a bucket late. */
static void clock_serve(struct clock *c)
{
	rank_queue_advance(&c->rq, c->now - c->width);
	for (;;) {
		uint32_t item = rank_queue_first(&c->rq);
		unit_must((item == CFFS_NONE) == (c->n == 0));
		if (item == CFFS_NONE || (int64_t)(c->nodes[item].rank - c->now) > 0)
			break;
		must_be_first_of_its_rank(c, item);
		unit_must(rank_queue_pop_first(&c->rq) == item);
		clock_drop(c, item);
	}
	for (uint32_t i = 0; i < c->n; i++)
		unit_must((int64_t)(c->nodes[c->waiting[i]].rank - (c->now - c->width)) > 0);
}

/* Ranks in a few places again and again, so that many are equal. */
static uint64_t clock_rank(struct clock *c, uint64_t n_spans)
{
	uint64_t r = unit_random(&c->state);
	uint64_t rank = c->now + r % (n_spans * c->span);

	switch (r >> 60) {
	case 0: /* now, or a little late */
	case 1:
		return c->now - r % (2 * c->width);
	case 2: /* a corner of the windows, wherever they stand */
	case 3:
		return (rank & ~(c->span - 1)) + c->span - r % 2;
	case 4:
	case 5:
	case 6:
		return (rank & ~(c->span / 2 - 1)) + c->span / 2;
	default:
		return rank;
	}
}

static void clock_step(struct clock *c, uint64_t max_step, uint32_t max_far)
{
	for (uint64_t n = unit_random(&c->state) % 3; n > 0; n--)
		clock_push(c, clock_rank(c, c->n_far < max_far ? 6 : 1), max_far);
	c->now += unit_random(&c->state) % max_step;
}

static void clock_run(int index, uint64_t steps_per_span, uint32_t max_far)
{
	static struct clock c;

	clock_init(&c, index);
	for (int step = 0; step < 4000; step++) {
		/* Now and then idle for long: but a crowd that is parked needs its time. */
		bool is_jump = max_far <= MAX_MOVES && unit_random(&c.state) % 512 == 0;
		clock_step(&c, is_jump ? 9 * c.span : c.span / steps_per_span + 1, max_far);
		clock_serve(&c);
		if (step % 64 == 0)
			unit_must(rank_queue_check(&c.rq, stderr));
	}
	rank_queue_destroy(&c.rq);
}

START_TEST(a_pacer_is_never_early_nor_a_bucket_late_across_the_horizon)
{
	clock_run(_i, 16, MAX_MOVES);
	clock_run(_i, 1, MAX_MOVES);
}
END_TEST

/* After a swap there is a window's time to put the parked anew, 8 a call. */
START_TEST(two_windows_are_on_time_also_with_all_items_parked)
{
	clock_run(_i * N_FORMS + WINDOWS, 64, N_ITEMS);
}
END_TEST

START_TEST(what_is_due_now_never_waits_for_a_window_that_is_to_come)
{
	struct cffs_node nodes[4];
	const struct form *form = &forms[_i % N_FORMS];
	struct rank_queue rq = form_open(form, 64, 4, nodes, 4);

	rank_queue_push(&rq, 0, 1500); /* all but the second window is empty: no reason to swap */
	ck_assert_uint_eq(rank_queue_first(&rq), 0);
	rank_queue_advance(&rq, 8);
	rank_queue_push(&rq, 1, 10);
	ck_assert_uint_eq(rank_queue_first(&rq), 1);
	rank_queue_push(&rq, 2, 900);
	rank_queue_push(&rq, 3, 40);
	ck_assert_uint_eq(rank_queue_pop_first(&rq), 1);
	ck_assert_uint_eq(rank_queue_pop_first(&rq), 3);
	rank_queue_advance(&rq, 700);
	ck_assert_uint_eq(form->base(rq.q), 688);
	rank_queue_push(&rq, 1, 701);
	ck_assert_uint_eq(rank_queue_pop_first(&rq), 1);
	ck_assert_uint_eq(rank_queue_pop_first(&rq), 2);
	ck_assert_uint_eq(rank_queue_pop_first(&rq), 0);
	ck_assert_uint_eq(rank_queue_pop_first(&rq), CFFS_NONE);
	rank_queue_destroy(&rq);
}
END_TEST

START_TEST(a_rank_beyond_the_windows_is_put_anew_not_clamped)
{
	struct cffs_node nodes[3];
	const struct form *form = &forms[_i % N_FORMS];
	struct rank_queue rq = form_open(form, 64, 4, nodes, 3);

	rank_queue_push(&rq, 0, 5000);
	rank_queue_push(&rq, 1, 1020);
	rank_queue_advance(&rq, 1000);
	rank_queue_push(&rq, 2, 1900);
	ck_assert_uint_eq(
		rank_queue_pop_first(&rq), 1); /* on the circle 0 was parked before it, in its bucket */
	ck_assert_uint_eq(rank_queue_pop_first(&rq), 2);
	ck_assert_uint_eq(rank_queue_first(&rq), 0);
	ck_assert_uint_eq(nodes[0].rank, 5000);
	rank_queue_advance(&rq, 6000);
	ck_assert_uint_le(form->base(rq.q), 5000);
	rank_queue_destroy(&rq);
}
END_TEST

START_TEST(looking_at_far_items_does_not_change_their_order)
{
	struct cffs_node nodes[3];
	struct rank_queue rq = form_open(&forms[_i % N_FORMS], 64, 4, nodes, 3);

	for (uint32_t i = 0; i < 3; i++)
		rank_queue_push(&rq, i, 7000);
	for (int i = 0; i < 5; i++)
		ck_assert_uint_eq(rank_queue_first(&rq), 0);
	rank_queue_destroy(&rq);
}
END_TEST

START_TEST(the_base_never_passes_a_waiting_item)
{
	struct cffs_node nodes[2];
	const struct form *form = &forms[_i % N_FORMS];
	struct rank_queue rq = form_open(form, 64, 4, nodes, 2);

	rank_queue_push(&rq, 0, 100);
	rank_queue_push(&rq, 1, 500);
	rank_queue_advance(&rq, 1000000);
	ck_assert_uint_eq(form->base(rq.q), 96);
	rank_queue_advance(&rq, 50);
	ck_assert_uint_eq(form->base(rq.q), 96);
	rank_queue_remove(&rq, 0);
	rank_queue_advance(&rq, 1000000);
	ck_assert_uint_eq(form->base(rq.q), 496);
	rank_queue_remove(&rq, 1);
	rank_queue_advance(&rq, 1000000);
	ck_assert_uint_eq(form->base(rq.q), 1000000);
	form->rebase(rq.q, 31);
	ck_assert_uint_eq(form->base(rq.q), 16);
	rank_queue_destroy(&rq);
}
END_TEST

START_TEST(the_check_sees_what_is_broken)
{
	struct cffs_node nodes[3];
	struct rank_queue rq = form_open(&forms[_i % N_FORMS], 64, 0, nodes, 3);
	FILE *out = fopen("/dev/null", "w");

	for (uint32_t i = 0; i < 3; i++)
		rank_queue_push(&rq, i, 5);
	ck_assert(rank_queue_check(&rq, stderr));
	nodes[1].prev = 2;
	ck_assert(!rank_queue_check(&rq, out));
	nodes[1].prev = 0;
	nodes[0].rank = UINT64_MAX;
	ck_assert(!rank_queue_check(&rq, out));
	nodes[0].rank = 5;
	nodes[2].next = 0;
	ck_assert(!rank_queue_check(&rq, out));
	fclose(out);
	rank_queue_destroy(&rq);
	rank_queue_destroy(&rq);
	cffs_destroy(NULL);
	cffs_windows_destroy(NULL);
}
END_TEST

/* Where each form parks, and what it says of that. */
static void must_peek(const struct form *form, struct rank_queue *rq, uint32_t item, uint64_t start)
{
	uint64_t got = 0;

	ck_assert_uint_eq(form->peek(rq->q, &got), item);
	ck_assert_uint_eq(got, start);
}

START_TEST(the_circle_parks_in_its_last_bucket)
{
	struct cffs_node nodes[2];
	const struct form *form = &forms[CIRCULAR];
	struct rank_queue rq = form_open(form, 64, 4, nodes, 2);
	uint64_t start = 7;

	ck_assert_uint_eq(form->peek(rq.q, &start), CFFS_NONE);
	ck_assert(form->covers(rq.q, 1023) && !form->covers(rq.q, 1024));
	rank_queue_push(&rq, 0, 1024);
	must_peek(form, &rq, 0, 1008);
	rank_queue_remove(&rq, 0);
	rank_queue_push(&rq, 0, 1023);
	must_peek(form, &rq, 0, 1008);
	rank_queue_push(&rq, 1, 33);
	must_peek(form, &rq, 1, 32);
	rank_queue_destroy(&rq);
}
END_TEST

START_TEST(two_windows_park_behind_the_second)
{
	struct cffs_node nodes[3];
	const struct form *form = &forms[WINDOWS];
	struct rank_queue rq = form_open(form, 64, 4, nodes, 3);
	uint64_t start = 7;

	ck_assert_uint_eq(form->peek(rq.q, &start), CFFS_NONE);
	ck_assert(form->covers(rq.q, 2047) && !form->covers(rq.q, 2048) && !form->covers(rq.q, 0 - 1));
	rank_queue_push(&rq, 0, 3001);
	must_peek(form, &rq, 0, 2992);
	rank_queue_push(&rq, 1, 2047);
	must_peek(form, &rq, 1, 2032);
	rank_queue_push(&rq, 2, 1023);
	must_peek(form, &rq, 2, 1008);
	rank_queue_destroy(&rq);
}
END_TEST

START_TEST(two_windows_swap_when_the_base_reaches_the_end_of_the_first)
{
	struct cffs_node nodes[1];
	const struct form *form = &forms[WINDOWS];
	struct rank_queue rq = form_open(form, 64, 4, nodes, 1);

	rank_queue_push(&rq, 0, 2000);
	rank_queue_advance(&rq, 1023);
	ck_assert_uint_eq(form->base(rq.q), 1008);
	ck_assert(!form->covers(rq.q, 2048));
	rank_queue_advance(&rq, 1024);
	ck_assert_uint_eq(form->base(rq.q), 1024);
	ck_assert(form->covers(rq.q, 3071) && !form->covers(rq.q, 3072) && !form->covers(rq.q, 1023));
	ck_assert_uint_eq(rank_queue_first(&rq), 0);
	rank_queue_destroy(&rq);
}
END_TEST

START_TEST(two_empty_windows_go_at_once_to_what_is_parked)
{
	struct cffs_node nodes[2];
	const struct form *form = &forms[WINDOWS];
	struct rank_queue rq = form_open(form, 64, 4, nodes, 2);

	rank_queue_push(&rq, 0, 1000005);
	rank_queue_push(&rq, 1, 2000000);
	rank_queue_advance(&rq, 3000000);
	ck_assert_uint_eq(form->base(rq.q), 1000000);
	ck_assert_uint_eq(rank_queue_pop_first(&rq), 0);
	rank_queue_advance(&rq, 1500000); /* nothing there: but time is no further */
	ck_assert_uint_eq(form->base(rq.q), 1500000 & ~15u);
	ck_assert(rank_queue_check(&rq, stderr));
	rank_queue_push(&rq, 0, 1500000);
	ck_assert_uint_eq(rank_queue_pop_first(&rq), 0);
	ck_assert_uint_eq(rank_queue_pop_first(&rq), 1);
	rank_queue_destroy(&rq);
}
END_TEST

/* The first 20 are parked, the others come when their rank is covered: first come, first served all the same,
 * also while only some of the crowd have been put anew. */
START_TEST(two_windows_keep_the_order_of_equal_ranks_whichever_way_they_came)
{
	enum { N_PARKED = 20, N = 24, OTHER = N };
	struct cffs_node nodes[N + 1];
	struct rank_queue rq = form_open(&forms[WINDOWS], 64, 4, nodes, N + 1);

	for (uint32_t i = 0; i < N_PARKED; i++)
		rank_queue_push(&rq, i, 2500);
	rank_queue_push(&rq, OTHER, 1100);
	rank_queue_advance(&rq, 1100);
	for (uint32_t i = N_PARKED; i < N; i++)
		rank_queue_push(&rq, i, 2500);
	ck_assert_uint_eq(rank_queue_pop_first(&rq), OTHER);
	for (uint32_t i = 0; i < N; i++)
		ck_assert_uint_eq(rank_queue_pop_first(&rq), i);
	rank_queue_destroy(&rq);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("cffs_window");
	TCase *tc = tcase_create("both forms");

	form_add_test(tc, a_pacer_is_never_early_nor_a_bucket_late_across_the_horizon, 24);
	form_add_test(tc, what_is_due_now_never_waits_for_a_window_that_is_to_come, 1);
	form_add_test(tc, a_rank_beyond_the_windows_is_put_anew_not_clamped, 1);
	form_add_test(tc, looking_at_far_items_does_not_change_their_order, 1);
	form_add_test(tc, the_base_never_passes_a_waiting_item, 1);
	form_add_test(tc, the_check_sees_what_is_broken, 1);
	suite_add_tcase(s, tc);
	tc = tcase_create("one form");
	tcase_add_test(tc, the_circle_parks_in_its_last_bucket);
	tcase_add_test(tc, two_windows_park_behind_the_second);
	tcase_add_test(tc, two_windows_swap_when_the_base_reaches_the_end_of_the_first);
	tcase_add_test(tc, two_empty_windows_go_at_once_to_what_is_parked);
	tcase_add_test(tc, two_windows_keep_the_order_of_equal_ranks_whichever_way_they_came);
	tcase_add_loop_test(tc, two_windows_are_on_time_also_with_all_items_parked, 0, 12);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
