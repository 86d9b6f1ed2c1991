/* SPDX-License-Identifier: BSD-3-Clause */
/* [traffic NAME]: who sends what to whom. */
#include <stdlib.h>
#include <string.h>

#include "clk.h"
#include "scenario_impl.h"
#include "units.h"

#define DEFAULT_BYTES	  1500
#define DEFAULT_TCP_BYTES 1514
#define LEAST_BYTES	  60

static bool read_rate(const struct conf_field *field, const char *value, void *to)
{
	struct traffic *t = to;
	uint64_t bps;

	(void)field;
	t->is_greedy = strcmp(value, "max") == 0;
	if (t->is_greedy)
		return true;
	if (!units_parse_count(value, &bps) || bps < 1000 || bps > CONF_MAX_BPS)
		return false;
	t->rate_bps = bps;
	return true;
}

static void set_imix(struct traffic *t)
{
	static const uint16_t size[] = {64, 594, 1514};
	static const uint32_t part[] = {7, 4, 1};

	for (t->n_sizes = 0; t->n_sizes < LENGTH(size); t->n_sizes++) {
		t->size[t->n_sizes] = size[t->n_sizes];
		t->part[t->n_sizes] = part[t->n_sizes];
	}
	t->n_parts = 12;
}

/* "64", "imix", or parts: "64*7, 594*4, 1514". */
static bool read_sizes(const struct conf_field *field, const char *value, void *to)
{
	struct traffic *t = to;

	(void)field;
	t->n_sizes = t->n_parts = 0;
	if (strcmp(value, "imix") == 0) {
		set_imix(t);
		return true;
	}
	while (t->n_sizes < SCENARIO_MAX_SIZES) {
		char *end;
		unsigned long bytes = strtoul(value, &end, 10), parts = 1;
		if (end == value || bytes < LEAST_BYTES || bytes > 9216)
			return false;
		if (*end == '*') {
			value = end + 1;
			parts = strtoul(value, &end, 10);
			if (end == value || parts < 1 || parts > 1000)
				return false;
		}
		t->size[t->n_sizes] = (uint16_t)bytes;
		t->part[t->n_sizes++] = (uint32_t)parts;
		t->n_parts += (uint32_t)parts;
		end += strspn(end, " \t");
		if (*end == '\0')
			return true;
		if (*end != ',')
			return false;
		value = end + 1 + strspn(end + 1, " \t");
	}
	return false;
}

static bool read_dscp(const struct conf_field *field, const char *value, void *to)
{
	int dscp = dscp_parse(value);

	(void)field;
	if (dscp < 0)
		return false;
	((struct traffic *)to)->dscp = (uint8_t)dscp;
	return true;
}

/* Which kinds of traffic a key belongs to: what would be ignored is a mistake. */
#define OF(kind)     (1u << TRAFFIC_##kind)
#define OF_ALL	     (OF(CONSTANT) | OF(POISSON) | OF(ONOFF) | OF(TCP) | OF(TRACE))
#define OF_OPEN_LOOP (OF(CONSTANT) | OF(POISSON) | OF(ONOFF))
#define FOREVER	     (24 * 3600 * NS_PER_S)

