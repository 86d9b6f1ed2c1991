/* SPDX-License-Identifier: BSD-3-Clause */
/* Promise: a rule's packet goes on with the rule's DSCP, in the class that its VF's map gives that, from the turn on in
 * which the rule comes; and who has no rule is as before.  Through whole pipelines of one worker and several. */
#include <stdio.h>

#include "conf.h"
#include "fake_rim.h"
#include "mark.h"
#include "unit.h"

#define MS UINT64_C(1000000)

static void is_near(double got, double want, double tolerance, const char *what)
{
	ck_assert_msg(got <= want * (1 + tolerance) && got >= want * (1 - tolerance), "%s: %.6g, wanted %.6g", what, got,
		want);
}

static int load(struct rim *r, uint16_t port, uint64_t dst, uint8_t dscp, uint8_t protocol)
{
	return rim_offer(r, &(struct rim_stream){.port = port, .dst = dst, .bytes = 1000, .pps = 60000, .dscp = dscp,
		.ecn = ECN_ECT_0, .protocol = protocol});
}

static void settle(struct rim *r, uint64_t ns)
{
	rim_run(r, 20 * MS);
	rim_mark(r);
	rim_run(r, ns);
}

static uint64_t hits(const struct rim *r, const char *name)
{
	const struct marks *m = rim_conf(r)->marks;
	uint64_t pkts, bytes;

	marks_hits(m, marks_find(m, name), &pkts, &bytes);
	return pkts;
}

/* A full link, a queue that drops low classes first: without the rules it would be the other way round.  Broken by: no mark_burst(), or one after classify(). */
START_TEST(a_marked_packet_goes_in_its_class)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = RIM_PF("400M") RIM_VM(01, "when_full = drop\necn = no\n") RIM_VM(02, "") "[mark bulk]\nvf = vm01\nprotocol = tcp\nset = CS1\n"
			"[mark talk]\nvf = vm01\nprotocol = udp\nset = AF41\n",
		.placement = (enum rim_placement)_i});
	int bulk = load(r, 1, HOST_MAC(1), 0, 6), talk = load(r, 1, HOST_MAC(1), 8, 17);
	int local = rim_offer(r, &(struct rim_stream){.port = 1, .dst = VM_MAC(2), .bytes = 100, .pps = 1000, .dscp = 46,
		.protocol = 6});

	rim_set_pps(r, talk, 30000);
	settle(r, 200 * MS);
	is_near(rim_bps(r, talk, 0), 240e6, 0.01, "high, all of it");
	is_near(rim_bps(r, bulk, 0), 160e6, 0.02, "low, the rest");
	ck_assert_int_eq(rim_last_dscp(r, talk, 0), 34);
	ck_assert_int_eq(rim_last_dscp(r, bulk, 0), 8);
	ck_assert_int_eq(rim_last_dscp(r, local, 2), 8);
	struct vf_view v = rim_view(r, 0);
	ck_assert_uint_eq(v.tx.class_pkts[TC_MEDIUM], 0);	/* as it came, it would have been medium, and low */
	ck_assert_uint_eq(v.tx.class_pkts[TC_URGENT], 0);
	ck_assert_uint_eq(hits(r, "bulk") + hits(r, "talk"), v.tx.in_pkts);
	rim_end(r);
}
END_TEST

/* Broken by: a pipe that keeps the rules it was made with. */
START_TEST(a_rule_acts_from_the_turn_in_which_it_comes)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = RIM_PF("1G") RIM_VM(01, "") RIM_VM(02, ""),
		.placement = (enum rim_placement)_i});
	int one = rim_offer(r, &(struct rim_stream){.port = 1, .dst = HOST_MAC(1), .bytes = 500, .pps = 0, .dscp = 46});
	int two = rim_offer(r, &(struct rim_stream){.port = 2, .dst = HOST_MAC(1), .bytes = 500, .pps = 0, .dscp = 46});
	static const struct {
		const char *name, *text;
		int dscp;
	} steps[] = {{"a", "vf=vm01;dscp=EF;set=AF11", 10}, {"b", "vf=vm01;order=1;set=CS2", 16}, {"c", "vf=vm01;order=0;set=trust", 46},
		{"c", NULL, 16}, {"b", NULL, 10}, {"a", NULL, 46}, {"a", "vf=vm01;dscp=AF11;set=CS1", 46}};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		ck_assert(rim_change_mark(r, steps[i].name, steps[i].text));
		rim_put(r, one, 100);
		rim_put(r, two, 100);
		rim_run(r, 10 * MS);
		ck_assert_int_eq(rim_last_dscp(r, one, 0), steps[i].dscp);
		ck_assert_int_eq(rim_last_dscp(r, two, 0), 46);	/* has no rule */
	}
	ck_assert(!rim_change_mark(r, "a", "vf=vm01;set=EF"));
	ck_assert_uint_eq(rim_all_drops(r), 0);
	rim_end(r);
}
END_TEST

/* Broken by: a class that is taken although the header could not be written. */
START_TEST(without_a_buffer_for_it_a_packet_does_not_pass_as_what_it_is_not)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = RIM_PF("1G") RIM_VM(01, "") RIM_VM(02, "") "[mark x]\nvf = vm01\nset = EF\n"});
	int one = load(r, 1, HOST_MAC(1), 0, 0), two = load(r, 2, HOST_MAC(1), 0, 0);

	rim_set_buffers(r, true, false);
	rim_run(r, 20 * MS);
	ck_assert_uint_eq(rim_pkts(r, one, 0), 0);
	ck_assert_uint_gt(rim_drops(r, 0, DROP_NO_BUFFER), 1000);
	ck_assert_uint_gt(rim_pkts(r, two, 0), 1000);
	ck_assert_uint_eq(rim_drops(r, 1, DROP_NO_BUFFER), 0);
	rim_set_buffers(r, true, true);
	rim_run(r, 20 * MS);
	ck_assert_uint_gt(rim_pkts(r, one, 0), 1000);
	rim_end(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pipe_mark");
	TCase *tc = tcase_create("pipe_mark");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_marked_packet_goes_in_its_class, 0, 3);
	tcase_add_loop_test(tc, a_rule_acts_from_the_turn_in_which_it_comes, 0, 3);
	tcase_add_test(tc, without_a_buffer_for_it_a_packet_does_not_pass_as_what_it_is_not);
	suite_add_tcase(s, tc);
	return unit_run(s);
}
