/* SPDX-License-Identifier: BSD-3-Clause */
/* [dscp NAME]: an operator's own map from code points to classes. */
#include <string.h>

#include "conf_change.h"
#include "conf_fields.h"

/* "high" or "high low": class, then drop precedence. */
static bool parse_class(const char *value, uint8_t *tclass, int *drop_prec)
{
	static const char *const precs[N_DROP_PRECS] = {"low", "medium", "high"};
	size_t n = strcspn(value, " \t");
	const char *prec = value + n + strspn(value + n, " \t");
	int c = 0;

	while (c < N_TCLASSES && (strlen(tclass_name(c)) != n || strncmp(value, tclass_name(c), n) != 0))
		c++;
	*tclass = (uint8_t)c;
	*drop_prec = -1;
	for (int i = 0; i < N_DROP_PRECS; i++)
		if (strcmp(prec, precs[i]) == 0)
			*drop_prec = i;
	return c < N_TCLASSES && (*prec == '\0' || *drop_prec >= 0);
}

/* Reads one line of a map; sets the code points of 'mask'.  A precedence not given stays RFC 2597's. */
static void read_dscp_entry(
	struct conf_reading *r, const struct ini_entry *e, uint64_t mask, struct dscp_map *map)
{
	uint8_t tclass;
	int drop_prec;

	if (!parse_class(e->value, &tclass, &drop_prec)) {
		conf_say(r, e->line,
			"%.60s = %.60s: wanted a class (urgent, high, medium or low) and perhaps a drop "
			"precedence (low, medium or high)%s",
			e->key, e->value, strcmp(e->key, "default") == 0 ? ", or standard" : "");
		return;
	}
	for (int dscp = 0; dscp < CONF_N_DSCP; dscp++) {
		if ((mask >> dscp & 1) == 0)
			continue;
		map->tclass[dscp] = tclass;
		if (drop_prec >= 0)
			map->drop_prec[dscp] = (uint8_t)drop_prec;
	}
}

/* "DF, LE, dscp2 and 59 more" */
static void unnamed_text(uint64_t named, char *buf, size_t size)
{
	int n = 0, most = 3;
	size_t used = 0;

	for (int dscp = 0; dscp < CONF_N_DSCP; dscp++)
		if ((named >> dscp & 1) == 0 && n++ < most)
			used += (size_t)snprintf(
				buf + used, size - used, "%s%s", used > 0 ? ", " : "", dscp_name(dscp));
	if (n > most)
		snprintf(buf + used, size - used, " and %d more", n - most);
}

/* What is not named goes by "default"; and a map without one must have named all 64, or be the standard one changed. */
static void read_rest(struct conf_reading *r, const struct ini_section *s, uint64_t named, struct dscp_map *map)
{
	const struct ini_entry *rest = conf_entry(s, "default");
	char unnamed[100];

	if (rest != NULL && strcmp(rest->value, "standard") != 0) {
		read_dscp_entry(r, rest, ~named, map);
	} else if (rest == NULL && ~named != 0 && strcmp(s->name, "default") != 0) {
		unnamed_text(named, unnamed, sizeof(unnamed));
		conf_say(r, s->line,
			"[dscp %.60s] has no class for %s: wanted default = CLASS, or default = standard", s->name,
			unnamed);
	}
}

/* All but "default" and, in a command, "map".  Returns which code points were named. */
static uint64_t read_dscp_entries(struct conf_reading *r, const struct ini_section *s, struct dscp_map *map)
{
	int first_line[CONF_N_DSCP] = {0};
	uint64_t named = 0;

	for (size_t i = 0; i < s->n_entries; i++) {
		const struct ini_entry *e = &s->entries[i];
		int dscp = dscp_parse(e->key);

		if (strcmp(e->key, "default") == 0 || (r->command != NULL && strcmp(e->key, "map") == 0))
			continue;
		if (dscp < 0) {
			conf_say(r, e->line,
				"%.60s: wanted a code point such as EF, AF41, CS1, LE, VA, 0 to 63, or "
				"default",
				e->key);
		} else if (first_line[dscp] != 0) {
			conf_say(r, e->line,
				"%s is code point %d again: the first is at line %d, wanted once", e->key,
				dscp, first_line[dscp]);
		} else if ((named >> dscp & 1) != 0) {	/* of a command, which has no lines */
			conf_say(r, e->line, "%s is code point %d again: wanted once", e->key, dscp);
		} else {
			first_line[dscp] = e->line;
			named |= UINT64_C(1) << dscp;
			read_dscp_entry(r, e, UINT64_C(1) << dscp, map);
		}
	}
	return named;
}

void conf_read_dscp_over(struct conf_reading *r, const struct ini_section *s, struct dscp_map *map)
{
	const struct ini_entry *rest = conf_entry(s, "default");
	bool is_standard = rest != NULL && strcmp(rest->value, "standard") == 0;
	struct dscp_map standard;

	if (is_standard) {
		dscp_map_default(&standard);
		memcpy(map->tclass, standard.tclass, sizeof(map->tclass));
		memcpy(map->drop_prec, standard.drop_prec, sizeof(map->drop_prec));
	}
	uint64_t named = read_dscp_entries(r, s, map);
	if (rest != NULL && !is_standard)
		read_dscp_entry(r, rest, ~named, map);
}

/* [dscp default] changes the map of those who name none; one that is there already (a state file) takes its place. */
void conf_read_dscp(struct conf_reading *r, const struct ini_section *s)
{
	struct conf *conf = r->conf;
	struct dscp_map map;

	dscp_map_default(&map);
	map.line = s->line;
	read_rest(r, s, read_dscp_entries(r, s, &map), &map);
	if (!conf_has_good_name(r, s) || s->first_line != 0)
		return;
	snprintf(map.name, sizeof(map.name), "%s", s->name);
	uint16_t i = conf_find_map(conf, s->name);
	if (i == UINT16_MAX)
		i = conf_free_map(conf);
	if (i != UINT16_MAX)
		conf->maps[i] = map;
	else
		conf_say(r, s->line, "[dscp %s]: wanted at most %d maps", s->name, CONF_MAX_MAPS - 1);
}
