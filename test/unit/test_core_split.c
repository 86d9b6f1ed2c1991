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
#define PERIODS	  200
#define TOLERANCE 0.005
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
	uint64_t ended_loan;
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

/* It ends a loan by guarantees that it has not room for, or where nobody was held by more than it was thought to use. */
static double reads_pps(struct bed *b, unsigned int worker, const struct asking_part *part)
{
	double needs = 0;

	if (part->loan == 0 || part->loan <= b->ended_loan)
		return (double)part->capacity_pps;
	for (uint16_t port = 0; port < b->conf->n_ports; port++) {
		double sold = (double)part->ports[port].min_pps, demand = b->demand[port];
		if (b->rx_worker[port] == worker)
			needs += part->is_at_ease || demand < sold ? demand : sold;
	}
	if (part->loaned_pps >= part->capacity_pps || needs <= (double)part->loaned_pps)
		return (double)part->loaned_pps;
	b->ended_loan = part->loan;
	return (double)part->capacity_pps;
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
	ck_assert(alloc_tree(nodes, n, reads_pps(b, worker, &part), &is_memory_out));
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
	b->loads[worker].ended_loan = b->ended_loan;
}

static void check_sum(const struct bed *b)
{
	uint64_t sum = 0, loaned = 0;

	for (unsigned int i = 0; i < N_WORKERS; i++) {
		ck_assert(b->loads[i].asks || b->granted->capacity_pps[i] == 0);
		sum += b->granted->capacity_pps[i];
		loaned += b->granted->loaned_pps[i];
	}
	ck_assert_uint_le(sum, CAPACITY + N_WORKERS);
	ck_assert_uint_le(loaned, CAPACITY + N_WORKERS);
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

/* As one core would share it, but for what no new split is worth and what each worker has more than it uses. */
static void check_rates(const struct bed *b)
{
	struct alloc_node nodes[CONF_MAX_PORTS];
	bool is_memory_out;

	for (uint16_t port = 0; port < b->conf->n_ports; port++) {
		const struct asking_terms *t = &b->plan.ports[port];
		nodes[port] = (struct alloc_node){.min = (double)t->min_pps, .max = 1e12, .demand = b->demand[port],
			.weight = t->weight > 0 ? t->weight : 1, .priority = t->priority, .parent = ALLOC_NO_PARENT};
	}
	ck_assert(alloc_tree(nodes, b->conf->n_ports, CAPACITY, &is_memory_out));
	for (uint16_t port = 1; port < b->conf->n_ports; port++) {
		double off = b->rate[port] - nodes[port].rate;
		ck_assert_msg(off < TOLERANCE * CAPACITY && -off < TOLERANCE * CAPACITY, "port %u: %.0f of %.0f, wanted %.0f", port,
			b->rate[port], b->demand[port], nodes[port].rate);
	}
}

/* Who is silent wakes up: his guarantee is there before the control core has seen anything. */
static void check_at_hand(struct bed *b)
{
	for (uint16_t port = 1; port < b->conf->n_ports; port++) {
		if (b->demand[port] > 0)
			continue;
		b->demand[port] = CAPACITY;
		serve(b, b->rx_worker[port]);
		ck_assert_msg(b->rate[port] >= (double)b->plan.ports[port].min_pps * 0.999, "port %u: %.0f of %lu sold", port, b->rate[port],
			(unsigned long)b->plan.ports[port].min_pps);
	}
}

/* Broken by: no set_loans(); floors of 0 in set_floors(); weights all 1 in set_node(). */
START_TEST(what_was_sold_is_at_hand_and_lent_over_all_workers_as_one_would)
{
	static struct bed b;	/* big */
	uint64_t seed = (uint64_t)_i + 1;

	for (int n = 0; n < 100; n++) {
		draw(&b, &seed);
		play(&b);
		check_rates(&b);
		check_at_hand(&b);
		grants_destroy(b.granted);
		conf_destroy(b.conf);
	}
}
END_TEST

/* ---- Steps between two splits ---- */

static void draw_split(struct grants *g, uint64_t *seed)
{
	uint64_t left = CAPACITY, left_loaned = CAPACITY;

	g->loan = below(seed, 2) ? 0 : 1 + below(seed, 3);
	for (unsigned int i = 0; i < N_WORKERS; i++) {
		g->capacity_pps[i] = i < N_WORKERS - 1 ? 1 + below(seed, (uint32_t)left / 2) : left;
		g->loaned_pps[i] = i < N_WORKERS - 1 ? 1 + below(seed, (uint32_t)left_loaned / 2) : left_loaned;
		left -= g->capacity_pps[i];
		left_loaned -= g->loaned_pps[i];
	}
}

/* Whichever of both each worker has, with the loan as without. */
static void check_mixed(const struct grants *a, const struct grants *b)
{
	uint64_t own = 0, with_loan = 0;

	for (unsigned int i = 0; i < N_WORKERS; i++) {
		own += u64_max(a->capacity_pps[i], b->capacity_pps[i]);
		with_loan += u64_max(grants_reads_pps(a, i), grants_reads_pps(b, i));
	}
	ck_assert_uint_le(own, CAPACITY);
	ck_assert_uint_le(with_loan, CAPACITY);
}

static uint64_t all_read(const struct grants *g)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < N_WORKERS; i++)
		sum += grants_reads_pps(g, i);
	return sum;
}

/* And where the splits that are wanted differ by a little each time, all of the capacity is there all the same.  Broken by: no
 * room in half_way() (what is wanted is never there); all of it at once (above the capacity). */
START_TEST(steps_between_splits_are_never_above_the_capacity_and_come_to_an_end)
{
	static struct bed b;
	uint64_t seed = (uint64_t)_i + 1;
	struct grants *has, *wanted, *step;

	draw(&b, &seed);
	has = grants_create(b.conf);
	wanted = grants_create(b.conf);
	step = grants_create(b.conf);
	ck_assert(has != NULL && wanted != NULL && step != NULL);
	draw_split(has, &seed);
	for (int n = 0; n < 1000; n++) {
		draw_split(wanted, &seed);
		for (int k = 0; k < 4; k++) {
			if (grants_step(step, has, wanted)) {
				check_mixed(has, step);
				grants_copy(has, step);
			} else {
				check_mixed(has, wanted);
				grants_copy(has, wanted);
			}
			if (k > 0)
				ck_assert_uint_ge(all_read(has), CAPACITY - CAPACITY / 100);
			wanted->capacity_pps[0] -= wanted->capacity_pps[0] > 1;	/* a packet a second less each time */
			wanted->loaned_pps[0] -= wanted->loaned_pps[0] > 1;
		}
	}
	grants_destroy(has);
	grants_destroy(wanted);
	grants_destroy(step);
	grants_destroy(b.granted);
	conf_destroy(b.conf);
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
	tcase_add_loop_test(tc, what_was_sold_is_at_hand_and_lent_over_all_workers_as_one_would, 0, 15);
	tcase_add_loop_test(tc, steps_between_splits_are_never_above_the_capacity_and_come_to_an_end, 0, 10);
	tcase_add_test(tc, a_demand_that_moves_to_another_worker_takes_the_capacity_with_it);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
