/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulator's world: its clock, its sources, its TCP, its bottleneck; and that it repeats itself. */
#include <string.h>

#include "clk.h"
#include "event.h"
#include "unit.h"
#include "world.h"

#define PF(rate) "[port up]\nrole = pf\nlink_basis = l2\nrate = " rate "\n"
#define VM(n, terms) "[port p" #n "]\n[vf vm" #n "]\nport = p" #n "\nmac = 02:00:00:00:00:0" #n "\n" terms

static struct why why;

struct play {
	struct scenario *s;
	struct world *w;
};

static struct play play(const char *ini, uint64_t seed)
{
	struct play p;

	why_init(&why);
	p.s = scenario_parse("test", ini, strlen(ini), &why);
	ck_assert_msg(p.s != NULL, "%s", why.text[0]);
	p.s->seed = seed;
	p.w = world_create(p.s, &why);
	ck_assert_msg(p.w != NULL, "%s", why.text[0]);
	return p;
}

/* Runs the warm-up and on to the end. */
static void run(struct play *p)
{
	ck_assert_msg(world_run(p->w, p->s->warmup_ns, &why), "%s", why.text[0]);
	world_mark(p->w);
	ck_assert_msg(world_run(p->w, p->s->duration_ns, &why), "%s", why.text[0]);
}

static void end(struct play *p)
{
	ck_assert_msg(world_end(p->w, NS_PER_S, &why), "%s", why.text[0]);
	world_destroy(p->w);
	scenario_destroy(p->s);
}

static double bps(struct play *p, vf_id vf, enum world_dir dir)
{
	return (double)world_figures(p->w, vf, dir)->got_bytes * 8e9 / (double)world_span_ns(p->w);
}

static double offered_bps(struct play *p, vf_id vf)
{
	return (double)world_figures(p->w, vf, WORLD_TX)->offered_bytes * 8e9 / (double)world_span_ns(p->w);
}

static void is_near(double got, double want, double tolerance, const char *what)
{
	ck_assert_msg(got >= want * (1 - tolerance) && got <= want * (1 + tolerance), "%s: %.6g, wanted %.6g", what, got, want);
}

/* Against a list that is searched.  Fails if event_pop() takes any child, or equal times are not kept in order. */
START_TEST(events_come_by_time_and_then_as_they_were_put_in)
{
	struct event_clock c = {0};
	struct event list[256];
	uint64_t seed = (uint64_t)_i;
	uint32_t n = 0;

	for (int step = 0; step < 20000; step++) {
		if (n < 256 && unit_random(&seed) % 2) {
			struct event e = {.at_ns = unit_random(&seed) % 50, .who = (uint32_t)step};
			unit_must(event_push(&c, &e));
			list[n++] = e;
		} else if (n > 0) {
			uint32_t first = 0;
			for (uint32_t i = 1; i < n; i++)
				if (list[i].at_ns < list[first].at_ns)
					first = i;
			unit_must(event_next_ns(&c) == list[first].at_ns);
			struct event e = event_pop(&c);
			unit_must(e.at_ns == list[first].at_ns && e.who == list[first].who);
			memmove(&list[first], &list[first + 1], (n - first - 1) * sizeof(list[0]));
			n--;
		}
		unit_must(c.n == n);
	}
	event_fini(&c);
}
END_TEST

/* Fails if Poisson's mean is not that of the rate, or silence is not skipped. */
START_TEST(sources_offer_what_they_are_told_to)
{
	struct play p = play(PF("10G") VM(1, "") VM(2, "") VM(3, "") VM(4, "")
		"[sim]\nduration = 2s\nturn = 10us\n"
		"[traffic a]\nfrom = vm1\nrate = 80M\nsize = imix\n"
		"[traffic b]\nkind = poisson\nfrom = vm2\npackets = 50k\nsize = 200\n"
		"[traffic c]\nkind = onoff\nfrom = vm3\nrate = 100M\non = 2ms\noff = 6ms\n"
		"[traffic d]\nkind = onoff\nfrom = vm4\nrate = 100M\non = 1ms\noff = 3ms\nrandom = yes\n", 7);

	run(&p);
	is_near(offered_bps(&p, 0), 80e6, 0.001, "constant");
	is_near(offered_bps(&p, 1), 80e6, 0.01, "Poisson");
	is_near(offered_bps(&p, 2), 25e6, 0.03, "on and off");	/* 17 packets a period, not 16.7 */
	is_near(offered_bps(&p, 3), 25e6, 0.15, "on and off at random");
	for (vf_id vf = 0; vf < 4; vf++)
		is_near(bps(&p, vf, WORLD_TX), offered_bps(&p, vf), 0.01, "all of it arrives");
	end(&p);
}
END_TEST

