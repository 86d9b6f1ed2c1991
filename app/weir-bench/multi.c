/* SPDX-License-Identifier: BSD-3-Clause */
/* One link, two cores that read for it: 12 VFs, 4 read by one core and 8 by the other, all with packets all the time.  How the
 * link's rate and its shares are kept between the cores:
 *   weir         one core schedules for the link; the other hands it what it reads, by a ring, and has it back by another
 *   quota        each core schedules its own VFs on a part of the rate, by how many they are: the anti-pattern
 *   lease        each schedules its own, and takes bursts of the rate from one shared counter, who comes first
 *   lease+vtime  and nobody takes one while he is ahead of the other by more than two (the last two after MQFQ, ATC'19)
 * Real time, both cores at once.  The scheduler of each is lib/sched. */
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <math.h>

#include <rte_ring.h>

#include "sched_world.h"

#define N_VFS	   12u
#define N_FIRST	   4u			/* of them are the first core's */
#define N_CORES	   2u
#define BACKLOG	   64u
#define PKT_LEN	   1500u
#define LINK_BPS   (10 * UINT64_C(1000000000))
#define NO_LIMIT   (1000 * UINT64_C(1000000000))	/* more than both cores do */
#define RING_SIZE  1024u
#define LEASE_PKTS SCHED_BURST
#define MOST_TRIES 15

enum way { PINNED, QUOTA, LEASE, LEASE_VTIME, N_WAYS };
static const char *const names[N_WAYS] = {BENCH_OURS, "quota", "lease", "lease+vtime"};

struct multi;

struct core {
	alignas(64) struct multi *all;
	unsigned int id;
	void *s;			/* its scheduler, or NULL */
	struct rte_mbuf *burst[SCHED_BURST];
	uint32_t n_burst;
	uint64_t leased_bytes;
	uint64_t pkts[N_VFS];		/* in the window */
	alignas(64) _Atomic uint64_t vtime;	/* bytes a VF of its own */
	_Atomic bool has_packets;
};

struct multi {
	enum way way;
	struct sched_load load;
	struct sched_mbufs m;
	struct sched_clock clock;
	uint64_t begin_ns, end_ns;
	uint32_t pkt_bytes;
	struct rte_ring *to, *back;	/* from the second core to the first, and back */
	struct core cores[N_CORES];
	alignas(64) _Atomic uint64_t granted_bytes;
	alignas(64) _Atomic unsigned int n_ready;
};

static unsigned int core_of(uint32_t vf)
{
	return vf < N_FIRST ? 0 : 1;
}

static void count(struct core *c, struct rte_mbuf *const *pkts, uint32_t n, uint64_t now_ns)
{
	if (now_ns < c->all->begin_ns)
		return;
	for (uint32_t i = 0; i < n; i++)
		c->pkts[sched_mbuf_vf(pkts[i])]++;
}

/* ---- One schedules, the other hands over ---- */

/* What came back goes over again: it was read. */
static void hand_over(struct core *c)
{
	struct multi *all = c->all;

	c->n_burst += rte_ring_sc_dequeue_burst(all->back, (void **)&c->burst[c->n_burst], SCHED_BURST - c->n_burst, NULL);
	for (uint32_t i = 0; i < c->n_burst; i++)
		rte_prefetch0(c->burst[i]);
	uint32_t n = rte_ring_sp_enqueue_burst(all->to, (void *const *)c->burst, c->n_burst, NULL);
	c->n_burst -= n;
	for (uint32_t i = 0; i < c->n_burst; i++)
		c->burst[i] = c->burst[n + i];
}

static void give_back(struct core *c)
{
	struct rte_mbuf *away[SCHED_BURST];
	uint32_t n_away = 0, n_own = 0;

	for (uint32_t i = 0; i < c->n_burst; i++) {
		if (core_of(sched_mbuf_vf(c->burst[i])) == c->id)
			c->burst[n_own++] = c->burst[i];
		else
			away[n_away++] = c->burst[i];
	}
	c->n_burst = n_own;
	rte_ring_sp_enqueue_bulk(c->all->back, (void *const *)away, n_away, NULL);	/* it holds all there are */
}

static void schedule_all(struct core *c, uint64_t now_ns)
{
	struct rte_mbuf *others[SCHED_BURST];
	uint32_t n = rte_ring_sc_dequeue_burst(c->all->to, (void **)others, SCHED_BURST, NULL);

	sched_weir.enqueue(c->s, others, n, now_ns);
	sched_weir.enqueue(c->s, c->burst, c->n_burst, now_ns);
	c->n_burst = sched_weir.dequeue(c->s, c->burst, SCHED_BURST, now_ns);
	count(c, c->burst, c->n_burst, now_ns);
	give_back(c);
}

/* ---- Each his own ---- */

