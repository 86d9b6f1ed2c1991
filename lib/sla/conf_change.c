/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes by command: a copy of the config, and terms read into it from "key=value;key=value". */
#include "conf_change.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conf_fields.h"
#include "conf_mark.h"

/* ---- Copies ---- */

static void *copy_of(const void *from, size_t n, size_t bytes)
{
	void *copy = calloc(n + 1, bytes);

	if (copy != NULL && n > 0)
		memcpy(copy, from, n * bytes);
	return copy;
}

static bool copy_trunks(struct conf *conf)
{
	bool is_ok = true;

	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		if (conf->vfs[i].trunk == NULL)
			continue;
		conf->vfs[i].trunk = is_ok ? copy_of(conf->vfs[i].trunk, 64, sizeof(uint64_t)) : NULL;
		is_ok = is_ok && conf->vfs[i].trunk != NULL;
	}
	return is_ok;
}

struct conf *conf_copy(const struct conf *conf)
{
	struct conf *copy = copy_of(conf, 1, sizeof(*conf));

	if (copy == NULL)
		return NULL;
	marks_hold(copy->marks);
	copy->vfs = copy_of(conf->vfs, conf->n_vfs, sizeof(*conf->vfs));
	copy->tenants = copy_of(conf->tenants, conf->n_tenants, sizeof(*conf->tenants));
	copy->maps = calloc(CONF_MAX_MAPS, sizeof(*conf->maps));
	if (copy->maps != NULL)
		memcpy(copy->maps, conf->maps, conf->n_maps * sizeof(*conf->maps));
	if (copy->vfs == NULL)
		copy->n_vfs = 0;
	if (copy->vfs != NULL && copy->tenants != NULL && copy->maps != NULL && copy_trunks(copy))
		return copy;
	conf_destroy(copy);
	return NULL;
}

uint32_t conf_find_vf(const struct conf *conf, const char *name)
{
	for (uint32_t i = 0; *name != '\0' && i < conf->n_vfs; i++)
		if (strcmp(conf->vfs[i].name, name) == 0)
			return i;
	return UINT32_MAX;
}

uint32_t conf_find_tenant(const struct conf *conf, const char *name)
{
	for (uint32_t i = 0; i < conf->n_tenants; i++)
		if (strcmp(conf->tenants[i].name, name) == 0)
			return i;
	return UINT32_MAX;
}

/* ---- "key=value;key=value" ---- */

struct words {
	char text[CONF_CHANGE_CHARS];
	struct ini_entry entries[CONF_CHANGE_KEYS];
	struct ini_section section;
};

static char *trimmed(char *text)
{
	size_t n;

	while (isspace((unsigned char)*text))
		text++;
	for (n = strlen(text); n > 0 && isspace((unsigned char)text[n - 1]); n--)
		text[n - 1] = '\0';
	return text;
}

static void add_word(struct conf_reading *r, struct words *w, char *word)
{
	char *equals = strchr(word, '=');

	if (equals == NULL) {
		conf_say(r, 0, "%.60s has no value: wanted key=value;key=value", word);
		return;
	}
	*equals = '\0';
	struct ini_entry e = {.key = trimmed(word), .value = trimmed(equals + 1)};
	if (*e.key == '\0')
		conf_say(r, 0, "=%.60s has no key: wanted key=value;key=value", e.value);
	else if (conf_entry(&w->section, e.key) != NULL)
		conf_say(r, 0, "%.60s again: wanted once", e.key);
	else if (w->section.n_entries == CONF_CHANGE_KEYS)
		conf_say(r, 0, "%.60s is one too many: wanted at most %d keys", e.key, CONF_CHANGE_KEYS);
	else
		w->entries[w->section.n_entries++] = e;
}

static void split(struct conf_reading *r, struct words *w, const char *text, const char *such_as)
{
	char *at = w->text, *next;

	*w = (struct words){.section = {.kind = "", .name = ""}};
	w->section.entries = w->entries;
	snprintf(w->text, sizeof(w->text), "%s", text);
	for (; at != NULL; at = next) {
		next = strchr(at, ';');
		if (next != NULL)
			*next++ = '\0';
		at = trimmed(at);
		if (*at != '\0')
			add_word(r, w, at);
	}
	if (w->section.n_entries == 0 && r->ok)
		conf_say(r, 0, "nothing to change: wanted key=value;key=value with keys of weir.conf(5) such as %s", such_as);
}

