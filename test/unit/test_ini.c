/* SPDX-License-Identifier: BSD-3-Clause */
/* The INI reader, and with it what it speaks through (why) and tables for people. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ini.h"
#include "table.h"
#include "unit.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static struct why why;
static struct ini ini;

static bool read_text(const char *text)
{
	why_init(&why);
	return ini_read(&ini, "t.conf", text, strlen(text), &why);
}

static void check_entry(const struct ini_section *s, size_t i, const char *key, const char *value, int line)
{
	ck_assert_uint_lt(i, s->n_entries);
	ck_assert_str_eq(s->entries[i].key, key);
	ck_assert_str_eq(s->entries[i].value, value);
	ck_assert_int_eq(s->entries[i].line, line);
}

START_TEST(sections_and_entries_keep_their_order_and_lines)
{
	ck_assert(read_text("\xef\xbb\xbf# first\n"
			    "[switch]\n"
			    "a=1\n"
			    "  b  =  two words \t; not this\r\n"
			    "\n"
			    "[ vf   vm1 ]   # the first\n"
			    "c = x#y;z\n"
			    "d =\n"
			    ";[vf no]\n"
			    "e = =1=\n"
			    "[port 0000:03:00.0]"));
	ck_assert_int_eq(why.n, 0);
	ck_assert_uint_eq(ini.n_sections, 3);
	ck_assert_str_eq(ini.sections[0].kind, "switch");
	ck_assert_str_eq(ini.sections[0].name, "");
	ck_assert_uint_eq(ini.sections[0].n_entries, 2);
	check_entry(&ini.sections[0], 0, "a", "1", 3);
	check_entry(&ini.sections[0], 1, "b", "two words", 4);
	ck_assert_str_eq(ini.sections[1].kind, "vf");
	ck_assert_str_eq(ini.sections[1].name, "vm1");
	ck_assert_int_eq(ini.sections[1].line, 6);
	ck_assert_uint_eq(ini.sections[1].n_entries, 3);
	check_entry(&ini.sections[1], 0, "c", "x#y;z", 7);
	check_entry(&ini.sections[1], 1, "d", "", 8);
	check_entry(&ini.sections[1], 2, "e", "=1=", 10);
	ck_assert_str_eq(ini.sections[2].name, "0000:03:00.0");
	ck_assert_uint_eq(ini.sections[2].n_entries, 0);
	ini_fini(&ini);
}
END_TEST

START_TEST(every_bad_line_is_told_with_its_number)
{
	static const char *const wanted[] = {
		"t.conf:1: a stands before the first section: wanted [section] above it",
		"t.conf:3: no equals sign: wanted key = value, [section] or # comment",
		"t.conf:4: no key before '=': wanted key = value",
		"t.conf:6: a again: the first is at line 5, wanted once in a section",
		"t.conf:7: [unclosed: wanted [section] or [section name] alone on the line",
		"t.conf:9: [s] junk: wanted [section] or [section name] alone on the line",
		"t.conf:10: []: wanted [section] or [section name]",
		"t.conf:11: section [s] again: the first is at line 2, wanted once",
	};

	ck_assert(!read_text(
		"a = 1\n[s]\nno equals sign\n = 5\na = 1\na = 2\n[unclosed\nlost = 1\n[s] junk\n[ ]\n[s]\n"
		"a = 3\n"));
	ck_assert_int_eq(why.n, LENGTH(wanted));
	for (size_t i = 0; i < LENGTH(wanted); i++)
		ck_assert_str_eq(why.text[i], wanted[i]);
	/* What was good is still there, and the twin is marked. */
	ck_assert_uint_eq(ini.n_sections, 2);
	ck_assert_uint_eq(ini.sections[0].n_entries, 1);
	check_entry(&ini.sections[0], 0, "a", "1", 5);
	ck_assert_int_eq(ini.sections[0].first_line, 0);
	ck_assert_int_eq(ini.sections[1].first_line, 2);
	ini_fini(&ini);
}
END_TEST

