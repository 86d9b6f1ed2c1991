/* SPDX-License-Identifier: BSD-3-Clause */
/* Marking rules of operators, and frames of guests: up to a line of "--", sections behind two VFs; what follows is a
 * frame, for both.  What is read dumps and reads back as the same; a frame gets a DSCP that a rule sets, or keeps its own. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "classify.h"
#include "conf_change.h"
#include "fuzz.h"
#include "mark.h"

static const char vfs[] = "[port p]\nrole = pf\n[port v]\n[port w]\n[vf a]\nport = v\n[vf b]\nport = w\n";
static struct why why;

static char *dump(const struct conf *conf)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	conf_dump(conf, out);
	fclose(out);
	return text;
}

static bool sets(const struct marks *m, vf_id vf, int dscp)
{
	for (uint32_t i = 0; i < marks_n(m); i++)
		if (marks_rule(m, i)->vf == vf && marks_rule(m, i)->set_dscp == dscp)
			return true;
	return false;
}

static uint64_t all_hits(const struct marks *m)
{
	uint64_t sum = 0, pkts, bytes;

	for (uint32_t i = 0; i < marks_n(m); i++) {
		marks_hits(m, i, &pkts, &bytes);
		sum += pkts;
	}
	return sum;
}

static void feed(const struct marks *m, const uint8_t *frame, size_t n)
{
	struct pkt k = {.data = frame, .bytes = (uint32_t)n, .data_bytes = (uint16_t)n};
	int dscp = classify_headers(&k);

	for (vf_id vf = 0; vf < 2; vf++) {
		const struct mark_table *t = marks_of(m, vf);
		uint64_t before = all_hits(m);
		if (t == NULL)
			continue;
		int got = mark_packet(t, &k, dscp);
		assert(got == dscp || (dscp >= 0 && sets(m, vf, got)));
		assert(all_hits(m) - before <= (dscp >= 0));
	}
}

static void check(struct conf *conf, const uint8_t *frame, size_t n)
{
	char *one = dump(conf), *two;
	struct conf *again = conf_parse("dump", one, strlen(one), &why);

	assert(again != NULL);
	two = dump(again);
	assert(strcmp(one, two) == 0);
	free(one);
	free(two);
	conf_destroy(again);
	if (conf->marks != NULL && n >= PKT_MIN_BYTES && n <= UINT16_MAX)
		feed(conf->marks, frame, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *split = size >= 4 ? memmem(data, size, "\n--\n", 4) : NULL;
	size_t n = split != NULL ? (size_t)(split - data) : size, skip = split != NULL ? n + 4 : size;
	char *text = malloc(sizeof(vfs) + n);
	uint8_t *frame = malloc(size - skip + 1);

	memcpy(text, vfs, sizeof(vfs) - 1);
	memcpy(text + sizeof(vfs) - 1, data, n);
	memcpy(frame, data + skip, size - skip);
	why_init(&why);
	struct conf *conf = conf_parse("fuzz", text, sizeof(vfs) - 1 + n, &why);
	assert((conf == NULL) == (why.n > 0));
	if (conf != NULL)
		check(conf, frame, size - skip);
	conf_destroy(conf);
	free(text);
	free(frame);
	return 0;
}
