/* SPDX-License-Identifier: BSD-3-Clause */
/* Configs with holders, and messages to the control core. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "live_impl.h"

/* ---- Configs ---- */

const struct conf *live_conf(const struct live_conf *held)
{
	return held->conf;
}

struct live_conf *live_conf_create(struct conf *owned)
{
	struct live_conf *c = calloc(1, sizeof(*c));

	if (c != NULL)
		*c = (struct live_conf){.conf = owned, .owned = owned, .n_holders = 1};
	return c;
}

struct live_conf *live_hold_locked(struct live_conf *c)
{
	c->n_holders++;
	return c;
}

void live_release_locked(struct live_conf *c)
{
	if (c == NULL || --c->n_holders > 0)
		return;
	conf_destroy(c->owned);
	free(c);
}

struct live_conf *live_hold(struct live *l)
{
	pthread_mutex_lock(&l->lock);
	struct live_conf *c = live_hold_locked(l->running);
	pthread_mutex_unlock(&l->lock);
	return c;
}

void live_release(struct live *l, struct live_conf *held)
{
	pthread_mutex_lock(&l->lock);
	live_release_locked(held);
	pthread_mutex_unlock(&l->lock);
}

uint64_t live_n_changes(struct live *l)
{
	pthread_mutex_lock(&l->lock);
	uint64_t n = l->n_changes;
	pthread_mutex_unlock(&l->lock);
	return n;
}

/* ---- Set-up ---- */

struct live *live_create(const struct conf *first, const struct live_io *io)
{
	struct live *l = calloc(1, sizeof(*l));
	pthread_condattr_t attr;

	if (l == NULL)
		return NULL;
	l->io = *io;
	l->last = &l->first;
	l->running = calloc(1, sizeof(*l->running));
	if (l->running == NULL) {
		free(l);
		return NULL;
	}
	*l->running = (struct live_conf){.conf = first, .n_holders = 1};
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->asked, &attr);
	pthread_cond_init(&l->answered, &attr);
	pthread_condattr_destroy(&attr);
	return l;
}

void live_destroy(struct live *l)
{
	if (l == NULL)
		return;
	live_close(l);
	live_release_locked(l->next);
	live_release_locked(l->running);
	pthread_cond_destroy(&l->asked);
	pthread_cond_destroy(&l->answered);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* ---- Messages ---- */

static void destroy_message(struct message *m)
{
	live_release_locked(m->request.before);
	live_release_locked(m->request.after);
	conf_destroy(m->request.wanted);
	free(m);
}

struct live_request *live_request_create(void)
{
	struct message *m = malloc(sizeof(*m));	/* most of it is room for reasons */

	if (m == NULL)
		return NULL;
	m->next = NULL;
	m->state = MESSAGE_WAITS;
	m->is_left = false;
	m->request.change = (struct conf_change){0};
	m->request.wanted = NULL;
	m->request.file[0] = '\0';
	m->request.before = m->request.after = NULL;
	why_init(&m->request.why);
	return &m->request;
}

void live_request_destroy(struct live *l, struct live_request *q)
{
	if (q == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	destroy_message((struct message *)q);
	pthread_mutex_unlock(&l->lock);
}

static void withdraw(struct live *l, const struct message *m)
{
	struct message **at = &l->first;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	if (*at == NULL)
		l->last = at;
}

static struct timespec after(uint64_t ns)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	ns += (uint64_t)t.tv_nsec;
	t.tv_sec += (time_t)(ns / NS_IN_S);
	t.tv_nsec = (long)(ns % NS_IN_S);
	return t;
}

enum live_verdict live_ask(struct live *l, struct live_request **q, uint64_t wait_ns)
{
	struct message *m = (struct message *)*q;
	struct timespec until = after(wait_ns);
	enum live_verdict verdict;

	pthread_mutex_lock(&l->lock);
	if (l->is_closed) {
		pthread_mutex_unlock(&l->lock);
		return LIVE_ENDED;
	}
	*l->last = m;
	l->last = &m->next;
	pthread_cond_signal(&l->asked);
	while (m->state != MESSAGE_ANSWERED && pthread_cond_timedwait(&l->answered, &l->lock, &until) != ETIMEDOUT)
		;
	if (m->state == MESSAGE_ANSWERED) {
		verdict = m->verdict;
	} else if (m->state == MESSAGE_WAITS) {
		withdraw(l, m);
		verdict = l->is_handed ? LIVE_BEHIND : LIVE_LATE;
	} else {
		m->is_left = true;
		*q = NULL;
		verdict = LIVE_PENDING;
	}
	pthread_mutex_unlock(&l->lock);
	return verdict;
}

void live_answer_locked(struct message *m, enum live_verdict verdict)
{
	m->verdict = verdict;
	m->state = MESSAGE_ANSWERED;
	if (m->is_left)
		destroy_message(m);
}

void live_answer(struct live *l, struct message *m, enum live_verdict verdict)
{
	pthread_mutex_lock(&l->lock);
	live_answer_locked(m, verdict);
	pthread_cond_broadcast(&l->answered);
	pthread_mutex_unlock(&l->lock);
}
