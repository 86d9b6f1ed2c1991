/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture_ring.h"

#include <string.h>

#include "mem.h"

#define LEAST_SIZE (UINT64_C(1) << 16)

bool capture_ring_init(struct capture_ring *r, uint32_t most_bytes, uint64_t most_pkts, uint64_t most_size)
{
	uint64_t record = capture_record_size(most_bytes);
	uint64_t size = LEAST_SIZE;

	/* Two of the longest: one may have to begin anew just before the circle's end. */
	while (size < 2 * record || (size < most_size && size / record < most_pkts))
		size *= 2;
	memset(r, 0, sizeof(*r));
	r->size = size;
	r->max_pkts = most_pkts;
	r->circle = mem_reserve(1, size);
	if (r->circle == NULL)
		return false;
	memset(r->circle, 0xff, size);	/* no page fault is left for the worker */
	return true;
}

void capture_ring_fini(struct capture_ring *r)
{
	mem_release(r->circle, 1, r->size);
	r->circle = NULL;
}

static struct capture_record *record_at(const struct capture_ring *r, uint64_t at)
{
	return (struct capture_record *)(r->circle + (at & (r->size - 1)));
}

/* What is left of the circle behind this place. */
static uint64_t left_of(const struct capture_ring *r, uint64_t at)
{
	return r->size - (at & (r->size - 1));
}

/* Where a record of 'size' bytes goes that comes behind 'at'. */
static uint64_t place_of(const struct capture_ring *r, uint64_t at, uint64_t size)
{
	return left_of(r, at) < size ? at + left_of(r, at) : at;
}

uint8_t *capture_ring_begin(struct capture_ring *r, uint32_t kept_bytes)
{
	uint64_t at = atomic_load_explicit(&r->put_at, memory_order_relaxed);
	uint64_t size = capture_record_size(kept_bytes), place = place_of(r, at, size);

	if (r->n_put == r->max_pkts)
		return NULL;
	if (place + size - atomic_load_explicit(&r->taken_at, memory_order_acquire) > r->size) {
		atomic_store_explicit(&r->missed_pkts, atomic_load_explicit(&r->missed_pkts, memory_order_relaxed) + 1,
			memory_order_relaxed);
		return NULL;
	}
	/* Sizes are eights and a header is two: where only eight bytes are left, the end says it by itself. */
	if (place != at && left_of(r, at) >= sizeof(struct capture_record))
		record_at(r, at)->kept_bytes = CAPTURE_RING_END;
	return (uint8_t *)(record_at(r, place) + 1);
}

void capture_ring_end(struct capture_ring *r, uint32_t kept_bytes, uint32_t bytes, uint64_t at_ns)
{
	uint64_t size = capture_record_size(kept_bytes);
	uint64_t place = place_of(r, atomic_load_explicit(&r->put_at, memory_order_relaxed), size);

	*record_at(r, place) = (struct capture_record){.at_ns = at_ns, .bytes = bytes, .kept_bytes = kept_bytes};
	r->n_put++;
	atomic_store_explicit(&r->put_at, place + size, memory_order_release);
}

const struct capture_record *capture_ring_head(struct capture_ring *r)
{
	uint64_t at = atomic_load_explicit(&r->taken_at, memory_order_relaxed);
	uint64_t end = atomic_load_explicit(&r->put_at, memory_order_acquire);

	if (at == end)
		return NULL;
	if (left_of(r, at) < sizeof(struct capture_record) || record_at(r, at)->kept_bytes == CAPTURE_RING_END) {
		at += left_of(r, at);
		atomic_store_explicit(&r->taken_at, at, memory_order_release);
	}
	return record_at(r, at);
}

void capture_ring_take(struct capture_ring *r)
{
	uint64_t at = atomic_load_explicit(&r->taken_at, memory_order_relaxed);

	atomic_store_explicit(&r->taken_at, at + capture_record_size(record_at(r, at)->kept_bytes), memory_order_release);
}
