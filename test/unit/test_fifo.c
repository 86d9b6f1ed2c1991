/* SPDX-License-Identifier: BSD-3-Clause */
#include "fifo.h"
#include "unit.h"

#define N_FIFOS	 5
#define N_CHUNKS 40
#define N_MODEL	 (N_CHUNKS * FIFO_CHUNK_ENTRIES)

struct model {
	uint64_t id[N_MODEL];
	uint32_t n;
};

static uint32_t bytes_of(uint64_t id)
{
	return (uint32_t)(id * 2654435761u % FIFO_MAX_BYTES) + 1;
}

static void push(struct fifo_pool *pool, struct fifo *f, struct model *m, uint64_t id)
{
	bool is_full = pool->n_free == 0 && (f->n_pkts == 0 || fifo_is_chunk_end(f->tail));

	uint64_t packed = fifo_pack(bytes_of(id), (uint32_t)(id % FIFO_MAX_COPIES) + 1, (uint8_t)(id % 3), id % 2, id * 1000);

	ck_assert(fifo_push(pool, f, (void *)(uintptr_t)id, packed) == !is_full);
	if (is_full)
		return;
	m->id[m->n++] = id;
}

/* Which of the first few has the worst drop precedence. */
static uint32_t worst_of(const struct model *m)
{
	uint32_t worst = 0;

	for (uint32_t i = 1; i < m->n && i < FIFO_LOOK_PKTS; i++) {
		if (m->id[i] % 3 > m->id[worst] % 3)
			worst = i;
	}
	return worst;
}

static void pop(struct fifo_pool *pool, struct fifo *f, struct model *m, bool is_worst)
{
	uint32_t at = is_worst ? worst_of(m) : 0;
	uint64_t id = m->id[at];
	struct fifo_entry head = *fifo_head(pool, f), e;

	if (is_worst) {
		ck_assert_uint_eq(fifo_find_worst(pool, f, &head), at);
		e = fifo_pop_at(pool, f, at);
	} else {
		e = fifo_pop(pool, f);
	}
	ck_assert_ptr_eq(head.handle, e.handle);
	ck_assert_uint_eq((uintptr_t)e.handle, id);
	ck_assert_uint_eq(fifo_entry_bytes(&e), bytes_of(id));
	ck_assert_uint_eq(fifo_entry_copies(&e), id % FIFO_MAX_COPIES + 1);
	ck_assert_uint_eq(fifo_entry_drop_prec(&e), id % 3);
	ck_assert_uint_eq(fifo_entry_is_ect(&e), id % 2);
	ck_assert_uint_eq(fifo_entry_waited_ns(&e, id * 1000 + 77), 77);
	for (uint32_t i = at + 1; i < m->n; i++)
		m->id[i - 1] = m->id[i];
	m->n--;
}

/* Fails if fifo_pop() does not give the chunk back, fifo_pack() forgets a field, or fifo_pop_at() swaps two entries. */
START_TEST(fifos_that_share_a_pool_keep_order_and_every_field)
{
	static struct model model[N_FIFOS];
	struct fifo fifo[N_FIFOS];
	struct fifo_pool pool;
	uint64_t seed = (uint64_t)_i;

	ck_assert(fifo_pool_init(&pool, N_CHUNKS));
	for (int i = 0; i < N_FIFOS; i++) {
		model[i] = (struct model){0};
		fifo_init(&fifo[i]);
	}
	for (uint64_t id = 1; id < 20000; id++) {
		uint64_t which = unit_random(&seed) % N_FIFOS;
		struct model *m = &model[which];
		if (unit_random(&seed) % 16 < (id / 500 % 2 ? 10 : 6))
			push(&pool, &fifo[which], m, id);
		else if (m->n > 0)
			pop(&pool, &fifo[which], m, unit_random(&seed) % 3 == 0);
		ck_assert_uint_eq(fifo[which].n_pkts, m->n);
	}
	for (int i = 0; i < N_FIFOS; i++)
		while (model[i].n > 0)
			pop(&pool, &fifo[i], &model[i], false);
	ck_assert_uint_eq(pool.n_free, N_CHUNKS);	/* every chunk came home */
	fifo_pool_fini(&pool);
}
END_TEST

START_TEST(the_longest_packet_and_most_copies_fit_an_entry_at_any_time)
{
	struct fifo_pool pool;
	struct fifo f;
	uint64_t now_ns = UINT64_MAX - 5;

	ck_assert(fifo_pool_init(&pool, 1));
	fifo_init(&f);
	ck_assert(fifo_push(&pool, &f, NULL, fifo_pack(FIFO_MAX_BYTES, FIFO_MAX_COPIES, 2, true, now_ns)));
	struct fifo_entry e = fifo_pop(&pool, &f);
	ck_assert_uint_eq(fifo_entry_bytes(&e), FIFO_MAX_BYTES);
	ck_assert_uint_eq(fifo_entry_copies(&e), FIFO_MAX_COPIES);
	ck_assert_uint_eq(fifo_entry_drop_prec(&e), 2);
	ck_assert_uint_eq(fifo_entry_waited_ns(&e, now_ns + 500000000000), 500000000000);	/* 8 minutes, wrapping */
	fifo_pool_fini(&pool);
}
END_TEST

START_TEST(an_empty_pool_refuses)
{
	struct fifo_pool pool;
	struct fifo f;

	ck_assert(fifo_pool_init(&pool, 0));
	fifo_init(&f);
	ck_assert(!fifo_push(&pool, &f, NULL, fifo_pack(64, 1, 0, false, 0)));
	ck_assert_uint_eq(f.n_pkts, 0);
	fifo_pool_fini(&pool);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fifo");
	TCase *tc = tcase_create("fifo");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, fifos_that_share_a_pool_keep_order_and_every_field, 0, 10);
	tcase_add_test(tc, the_longest_packet_and_most_copies_fit_an_entry_at_any_time);
	tcase_add_test(tc, an_empty_pool_refuses);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
