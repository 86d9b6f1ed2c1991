/* SPDX-License-Identifier: BSD-3-Clause */
/* Scenarios as they are written: what is read, and every mistake with its line. */
#include <glob.h>
#include <string.h>

#include "clk.h"
#include "scenario.h"
#include "unit.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define CONF                                                                             \
	"[port up]\nrole = pf\nrate = 1G\n[port a]\n[vf vm1]\nport = a\nmac = 02:00:00:00:00:01\n" \
	"[port b]\n[vf vm2]\nport = b\nmac = 02:00:00:00:00:02\n"	/* 11 lines */

static struct why why;

static struct scenario *parse(const char *text)
{
	why_init(&why);
	return scenario_parse("s.conf", text, strlen(text), &why);
}

START_TEST(a_configuration_alone_is_a_scenario_in_which_all_send)
{
	struct scenario *s = parse(CONF);

	ck_assert_msg(s != NULL, "%s", why.text[0]);
	ck_assert(s->has_default_traffic);
	ck_assert_uint_eq(s->n_traffics, 1);
	ck_assert_uint_eq(s->traffics[0].n_from, 2);
	ck_assert(s->traffics[0].is_greedy);
	ck_assert_uint_eq(s->traffics[0].to[0], VF_PF);
	ck_assert_uint_eq(s->uplink_bps, 1000000000);
	ck_assert_uint_eq(s->duration_ns, NS_PER_S);
	ck_assert_uint_eq(s->warmup_ns, 100 * NS_PER_MS);
	scenario_destroy(s);
}
END_TEST

START_TEST(every_key_lands_in_its_place)
{
	struct scenario *s = parse(CONF "[sim]\nduration = 3s\nwarmup = 1s\nturn = 100ns\nsample = 7ms\nseed = 9\n"
		"[bottleneck]\nrate = 400M\nbuffer = 500k\nmark_above = 90k\n"
		"[traffic bulk]\nkind = tcp\nfrom = vm*\nto = pf\nflows = 3\nalgorithm = dctcp\nrtt = 25us\nwindow = 77\nsize = 1000\n"
		"dscp = AF41\nstart = 10ms\nstop = 20ms\n"
		"[traffic small]\nkind = onoff\nfrom = pf\nto = vm1, vm2\npackets = 5k\nsize = 64*7, 594 * 4,1514\non = 1ms\n"
		"off = 2ms\nrandom = yes\necn = ect1\n");

	ck_assert_msg(s == NULL, "a blank before * is none of what is wanted");
	ck_assert_ptr_nonnull(strstr(why.text[0], "s.conf:39: size = 64*7, 594 * 4,1514: wanted bytes from 60 to 9216"));
	s = parse(CONF "[sim]\nduration = 3s\nwarmup = 1s\nturn = 100ns\nsample = 7ms\nseed = 9\n"
		"[bottleneck]\nrate = 400M\nbuffer = 500k\nmark_above = 90k\n"
		"[traffic bulk]\nkind = tcp\nfrom = vm*\nto = pf\nflows = 3\nalgorithm = dctcp\nrtt = 25us\nwindow = 77\nsize = 1000\n"
		"dscp = AF41\nstart = 10ms\nstop = 20ms\n"
		"[traffic small]\nkind = onoff\nfrom = pf\nto = vm1, vm2\npackets = 5k\nsize = 64*7, 594*4,1514\non = 1ms\n"
		"off = 2ms\nrandom = yes\necn = ect1\n");
	ck_assert_msg(s != NULL, "%s", why.text[0]);
	ck_assert_uint_eq(s->duration_ns, 3 * NS_PER_S);
	ck_assert_uint_eq(s->warmup_ns, NS_PER_S);
	ck_assert_uint_eq(s->turn_ns, 100);
	ck_assert_uint_eq(s->sample_ns, 7 * NS_PER_MS);
	ck_assert_uint_eq(s->seed, 9);
	ck_assert_uint_eq(s->bottleneck.rate_bps, 400000000);
	ck_assert_int_eq(s->bottleneck.order, WIRE_FIFO);
	ck_assert_uint_eq(s->inbound.rate_bps, 0);
	ck_assert_uint_eq(s->bottleneck.buffer_bytes, 500000);
	ck_assert_uint_eq(s->bottleneck.mark_bytes, 90000);
	const struct traffic *t = &s->traffics[0];
	ck_assert_str_eq(t->name, "bulk");
	ck_assert_int_eq(t->kind, TRAFFIC_TCP);
	ck_assert_uint_eq(t->n_from, 2);
	ck_assert_uint_eq(t->n_flows, 3);
	ck_assert_int_eq(t->sender.algorithm, SENDER_DCTCP);
	ck_assert_uint_eq(t->ecn, ECN_ECT_0);	/* DCTCP's own */
	ck_assert_uint_eq(t->sender.rtt_ns, 25 * NS_PER_US);
	ck_assert_uint_eq(t->sender.max_window_pkts, 77);
	ck_assert_uint_eq(t->size[0], 1000);
	ck_assert_uint_eq(t->dscp, 34);
	ck_assert_uint_eq(t->start_ns, 10 * NS_PER_MS);
	ck_assert_uint_eq(t->stop_ns, 20 * NS_PER_MS);
	t = &s->traffics[1];
	ck_assert_int_eq(t->kind, TRAFFIC_ONOFF);
	ck_assert_uint_eq(t->from[0], VF_PF);
	ck_assert_uint_eq(t->to[1], 1);
	ck_assert_uint_eq(t->rate_pps, 5000);
	ck_assert_uint_eq(t->n_sizes, 3);
	ck_assert_uint_eq(t->n_parts, 12);
	ck_assert_uint_eq(t->on_ns, NS_PER_MS);
	ck_assert_uint_eq(t->off_ns, 2 * NS_PER_MS);
	ck_assert(t->is_random);
	ck_assert_uint_eq(t->ecn, ECN_ECT_1);
	scenario_destroy(s);
}
END_TEST

