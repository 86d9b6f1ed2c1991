/* SPDX-License-Identifier: BSD-3-Clause */
/* A port that is the client of a memif socket.  Its driver connects when the port is started, and never by itself again; so
 * where nobody serves the socket, or the server went, the control core starts the port anew as soon as there is one.
 *
 * Meanwhile the driver takes its rings away and makes new ones, by its own thread, so no worker may be in it: each says when
 * it goes in and comes out (port_enter(), port_leave()), and none goes in while the link is not up.  Nobody waits: the
 * control core looks again at its next tick.  (What the driver takes away when its peer goes it takes at once, from under a
 * worker too, of servers as of clients: there is nothing by which it would ask.) */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <rte_devargs.h>
#include <rte_dev.h>
#include <rte_kvargs.h>
#include <rte_log.h>

#include "port_impl.h"

#define DEFAULT_SOCKET "/run/memif.sock"	/* the driver's */
#define POLLS_BETWEEN  25u			/* of 10 ms */

static const char *value_of(const struct rte_kvargs *args, const char *key, const char *otherwise)
{
	const char *value = args != NULL ? rte_kvargs_get(args, key) : NULL;

	return value != NULL ? value : otherwise;
}

void port_again_init(struct port *p)
{
	const struct rte_devargs *told = rte_dev_devargs(p->dev.device);
	struct rte_kvargs *args;
	const char *role;

	if (strcmp(p->info.driver, "net_memif") != 0)
		return;
	args = rte_kvargs_parse(told != NULL && told->args != NULL ? told->args : "", NULL);
	role = value_of(args, "role", "client");
	p->connects = strstr(role, "server") == NULL && strstr(role, "master") == NULL;
	p->is_abstract = strstr(value_of(args, "socket-abstract", "yes"), "yes") != NULL;
	snprintf(p->server, sizeof(p->server), "%s", value_of(args, "socket", DEFAULT_SOCKET));
	rte_kvargs_free(args);
}

/* Of this process, to that server.  Looked for, because the driver tells nobody whether it still has one, and must not be
 * asked for another until it has not: a server that finds the first one hung up when it comes to it may end (DPDK's does), and
 * one that does not accept would let the second wait, and the control core with it. */
static bool has_connection(const struct port *p)
{
	DIR *fds = opendir("/proc/self/fd");
	struct dirent *entry;
	bool has = false;

	while (fds != NULL && !has && (entry = readdir(fds)) != NULL) {
		struct sockaddr_un un = {.sun_family = AF_UNSPEC};
		socklen_t bytes = sizeof(un);
		int type = 0;
		socklen_t type_bytes = sizeof(type);
		int fd = atoi(entry->d_name);

		has = getpeername(fd, (struct sockaddr *)&un, &bytes) == 0 && un.sun_family == AF_UNIX &&
		      getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_bytes) == 0 && type == SOCK_SEQPACKET &&
		      strncmp(un.sun_path + p->is_abstract, p->server, sizeof(un.sun_path) - p->is_abstract) == 0;
	}
	if (fds != NULL)
		closedir(fds);
	return has;
}

/* A server that is not there is no error each time. */
static int start_quietly(const struct port *p)
{
	int type = rte_log_register("pmd.net.memif"), level = type >= 0 ? rte_log_get_level((uint32_t)type) : -1, rc;

	if (level >= 0)
		rte_log_set_level((uint32_t)type, RTE_LOG_CRIT);
	rc = rte_eth_dev_start(p->ethdev);
	if (level >= 0)
		rte_log_set_level((uint32_t)type, (uint32_t)level);
	return rc;
}

int port_again_start(struct port *p)
{
	int rc;

	p->polls_left = POLLS_BETWEEN;
	if (p->state == PORT_STARTED)
		(void)rte_eth_dev_stop(p->ethdev);
	p->state = PORT_CONFIGURED;
	rc = start_quietly(p);
	if (rc == 0)
		p->state = PORT_STARTED;
	return rc;
}

bool port_again_poll(struct port *p, bool is_up)
{
	is_up &= p->state == PORT_STARTED;
	atomic_store(&p->may_enter, is_up);	/* before the looks below: all are sequentially consistent */
	if (is_up) {
		p->polls_left = POLLS_BETWEEN;
		return true;
	}
	if (p->polls_left > 0)
		p->polls_left--;
	else if (!atomic_load(&p->is_receiving) && !atomic_load(&p->is_sending) && !has_connection(p))
		(void)port_again_start(p);
	return false;
}
