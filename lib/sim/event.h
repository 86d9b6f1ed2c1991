/* SPDX-License-Identifier: BSD-3-Clause */
/* The event clock: what happens at a time of its own (an acknowledgement arrives, a sender begins), earliest first; what
 * happens at one time in the order it was put in, so that a run repeats.  A binary heap.
 * Used by: world.  Uses: nothing. */
#ifndef WEIR_EVENT_H
#define WEIR_EVENT_H

#include <stdbool.h>
#include <stdint.h>

enum event_kind { EVENT_WAKE, EVENT_ACK, EVENT_TIMER, EVENT_SEND, EVENT_MESSAGE, EVENT_STOP, EVENT_WIRE };

struct event {
	uint64_t at_ns;
	uint64_t order;		/* set by event_push() */
	uint64_t seq, sent_ns;	/* of what an acknowledgement is for */
	uint32_t who;		/* a source, or a flow */
	uint8_t kind;		/* enum event_kind */
	bool has_ce;
};

struct event_clock {
	struct event *events;
	uint32_t n, room;
	uint64_t n_pushed;
};

/* false: out of memory, it is as it was. */
bool event_push(struct event_clock *c, const struct event *e);

/* The earliest one's time; UINT64_MAX: there is none. */
static inline uint64_t event_next_ns(const struct event_clock *c)
{
	return c->n > 0 ? c->events[0].at_ns : UINT64_MAX;
}

/* Takes the earliest one; there must be one. */
struct event event_pop(struct event_clock *c);

void event_fini(struct event_clock *c);

#endif
