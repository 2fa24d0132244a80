/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What translation costs, for every pair of dialects. A request: its bytes are read in the client's
 * dialect and written in the provider's, which is all that stands between the two bodies. A
 * streamed event: decoded and encoded for the client, less decoding alone; and how often memory is
 * taken for it once the stream is under way. The bodies and streams of each dialect are made by our
 * own writers of one conversation. Medians of rounds.
 */
#include "base/clock.h"
#include "codec/eventstream.h"
#include "dialect/dialect.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 31
#define EVENTS 400
#define WARM 50 /* events before memory is counted */
#define BYTES_MAX ((size_t)16 << 20)

/* --- counting what is allocated: glibc's functions stand behind ours --- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static size_t allocations;

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    allocations++;
    return __libc_realloc(old, size);
}

/* --- the conversation --- */

static const enum dialect_id fronts[] = {DIALECT_OPENAI_CHAT, DIALECT_OPENAI_RESPONSES,
                                         DIALECT_ANTHROPIC, DIALECT_GEMINI, DIALECT_OLLAMA};
static const enum dialect_id backs[] = {DIALECT_OPENAI_CHAT, DIALECT_OPENAI_RESPONSES,
                                        DIALECT_ANTHROPIC,   DIALECT_GEMINI,
                                        DIALECT_OLLAMA,      DIALECT_BEDROCK};

static void append_words(struct buf *out, size_t bytes)
{
    static const char text[] =
        "The quick brown fox jumps over the lazy dog and then explains \\\"why\\\" it did so.\\n"
        "for (int i = 0; i < n; i++) {\\n    total += rows[i].price * rows[i].count;\\n}\\n"
        "Gr\xc3\xbc\xc3\x9f"
        "e aus K\xc3\xb6ln. ";
    for (size_t at = out->len; out->len - at < bytes;) {
        buf_append(out, slice_of(text, sizeof text - 1));
    }
}

/* An agent's conversation: system, tools, a call and its result, then turns. */
static void append_chat(struct buf *out, size_t turns, size_t bytes)
{
    buf_append(out, SLICE("{\"model\":\"auto\",\"stream\":true,\"max_tokens\":800,"
                          "\"temperature\":0.7,\"messages\":[{\"role\":\"system\",\"content\":\""));
    append_words(out, bytes);
    buf_append(out, SLICE("\"},{\"role\":\"user\",\"content\":\"Weather in Oslo?\"},{\"role\":"
                          "\"assistant\",\"content\":\"I look.\",\"tool_calls\":[{\"id\":\"call_1"
                          "\",\"type\":\"function\",\"function\":{\"name\":\"weather\","
                          "\"arguments\":\"{\\\"city\\\":\\\"Oslo\\\"}\"}}]},{\"role\":\"tool\","
                          "\"tool_call_id\":\"call_1\",\"content\":\"-3 degrees, snow\"}"));
    for (size_t i = 0; i < turns; i++) {
        buf_printf(out, ",{\"role\":\"%s\",\"content\":\"", i % 2 == 0 ? "assistant" : "user");
        append_words(out, bytes);
        buf_append(out, SLICE("\"}"));
    }
    buf_append(out,
               SLICE("],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"weather\","
                     "\"description\":\"Tells the weather of a place, now or on a day.\","
                     "\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":"
                     "\"string\"},\"day\":{\"type\":\"string\",\"enum\":[\"today\",\"tomorrow\"]}},"
                     "\"required\":[\"city\"]}}}]}"));
}

struct reading {
    struct json_doc doc;
    struct arena arena;
    struct chat chat;
};

static void read_as(struct reading *r, enum dialect_id front, struct slice body)
{
    struct error error;
    error_clear(&error);
    memset(&r->chat, 0, sizeof r->chat);
    r->chat.operation = OPERATION_CHAT;
    r->chat.stream = true;
    if (!dialect_of(front)->read_request(body, &r->doc, &r->arena, &r->chat, &error)) {
        printf("%s: %s at %s\n", dialect_of(front)->name, error.text, error.pointer);
        exit(1);
    }
}

