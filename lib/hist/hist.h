/* SPDX-License-Identifier: BSD-3-Clause */
/* Log-linear histogram of delays: 8 steps an octave (error <= 12.5 %, reported at the step's middle), 0 ns .. 2^42 ns.
 * One writer, any number of readers: counters are relaxed atomics and only grow, so reading never resets.
 * Used by: sched, control, telem.  Uses: nothing. */
#ifndef WEIR_HIST_H
#define WEIR_HIST_H

#include <stdatomic.h>
#include <stdint.h>

#define HIST_STEP_BITS 3
#define HIST_BUCKETS   ((42 - HIST_STEP_BITS + 2) << HIST_STEP_BITS)

struct hist {
	_Atomic uint64_t max_ns;
	_Atomic uint64_t count[HIST_BUCKETS];
};

/* A plain copy, to be read at leisure. */
struct hist_snapshot {
	uint64_t n;
	uint64_t max_ns;
	uint64_t count[HIST_BUCKETS];
};

static inline uint32_t hist_bucket(uint64_t ns)
{
	if (ns < (UINT64_C(1) << HIST_STEP_BITS))
		return (uint32_t)ns;
	if (ns >= (UINT64_C(1) << 42))
		return HIST_BUCKETS - 1;
	uint32_t log2 = 63u - (uint32_t)__builtin_clzll(ns);
	uint32_t step = (uint32_t)(ns >> (log2 - HIST_STEP_BITS)) & ((1u << HIST_STEP_BITS) - 1);
	return ((log2 - HIST_STEP_BITS + 1) << HIST_STEP_BITS) + step;
}

/* The writer's call: no locked instruction. */
static inline void hist_count(_Atomic uint64_t *count, uint64_t ns, uint32_t n)
{
	_Atomic uint64_t *c = &count[hist_bucket(ns)];

	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

/* The same through a word beside what the writer touches anyway: delays repeat, so the counter, which is in no cache where
 * there are many histograms, is written once for a run of samples in one bucket.  The word, which hist_read_parts() adds:
 * how often it was changed << 48, odd in the middle of it | the run's bucket << 32 | its samples. */
#define HIST_RUN_MOST 64u	/* and what the last call adds */

static inline void hist_count_run(_Atomic uint64_t *run, _Atomic uint64_t *count, uint64_t ns, uint32_t n)
{
	uint64_t now = atomic_load_explicit(run, memory_order_relaxed);
	uint64_t bucket = hist_bucket(ns), changes = now >> 48;

	if ((now >> 32 & 0xffff) == bucket && (uint32_t)now < HIST_RUN_MOST) {
		atomic_store_explicit(run, now + n, memory_order_relaxed);
		return;
	}
	_Atomic uint64_t *c = &count[now >> 32 & 0xffff];
	atomic_store_explicit(run, now + (UINT64_C(1) << 48), memory_order_relaxed);
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + (uint32_t)now, memory_order_release);
	atomic_store_explicit(run, (changes + 2) << 48 | bucket << 32 | n, memory_order_release);
}

static inline void hist_max(_Atomic uint64_t *max_ns, uint64_t ns)
{
	if (ns > atomic_load_explicit(max_ns, memory_order_relaxed))
		atomic_store_explicit(max_ns, ns, memory_order_relaxed);
}

static inline void hist_record(struct hist *h, uint64_t ns)
{
	hist_count(h->count, ns, 1);
	hist_max(&h->max_ns, ns);
}

void hist_read(const struct hist *h, struct hist_snapshot *s);

/* The same for a caller who keeps the maximum and the run beside what else every packet touches, and calls
 * hist_count_run() and hist_max(). */
void hist_read_parts(const _Atomic uint64_t count[HIST_BUCKETS], const _Atomic uint64_t *run,
	const _Atomic uint64_t *max_ns, struct hist_snapshot *s);

/* Adds 'b' to 'a'. */
void hist_merge(struct hist_snapshot *a, const struct hist_snapshot *b);

/* Leaves in 'now' only what came after 'then', an earlier snapshot of the same.  Its longest is exact where it is a new
 * record, else as exact as a bucket. */
void hist_since(struct hist_snapshot *now, const struct hist_snapshot *then);

/* The delay that a share q (0 .. 1) of the samples did not exceed; 0 without samples; never above max_ns. */
uint64_t hist_quantile_ns(const struct hist_snapshot *s, double q);

/* The middle of a bucket. */
uint64_t hist_bucket_ns(uint32_t bucket);

#endif