static const struct {
	const char *text, *said;
} mistakes[] = {
	{CONF "[traffic t]\nfrom = vm1\n", "s.conf:12: [traffic t]: wanted either rate = (bits per second, or max) or"},
	{CONF "[traffic t]\nfrom = vm1\nrate = 1M\npackets = 5\n", "s.conf:12: [traffic t]: wanted one of rate ="},
	{CONF "[traffic t]\nrate = 1M\n", "s.conf:12: [traffic t]: wanted from = VFs or pf"},
	{CONF "[traffic t]\nfrom = vm3\nrate = 1M\n", "s.conf:13: from = vm3: wanted VFs of the config"},
	{CONF "[traffic t]\nfrom = vm1, vm1\nrate = 1M\n", "s.conf:12: [traffic t]: somebody is named twice"},
	{CONF "[traffic t]\nfrom = vm1\nto = vm1\nrate = 1M\n", "s.conf:14: to: wanted somebody else than the sender"},
	{CONF "[traffic t]\nfrom = vm1\nrate = fast\n", "s.conf:14: rate = fast: wanted bits per second such as 400M"},
	{CONF "[traffic t]\nfrom = vm1\nrate = 1M\nflows = 3\n", "s.conf:15: flows says nothing of kind = constant"},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nrate = 1M\n", "s.conf:15: rate says nothing of kind = tcp"},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nalgorithm = dctcp\necn = no\n", "s.conf:16: ecn = no: wanted ect0"},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nsize = imix\n", "s.conf:15: size: wanted one size"},
	{CONF "[traffic t]\nkind = onoff\nfrom = vm1\nrate = 1M\non = 1ms\n", "s.conf:12: [traffic t]: wanted on = and off ="},
	{CONF "[traffic t]\nkind = poisson\nfrom = vm1\nrate = max\n", "s.conf:15: rate = max: wanted a rate, for Poisson"},
	{CONF "[traffic t]\nkind = trace\nfrom = vm1\n", "s.conf:12: [traffic t]: wanted file = a pcap file"},
	{CONF "[traffic t]\nkind = udp\nfrom = vm1\nrate = 1M\n", "s.conf:13: kind = udp: wanted constant or poisson or"},
	{CONF "[traffic t]\nfrom = vm1\nrate = 1M\nstart = 2s\nstop = 1s\n", "s.conf:16: stop is not after start"},
	{CONF "[traffic t]\nfrom = vm1\nrate = 1M\ndscp = XX\n", "s.conf:15: dscp = XX: wanted a code point"},
	{CONF "[traffic t]\nfrom = vm1\nrate = 1M\nszie = 64\n", "s.conf:15: unknown key szie in [traffic]: wanted size"},
	{CONF "[traffic a b]\nfrom = vm1\nrate = 1M\n", "s.conf:12: [traffic a b]: wanted a name"},
	{CONF "[traffic]\nfrom = vm1\nrate = 1M\n", "s.conf:12: [traffic ]: wanted a name"},
	{CONF "[sim]\nduration = 1ms\nwarmup = 2ms\n", "s.conf:14: the warm-up is not shorter"},
	{CONF "[sim]\nduration = 0s\n", "s.conf:13: duration = 0s: wanted a time"},
	{CONF "[sim]\nuplink_rate = 1G\n", "s.conf:13: uplink_rate: the config has rate"},
	{CONF "[sim x]\n", "s.conf:12: [sim x]: wanted [sim], without a name"},
	{CONF "[bottleneck out]\nrate = 1G\n", "s.conf:12: [bottleneck out]: wanted [bottleneck], for what leaves by the uplink, or"},
	{CONF "[bottleneck]\nrate = 1G\norder = lifo\n", "s.conf:14: order = lifo: wanted fifo or pfabric or edf or dscp"},
	{CONF "[bottleneck in]\nrate = 1G\norder = pfabric\n", "s.conf:14: order = pfabric: wanted fifo before the uplink"},
	{CONF "[traffic t]\nfrom = vm1\nrate = 1M\nprotocol = tpc\n", "s.conf:15: protocol = tpc: wanted tcp, udp"},
	{CONF "[traffic t]\nfrom = vm1\nrate = 1M\ndst = 10.9.0.0/16\n", "s.conf:15: dst = 10.9.0.0/16: wanted an IPv4 address"},
	{CONF "[traffic t]\nfrom = vm1\nrate = 1M\ndst_port = 0\n", "s.conf:15: dst_port = 0: wanted a port from 1 to 65535"},
	{CONF "[traffic t]\nfrom = vm1\nrate = 1M\nprotocol = icmp\ndst_port = 1\n", "s.conf:16: dst_port: wanted protocol = tcp"},
	{CONF "[traffic t]\nkind = trace\nfrom = vm1\nfile = x\nsrc_port = 1\n", "s.conf:16: src_port says nothing of kind = trace"},
	{CONF "[traffic t]\nfrom = vm1\nrate = 1M\nby_mac = yes\n", "s.conf:15: by_mac says nothing of kind = constant"},
	{CONF "[bottleneck in]\nrate = 1G\n[traffic t]\nfrom = pf\nto = vm1\nrate = max\n", "s.conf:14: [traffic t]: rate = max from pf: wanted a rate"},
	{CONF "[bottleneck]\nbuffer = 10k\n", "s.conf:12: [bottleneck]: wanted rate ="},
	{CONF "[bottleneck]\nrate = 1G\nbuffer = 10k\nmark_above = 10k\n", "s.conf:15: mark_above = 10000: wanted less"},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nalgorithm = qtcp\n", "s.conf:12: [traffic t]: wanted target = "},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nalgorithm = d2tcp\n", "s.conf:12: [traffic t]: wanted within = (a time)"},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nalgorithm = dctcp\ntarget = 1G\n", "s.conf:16: target: wanted algorithm = qtcp"},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nalgorithm = bbr\n", "s.conf:15: algorithm = bbr: wanted reno or cubic or"},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nmessage = 2M\n", "s.conf:15: message: wanted load ="},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nwithin = 2ms\n", "s.conf:15: within: wanted message ="},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nstep = 2\nalgorithm = cubic\n", "s.conf:15: step: wanted another algorithm"},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nalgorithm = dctcp\ngrowth = 5\n", "s.conf:16: growth: wanted algorithm = qtcp and target"},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nalgorithm = qtcp\ntarget = 1M\nstep = 2\ngrowth = 5\n", "s.conf:18: growth: wanted one of it and step"},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nalgorithm = dcqcn\npaced = yes\n", "s.conf:16: paced: wanted an algorithm with a window"},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nsmoothing = 2\n", "s.conf:15: smoothing: wanted an algorithm that is made"},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nclass = a\n", "s.conf:15: class = a: wanted target = beside it"},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nclass = a b\n", "s.conf:15: class = a b: wanted a name"},
	{CONF "[traffic t]\nkind = tcp\nfrom = vm1\nalgorithm = qtcp\ntarget = 1G\nclass = a\n"
		"[traffic u]\nkind = tcp\nfrom = vm2\nalgorithm = qtcp\ntarget = 2G\nclass = a\n",
		"s.conf:22: target = 2000000000: wanted 1000000000, as class = a has at line 12"},
	{CONF "[traffic t]\nfrom = pf\nrate = 1M\n", "s.conf:12: [traffic t]: from = pf, and to = pf where nothing is said: wanted to = VFs"},
	{CONF "[traffic t]\nfrom = vm1\nrate = 1M\nstart = 5s\n", "s.conf:15: start = 5s: wanted a time before the end"},
	{CONF "[change c]\nat = 5s\nvf = vm1\ntx.weight = 2\n", "s.conf:12: [change]: wanted at = a time before the end"},
	{CONF "[trafic t]\nfrom = vm1\n", "[dscp NAME] or [mark NAME], and here [sim], [traffic], [bottleneck], [change]"},
	{CONF "[change c]\nvf = vm1\ntx.weight = 2\n", "s.conf:12: [change c]: wanted at = a time"},
	{CONF "[change c]\nat = soon\nvf = vm1\ntx.weight = 2\n", "s.conf:13: [change c]: wanted at = a time"},
	{CONF "[change c]\nat = 1ms\ntx.weight = 2\n", "s.conf:12: [change c]: wanted one of vf = and tenant ="},
	{CONF "[change c]\nat = 1ms\nvf = vm1\n", "s.conf:12: [change c]: wanted terms such as"},
	{CONF "[change c]\nat = 1ms\nvf = vm9\ntx.weight = 2\n", "s.conf:12: [change] of vm9: "},
	{CONF "[change c]\nat = 1ms\nvf = vm1\ntx.wieght = 2\n", "s.conf:12: [change] of vm1: "},
	{CONF "[change c]\nat = 1ms\nvf = vm1\ntx.min_bps = 900G\n", "s.conf:12: [change] of vm1: "},
	{CONF "[simm]\n", "s.conf:12: unknown section [simm]"},
	{"[port up]\nrole = pf\n[port a]\n[vf vm1]\nport = a\nmac = 02:00:00:00:00:01\n", "[port up] takes the device's rate"},
	{"[port up]\nrole = pf\nrate = 1G\n[port a]\n[vf vm1]\nport = a\n[traffic t]\nfrom = pf\nto = vm1\nrate = 1M\n",
		"s.conf:9: to = vm1: it has no MAC"},
	{"[sim]\nconfig = /nonexistent.conf\n[vf x]\n", "s.conf:3: [vf]: wanted [sim], [traffic NAME], [change NAME] or [bottleneck]"},
	{"[port up]\nrole = pf\nrate = 1G\n", "s.conf: there is no [vf]: wanted one or more"},
	{"[sim]\nconfig = /nonexistent.conf\n", "/nonexistent.conf: No such file"},
};

