/* SPDX-License-Identifier: BSD-3-Clause */
/* Set-up, time, figures, and the end of a world. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "world_impl.h"

#define MOST_AT_ONCE 4000000u	/* events without any time passing: more is a loop */

void world_push(struct world *w, const struct event *e)
{
	if (!event_push(&w->clock, e))
		w->is_out_of_memory = true;
}

/* ---- Set-up ---- */

static bool create_pipe(struct world *w, struct why *why)
{
	struct pipe_io io = world_io(w);
	struct fabric_params fp = {.conf = w->conf, .n_workers = 1};

	for (uint16_t port = 0; port < w->conf->n_ports; port++) {
		const struct conf_port *p = &w->conf->ports[port];
		w->basis[port] = p->basis_set ? p->basis : BASIS_L2;
		fp.ports[port].basis = w->basis[port];
		fp.ports[port].link_bps = port == w->conf->pf ? w->s->uplink_bps : p->rate_bps;
	}
	w->fabric = fabric_create(&fp, why);
	if (w->fabric == NULL)
		return false;
	w->pipe = pipe_create(w->fabric, 0, &io, 0, why);
	return w->pipe != NULL;
}

struct world *world_create(const struct scenario *s, struct why *why)
{
	struct world *w = calloc(1, sizeof(*w));
	size_t n_vfs = s->conf->n_vfs + 1;

	if (w == NULL)
		goto no_memory;
	w->s = s;
	w->conf = s->conf;
	w->figures = mem_reserve(2 * n_vfs, sizeof(*w->figures));
	w->hists = mem_reserve(n_hists_of(w), sizeof(*w->hists));
	w->losses = mem_reserve(n_losses_of(w), sizeof(*w->losses));
	w->traffic_drops = calloc(s->n_traffics + 1, sizeof(*w->traffic_drops));
	w->marked = calloc(n_vfs, sizeof(*w->marked));
	w->marked_tenants = calloc(s->conf->n_tenants + 1, sizeof(*w->marked_tenants));
	w->carried = calloc(n_vfs, sizeof(*w->carried));
	w->source_of = calloc(n_vfs, sizeof(*w->source_of));
	if (w->figures == NULL || w->hists == NULL || w->losses == NULL || w->traffic_drops == NULL || w->marked == NULL ||
		w->marked_tenants == NULL || w->carried == NULL || w->source_of == NULL)
		goto no_memory;
	world_create_wires(w);
	if (!world_create_remote(w))
		goto no_memory;
	if (!create_pipe(w, why) || !world_create_sources(w, why)) {
		world_destroy(w);
		return NULL;
	}
	if (world_create_ranked(w))
		return w;
no_memory:
	why_add(why, "no memory for %u VFs", s->conf->n_vfs);
	world_destroy(w);
	return NULL;
}

void world_destroy(struct world *w)
{
	if (w == NULL)
		return;
	pipe_destroy(w->pipe);
	fabric_destroy(w->fabric);
	for (uint16_t port = 0; port < w->conf->n_ports; port++) {
		free(w->guests[port].ring);
		mem_release(w->guests[port].timed, w->guests[port].room_timed, sizeof(struct timed));
		free(w->guests[port].waiting);
	}
	for (uint32_t i = 0; i < w->n_slabs; i++)
		free(w->slabs[i]);
	free(w->slabs);
	event_fini(&w->clock);
	free(w->coming);
	world_destroy_ranked(w);
	mem_release(w->figures, 2 * ((size_t)w->conf->n_vfs + 1), sizeof(*w->figures));
	mem_release(w->hists, n_hists_of(w), sizeof(*w->hists));
	mem_release(w->losses, n_losses_of(w), sizeof(*w->losses));
	mem_release(w->sources, w->room_sources, sizeof(*w->sources));
	world_destroy_remote(w);
	free(w->traffic_drops);
	free(w->marked);
	free(w->marked_tenants);
	free(w->carried);
	free(w->source_of);
	free(w->source_before);
	world_destroy_flows(w);
	world_destroy_changes(w);
	free(w);
}

