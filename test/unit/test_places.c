/* SPDX-License-Identifier: BSD-3-Clause */
/* VFs that come to a config that is in use, and go: what is refused and how it is said, places that never move, and that
 * the same comes of it by command, by a file, and by the state file after a restart. */
#include <stdlib.h>
#include <string.h>

#include "conf_change.h"
#include "mark.h"
#include "unit.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define MAC(n)	      "mac=02:00:00:00:00:" #n

static const char base_text[] = "[switch]\npacket_capacity = 100k\n"
				"[port pf]\nrole = pf\nrate = 1G\nlink_basis = l2\n[port v0]\n[port v1]\nspare = 2\n[port v2]\nspare = 1\n"
				"[tenant lab]\ntx.max_bps = 500M\n[tenant desk]\nparent = lab\n"
				"[vf a]\nport = v0\nmac = 02:00:00:00:00:01\ntx.min_bps = 100M\ntenant = desk\n"
				"[vf b]\nport = v1\nmac = 02:00:00:00:00:02\nrx.max_bps = 100M\n"
				"[mark web]\nvf = b\nset = AF41\n[mark dns]\nvf = a\nset = EF\n";

static struct why why, notes;

static struct conf *parse(const char *text)
{
	why_init(&why);
	struct conf *conf = conf_parse("t.conf", text, strlen(text), &why);
	ck_assert_msg(conf != NULL, "%s in %s", why.n > 0 ? why.text[0] : "no config and no reason", text);
	return conf;
}

static char *dump(const struct conf *conf)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	conf_dump(conf, out);
	fclose(out);
	return text;
}

static struct conf *make(const struct conf *conf, enum conf_verb verb, const char *name, const char *text)
{
	struct conf_change c = {.verb = verb};

	snprintf(c.name, sizeof(c.name), "%s", name);
	snprintf(c.text, sizeof(c.text), "%s", text);
	why_init(&why);
	return conf_changed(conf, &c, &why);
}

/* In the place of *conf. */
static void apply(struct conf **conf, enum conf_verb verb, const char *name, const char *text)
{
	struct conf *next = make(*conf, verb, name, text);

	ck_assert_msg(next != NULL, "%s %s: %s", name, text, why.n > 0 ? why.text[0] : "no reason");
	conf_destroy(*conf);
	*conf = next;
}

/* The same VFs by what they are, wherever their places are. */
static void are_same(const struct conf *a, const struct conf *b)
{
	ck_assert_uint_eq(a->n_named, b->n_named);
	for (uint32_t i = 0; i < a->n_vfs; i++) {
		const struct conf_vf *v = &a->vfs[i];
		if (!conf_is_there(v))
			continue;
		uint32_t j = conf_find_vf(b, v->name);
		ck_assert_msg(j != UINT32_MAX, "%s is not there", v->name);
		const struct conf_vf *w = &b->vfs[j];
		ck_assert(conf_same_address(v, w) && conf_same_terms(&v->tx, &w->tx) && conf_same_terms(&v->rx, &w->rx));
		ck_assert_str_eq(a->ports[v->port].device, b->ports[w->port].device);
		ck_assert_str_eq(a->maps[v->dscp_map].name, b->maps[w->dscp_map].name);
		ck_assert_uint_eq(v->tenant, w->tenant);
		ck_assert_uint_eq(v->when_full, w->when_full);
		ck_assert_uint_eq(v->queue_pkts, w->queue_pkts);
		ck_assert_mem_eq(&v->tx_eff, &w->tx_eff, sizeof(v->tx_eff));
	}
}