static bool was_said(const char *text)
{
	for (int i = 0; i < why.n; i++)
		if (strstr(why.text[i], text) != NULL)
			return true;
	return false;
}

START_TEST(mistakes_are_told_with_line_and_what_was_wanted)
{
	ck_assert_ptr_null(parse(mistakes[_i].text));
	ck_assert_msg(was_said(mistakes[_i].said), "said: %s\nwanted: %s", why.n ? why.text[0] : "nothing", mistakes[_i].said);
}
END_TEST

START_TEST(all_mistakes_are_told_at_once_weirs_too)
{
	ck_assert_ptr_null(parse(CONF "colour = blue\n[sim]\nseed = x\n[traffic t]\nkind = poisson\nrate = 5\n[bottleneck]\n"));
	ck_assert(was_said("s.conf:12: unknown key colour"));
	ck_assert(was_said("s.conf:14: seed = x"));
	ck_assert(was_said("s.conf:17: rate = 5"));
	ck_assert(was_said("s.conf:15: [traffic t]: wanted from"));
	ck_assert(was_said("s.conf:18: [bottleneck]: wanted rate"));
}
END_TEST

START_TEST(what_a_config_leaves_to_the_device_the_scenario_says)
{
	static const char *ini = "[port up]\nrole = pf\n[port a]\n[vf vm1]\nport = a\nmac = 02:00:00:00:00:01\ntx.min_bps = 2G\n"
				 "[sim]\nuplink_rate = ";
	char text[256];

	snprintf(text, sizeof(text), "%s10G\n", ini);
	struct scenario *s = parse(text);
	ck_assert_msg(s != NULL, "%s", why.text[0]);
	ck_assert_uint_eq(s->uplink_bps, 10000000000);
	scenario_destroy(s);
	snprintf(text, sizeof(text), "%s1G\n", ini);	/* what was promised does not fit */
	ck_assert_ptr_null(parse(text));
	ck_assert(was_said("add up to 2G of 1G bits/s"));
}
END_TEST

