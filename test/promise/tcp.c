/* SPDX-License-Identifier: BSD-3-Clause */
/* Promise: TCP reaches the limit it was sold without tuning, with bursts and queues that nobody set (contract 8): one
 * flow and 32, round trips of 1 and 20 ms, with and without ECN, by the sender's limit and by the receiver's. */
#include "clk.h"
#include "tcp_model.h"
#include "unit.h"

#define N_CASES 12

struct world {
	uint64_t limit_bps, rtt_ns;
	uint32_t n_flows;
	bool is_rx, has_small_queues;
	bool is_tenants;		/* the limit is of the tenant that the VF is in */
	const char *terms;		/* more of the VF whose limit it is */
	enum tcp_kind kind;
	enum tcp_ecn ecn;
};

struct result {
	double percent;			/* of the limit */
	uint64_t median_ns, lost;
};

static void vary(struct world *w, int i)
{
	static const uint64_t limits[] = {10000000, 100000000, 1000000000};

	w->limit_bps = limits[i % 3];
	w->rtt_ns = i / 3 % 2 ? 20 * NS_PER_MS : NS_PER_MS;
	w->n_flows = i / 6 ? 32 : 1;
}

/* From a window of what the path holds on: how slow start came there is not the question. */
static struct result run(const struct world *w, uint64_t settle_ns, uint64_t ns)
{
	char ini[1024], limit[128];

	snprintf(limit, sizeof(limit), "%s.max_bps = %lu\n%s", w->is_rx ? "rx" : "tx", (unsigned long)w->limit_bps,
		w->terms != NULL ? w->terms : "");
	snprintf(ini, sizeof(ini), RIM_PF("10G") "[tenant lab]\n%s[tenant sub]\nparent = lab\n" RIM_VM(01, "%s") RIM_VM(02, "%s"),
		w->is_tenants ? limit : "", w->is_tenants ? "tenant = sub\n" : w->is_rx ? "" : limit, w->is_rx ? limit : "");
	struct rim *r = rim_create(&(struct rim_setup){.ini = ini, .turn_ns = 20 * NS_PER_US});
	struct tcp *t = tcp_create(r, &(struct tcp_params){
		.n_flows = w->n_flows,
		.rtt_ns = w->rtt_ns,
		.kind = w->kind,
		.ecn = w->ecn,
		.port = 1,
		.has_small_queues = w->has_small_queues,
		.dst = w->is_rx ? VM_MAC(2) : HOST_MAC(1),
		.first_pkts = 2 + (uint32_t)(w->limit_bps * (w->rtt_ns / NS_PER_US) / 8000000 / TCP_BYTES / w->n_flows),
	});
	tcp_run(t, settle_ns);
	tcp_mark(t);
	tcp_run(t, ns);
	struct result res = {100 * tcp_bps(t) / (double)w->limit_bps, tcp_median_delay_ns(t), tcp_lost(t)};
	tcp_destroy(t);
	rim_run(r, 2 * NS_PER_S);	/* what is left in the guest's ring */
	rim_end(r);
	return res;
}

static void check(const struct world *w, const struct result *res, double least_percent)
{
	ck_assert_msg(res->percent >= least_percent && res->percent < 100.1,
		"%.2f %% of %lu Mb/s by %u flows, %lu ms: wanted %.0f %%", res->percent,
		(unsigned long)(w->limit_bps / 1000000), w->n_flows, (unsigned long)(w->rtt_ns / NS_PER_MS), least_percent);
}

/* Broken by: drop_target_ns for all VFs. */
START_TEST(tcp_without_ecn_reaches_a_senders_limit_and_loses_nothing)
{
	struct world w = {.kind = TCP_CUBIC};

	vary(&w, _i);
	struct result res = run(&w, NS_PER_S, 2 * NS_PER_S);
	check(&w, &res, 99);
	ck_assert_uint_eq(res.lost, 0);
}
END_TEST

/* And the delay added is K at most, and a packet; 32 flows at 10 Mb/s cannot have less than two packets each.
 * Broken by: K of 100 us (the rate), no marks (the delay). */
START_TEST(dctcp_reaches_a_senders_limit_with_little_delay)
{
	struct world w = {.ecn = TCP_DCTCP};

	vary(&w, _i);
	struct result res = run(&w, 2 * NS_PER_S, 2 * NS_PER_S);
	check(&w, &res, 99);
	ck_assert_uint_eq(res.lost, 0);
	if (w.n_flows == 1)
		ck_assert_uint_le(res.median_ns, w.limit_bps > 10000000 ? 2 * NS_PER_MS : 5 * NS_PER_MS);
}
END_TEST

/* Broken by: a receiver's queue without marks (it drops; at 20 ms one flow has 89 % of 100 Mb/s). */
START_TEST(dctcp_reaches_a_receivers_limit_with_little_delay)
{
	struct world w = {.ecn = TCP_DCTCP, .is_rx = true};

	vary(&w, _i);
	struct result res = run(&w, 2 * NS_PER_S, 2 * NS_PER_S);
	check(&w, &res, 99);
	if (w.n_flows == 1) {
		ck_assert_uint_eq(res.lost, 0);
		ck_assert_uint_le(res.median_ns, w.limit_bps > 10000000 ? 2 * NS_PER_MS : 5 * NS_PER_MS);
	}
}
END_TEST

/* A sender that takes a mark for a loss (RFC 3168) gives way by 3/10, so a step of K keeps a path busy whose round trip
 * is up to 7/3 K.  At 1 ms that is all.  At 20 ms a single flow, or 32 that give way together, need mark_above = 10ms.
 * Broken by: no marks (the delay); mark_above without effect. */
