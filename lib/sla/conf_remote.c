/* SPDX-License-Identifier: BSD-3-Clause */
/* What a VF says to [remote], the answer to congestion beyond the uplink: whether it is looked after, and how marks come
 * back to it.  Both may change while weir runs, by a command as by a file. */
#include <string.h>

#include "conf_change.h"
#include "conf_fields.h"

static const char *remote_text(const struct conf_vf *vf)
{
	return vf->is_remote ? "yes" : "no";
}

static const char *echo_text(const struct conf_vf *vf)
{
	return vf->echo == ECHO_CLASSIC ? "classic" : "dctcp";
}

void conf_check_remote(struct conf_reading *r, const struct ini_section *s)
{
	const struct ini_entry *remote = conf_entry(s, "remote"), *echo = conf_entry(s, "echo");

	if (r->conf->remote.is_on)
		return;
	if (remote != NULL && strcmp(remote->value, "yes") == 0)
		conf_say(r, remote->line, "remote = yes, but there is no [remote]: wanted that section too, or no such key%s",
			remote->line == 0 ? " (remote = none takes back a remote = no)" : "");
	if (echo != NULL)
		conf_say(r, echo->line, "echo says something to [remote] only: wanted that section too, or no such key");
}

bool conf_same_remote(const struct conf_vf *a, const struct conf_vf *b)
{
	return a->is_remote == b->is_remote && a->echo == b->echo;
}

const char *conf_remote_changes(const struct conf_vf *from, const struct conf_vf *to, char *buf, size_t size)
{
	int used = 0;

	buf[0] = '\0';
	if (from->is_remote != to->is_remote)
		used = snprintf(buf, size, "remote %s -> %s", remote_text(from), remote_text(to));
	if (from->echo != to->echo)
		snprintf(buf + used, size - (size_t)used, "%secho %s -> %s", used > 0 ? ", " : "", echo_text(from), echo_text(to));
	return buf;
}

void conf_dump_remote(const struct conf_vf *vf, const struct conf_vf *other, FILE *out)
{
	if (vf->is_remote != other->is_remote)
		fprintf(out, "remote = %s\n", remote_text(vf));
	if (vf->echo != other->echo)
		fprintf(out, "echo = %s\n", echo_text(vf));
}
