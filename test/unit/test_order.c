/* SPDX-License-Identifier: BSD-3-Clause */
/* Random operations in random order: whatever is asked, the queues stay whole and the answers make sense.  That the
 * rates come out right is what test/promise is about. */
#include <string.h>

#include "order.h"
#include "unit.h"
#include "counter.h"

#define N_NODES 40
#define N_GROUPS 6
#define BUCKET_NS 2048	/* a wheel may be late by a bucket, and by another at the next level */

struct world {
	struct order *o;
	struct limiter limiter[N_NODES];
	struct order_terms terms[N_NODES];
	uint32_t n_groups;
	struct limiter group_limiter[N_GROUPS];
	uint32_t group_of[N_NODES], parent_of[N_GROUPS];	/* ORDER_NONE: none */
	bool is_waiting[N_NODES], is_urgent[N_NODES], is_passed[N_NODES], is_unbound[N_NODES];
	uint64_t stood_ns[N_NODES];	/* since when as it is: woken, served, or with other terms */
	uint64_t looked_ns, looked_before_ns;	/* the last two times when queues were looked at */
	uint64_t now_ns, lost_ns, seed;
};

static uint64_t chance(struct world *w, uint64_t n)
{
	return unit_random(&w->seed) % n;
}

static uint64_t random_bps(struct world *w)
{
	return UINT64_C(1000) << chance(w, 24);
}

/* Two neighbours share a limiter, as a VF's nodes of two egresses do. */
static struct limiter *limiter_of(struct world *w, uint32_t node)
{
	return node % 8 < 2 ? &w->limiter[node / 8 * 8] : &w->limiter[node];
}

static void set(struct world *w, uint32_t node)
{
	struct limiter *l = limiter_of(w, node);

	w->terms[node] = (struct order_terms){
		.min_byte = chance(w, 2) ? price_of_bps(random_bps(w)) : 0,
		.min_pkt = chance(w, 3) ? 0 : price_of_pps(1 + chance(w, 1000000)),
		.urgent_byte = chance(w, 3) ? 0 : price_of_bps(random_bps(w)),
		.urgent_pkt = chance(w, 3) ? 0 : price_of_pps(1 + chance(w, 1000000)),
		.burst_ns = chance(w, NS_PER_MS),
		.weight = 1 + (uint32_t)chance(w, ORDER_MAX_WEIGHT),
		.priority = (uint8_t)chance(w, ORDER_N_PRIORITIES),
	};
	limiter_set(l, chance(w, 3) ? price_of_bps(random_bps(w)) : 0,
		chance(w, 2) ? price_of_pps(1 + chance(w, 10000000)) : 0, chance(w, 5 * NS_PER_MS), w->now_ns);
	w->is_unbound[node] = chance(w, 10) == 0;
	order_set(w->o, node, &w->terms[node], w->is_unbound[node] ? NULL : l, w->now_ns);
	w->is_passed[node] = false;
	w->stood_ns[node] = w->stood_ns[node ^ 1] = w->now_ns;
	if (limiter_of(w, node ^ 1) == l && w->terms[node ^ 1].weight != 0) {	/* it must hear of it too */
		w->is_passed[node ^ 1] = w->is_unbound[node ^ 1] = false;
		order_set(w->o, node ^ 1, &w->terms[node ^ 1], l, w->now_ns);
	}
}

static void wake_or_sleep(struct world *w, uint32_t node)
{
	if (!w->is_waiting[node]) {
		w->is_waiting[node] = true;
		w->is_urgent[node] = chance(w, 3) == 0;
		w->is_passed[node] = false;
		w->stood_ns[node] = w->now_ns;
		order_wake(w->o, node, 64 + (uint32_t)chance(w, 9000), w->is_urgent[node], w->now_ns);
	} else if (!w->is_urgent[node]) {
		w->is_urgent[node] = true;
		order_wake_urgent(w->o, node, w->now_ns);
	} else if (chance(w, 2)) {
		w->is_urgent[node] = false;
		order_sleep_urgent(w->o, node);
	} else {
		w->is_waiting[node] = w->is_urgent[node] = false;
		order_sleep(w->o, node, w->now_ns);
	}
}

static void set_group(struct world *w, uint32_t group)
{
	struct limiter *l = &w->group_limiter[group];
	struct order_terms t = {
		.min_byte = chance(w, 2) ? price_of_bps(random_bps(w)) : 0,
		.min_pkt = chance(w, 3) ? 0 : price_of_pps(1 + chance(w, 1000000)),
		.weight = 1 + (uint32_t)chance(w, ORDER_MAX_WEIGHT),
		.priority = (uint8_t)chance(w, ORDER_N_PRIORITIES),
	};

	limiter_set(l, chance(w, 3) ? price_of_bps(random_bps(w)) : 0, chance(w, 3) ? 0 : price_of_pps(1 + chance(w, 1000000)),
		chance(w, 5 * NS_PER_MS), w->now_ns);
	order_set_group(w->o, group, &t, chance(w, 10) ? l : NULL, w->now_ns);
}

