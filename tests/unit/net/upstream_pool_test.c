/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of the upstream client: reuse, LIFO, stale ones, idle ones, and what is sent on the
 * wire. */
#include "tests/unit/net/upstream_fixture.h"

static struct fixture f;

/* --- the wire --- */

static struct buf seen;

static void record_and_answer(struct peer *peer, struct slice head, struct slice body)
{
    buf_append(&seen, head);
    buf_append(&seen, body);
    peer_send(peer, OK_ANSWER);
}

static void sends_head_and_body(void)
{
    struct call call;
    char wanted[512];

    fixture_init(&f);
    f.on_request = record_and_answer;
    call_once(&call, &f);
    EXPECT_OK(call, "ok");
    EXPECT_INT(call.status, 200);
    EXPECT_INT(call.content_length, 2);
    snprintf(wanted, sizeof(wanted),
             "POST /v1/x?y=z HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer secret\r\n"
             "Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
             f.port);
    EXPECT_SLICE(buf_slice(&seen), wanted);
    EXPECT(call.r.sent && !call.r.reused);
    EXPECT(call.r.started_ns <= call.r.connected_ns && call.r.connected_ns <= call.r.first_byte_ns);
    EXPECT(call.r.connection == NULL);
    buf_clear(&seen);
    call_release(&call);

    call_init(&call, &f);
    call.r.method = SLICE("GET");
    call.r.body = SLICE_EMPTY;
    call.r.headers = SLICE_EMPTY;
    call_run(&call);
    snprintf(wanted, sizeof(wanted),
             "GET /v1/x?y=z HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer secret\r\n\r\n",
             f.port);
    EXPECT_SLICE(buf_slice(&seen), wanted);
    buf_clear(&seen);
    call_release(&call);

    call_init(&call, &f);
    call.r.body = SLICE_EMPTY;
    call_run(&call);
    EXPECT(slice_find_slice(buf_slice(&seen), SLICE("\r\nContent-Length: 0\r\n\r\n")) != SIZE_MAX);
    call_release(&call);
    buf_release(&seen);
    fixture_release(&f);
}

static void refuses_a_broken_request_line(void)
{
    static const char *const paths[] = {"", "x", "/a b", "/a\r\nX: y", "/\177"};
    struct call call;

    fixture_init(&f);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        call_init(&call, &f);
        call.r.path = slice_from_cstr(paths[i]);
        call_run(&call);
        EXPECT_FAILURE(call, UPSTREAM_MALFORMED);
        EXPECT(!call.r.sent);
        call_release(&call);
    }
    EXPECT_INT(f.accepted, 0);
    fixture_release(&f);
}

/* --- reuse --- */

static void reuses_a_connection(void)
{
    struct call call;

    fixture_init(&f);
    f.on_request = answer_ok;
    for (int i = 0; i < 5; i++) {
        call_once(&call, &f);
        EXPECT_OK(call, "ok");
        EXPECT_INT(call.r.reused, i > 0);
        call_release(&call);
    }
    EXPECT_INT(f.accepted, 1);
    EXPECT_INT(f.peers[0].requests, 5);
    fixture_release(&f);
}

static void shares_a_pool_between_origins_of_one_key(void)
{
    struct upstream_origin other;
    struct call call;
    char text[64];

    fixture_init(&f);
    f.on_request = answer_ok;
    snprintf(text, sizeof(text), "http://127.0.0.1:%u/other", f.port);
    origin_for(&other, text, "X-Key: another\r\n", "", "");
    call_once(&call, &f);
    call_release(&call);
    call_init(&call, &f);
    call.r.origin = &other;
    call_run(&call);
    EXPECT(call.r.reused);
    call_release(&call);
    other.insecure = true;
    call_init(&call, &f);
    call.r.origin = &other;
    call_run(&call);
    EXPECT(!call.r.reused);
    call_release(&call);
    upstream_origin_release(&other);
    fixture_release(&f);
}

static int last_index;

static void note_and_answer(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    (void)body;
    last_index = peer->index;
    peer_send(peer, OK_ANSWER);
}

static void hold_request(struct peer *peer, struct slice head, struct slice body)
{
    (void)peer;
    (void)head;
    (void)body;
}

static void takes_the_connection_used_last(void)
{
    struct call calls[3];
    struct call call;

    fixture_init(&f);
    f.on_request = hold_request;
    for (int i = 0; i < 3; i++) {
        call_init(&calls[i], &f);
        call_send(&calls[i]);
        RUN_UNTIL(&f, f.accepted == i + 1 && f.peers[i].requests == 1);
    }
    static const int order[] = {2, 0, 1};
    for (int i = 0; i < 3; i++) {
        peer_send(&f.peers[order[i]], OK_ANSWER);
        RUN_UNTIL(&f, call_over(&calls[order[i]]));
        EXPECT_OK(calls[order[i]], "ok");
    }
    f.on_request = note_and_answer;
    for (int i = 0; i < 3; i++) {
        call_once(&call, &f);
        EXPECT_INT(last_index, 1);
        call_release(&call);
    }
    peer_close(&f.peers[1], false);
    fixture_turn(&f, 3);
    call_once(&call, &f);
    EXPECT_INT(last_index, 0);
    EXPECT(call.r.reused);
    call_release(&call);
    EXPECT_INT(f.accepted, 3);
    for (int i = 0; i < 3; i++) {
        call_release(&calls[i]);
    }
    fixture_release(&f);
}

