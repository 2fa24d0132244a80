/* SPDX-License-Identifier: Apache-2.0 */
/* Times, counts, back-pressure, the end of the server: with short limits, waiting for the event. */
#include "tests/unit/net/http_server_harness.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>

#define CLOSE "Connection: close\r\n"
#define REQUEST(line) line " HTTP/1.1\r\nHost: t\r\n"
#define LONG_MS 60000

static struct http_limits short_limits(void)
{
    struct http_limits limits = http_default_limits;

    limits.head_ms = LONG_MS;
    limits.idle_ms = LONG_MS;
    limits.write_stall_ms = LONG_MS;
    return limits;
}

/* --- times --- */

static void closes_idle_connections(void)
{
    struct http_limits limits = short_limits();

    limits.idle_ms = 20;
    harness_open(&limits, NULL);
    client_connect();
    EXPECT(run_until(is_closed));
    EXPECT_INT(h.received_len, 0);
    client_connect();
    client_send(SLICE(REQUEST("GET /x") "\r\n"));
    EXPECT(run_until(is_closed));
    EXPECT(received_starts("HTTP/1.1 200 OK\r\n"));
    EXPECT(!received_has("408"));
    harness_close();
}

static void does_not_count_an_open_exchange_as_idle(void)
{
    struct http_limits limits = short_limits();

    limits.idle_ms = 10;
    limits.head_ms = 10;
    harness_open(&limits, NULL);
    client_connect();
    client_send(SLICE(REQUEST("GET /never") "\r\n"));
    EXPECT(run_until(is_open));
    int64_t begun = now_ms();
    while (now_ms() < begun + 50) { /* let the timers of an idle connection fire if they are set */
        struct pollfd fd = {.fd = uv_backend_fd(&h.loop.uv), .events = POLLIN};
        poll(&fd, 1, 10);
        uv_run(&h.loop.uv, UV_RUN_NOWAIT);
    }
    EXPECT(is_open());
    http_respond(h.open, 200, NULL, 0, SLICE_EMPTY);
    EXPECT(run_until(is_closed));
    EXPECT(received_starts("HTTP/1.1 200 OK\r\n"));
    harness_close();
}

static void times_slow_heads(void)
{
    struct http_limits limits = short_limits();

    limits.head_ms = 20;
    harness_open(&limits, NULL);
    client_connect();
    client_send(SLICE("GET / HTTP/1.1\r\nHos"));
    EXPECT(run_until(is_closed));
    EXPECT(received_starts("HTTP/1.1 408 Request Timeout\r\n"));
    EXPECT(received_has("\"code\":\"request_timeout\""));
    EXPECT_INT(h.heads, 0);
    /* Also behind an answered request. */
    client_connect();
    client_send(SLICE(REQUEST("GET /x") "\r\nG"));
    EXPECT(run_until(is_closed));
    EXPECT(received_has("HTTP/1.1 408 Request Timeout\r\n"));
    EXPECT_INT(h.ends, 1);
    /* To HEAD without a body. */
    client_connect();
    client_send(SLICE("HEAD / HTTP/1.1\r\nHos"));
    EXPECT(run_until(is_closed));
    EXPECT(received_starts("HTTP/1.1 408 Request Timeout\r\n"));
    EXPECT(slice_ends(received(), SLICE("\r\n\r\n")));
    /* An empty line behind a request is no head. */
    client_connect();
    client_send(SLICE(REQUEST("GET /x") "\r\n\r\n"));
    EXPECT(run_until(is_closed));
    EXPECT(!received_has("408"));
    harness_close();
}

