/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said of figures: each bound, drop and misfortune by its words, and nothing that is not so. */
#include <string.h>

#include "explain.h"
#include "unit.h"

#define SECOND UINT64_C(1000000000)

static struct conf conf = {.n_ports = 2, .pf = 0, .ports = {{.device = "up0"}, {.device = "v0"}}};
static struct conf_vf vf = {.name = "web", .port = 1, .tx_eff = {.max_bps = 50000000, .weight = 1}, .rx_eff = {.weight = 1}};
static struct conf_tenant tenant = {.name = "lab", .n_all_vfs = 3, .tx_eff = {.max_pps = 12500, .weight = 2, .priority = 1}};
static struct explain_figures f;
static struct explain e;

static void start(void)
{
	memset(&f, 0, sizeof(f));
	f.conf = &conf;
	f.vf = &vf;
	f.span_ns = SECOND;
	f.is_port_up = f.is_uplink_up = true;
}

static const char *said(const char *text)
{
	explain_vf(&f, &e);
	for (uint32_t i = 0; i < e.n; i++)
		if (strstr(e.line[i], text) != NULL)
			return e.line[i];
	return NULL;
}

START_TEST(who_is_idle_is_held_by_nothing)
{
	start();
	ck_assert_str_eq(said("web on"), "web on v0, over the last 1.00 s");
	ck_assert_ptr_nonnull(said("nothing holds it: its guest sends no more"));
	ck_assert_ptr_nonnull(said("nothing holds it: no more than this is sent to it"));
	ck_assert_uint_eq(e.n, 5);
	f.before.tx.held_ns[VIEW_BPS] = f.after.tx.held_ns[VIEW_BPS] = 9 * SECOND;	/* long ago, too */
	ck_assert_ptr_null(said("held by"));
	f.before.tx.drops[DROP_SPOOF] = f.after.tx.drops[DROP_SPOOF] = 7;	/* long ago */
	ck_assert_ptr_nonnull(said("dropped as spoof: 7 since the start, none now"));
	ck_assert_ptr_nonnull(said("nothing holds it: its guest"));
	f.after.tx.drops[DROP_SPOOF] = 9;
	ck_assert_ptr_nonnull(said("dropped as spoof: 2 now, 9 since the start: a source MAC"));
	ck_assert_ptr_null(said("nothing holds it: its guest"));
}
END_TEST

/* Fails if figures are taken since the start, or the bounds are told in another order than their time. */
START_TEST(what_held_it_is_told_the_longest_first_and_of_this_time_alone)
{
	static const char *const names[] = {"bps", "pps", "tenant", "link", "core"};

	for (int b = 0; b < N_VIEW_BOUNDS; b++) {
		char text[32];
		start();
		f.before.tx.held_ns[b] = 100 * SECOND;
		for (int other = 0; other < N_VIEW_BOUNDS; other++)
			f.after.tx.held_ns[other] = f.before.tx.held_ns[other];
		f.after.tx.held_ns[b] += SECOND * 3 / 4;
		f.after.tx.held_ns[(b + 1) % N_VIEW_BOUNDS] += SECOND / 4;
		snprintf(text, sizeof(text), " 75 %% of the time held by %s:", names[b]);
		const char *first = said(text);
		ck_assert_msg(first != NULL, "%s", text);
		ck_assert_ptr_eq(said("% of the time held by"), first);
		ck_assert_ptr_nonnull(strstr(first + EXPLAIN_CHARS, " 25 % of the time held by"));
		ck_assert_ptr_null(said("nothing holds it: its guest"));
	}
}
END_TEST

