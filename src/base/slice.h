/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Borrowed bytes: pointer and length, never NUL-terminated, never owned. A slice is valid as long
 * as what it points into; the empty slice may have a NULL pointer. All comparisons are on bytes.
 */
#ifndef SLUICE_BASE_SLICE_H
#define SLUICE_BASE_SLICE_H

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *ptr;
    size_t len;
};

/* A slice of a string literal; the literal's NUL is not part of it. SLICE_INIT is for static
 * tables. */
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})
#define SLICE_INIT(literal)                                                                        \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
#define SLICE_EMPTY ((struct slice){NULL, 0})
/* printf("%.*s", SLICE_ARG(s)) */
#define SLICE_ARG(s) (int)(s).len, (s).ptr == NULL ? "" : (s).ptr

static inline struct slice slice_of(const char *ptr, size_t len)
{
    return (struct slice){ptr, len};
}

static inline struct slice slice_from_cstr(const char *text)
{
    return (struct slice){text, text == NULL || *text == '\0' ? 0 : strlen(text)};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII case is ignored; other bytes must be equal. */
bool slice_eq_nocase(struct slice a, struct slice b);
bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
/* Offset of the first `byte` / `needle`, or SIZE_MAX. */
size_t slice_find(struct slice s, char byte);
size_t slice_find_slice(struct slice s, struct slice needle);
/* From `start` (clamped) to the end. */
static inline struct slice slice_from(struct slice s, size_t start)
{
    if (start == 0 || s.len == 0) {
        return s;
    }
    return start >= s.len ? slice_of(s.ptr + s.len, 0) : slice_of(s.ptr + start, s.len - start);
}
/* Without leading and trailing space, tab, CR, LF. */
struct slice slice_trim(struct slice s);
/* Cuts `*rest` at the first `byte`: returns what is before it and leaves what is after; the whole
 * if there is none. */
struct slice slice_cut(struct slice *rest, char byte);
/* Whole slice as a decimal without sign or space; false on anything else or on overflow. */
MUST_USE bool slice_to_u64(struct slice s, uint64_t *ret_value);
/* Decimal number "12", "-3", "0.25", "1e-7" scaled by 10^scale into an integer, exactly; digits
   beyond the scale are rounded half away from zero; false on syntax or overflow. Money from text
   goes through this, never through a double. */
MUST_USE bool slice_to_scaled(struct slice s, int scale, int64_t *ret_value);
/* <0, 0, >0 by bytes, then by length. */
int slice_compare(struct slice a, struct slice b);
/* Copies to a NUL-terminated buffer of `size`, truncating. Returns the destination. */
char *slice_to_cstr(struct slice s, char *buffer, size_t size);
/* Takes time that depends on the lengths only. */
bool slice_eq_constant_time(struct slice a, struct slice b);
/* Length of the valid UTF-8 sequence (RFC 3629) at the start: 1..4, or 0 when there is none. */
size_t slice_utf8_length(struct slice s);

#endif
