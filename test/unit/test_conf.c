/* SPDX-License-Identifier: BSD-3-Clause */
/* What a config may say, and what holds in the end.  What is said about mistakes: test_mistakes.c. */
#include <dirent.h>
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

/* ---- What was read ---- */

static const char every_key[] =
	"[switch]\npacket_capacity=190k\nguarantee_size=1000\nallow_overcommit=yes\nrequire_tenant=yes\nplacement="
	"split\nturn_packets=64\n"
	"turn_time=20us\nmbufs=8192\ndrain_time=0s\n[classes]\nhigh=8\nmedium=4\nlow=2\n"
	"[port "
	"vf0]\nrole=vf\nrate=2G\nlink_basis=wire\nmtu=9000\nqueues=4\nrx_descriptors=512\ntx_"
	"descriptors=auto\n"
	"numa=1\nrx_lcore=3\ntx_lcore=auto\n[port "
	"net_memif0]\nrole=pf\nbroadcast_pps=5\ntrusted=yes\n[dscp m]\ndefault=standard\n"
	"[vf a]\nport=vf0\nmac=02:00:00:00:00:01 , 02:00:00:00:00:02\ntrunk=10 , 20 - "
	"22\nnative=5\nantispoof=no\n"
	"broadcast_pps=0\nqueue=512\nreceive_queue=64\ndscp_map=m\ntx.min_bps=1M\ntx.max_bps="
	"2M\ntx.min_pps=3\ntx.max_pps=4\n"
	"tx.urgent_bps=5k\ntx.urgent_pps=1\ntx.burst=2ms\ntx.weight=7\ntx.priority=6\nrx.max_"
	"bps=8M\nrx.max_pps=9\n"
	"rx.urgent_bps=1k\nrx.urgent_pps=2\nrx.burst=3ms\nrx.weight=5\nrx.priority=4\n"
	"tx.peak_bps=9M\ntx.credit=60s\ntenant=t\nwhen_full=drop\necn=yes\nmark_above=2ms\ntx.basis=wire\n"
	"[tenant t]\nparent=u\ntx.min_bps=3M\ntx.max_bps=4M\ntx.min_pps=5\ntx.max_pps=6\ntx.burst=4ms\ntx.weight=8\n"
	"tx.priority=1\ntx.basis=wire\n[tenant u]\n";

static void check_every_switch_key(const struct conf *conf)
{
	ck_assert_str_eq(conf->file, "t.conf");
	ck_assert_uint_eq(conf->packet_capacity_pps, 190000);
	ck_assert_uint_eq(conf->guarantee_bytes, 1000);
	ck_assert(conf->allow_overcommit);
	ck_assert(conf->require_tenant);
	ck_assert_int_eq(conf->placement, PLACE_SPLIT);
	ck_assert_uint_eq(conf->turn_pkts, 64);
	ck_assert_uint_eq(conf->turn_ns, 20 * NS_PER_US);
	ck_assert_uint_eq(conf->n_mbufs, 8192);
	ck_assert_uint_eq(conf->drain_ns, 0);
	ck_assert_uint_eq(conf->class_weight[TC_HIGH], 8);
	ck_assert_uint_eq(conf->class_weight[TC_MEDIUM], 4);
	ck_assert_uint_eq(conf->class_weight[TC_LOW], 2);
	ck_assert_uint_eq(conf->n_ports, 2);
	ck_assert_uint_eq(conf->pf, 1);
}

static void check_every_port_key(const struct conf *conf)
{
	const struct conf_port *p = &conf->ports[0];

	ck_assert_str_eq(p->device, "vf0");
	ck_assert_uint_eq(p->rate_bps, 2000000000);
	ck_assert(p->basis_set && p->basis == BASIS_WIRE);
	ck_assert_uint_eq(p->mtu, 9000);
	ck_assert_uint_eq(p->n_queues, 4);
	ck_assert_uint_eq(p->n_rx_desc, 512);
	ck_assert_uint_eq(p->n_tx_desc, 0);
	ck_assert_int_eq(p->numa, 1);
	ck_assert_uint_eq(p->n_vfs, 1);
	ck_assert_int_eq(conf->rx_lcore[0], 3);
	ck_assert_int_eq(conf->tx_lcore[0], -1);
	ck_assert(!conf->ports[1].basis_set && conf->ports[1].trusted && !p->trusted);
	ck_assert_uint_eq(conf->ports[1].broadcast_pps, 5);
}

