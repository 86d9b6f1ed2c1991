/* SPDX-License-Identifier: BSD-3-Clause */
/* Promise: when the core is the bottleneck, tenants have of it what they were sold, and share the rest (contract 2, 3). */
#include "allocate.h"
#include "fake_rim.h"
#include "unit.h"

#define MS	  UINT64_C(1000000)
#define FLOOD_PPS 2000000
#define T(name, terms) "[tenant " name "]\n" terms
#define CORE_BOUND "[switch]\npacket_capacity = 190k\nguarantee_size = 64\n" RIM_PF("1G")

static void is_near(double got, double want, double tolerance, const char *what)
{
	ck_assert_msg(got <= want * (1 + tolerance) && got >= want * (1 - tolerance), "%s: %.0f packets/s, wanted %.0f", what,
		got, want);
}

/* VMs first .. last flood; stream = VM - 1 where all before it flood too. */
static void flood(struct rim *r, uint16_t first, uint16_t last)
{
	for (uint16_t port = first; port <= last; port++)
		rim_offer(r, &(struct rim_stream){.port = port, .dst = HOST_MAC(1), .bytes = 64, .pps = FLOOD_PPS});
}

static double sum_pps(const struct rim *r, int first, int last)
{
	double sum = 0;

	for (int i = first; i <= last; i++)
		sum += rim_pps(r, i, 0);
	return sum;
}

static void settle(struct rim *r)
{
	rim_run(r, 100 * MS);
	rim_mark(r);
	rim_run(r, 500 * MS);
}

/* Gold's two VMs were sold nothing themselves; five floods beside them.  Broken by: no ask_join() (54 kp/s instead of 120). */
START_TEST(a_tenants_packets_are_kept_when_the_core_is_short)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = CORE_BOUND T("gold", "tx.min_pps = 120k\n") RIM_VM(01, "tenant = gold\n")
			RIM_VM(02, "tenant = gold\ntx.weight = 3\n") RIM_VM(03, "") RIM_VM(04, "") RIM_VM(05, "")
			RIM_VM(06, "") RIM_VM(07, ""),
		.placement = (enum rim_placement)_i});

	flood(r, 1, 7);
	settle(r);
	is_near(sum_pps(r, 0, 1), 120e3, 0.005, "gold");
	is_near(rim_port_pps(r, 0), 190e3, 0.002, "the core");
	if ((enum rim_placement)_i != RIM_SPREAD) {	/* there they are on two workers, and have what those have */
		is_near(rim_pps(r, 0, 0), 30e3, 0.01, "a quarter of gold's");
		for (int i = 2; i < 7; i++)
			is_near(rim_pps(r, i, 0), 14e3, 0.01, "a flood");
	}
	rim_end(r);
}
END_TEST

/* The core carries 190 kp/s.  First all was sold that it has, with a VM of its own limit; then two are promised more.
 * Broken by: an add_asker() or a pipe_view_tenant() without what was missed at the core. */
START_TEST(packets_that_the_core_cannot_carry_are_missed_and_others_are_not)
{
	bool fits = _i == 0;
	char ini[1024];

	snprintf(ini, sizeof(ini), "[switch]\npacket_capacity = 190k\nguarantee_size = 64\nallow_overcommit = yes\n" RIM_PF("1G")
		T("gold", "tx.min_pps = %s\n") RIM_VM(01, "tenant = gold\n") RIM_VM(02, "tenant = gold\n") RIM_VM(03, "tx.min_pps = %s\n")
		RIM_VM(04, "tx.min_pps = 20k\ntx.max_pps = 20k\n"), fits ? "80k" : "120k", fits ? "80k" : "100k");
	struct rim *r = rim_create(&(struct rim_setup){.ini = ini, .placement = RIM_SINGLE});
	flood(r, 1, 4);
	settle(r);
	for (vf_id vf = 0; vf < 4; vf++) {
		uint64_t missed_ns = rim_view(r, vf).tx.missed_ns;
		bool is_short = !fits && vf == 2;
		ck_assert_msg(is_short ? missed_ns > 400 * MS : missed_ns == 0 || (!fits && vf == 3), "VM %u: %.1f ms missed", vf + 1,
			(double)missed_ns / 1e6);
	}
	uint64_t missed_ns = rim_view_tenant(r, 0).missed_ns;
	ck_assert_msg(fits ? missed_ns == 0 : missed_ns > 400 * MS, "gold: %.1f ms missed", (double)missed_ns / 1e6);
	rim_end(r);
}
END_TEST

