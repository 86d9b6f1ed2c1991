/* SPDX-License-Identifier: BSD-3-Clause */
/* What a pipe calls: packets from guests and to the sink, copies, tags, rings between workers. */
#include <stdlib.h>
#include <string.h>

#include "fake_rim_impl.h"

#define MAGIC UINT32_C(0x77656972)

/* --- packets --- */

static void put_be(uint8_t *to, uint64_t value, int n)
{
	for (int i = n - 1; i >= 0; i--, value >>= 8)
		to[i] = (uint8_t)value;
}

static uint64_t get_be(const uint8_t *from, int n)
{
	uint64_t value = 0;

	for (int i = 0; i < n; i++)
		value = value << 8 | from[i];
	return value;
}

static struct packet *packet_create(struct rim *r, int stream, uint64_t offered_ns)
{
	struct stream *s = &r->streams[stream];
	struct packet *p = calloc(1, sizeof(*p));
	uint8_t *at = p->head;

	*p = (struct packet){.magic = MAGIC, .stream = stream, .port = s->is.port, .bytes = s->is.bytes,
		.offered_ns = offered_ns, .seq = s->read++};
	put_be(at, s->is.dst, 6);
	put_be(at + 6, s->is.src, 6);
	at += 12;
	if (s->is.vid != 0) {
		put_be(at, 0x81000000u | s->is.vid, 4);
		at += 4;
	}
	put_be(at, s->is.kind == RIM_ARP ? 0x0806 : 0x0800, 2);
	at[2] = 0x45;
	at[3] = (uint8_t)(s->is.dscp << 2 | s->is.ecn);
	at[11] = s->is.protocol;
	p->head_bytes = s->is.kind == RIM_SHORT ? 10 : s->is.bytes < HEAD_BYTES ? (uint16_t)s->is.bytes : HEAD_BYTES;
	if (s->is.kind == RIM_SHORT)
		p->bytes = 10;
	r->n_live++;
	r->n_read++;
	return p;
}

static void packet_destroy(struct rim *r, struct packet *p)
{
	sure(p->magic == MAGIC, "a packet left weir twice");
	p->magic = 0;
	free(p);
	r->n_live--;
}

static void look_at(struct pkt *k)
{
	const struct packet *p = k->handle;

	sure(p->magic == MAGIC, "a packet is used after it left weir");
	k->data = p->head;
	k->data_bytes = p->head_bytes;
	k->bytes = p->bytes;
}

/* --- guests --- */

static int earliest_stream(const struct rim *r, uint16_t port)
{
	int best = -1;

	for (int i = 0; i < r->n_streams; i++) {
		const struct stream *s = &r->streams[i];
		if (s->is.port == port && s->price != 0 &&
			(best < 0 || s->next.ns < r->streams[best].next.ns))
			best = i;
	}
	return best;
}

void fake_ring_put(struct guest *g, int stream, uint64_t offered_ns)
{
	g->ring[(g->first + g->n++) % g->ring_pkts] = (struct waiting){stream, offered_ns};
}

/* Everything offered up to now: into the ring while it has room, the rest stays with the guest's application. */
void fake_offer_until_now(struct rim *r, uint16_t port)
{
	struct guest *g = &r->guests[port];
	int i;

	while (g->n < g->ring_pkts) {
		i = earliest_stream(r, port);
		if (i < 0 || r->streams[i].next.ns > r->now_ns)
			return;
		fake_ring_put(g, i, r->streams[i].next.ns);
		clk_add(&r->streams[i].next, r->streams[i].price, 1);
	}
	for (i = 0; i < r->n_streams; i++) {
		struct stream *s = &r->streams[i];
		if (s->is.port != port || s->price == 0 || s->next.ns > r->now_ns)
			continue;
		uint64_t n = (((r->now_ns - s->next.ns) << 32) / s->price) + 1;
		s->refused += n;
		clk_add(&s->next, s->price, n);
	}
}

static uint32_t rim_rx(void *ctx, uint16_t port, struct pkt *pkts, uint32_t n)
{
	struct rim *r = ((struct worker *)ctx)->rim;
	struct guest *g = &r->guests[port];
	uint32_t got;

	sure(n > 0 && n <= PIPE_BURST, "asked for %u packets", n);
	g->polls++;
	fake_offer_until_now(r, port);
	for (got = 0; got < n && g->n > 0; got++) {
		struct waiting w = g->ring[g->first];
		struct stream *s = &r->streams[w.stream];
		g->first = (g->first + 1) % g->ring_pkts;
		g->n--;
		s->longest_wait_ns = u64_max(s->longest_wait_ns, r->now_ns - w.offered_ns);
		memset(&pkts[got], 0xa5, sizeof(pkts[got]));	/* what the rim need not set */
		pkts[got].handle = packet_create(r, w.stream, w.offered_ns);
		look_at(&pkts[got]);
	}
	r->spent_ns += got * r->cost_rx_ns;
	r->read_in_turn += got;
	return got;
}