/* ---- Time ---- */

/* Everything that was to happen up to now.  false: it does not end. */
static bool run_events(struct world *w)
{
	while (event_next_ns(&w->clock) <= w->now_ns) {
		struct event e = event_pop(&w->clock);
		w->n_events++;
		if (e.kind == EVENT_ACK) {
			world_hear_echo(w, &e);
			world_hear(w, &e);
		} else if (e.kind == EVENT_TIMER) {
			world_timer(w, e.who, e.at_ns);
		} else if (e.kind == EVENT_SEND) {
			world_send(w, e.who, e.at_ns);
		} else if (e.kind == EVENT_MESSAGE) {
			world_message(w, e.who, e.at_ns);
		} else if (e.kind == EVENT_STOP) {
			world_stop_flows(w, &w->sources[e.who]);
		} else if (e.kind == EVENT_WIRE) {
			world_ranked_left(w, e.at_ns);
		} else {
			world_wake(w, e.who, e.at_ns);
		}
		if (w->n_events - w->n_before > MOST_AT_ONCE)
			return false;
	}
	return true;
}

/* What is seen of a world whose time stands still. */
static void diagnose(const struct world *w, struct why *why)
{
	why_add(why, "time stands still at %llu ns: %u events, and no end of them (turn = 0 allows a loop "
		"without delay: wanted 10ns or more in [sim])", (unsigned long long)w->now_ns, MOST_AT_ONCE);
	why_add(why, "%u packets are inside weir, %u events are due", pipe_n_pkts(w->pipe), w->clock.n);
	for (uint16_t port = 0; port < w->conf->n_ports; port++) {
		const struct guest *g = &w->guests[port];
		if (g->n > 0 || g->n_waiting > 0)
			why_add(why, "[port %s]: %u packets in the ring, %u senders wait for room", w->conf->ports[port].device,
				g->n, g->n_waiting);
	}
}

bool world_run(struct world *w, uint64_t until_ns, struct why *why)
{
	while (w->now_ns < until_ns) {
		bool ends = run_events(w);
		world_take_changes(w);
		world_run_remote(w);
		pipe_turn(w->pipe, w->now_ns);
		w->n_events++;
		uint64_t next_ns = u64_max(pipe_next_ns(w->pipe, w->now_ns), w->now_ns + w->s->turn_ns);
		next_ns = u64_min(next_ns, u64_max(world_next_change_ns(w), w->now_ns + w->s->turn_ns));
		next_ns = u64_min(u64_min(next_ns, until_ns), w->next_remote_ns);
		if (next_ns > w->now_ns)
			w->n_before = w->n_events;
		if (!ends || w->n_events - w->n_before > MOST_AT_ONCE) {
			diagnose(w, why);
			return false;
		}
		if (w->is_out_of_memory) {
			why_add(why, "out of memory after %llu ns", (unsigned long long)w->now_ns);
			return false;
		}
		w->now_ns = next_ns;
	}
	for (uint16_t port = 0; port < w->conf->n_ports; port++)
		world_settle(w, port);
	return true;
}

/* ---- Figures ---- */

static void look_at_vf(const struct world *w, vf_id vf, struct vf_view *view)
{
	*view = (struct vf_view){0};
	pipe_view_vf(w->pipe, vf, view);
}

static void look_at_tenant(const struct world *w, uint32_t tenant, struct tenant_view *view)
{
	*view = (struct tenant_view){0};
	pipe_view_tenant(w->pipe, tenant, view);
}

/* Another table, for to clear this one would touch all of it. */
static void forget_losses(struct world *w)
{
	struct world_losses *none = mem_reserve(n_losses_of(w), sizeof(*none));

	if (none == NULL) {
		w->is_out_of_memory = true;
		return;
	}
	mem_release(w->losses, n_losses_of(w), sizeof(*w->losses));
	w->losses = none;
}

