/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer over a socket: cuts, ends, limits, deadlines, uploads, back-pressure.
 */
#include "tests/unit/net/upstream_fixture.h"

static struct fixture f;
static const char *script;

static void answer_script(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    (void)body;
    peer_send(peer, script);
}

static void hold_request(struct peer *peer, struct slice head, struct slice body)
{
    (void)peer;
    (void)head;
    (void)body;
}

/* --- how the bytes arrive --- */

static size_t cut_at;

static void answer_in_two(struct peer *peer, struct slice head, struct slice body)
{
    char first[512];

    (void)head;
    (void)body;
    snprintf(first, sizeof(first), "%.*s", (int)cut_at, script);
    peer_send(peer, first);
}

static const char *const answers[] = {
    "HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 11\r\n\r\nhello world",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    "6\r\nhello \r\n5;x=y\r\nworld\r\n0\r\nT: v\r\n\r\n",
};

static void takes_an_answer_cut_anywhere(void)
{
    fixture_init(&f);
    f.on_request = answer_in_two;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        script = answers[i];
        for (cut_at = 1; cut_at < strlen(script); cut_at++) {
            struct call call;
            call_init(&call, &f);
            call_send(&call);
            size_t before = f.accepted == 0 ? 0 : (size_t)f.peers[0].requests;
            RUN_UNTIL(&f, f.accepted == 1 && (size_t)f.peers[0].requests == before + 1);
            fixture_turn(&f, 2);
            peer_send(&f.peers[0], script + cut_at);
            RUN_UNTIL(&f, call_over(&call));
            EXPECT_OK(call, "hello world");
            EXPECT_INT(call.heads, 1);
            call_release(&call);
        }
    }
    EXPECT_INT(f.accepted, 1);
    fixture_release(&f);
}

/* Whatever took long in the same event is not the provider's time. */
static void begins_when_it_is_sent(void)
{
    fixture_init(&f);
    f.on_request = answer_script;
    script = answers[0];
    struct call call;
    call_init(&call, &f);
    int64_t event_ns = clock_monotonic(f.loop.clock);
    while (clock_monotonic(&clock_system) < event_ns + NS_PER_MS) {
    }
    call_send(&call);
    EXPECT(call.r.started_ns >= event_ns + NS_PER_MS);
    RUN_UNTIL(&f, call_over(&call));
    call_release(&call);
    fixture_release(&f);
}

static void drip_script(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    (void)body;
    peer->drip = true;
    peer_send(peer, script);
}

static void takes_an_answer_byte_by_byte(void)
{
    fixture_init(&f);
    f.on_request = drip_script;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct call call;
        script = answers[i];
        call_once(&call, &f);
        EXPECT_OK(call, "hello world");
        EXPECT_INT(call.datas, 11);
        call_release(&call);
    }
    EXPECT_INT(f.accepted, 1);
    fixture_release(&f);
}

static void answers_a_head_request(void)
{
    struct call call;

    fixture_init(&f);
    f.on_request = answer_script;
    script = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n";
    for (int i = 0; i < 2; i++) {
        call_init(&call, &f);
        call.r.method = SLICE("HEAD");
        call.r.body = SLICE_EMPTY;
        call_run(&call);
        EXPECT_OK(call, "");
        EXPECT_INT(call.r.reused, i);
        call_release(&call);
    }
    fixture_release(&f);
}

/* --- how it ends --- */

static bool end_reset;

static void answer_and_end(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    (void)body;
    peer->close_after_out = !end_reset;
    peer->reset_after_out = end_reset;
    peer_send(peer, script);
}

static void ends_with(const char *text, bool reset, bool complete, enum upstream_failure failure,
                      const char *body)
{
    struct call call;

    fixture_init(&f);
    f.on_request = answer_and_end;
    script = text;
    end_reset = reset;
    call_once(&call, &f);
    if (complete) {
        EXPECT_OK(call, body);
    } else {
        EXPECT_FAILURE(call, failure);
        EXPECT_SLICE(call_body(&call), body);
    }
    call_release(&call);
    fixture_release(&f);
}

static void ends_with_the_connection(void)
{
    ends_with("HTTP/1.1 200 OK\r\n\r\nall", false, true, UPSTREAM_CLOSED, "all");
    ends_with("HTTP/1.0 200 OK\r\n\r\n", false, true, UPSTREAM_CLOSED, "");
}

