/* SPDX-License-Identifier: BSD-3-Clause */
/* Every drop has a named reason and a counter (contract 7).  A new reason is one line here.
 * Used by: everything that drops or counts.  Uses: nothing. */
#ifndef WEIR_DROP_H
#define WEIR_DROP_H

#define DROP_REASONS(_) \
	_(MALFORMED, "malformed", "shorter than an Ethernet header, or longer than any frame") \
	_(TRUNCATED, "truncated", "shorter than its IP header says: cut on the way in (GRO or segmentation is on before af_packet)") \
	_(SEGMENTATION, "segmentation", "a frame that is to be cut (TSO), with headers or a segment size that make no sense, or UFO") \
	_(SPOOF, "spoof", "the source MAC is not the VF's (or is a group address)") \
	_(UNKNOWN_SOURCE, "unknown_source", "on a shared port: no VF has this source MAC") \
	_(VLAN, "vlan", "the VF may not use this VLAN") \
	_(UNKNOWN_DEST, "unknown_dest", "from the PF: no VF has this MAC in this VLAN") \
	_(SAME_PORT, "same_port", "would leave by the port it came from") \
	_(LINK_LOCAL, "link_local", "01:80:C2:00:00:0x never passes a bridge (IEEE 802.1D 7.12.6)") \
	_(BROADCAST_LIMIT, "broadcast_limit", "over the sender's broadcast and multicast limit") \
	_(MTU, "mtu", "longer than the egress port's MTU allows") \
	_(RECEIVER_LIMIT, "receiver_limit", "the receiver's queue is full: over its rx limit") \
	_(RECEIVER_SLOW, "receiver_slow", "the receiver's queue is full: its guest does not read") \
	_(RECEIVER_GONE, "receiver_gone", "the receiver's port is down") \
	_(VF_DELETED, "vf_deleted", "of a VF that was deleted, or for it, and still queued then") \
	_(UPLINK_GONE, "uplink_gone", "the PF is down") \
	_(QUEUE_FULL, "queue_full", "of a sender that is not held (when_full = drop, shared port): its queue is full") \
	_(PUSHED_OUT, "pushed_out", "not held (when_full = drop, shared port): a better class or drop precedence needed its place") \
	_(AQM, "aqm", "not held (when_full = drop, shared port): the queue's delay stayed above the target (CoDel)") \
	_(NO_BUFFER, "no_buffer", "no mbuf for a copy or a tag") \
	_(RING_FULL, "ring_full", "the ring to the next worker is full") \
	_(SHUTDOWN, "shutdown", "still queued when the drain time at the end was over")

enum drop_reason {
#define _(sym, name, text) DROP_##sym,
	DROP_REASONS(_)
#undef _
	N_DROP_REASONS,
	DROP_NOT = N_DROP_REASONS,	/* not dropped */
};

/* What a receiver's queue drops is counted there, and told of its sender too: these, one after the other. */
#define DROP_RECEIVER_FIRST DROP_RECEIVER_LIMIT
#define N_RECEIVER_DROPS    (DROP_RECEIVER_GONE - DROP_RECEIVER_LIMIT + 1)

/* "spoof" */
const char *drop_name(enum drop_reason reason);

/* "the source MAC is not the VF's" */
const char *drop_text(enum drop_reason reason);

#endif
