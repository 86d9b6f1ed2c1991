/* SPDX-License-Identifier: BSD-3-Clause */
/* MAC addresses: one that can be a station's, and one station a VLAN. */
#include <stdlib.h>
#include <string.h>

#include "conf_fields.h"

struct owned_mac {
	uint8_t mac[6];
	uint32_t vf;
};

#define MAC_FORMAT   "%02x:%02x:%02x:%02x:%02x:%02x"
#define MAC_BYTES(m) (m)[0], (m)[1], (m)[2], (m)[3], (m)[4], (m)[5]

static int by_mac_then_vf(const void *a, const void *b)
{
	const struct owned_mac *x = a, *y = b;
	int order = memcmp(x->mac, y->mac, sizeof(x->mac));

	return order != 0 ? order : x->vf < y->vf ? -1 : x->vf > y->vf;
}

/* A VF without a section was there before, and has been checked. */
static int mac_line(const struct conf_reading *r, uint32_t vf)
{
	return r->vf_section[vf] != NULL ? conf_line(r->vf_section[vf], "mac") : 0;
}

static void check_address(struct conf_reading *r, uint32_t vf, const uint8_t mac[6])
{
	static const uint8_t zero[6];
	int line = mac_line(r, vf);

	if (memcmp(mac, zero, sizeof(zero)) == 0)
		conf_say(r, line, "mac = " MAC_FORMAT " is no station's: wanted an address that is not zero",
			MAC_BYTES(mac));
	if (mac[0] & 1)
		conf_say(r, line,
			"mac = " MAC_FORMAT " is a group's: wanted a station's, with an even first byte",
			MAC_BYTES(mac));
}

/* The VLANs a VF is a member of, 0 = untagged. */
static void vlans_of(const struct conf_vf *vf, uint64_t set[64])
{
	memset(set, 0, 64 * sizeof(*set));
	if (vf->vlan_mode == VLAN_TRUNK && vf->trunk != NULL)
		memcpy(set, vf->trunk, 64 * sizeof(*set));
	/* 0 with access or trunk: not readable, or no native VLAN. */
	if (vf->vid != 0 || vf->vlan_mode == VLAN_NONE)
		set[vf->vid / 64] |= UINT64_C(1) << (vf->vid % 64);
}

/* A VLAN that is in both, or -1. */
static int common_vlan(const uint64_t a[64], const uint64_t b[64])
{
	for (int i = 0; i < 64; i++)
		if ((a[i] & b[i]) != 0)
			return i * 64 + __builtin_ctzll(a[i] & b[i]);
	return -1;
}

static void say_twins(
	struct conf_reading *r, const struct owned_mac *first, const struct owned_mac *twin, int vlan)
{
	const struct conf *conf = r->conf;

	if (r->vf_section[twin->vf] == NULL) {	/* the first is the one that comes */
		const struct owned_mac *other = first;

		first = twin;
		twin = other;
	}
	int line = mac_line(r, twin->vf);
	char first_line[20] = "";

	if (r->vf_section[first->vf] != NULL)
		snprintf(first_line, sizeof(first_line), " (line %d)", mac_line(r, first->vf));
	if (first->vf == twin->vf)
		conf_say(r, line, "mac = " MAC_FORMAT " is in the list of [vf %s] twice: wanted it once",
			MAC_BYTES(twin->mac), conf->vfs[twin->vf].name);
	else
		conf_say(r, line,
			"mac = " MAC_FORMAT
			" of [vf %s] is [vf %s]'s too%s, in VLAN %d: wanted an address once a VLAN",
			MAC_BYTES(twin->mac), conf->vfs[twin->vf].name, conf->vfs[first->vf].name, first_line, vlan);
}

/* Names the first before 'twin' in its group that shares a VLAN with it. */
static void find_first(struct conf_reading *r, const struct owned_mac *group, const struct owned_mac *twin,
	const uint64_t vlans[64])
{
	uint64_t others[64];

	for (const struct owned_mac *m = group; m < twin; m++) {
		vlans_of(&r->conf->vfs[m->vf], others);
		int vlan = common_vlan(vlans, others);
		if (vlan >= 0) {
			say_twins(r, m, twin, vlan);
			return;
		}
	}
}

static bool sends_untagged(const struct conf_vf *v)
{
	return v->vlan_mode != VLAN_TRUNK || v->vid != 0;
}

/* What comes untagged from a port is of whoever there has its MAC: of one. */
static void say_indistinct(struct conf_reading *r, const struct owned_mac *group, const struct owned_mac *twin)
{
	const struct conf_vf *vfs = r->conf->vfs, *v = &vfs[twin->vf];
	const struct owned_mac *first = group;

	while (vfs[first->vf].port != v->port || !sends_untagged(&vfs[first->vf]))
		first++;
	uint32_t teller = r->vf_section[twin->vf] != NULL ? twin->vf : first->vf;
	conf_say(r, mac_line(r, teller), "mac = " MAC_FORMAT " is [vf %s]'s and [vf %s]'s, and both send frames without a tag on one port, where "
		"they cannot be told apart: wanted trunk = for one of them", MAC_BYTES(twin->mac), vfs[first->vf].name, v->name);
}

/* All that have one MAC. */
static void check_group(struct conf_reading *r, const struct owned_mac *group, size_t n)
{
	uint64_t taken[64] = {0}, vlans[64];
	bool is_on[CONF_MAX_PORTS] = {false};

	for (size_t i = 0; i < n; i++) {
		const struct conf_vf *v = &r->conf->vfs[group[i].vf];
		bool is_untagged = v->port < CONF_MAX_PORTS && sends_untagged(v);
		vlans_of(v, vlans);
		if (common_vlan(taken, vlans) >= 0)
			find_first(r, group, &group[i], vlans);
		else if (is_untagged && is_on[v->port])
			say_indistinct(r, group, &group[i]);
		if (is_untagged)
			is_on[v->port] = true;
		for (int w = 0; w < 64; w++)
			taken[w] |= vlans[w];
	}
}

void conf_check_macs(struct conf_reading *r)
{
	const struct conf *conf = r->conf;
	struct owned_mac *macs = calloc((size_t)conf->n_vfs * CONF_MAX_MACS + 1, sizeof(*macs));
	size_t n = 0;

	if (macs == NULL) {
		conf_say(r, 0, "out of memory");
		return;
	}
	for (uint32_t vf = 0; vf < conf->n_vfs; vf++) {
		for (uint8_t i = 0; i < conf->vfs[vf].n_macs; i++) {
			if (r->vf_section[vf] != NULL)
				check_address(r, vf, conf->vfs[vf].mac[i]);
			memcpy(macs[n].mac, conf->vfs[vf].mac[i], sizeof(macs[n].mac));
			macs[n++].vf = vf;
		}
	}
	qsort(macs, n, sizeof(*macs), by_mac_then_vf);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && memcmp(macs[end].mac, macs[i].mac, sizeof(macs[i].mac)) == 0;)
			end++;
		if (end - i > 1)
			check_group(r, &macs[i], end - i);
	}
	free(macs);
}