static void never_takes_an_early_end_for_success(void)
{
    ends_with("HTTP/1.1 200 OK\r\n\r\nall", true, false, UPSTREAM_CLOSED, "all");
    ends_with("", false, false, UPSTREAM_CLOSED, "");
    ends_with("", true, false, UPSTREAM_CLOSED, "");
    ends_with("HTTP/1.1 20", false, false, UPSTREAM_CLOSED, "");
    ends_with("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", false, false, UPSTREAM_CLOSED,
              "hel");
    ends_with("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", true, false, UPSTREAM_CLOSED,
              "hel");
    ends_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", false, false,
              UPSTREAM_CLOSED, "hel");
    ends_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", false, false,
              UPSTREAM_CLOSED, "hel");
    ends_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n0\r\n", true, false,
              UPSTREAM_CLOSED, "hel");
}

static void refuses_what_is_malformed(void)
{
    ends_with("<html>not HTTP</html>", false, false, UPSTREAM_MALFORMED, "");
    ends_with("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", false, false,
              UPSTREAM_MALFORMED, "");
    ends_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhelX", false, false,
              UPSTREAM_MALFORMED, "hel");
}

static void finishes_before_the_connection_ends(void)
{
    struct call call;

    fixture_init(&f);
    f.on_request = answer_script;
    script = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Length: 9\r\n\r\n123456789";
    call_once(&call, &f);
    EXPECT_FAILURE(call, UPSTREAM_MALFORMED);
    RUN_UNTIL(&f, f.peers[0].eof);
    call_release(&call);
    fixture_release(&f);
}

static void reports_a_refused_connection(void)
{
    struct call call;

    fixture_init(&f);
    uv_close((uv_handle_t *)&f.listener, NULL);
    close(f.listen_fd);
    f.listen_fd = -1;
    call_once(&call, &f);
    EXPECT_FAILURE(call, UPSTREAM_CONNECT);
    EXPECT_SLICE(slice_from_cstr(call.detail), "connection refused");
    EXPECT(!call.r.sent);
    EXPECT_INT(call.r.first_byte_ns, 0);
    call_release(&call);
    fixture_release(&f);
}

/* --- floods --- */

static struct buf flood;

static void answer_flood(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    (void)body;
    buf_append(&peer->out, buf_slice(&flood));
    peer_pump(peer);
}

static void survives(enum upstream_failure failure, uint64_t body_limit)
{
    struct call call;

    fixture_init(&f);
    f.on_request = answer_flood;
    call_init(&call, &f);
    call.r.body_limit = body_limit;
    call_run(&call);
    EXPECT_FAILURE(call, failure);
    EXPECT(call.body.len <= body_limit);
    RUN_UNTIL(&f, !f.peers[0].open);
    call_release(&call);
    fixture_release(&f);
    buf_release(&flood);
}

static void survives_floods(void)
{
    buf_init(&flood, (size_t)16 << 20);
    for (int i = 0; i < 100000; i++) {
        buf_append_cstr(&flood, "HTTP/1.1 102 Processing\r\n\r\n");
    }
    survives(UPSTREAM_MALFORMED, 1000);
    buf_append_cstr(&flood, "HTTP/1.1 200 OK\r\nX: ");
    for (int i = 0; i < 1000000; i++) {
        buf_append_char(&flood, 'x');
    }
    survives(UPSTREAM_TOO_LARGE, 1000);
    buf_append_cstr(&flood, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 1000; i++) {
        buf_append_cstr(&flood, "A:\r\n");
    }
    survives(UPSTREAM_TOO_LARGE, 1000);
    buf_append_cstr(&flood, "HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; i < 1000000; i++) {
        buf_append_char(&flood, 'x');
    }
    survives(UPSTREAM_TOO_LARGE, 1000);
    buf_append_cstr(&flood, "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n");
    survives(UPSTREAM_TOO_LARGE, 1000);
}

/* --- deadlines --- */

static void runs_out(const char *text, struct upstream_timeouts timeouts,
                     enum upstream_failure failure)
{
    struct call call;

    fixture_init(&f);
    f.on_request = answer_script;
    script = text;
    call_init(&call, &f);
    call.r.timeouts = timeouts;
    call_run(&call);
    EXPECT_FAILURE(call, failure);
    RUN_UNTIL(&f, f.peers[0].eof);
    call_release(&call);
    fixture_release(&f);
}

static void runs_out_of_time(void)
{
    runs_out("", (struct upstream_timeouts){.first_byte = 20}, UPSTREAM_FIRST_BYTE_TIMEOUT);
    runs_out("HTTP/1.1 2", (struct upstream_timeouts){.first_byte = 5000, .idle = 20},
             UPSTREAM_IDLE_TIMEOUT);
    runs_out("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe",
             (struct upstream_timeouts){.idle = 20}, UPSTREAM_IDLE_TIMEOUT);
    runs_out("", (struct upstream_timeouts){.total = 20}, UPSTREAM_TOTAL_TIMEOUT);
    runs_out("HTTP/1.1 200 OK\r\n\r\nhe", (struct upstream_timeouts){.idle = 5000, .total = 20},
             UPSTREAM_TOTAL_TIMEOUT);
}

