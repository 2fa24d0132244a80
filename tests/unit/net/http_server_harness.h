/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server on a socketpair with a handler that does what the path says, and a client in the same
 * thread. Waiting is for events only: the loop's backend and the client's socket, with a ceiling
 * that fails the test.
 */
#ifndef TESTS_UNIT_NET_HTTP_SERVER_HARNESS_H
#define TESTS_UNIT_NET_HTTP_SERVER_HARNESS_H

#include "net/http_server.h"
#include "tests/tap.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CEILING_MS 10000
#define RECEIVED_MAX ((size_t)4 * 1024 * 1024)
#define LOG_MAX 16384
#define PIECE ((size_t)64 * 1024)
#define DATE "Date: Fri, 01 Jan 2027 00:00:00 GMT\r\n"

struct harness {
    struct net_loop loop;
    struct clock_manual clock;
    struct http_server *server;
    int client;
    struct http_exchange *open; /* of /never, /later, /wait */
    uv_timer_t later;
    bool later_used;
    char *received; /* by the client */
    size_t received_len;
    bool closed;       /* the client saw the end */
    bool reset;        /* ... as a reset */
    char log[LOG_MAX]; /* what the handler saw */
    size_t big_left;   /* /big: still to be written */
    size_t big_written;
    bool big_blocked;
    int drains;
    int heads;
    int repeats; /* heads whose note was there already */
    int ends;
    bool drained;
    size_t accept_limit;
    bool may_fail; /* memory does */
};

static struct harness h;

static inline void log_add(const char *text)
{
    size_t len = strlen(h.log);

    snprintf(h.log + len, sizeof(h.log) - len, "%s", text);
}

/* --- the handler --- */

static const struct http_header harness_headers[] = {{SLICE_INIT("X-Test"), SLICE_INIT("1")}};

static inline void on_later(uv_timer_t *timer)
{
    struct http_exchange *x = timer->data;

    http_respond(x, 200, harness_headers, 1, SLICE("late"));
}

static inline void big_go_on(struct http_exchange *x)
{
    static char piece[PIECE];

    memset(piece, 'b', sizeof(piece));
    while (h.big_left > 0) {
        size_t len = h.big_left < PIECE ? h.big_left : PIECE;
        h.big_left -= len;
        h.big_written += len;
        if (!http_write(x, slice_of(piece, len))) {
            h.big_blocked = true;
            return;
        }
    }
    http_finish(x);
}

static inline void write_small(struct http_exchange *x, struct slice bytes)
{
    bool below = http_write(x, bytes);

    EXPECT(below || h.may_fail);
}

static inline void harness_answer(struct http_exchange *x, struct slice path, struct slice body)
{
    if (slice_eq(path, SLICE("/stream"))) {
        http_start(x, 200, harness_headers, 1, HTTP_CONTENT_LENGTH_UNKNOWN);
        EXPECT(http_started(x));
        write_small(x, SLICE("one"));
        write_small(x, SLICE("two, a longer piece"));
        http_finish(x);
    } else if (slice_eq(path, SLICE("/sized"))) {
        http_start(x, 201, NULL, 0, 5);
        write_small(x, SLICE("he"));
        write_small(x, SLICE("llo"));
        http_finish(x);
    } else if (slice_eq(path, SLICE("/short"))) {
        http_start(x, 200, NULL, 0, 5);
        write_small(x, SLICE("he"));
        http_finish(x);
    } else if (slice_eq(path, SLICE("/long"))) {
        http_start(x, 200, NULL, 0, 5);
        EXPECT(!http_write(x, SLICE("hello!")));
    } else if (slice_eq(path, SLICE("/empty"))) {
        http_respond(x, 204, NULL, 0, SLICE_EMPTY);
    } else if (slice_eq(path, SLICE("/begun"))) {
        http_start(x, 200, NULL, 0, HTTP_CONTENT_LENGTH_UNKNOWN);
        http_write(x, SLICE("begun"));
        h.open = x;
    } else if (slice_eq(path, SLICE("/abort"))) {
        http_start(x, 200, NULL, 0, HTTP_CONTENT_LENGTH_UNKNOWN);
        write_small(x, SLICE("part"));
        http_abort(x);
        EXPECT(!http_write(x, SLICE("more")));
    } else if (slice_eq(path, SLICE("/big"))) {
        http_start(x, 200, NULL, 0, HTTP_CONTENT_LENGTH_UNKNOWN);
        http_release_request(x);
        EXPECT_INT(http_exchange_request(x)->header_count, 0);
        EXPECT_INT(http_exchange_request(x)->path.len, 0);
        big_go_on(x);
    } else if (slice_eq(path, SLICE("/later"))) {
        h.later_used = true;
        h.later.data = x;
        uv_timer_start(&h.later, on_later, 1, 0);
    } else if (slice_eq(path, SLICE("/never"))) {
        h.open = x;
    } else {
        http_respond(x, 200, harness_headers, 1, body);
    }
}

