/* SPDX-License-Identifier: BSD-3-Clause */
/* What a fuzz target defines.  It must take any bytes, leak nothing, and assert() what must hold of what it
 * read. */
#ifndef WEIR_FUZZ_H
#define WEIR_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
