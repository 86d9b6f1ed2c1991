/* SPDX-License-Identifier: BSD-3-Clause */
/* The allocator against one that halves an interval two hundred times (test/promise/allocate.c), on random trees. */
#include <math.h>
#include <string.h>

#include "alloc.h"
#include "allocate.h"
#include "unit.h"

#define MAX_NODES 128

static double below(uint64_t *seed, double most)
{
	return (double)(unit_random(seed) % 1000000) / 1e6 * most;
}

/* Groups first, then VFs in them or in none; floors that fit. */
static uint32_t random_tree(uint64_t *seed, struct alloc_node *nodes)
{
	uint32_t n_groups = (uint32_t)(unit_random(seed) % 6), n = n_groups + 1 + (uint32_t)(unit_random(seed) % (unit_random(seed) % 5 ? 30 : 120));

	for (uint32_t i = 0; i < n; i++) {
		bool has_parent = i > 0 && n_groups > 0 && unit_random(seed) % 3 > 0;
		uint32_t most = i < n_groups ? i : n_groups;
		double min = unit_random(seed) % 2 ? below(seed, 600.0 / n) : 0;
		double max = unit_random(seed) % 3 == 0 ? 700 + below(seed, 400) : 5000;
		nodes[i] = (struct alloc_node){
			.min = i < n_groups ? min : min / 2,
			.max = i < n_groups ? max : unit_random(seed) % 2 ? 30 + below(seed, 300) : 5000,
			.demand = unit_random(seed) % 3 == 0 ? below(seed, 200) : 3000,
			.weight = 1 + (uint32_t)(unit_random(seed) % 5),
			.priority = (uint8_t)(unit_random(seed) % 3),
			.parent = has_parent && most > 0 ? (uint32_t)(unit_random(seed) % most) : ALLOC_NO_PARENT,
			.is_group = i < n_groups,
		};
	}
	return n;
}

static void slowly(const struct alloc_node *nodes, uint32_t n, double link, struct want *wants)
{
	for (uint32_t i = 0; i < n; i++)
		wants[i] = (struct want){
			.min = nodes[i].min,
			.max = nodes[i].max,
			.demand = nodes[i].demand,
			.weight = nodes[i].weight,
			.priority = nodes[i].priority,
			.parent = nodes[i].parent == ALLOC_NO_PARENT ? 0 : nodes[i].parent + 1,
			.is_tenant = nodes[i].is_group,
		};
	allocate_tree(wants, n, link);
}

static double floor_of(const struct want *w)
{
	return fmin(w->min, fmin(w->max, w->demand));
}

/* Once the slow one has lifted the floors of groups: what all below a group, or the root, are owed is not above what it
 * may have. */
static bool do_floors_fit(const struct want *wants, uint32_t n, double link)
{
	double owed[MAX_NODES + 1] = {0};

	for (uint32_t i = 0; i < n; i++)
		owed[wants[i].parent] += floor_of(&wants[i]);
	for (uint32_t i = 0; i < n; i++)
		if (wants[i].is_tenant && owed[i + 1] > wants[i].max)
			return false;
	return owed[0] <= link;
}

/* Broken by: bends that are not sorted, few or many; a water level that passes a bend without a new slope; floors of members that do not lift their group. */
START_TEST(random_trees_get_what_the_slow_one_computes)
{
	uint64_t seed = (uint64_t)_i;
	struct alloc_node nodes[MAX_NODES];
	struct want wants[MAX_NODES];
	bool is_memory_out;
	int n_fit = 0;

	for (int round = 0; round < 100; round++) {
		uint32_t n = random_tree(&seed, nodes);
		slowly(nodes, n, 1000, wants);
		bool fits = do_floors_fit(wants, n, 1000);
		ck_assert_int_eq(alloc_tree(nodes, n, 1000, &is_memory_out), fits);
		n_fit += fits;
		for (uint32_t i = 0; i < n && fits; i++)
			ck_assert_msg(fabs(nodes[i].rate - wants[i].rate) < 1e-5, "seed %d, round %d, node %u: %g, wanted %g",
				_i, round, i, nodes[i].rate, wants[i].rate);
	}
	ck_assert_int_gt(n_fit, 50);
}
END_TEST

static struct alloc_node node(double min, double max, double demand, uint32_t weight, uint8_t priority)
{
	return (struct alloc_node){.min = min, .max = max, .demand = demand, .weight = weight, .priority = priority,
		.parent = ALLOC_NO_PARENT};
}

/* Broken by: bounds in another order. */
START_TEST(it_says_what_bounds_whom)
{
	struct alloc_node nodes[] = {node(0, 100, 9e9, 1, 0), node(0, 9e9, 50, 1, 0), node(0, 9e9, 9e9, 3, 0),
		node(0, 9e9, 9e9, 1, 0), node(80, 9e9, 9e9, 1, 1), node(0, 9e9, 9e9, 1, 1)};
	bool is_memory_out;

	ck_assert(alloc_tree(nodes, 6, 1000, &is_memory_out));
	ck_assert_int_eq(nodes[0].bound, ALLOC_LIMIT);
	ck_assert_int_eq(nodes[1].bound, ALLOC_DEMAND);
	ck_assert_int_eq(nodes[2].bound, ALLOC_SHARE);
	ck_assert_double_eq_tol(nodes[2].rate, 577.5, 1e-6);
	ck_assert_double_eq_tol(nodes[3].rate, 192.5, 1e-6);
	ck_assert_int_eq(nodes[4].bound, ALLOC_GUARANTEE);
	ck_assert_double_eq_tol(nodes[5].rate, 0, 1e-6);
}
END_TEST

/* Broken by: floors that are cut in silence. */
START_TEST(floors_that_do_not_fit_are_told)
{
	struct alloc_node flat[] = {node(600, 9e9, 9e9, 1, 0), node(500, 9e9, 9e9, 1, 0)};
	struct alloc_node tree[] = {node(0, 100, 0, 1, 0), node(80, 9e9, 9e9, 1, 0), node(80, 9e9, 9e9, 1, 0)};
	bool is_memory_out;

	ck_assert(!alloc_tree(flat, 2, 1000, &is_memory_out) && !is_memory_out);
	ck_assert(alloc_tree(flat, 2, 1100, &is_memory_out));
	tree[0].is_group = true;
	tree[1].parent = tree[2].parent = 0;
	ck_assert(!alloc_tree(tree, 3, 1000, &is_memory_out) && !is_memory_out);
	ck_assert(alloc_tree(tree, 0, 1000, &is_memory_out));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("alloc");
	TCase *tc = tcase_create("alloc");

	tcase_add_loop_test(tc, random_trees_get_what_the_slow_one_computes, 0, 50);
	tcase_add_test(tc, it_says_what_bounds_whom);
	tcase_add_test(tc, floors_that_do_not_fit_are_told);
	suite_add_tcase(s, tc);
	return unit_run(s);
}
