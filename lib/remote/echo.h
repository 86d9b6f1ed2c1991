/* SPDX-License-Identifier: BSD-3-Clause */
/* What TCP acknowledgements tell of congestion: how many bytes of a flow were acknowledged, and whether with an echo of CE
 * (ECE, RFC 3168).  Bytes, not packets, for receivers acknowledge as many at once as they like, and data that goes the
 * other way acknowledges too.  For that the last acknowledgement of each flow is kept, in a table where a newer flow takes
 * an older one's place: its first acknowledgement then tells nothing, and no memory grows.
 * SYNs carry the same bits with another meaning: nothing is counted of them, but they tell of AccECN (RFC 9768), where AE,
 * CWR and ECE are a counter (ACE) of marked packets modulo 8.  A flow is read so if what its peer sent in the handshake says
 * that both agreed (RFC 9768 section 3.1 and 3.2.2.1): a SYN/ACK that answers no other SYN than one that asks for it, or a
 * SYN that asks and the answer to its SYN/ACK that tells how that came.  Any other is read as ECE, and so is one whose place
 * in the table was taken.  Bytes are then as many of the peer's largest segments as were counted, and no more than are
 * acknowledged; eight at once seem none, but receivers acknowledge more often.  What an acknowledgement of no new bytes
 * counts waits for the next.
 * And RoCE's answer to CE: the congestion notification packet (CNP: UDP to port 4791, opcode 0x81 of InfiniBand's base
 * transport header; InfiniBand Architecture, Annex A17).
 * Used by: pipeline.  Uses: nothing. */
#ifndef WEIR_ECHO_H
#define WEIR_ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An acknowledgement, or a SYN, as it was read. */
struct echo_ack {
	uint64_t flow;		/* a hash of addresses and ports */
	uint32_t ack, seq;
	uint16_t mss;		/* of a SYN */
	uint8_t ace;		/* AE, CWR, ECE */
	bool is_ece, is_syn, is_ack;
};

/* What it says, beyond those of its flow before it. */
struct echo_said {
	uint32_t heard_bytes;	/* acknowledged */
	uint32_t echoed_bytes;	/* of these, marked */
	bool is_first;		/* an echo begins with it */
	bool is_counted;	/* by AccECN: just the marked ones, whoever echoes */
};

/* What a packet tells. */
enum echo_kind {
	ECHO_NONE,
	ECHO_TCP,	/* an acknowledgement or a SYN */
	ECHO_CNP,
};

/* A receiver of RoCE sends a CNP for a flow no more often than this while marked packets of it come (DCQCN: N = 50 us). */
#define ECHO_CNP_NS 50000u

struct echo_flows;

struct echo_flows *echo_create(void);	/* NULL: no memory */
void echo_destroy(struct echo_flows *flows);

/* Reads IPv4 or IPv6 with TCP or RoCEv2 behind it ('ip' is the IP header, 'n' bytes can be read).  'ack' is set with
 * ECHO_TCP only. */
enum echo_kind echo_read(const uint8_t *ip, size_t n, struct echo_ack *ack);

/* What was read is known from here on. */
struct echo_said echo_note(struct echo_flows *flows, const struct echo_ack *ack);

/* Brings the flow's entry near. */
void echo_prefetch(const struct echo_flows *flows, const struct echo_ack *ack);

#endif
