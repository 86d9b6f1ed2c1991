/* SPDX-License-Identifier: BSD-3-Clause */
/* What the sink remembers: packets and bytes per source MAC in bins of time, and when it was away itself.
 * Pure C; time is an argument (ns since the start of the recording). */
#ifndef SINK_RECORD_H
#define SINK_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define RECORD_MAX_SOURCES 64	/* what comes from further MACs is counted together */
#define RECORD_MAX_GAPS	   4096

struct record;

/* Bins of 'bin_ns' for 'length_ns'.  What comes later is counted in the last bin.  NULL when out of memory. */
struct record *record_create(uint64_t bin_ns, uint64_t length_ns);
void record_destroy(struct record *record);

/* One packet of 'bytes' from 'mac' at 'at_ns'. */
void record_packet(struct record *record, const uint8_t mac[6], uint32_t bytes, uint64_t at_ns);

/* The sink did not look at its port between the two: what came is dated between them, no better. */
void record_gap(struct record *record, uint64_t from_ns, uint64_t to_ns);

/* One line of JSON with the totals so far. */
void record_print_totals(const struct record *record, uint64_t now_ns, FILE *out);

/* All of it as one JSON document.  'start_ns' is CLOCK_MONOTONIC at the start of bin 0. */
bool record_write(const struct record *record, const char *path, uint64_t start_ns, uint64_t end_ns);

#endif