static void write_as(const struct reading *r, enum dialect_id back, struct buf *out)
{
    const struct request_change change = {.model = SLICE("claude-haiku-4-5"),
                                          .model_json = SLICE("\"claude-haiku-4-5\"")};
    struct loss loss = {.len = 0};
    struct error error;
    error_clear(&error);
    buf_clear(out);
    if (!dialect_of(back)->write_request(&r->chat, &change, out, &loss, &error)) {
        printf("%s: %s at %s\n", dialect_of(back)->name, error.text, error.pointer);
        exit(1);
    }
}

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times)
{
    qsort(times, ROUNDS, sizeof times[0], compare_double);
    return times[ROUNDS / 2];
}

static double now_us(void)
{
    return (double)clock_monotonic(&clock_system) / NS_PER_US;
}

/* As a worker does it: the document, the arena and the buffer are used again. */
static void measure_request(const char *size, enum dialect_id front, enum dialect_id back,
                            struct slice body)
{
    double times[ROUNDS];
    struct reading r;
    struct buf out = BUF_INIT(BYTES_MAX);
    int repeat = body.len > 20000 ? 5 : 100;
    json_doc_init(&r.doc);
    arena_init(&r.arena, BYTES_MAX);
    for (int i = 0; i < ROUNDS; i++) {
        double begin = now_us();
        for (int j = 0; j < repeat; j++) {
            arena_reset(&r.arena);
            read_as(&r, front, body);
            write_as(&r, back, &out);
        }
        times[i] = (now_us() - begin) / repeat;
    }
    printf("request %s: %s -> %s  %.3f us (%zu bytes)\n", size, dialect_of(front)->name,
           dialect_of(back)->name, median(times), body.len);
    json_doc_release(&r.doc);
    arena_release(&r.arena);
    buf_release(&out);
}

static void measure_requests(const char *size, size_t turns, size_t bytes)
{
    struct buf first = BUF_INIT(BYTES_MAX);
    struct reading r;
    append_chat(&first, turns, bytes);
    json_doc_init(&r.doc);
    arena_init(&r.arena, BYTES_MAX);
    read_as(&r, DIALECT_OPENAI_CHAT, buf_slice(&first));
    for (size_t f = 0; f < ARRAY_LEN(fronts); f++) {
        struct buf body = BUF_INIT(BYTES_MAX);
        write_as(&r, fronts[f], &body);
        for (size_t b = 0; b < ARRAY_LEN(backs); b++) {
            if (fronts[f] != backs[b]) {
                measure_request(size, fronts[f], backs[b], buf_slice(&body));
            }
        }
        buf_release(&body);
    }
    json_doc_release(&r.doc);
    arena_release(&r.arena);
    buf_release(&first);
}

/* --- streams --- */

/* Text, piece by piece, as models give it. Where each event ends is noted. */
struct stream {
    struct buf bytes;
    size_t ends[EVENTS + 16];
    size_t count;
};

static void note_end(struct stream *stream)
{
    if (stream->count == 0 || stream->ends[stream->count - 1] != stream->bytes.len) {
        stream->ends[stream->count++] = stream->bytes.len;
    }
}

static struct answer_head head_of(void)
{
    return (struct answer_head){.call_id = SLICE("01jd0000000000000000000000"),
                                .model = SLICE("model"),
                                .created_s = 1700000000,
                                .operation = OPERATION_CHAT};
}

static void make_by_encoder(enum dialect_id id, struct stream *stream)
{
    const struct dialect *dialect = dialect_of(id);
    struct answer_head head = head_of();
    struct encoder *encoder = dialect->encoder_new(&head);
    for (int i = 0; i <= EVENTS; i++) {
        const struct event start = {.kind = EVENT_START, .id = SLICE("a1"), .name = SLICE("model")};
        const struct event text = {.kind = EVENT_TEXT,
                                   .text = i % 3 == 0 ? SLICE(" token") : SLICE(" \\\"word\\\"")};
        const struct frame frame = {.events = i == 0 ? &start : &text, .count = 1};
        CHECK(dialect->encode(encoder, &frame, &stream->bytes));
        note_end(stream);
    }
    dialect->encoder_free(encoder);
}

