/* SPDX-License-Identifier: BSD-3-Clause */
#include "sender.h"

#include <stddef.h>

#include "sender_impl.h"

#define FIRST_CWND   10.0
#define NO_THRESHOLD 1e9
#define PACE_START   2.0

static const struct sender_law *const laws[N_SENDER_ALGORITHMS] = {
	[SENDER_RENO] = &sender_reno,
	[SENDER_CUBIC] = &sender_cubic,
	[SENDER_DCTCP] = &sender_dctcp,
	[SENDER_D2TCP] = &sender_d2tcp,
	[SENDER_QTCP] = &sender_qtcp,
	[SENDER_DCQCN] = &sender_dcqcn,
	[SENDER_QRDMA] = &sender_qrdma,
};

void sender_begin(struct sender *s, const struct sender_terms *t, uint64_t at_ns)
{
	*s = (struct sender){
		.cwnd = FIRST_CWND,
		.ssthresh = NO_THRESHOLD,
		.w_max = FIRST_CWND,
		.marks = {.alpha = 1},
		.quality = {.slot_ns = at_ns},
	};
	if (laws[t->algorithm]->begin != NULL)
		laws[t->algorithm]->begin(s, t, at_ns);
}

/* The window spread over a smoothed round trip; in slow start twice as fast, or the pace would hold it back. */
static void pace(struct sender *s, const struct heard *h)
{
	double rtt_ns = (double)(h->at_ns - h->sent_ns), factor = s->cwnd < s->ssthresh ? PACE_START : 1;

	s->srtt_ns += s->srtt_ns > 0 ? (rtt_ns - s->srtt_ns) / 8 : rtt_ns;
	s->rate_bps = factor * s->cwnd * h->bytes * 8e9 / s->srtt_ns;
}

void sender_hear(struct sender *s, const struct sender_terms *t, const struct heard *h)
{
	sender_advance(s, t, h->at_ns);
	laws[t->algorithm]->hear(s, t, h);
	if (t->is_paced && !sender_is_paced(t->algorithm))
		pace(s, h);
}

void sender_advance(struct sender *s, const struct sender_terms *t, uint64_t at_ns)
{
	if (laws[t->algorithm]->advance != NULL)
		laws[t->algorithm]->advance(s, t, at_ns);
}

void sender_silence(struct sender *s, const struct sender_terms *t, uint64_t at_ns, uint64_t next_seq)
{
	if (sender_is_paced(t->algorithm)) {
		rate_cut(s, t, 1, at_ns);
		return;
	}
	window_reduce(s, laws[t->algorithm]->loss_factor, at_ns, next_seq);
	s->cwnd = 2;
}
