/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the inside of a JSON string to plain UTF-8. The plain text is never longer than the escaped
 * one. Escapes were checked by the reader; should a wrong one come here all the same, it becomes
 * U+FFFD.
 */
#include "codec/json.h"

#include "codec/utf8.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

/* What the letter behind a backslash stands for; 0: no short escape. */
static const char plain[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};

/* Takes the escape at the start off and writes the 1..4 bytes that it stands for. */
static size_t escape_decode(struct slice *inner, char out[4])
{
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

#ifdef __SSE2__
#define NEAR_BLOCKS 4

/* Where one escape is, others are near, as in code: short ones and the text between them, until a
   longer run of text, an escape with a number, or the end is near. Advances *inner to a whole
   character; returns how many bytes were written, of at most `size`. */
static size_t near_escapes(struct slice *inner, char *out, size_t size)
{
    const char *p = inner->ptr;
    const char *end = p + inner->len;
    size_t used = 0;
    for (int blocks = 0; blocks < NEAR_BLOCKS && end - p >= 16 && size - used >= 16;) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        _mm_storeu_si128((__m128i *)(void *)(out + used), v);
        int hits = _mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        unsigned run = hits == 0 ? 16 : (unsigned)__builtin_ctz((unsigned)hits);
        p += run;
        used += run;
        blocks++;
        if (run < 16) {
            char c = end - p >= 2 ? plain[(unsigned char)p[1]] : 0;
            if (c == 0) {
                break;
            }
            out[used++] = c;
            p += 2;
            blocks = 0;
        }
    }
    while (p > inner->ptr && p < end && ((unsigned char)*p & 0xC0) == 0x80) {
        p--;
        used--;
    }
    *inner = slice_of(p, (size_t)(end - p));
    return used;
}
#else
static size_t near_escapes(struct slice *inner, char *out, size_t size)
{
    (void)inner;
    (void)out;
    (void)size;
    return 0;
}
#endif

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
        char bytes[4];
        size_t length = escape_decode(&inner, bytes);
        if (length > size - used) {
            break;
        }
        memcpy(out + used, bytes, length);
        used += length;
        used += near_escapes(&inner, out + used, size - used);
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
        char bytes[64];
        size_t length = 0;
        while (inner.len > 0 && inner.ptr[0] == '\\' && length <= sizeof bytes - 4) {
            length += escape_decode(&inner, bytes + length);
        }
        if (length > 0 && !buf_append(out, slice_of(bytes, length))) {
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
        char bytes[4];
        size_t length = escape_decode(&inner, bytes);
        if (!slice_starts(name, slice_of(bytes, length))) {
            return false;
        }
        name = slice_from(name, length);
    }
    return name.len == 0;
}
