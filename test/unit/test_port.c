/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_mbuf.h>

#include "eal.h"
#include "port.h"
#include "unit.h"

#define N_MBUFS 63u

static struct port_io io;

static void set_up(void)
{
	ck_assert_int_ge(unit_eal("port", "--no-telemetry"), 0);
	io.pool = rte_pktmbuf_pool_create("test", N_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	ck_assert_ptr_nonnull(io.pool);
}

static void tear_down(void)
{
	rte_mempool_free(io.pool);
	rte_eal_cleanup();
}

/* A frame of 'bytes' with byte i = i, in segments of 'segment' bytes. */
static struct pkt make(uint32_t bytes, uint32_t segment)
{
	struct pkt p = {0};
	struct rte_mbuf *head = NULL;

	for (uint32_t at = 0; at < bytes; at += segment) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(io.pool);
		uint16_t n = (uint16_t)(bytes - at < segment ? bytes - at : segment);
		uint8_t *data = (uint8_t *)rte_pktmbuf_append(m, n);

		for (uint32_t i = 0; i < n; i++)
			data[i] = (uint8_t)(at + i);
		if (head == NULL)
			head = m;
		else
			ck_assert_int_eq(rte_pktmbuf_chain(head, m), 0);
	}
	p.handle = head;
	port_look(&io, &p);
	return p;
}

static uint8_t byte_at(const struct pkt *p, uint32_t at)
{
	uint8_t buf;

	return *(const uint8_t *)rte_pktmbuf_read(p->handle, at, 1, &buf);
}

/* From 'at' on the frame is as it was made from 'from' on. */
static void must_go_on(const struct pkt *p, uint32_t at, uint32_t from, uint32_t bytes)
{
	ck_assert_uint_eq(p->bytes, at + bytes - from);
	for (uint32_t i = from; i < bytes; i++)
		unit_must(byte_at(p, at + i - from) == (uint8_t)i);
}

static void must_be_home(void)
{
	ck_assert_uint_eq(rte_mempool_avail_count(io.pool), N_MBUFS);
}

static void must_be_as_made(const struct pkt *p, uint32_t bytes)
{
	must_go_on(p, 0, 0, bytes);
}

