/* SPDX-License-Identifier: BSD-3-Clause */
/* What can be read through DPDK's telemetry socket (dpdk-telemetry.py, or any client of its JSON):
 *	/weir/info		version, uptime, workers, mbufs, drops of packets whose sender no VF is
 *	/weir/ports[,START]	a page of ports with their drivers' counters
 *	/weir/vfs[,START]	a page of VFs with rates, backlog and drops
 *	/weir/vf,NAME		everything about one VF
 *	/weir/why,NAME[,MS]	looks for MS (10 .. 1000, default 500), and says in lines what held the VF in that time
 *	/weir/delays,NAME,DIRECTION,CLASS	how long packets of a class waited: counts by delay, and the time weir itself lost; the
 *				difference of two answers is of the time between them
 *	/weir/tenants[,START]	a page of tenants: who is in whom, what was sold, rates of all their VFs together
 *	/weir/tenant,NAME[,START]	one tenant in full, and a page of the VFs that are directly in it
 *	/weir/pf		what /weir/vf tells, about the PF, as a sender (tx) and a receiver (rx)
 *	/weir/allocator[,START]	period, cost, capacities, decisions; a page of what is granted of each VF's guarantees
 *	/weir/remote[,START]	congestion beyond the uplink: the bottleneck as it is measured; a page of what VFs hear, may send, and why
 *	/weir/drops		the reasons of drops, in words
 *	/weir/sla/get,VF	what a VF was sold, asked and effective
 *	/weir/sla/dryrun,VF,key=value;..[,START]	whether a set would be admitted, and a page of what each VF would get
 *	/weir/dscp/get,VF	which class and drop precedence a VF's packets have, by DSCP; its map, and how many VFs use that
 *	/weir/mark/list[,START]	a page of marking rules in the order in which they are tried, and what they matched
 *	/weir/capture/list	captures that run, and the last ones that ended; the latest first
 *	/weir/config/dump[,START]	the running config as lines of a file; of a long line all pieces but the last end in \
 * With --allow-set, and logged:
 *	/weir/sla/set,VF,key=value;..	new terms; "none" takes one away
 *	/weir/dscp/set,VF,DSCP=class precedence;..	another class for packets that are read from now on, for this VF alone;
 *				"default" speaks of all that are not named, and map=NAME names a map that there is
 *	/weir/mark/add,NAME,key=value;..	a marking rule more
 *	/weir/mark/del,NAME	one less
 *	/weir/capture/start,VF,file=PATH,key=value,..	packets of a VF ("pf": of the uplink) into a pcap file; keys: capture.h
 *	/weir/capture/stop,ID	ends that
 *	/weir/vf/add,NAME,port=DEVICE;key=value;..	a VF takes a free place of a port; keys as in [vf]
 *	/weir/vf/del,NAME	a VF goes; what waits of it and for it is dropped, and its place is free
 *	/weir/config/reload,FILE	the VFs, terms, maps and marking rules of a file that is else the same as what runs, all or none
 * /weir/tenant/get, /dryrun and /set are the same for tenants.
 * Reading changes nothing and resets nothing.  A page answers total and next: ask on with START = next until next is
 * total.  Lists are dicts, by name or by number ("0", "1", ...).  What cannot be answered is {"error": ..,
 * "wanted": ..}.  Every answer fits into the 16 KiB that DPDK sends.
 * The commands run on telemetry threads, so what telem_source names must be callable from any thread.  Those that change
 * hand a message to the control core (live.h) and wait for its answer, 1 s at most.
 * Used by: app.  Uses: sla (conf.h), mark, live, capture, alloc, remote, view, explain, hist, EAL. */
#ifndef WEIR_TELEM_H
#define WEIR_TELEM_H

#include <stdbool.h>
#include <stdint.h>

#include "allocator_view.h"
#include "capture.h"
#include "conf.h"
#include "grants.h"
#include "live.h"
#include "rates.h"
#include "remote.h"
#include "view.h"
#include "why.h"

