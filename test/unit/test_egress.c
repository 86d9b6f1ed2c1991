/* SPDX-License-Identifier: BSD-3-Clause */
/* Random pushes, pops and takes against lists that are obviously right; then what flows, pairs and weights promise. */
#include <string.h>

#include "egress.h"
#include "egress_impl.h"
#include "unit.h"

#define N_NODES 6
#define N_KEYS	5
#define N_LIST	4096
#define MBPS	UINT64_C(1000000)

struct list {
	uint64_t id[N_LIST];
	uint32_t bytes[N_LIST];
	uint32_t at, n;
};

struct world {
	struct egress *e;
	struct fifo_pool pool;
	struct limiter limiter[N_NODES];
	struct list list[N_NODES][N_KEYS][N_TCLASSES];
	uint64_t in_pkts[N_NODES], in_bytes[N_NODES], out_pkts[N_NODES], out_bytes[N_NODES];
	uint32_t waiting[N_NODES], queue_pkts[N_NODES];
	uint64_t waiting_bytes[N_NODES];
	uint64_t now_ns, seed, next_id;
};

static uint64_t chance(struct world *w, uint64_t n)
{
	return unit_random(&w->seed) % n;
}

static void set(struct world *w, uint32_t node)
{
	struct order_terms t = {
		.min_byte = chance(w, 2) ? price_of_bps(MBPS << chance(w, 9)) : 0,
		.urgent_byte = chance(w, 2) ? price_of_bps(MBPS << chance(w, 9)) : 0,
		.weight = 1 + (uint32_t)chance(w, 100),
		.priority = (uint8_t)chance(w, 3),
	};

	limiter_set(&w->limiter[node], chance(w, 2) ? price_of_bps(MBPS << chance(w, 12)) : 0, 0, NS_PER_MS, w->now_ns);
	w->queue_pkts[node] = chance(w, 2) ? 0 : 32 + (uint32_t)chance(w, 100);
	egress_set_node(w->e, node, &t, &w->limiter[node], w->queue_pkts[node], w->now_ns);
}

/* A refusal needs a reason: the queue's limit as far as this drop precedence may fill it, or the pool. */
static void check_refusal(const struct world *w, uint32_t node, const struct pkt *p)
{
	uint32_t limit = w->queue_pkts[node];

	if (w->pool.n_free == 0)
		return;
	if (p->tclass != TC_URGENT)
		limit -= p->drop_prec == DP_LOW ? 0 : p->drop_prec == DP_MEDIUM ? limit / 4 : limit - limit / 2;
	ck_assert_uint_ne(w->queue_pkts[node], 0);
	ck_assert_uint_ge(w->waiting[node], limit);
}

static void push(struct world *w)
{
	uint32_t node = (uint32_t)chance(w, N_NODES), key = (uint32_t)chance(w, N_KEYS);
	uint32_t copies = chance(w, 10) ? 1 : 1 + (uint32_t)chance(w, FIFO_MAX_COPIES);
	struct pkt p = {
		.handle = (void *)(uintptr_t)(w->next_id << 8 | copies),
		.bytes = 14 + (uint32_t)chance(w, 9000),
		.tclass = (uint8_t)chance(w, N_TCLASSES),
		.drop_prec = (uint8_t)chance(w, N_DROP_PRECS),
	};
	struct list *l = &w->list[node][key][p.tclass];

	if (l->n - l->at == N_LIST)
		return;
	if (egress_push(w->e, node, key, &p, copies, w->now_ns) != DROP_NOT) {
		check_refusal(w, node, &p);
		return;
	}
	ck_assert(w->queue_pkts[node] == 0 || w->waiting[node] < 2 * (w->queue_pkts[node] + w->queue_pkts[node] / 8));
	l->id[l->n % N_LIST] = w->next_id++;
	l->bytes[l->n++ % N_LIST] = p.bytes;
	w->in_pkts[node]++;
	w->in_bytes[node] += p.bytes;
	w->waiting[node]++;
	w->waiting_bytes[node] += p.bytes;
}

