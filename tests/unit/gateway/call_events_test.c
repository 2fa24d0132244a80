/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to a call from outside while it is under way: its client leaves or does not read,
 * the configuration changes, the worker drains.
 */
#include "tests/unit/gateway/gateway_harness.h"

#include "gateway/call.h"
#include "store/report.h"
#include "tests/unit/gateway/answers.h"

#include <zlib.h>

#define PROVIDERS                                                                                  \
    "log: { access: false }\n"                                                                     \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/a/v1' }\n"                \
    "  b: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/b/v1' }\n"                \
    "targets:\n"
#define FIRST                                                                                      \
    "  first: { provider: a, model: ma, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"
#define SECOND                                                                                     \
    "  second: { provider: b, model: mb, price: { input_per_mtok: 10, output_per_mtok: 20 } }\n"

#define PLAIN                                                                                      \
    "  plain: { provider: b, model: mp, price: { input_per_mtok: 10, output_per_mtok: 0 } }\n"
#define CACHED                                                                                     \
    "  cached: { provider: b, model: mc, price: { input_per_mtok: 10, output_per_mtok: 0, "        \
    "cache_write_per_mtok: 25 } }\n"

static struct client client;
static struct buf request = {.limit = 1u << 26};
static struct buf body = {.limit = 1u << 28};

/* Posts and turns until an upstream has the request. */
static void begin(const char *text, struct slice answer)
{
    buf_clear(&request);
    script_set('a', answer, AFTER_HANG);
    script_set('b', answer, AFTER_HANG);
    client_open(&client);
    client.out = post_text("/v1/chat/completions", NULL, slice_from_cstr(text), &request);
    UNTIL(&client, script_of('a')->requests + script_of('b')->requests == 1);
}

static struct arena rows;

/* The newest call in the ledger. */
static struct call_detail newest(void)
{
    struct call_page page = {0};
    struct call_detail detail = {0};
    struct error error;
    arena_release(&rows);
    arena_init(&rows, 1u << 22);
    EXPECT(ledger_flush(h.gateway.ledger, 5000));
    EXPECT(report_calls(h.database, SLICE_EMPTY, 1, &rows, &page, &error));
    if (page.count == 1) {
        EXPECT(report_call(h.database, page.rows[0].call.call, &rows, &detail, &error));
    }
    return detail;
}

static bool none_in_flight(void)
{
    const struct policy *policy = &h.gateway.snapshot->policy;
    for (size_t i = 0; i < policy->target_count; i++) {
        if (atomic_load(&policy->targets[i].health->in_flight) != 0) {
            return false;
        }
    }
    return true;
}

static void leaves_while_waiting(void)
{
    harness_heal();
    begin(ASK("first", ""), (struct slice)SLICE_INIT(""));
    client_close(&client);
    UNTIL(NULL, none_in_flight() && http_server_connections(h.worker->server) == 0);
    struct call_detail detail = newest();
    EXPECT_INT(detail.row.call.status, 499);
    EXPECT_SLICE(detail.row.call.error, "client_gone");
    EXPECT_INT(detail.count, 1);
    EXPECT_INT(detail.attempts[0].outcome, ATTEMPT_CANCELLED);
    EXPECT(!detail.attempts[0].usage.reported && detail.attempts[0].usage.input > 0);
    EXPECT_INT(detail.attempts[0].usage.output, 0);
    EXPECT(detail.attempts[0].cost_nd > 0);
    UNTIL(NULL, h.peers == 0); /* the upstream's connection is cut as well */
}

static void leaves_in_a_stream(void)
{
    harness_heal();
    begin(ASK("first", STREAMED), (struct slice)STREAM(HELLO));
    UNTIL(&client, slice_find_slice(buf_slice(&client.in), SLICE("hello")) != SIZE_MAX);
    client_close(&client);
    UNTIL(NULL, none_in_flight() && http_server_connections(h.worker->server) == 0);
    struct call_detail detail = newest();
    EXPECT_INT(detail.row.call.status, 200);
    EXPECT(!detail.row.call.complete);
    EXPECT_INT(detail.attempts[0].outcome, ATTEMPT_CANCELLED);
    EXPECT(!detail.attempts[0].usage.reported);
    EXPECT(detail.attempts[0].cost_nd > 0);
}

