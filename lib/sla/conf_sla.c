/* SPDX-License-Identifier: BSD-3-Clause */
/* The terms of an SLA, of VFs and of tenants: which there are, how they are read, what contradicts what. */
#include <string.h>

#include "clk.h"
#include "conf_fields.h"
#include "units.h"

#define BPS_WANTED "bits per second such as 150M (none: leave it out)"
#define PPS_WANTED "packets per second such as 20k (none: leave it out)"

/* Behind "tx." and "rx.".  The last N_VF_ONLY are no tenant's. */
static const struct conf_field fields[] = {
	{"min_bps", conf_read_count, AT(struct sla, min_bps), 1000, CONF_MAX_BPS, BPS_WANTED},
	{"max_bps", conf_read_count, AT(struct sla, max_bps), 1000, CONF_MAX_BPS, BPS_WANTED},
	{"min_pps", conf_read_count, AT(struct sla, min_pps), 1, CONF_MAX_PPS, PPS_WANTED},
	{"max_pps", conf_read_count, AT(struct sla, max_pps), 1, CONF_MAX_PPS, PPS_WANTED},
	{"burst", conf_read_auto_time, AT(struct sla, burst_ns), NS_PER_US, 10 * NS_PER_S,
		"auto or a time such as 1ms"},
	{"weight", conf_read_count, AT(struct sla, weight), 1, 1000, "a weight"},
	{"priority", conf_read_count, AT(struct sla, priority), 0, CONF_N_PRIORITIES - 1,
		"a priority (0 is served first)"},
	{"basis", conf_read_choice, AT(struct sla, basis), 0, 0, "l2|wire"},
	{"urgent_bps", conf_read_count, AT(struct sla, urgent_bps), 1000, CONF_MAX_BPS, BPS_WANTED},
	{"urgent_pps", conf_read_count, AT(struct sla, urgent_pps), 1, CONF_MAX_PPS, PPS_WANTED},
	{"peak_bps", conf_read_count, AT(struct sla, peak_bps), 1000, CONF_MAX_BPS, BPS_WANTED},
	{"credit", conf_read_time, AT(struct sla, credit_ns), NS_PER_S, 24 * 3600 * NS_PER_S,
		"a time at max_bps such as 60s (none: leave it out)"},
};
#define N_VF_ONLY 4

bool conf_read_term(struct conf_reading *r, const struct ini_entry *e, struct sla *sla)
{
	const struct conf_field *field = conf_find_field(fields, LENGTH(fields), e->key + 3);

	if (field == NULL)
		return false;
	if (r->command != NULL && strcmp(e->value, "none") == 0)
		memset((char *)sla + field->offset, 0, field->bytes);	/* all terms are 0 where they are not set */
	else
		conf_read_field(r, field, e, sla);
	return true;
}

static void list_keys(const struct conf_terms_kind *kind, bool has_prefix, char *buf, size_t size)
{
	if (!has_prefix) {
		conf_list_keys(kind->fields, kind->n_fields, buf, size);
		strcat(buf, ", or ");
	}
	strcat(buf, kind->has_rx ? "tx. or rx. with " : "tx. with ");
	conf_list_keys(fields, LENGTH(fields) - (kind->has_rx ? 0 : N_VF_ONLY), buf, size);
}

void conf_say_unknown_term(
	struct conf_reading *r, const struct ini_entry *e, const struct conf_terms_kind *kind)
{
	bool has_prefix = strncmp(e->key, "tx.", 3) == 0 || strncmp(e->key, "rx.", 3) == 0;
	const char *bare = has_prefix ? e->key + 3 : e->key;
	const char *near = has_prefix ? NULL : conf_nearest(kind->fields, kind->n_fields, bare);
	const struct conf_field *exact = conf_find_field(fields, LENGTH(fields), bare);
	char known[384] = "";

	if (near != NULL) {
		conf_say(r, e->line, "unknown key %.60s in [%s]: wanted %s, perhaps", e->key, kind->kind,
			near);
		return;
	}
	near = exact != NULL ? exact->key : conf_nearest(fields, LENGTH(fields), bare);
	if (near != NULL && has_prefix) {
		conf_say(r, e->line, "unknown key %.60s in [%s]: wanted %.3s%s, perhaps", e->key, kind->kind,
			e->key, near);
	} else if (near != NULL && kind->has_rx) {
		conf_say(r, e->line, "unknown key %.60s in [%s]: wanted tx.%s or rx.%s, perhaps", e->key,
			kind->kind, near, near);
	} else if (near != NULL) {
		conf_say(r, e->line, "unknown key %.60s in [%s]: wanted tx.%s, perhaps", e->key, kind->kind,
			near);
	} else {
		list_keys(kind, has_prefix || r->command != NULL, known, sizeof(known));
		conf_say(r, e->line, "unknown key %.60s in [%s]: wanted %s", e->key, kind->kind, known);
	}
}

/* "tx.min_bps = 200M is above tx.max_bps = 100M" */
static void check_at_most(struct conf_reading *r, const struct ini_section *s, const char *dir, const char *low,
	uint64_t low_value, const char *high, uint64_t high_value)
{
	char low_key[32], high_key[32], low_text[UNITS_TEXT], high_text[UNITS_TEXT], line[32] = "";

	if (low_value == 0 || high_value == 0 || low_value <= high_value)
		return;
	snprintf(low_key, sizeof(low_key), "%s.%s", dir, low);
	snprintf(high_key, sizeof(high_key), "%s.%s", dir, high);
	if (r->command == NULL)
		snprintf(line, sizeof(line), " (line %d)", conf_line(s, high_key));
	conf_say(r, conf_line(s, low_key), "%s = %s is above %s = %s%s: wanted at most that", low_key,
		units_count_text(low_text, low_value), high_key, units_count_text(high_text, high_value), line);
}

/* Credits are the three of them. */
static void check_credits(struct conf_reading *r, const struct ini_section *s, const char *dir, const struct sla *sla)
{
	char peak_key[32], peak[UNITS_TEXT], max[UNITS_TEXT];

	snprintf(peak_key, sizeof(peak_key), "%s.peak_bps", dir);
	if ((sla->peak_bps == 0) != (sla->credit_ns == 0))
		conf_say(r, conf_line(s, peak_key), "%s.%s without %s.%s: wanted both, or none: a peak needs a bank, and a bank a peak",
			dir, sla->peak_bps != 0 ? "peak_bps" : "credit", dir, sla->peak_bps != 0 ? "credit" : "peak_bps");
	else if (sla->peak_bps != 0 && sla->max_bps == 0)
		conf_say(r, conf_line(s, peak_key), "%s.peak_bps without %s.max_bps: wanted the limit that credits go above", dir, dir);
	else if (sla->peak_bps != 0 && sla->peak_bps <= sla->max_bps)
		conf_say(r, conf_line(s, peak_key), "%s.peak_bps = %s is not above %s.max_bps = %s: wanted more than that", dir,
			units_count_text(peak, sla->peak_bps), dir, units_count_text(max, sla->max_bps));
}

void conf_check_sla(
	struct conf_reading *r, const struct ini_section *s, const char *dir, const struct sla *sla)
{
	check_at_most(r, s, dir, "min_bps", sla->min_bps, "max_bps", sla->max_bps);
	check_at_most(r, s, dir, "min_pps", sla->min_pps, "max_pps", sla->max_pps);
	check_at_most(r, s, dir, "urgent_bps", sla->urgent_bps, "max_bps", sla->max_bps);
	check_at_most(r, s, dir, "urgent_pps", sla->urgent_pps, "max_pps", sla->max_pps);
	check_credits(r, s, dir, sla);
}
