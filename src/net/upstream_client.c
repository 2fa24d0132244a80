/* SPDX-License-Identifier: Apache-2.0 */
#include "net/upstream_private.h"

#include "base/memory.h"

const struct upstream_timeouts upstream_default_timeouts = {
    .connect = 8 * 1000,
    .first_byte = 120 * 1000,
    .idle = 60 * 1000,
    .total = 600 * 1000,
};

const struct upstream_limits upstream_default_limits = {
    .idle_per_origin = 256,
    .idle_ms = 55 * 1000,
    .head_bytes = 64 * 1024,
};

const char *upstream_failure_name(enum upstream_failure failure)
{
    static const char *const names[UPSTREAM_FAILURES] = {
        [UPSTREAM_RESOLVE] = "resolve",
        [UPSTREAM_CONNECT] = "connect",
        [UPSTREAM_CONNECT_TIMEOUT] = "connect_timeout",
        [UPSTREAM_TLS] = "tls",
        [UPSTREAM_FIRST_BYTE_TIMEOUT] = "first_byte_timeout",
        [UPSTREAM_IDLE_TIMEOUT] = "idle_timeout",
        [UPSTREAM_TOTAL_TIMEOUT] = "total_timeout",
        [UPSTREAM_CLOSED] = "closed",
        [UPSTREAM_MALFORMED] = "malformed",
        [UPSTREAM_TOO_LARGE] = "too_large",
    };

    CHECK((unsigned)failure < UPSTREAM_FAILURES);
    return names[failure];
}

/* --- failures of upstream_send() itself --- */

void client_fail_later(struct upstream *client, struct upstream_request *r,
                       enum upstream_failure failure, const char *detail)
{
    r->connection = NULL;
    r->failing = client;
    r->failing_next = NULL;
    r->failing_kind = failure;
    r->failing_detail = detail;
    if (client->failing_last != NULL) {
        client->failing_last->failing_next = r;
    } else {
        client->failing_first = r;
    }
    client->failing_last = r;
    deadline_set(&client->failing_due, 0);
}

static void failing_remove(struct upstream *client, struct upstream_request *r)
{
    struct upstream_request *prev = NULL;

    for (struct upstream_request *at = client->failing_first; at != r; at = at->failing_next) {
        prev = at;
    }
    if (prev != NULL) {
        prev->failing_next = r->failing_next;
    } else {
        client->failing_first = r->failing_next;
    }
    if (client->failing_last == r) {
        client->failing_last = prev;
    }
    r->failing = NULL;
}

/* Only those that are there now: a callback that tries again at once gets its answer on a later
 * turn. */
static void on_failing_due(struct deadline *deadline)
{
    struct upstream *client = deadline->owner;
    struct upstream_request *last = client->failing_last;
    struct upstream_request *r = client->failing_first;

    while (r != NULL) {
        bool done = r == last;
        failing_remove(client, r);
        r->ops->on_fail(r, r->failing_kind, r->failing_detail);
        r = done ? NULL : client->failing_first;
    }
    if (client->failing_first != NULL) {
        deadline_set(&client->failing_due, 0);
    }
}

/* --- requests --- */

static void send_on(struct upstream_connection *c, struct upstream_request *r)
{
    c->request = r;
    r->connection = c;
    r->reused = true;
    r->connected_ns = r->started_ns;
    c->total_due_ms = r->timeouts.total == 0 ? 0 : uv_now(&c->client->loop->uv) + r->timeouts.total;
    transfer_start(c);
}

