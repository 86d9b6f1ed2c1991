/* SPDX-License-Identifier: BSD-3-Clause */
/* Figures, for any thread: relaxed reads of counters that only grow. */
#include "pipe_impl.h"

static void add_drops(uint64_t *to, const _Atomic uint64_t *from)
{
	for (int i = 0; i < N_DROP_REASONS; i++)
		to[i] += counter_read(&from[i]);
}

static inline void at_least(uint64_t *figure, uint64_t value)
{
	*figure = u64_max(*figure, value);
}

void pipe_add_held(uint64_t held_ns[N_VIEW_BOUNDS], const struct order_stats *s)
{
	at_least(&held_ns[VIEW_BPS], counter_read(&s->held_ns[BOUND_BPS]));
	at_least(&held_ns[VIEW_PPS], counter_read(&s->held_ns[BOUND_PPS]));
	at_least(&held_ns[VIEW_LINK], counter_read(&s->held_ns[BOUND_LINK]));
	at_least(&held_ns[VIEW_TENANT], counter_read(&s->held_ns[BOUND_GROUP]));
}

static void add_egress(struct dir_view *d, const struct egress *e, uint32_t node)
{
	const struct egress_stats *s = egress_stats(e, node);
	const struct order_stats *o = order_stats(egress_order(e), node);

	d->out_pkts += egress_out_pkts(s);
	d->out_bytes += egress_out_bytes(s);
	d->backlog_pkts += egress_backlog_pkts(e, node);
	d->backlog_bytes += egress_backlog_bytes(e, node);
	d->marked_pkts += counter_read(&s->marked_pkts);
	for (int c = 0; c < N_TCLASSES; c++) {
		d->class_pkts[c] += counter_read(&egress_class(s, (enum tclass)c)->out_pkts);
		d->class_bytes[c] += counter_read(&egress_class(s, (enum tclass)c)->out_bytes);
	}
	/* Its PF and its local traffic wait at the same time under one limit: the longer wait is the VF's. */
	pipe_add_held(d->held_ns, o);
	d->missed_ns += counter_read(&o->missed_ns);
}

/* What a port was promised of the core is its VF's guarantee where that has it alone; the uplink's was sold to nobody. */
static void add_asker(const struct pipe *p, vf_id vf, struct dir_view *d)
{
	const struct conf *conf = p->f->conf;
	uint16_t port = vf == VF_PF ? conf->pf : conf->vfs[vf].port;

	for (uint32_t i = 0; i < p->n_rx_ports; i++) {
		if (p->rx_ports[i] != port)
			continue;
		d->held_ns[VIEW_CORE] += counter_read(&ask_stats(p->ask, i)->core_ns);
		if (vf != VF_PF && conf->ports[port].n_places == 1)
			d->missed_ns += ask_missed_ns(p->ask, i);
	}
}

/* What left by the PF is the sum over its senders. */
static void add_pf_out(const struct pipe *p, struct dir_view *d)
{
	for (uint32_t i = 0; p->is_home && i < p->n_vfs; i++)
		add_egress(d, p->pf, i);
}

static void add_receiver_drops(struct vf_view *view, const struct party *party)
{
	for (int i = 0; i < N_RECEIVER_DROPS; i++) {
		uint64_t n = counter_read(&party->receiver_drops[i]);
		view->tx.receiver_drops[i] += n;
		if (n > 0)
			view->last_receiver[i] = atomic_load_explicit(&party->last_receiver[i], memory_order_relaxed);
	}
}

void pipe_view_vf(const struct pipe *p, vf_id vf, struct vf_view *view)
{
	const struct party *party = party_of(p, vf);

	view->tx.in_pkts += counter_read(&p->came[party_place(p, vf)].pkts);
	view->tx.in_bytes += counter_read(&p->came[party_place(p, vf)].bytes);
	add_drops(view->tx.drops, party->tx_drops);
	add_drops(view->rx.drops, party->rx_drops);
	add_receiver_drops(view, party);
	if (vf == VF_NONE)
		return;
	add_asker(p, vf, &view->tx);
	if (vf == VF_PF) {
		add_pf_out(p, &view->rx);
		return;
	}
	if (p->is_home) {
		const struct egress_stats *local = egress_stats(p->local, vf);
		add_egress(&view->tx, p->pf, vf);
		add_egress(&view->tx, p->local, vf);
		egress_peaks(p->pf, vf, counter_read(&p->seen_ns), &view->tx.peak);
		view->tx.local_pkts += egress_out_pkts(local);
		view->tx.local_bytes += egress_out_bytes(local);
	}
	const struct egress *e = p->egress[p->f->conf->vfs[vf].port];
	if (e != NULL) {
		view->rx.in_pkts += egress_in_pkts(e, p->f->node_of[vf]);
		view->rx.in_bytes += egress_in_bytes(e, p->f->node_of[vf]);
		add_egress(&view->rx, e, p->f->node_of[vf]);
		egress_peaks(e, p->f->node_of[vf], counter_read(&p->seen_ns), &view->rx.peak);
	}
}

