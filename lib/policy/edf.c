/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdlib.h>

#include "edf.h"
#include "pifo.h"

struct edf {
	struct pifo *pifo;
	uint64_t late_ns; /* so far behind now deadlines keep their order */
};

/* The smallest power of two that is not below 'x', as an exponent. */
static unsigned int log2_up(uint64_t x)
{
	return x <= 1 ? 0 : 64 - (unsigned int)__builtin_clzll(x - 1);
}

struct edf *edf_create(
	const struct rank_queue_ops *ops, uint64_t horizon_ns, uint64_t step_ns, uint32_t max_pkts)
{
	unsigned int shift = log2_up(step_ns);
	unsigned int bits = log2_up(horizon_ns);
	struct edf *e = calloc(1, sizeof(*e));

	assert(bits > shift && bits - shift < 32);
	if (e == NULL)
		return NULL;
	e->late_ns = UINT64_C(1) << (bits - 2);
	e->pifo = pifo_create(&(struct pifo_params){
		.ops = ops,
		.n_buckets = UINT32_C(1) << (bits - shift),
		.shift = shift,
		.max_pkts = max_pkts,
	});
	if (e->pifo == NULL) {
		edf_destroy(e);
		return NULL;
	}
	return e;
}

void edf_destroy(struct edf *e)
{
	if (e == NULL)
		return;
	pifo_destroy(e->pifo);
	free(e);
}

bool edf_push(struct edf *e, void *handle, uint64_t deadline_ns, uint64_t now_ns)
{
	pifo_advance(e->pifo, now_ns - e->late_ns);
	return pifo_push(e->pifo, handle, deadline_ns);
}

void *edf_pop(struct edf *e, uint64_t now_ns)
{
	pifo_advance(e->pifo, now_ns - e->late_ns);
	return pifo_pop(e->pifo);
}

uint32_t edf_count(const struct edf *e)
{
	return pifo_count(e->pifo);
}

bool edf_check(const struct edf *e, FILE *out)
{
	return pifo_check(e->pifo, out);
}
