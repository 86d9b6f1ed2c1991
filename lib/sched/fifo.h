/* SPDX-License-Identifier: BSD-3-Clause */
/* FIFOs of packets as chains of chunks from one pool.  An entry is {packet, bytes, copies, drop precedence, time in} in 16 bytes, so that
 * a decision touches no packet memory.  A pool serves one thread.
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
	uint64_t packed;	/* time_in_ns mod 2^40 (18 minutes) << 24 | drop_prec << 22 | copies << 17 | bytes */
};

struct fifo_chunk {
	struct fifo_entry entry[FIFO_CHUNK_ENTRIES];
	uint32_t next;
	uint32_t unused[3];
};

struct fifo_pool {
	struct fifo_chunk *chunks;
	uint32_t n_chunks, n_free;
	uint32_t first_free;
};

struct fifo {
	uint32_t head, tail;		/* chunks; FIFO_NO_CHUNK when empty */
	uint16_t head_at, tail_at;	/* positions inside them */
	uint32_t n_pkts;
	uint64_t n_bytes;
};

bool fifo_pool_init(struct fifo_pool *pool, uint32_t n_chunks);
void fifo_pool_fini(struct fifo_pool *pool);
void fifo_init(struct fifo *f);

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

/* How long the entry has waited. */
static inline uint64_t fifo_entry_waited_ns(const struct fifo_entry *e, uint64_t now_ns)
{
	return (now_ns - (e->packed >> 24)) & ((UINT64_C(1) << 40) - 1);
}

/* false: the pool is empty. */
bool fifo_push(struct fifo_pool *pool, struct fifo *f, void *handle, uint32_t bytes, uint32_t copies,
	uint8_t drop_prec, uint64_t now_ns);

/* The first entry; the FIFO must not be empty. */
static inline const struct fifo_entry *fifo_head(const struct fifo_pool *pool, const struct fifo *f)
{
	return &pool->chunks[f->head].entry[f->head_at];
}

/* Takes the first entry; the FIFO must not be empty. */
struct fifo_entry fifo_pop(struct fifo_pool *pool, struct fifo *f);

#endif
