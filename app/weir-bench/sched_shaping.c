/* SPDX-License-Identifier: BSD-3-Clause */
/* Cost of a sent packet where every VF has more than its limit lets go, on the real clock (rte_sched has no other).
 * Both are polled as often as the load sends a burst of 32, which is the rarest that can keep the rate and so the
 * kindest to who pays for a poll that finds nothing; only the calls are timed, with one clock read for each poll, and
 * all of it is divided by what was sent. */
#include "sched_shaping.h"

#include <math.h>
#include <stdio.h>

#include "sched_world.h"

#define LINK_BPS   (10 * UINT64_C(1000000000))
#define MBPS	   UINT64_C(1000000)
#define PKT_LEN	   60u		/* 84 B on the wire */
#define WARM_NS	   (10 * NS_PER_MS)
#define TIMED_NS   (40 * NS_PER_MS)	/* whole tc_periods */
#define MOST_NS	   (500 * NS_PER_US)	/* of a poll; a scan of 4096 pipes takes less */
#define N_WINDOWS  5u
#define N_ENTRANTS 5u

static const struct shaped {
	uint32_t n_vfs;
	uint64_t vf_bps;
} loads[] = {{64, 10 * MBPS}, {256, 10 * MBPS}, {1024, MBPS}, {4096, MBPS}};

#define N_LOADS RTE_DIM(loads)

static const struct entrant {
	const char *case_name, *name;
	const struct sched_peer *peer;
	bool is_full, tc_ov;
	uint32_t tc_period_ms;
} entrants[N_ENTRANTS] = {
	{"limit", BENCH_OURS, &sched_weir, false, false, 0},
	{"full", BENCH_OURS, &sched_weir, true, false, 0},
	{"limit", "rte_sched", &sched_rte_capped, false, false, 10},
	{"limit", "rte_sched_tc_ov", &sched_rte_capped, false, true, 10},
	{"limit", "rte_sched_40ms", &sched_rte_capped, false, false, 40},
};

static struct sched_load load_of(const struct shaped *l, const struct entrant *e)
{
	return (struct sched_load){
		.n_vfs = l->n_vfs,
		.backlog = 8,
		.pkt_len = PKT_LEN,
		.overhead_bytes = SCHED_OVERHEAD_BYTES,
		.n_classes = e->is_full ? 2 : 1,
		.link_bps = LINK_BPS,
		.vf_bps = l->vf_bps,
		.sla = e->is_full ? sched_sla_full : sched_sla_limit,
		.tc_ov = e->tc_ov,
		.tc_period_ms = e->tc_period_ms,
		.tb_bytes = RTE_MAX(l->vf_bps / 8 / 50, UINT64_C(3200)),	/* 20 ms; two frames */
	};
}

static void name_case(char *name, size_t size, const struct shaped *l, const char *kind)
{
	snprintf(name, size, "shaping, %s, %u x %u Mb/s", kind, l->n_vfs, (unsigned int)(l->vf_bps / MBPS));
}

/* One poll: what came back goes in, what may leave goes out. -> packets */
static uint32_t poll_once(struct sched_run *r, uint64_t now_ns)
{
	if (r->n_burst > 0)
		r->n_lost += r->n_burst - r->peer->enqueue(r->s, r->burst, r->n_burst, now_ns);
	r->n_burst = r->peer->dequeue(r->s, r->burst, SCHED_BURST, now_ns);
	return r->n_burst;
}

/* -> TSC ticks a packet, or NaN: nothing was sent.  A poll that lasted longer than any could was not the scheduler's
 * doing: the CPU was taken away in it, and it is left out with its packets. */
static double window(struct sched_run *r, const struct sched_clock *c, uint64_t interval_ns, uint64_t most_ticks,
	uint32_t *n_left_out)
{
	uint64_t begin_ns = sched_clock_ns(c) + WARM_NS, sum = 0, n_sent = 0, due_ns = 0;
	bool is_timed = false;

	for (;;) {
		uint64_t begin = rte_rdtsc();
		uint64_t now_ns = sched_clock_ns(c);
		if (now_ns < due_ns)
			continue;
		due_ns = RTE_MAX(due_ns + interval_ns, now_ns);
		uint32_t n = poll_once(r, now_ns);
		uint64_t ticks = rte_rdtsc() - begin;
		if (is_timed && ticks <= most_ticks) {
			sum += ticks;
			n_sent += n;
		}
		*n_left_out += ticks > most_ticks;
		is_timed = now_ns >= begin_ns;
		if (now_ns > begin_ns + TIMED_NS)
			break;
	}
	return n_sent > 0 ? (double)sum / (double)n_sent : (double)NAN;
}

