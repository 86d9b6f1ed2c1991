/* SPDX-License-Identifier: BSD-3-Clause */
/* The most that passed in any window of 1 ms, and of 10 ms: averages hide the bursts that make a VM slow (contract 12).
 * Windows are aligned: a burst across a boundary shows as two, the larger of which is half of it at least.
 *
 * Nothing is done by packet.  Counters that only grow are looked at before the first packet of a window is counted: what
 * they grew by since the window before began was that one's.  A window that is not over is its part so far.
 * One writer; any thread reads, and reading resets nothing.
 * Used by: sched (one a VF and direction), view, telem, explain.  Uses: nothing. */
#ifndef WEIR_PEAK_H
#define WEIR_PEAK_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define PEAK_MS_NS	UINT64_C(1000000)
#define PEAK_TEN_MS	10u	/* windows of 1 ms in a longer one ... */
#define PEAK_EPOCH_MS	5000u	/* ... and in an epoch: 'recent' is this one and the one before it */

/* Bits and packets have their windows apart. */
struct peak_window {
	uint64_t bytes, pkts;
};

struct peak_most {
	struct peak_window ms, ten_ms;
};

struct peak_view {
	struct peak_most ever;		/* since the start */
	struct peak_most recent;	/* of the last 5 to 10 s */
};

/* What passes in 10 ms is less than 2^31 bytes (1.7 Tb/s): the last bits of the counters tell it. */
struct peak_count {
	_Atomic uint32_t bytes, pkts;
};

struct peak_kept {
	struct peak_count ms, ten_ms;
};

/* All zeros, with counters of 0: new. */
struct peak {
	alignas(64) _Atomic uint64_t window;	/* of 1 ms, the open one, since time 0 */
	struct peak_count base, base_ten;	/* the counters when it, and the 10 ms it is in, began */
	struct peak_kept ever, epoch;		/* of windows that are over: at all, in its epoch ... */
	alignas(64) struct peak_kept before;	/* ... and in the one before that */
};
static_assert(offsetof(struct peak, before) == 64, "a window that begins costs one cache line");

/* The writer: 'window' begins, a later one than the open one, and the counters stand so. */
void peak_begin(struct peak *p, uint64_t window, uint64_t bytes, uint64_t pkts);

/* The writer, after peak_begin(): what is over was somebody else's. */
void peak_forget(struct peak *p);

/* Any thread: adds what 'p' has at the time of 'window' to *view, the larger of each.  The counters must have been read
 * before this is called. */
void peak_read(const struct peak *p, uint64_t window, uint64_t bytes, uint64_t pkts, struct peak_view *view);

/* Of two views, the larger of each. */
void peak_merge(struct peak_view *view, const struct peak_view *other);

#endif
