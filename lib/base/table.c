/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ROW_CHARS 1024

struct table {
	int n_columns;
	bool is_right[TABLE_MAX_COLUMNS];
	int width[TABLE_MAX_COLUMNS];
	char **rows; /* the first is the heads; cells split at '|' */
	size_t n_rows, n_room;
};

/* The cell at 'text' ends here. */
static const char *cell_end(const char *text)
{
	return text + strcspn(text, "|");
}

/* Columns on a screen: UTF-8 continuation bytes take none. */
static int cell_width(const char *text, const char *end)
{
	int n = 0;

	for (; text < end; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void add_row(struct table *t, const char *text)
{
	if (t->n_rows == t->n_room) {
		size_t n_room = t->n_room > 0 ? 2 * t->n_room : 16;
		char **rows = realloc(t->rows, n_room * sizeof(*rows));

		if (rows == NULL)
			return;
		t->rows = rows;
		t->n_room = n_room;
	}
	t->rows[t->n_rows] = strdup(text);
	if (t->rows[t->n_rows] == NULL)
		return;
	t->n_rows++;
	for (int c = 0; c < t->n_columns; c++) {
		const char *end = cell_end(text);
		int width = cell_width(text, end);

		if (width > t->width[c])
			t->width[c] = width;
		if (*end == '\0')
			break;
		text = end + 1;
	}
}

struct table *table_create(const char *heads)
{
	struct table *t = calloc(1, sizeof(*t));
	char *plain = strdup(heads);

	if (t == NULL || plain == NULL)
		goto no_memory;
	char *to = plain;
	for (const char *from = heads; t->n_columns < TABLE_MAX_COLUMNS;) {
		const char *end = cell_end(from);

		t->is_right[t->n_columns++] = *from == '>';
		from += *from == '>';
		memcpy(to, from, (size_t)(end - from));
		to += end - from;
		*to++ = *end;
		if (*end == '\0')
			break;
		from = end + 1;
	}
	to[-1] = '\0';
	add_row(t, plain);
	free(plain);
	if (t->n_rows == 1)
		return t;
	plain = NULL;
no_memory:
	free(plain);
	table_destroy(t);
	return NULL;
}

void table_row(struct table *t, const char *fmt, ...)
{
	char text[MAX_ROW_CHARS];
	va_list args;

	if (t == NULL)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	add_row(t, text);
}

/* Blanks are written with the cell that follows them: no line ends in blanks. */
static void print_row(const struct table *t, const char *text, FILE *out)
{
	int blanks = 0;

	for (int c = 0; c < t->n_columns; c++) {
		const char *end = cell_end(text);
		int width = cell_width(text, end);
		int missing = t->width[c] - width;

		blanks += t->is_right[c] ? missing : 0;
		if (width > 0) {
			fprintf(out, "%*s%.*s", blanks, "", (int)(end - text), text);
			blanks = 0;
		}
		blanks += t->is_right[c] ? 0 : missing;
		if (*end == '\0')
			break;
		text = end + 1;
		blanks += 2;
	}
	fputc('\n', out);
}

void table_print(const struct table *t, FILE *out, const char *indent)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n_rows; i++) {
		fputs(indent, out);
		print_row(t, t->rows[i], out);
	}
}

void table_destroy(struct table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n_rows; i++)
		free(t->rows[i]);
	free(t->rows);
	free(t);
}
