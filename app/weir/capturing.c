/* SPDX-License-Identifier: BSD-3-Clause */
/* What lib/recorder asks of the running switch. */
#include <stdio.h>
#include <string.h>

#include "weir.h"

static uint64_t now_ns(void *ctx)
{
	const struct weir *w = ctx;

	return tsc_now_ns(&w->clock);
}

static void hand(void *ctx, const struct capture_set *set)
{
	struct weir *w = ctx;

	workers_capture(w->workers, set);
}

static bool has(void *ctx)
{
	const struct weir *w = ctx;

	return workers_have_captures(w->workers);
}

static void say(void *ctx, const char *what)
{
	(void)ctx;
	report_say("%s", what);
}

bool capturing_open(struct weir *w, struct why *why)
{
	struct recorder_io io = {
		.ctx = w,
		.n_workers = workers_n(w->workers),
		.now_ns = now_ns,
		.hand = hand,
		.has = has,
		.log = say,
	};

	w->recorder = recorder_create(&io);
	if (w->recorder == NULL)
		why_add(why, "no memory for captures");
	return w->recorder != NULL;
}

void capturing_forget(struct weir *w, const char *vf)
{
	struct capture_view views[CAPTURE_KEEP], ended;
	static struct why why;
	uint32_t n = recorder_list(w->recorder, views);

	why_init(&why);
	for (uint32_t i = 0; i < n; i++) {
		if (views[i].state == CAPTURE_RUNS && !views[i].is_ending && strcmp(views[i].ask.name, vf) == 0)
			(void)recorder_stop(w->recorder, views[i].id, &ended, &why);
	}
}
