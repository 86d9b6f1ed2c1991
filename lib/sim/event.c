/* SPDX-License-Identifier: BSD-3-Clause */
#include "event.h"

#include <stdlib.h>

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

bool event_push(struct event_clock *c, const struct event *e)
{
	uint32_t at = c->n;

	if (c->n == c->room) {
		uint32_t room = c->room > 0 ? 2 * c->room : 256;
		struct event *bigger = realloc(c->events, room * sizeof(*bigger));
		if (bigger == NULL)
			return false;
		c->events = bigger;
		c->room = room;
	}
	struct event mine = *e;
	mine.order = c->n_pushed++;
	for (c->n++; at > 0 && is_before(&mine, &c->events[(at - 1) / 2]); at = (at - 1) / 2)
		c->events[at] = c->events[(at - 1) / 2];
	c->events[at] = mine;
	return true;
}

struct event event_pop(struct event_clock *c)
{
	struct event first = c->events[0], last = c->events[--c->n];
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < c->n) {
		if (child + 1 < c->n && is_before(&c->events[child + 1], &c->events[child]))
			child++;
		if (!is_before(&c->events[child], &last))
			break;
		c->events[at] = c->events[child];
		at = child;
	}
	c->events[at] = last;
	return first;
}

void event_fini(struct event_clock *c)
{
	free(c->events);
	*c = (struct event_clock){0};
}
