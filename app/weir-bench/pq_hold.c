/* SPDX-License-Identifier: BSD-3-Clause */
/* pq_hold: what one pop + push costs by items, slots and the distribution of ranks. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hold.h"

#define MIN_PAIRS 2048u
#define MAX_PAIRS 8192u	/* under 1 ms a trial */
#define MAX_CASES 64u

static const struct pq *const contenders[] = {
	&pq_weir, &pq_windows, &pq_wheel, &pq_heap2, &pq_heap4, &pq_tree, &pq_gradient, &pq_approx};

#define N_CONTENDERS (sizeof(contenders) / sizeof(contenders[0]))

enum distribution { UNIFORM, BIMODAL, IN_ORDER, ALL_EQUAL };

static const char *const distribution_names[] = {"uniform", "bimodal", "in-order", "all-equal"};

struct hold_case {
	enum distribution distribution;
	struct pq_size size;
	char name[48];
};

static const uint32_t item_counts[] = {64, 1024, 16384, 65536, 262144};
static const uint32_t slot_counts[] = {1024, 16384, 65536, 262144};
static const struct pq_size shaped_sizes[] = {{1024, 16384}, {16384, 16384}, {65536, 65536}};

static void fill_name(struct hold_case *c)
{
	char items[16];

	if (c->size.n_items < 1024)
		snprintf(items, sizeof(items), "%" PRIu32, c->size.n_items);
	else
		snprintf(items, sizeof(items), "%" PRIu32 "K", c->size.n_items / 1024);
	snprintf(c->name, sizeof(c->name), "%s %s/%" PRIu32 "K", distribution_names[c->distribution], items,
		c->size.n_slots / 1024);
}

static void add_case(struct hold_case *cases, unsigned int *n, enum distribution distribution, struct pq_size size)
{
	struct hold_case *c = &cases[(*n)++];

	*c = (struct hold_case){.distribution = distribution, .size = size};
	fill_name(c);
}

static bool is_quick_size(struct pq_size s)
{
	return s.n_slots == 16384 && (s.n_items == 1024 || s.n_items == 16384 || s.n_items == 262144);
}

static unsigned int list_cases(const struct bench *b, struct hold_case *cases)
{
	bool is_quick = bench_is_quick(b);
	unsigned int n = 0;

	for (unsigned int i = 0; i < sizeof(item_counts) / sizeof(item_counts[0]); i++)
		for (unsigned int s = 0; s < sizeof(slot_counts) / sizeof(slot_counts[0]); s++) {
			struct pq_size size = {item_counts[i], slot_counts[s]};
			if (!is_quick || is_quick_size(size) || (size.n_items == 64 && size.n_slots == 65536))
				add_case(cases, &n, UNIFORM, size);
		}
	for (enum distribution d = BIMODAL; d <= ALL_EQUAL; d++)
		for (unsigned int s = 0; s < sizeof(shaped_sizes) / sizeof(shaped_sizes[0]); s++)
			if (!is_quick || shaped_sizes[s].n_items == 16384)
				add_case(cases, &n, d, shaped_sizes[s]);
	return n;
}

/* How much later than the item taken, by the distribution; less than the horizon, less one slot. */
static void make_trace(uint32_t *later_ns, const struct hold_case *c, struct bench_rng *r)
{
	uint32_t horizon_ns = (c->size.n_slots << HOLD_SHIFT) - (1u << HOLD_SHIFT);
	uint32_t eighth_ns = horizon_ns / 8;

	for (uint32_t i = 0; i < HOLD_TRACE; i++)
		switch (c->distribution) {
		case UNIFORM:
			later_ns[i] = bench_rng_below(r, horizon_ns);
			break;
		case BIMODAL:	/* half soon, half near the horizon */
			later_ns[i] = bench_rng_below(r, eighth_ns) + (bench_rng_below(r, 2) != 0 ? 7 * eighth_ns : 0);
			break;
		case IN_ORDER:	/* all equally far: the new one is always the last */
		case ALL_EQUAL:
			later_ns[i] = horizon_ns / 2;
			break;
		}
}

static uint64_t rank_at_first(const struct hold_case *c, uint32_t item, const uint32_t *later_ns)
{
	uint64_t horizon_ns = (uint64_t)c->size.n_slots << HOLD_SHIFT;

	if (c->distribution == IN_ORDER)
		return horizon_ns / 2 * item / c->size.n_items;
	return c->distribution == ALL_EQUAL ? 0 : later_ns[item % HOLD_TRACE];
}

