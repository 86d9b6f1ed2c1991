/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets in and out. */
#include "egress_impl.h"

#define LEAST_FLOW_PKTS	   4			/* a flow may always have these waiting */
#define MAX_BALANCE_BYTES  (1 << 17)
#define TYPICAL_PKT_BYTES  1500

/* Does the node's queue take one more?  Full means: the limit by drop precedence is reached, and this flow has its part
 * of it.  Who has less may go beyond, up to twice the limit, so that a flooding sender does not shut the others out. */
static bool has_room(const struct egress *e, const struct enode *n, uint32_t flow, uint32_t key, const struct pkt *p)
{
	uint32_t limit = n->queue_pkts;
	uint32_t n_flow = flow == NO_FLOW ? 0 : e->flows[flow].n_pkts;
	uint64_t weight = flow_weight(e, key);
	uint64_t all = n->active_weight + (flow == NO_FLOW ? weight : 0);

	if (p->tclass == TC_URGENT)
		limit += limit / 8;
	else if (p->drop_prec == DP_MEDIUM)
		limit -= limit / 4;
	else if (p->drop_prec == DP_HIGH)
		limit /= 2;
	if (n->n_pkts < limit)
		return true;
	if (n->n_pkts >= 2 * n->queue_pkts)
		return false;
	return n_flow < LEAST_FLOW_PKTS || n_flow * all < limit * weight;
}

void egress_prefetch(const struct egress *e, uint32_t node)
{
	__builtin_prefetch(&e->nodes[node], 1);
	order_prefetch(e->order, node);
}

void egress_prefetch_more(const struct egress *e, uint32_t node)
{
	uint32_t stats = e->nodes[node].stats;

	if (stats != NO_STATS)
		__builtin_prefetch(&e->stats[stats], 1);
	order_prefetch_more(e->order, node);
}

static inline void count_in(struct egress *e, struct enode *n, uint32_t bytes)
{
	if (unlikely(n->stats == NO_STATS))
		__atomic_store_n(&n->stats, e->n_stats++, __ATOMIC_RELEASE);
	counter_add(&n->in_pkts, 1);
	counter_add(&n->in_bytes, bytes);
}

enum drop_reason egress_push(struct egress *e, uint32_t node, uint32_t key, const struct pkt *p, uint32_t copies,
	uint64_t now_ns)
{
	struct enode *n = &e->nodes[node];
	uint32_t id = flow_find(e, node, key);
	enum tclass victim = N_TCLASSES;

	if (n->queue_pkts != 0 && !has_room(e, n, id, key, p)) {
		if (n->is_dropping && id != NO_FLOW)
			victim = egress_victim_class(e, id, p);
		if (victim == N_TCLASSES)
			return DROP_QUEUE_FULL;
	}
	if (id == NO_FLOW && (id = flow_open(e, node, key)) == NO_FLOW)
		return DROP_QUEUE_FULL;
	struct flow *f = &e->flows[id];
	struct fifo *fifo = &f->fifo[p->tclass];
	uint64_t packed = fifo_pack(p->bytes, copies, p->drop_prec, p->ecn != ECN_NOT_ECT, now_ns);
	if (unlikely(!fifo_push(e->pool, fifo, p->handle, packed))) {
		if (f->n_pkts == 0)
			flow_close(e, id);
		return DROP_QUEUE_FULL;
	}
	if (fifo->n_pkts == 1) {
		f->classes |= 1u << p->tclass;
		flow_wake_class(e, f, (enum tclass)p->tclass);
		if (p->tclass == TC_URGENT)
			flow_link(e, id, RING_URGENT);
	}
	f->n_pkts++;
	n->ring_wait = p->ring_wait;
	n->n_bytes += p->bytes;
	e->n_pkts++;
	count_in(e, n, p->bytes);
	if (n->n_pkts++ == 0)
		order_wake(e->order, node, p->bytes * copies, p->tclass == TC_URGENT, now_ns);
	else if (p->tclass == TC_URGENT)
		order_wake_urgent(e->order, node, now_ns);
	if (unlikely(victim != N_TCLASSES))
		egress_push_out(e, id, victim);
	return DROP_NOT;
}

/* How long a limit takes for so many packets of typical size, by the narrower bound. */
static uint64_t typical_ns(const struct limiter *l, uint32_t n_pkts)
{
	return u64_max(price_ns(l->price_byte, (uint64_t)n_pkts * TYPICAL_PKT_BYTES), price_ns(l->price_pkt, n_pkts));
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
	if ((f->classes & (f->classes - 1)) != 0)	/* a class alone shares with nobody */
		flow_charge_class(e, f, tclass, bytes);
}

static inline void fill_out(struct egress *e, struct enode *n, uint32_t flow, enum order_how how, enum tclass tclass,
	struct egress_out *out, uint64_t now_ns)
{
	struct flow *f = &e->flows[flow];
	struct fifo_entry entry = fifo_pop(e->pool, &f->fifo[tclass]);
	uint64_t waited_ns = fifo_entry_waited_ns(&entry, now_ns);
	uint32_t bytes = fifo_entry_bytes(&entry);