/* Fails if refuse() does not count. */
START_TEST(what_a_ring_refuses_is_counted_and_vm_to_vm_has_two_ends)
{
	struct play p = play(PF("1G") VM(1, "tx.max_bps = 100M\n") VM(2, "rx.max_bps = 60M\n")
		"[sim]\nduration = 2s\nturn = 10us\n[traffic a]\nfrom = vm1\nto = vm2\nrate = 400M\n", 1);
	const struct world_figures *tx, *rx;
	struct vf_view view;

	run(&p);
	tx = world_figures(p.w, 0, WORLD_TX);
	rx = world_figures(p.w, 1, WORLD_RX);
	is_near(offered_bps(&p, 0), 400e6, 0.001, "offered");
	is_near(bps(&p, 1, WORLD_RX), 60e6, 0.005, "the receiver's limit");
	ck_assert_uint_eq(tx->got_pkts, rx->got_pkts);
	is_near((double)tx->refused_pkts * 1500 * 8 / 1.8, 300e6, 0.01, "refused");
	world_view_vf(p.w, 1, &view);
	is_near((double)view.rx.drops[DROP_RECEIVER_LIMIT] * 1500 * 8 / 1.8, 40e6, 0.01, "dropped at the receiver's limit");
	end(&p);
}
END_TEST

/* Fails if any random number is not the seed's, or anything depends on addresses. */
START_TEST(one_seed_is_one_run_and_another_is_another)
{
	static const char *ini = PF("1G") VM(1, "") VM(2, "tx.max_bps = 200M\n") VM(3, "")
		"[bottleneck]\nrate = 500M\nbuffer = 200k\nmark_above = 50k\n[sim]\nduration = 300ms\n"
		"[traffic a]\nkind = poisson\nfrom = vm1\nrate = 300M\nsize = imix\n"
		"[traffic b]\nkind = tcp\nfrom = vm2, vm3\nflows = 3\nalgorithm = cubic\nrtt = 2ms\n";
	uint64_t events[3], bytes[3][3];

	for (int i = 0; i < 3; i++) {
		struct play p = play(ini, i < 2 ? 1 : 2);
		run(&p);
		events[i] = world_events(p.w);
		for (vf_id vf = 0; vf < 3; vf++)
			bytes[i][vf] = world_figures(p.w, vf, WORLD_TX)->got_bytes;
		end(&p);
	}
	ck_assert_uint_eq(events[0], events[1]);
	ck_assert_mem_eq(bytes[0], bytes[1], sizeof(bytes[0]));
	ck_assert_uint_ne(bytes[0][0], bytes[2][0]);
}
END_TEST

/* One flow of each kind fills a link, DCTCP with a queue that stays at the threshold.
 * Fails if reduce() leaves the window as it is: the buffer stays full. */