static void check_every_vf_key(const struct conf *conf)
{
	ck_assert_uint_eq(conf->n_vfs, 1);
	const struct conf_vf *vf = &conf->vfs[0];
	ck_assert_str_eq(vf->name, "a");
	ck_assert_uint_eq(vf->port, 0);
	ck_assert_uint_eq(vf->n_macs, 2);
	ck_assert_uint_eq(vf->mac[1][0], 2);
	ck_assert_uint_eq(vf->mac[1][5], 2);
	ck_assert_int_eq(vf->vlan_mode, VLAN_TRUNK);
	ck_assert_uint_eq(vf->vid, 5);
	ck_assert_uint_eq(vf->trunk[0], UINT64_C(1) << 10 | UINT64_C(7) << 20);
	ck_assert(!vf->antispoof);
	ck_assert_uint_eq(vf->broadcast_pps, 0);
	ck_assert_uint_eq(vf->queue_pkts, 512);
	ck_assert_uint_eq(vf->receive_queue_pkts, 64);
	ck_assert_uint_eq(vf->dscp_map, 1);
	const struct sla tx = {1000000, 2000000, 3, 4, 5000, 1, 2 * NS_PER_MS, 9000000, 60 * NS_PER_S, 7, 6, BASIS_L2, false, 0};
	const struct sla rx = {0, 8000000, 0, 9, 1000, 2, 3 * NS_PER_MS, 0, 0, 5, 4, BASIS_L2, false, 0};
	ck_assert_mem_eq(&vf->tx, &tx, offsetof(struct sla, basis));
	ck_assert_mem_eq(&vf->tx_eff, &tx, offsetof(struct sla, basis));
	ck_assert_mem_eq(&vf->rx, &rx, offsetof(struct sla, basis));
	ck_assert_mem_eq(&vf->rx_eff, &rx, offsetof(struct sla, basis));
	ck_assert(vf->tx.basis == BASIS_WIRE && vf->tx_eff.basis == BASIS_WIRE && vf->rx_eff.basis == BASIS_L2);
	ck_assert(!vf->tx_eff.burst_auto && !vf->rx_eff.burst_auto);
	ck_assert_uint_eq(vf->tenant, 0);
	ck_assert_int_eq(vf->when_full, WHEN_FULL_DROP);
	ck_assert(vf->ecn);
	ck_assert_uint_eq(vf->mark_above_ns, 2 * NS_PER_MS);
	ck_assert_uint_eq(vf->tx_mark_ns, 2 * NS_PER_MS);
	ck_assert_uint_eq(vf->rx_mark_ns, 2 * NS_PER_MS);
}

static void check_every_tenant_key(const struct conf *conf)
{
	const struct sla tx = {3000000, 4000000, 5, 6, 0, 0, 4 * NS_PER_MS, 0, 0, 8, 1, BASIS_WIRE, false, 0};

	ck_assert_uint_eq(conf->n_tenants, 2);
	const struct conf_tenant *t = &conf->tenants[0], *u = &conf->tenants[1];
	ck_assert_str_eq(t->name, "t");
	ck_assert_uint_eq(t->parent, 1);
	ck_assert_mem_eq(&t->tx, &tx, offsetof(struct sla, basis) + 1);
	ck_assert_mem_eq(&t->tx_eff, &tx, offsetof(struct sla, basis) + 1);
	ck_assert(!t->tx_eff.burst_auto && u->tx_eff.burst_auto);
	ck_assert(t->depth == 2 && u->depth == 1 && u->parent == CONF_NO_TENANT);
	ck_assert(t->n_vfs == 1 && u->n_vfs == 0 && t->n_all_vfs == 1 && u->n_all_vfs == 1);
	ck_assert(t->n_tenants == 0 && u->n_tenants == 1);
	ck_assert(conf_tenant_of(conf, t->parent) == u && conf_tenant_of(conf, u->parent) == NULL);
}

