/* SPDX-License-Identifier: BSD-3-Clause */
/* A red-black tree: libbsd's, nodes in one array; equal ranks in the order they came. */
#include <stdlib.h>

#include <bsd/sys/tree.h>

#include "hold.h"

struct node {
	RB_ENTRY(node) link;
	uint64_t rank, seq;
};

RB_HEAD(tree, node);

struct rb {
	struct tree tree;
	struct node *nodes;
	uint64_t seq;
};

static inline int compare(const struct node *a, const struct node *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return (a->seq > b->seq) - (a->seq < b->seq);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wpedantic"
RB_GENERATE_INTERNAL(tree, node, link, compare, static)
#pragma GCC diagnostic pop

static void *rb_create(const struct pq_size *size)
{
	struct rb *r = bench_alloc(sizeof(*r));

	RB_INIT(&r->tree);
	r->nodes = bench_alloc(size->n_items * sizeof(*r->nodes));
	return r;
}

static void rb_destroy(void *queue)
{
	struct rb *r = queue;

	free(r->nodes);
	free(r);
}

static inline void rb_push(void *queue, uint32_t item, uint64_t rank)
{
	struct rb *r = queue;
	struct node *node = &r->nodes[item];

	node->rank = rank;
	node->seq = r->seq++;
	RB_INSERT(tree, &r->tree, node);
}

static inline uint32_t rb_pop(void *queue, uint64_t *rank)
{
	struct rb *r = queue;
	struct node *node = RB_MIN(tree, &r->tree);

	*rank = node->rank;
	RB_REMOVE(tree, &r->tree, node);
	return (uint32_t)(node - r->nodes);
}

static uint64_t rb_hold(void *hold)
{
	return hold_loop(hold, rb_pop, rb_push);
}

const struct pq pq_tree = {"red-black tree", rb_create, rb_destroy, rb_push, rb_pop, rb_hold};
