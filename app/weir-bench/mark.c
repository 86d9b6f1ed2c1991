/* SPDX-License-Identifier: BSD-3-Clause */
/* mark: what marking rules cost a packet beside the look at its headers that every packet costs: rules that all have to
 * be compared, and rules that the first look rules out.  Packets in the cache, without I/O. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "classify.h"
#include "mark.h"

#define N_PKTS 256u
#define ROUNDS 16u
#define BYTES  64u

struct load {
	struct marks *marks;
	uint8_t frames[N_PKTS][BYTES];
	struct pkt pkts[N_PKTS];
	uint64_t sum;	/* so that nothing is left out */
};

static uint64_t without(void *ctx)
{
	struct load *l = ctx;

	for (uint32_t round = 0; round < ROUNDS; round++)
		for (uint32_t i = 0; i < N_PKTS; i++)
			l->sum += (uint64_t)classify_headers(&l->pkts[i]);
	return ROUNDS * N_PKTS;
}

static uint64_t with(void *ctx)
{
	struct load *l = ctx;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		for (uint32_t i = 0; i < N_PKTS; i++) {
			const struct mark_table *t = marks_of(l->marks, i & 1);
			int dscp = classify_headers(&l->pkts[i]);
			l->sum += (uint64_t)(t != NULL ? mark_packet(t, &l->pkts[i], dscp) : dscp);
		}
	}
	return ROUNDS * N_PKTS;
}

static void fill(struct load *l)
{
	static const uint8_t head[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0,
		0, 1, 10, 0, 0, 2, 0x10, 0, 0x10, 1};

	for (uint32_t i = 0; i < N_PKTS; i++) {
		memcpy(l->frames[i], head, sizeof(head));
		l->frames[i][29] = (uint8_t)i;
		l->pkts[i] = (struct pkt){.data = l->frames[i], .bytes = BYTES, .data_bytes = BYTES};
	}
}

/* n rules of either VF, of which the last one matches.  'is_compared': the others differ in their prefix alone. */
static void add_rules(struct load *l, uint32_t n, bool is_compared)
{
	struct mark_rule *rules = bench_alloc((2 * n + 1) * sizeof(*rules));

	for (uint32_t i = 0; i < 2 * n; i++) {
		bool is_last = i / 2 + 1 == n;
		rules[i] = (struct mark_rule){.vf = i & 1, .order = i / 2, .protocol = is_last || is_compared ? 17 : 6,
			.dscps = UINT64_MAX, .set_dscp = 46};
		snprintf(rules[i].name, sizeof(rules[i].name), "r%u", i);
		if (!is_last)
			rules[i].dst = (struct mark_prefix){.address = {10, 1, (uint8_t)i}, .bits = 24, .family = MARK_IPV4};
	}
	l->marks = bench_not_null(marks_create(rules, 2 * n, NULL));
	free(rules);
}

static void run_case(struct bench *b, const char *name, uint32_t n_rules, bool is_compared)
{
	struct load *l = bench_alloc(sizeof(*l));
	struct bench_contender contenders[] = {
		{.name = BENCH_OURS, .ctx = l, .trial = with},
		{.name = "headers only", .ctx = l, .trial = without},
	};

	fill(l);
	add_rules(l, n_rules, is_compared);
	bench_interleave(b, name, contenders, 2, NULL);
	marks_release(l->marks);
	free(l);
}

static void run(struct bench *b)
{
	bench_plan(b, 5);
	run_case(b, "VF without rules", 0, false);
	run_case(b, "1 rule", 1, true);
	run_case(b, "8 rules, all compared", 8, true);
	run_case(b, "64 rules, all compared", MARK_MAX_PER_VF, true);
	run_case(b, "64 rules, 63 of another protocol", MARK_MAX_PER_VF, false);
}

extern const struct bench_suite suite_mark;

const struct bench_suite suite_mark = {
	.name = "mark",
	.about = "marking rules: what 0 to 64 of them cost a packet, in cycles",
	.run = run,
};
