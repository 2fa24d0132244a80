/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/sse.h"

#include "base/memory.h"
#include "tests/tap.h"

#include <stdlib.h>

#define LIMIT 4096

static const struct slice fixtures[] = {
    SLICE_INIT("data: one\n\ndata: two\n\n"),
    SLICE_INIT("data: one\r\n\r\ndata: two\r\n\r\n"),
    SLICE_INIT("data: one\r\rdata: two\r\rdata: three\r\r"),
    SLICE_INIT("event: message_start\ndata: {\"type\":\"message_start\"}\n\n"
               "event: ping\ndata: {\"type\":\"ping\"}\n\n"
               "event: content_block_delta\ndata: {\"delta\":{\"text\":\"Hi\"}}\n\n"
               "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
    SLICE_INIT("data: {\"choices\":[{\"delta\":{\"content\":\"[DONE]\"}}]}\n\ndata: [DONE]\n\n"),
    SLICE_INIT("\xEF\xBB\xBF"
               "data: after a BOM\n\ndata: \xEF\xBB\xBFinside\n\n"),
    SLICE_INIT("\xEF\xBB\xBF\n\ndata: x\n\n"),
    SLICE_INIT("\xEF\xBB\xBF\r\rdata: x\r\r"),
    SLICE_INIT("\xEF\xBBnot a BOM: x\ndata: y\n\n"),
    SLICE_INIT(": keep-alive\n\n: another\n: comment\n\ndata: x\n: between\ndata: y\n\n"),
    SLICE_INIT("data: a\ndata: b\ndata: c\n\ndata\ndata\n\ndata:\n\ndata:\ndata:x\ndata:\n\n"),
    SLICE_INIT("id: 7\nretry: 100\nunknown: z\nevent: e\nevent: f\ndata:no space\ndata:  two\n\n"),
    SLICE_INIT("\n\n\r\n\r\n\r\r\n\ndata: x\n\n\n"),
    SLICE_INIT("data: a\r\n\rdata: b\n\r\ndata: c\r\r\ndata: d\r\n\n"),
    SLICE_INIT("data: a\rdata: b\ndata: c\r\ndata: d\r\r"),
    SLICE_INIT("data: whole\n\ndata: the last has no blank line\n"),
    SLICE_INIT("data: whole\n\ndata: cut in a line"),
    SLICE_INIT("data: whole\r\n\r\ndata: cut at its CR\r\n\r"),
    SLICE_INIT("event\nevent:\ndatax: 1\ndat: 2\neventually: 3\nevent : 4\ndata : 5\n\n"),
    SLICE_INIT(
        "data: \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\n\ndata: \xE2\x80\xA8\xC2\x85|\x0B\x0C|\n\n"),
    SLICE_INIT("data: nul \0 inside\n\ndata:\t tab\n\n"),
    SLICE_INIT("<html><body>502 Bad Gateway</body></html>"),
    SLICE_INIT("{\"error\":{\"message\":\"not a stream\"}}\n"),
    SLICE_INIT("\r"),
    SLICE_INIT("\xEF"),
    SLICE_INIT(""),
};

/* --- running a decoder and writing down what it said --------------------------------------------
 */

static void note_piece(struct buf *notes, char what, struct slice piece)
{
    buf_append_char(notes, what);
    buf_append_u64(notes, piece.len);
    buf_append_char(notes, '=');
    buf_append(notes, piece);
    buf_append_char(notes, '\n');
}

static void note_event(struct buf *notes, const struct sse_event *event)
{
    note_piece(notes, 'n', event->name);
    note_piece(notes, 'd', event->data);
    note_piece(notes, 'r', event->raw);
    buf_append_cstr(notes, event->has_data ? "data\n" : "none\n");
}

/* Feeds a chunk from memory of its own, which is gone afterwards. */
static void feed(struct sse_decoder *d, struct slice chunk, struct buf *notes)
{
    struct sse_event event;
    enum sse_result result;
    char *copy = malloc(chunk.len == 0 ? 1 : chunk.len);
    if (chunk.len > 0) {
        memcpy(copy, chunk.ptr, chunk.len);
    }
    struct slice bytes = slice_of(copy, chunk.len);
    while ((result = sse_decode(d, &bytes, &event)) == SSE_EVENT) {
        note_event(notes, &event);
    }
    if (result == SSE_TOO_LARGE) {
        buf_clear(notes);
        buf_append_cstr(notes, "too large\n");
    } else {
        EXPECT_INT(bytes.len, 0);
    }
    free(copy);
}

static void finish(struct sse_decoder *d, struct buf *notes)
{
    struct sse_event event;
    if (sse_decode_end(d, &event)) {
        buf_append_cstr(notes, "end\n");
        note_event(notes, &event);
        EXPECT(!sse_decode_end(d, &event));
    }
}

/* Feeds in chunks of `first` and `second` bytes by turns. */
static void decode_in_chunks(struct slice text, size_t limit, size_t first, size_t second,
                             struct buf *notes)
{
    struct sse_decoder d;
    size_t size = first;
    sse_decoder_init(&d, limit);
    for (size_t at = 0; at < text.len; at += size, size = size == first ? second : first) {
        size_t left = text.len - at;
        feed(&d, slice_of(text.ptr + at, left < size ? left : size), notes);
    }
    finish(&d, notes);
    sse_decoder_release(&d);
}

static void decode_cut_at(struct slice text, size_t limit, size_t cut, struct buf *notes)
{
    struct sse_decoder d;
    sse_decoder_init(&d, limit);
    feed(&d, slice_of(text.ptr, cut), notes);
    feed(&d, slice_from(text, cut), notes);
    finish(&d, notes);
    sse_decoder_release(&d);
}

static void expect_same(const struct buf *whole, struct buf *split, size_t fixture, size_t a,
                        size_t b)
{
    EXPECT(slice_eq(buf_slice(whole), buf_slice(split)));
    if (!slice_eq(buf_slice(whole), buf_slice(split))) {
        printf("# fixture %zu split %zu/%zu gives\n%.*s# whole gives\n%.*s", fixture, a, b,
               SLICE_ARG(buf_slice(split)), SLICE_ARG(buf_slice(whole)));
    }
    buf_clear(split);
}

static void expect_splits_agree(size_t fixture, size_t limit)
{
    struct slice text = fixtures[fixture];
    struct buf whole = BUF_INIT(100000);
    struct buf split = BUF_INIT(100000);
    decode_in_chunks(text, limit, text.len + 1, 1, &whole);
    for (size_t cut = 0; cut <= text.len; cut++) {
        decode_cut_at(text, limit, cut, &split);
        expect_same(&whole, &split, fixture, cut, 0);
    }
    for (size_t first = 1; first <= 7; first++) {
        for (size_t second = 1; second <= 7; second++) {
            decode_in_chunks(text, limit, first, second, &split);
            expect_same(&whole, &split, fixture, first, second);
        }
    }
    buf_release(&whole);
    buf_release(&split);
}

static void test_any_split_is_the_same(void)
{
    for (size_t i = 0; i < ARRAY_LEN(fixtures); i++) {
        expect_splits_agree(i, LIMIT);
    }
}

/* Also where it gives up must not depend on the split. */
static void test_any_split_is_the_same_at_every_limit(void)
{
    for (size_t i = 0; i < ARRAY_LEN(fixtures); i++) {
        for (size_t limit = 1; limit < 40; limit++) {
            expect_splits_agree(i, limit);
        }
    }
}

/* --- what the events are ------------------------------------------------------------------------
 */

struct wanted_event {
    const char *name;
    const char *data; /* NULL: has_data is false */
    const char *raw;
};

static void expect_event(const struct sse_event *event, const struct wanted_event *wanted)
{
    EXPECT(slice_eq(event->name, slice_from_cstr(wanted->name)));
    EXPECT_INT(event->has_data, wanted->data != NULL);
    EXPECT(slice_eq(event->data, slice_from_cstr(wanted->data)));
    EXPECT(slice_eq(event->raw, slice_from_cstr(wanted->raw)));
}

static void expect_events(struct slice text, const struct wanted_event *wanted, size_t count)
{
    struct sse_decoder d;
    struct sse_event event;
    sse_decoder_init(&d, LIMIT);
    for (size_t i = 0; i < count; i++) {
        EXPECT_INT(sse_decode(&d, &text, &event), SSE_EVENT);
        expect_event(&event, &wanted[i]);
    }
    EXPECT_INT(sse_decode(&d, &text, &event), SSE_MORE);
    sse_decoder_release(&d);
}

static void test_fields(void)
{
    static const struct wanted_event wanted[] = {
        {"", "one", "data: one\n\n"},
        {"e", "a\nb", "event: e\ndata:a\ndata: b\n\n"},
        {"", NULL, ": comment\n\n"},
        {"", "", "data\n\n"},
        {"", " x", "data:  x\n\n"},
        {"named", NULL, "event:named\nid: 1\n\n"},
        {"", "\n", "data:\ndata:\n\n"},
        {"", NULL, "datax: 1\n\n"},
        {"", NULL, "\n"},
    };
    struct buf text = BUF_INIT(LIMIT);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        buf_append_cstr(&text, wanted[i].raw);
    }
    expect_events(buf_slice(&text), wanted, ARRAY_LEN(wanted));
    buf_release(&text);
}

