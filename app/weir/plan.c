/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir.h"

void plan_request(struct place_request *request, const struct conf *conf, const struct ports *ports)
{
	*request = (struct place_request){
		.n_ports = conf->n_ports,
		.pf = conf->pf,
		.mode = (int)conf->placement,
	};
	for (uint16_t i = 0; i < conf->n_ports; i++) {
		request->ports[i].device = conf->ports[i].device;
		request->ports[i].numa = ports != NULL ? port_info(ports, i)->numa : conf->ports[i].numa;
		request->ports[i].rx_lcore = conf->rx_lcore[i];
		request->ports[i].tx_lcore = conf->tx_lcore[i];
	}
}

bool plan_add_lcore(struct place_request *request, unsigned int lcore, int numa, struct why *why)
{
	if (request->n_lcores == PLACE_MAX_WORKERS) {
		why_add(why, "more than %d data lcores: give fewer with EAL's -l or --lcores", PLACE_MAX_WORKERS);
		return false;
	}
	request->lcores[request->n_lcores] = lcore;
	request->lcore_numa[request->n_lcores] = numa;
	request->n_lcores++;
	return true;
}
