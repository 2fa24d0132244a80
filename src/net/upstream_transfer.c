/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its answer on an open connection. The straight case costs one write and one read:
 * head and body leave in one write, the answer is parsed where the read put it, reads stay
 * watched, deadlines only move.
 *
 * Memory: a short body is copied behind its head, for the time of the call, a long one never; what
 * the kernel did not take of the head is kept, and of an answer only a head in pieces.
 */
#include "net/upstream_private.h"

#include <openssl/err.h>

#define WRITE_ROUND_MAX                                                                            \
    (1024 * 1024) /* bytes in one turn of the loop, so that one upload does not starve the rest */

#define TOGETHER_MAX ((size_t)4096) /* bytes of a body that are cheaper copied than gathered */

/* --- sending --- */

/* The write side is dead. An answer may have come before (413 and close), so reading decides. */
static void send_broken(struct upstream_connection *c)
{
    c->sending = false;
    c->send_failed = true;
    stream_watch(&c->stream, !c->paused, false);
    connection_soon(c, DUE_READ);
}

static void send_done(struct upstream_connection *c)
{
    c->sending = false;
    c->request->sent_whole = true;
    stream_watch(&c->stream, !c->paused, false);
    connection_expect(c, DUE_FIRST_BYTE, c->paused ? 0 : c->request->timeouts.first_byte);
}

/* While TLS comes up only the write side drives it, and the connect deadline stays. */
static void send_wait(struct upstream_connection *c, bool progress)
{
    stream_watch(&c->stream, !c->handshaking && !c->paused, true);
    if (progress && !c->handshaking) {
        connection_expect(c, DUE_SEND, c->request->timeouts.idle);
    }
}

/* Bytes left: what the kernel took counts first for the head, then for the body. */
static struct slice send_advance(struct upstream_connection *c, struct slice head, size_t len)
{
    struct upstream_request *r = c->request;
    size_t of_head = len < head.len ? len : head.len;

    r->sent = true;
    c->body_sent += len - of_head;
    if (c->handshaking) {
        c->handshaking = false;
        r->connected_ns = clock_monotonic(c->client->loop->clock);
    }
    return slice_from(head, of_head);
}

/* Writes `head` and what is left of the body. *ret_head: what is left of the head. */
static enum stream_status send_parts(struct upstream_connection *c, struct slice *head,
                                     bool *ret_progress)
{
    struct upstream_request *r = c->request;
    size_t round = 0;

    *ret_progress = false;
    while (head->len > 0 || c->body_sent < r->body.len) {
        struct slice parts[2] = {*head, slice_from(r->body, c->body_sent)};
        size_t first = head->len > 0 ? 0 : 1;
        size_t count = (first == 0 ? 1 : 0) + (c->body_sent < r->body.len ? 1 : 0);
        size_t len;
        if (round >= WRITE_ROUND_MAX) {
            return STREAM_AGAIN;
        }
        enum stream_status status = stream_write(&c->stream, &parts[first], count, &len);
        if (status != STREAM_OK) {
            return status;
        }
        round += len;
        *head = send_advance(c, *head, len);
        *ret_progress = true;
    }
    return STREAM_OK;
}

/* May call back only when TLS fails to come up. */
static enum stream_status send_some(struct upstream_connection *c, struct slice *head)
{
    bool progress;
    enum stream_status status = send_parts(c, head, &progress);

    switch (status) {
    case STREAM_OK:
        send_done(c);
        break;
    case STREAM_AGAIN:
        send_wait(c, progress);
        break;
    default:
        if (c->handshaking) {
            connection_fail_tls(c);
        } else {
            send_broken(c);
        }
        break;
    }
    return status;
}

static void send_more(struct upstream_connection *c)
{
    struct slice rest = slice_from(buf_slice(&c->unsent), c->unsent_at);

    if (send_some(c, &rest) == STREAM_AGAIN) {
        c->unsent_at = c->unsent.len - rest.len;
    }
}

