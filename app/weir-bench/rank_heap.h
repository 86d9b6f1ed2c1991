/* SPDX-License-Identifier: BSD-3-Clause */
/* The contender of policies: a binary heap with cFFS's calls.
 * Used by: many_flows.c.  Uses: cffs/rank_queue.h. */
#ifndef WEIR_BENCH_RANK_HEAP_H
#define WEIR_BENCH_RANK_HEAP_H

#include "rank_queue.h"

extern const struct rank_queue_ops rank_queue_heap;

#endif
