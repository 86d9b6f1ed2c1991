/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is cut, and how budgets are split: random cases against slow and obvious models. */
#include <string.h>

#include "feasible.h"
#include "split.h"
#include "unit.h"

#define MAX_NODES 40

/* Step 1 of DBA-VM by hand: one unit at a time is taken from the lowest priority, from who has most left of what it was
 * promised. */
static void cut_slowly(const struct feasible_node *nodes, uint32_t n, uint32_t parent, uint64_t capacity, uint64_t *granted)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (nodes[i].parent != parent)
			continue;
		granted[i] = nodes[i].owed;
		sum += granted[i];
	}
	while (sum > capacity) {
		uint32_t who = UINT32_MAX;
		for (uint32_t i = 0; i < n; i++) {
			if (nodes[i].parent != parent || granted[i] == 0)
				continue;
			if (who == UINT32_MAX || nodes[i].priority > nodes[who].priority ||
				(nodes[i].priority == nodes[who].priority &&
					granted[i] * nodes[who].owed > granted[who] * nodes[i].owed))
				who = i;
		}
		granted[who]--;
		sum--;
	}
	for (uint32_t i = 0; i < n; i++)
		if (nodes[i].parent == parent && nodes[i].is_group)
			cut_slowly(nodes, n, i, granted[i], granted);
}

/* Broken by: priorities cut from the top; members of a group that is cut and keep what they had; cut all alike. */
START_TEST(the_lowest_priority_is_cut_first_and_in_proportion)
{
	uint64_t seed = (uint64_t)_i;
	struct feasible_node nodes[MAX_NODES];
	uint64_t slow[MAX_NODES];

	for (int round = 0; round < 60; round++) {
		uint32_t n_groups = (uint32_t)(unit_random(&seed) % 5), n = n_groups + 1 + (uint32_t)(unit_random(&seed) % 20);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t most = i < n_groups ? i : n_groups;
			bool has_parent = most > 0 && unit_random(&seed) % 3 > 0;
			nodes[i] = (struct feasible_node){
				.owed = unit_random(&seed) % 400,
				.parent = has_parent ? (uint32_t)(unit_random(&seed) % most) : FEASIBLE_NO_PARENT,
				.priority = (uint8_t)(unit_random(&seed) % 3),
				.is_group = i < n_groups,
			};
		}
		uint64_t capacity = unit_random(&seed) % 3000;
		uint32_t n_cut = feasible_cut(nodes, n, capacity), n_less = 0;
		uint64_t sum = 0;
		cut_slowly(nodes, n, FEASIBLE_NO_PARENT, capacity, slow);
		for (uint32_t i = 0; i < n; i++) {
			sum += nodes[i].parent == FEASIBLE_NO_PARENT ? nodes[i].granted : 0;
			n_less += nodes[i].granted < nodes[i].owed;
			/* Rounding: a unit a level, and what a group's lost unit costs one member. */
			ck_assert_msg(nodes[i].granted <= slow[i] + 4 && slow[i] <= nodes[i].granted + 24,
				"seed %d round %d node %u: %lu, wanted %lu", _i, round, i, (unsigned long)nodes[i].granted,
				(unsigned long)slow[i]);
		}
		ck_assert_uint_le(sum, capacity);
		ck_assert_uint_eq(n_cut, n_less);
	}
}
END_TEST

/* Broken by: a cut that is felt above the priority that is cut. */
START_TEST(who_fits_is_not_touched)
{
	struct feasible_node nodes[] = {{.owed = 150, .parent = FEASIBLE_NO_PARENT, .priority = 0},
		{.owed = 700, .parent = FEASIBLE_NO_PARENT, .priority = 1},
		{.owed = 150, .parent = FEASIBLE_NO_PARENT, .priority = 2}};

	ck_assert_uint_eq(feasible_cut(nodes, 3, 1000), 0);
	ck_assert_uint_eq(feasible_cut(nodes, 3, 900), 1);
	ck_assert_uint_eq(nodes[0].granted, 150);
	ck_assert_uint_eq(nodes[1].granted, 700);
	ck_assert_uint_eq(nodes[2].granted, 50);
	ck_assert_uint_eq(feasible_cut(nodes, 3, 500), 2);
	ck_assert_uint_eq(nodes[1].granted, 350);
	ck_assert_uint_eq(nodes[2].granted, 0);
	ck_assert_uint_eq(feasible_cut(nodes, 0, 0), 0);
}
END_TEST

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A unit at a time to who has least by weight and still wants: first those below their demand, then those below their cap. */
static void split_slowly(const struct split_part *parts, uint32_t n, uint64_t budget, uint64_t *share)
{
	for (uint32_t i = 0; i < n; i++) {
		share[i] = least(parts[i].floor, parts[i].cap);
		budget -= share[i];
	}
	for (int stage = 0; stage < 2; stage++) {
		for (;;) {
			uint32_t who = UINT32_MAX;
			for (uint32_t i = 0; i < n; i++) {
				uint64_t target = stage == 0 ? least(parts[i].demand, parts[i].cap) : parts[i].cap;
				if (share[i] >= target)
					continue;
				if (who == UINT32_MAX || (share[i] + 1) * parts[who].weight < (share[who] + 1) * parts[i].weight)
					who = i;
			}
			if (who == UINT32_MAX || budget == 0)
				break;
			share[who]++;
			budget--;
		}
	}
}

