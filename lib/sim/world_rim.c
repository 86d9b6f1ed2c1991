/* SPDX-License-Identifier: BSD-3-Clause */
/* What the pipe calls: packets from rings and to those behind the ports, copies, tags, marks. */
#include <stdlib.h>
#include <string.h>

#include "world_impl.h"

#define SLAB_FRAMES 4096u

static void put_be(uint8_t *to, uint64_t value, int n)
{
	for (int i = n - 1; i >= 0; i--, value >>= 8)
		to[i] = (uint8_t)value;
}

static bool grow(struct world *w)
{
	struct frame **slabs = realloc(w->slabs, (w->n_slabs + 1) * sizeof(*slabs));
	struct frame *slab;

	if (slabs == NULL)
		return false;
	w->slabs = slabs;
	slab = malloc(SLAB_FRAMES * sizeof(*slab));
	if (slab == NULL)
		return false;
	w->slabs[w->n_slabs++] = slab;
	for (uint32_t i = 0; i < SLAB_FRAMES; i++) {
		slab[i].next_free = w->free_frames;
		w->free_frames = &slab[i];
	}
	return true;
}

static struct frame *take(struct world *w)
{
	struct frame *f;

	if (w->free_frames == NULL && !grow(w)) {
		w->is_out_of_memory = true;
		return NULL;
	}
	f = w->free_frames;
	w->free_frames = f->next_free;
	return f;
}

static void give_back(struct world *w, struct frame *f)
{
	f->next_free = w->free_frames;
	w->free_frames = f;
}

/* Ethernet, a tag where the source has one, IPv4 and ports: that is all weir reads. */
static void write_head(struct frame *f, const struct source *s, const struct slot *slot)
{
	const uint8_t *head = s->trace != NULL ? s->trace[slot->seq].head : s->head;
	uint8_t *at = f->head;

	memset(f->head, 0, sizeof(f->head));
	put_be(at, s->dst_mac, 6);
	put_be(at + 6, s->src_mac, 6);
	at += 12;
	if (s->vid != 0) {
		put_be(at, 0x81000000u | s->vid, 4);
		at += TAG_BYTES;
	}
	put_be(at, 0x0800, 2);
	memcpy(at + 2, head, SCENARIO_HEAD_BYTES);
	at[3] = (uint8_t)(slot->dscp << 2 | slot->ecn);
	put_be(at + 4, f->bytes - (uint64_t)(at + 2 - f->head), 2);
}

static void look_at(struct pkt *k)
{
	const struct frame *f = k->handle;

	k->data = f->head;
	k->data_bytes = f->head_bytes;
	k->bytes = f->bytes;
}

static uint32_t rim_rx(void *ctx, uint16_t port, struct pkt *pkts, uint32_t n)
{
	struct world *w = ctx;
	struct guest *g = &w->guests[port];
	uint32_t got;

	world_settle(w, port);
	for (uint32_t i = 0, at = g->first; i < n && i < g->n; i++, at = at + 1 < g->size ? at + 1 : 0)
		__builtin_prefetch(&w->sources[g->ring[at].source].src_mac);
	for (got = 0; got < n && g->n > 0; got++) {
		const struct slot *slot = &g->ring[g->first];
		struct frame *f = take(w);
		if (f == NULL)
			break;
		f->bytes = slot->bytes;
		f->head_bytes = f->bytes < FRAME_HEAD_BYTES ? (uint16_t)f->bytes : FRAME_HEAD_BYTES;
		f->is_copy = false;
		const struct source *s = &w->sources[slot->source];
		f->tclass = s->classes[slot->dscp];
		f->from = s->packet_from;
		f->to = s->packet_to;
		f->source = slot->source;
		f->flow = slot->flow;
		f->seq = slot->seq;
		f->offered_ns = slot->offered_ns;
		write_head(f, s, slot);
		pkts[got].handle = f;
		look_at(&pkts[got]);
		g->first = g->first + 1 < g->size ? g->first + 1 : 0;
		g->n--;
	}
	w->n_read += got;
	w->n_events += got;
	world_fill(w, port);
	return got;
}