/* Of two tenants one has five VMs.  Broken by: no ask_join(). */
START_TEST(tenants_share_the_core_by_weight_however_many_vms_they_have)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = CORE_BOUND T("one", "tx.weight = 2\n") T("many", "") RIM_VM(01, "tenant = one\n") RIM_VM(02, "tenant = many\n")
			RIM_VM(03, "tenant = many\n") RIM_VM(04, "tenant = many\n") RIM_VM(05, "tenant = many\n")
			RIM_VM(06, "tenant = many\n") RIM_VM(07, ""),
		.placement = RIM_SINGLE});

	flood(r, 1, 7);
	settle(r);
	is_near(rim_pps(r, 0, 0), 95e3, 0.005, "the only VM of its tenant");
	is_near(sum_pps(r, 1, 5), 47.5e3, 0.005, "five of one tenant");
	is_near(rim_pps(r, 6, 0), 47.5e3, 0.005, "one of none");
	for (int i = 1; i <= 5; i++)
		is_near(rim_pps(r, i, 0), 9.5e3, 0.02, "one of five");
	rim_end(r);
}
END_TEST

/* A silent member's part is lent inside its tenant first; a silent tenant's to all; and is back.  Broken by: no ask_join(). */
START_TEST(what_a_tenant_leaves_of_the_core_is_lent_and_is_back)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = CORE_BOUND T("outer", "tx.min_pps = 100k\n") T("inner", "parent = outer\ntx.min_pps = 60k\n")
			RIM_VM(01, "tenant = inner\n") RIM_VM(02, "tenant = inner\ntx.min_pps = 20k\n") RIM_VM(03, "tenant = outer\n")
			RIM_VM(04, "tx.weight = 5\n"),
		.placement = RIM_SINGLE});

	flood(r, 1, 4);
	settle(r);
	is_near(sum_pps(r, 0, 1), 60e3, 0.005, "inner");
	is_near(sum_pps(r, 0, 2), 100e3, 0.005, "outer");
	rim_set_pps(r, 1, 0);
	settle(r);
	is_near(rim_pps(r, 0, 0), 60e3, 0.005, "inner's other VM");
	rim_set_pps(r, 0, 0);
	settle(r);
	is_near(rim_pps(r, 2, 0), 100e3, 0.005, "outer's last VM");
	rim_set_pps(r, 2, 0);
	settle(r);
	is_near(rim_pps(r, 3, 0), 190e3, 0.005, "who is left");
	for (int i = 0; i < 3; i++)
		rim_set_pps(r, i, FLOOD_PPS);
	rim_mark(r);
	rim_run(r, 20 * MS);
	is_near(sum_pps(r, 0, 1), 60e3, 0.03, "inner, at once");
	is_near(sum_pps(r, 0, 2), 100e3, 0.03, "outer, at once");
	rim_end(r);
}
END_TEST

/* What a silent VM was sold is not its tenant's: the tenant's others have their share of it as everybody has.  Broken by: what the
 * members were sold as a guarantee of the tenant's own (150 kp/s for the VM beside the silent one). */
START_TEST(what_a_silent_member_was_sold_is_lent_to_all_by_weight)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = CORE_BOUND T("gold", "") RIM_VM(01, "tenant = gold\ntx.min_pps = 150k\n") RIM_VM(02, "tenant = gold\n")
			RIM_VM(03, ""),
		.placement = RIM_SINGLE});

	flood(r, 1, 3);
	settle(r);
	is_near(rim_pps(r, 0, 0), 150e3, 0.005, "who was sold it");
	is_near(rim_pps(r, 2, 0), 40e3, 0.005, "what is left");
	rim_set_pps(r, 0, 0);
	settle(r);
	is_near(rim_pps(r, 1, 0), 95e3, 0.005, "the other of its tenant");
	is_near(rim_pps(r, 2, 0), 95e3, 0.005, "who is in none");
	rim_set_pps(r, 0, FLOOD_PPS);
	rim_mark(r);
	rim_run(r, 20 * MS);
	is_near(rim_pps(r, 0, 0), 150e3, 0.03, "who was sold it, at once");
	rim_end(r);
}
END_TEST

/* Two VFs of one tenant share a port, of two tenants another: the first stands in the tenant, the second in what both are in.
 * What is promised to a VF on a shared port is its port's.  Broken by: the first VF's tenant for the port. */
