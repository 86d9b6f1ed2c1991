/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets out: who sends, which of its packets, and what they have cost. */
#include "egress_impl.h"

#define MAX_BALANCE_BYTES (1 << 17)
#define TYPICAL_PKT_BYTES 1500

void egress_prefetch(const struct egress *e, uint32_t node)
{
	__builtin_prefetch(&e->nodes[node], 1);
	order_prefetch(e->order, node);
}

void egress_prefetch_more(const struct egress *e, uint32_t node)
{
	const struct enode *n = &e->nodes[node];

	if (n->stats != NO_STATS)
		__builtin_prefetch(&e->stats[n->stats], 1);	/* of high and medium */
	if (e->n_pkts == 0)	/* then all pass the queues, and what is in them */
		return;
	if (n->ring[RING_ALL] != NO_FLOW && n->n_pkts != 0)
		__builtin_prefetch(&e->flows[n->ring[RING_ALL]], 1);
	order_prefetch_more(e->order, node);
}

/* How long a limit takes for so many packets of typical size, by the narrower bound. */
static uint64_t typical_ns(const struct limiter *l, uint32_t n_pkts)
{
	return u64_max(price_ns(l->price_byte, (uint64_t)n_pkts * TYPICAL_PKT_BYTES), price_ns(l->price_pkt, n_pkts));
}

/* It has a bound on this way alone. */
static inline bool has_hold(const struct egress *e, uint32_t node)
{
	return unlikely(e->holds != NULL) && e->holds[node].price_byte != 0;
}

static inline bool is_on_hold(const struct egress *e, uint32_t node, uint64_t now_ns)
{
	return has_hold(e, node) && limiter_ready_ns(&e->holds[node]) > now_ns;
}

/* Contract 6: a VF's rate is shared between its destinations by round robin in bytes.  The PF is one of them, and the
 * local ones are the others, so local's bytes count once and the PF's once for each local destination.  It matters only
 * where the limit binds; and a sibling whose port is busy is passed over. */
static bool must_pass(const struct egress *e, uint32_t node, uint64_t now_ns)
{
	const struct egress *s = e->sibling;
	const struct epair *pair = &e->pair[node];

	if (pair->limiter == NULL || pair->has_passed || s->nodes[node].n_pkts == 0)
		return false;
	if (limiter_ready_ns(pair->limiter) + typical_ns(pair->limiter, 2) <= now_ns)
		return false;
	if (s->is_blocked || order_link_is_busy(s->order, now_ns))
		return false;
	return e->is_local ? s->pair[node].balance_bytes > 0 : pair->balance_bytes < 0;
}

static void pass(struct egress *e, uint32_t node, uint64_t now_ns)
{
	struct epair *pair = &e->pair[node];

	pair->has_passed = true;
	order_pass(e->order, node, now_ns + typical_ns(pair->limiter, 1), now_ns);
}

static void keep_balance(struct egress *e, uint32_t node, uint64_t bytes)
{
	struct egress *s = e->sibling;
	int32_t *balance = e->is_local ? &s->pair[node].balance_bytes : &e->pair[node].balance_bytes;

	if (s->nodes[node].n_pkts == 0) {
		*balance = 0;
		return;
	}
	int64_t sum = *balance + (e->is_local ? (int64_t)bytes : -(int64_t)(bytes * s->nodes[node].n_flows));
	if (sum > MAX_BALANCE_BYTES)
		sum = MAX_BALANCE_BYTES;
	if (sum < -MAX_BALANCE_BYTES)
		sum = -MAX_BALANCE_BYTES;
	*balance = (int32_t)sum;
}

/* Urgent within its allowance comes before all shares and costs none. */
static inline void charge_flow(struct egress *e, struct flow *f, const struct enode *n, enum tclass tclass,
	uint32_t bytes)
{
	if (n->n_flows > 1 && (tclass != TC_URGENT || !e->is_local || n->demotes_urgent))
		f->deficit -= bytes;
	if (n->n_flows == 1)
		f->deficit = 0;
	if (flow_has_classes(f))	/* a class alone shares with nobody */
		flow_charge_class(e, f, tclass, bytes);
}

/* What the caller gets of a packet that has waited.  is_late: K is behind it. */
static inline struct egress_out out_of(const struct flow *f, const struct fifo_entry *entry, enum tclass tclass,
	bool is_late, uint64_t waited_ns)
{
	return (struct egress_out){
		.handle = entry->handle,
		.node = f->node,
		.flow_key = f->key,
		.bytes = fifo_entry_bytes(entry),
		.tclass = (uint8_t)tclass,
		.drop_prec = fifo_entry_drop_prec(entry),
		.copies = (uint8_t)fifo_entry_copies(entry),
		.is_ect = fifo_entry_is_ect(entry),
		.is_marked = is_late && fifo_entry_is_ect(entry),
		.waited_ns = waited_ns,
	};
}

