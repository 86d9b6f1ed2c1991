/* SPDX-License-Identifier: BSD-3-Clause */
/* window: does the queue keep times and order where windows end?  Counts, not speed: items that leave early (before
 * their slot), late (at a later poll than the first at which their slot and one more had passed), and out of order within
 * a flow (whose times never go back), on virtual time, against what arithmetic says of each item. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "window.h"

#define SLOT_NS	   (UINT64_C(1) << WINDOW_SHIFT)
#define HORIZON_NS (WINDOW_SLOTS * SLOT_NS)
#define FLOWS	   64u
#define START_NS   (UINT64_C(5000000000) + 77)
#define STEPS	   20000u
#define QUICK_STEPS 2000u
#define SEEDS	   20u

struct run {
	const struct window_queue *ops;
	void *queue;
	struct bench_rng rng;
	uint64_t now_ns, prev_ns;	/* this poll and the one before */
	uint64_t at_ns[WINDOW_ITEMS], pushed_ns[WINDOW_ITEMS], seq[WINDOW_ITEMS];
	uint8_t flow[WINDOW_ITEMS];
	uint32_t free[WINDOW_ITEMS], n_free;
	uint64_t flow_at_ns[2 * FLOWS], flow_left_seq[2 * FLOWS], n_pushed;
	uint64_t n_early, n_late, n_reordered, worst_late_ns;
};

/* A flow's times never go back, so what leaves in another order than it came was reordered.  Flows of the far ones are
 * their own: near ones would have to wait behind them. */
static void push_into(struct run *r, uint64_t at_ns, uint32_t first_flow)
{
	if (r->n_free == 0)
		return;

	uint32_t item = r->free[--r->n_free];
	uint32_t flow = first_flow;
	for (uint32_t f = first_flow + 1; f < first_flow + FLOWS; f++)	/* the one whose last is the earliest */
		flow = r->flow_at_ns[f] < r->flow_at_ns[flow] ? f : flow;
	if (r->flow_at_ns[flow] > at_ns)
		at_ns = r->flow_at_ns[flow];
	r->flow_at_ns[flow] = at_ns;
	r->at_ns[item] = at_ns;
	r->pushed_ns[item] = r->now_ns;
	r->flow[item] = (uint8_t)flow;
	r->seq[item] = ++r->n_pushed;
	r->ops->push(r->queue, item, at_ns);
}

static void push(struct run *r, uint64_t at_ns)
{
	push_into(r, at_ns, 0);
}

static void push_far(struct run *r, uint64_t at_ns)
{
	push_into(r, at_ns, FLOWS);
}

static void judge(struct run *r, uint32_t item)
{
	uint64_t due_ns = r->at_ns[item] > r->pushed_ns[item] ? r->at_ns[item] : r->pushed_ns[item];
	uint8_t flow = r->flow[item];

	if (r->at_ns[item] >> WINDOW_SHIFT > r->now_ns >> WINDOW_SHIFT)
		r->n_early++;
	if (r->prev_ns >= due_ns + 2 * SLOT_NS) {	/* a poll before this one was late enough for it */
		uint64_t late_ns = r->now_ns - due_ns;
		r->n_late++;
		r->worst_late_ns = late_ns > r->worst_late_ns ? late_ns : r->worst_late_ns;
	}
	if (r->seq[item] < r->flow_left_seq[flow])
		r->n_reordered++;
	else
		r->flow_left_seq[flow] = r->seq[item];
	r->free[r->n_free++] = item;
}

static void poll_at(struct run *r, uint64_t now_ns)
{
	uint32_t item;

	r->prev_ns = r->now_ns;
	r->now_ns = now_ns;
	while ((item = r->ops->pop_due(r->queue, now_ns)) != WINDOW_NONE)
		judge(r, item);
}

/* --- scenarios: one step each ---------------------------------------------------------------------------------- */

static uint64_t some(struct run *r, uint64_t below)
{
	return bench_rng_u64(&r->rng) % below;
}

/* Times all over the horizon, without an end: it is crossed again and again. */
static void step_crossings(struct run *r)
{
	push(r, r->now_ns + some(r, HORIZON_NS - SLOT_NS));
	poll_at(r, r->now_ns + SLOT_NS / 2 + some(r, SLOT_NS));
}

/* Empty; one far ahead, in the next window; then one that is due now. */
static void step_far_then_now(struct run *r)
{
	push(r, r->now_ns + HORIZON_NS + some(r, HORIZON_NS / 2));
	poll_at(r, r->now_ns + SLOT_NS);
	push(r, r->now_ns);
	for (unsigned int i = 0; i < 2 * WINDOW_SLOTS; i++)
		poll_at(r, r->now_ns + SLOT_NS);
}

/* A few beyond everything, among near ones. */
static void step_overflow(struct run *r)
{
	if (some(r, 100) == 0)
		push_far(r, r->now_ns + HORIZON_NS + some(r, 8 * HORIZON_NS));
	push(r, r->now_ns + some(r, HORIZON_NS / 4));
	poll_at(r, r->now_ns + SLOT_NS / 2 + some(r, SLOT_NS));
}

/* Most are beyond everything, and stand in each other's way. */
static void step_far_crowd(struct run *r)
{
	push_far(r, r->now_ns + HORIZON_NS + some(r, 8 * HORIZON_NS));
	push(r, r->now_ns + some(r, HORIZON_NS / 4));
	poll_at(r, r->now_ns + SLOT_NS / 2 + some(r, SLOT_NS));
}

