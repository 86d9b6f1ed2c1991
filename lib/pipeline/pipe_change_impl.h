/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to lib/pipeline: a change, as pipe_change.c (terms and maps) and pipe_places.c (VFs that come and go) share it. */
#ifndef WEIR_PIPE_CHANGE_IMPL_H
#define WEIR_PIPE_CHANGE_IMPL_H

#include "conf_change.h"
#include "pipe_change.h"
#include "pipe_impl.h"

/* A VF that goes by another map from now on. */
struct move {
	vf_id vf;
	uint16_t map;
};

/* How far the pipes are with VFs that come and go; written by them. */
struct place_progress {
	_Atomic uint32_t n_ready;	/* pipes that have all but the last step before them */
	_Atomic bool is_open;		/* they may take it; written by the control core */
	struct l2 *old;			/* the fabric's before, when home has put the new one in its place */
};

struct pipe_change {
	const struct conf *to;
	const struct grants *granted;	/* of it; NULL: as sold */
	uint32_t *vfs, *tenants;	/* whose terms are new */
	uint32_t n_vfs, n_tenants;
	uint32_t *rates;		/* VFs that may send more or less to the uplink (grants' remote_bps) */
	uint32_t n_rates;
	/* Maps.  First go those who move to a map that stays as it is, so that they never see what takes the place of theirs;
	 * then maps become new, all at once; then go those who move to such a one. */
	struct move *moves;
	uint32_t n_moves, n_early;
	uint16_t *maps;
	uint16_t n_maps;
	struct asking *askers;		/* NULL: they stay as they are */
	uint32_t *weights;		/* NULL: none is new */
	/* VFs that come and go.  A place where one goes and another comes is in both lists. */
	vf_id *gone, *come, *settled;	/* settled: all of both, once each */
	uint32_t n_gone, n_come, n_settled;
	struct l2 *between, *after;	/* without those that go; with those that come.  NULL: as before */
	struct place_progress *progress;	/* NULL: the switch stays as it is */
};

/* pipe_places.c */
bool pipe_gather_places(struct pipe_change *c, const struct conf *from);	/* false: no memory */
void pipe_free_places(struct pipe_change *c);
/* What comes before terms are set, and after.  false: to be called again after the next turn. */
bool pipe_empty_places(struct pipe *p, const struct pipe_change *c, uint64_t now_ns);
bool pipe_open_places(struct pipe *p, const struct pipe_change *c);
/* A step of what is between: the i-th of c->settled is a new one's, or nobody's. */
void pipe_settle_place(struct pipe *p, const struct pipe_change *c, uint32_t i, uint64_t now_ns);

#endif
