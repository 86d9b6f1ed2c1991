/* SPDX-License-Identifier: BSD-3-Clause */
/* The control core's part of changes at run time: what lib/live asks for.  And the state file, which is what was changed
 * since the config was read: a file that is whole at any moment, the old one or the new one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipe_change.h"
#include "weir.h"

/* ---- To the workers ---- */

static bool admit(void *ctx, const struct conf *conf, struct why *why)
{
	const struct weir *w = ctx;
	const struct port_info *pf = port_info(w->ports, conf->pf);

	return conf_admit(conf, pf->link_bps, pf->basis, why);
}

/* Nobody looks at the packets of whoever comes to its place. */
static void forget_captures(struct weir *w, const struct conf *from, const struct conf *to)
{
	for (uint32_t i = 0; i < from->n_vfs; i++) {
		if (conf_is_there(&from->vfs[i]) && conf_is_another(&from->vfs[i], &to->vfs[i]))
			capturing_forget(w, from->vfs[i].name);
	}
}

/* With what is granted of the new terms.  false: no memory. */
static bool begin(struct weir *w, const struct conf *from, const struct conf *to)
{
	w->change = allocator_change(w, from, to);
	if (w->change == NULL)
		return false;
	forget_captures(w, from, to);
	workers_change(w->workers, w->change);
	return true;
}

/* Grants may be on their way: then it begins when is_done() is asked after they have arrived. */
static bool hand(void *ctx, const struct conf *from, const struct conf *to)
{
	struct weir *w = ctx;

	if (allocator_is_settled(w))
		return begin(w, from, to);
	w->change_from = from;
	w->change_to = to;
	return true;
}

static bool is_done(void *ctx)
{
	struct weir *w = ctx;

	if (w->change_to != NULL) {	/* without memory: again at the next look */
		if (allocator_is_settled(w) && begin(w, w->change_from, w->change_to))
			w->change_from = w->change_to = NULL;
		return false;
	}
	if (pipe_change_waits(w->change, workers_n(w->workers))) {
		places_begin(w, w->change);
		pipe_change_open(w->change);
	}
	if (!workers_have_changed(w->workers))
		return false;
	pipe_change_destroy(w->change);
	w->change = NULL;
	allocator_changed(w);
	return true;
}

static void say(void *ctx, const char *what)
{
	(void)ctx;
	report_say("%s", what);
}

/* ---- The state file ---- */

/* So that the new name is on the disk too. */
static bool sync_folder(const char *path)
{
	char folder[sizeof(((struct conf *)NULL)->state)];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	slash[slash == folder] = '\0';
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool is_ok = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return is_ok;
}

static bool write_whole(const char *path, const struct conf *conf, const struct conf *base)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	bool is_ok;

	if (out == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	conf_dump_state(conf, base, out);
	is_ok = fflush(out) == 0 && !ferror(out) && fsync(fd) == 0;
	int error = errno;
	fclose(out);
	errno = error;
	return is_ok;
}

static bool save(void *ctx, const struct conf *conf, struct why *why)
{
	struct weir *w = ctx;
	char temporary[sizeof(conf->state) + 8];

	snprintf(temporary, sizeof(temporary), "%s.new", conf->state);
	if (write_whole(temporary, conf, w->in_file) && rename(temporary, conf->state) == 0 && sync_folder(conf->state))
		return true;
	why_add(why, "state %s cannot be written (%s): this change ends with weir; it is tried again every second",
		conf->state, strerror(errno));
	unlink(temporary);
	return false;
}

/* A reload of the very config that weir will read at its next start: what it says is no change any more. */
static void loaded(void *ctx, const char *file, const struct conf *wanted)
{
	struct weir *w = ctx;
	struct stat a, b;
	static struct why why;
	struct conf *in_file;

	if (stat(file, &a) != 0 || stat(w->args.config, &b) != 0 || a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return;
	why_init(&why);
	in_file = conf_with_terms(w->in_file, wanted, &why);
	if (in_file == NULL)
		return;
	conf_destroy(w->in_file);
	w->in_file = in_file;
}

/* ---- Up and down ---- */

static bool is_state_writable(const char *path, struct why *why)
{
	char folder[sizeof(((struct conf *)NULL)->state)];

	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	if (access(folder[0] != '\0' ? folder : "/", W_OK | X_OK) == 0)
		return true;
	why_add(why, "state = %s: %s: wanted a file in a folder that weir can write to", path, strerror(errno));
	return false;
}

bool change_open(struct weir *w, struct why *why)
{
	bool has_state = w->conf->state[0] != '\0';
	struct live_io io = {
		.ctx = w,
		.admit = admit,
		.hand = hand,
		.is_done = is_done,
		.log = say,
		.save = has_state ? save : NULL,
		.loaded = has_state ? loaded : NULL,
	};

	if (has_state && w->args.allow_set && !is_state_writable(w->conf->state, why))
		return false;
	w->live = live_create(w->conf, &io);
	if (w->live == NULL)
		why_add(why, "no memory for the running config");
	return w->live != NULL;
}

/* When the workers have ended: one may have had the last change still before it. */
void change_close(struct weir *w)
{
	allocator_close(w);
	live_destroy(w->live);
	pipe_change_destroy(w->change);
	w->live = NULL;
	w->change = NULL;
}
