/* SPDX-License-Identifier: Apache-2.0 */
#include "net/upstream_private.h"

#include "base/memory.h"

#include <stdio.h>
#include <unistd.h>

/* --- the end of a connection --- */

static void connection_unref(struct upstream_connection *c)
{
    struct upstream *client = c->client;

    if (--c->handles > 0) {
        return;
    }
    c->pool->connections--;
    buf_release(&c->unsent);
    memory_free(c);
    client->connections--;
    client_closed_one(client);
}

static void on_stream_closed(struct stream *stream)
{
    connection_unref(CONTAINER_OF(stream, struct upstream_connection, stream));
}

static void on_deadline_closed(uv_handle_t *handle)
{
    connection_unref(CONTAINER_OF(handle, struct upstream_connection, deadline.timer));
}

void connection_close(struct upstream_connection *c, bool reset)
{
    if (c->state == CONNECTION_IDLE) {
        pool_drop(c->pool, c);
    }
    if (c->dial != NULL) {
        dial_cancel(c->dial);
        c->dial = NULL;
    }
    resolver_forget(&c->wait);
    answer_release(&c->answer);
    if (c->request != NULL) {
        c->request->connection = NULL;
        c->request = NULL;
    }
    c->state = CONNECTION_CLOSING;
    if (c->has_stream) {
        stream_close(&c->stream, reset, on_stream_closed);
    }
    deadline_close(&c->deadline, on_deadline_closed);
}

void connection_fail(struct upstream_connection *c, enum upstream_failure failure,
                     const char *detail)
{
    struct upstream_request *r = c->request;

    connection_close(c, true);
    r->ops->on_fail(r, failure, detail);
}

void connection_fail_tls(struct upstream_connection *c)
{
    char detail[256];

    tls_client_explain(c->stream.ssl, detail, sizeof(detail));
    tls_sessions_clear(&c->pool->sessions);
    connection_fail(c, UPSTREAM_TLS, detail);
}

/* --- deadlines --- */

void connection_expect(struct upstream_connection *c, enum connection_due due, uint64_t ms)
{
    bool none = ms == 0;

    if (c->total_due_ms != 0) {
        uint64_t now = uv_now(&c->client->loop->uv);
        uint64_t left = c->total_due_ms > now ? c->total_due_ms - now : 0;
        if (none || left < ms) {
            due = DUE_TOTAL;
            ms = left;
            none = false;
        }
    }
    c->due = due;
    if (none) {
        deadline_clear(&c->deadline);
    } else {
        deadline_set(&c->deadline, ms);
    }
}

void connection_soon(struct upstream_connection *c, enum connection_due due)
{
    c->due = due;
    deadline_set(&c->deadline, 0);
}

static void on_due(struct deadline *deadline)
{
    struct upstream_connection *c = deadline->owner;

    switch (c->due) {
    case DUE_CONNECT:
        connection_fail(c, UPSTREAM_CONNECT_TIMEOUT,
                        c->state == CONNECTION_RESOLVING  ? "timed out while resolving the name"
                        : c->state == CONNECTION_DIALLING ? "timed out while connecting"
                        : c->state == CONNECTION_TUNNEL   ? "timed out while the proxy connected"
                                                          : "timed out within the TLS handshake");
        return;
    case DUE_SEND:
        connection_fail(c, UPSTREAM_IDLE_TIMEOUT, "the peer stopped reading the request");
        return;
    case DUE_FIRST_BYTE:
        connection_fail(c, UPSTREAM_FIRST_BYTE_TIMEOUT, "no byte of an answer in time");
        return;
    case DUE_IDLE:
        connection_fail(c, UPSTREAM_IDLE_TIMEOUT, "the answer stopped");
        return;
    case DUE_TOTAL:
        connection_fail(c, UPSTREAM_TOTAL_TIMEOUT, "the answer took too long");
        return;
    case DUE_REAP:
        connection_close(c, false);
        return;
    case DUE_READ:
        transfer_resume(c);
        return;
    case DUE_NO_MEMORY:
        connection_fail(c, UPSTREAM_TOO_LARGE,
                        "the request's head is too large, or memory is short");
        return;
    }
}

/* --- from nothing to an open connection --- */

/* In the pool only an end can be news: the peer closed, or talks out of turn; TLS may have a ticket
 * for us. */
static void idle_ready(struct upstream_connection *c)
{
    struct net_loop *loop = c->client->loop;
    size_t len;

    if (stream_read(&c->stream, loop->scratch, NET_SCRATCH_SIZE, &len) != STREAM_AGAIN) {
        connection_close(c, false);
    }
}

