/* SPDX-License-Identifier: BSD-3-Clause */
/* What memory a start would need.
 * Used by: app/weir. */
#ifndef WEIR_MEMORY_H
#define WEIR_MEMORY_H

#include "weir.h"

/* Told before EAL is there, for these lcores: makes all that a start would make beside EAL's, and gives it back. */
void memory_print(const struct args *args, const struct conf *conf, const struct place *plan, FILE *out);

#endif