START_TEST(classic_ecn_reaches_a_senders_limit_where_k_fits_the_round_trip)
{
	struct world w = {.ecn = TCP_ECN, .kind = TCP_CUBIC};

	vary(&w, _i);
	if (w.rtt_ns > NS_PER_MS)
		w.terms = "mark_above = 10ms\n";
	struct result res = run(&w, 3 * NS_PER_S, w.limit_bps > 100000000 && w.n_flows == 1 ? 9 * NS_PER_S : 5 * NS_PER_S);
	check(&w, &res, 99);
	if (w.n_flows == 1)
		ck_assert_uint_le(res.median_ns, w.terms ? 12 * NS_PER_MS : w.limit_bps > 10000000 ? 2 * NS_PER_MS : 5 * NS_PER_MS);
	if (w.terms == NULL)
		return;
	w.terms = NULL;
	res = run(&w, 3 * NS_PER_S, 5 * NS_PER_S);
	check(&w, &res, 80);
}
END_TEST

/* A receiver's queue drops what does not fit.  CUBIC gives way by 3/10: 5 ms are enough up to a round trip of 12 ms, and
 * at 20 ms for many flows; one flow there has 98 %, and all of it with a queue of 10 ms.
 * Broken by: a queue of 1 ms. */
START_TEST(tcp_without_ecn_reaches_a_receivers_limit)
{
	static const char *const ten_ms[] = {NULL, "receive_queue = 84\n", "receive_queue = 840\n"};
	struct world w = {.kind = TCP_CUBIC, .is_rx = true};

	vary(&w, _i);
	bool is_long = w.rtt_ns > NS_PER_MS && w.n_flows == 1;
	uint64_t ns = w.limit_bps > 100000000 && is_long ? 9 * NS_PER_S : 4 * NS_PER_S;
	struct result res = run(&w, 2 * NS_PER_S, ns);
	check(&w, &res, is_long ? 97 : 99);
	if (!is_long || ten_ms[_i % 3] == NULL)
		return;
	w.terms = ten_ms[_i % 3];
	res = run(&w, 2 * NS_PER_S, ns);
	check(&w, &res, 99);
}
END_TEST

/* The delay that is added at a limit, as its median: of one flow 5 ms, or 2 ms where it hears of marks, and four packets' time; of 32
 * flows half as much again as two packets of each take, which is the least that TCP sends. */
static uint64_t most_delay_ns(const struct world *w)
{
	uint64_t pkt_ns = TCP_BYTES * 8 * NS_PER_S / w->limit_bps;
	uint64_t one_ns = (w->ecn == TCP_NO_ECN ? 5 : 2) * NS_PER_MS + 4 * pkt_ns;

	return w->n_flows == 1 ? one_ns : u64_max(one_ns, 3 * pkt_ns * w->n_flows);
}

/* Whatever it is told: by marks, by drops, or by nothing but a full ring of its own.
 * Broken by: pipe_room() that always gives the whole queue (10 Mb/s, one flow: 60 ms); pipe_receive_target_ns() of 0 (33 ms). */
START_TEST(tcp_waits_little_at_a_limit)
{
	struct world w = {
		.kind = TCP_CUBIC,
		.ecn = _i / N_CASES == 2 ? TCP_DCTCP : TCP_NO_ECN,
		.is_rx = _i / N_CASES == 1,
		.has_small_queues = true,
	};

	vary(&w, _i % N_CASES);
	struct result res = run(&w, 1500 * NS_PER_MS, NS_PER_S);
	if (!w.is_rx)
		check(&w, &res, 99);
	ck_assert_uint_le(res.median_ns, most_delay_ns(&w));
}
END_TEST

/* Of a VF that has none of its own, of the tenant above its tenant.
 * Broken by: fabric_limit_ahead() that knows the VF's own limit only (10 Mb/s, one flow: 60 ms). */
START_TEST(tcp_waits_little_at_a_tenants_limit)
{
	struct world w = {.kind = TCP_CUBIC, .is_tenants = true, .has_small_queues = true};

	vary(&w, _i);
	struct result res = run(&w, 1500 * NS_PER_MS, NS_PER_S);
	check(&w, &res, 99);
	ck_assert_uint_le(res.median_ns, most_delay_ns(&w));
}
END_TEST

#define ADD(s, test, n) add(s, #test, test, n)

/* 1 Gb/s for seconds is minutes under a sanitizer, and nothing is done there that the slower ones do not do. */
#ifdef __SANITIZE_ADDRESS__
#define N_LIMITS 2
#else
#define N_LIMITS 3
#endif

/* A case each, so that CK_RUN_CASE=its_name runs it alone. */
static void add(Suite *s, const char *name, const TTest *test, int n)
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 200);
	for (int i = 0; i < n; i++) {
		if (i % 3 < N_LIMITS)	/* vary() */
			tcase_add_loop_test(tc, test, i, i + 1);
	}
	suite_add_tcase(s, tc);
}

static Suite *suite(void)
{
	Suite *s = suite_create("tcp");

	ADD(s, tcp_without_ecn_reaches_a_senders_limit_and_loses_nothing, N_CASES);
	ADD(s, dctcp_reaches_a_senders_limit_with_little_delay, N_CASES);
	ADD(s, dctcp_reaches_a_receivers_limit_with_little_delay, N_CASES);
	ADD(s, classic_ecn_reaches_a_senders_limit_where_k_fits_the_round_trip, N_CASES);
	ADD(s, tcp_without_ecn_reaches_a_receivers_limit, N_CASES);
	ADD(s, tcp_waits_little_at_a_limit, N_CASES * 3);
	ADD(s, tcp_waits_little_at_a_tenants_limit, N_CASES);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