void upstream_send(struct upstream *client, struct upstream_request *r)
{
    r->sent = false;
    r->sent_whole = false;
    r->reused = false;
    r->connection = NULL;
    r->failing = NULL;
    net_loop_event(client->loop); /* what came before it may have taken long */
    r->started_ns = clock_monotonic(client->loop->clock);
    r->connected_ns = 0;
    r->first_byte_ns = 0;
    CHECK(!client->closing);
    if (!request_is_sendable(r)) {
        client_fail_later(client, r, UPSTREAM_MALFORMED, "the request line is not valid");
        return;
    }
    struct upstream_pool *pool = pool_for(client, r->origin);
    if (pool == NULL) {
        client_fail_later(client, r, UPSTREAM_CONNECT, "no memory for the connection");
        return;
    }
    struct upstream_connection *c = pool_take(pool);
    if (c != NULL) {
        send_on(c, r);
    } else if (!connection_open(client, pool, r)) {
        client_fail_later(client, r, UPSTREAM_CONNECT, "no memory for the connection");
    }
}

void upstream_cancel(struct upstream_request *r)
{
    if (r->connection != NULL) {
        connection_close(r->connection, true);
    } else if (r->failing != NULL) {
        failing_remove(r->failing, r);
    }
}

void upstream_pause(struct upstream_request *r)
{
    struct upstream_connection *c = r->connection;

    if (c == NULL || c->paused) {
        return;
    }
    c->paused = true;
    if (c->state == CONNECTION_ACTIVE && !c->handshaking) {
        stream_watch(&c->stream, false, c->sending);
        connection_expect(c, DUE_IDLE, 0);
    }
}

void upstream_resume(struct upstream_request *r)
{
    struct upstream_connection *c = r->connection;

    if (c == NULL || !c->paused) {
        return;
    }
    c->paused = false;
    if (c->state != CONNECTION_ACTIVE || c->handshaking) {
        return;
    }
    stream_watch(&c->stream, true, c->sending);
    if (transfer_has_more(c) || c->send_failed) {
        connection_soon(c, DUE_READ);
    } else if (c->sending) {
        connection_expect(c, DUE_SEND, r->timeouts.idle);
    } else if (c->answered) {
        connection_expect(c, DUE_IDLE, r->timeouts.idle);
    } else {
        connection_expect(c, DUE_FIRST_BYTE, r->timeouts.first_byte);
    }
}

/* --- the client --- */

struct upstream *upstream_new(struct net_loop *loop, const struct upstream_limits *limits,
                              struct error *error)
{
    struct upstream *client = memory_array(1, sizeof(*client));

    if (client != NULL) {
        client->resolver = resolver_new(loop);
    }
    if (client == NULL || client->resolver == NULL) {
        memory_free(client);
        (void)error_set(error, ERROR_ENVIRONMENT, "out_of_memory", "out of memory");
        return NULL;
    }
    client->loop = loop;
    client->limits = *limits;
    map_init(&client->pools);
    map_init(&client->tls_clients);
    buf_init(&client->head, REQUEST_HEAD_MAX);
    deadline_init(&client->failing_due, loop, on_failing_due, client);
    client->resolver_open = true;
    client->timer_open = true;
    return client;
}

void client_closed_one(struct upstream *client)
{
    if (client->closing && client->connections == 0 && !client->resolver_open &&
        !client->timer_open) {
        client->on_closed(client->user);
    }
}

static void on_resolver_closed(void *owner)
{
    struct upstream *client = owner;

    client->resolver_open = false;
    client_closed_one(client);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct upstream *client = CONTAINER_OF(handle, struct upstream, failing_due.timer);

    client->timer_open = false;
    client_closed_one(client);
}

void upstream_close(struct upstream *client, void (*on_closed)(void *user), void *user)
{
    CHECK(!client->closing && client->failing_first == NULL);
    client->closing = true;
    client->on_closed = on_closed;
    client->user = user;
    pools_close_idle(client);
    deadline_close(&client->failing_due, on_timer_closed);
    resolver_close(client->resolver, on_resolver_closed, client);
}

void upstream_free(struct upstream *client)
{
    if (client == NULL) {
        return;
    }
    CHECK(client->connections == 0);
    pools_release(client);
    resolver_free(client->resolver);
    answer_heads_release(&client->heads);
    buf_release(&client->head);
    memory_free(client);
}
