/* SPDX-License-Identifier: BSD-3-Clause */
#include "explain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LOST_PERCENT 3	/* with that much away from its CPU weir cannot keep what it promised */
#define RATE_TEXT    32
#define SO_FAR_TEXT  64

#define PPS_ADVICE    "its own limit in packets (max_pps): it sends more of them than it was sold, smaller ones perhaps; a higher one lifts it"
#define TENANT_ADVICE "the limit of a tenant above it, which its other VMs share by weight and priority: the tenants' lines below tell whose"
#define LINK_ADVICE   "the link is full, and others have their turns: a larger weight or min_bps gives it more of the link"
#define CORE_ADVICE   "the core is full, and it waits to be read: a larger weight or min_pps gives it more of the packet capacity"

static const char *const tx_advice[N_VIEW_BOUNDS] = {
	[VIEW_BPS] = "its own limit in bits (max_bps): it offers more than it was sold; a higher one lifts it",
	[VIEW_PPS] = PPS_ADVICE,
	[VIEW_TENANT] = TENANT_ADVICE,
	[VIEW_LINK] = LINK_ADVICE,
	[VIEW_CORE] = CORE_ADVICE,
};

static const char *const rx_advice[N_VIEW_BOUNDS] = {
	[VIEW_BPS] = "its limit for what it receives, in bits (rx.max_bps): more is sent to it than it was sold; a higher one lifts it",
	[VIEW_PPS] = "its limit for what it receives, in packets (rx.max_pps): more is sent to it than it was sold; a higher one lifts it",
	[VIEW_TENANT] = TENANT_ADVICE,
	[VIEW_LINK] = "its port is full, or does not take more: its guest reads too slowly, or more is sent to it than the port carries",
	[VIEW_CORE] = CORE_ADVICE,
};

/* What a VF sends that congestion beyond the uplink holds too. */
static const char *const beyond_advice[N_VIEW_BOUNDS] = {
	[VIEW_BPS] = "what it may send for congestion beyond the uplink (above), or its own limit in bits (max_bps)",
	[VIEW_PPS] = PPS_ADVICE,
	[VIEW_TENANT] = TENANT_ADVICE,
	[VIEW_LINK] = LINK_ADVICE,
	[VIEW_CORE] = CORE_ADVICE,
};

static const char *const tenant_advice[N_VIEW_BOUNDS] = {
	[VIEW_BPS] = "the tenant's limit in bits (max_bps): its VMs together offer more than it was sold; a higher one lifts it",
	[VIEW_PPS] = "the tenant's limit in packets (max_pps): its VMs together send more packets than it was sold; a higher one lifts it",
	[VIEW_TENANT] = "the tenant it is in",
	[VIEW_LINK] = "the link is full, and others have their turns: a larger weight or min_bps of the tenant gives it more of the link",
	[VIEW_CORE] = "the core is full, and its VMs wait to be read: a larger weight or min_pps of the tenant gives it more",
};

/* What to do about a drop; others say it all by drop_text(). */
static const char *const drop_advice[N_DROP_REASONS] = {
	[DROP_SPOOF] = "a source MAC that the config does not name: the guest's, or on af_packet this host's own (IPv6 is on there)",
	[DROP_VLAN] = "the guest tags what it may not: see vlan, trunk and native of the VF",
	[DROP_BROADCAST_LIMIT] = "it broadcasts more than broadcast_pps",
	[DROP_SEGMENTATION] = "the guest's TSO frames are wrong (or UFO): its driver, or an MTU above those of weir's ports",
	[DROP_TRUNCATED] = "af_packet cut them: at the far end ethtool -K DEV tso off gso off (or tx off), on weir's end gro off",
	[DROP_MTU] = "frames longer than the egress port's mtu",
	[DROP_RECEIVER_LIMIT] = "it is sent more than its rx limit (rx.max_bps, rx.max_pps)",
	[DROP_RECEIVER_SLOW] = "its guest does not read its ring fast enough",
	[DROP_RECEIVER_GONE] = "its port is down: is the guest running and connected?",
	[DROP_UPLINK_GONE] = "the PF is down",
	[DROP_AQM] = "they had waited too long where nothing is held (when_full = drop, or a shared port, as one with spare places is): it offers more than it was sold",
	[DROP_PUSHED_OUT] = "its queue was full where nothing is held (when_full = drop, or a shared port): more important packets of it came",
	[DROP_QUEUE_FULL] = "its port is shared, so it cannot be held back: queue, or its limits, are too small",
	[DROP_NO_BUFFER] = "no mbufs: raise mbufs in [switch]",
};

