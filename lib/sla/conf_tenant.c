/* SPDX-License-Identifier: BSD-3-Clause */
/* [tenant NAME]: groups of VFs with terms of their own; who is in whom. */
#include <stdlib.h>
#include <string.h>

#include "conf_fields.h"
#include "units.h"

static const struct conf_field tenant_fields[] = {
	{"parent", conf_read_later, AT(struct conf_tenant, parent), 0, 0, "the name of a [tenant]"},
};

static const struct conf_terms_kind tenant_kind = {"tenant", tenant_fields, LENGTH(tenant_fields), false};

/* What a tenant cannot be held to must not be sold. */
static bool is_unenforced(struct conf_reading *r, const struct ini_entry *e)
{
	if (strncmp(e->key, "rx.", 3) == 0)
		conf_say(r, e->line,
			"%.60s in [tenant]: nothing enforces what all VFs of a tenant receive together yet: wanted "
			"tx.*, or rx.* in their [vf] sections",
			e->key);
	else if (strcmp(e->key, "tx.urgent_bps") == 0 || strcmp(e->key, "tx.urgent_pps") == 0)
		conf_say(r, e->line,
			"%s in [tenant]: urgent packets go first by what their VF was sold: wanted it in the [vf] "
			"sections",
			e->key);
	else if (strcmp(e->key, "tx.peak_bps") == 0 || strcmp(e->key, "tx.credit") == 0)
		conf_say(r, e->line, "%s in [tenant]: credits are a VF's own: wanted it in the [vf] sections", e->key);
	else
		return false;
	return true;
}

static void read_term(struct conf_reading *r, const struct ini_entry *e, struct conf_tenant *tenant)
{
	bool is_term = strncmp(e->key, "tx.", 3) == 0;

	if (!is_unenforced(r, e) && (!is_term || !conf_read_term(r, e, &tenant->tx)))
		conf_say_unknown_term(r, e, &tenant_kind);
}

static void read_tenant_entry(struct conf_reading *r, const struct ini_entry *e, struct conf_tenant *tenant)
{
	const struct conf_field *field = conf_find_field(tenant_fields, LENGTH(tenant_fields), e->key);

	if (field != NULL)
		conf_read_field(r, field, e, tenant);
	else
		read_term(r, e, tenant);
}

void conf_read_tenant_term(struct conf_reading *r, const struct ini_entry *e, struct conf_tenant *tenant)
{
	if (conf_find_field(tenant_fields, LENGTH(tenant_fields), e->key) != NULL)
		conf_say(r, e->line, "%s cannot change while weir runs: wanted a term, tx.*", e->key);
	else
		read_term(r, e, tenant);
}

/* Room for all there can be, at the first. */
static bool has_room(struct conf_reading *r, const struct ini_section *s)
{
	struct conf *conf = r->conf;
	size_t n = 0;

	if (conf->n_tenants == CONF_MAX_TENANTS) {
		conf_say(r, s->line, "[tenant %s]: wanted at most %d tenants", s->name, CONF_MAX_TENANTS);
		return false;
	}
	if (conf->tenants != NULL)
		return true;
	for (size_t i = 0; i < r->ini->n_sections; i++)
		n += strcmp(r->ini->sections[i].kind, "tenant") == 0;
	conf->tenants = calloc(n, sizeof(*conf->tenants));
	r->tenant_section = calloc(n, sizeof(*r->tenant_section));
	if (conf->tenants != NULL && r->tenant_section != NULL)
		return true;
	conf_say(r, s->line, "out of memory");
	return false;
}

void conf_read_tenant(struct conf_reading *r, const struct ini_section *s)
{
	struct conf_tenant tenant = {.parent = CONF_NO_TENANT, .line = s->line};
	struct conf *conf = r->conf;

	for (size_t i = 0; i < s->n_entries; i++)
		read_tenant_entry(r, &s->entries[i], &tenant);
	if (!conf_has_good_name(r, s) || s->first_line != 0 || !has_room(r, s))
		return;
	snprintf(tenant.name, sizeof(tenant.name), "%s", s->name);
	r->tenant_section[conf->n_tenants] = s;
	conf->tenants[conf->n_tenants++] = tenant;
}

/* ---- Names ---- */

