/* SPDX-License-Identifier: BSD-3-Clause */
/* What TCP acknowledgements tell of congestion: how many bytes of a flow were acknowledged, and whether with an echo of CE
 * (ECE, RFC 3168).  Bytes, not packets, for receivers acknowledge as many at once as they like, and data that goes the
 * other way acknowledges too.  For that the last acknowledgement of each flow is kept, in a table where a newer flow takes
 * an older one's place: its first acknowledgement then tells nothing, and no memory grows.
 * SYNs carry the same bits with another meaning: nothing is counted of them.  AccECN (RFC 9768) gives them a third one and
 * cannot be told from here: a flow of it is misread.
 * And RoCE's answer to CE: the congestion notification packet (CNP: UDP to port 4791, opcode 0x81 of InfiniBand's base
 * transport header; InfiniBand Architecture, Annex A17).
 * Used by: pipeline.  Uses: nothing. */
#ifndef WEIR_ECHO_H
#define WEIR_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An acknowledgement as it was read. */
struct echo_ack {
	uint64_t flow;		/* a hash of addresses and ports */
	uint32_t ack;
	bool is_ece;
};

/* What a packet tells. */
enum echo_kind {
	ECHO_NONE,
	ECHO_ACK,
	ECHO_CNP,
};

/* A receiver of RoCE sends a CNP for a flow no more often than this while marked packets of it come (DCQCN: N = 50 us). */
#define ECHO_CNP_NS 50000u

struct echo_flows;

struct echo_flows *echo_create(void);	/* NULL: no memory */
void echo_destroy(struct echo_flows *flows);

/* Reads IPv4 or IPv6 with TCP or RoCEv2 behind it ('ip' is the IP header, 'n' bytes can be read).  'ack' is set with
 * ECHO_ACK only. */
enum echo_kind echo_read(const uint8_t *ip, size_t n, struct echo_ack *ack);

/* -> the bytes of its flow that it acknowledges and none before it did.  *is_first: the flow's echo begins with it. */
uint32_t echo_note(struct echo_flows *flows, const struct echo_ack *ack, bool *is_first);

/* Brings the flow's entry near. */
void echo_prefetch(const struct echo_flows *flows, const struct echo_ack *ack);

#endif