static void must_have_tag(const struct pkt *p, uint16_t tci)
{
	static const uint8_t macs[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

	ck_assert_mem_eq(p->data, macs, sizeof(macs));
	ck_assert_uint_eq(p->data[12] << 8 | p->data[13], 0x8100);
	ck_assert_uint_eq(p->data[14] << 8 | p->data[15], tci);
}

START_TEST(a_pushed_tag_stands_behind_the_addresses_and_popping_it_gives_the_frame_back)
{
	struct pkt p = make(200, 64);
	void *handle = p.handle;

	ck_assert(port_retag(&io, &p, TAG_PUSH, 77));
	ck_assert_ptr_eq(p.handle, handle);
	must_have_tag(&p, 77);
	must_go_on(&p, 16, 12, 200);
	ck_assert(port_retag(&io, &p, TAG_POP, 0));
	must_be_as_made(&p, 200);
	port_free(&io, &p.handle, 1);
	must_be_home();
}
END_TEST

START_TEST(a_set_tag_has_the_new_vid_and_keeps_pcp_and_dei)
{
	struct pkt p = make(100, 100);

	ck_assert(port_retag(&io, &p, TAG_PUSH, 0));
	((uint8_t *)(uintptr_t)p.data)[14] = 0xb0;	/* PCP 5, DEI */
	memcpy((uint8_t *)(uintptr_t)p.data + 12, "\x88\xa8", 2);	/* not the guest's to choose */
	ck_assert(port_retag(&io, &p, TAG_SET, 4094));
	must_have_tag(&p, 0xb000 | 4094);
	must_go_on(&p, 16, 12, 100);
	port_free(&io, &p.handle, 1);
	must_be_home();
}
END_TEST

/* Three ways in which somebody else may be reading the bytes. */
START_TEST(a_shared_mbuf_is_never_written)
{
	struct pkt p = make(200, 64), before;
	struct rte_mbuf *other;

	if (_i == 0) {		/* counted twice */
		other = p.handle;
		for (struct rte_mbuf *m = other; m != NULL; m = m->next)
			rte_mbuf_refcnt_update(m, 1);
	} else if (_i == 1) {	/* somebody's clone is attached to it */
		other = rte_pktmbuf_clone(p.handle, io.pool);
	} else {		/* it is itself the clone */
		other = p.handle;
		p.handle = rte_pktmbuf_clone(other, io.pool);
		port_look(&io, &p);
	}
	before = (struct pkt){.handle = other};
	port_look(&io, &before);
	ck_assert(port_retag(&io, &p, TAG_PUSH, 5));
	must_have_tag(&p, 5);
	must_go_on(&p, 16, 12, 200);
	must_be_as_made(&before, 200);
	port_free(&io, &p.handle, 1);
	must_be_as_made(&before, 200);
	port_free(&io, &before.handle, 1);
	must_be_home();
}
END_TEST

START_TEST(a_frame_without_headroom_is_copied_for_its_tag)
{
	struct pkt p = make(100, 100);

	ck_assert_ptr_nonnull(rte_pktmbuf_prepend(p.handle, RTE_PKTMBUF_HEADROOM - 2));
	port_look(&io, &p);
	for (uint32_t i = 0; i < p.bytes; i++)
		((uint8_t *)(uintptr_t)p.data)[i] = (uint8_t)i;
	uint32_t bytes = p.bytes;
	ck_assert(port_retag(&io, &p, TAG_PUSH, 9));
	must_have_tag(&p, 9);
	must_go_on(&p, 16, 12, bytes);
	port_free(&io, &p.handle, 1);
	must_be_home();
}
END_TEST

START_TEST(without_a_buffer_nothing_changes)
{
	struct pkt p = make(100, 100), copy;
	struct rte_mbuf *hoard[N_MBUFS];
	uint32_t n = 0;

	while ((hoard[n] = rte_pktmbuf_alloc(io.pool)) != NULL)
		n++;
	rte_mbuf_refcnt_update(p.handle, 1);
	ck_assert(!port_retag(&io, &p, TAG_PUSH, 5));
	must_be_as_made(&p, 100);
	ck_assert(!port_copy(&io, &p, &copy));
	rte_mbuf_refcnt_update(p.handle, -1);
	rte_pktmbuf_free_bulk(hoard, n);
	port_free(&io, &p.handle, 1);
	must_be_home();
}
END_TEST

START_TEST(a_copy_is_whole_and_apart)
{
	struct pkt p = make(300, 64), copy = {0};

	ck_assert(port_copy(&io, &p, &copy));
	ck_assert_ptr_ne(copy.handle, p.handle);
	ck_assert(port_retag(&io, &copy, TAG_PUSH, 1));
	must_be_as_made(&p, 300);
	port_free(&io, &p.handle, 1);
	must_go_on(&copy, 16, 12, 300);
	port_free(&io, &copy.handle, 1);
	must_be_home();
}
END_TEST

START_TEST(a_frame_too_short_for_the_tag_that_is_to_go_is_left_alone)
{
	struct pkt p = make(14, 14);

	ck_assert(!port_retag(&io, &p, TAG_POP, 0));
	ck_assert(!port_retag(&io, &p, TAG_SET, 1));
	must_be_as_made(&p, 14);
	port_free(&io, &p.handle, 1);
	must_be_home();
}
END_TEST

static uint32_t v4_sum(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* An IP frame of 'tags' tags: its TOS, its version, and a right checksum. */
static struct pkt make_ip(int version, unsigned int tos, uint32_t tags, uint32_t bytes, uint32_t segment)
{
	static const uint8_t types[2][2] = {{0x88, 0xa8}, {0x81, 0x00}};
	struct pkt p = make(bytes, segment);
	uint8_t *at = (uint8_t *)(uintptr_t)p.data + 12;

	for (uint32_t i = 0; i < tags; i++, at += 4)
		memcpy(at, types[i], 2);
	memcpy(at, version == 4 ? "\x08\x00\x45" : "\x86\xdd\x60", 3);
	at += 2;
	if (version == 6) {
		at[0] |= (uint8_t)(tos >> 4);
		at[1] = (uint8_t)(tos << 4 | 0xc);
		return p;
	}
	at[1] = (uint8_t)tos;
	at[10] = at[11] = 0;
	uint32_t sum = ~v4_sum(at);
	at[10] = (uint8_t)(sum >> 8);
	at[11] = (uint8_t)sum;
	return p;
}

/* Every TOS, both versions, behind 0, 1 and 2 tags: what is ECN-capable has CE, the rest is as it was, DSCP and flow
 * label stay, and the IPv4 checksum is right.  Fails if set_ce_v4() forgets the carry, or ip_at() stops at a tag. */
START_TEST(what_is_ecn_capable_is_marked_and_nothing_else_changes)
{
	int version = _i < 3 ? 4 : 6;
	uint32_t tags = (uint32_t)_i % 3, ip = 14 + 4 * tags;

	for (unsigned int tos = 0; tos < 256; tos++) {
		for (uint8_t id = 0; id < 16; id++) {	/* carries of the sum */
			struct pkt p = make_ip(version, tos, tags, 100, 80);
			uint8_t *at = (uint8_t *)(uintptr_t)p.data, before[100];
			at[ip + 4] = (uint8_t)(id * 17);
			if (version == 4) {
				at[ip + 10] = at[ip + 11] = 0;
				uint32_t sum = ~v4_sum(at + ip);
				at[ip + 10] = (uint8_t)(sum >> 8);
				at[ip + 11] = (uint8_t)sum;
			}
			memcpy(before, at, 80);
			unit_must(port_mark_ce(&io, &p.handle) == ((tos & 3) != 0));
			if (tos & 3)
				before[ip + 1] |= version == 4 ? 0x03 : 0x30;
			if (version == 4) {
				unit_must(v4_sum(at + ip) == 0xffff);
				memcpy(before + ip + 10, at + ip + 10, 2);
			}
			unit_must(memcmp(before, at, 80) == 0);
			port_free(&io, &p.handle, 1);
		}
	}
	must_be_home();
}
END_TEST

/* Fails without the length in ip_at(), or its look at the version. */
START_TEST(a_frame_without_a_whole_ip_header_in_front_is_not_marked)
{
	for (uint32_t bytes = 14; bytes < 14 + 8 + 40; bytes++) {
		for (uint32_t tags = 0; tags < 3; tags++) {
			for (int version = 4; version <= 6; version += 2) {
				struct pkt p = make_ip(version, 1, tags, 100, 100);
				uint32_t need = 14 + 4 * tags + (version == 4 ? 20 : 40);
				rte_pktmbuf_trim(p.handle, (uint16_t)(100 - bytes));
				unit_must(port_mark_ce(&io, &p.handle) == (bytes >= need));
				port_free(&io, &p.handle, 1);
			}
		}
	}
	struct pkt other = make(100, 100), odd = make_ip(4, 0x11, 0, 100, 100);
	ck_assert(!port_mark_ce(&io, &other.handle));
	must_be_as_made(&other, 100);
	((uint8_t *)(uintptr_t)odd.data)[14] = 0x65;
	ck_assert(!port_mark_ce(&io, &odd.handle));
	port_free(&io, &other.handle, 1);
	port_free(&io, &odd.handle, 1);
	must_be_home();
}
END_TEST

/* Fails if port_mark_ce() writes without a look at the reference count. */
START_TEST(a_shared_frame_is_copied_to_be_marked)
{
	struct pkt p = make_ip(4, 2, 1, 200, 64), before;
	struct rte_mbuf *other = rte_pktmbuf_clone(p.handle, io.pool);
	struct rte_mbuf *hoard[N_MBUFS];
	uint32_t n = 0;

	before = (struct pkt){.handle = other};
	port_look(&io, &before);
	while ((hoard[n] = rte_pktmbuf_alloc(io.pool)) != NULL)
		n++;
	ck_assert(!port_mark_ce(&io, &p.handle));	/* no buffer */
	rte_pktmbuf_free_bulk(hoard, n);
	ck_assert(port_mark_ce(&io, &p.handle));
	port_look(&io, &p);
	ck_assert_ptr_ne(p.data, before.data);
	ck_assert_uint_eq(p.data[19], 3);
	ck_assert_uint_eq(before.data[19], 2);
	ck_assert_uint_eq(p.bytes, 200);
	port_free(&io, &p.handle, 1);
	port_free(&io, &before.handle, 1);
	must_be_home();
}
END_TEST

/* Every TOS and every DSCP, as above: ECN stays, and the checksum is right.  Fails if the flow label's bits are taken for
 * the DSCP's, or the word before is not subtracted. */
START_TEST(a_dscp_is_set_and_nothing_else_changes)
{
	int version = _i < 3 ? 4 : 6;
	uint32_t tags = (uint32_t)_i % 3, ip = 14 + 4 * tags;

	for (unsigned int tos = 0; tos < 256; tos++) {
		for (unsigned int dscp = 0; dscp < 64; dscp++) {
			struct pkt p = make_ip(version, tos, tags, 100, 80);
			uint8_t *at = (uint8_t *)(uintptr_t)p.data, before[100];
			unsigned int want = dscp << 2 | (tos & 3);
			memcpy(before, at, 80);
			unit_must(port_set_dscp(&io, &p, (uint8_t)dscp) && p.data == at);
			if (version == 4) {
				before[ip + 1] = (uint8_t)want;
				unit_must(v4_sum(at + ip) == 0xffff);
				memcpy(before + ip + 10, at + ip + 10, 2);
			} else {
				before[ip] = (uint8_t)(0x60 | want >> 4);
				before[ip + 1] = (uint8_t)(want << 4 | 0xc);
			}
			unit_must(memcmp(before, at, 80) == 0);
			port_free(&io, &p.handle, 1);
		}
	}
	struct pkt other = make(100, 100);
	ck_assert(!port_set_dscp(&io, &other, 1));
	must_be_as_made(&other, 100);
	port_free(&io, &other.handle, 1);
	must_be_home();
}
END_TEST

/* Fails if port_set_dscp() writes without a look at the reference count, or leaves the old bytes in *p. */
START_TEST(a_shared_frame_is_copied_for_its_dscp)
{
	struct pkt p = make_ip(4, 2, 1, 200, 64), before;
	struct rte_mbuf *other = rte_pktmbuf_clone(p.handle, io.pool);
	struct rte_mbuf *hoard[N_MBUFS];
	uint32_t n = 0;

	before = (struct pkt){.handle = other};
	port_look(&io, &before);
	while ((hoard[n] = rte_pktmbuf_alloc(io.pool)) != NULL)
		n++;
	ck_assert(!port_set_dscp(&io, &p, 46));	/* no buffer */
	ck_assert_ptr_eq(p.data, before.data);
	rte_pktmbuf_free_bulk(hoard, n);
	ck_assert(port_set_dscp(&io, &p, 46));
	ck_assert_ptr_ne(p.data, before.data);
	ck_assert_uint_eq(p.data[19], 46 << 2 | 2);
	ck_assert_uint_eq(before.data[19], 2);
	ck_assert_uint_eq(p.bytes, 200);
	ck_assert_uint_eq(p.data_bytes, 200);
	port_free(&io, &p.handle, 1);
	port_free(&io, &before.handle, 1);
	must_be_home();
}
END_TEST

/* Broken by: a copy of the first segment alone; one that writes more than it was asked for. */
START_TEST(the_first_bytes_are_read_of_any_chain_and_nothing_is_changed)
{
	static const uint32_t segments[] = {3000, 700, 61, 14, 1};

	for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
		uint32_t bytes = segments[i] == 1 ? 20 : segments[i] == 14 ? 280 : 1400;
		struct pkt p = make(bytes, segments[i]);
		struct rte_mbuf *other = rte_pktmbuf_clone(p.handle, io.pool);	/* others read it too */
		for (uint32_t n = 0; n <= bytes; n += n < 80 ? 1 : 97) {
			uint8_t to[2000];
			memset(to, 0xa5, sizeof(to));
			port_read(&io, other, to, n);
			for (uint32_t at = 0; at < n; at++)
				unit_must(to[at] == (uint8_t)at);
			unit_must(to[n] == 0xa5 && to[n + 1] == 0xa5);
		}
		must_be_as_made(&p, bytes);
		rte_pktmbuf_free(other);
		rte_pktmbuf_free(p.handle);
		must_be_home();
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("port");
	TCase *t = tcase_create("mbufs");

	tcase_add_unchecked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, a_pushed_tag_stands_behind_the_addresses_and_popping_it_gives_the_frame_back);
	tcase_add_test(t, a_set_tag_has_the_new_vid_and_keeps_pcp_and_dei);
	tcase_add_loop_test(t, a_shared_mbuf_is_never_written, 0, 3);
	tcase_add_test(t, a_frame_without_headroom_is_copied_for_its_tag);
	tcase_add_test(t, without_a_buffer_nothing_changes);
	tcase_add_test(t, a_copy_is_whole_and_apart);
	tcase_add_test(t, a_frame_too_short_for_the_tag_that_is_to_go_is_left_alone);
	tcase_add_loop_test(t, what_is_ecn_capable_is_marked_and_nothing_else_changes, 0, 6);
	tcase_add_test(t, a_frame_without_a_whole_ip_header_in_front_is_not_marked);
	tcase_add_test(t, a_shared_frame_is_copied_to_be_marked);
	tcase_add_loop_test(t, a_dscp_is_set_and_nothing_else_changes, 0, 6);
	tcase_add_test(t, a_shared_frame_is_copied_for_its_dscp);
	tcase_add_test(t, the_first_bytes_are_read_of_any_chain_and_nothing_is_changed);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