START_TEST(every_key_lands_in_its_place)
{
	struct conf *conf = parse(every_key);

	ck_assert_msg(conf != NULL, "%s", why.text[0]);
	check_every_switch_key(conf);
	check_every_port_key(conf);
	check_every_vf_key(conf);
	check_every_tenant_key(conf);
	conf_destroy(conf);
}
END_TEST

START_TEST(what_is_not_said_has_its_default)
{
	struct conf *conf = parse(
		"[port pf0]\nrole = pf\n[port vf0]\n[vf a]\nport = vf0\n[port vf1]\n[vf b]\nport = vf1\n"
		"mac = 02:00:00:00:00:01\nvlan = 9\n");

	ck_assert_msg(conf != NULL, "%s", why.text[0]);
	ck_assert_uint_eq(conf->packet_capacity_pps, 0);
	ck_assert_uint_eq(conf->guarantee_bytes, 1500);
	ck_assert_int_eq(conf->placement, PLACE_AUTO);
	ck_assert_uint_eq(conf->turn_pkts, 256);
	ck_assert_uint_eq(conf->turn_ns, 50000);
	ck_assert_uint_eq(conf->n_mbufs, 0);
	ck_assert_uint_eq(conf->drain_ns, NS_PER_S);
	ck_assert_uint_eq(conf->class_weight[TC_HIGH], 3);
	ck_assert_uint_eq(conf->class_weight[TC_MEDIUM], 2);
	ck_assert_uint_eq(conf->class_weight[TC_LOW], 1);
	ck_assert_uint_eq(conf->n_maps, 1);
	const struct conf_port *p = &conf->ports[0];
	ck_assert_uint_eq(p->rate_bps, 0);
	ck_assert_uint_eq(p->mtu, 1500);
	ck_assert_uint_eq(p->n_queues, 1);
	ck_assert_uint_eq(p->n_rx_desc, 1024);
	ck_assert_uint_eq(p->n_tx_desc, 1024);
	ck_assert_uint_eq(p->broadcast_pps, 10000);
	ck_assert_int_eq(p->numa, -1);
	ck_assert_int_eq(conf->rx_lcore[0], -1);
	const struct conf_vf *vf = &conf->vfs[0];
	ck_assert_uint_eq(vf->broadcast_pps, 1000);
	ck_assert_uint_eq(vf->queue_pkts, 256);
	ck_assert_uint_eq(vf->receive_queue_pkts, 1024);
	ck_assert_int_eq(vf->vlan_mode, VLAN_NONE);
	ck_assert(!vf->antispoof); /* no address to hold it to */
	ck_assert_uint_eq(vf->tx.weight, 0);
	ck_assert_uint_eq(vf->tx_eff.weight, 1);
	ck_assert_uint_eq(vf->tx_eff.burst_ns, NS_PER_MS);
	ck_assert(vf->tx_eff.burst_auto && vf->rx_eff.burst_auto);
	ck_assert_int_eq(vf->tx_eff.basis, BASIS_L2);
	ck_assert_int_eq(vf->when_full, WHEN_FULL_HOLD);
	ck_assert(vf->ecn);
	ck_assert_uint_eq(vf->mark_above_ns, 0);
	ck_assert_uint_eq(vf->tx_mark_ns, NS_PER_MS);
	ck_assert_uint_eq(vf->rx_mark_ns, NS_PER_MS);
	ck_assert(vf->tenant == CONF_NO_TENANT && conf_tenant_of(conf, vf->tenant) == NULL);
	ck_assert(conf->n_tenants == 0 && !conf->require_tenant);
	ck_assert_uint_eq(vf->tx_eff.max_bps, 0);
	ck_assert_uint_eq(vf->tx_eff.min_pps, 0);
	ck_assert(conf->vfs[1].antispoof);
	ck_assert_int_eq(conf->vfs[1].vlan_mode, VLAN_ACCESS);
	ck_assert_uint_eq(conf->vfs[1].vid, 9);
	conf_destroy(conf);
}
END_TEST

START_TEST(one_mac_may_be_in_several_vlans)
{
	struct conf *conf =
		parse(GOOD "mac = 02:00:00:00:00:01\nvlan = 1\n[vf b]\nport = vf1\nmac = 02:00:00:00:00:01\n"
			   "trunk = 2-4094\n[vf c]\nport = vf1\nmac = 02:00:00:00:00:01\n");

	ck_assert_msg(conf != NULL, "%s", why.text[0]);
	conf_destroy(conf);
}
END_TEST

