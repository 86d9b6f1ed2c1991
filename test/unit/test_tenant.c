/* SPDX-License-Identifier: BSD-3-Clause */
/* What holds of tenants and of congestion signals in a config.  What is said about mistakes: test_mistakes.c. */
#include <string.h>

#include "clk.h"
#include "conf.h"
#include "unit.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Six lines of a good config; what follows is in [vf a] on vf0, from line 7. */
#define GOOD "[port pf0]\nrole = pf\n[port vf0]\n[port vf1]\n[vf a]\nport = vf0\n"

static struct why why;

static struct conf *parse(const char *text)
{
	why_init(&why);
	return conf_parse("t.conf", text, strlen(text), &why);
}

/* ---- Tenants ---- */

/* Under the PF: VF z, and a tree: top < {mid < {VF a, VF b}, VF c}. */
#define TREE                                                                                                   \
	"[port pf0]\nrole=pf\nrate=1G\n[port vf0]\n[vf z]\nport=vf0\nmac=02:00:00:00:00:01\n%s\n"              \
	"[vf a]\nport=vf0\ntenant=mid\nmac=02:00:00:00:00:02\n%s\n[vf b]\nport=vf0\ntenant=mid\n"              \
	"mac=02:00:00:00:00:03\n%s\n[vf c]\nport=vf0\ntenant=top\nmac=02:00:00:00:00:04\n%s\n"                  \
	"[tenant mid]\nparent=top\n%s\n[tenant top]\n%s\n[switch]\n%s\n"

struct tree {
	const char *z, *a, *b, *c, *mid, *top, *switch_text;
	uint64_t mid_members_bps, mid_owed_bps, top_members_bps, top_owed_bps;
	uint64_t top_owed_pps;
	const char *says; /* NULL: admitted */
};

static const struct tree trees[] = {
	{"", "", "", "", "", "", "", 0, 0, 0, 0, 0, NULL},
	/* Its members' sum, or its own where that is more. */
	{"", "tx.min_bps=60M", "tx.min_bps=120M", "tx.min_bps=12M", "", "", "", 180000000, 180000000, 192000000,
		192000000, 16000, NULL},
	{"", "tx.min_bps=60M", "tx.min_bps=120M", "tx.min_bps=12M", "tx.min_bps=240M", "", "", 180000000, 240000000,
		252000000, 252000000, 21000, NULL},
	{"", "tx.min_bps=60M", "tx.min_bps=120M", "tx.min_bps=12M", "tx.min_bps=240M", "tx.min_bps=100M", "", 180000000,
		240000000, 252000000, 252000000, 21000, NULL},
	{"", "tx.min_bps=60M", "", "tx.min_bps=12M", "tx.min_bps=24M", "tx.min_bps=300M", "", 60000000, 60000000,
		72000000, 300000000, 25000, NULL},
	/* Each unit by itself. */
	{"", "tx.min_bps=60M\ntx.min_pps=1", "", "", "tx.min_pps=1k\ntx.min_bps=1M", "tx.min_pps=900\ntx.min_bps=1M", "",
		60000000, 60000000, 60000000, 60000000, 1000, NULL},
	/* Urgent allowances count, and wire bytes as what they carry. */
	{"", "tx.min_bps=60M\ntx.urgent_bps=90M", "tx.min_bps=30480000\ntx.basis=wire", "", "", "", "", 120000000,
		120000000, 120000000, 120000000, 10000, NULL},
	{"", "", "", "", "tx.min_bps=304.8M\ntx.basis=wire", "", "", 0, 300000000, 300000000, 300000000, 25000, NULL},
	/* Over-committed inside, it counts as what it may have. */
	{"", "tx.min_bps=600M", "tx.min_bps=600M", "", "tx.max_bps=900M\ntx.max_pps=90k", "tx.max_bps=800M", "allow_overcommit=yes",
		1200000000, 900000000, 900000000, 800000000, 90000, NULL},
	/* The link, by who stands under the PF: nobody counts twice. */
	{"tx.min_bps=400M", "tx.min_bps=300M", "tx.min_bps=300M", "", "tx.min_bps=500M", "tx.min_bps=600M", "", 600000000,
		600000000, 600000000, 600000000, 50000, NULL},
	{"tx.min_bps=401M", "tx.min_bps=300M", "tx.min_bps=300M", "", "", "", "", 0, 0, 0, 0, 0,
		"t.conf:27: [tenant top] does not fit: guarantees (the larger of tx.min and tx.urgent of each VF, and of a tenant its tx.min where "
		"that is more) add up to 1.001G of 1G bits/s: wanted at most that"},
	{"tx.min_bps=400M", "tx.min_bps=300M", "tx.min_bps=100M", "", "", "tx.min_bps=601M", "", 0, 0, 0, 0, 0,
		"add up to 1.001G of 1G bits/s"},
	{"tx.min_bps=120M", "tx.min_bps=120M", "", "", "", "tx.min_bps=240M", "packet_capacity=29k", 0, 0, 0, 0, 0,
		"add up to 360M of 1G bits/s and to 30k of 29k packets/s"},
	/* A limit below what members were promised, by itself or by the tenants among them. */
	{"", "tx.min_bps=60M", "tx.min_bps=60M", "", "tx.max_bps=120M", "", "", 120000000, 120000000, 120000000,
		120000000, 10000, NULL},
	{"", "tx.min_bps=60M", "tx.min_bps=60001k", "", "tx.max_bps=120M", "", "", 0, 0, 0, 0, 0,
		"[tenant mid]: guarantees of its members add up to 120.001M bits/s where its limit is 120M, and to 10k "
		"packets/s where it is none"},
	{"", "", "", "tx.min_bps=12M", "tx.min_bps=240M", "tx.max_bps=250M", "", 0, 0, 0, 0, 0,
		"[tenant top]: guarantees of its members add up to 252M bits/s where its limit is 250M"},
	{"", "", "", "tx.min_bps=120M", "", "tx.max_pps=9999", "", 0, 0, 0, 0, 0,
		"[tenant top]: guarantees of its members add up to 120M bits/s where its limit is none, and to 10k "
		"packets/s where it is 9.999k"},
	{"", "", "", "tx.min_bps=120M", "", "tx.max_bps=120M\ntx.basis=wire", "", 0, 0, 0, 0, 0,
		"[tenant top]: guarantees of its members add up to 120M bits/s where its limit is 118.110236M"},
};

