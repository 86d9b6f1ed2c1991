/* SPDX-License-Identifier: BSD-3-Clause */
/* /weir/remote: congestion beyond the uplink, and who is held for it. */
#include "telem_impl.h"

#define PAGE_REMOTE 24u

/* A fraction in 16.16, in parts of a million: telemetry knows whole numbers only. */
static uint64_t ppm(uint32_t q16)
{
	return ((uint64_t)q16 * 1000000 + Q16_ONE / 2) / Q16_ONE;
}

static void put_vf(struct rte_tel_data *d, const struct telem_remote_vf *v)
{
	put_text(d, "state", remote_reason_text(v->is.reason));
	put_u64(d, "alpha_ppm", ppm(v->is.alpha));
	put_u64(d, "quality_ppm", ppm(v->is.quality));
	put_u64(d, "rate_bps", v->is.actual_bps);
	put_u64(d, "target_bps", v->is.target_bps);
	put_u64(d, "grant_bps", v->is.grant_bps);
	put_u64(d, "backoffs", v->is.n_backoffs);
	put_u64(d, "backoffs_with_slack", v->is.n_slack_backoffs);
	put_u64(d, "echoes", v->echoes.echoes);
	put_u64(d, "cnps", v->echoes.cnps);
	put_u64(d, "echoed_bytes", v->echoes.echoed_bytes);
	put_u64(d, "heard_bytes", v->echoes.heard_bytes);
	put_u64(d, "marked_here_bytes", v->echoes.marked_bytes);
	put_u64(d, "arrived_ce_pkts", v->echoes.ce_pkts);
}

int answer_remote(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	uint32_t total = s->conf->n_named, start, end;
	struct rte_tel_data *list;
	struct telem_remote_vf view;
	struct telem_remote all;

	if (s->remote == NULL || s->remote_vf == NULL)
		return put_error(d, "nothing listens for congestion beyond the uplink", "[remote] in the config, and a restart");
	if (!page_start(params, total, &start))
		return put_error(d, "no such VF number", "/weir/remote or /weir/remote,START with START below total");
	end = page_end(start, total, PAGE_REMOTE);
	s->remote(s->ctx, &all);
	put_u64(d, "period_asked_ns", s->conf->remote.period_ns);
	put_u64(d, "period_ns", all.period_ns);
	put_u64(d, "bottleneck_bps", all.bottleneck_bps);
	put_u64(d, "recalibrations", all.n_calibrations);
	put_u64(d, "calibrated_at_ns", all.calibrated_ns);
	put_u64(d, "n_held", all.n_held);
	put_u64(d, "total", total);
	put_u64(d, "next", end);
	list = put_dict(d, "vfs");
	for (vf_id vf = nth_vf(s->conf, start); start < end; vf = nth_vf_from(s->conf, vf + 1), start++)
		if (s->remote_vf(s->ctx, vf, &view))
			put_vf(put_dict(list, s->conf->vfs[vf].name), &view);
	return 0;
}
