/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers through the real socket, with the longest values that there can be. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "eal.h"
#include "mark.h"
#include "telem.h"
#include "unit.h"

#define MAX_ANSWER 16384u
#define LONGEST_VF "vf_with_the_longest_name__%06u"	/* 32 characters */
#define LONGEST_TENANT "tenant_with_a_very_long_na%06u"
#define NAME_ROOM  48

static struct conf conf;
static struct conf_vf *vfs;
static struct conf_tenant *tenants;
static struct dscp_map map = {.name = "map_with_the_longest_name_______"};
static char device[CONF_DEVICE_CHARS] = "port_with_the_longest_name_that_a_config_may_give_it_and_not_a";
static char answer[MAX_ANSWER + 1];
static int client = -1;
static bool has_remote;

static void look(void *ctx, struct telem_switch *sw)
{
	(void)ctx;
	memset(sw, 0xff, sizeof(*sw));
	sw->n_workers = 16;
}

static void port(void *ctx, uint16_t port, struct telem_port *view)
{
	(void)ctx, (void)port;
	memset(view, 0xff, sizeof(*view));
	view->device = device;
	view->driver = view->bus = "driver_with_a_long_name_indeed_";
	view->is_pf = view->is_physical = view->is_up = false;
	view->basis = BASIS_WIRE;
	view->numa = -2147483647;
}

static void worker(void *ctx, unsigned int worker, struct worker_view *view, unsigned int *lcore)
{
	(void)ctx, (void)worker;
	memset(view, 0xff, sizeof(*view));
	*lcore = 4294967295u;
}

static void vf(void *ctx, vf_id vf, struct vf_view *view)
{
	(void)ctx, (void)vf;
	memset(view, 0xff, sizeof(*view));
	view->tx.backlog_pkts = 0;
}

static void delay(void *ctx, vf_id vf, struct delay_view *view)
{
	(void)ctx, (void)vf;
	memset(view, 0xff, sizeof(*view));
}

static void tenant(void *ctx, uint32_t tenant, struct tenant_view *view)
{
	(void)ctx, (void)tenant;
	memset(view, 0xff, sizeof(*view));
}

static uint32_t list_captures(void *ctx, struct capture_view views[CAPTURE_KEEP])
{
	(void)ctx;
	for (uint32_t i = 0; i < CAPTURE_KEEP; i++) {
		struct capture_view *v = &views[i];
		memset(v, 0xff, sizeof(*v));
		memset(v->ask.name, 'v', sizeof(v->ask.name) - 1);
		memset(v->ask.file, '/', sizeof(v->ask.file) - 1);
		memset(v->error, 'e', sizeof(v->error) - 1);
		v->ask.name[sizeof(v->ask.name) - 1] = v->ask.file[sizeof(v->ask.file) - 1] = v->error[sizeof(v->error) - 1] = '\0';
		v->ask.what = CAPTURE_DROPPED;
		v->ask.reasons = CAPTURE_ALL_REASONS & ~(1u << DROP_VLAN);
		v->ask.dirs = CAPTURE_BOTH;
		v->state = CAPTURE_HAS_PKTS;
		v->is_ending = false;
		v->id -= i;
	}
	return CAPTURE_KEEP;
}

static void remote(void *ctx, struct telem_remote *view)
{
	(void)ctx;
	memset(view, 0xff, sizeof(*view));
}

static bool remote_vf(void *ctx, vf_id vf, struct telem_remote_vf *view)
{
	(void)ctx, (void)vf;
	memset(view, 0xff, sizeof(*view));
	view->is.reason = REMOTE_SLACK;		/* the longest text */
	return true;
}

static void credit(void *ctx, vf_id vf, struct credit_view *view)
{
	(void)ctx, (void)vf;
	*view = (struct credit_view){.left_ns = INT64_MAX, .is_open = true, .open_ns = UINT64_MAX};
}

static uint64_t held_for_ns(void *ctx, uint32_t row, enum view_bound bound)
{
	(void)ctx, (void)row, (void)bound;
	return UINT64_MAX;
}

