/* SPDX-License-Identifier: Apache-2.0 */
#include "route/lookalike.h"

#include "base/check.h"

#include <stdint.h>
#include <string.h>

#define HIDDEN 1 /* in place of a letter: nothing is seen */
#define GREEK_FIRST 0x370
#define CYRILLIC_FIRST 0x400
#define IS_LETTER(c) ((unsigned)(((unsigned char)(c) | 0x20) - 'a') < 26)

static const char greek[0x90] = {
    [0x21] = 'A', [0x22] = 'B', [0x25] = 'E', [0x26] = 'Z', [0x27] = 'H', [0x29] = 'I',
    [0x2a] = 'K', [0x2c] = 'M', [0x2d] = 'N', [0x2f] = 'O', [0x31] = 'P', [0x34] = 'T',
    [0x35] = 'Y', [0x37] = 'X', [0x41] = 'a', [0x43] = 'y', [0x45] = 'e', [0x47] = 'n',
    [0x49] = 'i', [0x4a] = 'k', [0x4d] = 'v', [0x4f] = 'o', [0x51] = 'p', [0x52] = 'c',
    [0x54] = 't', [0x55] = 'u', [0x57] = 'x', [0x69] = 'w', [0x7f] = 'J', [0x83] = 'j',
};

static const char cyrillic[0x130] = {
    [0x05] = 'S',  [0x06] = 'I',  [0x08] = 'J',  [0x10] = 'A',  [0x12] = 'B',  [0x15] = 'E',
    [0x1a] = 'K',  [0x1c] = 'M',  [0x1d] = 'H',  [0x1e] = 'O',  [0x20] = 'P',  [0x21] = 'C',
    [0x22] = 'T',  [0x23] = 'Y',  [0x25] = 'X',  [0x30] = 'a',  [0x32] = 'b',  [0x33] = 'r',
    [0x35] = 'e',  [0x38] = 'u',  [0x3a] = 'k',  [0x3c] = 'm',  [0x3d] = 'h',  [0x3e] = 'o',
    [0x3f] = 'n',  [0x40] = 'p',  [0x41] = 'c',  [0x42] = 't',  [0x43] = 'y',  [0x45] = 'x',
    [0x55] = 's',  [0x56] = 'i',  [0x58] = 'j',  [0x75] = 'v',  [0xae] = 'Y',  [0xaf] = 'y',
    [0xba] = 'H',  [0xbb] = 'h',  [0xc0] = 'I',  [0xcf] = 'l',  [0xd4] = 'A',  [0xd5] = 'a',
    [0x100] = 'D', [0x101] = 'd', [0x11a] = 'Q', [0x11b] = 'q', [0x11c] = 'W', [0x11d] = 'w',
};

/* A character of a text, as far as it is asked of here. */
struct character {
    uint32_t point;
    size_t size;
    char latin;  /* what it looks like; HIDDEN; 0: itself */
    bool shaped; /* a Latin letter in another shape, wherever it stands */
};

/* Broken UTF-8 is bytes by themselves. */
static uint32_t point_at(const char *text, size_t left, size_t *ret_size)
{
    unsigned char c = (unsigned char)text[0];
    size_t size = c < 0xc2 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 1;
    uint32_t point = size == 1 ? c : c & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if (i >= left || ((unsigned char)text[i] & 0xc0) != 0x80) {
            *ret_size = 1;
            return c;
        }
        point = point << 6 | ((unsigned char)text[i] & 0x3fu);
    }
    *ret_size = size;
    return point;
}

static char shape_of(uint32_t point)
{
    if (point >= 0xff01 && point <= 0xff5e) { /* full width */
        return (char)(point - 0xfee0);
    }
    if (point >= 0x1d400 && point < 0x1d6a4) { /* mathematical, thirteen alphabets */
        uint32_t letter = (point - 0x1d400) % 52;
        return (char)(letter < 26 ? 'A' + letter : 'a' + letter - 26);
    }
    if (point >= 0x24b6 && point <= 0x24e9) { /* in circles */
        uint32_t letter = point - 0x24b6;
        return (char)(letter < 26 ? 'A' + letter : 'a' + letter - 26);
    }
    return 0;
}

