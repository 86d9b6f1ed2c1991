/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sockets.h"
#include "vdev_args.h"

#define PATH_BYTES sizeof(((struct sockaddr_un *)0)->sun_path)

/* Which vdevs know a socket file, in which argument, and when they serve it. */
static const struct socket_arg {
	const char *device;	/* the name begins so */
	const char *path;	/* this argument is the file */
	const char *is_file;	/* only with this argument; NULL: always */
	const char *serves;	/* serves only with this argument; NULL: always */
	const char *unless;	/* not with this one; NULL: none */
} socket_args[] = {
	{"net_vhost", "iface=", NULL, NULL, "client=1"},
	{"eth_vhost", "iface=", NULL, NULL, "client=1"},
	{"net_memif", "socket=", "socket-abstract=no", "role=server", NULL},
	{"net_virtio_user", "path=", NULL, "server=1", NULL},
};

/* One look at a vdev. */
struct look {
	char device[48];	/* its name */
	struct why *why;
	bool removes;		/* what is stale */
};

static bool serves(const char *vdev, const struct socket_arg *s)
{
	return (s->serves == NULL || vdev_has_arg(vdev, s->serves)) && (s->unless == NULL || !vdev_has_arg(vdev, s->unless));
}

/* A datagram socket cannot connect to a stream's server: "wrong type" means that somebody is there, and has noticed
 * nothing; "refused" that nobody is. */
static bool is_served(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc, error;

	if (probe < 0)
		return true;	/* not known: leave it alone */
	memcpy(address.sun_path, path, strlen(path) + 1);
	rc = connect(probe, (const struct sockaddr *)&address, sizeof(address));
	error = errno;
	close(probe);
	return rc == 0 || error != ECONNREFUSED;
}

static bool has_folder(const struct look *look, const char *path)
{
	const char *end = strrchr(path, '/');
	char folder[PATH_BYTES];
	struct stat st;

	if (end == NULL || end == path)
		return true;
	snprintf(folder, sizeof(folder), "%.*s", (int)(end - path), path);
	if (stat(folder, &st) == 0 && S_ISDIR(st.st_mode))
		return true;
	why_add(look->why, "%s: the folder of the socket %s is not there: mkdir -p %s", look->device, path, folder);
	return false;
}

static bool is_free(const struct look *look, const char *path)
{
	struct stat st;

	if (!has_folder(look, path))
		return false;
	if (lstat(path, &st) != 0)
		return true;
	if (!S_ISSOCK(st.st_mode)) {
		why_add(look->why, "%s: %s is there and is no socket: name another path, or remove it", look->device,
			path);
		return false;
	}
	if (is_served(path)) {
		why_add(look->why, "%s: somebody serves the socket %s already: end that one, or name another path",
			look->device, path);
		return false;
	}
	if (look->removes && unlink(path) == 0)
		printf("weir: %s was left behind by an earlier run: removed\n", path);
	return true;
}

static bool look_at_path(const struct look *look, const char *value, size_t length, bool is_server)
{
	char path[PATH_BYTES];

	if (length >= sizeof(path)) {
		why_add(look->why, "%s: the path of a socket has %zu characters at most, this one has %zu: %.*s",
			look->device, sizeof(path) - 1, length, (int)length, value);
		return false;
	}
	snprintf(path, sizeof(path), "%.*s", (int)length, value);
	return !is_server || is_free(look, path);
}

static bool look_at(const char *vdev, bool removes, struct why *why)
{
	struct look look = {.why = why, .removes = removes};
	bool ok = true;

	snprintf(look.device, sizeof(look.device), "%.*s", (int)strcspn(vdev, ","), vdev);
	for (size_t i = 0; i < sizeof(socket_args) / sizeof(socket_args[0]); i++) {
		const struct socket_arg *s = &socket_args[i];
		const char *value = NULL;
		size_t length;

		if (strncmp(vdev, s->device, strlen(s->device)) != 0 || (s->is_file != NULL && !vdev_has_arg(vdev, s->is_file)))
			continue;
		length = vdev_find_arg(vdev, s->path, &value);
		if (length > 0) {
			ok &= look_at_path(&look, value, length, serves(vdev, s));
		} else if (value != NULL || s->is_file == NULL) {
			why_add(why, "%s: no path of a socket: wanted %sPATH in its --vdev", look.device, s->path);
			ok = false;
		}
	}
	return ok;
}

static bool look_at_all(int argc, char **argv, bool removes, struct why *why)
{
	bool ok = true;

	for (int i = 1; i < argc; i++) {
		const char *vdev = vdev_option(argc, argv, &i);

		if (vdev != NULL)
			ok &= look_at(vdev, removes, why);
	}
	return ok;
}

bool sockets_make_way(int argc, char **argv, struct why *why)
{
	return look_at_all(argc, argv, false, why) && look_at_all(argc, argv, true, why);
}
