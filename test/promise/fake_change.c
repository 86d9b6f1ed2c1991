/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of a fake world while it runs. */
#include <string.h>

#include "conf_change.h"
#include "fake_rim_impl.h"
#include "pipe_change.h"

static bool has_other_vfs(const struct conf *from, const struct conf *to)
{
	bool is_other = false;

	for (uint32_t i = 0; i < to->n_vfs; i++)
		is_other |= conf_is_another(&from->vfs[i], &to->vfs[i]) || !conf_same_address(&from->vfs[i], &to->vfs[i]);
	return is_other;
}

/* The counters of a place when another took it: what the app subtracts. */
static void note_births(struct rim *r, struct pipe_change *c)
{
	const vf_id *vfs;
	uint32_t n = pipe_change_coming(c, &vfs);

	for (uint32_t i = 0; i < n; i++)
		r->born_at[vfs[i]] = rim_view(r, vfs[i]);
	pipe_change_open(c);
}

/* As in a switch of several cores, each worker a little when it comes to it, some turns apart, and packets flow meanwhile. */
static void apply_over_turns(struct rim *r, struct pipe_change *c)
{
	bool is_done[RIM_MAX_WORKERS] = {false};
	unsigned int n_done = 0, n_turns = 0;

	while (n_done < r->n_workers) {
		for (unsigned int i = 0; i < r->n_workers; i++) {
			if (is_done[i] || !fake_has_turn(r, i) || (r->slow_every == 0 && (r->random >> (33 + 3 * i) & 1) != 0))
				continue;
			is_done[i] = pipe_apply(r->workers[i].pipe, c, r->now_ns);
			n_done += is_done[i];
		}
		if (pipe_change_waits(c, r->n_workers))
			note_births(r, c);
		fake_turn(r);
		sure(n_turns++ < 100000, "a change never ends");
	}
}

static void hand_change(struct rim *r, const struct conf *from, const struct conf *to)
{
	struct grants *granted = r->control != NULL ? grants_create(to) : NULL;

	if (granted != NULL)
		control_fit(r->control, to, granted);
	struct pipe_change *c = pipe_change_create_granted(from, r->granted, to, granted);
	ck_assert_ptr_nonnull(c);
	if (has_other_vfs(from, to))
		apply_over_turns(r, c);
	for (unsigned int i = 0; i < r->n_workers && c != NULL && !has_other_vfs(from, to); i++)
		while (!pipe_apply(r->workers[i].pipe, c, r->now_ns))
			;
	pipe_change_destroy(c);
	if (granted != NULL)
		grants_copy(r->granted, granted);
	grants_destroy(granted);
}

const struct conf *rim_conf(const struct rim *r)
{
	return r->running != NULL ? r->running : r->conf;
}

static bool make_change(struct rim *r, struct conf_change *change, const char *name, const char *text)
{
	static struct why why;	/* big */
	const struct conf *running = rim_conf(r);

	why_init(&why);
	snprintf(change->name, sizeof(change->name), "%s", name);
	snprintf(change->text, sizeof(change->text), "%s", text);
	struct conf *next = conf_changed(running, change, &why);
	if (next == NULL)
		return false;
	hand_change(r, running, next);
	conf_destroy(r->running);
	r->running = next;
	r->n_changes++;
	return true;
}

bool rim_change(struct rim *r, bool is_tenant, const char *name, const char *text)
{
	return make_change(r, &(struct conf_change){.is_tenant = is_tenant}, name, text);
}

bool rim_change_dscp(struct rim *r, const char *name, const char *text)
{
	return make_change(r, &(struct conf_change){.verb = CONF_DSCP}, name, text);
}

bool rim_add(struct rim *r, const char *name, const char *text)
{
	return make_change(r, &(struct conf_change){.verb = CONF_VF_ADD}, name, text);
}

bool rim_del(struct rim *r, const char *name)
{
	return make_change(r, &(struct conf_change){.verb = CONF_VF_DEL}, name, "");
}

bool rim_reload(struct rim *r, const char *ini)
{
	static struct why why;	/* big */
	const struct conf *running = rim_conf(r);

	why_init(&why);
	struct conf *wanted = conf_reload_text(running, "test", ini, strlen(ini), &why);
	struct conf *next = wanted != NULL ? conf_with_terms(running, wanted, &why) : NULL;
	if (next == NULL)
		why_print(&why, stderr);
	conf_destroy(wanted);
	if (next == NULL)
		return false;
	hand_change(r, running, next);
	conf_destroy(r->running);
	r->running = next;
	r->n_changes++;
	return true;
}

struct vf_view rim_view_named(const struct rim *r, const char *name)
{
	vf_id vf = conf_find_vf(rim_conf(r), name);

	ck_assert_uint_lt(vf, r->conf->n_vfs);
	struct vf_view view = rim_view(r, vf);
	vf_view_since(&view, &r->born_at[vf]);
	return view;
}

bool rim_change_mark(struct rim *r, const char *name, const char *text)
{
	struct conf_change change = {.verb = text != NULL ? CONF_MARK_ADD : CONF_MARK_DEL};

	return make_change(r, &change, name, text != NULL ? text : "");
}