START_TEST(a_tenant_counts_as_its_own_guarantee_or_its_members)
{
	const struct tree *t = &trees[_i];
	char text[2048];

	snprintf(text, sizeof(text), TREE, t->z, t->a, t->b, t->c, t->mid, t->top, t->switch_text);
	struct conf *conf = parse(text);
	if (t->says != NULL) {
		ck_assert_ptr_null(conf);
		ck_assert_int_eq(why.n, 1);
		ck_assert_msg(strstr(why.text[0], t->says) != NULL, "case %d: %s", _i, why.text[0]);
		return;
	}
	ck_assert_msg(conf != NULL, "case %d: %s", _i, why.text[0]);
	const struct conf_tenant *mid = &conf->tenants[0], *top = &conf->tenants[1];
	ck_assert_uint_eq(mid->members_bps, t->mid_members_bps);
	ck_assert_uint_eq(mid->owed_bps, t->mid_owed_bps);
	ck_assert_uint_eq(top->members_bps, t->top_members_bps);
	ck_assert_uint_eq(top->owed_bps, t->top_owed_bps);
	ck_assert_uint_eq(top->owed_pps, t->top_owed_pps);
	ck_assert(mid->n_all_vfs == 2 && top->n_all_vfs == 3 && top->n_vfs == 1 && top->n_tenants == 1);
	conf_destroy(conf);
}
END_TEST

START_TEST(tenants_may_be_as_deep_as_promised)
{
	struct conf *conf = parse(GOOD "tenant = d\n[tenant a]\n[tenant d]\nparent = c\n[tenant c]\nparent = b\n"
				       "[tenant b]\nparent = a\ntx.min_bps = 150M\n");

	ck_assert_msg(conf != NULL, "%s", why.text[0]);
	ck_assert_uint_eq(conf->tenants[1].depth, CONF_MAX_DEPTH);
	ck_assert_uint_eq(conf->tenants[0].n_all_vfs, 1);
	ck_assert_uint_eq(conf->tenants[3].tx_eff.min_pps, 12500); /* derived as a VF's */
	ck_assert_uint_eq(conf->tenants[0].owed_pps, 12500);
	conf_destroy(conf);
}
END_TEST

