/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <stdio.h>

#include "cffs_forms.h"

#define N_ITEMS 120
#define N_STEPS 2000

/* The slow and obvious queue: an array, searched from end to end. */
struct model {
	const struct form *form;
	struct rank_queue rq;
	struct cffs_node nodes[N_ITEMS];
	bool is_in[N_ITEMS];
	bool is_far[N_ITEMS];    /* beyond the window when pushed */
	uint64_t key[N_ITEMS];   /* first rank of the bucket it belongs to */
	uint64_t order[N_ITEMS]; /* of pushing */
	uint64_t n_pushed;
	uint64_t base;
	uint64_t width, span;
	uint64_t state;
	uint32_t n, n_far, max_far;
};

enum distribution { UNIFORM, BIMODAL, IN_ORDER, ALL_EQUAL, BEFORE_BASE, MIXED, N_DISTRIBUTIONS };

/* 'index' is the loop's: the form and the seed. */
static void model_init(struct model *m, int index, uint32_t max_far)
{
	int seed = index / N_FORMS;
	static const uint32_t sizes[] = {64, 128, 4096, 8192, 16384};
	static const unsigned int shifts[] = {0, 3, 10, 44};

	*m = (struct model){.form = &forms[index % N_FORMS], .state = (uint64_t)seed, .max_far = max_far};
	uint32_t n_buckets = sizes[seed % 5];
	unsigned int shift = shifts[seed / 5 % 4];
	m->rq = form_open(m->form, n_buckets, shift, m->nodes, N_ITEMS);
	m->width = UINT64_C(1) << shift;
	m->span = n_buckets * m->width;
	ck_assert_uint_eq(m->form->span(m->rq.q), m->span);
	/* Half of the runs begin shortly before 2^64 and wrap. */
	uint64_t begin = seed % 2 == 0 ? unit_random(&m->state) : 0 - unit_random(&m->state) % (2 * m->span);
	m->form->rebase(m->rq.q, begin);
	m->base = begin & ~(m->width - 1);
	ck_assert_uint_eq(m->form->base(m->rq.q), m->base);
}

static uint64_t random_rank(struct model *m, enum distribution d)
{
	uint64_t r = unit_random(&m->state);

	switch (d) {
	case UNIFORM:
		return m->base + r % m->span;
	case BIMODAL:
		return m->base + (r & 1 ? r % (m->span / 16) : m->span - 1 - r % (m->span / 16));
	case IN_ORDER:
		return m->base + (m->n_pushed % 64) * (m->span / 64);
	case ALL_EQUAL:
		return m->base + m->span / 3;
	case BEFORE_BASE:
		return m->base - 1 - r % (4 * m->span);
	default:
		return random_rank(m, (enum distribution)(r % MIXED));
	}
}

/* The rank is in the window, before it, or beyond: then often whole windows beyond, to the very bucket. */
static void model_push(struct model *m, enum distribution d)
{
	uint32_t item = (uint32_t)(unit_random(&m->state) % N_ITEMS);

	if (m->is_in[item])
		return;
	uint64_t rank = random_rank(m, d);
	bool is_far = false;
	if (m->n_far < m->max_far && unit_random(&m->state) % 4 == 0) {
		uint64_t r = unit_random(&m->state);
		rank = m->base + m->span +
		       (r % 2 ? r % (6 * m->span) : (r % 6 * m->span) + m->span - m->width);
		is_far = true;
	}
	bool is_before = (int64_t)(rank - m->base) < 0;
	/* How far beyond its span a form reaches is its own matter. */
	unit_must(is_far || m->form->covers(m->rq.q, rank) == !is_before);
	rank_queue_push(&m->rq, item, rank);
	m->is_in[item] = true;
	m->is_far[item] = is_far;
	m->key[item] = is_before ? m->base : rank & ~(m->width - 1);
	m->order[item] = m->n_pushed++;
	m->n++;
	m->n_far += is_far;
}

/* The queue has let go of 'item'. */
static void model_forget(struct model *m, uint32_t item)
{
	unit_must(m->nodes[item].bucket == CFFS_NONE);
	m->is_in[item] = false;
	m->n--;
	m->n_far -= m->is_far[item];
}

static void model_remove(struct model *m, uint32_t item)
{
	rank_queue_remove(&m->rq, item);
	model_forget(m, item);
}