START_TEST(tcp_fills_the_bottleneck_and_dctcp_keeps_its_queue_short)
{
	static const char *algorithms[] = {"reno", "cubic", "dctcp"};
	char ini[1024];

	snprintf(ini, sizeof(ini), PF("1G") VM(1, "") "[bottleneck]\nrate = 200M\nbuffer = 150k\nmark_above = 15k\n"
		"[sim]\nduration = 2s\nwarmup = 1s\nturn = 10us\n"
		"[traffic a]\nkind = tcp\nfrom = vm1\nflows = 2\nalgorithm = %s\nrtt = 1ms\n", algorithms[_i]);
	struct play p = play(ini, 1);
	run(&p);
	const struct world_bottleneck *b = world_bottleneck(p.w);
	is_near((double)b->carried_bytes * 8e9 / (double)world_span_ns(p.w), 200e6, 0.01, algorithms[_i]);
	if (_i == 2) {
		ck_assert_uint_eq(b->dropped_pkts, 0);
		ck_assert_uint_lt(b->longest_queue_bytes, 60000);
		ck_assert_uint_gt(b->marked_pkts, 0);
	} else {
		ck_assert_uint_gt(b->dropped_pkts, 0);
		ck_assert_uint_lt(b->dropped_pkts * 50, b->carried_pkts);
		ck_assert_uint_gt(b->longest_queue_bytes, 140000);
	}
	end(&p);
}
END_TEST

/* Held by its own limit, TCP loses nothing in weir. */
START_TEST(tcp_behind_a_limit_reaches_it_and_loses_nothing)
{
	struct play p = play(PF("1G") VM(1, "tx.max_bps = 100M\n")
		"[sim]\nduration = 1s\nturn = 10us\n[traffic a]\nkind = tcp\nfrom = vm1\nflows = 4\nalgorithm = cubic\nrtt = 2ms\n", 1);
	struct vf_view view;

	run(&p);
	is_near(bps(&p, 0, WORLD_TX), 100e6, 0.002, "its limit");
	world_view_vf(p.w, 0, &view);
	ck_assert_uint_eq(dir_view_drops(&view.tx), 0);
	ck_assert_uint_eq(world_figures(p.w, 0, WORLD_TX)->refused_pkts, 0);
	end(&p);
}
END_TEST

/* Fails if a tag is forgotten on either way: weir drops it as 'vlan', or knows no such receiver. */
START_TEST(tagged_vfs_are_spoken_to_as_they_want)
{
	struct play p = play(PF("1G") VM(1, "vlan = 100\n") VM(2, "trunk = 7,9\n") VM(3, "trunk = 5\nnative = 6\n")
		"[sim]\nduration = 100ms\n[traffic up]\nfrom = *\nrate = 10M\n[traffic down]\nfrom = pf\nto = *\nrate = 10M\n", 1);

	run(&p);
	for (vf_id vf = 0; vf < 3; vf++) {
		struct vf_view view;
		world_view_vf(p.w, vf, &view);
		ck_assert_uint_eq(dir_view_drops(&view.tx) + dir_view_drops(&view.rx), 0);
		is_near((double)world_figures(p.w, vf, WORLD_TX)->got_pkts, 75, 0.03, "sent");
		is_near((double)world_figures(p.w, vf, WORLD_RX)->got_pkts, 75, 0.03, "received");
	}
	end(&p);
}
END_TEST

/* Fails if the address beyond the uplink is a fixed one: what is sent there would be the VF's that has it. */
START_TEST(no_vf_has_the_address_of_those_beyond_the_uplink)
{
	struct play p = play(PF("1G") "[port p1]\n[vf vm1]\nport = p1\nmac = 02:f7:00:00:00:00, 02:f7:00:00:00:01\n"
		"[port p2]\n[vf vm2]\nport = p2\nmac = 02:f7:00:00:00:02\n"
		"[sim]\nduration = 100ms\n[traffic t]\nfrom = vm1\nrate = 10M\n", 1);

	run(&p);
	is_near(bps(&p, 0, WORLD_TX), 10e6, 0.03, "sent");
	ck_assert_uint_gt(world_port_bytes(p.w, 0), 0);
	end(&p);
}
END_TEST

/* VM to VM nothing bounds them, and with turn = 0 a worker needs no time: more packets in the same moment, for ever.
 * Fails if world_run() does not count turns without time: the test does not end. */
START_TEST(time_that_stands_still_is_noticed_and_diagnosed)
{
	struct play p = play(PF("1G") VM(1, "") VM(2, "")
		"[sim]\nduration = 100ms\nturn = 0ns\n[traffic a]\nfrom = vm1\nto = vm2\nrate = max\n", 1);

	ck_assert(!world_run(p.w, p.s->duration_ns, &why));
	ck_assert_int_gt(why.n, 0);
	ck_assert_msg(strstr(why.text[0], "time stands still at") != NULL, "%s", why.text[0]);
	world_destroy(p.w);
	scenario_destroy(p.s);
}
END_TEST

