/* SPDX-License-Identifier: BSD-3-Clause */
/* From the start to the end: the warm-up, samples for the CSV, and on a terminal how far it is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clk.h"
#include "remote.h"
#include "sim.h"

#define STEP_NS	   (200 * NS_PER_US)	/* of virtual time between looks at the wall clock */
#define BAR	   30
#define PROGRESS_S 0.2

/* What the last sample saw, by VF and direction. */
struct seen {
	uint64_t offered_bytes, refused_pkts, got_bytes, got_pkts, marked_pkts, drops, class_bytes[N_TCLASSES];
	struct world_losses lost[N_TCLASSES];
};

struct sampling {
	struct sim *sim;
	struct seen *seen;
	uint64_t at_ns;			/* of the last one */
};

struct progress {
	bool is_on;
	double began_s, shown_s;
};

static double clock_s(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void show_progress(struct progress *p, const struct sim *sim)
{
	double now_s = clock_s(CLOCK_MONOTONIC), part = (double)world_now_ns(sim->w) / (double)sim->s->duration_ns;
	int full = (int)(part * BAR);

	if (!p->is_on || now_s - p->shown_s < PROGRESS_S)
		return;
	p->shown_s = now_s;
	fprintf(stderr, "\r[%.*s%*s] %.3f of %.3f s, %.1f M events/s ", full, "##############################", BAR - full,
		"", (double)world_now_ns(sim->w) / 1e9, (double)sim->s->duration_ns / 1e9,
		(double)world_events(sim->w) / (now_s - p->began_s) / 1e6);
	fflush(stderr);
}

/* As weir's loop against congestion beyond the uplink has it; 0: it has none. */
static double quality_of_vf(const struct world *w, vf_id vf, enum world_dir dir)
{
	const struct remote *remote = world_remote(w);
	struct remote_view view;

	if (remote == NULL || dir != WORLD_TX)
		return 0;
	remote_look(remote, vf, &view);
	return (double)view.quality / 65536;
}

/* "aqm=12 switch=3": why packets were lost since the last sample. */
static void put_reasons(FILE *csv, const struct world_losses *lost)
{
	const char *space = "";

	for (int r = 0; r < N_DROP_REASONS; r++) {
		if (lost->drops[r] == 0)
			continue;
		fprintf(csv, "%s%s=%llu", space, drop_name((enum drop_reason)r), (unsigned long long)lost->drops[r]);
		space = " ";
	}
	if (lost->switch_dropped_pkts > 0)
		fprintf(csv, "%sswitch=%llu", space, (unsigned long long)lost->switch_dropped_pkts);
}

/* By class: dropped, then marked, in weir and by the switch; then the reasons of all of them. */
static void sample_losses(struct sampling *s, vf_id vf, enum world_dir dir, struct world_losses seen[N_TCLASSES], double seconds)
{
	struct world_losses lost[N_TCLASSES], sum = {0};

	for (int c = 0; c < N_TCLASSES; c++) {
		const struct world_losses *now = world_losses(s->sim->w, vf, dir, (enum tclass)c);
		lost[c] = *now;
		loss_since(&lost[c], &seen[c]);
		loss_add(&sum, &lost[c]);
		seen[c] = *now;
		fprintf(s->sim->csv, ",%.1f", (double)loss_dropped(&lost[c]) / seconds);
	}
	for (int c = 0; c < N_TCLASSES; c++)
		fprintf(s->sim->csv, ",%.1f", (double)loss_marked(&lost[c]) / seconds);
	fputc(',', s->sim->csv);
	put_reasons(s->sim->csv, &sum);
	fputc('\n', s->sim->csv);
}

static void sample_one(struct sampling *s, vf_id vf, enum world_dir dir, const struct dir_view *d, double seconds)
{
	const struct world_figures *f = world_figures(s->sim->w, vf, dir);
	struct seen *from = &s->seen[2 * (size_t)vf + dir];
	struct seen now = {.offered_bytes = f->offered_bytes, .refused_pkts = f->refused_pkts, .got_bytes = f->got_bytes,
		.got_pkts = f->got_pkts, .marked_pkts = f->marked_pkts, .drops = dir_view_drops(d)};
	double quality = quality_of_vf(s->sim->w, vf, dir);

	fprintf(s->sim->csv, "%.9f,%s,%s,%.0f,%.0f,%.1f,%.1f,%.1f,%.1f", (double)world_now_ns(s->sim->w) / 1e9,
		s->sim->s->conf->vfs[vf].name, dir == WORLD_TX ? "tx" : "rx",
		(double)(now.offered_bytes - from->offered_bytes) * 8 / seconds,
		(double)(now.got_bytes - from->got_bytes) * 8 / seconds, (double)(now.got_pkts - from->got_pkts) / seconds,
		(double)(now.refused_pkts - from->refused_pkts) / seconds, (double)(now.drops - from->drops) / seconds,
		(double)(now.marked_pkts - from->marked_pkts) / seconds);
	for (int c = 0; c < N_TCLASSES; c++) {
		now.class_bytes[c] = f->class_bytes[c];
		fprintf(s->sim->csv, ",%.0f", (double)(now.class_bytes[c] - from->class_bytes[c]) * 8 / seconds);
	}
	if (quality > 0)
		fprintf(s->sim->csv, ",%.4f", quality);
	else
		fprintf(s->sim->csv, ",");
	memcpy(now.lost, from->lost, sizeof(now.lost));
	sample_losses(s, vf, dir, now.lost, seconds);
	*from = now;
}

static void sample(struct sampling *s)
{
	double seconds = (double)(world_now_ns(s->sim->w) - s->at_ns) / 1e9;

	s->at_ns = world_now_ns(s->sim->w);
	for (vf_id vf = 0; s->sim->csv != NULL && vf < s->sim->s->conf->n_vfs; vf++) {
		struct vf_view view;
		world_view_vf(s->sim->w, vf, &view);
		sample_one(s, vf, WORLD_TX, &view.tx, seconds);
		sample_one(s, vf, WORLD_RX, &view.rx, seconds);
	}
}

/* Counting begins anew: so do the samples' differences. */
static void end_warmup(struct sampling *s)
{
	struct sim *sim = s->sim;

	world_mark(sim->w);
	sim->warm_events = world_events(sim->w);
	sim->warm_cpu_s = sim->cpu_s + clock_s(CLOCK_PROCESS_CPUTIME_ID);
	if (s->seen != NULL)
		memset(s->seen, 0, 2 * (size_t)sim->s->conf->n_vfs * sizeof(*s->seen));
}

static bool run(struct sampling *s, struct progress *p, struct why *why)
{
	const struct scenario *scenario = s->sim->s;
	struct world *w = s->sim->w;

	while (world_now_ns(w) < scenario->duration_ns) {
		uint64_t now_ns = world_now_ns(w), next_ns = u64_min(now_ns + STEP_NS, s->at_ns + scenario->sample_ns);
		if (now_ns < scenario->warmup_ns)
			next_ns = u64_min(next_ns, scenario->warmup_ns);
		next_ns = u64_min(next_ns, scenario->duration_ns);
		if (!world_run(w, next_ns, why))
			return false;
		if (next_ns == s->at_ns + scenario->sample_ns || next_ns == scenario->duration_ns)
			sample(s);
		if (next_ns == scenario->warmup_ns)
			end_warmup(s);
		show_progress(p, s->sim);
	}
	return true;
}

static bool open_csv(struct sim *sim)
{
	if (sim->args->csv == NULL)
		return true;
	sim->csv = fopen(sim->args->csv, "w");
	if (sim->csv == NULL)
		fprintf(stderr, "weir-sim: --csv %s: %s\n", sim->args->csv, strerror(errno));
	else
		fprintf(sim->csv, "time_s,vf,direction,offered_bps,got_bps,got_pps,refused_pps,dropped_pps,marked_pps,"
			"urgent_bps,high_bps,medium_bps,low_bps,quality,urgent_dropped_pps,high_dropped_pps,medium_dropped_pps,"
			"low_dropped_pps,urgent_marked_pps,high_marked_pps,medium_marked_pps,low_marked_pps,drops\n");
	return sim->csv != NULL;
}

static bool close_csv(struct sim *sim)
{
	bool is_ok = sim->csv == NULL || (!ferror(sim->csv) & (fclose(sim->csv) == 0));

	if (!is_ok)
		fprintf(stderr, "weir-sim: --csv %s: it could not be written whole\n", sim->args->csv);
	return is_ok;
}

bool run_all(struct sim *sim, struct why *why)
{
	struct sampling s = {.sim = sim};
	struct progress p = {.is_on = isatty(STDERR_FILENO) && !sim->args->is_quiet, .began_s = clock_s(CLOCK_MONOTONIC)};
	bool is_ok;

	p.shown_s = p.began_s;
	sim->cpu_s = -clock_s(CLOCK_PROCESS_CPUTIME_ID);
	if (sim->args->csv != NULL)
		s.seen = calloc(2 * (size_t)sim->s->conf->n_vfs + 1, sizeof(*s.seen));
	if (sim->args->csv != NULL && s.seen == NULL)
		why_add(why, "no memory for the samples of --csv");
	is_ok = (sim->args->csv == NULL || s.seen != NULL) && open_csv(sim);
	if (is_ok) {
		is_ok = run(&s, &p, why);
		is_ok &= close_csv(sim);
	}
	sim->cpu_s += clock_s(CLOCK_PROCESS_CPUTIME_ID);
	sim->wall_s = clock_s(CLOCK_MONOTONIC) - p.began_s;
	if (p.is_on && p.shown_s > p.began_s)
		fprintf(stderr, "\r\x1b[K");
	free(s.seen);
	return is_ok;
}
