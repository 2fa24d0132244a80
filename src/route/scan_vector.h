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

_Static_assert((MARKS + 1) % 4 == 0, "kinds of marks are cleared four at a time");

static inline __attribute__((always_inline)) void masks_clip(struct block_masks *m, uint64_t inside)
{
    m->word &= inside;
    m->upper &= inside;
    m->digit &= inside;
    m->high &= inside;
    m->space &= inside;
}

static inline __attribute__((always_inline)) void lower_some(char *block, uint64_t upper)
{
    for (; upper != 0; upper &= upper - 1) {
        block[bits_first(upper)] |= 0x20;
    }
}

/* memset() would become a string instruction, which takes its time to start. */
static inline __attribute__((always_inline)) void marks_clear(struct block_masks *m)
{
    typedef uint64_t four __attribute__((vector_size(32), aligned(8), may_alias));
    for (unsigned i = 0; i < ARRAY_LEN(m->of); i += 4) {
        *(four *)(void *)&m->of[i] = (four){0};
    }
}

/* What is neither word nor space, by kind, and what of it belongs to words after all. */
static inline __attribute__((always_inline)) bool block_marks(const char *block, uint64_t inside,
                                                              struct block_masks *m)
{
    m->marks = inside & ~(m->word | m->space);
    if (m->marks == 0) {
        return false;
    }
    marks_clear(m);
    uint64_t rest = m->marks;
    do {
        m->of[scan_marks[(unsigned char)block[bits_first(rest)]]] |= rest & (0 - rest);
        rest &= rest - 1;
    } while (rest != 0);
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
/* Bit counts and bit searches of one instruction come with the wide vectors. They are tuned for
   processors on which such an instruction does not wait for what was in its register before: for
   others the compiler clears it each time. */
#define SCAN_WIDE __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt,tune=znver2")))
/* Some processors have the wide forms, but take hundreds of cycles to gather bits. */
static inline bool scan_is_wide(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
           !__builtin_cpu_is("znver1") && !__builtin_cpu_is("znver2");
}

/* --- 16 bytes --- */

/* Bytes in [first, first + count): an unsigned comparison, made a signed one by moving the range to
 * the lowest values. */
#define RANGE_16(v, first, count)                                                                  \
    _mm_cmpgt_epi8(_mm_set1_epi8((char)(-128 + (count))),                                          \
                   _mm_add_epi8((v), _mm_set1_epi8((char)(-128 - (first)))))
#define MASK_16(v) ((uint64_t)(uint16_t)_mm_movemask_epi8(v))
#define IS_16(v, c) _mm_cmpeq_epi8((v), _mm_set1_epi8(c))

static inline __attribute__((always_inline)) void masks_add_16(const char *at, unsigned shift,
                                                               struct block_masks *m)
{
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i letter = RANGE_16(_mm_or_si128(b, _mm_set1_epi8(0x20)), 'a', 26);
    __m128i digit = RANGE_16(b, '0', 10);
    /* A mask is made of sign bits, so the text itself stands for the bytes of other scripts. */
    m->word |= MASK_16(_mm_or_si128(_mm_or_si128(letter, digit), b)) << shift;
    m->upper |= MASK_16(RANGE_16(b, 'A', 26)) << shift;
    m->digit |= MASK_16(digit) << shift;
    m->high |= MASK_16(b) << shift;
    m->space |= MASK_16(IS_16(b, ' ')) << shift;
}

/* Bytes outside of `inside` are in no mask and stay as they are. */
static inline __attribute__((always_inline)) bool block_masks_sse2(char *block, uint64_t inside,
                                                                   struct block_masks *masks)
{
    struct block_masks m;
    m.word = m.upper = m.digit = m.high = m.space = 0;
    for (unsigned i = 0; i < SCAN_BLOCK; i += 16) {
        masks_add_16(block + i, i, &m);
    }
    masks_clip(&m, inside);
    lower_some(block, m.upper);
    masks->word = m.word;
    masks->upper = m.upper;
    masks->digit = m.digit;
    masks->high = m.high;
    masks->space = m.space;
    return block_marks(block, inside, masks);
}

/* Offset of the first end of a line, quote or question mark within `len` bytes, or `len`. Reads up
   to 63 bytes beyond them. */
static inline __attribute__((always_inline)) size_t block_find_sse2(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i += 16) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
        __m128i lines = _mm_or_si128(IS_16(b, '\n'), IS_16(b, '?'));
        uint64_t found = MASK_16(_mm_or_si128(lines, _mm_or_si128(IS_16(b, '"'), IS_16(b, '`'))));
        if (found != 0) {
            size_t at = i + bits_first(found);
            return at < len ? at : len;
        }
    }
    return len;
}

