/* SPDX-License-Identifier: BSD-3-Clause */
/* Who offers packets: sources with times of their own stand in their port's heap by the next one, and are looked at only
 * when weir reads the port; greedy ones and TCP flows wait in turns for room in the ring. */
#include <math.h>
#include <stdlib.h>

#include "mem.h"
#include "world_impl.h"

#define HOST_MAC UINT64_C(0x02f700000000)	/* beyond the uplink: the first from here that no VF has */

/* ---- MACs ---- */

static uint64_t mac_at(const struct conf_vf *v, uint8_t at)
{
	uint64_t mac = 0;

	for (int i = 0; i < 6; i++)
		mac = mac << 8 | v->mac[at][i];
	return mac;
}

static bool has_mac(const struct conf_vf *v, uint64_t mac)
{
	for (uint8_t m = 0; m < v->n_macs; m++)
		if (mac_at(v, m) == mac)
			return true;
	return false;
}

static bool is_taken(const struct conf *conf, uint64_t mac)
{
	for (uint32_t i = 0; i < conf->n_vfs; i++)
		if (has_mac(&conf->vfs[i], mac))
			return true;
	return false;
}

bool world_is_mac_of(const struct conf *conf, vf_id vf, uint64_t mac)
{
	return vf == VF_PF ? !is_taken(conf, mac) : has_mac(&conf->vfs[vf], mac);
}

/* ---- The ring ---- */

void world_put(struct world *w, struct guest *g, const struct slot *slot)
{
	struct source *s = &w->sources[slot->source];

	s->has_come = true;
	if (s->from == VF_PF && w->before.byte != 0)
		world_come(w, slot);
	else
		world_put_in_ring(g, slot);
	for (int dir = 0; dir < N_WORLD_DIRS; dir++) {
		vf_id vf = dir == WORLD_TX ? s->from : s->to;
		if (vf == VF_PF)
			continue;
		figures_of(w, vf, dir)->offered_pkts++;
		figures_of(w, vf, dir)->offered_bytes += slot->bytes;
	}
}

static void refuse(struct world *w, struct source *s)
{
	s->is_refused = true;
	for (int dir = 0; dir < N_WORLD_DIRS; dir++) {
		vf_id vf = dir == WORLD_TX ? s->from : s->to;
		if (vf == VF_PF)
			continue;
		figures_of(w, vf, dir)->offered_pkts++;
		figures_of(w, vf, dir)->offered_bytes += s->next_bytes;
		figures_of(w, vf, dir)->refused_pkts++;
	}
}

const char *world_shut_out(const struct world *w, vf_id vf)
{
	const char *first = NULL;

	for (uint32_t i = w->source_of[vf]; i != 0; i = w->source_before[i - 1]) {
		const struct source *s = &w->sources[i - 1];
		if (s->is_refused && !s->has_come)
			first = s->traffic->name;
	}
	return first;
}

/* ---- What comes next ---- */

uint64_t world_exponential(uint64_t *state, double mean_ns)
{
	double ns = mean_ns * -log(world_unit_random(state));

	return ns < 1 ? 1 : (uint64_t)ns;
}

static uint16_t draw_size(struct source *s)
{
	const struct traffic *t = s->traffic;
	uint32_t left, i = 0;

	if (t->n_sizes == 1)
		return t->size[0];
	for (left = (uint32_t)(world_random(&s->random) % t->n_parts); left >= t->part[i]; i++)
		left -= t->part[i];
	return t->size[i];
}

static uint64_t draw_period(struct source *s, uint64_t mean_ns)
{
	uint64_t ns = world_exponential(&s->random, (double)mean_ns);

	return s->traffic->is_random ? ns : mean_ns;
}

/* Packets of silent periods move to the next one that is not. */
static void skip_silence(struct source *s)
{
	const struct traffic *t = s->traffic;

	while (t->kind == TRAFFIC_ONOFF && s->next.ns >= s->on_until_ns) {
		uint64_t on_ns = s->on_until_ns + draw_period(s, t->off_ns);
		clk_at_least(&s->next, on_ns);
		s->on_until_ns = on_ns + draw_period(s, t->on_ns);
	}
}

static bool is_of_pair(const struct conf *conf, const struct source *s, const struct trace_pkt *p)
{
	return world_is_mac_of(conf, s->from, p->src_mac) && world_is_mac_of(conf, s->to, p->dst_mac);
}

static bool advance_trace(const struct conf *conf, struct source *s)
{
	const struct traffic *t = s->traffic;

	do {
		if (++s->at_trace >= t->n_trace)
			return false;
	} while (t->is_by_mac && !is_of_pair(conf, s, &t->trace[s->at_trace]));
	const struct trace_pkt *p = &t->trace[s->at_trace];
	s->next.ns = t->start_ns + p->at_ns;
	s->next_bytes = p->bytes;
	s->next_dscp = p->dscp;
	s->next_ecn = p->ecn;
	return t->stop_ns == 0 || s->next.ns < t->stop_ns;
}

