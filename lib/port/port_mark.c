/* SPDX-License-Identifier: BSD-3-Clause */
/* What weir writes into IP headers: Congestion Experienced, RFC 3168, into a frame that is on its way out; and a DSCP, RFC
 * 2474, into one that came in. */
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>

#include "port_impl.h"

#define MACS_BYTES     12u
#define TAG_BYTES      4u
#define MAX_TAGS       2
#define ECN_BITS       3u
#define V6_ECN_BITS    0x30u	/* of the second byte */
#define V6_DSCP_BITS   0x0fc0u	/* of the first word */

static inline uint16_t be16_at(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Where the IP header begins, behind up to two tags; 0: there is none, or it is not whole in the first segment. */
static uint32_t ip_at(const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t at = MACS_BYTES, bytes;
	uint16_t type = 0;

	for (int tags = 0; at + 2 <= m->data_len; tags++, at += TAG_BYTES) {
		type = be16_at(frame + at);
		if ((type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ) || tags == MAX_TAGS)
			break;
	}
	at += 2;
	if (type == RTE_ETHER_TYPE_IPV4)
		bytes = sizeof(struct rte_ipv4_hdr);
	else if (type == RTE_ETHER_TYPE_IPV6)
		bytes = sizeof(struct rte_ipv6_hdr);
	else
		return 0;
	return at + bytes <= m->data_len && frame[at] >> 4 == (type == RTE_ETHER_TYPE_IPV4 ? 4 : 6) ? at : 0;
}

static unsigned int ecn_of(const uint8_t *ip)
{
	return (ip[0] >> 4 == 4 ? ip[1] : ip[1] >> 4) & ECN_BITS;
}

/* The checksum by RFC 1624 equation 3: ~(~sum + ~old + new), of the one word that changes. */
static void set_tos_v4(uint8_t *ip, uint8_t tos)
{
	uint16_t old = be16_at(ip);
	uint32_t sum;

	ip[1] = tos;
	sum = (uint32_t)(uint16_t)~be16_at(ip + 10) + (uint16_t)~old + be16_at(ip);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip[10] = (uint8_t)(~sum >> 8);
	ip[11] = (uint8_t)~sum;
}

/* A shared frame is copied as a whole, as for a tag: nothing that comes here is shared today. */
bool port_mark_ce(void *ctx, void **handle)
{
	const struct port_io *io = ctx;
	struct rte_mbuf *m = *handle;
	uint32_t at = ip_at(m);
	uint8_t *ip;

	if (at == 0)
		return false;
	ip = rte_pktmbuf_mtod_offset(m, uint8_t *, at);
	if (ecn_of(ip) == ECN_NOT_ECT)
		return false;
	if (ecn_of(ip) == ECN_CE)
		return true;
	if (port_is_shared(m)) {
		struct rte_mbuf *own = rte_pktmbuf_copy(m, io->pool, 0, UINT32_MAX);
		if (own == NULL)
			return false;
		rte_pktmbuf_free(m);
		*handle = own;
		ip = rte_pktmbuf_mtod_offset(own, uint8_t *, at);
	}
	if (ip[0] >> 4 == 4)
		set_tos_v4(ip, ip[1] | ECN_BITS);
	else
		ip[1] |= V6_ECN_BITS;
	return true;
}

bool port_set_dscp(void *ctx, struct pkt *p, uint8_t dscp)
{
	const struct port_io *io = ctx;
	struct rte_mbuf *m = p->handle;
	uint32_t at = ip_at(m);
	uint8_t *ip;

	if (at == 0)
		return false;
	if (port_is_shared(m)) {
		m = rte_pktmbuf_copy(m, io->pool, 0, UINT32_MAX);
		if (m == NULL)
			return false;
		rte_pktmbuf_free(p->handle);
		p->handle = m;
		port_look(ctx, p);
	}
	ip = rte_pktmbuf_mtod_offset(m, uint8_t *, at);
	if (ip[0] >> 4 == 4) {
		set_tos_v4(ip, (uint8_t)(dscp << 2 | (ip[1] & ECN_BITS)));
	} else {
		uint16_t word = (uint16_t)((be16_at(ip) & ~V6_DSCP_BITS) | (unsigned int)dscp << 6);
		ip[0] = (uint8_t)(word >> 8);
		ip[1] = (uint8_t)word;
	}
	return true;
}