/* It must be the first of its list. */
static void check_out(struct world *w, const struct egress_out *out)
{
	struct list *l = &w->list[out->node][out->flow_key][out->tclass];
	uint64_t id = (uint64_t)(uintptr_t)out->handle;

	ck_assert_uint_lt(l->at, l->n);
	ck_assert_uint_eq(id >> 8, l->id[l->at % N_LIST]);
	ck_assert_uint_eq(out->bytes, l->bytes[l->at % N_LIST]);
	ck_assert_uint_eq(out->copies, id & 0xff);
	l->at++;
	w->waiting[out->node]--;
	w->waiting_bytes[out->node] -= out->bytes;
}

static void pop(struct world *w)
{
	struct egress_out out[16];
	uint32_t n = egress_pop(w->e, out, 1 + (uint32_t)chance(w, 16), w->now_ns);

	for (uint32_t i = 0; i < n; i++) {
		check_out(w, &out[i]);
		w->out_pkts[out[i].node] += out[i].copies;
		w->out_bytes[out[i].node] += (uint64_t)out[i].copies * out[i].bytes;
	}
}

static void take(struct world *w)
{
	struct egress_out out;
	uint32_t node = (uint32_t)chance(w, N_NODES);

	for (uint64_t i = chance(w, 8); i > 0; i--) {
		bool has_some = w->waiting[node] > 0;
		ck_assert(egress_take(w->e, node, &out, w->now_ns) == has_some);
		if (!has_some)
			return;
		ck_assert_uint_eq(out.node, node);
		check_out(w, &out);
	}
}

static void compare(const struct world *w)
{
	uint32_t n = 0;

	ck_assert(egress_check(w->e, stderr));
	for (uint32_t i = 0; i < N_NODES; i++) {
		const struct egress_stats *s = egress_stats(w->e, i);
		ck_assert_uint_eq(egress_backlog_pkts(w->e, i), w->waiting[i]);
		ck_assert_uint_eq(egress_backlog_bytes(w->e, i), w->waiting_bytes[i]);
		ck_assert_uint_eq(egress_in_pkts(w->e, i), w->in_pkts[i]);
		ck_assert_uint_eq(egress_in_bytes(w->e, i), w->in_bytes[i]);
		ck_assert_uint_eq(egress_out_pkts(s), w->out_pkts[i]);
		ck_assert_uint_eq(egress_out_bytes(s), w->out_bytes[i]);
		n += w->waiting[i];
	}
	ck_assert_uint_eq(egress_n_pkts(w->e), n);
}

static void step(struct world *w)
{
	uint32_t weights[N_KEYS];

	switch (chance(w, 16)) {
	case 0:
		if (chance(w, 4) == 0)
			take(w);
		break;
	case 1:
		set(w, (uint32_t)chance(w, N_NODES));
		break;
	case 2:
		for (uint32_t i = 0; i < N_KEYS; i++)
			weights[i] = 1 + (uint32_t)chance(w, ORDER_MAX_WEIGHT);
		if (chance(w, 20) == 0)
			ck_assert(egress_set_flow_weights(w->e, weights, 1 + (uint32_t)chance(w, N_KEYS)));
		break;
	case 3:
	case 4:
	case 5:
		pop(w);
		break;
	case 6:
		w->now_ns += chance(w, 40) ? chance(w, 200000) : chance(w, 4 * NS_PER_S);
		break;
	default:
		push(w);
	}
}

/* Fails if egress_take() leaves a node without urgent packets in the urgent wheel, if egress_set_flow_weights() forgets
 * active_weight, if flow_close() forgets a ring. */
