/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are announced and say nothing yet: withheld, within bounds. */
#include "gateway/call_hold.h"

#include "tests/unit/gateway/answers.h"
#include "tests/unit/gateway/gateway_harness.h"

#define YAML                                                                                       \
    "log: { access: false }\n"                                                                     \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/a/v1' }\n"                \
    "  b: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/b/v1' }\n"                \
    "targets:\n"                                                                                   \
    "  first: { provider: a, model: ma, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"      \
    "  second: { provider: b, model: mb, price: { input_per_mtok: 10, output_per_mtok: 20 } }\n"
#define LIST ",\"models\":[\"first\",\"second\"]"
#define MESSAGES(rest)                                                                             \
    "{\"model\":\"first\"" rest ",\"max_tokens\":9,\"stream\":true,"                               \
    "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define ROLE CHUNK("\"role\":\"assistant\",\"content\":\"\"")
#define FAILED "data: {\"error\":{\"message\":\"no capacity\",\"code\":503}}\n\n"
#define NEVER_MS 3600000

static struct client client;
static struct buf request = {.limit = 1u << 20};

static bool has(const char *text)
{
    return slice_find_slice(buf_slice(&client.in), slice_from_cstr(text)) != SIZE_MAX;
}

static void ask(const char *path, const char *text)
{
    buf_clear(&request);
    client_open(&client);
    client.out = post_text(path, NULL, slice_from_cstr(text), &request);
}

static void end(void)
{
    client_close(&client);
    UNTIL(NULL, http_server_connections(h.worker->server) == 0);
}

/* The upstream announces its answer and says nothing more. */
static void expect_released(const char *path, const char *text, const char *first)
{
    script_set('a', (struct slice)STREAM(ROLE), AFTER_HANG);
    h.worker->hold_ms = 1;
    ask(path, text);
    UNTIL(&client, has(first));
    EXPECT(has("HTTP/1.1 200 OK"));
    UNTIL(NULL, !h.worker->holding); /* nobody is left to be looked after */
    end();
}

static void announcements_are_not_withheld_for_ever(void)
{
    expect_released("/v1/chat/completions", ASK("first", STREAMED), ROLE);
    expect_released("/v1/messages", MESSAGES(""), "event: message_start\n");
    h.worker->hold_ms = NEVER_MS;
}

/* Whatever the pieces: the client sees one answer, of the second target. */
static void expect_second(const char *path, const char *text, size_t piece)
{
    struct buf body = BUF_INIT(1u << 20);
    script_set('a', (struct slice)STREAM(ROLE FAILED), AFTER_HANG);
    script_of('a')->piece = piece;
    script_set('b', (struct slice)STREAM(ROLE HELLO STOP DONE), AFTER_CLOSE);
    ask(path, text);
    UNTIL(&client, client_done(&client));
    EXPECT(has("x-sluice-target: second\r\n"));
    EXPECT(has("hello"));
    EXPECT(!has("error"));
    EXPECT(client_body(&client, &body));
    size_t starts = 0;
    struct slice rest = buf_slice(&body);
    for (size_t at; (at = slice_find_slice(rest, SLICE("message_start\""))) != SIZE_MAX; starts++) {
        rest = slice_from(rest, at + 1);
    }
    EXPECT_INT(starts, strstr(path, "messages") != NULL ? 1 : 0);
    end();
    harness_heal();
    buf_release(&body);
}

static void an_error_after_the_announcement_goes_to_the_next(void)
{
    static const char both[] = ROLE FAILED;
    for (size_t piece = 1; piece <= sizeof both; piece += piece < 8 ? 1 : 23) {
        expect_second("/v1/chat/completions", ASK("first", STREAMED LIST), piece);
        expect_second("/v1/messages", MESSAGES(LIST), piece);
    }
}

static void a_long_announcement_passes(void)
{
    struct buf script = BUF_INIT(1u << 20);
    buf_append(&script, SLICE(SSE_HEAD "Connection: close\r\n\r\n"));
    while (script.len < (300u << 10)) {
        buf_append(&script, SLICE(ROLE));
    }
    script_set('a', buf_slice(&script), AFTER_HANG);
    ask("/v1/chat/completions", ASK("first", STREAMED));
    UNTIL(&client, client.in.len > (256u << 10));
    EXPECT(has("HTTP/1.1 200 OK"));
    end();
    buf_release(&script);
}

static void content_is_never_withheld(void)
{
    script_set('a', (struct slice)STREAM(ROLE HELLO), AFTER_HANG);
    ask("/v1/chat/completions", ASK("first", STREAMED));
    UNTIL(&client, has(ROLE HELLO));
    end();
}

int main(void)
{
    harness_begin(YAML, false);
    h.worker->hold_ms = NEVER_MS;
    TEST(announcements_are_not_withheld_for_ever, "announcements are not withheld for ever");
    TEST(an_error_after_the_announcement_goes_to_the_next,
         "an error right after the announcement goes to the next target, whatever the pieces");
    TEST(a_long_announcement_passes, "a long announcement passes");
    TEST(content_is_never_withheld, "content is never withheld");
    harness_end();
    buf_release(&request);
    return tap_done();
}
