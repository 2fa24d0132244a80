/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/eventstream.h"

#include "base/memory.h"
#include "tests/tap.h"

#include <stdlib.h>

#define LIMIT 65536

/* What Amazon publishes of its format: an empty message, and one with a header and a payload. */
static const struct slice empty_message =
    SLICE_INIT("\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff");
static const struct slice published_message =
    SLICE_INIT("\x00\x00\x00\x3d\x00\x00\x00\x20\x07\xfd\x83\x96\x0c"
               "content-type\x07\x00\x10"
               "application/json{'foo':'bar'}\x8d\x9c\x08\xb1");

static void write_event(struct buf *out, const char *type, const char *payload)
{
    const struct eventstream_header headers[] = {
        {SLICE_INIT(":event-type"), slice_from_cstr(type)},
        {SLICE_INIT(":content-type"), SLICE_INIT("application/json")},
        {SLICE_INIT(":message-type"), SLICE_INIT("event")},
    };
    EXPECT(eventstream_encode(out, headers, ARRAY_LEN(headers), slice_from_cstr(payload)));
}

static void write_stream(struct buf *out)
{
    write_event(out, "messageStart", "{\"role\":\"assistant\"}");
    buf_append(out, empty_message);
    write_event(out, "contentBlockDelta", "{\"delta\":{\"text\":\"Grüße\"}}");
    write_event(out, "metadata", "");
    buf_append(out, published_message);
}

static void note(struct buf *notes, const struct eventstream_message *message)
{
    buf_printf(notes, "[%.*s|%.*s|%.*s|%.*s|%.*s|%.*s|", SLICE_ARG(message->message_type),
               SLICE_ARG(message->event_type), SLICE_ARG(message->exception_type),
               SLICE_ARG(message->error_code), SLICE_ARG(message->error_message),
               SLICE_ARG(message->content_type));
    buf_append(notes, message->payload);
    buf_printf(notes, "|%zu]", message->raw.len);
}

/* Decodes in two pieces of memory of their exact size (cut > len: in one), or byte by byte with cut
 * 0. */
static enum eventstream_result run(struct slice text, size_t limit, size_t cut, struct buf *notes)
{
    struct eventstream_decoder d;
    struct eventstream_message message;
    enum eventstream_result result = EVENTSTREAM_MORE;
    eventstream_decoder_init(&d, limit);
    for (size_t at = 0; at < text.len && result == EVENTSTREAM_MORE;) {
        size_t end = cut == 0 ? at + 1 : at < cut && cut < text.len ? cut : text.len;
        char *copy = malloc(end - at);
        memcpy(copy, text.ptr + at, end - at);
        struct slice bytes = slice_of(copy, end - at);
        while ((result = eventstream_decode(&d, &bytes, &message)) == EVENTSTREAM_MESSAGE) {
            note(notes, &message);
        }
        EXPECT(result != EVENTSTREAM_MORE || bytes.len == 0);
        free(copy);
        at = end;
    }
    buf_printf(notes, "%s", eventstream_is_cut(&d) ? "cut" : "");
    if (result != EVENTSTREAM_MORE) {
        struct slice more = empty_message;
        EXPECT_INT(eventstream_decode(&d, &more, &message), result);
        EXPECT_INT(more.len, empty_message.len);
    }
    eventstream_decoder_release(&d);
    return result;
}

static void test_published(void)
{
    struct buf notes = BUF_INIT(LIMIT);
    EXPECT_INT(run(empty_message, LIMIT, SIZE_MAX, &notes), EVENTSTREAM_MORE);
    EXPECT_INT(run(published_message, LIMIT, SIZE_MAX, &notes), EVENTSTREAM_MORE);
    EXPECT_SLICE(buf_slice(&notes), "[|||||||16][|||||" /* content-type is not :content-type */
                                    "|{'foo':'bar'}|61]");
    buf_release(&notes);
}

static void test_encodes_as_published(void)
{
    const struct eventstream_header header = {SLICE_INIT("content-type"),
                                              SLICE_INIT("application/json")};
    struct buf out = BUF_INIT(LIMIT);
    EXPECT(eventstream_encode(&out, NULL, 0, SLICE_EMPTY));
    EXPECT(slice_eq(buf_slice(&out), empty_message));
    EXPECT(eventstream_encode(&out, &header, 1, SLICE("{'foo':'bar'}")));
    EXPECT(slice_eq(slice_from(buf_slice(&out), empty_message.len), published_message));
    buf_release(&out);
}

static void test_any_split_is_the_same(void)
{
    struct buf stream = BUF_INIT(LIMIT);
    struct buf whole = BUF_INIT(LIMIT);
    write_stream(&stream);
    EXPECT_INT(run(buf_slice(&stream), LIMIT, SIZE_MAX, &whole), EVENTSTREAM_MORE);
    EXPECT(slice_find_slice(buf_slice(&whole), SLICE("contentBlockDelta")) != SIZE_MAX);
    for (size_t cut = 0; cut < stream.len; cut++) {
        struct buf split = BUF_INIT(LIMIT);
        EXPECT_INT(run(buf_slice(&stream), LIMIT, cut, &split), EVENTSTREAM_MORE);
        EXPECT(slice_eq(buf_slice(&whole), buf_slice(&split)));
        buf_release(&split);
    }
    buf_release(&whole);
    buf_release(&stream);
}