/* Broken by: tx told of rx, or a tenant's of a VF; minutes that are told as seconds. */
START_TEST(since_when_is_told_where_it_is_known)
{
	start();
	f.after.tx.held_ns[VIEW_BPS] = f.after.rx.held_ns[VIEW_PPS] = SECOND;
	ck_assert_ptr_nonnull(said("held by bps: its own limit"));
	f.tx_held_for_ns[VIEW_BPS] = 59 * SECOND + SECOND / 2;
	f.rx_held_for_ns[VIEW_PPS] = 185 * SECOND;
	f.tx_held_for_ns[VIEW_LINK] = 3 * SECOND;	/* not in this time */
	ck_assert_ptr_nonnull(said("100 % of the time held by bps (for 59.5 s now): its own limit in bits"));
	ck_assert_ptr_nonnull(said("100 % of the time held by pps (for 3 min 5 s now): its limit for what it receives, in packets"));
	ck_assert_ptr_null(said("held by link"));
	f.n_tenants = 1;
	f.tenant[0] = (struct explain_tenant){.tenant = &tenant};
	f.tenant[0].after.held_ns[VIEW_PPS] = SECOND;
	f.tenant[0].held_for_ns[VIEW_PPS] = 90061 * SECOND;
	ck_assert_ptr_nonnull(said("held by pps (for 25 h 1 min now): the tenant's limit in packets"));
}
END_TEST

/* At 3 a.m. it is what lifts it that is wanted, and of the right direction.  Broken by: one table of advice for both. */
START_TEST(each_bound_is_told_with_what_lifts_it)
{
	static const struct {
		enum view_bound bound;
		const char *tx, *rx;
	} words[] = {
		{VIEW_BPS, "its own limit in bits (max_bps): it offers more", "(rx.max_bps): more is sent to it than it was sold; a higher one lifts it"},
		{VIEW_PPS, "smaller ones perhaps; a higher one lifts it", "(rx.max_pps): more is sent to it than it was sold; a higher one lifts it"},
		{VIEW_TENANT, "the tenants' lines below tell whose", NULL},
		{VIEW_LINK, "a larger weight or min_bps gives it more of the link", "its guest reads too slowly, or more is sent to it"},
		{VIEW_CORE, "a larger weight or min_pps gives it more of the packet capacity", NULL},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		start();
		f.after.tx.held_ns[words[i].bound] = SECOND;
		ck_assert_ptr_nonnull(strstr(said("% of the time held by"), words[i].tx));
		start();
		f.after.rx.held_ns[words[i].bound] = SECOND;
		ck_assert(words[i].rx == NULL || strstr(said("% of the time held by"), words[i].rx) != NULL);
	}
}
END_TEST

/* Broken by: a guarantee that counts as left while one of its units is used up. */
START_TEST(a_guarantee_that_is_lent_is_told)
{
	start();
	ck_assert_ptr_null(said("lent"));
	vf.tx_eff.min_bps = 12000000;
	vf.tx_eff.min_pps = 1000;
	ck_assert_ptr_nonnull(strstr(said("nothing holds it: its guest sends no more than this; "), "lent to others, and back with its next packet"));
	f.after.tx.out_pkts = 999;
	f.after.tx.out_bytes = 999 * 64;
	ck_assert_ptr_nonnull(said("is lent to others"));
	f.after.tx.out_pkts = 1000;
	ck_assert_ptr_null(said("is lent to others"));
	vf.tx_eff.min_bps = vf.tx_eff.min_pps = 0;
}
END_TEST

START_TEST(rates_and_delays_are_of_this_time)
{
	start();
	f.span_ns = SECOND / 2;
	f.before.tx.out_bytes = f.before.tx.out_pkts = 1000000000;
	f.after.tx = f.before.tx;
	f.after.tx.out_bytes += 3125000;
	f.after.tx.out_pkts += 2050;
	ck_assert_str_eq(said("tx: "), "tx: 50.00 Mb/s 4.10 kp/s; sold: max_bps 50.00 Mb/s; priority 0, weight 1");
	f.delay.tx[TC_MEDIUM].n = 10;
	f.delay.tx[TC_MEDIUM].count[hist_bucket(1000)] = 10;
	f.delay.tx[TC_MEDIUM].max_ns = 1100;
	ck_assert_ptr_nonnull(strstr(said("medium"), " 10 packets, delay p50 1 us, p99 1 us, longest 1 us"));
	ck_assert_ptr_null(said("high  "));
}
END_TEST

