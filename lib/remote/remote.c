/* SPDX-License-Identifier: BSD-3-Clause */
#include "remote.h"

#include <stdlib.h>

#include "clk.h"
#include "echo.h"
#include "remote_impl.h"

#define LEAST_BPS     1000000		/* whatever is heard: nobody is silenced */
#define SIGMA	      (Q16_ONE / 20)	/* 5 %: of the paper */
#define MOST_QUALITY  (16 * Q16_ONE)
#define SMOOTHING     4			/* of rates: a quarter is new */
#define OWN_FADES     1024		/* of what is still expected a period: some echoes never come */
#define OWN_FADES_CLASSIC 2
#define CNP_MARK_BYTES 1024		/* RoCE's MTU in Ethernet of 1500: a packet of it that weir marks is no smaller */
#define NEAR_TARGET   64		/* of the target: missing so little, it is there */
#define FIRST_STEP    256		/* of the target, beyond it */
#define STEADY_CLEARS 8		/* periods of these; then they double */
#define CLEARS_A_STEP 4
#define MOST_DOUBLED  4

struct remote {
	uint32_t n_vfs, gain;
	uint64_t bottleneck_bps;
	uint64_t at_ns, measured_ns;
	bool has_begun, was_short;	/* the last period was below what is known, and congested */
	uint64_t n_perturbations;
	struct remote_vf *vfs;
};

const char *remote_reason_text(enum remote_reason reason)
{
	static const char *const texts[N_REMOTE_REASONS] = {
		"not asked to look",
		"no congestion heard of beyond the uplink",
		"gives way: congestion beyond the uplink, and it has more than its part",
		"gives way: congestion beyond the uplink",
		"congestion beyond the uplink, and it is down to its guarantee",
		"held by the network beyond the uplink: rises to its part",
		"held by the network beyond the uplink: tries for more than its part",
		"sends less than the network beyond the uplink leaves it",
		"held by the network beyond the uplink: has just given way",
	};

	return reason < N_REMOTE_REASONS ? texts[reason] : "";
}

struct remote *remote_create(const struct remote_params *params)
{
	struct remote *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->n_vfs = params->n_vfs;
	r->gain = params->gain != 0 ? params->gain : Q16_ONE / 2;
	r->bottleneck_bps = params->bottleneck_bps;
	r->vfs = calloc((size_t)r->n_vfs + 1, sizeof(*r->vfs));
	if (r->vfs != NULL)
		return r;
	free(r);
	return NULL;
}

void remote_destroy(struct remote *r)
{
	if (r == NULL)
		return;
	free(r->vfs);
	free(r);
}

void remote_set(struct remote *r, uint32_t vf, const struct remote_terms *terms)
{
	struct remote_vf *v = &r->vfs[vf];

	v->terms = *terms;
	if (!terms->is_on) {	/* what it heard is nothing to begin with when it is looked after again */
		v->grant_bps = v->target_bps = 0;
		v->alpha = v->quality = 0;
		v->cnp_ns = 0;
	}
	if (v->grant_bps != 0)
		v->grant_bps = u64_min(u64_max(v->grant_bps, terms->min_bps), terms->max_bps);
	v->reason = !terms->is_on ? REMOTE_OFF : v->grant_bps == 0 ? REMOTE_FREE : v->reason;
}

/* ---- What was heard ---- */

/* The echoes that are the network's: the first ones are of what weir marked itself.  Of a classic receiver those count that
 * begin a row, and the others are as they are: many marks of weir then come back as one, so they are soon forgotten. */
static uint64_t network_bytes(struct remote_vf *v, uint64_t echoed_bytes, uint64_t repeated_bytes, uint64_t marked_bytes)
{
	uint64_t begun = echoed_bytes - u64_min(repeated_bytes, echoed_bytes), own;

	v->own_bytes -= v->own_bytes / (v->terms.is_classic || v->is_roce ? OWN_FADES_CLASSIC : OWN_FADES);
	v->own_bytes += marked_bytes;
	if (!v->terms.is_on)	/* whose echoes nobody counts */
		v->own_bytes = 0;
	own = u64_min(v->own_bytes, begun);
	v->own_bytes -= own;
	if (begun != 0)
		v->network_part = q16_ratio(begun - own, begun, Q16_ONE);
	return begun - own + q16_of(echoed_bytes - begun, v->network_part);
}

