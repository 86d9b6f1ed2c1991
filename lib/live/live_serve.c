/* SPDX-License-Identifier: BSD-3-Clause */
/* What the control core does with messages. */
#include <assert.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live_impl.h"

#define YIELD_NS    100000L	/* workers answer within a turn or two: so long they are looked at without a sleep ... */
#define LOOK_NS	    20000L	/* ... then so long lies between two looks (a timer's slack makes it 70 us) ... */
#define LOOKS	    100		/* ... and so many there are before other work comes first */
#define PENDING_NS  1000000L	/* how soon it looks again then */
#define SAVE_AGAIN_S 1

static_assert(offsetof(struct conf_vf, rx) == offsetof(struct conf_vf, tx) + sizeof(struct sla), "compared as one");

/* ---- Words ---- */

static void log_terms(struct live *l, const char *how, const char *kind, const char *name, const char *dir,
	const struct sla *from, const struct sla *to)
{
	char changes[512], what[640];

	if (conf_terms_changes(dir, from, to, changes, sizeof(changes))[0] == '\0')
		return;
	snprintf(what, sizeof(what), "%s %s %s: %s", how, kind, name, changes);
	l->io.log(l->io.ctx, what);
}

static void log_remote(struct live *l, const char *how, const struct conf_vf *from, const struct conf_vf *to)
{
	char changes[64], what[160];

	if (conf_remote_changes(from, to, changes, sizeof(changes))[0] == '\0')
		return;
	snprintf(what, sizeof(what), "%s vf %s: %s", how, to->name, changes);
	l->io.log(l->io.ctx, what);
}

/* Maps that are new or others, by place: a place that has another name has another map. */
static void log_maps(struct live *l, const char *how, const struct conf *from, const struct conf *to)
{
	char changes[512], what[640];

	for (uint16_t i = 0; i < to->n_maps; i++) {
		bool is_old = i < from->n_maps && strcmp(from->maps[i].name, to->maps[i].name) == 0;
		if (*to->maps[i].name == '\0' || (is_old && conf_same_map(&from->maps[i], &to->maps[i])))
			continue;
		conf_map_changes(is_old ? &from->maps[i] : NULL, &to->maps[i], changes, sizeof(changes));
		snprintf(what, sizeof(what), "%s dscp %s%s: %s", how, to->maps[i].name, is_old ? "" : " (new)",
			changes[0] != '\0' ? changes : "the standard map");
		l->io.log(l->io.ctx, what);
	}
	for (uint32_t i = 0; i < to->n_vfs; i++) {
		if (conf_is_another(&from->vfs[i], &to->vfs[i]) || !conf_is_there(&to->vfs[i]))
			continue;	/* its whole is told */
		const char *before = from->maps[from->vfs[i].dscp_map].name, *after = to->maps[to->vfs[i].dscp_map].name;
		if (strcmp(before, after) == 0)
			continue;
		snprintf(what, sizeof(what), "%s vf %s: dscp_map %s -> %s", how, to->vfs[i].name, before, after);
		l->io.log(l->io.ctx, what);
	}
}

struct mark_log {
	struct live *l;
	const char *how;
};

static void log_mark(void *ctx, const char *name, const char *text, bool is_there)
{
	const struct mark_log *log = ctx;
	char what[CONF_MARK_CHARS + CONF_NAME_CHARS + 64];

	bool is_command = strcmp(log->how, "set") == 0;
	snprintf(what, sizeof(what), "%s%smark %s %s: %s", is_command ? "" : log->how, is_command ? "" : " ",
		is_there ? "add" : "del", name, text);
	log->l->io.log(log->l->io.ctx, what);
}

/* "vf add web: port v1, tx.max_bps none -> 100M": which VFs went, which came and with what, who has another address. */
static void log_places(struct live *l, const char *how, const struct conf *from, const struct conf *to)
{
	static const struct sla none;
	char tx[512], rx[512], what[1280];

	for (uint32_t i = 0; i < to->n_vfs; i++) {
		const struct conf_vf *a = &from->vfs[i], *b = &to->vfs[i];
		bool is_another = conf_is_another(a, b);

		if (!is_another && conf_same_address(a, b))
			continue;
		if (is_another && conf_is_there(a)) {
			snprintf(what, sizeof(what), "%s vf %s: deleted from %s", how, a->name, from->ports[a->port].device);
			l->io.log(l->io.ctx, what);
		}
		if (!conf_is_there(b))
			continue;
		conf_terms_changes("tx", &none, &b->tx, tx, sizeof(tx));
		conf_terms_changes("rx", &none, &b->rx, rx, sizeof(rx));
		if (is_another)
			snprintf(what, sizeof(what), "%s vf %s: added to %s%s%s%s%s", how, b->name, to->ports[b->port].device,
				*tx != '\0' ? ", " : "", tx, *rx != '\0' ? ", " : "", rx);
		else
			snprintf(what, sizeof(what), "%s vf %s: another mac or VLAN", how, b->name);
		l->io.log(l->io.ctx, what);
	}
}

