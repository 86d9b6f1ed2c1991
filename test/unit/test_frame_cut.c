/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "frame_cut.h"
#include "unit.h"

#define MAX_BYTES 65600
#define MTU	  9000u

/* A segmentation frame and where its parts are. */
struct made {
	uint8_t data[MAX_BYTES];
	uint32_t bytes;		/* with padding */
	uint32_t ip, l4, payload, end;
	uint8_t flags;
	uint32_t seg_bytes;
	bool is_v6;
};

static struct made made;

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

/* Slow and obvious: one byte after the other, with the carry put back at once (RFC 1071). */
static uint16_t add(uint32_t sum, uint32_t word)
{
	return (uint16_t)(sum + word + ((sum + word) >> 16));
}

static uint16_t add_bytes(uint16_t sum, const uint8_t *data, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		sum = add(sum, i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i]);
	return sum;
}

/* Random: 0..2 tags, IPv4 with options or IPv6 with extensions, TCP with options, any payload and padding. */
static void make(struct made *m, uint64_t *rnd)
{
	uint32_t tags = (uint32_t)(unit_random(rnd) % 3), more = (uint32_t)(unit_random(rnd) % 4), at = 12, payload;
	uint32_t options = 4 * (uint32_t)(unit_random(rnd) % 11), padding = unit_random(rnd) % 4 == 0 ? 7 : 0;

	for (uint32_t i = 0; i < MAX_BYTES; i++)
		m->data[i] = (uint8_t)unit_random(rnd);
	m->is_v6 = unit_random(rnd) & 1;
	for (uint32_t i = 0; i < tags; i++, at += 4)
		put16(m->data + at, i + 1 < tags ? 0x88a8 : 0x8100);
	put16(m->data + at, m->is_v6 ? 0x86dd : 0x0800);
	m->ip = at + 2;
	m->l4 = m->ip + (m->is_v6 ? 40 + 8 * more : 20 + 4 * more);
	m->payload = m->l4 + 20 + options;
	payload = 1 + (uint32_t)(unit_random(rnd) % (unit_random(rnd) % 2 ? 3000 : 65535 - m->payload));
	m->end = m->payload + payload;
	m->bytes = m->end + padding;
	m->seg_bytes = 1 + (uint32_t)(unit_random(rnd) % (MTU - (m->payload - m->ip)));
	if (m->is_v6) {
		m->data[m->ip] = 0x60;
		put16(m->data + m->ip + 4, m->end - m->ip - 40);
		m->data[m->ip + 6] = more > 0 ? 0 : 6;
		for (uint32_t i = 0; i < more; i++) {
			m->data[m->ip + 40 + 8 * i] = i + 1 < more ? 60 : 6;
			m->data[m->ip + 40 + 8 * i + 1] = 0;
		}
	} else {
		m->data[m->ip] = (uint8_t)(0x45 + more);
		put16(m->data + m->ip + 2, m->end - m->ip);
		put16(m->data + m->ip + 6, unit_random(rnd) & 1 ? 0x4000 : 0);
		m->data[m->ip + 9] = 6;
	}
	m->flags = (uint8_t)(0x10 | (unit_random(rnd) & 0xe9));	/* any but SYN and RST, with ACK */
	m->data[m->l4 + 12] = (uint8_t)((20 + options) / 4 << 4);
	m->data[m->l4 + 13] = m->flags;
}

static void must_have_sound_sums(const struct made *m, const uint8_t *packet, uint32_t bytes)
{
	uint16_t sum = m->is_v6 ? add_bytes(0, packet + m->ip + 8, 32) : add_bytes(0, packet + m->ip + 12, 8);

	sum = add(add(sum, 6), bytes - m->l4);
	unit_must(add_bytes(sum, packet + m->l4, bytes - m->l4) == 0xffff);
	if (!m->is_v6)
		unit_must(add_bytes(0, packet + m->ip, m->l4 - m->ip) == 0xffff);
}

/* Packet i: the frame's headers but for lengths, ID, sequence number, flags and sums. */
static void must_be_packet(const struct made *m, const uint8_t *packet, uint32_t i, uint32_t from, uint32_t bytes)
{
	uint8_t head[FRAME_CUT_HEAD_BYTES], flags = m->flags;
	bool is_last = m->payload + from + (bytes - m->payload) == m->end;

	memcpy(head, m->data, m->payload);
	if (m->is_v6) {
		put16(head + m->ip + 4, bytes - m->ip - 40);
	} else {
		put16(head + m->ip + 2, bytes - m->ip);
		put16(head + m->ip + 4, get16(m->data + m->ip + 4) + i);
		memcpy(head + m->ip + 10, packet + m->ip + 10, 2);
	}
	unit_must(get32(packet + m->l4 + 4) == get32(m->data + m->l4 + 4) + from);
	memcpy(head + m->l4 + 4, packet + m->l4 + 4, 4);
	if (!is_last)
		flags &= (uint8_t)~0x09;
	if (i > 0)
		flags &= (uint8_t)~0x80;
	head[m->l4 + 13] = flags;
	memcpy(head + m->l4 + 16, packet + m->l4 + 16, 2);
	unit_must(memcmp(packet, head, m->payload) == 0);
	must_have_sound_sums(m, packet, bytes);
}

