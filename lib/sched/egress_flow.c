/* SPDX-License-Identifier: BSD-3-Clause */
/* Which packet of a node goes next: deficit round robin over its flows, weighted classes inside a flow. */
#include "egress_impl.h"

#define QUANTUM_BYTES 512	/* of the least weight, a round */

static uint32_t hash_of(const struct egress *e, uint32_t node, uint32_t key)
{
	uint64_t h = ((uint64_t)node << 32 | key) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(h >> 32) & e->hash_mask;
}

uint32_t flow_find(const struct egress *e, uint32_t node, uint32_t key)
{
	if (e->hash == NULL)
		return e->flows[node].n_pkts > 0 ? node : NO_FLOW;
	for (uint32_t i = e->hash[hash_of(e, node, key)]; i != NO_FLOW; i = e->flows[i].hash_next) {
		if (e->flows[i].node == node && e->flows[i].key == key)
			return i;
	}
	return NO_FLOW;
}

uint32_t flow_weight(const struct egress *e, uint32_t key)
{
	return key < e->n_weights ? e->weights[key] : 1;
}

void flow_link(struct egress *e, uint32_t id, enum ring r)
{
	struct flow *f = &e->flows[id];
	uint32_t *head = &e->nodes[f->node].ring[r];

	if (*head == NO_FLOW) {
		*head = f->next[r] = f->prev[r] = id;
		return;
	}
	/* Before the head: the last in the round. */
	struct flow *h = &e->flows[*head];
	f->next[r] = *head;
	f->prev[r] = h->prev[r];
	e->flows[h->prev[r]].next[r] = id;
	h->prev[r] = id;
}

void flow_unlink(struct egress *e, uint32_t id, enum ring r)
{
	struct flow *f = &e->flows[id];
	uint32_t *head = &e->nodes[f->node].ring[r];

	if (f->next[r] == id) {
		*head = NO_FLOW;
		return;
	}
	e->flows[f->prev[r]].next[r] = f->next[r];
	e->flows[f->next[r]].prev[r] = f->prev[r];
	if (*head == id)
		*head = f->next[r];
}

uint32_t flow_open(struct egress *e, uint32_t node, uint32_t key)
{
	uint32_t id = node;

	if (e->hash != NULL) {
		uint32_t h = hash_of(e, node, key);
		id = e->first_free;
		if (id == NO_FLOW)
			return NO_FLOW;
		e->first_free = e->flows[id].hash_next;
		e->flows[id].hash_next = e->hash[h];
		e->hash[h] = id;
	}
	struct flow *f = &e->flows[id];
	f->node = node;
	f->key = key;
	f->deficit = 0;
	f->class_vtime = 0;
	for (int c = 0; c < N_TCLASSES; c++)
		f->class_finish[c] = 0;
	flow_link(e, id, RING_ALL);
	e->nodes[node].n_flows++;
	e->nodes[node].active_weight += flow_weight(e, key);
	return id;
}

void flow_close(struct egress *e, uint32_t id)
{
	struct flow *f = &e->flows[id];

	flow_unlink(e, id, RING_ALL);
	e->nodes[f->node].n_flows--;
	e->nodes[f->node].active_weight -= flow_weight(e, f->key);
	if (e->hash == NULL)
		return;
	uint32_t *link = &e->hash[hash_of(e, f->node, f->key)];
	while (*link != id)
		link = &e->flows[*link].hash_next;
	*link = f->hash_next;
	f->hash_next = e->first_free;
	e->first_free = id;
}

/* The class that is next inside a flow, urgent within allowance apart: strict urgent where no allowance is sold;
 * else demoted urgent shares high's turn, ahead of it. */
enum tclass flow_head_class(const struct egress *e, const struct flow *f)
{
	bool is_demoted = e->nodes[f->node].demotes_urgent;
	enum tclass best = N_TCLASSES;

	if (f->fifo[TC_URGENT].n_pkts > 0 && !is_demoted)
		return TC_URGENT;
	for (int c = TC_HIGH; c < N_TCLASSES; c++) {
		bool waits = f->fifo[c].n_pkts > 0 || (c == TC_HIGH && f->fifo[TC_URGENT].n_pkts > 0);
		if (waits && (best == N_TCLASSES || f->class_finish[c] < f->class_finish[best]))
			best = (enum tclass)c;
	}
	if (best == TC_HIGH && f->fifo[TC_URGENT].n_pkts > 0)
		return TC_URGENT;
	return best;
}

static void rotate(struct egress *e, struct enode *n, enum ring r)
{
	n->ring[r] = e->flows[n->ring[r]].next[r];
}

uint32_t flow_pick(struct egress *e, uint32_t node, enum order_how how, enum tclass *tclass)
{
	struct enode *n = &e->nodes[node];

	if (how == ORDER_URGENT) {
		uint32_t id = n->ring[RING_URGENT];
		*tclass = TC_URGENT;
		rotate(e, n, RING_URGENT);
		return id;
	}
	for (;;) {
		uint32_t id = n->ring[RING_ALL];
		struct flow *f = &e->flows[id];
		*tclass = flow_head_class(e, f);
		if (n->n_flows == 1)
			return id;
		uint32_t bytes = fifo_entry_bytes(fifo_head(e->pool, &f->fifo[*tclass]));
		if (f->deficit >= bytes)
			return id;
		/* At most largest / QUANTUM_BYTES rounds: the least weight gets a quantum each. */
		f->deficit += (int64_t)QUANTUM_BYTES * flow_weight(e, f->key) / e->least_weight;
		rotate(e, n, RING_ALL);
	}
}

static void charge_class(const struct egress *e, struct flow *f, enum tclass tclass, uint32_t bytes)
{
	enum tclass c = tclass;

	if (tclass == TC_URGENT) {
		if (!e->nodes[f->node].demotes_urgent)
			return;
		c = TC_HIGH;
	}
	if (f->class_finish[c] > f->class_vtime)
		f->class_vtime = f->class_finish[c];
	f->class_finish[c] += bytes * e->class_price[c];
}

struct fifo_entry flow_pop(struct egress *e, uint32_t id, enum tclass tclass)
{
	struct flow *f = &e->flows[id];
	struct enode *n = &e->nodes[f->node];
	struct fifo_entry entry = fifo_pop(e->pool, &f->fifo[tclass]);
	uint32_t bytes = fifo_entry_bytes(&entry);

	f->n_pkts--;
	n->n_pkts--;
	n->n_bytes -= bytes;
	e->n_pkts--;
	f->deficit = n->n_flows > 1 ? f->deficit - bytes : 0;
	charge_class(e, f, tclass, bytes);
	if (tclass == TC_URGENT && f->fifo[TC_URGENT].n_pkts == 0)
		flow_unlink(e, id, RING_URGENT);
	if (f->n_pkts == 0)
		flow_close(e, id);
	return entry;
}
