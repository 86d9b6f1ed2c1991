/* SPDX-License-Identifier: BSD-3-Clause */
#include "fifo.h"

#include <stdlib.h>

bool fifo_pool_init(struct fifo_pool *pool, uint32_t n_chunks)
{
	*pool = (struct fifo_pool){
		.chunks = aligned_alloc(64, ((size_t)n_chunks + 1) * sizeof(*pool->chunks)),
		.n_chunks = n_chunks,
		.n_free = n_chunks,
		.n_fresh = n_chunks,
		.first_free = FIFO_NO_CHUNK,
	};
	return pool->chunks != NULL;
}

void fifo_pool_fini(struct fifo_pool *pool)
{
	free(pool->chunks);
	*pool = (struct fifo_pool){.first_free = FIFO_NO_CHUNK};
}

/* The first entries, which stand in one chunk or more.  Returns how many. */
static uint32_t look(const struct fifo_pool *pool, const struct fifo *f, struct fifo_entry *entry[FIFO_LOOK_PKTS])
{
	uint32_t n = f->n_pkts < FIFO_LOOK_PKTS ? f->n_pkts : FIFO_LOOK_PKTS;
	uint32_t c = f->head, at = f->head_at;

	for (uint32_t i = 0; i < n; i++, at++) {
		if (at == FIFO_CHUNK_ENTRIES) {
			c = pool->chunks[c].next;
			at = 0;
		}
		entry[i] = &pool->chunks[c].entry[at];
	}
	return n;
}

uint32_t fifo_find_worst(const struct fifo_pool *pool, const struct fifo *f, struct fifo_entry *worst)
{
	struct fifo_entry *entry[FIFO_LOOK_PKTS] = {NULL};
	uint32_t n = look(pool, f, entry), at = 0;

	for (uint32_t i = 1; i < n; i++) {
		if (fifo_entry_drop_prec(entry[i]) > fifo_entry_drop_prec(entry[at]))
			at = i;
	}
	*worst = *entry[at];
	return at;
}

struct fifo_entry fifo_pop_at(struct fifo_pool *pool, struct fifo *f, uint32_t at)
{
	struct fifo_entry *entry[FIFO_LOOK_PKTS] = {NULL};
	struct fifo_entry out;

	(void)look(pool, f, entry);
	out = *entry[at];
	for (; at > 0; at--)
		*entry[at] = *entry[at - 1];
	*entry[0] = out;
	return fifo_pop(pool, f);
}
