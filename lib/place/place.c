/* SPDX-License-Identifier: BSD-3-Clause */
#include "place.h"

#include <string.h>

#include "table.h"

enum { MODE_AUTO, MODE_SINGLE, MODE_SPLIT };

#define NONE UINT32_MAX

/* What workers may be given, while planning.  A worker's number is first its lcore's place in the request. */
struct crew {
	const struct place_request *req;
	unsigned int home;
	bool is_rx[PLACE_MAX_WORKERS], is_tx[PLACE_MAX_WORKERS];
	unsigned int load[PLACE_MAX_WORKERS]; /* of what is being spread */
};

static bool is_far(int numa_a, int numa_b)
{
	return numa_a >= 0 && numa_b >= 0 && numa_a != numa_b;
}

/* The worker on this lcore; NONE. */
static unsigned int worker_on(const struct place_request *req, int lcore)
{
	for (unsigned int i = 0; i < req->n_lcores; i++)
		if (lcore >= 0 && req->lcores[i] == (unsigned int)lcore)
			return i;
	return NONE;
}

static void check_override(
	const struct place_request *req, uint16_t port, int lcore, const char *what, struct why *why)
{
	if (lcore < 0 || worker_on(req, lcore) != NONE)
		return;
	why_add(why, "port %s: the lcore to %s, %d, is %s", req->ports[port].device, what, lcore,
		(unsigned int)lcore == req->main_lcore
			? "the main lcore, which moves no packets: name a data lcore"
			: "not among the data lcores given (EAL's -l)");
}

static void check(const struct place_request *req, struct why *why)
{
	if (req->n_ports == 0 || req->n_ports > PLACE_MAX_PORTS || req->pf >= req->n_ports)
		why_add(why, "%u ports with the PF as number %u: wanted 1 .. %u with the PF among them",
			req->n_ports, req->pf, PLACE_MAX_PORTS);
	if (req->n_lcores == 0)
		why_add(why, "no data lcore: give EAL at least two lcores (-l 0,1), the main one moves no "
			     "packets");
	if (req->n_lcores > PLACE_MAX_WORKERS)
		why_add(why, "%u data lcores: at most %u can be used", req->n_lcores, PLACE_MAX_WORKERS);
	if (req->mode == MODE_SPLIT && req->n_lcores == 1)
		why_add(why, "placement \"split\" with one data lcore: wanted two or more, or \"auto\"");
	if (req->n_lcores > PLACE_MAX_WORKERS || req->n_ports > PLACE_MAX_PORTS)
		return;
	for (uint16_t i = 0; i < req->n_ports; i++) {
		check_override(req, i, req->ports[i].rx_lcore, "receive", why);
		check_override(req, i, req->ports[i].tx_lcore, "transmit", why);
	}
}

/* Among the workers of 'set' (NULL = all): the least loaded on the port's NUMA node if it has room for 'load'
 * more below 'cap', else the least loaded of all, rather a near one. */
static unsigned int pick(const struct crew *c, const bool *set, int numa, unsigned int load, unsigned int cap)
{
	unsigned int best = NONE, best_near = NONE;

	for (unsigned int i = 0; i < c->req->n_lcores; i++) {
		if (set && !set[i])
			continue;
		bool is_near = !is_far(numa, c->req->lcore_numa[i]);

		if (is_near && (best_near == NONE || c->load[i] < c->load[best_near]))
			best_near = i;
		if (best == NONE || c->load[i] < c->load[best])
			best = i;
	}
	if (best_near == NONE)
		return best;
	return c->load[best_near] + load <= cap || c->load[best_near] == c->load[best] ? best_near : best;
}

/* The one worker of single placement: the one that overrides name, else one near the PF. */
static void plan_single(struct crew *c, struct place *plan, struct why *why)
{
	const struct place_request *req = c->req;
	unsigned int worker = NONE;

	for (uint16_t i = 0; i < req->n_ports; i++) {
		int named[] = {req->ports[i].rx_lcore, req->ports[i].tx_lcore};

		for (int k = 0; k < 2; k++) {
			unsigned int w = worker_on(req, named[k]);

			if (w != NONE && worker != NONE && w != worker) {
				why_add(why,
					"placement \"single\": port %s is put on lcore %d, others on lcore "
					"%u; "
					"wanted one lcore for all, or \"split\"",
					req->ports[i].device, named[k], req->lcores[worker]);
				return;
			}
			worker = w != NONE ? w : worker;
		}
	}
	if (worker == NONE)
		worker = pick(c, NULL, req->ports[req->pf].numa, 0, 0);
	c->home = worker;
	for (uint16_t i = 0; i < req->n_ports; i++) {
		plan->rx_worker[i] = worker;
		plan->tx_worker[i] = worker;
	}
}

