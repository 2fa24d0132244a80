/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes in blocks of 64: one bit per byte and class, so that words and lines are found by bit
 * arithmetic instead of a branch per byte. AVX2 or SSE2 where there is any, else a table; all give
 * the same bits (tested).
 */
#ifndef SLUICE_ROUTE_SCAN_H
#define SLUICE_ROUTE_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#define SCAN_BLOCK 64

struct block_masks {
    uint64_t word; /* letters, digits, underscore, bytes of other scripts, and apostrophes between
                      those */
    uint64_t upper;
    uint64_t digit;
    uint64_t high; /* >= 0x80 */
    uint64_t space;
    uint64_t newline;
    uint64_t stop;       /* . ! ? : */
    uint64_t comma;      /* , ; */
    uint64_t quote;      /* " ` */
    uint64_t code;       /* = ; ( ) { } [ ] < > */
    uint64_t formula;    /* $ \ ^ */
    uint64_t arithmetic; /* + - * / = < > % */
    uint64_t underscore;
    uint64_t call; /* ( */
    uint64_t rare; /* all but letters, digits, other scripts, the blank, newline, . and , */
};

/* Makes the masks of 64 bytes and lower-cases their ASCII letters in place. */
void block_scan(char *block, struct block_masks *masks);
void block_scan_portable(char *block, struct block_masks *masks);
#ifdef __SSE2__
void block_scan_sse2(char *block, struct block_masks *masks);
void block_scan_avx2(char *block, struct block_masks *masks); /* only where the processor has it */
#endif

/* Kinds of the marks that most blocks have few or none of; a byte is of up to two. */
enum scan_mark {
    MARK_NONE,
    MARK_STOP,
    MARK_COMMA,
    MARK_QUOTE,
    MARK_CODE,
    MARK_FORMULA,
    MARK_ARITHMETIC,
    MARK_UNDERSCORE,
    MARK_CALL,
    MARK_SPACE,
    MARK_APOSTROPHE,
    SCAN_MARKS
};
struct mark_kinds {
    uint8_t first;
    uint8_t second;
};
extern const struct mark_kinds scan_marks[256];

/* "don't" is one word, 'this' is not part of one. A block's first and last byte have a neighbour
   that is not seen here: it counts as a letter. */
static inline uint64_t words_with_apostrophes(uint64_t word, uint64_t apostrophe)
{
    uint64_t before = word << 1 | 1;
    uint64_t after = word >> 1 | UINT64_C(1) << 63;
    return word | (apostrophe & before & after);
}

static inline unsigned bits_count(uint64_t bits)
{
    bits -= bits >> 1 & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) + (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (unsigned)(bits * UINT64_C(0x0101010101010101) >> 56);
}

static inline unsigned bits_first(uint64_t bits)
{
    return (unsigned)__builtin_ctzll(bits);
}

static inline unsigned bits_last(uint64_t bits)
{
    return 63u - (unsigned)__builtin_clzll(bits);
}

static inline uint64_t bits_below(unsigned bit)
{
    return (UINT64_C(1) << bit) - 1;
}

#endif
