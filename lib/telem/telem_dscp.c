/* SPDX-License-Identifier: BSD-3-Clause */
/* dscp/get and dscp/set: which class the packets of a VF have. */
#include <string.h>

#include "conf_change.h"
#include "telem_impl.h"

static void put_map(struct rte_tel_data *d, const struct conf *conf, uint32_t vf)
{
	const struct dscp_map *map = &conf->maps[conf->vfs[vf].dscp_map];
	struct rte_tel_data *classes;
	char text[16];

	put_text(d, "vf", conf->vfs[vf].name);
	put_text(d, "map", map->name);
	put_u64(d, "map_vfs", conf_map_users(conf, conf->vfs[vf].dscp_map));
	classes = put_dict(d, "classes");
	for (int dscp = 0; dscp < CONF_N_DSCP; dscp++)
		put_text(classes, dscp_name(dscp), conf_class_text(map, dscp, text));
}

/* "EF: urgent low -> high low", a line a code point. */
static void put_changed(struct rte_tel_data *d, const struct conf *before, const struct conf *after, uint32_t vf)
{
	const struct dscp_map *from = &before->maps[before->vfs[vf].dscp_map], *to = &after->maps[after->vfs[vf].dscp_map];
	struct rte_tel_data *array = put_text_array(d, "changed");
	char text[4096], *at = text;

	conf_map_changes(from, to, text, sizeof(text));
	while (*at != '\0') {
		size_t n = strcspn(at, ",");
		put_line(array, at, n);
		at += n + (at[n] == ',' ? 2 : 0);
	}
}

int answer_dscp_get(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	char name[CONF_NAME_CHARS];
	const char *rest;
	uint32_t i = UINT32_MAX;

	if (take_name(params, name, &rest) && rest == NULL)
		i = conf_find_vf(s->conf, name);
	if (i == UINT32_MAX)
		return put_error(d, "no VF of this name", "/weir/dscp/get,NAME with a NAME that /weir/vfs lists");
	put_map(d, s->conf, i);
	return 0;
}

int answer_dscp_set(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	struct conf_change change = {.verb = CONF_DSCP};
	struct live_request *q = NULL;
	const char *text = NULL;

	if (!may_change(s, d))
		return 0;
	if (!take_name(params, change.name, &text) || text == NULL)
		return put_error(d, "no VF or nothing to change",
			"VF,key=value;key=value with keys of [dscp] in weir.conf(5), or map: EF=urgent;AF41=high low");
	snprintf(change.text, sizeof(change.text), "%s", text);
	if (make_change(s, &change, &q, d)) {
		const struct conf *before = live_conf(q->before), *after = live_conf(q->after);
		uint32_t i = conf_find_vf(after, change.name);

		put_changed(d, before, after, i);
		put_map(d, after, i);
		put_warnings(d, &q->why);
	}
	live_request_destroy(s->live, q);
	return 0;
}
