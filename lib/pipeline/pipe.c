/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's part of the switch, and its turn. */
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "pipe_impl.h"

#define FRAME_OVERHEAD	 18u			/* L2 header and one tag */
#define LOAD_MOST_TURNS	 4u			/* a full turn lasts about turn_ns: ask fits its budget to that */
#define BROADCAST_BURST_NS (50 * NS_PER_MS)

static uint32_t largest_bytes(const struct conf_port *port)
{
	return port->mtu + FRAME_OVERHEAD;
}

static struct order_params order_params(const struct pipe *p, uint16_t port, uint32_t n_nodes)
{
	const struct fabric_port *fp = &p->f->ports[port];
	const struct conf *conf = p->f->conf;

	return (struct order_params){
		.n_nodes = n_nodes,
		.link_byte = price_of_bps(fp->link_bps),
		.cost_pkt = price_of_pps(conf->packet_capacity_pps),
		.extra_bytes = basis_bytes(fp->basis, 0),
		.largest_bytes = largest_bytes(&conf->ports[port]),
		.turn_ns = conf->turn_ns,
		.link_catchup = !fp->is_physical,
	};
}

struct order_terms pipe_terms(const struct sla *s, bool has_guarantee)
{
	return (struct order_terms){
		.min_byte = has_guarantee ? price_of_bps(s->min_bps) : 0,
		.min_pkt = has_guarantee ? price_of_pps(s->min_pps) : 0,
		.urgent_byte = price_of_bps(s->urgent_bps),
		.urgent_pkt = price_of_pps(s->urgent_pps),
		.burst_ns = s->burst_ns,
		.weight = s->weight,
		.priority = s->priority,
	};
}

/* The burst: what was asked for, but two frames at least, or a slow limit's would be none (contract 1). */
static uint64_t burst_ns(const struct pipe *p, const struct sla *s, uint16_t port)
{
	uint32_t largest = largest_bytes(&p->f->conf->ports[port]);
	uint64_t two_frames_ns = u64_max(price_ns(price_of_bps(s->max_bps), 2ull * largest), price_ns(price_of_pps(s->max_pps), 2));

	return u64_max(s->burst_ns, two_frames_ns);
}

/* What the limit saves: the burst, or what others may take first (contract 1). */
void pipe_set_limit(const struct pipe *p, struct limiter *l, const struct sla *s, uint16_t port, uint64_t now_ns)
{
	const struct fabric_port *fp = &p->f->ports[port];
	uint32_t largest = largest_bytes(&p->f->conf->ports[port]);
	uint64_t others_ns = price_ns(price_of_bps(fp->link_bps), 12ull * largest) + p->f->conf->turn_ns;

	limiter_set(l, price_of_bps(s->max_bps), price_of_pps(s->max_pps), u64_max(burst_ns(p, s, port), others_ns), now_ns);
	l->extra_bytes = basis_bytes((enum link_basis)s->basis, 0);
}

/* A sender's packet that its own queue drops. */
static void drop_queued(void *ctx, uint32_t node, uint32_t flow_key, void *handle, enum drop_reason reason)
{
	struct pipe *p = ctx;

	(void)flow_key;
	pipe_drop_tx(p, node, handle, reason);
	room_left(p, node, 1);
}

static uint64_t mark_ns(const struct conf_vf *v, uint64_t above_ns)
{
	return v->ecn ? above_ns : 0;
}

/* Above which delay its packets to the uplink are marked: three at its rate are no queue, whatever holds it to that. */
static uint64_t uplink_mark_ns(const struct pipe *p, vf_id vf, const struct conf_vf *v)
{
	if (p->grants == NULL || p->grants[vf] == 0 || v->mark_above_ns != 0)
		return v->tx_mark_ns;
	return u64_max(v->tx_mark_ns, price_ns(price_of_bps(p->grants[vf]), 3ull * largest_bytes(&p->f->conf->ports[p->f->conf->pf])));
}

