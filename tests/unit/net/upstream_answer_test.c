/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of an answer to events, without sockets. Every case is read whole, byte by byte and cut
 * at every place; the outcome must be the same each time.
 */
#include "net/upstream_answer.h"

#include "tests/tap.h"

#include <stdlib.h>

#define HEAD_LIMIT 512
#define BODY_LIMIT 1000

struct outcome {
    int heads;
    int status;
    int64_t content_length;
    size_t fields;
    char body[4096];
    size_t body_len;
    enum answer_event last; /* END, FAILED, or MORE */
    enum upstream_failure failure;
    const char *detail;
    bool keep_alive;
    uint64_t idle_ms;
    size_t extra; /* bytes behind the answer */
};

static struct answer_heads heads;

static const struct answer_expect ordinary = {.head_limit = HEAD_LIMIT, .body_limit = BODY_LIMIT};

/* A copy on the heap that fits exactly, so that reading past it is seen. */
static void feed(struct answer *answer, struct slice bytes, struct outcome *outcome)
{
    char *copy = malloc(bytes.len + 1);
    struct answer_input input = {copy, bytes.len};
    struct slice data;

    memcpy(copy, bytes.ptr, bytes.len);
    for (;;) {
        outcome->last = answer_next(answer, &input, &data);
        if (outcome->last == ANSWER_HEAD) {
            outcome->heads++;
            outcome->status = answer->response.status;
            outcome->content_length = answer->response.content_length;
            outcome->fields = answer->response.header_count;
        } else if (outcome->last == ANSWER_DATA) {
            if (outcome->body_len + data.len <= sizeof(outcome->body)) {
                memcpy(outcome->body + outcome->body_len, data.ptr, data.len);
            }
            outcome->body_len += data.len;
        } else {
            break;
        }
    }
    outcome->extra = input.len;
    free(copy);
}

static void conclude(struct answer *answer, bool orderly, struct outcome *outcome)
{
    if (outcome->last == ANSWER_MORE) {
        outcome->last = answer_finish(answer, orderly);
    }
    outcome->failure = answer->failure;
    outcome->detail = answer->detail;
    outcome->keep_alive = answer->keep_alive;
    outcome->idle_ms = answer->idle_ms;
    answer_release(answer);
}

/* Reads in pieces that end at the given places (ascending), then the connection ends. */
static struct outcome read_in_pieces(const struct answer_expect *expect, struct slice bytes,
                                     size_t cut, size_t step, bool orderly)
{
    struct outcome outcome = {.last = ANSWER_MORE};
    struct answer answer = {0};
    size_t at = 0;

    answer_begin(&answer, &heads, expect);
    while (at < bytes.len && outcome.last == ANSWER_MORE) {
        size_t end = at < cut ? cut : at + step;
        end = end < bytes.len ? end : bytes.len;
        feed(&answer, slice_of(bytes.ptr + at, end - at), &outcome);
        at = end;
    }
    outcome.extra += bytes.len - at;
    conclude(&answer, orderly, &outcome);
    return outcome;
}

static bool same(const struct outcome *a, const struct outcome *b)
{
    return a->heads == b->heads && a->status == b->status &&
           a->content_length == b->content_length && a->fields == b->fields &&
           a->body_len == b->body_len && memcmp(a->body, b->body, sizeof(a->body)) == 0 &&
           a->last == b->last && (a->last != ANSWER_FAILED || a->failure == b->failure) &&
           a->keep_alive == b->keep_alive && (a->last != ANSWER_END || a->extra == b->extra);
}

static struct outcome read_any(const struct answer_expect *expect, struct slice bytes, bool orderly)
{
    struct outcome whole = read_in_pieces(expect, bytes, bytes.len, 1, orderly);
    struct outcome other = read_in_pieces(expect, bytes, 0, 1, orderly);

    EXPECT(same(&whole, &other));
    for (size_t cut = 1; cut < bytes.len; cut++) {
        other = read_in_pieces(expect, bytes, cut, bytes.len, orderly);
        EXPECT(same(&whole, &other));
    }
    return whole;
}

