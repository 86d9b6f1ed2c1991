/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures that come and go. */
#include "recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "recorder_impl.h"

#define WAIT_NS	       UINT64_C(1000000000)	/* for a worker, or a capture's end */
#define LOOK_NS	       UINT64_C(100000)
#define CLOSE_MS       UINT64_C(2000)
#define RINGS_BYTES    (UINT64_C(16) << 20)	/* of a capture, in all its rings ... */
#define MOST_RING      (UINT64_C(4) << 20)	/* ... and in one */

uint64_t recorder_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void recorder_rest(uint64_t ns)
{
	struct timespec t = {.tv_nsec = (long)ns};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

/* ---- Sets ---- */

void recorder_hand(struct recorder *r)
{
	struct capture_set *set = &r->sets[r->at ^= 1];

	set->n = 0;
	for (int i = 0; i < CAPTURE_MAX; i++) {
		const struct recording *c = r->running[i];
		if (c == NULL || c->is_withdrawn)
			continue;
		set->rule[set->n] = c->rule;
		set->rings[set->n++] = c->rings;
	}
	r->n_handed++;
	r->io.hand(r->io.ctx, set->n > 0 ? set : NULL);
}

/* Waits until the workers have the last set.  Locked. */
static bool settle(struct recorder *r)
{
	for (uint64_t waited_ns = 0; !r->io.has(r->io.ctx); waited_ns += LOOK_NS) {
		if (waited_ns >= WAIT_NS)
			return false;
		recorder_rest(LOOK_NS);
	}
	return true;
}

/* ---- Up and down ---- */

struct recorder *recorder_create(const struct recorder_io *io)
{
	struct recorder *r = calloc(1, sizeof(*r));
	pthread_condattr_t attr;

	if (r == NULL)
		return NULL;
	r->io = *io;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &attr);
	pthread_condattr_destroy(&attr);
	return r;
}

static void free_recording(struct recording *c)
{
	for (unsigned int i = 0; c->rings != NULL && i < c->r->io.n_workers; i++)
		capture_ring_fini(&c->rings[i]);
	free(c->rings);
	free(c);
}

/* Those that are over give their places back.  Locked. */
static void reap(struct recorder *r)
{
	for (int i = 0; i < CAPTURE_MAX; i++) {
		struct recording *c = r->running[i];
		if (c == NULL || !c->is_over || atomic_load(&r->is_abandoned))
			continue;
		pthread_join(c->thread, NULL);	/* it is at its last line */
		r->running[i] = NULL;
		free_recording(c);
	}
}

/* Locked. */
static bool is_idle(const struct recorder *r)
{
	bool is_idle = true;

	for (int i = 0; i < CAPTURE_MAX; i++)
		is_idle &= r->running[i] == NULL || r->running[i]->is_over;
	return is_idle;
}

static struct timespec after_ms(uint64_t ms)
{
	uint64_t at_ms = recorder_now_ms() + ms;

	return (struct timespec){.tv_sec = (time_t)(at_ms / 1000), .tv_nsec = (long)(at_ms % 1000) * 1000000};
}

void recorder_close(struct recorder *r)
{
	struct timespec until = after_ms(CLOSE_MS);

	pthread_mutex_lock(&r->lock);
	r->is_closed = true;
	for (int i = 0; i < CAPTURE_MAX; i++) {
		if (r->running[i] != NULL)
			atomic_store(&r->running[i]->is_to_end, true);
	}
	while (!is_idle(r) && pthread_cond_timedwait(&r->changed, &r->lock, &until) != ETIMEDOUT)
		;
	if (!is_idle(r))
		atomic_store(&r->is_abandoned, true);
	reap(r);
	pthread_mutex_unlock(&r->lock);
}