/* ---- What holds ---- */

struct completion {
	const char *text; /* of [vf a] */
	struct sla tx;    /* only the rates are compared */
	uint32_t receive_queue_pkts;
};

static const struct completion completions[] = {
	{"", {0}, 1024},
	/* Contract 2: 150 Mb/s = 12.5 kp/s at 1500 B, and back. */
	{"tx.min_bps = 150M\n", {.min_bps = 150000000, .min_pps = 12500}, 1024},
	{"tx.min_pps = 12500\n", {.min_bps = 150000000, .min_pps = 12500}, 1024},
	{"tx.min_bps = 700M\n", {.min_bps = 700000000, .min_pps = 58333}, 1024},
	{"tx.min_bps = 1M\ntx.min_pps = 90k\n", {.min_bps = 1000000, .min_pps = 90000}, 1024},
	/* Less than a packet a second still has both clocks. */
	{"tx.min_bps = 1k\n", {.min_bps = 1000, .min_pps = 1}, 1024},
	/* A derived figure stays within its limit; the one asked for is kept. */
	{"tx.min_bps = 150M\ntx.max_pps = 5k\n", {.min_bps = 150000000, .min_pps = 5000, .max_pps = 5000},
		1024},
	{"tx.min_bps = 150M\ntx.max_pps = 20k\n", {.min_bps = 150000000, .min_pps = 12500, .max_pps = 20000},
		1024},
	{"tx.min_pps = 20k\ntx.max_bps = 10M\n", {.min_bps = 10000000, .min_pps = 20000, .max_bps = 10000000},
		1024},
	/* On the wire 1500 bytes are 1524. */
	{"tx.min_bps = 152.4M\ntx.basis = wire\n", {.min_bps = 152400000, .min_pps = 12500}, 1024},
	{"tx.min_pps = 12500\ntx.basis = wire\n", {.min_bps = 152400000, .min_pps = 12500}, 1024},
	{"rx.max_bps = 609.6M\nrx.basis = wire\n", {0}, 250},
	{"tx.urgent_bps = 12M\n", {.urgent_bps = 12000000, .urgent_pps = 1000}, 1024},
	{"tx.urgent_pps = 1k\ntx.max_bps = 6M\n",
		{.urgent_bps = 6000000, .urgent_pps = 1000, .max_bps = 6000000}, 1024},
	{"tx.max_bps = 1G\n", {.max_bps = 1000000000}, 1024},
	/* 5 ms of what it may receive, at guarantee_size, in 32 .. 1024. */
	{"rx.max_bps = 600M\n", {0}, 250},
	{"rx.max_bps = 1M\n", {0}, 32},
	{"rx.max_bps = 100G\n", {0}, 1024},
	{"rx.max_pps = 20k\n", {0}, 100},
	{"rx.max_bps = 600M\nrx.max_pps = 20k\n", {0}, 100},
	{"rx.max_bps = 600M\nreceive_queue = 8\n", {0}, 8},
	{"[port vf0]\nrate = 1G\n", {0}, 416},
};

START_TEST(what_was_asked_is_completed)
{
	const struct completion *c = &completions[_i];
	char text[512];

	snprintf(text, sizeof(text), "[port pf0]\nrole = pf\n[vf a]\nport = vf0\n%s%s", c->text,
		strstr(c->text, "[port") != NULL ? "" : "[port vf0]\n");
	struct conf *conf = parse(text);
	ck_assert_msg(conf != NULL, "%s", why.text[0]);
	const struct sla *eff = &conf->vfs[0].tx_eff;
	ck_assert_uint_eq(eff->min_bps, c->tx.min_bps);
	ck_assert_uint_eq(eff->min_pps, c->tx.min_pps);
	ck_assert_uint_eq(eff->max_bps, c->tx.max_bps);
	ck_assert_uint_eq(eff->max_pps, c->tx.max_pps);
	ck_assert_uint_eq(eff->urgent_bps, c->tx.urgent_bps);
	ck_assert_uint_eq(eff->urgent_pps, c->tx.urgent_pps);
	ck_assert_uint_eq(conf->vfs[0].receive_queue_pkts, c->receive_queue_pkts);
	conf_destroy(conf);
}
END_TEST

