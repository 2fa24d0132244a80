/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tunnel through an HTTP proxy (RFC 9110 9.3.6). The proxy learns host and port and its own
 * credential; what is bound to the origin travels inside TLS afterwards.
 */
#include "net/upstream_private.h"

#include <stdio.h>

static bool render_connect(struct buf *into, const struct upstream_origin *origin)
{
    bool v6 = strchr(origin->host, ':') != NULL;
    char authority[300];

    snprintf(authority, sizeof(authority), v6 ? "[%.255s]:%u" : "%.255s:%u", origin->host,
             origin->port);
    buf_append_cstr(into, "CONNECT ");
    buf_append_cstr(into, authority);
    buf_append_cstr(into, " HTTP/1.1\r\nHost: ");
    buf_append_cstr(into, authority);
    buf_append_cstr(into, "\r\n");
    if (origin->proxy_headers != NULL) {
        buf_append_cstr(into, origin->proxy_headers);
    }
    return buf_append_cstr(into, "\r\n");
}

static void tunnel_write(struct upstream_connection *c)
{
    struct slice rest = slice_from(buf_slice(&c->unsent), c->unsent_at);
    size_t len;

    switch (stream_write(&c->stream, &rest, 1, &len)) {
    case STREAM_OK:
        c->unsent_at += len;
        c->sending = len < rest.len;
        break;
    case STREAM_AGAIN:
        break;
    default:
        connection_fail(c, UPSTREAM_CONNECT, "proxy: connection closed");
        return;
    }
    stream_watch(&c->stream, true, c->sending);
}

void tunnel_start(struct upstream_connection *c)
{
    /* A refusal may have a body of any size; it is not read. */
    const struct answer_expect expect = {
        .tunnel = true,
        .head_limit = c->client->limits.head_bytes,
        .body_limit = UINT64_MAX,
    };

    c->state = CONNECTION_TUNNEL;
    c->sending = true;
    c->unsent_at = 0;
    answer_begin(&c->answer, &c->client->heads, &expect);
    if (!render_connect(&c->unsent, c->request->origin)) {
        connection_fail(c, UPSTREAM_CONNECT, "no memory for the connection");
        return;
    }
    tunnel_write(c);
}

static void tunnel_refused(struct upstream_connection *c, int status)
{
    char detail[64];

    snprintf(detail, sizeof(detail), "proxy answered %d", status);
    connection_fail(c, UPSTREAM_CONNECT, detail);
}

/* The proxy's answer has a head; whatever is not success ends here, its body does not matter. */
static void tunnel_head(struct upstream_connection *c, const struct answer_input *input)
{
    int status = c->answer.response.status;

    if (status < 200 || status > 299) {
        tunnel_refused(c, status);
        return;
    }
    /* In TLS the client speaks first: bytes behind the head are not the origin's. */
    if (input->len > 0) {
        connection_fail(c, UPSTREAM_MALFORMED, "proxy sent bytes before the tunnel was used");
        return;
    }
    answer_release(&c->answer);
    buf_release(&c->unsent);
    c->sending = false;
    connection_established(c);
}

static void tunnel_bytes(struct upstream_connection *c, char *bytes, size_t len)
{
    struct answer_input input = {bytes, len};
    struct slice data;

    switch (answer_next(&c->answer, &input, &data)) {
    case ANSWER_HEAD:
        tunnel_head(c, &input);
        return;
    case ANSWER_FAILED:
        connection_fail(c, c->answer.failure, c->answer.detail);
        return;
    default:
        return; /* the head goes on */
    }
}

void tunnel_ready(struct upstream_connection *c, bool readable, bool writable)
{
    struct net_loop *loop = c->client->loop;
    size_t len;

    if (!readable) {
        if (writable && c->sending) {
            tunnel_write(c);
        }
        return;
    }
    switch (stream_read(&c->stream, loop->scratch, NET_SCRATCH_SIZE, &len)) {
    case STREAM_OK:
        tunnel_bytes(c, loop->scratch, len);
        return;
    case STREAM_AGAIN:
        return;
    default:
        connection_fail(c, UPSTREAM_CONNECT, "proxy: connection closed");
        return;
    }
}
