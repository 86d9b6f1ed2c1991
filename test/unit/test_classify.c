/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <string.h>

#include "classify.h"

#define MAX_FRAME 128

#define UNICAST   "020000000001020000000002"
#define BROADCAST "ffffffffffff020000000002"
#define Q(tci)    "8100" tci
#define AD(tci)   "88a8" tci
#define IPV4(tos) "080045" tos "001400000000401100000a0000010a000002"
#define IPV6(first_4_bytes, next)                                                                            \
	"86dd" first_4_bytes "0008" next "ff"                                                                \
	"fe800000000000000000000000000001"                                                                   \
	"fe800000000000000000000000000002"
#define ARP "08060001080006040001"

static const struct frame {
	const char *name, *hex;
	int dscp;
	uint16_t ether_type, outer_tci;
	uint8_t n_tags;
	bool is_neighbour;
} frames[] = {
	{"IPv4 best effort", UNICAST IPV4("00"), 0, 0x0800, 0, 0, false},
	{"IPv4 EF with ECT(0)", UNICAST IPV4("ba"), 46, 0x0800, 0, 0, false},
	{"IPv4 with all TOS bits", UNICAST IPV4("ff"), 63, 0x0800, 0, 0, false},
	{"IPv4 to all", BROADCAST IPV4("b8"), 46, 0x0800, 0, 0, false},
	{"IPv4 behind a tag", UNICAST Q("a00a") IPV4("28"), 10, 0x0800, 0xa00a, 1, false},
	{"IPv4 behind a service tag", UNICAST AD("0064") IPV4("28"), 10, 0x0800, 100, 1, false},
	{"IPv4 behind two tags", UNICAST AD("0064") Q("0005") IPV4("28"), 10, 0x0800, 100, 2, false},
	{"IPv4 behind three tags is not looked for", UNICAST Q("0001") Q("0002") Q("0003") IPV4("28"), -1,
		0x8100, 1, 2, false},
	{"0x9100 is no tag", UNICAST "91000001" IPV4("28"), -1, 0x9100, 0, 0, false},
	{"EtherType IPv4, version 6", UNICAST "080065b8001400000000401100000a0000010a000002", -1, 0x0800, 0,
		0, false},
	{"IPv4 with a header of 4 words", UNICAST "080044b8001400000000401100000a0000010a000002", -1, 0x0800,
		0, 0, false},
	{"IPv4 with a header of 15 words", UNICAST "08004fb8001400000000401100000a0000010a000002", 46, 0x0800,
		0, 0, false},
	{"IPv6 best effort", UNICAST IPV6("60000000", "11") "0000", 0, 0x86dd, 0, 0, false},
	{"IPv6 EF with a flow label", UNICAST IPV6("6b8fffff", "11") "0000", 46, 0x86dd, 0, 0, false},
	{"IPv6 CS6", UNICAST IPV6("6c000000", "06") "0000", 48, 0x86dd, 0, 0, false},
	{"IPv6 AF11 behind two tags", UNICAST Q("0001") Q("0002") IPV6("62800000", "11") "0000", 10, 0x86dd,
		1, 2, false},
	{"EtherType IPv6, version 4", UNICAST IPV6("4b800000", "3a") "8700", -1, 0x86dd, 0, 0, false},
	{"ARP", BROADCAST ARP, -1, 0x0806, 0, 0, true},
	{"ARP behind a tag", BROADCAST Q("0007") ARP, -1, 0x0806, 7, 1, true},
	{"ICMPv6 132", UNICAST IPV6("60000000", "3a") "84", 0, 0x86dd, 0, 0, false},
	{"router solicitation", UNICAST IPV6("60000000", "3a") "85", 0, 0x86dd, 0, 0, true},
	{"neighbour solicitation", UNICAST IPV6("60000000", "3a") "87", 0, 0x86dd, 0, 0, true},
	{"redirect", UNICAST IPV6("60000000", "3a") "89", 0, 0x86dd, 0, 0, true},
	{"ICMPv6 138", UNICAST IPV6("60000000", "3a") "8a", 0, 0x86dd, 0, 0, false},
	{"UDP that starts like neighbour discovery", UNICAST IPV6("60000000", "11") "87", 0, 0x86dd, 0, 0,
		false},
	{"LLDP", "0180c200000e02000000000288cc0207", -1, 0x88cc, 0, 0, false},
	{"nothing behind the header", UNICAST "0800", -1, 0x0800, 0, 0, false},
	{"a tag of which nothing is there", UNICAST "8100", -1, 0x8100, 0, 0, false},
	{"a tag without the EtherType",
		UNICAST "8100"
			"0064",
		-1, 0x8100, 0, 0, false},
	{"a second tag cut short",
		UNICAST Q("0064") "8100"
				  "00",
		-1, 0x8100, 100, 1, false},
};
#define N_FRAMES (int)(sizeof(frames) / sizeof(frames[0]))