/* ---- Admission ---- */

struct admission {
	const char *switch_text, *pf_text, *a, *b;
	const char *says; /* NULL: admitted */
};

static const struct admission admissions[] = {
	{"", "rate=1G", "tx.min_bps=500M", "tx.min_bps=500M", NULL},
	{"", "rate=1G", "tx.min_bps=500M", "tx.min_bps=500001k",
		"add up to 1.000001G of 1G bits/s: wanted at most that"},
	/* The wire carries 984.25 Mb/s of L2 in packets of 1500 bytes. */
	{"", "rate=1G\nlink_basis=wire", "tx.min_bps=500M", "tx.min_bps=484.2M", NULL},
	{"", "rate=1G\nlink_basis=wire", "tx.min_bps=500M", "tx.min_bps=484251968", NULL},
	{"", "rate=1G\nlink_basis=wire", "tx.min_bps=500M", "tx.min_bps=484251969",
		"add up to 1.000000001G of 1G"}, /* half a bit too much */
	{"", "rate=1G\nlink_basis=wire", "tx.min_bps=500M", "tx.min_bps=484.3M",
		"add up to 1.0000488G of 1G bits/s on the wire (24 bytes more a packet of guarantee_size): "
		"wanted at most that"},
	{"", "rate=1G\nlink_basis=l2", "tx.min_bps=500M", "tx.min_bps=484.3M", NULL},
	/* Packets */
	{"packet_capacity=190k", "rate=1G", "tx.min_pps=30k", "tx.min_pps=53k", NULL},
	{"packet_capacity=80k", "rate=1G", "tx.min_pps=30k", "tx.min_pps=53k",
		"add up to 996M of 1G bits/s and to 83k of 80k packets/s"},
	{"packet_capacity=80k", "", "tx.min_bps=1M\ntx.min_pps=80k", "tx.min_bps=1M",
		NULL}, /* until the rate is known */
	/* The larger of minimum and urgent allowance */
	{"", "rate=1G", "tx.min_bps=600M\ntx.urgent_bps=100M", "tx.urgent_bps=400M", NULL},
	{"", "rate=1G", "tx.min_bps=600M\ntx.urgent_bps=601M", "tx.urgent_bps=400M",
		"add up to 1.001G of 1G bits/s"},
	/* What was sold as wire bytes; 507.999999 Mb/s of it are half a bit less than 500 Mb/s of L2. */
	{"", "rate=1G", "tx.min_bps=508M\ntx.basis=wire", "tx.min_bps=500M", NULL},
	{"", "rate=1G", "tx.min_bps=509M\ntx.basis=wire", "tx.min_bps=500M", "add up to 1.000984251G of 1G bits/s"},
	{"", "rate=1G\nlink_basis=wire", "tx.min_bps=500M\ntx.basis=wire", "tx.min_bps=500M\ntx.basis=wire", NULL},
	{"allow_overcommit=yes", "rate=1G", "tx.min_bps=5G", "tx.min_bps=5G", NULL},
	{"", "rate=1G", "tx.min_bps=10T", "tx.min_bps=10T\nrx.max_bps=10T", "add up to 20T of 1G bits/s"},
};

/* Broken by: the line of the PF, or of the last VF. */
START_TEST(guarantees_that_do_not_fit_are_refused_with_both_sums)
{
	const struct admission *a = &admissions[_i];
	char text[1024];

	snprintf(text, sizeof(text),
		"[switch]\n%s\n[port pf0]\nrole=pf\n%s\n[port vf0]\n[port vf1]\n[vf a]\nport=vf0\n%s\n[vf "
		"b]\nport=vf1\n%s\n",
		a->switch_text, a->pf_text, a->a, a->b);
	struct conf *conf = parse(text);
	if (a->says == NULL) {
		ck_assert_msg(conf != NULL, "case %d: %s", _i, why.text[0]);
	} else {
		ck_assert_ptr_null(conf);
		ck_assert_int_eq(why.n, 1);
		ck_assert_msg(strstr(why.text[0], a->says) != NULL, "case %d: %s", _i, why.text[0]);
		char where[64];
		bool is_a = strstr(a->a, "10T") != NULL;	/* alone */
		const char *at = strstr(text, is_a ? "[vf a]" : "[vf b]");
		int line = 1;
		while (at-- > text)
			line += *at == '\n';
		snprintf(where, sizeof(where), "t.conf:%d: [vf %s] does not fit: guarantees", line, is_a ? "a" : "b");
		ck_assert_msg(strncmp(why.text[0], where, strlen(where)) == 0, "'%s', wanted '%s'", why.text[0], where);
	}
	conf_destroy(conf);
}
END_TEST

