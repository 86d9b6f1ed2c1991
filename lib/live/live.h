/* SPDX-License-Identifier: BSD-3-Clause */
/* The running configuration, and the way of a change to it.
 *
 *   any thread:    live_ask(): here is a change; waits, for at most the time it says
 *   control core:  live_serve(): judges all that wait, one after the other, each against what those before it made of the
 *                  config; hands the sum to the workers (struct live_io); and when they have it, makes it the running
 *                  config, saves it, and answers
 *   any thread:    live_hold() .. live_release(): the running config as one piece that nobody writes any more
 * One judge, one config at a time: two operators cannot mix halves, and what the config says is what runs.  Workers are
 * never waited for for long: one that does not come back leaves the change, and those behind it, waiting.
 * Plain C and pthreads.  Used by: telem, the app.  Uses: sla. */
#ifndef WEIR_LIVE_H
#define WEIR_LIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "conf_change.h"
#include "why.h"

/* What the control core does for it.  Called by live_serve() only. */
struct live_io {
	void *ctx;
	/* Do its guarantees fit the link as it is? */
	bool (*admit)(void *ctx, const struct conf *conf, struct why *why);
	/* Hands the difference to the workers.  false: no memory, nothing was handed. */
	bool (*hand)(void *ctx, const struct conf *from, const struct conf *to);
	bool (*is_done)(void *ctx);
	/* A change was judged well: 'what' of it in words. */
	void (*log)(void *ctx, const char *what);
	/* Makes it survive a restart.  false: it will not, as 'why' says; asked again every second.  NULL: nobody asked for
	 * that. */
	bool (*save)(void *ctx, const struct conf *conf, struct why *why);
	/* The file of this name was read and is now what runs.  NULL: nobody wants to know. */
	void (*loaded)(void *ctx, const char *file, const struct conf *wanted);
};

enum live_verdict {
	LIVE_DONE,	/* it runs */
	LIVE_REFUSED,	/* as request.why says; nothing has changed */
	LIVE_LATE,	/* the control core did not come to it: withdrawn, nothing will change */
	LIVE_BEHIND,	/* nor could it, for a worker has not taken what was changed before: withdrawn too */
	LIVE_PENDING,	/* it was judged well, but a worker has not taken it yet: it will hold when it does */
	LIVE_ENDED,	/* weir is ending; nothing will change */
};

/* A config that somebody holds. */
struct live_conf;
const struct conf *live_conf(const struct live_conf *held);

/* What is asked, and the answer. */
struct live_request {
	struct conf_change change;	/* where wanted is NULL */
	struct conf *wanted;		/* a config from conf_reload(); taken over */
	char file[256];			/* where it came from */
	/* The answer; after LIVE_DONE and LIVE_PENDING 'before' and 'after' are held, until live_request_destroy(). */
	struct live_conf *before, *after;
	struct why why;			/* of a refusal; else what there is to be warned of */
};

struct live;

/* 'first' must outlive it.  NULL: no memory. */
struct live *live_create(const struct conf *first, const struct live_io *io);
void live_destroy(struct live *l);

/* Any thread. */
struct live_conf *live_hold(struct live *l);
void live_release(struct live *l, struct live_conf *held);
uint64_t live_n_changes(struct live *l);	/* so far */

struct live_request *live_request_create(void);	/* NULL: no memory */
void live_request_destroy(struct live *l, struct live_request *q);

/* Any thread but the control core's.  Waits for the answer, at most 'wait_ns'.  *q may then be NULL: the control core still
 * has it, and takes care of it (LIVE_PENDING). */
enum live_verdict live_ask(struct live *l, struct live_request **q, uint64_t wait_ns);

/* The control core. */
void live_wait(struct live *l, const struct timespec *until);	/* for something to do; CLOCK_MONOTONIC */
void live_serve(struct live *l);
void live_close(struct live *l);	/* answers all that wait, and from now on at once: LIVE_ENDED */

#endif
