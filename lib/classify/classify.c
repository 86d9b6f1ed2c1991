/* SPDX-License-Identifier: BSD-3-Clause */
#include "classify.h"

#include <stddef.h>

enum {
	ETHER_IPV4 = 0x0800,
	ETHER_ARP = 0x0806,
	ETHER_IPV6 = 0x86dd,
	ETHER_QINQ = 0x88a8, /* 802.1ad */
	ETHER_VLAN = 0x8100, /* 802.1Q */
};

#define MAX_TAGS       2
#define TAG_BYTES      4
#define IPV4_MIN_BYTES 20
#define IPV6_BYTES     40
#define NEXT_ICMPV6    58
#define ND_FIRST_TYPE  133 /* router solicitation, RFC 4861 section 4 */
#define ND_LAST_TYPE   137 /* redirect */

void class_map_init(struct class_map *map, const uint8_t tclass[64], const uint8_t drop_prec[64])
{
	for (size_t i = 0; i < 64; i++)
		atomic_store_explicit(&map->by_dscp[i], (uint8_t)((tclass[i] & 0xf) | drop_prec[i] << 4),
			memory_order_relaxed);
}

static inline uint16_t be16_at(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline bool is_tag(uint16_t ether_type)
{
	return ether_type == ETHER_VLAN || ether_type == ETHER_QINQ;
}

/* Steps over the tags that are whole.  Returns where the payload starts. */
static inline size_t skip_tags(struct pkt *p)
{
	const uint8_t *data = p->data;
	uint16_t ether_type = be16_at(data + 12);
	size_t at = PKT_MIN_BYTES;
	uint8_t n_tags = 0;

	p->outer_tci = 0;
	while (is_tag(ether_type) && n_tags < MAX_TAGS && at + TAG_BYTES <= p->data_bytes) {
		if (n_tags++ == 0)
			p->outer_tci = be16_at(data + at);
		ether_type = be16_at(data + at + 2);
		at += TAG_BYTES;
	}
	p->ether_type = ether_type;
	p->n_tags = n_tags;
	return at;
}

static inline int ipv4_dscp(struct pkt *p, const uint8_t *ip, size_t n_bytes)
{
	/* One compare for version 4 and a header of 5 .. 15 words: 0x45 .. 0x4f. */
	if (n_bytes < IPV4_MIN_BYTES || (uint8_t)(ip[0] - 0x45) > 0x4f - 0x45)
		return -1;
	p->ecn = ip[1] & 3;
	return ip[1] >> 2;
}

static inline int ipv6_dscp(struct pkt *p, const uint8_t *ip, size_t n_bytes)
{
	if (n_bytes < IPV6_BYTES || ip[0] >> 4 != 6)
		return -1;
	if (ip[6] == NEXT_ICMPV6 && n_bytes > IPV6_BYTES)
		p->is_neighbour = ip[IPV6_BYTES] >= ND_FIRST_TYPE && ip[IPV6_BYTES] <= ND_LAST_TYPE;
	/* The traffic class straddles the first two bytes; DSCP is its upper six bits, ECN the lower two. */
	p->ecn = ip[1] >> 4 & 3;
	return (ip[0] & 0xf) << 2 | ip[1] >> 6;
}

int classify_any_headers(struct pkt *p)
{
	size_t at = skip_tags(p);
	const uint8_t *payload = p->data + at;
	size_t n_bytes = p->data_bytes - at;

	p->is_neighbour = p->ether_type == ETHER_ARP;
	p->ecn = ECN_NOT_ECT;
	if (p->ether_type == ETHER_IPV4)
		return ipv4_dscp(p, payload, n_bytes);
	if (p->ether_type == ETHER_IPV6)
		return ipv6_dscp(p, payload, n_bytes);
	return -1;
}
