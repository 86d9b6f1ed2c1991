/* SPDX-License-Identifier: BSD-3-Clause */
/* What came of it, for programs.  Names are letters, digits, _ (VFs) or printable without quotes (devices): the reader
 * saw to it; nothing needs escaping. */
#include <errno.h>
#include <string.h>

#include "sim.h"

static void put_sla(FILE *out, const char *key, const struct sla *s)
{
	fprintf(out, "\"%s\": {\"min_bps\": %llu, \"max_bps\": %llu, \"min_pps\": %llu, \"max_pps\": %llu, \"urgent_bps\": %llu, "
		"\"urgent_pps\": %llu, \"peak_bps\": %llu, \"credit_ns\": %llu, \"weight\": %u, \"priority\": %u}", key, (unsigned long long)s->min_bps,
		(unsigned long long)s->max_bps, (unsigned long long)s->min_pps, (unsigned long long)s->max_pps,
		(unsigned long long)s->urgent_bps, (unsigned long long)s->urgent_pps, (unsigned long long)s->peak_bps,
		(unsigned long long)s->credit_ns, s->weight, s->priority);
}

static void put_delay(FILE *out, const struct hist_snapshot *d)
{
	fprintf(out, "\"delay_us\": {\"p50\": %.3f, \"p99\": %.3f, \"p999\": %.3f, \"max\": %.3f}",
		(double)hist_quantile_ns(d, 0.5) / 1e3, (double)hist_quantile_ns(d, 0.99) / 1e3,
		(double)hist_quantile_ns(d, 0.999) / 1e3, (double)d->max_ns / 1e3);
}

static void put_drops(FILE *out, const uint64_t drops[N_DROP_REASONS])
{
	const char *comma = "";

	fprintf(out, "\"drops\": {");
	for (int r = 0; r < N_DROP_REASONS; r++) {
		if (drops[r] == 0)
			continue;
		fprintf(out, "%s\"%s\": %llu", comma, drop_name((enum drop_reason)r), (unsigned long long)drops[r]);
		comma = ", ";
	}
	fprintf(out, "}");
}

/* Of the switch beyond the uplink (tx), or before it (rx); and who set what marks. */
static void put_marks(FILE *out, const struct world_losses *l)
{
	fprintf(out, "\"switch_dropped\": %llu, \"marked_by\": {\"weir\": %llu, \"switch\": %llu}",
		(unsigned long long)l->switch_dropped_pkts, (unsigned long long)l->marked_pkts,
		(unsigned long long)l->switch_marked_pkts);
}

static void put_classes(FILE *out, const struct sim *sim, vf_id vf, enum world_dir dir, const struct world_figures *f)
{
	double seconds = (double)world_span_ns(sim->w) / 1e9;
	const char *comma = "";

	fprintf(out, "\"classes\": [");
	for (int c = 0; c < N_TCLASSES; c++) {
		const struct world_losses *lost = world_losses(sim->w, vf, dir, (enum tclass)c);
		struct hist_snapshot d;
		if (f->class_pkts[c] == 0 && loss_dropped(lost) == 0)
			continue;
		verdict_delay(f, c, &d);
		fprintf(out, "%s{\"class\": \"%s\", \"bps\": %.1f, \"pps\": %.3f, ", comma, tclass_name((enum tclass)c),
			(double)f->class_bytes[c] * 8 / seconds, (double)f->class_pkts[c] / seconds);
		put_delay(out, &d);
		fprintf(out, ", \"marked\": %llu, ", (unsigned long long)f->class_marked_pkts[c]);
		put_drops(out, lost->drops);
		fprintf(out, ", ");
		put_marks(out, lost);
		fprintf(out, "}");
		comma = ", ";
	}
	fprintf(out, "]");
}

static void put_bounds(FILE *out, uint64_t missed_ns, const uint64_t held_ns[N_VIEW_BOUNDS])
{
	fprintf(out, "\"missed_ns\": %llu, \"held_ns\": {", (unsigned long long)missed_ns);
	for (int b = 0; b < N_VIEW_BOUNDS; b++)
		fprintf(out, "%s\"%s\": %llu", b > 0 ? ", " : "", view_bound_name((enum view_bound)b),
			(unsigned long long)held_ns[b]);
	fprintf(out, "}");
}

static void put_verdict(FILE *out, bool is_starved, bool is_guarantee_kept, bool is_limit_kept)
{
	fprintf(out, ", \"kept\": %s, \"guarantee_kept\": %s, \"limit_kept\": %s, \"starved\": %s, ",
		is_guarantee_kept && is_limit_kept && !is_starved ? "true" : "false", is_guarantee_kept ? "true" : "false",
		is_limit_kept ? "true" : "false", is_starved ? "true" : "false");
}

