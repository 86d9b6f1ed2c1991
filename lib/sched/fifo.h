/* SPDX-License-Identifier: BSD-3-Clause */
/* FIFOs of packets as chains of chunks from one pool.  An entry is {packet, bytes, copies, drop precedence, ECN, time in}
 * in 16 bytes, so that a decision touches no packet memory.  A pool serves one thread.
 * Used by: egress.  Uses: nothing. */
#ifndef WEIR_FIFO_H
#define WEIR_FIFO_H

#include <stdbool.h>
#include <stdint.h>

#define FIFO_CHUNK_ENTRIES 7
#define FIFO_MAX_BYTES	   ((1u << 17) - 1)
#define FIFO_MAX_COPIES	   31u
#define FIFO_NO_CHUNK	   UINT32_MAX

struct fifo_entry {
	void *handle;
	uint64_t packed;	/* fifo_pack() */
};

struct fifo_chunk {
	struct fifo_entry entry[FIFO_CHUNK_ENTRIES];
	uint32_t next;
	uint32_t unused[3];
};

/* Memory is touched as chunks are used for the first time: a reserve for the worst case costs nothing until it comes.
 * What has been used last is used first. */
struct fifo_pool {
	struct fifo_chunk *chunks;
	uint32_t n_chunks, n_free;
	uint32_t first_free;
	uint32_t n_fresh;		/* the last ones, never used yet */
};

struct fifo {
	uint32_t head, tail;		/* chunks; unless empty */
	uint32_t n_pkts;
	uint8_t head_at, tail_at;	/* positions inside them */
	uint16_t unused;
};

bool fifo_pool_init(struct fifo_pool *pool, uint32_t n_chunks);
void fifo_pool_fini(struct fifo_pool *pool);

static inline void fifo_init(struct fifo *f)
{
	*f = (struct fifo){.head = FIFO_NO_CHUNK, .tail = FIFO_NO_CHUNK};
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

/* How long the entry has waited. */
static inline uint64_t fifo_entry_waited_ns(const struct fifo_entry *e, uint64_t now_ns)
{
	return (now_ns - (e->packed >> 25)) & ((UINT64_C(1) << 39) - 1);
}

/* A free chunk, or FIFO_NO_CHUNK. */
static inline uint32_t fifo_chunk_take(struct fifo_pool *pool)
{
	uint32_t c = pool->first_free;

	if (c != FIFO_NO_CHUNK)
		pool->first_free = pool->chunks[c].next;
	else if (pool->n_fresh > 0)
		c = pool->n_chunks - pool->n_fresh--;
	else
		return FIFO_NO_CHUNK;
	pool->n_free--;
	return c;
}

static inline void fifo_chunk_give(struct fifo_pool *pool, uint32_t c)
{
	pool->chunks[c].next = pool->first_free;
	pool->first_free = c;
	pool->n_free++;
}

/* false: the pool is empty. */
static inline bool fifo_push(struct fifo_pool *pool, struct fifo *f, void *handle, uint64_t packed)
{
	if (f->n_pkts == 0 || f->tail_at == FIFO_CHUNK_ENTRIES) {
		uint32_t c = fifo_chunk_take(pool);
		if (c == FIFO_NO_CHUNK)
			return false;
		if (f->n_pkts == 0) {
			f->head = c;
			f->head_at = 0;
		} else {
			pool->chunks[f->tail].next = c;
		}
		f->tail = c;
		f->tail_at = 0;
	}
	pool->chunks[f->tail].entry[f->tail_at++] = (struct fifo_entry){handle, packed};
	f->n_pkts++;
	return true;
}

/* The first entry; the FIFO must not be empty. */
static inline const struct fifo_entry *fifo_head(const struct fifo_pool *pool, const struct fifo *f)
{
	return &pool->chunks[f->head].entry[f->head_at];
}

/* Where among the first FIFO_LOOK_PKTS entries the first of the worst drop precedence stands, and which it is; the FIFO
 * must not be empty. */
#define FIFO_LOOK_PKTS 8
uint32_t fifo_find_worst(const struct fifo_pool *pool, const struct fifo *f, struct fifo_entry *worst);

/* Takes the entry at such a place.  The others keep their order. */
struct fifo_entry fifo_pop_at(struct fifo_pool *pool, struct fifo *f, uint32_t at);

/* Takes the first entry; the FIFO must not be empty. */
static inline struct fifo_entry fifo_pop(struct fifo_pool *pool, struct fifo *f)
{
	uint32_t c = f->head;
	struct fifo_entry e = pool->chunks[c].entry[f->head_at++];

	f->n_pkts--;
	if (f->head_at == FIFO_CHUNK_ENTRIES || f->n_pkts == 0) {
		f->head = pool->chunks[c].next;
		f->head_at = 0;
		fifo_chunk_give(pool, c);
	}
	return e;
}

#endif
