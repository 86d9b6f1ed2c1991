/* SPDX-License-Identifier: BSD-3-Clause */
/* Into an egress, from the local egress to the receivers, and from an egress to its port. */
#include "pipe_impl.h"

static void count_drop(struct pipe *p, vf_id vf, enum capture_dir dir, const void *handle, enum drop_reason reason)
{
	struct party *party = party_of(p, vf);

	counter_add(dir == CAPTURE_TX ? &party->tx_drops[reason] : &party->rx_drops[reason], 1);
	if (is_capturing(p))
		pipe_capture_dropped(p, vf, dir, handle, reason);
	if (p->io.dropped != NULL)
		p->io.dropped(p->io.ctx, vf, dir == CAPTURE_TX, handle, reason);
}

void pipe_drop_tx(struct pipe *p, vf_id sender, void *handle, enum drop_reason reason)
{
	count_drop(p, sender, CAPTURE_TX, handle, reason);
	p->io.free(p->io.ctx, &handle, 1);
}

void pipe_drop_rx(struct pipe *p, vf_id receiver, void *handle, enum drop_reason reason)
{
	count_drop(p, receiver, CAPTURE_RX, handle, reason);
	p->io.free(p->io.ctx, &handle, 1);
}

/* By a receiver's queue: counted there, and told of the sender.  The uplink, and senders nobody knows, are not asked why. */
static void drop_at_receiver(struct pipe *p, vf_id sender, vf_id receiver, void *handle, enum drop_reason reason)
{
	int place = (int)reason - DROP_RECEIVER_FIRST;

	if (sender < p->n_vfs) {
		struct party *party = party_of(p, sender);
		counter_add(&party->receiver_drops[place], 1);
		atomic_store_explicit(&party->last_receiver[place], receiver, memory_order_relaxed);
	}
	pipe_drop_rx(p, receiver, handle, reason);
}

/* A receiver's packet that its queue drops for its delay, or for a better one: its limit, as when the queue is full. */
void pipe_drop_received(void *ctx, uint32_t node, uint32_t sender, void *handle, enum drop_reason reason)
{
	const struct port_drops *d = ctx;

	(void)reason;
	drop_at_receiver(d->p, sender, d->p->f->port_vfs[d->port][node], handle, DROP_RECEIVER_LIMIT);
}

/* A receiver's queue is 5 ms of its limit, and full it drops; but it takes a burst whatever the limit, and at a slow one
 * that is tens of ms, which TCP would keep full.  There CoDel tells a burst from a queue that stays. */
uint64_t pipe_receive_target_ns(const struct pipe *p, const struct conf_vf *v)
{
	const struct sla *rx = &v->rx_eff;
	uint64_t bytes = (uint64_t)v->receive_queue_pkts * basis_bytes(rx->basis, p->f->conf->guarantee_bytes);
	uint64_t queue_ns = u64_max(price_ns(price_of_bps(rx->max_bps), bytes),
		price_ns(price_of_pps(rx->max_pps), v->receive_queue_pkts));
	uint64_t target_ns = u64_max(CODEL_TARGET_NS, v->rx_mark_ns);

	return v->is_receive_auto && queue_ns > target_ns ? target_ns : 0;
}

bool pipe_is_too_long(const struct fabric *f, const struct pkt *k, uint16_t port)
{
	return k->bytes > (uint32_t)f->conf->ports[port].mtu + 14 + 4u * k->n_tags;
}

/* Why a receiver's queue is full: it may not have more now, or its port did not take what was staged for it. */
static enum drop_reason full_reason(const struct pipe *p, vf_id receiver, uint16_t port, uint64_t now_ns)
{
	bool is_held = limiter_ready_ns(&p->rx_limits[receiver]) > now_ns;

	return egress_is_blocked(p->egress[port]) && !is_held ? DROP_RECEIVER_SLOW : DROP_RECEIVER_LIMIT;
}

/* Straight to the stage where nobody waits, n packets of nodes[i]: most packets of a port that is not full never see a
 * queue.  Returns how many, from the first on. */
static uint32_t send_now(struct pipe *p, uint16_t port, struct egress *e, const uint32_t *nodes, const struct pkt *k,
	uint32_t n, uint64_t now_ns)
{
	struct stage *s = &p->stage[port];
	uint32_t room;

	if (s->at == s->n)
		s->at = s->n = 0;
	room = s->at == 0 ? PIPE_BURST - s->n : 0;
	n = egress_send_now(e, nodes, k, n < room ? n : room, now_ns);
	if (is_capturing(p))
		pipe_capture_staged_now(p, port, nodes, k, n);
	void **handles = &s->handles[s->n];
	uint32_t *staged = &s->nodes[s->n];
	for (uint32_t i = 0; i < n; i++) {
		handles[i] = k[i].handle;
		staged[i] = nodes[i];
	}
	s->n += n;
	return n;
}

