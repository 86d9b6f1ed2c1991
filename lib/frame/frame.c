/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>
#include <string.h>

#include "frame_impl.h"

enum {
	ETHER_BYTES = 14,
	TAG_BYTES = 4,
	MAX_TAGS = 2,
	ETHER_IPV4 = 0x0800,
	ETHER_IPV6 = 0x86dd,
	ETHER_VLAN = 0x8100, /* 802.1Q */
	ETHER_QINQ = 0x88a8, /* 802.1ad */
	IPV6_HOP_BY_HOP = 0, /* RFC 8200 section 4: the headers that may stand before TCP or UDP */
	IPV6_DESTINATION = 60,
	MAX_EXTENSIONS = 8,
};

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

bool frame_find_ip(struct ip *ip, const uint8_t *data, uint32_t n_bytes)
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

	return frame_find_ip(&ip, data, data_bytes) && ip.at + ip.bytes > bytes;
}

/* Native words, eight bytes at once: the sum of words in the other order is the sum in the other order (RFC 1071). */
uint32_t frame_sum(const uint8_t *data, uint32_t n_bytes)
{
	uint64_t sum = 0;
	uint8_t native[2];
	uint16_t word;

	for (; n_bytes >= 8; data += 8, n_bytes -= 8) {
		uint32_t words[2];

		memcpy(words, data, sizeof(words));
		sum += (uint64_t)words[0] + words[1];
	}
	for (; n_bytes >= 2; data += 2, n_bytes -= 2) {
		memcpy(&word, data, sizeof(word));
		sum += word;
	}
	if (n_bytes > 0) {
		word = 0;
		memcpy(&word, data, 1);
		sum += word;
	}
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	word = (uint16_t)sum;
	memcpy(native, &word, sizeof(word));
	return be16_at(native);
}

int frame_find_l4(const struct ip *ip, const uint8_t *header, uint32_t *at)
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

uint32_t frame_address_sum(const struct ip *ip, const uint8_t *header)
{
	return ip->is_v6 ? frame_sum(header + 8, 32) : frame_sum(header + 12, 8);
}

static uint16_t pseudo_sum(const struct ip *ip, const uint8_t *header, int protocol, uint32_t l4_bytes)
{
	return fold(frame_address_sum(ip, header) + (uint32_t)protocol + (l4_bytes >> 16) + (l4_bytes & 0xffff));
}

static bool finish(uint8_t *data, uint32_t bytes, bool is_told)
{
	uint32_t at, l4_bytes;
	uint8_t *header, *field;
	uint16_t checksum;
	struct ip ip;
	int protocol;

	if (!frame_find_ip(&ip, data, bytes) || ip.at + ip.bytes > bytes || ip.bytes < ip.header_bytes)
		return false;
	header = data + ip.at;
	protocol = frame_find_l4(&ip, header, &at);
	if ((protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP) ||
		at + (protocol == PROTOCOL_TCP ? TCP_BYTES : UDP_BYTES) > ip.bytes)
		return false;
	l4_bytes = ip.bytes - at;
	field = header + at + (protocol == PROTOCOL_TCP ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT);
	if (!is_told && be16_at(field) != pseudo_sum(&ip, header, protocol, l4_bytes))
		return false;
	checksum = (uint16_t)~frame_sum(header + at, l4_bytes);	/* the pseudo-header is in the field already */
	if (protocol == PROTOCOL_UDP && checksum == 0)
		checksum = 0xffff;	/* RFC 768: 0 says that there is none */
	put_be16(field, checksum);
	return true;
}

bool frame_finish_checksum(uint8_t *data, uint32_t bytes)
{
	return finish(data, bytes, false);
}

bool frame_finish_told_checksum(uint8_t *data, uint32_t bytes)
{
	return finish(data, bytes, true);
}
