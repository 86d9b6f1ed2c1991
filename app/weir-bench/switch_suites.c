/* SPDX-License-Identifier: BSD-3-Clause */
/* The suites that need processes: weir as a whole switch, beside dpdk-testpmd.  scripts/switchbench starts, measures and
 * ends them; here its rows become ours. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define QUICK_LIMIT_S 60	/* it takes 20; a machine that is busy elsewhere, longer */
#define FULL_LIMIT_S  240
#define KIND_END_S    15
#define LINE_BYTES    512
#define N_FIELDS      6

struct child {
	pid_t pid;
	int out;
	char line[LINE_BYTES];
	size_t used;
	unsigned int n_rows;
};

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* The build tree we are in: the program is in app/weir-bench.  false when it is not there (installed). */
static bool find_build(char *dir, size_t size)
{
	char path[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", dir, size - 1);

	if (n <= 0)
		return false;
	dir[n] = '\0';
	for (unsigned int up = 0; up < 3; up++) {
		char *slash = strrchr(dir, '/');
		if (slash == NULL || slash == dir)
			return false;
		*slash = '\0';
	}
	snprintf(path, sizeof(path), "%s/app/weir/weir", dir);
	return access(path, X_OK) == 0 && access(BENCH_SWITCH_SCRIPT, X_OK) == 0;
}

/* In the child.  We are pinned to the measuring CPU: the processes need the others too. */
_Noreturn static void run_script(const struct bench *b, const char *suite, const char *build, int out)
{
	char cpu[16];
	cpu_set_t set;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	CPU_ZERO(&set);
	CPU_SET(bench_cpu(b), &set);
	if (bench_other_cpu(b) >= 0)
		CPU_SET((unsigned int)bench_other_cpu(b), &set);
	sched_setaffinity(0, sizeof(set), &set);
	unsetenv("GLIBC_TUNABLES");
	snprintf(cpu, sizeof(cpu), "%u", bench_cpu(b));
	dup2(out, STDOUT_FILENO);
	close(out);
	/* NULL ends the list early where nothing is to be quick */
	execl(BENCH_SWITCH_SCRIPT, "switchbench", "--rows", "--suite", suite, "--build", build, "--cpu", cpu,
		bench_is_quick(b) ? "--quick" : (char *)NULL, (char *)NULL);
	_exit(127);
}

static bool start(struct child *c, const struct bench *b, const char *suite, const char *build)
{
	int ends[2];

	if (pipe(ends) != 0)
		return false;
	fflush(NULL);
	c->pid = fork();
	if (c->pid == 0) {
		close(ends[0]);
		run_script(b, suite, build, ends[1]);
	}
	close(ends[1]);
	c->out = ends[0];
	if (c->pid < 0)
		close(ends[0]);
	return c->pid > 0;
}

/* "row", case, contender, metric, value, unit with tabs between; "note" and a text; all else is progress. */
static void take_line(struct child *c, struct bench *b)
{
	char *field[N_FIELDS], *rest = c->line;
	unsigned int n = 0;

	while (n < N_FIELDS && (field[n] = strsep(&rest, "\t")) != NULL)
		n++;
	if (n == N_FIELDS && strcmp(field[0], "row") == 0) {
		bench_row(b, field[1], field[2], field[3], strtod(field[4], NULL), field[5]);
		c->n_rows++;
	} else if (n == 2 && strcmp(field[0], "note") == 0) {
		bench_note(b, "%s", field[1]);
	} else {
		bench_progress(b, "%s", field[0]);
	}
}

static void take(struct child *c, struct bench *b, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] != '\n') {
			if (c->used + 1 < sizeof(c->line))
				c->line[c->used++] = text[i];
			continue;
		}
		c->line[c->used] = '\0';
		c->used = 0;
		take_line(c, b);
	}
}

