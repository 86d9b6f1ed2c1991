/* SPDX-License-Identifier: BSD-3-Clause */
/* QTCP: DCTCP that decides once a window, and gives way more where its class has slack. */
#include "sender_impl.h"
#include "sender_quality.h"

#define SMOOTHING 2

static void hear(struct sender *s, const struct sender_terms *t, const struct heard *h)
{
	double part = 0, quality;
	bool is_slot_over = window_weigh_marks(s, h, smoothing_of(t, SMOOTHING), &part);

	quality_count(&s->quality, h);
	if (h->has_ce && s->cwnd < s->ssthresh)
		s->ssthresh = s->cwnd;	/* slow start ends with the first mark */
	if (is_slot_over)
		quality_end_slot(&s->quality, t, h->at_ns);
	quality = quality_of(&s->quality, t, h);
	if (h->n_lost > 0 && h->seq >= s->recover_seq)
		window_reduce(s, 0.5, h->at_ns, h->next_seq);
	else if (is_slot_over && part > 0)
		window_reduce(s, 1 - quality_part(s->marks.alpha, quality) / 2, h->at_ns, h->next_seq);
	else if (s->marks.n_marked == 0)
		window_grow(s, t, window_step(s, t, h));
}

static void begin(struct sender *s, const struct sender_terms *t, uint64_t at_ns)
{
	(void)t;
	(void)at_ns;
	s->marks.alpha = 0;	/* smoothed so little that a first guess is not needed */
}

const struct sender_law sender_qtcp = {.begin = begin, .hear = hear, .loss_factor = 0.5};
