/* SPDX-License-Identifier: BSD-3-Clause */
/* The least value of a FIFO in O(1): beside all its packets a flow keeps a list of those that will be the
 * least when all before them have left, which is a list of ascending values.  A new packet retires those at
 * its end that it undercuts: they will never be the least again.  Where values only fall, as remaining sizes
 * do, the list is one packet long. */
#include <assert.h>
#include <stdlib.h>

#include "flow_pifo.h"
#include "slots.h"

struct flow_pkt {
	void *handle;
	uint64_t value;
	uint32_t next;               /* in the FIFO */
	uint32_t min_next, min_prev; /* in the list of coming minima, while there */
};

struct flow {
	uint32_t head, tail;
	uint32_t min_head, min_tail;
	uint32_t n_pkts;
};

struct flow_pifo {
	struct rank_queue rq; /* of flows */
	flow_rank_fn *rank;
	struct cffs_node *nodes;
	struct flow *flows;
	struct flow_pkt *pkts;
	struct slots slots; /* of pkts */
	uint32_t n_flows;
	uint32_t n_pkts;
};

struct flow_pifo *flow_pifo_create(const struct flow_pifo_params *params)
{
	struct flow_pifo *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->rank = params->rank;
	f->n_flows = params->n_flows;
	f->nodes = calloc(params->n_flows, sizeof(*f->nodes));
	f->flows = calloc(params->n_flows, sizeof(*f->flows));
	f->pkts = calloc(params->max_pkts, sizeof(*f->pkts));
	if (f->nodes == NULL || f->flows == NULL || f->pkts == NULL ||
		!slots_init(&f->slots, params->max_pkts))
		goto destroy;
	cffs_nodes_init(f->nodes, params->n_flows);
	for (uint32_t i = 0; i < params->n_flows; i++)
		f->flows[i] = (struct flow){SLOT_NONE, SLOT_NONE, SLOT_NONE, SLOT_NONE, 0};
	if (rank_queue_create(&f->rq, params->ops,
		    &(struct rank_queue_params){
			    .n_items = params->n_flows,
			    .n_buckets = params->n_buckets,
			    .shift = params->shift,
			    .nodes = f->nodes,
		    }) != 0)
		goto destroy;
	return f;

destroy:
	flow_pifo_destroy(f);
	return NULL;
}

void flow_pifo_destroy(struct flow_pifo *f)
{
	if (f == NULL)
		return;
	rank_queue_destroy(&f->rq);
	slots_fini(&f->slots);
	free(f->pkts);
	free(f->flows);
	free(f->nodes);
	free(f);
}

static uint64_t rank_of(const struct flow_pifo *f, const struct flow *flow)
{
	return f->rank(&(struct flow_view){
		.n_pkts = flow->n_pkts,
		.head_value = f->pkts[flow->head].value,
		.min_value = f->pkts[flow->min_head].value,
	});
}

/* Puts the flow where its rank says by now.  One whose rank is the same keeps its place among its equals. */
static void stand(struct flow_pifo *f, uint32_t id)
{
	uint64_t rank = rank_of(f, &f->flows[id]);

	if (f->nodes[id].bucket != CFFS_NONE) {
		if (f->nodes[id].rank == rank)
			return;
		rank_queue_remove(&f->rq, id);
	}
	rank_queue_push(&f->rq, id, rank);
}

/* 'slot' is the last of the flow's packets: see the top. */
static void add_minimum(struct flow_pkt *pkts, struct flow *flow, uint32_t slot)
{
	uint32_t last = flow->min_tail;

	while (last != SLOT_NONE && pkts[last].value >= pkts[slot].value)
		last = pkts[last].min_prev;
	pkts[slot].min_prev = last;
	pkts[slot].min_next = SLOT_NONE;
	flow->min_tail = slot;
	if (last == SLOT_NONE)
		flow->min_head = slot;
	else
		pkts[last].min_next = slot;
}

/* 'slot', the first of the flow's packets, leaves. */
static void drop_minimum(struct flow_pkt *pkts, struct flow *flow, uint32_t slot)
{
	if (flow->min_head != slot)
		return;
	flow->min_head = pkts[slot].min_next;
	if (flow->min_head == SLOT_NONE)
		flow->min_tail = SLOT_NONE;
	else
		pkts[flow->min_head].min_prev = SLOT_NONE;
}

bool flow_pifo_push(struct flow_pifo *f, uint32_t id, void *handle, uint64_t value)
{
	struct flow *flow = &f->flows[id];
	uint32_t slot = slots_take(&f->slots);

	assert(id < f->n_flows && handle != NULL);
	if (slot == SLOT_NONE)
		return false;
	f->pkts[slot] = (struct flow_pkt){.handle = handle, .value = value, .next = SLOT_NONE};
	if (flow->n_pkts++ == 0)
		flow->head = slot;
	else
		f->pkts[flow->tail].next = slot;
	flow->tail = slot;
	add_minimum(f->pkts, flow, slot);
	stand(f, id);
	f->n_pkts++;
	return true;
}

void *flow_pifo_pop(struct flow_pifo *f, uint32_t *id)
{
	uint32_t first = rank_queue_first(&f->rq);

	if (first == CFFS_NONE)
		return NULL;
	struct flow *flow = &f->flows[first];
	uint32_t slot = flow->head;
	flow->head = f->pkts[slot].next;
	flow->n_pkts--;
	drop_minimum(f->pkts, flow, slot);
	if (flow->n_pkts != 0)
		stand(f, first);
	else
		rank_queue_remove(&f->rq, first);
	slots_give(&f->slots, slot);
	f->n_pkts--;
	if (id != NULL)
		*id = first;
	return f->pkts[slot].handle;
}

uint32_t flow_pifo_count(const struct flow_pifo *f)
{
	return f->n_pkts;
}

static bool flow_check(const struct flow_pifo *f, uint32_t id, FILE *out)
{
	const struct flow *flow = &f->flows[id];
	bool is_standing = f->nodes[id].bucket != CFFS_NONE;
	uint64_t min = UINT64_MAX;
	uint32_t slot = flow->head;

	for (uint32_t n = 0; n < flow->n_pkts; n++, slot = f->pkts[slot].next) {
		if (f->pkts[slot].value < min)
			min = f->pkts[slot].value;
		if ((slot == flow->tail) != (n + 1 == flow->n_pkts)) {
			fprintf(out, "flow_pifo: flow %u does not end after %u packets\n", id, flow->n_pkts);
			return false;
		}
	}
	if (is_standing != (flow->n_pkts != 0)) {
		fprintf(out, "flow_pifo: flow %u has %u packets, standing: %d\n", id, flow->n_pkts,
			is_standing);
		return false;
	}
	if (is_standing && (f->pkts[flow->min_head].value != min || f->nodes[id].rank != rank_of(f, flow))) {
		fprintf(out, "flow_pifo: flow %u stands by an old minimum or rank\n", id);
		return false;
	}
	return true;
}

bool flow_pifo_check(const struct flow_pifo *f, FILE *out)
{
	uint32_t n = 0;

	for (uint32_t id = 0; id < f->n_flows; id++) {
		if (!flow_check(f, id, out))
			return false;
		n += f->flows[id].n_pkts;
	}
	if (n != f->n_pkts || n != slots_n_taken(&f->slots)) {
		fprintf(out, "flow_pifo: %u packets found, the count is %u, %u slots are taken\n", n,
			f->n_pkts, slots_n_taken(&f->slots));
		return false;
	}
	return rank_queue_check(&f->rq, out);
}