/* Fails if a change is not applied at its time, or the pipe goes on with the old terms. */
START_TEST(terms_change_while_it_plays)
{
	struct play p = play(PF("1G") VM(1, "tx.max_bps = 100M\n") VM(2, "")
		"[sim]\nduration = 1s\nwarmup = 0s\nturn = 10us\n[traffic a]\nfrom = vm1\nrate = max\n"
		"[change late]\nat = 700ms\nvf = vm1\ntx.max_bps = 50M\n[change soon]\nat = 300ms\nvf = vm1\ntx.max_bps = 400M\n",
		1);
	static const double until_ms[] = {300, 700, 1000}, want[] = {100e6, 400e6, 50e6};

	for (int i = 0; i < 3; i++) {
		world_mark(p.w);
		ck_assert_msg(world_run(p.w, (uint64_t)until_ms[i] * NS_PER_MS, &why), "%s", why.text[0]);
		is_near(bps(&p, 0, WORLD_TX), want[i], 0.01, "rate");
	}
	end(&p);
}
END_TEST

/* Fails if the application's rate is not kept, or a paced sender is not paced. */
START_TEST(connections_offer_what_their_application_has)
{
	struct play p = play(PF("10G") VM(1, "") VM(2, "")
		"[bottleneck]\nrate = 2G\nmark_above = 100k\n"
		"[sim]\nduration = 400ms\nturn = 1us\n[traffic a]\nkind = tcp\nfrom = vm1\nflows = 2\nrtt = 100us\nload = 200M\n"
		"[traffic b]\nkind = tcp\nalgorithm = dcqcn\nfrom = vm2\nrtt = 100us\n", 1);

	run(&p);
	is_near(bps(&p, 0, WORLD_TX), 400e6, 0.01, "the application's");
	is_near((double)world_bottleneck(p.w)->carried_bytes * 8e9 / (double)world_span_ns(p.w), 2e9, 0.15, "DCQCN has most of the rest");
	ck_assert_uint_lt(world_bottleneck(p.w)->longest_queue_bytes, 1000000);
	end(&p);
}
END_TEST

/* Fails if a message's end is not where its last packet is acknowledged, or a late one is not counted. */
START_TEST(messages_take_their_time_and_late_ones_are_counted)
{
	struct play p = play(PF("10G") VM(1, "") VM(2, "tx.max_bps = 10M\n")
		"[sim]\nduration = 2s\nturn = 1us\n"
		"[traffic a]\nkind = tcp\nfrom = vm1\nrtt = 100us\nload = 80M\nmessage = 100k\nwithin = 10ms\n"
		"[traffic b]\nkind = tcp\nfrom = vm2\nrtt = 100us\nload = 20M\nmessage = 100k\nwithin = 10ms\n", 3);
	const struct world_messages *a = world_messages(p.w, 0), *b = world_messages(p.w, 1);
	struct hist_snapshot took;

	run(&p);
	is_near((double)a->n * 100000 * 8 / 1.8, 80e6, 0.3, "messages make the load");
	ck_assert_uint_eq(a->n_missed + world_open_misses(p.w, 0), 0);
	hist_read(a->took, &took);
	ck_assert_uint_ge(hist_quantile_ns(&took, 0.5), 100 * NS_PER_US);	/* a round trip */
	ck_assert_uint_lt(took.max_ns, 10 * NS_PER_MS);
	ck_assert_uint_gt(b->n_missed + world_open_misses(p.w, 1), 25);	/* of 45: twice what it may send */
	ck_assert_uint_gt(world_open_misses(p.w, 1), 10);
	end(&p);
}
END_TEST

/* What comes by a switch before the uplink comes at its rate; an answer to its marks keeps its queue short, and open loop
 * waits for all of its buffer.  Fails if world_take_coming() does not wait, or pass() does not mark. */