static uint32_t rim_tx(void *ctx, uint16_t port, void **handles, uint32_t n)
{
	struct world *w = ctx;

	world_prefetch(w, handles, n);
	for (uint32_t i = 0; i < n; i++) {
		world_deliver(w, port, handles[i]);
		give_back(w, handles[i]);
	}
	w->n_delivered += n;
	w->n_events += n;
	return n;
}

static void rim_free(void *ctx, void **handles, uint32_t n)
{
	struct world *w = ctx;

	for (uint32_t i = 0; i < n; i++)
		give_back(w, handles[i]);
	w->n_freed += n;
}

static bool rim_copy(void *ctx, const struct pkt *src, struct pkt *copy)
{
	struct world *w = ctx;
	struct frame *f = take(w);

	if (f == NULL)
		return false;
	*f = *(const struct frame *)src->handle;
	f->is_copy = true;
	copy->handle = f;
	look_at(copy);
	w->n_copies++;
	return true;
}

static void rim_look(void *ctx, struct pkt *k)
{
	(void)ctx;
	look_at(k);
}

static bool rim_retag(void *ctx, struct pkt *k, enum tag_op op, uint16_t vid)
{
	struct frame *f = k->handle;

	(void)ctx;
	if (op == TAG_PUSH) {
		memmove(f->head + 16, f->head + 12, FRAME_HEAD_BYTES - 12);
		put_be(f->head + 12, 0x81000000u | vid, TAG_BYTES);
		f->bytes += TAG_BYTES;
	} else if (op == TAG_POP) {
		memmove(f->head + 12, f->head + 16, FRAME_HEAD_BYTES - 12);
		f->bytes -= TAG_BYTES;
	} else {
		put_be(f->head + 14, (f->head[14] & 0xf0u) << 8 | vid, 2);
	}
	look_at(k);
	return true;
}

static bool rim_mark_ce(void *ctx, void **handle)
{
	struct world *w = ctx;
	struct frame *f = *handle;
	int ip = f->head[12] == 0x81 ? 18 : 14;

	if ((f->head[ip + 1] & 3) == ECN_NOT_ECT)
		return false;
	f->head[ip + 1] |= ECN_CE;
	losses_of(w, world_row(w, f->from), WORLD_TX, f->tclass)->marked_pkts++;
	losses_of(w, world_row(w, f->to), WORLD_RX, f->tclass)->marked_pkts++;
	return true;
}

static void rim_dropped(void *ctx, vf_id vf, bool is_tx, const void *handle, enum drop_reason reason)
{
	struct world *w = ctx;
	const struct frame *f = handle;

	losses_of(w, world_row(w, vf), is_tx ? WORLD_TX : WORLD_RX, f->tclass)->drops[reason]++;
	w->traffic_drops[w->sources[f->source].traffic - w->s->traffics][reason]++;
}

/* Its frames are IPv4 as far as weir reads them: no checksum. */
static bool rim_set_dscp(void *ctx, struct pkt *k, uint8_t dscp)
{
	struct world *w = ctx;
	struct frame *f = k->handle;
	int tos = (f->head[12] == 0x81 ? 18 : 14) + 1;

	f->head[tos] = (uint8_t)(dscp << 2 | (f->head[tos] & 3));
	f->tclass = w->sources[f->source].classes[dscp];
	return true;
}

static uint32_t rim_ring_pkts(void *ctx, uint16_t port)
{
	const struct world *w = ctx;

	return w->guests[port].n;
}

struct pipe_io world_io(struct world *w)
{
	return (struct pipe_io){
		.ctx = w,
		.rx = rim_rx,
		.tx = rim_tx,
		.free = rim_free,
		.copy = rim_copy,
		.look = rim_look,
		.retag = rim_retag,
		.mark_ce = rim_mark_ce,
		.set_dscp = rim_set_dscp,
		.ring_pkts = rim_ring_pkts,
		.dropped = rim_dropped,
	};
}
