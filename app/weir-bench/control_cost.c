/* SPDX-License-Identifier: BSD-3-Clause */
/* What a run of the control core costs: a period in which nothing is new, and the worst one, in which all guarantees are
 * worked out anew, do not fit, and the grants of all VFs are made into a change for the workers. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "clk.h"
#include "control.h"
#include "pipe_change.h"
#include "why.h"

struct control_run {
	struct conf *conf;
	struct control *control;
	struct grants *sold;
	uint64_t now_ns, n_changes;
};

static struct conf *make_conf(uint32_t n_vfs)
{
	static struct why why;	/* big */
	size_t size = 512 + 160 * (size_t)n_vfs, used;
	char *text = bench_alloc(size);

	used = (size_t)snprintf(text, size,
		"[switch]\nallow_overcommit = yes\npacket_capacity = 1M\n[port pf]\nrole = pf\nlink_basis = l2\nrate = 100G\n[port v]\n");
	for (uint32_t i = 0; i < n_vfs; i++)
		used += (size_t)snprintf(text + used, size - used,
			"[vf v%u]\nport = v\nmac = 02:00:00:00:%02x:%02x\ntx.min_pps = %u\ntx.priority = %u\n", i, i >> 8, i & 255,
			2000000 / n_vfs, i % 8);
	why_init(&why);
	struct conf *conf = conf_parse("bench", text, used, &why);
	if (conf == NULL)
		why_print(&why, stderr);
	free(text);
	return bench_not_null(conf);
}

static uint64_t idle_run(void *ctx)
{
	struct control_run *r = ctx;
	struct load_view load = {.asks = true, .is_home = true};
	struct asker_view askers[CONF_MAX_PORTS] = {0};

	for (int i = 0; i < 256; i++) {
		r->now_ns += 1000000;
		bench_not_null((void *)(uintptr_t)control_period(r->control, r->conf, r->n_changes, &load, askers, r->now_ns));
	}
	return 256;
}

static uint64_t worst_run(void *ctx)
{
	struct control_run *r = ctx;
	struct load_view load = {.asks = true, .is_home = true};
	struct asker_view askers[CONF_MAX_PORTS] = {0};

	r->now_ns += 1000000;
	const struct grants *g = control_period(r->control, r->conf, ++r->n_changes, &load, askers, r->now_ns);
	pipe_change_destroy(bench_not_null(pipe_change_create_granted(r->conf, r->sold, r->conf, g)));
	return 1;
}

static void run_one(struct bench *b, uint32_t n_vfs, double most_us)
{
	struct control_run r = {.conf = make_conf(n_vfs)};
	struct control_params params = {.conf = r.conf, .pf_bps = UINT64_C(100000000000), .n_workers = 1};
	struct bench_contender idle = {.name = BENCH_OURS, .ctx = &r, .trial = idle_run};
	struct bench_contender worst = {.name = BENCH_OURS, .ctx = &r, .trial = worst_run};
	struct bench_spread spread;
	char name[64];

	r.control = bench_not_null(control_create(&params, 0));
	r.sold = bench_not_null(grants_create(r.conf));
	snprintf(name, sizeof(name), "%u VFs, nothing new", n_vfs);
	bench_interleave(b, name, &idle, 1, NULL);
	snprintf(name, sizeof(name), "%u VFs, all cut anew", n_vfs);
	bench_interleave(b, name, &worst, 1, &spread);
	snprintf(name, sizeof(name), "the worst run at %u VFs", n_vfs);
	bench_bar(b, name, spread.p50 / BENCH_CYCLES_PER_NS / 1000, BENCH_AT_MOST, most_us, "us");
	grants_destroy(r.sold);
	control_destroy(r.control);
	conf_destroy(r.conf);
}

/* ---- The packet capacity, over workers ---- */

#define N_PORTS	  31
#define N_READERS 4u

struct split_run {
	struct control *control;
	struct conf *conf;
	struct control_params params;
	struct load_view loads[N_READERS];
	struct asker_view askers[CONF_MAX_PORTS];
	uint64_t now_ns, n;
};

