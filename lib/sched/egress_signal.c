/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion signals of a node: what is marked, what is dropped for its delay, and what makes room. */
#include <stdlib.h>

#include "egress_impl.h"

bool egress_reserve_drops(struct egress *e)
{
	if (e->aqm == NULL)
		e->aqm = calloc(e->n_nodes, sizeof(*e->aqm));
	return e->aqm != NULL;
}

bool egress_set_signals(struct egress *e, uint32_t node, const struct egress_signals *s)
{
	struct enode *n = &e->nodes[node];

	if (s->drop_target_ns != 0 && !egress_reserve_drops(e))
		return false;
	n->mark_ns = s->mark_ns == 0 || s->mark_ns >= NEVER_MARK ? NEVER_MARK : (uint32_t)s->mark_ns;
	assert(s->drop_target_ns == 0 || s->drop_target_ns >= CODEL_TARGET_NS);	/* may_be_late() */
	n->is_dropping = s->drop_target_ns != 0;
	if (n->is_dropping)
		e->aqm[node].terms = (struct codel_terms){s->drop_target_ns, CODEL_INTERVAL_NS};
	return true;
}

void egress_set_drop(struct egress *e, egress_drop_fn *drop, void *ctx)
{
	e->drop = drop;
	e->drop_ctx = ctx;
}

/* Drops the packet at a place of a FIFO. */
static void drop_at(struct egress *e, uint32_t id, enum tclass tclass, uint32_t at, enum drop_reason reason)
{
	struct fifo_entry entry = fifo_pop_at(e->pool, &e->flows[id].fifo[tclass], at);
	uint32_t node = e->flows[id].node;

	if (e->flows[id].fifo[tclass].n_pkts == 0)
		flow_class_left(e, id, tclass);
	flow_left(e, &e->nodes[node], id, 1, fifo_entry_bytes(&entry));
	e->drop(e->drop_ctx, node, e->flows[id].key, entry.handle, reason);
}

/* Judges the packet that is next.  true: one is dropped, and who is next must be asked anew: that packet, or one of the
 * few behind it of a worse drop precedence.  What can be marked stays: it has waited longer than K and will be. */
bool egress_drop_late(struct egress *e, uint32_t id, enum tclass tclass, uint64_t now_ns)
{
	uint32_t node = e->flows[id].node, at;
	struct enode *n = &e->nodes[node];
	struct enode_aqm *aqm = &e->aqm[node];
	const struct fifo *fifo = &e->flows[id].fifo[tclass];
	const struct fifo_entry *head = fifo_head(e->pool, fifo);
	bool can_mark = n->mark_ns != NEVER_MARK;
	struct fifo_entry worst;

	bool is_to_drop = codel_should_drop(&aqm->codel[tclass], &aqm->terms, fifo_entry_waited_ns(head, now_ns),
		fifo->n_pkts - 1, now_ns);
	bool is_above = aqm->codel[tclass].first_above_ns != 0 || aqm->codel[tclass].is_dropping;
	n->above = (uint8_t)((n->above & ~(1u << tclass)) | (uint32_t)is_above << tclass);
	if (!is_to_drop || (can_mark && fifo_entry_is_ect(head)))
		return false;
	at = fifo_find_worst(e->pool, fifo, &worst);
	drop_at(e, id, tclass, can_mark && fifo_entry_is_ect(&worst) ? 0 : at, DROP_AQM);
	if (n->n_pkts == 0)
		order_sleep(e->order, node, now_ns);
	else if (n->ring[RING_URGENT] == NO_FLOW)
		order_sleep_urgent(e->order, node);
	return true;
}

/* Whose packet makes room for p in a full queue: the worst class behind p's that has any, or p's own where one of its
 * first packets is of a worse drop precedence.  N_TCLASSES: nobody's. */
enum tclass egress_victim_class(const struct egress *e, uint32_t id, const struct pkt *p)
{
	const struct flow *f = &e->flows[id];
	uint32_t behind = f->classes & (CLASSES_NEW - 1) & ~((2u << p->tclass) - 1);
	struct fifo_entry worst;

	if (behind != 0)
		return (enum tclass)(31 - __builtin_clz(behind));
	if ((f->classes & 1u << p->tclass) == 0)
		return N_TCLASSES;
	(void)fifo_find_worst(e->pool, &f->fifo[p->tclass], &worst);
	return fifo_entry_drop_prec(&worst) > p->drop_prec ? (enum tclass)p->tclass : N_TCLASSES;
}

/* The flow has another packet, so nothing wakes or sleeps. */
void egress_push_out(struct egress *e, uint32_t id, enum tclass tclass)
{
	struct fifo_entry worst;
	uint32_t at = fifo_find_worst(e->pool, &e->flows[id].fifo[tclass], &worst);

	drop_at(e, id, tclass, at, DROP_PUSHED_OUT);
}
