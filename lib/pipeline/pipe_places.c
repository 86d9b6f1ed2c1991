/* SPDX-License-Identifier: BSD-3-Clause */
/* VFs that come and go while packets flow.  A pipe's switch (p->l2) is one pointer, changed between its turns.
 *
 * One that goes: every pipe takes a switch that does not know it any more, so that nothing new comes from it or is sent to
 * it.  What is on its way arrives: behind it each pipe hands a marker to all others, and who has all of these has all that
 * was before them.  Home then drops what it has of the VF as a sender, and what its senders have waiting for it; a second
 * marker follows what home passed on before; then the VF's port drops what it has of it as a receiver.  So its place is
 * empty, whoever takes it next, and nobody else's packet has waited, moved or been looked at.
 *
 * One that comes: terms first, at all pipes; then, at a gate, the control core notes where the place's counters stand; and
 * only then every pipe takes the switch that knows it.
 *
 * Nothing here waits, allocates or takes long: what is not done in a call is done after the next turn. */
#include <stdlib.h>
#include <string.h>

#include "pipe_change_impl.h"

#define LOOKS_AT_ONCE 1024u	/* for what senders have waiting for a VF that goes */

enum place_stage { STAGE_BETWEEN, STAGE_ARRIVED, STAGE_SENDERS, STAGE_PASSED, STAGE_RECEIVERS, STAGE_EMPTY, STAGE_READY };

/* ---- The control core's part ---- */

/* As 'from' has them, without those that go. */
static bool build_switches(struct pipe_change *c, const struct conf *from)
{
	bool *is_gone = calloc(from->n_vfs + 1u, sizeof(*is_gone));

	if (is_gone == NULL)
		return false;
	for (uint32_t i = 0; i < c->n_gone; i++)
		is_gone[c->gone[i]] = true;
	if (c->n_gone > 0)
		c->between = fabric_build_l2(from, is_gone);
	c->after = fabric_build_l2(c->to, NULL);
	free(is_gone);
	return c->after != NULL && (c->n_gone == 0 || c->between != NULL);
}

bool pipe_gather_places(struct pipe_change *c, const struct conf *from)
{
	const struct conf *to = c->to;
	bool is_moved = false;

	c->gone = calloc(to->n_vfs + 1u, sizeof(*c->gone));
	c->come = calloc(to->n_vfs + 1u, sizeof(*c->come));
	c->settled = calloc(to->n_vfs + 1u, sizeof(*c->settled));
	if (c->gone == NULL || c->come == NULL || c->settled == NULL)
		return false;
	for (uint32_t i = 0; i < to->n_vfs; i++) {
		const struct conf_vf *a = &from->vfs[i], *b = &to->vfs[i];
		if (!conf_is_another(a, b)) {
			is_moved |= !conf_same_address(a, b);
			continue;
		}
		c->settled[c->n_settled++] = i;
		if (conf_is_there(a))
			c->gone[c->n_gone++] = i;
		if (conf_is_there(b))
			c->come[c->n_come++] = i;
	}
	if (c->n_settled == 0 && !is_moved)
		return true;
	c->progress = calloc(1, sizeof(*c->progress));
	return c->progress != NULL && build_switches(c, from);
}

void pipe_free_places(struct pipe_change *c)
{
	bool is_taken = c->progress != NULL && c->progress->old != NULL;

	l2_destroy(is_taken ? c->progress->old : c->after);
	l2_destroy(c->between);
	free(c->gone);
	free(c->come);
	free(c->settled);
	free(c->progress);
}

bool pipe_change_waits(const struct pipe_change *c, unsigned int n_pipes)
{
	return c->progress != NULL && c->n_come > 0 &&
	       !atomic_load_explicit(&c->progress->is_open, memory_order_relaxed) &&
	       atomic_load_explicit(&c->progress->n_ready, memory_order_acquire) == n_pipes;
}

uint32_t pipe_change_coming(const struct pipe_change *c, const vf_id **vfs)
{
	*vfs = c->come;
	return c->n_come;
}

void pipe_change_open(struct pipe_change *c)
{
	atomic_store_explicit(&c->progress->is_open, true, memory_order_release);
}

/* ---- Going ---- */

static bool take_between(struct pipe *p, const struct pipe_change *c)
{
	p->l2 = c->between;
	return true;
}

/* false: a ring has no room for it yet.  Packets leave room for one (pipe_io.hand()), so its reader need only come by. */
static bool hand_markers(struct pipe *p, uint32_t round)
{
	uint64_t all = (p->f->n_workers < 64 ? UINT64_C(1) << p->f->n_workers : 0) - 1;

	p->marked |= UINT64_C(1) << p->worker;
	for (uint64_t left = all & ~p->marked; left != 0; left &= left - 1) {
		unsigned int worker = (unsigned int)__builtin_ctzll(left);
		if (pipe_hand_marker(p, worker, round))
			p->marked |= UINT64_C(1) << worker;
	}
	return p->marked == all;
}

/* Round 0 is from everybody to everybody, round 1 from home. */
static bool is_behind(struct pipe *p, uint32_t round)
{
	uint32_t n_from = round == 0 ? p->f->n_workers - 1 : !p->is_home;

	if ((round == 0 || p->is_home) && !hand_markers(p, round))
		return false;
	if (p->n_markers[round] < n_from)
		return false;
	p->marked = 0;
	return true;
}

static void drop_sent(struct pipe *p, const struct egress_out *out)
{
	pipe_drop_tx(p, out->node, out->handle, DROP_VF_DELETED);
	room_left(p, out->node, 1);
}