START_TEST(random_operations_lose_nothing_and_keep_order_within_a_class)
{
	struct world *w = calloc(1, sizeof(*w));

	w->seed = (uint64_t)_i;
	w->now_ns = _i % 2 ? UINT64_C(1) << 56 : 0;
	ck_assert(fifo_pool_init(&w->pool, _i % 3 ? 4000 : 200));
	w->e = egress_create(&(struct egress_params){
		.order = {.n_nodes = N_NODES, .link_byte = _i % 4 ? price_of_bps(1000 * MBPS) : 0,
			.largest_bytes = 9014, .turn_ns = 50000},
		.n_flows = _i % 5 ? N_NODES * N_KEYS : 8,
		.class_weight = {1, 3, 2, 1},
	}, &w->pool);
	for (uint32_t i = 0; i < N_NODES; i++)
		set(w, i);
	for (int i = 0; i < 60000; i++) {
		if (w->e->first_free == NO_FLOW) {	/* a refusal for want of a flow is not in the model */
			w->now_ns += 100000;
			pop(w);
		} else {
			step(w);
		}
		if (i % 100 == 0)
			compare(w);
	}
	struct egress_out out;
	for (uint32_t i = 0; i < N_NODES; i++)
		while (egress_take(w->e, i, &out, w->now_ns))
			check_out(w, &out);
	compare(w);
	ck_assert_uint_eq(w->pool.n_free, w->pool.n_chunks);
	egress_destroy(w->e);
	fifo_pool_fini(&w->pool);
	free(w);
}
END_TEST

/* One node, packets of one size a flow; 'n' flows always have some. -> bytes by flow after 'total' bytes. */
static void share_flows(struct egress *e, const uint32_t *bytes, uint32_t n, uint64_t total, uint64_t *sent)
{
	static uint64_t now_ns;
	struct egress_out out;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < 3 * n; i++) {
		struct pkt p = {.bytes = bytes[i % n], .tclass = TC_MEDIUM};
		ck_assert(egress_push(e, 0, i % n, &p, 1, now_ns) == DROP_NOT);
	}
	while (sum < total) {
		ck_assert_uint_eq(egress_pop(e, &out, 1, now_ns), 1);
		struct pkt p = {.bytes = out.bytes, .tclass = TC_MEDIUM};
		ck_assert(egress_push(e, 0, out.flow_key, &p, 1, now_ns) == DROP_NOT);
		sent[out.flow_key] += out.bytes;
		sum += out.bytes;
		now_ns += 1000;
	}
	while (egress_take(e, 0, &out, now_ns))
		;
}

/* Fails if flow_pop() does not take the bytes off the deficit. */
START_TEST(flows_of_a_node_share_in_bytes_by_weight)
{
	static const uint32_t bytes[4] = {64, 1500, 9000, 500}, weights[4] = {1, 2, 3, 4};
	uint64_t sent[4] = {0};
	struct fifo_pool pool;
	struct egress *e;

	ck_assert(fifo_pool_init(&pool, 64));
	e = egress_create(&(struct egress_params){
		.order = {.n_nodes = 1, .largest_bytes = 9000}, .n_flows = 4, .class_weight = {1, 3, 2, 1}}, &pool);
	share_flows(e, bytes, 4, 20000000, sent);
	for (int i = 0; i < 4; i++)
		ck_assert_double_eq_tol((double)sent[i], 5e6, 20000);
	ck_assert(egress_set_flow_weights(e, weights, 4));
	memset(sent, 0, sizeof(sent));
	share_flows(e, bytes, 4, 20000000, sent);
	for (int i = 0; i < 4; i++)
		ck_assert_double_eq_tol((double)sent[i], 2e6 * weights[i], 20000);
	egress_destroy(e);
	fifo_pool_fini(&pool);
}
END_TEST

/* A VF at 100 Mb/s with 'n_local' local destinations and the PF, all with a backlog. */
struct pair {
	struct fifo_pool pool;
	struct egress *pf, *local;
	struct limiter limiter[2];
	uint64_t now_ns;
	uint64_t to_pf, to_local[4];
};

static void add_pair_pkt(struct pair *p, struct egress *e, uint32_t node, uint32_t key)
{
	struct pkt k = {.bytes = e == p->pf ? 1500 : 700, .tclass = TC_MEDIUM};

	ck_assert(egress_push(e, node, key, &k, 1, p->now_ns) == DROP_NOT);
}