static struct outcome read_text(const char *text)
{
    return read_any(&ordinary, slice_from_cstr(text), true);
}

#define EXPECT_BODY(outcome, text) EXPECT_SLICE(slice_of((outcome).body, (outcome).body_len), text)

/* --- what is accepted --- */

static void reads_a_counted_body(void)
{
    struct outcome got =
        read_text("HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 5\r\nEmpty:\r\n\r\nhello");

    EXPECT_INT(got.last, ANSWER_END);
    EXPECT_INT(got.heads, 1);
    EXPECT_INT(got.status, 200);
    EXPECT_INT(got.content_length, 5);
    EXPECT_INT(got.fields, 3);
    EXPECT(got.keep_alive);
    EXPECT_BODY(got, "hello");
}

static void shows_names_and_trimmed_values(void)
{
    struct slice bytes =
        SLICE("HTTP/1.1 429 Too Many\r\nRetry-After: \t 7 \t\r\nX-Y:z\r\nE: \r\n\r\n");

    for (size_t cut = 0; cut < bytes.len; cut++) {
        struct answer answer = {0};
        struct slice data;
        char copy[128];
        memcpy(copy, bytes.ptr, bytes.len);
        struct answer_input input = {copy, cut};
        answer_begin(&answer, &heads, &ordinary);
        EXPECT_INT(answer_next(&answer, &input, &data), ANSWER_MORE);
        input = (struct answer_input){copy + cut, bytes.len - cut};
        EXPECT_INT(answer_next(&answer, &input, &data), ANSWER_HEAD);
        const struct http_response *head = &answer.response;
        EXPECT_INT(head->header_count, 3);
        EXPECT_SLICE(head->headers[0].name, "Retry-After");
        EXPECT_SLICE(head->headers[0].value, "7");
        EXPECT_SLICE(head->headers[1].value, "z");
        EXPECT_SLICE(head->headers[2].value, "");
        answer_release(&answer);
    }
}

static void reads_a_chunked_body(void)
{
    struct outcome got = read_text(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
        "5\r\nhello\r\n00B;name=\"v\"\r\n, world .. \r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n");

    EXPECT_INT(got.last, ANSWER_END);
    EXPECT_INT(got.content_length, HTTP_CONTENT_LENGTH_UNKNOWN);
    EXPECT(got.keep_alive);
    EXPECT_BODY(got, "hello, world .. !");
}

static void gives_the_chunks_of_one_read_as_one_run(void)
{
    char bytes[] =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n4\r\nfghi\r\n";
    struct answer_input input = {bytes, sizeof(bytes) - 1};
    struct answer answer = {0};
    struct slice data;

    answer_begin(&answer, &heads, &ordinary);
    EXPECT_INT(answer_next(&answer, &input, &data), ANSWER_HEAD);
    EXPECT_INT(answer_next(&answer, &input, &data), ANSWER_DATA);
    EXPECT_SLICE(data, "abcdefghi");
    EXPECT_INT(answer_next(&answer, &input, &data), ANSWER_MORE);
    answer_release(&answer);
}

static void reads_until_the_end_of_the_connection(void)
{
    struct outcome got = read_text("HTTP/1.1 200 OK\r\n\r\nall of this");

    EXPECT_INT(got.last, ANSWER_END);
    EXPECT(!got.keep_alive);
    EXPECT_BODY(got, "all of this");
    got = read_text("HTTP/1.1 200\r\nA: b\r\n\r\n");
    EXPECT_INT(got.last, ANSWER_END);
    EXPECT_BODY(got, "");
}

static void refuses_an_unbounded_body_that_was_cut(void)
{
    struct outcome got = read_any(&ordinary, SLICE("HTTP/1.1 200 OK\r\n\r\nsome"), false);

    EXPECT_INT(got.last, ANSWER_FAILED);
    EXPECT_INT(got.failure, UPSTREAM_CLOSED);
    EXPECT_BODY(got, "some");
}