static __attribute__((format(printf, 2, 3))) void say(struct explain *e, const char *format, ...)
{
	va_list args;

	if (e->n == EXPLAIN_LINES)
		return;
	va_start(args, format);
	vsnprintf(e->line[e->n++], EXPLAIN_CHARS, format, args);
	va_end(args);
}

/* "150.02 Mb/s", as all of weirctl writes it. */
static const char *bps_text(char buf[RATE_TEXT], uint64_t bps)
{
	snprintf(buf, RATE_TEXT, "%.2f Mb/s", (double)bps / 1e6);
	return buf;
}

static const char *pps_text(char buf[RATE_TEXT], uint64_t pps)
{
	snprintf(buf, RATE_TEXT, "%.2f kp/s", (double)pps / 1e3);
	return buf;
}

static const char *sold_text(char *buf, size_t size, const struct sla *s)
{
	const struct {
		const char *name;
		uint64_t value;
		bool is_bits;
	} terms[] = {{"min_bps", s->min_bps, true}, {"max_bps", s->max_bps, true}, {"min_pps", s->min_pps, false},
		{"max_pps", s->max_pps, false}};
	char text[RATE_TEXT];
	size_t used = 0;

	snprintf(buf, size, "nothing guaranteed, no limit");
	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]) && used < size; i++)
		if (terms[i].value != 0)
			used += (size_t)snprintf(buf + used, size - used, "%s%s %s", used > 0 ? ", " : "", terms[i].name,
				terms[i].is_bits ? bps_text(text, terms[i].value) : pps_text(text, terms[i].value));
	return buf;
}

static uint64_t per_second(uint64_t n, uint64_t span_ns)
{
	return span_ns > 0 ? (uint64_t)((double)n * 1e9 / (double)span_ns) : 0;
}

static unsigned int percent(uint64_t part_ns, uint64_t span_ns)
{
	uint64_t p = span_ns > 0 ? (part_ns * 100 + span_ns / 2) / span_ns : 0;

	return p < 100 ? (unsigned int)p : 100;
}

/* " (for 12.3 s now)": since when, as who is woken at night would say it. */
static const char *so_far_text(char buf[SO_FAR_TEXT], uint64_t ns)
{
	uint64_t s = ns / 1000000000;

	buf[0] = '\0';
	if (ns == 0)
		return buf;
	if (s < 60)
		snprintf(buf, SO_FAR_TEXT, " (for %.1f s now)", (double)ns / 1e9);
	else if (s < 3600)
		snprintf(buf, SO_FAR_TEXT, " (for %" PRIu64 " min %" PRIu64 " s now)", s / 60, s % 60);
	else
		snprintf(buf, SO_FAR_TEXT, " (for %" PRIu64 " h %" PRIu64 " min now)", s / 3600, s / 60 % 60);
	return buf;
}

static bool is_long(uint64_t lost_ns, uint64_t span_ns)
{
	return lost_ns * 100 >= span_ns * LOST_PERCENT;
}

/* What it was given to do it has not looked at for a while. */
static bool is_weir_away(const struct explain_figures *f)
{
	for (uint32_t i = 0; i < f->n_workers; i++) {
		if (is_long(f->worker[i].away_ns, f->span_ns))
			return true;
	}
	return false;
}