static const char *vf_name(char name[CONF_NAME_CHARS], uint32_t vf)
{
	char text[NAME_ROOM];

	snprintf(text, sizeof(text), LONGEST_VF, vf);
	memcpy(name, text, CONF_NAME_CHARS);
	return name;
}

static const char *tenant_name(char name[CONF_NAME_CHARS], uint32_t tenant)
{
	char text[NAME_ROOM];

	snprintf(text, sizeof(text), LONGEST_TENANT, tenant);
	memcpy(name, text, CONF_NAME_CHARS);
	return name;
}

static void longest_sla(struct sla *sla)
{
	memset(sla, 0xff, sizeof(*sla));
	sla->basis = BASIS_WIRE;
	sla->burst_auto = true;
}

/* Each in the one before, in fours. */
static void make_tenants(uint32_t n)
{
	tenants = calloc(n, sizeof(*tenants));
	for (uint32_t i = 0; i < n; i++) {
		struct conf_tenant *t = &tenants[i];

		memset(t, 0xff, sizeof(*t));
		tenant_name(t->name, i);
		t->parent = i % CONF_MAX_DEPTH == 0 ? CONF_NO_TENANT : i - 1;
		t->n_vfs = t->n_all_vfs = 0;
		longest_sla(&t->tx);
		longest_sla(&t->tx_eff);
	}
	conf.tenants = tenants;
	conf.n_tenants = n;
}

static void join(uint32_t vf, uint32_t tenant)
{
	vfs[vf].tenant = tenant;
	tenants[tenant].n_vfs++;
	for (uint32_t i = tenant; i != CONF_NO_TENANT; i = tenants[i].parent)
		tenants[i].n_all_vfs++;
}

static void make_conf(uint32_t n_vfs)
{
	vfs = calloc(n_vfs, sizeof(*vfs));
	for (uint32_t i = 0; i < n_vfs; i++) {
		vf_name(vfs[i].name, i);
		vfs[i].n_macs = CONF_MAX_MACS;
		vfs[i].vlan_mode = VLAN_ACCESS;
		vfs[i].vid = 4094;
		vfs[i].queue_pkts = vfs[i].receive_queue_pkts = UINT32_MAX;
		vfs[i].broadcast_pps = UINT64_MAX;
		vfs[i].tx_mark_ns = vfs[i].rx_mark_ns = UINT64_MAX;
		longest_sla(&vfs[i].tx);
		longest_sla(&vfs[i].rx);
		longest_sla(&vfs[i].tx_eff);
		longest_sla(&vfs[i].rx_eff);
		join(i, i % conf.n_tenants);
	}
	memset(conf.file, 'f', sizeof(conf.file) - 1);
	for (int i = 0; i < CONF_MAX_PORTS; i++)
		memcpy(conf.ports[i].device, device, sizeof(device));
	conf.n_ports = CONF_MAX_PORTS;
	conf.vfs = vfs;
	conf.n_vfs = conf.n_named = n_vfs;
	conf.maps = &map;
	conf.n_maps = 1;
	conf.packet_capacity_pps = UINT64_MAX;
	conf.guarantee_bytes = UINT32_MAX;
}

static struct rates_store *fast_rates(uint32_t n_rows)
{
	struct rates_store *store = rates_create(n_rows);
	struct rates_sample *rows = calloc(n_rows, sizeof(*rows));

	rates_add(store, rows, 1);
	for (uint32_t i = 0; i < n_rows; i++)
		rows[i] = (struct rates_sample){UINT64_C(1) << 57, UINT64_C(1) << 57};
	rates_add(store, rows, 1000000001);
	free(rows);
	return store;
}

static void connect_client(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/dpdk_telemetry.v2", rte_eal_get_runtime_dir());
	client = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_gt(recv(client, answer, sizeof(answer), 0), 0);	/* the greeting */
}