START_TEST(a_switch_before_the_uplink_holds_what_comes_to_its_rate)
{
	static const char *traffics[] = {"kind = tcp\nflows = 2\nalgorithm = dctcp\nrtt = 1ms\n",
		"kind = tcp\nflows = 2\nalgorithm = reno\nrtt = 1ms\n", "rate = 400M\n"};
	char ini[1024];

	snprintf(ini, sizeof(ini), PF("1G") VM(1, "") "[bottleneck in]\nrate = 200M\nbuffer = 150k\nmark_above = 15k\n"
		"[sim]\nduration = 2s\nwarmup = 1s\nturn = 10us\n[traffic a]\nfrom = pf\nto = vm1\n%s", traffics[_i]);
	struct play p = play(ini, 1);
	run(&p);
	const struct world_bottleneck *b = world_inbound(p.w);
	is_near((double)b->carried_bytes * 8e9 / (double)world_span_ns(p.w), 200e6, 0.01, traffics[_i]);
	is_near(bps(&p, 0, WORLD_RX), 200e6, 0.01, "what came through");
	if (_i == 0) {
		ck_assert_uint_eq(b->dropped_pkts, 0);
		ck_assert_uint_lt(b->longest_queue_bytes, 60000);
		ck_assert_uint_gt(b->marked_pkts, 0);
		ck_assert_uint_eq(world_bottleneck(p.w)->carried_pkts, 0);
	} else {
		ck_assert_uint_gt(b->dropped_pkts, 0);
		ck_assert_uint_gt(b->longest_queue_bytes, 140000);
	}
	if (_i == 2) {
		struct hist_snapshot delay;
		hist_read(world_figures(p.w, 0, WORLD_RX)->delay[TC_MEDIUM], &delay);
		is_near((double)hist_quantile_ns(&delay, 0.5), 6e6, 0.13, "150 kB at 200 Mb/s");	/* a histogram's step */
		is_near((double)b->dropped_pkts * 1500 * 8, 200e6, 0.01, "dropped");
	}
	end(&p);
}
END_TEST

/* Short messages beside endless ones at a switch that is full: by pFabric they take their round trip and their own time on
 * the wire, by a FIFO they wait for its queue.  Fails if world_left_bytes() is the same for all. */
START_TEST(a_switch_of_pfabric_sends_first_of_what_the_least_is_left)
{
	static const char *orders[] = {"fifo", "pfabric"};
	double mean_ns[2];
	char ini[1024];

	for (int i = 0; i < 2; i++) {
		snprintf(ini, sizeof(ini), PF("1G") VM(1, "") VM(2, "") "[bottleneck]\nrate = 200M\nbuffer = 300k\norder = %s\n"
			"[sim]\nduration = 2s\nwarmup = 500ms\nturn = 10us\n"
			"[traffic long]\nkind = tcp\nfrom = vm1\nflows = 2\nalgorithm = reno\nwindow = 60\nrtt = 1ms\n"
			"[traffic short]\nkind = tcp\nfrom = vm2\nalgorithm = reno\nwindow = 20\nrtt = 1ms\nload = 4M\nmessage = 10k\n",
			orders[i]);
		struct play p = play(ini, 1);
		run(&p);
		const struct world_bottleneck *b = world_bottleneck(p.w);
		const struct world_messages *m = world_messages(p.w, 1);
		is_near((double)b->carried_bytes * 8e9 / (double)world_span_ns(p.w), 200e6, 0.01, orders[i]);
		ck_assert_uint_eq(b->dropped_pkts, 0);
		is_near((double)m->n, 75, 0.3, "messages");
		mean_ns[i] = (double)m->took_sum_ns / (double)m->n;
		end(&p);
	}
	ck_assert_msg(mean_ns[1] < 2.2e6, "by pFabric %.0f ns", mean_ns[1]);	/* 1 ms, and 0.46 ms for 11.5 kB; some come in twos */
	ck_assert_msg(mean_ns[0] > 6e6, "by a FIFO %.0f ns", mean_ns[0]);	/* 120 packets in front */
}
END_TEST

