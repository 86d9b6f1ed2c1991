/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets of rules: made, held, and looked into.  The control core's side. */
#include <stdlib.h>
#include <string.h>

#include "mark_impl.h"

struct marks {
	_Atomic uint32_t n_holders;
	uint32_t n, n_vfs;		/* n_vfs: the highest VF with a rule, and one */
	struct mark_rule *rules;	/* by VF, order, name */
	struct mark_hits **hits;	/* by rule */
	struct mark_table **tables;	/* by VF */
};

/* ---- Rules ---- */

static int compare(const void *one, const void *other)
{
	const struct mark_rule *a = one, *b = other;

	if (a->vf != b->vf)
		return a->vf < b->vf ? -1 : 1;
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return strcmp(a->name, b->name);
}

static bool is_same_prefix(const struct mark_prefix *a, const struct mark_prefix *b)
{
	return a->family == b->family && a->bits == b->bits && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static bool is_same_ports(const struct mark_ports *a, const struct mark_ports *b)
{
	return a->is_set == b->is_set && (!a->is_set || (a->first == b->first && a->last == b->last));
}

bool mark_rule_is_same(const struct mark_rule *a, const struct mark_rule *b)
{
	return strcmp(a->name, b->name) == 0 && a->order == b->order && a->vf == b->vf && a->protocol == b->protocol &&
	       a->dscps == b->dscps && a->set_dscp == b->set_dscp && is_same_prefix(&a->src, &b->src) &&
	       is_same_prefix(&a->dst, &b->dst) && is_same_ports(&a->src_port, &b->src_port) &&
	       is_same_ports(&a->dst_port, &b->dst_port);
}

/* ---- One VF's table ---- */

static uint64_t be64_at(const uint8_t *at)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | at[i];
	return value;
}

static void compile_prefix(const struct mark_prefix *p, uint64_t value[2], uint64_t mask[2])
{
	unsigned int high = p->bits < 64 ? p->bits : 64, low = p->bits - high;

	mask[0] = high == 0 ? 0 : UINT64_MAX << (64 - high);
	mask[1] = low == 0 ? 0 : UINT64_MAX << (64 - low);
	value[0] = be64_at(p->address) & mask[0];
	value[1] = be64_at(p->address + 8) & mask[1];
}

static void compile_ports(const struct mark_ports *p, uint16_t ports[2])
{
	ports[0] = p->is_set ? p->first : 0;
	ports[1] = p->is_set ? p->last : UINT16_MAX;
}

static void compile_rule(struct mark_table *t, uint32_t i, const struct mark_rule *r, struct mark_hits *hits)
{
	struct mark_match *m = &t->match[i];
	uint64_t bit = UINT64_C(1) << i;
	int family = r->src.family != MARK_ANY_FAMILY ? r->src.family : r->dst.family;

	for (int dscp = 0; dscp < 64; dscp++)
		t->by_dscp[dscp] |= (r->dscps >> dscp & 1) ? bit : 0;
	for (int protocol = 0; protocol < 256; protocol++)
		t->by_protocol[protocol] |= (r->protocol == MARK_ANY || r->protocol == protocol) ? bit : 0;
	t->any_protocol |= r->protocol == MARK_ANY ? bit : 0;
	t->v4 |= family != MARK_IPV6 ? bit : 0;
	t->v6 |= family != MARK_IPV4 ? bit : 0;
	t->has_ports |= r->src_port.is_set || r->dst_port.is_set ? bit : 0;
	compile_prefix(&r->src, m->src, m->src_mask);
	compile_prefix(&r->dst, m->dst, m->dst_mask);
	compile_ports(&r->src_port, m->src_port);
	compile_ports(&r->dst_port, m->dst_port);
	m->set_dscp = r->set_dscp;
	m->hits = hits;
}

