/* SPDX-License-Identifier: BSD-3-Clause */
/* What came of it, as tables for people. */
#include "clk.h"
#include "sim.h"
#include "table.h"
#include "units.h"

#define MOST_ROWS 40	/* of a table; those beyond are counted, and in the JSON */

static const char *const dir_names[] = {"tx", "rx"};

static const char *rate(char buf[UNITS_TEXT], double value)
{
	return value == 0 ? "-" : units_approx_text(buf, value);
}

static const char *sold(char buf[UNITS_TEXT], uint64_t value)
{
	return value == 0 ? "-" : units_count_text(buf, value);
}

static const char *verdict_text(bool is_starved, bool is_guarantee_kept, bool is_limit_kept)
{
	if (is_starved)
		return "STARVED";
	if (!is_guarantee_kept)
		return "GUARANTEE MISSED";
	return is_limit_kept ? "kept" : "OVER ITS LIMIT";
}

static void add_row(struct table *t, const struct sim *sim, vf_id vf, int dir, const struct verdict *v)
{
	const struct conf_vf *cv = &sim->s->conf->vfs[vf];
	const struct sla *sla = dir == WORLD_TX ? &cv->tx_eff : &cv->rx_eff;
	char min[UNITS_TEXT], max[UNITS_TEXT], min_pps[UNITS_TEXT], max_pps[UNITS_TEXT], offered[UNITS_TEXT], bps[UNITS_TEXT],
		pps[UNITS_TEXT];

	table_row(t, "%s|%s|%s|%s|%s|%s|%s|%s|%s|%.1f|%.1f|%.1f|%s", cv->name, dir_names[dir], sold(min, sla->min_bps),
		sold(max, sla->max_bps), sold(min_pps, sla->min_pps), sold(max_pps, sla->max_pps), rate(offered, v->offered_bps), rate(bps, v->got_bps),
		rate(pps, v->got_pps), (double)v->p50_ns / 1e3, (double)v->p99_ns / 1e3, (double)v->max_ns / 1e3,
		verdict_text(v->is_starved, v->is_guarantee_kept, v->is_limit_kept));
}

static void print_tenants(const struct sim *sim, FILE *out)
{
	const struct conf *conf = sim->s->conf;
	struct table *t = conf->n_tenants > 0 ? table_create("tenant|>VFs|>min b/s|>max b/s|>min p/s|>max p/s|>offered b/s|>got b/s|>got p/s|")
					      : NULL;
	char min[UNITS_TEXT], max[UNITS_TEXT], min_pps[UNITS_TEXT], max_pps[UNITS_TEXT], offered[UNITS_TEXT], bps[UNITS_TEXT],
		pps[UNITS_TEXT];
	uint32_t n_more_broken = 0;

	if (t == NULL)
		return;
	for (uint32_t i = 0; i < conf->n_tenants; i++) {
		const struct conf_tenant *c = &conf->tenants[i];
		struct tenant_verdict v;
		verdict_of_tenant(sim, i, &v);
		if (i >= MOST_ROWS) {
			n_more_broken += !tenant_verdict_kept(&v);
			continue;
		}
		table_row(t, "%s|%u|%s|%s|%s|%s|%s|%s|%s|%s", c->name, c->n_all_vfs, sold(min, c->tx_eff.min_bps),
			sold(max, c->tx_eff.max_bps), sold(min_pps, c->tx_eff.min_pps), sold(max_pps, c->tx_eff.max_pps),
			rate(offered, v.offered_bps), rate(bps, v.got_bps), rate(pps, v.got_pps),
			verdict_text(v.is_starved, v.is_guarantee_kept, v.is_limit_kept));
	}
	fprintf(out, "\n");
	table_print(t, out, "  ");
	if (conf->n_tenants > MOST_ROWS)
		fprintf(out, "  and %u tenants more, of which %u were not kept (--json has all)\n", conf->n_tenants - MOST_ROWS, n_more_broken);
	table_destroy(t);
}

static void print_messages(const struct sim *sim, FILE *out)
{
	struct table *t = table_create("messages of|>ended|>p50 us|>p99 us|>max us|>within us|>missed");
	uint32_t n = 0;

	if (t == NULL)
		return;
	for (uint32_t i = 0; i < sim->s->n_traffics; i++) {
		const struct world_messages *m = world_messages(sim->w, i);
		struct hist_snapshot took;
		if (m->took == NULL)
			continue;
		n++;
		hist_read(m->took, &took);
		table_row(t, "%s|%llu|%.1f|%.1f|%.1f|%.1f|%llu", sim->s->traffics[i].name, (unsigned long long)m->n,
			(double)hist_quantile_ns(&took, 0.5) / 1e3, (double)hist_quantile_ns(&took, 0.99) / 1e3,
			(double)took.max_ns / 1e3, (double)sim->s->traffics[i].sender.target_ns / 1e3,
			(unsigned long long)(m->n_missed + world_open_misses(sim->w, i)));
	}
	if (n > 0) {
		fputc('\n', out);
		table_print(t, out, "  ");
	}
	table_destroy(t);
}

