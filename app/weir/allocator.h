/* SPDX-License-Identifier: BSD-3-Clause */
/* The allocator in the running switch.  All but the last two belong to the control core.
 * Used by: app/weir. */
#ifndef WEIR_ALLOCATOR_H
#define WEIR_ALLOCATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "allocator_view.h"
#include "grants.h"
#include "pkt.h"
#include "why.h"

#define ALLOCATOR_GRANTS 4	/* copies of what is granted that it keeps */

struct weir;
struct pipe_change;

bool allocator_open(struct weir *w, struct why *why);	/* after live and the workers were made */
void allocator_close(struct weir *w);			/* when the workers have ended */

/* A period, and when the next one is due. */
void allocator_run(struct weir *w);
uint64_t allocator_next_ns(const struct weir *w);
void allocator_show(struct weir *w);	/* brings what other threads see up to now */

/* A change of terms: only where allocator_is_settled(), as a worker takes one thing at a time.  NULL: no memory. */
bool allocator_is_settled(struct weir *w);
struct pipe_change *allocator_change(struct weir *w, const struct conf *from, const struct conf *to);
void allocator_changed(struct weir *w);	/* the workers have it */

/* What it decides with.  The control core's thread alone. */
struct control;
const struct control *allocator_control(const struct weir *w);
uint64_t allocator_period_ns(const struct weir *w);	/* as it is now */

/* Any thread. */
void allocator_view(struct weir *w, struct allocator_view *view);
bool allocator_grant(struct weir *w, vf_id vf, struct grant *grant);	/* what is granted to a VF; false: no such VF */

#endif
