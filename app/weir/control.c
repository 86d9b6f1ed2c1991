/* SPDX-License-Identifier: BSD-3-Clause */
/* The control core: looks at links, keeps rates, prints, makes changes that are asked for, and mostly sleeps.  The workers never wait for it. */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "weir.h"

#define TICK_NS	     (10 * NS_PER_MS)
#define RATE_TICKS   (RATES_PERIOD_NS / TICK_NS)
#define AWAY_NS	     NS_PER_S	/* a worker that had no turn for so long is told of */
#define EXIT_SIGNAL  128	/* as a shell says it */

#define SAME_SIGNAL_MS 200	/* timeout(1) sends its signal to weir and to weir's group: that is one wish */

/* Lock-free atomics: signals may reach two threads at once. */
static _Atomic int ending;		/* the signal that asked for it last */
static _Atomic int64_t ending_since_ms;	/* the first one came */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The first asks for an orderly end, the second does not ask. */
static void on_end(int signal)
{
	int before = atomic_exchange(&ending, signal);
	int64_t since_ms = atomic_load(&ending_since_ms);

	if (before == 0)
		atomic_store(&ending_since_ms, now_ms());
	else if (before != signal || (since_ms != 0 && now_ms() - since_ms > SAME_SIGNAL_MS))
		_exit(EXIT_SIGNAL + signal);
}

/* Sockets that drivers make are for weir's user and group only. */
void control_before_eal(void)
{
	workers_io_signals(SIG_BLOCK);
	umask(S_IRWXO);
}

/* Only now: a start that hangs (a vdev may wait for its peer) can still be broken off.
 * SIGPIPE: a telemetry client that goes away before its answer must not end the switch. */
void control_after_eal(void)
{
	struct sigaction end = {.sa_handler = on_end, .sa_flags = SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

static void watch_rings(struct weir *w, uint16_t port)
{
	uint16_t n = port_n_rings(w->ports, port), asked = w->conf->ports[port].n_queues;

	if (n == w->rings[port])
		return;
	w->rings[port] = n;
	if (n < asked)
		report_say("port %s: its peer has fewer rings than queues = %u: %u read", w->conf->ports[port].device, asked, n);
}

static void watch_links(struct weir *w)
{
	for (uint16_t i = 0; i < w->conf->n_ports; i++) {
		bool up = port_poll_link(w->ports, i);

		watch_rings(w, i);
		if (up == w->link_up[i])
			continue;
		w->link_up[i] = up;
		fabric_set_link(w->fabric, i, up);
		report_say("port %s is %s", w->conf->ports[i].device, up ? "up" : "down");
	}
}

/* What a worker that does not run cannot say itself: once when it is away for long, and once when it is back. */
static void watch_workers(struct weir *w)
{
	for (unsigned int i = 0; i < workers_n(w->workers); i++) {
		unsigned int lcore = w->plan.lcore[i];
		struct worker_view view;

		workers_view_one(w->workers, i, &view);
		bool was_told = w->away_ns[i] != 0, is_same = was_told && view.away_ns >= w->away_ns[i];
		if (was_told && !is_same)
			printf("weir: the worker on lcore %u runs again: it was away for over %.1f s\n", lcore, (double)w->away_ns[i] / 1e9);
		w->away_ns[i] = view.away_ns >= AWAY_NS ? view.away_ns : 0;
		if (w->away_ns[i] != 0 && !is_same)
			printf("weir: the worker on lcore %u has not run for %.1f s: another program, or the host, has its CPU, and no "
				"packets go through it meanwhile\n", lcore, (double)view.away_ns / 1e9);
		if (was_told != (w->away_ns[i] != 0) || (was_told && !is_same))
			fflush(stdout);
	}
}

/* Of the PF as a sender all counts that it brought. */
static void sample_one(struct weir *w, vf_id vf, uint64_t now_ns)
{
	struct rates_sample tx;
	struct vf_view view;

	workers_view_vf(w->workers, vf, &view);
	tx = vf == VF_PF ? (struct rates_sample){view.tx.in_pkts, view.tx.in_bytes} :
		(struct rates_sample){view.tx.out_pkts, view.tx.out_bytes};
	w->samples[telem_row(w->conf, vf, TELEM_TX)] = tx;
	w->samples[telem_row(w->conf, vf, TELEM_RX)] = (struct rates_sample){view.rx.out_pkts, view.rx.out_bytes};
	held_add(w->held, telem_row(w->conf, vf, TELEM_TX), view.tx.held_ns, now_ns);
	held_add(w->held, telem_row(w->conf, vf, TELEM_RX), view.rx.held_ns, now_ns);
}

static void sample_tenant(struct weir *w, uint32_t tenant, uint64_t now_ns)
{
	struct tenant_view view;

	workers_view_tenant(w->workers, tenant, &view);
	held_add(w->held, telem_tenant_row(w->conf, tenant), view.held_ns, now_ns);
}

static void sample(struct weir *w)
{
	uint64_t now_ns = tsc_now_ns(&w->clock);

	for (vf_id vf = 0; vf < w->conf->n_vfs; vf++)
		sample_one(w, vf, now_ns);
	sample_one(w, VF_PF, now_ns);
	for (uint32_t i = 0; i < w->conf->n_tenants; i++)
		sample_tenant(w, i, now_ns);
	rates_add(w->rates, w->samples, tsc_now_ns(&w->clock));
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* So many ns from now. */
static struct timespec from_now(uint64_t ns)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	ns += (uint64_t)t.tv_nsec;
	t.tv_sec += (time_t)(ns / NS_PER_S);
	t.tv_nsec = (long)(ns % NS_PER_S);
	return t;
}

/* What comes first: the tick, or the allocator's next period. */
static void wait_for_work(struct weir *w, const struct timespec *tick)
{
	uint64_t now_ns = tsc_now_ns(&w->clock), next_ns = allocator_next_ns(w);
	struct timespec period = from_now(next_ns > now_ns ? next_ns - now_ns : 0);

	live_wait(w->live, is_before(&period, tick) ? &period : tick);
	live_serve(w->live);
	if (tsc_now_ns(&w->clock) >= next_ns)
		allocator_run(w);
}

/* To the next tick; ticks that were missed (a stopped process) are not made up for.  Changes that are asked for meanwhile
 * are made at once, and the allocator runs in its periods. */
static void serve_to_tick(struct weir *w, struct timespec *next)
{
	struct timespec now;

	next->tv_nsec += TICK_NS;
	if (next->tv_nsec >= (long)NS_PER_S) {
		next->tv_nsec -= (long)NS_PER_S;
		next->tv_sec++;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec > next->tv_sec + 1)
		*next = now;
	do {
		wait_for_work(w, next);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (!ending && is_before(&now, next));
}

void control_run(struct weir *w)
{
	const uint64_t start_ns = tsc_now_ns(&w->clock), stats_ns = w->args.stats_s * NS_PER_S;
	const uint64_t end_ns = w->args.duration_s != 0 ? start_ns + w->args.duration_s * NS_PER_S : UINT64_MAX;
	uint64_t next_stats_ns = stats_ns != 0 ? start_ns + stats_ns : UINT64_MAX;
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (uint64_t tick = 0; !ending && tsc_now_ns(&w->clock) < end_ns; tick++) {
		watch_links(w);
		if (tick % RATE_TICKS == 0) {
			watch_workers(w);
			sample(w);
		}
		allocator_show(w);
		if (tsc_now_ns(&w->clock) >= next_stats_ns) {
			report_live(w);
			next_stats_ns += stats_ns;
		}
		serve_to_tick(w, &next);
	}
}