static void explain_worker(const struct explain_worker *w, uint64_t span_ns, struct explain *out)
{
	bool is_away = is_long(w->away_ns, span_ns);
	char so_far[SO_FAR_TEXT];

	so_far_text(so_far, is_away ? w->away_ns : 0);
	if (w->away_ns >= span_ns)
		say(out, "weir itself did not run at all in this time on lcore %u%s,", w->lcore, so_far);
	else
		say(out, "weir itself ran for only %u %% of this time on lcore %u: it was away for %.0f ms of it%s%s,",
			100 - percent(w->lost_ns, span_ns), w->lcore, (double)w->lost_ns / 1e6, is_away ? ", and is still" : "", so_far);
}

/* The longest first.  Returns whether there was anything. */
static bool explain_held(const uint64_t before[N_VIEW_BOUNDS], const uint64_t after[N_VIEW_BOUNDS], uint64_t span_ns,
	const uint64_t so_far_ns[N_VIEW_BOUNDS], const char *const advice[N_VIEW_BOUNDS], struct explain *out)
{
	char so_far[SO_FAR_TEXT];
	bool is_said[N_VIEW_BOUNDS] = {false}, is_held = false;

	for (;;) {
		int worst = -1;
		for (int b = 0; b < N_VIEW_BOUNDS; b++)
			if (!is_said[b] && (worst < 0 || after[b] - before[b] > after[worst] - before[worst]))
				worst = b;
		if (worst < 0 || percent(after[worst] - before[worst], span_ns) < 1)
			return is_held;
		is_said[worst] = is_held = true;
		say(out, "  %3u %% of the time held by %s%s: %s", percent(after[worst] - before[worst], span_ns),
			view_bound_name((enum view_bound)worst), so_far_text(so_far, so_far_ns[worst]), advice[worst]);
	}
}

static void explain_drops(const struct dir_view *before, const struct dir_view *after, struct explain *out)
{
	for (int r = 0; r < N_DROP_REASONS; r++) {
		const char *advice = drop_advice[r] != NULL ? drop_advice[r] : drop_text((enum drop_reason)r);
		uint64_t now = after->drops[r] - before->drops[r];
		if (after->drops[r] == 0)
			continue;
		if (now > 0)
			say(out, "  dropped as %s: %" PRIu64 " now, %" PRIu64 " since the start: %s", drop_name((enum drop_reason)r),
				now, after->drops[r], advice);
		else
			say(out, "  dropped as %s: %" PRIu64 " since the start, none now: %s", drop_name((enum drop_reason)r),
				after->drops[r], advice);
	}
}

/* What to do about it is the receiver's, and told at more length there. */
static const char *const receiver_advice[N_RECEIVER_DROPS] = {
	[DROP_RECEIVER_LIMIT - DROP_RECEIVER_FIRST] = "more is sent there than its rx limit (rx.max_bps, rx.max_pps); a higher one lifts it",
	[DROP_RECEIVER_SLOW - DROP_RECEIVER_FIRST] = "the guest there does not read its ring fast enough",
	[DROP_RECEIVER_GONE - DROP_RECEIVER_FIRST] = "the port there is down: is the guest running and connected?",
};

static uint64_t lost_at_receivers(const struct explain_figures *f, int place)
{
	return f->after.tx.receiver_drops[place] - f->before.tx.receiver_drops[place];
}

static bool loses_at_receivers(const struct explain_figures *f)
{
	for (int i = 0; i < N_RECEIVER_DROPS; i++)
		if (lost_at_receivers(f, i) > 0)
			return true;
	return false;
}

/* What it sent to other VFs here, and their queues dropped: no bound of its own, and not its drops. */
static void explain_receivers(const struct explain_figures *f, struct explain *out)
{
	for (int i = 0; i < N_RECEIVER_DROPS; i++) {
		const char *reason = drop_name((enum drop_reason)(DROP_RECEIVER_FIRST + i));
		uint64_t now = lost_at_receivers(f, i), ever = f->after.tx.receiver_drops[i];
		vf_id last = f->after.last_receiver[i];
		bool is_known = last < f->conf->n_vfs && conf_is_there(&f->conf->vfs[last]);
		if (ever == 0)
			continue;
		if (now > 0)
			say(out, "  dropped where it was sent to, as %s: %" PRIu64 " now, the last at %s, %" PRIu64 " since the start: %s", reason,
				now, is_known ? f->conf->vfs[last].name : "a VF that is gone", ever, receiver_advice[i]);
		else
			say(out, "  dropped where it was sent to, as %s: %" PRIu64 " since the start, none now: %s", reason, ever,
				receiver_advice[i]);
	}
}

