/* SPDX-License-Identifier: BSD-3-Clause */
/* Before time is spent on what goes into a file: can it be written?
 * Used by: apps.  Uses: nothing. */
#ifndef WEIR_WRITABLE_H
#define WEIR_WRITABLE_H

#include <stdbool.h>

/* What is there stays as it is, and what is not there is not left behind.  false: errno says why not. */
bool file_is_writable(const char *path);

#endif
