/* SPDX-License-Identifier: BSD-3-Clause */
/* Since when a bound holds packets back: from times held that only grow, looked at some times a second.  A bound holds for
 * as long as no second passes without it.
 * The writer (control core) adds looks; any thread reads.
 * Used by: app.  Uses: view.h. */
#ifndef WEIR_HELD_H
#define WEIR_HELD_H

#include <stdint.h>

#include "view.h"

#define HELD_FORGET_NS UINT64_C(1000000000)

struct held_store;

/* For n_rows rows: a direction of a VF each, or a tenant.  NULL where memory is out. */
struct held_store *held_create(uint32_t n_rows);
void held_destroy(struct held_store *s);

/* Writer: what a row's times stand at.  The first look at a row only begins it.  A time that has grown by less than a
 * hundredth of the time since the last look is none; a bound that begins is taken to begin at that last look. */
void held_add(struct held_store *s, uint32_t row, const uint64_t held_ns[N_VIEW_BOUNDS], uint64_t now_ns);

/* Writer: another begins in the row; the next look is its first. */
void held_begin(struct held_store *s, uint32_t row);

/* Any thread: since when the bound holds; 0: it does not, or there is no such row. */
uint64_t held_since_ns(const struct held_store *s, uint32_t row, enum view_bound bound);

#endif
