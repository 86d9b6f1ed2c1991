/* SPDX-License-Identifier: BSD-3-Clause */
/* Strict priority by DSCP: a packet's rank is what a map of 64 entries says of its code point (RFC 2474) when
 * it comes, lower ranks first; within a rank first in, first out.  This is the plain rank of a mark, not
 * weir's own treatment of classes (lib/sched): a sender that marks itself high wins, so it is for marks that
 * can be trusted. Used by: tests, benchmarks.  Uses: pifo.h. */
#ifndef WEIR_DSCP_RANK_H
#define WEIR_DSCP_RANK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "rank_queue.h"

#define DSCP_RANK_N 64

struct dscp_rank;

/* 'map' is copied.  NULL where memory is out; nothing is allocated later. */
struct dscp_rank *dscp_rank_create(
	const struct rank_queue_ops *ops, const uint8_t map[DSCP_RANK_N], uint32_t max_pkts);
void dscp_rank_destroy(struct dscp_rank *d);

/* From now on packets are ranked by 'map'; those that wait keep their rank. */
void dscp_rank_set_map(struct dscp_rank *d, const uint8_t map[DSCP_RANK_N]);

/* false: full, and nothing has changed. */
bool dscp_rank_push(struct dscp_rank *d, void *handle, uint8_t dscp);

/* NULL when empty. */
void *dscp_rank_pop(struct dscp_rank *d);

uint32_t dscp_rank_count(const struct dscp_rank *d);
bool dscp_rank_check(const struct dscp_rank *d, FILE *out);

#endif