/* To the source's next packet; false: there is none. */
static bool advance(const struct conf *conf, struct source *s)
{
	const struct traffic *t = s->traffic;
	uint32_t units = t->rate_pps > 0 ? 1 : s->next_bytes;

	if (t->kind == TRAFFIC_TRACE)
		return advance_trace(conf, s);
	if (t->kind == TRAFFIC_POISSON)
		clk_add_cost(&s->next, (clk_u128)((double)s->price * units * -log(world_unit_random(&s->random))));
	else
		clk_add(&s->next, s->price, units);
	skip_silence(s);
	s->next_bytes = draw_size(s);
	return t->stop_ns == 0 || s->next.ns < t->stop_ns;
}

/* ---- The heap of a port ---- */

static bool is_before(const struct timed *a, const struct timed *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->source < b->source;
}

static inline struct timed *timed_at(const struct guest *g, uint32_t at)
{
	return &g->timed[at + TIMED_SHIFT];
}

static void push_timed(const struct world *w, struct guest *g, uint32_t id)
{
	const struct source *s = &w->sources[id];
	struct timed mine = {s->next.ns, id, s->from != VF_PF ? s->from : s->to};
	uint32_t at = g->n_timed++;

	for (uint32_t up; at > 0 && is_before(&mine, timed_at(g, up = (at - 1) / TIMED_ARITY)); at = up)
		*timed_at(g, at) = *timed_at(g, up);
	*timed_at(g, at) = mine;
}

static inline uint32_t least_child(const struct guest *g, uint32_t first)
{
	uint32_t end = first + TIMED_ARITY < g->n_timed ? first + TIMED_ARITY : g->n_timed, least = first;

	for (uint32_t child = first + 1; child < end; child++)
		if (is_before(timed_at(g, child), timed_at(g, least)))
			least = child;
	return least;
}

/* What the turn of one that comes near the top will touch. */
static inline void prefetch_timed(const struct world *w, const struct timed *t)
{
	__builtin_prefetch(&w->sources[t->source], 1);
	__builtin_prefetch(&figures_of(w, t->vf, WORLD_TX)->offered_pkts, 1);
}

/* The first one has another time, most often a late one: all the way down, each level's line asked for a level before. */
static void sift_down(const struct world *w, struct guest *g)
{
	struct timed mine = *timed_at(g, 0);
	uint32_t at = 0, child;

	while ((child = at * TIMED_ARITY + 1) < g->n_timed) {
		if (child * TIMED_ARITY + 1 < g->n_timed)
			for (uint32_t i = 0; i < TIMED_ARITY; i++)
				__builtin_prefetch(timed_at(g, (child + i) * TIMED_ARITY + 1));
		child = least_child(g, child);
		if (!is_before(timed_at(g, child), &mine))
			break;
		*timed_at(g, at) = *timed_at(g, child);
		if (at > TIMED_ARITY && at <= TIMED_ARITY * (TIMED_ARITY + 1))	/* two more, and it is the first */
			prefetch_timed(w, timed_at(g, at));
		at = child;
	}
	*timed_at(g, at) = mine;
}

void world_settle_until(struct world *w, uint16_t port, uint64_t at_ns)
{
	struct guest *g = &w->guests[port];

	while (g->n_timed > 0 && timed_at(g, 0)->at_ns <= at_ns && !w->is_ending) {
		uint32_t id = timed_at(g, 0)->source;
		struct source *s = &w->sources[id];
		if (world_has_room(w, port))
			world_put(w, g, &(struct slot){.offered_ns = s->next.ns, .seq = s->at_trace, .source = id, .flow = NO_FLOW,
				.bytes = s->next_bytes, .dscp = s->next_dscp, .ecn = s->next_ecn});
		else
			refuse(w, s);
		w->n_events++;
		if (advance(w->conf, s))
			timed_at(g, 0)->at_ns = s->next.ns;
		else
			*timed_at(g, 0) = *timed_at(g, --g->n_timed);
		if (g->n_timed > 0)
			sift_down(w, g);
	}
}

void world_settle(struct world *w, uint16_t port)
{
	world_settle_until(w, port, w->now_ns);
	if (port == w->conf->pf && w->n_coming > 0)
		world_take_coming(w);
}

/* ---- Those who wait for room ---- */

void world_wait(struct guest *g, uint32_t who)
{
	uint32_t at = g->waiting_first + g->n_waiting++;

	g->waiting[at < g->waiting_size ? at : at - g->waiting_size] = who;
}

