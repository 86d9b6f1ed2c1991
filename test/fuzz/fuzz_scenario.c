/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as a scenario: refused with a reason, or one that a world can be made of. */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "scenario.h"

static void check_traffic(const struct scenario *s, const struct traffic *t)
{
	uint32_t parts = 0;

	assert(t->n_from > 0 && t->n_to > 0);
	for (uint32_t i = 0; i < t->n_from; i++)
		assert(t->from[i] == VF_PF || t->from[i] < s->conf->n_vfs);
	for (uint32_t i = 0; i < t->n_to; i++)
		assert(t->to[i] == VF_PF || (t->to[i] < s->conf->n_vfs && s->conf->vfs[t->to[i]].n_macs > 0));
	assert(t->n_sizes > 0 && t->n_sizes <= SCENARIO_MAX_SIZES);
	for (uint32_t i = 0; i < t->n_sizes; i++) {
		assert(t->size[i] >= 60 && t->part[i] > 0);
		parts += t->part[i];
	}
	assert(parts == t->n_parts);
	assert(t->dscp < CONF_N_DSCP && t->ecn <= ECN_ECT_0);
	assert(t->stop_ns == 0 || t->stop_ns > t->start_ns);
	if (t->kind == TRAFFIC_TCP)
		assert(t->n_flows > 0 && t->n_sizes == 1 && t->sender.rtt_ns > 0 && t->sender.max_window_pkts > 1);
	else if (t->kind == TRAFFIC_TRACE)
		assert(t->file != NULL);
	else
		assert((t->rate_bps > 0) + (t->rate_pps > 0) + t->is_greedy == 1);
	assert(t->kind != TRAFFIC_ONOFF || (t->on_ns > 0 && t->off_ns > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct why why;

	if (memmem(data, size, "config", 6) != NULL)
		return 0;	/* it would open files of any name */
	why_init(&why);
	struct scenario *s = scenario_parse("fuzz.conf", (const char *)data, size, &why);
	assert((s == NULL) == (why.n > 0));
	if (s != NULL) {
		assert(s->uplink_bps > 0 && s->duration_ns > s->warmup_ns && s->sample_ns > 0);
		assert(s->n_traffics > 0);
		for (uint32_t i = 0; i < s->n_traffics; i++)
			check_traffic(s, &s->traffics[i]);
	}
	scenario_destroy(s);
	return 0;
}
