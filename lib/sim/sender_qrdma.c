/* SPDX-License-Identifier: BSD-3-Clause */
/* QRDMA: DCQCN that gives way more where its class has slack. */
#include "sender_impl.h"
#include "sender_quality.h"

#define SLOT_NS 55000u

static void hear(struct sender *s, const struct sender_terms *t, const struct heard *h)
{
	bool is_cnp = rate_count(s, t, h);

	quality_count(&s->quality, h);
	if (h->at_ns >= s->quality.slot_ns + SLOT_NS)
		quality_end_slot(&s->quality, t, h->at_ns);
	if (is_cnp)
		rate_cut(s, t, quality_part(s->marks.alpha, quality_of(&s->quality, t, h)), h->at_ns);
}

const struct sender_law sender_qrdma = {.begin = rate_begin, .hear = hear, .advance = rate_advance, .loss_factor = 0.5};