void transfer_start(struct upstream_connection *c)
{
    struct upstream *client = c->client;
    struct upstream_request *r = c->request;
    const struct answer_expect expect = {
        .no_body = request_has_no_body(r),
        .head_limit = client->limits.head_bytes,
        .body_limit = r->body_limit,
    };

    answer_begin(&c->answer, &client->heads, &expect);
    c->state = CONNECTION_ACTIVE;
    c->sending = true;
    c->send_failed = false;
    c->answered = false;
    c->body_sent = 0;
    c->unsent_at = 0;
    buf_clear(&c->unsent);
    if (!request_render(&client->head, r)) {
        connection_soon(c, DUE_NO_MEMORY);
        return;
    }
    if (r->body.len > 0 && r->body.len <= TOGETHER_MAX &&
        r->body.len <= REQUEST_HEAD_MAX - client->head.len && buf_append(&client->head, r->body)) {
        c->body_sent = r->body.len; /* as part of the head */
    }
    struct slice head = buf_slice(&client->head);
    if (send_some(c, &head) == STREAM_AGAIN && !buf_append(&c->unsent, head)) {
        connection_soon(c, DUE_NO_MEMORY);
    }
}

/* --- the answer --- */

bool transfer_has_more(const struct upstream_connection *c)
{
    return c->stream.ssl != NULL && SSL_has_pending(c->stream.ssl) != 0;
}

/* Nothing must be left of this answer, nor anything behind it, on a connection that goes back to
 * the pool. */
static bool is_reusable(struct upstream_connection *c, const struct answer_input *rest)
{
    struct net_loop *loop = c->client->loop;
    size_t len;

    if (!c->answer.keep_alive || rest->len > 0 || c->sending || c->send_failed ||
        c->client->closing) {
        return false;
    }
    /* A ticket may lie behind the answer, or the beginning of one; what it decrypts to must be
     * nothing. */
    return !transfer_has_more(c) ||
           stream_read(&c->stream, loop->scratch, NET_SCRATCH_SIZE, &len) == STREAM_AGAIN;
}

static void answer_done(struct upstream_connection *c, const struct answer_input *rest)
{
    struct upstream_request *r = c->request;
    bool reusable = is_reusable(c, rest);

    answer_release(&c->answer);
    c->request = NULL;
    r->connection = NULL;
    if (reusable && pool_put(c->pool, c)) {
        c->state = CONNECTION_IDLE;
        c->total_due_ms = 0;
        c->paused = false;
        buf_clear(&c->unsent);
        buf_trim(&c->unsent, 0);
        stream_watch(&c->stream, true, false);
        uint64_t idle_ms = c->client->limits.idle_ms;
        connection_expect(c, DUE_REAP, c->answer.idle_ms < idle_ms ? c->answer.idle_ms : idle_ms);
    } else {
        connection_close(c, false);
    }
    r->ops->on_end(r);
}

/* From here on the body may be gone: what is unsent stays so, and the connection ends with the
 * answer. */
static void head_arrived(struct upstream_connection *c)
{
    if (c->sending) {
        c->sending = false;
        c->send_failed = true;
        stream_watch(&c->stream, !c->paused, false);
    }
}

static void answer_waits(struct upstream_connection *c)
{
    if (c->sending) {
        return; /* an interim answer at most: the deadline of sending stays */
    }
    connection_expect(c, DUE_IDLE, c->paused ? 0 : c->request->timeouts.idle);
}

/* Hands on what was read. False: the transfer is over or was cancelled. */
static bool deliver(struct upstream_connection *c, char *bytes, size_t len)
{
    struct upstream_request *r = c->request;
    struct answer_input input = {bytes, len};
    struct slice data;

    for (;;) {
        switch (answer_next(&c->answer, &input, &data)) {
        case ANSWER_MORE:
            answer_waits(c);
            return true;
        case ANSWER_HEAD:
            head_arrived(c);
            r->ops->on_head(r, &c->answer.response);
            break;
        case ANSWER_DATA:
            r->ops->on_data(r, data);
            break;
        case ANSWER_END:
            answer_done(c, &input);
            return false;
        case ANSWER_FAILED:
            connection_fail(c, c->answer.failure, c->answer.detail);
            return false;
        }
        if (c->request != r) {
            return false; /* cancelled by the callback */
        }
    }
}