/* --- 32 bytes --- */

/* A byte's class is what the rows of its two half bytes have in common; other scripts have none. */
enum { CLASS_EVEN = 1, CLASS_ODD = 2, CLASS_DIGIT = 4, CLASS_SPACE = -128 };
#define CLASS_LETTER (CLASS_EVEN | CLASS_ODD) /* of the columns 4 and 6, 5 and 7 */
#define ROWS_32(...) _mm256_setr_epi8(__VA_ARGS__, __VA_ARGS__)
#define MASK_64(first, second)                                                                     \
    ((uint64_t)(uint32_t)_mm256_movemask_epi8(first) |                                             \
     (uint64_t)(uint32_t)_mm256_movemask_epi8(second) << 32)

static inline __attribute__((always_inline)) SCAN_WIDE __m256i load_32(const char *at)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

static inline __attribute__((always_inline)) SCAN_WIDE __m256i classes_32(__m256i b)
{
    const __m256i low =
        ROWS_32(CLASS_ODD | CLASS_DIGIT | CLASS_SPACE, CLASS_LETTER | CLASS_DIGIT,
                CLASS_LETTER | CLASS_DIGIT, CLASS_LETTER | CLASS_DIGIT, CLASS_LETTER | CLASS_DIGIT,
                CLASS_LETTER | CLASS_DIGIT, CLASS_LETTER | CLASS_DIGIT, CLASS_LETTER | CLASS_DIGIT,
                CLASS_LETTER | CLASS_DIGIT, CLASS_LETTER | CLASS_DIGIT, CLASS_LETTER, CLASS_EVEN,
                CLASS_EVEN, CLASS_EVEN, CLASS_EVEN, CLASS_EVEN);
    const __m256i high = ROWS_32(0, 0, CLASS_SPACE, CLASS_DIGIT, CLASS_EVEN, CLASS_ODD, CLASS_EVEN,
                                 CLASS_ODD, 0, 0, 0, 0, 0, 0, 0, 0);
    __m256i halves = _mm256_and_si256(_mm256_srli_epi16(b, 4), _mm256_set1_epi8(0x0f));
    return _mm256_and_si256(_mm256_shuffle_epi8(low, b), _mm256_shuffle_epi8(high, halves));
}

static inline __attribute__((always_inline)) SCAN_WIDE void lower_32(char *at, __m256i b,
                                                                     __m256i classes)
{
    __m256i word = _mm256_cmpgt_epi8(classes, _mm256_setzero_si256());
    __m256i lower = _mm256_or_si256(b, _mm256_and_si256(word, _mm256_set1_epi8(0x20)));
    _mm256_storeu_si256((__m256i *)(void *)at, lower);
}

/* As block_masks_sse2(). */
static inline __attribute__((always_inline)) SCAN_WIDE bool
block_masks_avx2(char *block, uint64_t inside, struct block_masks *m)
{
    const __m256i none = _mm256_setzero_si256();
    __m256i first = load_32(block);
    __m256i second = load_32(block + 32);
    __m256i class_1 = classes_32(first);
    __m256i class_2 = classes_32(second);
    m->word = MASK_64(_mm256_or_si256(_mm256_cmpgt_epi8(class_1, none), first),
                      _mm256_or_si256(_mm256_cmpgt_epi8(class_2, none), second));
    m->space = MASK_64(class_1, class_2);
    /* capitals are the only words' bytes of ASCII without this bit */
    m->upper = m->word & ~MASK_64(_mm256_slli_epi16(first, 2), _mm256_slli_epi16(second, 2));
    m->digit = m->high = 0;
    __m256i digits = _mm256_slli_epi16(_mm256_or_si256(class_1, class_2), 5);
    if (_mm256_movemask_epi8(_mm256_or_si256(digits, _mm256_or_si256(first, second))) != 0) {
        m->digit = MASK_64(_mm256_slli_epi16(class_1, 5), _mm256_slli_epi16(class_2, 5));
        m->high = MASK_64(first, second);
        m->upper &= ~m->high;
    }
    if (UNLIKELY(inside != UINT64_MAX)) {
        masks_clip(m, inside);
        lower_some(block, m->upper);
    } else if (m->upper != 0) {
        lower_32(block, first, class_1);
        lower_32(block + 32, second, class_2);
    }
    return block_marks(block, inside, m);
}

