/* SPDX-License-Identifier: Apache-2.0 */
/*
 * __builtin_cpu_supports() reads a word that the C runtime filled before main(): it costs a load
 * and a test per block.
 */
#include "route/scan.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

enum {
    CLASS_WORD = 1u << 0,
    CLASS_UPPER = 1u << 1,
    CLASS_DIGIT = 1u << 2,
    CLASS_SPACE = 1u << 3,
    CLASS_STOP = 1u << 4,
    CLASS_COMMA = 1u << 5,
    CLASS_CODE = 1u << 6,
    CLASS_FORMULA = 1u << 7,
    CLASS_OPERATOR = 1u << 8,
};

static unsigned class_of(unsigned char c)
{
    if (c >= 0x80 || (c >= 'a' && c <= 'z')) {
        return CLASS_WORD;
    }
    if (c >= 'A' && c <= 'Z') {
        return CLASS_WORD | CLASS_UPPER;
    }
    if (c >= '0' && c <= '9') {
        return CLASS_WORD | CLASS_DIGIT;
    }
    static const uint16_t others[128] = {
        ['_'] = CLASS_WORD,
        [' '] = CLASS_SPACE,
        ['\t'] = CLASS_SPACE,
        ['\r'] = CLASS_SPACE,
        ['.'] = CLASS_STOP,
        ['!'] = CLASS_STOP,
        ['?'] = CLASS_STOP,
        [':'] = CLASS_STOP,
        [','] = CLASS_COMMA,
        [';'] = CLASS_COMMA | CLASS_CODE,
        ['('] = CLASS_CODE,
        [')'] = CLASS_CODE,
        ['{'] = CLASS_CODE,
        ['}'] = CLASS_CODE,
        ['['] = CLASS_CODE,
        [']'] = CLASS_CODE,
        ['='] = CLASS_CODE | CLASS_OPERATOR,
        ['<'] = CLASS_CODE | CLASS_OPERATOR,
        ['>'] = CLASS_CODE | CLASS_OPERATOR,
        ['+'] = CLASS_OPERATOR,
        ['-'] = CLASS_OPERATOR,
        ['*'] = CLASS_OPERATOR,
        ['/'] = CLASS_OPERATOR,
        ['%'] = CLASS_OPERATOR,
        ['$'] = CLASS_FORMULA,
        ['\\'] = CLASS_FORMULA,
        ['^'] = CLASS_FORMULA,
    };
    return others[c];
}

static void bit_set(uint64_t *mask, unsigned bit, bool on)
{
    *mask |= (uint64_t)on << bit;
}

void block_scan_portable(char *block, struct block_masks *masks)
{
    *masks = (struct block_masks){0};
    uint64_t apostrophe = 0;
    for (unsigned i = 0; i < SCAN_BLOCK; i++) {
        unsigned char c = (unsigned char)block[i];
        unsigned class = class_of(c);
        bit_set(&masks->word, i, class & CLASS_WORD);
        bit_set(&masks->upper, i, class & CLASS_UPPER);
        bit_set(&masks->digit, i, class & CLASS_DIGIT);
        bit_set(&masks->high, i, c >= 0x80);
        bit_set(&masks->space, i, class & CLASS_SPACE);
        bit_set(&masks->newline, i, c == '\n');
        bit_set(&masks->stop, i, class & CLASS_STOP);
        bit_set(&masks->comma, i, class & CLASS_COMMA);
        bit_set(&masks->quote, i, c == '"' || c == '`');
        bit_set(&masks->code, i, class & CLASS_CODE);
        bit_set(&masks->formula, i, class & CLASS_FORMULA);
        bit_set(&masks->arithmetic, i, class & CLASS_OPERATOR);
        bit_set(&masks->underscore, i, c == '_');
        bit_set(&masks->call, i, c == '(');
        bit_set(&apostrophe, i, c == '\'');
        block[i] = (char)((class & CLASS_UPPER) != 0 ? c | 0x20 : c);
    }
    masks->word = words_with_apostrophes(masks->word, apostrophe);
}

#ifdef __SSE2__

#define SPLAT(c) _mm_set1_epi8((char)(c))
#define VECTOR __m128i
#define VECTOR_BYTES 16
#define LOAD(at) _mm_loadu_si128((const __m128i *)(const void *)(at))
#define STORE(at, v) _mm_storeu_si128((__m128i *)(void *)(at), (v))
#define OR(a, b) _mm_or_si128((a), (b))
#define AND(a, b) _mm_and_si128((a), (b))
#define IS(v, c) _mm_cmpeq_epi8((v), SPLAT(c))
#define NEGATIVE(v) _mm_cmpgt_epi8(_mm_setzero_si128(), (v))
/* Bytes in [first, first + count): an unsigned comparison, made a signed one by moving the range to
 * the lowest values. */
#define RANGE(v, first, count)                                                                     \
    _mm_cmpgt_epi8(SPLAT(-128 + (count)), _mm_add_epi8((v), SPLAT(-128 - (first))))
#define MASK(v) ((uint64_t)(uint16_t)_mm_movemask_epi8(v))
#define NAME(part) block_##part##_sse2
#include "route/scan_template.h"

#undef SPLAT
#undef VECTOR
#undef VECTOR_BYTES
#undef LOAD
#undef STORE
#undef OR
#undef AND
#undef IS
#undef NEGATIVE
#undef RANGE
#undef MASK
#undef NAME

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
#define SPLAT(c) _mm256_set1_epi8((char)(c))
#define VECTOR __m256i
#define VECTOR_BYTES 32
#define LOAD(at) _mm256_loadu_si256((const __m256i *)(const void *)(at))
#define STORE(at, v) _mm256_storeu_si256((__m256i *)(void *)(at), (v))
#define OR(a, b) _mm256_or_si256((a), (b))
#define AND(a, b) _mm256_and_si256((a), (b))
#define IS(v, c) _mm256_cmpeq_epi8((v), SPLAT(c))
#define NEGATIVE(v) _mm256_cmpgt_epi8(_mm256_setzero_si256(), (v))
#define RANGE(v, first, count)                                                                     \
    _mm256_cmpgt_epi8(SPLAT(-128 + (count)), _mm256_add_epi8((v), SPLAT(-128 - (first))))
#define MASK(v) ((uint64_t)(uint32_t)_mm256_movemask_epi8(v))
#define NAME(part) block_##part##_avx2
#include "route/scan_template.h"
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

void block_scan(char *block, struct block_masks *masks)
{
    if (__builtin_cpu_supports("avx2")) {
        block_scan_avx2(block, masks);
    } else {
        block_scan_sse2(block, masks);
    }
}

#else

void block_scan(char *block, struct block_masks *masks)
{
    block_scan_portable(block, masks);
}

#endif
