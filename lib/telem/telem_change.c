/* SPDX-License-Identifier: BSD-3-Clause */
/* Verbs that change what was sold, and what belongs to them: set, get, config/dump, config/reload. */
#include <stdlib.h>
#include <string.h>

#include "conf_change.h"
#include "mark.h"
#include "telem_impl.h"

#define WAIT_NS	     UINT64_C(1000000000)
#define PIECE	     120u		/* characters of a line in an array: EAL cuts at 127 */
#define DUMP_BYTES   13000u		/* of lines an answer */
#define DUMP_ENTRIES 400u
#define MOST_REASONS 60u

static const char set_wanted[] = "NAME,key=value;key=value with keys of weir.conf(5): tx.max_bps=200M;tx.weight=2";

/* A long line in pieces; all but the last end in a backslash. */
uint32_t put_line(struct rte_tel_data *array, const char *line, size_t n)
{
	char piece[PIECE + 2];
	uint32_t n_pieces = 0;

	do {
		size_t part = n < PIECE ? n : PIECE;
		bool goes_on = part < n;

		snprintf(piece, sizeof(piece), "%.*s%s", (int)part, line, goes_on ? "\\" : "");
		make_printable(piece);
		if (array != NULL)
			rte_tel_data_add_array_string(array, piece);
		line += part;
		n -= part;
		n_pieces++;
	} while (n > 0);
	return n_pieces;
}

/* The first reason as error and wanted, all of them in full as lines. */
int put_reasons(struct rte_tel_data *d, const struct why *why)
{
	static const char wanted[] = ": wanted ";
	const char *first = why->n > 0 ? why->text[0] : "refused";
	const char *split = strstr(first, wanted);
	struct rte_tel_data *reasons;
	uint32_t n = 0;
	char error[WHY_MAX_CHARS];

	snprintf(error, sizeof(error), "%.*s", split != NULL ? (int)(split - first) : (int)strlen(first), first);
	put_error(d, error, split != NULL ? split + strlen(wanted) : "something else");
	reasons = put_text_array(d, "reasons");
	for (int i = 0; i < why->n && n < MOST_REASONS; i++)
		n += put_line(reasons, why->text[i], strlen(why->text[i]));
	if (n >= MOST_REASONS && reasons != NULL)
		rte_tel_data_add_array_string(reasons, "... and more");
	return 0;
}

/* ---- One VF or tenant ---- */

bool take_name(const char *params, char name[CONF_NAME_CHARS], const char **rest)
{
	size_t n = params != NULL ? strcspn(params, ",") : 0;

	if (n == 0 || n >= CONF_NAME_CHARS)
		return false;
	memcpy(name, params, n);
	name[n] = '\0';
	*rest = params[n] == ',' ? params + n + 1 : NULL;
	return true;
}

static void put_both(struct rte_tel_data *d, const char *dir, const struct sla *asked, const struct sla *effective)
{
	struct rte_tel_data *in = put_dict(d, dir);

	put_sla(in, "asked", asked);
	put_sla(in, "effective", effective);
}

void put_terms(struct rte_tel_data *d, const struct conf *conf, bool is_tenant, uint32_t i)
{
	if (is_tenant) {
		put_text(d, "tenant", conf->tenants[i].name);
		put_both(d, "tx", &conf->tenants[i].tx, &conf->tenants[i].tx_eff);
		return;
	}
	put_text(d, "vf", conf->vfs[i].name);
	put_both(d, "tx", &conf->vfs[i].tx, &conf->vfs[i].tx_eff);
	put_both(d, "rx", &conf->vfs[i].rx, &conf->vfs[i].rx_eff);
	put_u64(d, "receive_queue_pkts", conf->vfs[i].receive_queue_pkts);
	if (!conf->remote.is_on)
		return;
	put_text(d, "remote", conf->vfs[i].is_remote ? "yes" : "no");
	put_text(d, "echo", conf->vfs[i].echo == ECHO_CLASSIC ? "classic" : "dctcp");
}

/* "a, b, c": an entry each. */
static void put_list(struct rte_tel_data *array, const char *at)
{
	while (array != NULL && *at != '\0') {
		const char *comma = strstr(at, ", ");
		size_t n = comma != NULL ? (size_t)(comma - at) : strlen(at);

		put_line(array, at, n);
		at += n + (comma != NULL ? 2 : 0);
	}
}

static void put_changes(struct rte_tel_data *array, const char *dir, const struct sla *from, const struct sla *to)
{
	char text[512];

	put_list(array, conf_terms_changes(dir, from, to, text, sizeof(text)));
}

