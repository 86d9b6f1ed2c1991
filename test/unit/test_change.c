/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of a config that is in use: what may be changed, what is refused and how it is said, and that the config that
 * runs is never touched. */
#include <stdlib.h>
#include <string.h>

#include "conf_change.h"
#include "unit.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_SAYS      6

static const char base_text[] = "[switch]\npacket_capacity = 100k\n"
				"[port pf]\nrole = pf\nrate = 1G\nlink_basis = l2\n[port v0]\n[port v1]\n"
				"[tenant lab]\ntx.max_bps = 500M\n"
				"[vf a]\nport = v0\nmac = 02:00:00:00:00:01\ntx.min_bps = 100M\ntenant = lab\n"
				"[vf b]\nport = v1\nmac = 02:00:00:00:00:02\nrx.max_bps = 100M\n";

static struct why why, notes;
static char *text_at;
static size_t text_size;

static struct conf *parse(const char *text)
{
	why_init(&why);
	struct conf *conf = conf_parse("t.conf", text, strlen(text), &why);
	ck_assert_msg(conf != NULL, "%s", why.n > 0 ? why.text[0] : "no config and no reason");
	return conf;
}

/* The text stays until the next call. */
static const char *dump(const struct conf *conf)
{
	free(text_at);
	FILE *out = open_memstream(&text_at, &text_size);
	conf_dump(conf, out);
	fclose(out);
	return text_at;
}

static char *dump_copy(const struct conf *conf)
{
	return strdup(dump(conf));
}

static struct conf *change(const struct conf *conf, bool is_tenant, const char *name, const char *text)
{
	struct conf_change c = {.is_tenant = is_tenant};

	snprintf(c.name, sizeof(c.name), "%s", name);
	snprintf(c.text, sizeof(c.text), "%s", text);
	why_init(&why);
	return conf_changed(conf, &c, &why);
}

/* Broken by: effective terms that are not completed anew; sums of tenants that are added to the old ones. */
START_TEST(a_key_means_what_it_means_in_the_file)
{
	struct conf *conf = parse(base_text);
	struct conf *new = change(conf, false, "a", " tx.max_bps = 200M ; tx.burst=2ms;tx.weight=7;tx.priority=3;rx.max_pps=5k;;");
	struct conf *wanted;

	ck_assert_ptr_nonnull(new);
	wanted = parse("[switch]\npacket_capacity = 100k\n[port pf]\nrole = pf\nrate = 1G\nlink_basis = l2\n[port v0]\n"
		       "[port v1]\n[tenant lab]\ntx.max_bps = 500M\n[vf a]\nport = v0\nmac = 02:00:00:00:00:01\n"
		       "tx.min_bps = 100M\ntenant = lab\ntx.max_bps = 200M\ntx.burst = 2ms\ntx.weight = 7\n"
		       "tx.priority = 3\nrx.max_pps = 5k\n[vf b]\nport = v1\nmac = 02:00:00:00:00:02\nrx.max_bps = 100M\n");
	for (int i = 0; i < 2; i++) {
		ck_assert_mem_eq(&new->vfs[i].tx_eff, &wanted->vfs[i].tx_eff, sizeof(struct sla));
		ck_assert_mem_eq(&new->vfs[i].rx_eff, &wanted->vfs[i].rx_eff, sizeof(struct sla));
		ck_assert_uint_eq(new->vfs[i].tx_mark_ns, wanted->vfs[i].tx_mark_ns);
	}
	ck_assert_uint_eq(new->tenants[0].owed_bps, wanted->tenants[0].owed_bps);
	ck_assert_uint_eq(new->tenants[0].members_pps, wanted->tenants[0].members_pps);
	conf_destroy(wanted);
	conf_destroy(new);
	conf_destroy(conf);
}
END_TEST

/* Broken by: "none" that is only accepted. */
START_TEST(none_takes_a_term_away)
{
	struct conf *conf = parse(base_text);
	struct conf *all = change(conf, false, "a", "tx.max_bps=200M;tx.weight=7;tx.burst=5ms;tx.basis=wire;tx.peak_bps=300M;tx.credit=90s");
	struct conf *none = change(all, false, "a", "tx.max_bps=none;tx.weight=none;tx.burst=none;tx.basis=none;tx.peak_bps=none;tx.credit=none");
	char *before = dump_copy(conf);

	ck_assert_ptr_nonnull(none);
	ck_assert_str_eq(dump(none), before);
	ck_assert_uint_eq(none->vfs[0].tx_eff.weight, 1);
	ck_assert(none->vfs[0].tx_eff.burst_auto);
	free(before);
	conf_destroy(none);
	conf_destroy(all);
	conf_destroy(conf);
}
END_TEST