/* What it has sent, and what others have sent to it.  false: there is more. */
static bool drop_at_home(struct pipe *p, vf_id vf, uint64_t now_ns)
{
	struct egress_out out;
	uint32_t n = 0, n_looks = 0;

	for (; n < MAX_PURGE && egress_take(p->pf, vf, &out, now_ns); n++)
		drop_sent(p, &out);
	for (; n < MAX_PURGE && egress_take(p->local, vf, &out, now_ns); n++)
		drop_sent(p, &out);
	for (; p->purge_sender < p->n_vfs && n_looks < LOOKS_AT_ONCE; n_looks++) {
		if (n == MAX_PURGE)
			return false;
		if (!egress_take_flow(p->local, p->purge_sender, vf, &out, now_ns)) {
			p->purge_sender++;
			continue;
		}
		drop_sent(p, &out);
		n++;
	}
	return n < MAX_PURGE && p->purge_sender == p->n_vfs;
}

static bool drop_staged_for(struct pipe *p, vf_id vf, uint16_t port)
{
	struct stage *s = &p->stage[port];
	uint32_t node = p->f->node_of[vf], kept = s->at;

	for (uint32_t i = s->at; i < s->n; i++) {
		if (s->nodes[i] == node) {
			pipe_drop_rx(p, vf, s->handles[i], DROP_VF_DELETED);
			continue;
		}
		s->nodes[kept] = s->nodes[i];
		s->handles[kept++] = s->handles[i];
	}
	s->n = kept;
	return true;
}

static bool drop_at_port(struct pipe *p, vf_id vf, uint64_t now_ns)
{
	uint16_t port = p->f->briefs[vf].port;
	struct egress *e = p->egress[port];
	struct egress_out out;
	uint32_t n = 0;

	if (e == NULL)
		return true;
	drop_staged_for(p, vf, port);
	for (; n < MAX_PURGE && egress_take(e, p->f->node_of[vf], &out, now_ns); n++)
		pipe_drop_rx(p, vf, out.handle, DROP_VF_DELETED);
	return n < MAX_PURGE;
}

/* One VF after the other. */
static bool drop_each(struct pipe *p, const struct pipe_change *c, bool (*drop)(struct pipe *, vf_id, uint64_t),
	uint64_t now_ns)
{
	while (p->purge_at < c->n_gone) {
		if (!drop(p, c->gone[p->purge_at], now_ns))
			return false;
		p->purge_at++;
		p->purge_sender = 0;
	}
	p->purge_at = 0;
	return true;
}

static bool do_stage(struct pipe *p, const struct pipe_change *c, uint64_t now_ns)
{
	switch ((enum place_stage)p->change_stage) {
	case STAGE_BETWEEN:
		return take_between(p, c);
	case STAGE_ARRIVED:
		return is_behind(p, 0);
	case STAGE_SENDERS:
		return !p->is_home || drop_each(p, c, drop_at_home, now_ns);
	case STAGE_PASSED:
		return is_behind(p, 1);
	case STAGE_RECEIVERS:
		return drop_each(p, c, drop_at_port, now_ns);
	case STAGE_EMPTY:
	case STAGE_READY:
		break;
	}
	return false;
}

bool pipe_empty_places(struct pipe *p, const struct pipe_change *c, uint64_t now_ns)
{
	while (c->n_gone > 0 && p->change_stage < STAGE_EMPTY) {
		if (!do_stage(p, c, now_ns))
			return false;
		p->change_stage++;
	}
	return true;
}

/* ---- Coming ---- */

static void begin_sender(struct pipe *p, vf_id vf, const struct conf_vf *v, uint64_t now_ns)
{
	uint32_t tenant = conf_is_there(v) && v->tenant != CONF_NO_TENANT ? v->tenant : ORDER_NONE;

	assert(p->tx_limits[vf].n_waiting == 0);
	p->tx_limits[vf] = (struct limiter){0};
	if (p->holds != NULL) {
		p->holds[vf] = (struct limiter){0};
		p->grants[vf] = 0;
	}
	pipe_forget_credit(p, vf);
	egress_forget(p->pf, vf);
	egress_forget(p->local, vf);
	egress_join(p->pf, vf, tenant, now_ns);
	egress_join(p->local, vf, tenant, now_ns);
	fabric_set_hold(p->f, vf, v);
}

void pipe_settle_place(struct pipe *p, const struct pipe_change *c, uint32_t i, uint64_t now_ns)
{
	vf_id vf = c->settled[i];
	const struct conf_vf *v = &c->to->vfs[vf];
	struct egress *e = p->egress[v->port];

	p->parties[vf].broadcast = p->parties[vf].neighbour = (struct limiter){0};
	pipe_set_party(p, vf, v->broadcast_pps, now_ns);
	pipe_set_echo(p, vf, v);
	if (p->is_home)
		begin_sender(p, vf, v, now_ns);
	if (e == NULL)
		return;
	p->rx_limits[vf] = (struct limiter){0};
	egress_forget(e, p->f->node_of[vf]);
}

bool pipe_open_places(struct pipe *p, const struct pipe_change *c)
{
	struct place_progress *progress = c->progress;

	if (progress == NULL)
		return true;
	if (p->change_stage != STAGE_READY) {
		p->change_stage = STAGE_READY;
		atomic_fetch_add_explicit(&progress->n_ready, 1, memory_order_release);
	}
	if (c->n_come > 0 && !atomic_load_explicit(&progress->is_open, memory_order_acquire))
		return false;
	p->l2 = c->after;
	if (p->is_home) {
		progress->old = p->f->l2;
		p->f->l2 = c->after;
	}
	p->change_stage = 0;
	memset(p->n_markers, 0, sizeof(p->n_markers));
	return true;
}
