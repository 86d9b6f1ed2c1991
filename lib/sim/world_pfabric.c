/* SPDX-License-Identifier: BSD-3-Clause */
/* A switch beyond the uplink whose queue is pFabric's (policy/pfabric.h): the packet of whose message the least is left goes
 * first.  Which one that is turns out when the wire is free, so here a packet's way out is an event. */
#include <stdlib.h>

#include "pfabric.h"
#include "world_impl.h"

#define LEAST_BYTES 60u		/* of a packet: how many the buffer may hold */

struct fabric_switch {
	struct pfabric *queue;
	struct frame *frames;		/* copies: weir's own are gone */
	struct frame *free_frames;
	struct frame *on_wire;	/* NULL: it is free */
	uint64_t queued_bytes;		/* with what is on the wire */
};

bool world_create_ranked(struct world *w)
{
	const struct bottleneck *terms = &w->s->bottleneck;
	uint32_t n = (uint32_t)u64_min(terms->buffer_bytes / LEAST_BYTES + 2, UINT32_C(1) << 24);
	struct fabric_switch *x;

	if (terms->rate_bps == 0 || terms->order != WIRE_PFABRIC)
		return true;
	w->ranked = x = calloc(1, sizeof(*x));
	if (x == NULL)
		return false;
	x->queue = pfabric_create(&rank_queue_circular, w->n_flows + w->n_sources + 1, n);
	x->frames = calloc(n, sizeof(*x->frames));
	for (uint32_t i = 0; x->frames != NULL && i < n; i++) {
		x->frames[i].next_free = x->free_frames;
		x->free_frames = &x->frames[i];
	}
	return x->queue != NULL && x->frames != NULL;
}

void world_destroy_ranked(struct world *w)
{
	if (w->ranked == NULL)
		return;
	pfabric_destroy(w->ranked->queue);
	free(w->ranked->frames);
	free(w->ranked);
}

static void send_next(struct world *w, uint64_t at_ns)
{
	struct fabric_switch *x = w->ranked;

	x->on_wire = pfabric_pop(x->queue);
	if (x->on_wire == NULL)
		return;
	clk_at_least(&w->beyond.free, at_ns);
	clk_add(&w->beyond.free, w->beyond.byte, x->on_wire->bytes);
	world_push(w, &(struct event){.at_ns = w->beyond.free.ns, .kind = EVENT_WIRE});
}

void world_rank(struct world *w, const struct frame *f, bool may_mark, bool is_marked)
{
	struct world_losses *losses = losses_of(w, world_row(w, f->from), WORLD_TX, f->tclass);
	struct world_bottleneck *b = &w->beyond.figures;
	struct fabric_switch *x = w->ranked;
	struct frame *mine = x->free_frames;

	if (mine == NULL || x->queued_bytes + f->bytes > w->beyond.terms->buffer_bytes) {
		world_switch_drops(&w->beyond, losses);
		return;
	}
	x->free_frames = mine->next_free;
	*mine = *f;
	mine->has_ce = is_marked;
	if (w->beyond.terms->mark_bytes > 0 && x->queued_bytes > w->beyond.terms->mark_bytes && may_mark) {
		mine->has_ce = true;
		world_switch_marks(&w->beyond, losses);
	}
	x->queued_bytes += f->bytes;
	b->longest_queue_bytes = u64_max(b->longest_queue_bytes, x->queued_bytes);
	pfabric_push(x->queue, f->flow != NO_FLOW ? f->flow : w->n_flows + f->source, mine, world_left_bytes(w, f));
	if (x->on_wire == NULL)
		send_next(w, w->now_ns);
}

void world_ranked_left(struct world *w, uint64_t at_ns)
{
	struct world_bottleneck *b = &w->beyond.figures;
	struct fabric_switch *x = w->ranked;
	struct frame *f = x->on_wire;

	x->queued_bytes -= f->bytes;
	b->carried_pkts++;
	b->carried_bytes += f->bytes;
	if (f->from != VF_PF)
		w->carried[f->from] += f->bytes;
	world_acknowledge(w, f, at_ns, f->has_ce);
	f->next_free = x->free_frames;
	x->free_frames = f;
	send_next(w, at_ns);
}