static void drip_for_ever(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    (void)body;
    peer->drip = true;
    buf_append(&peer->out, buf_slice(&flood));
    peer_pump(peer);
}

static void stops_a_drip_at_the_total_time(void)
{
    struct call call;

    buf_init(&flood, (size_t)64 << 20);
    buf_append_cstr(&flood, "HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; i < 1000000; i++) {
        buf_append_char(&flood, 'x');
    }
    fixture_init(&f);
    f.on_request = drip_for_ever;
    call_init(&call, &f);
    call.r.timeouts = (struct upstream_timeouts){.first_byte = 1000, .idle = 1000, .total = 300};
    call_run(&call);
    EXPECT_FAILURE(call, UPSTREAM_TOTAL_TIMEOUT);
    EXPECT(call.datas > 0);
    call_release(&call);
    fixture_release(&f);
    buf_release(&flood);
}

/* A listener whose queue is full takes no more connections: the SYN is dropped. */
static void times_out_connecting(void)
{
    struct call call;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int held[8];
    char text[64];

    fixture_init(&f);
    EXPECT_INT(listen(f.listen_fd, 0), 0);
    uv_poll_stop(&f.listener);
    at.sin_port = htons(f.port);
    for (size_t i = 0; i < ARRAY_LEN(held); i++) {
        held[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(held[i], (struct sockaddr *)&at, sizeof(at));
    }
    snprintf(text, sizeof(text), "%s", "timed out while connecting");
    call_init(&call, &f);
    call.r.timeouts = (struct upstream_timeouts){.connect = 30};
    call_run(&call);
    EXPECT_FAILURE(call, UPSTREAM_CONNECT_TIMEOUT);
    EXPECT_SLICE(slice_from_cstr(call.detail), text);
    EXPECT(!call.r.sent);
    call_release(&call);
    for (size_t i = 0; i < ARRAY_LEN(held); i++) {
        close(held[i]);
    }
    fixture_release(&f);
}

/* --- uploads --- */

#define UPLOAD_SIZE ((size_t)12 << 20)
static char *upload;

static uint32_t upload_sum(struct slice body)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < body.len; i++) {
        sum = sum * 31 + (unsigned char)body.ptr[i];
    }
    return sum;
}

static size_t upload_len;
static uint32_t upload_seen;

static void check_upload(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    upload_len = body.len;
    upload_seen = upload_sum(body);
    peer_send(peer, OK_ANSWER);
}

static void start_upload(struct call *call)
{
    for (size_t i = 0; i < UPLOAD_SIZE; i++) {
        upload[i] = (char)(i * 7 + i / 255);
    }
    call_init(call, &f);
    call->r.body = slice_of(upload, UPLOAD_SIZE);
    call_send(call);
}

static void uploads_more_than_the_kernel_takes(void)
{
    struct call call;

    fixture_init(&f);
    f.on_request = check_upload;
    for (int i = 0; i < 2; i++) {
        start_upload(&call);
        RUN_UNTIL(&f, call_over(&call));
        EXPECT_OK(call, "ok");
        EXPECT_INT(upload_len, UPLOAD_SIZE);
        EXPECT_INT(upload_seen, upload_sum(slice_of(upload, UPLOAD_SIZE)));
        EXPECT_INT(call.r.reused, i);
        call_release(&call);
    }
    fixture_release(&f);
}

static void answer_early(struct peer *peer)
{
    if (peer->in_total > 200 && peer->requests++ == 0) {
        peer->deaf = true;
        peer_send(peer, script);
    }
}

static void wipe_upload(struct call *call)
{
    (void)call;
    free(upload); /* the owner may let go of the body with the first callback */
    upload = NULL;
}

static void takes_an_early_answer(bool then_close)
{
    struct call call;

    fixture_init(&f);
    f.on_bytes = answer_early;
    script = "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge";
    start_upload(&call);
    call.in_head = wipe_upload;
    if (then_close) {
        RUN_UNTIL(&f, f.accepted == 1 && f.peers[0].requests > 0);
        peer_close(&f.peers[0], false); /* unread bytes: the kernel sends a reset */
    }
    RUN_UNTIL(&f, call_over(&call));
    EXPECT_OK(call, "large");
    EXPECT_INT(call.status, 413);
    EXPECT_INT(pool_for(f.client, &f.origin)->idle_count, 0);
    call_release(&call);
    fixture_release(&f);
    upload = malloc(UPLOAD_SIZE);
}

