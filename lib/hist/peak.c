/* SPDX-License-Identifier: BSD-3-Clause */
#include "peak.h"

#include <stdbool.h>

static uint32_t get(const _Atomic uint32_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

static void put(_Atomic uint32_t *to, uint32_t value)
{
	atomic_store_explicit(to, value, memory_order_relaxed);
}

static uint64_t window_of(const struct peak *p)
{
	return atomic_load_explicit(&p->window, memory_order_relaxed);
}

static void put_count(struct peak_count *to, uint32_t bytes, uint32_t pkts)
{
	put(&to->bytes, bytes);
	put(&to->pkts, pkts);
}

static void raise(struct peak_count *to, uint32_t bytes, uint32_t pkts)
{
	if (bytes > get(&to->bytes))
		put(&to->bytes, bytes);
	if (pkts > get(&to->pkts))
		put(&to->pkts, pkts);
}

/* Into the next epoch, or one later. */
static void begin_epoch(struct peak *p, bool is_next)
{
	struct peak_kept *e = &p->epoch;

	put_count(&p->before.ms, is_next ? get(&e->ms.bytes) : 0, is_next ? get(&e->ms.pkts) : 0);
	put_count(&p->before.ten_ms, is_next ? get(&e->ten_ms.bytes) : 0, is_next ? get(&e->ten_ms.pkts) : 0);
	put_count(&e->ms, 0, 0);
	put_count(&e->ten_ms, 0, 0);
}

void peak_begin(struct peak *p, uint64_t window, uint64_t bytes, uint64_t pkts)
{
	uint64_t old = window_of(p);
	uint32_t b = (uint32_t)bytes, n = (uint32_t)pkts;
	uint32_t ms_bytes = b - get(&p->base.bytes), ms_pkts = n - get(&p->base.pkts);

	raise(&p->ever.ms, ms_bytes, ms_pkts);
	raise(&p->epoch.ms, ms_bytes, ms_pkts);
	if (window / PEAK_TEN_MS != old / PEAK_TEN_MS) {
		uint32_t ten_bytes = b - get(&p->base_ten.bytes), ten_pkts = n - get(&p->base_ten.pkts);
		raise(&p->ever.ten_ms, ten_bytes, ten_pkts);
		raise(&p->epoch.ten_ms, ten_bytes, ten_pkts);
		put_count(&p->base_ten, b, n);
	}
	if (window / PEAK_EPOCH_MS != old / PEAK_EPOCH_MS)
		begin_epoch(p, window / PEAK_EPOCH_MS == old / PEAK_EPOCH_MS + 1);
	put_count(&p->base, b, n);
	atomic_store_explicit(&p->window, window, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);	/* who sees what is counted next sees this base */
}

void peak_forget(struct peak *p)
{
	struct peak_kept *const all[] = {&p->ever, &p->epoch, &p->before};

	for (int i = 0; i < 3; i++) {
		put_count(&all[i]->ms, 0, 0);
		put_count(&all[i]->ten_ms, 0, 0);
	}
	put_count(&p->base_ten, get(&p->base.bytes), get(&p->base.pkts));
}

/* Counters that were read before their base was set are behind it: that window has nothing yet. */
static uint64_t since(const _Atomic uint32_t *base, uint64_t counter)
{
	uint32_t n = (uint32_t)counter - get(base);

	return n < UINT32_C(1) << 31 ? n : 0;
}

static struct peak_window open_since(const struct peak_count *base, uint64_t bytes, uint64_t pkts)
{
	return (struct peak_window){.bytes = since(&base->bytes, bytes), .pkts = since(&base->pkts, pkts)};
}

static void at_least(struct peak_window *w, uint64_t bytes, uint64_t pkts)
{
	w->bytes = bytes > w->bytes ? bytes : w->bytes;
	w->pkts = pkts > w->pkts ? pkts : w->pkts;
}

static void add_kept(struct peak_most *m, const struct peak_kept *k)
{
	at_least(&m->ms, get(&k->ms.bytes), get(&k->ms.pkts));
	at_least(&m->ten_ms, get(&k->ten_ms.bytes), get(&k->ten_ms.pkts));
}

static void add_most(struct peak_most *m, const struct peak_most *other)
{
	at_least(&m->ms, other->ms.bytes, other->ms.pkts);
	at_least(&m->ten_ms, other->ten_ms.bytes, other->ten_ms.pkts);
}

void peak_read(const struct peak *p, uint64_t window, uint64_t bytes, uint64_t pkts, struct peak_view *view)
{
	atomic_thread_fence(memory_order_acquire);
	struct peak_most open = {
		.ms = open_since(&p->base, bytes, pkts),
		.ten_ms = open_since(&p->base_ten, bytes, pkts),
	};
	uint64_t epoch = window_of(p) / PEAK_EPOCH_MS, now = window / PEAK_EPOCH_MS;

	add_kept(&view->ever, &p->ever);
	add_most(&view->ever, &open);
	if (now > epoch + 1)
		return;
	add_kept(&view->recent, &p->epoch);
	add_most(&view->recent, &open);
	if (now <= epoch)
		add_kept(&view->recent, &p->before);
}

void peak_merge(struct peak_view *view, const struct peak_view *other)
{
	add_most(&view->ever, &other->ever);
	add_most(&view->recent, &other->recent);
}
