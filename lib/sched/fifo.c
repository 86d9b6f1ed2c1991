/* SPDX-License-Identifier: BSD-3-Clause */
#include "fifo.h"

#include "mem.h"

bool fifo_pool_init(struct fifo_pool *pool, uint32_t n_chunks)
{
	size_t n_slots = (size_t)n_chunks * FIFO_CHUNK_SLOTS;

	if (n_chunks > FIFO_MAX_CHUNKS)
		return false;
	*pool = (struct fifo_pool){
		.slots = mem_reserve(n_slots, sizeof(*pool->slots)),
		.n_chunks = n_chunks,
		.n_free = n_chunks,
		.n_fresh = n_chunks,
		.first_free = FIFO_NO_CHUNK,
	};
	return pool->slots != NULL;
}

void fifo_pool_fini(struct fifo_pool *pool)
{
	mem_release(pool->slots, (size_t)pool->n_chunks * FIFO_CHUNK_SLOTS, sizeof(*pool->slots));
	*pool = (struct fifo_pool){.first_free = FIFO_NO_CHUNK};
}

bool fifo_begin_chunk(struct fifo_pool *pool, struct fifo *f)
{
	uint32_t c = fifo_chunk_take(pool);

	if (c == FIFO_NO_CHUNK)
		return false;
	if (f->n_pkts == 0)
		f->head = c * FIFO_CHUNK_SLOTS + 1;
	else
		*fifo_link(pool, (f->tail - 1) / FIFO_CHUNK_SLOTS) = c;
	f->tail = c * FIFO_CHUNK_SLOTS + 1;
	return true;
}

/* The first entries, which stand in one chunk or more.  Returns how many. */
static uint32_t look(const struct fifo_pool *pool, const struct fifo *f, struct fifo_entry *entry[FIFO_LOOK_PKTS])
{
	uint32_t n = f->n_pkts < FIFO_LOOK_PKTS ? f->n_pkts : FIFO_LOOK_PKTS;
	uint32_t at = f->head;

	for (uint32_t i = 0; i < n; i++, at++) {
		if (fifo_is_chunk_end(at))
			at = *fifo_link(pool, at / FIFO_CHUNK_SLOTS - 1) * FIFO_CHUNK_SLOTS + 1;
		entry[i] = &pool->slots[at].entry;
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