static void create_pair(struct pair *p, uint32_t n_local)
{
	struct order_terms t = {.weight = 1};
	struct egress_params ep = {
		.order = {.n_nodes = 2, .link_byte = price_of_bps(1000 * MBPS), .largest_bytes = 1500, .turn_ns = 20000},
		.class_weight = {1, 3, 2, 1},
	};

	*p = (struct pair){.now_ns = NS_PER_S};
	ck_assert(fifo_pool_init(&p->pool, 256));
	p->pf = egress_create(&ep, &p->pool);
	ep.n_flows = 8;
	ep.order.link_byte = 0;
	p->local = egress_create(&ep, &p->pool);
	egress_pair(p->pf, p->local);
	limiter_set(&p->limiter[0], price_of_bps(100 * MBPS), 0, NS_PER_MS, p->now_ns);
	for (uint32_t node = 0; node < 2; node++) {
		egress_set_node(p->pf, node, &t, &p->limiter[node], 0, p->now_ns);
		egress_set_node(p->local, node, &t, &p->limiter[node], 0, p->now_ns);
	}
	for (uint32_t i = 0; i < 8 * n_local; i++)
		add_pair_pkt(p, p->local, 0, i % n_local);
	for (int i = 0; i < 8; i++)
		add_pair_pkt(p, p->pf, 0, 0);
}

static void run_pair(struct pair *p, uint64_t span_ns)
{
	struct egress_out out[8];
	bool is_blocked = p->pf->is_blocked;

	p->to_pf = 0;
	memset(p->to_local, 0, sizeof(p->to_local));
	for (uint64_t until_ns = p->now_ns + span_ns; p->now_ns < until_ns; p->now_ns += 20000) {
		uint32_t n = egress_pop(p->local, out, 8, p->now_ns);
		for (uint32_t i = 0; i < n; i++) {
			p->to_local[out[i].flow_key] += out[i].bytes;
			add_pair_pkt(p, p->local, out[i].node, out[i].flow_key);
		}
		n = is_blocked ? 0 : egress_pop(p->pf, out, 8, p->now_ns);
		for (uint32_t i = 0; i < n; i++) {
			p->to_pf += out[i].node == 0 ? out[i].bytes : 0;
			add_pair_pkt(p, p->pf, out[i].node, 0);
		}
	}
	ck_assert(egress_check(p->pf, stderr) && egress_check(p->local, stderr));
}

static void destroy_pair(struct pair *p)
{
	struct egress_out out;

	for (uint32_t node = 0; node < 2; node++)
		while (egress_take(p->pf, node, &out, p->now_ns) || egress_take(p->local, node, &out, p->now_ns))
			;
	ck_assert_uint_eq(p->limiter[0].n_waiting, 0);
	egress_destroy(p->pf);
	egress_destroy(p->local);
	fifo_pool_fini(&p->pool);
}

/* 12.5 MB/s.  Fails if must_pass() is never true: then local, asked first, takes all. */
START_TEST(the_pf_and_each_local_destination_have_equal_bytes_of_a_vfs_rate)
{
	struct pair p;
	uint32_t n_local = (uint32_t)_i;

	create_pair(&p, n_local);
	run_pair(&p, 100 * NS_PER_MS);
	run_pair(&p, NS_PER_S);
	ck_assert_double_eq_tol((double)p.to_pf, 12.5e6 / (n_local + 1), 12.5e6 * 0.01);
	for (uint32_t i = 0; i < n_local; i++)
		ck_assert_double_eq_tol((double)p.to_local[i], 12.5e6 / (n_local + 1), 12.5e6 * 0.01);
	destroy_pair(&p);
}
END_TEST

