/* SPDX-License-Identifier: BSD-3-Clause */
#include <numa.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>
#include <rte_ring_elem.h>

#include "worker.h"

#define CACHE_LINE   64
#define FEW_WORKERS  4		/* so many get long rings */
#define LONG_RING    1024u
#define SHORT_RING   256u	/* there are n * (n - 1) of them */
#define SPIN_TURNS   64u	/* idle turns before the core rests between them */
#define LOOK_NS	     NS_PER_MS	/* how often the end is looked for */
#define EMPTY_LOOKS  3		/* a packet between two hands may hide from one look */
#define STALL_NS     (2 * NS_PER_S)

static_assert(sizeof(struct pkt) % 4 == 0, "rte_ring elements are words");

enum phase { PHASE_RUN, PHASE_DRAIN, PHASE_END };

struct worker {
	alignas(CACHE_LINE) struct port_io io;	/* first: the ctx of struct pipe_io */
	struct workers *all;
	struct pipe *pipe;
	struct tsc_clock clock;
	uint64_t last_ns;
	unsigned int id, lcore;
	uint32_t n_idle_turns;
	unsigned int next_from;			/* whose ring is emptied first in the next turn */
	struct rte_ring *to[PLACE_MAX_WORKERS];	/* NULL: itself */
	struct rte_ring *from[PLACE_MAX_WORKERS];
	uint32_t n_flushed;
	/* Set by the control core, taken away by the worker when it has applied it; NULL as a rule. */
	alignas(CACHE_LINE) const struct pipe_change *_Atomic change;
	const struct capture_set *_Atomic captures;	/* to be captured; NULL as a rule */
	const struct capture_set *_Atomic captured;	/* and what its pipe captures: written by the worker */
	alignas(CACHE_LINE) _Atomic uint32_t n_pkts;	/* inside its pipe; true while draining */
};

struct workers {
	struct worker worker[PLACE_MAX_WORKERS];
	unsigned int n, n_launched;
	uint64_t drain_ns;
	struct port_io io;			/* the control core's own, at the end */
	alignas(CACHE_LINE) _Atomic int phase;	/* enum phase; written by the control core alone */
};

static uint32_t ring_size(unsigned int n_workers)
{
	return n_workers <= FEW_WORKERS ? LONG_RING : SHORT_RING;
}

uint32_t workers_ring_pkts(unsigned int n_workers)
{
	return n_workers * (n_workers - 1) * ring_size(n_workers);
}

/* A ring of an exact size has room for the next power of two. */
uint64_t workers_ring_bytes(unsigned int n_workers)
{
	uint64_t n_rings = (uint64_t)n_workers * (n_workers - 1);

	return n_rings * (sizeof(struct rte_ring) + 2 * ring_size(n_workers) * sizeof(struct pkt));
}

/* --- what a worker does --- */

/* For packets: the last slot is a marker's. */
static uint32_t room_of(const struct rte_ring *ring)
{
	uint32_t n_free = rte_ring_free_count(ring);

	return n_free > 0 ? n_free - 1 : 0;
}

static uint32_t hand(void *ctx, unsigned int worker, const struct pkt *pkts, uint32_t n)
{
	struct worker *w = ctx;
	uint32_t most = pkts->handle != NULL ? room_of(w->to[worker]) : n;

	if (n > most)
		n = most;
	return rte_ring_sp_enqueue_burst_elem(w->to[worker], pkts, sizeof(*pkts), n, NULL);
}

static uint32_t hand_room(void *ctx, unsigned int worker)
{
	const struct worker *w = ctx;

	return room_of(w->to[worker]);
}

static uint32_t take(void *ctx, struct pkt *pkts, uint32_t n)
{
	struct worker *w = ctx;
	unsigned int n_workers = w->all->n;
	uint32_t got = 0;

	for (unsigned int asked = 0; asked < n_workers && got < n; asked++) {
		struct rte_ring *ring = w->from[w->next_from];

		w->next_from = w->next_from + 1 == n_workers ? 0 : w->next_from + 1;
		if (ring != NULL)
			got += rte_ring_sc_dequeue_burst_elem(ring, pkts + got, sizeof(*pkts), n - got, NULL);
	}
	return got;
}

