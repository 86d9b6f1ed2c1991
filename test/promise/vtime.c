/* SPDX-License-Identifier: BSD-3-Clause */
#include "vtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST	      32
#define DEFAULT_DEPTH 40
#define MAX_SPINS     100000	/* at one moment without a departure: the order does not know its own next time */

const uint64_t vt_uptimes_ns[VT_UPTIMES] = {0, UINT64_C(1) << 48, VT_3_YEARS_NS};

const struct vt_mix vt_mixes[N_MIXES] = {
	[MIX_64] = {"64", 1, {64}},
	[MIX_1500] = {"1500", 1, {1500}},
	[MIX_9000] = {"9000", 1, {9000}},
	[MIX_IMIX] = {"IMIX", 12, {64, 594, 64, 594, 64, 1518, 64, 594, 64, 594, 64, 64}},
	[MIX_MIXED] = {"mixed", 8, {64, 9000, 64, 1500, 9000, 65, 1500, 777}},
};

static void *need(void *p)
{
	if (p == NULL) {
		fputs("vtime: out of memory\n", stderr);
		abort();
	}
	return p;
}

struct vt *vt_create(const struct vt_params *p)
{
	struct vt *v = need(calloc(1, sizeof(*v)));
	uint32_t n_chunks = p->n_chunks ? p->n_chunks : 20 * p->n_nodes < 4096 ? 4096 : 20 * p->n_nodes;
	struct egress_params ep = {
		.order = {
			.n_nodes = p->n_nodes,
			.n_groups = p->n_groups,
			.link_byte = price_of_bps(p->link_bps),
			.link_pkt = price_of_pps(p->link_pps),
			.cost_byte = price_of_bps(p->cost_bps),
			.cost_pkt = price_of_pps(p->cost_pps),
			.largest_bytes = p->largest_bytes ? p->largest_bytes : 1500,
			.turn_ns = p->turn_ns,
		},
		.n_flows = p->n_flows,
		.class_weight = {1, 3, 2, 1},
	};

	v->p = *p;
	v->p.largest_bytes = ep.order.largest_bytes;
	if (p->class_weight[TC_LOW] != 0)
		memcpy(ep.class_weight, p->class_weight, sizeof(ep.class_weight));
	if (!fifo_pool_init(&v->pool, n_chunks))
		need(NULL);
	v->e = need(egress_create(&ep, &v->pool));
	v->limiters = need(calloc(p->n_nodes + p->n_groups, sizeof(*v->limiters)));
	v->bytes = need(calloc(p->n_nodes, sizeof(*v->bytes)));
	v->pkts = need(calloc(p->n_nodes, sizeof(*v->pkts)));
	v->sources = need(calloc(VT_MAX_SOURCES, sizeof(*v->sources)));
	v->heap = need(calloc(VT_MAX_SOURCES, sizeof(*v->heap)));
	v->now_ns = v->since_ns = p->start_ns;
	return v;
}

void vt_destroy(struct vt *v)
{
	struct egress_out out;

	for (uint32_t i = 0; i < v->p.n_nodes; i++)
		while (egress_take(v->e, i, &out, v->now_ns))
			;
	egress_destroy(v->e);
	fifo_pool_fini(&v->pool);
	free(v->limiters);
	free(v->bytes);
	free(v->pkts);
	free(v->sources);
	free(v->heap);
	free(v);
}

/* As the pipeline does: a limit saves its burst, at least two frames, and at least 12 largest packets and a turn. */
static uint64_t save_ns(const struct vt *v, const struct vt_sla *s)
{
	uint64_t two_ns = u64_max(price_ns(price_of_bps(s->max_bps), 2 * v->p.largest_bytes),
		price_ns(price_of_pps(s->max_pps), 2));
	uint64_t others_ns = price_ns(price_of_bps(v->p.link_bps), 12 * v->p.largest_bytes) + v->p.turn_ns;

	return u64_max(u64_max(s->burst_ns, two_ns), others_ns);
}

static struct order_terms terms_of(const struct vt_sla *s)
{
	return (struct order_terms){
		.min_byte = price_of_bps(s->min_bps),
		.min_pkt = price_of_pps(s->min_pps),
		.urgent_byte = price_of_bps(s->urgent_bps),
		.urgent_pkt = price_of_pps(s->urgent_pps),
		.burst_ns = s->burst_ns,
		.weight = s->weight ? s->weight : 1,
		.priority = s->priority,
	};
}

