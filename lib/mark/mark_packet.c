/* SPDX-License-Identifier: BSD-3-Clause */
/* Which rule a packet meets.  The data path: bounded by MARK_MAX_PER_VF rules and MAX_EXTENSIONS headers. */
#include <stddef.h>

#include "mark_impl.h"

enum {
	ETHER_BYTES = 14,
	TAG_BYTES = 4,
	ETHER_IPV4 = 0x0800,
	IPV4_OFFSET = 0x1fff,	/* of a fragment */
	IPV6_BYTES = 40,
	IPV6_OFFSET = 0xfff8,
	PORTS_BYTES = 4,
	/* RFC 8200 section 4, RFC 4302, RFC 6275: what may stand before the last header. */
	IPV6_HOP_BY_HOP = 0,
	IPV6_ROUTING = 43,
	IPV6_FRAGMENT = 44,
	IPV6_AUTHENTICATION = 51,
	IPV6_DESTINATION = 60,
	IPV6_MOBILITY = 135,
	EXTENSION_BYTES = 8,	/* the shortest */
	MAX_EXTENSIONS = 8,
	TCP = 6,
	UDP = 17,
	DCCP = 33,
	SCTP = 132,
	UDP_LITE = 136,
};

struct key {
	uint64_t src[2], dst[2];
	int protocol;		/* -1: its header is not there, or behind too many others */
	bool is_v4, has_ports;
	uint16_t src_port, dst_port;
};

static inline uint16_t be16_at(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint64_t be32_at(const uint8_t *at)
{
	return (uint64_t)be16_at(at) << 16 | be16_at(at + 2);
}

static inline uint64_t be64_at(const uint8_t *at)
{
	return be32_at(at) << 32 | be32_at(at + 4);
}

static bool protocol_has_ports(int protocol)
{
	return protocol == TCP || protocol == UDP || protocol == SCTP || protocol == DCCP || protocol == UDP_LITE;
}

/* At 'at', where both the frame and what IP claims (padding is no port) have them. */
static void read_ports(struct key *key, const uint8_t *ip, size_t at, size_t n_bytes, size_t ip_bytes)
{
	if (!protocol_has_ports(key->protocol) || at + PORTS_BYTES > n_bytes || at + PORTS_BYTES > ip_bytes)
		return;
	key->has_ports = true;
	key->src_port = be16_at(ip + at);
	key->dst_port = be16_at(ip + at + 2);
}

static void read_v4(struct key *key, const uint8_t *ip, size_t n_bytes)
{
	key->is_v4 = true;
	key->protocol = ip[9];
	key->src[0] = be32_at(ip + 12) << 32;
	key->dst[0] = be32_at(ip + 16) << 32;
	key->src[1] = key->dst[1] = 0;
	if ((be16_at(ip + 6) & IPV4_OFFSET) == 0)
		read_ports(key, ip, (ip[0] & 0xfu) * 4, n_bytes, be16_at(ip + 2));
}

static bool is_extension(int protocol)
{
	return protocol == IPV6_HOP_BY_HOP || protocol == IPV6_ROUTING || protocol == IPV6_FRAGMENT ||
	       protocol == IPV6_AUTHENTICATION || protocol == IPV6_DESTINATION || protocol == IPV6_MOBILITY;
}

static size_t extension_bytes(int protocol, const uint8_t *at)
{
	if (protocol == IPV6_FRAGMENT)
		return EXTENSION_BYTES;
	return protocol == IPV6_AUTHENTICATION ? (at[1] + 2u) * 4 : (at[1] + 1u) * 8;
}

static void read_v6(struct key *key, const uint8_t *ip, size_t n_bytes)
{
	size_t at = IPV6_BYTES;

	for (int i = 0; i < 2; i++) {
		key->src[i] = be64_at(ip + 8 + 8 * i);
		key->dst[i] = be64_at(ip + 24 + 8 * i);
	}
	key->protocol = ip[6];
	for (int i = 0; is_extension(key->protocol); i++) {
		int extension = key->protocol;
		if (i == MAX_EXTENSIONS || at + EXTENSION_BYTES > n_bytes) {
			key->protocol = -1;
			return;
		}
		key->protocol = ip[at];
		if (extension == IPV6_FRAGMENT && (be16_at(ip + at + 2) & IPV6_OFFSET) != 0)
			return;	/* the middle of a packet follows, no header */
		at += extension_bytes(extension, ip + at);
	}
	read_ports(key, ip, at, n_bytes, IPV6_BYTES + (size_t)be16_at(ip + 4));
}

static inline bool is_in(const uint64_t address[2], const uint64_t prefix[2], const uint64_t mask[2])
{
	return (((address[0] & mask[0]) ^ prefix[0]) | ((address[1] & mask[1]) ^ prefix[1])) == 0;
}

static inline bool does_match(const struct mark_match *m, const struct key *key)
{
	return is_in(key->src, m->src, m->src_mask) && is_in(key->dst, m->dst, m->dst_mask) &&
	       key->src_port >= m->src_port[0] && key->src_port <= m->src_port[1] && key->dst_port >= m->dst_port[0] &&
	       key->dst_port <= m->dst_port[1];
}

int mark_packet(const struct mark_table *t, const struct pkt *k, int dscp)
{
	size_t ip_at = ETHER_BYTES + (size_t)TAG_BYTES * k->n_tags;
	struct key key = {0};
	uint64_t left;

	if (dscp < 0)
		return dscp;
	if (k->ether_type == ETHER_IPV4)
		read_v4(&key, k->data + ip_at, k->data_bytes - ip_at);
	else
		read_v6(&key, k->data + ip_at, k->data_bytes - ip_at);
	left = t->by_dscp[dscp] & (key.is_v4 ? t->v4 : t->v6);
	left &= key.protocol < 0 ? t->any_protocol : t->by_protocol[key.protocol];
	if (!key.has_ports)
		left &= ~t->has_ports;
	for (; left != 0; left &= left - 1) {
		const struct mark_match *m = &t->match[__builtin_ctzll(left)];
		if (!does_match(m, &key))
			continue;
		counter_add(&m->hits->pkts, 1);
		counter_add(&m->hits->bytes, k->bytes);
		return m->set_dscp == MARK_TRUST ? dscp : m->set_dscp;
	}
	return dscp;
}
