/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion beyond the uplink (contract: the control core's part).  A switch out there marks packets, their receivers
 * echo the marks to the VMs, and weir hears the echoes on their way.  From them this computes, once a period, what each VF
 * may send (its grant), so that VFs share that switch as they share the uplink, whatever their senders make of the marks:
 *   alpha    the part of a VF's bytes that the network marked, smoothed: alpha += gain x (heard - alpha)
 *   target   its part of the bottleneck: weighted max-min with guarantees as floors
 *   quality  Q = target / what it sent, smoothed
 *   back-off grant x (1 - alpha^Q / 2) with slack (Q < 1), grant x (1 - alpha / 2) without; never below the guarantee,
 *            and no more than once in two periods, for marks of before a back-off are still on their way
 *   recovery half of what is missing to the target each period, beyond it in steps that grow
 * The bottleneck's rate is what those who hear of congestion send together while they do.  It is measured anew when it is
 * off by more than 5 % (sigma): somebody else came there, or went.
 * Weir marks packets too, and their echoes look the same: what it marked is told it, and the first echoes are taken for
 * those.  A classic receiver echoes a mark for a round trip, and its sender takes that for one mark in each packet of it: so
 * does alpha.  Whose mark it was is judged by the first echo of the row.  All who hear echoes are taken to share one bottleneck.
 * RoCE acknowledges nothing that is read here, but its receivers send a CNP for each 50 us in which a marked packet of a flow
 * came: as of a row of echoes, its sender takes that for 50 us of marks, and so does alpha, of the bytes that no TCP
 * acknowledged.  The first packet of them is judged as the first of a row.  Flows of a VF that are marked in turns seem to be
 * marked all the time.
 * Pure: figures in, grants out; time is an argument.  One thread.  Rates are bits per second.
 * From: QTCP and QRDMA (quality factor, sigma), RFC 8257 (alpha), DCQCN (Zhu et al., SIGCOMM 2015: CNPs).
 * Used by: control; by explain and telem for what they show; echo.h by the pipeline.  Uses: base. */
#ifndef WEIR_REMOTE_H
#define WEIR_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "remote_math.h"

struct remote_params {
	uint32_t n_vfs;
	uint64_t bottleneck_bps;	/* where to begin; 0: not known */
	uint32_t gain;			/* of alpha, Q16; 0: a half */
};

/* What a VF was sold.  All zero: the loop leaves it alone. */
struct remote_terms {
	bool is_on;
	uint32_t weight;		/* 1 or more */
	uint64_t min_bps;		/* its grant is never less */
	uint64_t max_bps;		/* its limit, or the link's rate; not 0 */
	bool is_classic;		/* its senders' peers echo as in RFC 3168: a row of echoes for a mark */
};

/* What the data path has counted of a VF: totals that only grow, from a thread that need not be in step. */
struct remote_sample {
	uint64_t sent_bytes;		/* to the uplink */
	uint64_t marked_bytes;		/* of these, with CE by weir itself */
	uint64_t heard_bytes;		/* acknowledged to it from beyond the uplink */
	uint64_t echoed_bytes;		/* of these, with an echo of CE */
	uint64_t repeated_bytes;	/* of these, of a classic receiver, those after the first echo of a row */
	uint64_t cnps;			/* RoCE's congestion notifications to it, at most one in ECHO_CNP_NS */
};

/* Why a VF's grant is what it is. */
enum remote_reason {
	REMOTE_OFF,
	REMOTE_FREE,		/* heard of no congestion: no grant */
	REMOTE_SLACK,		/* gave way: it has more than its target */
	REMOTE_CONGESTION,	/* gave way, as everybody */
	REMOTE_GUARANTEE,	/* would give way, and is down to its guarantee */
	REMOTE_TO_TARGET,	/* rises to its target */
	REMOTE_BEYOND,		/* rises beyond it: is there more? */
	REMOTE_UNUSED,		/* sends less than it may */
	REMOTE_WAIT,		/* has just given way: what comes of it is not known yet */
	N_REMOTE_REASONS,
};
const char *remote_reason_text(enum remote_reason reason);	/* for people */

struct remote_view {
	uint64_t grant_bps;		/* 0: none, its own limit holds */
	uint64_t target_bps;		/* 0: none yet */
	uint64_t actual_bps;		/* sent, smoothed */
	uint32_t alpha, quality;	/* Q16; quality 0: no target yet */
	enum remote_reason reason;
	uint64_t n_backoffs, n_slack_backoffs;	/* all, and those with slack */
};

struct remote;

struct remote *remote_create(const struct remote_params *params);	/* NULL: no memory */
void remote_destroy(struct remote *r);

/* Terms of a VF, at first and whenever they change. */
void remote_set(struct remote *r, uint32_t vf, const struct remote_terms *terms);

/* A period is over: samples of all VFs.  The first call only begins.  Calls at the same moment do nothing. */
void remote_step(struct remote *r, const struct remote_sample *samples, uint64_t now_ns);

uint64_t remote_grant_bps(const struct remote *r, uint32_t vf);	/* 0: none */
uint64_t remote_bottleneck_bps(const struct remote *r);		/* as measured; 0: not known */
uint64_t remote_n_perturbations(const struct remote *r);	/* how often it was measured anew */
uint64_t remote_measured_ns(const struct remote *r);		/* when it was measured last; 0: never */
void remote_look(const struct remote *r, uint32_t vf, struct remote_view *view);

#endif