static void enqueue_receiver(struct pipe *p, const struct pkt *k, uint32_t n, uint64_t now_ns)
{
	const struct fabric *f = p->f;
	vf_id to = k->dst;
	uint16_t port = f->briefs[to].port;
	uint32_t key = k->src == VF_PF ? f->conf->n_vfs : k->src, node = f->node_of[to];
	struct egress *e = p->egress[port];
	uint32_t nodes[PIPE_BURST] = {0}, i = 0;

	if (!port_is_up(f, port)) {
		for (; i < n; i++)
			drop_at_receiver(p, k->src, to, k[i].handle, DROP_RECEIVER_GONE);
		return;
	}
	for (uint32_t j = 0; j < n; j++)
		nodes[j] = node;
	p->busy_ports |= UINT64_C(1) << port;
	for (i = send_now(p, port, e, nodes, k, n, now_ns); i < n; i++) {
		i += egress_push_run(e, node, key, &k[i], n - i, now_ns);
		if (i < n)
			drop_at_receiver(p, k->src, to, k[i].handle, full_reason(p, to, port, now_ns));
	}
}

static void refuse_sender(struct pipe *p, const struct pkt *k, enum drop_reason reason)
{
	pipe_drop_tx(p, k->src, k->handle, reason);
	room_left(p, k->src, 1);
}

/* To the uplink, of any VFs. */
static void enqueue_uplink(struct pipe *p, const struct pkt *k, uint32_t n, uint64_t now_ns)
{
	uint16_t pf = p->f->conf->pf;
	bool is_up = port_is_up(p->f, pf);
	uint32_t nodes[PIPE_BURST] = {0}, run;

	for (uint32_t i = 0; i < n; i++)
		nodes[i] = k[i].src;
	p->busy_ports |= UINT64_C(1) << pf;
	for (uint32_t i = 0; i < n; i += run) {
		run = is_up ? send_now(p, pf, p->pf, &nodes[i], &k[i], n - i, now_ns) : 0;
		for (uint32_t j = i; j < i + run; j++)
			room_left(p, nodes[j], 1);
		if (run > 0)
			continue;
		while (i + run < n && nodes[i + run] == nodes[i])
			run++;
		uint32_t taken = egress_push_run(p->pf, nodes[i], 0, &k[i], run, now_ns);
		if (taken < run) {
			refuse_sender(p, &k[i + taken], DROP_QUEUE_FULL);
			run = taken + 1;
		}
	}
}

uint32_t pipe_send_now(struct pipe *p, const uint32_t *vfs, const struct pkt *k, uint32_t n, uint64_t now_ns)
{
	uint16_t pf = p->f->conf->pf;

	if (!port_is_up(p->f, pf))
		return 0;
	p->busy_ports |= UINT64_C(1) << pf;
	return send_now(p, pf, p->pf, vfs, k, n, now_ns);
}

/* To another VF of this host: of one sender, to one receiver. */
static void enqueue_local(struct pipe *p, const struct pkt *k, uint32_t n, uint64_t now_ns)
{
	uint32_t nodes[PIPE_BURST] = {0};

	for (uint32_t i = 0; i < n; i++)
		nodes[i] = k->src;
	uint32_t i = egress_send_now(p->local, nodes, k, n, now_ns);
	if (i > 0) {
		room_left(p, k->src, i);
		pipe_deliver(p, k, i, now_ns);
	}
	for (; i < n; i++) {
		i += egress_push_run(p->local, k->src, k->dst, &k[i], n - i, now_ns);
		if (i < n)
			refuse_sender(p, &k[i], DROP_QUEUE_FULL);
	}
}

static void enqueue_flood(struct pipe *p, const struct pkt *k, uint64_t now_ns)
{
	enum drop_reason reason = egress_push(p->local, k->src, FLOOD_KEY | k->vid, k, k->dst, now_ns);

	if (reason != DROP_NOT)
		refuse_sender(p, k, reason);
}

/* What a worker is given is either a VF's and has yet to pass its sender's bounds at home, or it is for a receiver. */
void pipe_enqueue(struct pipe *p, const struct pkt *k, uint32_t n, uint64_t now_ns)
{
	if (!p->is_home || k->src == VF_PF)
		enqueue_receiver(p, k, n, now_ns);
	else if (k->dest_kind == DEST_PF)
		enqueue_uplink(p, k, n, now_ns);
	else if (k->dest_kind == DEST_VF)
		enqueue_local(p, k, n, now_ns);
	else
		enqueue_flood(p, k, now_ns);
}

