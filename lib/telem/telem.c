/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <string.h>

#include "telem_impl.h"

#define MAX_REQUEST 1000u	/* EAL cuts at 1,023 and tells nobody */

typedef int answer_fn(const struct telem_source *s, const char *params, struct rte_tel_data *d);

static const struct {
	const char *name;
	answer_fn *answer;
	const char *help;	/* 63 characters at most */
} commands[] = {
	{"/weir/info", answer_info, "The switch and its workers. No parameters"},
	{"/weir/ports", answer_ports, "A page of ports. Parameters: START"},
	{"/weir/vfs", answer_vfs, "A page of VFs. Parameters: START"},
	{"/weir/vf", answer_vf, "One VF in full. Parameters: NAME"},
	{"/weir/vf/add", answer_vf_add, "A new VF. Parameters: NAME,port=DEVICE;key=value"},
	{"/weir/vf/del", answer_vf_del, "Deletes a VF. Parameters: NAME"},
	{"/weir/why", answer_why, "Why a VF gets what it gets, in words. Parameters: NAME,MS"},
	{"/weir/delays", answer_delays, "A histogram that only grows. Parameters: NAME,tx,medium"},
	{"/weir/tenants", answer_tenants, "A page of tenants. Parameters: START"},
	{"/weir/tenant", answer_tenant, "One tenant, and a page of its VFs. Parameters: NAME,START"},
	{"/weir/pf", answer_pf, "The PF in full. No parameters"},
	{"/weir/allocator", answer_allocator, "The control core, and a page of grants. Parameters: START"},
	{"/weir/remote", answer_remote, "Congestion beyond the uplink, a page of VFs. Parameters: START"},
	{"/weir/drops", answer_drops, "Why packets are dropped. No parameters"},
	{"/weir/sla/set", answer_sla_set, "Changes an SLA. Parameters: VF,key=value;key=value"},
	{"/weir/sla/get", answer_sla_get, "What a VF was sold. Parameters: VF"},
	{"/weir/sla/dryrun", answer_sla_dryrun, "What a set would do. Parameters: as of set, then START"},
	{"/weir/tenant/set", answer_tenant_set, "Changes an SLA. Parameters: NAME,key=value;key=value"},
	{"/weir/tenant/get", answer_tenant_get, "What a tenant was sold. Parameters: NAME"},
	{"/weir/tenant/dryrun", answer_tenant_dryrun, "What a set would do. Parameters: as of set, then START"},
	{"/weir/dscp/set", answer_dscp_set, "Changes a map. Parameters: VF,EF=urgent;AF41=high low"},
	{"/weir/dscp/get", answer_dscp_get, "The map of a VF: DSCP to class. Parameters: VF"},
	{"/weir/mark/list", answer_mark_list, "A page of marking rules, with hits. Parameters: START"},
	{"/weir/mark/add", answer_mark_add, "A new marking rule. Parameters: NAME,key=value;key=value"},
	{"/weir/mark/del", answer_mark_del, "Takes a marking rule away. Parameters: NAME"},
	{"/weir/capture/start", answer_capture_start, "Packets to a pcap. Parameters: VF,file=PATH,key=value"},
	{"/weir/capture/stop", answer_capture_stop, "Ends a capture. Parameters: ID"},
	{"/weir/capture/list", answer_capture_list, "Captures, the latest first. No parameters"},
	{"/weir/config/dump", answer_dump, "The running config, lines of a file. Parameters: START"},
	{"/weir/config/reload", answer_reload, "Terms of a file from now on. Parameters: FILE"},
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* EAL gives a callback no context and cannot unregister it, so there is one source, which may be gone. */
static struct telem_source source;
static bool has_source;
static pthread_rwlock_t source_lock = PTHREAD_RWLOCK_INITIALIZER;

/* What an answer tells of the config is one moment's, whatever changes meanwhile. */
static int with_config(answer_fn *answer, const char *params, struct rte_tel_data *d)
{
	struct telem_source s = source;
	struct live_conf *held;
	int rc;

	if (s.live == NULL)
		return answer(&s, params, d);
	s.n_changes = live_n_changes(s.live);
	held = live_hold(s.live);
	s.conf = live_conf(held);
	rc = answer(&s, params, d);
	live_release(s.live, held);
	return rc;
}

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
	return with_config(commands[i].answer, params, d);
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
