/* SPDX-License-Identifier: BSD-3-Clause */
/* Marking rules: which DSCP a VF's packet goes on with, by what its headers say.  The first rule of its VF that matches
 * decides, in the order of 'order', then of names: it sets a DSCP or trusts the one that is there; a packet that no rule
 * matches keeps its own.
 *
 * A set of rules is never written once it is made (marks_create()): a change is a new set.  Workers read it by one
 * pointer.  A rule's counters live as long as any set that has the rule, so they count on over changes of other rules.
 *
 * Not DPDK's ACL library: that would bring EAL into the pure core (no unit test, fuzzer or simulator without it), and its
 * tries pay from thousands of rules on.  A VF has MARK_MAX_PER_VF at most, so that a word says which of them can match:
 * three look-ups (protocol, family, DSCP), and what is left of the word is compared, rule by rule.
 * Used by: sla (reads them), pipeline (applies them).  Uses: pkt, counter.h. */
#ifndef WEIR_MARK_H
#define WEIR_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "pkt.h"

#define MARK_NAME_CHARS 33
#define MARK_MAX_PER_VF 64	/* a bit of a word each: what bounds the cost of a packet */
#define MARK_MAX_RULES	65536
#define MARK_MAX_ORDER	65535
#define MARK_ANY	(-1)	/* any protocol */
#define MARK_TRUST	(-1)	/* set_dscp: the packet keeps its own */

enum mark_family { MARK_ANY_FAMILY, MARK_IPV4, MARK_IPV6 };

/* The first 'bits' of an address; 0 bits of any family: every address.  What follows them is 0. */
struct mark_prefix {
	uint8_t address[16];	/* IPv4: the first 4 */
	uint8_t bits;
	uint8_t family;		/* enum mark_family; MARK_ANY_FAMILY: not asked for */
};

/* From first to last.  A rule that asks for ports matches only packets that have some: TCP, UDP, UDP-Lite, DCCP, SCTP,
 * and no fragment but the first. */
struct mark_ports {
	bool is_set;
	uint16_t first, last;
};

struct mark_rule {
	char name[MARK_NAME_CHARS];	/* [A-Za-z0-9_]{1,32}; a set has it once */
	uint32_t order;
	vf_id vf;			/* whose packets */
	int16_t protocol;		/* 0..255 as the last header says, behind IPv6's extensions; or MARK_ANY */
	struct mark_prefix src, dst;	/* of one family, where both are asked for */
	struct mark_ports src_port, dst_port;
	uint64_t dscps;			/* bit set of those that the packet may come with */
	int8_t set_dscp;		/* 0..63, or MARK_TRUST */
	int line;			/* in its file; says nothing about the rule */
};

struct marks;
struct mark_table;	/* one VF's */

/* A set of these rules, in any order; MARK_MAX_PER_VF of a VF at most.  Rules that are in 'before' (may be NULL) just so
 * keep their counters.  NULL: no memory.  One holder: the caller. */
struct marks *marks_create(const struct mark_rule *rules, uint32_t n, const struct marks *before);

/* Any thread.  NULL is legal.  The last holder's release frees. */
struct marks *marks_hold(struct marks *m);
void marks_release(struct marks *m);

/* Rules by VF, order and name.  A NULL set has none. */
uint32_t marks_n(const struct marks *m);
const struct mark_rule *marks_rule(const struct marks *m, uint32_t i);
uint32_t marks_find(const struct marks *m, const char *name);	/* UINT32_MAX: none */
/* What a rule matched since it came; any thread. */
void marks_hits(const struct marks *m, uint32_t i, uint64_t *pkts, uint64_t *bytes);

/* They match the same packets in the same place, and do the same. */
bool mark_rule_is_same(const struct mark_rule *a, const struct mark_rule *b);

/* A VF's table; NULL: it has no rules. */
const struct mark_table *marks_of(const struct marks *m, vf_id vf);

/* The DSCP with which a packet goes on: 'dscp' is the one it came with, from classify_headers(), which must have read its
 * tags.  Counts on the rule.  -1 (no IP) stays.  One thread a VF. */
int mark_packet(const struct mark_table *t, const struct pkt *k, int dscp);

#endif
