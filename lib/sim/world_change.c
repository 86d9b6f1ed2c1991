/* SPDX-License-Identifier: BSD-3-Clause */
/* Terms that change while it plays, on weir's own way: a pipe_change from one config to the next, applied between turns,
 * each whole before the next begins. */
#include "pipe_change.h"
#include "world_impl.h"

const struct conf *world_running(const struct world *w)
{
	return w->n_changed > 0 ? w->s->changes[w->n_changed - 1].conf : w->s->conf;
}

uint64_t world_next_change_ns(const struct world *w)
{
	if (w->change != NULL)
		return w->now_ns;
	return w->n_changed < w->s->n_changes ? w->s->changes[w->n_changed].at_ns : UINT64_MAX;
}

void world_take_changes(struct world *w)
{
	while (world_next_change_ns(w) <= w->now_ns) {
		if (w->change == NULL) {
			w->change = pipe_change_create(world_running(w), w->s->changes[w->n_changed].conf);
			w->n_changed++;
			w->is_out_of_memory |= w->change == NULL;
		}
		if (w->change == NULL || !pipe_apply(w->pipe, w->change, w->now_ns))
			return;	/* the rest after the next turn */
		world_destroy_changes(w);
	}
}

void world_destroy_changes(struct world *w)
{
	pipe_change_destroy(w->change);
	w->change = NULL;
}
