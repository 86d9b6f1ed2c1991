/* SPDX-License-Identifier: BSD-3-Clause */
/* What a port gives whose guest was offered TSO, against the same frames cut in one piece: any chain of mbufs, asked for
 * any number, with buffers running out in between.  (The headers are test_frame_cut.c's; the device is a net_ring, which
 * gives back what is sent to it.) */
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "eal.h"
#include "port_impl.h"
#include "unit.h"

#define N_MBUFS	 1023u
#define MTU	 1500u
#define N_FRAMES 40u
#define HEAD	 54u	/* Ethernet, IPv4, TCP */
#define MAX_PKTS 4096u

static struct ports ports;
static struct port_io io;
static struct rte_mempool *pool;

/* What must come: packets in order, as bytes. */
static uint8_t wanted[MAX_PKTS][MTU + 14];
static uint32_t wanted_bytes[MAX_PKTS], n_wanted;
static bool is_bad[MAX_PKTS];

static void set_up(void)
{
	struct rte_eth_conf conf = {0};
	struct port *p = &ports.port[0];

	ck_assert_int_ge(unit_eal("port_cut", "--vdev=net_ring0"), 0);
	pool = rte_pktmbuf_pool_create("test", N_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	ck_assert_ptr_nonnull(pool);
	ck_assert_int_eq(rte_eth_dev_configure(0, 1, 1, &conf), 0);
	ck_assert_int_eq(rte_eth_rx_queue_setup(0, 0, 0, 0, NULL, pool), 0);
	ck_assert_int_eq(rte_eth_tx_queue_setup(0, 0, 0, 0, NULL), 0);
	ck_assert_int_eq(rte_eth_dev_start(0), 0);
	*p = (struct port){.n_queues = 1, .cuts = true, .pool = pool};
	port_cut_init(&p->cutter);
	ports.n = 1;
	ports.longest_mtu = MTU;
	io = (struct port_io){.ports = &ports, .pool = pool};
}

static void tear_down(void)
{
	(void)rte_eth_dev_stop(0);
	(void)rte_eth_dev_close(0);
	rte_mempool_free(pool);
	rte_eal_cleanup();
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t make_frame(uint8_t *frame, uint32_t payload, uint64_t *rnd)
{
	for (uint32_t i = 0; i < HEAD + payload; i++)
		frame[i] = (uint8_t)unit_random(rnd);
	put16(frame + 12, 0x0800);
	frame[14] = 0x45;
	put16(frame + 16, HEAD - 14 + payload);
	put16(frame + 20, 0x4000);
	frame[23] = 6;
	frame[46] = 0x50;
	frame[47] = 0x18;
	return HEAD + payload;
}

/* In segments of 'segment' bytes; NULL: no buffers. */
static struct rte_mbuf *chain_of(const uint8_t *frame, uint32_t bytes, uint32_t segment)
{
	struct rte_mbuf *head = NULL;

	for (uint32_t at = 0; at < bytes; at += segment) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		uint32_t n = bytes - at < segment ? bytes - at : segment;

		if (m == NULL) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), frame + at, n);
		if (head == NULL)
			head = m;
		else
			ck_assert_int_eq(rte_pktmbuf_chain(head, m), 0);
	}
	return head;
}

static void want(const uint8_t *packet, uint32_t bytes, bool bad)
{
	ck_assert_uint_lt(n_wanted, MAX_PKTS);
	if (!bad)
		memcpy(wanted[n_wanted], packet, bytes);
	is_bad[n_wanted] = bad;
	wanted_bytes[n_wanted++] = bytes;
}

static void want_cut(const uint8_t *frame, uint32_t bytes, uint32_t seg_bytes)
{
	uint8_t packet[MTU + 14];
	struct frame_cut c;
	uint32_t from = HEAD;

	if (!frame_cut_begin(&c, frame, bytes, bytes, seg_bytes, MTU)) {
		want(NULL, bytes, true);
		return;
	}
	while (frame_cut_n_left(&c) > 0) {
		uint32_t payload = frame_cut_payload(&c);

		memcpy(packet + HEAD, frame + from, payload);
		frame_cut_next(&c, packet);
		want(packet, HEAD + payload, false);
		from += payload;
	}
}

/* One of: a frame to be cut (some make no sense), a plain one.  false: there are no buffers for it now. */
static bool send_one(uint64_t *rnd)
{
	static uint8_t frame[HEAD + 64000];
	uint32_t kind = (uint32_t)(unit_random(rnd) % 8);
	uint32_t payload = 1 + (uint32_t)(unit_random(rnd) % (kind < 3 ? 1400 : kind < 6 ? 9000 : 64000));
	uint32_t bytes = make_frame(frame, payload, rnd), seg_bytes = 200 + (uint32_t)(unit_random(rnd) % 1350);
	struct rte_mbuf *m;

	if (kind == 7)
		frame[46] = 0x40;
	m = chain_of(frame, bytes, kind < 3 ? bytes : 1 + (uint32_t)(unit_random(rnd) % 1000) + bytes / 64);
	if (m == NULL)
		return false;
	if (kind < 3) {
		want(frame, bytes, false);
	} else {
		m->ol_flags = RTE_MBUF_F_RX_LRO | RTE_MBUF_F_RX_L4_CKSUM_NONE;
		m->tso_segsz = (uint16_t)seg_bytes;
		want_cut(frame, bytes, seg_bytes);
	}
	ck_assert_int_eq(rte_eth_tx_burst(0, 0, &m, 1), 1);
	return true;
}

static void must_be(const struct pkt *k, uint32_t i)
{
	unit_must(k->bytes == wanted_bytes[i]);
	unit_must(pkt_is_bad_segmentation(k) == is_bad[i]);
	if (!is_bad[i]) {
		unit_must(k->data_bytes == k->bytes);
		unit_must(memcmp(k->data, wanted[i], k->bytes) == 0);
	}
}

