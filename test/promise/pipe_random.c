/* SPDX-License-Identifier: BSD-3-Clause */
/* Promise: whatever guests, ports and the network do, and however weir is configured, its invariants hold and no packet
 * is lost, doubled or reordered; and one core or several give the same rates. */
#include <stdarg.h>
#include <string.h>

#include "fake_rim.h"
#include "unit.h"

#define MS	US(1000)
#define US(n)	(UINT64_C(1000) * (n))
#define MAX_VMS 9

struct text {
	char chars[8192];
	size_t n;
};

static __attribute__((format(printf, 2, 3))) void add(struct text *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	t->n += (size_t)vsnprintf(t->chars + t->n, sizeof(t->chars) - t->n, fmt, args);
	va_end(args);
	ck_assert_uint_lt(t->n, sizeof(t->chars));
}

static unsigned int below(uint64_t *seed, unsigned int n)
{
	return (unsigned int)(unit_random(seed) % n);
}

static void add_sla(struct text *t, uint64_t *seed, bool is_tx)
{
	const char *dir = is_tx ? "tx" : "rx";
	unsigned int min_mbps = 1 + below(seed, 60), max_mbps = min_mbps + 1 + below(seed, 300);

	if (is_tx && below(seed, 2))
		add(t, "tx.min_bps = %uM\n", min_mbps);
	if (is_tx && below(seed, 4) == 0)
		add(t, "tx.urgent_bps = %uM\n", 1 + below(seed, min_mbps));
	if (below(seed, 3) == 0)
		add(t, "%s.max_bps = %uM\n", dir, max_mbps);
	if (below(seed, 4) == 0)	/* above what min_bps comes with */
		add(t, "%s.max_pps = %uk\n", dir, 6 + below(seed, 100));
	if (below(seed, 3) == 0)
		add(t, "%s.weight = %u\n", dir, 1 + below(seed, 20));
	if (is_tx && below(seed, 4) == 0)
		add(t, "tx.priority = %u\n", below(seed, 8));
}

static unsigned int random_conf(struct text *t, uint64_t *seed)
{
	unsigned int n_vms = 2 + below(seed, MAX_VMS - 1);

	add(t, "[switch]\nallow_overcommit = yes\nturn_packets = %u\n", 8 + below(seed, 300));
	if (below(seed, 2))
		add(t, "packet_capacity = %uk\n", 50 + below(seed, 500));
	add(t, "[port pf]\nrole = pf\nlink_basis = %s\nrate = %uM\nmtu = %u\n", below(seed, 2) ? "l2" : "wire",
		10 + below(seed, 2000), 1200 + below(seed, 400));
	for (unsigned int i = 1; i <= n_vms; i++) {
		add(t, "[port v%u]\n", i);
		if (below(seed, 4) == 0)
			add(t, "rate = %uM\n", 10 + below(seed, 1000));
		for (unsigned int j = 0; j < (below(seed, 4) == 0 ? 2 : 1); j++) {	/* some share a port */
			add(t, "[vf vm%u_%u]\nport = v%u\nmac = 02:00:00:00:0%u:%02x\n", i, j, i, j, i);
			if (below(seed, 3) == 0)
				add(t, "vlan = %u\n", 1 + below(seed, 2));
			else if (below(seed, 4) == 0)
				add(t, "trunk = 1,2\n");
			if (below(seed, 4) == 0)
				add(t, "queue = %u\n", 8 + below(seed, 100));
			if (below(seed, 4) == 0)
				add(t, "receive_queue = %u\n", 8 + below(seed, 100));
			add_sla(t, seed, true);
			add_sla(t, seed, false);
		}
	}
	return n_vms;
}

static void random_stream(struct rim *r, uint64_t *seed, unsigned int n_vms)
{
	struct rim_stream s = {
		.port = (uint16_t)below(seed, n_vms + 1),
		.bytes = 60 + below(seed, 4) * 400 + below(seed, 60),
		.pps = UINT64_C(10) << below(seed, 16),
		.dscp = (uint8_t)(below(seed, 2) ? 46 : below(seed, 64)),
		.vid = (uint16_t)(below(seed, 3) ? 0 : 1 + below(seed, 3)),
		.kind = below(seed, 20) == 0 ? RIM_SHORT : below(seed, 8) == 0 ? RIM_ARP : RIM_IPV4,
	};

	s.dst = below(seed, 3) == 0 ? HOST_MAC(1) : VM_MAC(1 + below(seed, n_vms));
	if (below(seed, 8) == 0)
		s.dst = BROADCAST_MAC;
	if (s.kind == RIM_ARP)	/* beyond 100 a second they change their class, and the sink checks the order */
		s.pps = 50;
	if (below(seed, 4) == 0)
		s.src = VM_MAC(0x100 | s.port);	/* the second VF of its port, if there is one */
	rim_offer(r, &s);
}

