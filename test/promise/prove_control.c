/* SPDX-License-Identifier: BSD-3-Clause */
/* What the control core is for, measured with it and without it: each promise that packet time alone cannot keep breaks
 * without it and is kept with it; and those that are kept at packet time need none.  Whole pipelines on virtual time (the
 * fake rim), and for TCP whole worlds of the simulator.
 * As a test it speaks TAP; with --table it prints what was measured (scripts/prove-control). */
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "fake_rim.h"
#include "unit.h"
#include "world.h"

#define MS UINT64_C(1000000)
#define S  (1000 * MS)

enum need { NEEDED, NOT_NEEDED, IN_VAIN };	/* who keeps it: the control core, packet time, nobody */

struct row {
	const char *what, *promise, *unit;
	double asked, off, on, tolerance;	/* is kept within +- tolerance of what was asked */
	enum need need;
};

#define MAX_ROWS 32

static struct row rows[MAX_ROWS];
static int n_rows;

static bool is_kept(const struct row *r, double got)
{
	return got >= r->asked * (1 - r->tolerance) && got <= r->asked * (1 + r->tolerance);
}

static void add(struct row row)
{
	const struct row *r = &row;

	ck_assert_int_lt(n_rows, MAX_ROWS);
	rows[n_rows++] = row;
	ck_assert_msg(is_kept(r, r->on) == (r->need != IN_VAIN), "%s, %s: %.2f of %.2f %s with it", r->what, r->promise, r->on, r->asked,
		r->unit);
	ck_assert_msg(is_kept(r, r->off) == (r->need == NOT_NEEDED), "%s, %s: %.2f of %.2f %s without it", r->what, r->promise, r->off,
		r->asked, r->unit);
}

static int load(struct rim *r, uint16_t port, uint32_t bytes, uint64_t pps)
{
	return rim_offer(r, &(struct rim_stream){.port = port, .dst = HOST_MAC(1), .bytes = bytes, .pps = pps});
}

/* After 2.5 s: a lost capacity is counted with after two. */
static void settle(struct rim *r, bool has_control)
{
	if (has_control)
		rim_set_control(r, true);
	rim_run(r, 2500 * MS);
	rim_mark(r);
	rim_run(r, S);
}

/* ---- What is lost of a capacity ---- */

/* Sold 150, 300 and 400 Mb/s of 1 Gb/s, of which the uplink's port drains 600. */
static void weak_uplink(bool has_control, double mbps[3])
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = RIM_PF("1G") RIM_VM(01, "tx.min_bps = 150M\ntx.priority = 0\n")
			RIM_VM(02, "tx.min_bps = 300M\ntx.priority = 1\n") RIM_VM(03, "tx.min_bps = 400M\ntx.priority = 2\n"),
		.turn_ns = 20000});
	int s[3];

	rim_set_reader(r, 0, 50000, 64);
	for (uint16_t i = 0; i < 3; i++)
		s[i] = load(r, i + 1, 1500, 60000);
	settle(r, has_control);
	for (int i = 0; i < 3; i++)
		mbps[i] = rim_bps(r, s[i], 0) / 1e6;
	rim_end(r);
}

START_TEST(an_uplink_that_drains_less)
{
	static const char what[] = "uplink drains 600 of 1,000 Mb/s, 850 sold";
	double off[3], on[3];

	weak_uplink(false, off);
	weak_uplink(true, on);
	add((struct row){what, "vm1, priority 0", "Mb/s", 150, off[0], on[0], 0.01, NOT_NEEDED});
	add((struct row){what, "vm2, priority 1", "Mb/s", 300, off[1], on[1], 0.01, NEEDED});
	add((struct row){what, "vm3, priority 2: what is left", "Mb/s", 150, off[2], on[2], 0.03, NEEDED});
}
END_TEST

/* Sold 100, 200 and 200 kp/s of a core that moves 376.5. */
static void weak_core(bool has_control, double kpps[3])
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = "[allocator]\ncapacity = measured\n" RIM_PF("10G")
			RIM_VM(01, "tx.min_pps = 100k\ntx.priority = 0\n")
			RIM_VM(02, "tx.min_pps = 200k\ntx.priority = 1\n") RIM_VM(03, "tx.min_pps = 200k\ntx.priority = 2\n")});
	int s[3];

	rim_set_cost(r, 2000, 500);
	for (uint16_t i = 0; i < 3; i++)
		s[i] = load(r, i + 1, 64, 600000);
	settle(r, has_control);
	for (int i = 0; i < 3; i++)
		kpps[i] = rim_pps(r, s[i], 0) / 1e3;
	rim_end(r);
}

