/* SPDX-License-Identifier: BSD-3-Clause */
#include "offers.h"

#include <stdlib.h>
#include <string.h>

#include "vdev_args.h"

#define TSO_FRAME_BYTES 65536u
#define TSO_KEY		"tso="

static bool is_vhost(const char *vdev)
{
	return strncmp(vdev, "net_vhost", 9) == 0 || strncmp(vdev, "eth_vhost", 9) == 0;
}

static int port_named(const struct conf *conf, const char *vdev)
{
	size_t length = strcspn(vdev, ",");

	for (uint16_t i = 0; i < conf->n_ports; i++) {
		if (strlen(conf->ports[i].device) == length && strncmp(conf->ports[i].device, vdev, length) == 0)
			return i;
	}
	return -1;
}

/* The next value of "tso=" in "name,a=1,tso=1" from 'at' on, that the driver takes for yes; NULL: there is none. */
static char *next_yes(char *at, size_t *length)
{
	for (char *c = strchr(at, ','); c != NULL; c = strchr(c, ',')) {
		*length = strcspn(++c, ",");
		if (strncmp(c, TSO_KEY, sizeof(TSO_KEY) - 1) != 0)
			continue;
		*length -= sizeof(TSO_KEY) - 1;
		c += sizeof(TSO_KEY) - 1;
		if (strtoul(c, NULL, 0) != 0)
			return c;
	}
	return NULL;
}

void offers_settle(const struct conf *conf, int argc, char **argv, struct why *notes)
{
	for (int i = 1; i < argc; i++) {
		char *vdev = vdev_option(argc, argv, &i), *yes;
		size_t length;
		int port = vdev != NULL && is_vhost(vdev) && next_yes(vdev, &length) != NULL ? port_named(conf, vdev) : -1;
		const struct conf_vf *slow = port < 0 ? NULL : conf_slow_vf(conf, (uint16_t)port, TSO_FRAME_BYTES);

		if (slow == NULL)
			continue;
		why_add(notes, "port %s: tso=1 is not offered to the guest: one frame of 64 KB is more than 1 ms of what "
			"[vf %s] in line %d may send", conf->ports[port].device, slow->name, slow->line);
		while ((yes = next_yes(vdev, &length)) != NULL)
			memset(yes, '0', length);
	}
}