/* Takes the first, in either of the two ways.  In a crowd of parked items each look gets further. */
static void model_pop(struct model *m)
{
	uint32_t first = rank_queue_first(&m->rq);

	if (unit_random(&m->state) % 2 == 0) {
		model_remove(m, first);
		return;
	}
	uint32_t item = rank_queue_pop_first(&m->rq);
	unit_must(m->n_far > 8 ? item != CFFS_NONE && m->is_in[item] : item == first);
	model_forget(m, item);
}

static bool model_is_earlier(const struct model *m, uint32_t a, uint32_t b)
{
	if (m->key[a] != m->key[b])
		return (int64_t)(m->key[a] - m->key[b]) < 0;
	return m->order[a] < m->order[b];
}

static uint32_t model_first(const struct model *m)
{
	uint32_t best = CFFS_NONE;

	for (uint32_t i = 0; i < N_ITEMS; i++)
		if (m->is_in[i] && (best == CFFS_NONE || model_is_earlier(m, i, best)))
			best = i;
	return best;
}

/* Where the form does not keep the order of what was parked: the bucket must be right unless all that wait
 * are beyond, or in the last bucket. */
static void check_first(struct model *m, int index, int step)
{
	uint32_t want = model_first(m);
	uint32_t got = rank_queue_first(&m->rq);

	bool is_right = got == want;

	if (m->max_far != 0 && want != CFFS_NONE && !m->form->keeps_parked_order) {
		bool is_exact = m->n <= 8 || m->key[want] - m->base < m->span - m->width;
		is_right = got != CFFS_NONE && m->is_in[got] && (!is_exact || m->key[got] == m->key[want]);
	}
	if (!is_right)
		ck_abort_msg("%s, seed %d, step %d: got %u, want %u", m->form->ops->name, index / N_FORMS,
			step, got, want);
}

/* Nothing waits before the rank that peek tells, except what came late: that stands at the base. */
static void check_peek(const struct model *m)
{
	uint64_t start;
	uint32_t item = m->form->peek(m->rq.q, &start);

	unit_must((item == CFFS_NONE) == (m->n == 0));
	for (uint32_t i = 0; i < N_ITEMS && m->n > 0; i++)
		unit_must(!m->is_in[i] || (int64_t)(m->key[i] - start) >= 0);
}

static void model_advance(struct model *m)
{
	uint64_t rank = m->base + unit_random(&m->state) % (m->span / 8 + 1);

	if (unit_random(&m->state) % 8 == 0)
		rank = m->base - unit_random(&m->state) % m->span; /* back: ignored */
	rank_queue_advance(&m->rq, rank);
	uint64_t base = m->form->base(m->rq.q);
	unit_must((int64_t)(base - m->base) >= 0);
	for (uint32_t i = 0; i < N_ITEMS; i++)
		unit_must(!m->is_in[i] || (int64_t)(m->key[i] - base) >= 0);
	/* It goes as far as it may: to the rank or to the first that waits. */
	uint32_t first = model_first(m);
	uint64_t want = rank & ~(m->width - 1);
	if (m->n_far == 0 && first != CFFS_NONE && (int64_t)(want - m->key[first]) > 0)
		want = m->key[first];
	if (m->n_far == 0 && (int64_t)(want - m->base) > 0)
		unit_must(base == want);
	m->base = base;
}

static void model_step(struct model *m, enum distribution d, bool is_filling)
{
	uint64_t dice = unit_random(&m->state) % 16;
	uint32_t item = (uint32_t)(unit_random(&m->state) % N_ITEMS);

	if (dice < (is_filling ? 9 : 5))
		model_push(m, d);
	else if (dice < 12 && m->n > 0)
		model_pop(m);
	else if (dice < 14)
		model_advance(m);
	else if (m->is_in[item])
		model_remove(m, item);
}

static void run(int index, enum distribution d, uint32_t max_far)
{
	static struct model m;

	model_init(&m, index, max_far);
	for (int step = 0; step < N_STEPS; step++) {
		model_step(&m, d, step / 500 % 2 == 0);
		check_first(&m, index, step);
		check_peek(&m);
		unit_must(rank_queue_count(&m.rq) == m.n && m.form->is_empty(m.rq.q) == (m.n == 0));
		if (step % 64 == 0)
			unit_must(rank_queue_check(&m.rq, stderr));
	}
	while (m.n > 0) {
		check_first(&m, index, N_STEPS);
		model_pop(&m);
	}
	ck_assert_uint_eq(rank_queue_first(&m.rq), CFFS_NONE);
	ck_assert_uint_eq(rank_queue_pop_first(&m.rq), CFFS_NONE);
	ck_assert(rank_queue_check(&m.rq, stderr));
	rank_queue_destroy(&m.rq);
}