static void make_bedrock(struct stream *stream)
{
    for (int i = 0; i <= EVENTS; i++) {
        const struct eventstream_header headers[] = {
            {SLICE_INIT(":event-type"),
             i == 0 ? SLICE("messageStart") : SLICE("contentBlockDelta")},
            {SLICE_INIT(":content-type"), SLICE_INIT("application/json")},
            {SLICE_INIT(":message-type"), SLICE_INIT("event")},
        };
        CHECK(eventstream_encode(
            &stream->bytes, headers, ARRAY_LEN(headers),
            i == 0 ? SLICE("{\"p\":\"abcdefg\",\"role\":\"assistant\"}")
                   : SLICE("{\"contentBlockIndex\":0,\"delta\":{\"text\":\" \\\"word\\\"\"},\"p\":"
                           "\"abcdefghijklmnopq\"}")));
        note_end(stream);
    }
}

/* One pass over the stream, an event in each piece; `front` NULL: decoding alone. *ret_allocations:
   of the events after the first ones. Returns the time of those in us. */
static double run(enum dialect_id back_id, const struct dialect *front, const struct stream *stream,
                  size_t *ret_allocations)
{
    const struct dialect *back = dialect_of(back_id);
    struct answer_head head = head_of();
    struct decoder *decoder = back->decoder_new((size_t)1 << 20);
    struct encoder *encoder = front == NULL ? NULL : front->encoder_new(&head);
    struct buf out = BUF_INIT(BYTES_MAX);
    struct frame frame;
    size_t before = 0;
    double begin = 0;
    (void)buf_reserve(&out, 1 << 16); /* a worker's, which is there already */
    for (size_t i = 0; i < stream->count; i++) {
        size_t at = i == 0 ? 0 : stream->ends[i - 1];
        struct slice piece = slice_of(stream->bytes.ptr + at, stream->ends[i] - at);
        if (i == WARM) {
            before = allocations;
            begin = now_us();
        }
        buf_clear(&out);
        while (back->decode(decoder, &piece, &frame) == DECODE_FRAME) {
            if (front != NULL) {
                CHECK(front->encode(encoder, &frame, &out));
            }
        }
    }
    double time = now_us() - begin;
    *ret_allocations = allocations - before;
    back->decoder_free(decoder);
    if (front != NULL) {
        front->encoder_free(encoder);
    }
    buf_release(&out);
    return time;
}

static void measure_stream(enum dialect_id back, enum dialect_id front, const struct stream *stream)
{
    double alone[ROUNDS];
    double beyond[ROUNDS];
    double counted = (double)(stream->count - WARM);
    size_t taken = 0;
    for (int i = 0; i < ROUNDS; i++) {
        alone[i] = run(back, NULL, stream, &taken) / counted;
        beyond[i] = run(back, dialect_of(front), stream, &taken) / counted - alone[i];
    }
    printf("event: %s -> %s  %.3f us beyond %.3f us, %.3f allocations\n", dialect_of(back)->name,
           dialect_of(front)->name, median(beyond), median(alone), (double)taken / counted);
}

static void measure_streams(enum dialect_id back)
{
    static struct stream stream;
    stream.bytes = BUF_INIT(BYTES_MAX);
    stream.count = 0;
    if (dialect_of(back)->encode == NULL) {
        make_bedrock(&stream);
    } else {
        make_by_encoder(back, &stream);
    }
    for (size_t f = 0; f < ARRAY_LEN(fronts); f++) {
        if (fronts[f] != back) {
            measure_stream(back, fronts[f], &stream);
        }
    }
    buf_release(&stream.bytes);
}

int main(void)
{
    measure_requests("2 KB", 4, 200);
    measure_requests("200 KB", 60, 3200);
    for (size_t b = 0; b < ARRAY_LEN(backs); b++) {
        measure_streams(backs[b]);
    }
    return 0;
}
