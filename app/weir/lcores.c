/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lcores.h"

struct id_set {
	bool has[CONF_MAX_LCORES];
};

/* "0,2-4" up to 'end'. */
static bool read_ids(struct id_set *set, const char *text, const char *end)
{
	while (text < end) {
		char *next;
		unsigned long from, to;

		if (!isdigit((unsigned char)*text))
			return false;
		from = to = strtoul(text, &next, 10);
		if (*next == '-' && next < end && isdigit((unsigned char)next[1]))
			to = strtoul(next + 1, &next, 10);
		if (next > end || from > to || to >= CONF_MAX_LCORES)
			return false;
		for (unsigned long i = from; i <= to; i++)
			set->has[i] = true;
		text = next < end && *next == ',' ? next + 1 : next;
		if (next < end && *next != ',')
			return false;
	}
	return true;
}

/* One "3", "1-2", "(4,6)@0", "(1-2)@(0,3)" of --lcores: what stands before '@' are lcores. */
static bool read_group(struct id_set *set, const char *text, const char *end)
{
	const char *at = memchr(text, '@', (size_t)(end - text));

	if (at != NULL)
		end = at;
	if (end - text >= 2 && text[0] == '(' && end[-1] == ')') {
		text++;
		end--;
	}
	return text < end && read_ids(set, text, end);
}

/* Groups are parted by the commas outside of parentheses. */
static bool read_lcores(struct id_set *set, const char *text)
{
	const char *start = text;
	int depth = 0;

	for (const char *c = text;; c++) {
		depth += (*c == '(') - (*c == ')');
		if (*c != '\0' && (*c != ',' || depth > 0))
			continue;
		if (!read_group(set, start, c))
			return false;
		start = c + 1;
		if (*c == '\0')
			return depth == 0;
	}
}

static bool read_mask(struct id_set *set, const char *text)
{
	char *end;
	unsigned long long mask = strtoull(text, &end, 16);

	for (unsigned int i = 0; i < 64; i++)
		set->has[i] = (mask >> i & 1) != 0;
	return *text != '\0' && *end == '\0';
}

static bool read_affinity(struct id_set *set)
{
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return false;
	for (unsigned int i = 0; i < CONF_MAX_LCORES; i++)
		set->has[i] = CPU_ISSET(i, &cpus);
	return true;
}

/* The value of an option as "-l 1", "-l1", "--lcores 1" or "--lcores=1"; NULL where it is not given. */
static const char *value_of(const char *option, int argc, char **argv)
{
	size_t length = strlen(option);
	bool is_long = option[1] == '-';

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], option) == 0)
			return i + 1 < argc ? argv[i + 1] : NULL;
		if (strncmp(argv[i], option, length) != 0)
			continue;
		if (!is_long)
			return argv[i] + length;
		if (argv[i][length] == '=')
			return argv[i] + length + 1;
	}
	return NULL;
}

static bool read_set(struct id_set *set, int argc, char **argv)
{
	const char *list = value_of("-l", argc, argv), *lcores = value_of("--lcores", argc, argv);
	const char *mask = value_of("-c", argc, argv);

	if (list != NULL)
		return read_lcores(set, list);
	if (lcores != NULL)
		return read_lcores(set, lcores);
	if (mask != NULL)
		return read_mask(set, mask);
	return read_affinity(set);
}

bool lcores_from_args(struct lcores *lcores, int argc, char **argv)
{
	const char *main_lcore = value_of("--main-lcore", argc, argv);
	struct id_set set = {0};
	unsigned int first = 0;

	if (!read_set(&set, argc, argv))
		return false;
	while (first < CONF_MAX_LCORES && !set.has[first])
		first++;
	*lcores = (struct lcores){.main = main_lcore != NULL ? (unsigned int)strtoul(main_lcore, NULL, 10) : first};
	for (unsigned int i = 0; i < CONF_MAX_LCORES; i++) {
		if (set.has[i] && i != lcores->main)
			lcores->lcore[lcores->n++] = i;
	}
	return first < CONF_MAX_LCORES;
}