/* Broken by: a place of another port; counts of a tenant that are not kept; marking rules, or a map, that stay. */
START_TEST(one_that_comes_takes_a_place_and_one_that_goes_leaves_it)
{
	struct conf *conf = parse(base_text);
	char *before = dump(conf);

	ck_assert_uint_eq(conf->n_vfs, 5);
	ck_assert_uint_eq(conf->n_named, 2);
	apply(&conf, CONF_VF_ADD, "x", "port=v1;" MAC(03) ";tx.min_bps=50M;tenant=lab;trunk=10,20-30;native=5");
	uint32_t x = conf_find_vf(conf, "x");
	ck_assert_uint_lt(x, conf->n_vfs);
	ck_assert_uint_eq(conf->vfs[x].port, 2);
	ck_assert_uint_eq(conf->vfs[x].tx_eff.min_pps, 50000000 / 12000);
	ck_assert_int_eq(conf->vfs[x].when_full, WHEN_FULL_DROP);	/* the port may have others */
	ck_assert_uint_eq(conf->vfs[x].vid, 5);
	ck_assert_uint_eq(conf->tenants[0].n_vfs, 1);
	ck_assert_uint_eq(conf->tenants[0].n_all_vfs, 2);
	ck_assert_uint_eq(conf->tenants[0].members_bps, 150000000);
	ck_assert_uint_eq(conf->ports[2].n_vfs, 2);
	ck_assert_uint_eq(conf->n_named, 3);
	apply(&conf, CONF_DSCP, "x", "EF=low");	/* a map of its own, which goes with it */
	apply(&conf, CONF_VF_ADD, "y", "port=v2;" MAC(04));
	ck_assert_int_eq(conf->vfs[conf_find_vf(conf, "y")].when_full, WHEN_FULL_HOLD);	/* alone, and no place for another */
	apply(&conf, CONF_VF_DEL, "x", "");
	ck_assert_uint_eq(conf_find_vf(conf, "x"), UINT32_MAX);
	ck_assert_uint_eq(conf->tenants[0].n_all_vfs, 1);
	apply(&conf, CONF_VF_DEL, "y", "");
	char *after = dump(conf);
	ck_assert_str_eq(before, after);
	apply(&conf, CONF_VF_DEL, "a", "");
	ck_assert_uint_eq(conf->tenants[0].n_all_vfs, 0);
	ck_assert_uint_eq(conf->tenants[0].owed_bps, 0);
	ck_assert_uint_eq(marks_n(conf->marks), 1);		/* its rules went with it */
	ck_assert_str_eq(marks_rule(conf->marks, 0)->name, "web");
	apply(&conf, CONF_VF_ADD, "a", "port=v0");
	ck_assert_uint_eq(conf_find_vf(conf, "a"), 0);
	ck_assert_uint_gt(conf->vfs[0].born, 0);		/* another, whatever its name */
	free(before);
	free(after);
	conf_destroy(conf);
}
END_TEST

static const struct {
	enum conf_verb verb;
	const char *name, *text, *says[3];
} mistakes[] = {
	{CONF_VF_ADD, "a", "port=v1;" MAC(09), {"vf a: there is such a VF already"}},
	{CONF_VF_ADD, "x", "", {"vf x: nothing to change", "port"}},
	{CONF_VF_ADD, "x", MAC(09), {"vf x: [vf x] has no port: wanted port = v0, v1, v2"}},
	{CONF_VF_ADD, "x", "port=v9;" MAC(09), {"vf x: port = v9: there is no such [port]: wanted v0, v1, v2"}},
	{CONF_VF_ADD, "x", "port=pf;" MAC(09), {"port = pf is the PF"}},
	{CONF_VF_ADD, "x", "port=v1", {"has no mac", "v1 has 3 VFs, spare ones counted"}},
	{CONF_VF_ADD, "x", "port=v1;" MAC(01), {"of [vf x] is [vf a]'s too, in VLAN 0"}},
	{CONF_VF_ADD, "x", "port=v1;" MAC(09) "," MAC(09), {"wanted up to 8 addresses"}},
	{CONF_VF_ADD, "x", "port=v1;mac=03:00:00:00:00:01", {"is a group's"}},
	{CONF_VF_ADD, "x", "port=v0;" MAC(09), {"all places of v0 are taken (1 VFs): wanted spare in [port v0] raised (it is 0)"}},
	{CONF_VF_ADD, "x", "port=v1;" MAC(09) ";queue=9000", {"buffers are reserved at the start", "queue = 256"}},
	{CONF_VF_ADD, "x", "port=v1;" MAC(09) ";receive_queue=9000", {"receive_queue = 1024"}},
	{CONF_VF_ADD, "x", "port=v1;" MAC(09) ";when_full=hold", {"when_full = hold, but 3 VFs share v1"}},
	{CONF_VF_ADD, "x", "port=v1;" MAC(09) ";tenant=nope", {"tenant = nope: there is no such [tenant]: wanted lab, desk"}},
	{CONF_VF_ADD, "x", "port=v1;" MAC(09) ";dscp_map=nope", {"dscp_map = nope: there is no such map"}},
	{CONF_VF_ADD, "x", "port=v1;" MAC(09) ";vlan=5;trunk=6", {"trunk and vlan exclude each other"}},
	{CONF_VF_ADD, "x", "port=v1;" MAC(09) ";trunk=6;native=6", {"native = 6 is in trunk too"}},
	{CONF_VF_ADD, "x", "port=v1;" MAC(09) ";tx.min_bps=450M;tenant=lab", {"guarantees of its members add up to 550M"}},
	{CONF_VF_ADD, "x", "port=v1;" MAC(09) ";tx.min_bps=2M;tx.max_bps=1M", {"tx.min_bps = 2M is above tx.max_bps = 1M"}},
	{CONF_VF_ADD, "x", "port=v1;" MAC(09) ";rx.min_bps=2M;colour=red", {"nothing enforces", "unknown key colour"}},
	{CONF_VF_ADD, "x", "port=v1;" MAC(09) ";deleted=yes", {"unknown key deleted"}},
	{CONF_VF_ADD, "x-y", "port=v1;" MAC(09), {"x-y"}},
	{CONF_VF_ADD, "", "port=v1;" MAC(09), {"[vf ]"}},
	{CONF_VF_DEL, "nobody", "", {"vf nobody: there is no such VF: wanted a name that /weir/vfs lists"}},
	{CONF_VF_DEL, "", "", {"there is no such VF"}},	/* a free place has no name */
	{CONF_SET, "", "tx.weight=2", {"there is no such VF"}},
};

