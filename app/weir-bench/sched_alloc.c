/* SPDX-License-Identifier: BSD-3-Clause */
/* One VF of 64 starts and stops sending while the others want all there is.  What it was promised is lent to them while
 * it is silent: how fast does it get it back, and does the link ever carry less than it could?  Virtual time, a packet
 * at a time; nothing but the scheduler's decisions is measured. */
#include <stdio.h>
#include <stdlib.h>

#include "sched_world.h"

#define N_VFS	  64u
#define BACKLOG	  16u
#define PKT_LEN	  1500u
#define LINK_BPS  (10 * UINT64_C(1000000000))
#define N_STEPS	  5u
#define PHASE_NS  (20 * NS_PER_MS)
#define WINDOW_NS NS_PER_MS

struct step_run {
	struct sched_run r;
	struct rte_mbuf *held[BACKLOG];	/* the VF's packets while it is silent */
	uint32_t n_held;
	bool is_on;
	uint64_t on_ns;			/* since */
	uint32_t n_out;			/* of the VF since then */
	double us_to_95, us_to_first;	/* the last step's; < 0: not yet */
	double share_ns;		/* of one packet at the VF's even share */
	uint64_t window_ns, window_bytes;
	double least, most;		/* % of the link in any window */
};

static void sla_of(const struct sched_load *load, uint32_t vf, struct sched_sla *sla)
{
	(void)vf;
	*sla = (struct sched_sla){.weight = 1, .min_bps = load->link_bps / N_VFS * 9 / 10};
}

/* It has its share when, since the step, it got 95 % of it, and again does so whenever it fell below. */
static void count_vf(struct step_run *s, uint64_t now_ns)
{
	double lapse_ns = (double)(now_ns - s->on_ns);

	s->n_out++;
	if (s->n_out == 1)
		s->us_to_first = lapse_ns / 1000;
	bool has_share = s->n_out * s->share_ns >= 0.95 * lapse_ns;
	if (!has_share)
		s->us_to_95 = -1;
	else if (s->us_to_95 < 0)
		s->us_to_95 = lapse_ns / 1000;
}

static void count_link(struct step_run *s, uint64_t now_ns, uint32_t bytes)
{
	if (now_ns >= s->window_ns + WINDOW_NS) {
		double percent = 100.0 * (double)s->window_bytes * 8 / ((double)(now_ns - s->window_ns) / 1e9) / (double)LINK_BPS;
		if (s->window_ns != 0) {
			s->least = RTE_MIN(s->least, percent);
			s->most = RTE_MAX(s->most, percent);
		}
		s->window_ns = now_ns;
		s->window_bytes = 0;
	}
	s->window_bytes += bytes;
}

/* One packet's time: what may leave leaves, and comes back unless its VF is silent. */
static void tick(struct step_run *s, price_t pkt)
{
	/* Who has no link clock is asked for what the link takes. */
	uint32_t most = s->r.peer == &sched_weir ? SCHED_BURST : 1;
	struct sched_run *r = &s->r;
	struct rte_mbuf *back[SCHED_BURST];
	uint32_t n = r->peer->dequeue(r->s, r->burst, most, r->now.ns), n_back = 0;

	for (uint32_t i = 0; i < n; i++) {
		bool is_stepper = sched_mbuf_vf(r->burst[i]) == 0;
		count_link(s, r->now.ns, r->burst[i]->pkt_len + SCHED_OVERHEAD_BYTES);
		if (is_stepper && s->is_on)
			count_vf(s, r->now.ns);
		if (is_stepper && !s->is_on)
			s->held[s->n_held++] = r->burst[i];
		else
			back[n_back++] = r->burst[i];
	}
	clk_add(&r->now, pkt, 1);
	if (n_back > 0)
		r->peer->enqueue(r->s, back, n_back, r->now.ns);
}

static void switch_on(struct step_run *s)
{
	s->is_on = true;
	s->on_ns = s->r.now.ns;
	s->n_out = 0;
	s->us_to_95 = s->us_to_first = -1;
	if (s->n_held > 0)
		s->r.peer->enqueue(s->r.s, s->held, s->n_held, s->r.now.ns);
	s->n_held = 0;
}

static void phase(struct step_run *s, price_t pkt)
{
	for (uint64_t end_ns = s->r.now.ns + PHASE_NS; s->r.now.ns < end_ns;)
		tick(s, pkt);
}

static void run_one(struct bench *b, const char *who, const struct sched_peer *peer, const struct sched_load *load,
	const struct sched_mbufs *m)
{
	price_t pkt = price_of_bps(LINK_BPS) * (PKT_LEN + SCHED_OVERHEAD_BYTES);
	struct step_run s = {.share_ns = (double)pkt / 4294967296.0 * N_VFS, .least = 1000};
	double to_95[N_STEPS], to_first[N_STEPS];
	const char *name = "1 of 64, 0 -> 100 %";

	bench_progress(b, "%s", who);
	if (!sched_run_start(&s.r, peer, load, m, 0))
		return;
	phase(&s, pkt);		/* silent: its packets come out and are held */
	for (unsigned int i = 0; i < N_STEPS; i++) {
		switch_on(&s);
		phase(&s, pkt);
		to_95[i] = s.us_to_95 < 0 ? (double)PHASE_NS / 1000 : s.us_to_95;
		to_first[i] = s.us_to_first < 0 ? (double)PHASE_NS / 1000 : s.us_to_first;
		s.is_on = false;
		phase(&s, pkt);
	}
	bench_row(b, name, who, "first_packet", bench_percentile(to_first, N_STEPS, 1), "us");
	bench_row(b, name, who, "to_95_percent", bench_percentile(to_95, N_STEPS, 1), "us");
	bench_row(b, name, who, "link_least_1ms", s.least, "%");
	bench_row(b, name, who, "link_most_1ms", s.most, "%");
	sched_run_stop(&s.r);
}

static void run(struct bench *b)
{
	struct sched_load load = {
		.n_vfs = N_VFS,
		.backlog = BACKLOG,
		.pkt_len = PKT_LEN,
		.overhead_bytes = SCHED_OVERHEAD_BYTES,
		.n_classes = 1,
		.link_bps = LINK_BPS,
		.sla = sla_of,
	};
	const char *name = "1 of 64, 0 -> 100 %";
	struct sched_mbufs m;

	if (!sched_mbufs_create(&m, &load, bench_seed(b)))
		return;
	run_one(b, BENCH_OURS, &sched_weir, &load, &m);
	run_one(b, "token_bucket_drr", &sched_naive, &load, &m);
	sched_mbufs_destroy(&m);
	bench_bar(b, "time to 95 % of the share, worst of 5 steps", bench_value(b, name, BENCH_OURS, "to_95_percent"),
		BENCH_AT_MOST, 3000, "us");
	bench_bar(b, "sum of rates, least of any 1 ms", bench_value(b, name, BENCH_OURS, "link_least_1ms"), BENCH_AT_LEAST,
		99.5, "%");
	bench_note(b, "a share is 156 Mb/s: one packet each 78 us, so 95 %% cannot be seen before the first has left; the naive peer has no link clock, it is asked for one packet when the link is free");
}

const struct bench_suite suite_alloc_step = {
	.name = "alloc_step",
	.about = "one VF of 64 starts and stops: time to its share, and what the link carries meanwhile; virtual time",
	.run = run,
};
