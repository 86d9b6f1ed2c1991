/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf_fields.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "units.h"

void conf_say(struct conf_reading *r, int line, const char *fmt, ...)
{
	char text[WHY_MAX_CHARS];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (r->command != NULL)
		why_add(r->why, "%s: %s", r->command, text);
	else
		why_add_at(r->why, r->ini != NULL ? r->ini->file : r->conf->file, line, "%s", text);
	r->ok = false;
}

/* Numbers in a struct have many sizes; the value is known to fit. */
static void store(void *to, size_t bytes, uint64_t value)
{
	switch (bytes) {
	case 1:
		*(uint8_t *)to = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)to = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)to = (uint32_t)value;
		break;
	default:
		*(uint64_t *)to = value;
	}
}

static bool store_in_range(const struct conf_field *field, uint64_t value, void *to)
{
	if (value < field->min || value > field->max)
		return false;
	store(to, field->bytes, value);
	return true;
}

bool conf_read_count(const struct conf_field *field, const char *value, void *to)
{
	uint64_t count;

	return units_parse_count(value, &count) && store_in_range(field, count, to);
}

bool conf_read_auto_0(const struct conf_field *field, const char *value, void *to)
{
	if (strcmp(value, "auto") != 0)
		return conf_read_count(field, value, to);
	store(to, field->bytes, 0);
	return true;
}

bool conf_read_auto_minus_1(const struct conf_field *field, const char *value, void *to)
{
	if (strcmp(value, "auto") != 0)
		return conf_read_count(field, value, to);
	store(to, field->bytes, UINT64_MAX);
	return true;
}

bool conf_read_time(const struct conf_field *field, const char *value, void *to)
{
	uint64_t ns;

	return units_parse_time(value, &ns) && store_in_range(field, ns, to);
}

bool conf_read_auto_time(const struct conf_field *field, const char *value, void *to)
{
	if (strcmp(value, "auto") != 0)
		return conf_read_time(field, value, to);
	store(to, field->bytes, 0);
	return true;
}

bool conf_read_choice(const struct conf_field *field, const char *value, void *to)
{
	size_t n = strlen(value);
	const char *choice = field->wanted;

	for (uint64_t i = 0;; i++) {
		size_t width = strcspn(choice, "|");

		if (width == n && memcmp(choice, value, n) == 0) {
			store(to, field->bytes, i);
			return true;
		}
		if (choice[width] == '\0')
			return false;
		choice += width + 1;
	}
}

bool conf_read_path(const struct conf_field *field, const char *value, void *to)
{
	if (value[0] != '/' || strlen(value) >= field->bytes)
		return false;
	memcpy(to, value, strlen(value) + 1);
	return true;
}

bool conf_read_later(const struct conf_field *field, const char *value, void *to)
{
	(void)field;
	(void)to;
	return *value != '\0';
}

const struct conf_field *conf_find_field(const struct conf_field *fields, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(fields[i].key, key) == 0)
			return &fields[i];
	return NULL;
}

/* 4094 is easier to read than 4.094k, 10T easier than its zeros. */
static const char *bound_text(char buf[UNITS_TEXT], uint64_t bound)
{
	if (bound >= 100000)
		return units_count_text(buf, bound);
	snprintf(buf, UNITS_TEXT, "%u", (unsigned int)bound);
	return buf;
}

/* What a field wants, in words: its range belongs to it, and is written as one would type it. */
static void wanted_text(const struct conf_field *field, char *buf, size_t size)
{
	char low[UNITS_TEXT], high[UNITS_TEXT];

	if (field->read == conf_read_choice) {
		size_t used = 0;

		for (const char *c = field->wanted; *c != '\0' && used + 8 < size; c++)
			used += (size_t)snprintf(buf + used, size - used, *c == '|' ? " or " : "%c", *c);
	} else if (field->read == conf_read_time || field->read == conf_read_auto_time) {
		snprintf(buf, size, "%s, from %s to %s", field->wanted, units_time_text(low, field->min),
			units_time_text(high, field->max));
	} else if (field->max > 0) {
		snprintf(buf, size, "%s, from %s to %s", field->wanted, bound_text(low, field->min),
			bound_text(high, field->max));
	} else {
		snprintf(buf, size, "%s", field->wanted);
	}
}

