/* SPDX-License-Identifier: BSD-3-Clause */
/* Which packet of a node goes next: deficit round robin over its flows, weighted classes inside a flow. */
#include <string.h>

#include "egress_impl.h"

#define QUANTUM_BYTES 512	/* of the least weight, a round */

static uint32_t hash_of(const struct egress *e, uint32_t node, uint32_t key)
{
	uint64_t h = ((uint64_t)node << 32 | key) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(h >> 32) & e->hash_mask;
}

uint32_t flow_find_hashed(const struct egress *e, uint32_t node, uint32_t key)
{
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

/* What a flow may send a round; the least weight gets QUANTUM_BYTES.  Divided here, not for every packet. */
uint32_t flow_quantum(const struct egress *e, uint32_t key)
{
	uint32_t quantum = (uint32_t)((uint64_t)QUANTUM_BYTES * flow_weight(e, key) / e->least_weight);

	return quantum ? quantum : 1;
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

static uint32_t take_flow(struct egress *e)
{
	uint32_t id = e->first_free;

	if (id != NO_FLOW) {
		e->first_free = e->flows[id].key;
		return id;
	}
	if (e->n_used_flows == e->n_flows)
		return NO_FLOW;
	id = e->n_used_flows++;
	e->flows[id] = (struct flow){.next = {id, id}, .prev = {id, id}};
	for (int c = 0; c < N_TCLASSES; c++)
		fifo_init(&e->flows[id].fifo[c]);
	return id;
}

uint32_t flow_open(struct egress *e, uint32_t node, uint32_t key)
{
	uint32_t id = take_flow(e);

	if (id == NO_FLOW)
		return NO_FLOW;
	struct flow *f = &e->flows[id];
	struct enode *n = &e->nodes[node];
	f->node = node;
	f->key = key;
	f->classes = CLASSES_NEW;
	uint32_t h = hash_of(e, node, key);
	f->hash_next = e->hash[h];
	e->hash[h] = id;
	f->deficit = 0;
	f->quantum = key < e->n_weights ? e->quanta[key] : e->other_quantum;
	flow_link(e, id, RING_ALL);
	n->n_flows++;
	n->active_weight += flow_weight(e, key);
	return id;
}

void flow_close(struct egress *e, uint32_t id)
{
	struct flow *f = &e->flows[id];
	struct enode *n = &e->nodes[f->node];

	flow_unlink(e, id, RING_ALL);
	n->n_flows--;
	n->active_weight -= flow_weight(e, f->key);
	uint32_t *link = &e->hash[hash_of(e, f->node, f->key)];
	while (*link != id)
		link = &e->flows[*link].hash_next;
	*link = f->hash_next;
	f->key = e->first_free;
	e->first_free = id;
}

void node_attach(struct egress *e, uint32_t node)
{
	struct enode *n = &e->nodes[node];

	if (has_one_flow(e)) {
		e->flows[e->n_stats] = (struct flow){.node = node, .classes = CLASSES_NEW};
		n->ring[RING_ALL] = e->n_stats;
		n->n_flows = 1;
		n->active_weight = flow_weight(e, 0);
	}
	__atomic_store_n(&n->stats, e->n_stats++, __ATOMIC_RELEASE);
}

static void rotate(struct egress *e, struct enode *n, enum ring r)
{
	n->ring[r] = e->flows[n->ring[r]].next[r];
}

uint32_t flow_pick(struct egress *e, uint32_t node, enum order_how how, enum tclass *tclass)
{
	struct enode *n = &e->nodes[node];

	/* A sender's urgent packets are first among all its destinations; a receiver's senders share first, for no mark
	 * may cost another tenant anything. */
	if (how == ORDER_URGENT || (e->is_local && !n->demotes_urgent && n->ring[RING_URGENT] != NO_FLOW)) {
		uint32_t id = n->ring[RING_URGENT];
		*tclass = TC_URGENT;
		rotate(e, n, RING_URGENT);
		return id;
	}
	for (;;) {
		uint32_t id = n->ring[RING_ALL];
		struct flow *f = &e->flows[id];
		*tclass = flow_head_class(f, n->demotes_urgent);
		if (n->n_flows == 1)
			return id;
		uint32_t bytes = fifo_entry_bytes(fifo_head(e->pool, &f->fifo[*tclass]));
		if (f->deficit >= bytes)
			return id;
		/* At most largest / QUANTUM_BYTES rounds: the least weight gets a quantum each. */
		f->deficit += f->quantum;
		rotate(e, n, RING_ALL);
	}
}

/* Urgent packets beyond their allowance are high ones, served before them. */
static enum tclass class_paying(const struct egress *e, const struct flow *f, enum tclass tclass)
{
	return tclass == TC_URGENT && e->nodes[f->node].demotes_urgent ? TC_HIGH : tclass;
}

/* A class that wakes has no credit from idling.  One that waits alone shares with nobody, and its time stands still: all
 * that wait are seen to when another comes. */
static void renew_classes(const struct egress *e, struct flow *f)
{
	uint32_t classes = f->classes;

	if (classes & CLASSES_NEW) {
		f->class_vtime = 0;
		memset(f->class_finish, 0, sizeof(f->class_finish));
		f->classes = classes & ~CLASSES_NEW;
		return;
	}
	for (uint32_t left = classes; left != 0; left &= left - 1) {
		enum tclass c = class_paying(e, f, (enum tclass)__builtin_ctz(left));
		if (f->class_finish[c] < f->class_vtime)
			f->class_finish[c] = f->class_vtime;
	}
}

void flow_wake_class(struct egress *e, uint32_t id, enum tclass tclass)
{
	struct flow *f = &e->flows[id];
	bool is_alone = (f->classes & (CLASSES_NEW - 1)) == 0;

	f->classes |= 1u << tclass;
	if (!is_alone)
		renew_classes(e, f);
	if (tclass == TC_URGENT)
		flow_link(e, id, RING_URGENT);
}

/* Virtual times count from anew before they wrap: a backlog at 400 Gb/s takes 23 minutes to 2^62. */
static __attribute__((noinline, cold)) void rebase_classes(struct flow *f)
{
	for (int c = 0; c < N_TCLASSES; c++)
		f->class_finish[c] -= f->class_finish[c] < f->class_vtime ? f->class_finish[c] : f->class_vtime;
	f->class_vtime = 0;
}

void flow_charge_class(const struct egress *e, struct flow *f, enum tclass tclass, uint32_t bytes)
{
	enum tclass c = class_paying(e, f, tclass);

	if (c == TC_URGENT)
		return;
	if (f->class_finish[c] > f->class_vtime)
		f->class_vtime = f->class_finish[c];
	f->class_finish[c] += bytes * e->class_price[c];
	if (__builtin_expect(f->class_vtime >> 62 != 0, 0))
		rebase_classes(f);
}
