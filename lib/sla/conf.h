/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration as weir understands it: the switch, its ports, VFs, DSCP maps.  Read from INI, checked as a whole,
 * completed (derived guarantees, defaults) and printed back as "effective".  Changed at run time: conf_change.h.
 * Rates are bits/s (L2 bytes x 8 without FCS) and packets/s; times ns.  0 = not set, unless said otherwise.
 * Used by: pipeline, control, the rim, apps.  Uses: base, pkt. */
#ifndef WEIR_CONF_H
#define WEIR_CONF_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "pkt.h"
#include "why.h"

#define CONF_NAME_CHARS	  33	/* [A-Za-z0-9_]{1,32} and NUL */
#define CONF_DEVICE_CHARS 64
#define CONF_MAX_PORTS	  32	/* Debian's DPDK knows 32 ethdevs */
#define CONF_MAX_MACS	  8	/* a VF */
#define CONF_MAX_VFS	  131072
#define CONF_MAX_TENANTS  65536
#define CONF_MAX_DEPTH	  4	/* tenants in tenants: VF < tenant < .. < PF has at most 4 tenants */
#define CONF_NO_TENANT	  UINT32_MAX
#define CONF_MAX_LCORES	  128
#define CONF_N_DSCP	  64
#define CONF_MAX_MAPS	  256	/* "default" and those of [dscp NAME], or made at run time */
#define CONF_N_PRIORITIES 8	/* 0 is served first */

enum link_basis { BASIS_L2, BASIS_WIRE };	/* WIRE counts 24 bytes more a packet: preamble, FCS, gap */

/* What one direction of a VF, or a tenant, was sold. */
struct sla {
	uint64_t min_bps, max_bps, min_pps, max_pps;
	uint64_t urgent_bps, urgent_pps;
	uint64_t burst_ns;	/* what idling may save; asked: 0 = auto */
	/* Credits, of a VF's tx only; both or none: what max_bps leaves unused is banked, up to credit_ns of it, and lets the
	 * VF have up to peak_bps while there is some. */
	uint64_t peak_bps, credit_ns;
	uint32_t weight;	/* 1 .. 1000 */
	uint8_t priority;	/* 0 .. 7 */
	uint8_t basis;		/* enum link_basis: what its bits per second count; see basis_bytes() */
	bool burst_auto;	/* effective: burst_ns is where to begin, and may be raised so that TCP reaches the limit */
	uint8_t unused;		/* 0: where the struct would else have a hole, and two that are the same could differ */
};
static_assert(sizeof(struct sla) == 80, "compared as bytes");

/* DSCP -> class and drop precedence. */
struct dscp_map {
	char name[CONF_NAME_CHARS];	/* "": none: its place is free (only in a config that was changed) */
	uint8_t tclass[CONF_N_DSCP];
	uint8_t drop_prec[CONF_N_DSCP];
	int line;			/* 0: made at run time; it goes when no VF uses it any more */
};

enum vlan_mode {
	VLAN_NONE,	/* untagged frames only, VLAN 0 inside weir */
	VLAN_ACCESS,	/* untagged at the VF, tagged 'vid' at the PF */
	VLAN_TRUNK,	/* tagged frames of the VIDs in 'trunk'; untagged ones only if 'vid' (native) is not 0 */
};

/* What bounds a VF itself makes its packets wait in its own ring; what to do when they do (contract 7 and 8). */
enum when_full {
	WHEN_FULL_HOLD,	/* not read: they cost nothing there; marked, never dropped for delay */
	WHEN_FULL_DROP,	/* read within the poll budget, and dropped by delay, low classes first */
};

/* How marks come back to a VF's TCP senders. */
enum conf_echo {
	ECHO_DCTCP,	/* RFC 8257: just the marked bytes */
	ECHO_CLASSIC,	/* RFC 3168: all from a mark on until the sender says that it has heard */
};

/* [remote]: the answer to congestion beyond the uplink. */
struct conf_remote {
	bool is_on;			/* there is the section */
	uint64_t period_ns;		/* default 1 ms */
	uint64_t bottleneck_bps;	/* 0 = found out */
	uint8_t gain_pct;		/* of alpha, default 50 */
	int line;
};

/* A VF, or the place for one: it has no name while none is there.  A place belongs to its port for ever, and what there are
 * buffers for does not change either. */
