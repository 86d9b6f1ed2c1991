/* SPDX-License-Identifier: BSD-3-Clause */
#include "hist.h"

#define N_STEPS	   (1u << HIST_STEP_BITS)
#define MOST_TRIES 64

static void read_counts(const _Atomic uint64_t count[HIST_BUCKETS], const _Atomic uint64_t *max_ns, struct hist_snapshot *s)
{
	s->n = 0;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		s->count[i] = atomic_load_explicit(&count[i], memory_order_relaxed);
		s->n += s->count[i];
	}
	s->max_ns = atomic_load_explicit(max_ns, memory_order_relaxed);
}

void hist_read(const struct hist *h, struct hist_snapshot *s)
{
	read_counts(h->count, &h->max_ns, s);
}

void hist_read_parts(const _Atomic uint64_t count[HIST_BUCKETS], const _Atomic uint64_t *run,
	const _Atomic uint64_t *max_ns, struct hist_snapshot *s)
{
	uint64_t before, after;

	/* Until no run ended meanwhile: else its samples would be missed, or counted twice.  The writer needs some
	 * packets for a run, so the second try will do; it is never waited for. */
	for (int tries = 0; tries < MOST_TRIES; tries++) {
		before = atomic_load_explicit(run, memory_order_acquire);
		read_counts(count, max_ns, s);
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(run, memory_order_relaxed);
		if (before >> 48 == after >> 48 && (before >> 48) % 2 == 0)
			break;
	}
	s->count[before >> 32 & 0xffff] += (uint32_t)before;
	s->n += (uint32_t)before;
}

void hist_merge(struct hist_snapshot *a, const struct hist_snapshot *b)
{
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		a->count[i] += b->count[i];
	a->n += b->n;
	if (b->max_ns > a->max_ns)
		a->max_ns = b->max_ns;
}

void hist_since(struct hist_snapshot *now, const struct hist_snapshot *then)
{
	uint64_t longest_ns = 0;

	now->n = 0;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		now->count[i] = now->count[i] > then->count[i] ? now->count[i] - then->count[i] : 0;
		now->n += now->count[i];
		if (now->count[i] > 0)
			longest_ns = hist_bucket_ns(i);
	}
	if (now->max_ns <= then->max_ns)
		now->max_ns = longest_ns < now->max_ns ? longest_ns : now->max_ns;
}

/* How many samples the share covers: rounded up, except where binary fractions alone made it more (0.07 of
 * 100). */
static uint64_t samples_of(double q, uint64_t n)
{
	double want = q * (double)n;
	uint64_t samples = (uint64_t)want;

	if (want - (double)samples > want * 1e-12)
		samples++;
	if (samples == 0)
		return 1;
	return samples < n ? samples : n;
}

uint64_t hist_quantile_ns(const struct hist_snapshot *s, double q)
{
	if (s->n == 0)
		return 0;
	if (!(q > 0)) /* and NaN */
		q = 0;
	uint64_t left = samples_of(q < 1 ? q : 1, s->n);
	for (uint32_t i = 0; i < HIST_BUCKETS - 1; i++) {
		if (left <= s->count[i]) {
			uint64_t ns = hist_bucket_ns(i);
			return ns < s->max_ns ? ns : s->max_ns;
		}
		left -= s->count[i];
	}
	return s->max_ns; /* the last bucket has no upper end */
}

uint64_t hist_bucket_ns(uint32_t bucket)
{
	if (bucket < 2 * N_STEPS) /* a nanosecond each */
		return bucket;
	if (bucket >= HIST_BUCKETS - 1)
		return UINT64_C(1) << 42;
	uint32_t width_bits = (bucket >> HIST_STEP_BITS) - 1;
	uint64_t lower = (uint64_t)(N_STEPS + bucket % N_STEPS) << width_bits;
	return lower + (UINT64_C(1) << width_bits) / 2;
}
