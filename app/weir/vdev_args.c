/* SPDX-License-Identifier: BSD-3-Clause */
#include "vdev_args.h"

#include <string.h>

size_t vdev_find_arg(const char *vdev, const char *key, const char **value)
{
	size_t key_length = strlen(key);

	for (const char *c = strchr(vdev, ','); c != NULL; c = strchr(c, ',')) {
		size_t length = strcspn(++c, ",");

		if (strncmp(c, key, key_length) != 0)
			continue;
		*value = c + key_length;
		return length - key_length;
	}
	return 0;
}

bool vdev_has_arg(const char *vdev, const char *arg)
{
	for (const char *c = strchr(vdev, ','); c != NULL; c = strchr(c, ',')) {
		size_t length = strcspn(++c, ",");

		if (length == strlen(arg) && strncmp(c, arg, length) == 0)
			return true;
	}
	return false;
}

char *vdev_option(int argc, char **argv, int *i)
{
	static const char option[] = "--vdev";

	if (strcmp(argv[*i], option) == 0 && *i + 1 < argc)
		return argv[++*i];
	return strncmp(argv[*i], "--vdev=", sizeof(option)) == 0 ? argv[*i] + sizeof(option) : NULL;
}
