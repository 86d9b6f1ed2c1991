/* SPDX-License-Identifier: BSD-3-Clause */
/* timer: rte_timer as a shaper's clock beside weir's wheel.
 * reset: a pending timer, by chance, moves to another time.  idle: a call when nothing is due.  clock: each comes due
 * and is set again, one every 1 us in the mean; only calls that found one due are counted, by the time of their own.
 * Time is real, as rte_timer reads the TSC itself in every call; the wheel is given one reading a turn. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_timer.h>

#include "bench.h"
#include "wheel.h"

#define SLOTS	 4096u
#define SHIFT	 10u
#define TRACE	 4096u
#define RESETS	 1024u
#define RESETS_PER_TURN 32u
#define RESET_AHEAD_NS (2 * UINT64_C(1000000000))
#define NEVER_NS (600 * UINT64_C(1000000000))
#define CLOCKS	 1024u
#define IDLES	 4096u
#define NS_SHIFT 22u

struct timers {
	uint32_t n;
	const uint32_t *later_ns, *which;	/* TRACE of them */
	uint32_t at;
	uint64_t n_fired, spent_ticks;

	struct rte_timer *timers;
	uint64_t ticks_per_ns;			/* 2^-NS_SHIFT ticks */

	struct wheel *wheel;
	struct cffs_node *nodes;
	uint64_t began_ticks, ns_per_tick;	/* 2^-NS_SHIFT ns */
};

static inline uint64_t ns_of(const struct timers *t, uint64_t ticks)
{
	return ((ticks - t->began_ticks) * t->ns_per_tick) >> NS_SHIFT;
}

static inline uint64_t now_ns(const struct timers *t)
{
	return ns_of(t, rte_rdtsc());
}

static inline uint32_t next_later_ns(struct timers *t)
{
	return t->later_ns[t->at++ % TRACE];
}

/* --- rte_timer ------------------------------------------------------------------------------------------------- */

static void fired(struct rte_timer *timer, void *arg);

static inline void timer_set(struct timers *t, struct rte_timer *timer, uint64_t later_ns)
{
	rte_timer_reset(timer, (later_ns * t->ticks_per_ns) >> NS_SHIFT, SINGLE, rte_lcore_id(), fired, t);
}

static void fired(struct rte_timer *timer, void *arg)
{
	struct timers *t = arg;

	t->n_fired++;
	timer_set(t, timer, next_later_ns(t));
}

/* Times far enough ahead that none comes due on the way. */
static uint64_t timer_resets(void *ctx)
{
	struct timers *t = ctx;

	for (uint32_t i = 0; i < RESETS; i++)
		timer_set(t, &t->timers[t->which[i]], RESET_AHEAD_NS + next_later_ns(t));
	return RESETS;
}

static uint64_t timer_clock(void *ctx)
{
	struct timers *t = ctx;
	uint64_t first = t->n_fired;

	t->spent_ticks = 0;
	while (t->n_fired - first < CLOCKS) {
		uint64_t before = t->n_fired, began = rte_rdtsc();
		rte_timer_manage();
		t->spent_ticks += t->n_fired != before ? rte_rdtsc() - began : 0;
	}
	return t->n_fired - first;
}

static uint64_t spent_ticks(void *ctx)
{
	const struct timers *t = ctx;

	return t->spent_ticks;
}

static uint64_t timer_idle(void *ctx)
{
	(void)ctx;
	for (uint32_t i = 0; i < IDLES; i++)
		rte_timer_manage();
	return IDLES;
}

/* --- the wheel ------------------------------------------------------------------------------------------------- */

static uint64_t wheel_resets(void *ctx)
{
	struct timers *t = ctx;

	uint64_t now = 0;

	for (uint32_t i = 0; i < RESETS; i++) {
		if (i % RESETS_PER_TURN == 0)
			now = now_ns(t);
		wheel_remove(t->wheel, t->which[i]);
		wheel_push(t->wheel, t->which[i], now + RESET_AHEAD_NS + next_later_ns(t));
	}
	return RESETS;
}

static uint64_t wheel_clock(void *ctx)
{
	struct timers *t = ctx;
	uint64_t first = t->n_fired;

	t->spent_ticks = 0;
	while (t->n_fired - first < CLOCKS) {
		uint64_t before = t->n_fired, began = rte_rdtsc(), now = ns_of(t, began);
		uint32_t item;
		while ((item = wheel_pop_due(t->wheel, now)) != CFFS_NONE) {
			wheel_push(t->wheel, item, now + next_later_ns(t));
			t->n_fired++;
		}
		t->spent_ticks += t->n_fired != before ? rte_rdtsc() - began : 0;
	}
	return t->n_fired - first;
}