START_TEST(the_busiest_ms_is_told_where_there_was_one)
{
	start();
	ck_assert_ptr_null(said("busiest"));
	f.after.tx.peak.recent = (struct peak_most){.ms = {12500, 10}, .ten_ms = {25000, 20}};
	f.after.tx.peak.ever = (struct peak_most){.ms = {99999, 99}, .ten_ms = {99999, 99}};
	ck_assert_str_eq(said("busiest"), "  in the busiest ms of the last 5 to 10 s 100.00 Mb/s 10.00 kp/s, in the busiest 10 ms 20.00 Mb/s "
		"2.00 kp/s");
}
END_TEST

/* Fails if lost time is called a bound's, or a port that is down is not told first. */
START_TEST(what_concerns_the_whole_switch_comes_first)
{
	start();
	f.n_workers = 2;
	f.worker[0] = (struct explain_worker){.lcore = 3, .lost_ns = SECOND / 100};
	f.worker[1] = (struct explain_worker){.lcore = 5, .lost_ns = SECOND / 5};
	f.is_port_up = f.is_uplink_up = false;
	ck_assert_ptr_null(said("lcore 3"));
	ck_assert_str_eq(said("weir itself"), "weir itself ran for only 80 % of this time on lcore 5: it was away for 200 ms of it,");
	ck_assert_ptr_eq(said("weir itself"), e.line[1]);
	ck_assert_ptr_nonnull(strstr(e.line[2], "isolcpus"));
	ck_assert_ptr_eq(said("its port v0 is down"), e.line[3]);
	ck_assert_ptr_eq(said("the uplink up0 is down"), e.line[4]);
	ck_assert_ptr_null(said("nothing holds it"));
}
END_TEST

/* Broken by: an absence that is told only when it is over; of its length that before the window left out; "nothing holds it",
 * said while nobody looked; real-time priority as a cure by itself. */
START_TEST(weir_that_still_does_not_run_is_told_with_since_when)
{
	start();
	f.n_workers = 1;
	f.after.tx.backlog_pkts = 33;
	f.worker[0] = (struct explain_worker){.lcore = 1, .lost_ns = SECOND, .away_ns = 12 * SECOND + SECOND / 4};
	ck_assert_str_eq(said("weir itself"), "weir itself did not run at all in this time on lcore 1 (for 12.2 s now),");
	ck_assert_ptr_eq(said("weir itself"), e.line[1]);
	ck_assert_ptr_nonnull(strstr(e.line[2], "have only when it is back.  Another program, or the host, has its CPU: "));
	ck_assert_ptr_nonnull(strstr(e.line[2], "autogroup"));
	ck_assert_ptr_nonnull(strstr(e.line[2], "(chrt -f only with sysctl kernel.sched_rt_runtime_us=-1)"));
	ck_assert_ptr_null(said("nothing holds it"));
	f.worker[0] = (struct explain_worker){.lcore = 1, .lost_ns = SECOND * 978 / 1000, .away_ns = SECOND / 2};
	ck_assert_str_eq(said("weir itself"), "weir itself ran for only 2 % of this time on lcore 1: it was away for 978 ms of it, "
		"and is still (for 0.5 s now),");
	ck_assert_ptr_null(said("nothing holds it"));
	f.worker[0] = (struct explain_worker){.lcore = 1, .lost_ns = SECOND / 2, .away_ns = SECOND / 1000};	/* as between two turns */
	ck_assert_str_eq(said("weir itself"), "weir itself ran for only 50 % of this time on lcore 1: it was away for 500 ms of it,");
	ck_assert_ptr_nonnull(strstr(e.line[2], "is in the times held below"));
	ck_assert_ptr_nonnull(said("nothing holds it: no more than this is sent to it"));
}
END_TEST

