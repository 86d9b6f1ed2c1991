/* SPDX-License-Identifier: BSD-3-Clause */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

#include "clk.h"
#include "scenario_impl.h"

static const char *const own_kinds[] = {"sim", "traffic", "bottleneck", "change", NULL};

/* ---- [sim], [bottleneck] ---- */

static const struct conf_field sim_fields[] = {
	{"config", conf_read_later, 0, 0, 0, 0, "a file of weir's configuration"},
	{"duration", conf_read_time, AT(struct scenario, duration_ns), NS_PER_US, 24 * 3600 * NS_PER_S,
		"a time such as 1s"},
	{"warmup", conf_read_time, AT(struct scenario, warmup_ns), 0, 24 * 3600 * NS_PER_S, "a time such as 100ms"},
	{"turn", conf_read_time, AT(struct scenario, turn_ns), 0, 10 * NS_PER_MS,
		"the least time between turns such as 1us"},
	{"sample", conf_read_time, AT(struct scenario, sample_ns), NS_PER_US, 3600 * NS_PER_S,
		"a time such as 10ms"},
	{"seed", conf_read_count, AT(struct scenario, seed), 0, UINT64_MAX, "a number"},
	{"uplink_rate", conf_read_count, AT(struct scenario, uplink_bps), 1000, CONF_MAX_BPS,
		"bits per second such as 10G, for a config that takes the device's"},
};

static const struct conf_field bottleneck_fields[] = {
	{"rate", conf_read_count, AT(struct bottleneck, rate_bps), 1000, CONF_MAX_BPS, "bits per second such as 1G"},
	{"buffer", conf_read_count, AT(struct bottleneck, buffer_bytes), 9216, UINT64_C(1) << 40,
		"bytes such as 1M"},
	{"mark_above", conf_read_count, AT(struct bottleneck, mark_bytes), 1, UINT64_C(1) << 40,
		"queued bytes such as 100k"},
	{"order", conf_read_choice, AT(struct bottleneck, order), 0, 0, "fifo|pfabric|edf|dscp"},
};

static void read_bottleneck(struct scenario_reading *reading, const struct ini_section *section)
{
	bool is_inbound = strcmp(section->name, "in") == 0;
	struct bottleneck *b = is_inbound ? &reading->s->inbound : &reading->s->bottleneck;
	struct conf_reading *r = &reading->r;

	if (section->first_line != 0)
		return;
	*b = (struct bottleneck){.buffer_bytes = 1000000};
	if (*section->name != '\0' && !is_inbound)
		conf_say(r, section->line, "[bottleneck %.60s]: wanted [bottleneck], for what leaves by the uplink, or "
			"[bottleneck in], for what comes by it", section->name);
	conf_read_fields(r, section, bottleneck_fields, LENGTH(bottleneck_fields), b);
	if (is_inbound && b->order != WIRE_FIFO)
		conf_say(r, conf_line(section, "order"), "order = %s: wanted fifo before the uplink",
			conf_entry(section, "order")->value);
	if (conf_entry(section, "rate") == NULL)
		conf_say(r, section->line, "[bottleneck]: wanted rate = bits per second such as 1G");
	if (b->mark_bytes >= b->buffer_bytes)
		conf_say(r, conf_line(section, "mark_above"), "mark_above = %llu: wanted less than the buffer of %llu bytes",
			(unsigned long long)b->mark_bytes, (unsigned long long)b->buffer_bytes);
}

static const struct ini_section *section_of(const struct ini *ini, const char *kind)
{
	for (size_t i = 0; i < ini->n_sections; i++)
		if (strcmp(ini->sections[i].kind, kind) == 0)
			return &ini->sections[i];
	return NULL;
}

static void read_sim(struct scenario_reading *reading, const struct ini_section *section)
{
	struct scenario *s = reading->s;
	struct conf_reading *r = &reading->r;

	if (*section->name != '\0')
		conf_say(r, section->line, "[sim %.60s]: wanted [sim], without a name", section->name);
	conf_read_fields(r, section, sim_fields, LENGTH(sim_fields), s);
	if (s->warmup_ns != UINT64_MAX && s->warmup_ns >= s->duration_ns)
		conf_say(r, conf_line(section, conf_entry(section, "warmup") ? "warmup" : "duration"),
			"the warm-up is not shorter than the whole run: wanted warmup < duration");
}