/* Reads all it says.  false when it did not end in time. */
static bool follow(struct child *c, struct bench *b, time_t end_s)
{
	struct pollfd fd = {.fd = c->out, .events = POLLIN};
	char text[4096];

	while (now_s() < end_s) {
		if (poll(&fd, 1, 500) <= 0)
			continue;
		ssize_t n = read(c->out, text, sizeof(text));
		if (n == 0 || (n < 0 && errno != EINTR))
			return true;
		take(c, b, text, n > 0 ? (size_t)n : 0);
	}
	return false;
}

/* Waits for it, kindly, then not.  Its own children die with it. */
static int end(struct child *c, bool is_late)
{
	time_t end_s = now_s() + KIND_END_S;
	const struct timespec nap = {.tv_nsec = 50 * 1000 * 1000};
	int status = 0;

	if (is_late)
		kill(c->pid, SIGTERM);
	while (waitpid(c->pid, &status, WNOHANG) == 0) {
		if (now_s() >= end_s)
			kill(c->pid, SIGKILL);
		nanosleep(&nap, NULL);
	}
	close(c->out);
	return status;
}

static void run_suite(struct bench *b, const char *suite)
{
	struct child c = {.pid = -1};
	char build[PATH_MAX];

	if (!find_build(build, sizeof(build))) {
		bench_note(b, "not measured: weir and scripts/switchbench are found from a build tree only");
		return;
	}
	if (bench_other_cpu(b) < 0) {
		bench_note(b, "not measured: needs a second CPU");
		return;
	}
	if (!start(&c, b, suite, build)) {
		bench_note(b, "not measured: %s", strerror(errno));
		return;
	}
	bool is_whole = follow(&c, b, now_s() + (bench_is_quick(b) ? QUICK_LIMIT_S : FULL_LIMIT_S));
	int status = end(&c, !is_whole);
	if (!is_whole)
		bench_note(b, "took too long, and was ended");
	else if (status != 0 || c.n_rows == 0)
		bench_note(b, "scripts/switchbench --suite %s --build %s failed: run it to see why", suite, build);
}

#define CASE_PCAP  "64 B, 1000 VFs"
#define CASE_VHOST "64 B, two guests, both ways"

static void run_pcap(struct bench *b)
{
	run_suite(b, "switch_pcap");
	bench_bar(b, "switch: rate over that of testpmd mac", bench_value(b, CASE_PCAP, BENCH_OURS,
		"ratio to testpmd mac"), BENCH_AT_LEAST, 0.55, "x");
}

static void run_vhost(struct bench *b)
{
	run_suite(b, "switch_vhost");
	bench_bar(b, "switch, vhost-user ports: rate over that of testpmd io", bench_value(b, CASE_VHOST, BENCH_OURS,
		"ratio to testpmd io"), BENCH_AT_LEAST, 0.6, "x");
}

static void run_idle(struct bench *b)
{
	run_suite(b, "switch_idle");
}

static void run_null(struct bench *b)
{
	run_suite(b, "switch_null");
}

static void run_io_floor(struct bench *b)
{
	run_suite(b, "io_floor");
}

extern const struct bench_suite suite_switch_pcap, suite_switch_vhost, suite_switch_idle, suite_switch_null, suite_io_floor;

const struct bench_suite suite_switch_pcap = {
	.name = "switch_pcap",
	.about = "the whole switch, 1000 VFs by source MAC with SLAs, beside testpmd on the same ports: Mp/s, cycles a packet",
	.run = run_pcap,
};

const struct bench_suite suite_switch_vhost = {
	.name = "switch_vhost",
	.about = "the whole switch between vhost-user guests, beside testpmd io: Mp/s, cycles a packet",
	.run = run_vhost,
};

const struct bench_suite suite_switch_idle = {
	.name = "switch_idle",
	.about = "the whole switch with SLAs and with none: what bounds cost a packet, in cycles",
	.run = run_idle,
};

const struct bench_suite suite_switch_null = {
	.name = "switch_null",
	.about = "testpmd on null ports: what a packet's I/O costs here, in cycles",
	.run = run_null,
};

const struct bench_suite suite_io_floor = {
	.name = "io_floor",
	.about = "vhost-user guests: what a packet costs in I/O alone, in the switch, and with its SLAs, in cycles",
	.run = run_io_floor,
};
