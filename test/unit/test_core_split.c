/* SPDX-License-Identifier: BSD-3-Clause */
/* The split of the packet capacity over workers that are as fluid as water: each divides its part among its ports as the
 * contract says, and the control core sees only what was read. */
#include <stdio.h>
#include <string.h>

#include "core_split.h"
#include "clk.h"
#include "unit.h"
#include "why.h"

#define CAPACITY  1000000u
#define N_WORKERS 4u
#define MOST_VFS  12u
#define PERIODS	  40
#define MS	  UINT64_C(1000000)

struct bed {
	struct conf *conf;
	struct asking plan;
	struct grants *granted;
	struct core_split split;
	unsigned int rx_worker[CONF_MAX_PORTS];
	double demand[CONF_MAX_PORTS], rate[CONF_MAX_PORTS], read[CONF_MAX_PORTS];
	struct asker_view askers[CONF_MAX_PORTS];
	struct load_view loads[GRANTS_MAX_WORKERS];
};

static uint32_t below(uint64_t *seed, uint32_t n)
{
	return (uint32_t)(unit_random(seed) % n);
}

/* A third want nothing, a third less than they were sold or might have, the others all. */
static double draw_demand(uint64_t *seed)
{
	uint32_t kind = below(seed, 3);

	return kind == 0 ? 0 : kind == 1 ? below(seed, CAPACITY / 8) : 2.0 * CAPACITY;
}

static void draw(struct bed *b, uint64_t *seed)
{
	static struct why why;	/* big */
	static char ini[4096];
	uint32_t n = 2 + below(seed, MOST_VFS - 1), room = CAPACITY * 9 / 10;
	size_t at = (size_t)snprintf(ini, sizeof(ini),
		"[switch]\npacket_capacity = %u\nguarantee_size = 64\n[port pf]\nrole = pf\nrate = 100G\nlink_basis = l2\n", CAPACITY);

	memset(b, 0, sizeof(*b));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t min = below(seed, 2) ? 0 : 1 + below(seed, room / 2);
		room -= min;
		at += (size_t)snprintf(ini + at, sizeof(ini) - at,
			"[port p%u]\n[vf v%u]\nport = p%u\nmac = 02:00:00:00:00:%02x\ntx.weight = %u\ntx.priority = %u\n", i, i, i, i,
			1 + below(seed, 5), below(seed, 2));
		if (min > 0)
			at += (size_t)snprintf(ini + at, sizeof(ini) - at, "tx.min_pps = %u\n", min);
		b->demand[i + 1] = draw_demand(seed);
	}
	why_init(&why);
	b->conf = conf_parse("test", ini, at, &why);
	ck_assert_msg(b->conf != NULL, "%s", why.n > 0 ? why.text[0] : "");
	for (uint16_t port = 0; port < b->conf->n_ports; port++) {
		b->rx_worker[port] = below(seed, N_WORKERS);
		b->loads[b->rx_worker[port]].asks = true;
	}
	b->granted = grants_create(b->conf);
	ck_assert_ptr_nonnull(b->granted);
	core_split_init(&b->split, N_WORKERS, b->rx_worker);
}

static struct asking_part part_of(const struct bed *b, unsigned int worker)
{
	struct asking_part part;

	asking_part(&b->plan, b->rx_worker, worker, &part);
	return part;
}

/* What its ports read while it has its part. */
static void serve(struct bed *b, unsigned int worker)
{
	struct alloc_node nodes[CONF_MAX_PORTS];
	struct asking_part part = part_of(b, worker);
	uint16_t ports[CONF_MAX_PORTS];
	uint32_t n = 0;
	bool is_memory_out, is_capped = false;

	for (uint16_t port = 0; port < b->conf->n_ports; port++) {
		const struct asking_terms *t = &part.ports[port];
		if (b->rx_worker[port] != worker)
			continue;
		ports[n] = port;
		nodes[n++] = (struct alloc_node){.min = (double)t->min_pps, .max = 1e12, .demand = b->demand[port],
			.weight = t->weight, .priority = t->priority, .parent = ALLOC_NO_PARENT};
	}
	if (n == 0)
		return;
	ck_assert(alloc_tree(nodes, n, (double)part.capacity_pps, &is_memory_out));
	for (uint32_t i = 0; i < n; i++) {
		struct asker_view *a = &b->askers[ports[i]];
		bool is_held = nodes[i].rate < b->demand[ports[i]] * 0.999;
		b->rate[ports[i]] = nodes[i].rate;
		b->read[ports[i]] += nodes[i].rate / 1000;	/* of a millisecond */
		a->rx_pkts = (uint64_t)b->read[ports[i]];
		a->n_asked += 1;
		a->n_drained += !is_held;
		a->n_woken = a->n_drained + is_held;
		is_capped |= is_held;
	}
	b->loads[worker].capped_ns += is_capped ? MS : 0;
}

static void check_sum(const struct bed *b)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < N_WORKERS; i++) {
		ck_assert(b->loads[i].asks || b->granted->capacity_pps[i] == 0);
		sum += b->granted->capacity_pps[i];
	}
	ck_assert_uint_le(sum, CAPACITY + N_WORKERS);
}

