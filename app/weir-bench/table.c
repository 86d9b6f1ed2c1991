/* SPDX-License-Identifier: BSD-3-Clause */
/* The rows of one suite as tables: one for each metric, cases down, contenders across; then bars and notes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_impl.h"

struct names {
	const char **name;
	unsigned int n;
};

static void add_name(struct names *names, const char *name)
{
	for (unsigned int i = 0; i < names->n; i++)
		if (strcmp(names->name[i], name) == 0)
			return;
	names->name = grow(names->name, names->n, sizeof(*names->name));
	names->name[names->n++] = name;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static bool is_of(const struct bench *b, const struct bench_row_rec *r, const char *metric)
{
	return r->suite == b->suite && (metric == NULL || strcmp(r->metric, metric) == 0);
}

/* The spread stands beside its median, and ns are the cycles again: they have no table of their own. */
static bool has_table(const struct bench *b, const struct bench_row_rec *r)
{
	char metric[64];

	if (strcmp(r->metric, "ns") == 0)
		return isnan(bench_value(b, r->case_name, r->contender, "cycles"));
	if (!ends_with(r->metric, "_p15") && !ends_with(r->metric, "_p95"))
		return true;
	snprintf(metric, sizeof(metric), "%.*s", (int)strlen(r->metric) - 4, r->metric);
	return isnan(bench_value(b, r->case_name, r->contender, metric));
}

static const char *digits(double value)
{
	double size = fabs(value);

	if (size == floor(size) && size < 1e15)
		return "%.0f";
	return size >= 1000 ? "%.0f" : size >= 10 ? "%.1f" : size >= 0.1 ? "%.2f" : "%.4g";
}

static int put_number(char *text, size_t size, double value)
{
	/* the format is one of the literals above */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return snprintf(text, size, digits(value), value);
#pragma GCC diagnostic pop
}

/* "41.2 (40.1..44.0) 1.00x" */
static void put_cell(const struct bench *b, char *text, size_t size, const char *case_name, const char *contender,
	const char *metric)
{
	double value = bench_value(b, case_name, contender, metric);
	char side[64];

	if (isnan(value)) {
		snprintf(text, size, "-");
		return;
	}
	int n = put_number(text, size, value);
	snprintf(side, sizeof(side), "%s_p15", metric);
	double low = bench_value(b, case_name, contender, side);
	snprintf(side, sizeof(side), "%s_p95", metric);
	double high = bench_value(b, case_name, contender, side);
	if (!isnan(low) && !isnan(high))
		n += snprintf(text + n, size - (size_t)n, " (%.0f..%.0f)", low, high);
	double ours = bench_value(b, case_name, BENCH_OURS, metric);
	if (strcmp(metric, "cycles") == 0 && strcmp(contender, BENCH_OURS) != 0 && ours > 0)
		snprintf(text + n, size - (size_t)n, " %.2fx", value / ours);
}

static const char *unit_of(const struct bench *b, const char *metric)
{
	for (size_t i = 0; i < b->n_rows; i++)
		if (is_of(b, &b->rows[i], metric))
			return b->rows[i].unit;
	return "";
}

static int width_of(const struct bench *b, const struct names *cases, const char *contender, const char *metric)
{
	char cell[128];
	size_t width = strlen(contender);

	for (unsigned int i = 0; i < cases->n; i++) {
		put_cell(b, cell, sizeof(cell), cases->name[i], contender, metric);
		if (strlen(cell) > width)
			width = strlen(cell);
	}
	return (int)width;
}

static void print_metric(const struct bench *b, const char *metric, FILE *out)
{
	struct names cases = {0}, contenders = {0};
	char cell[128];
	int first = 4;

	for (size_t i = 0; i < b->n_rows; i++) {
		if (!is_of(b, &b->rows[i], metric))
			continue;
		add_name(&cases, b->rows[i].case_name);
		add_name(&contenders, b->rows[i].contender);
		if ((int)strlen(b->rows[i].case_name) > first)
			first = (int)strlen(b->rows[i].case_name);
	}
	int *width = grow(NULL, contenders.n, sizeof(*width));
	fprintf(out, "\n%s [%s]%s\n%-*s", metric, unit_of(b, metric),
		strcmp(metric, "cycles") == 0 ? ": median (p15..p95) ratio to " BENCH_OURS "; 2 cycles = 1 ns" : "",
		first, "case");
	for (unsigned int c = 0; c < contenders.n; c++) {
		width[c] = width_of(b, &cases, contenders.name[c], metric);
		fprintf(out, "  %*s", width[c], contenders.name[c]);
	}
	for (unsigned int i = 0; i < cases.n; i++) {
		fprintf(out, "\n%-*s", first, cases.name[i]);
		for (unsigned int c = 0; c < contenders.n; c++) {
			put_cell(b, cell, sizeof(cell), cases.name[i], contenders.name[c], metric);
			fprintf(out, "  %*s", width[c], cell);
		}
	}
	fputc('\n', out);
	free(width);
	free(cases.name);
	free(contenders.name);
}

static void print_bar(const struct bench_bar_rec *bar, FILE *out)
{
	char want[32], value[32];
	bool is_met = bar->bound == BENCH_AT_MOST ? bar->value <= bar->bar : bar->value >= bar->bar;

	put_number(want, sizeof(want), bar->bar);
	put_number(value, sizeof(value), bar->value);
	fprintf(out, "bar: %s: %s %s %s: ", bar->what, bar->bound == BENCH_AT_MOST ? "<=" : ">=", want, bar->unit);
	if (isnan(bar->value))
		fputs("not measured in this run\n", out);
	else
		fprintf(out, "%s %s\n", value, is_met ? "met" : "missed");
}

void table_print(const struct bench *b, FILE *out)
{
	struct names metrics = {0};

	for (size_t i = 0; i < b->n_rows; i++)
		if (is_of(b, &b->rows[i], NULL) && has_table(b, &b->rows[i]))
			add_name(&metrics, b->rows[i].metric);
	for (unsigned int i = 0; i < metrics.n; i++)
		print_metric(b, metrics.name[i], out);
	free(metrics.name);
	fputc('\n', out);
	for (size_t i = 0; i < b->n_notes; i++)
		fprintf(out, "note: %s\n", b->notes[i]);
	for (size_t i = 0; i < b->n_bars; i++)
		print_bar(&b->bars[i], out);
}
