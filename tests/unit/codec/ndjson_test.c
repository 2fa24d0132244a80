/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/ndjson.h"

#include "tests/tap.h"

#include <stdlib.h>

#define LIMIT 4096

static const struct slice fixtures[] = {
    SLICE_INIT("{\"a\":1}\n{\"b\":2}\n"),
    SLICE_INIT("{\"a\":1}\r\n{\"b\":2}\r\n"),
    SLICE_INIT("{\"a\":1}\n\n\r\n  \t\n{\"b\":2}"),
    SLICE_INIT("{\"model\":\"x\",\"done\":false}\n{\"done\":true}\r"),
    SLICE_INIT("{\"a\":\r1}\n\r\r\n[]\n"),
    SLICE_INIT("\n\n\n"),
    SLICE_INIT("1"),
    SLICE_INIT(" "),
    SLICE_INIT("{\"nul\":\0}\n\xC3\xA4\n"),
    SLICE_INIT(""),
};

static void note(struct buf *notes, const char *what, struct slice line)
{
    buf_append_cstr(notes, what);
    buf_append_u64(notes, line.len);
    buf_append_char(notes, '=');
    buf_append(notes, line);
    buf_append_char(notes, '\n');
}

/* Feeds a chunk from memory of its own, which is gone afterwards. */
static void feed(struct ndjson_decoder *d, struct slice chunk, struct buf *notes)
{
    struct slice line;
    enum ndjson_result result;
    char *copy = malloc(chunk.len == 0 ? 1 : chunk.len);
    if (chunk.len > 0) {
        memcpy(copy, chunk.ptr, chunk.len);
    }
    struct slice bytes = slice_of(copy, chunk.len);
    while ((result = ndjson_decode(d, &bytes, &line)) == NDJSON_LINE) {
        note(notes, "line", line);
    }
    if (result == NDJSON_TOO_LARGE) {
        buf_clear(notes);
        buf_append_cstr(notes, "too large\n");
    } else {
        EXPECT_INT(bytes.len, 0);
    }
    free(copy);
}

static void finish(struct ndjson_decoder *d, struct buf *notes)
{
    struct slice line;
    if (ndjson_decode_end(d, &line)) {
        note(notes, "end", line);
        EXPECT(!ndjson_decode_end(d, &line));
    }
}

static void decode_in_chunks(struct slice text, size_t limit, size_t first, size_t second,
                             struct buf *notes)
{
    struct ndjson_decoder d;
    size_t size = first;
    ndjson_decoder_init(&d, limit);
    for (size_t at = 0; at < text.len; at += size, size = size == first ? second : first) {
        size_t left = text.len - at;
        feed(&d, slice_of(text.ptr + at, left < size ? left : size), notes);
    }
    finish(&d, notes);
    ndjson_decoder_release(&d);
}

static void decode_cut_at(struct slice text, size_t limit, size_t cut, struct buf *notes)
{
    struct ndjson_decoder d;
    ndjson_decoder_init(&d, limit);
    feed(&d, slice_of(text.ptr, cut), notes);
    feed(&d, slice_from(text, cut), notes);
    finish(&d, notes);
    ndjson_decoder_release(&d);
}

static void expect_splits_agree(size_t fixture, size_t limit)
{
    struct slice text = fixtures[fixture];
    struct buf whole = BUF_INIT(100000);
    struct buf split = BUF_INIT(100000);
    decode_in_chunks(text, limit, text.len + 1, 1, &whole);
    for (size_t cut = 0; cut <= text.len; cut++) {
        decode_cut_at(text, limit, cut, &split);
        EXPECT(slice_eq(buf_slice(&whole), buf_slice(&split)));
        buf_clear(&split);
    }
    for (size_t first = 1; first <= 7; first++) {
        for (size_t second = 1; second <= 7; second++) {
            decode_in_chunks(text, limit, first, second, &split);
            EXPECT(slice_eq(buf_slice(&whole), buf_slice(&split)));
            buf_clear(&split);
        }
    }
    buf_release(&whole);
    buf_release(&split);
}

static void test_any_split_is_the_same(void)
{
    for (size_t i = 0; i < ARRAY_LEN(fixtures); i++) {
        for (size_t limit = 1; limit < 30; limit++) {
            expect_splits_agree(i, limit);
        }
        expect_splits_agree(i, LIMIT);
    }
}