struct mistake {
	bool is_tenant;
	const char *name, *text;
	const char *says[MAX_SAYS];
};

static const struct mistake mistakes[] = {
	{false, "a", "", {"vf a: nothing to change: wanted key=value;key=value"}},
	{false, "a", " ; ;", {"vf a: nothing to change"}},
	{false, "a", "tx.max_bps", {"vf a: tx.max_bps has no value: wanted key=value"}},
	{false, "a", "=5", {"vf a: =5 has no key"}},
	{false, "nobody", "tx.weight=2", {"vf nobody: there is no such VF: wanted a name that /weir/vfs lists"}},
	{true, "nobody", "tx.weight=2", {"tenant nobody: there is no such tenant"}},
	{false, "a", "tx.weight=2;tx.weight=3", {"vf a: tx.weight again: wanted once"}},
	{false, "a", "tx.weight=0;tx.max_bps=1;port=v1;max_bps=5M;rx.min_bps=1M",
		{"vf a: tx.weight = 0: wanted a weight, from 1 to 1000; or none",
			"vf a: tx.max_bps = 1: wanted bits per second such as 150M, from 1000 to 10T; or none, as if it had been "
			"left out",
			"vf a: port cannot change while weir runs: wanted a term, tx.* or rx.*",
			"vf a: unknown key max_bps in [vf]: wanted tx.max_bps or rx.max_bps, perhaps",
			"vf a: rx.min_bps: nothing enforces a guarantee on a VF's own port yet"}},
	{false, "a", "tx.max_bps=50M", {"vf a: tx.min_bps = 100M is above tx.max_bps = 50M: wanted at most that"}},
	{false, "a", "tx.min_bps=600M", {"vf a: [tenant lab]: guarantees of its members add up to 600M bits/s where its limit is 500M"}},
	{true, "lab", "tx.max_bps=50M", {"tenant lab: [tenant lab]: guarantees of its members add up to 100M bits/s where its limit is 50M"}},
	{false, "a", "tx.peak_bps=300M;tx.credit=60s", {"vf a: tx.peak_bps without tx.max_bps"}},
	{false, "a", "tx.max_bps=200M;tx.peak_bps=200M;tx.credit=60s", {"vf a: tx.peak_bps = 200M is not above tx.max_bps = 200M: wanted more"}},
	{true, "lab", "rx.max_bps=50M;parent=lab;tx.urgent_bps=1M",
		{"tenant lab: rx.max_bps in [tenant]: nothing enforces",
			"tenant lab: parent cannot change while weir runs: wanted a term, tx.*",
			"tenant lab: tx.urgent_bps in [tenant]: urgent packets go first by what their VF was sold"}},
	{false, "a", "remote=yes;echo=classic",
		{"vf a: remote = yes, but there is no [remote]: wanted that section too, or no such key "
			"(remote = none takes back a remote = no)",
			"vf a: echo says something to [remote] only: wanted that section too"}},
	{false, "a", "remote=maybe;echo=", {"vf a: remote = maybe: wanted no or yes; or none", "vf a: echo = : wanted dctcp or classic; or none",
		"vf a: echo says something to [remote] only"}},
	{false, "a", "foo=1", {"vf a: unknown key foo in [vf]: wanted tx. or rx. with min_bps"}},
};

/* Broken by: a change in place. */
START_TEST(every_mistake_is_told_and_nothing_is_changed)
{
	const struct mistake *m = &mistakes[_i];
	struct conf *conf = parse(base_text);
	char *before = dump_copy(conf);
	struct conf *new = change(conf, m->is_tenant, m->name, m->text);
	int n = 0;

	ck_assert_ptr_null(new);
	while (n < MAX_SAYS && m->says[n] != NULL) {
		ck_assert_int_lt(n, why.n);
		ck_assert_msg(strncmp(why.text[n], m->says[n], strlen(m->says[n])) == 0, "'%s', wanted '%s'", why.text[n],
			m->says[n]);
		n++;
	}
	ck_assert_int_eq(why.n, n);
	ck_assert_str_eq(dump(conf), before);
	free(before);
	conf_destroy(conf);
}
END_TEST