START_TEST(what_may_not_be_is_told_and_changes_nothing)
{
	struct conf *conf = parse(base_text);
	char *before = dump(conf), all[8192] = "";
	struct conf *new = make(conf, mistakes[_i].verb, mistakes[_i].name, mistakes[_i].text);

	ck_assert_msg(new == NULL, "%s %s", mistakes[_i].name, mistakes[_i].text);
	for (int i = 0; i < why.n; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s\n", why.text[i]);
	for (int i = 0; i < 3 && mistakes[_i].says[i] != NULL; i++)
		ck_assert_msg(strstr(all, mistakes[_i].says[i]) != NULL, "%s\nsays not: %s", all, mistakes[_i].says[i]);
	ck_assert_msg(strstr(all, "line 0") == NULL, "%s", all);
	char *after = dump(conf);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
	conf_destroy(conf);
}
END_TEST

/* With both sums, as at the start. */
START_TEST(over_commitment_is_refused_with_both_sums)
{
	struct conf *conf = parse(base_text), *more;

	apply(&conf, CONF_VF_ADD, "x", "port=v1;" MAC(03) ";tx.min_bps=900M");
	why_init(&why);
	ck_assert(conf_admit(conf, 1000000000, BASIS_L2, &why));
	more = make(conf, CONF_VF_ADD, "y", "port=v1;" MAC(04) ";tx.min_bps=1M");
	ck_assert_ptr_nonnull(more);
	why_init(&why);
	ck_assert(!conf_admit(more, 1000000000, BASIS_L2, &why));
	ck_assert_ptr_nonnull(strstr(why.text[0], "add up to 1.001G of 1G bits/s"));
	ck_assert_ptr_nonnull(strstr(why.text[0], "of 100k packets/s"));
	apply(&more, CONF_VF_DEL, "x", "");
	why_init(&why);
	ck_assert(conf_admit(more, 1000000000, BASIS_L2, &why));
	conf_destroy(more);
	conf_destroy(conf);
}
END_TEST

static struct conf *reload(const struct conf *running, const char *text)
{
	why_init(&why);
	struct conf *wanted = conf_reload_text(running, "t.conf", text, strlen(text), &why);
	struct conf *next = wanted != NULL ? conf_with_terms(running, wanted, &why) : NULL;

	conf_destroy(wanted);
	return next;
}

static struct conf *restart(const struct conf *base, const struct conf *conf)
{
	char *state;
	size_t size;
	FILE *out = open_memstream(&state, &size);

	conf_dump_state(conf, base, out);
	fclose(out);
	why_init(&why);
	why_init(&notes);
	struct conf *again = conf_with_state_text(base, "state.conf", state, size, &notes, &why);
	ck_assert_msg(again != NULL, "%s in %s", why.n > 0 ? why.text[0] : "no reason", state);
	free(state);
	return again;
}

START_TEST(a_file_may_have_as_many_vfs_as_there_are_places)
{
	struct conf *conf = parse(base_text), *next;
	char more[4096];

	snprintf(more, sizeof(more), "%s[vf x]\nport = v1\nmac = 02:00:00:00:00:03\n[vf y]\nport = v1\nmac = 02:00:00:00:00:04\n",
		base_text);
	next = reload(conf, more);	/* spare = 2 as it was: what it says of the next start is left to that */
	ck_assert_msg(next != NULL, "%s", why.n > 0 ? why.text[0] : "");
	ck_assert_uint_eq(next->n_named, 4);
	conf_destroy(next);
	strcat(more, "[vf z]\nport = v1\nmac = 02:00:00:00:00:05\n");
	ck_assert_ptr_null(reload(conf, more));
	ck_assert_ptr_nonnull(strstr(why.text[0], "[port v1] has 4 VFs in this file, and 3 places since weir was started"));
	ck_assert_ptr_nonnull(strstr(why.text[0], "restart"));
	snprintf(more, sizeof(more), "%s", base_text);
	memcpy(strstr(more, "spare = 2"), "spare = 3", 9);
	ck_assert_ptr_null(reload(conf, more));
	ck_assert_ptr_nonnull(strstr(why.text[0], "spare in [port v1] is not what runs"));
	conf_destroy(conf);
}
END_TEST

/* A state file of an earlier run meets a config that is another. */
START_TEST(a_state_file_says_what_it_could_not_do)
{
	static const char state[] = "[vf x]\nport = v1\nmac = 02:00:00:00:00:03\n[vf gone]\ndeleted = yes\n[vf b]\ndeleted = yes\n";
	static const char bad[] = "[vf b]\ndeleted = no\n[vf a]\ndeleted = yes\ntx.weight = 2\n[vf y]\nport = v0\nmac = 02:00:00:00:00:07\n";
	struct conf *base = parse(base_text);

	why_init(&why);
	why_init(&notes);
	struct conf *conf = conf_with_state_text(base, "s", state, strlen(state), &notes, &why);
	ck_assert_ptr_nonnull(conf);
	ck_assert_uint_eq(conf->n_named, 2);
	ck_assert_int_eq(notes.n, 3);
	ck_assert_str_eq(notes.text[0], "s:1: [vf x] is added, as at run time");
	ck_assert_str_eq(notes.text[1], "s:4: [vf gone], deleted at run time, is left out: the config has no such VF");
	ck_assert_str_eq(notes.text[2], "s:6: [vf b] is deleted, as at run time");
	conf_destroy(conf);
	why_init(&why);
	ck_assert_ptr_null(conf_with_state_text(base, "s", bad, strlen(bad), &notes, &why));
	ck_assert_str_eq(why.text[0], "s:2: deleted = no: wanted yes, and no other key in [vf b]");
	ck_assert_ptr_nonnull(strstr(why.text[1], "s:4: deleted = yes: wanted yes, and no other key in [vf a]"));
	ck_assert_ptr_nonnull(strstr(why.text[2], "s:6: [vf y]: all places of v0 are taken"));
	conf_destroy(base);
}
END_TEST

/* Broken by: a state file that has only the terms of it. */
START_TEST(a_name_of_the_config_that_is_anothers_is_so_after_a_restart)
{
	struct conf *base = parse(base_text), *conf = parse(base_text);

	apply(&conf, CONF_VF_DEL, "b", "");
	apply(&conf, CONF_VF_ADD, "b", "port=v2;" MAC(05));
	struct conf *again = restart(base, conf);
	are_same(conf, again);
	ck_assert_str_eq(notes.text[0] + strcspn(notes.text[0], "["), "[vf b] is another than the config's, as at run time");
	conf_destroy(again);
	conf_destroy(conf);
	conf_destroy(base);
}
END_TEST

#define N_NAMES 8

/* What there is, in its simplest form: a port a name, 0: none. */
struct model {
	int port[N_NAMES];
	uint32_t place[N_NAMES];
	int n_at[4];
};

static const int n_places[4] = {0, 1, 3, 1};

static void random_step(struct conf **conf, struct model *m, uint64_t *seed)
{
	static const char *const more[] = {"", ";tx.max_bps=7M", ";tenant=lab", ";tenant=desk;rx.max_bps=3M", ";vlan=7", ";ecn=no",
		";tx.min_bps=1M;tx.weight=3", ";queue=64"};
	unsigned int n = (unsigned int)(unit_random(seed) % N_NAMES), port = 1 + (unsigned int)(unit_random(seed) % 3);
	char name[16], text[256];

	snprintf(name, sizeof(name), "x%u", n);
	if (m->port[n] != 0) {
		apply(conf, CONF_VF_DEL, name, "");
		m->n_at[m->port[n]]--;
		m->port[n] = 0;
		return;
	}
	snprintf(text, sizeof(text), "port=v%u;mac=02:00:00:00:00:1%u%s", port - 1, n, more[unit_random(seed) % LENGTH(more)]);
	if (m->n_at[port] == n_places[port]) {
		ck_assert_ptr_null(make(*conf, CONF_VF_ADD, name, text));
		return;
	}
	apply(conf, CONF_VF_ADD, name, text);
	m->port[n] = (int)port;
	m->place[n] = conf_find_vf(*conf, name);
	m->n_at[port]++;
	if (unit_random(seed) % 3 == 0)
		apply(conf, CONF_DSCP, name, "EF=low");
}

static void is_as_modelled(const struct conf *conf, const struct model *m)
{
	uint32_t n = 0, in_lab = 0;
	char name[16];

	for (uint32_t i = 0; i < N_NAMES; i++) {
		snprintf(name, sizeof(name), "x%u", i);
		uint32_t vf = conf_find_vf(conf, name);
		ck_assert_int_eq(vf != UINT32_MAX, m->port[i] != 0);
		if (vf == UINT32_MAX)
			continue;
		n++;
		ck_assert_uint_eq(vf, m->place[i]);	/* where it came */
		ck_assert_int_eq(conf->vfs[vf].port, m->port[i]);
		in_lab += conf->vfs[vf].tenant != CONF_NO_TENANT;
	}
	ck_assert_uint_eq(conf->n_named, n);
	ck_assert_uint_eq(conf->n_vfs, 5);
	ck_assert_uint_eq(conf->tenants[0].n_all_vfs, in_lab);
	for (uint16_t port = 1; port <= 3; port++)
		ck_assert_int_eq((int)conf->ports[port].n_vfs, m->n_at[port]);
}

/* By commands, by a file, and by the state file: the same. */
START_TEST(commands_files_and_restarts_come_to_the_same)
{
	struct conf *base = parse(base_text), *conf = parse(base_text);
	struct model m = {.n_at = {0, 1, 1, 0}};
	uint64_t seed = (uint64_t)_i;

	apply(&conf, CONF_VF_DEL, "a", "");
	apply(&conf, CONF_VF_DEL, "b", "");
	m.n_at[1] = m.n_at[2] = 0;
	for (int step = 0; step < 60; step++) {
		random_step(&conf, &m, &seed);
		is_as_modelled(conf, &m);
		if (step % 7 != 0)
			continue;
		char *text = dump(conf);
		struct conf *anew = parse(text), *by_file = reload(base, text), *again = restart(base, conf), *same = reload(conf, text);
		ck_assert_msg(by_file != NULL && same != NULL, "%s in %s", why.n > 0 ? why.text[0] : "", text);
		are_same(conf, anew);
		are_same(conf, by_file);
		are_same(conf, again);
		for (uint32_t i = 0; i < conf->n_vfs; i++)
			ck_assert(!conf_is_another(&conf->vfs[i], &same->vfs[i]));
		conf_destroy(anew);
		conf_destroy(by_file);
		conf_destroy(again);
		conf_destroy(same);
		free(text);
	}
	conf_destroy(base);
	conf_destroy(conf);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("places");
	TCase *tc = tcase_create("places");

	tcase_add_test(tc, one_that_comes_takes_a_place_and_one_that_goes_leaves_it);
	tcase_add_loop_test(tc, what_may_not_be_is_told_and_changes_nothing, 0, LENGTH(mistakes));
	tcase_add_test(tc, over_commitment_is_refused_with_both_sums);
	tcase_add_test(tc, a_file_may_have_as_many_vfs_as_there_are_places);
	tcase_add_test(tc, a_state_file_says_what_it_could_not_do);
	tcase_add_test(tc, a_name_of_the_config_that_is_anothers_is_so_after_a_restart);
	tcase_add_loop_test(tc, commands_files_and_restarts_come_to_the_same, 0, 40);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