static void disturb(struct rim *r, uint64_t *seed, unsigned int n_vms, int n_streams)
{
	uint16_t port = (uint16_t)below(seed, n_vms + 1);
	int stream = (int)below(seed, (unsigned int)n_streams);

	switch (below(seed, 6)) {
	case 0:
		rim_set_link(r, port, below(seed, 3) > 0);
		break;
	case 1:
		rim_set_reader(r, port, below(seed, 3) == 0 ? 0 : 1000 + below(seed, 100000), below(seed, 100));
		break;
	case 2:
		rim_set_reader(r, port, RIM_TAKES_ALL, 0);
		break;
	case 3:
		if (rim_stream(r, stream)->kind != RIM_ARP)
			rim_set_pps(r, stream, below(seed, 3) == 0 ? 0 : UINT64_C(10) << below(seed, 16));
		break;
	case 4:
		rim_set_buffers(r, below(seed, 4) > 0, below(seed, 4) > 0);
		break;
	default:
		rim_set_turn(r, 1 + below(seed, 60000), 1 + below(seed, 200000));
	}
}

/* Broken by (each was tried): figure_add(..., 1) left out in flood_of_vf(); a stage forgotten in pipe_flush();
 * busy_ports cleared while packets are staged; a copy that cannot be tagged and is not freed. */
START_TEST(random_worlds_keep_every_invariant)
{
	uint64_t seed = (uint64_t)_i;
	struct text t = {.n = 0};
	unsigned int n_vms = random_conf(&t, &seed);
	struct rim *r = rim_create(&(struct rim_setup){.ini = t.chars, .placement = (enum rim_placement)(_i % 3),
		.hand_pkts = 16u << below(&seed, 8)});
	int n_streams = 2 + (int)below(&seed, 20);

	for (int i = 0; i < n_streams; i++)
		random_stream(r, &seed, n_vms);
	rim_set_check(r, 50);
	for (int step = 0; step < 60; step++) {
		disturb(r, &seed, n_vms, n_streams);
		rim_run(r, US(below(&seed, 1500)));
	}
	for (vf_id vf = 0; vf < rim_n_vfs(r); vf++) {	/* held, not dropped */
		struct vf_view v = rim_view(r, vf);
		if (rim_is_alone(r, vf))
			ck_assert_uint_eq(v.tx.drops[DROP_QUEUE_FULL] + v.tx.drops[DROP_RING_FULL], 0);
	}
	if (below(&seed, 2))
		rim_flush(r);
	rim_set_buffers(r, true, true);
	for (uint16_t port = 0; port <= n_vms; port++)
		rim_set_link(r, port, true);
	rim_end(r);
}
END_TEST

/* Constant loads of random sizes; guarantees that fit. */
static void measure(const char *ini, enum rim_placement placement, uint64_t seed, unsigned int n_vms, double *bps)
{
	struct rim *r = rim_create(&(struct rim_setup){.ini = ini, .placement = placement});
	unsigned int n = 0;

	for (uint16_t port = 1; port <= n_vms; port++)
		rim_offer(r, &(struct rim_stream){.port = port,
			.dst = below(&seed, 3) ? HOST_MAC(1) : VM_MAC(1 + port % n_vms),
			.bytes = below(&seed, 2) ? 64 : 1000, .pps = 1000000});
	rim_run(r, 200 * MS);
	rim_mark(r);
	rim_run(r, 400 * MS);
	for (int s = 0; s < (int)n_vms; s++) {
		bps[n] = 0;
		for (uint16_t port = 0; port <= n_vms; port++)
			bps[n] += rim_bps(r, s, port);
		n++;
	}
	rim_end(r);
}

/* Broken by: a home that takes 4 packets a turn from its rings. */
START_TEST(one_core_and_several_give_the_same_rates)
{
	static const enum rim_placement placements[] = {RIM_SINGLE, RIM_SPLIT};
	uint64_t seed = 1000 + (uint64_t)_i;
	unsigned int n_vms = 2 + below(&seed, MAX_VMS - 1);
	double bps[2][MAX_VMS];
	struct text t = {.n = 0};

	if (_i % 2)
		add(&t, "[switch]\npacket_capacity = 190k\n");
	add(&t, "%s", RIM_PF("500M"));
	for (unsigned int i = 1; i <= n_vms; i++) {
		add(&t, "[port v%u]\n[vf vm%u]\nport = v%u\nmac = 02:00:00:00:00:%02x\n", i, i, i, i);
		if (below(&seed, 2))
			add(&t, "tx.min_bps = %uM\n", 1 + below(&seed, 40));
		if (below(&seed, 3) == 0)
			add(&t, "tx.max_bps = %uM\n", 41 + below(&seed, 100));
		if (below(&seed, 3) == 0)
			add(&t, "tx.weight = %u\n", 1 + below(&seed, 5));
	}
	for (int i = 0; i < 2; i++)
		measure(t.chars, placements[i], seed, n_vms, bps[i]);
	for (unsigned int i = 0; i < n_vms; i++)
		ck_assert_msg(bps[1][i] > bps[0][i] * 0.995 - 2e4 && bps[1][i] < bps[0][i] * 1.005 + 2e4,
			"seed %d, VM %u: %.0f bits/s by one core, %.0f by two", _i, i + 1, bps[0][i], bps[1][i]);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pipe_random");
	TCase *tc = tcase_create("random");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, random_worlds_keep_every_invariant, 0, 60);
	tcase_add_loop_test(tc, one_core_and_several_give_the_same_rates, 0, 10);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