static void print_vfs(const struct sim *sim, FILE *out)
{
	struct table *t = table_create("vf|dir|>min b/s|>max b/s|>min p/s|>max p/s|>offered b/s|>got b/s|>got p/s|>p50 us|>p99 us|"
				       ">max us|");
	uint32_t n_rows = 0, n_more = 0, n_more_broken = 0;

	if (t == NULL)
		return;
	for (vf_id vf = 0; vf < sim->s->conf->n_vfs; vf++) {
		for (int dir = 0; dir < N_WORLD_DIRS; dir++) {
			struct verdict v;
			verdict_of(sim, vf, (enum world_dir)dir, &v);
			if (v.offered_pps == 0 && v.got_pps == 0)
				continue;
			if (n_rows < MOST_ROWS) {
				add_row(t, sim, vf, dir, &v);
				n_rows++;
				continue;
			}
			n_more++;
			n_more_broken += !verdict_kept(&v);
		}
	}
	table_print(t, out, "  ");
	table_destroy(t);
	if (n_more > 0)
		fprintf(out, "  and %u more, of which %u were not kept (--json has all)\n", n_more, n_more_broken);
}

/* A table of losses: rows beyond MOST_ROWS are only counted. */
struct losses {
	struct table *t;
	uint32_t n_rows, n_more;
};

static void add_loss(struct losses *l, const char *vf, int dir, const char *tclass, const char *what, uint64_t n, const char *why)
{
	if (n == 0)
		return;
	if (l->n_rows == MOST_ROWS) {
		l->n_more++;
		return;
	}
	table_row(l->t, "%s|%s|%s|%s|%llu|%s", vf, dir_names[dir], tclass, what, (unsigned long long)n, why);
	l->n_rows++;
}

static void add_class_losses(struct losses *l, const struct sim *sim, vf_id vf, int dir, enum tclass c)
{
	const struct world_losses *lost = world_losses(sim->w, vf, (enum world_dir)dir, c);
	const char *name = sim->s->conf->vfs[vf].name, *tclass = tclass_name(c);
	bool is_tx = dir == WORLD_TX;

	for (int r = 0; r < N_DROP_REASONS; r++) {
		char why[WHY_MAX_CHARS];
		snprintf(why, sizeof(why), "%s: %s", drop_name((enum drop_reason)r), drop_text((enum drop_reason)r));
		add_loss(l, name, dir, tclass, "dropped", lost->drops[r], why);
	}
	add_loss(l, name, dir, tclass, "dropped", lost->switch_dropped_pkts,
		is_tx ? "by the switch beyond the uplink: its buffer is full" : "by the switch before the uplink: its buffer is full");
	add_loss(l, name, dir, tclass, "marked CE", lost->marked_pkts, "in weir: it waited for longer than mark_above");
	add_loss(l, name, dir, tclass, "marked CE", lost->switch_marked_pkts,
		is_tx ? "by the switch beyond the uplink" : "by the switch before the uplink");
}

/* Where packets were lost, or told of congestion; and what a sender's own ring refused before weir saw it. */
static void print_losses(const struct sim *sim, FILE *out)
{
	struct losses l = {.t = table_create("vf|dir|class|what|>packets|why")};

	if (l.t == NULL)
		return;
	for (vf_id vf = 0; vf < sim->s->conf->n_vfs; vf++) {
		for (int dir = 0; dir < N_WORLD_DIRS; dir++)
			for (int c = 0; c < N_TCLASSES; c++)
				add_class_losses(&l, sim, vf, dir, (enum tclass)c);
		add_loss(&l, sim->s->conf->vfs[vf].name, WORLD_TX, "", "refused",
			world_figures(sim->w, vf, WORLD_TX)->refused_pkts, "by its own full ring, before weir");
	}
	if (l.n_rows > 0) {
		fprintf(out, "\n");
		table_print(l.t, out, "  ");
	}
	if (l.n_more > 0)
		fprintf(out, "  and %u lines more (--json has all)\n", l.n_more);
	table_destroy(l.t);
	for (vf_id vf = 0; vf < sim->s->conf->n_vfs; vf++) {
		const char *name = world_shut_out(sim->w, vf);
		if (name != NULL)
			fprintf(out, "  [traffic %s] of %s is shut out: its ring, full of the others, took none of its packets (when_full = %s)\n",
				name, sim->s->conf->vfs[vf].name, sim->s->conf->vfs[vf].when_full == WHEN_FULL_HOLD ? "hold" : "drop");
	}
}

