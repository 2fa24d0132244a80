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
static SCAN_WIDE size_t plain_copy_wide(char *to, const char *from, size_t len)
{
    return plain_copy_avx2(to, from, len);
}
#endif

size_t plain_copy(char *to, const char *from, size_t len, bool wide)
{
    if (len < SCAN_BLOCK) {
        return 0;
    }
#ifdef SCAN_HAS_VECTORS
    if (wide) {
        return plain_copy_wide(to, from, len);
    }
#else
    (void)wide;
#endif
    const char *escape = memchr(from, '\\', len);
    len = escape == NULL ? len : (size_t)(escape - from);
    const char *general = memchr(from, PUNCTUATION_LEAD, len);
    len = general == NULL ? len : (size_t)(general - from);
    memcpy(to, from, len);
    return len;
}

#ifdef SCAN_HAS_VECTORS

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
