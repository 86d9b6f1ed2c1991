/* SPDX-License-Identifier: BSD-3-Clause */
/* What a capture's thread does. */
#include <string.h>
#include <time.h>

#include "recorder_impl.h"

#define BATCH_PKTS 4096		/* before the end, and the disk, are looked at again */

/* ---- From the rings to the file ---- */

static uint64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* What is to be added to the workers' time, now: the wall clock may be set meanwhile. */
static uint64_t real_since_zero_ns(const struct recorder *r)
{
	uint64_t real = real_ns();

	return real - r->io.now_ns(r->io.ctx);
}

/* The worker whose oldest packet is the oldest of all; NULL: there is none. */
static struct capture_ring *oldest(const struct recording *c, const struct capture_record **head)
{
	struct capture_ring *found = NULL;

	for (unsigned int i = 0; i < c->r->io.n_workers; i++) {
		const struct capture_record *rec = capture_ring_head(&c->rings[i]);
		if (rec != NULL && (found == NULL || rec->at_ns < (*head)->at_ns)) {
			found = &c->rings[i];
			*head = rec;
		}
	}
	return found;
}

/* Returns what the capture has come to. */
static enum capture_state write_some(struct recording *c, bool *is_more)
{
	uint64_t since_zero_ns = real_since_zero_ns(c->r), pkts = atomic_load(&c->pkts);
	enum capture_state state = CAPTURE_RUNS;
	const struct capture_record *rec = NULL;
	struct capture_ring *ring = NULL;
	uint32_t n = 0;

	for (; n < BATCH_PKTS && state == CAPTURE_RUNS && (ring = oldest(c, &rec)) != NULL; n++) {
		if (c->file.bytes + pcap_file_size_of(rec) > c->ask.max_bytes) {
			state = CAPTURE_HAS_BYTES;
			break;
		}
		pcap_file_add(&c->file, rec, rec->at_ns + since_zero_ns);
		capture_ring_take(ring);
		if (++pkts == c->ask.max_pkts)
			state = CAPTURE_HAS_PKTS;
	}
	*is_more = n == BATCH_PKTS;
	if (n == 0)
		return state;
	int rc = pcap_file_flush(&c->file);
	if (rc != 0) {
		snprintf(c->error, sizeof(c->error), "%s", strerror(rc));
		return CAPTURE_FAILED;
	}
	atomic_store(&c->pkts, pkts);
	atomic_store(&c->bytes, c->file.bytes);
	return state;
}

/* ---- The end ---- */

static bool is_abandoned(const struct recording *c)
{
	return atomic_load(&c->r->is_abandoned);
}

/* Takes its rule back from the workers.  false: one does not give it. */
static bool withdraw(struct recording *c)
{
	struct recorder *r = c->r;
	uint64_t handed = 0;
	bool is_done = false;

	while (!is_done) {
		if (is_abandoned(c))
			return false;
		pthread_mutex_lock(&r->lock);
		bool has = r->io.has(r->io.ctx);
		if (handed == 0 && has) {
			c->is_withdrawn = true;
			recorder_hand(r);
			handed = r->n_handed;
			has = r->io.has(r->io.ctx);
		}
		/* What was handed after it was handed only when all had it. */
		is_done = handed != 0 && (has || r->n_handed > handed);
		pthread_mutex_unlock(&r->lock);
		if (!is_done)
			recorder_rest(RECORDER_PAUSE_NS / 4);
	}
	return true;
}

static void tell_end(const struct recording *c)
{
	char what[CAPTURE_FILE_CHARS + 320];
	struct capture_view v = recorder_view_of(c);

	snprintf(what, sizeof(what), "capture %u of %s ended, %s%s%s: %llu packets in %s, %llu missed", c->id, c->ask.name,
		capture_state_text(v.state), v.error[0] != '\0' ? ": " : "", v.error, (unsigned long long)v.pkts, c->ask.file,
		(unsigned long long)v.missed_pkts);
	c->r->io.log(c->r->io.ctx, what);
}

static void finish(struct recording *c, enum capture_state state)
{
	struct recorder *r = c->r;
	int rc = pcap_file_close(&c->file);

	if (rc != 0 && state != CAPTURE_FAILED) {
		snprintf(c->error, sizeof(c->error), "%s", strerror(rc));
		state = CAPTURE_FAILED;
	}
	atomic_store(&c->bytes, c->file.whole_bytes);
	pthread_mutex_lock(&r->lock);
	c->state = state;
	c->end_ms = recorder_now_ms();
	tell_end(c);
	uint32_t n_kept = r->n_ended < CAPTURE_KEEP - 1 ? r->n_ended : CAPTURE_KEEP - 1;
	memmove(&r->ended[1], &r->ended[0], n_kept * sizeof(r->ended[0]));
	r->ended[0] = recorder_view_of(c);
	r->n_ended = n_kept + 1;
	c->is_over = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

void *recorder_run(void *arg)
{
	struct recording *c = arg;
	enum capture_state state = CAPTURE_RUNS, end;
	bool is_more = false;

	pthread_mutex_lock(&c->r->lock);	/* until it is settled whether there is anything to do */
	uint64_t last_ms = c->start_ms + c->ask.max_s * UINT64_C(1000);
	pthread_mutex_unlock(&c->r->lock);
	if (!c->is_begun)
		return NULL;
	while (state == CAPTURE_RUNS) {
		state = write_some(c, &is_more);
		if (state == CAPTURE_RUNS && atomic_load(&c->is_to_end))
			state = atomic_load(&c->r->is_closed) ? CAPTURE_CLOSED : CAPTURE_STOPPED;
		else if (state == CAPTURE_RUNS && recorder_now_ms() >= last_ms)
			state = CAPTURE_HAD_TIME;
		else if (state == CAPTURE_RUNS && !is_more)
			recorder_rest(RECORDER_PAUSE_NS);
	}
	end = state;
	if (withdraw(c) && (end == CAPTURE_HAD_TIME || end == CAPTURE_STOPPED || end == CAPTURE_CLOSED)) {
		do {	/* what came before that */
			state = write_some(c, &is_more);
		} while (state == CAPTURE_RUNS && is_more);
		end = state == CAPTURE_FAILED ? state : end;
	}
	finish(c, end);
	return NULL;
}