static void test_cut_stream_is_told(void)
{
    struct buf stream = BUF_INIT(LIMIT);
    write_event(&stream, "messageStart", "{}");
    for (size_t length = 1; length < stream.len; length++) {
        struct buf notes = BUF_INIT(LIMIT);
        EXPECT_INT(run(slice_of(stream.ptr, length), LIMIT, SIZE_MAX, &notes), EVENTSTREAM_MORE);
        EXPECT_SLICE(buf_slice(&notes), "cut");
        buf_release(&notes);
    }
    buf_release(&stream);
}

/* Whatever bit is turned over, nothing of the message is believed. */
static void test_every_broken_bit_is_seen(void)
{
    struct buf stream = BUF_INIT(LIMIT);
    write_event(&stream, "messageStart", "{\"role\":\"assistant\"}");
    for (size_t bit = 0; bit < stream.len * 8; bit++) {
        for (size_t cut = 0; cut < 2; cut++) {
            struct buf notes = BUF_INIT(LIMIT);
            stream.ptr[bit / 8] ^= (char)(1 << bit % 8);
            EXPECT_INT(run(buf_slice(&stream), LIMIT, cut == 0 ? 0 : SIZE_MAX, &notes),
                       EVENTSTREAM_CORRUPT);
            EXPECT(slice_find(buf_slice(&notes), '[') == SIZE_MAX);
            stream.ptr[bit / 8] ^= (char)(1 << bit % 8);
            buf_release(&notes);
        }
    }
    buf_release(&stream);
}

static uint32_t sum_of(const struct buf *b, size_t len)
{
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        sum ^= (unsigned char)b->ptr[i];
        for (int bit = 0; bit < 8; bit++) {
            sum = sum >> 1 ^ (0xEDB88320u & (0u - (sum & 1)));
        }
    }
    return ~sum;
}

static void append_number(struct buf *out, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        buf_append_char(out, (char)(value >> shift & 0xFF));
    }
}

/* A message with right sums (by another way to reckon them) around any lengths and headers. */
static void write_any(struct buf *out, uint32_t total, uint32_t length, struct slice headers)
{
    append_number(out, total);
    append_number(out, length);
    append_number(out, sum_of(out, 8));
    buf_append(out, headers);
    append_number(out, sum_of(out, out->len));
}

static void expect_headers(struct slice headers, enum eventstream_result wanted,
                           const char *wanted_notes)
{
    struct buf stream = BUF_INIT(LIMIT);
    struct buf notes = BUF_INIT(LIMIT);
    write_any(&stream, (uint32_t)headers.len + 16, (uint32_t)headers.len, headers);
    EXPECT_INT(run(buf_slice(&stream), LIMIT, SIZE_MAX, &notes), wanted);
    EXPECT_SLICE(buf_slice(&notes), wanted_notes);
    buf_release(&stream);
    buf_release(&notes);
}

static void test_headers(void)
{
    static const struct slice all_types = SLICE_INIT("\x01"
                                                     "a\x00"
                                                     "\x01"
                                                     "b\x01"
                                                     "\x01"
                                                     "c\x02x"
                                                     "\x01"
                                                     "d\x03xx"
                                                     "\x01"
                                                     "e\x04xxxx"
                                                     "\x01"
                                                     "f\x05xxxxxxxx"
                                                     "\x01"
                                                     "g\x06\x00\x02xx"
                                                     "\x01"
                                                     "h\x08xxxxxxxx"
                                                     "\x01"
                                                     "i\x09xxxxxxxxxxxxxxxx"
                                                     "\x0b:error-code\x07\x00\x03"
                                                     "Bad"
                                                     "\x0e:error-message\x07\x00\x02no"
                                                     "\x0f:exception-type\x07\x00\x01"
                                                     "E"
                                                     "\x0d:message-type\x06\x00\x01x");
    static const struct slice broken[] = {
        SLICE_INIT("\x00\x00"), /* a name of no bytes */
        SLICE_INIT("\x05"
                   "ab"), /* the name ends too early */
        SLICE_INIT("\x01"
                   "a"), /* no type */
        SLICE_INIT("\x01"
                   "a\x0a"), /* a type that there is not */
        SLICE_INIT("\x01"
                   "a\xff"),
        SLICE_INIT("\x01"
                   "a\x07\x00"), /* half a length */
        SLICE_INIT("\x01"
                   "a\x07\x00\x02x"), /* the value ends too early */
        SLICE_INIT("\x01"
                   "a\x06\xff\xffx"),
        SLICE_INIT("\x01"
                   "a\x05xxxxxxx"),
    };
    expect_headers(all_types, EVENTSTREAM_MORE, "[||E|Bad|no|||162]");
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        expect_headers(broken[i], EVENTSTREAM_CORRUPT, "");
    }
}