/* Fails if must_pass() is never true: local keeps all when the PF is back. */
START_TEST(a_blocked_pf_does_not_stop_local_traffic)
{
	struct pair p;

	create_pair(&p, 1);
	run_pair(&p, 100 * NS_PER_MS);
	egress_set_blocked(p.pf, true);
	run_pair(&p, NS_PER_S);
	ck_assert_double_eq_tol((double)p.to_local[0], 12.5e6, 12.5e6 * 0.005);
	egress_set_blocked(p.pf, false);
	run_pair(&p, 100 * NS_PER_MS);
	run_pair(&p, NS_PER_S);
	ck_assert_double_eq_tol((double)p.to_pf, 6.25e6, 12.5e6 * 0.01);
	destroy_pair(&p);
}
END_TEST

/* Of 12.5 MB/s the PF may have 1.25, or as much as it wants again.  Fails if the hold is not asked in egress_pop(), or not
 * charged. */
START_TEST(a_hold_binds_the_pf_alone_and_the_rest_goes_on)
{
	struct limiter holds[2] = {0};
	struct pair p;

	create_pair(&p, 1);
	egress_set_holds(p.pf, holds);
	limiter_set(&holds[0], price_of_bps(10 * MBPS), 0, NS_PER_MS, p.now_ns);
	run_pair(&p, 100 * NS_PER_MS);
	run_pair(&p, NS_PER_S);
	ck_assert_double_eq_tol((double)p.to_pf, 1.25e6, 1.25e6 * 0.005);
	ck_assert_double_eq_tol((double)p.to_local[0], 11.25e6, 12.5e6 * 0.005);
	limiter_set(&holds[0], 0, 0, NS_PER_MS, p.now_ns);
	egress_set_node(p.pf, 0, &(struct order_terms){.weight = 1}, &p.limiter[0], 0, p.now_ns);
	run_pair(&p, 100 * NS_PER_MS);
	run_pair(&p, NS_PER_S);
	ck_assert_double_eq_tol((double)p.to_pf, 6.25e6, 12.5e6 * 0.01);
	destroy_pair(&p);
}
END_TEST

/* A worker that is away for 4 ms of each 8.  Fails where the hold is not told of it: then it has two thirds of its rate. */
START_TEST(time_that_was_lost_is_given_back_to_who_is_on_hold)
{
	struct limiter holds[2] = {0};
	struct pair p;
	uint64_t to_pf = 0;

	create_pair(&p, 0);
	egress_set_holds(p.pf, holds);
	limiter_set(&holds[0], price_of_bps(10 * MBPS), 0, NS_PER_MS, p.now_ns);
	for (int i = 0; i < 250; i++) {
		run_pair(&p, 4 * NS_PER_MS);
		to_pf += p.to_pf;
		p.now_ns += 4 * NS_PER_MS;
		order_lost(egress_order(p.pf), 4 * NS_PER_MS, p.now_ns);
	}
	ck_assert_double_eq_tol((double)to_pf, 2.5e6, 2.5e6 * 0.01);
	destroy_pair(&p);
}
END_TEST

/* Another VF has the PF nearly for itself (weight 1000): the first one's local traffic has what its PF traffic cannot
 * use of its rate. */
START_TEST(a_busy_pf_does_not_stop_local_traffic)
{
	struct order_terms heavy = {.weight = 1000};
	struct pair p;

	create_pair(&p, 1);
	egress_set_node(p.pf, 1, &heavy, &p.limiter[1], 0, p.now_ns);
	for (int i = 0; i < 20; i++)
		add_pair_pkt(&p, p.pf, 1, 0);
	run_pair(&p, 100 * NS_PER_MS);
	run_pair(&p, NS_PER_S);
	ck_assert_uint_le(p.to_pf, 200000);
	ck_assert_double_eq_tol((double)(p.to_pf + p.to_local[0]), 12.5e6, 12.5e6 * 0.005);
	destroy_pair(&p);
}
END_TEST

/* 2^62 of virtual time are 23 minutes at 400 Gb/s: the classes' parts stay what they are as it passes.
 * Fails if charge_class() does not rebase. */
