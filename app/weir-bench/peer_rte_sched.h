/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's own hierarchical scheduler as a peer: one port, one subport of the port's rate, a pipe a VF.
 * Packets are best effort (queues weighted 3:2:1), or traffic class 0 where they are urgent.  Only the queues that a
 * load uses exist, as small as its backlog allows: no other set-up makes it smaller or faster.
 * A guarantee cannot be told to it; where a load has one it runs without. */
#ifndef BENCH_PEER_RTE_SCHED_H
#define BENCH_PEER_RTE_SCHED_H

#include "sched_world.h"

/* The queue memory of one pipe with these settings, in bytes. */
uint32_t rte_sched_bytes_per_pipe(const struct sched_load *load);

#endif
