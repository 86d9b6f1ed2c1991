/* SPDX-License-Identifier: BSD-3-Clause */
/* The worked policies, each on both forms of cFFS, beside a model that searches arrays. */
#include <stdbool.h>
#include <stdio.h>

#include "cffs_forms.h"
#include "dscp_rank.h"
#include "edf.h"
#include "flow_pifo.h"
#include "pfabric.h"

#define MAX_PKTS 200
#define N_FLOWS  16
#define N_STEPS  4000

/* One packet, as the models see it. */
struct pkt_model {
	uint64_t key;   /* what the policy ranks by */
	uint64_t order; /* of coming */
	uint32_t flow;
	bool is_in;
};

struct model {
	struct pkt_model pkts[MAX_PKTS];
	uint64_t n_pushed;
	uint32_t n;
	uint64_t state;
	/* pFabric */
	uint64_t flow_key[N_FLOWS];
	uint64_t flow_since[N_FLOWS]; /* when it got this key */
	uint64_t n_changes;
};

static const struct rank_queue_ops *form_ops(int index)
{
	return forms[index % N_FORMS].ops;
}

/* A free packet, or NULL when all are in. */
static struct pkt_model *model_take(struct model *m)
{
	uint32_t from = (uint32_t)(unit_random(&m->state) % MAX_PKTS);

	for (uint32_t i = 0; i < MAX_PKTS; i++) {
		struct pkt_model *p = &m->pkts[(from + i) % MAX_PKTS];
		if (p->is_in)
			continue;
		*p = (struct pkt_model){.order = m->n_pushed++, .is_in = true};
		m->n++;
		return p;
	}
	return NULL;
}

static void model_drop(struct model *m, struct pkt_model *p)
{
	p->is_in = false;
	m->n--;
}

/* The packet of the lowest key; of equal keys the first that came. */
static struct pkt_model *model_lowest(struct model *m)
{
	struct pkt_model *best = NULL;

	for (uint32_t i = 0; i < MAX_PKTS; i++) {
		struct pkt_model *p = &m->pkts[i];
		if (p->is_in && (best == NULL || p->key < best->key ||
					(p->key == best->key && p->order < best->order)))
			best = p;
	}
	return best;
}

/* Fills and drains in turns. */
static bool model_wants_push(struct model *m, int step)
{
	return unit_random(&m->state) % 8 < (step / 500 % 2 == 0 ? 5 : 3);
}

static void dscp_map_random(struct model *m, uint8_t map[DSCP_RANK_N])
{
	uint64_t n_ranks = 1 + unit_random(&m->state) % 256;

	for (int i = 0; i < DSCP_RANK_N; i++)
		map[i] = (uint8_t)(unit_random(&m->state) % n_ranks);
}

START_TEST(dscp_rank_gives_the_lowest_rank_and_within_it_the_first)
{
	struct model m = {.state = (uint64_t)_i};
	uint8_t map[DSCP_RANK_N];

	dscp_map_random(&m, map);
	struct dscp_rank *d = dscp_rank_create(form_ops(_i), map, MAX_PKTS);
	for (int step = 0; step < N_STEPS; step++) {
		if (unit_random(&m.state) % 128 == 0) { /* those that wait keep their rank */
			dscp_map_random(&m, map);
			dscp_rank_set_map(d, map);
		}
		struct pkt_model *p;
		if (!model_wants_push(&m, step)) {
			p = model_lowest(&m);
			unit_must(dscp_rank_pop(d) == p);
			if (p != NULL)
				model_drop(&m, p);
		} else if ((p = model_take(&m)) != NULL) {
			uint8_t dscp = (uint8_t)(unit_random(&m.state) % DSCP_RANK_N);
			p->key = map[dscp];
			unit_must(dscp_rank_push(d, p, dscp));
		}
		unit_must(dscp_rank_count(d) == m.n);
		if (step % 64 == 0)
			unit_must(dscp_rank_check(d, stderr));
	}
	dscp_rank_destroy(d);
}
END_TEST

