/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of a packet's delay that weir does not see: what waits in its sender's own ring (contract 8). */
#include "pipe_impl.h"

#define FADE_SHIFT 3	/* an eighth with each turn that reads it */

/* What was read by the last turn that read it lasted until now, if something was left behind it. */
static void begin_turn(struct ring_meter *m, uint64_t now_ns)
{
	if (m->n_behind > 0) {
		m->span_ns += now_ns - m->at_ns - (m->span_ns >> FADE_SHIFT);
		m->pkts_q8 += ((uint64_t)m->n_read << 8) - (m->pkts_q8 >> FADE_SHIFT);
		m->pkt_ns_q8 = (m->span_ns << 16) / m->pkts_q8;	/* once a turn: not by packet */
	}
	m->n_read = 0;
	m->n_behind = 0;
	m->at_ns = now_ns;
}

static void ask(struct pipe *p, uint16_t port, struct ring_meter *m)
{
	uint32_t n = p->io.ring_pkts(p->io.ctx, port);

	m->is_asked = true;
	m->tells = n != RING_UNTOLD;
	m->n_behind = m->tells ? n : 0;
}

/* How long what waits behind the 'got' packets just read of a VF's port will wait there, in 2^16 ns.  The port is asked once a turn,
 * and only after it filled a burst: else there is nothing left. */
uint16_t pipe_ring_wait(struct pipe *p, uint16_t port, uint32_t got, bool is_full, uint64_t now_ns)
{
	struct ring_meter *m = &p->rings[port];

	if (p->io.ring_pkts == NULL || p->f->lone_vf[port] == VF_NONE || got == 0)
		return 0;
	bool is_first = now_ns != m->at_ns;
	if (is_first)
		begin_turn(m, now_ns);
	m->n_read += got;
	if (is_first && (is_full || !m->is_asked))
		ask(p, port, m);
	if (!is_full)
		m->n_behind = 0;
	else if (!is_first)
		m->n_behind = m->n_behind > got ? m->n_behind - got : 0;
	return (uint16_t)u64_min(m->n_behind * m->pkt_ns_q8 >> 24, UINT16_MAX);
}
