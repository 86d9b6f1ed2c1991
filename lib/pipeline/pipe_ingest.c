/* SPDX-License-Identifier: BSD-3-Clause */
/* From a port to an egress: ask, validate, classify, switch, and queue here or hand to the worker that does. */
#include "pipe_impl.h"

/* How many packets may go to home in one burst: what has been read must not be dropped for want of a slot there.  Half,
 * for a flood takes two. */
static uint32_t room_to_home(const struct pipe *p)
{
	if (p->is_home || p->io.hand_room == NULL)
		return UINT32_MAX;
	return p->io.hand_room(p->io.ctx, p->f->home) / 2;
}

/* VFs' packets go to home, where their clocks are: a run as pipe_enqueue() takes it. */
static void to_home(struct pipe *p, const struct pkt *k, uint32_t n, uint64_t now_ns)
{
	if (p->is_home) {
		pipe_enqueue(p, k, n, now_ns);
		return;
	}
	for (uint32_t i = p->io.hand(p->io.ctx, p->f->home, k, n); i < n; i++) {
		pipe_drop_tx(p, k[i].src, k[i].handle, DROP_RING_FULL);
		if (is_vf(p, k[i].src))
			room_enter(p->f, k[i].src, UINT64_MAX);	/* - 1: it did not come in */
	}
}

static void refuse(struct pipe *p, const struct pkt *k, enum drop_reason reason)
{
	pipe_drop_tx(p, k->src, k->handle, reason);
	if (is_vf(p, k->src))
		room_enter(p->f, k->src, UINT64_MAX);
}

/* Copies for everybody in the VLAN.  From a VF, one entry stands for all local copies until its sender may send them. */
static void flood_of_vf(struct pipe *p, struct pkt *k, uint64_t now_ns)
{
	const struct fabric *f = p->f;
	struct l2_group g = l2_group_of(p->l2, k->vid);
	uint16_t own_port = l2_port_of(p->l2, k->src);
	uint32_t n_local = 0;
	struct pkt to_pf;

	for (uint32_t i = 0; i < g.n; i++) {
		uint16_t port = l2_port_of(p->l2, g.members[i]);
		n_local += port != own_port && port_is_up(f, port);
	}
	if (port_is_up(f, f->conf->pf) && pipe_copy_to(p, k, VF_PF, &to_pf)) {
		room_enter(p->f, k->src, 1);
		to_home(p, &to_pf, 1, now_ns);
	}
	if (n_local > 0) {
		k->dst = n_local;	/* the copies it will be charged for */
		to_home(p, k, 1, now_ns);
		return;
	}
	p->io.free(p->io.ctx, &k->handle, 1);
	room_enter(p->f, k->src, UINT64_MAX);
}

static void flood_of_pf(struct pipe *p, struct pkt *k, uint64_t now_ns)
{
	struct l2_group g = l2_group_of(p->l2, k->vid);

	for (uint32_t i = 0; i < g.n; i++) {
		struct pkt copy;
		if (pipe_copy_to(p, k, g.members[i], &copy))
			pipe_deliver(p, &copy, 1, now_ns);
	}
	p->io.free(p->io.ctx, &k->handle, 1);
}

static void unicast(struct pipe *p, struct pkt *k, uint64_t now_ns)
{
	const struct fabric *f = p->f;
	uint16_t port = k->dest_kind == DEST_PF ? f->conf->pf : l2_port_of(p->l2, k->dst);

	if (k->dest_kind == DEST_PF && !port_is_up(f, port)) {
		refuse(p, k, DROP_UPLINK_GONE);
		return;
	}
	if (k->tag_op != TAG_KEEP) {
		if (!p->io.retag(p->io.ctx, k, (enum tag_op)k->tag_op, k->vid)) {
			refuse(p, k, DROP_NO_BUFFER);
			return;
		}
		k->n_tags = (uint8_t)(k->n_tags + (k->tag_op == TAG_PUSH) - (k->tag_op == TAG_POP));
	}
	if (pipe_is_too_long(f, k, port))
		refuse(p, k, DROP_MTU);
	else if (k->src == VF_PF)
		pipe_deliver(p, k, 1, now_ns);
	else
		to_home(p, k, 1, now_ns);
}

/* Class and drop precedence: by the sender's map, or the receiver's for what comes from outside. */
static inline const struct class_map *map_of(const struct pipe *p, const struct pkt *k)
{
	vf_id owner = k->src != VF_PF ? k->src : k->dest_kind == DEST_VF ? k->dst : VF_NONE;

	if (owner == VF_NONE)
		return &p->f->maps[0];
	return &p->f->maps[atomic_load_explicit(&p->f->briefs[owner].dscp_map, memory_order_acquire)];
}