static void explain_delays(const struct hist_snapshot delay[N_TCLASSES], struct explain *out)
{
	for (int c = 0; c < N_TCLASSES; c++)
		if (delay[c].n > 0)
			say(out, "  %-6s %12" PRIu64 " packets, delay p50 %.0f us, p99 %.0f us, longest %.0f us",
				tclass_name((enum tclass)c), delay[c].n, (double)hist_quantile_ns(&delay[c], 0.5) / 1e3,
				(double)hist_quantile_ns(&delay[c], 0.99) / 1e3, (double)delay[c].max_ns / 1e3);
}

static void explain_grant(const struct explain_figures *f, struct explain *out)
{
	const struct sla *sold = &f->vf->tx_eff;
	char bps[RATE_TEXT], pps[RATE_TEXT];

	if (!f->has_grant || (f->grant.min_bps >= sold->min_bps && f->grant.min_pps >= sold->min_pps))
		return;
	say(out, "  of its guarantee only %s %s are granted now: all guarantees together do not fit what the uplink and the core "
		"carry (weirctl show allocator tells what they carry, and since when)",
		bps_text(bps, f->grant.min_bps), pps_text(pps, f->grant.min_pps));
}

/* Of the last 5 to 10 s: a burst is over before anybody asks. */
static void explain_peak(const struct peak_most *m, struct explain *out)
{
	char bps[RATE_TEXT], pps[RATE_TEXT], ten_bps[RATE_TEXT], ten_pps[RATE_TEXT];

	if (m->ms.pkts == 0)
		return;
	say(out, "  in the busiest ms of the last 5 to 10 s %s %s, in the busiest 10 ms %s %s", bps_text(bps, m->ms.bytes * 8 * 1000),
		pps_text(pps, m->ms.pkts * 1000), bps_text(ten_bps, m->ten_ms.bytes * 8 * 100),
		pps_text(ten_pps, m->ten_ms.pkts * 100));
}

/* Its limit is not what holds it then, though both count as bits. */
static bool is_held_beyond(const struct explain_figures *f)
{
	return f->has_remote && f->remote.grant_bps != 0;
}

static void explain_remote(const struct explain_figures *f, struct explain *out)
{
	char grant[RATE_TEXT], target[RATE_TEXT], bottleneck[RATE_TEXT];

	if (!is_held_beyond(f))
		return;
	say(out, "  held by remote congestion: the switch beyond the uplink marks %.1f %% of what it sends (alpha); it may send %s out "
		"now; its part of the %s there is %s",
		(double)f->remote.alpha * 100 / Q16_ONE, bps_text(grant, f->remote.grant_bps),
		bps_text(bottleneck, f->bottleneck_bps), bps_text(target, f->remote.target_bps));
	say(out, "    %s; fewer marks out there lift it, a larger weight or min_bps moves its part (weirctl show remote)",
		remote_reason_text(f->remote.reason));
}

static void explain_credit(const struct explain_figures *f, struct explain *out)
{
	const struct sla *sold = &f->vf->tx_eff;
	char max[RATE_TEXT], peak[RATE_TEXT];
	double left_s = (double)f->credit.left_ns / 1e9, bank_s = (double)sold->credit_ns / 1e9;
	double left_mb = left_s * (double)sold->max_bps / 1e6;

	if (!f->has_credit)
		return;
	bps_text(max, sold->max_bps);
	bps_text(peak, sold->peak_bps);
	if (f->credit.is_open)
		say(out, "  credit: %.1f of %.0f s of its limit are banked (%.0f Mb): it may have up to %s now", left_s, bank_s, left_mb,
			peak);
	else if (left_s <= 0)
		say(out, "  credit: spent: it has %s until it sends less than that for a while, which is banked for up to %s", max, peak);
	else
		say(out, "  credit: %.3f of %.0f s of its limit are banked (%.0f Mb), too little yet to go above %s", left_s, bank_s,
			left_mb, max);
}

