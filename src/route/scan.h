/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes in blocks of 64: one bit per byte and class, so that words and lines are found by bit
 * arithmetic instead of a branch per byte. What words are made of and blanks are found with AVX2 or
 * SSE2 where there is any, else by a table; all give the same bits (tested). The few other bytes,
 * the marks, are sorted one by one.
 */
#ifndef SLUICE_ROUTE_SCAN_H
#define SLUICE_ROUTE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCAN_BLOCK 64

enum mark {
    MARK_OTHER,
    MARK_DOT,
    MARK_ASK, /* ! ? : */
    MARK_COMMA,
    MARK_SEMICOLON,
    MARK_QUOTE, /* " ` */
    MARK_APOSTROPHE,
    MARK_OPEN,    /* ( */
    MARK_BRACKET, /* ) { } [ ] */
    MARK_COMPARE, /* = < > */
    MARK_SUM,     /* + - * / % */
    MARK_FORMULA, /* $ \ ^ */
    MARK_UNDERSCORE,
    MARK_BLANK, /* tab, carriage return */
    MARK_NEWLINE,
    MARKS
};

struct block_masks {
    uint64_t word; /* letters, digits, underscore, bytes of other scripts, and apostrophes between
                      those */
    uint64_t upper;
    uint64_t digit;
    uint64_t high; /* >= 0x80 */
    uint64_t space;
    uint64_t marks;         /* neither words nor spaces */
    uint64_t of[MARKS + 1]; /* by kind; filled in only if there was a mark, before apostrophes and
                               underscores became part of words */
};

/* Makes the masks of 64 bytes and lower-cases their ASCII letters in place. Returns whether `of` is
   filled in. */
bool block_scan(char *block, struct block_masks *masks);
bool block_scan_portable(char *block, struct block_masks *masks);
#ifdef __SSE2__
bool block_scan_sse2(char *block, struct block_masks *masks);
bool block_scan_avx2(char *block, struct block_masks *masks); /* only where the processor has it */
#endif

/* Copies text up to the first backslash, or byte that may begin typographic punctuation; a text of
   less than 64 bytes not at all. Returns how many bytes were copied. */
#define PUNCTUATION_LEAD 0xe2
size_t plain_copy(char *to, const char *from, size_t len, bool wide);

extern const uint8_t scan_marks[256];

/* "don't" is one word, 'this' is not part of one. A block's first and last byte have a neighbour
   that is not seen here: it counts as a letter. */
static inline __attribute__((always_inline)) uint64_t words_with_apostrophes(uint64_t word,
                                                                             uint64_t apostrophe)
{
    uint64_t before = word << 1 | 1;
    uint64_t after = word >> 1 | UINT64_C(1) << 63;
    return word | (apostrophe & before & after);
}

static inline __attribute__((always_inline)) unsigned bits_count(uint64_t bits)
{
    bits -= bits >> 1 & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) + (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (unsigned)(bits * UINT64_C(0x0101010101010101) >> 56);
}

static inline __attribute__((always_inline)) unsigned bits_first(uint64_t bits)
{
    return (unsigned)__builtin_ctzll(bits);
}

static inline __attribute__((always_inline)) unsigned bits_last(uint64_t bits)
{
    return 63u - (unsigned)__builtin_clzll(bits);
}

static inline __attribute__((always_inline)) uint64_t bits_below(unsigned bit)
{
    return (UINT64_C(1) << bit) - 1;
}

#endif
