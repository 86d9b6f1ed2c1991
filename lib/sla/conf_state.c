/* SPDX-License-Identifier: BSD-3-Clause */
/* Terms that were changed at run time, over those of the config: the state file.  It has the terms of a VF or tenant as a
 * whole: what it does not name there is not set, whatever the config says.  dscp_map, remote and echo it names where they
 * are others than there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf_change.h"
#include "conf_fields.h"
#include "conf_mark.h"

struct state_reading {
	struct conf_reading r;
	const char *file;
	struct why *notes;
	struct conf_names vfs, tenants;
};

static void note_changes(struct state_reading *s, int line, const char *kind, const char *name, const char *dir,
	const struct sla *from, const struct sla *to)
{
	char changes[WHY_MAX_CHARS];

	if (conf_terms_changes(dir, from, to, changes, sizeof(changes))[0] != '\0')
		why_add_at(s->notes, s->file, line, "[%s %s] as changed at run time: %s", kind, name, changes);
}

/* "deleted = yes", and nothing else. */
static bool is_deleted(struct state_reading *s, const struct ini_section *section)
{
	const struct ini_entry *e = conf_entry(section, "deleted");

	if (e == NULL)
		return false;
	if (section->n_entries == 1 && strcmp(e->value, "yes") == 0)
		return true;
	conf_say(&s->r, e->line, "deleted = %.60s: wanted yes, and no other key in [%s %.60s]", e->value, section->kind,
		section->name);
	return false;
}

/* The VFs that the file says more of than their terms use none of these maps any more. */
static void leave_gone_maps(struct state_reading *s, const struct ini *ini, const bool gone[CONF_MAX_MAPS])
{
	struct conf *conf = s->r.conf;
	struct conf_names vfs;

	if (!conf_names_init(&vfs, conf->vfs, conf->n_vfs, sizeof(*conf->vfs))) {
		conf_say(&s->r, 0, "out of memory");
		return;
	}
	for (size_t i = 0; i < ini->n_sections; i++) {
		const struct ini_section *section = &ini->sections[i];
		uint32_t vf = strcmp(section->kind, "vf") == 0 ? conf_names_find(&vfs, section->name) : UINT32_MAX;
		if (vf != UINT32_MAX && gone[conf->vfs[vf].dscp_map] &&
			(conf_entry(section, "dscp_map") != NULL || conf_entry(section, "deleted") != NULL))
			conf->vfs[vf].dscp_map = 0;
	}
	conf_names_fini(&vfs);
}

/* [dscp NAME] with deleted: it went at run time.  Before all else, so that there is room for those that came. */
static void lay_over_gone_maps(struct state_reading *s, const struct ini *ini)
{
	struct conf *conf = s->r.conf;
	bool gone[CONF_MAX_MAPS] = {false};

	for (size_t i = 0; i < ini->n_sections; i++) {
		const struct ini_section *section = &ini->sections[i];
		uint16_t map = strcmp(section->kind, "dscp") == 0 && section->first_line == 0 && is_deleted(s, section) ?
			conf_find_map(conf, section->name) : UINT16_MAX;
		if (map != UINT16_MAX && map != 0)
			gone[map] = true;
	}
	leave_gone_maps(s, ini, gone);
	for (uint16_t i = 1; i < conf->n_maps; i++) {
		bool is_used = gone[i] && conf_map_users(conf, i) > 0;
		if (!gone[i])
			continue;
		why_add_at(s->notes, s->file, 0, is_used ? "[dscp %s], deleted at run time, stays: a VF of the config uses it"
			: "[dscp %s] is deleted, as at run time", conf->maps[i].name);
		if (!is_used)
			conf_give_back_map(conf, i);
	}
}

/* Before VFs, which name them.  What was made at run time is so still: no line. */
static void lay_over_map(struct state_reading *s, const struct ini_section *section)
{
	struct conf *conf = s->r.conf;
	uint16_t i = conf_find_map(conf, section->name);
	struct dscp_map before = {.line = 0};
	char changes[WHY_MAX_CHARS];

	if (conf_entry(section, "deleted") != NULL)
		return;
	if (i != UINT16_MAX)
		before = conf->maps[i];
	conf_read_dscp(&s->r, section);
	uint16_t now = conf_find_map(conf, section->name);
	if (now == UINT16_MAX)
		return;		/* reported */
	conf->maps[now].line = before.line;
	if (conf_map_changes(i != UINT16_MAX ? &before : NULL, &conf->maps[now], changes, sizeof(changes))[0] != '\0')
		why_add_at(s->notes, s->file, section->line, "[dscp %s] as changed at run time: %s", section->name, changes);
}

