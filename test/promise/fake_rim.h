/* SPDX-License-Identifier: BSD-3-Clause */
/* The rim without DPDK, on virtual time: guests that offer constant loads by rings of their own, ports that take
 * packets as fast as they are told to, rings between workers, and a sink that counts and checks what arrives.
 * Every packet is malloc'd and must be delivered or freed exactly once; rim_end() checks it.
 *
 * Worlds are written as INI: port 0 is the PF, port i is VM i's (RIM_PF, RIM_VM).  Streams are numbered as offered.
 * Used by: the promise tests of the pipeline, test_pipe.  Uses: pipeline, sla. */
#ifndef WEIR_FAKE_RIM_H
#define WEIR_FAKE_RIM_H

#include "pipeline.h"

#define RIM_MAX_STREAMS 64
#define RIM_MAX_WORKERS 4

/* n: two hex digits, the last byte of its MAC. */
#define RIM_PF(rate)	 "[port pf]\nrole = pf\nlink_basis = l2\nrate = " rate "\n"
#define RIM_VM(n, terms) "[port v" #n "]\n[vf vm" #n "]\nport = v" #n "\nmac = 02:00:00:00:00:" #n "\n" terms
#define VM_MAC(n)	 (UINT64_C(0x020000000000) | (n))
#define HOST_MAC(n)	 (UINT64_C(0x02000000ff00) | (n))	/* beyond the uplink */
#define BROADCAST_MAC	 UINT64_C(0xffffffffffff)

enum rim_placement {
	RIM_SINGLE,
	RIM_SPLIT,	/* 0 receives, 1 is home and transmits */
	RIM_SPREAD,	/* 0 and 1 receive, 2 is home, 3 transmits to the VFs */
};

struct rim_setup {
	const char *ini;
	enum rim_placement placement;
	uint64_t turn_ns;	/* between turns; default 5 us */
	uint32_t hand_pkts;	/* rings between workers; default 1024 */
	bool is_event_driven;	/* as the simulator: turns when pipe_next_ns() says, and 1 us apart */
	bool is_unpaced;	/* the PF's rate is what its port takes, not a link clock */
	bool is_physical;	/* the uplink is a real link */
};

enum rim_kind { RIM_IPV4, RIM_ARP, RIM_SHORT };	/* RIM_SHORT: a broken frame */

/* A constant load.  pps 0: none, packets come by rim_put(). */
struct rim_stream {
	uint16_t port;
	uint64_t src, dst;	/* MACs; src 0: VM_MAC(port), or HOST_MAC(1) at the PF */
	uint32_t bytes;
	uint64_t pps;
	uint8_t dscp;
	uint8_t ecn;		/* enum ecn */
	uint8_t protocol;	/* of IP; nothing of it follows */
	uint16_t vid;		/* tagged so; 0: untagged */
	enum rim_kind kind;
	bool may_overtake;	/* its class changes: a later packet may leave before an earlier one.  Once each all the same */
};

struct rim_count {
	uint64_t pkts, bytes;
};

struct rim;

/* Fails the test where the INI is wrong. */
struct rim *rim_create(const struct rim_setup *setup);

int rim_offer(struct rim *r, const struct rim_stream *s);
const struct rim_stream *rim_stream(const struct rim *r, int stream);
void rim_set_pps(struct rim *r, int stream, uint64_t pps);
void rim_put(struct rim *r, int stream, uint32_t n);	/* n packets into the ring at once */

/* What the guest behind the port, or the uplink, takes: 'pps' packets a second, by a ring of 'ring'.  pps 0: nothing;
 * RIM_TAKES_ALL: everything. */
#define RIM_TAKES_ALL UINT64_MAX
void rim_set_reader(struct rim *r, uint16_t port, uint64_t pps, uint32_t ring);
void rim_set_ring(struct rim *r, uint16_t port, uint32_t n_pkts);	/* the guest's tx ring; default 1024 */
void rim_set_link(struct rim *r, uint16_t port, bool is_up);
void rim_set_ring_count(struct rim *r, bool is_told);	/* ports tell what waits in their rings; default true */
void rim_set_buffers(struct rim *r, bool for_copies, bool for_tags);	/* false: out of them */

/* Told of each packet delivered: its number in its stream from 0, whether it has CE, when it was put into the ring. */
typedef void rim_sink_fn(void *ctx, int stream, uint64_t seq, bool has_ce, uint64_t offered_ns);
void rim_set_sink(struct rim *r, rim_sink_fn *sink, void *ctx);

/* Time a worker needs for a packet read, and for one sent: the next turn begins so much later. */
void rim_set_cost(struct rim *r, uint64_t rx_ns, uint64_t tx_ns);
void rim_set_turn(struct rim *r, uint64_t turn_ns, uint64_t jitter_ns);
/* One worker has a turn only while the others have so many; what is handed to it waits in its rings.  0: as the others. */
void rim_set_slow(struct rim *r, unsigned int worker, uint32_t every);
void rim_set_check(struct rim *r, uint32_t every_turns);	/* pipe_check() so often; 0: at the end only */

