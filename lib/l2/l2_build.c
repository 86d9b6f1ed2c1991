/* SPDX-License-Identifier: BSD-3-Clause */
/* Building the switch's tables, once, before any worker reads them. */
#include "l2.h"

#include <stdlib.h>

#include "l2_table.h"

static void count_macs_and_trunks(const struct l2_vf *vfs, uint32_t n_vfs, size_t *n_macs, size_t *n_trunks)
{
	*n_macs = 0;
	*n_trunks = 0;
	for (uint32_t i = 0; i < n_vfs; i++) {
		*n_macs += vfs[i].is_free ? 0 : vfs[i].n_macs;
		*n_trunks += vfs[i].vlan_mode == L2_VLAN_TRUNK;
	}
}

/* calloc() that gives something for 0 too, so that NULL always means: no memory. */
static void *zeroed(size_t n, size_t bytes)
{
	return calloc(n > 0 ? n : 1, bytes);
}

static bool allocate(struct l2 *l2, uint32_t n_vfs, size_t n_macs, size_t n_trunks)
{
	unsigned int bits = 1;

	while ((size_t)1 << bits < 2 * n_macs) /* half full at most */
		bits++;
	size_t n_slots = (size_t)1 << bits;

	l2->slot_mask = n_slots - 1;
	l2->hash_shift = 64 - bits;
	l2->slots = zeroed(n_slots, sizeof(*l2->slots));
	l2->vfs = zeroed(n_vfs, sizeof(*l2->vfs));
	l2->macs = zeroed(n_macs, sizeof(*l2->macs));
	l2->trunks = zeroed(n_trunks * L2_VID_WORDS, sizeof(*l2->trunks));
	if (!l2->slots || !l2->vfs || !l2->macs || !l2->trunks)
		return false;
	for (size_t i = 0; i < n_slots; i++)
		l2->slots[i] = (struct l2_slot){.vf = VF_NONE, .port = L2_MAX_PORTS};
	return true;
}

static void put_mac(struct l2 *l2, uint64_t mac, vf_id vf)
{
	const struct l2_node *node = &l2->vfs[vf];
	uint64_t vid = node->vlan_mode == L2_VLAN_TRUNK ? L2_TRUNK_SLOT : node->vid;
	uint64_t i = l2_home_slot(l2, mac);

	if (mac & 1)	/* a group is nobody's */
		return;
	while (l2->slots[i].vf != VF_NONE)
		i = (i + 1) & l2->slot_mask;
	l2->slots[i] = (struct l2_slot){.mac_vid = mac | vid << L2_VID_SHIFT, .vf = vf, .port = node->port};
}

static void copy_vfs(struct l2 *l2, const struct l2_vf *vfs, uint32_t n_vfs)
{
	uint64_t *trunk = l2->trunks;
	uint32_t n_macs = 0;

	for (vf_id i = 0; i < n_vfs; i++) {
		const struct l2_vf *vf = &vfs[i];
		struct l2_node *node = &l2->vfs[i];

		*node = (struct l2_node){
			.first_mac = n_macs,
			.port = vf->port,
			.vid = vf->vlan_mode == L2_VLAN_NONE ? 0 : vf->vid & L2_VID_MASK,
			.n_macs = vf->n_macs,
			.vlan_mode = vf->vlan_mode,
			.antispoof = vf->antispoof,
			.is_free = vf->is_free,
		};
		if (vf->vlan_mode == L2_VLAN_TRUNK) {
			if (vf->trunk)
				memcpy(trunk, vf->trunk, L2_VID_WORDS * sizeof(*trunk));
			trunk[0] &= ~UINT64_C(1); /* VID 0 is no VLAN: a priority tag */
			node->trunk = trunk;
			trunk += L2_VID_WORDS;
		}
		for (unsigned int m = 0; m < vf->n_macs && !vf->is_free; m++) {
			l2->macs[n_macs] = l2_mac_of(vf->mac[m]);
			put_mac(l2, l2->macs[n_macs++], i);
		}
		l2->only_vf[vf->port] = l2->n_on_port[vf->port]++ == 0 && !vf->is_free ? i : VF_NONE;
	}
}

/* Word 'w' of the set of VLANs that the VF is in. */
static uint64_t vlan_word(const struct l2_node *vf, unsigned int w)
{
	bool has_vid = vf->vlan_mode != L2_VLAN_TRUNK || vf->vid != 0;
	uint64_t word = has_vid && vf->vid / 64 == w ? UINT64_C(1) << vf->vid % 64 : 0;

	return vf->vlan_mode == L2_VLAN_TRUNK ? word | vf->trunk[w] : word;
}

/* Visits each (VLAN, port) once, by the lowest VF there: counts in at[VLAN], or
 * writes to members[at[VLAN]++]. */
static void visit_members(const struct l2 *l2, uint32_t n_vfs, uint32_t *at, vf_id *members)
{
	uint64_t seen[L2_MAX_PORTS][L2_VID_WORDS] = {0};

	for (vf_id i = 0; i < n_vfs; i++)
		for (unsigned int w = 0; !l2->vfs[i].is_free && w < L2_VID_WORDS; w++) {
			uint64_t *seen_here = &seen[l2->vfs[i].port][w];
			uint64_t new = vlan_word(&l2->vfs[i], w) & ~*seen_here;

			for (*seen_here |= new; new != 0; new &= new - 1) {
				uint32_t *next = &at[w * 64 + (unsigned int)__builtin_ctzll(new)];

				if (members)
					members[*next] = i;
				++*next;
			}
		}
}

static bool build_groups(struct l2 *l2, uint32_t n_vfs)
{
	uint32_t at[L2_N_VIDS] = {0};

	visit_members(l2, n_vfs, at, NULL);
	for (unsigned int v = 0; v < L2_N_VIDS; v++) {
		l2->group_at[v + 1] = l2->group_at[v] + at[v];
		at[v] = l2->group_at[v];
	}
	l2->members = zeroed(l2->group_at[L2_N_VIDS], sizeof(*l2->members));
	if (!l2->members)
		return false;
	visit_members(l2, n_vfs, at, l2->members);
	return true;
}

struct l2 *l2_build(const struct l2_vf *vfs, uint32_t n_vfs, uint16_t pf_port)
{
	struct l2 *l2 = calloc(1, sizeof(*l2));
	size_t n_macs, n_trunks;

	if (!l2)
		return NULL;
	l2->pf_port = pf_port;
	for (unsigned int i = 0; i < L2_MAX_PORTS; i++)
		l2->only_vf[i] = VF_NONE;
	count_macs_and_trunks(vfs, n_vfs, &n_macs, &n_trunks);
	if (!allocate(l2, n_vfs, n_macs, n_trunks))
		goto out_of_memory;
	copy_vfs(l2, vfs, n_vfs);
	if (!build_groups(l2, n_vfs))
		goto out_of_memory;
	return l2;

out_of_memory:
	l2_destroy(l2);
	return NULL;
}

void l2_destroy(struct l2 *l2)
{
	if (!l2)
		return;
	free(l2->slots);
	free(l2->vfs);
	free(l2->macs);
	free(l2->trunks);
	free(l2->members);
	free(l2);
}
