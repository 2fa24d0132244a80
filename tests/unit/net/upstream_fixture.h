/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scripted peer and a recorded request for the tests of the upstream client: everything on one
 * loop, sockets on loopback with port 0. The peer speaks raw bytes: it gathers what it reads, calls
 * the test's handler when a request is complete (head and Content-Length), and writes, closes or
 * resets as the test says. No sleeps: tests turn the loop until something is so, and a watchdog
 * ends a test that waits for ever.
 */
#ifndef TESTS_UNIT_NET_UPSTREAM_FIXTURE_H
#define TESTS_UNIT_NET_UPSTREAM_FIXTURE_H

#include "base/buf.h"
#include "net/stream.h"
#include "net/upstream_private.h"

#include "tests/tap.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIXTURE_PEERS_MAX 64
#define FIXTURE_TICK_MS 5
#define FIXTURE_WATCHDOG_MS 20000

struct fixture;

struct peer {
    struct stream stream;
    struct fixture *fixture;
    struct buf in;  /* of the request that is being read */
    struct buf out; /* not yet written */
    int index;      /* of the connection, from 0 */
    int requests;   /* complete ones */
    size_t in_total;
    bool drip;            /* one byte in a turn of the loop */
    bool close_after_out; /* in an orderly way */
    bool reset_after_out;
    bool deaf; /* reads nothing */
    bool eof;  /* the client closed */
    bool open;
};

struct fixture {
    struct net_loop loop;
    struct upstream *client;
    struct upstream_origin origin;
    uv_poll_t listener;
    uv_timer_t watchdog;
    uv_idle_t spin; /* keeps a dripping peer going */
    int ticks;
    int listen_fd;
    uint16_t port;
    struct peer peers[FIXTURE_PEERS_MAX];
    int accepted;
    SSL_CTX *tls;
    bool deaf; /* new peers read nothing */
    bool client_gone;
    void (*on_accept)(struct peer *peer);
    void (*on_bytes)(struct peer *peer); /* instead of on_request: whenever something was read */
    void (*on_request)(struct peer *peer, struct slice head, struct slice body);
};

struct call {
    struct upstream_request r;
    struct fixture *fixture;
    int heads, datas, ends, fails;
    int status;
    int64_t content_length;
    struct buf body;
    enum upstream_failure failure;
    char detail[256];
    /* what the test wants done inside a callback, or NULL */
    void (*in_head)(struct call *call);
    void (*in_data)(struct call *call, struct slice bytes);
    void (*in_end)(struct call *call);
    void (*in_fail)(struct call *call);
};

/* --- the peer --- */

static inline void peer_pump(struct peer *peer);

static void peer_close(struct peer *peer, bool reset)
{
    if (peer->open) {
        peer->open = false;
        stream_close(&peer->stream, reset, NULL);
    }
}

static void peer_spin(uv_idle_t *idle)
{
    struct fixture *f = idle->data;

    uv_idle_stop(idle);
    for (int i = 0; i < f->accepted; i++) {
        if (f->peers[i].open && f->peers[i].out.len > 0) {
            peer_pump(&f->peers[i]);
        }
    }
}

/* Writes what is queued; then closes if that was asked for. */
static inline void peer_pump(struct peer *peer)
{
    while (peer->open && peer->out.len > 0) {
        struct slice part = buf_slice(&peer->out);
        size_t len;
        part.len = peer->drip ? 1 : part.len;
        enum stream_status status = stream_write(&peer->stream, &part, 1, &len);
        if (status == STREAM_AGAIN) {
            stream_watch(&peer->stream, !peer->deaf, true);
            return;
        }
        if (status != STREAM_OK) {
            peer_close(peer, false);
            return;
        }
        buf_consume(&peer->out, len);
        if (peer->drip && peer->out.len > 0) {
            uv_idle_start(&peer->fixture->spin, peer_spin);
            return;
        }
    }
    if (peer->open) {
        stream_watch(&peer->stream, !peer->deaf, false);
        if (peer->reset_after_out || peer->close_after_out) {
            peer_close(peer, peer->reset_after_out);
        }
    }
}

