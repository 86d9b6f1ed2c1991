/* SPDX-License-Identifier: BSD-3-Clause */
/* The way of a change: many ask at once, one judges; with a control core that is a thread, and workers that are a flag. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "live.h"
#include "unit.h"

#define SECOND	  UINT64_C(1000000000)
#define N_CLIENTS 4
#define N_ROUNDS  100

static const char text[] = "[port pf]\nrole = pf\nrate = 1G\n[port v0]\n[port v1]\n[port v2]\n[port v3]\n[port s]\nspare = 2\n[tenant lab]\n"
			   "[vf vm0]\nport = v0\n[vf vm1]\nport = v1\n[vf vm2]\nport = v2\n[vf vm3]\nport = v3\n";

static struct world {
	struct conf *first;
	struct live *live;
	pthread_t core;
	_Atomic bool is_over, is_core_stuck, are_workers_stuck;
	_Atomic int n_handed, n_logged, n_saves, n_saves_to_fail;
} w;

static bool admit(void *ctx, const struct conf *conf, struct why *why)
{
	(void)ctx;
	return conf_admit(conf, 1000000000, BASIS_L2, why);
}

static bool hand(void *ctx, const struct conf *from, const struct conf *to)
{
	(void)ctx;
	unit_must(from != to && from->n_vfs == to->n_vfs);
	w.n_handed++;
	return true;
}

static bool is_done(void *ctx)
{
	(void)ctx;
	return !w.are_workers_stuck;
}

static void count_log(void *ctx, const char *what)
{
	(void)ctx;
	unit_must(*what != '\0');
	w.n_logged++;
}

static bool save(void *ctx, const struct conf *conf, struct why *why)
{
	(void)ctx;
	(void)conf;
	w.n_saves++;
	if (w.n_saves_to_fail == 0)
		return true;
	w.n_saves_to_fail--;
	why_add(why, "disk full");
	return false;
}

static void *control_core(void *arg)
{
	struct timespec until;

	(void)arg;
	while (!w.is_over) {
		if (w.is_core_stuck) {
			usleep(1000);
			continue;
		}
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += 5000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		live_wait(w.live, &until);
		live_serve(w.live);
	}
	return NULL;
}

static void begin(void)
{
	static struct why why;

	why_init(&why);
	w.first = conf_parse("t.conf", text, strlen(text), &why);
	ck_assert_ptr_nonnull(w.first);
	w.live = live_create(w.first, &(struct live_io){
		.admit = admit, .hand = hand, .is_done = is_done, .log = count_log, .save = save});
	ck_assert_int_eq(pthread_create(&w.core, NULL, control_core, NULL), 0);
}

static void end(void)
{
	w.is_over = true;
	pthread_join(w.core, NULL);
	live_destroy(w.live);
	conf_destroy(w.first);
	w.is_over = false;	/* where tests do not fork */
	w.n_handed = w.n_logged = w.n_saves = 0;
}

static struct live_request *request(const char *vf, const char *terms)
{
	struct live_request *q = live_request_create();

	snprintf(q->change.name, sizeof(q->change.name), "%s", vf);
	snprintf(q->change.text, sizeof(q->change.text), "%s", terms);
	return q;
}

static enum live_verdict ask(const char *vf, const char *terms)
{
	struct live_request *q = request(vf, terms);
	enum live_verdict verdict = live_ask(w.live, &q, 5 * SECOND);

	live_request_destroy(w.live, q);
	return verdict;
}

static struct sla tx_of(uint32_t vf)
{
	struct live_conf *held = live_hold(w.live);
	struct sla sla = live_conf(held)->vfs[vf].tx;

	live_release(w.live, held);
	return sla;
}

static void *client(void *arg)
{
	char vf[8], terms[64];
	int id = *(int *)arg;

	snprintf(vf, sizeof(vf), "vm%d", id);
	for (int i = 1; i <= N_ROUNDS; i++) {
		struct live_request *q;
		snprintf(terms, sizeof(terms), "tx.max_bps=%dM", i);
		q = request(vf, terms);
		unit_must(live_ask(w.live, &q, 5 * SECOND) == LIVE_DONE);
		unit_must(live_conf(q->before)->vfs[id].tx.max_bps == (i - 1) * UINT64_C(1000000));
		unit_must(live_conf(q->after)->vfs[id].tx.max_bps == i * UINT64_C(1000000));
		live_request_destroy(w.live, q);
	}
	return NULL;
}