START_TEST(a_shared_port_stands_in_the_tenant_that_all_its_vfs_are_in)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = CORE_BOUND T("all", "tx.min_pps = 100k\n") T("a", "parent = all\ntx.min_pps = 50k\n") T("b", "parent = all\n")
			"[port x]\n[vf x1]\nport = x\nmac = 02:00:00:00:00:01\ntenant = a\ntx.min_pps = 10k\n"
			"[vf x2]\nport = x\nmac = 02:00:00:00:00:12\ntenant = b\n"
			"[port y]\n[vf y1]\nport = y\nmac = 02:00:00:00:00:02\ntenant = a\n"
			"[vf y2]\nport = y\nmac = 02:00:00:00:00:22\ntenant = a\n" RIM_VM(03, "tx.weight = 10\n"),
		.placement = RIM_SINGLE});

	flood(r, 1, 3);
	settle(r);
	is_near(rim_pps(r, 1, 0), 40e3, 0.01, "what a was sold, less what the shared port was");
	is_near(rim_pps(r, 0, 0), 60e3, 0.01, "the shared port, of the rest");
	is_near(rim_pps(r, 2, 0), 90e3, 0.01, "the other");
	rim_end(r);
}
END_TEST

/* Broken by: pipe_change_create() that gathers askers for VFs only. */
START_TEST(a_tenants_new_terms_reach_the_order_of_asking)
{
	struct rim *r = rim_create(&(struct rim_setup){
		.ini = CORE_BOUND T("gold", "") RIM_VM(01, "tenant = gold\n") RIM_VM(02, "tenant = gold\n") RIM_VM(03, ""),
		.placement = (enum rim_placement)_i});

	flood(r, 1, 3);
	settle(r);
	if ((enum rim_placement)_i == RIM_SINGLE)
		is_near(sum_pps(r, 0, 1), 95e3, 0.005, "before");
	ck_assert(rim_change(r, true, "gold", "tx.min_pps=150k"));
	settle(r);
	if ((enum rim_placement)_i == RIM_SPREAD)	/* two workers: each of its VMs has more than its part there */
		ck_assert_double_ge(sum_pps(r, 0, 1), 150e3 * 0.995);
	else
		is_near(sum_pps(r, 0, 1), 150e3, 0.005, "after");
	rim_end(r);
}
END_TEST

/* ---- Random trees against the contract's slow solver ---- */

#define MOST_VMS     8u
#define MOST_TENANTS 4u
#define CAPACITY     200e3

struct drawn {
	struct want wants[MOST_VMS + MOST_TENANTS];
	uint32_t n_vms, n_tenants;
	char ini[4096];
};

static uint32_t below(uint64_t *seed, uint32_t n)
{
	return (uint32_t)(unit_random(seed) % n);
}

static struct want draw_terms(uint64_t *seed, double *room)
{
	double min = below(seed, 2) ? 0 : (double)below(seed, (uint32_t)(*room / 2) + 1);

	*room -= min;
	return (struct want){.min = min, .max = 1e9, .demand = 1e9, .weight = 1 + below(seed, 4), .priority = below(seed, 2)};
}

static void write_terms(struct drawn *d, const struct want *w, const char *key, size_t *at)
{
	*at += (size_t)snprintf(d->ini + *at, sizeof(d->ini) - *at, "tx.weight = %.0f\ntx.priority = %u\n", w->weight, w->priority);
	if (w->min > 0)
		*at += (size_t)snprintf(d->ini + *at, sizeof(d->ini) - *at, "tx.min_pps = %.0f\n", w->min);
	if (w->parent != 0)
		*at += (size_t)snprintf(d->ini + *at, sizeof(d->ini) - *at, "%s = t%u\n", key, w->parent - 1 - d->n_vms);
}

static struct drawn draw(uint64_t *seed)
{
	struct drawn d = {.n_vms = MOST_TENANTS + below(seed, MOST_VMS - MOST_TENANTS + 1), .n_tenants = 1 + below(seed, MOST_TENANTS)};
	double room = CAPACITY * 0.9;
	size_t at = (size_t)snprintf(d.ini, sizeof(d.ini),
		"[switch]\npacket_capacity = %.0f\nguarantee_size = 64\n" RIM_PF("10G"), CAPACITY);

