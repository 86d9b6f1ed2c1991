/* SPDX-License-Identifier: BSD-3-Clause */
#include "ini.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINE_CHARS 4095
#define MAX_FILE_BYTES (16u << 20)

/* What has been seen before: [kind name] for sections, (section, key) for keys.  A hash set, or a file of
 * many sections would take quadratic time. */
struct seen {
	uint64_t hash;
	size_t section; /* of a key; SIZE_MAX for a section itself */
	const char *first, *second;
	int line; /* 0 = free */
};

struct ini_memory {
	char *text;
	struct ini_entry *entries; /* of all sections, in order */
	size_t n_entries, room_entries;
	size_t room_sections;
	struct seen *seen;
	size_t n_seen, room_seen; /* room: a power of two */
};

struct reading {
	struct ini *ini;
	struct ini_memory *mem;
	struct why *why;
	int line;
	bool in_section; /* false: what follows belongs nowhere, its section's line was bad */
	bool ok;
};

#define SAY(r, ...)                                                                                          \
	do {                                                                                                 \
		why_add_at((r)->why, (r)->ini->file, (r)->line, __VA_ARGS__);                                \
		(r)->ok = false;                                                                             \
	} while (0)

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Cuts blanks at both ends, in place. */
static char *trim(char *text)
{
	while (is_blank(*text))
		text++;
	size_t n = strlen(text);
	while (n > 0 && is_blank(text[n - 1]))
		n--;
	text[n] = '\0';
	return text;
}

/* A comment starts with '#' or ';' at the start of the line or after white space. */
static void cut_comment(char *text)
{
	for (size_t i = 0; text[i] != '\0'; i++) {
		if ((text[i] == '#' || text[i] == ';') && (i == 0 || is_blank(text[i - 1]))) {
			text[i] = '\0';
			return;
		}
	}
}

/* Room for one more element of an array; NULL where memory is out, the old array stays. */
static void *grow(void *array, size_t n, size_t *room, size_t element_bytes)
{
	if (n < *room)
		return array;
	size_t bigger = *room > 0 ? 2 * *room : 64;
	void *moved = realloc(array, bigger * element_bytes);

	if (moved != NULL)
		*room = bigger;
	return moved;
}

/* FNV-1a */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	do {
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	} while (*text++ != '\0');
	return hash;
}

static struct seen *find_slot(struct seen *slots, size_t room, const struct seen *key)
{
	for (size_t i = key->hash & (room - 1);; i = (i + 1) & (room - 1)) {
		struct seen *s = &slots[i];

		if (s->line == 0 ||
			(s->hash == key->hash && s->section == key->section &&
				strcmp(s->first, key->first) == 0 && strcmp(s->second, key->second) == 0))
			return s;
	}
}

static bool grow_seen(struct ini_memory *mem)
{
	size_t room = mem->room_seen > 0 ? 2 * mem->room_seen : 256;
	struct seen *slots = calloc(room, sizeof(*slots));

	if (slots == NULL)
		return false;
	for (size_t i = 0; i < mem->room_seen; i++)
		if (mem->seen[i].line != 0)
			*find_slot(slots, room, &mem->seen[i]) = mem->seen[i];
	free(mem->seen);
	mem->seen = slots;
	mem->room_seen = room;
	return true;
}

/* The line where this was seen before, or 0; remembers it. */
static int seen_before(struct reading *r, size_t section, const char *first, const char *second)
{
	struct ini_memory *mem = r->mem;

	if (2 * mem->n_seen >= mem->room_seen && !grow_seen(mem)) {
		SAY(r, "out of memory");
		return 0;
	}
	struct seen key = {
		.hash = hash_text(hash_text(UINT64_C(0xcbf29ce484222325) ^ section, first), second),
		.section = section,
		.first = first,
		.second = second,
		.line = r->line,
	};
	struct seen *slot = find_slot(mem->seen, mem->room_seen, &key);

	if (slot->line != 0)
		return slot->line;
	*slot = key;
	mem->n_seen++;
	return 0;
}

static void add_section(struct reading *r, const char *kind, const char *name)
{
	struct ini *ini = r->ini;
	struct ini_section *sections =
		grow(ini->sections, ini->n_sections, &r->mem->room_sections, sizeof(*ini->sections));

	if (sections == NULL) {
		SAY(r, "out of memory");
		return;
	}
	ini->sections = sections;
	int before = seen_before(r, SIZE_MAX, kind, name);
	if (before != 0)
		SAY(r, "section [%.60s%s%.60s] again: the first is at line %d, wanted once", kind,
			*name ? " " : "", name, before);
	ini->sections[ini->n_sections++] =
		(struct ini_section){.kind = kind, .name = name, .line = r->line, .first_line = before};
	r->in_section = true;
}

/* "[kind]" or "[kind name]" */
static void read_section(struct reading *r, char *text)
{
	char *end = strchr(text, ']');

	if (end == NULL || end[1] != '\0') {
		SAY(r, "%.60s: wanted [section] or [section name] alone on the line", text);
		return;
	}
	*end = '\0';
	char *kind = trim(text + 1);
	char *name = kind + strcspn(kind, " \t");
	if (*name != '\0')
		*name++ = '\0';
	if (*kind == '\0') {
		SAY(r, "[]: wanted [section] or [section name]");
		return;
	}
	add_section(r, kind, trim(name));
}

