/* SPDX-License-Identifier: BSD-3-Clause */
#include "fifo.h"

#include <stdlib.h>

bool fifo_pool_init(struct fifo_pool *pool, uint32_t n_chunks)
{
	pool->chunks = malloc((size_t)n_chunks * sizeof(*pool->chunks));
	if (pool->chunks == NULL)
		return false;
	pool->n_chunks = pool->n_free = n_chunks;
	pool->first_free = n_chunks > 0 ? 0 : FIFO_NO_CHUNK;
	for (uint32_t i = 0; i < n_chunks; i++)
		pool->chunks[i].next = i + 1 < n_chunks ? i + 1 : FIFO_NO_CHUNK;
	return true;
}

void fifo_pool_fini(struct fifo_pool *pool)
{
	free(pool->chunks);
	*pool = (struct fifo_pool){.first_free = FIFO_NO_CHUNK};
}

void fifo_init(struct fifo *f)
{
	*f = (struct fifo){.head = FIFO_NO_CHUNK, .tail = FIFO_NO_CHUNK};
}

static bool add_chunk(struct fifo_pool *pool, struct fifo *f)
{
	uint32_t c = pool->first_free;

	if (c == FIFO_NO_CHUNK)
		return false;
	pool->first_free = pool->chunks[c].next;
	pool->n_free--;
	pool->chunks[c].next = FIFO_NO_CHUNK;
	if (f->tail == FIFO_NO_CHUNK) {
		f->head = c;
		f->head_at = 0;
	} else {
		pool->chunks[f->tail].next = c;
	}
	f->tail = c;
	f->tail_at = 0;
	return true;
}

static void drop_head_chunk(struct fifo_pool *pool, struct fifo *f)
{
	uint32_t c = f->head;

	f->head = pool->chunks[c].next;
	f->head_at = 0;
	if (f->head == FIFO_NO_CHUNK)
		f->tail = FIFO_NO_CHUNK;
	pool->chunks[c].next = pool->first_free;
	pool->first_free = c;
	pool->n_free++;
}

bool fifo_push(struct fifo_pool *pool, struct fifo *f, void *handle, uint32_t bytes, uint32_t copies,
	uint8_t drop_prec, uint64_t now_ns)
{
	if ((f->tail == FIFO_NO_CHUNK || f->tail_at == FIFO_CHUNK_ENTRIES) && !add_chunk(pool, f))
		return false;
	pool->chunks[f->tail].entry[f->tail_at++] = (struct fifo_entry){
		.handle = handle,
		.packed = now_ns << 24 | (uint64_t)drop_prec << 22 | (uint64_t)copies << 17 | bytes,
	};
	f->n_pkts++;
	f->n_bytes += bytes;
	return true;
}

struct fifo_entry fifo_pop(struct fifo_pool *pool, struct fifo *f)
{
	struct fifo_entry e = pool->chunks[f->head].entry[f->head_at++];

	f->n_pkts--;
	f->n_bytes -= fifo_entry_bytes(&e);
	if (f->head_at == FIFO_CHUNK_ENTRIES || f->n_pkts == 0)
		drop_head_chunk(pool, f);
	return e;
}
