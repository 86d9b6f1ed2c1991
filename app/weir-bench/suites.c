/* SPDX-License-Identifier: BSD-3-Clause */
/* The one list of suites.  A new one: its declaration, its line, its files in meson.build. */
#include "bench_impl.h"

extern const struct bench_suite suite_pq_hold, suite_pq_link, suite_stamp, suite_timer, suite_window;
extern const struct bench_suite suite_mark, suite_sched_cost, suite_sched_parts;
extern const struct bench_suite suite_sched_accuracy, suite_growth, suite_pps_sla, suite_prio_latency, suite_stall,
	suite_alloc_step, suite_control_cost, suite_period_sweep, suite_many_flows, suite_multi;
extern const struct bench_suite suite_switch_pcap, suite_switch_vhost, suite_switch_idle, suite_switch_null, suite_io_floor;

const struct bench_suite *const bench_suites[] = {
	&suite_pq_hold,
	&suite_pq_link,
	&suite_stamp,
	&suite_timer,
	&suite_window,
	&suite_mark,
	&suite_sched_cost,
	&suite_sched_parts,
	&suite_growth,
	&suite_many_flows,
	&suite_sched_accuracy,
	&suite_pps_sla,
	&suite_prio_latency,
	&suite_stall,
	&suite_multi,
	&suite_alloc_step,
	&suite_control_cost,
	&suite_period_sweep,
	&suite_switch_pcap,
	&suite_switch_vhost,
	&suite_switch_idle,
	&suite_switch_null,
	&suite_io_floor,
	NULL,
};