/* Blanks of no width, joiners, marks of direction: nobody misses them in any script. */
static bool is_unseen(uint32_t point)
{
    return point == 0xfeff || (point >= 0x200b && point <= 0x200f) ||
           (point >= 0x202a && point <= 0x202e) || (point >= 0x2060 && point <= 0x206f);
}

/* These, and soft hyphens, accents that are characters of their own, variation selectors, tags. */
static bool is_hidden(uint32_t point)
{
    return is_unseen(point) || point == 0xad || point == 0x34f || point == 0x180e ||
           (point >= 0x300 && point < 0x370) || (point >= 0xfe00 && point <= 0xfe0f) ||
           (point >= 0xe0000 && point <= 0xe01ef);
}

static struct character character_at(const char *text, size_t left)
{
    struct character c = {.size = 1};
    if ((unsigned char)text[0] < 0x80) {
        c.point = (unsigned char)text[0];
        return c;
    }
    c.point = point_at(text, left, &c.size);
    if (c.size == 1) {
        return c;
    }
    c.latin = shape_of(c.point);
    c.shaped = c.latin != 0;
    if (is_hidden(c.point)) {
        c.latin = HIDDEN;
    } else if (c.point - GREEK_FIRST < ARRAY_LEN(greek)) {
        c.latin = greek[c.point - GREEK_FIRST];
    } else if (c.point - CYRILLIC_FIRST < ARRAY_LEN(cyrillic)) {
        c.latin = cyrillic[c.point - CYRILLIC_FIRST];
    }
    return c;
}

/* The end of the word that begins the text, and whether it is a Latin one: it has such letters, or
   it is no more than a character that looks like one or like nothing, in a text in which
   others do. */
static size_t word_end(const char *text, size_t len, bool others, bool *ret_latin)
{
    size_t at = 0;
    struct character first = character_at(text, len);
    *ret_latin = false;
    while (at < len) {
        struct character c = character_at(text + at, len - at);
        if (c.point < 0x80 && !IS_LETTER(text[at])) {
            break;
        }
        *ret_latin |= c.point < 0x80 || (c.shaped && IS_LETTER(c.latin));
        at += c.size;
    }
    *ret_latin |= others && at == first.size && first.latin != 0;
    return at;
}

/* The end of the ASCII that begins here, up to the word that other characters are part of. */
static size_t plain_end(const char *text, size_t at, size_t len)
{
    size_t end = at;
    while (end < len && (unsigned char)text[end] < 0x80) {
        end++;
    }
    while (end < len && end > at && IS_LETTER(text[end - 1])) {
        end--;
    }
    return end;
}

/* One word [from, end) to `to`; returns where it ends there. Of a word that is no Latin one only
   what is not seen is left out, and of a text that hides something, all that is hidden. */
static size_t word_replace(char *text, size_t to, size_t from, size_t end, bool latin,
                           bool *changed)
{
    while (from < end) {
        struct character c = character_at(text + from, end - from);
        bool left_out = c.latin == HIDDEN && (latin || *changed || is_unseen(c.point));
        if (left_out) {
            *changed = true;
        } else if (c.latin > HIDDEN && latin) {
            text[to++] = c.latin;
            *changed = true;
        } else {
            memmove(text + to, text + from, c.size);
            to += c.size;
        }
        from += c.size;
    }
    return to;
}

size_t lookalikes_replace(char *text, size_t len, bool *changed)
{
    size_t to = 0;
    *changed = false;
    for (size_t at = 0; at < len;) {
        bool latin;
        size_t end = plain_end(text, at, len);
        if (end > at) {
            memmove(text + to, text + at, end - at);
            to += end - at;
            at = end;
            continue;
        }
        end = at + word_end(text + at, len - at, *changed, &latin);
        end += end == at;
        to = word_replace(text, to, at, end, latin, changed);
        at = end;
    }
    return to;
}
