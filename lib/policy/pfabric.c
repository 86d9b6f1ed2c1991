/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "flow_pifo.h"
#include "pfabric.h"

#define MANTISSA_BITS 6
#define N_BUCKETS     4096 /* more than there are ranks: (64 - MANTISSA_BITS + 1) << MANTISSA_BITS */

struct pfabric {
	struct flow_pifo *flows;
};

/* The size as a floating-point number of MANTISSA_BITS behind the leading one: its bits, read as an integer,
 * are in the order of the sizes and have no gaps. */
static uint64_t rank(const struct flow_view *flow)
{
	uint64_t bytes = flow->min_value;

	if (bytes >> MANTISSA_BITS == 0)
		return bytes;
	unsigned int exponent = 63 - (unsigned int)__builtin_clzll(bytes) - MANTISSA_BITS;
	return ((uint64_t)exponent << MANTISSA_BITS) + (bytes >> exponent);
}

struct pfabric *pfabric_create(const struct rank_queue_ops *ops, uint32_t n_flows, uint32_t max_pkts)
{
	struct pfabric *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->flows = flow_pifo_create(&(struct flow_pifo_params){
		.ops = ops,
		.n_buckets = N_BUCKETS,
		.max_pkts = max_pkts,
		.n_flows = n_flows,
		.rank = rank,
	});
	if (p->flows == NULL) {
		pfabric_destroy(p);
		return NULL;
	}
	return p;
}

void pfabric_destroy(struct pfabric *p)
{
	if (p == NULL)
		return;
	flow_pifo_destroy(p->flows);
	free(p);
}

bool pfabric_push(struct pfabric *p, uint32_t flow, void *handle, uint64_t remaining_bytes)
{
	return flow_pifo_push(p->flows, flow, handle, remaining_bytes);
}

void *pfabric_pop(struct pfabric *p)
{
	return flow_pifo_pop(p->flows, NULL);
}

uint32_t pfabric_count(const struct pfabric *p)
{
	return flow_pifo_count(p->flows);
}

bool pfabric_check(const struct pfabric *p, FILE *out)
{
	return flow_pifo_check(p->flows, out);
}
