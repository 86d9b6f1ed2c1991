/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <stdio.h>

#include "unit.h"
#include "wheel.h"

#define US       UINT64_C(1000)
#define MS       UINT64_C(1000000)
#define S        UINT64_C(1000000000)
#define HOUR     (3600 * S)
#define SHIFT    10
#define WIDTH_NS (UINT64_C(1) << SHIFT)
#define N_ITEMS  60 /* less than WHEEL_MOVES: a call can move them all */
#define N_CROWD  65536

/* Where time begins: now, and after uptimes that would overflow 32, 48 or 53 bits. */
static const uint64_t begins_ns[] = {0, UINT64_C(1) << 48, 3 * 365 * 24 * HOUR, UINT64_C(1) << 61};
static const uint32_t sizes[] = {64, 256, 4096};

struct model {
	struct wheel *w;
	struct cffs_node nodes[N_ITEMS];
	bool is_in[N_ITEMS];
	uint64_t at_ns[N_ITEMS];
	uint64_t order[N_ITEMS];
	uint64_t n_pushed, n_popped;
	uint64_t now_ns, span_ns; /* of the fine level */
	uint64_t state;
	uint32_t n;
};

static void model_init(struct model *m, int seed)
{
	uint32_t n_buckets = sizes[seed % 3];

	*m = (struct model){.state = (uint64_t)seed, .now_ns = begins_ns[seed / 3 % 4]};
	m->w = wheel_create(n_buckets, SHIFT, m->nodes);
	ck_assert_ptr_nonnull(m->w);
	cffs_nodes_init(m->nodes, N_ITEMS);
	m->span_ns = n_buckets * WIDTH_NS;
}

static void model_fini(struct model *m)
{
	ck_assert_uint_eq(wheel_count(m->w), m->n);
	ck_assert(wheel_check(m->w, stderr));
	wheel_destroy(m->w);
}

static uint64_t model_random(struct model *m, uint64_t n)
{
	return unit_random(&m->state) % n;
}

static void model_push(struct model *m, uint32_t item, uint64_t at_ns)
{
	wheel_push(m->w, item, at_ns);
	m->is_in[item] = true;
	m->at_ns[item] = at_ns;
	m->order[item] = m->n_pushed++;
	m->n++;
}

static void model_forget(struct model *m, uint32_t item)
{
	unit_must(item < N_ITEMS && m->is_in[item]);
	m->is_in[item] = false;
	m->n--;
}

/* From now to the end of the coarse level and far beyond; sometimes late. */
static uint64_t random_wait_ns(struct model *m)
{
	switch (model_random(m, 6)) {
	case 0:
		return 0;
	case 1:
		return model_random(m, 4 * WIDTH_NS);
	case 2:
		return model_random(m, 2 * m->span_ns);
	case 3:
		return model_random(m, m->span_ns * (m->span_ns / WIDTH_NS));
	case 4:
		return model_random(m, 10 * S);
	default:
		return model_random(m, 600 * S);
	}
}

static void model_push_some(struct model *m)
{
	for (int i = 0; i < 3; i++) {
		uint32_t item = (uint32_t)model_random(m, N_ITEMS);
		uint64_t late_ns =
			model_random(m, 8) == 0 ? model_random(m, m->now_ns < 9 * MS ? 1 : 9 * MS) : 0;
		if (!m->is_in[item])
			model_push(m, item, m->now_ns - late_ns + (late_ns ? 0 : random_wait_ns(m)));
	}
}

/* Takes all that is due.  Never early, and nothing stays that is more than a bucket late. */
static void model_pop_all(struct model *m)
{
	uint32_t item;

	while ((item = wheel_pop_due(m->w, m->now_ns)) != CFFS_NONE) {
		model_forget(m, item);
		unit_must(m->at_ns[item] <= m->now_ns);
		m->n_popped++;
	}
	for (uint32_t i = 0; i < N_ITEMS; i++)
		unit_must(!m->is_in[i] || m->at_ns[i] + WIDTH_NS > m->now_ns);
	unit_must(wheel_count(m->w) == m->n && wheel_is_empty(m->w) == (m->n == 0));
}

static uint64_t model_first_ns(const struct model *m)
{
	uint64_t first_ns = UINT64_MAX;

	for (uint32_t i = 0; i < N_ITEMS; i++)
		if (m->is_in[i] && m->at_ns[i] < first_ns)
			first_ns = m->at_ns[i];
	return first_ns;
}

