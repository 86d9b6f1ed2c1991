/* SPDX-License-Identifier: BSD-3-Clause */
/* The cost of a packet where limits bind, on the real clock: part of sched_cost. */
#ifndef BENCH_SCHED_SHAPING_H
#define BENCH_SCHED_SHAPING_H

#include "bench.h"

void sched_shaping(struct bench *b);

#endif
