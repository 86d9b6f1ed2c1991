/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame_cut.h"

#include <string.h>

#include "frame_impl.h"

enum {
	IPV4_LENGTH_AT = 2,
	IPV4_ID_AT = 4,
	IPV4_CHECKSUM_AT = 10,
	IPV6_LENGTH_AT = 4,
	TCP_SEQ_AT = 4,
	TCP_LENGTH_AT = 12,
	TCP_FLAGS_AT = 13,
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_CWR = 0x80,
};

static uint32_t be32_at(const uint8_t *at)
{
	return (uint32_t)be16_at(at) << 16 | be16_at(at + 2);
}

static void put_be32(uint8_t *at, uint32_t value)
{
	put_be16(at, value >> 16);
	put_be16(at + 2, value & 0xffff);
}

/* A routing header names another last address than the one that the pseudo-header wants (RFC 8200 section 8.1). */
static bool has_routing_header(const uint8_t *header, uint32_t l4_at)
{
	uint8_t protocol = header[6];

	for (uint32_t at = IPV6_BYTES; at < l4_at; at += (header[at + 1] + 1u) * 8) {
		if (protocol == IPV6_ROUTING)
			return true;
		protocol = header[at];
	}
	return false;
}

/* Where TCP stands behind IP, and that what is claimed is there: IP within the frame, all headers within 'data'. */
static bool find_tcp(struct frame_cut *c, struct ip *ip, const uint8_t *data, uint32_t data_bytes, uint32_t bytes)
{
	const uint8_t *header;
	struct ip seen;
	uint32_t at;

	if (!frame_find_ip(ip, data, data_bytes) || ip->at + ip->bytes > bytes)
		return false;
	header = data + ip->at;
	seen = *ip;
	if (seen.bytes > data_bytes - ip->at)
		seen.bytes = data_bytes - ip->at;
	if (frame_find_l4(&seen, header, &at) != PROTOCOL_TCP || at + TCP_BYTES > seen.bytes)
		return false;
	c->l4_at = ip->at + at;
	return !ip->is_v6 || !has_routing_header(header, at);
}

bool frame_cut_begin(struct frame_cut *c, const uint8_t *data, uint32_t data_bytes, uint32_t bytes, uint32_t seg_bytes,
	uint32_t mtu)
{
	uint32_t tcp_bytes, ip_end;
	struct ip ip;

	if (data_bytes > FRAME_CUT_HEAD_BYTES)
		data_bytes = FRAME_CUT_HEAD_BYTES;
	if (seg_bytes == 0 || !find_tcp(c, &ip, data, data_bytes, bytes))
		return false;
	tcp_bytes = (data[c->l4_at + TCP_LENGTH_AT] >> 4) * 4u;
	c->head_bytes = c->l4_at + tcp_bytes;
	ip_end = ip.at + ip.bytes;
	if (tcp_bytes < TCP_BYTES || c->head_bytes > data_bytes || c->head_bytes > ip_end ||
		(data[c->l4_at + TCP_FLAGS_AT] & (TCP_SYN | TCP_RST)) != 0)
		return false;
	c->left_bytes = ip_end - c->head_bytes;	/* what is behind is Ethernet's padding */
	c->seg_bytes = seg_bytes;
	if (c->left_bytes == 0 || c->head_bytes - ip.at + frame_cut_payload(c) > mtu)
		return false;
	memcpy(c->head, data, c->head_bytes);
	c->ip_at = ip.at;
	c->is_v6 = ip.is_v6;
	c->is_first = true;
	c->address_sum = frame_address_sum(&ip, data + ip.at);
	c->n_left = (c->left_bytes + seg_bytes - 1) / seg_bytes;
	c->seq = be32_at(data + c->l4_at + TCP_SEQ_AT);
	c->id = be16_at(data + ip.at + IPV4_ID_AT);
	return true;
}

/* The lengths count from IP's header on (IPv4), or from behind it (IPv6). */
static void write_ip(const struct frame_cut *c, uint8_t *ip, uint32_t ip_bytes)
{
	if (c->is_v6) {
		put_be16(ip + IPV6_LENGTH_AT, ip_bytes - IPV6_BYTES);
		return;
	}
	put_be16(ip + IPV4_LENGTH_AT, ip_bytes);
	put_be16(ip + IPV4_ID_AT, c->id);
	put_be16(ip + IPV4_CHECKSUM_AT, 0);
	put_be16(ip + IPV4_CHECKSUM_AT, (uint16_t)~frame_sum(ip, c->l4_at - c->ip_at));
}

/* FIN and PSH are the last packet's; CWR answers one echo, so it is the first one's alone. */
static void write_tcp(const struct frame_cut *c, uint8_t *tcp, uint32_t tcp_bytes, bool is_last)
{
	put_be32(tcp + TCP_SEQ_AT, c->seq);
	if (!is_last)
		tcp[TCP_FLAGS_AT] &= (uint8_t)~(TCP_FIN | TCP_PSH);
	if (!c->is_first)
		tcp[TCP_FLAGS_AT] &= (uint8_t)~TCP_CWR;
	put_be16(tcp + TCP_CHECKSUM_AT, 0);
	put_be16(tcp + TCP_CHECKSUM_AT,
		(uint16_t)~fold(c->address_sum + PROTOCOL_TCP + tcp_bytes + frame_sum(tcp, tcp_bytes)));
}

void frame_cut_next(struct frame_cut *c, uint8_t *packet)
{
	uint32_t payload = frame_cut_payload(c), end = c->head_bytes + payload;

	memcpy(packet, c->head, c->head_bytes);
	write_ip(c, packet + c->ip_at, end - c->ip_at);
	write_tcp(c, packet + c->l4_at, end - c->l4_at, c->n_left == 1);
	c->left_bytes -= payload;
	c->seq += payload;
	c->id++;
	c->n_left--;
	c->is_first = false;
}
