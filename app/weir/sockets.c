/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sockets.h"

/* Which vdevs serve a socket file, in which argument, and when. */
static const struct server {
	const char *device;	/* the name begins so */
	const char *path;	/* this argument is the file */
	const char *needs;	/* serves only with this argument; NULL: always */
	const char *unless;	/* not with this one; NULL: none */
} servers[] = {
	{"net_vhost", "iface=", NULL, "client=1"},
	{"eth_vhost", "iface=", NULL, "client=1"},
	{"net_memif", "socket=", "role=server", "socket-abstract=yes"},
	{"net_virtio_user", "path=", "server=1", NULL},
};

/* The argument of "name,a=1,b=2" that begins with 'key', copied; false where there is none. */
static bool find_arg(const char *vdev, const char *key, char *value, size_t size)
{
	for (const char *c = strchr(vdev, ','); c != NULL; c = strchr(c, ',')) {
		size_t length = strcspn(++c, ",");

		if (strncmp(c, key, strlen(key)) != 0)
			continue;
		snprintf(value, size, "%.*s", (int)(length - strlen(key)), c + strlen(key));
		return true;
	}
	return false;
}

static bool has_arg(const char *vdev, const char *arg)
{
	char rest[2];

	return arg != NULL && find_arg(vdev, arg, rest, sizeof(rest)) && rest[0] == '\0';
}

/* A datagram socket cannot connect to a stream's server: "wrong type" means that somebody is there, and has noticed
 * nothing; "refused" that nobody is. */
static bool is_stale(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	int probe, rc, error;

	if (strlen(path) >= sizeof(address.sun_path) || lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	memcpy(address.sun_path, path, strlen(path) + 1);
	probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (probe < 0)
		return false;
	rc = connect(probe, (const struct sockaddr *)&address, sizeof(address));
	error = errno;
	close(probe);
	return rc != 0 && error == ECONNREFUSED;
}

/* A driver says no more than "Operation not permitted" of a folder that is not there. */
static void look_for_folder(const char *path)
{
	const char *end = strrchr(path, '/');
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct stat st;

	if (end == NULL || end == path)
		return;
	snprintf(folder, sizeof(folder), "%.*s", (int)(end - path), path);
	if (stat(folder, &st) != 0)
		fprintf(stderr, "weir: the folder of the socket %s: %s (mkdir -p %s)\n", path, strerror(errno), folder);
}

static void look_at(const char *vdev)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];

	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		const struct server *s = &servers[i];

		if (strncmp(vdev, s->device, strlen(s->device)) != 0 || has_arg(vdev, s->unless) ||
		    (s->needs != NULL && !has_arg(vdev, s->needs)) || !find_arg(vdev, s->path, path, sizeof(path)))
			continue;
		look_for_folder(path);
		if (is_stale(path) && unlink(path) == 0)
			printf("weir: %s was left behind by an earlier run: removed\n", path);
	}
}

void sockets_unlink_stale(int argc, char **argv)
{
	static const char option[] = "--vdev";

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], option) == 0 && i + 1 < argc)
			look_at(argv[++i]);
		else if (strncmp(argv[i], "--vdev=", sizeof(option)) == 0)
			look_at(argv[i] + sizeof(option));
	}
}
