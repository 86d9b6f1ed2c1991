/* SPDX-License-Identifier: BSD-3-Clause */
/* One device: found, configured, started, stopped. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_lcore.h>

#include "port_impl.h"

#define MBPS	    UINT64_C(1000000)	/* EAL tells link speeds in Mb/s */
#define DEFAULT_MTU 1500u

/* "net_null0, net_null1", as many as fit. */
static const char *known_names(char *buf, size_t size)
{
	size_t used = 0;
	uint16_t id;

	RTE_ETH_FOREACH_DEV(id) {
		char name[RTE_ETH_NAME_MAX_LEN];

		if (rte_eth_dev_get_name_by_port(id, name) != 0 || used + strlen(name) + 3 > size)
			continue;
		used += (size_t)snprintf(buf + used, size - used, "%s%s", used > 0 ? ", " : "", name);
	}
	return used > 0 ? buf : "none";
}

/* By --vdev or -a. */
static bool was_given(const char *device)
{
	const struct rte_devargs *args;

	RTE_EAL_DEVARGS_FOREACH (NULL, args) {
		if (strcmp(args->name, device) == 0)
			return true;
	}
	return false;
}

static void say_unknown(const char *device, struct why *why)
{
	char names[160];

	if (!was_given(device))
		why_add(why, "port %s: EAL knows no such device; it knows: %s; give it with --vdev or -a", device,
			known_names(names, sizeof(names)));
	else if (strchr(device, ':') != NULL)
		why_add(why, "port %s: no driver took it: is there such a device, and is it bound to vfio-pci (dpdk-devbind.py --status)? "
			"EAL's lines above may say more", device);
	else
		why_add(why, "port %s: its driver does not start it, with what --vdev gives it: EAL's lines above say why", device);
}

/* A memif peer's descriptors are not validated by DPDK: it can make weir read and write what it likes.  The choice
 * of an uplink is trust enough; a VM behind memif must be trusted in so many words. */
static bool is_trusted(const struct port *p, const struct conf_port *c)
{
	return c->trusted || c->role == PORT_PF || strcmp(p->info.driver, "net_memif") != 0;
}

/* "tso=" with 1: net_vhost was told so by --vdev. */
static bool is_told(const struct port *p, const char *key)
{
	const struct rte_devargs *args = rte_dev_devargs(p->dev.device);
	const char *c = strcmp(p->info.driver, "net_vhost") == 0 && args != NULL ? args->args : NULL;

	while (c != NULL) {
		if (strncmp(c, key, strlen(key)) == 0 && strtoul(c + strlen(key), NULL, 0) != 0)
			return true;
		c = strchr(c, ',');
		c = c == NULL ? NULL : c + 1;
	}
	return false;
}

bool port_find(struct port *p, const struct conf_port *c, struct why *why)
{
	int rc;

	p->kernel_fd = -1;
	if (rte_eth_dev_get_port_by_name(c->device, &p->ethdev) != 0) {
		say_unknown(c->device, why);
		return false;
	}
	rc = rte_eth_dev_info_get(p->ethdev, &p->dev);
	if (rc != 0) {
		why_add(why, "port %s: the driver tells nothing of it: %s", c->device, strerror(-rc));
		return false;
	}
	p->state = PORT_FOUND;
	p->info = (struct port_info){
		.device = c->device,
		.driver = p->dev.driver_name,
		.bus = rte_bus_name(rte_dev_bus(p->dev.device)),
		.role = c->role,
		.ethdev = p->ethdev,
		.mtu = c->mtu,
		.n_queues = c->n_queues,
		.numa = c->numa >= 0 ? c->numa : rte_eth_dev_socket_id(p->ethdev),
		.n_vfs = c->n_vfs,
	};
	p->n_queues = c->n_queues;
	port_link_init(p);
	port_again_init(p);
	p->looks_at_rx = strcmp(p->info.driver, "net_af_packet") == 0;
	p->fix_csum = c->fix_csum;
	p->info.is_physical = strcmp(p->info.bus, "vdev") != 0;
	p->info.basis = c->basis_set ? c->basis : p->info.is_physical ? BASIS_WIRE : BASIS_L2;
	p->cuts = is_told(p, "tso=");
	port_cut_init(&p->cutter);
	port_memif_init(p);
	if (p->cuts && is_told(p, "legacy-ol-flags=")) {
		why_add(why, "port %s: with legacy-ol-flags=1 the driver does not tell which of a guest's frames are to be "
			"cut: leave it out, or tso=1", c->device);
		return false;
	}
	if (!is_trusted(p, c)) {
		why_add(why, "port %s: DPDK does not validate what a memif peer writes, so that peer can read and "
			"write weir's memory: say trusted = yes, or use vhost-user", c->device);
		return false;
	}
	return true;
}