/* The answer was settled when its last frame was read; that the upstream keeps the body open is its
 * own affair. */
static void leaves_after_the_end(void)
{
    harness_heal();
    begin(ASK("first", STREAMED), (struct slice)STREAM(HELLO STOP USAGE DONE));
    UNTIL(&client, slice_find_slice(buf_slice(&client.in), SLICE("[DONE]")) != SIZE_MAX);
    client_close(&client);
    UNTIL(NULL, none_in_flight() && http_server_connections(h.worker->server) == 0);
    struct call_detail detail = newest();
    EXPECT(detail.row.call.complete);
    EXPECT_INT(detail.count, 1);
    EXPECT_INT(detail.attempts[0].outcome, ATTEMPT_OK);
    EXPECT_INT(detail.row.call.cost_nd, 2000000);
}

static int64_t now_ms(void)
{
    return clock_monotonic(&clock_system) / NS_PER_MS;
}

#define CHUNKED SSE_HEAD "Transfer-Encoding: chunked\r\n\r\n"

/* Pieces of a chunked body, each one chunk. */
static struct slice chunked(const char *text, struct buf *out)
{
    buf_clear(out);
    buf_printf(out, CHUNKED "%zx\r\n%s\r\n", strlen(text), text);
    return buf_slice(out);
}

/* The client has its end as soon as it is said; the upstream's own end, a moment later, leaves its
 * connection ready for the next call. */
static void ends_before_the_upstream(void)
{
    struct buf answer = {.limit = 1u << 16};
    harness_heal();
    begin(ASK("first", STREAMED), chunked(HELLO STOP USAGE DONE, &answer));
    UNTIL(&client, client_done(&client));
    EXPECT(h.worker->calls != NULL && h.worker->calls->lingering);
    EXPECT(!client.closed && client_body(&client, &body));
    struct peer *peer = h.latest;
    latest_answers(SLICE("0\r\n\r\n"), AFTER_KEEP);
    EXPECT_SLICE(buf_slice(&body), HELLO STOP DONE);
    EXPECT(newest().row.call.complete);
    client_close(&client);
    UNTIL(NULL, h.worker->calls == NULL);
    begin(ASK("first", STREAMED), chunked(HELLO STOP DONE, &answer));
    EXPECT(h.latest == peer && h.peers == 1);
    UNTIL(&client, client_done(&client));
    /* and if that end never comes, the connection is closed */
    UNTIL(NULL, h.peers == 0 && h.worker->calls == NULL);
    EXPECT(!client.closed);
    client_close(&client);
    buf_release(&answer);
}

/* An upstream that talks on after the end is not listened to for long. */
static void talks_on(void)
{
    struct buf answer = {.limit = 1u << 20};
    harness_heal();
    buf_append_cstr(&answer, SSE_HEAD "Connection: close\r\n\r\n" HELLO STOP DONE);
    for (int i = 0; i < 40000; i++) {
        buf_append_cstr(&answer, ": and then\n\n");
    }
    begin(ASK("first", STREAMED), buf_slice(&answer));
    UNTIL(&client, client_done(&client));
    int64_t done_ms = now_ms();
    EXPECT(client_body(&client, &body));
    EXPECT(slice_starts(buf_slice(&body), SLICE(HELLO STOP DONE)) && body.len <= NET_SCRATCH_SIZE);
    UNTIL(NULL, h.peers == 0 && h.worker->calls == NULL);
    EXPECT(now_ms() - done_ms < 900);
    client_close(&client);
    buf_release(&answer);
}