/* Broken by: others that are told of who is not held by the link, or core's as the link's. */
START_TEST(who_has_the_link_or_the_core_is_told_to_whom_it_is_short)
{
	struct conf_vf db = {.name = "db", .tx_eff = {.weight = 5, .priority = 2}}, mail = {.name = "mail", .tx_eff = {.weight = 1}};

	start();
	f.link_bps = 1000000000;
	f.link_used_bps = 999000000;
	f.core_pps = 125000;
	f.by_bps[0] = (struct explain_other){&db, 700000000, 60000};
	f.by_bps[1] = (struct explain_other){&mail, 200000000, 100000};
	f.by_pps[0] = f.by_bps[1];
	f.after.tx.held_ns[VIEW_BPS] = SECOND;
	ck_assert_ptr_null(said("most beside it"));
	f.after.tx.held_ns[VIEW_LINK] = SECOND;
	ck_assert_str_eq(said("most beside it"), "    the uplink carries 999.00 Mb/s of 1000.00 Mb/s; most beside it: db 700.00 Mb/s "
		"(priority 2, weight 5), mail 200.00 Mb/s (priority 0, weight 1)");
	f.before.tx.held_ns[VIEW_LINK] = SECOND;
	f.after.tx.held_ns[VIEW_CORE] = SECOND;
	ck_assert_str_eq(said("most beside it"), "    125.00 kp/s are read in all; most beside it: mail 100.00 kp/s (priority 0, weight 1)");
	f.by_pps[0].vf = NULL;
	ck_assert_ptr_nonnull(said("most beside it: nobody else"));
}
END_TEST

START_TEST(tenants_are_told_with_what_holds_them)
{
	start();
	f.n_tenants = 1;
	f.tenant[0] = (struct explain_tenant){.tenant = &tenant, .tx_bps = 40000000, .tx_pps = 12500};
	f.tenant[0].after.held_ns[VIEW_PPS] = SECOND;
	ck_assert_str_eq(said("tenant lab"), "tenant lab, tx of 3 VFs: 40.00 Mb/s 12.50 kp/s; sold: max_pps 12.50 kp/s; priority 1, "
		"weight 2");
	ck_assert_ptr_nonnull(said("100 % of the time held by pps: the tenant's limit in packets"));
}
END_TEST

/* Fails if a cut is not told, or one that is none. */
START_TEST(a_guarantee_that_is_cut_is_told)
{
	start();
	vf.tx_eff.min_bps = 40000000;
	vf.tx_eff.min_pps = 4000;
	f.grant = (struct grant){.min_bps = 30000000, .min_pps = 4000};
	ck_assert_ptr_null(said("granted"));	/* there is no allocator */
	f.has_grant = true;
	ck_assert_ptr_nonnull(said("of its guarantee only 30.00 Mb/s 4.00 kp/s are granted now"));
	f.grant.min_bps = 40000000;
	ck_assert_ptr_null(said("granted"));
	f.grant.min_pps = 3000;
	ck_assert_ptr_nonnull(said("of its guarantee only 40.00 Mb/s 3.00 kp/s are granted now"));
	vf.tx_eff.min_bps = vf.tx_eff.min_pps = 0;
}
END_TEST

/* Fails if it is said of one that has no grant, or its own limit is blamed. */
START_TEST(who_is_held_beyond_the_uplink_is_told_what_he_may_send_and_what_lifts_it)
{
	start();
	f.has_remote = true;
	f.remote = (struct remote_view){.grant_bps = 8000000, .target_bps = 8330000, .alpha = Q16_ONE / 8, .reason = REMOTE_TO_TARGET};
	f.bottleneck_bps = 25000000;
	f.after.tx.held_ns[VIEW_BPS] = SECOND;
	ck_assert_ptr_nonnull(said("held by remote congestion: the switch beyond the uplink marks 12.5 %"));
	ck_assert_ptr_nonnull(said("it may send 8.00 Mb/s out now; its part of the 25.00 Mb/s there is 8.33 Mb/s"));
	ck_assert_ptr_nonnull(said("rises to its part; fewer marks out there lift it, a larger weight or min_bps moves its part"));
	ck_assert_ptr_nonnull(said("100 % of the time held by bps: what it may send for congestion beyond the uplink"));
	ck_assert_ptr_null(said("it offers more than it was sold"));
	f.remote.grant_bps = 0;
	ck_assert_ptr_null(said("remote congestion"));
	ck_assert_ptr_nonnull(said("held by bps: its own limit in bits"));
}
END_TEST