START_TEST(too_many_keys_are_refused)
{
	struct conf *conf = parse(base_text);
	char text[CONF_CHANGE_CHARS] = "";

	for (int i = 0; i <= CONF_CHANGE_KEYS; i++)
		sprintf(text + strlen(text), "key%d=1;", i);
	ck_assert_ptr_null(change(conf, false, "a", text));
	ck_assert_msg(strstr(why.text[0], "one too many") != NULL, "%s", why.text[0]);
	conf_destroy(conf);
}
END_TEST

/* There are no more buffers than at the start.  Broken by: a receive queue that only follows the limit. */
START_TEST(a_receive_queue_follows_the_limit_within_its_buffers)
{
	struct conf *conf = parse(base_text);
	struct conf *less = change(conf, false, "b", "rx.max_bps=1M"), *more = change(less, false, "b", "rx.max_bps=1G");

	ck_assert_uint_eq(conf->vfs[1].receive_queue_pkts, 41);
	ck_assert_uint_eq(less->vfs[1].receive_queue_pkts, 32);
	ck_assert_uint_eq(more->vfs[1].receive_queue_pkts, 41);
	conf_destroy(more);
	conf_destroy(less);
	conf_destroy(conf);
}
END_TEST

static const char *const files[] = {"three-vms.conf", "fair-share.conf", "paid-weights.conf", "urgent-storage.conf",
	"shared-port.conf", "tenants.conf"};

/* Broken by: a key that is not written (when_full). */
START_TEST(a_dump_reads_back_as_the_same)
{
	char path[512];
	why_init(&why);
	snprintf(path, sizeof(path), "%s/%s", WEIR_CONFIG_DIR, files[_i]);
	struct conf *conf = conf_load(path, &why);
	ck_assert_ptr_nonnull(conf);
	char *text = dump_copy(conf);
	struct conf *again = parse(text);

	ck_assert_str_eq(dump(again), text);
	ck_assert_uint_eq(again->n_vfs, conf->n_vfs);
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		ck_assert_mem_eq(&again->vfs[i].tx_eff, &conf->vfs[i].tx_eff, sizeof(struct sla));
		ck_assert_uint_eq(again->vfs[i].receive_queue_pkts, conf->vfs[i].receive_queue_pkts);
		ck_assert_uint_eq(again->vfs[i].tx_mark_ns, conf->vfs[i].tx_mark_ns);
		ck_assert_int_eq(again->vfs[i].when_full, conf->vfs[i].when_full);
	}
	/* And it may take the place of what runs. */
	struct conf *wanted = conf_reload_text(conf, "t.conf", text, strlen(text), &why);
	ck_assert_msg(wanted != NULL, "%s", why.text[0]);
	conf_destroy(wanted);
	conf_destroy(again);
	conf_destroy(conf);
	free(text);
}
END_TEST

/* Names decide, not places.  Broken by: terms by index. */
START_TEST(a_reload_takes_the_terms_by_name)
{
	static const char text[] = "[switch]\npacket_capacity = 100k\n"
				   "[port v1]\n[port v0]\n[port pf]\nrole = pf\nrate = 1G\nlink_basis = l2\n"
				   "[vf b]\nport = v1\nmac = 02:00:00:00:00:02\nrx.max_bps = 70M\n"
				   "[vf a]\nport = v0\nmac = 02:00:00:00:00:01\ntenant = lab\ntx.max_bps = 30M\n"
				   "[tenant lab]\ntx.weight = 5\n";
	struct conf *conf = parse(base_text);
	struct conf *wanted = conf_reload_text(conf, "n.conf", text, strlen(text), &why), *new;

	ck_assert_msg(wanted != NULL, "%s", why.text[0]);
	new = conf_with_terms(conf, wanted, &why);
	ck_assert_ptr_nonnull(new);
	ck_assert_uint_eq(new->vfs[0].tx.max_bps, 30000000);
	ck_assert_uint_eq(new->vfs[0].tx_eff.min_bps, 0);
	ck_assert_uint_eq(new->vfs[1].rx.max_bps, 70000000);
	ck_assert_uint_eq(new->tenants[0].tx_eff.weight, 5);
	ck_assert_uint_eq(new->tenants[0].tx.max_bps, 0);
	ck_assert_str_eq(new->file, "t.conf");
	conf_destroy(new);
	conf_destroy(wanted);
	conf_destroy(conf);
}
END_TEST