/* Broken by: each judged against the config that ran when it came. */
START_TEST(changes_of_many_at_once_are_all_there)
{
	pthread_t clients[N_CLIENTS];
	int ids[N_CLIENTS];

	begin();
	for (int i = 0; i < N_CLIENTS; i++) {
		ids[i] = i;
		pthread_create(&clients[i], NULL, client, &ids[i]);
	}
	for (int i = 0; i < N_CLIENTS; i++)
		pthread_join(clients[i], NULL);
	for (uint32_t i = 0; i < N_CLIENTS; i++)
		ck_assert_uint_eq(tx_of(i).max_bps, N_ROUNDS * UINT64_C(1000000));
	ck_assert_uint_eq(live_n_changes(w.live), N_CLIENTS * N_ROUNDS);
	ck_assert_int_eq(w.n_logged, N_CLIENTS * N_ROUNDS);
	ck_assert_int_le(w.n_handed, N_CLIENTS * N_ROUNDS);
	end();
}
END_TEST

static void *operator_of_pairs(void *arg)
{
	for (int i = 0; i < N_ROUNDS; i++)
		unit_must(ask("vm0", arg) == LIVE_DONE);
	return NULL;
}

/* Broken by: a change that is made in the running config itself. */
START_TEST(two_operators_never_mix_halves)
{
	char one[] = "tx.min_bps=10M;tx.max_bps=20M;tx.weight=1", two[] = "tx.min_bps=30M;tx.max_bps=40M;tx.weight=2";
	pthread_t a, b;

	begin();
	ck_assert_int_eq(ask("vm0", one), LIVE_DONE);
	pthread_create(&a, NULL, operator_of_pairs, one);
	pthread_create(&b, NULL, operator_of_pairs, two);
	for (int i = 0; i < 20000; i++) {
		struct sla sla = tx_of(0);
		unit_must(sla.max_bps == sla.min_bps + 10000000 && sla.weight == (sla.min_bps == 10000000 ? 1 : 2));
	}
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	end();
}
END_TEST

static struct live_request *add(const char *name, const char *terms)
{
	struct live_request *q = request(name, terms);

	q->change.verb = CONF_VF_ADD;
	ck_assert_int_eq(live_ask(w.live, &q, SECOND), LIVE_DONE);
	return q;
}

/* Broken by: warnings that are told whatever is changed, or never. */
START_TEST(what_holds_otherwise_from_now_on_is_warned_of_once)
{
	begin();
	struct live_request *q = add("a", "port=s;mac=02:00:00:00:00:01;tenant=lab");
	ck_assert_int_eq(q->why.n, 0);
	live_request_destroy(w.live, q);
	q = request("lab", "tx.min_pps=5k");
	q->change.is_tenant = true;
	ck_assert_int_eq(live_ask(w.live, &q, SECOND), LIVE_DONE);
	ck_assert_int_eq(q->why.n, 0);
	live_request_destroy(w.live, q);
	q = add("b", "port=s;mac=02:00:00:00:00:02");	/* a stranger */
	ck_assert_int_eq(q->why.n, 1);
	ck_assert_msg(strstr(q->why.text[0], "[tenant lab] is guaranteed 5000 packets/s") != NULL, "%s", q->why.text[0]);
	live_request_destroy(w.live, q);
	q = request("lab", "tx.weight=3");
	q->change.is_tenant = true;
	ck_assert_int_eq(live_ask(w.live, &q, SECOND), LIVE_DONE);
	ck_assert_int_eq(q->why.n, 0);	/* it was so before */
	live_request_destroy(w.live, q);
	end();
}
END_TEST

static void must_warn(const char *vf, const char *terms, const char *wanted)
{
	struct live_request *q = request(vf, terms);

	ck_assert_int_eq(live_ask(w.live, &q, SECOND), LIVE_DONE);
	ck_assert_msg(q->why.n == (wanted != NULL), "%s %s: %d warnings: %s", vf, terms, q->why.n, q->why.text[0]);
	ck_assert_msg(wanted == NULL || strstr(q->why.text[0], wanted) != NULL, "%s", q->why.text[0]);
	live_request_destroy(w.live, q);
}

/* Broken by: warnings of VFs that come and of tenants only. */
START_TEST(terms_of_a_vf_are_warned_of_once_as_in_a_file)
{
	begin();
	must_warn("vm0", "tx.urgent_bps=5M", "[vf vm0] is sold urgent packets, but when it sends too much it is held");
	must_warn("vm0", "tx.urgent_bps=6M", NULL);	/* it was so before */
	must_warn("vm1", "tx.weight=3", NULL);		/* another's */
	must_warn("vm1", "tx.min_pps=2k;tx.max_bps=900k", "[vf vm1] tx.min_pps = 2k takes 960k bits/s");
	must_warn("vm2", "remote=no", "[vf vm2] remote = no does nothing: there is no [remote]");
	must_warn("vm2", "remote=none", NULL);
	must_warn("vm1", "tx.min_pps=none;tx.max_bps=none", NULL);
	end();
}
END_TEST

