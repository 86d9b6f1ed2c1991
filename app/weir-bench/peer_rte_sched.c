/* SPDX-License-Identifier: BSD-3-Clause */
#define ALLOW_EXPERIMENTAL_API	/* rte_sched_subport_tc_ov_config() */

/* DPDK's own hierarchical scheduler as a peer: one port, one subport of the port's rate, a pipe a VF.
 * Packets are best effort (queues weighted 3:2:1), or traffic class 0 where they are urgent.  Only the queues that a
 * load uses exist, as small as its backlog allows: no other set-up makes it smaller or faster.
 * A guarantee cannot be told to it; where a load has one it runs without. */
#include "sched_world.h"

#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

#include <rte_eal.h>
#include <rte_malloc.h>

#define MAX_PROFILES 64u
#define HEAP_NAME    "bench_sched"
#define HEAP_BYTES   ((size_t)1 << 30)	/* touched as it is used */
#define PAGE_BYTES   ((size_t)2 << 20)
#define LARGEST_LEN  1514u

struct rte {
	struct rte_sched_port *port;
	price_t bytes_per_ns;		/* of the port, 32.32 */
	uint64_t first_ns, n_bytes;
	uint32_t overhead_bytes;
};

/* The parameters' structs point at each other: they live together until all is configured. */
struct setup {
	struct rte_sched_port_params port;
	struct rte_sched_subport_profile_params profile;
	struct rte_sched_subport_params subport;
	struct rte_sched_pipe_params pipes[MAX_PROFILES];
	uint32_t n_pipes;
};

/* EAL without huge pages gives rte_sched 4 KB pages, while malloc, and so weir, has transparent huge ones.  A heap of
 * such pages for it, then: all have the same class of memory.  -> the 'socket' to ask at. */