static void test_line_ends(void)
{
    static const struct wanted_event crlf[] = {
        {"e", "x", "event: e\r\ndata: x\r\n\r\n"},
        {"", "y", "data: y\r\n\r\n"},
    };
    static const struct wanted_event mixed[] = {
        {"", "a\nb", "data: a\rdata: b\r\n\r\n"},
        {"", "c", "data: c\r\r"},
        {"", NULL, "\n"}, /* the LF after a bare CR that ended a block */
    };
    static const struct wanted_event bom[] = {{"", "x",
                                               "\xEF\xBB\xBF"
                                               "data: x\n\n"}};
    expect_events(SLICE("event: e\r\ndata: x\r\n\r\ndata: y\r\n\r\n"), crlf, ARRAY_LEN(crlf));
    expect_events(SLICE("data: a\rdata: b\r\n\r\ndata: c\r\r\n"), mixed, ARRAY_LEN(mixed));
    expect_events(SLICE("\xEF\xBB\xBF"
                        "data: x\n\n"),
                  bom, ARRAY_LEN(bom));
}

static void test_bare_cr_is_not_held_back(void)
{
    struct sse_decoder d;
    struct sse_event event;
    struct slice bytes = SLICE("data: now\r\r");
    sse_decoder_init(&d, LIMIT);
    EXPECT_INT(sse_decode(&d, &bytes, &event), SSE_EVENT);
    EXPECT_SLICE(event.data, "now");
    sse_decoder_release(&d);
}

