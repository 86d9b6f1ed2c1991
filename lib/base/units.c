/* SPDX-License-Identifier: BSD-3-Clause */
#include "units.h"

#include <stdio.h>
#include <string.h>

/* A suffix and its power of ten. */
struct unit {
	const char *suffix;
	unsigned int power;
};

static const struct unit count_units[] = {{"", 0}, {"k", 3}, {"K", 3}, {"M", 6}, {"G", 9}, {"T", 12}};
static const struct unit time_units[] = {{"ns", 0}, {"us", 3}, {"ms", 6}, {"s", 9}};
/* Written: one suffix a power, smallest first. */
static const struct unit count_written[] = {{"", 0}, {"k", 3}, {"M", 6}, {"G", 9}, {"T", 12}};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Appends a decimal digit.  false: does not fit. */
static bool push_digit(uint64_t *value, unsigned int digit)
{
	return !__builtin_mul_overflow(*value, (uint64_t)10, value) &&
	       !__builtin_add_overflow(*value, (uint64_t)digit, value);
}

/* Digits, the point among them left out.  *n_fraction counts those behind it; zeros at the very end of the
 * fraction do not count, so that "1.50000000000000000000000M" is 1.5M and not an overflow. */
static const char *read_digits(const char *text, uint64_t *digits, unsigned int *n_fraction)
{
	unsigned int n_zeros = 0;

	*digits = 0;
	*n_fraction = 0;
	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++)
		if (!push_digit(digits, (unsigned int)(*text - '0')))
			return NULL;
	if (*text != '.')
		return text;
	text++;
	if (*text < '0' || *text > '9')
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (*text == '0') {
			n_zeros++;
			continue;
		}
		*n_fraction += n_zeros + 1;
		for (; n_zeros > 0; n_zeros--)
			if (!push_digit(digits, 0))
				return NULL;
		if (!push_digit(digits, (unsigned int)(*text - '0')))
			return NULL;
	}
	return text;
}

static bool parse(const char *text, const struct unit *units, size_t n_units, uint64_t *value)
{
	uint64_t result;
	unsigned int n_fraction;
	const char *suffix = read_digits(text, &result, &n_fraction);

	if (suffix == NULL)
		return false;
	for (size_t i = 0; i < n_units; i++) {
		if (strcmp(suffix, units[i].suffix) != 0)
			continue;
		if (n_fraction > units[i].power)
			return false; /* finer than one: would have to be rounded */
		for (unsigned int n = n_fraction; n < units[i].power; n++)
			if (!push_digit(&result, 0))
				return false;
		*value = result;
		return true;
	}
	return false;
}

bool units_parse_count(const char *text, uint64_t *value)
{
	return parse(text, count_units, LENGTH(count_units), value);
}

bool units_meant(const char *text, char buf[UNITS_TEXT])
{
	static const char *const words[] = {"", "bit", "Bit", "bits", "bps", "b", "b/s", "bit/s", "bits/s", "pps", "p/s", "packets",
		"packets/s"};
	static const char suffixes[] = "kKmMgGtT", written[] = "kkMMGGTT";
	uint64_t value;
	unsigned int n_fraction;
	const char *rest = read_digits(text, &value, &n_fraction), *suffix;
	char number[UNITS_TEXT];
	int n = rest == NULL ? UNITS_TEXT : (int)(rest - text);

	if (n >= UNITS_TEXT - 1)
		return false;
	while (*rest == ' ')
		rest++;
	suffix = *rest != '\0' ? strchr(suffixes, *rest) : NULL;
	rest += suffix != NULL;
	while (*rest == ' ')
		rest++;
	for (size_t i = 0; i < LENGTH(words); i++) {
		if (strcmp(rest, words[i]) != 0)
			continue;
		snprintf(number, sizeof(number), "%.*s%.1s", n, text, suffix != NULL ? &written[suffix - suffixes] : "");
		memcpy(buf, number, sizeof(number));
		return units_parse_count(buf, &value);
	}
	return false;
}

bool units_parse_time(const char *text, uint64_t *ns)
{
	return parse(text, time_units, LENGTH(time_units), ns);
}

/* The largest unit that leaves something before the point; the fraction without its last zeros. */
static char *write_exact(char buf[UNITS_TEXT], const struct unit *units, size_t n_units, uint64_t value)
{
	uint64_t one = 1;
	size_t i = 0;

	for (; i + 1 < n_units && value / one >= 1000; i++)
		one *= 1000;
	unsigned int n_fraction = units[i].power;
	uint64_t fraction = value % one;

	for (; n_fraction > 0 && fraction % 10 == 0; n_fraction--)
		fraction /= 10;
	if (n_fraction == 0)
		snprintf(buf, UNITS_TEXT, "%llu%s", (unsigned long long)(value / one), units[i].suffix);
	else
		snprintf(buf, UNITS_TEXT, "%llu.%0*llu%s", (unsigned long long)(value / one), (int)n_fraction,
			(unsigned long long)fraction, units[i].suffix);
	return buf;
}

char *units_count_text(char buf[UNITS_TEXT], uint64_t value)
{
	return write_exact(buf, count_written, LENGTH(count_written), value);
}

char *units_time_text(char buf[UNITS_TEXT], uint64_t ns)
{
	return write_exact(buf, time_units, LENGTH(time_units), ns);
}

char *units_approx_text(char buf[UNITS_TEXT], double value)
{
	const char *sign = value < 0 ? "-" : "";
	size_t i = 0;

	if (value < 0)
		value = -value;
	/* 999.95 and more would be written with five digits: it is 1.000 of the next unit. */
	for (; i + 1 < LENGTH(count_written) && value >= 999.95; i++)
		value /= 1000;
	if (value > 1e6 || value != value)
		snprintf(buf, UNITS_TEXT, "%s%.3g%s", sign, value, count_written[i].suffix);
	else
		snprintf(buf, UNITS_TEXT, "%s%.*f%s", sign,
			value >= 99.995   ? 1
			: value >= 9.9995 ? 2
					  : 3,
			value, count_written[i].suffix);
	return buf;
}