static bool set_sender(struct pipe *p, struct egress *e, vf_id vf, const struct conf_vf *v, bool has_guarantee,
	uint64_t now_ns)
{
	uint64_t above_ns = e == p->pf ? uplink_mark_ns(p, vf, v) : v->tx_mark_ns;
	struct order_terms terms = pipe_terms(&v->tx_eff, has_guarantee);
	terms.burst_ns = burst_ns(p, &v->tx_eff, p->f->conf->pf);	/* by so much urgent overdraws the limit */
	/* A sender that can be held is never refused; others drop by policy at their queue: what can be marked is marked
	 * before the rest is dropped. */
	bool is_held = p->f->lone_vf[v->port] == vf && v->when_full == WHEN_FULL_HOLD;
	struct egress_signals signals = {
		.mark_ns = mark_ns(v, above_ns),
		.drop_target_ns = is_held ? 0 : u64_max(CODEL_TARGET_NS, above_ns),
	};

	egress_set_node(e, vf, &terms, &p->tx_limits[vf], is_held ? 0 : v->queue_pkts, now_ns);
	return egress_set_signals(e, vf, &signals);
}

/* In the unit and the basis in which its limit was sold. */
static void set_hold(struct pipe *p, vf_id vf, const struct conf_vf *v, uint64_t now_ns)
{
	struct sla hold = v->tx_eff;

	hold.max_bps = p->grants[vf];
	hold.max_pps = 0;
	pipe_set_limit(p, &p->holds[vf], &hold, p->f->conf->pf, now_ns);
}

void pipe_set_tx_limit(struct pipe *p, vf_id vf, const struct sla *s, uint64_t now_ns)
{
	struct sla limit = *s;

	limit.max_bps = pipe_credit_limit(p, vf, s->max_bps);
	pipe_set_limit(p, &p->tx_limits[vf], &limit, p->f->conf->pf, now_ns);
	fabric_limit_ahead(p->f, vf, limit.max_bps, limit.max_pps);
}

bool pipe_set_vf_tx(struct pipe *p, vf_id vf, const struct conf_vf *v, uint64_t now_ns)
{
	pipe_set_credit(p, vf, &v->tx_eff, now_ns);
	fabric_set_ahead(p->f, vf, v);
	pipe_set_tx_limit(p, vf, &v->tx_eff, now_ns);
	if (p->holds != NULL)
		set_hold(p, vf, v, now_ns);
	return set_sender(p, p->pf, vf, v, true, now_ns) && set_sender(p, p->local, vf, v, false, now_ns);
}

void pipe_set_grant(struct pipe *p, vf_id vf, const struct conf_vf *v, uint64_t bps, uint64_t now_ns)
{
	if (p->holds == NULL || p->grants[vf] == bps)
		return;
	p->grants[vf] = bps;
	set_hold(p, vf, v, now_ns);
	set_sender(p, p->pf, vf, v, true, now_ns);
}

bool pipe_set_vf_rx(struct pipe *p, vf_id vf, const struct conf_vf *v, uint64_t now_ns)
{
	struct order_terms terms = pipe_terms(&v->rx_eff, false);
	terms.burst_ns = burst_ns(p, &v->rx_eff, v->port);
	struct egress *e = p->egress[v->port];
	uint32_t node = p->f->node_of[vf];

	pipe_set_limit(p, &p->rx_limits[vf], &v->rx_eff, v->port, now_ns);
	egress_set_node(e, node, &terms, &p->rx_limits[vf], v->receive_queue_pkts, now_ns);
	return egress_set_signals(e, node, &(struct egress_signals){
		.mark_ns = mark_ns(v, v->rx_mark_ns),
		.drop_target_ns = pipe_receive_target_ns(p, v),
	});
}

/* In pages of their own: what is a cache line must be one, and calloc() begins 16 bytes behind one. */
static size_t n_limits(const struct pipe *p)
{
	return p->n_vfs + 1;
}

static size_t n_parties(const struct pipe *p)
{
	return p->n_vfs + 2;
}