/* Fails if it is told of who was sold none, or what is left in another unit. */
START_TEST(what_is_left_of_credits_is_told)
{
	start();
	vf.tx_eff.max_bps = 100000000;
	ck_assert_ptr_null(said("credit"));
	vf.tx_eff.peak_bps = 300000000;
	vf.tx_eff.credit_ns = 60 * SECOND;
	f.has_credit = true;
	f.credit = (struct credit_view){.left_ns = 30 * SECOND, .is_open = true};
	ck_assert_ptr_nonnull(said("credit: 30.0 of 60 s of its limit are banked (3000 Mb): it may have up to 300.00 Mb/s now"));
	f.credit = (struct credit_view){.left_ns = 10000000};
	ck_assert_ptr_nonnull(said("credit: 0.010 of 60 s of its limit are banked (1 Mb), too little yet to go above 100.00 Mb/s"));
	f.credit.left_ns = -10000000;
	ck_assert_ptr_nonnull(said("credit: spent: it has 100.00 Mb/s until it sends less than that for a while"));
	vf.tx_eff.max_bps = vf.tx_eff.peak_bps = vf.tx_eff.credit_ns = 0;
}
END_TEST

/* Fails if what was before is told as now, or a drop elsewhere leaves "nothing holds it". */
START_TEST(what_its_receivers_drop_is_told_with_where_and_why)
{
	static const char *const advice[N_RECEIVER_DROPS] = {"its rx limit (rx.max_bps", "does not read its ring", "the port there is down"};
	struct conf_vf vfs[] = {{.name = ""}, {.name = "db"}};
	char text[128];

	conf.vfs = vfs;
	conf.n_vfs = 2;
	for (int i = 0; i < N_RECEIVER_DROPS; i++) {
		const char *reason = drop_name((enum drop_reason)(DROP_RECEIVER_FIRST + i)), *line;
		start();
		f.before.tx.receiver_drops[i] = f.after.tx.receiver_drops[i] = 5;
		f.after.last_receiver[i] = 1;
		snprintf(text, sizeof(text), "dropped where it was sent to, as %s: 5 since the start, none now: ", reason);
		ck_assert_ptr_nonnull(said(text));
		ck_assert_ptr_nonnull(said("nothing holds it: its guest"));
		f.after.tx.receiver_drops[i] = 12;
		snprintf(text, sizeof(text), "dropped where it was sent to, as %s: 7 now, the last at db, 12 since the start: ", reason);
		line = said(text);
		ck_assert_ptr_nonnull(line);
		ck_assert_ptr_nonnull(strstr(line, advice[i]));
		ck_assert_ptr_null(said("nothing holds it: its guest"));
		f.after.last_receiver[i] = 0;
		ck_assert_ptr_nonnull(said("the last at a VF that is gone"));
	}
	conf.vfs = NULL;
	conf.n_vfs = 0;
}
END_TEST