/* Broken by: a comparison of conf_vf_differs() left out (queue). */
START_TEST(a_reload_names_all_that_cannot_change_with_its_line)
{
	static const char text[] = "[switch]\npacket_capacity = 200k\ndrain_time = 2s\n"			/* 2, 3 */
				   "[port pf]\nrole = pf\nrate = 2G\nlink_basis = l2\n[port v0]\nmtu = 9000\n"	/* 6, 9 */
				   "[port v2]\n"								/* 10 */
				   "[classes]\nhigh = 9\n"							/* 12 */
				   "[tenant other]\n"								/* 13 */
				   "[vf a]\nport = v0\nmac = 02:00:00:00:00:09\ntenant = other\nvlan = 7\n"	/* 17 */
				   "queue = 512\nwhen_full = drop\n"						/* 19 20 */
				   "[vf c]\nport = v2\n";
	static const char *const says[] = {"n.conf:2: packet_capacity in [switch]", "n.conf:3: drain_time in [switch]",
		"n.conf:12: high in [classes]", "n.conf:6: rate in [port pf]", "n.conf:9: mtu in [port v0]",
		"n.conf:10: [port v2] is new", "n.conf: [port v1] is gone", "n.conf:13: [tenant other] is new",
		"n.conf: [tenant lab] is gone", "n.conf:19: queue in [vf a]", "n.conf:17: tenant in [vf a]",
		"n.conf:20: when_full in [vf a]"};	/* an address may change, and VFs may come and go */
	struct conf *conf = parse(base_text);

	ck_assert_ptr_null(conf_reload_text(conf, "n.conf", text, strlen(text), &why));
	for (size_t i = 0; i < LENGTH(says); i++) {
		int at = 0;
		while (at < why.n && strncmp(why.text[at], says[i], strlen(says[i])) != 0)
			at++;
		ck_assert_msg(at < why.n, "not told: %s", says[i]);
		ck_assert_ptr_nonnull(strstr(why.text[at], ": wanted "));
	}
	ck_assert_int_eq(why.n, (int)LENGTH(says));
	conf_destroy(conf);
}
END_TEST

static struct conf *with_state(const struct conf *base, const char *text)
{
	why_init(&why);
	why_init(&notes);
	return conf_with_state_text(base, "s.conf", text, strlen(text), &notes, &why);
}

static char *state_of(const struct conf *conf, const struct conf *base)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	conf_dump_state(conf, base, out);
	fclose(out);
	return text;
}

/* Broken by: a state that leaves what it does not name as the config says. */
START_TEST(a_state_brings_back_what_was_changed_and_tells_it)
{
	struct conf *base = parse(base_text);
	struct conf *one = change(base, false, "a", "tx.min_bps=none;tx.weight=4");
	struct conf *two = change(one, true, "lab", "tx.max_bps=none;tx.max_pps=20k");
	char *state = state_of(two, base);
	struct conf *again = with_state(base, state);

	ck_assert_ptr_nonnull(again);
	char *wanted = dump_copy(two);
	ck_assert_str_eq(dump(again), wanted);
	ck_assert_int_eq(notes.n, 2);
	ck_assert_str_eq(notes.text[0],
		"s.conf:3: [tenant lab] as changed at run time: tx.max_bps 500M -> none, tx.max_pps none -> 20k");
	ck_assert_str_eq(notes.text[1],
		"s.conf:6: [vf a] as changed at run time: tx.min_bps 100M -> none, tx.weight none -> 4");
	free(wanted);
	free(state);
	conf_destroy(again);
	conf_destroy(two);
	conf_destroy(one);
	conf_destroy(base);
}
END_TEST

/* Broken by: a copy left out in conf_take_vf(), a comparison in dump_changed_vf(); what the state file does not name taken as
 * "yes"; a VF written as a whole because it hears nothing any more. */
