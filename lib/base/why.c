/* SPDX-License-Identifier: BSD-3-Clause */
#include "why.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* Messages quote what was read: nothing in them may move a terminal's cursor or break a line. */
static void make_printable(char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			*text = '?';
	}
}

void why_init(struct why *why)
{
	why->n = 0;
	why->n_lost = 0;
}

/* A place for a message of 'line' of a file, whose messages begin with 'file', n characters of it. */
static char *make_place(struct why *why, const char *file, size_t n, int line)
{
	int at = why->n;

	if (why->n == WHY_MAX_MESSAGES) {
		why->n_lost++;
		return NULL;
	}
	while (line > 0 && at > 0 && why->line[at - 1] > line && strncmp(why->text[at - 1], file, n) == 0)
		at--;
	memmove(why->text[at + 1], why->text[at], (size_t)(why->n - at) * sizeof(why->text[0]));
	memmove(&why->line[at + 1], &why->line[at], (size_t)(why->n - at) * sizeof(why->line[0]));
	why->line[at] = line;
	why->n++;
	return why->text[at];
}

static void write_text(char *text, const char *where, const char *fmt, va_list args)
	__attribute__((format(printf, 3, 0)));

static void write_text(char *text, const char *where, const char *fmt, va_list args)
{
	int used = snprintf(text, WHY_MAX_CHARS, "%s", where);

	if (used >= 0 && used < WHY_MAX_CHARS)
		vsnprintf(text + used, WHY_MAX_CHARS - (size_t)used, fmt, args);
	make_printable(text);
}

void why_add(struct why *why, const char *fmt, ...)
{
	char *text = make_place(why, "", 0, 0);
	va_list args;

	if (text == NULL)
		return;
	va_start(args, fmt);
	write_text(text, "", fmt, args);
	va_end(args);
}

void why_add_at(struct why *why, const char *file, int line, const char *fmt, ...)
{
	char where[WHY_MAX_CHARS];
	va_list args;
	int n = snprintf(where, sizeof(where), "%.200s:", file);	/* a long path must leave room for what is wrong */

	make_printable(where);
	char *text = make_place(why, where, (size_t)n, line);
	if (text == NULL)
		return;
	if (line > 0)
		snprintf(where + n, sizeof(where) - (size_t)n, "%d: ", line);
	else
		snprintf(where + n, sizeof(where) - (size_t)n, " ");
	va_start(args, fmt);
	write_text(text, where, fmt, args);
	va_end(args);
}

void why_print(const struct why *why, FILE *out)
{
	for (int i = 0; i < why->n; i++)
		fprintf(out, "%s\n", why->text[i]);
	if (why->n_lost > 0)
		fprintf(out, "... and %d more\n", why->n_lost);
}
