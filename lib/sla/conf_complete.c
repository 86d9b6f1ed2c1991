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
	uint64_t packet_bits = (uint64_t)basis_bytes(asked->basis, guarantee_bytes) * 8;
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
		pps = bps / ((uint64_t)basis_bytes(vf->rx.basis, conf->guarantee_bytes) * 8);
	pps = limited(pps, vf->rx.max_pps) / RECEIVE_QUEUE_PER_SECOND;
	return (uint32_t)u64_min(u64_max(pps, MIN_RECEIVE_QUEUE_PKTS), MAX_RECEIVE_QUEUE_PKTS);
}

/* Buffers are reserved at the start: from then on it only becomes shorter, and as long again. */
static void complete_receive_queue(const struct conf *conf, struct conf_vf *vf)
{
	vf->is_receive_auto |= vf->receive_queue_pkts == 0;
	if (vf->is_receive_auto)
		vf->receive_queue_pkts = default_receive_queue(conf, vf);
	if (vf->receive_room_pkts == 0)
		vf->receive_room_pkts = vf->receive_queue_pkts;
	if (vf->receive_queue_pkts > vf->receive_room_pkts)
		vf->receive_queue_pkts = vf->receive_room_pkts;
}

/* ---- Marking ---- */

#define MARK_PKTS 3

/* What some packets take at a limit; 0 where there is none. */
static uint64_t time_at_limit_ns(const struct conf *conf, const struct sla *sla)
{
	uint64_t bits = (uint64_t)MARK_PKTS * 8 * basis_bytes(sla->basis, conf->guarantee_bytes), ns = 0;

	if (sla->max_bps > 0)
		ns = bits * NS_PER_S / sla->max_bps;
	if (sla->max_pps > 0)
		ns = u64_max(ns, MARK_PKTS * NS_PER_S / sla->max_pps);
	return ns;
}

/* Contract 8: K = max(1 ms, 3 packets' time), by the slowest of what bounds it. */
static void complete_marks(const struct conf *conf, struct conf_vf *vf)
{
	const struct conf_tenant *t;

	vf->tx_mark_ns = vf->rx_mark_ns = vf->mark_above_ns;
	if (vf->mark_above_ns != 0)
		return;
	vf->tx_mark_ns = u64_max(NS_PER_MS, time_at_limit_ns(conf, &vf->tx));
	vf->rx_mark_ns = u64_max(NS_PER_MS, time_at_limit_ns(conf, &vf->rx));
	for (t = conf_tenant_of(conf, vf->tenant); t != NULL; t = conf_tenant_of(conf, t->parent))
		vf->tx_mark_ns = u64_max(vf->tx_mark_ns, time_at_limit_ns(conf, &t->tx));
}

static void complete_tenants_limit(const struct conf *conf, struct conf_vf *vf)
{
	vf->tenants_bps = vf->tenants_pps = 0;
	for (const struct conf_tenant *t = conf_tenant_of(conf, vf->tenant); t != NULL; t = conf_tenant_of(conf, t->parent)) {
		vf->tenants_bps = conf_lower_limit(vf->tenants_bps, t->tx.max_bps);
		vf->tenants_pps = conf_lower_limit(vf->tenants_pps, t->tx.max_pps);
	}
}

/* ---- What is owed ---- */

uint64_t conf_l2_bps(const struct conf *conf, const struct sla *sla, uint64_t bps)
{
	if (sla->basis == BASIS_L2)
		return bps;
	return (uint64_t)((clk_u128)bps * conf->guarantee_bytes / basis_bytes(sla->basis, conf->guarantee_bytes));
}

struct owed {
	uint64_t bps, pps;
};

static struct owed owed_to_vf(const struct conf *conf, const struct conf_vf *vf)
{
	const struct sla *sla = &vf->tx_eff;

	return (struct owed){
		.bps = conf_l2_bps(conf, sla, u64_max(sla->min_bps, sla->urgent_bps)),
		.pps = u64_max(sla->min_pps, sla->urgent_pps),
	};
}

static void add_to_tenant(struct conf *conf, uint32_t tenant, const struct owed *owed)
{
	if (tenant == CONF_NO_TENANT)
		return;
	conf->tenants[tenant].members_bps += owed->bps;
	conf->tenants[tenant].members_pps += owed->pps;
}

/* From the deepest up: a tenant counts as what it was promised, or its members were where that is more, in each unit. */
static void complete_tenants(struct conf *conf)
{
	for (uint32_t i = 0; i < conf->n_tenants; i++)
		conf->tenants[i].members_bps = conf->tenants[i].members_pps = 0;	/* may not be the first time */
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		struct owed owed = owed_to_vf(conf, &conf->vfs[i]);

		add_to_tenant(conf, conf->vfs[i].tenant, &owed);
	}
	for (uint8_t depth = CONF_MAX_DEPTH + 2; depth > 0; depth--) {
		for (uint32_t i = 0; i < conf->n_tenants; i++) {
			struct conf_tenant *t = &conf->tenants[i];
			const struct sla *sla = &t->tx_eff;

			if (t->depth != depth)
				continue;
			t->owed_bps = u64_max(conf_l2_bps(conf, sla, sla->min_bps),
				limited(t->members_bps, conf_l2_bps(conf, sla, sla->max_bps)));
			t->owed_pps = u64_max(sla->min_pps, limited(t->members_pps, sla->max_pps));
			add_to_tenant(conf, t->parent, &(struct owed){t->owed_bps, t->owed_pps});
		}
	}
}