/* Changes terms of a VF or a tenant, as "key=value;key=value": the workers take it between their next turns.  false: it
 * was refused. */
bool rim_change(struct rim *r, bool is_tenant, const char *name, const char *text);
/* The same with a marking rule; text NULL: it goes. */
bool rim_change_mark(struct rim *r, const char *name, const char *text);
/* A VF comes (the keys of [vf] as "key=value;.."), goes, or all become what a file says: the workers take it over some
 * turns, in which packets flow. */
bool rim_add(struct rim *r, const char *name, const char *text);
bool rim_del(struct rim *r, const char *name);
bool rim_reload(struct rim *r, const char *ini);
const struct conf *rim_conf(const struct rim *r);	/* the running one */

/* The same of a VF's DSCP map, "EF=low;map=gold". */
bool rim_change_dscp(struct rim *r, const char *name, const char *text);

/* The workers capture this from their next turns on; NULL: nothing.  Its rings are by worker. */
unsigned int rim_n_workers(const struct rim *r);
void rim_capture(struct rim *r, const struct capture_set *set);

/* The control core runs every ms of virtual time, or stops, as if it were stalled: never before the first call. */
struct control;
void rim_set_control(struct rim *r, bool runs);
const struct control *rim_control(const struct rim *r);
uint64_t rim_most_capacity_pps(const struct rim *r);	/* of all workers together, at any time since they are split */

/* What VFs hear from beyond the uplink, where the config has [remote]: added to what the pipes counted. */
typedef void rim_echo_fn(void *ctx, vf_id vf, struct echo_view *view);
void rim_set_echoes(struct rim *r, rim_echo_fn *echoes, void *ctx);	/* before rim_set_control() */

void rim_run(struct rim *r, uint64_t ns);
void rim_stall(struct rim *r, uint64_t ns);	/* no worker turns */
uint64_t rim_now_ns(const struct rim *r);
void rim_stop_asking(struct rim *r);
struct worker_view rim_worker_view(const struct rim *r, unsigned int worker);	/* as of rim_now_ns() */
uint32_t rim_inside(const struct rim *r);	/* packets in the pipes and between them */
uint32_t rim_flush(struct rim *r);

/* Counting begins anew: the functions below tell of the time since. */
void rim_mark(struct rim *r);
uint64_t rim_pkts(const struct rim *r, int stream, uint16_t port);	/* delivered there */
double rim_pps(const struct rim *r, int stream, uint16_t port);
double rim_bps(const struct rim *r, int stream, uint16_t port);
double rim_port_pps(const struct rim *r, uint16_t port);
double rim_port_bps(const struct rim *r, uint16_t port);
uint64_t rim_read(const struct rim *r, int stream);			/* taken out of the guest's ring */
uint64_t rim_refused(struct rim *r, int stream);			/* by the guest's full ring: not weir's */
uint64_t rim_longest_wait_ns(const struct rim *r, int stream);		/* in the ring */
uint64_t rim_longest_delay_ns(const struct rim *r, int stream);		/* from the offer to the sink */
uint64_t rim_marks(const struct rim *r, int stream, uint16_t port);	/* delivered there with CE */
/* From the offer to the sink: the shortest of a marked packet, and the longest of one that could be but was not. */
uint64_t rim_marked_after_ns(const struct rim *r, int stream);
uint64_t rim_unmarked_after_ns(const struct rim *r, int stream);
uint32_t rim_ring_room(const struct rim *r, uint16_t port);
uint64_t rim_polls(const struct rim *r, uint16_t port);
uint32_t rim_most_read_in_turn(const struct rim *r);
uint64_t rim_longest_turn_ns(const struct rim *r);

/* Of the last packet of a stream at a port: its VID, or -1 untagged; and whether it is a copy. */
int rim_last_vid(const struct rim *r, int stream, uint16_t port);
int rim_last_dscp(const struct rim *r, int stream, uint16_t port);

uint32_t rim_n_vfs(const struct rim *r);
bool rim_is_alone(const struct rim *r, vf_id vf);	/* on its port */

/* Over all workers, since the start. */
struct vf_view rim_view(const struct rim *r, vf_id vf);
struct credit_view rim_credit(const struct rim *r, vf_id vf);
struct vf_view rim_view_named(const struct rim *r, const char *name);	/* since it came */
struct tenant_view rim_view_tenant(const struct rim *r, uint32_t tenant);
/* As sender and as receiver. */
uint64_t rim_drops(const struct rim *r, vf_id vf, enum drop_reason reason);
uint64_t rim_all_drops(const struct rim *r);
uint64_t rim_room_used(const struct rim *r, vf_id vf);

/* Lets all ports take everything, drains, checks that nothing is lost, doubled, leaked or still accounted for, and frees everything. */
void rim_end(struct rim *r);

#endif
