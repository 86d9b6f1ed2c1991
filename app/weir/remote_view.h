/* SPDX-License-Identifier: BSD-3-Clause */
/* The answer to congestion beyond the uplink in the running switch: the allocator runs it (lib/control), here it is given
 * what VFs have heard, and other threads are shown what came of it.  Without [remote] all of it does nothing.
 * Used by: app/weir. */
#ifndef WEIR_REMOTE_VIEW_H
#define WEIR_REMOTE_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "pkt.h"
#include "telem.h"
#include "view.h"

struct weir;

bool remote_open(struct weir *w);	/* false: no memory */
void remote_close(struct weir *w);

/* How often the control core is to run: the loop may want it more often than the allocator. */
uint64_t remote_period_ns(const struct conf *conf);

/* For the loop: what all workers have counted.  'ctx' is the weir. */
void remote_echoes(void *ctx, vf_id vf, struct echo_view *view);

/* The control core: brings what other threads see up to now. */
void remote_show(struct weir *w);

/* Any thread.  false: no such VF. */
void remote_view_all(struct weir *w, struct telem_remote *view);
bool remote_view_vf(struct weir *w, vf_id vf, struct telem_remote_vf *view);

#endif
