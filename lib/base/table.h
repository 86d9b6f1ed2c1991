/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables for people: columns as wide as their widest cell, numbers to the right.
 * Used by: sla, place, apps.  Uses: nothing. */
#ifndef WEIR_TABLE_H
#define WEIR_TABLE_H

#include <stdio.h>

#define TABLE_MAX_COLUMNS 24

struct table;

/* 'heads' as "name|>rate|>packets": '>' puts a column to the right.  NULL where memory is out. */
struct table *table_create(const char *heads);

/* Adds a row of cells split at '|'.  A row may have fewer cells than heads. */
void table_row(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void table_print(const struct table *t, FILE *out, const char *indent);
void table_destroy(struct table *t);

#endif
