/* SPDX-License-Identifier: BSD-3-Clause */
/* Rates over the last 1 s and 10 s from counters that only grow: a ring of samples, 10 a second, for many objects.
 * The writer (control core) adds samples; readers on other threads get a consistent answer (a sequence lock).
 * Used by: telem, app.  Uses: nothing. */
#ifndef WEIR_RATES_H
#define WEIR_RATES_H

#include <stdbool.h>
#include <stdint.h>

#define RATES_PERIOD_NS (100 * 1000 * 1000)
#define RATES_SAMPLES	101

/* A direction's counters at one time. */
struct rates_sample {
	uint64_t pkts, bytes;
};

struct rates {
	double bps_1s, pps_1s, bps_10s, pps_10s;	/* since the start where that is shorter */
};

struct rates_store;

/* For n_rows rows (e.g. 2 a VF: tx, rx).  NULL where memory is out. */
struct rates_store *rates_create(uint32_t n_rows);
void rates_destroy(struct rates_store *s);

/* Writer: a period's samples of all rows.  Time must grow: a sample no later than the last is left out. */
void rates_add(struct rates_store *s, const struct rates_sample *rows, uint64_t now_ns);

/* Writer: another begins in the row, whose counters stand at 'from'.  A reader of this very moment may be told too little. */
void rates_begin(struct rates_store *s, uint32_t row, const struct rates_sample *from);

/* Reader, any thread.  false before two samples are there: then all 0. */
bool rates_get(const struct rates_store *s, uint32_t row, struct rates *out);

#endif