static void add_entry(struct reading *r, const char *key, const char *value)
{
	struct ini_memory *mem = r->mem;
	size_t section = r->ini->n_sections - 1;
	int before = seen_before(r, section, key, "");

	if (before != 0) {
		SAY(r, "%.60s again: the first is at line %d, wanted once in a section", key, before);
		return;
	}
	struct ini_entry *entries = grow(mem->entries, mem->n_entries, &mem->room_entries, sizeof(*entries));

	if (entries == NULL) {
		SAY(r, "out of memory");
		return;
	}
	mem->entries = entries;
	mem->entries[mem->n_entries++] = (struct ini_entry){.key = key, .value = value, .line = r->line};
	r->ini->sections[section].n_entries++;
}

static void read_entry(struct reading *r, char *text)
{
	char *equals = strchr(text, '=');

	if (equals == NULL) {
		SAY(r, "%.60s: wanted key = value, [section] or # comment", text);
		return;
	}
	*equals = '\0';
	char *key = trim(text);
	if (*key == '\0')
		SAY(r, "no key before '=': wanted key = value");
	else if (r->in_section)
		add_entry(r, key, trim(equals + 1));
	else if (r->ini->n_sections == 0)
		SAY(r, "%.60s stands before the first section: wanted [section] above it", key);
	/* else: in a section whose line was bad; that has been said */
}

static void read_line(struct reading *r, char *text, size_t size)
{
	if (*text == '[')
		r->in_section = false; /* until it has been read without a mistake */
	if (memchr(text, '\0', size) != NULL) {
		SAY(r, "a NUL byte: wanted text");
		return;
	}
	if (size > MAX_LINE_CHARS) {
		SAY(r, "a line of %zu characters: wanted at most %d", size, MAX_LINE_CHARS);
		return;
	}
	text[size] = '\0';
	cut_comment(text);
	text = trim(text);
	if (*text == '[') {
		r->in_section = false; /* it may stand behind blanks */
		read_section(r, text);
	} else if (*text != '\0') {
		read_entry(r, text);
	}
}

/* Lets every section point to its part of the one array of entries, which does not move any more. */
static void share_out_entries(struct ini *ini, struct ini_memory *mem)
{
	size_t n = 0;

	for (size_t i = 0; i < ini->n_sections && mem->entries != NULL; i++) {
		ini->sections[i].entries = mem->entries + n;
		n += ini->sections[i].n_entries;
	}
}

bool ini_read(struct ini *ini, const char *file, const char *text, size_t size, struct why *why)
{
	struct ini_memory *mem = calloc(1, sizeof(*mem));
	struct reading r = {.ini = ini, .mem = mem, .why = why, .ok = true};

	*ini = (struct ini){.file = file, .memory = mem};
	if (mem != NULL)
		mem->text = malloc(size + 1);
	if (mem == NULL || mem->text == NULL) {
		SAY(&r, "out of memory");
		return false;
	}
	if (size > 0)
		memcpy(mem->text, text, size);
	mem->text[size] = '\0';
	char *end = mem->text + size;
	char *at = mem->text;

	if (size >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3; /* a byte order mark is no text */
	while (at < end) {
		char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((newline != NULL ? newline : end) - at);

		r.line++;
		read_line(&r, at, length);
		at += length + 1;
	}
	share_out_entries(ini, mem);
	return r.ok;
}

/* All of a file, or NULL with the reason said. */
static char *read_all(FILE *f, const char *file, size_t *size, struct why *why)
{
	size_t room = 0;
	char *text = NULL;

	*size = 0;
	for (;;) {
		char *bigger = grow(text, *size, &room, 1);

		if (bigger == NULL) {
			why_add_at(why, file, 0, "out of memory");
			break;
		}
		text = bigger;
		size_t n = fread(text + *size, 1, room - *size, f);
		*size += n;
		if (n == 0 && !ferror(f))
			return text;
		if (n == 0) {
			why_add_at(why, file, 0, "%s: wanted a file that can be read", strerror(errno));
			break;
		}
		if (*size > MAX_FILE_BYTES) {
			why_add_at(why, file, 0, "longer than 16 MiB: wanted a configuration");
			break;
		}
	}
	free(text);
	return NULL;
}

bool ini_read_file(struct ini *ini, const char *file, struct why *why)
{
	FILE *f = fopen(file, "rb");
	size_t size;

	*ini = (struct ini){.file = file};
	if (f == NULL) {
		why_add_at(why, file, 0, "%s: wanted a file that can be read", strerror(errno));
		return false;
	}
	char *text = read_all(f, file, &size, why);
	fclose(f);
	if (text == NULL)
		return false;
	bool ok = ini_read(ini, file, text, size, why);
	free(text);
	return ok;
}

void ini_fini(struct ini *ini)
{
	struct ini_memory *mem = ini->memory;

	if (mem != NULL) {
		free(mem->text);
		free(mem->entries);
		free(mem->seen);
		free(mem);
	}
	free(ini->sections);
	*ini = (struct ini){0};
}