	for (uint32_t i = 0; i < d.n_tenants; i++) {
		struct want *w = &d.wants[d.n_vms + i];
		uint32_t parent = below(seed, i + 1);
		*w = draw_terms(seed, &room);
		w->is_tenant = true;
		w->parent = parent > 0 && d.wants[d.n_vms + parent - 1].parent == 0 ? d.n_vms + parent : 0;
		at += (size_t)snprintf(d.ini + at, sizeof(d.ini) - at, "[tenant t%u]\n", i);
		write_terms(&d, w, "parent", &at);
	}
	for (uint32_t i = 0; i < d.n_vms; i++) {
		uint32_t parent = i < d.n_tenants ? i + 1 : below(seed, d.n_tenants + 1);	/* no tenant is empty */
		d.wants[i] = draw_terms(seed, &room);
		d.wants[i].parent = parent > 0 ? d.n_vms + parent : 0;
		at += (size_t)snprintf(d.ini + at, sizeof(d.ini) - at,
			"[port v%u]\n[vf vm%u]\nport = v%u\nmac = 02:00:00:00:00:%02x\n", i, i, i, i + 1);
		write_terms(&d, &d.wants[i], "tenant", &at);
	}
	return d;
}

/* Some want little: what they leave of their guarantees is anybody's. */
static void draw_demands(struct drawn *d, struct rim *r, uint64_t *seed)
{
	for (uint32_t i = 0; i < d->n_vms; i++) {
		if (below(seed, 3) > 0)
			continue;
		d->wants[i].demand = 1000 + below(seed, 50000);
		rim_set_pps(r, (int)i, d->wants[i].demand);
	}
}

#ifdef __SANITIZE_ADDRESS__	/* five times as slow */
#define N_SEEDS 3
#else
#define N_SEEDS 10
#endif

static void check_trees(uint64_t seed, enum rim_placement placement, double tolerance)
{
	for (int n = 0; n < 4; n++) {
		struct drawn d = draw(&seed);
		struct rim *r = rim_create(&(struct rim_setup){.ini = d.ini, .placement = placement});
		if (placement != RIM_SINGLE)
			rim_set_control(r, true);
		flood(r, 1, (uint16_t)d.n_vms);
		draw_demands(&d, r, &seed);
		allocate_tree(d.wants, d.n_vms + d.n_tenants, CAPACITY);
		settle(r);
		for (uint32_t i = 0; i < d.n_vms; i++) {
			double got = rim_pps(r, (int)i, 0), off = got - d.wants[i].rate;
			ck_assert_msg(off < tolerance * CAPACITY && -off < tolerance * CAPACITY,
				"tree %d, VM %u: %.0f packets/s, wanted %.0f\n%s", n, i, got, d.wants[i].rate, d.ini);
		}
		ck_assert_uint_le(rim_most_capacity_pps(r), (uint64_t)CAPACITY + 1);
		rim_end(r);
	}
}

/* Broken by: no ask_join(); what members were sold as a tenant's own guarantee. */
START_TEST(random_trees_get_of_the_core_what_the_contract_computes)
{
	check_trees(100 + (uint64_t)_i, RIM_SINGLE, 0.003);
}
END_TEST

/* The same, read by two workers: the control core splits the capacity, and tenants' guarantees and weights with it, and what one
 * worker's VMs leave of what they were sold is lent to the other.
 * Broken by: split parts by weight alone; divide_by_use() left out; min_pps of tenants left out of make_nodes(); no set_loans()
 * (7.6 % of the core); what a silent member was sold as its tenant's own, in add_tenant(); no doubt in judge(). */
START_TEST(random_trees_over_two_workers_get_of_the_core_what_the_contract_computes)
{
	check_trees(100 + (uint64_t)_i, RIM_SPREAD, 0.005);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pipe_tenant_core");
	TCase *tc = tcase_create("core");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, a_tenants_packets_are_kept_when_the_core_is_short, 0, 3);
	tcase_add_loop_test(tc, packets_that_the_core_cannot_carry_are_missed_and_others_are_not, 0, 2);
	tcase_add_test(tc, tenants_share_the_core_by_weight_however_many_vms_they_have);
	tcase_add_test(tc, what_a_tenant_leaves_of_the_core_is_lent_and_is_back);
	tcase_add_test(tc, what_a_silent_member_was_sold_is_lent_to_all_by_weight);
	tcase_add_test(tc, a_shared_port_stands_in_the_tenant_that_all_its_vfs_are_in);
	tcase_add_loop_test(tc, a_tenants_new_terms_reach_the_order_of_asking, 0, 3);
	tcase_add_loop_test(tc, random_trees_get_of_the_core_what_the_contract_computes, 0, N_SEEDS);
	tcase_add_loop_test(tc, random_trees_over_two_workers_get_of_the_core_what_the_contract_computes, 0, N_SEEDS);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
