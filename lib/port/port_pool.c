/* SPDX-License-Identifier: BSD-3-Clause */
/* The mbuf pools: one a NUMA node that has a port, each big enough for the worst that can be asked of it, so that no
 * backlog takes another's last buffer. */
#include <errno.h>
#include <numa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include "port_impl.h"

#define FRAME_EXTRA_BYTES 22u	/* an Ethernet header and two VLAN tags, beside the MTU */
#define SPARE_MBUFS	  1024u	/* for what drivers keep themselves (pcap replay, copies under way) */
#define MAX_ROOM_BYTES	  65472u	/* a multiple of 64 in 16 bits */
#define MIB		  (1024u * 1024u)

static int near_numa(const struct port *p)
{
	return p->info.numa >= 0 ? p->info.numa : (int)rte_socket_id();
}

static struct port_pool *pool_of(struct ports *ports, int numa)
{
	for (uint32_t i = 0; i < ports->n_pools; i++) {
		if (ports->pools[i].numa == numa)
			return &ports->pools[i];
	}
	if (ports->n_pools == PORT_MAX_POOLS)
		return &ports->pools[0];	/* far memory beats none */
	ports->pools[ports->n_pools] = (struct port_pool){.numa = numa};
	return &ports->pools[ports->n_pools++];
}

/* Longer frames than EAL's 16 bits can say come in chains. */
static uint32_t room_for(uint32_t mtu)
{
	uint32_t frame = RTE_ALIGN_CEIL(mtu + FRAME_EXTRA_BYTES, 64u);

	return RTE_MIN(RTE_MAX(frame, (uint32_t)RTE_MBUF_DEFAULT_DATAROOM) + RTE_PKTMBUF_HEADROOM, MAX_ROOM_BYTES);
}

static uint32_t chain_of(uint32_t frame_bytes, uint32_t room_bytes)
{
	uint32_t data_bytes = room_bytes - RTE_PKTMBUF_HEADROOM;

	return (frame_bytes + data_bytes - 1) / data_bytes;
}

/* What a pool must have when everything is full.  Any pool's mbufs may stand in any queue and any transmit ring, so each
 * has room for the longest frame that any port's MTU lets through: a queued packet is one mbuf, or two near 64 KB.  Before
 * the MTU is looked at, a guest may have sent a worker a burst of the longest frames there are, whatever the MTU; and
 * where a guest was offered TSO, a few of them wait to be cut. */
void pools_plan(struct ports *ports, const struct ports_need *need)
{
	uint32_t pkts = need->queued_pkts + need->n_workers * ports->n * 2 * PORT_BURST;
	uint32_t mtu = 0, room, everywhere;

	for (uint16_t i = 0; i < ports->n; i++) {
		const struct port *p = &ports->port[i];

		pool_of(ports, near_numa(p))->n_mbufs += (uint32_t)p->n_queues * p->info.n_rx_desc;
		pkts += (uint32_t)p->n_queues * p->info.n_tx_desc;
		mtu = RTE_MAX(mtu, p->info.mtu);
	}
	room = room_for(mtu);
	for (uint16_t i = 0; i < ports->n; i++) {
		if (ports->port[i].cuts)
			pool_of(ports, near_numa(&ports->port[i]))->n_mbufs += PORT_CUT_FRAMES * chain_of(PKT_MAX_BYTES, room);
	}
	everywhere = pkts * chain_of(mtu + FRAME_EXTRA_BYTES, room) + SPARE_MBUFS +
		need->n_workers * (PORT_CACHE * 3 / 2 + PORT_BURST * chain_of(PKT_MAX_BYTES, room));
	for (uint32_t i = 0; i < ports->n_pools; i++) {
		ports->pools[i].n_mbufs += everywhere;
		ports->pools[i].room_bytes = room;
	}
}

/* The configured number holds for every pool, if it is enough. */
static bool plan_configured(struct ports *ports, const struct ports_need *need, struct why *why)
{
	uint32_t given = ports->conf->n_mbufs;

	for (uint32_t i = 0; given != 0 && i < ports->n_pools; i++) {
		if (given < ports->pools[i].n_mbufs) {
			why_add(why, "mbufs = %u, but %u are needed: %u packets may be queued, the rest is for "
				"descriptors, long frames and caches; raise mbufs (or leave it out), or lower queues or descriptors",
				given, ports->pools[i].n_mbufs, need->queued_pkts);
			return false;
		}
		ports->pools[i].n_mbufs = given;
	}
	return true;
}

/* Without huge pages no mbuf may cross a page, so each takes whole pages of the system's. */
static uint64_t pool_bytes(const struct port_pool *pool, bool has_huge)
{
	uint32_t plain_bytes = (uint32_t)sizeof(struct rte_mbuf) + pool->room_bytes;
	uint32_t mbuf_bytes = rte_mempool_calc_obj_size(plain_bytes, 0, NULL);
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);

	if (has_huge)
		return (uint64_t)pool->n_mbufs * mbuf_bytes;
	if (mbuf_bytes <= page_bytes)
		return (pool->n_mbufs / (page_bytes / mbuf_bytes) + 1) * page_bytes;
	return (uint64_t)pool->n_mbufs * ((mbuf_bytes + page_bytes - 1) / page_bytes) * page_bytes;
}