/* Fails with any of: FIN in all, CWR in all, no new ID, no new sequence number, a sum over the wrong length. */
START_TEST(what_is_cut_is_the_frame_again_in_sound_packets_of_the_asked_size)
{
	uint64_t rnd = (uint64_t)_i;

	for (int n = 0; n < 20; n++) {
		struct frame_cut c;
		uint8_t packet[MTU + 64];
		uint32_t from = 0, i = 0, n_pkts;

		make(&made, &rnd);
		unit_must(frame_cut_begin(&c, made.data, made.bytes, made.bytes, made.seg_bytes, MTU));
		n_pkts = frame_cut_n_left(&c);
		unit_must(n_pkts == (made.end - made.payload + made.seg_bytes - 1) / made.seg_bytes);
		for (; frame_cut_n_left(&c) > 0; i++) {
			uint32_t payload = frame_cut_payload(&c);

			unit_must(frame_cut_n_left(&c) == n_pkts - i && c.head_bytes == made.payload);
			unit_must(payload == made.seg_bytes || (i + 1 == n_pkts && payload <= made.seg_bytes && payload > 0));
			memcpy(packet + c.head_bytes, made.data + made.payload + from, payload);
			frame_cut_next(&c, packet);
			must_be_packet(&made, packet, i, from, made.payload + payload);
			from += payload;
		}
		unit_must(from == made.end - made.payload);
	}
}
END_TEST

static bool begins(const struct made *m, uint32_t seg_bytes, uint32_t mtu)
{
	struct frame_cut c;

	return frame_cut_begin(&c, m->data, m->bytes, m->bytes, seg_bytes, mtu);
}

static bool begins_with(uint32_t at, uint8_t byte)
{
	uint8_t old = made.data[at];
	bool begins_so;

	made.data[at] = byte;
	begins_so = begins(&made, made.seg_bytes, MTU);
	made.data[at] = old;
	return begins_so;
}

START_TEST(what_makes_no_sense_is_refused)
{
	uint64_t rnd = (uint64_t)_i;
	uint32_t head, longest;
	struct frame_cut c;

	make(&made, &rnd);
	ck_assert(begins(&made, made.seg_bytes, MTU));
	ck_assert(!begins(&made, 0, MTU));
	head = made.payload - made.ip;
	longest = made.end - made.payload < made.seg_bytes ? made.end - made.payload : made.seg_bytes;
	ck_assert(begins(&made, made.seg_bytes, head + longest));
	ck_assert(!begins(&made, made.seg_bytes, head + longest - 1));
	ck_assert(!begins_with(made.l4 + 12, 0x40));			/* TCP's header: 16 bytes */
	ck_assert(!begins_with(made.l4 + 13, 0x12));			/* SYN */
	ck_assert(!begins_with(made.l4 + 13, 0x14));			/* RST */
	ck_assert(!begins_with(made.ip, 0x00));				/* no IP */
	if (made.is_v6) {
		ck_assert(!begins_with(made.ip + 6, 17));		/* UFO */
		ck_assert(!begins_with(made.ip + 6, 44));		/* a fragment */
		ck_assert(!begins_with(made.ip + 6, 43));		/* a routing header, or a TCP that is none */
	} else {
		ck_assert(!begins_with(made.ip + 9, 17));
		ck_assert(!begins_with(made.ip + 6, 0x20));		/* more fragments */
		ck_assert(!begins_with(made.ip + 7, 0x01));		/* an offset */
		ck_assert(!begins_with(made.ip, 0x44));
	}
	for (uint32_t n = 0; n < made.payload; n++)			/* headers that are not there */
		ck_assert(!frame_cut_begin(&c, made.data, n, made.bytes, made.seg_bytes, MTU));
	ck_assert(frame_cut_begin(&c, made.data, made.payload, made.bytes, made.seg_bytes, MTU));
	ck_assert(!frame_cut_begin(&c, made.data, made.payload, made.end - 1, made.seg_bytes, MTU));	/* cut short */
	put16(made.data + made.ip + (made.is_v6 ? 4 : 2), made.payload - made.ip - (made.is_v6 ? 40 : 0));
	ck_assert(!begins(&made, made.seg_bytes, MTU));			/* no payload */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("frame_cut");
	TCase *t = tcase_create("cut");

	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, what_is_cut_is_the_frame_again_in_sound_packets_of_the_asked_size, 0, 20);
	tcase_add_loop_test(t, what_makes_no_sense_is_refused, 0, 50);
	suite_add_tcase(s, t);
	return unit_run(s);
}
