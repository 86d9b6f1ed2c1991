/* SPDX-License-Identifier: BSD-3-Clause */
#include "echo.h"

#include <stdlib.h>
#include <string.h>

#define N_FLOWS	   8192u	/* 64 KiB */
#define MOST_BYTES (UINT32_C(1) << 30)	/* RFC 7323: no window is larger; more is an old one */

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { ROCE_PORT = 4791, BTH_AT = 8, BTH_BYTES = 12, BTH_CNP = 0x81 };
enum { TCP_SYN = 0x02, TCP_RST = 0x04, TCP_ACK = 0x10, TCP_ECE = 0x40 };

struct echo_flow {
	uint32_t tag;		/* of the hash; the lowest bit: its last acknowledgement had ECE */
	uint32_t ack;
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

static enum echo_kind read_tcp(const uint8_t *tcp, size_t n, const uint8_t *addresses, size_t n_addresses, struct echo_ack *ack)
{
	if (n < 20 || (tcp[13] & (TCP_ACK | TCP_SYN | TCP_RST)) != TCP_ACK)
		return ECHO_NONE;
	ack->flow = hash_of(addresses, n_addresses, tcp);
	ack->ack = be32_at(tcp + 8);
	ack->is_ece = (tcp[13] & TCP_ECE) != 0;
	return ECHO_ACK;
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

uint32_t echo_note(struct echo_flows *flows, const struct echo_ack *ack, bool *is_first)
{
	struct echo_flow *f = flow_of(flows, ack);
	uint32_t tag = (uint32_t)(ack->flow >> 32) & ~1u, bytes = ack->ack - f->ack;
	bool is_known = (f->tag & ~1u) == tag, had_ece = is_known && (f->tag & 1);

	*is_first = ack->is_ece && !had_ece;
	if (is_known && bytes > MOST_BYTES) {	/* an older one that was overtaken */
		*is_first = false;
		return 0;
	}
	f->tag = tag | ack->is_ece;
	f->ack = ack->ack;
	return is_known ? bytes : 0;
}
