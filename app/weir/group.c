/* SPDX-License-Identifier: BSD-3-Clause */
#include "group.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>

bool group_is_there(const char *name)
{
	if (getgrnam(name) != NULL)
		return true;
	fprintf(stderr, "weir: --group %s: there is no group of this name\n", name);
	return false;
}

static bool give(const char *path, gid_t gid, mode_t mode)
{
	if (chown(path, (uid_t)-1, gid) == 0 && chmod(path, mode) == 0)
		return true;
	fprintf(stderr, "weir: --group: %s: %s\n", path, strerror(errno));
	return false;
}

/* EAL's folder of all prefixes may be passed through by anybody then, who must know where to: it is not listed, and what is
 * in it keeps its own mode. */
static bool open_way(const char *folder)
{
	struct stat s;

	if (stat(folder, &s) == 0 && chmod(folder, (s.st_mode & 07777) | S_IXOTH) == 0)
		return true;
	fprintf(stderr, "weir: --group: %s: %s\n", folder, strerror(errno));
	return false;
}

bool group_let_in(const char *name)
{
	const struct group *group = getgrnam(name);
	char folder[PATH_MAX], path[PATH_MAX];
	const char *dir = rte_eal_get_runtime_dir();
	int n = snprintf(path, sizeof(path), "%s/dpdk_telemetry.v2", dir);
	char *slash;

	if (group == NULL || n >= (int)sizeof(path))
		return group_is_there(name);
	snprintf(folder, sizeof(folder), "%s", dir);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		return false;
	*slash = '\0';
	return give(path, group->gr_gid, S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP) && give(dir, group->gr_gid, S_IRWXU | S_IXGRP) &&
	       open_way(folder);
}