START_TEST(a_core_that_is_slower)
{
	static const char what[] = "core moves 376 kp/s, 500 sold";
	double off[3], on[3];

	weak_core(false, off);
	weak_core(true, on);
	add((struct row){what, "vm1, priority 0", "kp/s", 100, off[0], on[0], 0.01, NOT_NEEDED});
	add((struct row){what, "vm2, priority 1", "kp/s", 200, off[1], on[1], 0.01, NEEDED});
}
END_TEST

/* ---- Over workers, over VFs ---- */

/* VM 1 is read by one worker, VM 2, nearly idle, and the PF by another.  200 kp/s in all, of which VM 2 was sold 20 and sends 1. */
static double leftover_kpps(bool has_control)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = "[switch]\npacket_capacity = 200k\n" RIM_PF("10G")
			RIM_VM(01, "tx.min_pps = 20k\n") RIM_VM(02, "tx.min_pps = 20k\n"), .placement = RIM_SPREAD});
	int one = load(r, 1, 64, 400000);

	load(r, 2, 64, 1000);
	settle(r, has_control);
	double kpps = rim_pps(r, one, 0) / 1e3;
	rim_end(r);
	return kpps;
}

START_TEST(packets_that_another_worker_does_not_need)
{
	add((struct row){"200 kp/s of cores, two workers read", "vm1: what vm2's worker leaves", "kp/s", 199, leftover_kpps(false),
		leftover_kpps(true), 0.005, NEEDED});
}
END_TEST

#define IN_LAB(n, terms) RIM_VM(n, "tenant = lab\n" terms)

/* Members on two workers; only home has the tenant's clocks. */
static void tenant(bool has_control, const char *terms, const char *other, double mbps[3])
{
	char ini[1024];
	int s[3];

	snprintf(ini, sizeof(ini), "%s[tenant lab]\n%s%s%s", RIM_PF("1G"), terms,
		IN_LAB(01, "tx.weight = 2\n") IN_LAB(02, "") RIM_VM(03, ""), other);
	struct rim *r = rim_create(&(struct rim_setup){.ini = ini, .placement = RIM_SPREAD});
	for (uint16_t i = 0; i < 3; i++)
		s[i] = load(r, i + 1, 1500, i == 1 ? 8000 : 80000);	/* 96 and 960 Mb/s */
	settle(r, has_control);
	for (int i = 0; i < 3; i++)
		mbps[i] = rim_bps(r, s[i], 0) / 1e6;
	rim_end(r);
}

START_TEST(a_tenant_over_two_workers)
{
	static const char what[] = "a tenant over two workers";
	double off[3], on[3];

	tenant(false, "tx.max_bps = 300M\n", "", off);
	tenant(true, "tx.max_bps = 300M\n", "", on);
	add((struct row){what, "its limit, one VM busy", "Mb/s", 300, off[0] + off[1], on[0] + on[1], 0.005, NOT_NEEDED});
	tenant(false, "tx.min_bps = 400M\n", "tx.weight = 5\n", off);
	tenant(true, "tx.min_bps = 400M\n", "tx.weight = 5\n", on);
	add((struct row){what, "its guarantee, beside a VM of weight 5", "Mb/s", 400, off[0] + off[1], on[0] + on[1], 0.005, NOT_NEEDED});
}
END_TEST

/* Sold 100 of the 200 kp/s of two cores; VM 1 wants all of it on one, where VM 3 of weight 9 floods too, and VM 2 next to nothing
 * on the other.  Without control each worker keeps the part of the guarantee that its members there weigh. */
static double tenant_kpps(bool has_control)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = "[switch]\npacket_capacity = 200k\n" RIM_PF("10G")
			"[tenant lab]\ntx.min_pps = 100k\n" IN_LAB(01, "") IN_LAB(02, "") RIM_VM(03, "tx.weight = 9\n"), .placement = RIM_SPREAD});
	int one = load(r, 1, 64, 400000), two = load(r, 2, 64, 1000);

	load(r, 3, 64, 400000);
	settle(r, has_control);
	double kpps = (rim_pps(r, one, 0) + rim_pps(r, two, 0)) / 1e3;
	rim_end(r);
	return kpps;
}

START_TEST(a_tenants_packets_over_two_workers)
{
	add((struct row){"a tenant over two workers, cores full", "its guarantee in packets", "kp/s", 100, tenant_kpps(false),
		tenant_kpps(true), 0.005, NEEDED});
}
END_TEST

