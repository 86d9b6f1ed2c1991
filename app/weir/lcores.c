/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lcores.h"

/* By lcore: the CPUs that it would run on, none where it is not given. */
struct lcore_map {
	cpu_set_t cpus[CONF_MAX_LCORES];
};

/* "0,2-4" up to 'end', in parentheses or not. */
static bool read_ids(cpu_set_t *set, const char *text, const char *end)
{
	if (end - text >= 2 && text[0] == '(' && end[-1] == ')') {
		text++;
		end--;
	}
	CPU_ZERO(set);
	while (text < end) {
		char *next;
		unsigned long from, to;

		if (!isdigit((unsigned char)*text))
			return false;
		from = to = strtoul(text, &next, 10);
		if (*next == '-' && next < end && isdigit((unsigned char)next[1]))
			to = strtoul(next + 1, &next, 10);
		if (next > end || from > to || to >= CPU_SETSIZE)
			return false;
		for (unsigned long i = from; i <= to; i++)
			CPU_SET(i, set);
		text = next < end && *next == ',' ? next + 1 : next;
		if (next < end && *next != ',')
			return false;
	}
	return CPU_COUNT(set) > 0;
}

/* false: an lcore number that is too high. */
static bool give_cpus(struct lcore_map *map, const cpu_set_t *lcores, const cpu_set_t *cpus)
{
	for (unsigned int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, lcores))
			continue;
		if (i >= CONF_MAX_LCORES)
			return false;
		if (cpus != NULL)
			map->cpus[i] = *cpus;
		else
			CPU_SET(i, &map->cpus[i]);
	}
	return true;
}

/* One "3", "1-2", "(4,6)@0", "(1-2)@(0,3)" of --lcores: lcores, then the CPUs that each of them may use.  Without '@'
 * an lcore has the CPU of its own number, but those in parentheses share theirs. */
static bool read_group(struct lcore_map *map, const char *text, const char *end)
{
	const char *at = memchr(text, '@', (size_t)(end - text));
	cpu_set_t lcores, cpus;

	if (!read_ids(&lcores, text, at != NULL ? at : end))
		return false;
	if (at == NULL)
		return give_cpus(map, &lcores, *text == '(' ? &lcores : NULL);
	return read_ids(&cpus, at + 1, end) && give_cpus(map, &lcores, &cpus);
}

/* Groups are parted by the commas outside of parentheses. */
static bool read_lcores(struct lcore_map *map, const char *text)
{
	const char *start = text;
	int depth = 0;

	for (const char *c = text;; c++) {
		depth += (*c == '(') - (*c == ')');
		if (*c != '\0' && (*c != ',' || depth > 0))
			continue;
		if (!read_group(map, start, c))
			return false;
		start = c + 1;
		if (*c == '\0')
			return depth == 0;
	}
}

static bool read_mask(struct lcore_map *map, const char *text)
{
	char *end;
	unsigned long long mask = strtoull(text, &end, 16);

	for (unsigned int i = 0; i < 64; i++) {
		if ((mask >> i & 1) != 0)
			CPU_SET(i, &map->cpus[i]);
	}
	return *text != '\0' && *end == '\0';
}

static bool read_affinity(struct lcore_map *map)
{
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return false;
	for (unsigned int i = 0; i < CONF_MAX_LCORES; i++) {
		if (CPU_ISSET(i, &cpus))
			CPU_SET(i, &map->cpus[i]);
	}
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

static bool read_map(struct lcore_map *map, int argc, char **argv)
{
	const char *list = value_of("-l", argc, argv), *lcores = value_of("--lcores", argc, argv);
	const char *mask = value_of("-c", argc, argv);

	if (list != NULL)
		return read_lcores(map, list);
	if (lcores != NULL)
		return read_lcores(map, lcores);
	if (mask != NULL)
		return read_mask(map, mask);
	return read_affinity(map);
}

bool lcores_from_args(struct lcores *lcores, int argc, char **argv)
{
	const char *main_lcore = value_of("--main-lcore", argc, argv);
	struct lcore_map map = {0};
	unsigned int first = 0;

	if (!read_map(&map, argc, argv))
		return false;
	while (first < CONF_MAX_LCORES && CPU_COUNT(&map.cpus[first]) == 0)
		first++;
	*lcores = (struct lcores){.main = main_lcore != NULL ? (unsigned int)strtoul(main_lcore, NULL, 10) : first};
	for (unsigned int i = 0; i < CONF_MAX_LCORES; i++) {
		if (CPU_COUNT(&map.cpus[i]) == 0 || i == lcores->main)
			continue;
		lcores->cpus[lcores->n] = map.cpus[i];
		lcores->lcore[lcores->n++] = i;
	}
	return first < CONF_MAX_LCORES;
}
