/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit.h"

#include <stdbool.h>
#include <string.h>

#include "place.h"

enum { AUTO, SINGLE, SPLIT };

#define MAX_PORTS_HERE 6

/* Port 0 is the PF.  Data lcores are 1 .. n, the main one is 0.  Text: a digit a port or worker, '-' where
 * nothing is said: NUMA nodes of ports and lcores, override lcores, and the lcores wanted. */
static const struct row {
	const char *name;
	int mode;
	unsigned int n_lcores;
	const char *port_numa, *lcore_numa;
	const char *rx_lcore, *tx_lcore;          /* overrides, by port */
	unsigned int want_workers, want_home;     /* home: its lcore */
	const char *want_rx, *want_tx, *want_far; /* lcores, by port; 'f' */
} rows[] = {
	{"one lcore does all", AUTO, 1, "---", "-", "---", "---", 1, 1, "111", "111", "---"},
	{"single takes one of many", SINGLE, 3, "---", "---", "---", "---", 1, 1, "111", "111", "---"},
	{"single goes to the PF's node", SINGLE, 3, "110", "010", "---", "---", 1, 2, "222", "222", "--f"},
	{"single on a named lcore", SINGLE, 3, "---", "---", "3--", "-33", 1, 3, "333", "333", "---"},
	{"two: receive, and schedule", AUTO, 2, "---", "--", "---", "---", 2, 2, "111", "222", "---"},
	{"two, asked for", SPLIT, 2, "---", "--", "---", "---", 2, 2, "111", "222", "---"},
	{"two: home at the PF's node", AUTO, 2, "0--", "01", "---", "---", 2, 1, "222", "111", "f--"},
	{"two: home by the PF's override", AUTO, 2, "---", "--", "---", "1--", 2, 1, "222", "111", "---"},
	{"two: home receives from one port that names it", AUTO, 2, "---", "--", "--2", "2--", 2, 2, "112",
		"222", "---"},
	{"two: one port's transmit side moved, the others stay", AUTO, 2, "---", "--", "---", "-1-", 2, 2,
		"111", "212", "---"},
	{"three: receive, home, transmit", AUTO, 3, "----", "---", "----", "----", 3, 2, "1111", "2333",
		"----"},
	{"three: home avoids a lcore with another duty", AUTO, 3, "----", "---", "2---", "----", 3, 3, "2222",
		"3111", "----"},
	{"four: the PF's load on one receiver, the VFs' on the other", AUTO, 4, "----", "----", "----",
		"----", 4, 2, "1333", "2444", "----"},
	{"five: the VFs take turns", AUTO, 5, "-----", "-----", "-----", "-----", 5, 2, "13434", "25555",
		"-----"},
	{"more lcores than ports can use", AUTO, 8, "--", "--------", "--", "--", 4, 2, "13", "24", "--"},
	{"the PF alone", AUTO, 3, "-", "---", "-", "-", 2, 2, "1", "2", "-"},
	{"receivers on the ports' nodes", AUTO, 5, "00101", "00011", "-----", "-----", 5, 2, "13434", "25555",
		"-f-f-"},
	{"near and shared before far and alone", AUTO, 6, "-0011", "--011-", "-----", "-----", 6, 2, "13345",
		"26666", "-----"},
	{"a node's only receiver does not get everything", AUTO, 5, "11111", "11000", "-----", "-----", 5, 2,
		"13434", "25555", "-ffff"},
	{"overrides stay where they are, the others fill up", AUTO, 5, "-----", "-----", "-44--", "-----", 5,
		2, "14433", "25555", "-----"},
	{"two transmit lcores by name", AUTO, 5, "-----", "-----", "-----", "-1313", 5, 2, NULL, "21313",
		"-----"},
};
#define N_ROWS (int)(sizeof(rows) / sizeof(rows[0]))

static int digit(const char *text, size_t i)
{
	return text[i] == '-' ? -1 : text[i] - '0';
}

static void request_of(const struct row *row, struct place_request *req)
{
	static const char *const devices[MAX_PORTS_HERE] = {"pf", "vm1", "vm2", "vm3", "vm4", "vm5"};

	*req = (struct place_request){
		.n_ports = (uint16_t)strlen(row->port_numa), .mode = row->mode, .n_lcores = row->n_lcores};
	for (size_t i = 0; i < req->n_ports; i++) {
		req->ports[i].device = devices[i];
		req->ports[i].numa = digit(row->port_numa, i);
		req->ports[i].rx_lcore = digit(row->rx_lcore, i);
		req->ports[i].tx_lcore = digit(row->tx_lcore, i);
	}
	for (unsigned int i = 0; i < row->n_lcores; i++) {
		req->lcores[i] = i + 1;
		req->lcore_numa[i] = digit(row->lcore_numa, i);
	}
}

