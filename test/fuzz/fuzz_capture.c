/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as what is to be captured: refused with a reason, or within all bounds, and in words that read back as the
 * same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "fuzz.h"

static struct why why;

static void check(const struct capture_ask *ask)
{
	struct capture_ask again;
	char text[CAPTURE_TEXT_CHARS], text_again[CAPTURE_TEXT_CHARS];

	assert(ask->file[0] == '/' && memchr(ask->file, '\0', sizeof(ask->file)) != NULL);
	assert(ask->dirs >= 1 && ask->dirs <= CAPTURE_BOTH);
	assert(ask->max_pkts >= 1 && ask->max_pkts <= CAPTURE_MOST_PKTS);
	assert(ask->max_bytes >= CAPTURE_LEAST_BYTES && ask->max_bytes <= CAPTURE_MOST_BYTES);
	assert(ask->snap_bytes >= CAPTURE_LEAST_SNAP && ask->snap_bytes <= CAPTURE_SNAP);
	assert(ask->max_s >= 1 && ask->max_s <= CAPTURE_MOST_S);
	assert((ask->what == CAPTURE_DROPPED) == (ask->reasons != 0) && (ask->reasons & ~CAPTURE_ALL_REASONS) == 0);
	assert(ask->over_ns == 0 || (ask->what == CAPTURE_DELAYED && ask->over_ns <= CAPTURE_MOST_OVER_NS));
	capture_ask_text(ask, text);
	assert(capture_ask_parse(text, &again, &why));
	assert(strcmp(text, capture_ask_text(&again, text_again)) == 0);
	assert(strcmp(ask->file, again.file) == 0 && ask->what == again.what && ask->dirs == again.dirs);
	assert(ask->reasons == again.reasons && ask->over_ns == again.over_ns && ask->max_pkts == again.max_pkts);
	assert(ask->max_bytes == again.max_bytes && ask->snap_bytes == again.snap_bytes && ask->max_s == again.max_s);
	assert(ask->overwrites == again.overwrites);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct capture_ask ask;
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	why_init(&why);
	bool is_good = capture_ask_parse(text, &ask, &why);
	assert(is_good == (why.n == 0));
	if (is_good)
		check(&ask);
	free(text);
	return 0;
}
