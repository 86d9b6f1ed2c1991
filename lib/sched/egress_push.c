/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets in: into the FIFO of their flow and class, and their node into the order. */
#include "egress_impl.h"

#define LEAST_FLOW_PKTS 4	/* a flow may always have these waiting */

/* Does the node's queue take one more?  Full means: the limit by drop precedence is reached, and this flow has its part
 * of it.  Who has less may go beyond, up to twice the limit, so that a flooding sender does not shut the others out. */
static bool has_room(const struct egress *e, const struct enode *n, uint32_t flow, uint32_t key, const struct pkt *p)
{
	uint32_t limit = n->queue_pkts;
	uint32_t n_flow = flow == NO_FLOW ? 0 : e->flows[flow].n_pkts;
	uint64_t weight = flow_weight(e, key);
	uint64_t all = n->active_weight + (flow == NO_FLOW ? weight : 0);

	if (p->tclass == TC_URGENT)
		limit += limit / 8;
	else if (p->drop_prec == DP_MEDIUM)
		limit -= limit / 4;
	else if (p->drop_prec == DP_HIGH)
		limit /= 2;
	if (n->n_pkts < limit)
		return true;
	if (n->n_pkts >= 2 * n->queue_pkts)
		return false;
	return n_flow < LEAST_FLOW_PKTS || n_flow * all < limit * weight;
}

/* Into its FIFO.  false: no chunk is left. */
static inline bool append(struct egress *e, uint32_t id, const struct pkt *p, uint32_t copies, uint64_t now_ns)
{
	struct flow *f = &e->flows[id];
	struct fifo *fifo = &f->fifo[p->tclass];
	uint64_t packed = fifo_pack(p->bytes, copies, p->drop_prec, p->ecn != ECN_NOT_ECT, now_ns);

	if (unlikely(!fifo_push(e->pool, fifo, p->handle, packed)))
		return false;
	if (fifo->n_pkts == 1)
		flow_wake_class(e, id, (enum tclass)p->tclass);
	return true;
}

/* 'n_pkts' more wait at the node, of which the first is 'p'. */
static inline void came_in(struct egress *e, uint32_t node, const struct pkt *p, uint32_t n_pkts, uint64_t bytes,
	uint32_t head_bytes, bool has_urgent, uint64_t now_ns)
{
	struct enode *n = &e->nodes[node];
	bool was_empty = n->n_pkts == 0;

	n->ring_wait = p->ring_wait;
	n->n_pkts += n_pkts;
	n->n_bytes += bytes;
	e->n_pkts += n_pkts;
	count_in(n, n_pkts, bytes);
	if (was_empty && unlikely(e->holds != NULL))
		limiter_forget(&e->holds[node], order_lost_total_ns(e->order));
	if (was_empty)
		order_wake(e->order, node, head_bytes, has_urgent, now_ns);
	else if (has_urgent)
		order_wake_urgent(e->order, node, now_ns);
}

/* Nothing came into the flow. */
static void give_up(struct egress *e, uint32_t id)
{
	if (!has_one_flow(e) && e->flows[id].n_pkts == 0)
		flow_close(e, id);
}

/* One packet that the node's queue limit must be asked about. */
static bool push_limited(struct egress *e, uint32_t node, uint32_t key, const struct pkt *p, uint32_t copies,
	uint64_t now_ns)
{
	struct enode *n = &e->nodes[node];
	enum tclass victim = N_TCLASSES;

	if (unlikely(n->stats == NO_STATS))
		node_attach(e, node);
	uint32_t id = flow_find(e, node, key);
	if (n->queue_pkts != 0 && !has_room(e, n, id, key, p)) {
		if (n->is_dropping && id != NO_FLOW)
			victim = egress_victim_class(e, id, p);
		if (victim == N_TCLASSES)
			return false;
	}
	if (id == NO_FLOW && (id = flow_open(e, node, key)) == NO_FLOW)
		return false;
	if (!append(e, id, p, copies, now_ns)) {
		give_up(e, id);
		return false;
	}
	e->flows[id].n_pkts++;
	came_in(e, node, p, 1, p->bytes, p->bytes * copies, p->tclass == TC_URGENT, now_ns);
	if (unlikely(victim != N_TCLASSES))
		egress_push_out(e, id, victim);
	return true;
}

enum drop_reason egress_push(struct egress *e, uint32_t node, uint32_t key, const struct pkt *p, uint32_t copies,
	uint64_t now_ns)
{
	return push_limited(e, node, key, p, copies, now_ns) ? DROP_NOT : DROP_QUEUE_FULL;
}

/* Packets of a node whose queue has no limit of its own: its sender is held. */
static inline uint32_t push_held(struct egress *e, uint32_t node, uint32_t key, const struct pkt *p, uint32_t n,
	uint64_t now_ns)
{
	uint32_t id = flow_find(e, node, key), i;
	uint64_t bytes = 0;
	bool has_urgent = false;

	if (id == NO_FLOW && (id = flow_open(e, node, key)) == NO_FLOW)
		return 0;
	for (i = 0; i < n && append(e, id, &p[i], 1, now_ns); i++) {
		bytes += p[i].bytes;
		has_urgent |= p[i].tclass == TC_URGENT;
	}
	e->flows[id].n_pkts += i;
	if (unlikely(i == 0))
		give_up(e, id);
	else
		came_in(e, node, p, i, bytes, p->bytes, has_urgent, now_ns);
	return i;
}

uint32_t egress_push_run(struct egress *e, uint32_t node, uint32_t key, const struct pkt *p, uint32_t n, uint64_t now_ns)
{
	uint32_t i = 0;

	if (unlikely(e->nodes[node].stats == NO_STATS))
		node_attach(e, node);
	if (e->nodes[node].queue_pkts == 0)
		return push_held(e, node, key, p, n, now_ns);
	while (i < n && push_limited(e, node, key, &p[i], 1, now_ns))
		i++;
	return i;
}
