/* SPDX-License-Identifier: Apache-2.0 */
/* The table form of the block scan, and the vector forms as functions. */
#include "route/scan.h"

#include "route/scan_vector.h"

const struct mark_kinds scan_marks[256] = {
    ['!'] = {MARK_STOP, 0},
    ['?'] = {MARK_STOP, 0},
    [':'] = {MARK_STOP, 0},
    [';'] = {MARK_COMMA, MARK_CODE},
    ['"'] = {MARK_QUOTE, 0},
    ['`'] = {MARK_QUOTE, 0},
    ['('] = {MARK_CODE, MARK_CALL},
    [')'] = {MARK_CODE, 0},
    ['{'] = {MARK_CODE, 0},
    ['}'] = {MARK_CODE, 0},
    ['['] = {MARK_CODE, 0},
    [']'] = {MARK_CODE, 0},
    ['='] = {MARK_CODE, MARK_ARITHMETIC},
    ['<'] = {MARK_CODE, MARK_ARITHMETIC},
    ['>'] = {MARK_CODE, MARK_ARITHMETIC},
    ['+'] = {MARK_ARITHMETIC, 0},
    ['-'] = {MARK_ARITHMETIC, 0},
    ['*'] = {MARK_ARITHMETIC, 0},
    ['/'] = {MARK_ARITHMETIC, 0},
    ['%'] = {MARK_ARITHMETIC, 0},
    ['$'] = {MARK_FORMULA, 0},
    ['\\'] = {MARK_FORMULA, 0},
    ['^'] = {MARK_FORMULA, 0},
    ['_'] = {MARK_UNDERSCORE, 0},
    ['\t'] = {MARK_SPACE, 0},
    ['\r'] = {MARK_SPACE, 0},
    ['\''] = {MARK_APOSTROPHE, 0},
};

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
        bool common = (class & CLASS_WORD) != 0 && c != '_';
        common = common || c == ' ' || c == '\n' || c == '.' || c == ',';
        bit_set(&masks->rare, i, !common);
        block[i] = (char)((class & CLASS_UPPER) != 0 ? c | 0x20 : c);
    }
    masks->word = words_with_apostrophes(masks->word, apostrophe);
}

#ifdef SCAN_HAS_VECTORS

#define SAME_8(c) c, c, c, c, c, c, c, c
#define SAME_32(c)                                                                                 \
    {                                                                                              \
        SAME_8(c), SAME_8(c), SAME_8(c), SAME_8(c)                                                 \
    }
#define ROWS_4(c) SAME_32(c), SAME_32((c) + 1), SAME_32((c) + 2), SAME_32((c) + 3)
#define ROWS_16(c) ROWS_4(c), ROWS_4((c) + 4), ROWS_4((c) + 8), ROWS_4((c) + 12)
#define ROWS_64(c) ROWS_16(c), ROWS_16((c) + 16), ROWS_16((c) + 32), ROWS_16((c) + 48)

const uint8_t scan_splats[256][32]
    __attribute__((aligned(32))) = {ROWS_64(0), ROWS_64(64), ROWS_64(128), ROWS_64(192)};

void block_scan_sse2(char *block, struct block_masks *masks)
{
    block_masks_sse2(block, UINT64_MAX, masks);
}

SCAN_WIDE void block_scan_avx2(char *block, struct block_masks *masks)
{
    block_masks_avx2(block, UINT64_MAX, masks);
}

void block_scan(char *block, struct block_masks *masks)
{
    if (scan_is_wide()) {
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