static void classify(struct pipe *p, struct party *sender, struct pkt *k, int dscp, uint64_t now_ns)
{
	classify_by_map(k, map_of(p, k), dscp);
	if (k->is_neighbour && limiter_ready_ns(&sender->neighbour) <= now_ns) {
		limiter_charge(&sender->neighbour, 0, 1, now_ns, 0, 0);
		k->tclass = TC_HIGH;
	}
}

static bool may_broadcast(struct party *sender, uint64_t now_ns)
{
	if (sender->broadcast.price_pkt == 0 || limiter_ready_ns(&sender->broadcast) > now_ns)
		return false;
	limiter_charge(&sender->broadcast, 0, 1, now_ns, 0, 0);
	return true;
}

static void drop_unsound(const struct pipe *p, uint16_t port, struct pkt *k)
{
	k->src = port == p->f->conf->pf ? VF_PF : l2_only_vf(p->l2, port);
	k->way = 0;
	k->dest_kind = DEST_DROP;
	k->reason = pkt_is_bad_segmentation(k) ? DROP_SEGMENTATION : pkt_is_truncated(k) ? DROP_TRUNCATED : DROP_MALFORMED;
}

static inline bool is_sound(const struct pkt *k)
{
	return k->data_bytes >= PKT_MIN_BYTES && k->bytes <= PKT_MAX_BYTES;
}

/* Who sent them, and where they go, where some are not sound. */
static __attribute__((noinline)) void switch_each(const struct pipe *p, uint16_t port, struct pkt *burst, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (is_sound(&burst[i]))
			l2_switch(p->l2, &burst[i], 1, port);
		else
			drop_unsound(p, port, &burst[i]);
	}
}

/* Counted, classified, and on into an egress, or dropped. */
static void admit_one(struct pipe *p, struct pkt *k, int dscp, uint64_t now_ns)
{
	struct party *sender = party_of(p, k->src);

	count_came(p, k->src, 1, k->bytes);
	if (is_vf(p, k->src))
		room_enter(p->f, k->src, 1);
	if (k->dest_kind == DEST_DROP) {
		refuse(p, k, (enum drop_reason)k->reason);
		return;
	}
	if (k->bytes > p->f->longest_bytes + 4u * k->n_tags) {	/* no port takes it: it takes no queue and no copy */
		refuse(p, k, DROP_MTU);
		return;
	}
	classify(p, sender, k, dscp, now_ns);
	if (k->dest_kind != DEST_FLOOD)
		unicast(p, k, now_ns);
	else if (!may_broadcast(sender, now_ns))
		refuse(p, k, DROP_BROADCAST_LIMIT);
	else if (k->src == VF_PF)
		flood_of_pf(p, k, now_ns);
	else
		flood_of_vf(p, k, now_ns);
}

/* The egress where the packet will wait next on this worker, and as whose; NULL: on none, or it does not matter. */
static const struct egress *egress_ahead(const struct pipe *p, const struct pkt *k, uint32_t *node)
{
	if (k->src != VF_PF) {
		*node = k->src;
		return k->dest_kind == DEST_PF ? p->pf : k->dest_kind == DEST_VF ? p->local : NULL;
	}
	if (k->dest_kind != DEST_VF)
		return NULL;
	*node = p->f->node_of[k->dst];
	return p->egress[p->f->briefs[k->dst].port];
}

static inline void prefetch_ahead(const struct pipe *p, const struct pkt *k)
{
	uint32_t node;
	const struct egress *e = egress_ahead(p, k, &node);

	__builtin_prefetch(&p->came[party_place(p, k->src)], 1);
	if (e == NULL)
		return;
	__builtin_prefetch(k->src != VF_PF ? &p->tx_limits[k->src] : &p->rx_limits[k->dst], 1);
	egress_prefetch(e, node);
}

static inline void prefetch_more(const struct pipe *p, const struct pkt *k)
{
	uint32_t node;
	const struct egress *e = egress_ahead(p, k, &node);

	if (e != NULL)
		egress_prefetch_more(e, node);
}

/* Of one sender to one receiver, untouched, and no longer than what is taken there. */
static bool is_simple(const struct pipe *p, const struct pkt *k)
{
	return k->dest_kind == DEST_VF && k->tag_op == TAG_KEEP && !k->is_neighbour && !pipe_is_too_long(p->f, k, p->f->briefs[k->dst].port);
}

/* The way each packet goes with others like it, DEST_PF or DEST_VF; DEST_DROP: it goes alone, by admit_one().  Asks for what
 * the next steps will read.  Returns how many go to the uplink. */
