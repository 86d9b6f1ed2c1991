/* SPDX-License-Identifier: BSD-3-Clause */
/* DSCP maps that change while weir runs: by command, by reload, by a state file; against a model in which every VF has all
 * of a map of its own. */
#include <stdlib.h>
#include <string.h>

#include "conf_change.h"
#include "unit.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_SAYS      6

static const char base_text[] = "[port pf]\nrole = pf\nrate = 1G\n[port v0]\n[port v1]\n"
				"[vf a]\nport = v0\ntx.min_bps = 100M\n[vf b]\nport = v1\nrx.max_bps = 100M\n";

static struct why why, notes;

static struct conf *parse(const char *text)
{
	why_init(&why);
	struct conf *conf = conf_parse("t.conf", text, strlen(text), &why);
	ck_assert_msg(conf != NULL, "%s", why.n > 0 ? why.text[0] : "no config and no reason");
	return conf;
}

/* The caller frees. */
static char *dump_copy(const struct conf *conf)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	conf_dump(conf, out);
	fclose(out);
	return text;
}

static void check_dump(const struct conf *conf, const char *wanted)
{
	char *text = dump_copy(conf);

	ck_assert_str_eq(text, wanted);
	free(text);
}

static struct conf *change_dscp(const struct conf *conf, const char *name, const char *text)
{
	struct conf_change c = {.verb = CONF_DSCP};

	snprintf(c.name, sizeof(c.name), "%s", name);
	snprintf(c.text, sizeof(c.text), "%s", text);
	why_init(&why);
	return conf_changed(conf, &c, &why);
}

#define CLASS(conf, vf, dscp) ((conf)->maps[(conf)->vfs[vf].dscp_map].tclass[dscp])

/* Broken by: a map that is changed in place though others use it. */
START_TEST(a_dscp_change_is_the_vfs_alone)
{
	struct conf *conf = parse(base_text);
	struct conf *one = change_dscp(conf, "a", "EF=low; 10 = high medium");
	struct conf *two = change_dscp(one, "a", "default=medium;af11=low high");
	struct conf *back = change_dscp(two, "a", "map=default");
	char *before = dump_copy(conf);

	ck_assert_ptr_nonnull(back);
	ck_assert_str_eq(one->maps[one->vfs[0].dscp_map].name, "a");
	ck_assert_uint_eq(CLASS(one, 0, 46), TC_LOW);
	ck_assert_uint_eq(CLASS(one, 1, 46), TC_URGENT);
	ck_assert_uint_eq(CLASS(one, 0, 10), TC_HIGH);
	ck_assert_uint_eq(one->maps[one->vfs[0].dscp_map].drop_prec[10], DP_MEDIUM);
	ck_assert_uint_eq(CLASS(one, 0, 1), CLASS(conf, 0, 1));		/* not named */
	ck_assert_uint_eq(two->vfs[0].dscp_map, one->vfs[0].dscp_map);	/* its own already */
	ck_assert_uint_eq(CLASS(two, 0, 46), TC_MEDIUM);		/* default: all that is not named */
	ck_assert_uint_eq(CLASS(two, 0, 10), TC_LOW);
	check_dump(back, before);				/* and the map is gone */
	free(before);
	conf_destroy(back);
	conf_destroy(two);
	conf_destroy(one);
	conf_destroy(conf);
}
END_TEST

/* Broken by: standard that only leaves what is not named. */
START_TEST(default_standard_begins_anew)
{
	struct conf *conf = parse(base_text), *one = change_dscp(conf, "b", "default=low high");
	struct conf *two = change_dscp(one, "b", "default=standard;CS1=urgent");
	struct dscp_map standard;

	ck_assert_ptr_nonnull(two);
	dscp_map_default(&standard);
	for (int dscp = 0; dscp < CONF_N_DSCP; dscp++) {
		ck_assert_uint_eq(CLASS(one, 1, dscp), TC_LOW);
		ck_assert_uint_eq(CLASS(two, 1, dscp), dscp == 8 ? TC_URGENT : standard.tclass[dscp]);
	}
	conf_destroy(two);
	conf_destroy(one);
	conf_destroy(conf);
}
END_TEST

