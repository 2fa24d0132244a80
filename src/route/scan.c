/* SPDX-License-Identifier: Apache-2.0 */
/* The table form of the block scan, and the vector forms as functions. */
#include "route/scan.h"

#include "route/scan_vector.h"

const uint8_t scan_marks[256] = {
    ['.'] = MARK_DOT,         ['!'] = MARK_ASK,       ['?'] = MARK_ASK,        [':'] = MARK_ASK,
    [','] = MARK_COMMA,       [';'] = MARK_SEMICOLON, ['"'] = MARK_QUOTE,      ['`'] = MARK_QUOTE,
    ['\''] = MARK_APOSTROPHE, ['('] = MARK_OPEN,      [')'] = MARK_BRACKET,    ['{'] = MARK_BRACKET,
    ['}'] = MARK_BRACKET,     ['['] = MARK_BRACKET,   [']'] = MARK_BRACKET,    ['='] = MARK_COMPARE,
    ['<'] = MARK_COMPARE,     ['>'] = MARK_COMPARE,   ['+'] = MARK_SUM,        ['-'] = MARK_SUM,
    ['*'] = MARK_SUM,         ['/'] = MARK_SUM,       ['%'] = MARK_SUM,        ['$'] = MARK_FORMULA,
    ['\\'] = MARK_FORMULA,    ['^'] = MARK_FORMULA,   ['_'] = MARK_UNDERSCORE, ['\t'] = MARK_BLANK,
    ['\r'] = MARK_BLANK,      ['\n'] = MARK_NEWLINE,
};

bool block_scan_portable(char *block, struct block_masks *masks)
{
    *masks = (struct block_masks){0};
    for (unsigned i = 0; i < SCAN_BLOCK; i++) {
        unsigned char c = (unsigned char)block[i];
        bool upper = c >= 'A' && c <= 'Z';
        bool digit = c >= '0' && c <= '9';
        bool word = upper || digit || (c >= 'a' && c <= 'z') || c >= 0x80;
        masks->word |= (uint64_t)word << i;
        masks->upper |= (uint64_t)upper << i;
        masks->digit |= (uint64_t)digit << i;
        masks->high |= (uint64_t)(c >= 0x80) << i;
        masks->space |= (uint64_t)(c == ' ') << i;
        block[i] = (char)(upper ? c | 0x20 : c);
    }
    return block_marks(block, UINT64_MAX, masks);
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

bool block_scan_sse2(char *block, struct block_masks *masks)
{
    return block_masks_sse2(block, UINT64_MAX, masks);
}

SCAN_WIDE bool block_scan_avx2(char *block, struct block_masks *masks)
{
    return block_masks_avx2(block, UINT64_MAX, masks);
}

bool block_scan(char *block, struct block_masks *masks)
{
    return scan_is_wide() ? block_scan_avx2(block, masks) : block_scan_sse2(block, masks);
}

#else

bool block_scan(char *block, struct block_masks *masks)
{
    return block_scan_portable(block, masks);
}

#endif
