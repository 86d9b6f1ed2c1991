/* SPDX-License-Identifier: BSD-3-Clause */
/* hClock (EuroSys'13) as it was published: a VF has three tags, of its guarantee, its limit and its share, and stands in
 * binary heaps by them.  Who may not send yet stands by his limit; who may stands by his guarantee and by his share.  The
 * first whose guarantee is due goes, else the first by share.  The same clocks and prices as in lib/order, a ring of packets
 * a VF; nothing of tenants, urgent classes, packets a second or time that was lost: it does less than weir does. */
#include <stdlib.h>

#include "sched_world.h"

#define NOWHERE UINT32_MAX

enum tag { DUE, LIMIT, SHARE, N_TAGS };

struct vf {
	struct rte_mbuf **ring;
	uint32_t first, n, mask;
	uint32_t at[N_TAGS];		/* its place in each heap */
	struct clk due, limit;
	uint64_t finish;
	price_t min_byte, max_byte;
	uint32_t weight;
};

struct entry {
	uint64_t rank;
	uint32_t vf;
};

struct heap {
	struct entry *entries;
	uint32_t n;
	enum tag tag;
};

struct heaps {
	struct vf *vfs;
	struct rte_mbuf **slots;
	struct heap heap[N_TAGS];
	uint64_t vtime;
	struct clk link;
	price_t link_byte;
	uint32_t overhead_bytes;
};

/* ---- A binary heap that knows where each is: one in the middle must leave when another tag was served ---- */

static inline void place(struct heaps *h, struct heap *q, uint32_t at, struct entry e)
{
	q->entries[at] = e;
	h->vfs[e.vf].at[q->tag] = at;
}

static inline void up(struct heaps *h, struct heap *q, uint32_t at, struct entry e)
{
	for (; at > 0 && q->entries[(at - 1) / 2].rank > e.rank; at = (at - 1) / 2)
		place(h, q, at, q->entries[(at - 1) / 2]);
	place(h, q, at, e);
}

static inline void down(struct heaps *h, struct heap *q, uint32_t at, struct entry e)
{
	for (uint32_t child; (child = 2 * at + 1) < q->n; at = child) {
		if (child + 1 < q->n && q->entries[child + 1].rank < q->entries[child].rank)
			child++;
		if (q->entries[child].rank >= e.rank)
			break;
		place(h, q, at, q->entries[child]);
	}
	place(h, q, at, e);
}

static inline void push(struct heaps *h, enum tag tag, uint32_t vf, uint64_t rank)
{
	struct heap *q = &h->heap[tag];

	up(h, q, q->n++, (struct entry){rank, vf});
}

static inline void take_out(struct heaps *h, enum tag tag, uint32_t vf)
{
	struct heap *q = &h->heap[tag];
	uint32_t at = h->vfs[vf].at[tag];

	if (at == NOWHERE)
		return;
	h->vfs[vf].at[tag] = NOWHERE;
	struct entry last = q->entries[--q->n];
	if (at == q->n)
		return;
	if (at > 0 && q->entries[(at - 1) / 2].rank > last.rank)
		up(h, q, at, last);
	else
		down(h, q, at, last);
}

/* ---- hClock ---- */

static void stand(struct heaps *h, uint32_t id, uint64_t now_ns)
{
	struct vf *v = &h->vfs[id];

	if (v->limit.ns > now_ns) {
		push(h, LIMIT, id, v->limit.ns);
		return;
	}
	if (v->min_byte != 0)
		push(h, DUE, id, v->due.ns);
	push(h, SHARE, id, v->finish);
}

static void wake(struct heaps *h, uint32_t id, uint64_t now_ns)
{
	struct vf *v = &h->vfs[id];

	clk_at_least(&v->due, now_ns);
	clk_at_least(&v->limit, ns_before(now_ns, NS_PER_MS));
	v->finish = u64_max(v->finish, h->vtime);
	stand(h, id, now_ns);
}

static uint32_t next(struct heaps *h, uint64_t now_ns)
{
	struct heap *limit = &h->heap[LIMIT], *due = &h->heap[DUE], *share = &h->heap[SHARE];

	while (limit->n > 0 && limit->entries[0].rank <= now_ns) {
		uint32_t id = limit->entries[0].vf;
		take_out(h, LIMIT, id);
		h->vfs[id].finish = u64_max(h->vfs[id].finish, h->vtime);
		stand(h, id, now_ns);
	}
	if (due->n > 0 && due->entries[0].rank <= now_ns)
		return due->entries[0].vf;
	if (share->n == 0)
		return NOWHERE;
	h->vtime = u64_max(h->vtime, share->entries[0].rank);
	return share->entries[0].vf;
}