/* As block_find_sse2(). Each of these bytes ends in another half byte: one look-up finds which of
   them a byte may be. Not always inlined: with a profile gcc calls it directly where it is called
   through a table, from functions without these instructions. */
static inline SCAN_WIDE size_t block_find_avx2(const char *text, size_t len)
{
    const __m256i breaks = ROWS_32('`', 0, '"', 0, 0, 0, 0, 0, 0, 0, '\n', 0, 0, 0, 0, '?');
    for (size_t i = 0; i < len; i += SCAN_BLOCK) {
        __m256i first = load_32(text + i);
        __m256i second = load_32(text + i + 32);
        __m256i is_1 = _mm256_cmpeq_epi8(first, _mm256_shuffle_epi8(breaks, first));
        __m256i is_2 = _mm256_cmpeq_epi8(second, _mm256_shuffle_epi8(breaks, second));
        if (_mm256_movemask_epi8(_mm256_or_si256(is_1, is_2)) != 0) {
            size_t at = i + bits_first(MASK_64(is_1, is_2));
            return at < len ? at : len;
        }
    }
    return len;
}

/* Offset in 64 bytes of the first byte that plain_copy() stops at, or 64. */
static inline __attribute__((always_inline)) SCAN_WIDE size_t plain_stop_64(__m256i first,
                                                                            __m256i second)
{
    const __m256i escape = _mm256_set1_epi8('\\');
    const __m256i lead = _mm256_set1_epi8((char)PUNCTUATION_LEAD);
    __m256i stop_1 =
        _mm256_or_si256(_mm256_cmpeq_epi8(first, escape), _mm256_cmpeq_epi8(first, lead));
    __m256i stop_2 =
        _mm256_or_si256(_mm256_cmpeq_epi8(second, escape), _mm256_cmpeq_epi8(second, lead));
    uint64_t stops = MASK_64(stop_1, stop_2);
    return stops == 0 ? SCAN_BLOCK : bits_first(stops);
}

/* Copies 64 bytes; true: none of them stops plain_copy(), else *ret_stop is the first that does. */
static inline __attribute__((always_inline)) SCAN_WIDE bool
plain_copy_64(char *to, const char *from, size_t *ret_stop)
{
    const __m256i escape = _mm256_set1_epi8('\\');
    __m256i first = load_32(from);
    __m256i second = load_32(from + 32);
    __m256i escapes =
        _mm256_or_si256(_mm256_cmpeq_epi8(first, escape), _mm256_cmpeq_epi8(second, escape));
    __m256i rare = _mm256_or_si256(escapes, _mm256_or_si256(first, second));
    _mm256_storeu_si256((__m256i *)(void *)to, first);
    _mm256_storeu_si256((__m256i *)(void *)(to + 32), second);
    if (LIKELY(_mm256_movemask_epi8(rare) == 0)) {
        return true;
    }
    *ret_stop = plain_stop_64(first, second);
    return *ret_stop == SCAN_BLOCK;
}

/* See scan.h. At least 64 bytes: the last block overlaps the one before it. */
static inline __attribute__((always_inline)) SCAN_WIDE size_t plain_copy_avx2(char *to,
                                                                              const char *from,
                                                                              size_t len)
{
    size_t last = len - SCAN_BLOCK;
    size_t stop = SCAN_BLOCK;
    for (size_t i = 0; i < last; i += SCAN_BLOCK) {
        if (UNLIKELY(!plain_copy_64(to + i, from + i, &stop))) {
            return i + stop;
        }
    }
    return plain_copy_64(to + last, from + last, &stop) ? len : last + stop;
}

#endif

#endif