struct telem_port {
	const char *device, *driver, *bus;
	bool is_pf, is_physical, is_up;
	int numa;
	uint64_t link_bps;
	enum link_basis basis;
	uint16_t mtu, n_queues;
	uint32_t n_vfs;
	unsigned int rx_lcore, tx_lcore;
	uint8_t mac[6];
	uint64_t rx_pkts, tx_pkts, rx_missed_pkts, rx_error_pkts, tx_error_pkts, rx_no_mbuf;
};

struct telem_switch {
	uint64_t uptime_ns;
	unsigned int n_workers;
	uint64_t n_mbufs, n_free_mbufs;
};

/* The answer to congestion beyond the uplink, and what of it is one VF's. */
struct telem_remote {
	uint64_t period_ns;			/* between its runs, as it is */
	uint64_t bottleneck_bps;		/* 0: not known */
	uint64_t n_calibrations, calibrated_ns;	/* times it was measured anew; when it was measured last, 0: never */
	uint32_t n_held;			/* VFs that have a grant */
};

struct telem_remote_vf {
	struct remote_view is;
	struct echo_view echoes;
};

/* Where the figures come from.  Any thread may call them, several at once. */
struct telem_source {
	void *ctx;
	const struct conf *conf;		/* where live is NULL */
	struct live *live;			/* has the running config, and takes changes; NULL: it never changes */
	bool allow_set;
	uint64_t n_changes;			/* of that config; set by telem */
	const struct rates_store *rates;	/* rows: see telem_row() */
	void (*look)(void *ctx, struct telem_switch *sw);
	void (*port)(void *ctx, uint16_t port, struct telem_port *view);
	void (*worker)(void *ctx, unsigned int worker, struct worker_view *view, unsigned int *lcore);
	void (*vf)(void *ctx, vf_id vf, struct vf_view *view);		/* VF_PF, VF_NONE too; set, not added */
	void (*delay)(void *ctx, vf_id vf, struct delay_view *view);
	/* Set, not added.  NULL: not known, and left out of answers. */
	void (*tenant)(void *ctx, uint32_t tenant, struct tenant_view *view);
	void (*credit)(void *ctx, vf_id vf, struct credit_view *view);
	/* How long a bound holds a row back so far; 0: it does not.  NULL: not known. */
	uint64_t (*held_for_ns)(void *ctx, uint32_t row, enum view_bound bound);
	/* NULL: there is none. */
	void (*allocator)(void *ctx, struct allocator_view *view);
	bool (*grant)(void *ctx, vf_id vf, struct grant *grant);	/* false: not known */
	/* As lib/recorder has them.  NULL: nothing can be captured. */
	bool (*start_capture)(void *ctx, const struct capture_ask *ask, const struct capture_rule *rule, struct capture_view *view,
		struct why *why);
	bool (*stop_capture)(void *ctx, uint32_t id, struct capture_view *view, struct why *why);
	uint32_t (*list_captures)(void *ctx, struct capture_view views[CAPTURE_KEEP]);
	/* NULL: the config has no [remote].  false: no such VF. */
	void (*remote)(void *ctx, struct telem_remote *view);
	bool (*remote_vf)(void *ctx, vf_id vf, struct telem_remote_vf *view);
};

enum telem_dir { TELEM_TX, TELEM_RX };

/* The row of a VF's direction in the rates store; the PF's rows follow those of the last VF. */
static inline uint32_t telem_row(const struct conf *conf, vf_id vf, enum telem_dir dir)
{
	return 2 * (vf == VF_PF ? conf->n_vfs : vf) + (uint32_t)dir;
}

static inline uint32_t telem_n_rows(const struct conf *conf)
{
	return 2 * (conf->n_vfs + 1);
}

/* Of a tenant, where tenants have rows: behind all others. */
static inline uint32_t telem_tenant_row(const struct conf *conf, uint32_t tenant)
{
	return telem_n_rows(conf) + tenant;
}

/* Registers the commands.  'source' is copied; what it points to must live until telem_stop(). */
bool telem_start(const struct telem_source *source, struct why *why);

/* Waits for answers under way; from then on every answer is an error.  (EAL cannot unregister a command.) */
void telem_stop(void);

#endif