/* false: it is no choice of a map. */
static bool lay_over_choice(struct state_reading *s, const struct ini_entry *e, struct conf_vf *vf)
{
	uint16_t map;

	if (strcmp(e->key, "dscp_map") != 0)
		return false;
	map = *e->value != '\0' ? conf_find_map(s->r.conf, e->value) : UINT16_MAX;
	if (map == UINT16_MAX) {
		conf_say(&s->r, e->line, "dscp_map = %.60s: there is no such map: wanted the name of a [dscp NAME]", e->value);
		return true;
	}
	if (map != vf->dscp_map)
		why_add_at(s->notes, s->file, e->line, "[vf %s] as changed at run time: dscp_map %s -> %s", vf->name,
			s->r.conf->maps[vf->dscp_map].name, s->r.conf->maps[map].name);
	vf->dscp_map = map;
	return true;
}

/* [vf NAME] with deleted: it went at run time.  The first of three passes, so that its place is free for the next. */
static void lay_over_deleted(struct state_reading *s, const struct ini_section *section)
{
	uint32_t i;

	if (!is_deleted(s, section))
		return;
	i = conf_find_vf(s->r.conf, section->name);
	if (i != UINT32_MAX)
		conf_del_vf(&s->r, i);
	why_add_at(s->notes, s->file, section->line, i != UINT32_MAX ? "[vf %.60s] is deleted, as at run time"
		: "[vf %.60s], deleted at run time, is left out: the config has no such VF", section->name);
}

/* [vf NAME] with a port: as it came at run time, as a whole; whatever the config says of that name. */
static void lay_over_added(struct state_reading *s, const struct ini_section *section)
{
	uint32_t i;

	if (conf_entry(section, "port") == NULL)
		return;
	i = conf_find_vf(s->r.conf, section->name);
	if (i != UINT32_MAX)
		conf_del_vf(&s->r, i);
	conf_add_vf(&s->r, section);
	why_add_at(s->notes, s->file, section->line, i != UINT32_MAX ? "[vf %.60s] is another than the config's, as at run time"
		: "[vf %.60s] is added, as at run time", section->name);
}

static void lay_over_vf(struct state_reading *s, const struct ini_section *section)
{
	uint32_t i = conf_names_find(&s->vfs, section->name);
	char changes[WHY_MAX_CHARS];

	if (conf_entry(section, "deleted") != NULL || conf_entry(section, "port") != NULL)
		return;

	if (i == UINT32_MAX) {
		why_add_at(s->notes, s->file, section->line, "[vf %.60s] is left out: the config has no such VF",
			section->name);
		return;
	}
	struct conf_vf *vf = &s->r.conf->vfs[i], before = *vf;
	vf->tx = vf->rx = (struct sla){0};
	for (size_t e = 0; e < section->n_entries; e++)
		if (!lay_over_choice(s, &section->entries[e], vf))
			conf_read_vf_term(&s->r, &section->entries[e], vf);
	conf_check_sla(&s->r, section, "tx", &vf->tx);
	conf_check_sla(&s->r, section, "rx", &vf->rx);
	conf_check_remote(&s->r, section);
	if (conf_remote_changes(&before, vf, changes, sizeof(changes))[0] != '\0')
		why_add_at(s->notes, s->file, section->line, "[vf %s] as changed at run time: %s", vf->name, changes);
	note_changes(s, section->line, "vf", vf->name, "tx", &before.tx, &vf->tx);
	note_changes(s, section->line, "vf", vf->name, "rx", &before.rx, &vf->rx);
}

static void lay_over_tenant(struct state_reading *s, const struct ini_section *section)
{
	uint32_t i = conf_names_find(&s->tenants, section->name);

	if (i == UINT32_MAX) {
		why_add_at(s->notes, s->file, section->line, "[tenant %.60s] is left out: the config has no such tenant",
			section->name);
		return;
	}
	struct conf_tenant *tenant = &s->r.conf->tenants[i], before = *tenant;
	tenant->tx = (struct sla){0};
	for (size_t e = 0; e < section->n_entries; e++)
		conf_read_tenant_term(&s->r, &section->entries[e], tenant);
	conf_check_sla(&s->r, section, "tx", &tenant->tx);
	note_changes(s, section->line, "tenant", tenant->name, "tx", &before.tx, &tenant->tx);
}

/* One without a key was taken away at run time. */
static void lay_over_mark(struct state_reading *s, const struct ini_section *section)
{
	const struct ini_entry *vf = conf_entry(section, "vf");

	if (vf != NULL && conf_names_find(&s->vfs, vf->value) == UINT32_MAX) {
		why_add_at(s->notes, s->file, section->line, "[mark %.60s] is left out: the config has no VF %.60s",
			section->name, vf->value);
		return;
	}
	conf_put_mark(&s->r, section);
	why_add_at(s->notes, s->file, section->line, "[mark %.60s] as changed at run time%s", section->name,
		section->n_entries == 0 ? ": taken away" : "");
}