/* Never back: two cores' counters may differ by a few ticks, and a lcore may be moved by hand. */
static inline uint64_t now(struct worker *w)
{
	w->last_ns = u64_max(w->last_ns, tsc_now_ns(&w->clock));
	return w->last_ns;
}

static inline enum phase phase(const struct worker *w)
{
	return (enum phase)atomic_load_explicit(&w->all->phase, memory_order_acquire);
}

/* Nothing to do for a while: leave the core's other thread, and its power, alone between looks. */
static inline void rest_if_idle(struct worker *w, uint32_t moved)
{
	if (moved > 0)
		w->n_idle_turns = 0;
	else if (w->n_idle_turns < SPIN_TURNS)
		w->n_idle_turns++;
	else
		rte_pause();
}

static __attribute__((noinline)) void apply_change(struct worker *w)
{
	const struct pipe_change *change = atomic_load_explicit(&w->change, memory_order_acquire);

	if (pipe_apply(w->pipe, change, now(w)))
		atomic_store_explicit(&w->change, NULL, memory_order_release);
}

static __attribute__((noinline)) void apply_captures(struct worker *w)
{
	const struct capture_set *set = atomic_load_explicit(&w->captures, memory_order_acquire);

	pipe_set_captures(w->pipe, set);
	atomic_store_explicit(&w->captured, set, memory_order_release);
}

static inline bool has_captures(const struct worker *w, memory_order order)
{
	return atomic_load_explicit(&w->captures, memory_order_relaxed) == atomic_load_explicit(&w->captured, order);
}

static void run_turn(struct worker *w)
{
	if (__builtin_expect(!has_captures(w, memory_order_relaxed), 0))
		apply_captures(w);
	if (__builtin_expect(atomic_load_explicit(&w->change, memory_order_relaxed) != NULL, 0))
		apply_change(w);
	rest_if_idle(w, pipe_turn(w->pipe, now(w)));
}

static void drain_turn(struct worker *w)
{
	pipe_turn(w->pipe, now(w));
	atomic_store_explicit(&w->n_pkts, pipe_n_pkts(w->pipe), memory_order_release);
}

/* net_tap reads only after a signal, which somebody must take: a worker, which has no sleep to be woken from. */
void workers_io_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	for (int s = SIGRTMIN; s <= SIGRTMAX; s++)
		sigaddset(&set, s);
	pthread_sigmask(how, &set, NULL);
}

static int work(void *arg)
{
	struct worker *w = arg;

	workers_io_signals(SIG_UNBLOCK);
	while (phase(w) == PHASE_RUN)
		run_turn(w);
	pipe_stop_asking(w->pipe);
	while (phase(w) == PHASE_DRAIN)
		drain_turn(w);
	w->n_flushed = pipe_flush(w->pipe, now(w));
	return 0;
}

/* --- making them --- */

/* A ring from one worker to another, in the reader's memory. */
static bool connect_workers(struct workers *all, unsigned int from, unsigned int to, struct why *why)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *ring;

	if (from == to)
		return true;
	snprintf(name, sizeof(name), "weir_%u_%u", from, to);
	ring = rte_ring_create_elem(name, sizeof(struct pkt), ring_size(all->n),
		(int)rte_lcore_to_socket_id(all->worker[to].lcore), RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
	if (ring == NULL) {
		why_add(why, "no ring from worker %u to worker %u: %s", from, to, rte_strerror(rte_errno));
		return false;
	}
	all->worker[from].to[to] = ring;
	all->worker[to].from[from] = ring;
	return true;
}

/* While 'node' is preferred, what is allocated and touched lies there. */
static void prefer_numa(int node)
{
	if (numa_available() < 0 || numa_max_node() == 0)
		return;
	if (node >= 0)
		numa_set_preferred(node);
	else
		numa_set_localalloc();
}