static struct limiter *set_limit(struct vt *v, uint32_t i, const struct vt_sla *s)
{
	limiter_set(&v->limiters[i], price_of_bps(s->max_bps), price_of_pps(s->max_pps), save_ns(v, s), v->now_ns);
	return &v->limiters[i];
}

void vt_set(struct vt *v, uint32_t node, const struct vt_sla *s)
{
	struct order_terms t = terms_of(s);

	egress_set_node(v->e, node, &t, set_limit(v, node, s), s->queue_pkts, v->now_ns);
}

void vt_set_group(struct vt *v, uint32_t group, const struct vt_sla *s)
{
	struct order_terms t = terms_of(s);

	egress_set_group(v->e, group, &t, set_limit(v, v->p.n_nodes + group, s), v->now_ns);
}

/* A binary heap of sources by their next arrival. */
static uint64_t at_ns(const struct vt *v, uint32_t i)
{
	return v->sources[v->heap[i]].next.ns;
}

static void swap(struct vt *v, uint32_t i, uint32_t j)
{
	uint32_t s = v->heap[i];

	v->heap[i] = v->heap[j];
	v->heap[j] = s;
}

static void sift_down(struct vt *v, uint32_t i)
{
	for (;;) {
		uint32_t least = i;
		for (uint32_t child = 2 * i + 1; child <= 2 * i + 2 && child < v->n_heap; child++)
			least = at_ns(v, child) < at_ns(v, least) ? child : least;
		if (least == i)
			return;
		swap(v, i, least);
		i = least;
	}
}

static void heap_add(struct vt *v, uint32_t source)
{
	uint32_t i = v->n_heap++;

	v->heap[i] = source;
	for (; i > 0 && at_ns(v, i) < at_ns(v, (i - 1) / 2); i = (i - 1) / 2)
		swap(v, i, (i - 1) / 2);
}

static bool is_backlog(const struct vt_source *s)
{
	return (s->bps | s->pps) == 0;
}

static bool is_over(const struct vt *v, const struct vt_source *s, uint64_t now_ns)
{
	return s->until_ns != 0 && now_ns >= v->p.start_ns + s->until_ns;
}

/* The handle says whose packet it is and its number, so that departures can be checked. */
static void push(struct vt *v, struct vt_source *s)
{
	uint64_t id = (uint64_t)(s - v->sources) + 1;
	struct pkt k = {
		.handle = (void *)(uintptr_t)(id << 40 | s->n_pushed),
		.bytes = s->mix->bytes[s->at],
		.tclass = (uint8_t)s->tclass,
		.drop_prec = (uint8_t)s->drop_prec,
	};

	s->at = s->at + 1 < s->mix->n ? s->at + 1 : 0;
	if (egress_push(v->e, s->node, s->flow_key, &k, 1, v->now_ns) != DROP_NOT) {
		s->n_refused++;
		return;
	}
	s->n_pushed++;
	s->waiting++;
}

static void fill(struct vt *v, struct vt_source *s)
{
	while (s->waiting < s->depth && !is_over(v, s, v->now_ns)) {
		uint64_t refused = s->n_refused;
		push(v, s);
		if (s->n_refused != refused)
			return;
	}
}

/* When the next one arrives; what was held back at the source is gone. */
static void plan(struct vt *v, struct vt_source *s)
{
	uint64_t period_ns = s->on_ns + s->off_ns;

	if (s->bps != 0)
		clk_add(&s->next, price_of_bps(s->bps), s->mix->bytes[s->at]);
	else
		clk_add(&s->next, price_of_pps(s->pps), 1);
	if (s->on_ns == 0)
		return;
	uint64_t since_ns = s->next.ns - v->p.start_ns - s->from_ns;
	if (since_ns % period_ns >= s->on_ns)
		s->next.ns += period_ns - since_ns % period_ns;
}

static void arrive(struct vt *v)
{
	while (v->n_heap > 0 && at_ns(v, 0) <= v->now_ns) {
		struct vt_source *s = &v->sources[v->heap[0]];
		if (is_over(v, s, s->next.ns)) {
			v->heap[0] = v->heap[--v->n_heap];
			sift_down(v, 0);
			continue;
		}
		if (is_backlog(s)) {	/* begins */
			fill(v, s);
			v->heap[0] = v->heap[--v->n_heap];
			sift_down(v, 0);
			continue;
		}
		if (s->waiting < s->depth)
			push(v, s);
		plan(v, s);
		sift_down(v, 0);
	}
}

