/* SPDX-License-Identifier: BSD-3-Clause */
/* The data path of the ports: no allocation but from the pools, no lock, no log, no clock. */
#include <string.h>

#include <rte_byteorder.h>
#include <rte_prefetch.h>

#include "port_impl.h"

#define MACS_BYTES	  12u	/* both addresses: what a tag stands behind */
#define TAG_BYTES	  4u
#define TPID_8021Q	  0x8100u
#define TCI_WITHOUT_VID	  0xf000u	/* PCP and DEI */
#define PREFETCH_AHEAD	  4u

/* Every queue is asked once at most. */
static inline uint32_t ask_queues(struct port *p, struct rte_mbuf **mbufs, uint32_t n)
{
	uint32_t got = 0;

	if (unlikely(p->looks_for_rings))
		return port_memif_rx(p, mbufs, n);
	for (uint16_t asked = 0; asked < p->n_queues && got < n; asked++) {
		uint16_t queue = port_next_queue(p);

		got += rte_eth_rx_burst(p->ethdev, queue, mbufs + got, (uint16_t)(n - got));
	}
	return got;
}

static inline uint32_t receive(struct port *p, struct rte_mbuf **mbufs, uint32_t n)
{
	uint32_t got;

	if (unlikely(p->connects) && !port_enter(p, &p->is_receiving))
		return 0;
	got = ask_queues(p, mbufs, n);
	if (unlikely(p->connects))
		port_leave(&p->is_receiving);
	return got;
}

uint32_t port_rx(void *ctx, uint16_t port, struct pkt *pkts, uint32_t n)
{
	struct port_io *io = ctx;
	struct port *p = &io->ports->port[port];
	struct rte_mbuf *mbufs[PORT_BURST];
	uint32_t got;

	n = RTE_MIN(n, PORT_BURST);
	if (unlikely(p->cuts))
		return port_cut_rx(io->ports, p, pkts, n);
	got = receive(p, mbufs, n);
	for (uint32_t i = 0; i < RTE_MIN(got, PREFETCH_AHEAD); i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (uint32_t i = 0; i < got; i++) {
		if (i + PREFETCH_AHEAD < got)
			rte_prefetch0(rte_pktmbuf_mtod(mbufs[i + PREFETCH_AHEAD], void *));
		port_fill(&pkts[i], mbufs[i]);
	}
	if (unlikely(p->looks_at_rx))
		port_fix_burst(p, pkts, got);
	return got;
}

/* A device that takes no segments gets whole copies: a pool's room holds any frame that the MTU lets through.
 * Returns how many, from the first on, may be sent. */
static uint32_t make_whole(const struct port_io *io, struct rte_mbuf **mbufs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *whole;

		if (mbufs[i]->nb_segs == 1)
			continue;
		whole = rte_pktmbuf_copy(mbufs[i], io->pool, 0, UINT32_MAX);
		if (whole == NULL)
			return i;
		rte_pktmbuf_free(mbufs[i]);
		mbufs[i] = whole;
	}
	return n;
}

/* All goes to queue 0, the one that every guest serves: one order, and no queue that blocks the others. */
uint32_t port_tx(void *ctx, uint16_t port, void **handles, uint32_t n)
{
	const struct port_io *io = ctx;
	struct port *p = &io->ports->port[port];
	struct rte_mbuf **mbufs = (struct rte_mbuf **)handles;

	if (unlikely(!p->takes_segments))
		n = make_whole(io, mbufs, n);
	if (likely(!p->connects))
		return rte_eth_tx_burst(p->ethdev, 0, mbufs, (uint16_t)n);
	if (!port_enter(p, &p->is_sending))
		return 0;
	n = rte_eth_tx_burst(p->ethdev, 0, mbufs, (uint16_t)n);
	port_leave(&p->is_sending);
	return n;
}

void port_free(void *ctx, void **handles, uint32_t n)
{
	(void)ctx;
	rte_pktmbuf_free_bulk((struct rte_mbuf **)handles, n);
}

bool port_copy(void *ctx, const struct pkt *src, struct pkt *copy)
{
	const struct port_io *io = ctx;
	struct rte_mbuf *m = rte_pktmbuf_copy(src->handle, io->pool, 0, UINT32_MAX);

	if (m == NULL)
		return false;
	port_fill(copy, m);
	return true;
}

void port_look(void *ctx, struct pkt *p)
{
	(void)ctx;
	port_fill(p, p->handle);
}

/* Of a chain, segment by segment; nobody's bytes are written. */
void port_read(void *ctx, const void *handle, uint8_t *to, uint32_t n)
{
	const uint8_t *at = rte_pktmbuf_read(handle, 0, n, to);

	(void)ctx;
	if (at != NULL && at != to)
		memcpy(to, at, n);
}

static bool push_tag(struct rte_mbuf *m, uint16_t vid)
{
	char *from = rte_pktmbuf_mtod(m, char *);
	char *to = rte_pktmbuf_prepend(m, TAG_BYTES);
	const rte_be16_t tag[2] = {rte_cpu_to_be_16(TPID_8021Q), rte_cpu_to_be_16(vid)};

	if (to == NULL)
		return false;
	memmove(to, from, MACS_BYTES);
	memcpy(to + MACS_BYTES, tag, sizeof(tag));
	return true;
}

static bool pop_tag(struct rte_mbuf *m)
{
	char *from = rte_pktmbuf_mtod(m, char *);

	memmove(from + TAG_BYTES, from, MACS_BYTES);
	return rte_pktmbuf_adj(m, TAG_BYTES) != NULL;
}

/* A guest's priority tag becomes weir's own: the guest names a priority, but not which kind of tag the uplink sees. */
static bool set_tag(struct rte_mbuf *m, uint16_t vid)
{
	char *at = rte_pktmbuf_mtod_offset(m, char *, MACS_BYTES);
	rte_be16_t tag[2];

	memcpy(tag, at, sizeof(tag));
	tag[0] = rte_cpu_to_be_16(TPID_8021Q);
	tag[1] = rte_cpu_to_be_16((uint16_t)((rte_be_to_cpu_16(tag[1]) & TCI_WITHOUT_VID) | vid));
	memcpy(at, tag, sizeof(tag));
	return true;
}

static bool apply(struct rte_mbuf *m, enum tag_op op, uint16_t vid)
{
	switch (op) {
	case TAG_PUSH:
		return push_tag(m, vid);
	case TAG_POP:
		return pop_tag(m);
	case TAG_SET:
		return set_tag(m, vid);
	case TAG_KEEP:
		break;
	}
	return true;
}

/* Writes into a copy where the bytes are shared, or where the front has no room for a tag. */
bool port_retag(void *ctx, struct pkt *p, enum tag_op op, uint16_t vid)
{
	const struct port_io *io = ctx;
	struct rte_mbuf *m = p->handle, *old = NULL;

	if (op == TAG_KEEP)
		return true;
	if (m->data_len < MACS_BYTES + (op == TAG_PUSH ? 0 : TAG_BYTES))
		return false;	/* the core has seen a tag there, so this is not reached */
	if (port_is_shared(m) || (op == TAG_PUSH && rte_pktmbuf_headroom(m) < TAG_BYTES)) {
		old = m;
		m = rte_pktmbuf_copy(old, io->pool, 0, UINT32_MAX);
		if (m == NULL)
			return false;
	}
	if (!apply(m, op, vid)) {
		if (old != NULL)
			rte_pktmbuf_free(m);
		return false;
	}
	rte_pktmbuf_free(old);
	port_fill(p, m);
	return true;
}
