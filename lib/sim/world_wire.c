/* SPDX-License-Identifier: BSD-3-Clause */
/* What lies beyond weir's ports: those who receive, and the bottleneck.  Its queue is known by when it will be empty, so
 * that a packet's fate is told when it comes, and needs no event. */
#include <string.h>

#include "world_impl.h"

static enum ecn ecn_of(const struct frame *f)
{
	int ip = f->head[12] == 0x81 ? 18 : 14;

	return (enum ecn)(f->head[ip + 1] & 3);
}

static void count(struct world *w, vf_id vf, enum world_dir dir, const struct frame *f)
{
	uint8_t tclass = f->tclass;
	struct world_figures *g = figures_of(w, vf, dir);

	g->got_pkts++;
	g->got_bytes += f->bytes;
	g->marked_pkts += ecn_of(f) == ECN_CE;
	g->class_pkts[tclass]++;
	g->class_bytes[tclass] += f->bytes;
	if (g->delay[tclass] == NULL) {
		g->delay[tclass] = &w->hists[w->n_hists++];
		memset(g->delay[tclass], 0, sizeof(*g->delay[tclass]));
	}
	hist_record(g->delay[tclass], w->now_ns - f->offered_ns);
}

/* When the bottleneck has passed it on; UINT64_MAX: it was dropped. */
static uint64_t through_bottleneck(struct world *w, const struct frame *f, vf_id from, bool *is_marked)
{
	const struct bottleneck *terms = &w->s->bottleneck;
	struct world_bottleneck *b = &w->bottleneck;
	uint64_t queued;

	clk_at_least(&w->wire_free, w->now_ns);
	queued = (uint64_t)(((clk_u128)(w->wire_free.ns - w->now_ns) << 32) / w->wire_byte);
	if (queued + f->bytes > terms->buffer_bytes) {
		b->dropped_pkts++;
		return UINT64_MAX;
	}
	if (terms->mark_bytes > 0 && queued > terms->mark_bytes && ecn_of(f) != ECN_NOT_ECT) {
		*is_marked = true;
		b->marked_pkts++;
	}
	b->longest_queue_bytes = u64_max(b->longest_queue_bytes, queued + f->bytes);
	b->carried_pkts++;
	b->carried_bytes += f->bytes;
	if (from != VF_PF)
		w->carried[from] += f->bytes;
	clk_add(&w->wire_free, w->wire_byte, f->bytes);
	return w->wire_free.ns;
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
	if (is_pf && w->wire_byte != 0)
		at_ns = through_bottleneck(w, f, f->from, &is_marked);
	if (f->flow == NO_FLOW || f->is_copy || at_ns == UINT64_MAX)
		return;
	world_push(w, &(struct event){
		.at_ns = at_ns + w->sources[f->source].traffic->sender.rtt_ns,
		.kind = EVENT_ACK,
		.who = f->flow,
		.seq = f->seq,
		.has_ce = is_marked,
	});
}