/* Six of them, by weight: five weigh 1 and the sixth 3. Home reads three with the PF, which is silent. */
static void floods(bool has_control, double kpps[6])
{
	char ini[1024];
	int s[6];

	snprintf(ini, sizeof(ini), "[switch]\npacket_capacity = 200k\n%s%s%s%s%s%s%s", RIM_PF("10G"), RIM_VM(01, ""), RIM_VM(02, ""),
		RIM_VM(03, ""), RIM_VM(04, ""), RIM_VM(05, ""), RIM_VM(06, "tx.weight = 3\n"));
	struct rim *r = rim_create(&(struct rim_setup){.ini = ini, .placement = RIM_SPREAD});
	for (uint16_t i = 0; i < 6; i++)
		s[i] = load(r, i + 1, 64, 400000);
	settle(r, has_control);
	for (int i = 0; i < 6; i++)
		kpps[i] = rim_pps(r, s[i], 0) / 1e3;
	rim_end(r);
}

START_TEST(floods_on_two_workers)
{
	static const char what[] = "200 kp/s, six floods on two workers";
	double off[6], on[6];

	floods(false, off);
	floods(true, on);
	add((struct row){what, "vm1, weight 1", "kp/s", 25, off[0], on[0], 0.02, NEEDED});
	add((struct row){what, "vm2, weight 1", "kp/s", 25, off[1], on[1], 0.02, NEEDED});
	add((struct row){what, "vm6, weight 3", "kp/s", 75, off[5], on[5], 0.02, NEEDED});
}
END_TEST

/* A VM with two VFs, sold 60 kp/s: one sends 10, the other wants 200.  As a node of its own (a tenant), or cut in halves. */
static double vm_kpps(bool has_control, bool is_node)
{
	const char *ini = is_node ? RIM_PF("10G") "[tenant lab]\ntx.max_pps = 60k\n" IN_LAB(01, "") IN_LAB(02, "")
				  : RIM_PF("10G") RIM_VM(01, "tx.max_pps = 30k\n") RIM_VM(02, "tx.max_pps = 30k\n");
	struct rim *r = rim_create(&(struct rim_setup){.ini = ini, .placement = RIM_SPREAD});
	int one = load(r, 1, 64, 10000), two = load(r, 2, 64, 200000);

	settle(r, has_control);
	double kpps = (rim_pps(r, one, 0) + rim_pps(r, two, 0)) / 1e3;
	rim_end(r);
	return kpps;
}

/* What it was sold of the core, read by two workers that others flood too: 60 of 200 kp/s. */
static double vm_core_kpps(bool has_control)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = "[switch]\npacket_capacity = 200k\n" RIM_PF("10G")
			"[tenant lab]\ntx.min_pps = 60k\n" IN_LAB(01, "") IN_LAB(02, "") RIM_VM(03, "tx.weight = 9\n")
				RIM_VM(04, "tx.weight = 9\n"), .placement = RIM_SPREAD});
	int one = load(r, 1, 64, 10000), two = load(r, 2, 64, 200000);

	load(r, 3, 64, 400000);
	load(r, 4, 64, 400000);
	settle(r, has_control);
	double kpps = (rim_pps(r, one, 0) + rim_pps(r, two, 0)) / 1e3;
	rim_end(r);
	return kpps;
}

START_TEST(a_vms_packet_budget_over_two_vfs)
{
	add((struct row){"a VM's 60 kp/s over two VFs, use 1:5", "guaranteed, two workers, cores full", "kp/s", 60, vm_core_kpps(false),
		vm_core_kpps(true), 0.02, NEEDED});
	add((struct row){"a VM's 60 kp/s over two VFs, use 1:5", "its limit: a node of its own", "kp/s", 60, vm_kpps(false, true),
		vm_kpps(true, true), 0.005, NOT_NEEDED});
	add((struct row){"the same cut in halves by hand", "30 kp/s a VF (why a VM is a node)", "kp/s", 60, vm_kpps(false, false), vm_kpps(true, false), 0.005,
		IN_VAIN});
}
END_TEST

/* ---- Beyond the uplink ---- */