static const struct {
	const char *name, *text;
	const char *says[MAX_SAYS];
} dscp_mistakes[] = {
	{"a", "", {"vf a: nothing to change: wanted key=value;key=value with keys of weir.conf(5) such as EF or AF41"}},
	{"nobody", "EF=low", {"vf nobody: there is no such VF"}},
	{"a", "EF=lowest;XX=high;64=low;AF41=high none;tx.weight=2",
		{"vf a: EF = lowest: wanted a class (urgent, high, medium or low) and perhaps a drop precedence",
			"vf a: XX: wanted a code point such as EF", "vf a: 64: wanted a code point",
			"vf a: AF41 = high none: wanted a class", "vf a: tx.weight: wanted a code point"}},
	{"a", "EF=low;46=high", {"vf a: 46 is code point 46 again: wanted once"}},
	{"a", "EF=low;EF=high", {"vf a: EF again: wanted once"}},
	{"a", "default=none", {"vf a: default = none: wanted a class (urgent, high, medium or low) and perhaps a drop precedence "
		"(low, medium or high), or standard"}},
	{"a", "map=x", {"vf a: map = x: there is no such map: wanted the name of a [dscp]"}},
	{"a", "map=", {"vf a: map = : there is no such map"}},
};

START_TEST(every_mistake_in_a_map_is_told_and_nothing_is_changed)
{
	struct conf *conf = parse(base_text);
	char *before = dump_copy(conf);
	int n = 0;

	ck_assert_ptr_null(change_dscp(conf, dscp_mistakes[_i].name, dscp_mistakes[_i].text));
	for (; n < MAX_SAYS && dscp_mistakes[_i].says[n] != NULL; n++) {
		ck_assert_int_lt(n, why.n);
		ck_assert_msg(strstr(why.text[n], dscp_mistakes[_i].says[n]) == why.text[n], "'%s', wanted '%s'", why.text[n],
			dscp_mistakes[_i].says[n]);
	}
	ck_assert_int_eq(why.n, n);
	check_dump(conf, before);
	free(before);
	conf_destroy(conf);
}
END_TEST

START_TEST(more_maps_than_there_may_be_are_refused)
{
	static char text[64 * 1024];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s", base_text);

	for (int i = 1; i < CONF_MAX_MAPS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "[dscp m%d]\ndefault = low\n", i);
	struct conf *conf = parse(text), *chosen = change_dscp(conf, "a", "map=m9");
	struct conf *sole = change_dscp(chosen, "a", "EF=high");	/* needs no place: nobody else uses it */

	ck_assert_ptr_nonnull(sole);
	ck_assert_str_eq(sole->maps[sole->vfs[0].dscp_map].name, "m9");
	ck_assert_ptr_null(change_dscp(conf, "a", "EF=low"));
	ck_assert_msg(strstr(why.text[0], "vf a: it would have a map of its own, and there are 255 already: wanted map=NAME") != NULL,
		"%s", why.text[0]);
	conf_destroy(sole);
	conf_destroy(chosen);
	conf_destroy(conf);
}
END_TEST

/* A config with so many maps, and one line more for its VF: reloaded over what runs, or the first. */
static struct conf *with_maps(const struct conf *running, const char *line, const char *name, int n_maps)
{
	static char text[32 * 1024];
	size_t n = (size_t)snprintf(text, sizeof(text), "[port pf]\nrole = pf\n[port v0]\n[vf a]\nport = v0\n%s", line);

	for (int i = 1; i <= n_maps; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "[dscp %s%d]\ndefault = low\n", name, i);
	if (running == NULL)
		return parse(text);
	why_init(&why);
	struct conf *wanted = conf_reload_text(running, "n.conf", text, n, &why);
	struct conf *conf = wanted != NULL ? conf_with_terms(running, wanted, &why) : NULL;
	ck_assert_msg(conf != NULL, "%s", why.text[0]);
	conf_destroy(wanted);
	return conf;
}

/* All the maps that there may be came at run time, and those of the config went before: it starts again as it was.
 * Broken by: a state file that tells only which maps came (at the start the config's are there too: one too many). */
START_TEST(a_state_file_with_all_the_maps_there_may_be_is_read_again)
{
	struct conf *base = with_maps(NULL, "dscp_map = old7\n", "old", 100), *none = with_maps(base, "", "old", 0);
	struct conf *conf = with_maps(none, "", "new", CONF_MAX_MAPS - 1);
	size_t size;
	char *state;
	FILE *out = open_memstream(&state, &size);

	conf_dump_state(conf, base, out);
	fclose(out);
	why_init(&notes);
	struct conf *again = conf_with_state_text(base, "s.conf", state, size, &notes, &why);
	ck_assert_msg(again != NULL, "%s", why.text[0]);
	for (uint16_t i = 0; i < conf->n_maps; i++) {
		uint16_t at = conf_find_map(again, conf->maps[i].name);
		ck_assert_msg(*conf->maps[i].name == '\0' || (at != UINT16_MAX && conf_same_map(&conf->maps[i], &again->maps[at])),
			"map %s", conf->maps[i].name);
	}
	ck_assert_uint_eq(conf_find_map(again, "old7"), UINT16_MAX);
	ck_assert_uint_eq(again->vfs[0].dscp_map, 0);
	free(state);
	conf_destroy(again);
	conf_destroy(conf);
	conf_destroy(none);
	conf_destroy(base);
}
END_TEST

