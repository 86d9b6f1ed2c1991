/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers as people write them: 150M, 1.5G, 20k, 5ms.  Decimal suffixes (k = 1000), as rates are.
 * Inside the code rates are bits/s and packets/s only until clk.h turns them into prices.
 * Used by: sla, apps.  Uses: nothing. */
#ifndef WEIR_UNITS_H
#define WEIR_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNITS_TEXT 24	/* room for any text made here */

/* Reads "150M", "1.5G", "20k", "400" (suffixes k M G T, either case for k).  The value must come out whole and fit.
 * false: not such a number (empty, negative, trailing junk, overflow, "1.0000000001k").  *value is then untouched. */
bool units_parse_count(const char *text, uint64_t *value);

/* "400Mbit", "400 Mbps", "10kpps", "1 g": what who wrote it may have meant, as it is to be written ("400M").  Bytes ("5MB/s")
 * are not guessed at.  false: it means nothing. */
bool units_meant(const char *text, char buf[UNITS_TEXT]);

/* Reads "5ms", "100us", "1s", "250ns" into ns.  A bare number is refused: a time needs a unit. */
bool units_parse_time(const char *text, uint64_t *ns);

/* Writes 150000000 as "150M", 1500 as "1.5k", 12345678 as "12.345678M": always exact, so that it reads back. */
char *units_count_text(char buf[UNITS_TEXT], uint64_t value);

/* Writes a measured figure in 4 significant digits with a suffix: "149.9M". */
char *units_approx_text(char buf[UNITS_TEXT], double value);

/* Writes "5ms", "100us", "1.5s" exactly. */
char *units_time_text(char buf[UNITS_TEXT], uint64_t ns);

#endif