static void on_ready(struct stream *stream, bool readable, bool writable)
{
    struct upstream_connection *c = CONTAINER_OF(stream, struct upstream_connection, stream);

    switch (c->state) {
    case CONNECTION_ACTIVE:
        transfer_ready(c, readable, writable);
        break;
    case CONNECTION_IDLE:
        idle_ready(c);
        break;
    case CONNECTION_TUNNEL:
        tunnel_ready(c, readable, writable);
        break;
    default:
        return;
    }
    /* After a reset libuv stops the poll, yet there may be bytes before the end that were not read
     * in this turn. */
    if (c->state != CONNECTION_CLOSING) {
        stream_watch(stream, stream->want_read, stream->want_write);
    }
}

/* The owner of the request is told the truth about who refused. */
static void fail_to_connect(struct upstream_connection *c, int error)
{
    const struct upstream_origin *origin = c->request->origin;
    char detail[256];

    snprintf(detail, sizeof(detail), "%s%s", origin->proxy_host != NULL ? "proxy: " : "",
             uv_strerror(-error));
    connection_fail(c, UPSTREAM_CONNECT, detail);
}

static void on_dialled(void *owner, int fd, int error)
{
    struct upstream_connection *c = owner;
    const struct upstream_origin *origin = c->request->origin;

    c->dial = NULL;
    if (fd < 0) {
        fail_to_connect(c, error);
        return;
    }
    if (!stream_init(&c->stream, c->client->loop, fd, on_ready)) {
        (void)close(fd);
        connection_fail(c, UPSTREAM_CONNECT, "no memory for the connection");
        return;
    }
    c->has_stream = true;
    c->handles++;
    if (origin->https && origin->proxy_host != NULL) {
        tunnel_start(c);
    } else {
        connection_established(c);
    }
}

void connection_established(struct upstream_connection *c)
{
    struct upstream_request *r = c->request;
    struct error error = {0};

    c->state = CONNECTION_ACTIVE;
    if (r->origin->https) {
        SSL *ssl = pool_tls(c->client, c->pool, r->origin, &error);
        if (ssl == NULL) {
            connection_fail(c, UPSTREAM_TLS, error.text);
            return;
        }
        stream_use_tls(&c->stream, ssl);
        c->handshaking = true;
    } else {
        r->connected_ns = clock_monotonic(c->client->loop->clock);
    }
    transfer_start(c);
}

/* False: out of memory. */
static bool start_dial(struct upstream_connection *c, const union net_address *addresses,
                       size_t count)
{
    const struct upstream_origin *origin = c->request->origin;
    uint16_t port = origin->proxy_host != NULL ? origin->proxy_port : origin->port;

    c->state = CONNECTION_DIALLING;
    c->dial = dial_start(c->client->loop, addresses, count, port, on_dialled, c);
    return c->dial != NULL;
}

static void on_resolved(struct resolver_wait *wait, const union net_address *addresses,
                        size_t count, const char *detail)
{
    struct upstream_connection *c = wait->owner;

    if (count == 0) {
        connection_fail(c, UPSTREAM_RESOLVE, detail);
    } else if (!start_dial(c, addresses, count)) {
        connection_fail(c, UPSTREAM_CONNECT, "no memory for the connection");
    }
}

static struct upstream_connection *connection_new(struct upstream *client,
                                                  struct upstream_pool *pool)
{
    struct upstream_connection *c = memory_array(1, sizeof(*c));

    if (c == NULL) {
        return NULL;
    }
    c->client = client;
    c->pool = pool;
    c->handles = 1;
    buf_init(&c->unsent, REQUEST_HEAD_MAX);
    deadline_init(&c->deadline, client->loop, on_due, c);
    c->wait = (struct resolver_wait){.on_done = on_resolved, .owner = c};
    pool->connections++;
    client->connections++;
    return c;
}

static uint64_t total_due(const struct upstream *client, const struct upstream_request *r)
{
    if (r->timeouts.total == 0) {
        return 0;
    }
    int64_t spent_ms = (clock_monotonic(client->loop->clock) - r->started_ns) / NS_PER_MS;
    uint64_t spent = spent_ms > 0 ? (uint64_t)spent_ms : 0;
    return uv_now(&client->loop->uv) + (spent < r->timeouts.total ? r->timeouts.total - spent : 1);
}

bool connection_open(struct upstream *client, struct upstream_pool *pool,
                     struct upstream_request *r)
{
    const char *host = r->origin->proxy_host != NULL ? r->origin->proxy_host : r->origin->host;
    struct upstream_connection *c = connection_new(client, pool);
    const union net_address *addresses = NULL;
    size_t count = 0;

    if (c == NULL) {
        return false;
    }
    c->request = r;
    r->connection = c;
    c->total_due_ms = total_due(client, r);
    connection_expect(c, DUE_CONNECT, r->timeouts.connect);
    switch (resolver_lookup(client->resolver, host, &c->wait, &addresses, &count)) {
    case RESOLVER_WAITING:
        return true;
    case RESOLVER_READY:
        if (start_dial(c, addresses, count)) {
            return true;
        }
        connection_close(c, false);
        return false;
    default:
        connection_close(c, false);
        client_fail_later(client, r, UPSTREAM_RESOLVE, "the name cannot be resolved");
        return true;
    }
}