static void test_nothing_is_lost(void)
{
    for (size_t i = 0; i < ARRAY_LEN(fixtures); i++) {
        struct sse_decoder d;
        struct sse_event event;
        struct slice bytes = fixtures[i];
        struct buf all = BUF_INIT(LIMIT);
        sse_decoder_init(&d, LIMIT);
        while (sse_decode(&d, &bytes, &event) == SSE_EVENT) {
            buf_append(&all, event.raw);
        }
        if (sse_decode_end(&d, &event)) {
            buf_append(&all, event.raw);
        }
        EXPECT(slice_eq(buf_slice(&all), fixtures[i]));
        buf_release(&all);
        sse_decoder_release(&d);
    }
}

static void test_whole_event_is_not_copied(void)
{
    struct sse_decoder d;
    struct sse_event event;
    struct slice text = SLICE("event: e\ndata: x\n\ndata: y\n\n");
    struct slice bytes = text;
    sse_decoder_init(&d, LIMIT);
    EXPECT_INT(sse_decode(&d, &bytes, &event), SSE_EVENT);
    EXPECT(event.raw.ptr == text.ptr);
    EXPECT(event.data.ptr == text.ptr + 15);
    EXPECT_INT(sse_decode(&d, &bytes, &event), SSE_EVENT);
    EXPECT(event.raw.ptr == text.ptr + 18);
    EXPECT(d.pending.ptr == NULL && d.joined.ptr == NULL);
    sse_decoder_release(&d);
}

static void test_end_gives_the_unfinished(void)
{
    struct sse_decoder d;
    struct sse_event event;
    struct slice bytes = SLICE("data: a\n\nevent: e\ndata: b");
    sse_decoder_init(&d, LIMIT);
    EXPECT(!sse_decode_end(&d, &event));
    EXPECT_INT(sse_decode(&d, &bytes, &event), SSE_EVENT);
    EXPECT(!sse_decode_end(&d, &event));
    EXPECT_INT(sse_decode(&d, &bytes, &event), SSE_MORE);
    EXPECT(sse_decode_end(&d, &event));
    EXPECT_SLICE(event.name, "e");
    EXPECT_SLICE(event.data, "b");
    EXPECT(event.has_data);
    EXPECT(!sse_decode_end(&d, &event));
    sse_decoder_release(&d);
}

static void test_limit(void)
{
    struct sse_decoder d;
    struct sse_event event;
    struct slice fits = SLICE("data: 123\n\n");
    struct slice over = SLICE("data: 1234\n\ndata: 1\n\n");
    sse_decoder_init(&d, fits.len);
    EXPECT_INT(sse_decode(&d, &fits, &event), SSE_EVENT);
    EXPECT_INT(sse_decode(&d, &over, &event), SSE_TOO_LARGE);
    EXPECT_INT(sse_decode(&d, &over, &event), SSE_TOO_LARGE);
    EXPECT(!sse_decode_end(&d, &event));
    sse_decoder_release(&d);
}

/* A line of a megabyte, byte by byte, must not be looked at again from its start each time. */
static void test_long_line_in_small_pieces(void)
{
    enum { LENGTH = 1 << 20 };
    struct sse_decoder d;
    struct sse_event event;
    sse_decoder_init(&d, LENGTH + 100);
    struct slice head = SLICE("data: ");
    EXPECT_INT(sse_decode(&d, &head, &event), SSE_MORE);
    for (size_t i = 0; i < LENGTH; i++) {
        struct slice byte = SLICE("x");
        EXPECT_INT(sse_decode(&d, &byte, &event), SSE_MORE);
    }
    struct slice end = SLICE("\n\n");
    EXPECT_INT(sse_decode(&d, &end, &event), SSE_EVENT);
    EXPECT_INT(event.data.len, LENGTH);
    struct slice next = SLICE("data: y\n");
    EXPECT_INT(sse_decode(&d, &next, &event), SSE_MORE);
    EXPECT(d.pending.cap < LENGTH);
    sse_decoder_release(&d);
}