static bool was_held(const struct explain_figures *f, enum view_bound bound)
{
	return percent(f->after.tx.held_ns[bound] - f->before.tx.held_ns[bound], f->span_ns) >= 1;
}

/* "web 400.00 Mb/s (weight 2), db 300.00 Mb/s": who has what it would like to have. */
static const char *others_text(char *buf, size_t size, const struct explain_other others[EXPLAIN_OTHERS], bool is_bits)
{
	char rate[RATE_TEXT];
	size_t used = 0;

	snprintf(buf, size, "nobody else");
	for (int i = 0; i < EXPLAIN_OTHERS && others[i].vf != NULL && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s %s (priority %u, weight %u)", used > 0 ? ", " : "",
			others[i].vf->name, is_bits ? bps_text(rate, others[i].bps) : pps_text(rate, others[i].pps),
			others[i].vf->tx_eff.priority, others[i].vf->tx_eff.weight);
	return buf;
}

/* Who has the link, or the core, meanwhile. */
static void explain_others(const struct explain_figures *f, struct explain *out)
{
	char text[EXPLAIN_CHARS], used[RATE_TEXT], all[RATE_TEXT];

	if (was_held(f, VIEW_LINK) && f->link_bps != 0)
		say(out, "    the uplink carries %s of %s; most beside it: %s", bps_text(used, f->link_used_bps), bps_text(all, f->link_bps),
			others_text(text, sizeof(text), f->by_bps, true));
	if (was_held(f, VIEW_CORE) && f->core_pps != 0)
		say(out, "    %s are read in all; most beside it: %s", pps_text(all, f->core_pps),
			others_text(text, sizeof(text), f->by_pps, false));
}

/* A guarantee is used up when one of its units is. */
static bool leaves_guarantee(const struct explain_figures *f)
{
	const struct sla *sold = &f->vf->tx_eff;
	uint64_t bps = 8 * per_second(f->after.tx.out_bytes - f->before.tx.out_bytes, f->span_ns);
	uint64_t pps = per_second(f->after.tx.out_pkts - f->before.tx.out_pkts, f->span_ns);

	return bps < sold->min_bps && pps < sold->min_pps;
}

static void explain_dir(const struct explain_figures *f, bool is_tx, struct explain *out)
{
	const struct dir_view *before = is_tx ? &f->before.tx : &f->before.rx, *after = is_tx ? &f->after.tx : &f->after.rx;
	const struct sla *sold = is_tx ? &f->vf->tx_eff : &f->vf->rx_eff;
	char bps[RATE_TEXT], pps[RATE_TEXT], terms[4 * RATE_TEXT + 40];
	uint64_t marked = after->marked_pkts - before->marked_pkts, out_pkts = after->out_pkts - before->out_pkts;

	say(out, "%s: %s %s; sold: %s; priority %u, weight %u", is_tx ? "tx" : "rx",
		bps_text(bps, 8 * per_second(after->out_bytes - before->out_bytes, f->span_ns)),
		pps_text(pps, per_second(out_pkts, f->span_ns)), sold_text(terms, sizeof(terms), sold), sold->priority, sold->weight);
	explain_peak(&after->peak.recent, out);
	if (is_tx) {
		explain_grant(f, out);
		explain_credit(f, out);
		explain_remote(f, out);
	}
	bool is_held = explain_held(before->held_ns, after->held_ns, f->span_ns, is_tx ? f->tx_held_for_ns : f->rx_held_for_ns,
		!is_tx ? rx_advice : is_held_beyond(f) ? beyond_advice : tx_advice, out);
	if (is_tx)
		explain_others(f, out);
	if (f->is_port_up && !is_weir_away(f) && !is_held && dir_view_drops(after) == dir_view_drops(before) && after->backlog_pkts == 0 &&
		!(is_tx && loses_at_receivers(f)))
		say(out, "  nothing holds it: %s%s", is_tx ? "its guest sends no more than this" : "no more than this is sent to it",
			is_tx && leaves_guarantee(f) ? "; what it leaves of its guarantee is lent to others, and back with its next packet" : "");
	if (after->backlog_pkts > 0)
		say(out, "  %" PRIu64 " packets wait inside weir now", after->backlog_pkts);
	if (marked > 0)
		say(out, "  %" PRIu64 " of %" PRIu64 " packets were marked CE: they waited longer than mark_above, and its TCP is "
			"told so", marked, out_pkts);
	if (after->missed_ns > before->missed_ns)
		say(out, "  its guarantee was missed for %.1f ms: more is promised than the link or the core carries (weirctl show "
			"allocator), or another program has the data core",
			(double)(after->missed_ns - before->missed_ns) / 1e6);
	if (is_tx)
		explain_receivers(f, out);
	explain_drops(before, after, out);
	explain_delays(is_tx ? f->delay.tx : f->delay.rx, out);
}

