/* SPDX-License-Identifier: BSD-3-Clause */
/* Marking rules: list, add, del. */
#include <string.h>

#include "conf_change.h"
#include "mark.h"
#include "telem_impl.h"

#define WAIT_NS UINT64_C(1000000000)

static void put_rule(struct rte_tel_data *d, const struct conf *conf, uint32_t i)
{
	const struct mark_rule *rule = marks_rule(conf->marks, i);
	char text[CONF_MARK_CHARS];
	uint64_t pkts, bytes;

	put_text(d, "vf", conf->vfs[rule->vf].name);
	put_u64(d, "order", rule->order);
	conf_mark_text(conf, i, text, sizeof(text));
	put_line(put_text_array(d, "rule"), text, strlen(text));
	put_text(d, "set", rule->set_dscp == MARK_TRUST ? "trust" : dscp_name(rule->set_dscp));
	marks_hits(conf->marks, i, &pkts, &bytes);
	put_u64(d, "pkts", pkts);
	put_u64(d, "bytes", bytes);
}

int answer_mark_list(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	uint32_t total = marks_n(s->conf->marks), start, end;
	struct rte_tel_data *list;

	if (!page_start(params, total, &start))
		return put_error(d, "no such number of a rule", "/weir/mark/list or /weir/mark/list,START with START below total");
	end = page_end(start, total, TELEM_PAGE_MARKS);
	put_u64(d, "total", total);
	put_u64(d, "next", end);
	put_u64(d, "changes", s->n_changes);
	list = put_dict(d, "marks");
	for (uint32_t i = start; i < end; i++)
		put_rule(put_dict(list, marks_rule(s->conf->marks, i)->name), s->conf, i);
	return 0;
}

static int change(const struct telem_source *s, const struct conf_change *change, struct rte_tel_data *d)
{
	struct live_request *q = live_request_create();

	if (q == NULL)
		return put_error(d, "out of memory", "it once more");
	q->change = *change;
	if (is_done(live_ask(s->live, &q, WAIT_NS), q, d)) {
		const struct conf *after = live_conf(q->after);
		uint32_t i = marks_find(after->marks, change->name);

		put_text(d, "mark", change->name);
		if (i != UINT32_MAX)
			put_rule(d, after, i);
		put_u64(d, "total", marks_n(after->marks));
		put_warnings(d, &q->why);
	}
	live_request_destroy(s->live, q);
	return 0;
}

int answer_mark_add(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	struct conf_change c = {.verb = CONF_MARK_ADD};
	const char *text = NULL;

	if (!may_change(s, d))
		return 0;
	if (!take_name(params, c.name, &text) || text == NULL)
		return put_error(d, "no name or no rule",
			"NAME,key=value;key=value with keys of weir.conf(5): web,vf=vm1;protocol=tcp;dst_port=443;set=AF41");
	snprintf(c.text, sizeof(c.text), "%s", text);
	return change(s, &c, d);
}

int answer_mark_del(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	struct conf_change c = {.verb = CONF_MARK_DEL};
	const char *rest = NULL;

	if (!may_change(s, d))
		return 0;
	if (!take_name(params, c.name, &rest) || rest != NULL)
		return put_error(d, "no rule named", "/weir/mark/del,NAME with a NAME that /weir/mark/list tells");
	return change(s, &c, d);
}
