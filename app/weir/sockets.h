/* SPDX-License-Identifier: BSD-3-Clause */
/* The socket files that EAL's --vdev options name, before EAL sees them: drivers say little of what is wrong with one,
 * EAL goes on without the device, and vhost's driver takes away whatever is at a path that it cannot bind, though a
 * switch that runs serves there.
 * Used by: app/weir. */
#ifndef WEIR_SOCKETS_H
#define WEIR_SOCKETS_H

#include <stdbool.h>

#include "why.h"

/* Are the sockets that weir is to serve free to be made?  false with all reasons in 'why' (served by somebody, no
 * folder, no socket, too long a path): then nothing was touched.  Else those that an earlier run left behind, and
 * nobody serves, are removed. */
bool sockets_make_way(int argc, char **argv, struct why *why);

#endif