START_TEST(class_parts_survive_the_end_of_virtual_time)
{
	uint64_t sent[N_TCLASSES] = {0}, now_ns = 0;
	struct egress_out out;
	struct fifo_pool pool;
	struct egress *e;

	ck_assert(fifo_pool_init(&pool, 64));
	e = egress_create(&(struct egress_params){
		.order = {.n_nodes = 1, .largest_bytes = 9000}, .class_weight = {1, 3, 2, 1}}, &pool);
	for (int i = 0; i < 12; i++) {
		struct pkt p = {.bytes = 1000, .tclass = (uint8_t)(TC_HIGH + i % 3)};
		egress_push(e, 0, 0, &p, 1, now_ns);
	}
	for (int c = 0; c < N_TCLASSES; c++)
		e->flows[0].class_finish[c] = e->flows[0].class_vtime =
			(UINT64_C(1) << 62) - 5000 * UINT64_C(65536000) / 6;
	for (int i = 0; i < 12000; i++, now_ns += 1000) {
		ck_assert_uint_eq(egress_pop(e, &out, 1, now_ns), 1);
		struct pkt p = {.bytes = 1000, .tclass = out.tclass};
		egress_push(e, 0, 0, &p, 1, now_ns);
		sent[out.tclass]++;
	}
	ck_assert_uint_lt(e->flows[0].class_vtime, UINT64_C(1) << 62);
	for (int c = TC_HIGH; c < N_TCLASSES; c++)
		ck_assert_double_eq_tol((double)sent[c], 2000 * (N_TCLASSES - c), 5);
	while (egress_take(e, 0, &out, now_ns))
		;
	egress_destroy(e);
	fifo_pool_fini(&pool);
}
END_TEST

/* A receiver's queue: one who floods it does not shut out another, who may always have some packets in it. */
START_TEST(a_flooding_flow_does_not_fill_the_queue_for_others)
{
	struct order_terms t = {.weight = 1};
	struct pkt p = {.bytes = 1500, .tclass = TC_MEDIUM};
	struct egress_out out;
	struct fifo_pool pool;
	struct egress *e;
	uint32_t n = 0;

	ck_assert(fifo_pool_init(&pool, 1000));
	e = egress_create(&(struct egress_params){
		.order = {.n_nodes = 1, .largest_bytes = 1500}, .n_flows = 4, .class_weight = {1, 3, 2, 1}}, &pool);
	egress_set_node(e, 0, &t, NULL, 64, 0);
	while (egress_push(e, 0, 0, &p, 1, 0) == DROP_NOT)
		n++;
	ck_assert_uint_eq(n, 64);
	for (n = 0; egress_push(e, 0, 1, &p, 1, 0) == DROP_NOT; n++)
		;
	ck_assert_uint_eq(n, 32);	/* half of it is his, though it is full */
	ck_assert(egress_push(e, 0, 0, &p, 1, 0) == DROP_QUEUE_FULL);
	while (egress_take(e, 0, &out, 0))
		;
	egress_destroy(e);
	fifo_pool_fini(&pool);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("egress");
	TCase *tc = tcase_create("egress");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, random_operations_lose_nothing_and_keep_order_within_a_class, 0, 20);
	tcase_add_test(tc, flows_of_a_node_share_in_bytes_by_weight);
	tcase_add_loop_test(tc, the_pf_and_each_local_destination_have_equal_bytes_of_a_vfs_rate, 1, 5);
	tcase_add_test(tc, a_blocked_pf_does_not_stop_local_traffic);
	tcase_add_test(tc, a_busy_pf_does_not_stop_local_traffic);
	tcase_add_test(tc, a_hold_binds_the_pf_alone_and_the_rest_goes_on);
	tcase_add_test(tc, time_that_was_lost_is_given_back_to_who_is_on_hold);
	tcase_add_test(tc, class_parts_survive_the_end_of_virtual_time);
	tcase_add_test(tc, a_flooding_flow_does_not_fill_the_queue_for_others);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
