/* SPDX-License-Identifier: BSD-3-Clause */
/* The control core: looks at links, keeps rates, prints, and mostly sleeps.  The workers never wait for it. */
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "weir.h"

#define TICK_NS	     (10 * NS_PER_MS)
#define RATE_TICKS   (RATES_PERIOD_NS / TICK_NS)
#define TICKS_OF_S   (NS_PER_S / TICK_NS)
#define EXIT_SIGNAL  128	/* as a shell says it */

static volatile sig_atomic_t ending;

/* The first asks for an orderly end, the second does not ask. */
static void on_end(int signal)
{
	if (ending)
		_exit(EXIT_SIGNAL + signal);
	ending = 1;
}

/* SIGIO: net_tap has one for every packet.  EAL's threads inherit the mask: only workers take it, or telemetry's
 * accept() would fail and this core never sleep.  Sockets that drivers make are for weir's user and group only. */
void control_before_eal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
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

static void watch_links(struct weir *w)
{
	for (uint16_t i = 0; i < w->conf->n_ports; i++) {
		bool up = port_poll_link(w->ports, i);

		if (up == w->link_up[i])
			continue;
		w->link_up[i] = up;
		fabric_set_link(w->fabric, i, up);
		printf("weir: port %s is %s\n", w->conf->ports[i].device, up ? "up" : "down");
		fflush(stdout);
	}
}

static void sample_one(struct weir *w, vf_id vf)
{
	struct vf_view view;

	workers_view_vf(w->workers, vf, &view);
	w->samples[telem_row(w->conf, vf, TELEM_TX)] = (struct rates_sample){view.tx.out_pkts, view.tx.out_bytes};
	w->samples[telem_row(w->conf, vf, TELEM_RX)] = (struct rates_sample){view.rx.out_pkts, view.rx.out_bytes};
}

static void sample(struct weir *w)
{
	for (vf_id vf = 0; vf < w->conf->n_vfs; vf++)
		sample_one(w, vf);
	sample_one(w, VF_PF);
	rates_add(w->rates, w->samples, tsc_now_ns(&w->clock));
}

/* To the next tick; ticks that were missed (a stopped process) are not made up for. */
static void sleep_to_tick(struct timespec *next)
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
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

static bool is_over(const struct weir *w, uint64_t tick)
{
	return ending || (w->args.duration_s != 0 && tick >= w->args.duration_s * TICKS_OF_S);
}

void control_run(struct weir *w)
{
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (uint64_t tick = 0; !is_over(w, tick); tick++) {
		watch_links(w);
		if (tick % RATE_TICKS == 0)
			sample(w);
		if (w->args.stats_s != 0 && tick > 0 && tick % (w->args.stats_s * TICKS_OF_S) == 0)
			report_live(w);
		sleep_to_tick(&next);
	}
}