static void expect_lengths(uint32_t total, uint32_t headers, enum eventstream_result wanted)
{
    struct buf stream = BUF_INIT(LIMIT);
    struct buf notes = BUF_INIT(LIMIT);
    write_any(&stream, total, headers, SLICE_EMPTY);
    EXPECT_INT(run(buf_slice(&stream), 4096, SIZE_MAX, &notes), wanted);
    buf_clear(&notes);
    EXPECT_INT(run(buf_slice(&stream), 4096, 0, &notes), wanted);
    buf_release(&stream);
    buf_release(&notes);
}

static void test_lengths(void)
{
    expect_lengths(15, 0, EVENTSTREAM_CORRUPT);
    expect_lengths(0, 0, EVENTSTREAM_CORRUPT);
    expect_lengths(16, 1, EVENTSTREAM_CORRUPT);
    expect_lengths(16, UINT32_MAX, EVENTSTREAM_CORRUPT);
    expect_lengths(UINT32_MAX, 128 * 1024 + 1, EVENTSTREAM_CORRUPT);
    expect_lengths(4097, 0, EVENTSTREAM_TOO_LARGE);
    expect_lengths(UINT32_MAX, 0, EVENTSTREAM_TOO_LARGE);
    expect_lengths(4096, 0, EVENTSTREAM_MORE);
}

static void test_limit_counts_the_message(void)
{
    struct buf stream = BUF_INIT(LIMIT);
    struct buf notes = BUF_INIT(LIMIT);
    write_event(&stream, "metadata", "{}");
    EXPECT_INT(run(buf_slice(&stream), stream.len, 0, &notes), EVENTSTREAM_MORE);
    EXPECT_INT(run(buf_slice(&stream), stream.len - 1, 0, &notes), EVENTSTREAM_TOO_LARGE);
    EXPECT_INT(run(buf_slice(&stream), 4, 0, &notes), EVENTSTREAM_TOO_LARGE);
    buf_release(&notes);
    buf_release(&stream);
}

static void test_whole_message_is_not_copied(void)
{
    struct eventstream_decoder d;
    struct eventstream_message message;
    struct slice bytes = published_message;
    eventstream_decoder_init(&d, LIMIT);
    EXPECT_INT(eventstream_decode(&d, &bytes, &message), EVENTSTREAM_MESSAGE);
    EXPECT(message.raw.ptr == published_message.ptr && d.pending.ptr == NULL);
    EXPECT(!eventstream_is_cut(&d));
    eventstream_decoder_release(&d);
}

static void test_encoding_has_ceilings(void)
{
    static char long_text[UINT16_MAX + 2];
    memset(long_text, 'x', sizeof long_text);
    const struct eventstream_header bad[] = {
        {SLICE_EMPTY, SLICE_INIT("v")},
        {{long_text, 256}, SLICE_INIT("v")},
        {SLICE_INIT("n"), {long_text, UINT16_MAX + 1}},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf out = BUF_INIT((size_t)1 << 20);
        EXPECT(!eventstream_encode(&out, &bad[i], 1, SLICE_EMPTY));
        EXPECT(out.failed && out.len == 0);
        buf_release(&out);
    }
    struct eventstream_header many[3];
    for (size_t i = 0; i < 3; i++) {
        many[i] = (struct eventstream_header){SLICE_INIT("n"), {long_text, UINT16_MAX}};
    }
    struct buf out = BUF_INIT((size_t)1 << 20);
    EXPECT(!eventstream_encode(&out, many, 3, SLICE_EMPTY));
    buf_release(&out);
}

#ifdef SLUICE_FAULTS
static void test_out_of_memory(void)
{
    struct eventstream_decoder d;
    struct eventstream_message message;
    for (size_t first = 4; first < 40; first += 20) {
        struct slice head = slice_of(published_message.ptr, first);
        struct slice rest = slice_from(published_message, first);
        eventstream_decoder_init(&d, LIMIT);
        memory_fail_nth(0);
        EXPECT_INT(eventstream_decode(&d, &head, &message), EVENTSTREAM_TOO_LARGE);
        memory_fail_nth(-1);
        EXPECT_INT(eventstream_decode(&d, &rest, &message), EVENTSTREAM_TOO_LARGE);
        eventstream_decoder_release(&d);
    }
}
#endif

int main(void)
{
    TEST(test_published, "the published messages are read");
    TEST(test_encodes_as_published, "messages are written as they are published");
    TEST(test_any_split_is_the_same, "every split of a stream gives the same messages");
    TEST(test_cut_stream_is_told, "a message that is not whole is not handed out");
    TEST(test_every_broken_bit_is_seen, "every bit that is turned over is seen");
    TEST(test_headers, "headers of all types are read, broken ones refused");
    TEST(test_lengths, "lengths that make no sense are refused before anything is kept");
    TEST(test_limit_counts_the_message, "the ceiling counts the whole message");
    TEST(test_whole_message_is_not_copied, "a message that is whole in a feed is not copied");
    TEST(test_encoding_has_ceilings, "headers beyond their ceilings fail the buffer");
#ifdef SLUICE_FAULTS
    TEST(test_out_of_memory, "out of memory stops the decoder");
#endif
    return tap_done();
}
