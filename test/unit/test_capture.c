/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "capture_ring.h"
#include "unit.h"

#define MOST_BYTES  3000u
#define N_THREADED  20000u

/* ---- The ring ---- */

/* What a packet of this number looks like: byte i of it. */
static uint8_t byte_of(uint64_t id, uint32_t i)
{
	return (uint8_t)(id * 131 + i * 7);
}

static uint32_t kept_of(uint64_t id)
{
	uint64_t random = id;

	return (uint32_t)(unit_random(&random) % (MOST_BYTES - 13)) + 14;
}

static bool put(struct capture_ring *r, uint64_t id)
{
	uint32_t n = kept_of(id);
	uint8_t *to = capture_ring_begin(r, n);

	if (to == NULL)
		return false;
	for (uint32_t i = 0; i < n; i++)
		to[i] = byte_of(id, i);
	capture_ring_end(r, n, n + (uint32_t)(id % 100), id);
	return true;
}

/* The oldest record is this one, whole. */
static void must_be(const struct capture_record *rec, uint64_t id)
{
	unit_must(rec != NULL);
	unit_must(rec->at_ns == id && rec->kept_bytes == kept_of(id) && rec->bytes == rec->kept_bytes + id % 100);
	for (uint32_t i = 0; i < rec->kept_bytes; i++)
		unit_must(((const uint8_t *)(rec + 1))[i] == byte_of(id, i));
}

/* A queue of numbers beside it: what comes out is what went in, in order; refused is counted, and only where there is no
 * room.  Broken by: no room kept for an end mark; a size that leaves out the header; missed that counts twice. */
START_TEST(a_ring_is_a_queue_that_never_waits)
{
	static uint64_t model[100000];
	struct capture_ring r;
	uint64_t random = (uint64_t)_i, first = 0, n = 0, id = 0, inside = 0, missed = 0;

	ck_assert(capture_ring_init(&r, MOST_BYTES, 1000000, UINT64_C(1) << (13 + _i % 6)));
	for (int step = 0; step < 50000; step++) {
		bool is_put = unit_random(&random) % 100 < (_i % 2 ? 45 : 55);
		if (is_put) {
			uint64_t size = capture_record_size(kept_of(++id));
			if (put(&r, id)) {
				model[n++] = id;
				inside += size;
			} else {
				missed++;
				unit_must(inside + 2 * capture_record_size(MOST_BYTES) > r.size);
			}
			unit_must(inside <= r.size);
		} else if (first == n) {
			unit_must(capture_ring_head(&r) == NULL);
		} else {
			must_be(capture_ring_head(&r), model[first]);
			must_be(capture_ring_head(&r), model[first]);
			inside -= capture_record_size(kept_of(model[first++]));
			capture_ring_take(&r);
		}
	}
	ck_assert_uint_eq(r.missed_pkts, missed);
	ck_assert_uint_eq(r.n_put, n);
	ck_assert_uint_gt(n, 1000);
	capture_ring_fini(&r);
}
END_TEST

/* Broken by: a worker that fills the ring again while its writer empties it. */
START_TEST(a_ring_takes_its_packets_and_no_more)
{
	struct capture_ring r;

	ck_assert(capture_ring_init(&r, MOST_BYTES, 10, 1 << 22));
	for (uint64_t id = 1; id <= 25; id++) {
		ck_assert(put(&r, id) == (id <= 10));
		if (id % 2)
			continue;
		if (capture_ring_head(&r) != NULL)
			capture_ring_take(&r);
	}
	ck_assert_uint_eq(r.missed_pkts, 0);	/* they were not wanted any more */
	capture_ring_fini(&r);
	ck_assert(capture_ring_init(&r, 65600, 1, 1));	/* however small it is asked for, the longest packet fits */
	uint8_t *to = capture_ring_begin(&r, 65600);
	ck_assert_ptr_nonnull(to);
	memset(to, 1, 65600);
	capture_ring_end(&r, 65600, 65600, 1);
	capture_ring_fini(&r);
}
END_TEST

static _Atomic bool has_enough;

static void *put_many(void *arg)
{
	for (uint64_t id = 1; !atomic_load(&has_enough); id++)
		(void)put(arg, id);
	return NULL;
}

