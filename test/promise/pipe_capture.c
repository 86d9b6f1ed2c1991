/* SPDX-License-Identifier: BSD-3-Clause */
/* Promise: a capture has the packets that the counters count, each with its bytes and its time, or counts them as missed;
 * and what leaves, leaves as if nobody looked.  Through whole pipelines of one worker and several. */
#include <stdio.h>
#include <string.h>

#include "capture.h"
#include "capture_ring.h"
#include "fake_rim.h"
#include "unit.h"

#define MS	 UINT64_C(1000000)
#define MOST_PKT 2000u

/* ---- Captures ---- */

static struct capture_set set;
static struct capture_ring rings[CAPTURE_MAX][RIM_MAX_WORKERS];
static uint64_t most_pkts;

static void begin(void)
{
	memset(&set, 0, sizeof(set));
	memset(rings, 0, sizeof(rings));
	most_pkts = UINT64_MAX;
}

/* Returns its number.  'size' of a ring: what it must hold is taken out after the run. */
static uint32_t want(const struct capture_rule *rule, uint64_t size)
{
	uint32_t i = set.n++;

	set.rule[i] = *rule;
	if (rule->snap_bytes == 0)
		set.rule[i].snap_bytes = MOST_PKT;
	set.rings[i] = rings[i];
	for (int w = 0; w < RIM_MAX_WORKERS; w++)
		ck_assert(capture_ring_init(&rings[i][w], MOST_PKT, most_pkts, size));
	return i;
}

static void end(void)
{
	for (uint32_t i = 0; i < set.n; i++) {
		for (int w = 0; w < RIM_MAX_WORKERS; w++)
			capture_ring_fini(&rings[i][w]);
	}
}

struct taken {
	uint64_t pkts, bytes, missed, first_ns, last_ns;
	uint8_t head[64];	/* of the last one */
};

static struct taken take(uint32_t i)
{
	struct taken t = {.first_ns = UINT64_MAX};

	for (int w = 0; w < RIM_MAX_WORKERS; w++) {
		const struct capture_record *rec;
		uint64_t last_ns = 0;
		for (; (rec = capture_ring_head(&rings[i][w])) != NULL; capture_ring_take(&rings[i][w])) {
			unit_must(rec->at_ns >= last_ns);
			unit_must(rec->kept_bytes == (rec->bytes < set.rule[i].snap_bytes ? rec->bytes : set.rule[i].snap_bytes));
			last_ns = rec->at_ns;
			t.pkts++;
			t.bytes += rec->bytes;
			t.first_ns = rec->at_ns < t.first_ns ? rec->at_ns : t.first_ns;
			t.last_ns = rec->at_ns > t.last_ns ? rec->at_ns : t.last_ns;
			memcpy(t.head, rec + 1, rec->kept_bytes < sizeof(t.head) ? rec->kept_bytes : sizeof(t.head));
		}
		t.missed += rings[i][w].missed_pkts;
	}
	return t;
}

/* ---- Worlds ---- */

static const char world[] = RIM_PF("100M")
	RIM_VM(01, "tx.max_bps = 20M\n")
	RIM_VM(02, "when_full = drop\necn = no\ntx.weight = 3\n")
	RIM_VM(03, "rx.max_bps = 8M\nreceive_queue = 64\n")
	RIM_VM(04, "vlan = 7\nbroadcast_pps = 500\n") RIM_VM(05, "vlan = 7\n") RIM_VM(06, "") RIM_VM(07, "");

static struct rim *busy_world(int placement)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = world, .placement = (enum rim_placement)placement});
	const struct rim_stream streams[] = {
		{.port = 1, .dst = HOST_MAC(1), .bytes = 1000, .pps = 4000, .ecn = ECN_ECT_0},
		{.port = 1, .dst = VM_MAC(3), .bytes = 300, .pps = 2000},
		{.port = 2, .dst = HOST_MAC(1), .bytes = 1500, .pps = 12000, .dscp = 10},
		{.port = 2, .dst = VM_MAC(3), .bytes = 700, .pps = 3000},
		{.port = 2, .src = VM_MAC(9), .dst = HOST_MAC(1), .bytes = 100, .pps = 500},	/* spoof */
		{.port = 0, .dst = VM_MAC(3), .bytes = 1200, .pps = 4000},
		{.port = 0, .dst = VM_MAC(1), .bytes = 900, .pps = 4000},
		{.port = 0, .dst = VM_MAC(99), .bytes = 200, .pps = 300},	/* nobody has it */
		{.port = 4, .dst = BROADCAST_MAC, .bytes = 400, .pps = 700},
		{.port = 4, .dst = HOST_MAC(1), .bytes = 600, .pps = 2000},
		{.port = 5, .bytes = 60, .pps = 50, .kind = RIM_SHORT},
		{.port = 6, .dst = VM_MAC(7), .bytes = 64, .pps = 200000},	/* so dense that it passes all queues */
	};

	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		rim_offer(r, &streams[i]);
	return r;
}