static uint32_t next_waiting(struct guest *g)
{
	uint32_t who = g->waiting[g->waiting_first];

	g->waiting_first = g->waiting_first + 1 < g->waiting_size ? g->waiting_first + 1 : 0;
	g->n_waiting--;
	return who;
}

/* A greedy source's turn: one packet, and to the end of the queue. */
static void put_greedy(struct world *w, struct guest *g, uint32_t id)
{
	struct source *s = &w->sources[id];
	const struct traffic *t = s->traffic;

	s->is_waiting = false;
	if (w->is_ending || (t->stop_ns != 0 && w->now_ns >= t->stop_ns))
		return;
	if (t->kind == TRAFFIC_ONOFF && w->now_ns >= s->on_until_ns) {
		clk_at_least(&s->next, w->now_ns);
		skip_silence(s);
		world_push(w, &(struct event){.at_ns = s->next.ns, .kind = EVENT_WAKE, .who = id});
		return;
	}
	world_put(w, g, &(struct slot){.offered_ns = w->now_ns, .source = id, .flow = NO_FLOW, .bytes = draw_size(s),
		.dscp = t->dscp, .ecn = t->ecn});
	s->is_waiting = true;
	world_wait(g, id | GREEDY);
}

void world_fill(struct world *w, uint16_t port)
{
	struct guest *g = &w->guests[port];

	while (g->n < g->size && g->n_waiting > 0) {
		uint32_t who = next_waiting(g);
		if (who & GREEDY) {
			put_greedy(w, g, who & ~GREEDY);
			continue;
		}
		w->flows[who].is_waiting = false;
		if (world_send_one(w, who, w->now_ns)) {
			w->flows[who].is_waiting = true;
			world_wait(g, who);
		}
	}
}

void world_wake(struct world *w, uint32_t id, uint64_t at_ns)
{
	struct source *s = &w->sources[id];

	if (s->traffic->kind == TRAFFIC_TCP) {
		world_begin_flows(w, s, at_ns);
	} else if (!s->is_waiting) {
		s->is_waiting = true;
		world_wait(&w->guests[s->port], id | GREEDY);
	}
	world_fill(w, s->port);
}

/* ---- Set-up ---- */

static uint64_t free_mac(const struct conf *conf)
{
	uint64_t mac = HOST_MAC;

	while (is_taken(conf, mac))
		mac++;
	return mac;
}

/* Of everybody beyond the uplink, and of a VF that may use any: what the world keeps for itself. */
static uint64_t mac_of(const struct world *w, vf_id vf)
{
	if (vf == VF_PF)
		return w->host_mac;
	return w->conf->vfs[vf].n_macs > 0 ? mac_at(&w->conf->vfs[vf], 0) : w->host_mac ^ UINT64_C(0x100000000000);
}

static uint16_t first_of_trunk(const struct conf_vf *v)
{
	for (uint16_t vid = 1; vid < 4095; vid++)
		if (v->trunk[vid / 64] >> (vid % 64) & 1)
			return vid;
	return 0;
}

/* The tag that a sender's packets have: of a trunk, its native VLAN goes without. */
static uint16_t tag_of(const struct conf *conf, vf_id from, vf_id to)
{
	const struct conf_vf *v = &conf->vfs[from == VF_PF ? to : from];

	if (v->vlan_mode == VLAN_ACCESS)
		return from == VF_PF ? v->vid : 0;
	if (v->vlan_mode == VLAN_TRUNK)
		return v->vid == 0 ? first_of_trunk(v) : from == VF_PF ? v->vid : 0;
	return 0;
}

/* Always one more than the ring holds: only where weir leaves packets in the ring.  Whoever it reads all the same, to drop
 * what is too much, would have no end of them in one moment: he sends as fast as his line. */
static bool is_greedy(const struct world *w, const struct source *s)
{
	return s->traffic->is_greedy && s->from != VF_PF && w->conf->ports[s->port].n_places == 1 &&
		w->conf->vfs[s->from].when_full == WHEN_FULL_HOLD;
}

static uint64_t rate_of(const struct world *w, const struct source *s)
{
	uint64_t line_bps = w->conf->ports[s->port].rate_bps;

	if (!s->traffic->is_greedy)
		return s->traffic->rate_bps;
	return line_bps != 0 ? line_bps : w->s->uplink_bps;
}

