/* SPDX-License-Identifier: BSD-3-Clause */
/* The ports of a switch: the ethdevs that the configuration names, with their mbuf pools, from found to closed,
 * and the burst functions that a worker's pipe calls.  Ports are numbered as in conf.ports.
 * One worker receives from a port and one transmits to it; they may be two.  Everything else belongs to the control
 * core, except where said.
 * Used by: worker, app.  Uses: sla (conf.h), pkt, EAL, libnuma. */
#ifndef WEIR_PORT_H
#define WEIR_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "conf.h"
#include "pkt.h"
#include "why.h"

struct ports;
struct rte_mempool;

/* What is known of a port once it is found; rates, queues and descriptors once it is open. */
struct port_info {
	const char *device;		/* the ethdev's name */
	const char *driver;
	const char *bus;
	enum port_role role;
	uint16_t ethdev;		/* EAL's number */
	uint16_t mtu;
	uint16_t n_queues;
	uint16_t n_rx_desc, n_tx_desc;	/* a queue; as adjusted to the device */
	bool is_physical;		/* on a real bus: not a vdev */
	int numa;			/* -1 = unknown */
	uint64_t link_bps;		/* of the link clock; 0 = not paced */
	enum link_basis basis;
	uint32_t n_vfs;
	uint8_t mac[6];
};

/* The driver's own counters, for people. */
struct port_counters {
	uint64_t rx_pkts, tx_pkts;
	uint64_t rx_missed_pkts;	/* arrived while the device's ring was full */
	uint64_t rx_error_pkts, tx_error_pkts;
	uint64_t rx_no_mbuf;
};

/* What decides how many mbufs there must be. */
struct ports_need {
	uint32_t queued_pkts;		/* in queues and rings, all full */
	unsigned int n_workers;		/* each keeps a cache of free ones and a burst staged a port */
	uint64_t ring_bytes;		/* the workers' rings, which are of the same memory */
};

/* What EAL must have for a switch: its "-m". */
struct ports_memory {
	uint64_t mib;
	uint32_t n_mbufs, mbuf_bytes;	/* over all pools; room in each */
};

/* Before there are devices or EAL: as if they took the descriptors that 'conf' asks for.  'cuts': by port, its guest is
 * offered TSO.  false: no memory to find it out. */
bool ports_memory(const struct conf *conf, const struct ports_need *need, const bool *cuts, bool has_huge,
	struct ports_memory *memory);

/* Looks every port of 'conf' up in EAL.  NULL with all reasons in 'why'; a device that EAL does not know is told with
 * the names that it does know.  'conf' must outlive the ports. */
struct ports *ports_find(const struct conf *conf, struct why *why);

/* Makes the pools (one a NUMA node), configures and starts every port.  What can be lived with is told in 'notes'.
 * false with the reasons in 'why': then all is undone; ports_close() is still to be called. */
bool ports_open(struct ports *ports, const struct ports_need *need, struct why *notes, struct why *why);

/* Takes back what the devices still hold, closes them and frees 'ports'.  No worker may run.  Returns the mbufs that
 * did not come home: 0 unless something is wrong.  NULL is legal. */
uint32_t ports_close(struct ports *ports);

const struct port_info *port_info(const struct ports *ports, uint16_t port);

/* The pool nearest to 'numa' (-1: any). */
struct rte_mempool *ports_pool(const struct ports *ports, int numa);
uint32_t ports_n_mbufs(const struct ports *ports);	/* over all pools */
uint32_t ports_n_free_mbufs(const struct ports *ports);	/* any thread */

/* Asks the driver whether the link is up, and starts the client of a memif socket anew where that is down and has a server;
 * never waits.  To be called every 10 ms or so. */
bool port_poll_link(struct ports *ports, uint16_t port);

/* Any thread: what port_poll_link() found last; the driver's counters. */
bool port_is_up(const struct ports *ports, uint16_t port);
uint16_t port_n_rings(const struct ports *ports, uint16_t port);	/* that are read: a memif peer may have fewer than there are queues */
void port_read_counters(const struct ports *ports, uint16_t port, struct port_counters *counters);

/* One worker's view of the ports: the ctx of the functions below, which are what struct pipe_io wants. */
struct port_io {
	struct ports *ports;
	struct rte_mempool *pool;	/* for copies; of the worker's own NUMA node */
};

uint32_t port_rx(void *ctx, uint16_t port, struct pkt *pkts, uint32_t n);
uint32_t port_tx(void *ctx, uint16_t port, void **handles, uint32_t n);
void port_free(void *ctx, void **handles, uint32_t n);
bool port_copy(void *ctx, const struct pkt *src, struct pkt *copy);
void port_look(void *ctx, struct pkt *p);
void port_read(void *ctx, const void *handle, uint8_t *to, uint32_t n);
bool port_retag(void *ctx, struct pkt *p, enum tag_op op, uint16_t vid);
bool port_mark_ce(void *ctx, void **handle);
bool port_set_dscp(void *ctx, struct pkt *p, uint8_t dscp);
uint32_t port_ring_pkts(void *ctx, uint16_t port);

#endif
