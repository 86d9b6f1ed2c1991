/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf.h"

#define A_MS 1000u	/* in a second */

static bool is_above(uint64_t amount, uint64_t rate)
{
	return rate != 0 && amount > rate / A_MS;
}

static bool holds_long(const struct sla *s, uint64_t bits, uint64_t n_pkts)
{
	return is_above(bits, s->max_bps) || is_above(n_pkts, s->max_pps);
}

const struct conf_vf *conf_slow_vf(const struct conf *conf, uint16_t port, uint32_t bytes)
{
	uint64_t bits = (uint64_t)bytes * 8, n_pkts = bytes / conf->ports[port].mtu;

	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		const struct conf_vf *v = &conf->vfs[i];
		bool is_slow = v->port == port && holds_long(&v->tx_eff, bits, n_pkts);
		const struct conf_tenant *t = v->port == port ? conf_tenant_of(conf, v->tenant) : NULL;

		for (; t != NULL && !is_slow; t = conf_tenant_of(conf, t->parent))
			is_slow = holds_long(&t->tx_eff, bits, n_pkts);
		if (is_slow)
			return v;
	}
	return NULL;
}