	*out = (struct egress_out){
		.handle = entry.handle,
		.node = f->node,
		.flow_key = f->key,
		.bytes = bytes,
		.tclass = (uint8_t)tclass,
		.drop_prec = fifo_entry_drop_prec(&entry),
		.copies = (uint8_t)fifo_entry_copies(&entry),
		.is_ect = fifo_entry_is_ect(&entry),
		.is_marked = enode_is_late(n, waited_ns) && fifo_entry_is_ect(&entry),
		.waited_ns = waited_ns,
	};
	if (how != ORDER_URGENT)
		charge_flow(e, f, n, tclass, bytes);
	flow_left(e, n, flow, tclass, bytes);
}

static inline void count_out(struct egress *e, uint32_t stats, const struct egress_out *out, uint64_t bytes)
{
	struct egress_stats *s = &e->stats[stats];

	counter_add(&s->out_pkts[out->tclass], out->copies);
	counter_add(&s->out_bytes[out->tclass], bytes);
	if (unlikely(out->is_marked))
		counter_add(&s->marked_pkts, out->copies);
	if (out->waited_ns < EGRESS_AT_ONCE_NS)	/* most, where nobody waits: one line less to touch */
		return;
	hist_count(e->delays[stats].count[out->tclass], out->waited_ns, out->copies);
	hist_max(&s->delay_max_ns[out->tclass], out->waited_ns);
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

/* Up to n packets of the node, while it may: who has many small ones is not decided about for each.  One where it drops:
 * each drop changes who is next. */
static inline uint32_t serve(struct egress *e, uint32_t node, enum order_how how, struct egress_out *out, uint32_t n,
	uint64_t now_ns)
{
	struct enode *en = &e->nodes[node];
	uint64_t sum_bytes = 0, sum_pkts = 0;
	uint32_t next = order_likely_next(e->order, node), n_out = 0;
	bool may_go_on;

	if (next != ORDER_NONE)
		egress_prefetch(e, next);
	egress_prefetch_more(e, node);
	do {
		struct egress_out *o = &out[n_out];
		if (!serve_one(e, en, node, how, o, now_ns))
			return 0;
		n_out++;
		uint64_t bytes = (uint64_t)o->bytes * o->copies;
		count_out(e, en->stats, o, bytes);
		sum_bytes += bytes;
		sum_pkts += o->copies;
		may_go_on = order_charge_packet(e->order, node, how, bytes, o->copies, sum_bytes, sum_pkts, now_ns);
	} while (may_go_on && n_out < n && en->n_pkts > 0 && !en->is_dropping &&
		(e->sibling == NULL || e->sibling->nodes[node].n_pkts == 0));
	if (e->sibling != NULL) {
		e->pair[node].has_passed = false;
		keep_balance(e, node, sum_bytes);
	}
	order_charge_run(e->order, node, how, sum_bytes, sum_pkts, en->n_pkts > 0, head_bytes(e, en),
		en->ring[RING_URGENT] != NO_FLOW, now_ns);
	return n_out;
}

uint32_t egress_pop(struct egress *e, struct egress_out *out, uint32_t n, uint64_t now_ns)
{
	uint32_t n_out = 0;

	while (n_out < n && e->n_pkts > 0) {
		enum order_how how;
		uint32_t node = order_next(e->order, now_ns, &how);
		if (node == ORDER_NONE)
			break;
		if (e->sibling != NULL && how != ORDER_URGENT && must_pass(e, node, now_ns)) {
			pass(e, node, now_ns);
			continue;
		}
		n_out += serve(e, node, how, out + n_out, n - n_out, now_ns);
	}
	return n_out;
}

/* What was judged late, or has more waiting in its sender's ring, goes the long way, past the marks and drops. */
bool egress_send_now(struct egress *e, uint32_t node, const struct pkt *p, uint64_t now_ns)
{
	struct enode *n = &e->nodes[node];

	if (e->is_blocked || n->n_pkts != 0 || n->above != 0 || p->ring_wait != 0 ||
		!order_send_now(e->order, node, p->bytes, 1, now_ns))
		return false;
	count_in(e, n, p->bytes);
	count_out(e, n->stats, &(struct egress_out){.bytes = p->bytes, .tclass = p->tclass, .copies = 1}, p->bytes);
	return true;
}

bool egress_take(struct egress *e, uint32_t node, struct egress_out *out, uint64_t now_ns)
{
	struct enode *n = &e->nodes[node];

	if (n->n_pkts == 0)
		return false;
	uint32_t flow = n->ring[RING_ALL];
	fill_out(e, n, flow, ORDER_URGENT, flow_head_class(&e->flows[flow], n->demotes_urgent), out, now_ns);
	if (n->n_pkts == 0)
		order_sleep(e->order, node, now_ns);
	else if (n->ring[RING_URGENT] == NO_FLOW)
		order_sleep_urgent(e->order, node);
	return true;
}
