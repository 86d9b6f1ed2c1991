/* SPDX-License-Identifier: BSD-3-Clause */
/* Socket files that an earlier run left behind: a driver that is to serve there would fail with "Address in use".
 * Used by: app/weir. */
#ifndef WEIR_SOCKETS_H
#define WEIR_SOCKETS_H

/* Looks through EAL's --vdev options for sockets that weir is to serve, and unlinks those that nobody serves. */
void sockets_unlink_stale(int argc, char **argv);

#endif
