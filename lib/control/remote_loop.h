/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion beyond the uplink as a part of the control core: what the data path has heard of it (echo_view) and what VFs
 * were sold go to the loop (remote.h), and what each VF may send comes out, as grants.  It decides nothing itself.
 * Where nobody runs it any more, the last grants hold: they are no less than any guarantee, and no more than there was room
 * for; the network's own marks still reach the senders.
 * Time is an argument.  One thread.  Used by: control, the simulator.  Uses: remote, sla, view. */
#ifndef WEIR_REMOTE_LOOP_H
#define WEIR_REMOTE_LOOP_H

#include "grants.h"
#include "remote.h"
#include "view.h"

struct remote_loop_params {
	const struct conf *conf;	/* has [remote] */
	uint64_t pf_bps;		/* of the uplink; 0: not known */
	void (*echoes)(void *ctx, vf_id vf, struct echo_view *view);	/* set, not added; figures that only grow */
	void *ctx;
};

struct remote_loop;

struct remote_loop *remote_loop_create(const struct remote_loop_params *params);	/* NULL: no memory */
void remote_loop_destroy(struct remote_loop *l);

/* Runs the loop where its period is over.  'n_changes' is another whenever 'conf' is.  Sets g->remote_bps, which is of
 * 'conf'.  true: it ran. */
bool remote_loop_run(struct remote_loop *l, const struct conf *conf, uint64_t n_changes, struct grants *g, uint64_t now_ns);

/* What the last run would have granted of another config: sets g->remote_bps. */
void remote_loop_fit(const struct remote_loop *l, const struct conf *conf, struct grants *g);

/* When it should run again. */
uint64_t remote_loop_next_ns(const struct remote_loop *l);

const struct remote *remote_loop_remote(const struct remote_loop *l);
uint32_t remote_loop_n_held(const struct remote_loop *l);	/* VFs that have a grant */

#endif
