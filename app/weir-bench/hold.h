/* SPDX-License-Identifier: BSD-3-Clause */
/* The hold model: N items wait; take the first and put it back later.  A contender gives push and pop as functions
 * that the compiler sees (hold_loop() inlines them), so that none pays for an indirect call.
 * Ranks are ns, a slot is 2^HOLD_SHIFT of them.  How much later comes from a trace, the same for all.
 * Used by: pq_*.c.  Uses: bench.h. */
#ifndef WEIR_BENCH_HOLD_H
#define WEIR_BENCH_HOLD_H

#include "bench.h"

#define HOLD_SHIFT 10u
#define HOLD_TRACE 4096u	/* 16 KB: L1 keeps half for the queue */

struct hold {
	void *queue;
	const uint32_t *later_ns;	/* HOLD_TRACE of them */
	uint32_t at;
	uint32_t n_pairs;		/* in one trial */
};

struct pq_size {
	uint32_t n_items, n_slots;	/* slots: a power of two; heaps and trees have none */
};

struct pq {
	const char *name;
	void *(*create)(const struct pq_size *size);	/* never NULL */
	void (*destroy)(void *queue);
	void (*push)(void *queue, uint32_t item, uint64_t rank);
	uint32_t (*pop)(void *queue, uint64_t *rank);
	uint64_t (*hold)(void *hold);			/* the trial: hold_loop() with the two above */
};

static inline __attribute__((always_inline)) uint64_t hold_loop(struct hold *h,
	uint32_t (*pop)(void *queue, uint64_t *rank), void (*push)(void *queue, uint32_t item, uint64_t rank))
{
	uint32_t n = h->n_pairs;
	uint32_t at = h->at;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t rank;
		uint32_t item = pop(h->queue, &rank);
		push(h->queue, item, rank + h->later_ns[at++ % HOLD_TRACE]);
	}
	h->at = at;
	return n;
}

extern const struct pq pq_weir, pq_windows, pq_wheel, pq_heap2, pq_heap4, pq_tree, pq_gradient, pq_approx;

#endif