/* Of a memif only those whose packets the driver counts: port_memif.c. */
static uint16_t most_queues(const struct port *p)
{
	uint16_t most = RTE_MIN(p->dev.max_rx_queues, p->dev.max_tx_queues);

	return strcmp(p->info.driver, "net_memif") == 0 ? RTE_MIN(most, PORT_MAX_RINGS) : most;
}

/* What says in --vdev how many queue pairs a device has, where others use them all, asked or not; NULL: it has as many as are
 * asked for. */
static const char *queues_key(const struct port *p)
{
	if (strcmp(p->info.driver, "net_vhost") == 0)
		return "queues";
	return strcmp(p->info.driver, "net_af_packet") == 0 ? "qpairs" : NULL;
}

static bool fits_queues(const struct port *p, const struct conf_port *c, struct why *why)
{
	uint16_t n = most_queues(p);
	const char *key = queues_key(p);

	if (c->n_queues == n || (c->n_queues < n && key == NULL))
		return true;
	if (key == NULL)
		why_add(why, "port %s: queues = %u, but the device has at most %u", c->device, c->n_queues, n);
	else
		why_add(why, "port %s: queues = %u, but the device has %u%s: wanted %s=%u in its --vdev, or queues = %u in [port %s]",
			c->device, c->n_queues, n, c->n_queues < n ? ", and nobody would read what comes by the others" : "", key,
			c->n_queues, n, c->device);
	return false;
}

static bool fits(const struct port *p, const struct conf_port *c, struct why *why)
{
	bool ok = fits_queues(p, c, why);

	if (p->dev.max_mtu != 0 && c->mtu > p->dev.max_mtu) {
		why_add(why, "port %s: mtu = %u, but the device takes %u at most", c->device, c->mtu, p->dev.max_mtu);
		ok = false;
	}
	return ok;
}

/* The configured number, else the driver's favourite, as the device can have it. */
static int settle_descriptors(struct port *p, const struct conf_port *c)
{
	uint16_t rx = c->n_rx_desc, tx = c->n_tx_desc;
	int rc;

	if (rx == 0)
		rx = p->dev.default_rxportconf.ring_size;
	if (tx == 0)
		tx = p->dev.default_txportconf.ring_size;
	if (rx == 0)
		rx = RTE_ETH_DEV_FALLBACK_RX_RINGSIZE;
	if (tx == 0)
		tx = RTE_ETH_DEV_FALLBACK_TX_RINGSIZE;
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->ethdev, &rx, &tx);
	p->info.n_rx_desc = rx;
	p->info.n_tx_desc = tx;
	return rc;
}

/* No receive offloads: the core sees frames as they are.  (Checksums that the driver leaves unfinished are finished where
 * frames are cut: else it would sum up 64 KB first.)  One transmit offload, where offered: chained mbufs. */
