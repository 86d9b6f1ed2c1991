/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to lib/cffs: one form's calls behind the untyped pointers of rank_queue.h.  The forms have the same
 * calls under a prefix of their own, so one list serves both.  Each form says RANK_QUEUE_FORM(prefix, name of
 * its table) where the compiler sees its code, so that for both the only call not inline is the indirect one.
 * Used by: rank_queue.c, cffs_windows.c.  Uses: rank_queue.h. */
#ifndef WEIR_RANK_QUEUE_FORM_H
#define WEIR_RANK_QUEUE_FORM_H

#include "rank_queue.h"

/* GCC: all calls inside become part of the function, except of those that must not. */
#define RANK_QUEUE_FLAT __attribute__((flatten))

#define RANK_QUEUE_FORM(form, title)                                                                         \
	static void *form##_q_create(const struct rank_queue_params *p)                                      \
	{                                                                                                    \
		return form##_create(p->n_buckets, p->shift, p->nodes);                                      \
	}                                                                                                    \
	static void form##_q_destroy(void *q)                                                                \
	{                                                                                                    \
		form##_destroy(q);                                                                           \
	}                                                                                                    \
	RANK_QUEUE_FLAT static void form##_q_push(void *q, uint32_t item, uint64_t rank)                     \
	{                                                                                                    \
		form##_push(q, item, rank);                                                                  \
	}                                                                                                    \
	RANK_QUEUE_FLAT static uint32_t form##_q_pop_first(void *q)                                          \
	{                                                                                                    \
		uint32_t item = form##_first(q);                                                             \
		if (item != CFFS_NONE)                                                                       \
			form##_remove(q, item);                                                              \
		return item;                                                                                 \
	}                                                                                                    \
	RANK_QUEUE_FLAT static void form##_q_remove(void *q, uint32_t item)                                  \
	{                                                                                                    \
		form##_remove(q, item);                                                                      \
	}                                                                                                    \
	RANK_QUEUE_FLAT static uint32_t form##_q_first(void *q)                                              \
	{                                                                                                    \
		return form##_first(q);                                                                      \
	}                                                                                                    \
	RANK_QUEUE_FLAT static void form##_q_advance(void *q, uint64_t rank)                                 \
	{                                                                                                    \
		form##_advance(q, rank);                                                                     \
	}                                                                                                    \
	static uint32_t form##_q_count(const void *q)                                                        \
	{                                                                                                    \
		return form##_count(q);                                                                      \
	}                                                                                                    \
	static bool form##_q_check(const void *q, FILE *out)                                                 \
	{                                                                                                    \
		return form##_check(q, out);                                                                 \
	}                                                                                                    \
	const struct rank_queue_ops title = {                                                                \
		.name = #form,                                                                               \
		.create = form##_q_create,                                                                   \
		.destroy = form##_q_destroy,                                                                 \
		.push = form##_q_push,                                                                       \
		.pop_first = form##_q_pop_first,                                                             \
		.remove = form##_q_remove,                                                                   \
		.first = form##_q_first,                                                                     \
		.advance = form##_q_advance,                                                                 \
		.count = form##_q_count,                                                                     \
		.check = form##_q_check,                                                                     \
	}

#endif
