/* SPDX-License-Identifier: BSD-3-Clause */
/* A change of terms, DSCP maps and VFs on its way to the pipes (contract 9).  A new map acts on packets that are read from now
 * on; those that wait keep their class and their place.  The control core makes it from two configs that are the same
 * but for these (conf_change.h), every worker applies it between turns, and when all have it is destroyed.
 * Used by: worker, the app, the promise tests.  Uses: pipeline. */
#ifndef WEIR_PIPE_CHANGE_H
#define WEIR_PIPE_CHANGE_H

#include "grants.h"
#include "pipeline.h"

struct pipe_change;

/* From one config to another: 'to' must outlive it, and its marking rules be there until the next one is applied.  NULL: no memory.  Any thread. */
struct pipe_change *pipe_change_create(const struct conf *from, const struct conf *to);

/* The same with what is granted of each, NULL: as sold; both must outlive it.  The configs may be one. */
struct pipe_change *pipe_change_create_granted(const struct conf *from, const struct grants *from_granted,
	const struct conf *to, const struct grants *to_granted);
void pipe_change_destroy(struct pipe_change *c);

/* By the pipe's own thread, between turns: sets some of the new terms, never for long, and allocates nothing.  true: this
 * pipe has them all; false: call it again after the next turn, before any other change. */
bool pipe_apply(struct pipe *p, const struct pipe_change *c, uint64_t now_ns);

/* Where VFs come, the pipes (n_pipes of them) wait at the end until the control core has seen the figures of their places,
 * which are the last of whoever had them before; nothing else waits, and packets flow on. */
bool pipe_change_waits(const struct pipe_change *c, unsigned int n_pipes);
uint32_t pipe_change_coming(const struct pipe_change *c, const vf_id **vfs);	/* how many, and which */
void pipe_change_open(struct pipe_change *c);

#endif