bool port_configure(struct port *p, const struct conf_port *c, struct why *why)
{
	struct rte_eth_conf conf = {0};
	int rc;

	if (!fits(p, c, why))
		return false;
	p->takes_segments = (p->dev.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
	if (p->takes_segments)
		conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if (p->cuts)
		conf.rxmode.offloads = p->dev.rx_offload_capa & (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
	rc = rte_eth_dev_configure(p->ethdev, c->n_queues, c->n_queues, &conf);
	if (rc == 0)
		rc = settle_descriptors(p, c);
	if (rc != 0) {
		why_add(why, "port %s: cannot be configured with %u queue pairs: %s", c->device, c->n_queues,
			strerror(-rc));
		return false;
	}
	p->state = PORT_CONFIGURED;
	return true;
}

/* A device that cannot be told takes what it takes.  weir itself drops longer frames, so only a wish for more
 * matters. */
static bool set_mtu(struct port *p, const struct conf_port *c, struct why *notes, struct why *why)
{
	int rc = rte_eth_dev_set_mtu(p->ethdev, c->mtu);

	if (rc == 0 || (rc == -ENOTSUP && c->mtu <= DEFAULT_MTU))
		return true;
	if (rc == -ENOTSUP) {
		why_add(notes, "port %s: driver %s cannot be told mtu = %u; it may cut longer frames than %u",
			c->device, p->info.driver, c->mtu, DEFAULT_MTU);
		return true;
	}
	why_add(why, "port %s: driver %s refuses mtu = %u (%s): it takes frames of %u bytes", c->device, p->info.driver, c->mtu,
		strerror(-rc), p->dev.max_rx_pktlen);
	return false;
}

static int set_up_queues(struct port *p)
{
	const struct port_info *info = &p->info;
	unsigned int socket = info->numa < 0 ? (unsigned int)SOCKET_ID_ANY : (unsigned int)info->numa;
	int rc = 0;

	for (uint16_t q = 0; rc == 0 && q < p->n_queues; q++) {
		rc = rte_eth_rx_queue_setup(p->ethdev, q, info->n_rx_desc, socket, NULL, p->pool);
		if (rc == 0)
			rc = rte_eth_tx_queue_setup(p->ethdev, q, info->n_tx_desc, socket, NULL);
	}
	return rc;
}

bool port_start(struct port *p, const struct conf_port *c, struct why *notes, struct why *why)
{
	struct rte_ether_addr mac = {0};
	int rc;

	if (!set_mtu(p, c, notes, why))
		return false;
	rc = set_up_queues(p);
	if (rc == 0 && !p->connects)
		rc = rte_eth_dev_start(p->ethdev);
	if (rc != 0) {
		why_add(why, "port %s: cannot be started: %s", c->device, strerror(-rc));
		return false;
	}
	if (!p->connects) {
		p->state = PORT_STARTED;
		port_ring_start(p);
	} else if (port_again_start(p) != 0) {
		why_add(notes, "port %s: nobody serves %s yet; it is down until somebody does", c->device, p->server);
	}
	/* A vdev gives what it gets; a NIC that filters by its own MAC would hide the VFs behind it. */
	rc = rte_eth_promiscuous_enable(p->ethdev);
	if (rc != 0 && p->info.is_physical)
		why_add(notes, "port %s: no promiscuous mode (%s): frames to VFs may not arrive", c->device,
			strerror(-rc));
	if (rte_eth_macaddr_get(p->ethdev, &mac) == 0)
		memcpy(p->info.mac, mac.addr_bytes, sizeof(p->info.mac));
	return true;
}

/* The highest speed that the device says it can do, for a link that is not up yet. */
static uint64_t capable_bps(const struct rte_eth_dev_info *dev)
{
	static const struct {
		uint32_t capa, mbps;
	} speeds[] = {
#ifdef RTE_ETH_LINK_SPEED_400G	/* newer than 22.11 */
		{RTE_ETH_LINK_SPEED_400G, 400000},
#endif
		{RTE_ETH_LINK_SPEED_200G, 200000}, {RTE_ETH_LINK_SPEED_100G, 100000},
		{RTE_ETH_LINK_SPEED_56G, 56000},   {RTE_ETH_LINK_SPEED_50G, 50000},
		{RTE_ETH_LINK_SPEED_40G, 40000},   {RTE_ETH_LINK_SPEED_25G, 25000},
		{RTE_ETH_LINK_SPEED_20G, 20000},   {RTE_ETH_LINK_SPEED_10G, 10000},
		{RTE_ETH_LINK_SPEED_5G, 5000},     {RTE_ETH_LINK_SPEED_2_5G, 2500},
		{RTE_ETH_LINK_SPEED_1G, 1000},     {RTE_ETH_LINK_SPEED_100M, 100},
	};

	for (size_t i = 0; i < RTE_DIM(speeds); i++) {
		if (dev->speed_capa & speeds[i].capa)
			return speeds[i].mbps * MBPS;
	}
	return 0;
}

/* Virtual devices name speeds that mean nothing, so only a configured rate paces them.  A real link is paced a
 * thousandth below its speed, so that its queue stays here, where order is decided. */
void port_set_rate(struct port *p, const struct conf_port *c, struct why *notes)
{
	struct rte_eth_link link = {0};
	uint64_t bps = 0;

	if (c->rate_bps != 0 || !p->info.is_physical) {
		p->info.link_bps = c->rate_bps;
		return;
	}
	if (rte_eth_link_get(p->ethdev, &link) == 0 && link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
		bps = link.link_speed * MBPS;
	if (bps == 0) {
		bps = capable_bps(&p->dev);
		why_add(notes, "port %s: the link is down or tells no speed: taken as %" PRIu64 " Mb/s "
			"(0: not paced); rate = ... in the config says it", c->device, bps / MBPS);
	}
	p->info.link_bps = bps - bps / 1000;
}

void port_stop(struct port *p)
{
	if (p->state == PORT_STARTED) {
		port_ring_stop(p);
		(void)rte_eth_dev_stop(p->ethdev);
	}
	if (p->state != PORT_FOUND)
		(void)rte_eth_dev_close(p->ethdev);
	p->state = PORT_FOUND;
}
