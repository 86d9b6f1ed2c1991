/* SPDX-License-Identifier: BSD-3-Clause */
/* Earliest deadline first (Liu and Layland, 1973): the rank is the packet's deadline, set when it comes.
 * Eiffel's (NSDI'19, section 3) plainest policy.  Work-conserving: the earliest goes also when its deadline
 * is far. Order is by steps of 'step_ns' (rounded up to a power of two), first in, first out within a step.
 * Deadlines from a quarter of the horizon behind now to three quarters ahead are in order; those later still
 * than that come first, first in, first out; those beyond come after, in nearly the right order (cffs.h: far
 * ranks). Used by: tests, benchmarks.  Uses: pifo.h. */
#ifndef WEIR_EDF_H
#define WEIR_EDF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "rank_queue.h"

struct edf;

/* horizon_ns / step_ns of 64 .. 262,144, rounded up to a power of two.  NULL where memory is out; nothing is
 * allocated later. */
struct edf *edf_create(
	const struct rank_queue_ops *ops, uint64_t horizon_ns, uint64_t step_ns, uint32_t max_pkts);
void edf_destroy(struct edf *e);

/* Time must not go back.  false: full, and nothing has changed. */
bool edf_push(struct edf *e, void *handle, uint64_t deadline_ns, uint64_t now_ns);

/* NULL when empty. */
void *edf_pop(struct edf *e, uint64_t now_ns);

uint32_t edf_count(const struct edf *e);
bool edf_check(const struct edf *e, FILE *out);

#endif