UNUSED static void peer_send(struct peer *peer, const char *text)
{
    buf_append_cstr(&peer->out, text);
    peer_pump(peer);
}

/* -1: not complete. */
static size_t request_length(const struct buf *in, size_t *ret_head)
{
    size_t end = slice_find_slice(buf_slice(in), SLICE("\r\n\r\n"));
    uint64_t length = 0;

    if (end == SIZE_MAX) {
        return SIZE_MAX;
    }
    *ret_head = end + 4;
    struct slice head = slice_of(in->ptr, end + 2);
    size_t at = slice_find_slice(head, SLICE("Content-Length: "));
    if (at != SIZE_MAX) {
        struct slice rest = slice_from(head, at + 16);
        if (!slice_to_u64(slice_cut(&rest, '\r'), &length)) {
            return SIZE_MAX;
        }
    }
    return in->len - *ret_head >= length ? *ret_head + (size_t)length : SIZE_MAX;
}

static void peer_handle(struct peer *peer)
{
    size_t head = 0;
    size_t len;

    while (peer->open && (len = request_length(&peer->in, &head)) != SIZE_MAX) {
        peer->requests++;
        peer->fixture->on_request(peer, slice_of(peer->in.ptr, head),
                                  slice_of(peer->in.ptr + head, len - head));
        buf_consume(&peer->in, len);
    }
}

static void peer_ready(struct stream *stream, bool readable, bool writable)
{
    struct peer *peer = CONTAINER_OF(stream, struct peer, stream);
    static char bytes[65536];
    size_t len;

    (void)writable;
    if (readable && !peer->deaf) {
        enum stream_status status = stream_read(stream, bytes, sizeof(bytes), &len);
        if (status == STREAM_OK) {
            peer->in_total += len;
            buf_append(&peer->in, slice_of(bytes, len));
            if (peer->fixture->on_bytes != NULL) {
                peer->fixture->on_bytes(peer);
            } else if (peer->fixture->on_request != NULL) {
                peer_handle(peer);
            }
        } else if (status != STREAM_AGAIN) {
            peer->eof = true;
            peer_close(peer, false);
            return;
        }
    }
    if (peer->open) {
        peer_pump(peer);
    }
}

static void peer_accept(uv_poll_t *poll, int status, int events)
{
    struct fixture *f = poll->data;
    int fd = accept(f->listen_fd, NULL, NULL);
    int on = 1;

    (void)status;
    (void)events;
    if (fd < 0 || f->accepted == FIXTURE_PEERS_MAX) {
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct peer *peer = &f->peers[f->accepted];
    *peer = (struct peer){.fixture = f, .index = f->accepted++, .deaf = f->deaf, .open = true};
    buf_init(&peer->in, (size_t)64 << 20);
    buf_init(&peer->out, (size_t)256 << 20);
    CHECK(stream_init(&peer->stream, &f->loop, fd, peer_ready));
    if (f->tls != NULL) {
        SSL *ssl = SSL_new(f->tls);
        SSL_set_accept_state(ssl);
        stream_use_tls(&peer->stream, ssl);
    }
    stream_watch(&peer->stream, !peer->deaf, false);
    if (f->on_accept != NULL) {
        f->on_accept(peer);
    }
}

/* --- set-up --- */

/* Ticks, because uv_run() may wait for input after a timer has done what the test waits for. */
static void watchdog_tick(uv_timer_t *timer)
{
    struct fixture *f = timer->data;

    if (++f->ticks > FIXTURE_WATCHDOG_MS / FIXTURE_TICK_MS) {
        printf("Bail out! a test waits for ever\n");
        exit(1);
    }
}

/* Listens on `address`; 0 on failure (no IPv6 here). */
static int fixture_listen(const char *address, uint16_t *ret_port)
{
    bool v6 = strchr(address, ':') != NULL;
    union net_address at = {.v6 = {0}};
    socklen_t len = v6 ? sizeof(at.v6) : sizeof(at.v4);
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int on = 1;

    at.any.sa_family = v6 ? AF_INET6 : AF_INET;
    (void)inet_pton(at.any.sa_family, address,
                    v6 ? (void *)&at.v6.sin6_addr : (void *)&at.v4.sin_addr);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd < 0 || bind(fd, &at.any, len) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, &at.any, &len) != 0) {
        return -1;
    }
    *ret_port = ntohs(v6 ? at.v6.sin6_port : at.v4.sin_port);
    return fd;
}

