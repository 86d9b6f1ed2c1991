/* SPDX-License-Identifier: BSD-3-Clause */
#include "writable.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool file_is_writable(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);

	if (fd >= 0) {
		close(fd);
		return unlink(path) == 0;
	}
	/* A pipe, with nobody there to read yet, would make an open wait. */
	return errno == EEXIST && access(path, W_OK) == 0;
}