static uint32_t some_group(struct world *w)
{
	return chance(w, 4) ? (uint32_t)chance(w, w->n_groups) : ORDER_NONE;
}

static uint32_t depth_of(const struct world *w, uint32_t group)
{
	uint32_t depth = 0;

	for (; group != ORDER_NONE; group = w->parent_of[group])
		depth++;
	return depth;
}

/* Slow and obvious: is the tree with 'group' in 'parent' one, and not too deep? */
static bool may_join(const struct world *w, uint32_t group, uint32_t parent)
{
	struct world tried = *w;

	for (uint32_t up = parent; up != ORDER_NONE; up = w->parent_of[up]) {
		if (up == group)
			return false;
	}
	tried.parent_of[group] = parent;
	for (uint32_t i = 0; i < w->n_groups; i++) {
		if (depth_of(&tried, i) > ORDER_MAX_DEPTH)
			return false;
	}
	return true;
}

static void change_groups(struct world *w)
{
	uint32_t node = (uint32_t)chance(w, N_NODES), group = (uint32_t)chance(w, w->n_groups), to = some_group(w);

	switch (chance(w, 3)) {
	case 0:
		set_group(w, group);
		break;
	case 1:
		order_join(w->o, node, to, w->now_ns);
		w->is_passed[node] &= w->group_of[node] == to;	/* to another one: it competes there */
		w->group_of[node] = to;
		break;
	default:
		ck_assert(order_join_group(w->o, group, to, w->now_ns) == may_join(w, group, to));
		if (may_join(w, group, to))
			w->parent_of[group] = to;
	}
}

static uint64_t groups_ready_ns(const struct world *w, uint32_t node)
{
	uint64_t at_ns = 0;

	for (uint32_t i = w->group_of[node]; i != ORDER_NONE; i = w->parent_of[i])
		at_ns = u64_max(at_ns, limiter_ready_ns(&w->group_limiter[i]));
	return at_ns;
}

/* Somebody waits who could have gone for a bucket's time. */
static bool has_able(const struct world *w)
{
	uint64_t late_ns = w->n_groups > 0 ? BUCKET_NS * (1 + ORDER_MAX_DEPTH) : BUCKET_NS;	/* a wheel a level */

	for (uint32_t i = 0; i < N_NODES; i++) {
		uint64_t ready_ns = u64_max(limiter_ready_ns(limiter_of((struct world *)w, i)), groups_ready_ns(w, i));
		if (w->is_waiting[i] && !w->is_passed[i] && ready_ns + late_ns <= w->now_ns)
			return true;
	}
	return false;
}

/* Nobody goes: then the link is busy, or nobody could. */
static void check_none(struct world *w)
{
	unit_must(order_link_is_busy(w->o, w->now_ns) || !has_able(w));
}

static void note_look(struct world *w)
{
	if (w->looked_ns == w->now_ns)
		return;
	w->looked_before_ns = w->looked_ns;
	w->looked_ns = w->now_ns;
}

/* Slow and obvious: who is served is not in debt; and, where nobody stands in a group, a share goes to the best priority
 * of those who could have gone already when they were looked at before (in one moment the first to come goes first). */
static void check_choice(struct world *w, uint32_t id, enum order_how how)
{
	if (how == ORDER_URGENT)
		return;
	note_look(w);
	unit_must(w->is_unbound[id] || limiter_ready_ns(limiter_of(w, id)) <= w->now_ns);
	for (uint32_t i = 0; i < N_NODES && how == ORDER_SHARE && w->n_groups == 0; i++) {
		uint64_t able_ns = u64_max(w->stood_ns[i], limiter_ready_ns(limiter_of(w, i)) + BUCKET_NS);
		bool could_go = w->is_waiting[i] && !w->is_passed[i] && able_ns <= w->looked_before_ns;
		unit_must(!could_go || w->terms[i].priority >= w->terms[id].priority);
	}
}

