/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to remote.c and remote_target.c. */
#ifndef WEIR_REMOTE_IMPL_H
#define WEIR_REMOTE_IMPL_H

#include "remote.h"

#define REMOTE_LEAST_HEARD (Q16_ONE / 128)	/* marks below that are none: own ones, counted early or late */

struct remote_vf {
	struct remote_terms terms;
	struct remote_sample seen;
	uint64_t rate_bps, actual_bps;	/* of the last period, and smoothed */
	uint64_t own_bytes;		/* marked by weir itself, of which no echo has come yet */
	uint64_t grant_bps, target_bps;
	uint32_t network_part;		/* of the echoes, those that are the network's, Q16: as judged last */
	uint32_t heard;			/* the part of the last period that the network marked, Q16 */
	uint32_t alpha, quality;
	uint32_t n_clear;		/* periods without congestion since the last back-off */
	bool is_congested;		/* in the last period */
	uint64_t cnp_ns;		/* for which CNPs stand that is still to be counted */
	bool is_roce;			/* has CNPs, or had some until they were forgotten */
	bool is_waiting;		/* has given way in the period before */
	uint8_t reason;
	uint64_t n_backoffs, n_slack_backoffs;
};

/* Targets of those who have a grant: of a bottleneck of 'bps'. */
void remote_targets(struct remote_vf *vfs, uint32_t n, uint64_t bps);

/* Does it use what it is granted? */
static inline bool remote_is_hungry(const struct remote_vf *v)
{
	return v->actual_bps >= v->grant_bps - v->grant_bps / 8;
}

#endif
