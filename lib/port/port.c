/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "port_impl.h"

#define DRAIN_PKTS 65536u	/* a queue: more than any device holds */

struct ports *ports_find(const struct conf *conf, struct why *why)
{
	struct ports *ports = aligned_alloc(PORT_CACHE_LINE, sizeof(*ports));
	bool ok = true;

	if (ports == NULL) {
		why_add(why, "no memory for the table of ports");
		return NULL;
	}
	memset(ports, 0, sizeof(*ports));
	ports->conf = conf;
	ports->n = conf->n_ports;
	for (uint16_t i = 0; i < ports->n; i++) {
		ok &= port_find(&ports->port[i], &conf->ports[i], why);
		ports->longest_mtu = RTE_MAX(ports->longest_mtu, conf->ports[i].mtu);
	}
	if (!ok) {
		for (uint16_t i = 0; i < ports->n; i++)
			port_link_fini(&ports->port[i]);
		free(ports);
		return NULL;
	}
	return ports;
}

/* Descriptors are settled first, then the pools that must fill them, then the queues.  All devices are configured
 * before one is started: a guest must not find half a switch. */
bool ports_open(struct ports *ports, const struct ports_need *need, struct why *notes, struct why *why)
{
	const struct conf *conf = ports->conf;
	bool ok = true;

	for (uint16_t i = 0; i < ports->n; i++)
		ok &= port_configure(&ports->port[i], &conf->ports[i], why);
	ok = ok && pools_create(ports, need, notes, why);
	for (uint16_t i = 0; ok && i < ports->n; i++)
		ok = port_start(&ports->port[i], &conf->ports[i], notes, why);
	for (uint16_t i = 0; i < ports->n; i++) {
		if (ok)
			port_set_rate(&ports->port[i], &conf->ports[i], notes);
		else
			port_stop(&ports->port[i]);
	}
	return ok;
}

/* What stands in a device's receive queue when all is over.  A device that makes packets (net_null) never ends, so it
 * is asked for what it can hold and no more. */
static void drain(struct port *p)
{
	struct rte_mbuf *mbufs[PORT_BURST];

	if (p->cuts)
		port_cut_drain(&p->cutter);
	for (uint16_t q = 0; q < p->n_queues; q++) {
		uint32_t taken = 0;
		uint16_t got;

		do {
			got = rte_eth_rx_burst(p->ethdev, q, mbufs, PORT_BURST);
			rte_pktmbuf_free_bulk(mbufs, got);
			taken += got;
		} while (got > 0 && taken < DRAIN_PKTS);
	}
}

uint32_t ports_close(struct ports *ports)
{
	uint32_t n_missing;

	if (ports == NULL)
		return 0;
	for (uint16_t i = 0; i < ports->n; i++) {
		const struct port *p = &ports->port[i];
		if (p->state == PORT_STARTED && (!p->connects || atomic_load(&p->may_enter)))
			drain(&ports->port[i]);
	}
	for (uint16_t i = 0; i < ports->n; i++) {
		port_stop(&ports->port[i]);
		port_link_fini(&ports->port[i]);
	}
	n_missing = pools_destroy(ports);
	free(ports);
	return n_missing;
}

const struct port_info *port_info(const struct ports *ports, uint16_t port)
{
	return &ports->port[port].info;
}

struct rte_mempool *ports_pool(const struct ports *ports, int numa)
{
	for (uint32_t i = 0; i < ports->n_pools; i++) {
		if (ports->pools[i].numa == numa)
			return ports->pools[i].pool;
	}
	return ports->pools[0].pool;
}

uint32_t ports_n_mbufs(const struct ports *ports)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ports->n_pools; i++)
		n += ports->pools[i].n_mbufs;
	return n;
}

uint32_t ports_n_free_mbufs(const struct ports *ports)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ports->n_pools; i++)
		n += rte_mempool_avail_count(ports->pools[i].pool);
	return n;
}

void port_read_counters(const struct ports *ports, uint16_t port, struct port_counters *counters)
{
	struct rte_eth_stats s = {0};

	(void)rte_eth_stats_get(ports->port[port].ethdev, &s);	/* a device without counters has zeros */
	*counters = (struct port_counters){
		.rx_pkts = s.ipackets,
		.tx_pkts = s.opackets,
		.rx_missed_pkts = s.imissed,
		.rx_error_pkts = s.ierrors,
		.tx_error_pkts = s.oerrors,
		.rx_no_mbuf = s.rx_nombuf,
	};
}