static void keeps_only_so_many_idle(void)
{
    struct upstream_limits limits = upstream_default_limits;
    struct call calls[4];
    char text[64];

    limits.idle_per_origin = 2;
    fixture_init_with(&f, "127.0.0.1", &limits);
    snprintf(text, sizeof(text), "http://127.0.0.1:%u", f.port);
    origin_for(&f.origin, text, "", "", "");
    f.on_request = hold_request;
    for (int i = 0; i < 4; i++) {
        call_init(&calls[i], &f);
        call_send(&calls[i]);
    }
    RUN_UNTIL(&f, f.accepted == 4 && f.peers[0].requests + f.peers[1].requests +
                                             f.peers[2].requests + f.peers[3].requests ==
                                         4);
    for (int i = 0; i < 4; i++) {
        peer_send(&f.peers[i], OK_ANSWER);
    }
    RUN_UNTIL(&f, call_over(&calls[0]) && call_over(&calls[1]) && call_over(&calls[2]) &&
                      call_over(&calls[3]));
    RUN_UNTIL(&f, f.peers[0].eof + f.peers[1].eof + f.peers[2].eof + f.peers[3].eof == 2);
    EXPECT_INT(pool_for(f.client, &f.origin)->idle_count, 2);
    for (int i = 0; i < 4; i++) {
        call_release(&calls[i]);
    }
    fixture_release(&f);
}

static void closes_what_is_idle_too_long(void)
{
    struct upstream_limits limits = upstream_default_limits;
    struct call call;
    char text[64];

    limits.idle_ms = 20;
    fixture_init_with(&f, "127.0.0.1", &limits);
    snprintf(text, sizeof(text), "http://127.0.0.1:%u", f.port);
    origin_for(&f.origin, text, "", "", "");
    f.on_request = answer_ok;
    call_once(&call, &f);
    call_release(&call);
    RUN_UNTIL(&f, f.peers[0].eof);
    EXPECT_INT(pool_for(f.client, &f.origin)->idle_count, 0);
    call_once(&call, &f);
    EXPECT_OK(call, "ok");
    EXPECT(!call.r.reused);
    call_release(&call);
    fixture_release(&f);
}

static const char *script;

static void answer_script(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    (void)body;
    peer_send(peer, script);
}

static void closes_before_the_peer_does(void)
{
    struct call call;

    fixture_init(&f);
    f.on_request = answer_script;
    script = "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok";
    call_once(&call, &f);
    EXPECT_OK(call, "ok");
    call_release(&call);
    EXPECT_INT(pool_for(f.client, &f.origin)->idle_count, 1);
    RUN_UNTIL(&f, f.peers[0].eof);
    EXPECT(f.ticks * FIXTURE_TICK_MS < 2000);
    fixture_release(&f);
}

/* --- what does not go back to the pool --- */

static void closes_what_must_not_be_reused(void)
{
    static const char *const scripts[] = {
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
         "HTTP/1.1 200 OK\r\n\r\n"),
    };
    struct call call;

    fixture_init(&f);
    f.on_request = answer_script;
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        script = scripts[i];
        call_once(&call, &f);
        EXPECT_OK(call, "ok");
        EXPECT(!call.r.reused);
        call_release(&call);
        RUN_UNTIL(&f, f.peers[i].eof);
    }
    fixture_release(&f);
}

