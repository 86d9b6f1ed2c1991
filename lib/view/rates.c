/* SPDX-License-Identifier: BSD-3-Clause */
#include "rates.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

/* One more than a reader may look at: the writer fills the one nobody reads, so that a reader is sent back
 * only when it took a whole period to read. */
#define N_SLOTS (RATES_SAMPLES + 1)

#define SPAN_1S_NS  (UINT64_C(10) * RATES_PERIOD_NS)
#define SPAN_10S_NS (UINT64_C(100) * RATES_PERIOD_NS)

struct cell {
	_Atomic uint64_t pkts, bytes;
};

/* When a sample was taken, and which samples are a second and ten before it. */
struct stamp {
	_Atomic uint64_t at_ns, base_1s, base_10s;
};

struct rates_store {
	uint32_t n_rows;
	_Atomic uint64_t n_samples; /* the sequence lock: sample n is complete when this is above n */
	struct stamp stamps[N_SLOTS];
	struct cell cells[]; /* [slot][row]: the writer goes through memory once, in order */
};

/* The orders pair up without fences, which thread checkers do not understand: a reader that sees any store of
 * a sample sees that the one before it was complete, and so that the slot is being written again. */
static inline void put(_Atomic uint64_t *to, uint64_t value)
{
	atomic_store_explicit(to, value, memory_order_release);
}

static inline uint64_t get(const _Atomic uint64_t *from)
{
	return atomic_load_explicit(from, memory_order_acquire);
}

static inline struct stamp *stamp_of(struct rates_store *s, uint64_t sample)
{
	return &s->stamps[sample % N_SLOTS];
}

static inline size_t first_cell_of(const struct rates_store *s, uint64_t sample)
{
	return (size_t)(sample % N_SLOTS) * s->n_rows;
}

struct rates_store *rates_create(uint32_t n_rows)
{
	/* calloc() of this size maps pages only when they are written: the ring costs what it has seen. */
	size_t n_cells = (size_t)n_rows * N_SLOTS;
	struct rates_store *s = calloc(1, sizeof(*s) + n_cells * sizeof(s->cells[0]));

	if (s)
		s->n_rows = n_rows;
	return s;
}

void rates_destroy(struct rates_store *s)
{
	free(s);
}

/* The latest sample that is 'span_ns' older than 'newest', give or take half a period; else the oldest. */
static uint64_t find_base(struct rates_store *s, uint64_t newest, uint64_t now_ns, uint64_t span_ns)
{
	uint64_t oldest = newest < RATES_SAMPLES ? 0 : newest - (RATES_SAMPLES - 1);
	uint64_t at = newest;

	while (at > oldest) {
		at--;
		if (now_ns - get(&stamp_of(s, at)->at_ns) + RATES_PERIOD_NS / 2 >= span_ns)
			break;
	}
	return at;
}

void rates_add(struct rates_store *s, const struct rates_sample *rows, uint64_t now_ns)
{
	uint64_t n = get(&s->n_samples);
	struct stamp *stamp = stamp_of(s, n);
	struct cell *cells = &s->cells[first_cell_of(s, n)];

	if (n > 0 && now_ns <= get(&stamp_of(s, n - 1)->at_ns))
		return; /* no time has passed: there is no rate in it */
	put(&stamp->at_ns, now_ns);
	put(&stamp->base_1s, find_base(s, n, now_ns, SPAN_1S_NS));
	put(&stamp->base_10s, find_base(s, n, now_ns, SPAN_10S_NS));
	for (uint32_t i = 0; i < s->n_rows; i++) {
		put(&cells[i].pkts, rows[i].pkts);
		put(&cells[i].bytes, rows[i].bytes);
	}
	put(&s->n_samples, n + 1);
}

void rates_begin(struct rates_store *s, uint32_t row, const struct rates_sample *from)
{
	uint64_t n = get(&s->n_samples), first = n < N_SLOTS ? 0 : n - N_SLOTS;

	for (; first < n; first++) {	/* from the oldest: nobody sees a rate that was none */
		struct cell *cell = &s->cells[first_cell_of(s, first) + row];
		put(&cell->pkts, from->pkts);
		put(&cell->bytes, from->bytes);
	}
}

struct reading {
	uint64_t at_ns, pkts, bytes;
};

static struct reading read_sample(const struct rates_store *s, uint64_t sample, uint32_t row)
{
	const struct cell *cell = &s->cells[first_cell_of(s, sample) + row];

	return (struct reading){
		.at_ns = get(&s->stamps[sample % N_SLOTS].at_ns),
		.pkts = get(&cell->pkts),
		.bytes = get(&cell->bytes),
	};
}

static double per_second(uint64_t now, uint64_t then, double span_s)
{
	return now > then ? (double)(now - then) / span_s : 0;
}

static void rates_between(const struct reading *now, const struct reading *then, double *bps, double *pps)
{
	double span_s = (double)(now->at_ns - then->at_ns) / 1e9;

	*pps = per_second(now->pkts, then->pkts, span_s);
	*bps = 8 * per_second(now->bytes, then->bytes, span_s);
}

bool rates_get(const struct rates_store *s, uint32_t row, struct rates *out)
{
	struct reading now, then_1s, then_10s;
	uint64_t n;

	*out = (struct rates){0};
	if (row >= s->n_rows)
		return false;
	do {
		n = get(&s->n_samples);
		if (n < 2)
			return false;
		const struct stamp *stamp = &s->stamps[(n - 1) % N_SLOTS];

		now = read_sample(s, n - 1, row);
		then_1s = read_sample(s, get(&stamp->base_1s), row);
		then_10s = read_sample(s, get(&stamp->base_10s), row);
	} while (get(&s->n_samples) != n);
	rates_between(&now, &then_1s, &out->bps_1s, &out->pps_1s);
	rates_between(&now, &then_10s, &out->bps_10s, &out->pps_10s);
	return true;
}