static void assert_lcores(const struct row *row, const char *what, const struct place *plan,
	const unsigned int *worker_of, const char *want)
{
	char got[MAX_PORTS_HERE + 1] = "";

	for (size_t i = 0; i < strlen(row->port_numa); i++) {
		ck_assert_uint_lt(worker_of[i], plan->n_workers);
		got[i] = (char)('0' + plan->lcore[worker_of[i]]);
	}
	if (want)
		ck_assert_msg(strcmp(got, want) == 0, "%s: %s on %s, wanted %s", row->name, what, got, want);
}

START_TEST(each_plan_is_as_the_table_says)
{
	const struct row *row = &rows[_i];
	struct place_request req;
	struct place plan;
	static struct why why;

	why_init(&why);
	request_of(row, &req);
	ck_assert_msg(place_plan(&req, &plan, &why), "%s: %s", row->name, why.text[0]);
	ck_assert_int_eq(why.n, 0);
	ck_assert_msg(plan.n_workers == row->want_workers, "%s: %u workers", row->name, plan.n_workers);
	ck_assert_uint_lt(plan.home, plan.n_workers);
	ck_assert_msg(
		plan.lcore[plan.home] == row->want_home, "%s: home on %u", row->name, plan.lcore[plan.home]);
	ck_assert(plan.is_single == (row->want_rx && strcmp(row->want_rx, row->want_tx) == 0));
	assert_lcores(row, "receive", &plan, plan.rx_worker, row->want_rx);
	assert_lcores(row, "transmit", &plan, plan.tx_worker, row->want_tx);
	for (size_t i = 0; row->want_far && i < req.n_ports; i++)
		ck_assert_msg(
			plan.numa_far[i] == (row->want_far[i] == 'f'), "%s: far, port %zu", row->name, i);
}
END_TEST

static void make_request(struct place_request *req, uint64_t *rng)
{
	*req = (struct place_request){.mode = (int)(unit_random(rng) % 3), .main_lcore = 40};
	req->n_ports = (uint16_t)(1 + unit_random(rng) % PLACE_MAX_PORTS);
	req->pf = (uint16_t)(unit_random(rng) % req->n_ports);
	req->n_lcores = (unsigned int)(1 + unit_random(rng) % PLACE_MAX_WORKERS);
	for (unsigned int i = 0; i < req->n_lcores; i++) {
		req->lcores[i] = 2 * i + 1;
		req->lcore_numa[i] = (int)(unit_random(rng) % 3) - 1;
	}
	for (uint16_t i = 0; i < req->n_ports; i++) {
		bool is_rx_said = unit_random(rng) % 8 == 0, is_tx_said = unit_random(rng) % 8 == 0;

		req->ports[i].device = "x";
		req->ports[i].numa = (int)(unit_random(rng) % 3) - 1;
		req->ports[i].rx_lcore = is_rx_said ? (int)req->lcores[unit_random(rng) % req->n_lcores] : -1;
		req->ports[i].tx_lcore = is_tx_said ? (int)req->lcores[unit_random(rng) % req->n_lcores] : -1;
	}
}

/* What is wrong with a plan that was not refused; NULL = nothing. */
static const char *fault_of(const struct place_request *req, const struct place *plan)
{
	unsigned int n_duties[PLACE_MAX_WORKERS] = {0};

	if (plan->n_workers < 1 || plan->n_workers > req->n_lcores)
		return "number of workers";
	if (plan->tx_worker[req->pf] != plan->home)
		return "the PF's transmit side is not on home";
	for (uint16_t i = 0; i < req->n_ports; i++) {
		unsigned int rx = plan->rx_worker[i], tx = plan->tx_worker[i];

		if (rx >= plan->n_workers || tx >= plan->n_workers)
			return "no such worker";
		n_duties[rx]++;
		n_duties[tx]++;
		if (req->ports[i].rx_lcore >= 0 && (int)plan->lcore[rx] != req->ports[i].rx_lcore)
			return "a receive override is not kept";
		if (req->ports[i].tx_lcore >= 0 && (int)plan->lcore[tx] != req->ports[i].tx_lcore)
			return "a transmit override is not kept";
	}
	for (unsigned int w = 0; w < plan->n_workers; w++)
		if (n_duties[w] == 0)
			return "an idle worker";
	return NULL;
}

