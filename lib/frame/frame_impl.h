/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside lib/frame: where IP and TCP stand, and sums. */
#ifndef WEIR_FRAME_IMPL_H
#define WEIR_FRAME_IMPL_H

#include "frame.h"

enum {
	IPV4_BYTES = 20,     /* without options */
	IPV6_BYTES = 40,
	IPV6_ROUTING = 43,
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

static inline void put_be16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline uint16_t fold(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* false: no IP, or its fixed header is not whole in data[0 .. n_bytes). */
bool frame_find_ip(struct ip *ip, const uint8_t *data, uint32_t n_bytes);

/* The protocol behind IP's headers and where it stands, from 'header', IP's, on; -1 where none can be told, as in a
 * fragment.  Reads header[0 .. ip->bytes) and no further than IP's fixed header and extensions. */
int frame_find_l4(const struct ip *ip, const uint8_t *header, uint32_t *at);

/* RFC 1071: 16-bit words in network order, the last byte padded with zero; folded to 16 bits. */
uint32_t frame_sum(const uint8_t *data, uint32_t n_bytes);

/* The addresses' part of the pseudo-header. */
uint32_t frame_address_sum(const struct ip *ip, const uint8_t *header);

#endif
