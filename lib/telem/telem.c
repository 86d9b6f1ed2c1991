/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <string.h>

#include "telem_impl.h"

#define MAX_REQUEST 1000u	/* EAL cuts at 1,023 and tells nobody */

static const struct {
	const char *name;
	int (*answer)(const struct telem_source *s, const char *params, struct rte_tel_data *d);
	const char *help;	/* 63 characters at most */
} commands[] = {
	{"/weir/info", answer_info, "The switch and its workers. No parameters"},
	{"/weir/ports", answer_ports, "A page of ports. Parameters: START"},
	{"/weir/vfs", answer_vfs, "A page of VFs. Parameters: START"},
	{"/weir/vf", answer_vf, "One VF in full. Parameters: NAME"},
	{"/weir/tenants", answer_tenants, "A page of tenants. Parameters: START"},
	{"/weir/tenant", answer_tenant, "One tenant, and a page of its VFs. Parameters: NAME,START"},
	{"/weir/pf", answer_pf, "The PF in full. No parameters"},
	{"/weir/drops", answer_drops, "Why packets are dropped. No parameters"},
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* EAL gives a callback no context and cannot unregister it, so there is one source, which may be gone. */
static struct telem_source source;
static bool has_source;
static pthread_rwlock_t source_lock = PTHREAD_RWLOCK_INITIALIZER;

static int answer(const char *cmd, const char *params, struct rte_tel_data *d)
{
	size_t i = 0;

	rte_tel_data_start_dict(d);
	if (params != NULL && strlen(cmd) + 1 + strlen(params) >= MAX_REQUEST)
		return put_error(d, "the request is too long", "less than 1000 bytes");
	if (!has_source)
		return put_error(d, "weir is ending", "a switch that runs");
	while (i < N_COMMANDS && strcmp(commands[i].name, cmd) != 0)
		i++;
	if (i == N_COMMANDS)
		return put_error(d, "no such command", "one of those that / lists");
	return commands[i].answer(&source, params, d);
}

/* A negative answer would become a bare null, so there is none. */
static int on_command(const char *cmd, const char *params, struct rte_tel_data *d)
{
	pthread_rwlock_rdlock(&source_lock);
	answer(cmd, params, d);
	pthread_rwlock_unlock(&source_lock);
	return 0;
}

bool telem_start(const struct telem_source *s, struct why *why)
{
	pthread_rwlock_wrlock(&source_lock);
	source = *s;
	has_source = true;
	pthread_rwlock_unlock(&source_lock);
	for (size_t i = 0; i < N_COMMANDS; i++) {
		int rc = rte_telemetry_register_cmd(commands[i].name, on_command, commands[i].help);

		if (rc != 0) {
			why_add(why, "telemetry command %s: %s", commands[i].name, strerror(-rc));
			telem_stop();
			return false;
		}
	}
	return true;
}

void telem_stop(void)
{
	pthread_rwlock_wrlock(&source_lock);
	has_source = false;
	pthread_rwlock_unlock(&source_lock);
}