void world_mark(struct world *w)
{
	w->mark_ns = w->now_ns;
	memset(w->figures, 0, 2 * (size_t)w->conf->n_vfs * sizeof(*w->figures));
	w->n_hists = 0;
	forget_losses(w);
	memset(w->traffic_drops, 0, w->s->n_traffics * sizeof(*w->traffic_drops));
	for (vf_id vf = 0; vf < w->conf->n_vfs; vf++) {
		look_at_vf(w, vf, &w->marked[vf]);
		w->carried[vf] = 0;
	}
	for (uint32_t i = 0; i < w->conf->n_tenants; i++)
		look_at_tenant(w, i, &w->marked_tenants[i]);
	for (uint16_t port = 0; port < w->conf->n_ports; port++)
		w->guests[port].sent_bytes = 0;
	for (uint32_t i = 0; i < w->n_sources; i++)
		w->sources[i].has_come = w->sources[i].is_refused = false;
	w->beyond.figures = w->before.figures = (struct world_bottleneck){0};
	world_mark_flows(w);
}

uint64_t world_now_ns(const struct world *w)
{
	return w->now_ns;
}

uint64_t world_span_ns(const struct world *w)
{
	return w->now_ns - w->mark_ns;
}

uint64_t world_events(const struct world *w)
{
	return w->n_events;
}

const struct world_figures *world_figures(struct world *w, vf_id vf, enum world_dir dir)
{
	struct world_figures *f = figures_of(w, vf, dir);

	f->got_pkts = f->got_bytes = f->marked_pkts = 0;
	for (int c = 0; c < N_TCLASSES; c++) {
		f->marked_pkts += f->class_marked_pkts[c];
		f->got_pkts += f->class_pkts[c];
		f->got_bytes += f->class_bytes[c];
	}
	return f;
}

const struct world_losses *world_losses(const struct world *w, vf_id vf, enum world_dir dir, enum tclass tclass)
{
	return losses_of(w, vf, dir, tclass);
}

const struct world_bottleneck *world_bottleneck(const struct world *w)
{
	return &w->beyond.figures;
}

const struct world_bottleneck *world_inbound(const struct world *w)
{
	return &w->before.figures;
}

uint64_t world_bottleneck_vf_bytes(const struct world *w, vf_id vf)
{
	return w->carried[vf];
}

const uint64_t *world_traffic_drops(const struct world *w, uint32_t traffic)
{
	return w->traffic_drops[traffic];
}

const struct world_messages *world_messages(const struct world *w, uint32_t traffic)
{
	return &w->messages[traffic];
}

uint64_t world_port_bytes(const struct world *w, uint16_t port)
{
	return w->guests[port].sent_bytes;
}

void world_view_vf(const struct world *w, vf_id vf, struct vf_view *view)
{
	look_at_vf(w, vf, view);
	vf_view_since(view, &w->marked[vf]);
}

void world_view_tenant(const struct world *w, uint32_t tenant, struct tenant_view *view)
{
	look_at_tenant(w, tenant, view);
	tenant_view_since(view, &w->marked_tenants[tenant]);
}

/* ---- The end ---- */

bool world_end(struct world *w, uint64_t ns, struct why *why)
{
	bool is_ok;

	w->is_ending = true;
	for (uint16_t port = 0; port < w->conf->n_ports; port++)
		w->guests[port].n = 0;	/* what weir has not read is not weir's */
	w->n_coming = 0;
	if (!world_run(w, w->now_ns + ns, why))
		return false;
	pipe_stop_asking(w->pipe);
	pipe_flush(w->pipe, w->now_ns);
	is_ok = pipe_check(w->pipe, stderr);
	if (!is_ok)
		why_add(why, "the pipe's invariants do not hold (above)");
	if (w->n_read + w->n_copies != w->n_delivered + w->n_freed) {
		why_add(why, "%llu packets and %llu copies went in, %llu came out and %llu were dropped",
			(unsigned long long)w->n_read, (unsigned long long)w->n_copies, (unsigned long long)w->n_delivered,
			(unsigned long long)w->n_freed);
		is_ok = false;
	}
	return is_ok;
}