static bool compile(struct marks *m)
{
	uint32_t n;

	for (uint32_t first = 0; first < m->n; first += n) {
		vf_id vf = m->rules[first].vf;
		for (n = 1; first + n < m->n && m->rules[first + n].vf == vf; n++)
			;
		struct mark_table *t = calloc(1, sizeof(*t) + n * sizeof(t->match[0]));
		if (t == NULL)
			return false;
		m->tables[vf] = t;
		for (uint32_t i = 0; i < n; i++)
			compile_rule(t, i, &m->rules[first + i], m->hits[first + i]);
	}
	return true;
}

/* ---- Sets ---- */

static struct mark_hits *hits_create(void)
{
	struct mark_hits *h = aligned_alloc(alignof(struct mark_hits), sizeof(*h));

	if (h != NULL) {
		memset(h, 0, sizeof(*h));
		atomic_init(&h->n_holders, 1);
	}
	return h;
}

/* Both sets are in one order, so a walk along both finds what they share. */
static bool take_hits(struct marks *m, const struct marks *before)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < m->n; i++) {
		while (at < marks_n(before) && compare(&before->rules[at], &m->rules[i]) < 0)
			at++;
		if (at < marks_n(before) && mark_rule_is_same(&before->rules[at], &m->rules[i])) {
			m->hits[i] = before->hits[at];
			atomic_fetch_add(&m->hits[i]->n_holders, 1);
		} else {
			m->hits[i] = hits_create();
		}
		if (m->hits[i] == NULL)
			return false;
	}
	return true;
}

static void destroy(struct marks *m)
{
	for (uint32_t i = 0; m->hits != NULL && i < m->n; i++)
		if (m->hits[i] != NULL && atomic_fetch_sub(&m->hits[i]->n_holders, 1) == 1)
			free(m->hits[i]);
	for (uint32_t i = 0; m->tables != NULL && i < m->n_vfs; i++)
		free(m->tables[i]);
	free(m->tables);
	free(m->hits);
	free(m->rules);
	free(m);
}

struct marks *marks_create(const struct mark_rule *rules, uint32_t n, const struct marks *before)
{
	struct marks *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	atomic_init(&m->n_holders, 1);
	m->n = n;
	m->rules = calloc(n + 1, sizeof(*m->rules));
	m->hits = calloc(n + 1, sizeof(*m->hits));
	if (m->rules != NULL && n > 0) {
		memcpy(m->rules, rules, n * sizeof(*rules));
		qsort(m->rules, n, sizeof(*m->rules), compare);
		m->n_vfs = m->rules[n - 1].vf + 1;
	}
	m->tables = calloc(m->n_vfs + 1, sizeof(struct mark_table *));
	if (m->rules != NULL && m->hits != NULL && m->tables != NULL && take_hits(m, before) && compile(m))
		return m;
	destroy(m);
	return NULL;
}

struct marks *marks_hold(struct marks *m)
{
	if (m != NULL)
		atomic_fetch_add(&m->n_holders, 1);
	return m;
}

void marks_release(struct marks *m)
{
	if (m != NULL && atomic_fetch_sub(&m->n_holders, 1) == 1)
		destroy(m);
}

uint32_t marks_n(const struct marks *m)
{
	return m != NULL ? m->n : 0;
}

const struct mark_rule *marks_rule(const struct marks *m, uint32_t i)
{
	return &m->rules[i];
}

uint32_t marks_find(const struct marks *m, const char *name)
{
	for (uint32_t i = 0; i < marks_n(m); i++)
		if (strcmp(m->rules[i].name, name) == 0)
			return i;
	return UINT32_MAX;
}

void marks_hits(const struct marks *m, uint32_t i, uint64_t *pkts, uint64_t *bytes)
{
	*pkts = counter_read(&m->hits[i]->pkts);
	*bytes = counter_read(&m->hits[i]->bytes);
}

const struct mark_table *marks_of(const struct marks *m, vf_id vf)
{
	return vf < m->n_vfs ? m->tables[vf] : NULL;
}
