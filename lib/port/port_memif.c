/* SPDX-License-Identifier: BSD-3-Clause */
/* A memif with several queues.  Its peer says how many rings there are, and DPDK's driver tells nobody: of a ring that is not
 * there it reads the first one, once more.  But it counts only the rings that are there.  So what comes by a ring for the first
 * time of a peer is looked for in the driver's counters, and else thrown away, and that ring and those behind it are left alone
 * until there is another peer. */
#include <string.h>

#include "port_impl.h"

static_assert(PORT_MAX_RINGS <= RTE_ETHDEV_QUEUE_STAT_CNTRS, "others are not counted");

void port_memif_init(struct port *p)
{
	p->looks_for_rings = p->n_queues > 1 && strcmp(p->info.driver, "net_memif") == 0;
	atomic_store(&p->n_rings, p->n_queues);
	p->rings_there = 1;
}

static void look_for_peer(struct port *p)
{
	uint32_t peer = atomic_load_explicit(&p->n_peers, memory_order_relaxed);

	if (peer == p->peer_seen)
		return;
	p->peer_seen = peer;
	p->rings_there = 1;
	atomic_store_explicit(&p->n_rings, p->n_queues, memory_order_relaxed);
}

static bool is_there(struct port *p, uint16_t ring)
{
	struct rte_eth_stats s = {0};

	if (p->rings_there >> ring & 1)
		return true;
	if (rte_eth_stats_get(p->ethdev, &s) != 0 || s.q_ipackets[ring] == 0)
		return false;
	p->rings_there |= UINT64_C(1) << ring;
	return true;
}

uint32_t port_memif_rx(struct port *p, struct rte_mbuf **mbufs, uint32_t n)
{
	uint32_t got = 0;

	look_for_peer(p);
	uint16_t n_rings = atomic_load_explicit(&p->n_rings, memory_order_relaxed);
	for (uint16_t asked = 0; asked < p->n_queues && got < n; asked++) {
		uint16_t ring = port_next_queue(p), here;

		if (ring >= n_rings)
			continue;
		here = rte_eth_rx_burst(p->ethdev, ring, mbufs + got, (uint16_t)(n - got));
		if (here == 0 || is_there(p, ring)) {
			got += here;
			continue;
		}
		rte_pktmbuf_free_bulk(mbufs + got, here);
		atomic_store_explicit(&p->n_rings, ring, memory_order_relaxed);
		break;
	}
	return got;
}

uint16_t port_n_rings(const struct ports *ports, uint16_t port)
{
	return atomic_load_explicit(&ports->port[port].n_rings, memory_order_relaxed);
}