void put_what_changed(struct rte_tel_data *d, const struct conf *from, const struct conf *to, bool is_tenant, uint32_t i)
{
	struct rte_tel_data *array = put_text_array(d, "changed");
	char text[64];

	if (is_tenant) {
		put_changes(array, "tx", &from->tenants[i].tx, &to->tenants[i].tx);
		return;
	}
	put_changes(array, "tx", &from->vfs[i].tx, &to->vfs[i].tx);
	put_changes(array, "rx", &from->vfs[i].rx, &to->vfs[i].rx);
	put_list(array, conf_remote_changes(&from->vfs[i], &to->vfs[i], text, sizeof(text)));
}

static int get(const struct telem_source *s, const char *params, struct rte_tel_data *d, bool is_tenant)
{
	char name[CONF_NAME_CHARS];
	const char *rest;
	uint32_t i = UINT32_MAX;

	if (take_name(params, name, &rest) && rest == NULL)
		i = is_tenant ? conf_find_tenant(s->conf, name) : conf_find_vf(s->conf, name);
	if (i == UINT32_MAX)
		return put_error(d, is_tenant ? "no tenant of this name" : "no VF of this name",
			is_tenant ? "/weir/tenant/get,NAME with a NAME that /weir/tenants lists"
				  : "/weir/sla/get,NAME with a NAME that /weir/vfs lists");
	put_terms(d, s->conf, is_tenant, i);
	return 0;
}

int answer_sla_get(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	return get(s, params, d, false);
}

int answer_tenant_get(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	return get(s, params, d, true);
}

/* ---- Changes ---- */

bool may_change(const struct telem_source *s, struct rte_tel_data *d)
{
	if (s->live != NULL && s->allow_set)
		return true;
	put_error(d, "weir was started without --allow-set: nothing can be changed", "weir ... --allow-set");
	return false;
}

void put_warnings(struct rte_tel_data *d, const struct why *why)
{
	struct rte_tel_data *array;

	if (why->n == 0)
		return;
	array = put_text_array(d, "warnings");
	for (int i = 0; i < why->n; i++)
		put_line(array, why->text[i], strlen(why->text[i]));
}

/* false: what came of it has been said. */
bool is_done(enum live_verdict verdict, const struct live_request *q, struct rte_tel_data *d)
{
	if (verdict == LIVE_REFUSED)
		put_reasons(d, &q->why);
	else if (verdict == LIVE_LATE)
		put_error(d, "the control core did not come to it within 1 s: nothing was changed", "it once more");
	else if (verdict == LIVE_BEHIND)
		put_error(d, "a worker has not taken what was changed before within 1 s: nothing was changed",
			"it once more; /weir/info tells which workers were away (lost_ns)");
	else if (verdict == LIVE_PENDING)
		put_error(d, "accepted, but a worker has not taken it yet: it will hold when it does",
			"a look at what holds, with get, before anything else is changed");
	else if (verdict == LIVE_ENDED)
		put_error(d, "weir is ending", "a switch that runs");
	return verdict == LIVE_DONE;
}

bool make_change(const struct telem_source *s, const struct conf_change *change, struct live_request **q,
	struct rte_tel_data *d)
{
	*q = live_request_create();
	if (*q == NULL) {
		put_error(d, "out of memory", "it once more");
		return false;
	}
	(*q)->change = *change;
	enum live_verdict verdict = live_ask(s->live, q, WAIT_NS);
	return is_done(verdict, *q, d);
}

static int set(const struct telem_source *s, const char *params, struct rte_tel_data *d, bool is_tenant)
{
	struct live_request *q = NULL;
	struct conf_change change = {.is_tenant = is_tenant};
	const char *text = NULL;

	if (!may_change(s, d))
		return 0;
	if (!take_name(params, change.name, &text) || text == NULL)
		return put_error(d, is_tenant ? "no tenant or nothing to change" : "no VF or nothing to change", set_wanted);
	snprintf(change.text, sizeof(change.text), "%s", text);
	if (make_change(s, &change, &q, d)) {
		const struct conf *before = live_conf(q->before), *after = live_conf(q->after);
		uint32_t i = is_tenant ? conf_find_tenant(after, change.name) : conf_find_vf(after, change.name);

		put_what_changed(d, before, after, is_tenant, i);
		put_terms(d, after, is_tenant, i);
		put_warnings(d, &q->why);
	}
	live_request_destroy(s->live, q);
	return 0;
}

int answer_sla_set(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	return set(s, params, d, false);
}

int answer_tenant_set(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	return set(s, params, d, true);
}

struct marks_count {
	const struct conf *before;
	uint32_t n_added, n_deleted, n_changed;
};

