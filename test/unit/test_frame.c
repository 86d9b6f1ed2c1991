/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "frame.h"
#include "unit.h"

#define MAX_BYTES 1600

/* A frame and where its parts are. */
struct made {
	uint8_t data[MAX_BYTES];
	uint32_t bytes;		/* without the padding */
	uint32_t ip, l4, field;
	uint32_t tags;
	bool is_v6, is_udp;
};

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Slow and obvious: one byte after the other, with the carry put back at once (RFC 1071). */
static uint16_t add(uint16_t sum, uint16_t word)
{
	uint32_t both = (uint32_t)sum + word;

	return (uint16_t)(both + (both >> 16));
}

static uint16_t add_bytes(uint16_t sum, const uint8_t *data, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		sum = add(sum, (uint16_t)(i % 2 == 0 ? data[i] << 8 : data[i]));
	return sum;
}

static uint16_t pseudo_of(const struct made *m)
{
	uint16_t sum = m->is_v6 ? add_bytes(0, m->data + m->ip + 8, 32) : add_bytes(0, m->data + m->ip + 12, 8);

	sum = add(sum, m->is_udp ? 17 : 6);
	return add(sum, (uint16_t)(m->bytes - m->l4));
}

/* The checksum as it must be, whatever the field says now. */
static uint16_t checksum_of(const struct made *m)
{
	uint16_t sum = pseudo_of(m);

	for (uint32_t i = m->l4; i < m->bytes; i++) {
		uint8_t byte = i == m->field || i == m->field + 1 ? 0 : m->data[i];
		sum = add(sum, (uint16_t)((i - m->l4) % 2 == 0 ? byte << 8 : byte));
	}
	sum = (uint16_t)~sum;
	return sum == 0 && m->is_udp ? 0xffff : sum;
}

static uint16_t field_of(const struct made *m)
{
	return (uint16_t)(m->data[m->field] << 8 | m->data[m->field + 1]);
}

/* Random: 0..2 tags, IPv4 with options or IPv6 with extensions, TCP or UDP, some payload. */
static void make(struct made *m, uint64_t *rnd)
{
	uint32_t extensions = (uint32_t)(unit_random(rnd) % 3), payload = (uint32_t)(unit_random(rnd) % 1400), at = 12;

	for (uint32_t i = 0; i < MAX_BYTES; i++)
		m->data[i] = (uint8_t)unit_random(rnd);
	m->tags = (uint32_t)(unit_random(rnd) % 3);
	m->is_v6 = unit_random(rnd) & 1;
	m->is_udp = unit_random(rnd) & 1;
	for (uint32_t i = 0; i < m->tags; i++, at += 4)
		put16(m->data + at, i + 1 < m->tags ? 0x88a8 : 0x8100);
	put16(m->data + at, m->is_v6 ? 0x86dd : 0x0800);
	m->ip = at + 2;
	m->l4 = m->ip + (m->is_v6 ? 40 + 8 * extensions : 20 + 4 * extensions);
	m->field = m->l4 + (m->is_udp ? 6 : 16);
	m->bytes = m->l4 + (m->is_udp ? 8 : 20) + payload;
	if (m->is_v6) {
		static const uint8_t kinds[] = {0, 43, 60};
		uint8_t *next = m->data + m->ip + 6;
		m->data[m->ip] = 0x60;
		put16(m->data + m->ip + 4, m->bytes - m->ip - 40);
		for (uint32_t i = 0; i < extensions; i++) {
			*next = kinds[unit_random(rnd) % 3];
			next = m->data + m->ip + 40 + 8 * i;
			next[1] = 0;
		}
		*next = m->is_udp ? 17 : 6;
	} else {
		m->data[m->ip] = (uint8_t)(0x45 + extensions);
		put16(m->data + m->ip + 2, m->bytes - m->ip);
		put16(m->data + m->ip + 6, unit_random(rnd) & 1 ? 0x4000 : 0);
		m->data[m->ip + 9] = m->is_udp ? 17 : 6;
	}
}

/* Fails with the padding summed, with one tag stepped over only, or without the extension headers. */
START_TEST(a_partial_checksum_is_finished)
{
	for (uint64_t seed = 0; seed < 20000; seed++) {
		uint64_t rnd = seed;
		struct made m, before;
		make(&m, &rnd);
		put16(m.data + m.field, pseudo_of(&m));
		before = m;
		uint32_t padding = (uint32_t)(unit_random(&rnd) % (MAX_BYTES - m.bytes));
		unit_must(frame_finish_checksum(m.data, m.bytes + padding));
		unit_must(field_of(&m) == checksum_of(&m));
		memcpy(before.data + m.field, m.data + m.field, 2);
		unit_must(memcmp(before.data, m.data, MAX_BYTES) == 0);
	}
}
END_TEST

