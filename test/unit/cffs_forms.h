/* SPDX-License-Identifier: BSD-3-Clause */
/* Both forms of cFFS for tests: what all rank queues can do comes through rank_queue.h, what only these two
 * can, here. */
#ifndef WEIR_CFFS_FORMS_H
#define WEIR_CFFS_FORMS_H

#include "cffs_windows.h"
#include "rank_queue.h"
#include "unit.h"

struct form {
	const struct rank_queue_ops *ops;
	uint64_t (*base)(const void *q);
	uint64_t (*span)(const void *q);
	void (*rebase)(void *q, uint64_t rank);
	bool (*covers)(const void *q, uint64_t rank);
	uint32_t (*peek)(const void *q, uint64_t *start);
	bool (*is_empty)(const void *q);
	/* What was parked comes before what came later, also within one bucket. */
	bool keeps_parked_order;
};

#define FORM(prefix)                                                                                         \
	static uint64_t prefix##_f_base(const void *q)                                                       \
	{                                                                                                    \
		return prefix##_base(q);                                                                     \
	}                                                                                                    \
	static uint64_t prefix##_f_span(const void *q)                                                       \
	{                                                                                                    \
		return prefix##_span(q);                                                                     \
	}                                                                                                    \
	static void prefix##_f_rebase(void *q, uint64_t rank)                                                \
	{                                                                                                    \
		prefix##_rebase(q, rank);                                                                    \
	}                                                                                                    \
	static bool prefix##_f_covers(const void *q, uint64_t rank)                                          \
	{                                                                                                    \
		return prefix##_covers(q, rank);                                                             \
	}                                                                                                    \
	static uint32_t prefix##_f_peek(const void *q, uint64_t *start)                                      \
	{                                                                                                    \
		return prefix##_peek(q, start);                                                              \
	}                                                                                                    \
	static bool prefix##_f_is_empty(const void *q)                                                       \
	{                                                                                                    \
		return prefix##_is_empty(q);                                                                 \
	}

#define FORM_CALLS(prefix)                                                                                   \
	.base = prefix##_f_base, .span = prefix##_f_span, .rebase = prefix##_f_rebase,                       \
	.covers = prefix##_f_covers, .peek = prefix##_f_peek, .is_empty = prefix##_f_is_empty

FORM(cffs)
FORM(cffs_windows)

enum { CIRCULAR, WINDOWS, N_FORMS };

static const struct form forms[N_FORMS] = {
	[CIRCULAR] = {.ops = &rank_queue_circular, FORM_CALLS(cffs)},
	[WINDOWS] = {.ops = &rank_queue_windows, FORM_CALLS(cffs_windows), .keeps_parked_order = true},
};

/* Adds a test with a loop index i that runs on form i % N_FORMS with seed i / N_FORMS. */
#define form_add_test(tc, test, n_seeds) tcase_add_loop_test(tc, test, 0, (n_seeds) * N_FORMS)

static inline struct rank_queue form_open(const struct form *form, uint32_t n_buckets, unsigned int shift,
	struct cffs_node *nodes, uint32_t n_items)
{
	struct rank_queue rq;

	cffs_nodes_init(nodes, n_items);
	ck_assert_int_eq(
		rank_queue_create(&rq, form->ops,
			&(struct rank_queue_params){
				.n_items = n_items, .n_buckets = n_buckets, .shift = shift, .nodes = nodes}),
		0);
	return rq;
}

#endif