static void add_delay(struct hist_snapshot sum[N_TCLASSES], const struct egress *e, uint32_t node)
{
	struct hist_snapshot one;

	for (int c = 0; c < N_TCLASSES; c++) {
		egress_delay(e, node, (enum tclass)c, &one);
		hist_merge(&sum[c], &one);
	}
}

void pipe_view_delay(const struct pipe *p, vf_id vf, struct delay_view *view)
{
	if (vf >= p->n_vfs)
		return;
	if (p->is_home) {
		add_delay(view->tx, p->pf, vf);
		add_delay(view->tx, p->local, vf);
	}
	const struct egress *e = p->egress[p->f->conf->vfs[vf].port];
	if (e != NULL)
		add_delay(view->rx, e, p->f->node_of[vf]);
}

void pipe_view_load(const struct pipe *p, struct load_view *view)
{
	*view = (struct load_view){
		.rx_pkts = counter_read(&p->rx_pkts),
		.full_ns = counter_read(&p->full_ns),
		.full_pkts = counter_read(&p->full_pkts),
		.capped_ns = counter_read(&p->capped_ns),
		.ended_loan = atomic_load_explicit(&p->f->ended_loan, memory_order_relaxed),
		.pf_blocked_ns = counter_read(&p->pf_blocked_ns),
		.pf_bytes = counter_read(&p->pf_bytes),
		.pf_pkts = counter_read(&p->pf_pkts),
		.asks = p->n_rx_ports > 0,
		.is_home = p->is_home,
	};
}

void pipe_view_askers(const struct pipe *p, struct asker_view by_port[CONF_MAX_PORTS])
{
	for (uint32_t i = 0; i < p->n_rx_ports; i++) {
		const struct ask_stats *s = ask_stats(p->ask, i);
		by_port[p->rx_ports[i]] = (struct asker_view){
			.n_asked = counter_read(&s->n_asked),
			.rx_pkts = counter_read(&s->n_pkts),
			.n_woken = counter_read(&s->n_woken),
			.n_drained = counter_read(&s->n_drained),
			.n_no_room = counter_read(&s->n_no_room),
		};
	}
}

void pipe_view_echoes(const struct pipe *p, vf_id vf, struct echo_view *view)
{
	if (p->echoes == NULL || vf >= p->n_vfs)
		return;
	if (p->is_home) {
		view->sent_bytes += egress_out_bytes(egress_stats(p->pf, vf));
		view->sent_pkts += egress_out_pkts(egress_stats(p->pf, vf));
	}
	view->marked_bytes += counter_read(&p->echoes[vf].marked_bytes);
	view->heard_bytes += counter_read(&p->echoes[vf].heard_bytes);
	view->echoed_bytes += counter_read(&p->echoes[vf].echoed_bytes);
	view->repeated_bytes += counter_read(&p->echoes[vf].repeated_bytes);
	view->echoes += counter_read(&p->echoes[vf].echoes);
	view->cnps += counter_read(&p->echoes[vf].cnps);
	view->ce_pkts += counter_read(&p->echoes[vf].ce_pkts);
}

/* A gap is counted by its worker, and only when that is back: what lasts still is seen from here. */
static uint64_t away_ns(const struct pipe *p, uint64_t now_ns)
{
	return ns_before(now_ns, counter_read(&p->seen_ns) + p->turn_ns);
}

void pipe_view_worker(const struct pipe *p, uint64_t now_ns, struct worker_view *view)
{
	view->n_turns += counter_read(&p->n_turns);
	view->n_idle_turns += counter_read(&p->n_idle_turns);
	view->rx_pkts += counter_read(&p->rx_pkts);
	view->tx_pkts += counter_read(&p->tx_pkts);
	view->lost_ns += counter_read(&p->lost_ns);
	view->away_ns += away_ns(p, now_ns);
	if (counter_read(&p->longest_gap_ns) > view->longest_gap_ns)
		view->longest_gap_ns = counter_read(&p->longest_gap_ns);
	for (uint32_t i = 0; i < p->n_rx_ports; i++)
		view->no_room += counter_read(&ask_stats(p->ask, i)->n_no_room);
}