static inline void fill_out(struct egress *e, struct enode *n, uint32_t flow, enum order_how how, enum tclass tclass,
	struct egress_out *out, uint64_t now_ns)
{
	struct flow *f = &e->flows[flow];
	struct fifo_entry entry = fifo_pop(e->pool, &f->fifo[tclass]);
	uint64_t waited_ns = fifo_entry_waited_ns(&entry, now_ns);
	uint32_t bytes = fifo_entry_bytes(&entry);

	*out = out_of(f, &entry, tclass, enode_is_late(n, waited_ns), waited_ns);
	if (how != ORDER_URGENT)
		charge_flow(e, f, n, tclass, bytes);
	if (f->fifo[tclass].n_pkts == 0)
		flow_class_left(e, flow, tclass);
	flow_left(e, n, flow, 1, bytes);
}

/* What packets of a run have in common is counted once. */
struct tally {
	uint64_t bytes[N_TCLASSES];
	uint32_t pkts[N_TCLASSES];
	uint32_t classes;		/* bit c: pkts[c] is not 0 */
	uint32_t marked;
};

static inline void tally_add(struct tally *t, enum tclass tclass, uint32_t pkts, uint64_t bytes)
{
	t->pkts[tclass] += pkts;
	t->bytes[tclass] += bytes;
	t->classes |= 1u << tclass;
}

static inline void count_out(struct egress *e, uint32_t stats, const struct tally *t)
{
	struct egress_stats *s = &e->stats[stats];

	for (uint32_t left = t->classes; left != 0; left &= left - 1) {
		struct egress_class_stats *c = &s->tclass[egress_class_place(__builtin_ctz(left))];
		counter_add(&c->out_pkts, t->pkts[__builtin_ctz(left)]);
		counter_add(&c->out_bytes, t->bytes[__builtin_ctz(left)]);
	}
	if (unlikely(t->marked != 0))
		counter_add(&s->marked_pkts, t->marked);
}

/* Most leave at once, where nobody waits: told by the difference to what left. */
static inline void count_delay(struct egress *e, uint32_t stats, enum tclass tclass, uint64_t waited_ns, uint32_t pkts)
{
	struct egress_class_stats *c = &e->stats[stats].tclass[egress_class_place(tclass)];

	if (waited_ns < EGRESS_AT_ONCE_NS)
		return;
	hist_count_run(&c->delay_run, e->delays[stats].count[tclass], waited_ns, pkts);
	hist_max(&c->delay_max_ns, waited_ns);
}

/* What the order must know of a node after a service: its next packet's size. */
static inline uint32_t head_bytes(const struct egress *e, const struct enode *n)
{
	if (n->n_pkts == 0)
		return 0;
	const struct flow *f = &e->flows[n->ring[RING_ALL]];
	const struct fifo_entry *entry = fifo_head(e->pool, &f->fifo[flow_head_class(f, n->demotes_urgent)]);

	return fifo_entry_bytes(entry) * fifo_entry_copies(entry);
}

/* CoDel has something to say: no target is below CODEL_TARGET_NS. */
static inline bool may_be_late(const struct egress *e, const struct enode *n, uint32_t flow, enum tclass tclass,
	uint64_t now_ns)
{
	const struct fifo_entry *head = fifo_head(e->pool, &e->flows[flow].fifo[tclass]);

	return (n->above & 1u << tclass) != 0 || fifo_entry_waited_ns(head, now_ns) >= CODEL_TARGET_NS;
}

/* The next packet of the node.  false: it was dropped instead. */
static inline bool serve_one(struct egress *e, struct enode *n, uint32_t node, enum order_how how,
	struct egress_out *out, uint64_t now_ns)
{
	enum tclass tclass;
	uint32_t flow = n->ring[RING_ALL];

	if (n->n_flows == 1 && how != ORDER_URGENT)
		tclass = flow_head_class(&e->flows[flow], n->demotes_urgent);
	else
		flow = flow_pick(e, node, how, &tclass);
	if (n->is_dropping && may_be_late(e, n, flow, tclass, now_ns) && egress_drop_late(e, flow, tclass, now_ns))
		return false;
	fill_out(e, n, flow, how, tclass, out, now_ns);
	return true;
}

/* The packets of a run, one by one: of a node with several flows, urgent within its allowance, or one that drops.
 * 0: the first was dropped instead. */
