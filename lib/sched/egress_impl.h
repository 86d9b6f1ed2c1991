/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to lib/sched: flows and nodes, shared by egress.c (set-up), egress_flow.c (which packet of a node),
 * egress_push.c and egress_pop.c (in and out). */
#ifndef WEIR_EGRESS_IMPL_H
#define WEIR_EGRESS_IMPL_H

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>

#include "aqm.h"
#include "counter.h"
#include "egress.h"
#include "peak.h"

#define NO_FLOW	   UINT32_MAX
#define NO_STATS   UINT32_MAX
#define NEVER_MARK UINT32_MAX
#define CLASSES_NEW (1u << N_TCLASSES)	/* has not had two classes at once: their virtual times say nothing yet */

#define unlikely(x) __builtin_expect(!!(x), 0)

/* A flow is in two rings of its node: of all that have packets, and of those that have urgent ones. */
enum ring { RING_ALL, RING_URGENT, N_RINGS };

/* Where nodes have several, taken from a pool when the first packet comes and given back with the last: what was used last
 * is used first.  Else a node has its own from its first packet on, the one of its statistics' number. */
struct flow {
	/* All that is needed of one whose packets are of one class, alone at its node. */
	alignas(64) struct fifo fifo[N_TCLASSES];
	uint32_t n_pkts;
	uint32_t classes;			/* bit c: fifo[c] is not empty; and CLASSES_NEW */
	uint32_t node;
	uint32_t key;				/* also links free flows */
	/* Several classes, several flows. */
	uint64_t class_finish[N_TCLASSES];	/* virtual bytes / weight; [TC_HIGH] serves demoted urgent too */
	uint64_t class_vtime;
	int64_t deficit;
	uint32_t quantum;			/* bytes a round */
	uint32_t hash_next;
	uint32_t next[N_RINGS], prev[N_RINGS];
};
static_assert(offsetof(struct flow, class_finish) == 64, "a cache line");

struct enode {
	alignas(64) uint32_t ring[N_RINGS];	/* the flow whose turn it is; NO_FLOW when empty */
	uint32_t n_pkts;
	uint32_t n_flows;		/* active */
	uint64_t n_bytes;
	_Atomic uint64_t in_pkts, in_bytes;
	uint32_t stats;			/* index of its statistics, from its first packet on; or NO_STATS */
	uint32_t active_weight;		/* of the active flows */
	uint32_t queue_pkts;		/* 0: push never refuses */
	uint32_t mark_ns;		/* K; NEVER_MARK */
	uint16_t ring_wait;		/* behind its last packet, in its sender's ring: in 2^16 ns */
	bool demotes_urgent;		/* has an allowance: out of it, urgent competes as high */
	bool is_dropping;		/* when_full = drop */
	uint32_t above : 8;		/* bit c: CoDel has seen class c above its target */
	uint32_t window : 24;		/* of 1 ms, in which it last sent: see node_begin_window() */
};
static_assert(sizeof(struct enode) == 64, "a cache line");

/* What a node of a pair (PF, local) knows beside it. */
struct epair {
	struct limiter *limiter;
	int32_t balance_bytes;		/* local's lead over PF, kept in the PF's node */
	bool has_passed;		/* let its sibling go first once */
};

/* Of a node that drops. */
struct enode_aqm {
	struct codel_terms terms;
	struct codel codel[N_TCLASSES];
};

/* Delays in the buckets of hist.h, by class. */
struct delays {
	_Atomic uint64_t count[N_TCLASSES][HIST_BUCKETS];
};

struct egress {
	struct order *order;
	struct fifo_pool *pool;
	struct enode *nodes;
	struct flow *flows;
	uint32_t *hash;			/* NULL: one flow a node */
	uint32_t hash_mask;
	uint32_t first_free;		/* flows given back */
	uint32_t n_used_flows;		/* flows ever taken: the others' memory has not been touched */
	uint32_t n_nodes, n_flows;
	uint32_t n_pkts;
	uint64_t class_price[N_TCLASSES];	/* virtual cost of a byte: 1 / weight in 16.16 */
	uint32_t *weights, *quanta;	/* by flow key */
	uint32_t n_weights, least_weight, other_quantum;
	struct enode_aqm *aqm;		/* by node; NULL while none drops */
	egress_drop_fn *drop;
	void *drop_ctx;
	struct egress *sibling;
	bool is_local;			/* of the pair: the one without a link */
	bool is_blocked;
	struct epair *pair;		/* by node; NULL: it has no sibling */
	struct peak *peaks;		/* by node; of a pair both in the PF's */
	uint64_t window, window_end_ns;	/* of 1 ms, that now is in */
	struct limiter *holds;		/* by node; NULL: nobody has one */
	struct egress_stats *stats;	/* attached in the order of first packets; the others' memory is untouched */
	struct delays *delays;
	uint32_t n_stats;
};

