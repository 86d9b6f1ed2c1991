/* SPDX-License-Identifier: BSD-3-Clause */
/* What packets tell of congestion: ECE, RoCE's notifications and AccECN, of packets made by hand. */
#include <stdlib.h>
#include <string.h>

#include "echo.h"
#include "remote.h"
#include "unit.h"

/* ---- ECE ---- */

static size_t tcp4(uint8_t *ip, uint16_t port, uint32_t ack, uint8_t flags)
{
	memset(ip, 0, 40);
	ip[0] = 0x45;
	ip[9] = 6;
	ip[12] = 10;
	ip[16] = 10;
	ip[19] = 1;
	ip[20] = (uint8_t)(port >> 8);
	ip[21] = (uint8_t)port;
	for (int i = 0; i < 4; i++)
		ip[28 + i] = (uint8_t)(ack >> (24 - 8 * i));
	ip[33] = flags;
	return 40;
}

static uint32_t hear(struct echo_flows *flows, uint16_t port, uint32_t ack, uint8_t flags, bool *is_first)
{
	struct echo_ack read;
	uint8_t ip[40];

	ck_assert(echo_read(ip, tcp4(ip, port, ack, flags), &read));
	struct echo_said said = echo_note(flows, &read);
	ck_assert_uint_eq(said.echoed_bytes, flags & 0x40 ? said.heard_bytes : 0);
	*is_first = said.is_first;
	return said.heard_bytes;
}

START_TEST(acknowledged_bytes_are_counted_once_and_by_flow)
{
	struct echo_flows *flows = echo_create();
	bool is_first;

	ck_assert_uint_eq(hear(flows, 80, 0xfffff000, 0x10, &is_first), 0);	/* before that nothing is known */
	ck_assert_uint_eq(hear(flows, 81, 5000, 0x10, &is_first), 0);
	ck_assert_uint_eq(hear(flows, 80, 0x1000, 0x50, &is_first), 0x2000);	/* around 2^32 */
	ck_assert(is_first);
	ck_assert_uint_eq(hear(flows, 80, 0x1100, 0x50, &is_first), 0x100);
	ck_assert(!is_first);
	ck_assert_uint_eq(hear(flows, 80, 0x1000, 0x10, &is_first), 0);	/* overtaken: the echo has not ended */
	ck_assert_uint_eq(hear(flows, 80, 0x1200, 0x50, &is_first), 0x100);
	ck_assert(!is_first);
	ck_assert_uint_eq(hear(flows, 80, 0x1300, 0x10, &is_first), 0x100);
	ck_assert_uint_eq(hear(flows, 80, 0x1400, 0x50, &is_first), 0x100);
	ck_assert(is_first);
	ck_assert_uint_eq(hear(flows, 81, 6000, 0x10, &is_first), 1000);
	echo_destroy(flows);
}
END_TEST

START_TEST(what_is_no_acknowledgement_tells_nothing)
{
	struct echo_ack ack;
	uint8_t ip[60];

	for (size_t n = 0; n < 40; n++) {	/* cut anywhere */
		tcp4(ip, 80, 1, 0x50);
		ck_assert(!echo_read(ip, n, &ack));
	}
	for (unsigned int flags = 0; flags < 256; flags++) {
		bool is_read = (flags & 0x12) != 0 && (flags & 0x04) == 0;
		ck_assert_int_eq(echo_read(ip, tcp4(ip, 80, 1, (uint8_t)flags), &ack), is_read ? ECHO_TCP : ECHO_NONE);
		ck_assert(!is_read || ack.is_ece == ((flags & 0x40) != 0));
		ck_assert(!is_read || ack.is_syn == ((flags & 0x02) != 0));
	}
	tcp4(ip, 80, 1, 0x50);
	ip[7] = 1;	/* a later fragment */
	ck_assert(!echo_read(ip, 40, &ack));
	tcp4(ip, 80, 1, 0x50);
	ip[9] = 17;
	ck_assert(!echo_read(ip, 40, &ack));
	memset(ip, 0, sizeof(ip));
	ip[0] = 0x60;
	ip[6] = 6;
	ip[53] = 0x50;
	ck_assert(echo_read(ip, 60, &ack) && ack.is_ece);
	ck_assert(!echo_read(ip, 59, &ack));
}
END_TEST

/* ---- CNPs ---- */