uint32_t pipe_run_of(const struct pkt *k, uint32_t n)
{
	uint32_t run = 1;

	if (k->dest_kind == DEST_FLOOD)
		return 1;
	while (run < n && k[run].dest_kind == k->dest_kind && k[run].src == k->src && k[run].dst == k->dst)
		run++;
	return run;
}

void pipe_deliver(struct pipe *p, const struct pkt *k, uint32_t n, uint64_t now_ns)
{
	unsigned int worker = p->f->ports[p->f->briefs[k->dst].port].tx_worker;

	if (worker == p->worker) {
		enqueue_receiver(p, k, n, now_ns);
		return;
	}
	for (uint32_t i = p->io.hand(p->io.ctx, worker, k, n); i < n; i++)
		pipe_drop_rx(p, k[i].dst, k[i].handle, DROP_RING_FULL);
}

/* A copy that is not made is a drop of what was to be copied. */
static void count_uncopied(struct pipe *p, const struct pkt *k, vf_id to, enum drop_reason reason)
{
	bool is_tx = to == VF_PF && reason == DROP_MTU;

	count_drop(p, is_tx ? k->src : to, is_tx ? CAPTURE_TX : CAPTURE_RX, k->handle, reason);
}

/* A copy of k for 'to', tagged as 'to' wants it.  The receiver's counter tells of what could not be made (the sender's
 * of what the PF cannot take).  What its port would not take is not copied. */
bool pipe_copy_to(struct pipe *p, const struct pkt *k, vf_id to, struct pkt *copy)
{
	enum tag_op op = l2_tag_op(p->l2, k, to);
	int n_more_tags = (op == TAG_PUSH) - (op == TAG_POP);

	*copy = *k;
	copy->dst = to;
	copy->dest_kind = to == VF_PF ? DEST_PF : DEST_VF;
	copy->n_tags = (uint8_t)(k->n_tags + n_more_tags);
	copy->bytes = (uint32_t)((int)k->bytes + 4 * n_more_tags);
	if (pipe_is_too_long(p->f, copy, l2_port_of(p->l2, to))) {
		count_uncopied(p, k, to, DROP_MTU);
		return false;
	}
	if (!p->io.copy(p->io.ctx, k, copy)) {
		count_uncopied(p, k, to, DROP_NO_BUFFER);
		return false;
	}
	if (op != TAG_KEEP && !p->io.retag(p->io.ctx, copy, op, k->vid)) {
		pipe_drop_rx(p, to, copy->handle, DROP_NO_BUFFER);
		return false;
	}
	return true;
}

static void pass_flood(struct pipe *p, const struct egress_out *out, uint64_t now_ns)
{
	uint16_t vid = (uint16_t)(out->flow_key & 0xfff);
	uint16_t own_port = l2_port_of(p->l2, out->node);
	struct l2_group g = l2_group_of(p->l2, vid);
	struct pkt k = {.handle = out->handle};

	p->io.look(p->io.ctx, &k);
	classify_headers(&k);
	k.src = out->node;
	k.vid = vid;
	k.tclass = out->tclass;
	k.drop_prec = out->drop_prec;
	for (uint32_t i = 0; i < g.n; i++) {
		struct pkt copy;
		if (l2_port_of(p->l2, g.members[i]) != own_port && pipe_copy_to(p, &k, g.members[i], &copy))
			pipe_deliver(p, &copy, 1, now_ns);
	}
	p->io.free(p->io.ctx, &k.handle, 1);
}

static struct pkt local_pkt(const struct egress_out *out)
{
	return (struct pkt){
		.handle = out->handle,
		.bytes = out->bytes,
		.tclass = out->tclass,
		.drop_prec = out->drop_prec,
		.ecn = out->is_ect ? ECN_ECT_0 : ECN_NOT_ECT,
		.dest_kind = DEST_VF,
		.src = out->node,
		.dst = out->flow_key,
	};
}

/* A run of one sender's packets for one receiver. */
static uint32_t pass_run(struct pipe *p, const struct egress_out *out, uint32_t n, uint64_t now_ns)
{
	struct pkt burst[PIPE_BURST];
	uint32_t run = 0;

	for (; run < n && out[run].node == out->node && out[run].flow_key == out->flow_key; run++)
		burst[run] = local_pkt(&out[run]);
	pipe_deliver(p, burst, run, now_ns);
	return run;
}

/* What its sender's bounds let go, on to its receivers. */
void pipe_pass_local(struct pipe *p, uint64_t now_ns)
{
	struct egress_out out[PIPE_BURST];
	uint32_t n = PIPE_BURST, run;

	for (uint32_t i = 0; i < MAX_BURSTS && n == PIPE_BURST; i++) {
		n = egress_pop(p->local, out, PIPE_BURST, now_ns);
		for (uint32_t j = 0; j < n; j++) {
			room_left(p, out[j].node, 1);
			if (out[j].is_marked)
				p->io.mark_ce(p->io.ctx, &out[j].handle);
		}
		if (is_capturing(p))
			pipe_capture_passed(p, out, n);
		for (uint32_t j = 0; j < n; j += run) {
			run = 1;
			if (out[j].flow_key & FLOOD_KEY)
				pass_flood(p, &out[j], now_ns);
			else
				run = pass_run(p, &out[j], n - j, now_ns);
		}
	}
}