static inline bool flow_has_classes(const struct flow *f)
{
	uint32_t classes = f->classes & (CLASSES_NEW - 1);

	return (classes & (classes - 1)) != 0;
}

/* The class that is next inside a flow, urgent within allowance apart: strict urgent where no allowance is sold;
 * else demoted urgent shares high's turn, ahead of it. */
static inline enum tclass flow_head_class(const struct flow *f, bool is_demoted)
{
	uint32_t classes = f->classes & (CLASSES_NEW - 1);

	if ((classes & (classes - 1)) == 0)
		return (enum tclass)__builtin_ctz(classes);
	if (classes & 1u << TC_URGENT) {
		if (!is_demoted)
			return TC_URGENT;
		classes |= 1u << TC_HIGH;
	}
	enum tclass best = N_TCLASSES;
	for (uint32_t left = classes & ~(1u << TC_URGENT); left != 0; left &= left - 1) {
		enum tclass c = (enum tclass)__builtin_ctz(left);
		if (best == N_TCLASSES || f->class_finish[c] < f->class_finish[best])
			best = c;
	}
	return best == TC_HIGH && (classes & 1u << TC_URGENT) ? TC_URGENT : best;
}

static inline void count_in(struct enode *n, uint64_t pkts, uint64_t bytes)
{
	counter_add(&n->in_pkts, pkts);
	counter_add(&n->in_bytes, bytes);
}

/* K is behind it: to be marked, if it can be. */
static inline bool enode_is_late(const struct enode *n, uint64_t waited_ns)
{
	return waited_ns + ((uint64_t)n->ring_wait << 16) > n->mark_ns && n->mark_ns != NEVER_MARK;
}

/* egress_peak.c */
void egress_begin_window(struct egress *e, uint32_t node);

/* Before anything is sent at this time. */
static inline void egress_look_at_time(struct egress *e, uint64_t now_ns)
{
	if (unlikely(now_ns >= e->window_end_ns)) {
		e->window = now_ns / PEAK_MS_NS;
		e->window_end_ns = (e->window + 1) * PEAK_MS_NS;
	}
}

/* Before the node sends: the first time in a ms closes its window before that.  (The short number comes round in 4.6 h: of one
 * who was silent for just so long two windows count as one.) */
static inline void node_begin_window(struct egress *e, uint32_t node)
{
	if (unlikely(e->nodes[node].window != (e->window & 0xffffff)))
		egress_begin_window(e, node);
}

/* egress_signal.c */
bool egress_drop_late(struct egress *e, uint32_t flow, enum tclass tclass, uint64_t now_ns);
enum tclass egress_victim_class(const struct egress *e, uint32_t flow, const struct pkt *p);
void egress_push_out(struct egress *e, uint32_t flow, enum tclass tclass);

/* egress_flow.c */
void node_attach(struct egress *e, uint32_t node);	/* statistics, and its only flow, on its first packet */
uint32_t flow_find_hashed(const struct egress *e, uint32_t node, uint32_t key);
uint32_t flow_open(struct egress *e, uint32_t node, uint32_t key);	/* NO_FLOW: none is free */
void flow_link(struct egress *e, uint32_t flow, enum ring ring);
void flow_unlink(struct egress *e, uint32_t flow, enum ring ring);
void flow_close(struct egress *e, uint32_t flow);			/* when it has no packets */
uint32_t flow_weight(const struct egress *e, uint32_t key);
uint32_t flow_pick(struct egress *e, uint32_t node, enum order_how how, enum tclass *tclass);
void flow_charge_class(const struct egress *e, struct flow *f, enum tclass tclass, uint32_t bytes);
void flow_wake_class(struct egress *e, uint32_t flow, enum tclass tclass);	/* its first packet has come */
uint32_t flow_quantum(const struct egress *e, uint32_t key);

static inline bool has_one_flow(const struct egress *e)	/* each node */
{
	return e->hash == NULL;
}

static inline uint32_t flow_find(const struct egress *e, uint32_t node, uint32_t key)
{
	return has_one_flow(e) ? e->nodes[node].ring[RING_ALL] : flow_find_hashed(e, node, key);
}

/* The last packet of a class has left. */
static inline void flow_class_left(struct egress *e, uint32_t id, enum tclass tclass)
{
	e->flows[id].classes &= ~(1u << tclass);
	if (unlikely(tclass == TC_URGENT))
		flow_unlink(e, id, RING_URGENT);
}

/* Packets have left the FIFOs of the flow. */
static inline void flow_left(struct egress *e, struct enode *n, uint32_t id, uint32_t n_pkts, uint64_t bytes)
{
	struct flow *f = &e->flows[id];

	n->n_pkts -= n_pkts;
	n->n_bytes -= bytes;
	e->n_pkts -= n_pkts;
	f->n_pkts -= n_pkts;
	if (f->n_pkts != 0)
		return;
	f->classes = CLASSES_NEW;
	if (!has_one_flow(e))
		flow_close(e, id);
}

#endif
