/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "conf.h"
#include "unit.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define HEAD          "[port pf0]\nrole = pf\n[port vf0]\n[vf a]\nport = vf0\ndscp_map = m\n[dscp m]\n"

struct mapped {
	int dscp;
	enum tclass tclass;
	enum drop_prec drop_prec;
};

/* Every code point an RFC names, by hand. */
static const struct mapped defaults[] = {
	{46, TC_URGENT, DP_LOW},                                                       /* EF */
	{44, TC_URGENT, DP_LOW},                                                       /* VA */
	{56, TC_HIGH, DP_LOW}, {48, TC_HIGH, DP_LOW}, {40, TC_HIGH, DP_LOW},           /* CS7 CS6 CS5 */
	{32, TC_HIGH, DP_LOW}, {24, TC_HIGH, DP_LOW},                                  /* CS4 CS3 */
	{34, TC_HIGH, DP_LOW}, {36, TC_HIGH, DP_MEDIUM}, {38, TC_HIGH, DP_HIGH},       /* AF4x */
	{26, TC_HIGH, DP_LOW}, {28, TC_HIGH, DP_MEDIUM}, {30, TC_HIGH, DP_HIGH},       /* AF3x */
	{18, TC_MEDIUM, DP_LOW}, {20, TC_MEDIUM, DP_MEDIUM}, {22, TC_MEDIUM, DP_HIGH}, /* AF2x */
	{10, TC_MEDIUM, DP_LOW}, {12, TC_MEDIUM, DP_MEDIUM}, {14, TC_MEDIUM, DP_HIGH}, /* AF1x */
	{16, TC_MEDIUM, DP_LOW}, {0, TC_MEDIUM, DP_LOW}, /* CS2, default forwarding */
	{8, TC_LOW, DP_LOW}, {1, TC_LOW, DP_LOW},        /* CS1, LE */
};

static struct why why;

static struct conf *parse(const char *text)
{
	why_init(&why);
	return conf_parse("t.conf", text, strlen(text), &why);
}

START_TEST(the_default_map_is_the_rfcs)
{
	struct dscp_map map;
	uint64_t named = 0;

	dscp_map_default(&map);
	ck_assert_str_eq(map.name, "default");
	for (size_t i = 0; i < LENGTH(defaults); i++) {
		ck_assert_msg(map.tclass[defaults[i].dscp] == defaults[i].tclass, "%d", defaults[i].dscp);
		ck_assert_msg(
			map.drop_prec[defaults[i].dscp] == defaults[i].drop_prec, "%d", defaults[i].dscp);
		named |= UINT64_C(1) << defaults[i].dscp;
	}
	for (int dscp = 0; dscp < CONF_N_DSCP; dscp++) {
		if (named >> dscp & 1)
			continue;
		ck_assert_msg(
			map.tclass[dscp] == TC_MEDIUM && map.drop_prec[dscp] == DP_LOW, "unknown %d", dscp);
	}
}
END_TEST

START_TEST(names_read_back)
{
	char number[8];

	for (int dscp = 0; dscp < CONF_N_DSCP; dscp++) {
		ck_assert_int_eq(dscp_parse(dscp_name(dscp)), dscp);
		snprintf(number, sizeof(number), "%d", dscp);
		ck_assert_int_eq(dscp_parse(number), dscp);
	}
	ck_assert_int_eq(dscp_parse("ef"), 46);
	ck_assert_int_eq(dscp_parse("AF41"), 34);
	ck_assert_int_eq(dscp_parse("AF13"), 14);
	ck_assert_int_eq(dscp_parse("CS5"), 40);
	ck_assert_int_eq(dscp_parse("VA"), 44);
	ck_assert_int_eq(dscp_parse("LE"), 1);
	ck_assert_int_eq(dscp_parse("DF"), 0);
	ck_assert_int_eq(dscp_parse("BE"), 0);
	ck_assert_str_eq(dscp_name(17), "dscp17");
	ck_assert_str_eq(dscp_name(-1), "none");
	ck_assert_str_eq(dscp_name(64), "none");
}
END_TEST

START_TEST(what_is_no_code_point_is_refused)
{
	static const char *const bad[] = {
		"", "64", "-1", "1 ", "AF44", "AF40", "CS8", "EF1", "0x2e", "99999999999999999999"};

	for (size_t i = 0; i < LENGTH(bad); i++)
		ck_assert_msg(dscp_parse(bad[i]) == -1, "'%s'", bad[i]);
}
END_TEST

START_TEST(classes_have_names)
{
	ck_assert_str_eq(tclass_name(TC_URGENT), "urgent");
	ck_assert_str_eq(tclass_name(TC_HIGH), "high");
	ck_assert_str_eq(tclass_name(TC_MEDIUM), "medium");
	ck_assert_str_eq(tclass_name(TC_LOW), "low");
}
END_TEST

