/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside lib/port: what its files share. */
#ifndef WEIR_PORT_IMPL_H
#define WEIR_PORT_IMPL_H

#include <stdatomic.h>
#include <stdalign.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "frame_cut.h"
#include "port.h"

#define PORT_BURST	32u
#define PORT_CACHE	256u	/* free mbufs that an lcore keeps; EAL lets it grow by half */
#define PORT_MAX_RINGS	16u	/* of a memif */
#define PORT_MAX_POOLS	8	/* NUMA nodes */
#define PORT_CACHE_LINE 64
#define PORT_CUT_FRAMES 8u	/* of a port whose guest was offered TSO: read, and not yet cut */

enum port_state { PORT_FOUND, PORT_CONFIGURED, PORT_STARTED };

/* What has been read of such a port and not been asked for yet: port_cut.c. */
struct cutter {
	struct rte_mbuf *frames[PORT_CUT_FRAMES];
	uint32_t n, at;			/* frames[at] is next, or being cut */
	uint32_t pkts_a_frame_q8;	/* lately */
	const struct rte_mbuf *segment;	/* where its payload goes on ... */
	uint32_t segment_at;
	struct frame_cut cut;		/* ... and its headers; nothing left: none is being cut */
};

struct port {
	/* Read by both of its workers, written by none. */
	alignas(PORT_CACHE_LINE) uint16_t ethdev;
	uint16_t n_queues;
	bool takes_segments;
	bool cuts;			/* its guest was offered TSO */
	bool connects;			/* the client of a memif socket: port_again.c */
	bool looks_for_rings;		/* not all that it has may be there: port_memif.c */
	bool looks_at_rx, fix_csum;	/* what it receives may be cut; may want its checksum: port_fix.c */
	/* The receiving worker's own. */
	alignas(PORT_CACHE_LINE) uint16_t rx_queue;	/* asked next */
	bool tells_ring;		/* how much waits in its rings */
	_Atomic bool is_counting, may_count;	/* it, and the thread that takes the device away: port_ring.c */
	_Atomic bool is_receiving;	/* it is in the driver; kept where 'connects' */
	uint32_t peer_seen;		/* of n_peers, and of that one's rings: */
	uint64_t rings_there;		/* bit q: q is */
	_Atomic uint16_t n_rings;	/* there may be, all of which are read */
	struct cutter cutter;
	/* The sending worker's own. */
	alignas(PORT_CACHE_LINE) _Atomic bool is_sending;
	/* The control core's. */
	alignas(PORT_CACHE_LINE) enum port_state state;
	_Atomic bool is_up;
	_Atomic bool may_enter;		/* the driver, where 'connects' */
	_Atomic uint32_t n_peers;	/* so far, or more; where 'looks_for_rings' */
	bool is_abstract;		/* the socket's name */
	char server[108];		/* the socket */
	uint32_t polls_left;		/* before the next try */
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
	uint16_t longest_mtu;
	struct port port[CONF_MAX_PORTS];
};

/* Somebody else may be reading these bytes. */
static inline bool port_is_shared(const struct rte_mbuf *m)
{
	return rte_mbuf_refcnt_read(m) > 1 || !RTE_MBUF_DIRECT(m);
}

static inline void port_fill(struct pkt *p, struct rte_mbuf *m)
{
	p->handle = m;
	p->data = rte_pktmbuf_mtod(m, const uint8_t *);
	p->bytes = m->pkt_len;
	p->data_bytes = m->data_len;
}

/* The one behind the last one asked, so that no queue starves. */
static inline uint16_t port_next_queue(struct port *p)
{
	uint16_t queue = p->rx_queue;

	p->rx_queue = queue + 1 == p->n_queues ? 0 : queue + 1;
	return queue;
}

/* port_cut.c: instead of reading a port whose guest was offered TSO */
void port_cut_init(struct cutter *c);
uint32_t port_cut_rx(const struct ports *ports, struct port *p, struct pkt *pkts, uint32_t n);
uint32_t port_cut_pkts(const struct cutter *c, uint32_t n_frames);
void port_cut_drain(struct cutter *c);

/* port_ring.c: around the time in which a worker may ask port_ring_pkts() */
void port_ring_start(struct port *p);
void port_ring_stop(struct port *p);

/* port_link.c: who tells of its link */
void port_link_init(struct port *p);
void port_link_fini(struct port *p);

/* port_again.c: a port that is started anew when its server comes (back).  Start: 0, or why it is not connected yet.  Poll:
 * is_up as its driver says; returns whether workers may use it. */
void port_again_init(struct port *p);
int port_again_start(struct port *p);
bool port_again_poll(struct port *p, bool is_up);

/* By a worker, around the driver's functions of such a port.  false: it must not go in. */
static inline bool port_enter(struct port *p, _Atomic bool *is_inside)
{
	atomic_store(is_inside, true);	/* before the look at may_enter: both are sequentially consistent */
	if (atomic_load(&p->may_enter))
		return true;
	atomic_store_explicit(is_inside, false, memory_order_release);
	return false;
}

static inline void port_leave(_Atomic bool *is_inside)
{
	atomic_store_explicit(is_inside, false, memory_order_release);
}

/* port_memif.c: a memif whose peer may have fewer rings than there are queues; as rte_eth_rx_burst() of all of them */
void port_memif_init(struct port *p);
uint32_t port_memif_rx(struct port *p, struct rte_mbuf **mbufs, uint32_t n);

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