struct conf_vf {
	char name[CONF_NAME_CHARS];	/* "": the place is free, and all else but port and rooms says nothing */
	uint16_t port;			/* index into conf.ports */
	uint32_t tenant;		/* index into conf.tenants, or CONF_NO_TENANT; see conf_tenant_of() */
	uint8_t n_macs;
	uint8_t mac[CONF_MAX_MACS][6];
	enum vlan_mode vlan_mode;
	uint16_t vid;
	uint64_t *trunk;		/* 64 words = 4,096 VIDs; NULL unless VLAN_TRUNK; owned */
	uint16_t dscp_map;		/* index into conf.maps */
	bool antispoof;			/* default yes */
	uint64_t broadcast_pps;		/* default 1000; 0 = none may pass */
	uint32_t queue_pkts;		/* its own queue: what it may have waiting inside weir */
	uint32_t receive_queue_pkts;	/* what may wait for it: 5 ms of its rx rate in 32 .. 1024 unless set */
	uint32_t receive_room_pkts;	/* what there are buffers for: that queue at the start; a live change stays below */
	uint32_t room_pkts;		/* the same of its own queue, twice where it cannot be held; see conf_queue_room() */
	uint32_t born;			/* which of the VFs that came at run time it is, from 1 on; 0: it was there at the start */
	bool is_drop_forced;		/* nobody asked for when_full = drop: its port has places for others, or is a NIC's */
	bool is_receive_auto;		/* not set: it follows the rx limit */
	enum when_full when_full;	/* default hold */
	bool ecn;			/* default yes: packets that can be are marked CE above K */
	uint64_t mark_above_ns;		/* asked K; 0 = auto */
	bool is_remote;			/* default yes: where there is [remote], held by congestion beyond the uplink too */
	enum conf_echo echo;		/* default dctcp: what its senders' peers echo */
	uint64_t tx_mark_ns, rx_mark_ns; /* effective K of what it sends and receives: max(1 ms, 3 packets at its limit) */
	uint64_t tenants_bps, tenants_pps; /* the least that a tenant which it is in may send; 0: no such limit */
	struct sla tx, rx;		/* asked: 0 = not set; side by side */
	struct sla tx_eff, rx_eff;	/* effective: completed by conf_complete() */
	int line;
};

