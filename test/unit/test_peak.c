/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "peak.h"
#include "unit.h"

#define MOST_MS 40000u

/* What passed in each ms. */
static struct peak_window passed[MOST_MS];

static void most(struct peak_window *m, uint64_t from, uint64_t to)
{
	struct peak_window sum = {0};

	for (uint64_t ms = from; ms < to && ms < MOST_MS; ms++) {
		sum.bytes += passed[ms].bytes;
		sum.pkts += passed[ms].pkts;
	}
	m->bytes = sum.bytes > m->bytes ? sum.bytes : m->bytes;
	m->pkts = sum.pkts > m->pkts ? sum.pkts : m->pkts;
}

static struct peak_most slow_look(uint64_t first, uint64_t now)
{
	struct peak_most m = {0};

	for (uint64_t ms = first; ms <= now; ms++)
		most(&m.ms, ms, ms + 1);
	for (uint64_t ms = first; ms <= now; ms += 10)
		most(&m.ten_ms, ms, ms + 10);
	return m;
}

static void must_be_same(const struct peak_most *got, const struct peak_most *want)
{
	unit_must(memcmp(got, want, sizeof(*got)) == 0);
}

/* Bursts, silences of any length, epochs that end in them.  Broken by: a window that is closed with what the next one
 * brings; 10 ms that begin with their first packet; an epoch before a silence that is still recent. */
START_TEST(peaks_are_those_that_a_slow_look_finds)
{
	struct peak p = {0};
	uint64_t random = (uint64_t)_i, bytes = 0, pkts = 0, now = unit_random(&random) % 3000, window = 0;
	static const uint64_t gaps[] = {0, 0, 1, 1, 2, 15, 300, 6000};

	memset(passed, 0, sizeof(passed));
	while (now < MOST_MS) {
		if (window != now) {
			peak_begin(&p, now, bytes, pkts);
			window = now;
		}
		uint64_t n = unit_random(&random) % 50 * (_i % 3 == 2 ? 10000 : 1);	/* also many times 2^32 */
		passed[now].bytes += n * 60;
		passed[now].pkts += n / 3;
		bytes += n * 60;
		pkts += n / 3;
		uint64_t seen_at = now + (unit_random(&random) % 8 == 0 ? unit_random(&random) % 12000 : 0);
		struct peak_view v = {0};
		peak_read(&p, seen_at, bytes, pkts, &v);
		if (unit_random(&random) % 8 == 0 || seen_at != now) {
			uint64_t epoch = seen_at / PEAK_EPOCH_MS;
			struct peak_most ever = slow_look(0, now);
			struct peak_most recent = slow_look(epoch > 0 ? (epoch - 1) * PEAK_EPOCH_MS : 0, now);
			must_be_same(&v.ever, &ever);
			must_be_same(&v.recent, &recent);
		}
		now += gaps[unit_random(&random) % (_i % 2 ? 8 : 7)];
	}
}
END_TEST

START_TEST(two_views_are_the_larger_of_each)
{
	struct peak_view a = {.ever = {.ms = {5, 1}, .ten_ms = {7, 9}}}, b = {.ever = {.ms = {4, 2}}, .recent = {.ten_ms = {1, 1}}};

	peak_merge(&a, &b);
	ck_assert(a.ever.ms.bytes == 5 && a.ever.ms.pkts == 2 && a.ever.ten_ms.bytes == 7 && a.ever.ten_ms.pkts == 9);
	ck_assert(a.recent.ten_ms.bytes == 1 && a.recent.ms.bytes == 0);
}
END_TEST

static struct peak shared;
static _Atomic uint64_t shared_bytes, shared_window;
static _Atomic bool has_enough;

/* 100 bytes in each window, never more. */
static void *pass(void *arg)
{
	(void)arg;
	for (uint64_t w = 1; w < 100 || !atomic_load_explicit(&has_enough, memory_order_relaxed); w++) {
		uint64_t bytes = atomic_load_explicit(&shared_bytes, memory_order_relaxed);
		peak_begin(&shared, w, bytes, 0);
		atomic_store_explicit(&shared_window, w, memory_order_relaxed);
		for (int i = 0; i < 4; i++)
			atomic_store_explicit(&shared_bytes, bytes += 25, memory_order_relaxed);
	}
	return NULL;
}

/* Broken by: counters that are read after the base. */
START_TEST(who_looks_while_it_passes_never_sees_too_much)
{
	pthread_t thread;
	struct peak_view v = {0};

	ck_assert_int_eq(pthread_create(&thread, NULL, pass, NULL), 0);
	for (int i = 0; i < 5000000; i++) {
		uint64_t window = atomic_load(&shared_window), bytes = atomic_load_explicit(&shared_bytes, memory_order_relaxed);
		peak_read(&shared, window, bytes, 0, &v);
		unit_must(v.ever.ms.bytes <= 100 && v.ever.ten_ms.bytes <= 1000);
		unit_must(v.recent.ms.bytes <= 100 && v.recent.ten_ms.bytes <= 1000);
	}
	atomic_store(&has_enough, true);
	pthread_join(thread, NULL);
	peak_read(&shared, shared_window, shared_bytes, 0, &v);
	ck_assert(v.ever.ms.bytes == 100 && v.ever.ten_ms.bytes == 1000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("peak");
	TCase *tc = tcase_create("peak");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, peaks_are_those_that_a_slow_look_finds, 0, 10);
	tcase_add_test(tc, two_views_are_the_larger_of_each);
	tcase_add_test(tc, who_looks_while_it_passes_never_sees_too_much);
	suite_add_tcase(s, tc);
	return unit_run(s);
}