static int memory_socket(void)
{
	static int socket = -1;

	if (socket >= 0)
		return socket;
	socket = 0;
	if (rte_eal_has_hugepages())
		return socket;
	uint8_t *all = mmap(NULL, HEAP_BYTES + PAGE_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (all == MAP_FAILED)
		return socket;
	uint8_t *base = (uint8_t *)RTE_ALIGN_CEIL((uintptr_t)all, PAGE_BYTES);
	madvise(base, HEAP_BYTES, MADV_HUGEPAGE);
	if (rte_malloc_heap_create(HEAP_NAME) != 0)
		return socket;
	if (rte_malloc_heap_memory_add(HEAP_NAME, base, HEAP_BYTES, NULL, HEAP_BYTES / PAGE_BYTES, PAGE_BYTES) == 0)
		socket = rte_malloc_heap_get_socket(HEAP_NAME);
	return socket;
}

static void fill_pipe(const struct sched_load *load, uint32_t vf, struct rte_sched_pipe_params *p)
{
	struct sched_sla sla;

	load->sla(load, vf, &sla);
	bool is_unlimited = load->is_unlimited || sla.max_bps == 0 || sla.max_bps > load->link_bps;
	memset(p, 0, sizeof(*p));	/* compared as bytes */
	p->tb_rate = (is_unlimited ? load->link_bps : sla.max_bps) / 8;
	p->tb_size = load->tb_bytes ? load->tb_bytes : 1000000;
	p->tc_period = load->tc_period_ms ? load->tc_period_ms : 10;
	p->tc_rate[RTE_SCHED_TRAFFIC_CLASS_BE] = p->tb_rate;
	p->tc_rate[0] = load->has_urgent ? p->tb_rate : 0;
	p->tc_ov_weight = (uint8_t)(sla.weight ? sla.weight : 1);
	memcpy(p->wrr_weights, (const uint8_t[]){3, 2, 1, 1}, sizeof(p->wrr_weights));
}

/* The profile of this VF, made where it is new; MAX_PROFILES: too many. */
static uint32_t profile_of(struct setup *u, const struct sched_load *load, uint32_t vf)
{
	struct rte_sched_pipe_params p;

	fill_pipe(load, vf, &p);
	for (uint32_t i = 0; i < u->n_pipes; i++) {
		if (memcmp(&u->pipes[i], &p, sizeof(p)) == 0)
			return i;
	}
	if (u->n_pipes == MAX_PROFILES)
		return MAX_PROFILES;
	u->pipes[u->n_pipes] = p;
	return u->n_pipes++;
}

static void fill_setup(struct setup *u, const struct sched_load *load)
{
	uint64_t rate = load->link_bps / 8;
	uint16_t qsize = (uint16_t)RTE_MIN(rte_align32pow2(RTE_MAX(load->backlog, 2u)), 1u << 15);
	uint32_t n_pipes = rte_align32pow2(load->n_vfs);

	u->profile.tb_rate = rate;
	u->profile.tb_size = 1000000;
	u->profile.tc_period = load->tc_period_ms ? load->tc_period_ms : 10;
	for (int i = 0; i < RTE_SCHED_TRAFFIC_CLASSES_PER_PIPE; i++)
		u->profile.tc_rate[i] = rate;
	u->subport.n_pipes_per_subport_enabled = n_pipes;
	u->subport.qsize[RTE_SCHED_TRAFFIC_CLASS_BE] = qsize;
	u->subport.qsize[0] = load->has_urgent ? qsize : 0;
	u->subport.pipe_profiles = u->pipes;
	u->subport.n_pipe_profiles = u->n_pipes;
	u->subport.n_max_pipe_profiles = u->n_pipes;
	u->port = (struct rte_sched_port_params){
		.name = "bench",
		.socket = memory_socket(),
		.rate = rate,
		.mtu = LARGEST_LEN,
		.frame_overhead = load->overhead_bytes,
		.n_subports_per_port = 1,
		.subport_profiles = &u->profile,
		.n_subport_profiles = 1,
		.n_max_subport_profiles = 1,
		.n_pipes_per_subport = n_pipes,
	};
}

static bool configure(struct rte_sched_port *port, struct setup *u, const struct sched_load *load)
{
	if (rte_sched_subport_config(port, 0, &u->subport, 0) != 0 ||
		rte_sched_subport_tc_ov_config(port, 0, load->tc_ov) != 0)
		return false;
	for (uint32_t vf = 0; vf < u->subport.n_pipes_per_subport_enabled; vf++) {
		uint32_t profile = vf < load->n_vfs ? profile_of(u, load, vf) : 0;
		if (rte_sched_pipe_config(port, 0, vf, (int32_t)profile) != 0)
			return false;
	}
	return true;
}

static void rte_destroy(void *s)
{
	struct rte *r = s;

	if (r == NULL)
		return;
	rte_sched_port_free(r->port);
	free(r);
}

static void *rte_create(const struct sched_load *load)
{
	struct setup *u = calloc(1, sizeof(*u));
	struct rte *r = calloc(1, sizeof(*r));
	bool is_ok = u != NULL && r != NULL;

	for (uint32_t vf = 0; is_ok && vf < load->n_vfs; vf++)
		is_ok = profile_of(u, load, vf) < MAX_PROFILES;
	if (is_ok) {
		fill_setup(u, load);
		r->bytes_per_ns = (price_t)(((clk_u128)load->link_bps << 32) / (8 * NS_PER_S));
		r->overhead_bytes = load->overhead_bytes;
		r->port = rte_sched_port_config(&u->port);
		is_ok = r->port != NULL && configure(r->port, u, load);
	}
	free(u);
	if (is_ok)
		return r;
	rte_destroy(r);
	return NULL;
}

static uint32_t rte_enqueue(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct rte *r = s;

	(void)now_ns;
	return (uint32_t)rte_sched_port_enqueue(r->port, pkts, n);
}

static uint32_t rte_dequeue(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct rte *r = s;

	(void)now_ns;
	return (uint32_t)rte_sched_port_dequeue(r->port, pkts, n);
}

/* Its clock runs on bytes sent as well as on time, so a sink that takes packets faster than the port's rate makes all
 * pipes fast: this one takes no more than the port could have sent by now, and a burst. */
static uint32_t rte_dequeue_capped(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct rte *r = s;
	uint64_t may = price_ns(r->bytes_per_ns, now_ns - r->first_ns);

	if (r->first_ns == 0) {
		r->first_ns = now_ns;
		return 0;
	}
	if (may < r->n_bytes)
		return 0;
	n = rte_dequeue(s, pkts, n, now_ns);
	for (uint32_t i = 0; i < n; i++)
		r->n_bytes += pkts[i]->pkt_len + r->overhead_bytes;
	/* What the port did not send while nobody had credits is gone. */
	if (r->n_bytes + SCHED_BURST * (LARGEST_LEN + r->overhead_bytes) < may)
		r->n_bytes = may - SCHED_BURST * (LARGEST_LEN + r->overhead_bytes);
	return n;
}

uint32_t rte_sched_bytes_per_pipe(const struct sched_load *load)
{
	struct setup *u = calloc(1, sizeof(*u));
	uint32_t n_bytes = 0;

	if (u != NULL && profile_of(u, load, 0) < MAX_PROFILES) {
		struct rte_sched_subport_params *subports[] = {&u->subport};
		fill_setup(u, load);
		n_bytes = rte_sched_port_get_memory_footprint(&u->port, subports) / u->port.n_pipes_per_subport;
	}
	free(u);
	return n_bytes;
}

const struct sched_peer sched_rte = {
	.name = "rte_sched",
	.create = rte_create,
	.enqueue = rte_enqueue,
	.dequeue = rte_dequeue,
	.destroy = rte_destroy,
};

const struct sched_peer sched_rte_capped = {
	.name = "rte_sched",
	.create = rte_create,
	.enqueue = rte_enqueue,
	.dequeue = rte_dequeue_capped,
	.destroy = rte_destroy,
};
