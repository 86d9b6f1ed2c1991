/* SPDX-License-Identifier: BSD-3-Clause */
/* [mark NAME]: rules by which a VF's packets get another DSCP.  What they match: mark.h. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf_fields.h"
#include "conf_mark.h"

#define DEFAULT_ORDER 100
#define ANY_DSCP      UINT64_MAX

/* ---- Values ---- */

static const struct protocol {
	const char *name;
	uint8_t number;
} protocols[] = {
	{"icmp", 1}, {"tcp", 6}, {"udp", 17}, {"dccp", 33}, {"gre", 47}, {"esp", 50}, {"ah", 51}, {"icmpv6", 58},
	{"sctp", 132}, {"udplite", 136},
};

enum { ICMP = 1, ICMPV6 = 58 };

const char *conf_protocol_name(int protocol)
{
	for (size_t i = 0; i < LENGTH(protocols); i++)
		if (protocols[i].number == protocol)
			return protocols[i].name;
	return NULL;
}

/* A decimal number up to 'max' at the start of 'text': what follows, or NULL. */
static const char *parse_number(const char *text, unsigned int max, unsigned int *value)
{
	if (*text < '0' || *text > '9')
		return NULL;
	for (*value = 0; *text >= '0' && *text <= '9'; text++) {
		*value = *value * 10 + (unsigned int)(*text - '0');
		if (*value > max)
			return NULL;
	}
	return text;
}

bool conf_read_protocol(const struct conf_field *field, const char *value, void *to)
{
	int16_t *protocol = to;
	unsigned int number;
	const char *rest;

	(void)field;
	for (size_t i = 0; i < LENGTH(protocols); i++) {
		if (strcasecmp(protocols[i].name, value) != 0)
			continue;
		*protocol = protocols[i].number;
		return true;
	}
	rest = parse_number(value, 255, &number);
	if (rest == NULL || *rest != '\0')
		return false;
	*protocol = (int16_t)number;
	return true;
}

/* What is behind the prefix must be 0: 10.0.0.1/8 is a slip. */
static bool has_more_bits(const struct mark_prefix *p)
{
	for (unsigned int bit = p->bits; bit < 128; bit++)
		if (p->address[bit / 8] >> (7 - bit % 8) & 1)
			return true;
	return false;
}

static bool read_prefix(const struct conf_field *field, const char *value, void *to)
{
	char address[INET6_ADDRSTRLEN];
	struct mark_prefix p = {.family = strchr(value, ':') != NULL ? MARK_IPV6 : MARK_IPV4};
	size_t n = strcspn(value, "/");
	unsigned int most = p.family == MARK_IPV6 ? 128 : 32, bits = most;

	(void)field;
	if (n >= sizeof(address))
		return false;
	memcpy(address, value, n);
	address[n] = '\0';
	if (inet_pton(p.family == MARK_IPV6 ? AF_INET6 : AF_INET, address, p.address) != 1)
		return false;
	if (value[n] == '/') {
		const char *rest = parse_number(value + n + 1, most, &bits);
		if (rest == NULL || *rest != '\0')
			return false;
	}
	p.bits = (uint8_t)bits;
	if (has_more_bits(&p))
		return false;
	*(struct mark_prefix *)to = p;
	return true;
}

static bool read_ports(const struct conf_field *field, const char *value, void *to)
{
	unsigned int first, last;

	(void)field;
	value = parse_number(value, UINT16_MAX, &first);
	if (value == NULL)
		return false;
	last = first;
	if (*value == '-')
		value = parse_number(value + 1, UINT16_MAX, &last);
	if (value == NULL || *value != '\0' || last < first)
		return false;
	*(struct mark_ports *)to = (struct mark_ports){.is_set = true, .first = (uint16_t)first, .last = (uint16_t)last};
	return true;
}

/* "EF", "46" or "8-15" into a bit set. */
static bool add_dscps(const char *item, uint64_t *dscps)
{
	unsigned int first, last;
	const char *rest = parse_number(item, CONF_N_DSCP - 1, &first);
	int dscp = dscp_parse(item);

	if (dscp >= 0) {
		*dscps |= UINT64_C(1) << dscp;
		return true;
	}
	if (rest == NULL || *rest != '-')
		return false;
	rest = parse_number(rest + 1, CONF_N_DSCP - 1, &last);
	if (rest == NULL || *rest != '\0' || last < first)
		return false;
	for (; first <= last; first++)
		*dscps |= UINT64_C(1) << first;
	return true;
}

static bool read_dscps(const struct conf_field *field, const char *value, void *to)
{
	char item[16];
	uint64_t dscps = 0;

	(void)field;
	for (;;) {
		value += strspn(value, " \t");
		size_t n = strcspn(value, ","), length = n;
		while (length > 0 && (value[length - 1] == ' ' || value[length - 1] == '\t'))
			length--;
		if (length == 0 || length >= sizeof(item))
			return false;
		memcpy(item, value, length);
		item[length] = '\0';
		if (!add_dscps(item, &dscps))
			return false;
		if (value[n] == '\0')
			break;
		value += n + 1;
	}
	*(uint64_t *)to = dscps;
	return true;
}