/* Many of one time. */
static void step_crowd(struct run *r)
{
	uint64_t at_ns = r->now_ns + some(r, HORIZON_NS / 2);

	for (unsigned int i = 0; i < 24; i++)
		push(r, at_ns);
	for (unsigned int i = 0; i < 8; i++)
		poll_at(r, r->now_ns + SLOT_NS);
}

/* The core is away for up to three horizons. */
static void step_stalls(struct run *r)
{
	push(r, r->now_ns + some(r, HORIZON_NS - SLOT_NS));
	poll_at(r, r->now_ns + (some(r, 200) == 0 ? some(r, 3 * HORIZON_NS) : some(r, 2 * SLOT_NS)));
}

#define FAR_CROWD "a crowd beyond"

static const struct scenario {
	const char *name;
	void (*step)(struct run *r);
	unsigned int parts;	/* of the steps: some are long */
} scenarios[] = {
	{"horizon crossings", step_crossings, 1},
	{"empty, far, now", step_far_then_now, 100},
	{"a few beyond", step_overflow, 1},
	{"crowds of one time", step_crowd, 8},
	{"stalls", step_stalls, 1},
	{FAR_CROWD, step_far_crowd, 1},
};

static void run_one(struct bench *b, struct run *r, const struct window_queue *ops, const struct scenario *s,
	uint64_t seed)
{
	uint32_t n_steps = (bench_is_quick(b) ? QUICK_STEPS : STEPS) / s->parts;

	r->ops = ops;
	r->now_ns = r->prev_ns = START_NS;
	r->n_free = WINDOW_ITEMS;
	r->n_pushed = 0;
	memset(r->flow_at_ns, 0, sizeof(r->flow_at_ns));
	memset(r->flow_left_seq, 0, sizeof(r->flow_left_seq));
	for (uint32_t i = 0; i < WINDOW_ITEMS; i++)
		r->free[i] = i;
	bench_rng_init(&r->rng, seed);
	r->queue = ops->create(START_NS);
	for (uint32_t i = 0; i < n_steps; i++)
		s->step(r);
	for (unsigned int i = 0; i < 64 * WINDOW_SLOTS && r->n_free != WINDOW_ITEMS; i++)	/* let all leave */
		poll_at(r, r->now_ns + SLOT_NS);
	ops->destroy(r->queue);
}

static uint64_t run_case(struct bench *b, struct run *r, const struct window_queue *ops, const struct scenario *s)
{
	uint64_t n_lost = 0, n_pushed = 0;

	r->n_early = r->n_late = r->n_reordered = r->worst_late_ns = 0;
	for (uint64_t i = 0; i < SEEDS; i++) {
		bench_progress(b, "%s, %s", s->name, ops->name);
		run_one(b, r, ops, s, bench_seed(b) + i);
		n_lost += WINDOW_ITEMS - r->n_free;
		n_pushed += r->n_pushed;
	}
	bench_row(b, s->name, ops->name, "items", (double)n_pushed, "items");
	bench_row(b, s->name, ops->name, "early", (double)r->n_early, "items");
	bench_row(b, s->name, ops->name, "late", (double)r->n_late, "items");
	bench_row(b, s->name, ops->name, "worst_late", (double)r->worst_late_ns / (double)SLOT_NS, "slots");
	bench_row(b, s->name, ops->name, "reordered", (double)r->n_reordered, "items");
	bench_row(b, s->name, ops->name, "lost", (double)n_lost, "items");
	return r->n_early + r->n_late + r->n_reordered + n_lost;
}

/* What may be expected of a form: the bare ones put 8 far items anew a call, and say so; the wheel promises all. */
static bool is_promised(const struct window_queue *ops, const struct scenario *s)
{
	return strcmp(ops->name, BENCH_OURS) == 0 || strcmp(s->name, FAR_CROWD) != 0;
}

static void run(struct bench *b)
{
	struct run *r = bench_alloc(sizeof(*r));
	char what[96];

	for (unsigned int q = 0; window_queues[q] != NULL; q++) {
		const struct window_queue *ops = window_queues[q];
		uint64_t n_wrong = 0;
		for (unsigned int i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
			uint64_t n = run_case(b, r, ops, &scenarios[i]);
			n_wrong += is_promised(ops, &scenarios[i]) ? n : 0;
		}
		snprintf(what, sizeof(what), "%s: early, late, reordered or lost%s", ops->name,
			strcmp(ops->name, BENCH_OURS) == 0 ? "" : ", but for '" FAR_CROWD "'");
		if (ops->is_ours)
			bench_bar(b, what, (double)n_wrong, BENCH_AT_MOST, 0, "items");
	}
	bench_note(b, "weir is the wheel of two levels that the scheduler waits by; the bare forms under it put 8 items from"
		" beyond the horizon anew a call, so that a crowd of those comes late, as cffs.h says");
	bench_note(b, "each naive one has a fault found in published code; late means more"
		" than a slot and a poll after its time; %u slots of %" PRIu64 " ns", WINDOW_SLOTS, SLOT_NS);
	free(r);
}

const struct bench_suite suite_window = {
	.name = "window",
	.about = "are times and order kept where windows end?  virtual time, counts of items, beside forms with known faults",
	.run = run,
};