static void log_change(struct live *l, const char *how, const struct conf *from, const struct conf *to)
{
	log_places(l, how, from, to);
	log_maps(l, how, from, to);
	for (uint32_t i = 0; i < to->n_tenants; i++)
		log_terms(l, how, "tenant", to->tenants[i].name, "tx", &from->tenants[i].tx, &to->tenants[i].tx);
	for (uint32_t i = 0; i < to->n_vfs; i++) {
		if (memcmp(&from->vfs[i].tx, &to->vfs[i].tx, 2 * sizeof(struct sla)) == 0 &&
			conf_same_remote(&from->vfs[i], &to->vfs[i]))
			continue;	/* tx and rx, as of nearly all */
		if (conf_is_another(&from->vfs[i], &to->vfs[i]))
			continue;
		log_remote(l, how, &from->vfs[i], &to->vfs[i]);
		log_terms(l, how, "vf", to->vfs[i].name, "tx", &from->vfs[i].tx, &to->vfs[i].tx);
		log_terms(l, how, "vf", to->vfs[i].name, "rx", &from->vfs[i].rx, &to->vfs[i].rx);
	}
	conf_marks_changes(from, to, log_mark, &(struct mark_log){l, how});
}

/* ---- Judging ---- */

static struct message *take_all(struct live *l)
{
	pthread_mutex_lock(&l->lock);
	struct message *all = l->first;
	for (struct message *m = all; m != NULL; m = m->next)
		m->state = MESSAGE_TAKEN;
	l->first = NULL;
	l->last = &l->first;
	pthread_mutex_unlock(&l->lock);
	return all;
}

/* The config with the change made, or NULL. */
static struct live_conf *judge(struct live *l, struct live_request *q, const struct conf *now)
{
	struct conf *conf = q->wanted != NULL ? conf_with_terms(now, q->wanted, &q->why)
					      : conf_changed(now, &q->change, &q->why);

	if (conf == NULL)
		return NULL;
	struct live_conf *c = l->io.admit(l->io.ctx, conf, &q->why) ? live_conf_create(conf) : NULL;
	if (c != NULL)
		return c;
	if (q->why.n == 0)
		why_add(&q->why, "out of memory");
	conf_destroy(conf);
	return NULL;
}

/* Each against what those before it made of the config.  Those that are good, in order; *now is what they come to. */
static struct message *judge_all(struct live *l, struct message *all, struct live_conf **now)
{
	struct message *good = NULL, **last = &good, *next;

	for (struct message *m = all; m != NULL; m = next) {
		struct live_conf *made = judge(l, &m->request, (*now)->conf);

		next = m->next;
		m->next = NULL;
		if (made == NULL) {
			live_answer(l, m, LIVE_REFUSED);
			continue;
		}
		pthread_mutex_lock(&l->lock);
		m->request.before = live_hold_locked(*now);
		m->request.after = live_hold_locked(made);
		live_release_locked(*now);
		pthread_mutex_unlock(&l->lock);
		*now = made;
		*last = m;
		last = &m->next;
	}
	return good;
}

static void answer_all(struct live *l, struct message *all, enum live_verdict verdict)
{
	struct message *next;

	pthread_mutex_lock(&l->lock);
	for (struct message *m = all; m != NULL; m = next) {
		next = m->next;
		live_answer_locked(m, verdict);
	}
	pthread_cond_broadcast(&l->answered);
	pthread_mutex_unlock(&l->lock);
}

static void refuse_all(struct live *l, struct message *all)
{
	for (struct message *m = all; m != NULL; m = m->next)
		why_add(&m->request.why, "out of memory");
	answer_all(l, all, LIVE_REFUSED);
}

static void tell_handed(struct live *l)
{
	pthread_mutex_lock(&l->lock);
	l->is_handed = true;
	pthread_mutex_unlock(&l->lock);
}

static void begin(struct live *l)
{
	struct message *all = take_all(l);
	struct live_conf *now;

	if (all == NULL)
		return;
	now = live_hold(l);
	l->taken = judge_all(l, all, &now);
	if (l->taken != NULL && l->io.hand(l->io.ctx, l->running->conf, now->conf)) {
		l->next = now;
		tell_handed(l);
		return;
	}
	refuse_all(l, l->taken);
	l->taken = NULL;
	live_release(l, now);
}

/* ---- When the workers have it ---- */

