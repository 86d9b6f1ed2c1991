/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to live: the messages and the configs, under one lock that is kept for assignments, and
 * for what the last holder of a config gives back. */
#ifndef WEIR_LIVE_IMPL_H
#define WEIR_LIVE_IMPL_H

#include <pthread.h>

#include "live.h"

#define NS_IN_S 1000000000

struct live_conf {
	const struct conf *conf;
	struct conf *owned;		/* NULL: the first one is not */
	unsigned int n_holders;
};

enum message_state { MESSAGE_WAITS, MESSAGE_TAKEN, MESSAGE_ANSWERED };

struct message {
	struct live_request request;	/* first: both are one to the caller */
	struct message *next;
	enum message_state state;
	enum live_verdict verdict;
	bool is_left;			/* its sender has gone: the control core frees it */
};

struct live {
	struct live_io io;
	pthread_mutex_t lock;
	pthread_cond_t asked, answered;
	struct message *first, **last;	/* that wait, in order */
	struct live_conf *running;
	uint64_t n_changes;
	bool is_handed;			/* workers are to take up what was changed */
	bool is_closed;
	/* The control core's own. */
	struct message *taken;		/* judged well, on their way to the workers */
	struct live_conf *next;		/* what will run when they have it */
	bool is_unsaved;
	time_t saved_at;
};

/* With the lock held. */
struct live_conf *live_hold_locked(struct live_conf *c);
void live_release_locked(struct live_conf *c);
void live_answer_locked(struct message *m, enum live_verdict verdict);	/* and then wake who waits */

struct live_conf *live_conf_create(struct conf *owned);
void live_answer(struct live *l, struct message *m, enum live_verdict verdict);

#endif
