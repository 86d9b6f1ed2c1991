/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP segmentation (TSO) in software: one frame of up to 64 KB, as a guest's kernel hands it to a NIC, becomes the packets
 * that the NIC would have sent, each with finished checksums.  IPv4 and IPv6 (hop-by-hop and destination options too), up to
 * two VLAN tags.  The caller moves the payload; here are the headers.  What the guest wrote is checked once, at the
 * beginning: whatever it is, nothing is read or written beyond what is said below.
 * Used by: port.  Uses: nothing. */
#ifndef WEIR_FRAME_CUT_H
#define WEIR_FRAME_CUT_H

#include <stdbool.h>
#include <stdint.h>

/* Ethernet, two tags, IPv6 with extensions (or IPv4 with options), TCP with options: no frame has longer headers, or it is
 * refused. */
#define FRAME_CUT_HEAD_BYTES 256u

/* A frame that is being cut.  To be read by nobody but these functions. */
struct frame_cut {
	uint8_t head[FRAME_CUT_HEAD_BYTES];
	uint32_t head_bytes;		/* of each packet; the payload begins there in the frame */
	uint32_t ip_at, l4_at;
	uint32_t address_sum;
	uint32_t seg_bytes;		/* payload of each packet but the last */
	uint32_t left_bytes;		/* payload to come */
	uint32_t n_left;		/* packets to come */
	uint32_t seq;
	uint16_t id;			/* IPv4's */
	bool is_v6, is_first;
};

/* 'data' are the frame's first 'data_bytes' (all of it, or FRAME_CUT_HEAD_BYTES at least), 'bytes' its length without FCS,
 * 'seg_bytes' the payload of a packet, 'mtu' the longest IP packet that may come of it.  false: no whole TCP segment behind
 * sound headers (or a fragment, SYN, RST, a routing header, whose checksum only the last hop knows), no payload in a
 * packet, or one above the MTU. */
bool frame_cut_begin(struct frame_cut *c, const uint8_t *data, uint32_t data_bytes, uint32_t bytes, uint32_t seg_bytes,
	uint32_t mtu);

/* Packets to come; 0: the frame is done. */
static inline uint32_t frame_cut_n_left(const struct frame_cut *c)
{
	return c->n_left;
}

/* The next packet's payload; its headers are head_bytes. */
static inline uint32_t frame_cut_payload(const struct frame_cut *c)
{
	return c->left_bytes < c->seg_bytes ? c->left_bytes : c->seg_bytes;
}

/* Makes the next packet: writes its headers before the payload, which stands in packet + head_bytes already. */
void frame_cut_next(struct frame_cut *c, uint8_t *packet);

#endif