static uint64_t random_step_ns(struct model *m)
{
	uint64_t dice = model_random(m, 1000);

	if (dice < 600)
		return model_random(m, WIDTH_NS + 1);
	if (dice < 900)
		return model_random(m, m->span_ns / 2);
	if (dice < 998)
		return model_random(m, 50 * MS);
	return model_random(m, 5 * HOUR);
}

START_TEST(items_come_never_early_and_at_most_a_bucket_late)
{
	static struct model m;

	model_init(&m, _i);
	for (int step = 0; step < 4000; step++) {
		uint32_t item = (uint32_t)model_random(&m, N_ITEMS);
		m.now_ns += random_step_ns(&m);
		if (step / 200 % 2 == 0)
			model_push_some(&m);
		if (step % 7 == 0 && m.is_in[item]) {
			wheel_remove(m.w, item);
			model_forget(&m, item);
		}
		if (step / 50 % 5 != 0) /* at times nobody looks for a while */
			model_pop_all(&m);
		if (step % 32 == 0)
			unit_must(wheel_check(m.w, stderr));
	}
	ck_assert_uint_gt(m.n_popped, 500);
	model_fini(&m);
}
END_TEST

/* As a simulator does: jump from one next time to the next.  Then nothing is late at all, but in crowded
 * buckets. */
START_TEST(the_next_time_is_never_too_late_and_leads_to_every_item)
{
	static struct model m;
	uint64_t n_calls = 0;

	model_init(&m, _i);
	for (int round = 0; round < 8; round++) {
		for (uint32_t i = 0; i < 6; i++)
			model_push(&m, i,
				m.now_ns + (i % 2 ? random_wait_ns(&m) % (20 * S)
						  : model_random(&m, 3 * WIDTH_NS)));
		while (m.n > 0) {
			uint64_t next_ns = wheel_next_ns(m.w);
			unit_must(next_ns <= model_first_ns(&m));
			m.now_ns = next_ns > m.now_ns ? next_ns : m.now_ns;
			model_pop_all(&m);
			unit_must(model_first_ns(&m) > m.now_ns);
			unit_must(++n_calls < 200000);
		}
		ck_assert_uint_eq(wheel_next_ns(m.w), UINT64_MAX);
		m.now_ns += round % 2 * 7 * HOUR; /* an idle gap in which nobody calls */
	}
	model_fini(&m);
}
END_TEST

START_TEST(a_crowded_bucket_is_left_in_small_steps)
{
	static struct model m;
	uint64_t n_calls = 0;

	model_init(&m, _i);
	wheel_pop_due(m.w, m.now_ns);
	m.now_ns = (m.now_ns + 40 * WIDTH_NS) & ~(WIDTH_NS - 1);
	for (uint32_t i = 0; i < N_ITEMS; i++)
		model_push(&m, i, m.now_ns + WIDTH_NS - 1 - i * 17);
	while (m.n > 0) {
		uint64_t next_ns = wheel_next_ns(m.w);
		m.now_ns = next_ns > m.now_ns ? next_ns : m.now_ns;
		model_pop_all(&m);
		ck_assert_uint_lt(++n_calls, 100);
	}
	model_fini(&m);
}
END_TEST

START_TEST(a_crowd_parked_far_away_comes_whole_when_it_comes_due_together)
{
	struct cffs_node *nodes = calloc(N_CROWD, sizeof(*nodes));
	struct wheel *w = wheel_create(_i == 0 ? 64 : 4096, SHIFT, nodes);
	uint64_t now_ns = begins_ns[_i], state = 1, n_calls = 0;
	uint64_t due_ns = now_ns + (_i == 0 ? 20 * MS : 30 * S);
	uint32_t n = 0, item;

	cffs_nodes_init(nodes, N_CROWD);
	wheel_pop_due(w, now_ns);
	for (uint32_t i = 0; i < N_CROWD; i++)
		wheel_push(w, i, due_ns + unit_random(&state) % (20 * US));
	while (n < N_CROWD) {
		uint64_t next_ns = wheel_next_ns(w);
		now_ns = next_ns > now_ns ? next_ns : now_ns;
		while ((item = wheel_pop_due(w, now_ns)) != CFFS_NONE) {
			unit_must(nodes[item].rank <= now_ns);
			n++;
		}
		unit_must(wheel_count(w) == N_CROWD - n);
		unit_must(++n_calls < 1000000);
	}
	ck_assert(wheel_check(w, stderr));
	ck_assert_uint_lt(now_ns, due_ns + 20 * US + WIDTH_NS);
	wheel_destroy(w);
	free(nodes);
}
END_TEST