static bool read_set(const struct conf_field *field, const char *value, void *to)
{
	int dscp = dscp_parse(value);

	(void)field;
	if (dscp < 0 && strcmp(value, "trust") != 0)
		return false;
	*(int8_t *)to = dscp < 0 ? MARK_TRUST : (int8_t)dscp;
	return true;
}

/* ---- One rule ---- */

#define PREFIX_WANTED "a prefix such as 10.0.0.0/8 or fd00::/8, with nothing set behind its bits, or an address"
#define PORTS_WANTED  "a port or a range of ports such as 443 or 8000-8999"

static const struct conf_field fields[] = {
	{"vf", conf_read_later, 0, 0, 0, 0, "the name of a [vf]"},
	{"order", conf_read_count, AT(struct mark_rule, order), 0, MARK_MAX_ORDER, "a place, the lowest first"},
	{"protocol", conf_read_protocol, AT(struct mark_rule, protocol), 0, 0,
		"tcp, udp, icmp, icmpv6, sctp, dccp, udplite, gre, esp, ah, or a number from 0 to 255"},
	{"src", read_prefix, AT(struct mark_rule, src), 0, 0, PREFIX_WANTED},
	{"dst", read_prefix, AT(struct mark_rule, dst), 0, 0, PREFIX_WANTED},
	{"src_port", read_ports, AT(struct mark_rule, src_port), 0, 0, PORTS_WANTED},
	{"dst_port", read_ports, AT(struct mark_rule, dst_port), 0, 0, PORTS_WANTED},
	{"dscp", read_dscps, AT(struct mark_rule, dscps), 0, 0,
		"code points such as EF, or a list such as AF41,CS4,8-15"},
	{"set", read_set, AT(struct mark_rule, set_dscp), 0, 0, "a code point such as EF, AF41 or 46, or trust"},
};

static void check_family(struct conf_reading *r, const struct ini_section *s, const struct mark_rule *rule)
{
	int family = rule->src.family != MARK_ANY_FAMILY ? rule->src.family : rule->dst.family;
	int line = conf_line(s, conf_entry(s, "dst") != NULL ? "dst" : "src");

	if (rule->src.family != MARK_ANY_FAMILY && rule->dst.family != MARK_ANY_FAMILY &&
		rule->src.family != rule->dst.family)
		conf_say(r, line, "src and dst of [mark %s] are not both IPv4 or both IPv6: no packet has that, wanted one "
			"of them", s->name);
	else if ((rule->protocol == ICMP && family == MARK_IPV6) || (rule->protocol == ICMPV6 && family == MARK_IPV4))
		conf_say(r, conf_line(s, "protocol"), "protocol = %s of [mark %s] is not the other IP's, whose addresses it "
			"asks for: wanted %s", conf_protocol_name(rule->protocol), s->name,
			rule->protocol == ICMP ? "icmpv6" : "icmp");
}

static void check_rule(struct conf_reading *r, const struct ini_section *s, const struct mark_rule *rule)
{
	static const uint8_t with_ports[] = {6, 17, 33, 132, 136};
	const struct ini_entry *port = conf_entry(s, "src_port");

	if (port == NULL)
		port = conf_entry(s, "dst_port");
	if (conf_entry(s, "vf") == NULL)
		conf_say(r, s->line, "[mark %s] has no vf: wanted the name of a [vf]", s->name);
	if (conf_entry(s, "set") == NULL)
		conf_say(r, s->line, "[mark %s] has no set: wanted a code point such as EF, AF41 or 46, or trust", s->name);
	if (port != NULL && rule->protocol != MARK_ANY &&
		memchr(with_ports, rule->protocol, sizeof(with_ports)) == NULL)
		conf_say(r, port->line, "%s of [mark %s], whose protocol has no ports: wanted tcp, udp, sctp, dccp or udplite",
			port->key, s->name);
	check_family(r, s, rule);
}

static bool read_rule(struct conf_reading *r, const struct ini_section *s, struct mark_rule *rule)
{
	bool was_ok = r->ok, is_good;

	*rule = (struct mark_rule){
		.order = DEFAULT_ORDER,
		.protocol = MARK_ANY,
		.dscps = ANY_DSCP,
		.set_dscp = MARK_TRUST,
		.line = s->line,
	};
	r->ok = true;
	conf_read_fields(r, s, fields, LENGTH(fields), rule);
	check_rule(r, s, rule);
	if (conf_has_good_name(r, s))
		snprintf(rule->name, sizeof(rule->name), "%s", s->name);
	is_good = r->ok && s->first_line == 0;
	r->ok = was_ok && r->ok;
	return is_good;
}