static inline uint32_t find_ways(const struct pipe *p, const struct pkt *k, uint16_t *way, uint32_t n)
{
	const struct pkt untouched = {.dest_kind = DEST_PF, .reason = DROP_NOT, .tag_op = TAG_KEEP};	/* from a VF */
	const struct came *came = p->came;
	const struct limiter *limits = p->tx_limits;
	const struct fabric *f = p->f;
	uint32_t most_bytes = port_is_up(f, f->conf->pf) ? f->conf->ports[f->conf->pf].mtu + 14u : 0;
	bool is_home = p->is_home;
	vf_id src = VF_NONE, dst = VF_NONE;
	uint32_t n_uplink = 0;

	for (uint32_t i = 0; i < n; i++, k++) {
		bool is_other = k->src != src;

		src = k->src;
		if (__builtin_expect(k->way == untouched.way && k->bytes <= most_bytes && !k->is_neighbour, 1)) {
			way[i] = DEST_PF;
			n_uplink++;
			if (!is_other)
				continue;
			__builtin_prefetch(&came[src], 1);
			if (!is_home)
				continue;
			__builtin_prefetch(&limits[src], 1);
			egress_prefetch(p->pf, src);
			continue;
		}
		way[i] = is_simple(p, k) ? DEST_VF : DEST_DROP;
		if (is_other || k->dst != dst)
			prefetch_ahead(p, k);
		dst = k->dst;
	}
	return n_uplink;
}

/* A stretch of simple packets to the uplink, of any VFs.  As admit_one(). */
static void admit_to_uplink(struct pipe *p, struct pkt *k, const int *dscp, uint32_t n, uint64_t now_ns)
{
	const struct vf_brief *briefs = p->f->briefs;
	const struct class_map *maps = p->f->maps;
	const struct egress *e = p->is_home ? p->pf : NULL;
	struct came *came = p->came;
	uint32_t nodes[PIPE_BURST] = {0}, i = 0;

	static_assert(TAG_KEEP == 0, "see find_ways()");
	for (uint32_t j = 0; j < n; j++) {
		vf_id vf = nodes[j] = k[j].src;
		if (e != NULL)
			egress_prefetch_more(e, vf);
		counter_add(&came[vf].pkts, 1);
		counter_add(&came[vf].bytes, k[j].bytes);
		classify_by_map(&k[j], &maps[atomic_load_explicit(&briefs[vf].dscp_map, memory_order_acquire)], dscp[j]);
	}
	if (e != NULL)
		i = pipe_send_now(p, nodes, k, n, now_ns);
	if (i == n)
		return;
	for (uint32_t j = i; j < n; j++)
		room_enter(p->f, k[j].src, 1);
	to_home(p, k + i, n - i, now_ns);
}

/* A run of simple packets of one sender to one receiver.  As admit_one(). */
static void admit_run(struct pipe *p, struct pkt *k, const int *dscp, uint32_t n, uint64_t now_ns)
{
	const struct class_map *map = map_of(p, k);
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < n; i++) {
		bytes += k[i].bytes;
		classify_by_map(&k[i], map, dscp[i]);
	}
	count_came(p, k->src, n, bytes);
	if (k->src == VF_PF) {
		pipe_deliver(p, k, n, now_ns);
		return;
	}
	room_enter(p->f, k->src, n);
	to_home(p, k, n, now_ns);
}

static uint32_t stretch_of(const struct pkt *k, const uint16_t *way, uint32_t n)
{
	uint32_t i = 1;

	if (way[0] != DEST_PF)
		n = pipe_run_of(k, n);
	while (i < n && way[i] == way[0])
		i++;
	return i;
}

/* A packet whose rule sets another DSCP than it has goes on with that, or, without a buffer where it cannot be written in
 * place, not at all: nobody sees it as what it is not. */
static __attribute__((noinline)) void mark_burst(struct pipe *p, struct pkt *burst, int *dscp, uint32_t n)
{
	const struct mark_table *table = NULL;
	vf_id of = VF_NONE;

	for (uint32_t i = 0; i < n; i++) {
		struct pkt *k = &burst[i];
		if (!is_vf(p, k->src) || k->dest_kind == DEST_DROP)
			continue;
		if (k->src != of)
			table = marks_of(p->marks, k->src);
		of = k->src;
		int wanted = table != NULL ? mark_packet(table, k, dscp[i]) : dscp[i];
		if (wanted == dscp[i])
			continue;
		if (p->io.set_dscp(p->io.ctx, k, (uint8_t)wanted)) {
			dscp[i] = wanted;
		} else {
			k->dest_kind = DEST_DROP;
			k->reason = DROP_NO_BUFFER;
		}
	}
}