static const struct conf_field fields[] = {
	{"kind", conf_read_choice, AT(struct traffic, kind), 0, 0, "constant|poisson|onoff|tcp|trace"},
	{"from", conf_read_later, 0, 0, 0, 0, "VFs or pf"},
	{"to", conf_read_later, 0, 0, 0, 0, "VFs or pf"},
	{"start", conf_read_time, AT(struct traffic, start_ns), 0, FOREVER, "a time such as 1s"},
	{"stop", conf_read_time, AT(struct traffic, stop_ns), 1, FOREVER, "a time such as 1s"},
	{"dscp", read_dscp, 0, 0, 0, 0, "a code point such as EF or 46"},
	{"ecn", conf_read_choice, AT(struct traffic, ecn), 0, 0, "no|ect1|ect0"},
	{"size", read_sizes, 0, 0, 0, 0, "bytes from 60 to 9216, imix, or parts such as 64*7, 594*4, 1514"},
	{"rate", read_rate, 0, 0, 0, 0, "bits per second such as 400M, from 1k to 10T, or max"},
	{"packets", conf_read_count, AT(struct traffic, rate_pps), 1, CONF_MAX_PPS,
		"packets per second such as 100k"},
	{"on", conf_read_time, AT(struct traffic, on_ns), NS_PER_US, FOREVER, "a time such as 10ms"},
	{"off", conf_read_time, AT(struct traffic, off_ns), NS_PER_US, FOREVER, "a time such as 10ms"},
	{"random", conf_read_choice, AT(struct traffic, is_random), 0, 0, "no|yes"},
	{"flows", conf_read_count, AT(struct traffic, n_flows), 1, 100000, "a number of flows"},
	{"algorithm", conf_read_choice, AT(struct traffic, sender.algorithm), 0, 0, SENDER_NAMES},
	{"rtt", conf_read_time, AT(struct traffic, sender.rtt_ns), NS_PER_US, 10 * NS_PER_S, "a time such as 1ms"},
	{"window", conf_read_count, AT(struct traffic, sender.max_window_pkts), 2, 1000000, "packets"},
	{"file", conf_read_later, 0, 0, 0, 0, "a pcap file"},
	{"step", conf_read_count, AT(struct traffic, sender.step), 1, 1000, "a number of the algorithm's own steps"},
	{"smoothing", conf_read_count, AT(struct traffic, sender.smoothing), 1, 4096, "N, for 1/N"},
	{"target", conf_read_count, AT(struct traffic, sender.target_bps), 1000, CONF_MAX_BPS, "bits per second such as 50G"},
	{"within", conf_read_time, AT(struct traffic, sender.target_ns), NS_PER_US, FOREVER, "a time such as 5ms"},
	{"load", conf_read_count, AT(struct traffic, load_bps), 1000, CONF_MAX_BPS, "bits per second such as 90G"},
	{"message", conf_read_count, AT(struct traffic, message_bytes), 64, UINT64_C(1) << 40, "bytes such as 2M"},
	{"growth", conf_read_count, AT(struct traffic, sender.growth), 1, 1000, "thousandths of the target's window, from 1 to 1000"},
	{"paced", conf_read_choice, AT(struct traffic, sender.is_paced), 0, 0, "no|yes"},
	{"class", scenario_read_class, 0, 0, 0, 0, "a name of letters, digits and _"},
	{"protocol", conf_read_protocol, AT(struct traffic, protocol), 0, 0, "tcp, udp, icmp, another name or a number up to 255"},
	{"src", scenario_read_address, AT(struct traffic, src), 0, 0, "an IPv4 address such as 10.0.0.1"},
	{"dst", scenario_read_address, AT(struct traffic, dst), 0, 0, "an IPv4 address such as 10.0.0.1"},
	{"src_port", conf_read_count, AT(struct traffic, src_port), 1, 65535, "a port from 1 to 65535"},
	{"dst_port", conf_read_count, AT(struct traffic, dst_port), 1, 65535, "a port from 1 to 65535"},
	{"by_mac", conf_read_choice, AT(struct traffic, is_by_mac), 0, 0, "no|yes"},
};

static const unsigned int kinds_of[LENGTH(fields)] = {
	OF_ALL, OF_ALL, OF_ALL, OF_ALL, OF_ALL, OF_OPEN_LOOP | OF(TCP), OF_OPEN_LOOP | OF(TCP), OF_OPEN_LOOP | OF(TCP),
	OF_OPEN_LOOP, OF_OPEN_LOOP, OF(ONOFF), OF(ONOFF), OF(ONOFF), OF(TCP), OF(TCP), OF(TCP), OF(TCP), OF(TRACE),
	OF(TCP), OF(TCP), OF(TCP), OF(TCP), OF(TCP), OF(TCP), OF(TCP), OF(TCP), OF(TCP),
	OF_OPEN_LOOP, OF_OPEN_LOOP | OF(TCP), OF_OPEN_LOOP | OF(TCP), OF_OPEN_LOOP | OF(TCP), OF_OPEN_LOOP | OF(TCP), OF(TRACE),
};

static const char *const kind_names[] = {"constant", "poisson", "onoff", "tcp", "trace"};

static void check_kinds(struct conf_reading *r, const struct ini_section *section, enum traffic_kind kind)
{
	for (size_t i = 0; i < LENGTH(fields); i++) {
		const struct ini_entry *e = conf_entry(section, fields[i].key);
		if (e != NULL && (kinds_of[i] & 1u << kind) == 0)
			conf_say(r, e->line, "%s says nothing of kind = %s: wanted it left out", e->key, kind_names[kind]);
	}
}