/* Of two limits; 0 is none. */
static inline uint64_t conf_lower_limit(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* A group of VFs, and of other tenants, with a guarantee, a limit, a weight and a priority of its own for what its
 * members send: among its members theirs count, and against all others its own. */
struct conf_tenant {
	char name[CONF_NAME_CHARS];
	uint32_t parent;		/* index into conf.tenants, or CONF_NO_TENANT: directly under the PF */
	uint8_t depth;			/* 1 (no parent) .. CONF_MAX_DEPTH */
	uint32_t n_vfs, n_tenants;	/* members: directly in it */
	uint32_t n_all_vfs;		/* in it and in the tenants below it */
	struct sla tx;			/* asked: 0 = not set; a tenant has no urgent allowance of its own */
	struct sla tx_eff;		/* effective */
	uint64_t members_bps, members_pps;	/* L2: what its members are owed, added up */
	uint64_t owed_bps, owed_pps;	/* L2: the larger of that (its maximum at most) and its own minimum: for admission */
	int line;
};

enum port_role { PORT_PF, PORT_VF };

struct conf_port {
	char device[CONF_DEVICE_CHARS];	/* the ethdev's name */
	enum port_role role;
	uint64_t rate_bps;		/* of the link clock; 0 = what the device reports, or none */
	bool basis_set;
	enum link_basis basis;		/* default: wire on physical ports, L2 on virtual ones (the rim decides) */
	uint16_t mtu;			/* L3; default 1500 */
	uint16_t n_queues;		/* queue pairs; default 1 */
	uint16_t n_rx_desc, n_tx_desc;	/* default 1024 / 1024; 0 = let the device choose */
	uint64_t broadcast_pps;		/* of the PF: default 10000 */
	bool trusted;			/* a memif peer must be: its descriptors are not validated by DPDK */
	bool fix_csum;			/* finish partial checksums of what it receives; af_packet only */
	int numa;			/* -1 = where the device is */
	uint32_t n_vfs;			/* VFs on it now */
	uint32_t spare;			/* VFs that may come at run time, asked; default 0 */
	uint32_t n_places;		/* VFs at the start and spare ones; > 1 = shared: cannot hold its senders */
	int line;
};

/* Whose word counts for what the core and the uplink carry: auto is the operator's for the core, and what is measured
 * for the uplink. */
enum capacity_mode { CAPACITY_IS_AUTO, CAPACITY_IS_CONFIGURED, CAPACITY_IS_MEASURED };

enum placement_mode { PLACE_AUTO, PLACE_SINGLE, PLACE_SPLIT };

struct marks;	/* mark.h */

struct conf {
	char file[256];
	/* [switch] */
	uint64_t packet_capacity_pps;	/* 0 = not capped and not known */
	uint32_t guarantee_bytes;	/* guarantee_size, default 1500 */
	bool allow_overcommit;
	bool require_tenant;		/* a VF in no tenant is a mistake; default no */
	char state[256];		/* where changes at run time are kept; "" = they end with weir */
	enum placement_mode placement;
	uint32_t turn_pkts;		/* default 256 */
	uint64_t turn_ns;		/* default 50 us */
	uint32_t n_mbufs;		/* 0 = as many as needed */
	uint64_t drain_ns;		/* at the end, default 1 s */
	uint32_t class_weight[N_TCLASSES];	/* of high, medium, low: default 3 2 1; urgent is strict */
	/* [allocator] */
	uint64_t period_ns;		/* of the control core, default 1 ms */
	enum capacity_mode capacity;
	struct conf_remote remote;
	/* [placement]: overrides, lcore -> ports; -1 = chosen by the planner */
	int rx_lcore[CONF_MAX_PORTS];	/* by port */
	int tx_lcore[CONF_MAX_PORTS];
	/* the rest */
	struct conf_port ports[CONF_MAX_PORTS];
	uint16_t n_ports;
	uint16_t pf;			/* index of the PF in ports */
	struct conf_vf *vfs;
	uint32_t n_vfs;		/* places; the names are n_named */
	uint32_t n_named;
	uint32_t n_born;	/* VFs that came at run time so far */
	struct conf_tenant *tenants;
	uint32_t n_tenants;
	struct dscp_map *maps;		/* maps[0] is "default"; room for CONF_MAX_MAPS */
	uint16_t n_maps;
	struct marks *marks;	/* marking rules; held; NULL: none */
};

/* Reads and checks 'file' and completes it.  All mistakes are reported in 'why', each with file, line, what was wrong
 * and what was wanted.  NULL when there were any.  The caller owns the result. */
struct conf *conf_load(const char *file, struct why *why);

/* The same from memory; 'file' is the name used in messages. */
struct conf *conf_parse(const char *file, const char *text, size_t size, struct why *why);

/* The same from an INI that has been read ('is_good': without a mistake).  Sections of the kinds in 'others' (up to NULL;
 * may be NULL) are somebody else's, and left to him. */
struct ini;
struct conf *conf_from_ini(const struct ini *ini, bool is_good, const char *const *others, struct why *why);

void conf_destroy(struct conf *conf);

/* Admission (contract 10) against a PF rate that may only now be known (the device's): sum(max(min, urgent)) of tx in
 * bits against the link (minima converted to the link's basis at guarantee_size) and in packets against the capacity
 * where known.  Refused with both sums, unless allow_overcommit. */
bool conf_admit(const struct conf *conf, uint64_t pf_rate_bps, enum link_basis basis, struct why *why);

/* The first VF on the port for whose tx limit, or its tenants', 'bytes' in packets of the port's MTU are more than a
 * millisecond; NULL: there is none. */
const struct conf_vf *conf_slow_vf(const struct conf *conf, uint16_t port, uint32_t bytes);
/* The sums that conf_admit() compares: bits/s on a link of this basis, and packets/s. */
void conf_guaranteed(const struct conf *conf, enum link_basis basis, uint64_t *bps, uint64_t *pps);

/* The RFC 2474/2597/3246/8622 map. */
void dscp_map_default(struct dscp_map *map);

/* "EF", "AF41", "CS5", "LE", "VA", "46" -> 0..63, or -1. */
int dscp_parse(const char *text);
const char *dscp_name(int dscp);	/* "EF", ..., or "dscp17" */
const char *tclass_name(enum tclass tclass);

/* What is admitted, but holds otherwise than who wrote it may think: a message each, with the line and what was wanted. */
void conf_warn(const struct conf *conf, struct why *notes);
/* Only what terms of this one VF may have made so. */
void conf_warn_of_vf(const struct conf *conf, uint32_t vf, struct why *notes);

/* The effective configuration as tables for people: switch, ports, VFs with asked and effective SLAs. */
void conf_print(const struct conf *conf, FILE *out);

/* The tenant of an index, or NULL: CONF_NO_TENANT, or a conf that has no tenants. */
static inline const struct conf_tenant *conf_tenant_of(const struct conf *conf, uint32_t tenant)
{
	return tenant < conf->n_tenants ? &conf->tenants[tenant] : NULL;
}

/* Is there a VF in the place? */
static inline bool conf_is_there(const struct conf_vf *vf)
{
	return vf->name[0] != '\0';
}

/* Of a NIC, by the name that EAL gives such devices ("0000:03:00.0", "0000:03:00.0_representor_vf1"): its ring drops what
 * is not read, so it cannot hold. */
static inline bool conf_is_nic(const struct conf_port *port)
{
	return strchr(port->device, ':') != NULL;
}

/* Packets that its own queue must have buffers for: it has one where it is held, one for each way where it drops. */
static inline uint32_t conf_queue_room(const struct conf *conf, const struct conf_vf *vf)
{
	bool is_held = conf->ports[vf->port].n_places == 1 && vf->when_full == WHEN_FULL_HOLD;

	return (is_held ? 1 : 2) * vf->queue_pkts;
}

/* Bytes a frame of 'bytes' L2 bytes counts on a link of this basis. */
static inline uint32_t basis_bytes(enum link_basis basis, uint32_t bytes)
{
	return basis == BASIS_WIRE ? bytes + 24 : bytes;
}

#endif
