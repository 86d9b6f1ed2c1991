/* SPDX-License-Identifier: BSD-3-Clause */
/* Big tables: zeroed memory that the system gives as it is touched, in huge pages where it can (a table by VF is read
 * at random, and with 4 KB pages each look would be a TLB miss).  What is never touched costs nothing.
 * Used by: whoever has a table by VF, flow or packet.  Uses: nothing. */
#ifndef WEIR_MEM_H
#define WEIR_MEM_H

#include <stddef.h>

/* n x size zeroed bytes on a page boundary; NULL where the address space is out.  Not for the data path. */
void *mem_reserve(size_t n, size_t size);

/* Gives it back; the same n and size.  NULL is legal. */
void mem_release(void *mem, size_t n, size_t size);

#endif