/* The model knows steps, and that what is later than a quarter of the horizon stands with the first. */
START_TEST(edf_gives_the_earliest_deadline_and_within_a_step_the_first)
{
	enum { HORIZON_NS = 1 << 20, STEP_NS = 1 << 10, LATE_NS = HORIZON_NS / 4 };
	struct model m = {.state = (uint64_t)_i};
	struct edf *e = edf_create(form_ops(_i), HORIZON_NS - 5, STEP_NS - 7, MAX_PKTS);
	uint64_t now_ns = UINT64_C(1795000000000000000), base = 0;

	for (int step = 0; step < N_STEPS; step++) {
		now_ns += unit_random(&m.state) % 256 == 0 ? 50u * HORIZON_NS
							   : unit_random(&m.state) % (8 * STEP_NS);
		struct pkt_model *p = model_lowest(&m);
		uint64_t to = (now_ns - LATE_NS) & ~(uint64_t)(STEP_NS - 1);
		if (p != NULL && p->key < to)
			to = p->key;
		base = to > base ? to : base;
		if (!model_wants_push(&m, step)) {
			unit_must(edf_pop(e, now_ns) == p);
			if (p != NULL)
				model_drop(&m, p);
		} else if ((p = model_take(&m)) != NULL) {
			/* From a horizon late to as far as the window surely reaches, seen from its base. */
			bool is_late = unit_random(&m.state) % 4 == 0;
			uint64_t deadline_ns = is_late ? now_ns - unit_random(&m.state) % HORIZON_NS
						       : base + unit_random(&m.state) % HORIZON_NS;
			p->key = deadline_ns & ~(uint64_t)(STEP_NS - 1);
			if (p->key < base)
				p->key = base;
			if (p->key - base >= HORIZON_NS) /* the base hangs on an old packet */
				model_drop(&m, p);
			else
				unit_must(edf_push(e, p, deadline_ns, now_ns));
		}
		unit_must(edf_count(e) == m.n);
		if (step % 64 == 0)
			unit_must(edf_check(e, stderr));
	}
	edf_destroy(e);
}
END_TEST

/* A deadline beyond the horizon is kept, comes behind the near ones, and before later ones when its time
 * comes. */
START_TEST(edf_keeps_a_deadline_beyond_the_horizon)
{
	struct edf *e = edf_create(form_ops(_i), 1 << 16, 1 << 8, 4);
	char far, farther, near, late;

	ck_assert(edf_push(e, &farther, 900000, 0));
	ck_assert(edf_push(e, &far, 500000, 0));
	ck_assert(edf_push(e, &near, 1000, 0));
	ck_assert(edf_push(e, &late, 100, 400));
	ck_assert(!edf_push(e, &late, 100, 400)); /* full */
	ck_assert_ptr_eq(edf_pop(e, 500), &late);
	ck_assert_ptr_eq(edf_pop(e, 500), &near);
	ck_assert(edf_push(e, &near, 499000, 498000));
	ck_assert_ptr_eq(edf_pop(e, 498000), &near);
	ck_assert_ptr_eq(edf_pop(e, 499000), &far);
	ck_assert_ptr_eq(edf_pop(e, 499000), &farther); /* work-conserving: long before its deadline */
	ck_assert_ptr_null(edf_pop(e, 499000));
	edf_destroy(e);
}
END_TEST

/* More far packets than one look passes, the earliest last: as time comes closer they are in order all the same. */
START_TEST(edf_puts_far_deadlines_in_order_as_time_comes_closer)
{
	enum { N = 9 };
	struct edf *e = edf_create(form_ops(_i), 1 << 16, 1 << 8, N);
	char handles[N];

	for (uint64_t i = 0; i < N; i++)
		ck_assert(edf_push(e, &handles[i], 150000 - 1000 * i, 0));
	for (int i = N - 1; i >= 0; i--)
		ck_assert_ptr_eq(edf_pop(e, 139000), &handles[i]);
	edf_destroy(e);
}
END_TEST

/* The size without what a step of 1/64 does not tell apart, bit by bit. */
static uint64_t size_step(uint64_t bytes)
{
	uint64_t step = 1;

	while (bytes / step >= 128)
		step *= 2;
	return bytes / step * step;
}

