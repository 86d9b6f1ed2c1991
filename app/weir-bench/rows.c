/* SPDX-License-Identifier: BSD-3-Clause */
/* Results as rows, and rows as JSON and CSV. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench_impl.h"

/* realloc() to n + 1 elements that does not fail: a benchmark without memory has nothing to say. */
void *grow(void *array, size_t n, size_t size)
{
	return bench_not_null(realloc(array, (n + 1) * size));
}

char *copy_string(const char *s)
{
	return strcpy(grow(NULL, strlen(s), 1), s);
}

void bench_row(struct bench *b, const char *case_name, const char *contender, const char *metric, double value,
	const char *unit)
{
	if (b->n_rows == b->cap_rows) {
		b->cap_rows = b->cap_rows * 2 + 64;
		b->rows = grow(b->rows, b->cap_rows, sizeof(*b->rows));
	}
	b->rows[b->n_rows++] = (struct bench_row_rec){
		.suite = b->suite,
		.case_name = copy_string(case_name),
		.contender = copy_string(contender),
		.metric = copy_string(metric),
		.unit = copy_string(unit),
		.value = value,
	};
}

double bench_value(const struct bench *b, const char *case_name, const char *contender, const char *metric)
{
	for (size_t i = 0; i < b->n_rows; i++) {
		const struct bench_row_rec *r = &b->rows[i];
		if (r->suite == b->suite && strcmp(r->case_name, case_name) == 0 &&
			strcmp(r->contender, contender) == 0 && strcmp(r->metric, metric) == 0)
			return r->value;
	}
	return NAN;
}

void bench_bar(struct bench *b, const char *what, double value, enum bench_bound bound, double bar, const char *unit)
{
	b->bars = grow(b->bars, b->n_bars, sizeof(*b->bars));
	b->bars[b->n_bars++] = (struct bench_bar_rec){copy_string(what), copy_string(unit), value, bar, bound};
}

void bench_note(struct bench *b, const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	int n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return;
	b->notes = grow(b->notes, b->n_notes, sizeof(*b->notes));
	b->notes[b->n_notes++] = text;
}

static void put_json_string(FILE *out, const char *key, const char *s)
{
	fprintf(out, "\"%s\": \"", key);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', out);
		if ((unsigned char)*s >= ' ')
			fputc(*s, out);
	}
	fputs("\", ", out);
}

static void put_json(FILE *out, const struct bench_row_rec *r, bool is_last)
{
	fputs("  {", out);
	put_json_string(out, "suite", r->suite->name);
	put_json_string(out, "case", r->case_name);
	put_json_string(out, "contender", r->contender);
	put_json_string(out, "metric", r->metric);
	if (isfinite(r->value))
		fprintf(out, "\"value\": %.10g, ", r->value);
	else
		fputs("\"value\": null, ", out);
	fprintf(out, "\"unit\": \"%s\"}%s\n", r->unit, is_last ? "" : ",");
}

static void put_csv_string(FILE *out, const char *s)
{
	bool is_quoted = strpbrk(s, ",\"\n") != NULL;

	if (is_quoted)
		fputc('"', out);
	for (; *s != '\0'; s++) {
		if (*s == '"')
			fputc('"', out);
		fputc(*s, out);
	}
	fputs(is_quoted ? "\"," : ",", out);
}

/* 0 or -errno. */
static int write_rows(const struct bench *b, const char *path, void (*write)(const struct bench *b, FILE *out))
{
	FILE *out = fopen(path, "w");

	if (out == NULL)
		return -errno;
	write(b, out);
	bool is_bad = ferror(out) != 0;
	if (fclose(out) != 0 || is_bad)
		return errno != 0 ? -errno : -EIO;
	return 0;
}

static void write_json(const struct bench *b, FILE *out)
{
	fputs("[\n", out);
	for (size_t i = 0; i < b->n_rows; i++)
		put_json(out, &b->rows[i], i + 1 == b->n_rows);
	fputs("]\n", out);
}

static void write_csv(const struct bench *b, FILE *out)
{
	fputs("suite,case,contender,metric,value,unit\n", out);
	for (size_t i = 0; i < b->n_rows; i++) {
		const struct bench_row_rec *r = &b->rows[i];
		put_csv_string(out, r->suite->name);
		put_csv_string(out, r->case_name);
		put_csv_string(out, r->contender);
		put_csv_string(out, r->metric);
		fprintf(out, "%.10g,%s\n", r->value, r->unit);
	}
}

int rows_write_json(const struct bench *b, const char *path)
{
	return write_rows(b, path, write_json);
}

int rows_write_csv(const struct bench *b, const char *path)
{
	return write_rows(b, path, write_csv);
}
