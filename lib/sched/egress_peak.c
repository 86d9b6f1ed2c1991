/* SPDX-License-Identifier: BSD-3-Clause */
/* What a node sent in its busiest millisecond, and ten: told by the counters that there are.  A sender's two nodes are one. */
#include "egress_impl.h"

static void add_out(const struct egress *e, uint32_t node, uint64_t *bytes, uint64_t *pkts)
{
	const struct egress_stats *s = egress_stats(e, node);

	if (e->nodes[node].stats == NO_STATS)
		return;
	*bytes += egress_out_bytes(s);
	*pkts += egress_out_pkts(s);
}

static struct peak *peak_of(const struct egress *e, uint32_t node)
{
	return e->is_local ? &e->sibling->peaks[node] : &e->peaks[node];
}

void egress_begin_window(struct egress *e, uint32_t node)
{
	uint64_t bytes = 0, pkts = 0;

	add_out(e, node, &bytes, &pkts);
	e->nodes[node].window = e->window & 0xffffff;
	if (e->sibling != NULL) {
		add_out(e->sibling, node, &bytes, &pkts);
		e->sibling->nodes[node].window = e->window & 0xffffff;
	}
	peak_begin(peak_of(e, node), e->window, bytes, pkts);
}

void egress_peaks(const struct egress *e, uint32_t node, uint64_t now_ns, struct peak_view *view)
{
	uint64_t bytes = 0, pkts = 0;

	add_out(e, node, &bytes, &pkts);
	if (e->sibling != NULL)
		add_out(e->sibling, node, &bytes, &pkts);
	peak_read(peak_of(e, node), now_ns / PEAK_MS_NS, bytes, pkts, view);
}