START_TEST(admission_waits_for_a_rate_only_the_device_knows)
{
	struct conf *conf = parse(GOOD "tx.min_bps = 990M\n[switch]\npacket_capacity = 82.5k\n");

	ck_assert_msg(conf != NULL, "%s", why.text[0]);
	ck_assert(conf_admit(conf, 1000000000, BASIS_L2, &why));
	ck_assert(conf_admit(conf, 990000000, BASIS_L2, &why));
	ck_assert_int_eq(why.n, 0);
	ck_assert(!conf_admit(conf, 1000000000, BASIS_WIRE, &why));
	ck_assert(!conf_admit(conf, 989999999, BASIS_L2, &why));
	ck_assert_int_eq(why.n, 2);
	ck_assert_ptr_nonnull(
		strstr(why.text[1], "990M of 989.999999M bits/s and to 82.5k of 82.5k packets/s"));
	conf_destroy(conf);
}
END_TEST

/* ---- The whole ---- */

START_TEST(all_examples_load_and_print)
{
	DIR *dir = opendir(WEIR_CONFIG_DIR);
	struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		size_t length = strlen(entry->d_name), size;
		char path[1024], *text;

		if (length < 5 || strcmp(entry->d_name + length - 5, ".conf") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", WEIR_CONFIG_DIR, entry->d_name);
		why_init(&why);
		struct conf *conf = conf_load(path, &why);
		ck_assert_msg(conf != NULL, "%s", why.text[0]);
		FILE *f = open_memstream(&text, &size);
		conf_print(conf, f);
		fclose(f);
		ck_assert_ptr_nonnull(strstr(text, conf->ports[conf->pf].device));
		free(text);
		conf_destroy(conf);
		n++;
	}
	closedir(dir);
	ck_assert_int_ge(n, 5);
}
END_TEST

START_TEST(asked_and_effective_are_both_printed)
{
	struct conf *conf = parse(GOOD "tx.min_bps = 150M\nrx.max_pps = 20k\ntrunk = 5,7-9\nnative = 10\ntenant = t\n"
				       "[tenant t]\ntx.min_bps = 300M\ntx.basis = wire\ntx.burst = 2ms\n");
	static const char *const wanted[] = {
		"  vf                 min b/s  min p/s  max b/s  max p/s  urgent b/s  urgent p/s     burst  "
		"weight  priority  basis\n",
		"  a   tx  asked         150M        -        -        -           -           -         -  "
		"     -         -  -\n",
		"          effective     150M    12.5k        -        -           -           -  auto 1ms  "
		"     1         0  l2\n",
		"      rx  asked            -        -        -      20k           -           -         -  "
		"     -         -  -\n",
		"          effective        -        -        -      20k           -           -  auto 1ms  "
		"     1         0  l2\n",
		"  tenant                 min b/s  min p/s  max b/s  max p/s  urgent b/s  urgent p/s  burst  weight  "
		"priority  basis\n",
		"  t       tx  asked         300M        -        -        -           -           -    2ms       -  "
		"       -  wire\n",
		"              effective     300M  24.606k        -        -           -           -    2ms       1  "
		"       0  wire\n",
		"  tenant  parent  tenants  VFs  VFs in all  members b/s  members p/s    owed b/s  owed p/s\n",
		"  t       -             0    1           1         150M        12.5k  295.27559M   24.606k\n",
		"  vf  tenant  port",
		"  a   t       vf0",
		"  vf  when full  ecn  tx marked above  rx marked above\n",
		"  a   hold       yes              1ms              1ms\n",
		"  5,7-9 native 10  ",
		"  urgent VA EF\n",
	};
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ck_assert_msg(conf != NULL, "%s", why.text[0]);
	conf_print(conf, f);
	fclose(f);
	for (size_t i = 0; i < LENGTH(wanted); i++)
		ck_assert_msg(strstr(text, wanted[i]) != NULL, "not printed: %s\n%s", wanted[i], text);
	free(text);
	conf_destroy(conf);
}
END_TEST

