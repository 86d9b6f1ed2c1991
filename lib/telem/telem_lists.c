/* SPDX-License-Identifier: BSD-3-Clause */
/* /weir/info, and what is a list. */
#include <unistd.h>

#include <rte_version.h>

#include "drop.h"
#include "telem_impl.h"

static void put_worker(const struct telem_source *s, unsigned int worker, struct rte_tel_data *list)
{
	struct rte_tel_data *d = put_numbered_dict(list, worker);
	struct worker_view view;
	unsigned int lcore = 0;

	s->worker(s->ctx, worker, &view, &lcore);
	put_u64(d, "lcore", lcore);
	put_u64(d, "turns", view.n_turns);
	put_u64(d, "idle_turns", view.n_idle_turns);
	put_u64(d, "rx_pkts", view.rx_pkts);
	put_u64(d, "tx_pkts", view.tx_pkts);
	put_u64(d, "lost_ns", view.lost_ns);
	put_u64(d, "away_ns", view.away_ns);
	put_u64(d, "longest_gap_ns", view.longest_gap_ns);
	put_u64(d, "no_room", view.no_room);
}

int answer_info(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	const struct conf *conf = s->conf;
	struct rte_tel_data *workers;
	struct telem_switch sw = {0};
	struct vf_view strangers;

	if (params != NULL)
		return put_error(d, "/weir/info takes no parameters", "/weir/info");
	s->look(s->ctx, &sw);
	put_text(d, "version", WEIR_VERSION);
	put_text(d, "dpdk", rte_version());
	put_int(d, "pid", getpid());
	put_text(d, "config", conf->file);
	put_text(d, "state", conf->state);
	put_text(d, "allow_set", s->allow_set ? "yes" : "no");
	put_u64(d, "changes", s->n_changes);
	put_u64(d, "uptime_ns", sw.uptime_ns);
	put_text(d, "pf", conf->ports[conf->pf].device);
	put_u64(d, "n_ports", conf->n_ports);
	put_u64(d, "n_vfs", conf->n_named);
	put_u64(d, "n_spare", conf->n_vfs - conf->n_named);
	put_u64(d, "packet_capacity_pps", conf->packet_capacity_pps);
	put_u64(d, "guarantee_size_bytes", conf->guarantee_bytes);
	put_u64(d, "n_mbufs", sw.n_mbufs);
	put_u64(d, "n_free_mbufs", sw.n_free_mbufs);
	s->vf(s->ctx, VF_NONE, &strangers);
	put_drops(d, "unknown_sender_drops", &strangers.tx);
	workers = put_dict(d, "workers");
	for (unsigned int i = 0; i < sw.n_workers; i++)
		put_worker(s, i, workers);
	return 0;
}

static void put_port(const struct telem_source *s, uint16_t port, struct rte_tel_data *list)
{
	struct rte_tel_data *d = put_numbered_dict(list, port);
	struct telem_port view;
	char mac[MAC_TEXT];

	s->port(s->ctx, port, &view);
	put_text(d, "device", view.device);
	put_text(d, "driver", view.driver);
	put_text(d, "bus", view.bus);
	put_text(d, "role", view.is_pf ? "pf" : "vf");
	put_text(d, "kind", view.is_physical ? "physical" : "virtual");
	put_text(d, "link", view.is_up ? "up" : "down");
	put_text(d, "mac", mac_text(mac, view.mac));
	put_int(d, "numa", view.numa);
	put_u64(d, "link_bps", view.link_bps);
	put_text(d, "link_basis", view.basis == BASIS_WIRE ? "wire" : "l2");
	put_u64(d, "mtu", view.mtu);
	put_u64(d, "n_queues", view.n_queues);
	put_u64(d, "n_vfs", s->conf->ports[port].n_vfs);
	put_u64(d, "n_spare", s->conf->ports[port].n_places - s->conf->ports[port].n_vfs);
	put_u64(d, "rx_lcore", view.rx_lcore);
	put_u64(d, "tx_lcore", view.tx_lcore);
	put_u64(d, "rx_pkts", view.rx_pkts);
	put_u64(d, "tx_pkts", view.tx_pkts);
	put_u64(d, "rx_missed_pkts", view.rx_missed_pkts);
	put_u64(d, "rx_error_pkts", view.rx_error_pkts);
	put_u64(d, "tx_error_pkts", view.tx_error_pkts);
	put_u64(d, "rx_no_mbuf", view.rx_no_mbuf);
}

int answer_ports(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	uint32_t total = s->conf->n_ports, start, end;
	struct rte_tel_data *list;

	if (!page_start(params, total, &start))
		return put_error(d, "no such port number", "/weir/ports or /weir/ports,START with START below total");
	end = page_end(start, total, TELEM_PAGE_PORTS);
	put_u64(d, "total", total);
	put_u64(d, "next", end);
	list = put_dict(d, "ports");
	for (uint32_t i = start; i < end; i++)
		put_port(s, (uint16_t)i, list);
	return 0;
}

static void put_vf_line(const struct telem_source *s, vf_id vf, struct rte_tel_data *list)
{
	struct rte_tel_data *d = put_dict(list, s->conf->vfs[vf].name);
	struct rates tx, rx;
	struct vf_view view;

	s->vf(s->ctx, vf, &view);
	(void)rates_get(s->rates, telem_row(s->conf, vf, TELEM_TX), &tx);	/* all 0 at first */
	(void)rates_get(s->rates, telem_row(s->conf, vf, TELEM_RX), &rx);
	put_u64(d, "tx_bps", (uint64_t)tx.bps_1s);
	put_u64(d, "tx_pps", (uint64_t)tx.pps_1s);
	put_u64(d, "rx_bps", (uint64_t)rx.bps_1s);
	put_u64(d, "rx_pps", (uint64_t)rx.pps_1s);
	put_u64(d, "backlog_pkts", view.tx.backlog_pkts + view.rx.backlog_pkts);
	put_u64(d, "drops", dir_view_drops(&view.tx) + dir_view_drops(&view.rx));
}

int answer_vfs(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	uint32_t total = s->conf->n_named, start, end;
	struct rte_tel_data *list;

	if (!page_start(params, total, &start))
		return put_error(d, "no such VF number", "/weir/vfs or /weir/vfs,START with START below total");
	end = page_end(start, total, TELEM_PAGE_VFS);
	put_u64(d, "total", total);
	put_u64(d, "next", end);
	list = put_dict(d, "vfs");
	for (vf_id vf = nth_vf(s->conf, start); start < end; vf = nth_vf_from(s->conf, vf + 1), start++)
		put_vf_line(s, vf, list);
	return 0;
}

int answer_drops(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	(void)s;
	if (params != NULL)
		return put_error(d, "/weir/drops takes no parameters", "/weir/drops");
	for (unsigned int i = 0; i < N_DROP_REASONS; i++)
		put_text(d, drop_name((enum drop_reason)i), drop_text((enum drop_reason)i));
	return 0;
}