static time_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void save(struct live *l, struct why *why)
{
	if (l->io.save == NULL)
		return;
	l->is_unsaved = !l->io.save(l->io.ctx, l->running->conf, why);
	l->saved_at = now_s();
}

static bool is_said(const struct why *why, const char *text)
{
	for (int i = 0; i < why->n; i++)
		if (strcmp(why->text[i], text) == 0)
			return true;
	return false;
}

/* What holds otherwise than one may think.  Of a VF's terms only what they decide: all of a big config is not looked
 * through for each. */
static void warn_of(const struct live_request *q, const struct conf *conf, struct why *notes)
{
	why_init(notes);
	if (q->wanted != NULL || q->change.verb == CONF_VF_ADD || q->change.is_tenant)
		conf_warn(conf, notes);
	else
		conf_warn_of_vf(conf, conf_find_vf(conf, q->change.name), notes);
}

/* Only what was not so before. */
static void warn(struct live_request *q)
{
	static struct why before, after;	/* big; there is one control core */

	if (q->wanted == NULL && q->change.verb != CONF_VF_ADD && q->change.verb != CONF_SET)
		return;
	warn_of(q, q->before->conf, &before);
	warn_of(q, q->after->conf, &after);
	for (int i = 0; i < after.n; i++)
		if (!is_said(&before, after.text[i]))
			why_add(&q->why, "%s", after.text[i]);
}

static void tell(struct live *l)
{
	for (struct message *m = l->taken; m != NULL; m = m->next) {
		struct live_request *q = &m->request;

		log_change(l, q->wanted != NULL ? "reload" : "set", q->before->conf, q->after->conf);
		warn(q);
		if (q->wanted != NULL && l->io.loaded != NULL)
			l->io.loaded(l->io.ctx, q->file, q->wanted);
	}
}

static void finish(struct live *l)
{
	static struct why why;	/* big; there is one control core */
	struct message *all = l->taken;

	pthread_mutex_lock(&l->lock);
	live_release_locked(l->running);
	l->running = l->next;
	l->is_handed = false;
	for (struct message *m = all; m != NULL; m = m->next)
		l->n_changes++;
	pthread_mutex_unlock(&l->lock);
	l->next = NULL;
	tell(l);
	l->taken = NULL;
	why_init(&why);
	save(l, &why);
	for (int i = 0; i < why.n; i++) {
		l->io.log(l->io.ctx, why.text[i]);
		for (struct message *m = all; m != NULL; m = m->next)
			why_add(&m->request.why, "%s", why.text[i]);
	}
	answer_all(l, all, LIVE_DONE);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_IN_S + t.tv_nsec;
}

/* Whoever else wants this CPU has it meanwhile: clients that are answered, as a rule. */
static void look_for_workers(struct live *l)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	int64_t until_ns = l->next != NULL ? now_ns() + YIELD_NS : 0;

	for (int i = 0; i < LOOKS && l->next != NULL;) {
		if (l->io.is_done(l->io.ctx)) {
			finish(l);
		} else if (i == 0 && now_ns() < until_ns) {
			sched_yield();
		} else {
			clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
			i++;
		}
	}
}

/* What could not be saved may be now. */
static void save_again(struct live *l)
{
	struct why *why;

	if (!l->is_unsaved || now_s() < l->saved_at + SAVE_AGAIN_S)
		return;
	why = malloc(sizeof(*why));
	if (why == NULL)
		return;
	why_init(why);
	save(l, why);
	if (!l->is_unsaved)
		l->io.log(l->io.ctx, "the state file is written again");
	free(why);
}

void live_serve(struct live *l)
{
	if (l->next == NULL)
		begin(l);
	look_for_workers(l);
	save_again(l);
}

void live_wait(struct live *l, const struct timespec *until)
{
	struct timespec soon;

	if (l->next != NULL) {	/* nothing else may begin before */
		soon = (struct timespec){.tv_nsec = PENDING_NS};
		clock_nanosleep(CLOCK_MONOTONIC, 0, &soon, NULL);
		return;
	}
	pthread_mutex_lock(&l->lock);
	while (l->first == NULL && pthread_cond_timedwait(&l->asked, &l->lock, until) == 0)
		;
	pthread_mutex_unlock(&l->lock);
}

void live_close(struct live *l)
{
	pthread_mutex_lock(&l->lock);
	l->is_closed = true;
	pthread_mutex_unlock(&l->lock);
	answer_all(l, take_all(l), LIVE_ENDED);
	if (l->next == NULL)
		return;
	struct message *taken = l->taken;	/* what a worker may still take up stays until live_destroy() */
	l->taken = NULL;
	answer_all(l, taken, LIVE_PENDING);
}