static bool equip(struct worker *w, const struct workers_params *params, struct why *why)
{
	int node = (int)rte_lcore_to_socket_id(w->lcore);
	struct pipe_io io = {
		.ctx = w,
		.rx = port_rx,
		.tx = port_tx,
		.free = port_free,
		.copy = port_copy,
		.look = port_look,
		.read = port_read,
		.retag = port_retag,
		.mark_ce = port_mark_ce,
		.set_dscp = port_set_dscp,
		.ring_pkts = port_ring_pkts,
		.hand = hand,
		.hand_room = hand_room,
		.take = take,
	};

	static_assert(offsetof(struct worker, io) == 0, "the port functions take the same ctx");
	w->io = (struct port_io){.ports = params->ports, .pool = ports_pool(params->ports, node)};
	w->clock = *params->clock;
	prefer_numa(node);
	w->pipe = pipe_create(params->fabric, w->id, &io, now(w), why);
	prefer_numa(-1);
	return w->pipe != NULL;
}

struct workers *workers_create(const struct workers_params *params, struct why *why)
{
	struct workers *all = aligned_alloc(CACHE_LINE, sizeof(*all));
	bool ok = true;

	if (all == NULL) {
		why_add(why, "no memory for the workers");
		return NULL;
	}
	memset(all, 0, sizeof(*all));
	all->n = params->plan->n_workers;
	all->drain_ns = params->conf->drain_ns;
	for (unsigned int i = 0; i < all->n; i++) {
		all->worker[i].all = all;
		all->worker[i].id = i;
		all->worker[i].lcore = params->plan->lcore[i];
	}
	for (unsigned int i = 0; ok && i < all->n * all->n; i++)
		ok = connect_workers(all, i / all->n, i % all->n, why);
	for (unsigned int i = 0; ok && i < all->n; i++)
		ok = equip(&all->worker[i], params, why);
	if (!ok) {
		workers_destroy(all);
		return NULL;
	}
	all->io = all->worker[0].io;
	return all;
}

void workers_destroy(struct workers *all)
{
	if (all == NULL)
		return;
	for (unsigned int i = 0; i < all->n; i++) {
		struct worker *w = &all->worker[i];

		if (w->pipe != NULL)
			pipe_destroy(w->pipe);
		for (unsigned int from = 0; from < all->n; from++)
			rte_ring_free(w->from[from]);
	}
	free(all);
}

/* --- running them --- */

bool workers_start(struct workers *all, struct why *why)
{
	for (unsigned int i = 0; i < all->n; i++) {
		int rc = rte_eal_remote_launch(work, &all->worker[i], all->worker[i].lcore);

		if (rc != 0) {
			why_add(why, "lcore %u cannot be launched: %s", all->worker[i].lcore, strerror(-rc));
			return false;
		}
		all->n_launched++;
	}
	return true;
}

void workers_change(struct workers *all, const struct pipe_change *change)
{
	for (unsigned int i = 0; i < all->n; i++)
		atomic_store_explicit(&all->worker[i].change, change, memory_order_release);
}

bool workers_have_changed(const struct workers *all)
{
	bool is_done = true;

	for (unsigned int i = 0; i < all->n; i++)
		is_done &= atomic_load_explicit(&all->worker[i].change, memory_order_acquire) == NULL;
	return is_done;
}

void workers_capture(struct workers *all, const struct capture_set *set)
{
	for (unsigned int i = 0; i < all->n; i++)
		atomic_store_explicit(&all->worker[i].captures, set, memory_order_release);
}

bool workers_have_captures(const struct workers *all)
{
	bool is_done = true;

	for (unsigned int i = 0; i < all->n; i++)
		is_done &= has_captures(&all->worker[i], memory_order_acquire);
	return is_done;
}

static void set_phase(struct workers *all, enum phase phase)
{
	atomic_store_explicit(&all->phase, phase, memory_order_release);
}

static void sleep_ns(uint64_t ns)
{
	struct timespec t = {.tv_nsec = (long)ns};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

static bool is_empty(const struct workers *all)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < all->n; i++) {
		n += atomic_load_explicit(&all->worker[i].n_pkts, memory_order_acquire);
		for (unsigned int from = 0; from < all->n; from++) {
			if (all->worker[i].from[from] != NULL)
				n += rte_ring_count(all->worker[i].from[from]);
		}
	}
	return n == 0;
}

