/* SPDX-License-Identifier: BSD-3-Clause */
/* Set-up, terms, figures and invariants. */
#include "egress.h"

#include <stdlib.h>
#include <string.h>

#include "egress_impl.h"
#include "mem.h"

/* Flows and statistics are reserved for the worst case; the system gives memory only to what is touched. */
static bool create_flows(struct egress *e, uint32_t n_flows)
{
	uint32_t n_hash = 64;

	e->n_flows = n_flows ? n_flows : e->n_nodes;
	e->first_free = NO_FLOW;
	e->flows = mem_reserve(e->n_flows, sizeof(*e->flows));
	if (e->flows == NULL)
		return false;
	if (n_flows == 0)
		return true;
	while (n_hash < n_flows && n_hash < 1u << 20)
		n_hash *= 2;
	e->hash_mask = n_hash - 1;
	e->hash = malloc(n_hash * sizeof(*e->hash));
	if (e->hash == NULL)
		return false;
	memset(e->hash, 0xff, n_hash * sizeof(*e->hash));
	return true;
}

struct egress *egress_create(const struct egress_params *p, struct fifo_pool *pool)
{
	struct egress *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->pool = pool;
	e->n_nodes = p->order.n_nodes;
	e->least_weight = 1;
	e->other_quantum = flow_quantum(e, 0);
	e->order = order_create(&p->order);
	e->nodes = mem_reserve(e->n_nodes, sizeof(*e->nodes));
	e->stats = mem_reserve(e->n_nodes, sizeof(*e->stats));
	e->delays = mem_reserve(e->n_nodes, sizeof(*e->delays));
	e->peaks = mem_reserve(e->n_nodes, sizeof(*e->peaks));
	if (e->order == NULL || e->nodes == NULL || e->stats == NULL || e->delays == NULL || e->peaks == NULL || !create_flows(e, p->n_flows)) {
		egress_destroy(e);
		return NULL;
	}
	for (uint32_t i = 0; i < e->n_nodes; i++)
		e->nodes[i] = (struct enode){.ring = {NO_FLOW, NO_FLOW}, .stats = NO_STATS, .mark_ns = NEVER_MARK};
	for (int c = 0; c < N_TCLASSES; c++)
		e->class_price[c] = 65536 / (p->class_weight[c] ? p->class_weight[c] : 1);
	return e;
}

void egress_destroy(struct egress *e)
{
	if (e == NULL)
		return;
	order_destroy(e->order);
	mem_release(e->nodes, e->n_nodes, sizeof(*e->nodes));
	mem_release(e->stats, e->n_nodes, sizeof(*e->stats));
	mem_release(e->delays, e->n_nodes, sizeof(*e->delays));
	mem_release(e->peaks, e->n_nodes, sizeof(*e->peaks));
	mem_release(e->flows, e->n_flows, sizeof(*e->flows));
	mem_release(e->pair, e->n_nodes, sizeof(*e->pair));
	free(e->hash);
	free(e->weights);
	free(e->quanta);
	free(e->aqm);
	free(e);
}

void egress_set_node(struct egress *e, uint32_t node, const struct order_terms *terms, struct limiter *limiter,
	uint32_t queue_pkts, uint64_t now_ns)
{
	e->nodes[node].queue_pkts = queue_pkts;
	if (e->pair != NULL)
		e->pair[node].limiter = limiter;
	e->nodes[node].demotes_urgent = (terms->urgent_byte | terms->urgent_pkt) != 0;
	order_set(e->order, node, terms, limiter, now_ns);
	if (e->nodes[node].ring[RING_URGENT] != NO_FLOW)	/* an allowance that is new finds packets waiting for it */
		order_wake_urgent(e->order, node, now_ns);
}

void egress_set_group(struct egress *e, uint32_t group, const struct order_terms *terms, struct limiter *limiter,
	uint64_t now_ns)
{
	order_set_group(e->order, group, terms, limiter, now_ns);
}