/* Puts all items, spread as they will be. */
static void fill(const struct pq *pq, void *queue, const struct hold_case *c, const uint32_t *later_ns)
{
	for (uint32_t i = 0; i < c->size.n_items; i++)
		pq->push(queue, i, rank_at_first(c, i, later_ns));
}

/* Lets it run in, and sees that it is a queue: slots never go back, and no item is lost. */
static void run_in(const struct pq *pq, struct hold *h, const struct hold_case *c)
{
	uint64_t n = 4 * (uint64_t)c->size.n_items < 400000 ? 4 * (uint64_t)c->size.n_items : 400000;
	uint64_t last = 0;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t rank;
		uint32_t item = pq->pop(h->queue, &rank);
		if (item >= c->size.n_items || rank >> HOLD_SHIFT < last) {
			fprintf(stderr, "weir-bench: %s, %s: took item %" PRIu32 " of slot %" PRIu64
				" after slot %" PRIu64 "\n", c->name, pq->name, item, rank >> HOLD_SHIFT, last);
			exit(1);
		}
		last = rank >> HOLD_SHIFT;
		pq->push(h->queue, item, rank + h->later_ns[h->at++ % HOLD_TRACE]);
	}
}

/* How far what comes out is behind the first slot.  Counts of items by slot, in a circle: the first never goes back. */
struct error {
	uint32_t *n_items;	/* by slot; two horizons of them */
	bool *is_inside;	/* by item */
	uint64_t first;
	uint32_t mask;
	uint64_t n, n_wrong, sum, most;		/* in slots */
};

static struct error error_begin(const struct hold_case *c)
{
	return (struct error){
		.n_items = bench_alloc(2 * c->size.n_slots * sizeof(uint32_t)),
		.is_inside = bench_alloc(c->size.n_items * sizeof(bool)),
		.mask = 2 * c->size.n_slots - 1,
	};
}

static void error_push(struct error *e, uint32_t item, uint64_t rank)
{
	e->n_items[(rank >> HOLD_SHIFT) & e->mask]++;
	e->is_inside[item] = true;
}

static void error_pop(struct error *e, const struct hold_case *c, const struct pq *pq, uint32_t item, uint64_t rank)
{
	uint64_t slot = rank >> HOLD_SHIFT;

	if (item >= c->size.n_items || !e->is_inside[item] || e->n_items[slot & e->mask] == 0) {
		fprintf(stderr, "weir-bench: %s, %s: took item %" PRIu32 ", which is not there\n", c->name, pq->name, item);
		exit(1);
	}
	while (e->n_items[e->first & e->mask] == 0)
		e->first++;
	e->n++;
	e->n_wrong += slot != e->first;
	e->sum += slot - e->first;
	if (slot - e->first > e->most)
		e->most = slot - e->first;
	e->is_inside[item] = false;
	e->n_items[slot & e->mask]--;
}

/* In place of run_in(): it need not be in order. */
static void measure_error(struct bench *b, const struct pq *pq, struct hold *h, const struct hold_case *c)
{
	uint64_t n = 4 * (uint64_t)c->size.n_items < 400000 ? 4 * (uint64_t)c->size.n_items : 400000;
	struct error e = error_begin(c);

	for (uint32_t i = 0; i < c->size.n_items; i++)
		error_push(&e, i, rank_at_first(c, i, h->later_ns));
	for (uint64_t i = 0; i < n; i++) {
		uint64_t rank;
		uint32_t item = pq->pop(h->queue, &rank);
		error_pop(&e, c, pq, item, rank);
		rank += h->later_ns[h->at++ % HOLD_TRACE];
		pq->push(h->queue, item, rank);
		error_push(&e, item, rank);
	}
	bench_row(b, c->name, pq->name, "taken_not_first", 100.0 * (double)e.n_wrong / (double)e.n, "%");
	bench_row(b, c->name, pq->name, "slots_behind_mean", (double)e.sum / (double)e.n, "slots");
	bench_row(b, c->name, pq->name, "slots_behind_max", (double)e.most, "slots");
	free(e.n_items);
	free(e.is_inside);
}

