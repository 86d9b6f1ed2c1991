/* SPDX-License-Identifier: BSD-3-Clause */
/* How many mbufs there must be, against a slow count of who may hold how many. */
#include <string.h>

#include "port_impl.h"
#include "unit.h"

#define L2_BYTES 22u	/* an Ethernet header and two tags */

static struct ports *make(uint64_t *rnd)
{
	static struct ports ports;

	memset(&ports, 0, sizeof(ports));
	ports.n = (uint16_t)(1 + unit_random(rnd) % 5);
	for (uint16_t i = 0; i < ports.n; i++) {
		struct port *p = &ports.port[i];
		static const uint16_t mtus[] = {68, 1500, 2000, 9000, 65400, 65535};
		p->n_queues = (uint16_t)(1 + unit_random(rnd) % 4);
		p->info.n_rx_desc = (uint16_t)(unit_random(rnd) % 4096);
		p->info.n_tx_desc = (uint16_t)(unit_random(rnd) % 4096);
		p->info.mtu = mtus[unit_random(rnd) % 6];
		p->info.numa = (int)(unit_random(rnd) % 2);
		p->cuts = unit_random(rnd) & 1;
	}
	return &ports;
}

/* The mbufs that a frame takes, filled one after the other. */
static uint64_t mbufs_of(uint32_t frame_bytes, uint32_t room_bytes)
{
	uint64_t n = 1;

	while (frame_bytes > room_bytes - RTE_PKTMBUF_HEADROOM) {
		frame_bytes -= room_bytes - RTE_PKTMBUF_HEADROOM;
		n++;
	}
	return n;
}

/* All queues, all transmit rings and all staged bursts full of the longest frame that any MTU lets through, a burst of the
 * longest frames there are in each worker's hands, each port's receive ring full, eight of the longest frames waiting to be
 * cut where a guest was offered TSO, caches full of free ones. */
static uint64_t worst(const struct ports *ports, const struct ports_need *need, const struct port_pool *pool)
{
	uint64_t queued = need->queued_pkts + (uint64_t)need->n_workers * ports->n * 2 * PORT_BURST, own = 0, longest = 0;

	for (uint16_t i = 0; i < ports->n; i++) {
		const struct port *p = &ports->port[i];
		uint64_t one = mbufs_of(p->info.mtu + L2_BYTES, pool->room_bytes);
		longest = one > longest ? one : longest;
		queued += (uint64_t)p->n_queues * p->info.n_tx_desc;
		if (p->info.numa == pool->numa)
			own += (uint64_t)p->n_queues * p->info.n_rx_desc +
				(p->cuts ? 8 * mbufs_of(PKT_MAX_BYTES, pool->room_bytes) : 0);
	}
	return queued * longest + own +
		need->n_workers * (PORT_BURST * mbufs_of(PKT_MAX_BYTES, pool->room_bytes) + PORT_CACHE * 3 / 2);
}

/* Fails when mbufs are counted as packets (a room of its own MTU's for each node, or no burst of long frames). */
START_TEST(there_are_mbufs_for_the_worst_case_whatever_the_mtus)
{
	for (uint64_t seed = 0; seed < 5000; seed++) {
		uint64_t rnd = seed;
		struct ports *ports = make(&rnd);
		struct ports_need need = {.queued_pkts = (uint32_t)(unit_random(&rnd) % 100000),
			.n_workers = (unsigned int)(1 + unit_random(&rnd) % 8)};
		pools_plan(ports, &need);
		unit_must(ports->n_pools >= 1 && ports->n_pools <= 2);
		for (uint32_t i = 0; i < ports->n_pools; i++) {
			const struct port_pool *pool = &ports->pools[i];
			unit_must(pool->room_bytes % 64 == 0);
			unit_must(pool->n_mbufs >= worst(ports, &need, pool));
			unit_must(pool->n_mbufs <= worst(ports, &need, pool) + 1024);
		}
	}
}
END_TEST

/* Fails when each node's room follows its own ports only: a whole copy made on one node would be a chain again. */
START_TEST(any_pools_mbuf_holds_any_frame_that_may_be_sent)
{
	for (uint64_t seed = 0; seed < 5000; seed++) {
		uint64_t rnd = seed;
		struct ports *ports = make(&rnd);
		pools_plan(ports, &(struct ports_need){.queued_pkts = 1000, .n_workers = 1});
		for (uint32_t i = 0; i < ports->n_pools; i++) {
			for (uint16_t port = 0; port < ports->n; port++) {
				uint32_t mtu = ports->port[port].info.mtu;
				unit_must(mtu > 65000 || mbufs_of(mtu + L2_BYTES, ports->pools[i].room_bytes) == 1);
			}
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pools");
	TCase *t = tcase_create("plan");

	tcase_add_test(t, there_are_mbufs_for_the_worst_case_whatever_the_mtus);
	tcase_add_test(t, any_pools_mbuf_holds_any_frame_that_may_be_sent);
	suite_add_tcase(s, t);
	return unit_run(s);
}
