/* SPDX-License-Identifier: BSD-3-Clause */
/* Why something was refused, for people: a list of messages, so that all mistakes are told at once.
 * Used by: everything that reads input.  Uses: nothing. */
#ifndef WEIR_WHY_H
#define WEIR_WHY_H

#include <stdio.h>

#define WHY_MAX_MESSAGES 256
#define WHY_MAX_CHARS    512

struct why {
	int n;		/* messages held */
	int n_lost;	/* more that did not fit: said by why_print() */
	int line[WHY_MAX_MESSAGES];	/* of its file; 0: none */
	char text[WHY_MAX_MESSAGES][WHY_MAX_CHARS];
};

void why_init(struct why *why);

/* Adds one message; cut at WHY_MAX_CHARS - 1, control characters shown as "?". */
void why_add(struct why *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds "file:line: message", before what was said just now of later lines of the file: who reads it goes from top to bottom.
 * line 0 leaves the line out. */
void why_add_at(struct why *why, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* One message a line. */
void why_print(const struct why *why, FILE *out);

#endif
