/* SPDX-License-Identifier: BSD-3-Clause */
/* lib/sched as the pipeline drives it: one node a VF, one flow a node, lost time accounted between turns.
 * Set-up as in lib/pipeline/pipe.c (set_limit, account_gap), which cannot be linked without its ports. */
#include <stdlib.h>

#include "sched_world.h"

#include "egress.h"
#include "mem.h"

#define LARGEST_BYTES (1514 + SCHED_OVERHEAD_BYTES)

struct weir {
	struct egress *e;
	struct fifo_pool pool;
	struct limiter *limits;
	uint64_t last_turn_ns;
	uint32_t n_vfs, overhead_bytes;
};

static void set_vf(struct weir *w, const struct sched_load *load, uint32_t vf, uint64_t now_ns)
{
	struct sched_sla sla;

	load->sla(load, vf, &sla);
	struct order_terms terms = {
		.min_byte = price_of_bps(sla.min_bps),
		.urgent_byte = price_of_bps(sla.urgent_bps),
		.burst_ns = NS_PER_MS,
		.weight = sla.weight ? sla.weight : 1,
	};
	price_t byte = price_of_bps(sla.max_bps), pkt = price_of_pps(sla.max_pps);
	uint64_t two_frames_ns = u64_max(price_ns(byte, 2ull * LARGEST_BYTES), price_ns(pkt, 2));
	uint64_t others_ns = price_ns(price_of_bps(load->link_bps), 12ull * LARGEST_BYTES) + SCHED_TURN_NS;
	limiter_set(&w->limits[vf], byte, pkt, u64_max(NS_PER_MS, u64_max(two_frames_ns, others_ns)), now_ns);
	egress_set_node(w->e, vf, &terms, &w->limits[vf], 0, now_ns);
}

static void weir_destroy(void *s)
{
	struct weir *w = s;
	struct egress_out out;

	if (w == NULL)
		return;
	for (uint32_t vf = 0; w->e != NULL && egress_n_pkts(w->e) > 0 && vf < w->n_vfs; vf++)
		while (egress_take(w->e, vf, &out, w->last_turn_ns))
			;
	egress_destroy(w->e);
	fifo_pool_fini(&w->pool);
	mem_release(w->limits, w->n_vfs, sizeof(*w->limits));
	free(w);
}

static void *weir_create(const struct sched_load *load)
{
	struct egress_params params = {
		.order = {
			.n_nodes = load->n_vfs,
			.link_byte = price_of_bps(load->link_bps),
			.largest_bytes = LARGEST_BYTES,
			.turn_ns = SCHED_TURN_NS,
		},
		.class_weight = {1, 3, 2, 1},
	};
	struct weir *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->n_vfs = load->n_vfs;
	w->overhead_bytes = load->overhead_bytes;
	w->limits = mem_reserve(load->n_vfs, sizeof(*w->limits));
	if (w->limits == NULL || !fifo_pool_init(&w->pool, sched_n_sending(load) * load->backlog + 64) ||
		(w->e = egress_create(&params, &w->pool)) == NULL) {
		weir_destroy(w);
		return NULL;
	}
	for (uint32_t vf = 0; vf < load->n_vfs; vf++)
		set_vf(w, load, vf, NS_PER_S);
	return w;
}

/* As pipe_ingest.c does: packets of one sender that follow each other are one run. */
static uint32_t weir_enqueue(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct weir *w = s;
	struct pkt burst[SCHED_BURST];
	uint32_t vfs[SCHED_BURST], n_taken = 0;

	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(pkts[i]);
	for (uint32_t i = 0; i < n; i++) {
		vfs[i] = sched_mbuf_vf(pkts[i]);
		if (i == 0 || vfs[i] != vfs[i - 1])
			egress_prefetch(w->e, vfs[i]);
		burst[i].handle = pkts[i];
		burst[i].bytes = pkts[i]->pkt_len + w->overhead_bytes;
		burst[i].tclass = sched_mbuf_tclass(pkts[i]);
		burst[i].drop_prec = DP_LOW;
		burst[i].ecn = ECN_NOT_ECT;
		burst[i].ring_wait = 0;
	}
	for (uint32_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && vfs[end] == vfs[i]; end++)
			;
		if (end < n)
			egress_prefetch_more(w->e, vfs[end]);
		n_taken += egress_push_run(w->e, vfs[i], 0, &burst[i], end - i, now_ns);
	}
	return n_taken;
}

static uint32_t weir_dequeue(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct weir *w = s;
	struct egress_out out[SCHED_BURST];
	uint64_t gap_ns = now_ns - w->last_turn_ns;

	if (gap_ns > SCHED_TURN_NS && w->last_turn_ns != 0)
		order_lost(egress_order(w->e), gap_ns - SCHED_TURN_NS, now_ns);
	w->last_turn_ns = now_ns;
	n = egress_pop(w->e, out, RTE_MIN(n, SCHED_BURST), now_ns);
	for (uint32_t i = 0; i < n; i++)
		pkts[i] = out[i].handle;
	return n;
}

const struct sched_peer sched_weir = {
	.name = "weir",
	.create = weir_create,
	.enqueue = weir_enqueue,
	.dequeue = weir_dequeue,
	.destroy = weir_destroy,
};