/* A payload whose checksum is 0, which would say that there is none (RFC 768).  Fails with the 0xffff left out. */
START_TEST(a_udp_checksum_of_0_is_told_as_0xffff)
{
	uint32_t n_seen = 0;

	for (uint64_t seed = 0; seed < 2000; seed++) {
		uint64_t rnd = seed;
		struct made m;
		make(&m, &rnd);
		if (!m.is_udp || m.bytes < m.l4 + 10)
			continue;
		uint8_t *word = m.data + m.l4 + 8;
		put16(word, 0);
		put16(word, checksum_of(&m));	/* what completes the sum to 0xffff */
		put16(m.data + m.field, pseudo_of(&m));
		unit_must(frame_finish_checksum(m.data, m.bytes));
		unit_must(field_of(&m) == 0xffff);
		n_seen++;
	}
	ck_assert_uint_gt(n_seen, 500);
}
END_TEST

/* Fails if checksums are made anew without a look: a damaged frame would become a sound one. */
START_TEST(a_complete_checksum_right_or_wrong_is_left_alone)
{
	for (uint64_t seed = 0; seed < 20000; seed++) {
		uint64_t rnd = seed ^ 0xabcdef;
		struct made m, before;
		make(&m, &rnd);
		put16(m.data + m.field, checksum_of(&m));
		if (seed & 1)
			m.data[m.bytes - 1 - unit_random(&rnd) % 8] ^= (uint8_t)(1 + unit_random(&rnd) % 255);
		if (field_of(&m) == pseudo_of(&m))
			continue;	/* one in 65,536 */
		before = m;
		unit_must(!frame_finish_checksum(m.data, m.bytes));
		unit_must(memcmp(&before, &m, sizeof(m)) == 0);
	}
}
END_TEST

/* Fails without the look at fragments: what is behind another fragment's IP header is no TCP header. */
START_TEST(a_fragment_is_left_alone)
{
	for (uint64_t seed = 0; seed < 2000; seed++) {
		uint64_t rnd = seed;
		struct made m, before;
		make(&m, &rnd);
		put16(m.data + m.field, pseudo_of(&m));
		if (m.is_v6)
			continue;
		put16(m.data + m.ip + 6, seed & 1 ? 0x2000 : 1 + unit_random(&rnd) % 0x1fff);
		before = m;
		unit_must(!frame_finish_checksum(m.data, m.bytes));
		unit_must(memcmp(&before, &m, sizeof(m)) == 0);
	}
}
END_TEST

/* Fails with ">=" in frame_is_cut(), or tags not stepped over. */
START_TEST(a_frame_shorter_than_its_ip_header_says_is_cut)
{
	for (uint64_t seed = 0; seed < 5000; seed++) {
		uint64_t rnd = seed;
		struct made m;
		make(&m, &rnd);
		uint32_t ip_header = m.ip + (m.is_v6 ? 40 : 20);
		uint32_t less = (uint32_t)(1 + unit_random(&rnd) % (m.bytes - 1));
		unit_must(!frame_is_cut(m.data, m.bytes, m.bytes));
		unit_must(!frame_is_cut(m.data, m.bytes, m.bytes + 10));
		unit_must(!frame_is_cut(m.data, ip_header, m.bytes));
		unit_must(frame_is_cut(m.data, ip_header, m.bytes - 1));
		unit_must(frame_is_cut(m.data, less, less) == (less >= ip_header));
		unit_must(!frame_finish_checksum(m.data, less));
	}
}
END_TEST

/* Fails with a length taken on trust. */
START_TEST(what_is_not_ip_or_no_header_at_all_is_neither)
{
	static const uint8_t arp[60] = {[12] = 0x08, [13] = 0x06, [16] = 0xff, [17] = 0xff};
	uint8_t frame[60];

	memcpy(frame, arp, sizeof(frame));
	for (uint32_t n = 0; n <= sizeof(frame); n++) {
		ck_assert(!frame_is_cut(frame, n, n));
		ck_assert(!frame_finish_checksum(frame, n));
	}
	ck_assert_mem_eq(frame, arp, sizeof(frame));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("frame");
	TCase *t = tcase_create("frames");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_partial_checksum_is_finished);
	tcase_add_test(t, a_udp_checksum_of_0_is_told_as_0xffff);
	tcase_add_test(t, a_complete_checksum_right_or_wrong_is_left_alone);
	tcase_add_test(t, a_fragment_is_left_alone);
	tcase_add_test(t, a_frame_shorter_than_its_ip_header_says_is_cut);
	tcase_add_test(t, what_is_not_ip_or_no_header_at_all_is_neither);
	suite_add_tcase(s, t);
	return unit_run(s);
}