static void put_vf(FILE *out, const struct sim *sim, vf_id vf, enum world_dir dir)
{
	const struct conf_vf *cv = &sim->s->conf->vfs[vf];
	const struct world_figures *f = world_figures(sim->w, vf, dir);
	double seconds = (double)world_span_ns(sim->w) / 1e9;
	struct world_losses lost = {0};
	struct hist_snapshot delay;
	struct verdict v;

	verdict_of(sim, vf, dir, &v);
	const struct dir_view *d = dir == WORLD_TX ? &v.view.tx : &v.view.rx;
	for (int c = 0; c < N_TCLASSES; c++)
		loss_add(&lost, world_losses(sim->w, vf, dir, (enum tclass)c));
	verdict_delay(f, -1, &delay);
	fprintf(out, "  {\"name\": \"%s\", \"direction\": \"%s\", ", cv->name, dir == WORLD_TX ? "tx" : "rx");
	put_sla(out, "asked", dir == WORLD_TX ? &cv->tx : &cv->rx);
	fprintf(out, ", ");
	put_sla(out, "effective", dir == WORLD_TX ? &cv->tx_eff : &cv->rx_eff);
	fprintf(out, ", \"got\": {\"bps\": %.1f, \"pps\": %.3f}, \"offered\": {\"bps\": %.1f, \"pps\": %.3f}, ", v.got_bps,
		v.got_pps, v.offered_bps, v.offered_pps);
	put_delay(out, &delay);
	put_verdict(out, v.is_starved, v.is_guarantee_kept, v.is_limit_kept);
	fprintf(out, "\"refused\": %llu, \"marked\": %llu, ", (unsigned long long)f->refused_pkts,
		(unsigned long long)f->marked_pkts);
	if (sim->s->bottleneck.rate_bps != 0 && dir == WORLD_TX)
		fprintf(out, "\"carried_bps\": %.1f, ", (double)world_bottleneck_vf_bytes(sim->w, vf) * 8 / seconds);
	put_drops(out, d->drops);
	fprintf(out, ", ");
	put_marks(out, &lost);
	fprintf(out, ", ");
	put_bounds(out, d->missed_ns, d->held_ns);
	fprintf(out, ", ");
	put_classes(out, sim, vf, dir, f);
	fprintf(out, "}");
}

static void put_ports(FILE *out, const struct sim *sim)
{
	const struct conf *conf = sim->s->conf;

	fprintf(out, "\"ports\": [\n");
	for (uint16_t port = 0; port < conf->n_ports; port++) {
		uint64_t link_bps = port == conf->pf ? sim->s->uplink_bps : conf->ports[port].rate_bps;
		double bps = (double)world_port_bytes(sim->w, port) * 8e9 / (double)world_span_ns(sim->w);
		fprintf(out, "  {\"name\": \"%s\", \"link_bps\": %llu, \"bps\": %.1f, \"utilization_pct\": ",
			conf->ports[port].device, (unsigned long long)link_bps, bps);
		if (link_bps > 0)
			fprintf(out, "%.4f}", bps * 100 / (double)link_bps);
		else
			fprintf(out, "null}");	/* it has no rate of its own */
		fprintf(out, "%s\n", port + 1 < conf->n_ports ? "," : "");
	}
	fprintf(out, "]");
}

static void put_bottleneck(FILE *out, const struct sim *sim, const char *key, const struct bottleneck *terms,
	const struct world_bottleneck *b)
{
	if (terms->rate_bps == 0)
		return;
	fprintf(out, "\"%s\": {\"rate_bps\": %llu, \"carried_bps\": %.1f, \"dropped\": %llu, \"marked\": %llu, "
		"\"longest_queue_bytes\": %llu},\n", key, (unsigned long long)terms->rate_bps,
		(double)b->carried_bytes * 8e9 / (double)world_span_ns(sim->w), (unsigned long long)b->dropped_pkts,
		(unsigned long long)b->marked_pkts, (unsigned long long)b->longest_queue_bytes);
}

static void put_traffics(FILE *out, const struct sim *sim)
{
	fprintf(out, "\"traffics\": [");
	for (uint32_t i = 0; i < sim->s->n_traffics; i++) {
		fprintf(out, "%s\n  {\"traffic\": \"%s\", ", i > 0 ? "," : "", sim->s->traffics[i].name);
		put_drops(out, world_traffic_drops(sim->w, i));
		fprintf(out, "}");
	}
	fprintf(out, "],\n");
}

