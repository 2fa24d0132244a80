/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/memory.h"
#include "base/number.h"

#include <stdarg.h>
#include <stdio.h>

/* The first allocation; most short answers and heads fit without a second one. */
#define BUF_FIRST 256u

void buf_init(struct buf *b, size_t limit)
{
    *b = BUF_INIT(limit);
}

void buf_release(struct buf *b)
{
    if (b == NULL) {
        return;
    }
    if (b->ptr != NULL) {
        memory_free(b->ptr);
    }
    *b = BUF_INIT(b->limit);
}

static char *fail(struct buf *b)
{
    b->failed = true;
    return NULL;
}

/* Grows by doubling, never above the ceiling; `needed` is within it. */
static bool grow(struct buf *b, size_t needed)
{
    size_t cap = b->cap < BUF_FIRST ? BUF_FIRST : b->cap;
    while (cap < needed) {
        cap = cap > SIZE_MAX / 2 ? needed : cap * 2;
    }
    if (cap > b->limit) {
        cap = b->limit;
    }
    char *ptr = memory_resize(b->ptr, cap == 0 ? 1 : cap);
    if (ptr == NULL) {
        return false;
    }
    b->ptr = ptr;
    b->cap = cap;
    return true;
}

char *buf_reserve_slow(struct buf *b, size_t extra)
{
    if (b->failed) {
        return NULL;
    }
    if (b->ptr != NULL && extra <= b->cap - b->len) {
        return b->ptr + b->len;
    }
    if (b->len > b->limit || extra > b->limit - b->len || !grow(b, b->len + extra)) {
        return fail(b);
    }
    return b->ptr + b->len;
}

bool buf_append_slow(struct buf *b, struct slice s)
{
    if (s.len == 0) {
        return !b->failed;
    }
    char *to = buf_reserve(b, s.len);
    if (to == NULL) {
        return false;
    }
    memcpy(to, s.ptr, s.len);
    b->len += s.len;
    return true;
}

bool buf_append_cstr(struct buf *b, const char *text)
{
    return buf_append(b, slice_from_cstr(text));
}

bool buf_append_u64(struct buf *b, uint64_t value)
{
    char digits[NUMBER_DIGITS_MAX];
    return buf_append(b, slice_of(digits, number_format(value, digits)));
}

bool buf_append_i64(struct buf *b, int64_t value)
{
    if (value >= 0) {
        return buf_append_u64(b, (uint64_t)value);
    }
    /* The sign and the digits stay together: nothing is appended when they do not both fit. */
    size_t before = b->len;
    if (buf_append_char(b, '-') && buf_append_u64(b, 0 - (uint64_t)value)) {
        return true;
    }
    b->len = before;
    return false;
}

#define PRINTF_GUESS 128u

PRINTF_LIKE(2, 0)
static bool append_formatted(struct buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    char guess[PRINTF_GUESS];
    int len = vsnprintf(guess, sizeof(guess), format, args);
    bool ok = false;
    if (len < 0) {
        fail(b);
    } else if ((size_t)len < sizeof(guess)) {
        ok = buf_append(b, slice_of(guess, (size_t)len));
    } else if ((size_t)len <= b->limit) {
        /* vsnprintf writes a NUL too, which need not fit under the ceiling */
        char *text = memory_alloc((size_t)len + 1);
        if (text != NULL) {
            vsnprintf(text, (size_t)len + 1, format, again);
            ok = buf_append(b, slice_of(text, (size_t)len));
            memory_free(text);
        } else {
            fail(b);
        }
    } else {
        fail(b);
    }
    va_end(again);
    return ok;
}

bool buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool ok = !b->failed && append_formatted(b, format, args);
    va_end(args);
    return ok;
}

void buf_consume(struct buf *b, size_t count)
{
    CHECK(count <= b->len);
    b->len -= count;
    if (count > 0 && b->len > 0) {
        memmove(b->ptr, b->ptr + count, b->len);
    }
}

void buf_trim(struct buf *b, size_t keep)
{
    if (b->len == 0 && b->cap > keep) {
        memory_free(b->ptr);
        b->ptr = NULL;
        b->cap = 0;
    }
}