/* ---- All rules ---- */

struct rules {
	struct conf_reading *r;
	struct mark_rule *rule;
	uint32_t n, room;
	uint32_t *n_of_vf;	/* by VF */
	struct conf_names vfs;
};

static bool begin(struct rules *a, struct conf_reading *r, uint32_t room)
{
	*a = (struct rules){.r = r, .room = room};
	a->rule = calloc(room + 1u, sizeof(*a->rule));
	a->n_of_vf = calloc(r->conf->n_vfs + 1u, sizeof(*a->n_of_vf));
	if (a->rule != NULL && a->n_of_vf != NULL &&
		conf_names_init(&a->vfs, r->conf->vfs, r->conf->n_vfs, sizeof(struct conf_vf)))
		return true;
	conf_say(r, 0, "out of memory");
	return false;
}

static void add(struct rules *a, const struct mark_rule *rule)
{
	if (a->n == MARK_MAX_RULES)
		conf_say(a->r, rule->line, "[mark %s]: wanted at most %d rules", rule->name, MARK_MAX_RULES);
	else if (a->n_of_vf[rule->vf] == MARK_MAX_PER_VF)
		conf_say(a->r, rule->line, "[mark %s] is one too many of VF %s: wanted at most %d of one VF", rule->name,
			a->r->conf->vfs[rule->vf].name, MARK_MAX_PER_VF);
	else if (a->n < a->room) {
		a->n_of_vf[rule->vf]++;
		a->rule[a->n++] = *rule;
	}
}

static void add_section(struct rules *a, const struct ini_section *s)
{
	const struct ini_entry *vf = conf_entry(s, "vf");
	struct mark_rule rule;

	if (!read_rule(a->r, s, &rule))
		return;
	rule.vf = conf_names_find(&a->vfs, vf->value);
	if (rule.vf == UINT32_MAX)
		conf_say(a->r, vf->line, "vf = %.60s in [mark %s]: wanted the name of a [vf]", vf->value, s->name);
	else
		add(a, &rule);
}

/* All of another set but one name; of another config, whose VFs may stand elsewhere. */
static void add_all_but(struct rules *a, const struct conf *of, const char *name)
{
	for (uint32_t i = 0; i < marks_n(of->marks); i++) {
		struct mark_rule rule = *marks_rule(of->marks, i);

		if (name != NULL && strcmp(rule.name, name) == 0)
			continue;
		rule.vf = conf_names_find(&a->vfs, of->vfs[rule.vf].name);
		if (rule.vf != UINT32_MAX)
			add(a, &rule);
	}
}

/* Makes them the config's, in the place of those it has. */
static void end(struct rules *a)
{
	struct conf *conf = a->r->conf;
	struct marks *before = conf->marks;

	if (a->r->ok && (a->n > 0 || before != NULL)) {
		conf->marks = a->n > 0 ? marks_create(a->rule, a->n, before) : NULL;
		if (a->n > 0 && conf->marks == NULL)
			conf_say(a->r, 0, "out of memory");
		marks_release(before);
	}
	conf_names_fini(&a->vfs);
	free(a->rule);
	free(a->n_of_vf);
}

static uint32_t count_sections(const struct ini *ini)
{
	uint32_t n = 0;

	for (size_t i = 0; i < ini->n_sections; i++)
		n += strcmp(ini->sections[i].kind, "mark") == 0;
	return n;
}

void conf_read_marks(struct conf_reading *r)
{
	struct rules all;

	if (count_sections(r->ini) == 0)
		return;
	if (begin(&all, r, count_sections(r->ini))) {
		for (size_t i = 0; i < r->ini->n_sections; i++)
			if (strcmp(r->ini->sections[i].kind, "mark") == 0)
				add_section(&all, &r->ini->sections[i]);
	}
	end(&all);
}

/* ---- Changes ---- */

void conf_put_mark(struct conf_reading *r, const struct ini_section *s)
{
	struct rules all;

	if (begin(&all, r, marks_n(r->conf->marks) + 1)) {
		add_all_but(&all, r->conf, s->name);
		if (s->n_entries > 0)
			add_section(&all, s);
	}
	end(&all);
}

void conf_drop_marks(struct conf_reading *r, uint32_t vf)
{
	const struct marks *marks = r->conf->marks;
	struct rules all;

	if (marks == NULL || marks_of(marks, vf) == NULL)
		return;
	if (begin(&all, r, marks_n(marks)))
		for (uint32_t i = 0; i < marks_n(marks); i++)
			if (marks_rule(marks, i)->vf != vf)
				add(&all, marks_rule(marks, i));
	end(&all);
}

void conf_take_marks(struct conf_reading *r, const struct conf *from)
{
	struct rules all;

	if (begin(&all, r, marks_n(from->marks)))
		add_all_but(&all, from, NULL);
	end(&all);
}