START_TEST(random_plans_are_whole_and_keep_their_overrides)
{
	uint64_t rng = (uint64_t)_i;
	static struct why why;

	why_init(&why);
	for (int round = 0; round < 500; round++) {
		struct place_request req;
		struct place plan;

		make_request(&req, &rng);
		if (!place_plan(&req, &plan, &why)) {
			ck_assert_int_gt(why.n, 0);
			ck_assert_int_ne(req.mode, AUTO); /* takes all overrides of lcores that are there */
			why.n = 0;
			continue;
		}
		const char *fault = fault_of(&req, &plan);

		if (fault)
			ck_abort_msg("round %d: %s", round, fault);
	}
}
END_TEST

static const struct bad {
	const char *want; /* in the first message */
	int mode;
	unsigned int n_lcores;
	int rx_lcore, tx_lcore; /* of port 1 */
	int n_messages;
} bads[] = {
	{"no data lcore", AUTO, 0, -1, -1, 1},
	{"at most 16", AUTO, 17, -1, -1, 1},
	{"\"split\" with one data lcore", SPLIT, 1, -1, -1, 1},
	{"not among the data lcores", AUTO, 2, 9, -1, 1},
	{"the main lcore", AUTO, 2, -1, 0, 1},
	{"the lcore to receive, 8", AUTO, 2, 8, 9, 2},
	{"wanted one lcore for all", SINGLE, 2, 1, 2, 1},
};

START_TEST(a_request_that_cannot_be_met_is_refused_and_says_why)
{
	const struct bad *bad = &bads[_i];
	struct row row = {.mode = bad->mode,
		.n_lcores = bad->n_lcores < 16 ? bad->n_lcores : 16,
		.port_numa = "---",
		.lcore_numa = "----------------",
		.rx_lcore = "---",
		.tx_lcore = "---"};
	struct place_request req;
	struct place plan;
	static struct why why;

	why_init(&why);
	request_of(&row, &req);
	req.n_lcores = bad->n_lcores;
	req.ports[1].rx_lcore = bad->rx_lcore;
	req.ports[1].tx_lcore = bad->tx_lcore;
	ck_assert(!place_plan(&req, &plan, &why));
	ck_assert_int_eq(why.n, bad->n_messages);
	ck_assert_msg(strstr(why.text[0], bad->want), "%s", why.text[0]);
}
END_TEST

static const char *printed(const struct place_request *req, const struct place *plan)
{
	static char text[32768];
	FILE *out = fmemopen(text, sizeof(text), "w");

	place_print(req, plan, out);
	fclose(out);
	return text;
}

START_TEST(the_table_names_all_lcores_and_ports_once)
{
	struct row row = {.mode = AUTO,
		.n_lcores = 8,
		.port_numa = "01",
		.lcore_numa = "00000000",
		.rx_lcore = "--",
		.tx_lcore = "--"};
	struct place_request req;
	struct place plan;
	static struct why why;

	why_init(&why);
	request_of(&row, &req);
	ck_assert(place_plan(&req, &plan, &why));
	const char *text = printed(&req, &plan);

	ck_assert_ptr_nonnull(strstr(text, "all senders"));
	ck_assert_ptr_nonnull(strstr(text, "vm1 (far)"));
	ck_assert_ptr_nonnull(strstr(text, "not needed"));
	ck_assert_ptr_null(strstr(text, "pf (far)"));
}
END_TEST

START_TEST(many_ports_go_on_in_further_rows)
{
	struct place_request req = {.n_ports = PLACE_MAX_PORTS, .n_lcores = 2, .lcores = {1, 2}};
	struct place plan;
	char names[PLACE_MAX_PORTS][64];
	static struct why why;

	why_init(&why);
	for (int i = 0; i < PLACE_MAX_PORTS; i++) {
		snprintf(names[i], sizeof(names[i]), "<%056d>", i);
		req.ports[i].device = names[i];
		req.ports[i].rx_lcore = req.ports[i].tx_lcore = -1;
	}
	ck_assert(place_plan(&req, &plan, &why));
	const char *text = printed(&req, &plan);

	for (int i = 0; i < PLACE_MAX_PORTS; i++) {
		const char *rx = strstr(text, names[i]);

		ck_assert_msg(rx && strstr(rx + 1, names[i]), "port %d is not there twice", i);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("place");
	TCase *tc = tcase_create("place");

	tcase_add_loop_test(tc, each_plan_is_as_the_table_says, 0, N_ROWS);
	tcase_add_loop_test(tc, random_plans_are_whole_and_keep_their_overrides, 0, 16);
	tcase_add_loop_test(tc, a_request_that_cannot_be_met_is_refused_and_says_why, 0,
		(int)(sizeof(bads) / sizeof(bads[0])));
	tcase_add_test(tc, the_table_names_all_lcores_and_ports_once);
	tcase_add_test(tc, many_ports_go_on_in_further_rows);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
