/* SPDX-License-Identifier: Apache-2.0 */
#include "route/scan.h"

#ifdef __SSE2__
#include <emmintrin.h>
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
        ['\''] = CLASS_WORD,
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
        block[i] = (char)((class & CLASS_UPPER) != 0 ? c | 0x20 : c);
    }
}

#ifdef __SSE2__

/* Bytes in [first, first + count): an unsigned comparison made of a signed one by shifting the
 * range to its start. */
static __m128i in_range(__m128i bytes, char first, char count)
{
    __m128i shifted = _mm_add_epi8(bytes, _mm_set1_epi8((char)(-128 - first)));
    return _mm_cmplt_epi8(shifted, _mm_set1_epi8((char)(-128 + count)));
}

static __m128i is(__m128i bytes, char c)
{
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}

static __m128i either(__m128i a, __m128i b)
{
    return _mm_or_si128(a, b);
}

static uint64_t bits(__m128i flags, unsigned shift)
{
    return (uint64_t)(unsigned)_mm_movemask_epi8(flags) << shift;
}

/* What every text has. Returns the bytes that are something else. */
static uint64_t scan_words(char *at, unsigned shift, struct block_masks *m)
{
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i letter = in_range(_mm_or_si128(b, _mm_set1_epi8(0x20)), 'a', 26);
    __m128i upper = in_range(b, 'A', 26);
    __m128i digit = in_range(b, '0', 10);
    __m128i high = _mm_cmplt_epi8(b, _mm_setzero_si128());
    __m128i word = either(either(letter, digit), either(either(is(b, '_'), is(b, '\'')), high));
    __m128i newline = is(b, '\n');
    __m128i space = either(is(b, ' '), either(is(b, '\t'), is(b, '\r')));
    __m128i stop = is(b, '.');
    __m128i comma = is(b, ',');
    _mm_storeu_si128((__m128i *)(void *)at,
                     _mm_or_si128(b, _mm_and_si128(upper, _mm_set1_epi8(0x20))));
    m->word |= bits(word, shift);
    m->upper |= bits(upper, shift);
    m->digit |= bits(digit, shift);
    m->high |= bits(high, shift);
    m->newline |= bits(newline, shift);
    m->space |= bits(space, shift);
    m->stop |= bits(stop, shift);
    m->comma |= bits(comma, shift);
    __m128i common = either(either(word, either(space, newline)), either(stop, comma));
    return bits(common, shift) ^ (UINT64_C(0xffff) << shift);
}

static void scan_marks(const char *at, unsigned shift, struct block_masks *m)
{
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i semicolon = is(b, ';');
    __m128i compared = either(either(is(b, '='), is(b, '<')), is(b, '>'));
    __m128i open = is(b, '(');
    /* Setting bit 0x20 makes [ and {, ] and } one; no other byte becomes either of them. */
    __m128i folded = _mm_or_si128(b, _mm_set1_epi8(0x20));
    __m128i brace = either(is(folded, '{'), is(folded, '}'));
    __m128i round = either(open, is(b, ')'));
    __m128i stop = either(either(is(b, '!'), is(b, '?')), is(b, ':'));
    __m128i sum = either(either(is(b, '+'), is(b, '-')), either(is(b, '*'), is(b, '/')));
    m->stop |= bits(stop, shift);
    m->comma |= bits(semicolon, shift);
    m->quote |= bits(either(is(b, '"'), is(b, '`')), shift);
    m->code |= bits(either(either(brace, round), either(compared, semicolon)), shift);
    m->formula |= bits(either(either(is(b, '$'), is(b, '\\')), is(b, '^')), shift);
    m->arithmetic |= bits(either(either(sum, compared), is(b, '%')), shift);
    m->call |= bits(open, shift);
}

void block_scan(char *block, struct block_masks *masks)
{
    *masks = (struct block_masks){0};
    uint64_t others = 0;
    for (unsigned shift = 0; shift < SCAN_BLOCK; shift += 16) {
        others |= scan_words(block + shift, shift, masks);
    }
    for (unsigned shift = 0; others != 0 && shift < SCAN_BLOCK; shift += 16) {
        scan_marks(block + shift, shift, masks);
    }
    for (unsigned shift = 0; shift < SCAN_BLOCK; shift += 16) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(block + shift));
        masks->underscore |= bits(is(b, '_'), shift);
    }
}

#else

void block_scan(char *block, struct block_masks *masks)
{
    block_scan_portable(block, masks);
}

#endif
