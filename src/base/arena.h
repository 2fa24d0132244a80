/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of one call: bump allocation in blocks, released all at once. The budget is a ceiling on
 * what a call may hold; past it (or out of memory) arena_alloc() returns NULL and `exhausted` stays
 * set, so that a reader can allocate freely and check once. Under ASan released memory is poisoned.
 * Single owner, no locking.
 */
#ifndef SLUICE_BASE_ARENA_H
#define SLUICE_BASE_ARENA_H

#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *block; /* newest first */
    char *next;
    char *end;
    size_t used;   /* bytes handed out */
    size_t budget; /* ceiling of `used` */
    bool exhausted;
};

void arena_init(struct arena *a, size_t budget);
void arena_release(struct arena *a);
/* Forgets everything; one block of the smallest size stays for what comes next. */
void arena_reset(struct arena *a);
/* Aligned to 16 bytes, not zeroed. NULL when the budget is gone. */
void *arena_alloc(struct arena *a, size_t size);
/* Zeroed array; NULL also on overflow of the product. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* A copy; the empty slice when the budget is gone (check `exhausted`). */
struct slice arena_copy(struct arena *a, struct slice s);
struct slice arena_printf(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);

#define ARENA_NEW(a, type) ((type *)arena_array((a), 1, sizeof(type)))

#endif
