/* SPDX-License-Identifier: BSD-3-Clause */
#include "mem.h"

#include <sys/mman.h>

#define HUGE_PAGE_BYTES ((size_t)2 << 20)

void *mem_reserve(size_t n, size_t size)
{
	size_t bytes = n * size;

	if (bytes == 0)
		bytes = 1;
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return NULL;
	if (bytes >= HUGE_PAGE_BYTES)
		madvise(mem, bytes, MADV_HUGEPAGE);	/* a wish: a kernel without it is as right, and slower */
	return mem;
}

void mem_release(void *mem, size_t n, size_t size)
{
	size_t bytes = n * size;

	if (mem != NULL)
		munmap(mem, bytes != 0 ? bytes : 1);
}