static void sum(void *ctx, int stream, uint64_t seq, bool has_ce, uint64_t offered_ns)
{
	uint64_t *hash = ctx, more = (uint64_t)stream << 56 ^ seq << 1 ^ has_ce ^ offered_ns << 20;

	*hash = unit_random(hash) ^ unit_random(&more);
}

/* What left, in which order, and at what time it all ended. */
static uint64_t play(int placement, bool is_captured)
{
	uint64_t hash = 1;
	struct rim *r = busy_world(placement);

	rim_set_sink(r, sum, &hash);
	for (int i = 0; i < 20; i++) {
		if (is_captured)
			rim_capture(r, i % 3 == 2 ? NULL : &set);	/* it comes and goes */
		rim_run(r, 10 * MS);
	}
	rim_capture(r, NULL);
	hash ^= rim_now_ns(r) * 3 + rim_all_drops(r);
	rim_end(r);
	return hash;
}

/* Broken by: a capture that counts a copy as delivered; a time of its own. */
START_TEST(what_leaves_leaves_as_if_nobody_looked)
{
	uint64_t alone = play(_i, false);

	begin();
	want(&(struct capture_rule){.vf = 0, .what = CAPTURE_ALL, .dirs = CAPTURE_BOTH}, 1 << 24);
	want(&(struct capture_rule){.vf = 2, .what = CAPTURE_DROPPED, .dirs = CAPTURE_BOTH, .reasons = CAPTURE_ALL_REASONS}, 1 << 16);
	want(&(struct capture_rule){.vf = VF_PF, .what = CAPTURE_ALL, .dirs = CAPTURE_BOTH}, 1 << 16);	/* mostly missed */
	want(&(struct capture_rule){.vf = 1, .what = CAPTURE_DELAYED, .dirs = CAPTURE_BOTH, .over_ns = {MS, MS}}, 1 << 20);
	ck_assert_uint_eq(play(_i, true), alone);
	ck_assert_uint_gt(take(0).pkts, 100);
	ck_assert_uint_gt(take(1).pkts, 10);
	struct taken pf = take(2);
	ck_assert_uint_gt(pf.missed, 1000);
	ck_assert_uint_gt(take(3).pkts, 10);
	end();
}
END_TEST

/* Broken by: no copy where a burst goes past all queues; none of what could not be copied. */
START_TEST(a_capture_has_what_the_counters_count)
{
	static const vf_id parties[] = {0, 1, 2, 3, 4, 5, 6, VF_PF, VF_NONE};
	static const struct {
		enum capture_what what;
		uint32_t dirs;
	} kinds[] = {{CAPTURE_ALL, 1}, {CAPTURE_ALL, 2}, {CAPTURE_DROPPED, 1}, {CAPTURE_DROPPED, 2}};
	uint64_t n_drops = 0, n_uncopied = 0;

	for (size_t p = 0; p < sizeof(parties) / sizeof(parties[0]); p++) {
		struct rim *r = busy_world(_i);
		vf_id vf = parties[p];
		begin();
		for (int k = 0; k < 4; k++)
			want(&(struct capture_rule){.vf = vf, .what = kinds[k].what, .dirs = kinds[k].dirs, .reasons = CAPTURE_ALL_REASONS},
				1 << 23);
		rim_run(r, 30 * MS);
		struct vf_view before = rim_view(r, vf);
		rim_capture(r, &set);
		uint64_t from_ns = rim_now_ns(r);
		rim_run(r, 120 * MS);
		rim_set_buffers(r, false, true);	/* floods find none */
		rim_run(r, 80 * MS);
		struct vf_view after = rim_view(r, vf);
		uint64_t to_ns = rim_now_ns(r);
		rim_capture(r, NULL);
		rim_run(r, 30 * MS);
		struct taken read = take(0), left = take(1), tx = take(2), rx = take(3);
		ck_assert_uint_eq(read.missed + left.missed + tx.missed + rx.missed, 0);
		ck_assert_uint_eq(read.pkts, after.tx.in_pkts - before.tx.in_pkts);
		ck_assert_uint_eq(read.bytes, after.tx.in_bytes - before.tx.in_bytes);
		ck_assert_uint_eq(left.pkts, after.rx.out_pkts - before.rx.out_pkts);
		ck_assert_uint_eq(left.bytes, after.rx.out_bytes - before.rx.out_bytes);
		ck_assert_uint_eq(tx.pkts, dir_view_drops(&after.tx) - dir_view_drops(&before.tx));
		ck_assert_uint_eq(rx.pkts, dir_view_drops(&after.rx) - dir_view_drops(&before.rx));
		n_drops += tx.pkts + rx.pkts;
		n_uncopied += after.rx.drops[DROP_NO_BUFFER];
		if (read.pkts > 0)
			ck_assert(read.first_ns >= from_ns && read.last_ns <= to_ns);
		rim_end(r);
		end();
	}
	ck_assert_uint_gt(n_drops, 1000);
	ck_assert_uint_gt(n_uncopied, 10);
}
END_TEST

