/* SPDX-License-Identifier: BSD-3-Clause */
/* Promise: contract 3 over random trees of tenants where link and core are short at once, and where VMs receive.  contract.py has one
 * resource.  Each is shared by it: the core by the order of asking, all packets alike, the link by the uplink's scheduler; who
 * is held by one asks of the other what that leaves him.  A set's number is its seed, and is told with what is wrong.
 * Left out, for there the arbiter says nothing: members of one tenant with packets of several sizes, whose tenant's both clocks
 * bind one after the other; and minima of what is received, which are refused.  And where VMs receive, a tenant's limit: what goes
 * to the uplink and what stays here have it by turns, half each where both want it, whatever members are behind either. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "allocate.h"
#include "fake_rim.h"
#include "unit.h"

#define MS	     UINT64_C(1000000)
#define MOST_VMS     8u
#define MOST_TENANTS 3u
#define CORE_PPS     200e3
#define ONE_SIZE     200u
#define MOST_RECEIVERS 3u
#define RECEIVER     0x20u	/* the first one's MAC */
#define TOLERANCE    0.005	/* of the core, or of the link */
#define N_LOOPS	     10
#ifdef __SANITIZE_ADDRESS__	/* five times as slow */
#define N_SETS 4
#else
#define N_SETS 15		/* a loop */
#endif

struct node {
	double min_bps, min_pps, max_pps;	/* max_pps: as it binds packets of its own size */
	double demand_pps;	/* of a VM */
	double weight, rate_pps;
	uint32_t bytes, parent;	/* 1 + a tenant's number */
	unsigned int priority;
};

struct drawn {
	struct node nodes[MOST_VMS + MOST_TENANTS];	/* VMs, then tenants */
	uint32_t n_vms, n_tenants;
	double link_bps;
	char ini[4096];
	size_t at;
};

static uint32_t below(uint64_t *seed, uint32_t n)
{
	return (uint32_t)(unit_random(seed) % n);
}

static __attribute__((format(printf, 2, 3))) void add(struct drawn *d, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	d->at += (size_t)vsnprintf(d->ini + d->at, sizeof(d->ini) - d->at, fmt, args);
	va_end(args);
	ck_assert_uint_lt(d->at, sizeof(d->ini));
}

/* A part of what is left of both, in both units or in one, the other being derived. */
static void draw_terms(struct drawn *d, struct node *n, uint64_t *seed, double *room, bool may_have_limit)
{
	double bits = 8.0 * n->bytes, most_pps = CORE_PPS < d->link_bps / bits ? CORE_PPS : d->link_bps / bits;

	n->weight = 1 + below(seed, 4);
	n->priority = below(seed, 2);
	add(d, "tx.weight = %.0f\ntx.priority = %u\n", n->weight, n->priority);
	if (below(seed, 2) > 0) {
		double part = *room / 2 * below(seed, 1000) / 1000;
		*room -= part;
		n->min_pps = 1 + (double)(uint64_t)(part * CORE_PPS);
		n->min_bps = 1000 + (double)(uint64_t)(part * d->link_bps);
		add(d, "tx.min_pps = %.0f\ntx.min_bps = %.0f\n", n->min_pps, n->min_bps);
	}
	n->max_pps = 1e9;
	if (below(seed, 3) > 0 || !may_have_limit)
		return;
	/* Above all minima together, so that whoever has it may have members who were promised them. */
	n->max_pps = (double)(uint64_t)(most_pps * (0.5 + below(seed, 500) / 1000.0));
	double max_bps = 0.5 * d->link_bps > n->max_pps * bits ? d->link_bps : n->max_pps * bits;
	if (n->max_pps >= 0.5 * CORE_PPS)
		add(d, "tx.max_pps = %.0f\n", n->max_pps);
	else if (max_bps < d->link_bps)
		add(d, "tx.max_bps = %.0f\n", max_bps);
	else
		n->max_pps = 1e9;
}

