/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues by time as suite 'window' asks them: virtual time in slots, the first item that is due or none.
 * Used by: window.c, window_peers.c.  Uses: bench.h. */
#ifndef WEIR_BENCH_WINDOW_H
#define WEIR_BENCH_WINDOW_H

#include "bench.h"

#define WINDOW_SLOTS 256u	/* the horizon: small, so that a run crosses it often */
#define WINDOW_SHIFT 10u
#define WINDOW_ITEMS 4096u
#define WINDOW_NONE  UINT32_MAX

struct window_queue {
	const char *name;
	bool is_ours;
	void *(*create)(uint64_t now_ns);
	void (*destroy)(void *queue);
	void (*push)(void *queue, uint32_t item, uint64_t at_ns);
	uint32_t (*pop_due)(void *queue, uint64_t now_ns);
};

extern const struct window_queue *const window_queues[];	/* ends with NULL */

#endif