/* Where the PF transmits, if that is said; else a worker that has no other duty by override, near the PF; the
 * second one where all are alike. */
static unsigned int choose_home(const struct crew *c)
{
	const struct place_request *req = c->req;
	int pf_numa = req->ports[req->pf].numa;
	unsigned int best = worker_on(req, req->ports[req->pf].tx_lcore);
	int best_cost = best == NONE ? 4 : -1;

	for (unsigned int k = 1; k <= req->n_lcores; k++) {
		unsigned int i = k % req->n_lcores;
		bool is_named = c->is_rx[i] || c->is_tx[i];
		int cost = 2 * is_named + is_far(pf_numa, req->lcore_numa[i]);

		if (cost < best_cost) {
			best_cost = cost;
			best = i;
		}
	}
	return best;
}

/* Names who receives and who transmits to VF ports: those named by overrides, then as many of the others as
 * the ports can use, receivers first: asking, classifying and switching is most of the work. */
static void share_duties(struct crew *c)
{
	const struct place_request *req = c->req;
	unsigned int n_vf_ports = req->n_ports - 1;
	unsigned int n_rx = 0, n_tx = 0;
	unsigned int n_others = req->n_lcores - 1;
	unsigned int want_rx = n_others <= 2 ? 1 : n_others - 1 < req->n_ports ? n_others - 1 : req->n_ports;
	unsigned int want_tx = n_others - want_rx < n_vf_ports ? n_others - want_rx : n_vf_ports;

	c->is_rx[c->home] = false; /* it serves the ports that name it, and draws no others */
	c->is_tx[c->home] = false;
	for (unsigned int i = 0; i < req->n_lcores; i++) {
		n_rx += c->is_rx[i];
		n_tx += c->is_tx[i];
	}
	for (unsigned int i = 0; i < req->n_lcores; i++) {
		if (i == c->home || c->is_rx[i] || c->is_tx[i])
			continue;
		if (n_rx < want_rx) {
			c->is_rx[i] = true;
			n_rx++;
		} else if (n_tx < want_tx) {
			c->is_tx[i] = true;
			n_tx++;
		}
	}
	if (n_rx == 0) /* all are named to transmit: home has the most to do already */
		for (unsigned int i = 0; i < req->n_lcores; i++)
			c->is_rx[i] = i != c->home;
	if (n_tx == 0 || want_tx == 0) {
		memset(c->is_tx, 0, sizeof(c->is_tx));
		c->is_tx[c->home] = true;
	}
}

/* What a port weighs when spread: to receive, the PF brings what all VFs get. */
static unsigned int weight_of(const struct place_request *req, uint16_t port, bool is_rx)
{
	return is_rx && port == req->pf && req->n_ports > 1 ? req->n_ports - 1U : 1;
}

/* Gives each port a worker: overrides first, for they cannot move, then the PF, for it is the heaviest. */
static void spread(struct crew *c, bool is_rx, unsigned int *worker_of)
{
	const struct place_request *req = c->req;
	const bool *set = is_rx ? c->is_rx : c->is_tx;
	unsigned int n_workers = 0, sum = 0;

	memset(c->load, 0, sizeof(c->load));
	for (unsigned int i = 0; i < req->n_lcores; i++)
		n_workers += set[i];
	for (uint16_t i = 0; i < req->n_ports; i++) {
		unsigned int weight = weight_of(req, i, is_rx);

		worker_of[i] = worker_on(req, is_rx ? req->ports[i].rx_lcore : req->ports[i].tx_lcore);
		if (!is_rx && i == req->pf)
			worker_of[i] = c->home;
		else
			sum += weight;
		if (worker_of[i] != NONE)
			c->load[worker_of[i]] += weight;
	}
	unsigned int cap = (sum + n_workers - 1) / n_workers;

	for (uint16_t k = 0; k < req->n_ports; k++) {
		/* The PF, then the others in their order. */
		uint16_t i = k == 0 ? req->pf : k <= req->pf ? (uint16_t)(k - 1) : k;
		unsigned int weight = weight_of(req, i, is_rx);

		if (worker_of[i] != NONE)
			continue;
		worker_of[i] = pick(c, set, req->ports[i].numa, weight, cap);
		c->load[worker_of[i]] += weight;
	}
}

static void plan_split(struct crew *c, struct place *plan)
{
	const struct place_request *req = c->req;

	for (uint16_t i = 0; i < req->n_ports; i++) {
		unsigned int rx = worker_on(req, req->ports[i].rx_lcore);
		unsigned int tx = worker_on(req, req->ports[i].tx_lcore);

		if (rx != NONE)
			c->is_rx[rx] = true;
		if (tx != NONE && i != req->pf)
			c->is_tx[tx] = true;
	}
	c->home = choose_home(c);
	share_duties(c);
	spread(c, true, plan->rx_worker);
	spread(c, false, plan->tx_worker);
}