/* is_core: the core alone may be short, and all packets are of one size. */
static void draw(struct drawn *d, uint64_t *seed, bool is_core)
{
	static const uint32_t sizes[] = {64, 200, 500, 1000, 1500};
	double room = 0.45;

	memset(d, 0, sizeof(*d));
	d->n_vms = 3 + below(seed, MOST_VMS - 2);
	d->n_tenants = below(seed, MOST_TENANTS + 1);
	if (d->n_tenants > d->n_vms)
		d->n_tenants = d->n_vms;
	d->link_bps = is_core ? 10e9 : CORE_PPS * 8 * (100 + below(seed, 900));
	add(d, "[switch]\npacket_capacity = %.0f\nguarantee_size = 64\n[port pf]\nrole = pf\nlink_basis = l2\nrate = %.0f\n", CORE_PPS,
		d->link_bps);
	for (uint32_t i = 0; i < d->n_tenants; i++) {
		struct node *t = &d->nodes[d->n_vms + i];
		add(d, "[tenant t%u]\n", i);
		t->bytes = is_core ? ONE_SIZE : sizes[below(seed, 5)];
		draw_terms(d, t, seed, &room, !is_core);
	}
	for (uint32_t i = 0; i < d->n_vms; i++) {
		struct node *v = &d->nodes[i];
		v->parent = i < d->n_tenants ? i + 1 : below(seed, d->n_tenants + 1);
		v->bytes = v->parent > 0 ? d->nodes[d->n_vms + v->parent - 1].bytes : is_core ? ONE_SIZE : sizes[below(seed, 5)];
		v->demand_pps = below(seed, 3) > 0 ? 1e6 : 1000 + below(seed, 50000);
		add(d, "[port v%u]\n[vf vm%u]\nport = v%u\nmac = 02:00:00:00:00:%02x\n", i, i, i, i + 1);
		if (v->parent > 0)
			add(d, "tenant = t%u\n", v->parent - 1);
		draw_terms(d, v, seed, &room, true);
	}
}

/* ---- What is wanted ---- */

/* A packet costs its sender's share at the uplink the larger of its parts of both, and of the link it takes its bits. */
static double link_weight(const struct drawn *d, const struct node *n)
{
	double part = 8.0 * n->bytes / d->link_bps * CORE_PPS;

	return n->weight * (part < 1 ? part : 1);
}

static double floor_bps(const struct node *n)
{
	double bps = n->min_pps * 8 * n->bytes;

	return bps < n->min_bps ? bps : n->min_bps;
}

static void set_wants(const struct drawn *d, struct want *wants, bool is_link, const double *demand_pps)
{
	for (uint32_t i = 0; i < d->n_vms + d->n_tenants; i++) {
		const struct node *n = &d->nodes[i];
		double unit = is_link ? 8.0 * n->bytes : 1;
		wants[i] = (struct want){.min = is_link ? floor_bps(n) : n->min_pps, .max = n->max_pps * unit, .priority = n->priority,
			.weight = is_link ? link_weight(d, n) : n->weight, .parent = n->parent > 0 ? d->n_vms + n->parent : 0,
			.is_tenant = i >= d->n_vms};
		if (i < d->n_vms)
			wants[i].demand = demand_pps[i] * unit;
	}
}

#define CLOSE 0.999999

static void move(double *from, double to, double step, double *moved)
{
	double way = (to - *from) * step;

	*from += way;
	*moved += (way < 0 ? -way : way) / CORE_PPS;
}

/* The order of asking shares the core, the uplink's scheduler the link, each by allocate_tree(): who is held by one of them asks
 * no more of the other than that.  false: no such rates were found. */
static bool compute(struct drawn *d)
{
	struct want core[MOST_VMS + MOST_TENANTS], link[MOST_VMS + MOST_TENANTS];
	uint32_t n = d->n_vms + d->n_tenants;
	double core_demand[MOST_VMS], link_demand[MOST_VMS], moved = 1;

	for (uint32_t i = 0; i < d->n_vms; i++)
		link_demand[i] = core_demand[i] = d->nodes[i].demand_pps;
	for (int round = 0; round < 400 && moved > 1e-6; round++) {
		double step = round < 20 ? 1 : 0.5;	/* where two sets of who is held by which take turns */
		moved = 0;
		set_wants(d, link, true, link_demand);
		allocate_tree(link, n, d->link_bps);
		for (uint32_t i = 0; i < d->n_vms; i++) {
			double pps = link[i].rate / 8 / d->nodes[i].bytes;
			move(&core_demand[i], pps < link_demand[i] * CLOSE ? pps : d->nodes[i].demand_pps, step, &moved);
		}
		set_wants(d, core, false, core_demand);
		allocate_tree(core, n, CORE_PPS);
		for (uint32_t i = 0; i < d->n_vms; i++) {
			d->nodes[i].rate_pps = core[i].rate;
			move(&link_demand[i], core[i].rate < core_demand[i] * CLOSE ? core[i].rate : d->nodes[i].demand_pps, step, &moved);
		}
	}
	return moved <= 1e-6;
}

/* ---- Checks ---- */

static void check(const struct drawn *d, uint64_t number, uint32_t vm, double got_pps, double want_pps)
{
	double off = got_pps > want_pps ? got_pps - want_pps : want_pps - got_pps;
	double of_link = off * 8 * d->nodes[vm].bytes / d->link_bps, error = off / CORE_PPS > of_link ? off / CORE_PPS : of_link;

	ck_assert_msg(error < TOLERANCE, "seed %lu, vm%u: %.0f packets/s, wanted %.0f; of\n%s", (unsigned long)number, vm, got_pps, want_pps,
		d->ini);
}

