/* SPDX-License-Identifier: BSD-3-Clause */
/* What VFs hear of congestion beyond the uplink, counted on its way to them: of those whom [remote] looks after, and where
 * there is none of it, of nobody. */
#include <stdlib.h>
#include <string.h>

#include "echo.h"
#include "pipe_impl.h"

void pipe_set_echo(struct pipe *p, vf_id vf, const struct conf_vf *v)
{
	if (p->echoes == NULL)
		return;
	p->echoes[vf].is_counted = v->is_remote;
	p->echoes[vf].is_classic = v->echo == ECHO_CLASSIC;
}

bool pipe_create_echoes(struct pipe *p)
{
	const struct conf *conf = p->f->conf;

	if (!conf->remote.is_on)
		return true;
	p->echoes = aligned_alloc(alignof(struct echoes), (p->n_vfs + 1) * sizeof(*p->echoes));
	if (p->echoes == NULL)
		return false;
	memset(p->echoes, 0, (p->n_vfs + 1) * sizeof(*p->echoes));
	for (uint32_t i = 0; i < p->n_vfs; i++)
		pipe_set_echo(p, i, &conf->vfs[i]);
	if (p->f->ports[conf->pf].rx_worker != p->worker)
		return true;
	p->echo_flows = echo_create();
	return p->echo_flows != NULL;
}

void pipe_destroy_echoes(struct pipe *p)
{
	echo_destroy(p->echo_flows);
	free(p->echoes);
}

/* A classic receiver echoes until it is told to stop: only the first of its row says that something was marked. */
static void count_one(struct pipe *p, struct echoes *e, const struct echo_ack *ack)
{
	struct echo_said said = echo_note(p->echo_flows, ack);

	counter_add(&e->heard_bytes, said.heard_bytes);
	counter_add(&e->echoed_bytes, said.echoed_bytes);
	if (e->is_classic && !said.is_first && !said.is_counted)
		counter_add(&e->repeated_bytes, said.echoed_bytes);
	if (said.is_first)
		counter_add(&e->echoes, 1);
}

/* Of all flows of a VF together, one in as long as a receiver waits between two of one flow: so none counts twice, and what
 * they say is for how long the VF was told of congestion. */
static void count_cnp(struct echoes *e, uint64_t now_ns)
{
	if (now_ns < e->next_cnp_ns)
		return;
	e->next_cnp_ns = now_ns + ECHO_CNP_NS;
	counter_add(&e->cnps, 1);
}

void pipe_count_echoes(struct pipe *p, const struct pkt *burst, uint32_t n, uint64_t now_ns)
{
	struct echo_ack acks[PIPE_BURST];
	struct echoes *of[PIPE_BURST];
	uint32_t n_acks = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct pkt *k = &burst[i];
		if (k->dest_kind != DEST_VF || !p->echoes[k->dst].is_counted)
			continue;
		size_t at = PKT_MIN_BYTES + 4u * k->n_tags;
		if (k->ecn == ECN_CE)
			counter_add(&p->echoes[k->dst].ce_pkts, 1);
		if ((k->ether_type != 0x0800 && k->ether_type != 0x86dd) || k->data_bytes <= at)
			continue;
		enum echo_kind kind = echo_read(k->data + at, k->data_bytes - at, &acks[n_acks]);
		if (kind == ECHO_CNP)
			count_cnp(&p->echoes[k->dst], now_ns);
		if (kind != ECHO_TCP)
			continue;
		echo_prefetch(p->echo_flows, &acks[n_acks]);
		of[n_acks++] = &p->echoes[k->dst];
	}
	for (uint32_t i = 0; i < n_acks; i++)
		count_one(p, of[i], &acks[i]);
}
