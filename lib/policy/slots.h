/* SPDX-License-Identifier: BSD-3-Clause */
/* Which numbers of 0 .. n - 1 are free: a stack of them, so that the one last used, still in the cache, is
 * used next. Used by: pifo, flow_pifo.  Uses: nothing. */
#ifndef WEIR_SLOTS_H
#define WEIR_SLOTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define SLOT_NONE UINT32_MAX

struct slots {
	uint32_t *free;
	uint32_t n_free, n;
};

static inline bool slots_init(struct slots *s, uint32_t n)
{
	*s = (struct slots){.free = calloc(n, sizeof(*s->free)), .n_free = n, .n = n};
	for (uint32_t i = 0; s->free != NULL && i < n; i++)
		s->free[i] = n - 1 - i;
	return s->free != NULL;
}

static inline void slots_fini(struct slots *s)
{
	free(s->free);
	s->free = NULL;
}

/* SLOT_NONE when all are taken. */
static inline uint32_t slots_take(struct slots *s)
{
	return s->n_free == 0 ? SLOT_NONE : s->free[--s->n_free];
}

static inline void slots_give(struct slots *s, uint32_t slot)
{
	s->free[s->n_free++] = slot;
}

static inline uint32_t slots_n_taken(const struct slots *s)
{
	return s->n - s->n_free;
}

#endif
