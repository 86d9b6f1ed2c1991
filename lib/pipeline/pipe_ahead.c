/* SPDX-License-Identifier: BSD-3-Clause */
/* How far a held VF is read in advance (contract 7).
 *
 * What is not read waits in the VF's own ring, where its guest sees it wait and sends no more (TCP small queues); what has been read
 * looks sent to it.  So a queue inside weir is delay that no TCP without ECN hears of, and its sole use is to be put in
 * order: by class, and in turns for several destinations (contract 5 and 6).  A VF whose last packets, as many as that queue
 * holds, were all of one class and for one destination has nothing to order: no more is read than its limit sends in K and
 * a ms, or its tenants' where that is lower (others there may have a part of it).  The first other packet opens the whole queue
 * again.
 *
 * Only where the port tells what waits in its ring, which counts as delay and is marked (contract 8): where it does not, only
 * a queue inside can be. */
#include "pipe_impl.h"

#define LEAST_ASK   8u	/* rather wait than ask for fewer, where the queue is nearly full */
#define AHEAD_NS    NS_PER_MS	/* beyond K: what waits inside can be above it */
#define LEAST_AHEAD 3u
#define OWED_FOR_NS (2 * LIMITER_CATCHUP_NS)	/* so long is lost time remembered: where a link is full it takes long to catch up */
#define FADE_SHIFT  3	/* of the mean size, an eighth a burst */

/* 0 is no limit. */
static uint32_t in_time(uint64_t per_s, uint64_t ns)
{
	if (per_s == 0)
		return 0;
	return (uint32_t)u64_min(u64_max((uint64_t)((clk_u128)per_s * ns / NS_PER_S), 1), UINT32_MAX);
}

void fabric_set_ahead(struct fabric *f, vf_id vf, const struct conf_vf *v)
{
	struct room *room = &f->rooms[vf];

	atomic_store_explicit(&room->ahead_ns, v->tx_mark_ns + AHEAD_NS, memory_order_relaxed);
	room->tenants_bps = v->tenants_bps;
	room->tenants_pps = v->tenants_pps;
}

void fabric_limit_ahead(struct fabric *f, vf_id vf, uint64_t max_bps, uint64_t max_pps)
{
	struct room *room = &f->rooms[vf];
	uint64_t ns = atomic_load_explicit(&room->ahead_ns, memory_order_relaxed);

	max_bps = conf_lower_limit(max_bps, room->tenants_bps);
	max_pps = conf_lower_limit(max_pps, room->tenants_pps);
	atomic_store_explicit(&room->ahead_bytes, in_time((max_bps + 7) / 8, ns), memory_order_relaxed);
	atomic_store_explicit(&room->ahead_pkts, in_time(max_pps, ns), memory_order_relaxed);
}

/* In packets of the size that it sends now: once a burst, not by packet. */
static uint32_t ahead_pkts(const struct ring_meter *m, uint64_t bytes, uint64_t pkts)
{
	uint64_t n = UINT32_MAX;

	if (bytes != 0)
		n = bytes * m->mean_pkts_q8 / m->mean_bytes_q8;
	if (pkts != 0)
		n = u64_min(n, pkts);
	return (uint32_t)u64_min(u64_max(n, LEAST_AHEAD), UINT32_MAX);
}

/* What has a class and one destination: not what is dropped, goes to all, or is ARP and ND, which are high by themselves. */
static inline bool can_order(const struct pipe *p, const struct pkt *k)
{
	return (k->dest_kind == DEST_PF || k->dest_kind == DEST_VF) && !k->is_neighbour &&
	       k->bytes <= p->f->longest_bytes + 4u * k->n_tags;
}

