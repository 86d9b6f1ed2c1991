/* SPDX-License-Identifier: BSD-3-Clause */
#include "aqm.h"
#include "unit.h"

#define MS NS_PER_MS

/* RFC 8289 section 5 in doubles and whole seconds, slow and obvious; as aqm.h says, the next drop's time is set with a
 * drop. */
struct model {
	double first_above_s, drop_next_s, target_s, interval_s;
	uint32_t count, last_count;
	bool is_dropping;
};

/* Newton, not sqrt(): libm is no dependency here. */
static double root(double x)
{
	double y = x > 1 ? x : 1;

	for (int i = 0; i < 100; i++)
		y = (y + x / y) / 2;
	return y;
}

static bool model_should_drop(struct model *m, double waited_s, uint32_t left_pkts, double now_s)
{
	bool is_ok = false;

	if (waited_s < m->target_s || left_pkts <= 1)
		m->first_above_s = 0;
	else if (m->first_above_s == 0)
		m->first_above_s = now_s + m->interval_s;
	else
		is_ok = now_s >= m->first_above_s;
	if (!is_ok && (m->is_dropping && m->first_above_s == 0))
		m->is_dropping = false;
	if (!is_ok)
		return false;
	if (m->is_dropping) {
		if (now_s < m->drop_next_s)
			return false;
		m->count++;
		m->drop_next_s += m->interval_s / root(m->count);
		return true;
	}
	uint32_t delta = m->count - m->last_count;
	m->is_dropping = true;
	m->count = delta > 1 && now_s - m->drop_next_s < 16 * m->interval_s ? delta : 1;
	m->last_count = m->count;
	m->drop_next_s = now_s + m->interval_s / root(m->count);
	return true;
}

/* A queue whose load changes at random: drained at a constant rate, judged by both.  Rounding may move a drop by
 * a packet, never by a microsecond; the model follows.
 * Fails if begin() forgets delta, if control_law() has count + 1, or if is_dropping outlives a short queue. */
START_TEST(drops_come_when_the_rfc_has_them)
{
	const struct codel_terms t = {CODEL_TARGET_NS, CODEL_INTERVAL_NS};
	struct model m = {.target_s = 5e-3, .interval_s = 0.1};
	struct codel c = {0};
	uint64_t seed = (uint64_t)_i, now_ns = 1000 * NS_PER_S * (uint64_t)_i + 1, delay_ns = 0;
	uint64_t goal_ns = 0;
	int n_drops = 0, n_off = 0;

	for (int i = 0; i < 200000; i++) {
		if (i % 5000 == 0)
			goal_ns = unit_random(&seed) % 3 == 0 ? 0 : unit_random(&seed) % (20 * MS);
		delay_ns = delay_ns + (goal_ns > delay_ns ? 1000 : -(uint64_t)(delay_ns > 1000 ? 1000 : 0));
		now_ns += 1 + unit_random(&seed) % 240000;
		uint32_t left = unit_random(&seed) % 1000 == 0 ? 1 : 2;
		bool drop = codel_should_drop(&c, &t, delay_ns, left, now_ns);
		bool want = model_should_drop(&m, (double)delay_ns * 1e-9, left, (double)now_ns * 1e-9);
		n_drops += drop;
		n_off += drop != want;
		if (drop != want) {
			double off = m.drop_next_s - (double)c.drop_next_ns * 1e-9;
			unit_must(off < 1e-6 && off > -1e-6);
			m.drop_next_s = (double)c.drop_next_ns * 1e-9;
			m.count = c.count;
		}
		unit_must(m.count == c.count && m.last_count == c.last_count);
		unit_must(m.is_dropping == c.is_dropping);
	}
	ck_assert_int_gt(n_drops, 40);
	ck_assert_int_lt(n_off, 5);
}
END_TEST

/* Fails with two Newton steps. */
START_TEST(the_inverse_root_is_right_to_a_millionth)
{
	for (uint32_t n = 1; n <= CODEL_MAX_COUNT; n += 1 + n / 1000) {
		double want = 4294967296.0 / root(n), got = codel_inv_sqrt(n);
		unit_must(got <= want * 1.000001 + 1 && got >= want * 0.999999 - 1);
	}
	ck_assert_uint_ge(codel_inv_sqrt(1), UINT32_MAX - 4096);
}
END_TEST

/* A standing queue loses its first packet after an interval, then at intervals / sqrt(n).  Fails if codel_above() does
 * not wait for an interval. */
START_TEST(a_standing_queue_loses_more_and_more)
{
	const struct codel_terms t = {CODEL_TARGET_NS, CODEL_INTERVAL_NS};
	static const uint64_t at_ms[] = {100, 200, 270, 328, 378, 423};
	struct codel c = {0};
	uint32_t n = 0;

	for (uint64_t now_ns = 1; n < 6; now_ns += 10000) {
		if (codel_should_drop(&c, &t, 6 * MS, 100, now_ns))
			ck_assert_uint_eq(now_ns / MS, at_ms[n++]);
		unit_must(now_ns < 500 * MS);
	}
	ck_assert_uint_eq(c.count, 6);
}
END_TEST

/* Bursts shorter than an interval are no standing queue; nor is one packet.  Fails without either compare of
 * codel_should_drop(). */
START_TEST(a_queue_that_drains_within_an_interval_loses_nothing)
{
	const struct codel_terms t = {CODEL_TARGET_NS, CODEL_INTERVAL_NS};
	struct codel c = {0};

	for (uint64_t now_ns = 1; now_ns < 10 * NS_PER_S; now_ns += 100000) {
		bool is_bad = now_ns % (100 * MS) < 95 * MS;
		unit_must(!codel_should_drop(&c, &t, is_bad ? 50 * MS : 4 * MS, 100, now_ns));
		unit_must(!codel_should_drop(&(struct codel){1, 1, 1, 1, 1}, &t, 50 * MS, 1, now_ns));
	}
}
END_TEST

/* Fails if count is not kept below its most: the fields overflow. */
START_TEST(a_flood_of_hours_overflows_nothing)
{
	const struct codel_terms t = {CODEL_TARGET_NS, CODEL_INTERVAL_NS};
	struct codel c = {0};

	for (uint64_t now_ns = UINT64_C(1) << 62, end_ns = now_ns + 4 * 3600 * NS_PER_S; now_ns < end_ns;
		now_ns += 5 * MS)
		codel_should_drop(&c, &t, 10 * NS_PER_S, UINT32_MAX, now_ns);
	ck_assert_uint_gt(c.count, 1000000);
	ck_assert_uint_le(c.count, CODEL_MAX_COUNT);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("aqm");
	TCase *tc = tcase_create("aqm");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, drops_come_when_the_rfc_has_them, 0, 20);
	tcase_add_test(tc, the_inverse_root_is_right_to_a_millionth);
	tcase_add_test(tc, a_standing_queue_loses_more_and_more);
	tcase_add_test(tc, a_queue_that_drains_within_an_interval_loses_nothing);
	tcase_add_test(tc, a_flood_of_hours_overflows_nothing);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
