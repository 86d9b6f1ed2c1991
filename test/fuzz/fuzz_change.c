/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as the parameters of a set: refused with a reason, or a config that dumps and reads back as the same; what it
 * was made from never changes.  First byte: whether a VF (or, 'd', its DSCP map; 'a', one that comes; 'x', one that goes) or a tenant; then the name up to a comma, and the terms. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "conf_change.h"
#include "fuzz.h"

static const char text[] = "[switch]\npacket_capacity = 500k\n[remote]\n[port pf]\nrole = pf\nrate = 1G\n[port v0]\n[port v1]\nspare = 1\n"
			   "[tenant lab]\ntx.max_bps = 900M\n[vf a]\nport = v0\ntx.min_bps = 100M\ntenant = lab\n"
			   "[vf b]\nport = v1\nmac = 02:00:00:00:00:02\nrx.max_bps = 100M\n";

static struct why why;

static char *dump(const struct conf *conf)
{
	char *dumped;
	size_t size;
	FILE *out = open_memstream(&dumped, &size);

	conf_dump(conf, out);
	fclose(out);
	return dumped;
}

static void check(const struct conf *base, const struct conf *conf)
{
	struct why notes;
	char *dumped = dump(conf), *state, *again_dumped;
	size_t size;
	FILE *out = open_memstream(&state, &size);
	struct conf *again = conf_parse("dump", dumped, strlen(dumped), &why);

	conf_dump_state(conf, base, out);
	fclose(out);
	if (again != NULL) {	/* NULL: admission, which a change leaves to its caller */
		again_dumped = dump(again);
		assert(strcmp(dumped, again_dumped) == 0);
		free(again_dumped);
		why_init(&notes);
		struct conf *restarted = conf_with_state_text(base, "state", state, strlen(state), &notes, &why);
		assert(restarted != NULL);
		again_dumped = dump(restarted);
		assert(strcmp(dumped, again_dumped) == 0);
		free(again_dumped);
		conf_destroy(restarted);
	}
	conf_destroy(again);
	free(dumped);
	free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf *base;
	static char *base_dumped;
	struct conf_change change = {0};
	size_t n = 0;

	why_init(&why);
	if (base == NULL) {
		base = conf_parse("base", text, strlen(text), &why);
		assert(base != NULL);
		base_dumped = dump(base);
	}
	if (size == 0)
		return 0;
	change.is_tenant = data[0] == 't';
	change.verb = data[0] == 'd' ? CONF_DSCP : data[0] == 'm' ? CONF_MARK_ADD : data[0] == 'r' ? CONF_MARK_DEL
		      : data[0] == 'a' ? CONF_VF_ADD : data[0] == 'x' ? CONF_VF_DEL : CONF_SET;
	for (data++, size--; n < size && data[n] != ',' && n + 1 < sizeof(change.name); n++)
		change.name[n] = (char)data[n];
	if (n < size)
		n++;
	memcpy(change.text, data + n, size - n < sizeof(change.text) ? size - n : sizeof(change.text) - 1);
	struct conf *conf = conf_changed(base, &change, &why);
	assert((conf == NULL) == (why.n > 0));
	if (conf != NULL)
		check(base, conf);
	conf_destroy(conf);
	char *now = dump(base);
	assert(strcmp(now, base_dumped) == 0);
	free(now);
	return 0;
}