static void settle(struct rim *r)
{
	rim_run(r, 300 * MS);
	rim_mark(r);
	rim_run(r, 400 * MS);
}

static void check_uplink(uint64_t number)
{
	static struct drawn d;
	uint64_t seed = number;
	int streams[MOST_VMS];

	draw(&d, &seed, false);
	ck_assert_msg(compute(&d), "seed %lu: no rates found for\n%s", (unsigned long)number, d.ini);
	struct rim *r = rim_create(&(struct rim_setup){.ini = d.ini, .placement = RIM_SINGLE, .turn_ns = 20000});
	for (uint32_t i = 0; i < d.n_vms; i++)
		streams[i] = rim_offer(r, &(struct rim_stream){.port = (uint16_t)(i + 1), .dst = HOST_MAC(1), .bytes = d.nodes[i].bytes,
			.pps = (uint64_t)d.nodes[i].demand_pps});
	settle(r);
	for (uint32_t i = 0; i < d.n_vms; i++)
		check(&d, number, i, rim_pps(r, streams[i], 0), d.nodes[i].rate_pps);
	rim_end(r);
}

/* A packet's cost is the larger of its parts of core and link: in the order of asking all cost the same, at the uplink small ones
 * what they are of the core.  Broken by: no cost_pkt for the uplink's order; no order_join() in ask_join(). */
START_TEST(random_trees_share_link_and_core_where_both_are_short)
{
	for (uint64_t n = 0; n < N_SETS; n++)
		check_uplink(1 + (uint64_t)_i * N_SETS + n);
}
END_TEST

/* ---- To receivers ---- */

/* Senders in tenants on a short core, to the uplink and to VMs with a limit of their own (tenants bind what is sent; of what is
 * received there is a limit, and the weights of who sends).  A receiver's limit drops, and holds nobody's core. */
static void check_receivers(uint64_t number)
{
	static struct drawn d;
	uint64_t seed = number;
	uint32_t to[MOST_VMS], n_receivers = 1 + below(&seed, MOST_RECEIVERS);
	double most_pps[MOST_RECEIVERS];
	int streams[MOST_VMS];

	draw(&d, &seed, true);
	for (uint32_t i = 0; i < n_receivers; i++) {
		most_pps[i] = 5000 + below(&seed, 60000);
		add(&d, "[port r%u]\n[vf rm%u]\nport = r%u\nmac = 02:00:00:00:00:%02x\n%s = %.0f\n", i, i, i, RECEIVER + i,
			i % 2 ? "rx.max_bps" : "rx.max_pps", i % 2 ? most_pps[i] * 8 * ONE_SIZE : most_pps[i]);
	}
	ck_assert(compute(&d));
	struct rim *r = rim_create(&(struct rim_setup){.ini = d.ini, .placement = RIM_SINGLE, .turn_ns = 20000});
	for (uint32_t i = 0; i < d.n_vms; i++) {
		to[i] = below(&seed, n_receivers + 1);
		streams[i] = rim_offer(r, &(struct rim_stream){.port = (uint16_t)(i + 1), .bytes = ONE_SIZE,
			.dst = to[i] > 0 ? VM_MAC(RECEIVER + to[i] - 1) : HOST_MAC(1), .pps = (uint64_t)d.nodes[i].demand_pps});
	}
	settle(r);
	for (uint32_t k = 0; k <= n_receivers; k++) {
		struct want wants[MOST_VMS];
		uint32_t index[MOST_VMS], n = 0;
		for (uint32_t i = 0; i < d.n_vms; i++) {
			if (to[i] != k)
				continue;
			wants[n] = (struct want){.max = 1e9, .demand = d.nodes[i].rate_pps, .weight = d.nodes[i].weight};
			index[n++] = i;
		}
		allocate(wants, n, k > 0 ? most_pps[k - 1] : 1e9);
		for (uint32_t j = 0; j < n; j++)
			check(&d, number, index[j], rim_pps(r, streams[index[j]], k > 0 ? (uint16_t)(d.n_vms + k) : 0), wants[j].rate);
	}
	rim_end(r);
}

/* Broken by: senders of equal weight at a VF's port, in pipe_sender_weights(); no order_join() in ask_join(). */
START_TEST(random_trees_that_send_to_each_other_share_the_core_and_each_receiver_its_limit)
{
	for (uint64_t n = 0; n < N_SETS; n++)
		check_receivers(1 + (uint64_t)_i * N_SETS + n);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pipe_both");
	TCase *tc = tcase_create("random trees");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, random_trees_share_link_and_core_where_both_are_short, 0, N_LOOPS);
	tcase_add_loop_test(tc, random_trees_that_send_to_each_other_share_the_core_and_each_receiver_its_limit, 0, N_LOOPS);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
