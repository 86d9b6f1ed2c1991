/* SPDX-License-Identifier: BSD-3-Clause */
#include "held.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#define LEAST_PART 100u

struct held_row {
	uint64_t at_ns;				/* of the last look; 0: there was none */
	uint64_t held_ns[N_VIEW_BOUNDS];	/* as it was then */
	uint64_t last_ns[N_VIEW_BOUNDS];	/* it held last */
	_Atomic uint64_t since_ns[N_VIEW_BOUNDS];	/* 0: it does not hold */
};

struct held_store {
	uint32_t n_rows;
	struct held_row rows[];
};

struct held_store *held_create(uint32_t n_rows)
{
	struct held_store *s = calloc(1, sizeof(*s) + n_rows * sizeof(s->rows[0]));

	if (s != NULL)
		s->n_rows = n_rows;
	return s;
}

void held_destroy(struct held_store *s)
{
	free(s);
}

static void set_since(struct held_row *r, int bound, uint64_t ns)
{
	atomic_store_explicit(&r->since_ns[bound], ns, memory_order_relaxed);
}

static void add_bound(struct held_row *r, int bound, uint64_t held_ns, uint64_t now_ns)
{
	bool is_new = atomic_load_explicit(&r->since_ns[bound], memory_order_relaxed) == 0;

	if ((held_ns - r->held_ns[bound]) * LEAST_PART >= now_ns - r->at_ns) {
		r->last_ns[bound] = now_ns;
		if (is_new)
			set_since(r, bound, r->at_ns);
	} else if (!is_new && now_ns - r->last_ns[bound] >= HELD_FORGET_NS) {
		set_since(r, bound, 0);
	}
	r->held_ns[bound] = held_ns;
}

void held_add(struct held_store *s, uint32_t row, const uint64_t held_ns[N_VIEW_BOUNDS], uint64_t now_ns)
{
	struct held_row *r = &s->rows[row];

	if (r->at_ns == 0) {
		for (int b = 0; b < N_VIEW_BOUNDS; b++)
			r->held_ns[b] = held_ns[b];
	} else if (now_ns > r->at_ns) {
		for (int b = 0; b < N_VIEW_BOUNDS; b++)
			add_bound(r, b, held_ns[b], now_ns);
	}
	r->at_ns = now_ns;
}

void held_begin(struct held_store *s, uint32_t row)
{
	struct held_row *r = &s->rows[row];

	r->at_ns = 0;
	for (int b = 0; b < N_VIEW_BOUNDS; b++)
		set_since(r, b, 0);
}

uint64_t held_since_ns(const struct held_store *s, uint32_t row, enum view_bound bound)
{
	return row < s->n_rows ? atomic_load_explicit(&s->rows[row].since_ns[bound], memory_order_relaxed) : 0;
}
