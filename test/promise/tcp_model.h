/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP senders in a fake world: what a bulk transfer makes of limits, drops and marks.  A flow is a congestion window on
 * virtual time; every packet delivered is acknowledged 'rtt_ns' later, every gap in what arrives is a loss (nothing is
 * reordered), and lost data is sent again as new.  Slow start, then CUBIC (RFC 9438) or Reno (RFC 5681); one reduction a
 * round trip.  Marks: RFC 3168 (as a loss), or DCTCP (RFC 8257).  No pacing, no HyStart; no limit on what a flow has in
 * its guest's ring, the worst of what guests run, or Linux's (has_small_queues).
 * Used by: the promise tests of TCP.  Uses: fake_rim. */
#ifndef WEIR_TCP_MODEL_H
#define WEIR_TCP_MODEL_H

#include "fake_rim.h"

#define TCP_MAX_FLOWS 32
#define TCP_BYTES     1514	/* of a frame, L2 */

enum tcp_kind { TCP_RENO, TCP_CUBIC };
enum tcp_ecn { TCP_NO_ECN, TCP_ECN, TCP_DCTCP };

struct tcp_params {
	uint32_t n_flows;
	uint64_t rtt_ns;
	enum tcp_kind kind;
	enum tcp_ecn ecn;
	uint16_t port;		/* of the senders' guest */
	uint64_t dst;		/* MAC */
	uint32_t most_pkts;	/* receive window of a flow; 0 = 4000 */
	bool has_small_queues;	/* what waits in the guest's ring is bounded as Linux bounds it; what weir has read is not seen */
	uint32_t first_pkts;	/* its first window, slow start and DCTCP's first guess behind it; 0 = 10, and slow start */
};

struct tcp;

struct tcp *tcp_create(struct rim *r, const struct tcp_params *params);
void tcp_destroy(struct tcp *t);	/* its packets may still be on the way, for which nobody waits any more */
void tcp_run(struct tcp *t, uint64_t ns);

/* Counting begins anew. */
void tcp_mark(struct tcp *t);
double tcp_bps(const struct tcp *t);		/* L2 delivered, all flows */
uint64_t tcp_median_delay_ns(struct tcp *t);	/* from the guest's ring to the sink */
uint64_t tcp_lost(const struct tcp *t);
uint64_t tcp_marked(const struct tcp *t);

#endif