static uint16_t from_hex(const char *hex, uint8_t *bytes)
{
	uint16_t n = 0;

	for (; hex[2 * n]; n++) {
		char digits[3] = {hex[2 * n], hex[2 * n + 1], 0};

		ck_assert_uint_lt(n, MAX_FRAME);
		bytes[n] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return n;
}

/* Classifies the first n bytes, in memory of exactly that size; what is to be set is wrong before. */
static int classify_copy(struct pkt *p, const uint8_t *bytes, uint16_t n)
{
	uint8_t *data = malloc(n);

	ck_assert_ptr_nonnull(data);
	memcpy(data, bytes, n);
	*p = (struct pkt){.data = data,
		.bytes = n,
		.data_bytes = n,
		.ether_type = 0xdead,
		.outer_tci = 0xdead,
		.n_tags = 9,
		.is_neighbour = true,
		.ecn = 9};
	int dscp = classify_headers(p);

	free(data);
	p->data = NULL;
	return dscp;
}

START_TEST(each_frame_of_the_table_is_read_as_it_says)
{
	const struct frame *f = &frames[_i];
	uint8_t bytes[MAX_FRAME];
	struct pkt p;
	int dscp = classify_copy(&p, bytes, from_hex(f->hex, bytes));

	ck_assert_msg(dscp == f->dscp, "%s: DSCP %d, wanted %d", f->name, dscp, f->dscp);
	ck_assert_msg(p.ether_type == f->ether_type, "%s: type %x", f->name, p.ether_type);
	ck_assert_msg(p.outer_tci == f->outer_tci, "%s: TCI %x", f->name, p.outer_tci);
	ck_assert_msg(p.n_tags == f->n_tags, "%s: %u tags", f->name, p.n_tags);
	ck_assert_msg(p.is_neighbour == f->is_neighbour, "%s: neighbour", f->name);
}
END_TEST

START_TEST(a_frame_cut_anywhere_is_read_right_or_is_non_ip)
{
	const struct frame *f = &frames[_i];
	uint8_t bytes[MAX_FRAME];
	uint16_t n = from_hex(f->hex, bytes);

	for (uint16_t cut = PKT_MIN_BYTES; cut <= n; cut++) {
		struct pkt p;
		int dscp = classify_copy(&p, bytes, cut);
		uint16_t ip_at = (uint16_t)(PKT_MIN_BYTES + 4 * f->n_tags);
		uint16_t need = (uint16_t)(ip_at + (f->ether_type == 0x0800 ? 20 : 40));

		ck_assert_int_eq(dscp, cut >= need ? f->dscp : -1);
		ck_assert_uint_eq(p.n_tags, cut >= ip_at ? f->n_tags : (cut - PKT_MIN_BYTES) / 4);
		ck_assert_uint_eq(p.outer_tci, p.n_tags > 0 ? f->outer_tci : 0);
		if (cut >= ip_at)
			ck_assert_uint_eq(p.ether_type, f->ether_type);
		if (f->ether_type == 0x86dd)
			ck_assert(p.is_neighbour == (f->is_neighbour && cut > need));
	}
}
END_TEST

/* Fails if either version's ECN bits are taken elsewhere. */
START_TEST(every_dscp_and_ecn_of_ipv4_and_ipv6_is_found_behind_any_tags)
{
	uint8_t v4[MAX_FRAME], v6[MAX_FRAME];
	static const char *const v4_hex[] = {
		UNICAST IPV4("00"), UNICAST Q("0001") IPV4("00"), UNICAST AD("0001") Q("0002") IPV4("00")};
	static const char *const v6_hex[] = {UNICAST IPV6("600fffff", "11"), UNICAST Q("0001") IPV6("600fffff", "11"),
		UNICAST AD("0001") Q("0002") IPV6("600fffff", "11")};
	uint16_t n_v4 = from_hex(v4_hex[_i], v4), n_v6 = from_hex(v6_hex[_i], v6), at = (uint16_t)(14 + 4 * _i);

	for (int tos = 0; tos < 256; tos++) {
		struct pkt p;

		v4[at + 1] = (uint8_t)tos;
		v6[at] = (uint8_t)(0x60 | tos >> 4);
		v6[at + 1] = (uint8_t)(tos << 4 | 0xf);
		ck_assert_int_eq(classify_copy(&p, v4, n_v4), tos >> 2);
		ck_assert_uint_eq(p.ecn, tos & 3);
		ck_assert_int_eq(classify_copy(&p, v6, n_v6), tos >> 2);
		ck_assert_uint_eq(p.ecn, tos & 3);
	}
}
END_TEST

START_TEST(random_bytes_are_read_within_bounds)
{
	static const uint16_t types[] = {0x8100, 0x88a8, 0x0800, 0x86dd, 0x0806};
	uint64_t rng = (uint64_t)_i;
	uint8_t bytes[MAX_FRAME];

	for (int round = 0; round < 2000; round++) {
		uint16_t n = (uint16_t)(PKT_MIN_BYTES + unit_random(&rng) % (MAX_FRAME - PKT_MIN_BYTES));

		for (int i = 0; i < MAX_FRAME; i++)
			bytes[i] = (uint8_t)unit_random(&rng);
		for (int at = 12; at <= 20; at += 4) {
			uint16_t type = types[unit_random(&rng) % 5];

			bytes[at] = (uint8_t)(type >> 8);
			bytes[at + 1] = (uint8_t)type;
		}
		struct pkt p;
		int dscp = classify_copy(&p, bytes, n);

		bool is_ip = p.ether_type == 0x0800 || p.ether_type == 0x86dd;

		ck_assert_msg(dscp >= -1 && dscp <= (is_ip ? 63 : -1) && p.ecn <= (dscp < 0 ? 0 : 3) &&
				      PKT_MIN_BYTES + 4 * p.n_tags <= n && p.n_tags <= 2,
			"DSCP %d, type %x, %u tags in %u bytes", dscp, p.ether_type, p.n_tags, n);
	}
}
END_TEST

START_TEST(the_senders_map_gives_class_and_drop_precedence)
{
	uint8_t tclass[64], drop_prec[64];
	struct class_map map;

	for (int i = 0; i < 64; i++) {
		tclass[i] = (uint8_t)(i % N_TCLASSES);
		drop_prec[i] = (uint8_t)(i / 4 % N_DROP_PRECS);
	}
	class_map_init(&map, tclass, drop_prec);
	for (int i = 0; i < 64; i++) {
		struct pkt p = {.tclass = 9, .drop_prec = 9};

		classify_by_map(&p, &map, i);
		ck_assert_uint_eq(p.tclass, tclass[i]);
		ck_assert_uint_eq(p.drop_prec, drop_prec[i]);
	}
}
END_TEST

START_TEST(non_ip_is_medium_whatever_the_map)
{
	uint8_t urgent[64] = {0}, high[64];
	struct class_map map;
	struct pkt p = {.tclass = 9, .drop_prec = 9};

	memset(high, DP_HIGH, sizeof(high));
	class_map_init(&map, urgent, high);
	classify_by_map(&p, &map, -1);
	ck_assert_uint_eq(p.tclass, TC_MEDIUM);
	ck_assert_uint_eq(p.drop_prec, DP_LOW);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("classify");
	TCase *tc = tcase_create("classify");

	tcase_add_loop_test(tc, each_frame_of_the_table_is_read_as_it_says, 0, N_FRAMES);
	tcase_add_loop_test(tc, a_frame_cut_anywhere_is_read_right_or_is_non_ip, 0, N_FRAMES);
	tcase_add_loop_test(tc, every_dscp_and_ecn_of_ipv4_and_ipv6_is_found_behind_any_tags, 0, 3);
	tcase_add_loop_test(tc, random_bytes_are_read_within_bounds, 0, 16);
	tcase_add_test(tc, the_senders_map_gives_class_and_drop_precedence);
	tcase_add_test(tc, non_ip_is_medium_whatever_the_map);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
