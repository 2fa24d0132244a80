/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text as a learned model sees it: which words and pairs of words it has, as hashed buckets, and
 * counts of its shape. The order of buckets is that of their first words. Case does not count
 * (ASCII), nor how often a word stands there. Words are runs of letters and digits (bytes from 0x80
 * on are letters; of scripts without spaces each character is a word); every other visible byte is
 * a word of its own. Of a long text the first and the last VECTOR_HALF bytes are read: what a
 * request wants it says at its ends, and a decision has no time for more. Pure, no allocation;
 * about 16 KiB of stack.
 *
 * Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009.
 */
#ifndef SLUICE_ROUTE_VECTOR_H
#define SLUICE_ROUTE_VECTOR_H

#include "base/slice.h"

#define VECTOR_BUCKETS 65536u
#define VECTOR_HALF ((size_t)256)
#define VECTOR_WORDS_MAX (2u * VECTOR_HALF)
#define VECTOR_COUNT_MAX (2 * VECTOR_WORDS_MAX + 16)

enum vector_shape {
    SHAPE_BYTES,
    SHAPE_WORDS,
    SHAPE_LINES,
    SHAPE_PARAGRAPHS,
    SHAPE_QUESTION_MARKS,
    SHAPE_DIGITS,
    SHAPE_NUMBERS,
    SHAPE_OPERATORS,
    SHAPE_DOLLARS,
    SHAPE_BACKSLASHES,
    SHAPE_COMMAS,
    SHAPE_PERIODS,
    SHAPE_QUOTES,
    SHAPE_CAPITALS,
    SHAPE_LETTERS_BEYOND_ASCII,
    SHAPE_PARENTHESES,
    SHAPE_PERCENTS,
    SHAPE_COLONS,
    SHAPE_BRACES,
    SHAPE_UNDERSCORES,
    SHAPE_LONGEST_LINE,
    SHAPE_WORD_LENGTH,
    SHAPE_DISTINCT_WORDS,
    SHAPE_REPETITION, /* share of words that were there before */
    SHAPE_DECIMALS,   /* numbers with a point */
    SHAPE_LONG_WORDS, /* of more than eight bytes */
    VECTOR_SHAPES
};

struct text_vector {
    uint32_t count;
    uint16_t buckets[VECTOR_COUNT_MAX]; /* each once */
    float shapes[VECTOR_SHAPES];        /* log(1 + count), but for the two means */
};

void vector_of_text(struct slice text, struct text_vector *ret_vector);
/* Of a text of `bytes` bytes, more than 2 * VECTOR_HALF, of which only the ends are at hand, of at
 * most VECTOR_HALF bytes each. */
void vector_of_ends(struct slice head, struct slice tail, size_t bytes,
                    struct text_vector *ret_vector);
/* The same word by word; for tests. */
void vector_of_text_plain(struct slice text, struct text_vector *ret_vector);

#endif