/* What a switch by rank carried, dropped and still holds is what left the uplink; within a flow nothing is reordered, or a
 * gap would be a loss, and be sent again.  Fails if world_ranked_left() forgets a frame. */
START_TEST(a_switch_of_pfabric_loses_nothing_but_what_finds_no_room)
{
	struct play p = play(PF("1G") VM(1, "") VM(2, "") "[bottleneck]\nrate = 100M\nbuffer = 20k\norder = pfabric\n"
		"[sim]\nduration = 1s\nwarmup = 0s\nturn = 10us\n"
		"[traffic a]\nkind = poisson\nfrom = vm1\nrate = 80M\nsize = imix\n"
		"[traffic b]\nkind = poisson\nfrom = vm2\nrate = 80M\nsize = 1000\n", 1);

	run(&p);
	const struct world_bottleneck *b = world_bottleneck(p.w);
	uint64_t sent = world_figures(p.w, 0, WORLD_TX)->got_pkts + world_figures(p.w, 1, WORLD_TX)->got_pkts;
	ck_assert_uint_gt(b->dropped_pkts, 0);
	ck_assert_uint_le(b->longest_queue_bytes, 20000);
	ck_assert_uint_le(b->carried_pkts + b->dropped_pkts, sent);
	ck_assert_uint_ge(b->carried_pkts + b->dropped_pkts + 20000 / 60 + 1, sent);
	is_near((double)b->carried_bytes * 8, 100e6, 0.01, "carried");
	ck_assert_uint_eq(b->carried_bytes, world_bottleneck_vf_bytes(p.w, 0) + world_bottleneck_vf_bytes(p.w, 1));
	end(&p);
}
END_TEST

/* All that comes is marked EF by the rule that its headers meet, and by no other.  Broken by: write_head() without the ports. */
START_TEST(marking_rules_see_what_a_traffic_says)
{
	static const char *const said[] = {"dst_port = 53\n", "protocol = tcp\ndst_port = 53\n", "dst = 10.9.1.1\n", "dst = 10.8.1.1\n",
		"src = 10.7.0.1\nsrc_port = 9\n", "protocol = icmp\n"};
	static const bool is_urgent[] = {true, false, true, false, true, true};
	char ini[1024];

	snprintf(ini, sizeof(ini), PF("1G") VM(1, "")
		"[mark a]\nvf = vm1\nprotocol = udp\ndst_port = 53\nset = EF\n[mark b]\nvf = vm1\ndst = 10.9.0.0/16\nset = EF\n"
		"[mark c]\nvf = vm1\nsrc = 10.7.0.1\nsrc_port = 9\nset = EF\n[mark d]\nvf = vm1\nprotocol = icmp\nset = EF\n"
		"[sim]\nduration = 20ms\n[traffic t]\nfrom = vm1\nrate = 10M\n%s", said[_i]);
	struct play p = play(ini, 1);
	run(&p);
	const struct world_figures *f = world_figures(p.w, 0, WORLD_TX);
	ck_assert_uint_gt(f->got_pkts, 10);
	ck_assert_uint_eq(f->class_pkts[TC_URGENT], is_urgent[_i] ? f->got_pkts : 0);
	end(&p);
}
END_TEST