/* --- sink --- */

static void check_headers(const struct rim *r, const struct packet *p, uint16_t port, int vid)
{
	const struct rim_stream *s = &r->streams[p->stream].is;
	uint32_t bytes = s->bytes + (vid >= 0 ? TAG_BYTES : 0) - (s->vid != 0 ? TAG_BYTES : 0);

	sure(p->port != port, "stream %d came back to port %u", p->stream, port);
	sure(get_be(p->head, 6) == s->dst && get_be(p->head + 6, 6) == s->src, "stream %d: MACs changed", p->stream);
	sure(p->bytes == bytes, "stream %d: %u bytes became %u", p->stream, s->bytes, p->bytes);
}

static unsigned int ecn_of(const struct packet *p, int vid)
{
	return p->head[vid >= 0 ? 19 : 15] & 3;
}

/* Nothing but CE, and only where the sender said it can be. */
static void check_ecn(struct rim *r, struct stream *s, const struct packet *p, uint16_t port, int vid)
{
	unsigned int ecn = ecn_of(p, vid);
	uint64_t delay_ns = r->now_ns - p->offered_ns;

	if (s->is.kind != RIM_IPV4 || s->is.ecn == ECN_NOT_ECT) {
		sure(s->is.kind != RIM_IPV4 || ecn == ECN_NOT_ECT, "marked, but not ECN-capable");
		return;
	}
	sure(ecn == ECN_CE || ecn == s->is.ecn, "ECN %u became %u", s->is.ecn, ecn);
	if (ecn == ECN_CE) {
		s->marks[port]++;
		s->marked_after_ns = u64_min(s->marked_after_ns, delay_ns);
	} else {
		s->unmarked_after_ns = u64_max(s->unmarked_after_ns, delay_ns);
	}
}

static void deliver(struct rim *r, uint16_t port, struct packet *p)
{
	struct stream *s = &r->streams[p->stream];
	int vid = get_be(p->head + 12, 2) == 0x8100 ? (int)get_be(p->head + 14, 2) & 0xfff : -1;

	sure(p->magic == MAGIC, "a packet is sent after it left weir");
	check_headers(r, p, port, vid);
	sure(p->seq >= s->last_seq[port] || s->is.may_overtake, "stream %d is reordered or doubled at port %u: %lu after %lu",
		p->stream, port, (unsigned long)p->seq, (unsigned long)s->last_seq[port] - 1);
	s->last_seq[port] = p->seq + 1;
	s->last_vid[port] = vid;
	s->last_dscp[port] = p->head[vid >= 0 ? 19 : 15] >> 2;
	s->to[port].pkts++;
	s->to[port].bytes += p->bytes;
	s->longest_delay_ns = u64_max(s->longest_delay_ns, r->now_ns - p->offered_ns);
	r->n_delivered++;
	check_ecn(r, s, p, port, vid);
	if (r->sink != NULL)
		r->sink(r->sink_ctx, p->stream, p->seq, ecn_of(p, vid) == ECN_CE, p->offered_ns);
	packet_destroy(r, p);
}

/* Room in the reader's ring, which it empties at its rate. */
static bool reader_takes(struct rim *r, struct guest *g)
{
	if (g->reader_pps == RIM_TAKES_ALL)
		return true;
	if (g->reader_pps == 0)
		return false;
	clk_at_least(&g->reader_free, r->now_ns);
	if (g->reader_free.ns - r->now_ns > price_ns(g->reader_price, g->reader_ring))
		return false;
	clk_add(&g->reader_free, g->reader_price, 1);
	return true;
}

static uint32_t rim_tx(void *ctx, uint16_t port, void **handles, uint32_t n)
{
	struct rim *r = ((struct worker *)ctx)->rim;
	uint32_t sent = 0;

	sure(n > 0, "asked to send nothing");
	while (sent < n && reader_takes(r, &r->guests[port]))
		deliver(r, port, handles[sent++]);
	r->spent_ns += sent * r->cost_tx_ns;
	return sent;
}

static void rim_free(void *ctx, void **handles, uint32_t n)
{
	struct rim *r = ((struct worker *)ctx)->rim;

	for (uint32_t i = 0; i < n; i++, r->n_freed++)
		packet_destroy(r, handles[i]);
}

/* --- what else a rim does --- */

static bool rim_copy(void *ctx, const struct pkt *src, struct pkt *copy)
{
	struct rim *r = ((struct worker *)ctx)->rim;
	struct packet *p;

	if (!r->has_copies)
		return false;
	p = malloc(sizeof(*p));
	memcpy(p, src->handle, sizeof(*p));
	p->is_copy = true;
	copy->handle = p;
	look_at(copy);
	r->n_live++;
	r->n_copies++;
	return true;
}