static void serve(struct world *w)
{
	enum order_how how;
	uint32_t id = order_next(w->o, w->now_ns, &how);

	if (id == ORDER_NONE) {
		if (!order_link_is_busy(w->o, w->now_ns))
			note_look(w);
		check_none(w);
		return;
	}
	unit_must(w->is_waiting[id]);
	unit_must(how != ORDER_URGENT || (w->is_urgent[id] && (w->terms[id].urgent_byte | w->terms[id].urgent_pkt)));
	unit_must(!order_link_is_busy(w->o, w->now_ns));
	unit_must(how != ORDER_DUE || (w->terms[id].min_byte | w->terms[id].min_pkt));
	check_choice(w, id, how);
	if (how != ORDER_URGENT && chance(w, 20) == 0) {
		w->is_passed[id] = true;
		order_pass(w->o, id, w->now_ns + chance(w, 100000), w->now_ns);
		return;
	}
	bool left = chance(w, 10) != 0;
	w->is_passed[id] = false;
	w->stood_ns[id] = w->now_ns;
	w->is_waiting[id] = left;
	w->is_urgent[id] = left && w->is_urgent[id] && chance(w, 4);
	order_charge(w->o, id, how, 64 + chance(w, 9000), 1 + chance(w, 3), left, 64 + (uint32_t)chance(w, 9000),
		w->is_urgent[id], w->now_ns);
}

static void pass_time(struct world *w)
{
	uint64_t next_ns = order_next_ns(w->o, w->now_ns);

	ck_assert_uint_ge(next_ns, w->now_ns);
	if (chance(w, 300) == 0) {
		uint64_t lost_ns = chance(w, 12 * NS_PER_MS);
		w->now_ns += lost_ns;
		order_lost(w->o, lost_ns, w->now_ns);
	} else if (chance(w, 300) == 0) {
		w->now_ns += UINT64_C(1) << chance(w, 52);
	} else if (chance(w, 2) && next_ns != UINT64_MAX && next_ns < w->now_ns + 100 * NS_PER_S) {
		w->now_ns = next_ns;
	} else {
		w->now_ns += chance(w, 20000);
	}
}

/* Past the queues: only where nobody who waits could have gone. */
static void try_now(struct world *w, uint32_t node)
{
	bool was_busy = order_link_is_busy(w->o, w->now_ns), had_able = has_able(w);

	struct order_run r;

	if (!order_begin_now(w->o, w->now_ns, &r))
		return;
	unit_must(!was_busy && !had_able);
	do {
		uint32_t bytes = 64 + (uint32_t)chance(w, 9000);
		bool is_sent = order_send_now(w->o, &r, &node, &bytes, 1) == 1;
		unit_must(!is_sent || !w->is_waiting[node]);
		node = (uint32_t)chance(w, N_NODES);
	} while (chance(w, 4) != 0);
	order_end_now(w->o, &r);
}

static void step(struct world *w)
{
	uint32_t node = (uint32_t)chance(w, N_NODES);

	if (w->n_groups > 0 && chance(w, 20) == 0) {
		change_groups(w);
		return;
	}
	switch (chance(w, 16)) {
	case 0:
		set(w, node);
		break;
	case 1:
	case 2:
	case 3:
		wake_or_sleep(w, node);
		break;
	case 4:
	case 5:
		pass_time(w);
		break;
	case 6:
		try_now(w, node);
		break;
	default:
		serve(w);
	}
}

static void compare(struct world *w)
{
	uint32_t n = 0;

	unit_must(order_check(w->o, stderr));
	for (uint32_t i = 0; i < N_NODES; i++) {
		unit_must(order_is_waiting(w->o, i) == w->is_waiting[i]);
		n += w->is_waiting[i];
	}
	ck_assert_uint_eq(order_n_waiting(w->o), n);
	unit_must((order_next_ns(w->o, w->now_ns) == UINT64_MAX) == (n == 0));
}

/* Fails if node_leave() forgets a queue, order_set() a waiting node, order_sleep() the limiter's count, may_join() the
 * depth below, or order_sleep() the groups. */
START_TEST(random_operations_keep_every_invariant)
{
	static const uint64_t uptimes_ns[3] = {0, UINT64_C(1) << 48, UINT64_C(94608000000000000)};
	uint64_t seed = (uint64_t)_i;
	struct world *w = calloc(1, sizeof(*w));

	w->seed = seed;
	w->now_ns = uptimes_ns[_i % 3];
	w->n_groups = _i % 3 ? N_GROUPS : 0;
	memset(w->group_of, 0xff, sizeof(w->group_of));
	memset(w->parent_of, 0xff, sizeof(w->parent_of));
	w->o = order_create(&(struct order_params){
		.n_nodes = N_NODES,
		.n_groups = w->n_groups,
		.link_byte = _i % 2 ? price_of_bps(10000000000) : 0,
		.link_pkt = _i % 5 == 0 ? price_of_pps(1000000) : 0,
		.largest_bytes = 9000,
		.turn_ns = _i % 4 ? 50000 : 0,
		.link_catchup = _i % 7 == 0,
	});
	for (uint32_t i = 0; i < N_NODES; i++)
		set(w, i);
	for (uint32_t i = 0; i < w->n_groups; i++)
		set_group(w, i);
	for (int i = 0; i < 30000; i++) {
		step(w);
		if (i % 50 == 0)
			compare(w);
	}
	for (uint32_t i = 0; i < N_NODES; i++)
		order_sleep(w->o, i, w->now_ns);	/* of those that wait not: nothing */
	ck_assert_uint_eq(order_n_waiting(w->o), 0);
	ck_assert(order_check(w->o, stderr));
	for (uint32_t i = 0; i < N_NODES; i++)
		ck_assert_uint_eq(w->limiter[i].n_waiting, 0);
	for (uint32_t i = 0; i < w->n_groups; i++)
		ck_assert_uint_eq(w->group_limiter[i].n_waiting, 0);
	order_destroy(w->o);
	free(w);
}
END_TEST