static uint64_t wheel_idle(void *ctx)
{
	struct timers *t = ctx;
	uint64_t n_due = 0;

	for (uint32_t i = 0; i < IDLES; i++)
		n_due += wheel_pop_due(t->wheel, now_ns(t)) != CFFS_NONE;
	return IDLES + n_due;
}

/* --- cases ----------------------------------------------------------------------------------------------------- */

/* All pending, 'ahead_ns' and a part of the trace from now on. */
static void arm_all(struct timers *t, uint64_t ahead_ns)
{
	for (uint32_t i = 0; i < t->n; i++) {
		uint64_t later_ns = ahead_ns + next_later_ns(t);
		timer_set(t, &t->timers[i], later_ns);
		if (t->nodes[i].bucket != CFFS_NONE)
			wheel_remove(t->wheel, i);
		wheel_push(t->wheel, i, now_ns(t) + later_ns);
	}
}

static void run_three(struct bench *b, struct timers *t)
{
	static const struct {
		const char *name;
		uint64_t (*ours)(void *), (*peer)(void *), (*own_ticks)(void *);
		uint64_t ahead_ns;
	} cases[] = {
		{"reset", wheel_resets, timer_resets, NULL, NEVER_NS},
		{"idle", wheel_idle, timer_idle, NULL, NEVER_NS},
		{"clock", wheel_clock, timer_clock, spent_ticks, 0},
	};
	char name[48];

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench_contender list[] = {
			{.name = BENCH_OURS, .ctx = t, .trial = cases[i].ours,
				.own_ticks = cases[i].own_ticks},
			{.name = "rte_timer", .ctx = t, .trial = cases[i].peer,
				.own_ticks = cases[i].own_ticks},
		};
		snprintf(name, sizeof(name), "%s, %" PRIu32 " pending", cases[i].name, t->n);
		bench_progress(b, "%s: setting", name);
		arm_all(t, cases[i].ahead_ns);
		bench_interleave(b, name, list, 2, NULL);
	}
}

static void run_count(struct bench *b, uint32_t n)
{
	uint32_t *later_ns = bench_alloc(TRACE * sizeof(*later_ns));
	uint32_t *which = bench_alloc(TRACE * sizeof(*which));
	struct timers t = {
		.n = n,
		.later_ns = later_ns,
		.which = which,
		.timers = bench_alloc(n * sizeof(struct rte_timer)),
		.nodes = bench_alloc(n * sizeof(struct cffs_node)),
		.began_ticks = rte_rdtsc(),
		.ns_per_tick = (uint64_t)(bench_ns_of_ticks(b, 1) * (1u << NS_SHIFT)),
		.ticks_per_ns = (uint64_t)((1u << NS_SHIFT) / bench_ns_of_ticks(b, 1)),
	};
	struct bench_rng r;

	bench_rng_init(&r, bench_seed(b));
	for (uint32_t i = 0; i < TRACE; i++) {
		later_ns[i] = bench_rng_below(&r, 2000 * n);	/* of all of them, one every 1,000 ns */
		which[i] = bench_rng_below(&r, n);
	}
	cffs_nodes_init(t.nodes, n);
	t.wheel = bench_not_null(wheel_create(SLOTS, SHIFT, t.nodes));
	for (uint32_t i = 0; i < n; i++)
		rte_timer_init(&t.timers[i]);
	run_three(b, &t);
	for (uint32_t i = 0; i < n; i++)
		rte_timer_stop_sync(&t.timers[i]);
	wheel_destroy(t.wheel);
	free(t.timers);
	free(t.nodes);
	free(later_ns);
	free(which);
}

static void run(struct bench *b)
{
	static const uint32_t counts[] = {64, 1024, 16384};

	if (rte_timer_subsystem_init() != 0) {
		bench_note(b, "rte_timer does not start: no memory");
		return;
	}
	bench_plan(b, 9);
	for (unsigned int i = 0; i < 3; i++)
		run_count(b, counts[i]);
	rte_timer_subsystem_finalize();
	bench_note(b, "rte_timer keeps ns, locks (any lcore may set a timer) and calls back; the wheel keeps slots of %u ns,"
		" belongs to one core, and gives an item's number", 1u << SHIFT);
}

const struct bench_suite suite_timer = {
	.name = "timer",
	.about = "rte_timer as a shaper's clock beside weir's wheel; a unit is one reset, one due and set again, one idle call",
	.run = run,
};
