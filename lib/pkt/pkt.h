/* SPDX-License-Identifier: BSD-3-Clause */
/* A packet as the pure core sees it: a handle of the rim's, its first bytes, and what has been found out about it.
 * Bursts of these live in the worker's own memory, so that deciding touches no packet memory.
 * Used by: classify, l2, sched, pipeline, the rim.  Uses: nothing. */
#ifndef WEIR_PKT_H
#define WEIR_PKT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Traffic classes inside one VF, urgent first (design: contract 4 and 5). */
enum tclass { TC_URGENT, TC_HIGH, TC_MEDIUM, TC_LOW, N_TCLASSES };

/* Drop precedence, RFC 2597 section 2. */
enum drop_prec { DP_LOW, DP_MEDIUM, DP_HIGH, N_DROP_PRECS };

/* The ECN field, RFC 3168 section 5: what is not ECN_NOT_ECT may be marked ECN_CE. */
enum ecn { ECN_NOT_ECT, ECN_ECT_1, ECN_ECT_0, ECN_CE };

/* VFs are numbered from 0 in the order of the config.  The PF stands in as a sender and a destination. */
typedef uint32_t vf_id;
#define VF_NONE UINT32_MAX
#define VF_PF   (UINT32_MAX - 1)

/* Longest L2 frame taken from a port, VLAN tags included, without FCS: a 64 KB segmentation frame and its headers. */
#define PKT_MAX_BYTES 65600
#define PKT_MIN_BYTES 14

/* Of ports that cannot tell how many packets wait in their rings. */
#define RING_UNTOLD UINT32_MAX

enum dest_kind {
	DEST_DROP,	/* 'reason' says why */
	DEST_PF,
	DEST_VF,	/* 'dst' */
	DEST_FLOOD,	/* to the PF (unless from there) and all members of VLAN 'vid' but the sender */
};

/* What the transmit side must do to the outermost VLAN tag; the rim does it (contract: never left to a PMD). */
enum tag_op {
	TAG_KEEP,
	TAG_PUSH,	/* insert 0x8100 with TCI = the VID */
	TAG_POP,	/* take the outermost tag off */
	TAG_SET,	/* make the outermost tag (a guest's priority tag: VID 0) an 802.1Q one of this VID; PCP and DEI stay */
};

struct pkt {
	/* Set by the rim on receive. */
	void *handle;		/* an mbuf; owned by whoever holds this struct */
	const uint8_t *data;	/* L2 header; 'data_bytes' can be read here */
	uint32_t bytes;		/* L2 bytes without FCS, all segments */
	uint16_t data_bytes;
	/* Set by classify. */
	uint8_t tclass;		/* enum tclass */
	uint8_t drop_prec;	/* enum drop_prec */
	uint16_t ether_type;	/* behind the tags */
	uint16_t outer_tci;	/* of the outermost 802.1Q/802.1ad tag, 0 if none */
	uint8_t n_tags;		/* 0, 1 or 2 */
	bool is_neighbour;	/* ARP or IPv6 ND */
	uint8_t ecn;		/* enum ecn; ECN_NOT_ECT for non-IP */
	/* Set by l2. */
	union {
		struct {
			uint8_t dest_kind;	/* enum dest_kind */
			uint8_t reason;		/* enum drop_reason, for DEST_DROP; else DROP_NOT */
			uint8_t tag_op;		/* on the way to the PF or VF 'dst'; floods decide per copy */
			uint8_t unused;		/* 0 */
		};
		uint32_t way;		/* all three at once */
	};
	uint16_t vid;		/* the VLAN it belongs to inside weir; 0 = untagged */
	uint16_t ring_wait;	/* what waits behind it in its sender's ring, in 2^16 ns; set by the pipeline */
	vf_id src;		/* VF or VF_PF */
	vf_id dst;
};
static_assert(sizeof(struct pkt) <= 64, "a cache line");

/* The rim's verdict on a frame that it got in part only: bytes, and nothing to look at. */
static inline void pkt_set_truncated(struct pkt *p)
{
	p->data_bytes = 0;
}

/* A segmentation frame (TSO) that makes no sense: likewise. */
static inline void pkt_set_bad_segmentation(struct pkt *p)
{
	p->data = NULL;
	p->data_bytes = 0;
}

static inline bool pkt_is_bad_segmentation(const struct pkt *p)
{
	return p->data == NULL;
}

/* Of one that is not sound.  (An empty frame has no bytes either.) */
static inline bool pkt_is_truncated(const struct pkt *p)
{
	return p->data_bytes == 0 && p->bytes > 0;
}

#endif