static void play(struct bed *b)
{
	for (int i = 0; i < PERIODS; i++) {
		asking_plan(&b->plan, b->conf, b->granted);
		for (unsigned int w = 0; w < N_WORKERS; w++)
			serve(b, w);
		core_split_measure(&b->split, b->conf->n_ports, b->loads, b->askers, i > 0 ? MS : 0);
		core_split_run(&b->split, &b->plan, CAPACITY, false, b->granted);
		check_sum(b);
	}
}

static bool is_short(const struct bed *b, uint16_t port)
{
	return b->rate[port] < b->demand[port] * 0.999;
}

/* What a worker has for who may come, a 50th of all and a 20th of what it reads, and what no new split is worth. */
static double slack_of(const struct bed *b, unsigned int worker)
{
	return CAPACITY * 0.03 + (double)b->granted->capacity_pps[worker] / 19;
}

/* What was sold on a worker, and not wanted, is its other ports'. */
static bool has_only_what_was_sold(const struct bed *b, unsigned int worker)
{
	struct asking_part part = part_of(b, worker);

	return (double)b->granted->capacity_pps[worker] <= (double)part.sold_pps + slack_of(b, worker);
}

/* Nobody has, above his guarantee, more of another worker than somebody here who is short of it and comes before him. */
static void check_pair(const struct bed *b, uint16_t poor, uint16_t rich)
{
	const struct asking_terms *p = &b->plan.ports[poor], *r = &b->plan.ports[rich];
	unsigned int worker = b->rx_worker[rich];
	double level = p->priority < r->priority ? 0 : b->rate[poor] / p->weight * r->weight;
	double most = (level > (double)r->min_pps ? level : (double)r->min_pps) * 1.02 + slack_of(b, worker);

	if (!is_short(b, poor) || b->rx_worker[poor] == worker || has_only_what_was_sold(b, worker) || p->priority > r->priority)
		return;
	ck_assert_msg(b->rate[rich] <= most, "port %u (%.0f of %.0f, weight %u) is short, port %u has %.0f (weight %u), %.0f at most", poor,
		b->rate[poor], b->demand[poor], p->weight, rich, b->rate[rich], r->weight, most);
}

static void check(const struct bed *b)
{
	for (uint16_t i = 1; i < b->conf->n_ports; i++) {
		double sold = (double)b->plan.ports[i].min_pps;
		double least = sold < b->demand[i] ? sold : b->demand[i];
		ck_assert_msg(b->rate[i] >= least * 0.999, "port %u: %.0f of %.0f sold", i, b->rate[i], least);
		for (uint16_t j = 1; j < b->conf->n_ports; j++)
			check_pair(b, i, j);
	}
}

/* Broken by: ROUNDS = 1; a floor of 0 in make_parts(); demands all alike; weights all 1 in set_node(). */
START_TEST(what_was_sold_stays_at_hand_and_the_rest_is_shared_over_all_workers)
{
	static struct bed b;	/* big */
	uint64_t seed = (uint64_t)_i + 1;

	for (int n = 0; n < 100; n++) {
		draw(&b, &seed);
		play(&b);
		check(&b);
		grants_destroy(b.granted);
		conf_destroy(b.conf);
	}
}
END_TEST

/* As much as is left, and not one packet more; within three periods of a new demand.
 * Broken by: is_worth_it() that answers false after the first time; capped smoothed over ten periods. */
START_TEST(a_demand_that_moves_to_another_worker_takes_the_capacity_with_it)
{
	static struct bed b;
	static struct why why;
	static const char ini[] = "[switch]\npacket_capacity = 1M\nguarantee_size = 64\n[port pf]\nrole = pf\nrate = 100G\nlink_basis = l2\n"
		"[port a]\n[vf a]\nport = a\nmac = 02:00:00:00:00:01\n[port b]\n[vf b]\nport = b\nmac = 02:00:00:00:00:02\n";

	memset(&b, 0, sizeof(b));
	why_init(&why);
	b.conf = conf_parse("test", ini, sizeof(ini) - 1, &why);
	b.granted = grants_create(b.conf);
	ck_assert(b.conf != NULL && b.granted != NULL);
	b.rx_worker[2] = 1;
	b.loads[0].asks = b.loads[1].asks = true;
	core_split_init(&b.split, 2, b.rx_worker);
	for (int i = 0; i < 6; i++) {
		b.demand[1 + i % 2] = 2.0 * CAPACITY;
		b.demand[2 - i % 2] = 1000;
		for (int period = 0; period < 4; period++) {
			asking_plan(&b.plan, b.conf, b.granted);
			serve(&b, 0);
			serve(&b, 1);
			core_split_measure(&b.split, b.conf->n_ports, b.loads, b.askers, MS);
			core_split_run(&b.split, &b.plan, CAPACITY, false, b.granted);
			check_sum(&b);
		}
		ck_assert_msg(b.rate[1 + i % 2] > 0.95 * CAPACITY, "%.0f after three periods", b.rate[1 + i % 2]);
	}
	grants_destroy(b.granted);
	conf_destroy(b.conf);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core_split");
	TCase *tc = tcase_create("workers");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, what_was_sold_stays_at_hand_and_the_rest_is_shared_over_all_workers, 0, 15);
	tcase_add_test(tc, a_demand_that_moves_to_another_worker_takes_the_capacity_with_it);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