/* A VF that the config has only since then uses a map that had gone: it has it. */
START_TEST(a_map_that_went_at_run_time_stays_for_who_came_to_the_config)
{
	static const char config[] = "[port pf]\nrole = pf\n[port v0]\n[vf a]\nport = v0\ndscp_map = gold\n[dscp gold]\ndefault = high\n";
	static const char state[] = "[dscp gold]\ndeleted = yes\n", bad[] = "[dscp gold]\ndeleted = yes\nEF = low\n[dscp gold2]\ndeleted = no\n";
	struct conf *base = parse(config);

	why_init(&notes);
	struct conf *conf = conf_with_state_text(base, "s.conf", state, strlen(state), &notes, &why);
	ck_assert_msg(conf != NULL, "%s", why.text[0]);
	ck_assert_uint_eq(CLASS(conf, 0, 0), TC_HIGH);
	ck_assert_int_eq(notes.n, 1);
	ck_assert_msg(strstr(notes.text[0], "[dscp gold], deleted at run time, stays") != NULL, "%s", notes.text[0]);
	ck_assert_ptr_null(conf_with_state_text(base, "s.conf", bad, strlen(bad), &notes, &why));
	ck_assert_msg(strstr(why.text[0], "s.conf:2: deleted = yes: wanted yes, and no other key in [dscp gold]") != NULL, "%s", why.text[0]);
	ck_assert_msg(strstr(why.text[1], "s.conf:5: deleted = no") != NULL, "%s", why.text[1]);
	conf_destroy(conf);
	conf_destroy(base);
}
END_TEST

#define N_MODEL_VFS 6

/* The obvious model: every VF has all of a map of its own. */
struct dscp_model {
	uint8_t tclass[N_MODEL_VFS][CONF_N_DSCP], drop_prec[N_MODEL_VFS][CONF_N_DSCP];
};

static const char *const classes[] = {"urgent", "high", "medium", "low"}, *const precs[] = {"low", "medium", "high"};

static struct conf *random_set(struct dscp_model *m, const struct conf *conf, unsigned int vf, uint64_t *seed)
{
	char text[CONF_CHANGE_CHARS] = "", name[8];
	uint64_t named = 0;
	size_t used = 0;

	snprintf(name, sizeof(name), "v%u", vf);
	if (unit_random(seed) % 4 == 0) {
		uint16_t map;
		do
			map = (uint16_t)(unit_random(seed) % conf->n_maps);
		while (*conf->maps[map].name == '\0');
		used += (size_t)snprintf(text, sizeof(text), "map=%s;", conf->maps[map].name);
		memcpy(m->tclass[vf], conf->maps[map].tclass, CONF_N_DSCP);
		memcpy(m->drop_prec[vf], conf->maps[map].drop_prec, CONF_N_DSCP);
	}
	for (unsigned int i = (unsigned int)(unit_random(seed) % 4); i > 0 || used == 0; i = i > 0 ? i - 1 : 0) {
		unsigned int dscp = (unsigned int)(unit_random(seed) % CONF_N_DSCP), c = (unsigned int)(unit_random(seed) % 4),
			     prec = (unsigned int)(unit_random(seed) % 3);
		if ((named >> dscp & 1) != 0)
			continue;
		named |= UINT64_C(1) << dscp;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%u=%s %s;", dscp, classes[c], precs[prec]);
		m->tclass[vf][dscp] = (uint8_t)c;
		m->drop_prec[vf][dscp] = (uint8_t)prec;
	}
	struct conf *next = change_dscp(conf, name, text);
	ck_assert_msg(next != NULL, "%s: %s", text, why.text[0]);
	return next;
}

/* A reload of what one of the configs before was: it is that again. */
static struct conf *reload_of(const struct conf *conf, const char *text)
{
	why_init(&why);
	struct conf *wanted = conf_reload_text(conf, "n.conf", text, strlen(text), &why);
	ck_assert_msg(wanted != NULL, "%s", why.text[0]);
	struct conf *next = conf_with_terms(conf, wanted, &why);
	ck_assert_msg(next != NULL, "%s", why.text[0]);
	conf_destroy(wanted);
	return next;
}

