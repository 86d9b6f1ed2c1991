/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <string.h>

#include "unit.h"
#include "units.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define UNTOUCHED     UINT64_C(0xdeadbeef)

/* wanted: UNTOUCHED = must be refused */
struct reading {
	const char *text;
	uint64_t wanted;
};

static const struct reading counts[] = {
	{"0", 0},
	{"400", 400},
	{"007", 7},
	{"20k", 20000},
	{"20K", 20000},
	{"150M", 150000000},
	{"1.5G", 1500000000},
	{"2T", 2000000000000},
	{"0.001k", 1},
	{"1.0", 1},
	{"12.345678M", 12345678},
	{"1.500000000000000000000000000000M", 1500000},
	{"18446744073709551615", UINT64_MAX},
	{"18446744.073709551615T", UINT64_MAX},
	{"18446744073709551616", UNTOUCHED},
	{"18446744.073709551616T", UNTOUCHED},
	{"18446745T", UNTOUCHED},
	{"99999999999999999999999999", UNTOUCHED},
	{"1.0000000001k", UNTOUCHED},
	{"1.5", UNTOUCHED},
	{"", UNTOUCHED},
	{"k", UNTOUCHED},
	{"-1", UNTOUCHED},
	{"+1", UNTOUCHED},
	{".5k", UNTOUCHED},
	{"1.", UNTOUCHED},
	{"1.k", UNTOUCHED},
	{"1..5k", UNTOUCHED},
	{"1 k", UNTOUCHED},
	{" 1", UNTOUCHED},
	{"1 ", UNTOUCHED},
	{"150m", UNTOUCHED},
	{"150Mbps", UNTOUCHED},
	{"1e9", UNTOUCHED},
	{"0x10", UNTOUCHED},
	{"1,5G", UNTOUCHED},
	{"1kk", UNTOUCHED},
	{"nan", UNTOUCHED},
};

static const struct reading times[] = {
	{"250ns", 250},
	{"100us", 100000},
	{"5ms", 5000000},
	{"1s", 1000000000},
	{"1.5s", 1500000000},
	{"0.25us", 250},
	{"0s", 0},
	{"5", UNTOUCHED},
	{"0", UNTOUCHED},
	{"5 ms", UNTOUCHED},
	{"5m", UNTOUCHED},
	{"5MS", UNTOUCHED},
	{"1.5ns", UNTOUCHED},
	{"-1s", UNTOUCHED},
	{"18446744074s", UNTOUCHED},
	{"", UNTOUCHED},
};

static void check_reading(const struct reading *r, bool (*parse)(const char *, uint64_t *))
{
	uint64_t value = UNTOUCHED;
	bool ok = parse(r->text, &value);

	ck_assert_msg(ok == (r->wanted != UNTOUCHED), "'%s' was %s", r->text, ok ? "taken" : "refused");
	ck_assert_msg(value == r->wanted, "'%s' was read as %llu", r->text, (unsigned long long)value);
}

START_TEST(a_count_is_read_exactly_or_refused)
{
	check_reading(&counts[_i], units_parse_count);
}
END_TEST

START_TEST(what_is_written_with_a_unit_is_guessed_but_bytes_are_not)
{
	static const struct {
		const char *text, *meant;	/* NULL: nothing */
	} cases[] = {
		{"400Mbit", "400M"}, {"400 Mbps", "400M"}, {"400 M bit/s", "400M"}, {"10kpps", "10k"}, {"1.5gbit", "1.5G"}, {"1g", "1G"},
		{"100m", "100M"}, {"64000bps", "64000"}, {"20 K", "20k"}, {"2T", "2T"}, {"7 packets/s", "7"}, {"5MB/s", NULL},
		{"5MBps", NULL}, {"5MiB", NULL}, {"Mbit", NULL}, {"", NULL}, {"-5M", NULL}, {"5M bits please", NULL}, {"1.5bit", NULL},
		{"1000000000000000000000000000000Mbit", NULL}, {"0.1234567890123456789012345Mbit", NULL}, {"bit", NULL}, {"5 kM", NULL},
	};
	char buf[UNITS_TEXT];

	for (size_t i = 0; i < LENGTH(cases); i++) {
		bool is_guessed = units_meant(cases[i].text, buf);
		ck_assert_msg(is_guessed == (cases[i].meant != NULL), "'%s' was %s", cases[i].text, is_guessed ? buf : "not guessed");
		if (is_guessed)
			ck_assert_str_eq(buf, cases[i].meant);
	}
}
END_TEST