/* A burst goes step by step, not packet by packet: with many VFs each step reads what is in no cache, and asks for what
 * the next step will read.  What packets that follow each other have in common is done once. */
static void ingest(struct pipe *p, uint16_t port, struct pkt *burst, uint32_t n, uint16_t ring_wait, uint64_t now_ns)
{
	uint16_t way[PIPE_BURST];	/* not bytes: those might be anything, and all would be read again after each */
	int dscp[PIPE_BURST];
	uint32_t run, n_sound = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct pkt *k = &burst[i];
		int code = -1;
		k->ring_wait = ring_wait;
		if (is_sound(k)) {
			code = classify_headers(k);
			n_sound++;
		}
		dscp[i] = code;
	}
	if (__builtin_expect(n_sound == n, 1))
		l2_switch(p->l2, burst, n, port);
	else
		switch_each(p, port, burst, n);
	if (is_capturing(p))
		pipe_capture_read(p, burst, n);
	if (__builtin_expect(p->marks != NULL, 0))
		mark_burst(p, burst, dscp, n);
	if (find_ways(p, burst, way, n) == n) {
		admit_to_uplink(p, burst, dscp, n, now_ns);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (way[i] != DEST_PF)
			prefetch_more(p, &burst[i]);
	}
	if (p->echo_flows != NULL && port == p->f->conf->pf)
		pipe_count_echoes(p, burst, n, now_ns);
	for (uint32_t i = 0; i < n; i += run) {
		run = way[i] != DEST_DROP ? stretch_of(&burst[i], &way[i], n - i) : 1;
		if (way[i] == DEST_PF)
			admit_to_uplink(p, &burst[i], &dscp[i], run, now_ns);
		else if (way[i] == DEST_VF)
			admit_run(p, &burst[i], &dscp[i], run, now_ns);
		else
			admit_one(p, &burst[i], dscp[i], now_ns);
	}
}

/* A physical port is always asked for a whole burst, and charged for what it gives: vector drivers answer 0 to fewer
 * than 4 or 8, and a port read by one packet at a time (a capped core) would never be read. */
uint32_t pipe_ask(struct pipe *p, uint64_t now_ns)
{
	struct pkt burst[PIPE_BURST];
	uint32_t id, n, moved = 0;

	pipe_look_at_loan(p, now_ns);
	ask_turn(p->ask, now_ns);
	while ((id = ask_next(p->ask, &n, now_ns)) != ASK_NONE) {
		uint16_t port = p->rx_ports[id];
		uint32_t room = pipe_room(p, port, now_ns), slots = room_to_home(p);
		uint32_t least = p->f->ports[port].is_physical ? PIPE_BURST : 1;
		room = room < slots ? room : slots;
		if (room < least) {
			ask_no_room(p->ask, id, now_ns);
			continue;
		}
		n = n < least ? least : n < room ? n : room;
		uint32_t got = p->io.rx(p->io.ctx, port, burst, n);
		ask_answer(p->ask, id, n, got, now_ns);
		if (got == 0)	/* an idle port costs its poll and nothing else */
			continue;
		ingest(p, port, burst, got, pipe_ring_wait(p, port, got, got == n, now_ns), now_ns);
		pipe_look_ahead(p, port, burst, got);
		if (p->is_home)
			pipe_pass_local(p, now_ns);
		pipe_transmit(p, false, now_ns);
		moved += got;
	}
	counter_add(&p->rx_pkts, moved);
	return moved;
}

bool pipe_hand_marker(struct pipe *p, unsigned int worker, uint32_t round)
{
	struct pkt marker = {.handle = NULL, .dst = round};

	return p->io.hand(p->io.ctx, worker, &marker, 1) == 1;
}

uint32_t pipe_take_markers(struct pipe *p, struct pkt *burst, uint32_t n)
{
	uint32_t n_left = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (__builtin_expect(burst[i].handle == NULL, 0))
			p->n_markers[burst[i].dst]++;
		else if (n_left++ != i)
			burst[n_left - 1] = burst[i];
	}
	return n_left;
}

uint32_t pipe_take_handed(struct pipe *p, uint64_t now_ns)
{
	struct pkt burst[PIPE_BURST];
	uint32_t n, n_pkts, moved = 0;

	for (uint32_t i = 0; i < MAX_BURSTS; i++) {
		n = p->io.take(p->io.ctx, burst, PIPE_BURST);
		n_pkts = pipe_take_markers(p, burst, n);
		for (uint32_t j = 0, run; j < n_pkts; j += run) {
			run = pipe_run_of(&burst[j], n_pkts - j);
			pipe_enqueue(p, &burst[j], run, now_ns);
		}
		moved += n;
		if (n < PIPE_BURST)
			break;
	}
	return moved;
}
