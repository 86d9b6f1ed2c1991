/* SPDX-License-Identifier: BSD-3-Clause */
/* Contract 3 in whole worlds of the simulator: random SLA sets and demands, tenants among them, get what allocate_tree() computes, through the same
 * reader, switch, asking order and scheduler as in weir, counted where packets arrive.  A set's number is its seed, and is told with
 * what is wrong; how far off the worst was is told in any case. */
#include <stdio.h>
#include <string.h>

#include "allocate.h"
#include "clk.h"
#include "unit.h"
#include "world.h"

#define LINK_BPS  50000000.0
#define N_LOOPS	  10
#define N_SETS	  200	/* a loop: 2,000 in all; WEIR_SIM_SETS=1000 in the environment takes so many a loop */
#define TOLERANCE 0.005	/* of the rate itself, so that a slow VF's is looked at too, and ... */
#define MORE_PKTS 3	/* ... so many packets of 1500 bytes: at either end of the span, and of a turn */
#define MOST_VFS  30	/* a port each */
#define MOST_TENANTS 4
#define WARM_NS	  (150 * NS_PER_MS)
#define SPAN_NS	  (400 * NS_PER_MS)	/* a packet is 0.06 % of it */
#define END_NS	  (5 * NS_PER_MS)

static double draw_real(uint64_t *seed)
{
	return (double)(unit_random(seed) >> 11) / 9007199254740992.0;
}

/* A VF as it is sold and used, in both units. */
struct drawn {
	uint64_t min_bps, min_pps, max_bps, max_pps, rate_bps;	/* 0: not set; a rate of 0: all it can */
	uint32_t bytes, weight;
	unsigned int priority;
	uint32_t parent;		/* 1 + the tenant's number; 0: none */
};

static struct drawn draw(uint64_t *seed, double *room)
{
	static const uint32_t sizes[] = {64, 200, 500, 1000, 1500};
	struct drawn d = {
		.bytes = sizes[unit_random(seed) % 5],
		.weight = 1 + (uint32_t)(unit_random(seed) % 10),
		.priority = (unsigned int)(unit_random(seed) % 3),
	};

	if (unit_random(seed) % 2 && *room > 100000) {
		d.min_bps = 50000 + (uint64_t)(draw_real(seed) * *room / 2);
		*room -= (double)d.min_bps;
	}
	if (d.min_bps > 0 && unit_random(seed) % 2)	/* packets too, for its own size or fewer */
		d.min_pps = 1 + (uint64_t)((double)d.min_bps / 8 / d.bytes * (0.3 + draw_real(seed)));
	if (unit_random(seed) % 2)
		d.max_bps = d.min_bps + 50000 + (uint64_t)(0.5 * draw_real(seed) * LINK_BPS);
	if (unit_random(seed) % 3 == 0)
		d.max_pps = (d.min_pps > 0 ? d.min_pps : d.min_bps / 8 / 1500 + 1) + 100 +
			(uint64_t)(draw_real(seed) * LINK_BPS / 8 / d.bytes / 2);
	if (unit_random(seed) % 2)
		d.rate_bps = 50000 + (uint64_t)(0.6 * draw_real(seed) * LINK_BPS);
	return d;
}

/* Its members send packets of one size and have no minimum in packets of their own: of several both clocks of the tenant
 * would bind, one after the other, and what that comes to is not to be computed in one unit. */
static struct drawn draw_tenant(uint64_t *seed, double *room)
{
	struct drawn t = draw(seed, room);

	t.min_pps = t.max_pps = t.rate_bps = 0;
	if (t.max_bps > 0)
		t.max_bps += (uint64_t)(0.5 * LINK_BPS);	/* what its members are promised fits: room is less */
	return t;
}

/* In one of the tenants, or in none. */
static struct drawn draw_member(uint64_t *seed, double *room, const struct drawn *tenants, uint32_t n_tenants)
{
	struct drawn d = draw(seed, room);

	d.parent = n_tenants > 0 ? (uint32_t)(unit_random(seed) % (n_tenants + 1)) : 0;
	if (d.parent == 0)
		return d;
	d.bytes = tenants[d.parent - 1].bytes;
	d.min_pps = 0;
	if (d.max_pps > 0)
		d.max_pps += d.min_bps / 8 / 1500 + 1;
	return d;
}

static void write_tenant(FILE *f, uint32_t i, const struct drawn *d)
{
	fprintf(f, "[tenant t%u]\ntx.weight = %u\ntx.priority = %u\n", i, d->weight, d->priority);
	if (d->min_bps > 0)
		fprintf(f, "tx.min_bps = %lu\n", (unsigned long)d->min_bps);
	if (d->max_bps > 0)
		fprintf(f, "tx.max_bps = %lu\n", (unsigned long)d->max_bps);
}

static void write_vf(FILE *f, uint32_t i, const struct drawn *d)
{
	fprintf(f, "[port p%u]\n[vf v%u]\nport = p%u\nmac = 02:00:00:00:01:%02x\ntx.weight = %u\ntx.priority = %u\n", i, i, i, i,
		d->weight, d->priority);
	if (d->min_bps > 0)
		fprintf(f, "tx.min_bps = %lu\n", (unsigned long)d->min_bps);
	if (d->min_pps > 0)
		fprintf(f, "tx.min_pps = %lu\n", (unsigned long)d->min_pps);
	if (d->max_bps > 0)
		fprintf(f, "tx.max_bps = %lu\n", (unsigned long)d->max_bps);
	if (d->max_pps > 0)
		fprintf(f, "tx.max_pps = %lu\n", (unsigned long)d->max_pps);
	if (d->parent > 0)
		fprintf(f, "tenant = t%u\n", d->parent - 1);
	fprintf(f, "[traffic t%u]\nfrom = v%u\nsize = %u\n", i, i, d->bytes);
	if (d->rate_bps > 0)
		fprintf(f, "rate = %lu\n", (unsigned long)d->rate_bps);
	else
		fprintf(f, "rate = max\n");
}