/* More in one coarse bucket than a call moves, looked at every microsecond.
 * Fails if a wheel falls quiet while some have yet to go over to the fine level. */
START_TEST(a_crowd_in_one_coarse_bucket_comes_in_time)
{
	struct cffs_node *nodes = calloc(N_CROWD, sizeof(*nodes));
	struct wheel *w = wheel_create(1024, SHIFT, nodes);
	uint64_t now_ns = begins_ns[_i], state = 1, from_ns = now_ns + 5 * MS;
	uint32_t n = 0, item;

	cffs_nodes_init(nodes, N_CROWD);
	wheel_pop_due(w, now_ns);
	for (uint32_t i = 0; i < 2000; i++)
		wheel_push(w, i, from_ns + unit_random(&state) % (200 * US));
	for (; n < 2000 && now_ns < from_ns + MS; now_ns += US) {
		while ((item = wheel_pop_due(w, now_ns)) != CFFS_NONE) {
			unit_must(nodes[item].rank <= now_ns && now_ns - nodes[item].rank < 2 * WIDTH_NS + US);
			n++;
		}
	}
	ck_assert_uint_eq(n, 2000);
	wheel_destroy(w);
	free(nodes);
}
END_TEST

/* The fine level for what is near, else a coarse bucket. */
static bool is_in_order(const struct model *m, uint32_t first, uint32_t other)
{
	uint64_t grain_ns = m->at_ns[first] < m->now_ns + m->span_ns / 4 ? WIDTH_NS : m->span_ns / 2;
	uint64_t a = m->at_ns[first] / grain_ns, b = m->at_ns[other] / grain_ns;

	if (a != b)
		return a < b;
	return m->at_ns[first] <= m->now_ns || m->at_ns[other] > m->now_ns;
}

/* As a deadline queue does. */
START_TEST(the_first_is_the_earliest_also_among_the_late)
{
	static struct model m;

	model_init(&m, _i);
	m.now_ns += 10 * MS;
	uint64_t late_ns = m.span_ns / 8;
	for (int step = 0; step < 4000; step++) {
		uint32_t item = (uint32_t)model_random(&m, N_ITEMS);
		m.now_ns +=
			model_random(&m, 8) == 0 ? model_random(&m, m.span_ns) : model_random(&m, WIDTH_NS);
		wheel_first(m.w, m.now_ns, late_ns);
		if (!m.is_in[item])
			model_push(&m, item,
				m.now_ns - late_ns + model_random(&m, (step & 3 ? 2 : 20) * m.span_ns));
		uint32_t first = wheel_first(m.w, m.now_ns, late_ns);
		unit_must(first != CFFS_NONE);
		for (uint32_t i = 0; i < N_ITEMS; i++)
			unit_must(!m.is_in[i] || i == first || is_in_order(&m, first, i));
		unit_must(wheel_next_ns(m.w) <= model_first_ns(&m));
		if (model_random(&m, 10) != 0) {
			wheel_remove(m.w, first);
			model_forget(&m, first);
		}
		if (step % 32 == 0)
			unit_must(wheel_check(m.w, stderr));
	}
	model_fini(&m);
}
END_TEST

START_TEST(an_item_is_first_though_it_is_far_away)
{
	static struct model m;

	model_init(&m, _i);
	ck_assert_uint_eq(wheel_first(m.w, m.now_ns, MS), CFFS_NONE);
	model_push(&m, 3, m.now_ns + 300 * S);
	ck_assert_uint_eq(wheel_first(m.w, m.now_ns, MS), 3);
	ck_assert_uint_eq(wheel_pop_due(m.w, m.now_ns + 300 * S - 1), CFFS_NONE);
	ck_assert_uint_eq(wheel_pop_due(m.w, m.now_ns + 300 * S), 3);
	m.n = 0;
	model_fini(&m);
}
END_TEST

