/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a port's link is up: as its driver says, or, where the driver says "up" whatever happens, as the kernel does. */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port_impl.h"

void port_link_init(struct port *p)
{
	const char *driver = p->info.driver;

	/* net_tap looks for its interface in weir's own network namespace, and takes one that was moved for down. */
	p->tells_link = strcmp(driver, "net_tap") != 0;
	/* net_af_packet never looks: its interface may lose its carrier, or be deleted. */
	if (strcmp(driver, "net_af_packet") == 0 && p->dev.if_index != 0)
		p->kernel_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

void port_link_fini(struct port *p)
{
	if (p->kernel_fd >= 0)
		close(p->kernel_fd);
	p->kernel_fd = -1;
}

/* The interface may have been given another name; its number stays.  Not IFF_RUNNING, which follows the carrier by up to a
 * second.  A device that cannot tell of a carrier has one. */
static bool kernel_says_up(const struct port *p)
{
	struct ethtool_value carrier = {.cmd = ETHTOOL_GLINK};
	struct ifreq request = {.ifr_ifindex = (int)p->dev.if_index};

	if (ioctl(p->kernel_fd, SIOCGIFNAME, &request) != 0 || ioctl(p->kernel_fd, SIOCGIFFLAGS, &request) != 0 ||
		(request.ifr_flags & IFF_UP) == 0)
		return false;
	request.ifr_data = (char *)&carrier;
	return ioctl(p->kernel_fd, SIOCETHTOOL, &request) != 0 || carrier.data != 0;
}

static bool driver_says_up(const struct port *p)
{
	struct rte_eth_link link = {0};

	return rte_eth_link_get_nowait(p->ethdev, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

bool port_poll_link(struct ports *ports, uint16_t port)
{
	struct port *p = &ports->port[port];
	bool is_up = p->kernel_fd >= 0 ? kernel_says_up(p) : !p->tells_link || driver_says_up(p);

	if (!is_up)	/* the next may have more */
		atomic_fetch_add_explicit(&p->n_peers, 1, memory_order_relaxed);
	if (p->connects)
		is_up = port_again_poll(p, is_up);
	atomic_store_explicit(&p->is_up, is_up, memory_order_relaxed);
	return is_up;
}

bool port_is_up(const struct ports *ports, uint16_t port)
{
	return atomic_load_explicit(&ports->port[port].is_up, memory_order_relaxed);
}
