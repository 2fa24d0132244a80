/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owned bytes with a ceiling. Appending past the ceiling (or out of memory) sets `failed`, appends
 * nothing and returns false; `failed` is sticky until buf_clear(), so a writer may append many
 * pieces and check once. Single owner, no locking. The content is `ptr[0..len)`; it is not
 * NUL-terminated.
 */
#ifndef SLUICE_BASE_BUF_H
#define SLUICE_BASE_BUF_H

#include "base/slice.h"

struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t limit; /* ceiling in bytes */
    bool failed;
};

#define BUF_INIT(ceiling) ((struct buf){NULL, 0, 0, (ceiling), false})

/* No allocation happens until the first append. */
void buf_init(struct buf *b, size_t limit);
/* Frees the bytes; the buffer may be used again. NULL-safe. */
void buf_release(struct buf *b);
/* buf_reserve() and buf_append() when there is no room yet. */
RARELY char *buf_reserve_slow(struct buf *b, size_t extra);
bool buf_append_slow(struct buf *b, struct slice s);

/* Empties it, keeps the memory, clears `failed`. */
static inline void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

/* Room for `extra` more bytes: pointer to it (write there, then add to len), or NULL and failed. */
static inline char *buf_reserve(struct buf *b, size_t extra)
{
    if (UNLIKELY(b->ptr == NULL || b->failed || extra > b->cap - b->len)) {
        return buf_reserve_slow(b, extra);
    }
    return b->ptr + b->len;
}

static inline bool buf_append(struct buf *b, struct slice s)
{
    if (UNLIKELY(s.len == 0 || b->failed || s.len > b->cap - b->len)) {
        return buf_append_slow(b, s);
    }
    memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
    return true;
}

static inline bool buf_append_char(struct buf *b, char byte)
{
    if (UNLIKELY(b->failed || b->len == b->cap)) {
        return buf_append_slow(b, slice_of(&byte, 1));
    }
    b->ptr[b->len++] = byte;
    return true;
}

bool buf_append_cstr(struct buf *b, const char *text);
bool buf_append_u64(struct buf *b, uint64_t value);
bool buf_append_i64(struct buf *b, int64_t value);
bool buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
/* Removes the first `count` bytes (moves the rest). */
void buf_consume(struct buf *b, size_t count);
/* Gives the memory back if the capacity is above `keep`; only on an empty buffer. */
void buf_trim(struct buf *b, size_t keep);

static inline struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->ptr, b->len);
}

#endif
