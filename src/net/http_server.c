/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_server.h"

#include "base/memory.h"
#include "net/http_connection.h"

#include <unistd.h>

#define ANSWER_HEAD_MAX ((size_t)1024 * 1024)

const struct http_limits http_default_limits = {
    .head_bytes = (size_t)32 * 1024,
    .head_fields = 100,
    .target_bytes = (size_t)8 * 1024,
    .body_bytes = (size_t)32 * 1024 * 1024,
    .head_ms = 10 * 1000,
    .body_min_rate = 1024,
    .body_window_ms = 10 * 1000,
    .idle_ms = 75 * 1000,
    .write_stall_ms = 60 * 1000,
    .output_high = (size_t)1024 * 1024,
    .connections = 16384,
    .requests_per_connection = 10000,
};

/* --- turns --- */

static void turn_remove(struct http_connection *connection)
{
    struct http_server *server = connection->server;

    connection->in_turn = false;
    if (connection->turn_previous != NULL) {
        connection->turn_previous->turn_next = connection->turn_next;
    } else {
        server->turns = connection->turn_next;
    }
    if (connection->turn_next != NULL) {
        connection->turn_next->turn_previous = connection->turn_previous;
    }
    if (server->turns == NULL) {
        (void)uv_idle_stop(&server->turn_handle);
    }
}

static void on_turns(uv_idle_t *handle)
{
    struct http_server *server = handle->data;
    struct http_connection *last = server->turns;

    /* The list as it is now, oldest first; what is asked for meanwhile waits for the next turn. New
     * ones come in front. */
    while (last != NULL && last->turn_next != NULL) {
        last = last->turn_next;
    }
    struct http_connection *newest = server->turns;
    while (last != NULL) {
        struct http_connection *connection = last;
        last = connection == newest ? NULL : connection->turn_previous;
        turn_remove(connection);
        http_connection_on_turn(connection);
    }
}

void http_server_turn(struct http_connection *connection)
{
    struct http_server *server = connection->server;

    if (connection->in_turn || connection->closing) {
        return;
    }
    connection->in_turn = true;
    connection->turn_previous = NULL;
    connection->turn_next = server->turns;
    if (server->turns != NULL) {
        server->turns->turn_previous = connection;
    } else {
        (void)uv_idle_start(&server->turn_handle, on_turns);
    }
    server->turns = connection;
}

/* --- the server --- */

static void on_drain_due(struct deadline *deadline);

struct http_server *http_server_new(struct net_loop *loop,
                                    const struct http_server_options *options)
{
    struct http_server *server = memory_array(1, sizeof(*server));

    if (server == NULL) {
        return NULL;
    }
    CHECK(options->handler->on_head != NULL && options->handler->on_body != NULL &&
          options->handler->on_end != NULL);
    server->loop = loop;
    server->options = *options;
    buf_init(&server->head, ANSWER_HEAD_MAX);
    buf_init(&server->lines, ANSWER_HEAD_MAX);
    CHECK(uv_idle_init(&loop->uv, &server->turn_handle) == 0);
    server->turn_handle.data = server;
    deadline_init(&server->drain_deadline, loop, on_drain_due, server);
    server->handles = 2;
    server->reserve_fd = -1;
    http_server_reserve(server);
    return server;
}

bool http_server_adopt(struct http_server *server, int fd)
{
    return http_connection_new(server, fd, NULL);
}

size_t http_server_connections(const struct http_server *server)
{
    return server->count;
}

void http_server_set_tls(struct http_server *server, SSL_CTX *tls)
{
    CHECK((tls == NULL) == (server->options.tls == NULL));
    server->options.tls = tls;
}

void http_server_forget(struct http_connection *connection)
{
    struct http_server *server = connection->server;

    if (connection->in_turn) {
        turn_remove(connection);
    }
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        server->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    server->count--;
    http_server_give_block(server, &connection->exchange.block);
    memory_free(connection);
    http_server_check_drained(server);
}

/* --- the end --- */

void http_server_handle_closed(struct http_server *server)
{
    server->handles--;
    if (!server->ending) {
        http_server_check_drained(server);
    } else if (server->handles == 0 && server->on_drained != NULL) {
        server->on_drained(server->options.owner);
    }
}

static void on_turn_handle_closed(uv_handle_t *handle)
{
    http_server_handle_closed(handle->data);
}

static void on_drain_deadline_closed(uv_handle_t *handle)
{
    struct deadline *deadline = handle->data;

    http_server_handle_closed(deadline->owner);
}

void http_server_check_drained(struct http_server *server)
{
    if (!server->draining || server->ending) {
        return;
    }
    if (server->lingering > 0 && server->lingering == server->count) {
        /* They leave the list on a later turn, when their handles are closed. */
        for (struct http_connection *c = server->connections; c != NULL; c = c->next) {
            http_connection_leave_now(c);
        }
    }
    if (server->count > 0 || server->handles > 2) {
        return;
    }
    server->ending = true;
    uv_close((uv_handle_t *)&server->turn_handle, on_turn_handle_closed);
    deadline_close(&server->drain_deadline, on_drain_deadline_closed);
}

static void on_drain_due(struct deadline *deadline)
{
    struct http_server *server = deadline->owner;

    /* Connections leave the list on a later turn, when their handles are closed. */
    for (struct http_connection *c = server->connections; c != NULL; c = c->next) {
        if (!c->closing) {
            http_connection_lose(c, HTTP_GONE_SHUTDOWN);
        }
    }
}

void http_server_drain(struct http_server *server, uint64_t ms, void (*on_drained)(void *owner))
{
    server->on_drained = on_drained;
    if (server->ending) {
        return;
    }
    if (!server->draining) {
        server->draining = true;
        http_listeners_close(server);
    }
    for (struct http_connection *c = server->connections; c != NULL; c = c->next) {
        if (!c->closing && !c->busy && http_connection_idle(c)) {
            http_connection_lose(c, HTTP_GONE_SHUTDOWN);
        }
    }
    deadline_set(&server->drain_deadline, ms);
    http_server_check_drained(server);
}

/* --- blocks --- */

struct buf http_server_take_block(struct http_server *server, size_t limit)
{
    if (server->spare_count == 0 || server->spares[server->spare_count - 1].cap > limit) {
        return BUF_INIT(limit);
    }
    struct buf block = server->spares[--server->spare_count];
    block.limit = limit;
    return block;
}

void http_server_give_block(struct http_server *server, struct buf *block)
{
    if (block->ptr == NULL) {
        return;
    }
    if (block->cap > SPARE_BYTES_MAX || server->spare_count == SPARE_BLOCKS_MAX) {
        buf_release(block);
        return;
    }
    buf_clear(block);
    server->spares[server->spare_count++] = *block;
    *block = BUF_INIT(0);
}

void http_server_free(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    CHECK(server->ending && server->handles == 0 && server->count == 0);
    if (server->reserve_fd >= 0) {
        (void)close(server->reserve_fd);
    }
    buf_release(&server->head);
    buf_release(&server->lines);
    while (server->spare_count > 0) {
        buf_release(&server->spares[--server->spare_count]);
    }
    memory_free(server);
}