/* DCTCP as it is, weights 3:2:1, 90, 60 and 30 Gb/s offered to a switch of 100. */
static void beyond(bool has_loop, double gbps[3])
{
	static const char text[] =
		"[sim]\nduration = 100ms\nwarmup = 1ms\nturn = 200ns\n"
		"[bottleneck]\nrate = 100G\nbuffer = 4M\nmark_above = 210k\n"
		"[port uplink]\nrole = pf\nrate = 400G\nlink_basis = l2\n[port p1]\n[port p2]\n[port p3]\n"
		"[vf high]\nport = p1\nmac = 02:00:00:00:00:01\ntx.max_bps = 90G\ntx.weight = 3\nmark_above = 20us\n"
		"[vf medium]\nport = p2\nmac = 02:00:00:00:00:02\ntx.max_bps = 60G\ntx.weight = 2\nmark_above = 20us\n"
		"[vf low]\nport = p3\nmac = 02:00:00:00:00:03\ntx.max_bps = 30G\ntx.weight = 1\nmark_above = 20us\n"
		"[traffic all]\nkind = tcp\nfrom = high, medium, low\nflows = 6\nalgorithm = dctcp\nrtt = 25us\n";
	static const char loop[] = "[remote]\nperiod = 50us\n";
	static char all[sizeof(text) + sizeof(loop)];
	static struct why why;	/* big */

	snprintf(all, sizeof(all), "%s%s", text, has_loop ? loop : "");
	why_init(&why);
	struct scenario *s = scenario_parse("beyond", all, strlen(all), &why);
	ck_assert_msg(s != NULL, "%s", why.n > 0 ? why.text[0] : "");
	struct world *w = world_create(s, &why);
	ck_assert_ptr_nonnull(w);
	ck_assert(world_run(w, 10 * MS, &why));
	world_mark(w);
	ck_assert(world_run(w, 40 * MS, &why));
	for (vf_id vf = 0; vf < 3; vf++)
		gbps[vf] = (double)world_bottleneck_vf_bytes(w, vf) * 8 / (30.0 * MS);
	ck_assert(world_end(w, S, &why));
	world_destroy(w);
	scenario_destroy(s);
}

START_TEST(a_bottleneck_beyond_the_uplink)
{
	static const char what[] = "a switch of 100 Gb/s beyond, 3:2:1, DCTCP";
	double off[3], on[3];

	beyond(false, off);
	beyond(true, on);
	add((struct row){what, "high, offers 90", "Gb/s", 50, off[0], on[0], 0.08, NEEDED});
	add((struct row){what, "low, offers 30", "Gb/s", 100.0 / 6, off[2], on[2], 0.08, NEEDED});
}
END_TEST

/* ---- The table ---- */

static const char *verdict(const struct row *r)
{
	if (is_kept(r, r->on))
		return is_kept(r, r->off) ? "not needed: holds at packet time" : "off breaks it, on keeps it";
	return is_kept(r, r->off) ? "BROKEN by the control core" : "broken either way";
}

static void print_table(FILE *out)
{
	fprintf(out, "%-42s  %-38s  %11s  %11s  %11s\n", "", "promise", "asked", "off", "on");
	for (int i = 0; i < n_rows; i++) {
		const struct row *r = &rows[i];
		bool is_new = i == 0 || strcmp(r->what, rows[i - 1].what) != 0;
		fprintf(out, "%-42s  %-38s  %6.2f %s  %6.2f %s  %6.2f %s  %s\n", is_new ? r->what : "", r->promise, r->asked, r->unit,
			r->off, r->unit, r->on, r->unit, verdict(r));
	}
}

static Suite *suite(void)
{
	Suite *s = suite_create("prove_control");
	TCase *tc = tcase_create("off and on");

	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, an_uplink_that_drains_less);
	tcase_add_test(tc, a_core_that_is_slower);
	tcase_add_test(tc, packets_that_another_worker_does_not_need);
	tcase_add_test(tc, a_bottleneck_beyond_the_uplink);
	tcase_add_test(tc, a_tenant_over_two_workers);
	tcase_add_test(tc, a_vms_packet_budget_over_two_vfs);
	tcase_add_test(tc, a_tenants_packets_over_two_workers);
	tcase_add_test(tc, floods_on_two_workers);
	suite_add_tcase(s, tc);
	return s;
}

int main(int argc, char **argv)
{
	if (argc == 1)
		return unit_run(suite());
	if (argc != 2 || strcmp(argv[1], "--table") != 0) {
		fprintf(stderr, "%s: wanted nothing, or --table\n", argv[0]);
		return 2;
	}
	SRunner *runner = srunner_create(suite());
	srunner_set_fork_status(runner, CK_NOFORK);	/* the rows are this process's */
	srunner_run_all(runner, CK_SILENT);
	int n_failed = srunner_ntests_failed(runner);
	print_table(stdout);
	if (n_failed > 0)
		srunner_print(runner, CK_NORMAL);
	srunner_free(runner);
	return n_failed > 0;
}
