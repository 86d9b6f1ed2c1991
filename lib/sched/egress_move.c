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

static __attribute__((noinline)) void attach_stats(struct egress *e, struct enode *n)
{
	__atomic_store_n(&n->stats, &e->stats[e->n_stats++], __ATOMIC_RELEASE);
}

static inline void count_in(struct egress *e, struct enode *n, uint32_t bytes)
{
	if (unlikely(n->stats == NULL))
		attach_stats(e, n);
	counter_add(&n->stats->in_pkts, 1);
	counter_add(&n->stats->in_bytes, bytes);
}

enum drop_reason egress_push(struct egress *e, uint32_t node, uint32_t key, const struct pkt *p, uint32_t copies,
	uint64_t now_ns)
{
	struct enode *n = &e->nodes[node];
	uint32_t id = flow_find(e, node, key);

	if (n->queue_pkts != 0 && !has_room(e, n, id, key, p))
		return DROP_QUEUE_FULL;
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
	n->n_bytes += p->bytes;
	e->n_pkts++;
	count_in(e, n, p->bytes);
	if (n->n_pkts++ == 0)
		order_wake(e->order, node, p->bytes * copies, p->tclass == TC_URGENT, now_ns);
	else if (p->tclass == TC_URGENT)
		order_wake_urgent(e->order, node, now_ns);
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
static bool must_pass(struct egress *e, uint32_t node, uint64_t now_ns)
{
	struct egress *s = e->sibling;
	struct enode *n = &e->nodes[node];

	if (n->limiter == NULL || n->has_passed || s->nodes[node].n_pkts == 0)
		return false;
	if (limiter_ready_ns(n->limiter) + typical_ns(n->limiter, 2) <= now_ns)
		return false;
	if (s->is_blocked || order_link_is_busy(s->order, now_ns))
		return false;
	return e->is_local ? s->nodes[node].balance_bytes > 0 : n->balance_bytes < 0;
}

static void pass(struct egress *e, uint32_t node, uint64_t now_ns)
{
	struct enode *n = &e->nodes[node];

	n->has_passed = true;
	order_pass(e->order, node, now_ns + typical_ns(n->limiter, 1), now_ns);
}

static void keep_balance(struct egress *e, uint32_t node, uint64_t bytes)
{
	struct egress *s = e->sibling;
	int32_t *balance = e->is_local ? &s->nodes[node].balance_bytes : &e->nodes[node].balance_bytes;

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

static inline void fill_out(struct egress *e, uint32_t flow, enum order_how how, enum tclass tclass,
	struct egress_out *out, uint64_t now_ns)
{
	uint32_t node = e->flows[flow].node, key = e->flows[flow].key;
	struct fifo_entry entry = flow_pop(e, flow, how, tclass);

	*out = (struct egress_out){
		.handle = entry.handle,
		.node = node,
		.flow_key = key,
		.bytes = fifo_entry_bytes(&entry),
		.tclass = (uint8_t)tclass,
		.drop_prec = fifo_entry_drop_prec(&entry),
		.copies = (uint8_t)fifo_entry_copies(&entry),
		.is_ect = fifo_entry_is_ect(&entry),
		.waited_ns = fifo_entry_waited_ns(&entry, now_ns),
	};
}

static inline void count_out(struct egress_stats *s, const struct egress_out *out, uint64_t bytes)
{
	counter_add(&s->out_pkts[out->tclass], out->copies);
	counter_add(&s->out_bytes[out->tclass], bytes);
	hist_record(&s->delay[out->tclass], out->waited_ns);
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

static inline void serve(struct egress *e, uint32_t node, enum order_how how, struct egress_out *out, uint64_t now_ns)
{
	struct enode *n = &e->nodes[node];
	enum tclass tclass;
	uint32_t flow = n->ring[RING_ALL];

	if (n->n_flows == 1 && how != ORDER_URGENT)
		tclass = flow_head_class(&e->flows[flow], n->demotes_urgent);
	else
		flow = flow_pick(e, node, how, &tclass);
	fill_out(e, flow, how, tclass, out, now_ns);
	uint64_t bytes = (uint64_t)out->bytes * out->copies;
	count_out(n->stats, out, bytes);
	if (e->sibling != NULL) {
		n->has_passed = false;
		keep_balance(e, node, bytes);
	}
	order_charge(e->order, node, how, bytes, out->copies, n->n_pkts > 0, head_bytes(e, n),
		n->ring[RING_URGENT] != NO_FLOW, now_ns);
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
		serve(e, node, how, &out[n_out++], now_ns);
	}
	return n_out;
}

bool egress_take(struct egress *e, uint32_t node, struct egress_out *out, uint64_t now_ns)
{
	struct enode *n = &e->nodes[node];

	if (n->n_pkts == 0)
		return false;
	uint32_t flow = n->ring[RING_ALL];
	fill_out(e, flow, ORDER_URGENT, flow_head_class(&e->flows[flow], n->demotes_urgent), out, now_ns);
	if (n->n_pkts == 0)
		order_sleep(e->order, node, now_ns);
	else if (n->ring[RING_URGENT] == NO_FLOW)
		order_sleep_urgent(e->order, node);
	return true;
}