static bool create_holds(struct pipe *p)
{
	if (!p->f->conf->remote.is_on)
		return true;
	p->grants = calloc(n_limits(p), sizeof(*p->grants));
	p->holds = mem_reserve(n_limits(p), sizeof(*p->holds));
	egress_set_holds(p->pf, p->holds);
	return p->grants != NULL && p->holds != NULL;
}

static bool create_home(struct pipe *p, uint64_t now_ns)
{
	const struct conf *conf = p->f->conf;
	struct egress_params params = {.order = order_params(p, conf->pf, conf->n_vfs + 1)};
	uint64_t n_flows = 16;

	params.order.n_groups = conf->n_tenants;
	memcpy(params.class_weight, conf->class_weight, sizeof(params.class_weight));
	p->tx_limits = mem_reserve(n_limits(p), sizeof(*p->tx_limits));
	p->pf = egress_create(&params, &p->pool);
	/* The local egress has no link; a byte costs there what it costs at the PF. */
	params.order.cost_byte = params.order.link_byte;
	params.order.link_byte = 0;
	params.order.extra_bytes = 0;
	for (uint32_t i = 0; i < conf->n_vfs; i++)
		n_flows += (conf->ports[conf->vfs[i].port].n_places == 1 ? 2 : 1) * (uint64_t)conf->vfs[i].room_pkts;
	params.n_flows = n_flows < 1u << 20 ? (uint32_t)n_flows : 1u << 20;
	p->local = egress_create(&params, &p->pool);
	if (p->tx_limits == NULL || p->pf == NULL || p->local == NULL || !create_holds(p) || !pipe_create_credits(p))
		return false;
	if (!egress_pair(p->pf, p->local) || !egress_reserve_drops(p->pf) || !egress_reserve_drops(p->local))
		return false;	/* a VF may come that drops */
	egress_set_drop(p->pf, drop_queued, p);
	egress_set_drop(p->local, drop_queued, p);
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		if (!pipe_set_vf_tx(p, i, &conf->vfs[i], now_ns))
			return false;
	}
	return pipe_create_tenants(p, now_ns);
}

static bool create_port(struct pipe *p, uint16_t port, const uint32_t *weights, uint64_t now_ns)
{
	const struct fabric *f = p->f;
	const struct conf *conf = f->conf;
	uint32_t n_nodes = f->n_port_vfs[port];
	struct egress_params params = {.order = order_params(p, port, n_nodes ? n_nodes : 1)};
	uint64_t n_flows = 16;

	for (uint32_t node = 0; node < n_nodes; node++)
		n_flows += 2 * u64_min(conf->vfs[f->port_vfs[port][node]].receive_room_pkts, conf->n_vfs + 1);
	params.n_flows = n_flows < 1u << 20 ? (uint32_t)n_flows : 1u << 20;
	memcpy(params.class_weight, conf->class_weight, sizeof(params.class_weight));
	p->egress[port] = egress_create(&params, &p->pool);
	if (p->egress[port] == NULL || !egress_reserve_drops(p->egress[port]))
		return false;
	p->drops[port] = (struct port_drops){p, port};
	egress_set_drop(p->egress[port], pipe_drop_received, &p->drops[port]);
	if (!egress_set_flow_weights(p->egress[port], weights, conf->n_vfs + 1))
		return false;
	for (uint32_t node = 0; node < n_nodes; node++) {
		vf_id vf = f->port_vfs[port][node];
		if (!pipe_set_vf_rx(p, vf, &conf->vfs[vf], now_ns))
			return false;
	}
	return true;
}

uint32_t *pipe_sender_weights(const struct conf *conf)
{
	uint32_t *weights = calloc(conf->n_vfs + 1, sizeof(*weights));

	for (uint32_t i = 0; weights != NULL && i < conf->n_vfs; i++) {
		weights[i] = conf->vfs[i].tx_eff.weight;
		if (weights[conf->n_vfs] < weights[i])
			weights[conf->n_vfs] = weights[i];
	}
	return weights;
}

