/* SPDX-License-Identifier: BSD-3-Clause */
/* A bounded ring of copied packets, from one worker to one writer of a file.  The worker never waits: what does not fit
 * is counted as missed.  All memory is there, and was touched, before the worker sees the ring.
 *
 * Records stand one behind the other in a circle of 2^n bytes; one that would cross its end begins at its start, behind a
 * record that says so.
 * Used by: pipeline (begin, end), recorder (the rest).  Uses: nothing. */
#ifndef WEIR_CAPTURE_RING_H
#define WEIR_CAPTURE_RING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture_record {
	uint64_t at_ns;		/* of the worker's clock */
	uint32_t bytes;		/* of the packet */
	uint32_t kept_bytes;	/* of these, behind this header; CAPTURE_RING_END: none, go on at the start */
};

#define CAPTURE_RING_END UINT32_MAX

struct capture_ring {
	/* Set at init. */
	uint8_t *circle;
	uint64_t size;
	uint64_t max_pkts;			/* that are ever put */
	/* The worker's. */
	alignas(64) _Atomic uint64_t put_at;	/* only grow; a place is its rest by size */
	_Atomic uint64_t missed_pkts;
	uint64_t n_put;
	/* The writer's. */
	alignas(64) _Atomic uint64_t taken_at;
};

/* Room for a record of 'most_bytes' at least, and for 'most_pkts' of them where that fits into 'most_size', which is
 * rounded to a power of two; no more than most_pkts are ever taken.  false: no memory. */
bool capture_ring_init(struct capture_ring *r, uint32_t most_bytes, uint64_t most_pkts, uint64_t most_size);
void capture_ring_fini(struct capture_ring *r);

static inline uint64_t capture_record_size(uint32_t kept_bytes)
{
	return (sizeof(struct capture_record) + kept_bytes + 7) & ~UINT64_C(7);
}

/* The worker: where the first 'kept_bytes' of a packet are to be copied; NULL: there is no room, which is counted, or it
 * has had its packets, which is not. */
uint8_t *capture_ring_begin(struct capture_ring *r, uint32_t kept_bytes);

/* They are there.  The same number; the packet itself has 'bytes'. */
void capture_ring_end(struct capture_ring *r, uint32_t kept_bytes, uint32_t bytes, uint64_t at_ns);

/* The writer: the oldest record, its bytes behind it; NULL: none is there.  It stays until it is taken. */
const struct capture_record *capture_ring_head(struct capture_ring *r);
void capture_ring_take(struct capture_ring *r);

#endif