static void count_mark(void *ctx, const char *name, const char *text, bool is_there)
{
	struct marks_count *n = ctx;
	bool was_there = marks_find(n->before->marks, name) != UINT32_MAX;

	(void)text;
	n->n_deleted += !is_there;
	n->n_added += is_there && !was_there;
	n->n_changed += is_there && was_there;
}

static void put_reloaded_marks(struct rte_tel_data *d, const struct conf *before, const struct conf *after)
{
	struct marks_count n = {.before = before};

	conf_marks_changes(before, after, count_mark, &n);
	put_u64(d, "added_marks", n.n_added);
	put_u64(d, "deleted_marks", n.n_deleted);
	put_u64(d, "changed_marks", n.n_changed);
}

static void put_reloaded(struct rte_tel_data *d, const struct conf *before, const struct conf *after)
{
	uint32_t n_vfs = 0, n_tenants = 0, n_maps = 0, n_added = 0, n_deleted = 0;

	for (uint32_t i = 0; i < after->n_vfs; i++) {
		const struct conf_vf *a = &before->vfs[i], *b = &after->vfs[i];

		if (conf_is_another(a, b)) {
			n_deleted += conf_is_there(a);
			n_added += conf_is_there(b);
			continue;
		}
		n_vfs += !conf_same_terms(&a->tx, &b->tx) || !conf_same_terms(&a->rx, &b->rx) ||
			 a->dscp_map != b->dscp_map || !conf_same_address(a, b) || !conf_same_remote(a, b);
	}
	for (uint16_t i = 0; i < after->n_maps; i++)
		n_maps += i < before->n_maps ? strcmp(before->maps[i].name, after->maps[i].name) != 0 ||
						       !conf_same_map(&before->maps[i], &after->maps[i])
					     : 1;
	for (uint32_t i = 0; i < after->n_tenants; i++)
		n_tenants += !conf_same_terms(&before->tenants[i].tx, &after->tenants[i].tx);
	put_u64(d, "changed_vfs", n_vfs);
	put_u64(d, "added_vfs", n_added);
	put_u64(d, "deleted_vfs", n_deleted);
	put_u64(d, "changed_tenants", n_tenants);
	put_u64(d, "changed_maps", n_maps);
	put_reloaded_marks(d, before, after);
}

int answer_reload(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	struct live_request *q;

	if (!may_change(s, d))
		return 0;
	if (params == NULL || params[0] != '/' || strlen(params) >= sizeof(q->file))
		return put_error(d, params == NULL ? "no file named" : "not an absolute path of less than 256 characters",
			"/weir/config/reload,/etc/weir.conf");
	q = live_request_create();
	if (q == NULL)
		return put_error(d, "out of memory", "it once more");
	snprintf(q->file, sizeof(q->file), "%s", params);
	q->wanted = conf_reload(s->conf, params, &q->why);
	if (q->wanted == NULL) {
		put_reasons(d, &q->why);
	} else if (is_done(live_ask(s->live, &q, WAIT_NS), q, d)) {
		put_text(d, "file", q->file);
		put_reloaded(d, live_conf(q->before), live_conf(q->after));
		put_warnings(d, &q->why);
	}
	live_request_destroy(s->live, q);
	return 0;
}

/* ---- The running config as a file ---- */

/* Lines from 'start' on, as many as an answer holds.  Returns the number of the next one; *total: of all. */
static uint32_t put_dump(struct rte_tel_data *array, const char *text, uint32_t start, uint32_t *total)
{
	uint32_t n_bytes = 0, n_entries = 0, next = start;
	bool is_full = false;

	for (*total = 0; *text != '\0'; ++*total) {
		size_t n = strcspn(text, "\n");

		is_full |= n_bytes + n > DUMP_BYTES || n_entries + n / PIECE + 1 > DUMP_ENTRIES;
		if (*total >= start && !is_full) {
			n_entries += put_line(array, text, n);
			n_bytes += (uint32_t)n + 4;
			next = *total + 1;
		}
		text += n + (text[n] == '\n');
	}
	return next;
}

int answer_dump(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out;
	uint32_t start, total, next;

	if (!page_start(params, UINT32_MAX, &start))
		return put_error(d, "no such line", "/weir/config/dump or /weir/config/dump,START with START below total");
	out = open_memstream(&text, &size);
	if (out == NULL)
		return put_error(d, "out of memory", "it once more");
	conf_dump(s->conf, out);
	fclose(out);
	struct rte_tel_data *lines = put_text_array(d, "lines");
	next = put_dump(lines, text, start, &total);
	put_u64(d, "total", total);
	put_u64(d, "next", next);
	put_u64(d, "changes", s->n_changes);
	free(text);
	return 0;
}