static inline uint32_t serve_each(struct egress *e, uint32_t node, enum order_how how, struct egress_out *out,
	uint32_t n, struct order_run *run)
{
	struct enode *en = &e->nodes[node];
	struct tally tally = {0};
	uint32_t n_out = 0;

	do {
		struct egress_out *o = &out[n_out++];
		if (!serve_one(e, en, node, how, o, run->now_ns))
			return 0;
		uint64_t bytes = (uint64_t)o->bytes * o->copies;
		count_delay(e, en->stats, (enum tclass)o->tclass, o->waited_ns, o->copies);
		tally_add(&tally, (enum tclass)o->tclass, o->copies, bytes);
		tally.marked += o->is_marked ? o->copies : 0;
		order_run_add(run, bytes, o->copies);
	} while (n_out < n && en->n_pkts > 0 && order_run_goes_on(run));
	count_out(e, en->stats, &tally);
	return n_out;
}

/* Packets of one class that came in the same moment have waited equally long: they are judged and counted as one. */
struct moment {
	uint64_t came, waited_ns;
	uint64_t bytes;
	uint32_t pkts;
	enum tclass tclass;
	bool is_late;
};

static inline void count_moment(struct egress *e, uint32_t stats, const struct moment *m)
{
	struct egress_class_stats *c = &e->stats[stats].tclass[egress_class_place(m->tclass)];

	counter_add(&c->out_pkts, m->pkts);
	counter_add(&c->out_bytes, m->bytes);
	count_delay(e, stats, m->tclass, m->waited_ns, m->pkts);
}

static inline void begin_moment(const struct enode *n, struct moment *m, const struct fifo_entry *entry, enum tclass tclass,
	uint64_t now_ns)
{
	m->came = fifo_entry_came(entry);
	m->waited_ns = fifo_entry_waited_ns(entry, now_ns);
	m->is_late = enode_is_late(n, m->waited_ns);
	m->bytes = 0;
	m->pkts = 0;
	m->tclass = tclass;
}

/* The same of one flow, as most nodes have: what its packets have in common is looked up and counted once. */
static inline uint32_t serve_flow(struct egress *e, struct enode *en, uint32_t id, struct egress_out *out, uint32_t n,
	struct order_run *run)
{
	struct flow *f = &e->flows[id];
	struct moment m = {.came = UINT64_MAX};
	uint64_t bytes = 0;
	uint32_t n_out = 0, marked = 0, stats = en->stats;

	do {
		enum tclass tclass = flow_head_class(f, en->demotes_urgent);
		struct fifo *fifo = &f->fifo[tclass];
		struct fifo_entry entry = fifo_pop(e->pool, fifo);
		uint32_t pkt_bytes = fifo_entry_bytes(&entry), copies = fifo_entry_copies(&entry);

		if (flow_has_classes(f))
			flow_charge_class(e, f, tclass, pkt_bytes);
		if (fifo->n_pkts == 0)
			flow_class_left(e, id, tclass);
		if (fifo_entry_came(&entry) != m.came || tclass != m.tclass) {
			if (n_out != 0)
				count_moment(e, stats, &m);
			begin_moment(en, &m, &entry, tclass, run->now_ns);
		}
		struct egress_out *o = &out[n_out++];
		*o = out_of(f, &entry, tclass, m.is_late, m.waited_ns);
		marked += o->is_marked ? copies : 0;
		m.pkts += copies;
		m.bytes += (uint64_t)pkt_bytes * copies;
		order_run_add(run, (uint64_t)pkt_bytes * copies, copies);
		bytes += pkt_bytes;
	} while (n_out < n && n_out < f->n_pkts && order_run_goes_on(run));
	count_moment(e, stats, &m);
	if (unlikely(marked != 0))
		counter_add(&e->stats[stats].marked_pkts, marked);
	if (!has_one_flow(e))
		f->deficit = 0;
	flow_left(e, en, id, n_out, bytes);
	return n_out;
}

/* Up to n packets of the node, while it may: who has many small ones is not decided about for each.  One where it drops:
 * each drop changes who is next. */
static __attribute__((noinline)) uint32_t serve(struct egress *e, uint32_t node, enum order_how how,
	struct egress_out *out, uint32_t n, uint64_t now_ns)
{
	struct enode *en = &e->nodes[node];
	uint32_t next = order_likely_next(e->order, node), n_out;
	struct order_run run;

	if (next != ORDER_NONE)
		egress_prefetch(e, next);
	node_begin_window(e, node);
	order_begin_run(e->order, node, how, now_ns, &run);
	if (en->is_dropping || has_hold(e, node) || (e->sibling != NULL && e->sibling->nodes[node].n_pkts > 0))
		n = 1;
	if (en->n_flows == 1 && how != ORDER_URGENT && !en->is_dropping)
		n_out = serve_flow(e, en, en->ring[RING_ALL], out, n, &run);
	else if ((n_out = serve_each(e, node, how, out, n, &run)) == 0)
		return 0;
	if (has_hold(e, node))
		limiter_charge(&e->holds[node], run.bytes, run.pkts, now_ns, order_lost_total_ns(e->order),
			order_lost_end_ns(e->order));
	if (e->sibling != NULL) {
		e->pair[node].has_passed = false;
		keep_balance(e, node, run.bytes);
	}
	order_end_run(e->order, node, how, &run, en->n_pkts > 0, head_bytes(e, en), en->ring[RING_URGENT] != NO_FLOW);
	return n_out;
}

