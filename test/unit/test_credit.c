/* SPDX-License-Identifier: BSD-3-Clause */
#include "credit.h"
#include "unit.h"

/* The bank in bits, as one would do it by hand. */
struct model {
	double base_bps, bits, most_bits;
	uint64_t at_ns;
};

static void model_look(struct model *m, double bits, uint64_t now_ns)
{
	m->bits += m->base_bps * (double)(now_ns - m->at_ns) / 1e9;
	m->bits = (m->bits < m->most_bits ? m->bits : m->most_bits) - bits;
	m->at_ns = now_ns;
}

static double bits_of(const struct credit *c, double base_bps, uint64_t now_ns)
{
	return (double)credit_left_ns(c, now_ns) * base_bps / 1e9;
}

/* Terms come and change; whoever may go above his limit sends at his peak, else anything up to it.
 * Fails if the bank is kept in time over a change, if it has no bound, or if what left before a change is charged anew. */
START_TEST(the_bank_is_what_a_slow_look_keeps)
{
	uint64_t seed = (uint64_t)_i, now_ns = (uint64_t)_i << 40, bytes = 12345, pkts = 17;
	struct credit c = {0};
	struct model m = {.at_ns = now_ns};
	uint64_t base = 0, peak = 0;

	for (int i = 0; i < 20000; i++) {
		if (i % 500 == 0) {
			base = 1000000 + unit_random(&seed) % 1000000000;
			peak = base + 1 + unit_random(&seed) % (10 * base);
			uint64_t bank_ns = NS_PER_S * (1 + unit_random(&seed) % 100);
			credit_look(&c, bytes, pkts, now_ns);
			credit_set(&c, base, peak, bank_ns, 0, bytes, pkts, now_ns);
			m.base_bps = (double)base;
			m.most_bits = (double)base * (double)bank_ns / 1e9;
			model_look(&m, 0, now_ns);
		}
		uint64_t took_ns = 1 + unit_random(&seed) % (i % 1000 < 200 ? 100 * NS_PER_MS : NS_PER_MS);
		double bps = (double)(c.is_open ? peak : base) * (i % 1000 < 200 ? 0.1 : 1);
		uint64_t more = (uint64_t)(bps * (double)took_ns / 8e9);
		now_ns += took_ns;
		bytes += more;
		pkts++;
		bool was_open = c.is_open;
		ck_assert(credit_look(&c, bytes, pkts, now_ns) == (was_open != c.is_open));
		model_look(&m, 8.0 * (double)more, now_ns);
		double off = bits_of(&c, m.base_bps, now_ns) - m.bits;
		ck_assert_msg(off < 1 + m.most_bits * 1e-6 && off > -1 - m.most_bits * 1e-6, "seed %d, step %d: %.1f bits, not %.1f", _i, i,
			m.bits + off, m.bits);
		ck_assert(!c.is_open || m.bits > 0);
	}
}
END_TEST

/* As far as the next look comes as soon as this one.  Fails if it ends only when nothing is left. */
START_TEST(it_ends_before_the_bank_does)
{
	struct credit c = {0};
	uint64_t now_ns = 10 * NS_PER_S, bytes = 0;

	credit_set(&c, 100000000, 1000000000, NS_PER_S, 0, 0, 0, now_ns);
	for (int i = 0; i < 20000; i++)
		credit_look(&c, 0, 0, now_ns += NS_PER_MS / 10);
	ck_assert(c.is_open);
	for (int i = 0; i < 20000; i++) {
		now_ns += NS_PER_MS / 10;
		bytes += c.is_open ? 12500 : 1250;
		credit_look(&c, bytes, 0, now_ns);
		ck_assert_int_ge(credit_left_ns(&c, now_ns), 0);
	}
	ck_assert(!c.is_open);
	ck_assert_int_le(credit_left_ns(&c, now_ns), 2 * (int64_t)NS_PER_MS);
}
END_TEST

/* Fails if the difference is forgiven. */
START_TEST(what_a_late_look_overdrew_is_owed)
{
	struct credit c = {0};
	uint64_t now_ns = 10 * NS_PER_S;

	credit_set(&c, 100000000, 1000000000, NS_PER_S, 0, 0, 0, now_ns);
	for (int i = 0; i < 1000; i++)
		credit_look(&c, 0, 0, now_ns += NS_PER_MS);
	ck_assert(c.is_open);
	ck_assert(credit_look(&c, 1000000000 / 8, 0, now_ns += NS_PER_S));	/* 1 s at the peak: 10 s of the limit */
	ck_assert(!c.is_open);
	ck_assert_int_le(credit_left_ns(&c, now_ns), -8 * (int64_t)NS_PER_S + 2000);
	for (int i = 0; i < 7900; i++)
		ck_assert(!credit_look(&c, 1000000000 / 8, 0, now_ns += NS_PER_MS));
}
END_TEST

/* Fails if credits that were taken away are still there when they are sold again. */
START_TEST(new_credits_begin_empty)
{
	struct credit c = {0};
	uint64_t now_ns = 10 * NS_PER_S;

	credit_set(&c, 100000000, 200000000, NS_PER_S, 24, 500, 5, now_ns);
	credit_look(&c, 500, 5, now_ns += 2 * NS_PER_S);
	ck_assert_int_eq(credit_left_ns(&c, now_ns), NS_PER_S);
	credit_set(&c, 0, 0, 0, 0, 500, 5, now_ns);
	ck_assert(!credit_look(&c, 700, 6, now_ns += NS_PER_S) && !c.is_open);
	credit_set(&c, 100000000, 200000000, NS_PER_S, 24, 700, 6, now_ns);
	ck_assert_int_eq(credit_left_ns(&c, now_ns), 0);
	credit_look(&c, 700 + 1226, 7, now_ns);		/* 1,250 bytes on the wire: 100 us */
	ck_assert_int_eq(credit_left_ns(&c, now_ns), -100000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("credit");
	TCase *tc = tcase_create("credit");

	tcase_add_loop_test(tc, the_bank_is_what_a_slow_look_keeps, 0, 20);
	tcase_add_test(tc, it_ends_before_the_bank_does);
	tcase_add_test(tc, what_a_late_look_overdrew_is_owed);
	tcase_add_test(tc, new_credits_begin_empty);
	suite_add_tcase(s, tc);
	return unit_run(s);
}