static void check_amount(struct conf_reading *r, const struct ini_section *section, const struct traffic *t)
{
	bool has_rate = conf_entry(section, "rate") != NULL, has_pps = conf_entry(section, "packets") != NULL;

	if (has_rate == has_pps)
		conf_say(r, section->line, "[traffic %s]: wanted %s rate = (bits per second, or max) %s packets = (per "
			"second)", t->name, has_rate ? "one of" : "either", has_rate ? "and" : "or");
	if (t->kind == TRAFFIC_POISSON && t->is_greedy)
		conf_say(r, conf_line(section, "rate"), "rate = max: wanted a rate, for Poisson arrivals");
	if (t->kind == TRAFFIC_ONOFF && (t->on_ns == 0 || t->off_ns == 0))
		conf_say(r, section->line, "[traffic %s]: wanted on = and off = (times), for kind = onoff", t->name);
}

static void check_traffic(struct conf_reading *r, const struct ini_section *section, struct traffic *t)
{
	check_kinds(r, section, t->kind);
	if (t->kind == TRAFFIC_TCP)
		scenario_check_sender(r, section, t);
	else if (t->kind == TRAFFIC_TRACE && conf_entry(section, "file") == NULL)
		conf_say(r, section->line, "[traffic %s]: wanted file = a pcap file, for kind = trace", t->name);
	else if (t->kind != TRAFFIC_TRACE)
		check_amount(r, section, t);
	if (t->stop_ns != 0 && t->stop_ns <= t->start_ns)
		conf_say(r, conf_line(section, "stop"), "stop is not after start: wanted a later time");
	if (conf_entry(section, "from") == NULL)
		conf_say(r, section->line, "[traffic %s]: wanted from = VFs or pf", t->name);
}

/* ---- Who ---- */

/* "vm1", "pf", "web*" or "*" of n characters: adds whom it names.  How many; 0: nobody. */
static uint32_t add_party(const struct conf *conf, const char *text, size_t n, vf_id *list, uint32_t at)
{
	bool is_prefix = n > 0 && text[n - 1] == '*';
	uint32_t before = at;

	if (n == 2 && memcmp(text, "pf", 2) == 0) {
		list[at] = VF_PF;
		return 1;
	}
	n -= is_prefix;
	for (uint32_t i = 0; i < conf->n_vfs; i++) {
		const char *name = conf->vfs[i].name;
		if (strncmp(name, text, n) == 0 && (is_prefix || name[n] == '\0'))
			list[at++] = i;
	}
	return at - before;
}

/* -> an array of the parties that 'e' names, owned by the caller. */
static vf_id *read_parties(struct conf_reading *r, const struct conf *conf, const struct ini_entry *e, uint32_t *n)
{
	size_t room = conf->n_vfs + 2;
	vf_id *list = calloc(room, sizeof(*list));
	const char *at = e->value;

	*n = 0;
	while (list != NULL) {
		size_t length = strcspn(at, ", \t");
		uint32_t more = room - *n > conf->n_vfs ? add_party(conf, at, length, list, *n) : 0;
		if (more == 0) {
			conf_say(r, e->line, "%s = %.60s: wanted VFs of the config (or pf, or names with * at their end) "
				"separated by commas, each once", e->key, e->value);
			break;
		}
		*n += more;
		at += length + strspn(at + length, " \t");
		if (*at == '\0')
			break;
		if (*at == ',')
			at += 1 + strspn(at + 1, " \t");
		vf_id *bigger = realloc(list, (room += conf->n_vfs + 1) * sizeof(*list));
		list = bigger != NULL ? bigger : list;
	}
	return list;
}

static bool has_doubles(const struct conf *conf, const vf_id *list, uint32_t n)
{
	uint8_t *seen = calloc(conf->n_vfs + 1, 1);
	bool is_double = false;

	for (uint32_t i = 0; seen != NULL && i < n; i++) {
		uint32_t who = list[i] == VF_PF ? conf->n_vfs : list[i];
		is_double |= seen[who]++ > 0;
	}
	free(seen);
	return is_double;
}

