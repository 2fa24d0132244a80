/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks double from 4 KiB to 64 KiB, so that a small call costs one allocation and a large one
 * few. A request that would waste much of a block gets one of its own, linked behind the current
 * block, which goes on being filled. Under ASan the unused part of a block is poisoned and each
 * allocation opens exactly its own bytes, so that writing past one's end is caught although the
 * neighbours share a block.
 */
#include "base/arena.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#endif

#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#define POISON(start, size) __asan_poison_memory_region((start), (size))
#define UNPOISON(start, size) __asan_unpoison_memory_region((start), (size))
#else
#define POISON(start, size) ((void)(start), (void)(size))
#define UNPOISON(start, size) ((void)(start), (void)(size))
#endif

#define ALIGNMENT 16u
#define BLOCK_SMALLEST ((size_t)4096)
#define BLOCK_LARGEST ((size_t)64 * 1024)

struct arena_block {
    struct arena_block *older;
    size_t size; /* with this head */
};

_Static_assert(sizeof(struct arena_block) % ALIGNMENT == 0, "the first allocation is aligned");

void arena_init(struct arena *a, size_t budget)
{
    *a = (struct arena){.budget = budget};
}

void arena_release(struct arena *a)
{
    struct arena_block *block = a->block;
    while (block != NULL) {
        struct arena_block *older = block->older;
        UNPOISON(block, block->size);
        memory_free(block);
        block = older;
    }
    arena_init(a, a->budget);
}

void arena_reset(struct arena *a)
{
    struct arena_block *kept = NULL;
    struct arena_block *block = a->block;
    while (block != NULL) {
        struct arena_block *older = block->older;
        if (kept == NULL && block->size == BLOCK_SMALLEST) {
            kept = block;
        } else {
            UNPOISON(block, block->size);
            memory_free(block);
        }
        block = older;
    }
    arena_init(a, a->budget);
    if (kept != NULL) {
        kept->older = NULL;
        a->block = kept;
        a->next = (char *)kept + sizeof(*kept);
        a->end = (char *)kept + kept->size;
        POISON(a->next, (size_t)(a->end - a->next));
    }
}

static struct arena_block *block_new(size_t size)
{
    struct arena_block *block = memory_alloc(size);
    if (block == NULL) {
        return NULL;
    }
    block->size = size;
    POISON((char *)block + sizeof(*block), size - sizeof(*block));
    return block;
}

static size_t next_block_size(const struct arena *a)
{
    if (a->block == NULL) {
        return BLOCK_SMALLEST;
    }
    return a->block->size >= BLOCK_LARGEST / 2 ? BLOCK_LARGEST : a->block->size * 2;
}

/* A block of its own for a large request. */
static void *alloc_alone(struct arena *a, size_t rounded)
{
    struct arena_block *block = block_new(sizeof(*block) + rounded);
    if (block == NULL) {
        return NULL;
    }
    if (a->block == NULL) {
        block->older = NULL;
        a->block = block;
    } else {
        block->older = a->block->older;
        a->block->older = block;
    }
    return (char *)block + sizeof(*block);
}

RARELY static void *alloc_from_new_block(struct arena *a, size_t rounded)
{
    size_t size = next_block_size(a);
    if (rounded > size / 4) {
        return alloc_alone(a, rounded);
    }
    struct arena_block *block = block_new(size);
    if (block == NULL) {
        return NULL;
    }
    block->older = a->block;
    a->block = block;
    char *start = (char *)block + sizeof(*block);
    a->next = start + rounded;
    a->end = (char *)block + size;
    return start;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t rounded = (size + (ALIGNMENT - 1)) & ~(size_t)(ALIGNMENT - 1);
    if (rounded == 0 && size == 0) {
        rounded = ALIGNMENT; /* distinct addresses, and never NULL for an empty request */
    }
    if (a->exhausted || rounded < size || rounded > a->budget - a->used) {
        a->exhausted = true;
        return NULL;
    }
    char *start = a->next;
    if (LIKELY(rounded <= (size_t)(a->end - a->next))) {
        a->next += rounded;
    } else {
        start = alloc_from_new_block(a, rounded);
        if (start == NULL) {
            a->exhausted = true;
            return NULL;
        }
    }
    a->used += rounded;
    UNPOISON(start, size);
    return start;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        a->exhausted = true;
        return NULL;
    }
    void *start = arena_alloc(a, bytes);
    if (start != NULL) {
        memset(start, 0, bytes);
    }
    return start;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    if (s.len == 0) {
        return SLICE_EMPTY;
    }
    char *copy = arena_alloc(a, s.len);
    if (copy == NULL) {
        return SLICE_EMPTY;
    }
    memcpy(copy, s.ptr, s.len);
    return slice_of(copy, s.len);
}

#define PRINTF_GUESS 128u

PRINTF_LIKE(2, 0)
static struct slice copy_formatted(struct arena *a, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    char guess[PRINTF_GUESS];
    struct slice result = SLICE_EMPTY;
    int len = vsnprintf(guess, sizeof(guess), format, args);
    if (len < 0) {
        a->exhausted = true;
    } else if ((size_t)len < sizeof(guess)) {
        result = arena_copy(a, slice_of(guess, (size_t)len));
    } else {
        char *text = arena_alloc(a, (size_t)len + 1);
        if (text != NULL) {
            vsnprintf(text, (size_t)len + 1, format, again);
            result = slice_of(text, (size_t)len);
        }
    }
    va_end(again);
    return result;
}

struct slice arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct slice result = copy_formatted(a, format, args);
    va_end(args);
    return result;
}