static void run_case(struct bench *b, const struct hold_case *c)
{
	uint32_t *later_ns = bench_alloc(HOLD_TRACE * sizeof(*later_ns));
	struct bench_contender list[N_CONTENDERS] = {0};
	struct hold holds[N_CONTENDERS];
	struct bench_rng r;

	bench_rng_init(&r, bench_seed(b));
	make_trace(later_ns, c, &r);
	for (unsigned int i = 0; i < N_CONTENDERS; i++) {
		uint32_t n = c->size.n_items;
		bench_progress(b, "%s: filling %s", c->name, contenders[i]->name);
		holds[i] = (struct hold){
			.queue = contenders[i]->create(&c->size),
			.later_ns = later_ns,
			.n_pairs = n < MIN_PAIRS ? MIN_PAIRS : n > MAX_PAIRS ? MAX_PAIRS : n,
		};
		fill(contenders[i], holds[i].queue, c, later_ns);
		if (contenders[i] == &pq_approx)	/* what comes out is not always of the first slot */
			measure_error(b, contenders[i], &holds[i], c);
		else
			run_in(contenders[i], &holds[i], c);
		list[i] = (struct bench_contender){
			.name = contenders[i]->name, .ctx = &holds[i], .trial = contenders[i]->hold};
	}
	bench_interleave(b, c->name, list, N_CONTENDERS, NULL);
	for (unsigned int i = 0; i < N_CONTENDERS; i++)
		contenders[i]->destroy(holds[i].queue);
	free(later_ns);
}

static double ratio(const struct bench *b, const char *case_name, const char *contender)
{
	return bench_value(b, case_name, contender, "cycles") / bench_value(b, case_name, BENCH_OURS, "cycles");
}

/* Each with the number of slots that suits it best, for as many items: slots are a parameter, not a fate. */
static void note_best_slots(struct bench *b, const struct hold_case *cases, unsigned int n_cases, uint32_t n_items)
{
	char text[512] = "";
	size_t n = 0;

	for (unsigned int p = 0; p < N_CONTENDERS; p++) {
		double best = INFINITY;
		uint32_t slots = 0;
		for (unsigned int i = 0; i < n_cases; i++) {
			double cycles = bench_value(b, cases[i].name, contenders[p]->name, "cycles");
			if (cases[i].distribution == UNIFORM && cases[i].size.n_items == n_items && cycles < best) {
				best = cycles;
				slots = cases[i].size.n_slots;
			}
		}
		if (slots != 0 && n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %.0f (%" PRIu32 "K)", n ? ", " : "",
				contenders[p]->name, best, slots / 1024);
	}
	bench_note(b, "%" PRIu32 " items, uniform, each at its best number of slots: %s", n_items, text);
}

static void judge(struct bench *b)
{
	static const char dense[] = "uniform 16K/16K";

	bench_bar(b, "pop + push, 16K items / 16K slots", bench_value(b, dense, BENCH_OURS, "cycles"), BENCH_AT_MOST, 55,
		"cycles");
	bench_bar(b, "faster than the binary heap there", ratio(b, dense, pq_heap2.name), BENCH_AT_LEAST, 4, "times");
	bench_bar(b, "faster than the 4-ary heap there", ratio(b, dense, pq_heap4.name), BENCH_AT_LEAST, 4, "times");
	bench_bar(b, "faster than the tree there", ratio(b, dense, pq_tree.name), BENCH_AT_LEAST, 5, "times");
	bench_bar(b, "against the plain wheel there (an item a slot)", 1 / ratio(b, dense, pq_wheel.name), BENCH_AT_MOST,
		1.6, "times its cycles");
	bench_bar(b, "faster than the plain wheel at 64 items / 64K slots",
		ratio(b, "uniform 64/64K", pq_wheel.name), BENCH_AT_LEAST, 2, "times");
}

static void run(struct bench *b)
{
	struct hold_case cases[MAX_CASES];
	unsigned int n = list_cases(b, cases);

	bench_plan(b, n);
	for (unsigned int i = 0; i < n; i++)
		run_case(b, &cases[i]);
	if (!bench_is_quick(b)) {
		note_best_slots(b, cases, n, 1024);
		note_best_slots(b, cases, n, 16384);
		note_best_slots(b, cases, n, 262144);
	}
	bench_note(b, "heaps and tree keep every rank exactly; the others keep the order of slots of %u ns, and first in,"
		" first out within one", 1u << HOLD_SHIFT);
	judge(b);
}

const struct bench_suite suite_pq_hold = {
	.name = "pq_hold",
	.about = "the queue in the hold model, items/slots: pop the first, push it at a later rank; a unit is a pop + push",
	.run = run,
};