START_TEST(whom_remote_looks_after_may_change)
{
	char text[sizeof(base_text) + 64], *wanted, *state;
	snprintf(text, sizeof(text), "[remote]\nperiod = 2ms\n%secho = classic\n", base_text);
	struct conf *base = parse(text);
	struct conf *off = change(base, false, "b", "remote=no;echo=dctcp"), *on = change(off, false, "b", "remote = none; echo=classic");
	struct conf *weight = change(off, false, "a", "tx.weight=4"), *again, *file, *reloaded;
	char buf[64];

	ck_assert(!off->vfs[1].is_remote && off->vfs[1].echo == ECHO_DCTCP && off->vfs[0].is_remote);
	ck_assert_str_eq(conf_remote_changes(&base->vfs[1], &off->vfs[1], buf, sizeof(buf)), "remote yes -> no, echo classic -> dctcp");
	ck_assert_str_eq(conf_remote_changes(&off->vfs[0], &base->vfs[0], buf, sizeof(buf)), "");
	wanted = dump_copy(base);
	ck_assert_str_eq(dump(on), wanted);
	free(wanted);

	state = state_of(weight, base);
	ck_assert_ptr_nonnull(strstr(state, "[vf b]\nremote = no\necho = dctcp\nrx.max_bps = 100M\n"));
	again = with_state(base, state);
	wanted = dump_copy(weight);
	ck_assert_str_eq(dump(again), wanted);
	ck_assert_int_eq(notes.n, 2);
	ck_assert_ptr_nonnull(strstr(notes.text[1], "[vf b] as changed at run time: remote yes -> no, echo classic -> dctcp"));
	free(state);
	conf_destroy(again);
	again = with_state(off, "[vf b]\ntx.weight = 3\n");	/* does not speak of it */
	ck_assert(!again->vfs[1].is_remote);

	file = conf_reload_text(base, "n.conf", wanted, strlen(wanted), &why);
	ck_assert_msg(file != NULL, "%s", why.n > 0 ? why.text[0] : "");
	reloaded = conf_with_terms(base, file, &why);
	ck_assert_str_eq(dump(reloaded), wanted);
	free(wanted);
	conf_destroy(reloaded);
	conf_destroy(file);
	conf_destroy(again);
	conf_destroy(weight);
	conf_destroy(on);
	conf_destroy(off);
	conf_destroy(base);
}
END_TEST

START_TEST(a_state_that_does_not_fit_is_refused_with_lines)
{
	struct conf *base = parse(base_text), *conf;

	ck_assert_ptr_null(with_state(base, "[vf a]\ntx.min_bps = 800M\n"));
	ck_assert_ptr_null(with_state(base, "[vf a]\nport = v1\n[port pf]\n[vf b]\ntx.foo = 1\n"));
	ck_assert_int_eq(why.n, 4);
	ck_assert_ptr_nonnull(strstr(why.text[0], "s.conf:1: [vf a]: all places of v1 are taken"));
	ck_assert_ptr_nonnull(strstr(why.text[3], "or the file removed"));
	conf = with_state(base, "[vf gone]\ntx.weight = 2\n[tenant gone]\n");
	ck_assert_ptr_nonnull(conf);
	ck_assert_int_eq(notes.n, 2);
	ck_assert_str_eq(notes.text[0], "s.conf:1: [vf gone] is left out: the config has no such VF");
	conf_destroy(conf);
	conf_destroy(base);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("change");
	TCase *tc = tcase_create("change");

	tcase_add_test(tc, a_key_means_what_it_means_in_the_file);
	tcase_add_test(tc, none_takes_a_term_away);
	tcase_add_loop_test(tc, every_mistake_is_told_and_nothing_is_changed, 0, (int)LENGTH(mistakes));
	tcase_add_test(tc, too_many_keys_are_refused);
	tcase_add_test(tc, a_receive_queue_follows_the_limit_within_its_buffers);
	tcase_add_loop_test(tc, a_dump_reads_back_as_the_same, 0, (int)LENGTH(files));
	tcase_add_test(tc, a_reload_takes_the_terms_by_name);
	tcase_add_test(tc, a_reload_names_all_that_cannot_change_with_its_line);
	tcase_add_test(tc, a_state_brings_back_what_was_changed_and_tells_it);
	tcase_add_test(tc, whom_remote_looks_after_may_change);
	tcase_add_test(tc, a_state_that_does_not_fit_is_refused_with_lines);
	suite_add_tcase(s, tc);
	return unit_run(s);
}
