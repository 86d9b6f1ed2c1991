/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the cycles of sched_cost go: the same loads, run by the parts of weir's scheduler one at a time.
 *   trace    no scheduler: packets go through one ring; what the load itself costs (mbufs, their VF, the loop)
 *   clocks   trace, and each packet is charged to its VF's limit and to the link
 *   fifos    trace, and each packet waits in the FIFO of its VF
 *   order    who goes next: lib/order as lib/sched drives it (wake, next, run, charge, sleep), packets on a stack a VF
 *   weir     all of it, with flows, classes, counters, delays and marks
 * Parts overlap (order charges clocks too), and together share caches that they have for themselves alone: the sum is
 * not the whole. */
#include <stdio.h>
#include <stdlib.h>

#include "sched_world.h"

#include "fifo.h"
#include "mem.h"
#include "order.h"

#define LINK_BPS      (10 * UINT64_C(1000000000))
#define TRIAL_PKTS    4096u
#define LARGEST_BYTES (1514 + SCHED_OVERHEAD_BYTES)

/* One for all: each peer uses what it needs of it. */
struct parts {
	uint32_t n_vfs, backlog, overhead_bytes, pkt_bytes;
	/* The ring. */
	struct rte_mbuf **ring;
	uint32_t mask, head, tail;
	/* Clocks. */
	struct limiter *limits, link;
	/* FIFOs. */
	struct fifo_pool pool;
	struct fifo *fifos;
	/* The order, and stacks. */
	struct order *order;
	struct rte_mbuf **stacks;
	uint32_t *depth;
};

static void parts_destroy(void *s)
{
	struct parts *p = s;

	if (p == NULL)
		return;
	order_destroy(p->order);
	fifo_pool_fini(&p->pool);
	mem_release(p->limits, p->n_vfs, sizeof(*p->limits));
	free(p->fifos);
	free(p->stacks);
	free(p->depth);
	free(p->ring);
	free(p);
}

static void set_vf(struct parts *p, const struct sched_load *load, uint32_t vf)
{
	struct sched_sla sla;

	load->sla(load, vf, &sla);
	struct order_terms terms = {.min_byte = price_of_bps(sla.min_bps), .weight = sla.weight};
	limiter_set(&p->limits[vf], price_of_bps(sla.max_bps), 0, NS_PER_MS, NS_PER_S);
	order_set(p->order, vf, &terms, &p->limits[vf], NS_PER_S);
}

static void *parts_create(const struct sched_load *load)
{
	struct order_params params = {
		.n_nodes = load->n_vfs,
		.link_byte = price_of_bps(load->link_bps),
		.largest_bytes = LARGEST_BYTES,
		.turn_ns = SCHED_TURN_NS,
	};
	struct parts *p = bench_alloc(sizeof(*p));
	uint32_t n_pkts = load->n_vfs * load->backlog;

	p->n_vfs = load->n_vfs;
	p->backlog = load->backlog;
	p->overhead_bytes = load->overhead_bytes;
	p->pkt_bytes = load->pkt_len + load->overhead_bytes;
	for (p->mask = 63; p->mask < n_pkts + SCHED_BURST;)
		p->mask = 2 * p->mask + 1;
	p->ring = bench_alloc((size_t)(p->mask + 1) * sizeof(struct rte_mbuf *));
	p->fifos = bench_alloc(p->n_vfs * sizeof(*p->fifos));
	p->stacks = bench_alloc((size_t)n_pkts * sizeof(struct rte_mbuf *));
	p->depth = bench_alloc(p->n_vfs * sizeof(*p->depth));
	p->limits = bench_not_null(mem_reserve(p->n_vfs, sizeof(*p->limits)));
	p->order = bench_not_null(order_create(&params));
	if (!fifo_pool_init(&p->pool, n_pkts + 64)) {
		parts_destroy(p);
		return NULL;
	}
	limiter_set(&p->link, price_of_bps(load->link_bps), 0, NS_PER_MS, NS_PER_S);
	for (uint32_t vf = 0; vf < p->n_vfs; vf++)
		set_vf(p, load, vf);
	return p;
}