/* Whoever waits is served in the end, whatever his terms: nobody is lost in a queue. */
START_TEST(everyone_who_waits_is_served)
{
	struct world *w = calloc(1, sizeof(*w));
	enum order_how how;
	uint32_t n_left = N_NODES;

	w->seed = (uint64_t)_i;
	w->o = order_create(&(struct order_params){
		.n_nodes = N_NODES, .link_byte = price_of_bps(1000000000), .largest_bytes = 9000});
	w->now_ns = UINT64_C(1) << 50;
	for (uint32_t i = 0; i < N_NODES; i++) {
		set(w, i);
		limiter_charge(limiter_of(w, i), 1 + chance(w, 100000), 1, w->now_ns, 0, 0);
		order_set(w->o, i, &w->terms[i], limiter_of(w, i), w->now_ns);
		order_wake(w->o, i, 1500, false, w->now_ns);
	}
	for (int i = 0; i < 100000 && n_left > 0; i++) {
		uint32_t id = order_next(w->o, w->now_ns, &how);
		if (id == ORDER_NONE) {
			w->now_ns = order_next_ns(w->o, w->now_ns);
			continue;
		}
		order_charge(w->o, id, how, 1500, 1, false, 0, false, w->now_ns);
		n_left--;
	}
	ck_assert_uint_eq(n_left, 0);
	order_destroy(w->o);
	free(w);
}
END_TEST

START_TEST(the_link_clock_tells_how_many_packets_it_allows)
{
	struct order *o = order_create(&(struct order_params){
		.n_nodes = 1, .link_pkt = price_of_pps(1000000), .largest_bytes = 1500, .turn_ns = 5000});
	enum order_how how;

	ck_assert_uint_eq(order_link_pkts(o, 100, NS_PER_S), 6);	/* 5 us saved, and the one it may start */
	ck_assert_uint_eq(order_link_pkts(o, 3, NS_PER_S), 3);
	order_wake(o, 0, 64, false, NS_PER_S);
	ck_assert_uint_eq(order_next(o, NS_PER_S, &how), 0);
	order_charge(o, 0, how, 0, 10, true, 64, false, NS_PER_S);
	ck_assert(order_link_is_busy(o, NS_PER_S));
	ck_assert_uint_eq(order_next(o, NS_PER_S, &how), ORDER_NONE);
	ck_assert_uint_eq(order_next_ns(o, NS_PER_S), NS_PER_S + 5000);
	order_set_link(o, 0, 0, NS_PER_S);
	ck_assert_uint_eq(order_next(o, NS_PER_S, &how), 0);
	order_destroy(o);
}
END_TEST

/* Fails if may_join() does not look upwards, or not at what hangs below. */
START_TEST(groups_neither_loop_nor_stand_too_deep)
{
	struct order *o = order_create(&(struct order_params){.n_nodes = 1, .n_groups = 6, .largest_bytes = 1500});

	ck_assert(!order_join_group(o, 0, 0, 0));
	for (uint32_t i = 0; i < 3; i++)
		ck_assert(order_join_group(o, i, i + 1, 0));	/* 0 < 1 < 2 < 3 */
	ck_assert(!order_join_group(o, 3, 0, 0));
	ck_assert(!order_join_group(o, 3, 4, 0));	/* 0 would be the fifth */
	ck_assert(!order_join_group(o, 4, 0, 0));
	ck_assert(order_join_group(o, 4, 1, 0));
	ck_assert(order_join_group(o, 3, ORDER_NONE, 0));
	ck_assert(order_join_group(o, 2, ORDER_NONE, 0));	/* 0, 4 < 1 < 2 */
	ck_assert(order_join_group(o, 2, 5, 0));
	order_join(o, 0, 0, 0);
	ck_assert(order_check(o, stderr));
	order_destroy(o);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("order");
	TCase *tc = tcase_create("order");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, random_operations_keep_every_invariant, 0, 24);
	tcase_add_loop_test(tc, everyone_who_waits_is_served, 0, 30);
	tcase_add_test(tc, the_link_clock_tells_how_many_packets_it_allows);
	tcase_add_test(tc, groups_neither_loop_nor_stand_too_deep);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