static void start_with(uint32_t n_vfs, uint32_t n_tenants)
{
	struct telem_source source = {.conf = &conf, .look = look, .port = port, .worker = worker, .vf = vf,
		.delay = delay, .tenant = tenant, .remote = has_remote ? remote : NULL, .remote_vf = remote_vf, .list_captures = list_captures,
		.held_for_ns = held_for_ns, .credit = credit};
	static struct why why;

	ck_assert_int_ge(unit_eal("telem", NULL), 0);
	make_tenants(n_tenants);
	make_conf(n_vfs);
	source.rates = fast_rates(telem_n_rows(&conf));
	ck_assert(telem_start(&source, &why));
	connect_client();
}

static void start(uint32_t n_vfs)
{
	start_with(n_vfs, CONF_MAX_DEPTH);
}

/* The answer, which must be a whole one: EAL leaves out what does not fit, so it must also stay clear of the end. */
static const char *ask(const char *request)
{
	ssize_t n;
	int depth = 0;

	ck_assert_int_gt(send(client, request, strlen(request), 0), 0);
	n = recv(client, answer, MAX_ANSWER, 0);
	ck_assert_int_gt(n, 0);
	answer[n] = '\0';
	for (const char *c = answer; *c != '\0'; c++)
		depth += (*c == '{') - (*c == '}');
	ck_assert_int_eq(depth, 0);
	ck_assert_msg(n < (ssize_t)MAX_ANSWER - 512, "%s answers %zd bytes", request, n);
	return answer;
}

static bool has(const char *text)
{
	return strstr(answer, text) != NULL;
}

static uint32_t number_of(const char *key)
{
	const char *at = strstr(answer, key);

	ck_assert_msg(at != NULL, "no %s in %s", key, answer);
	return (uint32_t)strtoul(at + strlen(key), NULL, 10);
}

static uint32_t count(const char *text)
{
	uint32_t n = 0;

	for (const char *c = answer; (c = strstr(c, text)) != NULL; c++)
		n++;
	return n;
}

static const uint32_t sizes[] = {1, 256, 257, 4096};

/* Fails with more a page. */
START_TEST(what_every_vf_hears_from_beyond_the_uplink_is_on_one_page)
{
	uint32_t n = 0, next = 0, total = sizes[_i];
	char request[32], name[CONF_NAME_CHARS];

	has_remote = true;
	start(total);
	do {
		snprintf(request, sizeof(request), "/weir/remote,%u", next);
		ask(request);
		ck_assert_uint_eq(number_of("\"total\":"), total);
		ck_assert_uint_gt(number_of("\"next\":"), next);
		for (; next < number_of("\"next\":"); next++) {
			unit_must(has(vf_name(name, next)));
		}
		n += count("\"alpha_ppm\":");
		ck_assert_uint_eq(count("\"arrived_ce_pkts\":"), count("\"state\":\"gives way"));
	} while (next < total);
	ck_assert_uint_eq(n, total);
	has_remote = false;
}
END_TEST

/* Asks for all pages of a list, whose names and lines are as they are made above. */
static void turn_pages(const char *list, const char *(*name_of)(char *, uint32_t), const char *key, uint32_t total)
{
	uint32_t n = 0, next = 0;
	char request[32], name[CONF_NAME_CHARS];

	do {
		snprintf(request, sizeof(request), "%s,%u", list, next);
		ask(request);
		ck_assert_uint_eq(number_of("\"total\":"), total);
		ck_assert_uint_gt(number_of("\"next\":"), next);
		for (; next < number_of("\"next\":"); next++) {
			unit_must(has(name_of(name, next)));
		}
		n += count(key);
		ck_assert_uint_eq(count("\"drops\":"), count(key));
	} while (next < total);
	ck_assert_uint_eq(n, total);
}

START_TEST(every_vf_and_tenant_is_on_one_page_whatever_their_number)
{
	uint32_t total = sizes[_i];

	start_with(total, total);
	turn_pages("/weir/vfs", vf_name, "\"rx_pps\":", total);
	turn_pages("/weir/tenants", tenant_name, "\"tx_pps\":", total);
}
END_TEST