/* What "-m" must be: the pools, the workers' rings, and an eighth and 32 MB for devices and odd ends. */
static uint64_t memory_mib(const struct ports *ports, const struct ports_need *need, bool has_huge)
{
	uint64_t bytes = need->ring_bytes;

	for (uint32_t i = 0; i < ports->n_pools; i++)
		bytes += pool_bytes(&ports->pools[i], has_huge);
	return (bytes + bytes / 8) / MIB + 32;
}

/* As settle_descriptors() would, of a device that takes any number. */
static void suppose_port(struct port *p, const struct conf_port *c, bool cuts)
{
	p->n_queues = c->n_queues;
	p->cuts = cuts;
	p->info.mtu = c->mtu;
	p->info.numa = c->numa;
	p->info.n_rx_desc = c->n_rx_desc != 0 ? c->n_rx_desc : RTE_ETH_DEV_FALLBACK_RX_RINGSIZE;
	p->info.n_tx_desc = c->n_tx_desc != 0 ? c->n_tx_desc : RTE_ETH_DEV_FALLBACK_TX_RINGSIZE;
}

bool ports_memory(const struct conf *conf, const struct ports_need *need, const bool *cuts, bool has_huge,
	struct ports_memory *memory)
{
	struct ports *ports = aligned_alloc(PORT_CACHE_LINE, sizeof(*ports));

	if (ports == NULL)
		return false;
	memset(ports, 0, sizeof(*ports));
	ports->conf = conf;
	ports->n = conf->n_ports;
	for (uint16_t i = 0; i < ports->n; i++)
		suppose_port(&ports->port[i], &conf->ports[i], cuts[i]);
	pools_plan(ports, need);
	for (uint32_t i = 0; i < ports->n_pools; i++)
		ports->pools[i].n_mbufs = RTE_MAX(ports->pools[i].n_mbufs, conf->n_mbufs);
	*memory = (struct ports_memory){
		.mib = memory_mib(ports, need, has_huge),
		.n_mbufs = ports_n_mbufs(ports),
		.mbuf_bytes = ports->pools[0].room_bytes,
	};
	free(ports);
	return true;
}

static void tell_no_memory(const struct ports *ports, const struct ports_need *need, const struct port_pool *pool,
	struct why *why)
{
	uint64_t mib = memory_mib(ports, need, rte_eal_has_hugepages());

	if (rte_errno != ENOMEM && rte_errno != ENOBUFS)
		why_add(why, "no pool of %u mbufs of %u bytes: %s", pool->n_mbufs, pool->room_bytes,
			rte_strerror(rte_errno));
	else if (rte_eal_has_hugepages())
		why_add(why, "no memory for %u mbufs on NUMA node %d: %llu MB of free huge pages are needed "
			"(dpdk-hugepages.py --setup %lluM), or give EAL --no-huge -m %llu", pool->n_mbufs, pool->numa,
			(unsigned long long)mib, (unsigned long long)mib, (unsigned long long)mib);
	else
		why_add(why, "no memory for %u mbufs: with --no-huge %llu MB are needed: give EAL -m %llu",
			pool->n_mbufs, (unsigned long long)mib, (unsigned long long)mib);
}

static bool node_has_memory(int numa)
{
	struct bitmask *allowed;
	bool has;

	if (numa_available() < 0)
		return true;	/* not known */
	allowed = numa_get_mems_allowed();
	has = numa <= numa_max_node() && numa_bitmask_isbitset(allowed, (unsigned int)numa);
	numa_bitmask_free(allowed);
	return has;
}

static bool create(struct ports *ports, const struct ports_need *need, uint32_t at, struct why *notes, struct why *why)
{
	struct port_pool *pool = &ports->pools[at];
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "weir_mbufs_%u", at);
	if (node_has_memory(pool->numa))
		pool->pool = rte_pktmbuf_pool_create(name, pool->n_mbufs, PORT_CACHE, 0, (uint16_t)pool->room_bytes,
			pool->numa);
	if (pool->pool == NULL) {
		pool->pool = rte_pktmbuf_pool_create(name, pool->n_mbufs, PORT_CACHE, 0, (uint16_t)pool->room_bytes,
			SOCKET_ID_ANY);
		if (pool->pool != NULL)
			why_add(notes, "NUMA node %d has no memory to give: its ports use another node's, slower",
				pool->numa);
	}
	if (pool->pool == NULL)
		tell_no_memory(ports, need, pool, why);
	return pool->pool != NULL;
}

bool pools_create(struct ports *ports, const struct ports_need *need, struct why *notes, struct why *why)
{
	pools_plan(ports, need);
	if (!plan_configured(ports, need, why))
		return false;
	for (uint32_t i = 0; i < ports->n_pools; i++) {
		if (!create(ports, need, i, notes, why))
			return false;
	}
	for (uint16_t i = 0; i < ports->n; i++)
		ports->port[i].pool = pool_of(ports, near_numa(&ports->port[i]))->pool;
	return true;
}

/* A pool that misses mbufs is not freed: somebody still holds them. */
uint32_t pools_destroy(struct ports *ports)
{
	uint32_t n_missing = 0;

	for (uint32_t i = 0; i < ports->n_pools; i++) {
		struct rte_mempool *pool = ports->pools[i].pool;
		uint32_t missing = pool == NULL ? 0 : pool->size - rte_mempool_avail_count(pool);

		n_missing += missing;
		if (missing == 0)
			rte_mempool_free(pool);
	}
	ports->n_pools = 0;
	return n_missing;
}
