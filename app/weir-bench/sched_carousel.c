/* SPDX-License-Identifier: BSD-3-Clause */
/* Carousel (SIGCOMM'17): a packet's time is reckoned by its sender's rate when it comes, and it waits for it in one timing
 * wheel, which is looked through slot by slot.  Limits in bits alone: no guarantees, shares or classes, and a rate that
 * changes is not heard of by what waits already. */
#include <stdlib.h>

#include "sched_world.h"

#define SLOT_SHIFT 10u		/* 1.024 us */
#define N_SLOTS	   65536u	/* 67 ms; what is due later goes into the last one, as published */
#define NONE	   UINT32_MAX

struct entry {
	struct rte_mbuf *pkt;
	uint32_t next;
};

struct slot {
	uint32_t head, tail;
};

struct sender {
	struct clk next;
	price_t byte;
};

struct carousel {
	struct sender *senders;
	struct entry *entries;
	struct slot *slots;
	uint64_t at;			/* the slot to be looked at next, since time 0 */
	uint32_t first_free, overhead_bytes;
};

static void put(struct carousel *c, struct rte_mbuf *pkt, uint64_t at_ns)
{
	uint64_t at = u64_min(u64_max(at_ns >> SLOT_SHIFT, c->at), c->at + N_SLOTS - 1);
	struct slot *slot = &c->slots[at % N_SLOTS];
	uint32_t id = c->first_free;

	c->first_free = c->entries[id].next;
	c->entries[id] = (struct entry){pkt, NONE};
	if (slot->head == NONE)
		slot->head = id;
	else
		c->entries[slot->tail].next = id;
	slot->tail = id;
}

static uint32_t carousel_enqueue(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct carousel *c = s;
	uint32_t i;

	for (i = 0; i < n; i++)
		rte_prefetch0(pkts[i]);
	for (i = 0; i < n; i++)
		rte_prefetch0(&c->senders[sched_mbuf_vf(pkts[i])]);
	for (i = 0; i < n && c->first_free != NONE; i++) {
		struct sender *sender = &c->senders[sched_mbuf_vf(pkts[i])];
		clk_at_least(&sender->next, ns_before(now_ns, NS_PER_MS));
		put(c, pkts[i], sender->next.ns);
		clk_add(&sender->next, sender->byte, pkts[i]->pkt_len + c->overhead_bytes);
	}
	return i;
}

static uint32_t carousel_dequeue(void *s, struct rte_mbuf **pkts, uint32_t n, uint64_t now_ns)
{
	struct carousel *c = s;
	uint32_t n_out = 0;

	while (n_out < n && c->at <= now_ns >> SLOT_SHIFT) {
		struct slot *slot = &c->slots[c->at % N_SLOTS];
		uint32_t id = slot->head;
		if (id == NONE) {
			c->at++;
			continue;
		}
		slot->head = c->entries[id].next;
		pkts[n_out++] = c->entries[id].pkt;
		c->entries[id].next = c->first_free;
		c->first_free = id;
	}
	return n_out;
}

static void carousel_destroy(void *s)
{
	struct carousel *c = s;

	if (c == NULL)
		return;
	free(c->senders);
	free(c->entries);
	free(c->slots);
	free(c);
}

static void *carousel_create(const struct sched_load *load)
{
	struct carousel *c = calloc(1, sizeof(*c));
	uint32_t n = sched_n_sending(load) * load->backlog;

	if (c == NULL)
		return NULL;
	c->overhead_bytes = load->overhead_bytes;
	c->senders = calloc(load->n_vfs, sizeof(*c->senders));
	c->entries = calloc(n, sizeof(*c->entries));
	c->slots = calloc(N_SLOTS, sizeof(*c->slots));
	if (c->senders == NULL || c->entries == NULL || c->slots == NULL) {
		carousel_destroy(c);
		return NULL;
	}
	for (uint32_t vf = 0; vf < load->n_vfs; vf++) {
		struct sched_sla sla;
		load->sla(load, vf, &sla);
		c->senders[vf].byte = price_of_bps(sla.max_bps);
	}
	for (uint32_t i = 0; i < n; i++)
		c->entries[i].next = i + 1 < n ? i + 1 : NONE;
	for (uint32_t i = 0; i < N_SLOTS; i++)
		c->slots[i].head = NONE;
	return c;
}

const struct sched_peer sched_carousel = {
	.name = "carousel",
	.create = carousel_create,
	.enqueue = carousel_enqueue,
	.dequeue = carousel_dequeue,
	.destroy = carousel_destroy,
};