/* What CNPs tell of this period, added as a classic receiver would have told it: the bytes that no TCP acknowledged are
 * RoCE's, marked for the time that CNPs stand for.  Their absence tells as much until alpha has forgotten them. */
static void add_cnps(struct remote_vf *v, struct remote_sample *told, uint64_t elapsed_ns)
{
	uint64_t rest = told->sent_bytes - u64_min(told->sent_bytes, told->heard_bytes), marked_ns, bytes;

	v->is_roce = told->cnps != 0 || (v->is_roce && v->alpha > REMOTE_LEAST_HEARD);
	if (!v->is_roce)
		return;
	v->cnp_ns += told->cnps * ECHO_CNP_NS;
	marked_ns = u64_min(v->cnp_ns, elapsed_ns);
	v->cnp_ns = u64_min(v->cnp_ns - marked_ns, ECHO_CNP_NS);
	bytes = q16_of(rest, q16_ratio(marked_ns, elapsed_ns, Q16_ONE));
	told->heard_bytes += rest;
	told->echoed_bytes += bytes;
	told->repeated_bytes += bytes - u64_min(bytes, told->cnps * CNP_MARK_BYTES);
}

static void hear(struct remote *r, struct remote_vf *v, const struct remote_sample *s, uint64_t elapsed_ns)
{
	struct remote_sample told = {
		.sent_bytes = s->sent_bytes - v->seen.sent_bytes,
		.marked_bytes = s->marked_bytes - v->seen.marked_bytes,
		.heard_bytes = s->heard_bytes - v->seen.heard_bytes,
		.echoed_bytes = s->echoed_bytes - v->seen.echoed_bytes,
		.repeated_bytes = s->repeated_bytes - v->seen.repeated_bytes,
		.cnps = s->cnps - v->seen.cnps,
	};
	uint64_t network;

	v->seen = *s;
	add_cnps(v, &told, elapsed_ns);
	network = network_bytes(v, told.echoed_bytes, told.repeated_bytes, told.marked_bytes);
	v->rate_bps = (uint64_t)((clk_u128)told.sent_bytes * 8 * NS_PER_S / elapsed_ns);
	v->actual_bps = v->actual_bps == 0 ? v->rate_bps : v->actual_bps - v->actual_bps / SMOOTHING + v->rate_bps / SMOOTHING;
	v->is_congested = false;
	if (told.heard_bytes == 0)		/* nothing was told: alpha stays */
		return;
	v->heard = q16_ratio(network, told.heard_bytes, Q16_ONE);
	v->is_congested = v->terms.is_on && v->heard > REMOTE_LEAST_HEARD;
	v->alpha = (uint32_t)((int64_t)v->alpha + (((int64_t)v->heard - (int64_t)v->alpha) * r->gain >> 16));
}

/* ---- The bottleneck ---- */

/* Who hears of congestion for the first time is held by what it sends from now on. */
static void begin_grants(struct remote *r)
{
	for (uint32_t i = 0; i < r->n_vfs; i++) {
		struct remote_vf *v = &r->vfs[i];
		if (v->is_congested && v->grant_bps == 0)
			v->grant_bps = u64_min(u64_max(u64_max(v->rate_bps, v->terms.min_bps), LEAST_BPS), v->terms.max_bps);
	}
}

/* Off by more than sigma: while there is congestion they cannot have more than they send, and without it at least that.
 * One period below may be a back-off's; two are not. */
static void measure(struct remote *r)
{
	uint64_t sum_bps = 0, least_bps;
	bool is_congested = false, is_waiting = false, is_short;

	for (uint32_t i = 0; i < r->n_vfs; i++) {
		const struct remote_vf *v = &r->vfs[i];
		if (v->grant_bps == 0)
			continue;
		sum_bps += v->actual_bps;
		is_congested |= v->is_congested;
		is_waiting |= v->is_waiting;
	}
	if (r->bottleneck_bps == 0 && is_congested) {
		r->bottleneck_bps = sum_bps;
		r->measured_ns = r->at_ns;
	}
	least_bps = r->bottleneck_bps - q16_of(r->bottleneck_bps, SIGMA);
	is_short = is_congested && !is_waiting && sum_bps < least_bps;
	if ((is_short && r->was_short) || (!is_congested && sum_bps > r->bottleneck_bps + q16_of(r->bottleneck_bps, SIGMA))) {
		r->bottleneck_bps = sum_bps;
		r->measured_ns = r->at_ns;
		r->n_perturbations++;
		is_short = false;
	}
	if (!is_waiting)
		r->was_short = is_short;
}