START_TEST(nul_bytes_and_endless_lines_are_refused)
{
	static char text[10000];

	memset(text, 'x', sizeof(text));
	memcpy(text, "[s]\na = 1\0\nb = 2\n", 17);
	text[5000] = '\n';
	memcpy(text + 5001, "c = ", 4);
	text[5001 + 4095] = '\n'; /* 4,095 characters are a line */
	text[5001 + 4096] = '\n';
	memset(text + 5001 + 4097, ' ', sizeof(text) - 5001 - 4097);
	why_init(&why);
	ck_assert(!ini_read(&ini, "t.conf", text, sizeof(text), &why));
	ck_assert_int_eq(why.n, 2);
	ck_assert_ptr_nonnull(strstr(why.text[0], "t.conf:2: a NUL byte"));
	ck_assert_ptr_nonnull(
		strstr(why.text[1], "t.conf:4: a line of 4983 characters: wanted at most 4095"));
	ck_assert_uint_eq(ini.sections[0].n_entries, 2);
	check_entry(&ini.sections[0], 0, "b", "2", 3);
	ck_assert_uint_eq(strlen(ini.sections[0].entries[1].value), 4091);
	ini_fini(&ini);
}
END_TEST

START_TEST(messages_carry_no_control_characters)
{
	ck_assert(!read_text("\x1b[2Jgotcha\x7f\n"));
	ck_assert_str_eq(why.text[0], "t.conf:1: ?[2Jgotcha?: wanted key = value, [section] or # comment");
	ini_fini(&ini);
}
END_TEST

START_TEST(nothing_is_an_empty_config)
{
	ck_assert(read_text(""));
	ck_assert_uint_eq(ini.n_sections, 0);
	ini_fini(&ini);
	why_init(&why);
	ck_assert(ini_read(&ini, "t.conf", NULL, 0, &why));
	ini_fini(&ini);
}
END_TEST

/* The reader against a generator that knows what it wrote. */
START_TEST(what_a_generator_wrote_is_read)
{
	enum { N_SECTIONS = 200 };
	uint64_t rng = (uint64_t)_i;
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	uint64_t n_entries[N_SECTIONS];
	int line = 1, section_line[N_SECTIONS];

	for (int s = 0; s < N_SECTIONS; s++) {
		for (uint64_t n = unit_random(&rng) % 3; n > 0; n--, line++)
			fprintf(f, "%s\n", unit_random(&rng) & 1 ? "  # [x] = y" : "");
		fprintf(f, "%*s[k%d  n%d]%s\n", (int)(unit_random(&rng) % 4), "", s % 7, s,
			s & 1 ? "\r" : " ; z");
		section_line[s] = line++;
		n_entries[s] = unit_random(&rng) % 9;
		for (uint64_t e = 0; e < n_entries[s]; e++, line++)
			fprintf(f, "key%llu%*s=\tv%d\t# c\n", (unsigned long long)e,
				(int)(unit_random(&rng) % 4), "", line);
	}
	fclose(f);
	why_init(&why);
	ck_assert(ini_read(&ini, "t.conf", text, size, &why));
	ck_assert_uint_eq(ini.n_sections, N_SECTIONS);
	for (int s = 0; s < N_SECTIONS; s++) {
		char wanted[32];

		snprintf(wanted, sizeof(wanted), "n%d", s);
		ck_assert_str_eq(ini.sections[s].name, wanted);
		ck_assert_int_eq(ini.sections[s].line, section_line[s]);
		ck_assert_uint_eq(ini.sections[s].n_entries, n_entries[s]);
		for (size_t e = 0; e < n_entries[s]; e++) {
			snprintf(wanted, sizeof(wanted), "v%d", section_line[s] + 1 + (int)e);
			ck_assert_str_eq(ini.sections[s].entries[e].value, wanted);
		}
	}
	ini_fini(&ini);
	free(text);
}
END_TEST