/* Broken by: no admission; a refusal that hands it to the workers all the same. */
START_TEST(what_does_not_fit_is_refused_and_changes_nothing)
{
	struct live_request *q;

	begin();
	ck_assert_int_eq(ask("vm0", "tx.min_bps=700M"), LIVE_DONE);
	q = request("vm1", "tx.min_bps=400M");
	ck_assert_int_eq(live_ask(w.live, &q, 5 * SECOND), LIVE_REFUSED);
	ck_assert_msg(strstr(q->why.text[0], "1.1G of 1G bits/s") != NULL, "%s", q->why.text[0]);
	ck_assert_ptr_null(q->after);
	live_request_destroy(w.live, q);
	ck_assert_int_eq(ask("vm1", "tx.weight=0"), LIVE_REFUSED);
	ck_assert_uint_eq(tx_of(1).min_bps, 0);
	ck_assert_int_eq(w.n_handed, 1);
	ck_assert_uint_eq(live_n_changes(w.live), 1);
	end();
}
END_TEST

/* Broken by: a second change handed while the first is under way; one that is late and not withdrawn, or that is told the control
 * core did not come to it. */
START_TEST(a_worker_that_does_not_come_leaves_changes_waiting)
{
	struct live_request *q;

	begin();
	w.are_workers_stuck = true;
	q = request("vm0", "tx.max_bps=5M");
	ck_assert_int_eq(live_ask(w.live, &q, SECOND / 10), LIVE_PENDING);
	ck_assert_ptr_null(q);
	ck_assert_uint_eq(tx_of(0).max_bps, 0);
	q = request("vm1", "tx.max_bps=6M");
	ck_assert_int_eq(live_ask(w.live, &q, SECOND / 10), LIVE_BEHIND);
	live_request_destroy(w.live, q);
	w.are_workers_stuck = false;
	ck_assert_int_eq(ask("vm2", "tx.max_bps=7M"), LIVE_DONE);	/* not before the one that was under way */
	ck_assert_uint_eq(tx_of(0).max_bps, 5000000);
	ck_assert_uint_eq(tx_of(1).max_bps, 0);				/* withdrawn */
	ck_assert_uint_eq(tx_of(2).max_bps, 7000000);
	end();
}
END_TEST

/* Broken by: a change that is late and not withdrawn; one that is told to be behind another that is none any more. */
START_TEST(a_control_core_that_does_not_come_is_told_as_such)
{
	begin();
	ck_assert_int_eq(ask("vm0", "tx.max_bps=5M"), LIVE_DONE);
	w.is_core_stuck = true;
	usleep(100000);		/* it has seen that */
	struct live_request *q = request("vm1", "tx.max_bps=6M");
	ck_assert_int_eq(live_ask(w.live, &q, SECOND / 10), LIVE_LATE);
	live_request_destroy(w.live, q);
	w.is_core_stuck = false;
	ck_assert_int_eq(ask("vm2", "tx.max_bps=7M"), LIVE_DONE);
	ck_assert_uint_eq(tx_of(1).max_bps, 0);
	end();
}
END_TEST

/* Broken by: a save that is not tried again. */
START_TEST(what_cannot_be_saved_is_warned_of_and_saved_later)
{
	struct live_request *q = request("vm0", "tx.max_bps=5M");

	w.n_saves_to_fail = 1;
	begin();
	ck_assert_int_eq(live_ask(w.live, &q, 5 * SECOND), LIVE_DONE);
	ck_assert_int_eq(q->why.n, 1);
	ck_assert_str_eq(q->why.text[0], "disk full");
	live_request_destroy(w.live, q);
	for (int i = 0; i < 400 && w.n_saves < 2; i++)
		usleep(10000);
	ck_assert_int_eq(w.n_saves, 2);
	end();
}
END_TEST

START_TEST(at_the_end_all_are_answered)
{
	begin();
	ck_assert_int_eq(ask("vm0", "tx.max_bps=5M"), LIVE_DONE);
	w.is_over = true;
	pthread_join(w.core, NULL);
	live_close(w.live);
	ck_assert_int_eq(ask("vm0", "tx.max_bps=6M"), LIVE_ENDED);
	ck_assert_uint_eq(tx_of(0).max_bps, 5000000);
	live_destroy(w.live);
	conf_destroy(w.first);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("live");
	TCase *tc = tcase_create("live");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, changes_of_many_at_once_are_all_there);
	tcase_add_test(tc, two_operators_never_mix_halves);
	tcase_add_test(tc, what_holds_otherwise_from_now_on_is_warned_of_once);
	tcase_add_test(tc, terms_of_a_vf_are_warned_of_once_as_in_a_file);
	tcase_add_test(tc, what_does_not_fit_is_refused_and_changes_nothing);
	tcase_add_test(tc, a_worker_that_does_not_come_leaves_changes_waiting);
	tcase_add_test(tc, a_control_core_that_does_not_come_is_told_as_such);
	tcase_add_test(tc, what_cannot_be_saved_is_warned_of_and_saved_later);
	tcase_add_test(tc, at_the_end_all_are_answered);
	suite_add_tcase(s, tc);
	return unit_run(s);
}