void egress_join(struct egress *e, uint32_t node, uint32_t group, uint64_t now_ns)
{
	order_join(e->order, node, group, now_ns);
}

bool egress_join_group(struct egress *e, uint32_t group, uint32_t parent, uint64_t now_ns)
{
	return order_join_group(e->order, group, parent, now_ns);
}

/* Flows that wait now change with it: nodes keep sums of their weights. */
static void renew_flows(struct egress *e)
{
	for (uint32_t i = 0; i < e->n_nodes; i++)
		e->nodes[i].active_weight = has_one_flow(e) && e->nodes[i].n_flows != 0 ? flow_weight(e, 0) : 0;
	for (uint32_t i = 0; i < e->n_used_flows; i++) {
		struct flow *f = &e->flows[i];
		if (f->n_pkts == 0)
			continue;
		f->quantum = flow_quantum(e, f->key);
		e->nodes[f->node].active_weight += flow_weight(e, f->key);
	}
}

/* Quanta from weights. */
static void renew_flow_weights(struct egress *e)
{
	e->least_weight = UINT32_MAX;
	for (uint32_t i = 0; i < e->n_weights; i++)
		e->least_weight = e->weights[i] < e->least_weight ? e->weights[i] : e->least_weight;
	for (uint32_t i = 0; i < e->n_weights; i++)
		e->quanta[i] = flow_quantum(e, i);
	e->other_quantum = flow_quantum(e, e->n_weights);
	renew_flows(e);
}

bool egress_set_flow_weights(struct egress *e, const uint32_t *weights, uint32_t n_keys)
{
	uint32_t *copy = calloc(n_keys, sizeof(*copy));
	uint32_t *quanta = calloc(n_keys, sizeof(*quanta));

	if (copy == NULL || quanta == NULL) {
		free(copy);
		free(quanta);
		return false;
	}
	memcpy(copy, weights, n_keys * sizeof(*copy));
	free(e->weights);
	free(e->quanta);
	e->weights = copy;
	e->quanta = quanta;
	e->n_weights = n_keys;
	renew_flow_weights(e);
	return true;
}

void egress_change_flow_weights(struct egress *e, const uint32_t *weights)
{
	memcpy(e->weights, weights, e->n_weights * sizeof(*weights));
	renew_flow_weights(e);
}

bool egress_pair(struct egress *pf, struct egress *local)
{
	pf->pair = mem_reserve(pf->n_nodes, sizeof(*pf->pair));
	local->pair = mem_reserve(local->n_nodes, sizeof(*local->pair));
	if (pf->pair == NULL || local->pair == NULL)
		return false;
	pf->sibling = local;
	local->sibling = pf;
	local->is_local = true;
	return true;
}

void egress_set_holds(struct egress *e, struct limiter *holds)
{
	e->holds = holds;
}

void egress_forget(struct egress *e, uint32_t node)
{
	struct enode *n = &e->nodes[node];

	assert(n->n_pkts == 0);
	n->ring_wait = 0;
	n->above = 0;
	if (e->aqm != NULL)
		memset(e->aqm[node].codel, 0, sizeof(e->aqm[node].codel));
	if (e->pair != NULL) {
		e->pair[node].balance_bytes = 0;
		e->pair[node].has_passed = false;
	}
	if (!e->is_local) {
		egress_begin_window(e, node);
		peak_forget(&e->peaks[node]);
	}
	order_forget(e->order, node);
}

void egress_set_blocked(struct egress *e, bool is_blocked)
{
	e->is_blocked = is_blocked;
}

bool egress_is_blocked(const struct egress *e)
{
	return e->is_blocked;
}

uint32_t egress_backlog_pkts(const struct egress *e, uint32_t node)
{
	return e->nodes[node].n_pkts;
}

uint64_t egress_backlog_bytes(const struct egress *e, uint32_t node)
{
	return e->nodes[node].n_bytes;
}

uint32_t egress_n_pkts(const struct egress *e)
{
	return e->n_pkts;
}

struct order *egress_order(const struct egress *e)
{
	return e->order;
}

