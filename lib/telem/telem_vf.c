/* SPDX-License-Identifier: BSD-3-Clause */
/* /weir/vf,NAME and /weir/pf: one sender and receiver in full. */
#include <string.h>

#include "hist.h"
#include "telem_impl.h"

static void put_rates(struct rte_tel_data *d, const struct rates_store *store, uint32_t row)
{
	struct rates r;

	(void)rates_get(store, row, &r);	/* all 0 at first */
	put_u64(d, "bps_1s", (uint64_t)r.bps_1s);
	put_u64(d, "pps_1s", (uint64_t)r.pps_1s);
	put_u64(d, "bps_10s", (uint64_t)r.bps_10s);
	put_u64(d, "pps_10s", (uint64_t)r.pps_10s);
}

static void put_classes(struct rte_tel_data *d, const struct dir_view *v, const struct hist_snapshot *delay)
{
	struct rte_tel_data *classes = put_dict(d, "classes");

	for (unsigned int c = 0; c < N_TCLASSES; c++) {
		struct rte_tel_data *in = put_dict(classes, tclass_name((enum tclass)c));

		put_u64(in, "out_pkts", v->class_pkts[c]);
		put_u64(in, "out_bytes", v->class_bytes[c]);
		put_u64(in, "delay_p50_ns", hist_quantile_ns(&delay[c], 0.5));
		put_u64(in, "delay_p99_ns", hist_quantile_ns(&delay[c], 0.99));
		put_u64(in, "delay_p999_ns", hist_quantile_ns(&delay[c], 0.999));
		put_u64(in, "delay_max_ns", delay[c].max_ns);
	}
}

static void put_direction(struct rte_tel_data *d, const struct dir_view *v, const struct hist_snapshot *delay)
{
	put_u64(d, "in_pkts", v->in_pkts);
	put_u64(d, "in_bytes", v->in_bytes);
	put_u64(d, "out_pkts", v->out_pkts);
	put_u64(d, "out_bytes", v->out_bytes);
	put_u64(d, "local_pkts", v->local_pkts);
	put_u64(d, "local_bytes", v->local_bytes);
	put_u64(d, "backlog_pkts", v->backlog_pkts);
	put_u64(d, "backlog_bytes", v->backlog_bytes);
	put_u64(d, "marked_pkts", v->marked_pkts);
	put_u64(d, "guarantee_missed_ns", v->missed_ns);
	put_held(d, v->held_ns);
	put_drops(d, "drops", v);
	put_classes(d, v, delay);
}

static void put_most(struct rte_tel_data *d, const char *when, const struct peak_most *m)
{
	struct rte_tel_data *in = put_dict(d, when);

	put_u64(in, "bps_1ms", m->ms.bytes * 8 * 1000);
	put_u64(in, "pps_1ms", m->ms.pkts * 1000);
	put_u64(in, "bps_10ms", m->ten_ms.bytes * 8 * 100);
	put_u64(in, "pps_10ms", m->ten_ms.pkts * 100);
}

/* Counted as the receivers' own, too. */
static void put_receiver_drops(struct rte_tel_data *d, const struct dir_view *tx)
{
	struct rte_tel_data *in = put_dict(d, "receiver_drops");

	for (int i = 0; i < N_RECEIVER_DROPS; i++)
		put_u64(in, drop_name((enum drop_reason)(DROP_RECEIVER_FIRST + i)), tx->receiver_drops[i]);
}

/* Rates in the busiest ms, and 10 ms. */
static void put_peaks(struct rte_tel_data *d, const struct peak_view *peak)
{
	struct rte_tel_data *in = put_dict(d, "peaks");

	put_most(in, "ever", &peak->ever);
	put_most(in, "recent", &peak->recent);
}

/* The tx and rx branches; each is returned for what only a VF has. */
static void put_both(const struct telem_source *s, vf_id vf, struct rte_tel_data *d, struct rte_tel_data *dirs[2])
{
	struct delay_view delay;
	struct vf_view view;

	s->vf(s->ctx, vf, &view);
	s->delay(s->ctx, vf, &delay);
	dirs[TELEM_TX] = put_dict(d, "tx");
	dirs[TELEM_RX] = put_dict(d, "rx");
	for (int dir = TELEM_TX; dir <= TELEM_RX; dir++) {
		put_rates(dirs[dir], s->rates, telem_row(s->conf, vf, dir));
		put_held_for(s, telem_row(s->conf, vf, dir), dirs[dir]);
	}
	put_direction(dirs[TELEM_TX], &view.tx, delay.tx);
	put_direction(dirs[TELEM_RX], &view.rx, delay.rx);
	if (vf == VF_PF)
		return;
	put_receiver_drops(dirs[TELEM_TX], &view.tx);
	put_peaks(dirs[TELEM_TX], &view.tx.peak);
	put_peaks(dirs[TELEM_RX], &view.rx.peak);
}