START_TEST(every_member_of_a_tenant_is_on_one_page)
{
	uint32_t n = 0, next = 0;
	char request[80], name[CONF_NAME_CHARS];

	start_with(4096, 2);
	do {
		snprintf(request, sizeof(request), "/weir/tenant," LONGEST_TENANT ",%u", 1u, next);
		ask(request);
		ck_assert_uint_eq(number_of("\"total\":"), 2048);
		ck_assert_uint_gt(number_of("\"next\":"), next);
		for (; next < number_of("\"next\":"); next++, n++) {
			unit_must(has(vf_name(name, 2 * next + 1)));
		}
	} while (next < 2048);
	ck_assert_uint_eq(n, 2048);
	ask("/weir/tenant," "tenant_with_a_very_long_na000000");
	ck_assert_uint_eq(number_of("\"n_all_vfs\":"), 4096);
	ck_assert_uint_eq(count("\"effective\":"), 1);
	ck_assert_uint_eq(count("\"held_ns\":"), 1);
}
END_TEST

START_TEST(a_tenants_figures_are_its_vfs_added_up)
{
	start_with(8, 4);	/* two VFs in each of four, each in the one before */
	ask("/weir/tenant,tenant_with_a_very_long_na000002");
	ck_assert(has("\"parent\":\"tenant_with_a_very_long_na000001\""));
	ck_assert_uint_eq(number_of("\"n_vfs\":"), 2);
	ck_assert_uint_eq(number_of("\"n_all_vfs\":"), 4);
	ck_assert(has("\"pps_1s\":576460752303423488,"));	/* 4 x 2^57 */
	ask("/weir/tenants,2");
	ck_assert(has("\"tx_pps\":576460752303423488,"));
	ask("/weir/tenant,tenant_with_a_very_long_na000002");
	ck_assert(has("\"vfs\":[\"vf_with_the_longest_name__000002\",\"vf_with_the_longest_name__000006\"]"));
	ask("/weir/vf,vf_with_the_longest_name__000006");
	ck_assert(has("\"tenant\":\"tenant_with_a_very_long_na000002\""));
}
END_TEST

START_TEST(the_longest_answers_are_whole)
{
	char request[64];

	start(2);
	ask("/weir/info");
	ck_assert_uint_eq(count("\"no_room\":"), 16);
	ask("/weir/ports");
	ck_assert_uint_eq(count("\"rx_no_mbuf\":"), number_of("\"next\":"));
	ask("/weir/ports,16");
	ck_assert_uint_eq(number_of("\"next\":"), CONF_MAX_PORTS);
	ask("/weir/pf");
	ck_assert_uint_eq(count("\"delay_max_ns\":"), 2 * N_TCLASSES);
	snprintf(request, sizeof(request), "/weir/why," LONGEST_VF ",10", 1);
	ask(request);
	ck_assert_uint_eq(count("dropped as"), 2 * N_DROP_REASONS);
	ask("/weir/capture/list");
	ck_assert_uint_eq(number_of("\"total\":"), CAPTURE_KEEP);
	ck_assert_uint_eq(count("\"failure\":"), CAPTURE_KEEP);
	snprintf(request, sizeof(request), "/weir/delays," LONGEST_VF ",rx,medium", 1);
	ask(request);
	ck_assert_uint_eq(count("18446744073709551615"), HIST_BUCKETS + 3);	/* and n, the longest, the time */
	ck_assert(has("\"direction\":\"rx\"") && has("\"class\":\"medium\""));
	ask("/weir/drops");
	for (int r = 0; r < N_DROP_REASONS; r++)
		unit_must(has(drop_text((enum drop_reason)r)));
	snprintf(request, sizeof(request), "/weir/vf," LONGEST_VF, 1);
	ask(request);
	ck_assert_uint_eq(count("\"delay_max_ns\":"), 2 * N_TCLASSES);
	ck_assert_uint_eq(count("\"effective\":"), 2);
	ck_assert_uint_eq(count("\"left_bits\":"), 1);
	ck_assert_uint_eq(count("00:00:00:00:00:00"), CONF_MAX_MACS);
}
END_TEST

