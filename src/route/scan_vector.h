/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vector forms of the block scan, as functions to be inlined: a call per block would write the
 * masks to memory and read them back. block_masks_sse2() runs everywhere, block_masks_avx2() only
 * in functions marked SCAN_WIDE, which may be called where scan_is_wide() says so. Inside the layer
 * only.
 */
#ifndef SLUICE_ROUTE_SCAN_VECTOR_H
#define SLUICE_ROUTE_SCAN_VECTOR_H

#include "base/check.h"
#include "route/scan.h"

#include <string.h>

static inline void masks_clip(struct block_masks *m, uint64_t inside)
{
    m->word &= inside;
    m->upper &= inside;
    m->digit &= inside;
    m->high &= inside;
    m->space &= inside;
}

static inline void lower_some(char *block, uint64_t upper)
{
    for (; upper != 0; upper &= upper - 1) {
        block[bits_first(upper)] |= 0x20;
    }
}

/* What is neither word nor space, by kind, and what of it belongs to words after all. m->of is
   clear. */
static inline __attribute__((always_inline)) bool block_marks(const char *block, uint64_t inside,
                                                              struct block_masks *m)
{
    m->marks = inside & ~(m->word | m->space);
    if (m->marks == 0) {
        return false;
    }
    for (uint64_t rest = m->marks; rest != 0; rest &= rest - 1) {
        m->of[scan_marks[(unsigned char)block[bits_first(rest)]]] |= rest & (0 - rest);
    }
    uint64_t joining = m->of[MARK_UNDERSCORE] | m->of[MARK_APOSTROPHE];
    if (joining != 0) {
        m->word |= m->of[MARK_UNDERSCORE];
        m->word = words_with_apostrophes(m->word, m->of[MARK_APOSTROPHE]);
        m->marks &= ~m->word;
    }
    return true;
}

#ifdef __SSE2__
#include <immintrin.h>

#define SCAN_HAS_VECTORS 1
/* Bit counts and bit searches of one instruction come with the wide vectors. */
#define SCAN_WIDE __attribute__((target("avx2,bmi,bmi2,popcnt")))
/* Reads a word that the C runtime filled before main(): a load and a test. */
static inline bool scan_is_wide(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
}

/* Each byte, 32 times. */
extern const uint8_t scan_splats[256][32] __attribute__((aligned(32)));

#define SPLAT(c) _mm_set1_epi8((char)(c))
#define VECTOR __m128i
#define VECTOR_BYTES 16
#define LOAD(at) _mm_loadu_si128((const __m128i *)(const void *)(at))
#define STORE(at, v) _mm_storeu_si128((__m128i *)(void *)(at), (v))
#define OR(a, b) _mm_or_si128((a), (b))
#define AND(a, b) _mm_and_si128((a), (b))
#define IS(v, c) _mm_cmpeq_epi8((v), SPLAT(c))
/* Bytes in [first, first + count): an unsigned comparison, made a signed one by moving the range to
 * the lowest values. */
#define RANGE(v, first, count)                                                                     \
    _mm_cmpgt_epi8(SPLAT(-128 + (count)), _mm_add_epi8((v), SPLAT(-128 - (first))))
#define MASK(v) ((uint64_t)(uint16_t)_mm_movemask_epi8(v))
#define IS_BREAK(v) OR(OR(IS(v, '\n'), IS(v, '?')), OR(IS(v, '"'), IS(v, '`')))
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
#undef IS_BREAK
#undef RANGE
#undef MASK
#undef NAME

#ifdef __clang__
#pragma clang attribute push(SCAN_WIDE, apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,popcnt")
#endif
/* An operand in memory; the compiler would build a constant that it sees anew in each block. */
#define SPLAT(c) _mm256_load_si256((const __m256i *)(const void *)scan_splats[(uint8_t)(c)])
#define VECTOR __m256i
#define VECTOR_BYTES 32
#define LOAD(at) _mm256_loadu_si256((const __m256i *)(const void *)(at))
#define STORE(at, v) _mm256_storeu_si256((__m256i *)(void *)(at), (v))
#define OR(a, b) _mm256_or_si256((a), (b))
#define AND(a, b) _mm256_and_si256((a), (b))
#define IS(v, c) _mm256_cmpeq_epi8((v), SPLAT(c))
#define RANGE(v, first, count)                                                                     \
    _mm256_cmpgt_epi8(SPLAT(-128 + (count)), _mm256_add_epi8((v), SPLAT(-128 - (first))))
#define MASK(v) ((uint64_t)(uint32_t)_mm256_movemask_epi8(v))
/* Each of them ends in another half byte: one look-up finds which of them a byte may be. */
#define IS_BREAK(v)                                                                                \
    _mm256_cmpeq_epi8((v),                                                                         \
                      _mm256_shuffle_epi8(_mm256_setr_epi8('`', 0, '"', 0, 0, 0, 0, 0, 0, 0, '\n', \
                                                           0, 0, 0, 0, '?', '`', 0, '"', 0, 0, 0,  \
                                                           0, 0, 0, 0, '\n', 0, 0, 0, 0, '?'),     \
                                          (v)))
#define NAME(part) block_##part##_avx2
#include "route/scan_template.h"
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#undef SPLAT
#undef VECTOR
#undef VECTOR_BYTES
#undef LOAD
#undef STORE
#undef OR
#undef AND
#undef IS
#undef IS_BREAK
#undef RANGE
#undef MASK
#undef NAME

#endif

#endif
