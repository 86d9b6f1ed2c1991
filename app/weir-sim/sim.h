/* SPDX-License-Identifier: BSD-3-Clause */
/* weir-sim: a scenario on virtual time, and what came of it.  main.c is the whole in one screen; the others are its parts:
 * args.c (the command line), trace.c (pcap files), run.c (time, samples, progress), verdict.c (what was kept), loss.c (what
 * was lost or marked), report.c (tables), json.c, plot.c. */
#ifndef WEIR_SIM_H
#define WEIR_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "scenario.h"
#include "world.h"

enum sim_exit {
	SIM_OK,
	SIM_USAGE = 1,		/* bad arguments or scenario */
	SIM_FAILED = 2,		/* a file could not be written, or the run could not go on */
	SIM_BROKEN = 3,		/* --strict: a promise was not kept */
};

struct sim_args {
	const char *scenario, *json, *csv, *plot;
	bool has_seed, is_quiet, is_strict, help, version;
	uint64_t seed, uplink_bps;
};

bool args_parse(struct sim_args *args, int argc, char **argv);	/* false: said on stderr */
void args_help(FILE *out);

/* Reads the pcap files of all traffic; mistakes with the packet's number. */
bool trace_load_all(struct scenario *s, const char *scenario_file, struct why *why);

/* A run and its figures. */
struct sim {
	const struct sim_args *args;
	const struct scenario *s;
	struct world *w;
	FILE *csv;
	uint64_t warm_events;		/* up to the mark */
	double wall_s, cpu_s;		/* of the whole run */
	double warm_cpu_s;		/* of its part up to the mark */
};

bool run_all(struct sim *sim, struct why *why);

/* What became of what a VF was sold, in one direction. */
struct verdict {
	struct vf_view view;		/* weir's own figures */
	double offered_bps, offered_pps, got_bps, got_pps;
	uint64_t p50_ns, p99_ns, max_ns, n_delays;
	uint64_t drops;
	bool is_guarantee_kept;		/* nothing was served later than its deadline + 1 ms */
	bool is_limit_kept;		/* never above rate x time + burst */
	const char *shut_out;		/* a [traffic] of which its own ring took nothing; NULL: there is none */
	bool is_starved;		/* offered, and nothing came through: of all, or of that */
};

void verdict_of(const struct sim *sim, vf_id vf, enum world_dir dir, struct verdict *v);
void verdict_delay(const struct world_figures *f, int tclass, struct hist_snapshot *sum);	/* tclass -1: all */
bool verdict_all_kept(const struct sim *sim);

static inline bool verdict_kept(const struct verdict *v)
{
	return v->is_guarantee_kept && v->is_limit_kept && !v->is_starved;
}

/* What became of what a tenant was sold: what the VFs in it, and in the tenants below it, offered and got together (tx). */
struct tenant_verdict {
	struct tenant_view view;
	double offered_bps, offered_pps, got_bps, got_pps;
	bool is_guarantee_kept, is_limit_kept, is_starved;	/* as of a VF */
};

void verdict_of_tenant(const struct sim *sim, uint32_t tenant, struct tenant_verdict *v);

static inline bool tenant_verdict_kept(const struct tenant_verdict *v)
{
	return v->is_guarantee_kept && v->is_limit_kept && !v->is_starved;
}

uint64_t loss_dropped(const struct world_losses *l);	/* for any reason, in weir and by the switch */
uint64_t loss_marked(const struct world_losses *l);
void loss_add(struct world_losses *sum, const struct world_losses *l);
void loss_since(struct world_losses *now, const struct world_losses *then);	/* leaves the difference in 'now' */

void report_print(const struct sim *sim, FILE *out);
bool json_write(const struct sim *sim, const char *path);	/* false: said on stderr */

/* scripts/sim-plot draws what the CSV and the JSON hold. */
bool plot_is_possible(void);
bool plot_draw(const char *csv, const char *json, const char *svg);

#endif