static void lay_over_each(struct state_reading *s, const struct ini *ini, const char *kind,
	void (*lay)(struct state_reading *s, const struct ini_section *section))
{
	for (size_t i = 0; i < ini->n_sections; i++)
		if (strcmp(ini->sections[i].kind, kind) == 0 && ini->sections[i].first_line == 0)
			lay(s, &ini->sections[i]);
}

/* Which VFs there are, and by what names they are found from then on. */
static bool lay_over_places(struct state_reading *s, const struct ini *ini)
{
	const struct conf *conf = s->r.conf;

	lay_over_each(s, ini, "vf", lay_over_deleted);
	lay_over_each(s, ini, "vf", lay_over_added);
	return conf_names_init(&s->vfs, conf->vfs, conf->n_vfs, sizeof(*conf->vfs));
}

static void lay_over(struct state_reading *s, const struct ini *ini)
{
	lay_over_gone_maps(s, ini);
	lay_over_each(s, ini, "dscp", lay_over_map);
	if (!lay_over_places(s, ini)) {
		conf_say(&s->r, 0, "out of memory");
		return;
	}
	for (size_t i = 0; i < ini->n_sections; i++) {
		const struct ini_section *section = &ini->sections[i];

		if (section->first_line != 0)
			continue;	/* reported */
		if (strcmp(section->kind, "vf") == 0)
			lay_over_vf(s, section);
		else if (strcmp(section->kind, "tenant") == 0)
			lay_over_tenant(s, section);
		else if (strcmp(section->kind, "mark") == 0)
			lay_over_mark(s, section);
		else if (strcmp(section->kind, "dscp") != 0)
			conf_say(&s->r, section->line,
				"[%.60s] in a state file: wanted [vf NAME], [tenant NAME], [dscp NAME] or [mark NAME]",
				section->kind);
	}
}

/* Buffers are not reserved yet: the receive queues may be what the new limits want. */
static void complete(struct state_reading *s)
{
	struct conf *conf = s->r.conf;

	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		if (conf_is_there(&conf->vfs[i]) && conf->vfs[i].born == 0)
			conf->vfs[i].receive_room_pkts = 0;
		conf->vfs[i].born = 0;	/* it is there at the start */
	}
	conf->n_born = 0;
	conf_complete(conf);
	conf_check_tenant_sums(&s->r);
	const struct conf_port *pf = &conf->ports[conf->pf];
	if (pf->rate_bps > 0 && !conf_admit(conf, pf->rate_bps, pf->basis_set ? pf->basis : BASIS_L2, s->r.why))
		s->r.ok = false;
}

static struct conf *with_ini(const struct conf *base, const struct ini *ini, bool is_good, struct why *notes,
	struct why *why)
{
	struct state_reading s = {.r = {.conf = conf_copy(base), .ini = ini, .why = why, .ok = is_good},
		.file = ini->file, .notes = notes};
	struct conf *conf = s.r.conf;
	char own_file[sizeof(conf->file)];

	if (conf == NULL || !conf_names_init(&s.tenants, conf->tenants, conf->n_tenants, sizeof(*conf->tenants))) {
		why_add_at(why, ini->file, 0, "out of memory");
		s.r.ok = false;
	} else {
		memcpy(own_file, conf->file, sizeof(own_file));
		snprintf(conf->file, sizeof(conf->file), "%s", ini->file);	/* for messages */
		lay_over(&s, ini);
		memcpy(conf->file, own_file, sizeof(own_file));
		complete(&s);
	}
	conf_names_fini(&s.vfs);
	conf_names_fini(&s.tenants);
	if (s.r.ok)
		return conf;
	why_add_at(why, ini->file, 0, "what was changed at run time does not fit the config: wanted it put right, or the "
		"file removed to begin with the config alone");
	conf_destroy(conf);
	return NULL;
}

struct conf *conf_with_state_text(const struct conf *base, const char *file, const char *text, size_t size,
	struct why *notes, struct why *why)
{
	struct ini ini;
	bool is_good = ini_read(&ini, file, text, size, why);
	struct conf *conf = with_ini(base, &ini, is_good, notes, why);

	ini_fini(&ini);
	return conf;
}

struct conf *conf_with_state(const struct conf *base, const char *file, struct why *notes, struct why *why)
{
	struct ini ini;
	struct stat st;

	if (stat(file, &st) != 0 && errno == ENOENT)
		return conf_with_state_text(base, file, "", 0, notes, why);
	bool is_good = ini_read_file(&ini, file, why);
	struct conf *conf = is_good || ini.memory != NULL ? with_ini(base, &ini, is_good, notes, why) : NULL;
	ini_fini(&ini);
	return conf;
}
