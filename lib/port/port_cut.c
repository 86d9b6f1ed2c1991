/* SPDX-License-Identifier: BSD-3-Clause */
/* A guest that was offered TSO sends frames of up to 64 KB.  They are cut where they are read, on demand: so many packets
 * are asked for, so many are made, and the rest of the frame waits here, in order.  Everything else in weir sees packets as
 * they go on the wire, with finished checksums.
 * A packet is a copy: one mbuf, as every other; the frame's own are free again with its last byte. */
#include <string.h>

#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "frame.h"
#include "port_impl.h"

#define FADE_SHIFT  3	/* an eighth with each frame */
#define ONE_PKT_Q8  256u
#define LONGEST_L2_BYTES 22u	/* Ethernet and two tags */

void port_cut_init(struct cutter *c)
{
	*c = (struct cutter){.pkts_a_frame_q8 = ONE_PKT_Q8};
}

/* Reads a few frames, where none is left; every queue is asked once at most. */
static bool refill(struct port *p)
{
	struct cutter *c = &p->cutter;

	c->at = 0;
	c->n = 0;
	for (uint16_t asked = 0; asked < p->n_queues && c->n == 0; asked++)
		c->n = rte_eth_rx_burst(p->ethdev, port_next_queue(p), c->frames, PORT_CUT_FRAMES);
	for (uint32_t i = 0; i < c->n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(c->frames[i], void *));
	return c->n > 0;
}

static void note_frame(struct cutter *c, uint32_t n_pkts)
{
	c->pkts_a_frame_q8 += (n_pkts * ONE_PKT_Q8 >> FADE_SHIFT) - (c->pkts_a_frame_q8 >> FADE_SHIFT);
}

/* As it came: with a checksum that the guest left to the NIC, finished here. */
static void pass(struct cutter *c, struct pkt *k)
{
	struct rte_mbuf *m = c->frames[c->at++];

	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_NONE && m->nb_segs == 1)
		(void)frame_finish_told_checksum(rte_pktmbuf_mtod(m, uint8_t *), m->pkt_len);	/* a chain is above any MTU */
	port_fill(k, m);
	note_frame(c, 1);
}

/* The payload that goes on at c->segment and c->segment_at. */
static void copy_payload(struct cutter *c, uint8_t *to, uint32_t n)
{
	while (n > 0) {
		uint32_t here = RTE_MIN(n, c->segment->data_len - c->segment_at);

		memcpy(to, rte_pktmbuf_mtod_offset(c->segment, const uint8_t *, c->segment_at), here);
		to += here;
		n -= here;
		c->segment_at += here;
		if (n > 0) {
			c->segment = c->segment->next;
			c->segment_at = 0;
		}
	}
}

/* Where the payload begins: headers may end in any segment. */
static void skip_headers(struct cutter *c, const struct rte_mbuf *m, uint32_t n)
{
	while (n > 0 && n >= m->data_len) {
		n -= m->data_len;
		m = m->next;
	}
	c->segment = m;
	c->segment_at = n;
}

static bool begin(const struct ports *ports, const struct port *p, struct cutter *c, const struct rte_mbuf *m)
{
	uint32_t room = rte_pktmbuf_data_room_size(p->pool) - RTE_PKTMBUF_HEADROOM - LONGEST_L2_BYTES;
	uint8_t buf[FRAME_CUT_HEAD_BYTES];
	uint32_t n = RTE_MIN(m->pkt_len, FRAME_CUT_HEAD_BYTES);
	const uint8_t *head = rte_pktmbuf_read(m, 0, n, buf);

	if (head == NULL || !frame_cut_begin(&c->cut, head, n, m->pkt_len, m->tso_segsz, RTE_MIN(ports->longest_mtu, room)))
		return false;
	skip_headers(c, m, c->cut.head_bytes);
	note_frame(c, frame_cut_n_left(&c->cut));
	return true;
}

/* false: no buffer; nothing is lost. */
static bool cut_one(const struct port *p, struct cutter *c, struct pkt *k)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(p->pool);
	uint32_t payload = frame_cut_payload(&c->cut);
	uint8_t *packet;

	if (m == NULL)
		return false;
	packet = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(c->cut.head_bytes + payload));
	if (packet == NULL) {	/* never: begin() */
		rte_pktmbuf_free(m);
		return false;
	}
	copy_payload(c, packet + c->cut.head_bytes, payload);
	frame_cut_next(&c->cut, packet);
	if (frame_cut_n_left(&c->cut) == 0)
		rte_pktmbuf_free(c->frames[c->at++]);
	port_fill(k, m);
	return true;
}

/* One packet of the frames that are here. */
static bool next(const struct ports *ports, const struct port *p, struct cutter *c, struct pkt *k)
{
	struct rte_mbuf *m = c->frames[c->at];

	if (frame_cut_n_left(&c->cut) == 0) {
		if ((m->ol_flags & RTE_MBUF_F_RX_LRO) == 0) {
			pass(c, k);
			return true;
		}
		if (!begin(ports, p, c, m)) {
			c->at++;
			port_fill(k, m);
			pkt_set_bad_segmentation(k);
			return true;
		}
	}
	return cut_one(p, c, k);
}

uint32_t port_cut_rx(const struct ports *ports, struct port *p, struct pkt *pkts, uint32_t n)
{
	struct cutter *c = &p->cutter;
	uint32_t got = 0;

	while (got < n && (c->at < c->n || refill(p)) && next(ports, p, c, &pkts[got]))
		got++;
	return got;
}

/* Packets in the frames here, and in 'n_frames' that wait in the port's rings: as many a frame as there were lately. */
uint32_t port_cut_pkts(const struct cutter *c, uint32_t n_frames)
{
	uint32_t n_cut = frame_cut_n_left(&c->cut);
	uint32_t n_whole = c->n - c->at - (n_cut > 0);

	return n_cut + (uint32_t)((uint64_t)(n_whole + n_frames) * c->pkts_a_frame_q8 >> 8);
}

void port_cut_drain(struct cutter *c)
{
	while (c->at < c->n)
		rte_pktmbuf_free(c->frames[c->at++]);
	c->cut.n_left = 0;
}
