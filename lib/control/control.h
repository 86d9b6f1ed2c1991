/* SPDX-License-Identifier: BSD-3-Clause */
/* What the control core decides every period (design: the control core exists for what packet time cannot see): what the
 * core and the uplink's port really carry, who is cut while guarantees do not fit into that, and which worker may read
 * how much of the packet capacity.  It joins the allocator with what the pipes count; it reads no clock and hands
 * nothing to anybody: figures and the time in, grants and reasons out.
 * Used by: the app, the promise tests.  Uses: alloc, remote, sla (asking.h), view. */
#ifndef WEIR_CONTROL_H
#define WEIR_CONTROL_H

#include "capacity.h"
#include "asking.h"
#include "period.h"
#include "remote_loop.h"
#include "view.h"

#define CONTROL_DECISIONS 16	/* so many of the last are kept */

struct control_decision {
	uint64_t at_ns;
	char text[120];
};

struct control_params {
	const struct conf *conf;
	uint64_t pf_bps;		/* of the link clock; 0: not known */
	enum link_basis pf_basis;
	unsigned int n_workers;
	unsigned int rx_worker[CONF_MAX_PORTS];	/* by port */
	/* What a VF has heard of congestion beyond the uplink: remote_loop.h.  Asked where the config has [remote] only. */
	void (*echoes)(void *ctx, vf_id vf, struct echo_view *view);
	void *ctx;
};

struct control;

/* NULL: no memory. */
struct control *control_create(const struct control_params *params, uint64_t now_ns);
void control_destroy(struct control *c);

/* A period: 'loads' by worker, 'askers' by port, as pipe_view_load() and pipe_view_askers() give them; 'n_changes' is another whenever 'conf' is.  What is granted
 * from now on: valid until the next call.  NULL: no memory, all is as it was. */
const struct grants *control_period(struct control *c, const struct conf *conf, uint64_t n_changes,
	const struct load_view *loads, const struct asker_view *askers, uint64_t now_ns);

/* What would be granted of another config by the capacities of the last period; 'g' is of that config. */
void control_fit(struct control *c, const struct conf *conf, struct grants *g);

/* Since the start; the last CONTROL_DECISIONS are there, number n at n % CONTROL_DECISIONS. */
uint64_t control_n_decisions(const struct control *c);
const struct control_decision *control_decision(const struct control *c, uint64_t n);
void control_note(struct control *c, uint64_t now_ns, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A run took so long: the period follows, and says so. */
void control_note_cost(struct control *c, struct period *period, uint64_t cost_ns, uint64_t now_ns);

const struct capacity *control_core(const struct control *c);	/* packets/s */
const struct capacity *control_port(const struct control *c);	/* bits/s, as the link counts them */
const struct remote_loop *control_remote(const struct control *c);	/* NULL: the config has no [remote] */
uint32_t control_n_cut(const struct control *c);			/* VFs and tenants that have less than was sold */

#endif