static void origin_for(struct upstream_origin *origin, const char *text, const char *headers,
                       const char *ca_file, const char *proxy)
{
    struct error error = {0};
    struct url url;

    CHECK(url_parse(slice_from_cstr(text), &url, &error));
    CHECK(upstream_origin_init(origin, &url, slice_from_cstr(headers), slice_from_cstr(ca_file),
                               slice_from_cstr(proxy), &error));
}

UNUSED static void fixture_init_with(struct fixture *f, const char *address,
                                     const struct upstream_limits *limits)
{
    memset(f, 0, sizeof(*f));
    CHECK(net_loop_init(&f->loop, &clock_system));
    f->client = upstream_new(&f->loop, limits, NULL);
    CHECK(f->client != NULL);
    f->listen_fd = fixture_listen(address, &f->port);
    CHECK(f->listen_fd >= 0);
    CHECK(uv_poll_init(&f->loop.uv, &f->listener, f->listen_fd) == 0);
    f->listener.data = f;
    CHECK(uv_poll_start(&f->listener, UV_READABLE, peer_accept) == 0);
    uv_timer_init(&f->loop.uv, &f->watchdog);
    f->watchdog.data = f;
    uv_timer_start(&f->watchdog, watchdog_tick, FIXTURE_TICK_MS, FIXTURE_TICK_MS);
    uv_idle_init(&f->loop.uv, &f->spin);
    f->spin.data = f;
}

/* The origin is http://127.0.0.1:port with an Authorization field. */
UNUSED static void fixture_init(struct fixture *f)
{
    char text[64];

    fixture_init_with(f, "127.0.0.1", &upstream_default_limits);
    snprintf(text, sizeof(text), "http://127.0.0.1:%u", f->port);
    origin_for(&f->origin, text, "Authorization: Bearer secret\r\n", "", "");
}

static void fixture_client_closed(void *user)
{
    struct fixture *f = user;

    f->client_gone = true;
    upstream_free(f->client);
}

/* Everything that the client opened must be gone afterwards: the loop's release checks it. */
UNUSED static void fixture_release(struct fixture *f)
{
    upstream_close(f->client, fixture_client_closed, f);
    while (!f->client_gone) {
        uv_run(&f->loop.uv, UV_RUN_ONCE);
    }
    for (int i = 0; i < f->accepted; i++) {
        peer_close(&f->peers[i], false);
        buf_release(&f->peers[i].in);
        buf_release(&f->peers[i].out);
    }
    if (f->listen_fd >= 0) {
        uv_close((uv_handle_t *)&f->listener, NULL);
        close(f->listen_fd);
    }
    uv_close((uv_handle_t *)&f->watchdog, NULL);
    uv_close((uv_handle_t *)&f->spin, NULL);
    uv_run(&f->loop.uv, UV_RUN_DEFAULT);
    net_loop_release(&f->loop);
    upstream_origin_release(&f->origin);
    SSL_CTX_free(f->tls);
}

#define RUN_UNTIL(f, condition)                                                                    \
    do {                                                                                           \
        while (!(condition)) {                                                                     \
            uv_run(&(f)->loop.uv, UV_RUN_ONCE);                                                    \
        }                                                                                          \
    } while (0)

/* Some turns for things that should not happen to have their chance. */
UNUSED static void fixture_turn(struct fixture *f, int turns)
{
    while (turns-- > 0) {
        uv_run(&f->loop.uv, UV_RUN_NOWAIT);
    }
}