static void knows_answers_without_a_body(void)
{
    const struct answer_expect head = {
        .no_body = true, .head_limit = HEAD_LIMIT, .body_limit = BODY_LIMIT};
    struct outcome got =
        read_any(&head, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nX"), true);

    EXPECT_INT(got.last, ANSWER_END);
    EXPECT_INT(got.content_length, 5000);
    EXPECT_INT(got.extra, 1);
    got = read_any(&head, SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), true);
    EXPECT_INT(got.last, ANSWER_END);
    EXPECT(got.keep_alive);
    got = read_text("HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_INT(got.last, ANSWER_END);
    EXPECT(got.keep_alive);
    EXPECT_INT(got.content_length, 0);
    got = read_text("HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n");
    EXPECT_INT(got.last, ANSWER_END);
    EXPECT_BODY(got, "");
}

static void sees_bytes_behind_an_answer(void)
{
    struct outcome got =
        read_text("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n");

    EXPECT_INT(got.last, ANSWER_END);
    EXPECT_BODY(got, "ok");
    EXPECT_INT(got.extra, 19);
    got = read_text("HTTP/1.1 204 No Content\r\n\r\na body after all");
    EXPECT_INT(got.last, ANSWER_END);
    EXPECT_INT(got.extra, 16);
    got = read_text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\r\n");
    EXPECT_INT(got.last, ANSWER_END);
    EXPECT_INT(got.extra, 2);
}

static void knows_who_keeps_the_connection(void)
{
    EXPECT(
        !read_text("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n").keep_alive);
    EXPECT(!read_text("HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 0\r\n\r\n")
                .keep_alive);
    EXPECT(read_text("HTTP/1.1 200 OK\r\nConnection: enclose\r\nContent-Length: 0\r\n\r\n")
               .keep_alive);
    EXPECT(!read_text("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").keep_alive);
    EXPECT(!read_text("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")
                .keep_alive);
}

static struct outcome read_keep_alive(const char *value)
{
    char text[256];

    snprintf(text, sizeof(text), "HTTP/1.1 204 No\r\nkeep-Alive: %s\r\n\r\n", value);
    return read_text(text);
}

static void knows_how_long_the_peer_keeps_it(void)
{
    EXPECT(read_text("HTTP/1.1 204 No\r\n\r\n").idle_ms == UINT64_MAX);
    EXPECT_INT(read_keep_alive("timeout=5").idle_ms, 4000);
    EXPECT_INT(read_keep_alive("max=100, timeout=30").idle_ms, 29000);
    EXPECT_INT(read_keep_alive("timeout=1").idle_ms, 500);
    EXPECT(read_keep_alive("timeout=1").keep_alive);
    EXPECT(!read_keep_alive("timeout=0").keep_alive);
    EXPECT(read_keep_alive("timeout=x, 5, timeout=99999999999999999999").idle_ms == UINT64_MAX);
}

static void ends_a_tunnel_answer_with_its_head(void)
{
    const struct answer_expect tunnel = {.tunnel = true, .head_limit = HEAD_LIMIT};
    struct outcome got =
        read_any(&tunnel, SLICE("HTTP/1.1 200 Established\r\nContent-Length: 9\r\n\r\nxy"), true);

    EXPECT_INT(got.last, ANSWER_END);
    EXPECT_INT(got.extra, 2);
    got = read_any(&tunnel, SLICE("HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n"), true);
    EXPECT_INT(got.last, ANSWER_END);
}

/* --- interim answers --- */

static void skips_interim_answers(void)
{
    struct outcome got =
        read_text("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

    EXPECT_INT(got.last, ANSWER_END);
    EXPECT_INT(got.heads, 1);
    EXPECT_INT(got.status, 200);
    EXPECT_INT(got.fields, 1);
    EXPECT_BODY(got, "ok");
}

static struct outcome read_flood(int count)
{
    struct buf bytes = BUF_INIT(4096);

    for (int i = 0; i < count; i++) {
        buf_append_cstr(&bytes, "HTTP/1.1 102 Processing\r\n\r\n");
    }
    buf_append_cstr(&bytes, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct outcome got = read_any(&ordinary, buf_slice(&bytes), true);
    buf_release(&bytes);
    return got;
}

static void stops_a_flood_of_interim_answers(void)
{
    EXPECT_INT(read_flood(9).last, ANSWER_END);
    EXPECT_INT(read_flood(10).last, ANSWER_END);
    struct outcome got = read_flood(11);
    EXPECT_INT(got.last, ANSWER_FAILED);
    EXPECT_INT(got.failure, UPSTREAM_MALFORMED);
    EXPECT_INT(got.heads, 0);
}

/* --- what is refused --- */

static void refuse(const char *text, enum upstream_failure failure)
{
    struct outcome got = read_text(text);

    EXPECT_INT(got.last, ANSWER_FAILED);
    EXPECT_INT(got.failure, failure);
    EXPECT(!got.keep_alive);
    EXPECT(got.detail != NULL && got.detail[0] != '\0');
    if (got.last != ANSWER_FAILED || got.failure != failure) {
        printf("# input: %s\n", text);
    }
}

static void refuses_malformed_heads(void)
{
    static const char *const heads_refused[] = {
        "hello, I am not HTTP\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "HTTP/0.9 200 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1\t200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 0200 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 +20 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1 999 OK\r\n\r\n",
        "HTTP/1.1 200OK\r\n\r\n",
        "HTTP/1.1 200 O\001K\r\n\r\n",
        "HTTP/1.1 200 OK\nA: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n\n",
        "HTTP/1.1 200 OK\n\n",
        "HTTP/1.1 200 OK\rA: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n\rX\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA:\r\n b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\n\r\n",
        "HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA(: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\001c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\177c\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(heads_refused); i++) {
        refuse(heads_refused[i], UPSTREAM_MALFORMED);
    }
    EXPECT_INT(read_any(&ordinary, SLICE("HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n"), true).failure,
               UPSTREAM_MALFORMED);
}

/* One odd byte in the middle of a name or a value. */
static void refuses_every_byte_that_does_not_belong(void)
{
    for (int byte = 0; byte < 256; byte++) {
        char text[] = "HTTP/1.1 200 OK\r\nNa#e: val#e\r\nContent-Length: 0\r\n\r\n";
        char *in_name = text + 19;
        char *in_value = text + 26;
        struct slice bytes = slice_of(text, sizeof(text) - 1);
        *in_name = (char)byte;
        *in_value = 'u';
        bool valid = byte == ':' || http_name_valid(slice_of(in_name, 1));
        EXPECT_INT(read_in_pieces(&ordinary, bytes, bytes.len, 1, true).last,
                   valid ? ANSWER_END : ANSWER_FAILED);
        *in_name = 'm';
        *in_value = (char)byte;
        valid = http_value_valid(slice_of(in_value, 1));
        EXPECT_INT(read_in_pieces(&ordinary, bytes, bytes.len, 1, true).last,
                   valid ? ANSWER_END : ANSWER_FAILED);
    }
}

static void refuses_ambiguous_framing(void)
{
    static const char *const fields_refused[] = {
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 5",
        "Content-Length: -5",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length: 5 5",
        "Content-Length: 5a",
        "Content-Length: ",
        "Content-Length: 9223372036854775808",
        "Content-Length: 18446744073709551621",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: ",
    };
    char text[256];

    for (size_t i = 0; i < ARRAY_LEN(fields_refused); i++) {
        snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%s\r\n\r\nhello", fields_refused[i]);
        refuse(text, UPSTREAM_MALFORMED);
    }
    refuse("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", UPSTREAM_MALFORMED);
    refuse("HTTP/1.1 204 No\r\nContent-Length: 4\r\n\r\nbody", UPSTREAM_MALFORMED);
    refuse("HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", UPSTREAM_MALFORMED);
    refuse("HTTP/1.1 103 Hints\r\nContent-Length: 4\r\n\r\nbody", UPSTREAM_MALFORMED);
    refuse("HTTP/1.1 100 Go\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", UPSTREAM_MALFORMED);
}

static void refuses_malformed_chunks(void)
{
    static const char *const chunks_refused[] = {
        "\r\n",
        "x\r\n",
        "-5\r\nhello\r\n",
        "+5\r\nhello\r\n",
        "0x5\r\nhello\r\n",
        "5 \r\nhello\r\n",
        " 5\r\nhello\r\n",
        "1_0\r\n",
        "5\nhello\r\n",
        "5\r\nhello\n",
        "5\r\nhelloX\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\rXhello\r\n",
        "5;a\nb\r\nhello\r\n",
        "5;a\001\r\nhello\r\n",
        "FFFFFFFFFFFFFFFFF\r\n",
        "8000000000000000\r\n",
        "0\r\n\n",
        "0\r\nbad name: x\r\n\r\n",
        "0\r\n folded\r\n\r\n",
        "0\r\nA: b\nC: d\r\n\r\n",
        "0\r\nA: b\001\r\n\r\n",
        "0\r\n\rX",
    };
    char text[256];

    for (size_t i = 0; i < ARRAY_LEN(chunks_refused); i++) {
        snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s",
                 chunks_refused[i]);
        refuse(text, UPSTREAM_MALFORMED);
    }
}

static void gives_the_data_before_a_malformed_chunk(void)
{
    struct outcome got =
        read_text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\ndeX");

    EXPECT_INT(got.last, ANSWER_FAILED);
    EXPECT_INT(got.failure, UPSTREAM_MALFORMED);
    EXPECT_BODY(got, "abcde");
}

static void refuses_what_ends_early(void)
{
    struct slice whole =
        SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");

    for (size_t len = 0; len < whole.len; len++) {
        struct outcome got = read_in_pieces(&ordinary, slice_of(whole.ptr, len), len, 1, true);
        EXPECT_INT(got.last, ANSWER_FAILED);
        EXPECT_INT(got.failure, UPSTREAM_CLOSED);
    }
    refuse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", UPSTREAM_CLOSED);
    refuse("HTTP/1.1 100 Continue\r\n\r\n", UPSTREAM_CLOSED);
}

/* --- limits --- */

/* A head of exactly `len` bytes. */
static struct outcome read_head_of(size_t len, bool with_end)
{
    static const char start[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: ";
    char text[HEAD_LIMIT * 2];
    size_t at = sizeof(start) - 1;

    memcpy(text, start, at);
    memset(text + at, 'x', len - at);
    if (with_end) {
        memcpy(text + len - 4, "\r\n\r\n", 4);
    }
    return read_any(&ordinary, slice_of(text, len), true);
}

static void limits_the_head(void)
{
    EXPECT_INT(read_head_of(HEAD_LIMIT - 1, true).last, ANSWER_END);
    EXPECT_INT(read_head_of(HEAD_LIMIT, true).last, ANSWER_END);
    struct outcome got = read_head_of(HEAD_LIMIT + 1, true);
    EXPECT_INT(got.last, ANSWER_FAILED);
    EXPECT_INT(got.failure, UPSTREAM_TOO_LARGE);
    got = read_head_of(HEAD_LIMIT + 200, false);
    EXPECT_INT(got.failure, UPSTREAM_TOO_LARGE);
}

static struct outcome read_fields(size_t count)
{
    const struct answer_expect wide = {.head_limit = 4096, .body_limit = 0};
    struct buf bytes = BUF_INIT(4096);

    buf_append_cstr(&bytes, "HTTP/1.1 204 No\r\n");
    for (size_t i = 0; i < count; i++) {
        buf_append_cstr(&bytes, "A: b\r\n");
    }
    buf_append_cstr(&bytes, "\r\n");
    struct outcome got = read_any(&wide, buf_slice(&bytes), true);
    buf_release(&bytes);
    return got;
}

static void limits_the_number_of_fields(void)
{
    EXPECT_INT(read_fields(ANSWER_FIELDS_MAX - 1).last, ANSWER_END);
    struct outcome got = read_fields(ANSWER_FIELDS_MAX);
    EXPECT_INT(got.last, ANSWER_END);
    EXPECT_INT(got.fields, ANSWER_FIELDS_MAX);
    got = read_fields(ANSWER_FIELDS_MAX + 1);
    EXPECT_INT(got.last, ANSWER_FAILED);
    EXPECT_INT(got.failure, UPSTREAM_TOO_LARGE);
}

/* A body of `len` bytes in the given framing: 'l'ength, 'c'hunked, 'e'nd. */
static struct outcome read_body_of(size_t len, char framing)
{
    struct buf bytes = BUF_INIT(8192);

    if (framing == 'l') {
        buf_printf(&bytes, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);
    } else if (framing == 'e') {
        buf_append_cstr(&bytes, "HTTP/1.1 200 OK\r\n\r\n");
    } else {
        buf_printf(&bytes, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n%zx\r\n",
                   len - 1);
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        buf_append_char(&bytes, 'x');
    }
    if (framing == 'c') {
        buf_append_cstr(&bytes, "\r\n0\r\n\r\n");
    }
    struct outcome got = read_any(&ordinary, buf_slice(&bytes), true);
    buf_release(&bytes);
    return got;
}

static void limits_the_body(void)
{
    for (const char *framing = "lce"; *framing != '\0'; framing++) {
        EXPECT_INT(read_body_of(BODY_LIMIT - 1, *framing).last, ANSWER_END);
        struct outcome got = read_body_of(BODY_LIMIT, *framing);
        EXPECT_INT(got.last, ANSWER_END);
        EXPECT_INT(got.body_len, BODY_LIMIT);
        got = read_body_of(BODY_LIMIT + 1, *framing);
        EXPECT_INT(got.last, ANSWER_FAILED);
        EXPECT_INT(got.failure, UPSTREAM_TOO_LARGE);
        EXPECT_INT(got.body_len, *framing == 'l' ? 0 : BODY_LIMIT);
        EXPECT_INT(got.heads, *framing == 'l' ? 0 : 1);
    }
}

int main(void)
{
    TEST(reads_a_counted_body, "reads a body of a given length");
    TEST(shows_names_and_trimmed_values,
         "shows names, and values without blanks around them, however the head is cut");
    TEST(reads_a_chunked_body, "reads a chunked body with extensions and a trailer");
    TEST(gives_the_chunks_of_one_read_as_one_run,
         "gives the chunks of one read as one run of bytes");
    TEST(reads_until_the_end_of_the_connection, "reads a body that ends with the connection");
    TEST(refuses_an_unbounded_body_that_was_cut,
         "does not take a cut connection for the end of a body");
    TEST(knows_answers_without_a_body, "knows that HEAD, 204 and 304 have no body");
    TEST(sees_bytes_behind_an_answer, "leaves bytes behind the answer alone");
    TEST(knows_who_keeps_the_connection, "keeps a connection only after HTTP/1.1 without close");
    TEST(knows_how_long_the_peer_keeps_it, "knows how long the peer keeps an idle connection");
    TEST(ends_a_tunnel_answer_with_its_head, "ends the answer to CONNECT with its head");
    TEST(skips_interim_answers, "skips interim answers");
    TEST(stops_a_flood_of_interim_answers, "accepts ten interim answers and refuses eleven");
    TEST(refuses_malformed_heads, "refuses malformed heads");
    TEST(refuses_every_byte_that_does_not_belong,
         "refuses every byte that does not belong into names and values");
    TEST(refuses_ambiguous_framing, "refuses ambiguous framing");
    TEST(refuses_malformed_chunks, "refuses malformed chunks");
    TEST(gives_the_data_before_a_malformed_chunk, "gives the data before a malformed chunk");
    TEST(refuses_what_ends_early, "refuses an answer that ends early, at every byte");
    TEST(limits_the_head, "limits the head at its ceiling exactly");
    TEST(limits_the_number_of_fields, "limits the number of fields exactly");
    TEST(limits_the_body, "limits the body at its ceiling exactly, in each framing");
    answer_heads_release(&heads);
    return tap_done();
}
