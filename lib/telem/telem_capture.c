/* SPDX-License-Identifier: BSD-3-Clause */
/* Captures: start, stop, list. */
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "conf_change.h"
#include "telem_impl.h"

static const char start_wanted[] = "VF,file=/tmp/x.pcap,reason=receiver_limit,packets=100 with a VF that /weir/vfs lists, "
				   "pf or unknown_sender";

static void put_capture(struct rte_tel_data *d, const struct capture_view *v)
{
	char reason[CAPTURE_TEXT_CHARS];

	put_text(d, "vf", v->ask.name);
	put_text(d, "state", v->is_ending ? "it is ending" : capture_state_text(v->state));
	put_u64(d, "runs", v->state == CAPTURE_RUNS);
	put_u64(d, "pkts", v->pkts);
	put_u64(d, "missed_pkts", v->missed_pkts);
	put_u64(d, "bytes", v->bytes);
	put_u64(d, "ms", v->since_ms);
	put_text(d, "dir", capture_dirs_text(v->ask.dirs));
	const char *text = capture_reason_text(&v->ask, reason);
	put_line(put_text_array(d, "reason"), text, strlen(text));
	put_u64(d, "over_ns", v->ask.over_ns);
	put_u64(d, "max_pkts", v->ask.max_pkts);
	put_u64(d, "max_bytes", v->ask.max_bytes);
	put_u64(d, "snap_bytes", v->ask.snap_bytes);
	put_u64(d, "max_s", v->ask.max_s);
	put_line(put_text_array(d, "file"), v->ask.file, strlen(v->ask.file));
	if (v->error[0] != '\0')
		put_text(d, "failure", v->error);
}

/* Whose packets.  false: nobody's of this name. */
static bool find_vf(const struct conf *conf, const char *name, vf_id *vf)
{
	uint32_t i = conf_find_vf(conf, name);

	*vf = i != UINT32_MAX ? i : strcmp(name, CAPTURE_PF) == 0 ? VF_PF : VF_NONE;
	return i != UINT32_MAX || *vf == VF_PF || strcmp(name, CAPTURE_UNKNOWN) == 0;
}

static bool find_rule(const struct conf *conf, const struct capture_ask *ask, struct capture_rule *rule, struct why *why)
{
	uint64_t mark_ns[N_CAPTURE_DIRS] = {0};
	vf_id vf;

	if (!find_vf(conf, ask->name, &vf)) {
		why_add(why, "%s: no VF of this name: wanted %s", ask->name, start_wanted);
		return false;
	}
	if (vf < conf->n_vfs) {
		mark_ns[CAPTURE_TX] = conf->vfs[vf].tx_mark_ns;
		mark_ns[CAPTURE_RX] = conf->vfs[vf].rx_mark_ns;
	} else if (ask->what == CAPTURE_DELAYED && ask->over_ns == 0) {
		why_add(why, "%s: has no K of its own to be delayed over: wanted over=5ms beside it", ask->name);
		return false;
	}
	*rule = capture_rule_of(ask, vf, mark_ns);
	return true;
}

int answer_capture_start(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	struct capture_ask ask;
	struct capture_rule rule;
	struct capture_view view;
	char name[CONF_NAME_CHARS];
	const char *text = NULL;
	struct why *why;

	if (!may_change(s, d))
		return 0;
	if (s->start_capture == NULL)
		return put_error(d, "nothing can be captured here", "a switch that runs");
	if (!take_name(params, name, &text))
		return put_error(d, "no VF named", start_wanted);
	why = malloc(sizeof(*why));	/* big */
	if (why == NULL)
		return put_error(d, "out of memory", "it once more");
	why_init(why);
	bool is_good = capture_ask_parse(text != NULL ? text : "", &ask, why);
	snprintf(ask.name, sizeof(ask.name), "%s", name);
	is_good = find_rule(s->conf, &ask, &rule, why) && is_good;
	if (is_good && s->start_capture(s->ctx, &ask, &rule, &view, why)) {
		put_u64(d, "id", view.id);
		put_capture(d, &view);
		put_u64(d, "tx_over_ns", rule.over_ns[CAPTURE_TX]);	/* effective */
		put_u64(d, "rx_over_ns", rule.over_ns[CAPTURE_RX]);
		put_warnings(d, why);
	} else {
		put_reasons(d, why);
	}
	free(why);
	return 0;
}

int answer_capture_stop(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	struct capture_view view;
	struct why *why;
	uint32_t id;

	if (!may_change(s, d))
		return 0;
	if (s->stop_capture == NULL)
		return put_error(d, "nothing can be captured here", "a switch that runs");
	if (params == NULL || !page_start(params, UINT32_MAX, &id))
		return put_error(d, "no number of a capture", "/weir/capture/stop,ID with an ID that /weir/capture/list tells");
	why = malloc(sizeof(*why));
	if (why == NULL)
		return put_error(d, "out of memory", "it once more");
	why_init(why);
	if (s->stop_capture(s->ctx, id, &view, why)) {
		put_u64(d, "id", view.id);
		put_capture(d, &view);
	} else {
		put_reasons(d, why);
	}
	free(why);
	return 0;
}

int answer_capture_list(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	struct capture_view views[CAPTURE_KEEP];
	struct rte_tel_data *list;
	uint32_t n;

	if (params != NULL)
		return put_error(d, "/weir/capture/list takes no parameters", "/weir/capture/list");
	if (s->list_captures == NULL)
		return put_error(d, "nothing can be captured here", "a switch that runs");
	n = s->list_captures(s->ctx, views);
	put_u64(d, "total", n);
	list = put_dict(d, "captures");
	for (uint32_t i = 0; i < n; i++)
		put_capture(put_numbered_dict(list, views[i].id), &views[i]);
	return 0;
}