/* What a file leaves out a command must say. */
static void for_command(char *wanted)
{
	static const char hint[] = " (none: leave it out)";
	char *at = strstr(wanted, hint);

	if (at != NULL)
		memmove(at, at + strlen(hint), strlen(at + strlen(hint)) + 1);
}

/* "; write 400M", where 400Mbit was written. */
static void hint_text(const struct conf_field *field, const char *value, char *buf, size_t size)
{
	bool is_count = field->read == conf_read_count || field->read == conf_read_auto_0;
	char meant[UNITS_TEXT];
	uint64_t count;

	buf[0] = '\0';
	if (is_count && units_meant(value, meant) && units_parse_count(meant, &count) && count >= field->min && count <= field->max)
		snprintf(buf, size, "; write %s", meant);
}

void conf_read_field(
	struct conf_reading *r, const struct conf_field *field, const struct ini_entry *e, void *object)
{
	char wanted[256], hint[2 * UNITS_TEXT];

	if (field->read(field, e->value, (char *)object + field->offset))
		return;
	wanted_text(field, wanted, sizeof(wanted));
	if (r->command != NULL)
		for_command(wanted);
	hint_text(field, e->value, hint, sizeof(hint));
	conf_say(r, e->line, "%s = %.60s: wanted %s%s%s", e->key, e->value, wanted,
		r->command != NULL && !r->is_whole ? "; or none, as if it had been left out" : "", hint);
}

#define MAX_SLIP_CHARS 32

/* Levenshtein's distance is small enough to be a slip of the finger. */
static bool is_slip(const char *typed, const char *known)
{
	size_t n = strlen(typed), m = strlen(known);
	size_t row[MAX_SLIP_CHARS + 1];

	if (n > MAX_SLIP_CHARS || m > MAX_SLIP_CHARS)
		return false;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t change = diagonal + (typed[i - 1] != known[j - 1]);
			size_t one_side = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);

			diagonal = row[j];
			row[j] = change < one_side ? change : one_side;
		}
	}
	return row[m] <= 2 && row[m] < m;
}

void conf_list_keys(const struct conf_field *fields, size_t n, char *buf, size_t size)
{
	size_t used = strlen(buf);

	for (size_t i = 0; i < n && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s", i > 0 ? ", " : "", fields[i].key);
}

const char *conf_nearest(const struct conf_field *fields, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (is_slip(key, fields[i].key))
			return fields[i].key;
	return NULL;
}

static void say_unknown(struct conf_reading *r, const struct ini_section *s, const struct ini_entry *e,
	const struct conf_field *fields, size_t n)
{
	const char *near = conf_nearest(fields, n, e->key);
	char known[384] = "";

	if (near != NULL) {
		conf_say(r, e->line, "unknown key %.60s in [%s]: wanted %s, perhaps", e->key, s->kind, near);
		return;
	}
	conf_list_keys(fields, n, known, sizeof(known));
	conf_say(r, e->line, "unknown key %.60s in [%s]: wanted one of %s", e->key, s->kind, known);
}

void conf_read_fields(struct conf_reading *r, const struct ini_section *s, const struct conf_field *fields,
	size_t n, void *object)
{
	for (size_t i = 0; i < s->n_entries; i++) {
		const struct conf_field *field = conf_find_field(fields, n, s->entries[i].key);

		if (field != NULL)
			conf_read_field(r, field, &s->entries[i], object);
		else
			say_unknown(r, s, &s->entries[i], fields, n);
	}
}

static bool is_name(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return false;
	return n > 0 && n < CONF_NAME_CHARS;
}

bool conf_has_good_name(struct conf_reading *r, const struct ini_section *s)
{
	if (is_name(s->name))
		return true;
	conf_say(r, s->line, "[%s %.60s]: wanted a name of 1 to %d letters, digits and _", s->kind, s->name,
		CONF_NAME_CHARS - 1);
	return false;
}

const struct ini_entry *conf_entry(const struct ini_section *section, const char *key)
{
	for (size_t i = 0; i < section->n_entries; i++)
		if (strcmp(section->entries[i].key, key) == 0)
			return &section->entries[i];
	return NULL;
}

int conf_line(const struct ini_section *section, const char *key)
{
	const struct ini_entry *e = conf_entry(section, key);

	return e != NULL ? e->line : section->line;
}