static void test_lines(void)
{
    static const char *const wanted[] = {"{\"a\":1}", "{\"b\":2}", " 3 "};
    struct ndjson_decoder d;
    struct slice text = SLICE("{\"a\":1}\n\r\n \t\n{\"b\":2}\r\n 3 \n4");
    struct slice bytes = text;
    struct slice line;
    ndjson_decoder_init(&d, LIMIT);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        EXPECT_INT(ndjson_decode(&d, &bytes, &line), NDJSON_LINE);
        EXPECT_SLICE(line, wanted[i]);
        EXPECT(line.ptr >= text.ptr && line.ptr < text.ptr + text.len);
    }
    EXPECT_INT(ndjson_decode(&d, &bytes, &line), NDJSON_MORE);
    EXPECT(ndjson_decode_end(&d, &line));
    EXPECT_SLICE(line, "4");
    EXPECT(!ndjson_decode_end(&d, &line));
    ndjson_decoder_release(&d);
}

static void add_raw(struct ndjson_decoder *d, struct slice bytes, struct buf *raw)
{
    struct slice line;
    while (ndjson_decode(d, &bytes, &line) == NDJSON_LINE) {
        buf_append(raw, d->raw);
    }
}

static void test_raw_is_what_came(void)
{
    for (size_t i = 0; i < ARRAY_LEN(fixtures); i++) {
        struct slice text = fixtures[i];
        for (size_t cut = 0; cut <= text.len; cut++) {
            struct ndjson_decoder d;
            struct slice line;
            struct buf raw = BUF_INIT(LIMIT);
            ndjson_decoder_init(&d, LIMIT);
            add_raw(&d, slice_of(text.ptr, cut), &raw);
            add_raw(&d, slice_from(text, cut), &raw);
            if (ndjson_decode_end(&d, &line)) {
                buf_append(&raw, d.raw);
            }
            EXPECT(slice_starts(text, buf_slice(&raw)));
            EXPECT_INT(slice_trim(slice_from(text, raw.len)).len, 0);
            ndjson_decoder_release(&d);
            buf_release(&raw);
        }
    }
}

/* More of them than may wait, in one piece and in many. */
static void test_blank_lines_without_end(void)
{
    enum { COUNT = 100000 };
    char *blanks = malloc(COUNT);
    memset(blanks, '\n', COUNT);
    for (size_t size = 1; size <= COUNT; size *= 10) {
        struct ndjson_decoder d;
        struct slice line;
        ndjson_decoder_init(&d, 3);
        for (size_t at = 0; at < COUNT; at += size) {
            struct slice bytes = slice_of(blanks, size);
            EXPECT_INT(ndjson_decode(&d, &bytes, &line), NDJSON_MORE);
        }
        EXPECT(d.pending.len < 10000);
        struct slice end = SLICE("123\n");
        EXPECT_INT(ndjson_decode(&d, &end, &line), NDJSON_LINE);
        EXPECT_SLICE(line, "123");
        ndjson_decoder_release(&d);
    }
    free(blanks);
}

static void test_limit(void)
{
    struct ndjson_decoder d;
    struct slice line;
    struct slice fits = SLICE("12345\n");
    struct slice over = SLICE("123456\n1\n");
    ndjson_decoder_init(&d, 5);
    EXPECT_INT(ndjson_decode(&d, &fits, &line), NDJSON_LINE);
    EXPECT_INT(ndjson_decode(&d, &over, &line), NDJSON_TOO_LARGE);
    EXPECT_INT(ndjson_decode(&d, &over, &line), NDJSON_TOO_LARGE);
    EXPECT(!ndjson_decode_end(&d, &line));
    ndjson_decoder_release(&d);
}

static void test_long_line_in_small_pieces(void)
{
    enum { LENGTH = 1 << 20 };
    struct ndjson_decoder d;
    struct slice line;
    ndjson_decoder_init(&d, LENGTH);
    for (size_t i = 0; i < LENGTH; i++) {
        struct slice byte = SLICE("1");
        EXPECT_INT(ndjson_decode(&d, &byte, &line), NDJSON_MORE);
    }
    struct slice end = SLICE("\n");
    EXPECT_INT(ndjson_decode(&d, &end, &line), NDJSON_LINE);
    EXPECT_INT(line.len, LENGTH);
    ndjson_decoder_release(&d);
}

int main(void)
{
    TEST(test_any_split_is_the_same, "every split, at every ceiling, gives the same lines");
    TEST(test_lines, "blank lines are skipped, line ends removed, nothing is copied");
    TEST(test_raw_is_what_came, "the raw lines, one after the other, are the bytes that came");
    TEST(test_blank_lines_without_end, "blank lines without end cost nothing");
    TEST(test_limit, "a line above the ceiling stops the decoder");
    TEST(test_long_line_in_small_pieces, "a long line in small pieces costs linear time");
    return tap_done();
}
