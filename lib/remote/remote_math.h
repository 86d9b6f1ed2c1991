/* SPDX-License-Identifier: BSD-3-Clause */
/* Fractions in 16.16 fixed point: 65536 is one.  Exact to some 2^-16; slow is fine, the control core asks.
 * Used by: remote.  Uses: nothing. */
#ifndef WEIR_REMOTE_MATH_H
#define WEIR_REMOTE_MATH_H

#include <stdint.h>

#define Q16_ONE UINT32_C(65536)

/* a / b, at most 'most'; 'most' where b is 0. */
uint32_t q16_ratio(uint64_t a, uint64_t b, uint32_t most);

/* value x part; part at most 16 whole ones. */
uint64_t q16_of(uint64_t value, uint32_t part);

/* alpha^quality for alpha <= 1.  0^anything is 0, anything^0 is 1. */
uint32_t q16_power(uint32_t alpha, uint32_t quality);

#endif