/* The operator's own files too, where they name the uplink's rate. */
START_TEST(all_ready_scenarios_load)
{
	glob_t g = {0};

	ck_assert_int_eq(glob(WEIR_CONFIG_DIR "/sim/*.conf", 0, NULL, &g), 0);
	ck_assert_int_eq(glob(WEIR_CONFIG_DIR "/demo-*.conf", GLOB_APPEND, NULL, &g), 0);
	ck_assert_uint_gt(g.gl_pathc, 12);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		why_init(&why);
		struct scenario *s = scenario_load(g.gl_pathv[i], 0, &why);
		ck_assert_msg(s != NULL, "%s", why.text[0]);
		scenario_destroy(s);
	}
	globfree(&g);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("scenario");
	TCase *tc = tcase_create("scenario");

	tcase_add_test(tc, a_configuration_alone_is_a_scenario_in_which_all_send);
	tcase_add_test(tc, every_key_lands_in_its_place);
	tcase_add_loop_test(tc, mistakes_are_told_with_line_and_what_was_wanted, 0, LENGTH(mistakes));
	tcase_add_test(tc, all_mistakes_are_told_at_once_weirs_too);
	tcase_add_test(tc, all_ready_scenarios_load);
	tcase_add_test(tc, what_a_config_leaves_to_the_device_the_scenario_says);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