static void run_windows(struct bench *b, const struct shaped *l, struct sched_run *runs)
{
	uint64_t interval_ns = SCHED_BURST * price_ns(price_of_bps(l->vf_bps * l->n_vfs), PKT_LEN + SCHED_OVERHEAD_BYTES);
	double ticks[N_ENTRANTS][N_WINDOWS];
	size_t n[N_ENTRANTS] = {0};
	uint64_t most_ticks = MOST_NS * bench_tsc_hz(b) / NS_PER_S;
	uint32_t n_left_out = 0;
	struct sched_clock clock;
	char name[80];

	sched_clock_start(&clock);
	for (unsigned int w = 0; w < N_WINDOWS; w++) {
		for (unsigned int i = 0; i < N_ENTRANTS; i++) {
			if (runs[i].s == NULL)
				continue;
			double t = window(&runs[i], &clock, interval_ns, most_ticks, &n_left_out);
			if (!isnan(t))
				ticks[i][n[i]++] = t;
		}
	}
	for (unsigned int i = 0; i < N_ENTRANTS; i++) {
		name_case(name, sizeof(name), l, entrants[i].case_name);
		bench_row(b, name, entrants[i].name, "cycles",
			bench_cycles_of_ticks(b, bench_percentile(ticks[i], n[i], 0.5)), "cycles");
	}
	if (n_left_out > 0)
		bench_note(b, "shaping, %u VFs: %u polls of over %u us left out: the CPU was taken away in them", l->n_vfs,
			n_left_out, (unsigned int)(MOST_NS / 1000));
}

/* The case 'full' needs mbufs with other marks: its own. */
static void run_load(struct bench *b, const struct shaped *l)
{
	struct sched_load first = load_of(l, &entrants[0]), full = load_of(l, &entrants[1]);
	struct sched_run runs[N_ENTRANTS] = {0};
	struct sched_mbufs plain, marked;

	bench_progress(b, "shaping, %u VFs", l->n_vfs);
	bool is_ok = sched_mbufs_create(&plain, &first, bench_seed(b));
	is_ok = sched_mbufs_create(&marked, &full, bench_seed(b)) && is_ok;
	for (unsigned int i = 0; is_ok && i < N_ENTRANTS; i++) {
		struct sched_load load = load_of(l, &entrants[i]);
		if (!sched_run_start(&runs[i], entrants[i].peer, &load, entrants[i].is_full ? &marked : &plain, 0))
			bench_note(b, "shaping, %u VFs: %s cannot be set up so", l->n_vfs, entrants[i].name);
	}
	sched_take_cpu(true);
	if (is_ok)
		run_windows(b, l, runs);
	sched_take_cpu(false);
	for (unsigned int i = 0; i < N_ENTRANTS; i++)
		sched_run_stop(&runs[i]);
	sched_mbufs_destroy(&plain);
	sched_mbufs_destroy(&marked);
}

static void judge(struct bench *b, const char *kind)
{
	double ratios[N_LOADS];
	char name[80], what[120];

	for (unsigned int i = 0; i < N_LOADS; i++) {
		name_case(name, sizeof(name), &loads[i], "limit");
		double best = INFINITY;
		for (unsigned int k = 2; k < N_ENTRANTS; k++)
			best = fmin(best, bench_value(b, name, entrants[k].name, "cycles"));
		name_case(name, sizeof(name), &loads[i], kind);
		ratios[i] = bench_value(b, name, BENCH_OURS, "cycles") / best;
	}
	snprintf(what, sizeof(what), "%s: weir / rte_sched, both shaping, its best setting", kind);
	bench_bar(b, what, bench_geomean(ratios, N_LOADS), BENCH_AT_MOST, 0.2, "x (geometric mean of the loads)");
}

void sched_shaping(struct bench *b)
{
	for (unsigned int i = 0; i < N_LOADS; i++)
		run_load(b, &loads[i]);
	judge(b, "limit");
	judge(b, "full");
}
