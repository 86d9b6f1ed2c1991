/* SPDX-License-Identifier: BSD-3-Clause */
/* What EAL's --vdev options say, "net_vhost0,iface=/run/x.sock,client=1", before EAL reads them.
 * Used by: app/weir. */
#ifndef WEIR_VDEV_ARGS_H
#define WEIR_VDEV_ARGS_H

#include <stdbool.h>
#include <stddef.h>

/* The argument that begins with 'key'; returns its length, 0 where there is none. */
size_t vdev_find_arg(const char *vdev, const char *key, const char **value);

bool vdev_has_arg(const char *vdev, const char *arg);

/* The vdev that argv[*i] describes, NULL where it is another option; *i goes on to its last word. */
char *vdev_option(int argc, char **argv, int *i);

#endif