void conf_complete(struct conf *conf)
{
	for (uint32_t i = 0; i < conf->n_tenants; i++)
		conf->tenants[i].tx_eff = effective(&conf->tenants[i].tx, conf->guarantee_bytes);
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		struct conf_vf *vf = &conf->vfs[i];

		vf->tx_eff = effective(&vf->tx, conf->guarantee_bytes);
		vf->rx_eff = effective(&vf->rx, conf->guarantee_bytes);
		complete_marks(conf, vf);
		complete_tenants_limit(conf, vf);
		complete_receive_queue(conf, vf);
	}
	complete_tenants(conf);
}

/* ---- Admission ---- */

/* Of one who stands directly under the PF; else nothing. */
static struct owed owed_to_vf_by_pf(const struct conf *conf, uint32_t i)
{
	return conf_tenant_of(conf, conf->vfs[i].tenant) == NULL ? owed_to_vf(conf, &conf->vfs[i]) : (struct owed){0};
}

static struct owed owed_to_tenant_by_pf(const struct conf *conf, uint32_t i)
{
	const struct conf_tenant *t = &conf->tenants[i];

	return t->parent == CONF_NO_TENANT ? (struct owed){.bps = t->owed_bps, .pps = t->owed_pps} : (struct owed){0};
}

static void add(struct owed *sum, struct owed owed)
{
	sum->bps += owed.bps;
	sum->pps += owed.pps;
}

static struct owed owed_by_pf(const struct conf *conf)
{
	struct owed sum = {0};

	for (uint32_t i = 0; i < conf->n_vfs; i++)
		add(&sum, owed_to_vf_by_pf(conf, i));
	for (uint32_t i = 0; i < conf->n_tenants; i++)
		add(&sum, owed_to_tenant_by_pf(conf, i));
	return sum;
}

/* Rounded up: a link that is short of one bit is short. */
static uint64_t on_link(const struct conf *conf, enum link_basis basis, uint64_t l2_bps)
{
	uint32_t link_bytes = basis_bytes(basis, conf->guarantee_bytes);

	return (uint64_t)(((clk_u128)l2_bps * link_bytes + conf->guarantee_bytes - 1) / conf->guarantee_bytes);
}

void conf_guaranteed(const struct conf *conf, enum link_basis basis, uint64_t *bps, uint64_t *pps)
{
	struct owed sum = owed_by_pf(conf);

	*bps = on_link(conf, basis, sum.bps);
	*pps = sum.pps;
}

struct link_and_core {
	uint64_t bps, pps;	/* 0: not known */
	enum link_basis basis;
};

static bool fits(const struct conf *conf, const struct link_and_core *most, const struct owed *sum)
{
	return (most->bps == 0 || on_link(conf, most->basis, sum->bps) <= most->bps) &&
	       (most->pps == 0 || sum->pps <= most->pps);
}

/* With whom, in the order of the file, they do not fit any more: [vf NAME] or [tenant NAME]. */
static int first_beyond(const struct conf *conf, const struct link_and_core *most, char *who, size_t size)
{
	struct owed sum = {0};

	for (uint32_t v = 0, t = 0; v < conf->n_vfs || t < conf->n_tenants;) {
		bool is_vf = t == conf->n_tenants || (v < conf->n_vfs && conf->vfs[v].line < conf->tenants[t].line);
		const char *name = is_vf ? conf->vfs[v].name : conf->tenants[t].name;
		int line = is_vf ? conf->vfs[v].line : conf->tenants[t].line;

		add(&sum, is_vf ? owed_to_vf_by_pf(conf, v++) : owed_to_tenant_by_pf(conf, t++));
		if (fits(conf, most, &sum))
			continue;
		snprintf(who, size, "[%s %s]", is_vf ? "vf" : "tenant", name);
		return line;
	}
	return 0;
}

bool conf_admit(const struct conf *conf, uint64_t pf_rate_bps, enum link_basis basis, struct why *why)
{
	const struct link_and_core most = {pf_rate_bps, conf->packet_capacity_pps, basis};
	struct owed sum = owed_by_pf(conf);
	char bps[UNITS_TEXT], pps[UNITS_TEXT], most_text[UNITS_TEXT], on_a_link[160] = "", on_a_core[80] = "", who[CONF_NAME_CHARS + 10];

	if (conf->allow_overcommit || fits(conf, &most, &sum))
		return true;
	if (most.bps > 0)
		snprintf(on_a_link, sizeof(on_a_link), "%s of %s bits/s%s", units_count_text(bps, on_link(conf, basis, sum.bps)),
			units_count_text(most_text, most.bps),
			basis == BASIS_WIRE ? " on the wire (24 bytes more a packet of guarantee_size)" : "");
	if (most.pps > 0)
		snprintf(on_a_core, sizeof(on_a_core), "%s of %s packets/s", units_count_text(pps, sum.pps),
			units_count_text(most_text, most.pps));
	int line = first_beyond(conf, &most, who, sizeof(who));
	why_add_at(why, conf->file, line,
		"%s does not fit: guarantees (the larger of tx.min and tx.urgent of each VF%s) add up to %s%s%s: wanted %s, or "
		"allow_overcommit = yes in [switch]",
		who, conf->n_tenants > 0 ? ", and of a tenant its tx.min where that is more" : "", on_a_link,
		most.bps > 0 && most.pps > 0 ? " and to " : "", on_a_core, most.bps > 0 && most.pps > 0 ? "both within" : "at most that");
	return false;
}
