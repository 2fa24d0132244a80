/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/inflate.h"

#include "base/memory.h"
#include "base/random.h"
#include "tests/tap.h"

#include <zlib.h>

#define GZIP_WINDOW (15 + 16)
#define ZLIB_WINDOW 15
#define BIG ((size_t)1 << 24)

/* Compresses; with `flush_every` above 0 a sync flush follows each so many bytes, as a stream does.
 */
static void compress_text(struct slice text, int window, size_t flush_every, struct buf *out)
{
    z_stream z = {0};
    EXPECT_INT(deflateInit2(&z, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t at = 0;
    bool done = false;
    while (!done) {
        size_t left = text.len - at;
        size_t size = flush_every > 0 && left > flush_every ? flush_every : left;
        z.next_in = (Bytef *)(uintptr_t)(text.ptr + at);
        z.avail_in = (uInt)size;
        at += size;
        done = at == text.len;
        size_t room = size + 1000;
        z.next_out = (Bytef *)buf_reserve(out, room);
        z.avail_out = (uInt)room;
        int status = deflate(&z, done ? Z_FINISH : Z_SYNC_FLUSH);
        EXPECT(status == (done ? Z_STREAM_END : Z_OK));
        out->len += room - z.avail_out;
    }
    deflateEnd(&z);
}

static void fill_text(char *text, size_t len)
{
    struct random random;
    random_seed(&random, 5);
    for (size_t i = 0; i < len; i++) {
        text[i] = "etaoin shrdlu\n\"{}:,"[random_below(&random, 19)];
    }
}

static enum inflate_result inflate_in_chunks(struct slice packed, size_t chunk, size_t limit,
                                             unsigned ratio, struct buf *out)
{
    struct inflate_stream *s = inflate_new(limit, ratio);
    enum inflate_result result = INFLATE_OK;
    while (packed.len > 0 && result == INFLATE_OK) {
        size_t size = packed.len < chunk ? packed.len : chunk;
        result = inflate_feed(s, slice_of(packed.ptr, size), out);
        packed = slice_from(packed, size);
    }
    inflate_free(s);
    return packed.len > 0 && result == INFLATE_END ? INFLATE_CORRUPT : result;
}

static void test_any_chunks(void)
{
    static char text[70000];
    static const int windows[] = {GZIP_WINDOW, ZLIB_WINDOW};
    static const size_t chunks[] = {1, 2, 3, 7, 100, 4096, 1 << 20};
    fill_text(text, sizeof(text));
    for (size_t w = 0; w < ARRAY_LEN(windows); w++) {
        struct buf packed = BUF_INIT(BIG);
        compress_text(slice_of(text, sizeof(text)), windows[w], 0, &packed);
        for (size_t c = 0; c < ARRAY_LEN(chunks); c++) {
            struct buf out = BUF_INIT(BIG);
            EXPECT_INT(inflate_in_chunks(buf_slice(&packed), chunks[c], BIG, 100, &out),
                       INFLATE_END);
            EXPECT(slice_eq(buf_slice(&out), slice_of(text, sizeof(text))));
            buf_release(&out);
        }
        buf_release(&packed);
    }
}

/* An event that was flushed comes out before the next one is in. */
static void test_flushed_bytes_come_out_at_once(void)
{
    struct buf packed = BUF_INIT(BIG);
    struct buf out = BUF_INIT(BIG);
    struct inflate_stream *s = inflate_new(BIG, 100);
    compress_text(SLICE("data: one\n\ndata: two\n\n"), GZIP_WINDOW, 11, &packed);
    size_t fed = 0;
    while (fed < packed.len && out.len < 11) {
        EXPECT_INT(inflate_feed(s, slice_of(packed.ptr + fed, 1), &out), INFLATE_OK);
        fed++;
    }
    EXPECT_SLICE(buf_slice(&out), "data: one\n\n");
    EXPECT_INT(inflate_feed(s, slice_from(buf_slice(&packed), fed), &out), INFLATE_END);
    EXPECT_SLICE(buf_slice(&out), "data: one\n\ndata: two\n\n");
    inflate_free(s);
    buf_release(&packed);
    buf_release(&out);
}

/* Much output from few bytes: what is flushed comes out although no more input follows. */
static void test_flushed_output_larger_than_a_chunk(void)
{
    static char text[100001];
    struct buf packed = BUF_INIT(BIG);
    struct buf out = BUF_INIT(BIG);
    compress_text(slice_of(text, sizeof(text)), ZLIB_WINDOW, sizeof(text) - 1, &packed);
    size_t mark = slice_find_slice(buf_slice(&packed), SLICE("\x00\x00\xFF\xFF"));
    EXPECT(mark != SIZE_MAX);
    struct inflate_stream *s = inflate_new(BIG, 0);
    EXPECT_INT(inflate_feed(s, slice_of(packed.ptr, mark + 4), &out), INFLATE_OK);
    EXPECT_INT(out.len, sizeof(text) - 1);
    inflate_free(s);
    buf_release(&packed);
    buf_release(&out);
}

static void test_output_of_whole_chunks(void)
{
    static char text[3 * 16384];
    for (size_t len = 16384 - 2; len <= sizeof(text); len += 16384 - (len % 16384 > 2 ? 1 : 0)) {
        struct buf packed = BUF_INIT(BIG);
        struct buf out = BUF_INIT(BIG);
        memset(text, 'z', sizeof(text));
        compress_text(slice_of(text, len), ZLIB_WINDOW, 0, &packed);
        EXPECT_INT(inflate_in_chunks(buf_slice(&packed), BIG, BIG, 0, &out), INFLATE_END);
        EXPECT_INT(out.len, len);
        buf_release(&packed);
        buf_release(&out);
    }
}

static void test_limit_of_the_size(void)
{
    static char text[50000];
    struct buf packed = BUF_INIT(BIG);
    fill_text(text, sizeof(text));
    compress_text(slice_of(text, sizeof(text)), GZIP_WINDOW, 0, &packed);
    struct buf out = BUF_INIT(BIG);
    EXPECT_INT(inflate_in_chunks(buf_slice(&packed), 999, sizeof(text), 100, &out), INFLATE_END);
    buf_clear(&out);
    EXPECT_INT(inflate_in_chunks(buf_slice(&packed), 999, sizeof(text) - 1, 100, &out),
               INFLATE_TOO_LARGE);
    EXPECT(out.len < sizeof(text));
    buf_release(&out);
    struct buf small = BUF_INIT(1000);
    EXPECT_INT(inflate_in_chunks(buf_slice(&packed), 999, BIG, 100, &small), INFLATE_TOO_LARGE);
    EXPECT(small.len <= 1000);
    buf_release(&small);
    buf_release(&packed);
}

static void test_bomb_is_stopped_by_the_ratio(void)
{
    static char zeros[8 << 20];
    struct buf packed = BUF_INIT(BIG);
    compress_text(slice_of(zeros, sizeof(zeros)), GZIP_WINDOW, 0, &packed);
    EXPECT(packed.len < sizeof(zeros) / 500);
    struct buf out = BUF_INIT(BIG);
    EXPECT_INT(inflate_in_chunks(buf_slice(&packed), 100, BIG, 100, &out), INFLATE_TOO_LARGE);
    EXPECT(out.len < 200000);
    buf_clear(&out);
    EXPECT_INT(inflate_in_chunks(buf_slice(&packed), 100, BIG, 0, &out), INFLATE_END);
    EXPECT_INT(out.len, sizeof(zeros));
    buf_clear(&out);
    /* a little text that compresses well is no bomb */
    struct buf little = BUF_INIT(BIG);
    compress_text(slice_of(zeros, 60000), GZIP_WINDOW, 0, &little);
    EXPECT_INT(inflate_in_chunks(buf_slice(&little), 100, BIG, 100, &out), INFLATE_END);
    buf_release(&little);
    buf_release(&out);
    buf_release(&packed);
}

static void test_after_the_end(void)
{
    struct buf packed = BUF_INIT(BIG);
    struct buf out = BUF_INIT(BIG);
    compress_text(SLICE("text"), GZIP_WINDOW, 0, &packed);
    struct inflate_stream *s = inflate_new(BIG, 100);
    EXPECT_INT(inflate_feed(s, SLICE_EMPTY, &out), INFLATE_OK);
    EXPECT_INT(inflate_feed(s, buf_slice(&packed), &out), INFLATE_END);
    EXPECT_INT(inflate_feed(s, SLICE_EMPTY, &out), INFLATE_END);
    EXPECT_INT(inflate_feed(s, SLICE("x"), &out), INFLATE_CORRUPT);
    EXPECT_INT(inflate_feed(s, SLICE_EMPTY, &out), INFLATE_CORRUPT);
    inflate_free(s);
    buf_append_char(&packed, 'x');
    buf_clear(&out);
    EXPECT_INT(inflate_in_chunks(buf_slice(&packed), BIG, BIG, 100, &out), INFLATE_CORRUPT);
    buf_release(&packed);
    buf_release(&out);
}

static void test_corrupt_input(void)
{
    static const struct slice bad[] = {
        SLICE_INIT("plain text"),
        SLICE_INIT("\x1f\x8b\x07\x00\x00\x00\x00\x00\x00\x03"),
        SLICE_INIT("\x78\x20\x00\x00\x00\x00"), /* asks for a preset dictionary */
        SLICE_INIT("\x78\x9c\xff\xff\xff\xff"),
    };
    struct buf out = BUF_INIT(BIG);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        EXPECT_INT(inflate_in_chunks(bad[i], 1, BIG, 100, &out), INFLATE_CORRUPT);
        EXPECT_INT(inflate_in_chunks(bad[i], BIG, BIG, 100, &out), INFLATE_CORRUPT);
    }
    struct buf packed = BUF_INIT(BIG);
    compress_text(SLICE("checked by its sum"), GZIP_WINDOW, 0, &packed);
    packed.ptr[packed.len - 5] = (char)(packed.ptr[packed.len - 5] ^ 1);
    EXPECT_INT(inflate_in_chunks(buf_slice(&packed), BIG, BIG, 100, &out), INFLATE_CORRUPT);
    /* a stream that stops early is not at its end */
    EXPECT_INT(inflate_in_chunks(slice_of(packed.ptr, packed.len - 9), 1, BIG, 100, &out),
               INFLATE_OK);
    buf_release(&packed);
    buf_release(&out);
    inflate_free(NULL);
}

#ifdef SLUICE_FAULTS
/* The stream's own memory, zlib's state and window, and what comes out. */
static void test_out_of_memory(void)
{
    static char text[70000];
    struct buf packed = BUF_INIT(BIG);
    fill_text(text, sizeof(text));
    compress_text(slice_of(text, sizeof(text)), GZIP_WINDOW, 0, &packed);
    bool failed = true;
    int64_t nth = 0;
    for (; failed; nth++) {
        struct buf out = BUF_INIT(BIG);
        memory_fail_nth(nth);
        struct inflate_stream *s = inflate_new(BIG, 100);
        enum inflate_result result =
            s != NULL ? inflate_feed(s, buf_slice(&packed), &out) : INFLATE_TOO_LARGE;
        failed = memory_fault_happened();
        memory_fail_nth(-1);
        EXPECT_INT(result, failed ? INFLATE_TOO_LARGE : INFLATE_END);
        EXPECT(failed || slice_eq(buf_slice(&out), slice_of(text, sizeof(text))));
        inflate_free(s);
        buf_release(&out);
    }
    EXPECT(nth > 4); /* zlib's too */
    buf_release(&packed);
}
#endif

int main(void)
{
    TEST(test_any_chunks, "gzip and zlib come out whole, in chunks of any size");
    TEST(test_flushed_bytes_come_out_at_once, "flushed bytes are not held back");
    TEST(test_flushed_output_larger_than_a_chunk, "much output from few bytes comes out at once");
    TEST(test_output_of_whole_chunks, "output that fills whole chunks is not cut");
    TEST(test_limit_of_the_size, "the ceiling of the size is exact");
    TEST(test_bomb_is_stopped_by_the_ratio, "a bomb is stopped by its ratio");
    TEST(test_after_the_end, "bytes after the end are an error");
    TEST(test_corrupt_input, "corrupt input is an error, a short one is not at its end");
#ifdef SLUICE_FAULTS
    TEST(test_out_of_memory, "out of memory is reported at every allocation, zlib's too");
#endif
    return tap_done();
}
