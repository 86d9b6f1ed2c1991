/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures, from asked for to a file that tcpdump reads: each has a thread of its own, so that a disk that is slow or full
 * is one capture's trouble, and never the workers', who put copies into rings (capture_ring.h) and do not wait.
 *
 *   any thread: recorder_start() makes file, rings and thread, then hands the workers a new struct capture_set
 *   its thread: writes what comes, in order of time as far as several workers' packets are there; flushes, so that the file
 *               can be read while it grows; when it is over, takes its rule back, waits until no worker has it, writes the rest
 *   any thread: recorder_stop() ends it before that
 * Two sets take turns: one is with the workers, the other may be written.  Nobody waits for a worker for more than a second
 * while somebody else waits for him.
 * Plain C, pthreads and libpcap.  Used by: the app.  Uses: capture, base. */
#ifndef WEIR_RECORDER_H
#define WEIR_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "capture.h"

struct recorder_io {
	void *ctx;
	unsigned int n_workers;
	uint64_t (*now_ns)(void *ctx);				/* the workers' clock */
	void (*hand)(void *ctx, const struct capture_set *set);	/* to all workers; NULL: nothing is captured */
	bool (*has)(void *ctx);					/* have they all what was handed last, and nothing before it? */
	void (*log)(void *ctx, const char *what);
};

struct recorder;

struct recorder *recorder_create(const struct recorder_io *io);	/* NULL: no memory */

/* Ends all captures and takes no more.  The workers still run; where one does not take its rules back within some
 * seconds the rings stay until recorder_destroy().  To be called once. */
void recorder_close(struct recorder *r);
void recorder_destroy(struct recorder *r);	/* closed, and the workers have ended.  NULL is legal */

/* Any thread: the capture's own may run where this one may (telemetry's are kept off the data lcores by EAL).
 * false: nothing was begun, and no file was touched, for what 'why' says.  Else the workers have it when this
 * returns, or 'why' warns that one has not taken it yet. */
bool recorder_start(struct recorder *r, const struct capture_ask *ask, const struct capture_rule *rule,
	struct capture_view *view, struct why *why);

/* Ends it, and waits for that for a second at most: else view->is_ending.  false: there is none of this number. */
bool recorder_stop(struct recorder *r, uint32_t id, struct capture_view *view, struct why *why);

/* The latest first.  Returns how many. */
uint32_t recorder_list(struct recorder *r, struct capture_view views[CAPTURE_KEEP]);

#endif