/* The flow's key: of all its packets the least that was left.  It counts as new only when it differs. */
static void model_rerank(struct model *m, uint32_t flow, bool was_empty)
{
	uint64_t key = UINT64_MAX;

	for (uint32_t i = 0; i < MAX_PKTS; i++)
		if (m->pkts[i].is_in && m->pkts[i].flow == flow && m->pkts[i].key < key)
			key = m->pkts[i].key;
	key = size_step(key);
	if (key == m->flow_key[flow] && !was_empty)
		return;
	m->flow_key[flow] = key;
	m->flow_since[flow] = m->n_changes++;
}

static uint32_t model_flow_pkts(struct model *m, uint32_t flow, struct pkt_model **first)
{
	uint32_t n = 0;

	*first = NULL;
	for (uint32_t i = 0; i < MAX_PKTS; i++) {
		struct pkt_model *p = &m->pkts[i];
		if (!p->is_in || p->flow != flow)
			continue;
		n++;
		if (*first == NULL || p->order < (*first)->order)
			*first = p;
	}
	return n;
}

/* The first packet of the flow with the least left, or NULL. */
static struct pkt_model *model_pfabric_first(struct model *m)
{
	struct pkt_model *best = NULL, *first;

	for (uint32_t flow = 0; flow < N_FLOWS; flow++) {
		if (model_flow_pkts(m, flow, &first) == 0)
			continue;
		if (best == NULL || m->flow_key[flow] < m->flow_key[best->flow] ||
			(m->flow_key[flow] == m->flow_key[best->flow] &&
				m->flow_since[flow] < m->flow_since[best->flow]))
			best = first;
	}
	return best;
}

static void pfabric_pop_both(struct model *m, struct pfabric *f)
{
	struct pkt_model *p = model_pfabric_first(m);

	unit_must(pfabric_pop(f) == p);
	if (p == NULL)
		return;
	struct pkt_model *rest;
	model_drop(m, p);
	if (model_flow_pkts(m, p->flow, &rest) != 0)
		model_rerank(m, p->flow, false);
}

/* Sizes fall as a flow goes on, but retransmissions bring old, larger ones back; some flows are huge. */
static void pfabric_push_both(struct model *m, struct pfabric *f)
{
	struct pkt_model *first;
	uint32_t flow = (uint32_t)(unit_random(&m->state) % N_FLOWS);
	bool was_empty = model_flow_pkts(m, flow, &first) == 0;
	struct pkt_model *p = model_take(m);
	char other;

	if (p == NULL) {
		unit_must(!pfabric_push(f, flow, &other, 1));
		return;
	}
	uint64_t r = unit_random(&m->state);
	p->key = r >> (r % 64);
	if (!was_empty && r % 4 != 0)
		p->key = m->flow_key[flow] - (m->flow_key[flow] > 1460 ? 1460 : 0);
	p->flow = flow;
	unit_must(pfabric_push(f, flow, p, p->key));
	model_rerank(m, flow, was_empty);
}

START_TEST(pfabric_gives_the_first_packet_of_the_flow_with_the_least_left)
{
	struct model m = {.state = (uint64_t)_i};
	struct pfabric *f = pfabric_create(form_ops(_i), N_FLOWS, MAX_PKTS);

	for (int step = 0; step < N_STEPS; step++) {
		if (model_wants_push(&m, step))
			pfabric_push_both(&m, f);
		else
			pfabric_pop_both(&m, f);
		unit_must(pfabric_count(f) == m.n);
		if (step % 64 == 0)
			unit_must(pfabric_check(f, stderr));
	}
	while (m.n > 0)
		pfabric_pop_both(&m, f);
	ck_assert_ptr_null(pfabric_pop(f));
	pfabric_destroy(f);
}
END_TEST

