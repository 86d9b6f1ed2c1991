/* SPDX-License-Identifier: BSD-3-Clause */
/* From what was asked to what holds: derived guarantees, defaults; and whether all guarantees together fit.
 */
#include "clk.h"
#include "conf_fields.h"
#include "units.h"

#define MIN_RECEIVE_QUEUE_PKTS   32
#define MAX_RECEIVE_QUEUE_PKTS   1024
#define RECEIVE_QUEUE_PER_SECOND 200 /* 5 ms */

/* A limit of 0 limits nothing. */
static uint64_t limited(uint64_t value, uint64_t limit)
{
	return limit > 0 && value > limit ? limit : value;
}

/* Contract 2: a guarantee has both units; the one not named is derived for packets of guarantee_size.  What
 * is derived stays within the limit of its own unit, and never is nothing: a guarantee without a clock would
 * be none. */
static void derive_other_unit(uint64_t *bps, uint64_t *pps, const struct sla *asked, uint64_t packet_bits)
{
	if (*bps > 0 && *pps == 0)
		*pps = limited(u64_max(*bps / packet_bits, 1), asked->max_pps);
	else if (*pps > 0 && *bps == 0)
		*bps = limited(*pps * packet_bits, asked->max_bps);
}

static struct sla effective(const struct sla *asked, uint32_t guarantee_bytes)
{
	uint64_t packet_bits = (uint64_t)guarantee_bytes * 8;
	struct sla sla = *asked;

	sla.burst_auto = asked->burst_ns == 0;
	derive_other_unit(&sla.min_bps, &sla.min_pps, asked, packet_bits);
	/* Urgent allowances count as a minimum, in both sums. */
	derive_other_unit(&sla.urgent_bps, &sla.urgent_pps, asked, packet_bits);
	if (sla.burst_ns == 0)
		sla.burst_ns = NS_PER_MS;
	if (sla.weight == 0)
		sla.weight = 1;
	return sla;
}

/* 5 ms of what it may receive. */
static uint32_t default_receive_queue(const struct conf *conf, const struct conf_vf *vf)
{
	uint64_t bps = vf->rx.max_bps;
	uint64_t pps = UINT64_MAX;

	if (bps == 0 && vf->port < conf->n_ports)
		bps = conf->ports[vf->port].rate_bps;
	if (bps > 0)
		pps = bps / ((uint64_t)conf->guarantee_bytes * 8);
	pps = limited(pps, vf->rx.max_pps) / RECEIVE_QUEUE_PER_SECOND;
	return (uint32_t)u64_min(u64_max(pps, MIN_RECEIVE_QUEUE_PKTS), MAX_RECEIVE_QUEUE_PKTS);
}

void conf_complete(struct conf *conf)
{
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		struct conf_vf *vf = &conf->vfs[i];

		vf->tx_eff = effective(&vf->tx, conf->guarantee_bytes);
		vf->rx_eff = effective(&vf->rx, conf->guarantee_bytes);
		if (vf->receive_queue_pkts == 0)
			vf->receive_queue_pkts = default_receive_queue(conf, vf);
	}
}

bool conf_admit(const struct conf *conf, uint64_t pf_rate_bps, enum link_basis basis, struct why *why)
{
	uint32_t link_bytes = basis_bytes(basis, conf->guarantee_bytes);
	uint64_t sum_bps = 0, sum_pps = 0;
	char bps_text[UNITS_TEXT], link_text[UNITS_TEXT], pps_text[UNITS_TEXT],
		capacity_text[UNITS_TEXT] = "unknown";

	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		const struct sla *sla = &conf->vfs[i].tx_eff;

		sum_bps += u64_max(sla->min_bps, sla->urgent_bps);
		sum_pps += u64_max(sla->min_pps, sla->urgent_pps);
	}
	/* Rounded up: a link that is short of one bit is short. */
	uint64_t link_bps = (uint64_t)(((clk_u128)sum_bps * link_bytes + conf->guarantee_bytes - 1) /
				       conf->guarantee_bytes);
	bool fits_link = pf_rate_bps == 0 || link_bps <= pf_rate_bps;
	bool fits_core = conf->packet_capacity_pps == 0 || sum_pps <= conf->packet_capacity_pps;

	if (conf->allow_overcommit || (fits_link && fits_core))
		return true;
	if (conf->packet_capacity_pps > 0)
		units_count_text(capacity_text, conf->packet_capacity_pps);
	why_add_at(why, conf->file, conf->ports[conf->pf].line,
		"guarantees (the larger of tx.min and tx.urgent of each VF) add up to %s of %s bits/s%s and "
		"to %s of %s packets/s: "
		"wanted both within, or allow_overcommit = yes in [switch]",
		units_count_text(bps_text, link_bps),
		pf_rate_bps > 0 ? units_count_text(link_text, pf_rate_bps) : "unknown",
		basis == BASIS_WIRE ? " on the wire (24 bytes more a packet of guarantee_size)" : "",
		units_count_text(pps_text, sum_pps), capacity_text);
	return false;
}
