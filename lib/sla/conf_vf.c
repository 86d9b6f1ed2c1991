/* SPDX-License-Identifier: BSD-3-Clause */
/* [vf NAME]: MACs, VLANs, and the SLA of both directions. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "clk.h"
#include "conf_fields.h"

/* "02:00:00:00:00:01"; returns what follows, or NULL. */
static const char *parse_mac(const char *text, uint8_t mac[6])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 12; i++) {
		if (i > 0 && i % 2 == 0 && *text++ != ':')
			return NULL;
		const char *digit = *text == '\0' ? NULL : strchr(digits, tolower((unsigned char)*text));
		if (digit == NULL)
			return NULL;
		text++;
		mac[i / 2] = (uint8_t)(mac[i / 2] << 4 | (digit - digits));
	}
	return text;
}

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

static bool read_macs(const struct conf_field *field, const char *value, void *to)
{
	struct conf_vf *vf = to;

	(void)field;
	for (vf->n_macs = 0; vf->n_macs < CONF_MAX_MACS;) {
		value = parse_mac(skip_blanks(value), vf->mac[vf->n_macs]);
		if (value == NULL)
			break;
		vf->n_macs++;
		value = skip_blanks(value);
		if (*value == '\0')
			return true;
		if (*value++ != ',')
			break;
	}
	vf->n_macs = 0;
	return false;
}

/* "100": returns what follows, or NULL. */
static const char *parse_vid(const char *text, unsigned int *vid)
{
	if (!isdigit((unsigned char)*text))
		return NULL;
	for (*vid = 0; isdigit((unsigned char)*text); text++) {
		*vid = *vid * 10 + (unsigned int)(*text - '0');
		if (*vid > 4094)
			return NULL;
	}
	return *vid > 0 ? text : NULL;
}

/* "10,20-30" into a bitmap. */
static bool fill_trunk(uint64_t *trunk, const char *value)
{
	for (;;) {
		unsigned int first, last;

		value = parse_vid(skip_blanks(value), &first);
		if (value == NULL)
			return false;
		last = first;
		value = skip_blanks(value);
		if (*value == '-')
			value = parse_vid(skip_blanks(value + 1), &last);
		if (value == NULL || last < first)
			return false;
		for (unsigned int vid = first; vid <= last; vid++) {
			if (trunk[vid / 64] >> (vid % 64) & 1)
				return false;
			trunk[vid / 64] |= UINT64_C(1) << (vid % 64);
		}
		value = skip_blanks(value);
		if (*value == '\0')
			return true;
		if (*value++ != ',')
			return false;
	}
}

static bool read_trunk(const struct conf_field *field, const char *value, void *to)
{
	struct conf_vf *vf = to;

	(void)field;
	vf->trunk = calloc(64, sizeof(*vf->trunk));
	return vf->trunk != NULL && fill_trunk(vf->trunk, value);
}

static const struct conf_field vf_fields[] = {
	{"port", conf_read_later, AT(struct conf_vf, port), 0, 0, "the device of a [port]"},
	{"mac", read_macs, 0, 0, 0, 0, "up to 8 addresses such as 02:00:00:00:00:01, separated by commas"},
	{"vlan", conf_read_count, AT(struct conf_vf, vid), 1, 4094, "a VLAN"},
	{"trunk", read_trunk, 0, 0, 0, 0, "VLANs such as 10,20-30, each once and from 1 to 4094"},
	{"native", conf_read_count, AT(struct conf_vf, vid), 1, 4094, "a VLAN"},
	{"antispoof", conf_read_choice, AT(struct conf_vf, antispoof), 0, 0, "no|yes"},
	{"broadcast_pps", conf_read_count, AT(struct conf_vf, broadcast_pps), 0, CONF_MAX_PPS,
		"packets per second such as 1000"},
	{"queue", conf_read_count, AT(struct conf_vf, queue_pkts), 8, 65536, "packets"},
	{"receive_queue", conf_read_count, AT(struct conf_vf, receive_queue_pkts), 8, 65536, "packets"},
	{"dscp_map", conf_read_later, AT(struct conf_vf, dscp_map), 0, 0, "the name of a [dscp]"},
	{"tenant", conf_read_later, AT(struct conf_vf, tenant), 0, 0, "the name of a [tenant]"},
	{"when_full", conf_read_choice, AT(struct conf_vf, when_full), 0, 0, "hold|drop"},
	{"ecn", conf_read_choice, AT(struct conf_vf, ecn), 0, 0, "no|yes"},
	{"mark_above", conf_read_auto_time, AT(struct conf_vf, mark_above_ns), 10 * NS_PER_US, NS_PER_S,
		"auto or a time such as 1ms"},
	{"remote", conf_read_choice, AT(struct conf_vf, is_remote), 0, 0, "no|yes"},
	{"echo", conf_read_choice, AT(struct conf_vf, echo), 0, 0, "dctcp|classic"},
};