START_TEST(late_items_are_due_at_once_first_in_first_out)
{
	static struct model m;

	model_init(&m, _i);
	m.now_ns = ((m.now_ns + 20 * MS) & ~(WIDTH_NS - 1)) + 5;
	wheel_pop_due(m.w, m.now_ns);
	for (uint32_t i = 20; i < 40; i++)
		model_push(&m, i, m.now_ns + 1); /* in the bucket of now, and not yet due */
	for (uint32_t i = 0; i < 12; i++)
		model_push(&m, i, m.now_ns - 2 * WIDTH_NS - model_random(&m, 10 * MS));
	for (uint32_t i = 0; i < 12; i++)
		ck_assert_uint_eq(wheel_pop_due(m.w, m.now_ns), i);
	ck_assert_uint_eq(wheel_pop_due(m.w, m.now_ns), CFFS_NONE);
	for (uint32_t i = 20; i < 40; i++)
		ck_assert_uint_eq(wheel_pop_due(m.w, m.now_ns + 1), i);
	m.n = 0;
	model_fini(&m);
}
END_TEST

START_TEST(in_the_bucket_of_now_the_due_are_first)
{
	static struct model m;

	model_init(&m, _i);
	m.now_ns = ((m.now_ns + 20 * MS) & ~(WIDTH_NS - 1)) + 200;
	wheel_first(m.w, m.now_ns, 0);
	model_push(&m, 0, m.now_ns + 300);
	model_push(&m, 1, m.now_ns);
	ck_assert_uint_eq(wheel_first(m.w, m.now_ns, 0), 1);
	wheel_remove(m.w, 1);
	ck_assert_uint_eq(wheel_first(m.w, m.now_ns, 0), 0);
	m.n = 1;
	model_fini(&m);
}
END_TEST

/* Pushed ever nearer to their time: through the coarse level, and straight into the fine one. */
START_TEST(items_of_one_time_come_as_they_were_pushed_by_whichever_level)
{
	static struct model m;

	model_init(&m, _i);
	wheel_pop_due(m.w, m.now_ns);
	uint64_t at_ns = m.now_ns + 3 * m.span_ns + 12345;
	for (uint32_t i = 0; i < N_ITEMS; i++) {
		model_push(&m, i, at_ns);
		m.now_ns += 3 * m.span_ns / N_ITEMS;
		ck_assert_uint_eq(wheel_pop_due(m.w, m.now_ns), CFFS_NONE);
		ck_assert(wheel_check(m.w, stderr));
	}
	for (uint32_t i = 0; i < N_ITEMS; i++)
		ck_assert_uint_eq(wheel_pop_due(m.w, at_ns), i);
	m.n = 0;
	model_fini(&m);
}
END_TEST

START_TEST(after_hours_of_silence_items_come_in_time_though_nobody_called)
{
	static struct model m;

	model_init(&m, _i);
	wheel_pop_due(m.w, m.now_ns);
	m.now_ns += 5 * HOUR;
	for (uint32_t i = 0; i < N_ITEMS; i++)
		model_push(&m, i, m.now_ns + i * 7 * US);
	for (int step = 0; step < 1000; step++) {
		model_pop_all(&m);
		m.now_ns += US;
	}
	ck_assert_uint_eq(m.n, 0);
	model_fini(&m);
	wheel_destroy(NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("wheel");
	TCase *tc = tcase_create("wheel");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, items_come_never_early_and_at_most_a_bucket_late, 0, 24);
	tcase_add_loop_test(tc, the_next_time_is_never_too_late_and_leads_to_every_item, 0, 12);
	tcase_add_loop_test(tc, a_crowded_bucket_is_left_in_small_steps, 0, 3);
	tcase_add_loop_test(tc, a_crowd_parked_far_away_comes_whole_when_it_comes_due_together, 0, 2);
	tcase_add_loop_test(tc, a_crowd_in_one_coarse_bucket_comes_in_time, 0, 2);
	tcase_add_loop_test(tc, the_first_is_the_earliest_also_among_the_late, 0, 12);
	tcase_add_loop_test(tc, an_item_is_first_though_it_is_far_away, 0, 12);
	tcase_add_loop_test(tc, late_items_are_due_at_once_first_in_first_out, 0, 12);
	tcase_add_loop_test(tc, in_the_bucket_of_now_the_due_are_first, 0, 3);
	tcase_add_loop_test(tc, items_of_one_time_come_as_they_were_pushed_by_whichever_level, 0, 12);
	tcase_add_loop_test(tc, after_hours_of_silence_items_come_in_time_though_nobody_called, 0, 12);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