static struct rte_mbuf *serve(struct heaps *h, uint32_t id, uint64_t now_ns)
{
	struct vf *v = &h->vfs[id];
	struct rte_mbuf *m = v->ring[v->first++ & v->mask];
	uint32_t bytes = m->pkt_len + h->overhead_bytes;

	take_out(h, DUE, id);
	take_out(h, SHARE, id);
	clk_add(&h->link, h->link_byte, bytes);
	clk_at_least(&v->limit, ns_before(now_ns, NS_PER_MS));
	clk_add(&v->limit, v->max_byte, bytes);
	clk_at_least(&v->due, ns_before(now_ns, NS_PER_MS));
	clk_add(&v->due, v->min_byte, bytes);
	v->finish += (uint64_t)bytes * 840 / v->weight;		/* 840: of all small weights a multiple */
	if (--v->n > 0)
		stand(h, id, now_ns);
	return m;
}

static uint32_t heaps_dequeue(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct heaps *h = s;
	uint32_t n_out = 0;

	clk_at_least(&h->link, ns_before(now_ns, SCHED_TURN_NS));
	while (n_out < n && h->link.ns <= now_ns) {
		uint32_t id = next(h, now_ns);
		if (id == NOWHERE)
			break;
		pkts[n_out++] = serve(h, id, now_ns);
	}
	return n_out;
}

static uint32_t heaps_enqueue(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct heaps *h = s;

	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(pkts[i]);
	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(&h->vfs[sched_mbuf_vf(pkts[i])]);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t id = sched_mbuf_vf(pkts[i]);
		struct vf *v = &h->vfs[id];
		v->ring[(v->first + v->n) & v->mask] = pkts[i];
		if (v->n++ == 0)
			wake(h, id, now_ns);
	}
	return n;
}

/* ---- Set-up ---- */

static void heaps_destroy(void *s)
{
	struct heaps *h = s;

	if (h == NULL)
		return;
	for (int tag = 0; tag < N_TAGS; tag++)
		free(h->heap[tag].entries);
	free(h->vfs);
	free(h->slots);
	free(h);
}

static void set_vf(struct heaps *h, const struct sched_load *load, uint32_t id, uint32_t ring_size)
{
	struct sched_sla sla;

	load->sla(load, id, &sla);
	h->vfs[id] = (struct vf){
		.ring = &h->slots[(size_t)id * ring_size],
		.mask = ring_size - 1,
		.at = {NOWHERE, NOWHERE, NOWHERE},
		.min_byte = price_of_bps(sla.min_bps),
		.max_byte = price_of_bps(sla.max_bps),
		.weight = sla.weight ? sla.weight : 1,
	};
}

static void *heaps_create(const struct sched_load *load)
{
	struct heaps *h = calloc(1, sizeof(*h));
	uint32_t size = rte_align32pow2(load->backlog);
	bool is_ok = h != NULL;

	if (h == NULL)
		return NULL;
	h->overhead_bytes = load->overhead_bytes;
	h->link_byte = price_of_bps(load->link_bps);
	h->vfs = calloc(load->n_vfs, sizeof(*h->vfs));
	h->slots = calloc((size_t)load->n_vfs * size, sizeof(*h->slots));
	for (int tag = 0; tag < N_TAGS; tag++) {
		h->heap[tag].tag = (enum tag)tag;
		h->heap[tag].entries = calloc(load->n_vfs, sizeof(struct entry));
		is_ok &= h->heap[tag].entries != NULL;
	}
	if (!is_ok || h->vfs == NULL || h->slots == NULL) {
		heaps_destroy(h);
		return NULL;
	}
	for (uint32_t id = 0; id < load->n_vfs; id++)
		set_vf(h, load, id, size);
	return h;
}

const struct sched_peer sched_heap = {
	.name = "binary heaps",
	.create = heaps_create,
	.enqueue = heaps_enqueue,
	.dequeue = heaps_dequeue,
	.destroy = heaps_destroy,
};
