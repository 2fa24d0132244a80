/* SPDX-License-Identifier: Apache-2.0 */
/* Silent streams: pinged where they are translated and the client's dialect has pings. */
#include "gateway/call_ping.h"

#include "tests/unit/gateway/answers.h"
#include "tests/unit/gateway/gateway_harness.h"

#define PROVIDER                                                                                   \
    "log: { access: false }\n"                                                                     \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/a/v1' }\n"                \
    "targets:\n"                                                                                   \
    "  first: { provider: a, model: ma, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"      \
    "routes: { held: { targets: [first], escalate: { when: empty } } }\n"
#define MESSAGES                                                                                   \
    "{\"model\":\"first\",\"max_tokens\":9,\"stream\":true,"                                       \
    "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define PING "event: ping\n"

static struct client client;
static struct buf request = {.limit = 1u << 20};

/* Until the answer's first text is with the client; the upstream then says nothing more. */
static void begin(const char *path, const char *text)
{
    buf_clear(&request);
    script_set('a', (struct slice)STREAM(HELLO), AFTER_HANG);
    client_open(&client);
    client.out = post_text(path, NULL, slice_from_cstr(text), &request);
    UNTIL(&client, slice_find_slice(buf_slice(&client.in), SLICE("hello")) != SIZE_MAX);
}

static size_t pings(void)
{
    struct slice rest = buf_slice(&client.in);
    size_t count = 0;
    for (size_t at; (at = slice_find_slice(rest, SLICE(PING))) != SIZE_MAX; count++) {
        rest = slice_from(rest, at + sizeof PING - 1);
    }
    return count;
}

static void end(void)
{
    client_close(&client);
    UNTIL(NULL, http_server_connections(h.worker->server) == 0);
}

static void silent_translated_streams_are_pinged(void)
{
    h.worker->ping_ms = 1;
    begin("/v1/messages", MESSAGES);
    UNTIL(&client, pings() >= 3);
    end();
    UNTIL(NULL, !h.worker->pinging); /* nobody is left to be looked after */
}

static void other_streams_get_only_what_the_provider_said(void)
{
    h.worker->ping_ms = 1;
    begin("/v1/chat/completions", ASK("first", STREAMED));
    EXPECT(!h.worker->pinging);
    EXPECT_INT(pings(), 0);
    end();
}

#define HELD                                                                                       \
    "{\"model\":\"held\",\"max_tokens\":9,\"stream\":true,"                                        \
    "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"

static void streams_held_for_a_verdict_are_pinged(void)
{
    h.worker->ping_ms = 1;
    buf_clear(&request);
    script_set('a', (struct slice)STREAM(HELLO), AFTER_HANG);
    client_open(&client);
    client.out = post_text("/v1/messages", NULL, SLICE(HELD), &request);
    UNTIL(&client, pings() >= 3);
    EXPECT(slice_find_slice(buf_slice(&client.in), SLICE("HTTP/1.1 200")) == 0);
    EXPECT_INT(slice_find_slice(buf_slice(&client.in), SLICE("hello")), SIZE_MAX);
    EXPECT_INT(slice_find_slice(buf_slice(&client.in), SLICE("x-sluice-target")), SIZE_MAX);
    end();
}

int main(void)
{
    harness_begin(PROVIDER, false);
    TEST(silent_translated_streams_are_pinged, "a silent translated stream is pinged");
    TEST(other_streams_get_only_what_the_provider_said,
         "a stream in its provider's own dialect gets nothing of ours");
    TEST(streams_held_for_a_verdict_are_pinged,
         "a stream of which nothing is sent before its verdict is pinged meanwhile");
    harness_end();
    buf_release(&request);
    return tap_done();
}
