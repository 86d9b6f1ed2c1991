/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define MBUF_STRIDE 2432u	/* of a pool of 2 KB mbufs: schedulers must not profit from neighbours in a line */
#define FIRST_NS    NS_PER_S	/* as sched_clock_ns() begins */
#define STUCK_POLLS 1000000u

uint32_t sched_len_imix(const struct sched_load *load, uint32_t vf, uint32_t i)
{
	uint32_t at = (i + vf) % 12;	/* VFs do not march in step */

	(void)load;
	return at == 11 ? 1514 : at % 3 == 1 ? 590 : 60;
}

static uint32_t len_of(const struct sched_load *load, uint32_t vf, uint32_t i)
{
	return load->len_of != NULL ? load->len_of(load, vf, i) : load->pkt_len;
}

struct rte_mbuf *sched_mbuf(const struct sched_mbufs *m, uint32_t i)
{
	return (struct rte_mbuf *)(void *)(m->base + (size_t)i * MBUF_STRIDE);
}

void sched_mbuf_set(struct rte_mbuf *m, uint32_t vf, enum tclass tclass, uint32_t pkt_len)
{
	uint32_t queue = tclass == TC_URGENT ? 0 : RTE_SCHED_TRAFFIC_CLASS_BE + (uint32_t)tclass - TC_HIGH;

	rte_mbuf_sched_set(m, vf << 4 | queue, (uint8_t)RTE_MIN(queue, (uint32_t)RTE_SCHED_TRAFFIC_CLASS_BE),
		RTE_COLOR_GREEN);
	m->pkt_len = pkt_len;
	m->data_len = (uint16_t)pkt_len;
}

void sched_mbufs_mark(struct sched_mbufs *m, const struct sched_load *load)
{
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t n = sched_n_sending(load), round = i / n;
		/* Spread by a multiplier that is coprime to any number of VFs: it is prime, and larger. */
		uint32_t vf = n == load->n_vfs ? i % n : (uint32_t)(UINT64_C(2654435761) * (i % n) % load->n_vfs);
		enum tclass tclass = load->n_classes == 1 ? TC_MEDIUM : (vf ^ round) & 1 ? TC_LOW : TC_HIGH;
		struct rte_mbuf *mbuf = sched_mbuf(m, m->order[i]);
		mbuf->nb_segs = 1;
		/* A peer that drops one must not get it back to a pool that does not exist. */
		rte_mbuf_refcnt_set(mbuf, UINT16_MAX / 2);
		sched_mbuf_set(mbuf, vf, tclass, len_of(load, vf, round));
	}
}

bool sched_mbufs_create(struct sched_mbufs *m, const struct sched_load *load, uint64_t seed)
{
	struct bench_rng rng;

	*m = (struct sched_mbufs){.n = sched_n_sending(load) * load->backlog};
	m->n_bytes = RTE_ALIGN_CEIL((size_t)m->n * MBUF_STRIDE, (size_t)2 << 20);
	m->order = malloc(m->n * sizeof(*m->order));
	m->base = mmap(NULL, m->n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m->base == MAP_FAILED)
		m->base = NULL;
	if (m->base == NULL || m->order == NULL) {
		sched_mbufs_destroy(m);
		return false;
	}
	madvise(m->base, m->n_bytes, MADV_HUGEPAGE);	/* as mbufs have it on a real machine; a hint */
	bench_rng_init(&rng, seed);
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t at = bench_rng_below(&rng, i + 1);
		m->order[i] = m->order[at];
		m->order[at] = i;
	}
	sched_mbufs_mark(m, load);
	return true;
}

void sched_mbufs_destroy(struct sched_mbufs *m)
{
	if (m->base != NULL)
		munmap(m->base, m->n_bytes);
	free(m->order);
	*m = (struct sched_mbufs){0};
}

/* What the link takes for a burst of the load's packets. */
static price_t burst_price(const struct sched_load *load)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < 12; i++)
		bytes += len_of(load, 0, i) + load->overhead_bytes;
	return price_of_bps(load->link_bps) * RTE_MIN(SCHED_BURST, sched_n_sending(load) * load->backlog) / 12 * bytes;
}

void sched_run_fill(struct sched_run *r, const struct sched_mbufs *m)
{
	for (uint32_t i = 0; i < m->n; i += SCHED_BURST) {
		uint32_t n = RTE_MIN(SCHED_BURST, m->n - i);
		struct rte_mbuf *pkts[SCHED_BURST];
		for (uint32_t k = 0; k < n; k++)
			pkts[k] = sched_mbuf(m, m->order[i + k]);
		r->n_lost += n - r->peer->enqueue(r->s, pkts, n, r->now.ns);
	}
}

bool sched_run_start(struct sched_run *r, const struct sched_peer *peer, const struct sched_load *load,
	const struct sched_mbufs *m, uint64_t now_ns)
{
	*r = (struct sched_run){.peer = peer, .now.ns = now_ns ? now_ns : FIRST_NS, .step = burst_price(load)};
	r->s = peer->create(load);
	if (r->s == NULL)
		return false;
	sched_run_fill(r, m);
	return true;
}

void sched_run_stop(struct sched_run *r)
{
	if (r->s == NULL)
		return;
	r->peer->destroy(r->s);
	r->s = NULL;
}

bool sched_run_virtual(struct sched_run *r, uint32_t n)
{
	uint32_t n_idle = 0;

	for (uint32_t n_done = 0; n_done < n;) {
		if (r->n_burst > 0)
			r->n_lost += r->n_burst - r->peer->enqueue(r->s, r->burst, r->n_burst, r->now.ns);
		r->n_burst = r->peer->dequeue(r->s, r->burst, SCHED_BURST, r->now.ns);
		clk_add(&r->now, r->step, 1);
		n_done += r->n_burst;
		n_idle = r->n_burst ? 0 : n_idle + 1;
		if (n_idle > STUCK_POLLS)
			return false;
	}
	return true;
}

void sched_sla_none(const struct sched_load *load, uint32_t vf, struct sched_sla *sla)
{
	(void)load;
	(void)vf;
	*sla = (struct sched_sla){.weight = 1};
}

void sched_sla_limit(const struct sched_load *load, uint32_t vf, struct sched_sla *sla)
{
	(void)vf;
	*sla = (struct sched_sla){.max_bps = load->vf_bps, .weight = 1};
}

void sched_sla_full(const struct sched_load *load, uint32_t vf, struct sched_sla *sla)
{
	uint64_t fair_bps = load->link_bps / load->n_vfs;

	*sla = (struct sched_sla){
		.max_bps = load->vf_bps,
		.min_bps = RTE_MIN(load->vf_bps, fair_bps) / 2,
		.weight = 1 + vf % 4,
	};
}

void sched_clock_start(struct sched_clock *c)
{
	c->ns_per_tsc = (uint64_t)(((clk_u128)NS_PER_S << 32) / rte_get_tsc_hz());
	c->start_tsc = rte_rdtsc();
}

/* Best effort: without the right to it the rows say for how long the CPU was taken away.  Nice levels count inside a
 * session only where the kernel groups by session (autogroup), so the session gets the same. */
void sched_take_cpu(bool is_taken)
{
	int nice_level = is_taken ? -20 : 0;
	FILE *session = fopen("/proc/self/autogroup", "w");

	(void)!setpriority(PRIO_PROCESS, 0, nice_level);
	if (session == NULL)
		return;
	fprintf(session, "%d\n", nice_level);
	fclose(session);
}
