/* SPDX-License-Identifier: Apache-2.0 */
/* The vector searches against byte-by-byte ones that are plainly right, on texts of random pieces
   in buffers of the exact size, so that the address sanitizer sees a read beyond the end. */
#include "codec/json_scan.h"

#include "base/random.h"
#include "tests/tap.h"

#include <stdlib.h>

static const char *const pieces[] = {
    "a",
    "plain text of some length, ",
    "0123456789abcdef",
    "\"",
    "\\",
    "\n",
    "\x1f",
    "\x7f",
    "\xC3\xA9",
    "\xD0\x96",
    "\xE4\xB8\xAD\xE6\x96\x87",
    "\xE0\xA0\x80",
    "\xED\x9F\xBF",
    "\xEF\xBF\xBF",
    "\xF0\x9F\x98\x80",
    "\xF0\x90\x80\x80",
    "\xF4\x8F\xBF\xBF",
    "\xC2\x85",
    "\xE2\x80\xA8",
    "\xE2\x80",
    "\xF0\x9F\x98",
    "\xC3",
    "\x80",
    "\xC0\xAF",
    "\xC1\xBF",
    "\xE0\x9F\xBF",
    "\xED\xA0\x80",
    "\xF0\x8F\xBF\xBF",
    "\xF4\x90\x80\x80",
    "\xF5\x80\x80\x80",
    "\xFF",
    " ",
    "    ",
    "\t",
    "\r\n",
};
#define HARMLESS 8 /* in most texts only the first few pieces and some of the others appear */

/* Straight from the table of RFC 3629 section 4, on code points. */
static size_t naive_multibyte(const unsigned char *u, size_t left)
{
    size_t length = u[0] >= 0xF0 ? 4 : u[0] >= 0xE0 ? 3 : 2;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (u[0] < 0xC0 || u[0] > 0xF7 || left < length) {
        return 0;
    }
    uint32_t point = u[0] & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((u[i] & 0xC0) != 0x80) {
            return 0;
        }
        point = point << 6 | (u[i] & 0x3Fu);
    }
    bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    return point < smallest[length] || point > 0x10FFFF || surrogate ? 0 : length;
}

static const char *naive_text_skip(const char *p, const char *end)
{
    while (p < end) {
        unsigned char c = (unsigned char)*p;
        size_t length = 1;
        if (c >= 0x80) {
            length = naive_multibyte((const unsigned char *)p, (size_t)(end - p));
        } else if (c < 0x20 || c == '"' || c == '\\') {
            length = 0;
        }
        if (length == 0) {
            return p;
        }
        p += length;
    }
    return p;
}

/* A text of up to 100 bytes in memory of exactly its size. */
static char *text_make(struct random *random, size_t *ret_len)
{
    char text[160];
    size_t len = 0;
    size_t wanted = random_below(random, 100);
    size_t first = random_below(random, sizeof pieces / sizeof pieces[0]);
    size_t count = 1 + random_below(random, HARMLESS);
    while (len < wanted) {
        size_t which = (first + random_below(random, count)) % (sizeof pieces / sizeof pieces[0]);
        size_t size = strlen(pieces[which]);
        memcpy(text + len, pieces[which], size);
        len += size;
    }
    char *copy = malloc(len == 0 ? 1 : len);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, text, len);
    *ret_len = len;
    return copy;
}

static void skips_to_the_same_place(void)
{
    struct random random;
    random_seed(&random, 1);
    for (int round = 0; round < 200000 && !tap_point_failed; round++) {
        size_t len;
        char *text = text_make(&random, &len);
        const char *end = text + len;
        for (size_t from = 0; from <= len && from < 20; from++) {
            const char *wanted = naive_text_skip(text + from, end);
            EXPECT(json_text_skip(text + from, end) == wanted);
            EXPECT(json_text_skip_portable(text + from, end) == wanted);
        }
        free(text);
    }
}

/* Any byte at any place of a text that is plain otherwise, with more of the same behind it. */
static void finds_every_byte_at_every_place(void)
{
    enum { LENGTH = 150 };
    char *text = malloc(LENGTH);
    for (int byte = 0; byte < 256; byte++) {
        for (size_t at = 0; at < LENGTH; at++) {
            memset(text, 'a' + (int)(at % 20), LENGTH);
            text[at] = (char)byte;
            text[LENGTH - 1 - at / 4] = (char)byte;
            const char *wanted = naive_text_skip(text, text + LENGTH);
            EXPECT(json_text_skip(text, text + LENGTH) == wanted);
        }
    }
    free(text);
}

/* The same far behind the start of a long text, where wider vectors are in use. */
static void finds_a_byte_anywhere_in_a_long_text(void)
{
    enum { LENGTH = 1400 };
    static const unsigned char bytes[] = {0x00, 0x1F, '"', '\\', 0x7F, 0x80, 0xA2, 0xC3, 0xFF};
    char *text = malloc(LENGTH);
    for (size_t i = 0; i < sizeof bytes; i++) {
        for (size_t at = 0; at < LENGTH; at++) {
            memset(text, ' ' + (int)(at % 90), LENGTH);
            memset(text, '#', 1 + at / 2);
            for (size_t j = 0; j < LENGTH; j++) {
                text[j] = text[j] == '"' || text[j] == '\\' ? '~' : text[j];
            }
            text[at] = (char)bytes[i];
            const char *wanted = naive_text_skip(text, text + LENGTH);
            EXPECT(json_text_skip(text, text + LENGTH) == wanted);
        }
    }
    free(text);
}