START_TEST(a_worker_and_a_writer_at_the_same_time)
{
	struct capture_ring r;
	pthread_t thread;
	uint64_t last = 0, n = 0;

	ck_assert(capture_ring_init(&r, MOST_BYTES, UINT64_MAX, 1 << 16));
	ck_assert_int_eq(pthread_create(&thread, NULL, put_many, &r), 0);
	while (n < N_THREADED) {
		const struct capture_record *rec = capture_ring_head(&r);
		if (rec == NULL)
			continue;
		unit_must(rec->at_ns > last);
		last = rec->at_ns;
		must_be(rec, last);
		capture_ring_take(&r);
		n++;
	}
	atomic_store(&has_enough, true);
	pthread_join(thread, NULL);
	ck_assert_uint_ge(last, n);
	for (; capture_ring_head(&r) != NULL; n++)
		capture_ring_take(&r);
	ck_assert_uint_eq(n, r.n_put);
	capture_ring_fini(&r);
}
END_TEST

/* ---- Rules ---- */

static bool is_wanted(const struct capture_rule *r, vf_id vf, enum capture_dir dir, uint64_t waited_ns, enum drop_reason reason,
	bool is_read)
{
	bool is_this = r->vf == vf && (r->dirs >> dir & 1) == 1;

	if (!is_this)
		return false;
	if (r->what == CAPTURE_DROPPED)
		return reason != DROP_NOT && (r->reasons >> reason & 1) == 1;
	if (reason != DROP_NOT)
		return false;
	if (r->what == CAPTURE_ALL)
		return dir == CAPTURE_RX || is_read;
	return !is_read && waited_ns > r->over_ns[dir];
}

static const vf_id parties[] = {0, 1, 7, VF_PF, VF_NONE};
#define N_PARTIES (sizeof(parties) / sizeof(parties[0]))

static void make_set(struct capture_set *s, uint64_t *random)
{
	s->n = 1 + (uint32_t)(unit_random(random) % CAPTURE_MAX);
	for (uint32_t i = 0; i < s->n; i++) {
		s->rule[i] = (struct capture_rule){
			.vf = parties[unit_random(random) % N_PARTIES],
			.what = (enum capture_what)(unit_random(random) % 3),
			.dirs = 1 + (uint32_t)(unit_random(random) % CAPTURE_BOTH),
			.reasons = (uint32_t)unit_random(random) & CAPTURE_ALL_REASONS,
			.over_ns = {1 + unit_random(random) % 10, 1 + unit_random(random) % 10},
		};
	}
}

START_TEST(random_packets_are_wanted_by_whom_a_slow_look_says)
{
	uint64_t random = (uint64_t)_i;

	for (int step = 0; step < 2000; step++) {
		struct capture_set s;
		make_set(&s, &random);
		for (size_t p = 0; p < N_PARTIES; p++) {
			uint64_t waited_ns = unit_random(&random) % 15;
			enum drop_reason reason = (enum drop_reason)(unit_random(&random) % N_DROP_REASONS);
			for (uint32_t i = 0; i < s.n; i++) {
				const struct capture_rule *r = &s.rule[i];
				unit_must((capture_read(&s, parties[p]) >> i & 1) == is_wanted(r, parties[p], CAPTURE_TX, 0, DROP_NOT, true));
				unit_must((capture_passing(&s, parties[p], CAPTURE_RX, waited_ns) >> i & 1) ==
					is_wanted(r, parties[p], CAPTURE_RX, waited_ns, DROP_NOT, false));
				unit_must((capture_late(&s, parties[p], CAPTURE_TX, waited_ns) >> i & 1) ==
					is_wanted(r, parties[p], CAPTURE_TX, waited_ns, DROP_NOT, false));
				for (int dir = 0; dir < N_CAPTURE_DIRS; dir++)
					unit_must((capture_dropped(&s, parties[p], (enum capture_dir)dir, reason) >> i & 1) ==
						is_wanted(r, parties[p], (enum capture_dir)dir, 0, reason, false));
			}
		}
	}
}
END_TEST

/* ---- Words ---- */

static struct why why;

static struct capture_ask good(const char *text)
{
	struct capture_ask ask;

	why_init(&why);
	ck_assert_msg(capture_ask_parse(text, &ask, &why), "%s: %s", text, why.text[0]);
	ck_assert_int_eq(why.n, 0);
	return ask;
}

