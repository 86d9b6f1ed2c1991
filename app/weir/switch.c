/* SPDX-License-Identifier: BSD-3-Clause */
/* The switch as a whole, up and down. */
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_pdump.h>

#include "weir.h"

static bool plan(struct weir *w, struct why *why)
{
	unsigned int lcore;

	plan_request(&w->request, w->conf, w->ports);
	w->request.main_lcore = rte_get_main_lcore();
	RTE_LCORE_FOREACH_WORKER(lcore) {
		if (!plan_add_lcore(&w->request, lcore, (int)rte_lcore_to_socket_id(lcore), why))
			return false;
	}
	return place_plan(&w->request, &w->plan, why);
}

static void tell_far_ports(const struct weir *w, struct why *notes)
{
	for (uint16_t i = 0; i < w->conf->n_ports; i++) {
		if (w->plan.numa_far[i])
			why_add(notes, "port %s is on NUMA node %d, its lcore on another: slower; choose lcores there",
				w->conf->ports[i].device, w->request.ports[i].numa);
	}
}

static bool open_ports(struct weir *w, struct why *notes, struct why *why)
{
	struct ports_need need = {
		.queued_pkts = fabric_max_pkts(w->conf) + workers_ring_pkts(w->plan.n_workers),
		.n_workers = w->plan.n_workers,
		.ring_bytes = workers_ring_bytes(w->plan.n_workers),
	};

	return ports_open(w->ports, &need, notes, why);
}

/* Link rates are known only now, so only now it is known whether the guarantees fit. */
/* Without a rate the uplink is not paced: nobody's bits are held back for another's. */
static void tell_unknown_rate(const struct weir *w, struct why *notes)
{
	const struct conf *conf = w->conf;
	const char *device = conf->ports[conf->pf].device;

	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		const struct conf_vf *v = &conf->vfs[i];
		if ((v->tx.min_bps | v->tx.urgent_bps) == 0)
			continue;
		why_add(notes, "port %s tells no speed: guarantees in bits, such as [vf %s]'s in line %d, can be neither "
			"checked nor kept; give rate in [port %s]", device, v->name, v->line, device);
		return;
	}
}

static bool create_fabric(struct weir *w, struct why *notes, struct why *why)
{
	const struct port_info *pf = port_info(w->ports, w->conf->pf);
	struct fabric_params params = {
		.conf = w->conf,
		.n_workers = w->plan.n_workers,
		.home = w->plan.home,
	};

	for (uint16_t i = 0; i < w->conf->n_ports; i++) {
		const struct port_info *info = port_info(w->ports, i);

		params.ports[i] = (struct fabric_port){
			.link_bps = info->link_bps,
			.basis = info->basis,
			.is_physical = info->is_physical,
			.rx_worker = w->plan.rx_worker[i],
			.tx_worker = w->plan.tx_worker[i],
		};
	}
	if (!conf_admit(w->conf, pf->link_bps, pf->basis, why))
		return false;
	if (pf->link_bps == 0)
		tell_unknown_rate(w, notes);
	w->fabric = fabric_create(&params, why);
	return w->fabric != NULL;
}

static bool create_workers(struct weir *w, struct why *why)
{
	struct workers_params params = {
		.conf = w->conf,
		.plan = &w->plan,
		.fabric = w->fabric,
		.ports = w->ports,
		.clock = &w->clock,
	};

	w->workers = workers_create(&params, why);
	return w->workers != NULL;
}

static bool start_telemetry(struct weir *w, struct why *why)
{
	struct telem_source source;

	w->rates = rates_create(telem_n_rows(w->conf));
	w->samples = calloc(telem_n_rows(w->conf), sizeof(*w->samples));
	w->held = held_create(telem_n_rows(w->conf) + w->conf->n_tenants);
	if (w->rates == NULL || w->samples == NULL || w->held == NULL) {
		why_add(why, "no memory for rates of %u VFs", w->conf->n_vfs);
		return false;
	}
	source_init(w, &source);
	return telem_start(&source, why);
}

/* A guest that is not there yet must not be sent to. */
static void look_at_links(struct weir *w)
{
	for (uint16_t i = 0; i < w->conf->n_ports; i++) {
		w->link_up[i] = port_poll_link(w->ports, i);
		fabric_set_link(w->fabric, i, w->link_up[i]);
	}
}

static enum weir_exit open_all(struct weir *w, struct why *notes, struct why *why)
{
	w->ports = ports_find(w->conf, why);
	if (w->ports == NULL)
		return WEIR_FAILED;
	if (!plan(w, why))
		return WEIR_USAGE;
	tell_far_ports(w, notes);
	if (!open_ports(w, notes, why))
		return WEIR_FAILED;
	tsc_clock_init(&w->clock, &w->started);
	if (!create_fabric(w, notes, why))
		return WEIR_USAGE;
	look_at_links(w);
	if (!create_workers(w, why) || !change_open(w, why) || !places_open(w, why) || !allocator_open(w, why) ||
		!capturing_open(w, why) || !start_telemetry(w, why) || !workers_start(w->workers, why))
		return WEIR_FAILED;
	return WEIR_OK;
}

static void print_each(const struct why *why, const char *before, FILE *out)
{
	for (int i = 0; i < why->n; i++)
		fprintf(out, "weir: %s%s\n", before, why->text[i]);
}

enum weir_exit weir_open(struct weir *w)
{
	static struct why notes, why;
	enum weir_exit rc;

	why_init(&notes);
	why_init(&why);
	rc = open_all(w, &notes, &why);
	print_each(&notes, "warning: ", stderr);
	print_each(&why, "", stderr);
	return rc;
}

/* The order of opening, backwards.  A worker that a driver keeps would go on using what is freed here. */
enum weir_exit weir_close(struct weir *w)
{
	uint32_t n_missing;

	if (w->live != NULL)
		live_close(w->live);
	if (w->recorder != NULL)
		recorder_close(w->recorder);
	if (w->workers != NULL) {
		struct workers_end end = workers_stop(w->workers);

		if (w->rates != NULL)
			report_end(w, &end);
		if (end.stalled) {
			fprintf(stderr, "weir: a worker does not end: a driver keeps it\n");
			fflush(NULL);
			_exit(WEIR_FAILED);
		}
	}
	telem_stop();
	recorder_destroy(w->recorder);
	change_close(w);
	workers_destroy(w->workers);
	fabric_destroy(w->fabric);
	rates_destroy(w->rates);
	held_destroy(w->held);
	places_close(w);
	free(w->samples);
	n_missing = ports_close(w->ports);
	(void)rte_pdump_uninit();
	rte_eal_cleanup();
	if (n_missing > 0)
		fprintf(stderr, "weir: %u mbufs did not come home\n", n_missing);
	return n_missing > 0 ? WEIR_LEAK : WEIR_OK;
}