static bool create_egresses(struct pipe *p, uint64_t now_ns)
{
	const struct conf *conf = p->f->conf;
	uint32_t *weights = pipe_sender_weights(conf);
	bool is_ok = weights != NULL;

	for (uint16_t port = 0; is_ok && port < conf->n_ports; port++) {
		if (p->f->ports[port].tx_worker != p->worker)
			continue;
		p->tx_ports |= UINT64_C(1) << port;
		if (port != conf->pf)
			is_ok = create_port(p, port, weights, now_ns);
	}
	free(weights);
	return is_ok && (!p->is_home || create_home(p, now_ns));
}

void pipe_set_party(struct pipe *p, vf_id vf, uint64_t broadcast_pps, uint64_t now_ns)
{
	price_t price = price_of_pps(broadcast_pps);

	limiter_set(&p->parties[vf].broadcast, 0, price, u64_max(BROADCAST_BURST_NS, price_ns(price, 2)), now_ns);
	limiter_set(&p->parties[vf].neighbour, 0, price_of_pps(NEIGHBOUR_PPS), 10 * NS_PER_S / NEIGHBOUR_PPS, now_ns);
}

static bool create_parties(struct pipe *p, uint64_t now_ns)
{
	const struct conf *conf = p->f->conf;

	p->parties = mem_reserve(n_parties(p), sizeof(*p->parties));
	p->came = mem_reserve(n_parties(p), sizeof(*p->came));
	p->rx_limits = mem_reserve(n_limits(p), sizeof(*p->rx_limits));
	if (p->parties == NULL || p->came == NULL || p->rx_limits == NULL)
		return false;
	for (uint32_t i = 0; i <= p->n_vfs; i++)
		pipe_set_party(p, i, i < p->n_vfs ? conf->vfs[i].broadcast_pps : conf->ports[conf->pf].broadcast_pps, now_ns);
	return true;
}

struct pipe *pipe_create(struct fabric *f, unsigned int worker, const struct pipe_io *io, uint64_t now_ns,
	struct why *why)
{
	struct pipe *p = calloc(1, sizeof(*p));

	if (p == NULL)
		goto no_memory;
	p->f = f;
	p->io = *io;
	p->worker = worker;
	p->is_home = worker == f->home;
	p->turn_ns = f->conf->turn_ns;
	p->last_turn_ns = now_ns;
	p->seen_ns = now_ns;
	p->n_vfs = f->conf->n_vfs;
	p->l2 = f->l2;
	p->marks = f->conf->marks;
	if (!fifo_pool_init(&p->pool, fabric_max_pkts(f->conf)) || !create_parties(p, now_ns) ||
		!pipe_create_echoes(p) ||
		!create_egresses(p, now_ns) || !pipe_create_ask(p, now_ns))
		goto no_memory;
	return p;
no_memory:
	why_add(why, "worker %u: no memory for the queues of %u VFs", worker, f->conf->n_vfs);
	pipe_destroy(p);
	return NULL;
}

void pipe_destroy(struct pipe *p)
{
	if (p == NULL)
		return;
	ask_destroy(p->ask);
	egress_destroy(p->pf);
	egress_destroy(p->local);
	for (int i = 0; i < CONF_MAX_PORTS; i++)
		egress_destroy(p->egress[i]);
	fifo_pool_fini(&p->pool);
	mem_release(p->tx_limits, n_limits(p), sizeof(*p->tx_limits));
	free(p->tenant_limits);
	mem_release(p->rx_limits, n_limits(p), sizeof(*p->rx_limits));
	mem_release(p->parties, n_parties(p), sizeof(*p->parties));
	mem_release(p->came, n_parties(p), sizeof(*p->came));
	free(p->grants);
	mem_release(p->holds, n_limits(p), sizeof(*p->holds));
	pipe_destroy_credits(p);
	pipe_destroy_echoes(p);
	free(p);
}

static void lose(struct egress *e, uint64_t lost_ns, uint64_t now_ns)
{
	if (e != NULL)
		order_lost(egress_order(e), lost_ns, now_ns);
}

