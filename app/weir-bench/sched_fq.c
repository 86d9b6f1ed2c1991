/* SPDX-License-Identifier: BSD-3-Clause */
/* Pacing as the kernel's fq does it: who may not send yet stands in a red-black tree by the time he may (libbsd's tree), all
 * others take turns of a quantum each.  Rates only. */
#include <stdlib.h>

#include "sched_world.h"

#include <bsd/sys/tree.h>

#define NONE	      UINT32_MAX
#define QUANTUM_BYTES (2 * 1538)

struct flow {
	RB_ENTRY(flow) link;
	struct clk next;		/* not before */
	struct rte_mbuf **ring;
	uint32_t first, n, mask, id;
	price_t byte;
	uint32_t after;			/* in the turns */
	int32_t credit;
};

RB_HEAD(throttled, flow);

struct fq {
	struct flow *flows;
	struct rte_mbuf **slots;
	struct throttled throttled;
	uint32_t head, tail;		/* of the turns */
	struct clk link;
	price_t link_byte;
	uint32_t overhead_bytes;
};

static inline int compare(const struct flow *a, const struct flow *b)
{
	if (a->next.ns != b->next.ns)
		return a->next.ns < b->next.ns ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wpedantic"
RB_GENERATE_INTERNAL(throttled, flow, link, compare, static)
#pragma GCC diagnostic pop

static void take_turns(struct fq *q, struct flow *f)
{
	f->after = NONE;
	if (q->head == NONE)
		q->head = f->id;
	else
		q->flows[q->tail].after = f->id;
	q->tail = f->id;
}

static void leave_turns(struct fq *q)
{
	q->head = q->flows[q->head].after;
}

static void release(struct fq *q, uint64_t now_ns)
{
	struct flow *f;

	while ((f = RB_MIN(throttled, &q->throttled)) != NULL && f->next.ns <= now_ns) {
		RB_REMOVE(throttled, &q->throttled, f);
		take_turns(q, f);
	}
}

static uint32_t fq_dequeue(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct fq *q = s;
	uint32_t n_out = 0;

	release(q, now_ns);
	clk_at_least(&q->link, ns_before(now_ns, SCHED_TURN_NS));
	while (n_out < n && q->head != NONE && q->link.ns <= now_ns) {
		struct flow *f = &q->flows[q->head];
		if (f->next.ns > now_ns) {
			leave_turns(q);
			RB_INSERT(throttled, &q->throttled, f);
			continue;
		}
		if (f->credit <= 0) {
			f->credit += QUANTUM_BYTES;
			leave_turns(q);
			take_turns(q, f);
			continue;
		}
		struct rte_mbuf *m = f->ring[f->first++ & f->mask];
		uint32_t bytes = m->pkt_len + q->overhead_bytes;
		f->credit -= (int32_t)bytes;
		clk_at_least(&f->next, ns_before(now_ns, NS_PER_MS));
		clk_add(&f->next, f->byte, bytes);
		clk_add(&q->link, q->link_byte, bytes);
		pkts[n_out++] = m;
		if (--f->n == 0)
			leave_turns(q);
	}
	return n_out;
}

static uint32_t fq_enqueue(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct fq *q = s;

	(void)now_ns;
	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(pkts[i]);
	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(&q->flows[sched_mbuf_vf(pkts[i])]);
	for (uint32_t i = 0; i < n; i++) {
		struct flow *f = &q->flows[sched_mbuf_vf(pkts[i])];
		f->ring[(f->first + f->n) & f->mask] = pkts[i];
		if (f->n++ == 0)
			take_turns(q, f);
	}
	return n;
}

static void fq_destroy(void *s)
{
	struct fq *q = s;

	if (q == NULL)
		return;
	free(q->flows);
	free(q->slots);
	free(q);
}

static void *fq_create(const struct sched_load *load)
{
	struct fq *q = calloc(1, sizeof(*q));
	uint32_t size = rte_align32pow2(load->backlog);

	if (q == NULL)
		return NULL;
	RB_INIT(&q->throttled);
	q->head = NONE;
	q->overhead_bytes = load->overhead_bytes;
	q->link_byte = price_of_bps(load->link_bps);
	q->flows = calloc(load->n_vfs, sizeof(*q->flows));
	q->slots = calloc((size_t)load->n_vfs * size, sizeof(*q->slots));
	if (q->flows == NULL || q->slots == NULL) {
		fq_destroy(q);
		return NULL;
	}
	for (uint32_t id = 0; id < load->n_vfs; id++) {
		struct sched_sla sla;
		load->sla(load, id, &sla);
		q->flows[id] = (struct flow){
			.ring = &q->slots[(size_t)id * size],
			.mask = size - 1,
			.id = id,
			.byte = price_of_bps(sla.max_bps),
		};
	}
	return q;
}

const struct sched_peer sched_fq = {
	.name = "fq",
	.create = fq_create,
	.enqueue = fq_enqueue,
	.dequeue = fq_dequeue,
	.destroy = fq_destroy,
};