/* ---- The change ---- */

static void say_no_vf(struct conf_reading *r, const char *name)
{
	conf_say(r, 0, "there is no such VF%s: wanted a name that /weir/vfs lists",
		conf_find_tenant(r->conf, name) != UINT32_MAX ? ", but a tenant (weirctl set --tenant, /weir/tenant/set)" : "");
}

static void change_vf(struct conf_reading *r, const struct conf_change *change, const struct words *w)
{
	uint32_t i = conf_find_vf(r->conf, change->name);

	if (i == UINT32_MAX) {
		say_no_vf(r, change->name);
		return;
	}
	struct conf_vf *vf = &r->conf->vfs[i];
	if (change->verb == CONF_DSCP) {
		conf_change_dscp(r, i, &w->section);
		return;
	}
	for (size_t e = 0; e < w->section.n_entries; e++)
		conf_read_vf_term(r, &w->entries[e], vf);
	conf_check_sla(r, &w->section, "tx", &vf->tx);
	conf_check_sla(r, &w->section, "rx", &vf->rx);
	conf_check_remote(r, &w->section);
}

static void change_tenant(struct conf_reading *r, const struct conf_change *change, const struct words *w)
{
	uint32_t i = conf_find_tenant(r->conf, change->name);

	if (i == UINT32_MAX) {
		conf_say(r, 0, "there is no such tenant: wanted a name that /weir/tenants lists");
		return;
	}
	struct conf_tenant *tenant = &r->conf->tenants[i];
	for (size_t e = 0; e < w->section.n_entries; e++)
		conf_read_tenant_term(r, &w->entries[e], tenant);
	conf_check_sla(r, &w->section, "tx", &tenant->tx);
}

static void change_mark(struct conf_reading *r, const struct conf_change *change, const struct words *w)
{
	const struct ini_section s = {
		.kind = "mark", .name = change->name, .entries = w->section.entries, .n_entries = w->section.n_entries};
	bool is_there = marks_find(r->conf->marks, change->name) != UINT32_MAX;

	r->is_whole = true;
	if (change->verb == CONF_MARK_ADD && is_there)
		conf_say(r, 0, "there is such a rule already: wanted another name, or mark del before");
	else if (change->verb == CONF_MARK_DEL && !is_there)
		conf_say(r, 0, "there is no such rule: wanted a name that /weir/mark/list tells");
	else if (r->ok)
		conf_put_mark(r, &s);
}

/* A VF that comes, or goes. */
static void change_place(struct conf_reading *r, const struct conf_change *change, const struct words *w)
{
	const struct ini_section s = {
		.kind = "vf", .name = change->name, .entries = w->section.entries, .n_entries = w->section.n_entries};
	uint32_t i = conf_find_vf(r->conf, change->name);

	r->is_whole = true;
	if (change->verb == CONF_VF_ADD && i != UINT32_MAX)
		conf_say(r, 0, "there is such a VF already: wanted another name, or that one deleted before");
	else if (change->verb == CONF_VF_ADD)
		conf_add_vf(r, &s);
	else if (i == UINT32_MAX)
		say_no_vf(r, change->name);
	else
		conf_del_vf(r, i);
}

/* What is left of a config whose terms are new: NULL where it may not be. */
static struct conf *finished(struct conf_reading *r)
{
	conf_complete(r->conf);
	conf_check_tenant_sums(r);
	if (r->ok)
		return r->conf;
	conf_destroy(r->conf);
	return NULL;
}

struct conf *conf_changed(const struct conf *running, const struct conf_change *change, struct why *why)
{
	static const char *const such_as[] = {
		[CONF_SET] = "tx.max_bps",
		[CONF_DSCP] = "EF or AF41",
		[CONF_MARK_ADD] = "dst_port",
		[CONF_VF_ADD] = "port",
	};
	char command[CONF_NAME_CHARS + 16];
	struct conf_reading r = {.conf = conf_copy(running), .why = why, .ok = true, .command = command};
	struct words words;

