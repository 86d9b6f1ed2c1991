/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as a state file: refused with a reason, or a config that comes back the same when what it has beside the config is
 * written and read; the config itself never changes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "conf_change.h"
#include "fuzz.h"

static const char text[] = "[port pf]\nrole = pf\nrate = 1G\n[port v0]\n[port v1]\nspare = 2\n"
			   "[tenant lab]\ntx.max_bps = 900M\n[vf a]\nport = v0\ntx.min_bps = 100M\ntenant = lab\n"
			   "[vf b]\nport = v1\nmac = 02:00:00:00:00:02\nrx.max_bps = 100M\ndscp_map = gold\n"
			   "[dscp gold]\ndefault = high\n[dscp spare]\ndefault = low\n[mark m]\nvf = b\nset = EF\n";

static struct why why, notes;

static char *dump(const struct conf *conf, const struct conf *base)
{
	char *dumped;
	size_t size;
	FILE *out = open_memstream(&dumped, &size);

	if (base == NULL)
		conf_dump(conf, out);
	else
		conf_dump_state(conf, base, out);
	fclose(out);
	return dumped;
}

static void check(const struct conf *base, const struct conf *conf)
{
	char *state = dump(conf, base);

	why_init(&why);
	why_init(&notes);
	struct conf *again = conf_with_state_text(base, "state", state, strlen(state), &notes, &why);
	assert(again != NULL);
	char *was = dump(conf, NULL), *is = dump(again, NULL);
	assert(strcmp(was, is) == 0);
	free(was);
	free(is);
	free(state);
	conf_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf *base;
	static char *base_dumped;

	why_init(&why);
	why_init(&notes);
	if (base == NULL) {
		base = conf_parse("base", text, strlen(text), &why);
		assert(base != NULL);
		base_dumped = dump(base, NULL);
	}
	struct conf *conf = conf_with_state_text(base, "state", (const char *)data, size, &notes, &why);
	assert((conf == NULL) == (why.n > 0));
	if (conf != NULL)
		check(base, conf);
	conf_destroy(conf);
	char *now = dump(base, NULL);
	assert(strcmp(now, base_dumped) == 0);
	free(now);
	return 0;
}
