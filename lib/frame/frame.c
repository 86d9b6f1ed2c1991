/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

#include <stddef.h>

enum {
	ETHER_BYTES = 14,
	TAG_BYTES = 4,
	MAX_TAGS = 2,
	ETHER_IPV4 = 0x0800,
	ETHER_IPV6 = 0x86dd,
	ETHER_VLAN = 0x8100, /* 802.1Q */
	ETHER_QINQ = 0x88a8, /* 802.1ad */
	IPV4_BYTES = 20,     /* without options */
	IPV6_BYTES = 40,
	IPV6_HOP_BY_HOP = 0, /* RFC 8200 section 4: the headers that may stand before TCP or UDP */
	IPV6_ROUTING = 43,
	IPV6_DESTINATION = 60,
	MAX_EXTENSIONS = 8,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	TCP_BYTES = 20,
	UDP_BYTES = 8,
	TCP_CHECKSUM_AT = 16,
	UDP_CHECKSUM_AT = 6,
};

/* Where IP stands in a frame, and what it says. */
struct ip {
	uint32_t at;
	uint32_t header_bytes;
	uint32_t bytes;		/* header and payload, as the header claims */
	bool is_v6;
};

static inline uint16_t be16_at(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static bool read_v4(struct ip *ip, const uint8_t *header, uint32_t n_bytes)
{
	if (n_bytes < IPV4_BYTES || header[0] < 0x45 || header[0] > 0x4f)
		return false;
	ip->is_v6 = false;
	ip->header_bytes = (header[0] & 0xfu) * 4;
	ip->bytes = be16_at(header + 2);
	return true;
}

static bool read_v6(struct ip *ip, const uint8_t *header, uint32_t n_bytes)
{
	if (n_bytes < IPV6_BYTES || header[0] >> 4 != 6)
		return false;
	ip->is_v6 = true;
	ip->header_bytes = IPV6_BYTES;
	ip->bytes = IPV6_BYTES + be16_at(header + 4);
	return true;
}

static bool find_ip(struct ip *ip, const uint8_t *data, uint32_t n_bytes)
{
	uint16_t type;

	if (n_bytes < ETHER_BYTES)
		return false;
	ip->at = ETHER_BYTES;
	type = be16_at(data + 12);
	for (int tags = 0; tags < MAX_TAGS && (type == ETHER_VLAN || type == ETHER_QINQ); tags++) {
		if (ip->at + TAG_BYTES > n_bytes)
			return false;
		type = be16_at(data + ip->at + 2);
		ip->at += TAG_BYTES;
	}
	if (type == ETHER_IPV4)
		return read_v4(ip, data + ip->at, n_bytes - ip->at);
	return type == ETHER_IPV6 && read_v6(ip, data + ip->at, n_bytes - ip->at);
}

bool frame_is_cut(const uint8_t *data, uint32_t data_bytes, uint32_t bytes)
{
	struct ip ip;

	return find_ip(&ip, data, data_bytes) && ip.at + ip.bytes > bytes;
}

/* RFC 1071: 16-bit words in network order, the last byte padded with zero. */
static uint32_t sum_of(const uint8_t *data, uint32_t n_bytes)
{
	uint64_t sum = 0;

	for (; n_bytes >= 2; data += 2, n_bytes -= 2)
		sum += be16_at(data);
	if (n_bytes > 0)
		sum += (uint32_t)data[0] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* The protocol behind IP's headers and where it stands; -1 where none can be told, as in a fragment. */
static int find_l4(const struct ip *ip, const uint8_t *header, uint32_t *at)
{
	uint8_t protocol = ip->is_v6 ? header[6] : header[9];

	*at = ip->header_bytes;
	if (!ip->is_v6)
		return (be16_at(header + 6) & 0x3fff) == 0 ? protocol : -1;	/* more fragments, or an offset */
	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		if (protocol != IPV6_HOP_BY_HOP && protocol != IPV6_ROUTING && protocol != IPV6_DESTINATION)
			return protocol;
		if (*at + 8 > ip->bytes)
			return -1;
		protocol = header[*at];
		*at += (header[*at + 1] + 1u) * 8;
	}
	return -1;
}

static uint16_t pseudo_sum(const struct ip *ip, const uint8_t *header, int protocol, uint32_t l4_bytes)
{
	uint32_t addresses = ip->is_v6 ? sum_of(header + 8, 32) : sum_of(header + 12, 8);

	return fold(addresses + (uint32_t)protocol + (l4_bytes >> 16) + (l4_bytes & 0xffff));
}

bool frame_finish_checksum(uint8_t *data, uint32_t bytes)
{
	uint32_t at, l4_bytes;
	uint8_t *header, *field;
	uint16_t checksum;
	struct ip ip;
	int protocol;

	if (!find_ip(&ip, data, bytes) || ip.at + ip.bytes > bytes || ip.bytes < ip.header_bytes)
		return false;
	header = data + ip.at;
	protocol = find_l4(&ip, header, &at);
	if ((protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP) ||
		at + (protocol == PROTOCOL_TCP ? TCP_BYTES : UDP_BYTES) > ip.bytes)
		return false;
	l4_bytes = ip.bytes - at;
	field = header + at + (protocol == PROTOCOL_TCP ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT);
	if (be16_at(field) != pseudo_sum(&ip, header, protocol, l4_bytes))
		return false;
	checksum = (uint16_t)~sum_of(header + at, l4_bytes);	/* the pseudo-header is in the field already */
	if (protocol == PROTOCOL_UDP && checksum == 0)
		checksum = 0xffff;	/* RFC 768: 0 says that there is none */
	field[0] = (uint8_t)(checksum >> 8);
	field[1] = (uint8_t)checksum;
	return true;
}
