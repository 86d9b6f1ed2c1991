/* SPDX-License-Identifier: BSD-3-Clause */
/* VFs that come and go: add, del. */
#include <string.h>

#include "conf_change.h"
#include "telem_impl.h"

static void put_places(struct rte_tel_data *d, const struct conf *conf, uint16_t port)
{
	const struct conf_port *p = &conf->ports[port];

	put_text(d, "port", p->device);
	put_u64(d, "port_vfs", p->n_vfs);
	put_u64(d, "port_places_left", p->n_places - p->n_vfs);
}

int answer_vf_add(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	struct conf_change c = {.verb = CONF_VF_ADD};
	struct live_request *q = NULL;
	const char *text = NULL;

	if (!may_change(s, d))
		return 0;
	if (!take_name(params, c.name, &text) || text == NULL)
		return put_error(d, "no name or no port",
			"NAME,port=DEVICE;key=value with keys of weir.conf(5): web,port=net_vhost0;mac=02:00:00:00:00:05;tx.max_bps=100M");
	snprintf(c.text, sizeof(c.text), "%s", text);
	if (make_change(s, &c, &q, d)) {
		const struct conf *after = live_conf(q->after);
		uint32_t i = conf_find_vf(after, c.name);

		put_terms(d, after, false, i);
		put_text(d, "dscp_map", after->maps[after->vfs[i].dscp_map].name);
		put_text(d, "when_full", after->vfs[i].when_full == WHEN_FULL_DROP ? "drop" : "hold");
		put_u64(d, "queue_pkts", after->vfs[i].queue_pkts);
		put_places(d, after, after->vfs[i].port);
		put_warnings(d, &q->why);
	}
	live_request_destroy(s->live, q);
	return 0;
}

int answer_vf_del(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	struct conf_change c = {.verb = CONF_VF_DEL};
	struct live_request *q = NULL;
	const char *rest = NULL;

	if (!may_change(s, d))
		return 0;
	if (!take_name(params, c.name, &rest) || rest != NULL)
		return put_error(d, "no VF named", "/weir/vf/del,NAME with a NAME that /weir/vfs lists");
	if (make_change(s, &c, &q, d)) {
		const struct conf *before = live_conf(q->before), *after = live_conf(q->after);
		uint32_t i = conf_find_vf(before, c.name);

		put_text(d, "vf", c.name);
		put_places(d, after, before->vfs[i].port);
		put_warnings(d, &q->why);
	}
	live_request_destroy(s->live, q);
	return 0;
}
