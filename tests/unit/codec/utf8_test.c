/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/utf8.h"

#include "base/random.h"
#include "tests/tap.h"

#include <stdlib.h>

static void test_every_code_point(void)
{
    for (uint32_t c = 0; c <= 0x110000; c++) {
        char bytes[4];
        uint32_t back = 0;
        bool scalar = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
        size_t len = utf8_encode(c, bytes);
        struct slice s = slice_of(bytes, len);
        bool good = utf8_decode(s, &back) == len && back == (scalar ? c : 0xFFFD);
        good = good && utf8_sequence(s) == len && utf8_valid(s);
        for (size_t cut = 1; cut < len; cut++) {
            good = good && utf8_sequence(slice_of(bytes, cut)) == 0;
            good = good && !utf8_valid(slice_of(bytes, cut));
        }
        if (!good) {
            printf("# code point %x\n", c);
            EXPECT(good);
            return;
        }
    }
}

/* The rule by arithmetic: decode by the length of the lead byte, then ask whether that was the
 * shortest form. */
static bool four_bytes_are_valid(const unsigned char *p)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    for (size_t i = 0; i < 4;) {
        size_t len = p[i] < 0x80       ? 1
                     : p[i] >> 5 == 6  ? 2
                     : p[i] >> 4 == 14 ? 3
                     : p[i] >> 3 == 30 ? 4
                                       : 0;
        if (len == 0 || i + len > 4) {
            return false;
        }
        uint32_t code = len == 1 ? p[i] : p[i] & (0x7Fu >> len);
        for (size_t k = 1; k < len; k++) {
            if (p[i + k] >> 6 != 2) {
                return false;
            }
            code = code << 6 | (p[i + k] & 0x3Fu);
        }
        if (code < smallest[len] || code > 0x10FFFF || (code >> 11) == 0x1B) {
            return false;
        }
        i += len;
    }
    return true;
}

/* Four bytes at every edge of the ranges, alone and at every offset of a longer ASCII text. */
static void test_agrees_with_the_rule(void)
{
    static const unsigned char edges[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                          0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
                                          0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF7, 0xF8, 0xFF};
    enum { EDGES = sizeof(edges) };
    for (size_t n = 0; n < (size_t)EDGES * EDGES * EDGES * EDGES; n++) {
        unsigned char p[4] = {edges[n % EDGES], edges[n / EDGES % EDGES],
                              edges[n / EDGES / EDGES % EDGES],
                              edges[n / EDGES / EDGES / EDGES % EDGES]};
        char text[40];
        bool wanted = four_bytes_are_valid(p);
        size_t at = n % 33;
        memset(text, 'x', sizeof(text));
        memcpy(text + at, p, 4);
        bool alone = utf8_valid(slice_of((const char *)p, 4));
        bool inside = utf8_valid(slice_of(text, sizeof(text)));
        bool at_end = utf8_valid(slice_of(text, at + 4));
        if (alone != wanted || inside != wanted || at_end != wanted) {
            printf("# %02x %02x %02x %02x at %zu\n", p[0], p[1], p[2], p[3], at);
            EXPECT(alone == wanted && inside == wanted && at_end == wanted);
            return;
        }
    }
}

/* One bad byte anywhere in texts of every length is found; nothing is read past the end. */
static void test_finds_the_bad_byte(void)
{
    for (size_t len = 1; len < 80; len++) {
        char *text = malloc(len);
        memset(text, 'a', len);
        EXPECT(utf8_valid(slice_of(text, len)));
        for (size_t at = 0; at < len; at++) {
            text[at] = (char)0xFF;
            EXPECT(!utf8_valid(slice_of(text, len)));
            text[at] = (char)0xC3;
            EXPECT(!utf8_valid(slice_of(text, len)));
            text[at] = 'a';
        }
        free(text);
    }
    EXPECT(utf8_valid(SLICE_EMPTY));
}

static void test_prefix_keeps_characters_whole(void)
{
    struct slice s = SLICE("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z");
    static const size_t wanted[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t max = 0; max < ARRAY_LEN(wanted); max++) {
        EXPECT_INT(utf8_prefix(s, max).len, wanted[max]);
        EXPECT(utf8_prefix(s, max).ptr == s.ptr);
    }
    /* bytes that are no characters are cut where asked */
    EXPECT_INT(utf8_prefix(SLICE("\x80\x80\x80\x80\x80\x80"), 5).len, 5);
    EXPECT_INT(utf8_prefix(SLICE("\xF0\x9F\x98\x80"), 3).len, 0);
    EXPECT_INT(utf8_prefix(SLICE_EMPTY, 3).len, 0);
}

static void test_decode_of_nothing(void)
{
    uint32_t code = 7;
    EXPECT_INT(utf8_decode(SLICE_EMPTY, &code), 0);
    EXPECT_INT(utf8_decode(SLICE("\xFFx"), &code), 0);
    EXPECT_INT(code, 7);
}

int main(void)
{
    TEST(test_every_code_point, "every code point is written and read back, cut ones refused");
    TEST(test_agrees_with_the_rule, "validity agrees with the rule at every edge");
    TEST(test_finds_the_bad_byte, "a bad byte is found at every place");
    TEST(test_prefix_keeps_characters_whole, "a prefix does not cut a character");
    TEST(test_decode_of_nothing, "empty and invalid input decode to nothing");
    return tap_done();
}
