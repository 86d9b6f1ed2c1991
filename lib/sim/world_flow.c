/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections: what a sender's law allows goes into its ring, and what comes back is told to the law.  Every packet that
 * arrives is acknowledged, every gap in what arrives is a loss (nothing is reordered), and lost data is sent again as new.
 * An application has no end of data, a rate of its own, or messages.  No limit on what a flow has in its ring, no HyStart:
 * the worst of what guests run. */
#include <stdlib.h>
#include <string.h>

#include "sender_quality.h"
#include "world_impl.h"

#define LEAST_RTO_NS (200 * NS_PER_MS)
#define ALWAYS_MORE  UINT64_MAX

static const struct traffic *traffic_of(const struct world *w, const struct flow *f)
{
	return w->sources[f->source].traffic;
}

static uint32_t index_of(const struct world *w, const struct flow *f)
{
	return (uint32_t)(traffic_of(w, f) - w->s->traffics);
}

static uint64_t rto_ns(const struct traffic *t)
{
	return LEAST_RTO_NS + 2 * t->sender.rtt_ns;
}

/* ---- Sending ---- */

static void send_at(struct world *w, struct flow *f, uint32_t id, uint64_t at_ns)
{
	if (f->is_due)
		return;
	f->is_due = true;
	world_push(w, &(struct event){.at_ns = at_ns, .kind = EVENT_SEND, .who = id});
}

/* Has the application more, and is it time?  If only the time is not come, it will be looked at again then. */
static bool may_send(struct world *w, struct flow *f, uint32_t id, uint64_t at_ns)
{
	const struct traffic *t = traffic_of(w, f);
	uint64_t due_ns = (uint64_t)f->pace_ns;

	if (f->next_seq >= f->app_seq || (t->stop_ns != 0 && at_ns >= t->stop_ns) || w->is_ending)
		return false;
	if ((double)(f->next_seq - f->next_ack) + 1 > f->sender.cwnd)
		return false;
	if (t->load_bps > 0 && t->message_bytes == 0)
		due_ns = u64_max(due_ns, f->app.ns);
	if (due_ns <= at_ns)
		return true;
	send_at(w, f, id, due_ns);
	return false;
}

bool world_send_one(struct world *w, uint32_t id, uint64_t at_ns)
{
	struct flow *f = &w->flows[id];
	const struct traffic *t = traffic_of(w, f);

	sender_advance(&f->sender, &w->senders[index_of(w, f)], at_ns);
	if (!may_send(w, f, id, at_ns))
		return false;
	if (f->next_seq == f->next_ack)
		f->heard_ns = at_ns;
	if (t->load_bps > 0)
		clk_add(&f->app, w->sources[f->source].price, t->size[0]);
	if (f->sender.rate_bps > 0)
		f->pace_ns = (f->pace_ns > (double)at_ns ? f->pace_ns : (double)at_ns) + t->size[0] * 8e9 / f->sender.rate_bps;
	if (w->sources[f->source].from == VF_PF && w->before.byte != 0)	/* the switch sees all in the order of time */
		world_settle_until(w, w->conf->pf, at_ns);
	world_put(w, &w->guests[w->sources[f->source].port], &(struct slot){.offered_ns = at_ns, .seq = f->next_seq++,
		.source = f->source, .flow = id, .bytes = t->size[0], .dscp = t->dscp, .ecn = t->ecn});
	if (!f->has_timer) {
		f->has_timer = true;
		world_push(w, &(struct event){.at_ns = at_ns + rto_ns(t), .kind = EVENT_TIMER, .who = id});
	}
	return true;
}

/* All that it may; where the ring is full, it waits for its turn. */
static void send_more(struct world *w, uint32_t id, uint64_t at_ns)
{
	struct flow *f = &w->flows[id];
	uint16_t port = w->sources[f->source].port;

	if (f->is_waiting)
		return;
	while (world_has_room(w, port))
		if (!world_send_one(w, id, at_ns))
			return;
	f->is_waiting = true;
	world_wait(&w->guests[port], id);
}

void world_send(struct world *w, uint32_t id, uint64_t at_ns)
{
	w->flows[id].is_due = false;
	send_more(w, id, at_ns);
}

/* ---- Messages ---- */

static bool make_room(struct flow *f)
{
	if (f->first_message > 0) {
		f->n_messages -= f->first_message;
		memmove(f->messages, f->messages + f->first_message, f->n_messages * sizeof(*f->messages));
		f->first_message = 0;
		return true;
	}
	uint32_t room = f->room_messages > 0 ? 2 * f->room_messages : 16;
	struct message *bigger = realloc(f->messages, room * sizeof(*bigger));
	if (bigger == NULL)
		return false;
	f->messages = bigger;
	f->room_messages = room;
	return true;
}

