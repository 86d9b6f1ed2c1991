/* SPDX-License-Identifier: BSD-3-Clause */
/* A reader of INI text that knows lines: [section name], key = value, comments from '#' or ';' at the start of a line
 * or after white space.  It keeps every entry with its line, in order, and reports what it cannot read: nothing is
 * skipped in silence.  (rte_cfgfile gives no lines, skips junk, and takes "# key = x" for a key.)
 * Used by: sla.  Uses: why.h. */
#ifndef WEIR_INI_H
#define WEIR_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "why.h"

struct ini_entry {
	const char *key;	/* never empty */
	const char *value;	/* trimmed; may be empty */
	int line;
};

struct ini_section {
	const char *kind;	/* "vf" of [vf vm1] */
	const char *name;	/* "vm1" of [vf vm1]; "" where there is none */
	int line;
	int first_line;		/* not 0: the same section began there before.  Reported; kept so that its own mistakes
				 * can be found too, never to be used */
	struct ini_entry *entries;
	size_t n_entries;
};

struct ini {
	const char *file;	/* the name used in messages */
	struct ini_section *sections;
	size_t n_sections;
	void *memory;		/* owned: what the texts above point into */
};

/* Reads 'size' bytes of text.  Bad lines are reported in 'why' with file and line, and left out; so are keys before
 * the first section, a key twice in a section, NUL bytes and lines over 4,095 characters.  A section twice is reported
 * too (both lines are named for twins).
 * Returns false when anything was reported (the rest is still usable, to find more mistakes).
 * Owns nothing of the caller's; 'file' must outlive it. */
bool ini_read(struct ini *ini, const char *file, const char *text, size_t size, struct why *why);

/* Reads a whole file (at most 16 MiB).  What cannot be opened is reported in 'why'. */
bool ini_read_file(struct ini *ini, const char *file, struct why *why);

void ini_fini(struct ini *ini);

#endif
