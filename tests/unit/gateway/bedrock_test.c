/* SPDX-License-Identifier: Apache-2.0 */
/* A provider that wants signed requests and streams in Amazon's framing. */
#define _GNU_SOURCE /* strptime, timegm */
#include "tests/unit/gateway/gateway_harness.h"

#include "codec/eventstream.h"
#include "tests/unit/gateway/answers.h"

#include <time.h>

#define YAML                                                                                       \
    "log: { access: false }\n"                                                                     \
    "prices: { unknown: allow }\n"                                                                 \
    "providers:\n"                                                                                 \
    "  b: { preset: bedrock, base_url: 'http://127.0.0.1:$PORT/b', region: eu-west-1,\n"           \
    "       access_key_id: AKIDEXAMPLE, secret_access_key: wJalrXUtn, session_token: IQoJb3Jp }\n" \
    "  n: { preset: bedrock, base_url: 'http://127.0.0.1:$PORT/n', region: eu-west-1 }\n"          \
    "targets:\n"                                                                                   \
    "  claude: { provider: b, model: 'anthropic.claude-haiku-4-5-20251001-v1:0' }\n"               \
    "  keyless: { provider: n, model: other }\n"

static struct client client;
static struct buf request = {.limit = 1u << 20};
static struct buf body = {.limit = 1u << 20};
static struct buf stream = {.limit = 1u << 20};

static int ask(const char *text)
{
    harness_heal();
    buf_clear(&request);
    client_close(&client);
    return harness_ask(post_text("/v1/chat/completions", "", slice_from_cstr(text), &request),
                       &client, &body);
}

static bool told(const char *what)
{
    bool has = slice_find_slice(buf_slice(&body), slice_from_cstr(what)) != SIZE_MAX;
    if (!has) {
        printf("# told: %.*s\n", SLICE_ARG(buf_slice(&body)));
    }
    return has;
}

static struct slice line_of(struct slice head, struct slice name)
{
    size_t at = slice_find_slice(head, name);
    struct slice rest = at == SIZE_MAX ? SLICE_EMPTY : slice_from(head, at);
    return slice_trim(slice_cut(&rest, '\n'));
}

/* The signature is that of what was sent. */
static void the_request_is_signed(void)
{
    char date[32];
    char host[64];
    struct tm parts = {.tm_sec = 0};
    script_set('b',
               (struct slice)ANSWER("{\"output\":{\"message\":{\"content\":[{\"text\":\"yo\"}"
                                    "]}},\"stopReason\":\"end_turn\",\"usage\":{"
                                    "\"inputTokens\":3,\"outputTokens\":1}}"),
               AFTER_CLOSE);
    EXPECT_INT(ask(ASK("claude", "")), 200);
    EXPECT(told("\"content\":\"yo\""));
    struct slice head = slice_from_cstr(script_of('b')->head);
    EXPECT(slice_starts(head, SLICE("POST /b/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/"
                                    "converse HTTP/1.1\r\n")));
    slice_to_cstr(slice_from(line_of(head, SLICE("X-Amz-Date: ")), 12), date, sizeof date);
    EXPECT(strptime(date, "%Y%m%dT%H%M%SZ", &parts) != NULL);
    (void)snprintf(host, sizeof host, "127.0.0.1:%u", h.port);
    const struct sigv4_header headers[] = {
        {SLICE_INIT("host"), slice_from_cstr(host)},
        {SLICE_INIT("content-type"), SLICE_INIT("application/json")},
    };
    const struct sigv4_request signed_request = {
        .method = SLICE("POST"),
        .path = SLICE("/b/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse"),
        .headers = headers,
        .header_count = 2,
        .body = buf_slice(&script_of('b')->body),
        .region = SLICE("eu-west-1"),
        .service = SLICE("bedrock"),
        .time_s = timegm(&parts),
    };
    const struct sigv4_credentials credentials = {SLICE("AKIDEXAMPLE"), SLICE("wJalrXUtn"),
                                                  SLICE("IQoJb3Jp")};
    struct buf wanted = BUF_INIT(4096);
    EXPECT(sigv4_sign(&credentials, &signed_request, &wanted));
    EXPECT(slice_find_slice(head, buf_slice(&wanted)) != SIZE_MAX);
    buf_release(&wanted);
}

static void put(const char *type, const char *payload)
{
    const struct eventstream_header headers[] = {
        {SLICE_INIT(":event-type"), slice_from_cstr(type)},
        {SLICE_INIT(":message-type"), SLICE_INIT("event")},
    };
    EXPECT(eventstream_encode(&stream, headers, 2, slice_from_cstr(payload)));
}

static void begin_stream(void)
{
    buf_clear(&stream);
    buf_append(&stream, SLICE("HTTP/1.1 200 OK\r\nContent-Type: " EVENTSTREAM_CONTENT_TYPE
                              "\r\nConnection: close\r\n\r\n"));
    put("messageStart", "{\"role\":\"assistant\"}");
    put("contentBlockDelta", "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"zebra\"}}");
}

static void a_stream_becomes_the_clients(void)
{
    begin_stream();
    put("messageStop", "{\"stopReason\":\"end_turn\"}");
    put("metadata", "{\"usage\":{\"inputTokens\":3,\"outputTokens\":1}}");
    script_set('b', buf_slice(&stream), AFTER_CLOSE);
    EXPECT_INT(ask(ASK("claude", STREAMED)), 200);
    EXPECT(told("zebra") && told("\"finish_reason\":\"stop\"") && told("data: [DONE]"));
    EXPECT(slice_find_slice(slice_from_cstr(script_of('b')->head), SLICE("/converse-stream ")) !=
           SIZE_MAX);
}

static void a_cut_or_broken_stream_has_no_end(void)
{
    for (int broken = 0; broken < 2; broken++) {
        begin_stream();
        put("messageStop", "{\"stopReason\":\"end_turn\"}");
        if (broken == 1) {
            stream.ptr[stream.len - 1] ^= 1;
        }
        script_set('b', slice_of(stream.ptr, stream.len - (broken == 1 ? 0 : 1)), AFTER_CLOSE);
        EXPECT_INT(ask(ASK("claude", STREAMED)), 200);
        EXPECT(told("zebra") && told("error"));
        EXPECT(slice_find_slice(buf_slice(&body), SLICE("[DONE]")) == SIZE_MAX);
    }
}

static void without_keys_nothing_is_sent(void)
{
    EXPECT_INT(ask(ASK("keyless", "")), 503);
    EXPECT(told("credential_unavailable"));
    EXPECT_INT(script_of('n')->requests, 0);
}

int main(void)
{
    harness_begin(YAML, false);
    client.fd = -1;
    TEST(the_request_is_signed, "the request is signed as it is sent");
    TEST(a_stream_becomes_the_clients, "a stream in Amazon's framing becomes the client's");
    TEST(a_cut_or_broken_stream_has_no_end, "a cut or broken stream has no end");
    TEST(without_keys_nothing_is_sent, "without keys nothing is sent");
    client_close(&client);
    buf_release(&request);
    buf_release(&body);
    harness_end();
    buf_release(&stream);
    return tap_done();
}
