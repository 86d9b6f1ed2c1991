/* SPDX-License-Identifier: BSD-3-Clause */
/* One API over all queues of integer ranks: both forms of cFFS here, and whatever else keeps the contract (heaps, trees
 * and a plain wheel in the benchmark).  A call costs an indirect jump; who cannot pay that uses cffs.h itself.
 * Items are numbers 0 .. n_items - 1, their ranks compare modulo 2^64 by the sign of their difference, and an item is in
 * one queue at a time.
 * Used by: policy, benchmarks.  Uses: cffs.h, cffs_windows.h. */
#ifndef WEIR_RANK_QUEUE_H
#define WEIR_RANK_QUEUE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cffs.h"

struct rank_queue_params {
	uint32_t n_items;
	uint32_t n_buckets;	 /* bucketed queues: a power of two; others may ignore it, and 'shift' */
	unsigned int shift;	 /* a bucket holds 2^shift ranks */
	struct cffs_node *nodes; /* n_items, initialised by cffs_nodes_init(); outlive the queue */
};

struct rank_queue_ops {
	const char *name;
	/* NULL where memory is out. */
	void *(*create)(const struct rank_queue_params *params);
	void (*destroy)(void *q);
	/* Puts 'item', which must be in no queue, and keeps its rank in nodes[item].rank.  Never allocates. */
	void (*push)(void *q, uint32_t item, uint64_t rank);
	/* Takes the first item, or CFFS_NONE.  Of equal ranks the first pushed. */
	uint32_t (*pop_first)(void *q);
	/* Takes 'item' out of the queue it is in. */
	void (*remove)(void *q, uint32_t item);
	/* What pop_first() would take: the forms of cFFS put far items anew on the way, at most 8 a call, so that
	 * in a crowd of those the next call may find an earlier one. */
	uint32_t (*first)(void *q);
	/* Ranks before this are late from now on: they still come before all others, first in, first out.  Bucketed
	 * queues move their window; others may do nothing.  Never passes a waiting item, never goes back. */
	void (*advance)(void *q, uint64_t rank);
	uint32_t (*count)(const void *q);
	/* Checks every invariant, slowly; says what is broken to 'out'. */
	bool (*check)(const void *q, FILE *out);
};

/* 'q' is a struct cffs, so that the calls of cffs.h may be used beside these: cffs_rebase() above all. */
extern const struct rank_queue_ops rank_queue_circular;
/* The same with struct cffs_windows and cffs_windows.h. */
extern const struct rank_queue_ops rank_queue_windows;

struct rank_queue {
	const struct rank_queue_ops *ops;
	void *q;
};

/* 0 or -ENOMEM. */
static inline int rank_queue_create(struct rank_queue *rq, const struct rank_queue_ops *ops,
	const struct rank_queue_params *params)
{
	*rq = (struct rank_queue){.ops = ops, .q = ops->create(params)};
	return rq->q == NULL ? -ENOMEM : 0;
}

/* Legal after a failed create, and on {0}. */
static inline void rank_queue_destroy(struct rank_queue *rq)
{
	if (rq->q != NULL)
		rq->ops->destroy(rq->q);
	rq->q = NULL;
}

static inline void rank_queue_push(struct rank_queue *rq, uint32_t item, uint64_t rank)
{
	rq->ops->push(rq->q, item, rank);
}

static inline uint32_t rank_queue_pop_first(struct rank_queue *rq)
{
	return rq->ops->pop_first(rq->q);
}

static inline void rank_queue_remove(struct rank_queue *rq, uint32_t item)
{
	rq->ops->remove(rq->q, item);
}

static inline uint32_t rank_queue_first(struct rank_queue *rq)
{
	return rq->ops->first(rq->q);
}

static inline void rank_queue_advance(struct rank_queue *rq, uint64_t rank)
{
	rq->ops->advance(rq->q, rank);
}

static inline uint32_t rank_queue_count(const struct rank_queue *rq)
{
	return rq->ops->count(rq->q);
}

static inline bool rank_queue_check(const struct rank_queue *rq, FILE *out)
{
	return rq->ops->check(rq->q, out);
}

#endif
