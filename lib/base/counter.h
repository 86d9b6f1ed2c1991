/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters with one writer and any number of readers: relaxed atomics without a locked instruction.
 * Used by: everything that counts.  Uses: nothing. */
#ifndef WEIR_COUNTER_H
#define WEIR_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

/* The writer's calls.  Compilers do not make one instruction of an atomic load, an addition and an atomic store. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
	__asm__("addq %1, %0" : "+m"(*counter) : "er"(n) : "cc");
#else
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
#endif
}

static inline void counter_sub(_Atomic uint64_t *counter, uint64_t n)
{
	counter_add(counter, -n);
}

/* Any thread's. */
static inline uint64_t counter_read(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