START_TEST(as_many_tenants_as_promised_are_read_and_no_more)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fprintf(f, "[port pf0]\nrole = pf\n[port vf0]\n");
	for (unsigned int i = 0; i < CONF_MAX_TENANTS; i++)
		fprintf(f, "[tenant t%u]\n[vf v%u]\nport = vf0\ntenant = t%u\nmac = 02:00:%02x:%02x:%02x:00\n", i, i, i,
			i >> 16, i >> 8 & 255, i & 255);
	fprintf(f, "[tenant one_more]\n");
	fclose(f);
	ck_assert_ptr_null(parse(text));
	ck_assert_int_eq(why.n, 1);
	ck_assert_ptr_nonnull(strstr(why.text[0], "[tenant one_more]: wanted at most 65536 tenants"));
	*strstr(text, "[tenant one_more]") = '\0';
	struct conf *conf = parse(text);
	ck_assert_msg(conf != NULL, "%s", why.text[0]);
	ck_assert_uint_eq(conf->n_tenants, CONF_MAX_TENANTS);
	for (uint32_t i = 0; i < conf->n_vfs; i++)
		ck_assert_uint_eq(conf->vfs[i].tenant, i);
	conf_destroy(conf);
	free(text);
}
END_TEST

/* ---- Congestion ---- */

START_TEST(marking_begins_at_1_ms_or_3_packets_at_the_slowest_limit)
{
	static const struct {
		const char *text, *tenant;
		uint64_t tx_ns, rx_ns;
	} marks[] = {
		{"tx.max_bps=36M", "", NS_PER_MS, NS_PER_MS},
		{"tx.max_bps=18M", "", 2 * NS_PER_MS, NS_PER_MS},
		{"rx.max_bps=18M", "", NS_PER_MS, 2 * NS_PER_MS},
		{"rx.max_pps=1k\ntx.max_pps=100k", "", NS_PER_MS, 3 * NS_PER_MS},
		{"rx.max_pps=1k\nrx.max_bps=9M", "", NS_PER_MS, 4 * NS_PER_MS},
		{"tx.max_bps=36.576M\ntx.basis=wire", "", NS_PER_MS, NS_PER_MS},
		{"tx.max_bps=18.288M\ntx.basis=wire", "", 2 * NS_PER_MS, NS_PER_MS},
		{"tx.max_bps=1k", "", 36 * NS_PER_S, NS_PER_MS},
		{"tx.max_bps=18M", "tx.max_bps=9M", 4 * NS_PER_MS, NS_PER_MS},
		{"tx.max_bps=18M\nrx.max_bps=1G", "tx.max_bps=90M", 2 * NS_PER_MS, NS_PER_MS},
		{"tx.max_bps=18M\nmark_above=500us", "tx.max_bps=9M", 500 * NS_PER_US, 500 * NS_PER_US},
		{"tx.max_bps=18M\nmark_above=auto", "", 2 * NS_PER_MS, NS_PER_MS},
	};

	for (size_t i = 0; i < LENGTH(marks); i++) {
		char text[512];

		snprintf(text, sizeof(text), GOOD "tenant=t\n%s\n[tenant t]\nparent=u\n[tenant u]\n%s\n", marks[i].text,
			marks[i].tenant);
		struct conf *conf = parse(text);
		ck_assert_msg(conf != NULL, "%s", why.text[0]);
		ck_assert_uint_eq(conf->vfs[0].tx_mark_ns, marks[i].tx_ns);
		ck_assert_uint_eq(conf->vfs[0].rx_mark_ns, marks[i].rx_ns);
		conf_destroy(conf);
	}
}
END_TEST

START_TEST(who_shares_a_port_cannot_be_held)
{
	struct conf *conf = parse(GOOD "mac = 02:00:00:00:00:01\n[vf b]\nport = vf0\nmac = 02:00:00:00:00:02\n"
				       "when_full = drop\n[vf c]\nport = vf1\nwhen_full = hold\necn = no\n");

	ck_assert_msg(conf != NULL, "%s", why.text[0]);
	ck_assert_int_eq(conf->vfs[0].when_full, WHEN_FULL_DROP);
	ck_assert_int_eq(conf->vfs[1].when_full, WHEN_FULL_DROP);
	ck_assert_int_eq(conf->vfs[2].when_full, WHEN_FULL_HOLD);
	ck_assert(conf->vfs[1].ecn && !conf->vfs[2].ecn);
	conf_destroy(conf);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("tenant");
	TCase *tc = tcase_create("tenant");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, a_tenant_counts_as_its_own_guarantee_or_its_members, 0, LENGTH(trees));
	tcase_add_test(tc, tenants_may_be_as_deep_as_promised);
	tcase_add_test(tc, as_many_tenants_as_promised_are_read_and_no_more);
	tcase_add_test(tc, marking_begins_at_1_ms_or_3_packets_at_the_slowest_limit);
	tcase_add_test(tc, who_shares_a_port_cannot_be_held);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
