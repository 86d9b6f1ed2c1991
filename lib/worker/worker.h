/* SPDX-License-Identifier: BSD-3-Clause */
/* The data lcores: each has a pipe and does nothing but turns.  Between two workers are two single-producer rings of
 * struct pkt.  The control core tells them one word (run, drain, end), hands them changes, and never waits for them but at
 * the end.
 * Used by: app.  Uses: pipeline, place, port, EAL, libnuma. */
#ifndef WEIR_WORKER_H
#define WEIR_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "capture.h"
#include "conf.h"
#include "pipe_change.h"
#include "pipeline.h"
#include "place.h"
#include "port.h"
#include "tsc.h"
#include "why.h"

struct workers;
struct capture_set;	/* capture.h */

/* All must outlive the workers; the clock is copied. */
struct workers_params {
	const struct conf *conf;
	const struct place *plan;
	struct fabric *fabric;
	struct ports *ports;
	const struct tsc_clock *clock;
};

/* What was inside when the end came, and was dropped ("shutdown"). */
struct workers_end {
	uint32_t queued_pkts;		/* in the pipes: in their counters too */
	uint32_t ring_pkts;		/* on the way between two workers */
	bool stalled;			/* a worker did not end: its packets are where they were */
};

/* Packets that the rings between 'n_workers' workers can hold: mbufs must be there for them. */
uint32_t workers_ring_pkts(unsigned int n_workers);
uint64_t workers_ring_bytes(unsigned int n_workers);	/* of EAL's memory */

/* Blocks or unblocks (as pthread_sigmask) the signals by which drivers tell that there is something to read: net_tap
 * sends itself a real-time one a packet.  To be blocked before EAL starts, so that all its threads inherit that: else
 * telemetry's accept() fails and the control core never sleeps.  Workers unblock them for themselves. */
void workers_io_signals(int how);

/* Makes pipes and rings, each on its lcore's NUMA node.  NULL with the reasons in 'why'. */
struct workers *workers_create(const struct workers_params *params, struct why *why);

/* Launches them.  false with the reason in 'why'. */
bool workers_start(struct workers *w, struct why *why);

/* The control core hands a change to all workers, each of which applies it between turns; it must live until
 * workers_have_changed(), and the one before must be done.  Nobody waits for anybody. */
void workers_change(struct workers *w, const struct pipe_change *change);
bool workers_have_changed(const struct workers *w);

/* Any thread, one at a time: hands all workers what is captured from now on, which must live until
 * workers_have_captures() after another one was handed; NULL: nothing.  Not before the one before was taken. */
void workers_capture(struct workers *w, const struct capture_set *set);
bool workers_have_captures(const struct workers *w);

/* Nobody is asked any more; waits until all queues are empty, or for conf.drain_ns; then what is left is dropped and
 * the lcores return. */
struct workers_end workers_stop(struct workers *w);

/* Stopped or never started.  NULL is legal. */
void workers_destroy(struct workers *w);

unsigned int workers_n(const struct workers *w);

/* Any thread: the sum over all pipes; one worker's figures. */
void workers_view_vf(const struct workers *w, vf_id vf, struct vf_view *view);
void workers_view_delay(const struct workers *w, vf_id vf, struct delay_view *view);
void workers_view_tenant(const struct workers *w, uint32_t tenant, struct tenant_view *view);
void workers_view_echoes(const struct workers *w, vf_id vf, struct echo_view *view);	/* nothing without [remote] */
void workers_view_credit(const struct workers *all, vf_id vf, struct credit_view *view);
void workers_view_load(const struct workers *w, unsigned int worker, struct load_view *view);
void workers_view_askers(const struct workers *w, struct asker_view by_port[CONF_MAX_PORTS]);
void workers_view_one(const struct workers *w, unsigned int worker, struct worker_view *view);

#endif