/* --- the recorded request --- */

static void call_head(struct upstream_request *r, const struct http_response *head)
{
    struct call *call = r->user;

    call->heads++;
    call->status = head->status;
    call->content_length = head->content_length;
    if (call->in_head != NULL) {
        call->in_head(call);
    }
}

static void call_data(struct upstream_request *r, struct slice bytes)
{
    struct call *call = r->user;

    call->datas++;
    buf_append(&call->body, bytes);
    if (call->in_data != NULL) {
        call->in_data(call, bytes);
    }
}

static void call_end(struct upstream_request *r)
{
    struct call *call = r->user;

    call->ends++;
    if (call->in_end != NULL) {
        call->in_end(call);
    }
}

static void call_fail(struct upstream_request *r, enum upstream_failure failure, const char *detail)
{
    struct call *call = r->user;

    call->fails++;
    call->failure = failure;
    snprintf(call->detail, sizeof(call->detail), "%s", detail);
    if (call->in_fail != NULL) {
        call->in_fail(call);
    }
}

static const struct upstream_ops call_ops = {
    .on_head = call_head,
    .on_data = call_data,
    .on_end = call_end,
    .on_fail = call_fail,
};

UNUSED static void call_init(struct call *call, struct fixture *f)
{
    memset(call, 0, sizeof(*call));
    buf_init(&call->body, (size_t)256 << 20);
    call->fixture = f;
    call->r.origin = &f->origin;
    call->r.method = SLICE("POST");
    call->r.path = SLICE("/v1/x?y=z");
    call->r.headers = SLICE("Content-Type: application/json\r\n");
    call->r.body = SLICE("{\"a\":1}");
    call->r.timeouts = upstream_default_timeouts;
    call->r.body_limit = (uint64_t)256 << 20;
    call->r.ops = &call_ops;
    call->r.user = call;
}

static bool call_over(const struct call *call)
{
    return call->ends + call->fails > 0;
}

/* Sends; nothing may be called back from inside. */
UNUSED static void call_send(struct call *call)
{
    upstream_send(call->fixture->client, &call->r);
    EXPECT_INT(call->heads + call->datas + call->ends + call->fails, 0);
}

UNUSED static void call_run(struct call *call)
{
    call_send(call);
    RUN_UNTIL(call->fixture, call_over(call));
}

/* A fresh request, sent and run to its end. */
UNUSED static void call_once(struct call *call, struct fixture *f)
{
    call_init(call, f);
    call_run(call);
}

/* Never a null pointer. */
UNUSED static struct slice call_body(const struct call *call)
{
    return call->body.ptr == NULL ? SLICE("") : buf_slice(&call->body);
}

UNUSED static void call_release(struct call *call)
{
    buf_release(&call->body);
}

#define EXPECT_OK(call, text)                                                                      \
    do {                                                                                           \
        EXPECT_INT((call).ends, 1);                                                                \
        EXPECT_INT((call).fails, 0);                                                               \
        EXPECT_SLICE(call_body(&(call)), text);                                                    \
        if ((call).fails != 0) {                                                                   \
            printf("# failed: %s (%s)\n", upstream_failure_name((call).failure), (call).detail);   \
        }                                                                                          \
    } while (0)

#define EXPECT_FAILURE(call, wanted)                                                               \
    do {                                                                                           \
        EXPECT_INT((call).ends, 0);                                                                \
        EXPECT_INT((call).fails, 1);                                                               \
        EXPECT_SLICE(slice_from_cstr(upstream_failure_name((call).failure)),                       \
                     upstream_failure_name(wanted));                                               \
        EXPECT((call).detail[0] != '\0');                                                          \
    } while (0)

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

UNUSED static void answer_ok(struct peer *peer, struct slice head, struct slice body)
{
    (void)head;
    (void)body;
    peer_send(peer, OK_ANSWER);
}

#endif