START_TEST(what_is_not_said_has_bounds_all_the_same)
{
	struct capture_ask ask = good("file=/tmp/x");
	const uint64_t mark_ns[] = {5, 6};
	char text[CAPTURE_TEXT_CHARS];

	ck_assert_str_eq(ask.file, "/tmp/x");
	ck_assert_uint_eq(ask.dirs, CAPTURE_BOTH);
	ck_assert_int_eq(ask.what, CAPTURE_ALL);
	ck_assert_uint_eq(ask.max_pkts, 1000);
	ck_assert_uint_eq(ask.max_bytes, 100000000);
	ck_assert_uint_eq(ask.snap_bytes, PKT_MAX_BYTES);
	ck_assert_uint_eq(ask.max_s, 60);
	ck_assert(!ask.overwrites);
	ask = good("reason=delayed;seconds=5,file=/a b/c,dir=rx;snap=96;packets=2k;bytes=1M,overwrite=yes,");
	ck_assert_int_eq(ask.what, CAPTURE_DELAYED);
	ck_assert_str_eq(capture_ask_text(&ask, text),
		"dir=rx,reason=delayed,packets=2k,bytes=1M,snap=96,seconds=5,overwrite=yes,file=/a b/c");
	struct capture_rule rule = capture_rule_of(&ask, 3, mark_ns);
	ck_assert(rule.over_ns[0] == 5 && rule.over_ns[1] == 6 && rule.vf == 3 && rule.dirs == 2);
	ask = good("file=/x,reason=delayed,over=1.5ms");
	rule = capture_rule_of(&ask, 3, mark_ns);
	ck_assert(rule.over_ns[0] == 1500000 && rule.over_ns[1] == 1500000);
	ask = good("file=/x,reason=receiver_slow+receiver_limit");
	ck_assert_uint_eq(ask.reasons, 1u << DROP_RECEIVER_SLOW | 1u << DROP_RECEIVER_LIMIT);
	ck_assert_str_eq(capture_reason_text(&ask, text), "receiver_limit+receiver_slow");
	ask = good("file=/x,reason=dropped");
	ck_assert_uint_eq(ask.reasons, CAPTURE_ALL_REASONS);
}
END_TEST

START_TEST(every_mistake_is_told)
{
	static const struct {
		const char *text, *said[4];
	} bad[] = {
		{"", {"no file: wanted file=PATH"}},
		{"file=x", {"file=x: wanted an absolute path"}},
		{"file=/", {"wanted an absolute path"}},
		{"file=/x/", {"wanted an absolute path"}},
		{"file=/x\ny", {"wanted an absolute path"}},
		{"file=", {"file=: wanted an absolute path"}},
		{"file=/x,packets=0", {"packets=0: wanted 1 to 10M"}},
		{"file=/x,packets=10000001", {"wanted 1 to 10M"}},
		{"file=/x,packets=-1", {"wanted 1 to 10M"}},
		{"file=/x,packets=99999999999999999999", {"wanted 1 to 10M"}},
		{"file=/x,bytes=1k", {"wanted 100k to 100G"}},
		{"file=/x,snap=13", {"wanted 14 to 65600"}},
		{"file=/x,seconds=0", {"wanted 1 to 86400"}},
		{"file=/x,seconds=1m", {"wanted 1 to 86400"}},
		{"file=/x,dir=up", {"dir=up: wanted tx"}},
		{"file=/x,reason=bad_luck", {"reason=bad_luck: wanted all, delayed, dropped"}},
		{"file=/x,reason=aqm+", {"wanted all, delayed"}},
		{"file=/x,reason=aqm+all", {"wanted all, delayed"}},
		{"file=/x,reason=delayed,over=5", {"over=5: wanted a time"}},
		{"file=/x,reason=delayed,over=0ms", {"wanted a time"}},
		{"file=/x,over=5ms", {"wanted reason=delayed"}},
		{"file=/x,overwrite=perhaps", {"wanted yes or no"}},
		{"file=/x,file=/y", {"file is there twice"}},
		{"file=/x,colour=red", {"colour=red: no such key"}},
		{"file=/x,dir", {"dir: no such key with a value"}},
		{"snap=1,packets=0,colour=red", {"snap=1", "packets=0", "colour=red", "no file"}},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct capture_ask ask;
		why_init(&why);
		ck_assert_msg(!capture_ask_parse(bad[i].text, &ask, &why), "%s", bad[i].text);
		int n = 0;
		for (; n < 4 && bad[i].said[n] != NULL; n++)
			ck_assert_msg(n < why.n && strstr(why.text[n], bad[i].said[n]) != NULL, "%s: %s", bad[i].text, why.text[n]);
		ck_assert_int_eq(why.n, n);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("capture");
	TCase *tc = tcase_create("capture");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_ring_is_a_queue_that_never_waits, 0, 12);
	tcase_add_test(tc, a_ring_takes_its_packets_and_no_more);
	tcase_add_test(tc, a_worker_and_a_writer_at_the_same_time);
	tcase_add_loop_test(tc, random_packets_are_wanted_by_whom_a_slow_look_says, 0, 5);
	tcase_add_test(tc, what_is_not_said_has_bounds_all_the_same);
	tcase_add_test(tc, every_mistake_is_told);
	suite_add_tcase(s, tc);
	return unit_run(s);
}
