/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the inside of a JSON string to plain UTF-8. The plain text is never longer than the escaped
 * one. Escapes were checked by the reader; should a wrong one come here all the same, it becomes
 * U+FFFD.
 */
#include "codec/json.h"

#include "codec/utf8.h"

#define REPLACEMENT 0xFFFDu
#define NOT_HEX UINT32_MAX
#define UTF8_BYTES_MAX 4

static uint32_t hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return (uint32_t)(c - '0');
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10) : NOT_HEX;
}

/* The code unit of "\uXXXX" at the start, or NOT_HEX. */
static uint32_t unit_at(struct slice s)
{
    if (s.len < 6 || s.ptr[0] != '\\' || s.ptr[1] != 'u') {
        return NOT_HEX;
    }
    uint32_t unit = 0;
    for (size_t i = 2; i < 6; i++) {
        uint32_t digit = hex_value(s.ptr[i]);
        if (digit == NOT_HEX) {
            return NOT_HEX;
        }
        unit = unit << 4 | digit;
    }
    return unit;
}

/* The character of a \u escape, of two when they are a surrogate pair. */
static uint32_t unicode_cut(struct slice *inner)
{
    uint32_t high = unit_at(*inner);
    if (high == NOT_HEX) {
        *inner = slice_from(*inner, 2);
        return REPLACEMENT;
    }
    *inner = slice_from(*inner, 6);
    if (high < 0xD800 || high > 0xDFFF) {
        return high;
    }
    uint32_t low = unit_at(*inner);
    if (high > 0xDBFF || low < 0xDC00 || low > 0xDFFF) {
        return REPLACEMENT;
    }
    *inner = slice_from(*inner, 6);
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

/* Takes the escape at the start off and writes the 1..4 bytes that it stands for. */
static size_t escape_decode(struct slice *inner, char out[4])
{
    static const char plain[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    unsigned char kind = inner->len < 2 ? 0 : (unsigned char)inner->ptr[1];
    if (plain[kind] != 0) {
        out[0] = plain[kind];
        *inner = slice_from(*inner, 2);
        return 1;
    }
    if (kind == 'u') {
        return utf8_encode(unicode_cut(inner), out);
    }
    *inner = slice_from(*inner, 1);
    return utf8_encode(REPLACEMENT, out);
}

/* What stands before the first backslash. */
static struct slice run_of(struct slice inner)
{
    const char *backslash = inner.len == 0 ? NULL : memchr(inner.ptr, '\\', inner.len);
    return slice_of(inner.ptr, backslash == NULL ? inner.len : (size_t)(backslash - inner.ptr));
}

size_t json_unescape_to(struct slice inner, char *out, size_t size)
{
    size_t used = 0;
    while (inner.len > 0) {
        /* what cannot fit is not searched; a cut needs to see one more character */
        size_t look = size - used + UTF8_BYTES_MAX;
        struct slice run = run_of(slice_of(inner.ptr, inner.len < look ? inner.len : look));
        struct slice fitting = run.len <= size - used ? run : utf8_prefix(run, size - used);
        if (fitting.len > 0) {
            memcpy(out + used, fitting.ptr, fitting.len);
            used += fitting.len;
        }
        inner = slice_from(inner, run.len);
        if (fitting.len < run.len || inner.len == 0) {
            break;
        }
        char plain[4];
        size_t length = escape_decode(&inner, plain);
        if (length > size - used) {
            break;
        }
        memcpy(out + used, plain, length);
        used += length;
    }
    return used;
}

bool json_unescape(struct slice inner, struct buf *out)
{
    while (inner.len > 0) {
        struct slice run = run_of(inner);
        if (run.len > 0 && !buf_append(out, run)) {
            return false;
        }
        inner = slice_from(inner, run.len);
        /* a row of escapes goes in at once */
        char plain[64];
        size_t length = 0;
        while (inner.len > 0 && inner.ptr[0] == '\\' && length <= sizeof plain - 4) {
            length += escape_decode(&inner, plain + length);
        }
        if (length > 0 && !buf_append(out, slice_of(plain, length))) {
            return false;
        }
    }
    return !out->failed;
}

/* Compares piece by piece, so that nothing is allocated. */
bool json_inner_is(struct slice inner, struct slice name)
{
    while (inner.len > 0) {
        struct slice run = run_of(inner);
        if (!slice_starts(name, run)) {
            return false;
        }
        inner = slice_from(inner, run.len);
        name = slice_from(name, run.len);
        if (inner.len == 0) {
            break;
        }
        char plain[4];
        size_t length = escape_decode(&inner, plain);
        if (!slice_starts(name, slice_of(plain, length))) {
            return false;
        }
        name = slice_from(name, length);
    }
    return name.len == 0;
}