/* Sizes are 0.3 to 1.7 of the mean; the times between them make the load, and are exponential. */
void world_message(struct world *w, uint32_t id, uint64_t at_ns)
{
	struct flow *f = &w->flows[id];
	struct source *s = &w->sources[f->source];
	const struct traffic *t = s->traffic;
	double bytes = (double)t->message_bytes * (0.3 + 1.4 * world_unit_random(&s->random));
	uint64_t n_pkts = (uint64_t)bytes / t->size[0] + 1;
	double mean_ns = (double)t->message_bytes * 8e9 / (double)t->load_bps;

	if (w->is_ending || (t->stop_ns != 0 && at_ns >= t->stop_ns))
		return;
	if (f->n_messages == f->room_messages && !make_room(f)) {
		w->is_out_of_memory = true;
		return;
	}
	f->app_seq += n_pkts;
	f->messages[f->n_messages++] = (struct message){.end_seq = f->app_seq, .since_ns = at_ns};
	world_push(w, &(struct event){.at_ns = at_ns + world_exponential(&s->random, mean_ns), .kind = EVENT_MESSAGE, .who = id});
	send_more(w, id, at_ns);
}

/* What was lost is still to be sent. */
static void put_back(struct flow *f, uint64_t n_lost)
{
	if (f->app_seq == ALWAYS_MORE || n_lost == 0)
		return;
	f->app_seq += n_lost;
	for (uint32_t i = f->first_message; i < f->n_messages; i++)
		f->messages[i].end_seq += n_lost;
}

static void end_messages(struct world *w, struct flow *f, struct heard *h)
{
	struct world_messages *m = &w->messages[index_of(w, f)];
	const struct traffic *t = traffic_of(w, f);

	for (; f->first_message < f->n_messages; f->first_message++) {
		const struct message *one = &f->messages[f->first_message];
		if (one->end_seq > f->next_ack) {
			h->since_ns = one->since_ns;
			h->left_pkts = one->end_seq - f->next_ack;
			return;
		}
		uint64_t took_ns = h->at_ns - one->since_ns;
		if (t->sender.target_ns > 0)
			quality_follow_tail(&w->tail_ns[index_of(w, f)], (double)took_ns, (double)t->sender.target_ns);
		if (one->since_ns < w->mark_ns)
			continue;
		m->n++;
		m->took_sum_ns += took_ns;
		m->n_missed += t->sender.target_ns > 0 && took_ns > t->sender.target_ns;
		hist_record(m->took, took_ns);
	}
}

/* NULL: it is of none, or of one that has ended. */
static const struct message *message_of(const struct world *w, const struct frame *f)
{
	if (f->flow == NO_FLOW)
		return NULL;
	const struct flow *flow = &w->flows[f->flow];
	for (uint32_t i = flow->first_message; i < flow->n_messages; i++)
		if (flow->messages[i].end_seq > f->seq)
			return &flow->messages[i];
	return NULL;
}

/* Of what has no end, more than of all that has one. */
uint64_t world_left_bytes(const struct world *w, const struct frame *f)
{
	const struct message *m = message_of(w, f);

	if (m != NULL)
		return (m->end_seq - f->seq) * f->bytes;
	return f->flow == NO_FLOW || traffic_of(w, &w->flows[f->flow])->message_bytes > 0 ? f->bytes : UINT64_C(1) << 48;
}

uint64_t world_deadline_ns(const struct world *w, const struct frame *f)
{
	const struct message *m = message_of(w, f);
	uint64_t target_ns = m != NULL ? traffic_of(w, &w->flows[f->flow])->sender.target_ns : 0;

	return target_ns > 0 ? m->since_ns + target_ns : UINT64_MAX;
}

uint64_t world_open_misses(const struct world *w, uint32_t traffic)
{
	const struct traffic *t = &w->s->traffics[traffic];
	uint64_t n = 0;

	if (t->message_bytes == 0 || t->sender.target_ns == 0)
		return 0;
	for (uint32_t i = 0; i < w->n_flows; i++) {
		const struct flow *f = &w->flows[i];
		if (index_of(w, f) != traffic)
			continue;
		for (uint32_t k = f->first_message; k < f->n_messages; k++)
			n += f->messages[k].since_ns >= w->mark_ns && f->messages[k].since_ns + t->sender.target_ns < w->now_ns;
	}
	return n;
}

/* ---- What comes back ---- */