/* --- trace, clocks, fifos: first in, first out ------------------------------------------------------------------- */

static inline uint32_t bytes_of(const struct parts *p, const struct rte_mbuf *m)
{
	return m->pkt_len + p->overhead_bytes;
}

static uint32_t trace_in(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct parts *p = s;

	(void)now_ns;
	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(pkts[i]);
	for (uint32_t i = 0; i < n; i++)
		p->ring[p->tail++ & p->mask] = pkts[i];
	return n;
}

static uint32_t take(struct parts *p, struct rte_mbuf **pkts, uint32_t n)
{
	uint32_t n_here = p->tail - p->head;

	n = n < n_here ? n : n_here;
	for (uint32_t i = 0; i < n; i++)
		pkts[i] = p->ring[p->head++ & p->mask];
	return n;
}

/* The VF is read from the packet by everyone. */
static uint32_t trace_out(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct parts *p = s;
	uint32_t sum = 0;

	(void)now_ns;
	n = take(p, pkts, n);
	for (uint32_t i = 0; i < n; i++)
		sum += sched_mbuf_vf(pkts[i]) + bytes_of(p, pkts[i]);
	p->depth[0] = sum;
	return n;
}

static uint32_t clocks_out(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct parts *p = s;

	n = take(p, pkts, n);
	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(&p->limits[sched_mbuf_vf(pkts[i])]);
	for (uint32_t i = 0; i < n; i++) {
		limiter_charge(&p->limits[sched_mbuf_vf(pkts[i])], bytes_of(p, pkts[i]), 1, now_ns, 0, 0);
		limiter_charge(&p->link, bytes_of(p, pkts[i]), 1, now_ns, 0, 0);
	}
	return n;
}

/* A VF's FIFO comes to its turn as often as it has been given packets: the ring tells in which order. */
static uint32_t fifos_in(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct parts *p = s;

	trace_in(s, pkts, n, now_ns);
	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(&p->fifos[sched_mbuf_vf(pkts[i])]);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t packed = fifo_pack(bytes_of(p, pkts[i]), 1, DP_LOW, false, now_ns);
		fifo_push(&p->pool, &p->fifos[sched_mbuf_vf(pkts[i])], pkts[i], packed);
	}
	return n;
}

static uint32_t fifos_out(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct parts *p = s;

	(void)now_ns;
	n = take(p, pkts, n);
	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(&p->fifos[sched_mbuf_vf(pkts[i])]);
	for (uint32_t i = 0; i < n; i++)
		pkts[i] = fifo_pop(&p->pool, &p->fifos[sched_mbuf_vf(pkts[i])]).handle;
	return n;
}

/* --- the order --------------------------------------------------------------------------------------------------- */

static uint32_t order_in(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct parts *p = s;

	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(pkts[i]);
	for (uint32_t i = 0; i < n; i++)
		order_prefetch(p->order, sched_mbuf_vf(pkts[i]));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t vf = sched_mbuf_vf(pkts[i]), at = p->depth[vf]++;
		p->stacks[(size_t)vf * p->backlog + at] = pkts[i];
		if (at == 0)
			order_wake(p->order, vf, p->pkt_bytes, false, now_ns);
	}
	return n;
}

/* Packets are of one size: as with FIFO entries, none is looked at on the way out. */
static uint32_t order_out(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct parts *p = s;
	uint32_t n_out = 0;

	while (n_out < n) {
		enum order_how how;
		struct order_run run;
		uint32_t vf = order_next(p->order, now_ns, &how), next;
		if (vf == ORDER_NONE)
			break;
		if ((next = order_likely_next(p->order, vf)) != ORDER_NONE)
			order_prefetch(p->order, next);
		order_begin_run(p->order, vf, how, now_ns, &run);
		do {
			pkts[n_out++] = p->stacks[(size_t)vf * p->backlog + --p->depth[vf]];
			order_run_add(&run, p->pkt_bytes, 1);
		} while (n_out < n && p->depth[vf] > 0 && order_run_goes_on(&run));
		order_end_run(p->order, vf, how, &run, p->depth[vf] > 0, p->pkt_bytes, false);
	}
	return n_out;
}