static void leaves_in_the_body(void)
{
    harness_heal();
    client_open(&client);
    client.out = SLICE("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                       "Content-Length: 1000\r\n\r\n{\"model\"");
    UNTIL(&client, client.out.len == 0);
    turn(&client);
    client_close(&client);
    UNTIL(NULL, http_server_connections(h.worker->server) == 0);
    struct call_detail detail = newest();
    EXPECT_INT(detail.row.call.status, 499);
    EXPECT_INT(detail.count, 0);
}

/* 24 MB that nobody reads stay where they are: with the upstream. */
static void reads_nothing(void)
{
    struct buf answer = {.limit = 1u << 26};
    harness_heal();
    buf_append_cstr(&answer, SSE_HEAD "Connection: close\r\n\r\n");
    for (int i = 0; i < 24000; i++) {
        buf_printf(&answer,
                   "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%01000d\"}}]}"
                   "\n\n",
                   i);
    }
    buf_append_cstr(&answer, STOP USAGE DONE);
    script_set('a', buf_slice(&answer), AFTER_CLOSE);
    buf_clear(&request);
    client_open(&client);
    client.out = post_text("/v1/chat/completions", NULL,
                           slice_from_cstr(ASK("first", STREAMED ",\"stream_options\":{"
                                                                 "\"include_usage\":true}")),
                           &request);
    UNTIL(&client, client.out.len == 0);
    for (int i = 0; i < 200; i++) {
        turn(NULL);
    }
    EXPECT(h.latest != NULL && h.latest->left.len > answer.len / 2);
    UNTIL(&client, client_done(&client));
    EXPECT(client_body(&client, &body));
    size_t head = strlen(SSE_HEAD "Connection: close\r\n\r\n");
    EXPECT(slice_eq(buf_slice(&body), slice_from(buf_slice(&answer), head)));
    EXPECT(newest().row.call.complete);
    client_close(&client);
    UNTIL(NULL, h.peers == 0); /* it may still be sending */
    buf_release(&answer);
}

static int64_t held_for(const char *text)
{
    script_set('b', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    buf_clear(&request);
    EXPECT_INT(harness_ask(post_text("/v1/chat/completions", NULL, slice_from_cstr(text), &request),
                           &client, &body),
               200);
    client_close(&client);
    struct call_detail detail = newest();
    EXPECT_INT(detail.row.call.cost_nd, 10000000); /* 1,000 tokens, none of them written */
    return detail.count == 1 ? detail.attempts[0].released_nd : -1;
}

/* A prompt may be written to the provider's cache, which costs more: the hold covers that. */
static void holds_the_dearest_input(void)
{
    harness_heal();
    EXPECT(harness_publish(PROVIDERS FIRST SECOND PLAIN CACHED, 5));
    UNTIL(NULL, h.worker->snapshot == h.gateway.snapshot);
    int64_t plain_nd = held_for(ASK("plain", " ")); /* as long as the other one */
    EXPECT(plain_nd > 0);
    EXPECT_INT(held_for(ASK("cached", "")) * 2, plain_nd * 5);
    EXPECT(harness_publish(PROVIDERS FIRST SECOND, 6));
    UNTIL(NULL, h.worker->snapshot == h.gateway.snapshot);
}

static void compress_all(struct slice plain, struct buf *ret_bytes)
{
    z_stream zlib = {.zalloc = NULL};
    CHECK(deflateInit2(&zlib, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    size_t room = deflateBound(&zlib, plain.len);
    CHECK(buf_reserve(ret_bytes, room) != NULL);
    zlib.next_in = (Bytef *)(uintptr_t)plain.ptr;
    zlib.avail_in = (uInt)plain.len;
    zlib.next_out = (Bytef *)ret_bytes->ptr + ret_bytes->len;
    zlib.avail_out = (uInt)room;
    CHECK(deflate(&zlib, Z_FINISH) == Z_STREAM_END);
    ret_bytes->len += zlib.total_out;
    CHECK(deflateEnd(&zlib) == Z_OK);
}

/* Providers that compress although nobody asked: the client gets plain bytes. */
static void compressed(void)
{
    struct buf answer = {.limit = 1u << 20};
    harness_heal();
    buf_append_cstr(&answer, SSE_HEAD "Content-Encoding: gzip\r\nConnection: close\r\n\r\n");
    compress_all(SLICE(HELLO STOP USAGE DONE), &answer);
    for (size_t piece = 0; piece < 12; piece += 11) {
        script_set('a', buf_slice(&answer), AFTER_CLOSE);
        script_of('a')->piece = piece;
        buf_clear(&request);
        struct slice ask = slice_from_cstr(ASK("first", STREAMED));
        EXPECT_INT(
            harness_ask(post_text("/v1/chat/completions", NULL, ask, &request), &client, &body),
            200);
        EXPECT_SLICE(buf_slice(&body), HELLO STOP DONE);
        EXPECT_SLICE(client_header(&client, "content-encoding"), "");
        EXPECT_INT(newest().row.call.cost_nd, 2000000);
        client_close(&client);
    }
    UNTIL(NULL, h.peers == 0); /* it may still be sending */
    buf_release(&answer);
}

/* A picture in one event is large, and passes. */
static void large_event(void)
{
    struct buf answer = {.limit = 1u << 26};
    harness_heal();
    buf_append_cstr(&answer, SSE_HEAD "Connection: close\r\n\r\n");
    size_t head = answer.len;
    buf_append_cstr(&answer, "data: {\"choices\":[{\"index\":0,\"delta\":{\"images\":[\"");
    char *room = buf_reserve(&answer, 12u << 20);
    CHECK(room != NULL);
    memset(room, 'A', 12u << 20);
    answer.len += 12u << 20;
    buf_append_cstr(&answer, "\"]}}]}\n\n" STOP DONE);
    script_set('a', buf_slice(&answer), AFTER_CLOSE);
    buf_clear(&request);
    struct slice ask = slice_from_cstr(ASK("first", STREAMED));
    EXPECT_INT(harness_ask(post_text("/v1/chat/completions", NULL, ask, &request), &client, &body),
               200);
    EXPECT(slice_eq(buf_slice(&body), slice_from(buf_slice(&answer), head)));
    client_close(&client);
    UNTIL(NULL, h.peers == 0); /* it may still be sending */
    buf_release(&answer);
}

/* One beyond the ceiling ends the answer honestly: what came before it, then an error, then a cut.
 */
static void event_too_large(void)
{
    struct buf answer = {.limit = 1u << 26};
    const size_t size = (33u << 20);
    harness_heal();
    buf_append_cstr(&answer, SSE_HEAD "Connection: close\r\n\r\n" HELLO);
    buf_append_cstr(&answer, "data: {\"choices\":[{\"index\":0,\"delta\":{\"images\":[\"");
    char *room = buf_reserve(&answer, size);
    CHECK(room != NULL);
    memset(room, 'A', size);
    answer.len += size;
    buf_append_cstr(&answer, "\"]}}]}\n\n" STOP DONE);
    script_set('a', buf_slice(&answer), AFTER_CLOSE);
    buf_clear(&request);
    struct slice ask = slice_from_cstr(ASK("first", STREAMED));
    EXPECT_INT(harness_ask(post_text("/v1/chat/completions", NULL, ask, &request), &client, &body),
               200);
    EXPECT(client.closed && !client_body(&client, &body));
    EXPECT(slice_starts(buf_slice(&body), SLICE(HELLO "data: {\"error\":{\"message\":")));
    EXPECT(slice_find_slice(buf_slice(&body), SLICE("event_too_large")) != SIZE_MAX);
    EXPECT(body.len < 1024);
    struct call_detail detail = newest();
    EXPECT(!detail.row.call.complete);
    EXPECT_SLICE(detail.attempts[0].error, "event_too_large");
    client_close(&client);
    UNTIL(NULL, h.peers == 0);
    buf_release(&answer);
}

/* A call keeps the configuration that it began with. */
static void configuration_changes(void)
{
    harness_heal();
    begin(ASK("first", ""), (struct slice)SLICE_INIT(""));
    EXPECT(harness_publish(PROVIDERS SECOND, 2));
    UNTIL(&client, h.worker->snapshot == h.gateway.snapshot);
    latest_answers(SLICE(JSON_HEAD "Connection: close\r\n\r\n" WHOLE), AFTER_CLOSE);
    UNTIL(&client, client_done(&client));
    EXPECT_INT(client_status(&client), 200);
    EXPECT_SLICE(client_header(&client, "x-sluice-target"), "first");
    client_close(&client);
    buf_clear(&request);
    int status = harness_ask(
        post_text("/v1/chat/completions", NULL, slice_from_cstr(ASK("first", "")), &request),
        &client, &body);
    EXPECT_INT(status, 404);
    client_close(&client);
    EXPECT(harness_publish(PROVIDERS FIRST SECOND, 3));
    UNTIL(NULL, h.worker->snapshot == h.gateway.snapshot);
}

static void pipelined(void)
{
    harness_heal();
    buf_clear(&body);
    buf_printf(&body, "%sContent-Length: %zu\r\n\r\n%s", JSON_HEAD, strlen(WHOLE), WHOLE);
    script_set('a', buf_slice(&body), AFTER_KEEP);
    buf_clear(&request);
    struct slice text = slice_from_cstr(ASK("first", ""));
    (void)post_text("/v1/chat/completions", NULL, text, &request);
    (void)post_text("/v1/chat/completions", NULL, SLICE("[1]"), &request);
    (void)post_text("/v1/chat/completions", "Connection: close\r\n", text, &request);
    client_open(&client);
    client.out = buf_slice(&request);
    UNTIL(&client, client.closed);
    int found = 0;
    for (struct slice rest = buf_slice(&client.in);
         slice_find_slice(rest, SLICE("HTTP/1.1 ")) != SIZE_MAX; found++) {
        rest = slice_from(rest, slice_find_slice(rest, SLICE("HTTP/1.1 ")) + 9);
        EXPECT(slice_starts(rest, found == 1 ? SLICE("400") : SLICE("200")));
    }
    EXPECT_INT(found, 3);
    EXPECT_INT(script_of('a')->requests, 2);
    client_close(&client);
}

/* No new connections, but the call ends as it should; then the worker leaves its loop. */
static void drains(void)
{
    harness_heal();
    begin(ASK("first", ""), (struct slice)SLICE_INIT(""));
    harness_drain(10000);
    for (int i = 0; i < 5; i++) {
        turn(&client);
        EXPECT(harness_publish(PROVIDERS FIRST SECOND, 4)); /* news do not disturb */
    }
    EXPECT(!client.closed);
    latest_answers(SLICE(JSON_HEAD "Connection: close\r\n\r\n" WHOLE), AFTER_CLOSE);
    UNTIL(&client, client.closed);
    EXPECT_INT(client_status(&client), 200);
    EXPECT_SLICE(client_header(&client, "connection"), "close");
    EXPECT(newest().row.call.complete);
    client_close(&client);
    harness_end();
}

/* What is still under way when the time is over is cut, and settled. */
static void drains_in_vain(void)
{
    harness_begin(PROVIDERS FIRST SECOND, true);
    begin(ASK("first", ""), (struct slice)SLICE_INIT(""));
    harness_drain(20);
    UNTIL(&client, client.closed);
    EXPECT_INT(client_status(&client), 503);
    EXPECT_SLICE(client_header(&client, "retry-after"), "1");
    EXPECT(client_body(&client, &body));
    EXPECT(slice_find_slice(buf_slice(&body), SLICE("\"shutting_down\"")) != SIZE_MAX);
    EXPECT_INT(atomic_load(&h.gateway.calls_cut), 1);
    struct call_detail detail = newest();
    EXPECT_INT(detail.row.call.status, 503);
    EXPECT_SLICE(detail.row.call.error, "shutting_down");
    EXPECT_INT(detail.attempts[0].outcome, ATTEMPT_CANCELLED);
    EXPECT_SLICE(detail.attempts[0].error, "shutting_down");
    EXPECT(detail.attempts[0].cost_nd > 0);
    struct error error;
    EXPECT(ledger_verify(h.database, &error));
    client_close(&client);
    harness_end();
}

/* A stream that is cut ends with an error event, not as if the client had left. */
static void drains_a_stream_in_vain(void)
{
    harness_begin(PROVIDERS FIRST SECOND, true);
    begin(ASK("first", STREAMED), (struct slice)STREAM(HELLO));
    UNTIL(&client, slice_find_slice(buf_slice(&client.in), SLICE("hello")) != SIZE_MAX);
    harness_drain(20);
    UNTIL(&client, client.closed);
    EXPECT(!client_body(&client, &body)); /* it looks truncated */
    EXPECT(slice_find_slice(buf_slice(&body), SLICE("\"shutting_down\"")) != SIZE_MAX);
    struct call_detail detail = newest();
    EXPECT_INT(detail.row.call.status, 200);
    EXPECT(!detail.row.call.complete);
    EXPECT_SLICE(detail.row.call.error, "shutting_down");
    EXPECT_INT(detail.attempts[0].outcome, ATTEMPT_CANCELLED);
    client_close(&client);
    harness_end();
}

/* A request whose body has not come yet is told as well. */
static void drains_a_body_in_vain(void)
{
    harness_begin(PROVIDERS FIRST SECOND, true);
    client_open(&client);
    client.out = SLICE("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                       "Content-Length: 1000\r\n\r\n{\"model\"");
    UNTIL(&client, client.out.len == 0);
    turn(&client);
    harness_drain(20);
    UNTIL(&client, client.closed);
    EXPECT_INT(client_status(&client), 503);
    struct call_detail detail = newest();
    EXPECT_SLICE(detail.row.call.error, "shutting_down");
    EXPECT_INT(detail.count, 0);
    client_close(&client);
    harness_end();
}

int main(void)
{
    harness_begin(PROVIDERS FIRST SECOND, true);
    TEST(leaves_while_waiting, "a client that leaves before the answer cancels it");
    TEST(leaves_in_a_stream, "a client that leaves within a stream pays for what came");
    TEST(leaves_after_the_end, "a client that leaves after the end changes nothing");
    TEST(ends_before_the_upstream, "a stream ends when it says so, not with the upstream's body");
    TEST(talks_on, "an upstream that talks on after the end is cut off");
    TEST(leaves_in_the_body, "a client that leaves within its body asked for nothing");
    TEST(reads_nothing, "a client that reads nothing holds the upstream back");
    TEST(compressed, "a compressed stream reaches the client plain");
    TEST(large_event, "an event of twelve megabytes passes as it is");
    TEST(event_too_large, "... and one of thirty-three ends the answer with an error event");
    TEST(configuration_changes, "a call ends under the configuration it began with");
    TEST(holds_the_dearest_input, "a hold takes the dearest rate of input that can apply");
    TEST(pipelined, "pipelined requests are answered in order, the bad one too");
    TEST(drains, "a drain lets calls end");
    TEST(drains_in_vain, "a drain that lasts too long cuts and settles");
    TEST(drains_a_stream_in_vain, "a stream that is cut so ends with an error event");
    TEST(drains_a_body_in_vain, "a request that is cut so before its body came is told");
    arena_release(&rows);
    buf_release(&request);
    buf_release(&body);
    return tap_done();
}