	bool is_mark = change->verb == CONF_MARK_ADD || change->verb == CONF_MARK_DEL;
	bool is_place = change->verb == CONF_VF_ADD || change->verb == CONF_VF_DEL;
	const char *kind = is_mark ? "mark" : change->is_tenant ? "tenant" : "vf";

	snprintf(command, sizeof(command), "%s %s", kind, change->name);
	if (r.conf == NULL) {
		why_add(why, "%s: out of memory", command);
		return NULL;
	}
	if (change->verb == CONF_MARK_DEL || change->verb == CONF_VF_DEL)
		words = (struct words){0};
	else
		split(&r, &words, change->text, such_as[change->verb]);
	if (is_mark)
		change_mark(&r, change, &words);
	else if (is_place)
		change_place(&r, change, &words);
	else if (change->is_tenant)
		change_tenant(&r, change, &words);
	else
		change_vf(&r, change, &words);
	return finished(&r);
}

/* VFs that 'wanted' does not have go, and those come that only it has. */
static bool take_vfs(struct conf_reading *r, const struct conf *wanted)
{
	struct conf *conf = r->conf;
	struct conf_names old, new;
	bool is_ok = conf_names_init(&old, conf->vfs, conf->n_vfs, sizeof(struct conf_vf));

	is_ok &= conf_names_init(&new, wanted->vfs, wanted->n_vfs, sizeof(struct conf_vf));
	bool *is_new = calloc(wanted->n_vfs + 1u, sizeof(*is_new));
	is_ok = is_ok && is_new != NULL;
	for (uint32_t i = 0; is_ok && i < wanted->n_vfs; i++)
		is_new[i] = conf_names_find(&old, wanted->vfs[i].name) == UINT32_MAX;
	for (uint32_t i = 0; is_ok && i < conf->n_vfs; i++)
		if (conf_is_there(&conf->vfs[i]) && conf_names_find(&new, conf->vfs[i].name) == UINT32_MAX)
			conf_del_vf(r, i);
	for (uint32_t i = 0; is_ok && i < wanted->n_vfs; i++)
		if (is_new[i] && conf_is_there(&wanted->vfs[i]))
			conf_copy_vf(r, wanted, &wanted->vfs[i]);
	conf_names_fini(&old);
	conf_names_fini(&new);
	free(is_new);
	return is_ok;
}

struct conf *conf_with_terms(const struct conf *running, const struct conf *wanted, struct why *why)
{
	struct conf_reading r = {.conf = conf_copy(running), .why = why, .ok = true, .command = "reload"};
	struct conf_names vfs = {0}, tenants = {0};

	if (r.conf == NULL || !take_vfs(&r, wanted) || !conf_names_init(&vfs, r.conf->vfs, r.conf->n_vfs, sizeof(struct conf_vf)) ||
		!conf_names_init(&tenants, r.conf->tenants, r.conf->n_tenants, sizeof(struct conf_tenant))) {
		why_add(why, "reload: out of memory");
		conf_names_fini(&vfs);
		conf_destroy(r.conf);
		return NULL;
	}
	for (uint32_t i = 0; i < wanted->n_vfs; i++) {
		uint32_t to = conf_names_find(&vfs, wanted->vfs[i].name);
		if (to != UINT32_MAX && r.ok)
			conf_take_vf(&r, &r.conf->vfs[to], wanted, &wanted->vfs[i]);
	}
	for (uint32_t i = 0; i < wanted->n_tenants; i++) {
		uint32_t to = conf_names_find(&tenants, wanted->tenants[i].name);
		if (to != UINT32_MAX)
			r.conf->tenants[to].tx = wanted->tenants[i].tx;
	}
	conf_take_maps(&r, wanted, &vfs);
	conf_take_marks(&r, wanted);
	conf_names_fini(&vfs);
	conf_names_fini(&tenants);
	return finished(&r);
}