/* Time between two turns beyond what a turn may last was lost (the core was taken away): given back (contract 1). */
static void account_gap(struct pipe *p, uint64_t now_ns)
{
	uint64_t gap_ns = now_ns - p->last_turn_ns;

	p->last_turn_ns = now_ns;
	atomic_store_explicit(&p->seen_ns, now_ns, memory_order_relaxed);
	if (p->is_home)
		pipe_note_lost(p, gap_ns > p->turn_ns ? gap_ns - p->turn_ns : 0, now_ns);
	if (gap_ns <= p->turn_ns)
		return;
	uint64_t lost_ns = gap_ns - p->turn_ns;
	counter_add(&p->lost_ns, lost_ns);
	if (gap_ns > counter_read(&p->longest_gap_ns))
		atomic_store_explicit(&p->longest_gap_ns, gap_ns, memory_order_relaxed);
	lose(p->pf, lost_ns, now_ns);
	lose(p->local, lost_ns, now_ns);
	for (uint64_t left = p->tx_ports; left != 0; left &= left - 1)
		lose(p->egress[__builtin_ctzll(left)], lost_ns, now_ns);
	if (p->ask != NULL)
		ask_lost(p->ask, lost_ns, now_ns);
}

/* What the last turn was tells what the time since was spent on: counters for the control core, some a turn. */
static void account_load(struct pipe *p, uint64_t now_ns)
{
	uint64_t took_ns = now_ns - p->last_turn_ns;

	if (took_ns > LOAD_MOST_TURNS * p->turn_ns)	/* the core was away: that is no work's cost */
		return;
	if (p->was_full) {
		counter_add(&p->full_ns, took_ns);
		counter_add(&p->full_pkts, p->full_turn_pkts);
	}
	if (p->was_capped)
		counter_add(&p->capped_ns, took_ns);
	if (p->is_home && egress_is_blocked(p->pf))
		counter_add(&p->pf_blocked_ns, took_ns);
}

/* Who waits and is never served would show nothing held and nothing missed: one order a turn brings a few nodes' figures
 * up to now. */
static void tick_figures(struct pipe *p, uint64_t now_ns)
{
	struct egress *e = NULL;

	p->tick = p->tick + 1 < CONF_MAX_PORTS + 2 ? p->tick + 1 : 0;
	if (p->tick < CONF_MAX_PORTS)
		e = p->egress[p->tick];
	else if (p->is_home)
		e = p->tick == CONF_MAX_PORTS ? p->pf : p->local;
	if (e != NULL)
		order_tick(egress_order(e), now_ns);
	if (p->ask != NULL)
		ask_tick(p->ask, now_ns);
}

uint32_t pipe_turn(struct pipe *p, uint64_t now_ns)
{
	uint32_t moved = 0, n_asked;

	account_load(p, now_ns);
	account_gap(p, now_ns);
	p->was_full = p->was_capped = false;
	if (p->f->n_workers > 1) {
		moved += pipe_take_handed(p, now_ns);
		p->was_full = moved >= PIPE_MAX_TAKEN;
		p->full_turn_pkts = moved;
	}
	if (p->is_asking) {
		n_asked = pipe_ask(p, now_ns);
		moved += n_asked;
		p->was_full |= ask_is_full(p->ask);
		p->was_capped = ask_is_capped(p->ask, now_ns);
		p->full_turn_pkts = moved;
	}
	if (p->is_home)
		pipe_pass_local(p, now_ns);
	moved += pipe_transmit(p, true, now_ns);
	tick_figures(p, now_ns);
	if (p->n_credits > 0)
		pipe_look_at_credits(p, now_ns);

	counter_add(&p->n_turns, 1);
	if (moved == 0)
		counter_add(&p->n_idle_turns, 1);
	return moved;
}

void pipe_stop_asking(struct pipe *p)
{
	p->is_asking = false;
}