static void check_parties(struct scenario_reading *reading, const struct ini_section *section, const struct traffic *t)
{
	const struct conf *conf = reading->s->conf;
	struct conf_reading *r = &reading->r;

	for (uint32_t i = 0; i < t->n_to; i++) {
		if (t->to[i] != VF_PF && conf->vfs[t->to[i]].n_macs == 0) {
			conf_say(r, conf_line(section, "to"), "to = %s: it has no MAC to send to: wanted mac = in [vf %s]",
				conf->vfs[t->to[i]].name, conf->vfs[t->to[i]].name);
			break;
		}
	}
	if (has_doubles(conf, t->from, t->n_from) || has_doubles(conf, t->to, t->n_to))
		conf_say(r, section->line, "[traffic %s]: somebody is named twice in from or to: wanted each once", t->name);
	if (t->n_from == 1 && t->n_to == 1 && t->from[0] == t->to[0] && conf_entry(section, "to") == NULL)
		conf_say(r, section->line, "[traffic %s]: from = pf, and to = pf where nothing is said: wanted to = VFs", t->name);
	else if (t->n_from == 1 && t->n_to == 1 && t->from[0] == t->to[0])
		conf_say(r, conf_line(section, "to"), "to: wanted somebody else than the sender");
	reading->n_sources += (uint64_t)t->n_from * t->n_to;
	reading->n_flows += (uint64_t)t->n_from * t->n_to * t->n_flows;
	if (reading->n_sources > SCENARIO_MAX_SOURCES || reading->n_flows > SCENARIO_MAX_FLOWS)
		conf_say(r, section->line, "[traffic %s]: %llu pairs and %llu flows up to here: wanted at most %u of each",
			t->name, (unsigned long long)reading->n_sources, (unsigned long long)reading->n_flows,
			SCENARIO_MAX_SOURCES);
}

static void read_who(struct scenario_reading *reading, const struct ini_section *section, struct traffic *t)
{
	static const struct ini_entry to_pf = {.key = "to", .value = "pf"};
	const struct ini_entry *from = conf_entry(section, "from"), *to = conf_entry(section, "to");
	struct conf_reading *r = &reading->r;

	if (reading->s->conf == NULL || from == NULL)
		return;
	bool was_ok = r->ok;
	r->ok = true;
	t->from = read_parties(r, reading->s->conf, from, &t->n_from);
	t->to = read_parties(r, reading->s->conf, to != NULL ? to : &to_pf, &t->n_to);
	if (r->ok && t->from != NULL && t->to != NULL)
		check_parties(reading, section, t);
	r->ok &= was_ok;
}

/* ---- The section ---- */

static struct traffic *add_traffic(struct scenario_reading *reading)
{
	struct scenario *s = reading->s;

	if (s->n_traffics == reading->room_traffics) {
		uint32_t room = reading->room_traffics > 0 ? 2 * reading->room_traffics : 16;
		struct traffic *bigger = realloc(s->traffics, room * sizeof(*bigger));
		if (bigger == NULL)
			return NULL;
		s->traffics = bigger;
		reading->room_traffics = room;
	}
	return &s->traffics[s->n_traffics++];
}

static void set_size(struct traffic *t, uint16_t bytes)
{
	t->size[0] = bytes;
	t->part[0] = 1;
	t->n_sizes = t->n_parts = 1;
}

void scenario_read_traffic(struct scenario_reading *reading, const struct ini_section *section)
{
	struct conf_reading *r = &reading->r;
	struct traffic *t;

	if (section->first_line != 0)
		return;
	t = add_traffic(reading);
	if (t == NULL) {
		conf_say(r, section->line, "out of memory");
		return;
	}
	*t = (struct traffic){.line = section->line, .n_flows = 1,
		.sender = {.rtt_ns = NS_PER_MS, .max_window_pkts = 4000, .step = 1}};
	t->class_of = (uint32_t)(t - reading->s->traffics);
	if (conf_has_good_name(r, section))
		snprintf(t->name, sizeof(t->name), "%s", section->name);
	conf_read_fields(r, section, fields, LENGTH(fields), t);
	if (t->n_sizes == 0)
		set_size(t, t->kind == TRAFFIC_TCP ? DEFAULT_TCP_BYTES : DEFAULT_BYTES);
	check_traffic(r, section, t);
	scenario_join_class(reading, section, t);
	scenario_make_head(t);
	scenario_check_head(r, section, t);
	if (t->kind != TRAFFIC_TCP)
		t->n_flows = 0;
	if (t->kind == TRAFFIC_TRACE && conf_entry(section, "file") != NULL)
		t->file = strdup(conf_entry(section, "file")->value);
	read_who(reading, section, t);
}

bool scenario_add_default_traffic(struct scenario *s)
{
	struct traffic *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return false;
	snprintf(t->name, sizeof(t->name), "all");
	t->is_greedy = true;
	set_size(t, DEFAULT_BYTES);
	scenario_make_head(t);
	t->from = calloc(s->conf->n_vfs + 1, sizeof(*t->from));
	t->to = calloc(1, sizeof(*t->to));
	s->traffics = t;
	s->n_traffics = 1;
	s->has_default_traffic = true;
	if (t->from == NULL || t->to == NULL)
		return false;
	for (t->n_from = 0; t->n_from < s->conf->n_vfs; t->n_from++)
		t->from[t->n_from] = t->n_from;
	t->to[0] = VF_PF;
	t->n_to = 1;
	return true;
}
