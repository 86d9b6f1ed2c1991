/* SPDX-License-Identifier: BSD-3-Clause */
/* Marking rules as text: as they are read, in a file or in a command. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "conf_change.h"
#include "conf_mark.h"
#include "table.h"

static void put_prefix(FILE *out, const struct mark_prefix *p)
{
	char address[INET6_ADDRSTRLEN];
	int most = p->family == MARK_IPV6 ? 128 : 32;

	inet_ntop(p->family == MARK_IPV6 ? AF_INET6 : AF_INET, p->address, address, sizeof(address));
	fprintf(out, "%s", address);
	if (p->bits < most)
		fprintf(out, "/%u", p->bits);
}

static void put_ports(FILE *out, const struct mark_ports *p)
{
	fprintf(out, p->first == p->last ? "%u" : "%u-%u", p->first, p->last);
}

/* Names; three and more that follow each other as a range. */
static void put_dscps(FILE *out, uint64_t dscps)
{
	const char *before = "";

	for (int first = 0, last; first < CONF_N_DSCP; first = last + 1) {
		last = first;
		if ((dscps >> first & 1) == 0)
			continue;
		while (last + 1 < CONF_N_DSCP && (dscps >> (last + 1) & 1) != 0)
			last++;
		if (last < first + 2)
			last = first;
		if (last > first)
			fprintf(out, "%s%d-%d", before, first, last);
		else
			fprintf(out, "%s%s", before, dscp_name(first));
		before = ",";
	}
}

static const char *set_text(int dscp)
{
	return dscp == MARK_TRUST ? "trust" : dscp_name(dscp);
}

/* What it asks of a packet, each key after 'before'. */
static void put_match(FILE *out, const struct mark_rule *m, const char *before, const char *is)
{
	if (m->protocol != MARK_ANY) {
		const char *name = conf_protocol_name(m->protocol);
		fprintf(out, "%sprotocol%s", before, is);
		if (name != NULL)
			fprintf(out, "%s", name);
		else
			fprintf(out, "%d", m->protocol);
	}
	if (m->src.family != MARK_ANY_FAMILY) {
		fprintf(out, "%ssrc%s", before, is);
		put_prefix(out, &m->src);
	}
	if (m->dst.family != MARK_ANY_FAMILY) {
		fprintf(out, "%sdst%s", before, is);
		put_prefix(out, &m->dst);
	}
	if (m->src_port.is_set) {
		fprintf(out, "%ssrc_port%s", before, is);
		put_ports(out, &m->src_port);
	}
	if (m->dst_port.is_set) {
		fprintf(out, "%sdst_port%s", before, is);
		put_ports(out, &m->dst_port);
	}
	if (m->dscps != UINT64_MAX) {
		fprintf(out, "%sdscp%s", before, is);
		put_dscps(out, m->dscps);
	}
}

static void put_rule(FILE *out, const struct conf *conf, const struct mark_rule *m, const char *before, const char *is)
{
	fprintf(out, "vf%s%s%sorder%s%" PRIu32, is, conf->vfs[m->vf].name, before, is, m->order);
	put_match(out, m, before, is);
	fprintf(out, "%sset%s%s", before, is, set_text(m->set_dscp));
}

const char *conf_mark_text(const struct conf *conf, uint32_t i, char *buf, size_t size)
{
	FILE *out = fmemopen(buf, size, "w");

	buf[0] = '\0';
	if (out == NULL)
		return buf;
	put_rule(out, conf, marks_rule(conf->marks, i), ";", "=");
	fclose(out);
	buf[size - 1] = '\0';
	return buf;
}

static void dump_rule(const struct conf *conf, const struct mark_rule *m, FILE *out)
{
	fprintf(out, "\n[mark %s]\n", m->name);
	put_rule(out, conf, m, "\n", " = ");
	fprintf(out, "\n");
}

void conf_dump_marks(const struct conf *conf, FILE *out)
{
	for (uint32_t i = 0; i < marks_n(conf->marks); i++)
		dump_rule(conf, marks_rule(conf->marks, i), out);
}

void conf_dump_state_marks(const struct conf *conf, const struct conf *base, FILE *out)
{
	if (conf->marks == base->marks)
		return;
	for (uint32_t i = 0; i < marks_n(base->marks); i++)
		if (marks_find(conf->marks, marks_rule(base->marks, i)->name) == UINT32_MAX)
			fprintf(out, "\n[mark %s]\n", marks_rule(base->marks, i)->name);
	for (uint32_t i = 0; i < marks_n(conf->marks); i++) {
		const struct mark_rule *m = marks_rule(conf->marks, i);
		uint32_t j = marks_find(base->marks, m->name);
		if (j == UINT32_MAX || !mark_rule_is_same(m, marks_rule(base->marks, j)))
			dump_rule(conf, m, out);
	}
}

void conf_marks_changes(const struct conf *from, const struct conf *to, conf_marks_change_fn *tell, void *ctx)
{
	char text[CONF_MARK_CHARS];

	if (from->marks == to->marks)
		return;
	for (uint32_t i = 0; i < marks_n(from->marks); i++)
		if (marks_find(to->marks, marks_rule(from->marks, i)->name) == UINT32_MAX)
			tell(ctx, marks_rule(from->marks, i)->name, conf_mark_text(from, i, text, sizeof(text)), false);
	for (uint32_t i = 0; i < marks_n(to->marks); i++) {
		const struct mark_rule *m = marks_rule(to->marks, i);
		uint32_t j = marks_find(from->marks, m->name);
		if (j == UINT32_MAX || !mark_rule_is_same(m, marks_rule(from->marks, j)))
			tell(ctx, m->name, conf_mark_text(to, i, text, sizeof(text)), true);
	}
}

void conf_print_marks(const struct conf *conf, FILE *out)
{
	struct table *t = table_create("vf|>order|rule|what it asks of a packet|sets");

	for (uint32_t i = 0; t != NULL && i < marks_n(conf->marks); i++) {
		const struct mark_rule *m = marks_rule(conf->marks, i);
		char match[CONF_MARK_CHARS] = "";
		FILE *text = fmemopen(match, sizeof(match), "w");

		if (text != NULL) {
			put_match(text, m, " ", " ");
			fclose(text);
		}
		table_row(t, "%s|%" PRIu32 "|%s|%s|%s", conf->vfs[m->vf].name, m->order, m->name,
			match[0] != '\0' ? match + 1 : "nothing: all match", set_text(m->set_dscp));
	}
	fprintf(out, "Marking rules (of what a VF sends, the first that matches)\n");
	if (t != NULL)
		table_print(t, out, "  ");
	table_destroy(t);
}
