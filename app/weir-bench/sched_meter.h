/* SPDX-License-Identifier: BSD-3-Clause */
/* A closed load on the real clock, polled as fast as the core can, and what each VF gets: its rate, how far it ever was
 * ahead of it, the gaps between its departures, and the most that it ever sent at once.
 * What a VF has sent by a moment is read off the line between the departures around it, so that a whole packet more or
 * less at the ends of a window does not become rate error; who does not send any more gets nothing for that. */
#ifndef BENCH_SCHED_METER_H
#define BENCH_SCHED_METER_H

#include "sched_world.h"

struct sched_meter_vf {
	uint64_t last_ns;		/* departure */
	uint64_t bytes;			/* sent until then */
	double begin_bytes, end_bytes;	/* at the ends of the window */
	double burst_bytes;		/* beyond its rate, over the time that ended with its last departure and has most of it */
	uint32_t last_bytes;
	uint8_t state;			/* 0: before, 1: in, 2: behind the window */
};

struct sched_meter_params {
	uint64_t warm_ns, window_ns;
	uint64_t stall_ns, stall_every_ns;	/* the loop stands still so long, so often, in the window; 0: never */
	bool (*is_counted)(uint32_t vf);	/* for the summary; NULL: all */
};

/* In percent of the configured rate, and us. */
struct sched_meter_result {
	double err_mean;		/* mean over VFs of |rate error| */
	double err_signed;		/* and with its sign */
	double err_worst;
	double gap_p1, gap_p50, gap_p99, gap_p999;
	double late_p99;		/* gap - what the packet before takes at the VF's rate */
	double ahead_bytes;		/* the most that any VF ever was ahead of rate x time */
	double burst_ns;		/* the most that any VF sent in any time, beyond its rate, in time at its rate */
	double sent_mpps;
	long n_switches;		/* the kernel took the CPU away so often, */
	double lost_ms;			/* and so long: time between polls beyond 50 us (long polls too), our stalls apart */
};

/* NaN in err_mean: it could not be set up.  All VFs send (load.n_sending is not looked at). */
struct sched_meter_result sched_meter(const struct sched_peer *peer, const struct sched_load *load,
	const struct sched_mbufs *m, const struct sched_meter_params *p);

/* The same, and again (2 times at most, while the suite has time) where the CPU was taken away for over 2 % of it; the
 * trial that lost least counts. */
struct sched_meter_result sched_meter_best(struct bench *b, const struct sched_peer *peer, const struct sched_load *load,
	const struct sched_mbufs *m, const struct sched_meter_params *p);

/* The VF's rate in bits/s, as its SLA's narrower bound gives it for its packets. */
double sched_vf_bps(const struct sched_load *load, uint32_t vf);

#endif
