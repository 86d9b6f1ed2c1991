/* SPDX-License-Identifier: BSD-3-Clause */
#include <numa.h>

#include "lcores.h"
#include "memory.h"
#include "weir.h"

/* As EAL tells it: the node that all of an lcore's CPUs are on, else -1. */
static int numa_of_cpus(const cpu_set_t *cpus)
{
	bool is_first = true;
	int numa = -1;

	if (numa_available() < 0)
		return -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET((size_t)cpu, cpus))
			continue;
		if (!is_first && numa_node_of_cpu(cpu) != numa)
			return -1;
		numa = numa_node_of_cpu(cpu);
		is_first = false;
	}
	return numa;
}

/* The placement that a start with these EAL options would choose. */
static bool check_placement(const struct args *args, const struct conf *conf, struct why *why)
{
	struct place_request request;
	struct place plan;
	struct lcores lcores;

	plan_request(&request, conf, NULL);
	if (!lcores_from_args(&lcores, args->eal_argc, args->eal_argv)) {
		printf("\nplacement: not known from these lcore options\n");
		return true;
	}
	if (lcores.n == 0) {
		printf("\nplacement: not known: only one lcore here; a start needs two (e.g. --lcores 0@0,1@0)\n");
		return true;
	}
	request.main_lcore = lcores.main;
	for (unsigned int i = 0; i < lcores.n; i++) {
		if (!plan_add_lcore(&request, lcores.lcore[i], numa_of_cpus(&lcores.cpus[i]), why))
			return false;
	}
	if (!place_plan(&request, &plan, why))
		return false;
	printf("\nplacement, if started with these lcores:\n");
	place_print(&request, &plan, stdout);
	memory_print(args, conf, &plan, stdout);
	return true;
}

enum weir_exit check_run(const struct args *args, const struct conf *conf)
{
	static struct why why;

	why_init(&why);
	conf_print(conf, stdout);
	if (!check_placement(args, conf, &why)) {
		why_print(&why, stderr);
		return WEIR_USAGE;
	}
	printf("\nqueues: up to %u packets inside weir\n", fabric_max_pkts(conf));
	if (conf->ports[conf->pf].rate_bps == 0)
		printf("admission in bits/s: when weir starts, by the link speed that %s then reports (or name a rate)\n",
			conf->ports[conf->pf].device);
	printf("%s: good\n", conf->file);
	return WEIR_OK;
}
