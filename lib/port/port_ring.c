/* SPDX-License-Identifier: BSD-3-Clause */
/* How many packets wait in a port's receive rings, for drivers that can tell.
 *
 * A vhost device is freed by the vhost library's own thread when its guest goes, and the library's count does not hold
 * it, as the driver's burst functions do.  But that thread reports the link as down first, and waits for us to return:
 * from then on nobody counts. */
#include <errno.h>

#include <rte_pause.h>

#include "port_impl.h"

static int link_changed(uint16_t ethdev, enum rte_eth_event_type type, void *arg, void *ret)
{
	struct port *p = arg;
	struct rte_eth_link link = {0};
	bool is_up = rte_eth_link_get_nowait(ethdev, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;

	(void)type;
	(void)ret;
	atomic_store(&p->may_count, is_up);
	while (!is_up && atomic_load(&p->is_counting))
		rte_pause();
	return 0;
}

/* Called twice: the link may go down between the look at it and the note. */
void port_ring_start(struct port *p)
{
	(void)rte_eth_dev_callback_register(p->ethdev, RTE_ETH_EVENT_INTR_LSC, link_changed, p);
	p->tells_ring = true;
	link_changed(p->ethdev, RTE_ETH_EVENT_INTR_LSC, p, NULL);
	link_changed(p->ethdev, RTE_ETH_EVENT_INTR_LSC, p, NULL);
}

void port_ring_stop(struct port *p)
{
	(void)rte_eth_dev_callback_unregister(p->ethdev, RTE_ETH_EVENT_INTR_LSC, link_changed, p);
}

static uint32_t count(struct port *p)
{
	uint32_t n = 0;

	for (uint16_t queue = 0; queue < p->n_queues; queue++) {
		int here = rte_eth_rx_queue_count(p->ethdev, queue);
		if (here < 0) {
			p->tells_ring = false;
			return RING_UNTOLD;
		}
		n += (uint32_t)here;
	}
	return n;
}

uint32_t port_ring_pkts(void *ctx, uint16_t port)
{
	const struct port_io *io = ctx;
	struct port *p = &io->ports->port[port];
	uint32_t n = 0;

	if (!p->tells_ring)
		return RING_UNTOLD;
	atomic_store(&p->is_counting, true);	/* before the look at may_count: both are sequentially consistent */
	if (atomic_load(&p->may_count))
		n = count(p);
	atomic_store_explicit(&p->is_counting, false, memory_order_release);
	return p->cuts && n != RING_UNTOLD ? port_cut_pkts(&p->cutter, n) : n;
}