static void check_model(const struct dscp_model *m, const struct conf *before, const struct conf *conf, const struct conf *base)
{
	for (unsigned int vf = 0; vf < N_MODEL_VFS; vf++) {
		const struct dscp_map *map = &conf->maps[conf->vfs[vf].dscp_map];
		ck_assert_mem_eq(map->tclass, m->tclass[vf], CONF_N_DSCP);
		ck_assert_mem_eq(map->drop_prec, m->drop_prec[vf], CONF_N_DSCP);
		ck_assert_str_ne(map->name, "");
	}
	for (uint16_t i = 0; i < conf->n_maps; i++) {
		const char *name = conf->maps[i].name;
		if (*name != '\0')
			ck_assert_uint_eq(conf_find_map(conf, name), i);	/* once */
		if (i < before->n_maps && *name != '\0' && conf_find_map(before, name) != UINT16_MAX)
			ck_assert_uint_eq(conf_find_map(before, name), i);	/* and in its place */
		if (*name != '\0' && i > 0 && conf->maps[i].line == 0)
			ck_assert_uint_gt(conf_map_users(conf, i), 0);		/* made at run time: used, or gone */
	}
	char *dumped = dump_copy(conf), *state;
	struct conf *again = parse(dumped);
	size_t size;
	FILE *out = open_memstream(&state, &size);
	conf_dump_state(conf, base, out);
	fclose(out);
	why_init(&notes);
	struct conf *restarted = conf_with_state_text(base, "s.conf", state, strlen(state), &notes, &why);
	ck_assert_msg(restarted != NULL, "%s", why.text[0]);
	for (unsigned int vf = 0; vf < N_MODEL_VFS; vf++) {
		ck_assert_mem_eq(again->maps[again->vfs[vf].dscp_map].tclass, m->tclass[vf], CONF_N_DSCP);
		ck_assert_mem_eq(restarted->maps[restarted->vfs[vf].dscp_map].tclass, m->tclass[vf], CONF_N_DSCP);
		ck_assert_mem_eq(restarted->maps[restarted->vfs[vf].dscp_map].drop_prec, m->drop_prec[vf], CONF_N_DSCP);
	}
	free(dumped);
	free(state);
	conf_destroy(again);
	conf_destroy(restarted);
}

/* Broken by: a map given back while a VF uses it; a reload that numbers the maps anew; a state without the maps. */
START_TEST(random_changes_of_maps_are_what_a_map_for_each_would_be)
{
	static char text[4096];
	uint64_t seed = (uint64_t)_i;
	size_t n = (size_t)snprintf(text, sizeof(text), "[port pf]\nrole = pf\nrate = 1G\n[dscp default]\nEF = high\n"
		"[dscp gold]\ndefault = high\n");
	struct dscp_model model, kept;
	char *kept_text;

	for (unsigned int vf = 0; vf < N_MODEL_VFS; vf++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "[port p%u]\n[vf v%u]\nport = p%u\n%s", vf, vf, vf,
			vf % 3 == 0 ? "dscp_map = gold\n" : "");
	struct conf *base = parse(text), *conf = conf_with_terms(base, base, &why);
	for (unsigned int vf = 0; vf < N_MODEL_VFS; vf++) {
		memcpy(model.tclass[vf], conf->maps[conf->vfs[vf].dscp_map].tclass, CONF_N_DSCP);
		memcpy(model.drop_prec[vf], conf->maps[conf->vfs[vf].dscp_map].drop_prec, CONF_N_DSCP);
	}
	kept = model;
	kept_text = dump_copy(conf);
	for (int step = 0; step < 150; step++) {
		struct conf *next;
		if (unit_random(&seed) % 10 == 0) {
			next = reload_of(conf, kept_text);
			model = kept;
		} else {
			next = random_set(&model, conf, (unsigned int)(unit_random(&seed) % N_MODEL_VFS), &seed);
		}
		check_model(&model, conf, next, base);
		conf_destroy(conf);
		conf = next;
		if (unit_random(&seed) % 10 == 0) {
			free(kept_text);
			kept_text = dump_copy(conf);
			kept = model;
		}
	}
	free(kept_text);
	conf_destroy(conf);
	conf_destroy(base);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dscp_change");
	TCase *tc = tcase_create("dscp_change");

	tcase_add_test(tc, a_dscp_change_is_the_vfs_alone);
	tcase_add_test(tc, default_standard_begins_anew);
	tcase_add_loop_test(tc, every_mistake_in_a_map_is_told_and_nothing_is_changed, 0, (int)LENGTH(dscp_mistakes));
	tcase_add_test(tc, more_maps_than_there_may_be_are_refused);
	tcase_add_test(tc, a_state_file_with_all_the_maps_there_may_be_is_read_again);
	tcase_add_test(tc, a_map_that_went_at_run_time_stays_for_who_came_to_the_config);
	tcase_add_loop_test(tc, random_changes_of_maps_are_what_a_map_for_each_would_be, 0, 20);
	suite_add_tcase(s, tc);
	return unit_run(s);
}
