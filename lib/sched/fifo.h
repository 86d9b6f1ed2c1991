/* SPDX-License-Identifier: BSD-3-Clause */
/* FIFOs of packets as chains of chunks from one pool.  An entry is {packet, bytes, copies, drop precedence, ECN, time in}
 * in 16 bytes, so that a decision touches no packet memory.  A pool serves one thread.
 *
 * A chunk is 8 slots of 16 bytes, two cache lines: the first slot links to the next chunk, the others are entries.  A
 * position is a slot's number in the whole pool, so a FIFO is three numbers and four of them share a line.
 * Used by: egress.  Uses: nothing. */
#ifndef WEIR_FIFO_H
#define WEIR_FIFO_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define FIFO_CHUNK_SLOTS   8u
#define FIFO_CHUNK_ENTRIES (FIFO_CHUNK_SLOTS - 1)
#define FIFO_MAX_CHUNKS	   (UINT32_MAX / FIFO_CHUNK_SLOTS)
#define FIFO_MAX_BYTES	   ((1u << 17) - 1)
#define FIFO_MAX_COPIES	   31u
#define FIFO_NO_CHUNK	   UINT32_MAX

struct fifo_entry {
	void *handle;
	uint64_t packed;	/* fifo_pack() */
};

union fifo_slot {
	struct fifo_entry entry;
	uint32_t next;		/* of a chunk's first: the chunk behind it, or the next free one */
};
static_assert(sizeof(union fifo_slot) == 16, "8 slots in two cache lines");

/* Memory is touched as chunks are used for the first time: a reserve for the worst case costs nothing until it comes.
 * What has been used last is used first. */
struct fifo_pool {
	union fifo_slot *slots;
	uint32_t n_chunks, n_free;
	uint32_t first_free;
	uint32_t n_fresh;		/* the last ones, never used yet */
};

struct fifo {
	uint32_t head;		/* position of the first entry; unless empty */
	uint32_t tail;		/* and of where the next one goes: a chunk's first slot where the chunk is full */
	uint32_t n_pkts;
};

/* false: memory is out, or n_chunks is above FIFO_MAX_CHUNKS. */
bool fifo_pool_init(struct fifo_pool *pool, uint32_t n_chunks);
void fifo_pool_fini(struct fifo_pool *pool);

static inline void fifo_init(struct fifo *f)
{
	*f = (struct fifo){0};
}

/* What an entry says of its packet: time_in_ns mod 2^39 (9 minutes) << 25 | ect << 24 | drop_prec << 22 | copies << 17
 * | bytes. */
static inline uint64_t fifo_pack(uint32_t bytes, uint32_t copies, uint8_t drop_prec, bool is_ect, uint64_t now_ns)
{
	return now_ns << 25 | (uint64_t)is_ect << 24 | (uint64_t)drop_prec << 22 | (uint64_t)copies << 17 | bytes;
}

static inline uint32_t fifo_entry_bytes(const struct fifo_entry *e)
{
	return (uint32_t)e->packed & FIFO_MAX_BYTES;
}

static inline uint32_t fifo_entry_copies(const struct fifo_entry *e)
{
	return (uint32_t)(e->packed >> 17) & FIFO_MAX_COPIES;
}

static inline uint8_t fifo_entry_drop_prec(const struct fifo_entry *e)
{
	return (uint8_t)((e->packed >> 22) & 3);
}

/* It may be marked CE. */
static inline bool fifo_entry_is_ect(const struct fifo_entry *e)
{
	return (e->packed >> 24) & 1;
}

/* When it came, to be compared. */
static inline uint64_t fifo_entry_came(const struct fifo_entry *e)
{
	return e->packed >> 25;
}

/* How long the entry has waited. */
static inline uint64_t fifo_entry_waited_ns(const struct fifo_entry *e, uint64_t now_ns)
{
	return (now_ns - (e->packed >> 25)) & ((UINT64_C(1) << 39) - 1);
}

static inline uint32_t *fifo_link(const struct fifo_pool *pool, uint32_t chunk)
{
	return &pool->slots[chunk * FIFO_CHUNK_SLOTS].next;
}

/* A free chunk, or FIFO_NO_CHUNK. */
static inline uint32_t fifo_chunk_take(struct fifo_pool *pool)
{
	uint32_t c = pool->first_free;

	if (c != FIFO_NO_CHUNK)
		pool->first_free = *fifo_link(pool, c);
	else if (pool->n_fresh > 0)
		c = pool->n_chunks - pool->n_fresh--;
	else
		return FIFO_NO_CHUNK;
	pool->n_free--;
	return c;
}

static inline void fifo_chunk_give(struct fifo_pool *pool, uint32_t c)
{
	*fifo_link(pool, c) = pool->first_free;
	pool->first_free = c;
	pool->n_free++;
}

/* 'at' is behind the last entry of a chunk. */
static inline bool fifo_is_chunk_end(uint32_t at)
{
	return at % FIFO_CHUNK_SLOTS == 0;
}

/* fifo.c: a new chunk for fifo_push(), one time in seven.  false: the pool is empty. */
bool fifo_begin_chunk(struct fifo_pool *pool, struct fifo *f);

/* false: the pool is empty. */
static inline bool fifo_push(struct fifo_pool *pool, struct fifo *f, void *handle, uint64_t packed)
{
	if ((f->n_pkts == 0 || fifo_is_chunk_end(f->tail)) && !fifo_begin_chunk(pool, f))
		return false;
	pool->slots[f->tail++].entry = (struct fifo_entry){handle, packed};
	f->n_pkts++;
	return true;
}

/* The first entry; the FIFO must not be empty. */
static inline const struct fifo_entry *fifo_head(const struct fifo_pool *pool, const struct fifo *f)
{
	return &pool->slots[f->head].entry;
}

/* Where among the first FIFO_LOOK_PKTS entries the first of the worst drop precedence stands, and which it is; the FIFO
 * must not be empty. */
#define FIFO_LOOK_PKTS 8
uint32_t fifo_find_worst(const struct fifo_pool *pool, const struct fifo *f, struct fifo_entry *worst);

/* Takes the entry at such a place.  The others keep their order. */
struct fifo_entry fifo_pop_at(struct fifo_pool *pool, struct fifo *f, uint32_t at);

/* The chunk behind the one that the first entry stands in, if any: a chain of chunks is read one by one, each in no
 * cache. */
static inline void fifo_prefetch_behind(const struct fifo_pool *pool, const struct fifo *f)
{
	uint32_t c = f->head / FIFO_CHUNK_SLOTS;

	if (c == (f->tail - 1) / FIFO_CHUNK_SLOTS)
		return;
	const union fifo_slot *behind = &pool->slots[*fifo_link(pool, c) * FIFO_CHUNK_SLOTS];
	__builtin_prefetch(behind, 1);
	__builtin_prefetch(behind + FIFO_CHUNK_SLOTS / 2, 1);
}

/* Takes the first entry; the FIFO must not be empty. */
static inline struct fifo_entry fifo_pop(struct fifo_pool *pool, struct fifo *f)
{
	uint32_t at = f->head++;
	struct fifo_entry e = pool->slots[at].entry;

	if (--f->n_pkts == 0) {
		fifo_chunk_give(pool, at / FIFO_CHUNK_SLOTS);
	} else if (fifo_is_chunk_end(f->head)) {
		uint32_t c = at / FIFO_CHUNK_SLOTS;
		f->head = *fifo_link(pool, c) * FIFO_CHUNK_SLOTS + 1;
		fifo_chunk_give(pool, c);
		fifo_prefetch_behind(pool, f);
	}
	return e;
}

#endif
