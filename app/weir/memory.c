/* SPDX-License-Identifier: BSD-3-Clause */
/* What a start would need, told before it: EAL's memory by the same plan that a start goes by, and the rest by making it. */
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf_change.h"
#include "control.h"
#include "memory.h"
#include "vdev_args.h"

#define MIB 1048576u

struct mapped {
	uint64_t all_bytes, touched_bytes;	/* address space; what of it is in memory */
};

static struct mapped mapped_now(void)
{
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	unsigned long long all = 0, touched = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f != NULL && fscanf(f, "%llu %llu", &all, &touched) != 2)
		all = touched = 0;
	if (f != NULL)
		fclose(f);
	return (struct mapped){all * page_bytes, touched * page_bytes};
}

/* ---- EAL's ---- */

/* Its options: whether there are huge pages, and "-m". */
static void read_eal(const struct args *args, bool *has_huge, uint64_t *given_mib)
{
	*has_huge = true;
	*given_mib = 0;
	for (int i = 1; i < args->eal_argc; i++) {
		const char *arg = args->eal_argv[i];
		if (strcmp(arg, "--no-huge") == 0)
			*has_huge = false;
		else if (strcmp(arg, "-m") == 0 && i + 1 < args->eal_argc)
			*given_mib = strtoull(args->eal_argv[++i], NULL, 10);
		else if (strncmp(arg, "-m", 2) == 0)
			*given_mib = strtoull(arg + 2, NULL, 10);
	}
}

/* Whose guests are offered TSO. */
static void read_cuts(const struct args *args, const struct conf *conf, bool cuts[CONF_MAX_PORTS])
{
	const char *value;

	for (int i = 1; i < args->eal_argc; i++) {
		char *vdev = vdev_option(args->eal_argc, args->eal_argv, &i);
		if (vdev == NULL || vdev_find_arg(vdev, "tso=", &value) == 0 || strtoul(value, NULL, 0) == 0)
			continue;
		for (uint16_t port = 0; port < conf->n_ports; port++)
			cuts[port] |= strlen(conf->ports[port].device) == strcspn(vdev, ",") &&
				strncmp(conf->ports[port].device, vdev, strcspn(vdev, ",")) == 0;
	}
}

/* ---- The rest ---- */

struct rest {
	struct fabric *fabric;
	struct pipe *pipes[PLACE_MAX_WORKERS];
	struct rates_store *rates;
	struct held_store *held;
	struct control *control;
	struct grants *grants[ALLOCATOR_GRANTS];
	struct conf *running;
};

static bool make_pipes(const struct conf *conf, const struct place *plan, struct rest *r, struct why *why)
{
	struct fabric_params params = {.conf = conf, .n_workers = plan->n_workers, .home = plan->home};
	static const struct pipe_io io;

	for (uint16_t i = 0; i < conf->n_ports; i++)
		params.ports[i] = (struct fabric_port){.link_bps = conf->ports[i].rate_bps, .basis = conf->ports[i].basis,
			.rx_worker = plan->rx_worker[i], .tx_worker = plan->tx_worker[i]};
	r->fabric = fabric_create(&params, why);
	for (unsigned int i = 0; r->fabric != NULL && i < plan->n_workers; i++) {
		r->pipes[i] = pipe_create(r->fabric, i, &io, 0, why);
		if (r->pipes[i] == NULL)
			return false;
	}
	return r->fabric != NULL;
}

/* As weir_open() does, without what is EAL's. */
static bool make_rest(const struct conf *conf, const struct place *plan, struct rest *r)
{
	static struct why why;
	uint32_t n_rows = telem_n_rows(conf);
	struct control_params control = {.conf = conf, .pf_bps = conf->ports[conf->pf].rate_bps, .n_workers = plan->n_workers};

	why_init(&why);
	if (!make_pipes(conf, plan, r, &why))
		return false;
	r->rates = rates_create(n_rows);
	r->held = held_create(n_rows + conf->n_tenants);
	r->control = control_create(&control, 0);
	for (unsigned int i = 0; i < ALLOCATOR_GRANTS; i++) {
		r->grants[i] = grants_create(conf);
		if (r->grants[i] == NULL)
			return false;
	}
	r->running = conf_with_terms(conf, conf, &why);	/* live's */
	return r->rates != NULL && r->held != NULL && r->control != NULL && r->running != NULL;
}

static void unmake_rest(struct rest *r)
{
	conf_destroy(r->running);
	for (unsigned int i = 0; i < ALLOCATOR_GRANTS; i++)
		grants_destroy(r->grants[i]);
	control_destroy(r->control);
	held_destroy(r->held);
	rates_destroy(r->rates);
	for (unsigned int i = 0; i < PLACE_MAX_WORKERS; i++)
		pipe_destroy(r->pipes[i]);
	fabric_destroy(r->fabric);
}

/* false: not known.  The config is there, twice: as in the file, and as it holds. */
static bool find_rest(const struct conf *conf, const struct place *plan, struct mapped *rest)
{
	struct mallinfo2 heap = mallinfo2();
	struct mapped before = mapped_now(), after;
	struct rest r = {0};
	bool is_made = make_rest(conf, plan, &r);

	after = mapped_now();
	unmake_rest(&r);
	rest->all_bytes = after.all_bytes - before.all_bytes + heap.uordblks + heap.hblkhd;
	rest->touched_bytes = after.touched_bytes - before.touched_bytes + heap.uordblks + heap.hblkhd;
	return is_made && before.all_bytes > 0;
}

static uint64_t mib_of(uint64_t bytes)
{
	return (bytes + MIB - 1) / MIB;
}

void memory_print(const struct args *args, const struct conf *conf, const struct place *plan, FILE *out)
{
	struct ports_need need = {
		.queued_pkts = fabric_max_pkts(conf) + workers_ring_pkts(plan->n_workers),
		.n_workers = plan->n_workers,
		.ring_bytes = workers_ring_bytes(plan->n_workers),
	};
	bool cuts[CONF_MAX_PORTS] = {false}, has_huge;
	struct ports_memory eal;
	struct mapped rest;
	bool has_rest = find_rest(conf, plan, &rest);
	uint64_t given_mib;

	read_eal(args, &has_huge, &given_mib);
	read_cuts(args, conf, cuts);
	if (!ports_memory(conf, &need, cuts, has_huge, &eal)) {
		fprintf(out, "\nmemory: not known: there is none to find it out\n");
		return;
	}
	fprintf(out, "\nmemory, if started so (device drivers may take fewer descriptors than asked, and then less):\n");
	fprintf(out, "  EAL's      %" PRIu64 " MB: %s; %u packet buffers of %u bytes, for up to %u packets in queues\n", eal.mib,
		has_huge ? "of huge pages (or --no-huge with -m as it is told then)" : "give it -m so much with --no-huge",
		eal.n_mbufs, eal.mbuf_bytes, need.queued_pkts);
	if (given_mib != 0 && given_mib < eal.mib)
		fprintf(out, "             (-m %" PRIu64 " is given: too little)\n", given_mib);
	if (has_rest)
		fprintf(out, "  the rest   %" PRIu64 " MB at once, %" PRIu64 " MB with all queues full: queues, flows, counters, the "
			"configuration\n", mib_of(rest.touched_bytes), mib_of(rest.all_bytes));
}