/* Numbers the workers that have something to do, in the order of the lcores; the other lcores get none. */
static void number_workers(const struct crew *c, struct place *plan)
{
	const struct place_request *req = c->req;
	bool is_used[PLACE_MAX_WORKERS] = {false};
	unsigned int number[PLACE_MAX_WORKERS] = {0};

	is_used[c->home] = true;
	for (uint16_t i = 0; i < req->n_ports; i++) {
		is_used[plan->rx_worker[i]] = true;
		is_used[plan->tx_worker[i]] = true;
	}
	for (unsigned int i = 0; i < req->n_lcores; i++)
		if (is_used[i]) {
			plan->lcore[plan->n_workers] = req->lcores[i];
			number[i] = plan->n_workers++;
		}
	plan->home = number[c->home];
	for (uint16_t i = 0; i < req->n_ports; i++) {
		int numa = req->ports[i].numa;

		plan->numa_far[i] = is_far(numa, req->lcore_numa[plan->rx_worker[i]]) ||
				    is_far(numa, req->lcore_numa[plan->tx_worker[i]]);
		plan->rx_worker[i] = number[plan->rx_worker[i]];
		plan->tx_worker[i] = number[plan->tx_worker[i]];
	}
}

bool place_plan(const struct place_request *req, struct place *plan, struct why *why)
{
	struct crew c = {.req = req};
	int n_before = why->n + why->n_lost;

	*plan = (struct place){.main_lcore = req->main_lcore};
	check(req, why);
	if (why->n + why->n_lost > n_before)
		return false;
	plan->is_single = req->mode == MODE_SINGLE || req->n_lcores == 1;
	if (plan->is_single)
		plan_single(&c, plan, why);
	else
		plan_split(&c, plan);
	if (why->n + why->n_lost > n_before)
		return false;
	number_workers(&c, plan);
	return true;
}

#define CELL_CHARS 128
#define LIST_CHARS 40 /* a list of ports goes on in the next row after these */

/* Writes "eth0, vhost1 (far)": the ports from *next on that 'worker_of' gives this worker, as many as a cell
 * holds. Moves *next behind them.  Returns whether there were any. */
static bool ports_text(const struct place_request *req, const struct place *plan,
	const unsigned int *worker_of, unsigned int worker, uint16_t *next, char text[CELL_CHARS])
{
	size_t at = 0;

	for (; *next < req->n_ports && at < LIST_CHARS; ++*next) {
		if (worker_of[*next] != worker)
			continue;
		int n = snprintf(text + at, CELL_CHARS - at, "%s%s%s", at > 0 ? ", " : "",
			req->ports[*next].device, plan->numa_far[*next] ? " (far)" : "");

		at += n > 0 ? (size_t)n : 0;
	}
	if (at == 0)
		snprintf(text, CELL_CHARS, "-");
	return at > 0;
}

static void print_worker(struct table *t, const struct place_request *req, const struct place *plan,
	unsigned int worker, const char *numa)
{
	char rx[CELL_CHARS], tx[CELL_CHARS];
	uint16_t next_rx = 0, next_tx = 0;
	bool has_rx = ports_text(req, plan, plan->rx_worker, worker, &next_rx, rx);
	bool has_tx = ports_text(req, plan, plan->tx_worker, worker, &next_tx, tx);

	table_row(t, "%u|%s|%s|%s|%s", plan->lcore[worker], numa, rx,
		worker == plan->home ? "all senders" : "-", tx);
	while (has_rx || has_tx) {
		has_rx = ports_text(req, plan, plan->rx_worker, worker, &next_rx, rx);
		has_tx = ports_text(req, plan, plan->tx_worker, worker, &next_tx, tx);
		if (has_rx || has_tx)
			table_row(t, "||%s||%s", has_rx ? rx : "", has_tx ? tx : "");
	}
}

void place_print(const struct place_request *req, const struct place *plan, FILE *out)
{
	struct table *t = table_create(">lcore|>NUMA node|receives from|schedules|transmits to");

	if (!t)
		return;
	table_row(t, "%u|-|-|main: control only|-", plan->main_lcore);
	for (unsigned int i = 0; i < req->n_lcores && i < PLACE_MAX_WORKERS; i++) {
		char numa[16] = "?";
		unsigned int w = 0;

		if (req->lcore_numa[i] >= 0)
			snprintf(numa, sizeof(numa), "%d", req->lcore_numa[i]);
		while (w < plan->n_workers && plan->lcore[w] != req->lcores[i])
			w++;
		if (w < plan->n_workers)
			print_worker(t, req, plan, w, numa);
		else
			table_row(t, "%u|%s|-|not needed|-", req->lcores[i], numa);
	}
	table_print(t, out, "");
	table_destroy(t);
}