START_TEST(pops_like_a_sorted_array)
{
	for (int d = 0; d < N_DISTRIBUTIONS; d++)
		run(_i, (enum distribution)d, 0);
}
END_TEST

START_TEST(a_few_far_items_are_found_in_their_bucket_all_the_same)
{
	run(_i, MIXED, 8);
}
END_TEST

START_TEST(many_far_items_never_hide_that_somebody_waits)
{
	static struct model m;

	model_init(&m, _i, N_ITEMS);
	for (int step = 0; step < N_STEPS; step++) {
		model_step(&m, MIXED, step / 500 % 2 == 0);
		unit_must((rank_queue_first(&m.rq) == CFFS_NONE) == (m.n == 0));
		if (step % 64 == 0)
			unit_must(rank_queue_check(&m.rq, stderr));
	}
	rank_queue_destroy(&m.rq);
}
END_TEST

/* Served as a share queue is, the base following what is taken: all far items come, and nearly in order. */
START_TEST(a_crowd_far_beyond_the_window_comes_whole_and_nearly_in_order)
{
	static struct cffs_node nodes[5000];
	struct rank_queue rq = form_open(&forms[_i % N_FORMS], 64, 4, nodes, 5000);
	uint64_t state = (uint64_t)_i, last = 0, n_backward = 0;

	for (uint32_t i = 0; i < 5000; i++)
		rank_queue_push(&rq, i, 2000 + unit_random(&state) % 1000000);
	for (uint32_t i = 0; i < 5000; i++) {
		uint32_t item = rank_queue_pop_first(&rq);
		unit_must(item != CFFS_NONE);
		n_backward += nodes[item].rank + 16 < last;
		last = nodes[item].rank;
		rank_queue_advance(&rq, last);
		if (i % 256 == 0)
			ck_assert(rank_queue_check(&rq, stderr));
	}
	ck_assert_uint_eq(rank_queue_count(&rq), 0);
	ck_assert_uint_lt(n_backward, 2500);
	rank_queue_destroy(&rq);
}
END_TEST

/* Fails if the base is left behind. */
START_TEST(popping_the_first_is_looking_removing_and_advancing)
{
	static struct cffs_node nodes[2][300];
	struct cffs *one = cffs_create(64, 4, nodes[0]), *other = cffs_create(64, 4, nodes[1]);
	uint64_t state = (uint64_t)_i, n = 0;

	cffs_nodes_init(nodes[0], 300);
	cffs_nodes_init(nodes[1], 300);
	for (int step = 0; step < 20000; step++) {
		uint32_t item = (uint32_t)(unit_random(&state) % 300);
		if (nodes[0][item].bucket == CFFS_NONE && unit_random(&state) % 2) {
			uint64_t rank = cffs_base(one) + unit_random(&state) % (_i % 2 ? 1000 : 3000);
			cffs_push(one, item, rank);
			cffs_push(other, item, rank);
			n++;
			continue;
		}
		uint32_t first = cffs_first(other);
		unit_must(cffs_pop_first(one) == first);
		if (first == CFFS_NONE)
			continue;
		cffs_remove(other, first);
		cffs_advance(other, nodes[1][first].rank);
		unit_must(cffs_base(one) == cffs_base(other) && cffs_count(one) == cffs_count(other));
		unit_must(cffs_check(one, stderr));
	}
	ck_assert_uint_gt(n, 5000);
	cffs_destroy(one);
	cffs_destroy(other);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("cffs");
	TCase *tc = tcase_create("model");

	form_add_test(tc, pops_like_a_sorted_array, 20);
	form_add_test(tc, a_few_far_items_are_found_in_their_bucket_all_the_same, 20);
	form_add_test(tc, many_far_items_never_hide_that_somebody_waits, 10);
	form_add_test(tc, a_crowd_far_beyond_the_window_comes_whole_and_nearly_in_order, 4);
	tcase_add_loop_test(tc, popping_the_first_is_looking_removing_and_advancing, 0, 10);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