static void drops_an_idle_connection_that_talks(void)
{
    struct call call;

    fixture_init(&f);
    f.on_request = answer_ok;
    call_once(&call, &f);
    call_release(&call);
    peer_send(&f.peers[0], "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    RUN_UNTIL(&f, f.peers[0].eof);
    call_once(&call, &f);
    EXPECT_OK(call, "ok");
    EXPECT(!call.r.reused);
    call_release(&call);
    fixture_release(&f);
}

/* --- stale connections --- */

static bool kill_reset;
static const char *kill_text;

/* Serves one request on each connection; the second one on a connection finds it closing. */
static void die_on_second(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    (void)body;
    if (peer->requests == 1) {
        peer_send(peer, OK_ANSWER);
        return;
    }
    peer->close_after_out = !kill_reset;
    peer->reset_after_out = kill_reset;
    peer_send(peer, kill_text);
}

static void retry_after(bool reset, const char *text, bool retried)
{
    struct call call;

    fixture_init(&f);
    f.on_request = die_on_second;
    kill_reset = reset;
    kill_text = text;
    call_once(&call, &f);
    call_release(&call);
    call_once(&call, &f);
    if (retried) {
        EXPECT_OK(call, "ok");
        EXPECT(!call.r.reused);
        EXPECT_INT(f.accepted, 2);
    } else {
        EXPECT_FAILURE(call, UPSTREAM_CLOSED);
        EXPECT_INT(f.accepted, 1);
    }
    EXPECT(call.r.sent);
    call_release(&call);
    fixture_release(&f);
}

static void replaces_a_stale_connection(void)
{
    retry_after(false, "", true);
    retry_after(true, "", true);
}

static void does_not_repeat_after_a_byte(void)
{
    retry_after(false, "H", false);
    retry_after(true, "HTTP/1.1 100 Continue\r\n\r\n", false);
    retry_after(false, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", false);
}

static void die_always(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    (void)body;
    if (peer->index == 0 && peer->requests == 1) {
        peer_send(peer, OK_ANSWER);
        return;
    }
    peer_close(peer, false);
}

static void repeats_only_once(void)
{
    struct call call;

    fixture_init(&f);
    f.on_request = die_always;
    call_once(&call, &f);
    call_release(&call);
    call_once(&call, &f);
    EXPECT_FAILURE(call, UPSTREAM_CLOSED);
    EXPECT_INT(f.accepted, 2);
    call_release(&call);
    call_once(&call, &f);
    EXPECT_FAILURE(call, UPSTREAM_CLOSED);
    EXPECT_INT(f.accepted, 3);
    call_release(&call);
    fixture_release(&f);
}

/* The peer closed, and the loop has not seen it yet when the request goes out. */
static void replaces_one_that_closed_just_before(void)
{
    for (int reset = 0; reset < 2; reset++) {
        struct call call;
        fixture_init(&f);
        f.on_request = answer_ok;
        call_once(&call, &f);
        call_release(&call);
        peer_close(&f.peers[0], reset != 0);
        call_once(&call, &f);
        EXPECT_OK(call, "ok");
        EXPECT(!call.r.reused);
        EXPECT_INT(f.accepted, 2);
        call_release(&call);
        fixture_release(&f);
    }
}

static void sends_again_from_a_callback(struct call *call)
{
    if (call->ends == 1) {
        buf_clear(&call->body);
        upstream_send(call->fixture->client, &call->r);
    }
}

static void reuses_the_connection_from_inside_on_end(void)
{
    struct call call;

    fixture_init(&f);
    f.on_request = answer_ok;
    call_init(&call, &f);
    call.in_end = sends_again_from_a_callback;
    call_send(&call);
    RUN_UNTIL(&f, call.ends == 2);
    EXPECT(call.r.reused);
    EXPECT_INT(f.accepted, 1);
    EXPECT_SLICE(call_body(&call), "ok");
    call_release(&call);
    fixture_release(&f);
}

static void forgets_pools_that_nobody_uses(void)
{
    fixture_init(&f);
    for (int i = 0; i < POOLS_MAX + 10; i++) {
        struct upstream_origin origin;
        char text[64];
        snprintf(text, sizeof(text), "http://127.0.0.1:%d", i + 1);
        origin_for(&origin, text, "", "", "");
        EXPECT(pool_for(f.client, &origin) != NULL);
        EXPECT(pool_for(f.client, &origin) == pool_for(f.client, &origin));
        upstream_origin_release(&origin);
    }
    EXPECT(f.client->pools.used <= POOLS_MAX);
    fixture_release(&f);
}

int main(void)
{
    buf_init(&seen, 65536);
    TEST(sends_head_and_body, "sends head and body as they are");
    TEST(refuses_a_broken_request_line, "refuses a request line that would break the framing");
    TEST(reuses_a_connection, "reuses a connection");
    TEST(shares_a_pool_between_origins_of_one_key,
         "shares connections between origins with the same key only");
    TEST(takes_the_connection_used_last, "takes the connection that was used last");
    TEST(keeps_only_so_many_idle, "keeps only so many idle connections");
    TEST(closes_what_is_idle_too_long, "closes a connection that is idle too long");
    TEST(closes_before_the_peer_does, "closes an idle connection before the peer said it would");
    TEST(closes_what_must_not_be_reused,
         "does not reuse after close, HTTP/1.0 or bytes behind the answer");
    TEST(drops_an_idle_connection_that_talks, "drops an idle connection that talks out of turn");
    TEST(replaces_a_stale_connection, "replaces a pooled connection that closed before answering");
    TEST(does_not_repeat_after_a_byte, "does not repeat a request once a byte of an answer came");
    TEST(repeats_only_once, "repeats a request only once, and never on a fresh connection");
    TEST(replaces_one_that_closed_just_before, "replaces a connection whose end was not seen yet");
    TEST(reuses_the_connection_from_inside_on_end, "reuses the connection from inside on_end");
    TEST(forgets_pools_that_nobody_uses, "forgets pools that nobody uses when there are many");
    return tap_done();
}