static uint32_t stats_of(const struct egress *e, uint32_t node)
{
	return __atomic_load_n(&e->nodes[node].stats, __ATOMIC_ACQUIRE);
}

const struct egress_stats *egress_stats(const struct egress *e, uint32_t node)
{
	static const struct egress_stats none;
	uint32_t stats = stats_of(e, node);

	return stats != NO_STATS ? &e->stats[stats] : &none;
}

uint64_t egress_in_pkts(const struct egress *e, uint32_t node)
{
	return counter_read(&e->nodes[node].in_pkts);
}

uint64_t egress_in_bytes(const struct egress *e, uint32_t node)
{
	return counter_read(&e->nodes[node].in_bytes);
}

/* Who left at once was not counted. */
void egress_delay(const struct egress *e, uint32_t node, enum tclass tclass, struct hist_snapshot *delay)
{
	uint32_t stats = stats_of(e, node);

	*delay = (struct hist_snapshot){0};
	if (stats == NO_STATS)
		return;
	const struct egress_class_stats *s = egress_class(&e->stats[stats], tclass);
	uint64_t n_out = counter_read(&s->out_pkts);
	hist_read_parts(e->delays[stats].count[tclass], &s->delay_run, &s->delay_max_ns, delay);
	if (delay->n < n_out) {
		delay->count[0] += n_out - delay->n;
		delay->n = n_out;
	}
}

static bool check_flow(const struct egress *e, uint32_t id, FILE *out)
{
	const struct flow *f = &e->flows[id];
	uint32_t n = 0;

	uint32_t classes = 0;

	for (int c = 0; c < N_TCLASSES; c++) {
		n += f->fifo[c].n_pkts;
		classes |= (uint32_t)(f->fifo[c].n_pkts > 0) << c;
	}
	if (n == f->n_pkts && n > 0 && classes == (f->classes & (CLASSES_NEW - 1)))
		return true;
	fprintf(out, "egress: flow %u counts %u packets and holds %u\n", id, f->n_pkts, n);
	return false;
}

static bool check_node(const struct egress *e, uint32_t node, FILE *out)
{
	const struct enode *n = &e->nodes[node];
	uint32_t id = n->ring[RING_ALL], n_pkts = 0, n_flows = 0;
	uint32_t weight = 0;
	bool is_ok = true;

	if (has_one_flow(e) && n->n_pkts == 0)
		return !order_is_waiting(e->order, node);
	for (; id != NO_FLOW && n_flows <= e->n_flows; id = e->flows[id].next[RING_ALL]) {
		is_ok &= check_flow(e, id, out) && e->flows[id].node == node;
		n_pkts += e->flows[id].n_pkts;
		weight += flow_weight(e, e->flows[id].key);
		n_flows++;
		if (has_one_flow(e) || e->flows[id].next[RING_ALL] == n->ring[RING_ALL])
			break;
	}
	if (n_pkts != n->n_pkts || n_flows != n->n_flows || (n_pkts > 0) != order_is_waiting(e->order, node)) {
		fprintf(out, "egress: node %u counts %u packets in %u flows and holds %u in %u\n", node, n->n_pkts,
			n->n_flows, n_pkts, n_flows);
		is_ok = false;
	}
	if (weight != n->active_weight) {
		fprintf(out, "egress: the flows of node %u weigh %u, not %u\n", node, weight,
			n->active_weight);
		is_ok = false;
	}
	return is_ok;
}

bool egress_check(const struct egress *e, FILE *out)
{
	bool is_ok = order_check(e->order, out);
	uint32_t n_pkts = 0;

	for (uint32_t i = 0; i < e->n_nodes; i++) {
		is_ok &= check_node(e, i, out);
		n_pkts += e->nodes[i].n_pkts;
	}
	if (n_pkts != e->n_pkts) {
		fprintf(out, "egress: counts %u packets and holds %u\n", e->n_pkts, n_pkts);
		is_ok = false;
	}
	return is_ok;
}