void recorder_destroy(struct recorder *r)
{
	if (r == NULL)
		return;
	for (int i = 0; i < CAPTURE_MAX; i++) {
		if (r->running[i] == NULL)
			continue;
		pthread_join(r->running[i]->thread, NULL);
		free_recording(r->running[i]);
	}
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ---- Start ---- */

static bool make_rings(struct recording *c)
{
	uint64_t most = RINGS_BYTES / c->r->io.n_workers;

	c->rings = aligned_alloc(64, c->r->io.n_workers * sizeof(*c->rings));
	if (c->rings == NULL)
		return false;
	memset(c->rings, 0, c->r->io.n_workers * sizeof(*c->rings));
	for (unsigned int i = 0; i < c->r->io.n_workers; i++) {
		if (!capture_ring_init(&c->rings[i], c->ask.snap_bytes, c->ask.max_pkts, most < MOST_RING ? most : MOST_RING))
			return false;
	}
	return true;
}

static void add_file_error(struct why *why, const char *path, int error)
{
	static const struct {
		int error;
		const char *wanted;
	} known[] = {
		{EEXIST, "another name, or overwrite=yes"},
		{ENOENT, "a file in a folder that is there"},
		{ENOTDIR, "a file in a folder that is there"},
		{EACCES, "a file in a folder that weir may write to"},
		{EROFS, "a file in a folder that weir may write to"},
		{ENOSPC, "a disk with room"},
		{EDQUOT, "a disk with room"},
		{EINVAL, "a plain file"},
		{ELOOP, "a plain file, no link"},
		{EISDIR, "a file, no folder"},
	};
	const char *wanted = "a file that weir can write";

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		wanted = known[i].error == error ? known[i].wanted : wanted;
	why_add(why, "file=%s: %s: wanted %s", path, error == EINVAL ? "not a plain file" : strerror(error), wanted);
}

/* The capture that writes to this file.  Locked. */
static const struct recording *writer_of(const struct recorder *r, const struct stat *file)
{
	for (int i = 0; i < CAPTURE_MAX; i++) {
		const struct recording *c = r->running[i];
		if (c != NULL && c->file.stat.st_dev == file->st_dev && c->file.stat.st_ino == file->st_ino)
			return c;
	}
	return NULL;
}

/* A place for it, and workers that can be given it.  Locked; -1: 'why' says why not. */
static int find_place(struct recorder *r, const struct recording *c, struct why *why)
{
	const struct recording *other;
	int place = 0;

	reap(r);
	while (place < CAPTURE_MAX && r->running[place] != NULL)
		place++;
	other = writer_of(r, &c->file.stat);
	if (r->is_closed)
		why_add(why, "weir is ending: wanted a switch that runs");
	else if (place == CAPTURE_MAX)
		why_add(why, "%d captures run already: wanted one of them stopped (weirctl capture list)", CAPTURE_MAX);
	else if (other != NULL)
		why_add(why, "file=%s: capture %u writes it: wanted another name", c->ask.file, other->id);
	else if (!settle(r))
		why_add(why, "a worker does not take what was captured before: wanted it once more, later");
	else
		return place;
	return -1;
}

/* From here on it runs.  Locked. */
static bool launch(struct recorder *r, struct recording *c, int place, struct why *why)
{
	int rc = pthread_create(&c->thread, NULL, recorder_run, c);	/* it waits for the lock */

	if (rc != 0) {
		why_add(why, "no thread for it: %s: wanted it once more", strerror(rc));
		return false;
	}
	c->has_thread = true;
	(void)pthread_setname_np(c->thread, "weir-capture");
	rc = pcap_file_begin(&c->file, c->ask.snap_bytes);
	if (rc != 0) {
		add_file_error(why, c->ask.file, rc);
		return false;
	}
	c->id = ++r->last_id;
	c->start_ms = recorder_now_ms();
	c->is_begun = true;
	atomic_store(&c->bytes, c->file.bytes);
	r->running[place] = c;
	recorder_hand(r);
	if (!settle(r))
		why_add(why, "a worker has not taken it yet: it will when it comes back");
	return true;
}

static void tell_start(const struct recorder *r, const struct recording *c)
{
	char text[CAPTURE_TEXT_CHARS], what[CAPTURE_TEXT_CHARS + CAPTURE_NAME_CHARS + 64];

	snprintf(what, sizeof(what), "capture %u start %s: %s", c->id, c->ask.name, capture_ask_text(&c->ask, text));
	r->io.log(r->io.ctx, what);
}

bool recorder_start(struct recorder *r, const struct capture_ask *ask, const struct capture_rule *rule,
	struct capture_view *view, struct why *why)
{
	struct recording *c = calloc(1, sizeof(*c));
	bool is_begun = false;
	int rc, place;

	if (c == NULL) {
		why_add(why, "out of memory: wanted it once more");
		return false;
	}
	c->r = r;
	c->ask = *ask;
	c->rule = *rule;
	rc = pcap_file_open(&c->file, ask->file, ask->overwrites);
	if (rc != 0) {
		add_file_error(why, ask->file, rc);
		free_recording(c);
		return false;
	}
	if (!make_rings(c)) {
		why_add(why, "no memory for its rings: wanted fewer packets, or less of each (snap)");
	} else {
		pthread_mutex_lock(&r->lock);
		place = find_place(r, c, why);
		is_begun = place >= 0 && launch(r, c, place, why);
		if (is_begun) {
			tell_start(r, c);
			*view = recorder_view_of(c);
		}
		pthread_mutex_unlock(&r->lock);
	}
	if (!is_begun) {
		if (c->has_thread)
			pthread_join(c->thread, NULL);
		pcap_file_undo(&c->file, ask->file);
		free_recording(c);
	}
	return is_begun;
}

/* ---- Looking, and the end ---- */

struct capture_view recorder_view_of(const struct recording *c)
{
	struct capture_view v = {
		.id = c->id,
		.ask = c->ask,
		.state = c->state,
		.is_ending = c->state == CAPTURE_RUNS && atomic_load(&c->is_to_end),
		.pkts = atomic_load(&c->pkts),
		.bytes = atomic_load(&c->bytes),
		.since_ms = (c->end_ms != 0 ? c->end_ms : recorder_now_ms()) - c->start_ms,
	};

	for (unsigned int i = 0; i < c->r->io.n_workers; i++)
		v.missed_pkts += atomic_load_explicit(&c->rings[i].missed_pkts, memory_order_relaxed);
	if (v.state == CAPTURE_FAILED)
		memcpy(v.error, c->error, sizeof(v.error));
	return v;
}

/* Locked; NULL: none that runs. */
static struct recording *find(struct recorder *r, uint32_t id)
{
	for (int i = 0; i < CAPTURE_MAX; i++) {
		if (r->running[i] != NULL && r->running[i]->id == id && !r->running[i]->is_over)
			return r->running[i];
	}
	return NULL;
}

static const struct capture_view *find_ended(const struct recorder *r, uint32_t id)
{
	for (uint32_t i = 0; i < r->n_ended; i++) {
		if (r->ended[i].id == id)
			return &r->ended[i];
	}
	return NULL;
}

bool recorder_stop(struct recorder *r, uint32_t id, struct capture_view *view, struct why *why)
{
	struct timespec until = after_ms(WAIT_NS / 1000000);
	struct recording *c;
	bool is_known;

	pthread_mutex_lock(&r->lock);
	c = find(r, id);
	is_known = c != NULL;
	if (is_known)
		atomic_store(&c->is_to_end, true);
	while ((c = find(r, id)) != NULL && pthread_cond_timedwait(&r->changed, &r->lock, &until) != ETIMEDOUT)
		;
	const struct capture_view *ended = find_ended(r, id);
	if (c != NULL)
		*view = recorder_view_of(c);
	else if (is_known && ended != NULL)
		*view = *ended;
	else if (ended != NULL)
		why_add(why, "capture %u has ended, %s: wanted one that runs", id, capture_state_text(ended->state));
	else
		why_add(why, "there is no capture %u: wanted a number that /weir/capture/list tells", id);
	is_known = is_known && (c != NULL || ended != NULL);
	reap(r);
	pthread_mutex_unlock(&r->lock);
	return is_known;
}

static int by_id(const void *a, const void *b)
{
	const struct capture_view *one = a, *other = b;

	return one->id < other->id ? 1 : -1;
}

uint32_t recorder_list(struct recorder *r, struct capture_view views[CAPTURE_KEEP])
{
	uint32_t n = 0;

	pthread_mutex_lock(&r->lock);
	for (int i = 0; i < CAPTURE_MAX; i++) {
		if (r->running[i] != NULL && !r->running[i]->is_over)
			views[n++] = recorder_view_of(r->running[i]);
	}
	for (uint32_t i = 0; i < r->n_ended && n < CAPTURE_KEEP; i++)
		views[n++] = r->ended[i];
	pthread_mutex_unlock(&r->lock);
	qsort(views, n, sizeof(views[0]), by_id);
	return n;
}