/* Cut anywhere, IPv4 with options and IPv6; another opcode, port or protocol, and a later fragment. */
START_TEST(a_cnp_is_told_from_other_packets)
{
	static const struct {
		uint8_t first, protocol_at, l4_at;
	} kinds[] = {{0x45, 9, 20}, {0x47, 9, 28}, {0x60, 6, 40}};
	struct echo_ack ack;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t at = kinds[i].l4_at, all = at + 20;
		for (size_t n = 0; n <= all; n++) {
			uint8_t *ip = calloc(1, n + 1), whole[60] = {kinds[i].first};
			whole[kinds[i].protocol_at] = 17;
			whole[at + 2] = 4791 >> 8;
			whole[at + 3] = 4791 & 0xff;
			whole[at + 8] = 0x81;
			memcpy(ip, whole, n);
			ck_assert_int_eq(echo_read(ip, n, &ack), n == all ? ECHO_CNP : ECHO_NONE);
			for (size_t byte = at + 2; n == all && byte < at + 9; byte++) {
				ip[byte] ^= 1;
				bool is_read = byte < at + 4 || byte == at + 8;
				ck_assert_int_eq(echo_read(ip, n, &ack), is_read ? ECHO_NONE : ECHO_CNP);
				ip[byte] ^= 1;
			}
			if (n == all && i < 2) {
				ip[7] = 1;
				ck_assert_int_eq(echo_read(ip, n, &ack), ECHO_NONE);
			}
			free(ip);
		}
	}
}
END_TEST

/* ---- AccECN ---- */

/* As its peer sends it: 'ace' are AE, CWR and ECE.  A SYN has an MSS of 1000 behind two NOPs. */
static struct echo_said tell(struct echo_flows *flows, bool is_v6, uint32_t seq, uint32_t ack, uint8_t flags, unsigned int ace)
{
	uint8_t ip[70] = {is_v6 ? 0x60 : 0x45}, *tcp = ip + (is_v6 ? 40 : 20);
	size_t n = (flags & 0x02) != 0 ? 28 : 20;
	struct echo_ack read;

	ip[is_v6 ? 6 : 9] = 6;
	for (int i = 0; i < 4; i++) {
		tcp[4 + i] = (uint8_t)(seq >> (24 - 8 * i));
		tcp[8 + i] = (uint8_t)(ack >> (24 - 8 * i));
	}
	tcp[12] = (uint8_t)(n / 4 << 4 | ace >> 2);
	tcp[13] = (uint8_t)(flags | ace << 6);
	memcpy(tcp + 20, (const uint8_t[]){1, 1, 2, 4, 1000 >> 8, 1000 & 0xff, 0, 0}, 8);
	ck_assert_int_eq(echo_read(ip, (size_t)(tcp - ip) + n, &read), ECHO_TCP);
	return echo_note(flows, &read);
}

static void check_said(struct echo_said said, uint32_t heard_bytes, uint32_t echoed_bytes, bool is_first)
{
	ck_assert_uint_eq(said.heard_bytes, heard_bytes);
	ck_assert_uint_eq(said.echoed_bytes, echoed_bytes);
	ck_assert_int_eq(said.is_first, is_first);
}

/* Numbers pass 2^32 and the counter passes 7.  Broken by: no "& 7u". */
static void check_counter(struct echo_flows *flows, bool is_v6, uint32_t ack)
{
	check_said(tell(flows, is_v6, 8, ack + 2000, 0x10, 5), 2000, 0, false);		/* it begins, with five */
	check_said(tell(flows, is_v6, 8, ack + 4000, 0x10, 6), 2000, 1000, true);
	check_said(tell(flows, is_v6, 8, ack + 7000, 0x10, 0), 3000, 2000, false);
	check_said(tell(flows, is_v6, 8, ack + 4000, 0x10, 6), 0, 0, false);		/* overtaken */
	check_said(tell(flows, is_v6, 8, ack + 9000, 0x10, 0), 2000, 0, false);
	check_said(tell(flows, is_v6, 8, ack + 9000, 0x10, 1), 0, 0, false);		/* of nothing new: waits */
	check_said(tell(flows, is_v6, 8, ack + 12000, 0x10, 2), 3000, 2000, true);
	check_said(tell(flows, is_v6, 8, ack + 12500, 0x10, 5), 500, 500, false);	/* no more than there were */
	check_said(tell(flows, is_v6, 8, ack + 14500, 0x10, 5), 2000, 0, false);	/* ECE in it, and no mark */
}

/* All eight answers of a server, or of a client to the server's: those of RFC 9768 count, others are ECE as ever. */
START_TEST(accecn_is_read_where_the_handshake_agreed_on_it)
{
	bool is_v6 = _i & 1, is_client = _i & 2;

	for (unsigned int ace = 0; ace < 8; ace++) {
		struct echo_flows *flows = echo_create();
		uint32_t ack = 0xfffff000;
		if (is_client) {
			check_said(tell(flows, is_v6, 7, ack, 0x12, ace), 0, 0, false);
		} else {
			check_said(tell(flows, is_v6, 7, 0, 0x02, 7), 0, 0, false);
			check_said(tell(flows, is_v6, 8, ack, 0x10, ace), 0, 0, ace == 1 || ace == 5 || ace == 7);
		}
		if (ace == 2 || ace == 4 || ace == 6 || (ace == 3 && !is_client)) {
			check_counter(flows, is_v6, ack);
		} else {
			tell(flows, is_v6, 8, ack + 1000, 0x10, 0);
			check_said(tell(flows, is_v6, 8, ack + 3000, 0x10, 1), 2000, 2000, true);
			check_said(tell(flows, is_v6, 8, ack + 5000, 0x10, 1), 2000, 2000, false);
		}
		echo_destroy(flows);
	}
}
END_TEST