START_TEST(files_are_read_and_missing_ones_told)
{
	char name[] = "/tmp/weir-test-ini-XXXXXX";
	int fd = mkstemp(name);
	FILE *f = fdopen(fd, "w");

	ck_assert_ptr_nonnull(f);
	fprintf(f, "[a]\nb = c\n");
	fclose(f);
	why_init(&why);
	ck_assert(ini_read_file(&ini, name, &why));
	check_entry(&ini.sections[0], 0, "b", "c", 2);
	ini_fini(&ini);
	unlink(name);
	ck_assert(!ini_read_file(&ini, name, &why));
	ck_assert_ptr_nonnull(strstr(why.text[0], "No such file"));
	ini_fini(&ini);
	ck_assert(!ini_read_file(&ini, "/", &why));
	ck_assert_ptr_nonnull(strstr(why.text[1], "Is a directory"));
	ini_fini(&ini);
}
END_TEST

START_TEST(messages_that_do_not_fit_are_counted)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	why_init(&why);
	for (int i = 0; i < WHY_MAX_MESSAGES + 7; i++)
		why_add(&why, "%d %0600d", i, 0);
	ck_assert_int_eq(why.n, WHY_MAX_MESSAGES);
	ck_assert_uint_eq(strlen(why.text[0]), WHY_MAX_CHARS - 1);
	why_print(&why, f);
	fclose(f);
	ck_assert_ptr_nonnull(strstr(text, "\n... and 7 more\n"));
	free(text);
}
END_TEST

/* Broken by: make_place() that appends. */
START_TEST(mistakes_of_a_file_are_told_from_its_top_to_its_bottom)
{
	static const char *const wanted[] = {"a:1: x", "a:1: second", "a:7: x", "a:9: x", "b:3: x", "a:2: x", "no line", "a:1: x",
		"a: x"};

	why_init(&why);
	why_add_at(&why, "a", 9, "x");
	why_add_at(&why, "a", 7, "x");
	why_add_at(&why, "a", 1, "x");
	why_add_at(&why, "a", 1, "second");
	why_add_at(&why, "b", 3, "x");
	why_add_at(&why, "a", 2, "x");	/* not before another file's */
	why_add(&why, "no line");
	why_add_at(&why, "a", 1, "x");
	why_add_at(&why, "a", 0, "x");
	ck_assert_int_eq(why.n, 9);
	for (int i = 0; i < why.n; i++)
		ck_assert_str_eq(why.text[i], wanted[i]);
}
END_TEST

START_TEST(a_table_is_as_wide_as_its_cells)
{
	struct table *t = table_create("name|>rate|what");
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(t);
	table_row(t, "%s|%d|%s", "vm1", 5, "x");
	table_row(t, "fünf|150M");
	table_row(t, "|1|a|more than heads");
	table_row(t, "only");
	table_print(t, f, "> ");
	table_destroy(t);
	table_row(NULL, "no memory is no crash");
	table_print(NULL, f, "");
	table_destroy(NULL);
	fclose(f);
	ck_assert_str_eq(text, "> name  rate  what\n"
			       "> vm1      5  x\n"
			       "> fünf  150M\n"
			       ">          1  a\n"
			       "> only\n");
	free(text);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ini");
	TCase *tc = tcase_create("ini");

	tcase_add_test(tc, sections_and_entries_keep_their_order_and_lines);
	tcase_add_test(tc, every_bad_line_is_told_with_its_number);
	tcase_add_test(tc, nul_bytes_and_endless_lines_are_refused);
	tcase_add_test(tc, messages_carry_no_control_characters);
	tcase_add_test(tc, nothing_is_an_empty_config);
	tcase_add_loop_test(tc, what_a_generator_wrote_is_read, 0, 20);
	tcase_add_test(tc, files_are_read_and_missing_ones_told);
	tcase_add_test(tc, messages_that_do_not_fit_are_counted);
	tcase_add_test(tc, mistakes_of_a_file_are_told_from_its_top_to_its_bottom);
	tcase_add_test(tc, a_table_is_as_wide_as_its_cells);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
