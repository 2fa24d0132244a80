/* SPDX-License-Identifier: Apache-2.0 */
/* Text as heads may hold it (RFC 9110 5.5), sixteen bytes at a time. Pure. */
#ifndef SLUICE_NET_HTTP_TEXT_H
#define SLUICE_NET_HTTP_TEXT_H

#include <stddef.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* How many bytes at the front are neither below 0x20 nor DEL. */
static inline size_t http_text_run(const char *bytes, size_t len)
{
    size_t i = 0;

#if defined(__SSE2__)
    const __m128i space = _mm_set1_epi8(0x20);
    const __m128i del = _mm_set1_epi8(0x7f);
    for (; i + 16 <= len; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(bytes + i));
        __m128i text = _mm_cmpeq_epi8(_mm_max_epu8(v, space), v);
        unsigned ok = (unsigned)_mm_movemask_epi8(_mm_andnot_si128(_mm_cmpeq_epi8(v, del), text));
        if (ok != 0xffff) {
            return i + (size_t)__builtin_ctz(~ok);
        }
    }
#endif
    while (i < len && (unsigned char)bytes[i] >= 0x20 && bytes[i] != 0x7f) {
        i++;
    }
    return i;
}

#endif