void world_hear(struct world *w, const struct event *ack)
{
	struct flow *f = &w->flows[ack->who];
	const struct traffic *t = traffic_of(w, f);
	struct heard h = {.at_ns = ack->at_ns, .sent_ns = ack->sent_ns, .seq = ack->seq, .next_seq = f->next_seq, .bytes = t->size[0],
		.has_ce = ack->has_ce, .n_sharing = w->n_active[t->class_of]};

	if (ack->seq < f->next_ack)	/* given up for lost, and came after all */
		return;
	h.n_lost = ack->seq - f->next_ack;
	put_back(f, h.n_lost);
	f->next_ack = ack->seq + 1;
	f->heard_ns = ack->at_ns;
	if (f->n_messages > f->first_message)
		end_messages(w, f, &h);
	h.tail_ns = (uint64_t)w->tail_ns[index_of(w, f)];
	sender_hear(&f->sender, &w->senders[index_of(w, f)], &h);
	send_more(w, ack->who, ack->at_ns);
}

/* Nothing was heard for long: all that was on the way is lost, and nobody was left to tell. */
void world_timer(struct world *w, uint32_t id, uint64_t at_ns)
{
	struct flow *f = &w->flows[id];
	const struct traffic *t = traffic_of(w, f);

	f->has_timer = false;
	if (f->next_seq == f->next_ack)
		return;
	if (at_ns - f->heard_ns >= rto_ns(t)) {
		sender_silence(&f->sender, &w->senders[index_of(w, f)], at_ns, f->next_seq);
		put_back(f, f->next_seq - f->next_ack);
		f->next_ack = f->next_seq;
		f->heard_ns = at_ns;
		send_more(w, id, at_ns);
	}
	if (f->has_timer || f->next_seq == f->next_ack)
		return;
	f->has_timer = true;
	world_push(w, &(struct event){.at_ns = f->heard_ns + rto_ns(t), .kind = EVENT_TIMER, .who = id});
}

/* ---- Beginning and end ---- */

void world_begin_flows(struct world *w, struct source *s, uint64_t at_ns)
{
	const struct traffic *t = s->traffic;

	if (t->load_bps > 0)
		s->price = price_of_bps(t->load_bps);
	w->n_active[t->class_of] += t->n_flows;
	if (t->stop_ns != 0)
		world_push(w, &(struct event){.at_ns = t->stop_ns, .kind = EVENT_STOP, .who = (uint32_t)(s - w->sources)});
	for (uint32_t i = 0; i < t->n_flows; i++) {
		uint32_t id = s->first_flow + i;
		struct flow *f = &w->flows[id];
		*f = (struct flow){.source = (uint32_t)(s - w->sources), .heard_ns = at_ns, .app = {.ns = at_ns},
			.app_seq = t->message_bytes > 0 ? 0 : ALWAYS_MORE};
		sender_begin(&f->sender, &w->senders[t - w->s->traffics], at_ns);
		if (t->message_bytes > 0)
			world_push(w, &(struct event){.at_ns = at_ns + world_exponential(&s->random,
				(double)t->message_bytes * 8e9 / (double)t->load_bps), .kind = EVENT_MESSAGE, .who = id});
		else
			send_more(w, id, at_ns);
	}
}

void world_stop_flows(struct world *w, const struct source *s)
{
	w->n_active[s->traffic->class_of] -= s->traffic->n_flows;
}

bool world_create_flows(struct world *w)
{
	uint32_t n = w->s->n_traffics;

	w->flows = calloc(w->n_flows + 1, sizeof(*w->flows));
	w->n_active = calloc(n + 1, sizeof(*w->n_active));
	w->senders = calloc(n + 1, sizeof(*w->senders));
	w->messages = calloc(n + 1, sizeof(*w->messages));
	w->tail_ns = calloc(n + 1, sizeof(*w->tail_ns));
	if (w->tail_ns == NULL || w->flows == NULL || w->n_active == NULL || w->senders == NULL || w->messages == NULL)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		w->senders[i] = w->s->traffics[i].sender;
		w->senders[i].line_bps = w->s->bottleneck.rate_bps != 0 ? w->s->bottleneck.rate_bps : w->s->uplink_bps;
		if (w->s->traffics[i].message_bytes > 0 && (w->messages[i].took = calloc(1, sizeof(struct hist))) == NULL)
			return false;
	}
	return true;
}

void world_destroy_flows(struct world *w)
{
	for (uint32_t i = 0; w->flows != NULL && i < w->n_flows; i++)
		free(w->flows[i].messages);
	for (uint32_t i = 0; w->messages != NULL && i < w->s->n_traffics; i++)
		free(w->messages[i].took);
	free(w->flows);
	free(w->n_active);
	free(w->senders);
	free(w->messages);
	free(w->tail_ns);
}

void world_mark_flows(struct world *w)
{
	for (uint32_t i = 0; i < w->s->n_traffics; i++) {
		struct hist *took = w->messages[i].took;
		if (took != NULL)
			memset(took, 0, sizeof(*took));
		w->messages[i] = (struct world_messages){.took = took};
	}
}
