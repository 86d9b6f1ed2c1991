/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dscp_rank.h"
#include "pifo.h"

#define N_RANKS 256 /* all of a uint8_t: the window holds them all and never moves */

struct dscp_rank {
	struct pifo *pifo;
	uint8_t map[DSCP_RANK_N];
};

struct dscp_rank *dscp_rank_create(
	const struct rank_queue_ops *ops, const uint8_t map[DSCP_RANK_N], uint32_t max_pkts)
{
	struct dscp_rank *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	dscp_rank_set_map(d, map);
	d->pifo = pifo_create(&(struct pifo_params){.ops = ops, .n_buckets = N_RANKS, .max_pkts = max_pkts});
	if (d->pifo == NULL) {
		dscp_rank_destroy(d);
		return NULL;
	}
	return d;
}

void dscp_rank_destroy(struct dscp_rank *d)
{
	if (d == NULL)
		return;
	pifo_destroy(d->pifo);
	free(d);
}

void dscp_rank_set_map(struct dscp_rank *d, const uint8_t map[DSCP_RANK_N])
{
	memcpy(d->map, map, sizeof(d->map));
}

bool dscp_rank_push(struct dscp_rank *d, void *handle, uint8_t dscp)
{
	assert(dscp < DSCP_RANK_N);
	return pifo_push(d->pifo, handle, d->map[dscp]);
}

void *dscp_rank_pop(struct dscp_rank *d)
{
	return pifo_pop(d->pifo);
}

uint32_t dscp_rank_count(const struct dscp_rank *d)
{
	return pifo_count(d->pifo);
}

bool dscp_rank_check(const struct dscp_rank *d, FILE *out)
{
	return pifo_check(d->pifo, out);
}
