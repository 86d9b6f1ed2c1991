/* SPDX-License-Identifier: BSD-3-Clause */
/* DCTCP (RFC 8257): a window gives way by half the marked part of the last ones. */
#include "sender_impl.h"

#define SMOOTHING 16

static void hear(struct sender *s, const struct sender_terms *t, const struct heard *h)
{
	double part;

	window_weigh_marks(s, h, smoothing_of(t, SMOOTHING), &part);
	window_hear(s, t, h, 1 - s->marks.alpha / 2, 0.5);
}

const struct sender_law sender_dctcp = {.hear = hear, .loss_factor = 0.5};
