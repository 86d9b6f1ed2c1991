/* SPDX-License-Identifier: BSD-3-Clause */
/* Marking rules: random sets of them and random packets against a model that knows what a packet was made of and looks at
 * one rule after the other; and what they are in a config, a command, and a state file. */
#include <string.h>

#include "classify.h"
#include "conf_change.h"
#include "mark.h"
#include "unit.h"

#define MAX_FRAME 400
#define N_RULES	  200
#define N_VFS	  5

/* ---- Packets ---- */

struct what {
	bool is_v6;
	uint8_t n_tags, dscp, ecn, option_words;
	uint8_t extensions[3];	/* 0 ends them: hop-by-hop, 0 too, comes first or not at all */
	bool has_hop_by_hop, has_fragment;
	uint16_t offset;	/* of the fragment, in 8 bytes */
	uint8_t protocol;
	uint8_t src[16], dst[16];
	uint16_t src_port, dst_port;
};

static uint8_t *put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static uint8_t *put_ports(uint8_t *at, const struct what *w)
{
	return put16(put16(at, w->src_port), w->dst_port) + 4;
}

static uint8_t *make_v4(uint8_t *ip, const struct what *w)
{
	uint8_t *at = ip + 20 + 4 * w->option_words;

	ip[0] = (uint8_t)(0x45 + w->option_words);
	ip[1] = (uint8_t)(w->dscp << 2 | w->ecn);
	put16(ip + 6, w->offset);
	ip[9] = w->protocol;
	memcpy(ip + 12, w->src, 4);
	memcpy(ip + 16, w->dst, 4);
	at = put_ports(at, w);
	put16(ip + 2, (unsigned int)(at - ip));
	return at;
}

/* One extension header in front of what comes; returns where it ends. */
static uint8_t *put_extension(uint8_t *at, uint8_t **next, uint8_t kind, const struct what *w)
{
	unsigned int units = kind == 44 ? 0 : kind == 51 ? 4 : w->dscp % 3;
	size_t bytes = kind == 44 ? 8 : kind == 51 ? (units + 2) * 4 : (units + 1) * 8;

	**next = kind;
	*next = at;
	memset(at, 0xee, bytes);
	at[1] = (uint8_t)units;
	if (kind == 44)
		put16(at + 2, (unsigned int)w->offset << 3 | 1);
	return at + bytes;
}

static uint8_t *make_v6(uint8_t *ip, const struct what *w)
{
	uint8_t *next = ip + 6, *at = ip + 40;

	ip[0] = (uint8_t)(0x60 | w->dscp >> 2);
	ip[1] = (uint8_t)(w->dscp << 6 | w->ecn << 4);
	memcpy(ip + 8, w->src, 16);
	memcpy(ip + 24, w->dst, 16);
	if (w->has_hop_by_hop)
		at = put_extension(at, &next, 0, w);
	for (int i = 0; i < 3 && w->extensions[i] != 0; i++)
		at = put_extension(at, &next, w->extensions[i], w);
	if (w->has_fragment)
		at = put_extension(at, &next, 44, w);
	*next = w->protocol;
	at = put_ports(at, w);
	put16(ip + 4, (unsigned int)(at - ip) - 40);
	return at;
}

static uint16_t make(uint8_t frame[MAX_FRAME], const struct what *w)
{
	uint8_t *at = frame + 12;

	memset(frame, 0, MAX_FRAME);
	for (int i = 0; i < w->n_tags; i++)
		at = put16(put16(at, i == 0 && w->n_tags == 2 ? 0x88a8 : 0x8100), 7);
	at = put16(at, w->is_v6 ? 0x86dd : 0x0800);
	return (uint16_t)((w->is_v6 ? make_v6(at, w) : make_v4(at, w)) - frame);
}