START_TEST(a_time_is_read_exactly_or_refused)
{
	check_reading(&times[_i], units_parse_time);
}
END_TEST

START_TEST(texts_are_short_and_as_one_would_write_them)
{
	char buf[UNITS_TEXT];

	ck_assert_str_eq(units_count_text(buf, 0), "0");
	ck_assert_str_eq(units_count_text(buf, 999), "999");
	ck_assert_str_eq(units_count_text(buf, 1000), "1k");
	ck_assert_str_eq(units_count_text(buf, 1500), "1.5k");
	ck_assert_str_eq(units_count_text(buf, 150000000), "150M");
	ck_assert_str_eq(units_count_text(buf, 12345678), "12.345678M");
	ck_assert_str_eq(units_count_text(buf, 1000000001), "1.000000001G");
	ck_assert_str_eq(units_count_text(buf, UINT64_MAX), "18446744.073709551615T");
	ck_assert_str_eq(units_time_text(buf, 0), "0ns");
	ck_assert_str_eq(units_time_text(buf, 50000), "50us");
	ck_assert_str_eq(units_time_text(buf, 1500000), "1.5ms");
	ck_assert_str_eq(units_time_text(buf, 90000000000), "90s");
	ck_assert_str_eq(units_time_text(buf, UINT64_MAX), "18446744073.709551615s");
}
END_TEST

START_TEST(what_is_written_reads_back)
{
	uint64_t rng = (uint64_t)_i;
	char buf[UNITS_TEXT];

	for (int n = 0; n < 2000; n++) {
		/* All magnitudes, and round numbers among them. */
		uint64_t value = unit_random(&rng) >> (unit_random(&rng) % 64);
		uint64_t back;

		for (uint64_t zeros = unit_random(&rng) % 10; zeros > 0 && value < UINT64_MAX / 10; zeros--)
			value *= 10;
		ck_assert_msg(units_parse_count(units_count_text(buf, value), &back), "'%s'", buf);
		ck_assert_uint_eq(back, value);
		ck_assert_msg(units_parse_time(units_time_text(buf, value), &back), "'%s'", buf);
		ck_assert_uint_eq(back, value);
	}
}
END_TEST

START_TEST(a_measured_figure_has_four_digits)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0, "0.000"},
		{0.25, "0.250"},
		{1, "1.000"},
		{9.9996, "10.00"},
		{99.999, "100.0"},
		{149.94e6, "149.9M"},
		{999.94, "999.9"},
		{999.96, "1.000k"},
		{12345, "12.35k"},
		{-1500, "-1.500k"},
		{400e9, "400.0G"},
		{3.5e15, "3500.0T"},
		{1e25, "1e+13T"},
	};
	char buf[UNITS_TEXT];

	for (size_t i = 0; i < LENGTH(cases); i++)
		ck_assert_str_eq(units_approx_text(buf, cases[i].value), cases[i].text);
	ck_assert_uint_lt(strlen(units_approx_text(buf, NAN)), UNITS_TEXT);
	ck_assert_uint_lt(strlen(units_approx_text(buf, -INFINITY)), UNITS_TEXT);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("units");
	TCase *tc = tcase_create("units");

	tcase_add_loop_test(tc, a_count_is_read_exactly_or_refused, 0, LENGTH(counts));
	tcase_add_test(tc, what_is_written_with_a_unit_is_guessed_but_bytes_are_not);
	tcase_add_loop_test(tc, a_time_is_read_exactly_or_refused, 0, LENGTH(times));
	tcase_add_test(tc, texts_are_short_and_as_one_would_write_them);
	tcase_add_loop_test(tc, what_is_written_reads_back, 0, 10);
	tcase_add_test(tc, a_measured_figure_has_four_digits);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