/* Two that send messages alike; whose are due sooner come sooner, by edf alone.  Broken by: push() by world_left_bytes(). */
START_TEST(a_switch_by_deadline_sends_first_what_is_due_first)
{
	static const char *orders[] = {"fifo", "edf"};
	double mean_ns[2][2];
	char ini[1024];

	for (int i = 0; i < 2; i++) {
		snprintf(ini, sizeof(ini), PF("1G") VM(1, "") VM(2, "") "[bottleneck]\nrate = 200M\nbuffer = 1M\norder = %s\n"
			"[sim]\nduration = 4s\nwarmup = 500ms\nturn = 10us\n"
			"[traffic soon]\nkind = tcp\nfrom = vm1\nflows = 4\nalgorithm = reno\nwindow = 60\nrtt = 1ms\nload = 22M\nmessage = 50k\nwithin = 5ms\n"
			"[traffic late]\nkind = tcp\nfrom = vm2\nflows = 4\nalgorithm = reno\nwindow = 60\nrtt = 1ms\nload = 22M\nmessage = 50k\nwithin = 40ms\n",
			orders[i]);
		struct play p = play(ini, 1);
		run(&p);
		for (uint32_t t = 0; t < 2; t++) {
			const struct world_messages *m = world_messages(p.w, t);
			is_near((double)m->n, 4 * 22e6 / 8 / 50e3 * 3.5, 0.15, "messages");
			mean_ns[i][t] = (double)m->took_sum_ns / (double)m->n;
		}
		end(&p);
	}
	is_near(mean_ns[0][0], mean_ns[0][1], 0.25, "a FIFO makes no difference");
	ck_assert_msg(mean_ns[1][0] * 1.5 < mean_ns[1][1] && mean_ns[1][0] < mean_ns[0][0], "%.0f and %.0f ns by deadline, %.0f by a FIFO",
		mean_ns[1][0], mean_ns[1][1], mean_ns[0][0]);
}
END_TEST

/* Strict by the class selector; whoever is last has what is left.  Broken by: a map without the shift. */
START_TEST(a_switch_by_dscp_sends_the_higher_selector_first)
{
	struct play p = play(PF("1G") VM(1, "") VM(2, "") VM(3, "") "[bottleneck]\nrate = 100M\nbuffer = 4M\norder = dscp\n"
		"[sim]\nduration = 500ms\nwarmup = 100ms\nturn = 10us\n"
		"[traffic a]\nfrom = vm1\nrate = 60M\ndscp = CS1\n"
		"[traffic b]\nfrom = vm2\nrate = 30M\ndscp = CS6\n"
		"[traffic c]\nfrom = vm3\nrate = 30M\ndscp = EF\n", 1);

	run(&p);
	double seconds = (double)world_span_ns(p.w) / 1e9;
	for (vf_id vf = 0; vf < 3; vf++)
		is_near((double)world_bottleneck_vf_bytes(p.w, vf) * 8 / seconds, (const double[]){40e6, 30e6, 30e6}[vf], 0.01, "carried");
	ck_assert_uint_eq(world_bottleneck(p.w)->dropped_pkts, 0);
	end(&p);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("world");
	TCase *tc = tcase_create("world");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, events_come_by_time_and_then_as_they_were_put_in, 0, 10);
	tcase_add_test(tc, sources_offer_what_they_are_told_to);
	tcase_add_test(tc, what_a_ring_refuses_is_counted_and_vm_to_vm_has_two_ends);
	tcase_add_test(tc, one_seed_is_one_run_and_another_is_another);
	tcase_add_loop_test(tc, a_switch_before_the_uplink_holds_what_comes_to_its_rate, 0, 3);
	tcase_add_test(tc, a_switch_of_pfabric_sends_first_of_what_the_least_is_left);
	tcase_add_test(tc, a_switch_of_pfabric_loses_nothing_but_what_finds_no_room);
	tcase_add_test(tc, a_switch_by_deadline_sends_first_what_is_due_first);
	tcase_add_test(tc, a_switch_by_dscp_sends_the_higher_selector_first);
	tcase_add_loop_test(tc, marking_rules_see_what_a_traffic_says, 0, 6);
	tcase_add_loop_test(tc, tcp_fills_the_bottleneck_and_dctcp_keeps_its_queue_short, 0, 3);
	tcase_add_test(tc, tcp_behind_a_limit_reaches_it_and_loses_nothing);
	tcase_add_test(tc, tagged_vfs_are_spoken_to_as_they_want);
	tcase_add_test(tc, no_vf_has_the_address_of_those_beyond_the_uplink);
	tcase_add_test(tc, time_that_stands_still_is_noticed_and_diagnosed);
	tcase_add_test(tc, terms_change_while_it_plays);
	tcase_add_test(tc, connections_offer_what_their_application_has);
	tcase_add_test(tc, messages_take_their_time_and_late_ones_are_counted);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