static bool fill_stage(struct pipe *p, uint16_t port, struct egress *e, uint64_t now_ns)
{
	struct egress_out out[PIPE_BURST];
	struct stage *s = &p->stage[port];
	bool is_pf = e == p->pf;
	uint64_t bytes = 0;

	s->n = egress_pop(e, out, PIPE_BURST, now_ns);
	s->at = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		if (out[i].is_marked && p->io.mark_ce(p->io.ctx, &out[i].handle) && is_pf && p->echoes != NULL)
			counter_add(&p->echoes[out[i].node].marked_bytes, out[i].bytes);
		s->handles[i] = out[i].handle;
		s->nodes[i] = out[i].node;
		bytes += out[i].bytes;
		if (is_pf)
			room_left(p, out[i].node, 1);
	}
	if (is_capturing(p))
		pipe_capture_staged(p, port, out, s->n);
	if (is_pf) {
		counter_add(&p->pf_bytes, bytes);
		counter_add(&p->pf_pkts, s->n);
	}
	return s->n > 0;
}

uint32_t pipe_drop_staged(struct pipe *p, uint16_t port, enum drop_reason reason)
{
	struct stage *s = &p->stage[port];
	uint32_t n = s->n - s->at;

	for (; s->at < s->n; s->at++) {
		uint32_t node = s->nodes[s->at];
		pipe_drop_rx(p, port == p->f->conf->pf ? VF_PF : p->f->port_vfs[port][node], s->handles[s->at], reason);
	}
	return n;
}

/* A port that is gone takes nothing: what waits for it is dropped, some a turn, and holds nobody. */
static void purge(struct pipe *p, uint16_t port, struct egress *e, uint64_t now_ns)
{
	bool is_pf = e == p->pf;
	enum drop_reason reason = is_pf ? DROP_UPLINK_GONE : DROP_RECEIVER_GONE;
	uint32_t n_nodes = is_pf ? p->f->conf->n_vfs : p->f->n_port_vfs[port];
	struct egress_out out;

	pipe_drop_staged(p, port, reason);
	uint32_t n = 0;
	for (uint32_t node = 0; node < n_nodes && n < MAX_PURGE; node++) {
		for (; n < MAX_PURGE && egress_take(e, node, &out, now_ns); n++) {
			if (is_pf) {
				pipe_drop_tx(p, node, out.handle, reason);
				room_left(p, node, 1);
			} else {
				drop_at_receiver(p, out.flow_key, p->f->port_vfs[port][node], out.handle, reason);
			}
		}
	}
}

static uint32_t send_bursts(struct pipe *p, uint16_t port, struct egress *e, uint64_t now_ns)
{
	struct stage *s = &p->stage[port];
	uint32_t sent = 0;

	for (uint32_t i = 0; i < MAX_BURSTS; i++) {
		if (s->at == s->n && !fill_stage(p, port, e, now_ns))
			break;
		uint32_t n = p->io.tx(p->io.ctx, port, s->handles + s->at, s->n - s->at);
		s->at += n;
		sent += n;
		if (s->at < s->n)
			break;	/* it takes no more now: not retried before the next turn */
	}
	return sent;
}

static uint32_t transmit_port(struct pipe *p, uint16_t port, uint64_t now_ns)
{
	struct egress *e = port == p->f->conf->pf ? p->pf : p->egress[port];
	struct stage *s = &p->stage[port];
	uint32_t sent = 0;

	if (port_is_up(p->f, port))
		sent = send_bursts(p, port, e, now_ns);
	else
		purge(p, port, e, now_ns);
	egress_set_blocked(e, s->at < s->n);
	if (s->at == s->n && egress_n_pkts(e) == 0)
		p->busy_ports &= ~(UINT64_C(1) << port);
	return sent;
}

uint32_t pipe_transmit(struct pipe *p, bool is_last, uint64_t now_ns)
{
	uint32_t sent = 0;

	for (uint64_t left = p->busy_ports; left != 0; left &= left - 1) {
		uint16_t port = (uint16_t)__builtin_ctzll(left);
		const struct egress *e = port == p->f->conf->pf ? p->pf : p->egress[port];
		if (is_last || (!egress_is_blocked(e) && port_is_up(p->f, port)))
			sent += transmit_port(p, port, now_ns);
	}
	counter_add(&p->tx_pkts, sent);
	return sent;
}
