/* SPDX-License-Identifier: BSD-3-Clause */
/* pcap files through libpcap: when, how long, the six bits of DSCP and two of ECN, MACs, and what marking rules look at in
 * IPv4.  Who sends to whom is the scenario's to say, or by_mac the MACs'. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "clk.h"
#include "sim.h"

#define ETHER_BYTES 14u
#define MOST_PKTS   (64u << 20)
#define MOST_BACK_NS UINT64_C(1000000)	/* a capture of both directions may have two clocks, or writers, in it */

struct loading {
	struct traffic *t;
	struct why *why;
	const char *file;		/* of the scenario */
	uint32_t room;
	uint64_t first_ns, last_ns;
};

static void __attribute__((format(printf, 2, 3))) say(struct loading *l, const char *fmt, ...)
{
	char text[WHY_MAX_CHARS];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	why_add_at(l->why, l->file, l->t->line, "[traffic %s] file = %.200s: %s", l->t->name, l->t->file, text);
}

static uint64_t mac_of(const uint8_t *at)
{
	uint64_t mac = 0;

	for (int i = 0; i < 6; i++)
		mac = mac << 8 | at[i];
	return mac;
}

/* The traffic class byte behind up to two tags, 0 where it is not IP, or cut before it; and of IPv4 its protocol, its
 * addresses and what is behind an options' end: where ports would be. */
static uint8_t read_ip(struct trace_pkt *p, const uint8_t *data, uint32_t n)
{
	uint32_t at = 12, ip_bytes;

	p->head[0] = 0x45;
	for (int tags = 0; tags < 2 && at + 4 <= n && (data[at] << 8 | data[at + 1]) == 0x8100; tags++)
		at += 4;
	if (at + 4 > n)
		return 0;
	unsigned int type = (unsigned int)data[at] << 8 | data[at + 1];
	at += 2;
	if (type != 0x0800)
		return type == 0x86dd ? (uint8_t)(data[at] << 4 | data[at + 1] >> 4) : 0;
	ip_bytes = (data[at] & 15u) * 4;
	if (at + 20 <= n)
		memcpy(p->head + 6, data + at + 6, 14);
	if (ip_bytes >= 20 && at + ip_bytes + 4 <= n)
		memcpy(p->head + 20, data + at + ip_bytes, 4);
	return data[at + 1];
}

static bool add(struct loading *l, const struct pcap_pkthdr *h, const uint8_t *data)
{
	struct traffic *t = l->t;
	uint64_t at_ns = (uint64_t)h->ts.tv_sec * NS_PER_S + (uint64_t)h->ts.tv_usec;	/* ns: asked for below */

	if (h->len < ETHER_BYTES || h->len > 9216) {
		say(l, "packet %u has %u bytes: wanted an Ethernet frame of %u to 9216", t->n_trace + 1, h->len, ETHER_BYTES);
		return false;
	}
	if (t->n_trace > 0 && at_ns < l->last_ns) {
		if (l->last_ns - at_ns > MOST_BACK_NS) {
			say(l, "packet %u is more than 1 ms earlier than one before it: wanted packets in order of time, as reordercap(1) sorts them",
				t->n_trace + 1);
			return false;
		}
		at_ns = l->last_ns;
	}
	if (t->n_trace == l->room) {
		uint32_t room = l->room > 0 ? 2 * l->room : 1024;
		struct trace_pkt *bigger = t->n_trace < MOST_PKTS ? realloc(t->trace, room * sizeof(*bigger)) : NULL;
		if (bigger == NULL) {
			say(l, "packet %u: no memory for more", t->n_trace + 1);
			return false;
		}
		t->trace = bigger;
		l->room = room;
	}
	if (t->n_trace == 0)
		l->first_ns = at_ns;
	l->last_ns = at_ns;
	struct trace_pkt *p = &t->trace[t->n_trace++];
	*p = (struct trace_pkt){.at_ns = at_ns - l->first_ns, .bytes = (uint16_t)h->len};
	uint8_t tos = read_ip(p, data, h->caplen);
	p->dscp = tos >> 2;
	p->ecn = tos & 3;
	if (h->caplen >= 12) {
		p->dst_mac = mac_of(data);
		p->src_mac = mac_of(data + 6);
	}
	return true;
}

static bool read_pkts(struct loading *l, pcap_t *pcap)
{
	struct pcap_pkthdr *h;
	const uint8_t *data;
	int rc;

	if (pcap_datalink(pcap) != DLT_EN10MB) {
		const char *name = pcap_datalink_val_to_name(pcap_datalink(pcap));
		say(l, "its packets are of link type %s: wanted Ethernet (EN10MB)", name != NULL ? name : "unknown");
		return false;
	}
	while ((rc = pcap_next_ex(pcap, &h, &data)) == 1)
		if (!add(l, h, data))
			return false;
	if (rc == PCAP_ERROR) {
		say(l, "packet %u: %s", l->t->n_trace + 1, pcap_geterr(pcap));
		return false;
	}
	if (l->t->n_trace == 0)
		say(l, "no packet in it: wanted some");
	return l->t->n_trace > 0;
}

/* Beside the scenario's file, as the config it names. */
static char *path_of(const char *scenario_file, const char *name)
{
	const char *slash = strrchr(scenario_file, '/');
	char *path = NULL;

	if (*name == '/' || slash == NULL)
		return strdup(name);
	return asprintf(&path, "%.*s/%s", (int)(slash - scenario_file), scenario_file, name) < 0 ? NULL : path;
}

static bool is_of_one(const struct conf *conf, const vf_id *vfs, uint32_t n, uint64_t mac)
{
	for (uint32_t i = 0; i < n; i++)
		if (world_is_mac_of(conf, vfs[i], mac))
			return true;
	return false;
}

/* Or the run would be of nothing, and say so to nobody. */
static bool has_pairs(struct loading *l, const struct conf *conf)
{
	const struct traffic *t = l->t;

	for (const struct trace_pkt *p = t->trace; p < t->trace + t->n_trace; p++)
		if (is_of_one(conf, t->from, t->n_from, p->src_mac) && is_of_one(conf, t->to, t->n_to, p->dst_mac))
			return true;
	say(l, "none of its %u packets is from a MAC of from to one of to: wanted some, or by_mac = no", t->n_trace);
	return false;
}

static bool load(struct traffic *t, const struct conf *conf, const char *scenario_file, struct why *why)
{
	struct loading l = {.t = t, .why = why, .file = scenario_file};
	char error[PCAP_ERRBUF_SIZE] = "out of memory";
	char *path = path_of(scenario_file, t->file);
	pcap_t *pcap = path != NULL ? pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, error) : NULL;
	bool is_ok = false;

	if (pcap == NULL) {
		say(&l, "%s: wanted a pcap file", error);
	} else {
		is_ok = read_pkts(&l, pcap) && (!t->is_by_mac || has_pairs(&l, conf));
		pcap_close(pcap);
	}
	free(path);
	return is_ok;
}

bool trace_load_all(struct scenario *s, const char *scenario_file, struct why *why)
{
	bool is_ok = true;

	for (uint32_t i = 0; i < s->n_traffics; i++)
		if (s->traffics[i].kind == TRAFFIC_TRACE)
			is_ok &= load(&s->traffics[i], s->conf, scenario_file, why);
	return is_ok;
}