/* Fails with a frame freed too early or too late, a payload from the wrong segment, and when a packet for which there is
 * no buffer is passed over. */
START_TEST(all_comes_in_order_whatever_is_asked_for_and_nothing_is_lost_or_kept)
{
	uint64_t rnd = (uint64_t)_i;
	uint32_t n_sent = 0, seen = 0;

	n_wanted = 0;
	while (n_sent < N_FRAMES || seen < n_wanted) {
		uint32_t asked = 1 + (uint32_t)(unit_random(&rnd) % PORT_BURST), got;
		struct rte_mbuf *hoard[N_MBUFS];
		uint32_t n_hoarded = 0;
		struct pkt pkts[PORT_BURST];

		while (n_sent < N_FRAMES && unit_random(&rnd) % 3 == 0 && send_one(&rnd))
			n_sent++;
		while (unit_random(&rnd) % 4 == 0 && n_hoarded < N_MBUFS && rte_mempool_avail_count(pool) > 0)
			n_hoarded += (hoard[n_hoarded] = rte_pktmbuf_alloc(pool)) != NULL;
		if (unit_random(&rnd) % 4 == 0) {	/* all but a few */
			uint32_t left = (uint32_t)(unit_random(&rnd) % 4);
			while (rte_mempool_avail_count(pool) > left)
				hoard[n_hoarded++] = rte_pktmbuf_alloc(pool);
		}
		got = port_rx(&io, 0, pkts, asked);
		unit_must(got <= asked);
		unit_must(got == asked || n_hoarded > 0 || seen + got == n_wanted);
		for (uint32_t i = 0; i < got; i++, seen++) {
			must_be(&pkts[i], seen);
			port_free(&io, &pkts[i].handle, 1);
		}
		rte_pktmbuf_free_bulk(hoard, n_hoarded);
		unit_must(port_cut_pkts(&ports.port[0].cutter, 0) <= n_wanted * 64);
	}
	ck_assert_uint_eq(port_cut_pkts(&ports.port[0].cutter, 0), 0);
	ck_assert_uint_eq(rte_mempool_avail_count(pool), N_MBUFS);
}
END_TEST

START_TEST(what_waits_is_counted_in_packets_and_is_taken_back_at_the_end)
{
	static uint8_t frame[HEAD + 64000];
	uint64_t rnd = 1;
	struct cutter *c = &ports.port[0].cutter;
	struct pkt pkts[PORT_BURST];

	n_wanted = 0;
	for (int i = 0; i < 4; i++) {
		uint32_t bytes = make_frame(frame, 64000, &rnd);
		struct rte_mbuf *m = chain_of(frame, bytes, 2000);

		ck_assert_ptr_nonnull(m);
		m->ol_flags = RTE_MBUF_F_RX_LRO;
		m->tso_segsz = 1000;
		ck_assert_int_eq(rte_eth_tx_burst(0, 0, &m, 1), 1);
	}
	for (int i = 0; i < 2 + 64 * 2 / 32; i++) {	/* two whole, and one packet of the third */
		uint32_t n = i < 4 ? 32 : i == 4 ? 1 : 0;
		ck_assert_uint_eq(port_rx(&io, 0, pkts, n), n);
		for (uint32_t k = 0; k < n; k++)
			port_free(&io, &pkts[k].handle, 1);
	}
	ck_assert_uint_eq(frame_cut_n_left(&c->cut), 63);
	ck_assert_uint_gt(port_cut_pkts(c, 0), 63 + 16);	/* of the fourth as many as of those before, on average */
	ck_assert_uint_le(port_cut_pkts(c, 0), 63 + 64);
	ck_assert_uint_eq(port_cut_pkts(c, 2), 63 + (3 * c->pkts_a_frame_q8 >> 8));
	port_cut_drain(c);
	ck_assert_uint_eq(port_cut_pkts(c, 0), 0);
	ck_assert_uint_eq(rte_mempool_avail_count(pool), N_MBUFS);
}
END_TEST

/* A guest names the size: with an MTU above a buffer's room a packet would not fit, or its length wrap.  Broken by: no look
 * at the room. */
START_TEST(no_packet_is_longer_than_a_buffer)
{
	static uint8_t frame[HEAD + 65000];
	static const uint16_t sizes[] = {1990, 4000, 60000, 64990};
	uint64_t rnd = 2;
	struct pkt k;

	ports.longest_mtu = 65535;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t bytes = make_frame(frame, 65000, &rnd);
		struct rte_mbuf *m = chain_of(frame, bytes, 2000);

		ck_assert_ptr_nonnull(m);
		m->ol_flags = RTE_MBUF_F_RX_LRO;
		m->tso_segsz = sizes[i];
		ck_assert_int_eq(rte_eth_tx_burst(0, 0, &m, 1), 1);
		ck_assert_uint_eq(port_rx(&io, 0, &k, 1), 1);
		ck_assert(pkt_is_bad_segmentation(&k));
		port_free(&io, &k.handle, 1);
	}
	ports.longest_mtu = MTU;
	ck_assert_uint_eq(rte_mempool_avail_count(pool), N_MBUFS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("port_cut");
	TCase *t = tcase_create("cut");

	tcase_set_timeout(t, 10);
	tcase_add_unchecked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, all_comes_in_order_whatever_is_asked_for_and_nothing_is_lost_or_kept, 0, 40);
	tcase_add_test(t, what_waits_is_counted_in_packets_and_is_taken_back_at_the_end);
	tcase_add_test(t, no_packet_is_longer_than_a_buffer);
	suite_add_tcase(s, t);
	return unit_run(s);
}