/* In bits of its own packets: the stricter of both units. */
static struct want want_of(const struct drawn *d)
{
	double bits = 8.0 * d->bytes, min_pps = d->min_pps > 0 ? (double)d->min_pps : (double)d->min_bps / 8 / 1500;
	struct want w = {
		.min = (double)d->min_bps < min_pps * bits ? (double)d->min_bps : min_pps * bits,
		.max = d->max_bps > 0 ? (double)d->max_bps : 2 * LINK_BPS,
		.demand = d->rate_bps > 0 ? (double)d->rate_bps : 2 * LINK_BPS,
		.weight = d->weight,
		.priority = d->priority,
	};

	if (d->max_pps > 0 && (double)d->max_pps * bits < w.max)
		w.max = (double)d->max_pps * bits;
	return w;
}

static struct world *create(const char *ini, size_t size, struct scenario **s)
{
	static struct why why;

	why_init(&why);
	*s = scenario_parse("set", ini, size, &why);
	ck_assert_msg(*s != NULL, "%s", why.text[0]);
	struct world *w = world_create(*s, &why);
	ck_assert_msg(w != NULL, "%s", why.text[0]);
	return w;
}

static void run(struct world *w, uint64_t until_ns)
{
	static struct why why;

	why_init(&why);
	ck_assert_msg(world_run(w, until_ns, &why), "%s", why.text[0]);
}

/* -> the largest error of a rate, as a part of the link. */
static double check_set(uint64_t number)
{
	static struct why why;
	struct want wants[MOST_VFS + MOST_TENANTS];
	struct drawn tenants[MOST_TENANTS];
	uint64_t seed = number;
	double worst = 0;
	uint32_t n = 2 + (uint32_t)(unit_random(&seed) % (MOST_VFS - 1));
	uint32_t n_tenants = number % 2 * (uint32_t)(unit_random(&seed) % (MOST_TENANTS + 1));
	double room = LINK_BPS * (n_tenants > 0 ? 0.45 : 0.9);
	struct scenario *s;
	char *ini;
	size_t size;
	FILE *f = open_memstream(&ini, &size);

	fprintf(f, "[sim]\nduration = 2s\nturn = 50us\nseed = %lu\n[port up]\nrole = pf\nrate = 50M\nlink_basis = l2\n",
		(unsigned long)number);
	for (uint32_t i = 0; i < n_tenants; i++) {
		tenants[i] = draw_tenant(&seed, &room);
		wants[n + i] = want_of(&tenants[i]);
		wants[n + i].is_tenant = true;
		write_tenant(f, i, &tenants[i]);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct drawn d = draw_member(&seed, &room, tenants, n_tenants);
		wants[i] = want_of(&d);
		wants[i].parent = d.parent > 0 ? n + d.parent : 0;
		write_vf(f, i, &d);
	}
	fclose(f);
	struct world *w = create(ini, size, &s);
	allocate_tree(wants, n + n_tenants, LINK_BPS);
	run(w, WARM_NS);
	world_mark(w);
	run(w, WARM_NS + SPAN_NS);
	for (uint32_t i = 0; i < n; i++) {
		double got = (double)world_figures(w, i, WORLD_TX)->got_bytes * 8e9 / (double)world_span_ns(w);
		double off_bps = got > wants[i].rate ? got - wants[i].rate : wants[i].rate - got;
		ck_assert_msg(off_bps <= TOLERANCE * wants[i].rate + MORE_PKTS * 12e3 * 1e9 / SPAN_NS,
			"seed %lu, v%u: %.0f b/s, the contract says %.0f; of\n%s", (unsigned long)number, i, got, wants[i].rate, ini);
		worst = off_bps / LINK_BPS > worst ? off_bps / LINK_BPS : worst;
	}
	why_init(&why);
	ck_assert_msg(world_end(w, END_NS, &why), "seed %lu: %s", (unsigned long)number, why.text[0]);
	world_destroy(w);
	scenario_destroy(s);
	free(ini);
	return worst;
}

/* Fails if order_next() looks at shares before deadlines, or if charge_share() forgets the weight. */
START_TEST(simulated_rates_are_what_the_contract_computes)
{
	const char *wanted = getenv("WEIR_SIM_SETS");
	uint64_t n = wanted != NULL ? strtoull(wanted, NULL, 10) : N_SETS, first = (uint64_t)_i * n;
	double worst = 0;

	for (uint64_t i = 0; i < n; i++) {
		double error = check_set(first + i);
		worst = error > worst ? error : worst;
	}
	fprintf(stderr, "seeds %lu to %lu: a rate was off by %.3f %% of the link at most\n", (unsigned long)first,
		(unsigned long)(first + n - 1), worst * 100);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sim");
	TCase *tc = tcase_create("oracle");

	tcase_set_timeout(tc, 3600);	/* meson bounds it */
	tcase_add_loop_test(tc, simulated_rates_are_what_the_contract_computes, 0, N_LOOPS);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