static void takes_an_answer_before_the_body_is_sent(void)
{
    takes_an_early_answer(false);
    takes_an_early_answer(true);
}

static void notices_a_peer_that_stops_reading(void)
{
    struct call call;

    fixture_init(&f);
    f.deaf = true;
    start_upload(&call);
    upstream_cancel(&call.r);
    call_release(&call);
    call_init(&call, &f);
    call.r.body = slice_of(upload, UPLOAD_SIZE);
    call.r.timeouts = (struct upstream_timeouts){.idle = 30};
    call_run(&call);
    EXPECT_FAILURE(call, UPSTREAM_IDLE_TIMEOUT);
    EXPECT(call.r.sent);
    call_release(&call);
    fixture_release(&f);
}

static void die_within_upload(struct peer *peer)
{
    if (peer->index == 0 && peer->requests == 0) {
        peer->requests++;
        buf_clear(&peer->in);
        peer_send(peer, OK_ANSWER);
    } else if (peer->index == 0 && peer->in_total > 100000) {
        peer_close(peer, true);
    } else if (peer->index == 1 && peer->in_total > UPLOAD_SIZE && peer->requests++ == 0) {
        peer_send(peer, OK_ANSWER);
    }
}

static void repeats_an_upload_on_a_stale_connection(void)
{
    struct call call;

    fixture_init(&f);
    f.on_bytes = die_within_upload;
    call_once(&call, &f);
    call_release(&call);
    start_upload(&call);
    RUN_UNTIL(&f, call_over(&call));
    EXPECT_OK(call, "ok");
    EXPECT_INT(f.accepted, 2);
    call_release(&call);
    fixture_release(&f);
}

/* --- back-pressure --- */

static void pause_now(struct call *call, struct slice bytes)
{
    (void)bytes;
    upstream_pause(&call->r);
}

#define FLOOD_SIZE ((size_t)32 << 20)