void pipe_look_ahead(struct pipe *p, uint16_t port, const struct pkt *burst, uint32_t n)
{
	struct ring_meter *m = &p->rings[port];
	vf_id vf = p->f->lone_vf[port];
	uint64_t bytes = 0;

	if (vf == VF_NONE || !m->tells)
		return;
	const struct room *room = &p->f->rooms[vf];
	uint32_t most_bytes = atomic_load_explicit(&room->ahead_bytes, memory_order_relaxed);
	uint32_t most_pkts = atomic_load_explicit(&room->ahead_pkts, memory_order_relaxed);
	if ((most_bytes | most_pkts) == 0) {	/* it has no limit */
		m->n_alike = 0;
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct pkt *k = &burst[i];
		bytes += k->bytes;
		if (!can_order(p, k))
			continue;
		vf_id dst = k->dest_kind == DEST_PF ? VF_PF : k->dst;
		if (k->tclass != m->tclass || dst != m->dst)
			m->n_alike = 0;
		m->tclass = k->tclass;
		m->dst = dst;
	}
	m->n_alike += m->n_alike < UINT32_MAX / 2 ? n : 0;
	m->mean_bytes_q8 += (bytes << 8) - (m->mean_bytes_q8 >> FADE_SHIFT);
	m->mean_pkts_q8 += ((uint64_t)n << 8) - (m->mean_pkts_q8 >> FADE_SHIFT);
	m->ahead_pkts = ahead_pkts(m, most_bytes, most_pkts);
}

void pipe_note_lost(struct pipe *p, uint64_t lost_ns, uint64_t now_ns)
{
	struct fabric *f = p->f;

	atomic_store_explicit(&f->home_seen_ns, now_ns, memory_order_relaxed);
	if (__builtin_expect(lost_ns == 0, 1))
		return;
	if (now_ns < atomic_load_explicit(&f->lost_at_ns, memory_order_relaxed) + OWED_FOR_NS)
		lost_ns += atomic_load_explicit(&f->lost_ns, memory_order_relaxed);
	atomic_store_explicit(&f->lost_ns, u64_min(lost_ns, LIMITER_CATCHUP_NS), memory_order_relaxed);
	atomic_store_explicit(&f->lost_at_ns, now_ns, memory_order_relaxed);
}

/* Time that home lost, or is losing now, is given back to who has something waiting (contract 1): so much must be. */
static uint64_t owed_ns(const struct pipe *p, uint64_t now_ns)
{
	uint64_t seen_ns = atomic_load_explicit(&p->f->home_seen_ns, memory_order_relaxed), owed_ns = 0;

	if (seen_ns + p->turn_ns < now_ns)
		owed_ns = now_ns - seen_ns;
	if (now_ns < atomic_load_explicit(&p->f->lost_at_ns, memory_order_relaxed) + OWED_FOR_NS)
		owed_ns += atomic_load_explicit(&p->f->lost_ns, memory_order_relaxed);
	return u64_min(owed_ns, LIMITER_CATCHUP_NS);
}

/* What may be inside of a VF that has nothing to order.  (Divides in the 20 ms after a loss only.) */
static uint32_t ahead_now(const struct pipe *p, const struct room *room, const struct ring_meter *m, uint64_t now_ns)
{
	uint64_t owed = owed_ns(p, now_ns);

	if (__builtin_expect(owed == 0, 1))
		return m->ahead_pkts;
	uint64_t pkts = m->ahead_pkts + m->ahead_pkts * owed / atomic_load_explicit(&room->ahead_ns, memory_order_relaxed);
	return (uint32_t)u64_min(pkts, UINT32_MAX);
}

/* How many packets the port's sender may still put inside weir. */
uint32_t pipe_room(const struct pipe *p, uint16_t port, uint64_t now_ns)
{
	const struct ring_meter *m = &p->rings[port];
	vf_id vf = p->f->lone_vf[port];

	if (vf == VF_NONE)
		return UINT32_MAX;	/* is not held: its queues drop by policy */
	uint32_t limit = atomic_load_explicit(&p->f->rooms[vf].hold_pkts, memory_order_relaxed);
	if (limit == 0)
		return UINT32_MAX;
	uint64_t inside = fabric_room_used(p->f, vf);
	if (m->n_alike >= limit && m->ahead_pkts < limit)
		limit = (uint32_t)u64_min(limit, ahead_now(p, &p->f->rooms[vf], m, now_ns));
	uint32_t room = inside < limit ? limit - (uint32_t)inside : 0;

	return room >= LEAST_ASK || room >= limit / 4 ? room : 0;
}
