/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>

#include "pifo.h"
#include "slots.h"

/* A packet's slot is its item in the queue. */
struct pifo {
	struct rank_queue rq;
	struct cffs_node *nodes;
	void **handles;
	struct slots slots;
};

struct pifo *pifo_create(const struct pifo_params *params)
{
	struct pifo *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->nodes = calloc(params->max_pkts, sizeof(*p->nodes));
	p->handles = calloc(params->max_pkts, sizeof(*p->handles));
	if (p->nodes == NULL || p->handles == NULL || !slots_init(&p->slots, params->max_pkts))
		goto destroy;
	cffs_nodes_init(p->nodes, params->max_pkts);
	if (rank_queue_create(&p->rq, params->ops,
		    &(struct rank_queue_params){
			    .n_items = params->max_pkts,
			    .n_buckets = params->n_buckets,
			    .shift = params->shift,
			    .nodes = p->nodes,
		    }) != 0)
		goto destroy;
	return p;

destroy:
	pifo_destroy(p);
	return NULL;
}

void pifo_destroy(struct pifo *p)
{
	if (p == NULL)
		return;
	rank_queue_destroy(&p->rq);
	slots_fini(&p->slots);
	free(p->handles);
	free(p->nodes);
	free(p);
}

bool pifo_push(struct pifo *p, void *handle, uint64_t rank)
{
	uint32_t slot = slots_take(&p->slots);

	assert(handle != NULL);
	if (slot == SLOT_NONE)
		return false;
	p->handles[slot] = handle;
	rank_queue_push(&p->rq, slot, rank);
	return true;
}

void *pifo_pop(struct pifo *p)
{
	uint32_t slot = rank_queue_pop_first(&p->rq);

	if (slot == CFFS_NONE)
		return NULL;
	slots_give(&p->slots, slot);
	return p->handles[slot];
}

void pifo_advance(struct pifo *p, uint64_t rank)
{
	rank_queue_advance(&p->rq, rank);
}

uint32_t pifo_count(const struct pifo *p)
{
	return rank_queue_count(&p->rq);
}

bool pifo_check(const struct pifo *p, FILE *out)
{
	if (slots_n_taken(&p->slots) != pifo_count(p)) {
		fprintf(out, "pifo: %u slots taken, %u packets wait\n", slots_n_taken(&p->slots),
			pifo_count(p));
		return false;
	}
	return rank_queue_check(&p->rq, out);
}
