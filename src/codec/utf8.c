/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Most text is ASCII: it is skipped 16 bytes at a time (8 without SSE2), straight to the first byte
 * that is not. Runs of longer characters are checked one by one, each with one load where four
 * bytes are left.
 */
#include "codec/utf8.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define REPLACEMENT 0xFFFDu

/* The first byte that is not ASCII, or `end`. */
static const unsigned char *skip_ascii(const unsigned char *p, const unsigned char *end)
{
#if defined(__SSE2__)
    while (end - p >= 16) {
        __m128i chunk = _mm_loadu_si128((const __m128i *)(const void *)p);
        unsigned high = (unsigned)_mm_movemask_epi8(chunk);
        if (high != 0) {
            return p + __builtin_ctz(high);
        }
        p += 16;
    }
#else
    while (end - p >= 8) {
        uint64_t chunk;
        memcpy(&chunk, p, sizeof(chunk));
        if ((chunk & 0x8080808080808080u) != 0) {
            break;
        }
        p += 8;
    }
#endif
    while (p < end && *p < 0x80) {
        p++;
    }
    return p;
}

/* Length of the multi-byte character at p, of which at least four bytes can be read; 0 when
   invalid. The ranges are the table of RFC 3629, section 4, on the bytes taken as one big-endian
   word. */
static size_t check_word(const unsigned char *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    if ((word & 0xF0C0C000u) == 0xE0808000u) {
        uint32_t code = (word >> 12 & 0xF000) | (word >> 10 & 0x0FC0) | (word >> 8 & 0x003F);
        return code >= 0x800 && (code < 0xD800 || code > 0xDFFF) ? 3 : 0;
    }
    if ((word & 0xE0C00000u) == 0xC0800000u) {
        return word >= 0xC2000000u ? 2 : 0;
    }
    if ((word & 0xF8C0C0C0u) == 0xF0808080u) {
        return word >= 0xF0900000u && word <= 0xF48FFFFFu ? 4 : 0;
    }
    return 0;
}

bool utf8_valid(struct slice s)
{
    if (s.len == 0) {
        return true;
    }
    const unsigned char *p = (const unsigned char *)s.ptr;
    const unsigned char *end = p + s.len;
    while (p < end) {
        p = skip_ascii(p, end);
        while (p < end && *p >= 0x80) {
            size_t len = end - p >= 4
                             ? check_word(p)
                             : slice_utf8_length(slice_of((const char *)p, (size_t)(end - p)));
            if (len == 0) {
                return false;
            }
            p += len;
        }
    }
    return true;
}

size_t utf8_sequence(struct slice s)
{
    return slice_utf8_length(s);
}

size_t utf8_decode(struct slice s, uint32_t *ret_code_point)
{
    /* What the lead byte contributes, by length. */
    static const unsigned char lead_mask[] = {[1] = 0x7F, [2] = 0x1F, [3] = 0x0F, [4] = 0x07};
    size_t len = slice_utf8_length(s);
    if (len == 0) {
        return 0;
    }
    uint32_t code = (unsigned char)s.ptr[0] & lead_mask[len];
    for (size_t i = 1; i < len; i++) {
        code = code << 6 | ((unsigned char)s.ptr[i] & 0x3F);
    }
    *ret_code_point = code;
    return len;
}

size_t utf8_encode(uint32_t code_point, char out[4])
{
    uint32_t c = code_point;
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) {
        c = REPLACEMENT;
    }
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

struct slice utf8_prefix(struct slice s, size_t max)
{
    if (s.len <= max) {
        return s;
    }
    /* A character that begins up to three bytes before the cut may reach over it. */
    for (size_t back = 1; back <= 3 && back <= max; back++) {
        size_t len = slice_utf8_length(slice_from(s, max - back));
        if (len > 0) {
            return slice_of(s.ptr, len > back ? max - back : max);
        }
    }
    return slice_of(s.ptr, max);
}
