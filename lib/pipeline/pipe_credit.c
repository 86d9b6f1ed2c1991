/* SPDX-License-Identifier: BSD-3-Clause */
/* Burst credits of VFs as senders, at home: some are looked at each turn, in rotation, and their limits set to the peak
 * or back. */
#include "mem.h"
#include "pipe_impl.h"

#define LOOKS 4u	/* VFs a turn */

bool pipe_create_credits(struct pipe *p)
{
	p->credits = mem_reserve(p->n_vfs + 1, sizeof(*p->credits));
	p->credit_vfs = mem_reserve(p->n_vfs + 1, sizeof(*p->credit_vfs));
	return p->credits != NULL && p->credit_vfs != NULL;
}

void pipe_destroy_credits(struct pipe *p)
{
	mem_release(p->credits, p->n_vfs + 1, sizeof(*p->credits));
	mem_release(p->credit_vfs, p->n_vfs + 1, sizeof(*p->credit_vfs));
}

/* All that has left of a VF, to the uplink and to others here. */
static void sent_so_far(const struct pipe *p, vf_id vf, uint64_t *bytes, uint64_t *pkts)
{
	const struct egress_stats *up = egress_stats(p->pf, vf), *local = egress_stats(p->local, vf);

	*bytes = egress_out_bytes(up) + egress_out_bytes(local);
	*pkts = egress_out_pkts(up) + egress_out_pkts(local);
}

static void show(struct vf_credit *c, uint64_t since_ns, bool was_open, uint64_t now_ns)
{
	atomic_store_explicit(&c->left_ns, credit_left_ns(&c->is, now_ns), memory_order_relaxed);
	atomic_store_explicit(&c->is_open, c->is.is_open, memory_order_relaxed);
	if (was_open)
		counter_add(&c->open_ns, now_ns - since_ns);
}

/* Up to now, by the terms that held until now. */
static bool look(const struct pipe *p, vf_id vf, uint64_t now_ns)
{
	struct vf_credit *c = &p->credits[vf];
	uint64_t bytes, pkts, since_ns = c->is.seen_ns;
	bool was_open = c->is.is_open;

	sent_so_far(p, vf, &bytes, &pkts);
	bool is_other = credit_look(&c->is, bytes, pkts, now_ns);
	show(c, since_ns, was_open, now_ns);
	return is_other;
}

static void list(struct pipe *p, vf_id vf)
{
	p->credits[vf].place = p->n_credits;
	p->credit_vfs[p->n_credits++] = vf;
}

static void unlist(struct pipe *p, vf_id vf)
{
	uint32_t place = p->credits[vf].place, last = p->credit_vfs[--p->n_credits];

	p->credit_vfs[place] = last;
	p->credits[last].place = place;
}

void pipe_set_credit(struct pipe *p, vf_id vf, const struct sla *s, uint64_t now_ns)
{
	struct vf_credit *c = &p->credits[vf];
	bool had = c->is_sold, has = s->peak_bps != 0;
	uint64_t bytes, pkts;

	if (!had && !has)	/* as most: not even its memory is touched again */
		return;
	if (had)
		look(p, vf, now_ns);
	sent_so_far(p, vf, &bytes, &pkts);
	credit_set(&c->is, s->max_bps, s->peak_bps, s->credit_ns, basis_bytes((enum link_basis)s->basis, 0), bytes, pkts,
		now_ns);
	c->sold = *s;
	c->is_sold = has;
	if (has && !had)
		list(p, vf);
	else if (had && !has)
		unlist(p, vf);
	show(c, now_ns, false, now_ns);
}

void pipe_forget_credit(struct pipe *p, vf_id vf)
{
	struct vf_credit *c = &p->credits[vf];

	if (!c->is_sold)
		return;
	unlist(p, vf);
	*c = (struct vf_credit){0};
}

uint64_t pipe_credit_limit(const struct pipe *p, vf_id vf, uint64_t max_bps)
{
	const struct vf_credit *c = &p->credits[vf];

	return c->is.is_open ? c->sold.peak_bps : max_bps;
}

/* Who is held may stay so for one packet's time at the old limit: his place in the queues is looked at again then. */
void pipe_look_at_credits(struct pipe *p, uint64_t now_ns)
{
	for (uint32_t i = 0; i < LOOKS && i < p->n_credits; i++) {
		p->credit_at = p->credit_at + 1 < p->n_credits ? p->credit_at + 1 : 0;
		vf_id vf = p->credit_vfs[p->credit_at];
		if (look(p, vf, now_ns))
			pipe_set_tx_limit(p, vf, &p->credits[vf].sold, now_ns);
	}
}

void pipe_view_credit(const struct pipe *p, vf_id vf, struct credit_view *view)
{
	if (!p->is_home || vf >= p->n_vfs)
		return;
	view->left_ns += atomic_load_explicit(&p->credits[vf].left_ns, memory_order_relaxed);
	view->is_open |= atomic_load_explicit(&p->credits[vf].is_open, memory_order_relaxed);
	view->open_ns += counter_read(&p->credits[vf].open_ns);
}