static inline void harness_on_head(struct http_exchange *x)
{
    const struct http_request *r = http_exchange_request(x);
    char line[256];

    h.heads++;
    h.repeats += http_noted(r, 1) ? 1 : 0;
    http_note(r, 1);
    EXPECT(http_exchange_owner(x) == &h);
    EXPECT(http_exchange_loop(x) == &h.loop);
    snprintf(line, sizeof(line), "%.*s %.*s", SLICE_ARG(r->method_text), SLICE_ARG(r->path));
    log_add(line);
    if (slice_eq(r->path, SLICE("/early"))) {
        log_add(" ");
        http_respond(x, 401, NULL, 0, SLICE("no"));
    } else if (slice_eq(r->path, SLICE("/wait"))) {
        h.open = x;
    } else {
        http_accept_body(x, h.accept_limit);
    }
}

static inline void harness_on_body(struct http_exchange *x, struct slice body)
{
    struct slice path = http_exchange_request(x)->path;
    char line[256];

    snprintf(line, sizeof(line), " [%.*s] ", body.len > 100 ? 0 : (int)body.len,
             body.ptr == NULL ? "" : body.ptr);
    log_add(line);
    harness_answer(x, path, body);
}

static inline void harness_on_drain(struct http_exchange *x)
{
    h.drains++;
    big_go_on(x);
}

static inline void harness_on_end(struct http_exchange *x, const enum http_gone *gone)
{
    static const char *const names[] = {"closed", "stalled", "shutdown"};

    h.ends++;
    EXPECT(http_exchange_user(x) == NULL);
    if (h.open == x) {
        h.open = NULL;
    }
    if (h.later.data == x) {
        uv_timer_stop(&h.later);
        h.later.data = NULL;
    }
    log_add(gone == NULL ? "done\n" : names[*gone]);
    log_add(gone == NULL ? "" : "\n");
}

static const struct http_handler harness_handler = {
    .on_head = harness_on_head,
    .on_body = harness_on_body,
    .on_drain = harness_on_drain,
    .on_end = harness_on_end,
};

/* --- life --- */

static inline void harness_on_drained(void *owner)
{
    ((struct harness *)owner)->drained = true;
}

/* `limits` NULL: the defaults. */
static inline void harness_open(const struct http_limits *limits, SSL_CTX *tls)
{
    struct http_server_options options = {.limits = limits != NULL ? *limits : http_default_limits,
                                          .handler = &harness_handler,
                                          .owner = &h,
                                          .tls = tls};

    memset(&h, 0, sizeof(h));
    h.client = -1;
    h.accept_limit = SIZE_MAX;
    h.received = malloc(RECEIVED_MAX);
    clock_manual_init(&h.clock, 5 * NS_PER_S, 1798761600 * NS_PER_S);
    CHECK(net_loop_init(&h.loop, &h.clock.clock));
    uv_timer_init(&h.loop.uv, &h.later);
    h.server = http_server_new(&h.loop, &options);
    CHECK(h.server != NULL);
}

