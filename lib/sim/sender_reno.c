/* SPDX-License-Identifier: BSD-3-Clause */
/* Reno (RFC 5681); marks count as losses (RFC 3168). */
#include "sender_impl.h"

#define HALF 0.5

static void hear(struct sender *s, const struct sender_terms *t, const struct heard *h)
{
	window_hear(s, t, h, HALF, HALF);
}

const struct sender_law sender_reno = {.hear = hear, .loss_factor = HALF};
