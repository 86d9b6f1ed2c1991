/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the headers of a burst: tags, EtherType, ECN, DSCP -> class and drop precedence by the sender's map.
 * IPv4 and IPv6 behind 0, 1 or 2 tags (802.1Q 0x8100, 802.1ad 0x88a8).  ARP and IPv6 neighbour discovery are marked
 * (is_neighbour; the pipeline lets 100 a second of a VF go as high); other non-IP is medium.
 * Reads only data[0 .. data_bytes): a truncated header is "non-IP", never an overrun.
 * Used by: pipeline.  Uses: pkt. */
#ifndef WEIR_CLASSIFY_H
#define WEIR_CLASSIFY_H

#include <endian.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "pkt.h"

/* One sender's map, in a cache line: [dscp] = tclass | drop_prec << 4.  One may be set anew while others read it: each code
 * point is the old one or the new one. */
struct class_map {
	_Atomic uint8_t by_dscp[64];
};

void class_map_init(struct class_map *map, const uint8_t tclass[64], const uint8_t drop_prec[64]);

/* Parses headers only: n_tags, outer_tci, ether_type, is_neighbour, ecn, and the DSCP, which it returns
 * (0..63, or -1 for non-IP).  Needs data_bytes >= PKT_MIN_BYTES.
 * n_tags counts whole tags, two at most: a tag cut short leaves its TPID in ether_type (l2 drops that as malformed). */
int classify_any_headers(struct pkt *p);

/* The same; untagged IPv4 without options, which most packets are, by one word: its EtherType, version and TOS. */
static inline int classify_headers(struct pkt *p)
{
	uint32_t word;

	if (p->data_bytes < PKT_MIN_BYTES + 20)
		return classify_any_headers(p);
	memcpy(&word, p->data + 12, sizeof(word));
	word = le32toh(word);
	if ((word & 0xffffff) != 0x450008)
		return classify_any_headers(p);
	p->ether_type = 0x0800;
	p->outer_tci = 0;
	p->n_tags = 0;
	p->is_neighbour = false;
	p->ecn = word >> 24 & 3;
	return (int)(word >> 26);
}

/* Sets tclass and drop_prec by the map for a DSCP that classify_headers() returned. */
static inline void classify_by_map(struct pkt *p, const struct class_map *map, int dscp)
{
	uint8_t v = dscp >= 0 ? atomic_load_explicit(&map->by_dscp[dscp], memory_order_relaxed) : (uint8_t)TC_MEDIUM;

	p->tclass = v & 0xf;
	p->drop_prec = v >> 4;
}

#endif