static void times_slow_bodies(void)
{
    struct http_limits limits = short_limits();

    limits.body_min_rate = 64 * 1024 * 1024; /* so that the first 64 KB get a millisecond */
    limits.body_window_ms = 20;
    harness_open(&limits, NULL);
    client_connect();
    client_send(SLICE(REQUEST("POST /echo") "Content-Length: 5\r\n\r\nhell"));
    EXPECT(run_until(is_closed));
    EXPECT(received_starts("HTTP/1.1 408 Request Timeout\r\n"));
    EXPECT_SLICE(slice_from_cstr(h.log), "POST /echodone\n");
    /* A client that asked for 100 Continue and then sends nothing. */
    client_connect();
    client_send(SLICE(REQUEST("POST /echo") "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
    EXPECT(run_until(is_closed));
    EXPECT(received_has("100 Continue\r\n\r\nHTTP/1.1 408 Request Timeout\r\n"));
    client_connect();
    client_send(SLICE(REQUEST("POST /echo") "Transfer-Encoding: chunked\r\n\r\n5\r\nhe"));
    EXPECT(run_until(is_closed));
    EXPECT(received_starts("HTTP/1.1 408 Request Timeout\r\n"));
    harness_close();
}

/* The limit is not rounded up to whole windows. */
static void times_short_bodies_exactly(void)
{
    struct http_limits limits = short_limits();

    limits.body_min_rate = 64 * 1024; /* the first 64 KB get a second */
    limits.body_window_ms = 900;
    harness_open(&limits, NULL);
    client_connect();
    int64_t begun = now_ms();
    client_send(SLICE(REQUEST("POST /echo") "Content-Length: 5\r\n\r\nhell"));
    EXPECT(run_until(is_closed));
    int64_t ended = now_ms();
    EXPECT(received_starts("HTTP/1.1 408 Request Timeout\r\n"));
    EXPECT(ended - begun >= 990);
    EXPECT(ended - begun < 1800);
    harness_close();
}

static bool fifty_ms_over(void)
{
    static int64_t begun;

    if (begun == 0) {
        begun = now_ms();
    }
    return now_ms() > begun + 50;
}

static void gives_the_first_bytes_of_a_body_time(void)
{
    struct http_limits limits = short_limits();

    limits.body_min_rate = 1024; /* 64 s for the first 64 KB */
    limits.body_window_ms = 10;
    harness_open(&limits, NULL);
    client_connect();
    client_send(SLICE(REQUEST("POST /echo") CLOSE "Content-Length: 5\r\n\r\nhell"));
    EXPECT(run_until(fifty_ms_over));
    EXPECT(!h.closed);
    client_send(SLICE("o"));
    EXPECT(run_until(is_closed));
    EXPECT_SLICE(slice_from_cstr(h.log), "POST /echo [hello] done\n");
    /* After them each window counts. */
    client_connect();
    client_send(SLICE(REQUEST("POST /echo") "Content-Length: 80000\r\n\r\n"));
    static char part[70000];
    memset(part, 'x', sizeof(part));
    client_send(slice_of(part, sizeof(part)));
    EXPECT(run_until(is_closed));
    EXPECT(received_starts("HTTP/1.1 408 Request Timeout\r\n"));
    harness_close();
}

/* --- back-pressure --- */

static bool big_is_blocked(void)
{
    return h.big_blocked;
}

static void holds_back_when_the_client_does_not_read(void)
{
    struct http_limits limits = short_limits();

    limits.output_high = 256 * 1024;
    harness_open(&limits, NULL);
    h.big_left = (size_t)3 * 1024 * 1024;
    client_connect();
    client_send(SLICE(REQUEST("GET /big") CLOSE "\r\n"));
    EXPECT(run_until_reading(big_is_blocked, false));
    spin();
    /* The kernel took some, then at most output_high and one piece are ours. */
    size_t written = h.big_written;
    EXPECT(written < (size_t)2 * 1024 * 1024);
    EXPECT_INT(h.drains, 0);
    spin();
    EXPECT_INT(h.big_written, written);
    EXPECT(run_until(is_closed)); /* now it reads */
    EXPECT(h.drains > 0);
    EXPECT_INT(h.big_left, 0);
    EXPECT(h.received_len > (size_t)3 * 1024 * 1024);
    EXPECT(slice_ends(received(), SLICE("\r\n0\r\n\r\n")));
    EXPECT_SLICE(slice_from_cstr(h.log), "GET /big [] done\n");
    harness_close();
}

static void cuts_a_client_that_never_reads(void)
{
    struct http_limits limits = short_limits();

    limits.output_high = 64 * 1024;
    limits.write_stall_ms = 20;
    harness_open(&limits, NULL);
    h.big_left = (size_t)3 * 1024 * 1024;
    client_connect();
    client_send(SLICE(REQUEST("GET /big") CLOSE "\r\n"));
    EXPECT(run_until_reading(big_is_blocked, false));
    EXPECT(run_until_reading(is_ended, false));
    EXPECT_SLICE(slice_from_cstr(h.log), "GET /big [] stalled\n");
    EXPECT(run_until_reading(has_no_connections, false));
    harness_close();
}

static void finishes_an_answer_for_a_client_that_half_closed(void)
{
    struct http_limits limits = short_limits();

    limits.output_high = 8 * 1024 * 1024; /* so that the whole answer is queued at once */
    harness_open(&limits, NULL);
    h.big_left = (size_t)3 * 1024 * 1024;
    client_connect();
    client_send(SLICE(REQUEST("GET /big") "\r\n"));
    spin();
    EXPECT_INT(h.big_left, 0);
    shutdown(h.client, SHUT_WR);
    spin();
    EXPECT_INT(h.ends, 0);
    EXPECT(run_until(is_closed));
    EXPECT(slice_ends(received(), SLICE("\r\n0\r\n\r\n")));
    EXPECT_SLICE(slice_from_cstr(h.log), "GET /big [] done\n");
    harness_close();
}

/* --- counts --- */

static void limits_requests_of_a_connection(void)
{
    struct http_limits limits = short_limits();

    limits.requests_per_connection = 2;
    harness_open(&limits, NULL);
    client_connect();
    client_send(SLICE(REQUEST("GET /1") "\r\n" REQUEST("GET /2") "\r\n" REQUEST("GET /3") "\r\n"));
    EXPECT(run_until(is_closed));
    EXPECT_SLICE(slice_from_cstr(h.log), "GET /1 [] done\nGET /2 [] done\n");
    EXPECT(received_has("Content-Length: 0\r\n" CLOSE));
    harness_close();
}

static int tcp_connect(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

/* Another connection becomes the one that the harness reads. */
static void client_take(int fd)
{
    h.client = fd;
    h.received_len = 0;
    h.closed = false;
    h.reset = false;
    h.log[0] = '\0';
}

static bool has_one_connection(void)
{
    return http_server_connections(h.server) == 1;
}

static bool has_two_connections(void)
{
    return http_server_connections(h.server) == 2;
}

static void limits_connections(void)
{
    struct http_limits limits = short_limits();
    struct error error;
    uint16_t port = 0;

    limits.connections = 2;
    harness_open(&limits, NULL);
    EXPECT(http_server_listen(h.server, SLICE("127.0.0.1:0"), true, &port, &error));
    int first = tcp_connect(port);
    int second = tcp_connect(port);
    EXPECT(run_until(has_two_connections));
    client_take(tcp_connect(port));
    EXPECT(run_until(is_closed));
    EXPECT(received_starts("HTTP/1.1 503 Service Unavailable\r\n"));
    EXPECT(received_has("\"code\":\"too_many_connections\""));
    client_close();
    client_take(tcp_connect(port));
    client_send(SLICE("HEAD / HTTP/1.1\r\n"));
    EXPECT(run_until(is_closed));
    EXPECT(received_starts("HTTP/1.1 503 Service Unavailable\r\n"));
    EXPECT(slice_ends(received(), SLICE("\r\n\r\n")));
    client_close();
    close(first);
    EXPECT(run_until(has_one_connection));
    client_take(tcp_connect(port));
    client_send(SLICE(REQUEST("GET /x") CLOSE "\r\n"));
    EXPECT(run_until(is_closed));
    EXPECT(received_starts("HTTP/1.1 200 OK\r\n"));
    close(second);
    harness_close();
}

static int descriptor_highest(void)
{
    int fd = dup(0);

    close(fd);
    return fd;
}

static void survives_a_lack_of_descriptors(void)
{
    struct error error;
    struct rlimit before;
    uint16_t port = 0;

    harness_open(NULL, NULL);
    EXPECT(http_server_listen(h.server, SLICE("127.0.0.1:0"), false, &port, &error));
    int client = tcp_connect(port);
    client_take(tcp_connect(port));
    getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit scarce = before;
    scarce.rlim_cur = (rlim_t)descriptor_highest(); /* no further one */
    setrlimit(RLIMIT_NOFILE, &scarce);
    EXPECT(run_until(is_closed));
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT(received_starts("HTTP/1.1 503 Service Unavailable\r\n"));
    EXPECT_INT(http_server_connections(h.server), 0);
    client_close();
    close(client);
    /* It recovers. */
    client_take(tcp_connect(port));
    client_send(SLICE(REQUEST("GET /x") CLOSE "\r\n"));
    EXPECT(run_until(is_closed));
    EXPECT(received_starts("HTTP/1.1 200 OK\r\n"));
    harness_close();
}

/* --- listening --- */

static int listening_descriptor(void)
{
    int on = 0;
    socklen_t len = sizeof(on);

    for (int fd = 3; fd < descriptor_highest(); fd++) {
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on != 0) {
            return fd;
        }
    }
    return -1;
}

static int turns;

static bool three_hundred_ms_over(void)
{
    static int64_t begun;

    if (begun == 0) {
        begun = now_ms();
    }
    turns++;
    return now_ms() > begun + 300;
}

/* Of which the kernel would report the listener ready for ever. */
static void rests_when_accepting_fails(void)
{
    struct error error;
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    uint16_t port = 0;

    harness_open(NULL, NULL);
    EXPECT(http_server_listen(h.server, SLICE("127.0.0.1:0"), false, &port, &error));
    int fd = listening_descriptor();
    CHECK(fd >= 0 && shutdown(fd, SHUT_RD) == 0); /* accept() fails with EINVAL from here on */
    EXPECT(run_until(three_hundred_ms_over));
    EXPECT(turns < 30);
    CHECK(listen(fd, 8) == 0 && getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    client_take(tcp_connect(ntohs(address.sin_port)));
    client_send(SLICE(REQUEST("GET /x") CLOSE "\r\n"));
    EXPECT(run_until(is_closed));
    EXPECT(received_starts("HTTP/1.1 200 OK\r\n"));
    harness_close();
}

/* The descriptor in reserve went to somebody else: no 503, but also no spinning and no end. */
static void recovers_without_a_reserve(void)
{
    struct error error;
    struct rlimit before;
    uint16_t port = 0;

    harness_open(NULL, NULL);
    EXPECT(http_server_listen(h.server, SLICE("127.0.0.1:0"), false, &port, &error));
    client_take(tcp_connect(port));
    client_send(SLICE(REQUEST("GET /x") CLOSE "\r\n"));
    getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit scarce = before;
    scarce.rlim_cur = 3; /* below what is open: nothing can be taken again */
    setrlimit(RLIMIT_NOFILE, &scarce);
    spin();
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT(run_until(is_closed));
    EXPECT(received_starts("HTTP/1.1 200 OK\r\n"));
    client_close();
    /* And it has a reserve again. */
    client_take(tcp_connect(port));
    scarce.rlim_cur = (rlim_t)descriptor_highest();
    setrlimit(RLIMIT_NOFILE, &scarce);
    EXPECT(run_until(is_closed));
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT(received_starts("HTTP/1.1 503 Service Unavailable\r\n"));
    harness_close();
}

static void listens(void)
{
    static const char *const good[] = {"127.0.0.1:0", "localhost:0", "*:0", "[::1]:0"};
    static const char *const bad[] = {
        "",      "4141",      "127.0.0.1",      "127.0.0.1:",   "127.0.0.1:x", "127.0.0.1:65536",
        ":4141", "[::1:4141", "host.invalid:1", "[127.0.0.1:1", "[]:1",        "[:]:1"};
    struct error error;

    harness_open(NULL, NULL);
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        uint16_t port = 0;
        EXPECT(http_server_listen(h.server, slice_from_cstr(good[i]), true, &port, &error));
        EXPECT(port != 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        uint16_t port = 0;
        EXPECT(!http_server_listen(h.server, slice_from_cstr(bad[i]), true, &port, &error));
        EXPECT_SLICE(slice_from_cstr(error.code), "bad_listen_address");
    }
    harness_close();
}

static void shares_a_port_only_when_asked(void)
{
    struct error error;
    char address[32];
    uint16_t port = 0;

    harness_open(NULL, NULL);
    EXPECT(http_server_listen(h.server, SLICE("127.0.0.1:0"), true, &port, &error));
    snprintf(address, sizeof(address), "127.0.0.1:%u", port);
    EXPECT(http_server_listen(h.server, slice_from_cstr(address), true, &port, &error));
    EXPECT(!http_server_listen(h.server, slice_from_cstr(address), false, &port, &error));
    EXPECT_SLICE(slice_from_cstr(error.code), "listen_failed");
    harness_close();
}

static void tells_the_peer(void)
{
    struct error error;
    uint16_t port = 0;

    harness_open(NULL, NULL);
    EXPECT(http_server_listen(h.server, SLICE("*:0"), false, &port, &error));
    client_take(tcp_connect(port));
    client_send(SLICE(REQUEST("GET /never") "\r\n"));
    EXPECT(run_until(is_open));
    EXPECT_SLICE(http_exchange_peer(h.open), "127.0.0.1");
    http_respond(h.open, 200, NULL, 0, SLICE_EMPTY);
    harness_close();
}

/* --- the end --- */

static void drains(void)
{
    harness_open(NULL, NULL);
    client_connect();
    int idle = h.client;
    h.client = -1;
    client_connect();
    client_send(SLICE(REQUEST("GET /never") "\r\n"));
    EXPECT(run_until(is_open));
    http_server_drain(h.server, LONG_MS, harness_on_drained);
    EXPECT(run_until(has_one_connection));
    char byte;
    EXPECT_INT(recv(idle, &byte, 1, MSG_DONTWAIT), 0);
    close(idle);
    EXPECT(!h.drained);
    http_respond(h.open, 200, NULL, 0, SLICE("bye"));
    EXPECT(run_until(is_drained));
    client_receive();
    EXPECT(received_has(CLOSE));
    EXPECT(slice_ends(received(), SLICE("bye")));
    EXPECT_SLICE(slice_from_cstr(h.log), "GET /never [] done\n");
    harness_close();
}

static void closes_after_answers_begun_before_the_drain(void)
{
    harness_open(NULL, NULL);
    client_connect();
    client_send(SLICE(REQUEST("GET /begun") "\r\n"));
    EXPECT(run_until(is_open));
    http_server_drain(h.server, LONG_MS, harness_on_drained);
    spin();
    http_finish(h.open);
    EXPECT(run_until(is_closed));
    EXPECT(slice_ends(received(), SLICE("5\r\nbegun\r\n0\r\n\r\n")));
    EXPECT(run_until(is_drained));
    harness_close();
}

static void cuts_what_does_not_end_in_time(void)
{
    harness_open(NULL, NULL);
    client_connect();
    client_send(SLICE(REQUEST("GET /begun") "\r\n"));
    EXPECT(run_until(is_open));
    http_server_drain(h.server, LONG_MS, harness_on_drained);
    spin();
    http_server_drain(h.server, 10, harness_on_drained); /* the second signal */
    EXPECT(run_until(is_drained));
    client_receive();
    EXPECT(h.closed);
    EXPECT_SLICE(slice_from_cstr(h.log), "GET /begun [] shutdown\n");
    harness_close();
}

/* The client of a refused request may go on sending for seconds; a drain has no such time. */
static void does_not_wait_for_refused_connections(void)
{
    harness_open(NULL, NULL);
    client_connect();
    client_send(SLICE("BAD\n"));
    EXPECT(run_until(is_closed)); /* our side is, the client's is not */
    EXPECT(received_starts("HTTP/1.1 400 Bad Request\r\n"));
    EXPECT_INT(http_server_connections(h.server), 1);
    int64_t begun = now_ms();
    http_server_drain(h.server, LONG_MS, harness_on_drained);
    EXPECT(run_until(is_drained));
    EXPECT(now_ms() - begun < 2000);
    harness_close();
}

static void does_not_wait_for_what_is_refused_in_the_drain(void)
{
    harness_open(NULL, NULL);
    client_connect();
    client_send(SLICE(REQUEST("GET /never") "\r\n"));
    EXPECT(run_until(is_open));
    int answered = h.client;
    h.client = -1;
    client_connect();
    client_send(SLICE("POST /early"));
    spin();
    http_server_drain(h.server, LONG_MS, harness_on_drained);
    client_send(SLICE(" HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nha"));
    EXPECT(run_until(is_closed));
    EXPECT(received_starts("HTTP/1.1 401 Unauthorized\r\n"));
    EXPECT(!h.drained); /* for the other one it does wait */
    EXPECT_INT(http_server_connections(h.server), 2);
    int64_t begun = now_ms();
    http_respond(h.open, 200, NULL, 0, SLICE_EMPTY);
    EXPECT(run_until(is_drained));
    EXPECT(now_ms() - begun < 2000);
    close(answered);
    harness_close();
}

static void drains_with_listeners_only(void)
{
    struct error error;
    uint16_t port = 0;

    harness_open(NULL, NULL);
    EXPECT(http_server_listen(h.server, SLICE("127.0.0.1:0"), false, &port, &error));
    http_server_drain(h.server, LONG_MS, harness_on_drained);
    EXPECT(!h.drained); /* from the loop, not from inside the call */
    EXPECT(run_until(is_drained));
    harness_close();
}

/* --- memory --- */

#ifdef SLUICE_FAULTS
static bool conversation_is_over(void)
{
    return h.closed && is_ended();
}

/* One conversation in which the n-th allocation fails. False when it had fewer. */
static bool converse_with_failure(int64_t nth)
{
    static const struct slice text =
        SLICE_INIT(REQUEST("POST /echo") "Content-Length: 5\r\n\r\nhello" REQUEST(
            "POST /stream") "Transfer-Encoding: "
                            "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" REQUEST("GET /big") CLOSE
                   "\r\n");
    int pair[2];

    client_close();
    client_take(-1);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    client_take(pair[0]);
    h.big_left = (size_t)1024 * 1024;
    memory_fail_nth(nth);
    (void)!http_server_adopt(h.server, pair[1]); /* closes the descriptor if it fails */
    client_send(slice_of(text.ptr, 100));
    spin();
    client_send(slice_from(text, 100));
    EXPECT(run_until(conversation_is_over));
    bool happened = memory_fault_happened();
    memory_fail_nth(-1);
    client_close();
    EXPECT(run_until(has_no_connections));
    return happened;
}

static void survives_failed_allocations(void)
{
    int64_t nth = 0;

    harness_open(NULL, NULL);
    h.may_fail = true;
    while (converse_with_failure(nth)) {
        nth++;
    }
    EXPECT(nth > 5);
    EXPECT(slice_ends(received(), SLICE("0\r\n\r\n")));
    harness_close();
}
#endif

int main(void)
{
    TEST(closes_idle_connections, "closes idle connections without a word");
    TEST(does_not_count_an_open_exchange_as_idle, "an open exchange is not idle");
    TEST(times_slow_heads, "times slow heads");
    TEST(times_slow_bodies, "times slow bodies, also after 100 Continue");
    TEST(times_short_bodies_exactly, "times a body under 64 KB without rounding up");
    TEST(gives_the_first_bytes_of_a_body_time, "gives the first 64 KB of a body time");
    TEST(holds_back_when_the_client_does_not_read, "bounds what a slow reader costs, then drains");
    TEST(cuts_a_client_that_never_reads, "cuts a client that never reads");
    TEST(finishes_an_answer_for_a_client_that_half_closed,
         "finishes a complete answer for a client that half-closed");
    TEST(limits_requests_of_a_connection, "limits the requests of a connection");
    TEST(limits_connections, "answers 503 beyond the limit of connections");
    TEST(survives_a_lack_of_descriptors, "answers 503 when descriptors run out, and recovers");
    TEST(recovers_without_a_reserve, "waits for descriptors when there is not even a reserve");
    TEST(rests_when_accepting_fails, "does not spin when accepting fails, and recovers");
    TEST(listens, "listens on addresses, refuses what is none");
    TEST(shares_a_port_only_when_asked, "shares a port only when asked to");
    TEST(tells_the_peer, "tells the peer's address, IPv4 as such");
    TEST(drains, "a drain closes idle connections and lets exchanges finish");
    TEST(closes_after_answers_begun_before_the_drain, "closes after an answer begun before");
    TEST(cuts_what_does_not_end_in_time, "a shorter drain cuts what is left");
    TEST(does_not_wait_for_refused_connections, "a drain does not wait for refused connections");
    TEST(does_not_wait_for_what_is_refused_in_the_drain, "nor for those refused meanwhile");
    TEST(drains_with_listeners_only, "drains with nothing but listeners");
#ifdef SLUICE_FAULTS
    TEST(survives_failed_allocations, "survives each allocation failing in its turn");
#endif
    return tap_done();
}