/* What the link has carried by now, at most; idle time is not saved beyond some leases of each. */
static bool take_lease(struct multi *all, uint64_t now_ns)
{
	uint64_t bytes = (uint64_t)LEASE_PKTS * all->pkt_bytes;
	uint64_t allowed = (uint64_t)((clk_u128)all->load.link_bps * now_ns / 8 / NS_PER_S), saved = 2 * N_CORES * bytes;
	uint64_t is = atomic_load_explicit(&all->granted_bytes, memory_order_relaxed), to;

	do {
		uint64_t from = allowed > saved && is < allowed - saved ? allowed - saved : is;
		to = from + bytes;
		if (to > allowed)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&all->granted_bytes, &is, to, memory_order_relaxed, memory_order_relaxed));
	return true;
}

static bool is_ahead(const struct core *c)
{
	const struct core *other = &c->all->cores[1 - c->id];
	uint64_t lead = 2ull * LEASE_PKTS * c->all->pkt_bytes / N_FIRST;

	return atomic_load_explicit(&other->has_packets, memory_order_relaxed) &&
	       atomic_load_explicit(&c->vtime, memory_order_relaxed) >
		       atomic_load_explicit(&other->vtime, memory_order_relaxed) + lead;
}

static void schedule_own(struct core *c, uint64_t now_ns)
{
	struct multi *all = c->all;
	uint32_t most = SCHED_BURST;

	sched_weir.enqueue(c->s, c->burst, c->n_burst, now_ns);
	c->n_burst = 0;
	if (all->way != QUOTA) {
		if (c->leased_bytes < all->pkt_bytes) {
			if ((all->way == LEASE_VTIME && is_ahead(c)) || !take_lease(all, now_ns))
				return;
			c->leased_bytes += (uint64_t)LEASE_PKTS * all->pkt_bytes;
		}
		most = (uint32_t)RTE_MIN(c->leased_bytes / all->pkt_bytes, SCHED_BURST);
	}
	c->n_burst = sched_weir.dequeue(c->s, c->burst, most, now_ns);
	c->leased_bytes -= all->way != QUOTA ? (uint64_t)c->n_burst * all->pkt_bytes : 0;
	atomic_store_explicit(&c->vtime, atomic_load_explicit(&c->vtime, memory_order_relaxed) +
		(uint64_t)c->n_burst * all->pkt_bytes / (c->id == 0 ? N_FIRST : N_VFS - N_FIRST), memory_order_relaxed);
	count(c, c->burst, c->n_burst, now_ns);
}

/* ---- A try ---- */

static void *run_core(void *arg)
{
	struct core *c = arg;
	struct multi *all = c->all;
	uint64_t now_ns;

	atomic_fetch_add(&all->n_ready, 1);
	while (atomic_load(&all->n_ready) < N_CORES)
		;
	while ((now_ns = sched_clock_ns(&all->clock)) < all->end_ns) {
		if (all->way != PINNED)
			schedule_own(c, now_ns);
		else if (c->id == 0)
			schedule_all(c, now_ns);
		else
			hand_over(c);
	}
	return NULL;
}

static struct rte_ring *make_ring(const char *name)
{
	return bench_not_null(rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ));
}

static void give_out(struct multi *all, bool is_first_silent)
{
	for (uint32_t i = 0; i < all->m.n; i++) {
		struct rte_mbuf *m = sched_mbuf(&all->m, all->m.order[i]);
		unsigned int id = core_of(sched_mbuf_vf(m));
		if (id == 0 && is_first_silent)
			continue;
		if (all->way == PINNED && id == 1)
			rte_ring_sp_enqueue(all->back, m);
		else
			sched_weir.enqueue(all->cores[id].s, &m, 1, NS_PER_S);
	}
}

static void start(struct multi *all, bool is_first_silent, uint64_t window_ns)
{
	all->to = make_ring("multi_to");
	all->back = make_ring("multi_back");
	for (unsigned int i = 0; i < N_CORES; i++) {
		struct core *c = &all->cores[i];
		struct sched_load own = all->load;
		*c = (struct core){.all = all, .id = i};
		atomic_store(&c->has_packets, i == 1 || !is_first_silent);
		if (all->way == QUOTA)
			own.link_bps = all->load.link_bps * (i == 0 ? N_FIRST : N_VFS - N_FIRST) / N_VFS;
		else if (all->way != PINNED)
			own.link_bps = NO_LIMIT;
		if (i == 0 || all->way != PINNED)
			c->s = bench_not_null(sched_weir.create(&own));
	}
	give_out(all, is_first_silent);
	atomic_store(&all->n_ready, 0);
	sched_clock_start(&all->clock);
	all->begin_ns = NS_PER_S + 40 * NS_PER_MS;
	all->end_ns = all->begin_ns + window_ns;
	atomic_store(&all->granted_bytes, (uint64_t)((clk_u128)all->load.link_bps * NS_PER_S / 8 / NS_PER_S));
}

static void stop(struct multi *all)
{
	for (unsigned int i = 0; i < N_CORES; i++)
		sched_weir.destroy(all->cores[i].s);
	rte_ring_free(all->to);
	rte_ring_free(all->back);
}