/* ---- The configuration ---- */

/* "dir/x.conf" of "dir/scenario.conf" and "x.conf"; the caller frees it.  NULL: out of memory. */
static char *beside(const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');
	size_t n = *name == '/' || slash == NULL ? 0 : (size_t)(slash + 1 - file);
	char *path = malloc(n + strlen(name) + 1);

	if (path != NULL) {
		memcpy(path, file, n);
		strcpy(path + n, name);
	}
	return path;
}

/* Weir's own sections have no place beside config = FILE: which of both would hold? */
static void refuse_weirs_sections(struct conf_reading *r, int config_line)
{
	for (size_t i = 0; i < r->ini->n_sections; i++) {
		const struct ini_section *section = &r->ini->sections[i];
		bool is_own = false;
		for (size_t k = 0; own_kinds[k] != NULL; k++)
			is_own |= strcmp(section->kind, own_kinds[k]) == 0;
		if (!is_own)
			conf_say(r, section->line, "[%.60s]: wanted [sim], [traffic NAME], [change NAME] or [bottleneck] beside config = "
				"FILE at line %d", section->kind, config_line);
	}
}

static struct conf *load_named(struct conf_reading *r, const struct ini_entry *config)
{
	char *path = beside(r->ini->file, config->value);
	struct ini ini = {0};
	bool is_good;

	if (path == NULL)
		return NULL;
	is_good = ini_read_file(&ini, path, r->why);
	struct conf *conf = NULL;
	if (ini.memory != NULL)
		conf = conf_from_ini(&ini, is_good, own_kinds, r->why);
	if (conf == NULL)
		conf_say(r, config->line, "config = %.200s: wanted a configuration without mistakes", config->value);
	ini_fini(&ini);
	free(path);
	return conf;
}

static void read_conf(struct scenario_reading *reading, bool is_good)
{
	struct conf_reading *r = &reading->r;
	const struct ini_section *sim = section_of(r->ini, "sim");
	const struct ini_entry *config = sim != NULL ? conf_entry(sim, "config") : NULL;

	if (config != NULL) {
		refuse_weirs_sections(r, config->line);
		reading->s->conf = load_named(r, config);
	} else {
		reading->s->conf = conf_from_ini(r->ini, is_good, own_kinds, r->why);
	}
	if (reading->s->conf == NULL)
		r->ok = false;
}

/* The uplink's rate, as the rim would find it out, and what it admits. */
static void settle_uplink(struct scenario_reading *reading)
{
	struct scenario *s = reading->s;
	struct conf_reading *r = &reading->r;
	const struct ini_section *sim = section_of(r->ini, "sim");
	struct conf_port *pf;

	if (s->conf == NULL)
		return;
	s->conf->n_vfs = s->conf->n_named;	/* no VF comes: spare places, which are the last, are left out */
	if (s->conf->n_vfs == 0)
		conf_say(r, 0, "there is no [vf]: wanted one or more, for somebody must send");
	pf = &s->conf->ports[s->conf->pf];
	if (pf->rate_bps == 0 && s->uplink_bps == 0)
		s->uplink_bps = reading->device_bps;
	if (pf->rate_bps != 0 && s->uplink_bps != 0)
		conf_say(r, conf_line(sim, "uplink_rate"), "uplink_rate: the config has rate = for [port %s]: wanted one "
			"of both", pf->device);
	else if (pf->rate_bps == 0 && s->uplink_bps == 0)
		conf_say(r, sim != NULL ? sim->line : 0, "[port %s] takes the device's rate: wanted uplink_rate in [sim], or "
			"--uplink-rate, for there is no device", pf->device);
	else if (pf->rate_bps == 0 && !conf_admit(s->conf, s->uplink_bps, pf->basis, r->why))
		r->ok = false;
	if (pf->rate_bps != 0)
		s->uplink_bps = pf->rate_bps;
}