START_TEST(pfabric_lets_a_short_flow_overtake_and_takes_the_oldest_packet_of_the_chosen)
{
	struct pfabric *f = pfabric_create(form_ops(_i), 3, 8);
	char a[3], b[2], c;

	ck_assert(pfabric_push(f, 0, &a[0], 30000));
	ck_assert(pfabric_push(f, 1, &b[0], 20000));
	ck_assert(pfabric_push(f, 0, &a[1], 25000));
	ck_assert(pfabric_push(f, 0, &a[2], 10000)); /* ranked anew on coming: flow 0 before flow 1 */
	ck_assert_ptr_eq(pfabric_pop(f), &a[0]);     /* the starvation rule: not a[2] */
	ck_assert(pfabric_push(f, 2, &c, 64));       /* short: overtakes */
	ck_assert_ptr_eq(pfabric_pop(f), &c);
	ck_assert_ptr_eq(pfabric_pop(f), &a[1]);
	ck_assert_ptr_eq(pfabric_pop(f), &a[2]);
	ck_assert_ptr_eq(pfabric_pop(f), &b[0]);
	/* Ranked anew on leaving: the least leaves first, and what is left of flow 0 is more than flow 1 has.
	 */
	ck_assert(pfabric_push(f, 0, &a[0], 100));
	ck_assert(pfabric_push(f, 0, &a[1], 9000));
	ck_assert(pfabric_push(f, 1, &b[1], 5000));
	ck_assert_ptr_eq(pfabric_pop(f), &a[0]);
	ck_assert_ptr_eq(pfabric_pop(f), &b[1]);
	ck_assert_ptr_eq(pfabric_pop(f), &a[1]);
	ck_assert_ptr_null(pfabric_pop(f));
	pfabric_destroy(f);
}
END_TEST

/* As flow_pifo.h shows it: a policy is one function. */
static uint64_t longest_first(const struct flow_view *flow)
{
	return MAX_PKTS - flow->n_pkts;
}

START_TEST(longest_queue_first_is_one_function)
{
	struct flow_pifo *f = flow_pifo_create(&(struct flow_pifo_params){.ops = form_ops(_i),
		.n_buckets = 256,
		.max_pkts = MAX_PKTS,
		.n_flows = N_FLOWS,
		.rank = longest_first});
	uint32_t n_pkts[N_FLOWS] = {0}, n = 0;
	uint64_t state = (uint64_t)_i;
	char handle;

	for (int step = 0; step < N_STEPS; step++) {
		uint32_t flow =
			(uint32_t)(unit_random(&state) % N_FLOWS * (unit_random(&state) % N_FLOWS) / N_FLOWS);
		if (unit_random(&state) % 2 == 0 && flow_pifo_push(f, flow, &handle, 0)) {
			n_pkts[flow]++;
			n++;
		} else if (flow_pifo_pop(f, &flow) != NULL) {
			for (int i = 0; i < N_FLOWS; i++)
				unit_must(n_pkts[i] <= n_pkts[flow]);
			n_pkts[flow]--;
			n--;
		}
		unit_must(flow_pifo_count(f) == n);
	}
	ck_assert(flow_pifo_check(f, stderr));
	flow_pifo_destroy(f);
}
END_TEST

START_TEST(destroying_nothing_is_legal)
{
	pfabric_destroy(NULL);
	edf_destroy(NULL);
	dscp_rank_destroy(NULL);
	flow_pifo_destroy(NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("policy");
	TCase *tc = tcase_create("policy");

	form_add_test(tc, dscp_rank_gives_the_lowest_rank_and_within_it_the_first, 10);
	form_add_test(tc, edf_gives_the_earliest_deadline_and_within_a_step_the_first, 10);
	form_add_test(tc, edf_keeps_a_deadline_beyond_the_horizon, 1);
	form_add_test(tc, edf_puts_far_deadlines_in_order_as_time_comes_closer, 1);
	form_add_test(tc, pfabric_gives_the_first_packet_of_the_flow_with_the_least_left, 10);
	form_add_test(tc, pfabric_lets_a_short_flow_overtake_and_takes_the_oldest_packet_of_the_chosen, 1);
	form_add_test(tc, longest_queue_first_is_one_function, 2);
	tcase_add_test(tc, destroying_nothing_is_legal);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
