/* SPDX-License-Identifier: BSD-3-Clause */
/* The scheduler that anybody writes first: a ring of packets and a token bucket a VF, and deficit round robin over all
 * VFs that wait, passing over who has no tokens.  Fast as long as nobody is limited. */
#include <stdlib.h>

#include "sched_world.h"

#define NONE		UINT32_MAX
#define QUANTUM_BYTES	1538

struct vf {
	struct rte_mbuf **ring;
	uint32_t head, n, mask;
	uint32_t next;			/* who waits, in a circle */
	int64_t deficit, tokens;	/* tokens in 2^-16 bytes */
	uint64_t last_ns, rate;		/* 2^-16 bytes a ns; 0 = no limit */
	uint32_t quantum;
};

struct naive {
	struct vf *vfs;
	struct rte_mbuf **slots;
	uint32_t last;			/* the one before whose turn it is; NONE: nobody waits */
	uint32_t n_waiting, overhead_bytes;
	int64_t burst_ns;
};

static void naive_destroy(void *s)
{
	struct naive *d = s;

	if (d == NULL)
		return;
	free(d->vfs);
	free(d->slots);
	free(d);
}

static void *naive_create(const struct sched_load *load)
{
	struct naive *d = calloc(1, sizeof(*d));
	uint32_t size = rte_align32pow2(load->backlog);

	if (d == NULL)
		return NULL;
	d->last = NONE;
	d->burst_ns = NS_PER_MS;
	d->overhead_bytes = load->overhead_bytes;
	d->vfs = calloc(load->n_vfs, sizeof(*d->vfs));
	d->slots = calloc((size_t)load->n_vfs * size, sizeof(*d->slots));
	if (d->vfs == NULL || d->slots == NULL) {
		naive_destroy(d);
		return NULL;
	}
	for (uint32_t vf = 0; vf < load->n_vfs; vf++) {
		struct sched_sla sla;
		load->sla(load, vf, &sla);
		d->vfs[vf] = (struct vf){
			.ring = &d->slots[(size_t)vf * size],
			.mask = size - 1,
			.rate = (uint64_t)(((clk_u128)sla.max_bps << 16) / (8 * NS_PER_S)),
			.quantum = QUANTUM_BYTES * (sla.weight ? sla.weight : 1),
		};
	}
	return d;
}

static void link_vf(struct naive *d, uint32_t id)
{
	struct vf *v = &d->vfs[id];

	if (d->last == NONE) {
		v->next = id;
	} else {
		v->next = d->vfs[d->last].next;
		d->vfs[d->last].next = id;
	}
	d->last = id;
	d->n_waiting++;
}

static uint32_t naive_enqueue(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct naive *d = s;

	(void)now_ns;
	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(pkts[i]);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t id = sched_mbuf_vf(pkts[i]);
		struct vf *v = &d->vfs[id];
		v->ring[(v->head + v->n) & v->mask] = pkts[i];
		if (v->n++ == 0)
			link_vf(d, id);
	}
	return n;
}

static void refill(const struct naive *d, struct vf *v, uint64_t now_ns)
{
	int64_t lapse_ns = (int64_t)RTE_MIN(now_ns - v->last_ns, NS_PER_S);
	int64_t most = RTE_MAX(d->burst_ns * (int64_t)v->rate, (int64_t)(2 * 1538) << 16);

	v->tokens = RTE_MIN(v->tokens + lapse_ns * (int64_t)v->rate, most);
	v->last_ns = now_ns;
}

/* What the VF may send in its turn. */
static uint32_t serve(struct naive *d, struct vf *v, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	uint32_t n_out = 0;

	if (v->rate != 0)
		refill(d, v, now_ns);
	v->deficit += v->quantum;
	while (n_out < n && v->n > 0) {
		struct rte_mbuf *m = v->ring[v->head & v->mask];
		int64_t bytes = m->pkt_len + d->overhead_bytes;
		if (v->deficit < bytes || (v->rate != 0 && v->tokens < bytes << 16))
			break;
		v->deficit -= bytes;
		v->tokens -= v->rate != 0 ? bytes << 16 : 0;
		v->head++;
		v->n--;
		pkts[n_out++] = m;
	}
	v->deficit = v->n == 0 ? 0 : RTE_MIN(v->deficit, (int64_t)v->quantum);
	return n_out;
}

static uint32_t naive_dequeue(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct naive *d = s;
	uint32_t n_out = 0;

	for (uint32_t n_idle = 0; n_out < n && d->n_waiting > 0 && n_idle < d->n_waiting;) {
		uint32_t id = d->vfs[d->last].next;
		struct vf *v = &d->vfs[id];
		uint32_t n_here = serve(d, v, pkts + n_out, n - n_out, now_ns);
		n_out += n_here;
		n_idle = n_here ? 0 : n_idle + 1;
		if (v->n > 0) {
			d->last = id;
			continue;
		}
		d->vfs[d->last].next = v->next;
		d->last = --d->n_waiting == 0 ? NONE : d->last;
	}
	return n_out;
}

const struct sched_peer sched_naive = {
	.name = "token_bucket_drr",
	.create = naive_create,
	.enqueue = naive_enqueue,
	.dequeue = naive_dequeue,
	.destroy = naive_destroy,
};
