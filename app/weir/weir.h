/* SPDX-License-Identifier: BSD-3-Clause */
/* The running switch, put together from the libraries, and the files of app/weir in the order they are used:
 * args, lcores + plan + check (before EAL), sockets, switch (up and down), source (what telemetry reads),
 * control (the loop of the main lcore), change (changes at run time), places (VFs that come), allocator (grants), capturing
 * (packets to files), report (what is printed).
 * Used by: app/weir. */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include "port.h"
#include "worker.h"

#include "allocator.h"
#include "args.h"
#include "conf.h"
#include "held.h"
#include "live.h"
#include "pipeline.h"
#include "place.h"
#include "rates.h"
#include "recorder.h"
#include "telem.h"
#include "why.h"

enum weir_exit { WEIR_OK, WEIR_USAGE, WEIR_FAILED, WEIR_LEAK };

struct weir {
	struct args args;
	struct conf *conf;		/* as weir started: what never changes may be read from it; terms are live's */
	struct conf *in_file;		/* as the config file says: what differs from it was changed at run time */
	struct live *live;
	struct pipe_change *change;	/* on its way to the workers */
	const struct conf *change_from, *change_to;	/* waits for grants that are; NULL: none does */
	struct allocator *allocator;
	struct recorder *recorder;	/* NULL before the workers were made */
	struct remote_shown *remote;	/* NULL without [remote] */
	struct places *places;
	struct tsc_mark started;
	struct tsc_clock clock;
	struct ports *ports;
	struct place_request request;
	struct place plan;
	struct fabric *fabric;
	struct workers *workers;
	struct rates_store *rates;
	struct rates_sample *samples;	/* telem_n_rows() of them */
	struct held_store *held;	/* the same rows, and one a tenant: telem_tenant_row() */
	bool link_up[CONF_MAX_PORTS];
	uint16_t rings[CONF_MAX_PORTS];		/* of each port that are read */
	uint64_t away_ns[PLACE_MAX_WORKERS];	/* of workers that were said to be away, how long so far; 0: the others */
};

/* plan.c: fills all but the lcores, and the NUMA nodes where 'ports' is NULL (not known before EAL) */
void plan_request(struct place_request *request, const struct conf *conf, const struct ports *ports);
/* false: more data lcores than weir can use */
bool plan_add_lcore(struct place_request *request, unsigned int lcore, int numa, struct why *why);

/* check.c: --check */
enum weir_exit check_run(const struct args *args, const struct conf *conf);

/* switch.c: from a config to running workers.  What went wrong has been said; weir_close() is to be called anyhow. */
enum weir_exit weir_open(struct weir *w);
enum weir_exit weir_close(struct weir *w);

/* source.c */
void source_init(struct weir *w, struct telem_source *source);

/* places.c: figures of VFs, as of the one who is there now */
struct pipe_change;
bool places_open(struct weir *w, struct why *why);
void places_close(struct weir *w);
void places_begin(struct weir *w, const struct pipe_change *change);	/* the control core, while it waits: pipe_change_waits() */
void places_view_vf(const struct weir *w, vf_id vf, struct vf_view *view);
void places_view_delay(const struct weir *w, vf_id vf, struct delay_view *view);
void places_view_gone(const struct weir *w, const struct conf *conf, struct vf_view *sum);	/* the end: of those who were there */

/* change.c */
bool change_open(struct weir *w, struct why *why);	/* before the telemetry */
void change_close(struct weir *w);			/* after the telemetry and the workers */

/* capturing.c */
void capturing_forget(struct weir *w, const char *vf);	/* ends what is captured of it */
bool capturing_open(struct weir *w, struct why *why);	/* before the telemetry, after the workers */

/* control.c */
void control_before_eal(void);
void control_after_eal(void);
void control_run(struct weir *w);	/* until a signal, or the duration is over */

/* report.c */
void report_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void report_start(const struct weir *w);
void report_live(const struct weir *w);
void report_end(const struct weir *w, const struct workers_end *end);

#endif