/* In memory of exactly that size, for the address sanitizer. */
static int mark_copy(const struct marks *m, vf_id vf, const uint8_t *frame, uint16_t n)
{
	uint8_t *data = malloc(n);
	struct pkt k = {.bytes = n, .data_bytes = n, .data = data};
	const struct mark_table *t = marks_of(m, vf);

	memcpy(data, frame, n);
	int dscp = classify_headers(&k);
	if (t != NULL)
		dscp = mark_packet(t, &k, dscp);
	free(data);
	return dscp;
}

/* ---- The model ---- */

static bool has_ports(const struct what *w)
{
	bool is_first = w->is_v6 ? !w->has_fragment || w->offset == 0 : w->offset == 0;

	return is_first && (w->protocol == 6 || w->protocol == 17 || w->protocol == 33 || w->protocol == 132 ||
				   w->protocol == 136);
}

static bool in_prefix(const struct mark_prefix *p, bool is_v6, const uint8_t *address)
{
	if (p->family == MARK_ANY_FAMILY)
		return true;
	if ((p->family == MARK_IPV6) != is_v6)
		return false;
	for (unsigned int bit = 0; bit < p->bits; bit++)
		if ((address[bit / 8] ^ p->address[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	return true;
}

static bool in_ports(const struct mark_ports *p, const struct what *w, uint16_t port)
{
	return !p->is_set || (has_ports(w) && port >= p->first && port <= p->last);
}

static bool model_matches(const struct mark_rule *r, vf_id vf, const struct what *w)
{
	return r->vf == vf && (r->protocol == MARK_ANY || r->protocol == w->protocol) && (r->dscps >> w->dscp & 1) &&
	       in_prefix(&r->src, w->is_v6, w->src) && in_prefix(&r->dst, w->is_v6, w->dst) &&
	       in_ports(&r->src_port, w, w->src_port) && in_ports(&r->dst_port, w, w->dst_port);
}

/* -1: none matches. */
static int model_rule(const struct mark_rule *rules, uint32_t n, vf_id vf, const struct what *w)
{
	int best = -1;

	for (uint32_t i = 0; i < n; i++) {
		if (!model_matches(&rules[i], vf, w))
			continue;
		if (best < 0 || rules[i].order < rules[best].order ||
			(rules[i].order == rules[best].order && strcmp(rules[i].name, rules[best].name) < 0))
			best = (int)i;
	}
	return best;
}

/* ---- Random ones ---- */

static uint32_t below(uint64_t *seed, uint32_t n)
{
	return (uint32_t)(unit_random(seed) >> 33) % n;
}

/* Few values, so that rules meet packets. */
static uint8_t random_protocol(uint64_t *seed)
{
	static const uint8_t some[] = {6, 17, 1, 58, 47, 132};

	return some[below(seed, sizeof(some))];
}

static void random_address(uint64_t *seed, bool is_v6, uint8_t address[16])
{
	memset(address, 0, 16);
	for (int i = 0; i < (is_v6 ? 16 : 4); i++)
		address[i] = i % 5 == 4 || i == 1 ? (uint8_t)below(seed, 2) : 10;
}

static void random_prefix(uint64_t *seed, struct mark_prefix *p, int family)
{
	unsigned int most = family == MARK_IPV6 ? 128 : 32;

	*p = (struct mark_prefix){.family = (uint8_t)family, .bits = (uint8_t)below(seed, most + 1)};
	random_address(seed, family == MARK_IPV6, p->address);
	for (unsigned int bit = p->bits; bit < 128; bit++)
		p->address[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
}

static void random_ports(uint64_t *seed, struct mark_ports *p)
{
	uint16_t first = (uint16_t)below(seed, 4), last = (uint16_t)(first + below(seed, 3));

	*p = (struct mark_ports){.is_set = true, .first = first, .last = last};
}

static void random_rule(uint64_t *seed, struct mark_rule *r, uint32_t number)
{
	int family = below(seed, 2) ? MARK_IPV4 : MARK_IPV6;

	*r = (struct mark_rule){.order = below(seed, 20), .vf = below(seed, N_VFS), .protocol = MARK_ANY, .dscps = UINT64_MAX};
	snprintf(r->name, sizeof(r->name), "rule%u", number * 7919 % 1000);
	if (below(seed, 3) == 0)
		r->protocol = random_protocol(seed);
	if (below(seed, 3) == 0)
		random_prefix(seed, &r->src, family);
	if (below(seed, 3) == 0)
		random_prefix(seed, &r->dst, family);
	if (below(seed, 4) == 0)
		random_ports(seed, &r->src_port);
	if (below(seed, 4) == 0)
		random_ports(seed, &r->dst_port);
	if (below(seed, 3) == 0)
		r->dscps = unit_random(seed);
	r->set_dscp = below(seed, 4) == 0 ? MARK_TRUST : (int8_t)below(seed, 64);
}

static void random_what(uint64_t *seed, struct what *w)
{
	static const uint8_t extensions[] = {43, 60, 51, 135};

	*w = (struct what){
		.is_v6 = below(seed, 2),
		.n_tags = (uint8_t)below(seed, 3),
		.dscp = (uint8_t)below(seed, 64),
		.ecn = (uint8_t)below(seed, 4),
		.option_words = below(seed, 3) == 0 ? (uint8_t)below(seed, 11) : 0,
		.has_hop_by_hop = below(seed, 4) == 0,
		.has_fragment = below(seed, 4) == 0,
		.offset = below(seed, 3) == 0 ? (uint16_t)(1 + below(seed, 0x1fff)) : 0,
		.protocol = random_protocol(seed),
		.src_port = (uint16_t)below(seed, 8),
		.dst_port = (uint16_t)below(seed, 8),
	};
	for (int i = 0; i < 3 && below(seed, 3) == 0; i++)
		w->extensions[i] = extensions[below(seed, sizeof(extensions))];
	random_address(seed, w->is_v6, w->src);
	random_address(seed, w->is_v6, w->dst);
}

/* Fails on any of: the order of rules, a mask off by one, ports in a later fragment, an extension stepped over wrongly. */
START_TEST(random_packets_meet_the_rule_that_a_slow_look_finds)
{
	static struct mark_rule rules[N_RULES];
	uint64_t seed = (uint64_t)_i, hits[N_RULES] = {0}, bytes[N_RULES] = {0};
	uint32_t n = 1 + below(&seed, N_RULES - 1), n_matched = 0;
	uint8_t frame[MAX_FRAME];

	for (uint32_t i = 0; i < n; i++)
		random_rule(&seed, &rules[i], i);
	struct marks *m = marks_create(rules, n, NULL);
	unit_must(m != NULL && marks_n(m) == n);
	for (int i = 0; i < 4000; i++) {
		struct what w;
		vf_id vf = below(&seed, N_VFS + 1);
		random_what(&seed, &w);
		uint16_t size = make(frame, &w);
		int rule = model_rule(rules, n, vf, &w);
		int want = rule < 0 || rules[rule].set_dscp == MARK_TRUST ? w.dscp : rules[rule].set_dscp;
		unit_must(mark_copy(m, vf, frame, size) == want);
		n_matched += rule >= 0;
		if (rule >= 0) {
			hits[rule]++;
			bytes[rule] += size;
		}
	}
	unit_must(n < 20 || n_matched > 400);	/* the test tests */
	for (uint32_t i = 0; i < n; i++) {
		uint64_t pkts, all_bytes;
		marks_hits(m, marks_find(m, rules[i].name), &pkts, &all_bytes);
		unit_must(pkts == hits[i] && all_bytes == bytes[i]);
	}
	marks_release(m);
}
END_TEST

/* Never an overrun, whatever is cut off: what is not there matches no rule that asks for it. */
START_TEST(a_packet_cut_anywhere_is_read_as_far_as_it_goes)
{
	struct mark_rule rules[] = {
		{.name = "ports", .order = 1, .protocol = 17, .dscps = UINT64_MAX, .set_dscp = 1,
			.dst_port = {.is_set = true, .last = UINT16_MAX}},
		{.name = "protocol", .order = 2, .protocol = 17, .dscps = UINT64_MAX, .set_dscp = 2},
		{.name = "any", .order = 3, .protocol = MARK_ANY, .dscps = UINT64_MAX, .set_dscp = 3},
	};
	struct marks *m = marks_create(rules, 3, NULL);
	uint64_t seed = (uint64_t)_i;
	uint8_t frame[MAX_FRAME];
	struct what w;

	random_what(&seed, &w);
	w.protocol = 17;
	uint16_t size = make(frame, &w), ip = (uint16_t)(14 + 4 * w.n_tags);
	for (uint16_t cut = 14; cut <= size; cut++) {
		int got = mark_copy(m, 0, frame, cut);
		if (cut < ip + (w.is_v6 ? 40 : 20))
			ck_assert_int_eq(got, -1);
		else if (cut < size - 8)	/* UDP's ports may be missing, or more */
			ck_assert(got == 2 || got == 3);
		else if (cut >= size - 4)
			ck_assert_int_eq(got, has_ports(&w) ? 1 : 2);
	}
	marks_release(m);
}
END_TEST

START_TEST(padding_is_no_port)
{
	struct mark_rule rule = {.name = "zero", .protocol = 17, .dscps = UINT64_MAX, .set_dscp = 1,
		.src_port = {.is_set = true}};
	struct marks *m = marks_create(&rule, 1, NULL);
	struct what w = {.protocol = 17};
	uint8_t frame[MAX_FRAME];

	make(frame, &w);
	ck_assert_int_eq(mark_copy(m, 0, frame, 60), 1);
	put16(frame + 16, 20);	/* IPv4 says that nothing follows */
	ck_assert_int_eq(mark_copy(m, 0, frame, 60), 0);
	w.is_v6 = true;
	make(frame, &w);
	ck_assert_int_eq(mark_copy(m, 0, frame, 80), 1);
	put16(frame + 18, 3);
	ck_assert_int_eq(mark_copy(m, 0, frame, 80), 0);
	marks_release(m);
}
END_TEST

/* ---- Configs ---- */

#define VFS "[port pf]\nrole = pf\nrate = 1G\n[port v0]\n[port v1]\n[vf a]\nport = v0\n[vf b]\nport = v1\n"

static struct why why, notes;

static struct conf *parse(const char *text)
{
	why_init(&why);
	return conf_parse("t.conf", text, strlen(text), &why);
}

static char *dump(const struct conf *conf, const struct conf *base)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (base != NULL)
		conf_dump_state(conf, base, out);
	else
		conf_dump(conf, out);
	fclose(out);
	return text;
}

static const char *rule_text(const struct conf *conf, const char *name)
{
	static char text[CONF_MARK_CHARS];
	uint32_t i = marks_find(conf->marks, name);

	return i == UINT32_MAX ? "gone" : conf_mark_text(conf, i, text, sizeof(text));
}

static struct conf *change(const struct conf *conf, enum conf_verb verb, const char *name, const char *text)
{
	struct conf_change c = {.verb = verb};

	snprintf(c.name, sizeof(c.name), "%s", name);
	snprintf(c.text, sizeof(c.text), "%s", text);
	why_init(&why);
	return conf_changed(conf, &c, &why);
}

START_TEST(a_rule_is_read_and_written_as_the_same)
{
	struct conf *conf = parse("[mark all]\nvf = b\nset = trust\n[mark web]\nvf = a\norder = 5\nprotocol = TCP\n"
				  "src = 10.1.0.0/16\ndst = 192.0.2.1\nsrc_port = 1024-65535\ndst_port = 443\n"
				  "dscp = EF, AF41,8-11 ,0\nset = cs5\n[mark v6]\nvf = a\nprotocol = 99\nsrc = fd00::/8\n"
				  "dst = ::/0\nset = 7\n" VFS);

	ck_assert_msg(conf != NULL, "%s", why.text[0]);
	ck_assert_str_eq(rule_text(conf, "all"), "vf=b;order=100;set=trust");
	ck_assert_str_eq(rule_text(conf, "web"), "vf=a;order=5;protocol=tcp;src=10.1.0.0/16;dst=192.0.2.1;"
		"src_port=1024-65535;dst_port=443;dscp=CS0,8-11,AF41,EF;set=CS5");
	ck_assert_str_eq(rule_text(conf, "v6"), "vf=a;order=100;protocol=99;src=fd00::/8;dst=::/0;set=dscp7");
	char *one = dump(conf, NULL);
	struct conf *again = parse(one);
	ck_assert_msg(again != NULL, "%s", why.text[0]);
	char *two = dump(again, NULL);
	ck_assert_str_eq(one, two);
	free(one);
	free(two);
	conf_destroy(conf);
	conf_destroy(again);
}
END_TEST

static const struct {
	const char *text, *says[6];
} mistakes[] = {
	{"[mark]\nvf=a\nset=EF\n", {"t.conf:10: [mark ]: wanted a name"}},
	{"[mark x]\n", {"t.conf:10: [mark x] has no vf", "t.conf:10: [mark x] has no set"}},
	{"[mark x]\nvf=c\nset=EF\n", {"t.conf:11: vf = c in [mark x]: wanted the name of a [vf]"}},
	{"[mark x]\nvf=a\nset=EF\n[mark x]\nvf=a\nset=EF\n", {"t.conf:13: section [mark x] again"}},
	{"[mark x]\nvf=a\nset=64\nprotocol=tpc\ndscp=EF,\norder=70000\nfoo=1\n",
		{"t.conf:12: set = 64: wanted a code point", "t.conf:13: protocol = tpc: wanted tcp", "t.conf:14: dscp = EF,: wanted",
			"t.conf:15: order = 70000: wanted a place", "t.conf:16: unknown key foo in [mark]: wanted one of vf"}},
	{"[mark x]\nvf=a\nset=EF\nsrc=10.0.0.1/8\n", {"t.conf:13: src = 10.0.0.1/8: wanted a prefix"}},
	{"[mark x]\nvf=a\nset=EF\nsrc=10.0.0.0/33\n", {"t.conf:13: src = 10.0.0.0/33: wanted a prefix"}},
	{"[mark x]\nvf=a\nset=EF\nsrc=10.0.0/8\n", {"t.conf:13: src = 10.0.0/8: wanted a prefix"}},
	{"[mark x]\nvf=a\nset=EF\ndst=fd00::/129\n", {"t.conf:13: dst = fd00::/129: wanted a prefix"}},
	{"[mark x]\nvf=a\nset=EF\ndst=fd00::/8x\n", {"t.conf:13: dst = fd00::/8x: wanted a prefix"}},
	{"[mark x]\nvf=a\nset=EF\ndst_port=9-8\nsrc_port=65536\n",
		{"t.conf:13: dst_port = 9-8: wanted a port", "t.conf:14: src_port = 65536: wanted a port"}},
	{"[mark x]\nvf=a\nset=EF\nprotocol=icmp\ndst_port=8\n",
		{"t.conf:14: dst_port of [mark x], whose protocol has no ports"}},
	{"[mark x]\nvf=a\nset=EF\nsrc=10.0.0.0/8\ndst=fd00::/8\n", {"t.conf:14: src and dst of [mark x] are not both"}},
	{"[mark x]\nvf=a\nset=EF\nsrc=10.0.0.0/8\nprotocol=icmpv6\n", {"t.conf:14: protocol = icmpv6 of [mark x]"}},
	{"[mark x]\nvf=a\nset=EF\ndscp=8-7\n", {"t.conf:13: dscp = 8-7: wanted"}},
	{"[mark x]\nvf=a\nset=EF\ndscp=8-64\n", {"t.conf:13: dscp = 8-64: wanted"}},
};

START_TEST(every_mistake_is_told_with_its_line)
{
	char text[1024];
	int n = 0;

	snprintf(text, sizeof(text), "%s%s", VFS, mistakes[_i].text);
	ck_assert_ptr_null(parse(text));
	for (; n < 6 && mistakes[_i].says[n] != NULL; n++)
		ck_assert_msg(n < why.n && strncmp(why.text[n], mistakes[_i].says[n], strlen(mistakes[_i].says[n])) == 0,
			"%d: %s, wanted %s", n, n < why.n ? why.text[n] : "nothing", mistakes[_i].says[n]);
	ck_assert_msg(why.n == n, "and more: %s", why.text[n]);
}
END_TEST

START_TEST(a_vf_has_64_rules_at_most)
{
	static char text[16384] = VFS;
	size_t used = strlen(text);

	for (int i = 0; i <= MARK_MAX_PER_VF; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "[mark r%d]\nvf = a\nset = EF\n", i);
	ck_assert_ptr_null(parse(text));
	ck_assert_int_eq(why.n, 1);
	ck_assert_str_eq(why.text[0], "t.conf:202: [mark r64] is one too many of VF a: wanted at most 64 of one VF");
	*strstr(text, "[mark r64]") = '\0';
	struct conf *conf = parse(text), *more;
	ck_assert_ptr_nonnull(conf);
	ck_assert_ptr_null(change(conf, CONF_MARK_ADD, "one", "vf=a;set=EF"));
	ck_assert(strstr(why.text[0], "mark one: [mark one] is one too many") != NULL);
	more = change(conf, CONF_MARK_ADD, "one", "vf=b;set=EF");
	ck_assert_uint_eq(marks_n(more->marks), 65);
	conf_destroy(conf);
	conf_destroy(more);
}
END_TEST

static void hit(const struct conf *conf, vf_id vf)
{
	struct what w = {.protocol = 6};
	uint8_t frame[MAX_FRAME];

	mark_copy(conf->marks, vf, frame, make(frame, &w));
}

static uint64_t hits(const struct conf *conf, const char *name)
{
	uint64_t pkts, bytes;

	marks_hits(conf->marks, marks_find(conf->marks, name), &pkts, &bytes);
	return pkts;
}

/* Fails if a change makes new counters, or a rule that is another keeps the old one's. */
START_TEST(rules_come_and_go_and_the_others_count_on)
{
	struct conf *c = parse(VFS "[mark one]\nvf = a\nset = EF\n[mark two]\nvf = b\nset = CS1\n"), *d, *e, *f;

	hit(c, 0);
	ck_assert_ptr_null(change(c, CONF_MARK_ADD, "one", "vf=a;set=AF11"));
	ck_assert(strstr(why.text[0], "there is such a rule already") != NULL);
	ck_assert_ptr_null(change(c, CONF_MARK_DEL, "three", ""));
	ck_assert_ptr_null(change(c, CONF_MARK_ADD, "three", "vf=a"));
	ck_assert(strstr(why.text[0], "mark three: [mark three] has no set") != NULL);
	ck_assert_ptr_null(change(c, CONF_MARK_ADD, "three", "vf=a;set=none"));
	ck_assert_msg(strstr(why.text[0], "none, as if") == NULL, "%s", why.text[0]);
	ck_assert_ptr_null(change(c, CONF_MARK_ADD, "three x", "vf=a;set=EF"));
	d = change(c, CONF_MARK_ADD, "three", "vf=a;order=1;protocol=udp;set=AF11");
	ck_assert_msg(d != NULL, "%s", why.text[0]);
	hit(d, 0);
	hit(c, 0);	/* a worker that has not taken the change yet */
	ck_assert_uint_eq(hits(c, "one"), 3);
	ck_assert_uint_eq(hits(d, "one"), 3);
	conf_destroy(c);
	e = change(d, CONF_MARK_DEL, "one", "");
	ck_assert_str_eq(rule_text(e, "one"), "gone");
	f = change(e, CONF_MARK_ADD, "one", "vf=a;set=EF");
	ck_assert_uint_eq(hits(f, "one"), 0);
	ck_assert_uint_eq(hits(d, "one"), 3);
	c = change(f, CONF_SET, "a", "tx.weight=3");	/* what is not about rules leaves them */
	ck_assert_ptr_eq(c->marks, f->marks);
	conf_destroy(c);
	hit(f, 0);
	static const char *const files[] = {VFS "[mark one]\nvf = a\nset = EF\n", VFS "[mark one]\nvf = a\nset = CS7\n"};
	for (uint64_t i = 0; i < 2; i++) {	/* the same, and one of the same name in the same place */
		struct conf *wanted = parse(files[i]);
		c = conf_with_terms(f, wanted, &why);
		ck_assert_uint_eq(hits(c, "one"), 1 - i);
		conf_destroy(wanted);
		conf_destroy(c);
	}
	conf_destroy(d);
	conf_destroy(e);
	conf_destroy(f);
}
END_TEST

/* Fails if what was taken away comes back with the config. */
START_TEST(a_state_file_has_what_came_and_what_went)
{
	struct conf *base = parse(VFS "[mark one]\nvf = a\nset = EF\n[mark two]\nvf = b\nset = CS1\n");
	struct conf *c = change(base, CONF_MARK_DEL, "one", ""), *d = change(c, CONF_MARK_ADD, "new", "vf=b;order=7;set=2");
	struct conf *e = change(d, CONF_MARK_DEL, "two", ""), *f = change(e, CONF_MARK_ADD, "two", "vf=a;set=CS1");
	char *state = dump(f, base), *want = dump(f, NULL);

	why_init(&notes);
	why_init(&why);
	struct conf *restarted = conf_with_state_text(base, "state", state, strlen(state), &notes, &why);
	ck_assert_msg(restarted != NULL, "%s", why.text[0]);
	char *got = dump(restarted, NULL);
	ck_assert_str_eq(got, want);
	ck_assert_int_eq(notes.n, 3);
	static const char gone[] = "[mark x]\nvf = nobody\nset = EF\n";
	struct conf *left = conf_with_state_text(base, "state", gone, strlen(gone), &notes, &why);
	ck_assert_ptr_nonnull(left);
	ck_assert_uint_eq(marks_n(left->marks), 2);
	/* A reload of the file that has other rules, in another order of VFs. */
	struct conf *wanted = parse("[port pf]\nrole = pf\nrate = 1G\n[port v1]\n[port v0]\n[vf b]\nport = v1\n[vf a]\n"
				    "port = v0\n[mark two]\nvf = b\nset = CS1\n");
	struct conf *reloaded = conf_with_terms(f, wanted, &why);
	ck_assert_uint_eq(marks_n(reloaded->marks), 1);
	ck_assert_str_eq(rule_text(reloaded, "two"), "vf=b;order=100;set=CS1");
	for (size_t i = 0; i < 9; i++)
		conf_destroy((struct conf *[]){base, c, d, e, f, restarted, left, wanted, reloaded}[i]);
	free(state);
	free(want);
	free(got);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mark");
	TCase *t = tcase_create("mark");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, random_packets_meet_the_rule_that_a_slow_look_finds, 0, 60);
	tcase_add_loop_test(t, a_packet_cut_anywhere_is_read_as_far_as_it_goes, 0, 200);
	tcase_add_test(t, padding_is_no_port);
	tcase_add_test(t, a_rule_is_read_and_written_as_the_same);
	tcase_add_loop_test(t, every_mistake_is_told_with_its_line, 0, (int)(sizeof(mistakes) / sizeof(mistakes[0])));
	tcase_add_test(t, a_vf_has_64_rules_at_most);
	tcase_add_test(t, rules_come_and_go_and_the_others_count_on);
	tcase_add_test(t, a_state_file_has_what_came_and_what_went);
	suite_add_tcase(s, t);
	return unit_run(s);
}