static void put_identity(const struct conf *conf, const struct conf_vf *vf, struct rte_tel_data *d)
{
	static const char *const modes[] = {[VLAN_NONE] = "none", [VLAN_ACCESS] = "access", [VLAN_TRUNK] = "trunk"};
	const struct conf_tenant *tenant = conf_tenant_of(conf, vf->tenant);
	struct rte_tel_data *macs;

	put_text(d, "name", vf->name);
	put_text(d, "tenant", tenant != NULL ? tenant->name : "");
	put_text(d, "port", conf->ports[vf->port].device);
	macs = put_text_array(d, "macs");
	for (unsigned int i = 0; macs != NULL && i < vf->n_macs; i++) {
		char text[MAC_TEXT];

		rte_tel_data_add_array_string(macs, mac_text(text, vf->mac[i]));
	}
	put_text(d, "vlan", modes[vf->vlan_mode]);
	put_u64(d, "vid", vf->vid);
	put_text(d, "dscp_map", conf->maps[vf->dscp_map].name);
	put_u64(d, "queue_pkts", vf->queue_pkts);
	put_u64(d, "receive_queue_pkts", vf->receive_queue_pkts);
	put_u64(d, "broadcast_pps", vf->broadcast_pps);
	put_text(d, "when_full", vf->when_full == WHEN_FULL_DROP ? "drop" : "hold");
	put_text(d, "ecn", vf->ecn ? "yes" : "no");
}

/* In bits of its limit, as it was sold. */
static uint64_t credit_bits(const struct sla *s, int64_t ns)
{
	return ns > 0 ? (uint64_t)((double)s->max_bps * (double)ns / 1e9) : 0;
}

static void put_credit(const struct telem_source *s, vf_id vf, struct rte_tel_data *d)
{
	const struct sla *sold = &s->conf->vfs[vf].tx_eff;
	struct credit_view view;
	struct rte_tel_data *in;

	if (sold->peak_bps == 0 || s->credit == NULL)
		return;
	s->credit(s->ctx, vf, &view);
	in = put_dict(d, "credit");
	put_u64(in, "left_bits", credit_bits(sold, view.left_ns));
	put_u64(in, "owed_bits", credit_bits(sold, -view.left_ns));
	put_u64(in, "bank_bits", credit_bits(sold, (int64_t)sold->credit_ns));
	put_u64(in, "peak_bps", sold->peak_bps);
	put_text(in, "may_exceed", view.is_open ? "yes" : "no");
	put_u64(in, "exceeded_ns", view.open_ns);
}

int answer_vf(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	const struct conf *conf = s->conf;
	struct rte_tel_data *dirs[2];
	vf_id vf = params != NULL ? conf_find_vf(conf, params) : VF_NONE;

	if (vf >= conf->n_vfs)
		return put_error(d, params == NULL ? "no VF named" : "no VF of this name",
			"/weir/vf,NAME with a NAME that /weir/vfs lists");
	put_identity(conf, &conf->vfs[vf], d);
	put_both(s, vf, d, dirs);
	put_sla(dirs[TELEM_TX], "asked", &conf->vfs[vf].tx);
	put_sla(dirs[TELEM_TX], "effective", &conf->vfs[vf].tx_eff);
	put_credit(s, vf, dirs[TELEM_TX]);
	put_u64(dirs[TELEM_TX], "mark_above_ns", conf->vfs[vf].tx_mark_ns);
	put_u64(dirs[TELEM_RX], "mark_above_ns", conf->vfs[vf].rx_mark_ns);
	put_sla(dirs[TELEM_RX], "asked", &conf->vfs[vf].rx);
	put_sla(dirs[TELEM_RX], "effective", &conf->vfs[vf].rx_eff);
	return 0;
}

/* What the link carries, and what of it is promised.  Its use is counted as the link clock counts. */
static void put_link(const struct telem_source *s, struct rte_tel_data *d)
{
	struct rates out;
	struct telem_port port;
	uint64_t bps, pps, used_bps;

	s->port(s->ctx, s->conf->pf, &port);
	conf_guaranteed(s->conf, port.basis, &bps, &pps);
	(void)rates_get(s->rates, telem_row(s->conf, VF_PF, TELEM_RX), &out);
	used_bps = (uint64_t)(out.bps_1s + out.pps_1s * 8 * basis_bytes(port.basis, 0));
	put_text(d, "link", port.is_up ? "up" : "down");
	put_u64(d, "link_bps", port.link_bps);
	put_text(d, "link_basis", port.basis == BASIS_WIRE ? "wire" : "l2");
	put_u64(d, "link_used_bps_1s", used_bps);
	put_u64(d, "guaranteed_bps", bps);
	put_u64(d, "guaranteed_pps", pps);
	put_u64(d, "packet_capacity_pps", s->conf->packet_capacity_pps);
}

int answer_pf(const struct telem_source *s, const char *params, struct rte_tel_data *d)
{
	struct rte_tel_data *dirs[2];

	if (params != NULL)
		return put_error(d, "/weir/pf takes no parameters", "/weir/pf");
	put_text(d, "device", s->conf->ports[s->conf->pf].device);
	put_link(s, d);
	put_both(s, VF_PF, d, dirs);
	return 0;
}