uint32_t pipe_n_pkts(const struct pipe *p)
{
	uint32_t n = 0;

	if (p->is_home)
		n += egress_n_pkts(p->pf) + egress_n_pkts(p->local);
	for (uint16_t port = 0; port < p->f->conf->n_ports; port++) {
		n += p->stage[port].n - p->stage[port].at;
		if (p->egress[port] != NULL)
			n += egress_n_pkts(p->egress[port]);
	}
	return n;
}

/* A packet that still waits for its sender's bounds, at the end. */
static void drop_held(struct pipe *p, vf_id sender, void *handle)
{
	pipe_drop_tx(p, sender, handle, DROP_SHUTDOWN);
	room_left(p, sender, 1);
}

static uint32_t flush_egress(struct pipe *p, struct egress *e, const vf_id *vf_of, uint32_t n_nodes, uint64_t now_ns)
{
	struct egress_out out;
	uint32_t n = 0;

	for (uint32_t node = 0; e != NULL && node < n_nodes; node++) {
		for (; egress_take(e, node, &out, now_ns); n++) {
			if (vf_of != NULL)
				pipe_drop_rx(p, vf_of[node], out.handle, DROP_SHUTDOWN);
			else
				drop_held(p, node, out.handle);
		}
	}
	return n;
}

uint32_t pipe_flush(struct pipe *p, uint64_t now_ns)
{
	struct pkt burst[PIPE_BURST];
	uint32_t n = 0, n_taken;

	while (p->f->n_workers > 1 && (n_taken = p->io.take(p->io.ctx, burst, PIPE_BURST)) > 0) {
		n_taken = pipe_take_markers(p, burst, n_taken);
		for (uint32_t i = 0; i < n_taken; i++, n++) {
			if (p->is_home && is_vf(p, burst[i].src))
				drop_held(p, burst[i].src, burst[i].handle);
			else
				pipe_drop_rx(p, burst[i].dst, burst[i].handle, DROP_SHUTDOWN);
		}
	}
	n += flush_egress(p, p->pf, NULL, p->n_vfs, now_ns);
	n += flush_egress(p, p->local, NULL, p->n_vfs, now_ns);
	for (uint16_t port = 0; port < p->f->conf->n_ports; port++) {
		n += flush_egress(p, p->egress[port], p->f->port_vfs[port], p->f->n_port_vfs[port], now_ns);
		n += pipe_drop_staged(p, port, DROP_SHUTDOWN);
	}
	p->busy_ports = 0;
	return n;
}

uint64_t pipe_next_ns(struct pipe *p, uint64_t now_ns)
{
	uint64_t at_ns = p->is_asking ? ask_next_ns(p->ask, now_ns) : UINT64_MAX;

	if (p->is_home) {
		at_ns = u64_min(at_ns, order_next_ns(egress_order(p->pf), now_ns));
		at_ns = u64_min(at_ns, order_next_ns(egress_order(p->local), now_ns));
	}
	for (uint64_t left = p->busy_ports; left != 0; left &= left - 1) {
		unsigned int port = (unsigned int)__builtin_ctzll(left);
		if (p->stage[port].at < p->stage[port].n)
			return now_ns;
		if (p->egress[port] != NULL)
			at_ns = u64_min(at_ns, order_next_ns(egress_order(p->egress[port]), now_ns));
	}
	return at_ns;
}

bool pipe_check(const struct pipe *p, FILE *out)
{
	bool is_ok = true;

	if (p->ask != NULL)
		is_ok &= ask_check(p->ask, out);
	if (p->is_home)
		is_ok &= egress_check(p->pf, out) && egress_check(p->local, out);
	for (uint16_t port = 0; port < p->f->conf->n_ports; port++) {
		const struct egress *e = port == p->f->conf->pf ? p->pf : p->egress[port];
		if (e == NULL)
			continue;
		is_ok &= port == p->f->conf->pf || egress_check(e, out);
		bool has_work = egress_n_pkts(e) > 0 || p->stage[port].at < p->stage[port].n;
		if (has_work && (p->busy_ports & UINT64_C(1) << port) == 0) {
			fprintf(out, "pipe: port %u has packets but is not served\n", port);
			is_ok = false;
		}
	}
	return is_ok;
}
