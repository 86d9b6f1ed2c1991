/* SPDX-License-Identifier: BSD-3-Clause */
/* A bitmap of up to 64^3 bits with two summary levels: the lowest bit set in three counts of trailing zeros.
 * Used by: cffs, cffs_windows.  Uses: nothing. */
#ifndef WEIR_FFS_MAP_H
#define WEIR_FFS_MAP_H

#include <stdbool.h>
#include <stdint.h>

#define FFS_MAP_WORD_BITS 64u

struct ffs_map {
	uint64_t *leaf;      /* a bit an index; the user's memory */
	uint64_t top;	     /* a bit a word of 'group' */
	uint64_t group[64];  /* a bit a word of 'leaf' */
};

static inline uint64_t ffs_map_bit(uint32_t i)
{
	return UINT64_C(1) << (i % FFS_MAP_WORD_BITS);
}

static inline bool ffs_map_is_empty(const struct ffs_map *m)
{
	return m->top == 0;
}

static inline void ffs_map_set(struct ffs_map *m, uint32_t i)
{
	uint32_t word = i / FFS_MAP_WORD_BITS;
	uint32_t group = word / FFS_MAP_WORD_BITS;

	m->leaf[word] |= ffs_map_bit(i);
	m->group[group] |= ffs_map_bit(word);
	m->top |= ffs_map_bit(group);
}

/* Clears upward only as far as words run empty. */
static inline void ffs_map_clear(struct ffs_map *m, uint32_t i)
{
	uint32_t word = i / FFS_MAP_WORD_BITS;
	uint32_t group = word / FFS_MAP_WORD_BITS;

	if ((m->leaf[word] &= ~ffs_map_bit(i)) != 0)
		return;
	if ((m->group[group] &= ~ffs_map_bit(word)) != 0)
		return;
	m->top &= ~ffs_map_bit(group);
}

/* The lowest bit set; the map must not be empty. */
static inline uint32_t ffs_map_first(const struct ffs_map *m)
{
	uint32_t group = (uint32_t)__builtin_ctzll(m->top);
	uint32_t word = group * FFS_MAP_WORD_BITS + (uint32_t)__builtin_ctzll(m->group[group]);

	return word * FFS_MAP_WORD_BITS + (uint32_t)__builtin_ctzll(m->leaf[word]);
}

/* The same where no bit below 'from' is set: its word is tried first, and in a busy queue that is all. */
static inline uint32_t ffs_map_first_from(const struct ffs_map *m, uint32_t from)
{
	uint32_t word = from / FFS_MAP_WORD_BITS;

	if (m->leaf[word] != 0)
		return word * FFS_MAP_WORD_BITS + (uint32_t)__builtin_ctzll(m->leaf[word]);
	return ffs_map_first(m);
}

/* The first bit set at 'from' or above it, or else the lowest of all: around the circle.  The map must not be empty. */
static inline uint32_t ffs_map_first_around(const struct ffs_map *m, uint32_t from)
{
	uint32_t word = from / FFS_MAP_WORD_BITS;
	uint64_t bits = m->leaf[word] & (~UINT64_C(0) << (from % FFS_MAP_WORD_BITS));

	if (bits != 0)	/* in a busy queue that is nearly always all */
		return word * FFS_MAP_WORD_BITS + (uint32_t)__builtin_ctzll(bits);

	uint32_t group = word / FFS_MAP_WORD_BITS;
	bits = m->group[group] & (~UINT64_C(1) << (word % FFS_MAP_WORD_BITS));
	if (bits == 0) {
		bits = m->top & (~UINT64_C(1) << group);
		if (bits == 0)	/* nothing up to the end: around, from the beginning */
			bits = m->top;
		group = (uint32_t)__builtin_ctzll(bits);
		bits = m->group[group];
	}
	word = group * FFS_MAP_WORD_BITS + (uint32_t)__builtin_ctzll(bits);
	return word * FFS_MAP_WORD_BITS + (uint32_t)__builtin_ctzll(m->leaf[word]);
}

/* True when the summaries say what the 'n_words' leaf words do. */
static inline bool ffs_map_check(const struct ffs_map *m, uint32_t n_words)
{
	uint64_t top = 0;

	for (uint32_t group = 0; group < FFS_MAP_WORD_BITS; group++) {
		uint64_t want = 0;
		for (uint32_t i = 0; i < FFS_MAP_WORD_BITS; i++) {
			uint32_t word = group * FFS_MAP_WORD_BITS + i;
			if (word < n_words && m->leaf[word] != 0)
				want |= ffs_map_bit(i);
		}
		if (m->group[group] != want)
			return false;
		if (want != 0)
			top |= ffs_map_bit(group);
	}
	return m->top == top;
}

#endif
