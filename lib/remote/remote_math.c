/* SPDX-License-Identifier: BSD-3-Clause */
#include "remote_math.h"

__extension__ typedef unsigned __int128 wide;

uint32_t q16_ratio(uint64_t a, uint64_t b, uint32_t most)
{
	wide ratio;

	if (b == 0)
		return most;
	ratio = ((wide)a << 16) / b;
	return ratio > most ? most : (uint32_t)ratio;
}

uint64_t q16_of(uint64_t value, uint32_t part)
{
	return (uint64_t)((wide)value * part >> 16);
}

/* -log2 of a fraction, in 16.16: 0 .. 16.  Bit by bit: squaring doubles the logarithm. */
static uint32_t minus_log2(uint32_t fraction)
{
	int whole = __builtin_clz(fraction) - 15;		/* fraction = 2^-whole x [1, 2) */
	uint64_t x = (uint64_t)fraction << (whole + 14);	/* 2.30 */
	uint32_t log = 0;

	for (int bit = 15; bit >= 0; bit--) {
		x = x * x >> 30;
		if (x >= UINT64_C(2) << 30) {
			x >>= 1;
			log |= UINT32_C(1) << bit;
		}
	}
	return ((uint32_t)whole << 16) - log;
}

/* 2^-exponent. */
static uint32_t power_of_half(uint32_t exponent)
{
	/* 2^(-2^-i) for i = 1 .. 16, in 0.32 */
	static const uint32_t roots[16] = {
		3037000500, 3611622603, 3938502376, 4112874773, 4202935003, 4248701965, 4271771996, 4283353945,
		4289156690, 4292061010, 4293513907, 4294240540, 4294603903, 4294785595, 4294876445, 4294921870,
	};
	uint32_t whole = exponent >> 16;
	uint64_t x = UINT64_C(1) << 32;

	if (whole > 32)
		return 0;
	for (int i = 0; i < 16; i++)
		if (exponent & UINT32_C(0x8000) >> i)
			x = (x * roots[i] + (UINT64_C(1) << 31)) >> 32;
	return (uint32_t)(((x >> whole) + 0x8000) >> 16);
}

uint32_t q16_power(uint32_t alpha, uint32_t quality)
{
	if (quality == 0 || alpha >= Q16_ONE)
		return Q16_ONE;
	if (alpha == 0)
		return 0;
	uint64_t exponent = (uint64_t)minus_log2(alpha) * quality >> 16;

	return exponent > UINT32_MAX ? 0 : power_of_half((uint32_t)exponent);
}