static void make_flood(bool chunked)
{
    buf_init(&flood, FLOOD_SIZE * 2);
    if (!chunked) {
        buf_printf(&flood, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", FLOOD_SIZE);
    } else {
        buf_append_cstr(&flood, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    }
    for (size_t i = 0; i < FLOOD_SIZE / 1024; i++) {
        buf_append_cstr(&flood, chunked ? "400\r\n" : "");
        for (int k = 0; k < 64; k++) {
            buf_append_cstr(&flood, "0123456789abcdef");
        }
        buf_append_cstr(&flood, chunked ? "\r\n" : "");
    }
    buf_append_cstr(&flood, chunked ? "0\r\n\r\n" : "");
}

static void rests_while_paused(bool chunked)
{
    struct call call;
    int reads = 0;

    make_flood(chunked);
    fixture_init(&f);
    f.on_request = answer_flood;
    call_init(&call, &f);
    call.r.timeouts = (struct upstream_timeouts){.idle = 1000, .total = 15000};
    call.in_data = pause_now;
    call_send(&call);
    while (!call_over(&call)) {
        RUN_UNTIL(&f, call_over(&call) || call.datas > reads);
        EXPECT_INT(call.datas, reads + 1); /* one read, then silence */
        if (reads < 5) {
            int ticks = f.ticks;
            RUN_UNTIL(&f, f.ticks > ticks + 4);
        }
        EXPECT_INT(call.datas, reads + 1);
        EXPECT(call.body.len <= (size_t)(reads + 1) * NET_SCRATCH_SIZE);
        reads = call.datas;
        upstream_resume(&call.r);
        EXPECT_INT(call.datas, reads);
    }
    EXPECT_INT(call.ends, 1);
    EXPECT_INT(call.body.len, FLOOD_SIZE);
    call_release(&call);
    fixture_release(&f);
    buf_release(&flood);
}

static void bounds_memory_while_paused(void)
{
    rests_while_paused(false);
    rests_while_paused(true);
}

static void rests_the_idle_deadline_while_paused(void)
{
    struct call call;

    fixture_init(&f);
    f.on_request = answer_script;
    script = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe";
    call_init(&call, &f);
    call.r.timeouts = (struct upstream_timeouts){.idle = 20};
    call.in_data = pause_now;
    call_send(&call);
    RUN_UNTIL(&f, call.datas == 1);
    int ticks = f.ticks;
    RUN_UNTIL(&f, f.ticks > ticks + 12);
    EXPECT(!call_over(&call));
    upstream_resume(&call.r);
    RUN_UNTIL(&f, call_over(&call));
    EXPECT_FAILURE(call, UPSTREAM_IDLE_TIMEOUT);
    call_release(&call);

    call_init(&call, &f);
    call.r.timeouts = (struct upstream_timeouts){.idle = 10, .total = 40};
    call.in_data = pause_now;
    call_run(&call);
    EXPECT_FAILURE(call, UPSTREAM_TOTAL_TIMEOUT);
    call_release(&call);
    fixture_release(&f);
}

static void pauses_before_the_answer(void)
{
    struct call call;

    fixture_init(&f);
    f.on_request = answer_script;
    script = OK_ANSWER;
    call_init(&call, &f);
    call.r.timeouts = (struct upstream_timeouts){.connect = 1000, .first_byte = 20};
    call_send(&call);
    upstream_pause(&call.r);
    int ticks = f.ticks;
    RUN_UNTIL(&f, f.ticks > ticks + 12);
    EXPECT(!call_over(&call) && call.heads == 0);
    upstream_resume(&call.r);
    RUN_UNTIL(&f, call_over(&call));
    EXPECT_OK(call, "ok");
    call_release(&call);
    fixture_release(&f);
}

static void idle_things_are_small(void)
{
    struct call calls[8];

    EXPECT(sizeof(struct upstream_connection) <= 2048);
    fixture_init(&f);
    f.on_request = answer_script;
    script = "HTTP/1.1 200 OK\r\n\r\nstream";
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        call_init(&calls[i], &f);
        call_send(&calls[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        RUN_UNTIL(&f, calls[i].datas == 1);
    }
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        EXPECT(calls[i].r.connection->answer.head == NULL);
        EXPECT_INT(calls[i].r.connection->unsent.cap, 0);
        upstream_cancel(&calls[i].r);
        call_release(&calls[i]);
    }
    /* One object with a field table served all of them. */
    EXPECT_INT(f.client->heads.count, 1);
    fixture_release(&f);
}

static void holds_nothing_after_a_cut_head(void)
{
    struct call call;

    fixture_init(&f);
    f.on_request = hold_request;
    call_init(&call, &f);
    call_send(&call);
    RUN_UNTIL(&f, f.accepted == 1 && f.peers[0].requests == 1);
    peer_send(&f.peers[0], "HTTP/1.1 200 OK\r\nContent-");
    RUN_UNTIL(&f, call.r.connection->answered);
    EXPECT(call.r.connection->answer.head != NULL);
    upstream_cancel(&call.r);
    EXPECT_INT(f.client->heads.count, 1);
    call_release(&call);
    fixture_release(&f);
}

int main(void)
{
    upload = malloc(UPLOAD_SIZE);
    TEST(begins_when_it_is_sent, "begins when it is sent, not when the event did");
    TEST(takes_an_answer_cut_anywhere, "takes an answer that is cut anywhere");
    TEST(takes_an_answer_byte_by_byte, "takes an answer byte by byte");
    TEST(answers_a_head_request,
         "takes the answer to HEAD without a body and keeps the connection");
    TEST(ends_with_the_connection,
         "takes the orderly end of the connection for the end of an unbounded body");
    TEST(never_takes_an_early_end_for_success, "never takes an early end for success");
    TEST(refuses_what_is_malformed, "refuses what is malformed");
    TEST(finishes_before_the_connection_ends,
         "closes the connection of a malformed answer at once");
    TEST(reports_a_refused_connection, "reports a refused connection");
    TEST(survives_floods, "survives floods of heads, fields, interim answers and bodies");
    TEST(runs_out_of_time, "runs out of time in each phase with the right name");
    TEST(stops_a_drip_at_the_total_time, "stops a dripping answer at the total time");
    TEST(times_out_connecting, "times out while connecting");
    TEST(uploads_more_than_the_kernel_takes, "uploads more than the kernel takes at once");
    TEST(takes_an_answer_before_the_body_is_sent,
         "takes an answer that comes before the body is sent");
    TEST(notices_a_peer_that_stops_reading, "notices a peer that stops reading the request");
    TEST(repeats_an_upload_on_a_stale_connection, "repeats an upload that a stale connection cut");
    TEST(bounds_memory_while_paused, "reads nothing while paused, and loses nothing");
    TEST(rests_the_idle_deadline_while_paused,
         "rests the idle deadline while paused, but not the total one");
    TEST(pauses_before_the_answer, "can be paused before there is an answer");
    TEST(idle_things_are_small, "holds no buffers for a stream that waits");
    TEST(holds_nothing_after_a_cut_head, "gives back what a cut head held");
    free(upload);
    return tap_done();
}