static void print_classes(const struct sim *sim, FILE *out)
{
	struct table *t = table_create("vf|dir|class|>got b/s|>got p/s|>p50 us|>p99 us|>max us");
	double seconds = (double)world_span_ns(sim->w) / 1e9;
	char bps[UNITS_TEXT], pps[UNITS_TEXT];
	uint32_t n_rows = 0;

	if (t == NULL)
		return;
	for (uint32_t i = 0; i < 2 * sim->s->conf->n_vfs && n_rows < MOST_ROWS; i++) {
		const struct world_figures *f = world_figures(sim->w, i / 2, (enum world_dir)(i % 2));
		for (int c = 0; c < N_TCLASSES; c++) {
			struct hist_snapshot d;
			if (f->class_pkts[c] == 0 || f->class_pkts[c] == f->got_pkts)
				continue;	/* of one class alone the first table tells */
			verdict_delay(f, c, &d);
			table_row(t, "%s|%s|%s|%s|%s|%.1f|%.1f|%.1f", sim->s->conf->vfs[i / 2].name, dir_names[i % 2],
				tclass_name((enum tclass)c), rate(bps, (double)f->class_bytes[c] * 8 / seconds),
				rate(pps, (double)f->class_pkts[c] / seconds), (double)hist_quantile_ns(&d, 0.5) / 1e3,
				(double)hist_quantile_ns(&d, 0.99) / 1e3, (double)d.max_ns / 1e3);
			n_rows++;
		}
	}
	if (n_rows > 0) {
		fprintf(out, "\n");
		table_print(t, out, "  ");
	}
	table_destroy(t);
}

static void print_switch(const struct sim *sim, FILE *out, const char *where, const struct bottleneck *terms,
	const struct world_bottleneck *b)
{
	double seconds = (double)world_span_ns(sim->w) / 1e9, bps = (double)b->carried_bytes * 8 / seconds;
	char text[UNITS_TEXT];

	if (terms->rate_bps == 0)
		return;
	fprintf(out, "\n  %s the uplink: %sb/s carried (%.1f %%), %llu packets dropped, %llu marked, %llu bytes queued at "
		"most\n", where, units_approx_text(text, bps), bps * 100 / (double)terms->rate_bps,
		(unsigned long long)b->dropped_pkts, (unsigned long long)b->marked_pkts,
		(unsigned long long)b->longest_queue_bytes);
}

/* What is sold is kept up to the uplink; a switch beyond it keeps nothing for anybody. */
static void print_carried(const struct sim *sim, FILE *out)
{
	struct table *t = sim->s->bottleneck.rate_bps == 0 ? NULL : table_create("from|>left b/s|>carried b/s|");
	double seconds = (double)world_span_ns(sim->w) / 1e9;
	uint32_t n_rows = 0, n_more = 0;

	if (t == NULL)
		return;
	for (vf_id vf = 0; vf < sim->s->conf->n_vfs; vf++) {
		double left_bps = (double)world_figures(sim->w, vf, WORLD_TX)->got_bytes * 8 / seconds;
		double carried_bps = (double)world_bottleneck_vf_bytes(sim->w, vf) * 8 / seconds;
		double sold_bps = (double)sim->s->conf->vfs[vf].tx_eff.min_bps;
		char left[UNITS_TEXT], carried[UNITS_TEXT];
		if (left_bps == 0 || n_rows++ >= MOST_ROWS) {
			n_more += left_bps != 0;
			continue;
		}
		table_row(t, "%s|%s|%s|%s", sim->s->conf->vfs[vf].name, rate(left, left_bps), rate(carried, carried_bps),
			carried_bps < 0.995 * sold_bps && left_bps > carried_bps ? "less than its guarantee, which binds up to the uplink" : "");
	}
	table_print(t, out, "  ");
	table_destroy(t);
	if (n_more > 0)
		fprintf(out, "  and %u more (--json has all)\n", n_more);
}

void report_print(const struct sim *sim, FILE *out)
{
	const struct conf *conf = sim->s->conf;
	double uplink = (double)world_port_bytes(sim->w, conf->pf) * 8e9 / (double)world_span_ns(sim->w);
	char text[UNITS_TEXT];

	fprintf(out, "%s: %.6g s on virtual time, figures of the last %.6g s\n", sim->args->scenario,
		(double)world_now_ns(sim->w) / 1e9, (double)world_span_ns(sim->w) / 1e9);
	if (sim->s->has_default_traffic)
		fprintf(out, "no [traffic]: every VF sends all it can to the uplink, 1500 bytes a packet\n");
	print_vfs(sim, out);
	if (sim->s->n_changes > 0)
		fprintf(out, "  min and max are those of before the %u [change] section%s; what is kept is judged by those that held\n",
			sim->s->n_changes, sim->s->n_changes == 1 ? "" : "s");
	print_tenants(sim, out);
	print_classes(sim, out);
	print_losses(sim, out);
	print_switch(sim, out, "beyond", &sim->s->bottleneck, world_bottleneck(sim->w));
	print_carried(sim, out);
	print_switch(sim, out, "before", &sim->s->inbound, world_inbound(sim->w));
	print_messages(sim, out);
	fprintf(out, "\n  uplink: %sb/s", units_approx_text(text, uplink));
	fprintf(out, " (%.2f %% of it)", uplink * 100 / (double)sim->s->uplink_bps);
	fprintf(out, "; %.1f M events, %.2f M a second of the CPU (%.2f s)\n", (double)world_events(sim->w) / 1e6,
		(double)world_events(sim->w) / 1e6 / sim->cpu_s, sim->cpu_s);
}