static inline void client_close(void)
{
    if (h.client >= 0) {
        close(h.client);
        h.client = -1;
    }
}

/* A new connection; what was received and logged is forgotten. */
static inline void client_connect(void)
{
    int pair[2];

    client_close();
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    h.client = pair[0];
    h.received_len = 0;
    h.closed = false;
    h.reset = false;
    h.log[0] = '\0';
    CHECK(http_server_adopt(h.server, pair[1]));
}

static inline int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Runs what is ready now, a few turns. */
static inline void spin(void)
{
    for (int i = 0; i < 4; i++) {
        uv_run(&h.loop.uv, UV_RUN_NOWAIT);
    }
}

static inline void client_receive(void)
{
    while (h.client >= 0 && !h.closed && h.received_len < RECEIVED_MAX) {
        ssize_t got = recv(h.client, h.received + h.received_len, RECEIVED_MAX - h.received_len,
                           MSG_DONTWAIT);
        if (got > 0) {
            h.received_len += (size_t)got;
        } else if (got < 0 && errno == EAGAIN) {
            return;
        } else {
            h.closed = true;
            h.reset = got < 0;
        }
    }
}

/* Runs the loop until `done()`; the client reads meanwhile if `reading`. */
static inline bool run_until_reading(bool (*done)(void), bool reading)
{
    int64_t end = now_ms() + CEILING_MS;

    for (;;) {
        uv_run(&h.loop.uv, UV_RUN_NOWAIT);
        if (reading) {
            client_receive();
        }
        if (done()) {
            return true;
        }
        if (now_ms() > end) {
            printf("# gave up waiting; received %.*s\n", (int)h.received_len, h.received);
            return false;
        }
        struct pollfd fds[2] = {{.fd = uv_backend_fd(&h.loop.uv), .events = POLLIN},
                                {.fd = reading && !h.closed ? h.client : -1, .events = POLLIN}};
        int timeout = uv_backend_timeout(&h.loop.uv);
        poll(fds, 2, timeout < 0 || timeout > 1000 ? 1000 : timeout);
    }
}

static inline bool run_until(bool (*done)(void))
{
    return run_until_reading(done, true);
}

static inline bool is_closed(void)
{
    return h.closed;
}

static inline bool is_drained(void)
{
    return h.drained;
}

static inline bool is_ended(void)
{
    return h.ends == h.heads;
}

static inline bool is_open(void)
{
    return h.open != NULL;
}

static inline bool has_no_connections(void)
{
    return http_server_connections(h.server) == 0;
}

static inline void client_send(struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t put = send(h.client, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0 && errno == EAGAIN) {
            spin();
            client_receive();
            continue;
        }
        if (put <= 0) {
            return; /* refused meanwhile */
        }
        bytes = slice_from(bytes, (size_t)put);
    }
}

static inline struct slice received(void)
{
    return slice_of(h.received, h.received_len);
}

static inline bool received_starts(const char *text)
{
    return slice_starts(received(), slice_from_cstr(text));
}

static inline bool received_has(const char *text)
{
    return slice_find_slice(received(), slice_from_cstr(text)) != SIZE_MAX;
}

/* Closes everything; every exchange must have ended once. */
static inline void harness_close(void)
{
    client_close();
    if (!h.drained) {
        http_server_drain(h.server, 0, harness_on_drained);
        EXPECT(run_until(is_drained));
    }
    EXPECT_INT(h.ends, h.heads);
    http_server_free(h.server);
    uv_close((uv_handle_t *)&h.later, NULL);
    uv_run(&h.loop.uv, UV_RUN_DEFAULT);
    net_loop_release(&h.loop);
    free(h.received);
}

#endif