static void begin_timed(struct world *w, uint32_t id)
{
	struct source *s = &w->sources[id];
	const struct traffic *t = s->traffic;
	struct guest *g = &w->guests[s->port];

	if (t->kind == TRAFFIC_TRACE) {
		s->at_trace = UINT32_MAX;	/* before the first */
		if (!advance_trace(w->conf, s))
			return;
	} else {
		s->price = t->rate_pps > 0 ? price_of_pps(t->rate_pps) : price_of_bps(rate_of(w, s));
		s->next_bytes = draw_size(s);
		/* Somewhere within an interval, or all senders of one rate would send in one moment. */
		uint64_t interval_ns = price_ns(s->price, t->rate_pps > 0 ? 1 : s->next_bytes);
		s->next.ns = t->start_ns + (interval_ns > 0 ? world_random(&s->random) % interval_ns : 0);
		s->on_until_ns = t->start_ns + draw_period(s, t->on_ns);
		skip_silence(s);
		if (t->stop_ns != 0 && s->next.ns >= t->stop_ns)
			return;
	}
	push_timed(w, g, id);
}

static void begin(struct world *w, uint32_t id)
{
	struct source *s = &w->sources[id];
	const struct traffic *t = s->traffic;

	if (t->kind != TRAFFIC_TCP && !is_greedy(w, s)) {
		begin_timed(w, id);
		return;
	}
	s->on_until_ns = t->start_ns + draw_period(s, t->on_ns);
	world_push(w, &(struct event){.at_ns = t->start_ns, .kind = EVENT_WAKE, .who = id});
}

static void add_source(struct world *w, const struct traffic *t, vf_id from, vf_id to)
{
	const struct conf *conf = w->conf;
	uint64_t salt = w->s->seed * UINT64_C(0x9e3779b97f4a7c15) + w->n_sources;

	w->sources[w->n_sources] = (struct source){
		.traffic = t,
		.from = from,
		.to = to,
		.packet_from = from,
		.packet_to = to,
		.port = from == VF_PF ? conf->pf : conf->vfs[from].port,
		.vid = tag_of(conf, from, to),
		.src_mac = mac_of(w, from),
		.dst_mac = mac_of(w, to),
		.classes = conf->maps[conf->vfs[from != VF_PF ? from : to].dscp_map].tclass,
		.head = t->head,
		.trace = t->trace,
		.next_dscp = t->dscp,
		.next_ecn = t->ecn,
		.random = world_random(&salt),
		.first_flow = w->n_flows,
	};
	w->n_flows += t->n_flows;
	w->n_sources++;
	if (from != VF_PF) {
		w->source_before[w->n_sources - 1] = w->source_of[from];
		w->source_of[from] = w->n_sources;
	}
}

/* What each port will have: rings, room in the heap and in the queue of those who wait. */
static bool create_guests(struct world *w)
{
	uint32_t timed[CONF_MAX_PORTS] = {0}, waiting[CONF_MAX_PORTS] = {0};

	for (uint32_t i = 0; i < w->n_sources; i++) {
		timed[w->sources[i].port]++;
		waiting[w->sources[i].port] += 1 + w->sources[i].traffic->n_flows;
	}
	for (uint16_t port = 0; port < w->conf->n_ports; port++) {
		struct guest *g = &w->guests[port];
		g->size = w->conf->ports[port].n_rx_desc > 0 ? w->conf->ports[port].n_rx_desc : 1024;
		g->waiting_size = waiting[port] + 1;
		g->ring = calloc(g->size, sizeof(*g->ring));
		g->timed = mem_reserve(g->room_timed = timed[port] + 1 + TIMED_SHIFT, sizeof(*g->timed));
		g->waiting = calloc(g->waiting_size, sizeof(*g->waiting));
		if (g->ring == NULL || g->timed == NULL || g->waiting == NULL)
			return false;
	}
	return true;
}

bool world_create_sources(struct world *w, struct why *why)
{
	const struct scenario *s = w->s;
	uint64_t n = 0;

	for (uint32_t i = 0; i < s->n_traffics; i++)
		n += (uint64_t)s->traffics[i].n_from * s->traffics[i].n_to;
	w->host_mac = free_mac(w->conf);
	w->room_sources = (uint32_t)n + 1;
	w->sources = mem_reserve(w->room_sources, sizeof(*w->sources));
	w->source_before = calloc(w->room_sources, sizeof(*w->source_before));
	if (w->sources == NULL || w->source_before == NULL)
		goto no_memory;
	for (uint32_t i = 0; i < s->n_traffics; i++) {
		const struct traffic *t = &s->traffics[i];
		for (uint32_t pair = 0; pair < t->n_from * t->n_to; pair++) {
			vf_id from = t->from[pair / t->n_to], to = t->to[pair % t->n_to];
			if (from != to)
				add_source(w, t, from, to);
		}
	}
	if (!world_create_flows(w) || !create_guests(w))
		goto no_memory;
	for (uint32_t i = 0; i < w->n_sources; i++)
		begin(w, i);
	return true;
no_memory:
	why_add(why, "no memory for %llu senders", (unsigned long long)n);
	return false;
}