/* --- the connection ended --- */

/* The peer closed a pooled connection before it saw the request, or so we may assume (RFC
   9110 9.2.2, RFC 9112 9.3.1): not a byte of an answer came. The same request goes out once more,
   on a fresh connection. */
static void replace_stale(struct upstream_connection *c)
{
    struct upstream *client = c->client;
    struct upstream_pool *pool = c->pool;
    struct upstream_request *r = c->request;
    bool paused = c->paused;

    connection_close(c, true);
    r->reused = false;
    if (!connection_open(client, pool, r)) {
        client_fail_later(client, r, UPSTREAM_CONNECT, "no memory for the connection");
    } else if (r->connection != NULL) {
        r->connection->paused = paused;
    }
}

/* TLS 1.3 servers refuse a client after the handshake is over for the client. */
static bool is_tls_refusal(const struct upstream_connection *c, enum stream_status status)
{
    return status == STREAM_ERROR && !c->answered && c->stream.ssl != NULL &&
           ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL;
}

static bool is_orderly(const struct upstream_connection *c, enum stream_status status)
{
    return status == STREAM_EOF && (c->stream.ssl == NULL ||
                                    (SSL_get_shutdown(c->stream.ssl) & SSL_RECEIVED_SHUTDOWN) != 0);
}

static void ended(struct upstream_connection *c, enum stream_status status)
{
    const struct answer_input nothing = {NULL, 0};

    if (c->request->reused && !c->answered) {
        c->request->sent_whole = false; /* nobody has read it */
        if (c->request->once) {
            connection_fail(c, UPSTREAM_CLOSED, "a pooled connection was closed");
        } else {
            replace_stale(c);
        }
    } else if (is_tls_refusal(c, status)) {
        c->request->sent_whole = false;
        connection_fail_tls(c);
    } else if (answer_finish(&c->answer, is_orderly(c, status)) == ANSWER_END) {
        c->answer.keep_alive = false;
        answer_done(c, &nothing);
    } else {
        connection_fail(c, c->answer.failure, c->answer.detail);
    }
}

static void transfer_read(struct upstream_connection *c)
{
    struct net_loop *loop = c->client->loop;
    enum stream_status status;
    size_t len;

    do {
        status = stream_read(&c->stream, loop->scratch, NET_SCRATCH_SIZE, &len);
        if (status == STREAM_AGAIN) {
            return;
        }
        if (status != STREAM_OK) {
            ended(c, status);
            return;
        }
        if (!c->answered) {
            c->answered = true;
            c->request->first_byte_ns = clock_monotonic(loop->clock);
        }
        if (!deliver(c, loop->scratch, len)) {
            return;
        }
    } while (!c->paused && transfer_has_more(c));
}

void transfer_resume(struct upstream_connection *c)
{
    const struct upstream_timeouts *timeouts = &c->request->timeouts;

    if (c->paused) {
        return;
    }
    if (c->answered) {
        connection_expect(c, DUE_IDLE, timeouts->idle);
    } else {
        connection_expect(c, DUE_FIRST_BYTE, timeouts->first_byte);
    }
    transfer_read(c);
}

void transfer_ready(struct upstream_connection *c, bool readable, bool writable)
{
    struct upstream_request *r = c->request;

    if (readable && !c->handshaking && !c->paused) {
        transfer_read(c);
    }
    /* An early answer goes first; it may have ended everything. */
    if (writable && c->request == r && c->state == CONNECTION_ACTIVE && c->sending) {
        send_more(c);
    }
}