/* Broken by: reasons that are not looked at. */
START_TEST(a_reason_of_drops_is_that_reason_alone)
{
	static const struct {
		vf_id vf;
		enum drop_reason reason;
	} some[] = {{2, DROP_RECEIVER_LIMIT}, {1, DROP_SPOOF}, {VF_PF, DROP_UNKNOWN_DEST}, {3, DROP_BROADCAST_LIMIT}, {4, DROP_MALFORMED},
		{2, DROP_RECEIVER_SLOW}};

	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		struct rim *r = busy_world(_i);
		begin();
		uint32_t this = want(&(struct capture_rule){.vf = some[i].vf, .what = CAPTURE_DROPPED, .dirs = CAPTURE_BOTH,
			.reasons = 1u << some[i].reason, .snap_bytes = 14}, 1 << 22);
		rim_capture(r, &set);
		rim_run(r, 200 * MS);
		rim_capture(r, NULL);
		struct taken t = take(this);
		ck_assert_uint_eq(t.pkts, rim_drops(r, some[i].vf, some[i].reason));
		ck_assert(t.pkts > 0 || some[i].reason == DROP_RECEIVER_SLOW);
		rim_end(r);
		end();
	}
}
END_TEST

struct waits {
	struct rim *r;
	uint64_t over_ns, n_over;
};

static void look_at_wait(void *ctx, int stream, uint64_t seq, bool has_ce, uint64_t offered_ns)
{
	struct waits *w = ctx;

	(void)stream, (void)seq, (void)has_ce;
	w->n_over += rim_now_ns(w->r) - offered_ns > w->over_ns;
}

/* A hundred at once at a thousand a second: one leaves each millisecond, and a packet that waited longer is told.  Held by the
 * receiver's limit, by the sender's on its way to the uplink, and by that on its way to another VM.  Broken by: none of these. */
START_TEST(delayed_are_those_that_waited_longer)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = RIM_PF("1G") RIM_VM(01, "tx.max_pps = 1k\n") RIM_VM(02, "rx.max_pps = 1k\n"
		"receive_queue = 256\n") RIM_VM(03, ""), .placement = (enum rim_placement)(_i / 3)});
	bool is_rx = _i % 3 == 1;
	uint64_t dst = is_rx ? VM_MAC(2) : _i % 3 == 2 ? VM_MAC(3) : HOST_MAC(1);
	struct waits w = {.r = r, .over_ns = 50 * MS + MS / 2};
	int stream = rim_offer(r, &(struct rim_stream){.port = is_rx ? 0 : 1, .dst = dst, .bytes = 800});

	begin();
	want(&(struct capture_rule){.vf = is_rx, .what = CAPTURE_DELAYED, .dirs = CAPTURE_BOTH, .over_ns = {w.over_ns, w.over_ns}}, 1 << 20);
	want(&(struct capture_rule){.vf = is_rx, .what = CAPTURE_DELAYED, .dirs = 1u << !is_rx, .over_ns = {MS, MS}}, 1 << 20);
	rim_set_sink(r, look_at_wait, &w);
	rim_capture(r, &set);
	rim_run(r, MS);
	rim_put(r, stream, 100);
	rim_run(r, 300 * MS);
	struct taken late = take(0), other_way = take(1);
	ck_assert_uint_gt(w.n_over, 20);
	ck_assert_uint_lt(w.n_over, 60);
	ck_assert_uint_eq(late.pkts, w.n_over);
	ck_assert_uint_eq(other_way.pkts, 0);
	ck_assert_uint_eq((uint32_t)late.head[5], dst & 0xff);	/* the last byte of the MAC it was for */
	rim_capture(r, NULL);
	rim_end(r);
	end();
}
END_TEST

/* Broken by: a worker that puts what nobody will write. */
START_TEST(a_ring_has_its_packets_and_the_rest_is_not_even_missed)
{
	struct rim *r = busy_world(0);

	begin();
	most_pkts = 25;
	want(&(struct capture_rule){.vf = 1, .what = CAPTURE_ALL, .dirs = CAPTURE_BOTH}, 1 << 20);
	rim_capture(r, &set);
	rim_run(r, 100 * MS);
	rim_capture(r, NULL);
	struct taken t = take(0);
	ck_assert_uint_eq(t.pkts, 25);
	ck_assert_uint_eq(t.missed, 0);
	rim_end(r);
	end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipe_capture");
	TCase *tc = tcase_create("pipe_capture");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, what_leaves_leaves_as_if_nobody_looked, 0, 3);
	tcase_add_loop_test(tc, a_capture_has_what_the_counters_count, 0, 3);
	tcase_add_loop_test(tc, a_reason_of_drops_is_that_reason_alone, 0, 3);
	tcase_add_loop_test(tc, delayed_are_those_that_waited_longer, 0, 9);
	tcase_add_test(tc, a_ring_has_its_packets_and_the_rest_is_not_even_missed);
	suite_add_tcase(s, tc);
	return unit_run(s);
}