static int compare_names(const void *a, const void *b)
{
	const struct conf_tenant *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static const struct conf_tenant **sort_by_name(const struct conf *conf)
{
	const struct conf_tenant **sorted = malloc((conf->n_tenants + 1) * sizeof(struct conf_tenant *));

	if (sorted == NULL)
		return NULL;
	for (uint32_t i = 0; i < conf->n_tenants; i++)
		sorted[i] = &conf->tenants[i];
	qsort(sorted, conf->n_tenants, sizeof(*sorted), compare_names);
	return sorted;
}

/* "gold, bronze": cut where there are many. */
static const char *tenant_names(const struct conf *conf, char *buf, size_t size)
{
	size_t used = 0;

	if (conf->n_tenants == 0)
		return "a [tenant NAME]";
	for (uint32_t i = 0; i < conf->n_tenants && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s", i > 0 ? ", " : "",
			conf->tenants[i].name);
	if (used >= size)
		memcpy(buf + size - 4, "...", 4);
	return buf;
}

/* What 'key' of a section names; CONF_NO_TENANT where it names none, or one that is not there. */
static uint32_t named_tenant(struct conf_reading *r, const struct ini_section *s, const char *key,
	const struct conf_tenant **sorted)
{
	const struct ini_entry *e = conf_entry(s, key);
	struct conf_tenant wanted = {0}, *wanted_at = &wanted;
	const struct conf_tenant **found = NULL;
	char names[200];

	if (e == NULL || *e->value == '\0') /* reported when it was read */
		return CONF_NO_TENANT;
	if (strlen(e->value) < CONF_NAME_CHARS) {
		memcpy(wanted.name, e->value, strlen(e->value));
		found = bsearch(&wanted_at, sorted, r->conf->n_tenants, sizeof(*sorted), compare_names);
	}
	if (found != NULL)
		return (uint32_t)(*found - r->conf->tenants);
	conf_say(r, e->line, "%s = %.60s: there is no such [tenant]: wanted %s", key, e->value,
		tenant_names(r->conf, names, sizeof(names)));
	return CONF_NO_TENANT;
}

/* ---- Who is in whom ---- */

/* "a < b < c < a", of a loop; or, of a chain, up to the one without a parent. */
static void path_text(const struct conf *conf, uint32_t from, char *buf, size_t size)
{
	size_t used = (size_t)snprintf(buf, size, "%s", conf->tenants[from].name);

	for (uint32_t i = conf->tenants[from].parent; i != CONF_NO_TENANT && used < size;
		i = i == from ? CONF_NO_TENANT : conf->tenants[i].parent)
		used += (size_t)snprintf(buf + used, size - used, " < %s", conf->tenants[i].name);
	if (used >= size)
		memcpy(buf + size - 4, "...", 4);
}

static void cut_loop(struct conf_reading *r, uint32_t first)
{
	struct conf_tenant *tenants = r->conf->tenants;
	char path[300];

	path_text(r->conf, first, path, sizeof(path));
	conf_say(r, conf_line(r->tenant_section[first], "parent"),
		"[tenant %s] is its own parent: %s: wanted parents that end at one without",
		tenants[first].name, path);
	for (uint32_t i = first, next; i != CONF_NO_TENANT; i = next) {
		next = tenants[i].parent;
		tenants[i].parent = CONF_NO_TENANT;
	}
}

/* Each is walked upwards until one that was walked before; if that was in this walk, it is a loop. */
static void find_loops(struct conf_reading *r)
{
	const struct conf *conf = r->conf;
	uint32_t *walk = calloc(conf->n_tenants, sizeof(*walk)); /* 0 = not yet */

	if (walk == NULL) {
		conf_say(r, 0, "out of memory");
		return;
	}
	for (uint32_t first = 0; first < conf->n_tenants; first++) {
		uint32_t i = first;

		for (; i != CONF_NO_TENANT && walk[i] == 0; i = conf->tenants[i].parent)
			walk[i] = first + 1;
		if (i != CONF_NO_TENANT && walk[i] == first + 1)
			cut_loop(r, i);
	}
	free(walk);
}

/* The first of a chain that is too deep is told of; its members are so because of it. */
static void find_depth(struct conf_reading *r, uint32_t tenant)
{
	struct conf *conf = r->conf;
	uint32_t depth = 0;
	char path[300];

	for (uint32_t i = tenant; i != CONF_NO_TENANT && depth <= CONF_MAX_DEPTH + 1; i = conf->tenants[i].parent)
		depth++;
	conf->tenants[tenant].depth = (uint8_t)depth;
	if (depth != CONF_MAX_DEPTH + 1)
		return;
	path_text(conf, tenant, path, sizeof(path));
	conf_say(r, conf_line(r->tenant_section[tenant], "parent"),
		"[tenant %s] is %u deep: %s: wanted at most %d tenants, one in the other",
		conf->tenants[tenant].name, depth, path, CONF_MAX_DEPTH);
}

void conf_count_in_tenants(struct conf *conf, uint32_t tenant, int n)
{
	struct conf_tenant *tenants = conf->tenants;

	if (tenant == CONF_NO_TENANT)
		return;
	tenants[tenant].n_vfs += (uint32_t)n;
	for (uint32_t i = tenant; i != CONF_NO_TENANT; i = tenants[i].parent)
		tenants[i].n_all_vfs += (uint32_t)n;
}

static void join_tenant(struct conf_reading *r, uint32_t vf, const struct conf_tenant **sorted)
{
	struct conf *conf = r->conf;
	char names[200];

	conf->vfs[vf].tenant = named_tenant(r, r->vf_section[vf], "tenant", sorted);
	conf_count_in_tenants(conf, conf->vfs[vf].tenant, 1);
	if (conf->require_tenant && conf_entry(r->vf_section[vf], "tenant") == NULL)
		conf_say(r, conf->vfs[vf].line,
			"[vf %s] is in no tenant, and [switch] says require_tenant = yes: wanted tenant = "
			"%s",
			conf->vfs[vf].name,
			conf->n_tenants > 0 ? tenant_names(conf, names, sizeof(names)) : "NAME, and a [tenant NAME]");
}

void conf_join_tenant(struct conf_reading *r, uint32_t vf)
{
	const struct conf_tenant **sorted = sort_by_name(r->conf);

	if (sorted == NULL)
		conf_say(r, 0, "out of memory");
	else
		join_tenant(r, vf, sorted);
	free(sorted);
}

static void check_tenant(struct conf_reading *r, uint32_t i)
{
	conf_check_sla(r, r->tenant_section[i], "tx", &r->conf->tenants[i].tx);
}

void conf_check_tenants(struct conf_reading *r)
{
	struct conf *conf = r->conf;
	const struct conf_tenant **sorted = sort_by_name(conf);

	if (sorted == NULL) {
		conf_say(r, 0, "out of memory");
		return;
	}
	for (uint32_t i = 0; i < conf->n_tenants; i++)
		conf->tenants[i].parent = named_tenant(r, r->tenant_section[i], "parent", sorted);
	find_loops(r);
	for (uint32_t i = 0; i < conf->n_tenants; i++) {
		find_depth(r, i);
		if (conf->tenants[i].parent != CONF_NO_TENANT)
			conf->tenants[conf->tenants[i].parent].n_tenants++;
	}
	for (uint32_t i = 0; i < conf->n_vfs; i++)
		join_tenant(r, i, sorted);
	for (uint32_t i = 0; i < conf->n_tenants; i++)
		check_tenant(r, i);
	free(sorted);
}

void conf_check_tenant_sums(struct conf_reading *r)
{
	const struct conf *conf = r->conf;

	for (uint32_t i = 0; i < conf->n_tenants && !conf->allow_overcommit; i++) {
		const struct conf_tenant *t = &conf->tenants[i];
		uint64_t max_bps = conf_l2_bps(conf, &t->tx, t->tx.max_bps);
		char bps[UNITS_TEXT], pps[UNITS_TEXT], limit_bps[UNITS_TEXT] = "none", limit_pps[UNITS_TEXT] = "none";

		if ((max_bps == 0 || t->members_bps <= max_bps) &&
			(t->tx.max_pps == 0 || t->members_pps <= t->tx.max_pps))
			continue;
		if (max_bps > 0)
			units_count_text(limit_bps, max_bps);
		if (t->tx.max_pps > 0)
			units_count_text(limit_pps, t->tx.max_pps);
		conf_say(r, t->line,
			"[tenant %s]: guarantees of its members add up to %s bits/s where its limit is %s, "
			"and to %s packets/s where it is %s: wanted both within, or allow_overcommit = yes in [switch]",
			t->name, units_count_text(bps, t->members_bps), limit_bps,
			units_count_text(pps, t->members_pps), limit_pps);
	}
}
