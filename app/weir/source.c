/* SPDX-License-Identifier: BSD-3-Clause */
/* What telemetry reads of the running switch.  All of it may be called from any thread. */
#include <rte_mempool.h>

#include "remote_view.h"
#include "weir.h"

static void look(void *ctx, struct telem_switch *sw)
{
	const struct weir *w = ctx;

	*sw = (struct telem_switch){
		.uptime_ns = tsc_now_ns(&w->clock),
		.n_workers = workers_n(w->workers),
		.n_mbufs = ports_n_mbufs(w->ports),
		.n_free_mbufs = ports_n_free_mbufs(w->ports),
	};
}

static void port(void *ctx, uint16_t port, struct telem_port *view)
{
	const struct weir *w = ctx;
	const struct port_info *info = port_info(w->ports, port);
	struct port_counters c;

	port_read_counters(w->ports, port, &c);
	*view = (struct telem_port){
		.device = info->device,
		.driver = info->driver,
		.bus = info->bus,
		.is_pf = info->role == PORT_PF,
		.is_physical = info->is_physical,
		.is_up = port_is_up(w->ports, port),
		.numa = info->numa,
		.link_bps = info->link_bps,
		.basis = info->basis,
		.mtu = info->mtu,
		.n_queues = port_n_rings(w->ports, port),
		.n_vfs = info->n_vfs,
		.rx_lcore = w->plan.lcore[w->plan.rx_worker[port]],
		.tx_lcore = w->plan.lcore[w->plan.tx_worker[port]],
		.mac = {info->mac[0], info->mac[1], info->mac[2], info->mac[3], info->mac[4], info->mac[5]},
		.rx_pkts = c.rx_pkts,
		.tx_pkts = c.tx_pkts,
		.rx_missed_pkts = c.rx_missed_pkts,
		.rx_error_pkts = c.rx_error_pkts,
		.tx_error_pkts = c.tx_error_pkts,
		.rx_no_mbuf = c.rx_no_mbuf,
	};
}

static void worker(void *ctx, unsigned int worker, struct worker_view *view, unsigned int *lcore)
{
	const struct weir *w = ctx;

	workers_view_one(w->workers, worker, view);
	*lcore = w->plan.lcore[worker];
}

static void vf(void *ctx, vf_id vf, struct vf_view *view)
{
	const struct weir *w = ctx;

	places_view_vf(w, vf, view);
}

static void delay(void *ctx, vf_id vf, struct delay_view *view)
{
	const struct weir *w = ctx;

	places_view_delay(w, vf, view);
}

static void tenant(void *ctx, uint32_t tenant, struct tenant_view *view)
{
	const struct weir *w = ctx;

	workers_view_tenant(w->workers, tenant, view);
}

static void credit(void *ctx, vf_id vf, struct credit_view *view)
{
	const struct weir *w = ctx;

	workers_view_credit(w->workers, vf, view);
}

static uint64_t held_for_ns(void *ctx, uint32_t row, enum view_bound bound)
{
	const struct weir *w = ctx;
	uint64_t since_ns = held_since_ns(w->held, row, bound), now_ns = tsc_now_ns(&w->clock);

	return since_ns != 0 && now_ns > since_ns ? now_ns - since_ns : 0;
}

static void view_allocator(void *ctx, struct allocator_view *view)
{
	allocator_view(ctx, view);
}

static bool view_grant(void *ctx, vf_id vf, struct grant *grant)
{
	return allocator_grant(ctx, vf, grant);
}

static bool start_capture(void *ctx, const struct capture_ask *ask, const struct capture_rule *rule, struct capture_view *view,
	struct why *why)
{
	const struct weir *w = ctx;

	return recorder_start(w->recorder, ask, rule, view, why);
}

static bool stop_capture(void *ctx, uint32_t id, struct capture_view *view, struct why *why)
{
	const struct weir *w = ctx;

	return recorder_stop(w->recorder, id, view, why);
}

static uint32_t list_captures(void *ctx, struct capture_view *views)
{
	const struct weir *w = ctx;

	return recorder_list(w->recorder, views);
}

static void view_remote(void *ctx, struct telem_remote *view)
{
	remote_view_all(ctx, view);
}

static bool view_remote_vf(void *ctx, vf_id vf, struct telem_remote_vf *view)
{
	return remote_view_vf(ctx, vf, view);
}

void source_init(struct weir *w, struct telem_source *source)
{
	*source = (struct telem_source){
		.ctx = w,
		.conf = w->conf,
		.live = w->live,
		.allow_set = w->args.allow_set,
		.rates = w->rates,
		.look = look,
		.port = port,
		.worker = worker,
		.vf = vf,
		.delay = delay,
		.tenant = tenant,
		.credit = credit,
		.held_for_ns = held_for_ns,
		.allocator = view_allocator,
		.grant = view_grant,
		.start_capture = start_capture,
		.stop_capture = stop_capture,
		.list_captures = list_captures,
		.remote = w->remote != NULL ? view_remote : NULL,
		.remote_vf = w->remote != NULL ? view_remote_vf : NULL,
	};
}