/* Where RFC 8259 section 7 ends the string, or NULL. */
static const char *naive_string_end(const char *p, const char *end, bool *ret_escaped)
{
    for (;;) {
        p = naive_text_skip(p, end);
        if (p == end || (*p != '"' && *p != '\\')) {
            return NULL;
        }
        if (*p == '"') {
            return p;
        }
        *ret_escaped = true;
        char letter = p + 1 < end ? p[1] : '\0';
        p += 2;
        if (letter == '\0' || strchr("\"\\/bfnrtu", letter) == NULL) {
            return NULL;
        }
        for (int digits = letter == 'u' ? 4 : 0; digits > 0; digits--) {
            if (p >= end || *p == '\0' || strchr("0123456789abcdefABCDEF", *p) == NULL) {
                return NULL;
            }
            p++;
        }
    }
}

/* Escapes in all neighbourhoods: rows of backslashes, at every distance from the end of a block. */
static char *escaped_text_make(struct random *random, size_t *ret_len)
{
    static const char *const parts[] = {
        "a",      "some words ",  "\\n",  "\\\\",           "\\\"", "\\u12aB", "\\/",
        "\\t\\t", "\xE4\xB8\xAD", "nrtu", "\\ud83d\\ude00", "\\",   "\"",      "\\x",
        "\\u12",  "\\u12g4",      "\n",   "\xFF",
    };
    char text[200];
    size_t len = 0;
    size_t wanted = random_below(random, 120);
    size_t count = random_below(random, 3) == 0 ? sizeof parts / sizeof parts[0] : 11;
    while (len < wanted) {
        const char *part = parts[random_below(random, count)];
        memcpy(text + len, part, strlen(part));
        len += strlen(part);
    }
    if (random_below(random, 8) != 0) {
        text[len++] = '"';
    }
    char *copy = malloc(len == 0 ? 1 : len);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, text, len);
    *ret_len = len;
    return copy;
}

static void ends_strings_at_the_same_place(void)
{
    struct random random;
    random_seed(&random, 4);
    int ended = 0;
    for (int round = 0; round < 400000 && !tap_point_failed; round++) {
        size_t len;
        char *text = escaped_text_make(&random, &len);
        bool wanted_escaped = false;
        bool escaped = false;
        const char *wanted = naive_string_end(text, text + len, &wanted_escaped);
        EXPECT(json_string_end(text, text + len, &escaped) == wanted);
        EXPECT(wanted == NULL || escaped == wanted_escaped);
        ended += wanted != NULL;
        if (tap_point_failed) {
            printf("# %.*s\n", (int)len, text);
        }
        free(text);
    }
    EXPECT(ended > 100000);
}

static void knows_every_sequence_of_utf8(void)
{
    /* every pair of first bytes, with every kind of third and fourth */
    static const unsigned char others[] = {0x00, 0x41, 0x7F, 0x80, 0x8F,
                                           0x90, 0xA0, 0xBF, 0xC0, 0xFF};
    for (unsigned first = 0x80; first < 0x100; first++) {
        for (unsigned second = 0; second < 0x100; second++) {
            for (size_t i = 0; i < sizeof others * sizeof others; i++) {
                unsigned char u[4] = {(unsigned char)first, (unsigned char)second,
                                      others[i % sizeof others], others[i / sizeof others]};
                const char *p = (const char *)u;
                for (size_t left = 1; left <= 4; left++) {
                    EXPECT(json_multibyte(p, p + left) == naive_multibyte(u, left));
                }
            }
        }
    }
}

static void finds_the_end_of_white_space(void)
{
    struct random random;
    random_seed(&random, 2);
    for (int round = 0; round < 100000 && !tap_point_failed; round++) {
        char text[80];
        size_t len = random_below(&random, sizeof text);
        for (size_t i = 0; i < len; i++) {
            text[i] = " \n\r\t"[random_below(&random, 4)];
        }
        if (len > 0 && random_below(&random, 4) != 0) {
            text[random_below(&random, len)] = "x{\v\f\x01\xA0\0"[random_below(&random, 7)];
        }
        size_t wanted = 0;
        while (wanted < len && strchr(" \n\r\t", text[wanted]) != NULL && text[wanted] != '\0') {
            wanted++;
        }
        EXPECT_INT(json_space_skip(text, text + len) - text, wanted);
    }
}

static void finds_the_first_byte_of_line_separators(void)
{
    struct random random;
    random_seed(&random, 3);
    for (int round = 0; round < 100000 && !tap_point_failed; round++) {
        char text[64];
        size_t len = random_below(&random, sizeof text);
        for (size_t i = 0; i < len; i++) {
            text[i] = (char)random_below(&random, 0xC2);
        }
        size_t wanted = len == 0 ? 0 : random_below(&random, len);
        if (len > 0) {
            text[wanted] = random_below(&random, 2) == 0 ? '\xC2' : '\xE2';
        }
        EXPECT_INT(json_separator_lead(text, text + len) - text, wanted);
    }
}

int main(void)
{
    TEST(skips_to_the_same_place, "plain text ends where a byte-by-byte search ends it");
    TEST(finds_every_byte_at_every_place, "each byte that ends plain text is seen at each place");
    TEST(finds_a_byte_anywhere_in_a_long_text, "finds a byte anywhere in a long text");
    TEST(ends_strings_at_the_same_place,
         "strings with escapes end where a byte-by-byte search ends them");
    TEST(knows_every_sequence_of_utf8, "the multi-byte check agrees with RFC 3629");
    TEST(finds_the_end_of_white_space, "white space ends where a byte-by-byte search ends it");
    TEST(finds_the_first_byte_of_line_separators, "the line separator search finds the first lead");
    return tap_done();
}
