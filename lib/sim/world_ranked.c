/* SPDX-License-Identifier: BSD-3-Clause */
/* A switch beyond the uplink whose queue is one of the worked examples of policy/: the packet of whose message the least is
 * left goes first (pfabric.h), the one with the earliest deadline (edf.h), or the one of the highest class selector
 * (dscp_rank.h).  Which one that is turns out when the wire is free, so here a packet's way out is an event. */
#include <stdlib.h>

#include "dscp_rank.h"
#include "edf.h"
#include "pfabric.h"
#include "world_impl.h"

#define LEAST_BYTES 60u		/* of a packet: how many the buffer may hold */
#define HORIZON_NS  (64 * NS_PER_MS)	/* of deadlines */
#define NEVER_NS    (48 * NS_PER_MS)	/* what has no deadline: as if it had one at the end of what is in order */

struct ranked_switch {
	struct pfabric *pfabric;	/* one of the three */
	struct edf *edf;
	struct dscp_rank *dscp;
	struct frame *frames;		/* copies: weir's own are gone */
	struct frame *free_frames;
	struct frame *on_wire;	/* NULL: it is free */
	uint64_t queued_bytes;		/* with what is on the wire */
};

/* Class selector 7 is the first. */
static struct dscp_rank *create_by_dscp(uint32_t max_pkts)
{
	uint8_t map[DSCP_RANK_N];

	for (uint8_t dscp = 0; dscp < DSCP_RANK_N; dscp++)
		map[dscp] = 7 - (dscp >> 3);
	return dscp_rank_create(&rank_queue_circular, map, max_pkts);
}

static bool create_queue(struct ranked_switch *x, const struct world *w, uint32_t max_pkts)
{
	switch (w->s->bottleneck.order) {
	case WIRE_EDF:
		x->edf = edf_create(&rank_queue_circular, HORIZON_NS, NS_PER_US, max_pkts);
		return x->edf != NULL;
	case WIRE_DSCP:
		x->dscp = create_by_dscp(max_pkts);
		return x->dscp != NULL;
	default:
		x->pfabric = pfabric_create(&rank_queue_circular, w->n_flows + w->n_sources + 1, max_pkts);
		return x->pfabric != NULL;
	}
}

/* There is room: the buffer has it. */
static void push(struct world *w, struct frame *f)
{
	struct ranked_switch *x = w->ranked;

	if (x->edf != NULL)
		edf_push(x->edf, f, u64_min(world_deadline_ns(w, f), w->now_ns + NEVER_NS), w->now_ns);
	else if (x->dscp != NULL)
		dscp_rank_push(x->dscp, f, world_dscp_of(f));
	else
		pfabric_push(x->pfabric, f->flow != NO_FLOW ? f->flow : w->n_flows + f->source, f, world_left_bytes(w, f));
}

static struct frame *pop(struct ranked_switch *x, uint64_t now_ns)
{
	if (x->edf != NULL)
		return edf_pop(x->edf, now_ns);
	return x->dscp != NULL ? dscp_rank_pop(x->dscp) : pfabric_pop(x->pfabric);
}

bool world_create_ranked(struct world *w)
{
	const struct bottleneck *terms = &w->s->bottleneck;
	uint32_t n = (uint32_t)u64_min(terms->buffer_bytes / LEAST_BYTES + 2, UINT32_C(1) << 24);
	struct ranked_switch *x;

	if (terms->rate_bps == 0 || terms->order == WIRE_FIFO)
		return true;
	w->ranked = x = calloc(1, sizeof(*x));
	if (x == NULL)
		return false;
	x->frames = calloc(n, sizeof(*x->frames));
	for (uint32_t i = 0; x->frames != NULL && i < n; i++) {
		x->frames[i].next_free = x->free_frames;
		x->free_frames = &x->frames[i];
	}
	return create_queue(x, w, n) && x->frames != NULL;
}

void world_destroy_ranked(struct world *w)
{
	if (w->ranked == NULL)
		return;
	if (w->ranked->edf != NULL)
		edf_destroy(w->ranked->edf);
	if (w->ranked->dscp != NULL)
		dscp_rank_destroy(w->ranked->dscp);
	if (w->ranked->pfabric != NULL)
		pfabric_destroy(w->ranked->pfabric);
	free(w->ranked->frames);
	free(w->ranked);
}

static void send_next(struct world *w, uint64_t at_ns)
{
	struct ranked_switch *x = w->ranked;

	x->on_wire = pop(x, at_ns);
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
	struct ranked_switch *x = w->ranked;
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
	push(w, mine);
	if (x->on_wire == NULL)
		send_next(w, w->now_ns);
}

void world_ranked_left(struct world *w, uint64_t at_ns)
{
	struct world_bottleneck *b = &w->beyond.figures;
	struct ranked_switch *x = w->ranked;
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