/* No SYN was seen, it asked for no AccECN, its answer was lost, or another connection of the same ports came.  Broken by: no
 * ack->seq in is_agreed(), or no else in note_syn(). */
START_TEST(accecn_is_never_guessed)
{
	for (int way = 0; way < 5; way++) {
		struct echo_flows *flows = echo_create();
		if (way >= 3)
			tell(flows, false, 7, 1000, 0x12, 4);		/* it was one of AccECN */
		if (way == 1)
			tell(flows, false, 7, 0, 0x02, 3);
		else if (way == 2)
			tell(flows, false, 7, 0, 0x02, 7);
		else if (way >= 3)
			tell(flows, false, 0x90000007, 5000, way == 3 ? 0x02 : 0x12, way == 3 ? 3 : 1);
		tell(flows, false, way == 2 ? 9 : 8, 1000, 0x10, 2);
		check_said(tell(flows, false, 9, 3000, 0x10, 0), 2000, 0, false);
		check_said(tell(flows, false, 9, 5000, 0x10, 1), 2000, 2000, true);
		check_said(tell(flows, false, 9, 7000, 0x10, 3), 2000, 2000, false);
		echo_destroy(flows);
	}
}
END_TEST

/* Half of all packets are marked, and that is alpha: with ECE of every such acknowledgement it would be 1. */
START_TEST(alpha_is_what_accecn_counts)
{
	struct echo_flows *flows = echo_create();
	struct remote *r = remote_create(&(struct remote_params){.n_vfs = 1});
	struct remote_sample sample = {0};
	struct remote_view view;

	remote_set(r, 0, &(struct remote_terms){.is_on = true, .weight = 1, .max_bps = 400000000000});
	remote_step(r, &sample, 1);
	tell(flows, false, 7, 0, 0x12, 2);
	for (uint32_t i = 1; i <= 400; i++) {
		struct echo_said said = tell(flows, false, 8, i * 2000, 0x10, (5 + i) & 7);
		sample.sent_bytes += 2000;
		sample.heard_bytes += said.heard_bytes;
		sample.echoed_bytes += said.echoed_bytes;
		if (i % 20 == 0)
			remote_step(r, &sample, 1 + i * 2500);
	}
	remote_look(r, 0, &view);
	ck_assert_double_eq_tol(view.alpha / 65536.0, 0.5, 0.001);
	ck_assert_uint_ne(view.grant_bps, 0);
	remote_destroy(r);
	echo_destroy(flows);
}
END_TEST

/* A SYN is read as far as it is there, whatever its options claim. */
START_TEST(a_syn_may_be_cut_anywhere)
{
	static const uint8_t options[][8] = {{1, 1, 2, 4, 3, 232, 0, 0}, {2, 4, 3, 232}, {3, 3, 7, 2, 4, 3, 232}, {2, 3, 9, 9}, {8, 0, 2, 4},
		{0, 2, 4, 9, 9}, {8, 255, 2, 4}};
	static const size_t enough[] = {26, 24, 27, 99, 99, 99, 99};	/* bytes of TCP, for its MSS to be seen */
	struct echo_ack read;

	for (size_t i = 0; i < sizeof(enough) / sizeof(enough[0]); i++)
		for (size_t n = 0; n <= 28; n++) {
			uint8_t *ip = calloc(1, 20 + n + 1), whole[48] = {0x45};
			whole[9] = 6;
			whole[32] = 0x71;
			whole[33] = 0xc2;
			memcpy(whole + 40, options[i], 8);
			memcpy(ip, whole, 20 + n);
			ck_assert_int_eq(echo_read(ip, 20 + n, &read), n >= 20 ? ECHO_TCP : ECHO_NONE);
			if (n >= 20)
				ck_assert_uint_eq(read.mss, n >= enough[i] ? 1000 : 536);
			free(ip);
		}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("echo");
	TCase *tc = tcase_create("echo");

	tcase_add_test(tc, acknowledged_bytes_are_counted_once_and_by_flow);
	tcase_add_test(tc, what_is_no_acknowledgement_tells_nothing);
	tcase_add_test(tc, a_cnp_is_told_from_other_packets);
	tcase_add_loop_test(tc, accecn_is_read_where_the_handshake_agreed_on_it, 0, 4);
	tcase_add_test(tc, accecn_is_never_guessed);
	tcase_add_test(tc, alpha_is_what_accecn_counts);
	tcase_add_test(tc, a_syn_may_be_cut_anywhere);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