/* Everything at once, with the longest numbers, is whole lines. */
START_TEST(the_most_that_there_can_be_fits)
{
	struct conf_vf longest = {.tx_eff = {.weight = 1000, .priority = 7}};

	start();
	for (int r = 0; r < N_DROP_REASONS; r++)
		f.after.tx.drops[r] = f.after.rx.drops[r] = UINT64_MAX;
	for (int i = 0; i < N_RECEIVER_DROPS; i++)
		f.after.tx.receiver_drops[i] = UINT64_MAX;
	for (int b = 0; b < N_VIEW_BOUNDS; b++)
		f.after.tx.held_ns[b] = f.after.rx.held_ns[b] = SECOND, f.tx_held_for_ns[b] = f.rx_held_for_ns[b] = UINT64_MAX;
	memset(longest.name, 'x', sizeof(longest.name) - 1);
	f.link_bps = f.link_used_bps = f.core_pps = UINT64_MAX;
	for (int i = 0; i < EXPLAIN_OTHERS; i++)
		f.by_bps[i] = f.by_pps[i] = (struct explain_other){&longest, UINT64_C(100000000000000), 1000000000};
	vf.tx_eff.min_bps = UINT64_MAX;
	f.has_grant = true;
	f.grant = (struct grant){.min_bps = UINT64_MAX - 1, .min_pps = UINT64_MAX};
	f.n_workers = 16;	/* PLACE_MAX_WORKERS */
	for (int i = 0; i < 16; i++)
		f.worker[i] = (struct explain_worker){.lcore = UINT32_MAX, .lost_ns = SECOND, .away_ns = i % 2 ? SECOND - 1 : UINT64_MAX / 100};
	f.n_tenants = CONF_MAX_DEPTH;
	for (int i = 0; i < CONF_MAX_DEPTH; i++) {
		f.tenant[i].tenant = &tenant;
		f.tenant[i].after.missed_ns = SECOND;
		for (int b = 0; b < N_VIEW_BOUNDS; b++)
			f.tenant[i].after.held_ns[b] = SECOND, f.tenant[i].held_for_ns[b] = UINT64_MAX;
	}
	explain_vf(&f, &e);
	ck_assert_uint_lt(e.n, EXPLAIN_LINES);
	vf.tx_eff.min_bps = 0;
	for (uint32_t i = 0; i < e.n; i++)
		ck_assert_msg(strlen(e.line[i]) < EXPLAIN_CHARS - 1, "cut: %s", e.line[i]);
}
END_TEST

/* Fails without the subtraction, or with the longest of all time. */
START_TEST(a_histogram_since_another_has_what_came_after_it)
{
	struct hist_snapshot then = {.n = 3, .max_ns = 1000000}, now;

	then.count[hist_bucket(100)] = 2;
	then.count[hist_bucket(1000000)] = 1;
	now = then;
	now.count[hist_bucket(500)] += 4;
	now.count[hist_bucket(100)] += 1;
	now.n += 5;
	hist_since(&now, &then);
	ck_assert_uint_eq(now.n, 5);
	ck_assert_uint_eq(hist_bucket(now.max_ns), hist_bucket(500));
	ck_assert_uint_eq(hist_bucket(hist_quantile_ns(&now, 0.2)), hist_bucket(100));
	ck_assert_uint_eq(hist_bucket(hist_quantile_ns(&now, 0.3)), hist_bucket(500));
	now = then;
	now.count[hist_bucket(2000000)]++;
	now.max_ns = 2000001;
	hist_since(&now, &then);
	ck_assert_uint_eq(now.max_ns, 2000001);
	now = then;
	hist_since(&now, &then);
	ck_assert_uint_eq(now.n + now.max_ns, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("explain");
	TCase *t = tcase_create("explain");

	tcase_add_test(t, who_is_idle_is_held_by_nothing);
	tcase_add_test(t, what_held_it_is_told_the_longest_first_and_of_this_time_alone);
	tcase_add_test(t, since_when_is_told_where_it_is_known);
	tcase_add_test(t, each_bound_is_told_with_what_lifts_it);
	tcase_add_test(t, a_guarantee_that_is_lent_is_told);
	tcase_add_test(t, rates_and_delays_are_of_this_time);
	tcase_add_test(t, the_busiest_ms_is_told_where_there_was_one);
	tcase_add_test(t, what_concerns_the_whole_switch_comes_first);
	tcase_add_test(t, weir_that_still_does_not_run_is_told_with_since_when);
	tcase_add_test(t, who_has_the_link_or_the_core_is_told_to_whom_it_is_short);
	tcase_add_test(t, tenants_are_told_with_what_holds_them);
	tcase_add_test(t, a_guarantee_that_is_cut_is_told);
	tcase_add_test(t, who_is_held_beyond_the_uplink_is_told_what_he_may_send_and_what_lifts_it);
	tcase_add_test(t, what_is_left_of_credits_is_told);
	tcase_add_test(t, what_its_receivers_drop_is_told_with_where_and_why);
	tcase_add_test(t, the_most_that_there_can_be_fits);
	tcase_add_test(t, a_histogram_since_another_has_what_came_after_it);
	suite_add_tcase(s, t);
	return unit_run(s);
}
