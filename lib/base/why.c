/* SPDX-License-Identifier: BSD-3-Clause */
#include "why.h"

#include <stdarg.h>
#include <stddef.h>

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

static void add_after(struct why *why, const char *where, const char *fmt, va_list args)
	__attribute__((format(printf, 3, 0)));

static void add_after(struct why *why, const char *where, const char *fmt, va_list args)
{
	if (why->n == WHY_MAX_MESSAGES) {
		why->n_lost++;
		return;
	}
	char *text = why->text[why->n++];
	int used = snprintf(text, WHY_MAX_CHARS, "%s", where);

	if (used >= 0 && used < WHY_MAX_CHARS)
		vsnprintf(text + used, WHY_MAX_CHARS - (size_t)used, fmt, args);
	make_printable(text);
}

void why_add(struct why *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add_after(why, "", fmt, args);
	va_end(args);
}

void why_add_at(struct why *why, const char *file, int line, const char *fmt, ...)
{
	char where[WHY_MAX_CHARS];
	va_list args;

	/* A long path must leave room for what is wrong. */
	if (line > 0)
		snprintf(where, sizeof(where), "%.200s:%d: ", file, line);
	else
		snprintf(where, sizeof(where), "%.200s: ", file);
	va_start(args, fmt);
	add_after(why, where, fmt, args);
	va_end(args);
}

void why_print(const struct why *why, FILE *out)
{
	for (int i = 0; i < why->n; i++)
		fprintf(out, "%s\n", why->text[i]);
	if (why->n_lost > 0)
		fprintf(out, "... and %d more\n", why->n_lost);
}
