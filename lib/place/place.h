/* SPDX-License-Identifier: BSD-3-Clause */
/* Which lcore does what: a pure plan that can be printed before it is applied.
 * One data lcore does everything in a turn.  With more, receive lcores (ask, classify, switch) feed the others over
 * single-producer rings: one "home" lcore schedules all senders and transmits on the PF, and the VF ports' transmit
 * sides are spread over what is left (or over home).  VF senders' clocks live on home only, so limits stay exact.
 * Used by: worker, app.  Uses: base. */
#ifndef WEIR_PLACE_H
#define WEIR_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "why.h"

#define PLACE_MAX_PORTS	  64
#define PLACE_MAX_WORKERS 16

struct place_request {
	uint16_t n_ports;
	uint16_t pf;
	struct {
		const char *device;
		int numa;		/* -1 = unknown */
		int rx_lcore, tx_lcore;	/* -1 = choose */
	} ports[PLACE_MAX_PORTS];
	unsigned int n_lcores;		/* data lcores: without the main one */
	unsigned int lcores[PLACE_MAX_WORKERS];
	int lcore_numa[PLACE_MAX_WORKERS];
	unsigned int main_lcore;
	int mode;			/* 0 auto, 1 single, 2 split */
};

struct place {
	unsigned int n_workers;
	unsigned int lcore[PLACE_MAX_WORKERS];
	unsigned int main_lcore;
	unsigned int home;			/* worker that schedules the senders and serves the PF's transmit side */
	unsigned int rx_worker[PLACE_MAX_PORTS];	/* by port */
	unsigned int tx_worker[PLACE_MAX_PORTS];
	bool numa_far[PLACE_MAX_PORTS];		/* its worker is on another NUMA node */
	bool is_single;
};

/* Plans.  false with the reasons in 'why': no data lcore, too many, an override that names an lcore not given, two
 * lcores named where one does everything, "split" with fewer than two data lcores ("auto" and "single" take one).
 * An override of the PF's transmit side names home.  lcores that no port can use get no worker. */
bool place_plan(const struct place_request *req, struct place *plan, struct why *why);

/* A table: lcore, NUMA node, receives from, schedules and transmits to. */
void place_print(const struct place_request *req, const struct place *plan, FILE *out);

#endif
