/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside lib/port: what its files share. */
#ifndef WEIR_PORT_IMPL_H
#define WEIR_PORT_IMPL_H

#include <stdatomic.h>
#include <stdalign.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "port.h"

#define PORT_BURST	32u
#define PORT_CACHE	256u	/* free mbufs that an lcore keeps; EAL lets it grow by half */
#define PORT_MAX_POOLS	8	/* NUMA nodes */
#define PORT_CACHE_LINE 64

enum port_state { PORT_FOUND, PORT_CONFIGURED, PORT_STARTED };

struct port {
	/* Read by both of its workers, written by none. */
	alignas(PORT_CACHE_LINE) uint16_t ethdev;
	uint16_t n_queues;
	bool takes_segments;
	bool looks_at_rx, fix_csum;	/* what it receives may be cut; may want its checksum: port_fix.c */
	/* The receiving worker's own. */
	alignas(PORT_CACHE_LINE) uint16_t rx_queue;	/* asked next */
	bool tells_ring;		/* how much waits in its rings */
	_Atomic bool is_counting, may_count;	/* it, and the thread that takes the device away: port_ring.c */
	/* The control core's. */
	alignas(PORT_CACHE_LINE) enum port_state state;
	_Atomic bool is_up;
	bool tells_link;	/* else it counts as up */
	int kernel_fd;		/* the kernel tells of its interface, by this socket; -1: it does not */
	struct rte_mempool *pool;
	struct port_info info;
	struct rte_eth_dev_info dev;
};

struct port_pool {
	int numa;
	uint32_t n_mbufs;
	uint32_t room_bytes;
	struct rte_mempool *pool;
};

struct ports {
	const struct conf *conf;
	struct port_pool pools[PORT_MAX_POOLS];
	uint32_t n_pools;
	uint16_t n;
	struct port port[CONF_MAX_PORTS];
};

/* Somebody else may be reading these bytes. */
static inline bool port_is_shared(const struct rte_mbuf *m)
{
	return rte_mbuf_refcnt_read(m) > 1 || !RTE_MBUF_DIRECT(m);
}

/* port_ring.c: around the time in which a worker may ask port_ring_pkts() */
void port_ring_start(struct port *p);
void port_ring_stop(struct port *p);

/* port_link.c: who tells of its link */
void port_link_init(struct port *p);
void port_link_fini(struct port *p);

/* port_fix.c: what a driver does not tell of frames it received */
void port_fix_burst(const struct port *p, struct pkt *pkts, uint32_t n);

/* port_dev.c: one device */
bool port_find(struct port *p, const struct conf_port *c, struct why *why);
bool port_configure(struct port *p, const struct conf_port *c, struct why *why);
bool port_start(struct port *p, const struct conf_port *c, struct why *notes, struct why *why);
void port_set_rate(struct port *p, const struct conf_port *c, struct why *notes);
void port_stop(struct port *p);

/* port_pool.c: plans the pools for the descriptors that port_configure() settled, and makes them */
void pools_plan(struct ports *ports, const struct ports_need *need);
bool pools_create(struct ports *ports, const struct ports_need *need, struct why *notes, struct why *why);
uint32_t pools_destroy(struct ports *ports);	/* returns the mbufs missing */

#endif
