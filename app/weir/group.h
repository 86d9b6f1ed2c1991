/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may use the telemetry socket beside weir's own user: the members of a group (--group). */
#ifndef WEIR_GROUP_H
#define WEIR_GROUP_H

#include <stdbool.h>

bool group_is_there(const char *name);	/* false: said on stderr */

/* After EAL's start: to the socket, and through the folders it is in; nothing else there is opened to them. */
bool group_let_in(const char *name);	/* false: said on stderr */

#endif
