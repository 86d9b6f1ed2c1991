/* SPDX-License-Identifier: BSD-3-Clause */
/* What lies beyond weir's ports: those who receive, and the bottleneck.  Its queue is known by when it will be empty, so
 * that a packet's fate is told when it comes, and needs no event. */
#include <stdlib.h>
#include <string.h>

#include "world_impl.h"

static uint8_t tos_of(const struct frame *f)
{
	return f->head[(f->head[12] == 0x81 ? 18 : 14) + 1];
}

static enum ecn ecn_of(const struct frame *f)
{
	return (enum ecn)(tos_of(f) & 3);
}

uint8_t world_dscp_of(const struct frame *f)
{
	return tos_of(f) >> 2;
}

static void count(struct world *w, vf_id vf, enum world_dir dir, const struct frame *f)
{
	uint8_t tclass = f->tclass;
	struct world_figures *g = figures_of(w, vf, dir);

	if (ecn_of(f) == ECN_CE)
		g->class_marked_pkts[tclass]++;
	g->class_pkts[tclass]++;
	g->class_bytes[tclass] += f->bytes;
	if (g->delay[tclass] == NULL) {
		g->delay[tclass] = &w->hists[w->n_hists++];
		memset(g->delay[tclass], 0, sizeof(*g->delay[tclass]));
	}
	hist_record(g->delay[tclass], w->now_ns - f->offered_ns);
}

/* With many VFs their figures are in no cache, nor the histograms that these lead to. */
void world_prefetch(const struct world *w, void *const *frames, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct frame *f = frames[i];
		const struct world_figures *g = f->from != VF_PF ? figures_of(w, f->from, WORLD_TX) : figures_of(w, f->to, WORLD_RX);
		__builtin_prefetch(&g->delay, 1);
		__builtin_prefetch(&g->class_pkts, 1);
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct frame *f = frames[i];
		const struct world_figures *g = f->from != VF_PF ? figures_of(w, f->from, WORLD_TX) : figures_of(w, f->to, WORLD_RX);
		struct hist *h = g->delay[f->tclass];
		if (h == NULL)
			continue;
		__builtin_prefetch(&h->max_ns, 1);
		__builtin_prefetch(&h->count[hist_bucket(w->now_ns - f->offered_ns)], 1);
	}
}

void world_switch_drops(struct wire *x, struct world_losses *mine)
{
	x->figures.dropped_pkts++;
	mine->switch_dropped_pkts++;
}

void world_switch_marks(struct wire *x, struct world_losses *mine)
{
	x->figures.marked_pkts++;
	mine->switch_marked_pkts++;
}

/* When the switch has passed it on; UINT64_MAX: it was dropped.  Times must not go back. */
static uint64_t pass(struct wire *x, struct world_losses *mine, uint64_t at_ns, uint32_t bytes, bool may_mark, bool *is_marked)
{
	struct world_bottleneck *b = &x->figures;
	uint64_t queued;

	clk_at_least(&x->free, at_ns);
	queued = (uint64_t)(((clk_u128)(x->free.ns - at_ns) << 32) / x->byte);
	if (queued + bytes > x->terms->buffer_bytes) {
		world_switch_drops(x, mine);
		return UINT64_MAX;
	}
	if (x->terms->mark_bytes > 0 && queued > x->terms->mark_bytes && may_mark) {
		*is_marked = true;
		world_switch_marks(x, mine);
	}
	b->longest_queue_bytes = u64_max(b->longest_queue_bytes, queued + bytes);
	b->carried_pkts++;
	b->carried_bytes += bytes;
	clk_add(&x->free, x->byte, bytes);
	return x->free.ns;
}

void world_acknowledge(struct world *w, const struct frame *f, uint64_t at_ns, bool has_ce)
{
	if (f->flow == NO_FLOW || f->is_copy)
		return;
	world_push(w, &(struct event){
		.at_ns = at_ns + w->sources[f->source].traffic->sender.rtt_ns,
		.kind = EVENT_ACK,
		.who = f->flow,
		.seq = f->seq,
		.sent_ns = f->offered_ns,
		.has_ce = has_ce,
	});
}

void world_deliver(struct world *w, uint16_t port, struct frame *f)
{
	bool is_pf = port == w->conf->pf, is_marked = ecn_of(f) == ECN_CE;
	uint64_t at_ns = w->now_ns;

	w->guests[port].sent_bytes += basis_bytes(w->basis[port], f->bytes);
	if (f->from != VF_PF)
		count(w, f->from, WORLD_TX, f);
	if (f->to != VF_PF && !is_pf)
		count(w, f->to, WORLD_RX, f);
	if (is_pf && w->ranked != NULL) {
		world_rank(w, f, ecn_of(f) != ECN_NOT_ECT, is_marked);
		return;
	}
	if (is_pf && w->beyond.byte != 0) {
		at_ns = pass(&w->beyond, losses_of(w, world_row(w, f->from), WORLD_TX, f->tclass), at_ns, f->bytes,
			ecn_of(f) != ECN_NOT_ECT, &is_marked);
		if (at_ns == UINT64_MAX)
			return;
		if (f->from != VF_PF)
			w->carried[f->from] += f->bytes;
	}
	world_acknowledge(w, f, at_ns, is_marked);
}

/* ---- Before the uplink ---- */

static bool grow_coming(struct world *w)
{
	uint32_t size = w->coming_size > 0 ? 2 * w->coming_size : 1024;
	struct coming *bigger = calloc(size, sizeof(*bigger));

	if (bigger == NULL)
		return false;
	for (uint32_t i = 0; i < w->n_coming; i++)
		bigger[i] = w->coming[(w->coming_first + i) % w->coming_size];
	free(w->coming);
	w->coming = bigger;
	w->coming_size = size;
	w->coming_first = 0;
	return true;
}

void world_come(struct world *w, const struct slot *slot)
{
	const struct source *s = &w->sources[slot->source];
	struct world_losses *mine = losses_of(w, world_row(w, s->to), WORLD_RX, s->classes[slot->dscp]);
	bool is_marked = false;
	uint64_t at_ns = pass(&w->before, mine, slot->offered_ns, slot->bytes, slot->ecn != ECN_NOT_ECT, &is_marked);

	if (at_ns == UINT64_MAX)
		return;
	if (w->n_coming == w->coming_size && !grow_coming(w)) {
		w->is_out_of_memory = true;
		return;
	}
	struct coming *c = &w->coming[(w->coming_first + w->n_coming++) % w->coming_size];
	*c = (struct coming){*slot, at_ns};
	if (is_marked)
		c->slot.ecn = ECN_CE;
}

void world_take_coming(struct world *w)
{
	struct guest *g = &w->guests[w->conf->pf];

	while (w->n_coming > 0 && w->coming[w->coming_first].at_ns <= w->now_ns) {
		const struct slot *slot = &w->coming[w->coming_first].slot;
		vf_id to = w->sources[slot->source].to;
		if (g->n < g->size)
			world_put_in_ring(g, slot);
		else if (to != VF_PF)
			figures_of(w, to, WORLD_RX)->refused_pkts++;
		w->coming_first = (w->coming_first + 1) % w->coming_size;
		w->n_coming--;
		w->n_events++;
	}
}

/* ---- Set-up ---- */

void world_create_wires(struct world *w)
{
	const struct scenario *s = w->s;

	w->beyond = (struct wire){.terms = &s->bottleneck, .byte = price_of_bps(s->bottleneck.rate_bps)};
	w->before = (struct wire){.terms = &s->inbound, .byte = price_of_bps(s->inbound.rate_bps)};
}

