/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies for captures: what passes, waits too long or is dropped, at the places where that is counted.  Nothing is decided
 * here about packets, and a ring that is full is its writer's trouble. */
#include <string.h>

#include "capture_ring.h"
#include "pipe_impl.h"

void pipe_set_captures(struct pipe *p, const struct capture_set *set)
{
	p->captures = set;
}

/* Into the ring of each rule. */
static void copy(struct pipe *p, uint32_t rules, const void *handle)
{
	struct pkt k = {.handle = (void *)(uintptr_t)handle};

	p->io.look(p->io.ctx, &k);
	for (; rules != 0; rules &= rules - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(rules);
		struct capture_ring *ring = &p->captures->rings[i][p->worker];
		uint32_t n = k.bytes < p->captures->rule[i].snap_bytes ? k.bytes : p->captures->rule[i].snap_bytes;
		uint8_t *to = capture_ring_begin(ring, n);

		if (to == NULL)
			continue;
		if (n <= k.data_bytes)
			memcpy(to, k.data, n);
		else
			p->io.read(p->io.ctx, handle, to, n);
		capture_ring_end(ring, n, k.bytes, p->last_turn_ns);
	}
}

static inline void copy_if(struct pipe *p, uint32_t rules, const void *handle)
{
	if (rules != 0)
		copy(p, rules, handle);
}

void pipe_capture_read(struct pipe *p, const struct pkt *burst, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		copy_if(p, capture_read(p->captures, burst[i].src), burst[i].handle);
}

void pipe_capture_dropped(struct pipe *p, vf_id vf, enum capture_dir dir, const void *handle, enum drop_reason reason)
{
	copy_if(p, capture_dropped(p->captures, vf, dir, reason), handle);
}

/* On its way out by a port: received by who is behind it; what its sender waited for the uplink, it waited in tx. */
static void staged(struct pipe *p, uint16_t port, uint32_t node, const void *handle, uint64_t waited_ns)
{
	const struct capture_set *s = p->captures;

	if (port == p->f->conf->pf)
		copy_if(p, capture_passing(s, VF_PF, CAPTURE_RX, waited_ns) | capture_late(s, node, CAPTURE_TX, waited_ns), handle);
	else
		copy_if(p, capture_passing(s, p->f->port_vfs[port][node], CAPTURE_RX, waited_ns), handle);
}

void pipe_capture_staged(struct pipe *p, uint16_t port, const struct egress_out *out, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		staged(p, port, out[i].node, out[i].handle, out[i].waited_ns);
}

void pipe_capture_staged_now(struct pipe *p, uint16_t port, const uint32_t *nodes, const struct pkt *k, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		staged(p, port, nodes[i], k[i].handle, 0);
}

void pipe_capture_passed(struct pipe *p, const struct egress_out *out, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		copy_if(p, capture_late(p->captures, out[i].node, CAPTURE_TX, out[i].waited_ns), out[i].handle);
}
