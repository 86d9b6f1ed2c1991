/* SPDX-License-Identifier: BSD-3-Clause */
/* [change NAME]: terms that change while it plays, judged before it plays as weir judges them when it runs: each against
 * what those before it made of the config. */
#include <stdlib.h>
#include <string.h>

#include "clk.h"
#include "scenario_impl.h"

#define LONGEST_NS (24 * 3600 * NS_PER_S)

/* One of vf = and tenant =. */
static bool read_whom(struct conf_reading *r, const struct ini_section *section, struct conf_change *change)
{
	const struct ini_entry *vf = conf_entry(section, "vf"), *tenant = conf_entry(section, "tenant");
	const struct ini_entry *who = vf != NULL ? vf : tenant;

	if ((vf != NULL) == (tenant != NULL)) {
		conf_say(r, section->line, "[change %s]: wanted one of vf = and tenant = (a name)", section->name);
		return false;
	}
	change->is_tenant = vf == NULL;
	if (strlen(who->value) >= sizeof(change->name)) {
		conf_say(r, who->line, "%s = %.60s: wanted one of the config", who->key, who->value);
		return false;
	}
	strcpy(change->name, who->value);
	return true;
}

static bool read_terms(struct conf_reading *r, const struct ini_section *section, struct conf_change *change)
{
	size_t n = 0;

	for (size_t i = 0; i < section->n_entries; i++) {
		const struct ini_entry *e = &section->entries[i];
		if (strcmp(e->key, "at") == 0 || strcmp(e->key, "vf") == 0 || strcmp(e->key, "tenant") == 0)
			continue;
		int more = snprintf(change->text + n, sizeof(change->text) - n, "%s%s=%s", n > 0 ? ";" : "", e->key, e->value);
		if (more < 0 || (size_t)more >= sizeof(change->text) - n) {
			conf_say(r, e->line, "%.60s: the change is too long: wanted at most %d characters", e->key,
				CONF_CHANGE_CHARS - 1);
			return false;
		}
		n += (size_t)more;
	}
	if (n == 0)
		conf_say(r, section->line, "[change %s]: wanted terms such as tx.max_bps = 100M", section->name);
	return n > 0;
}

static bool read_change(struct conf_reading *r, const struct ini_section *section, struct scenario_change *c)
{
	static const struct conf_field at = {"at", conf_read_time, 0, sizeof(c->at_ns), 0, LONGEST_NS, "a time such as 50ms"};
	const struct ini_entry *when = conf_entry(section, "at");

	*c = (struct scenario_change){.line = section->line};
	if (!conf_has_good_name(r, section))
		return false;
	if (when == NULL || !at.read(&at, when->value, &c->at_ns)) {
		conf_say(r, when != NULL ? when->line : section->line, "[change %s]: wanted at = %s", section->name, at.wanted);
		return false;
	}
	return read_whom(r, section, &c->change) && read_terms(r, section, &c->change);
}

/* By time; at one time, as they stand in the file. */
static int compare(const void *a, const void *b)
{
	const struct scenario_change *x = a, *y = b;

	return x->at_ns != y->at_ns ? (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns) : (x->line > y->line) - (x->line < y->line);
}

static void judge(struct scenario_reading *reading)
{
	struct scenario *s = reading->s;
	const struct conf *running = s->conf;
	struct why *why = malloc(sizeof(*why));	/* big */

	for (uint32_t i = 0; why != NULL && i < s->n_changes; i++) {
		struct scenario_change *c = &s->changes[i];
		why_init(why);
		c->conf = conf_changed(running, &c->change, why);
		if (c->conf != NULL && conf_admit(c->conf, s->uplink_bps, c->conf->ports[c->conf->pf].basis, why)) {
			running = c->conf;
			continue;
		}
		for (int k = 0; k < why->n; k++)
			conf_say(&reading->r, c->line, "[change] of %s: %s", c->change.name, why->text[k]);
		reading->r.ok = false;
	}
	if (why == NULL)
		conf_say(&reading->r, 0, "out of memory");
	free(why);
}

void scenario_read_changes(struct scenario_reading *reading)
{
	struct scenario *s = reading->s;
	struct conf_reading *r = &reading->r;
	bool is_good = s->conf != NULL && r->ok;

	for (size_t i = 0; i < r->ini->n_sections; i++) {
		const struct ini_section *section = &r->ini->sections[i];
		if (strcmp(section->kind, "change") != 0 || section->first_line != 0)
			continue;
		struct scenario_change *bigger = realloc(s->changes, (s->n_changes + 1) * sizeof(*bigger));
		if (bigger == NULL) {
			conf_say(r, section->line, "out of memory");
			return;
		}
		s->changes = bigger;
		is_good &= read_change(r, section, &s->changes[s->n_changes]);
		s->n_changes++;
	}
	if (s->n_changes > 0)
		qsort(s->changes, s->n_changes, sizeof(*s->changes), compare);
	if (is_good)
		judge(reading);
}

void scenario_destroy_changes(struct scenario *s)
{
	for (uint32_t i = 0; i < s->n_changes; i++)
		conf_destroy(s->changes[i].conf);
	free(s->changes);
}

const struct conf *scenario_conf_at(const struct scenario *s, uint64_t at_ns, uint64_t *until_ns)
{
	const struct conf *conf = s->conf;

	*until_ns = UINT64_MAX;
	for (uint32_t i = 0; i < s->n_changes; i++) {
		if (s->changes[i].at_ns > at_ns) {
			*until_ns = s->changes[i].at_ns;
			break;
		}
		conf = s->changes[i].conf;
	}
	return conf;
}
