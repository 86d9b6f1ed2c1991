/* SPDX-License-Identifier: BSD-3-Clause */
/* DSCP maps that change while weir runs.  A map keeps its index for as long as it is there: the data path knows it by
 * that, and what a packet in flight looks up must not become somebody else's in between. */
#include <string.h>

#include "conf_change.h"
#include "conf_fields.h"

uint16_t conf_find_map(const struct conf *conf, const char *name)
{
	for (uint16_t i = 0; i < conf->n_maps; i++)
		if (strcmp(conf->maps[i].name, name) == 0)
			return i;
	return UINT16_MAX;
}

uint32_t conf_map_users(const struct conf *conf, uint16_t map)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < conf->n_vfs; i++)
		n += conf_is_there(&conf->vfs[i]) && conf->vfs[i].dscp_map == map;
	return n;
}

bool conf_same_map(const struct dscp_map *a, const struct dscp_map *b)
{
	return memcmp(a->tclass, b->tclass, sizeof(a->tclass)) == 0 &&
	       memcmp(a->drop_prec, b->drop_prec, sizeof(a->drop_prec)) == 0;
}

const char *conf_class_text(const struct dscp_map *map, int dscp, char buf[16])
{
	static const char *const precs[N_DROP_PRECS] = {"low", "medium", "high"};

	snprintf(buf, 16, "%s %s", tclass_name((enum tclass)map->tclass[dscp]), precs[map->drop_prec[dscp]]);
	return buf;
}

const char *conf_map_changes(const struct dscp_map *from, const struct dscp_map *to, char *buf, size_t size)
{
	struct dscp_map standard;
	char before[16], after[16];
	size_t used = 0;

	dscp_map_default(&standard);
	if (from == NULL)
		from = &standard;
	buf[0] = '\0';
	for (int dscp = 0; dscp < CONF_N_DSCP && used < size; dscp++)
		if (from->tclass[dscp] != to->tclass[dscp] || from->drop_prec[dscp] != to->drop_prec[dscp])
			used += (size_t)snprintf(buf + used, size - used, "%s%s %s -> %s", used > 0 ? ", " : "",
				dscp_name(dscp), conf_class_text(from, dscp, before), conf_class_text(to, dscp, after));
	return buf;
}

/* ---- Places ---- */

uint16_t conf_free_map(struct conf *conf)
{
	uint16_t i = 1;

	while (i < conf->n_maps && *conf->maps[i].name != '\0')
		i++;
	if (i == CONF_MAX_MAPS)
		return UINT16_MAX;
	if (i == conf->n_maps)
		conf->n_maps++;
	return i;
}

void conf_give_back_map(struct conf *conf, uint16_t map)
{
	*conf->maps[map].name = '\0';
}

void conf_leave_map(struct conf *conf, uint16_t map)
{
	if (map != 0 && conf->maps[map].line == 0 && conf_map_users(conf, map) == 0)
		conf_give_back_map(conf, map);
}

/* The VF's name, or the nearest to it that no map has. */
static void name_own(const struct conf *conf, const char *vf, char name[CONF_NAME_CHARS])
{
	snprintf(name, CONF_NAME_CHARS, "%s", vf);
	for (unsigned int n = 2; conf_find_map(conf, name) != UINT16_MAX; n++)	/* ends: there are CONF_MAX_MAPS at most */
		snprintf(name, CONF_NAME_CHARS, "%.28s_%u", vf, n % 1000);
}

/* ---- By command ---- */

static void choose(struct conf_reading *r, const struct ini_entry *e, struct conf_vf *vf)
{
	uint16_t map = *e->value != '\0' ? conf_find_map(r->conf, e->value) : UINT16_MAX;

	if (map == UINT16_MAX)
		conf_say(r, e->line, "map = %.60s: there is no such map: wanted the name of a [dscp] that /weir/config/dump shows, "
			"or default", e->value);
	else
		vf->dscp_map = map;
}

/* The VF's map becomes what 'map' says, and nobody else's. */
static void own(struct conf_reading *r, struct conf_vf *vf, const struct dscp_map *map)
{
	struct conf *conf = r->conf;
	uint16_t place = vf->dscp_map;

	if (place == 0 || conf_map_users(conf, place) > 1) {
		char name[CONF_NAME_CHARS];
		name_own(conf, vf->name, name);
		place = conf_free_map(conf);
		if (place == UINT16_MAX) {
			conf_say(r, 0, "it would have a map of its own, and there are %d already: wanted map=NAME, one that "
				"there is", CONF_MAX_MAPS - 1);
			return;
		}
		memcpy(conf->maps[place].name, name, sizeof(name));
		conf->maps[place].line = 0;
	}
	memcpy(conf->maps[place].tclass, map->tclass, sizeof(map->tclass));
	memcpy(conf->maps[place].drop_prec, map->drop_prec, sizeof(map->drop_prec));
	vf->dscp_map = place;
}

void conf_change_dscp(struct conf_reading *r, uint32_t vf, const struct ini_section *s)
{
	struct conf *conf = r->conf;
	struct conf_vf *v = &conf->vfs[vf];
	uint16_t before = v->dscp_map;
	const struct ini_entry *choice = conf_entry(s, "map");

	if (choice != NULL)
		choose(r, choice, v);
	struct dscp_map map = conf->maps[v->dscp_map];
	conf_read_dscp_over(r, s, &map);
	if (r->ok && !conf_same_map(&map, &conf->maps[v->dscp_map]))
		own(r, v, &map);
	if (before != v->dscp_map)
		conf_leave_map(conf, before);
}

/* ---- By a file ---- */

static void take_map(struct conf_reading *r, const struct dscp_map *map)
{
	uint16_t place = conf_find_map(r->conf, map->name);

	if (place == UINT16_MAX)
		place = conf_free_map(r->conf);
	if (place == UINT16_MAX)
		conf_say(r, 0, "[dscp %s] is one too many beside those it takes the place of: wanted at most %d together",
			map->name, CONF_MAX_MAPS - 1);
	else
		r->conf->maps[place] = *map;
}

void conf_take_maps(struct conf_reading *r, const struct conf *wanted, const struct conf_names *vfs)
{
	struct conf *conf = r->conf;

	for (uint16_t i = 0; i < wanted->n_maps; i++)
		if (*wanted->maps[i].name != '\0')
			take_map(r, &wanted->maps[i]);
	for (uint32_t i = 0; i < wanted->n_vfs && r->ok; i++) {
		uint32_t to = conf_names_find(vfs, wanted->vfs[i].name);
		if (to != UINT32_MAX)
			conf->vfs[to].dscp_map = conf_find_map(conf, wanted->maps[wanted->vfs[i].dscp_map].name);
	}
	for (uint16_t i = 1; i < conf->n_maps; i++)
		if (*conf->maps[i].name != '\0' && conf_find_map(wanted, conf->maps[i].name) == UINT16_MAX)
			conf_give_back_map(conf, i);
}