#define PART(part, in, out)                                                                                            \
	(struct sched_peer)                                                                                            \
	{                                                                                                              \
		.name = part, .create = parts_create, .enqueue = in, .dequeue = out, .destroy = parts_destroy,          \
	}

/* --- the suite --------------------------------------------------------------------------------------------------- */

static uint64_t trial(void *ctx)
{
	return sched_run_virtual(ctx, TRIAL_PKTS) ? TRIAL_PKTS : 0;
}

struct kind {
	const char *name;
	uint32_t max_percent, backlog;
	uint8_t n_classes;
	void (*sla)(const struct sched_load *load, uint32_t vf, struct sched_sla *sla);
};

static void run_case(struct bench *b, const struct kind *k, uint32_t n_vfs)
{
	const struct sched_peer peers[] = {
		PART("trace", trace_in, trace_out),
		PART("clocks", trace_in, clocks_out),
		PART("fifos", fifos_in, fifos_out),
		PART("order", order_in, order_out),
		sched_weir,
	};
	struct sched_load load = {
		.n_vfs = n_vfs,
		.backlog = k->backlog,
		.pkt_len = 64,
		.overhead_bytes = SCHED_OVERHEAD_BYTES,
		.n_classes = k->n_classes,
		.link_bps = LINK_BPS,
		.vf_bps = LINK_BPS / n_vfs * k->max_percent / 100,
		.sla = k->sla,
	};
	struct sched_run runs[RTE_DIM(peers)] = {0};
	struct bench_contender contenders[RTE_DIM(peers)] = {0};
	struct sched_mbufs m;
	char name[80];

	snprintf(name, sizeof(name), "%s, %u VFs, backlog %u", k->name, n_vfs, k->backlog);
	if (!sched_mbufs_create(&m, &load, bench_seed(b))) {
		bench_note(b, "%s: no memory for the mbufs", name);
		return;
	}
	for (unsigned int i = 0; i < RTE_DIM(peers); i++) {
		if (sched_run_start(&runs[i], &peers[i], &load, &m, 0))
			contenders[i] = (struct bench_contender){.name = peers[i].name, .ctx = &runs[i], .trial = trial};
	}
	bench_interleave(b, name, contenders, RTE_DIM(peers), NULL);
	for (unsigned int i = 0; i < RTE_DIM(peers); i++)
		sched_run_stop(&runs[i]);
	sched_mbufs_destroy(&m);
}

static void run(struct bench *b)
{
	static const struct kind kinds[] = {
		{"limit", 200, 1, 1, sched_sla_limit},
		{"limit", 200, 8, 1, sched_sla_limit},
		{"limit binds", 95, 8, 1, sched_sla_limit},
		{"full", 200, 8, 2, sched_sla_full},
	};
	static const uint32_t sizes[] = {256, 4096};

	bench_plan(b, RTE_DIM(kinds) * RTE_DIM(sizes));
	for (unsigned int i = 0; i < RTE_DIM(kinds); i++)
		for (unsigned int k = 0; k < RTE_DIM(sizes); k++)
			run_case(b, &kinds[i], sizes[k]);
	bench_note(b, "trace: what the load costs without any scheduler; clocks and fifos: that, and the part");
	bench_note(b, "order charges the clocks itself; parts alone have the caches that they share in the whole");
}

const struct bench_suite suite_sched_parts = {
	.name = "sched_parts",
	.about = "where the cycles of sched_cost go: clocks, FIFOs, order, and all of it; a unit is a packet",
	.run = run,
};