static void rim_look(void *ctx, struct pkt *k)
{
	(void)ctx;
	look_at(k);
}

static void rim_peek(void *ctx, const void *handle, uint8_t *to, uint32_t n)
{
	const struct packet *p = handle;

	(void)ctx;
	sure(p->magic == MAGIC, "a packet is captured after it left weir");
	sure(n <= p->bytes, "%u bytes are read of %u", n, p->bytes);
	memset(to, 0, n);
	memcpy(to, p->head, u64_min(n, p->head_bytes));
}

static bool rim_retag(void *ctx, struct pkt *k, enum tag_op op, uint16_t vid)
{
	struct rim *r = ((struct worker *)ctx)->rim;
	struct packet *p = k->handle;

	if (!r->has_tags)
		return false;
	if (op == TAG_PUSH) {
		memmove(p->head + 16, p->head + 12, p->head_bytes - 12u);
		put_be(p->head + 12, 0x81000000u | vid, 4);
		p->head_bytes += TAG_BYTES;
		p->bytes += TAG_BYTES;
	} else if (op == TAG_POP) {
		memmove(p->head + 12, p->head + 16, p->head_bytes - 16u);
		p->head_bytes -= TAG_BYTES;
		p->bytes -= TAG_BYTES;
	} else {
		put_be(p->head + 14, (get_be(p->head + 14, 2) & 0xf000) | vid, 2);
	}
	look_at(k);
	return true;
}

static bool rim_mark_ce(void *ctx, void **handle)
{
	struct packet *p = *handle;
	int ip = get_be(p->head + 12, 2) == 0x8100 ? 18 : 14;

	(void)ctx;
	sure(p->magic == MAGIC, "a packet is marked after it left weir");
	sure((p->head[ip + 1] & 3) != ECN_NOT_ECT, "what is not ECN-capable is to be marked");
	p->head[ip + 1] |= ECN_CE;
	return true;
}

static bool rim_set_dscp(void *ctx, struct pkt *k, uint8_t dscp)
{
	struct rim *r = ((struct worker *)ctx)->rim;
	struct packet *p = k->handle;
	uint8_t *tos = &p->head[get_be(p->head + 12, 2) == 0x8100 ? 19 : 15];

	sure(p->magic == MAGIC, "a packet is marked after it left weir");
	sure(tos[0] >> 2 != dscp, "it has this DSCP already");
	if (!r->has_tags)
		return false;	/* out of buffers for those that must be copied */
	*tos = (uint8_t)(dscp << 2 | (*tos & 3));
	look_at(k);
	return true;
}

static uint32_t rim_ring_pkts(void *ctx, uint16_t port)
{
	struct rim *r = ((struct worker *)ctx)->rim;

	return r->tells_rings ? r->guests[port].n : RING_UNTOLD;
}

static uint32_t rim_hand(void *ctx, unsigned int to, const struct pkt *pkts, uint32_t n)
{
	struct worker *w = ctx;
	struct hand_ring *h = &w->rim->workers[to].from[w->id];
	uint32_t size = w->rim->hand_pkts, most = size - (pkts->handle != NULL), done = 0;	/* the last slot is a marker's */

	sure(to != w->id, "worker %u hands to itself", to);
	for (; done < n && h->n < most; done++)
		h->pkts[(h->first + h->n++) % size] = pkts[done];
	return done;
}

static uint32_t rim_hand_room(void *ctx, unsigned int to)
{
	struct worker *w = ctx;

	uint32_t n_free = w->rim->hand_pkts - w->rim->workers[to].from[w->id].n;
	return n_free > 0 ? n_free - 1 : 0;
}

static uint32_t rim_take(void *ctx, struct pkt *pkts, uint32_t n)
{
	struct worker *w = ctx;
	uint32_t got = 0;

	for (unsigned int i = 0; i < w->rim->n_workers; i++) {	/* where one is slow: a marker alone overtakes what others sent */
		struct hand_ring *h = &w->from[w->rim->slow_every == 0 ? i : w->rim->n_workers - 1 - i];
		for (; got < n && h->n > 0; got++, h->n--) {
			pkts[got] = h->pkts[h->first];
			h->first = (h->first + 1) % w->rim->hand_pkts;
		}
	}
	return got;
}

struct pipe_io fake_io(struct worker *w)
{
	return (struct pipe_io){
		.ctx = w,
		.rx = rim_rx,
		.tx = rim_tx,
		.free = rim_free,
		.copy = rim_copy,
		.look = rim_look,
		.read = rim_peek,
		.retag = rim_retag,
		.mark_ce = rim_mark_ce,
		.set_dscp = rim_set_dscp,
		.ring_pkts = rim_ring_pkts,
		.hand = rim_hand,
		.hand_room = rim_hand_room,
		.take = rim_take,
	};
}