/* What would never happen is a mistake. */
static void check_times(struct scenario_reading *reading)
{
	const struct scenario *s = reading->s;
	const struct ini *ini = reading->r.ini;

	for (size_t i = 0, n = 0; i < ini->n_sections; i++) {
		const struct ini_section *section = &ini->sections[i];
		if (section->first_line != 0 || strcmp(section->kind, "traffic") != 0)
			continue;
		if (n < s->n_traffics && s->traffics[n].start_ns >= s->duration_ns)
			conf_say(&reading->r, conf_line(section, "start"), "start = %s: wanted a time before the end of the run (duration, in [sim])",
				conf_entry(section, "start")->value);
		n++;
	}
	for (uint32_t i = 0; i < s->n_changes; i++)
		if (s->changes[i].at_ns >= s->duration_ns)
			conf_say(&reading->r, s->changes[i].line, "[change]: wanted at = a time before the end of the run (duration, in [sim])");
}

/* A sender beyond the uplink that always has one more is held by its ring; before a switch there is none. */
static void check_inbound(struct scenario_reading *reading)
{
	const struct scenario *s = reading->s;

	for (uint32_t i = 0; s->inbound.rate_bps != 0 && i < s->n_traffics; i++) {
		const struct traffic *t = &s->traffics[i];
		for (uint32_t k = 0; t->is_greedy && k < t->n_from; k++)
			if (t->from[k] == VF_PF)
				conf_say(&reading->r, t->line, "[traffic %s]: rate = max from pf: wanted a rate, for [bottleneck in] drops "
					"what finds no room and holds nobody", t->name);
	}
}

/* ---- The whole ---- */

static void read_sections(struct scenario_reading *reading)
{
	struct conf_reading *r = &reading->r;

	for (size_t i = 0; i < r->ini->n_sections; i++) {
		const struct ini_section *section = &r->ini->sections[i];
		if (strcmp(section->kind, "sim") == 0)
			read_sim(reading, section);
		else if (strcmp(section->kind, "bottleneck") == 0)
			read_bottleneck(reading, section);
		else if (strcmp(section->kind, "traffic") == 0)
			scenario_read_traffic(reading, section);
	}
}

static struct scenario *from_ini(const struct ini *ini, bool is_good, uint64_t device_bps, struct why *why)
{
	static struct conf no_conf;	/* for messages, until there is one */
	struct scenario *s = calloc(1, sizeof(*s));
	struct scenario_reading reading = {.s = s, .r = {.conf = &no_conf, .ini = ini, .why = why, .ok = is_good}, .device_bps = device_bps};

	if (s == NULL) {
		why_add_at(why, ini->file, 0, "out of memory");
		return NULL;
	}
	s->duration_ns = NS_PER_S;
	s->warmup_ns = UINT64_MAX;
	s->turn_ns = NS_PER_US;
	s->seed = 1;
	read_conf(&reading, is_good);
	read_sections(&reading);
	settle_uplink(&reading);
	check_inbound(&reading);
	scenario_read_changes(&reading);
	check_times(&reading);
	if (s->warmup_ns == UINT64_MAX)
		s->warmup_ns = s->duration_ns / 10;
	if (s->sample_ns == 0)
		s->sample_ns = u64_max(s->duration_ns / 100, NS_PER_US);
	if (reading.r.ok && s->n_traffics == 0 && !scenario_add_default_traffic(s))
		reading.r.ok = false;
	if (reading.r.ok)
		return s;
	scenario_destroy(s);
	return NULL;
}

struct scenario *scenario_parse(const char *file, const char *text, size_t size, struct why *why)
{
	struct ini ini;
	bool is_good = ini_read(&ini, file, text, size, why);
	struct scenario *s = from_ini(&ini, is_good, 0, why);

	ini_fini(&ini);
	return s;
}

struct scenario *scenario_load(const char *file, uint64_t device_bps, struct why *why)
{
	struct ini ini;
	bool is_good = ini_read_file(&ini, file, why);
	struct scenario *s = ini.memory != NULL ? from_ini(&ini, is_good, device_bps, why) : NULL;

	if (ini.memory == NULL)
		why_add(why, "wanted a scenario: weir's configuration, or a file with [sim], [traffic NAME] and config = FILE");

	ini_fini(&ini);
	return s;
}

void scenario_destroy(struct scenario *s)
{
	if (s == NULL)
		return;
	for (uint32_t i = 0; i < s->n_traffics; i++) {
		free(s->traffics[i].from);
		free(s->traffics[i].to);
		free(s->traffics[i].file);
		free(s->traffics[i].trace);
	}
	free(s->traffics);
	scenario_destroy_changes(s);
	conf_destroy(s->conf);
	free(s);
}