/* Fails with more a page. */
START_TEST(the_longest_marking_rules_are_on_pages)
{
	static struct mark_rule rules[2 * MARK_MAX_PER_VF];
	uint32_t n = 0, next = 0, total = 2 * MARK_MAX_PER_VF;
	char request[32];

	start(2);
	for (uint32_t i = 0; i < total; i++) {
		struct mark_rule *r = &rules[i];
		*r = (struct mark_rule){.order = MARK_MAX_ORDER, .vf = i % 2, .protocol = 255, .set_dscp = 63,
			.dscps = UINT64_C(0x5555555555555555) << 1,
			.src_port = {true, 10000, 65535}, .dst_port = {true, 10000, 65535}};
		snprintf(r->name, sizeof(r->name), "a_rule_with_a_very_long_name_%03u", i);
		r->src = r->dst = (struct mark_prefix){.bits = 128, .family = MARK_IPV6};
		memset(r->src.address, 0xfd, 16);
		memset(r->dst.address, 0xfd, 16);
	}
	conf.marks = marks_create(rules, total, NULL);
	do {
		snprintf(request, sizeof(request), "/weir/mark/list,%u", next);
		ask(request);
		ck_assert_uint_eq(number_of("\"total\":"), total);
		ck_assert_uint_gt(number_of("\"next\":"), next);
		next = number_of("\"next\":");
		n += count("\"pkts\":");
	} while (next < total);
	ck_assert_uint_eq(n, total);
	marks_release(conf.marks);
	conf.marks = NULL;
}
END_TEST

START_TEST(what_cannot_be_answered_says_why_and_what_was_wanted)
{
	static char long_request[1020] = "/weir/vf,";
	const char *requests[] = {"/weir/vf", "/weir/vf,nobody", "/weir/vfs,2", "/weir/vfs,-1", "/weir/vfs,x",
		"/weir/vfs,1x", "/weir/ports,32", "/weir/info,1", "/weir/pf,1", "/weir/drops,1",
		"/weir/tenant", "/weir/tenant,nobody", "/weir/tenant,tenant_with_a_very_long_na",
		"/weir/tenant,tenant_with_a_very_long_na000000x", "/weir/tenant,tenant_with_a_very_long_na000000,9",
		"/weir/tenant,tenant_with_a_very_long_na000000,x", "/weir/tenants,4", "/weir/tenants,x", "/weir/why", "/weir/why,nobody",
		"/weir/delays", "/weir/delays,nobody,tx,medium", "/weir/delays,vf_with_the_longest_name__000000",
		"/weir/delays,vf_with_the_longest_name__000000,tx", "/weir/delays,vf_with_the_longest_name__000000,up,medium",
		"/weir/delays,vf_with_the_longest_name__000000,tx,best", "/weir/delays,vf_with_the_longest_name__000000,tx,medium,1",
		"/weir/remote", "/weir/mark/list,1", "/weir/mark/add,x,vf=a;set=EF", "/weir/capture/list,1",
		"/weir/capture/start,a,file=/tmp/x", "/weir/capture/stop,1", long_request};

	start(2);
	memset(long_request + 9, 'a', sizeof(long_request) - 10);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		ask(requests[i]);
		ck_assert_msg(has("\"error\":") && has("\"wanted\":"), "%s: %s", requests[i], answer);
	}
	telem_stop();
	ask("/weir/info");
	ck_assert(has("\"error\":"));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("telem");
	TCase *t = tcase_create("socket");

	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, every_vf_and_tenant_is_on_one_page_whatever_their_number, 0, 4);
	tcase_add_loop_test(t, what_every_vf_hears_from_beyond_the_uplink_is_on_one_page, 0, 4);
	tcase_add_test(t, every_member_of_a_tenant_is_on_one_page);
	tcase_add_test(t, a_tenants_figures_are_its_vfs_added_up);
	tcase_add_test(t, the_longest_answers_are_whole);
	tcase_add_test(t, the_longest_marking_rules_are_on_pages);
	tcase_add_test(t, what_cannot_be_answered_says_why_and_what_was_wanted);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