struct result {
	double used_pct, cov_pct, cycles;
};

static struct result result_of(const struct multi *all, bool is_first_silent)
{
	double sum = 0, squares = 0, n = is_first_silent ? N_VFS - N_FIRST : N_VFS;
	double window_ns = (double)(all->end_ns - all->begin_ns);

	for (uint32_t vf = 0; vf < N_VFS; vf++) {
		double pkts = (double)(all->cores[0].pkts[vf] + all->cores[1].pkts[vf]);
		sum += pkts;
		squares += pkts * pkts;
	}
	double mean = sum / n, variance = squares / n - mean * mean;
	return (struct result){
		.used_pct = 100 * sum * all->pkt_bytes * 8 / (window_ns / 1e9) / (double)all->load.link_bps,
		.cov_pct = mean > 0 ? 100 * sqrt(variance > 0 ? variance : 0) / mean : 0,
		.cycles = sum > 0 ? N_CORES * window_ns * BENCH_CYCLES_PER_NS / sum : 0,
	};
}

static struct result try_once(struct bench *b, struct multi *all, enum way way, bool is_first_silent)
{
	pthread_t other;
	pthread_attr_t attr;
	cpu_set_t cpus;

	all->way = way;
	start(all, is_first_silent, (bench_is_quick(b) ? 60 : 200) * NS_PER_MS);
	CPU_ZERO(&cpus);
	CPU_SET((unsigned int)bench_other_cpu(b), &cpus);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	if (pthread_create(&other, &attr, run_core, &all->cores[1]) != 0) {
		fputs("weir-bench: multi: no thread for the second core\n", stderr);
		exit(1);
	}
	run_core(&all->cores[0]);
	pthread_join(other, NULL);
	pthread_attr_destroy(&attr);
	struct result r = result_of(all, is_first_silent);
	stop(all);
	return r;
}

/* ---- The suite ---- */

static const struct kind {
	const char *name;
	uint64_t link_bps;
	bool is_first_silent;
} kinds[] = {
	{"10 Gb/s, all 12 send", LINK_BPS, false},
	{"10 Gb/s, the first core's 4 are silent", LINK_BPS, true},
	{"no limit", NO_LIMIT, false},
};

static void run_kind(struct bench *b, const struct kind *k)
{
	static struct multi all;	/* big, aligned */
	double used[N_WAYS][MOST_TRIES], cov[N_WAYS][MOST_TRIES], cycles[N_WAYS][MOST_TRIES];
	size_t n_tries = bench_is_quick(b) ? 5 : MOST_TRIES;

	all.load = (struct sched_load){.n_vfs = N_VFS, .backlog = BACKLOG, .pkt_len = PKT_LEN, .n_classes = 1,
		.overhead_bytes = SCHED_OVERHEAD_BYTES, .link_bps = k->link_bps, .sla = sched_sla_none};
	all.pkt_bytes = PKT_LEN + SCHED_OVERHEAD_BYTES;
	if (!sched_mbufs_create(&all.m, &all.load, bench_seed(b)))
		return;
	for (size_t i = 0; i < n_tries; i++) {
		bench_progress(b, "%s: %zu of %zu", k->name, i + 1, n_tries);
		for (enum way way = 0; way < N_WAYS; way++) {
			struct result r = try_once(b, &all, way, k->is_first_silent);
			used[way][i] = r.used_pct;
			cov[way][i] = r.cov_pct;
			cycles[way][i] = r.cycles;
		}
	}
	for (enum way way = 0; way < N_WAYS; way++) {
		if (k->link_bps == LINK_BPS) {
			bench_row(b, k->name, names[way], "link_used", bench_percentile(used[way], n_tries, 0.5), "%");
			bench_row(b, k->name, names[way], "cov_of_vfs", bench_percentile(cov[way], n_tries, 0.5), "%");
		} else if (way != QUOTA) {
			bench_row(b, k->name, names[way], "cycles_of_both", bench_percentile(cycles[way], n_tries, 0.5), "cycles");
		}
	}
	sched_mbufs_destroy(&all.m);
}

static void run(struct bench *b)
{
	if (bench_other_cpu(b) < 0) {
		bench_note(b, "needs two CPUs: left out");
		return;
	}
	sched_take_cpu(true);
	for (size_t i = 0; i < RTE_DIM(kinds); i++)
		run_kind(b, &kinds[i]);
	sched_take_cpu(false);
	bench_note(b, "%zu B with what a wire adds; medians of windows of %u ms, in turns; cycles_of_both: of both cores, polling too, for a packet",
		(size_t)PKT_LEN + SCHED_OVERHEAD_BYTES, bench_is_quick(b) ? 60 : 200);
	bench_note(b, "a core that is away (the other CPU runs more than this) costs a quota and a lease its part, and weir's second core what it reads");
}

const struct bench_suite suite_multi = {
	.name = "multi",
	.about = "one link and two cores: all VFs scheduled by one, a quota each, leases of a shared counter",
	.run = run,
};
