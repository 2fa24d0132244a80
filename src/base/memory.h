/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap, as our own code uses it: NULL means out of memory and is always handled. In the builds
 * with fault injection (SLUICE_FAULTS) a test can let the n-th allocation from now fail, to walk
 * every one of those paths. What is allocated here is released with memory_free() or free() alike.
 * Any thread.
 */
#ifndef SLUICE_BASE_MEMORY_H
#define SLUICE_BASE_MEMORY_H

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef SLUICE_FAULTS
/* True when the allocation that asks must fail. */
bool memory_fault(void);
/* The allocation number `nth` from now (0: the very next one) fails, once; a negative number means
 * never. */
void memory_fail_nth(int64_t nth);
/* Did a failure happen since the last memory_fail_nth()? */
bool memory_fault_happened(void);
#else
static inline bool memory_fault(void)
{
    return false;
}
#endif

/* No block of ours is larger (512 GiB): a size beyond it comes from arithmetic that went wrong. */
#define MEMORY_LARGEST ((uint64_t)1 << 39)

/* Not zeroed. */
MUST_USE static inline void *memory_alloc(size_t size)
{
    return size > MEMORY_LARGEST || memory_fault() ? NULL : malloc(size);
}

/* Zeroed; NULL also on overflow of the product. */
MUST_USE static inline void *memory_array(size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > MEMORY_LARGEST || memory_fault()) {
        return NULL;
    }
    return calloc(count, size);
}

/* On failure NULL, and the old block stays as it was. `size` must not be 0. */
MUST_USE static inline void *memory_resize(void *old, size_t size)
{
    return size > MEMORY_LARGEST || memory_fault() ? NULL : realloc(old, size);
}

static inline void memory_free(void *block)
{
    free(block);
}

/* Zeroes what was secret, for good: as explicit_bzero(), which the sanitizers do not see write. */
static inline void memory_wipe(void *block, size_t size)
{
    memset(block, 0, size);
    __asm__ volatile("" : : "r"(block) : "memory");
}

#endif