/* ---- Grants ---- */

static void give_way(struct remote_vf *v)
{
	bool has_slack = v->quality < Q16_ONE;
	uint32_t part = has_slack ? q16_power(v->alpha, v->quality) : v->alpha;
	uint64_t grant = v->grant_bps - q16_of(v->grant_bps, part / 2);

	v->reason = grant < v->terms.min_bps ? REMOTE_GUARANTEE : has_slack ? REMOTE_SLACK : REMOTE_CONGESTION;
	v->grant_bps = u64_max(grant, u64_min(v->grant_bps, u64_max(v->terms.min_bps, LEAST_BPS)));
	v->n_clear = 0;
	v->n_backoffs++;
	v->n_slack_backoffs += has_slack;
}

static void recover(struct remote_vf *v)
{
	v->n_clear++;
	if (v->grant_bps < v->target_bps - v->target_bps / NEAR_TARGET) {
		v->grant_bps += (v->target_bps - v->grant_bps + 1) / 2;
		v->reason = REMOTE_TO_TARGET;
		return;
	}
	if (!remote_is_hungry(v)) {
		v->reason = REMOTE_UNUSED;
		return;
	}
	uint32_t doubled = v->n_clear > STEADY_CLEARS ? (v->n_clear - STEADY_CLEARS) / CLEARS_A_STEP : 0;
	v->grant_bps += (v->target_bps / FIRST_STEP + 1) << (doubled < MOST_DOUBLED ? doubled : MOST_DOUBLED);
	v->reason = REMOTE_BEYOND;
}

static void decide(struct remote_vf *v)
{
	bool was_waiting = v->is_waiting;

	v->is_waiting = false;
	if (!v->terms.is_on || v->grant_bps == 0)
		return;
	v->quality = q16_ratio(v->target_bps, v->actual_bps, MOST_QUALITY);
	if (v->is_congested && was_waiting) {
		v->reason = REMOTE_WAIT;
	} else if (v->is_congested) {
		give_way(v);
		v->is_waiting = true;
	} else {
		recover(v);
	}
	if (v->grant_bps < v->terms.max_bps)
		return;
	v->grant_bps = v->target_bps = v->quality = 0;
	v->reason = REMOTE_FREE;
}

void remote_step(struct remote *r, const struct remote_sample *samples, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns - r->at_ns;

	if (r->has_begun && elapsed_ns == 0)
		return;
	for (uint32_t i = 0; i < r->n_vfs; i++) {
		if (r->has_begun)
			hear(r, &r->vfs[i], &samples[i], elapsed_ns);
		else
			r->vfs[i].seen = samples[i];
	}
	r->at_ns = now_ns;
	if (!r->has_begun) {
		r->has_begun = true;
		return;
	}
	begin_grants(r);
	measure(r);
	remote_targets(r->vfs, r->n_vfs, r->bottleneck_bps);
	for (uint32_t i = 0; i < r->n_vfs; i++)
		decide(&r->vfs[i]);
}

uint64_t remote_grant_bps(const struct remote *r, uint32_t vf)
{
	return r->vfs[vf].grant_bps;
}

uint64_t remote_bottleneck_bps(const struct remote *r)
{
	return r->bottleneck_bps;
}

uint64_t remote_n_perturbations(const struct remote *r)
{
	return r->n_perturbations;
}

uint64_t remote_measured_ns(const struct remote *r)
{
	return r->measured_ns;
}

void remote_look(const struct remote *r, uint32_t vf, struct remote_view *view)
{
	const struct remote_vf *v = &r->vfs[vf];

	*view = (struct remote_view){
		.grant_bps = v->grant_bps,
		.target_bps = v->target_bps,
		.actual_bps = v->actual_bps,
		.alpha = v->alpha,
		.quality = v->quality,
		.reason = (enum remote_reason)v->reason,
		.n_backoffs = v->n_backoffs,
		.n_slack_backoffs = v->n_slack_backoffs,
	};
}