static const struct conf_terms_kind vf_kind = {"vf", vf_fields, LENGTH(vf_fields), true};

/* rx.min_*: a promise nobody keeps yet must not be sold. */
static bool is_unenforced(struct conf_reading *r, const struct ini_entry *e)
{
	if (strcmp(e->key, "rx.peak_bps") == 0 || strcmp(e->key, "rx.credit") == 0) {
		conf_say(r, e->line, "%s: credits are for what a VF sends: wanted tx.peak_bps and tx.credit", e->key);
		return true;
	}
	if (strcmp(e->key, "rx.min_bps") != 0 && strcmp(e->key, "rx.min_pps") != 0)
		return false;
	conf_say(r, e->line,
		"%s: nothing enforces a guarantee on a VF's own port yet: wanted tx.min_* or rx.max_*",
		e->key);
	return true;
}

static void read_term(struct conf_reading *r, const struct ini_entry *e, struct conf_vf *vf)
{
	struct sla *sla = strncmp(e->key, "tx.", 3) == 0   ? &vf->tx
			  : strncmp(e->key, "rx.", 3) == 0 ? &vf->rx
							   : NULL;

	if (!is_unenforced(r, e) && (sla == NULL || !conf_read_term(r, e, sla)))
		conf_say_unknown_term(r, e, &vf_kind);
}

static void read_vf_entry(struct conf_reading *r, const struct ini_entry *e, struct conf_vf *vf)
{
	const struct conf_field *field = conf_find_field(vf_fields, LENGTH(vf_fields), e->key);

	if (field != NULL)
		conf_read_field(r, field, e, vf);
	else
		read_term(r, e, vf);
}

void conf_read_vf_term(struct conf_reading *r, const struct ini_entry *e, struct conf_vf *vf)
{
	const struct conf_field *field = conf_find_field(vf_fields, LENGTH(vf_fields), e->key);
	bool is_remote = strcmp(e->key, "remote") == 0, is_echo = strcmp(e->key, "echo") == 0;

	if (field == NULL)
		read_term(r, e, vf);
	else if (is_remote && strcmp(e->value, "none") == 0)
		vf->is_remote = true;
	else if (is_echo && strcmp(e->value, "none") == 0)
		vf->echo = ECHO_DCTCP;
	else if (is_remote || is_echo)
		conf_read_field(r, field, e, vf);
	else if (strcmp(e->key, "dscp_map") == 0)
		conf_say(r, e->line, "dscp_map is no term: wanted /weir/dscp/set,VF,map=NAME (weirctl dscp VF map NAME)");
	else
		conf_say(r, e->line, "%s cannot change while weir runs: wanted a term, tx.* or rx.*, remote or echo", e->key);
}

static bool add_vf(struct conf_reading *r, const struct ini_section *s, const struct conf_vf *vf)
{
	struct conf *conf = r->conf;

	if (conf->n_vfs == CONF_MAX_VFS) {
		conf_say(r, s->line, "[vf %s]: wanted at most %d VFs", s->name, CONF_MAX_VFS);
		return false;
	}
	if (conf->n_vfs == r->room_vfs) {
		size_t room = r->room_vfs > 0 ? 2 * r->room_vfs : 16;
		struct conf_vf *vfs = realloc(conf->vfs, room * sizeof(*vfs));

		if (vfs != NULL)
			conf->vfs = vfs;
		const struct ini_section **sections = realloc(r->vf_section, room * sizeof(*sections));
		if (sections != NULL)
			r->vf_section = sections;
		if (vfs == NULL || sections == NULL) {
			conf_say(r, s->line, "out of memory");
			return false;
		}
		r->room_vfs = room;
	}
	r->vf_section[conf->n_vfs] = s;
	conf->vfs[conf->n_vfs++] = *vf;
	return true;
}

void conf_read_vf_keys(struct conf_reading *r, const struct ini_section *s, struct conf_vf *vf)
{
	*vf = (struct conf_vf){
		.tenant = CONF_NO_TENANT,
		.antispoof = true,
		.ecn = true,
		.is_remote = true,
		.broadcast_pps = 1000,
		.queue_pkts = 256,
		.line = s->line,
	};

	for (size_t i = 0; i < s->n_entries; i++)
		read_vf_entry(r, &s->entries[i], vf);
	vf->vlan_mode = conf_entry(s, "trunk") != NULL  ? VLAN_TRUNK
		       : conf_entry(s, "vlan") != NULL ? VLAN_ACCESS
						       : VLAN_NONE;
	snprintf(vf->name, sizeof(vf->name), "%.*s", CONF_NAME_CHARS - 1, s->name);
}

void conf_read_vf(struct conf_reading *r, const struct ini_section *s)
{
	struct conf_vf vf;

	conf_read_vf_keys(r, s, &vf);
	if (!conf_has_good_name(r, s) || s->first_line != 0 || !add_vf(r, s, &vf))
		free(vf.trunk);
}