/* 64 VFs on 31 ports, each 4 of them in a tenant. */
static struct conf *make_split_conf(void)
{
	static struct why why;	/* big */
	static char text[16384];
	size_t used = (size_t)snprintf(text, sizeof(text), "[switch]\npacket_capacity = 1M\n[port pf]\nrole = pf\nlink_basis = l2\nrate = 100G\n");

	for (unsigned int i = 0; i < N_PORTS; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "[port p%u]\n", i);
	for (unsigned int i = 0; i < 16; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "[tenant t%u]\ntx.min_pps = 20k\n", i);
	for (unsigned int i = 0; i < 64; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			"[vf v%u]\nport = p%u\nmac = 02:00:00:00:00:%02x\ntenant = t%u\ntx.min_pps = 2k\ntx.priority = %u\n", i, i % N_PORTS, i,
			i % N_PORTS / 2, i % 2);
	why_init(&why);
	struct conf *conf = conf_parse("bench", text, used, &why);
	if (conf == NULL)
		why_print(&why, stderr);
	return bench_not_null(conf);
}

/* Who does not flood sends now 1, now 8 packets a period: what is read is another each time, and so is the split. */
static void flood(struct split_run *r, unsigned int worker, unsigned int period)
{
	for (uint16_t port = 1; port < r->conf->n_ports; port++) {
		struct asker_view *a = &r->askers[port];
		bool is_held = r->params.rx_worker[port] == worker;
		a->n_asked += 32;
		a->rx_pkts += is_held ? 32 : period & 2 ? 8 : 1;
		a->n_drained += !is_held;
		a->n_woken = a->n_drained + is_held;
	}
	for (unsigned int w = 0; w < N_READERS; w++)
		r->loads[w].capped_ns += w == worker ? NS_PER_MS : NS_PER_MS / 5;
}

/* All flood on one worker for a while, and then on the next: at the end of it the capacity has followed.  In each period
 * everything is split anew. */
static uint64_t split_each_time(void *ctx)
{
	struct split_run *r = ctx;

	for (int i = 0; i < 4; i++, r->n++) {
		for (unsigned int period = 0; period < 32; period++) {
			flood(r, (unsigned int)(r->n % N_READERS), period);
			r->now_ns += NS_PER_MS;
			const struct grants *g = control_period(r->control, r->conf, 1, r->loads, r->askers, r->now_ns);
			if (period == 31 && grants_reads_pps(g, (unsigned int)(r->n % N_READERS)) < 500000)
				exit((fputs("control-cost: the capacity did not follow\n", stderr), 1));
		}
	}
	return 4 * 32;
}

static void run_split(struct bench *b)
{
	struct split_run r = {.conf = make_split_conf(), .now_ns = NS_PER_S};
	struct bench_contender one = {.name = BENCH_OURS, .ctx = &r, .trial = split_each_time};
	struct bench_spread spread;

	r.params = (struct control_params){.conf = r.conf, .pf_bps = UINT64_C(100000000000), .n_workers = N_READERS};
	for (uint16_t port = 0; port < r.conf->n_ports; port++)
		r.params.rx_worker[port] = port % N_READERS;
	for (unsigned int w = 0; w < N_READERS; w++)
		r.loads[w].asks = true;
	r.control = bench_not_null(control_create(&r.params, r.now_ns));
	bench_interleave(b, "64 VFs, 16 tenants, the core split anew over 4 workers", &one, 1, &spread);
	bench_bar(b, "a run with a new split over 4 workers at 64 VFs", spread.p50 / BENCH_CYCLES_PER_NS / 1000, BENCH_AT_MOST, 5, "us");
	control_destroy(r.control);
	conf_destroy(r.conf);
}

static void run(struct bench *b)
{
	bench_plan(b, 5);
	run_one(b, 64, 5);
	run_split(b);
	run_one(b, 4096, 300);
	bench_note(b, "Without reading counters of the workers (some ten words each) and the clock.");
}

const struct bench_suite suite_control_cost = {
	.name = "control-cost",
	.about = "a run of the control core: nothing new, and all guarantees cut anew with the change for the workers",
	.run = run,
};
