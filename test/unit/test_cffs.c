/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <stdio.h>

#include "cffs.h"
#include "unit.h"

#define N_ITEMS 120
#define N_STEPS 2000

/* The slow and obvious queue: an array, searched from end to end. */
struct model {
	struct cffs *q;
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

static void model_init(struct model *m, int seed, uint32_t max_far)
{
	static const uint32_t sizes[] = {64, 128, 4096, 8192, 16384};
	static const unsigned int shifts[] = {0, 3, 10, 44};

	*m = (struct model){.state = (uint64_t)seed, .max_far = max_far};
	uint32_t n_buckets = sizes[seed % 5];
	unsigned int shift = shifts[seed / 5 % 4];
	m->q = cffs_create(n_buckets, shift, m->nodes);
	ck_assert_ptr_nonnull(m->q);
	cffs_nodes_init(m->nodes, N_ITEMS);
	m->width = UINT64_C(1) << shift;
	m->span = n_buckets * m->width;
	ck_assert_uint_eq(cffs_span(m->q), m->span);
	/* Half of the runs begin shortly before 2^64 and wrap. */
	uint64_t begin = seed % 2 == 0 ? unit_random(&m->state) : 0 - unit_random(&m->state) % (2 * m->span);
	cffs_rebase(m->q, begin);
	m->base = begin & ~(m->width - 1);
	ck_assert_uint_eq(cffs_base(m->q), m->base);
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
	unit_must(cffs_covers(m->q, rank) == (!is_before && !is_far));
	cffs_push(m->q, item, rank);
	m->is_in[item] = true;
	m->is_far[item] = is_far;
	m->key[item] = is_before ? m->base : rank & ~(m->width - 1);
	m->order[item] = m->n_pushed++;
	m->n++;
	m->n_far += is_far;
}

static void model_remove(struct model *m, uint32_t item)
{
	cffs_remove(m->q, item);
	unit_must(m->nodes[item].bucket == CFFS_NONE);
	m->is_in[item] = false;
	m->n--;
	m->n_far -= m->is_far[item];
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

/* With far items: the bucket must be right unless all that wait are beyond, or in the last bucket. */
static void check_first(struct model *m, int seed, int step)
{
	uint32_t want = model_first(m);
	uint32_t got = cffs_first(m->q);

	bool is_right = got == want;

	if (m->max_far != 0 && want != CFFS_NONE) {
		bool is_exact = m->n <= 8 || m->key[want] - m->base < m->span - m->width;
		is_right = got != CFFS_NONE && m->is_in[got] && (!is_exact || m->key[got] == m->key[want]);
	}
	if (!is_right)
		ck_abort_msg("seed %d, step %d: got %u, want %u", seed, step, got, want);
}

static void model_advance(struct model *m)
{
	uint64_t rank = m->base + unit_random(&m->state) % (m->span / 8 + 1);

	if (unit_random(&m->state) % 8 == 0)
		rank = m->base - unit_random(&m->state) % m->span; /* back: ignored */
	cffs_advance(m->q, rank);
	uint64_t base = cffs_base(m->q);
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
		model_remove(m, cffs_first(m->q));
	else if (dice < 14)
		model_advance(m);
	else if (m->is_in[item])
		model_remove(m, item);
}

static void run(int seed, enum distribution d, uint32_t max_far)
{
	static struct model m;

	model_init(&m, seed, max_far);
	for (int step = 0; step < N_STEPS; step++) {
		model_step(&m, d, step / 500 % 2 == 0);
		check_first(&m, seed, step);
		unit_must(cffs_count(m.q) == m.n && cffs_is_empty(m.q) == (m.n == 0));
		if (step % 64 == 0)
			unit_must(cffs_check(m.q, stderr));
	}
	while (m.n > 0) {
		check_first(&m, seed, N_STEPS);
		model_remove(&m, cffs_first(m.q));
	}
	ck_assert_uint_eq(cffs_first(m.q), CFFS_NONE);
	ck_assert(cffs_check(m.q, stderr));
	cffs_destroy(m.q);
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
		unit_must((cffs_first(m.q) == CFFS_NONE) == (m.n == 0));
		if (step % 64 == 0)
			unit_must(cffs_check(m.q, stderr));
	}
	cffs_destroy(m.q);
}
END_TEST

/* Served as a share queue is, the base following what is taken: all far items come, and nearly in order. */
START_TEST(a_crowd_far_beyond_the_window_comes_whole_and_nearly_in_order)
{
	static struct cffs_node nodes[5000];
	struct cffs *q = cffs_create(64, 4, nodes);
	uint64_t state = (uint64_t)_i, last = 0, n_backward = 0;

	cffs_nodes_init(nodes, 5000);
	for (uint32_t i = 0; i < 5000; i++)
		cffs_push(q, i, 2000 + unit_random(&state) % 1000000);
	for (uint32_t i = 0; i < 5000; i++) {
		uint32_t item = cffs_first(q);
		unit_must(item != CFFS_NONE);
		n_backward += nodes[item].rank + 16 < last;
		last = nodes[item].rank;
		cffs_remove(q, item);
		cffs_advance(q, last);
		if (i % 256 == 0)
			ck_assert(cffs_check(q, stderr));
	}
	ck_assert(cffs_is_empty(q));
	ck_assert_uint_lt(n_backward, 2500);
	cffs_destroy(q);
}
END_TEST

START_TEST(a_rank_beyond_the_window_is_put_anew_not_clamped)
{
	struct cffs_node nodes[3];
	struct cffs *q = cffs_create(64, 4, nodes); /* 64 buckets of 16: a window of 1024 */

	cffs_nodes_init(nodes, 3);
	cffs_push(q, 0, 5000);
	cffs_push(q, 1, 1020);
	cffs_advance(q, 1000);
	cffs_push(q, 2, 1900);
	ck_assert_uint_eq(cffs_first(q), 1); /* 0 was parked before it, in the same bucket */
	cffs_remove(q, 1);
	ck_assert_uint_eq(cffs_first(q), 2);
	cffs_remove(q, 2);
	ck_assert_uint_eq(cffs_first(q), 0);
	ck_assert_uint_eq(nodes[0].rank, 5000);
	cffs_advance(q, 6000);
	ck_assert_uint_le(cffs_base(q), 5000);
	cffs_destroy(q);
}
END_TEST

START_TEST(the_first_rank_beyond_the_window_is_beyond)
{
	struct cffs_node nodes[1];
	struct cffs *q = cffs_create(64, 4, nodes);
	uint64_t start = 0;

	cffs_nodes_init(nodes, 1);
	cffs_push(q, 0, 1024);
	ck_assert_uint_eq(cffs_peek(q, &start), 0);
	ck_assert_uint_eq(start, 1008);
	cffs_remove(q, 0);
	cffs_push(q, 0, 1023);
	ck_assert_uint_eq(cffs_peek(q, &start), 0);
	ck_assert_uint_eq(start, 1008);
	cffs_destroy(q);
}
END_TEST

START_TEST(looking_at_far_items_does_not_change_their_order)
{
	struct cffs_node nodes[3];
	struct cffs *q = cffs_create(64, 4, nodes);

	cffs_nodes_init(nodes, 3);
	for (uint32_t i = 0; i < 3; i++)
		cffs_push(q, i, 7000);
	for (int i = 0; i < 5; i++)
		ck_assert_uint_eq(cffs_first(q), 0);
	cffs_destroy(q);
}
END_TEST

START_TEST(the_base_never_passes_a_waiting_item)
{
	struct cffs_node nodes[2];
	struct cffs *q = cffs_create(64, 4, nodes);

	cffs_nodes_init(nodes, 2);
	cffs_push(q, 0, 100);
	cffs_push(q, 1, 500);
	cffs_advance(q, 1000000);
	ck_assert_uint_eq(cffs_base(q), 96);
	cffs_advance(q, 50);
	ck_assert_uint_eq(cffs_base(q), 96);
	cffs_remove(q, 0);
	cffs_advance(q, 1000000);
	ck_assert_uint_eq(cffs_base(q), 496);
	cffs_remove(q, 1);
	cffs_advance(q, 1000000);
	ck_assert_uint_eq(cffs_base(q), 1000000);
	cffs_rebase(q, 31);
	ck_assert_uint_eq(cffs_base(q), 16);
	cffs_destroy(q);
}
END_TEST

START_TEST(peek_tells_the_first_bucket_and_puts_nothing_anew)
{
	struct cffs_node nodes[2];
	struct cffs *q = cffs_create(64, 4, nodes);
	uint64_t start = 7;

	cffs_nodes_init(nodes, 2);
	ck_assert_uint_eq(cffs_peek(q, &start), CFFS_NONE);
	cffs_push(q, 0, 9000);
	ck_assert_uint_eq(cffs_peek(q, &start), 0);
	ck_assert_uint_eq(start, 1008);
	cffs_push(q, 1, 33);
	ck_assert_uint_eq(cffs_peek(q, &start), 1);
	ck_assert_uint_eq(start, 32);
	cffs_destroy(q);
}
END_TEST

START_TEST(the_check_sees_what_is_broken)
{
	struct cffs_node nodes[3];
	struct cffs *q = cffs_create(64, 0, nodes);
	FILE *out = fopen("/dev/null", "w");

	cffs_nodes_init(nodes, 3);
	for (uint32_t i = 0; i < 3; i++)
		cffs_push(q, i, 5);
	ck_assert(cffs_check(q, stderr));
	nodes[1].prev = 2;
	ck_assert(!cffs_check(q, out));
	nodes[1].prev = 0;
	nodes[0].rank = UINT64_MAX;
	ck_assert(!cffs_check(q, out));
	nodes[0].rank = 5;
	nodes[2].next = 0;
	ck_assert(!cffs_check(q, out));
	fclose(out);
	cffs_destroy(q);
	cffs_destroy(NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("cffs");
	TCase *tc = tcase_create("cffs");

	tcase_add_loop_test(tc, pops_like_a_sorted_array, 0, 20);
	tcase_add_loop_test(tc, a_few_far_items_are_found_in_their_bucket_all_the_same, 0, 20);
	tcase_add_loop_test(tc, many_far_items_never_hide_that_somebody_waits, 0, 10);
	tcase_add_loop_test(tc, a_crowd_far_beyond_the_window_comes_whole_and_nearly_in_order, 0, 4);
	tcase_add_test(tc, a_rank_beyond_the_window_is_put_anew_not_clamped);
	tcase_add_test(tc, the_first_rank_beyond_the_window_is_beyond);
	tcase_add_test(tc, looking_at_far_items_does_not_change_their_order);
	tcase_add_test(tc, the_base_never_passes_a_waiting_item);
	tcase_add_test(tc, peek_tells_the_first_bucket_and_puts_nothing_anew);
	tcase_add_test(tc, the_check_sees_what_is_broken);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
