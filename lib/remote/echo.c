/* SPDX-License-Identifier: BSD-3-Clause */
#include "echo.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define N_FLOWS	   8192u	/* 128 KiB */
#define MOST_BYTES (UINT32_C(1) << 30)	/* RFC 7323: no window is larger; more is an old one */

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { ROCE_PORT = 4791, BTH_AT = 8, BTH_BYTES = 12, BTH_CNP = 0x81 };
enum { TCP_BYTES = 20, TCP_LEAST_MSS = 536, OPTION_END = 0, OPTION_NOP = 1, OPTION_MSS = 2, OPTION_MSS_BYTES = 4 };
enum { ACE_ASKED = 7 };
enum { TCP_SYN = 0x02, TCP_RST = 0x04, TCP_ACK = 0x10, TCP_ECE = 0x40 };

/* How its acknowledgements are meant. */
enum flow_state {
	FLOW_PLAIN,		/* ECE */
	FLOW_ASKED,		/* a SYN asked for AccECN; 'ack' is the client's next sequence number */
	FLOW_AGREED,		/* by ACE, of which none was seen yet */
	FLOW_COUNTS,
};

struct echo_flow {
	alignas(16) uint32_t tag;	/* of the hash */
	uint32_t ack;
	uint16_t mss;		/* from here on AccECN's */
	uint8_t ace, state;
	bool had_ece;		/* its last acknowledgement told of marks */
};

struct echo_flows {
	struct echo_flow flows[N_FLOWS];
};

struct echo_flows *echo_create(void)
{
	return calloc(1, sizeof(struct echo_flows));
}

void echo_destroy(struct echo_flows *flows)
{
	free(flows);
}

