/* SPDX-License-Identifier: BSD-3-Clause */
/* The asking order: whose ring a worker reads next, and how far.  When the core is the bottleneck only the order of
 * reading shares it, so this alone keeps min_pps (design section 3).  An asker is a port's receive side: a VF, a
 * shared port or the PF.  Ready askers (the last answer was full) stand in a lib/order paced by the packet capacity;
 * drained ones are looked at again after a pause that doubles from 0 to ASK_MAX_IDLE_NS; those without room let the turn
 * pass.  An idle VF costs a poll now and then and nothing else.
 * Used by: pipeline.  Uses: order, cffs (wheel.h). */
#ifndef WEIR_ASK_H
#define WEIR_ASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "order.h"

#define ASK_QUANTUM	32u			/* packets asked for at once */
#define ASK_MAX_IDLE_NS (16 * NS_PER_US)	/* the longest pause of an idle asker */
#define ASK_NONE	UINT32_MAX
#define ASK_BURST_PKTS	UINT64_C(64)
#define ASK_BURST_NS	NS_PER_MS

struct ask_params {
	uint32_t n_askers;
	uint32_t n_groups;	/* of askers: tenants.  0 where there are none */
	uint64_t capacity_pps;	/* 0: not capped */
	uint32_t turn_pkts;	/* budget of a turn ... */
	uint64_t turn_ns;	/* ... and of its time: turns that take longer are given fewer packets */
};

struct ask_terms {
	uint64_t min_pps;	/* of an asker: sum over the VFs behind it */
	uint32_t weight;
	uint8_t priority;
};

struct ask_stats {
	_Atomic uint64_t n_asked, n_empty, n_pkts;
	_Atomic uint64_t n_no_room;	/* times it was not asked for want of room: held (contract 7) */
	_Atomic uint64_t core_ns;	/* time ready, and not asked, since the core was busy with others; what nothing came of
					 * counts from 10 ms on */
	_Atomic uint64_t n_woken, n_drained;	/* times it became ready, and was ready no more: now it is where they differ */
};

struct ask;

struct ask *ask_create(const struct ask_params *params);
void ask_destroy(struct ask *a);
void ask_set(struct ask *a, uint32_t asker, const struct ask_terms *terms, uint64_t now_ns);

/* A group stands for its members among the others; ORDER_NONE: in none, as at first.  As of an order's: see order.h.
 * What is so already costs nothing.  ask_join_group(): false: they would loop or be too deep, and nothing changed. */
void ask_set_group(struct ask *a, uint32_t group, const struct ask_terms *terms, uint64_t now_ns);
void ask_join(struct ask *a, uint32_t asker, uint32_t group, uint64_t now_ns);
bool ask_join_group(struct ask *a, uint32_t group, uint32_t parent, uint64_t now_ns);
void ask_clear_group(struct ask *a, uint32_t group, uint64_t now_ns);	/* nobody is in it, and it is in none */

void ask_set_capacity(struct ask *a, uint64_t capacity_pps, uint64_t now_ns);

/* Of the capacity 'own_pps' only 'used_pps' are used, and the rest is lent to others; 0: not so any more.  Guarantees go on as if
 * it were not; shares, where they are kept out of it, have what they leave. */
void ask_lend(struct ask *a, uint64_t used_pps, uint64_t own_pps, bool keeps_shares_out, uint64_t now_ns);

/* More than that was read, by no mere burst: by ASK_BURST_PKTS, or what all of the capacity reads in ASK_BURST_NS. */
bool ask_needs_lent(const struct ask *a, uint64_t now_ns);

/* Off: not asked any more (its port is down). */
void ask_enable(struct ask *a, uint32_t asker, bool on, uint64_t now_ns);

/* Begins a turn, with a new budget. */
void ask_turn(struct ask *a, uint64_t now_ns);

/* Who is to be asked next in this turn, and for how many; ASK_NONE: the turn's asking is over.
 * Each answer must be followed by ask_answer() or ask_no_room(). */
uint32_t ask_next(struct ask *a, uint32_t *n_pkts, uint64_t now_ns);

/* It was asked for 'asked' (more than ask_next() said, where the port gives only whole bursts: it owes for what it
 * gave) and gave 'got' (<= asked). */
void ask_answer(struct ask *a, uint32_t asker, uint32_t asked, uint32_t got, uint64_t now_ns);

/* It was not asked, for its queue has no room. ask_next() names it again in a later turn. */
void ask_no_room(struct ask *a, uint32_t asker, uint64_t now_ns);

/* After a turn's asking: it ended since all that a turn may read was read; since somebody ready is held by the capacity. */
bool ask_is_full(const struct ask *a);
bool ask_is_capped(const struct ask *a, uint64_t now_ns);

/* Brings the figures of one asker that waits up to now, in turns. */
void ask_tick(struct ask *a, uint64_t now_ns);

void ask_lost(struct ask *a, uint64_t lost_ns, uint64_t now_ns);

/* When ask_next() may have somebody, for the simulator: UINT64_MAX never. */
uint64_t ask_next_ns(struct ask *a, uint64_t now_ns);

const struct ask_stats *ask_stats(const struct ask *a, uint32_t asker);

/* Any thread: time in which what an asker, or a group, was promised of the core was read later than deadline + 1 ms. */
uint64_t ask_missed_ns(const struct ask *a, uint32_t asker);
uint64_t ask_group_missed_ns(const struct ask *a, uint32_t group);

bool ask_check(const struct ask *a, FILE *out);

#endif