uint32_t egress_pop(struct egress *e, struct egress_out *out, uint32_t n, uint64_t now_ns)
{
	uint32_t n_out = 0;

	egress_look_at_time(e, now_ns);
	while (n_out < n && e->n_pkts > 0) {
		enum order_how how;
		uint32_t node = order_next(e->order, now_ns, &how);
		if (node == ORDER_NONE)
			break;
		if (how != ORDER_URGENT && is_on_hold(e, node, now_ns)) {
			order_pass(e->order, node, limiter_ready_ns(&e->holds[node]), now_ns);
			continue;
		}
		if (e->sibling != NULL && how != ORDER_URGENT && must_pass(e, node, now_ns)) {
			pass(e, node, now_ns);
			continue;
		}
		n_out += serve(e, node, how, out + n_out, n - n_out, now_ns);
	}
	return n_out;
}

/* What was judged late, or has more waiting in its sender's ring, goes the long way, past the marks and drops. */
static inline bool may_pass(const struct enode *n, const struct pkt *p)
{
	return (n->n_pkts | n->above | p->ring_wait) == 0;
}

/* How many of the packets, from the first on, need no queue as far as their nodes' queues tell; and their sizes. */
static inline uint32_t n_passing(const struct egress *e, const uint32_t *nodes, const struct pkt *p, uint32_t *bytes, uint32_t n)
{
	const struct enode *all = e->nodes;
	const struct limiter *holds = e->holds;

	for (uint32_t i = 0; i < n; i++) {
		if (!may_pass(&all[nodes[i]], &p[i]) || (unlikely(holds != NULL) && has_hold(e, nodes[i])))
			return i;
		bytes[i] = p[i].bytes;
	}
	return n;
}

static __attribute__((noinline)) void count_passed(struct egress *e, const uint32_t *nodes, const struct pkt *p, uint32_t n)
{
	struct enode *all = e->nodes;
	uint32_t window = e->window & 0xffffff;

	for (uint32_t i = 0; i < n; i++) {
		struct enode *en = &all[nodes[i]];

		if (unlikely(en->stats == NO_STATS))
			node_attach(e, nodes[i]);
		if (unlikely(en->window != window))
			egress_begin_window(e, nodes[i]);
		struct egress_class_stats *c = &e->stats[en->stats].tclass[egress_class_place(p[i].tclass)];
		count_in(en, 1, p[i].bytes);
		counter_add(&c->out_pkts, 1);
		counter_add(&c->out_bytes, p[i].bytes);
	}
}

uint32_t egress_send_now(struct egress *e, const uint32_t *nodes, const struct pkt *p, uint32_t n, uint64_t now_ns)
{
	uint32_t bytes[EGRESS_AT_ONCE_PKTS];
	struct order_run run;

	if (n == 0 || e->is_blocked || !order_begin_now(e->order, now_ns, &run))
		return 0;
	egress_look_at_time(e, now_ns);
	n = n_passing(e, nodes, p, bytes, n < EGRESS_AT_ONCE_PKTS ? n : EGRESS_AT_ONCE_PKTS);
	n = order_send_now(e->order, &run, nodes, bytes, n);
	count_passed(e, nodes, p, n);
	order_end_now(e->order, &run);
	return n;
}

static void take(struct egress *e, uint32_t node, uint32_t flow, struct egress_out *out, uint64_t now_ns)
{
	struct enode *n = &e->nodes[node];

	fill_out(e, n, flow, ORDER_URGENT, flow_head_class(&e->flows[flow], n->demotes_urgent), out, now_ns);
	if (n->n_pkts == 0)
		order_sleep(e->order, node, now_ns);
	else if (n->ring[RING_URGENT] == NO_FLOW)
		order_sleep_urgent(e->order, node);
}

bool egress_take(struct egress *e, uint32_t node, struct egress_out *out, uint64_t now_ns)
{
	if (e->nodes[node].n_pkts == 0)
		return false;
	take(e, node, e->nodes[node].ring[RING_ALL], out, now_ns);
	return true;
}

bool egress_take_flow(struct egress *e, uint32_t node, uint32_t key, struct egress_out *out, uint64_t now_ns)
{
	uint32_t flow = e->nodes[node].n_pkts == 0 ? NO_FLOW : flow_find(e, node, key);

	if (flow == NO_FLOW)
		return false;
	take(e, node, flow, out, now_ns);
	return true;
}