static void put_messages(FILE *out, const struct sim *sim)
{
	const char *comma = "";

	fprintf(out, "\"messages\": [");
	for (uint32_t i = 0; i < sim->s->n_traffics; i++) {
		const struct world_messages *m = world_messages(sim->w, i);
		struct hist_snapshot took;
		if (m->took == NULL)
			continue;
		uint64_t late = world_open_misses(sim->w, i);
		hist_read(m->took, &took);
		fprintf(out, "%s\n  {\"traffic\": \"%s\", \"within_us\": %.3f, \"n\": %llu, \"missed\": %llu, "
			"\"mean_us\": %.3f, ", comma,
			sim->s->traffics[i].name, (double)sim->s->traffics[i].sender.target_ns / 1e3,
			(unsigned long long)(m->n + late), (unsigned long long)(m->n_missed + late),
			m->n > 0 ? (double)m->took_sum_ns / 1e3 / (double)m->n : 0);
		put_delay(out, &took);
		fprintf(out, "}");
		comma = ",";
	}
	fprintf(out, "],\n");
}

static void put_tenants(FILE *out, const struct sim *sim)
{
	const struct conf *conf = sim->s->conf;

	fprintf(out, "\"tenants\": [");
	for (uint32_t i = 0; i < conf->n_tenants; i++) {
		const struct conf_tenant *t = &conf->tenants[i];
		struct tenant_verdict v;
		verdict_of_tenant(sim, i, &v);
		fprintf(out, "%s\n  {\"name\": \"%s\", \"n_vfs\": %u, ", i > 0 ? "," : "", t->name, t->n_all_vfs);
		put_sla(out, "asked", &t->tx);
		fprintf(out, ", ");
		put_sla(out, "effective", &t->tx_eff);
		fprintf(out, ", \"got\": {\"bps\": %.1f, \"pps\": %.3f}, \"offered\": {\"bps\": %.1f, \"pps\": %.3f}", v.got_bps,
			v.got_pps, v.offered_bps, v.offered_pps);
		put_verdict(out, v.is_starved, v.is_guarantee_kept, v.is_limit_kept);
		put_bounds(out, v.view.missed_ns, v.view.held_ns);
		fprintf(out, "}");
	}
	fprintf(out, "],\n");
}

static void put_all(FILE *out, const struct sim *sim)
{
	uint32_t n = 2 * sim->s->conf->n_vfs;

	fprintf(out, "{\"vfs\": [\n");
	for (uint32_t i = 0; i < n; i++) {
		put_vf(out, sim, i / 2, (enum world_dir)(i % 2));
		fprintf(out, "%s\n", i + 1 < n ? "," : "");
	}
	fprintf(out, "],\n");
	put_tenants(out, sim);
	put_ports(out, sim);
	fprintf(out, ",\n");
	put_bottleneck(out, sim, "bottleneck", &sim->s->bottleneck, world_bottleneck(sim->w));
	put_bottleneck(out, sim, "bottleneck_in", &sim->s->inbound, world_inbound(sim->w));
	put_traffics(out, sim);
	put_messages(out, sim);
	fprintf(out, "\"seed\": %llu, \"virtual_s\": %.9f, \"measured_s\": %.9f, \"events\": %llu, \"wall_s\": %.3f, "
		"\"cpu_s\": %.3f, \"events_per_s\": %.0f, \"events_per_s_after_warmup\": %.0f}\n", (unsigned long long)sim->s->seed, (double)world_now_ns(sim->w) / 1e9,
		(double)world_span_ns(sim->w) / 1e9, (unsigned long long)world_events(sim->w), sim->wall_s, sim->cpu_s,
		(double)world_events(sim->w) / sim->cpu_s,
		(double)(world_events(sim->w) - sim->warm_events) / (sim->cpu_s - sim->warm_cpu_s));
}

bool json_write(const struct sim *sim, const char *path)
{
	FILE *out = fopen(path, "w");
	bool is_ok;

	if (out == NULL) {
		fprintf(stderr, "weir-sim: --json %s: %s\n", path, strerror(errno));
		return false;
	}
	put_all(out, sim);
	is_ok = !ferror(out);
	is_ok &= fclose(out) == 0;
	if (!is_ok)
		fprintf(stderr, "weir-sim: --json %s: it could not be written whole\n", path);
	return is_ok;
}