/* Broken by: what rounding leaves that is given to nobody; a demand that does not count; spare that is kept. */
START_TEST(a_budget_is_split_by_use_exactly)
{
	uint64_t seed = (uint64_t)_i;
	struct split_part parts[12];
	uint64_t slow[12];

	for (int round = 0; round < 100; round++) {
		uint32_t n = 1 + (uint32_t)(unit_random(&seed) % 12);
		uint64_t sum = 0, caps = 0, budget = 600 + unit_random(&seed) % 2000;
		for (uint32_t i = 0; i < n; i++) {
			parts[i] = (struct split_part){
				.floor = unit_random(&seed) % 3 == 0 ? unit_random(&seed) % 50 : 0,
				.demand = unit_random(&seed) % 800,
				.cap = unit_random(&seed) % 3 == 0 ? unit_random(&seed) % 600 : 100000,
				.weight = 1 + (uint32_t)(unit_random(&seed) % 4),
			};
			caps += parts[i].cap;
		}
		split_budget(parts, n, budget);
		split_slowly(parts, n, budget, slow);
		for (uint32_t i = 0; i < n; i++) {
			sum += parts[i].share;
			ck_assert_msg(parts[i].share <= slow[i] + 20 && slow[i] <= parts[i].share + 20,
				"seed %d round %d part %u of %u: %lu, wanted %lu", _i, round, i, n,
				(unsigned long)parts[i].share, (unsigned long)slow[i]);
			ck_assert_uint_le(parts[i].share, parts[i].cap);
		}
		ck_assert_uint_eq(sum, least(budget, caps));
	}
}
END_TEST

/* Broken by: floors above the budget that are given in full; an idle part that is left with nothing. */
START_TEST(a_budget_at_its_edges)
{
	struct split_part over[] = {{.floor = 300, .cap = SPLIT_NO_CAP, .weight = 1},
		{.floor = 100, .cap = SPLIT_NO_CAP, .weight = 9}};
	struct split_part idle[] = {{.demand = 0, .cap = SPLIT_NO_CAP, .weight = 1},
		{.demand = 400, .cap = SPLIT_NO_CAP, .weight = 1}};
	struct split_part big[] = {{.demand = 3, .cap = SPLIT_NO_CAP, .weight = 1000},
		{.demand = SPLIT_MAX_BUDGET, .cap = SPLIT_NO_CAP, .weight = 1}};

	split_budget(over, 2, 200);
	ck_assert_uint_eq(over[0].share, 150);
	ck_assert_uint_eq(over[1].share, 50);
	split_budget(idle, 2, 1000);
	ck_assert_uint_eq(idle[0].share, 500);
	ck_assert_uint_eq(idle[1].share, 500);
	split_budget(idle, 2, 500);
	ck_assert_uint_eq(idle[0].share, 100);
	split_budget(big, 2, SPLIT_MAX_BUDGET);
	ck_assert_uint_eq(big[0].share, 3);
	ck_assert_uint_eq(big[0].share + big[1].share, SPLIT_MAX_BUDGET);
	split_budget(big, 0, 5);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("feasible");
	TCase *tc = tcase_create("feasible");

	tcase_add_loop_test(tc, the_lowest_priority_is_cut_first_and_in_proportion, 0, 30);
	tcase_add_test(tc, who_fits_is_not_touched);
	tcase_add_loop_test(tc, a_budget_is_split_by_use_exactly, 0, 30);
	tcase_add_test(tc, a_budget_at_its_edges);
	suite_add_tcase(s, tc);
	return unit_run(s);
}