uint32_t vt_add(struct vt *v, struct vt_source source)
{
	uint32_t id = v->n_sources++;

	if (source.depth == 0)
		source.depth = DEFAULT_DEPTH;
	source.next.ns = u64_max(v->p.start_ns + source.from_ns, v->now_ns);
	v->sources[id] = source;
	heap_add(v, id);
	return id;
}

uint32_t vt_vf(struct vt *v, uint32_t node, const struct vt_sla *sla, int mix, uint64_t bps)
{
	vt_set(v, node, sla);
	return vt_add(v, (struct vt_source){.node = node, .tclass = TC_MEDIUM, .mix = &vt_mixes[mix], .bps = bps});
}

static void count(struct vt *v, const struct egress_out *out)
{
	uint64_t id = (uint64_t)(uintptr_t)out->handle;
	struct vt_source *s = &v->sources[(id >> 40) - 1];

	if ((id & ((UINT64_C(1) << 40) - 1)) != s->n_sent || out->tclass != s->tclass || out->node != s->node)
		v->n_reordered++;
	s->n_sent++;
	s->sent_bytes += out->bytes;
	s->waiting--;
	v->bytes[out->node] += out->bytes;
	v->pkts[out->node]++;
	v->class_bytes[out->tclass] += out->bytes;
	if (v->left != NULL)
		v->left(v, out);
	if (is_backlog(s))
		fill(v, s);
}

static uint32_t serve(struct vt *v)
{
	struct egress_out out[BURST];
	uint32_t n, n_all = 0;

	do {
		n = egress_pop(v->e, out, BURST, v->now_ns);
		for (uint32_t i = 0; i < n; i++)
			count(v, &out[i]);
		n_all += n;
	} while (n == BURST && n_all < 256);
	return n_all;
}

static void next_event(struct vt *v, uint32_t n_served)
{
	uint64_t next_ns = order_next_ns(egress_order(v->e), v->now_ns);

	if (v->n_heap > 0)
		next_ns = u64_min(next_ns, at_ns(v, 0));
	if (next_ns > v->now_ns) {
		v->n_spins = 0;
		v->now_ns = next_ns;
	} else if (n_served == 0 && ++v->n_spins > MAX_SPINS) {
		fprintf(stderr, "vtime: nothing leaves at %llu, though the order says so\n",
			(unsigned long long)v->now_ns);
		abort();
	}
}

static void next_turn(struct vt *v)
{
	uint64_t gap_ns = v->p.turn_ns;

	if (v->stall_every_ns != 0 && v->now_ns >= v->next_stall_ns) {
		gap_ns = v->stall_ns;
		v->next_stall_ns = v->now_ns + v->stall_every_ns;
	}
	v->now_ns += gap_ns;
	if (gap_ns > v->p.turn_ns)
		order_lost(egress_order(v->e), gap_ns - v->p.turn_ns, v->now_ns);
}

static void step(struct vt *v)
{
	arrive(v);
	uint32_t n_served = serve(v);
	if (v->p.turn_ns != 0)
		next_turn(v);
	else
		next_event(v, n_served);
}

void vt_run(struct vt *v, uint64_t span_ns)
{
	uint64_t until_ns = v->now_ns + span_ns;

	while (v->now_ns < until_ns)
		step(v);
	if (v->p.turn_ns == 0)
		v->now_ns = until_ns;	/* nothing happens before the event that step() found */
}

bool vt_run_pkts(struct vt *v, uint32_t node, uint64_t n, uint64_t most_ns)
{
	uint64_t until_ns = v->now_ns + most_ns;

	while (v->pkts[node] < n && v->now_ns < until_ns) {
		arrive(v);
		uint32_t n_served = serve(v);
		if (v->pkts[node] >= n)
			return true;	/* at the moment of the last departure */
		if (v->p.turn_ns != 0)
			next_turn(v);
		else
			next_event(v, n_served);
	}
	return v->pkts[node] >= n;
}

void vt_reset(struct vt *v)
{
	memset(v->bytes, 0, v->p.n_nodes * sizeof(*v->bytes));
	memset(v->pkts, 0, v->p.n_nodes * sizeof(*v->pkts));
	memset(v->class_bytes, 0, sizeof(v->class_bytes));
	v->since_ns = v->now_ns;
}

double vt_bps(const struct vt *v, uint32_t node)
{
	return (double)v->bytes[node] * 8e9 / (double)(v->now_ns - v->since_ns);
}

double vt_total_bps(const struct vt *v)
{
	double sum = 0;

	for (uint32_t i = 0; i < v->p.n_nodes; i++)
		sum += vt_bps(v, i);
	return sum;
}
