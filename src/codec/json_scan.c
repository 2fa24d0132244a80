/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_scan.h"

const uint8_t json_escape_lengths[256] = {
    ['"'] = 2, ['\\'] = 2, ['/'] = 2, ['b'] = 2, ['f'] = 2,
    ['n'] = 2, ['r'] = 2,  ['t'] = 2, ['u'] = 6,
};

const uint8_t json_hex_digits[256] = {
    ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1,
    ['8'] = 1, ['9'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1,
    ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1,
};

#ifdef __SSE2__
#include <immintrin.h>

/* The smallest of what two kinds of hits make of each byte. */
struct least {
    __m256i low;       /* below 0xA1: a quote, a control character, or not ASCII */
    __m256i backslash; /* 0: a backslash */
};

__attribute__((target("avx2"), always_inline)) static inline void least_add(struct least *least,
                                                                            const char *p)
{
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i turned = _mm256_xor_si256(v, _mm256_set1_epi8((char)0x82));
    __m256i backslash = _mm256_xor_si256(v, _mm256_set1_epi8('\\'));
    least->low = _mm256_min_epu8(least->low, turned);
    least->backslash = _mm256_min_epu8(least->backslash, backslash);
}

/* json_four_blocks_hit() on eight vectors of twice the width, as long as there is none. */
__attribute__((target("avx2"), always_inline)) static inline const char *run_skip(const char *p,
                                                                                  const char *end)
{
    const __m256i limit = _mm256_set1_epi8((char)0xA1);
    while (end - p >= JSON_WIDE_BLOCK * 8) {
        struct least least = {_mm256_set1_epi8((char)0xFF), _mm256_set1_epi8((char)0xFF)};
        least_add(&least, p);
        least_add(&least, p + 32);
        least_add(&least, p + 64);
        least_add(&least, p + 96);
        least_add(&least, p + 128);
        least_add(&least, p + 160);
        least_add(&least, p + 192);
        least_add(&least, p + 224);
        __m256i plain = _mm256_cmpeq_epi8(_mm256_max_epu8(least.low, limit), least.low);
        __m256i escapes = _mm256_cmpeq_epi8(least.backslash, _mm256_setzero_si256());
        if (_mm256_movemask_epi8(_mm256_andnot_si256(escapes, plain)) != -1) {
            break;
        }
        p += JSON_WIDE_BLOCK * 8;
    }
    return p;
}

/* Which of these bytes are hits: quotes, backslashes, control characters, not ASCII. */
__attribute__((target("avx2"), always_inline)) static inline __m256i hits_of(const char *p)
{
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i turned = _mm256_xor_si256(v, _mm256_set1_epi8((char)0x82));
    __m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(turned, _mm256_set1_epi8((char)0xA0)), turned);
    return _mm256_or_si256(low, _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\')));
}

__attribute__((target("avx2"))) const char *json_wide_skip(const char *p, const char *end)
{
    const char *long_run = p + JSON_WIDE_BLOCK * 2;
    while (end - p >= JSON_WIDE_BLOCK * 2) {
        __m256i first = hits_of(p);
        __m256i second = hits_of(p + JSON_WIDE_BLOCK);
        if (_mm256_movemask_epi8(_mm256_or_si256(first, second)) != 0) {
            uint64_t hits = (uint32_t)_mm256_movemask_epi8(first) |
                            (uint64_t)(uint32_t)_mm256_movemask_epi8(second) << JSON_WIDE_BLOCK;
            return p + __builtin_ctzll(hits);
        }
        p += JSON_WIDE_BLOCK * 2;
        if (p == long_run) {
            p = run_skip(p, end);
        }
    }
    if (end - p >= JSON_WIDE_BLOCK) {
        unsigned hits = (unsigned)_mm256_movemask_epi8(hits_of(p));
        return p + (hits != 0 ? __builtin_ctz(hits) : JSON_WIDE_BLOCK);
    }
    return p;
}
#endif
