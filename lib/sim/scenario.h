/* SPDX-License-Identifier: BSD-3-Clause */
/* What weir-sim plays: weir's own configuration, who sends what to whom, and what lies beyond the uplink.  Read from the
 * same INI: [sim], [traffic NAME], [change NAME] and [bottleneck] beside weir's sections, or in a file of their own that names the
 * configuration (config = FILE in [sim]).  doc/weir-sim.1 tells the keys.
 * Used by: world, weir-sim.  Uses: base, sla. */
#ifndef WEIR_SCENARIO_H
#define WEIR_SCENARIO_H

#include "conf.h"
#include "conf_change.h"
#include "sender.h"

#define SCENARIO_MAX_SIZES   16
#define SCENARIO_HEAD_BYTES  24		/* IPv4, and ports behind it */
#define SCENARIO_MAX_SOURCES (1u << 20)	/* pairs of sender and receiver */
#define SCENARIO_MAX_FLOWS   (1u << 20)

enum traffic_kind { TRAFFIC_CONSTANT, TRAFFIC_POISSON, TRAFFIC_ONOFF, TRAFFIC_TCP, TRAFFIC_TRACE };

/* A packet of a trace, as it was captured. */
struct trace_pkt {
	uint64_t at_ns;		/* since the first one */
	uint16_t bytes;		/* L2, without FCS */
	uint8_t dscp, ecn;
	uint8_t head[SCENARIO_HEAD_BYTES];	/* as a traffic's; what is not IPv4 has addresses and ports of 0 */
	uint64_t src_mac, dst_mac;
};

struct traffic {
	char name[CONF_NAME_CHARS];
	int line;
	enum traffic_kind kind;
	/* Who to whom: VFs, or VF_PF.  Each pair of both lists is a source of its own.  Owned. */
	vf_id *from, *to;
	uint32_t n_from, n_to;
	/* How much: one of three. */
	uint64_t rate_bps, rate_pps;
	bool is_greedy;			/* rate = max: always one more */
	/* Packets: sizes (L2 bytes without FCS) in parts. */
	uint32_t n_sizes, n_parts;
	uint16_t size[SCENARIO_MAX_SIZES];
	uint32_t part[SCENARIO_MAX_SIZES];
	uint8_t dscp;
	uint8_t ecn;			/* enum ecn */
	int16_t protocol;
	uint8_t src[4], dst[4];		/* IPv4 */
	uint64_t src_port, dst_port;
	uint8_t head[SCENARIO_HEAD_BYTES];	/* made of these: what all its packets have; a trace's have their own */
	uint64_t start_ns, stop_ns;	/* stop 0: never */
	uint64_t on_ns, off_ns;		/* onoff: how long each lasts */
	bool is_random;			/* onoff: these are means */
	/* tcp */
	uint32_t n_flows;		/* of each pair */
	struct sender_terms sender;	/* its line_bps is the world's */
	uint64_t load_bps;		/* what the application of each flow offers; 0: always more */
	uint64_t message_bytes;		/* the mean, where the load comes in messages; 0: it does not */
	char class_name[CONF_NAME_CHARS];
	uint32_t class_of;		/* the first traffic of its class: itself where it is in none */
	/* trace: the file, as written; its packets are put in by whoever can read it.  Owned. */
	char *file;
	struct trace_pkt *trace;
	uint32_t n_trace;
	bool is_by_mac;			/* each pair plays what is from and to its MACs, and not all of it */
};

/* Who goes first: who came first; of whose message the least is left; whose message has the earliest deadline; who has the
 * highest class selector (the first three bits of DSCP). */
enum wire_order { WIRE_FIFO, WIRE_PFABRIC, WIRE_EDF, WIRE_DSCP };

/* A switch behind the uplink, or before it: one queue for all that leaves, or comes, by it. */
struct bottleneck {
	uint64_t rate_bps;		/* 0: there is none */
	uint64_t buffer_bytes;
	uint64_t mark_bytes;		/* CE above so much queued; 0: never */
	enum wire_order order;
};

/* Terms that change while it plays. */
struct scenario_change {
	uint64_t at_ns;
	int line;
	struct conf_change change;
	struct conf *conf;		/* as it is from then on.  Owned */
};

struct scenario {
	struct conf *conf;		/* owned */
	uint64_t duration_ns, warmup_ns;	/* figures are of the time after the warm-up */
	uint64_t turn_ns;		/* between turns at least: how fast the core is */
	uint64_t sample_ns;
	uint64_t seed;
	uint64_t uplink_bps;		/* the PF's rate: the config's, or uplink_rate in [sim] */
	struct bottleneck bottleneck;	/* of what leaves by the uplink */
	struct bottleneck inbound;	/* of what comes by it; always first in, first out */
	struct traffic *traffics;	/* owned */
	uint32_t n_traffics;
	struct scenario_change *changes;	/* by time.  Owned */
	uint32_t n_changes;
	bool has_default_traffic;	/* none was named: every VF sends all it can to the uplink */
};

/* Reads and checks 'file' and what it names.  All mistakes are reported in 'why', each with file and line.  NULL when
 * there were any.  device_bps: the uplink's rate where the file names none, as its device would tell it; 0: nobody does. */
struct scenario *scenario_load(const char *file, uint64_t device_bps, struct why *why);

/* The same from memory; 'config = FILE' is then relative to where the program runs. */
struct scenario *scenario_parse(const char *file, const char *text, size_t size, struct why *why);

/* The config that holds at a time, and until when (UINT64_MAX: to the end). */
const struct conf *scenario_conf_at(const struct scenario *s, uint64_t at_ns, uint64_t *until_ns);

void scenario_destroy(struct scenario *s);

#endif