static inline uint32_t be32_at(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

static uint64_t hash_of(const uint8_t *addresses, size_t n, const uint8_t *ports)
{
	uint64_t hash = be32_at(ports), word;

	for (size_t i = 0; i < n; i += sizeof(word)) {
		memcpy(&word, addresses + i, sizeof(word));
		hash = mix(hash, word);
	}
	return hash;
}

/* What it takes in a segment, as its SYN says. */
static uint16_t mss_of(const uint8_t *tcp, size_t n)
{
	size_t end = (size_t)(tcp[12] >> 4) * 4;

	end = end < n ? end : n;
	for (size_t at = TCP_BYTES; at + OPTION_MSS_BYTES <= end && tcp[at] != OPTION_END;) {
		if (tcp[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (tcp[at] == OPTION_MSS && tcp[at + 1] == OPTION_MSS_BYTES)
			return (uint16_t)(tcp[at + 2] << 8 | tcp[at + 3]);
		if (tcp[at + 1] < 2)
			break;
		at += tcp[at + 1];
	}
	return TCP_LEAST_MSS;
}

static enum echo_kind read_tcp(const uint8_t *tcp, size_t n, const uint8_t *addresses, size_t n_addresses, struct echo_ack *ack)
{
	if (n < TCP_BYTES || (tcp[13] & TCP_RST) != 0 || (tcp[13] & (TCP_ACK | TCP_SYN)) == 0)
		return ECHO_NONE;
	ack->flow = hash_of(addresses, n_addresses, tcp);
	ack->ack = be32_at(tcp + 8);
	ack->seq = be32_at(tcp + 4);
	ack->is_ack = (tcp[13] & TCP_ACK) != 0;
	ack->is_syn = (tcp[13] & TCP_SYN) != 0;
	ack->is_ece = (tcp[13] & TCP_ECE) != 0;
	ack->ace = (uint8_t)((tcp[12] & 1) << 2 | tcp[13] >> 6);
	ack->mss = ack->is_syn ? mss_of(tcp, n) : 0;
	return ECHO_TCP;
}

static enum echo_kind read_udp(const uint8_t *udp, size_t n)
{
	bool is_cnp = n >= BTH_AT + BTH_BYTES && (udp[2] << 8 | udp[3]) == ROCE_PORT && udp[BTH_AT] == BTH_CNP;

	return is_cnp ? ECHO_CNP : ECHO_NONE;
}

enum echo_kind echo_read(const uint8_t *ip, size_t n, struct echo_ack *ack)
{
	if (n < 40)
		return ECHO_NONE;
	if (ip[0] >> 4 == 6) {
		if (ip[6] == PROTOCOL_UDP)
			return read_udp(ip + 40, n - 40);
		return ip[6] == PROTOCOL_TCP ? read_tcp(ip + 40, n - 40, ip + 8, 32, ack) : ECHO_NONE;
	}
	size_t header = (size_t)(ip[0] & 0xf) * 4;

	/* A later fragment has no ports. */
	if (ip[0] >> 4 != 4 || header < 20 || header > n || (ip[6] & 0x1f) != 0 || ip[7] != 0)
		return ECHO_NONE;
	if (ip[9] == PROTOCOL_UDP)
		return read_udp(ip + header, n - header);
	if (ip[9] != PROTOCOL_TCP)
		return ECHO_NONE;
	return read_tcp(ip + header, n - header, ip + 12, 8, ack);
}

static inline struct echo_flow *flow_of(const struct echo_flows *flows, const struct echo_ack *ack)
{
	return (struct echo_flow *)(uintptr_t)&flows->flows[ack->flow % N_FLOWS];
}

void echo_prefetch(const struct echo_flows *flows, const struct echo_ack *ack)
{
	__builtin_prefetch(flow_of(flows, ack), 1);
}

/* Accepted by a server: that the SYN came Not-ECT, ECT(0) or CE.  One that came ECT(1) has the code of a server that only
 * reflects a classic SYN. */
static inline bool is_accepted(uint32_t ace)
{
	return ace == 2 || ace == 4 || ace == 6;
}

/* Only AccECN takes a place for it; any other SYN ends what was known of another connection of the same ports. */
static void note_syn(struct echo_flow *f, uint32_t tag, const struct echo_ack *ack)
{
	if (ack->is_ack ? is_accepted(ack->ace) : ack->ace == ACE_ASKED)
		*f = (struct echo_flow){.tag = tag, .ack = ack->is_ack ? ack->ack : ack->seq + 1, .mss = ack->mss,
			.state = ack->is_ack ? FLOW_AGREED : FLOW_ASKED};
	else if (f->tag == tag)
		*f = (struct echo_flow){.tag = ~tag};
}

/* The client's first packet says how the SYN/ACK came, by the same codes, where that agreed; else it is as of any other flow. */
static bool is_agreed(const struct echo_flow *f, const struct echo_ack *ack)
{
	return ack->seq == f->ack && (is_accepted(ack->ace) || ack->ace == 3);
}

/* The counter begins with the first that is seen, for its sender may count the handshake. */
static void count_marks(struct echo_flow *f, const struct echo_ack *ack, struct echo_said *said)
{
	uint32_t n = f->state == FLOW_COUNTS ? (ack->ace - f->ace) & 7u : 0, bytes = n * f->mss;

	said->is_counted = true;
	said->echoed_bytes = bytes < said->heard_bytes ? bytes : said->heard_bytes;
	said->is_first = n != 0 && !f->had_ece;
	f->had_ece = n != 0;
	f->ace = ack->ace;
	f->state = FLOW_COUNTS;
}

struct echo_said echo_note(struct echo_flows *flows, const struct echo_ack *ack)
{
	struct echo_flow *f = flow_of(flows, ack);
	uint32_t tag = (uint32_t)(ack->flow >> 32), bytes = ack->ack - f->ack;
	bool is_known = f->tag == tag;
	struct echo_said said = {0};

	if (ack->is_syn) {
		note_syn(f, tag, ack);
		return said;
	}
	if (is_known && f->state == FLOW_ASKED) {
		is_known = is_agreed(f, ack);
		f->state = FLOW_AGREED;
		bytes = 0;
	}
	if (is_known && bytes > MOST_BYTES)	/* an older one that was overtaken */
		return said;
	if (!is_known)
		*f = (struct echo_flow){.tag = tag};
	else
		said.heard_bytes = bytes;
	f->ack = ack->ack;
	if (f->state == FLOW_PLAIN) {
		said.echoed_bytes = ack->is_ece ? said.heard_bytes : 0;
		said.is_first = ack->is_ece && !f->had_ece;
		f->had_ece = ack->is_ece;
	} else if (bytes != 0) {	/* else what it counts is told by the next one that acknowledges, too */
		count_marks(f, ack, &said);
	}
	return said;
}
