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