static void drain(struct workers *all)
{
	struct tsc_clock *clock = &all->worker[0].clock;
	uint64_t until_ns = tsc_now_ns(clock) + all->drain_ns;
	int looks = 0;

	for (unsigned int i = 0; i < all->n; i++)
		atomic_store(&all->worker[i].n_pkts, 1);	/* not empty until it says so itself */
	set_phase(all, PHASE_DRAIN);
	while (looks < EMPTY_LOOKS && tsc_now_ns(clock) < until_ns) {
		sleep_ns(LOOK_NS);
		looks = is_empty(all) ? looks + 1 : 0;
	}
}

/* False: it still runs; a driver keeps it. */
static bool wait_for(const struct worker *w)
{
	for (uint64_t waited_ns = 0; waited_ns < STALL_NS; waited_ns += LOOK_NS) {
		if (rte_eal_get_lcore_state(w->lcore) == WAIT)
			return true;
		sleep_ns(LOOK_NS);
	}
	return false;
}

/* What lies between two workers, when none runs any more. */
static uint32_t empty_rings(struct workers *all)
{
	struct pkt pkts[PIPE_BURST];
	uint32_t n_dropped = 0, n;

	for (unsigned int i = 0; i < all->n; i++) {
		while ((n = take(&all->worker[i], pkts, PIPE_BURST)) > 0) {
			for (uint32_t k = 0; k < n; k++) {
				if (pkts[k].handle == NULL)	/* no packet: pipe_hand_marker() */
					continue;
				port_free(&all->io, &pkts[k].handle, 1);
				n_dropped++;
			}
		}
	}
	return n_dropped;
}

struct workers_end workers_stop(struct workers *all)
{
	struct workers_end end = {0};

	if (all->n_launched == all->n)
		drain(all);
	set_phase(all, PHASE_END);
	for (unsigned int i = 0; i < all->n_launched; i++) {
		if (!wait_for(&all->worker[i])) {
			end.stalled = true;
			continue;
		}
		rte_eal_wait_lcore(all->worker[i].lcore);
		end.queued_pkts += all->worker[i].n_flushed;
	}
	if (!end.stalled)
		end.ring_pkts = empty_rings(all);
	all->n_launched = 0;
	return end;
}

unsigned int workers_n(const struct workers *all)
{
	return all->n;
}

/* --- looking at them --- */

void workers_view_vf(const struct workers *all, vf_id vf, struct vf_view *view)
{
	memset(view, 0, sizeof(*view));
	for (unsigned int i = 0; i < all->n; i++)
		pipe_view_vf(all->worker[i].pipe, vf, view);
}

void workers_view_delay(const struct workers *all, vf_id vf, struct delay_view *view)
{
	memset(view, 0, sizeof(*view));
	for (unsigned int i = 0; i < all->n; i++)
		pipe_view_delay(all->worker[i].pipe, vf, view);
}

void workers_view_tenant(const struct workers *all, uint32_t tenant, struct tenant_view *view)
{
	memset(view, 0, sizeof(*view));
	for (unsigned int i = 0; i < all->n; i++)
		pipe_view_tenant(all->worker[i].pipe, tenant, view);
}

void workers_view_echoes(const struct workers *all, vf_id vf, struct echo_view *view)
{
	memset(view, 0, sizeof(*view));
	for (unsigned int i = 0; i < all->n; i++)
		pipe_view_echoes(all->worker[i].pipe, vf, view);
}

void workers_view_credit(const struct workers *all, vf_id vf, struct credit_view *view)
{
	memset(view, 0, sizeof(*view));
	for (unsigned int i = 0; i < all->n; i++)
		pipe_view_credit(all->worker[i].pipe, vf, view);
}

void workers_view_load(const struct workers *all, unsigned int worker, struct load_view *view)
{
	pipe_view_load(all->worker[worker].pipe, view);
}

void workers_view_askers(const struct workers *all, struct asker_view by_port[CONF_MAX_PORTS])
{
	memset(by_port, 0, CONF_MAX_PORTS * sizeof(*by_port));
	for (unsigned int i = 0; i < all->n; i++)
		pipe_view_askers(all->worker[i].pipe, by_port);
}

void workers_view_one(const struct workers *all, unsigned int worker, struct worker_view *view)
{
	memset(view, 0, sizeof(*view));
	pipe_view_worker(all->worker[worker].pipe, tsc_now_ns(&all->worker[worker].clock), view);
}