/* At 524.288 Mb/s 64 KB take a millisecond, and at 43 kp/s 43 packets of 1500 bytes. */
START_TEST(a_frame_that_takes_a_vf_more_than_a_millisecond_is_told)
{
	static const char text[] = "[port pf]\nrole = pf\n[port a]\n[port b]\n[port c]\n[port d]\nmtu = 9000\n[port e]\n"
		"[tenant low]\ntx.max_bps = 500M\n[tenant lower]\nparent = low\n"
		"[vf a]\nport = a\nmac = 02:00:00:00:00:01\ntx.max_bps = 524M\n"
		"[vf b]\nport = b\nmac = 02:00:00:00:00:02\ntx.max_bps = 525M\nrx.max_bps = 1M\n"
		"[vf c]\nport = c\nmac = 02:00:00:00:00:03\ntx.max_pps = 42k\n"
		"[vf d]\nport = d\nmac = 02:00:00:00:00:04\ntx.max_pps = 42k\n"
		"[vf e]\nport = e\nmac = 02:00:00:00:00:05\n"
		"[vf f]\nport = e\nmac = 02:00:00:00:00:06\ntenant = lower\n";
	static const char *const slow[] = {NULL, "a", NULL, "c", NULL, "f"};
	struct conf *conf;

	why_init(&why);
	conf = conf_parse("t", text, sizeof(text) - 1, &why);
	ck_assert_msg(conf != NULL, "%s", why.text[0]);
	for (uint16_t port = 0; port < 6; port++) {
		const struct conf_vf *v = conf_slow_vf(conf, port, 65536);
		ck_assert_pstr_eq(v == NULL ? NULL : v->name, slow[port]);
	}
	conf_destroy(conf);
}
END_TEST

START_TEST(as_many_vfs_as_promised_are_read_and_no_more)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fprintf(f, "[port pf0]\nrole = pf\n[port vf0]\n");
	for (unsigned int i = 0; i <= CONF_MAX_VFS; i++)
		fprintf(f, "[vf v%u]\nport = vf0\nmac = 02:00:%02x:%02x:%02x:00\ntx.min_bps = 1k\n", i,
			i >> 16, i >> 8 & 255, i & 255);
	fprintf(f, "[port pf0]\n"); /* a line to cut */
	fclose(f);
	ck_assert_ptr_null(parse(text));
	ck_assert_int_eq(why.n, 2);
	ck_assert_ptr_nonnull(strstr(why.text[0], "[vf v131072]: wanted at most 131072 VFs"));
	*strstr(text, "[vf v131072]") = '\0';
	struct conf *conf = parse(text);
	ck_assert_msg(conf != NULL, "%s", why.text[0]);
	ck_assert_uint_eq(conf->n_vfs, CONF_MAX_VFS);
	ck_assert_uint_eq(conf->ports[1].n_vfs, CONF_MAX_VFS);
	ck_assert_str_eq(conf->vfs[131071].name, "v131071");
	conf_destroy(conf);
	free(text);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("conf");
	TCase *tc = tcase_create("conf");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, every_key_lands_in_its_place);
	tcase_add_test(tc, what_is_not_said_has_its_default);
	tcase_add_test(tc, one_mac_may_be_in_several_vlans);
	tcase_add_loop_test(tc, what_was_asked_is_completed, 0, LENGTH(completions));
	tcase_add_loop_test(tc, guarantees_that_do_not_fit_are_refused_with_both_sums, 0, LENGTH(admissions));
	tcase_add_test(tc, admission_waits_for_a_rate_only_the_device_knows);
	tcase_add_test(tc, all_examples_load_and_print);
	tcase_add_test(tc, asked_and_effective_are_both_printed);
	tcase_add_test(tc, a_frame_that_takes_a_vf_more_than_a_millisecond_is_told);
	tcase_add_test(tc, as_many_vfs_as_promised_are_read_and_no_more);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
