/* SPDX-License-Identifier: BSD-3-Clause */
/* What every scheduler suite has in common: the load (VFs, their SLAs, packets), the mbufs, and a peer to run it by.
 * A load is closed: what leaves comes back to its own VF with the next burst, so a VF's backlog stays what it was and
 * the trace is the seeded order in which the mbufs were handed over first, the same for all.  Schedulers keep pointers
 * and write nothing into an mbuf, so that all contenders of a case run on the very same ones, at the same time.
 *
 * An mbuf carries its VF and class where rte_sched wants them (hash.sched), written once, before any clock runs.
 * Bytes: a packet counts pkt_len + overhead_bytes in every bound and on the link, with every contender. */
#ifndef BENCH_SCHED_WORLD_H
#define BENCH_SCHED_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <rte_sched.h>

#include "bench.h"
#include "clk.h"
#include "pkt.h"

#define SCHED_BURST	     32u
#define SCHED_OVERHEAD_BYTES RTE_SCHED_FRAME_OVERHEAD_DEFAULT
#define SCHED_TURN_NS	     (50 * NS_PER_US)	/* weir.conf's default */

struct sched_sla {
	uint64_t max_bps, max_pps;	/* 0 = no such bound */
	uint64_t min_bps;
	uint64_t urgent_bps;
	uint32_t weight;		/* 0 = 1 */
};

struct sched_load {
	uint32_t n_vfs;
	uint32_t n_sending;		/* 0 = all; else so many of them, anywhere, have packets */
	uint32_t backlog;		/* packets of each VF that sends */
	uint32_t pkt_len;
	uint32_t (*len_of)(const struct sched_load *load, uint32_t vf, uint32_t i);	/* of a VF's i-th, or NULL */
	uint32_t overhead_bytes;
	uint8_t n_classes;		/* 1: medium; 2: high and low alternately */
	bool has_urgent;		/* urgent packets come too (the suite marks them) */
	uint64_t link_bps;
	uint64_t vf_bps, flood_pps;	/* for 'sla' */
	void (*sla)(const struct sched_load *load, uint32_t vf, struct sched_sla *sla);
	/* rte_sched's settings, which have no counterpart here. */
	bool tc_ov;
	uint32_t tc_period_ms;
	uint64_t tb_bytes;
	bool is_unlimited;		/* every rate is the port's */
};

static inline uint32_t sched_n_sending(const struct sched_load *load)
{
	return load->n_sending ? load->n_sending : load->n_vfs;
}

/* A scheduler under test.  'now_ns' is the time of the burst; who has his own clock (rte_sched) ignores it. */
struct sched_peer {
	const char *name;
	void *(*create)(const struct sched_load *load);		/* NULL: not possible */
	uint32_t (*enqueue)(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns);	/* taken */
	uint32_t (*dequeue)(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns);
	void (*destroy)(void *s);
};

/* The memory of one pipe of rte_sched with these settings, in bytes. */
uint32_t rte_sched_bytes_per_pipe(const struct sched_load *load);

extern const struct sched_peer sched_weir;	/* lib/sched, as the pipeline drives it */
extern const struct sched_peer sched_naive;	/* a token bucket a VF, deficit round robin over all that wait */
extern const struct sched_peer sched_heap;	/* hClock as published, in binary heaps */
extern const struct sched_peer sched_fq;	/* limits alone, as the kernel's fq: a red-black tree of who must wait */
extern const struct sched_peer sched_carousel;	/* limits alone, a wheel of packets looked through slot by slot */
extern const struct sched_peer sched_rte;	/* peer_rte_sched.c; takes whatever the sink takes */
extern const struct sched_peer sched_rte_capped;	/* the same behind a sink of the port's rate, for real time */

struct sched_mbufs {
	uint8_t *base;
	size_t n_bytes;
	uint32_t n;
	uint32_t *order;		/* the shuffle */
};

/* One of 'load' at work. */
struct sched_run {
	const struct sched_peer *peer;
	void *s;
	struct rte_mbuf *burst[SCHED_BURST];
	uint32_t n_burst;		/* popped, to be pushed with the next burst */
	struct clk now;			/* virtual time */
	price_t step;			/* of a burst */
	uint64_t n_lost;		/* packets refused: must stay 0 */
};

/* Real time as ns since the start, beginning at 1 s: schedulers may look back. */
struct sched_clock {
	uint64_t start_tsc;
	uint64_t ns_per_tsc;		/* 32.32 */
};

bool sched_mbufs_create(struct sched_mbufs *m, const struct sched_load *load, uint64_t seed);
/* The same mbufs for another load of as many, when no scheduler holds them. */
void sched_mbufs_mark(struct sched_mbufs *m, const struct sched_load *load);
void sched_mbufs_destroy(struct sched_mbufs *m);
struct rte_mbuf *sched_mbuf(const struct sched_mbufs *m, uint32_t i);
/* Sets an mbuf's VF, class and length. */
void sched_mbuf_set(struct rte_mbuf *m, uint32_t vf, enum tclass tclass, uint32_t pkt_len);

static inline uint32_t sched_mbuf_vf(const struct rte_mbuf *m)
{
	return m->hash.sched.queue_id >> 4;
}

/* rte_sched's queues 0 .. 11 are strict classes, 12 .. 15 the weighted ones of best effort. */
static inline uint8_t sched_mbuf_tclass(const struct rte_mbuf *m)
{
	uint32_t queue = m->hash.sched.queue_id & 15;

	return queue < RTE_SCHED_TRAFFIC_CLASS_BE ? TC_URGENT : (uint8_t)(queue - RTE_SCHED_TRAFFIC_CLASS_BE + TC_HIGH);
}

/* Creates the peer's scheduler and hands it all mbufs.  false: not possible with this peer. */
bool sched_run_start(struct sched_run *r, const struct sched_peer *peer, const struct sched_load *load,
	const struct sched_mbufs *m, uint64_t now_ns);
/* Hands it more mbufs, all of 'm'. */
void sched_run_fill(struct sched_run *r, const struct sched_mbufs *m);
void sched_run_stop(struct sched_run *r);

/* Moves n packets or more, on virtual time: a burst out, the same burst in, a step ahead.  false: it got stuck. */
bool sched_run_virtual(struct sched_run *r, uint32_t n);

/* For 'load.len_of': 7 x 60, 4 x 590, 1 x 1514 B in 12. */
uint32_t sched_len_imix(const struct sched_load *load, uint32_t vf, uint32_t i);

/* SLAs for 'load.sla'. */
void sched_sla_none(const struct sched_load *load, uint32_t vf, struct sched_sla *sla);
void sched_sla_limit(const struct sched_load *load, uint32_t vf, struct sched_sla *sla);	/* max = vf_bps */
void sched_sla_full(const struct sched_load *load, uint32_t vf, struct sched_sla *sla);	/* min, max, weights 1:2:3:4 */

/* Before everybody else on this CPU, where we may (nice -20), and back: real time does not wait for a compiler beside us. */
void sched_take_cpu(bool is_taken);

void sched_clock_start(struct sched_clock *c);

static inline uint64_t sched_clock_ns(const struct sched_clock *c)
{
	return NS_PER_S + (uint64_t)(((clk_u128)(rte_rdtsc() - c->start_tsc) * c->ns_per_tsc) >> 32);
}

#endif