/* Time that weir itself lost is nobody's bound, though packets waited meanwhile. */
static void explain_switch(const struct explain_figures *f, struct explain *out)
{
	uint32_t before = out->n;

	for (uint32_t i = 0; i < f->n_workers; i++) {
		if (is_long(f->worker[i].lost_ns, f->span_ns))
			explain_worker(&f->worker[i], f->span_ns, out);
	}
	/* Real-time priority alone is no advice: a task of it that never sleeps is taken off its CPU for 50 ms of each second. */
	if (out->n > before)
		say(out, "  which %s.  Another program, or the host, has its CPU: keep others off it by isolcpus, or put weir ahead: "
			"nice -n -20 and, where /proc/PID/autogroup is, -20 into weir's (chrt -f only with sysctl "
			"kernel.sched_rt_runtime_us=-1)",
			is_weir_away(f) ? "the times held below have only when it is back" : "is in the times held below");
	if (!f->is_port_up)
		say(out, "its port %s is down: is the guest running, and connected to its socket?",
			f->conf->ports[f->vf->port].device);
	if (!f->is_uplink_up)
		say(out, "the uplink %s is down: nothing goes out or comes in", f->conf->ports[f->conf->pf].device);
}

static void explain_tenants(const struct explain_figures *f, struct explain *out)
{
	for (uint32_t i = 0; i < f->n_tenants; i++) {
		const struct explain_tenant *t = &f->tenant[i];
		char bps[RATE_TEXT], pps[RATE_TEXT], terms[4 * RATE_TEXT + 40];

		say(out, "tenant %s, tx of %u VFs: %s %s; sold: %s; priority %u, weight %u", t->tenant->name, t->tenant->n_all_vfs,
			bps_text(bps, t->tx_bps), pps_text(pps, t->tx_pps), sold_text(terms, sizeof(terms), &t->tenant->tx_eff),
			t->tenant->tx_eff.priority, t->tenant->tx_eff.weight);
		explain_held(t->before.held_ns, t->after.held_ns, f->span_ns, t->held_for_ns, tenant_advice, out);
		if (t->after.missed_ns > t->before.missed_ns)
			say(out, "  the tenant's guarantee was missed for %.1f ms", (double)(t->after.missed_ns - t->before.missed_ns) / 1e6);
	}
}

void explain_vf(const struct explain_figures *f, struct explain *out)
{
	out->n = 0;
	say(out, "%s on %s, over the last %.2f s", f->vf->name, f->conf->ports[f->vf->port].device, (double)f->span_ns / 1e9);
	explain_switch(f, out);
	explain_dir(f, true, out);
	explain_dir(f, false, out);
	explain_tenants(f, out);
}