/* --- writing ------------------------------------------------------------------------------------
 */

static void test_encodes(void)
{
    struct buf out = BUF_INIT(LIMIT);
    EXPECT(sse_encode(&out, SLICE_EMPTY, SLICE("{\"a\":1}")));
    EXPECT(sse_encode(&out, SLICE("ping"), SLICE_EMPTY));
    EXPECT(sse_encode(&out, SLICE("e"), SLICE("a\nb\r\nc\rd\n")));
    EXPECT_SLICE(buf_slice(&out), "data: {\"a\":1}\n\n"
                                  "event: ping\ndata: \n\n"
                                  "event: e\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
    buf_release(&out);
}

static void test_data_cannot_forge_fields(void)
{
    static const struct slice attacks[] = {
        SLICE_INIT("x\n\nevent: error\ndata: forged"),
        SLICE_INIT("x\r\rdata: forged\r\r"),
        SLICE_INIT("x\r\nid: 1\r\n\r\n"),
        SLICE_INIT("\n"),
        SLICE_INIT(":comment\n"),
    };
    for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
        struct buf out = BUF_INIT(LIMIT);
        struct sse_decoder d;
        struct sse_event event;
        sse_decoder_init(&d, LIMIT);
        EXPECT(sse_encode(&out, SLICE("e"), attacks[i]));
        struct slice bytes = buf_slice(&out);
        EXPECT_INT(sse_decode(&d, &bytes, &event), SSE_EVENT);
        EXPECT_SLICE(event.name, "e");
        EXPECT_INT(bytes.len, 0);
        sse_decoder_release(&d);
        buf_release(&out);
    }
}

static void test_name_with_line_end_is_refused(void)
{
    struct buf out = BUF_INIT(LIMIT);
    EXPECT(!sse_encode(&out, SLICE("a\ndata: forged"), SLICE("x")));
    EXPECT(out.failed);
    EXPECT_INT(out.len, 0);
    buf_clear(&out);
    EXPECT(!sse_encode(&out, SLICE("a\r"), SLICE("x")));
    buf_release(&out);
}

static void test_full_buffer_fails(void)
{
    struct buf out = BUF_INIT(8);
    EXPECT(!sse_encode(&out, SLICE_EMPTY, SLICE("abc")));
    EXPECT(out.failed);
    buf_release(&out);
}

#ifdef SLUICE_FAULTS
static void test_out_of_memory(void)
{
    for (int64_t nth = 0; nth < 2; nth++) {
        struct sse_decoder d;
        struct sse_event event;
        struct slice first = SLICE("data: a\nda");
        struct slice rest = SLICE("ta: b\n\ndata: c\n\n");
        sse_decoder_init(&d, LIMIT);
        memory_fail_nth(nth);
        sse_decode(&d, &first, &event);
        EXPECT_INT(sse_decode(&d, &rest, &event), SSE_TOO_LARGE);
        EXPECT(memory_fault_happened());
        sse_decoder_release(&d);
    }
    memory_fail_nth(-1);
}
#endif

int main(void)
{
    TEST(test_any_split_is_the_same, "every split of every fixture gives the same blocks");
    TEST(test_any_split_is_the_same_at_every_limit, "the ceiling does not depend on the split");
    TEST(test_fields, "fields are read as the standard says");
    TEST(test_line_ends, "LF, CR and CRLF end lines, a BOM is skipped");
    TEST(test_bare_cr_is_not_held_back, "an event that ends in CR CR is handed out at once");
    TEST(test_nothing_is_lost, "the raw blocks together are the stream");
    TEST(test_whole_event_is_not_copied, "an event that is whole in a feed is not copied");
    TEST(test_end_gives_the_unfinished, "the end gives an unfinished block, once");
    TEST(test_limit, "a block above the ceiling stops the decoder");
    TEST(test_long_line_in_small_pieces, "a long line in small pieces costs linear time");
    TEST(test_encodes, "data is written one field per line");
    TEST(test_data_cannot_forge_fields, "data cannot forge a field or an event");
    TEST(test_name_with_line_end_is_refused, "a name with a line end is refused");
    TEST(test_full_buffer_fails, "a full buffer fails the write");
#ifdef SLUICE_FAULTS
    TEST(test_out_of_memory, "out of memory stops the decoder");
#endif
    return tap_done();
}