START_TEST(a_map_changes_what_it_names_and_nothing_else)
{
	struct conf *conf = parse(HEAD "AF42 = urgent\nCS1=high\thigh\n17 = low high\ndefault = standard\n");
	struct dscp_map rfc;

	ck_assert_ptr_nonnull(conf);
	ck_assert_uint_eq(conf->n_maps, 2);
	ck_assert_uint_eq(conf->vfs[0].dscp_map, 1);
	const struct dscp_map *map = &conf->maps[1];
	dscp_map_default(&rfc);
	for (int dscp = 0; dscp < CONF_N_DSCP; dscp++) {
		if (dscp == 36 || dscp == 8 || dscp == 17)
			continue;
		ck_assert_uint_eq(map->tclass[dscp], rfc.tclass[dscp]);
		ck_assert_uint_eq(map->drop_prec[dscp], rfc.drop_prec[dscp]);
	}
	ck_assert_uint_eq(map->tclass[36], TC_URGENT);
	ck_assert_uint_eq(map->drop_prec[36], DP_MEDIUM); /* RFC 2597: not given */
	ck_assert_uint_eq(map->tclass[8], TC_HIGH);
	ck_assert_uint_eq(map->drop_prec[8], DP_HIGH);
	ck_assert_uint_eq(map->tclass[17], TC_LOW);
	ck_assert_uint_eq(map->drop_prec[17], DP_HIGH);
	conf_destroy(conf);
}
END_TEST

START_TEST(default_is_for_what_is_not_named_wherever_it_stands)
{
	struct conf *conf =
		parse(HEAD "EF = high\ndefault = low\nLE = urgent\n[dscp default]\ndefault = medium high\n");

	ck_assert_ptr_nonnull(conf);
	ck_assert_uint_eq(conf->n_maps, 2);
	for (int dscp = 0; dscp < CONF_N_DSCP; dscp++) {
		enum tclass wanted = dscp == 46 ? TC_HIGH : dscp == 1 ? TC_URGENT : TC_LOW;

		ck_assert_uint_eq(conf->maps[1].tclass[dscp], wanted);
		ck_assert_uint_eq(conf->maps[0].tclass[dscp], TC_MEDIUM);
		ck_assert_uint_eq(conf->maps[0].drop_prec[dscp], DP_HIGH);
	}
	ck_assert_uint_eq(conf->maps[1].drop_prec[38], DP_HIGH); /* AF43 keeps its own */
	conf_destroy(conf);
}
END_TEST

START_TEST(mistakes_in_a_map_are_told)
{
	static const char *const wanted[] = {
		"t.conf:8: XX: wanted a code point such as EF, AF41, CS1, LE, VA, 0 to 63, or default",
		"t.conf:9: EF = express: wanted a class (urgent, high, medium or low)",
		"t.conf:10: 46 is code point 46 again: the first is at line 9, wanted once",
		"t.conf:11: AF11 = high higher: wanted a class",
		"t.conf:12: CS1 = : wanted a class",
		"t.conf:13: default = LOW: wanted a class",
	};

	ck_assert_ptr_null(
		parse(HEAD "XX = high\nEF = express\n46 = high\nAF11 = high higher\nCS1 =\ndefault = LOW\n"));
	ck_assert_int_eq(why.n, LENGTH(wanted));
	for (size_t i = 0; i < LENGTH(wanted); i++)
		ck_assert_msg(strstr(why.text[i], wanted[i]) == why.text[i], "%s", why.text[i]);
}
END_TEST

START_TEST(a_map_with_holes_is_refused)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ck_assert_ptr_null(parse(HEAD "EF = urgent\n[dscp n]\n[dscp default]\nEF = urgent\n"));
	ck_assert_int_eq(why.n, 2);
	ck_assert_str_eq(why.text[0], "t.conf:7: [dscp m] has no class for CS0, LE, dscp2 and 60 more: wanted default = "
				      "CLASS, or default = standard");
	ck_assert_ptr_nonnull(strstr(why.text[1], "t.conf:9: [dscp n] has no class for CS0, LE, dscp2 and 61 more"));
	fprintf(f, HEAD);
	for (int dscp = 0; dscp < CONF_N_DSCP - 1; dscp++)
		fprintf(f, "%d = low\n", dscp);
	fflush(f);
	ck_assert_ptr_null(parse(text));
	ck_assert_ptr_nonnull(strstr(why.text[0], "[dscp m] has no class for dscp63: wanted"));
	fprintf(f, "63 = high\n"); /* all 64 named: nothing is left for a default */
	fclose(f);
	struct conf *conf = parse(text);
	ck_assert_msg(conf != NULL, "%s", why.text[0]);
	ck_assert_uint_eq(conf->maps[1].tclass[62], TC_LOW);
	ck_assert_uint_eq(conf->maps[1].tclass[63], TC_HIGH);
	conf_destroy(conf);
	free(text);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("dscp");
	TCase *tc = tcase_create("dscp");

	tcase_add_test(tc, the_default_map_is_the_rfcs);
	tcase_add_test(tc, names_read_back);
	tcase_add_test(tc, what_is_no_code_point_is_refused);
	tcase_add_test(tc, classes_have_names);
	tcase_add_test(tc, a_map_changes_what_it_names_and_nothing_else);
	tcase_add_test(tc, default_is_for_what_is_not_named_wherever_it_stands);
	tcase_add_test(tc, mistakes_in_a_map_are_told);
	tcase_add_test(tc, a_map_with_holes_is_refused);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
