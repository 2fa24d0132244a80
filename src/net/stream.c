/* SPDX-License-Identifier: Apache-2.0 */
#include "net/stream.h"

#include "base/check.h"
#include "net/socket_call.h"
#include "net/tls_bio.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PARTS_MAX 8
#define PLAIN_READS (UV_READABLE | UV_DISCONNECT)
#define CALM_EVENTS 2
#define GATHER_MAX ((size_t)4000)
#define TLS_RECORD_SIZE ((size_t)16 * 1024) /* largest plaintext of one record, RFC 8446 5.1 */

/* --- readiness --- */

static inline int events_wanted(const struct stream *stream)
{
    int events = 0;

    if (stream->want_read) {
        events |= stream->ssl == NULL ? PLAIN_READS : UV_READABLE;
        if (stream->tls_read_wants_write) {
            events |= UV_WRITABLE;
        }
    }
    if (stream->want_write) {
        /* A write that waits for the peer's handshake bytes must not spin on a writable socket. */
        events |= stream->tls_write_wants_read ? UV_READABLE : UV_WRITABLE;
    }
    if (stream->want_hangup) {
        events |= UV_DISCONNECT;
    }
    return events;
}

/*
 * A descriptor whose events were all heeded need not be asked again, as epoll does of each one that
 * it watches level-triggered: in the steady state, where every event is one read that finds less
 * than it has room for, the kernel tells changes only. An event that is not so puts the level back,
 * so that the owner never sees a difference: one whose read may have left something, or without
 * a read, or with a FIN, which may lie behind bytes that were told together with it. libuv sets the
 * level when what is watched changes; it keeps no word of its own about this flag.
 */
static void trigger_set(struct stream *stream, bool edge)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | (edge ? EPOLLET : 0),
                                .data = {.u64 = 0}};

    event.data.fd = stream->fd; /* as libuv has it */
    stream->calm_events = 0;
    if (epoll_ctl(uv_backend_fd(&stream->loop->uv), EPOLL_CTL_MOD, stream->fd, &event) == 0) {
        stream->edge = edge;
    }
}

/* After an event. A connection for a single request never gets there. */
static inline void trigger_choose(struct stream *stream, int events)
{
    bool edge = stream->drained && (events & UV_DISCONNECT) == 0 && stream->watching == PLAIN_READS;

    if (LIKELY(edge == stream->edge)) {
        return;
    }
    if (!edge || ++stream->calm_events == CALM_EVENTS) {
        trigger_set(stream, edge);
    }
}

static inline void watch_update(struct stream *stream);

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct stream *stream = poll->data;

    if (stream->closing) {
        return;
    }
    net_loop_event(stream->loop);
    stream->drained = false;
    if (status < 0) {
        stream->watching = 0; /* libuv stopped the poll by itself */
        stream->on_ready(stream, true, true);
        if (!stream->closing) {
            watch_update(stream); /* the owner read data only: the end is still to be told */
        }
        return;
    }
    bool in = (events & UV_READABLE) != 0;
    bool out = (events & UV_WRITABLE) != 0;
    bool readable = (stream->want_read && (in || (out && stream->tls_read_wants_write))) ||
                    (stream->want_hangup && (events & UV_DISCONNECT) != 0);
    bool writable = stream->want_write && (out || (in && stream->tls_write_wants_read));
    if (readable || writable) {
        stream->on_ready(stream, readable, writable);
    }
    if (stream->ssl == NULL && !stream->closing) {
        trigger_choose(stream, events);
    }
}

static inline void watch_update(struct stream *stream)
{
    int events = events_wanted(stream);

    if (LIKELY(events == stream->watching) || stream->closing) {
        return;
    }
    stream->watching = events;
    stream->edge = false;
    stream->calm_events = 0;
    /* Neither fails on an open descriptor of ours. */
    if (events == 0) {
        CHECK(uv_poll_stop(&stream->poll) == 0);
    } else {
        CHECK(uv_poll_start(&stream->poll, events, on_poll) == 0);
    }
}

bool stream_init(struct stream *stream, struct net_loop *loop, int fd,
                 void (*on_ready)(struct stream *, bool, bool))
{
    *stream = (struct stream){.loop = loop, .fd = fd, .on_ready = on_ready};
    if (uv_poll_init(&loop->uv, &stream->poll, fd) != 0) {
        return false;
    }
    stream->poll.data = stream;
    return true;
}

void stream_watch(struct stream *stream, bool read, bool write)
{
    if (LIKELY(stream->want_read == read && stream->want_write == write && stream->ssl == NULL &&
               stream->watching != 0)) {
        return; /* asked for again and again */
    }
    stream->want_read = read;
    stream->want_write = write;
    watch_update(stream);
}

void stream_watch_hangup(struct stream *stream, bool hangup)
{
    if (stream->want_hangup != hangup) {
        stream->want_hangup = hangup;
        watch_update(stream);
    }
}

/* --- plain sockets --- */

static enum stream_status status_of_errno(void)
{
    return errno == EAGAIN ? STREAM_AGAIN : STREAM_ERROR;
}

static enum stream_status plain_read(struct stream *stream, char *into, size_t size,
                                     size_t *ret_len)
{
    ssize_t got;

    do {
        got = socket_recv(stream->fd, into, size);
    } while (got < 0 && errno == EINTR);
    enum stream_status status = got > 0 ? STREAM_OK : got == 0 ? STREAM_EOF : status_of_errno();
    stream->drained = status == STREAM_AGAIN || (got > 0 && (size_t)got < size);
    *ret_len = got > 0 ? (size_t)got : 0;
    return status;
}

__attribute__((noinline)) static ssize_t send_vectors(int fd, const struct slice *parts,
                                                      size_t count)
{
    struct iovec vectors[PARTS_MAX];

    for (size_t i = 0; i < count; i++) {
        /* sendmsg() only reads, struct iovec cannot say so. */
        vectors[i].iov_base = (void *)(uintptr_t)parts[i].ptr;
        vectors[i].iov_len = parts[i].len;
    }
    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count};
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* The kernel takes longer over a list of short pieces, such as a chunk with its frame, than copying
   them together does. */
static inline ssize_t send_parts(int fd, const struct slice *parts, size_t count)
{
    char together[GATHER_MAX];
    size_t len = 0;

    if (count == 1) {
        return socket_send(fd, parts[0].ptr, parts[0].len);
    }
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > sizeof(together) - len) {
            return send_vectors(fd, parts, count);
        }
        if (parts[i].len > 0) {
            memcpy(together + len, parts[i].ptr, parts[i].len);
        }
        len += parts[i].len;
    }
    return socket_send(fd, together, len);
}

static enum stream_status plain_write(struct stream *stream, const struct slice *parts,
                                      size_t count, size_t *ret_len)
{
    ssize_t put;

    do {
        put = send_parts(stream->fd, parts, count);
    } while (put < 0 && errno == EINTR);
    if (put < 0) {
        return status_of_errno();
    }
    *ret_len = (size_t)put;
    return STREAM_OK;
}

/* --- TLS --- */

void stream_use_tls(struct stream *stream, SSL *ssl)
{
    CHECK(stream->ssl == NULL);
    stream->ssl = ssl;
    /* Unsent bytes move between the caller's parts and its queue, and a write may be taken in part.
     */
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                          SSL_MODE_RELEASE_BUFFERS);
    /* Out of memory: the first read or write fails on an SSL without one. */
    BIO *bio = tls_bio_new(stream->fd);
    SSL_set_bio(ssl, bio, bio);
}

static enum stream_status tls_status(struct stream *stream, int result)
{
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return STREAM_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return STREAM_EOF;
    case SSL_ERROR_SSL:
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
            return STREAM_EOF;
        }
        return STREAM_ERROR;
    default:
        return STREAM_ERROR;
    }
}

/* A verdict of SSL_get_error() must not come from an older call. Clearing visits every slot of the
   queue, which nearly always is empty. */
static void errors_forget(void)
{
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

static enum stream_status tls_read(struct stream *stream, char *into, size_t size, size_t *ret_len)
{
    errors_forget();
    int result = SSL_read_ex(stream->ssl, into, size, ret_len);
    stream->tls_read_wants_write = result <= 0 && SSL_want_write(stream->ssl);
    enum stream_status status = result > 0 ? STREAM_OK : tls_status(stream, result);
    watch_update(stream);
    return status;
}

/* Copies the first bytes of the parts into one record's worth; returns how many. */
static size_t parts_gather(const struct slice *parts, size_t count, size_t skip, char *into)
{
    size_t len = 0;

    for (size_t i = 0; i < count && len < TLS_RECORD_SIZE; i++) {
        if (skip >= parts[i].len) {
            skip -= parts[i].len;
            continue;
        }
        size_t piece = parts[i].len - skip;
        if (piece > TLS_RECORD_SIZE - len) {
            piece = TLS_RECORD_SIZE - len;
        }
        memcpy(into + len, parts[i].ptr + skip, piece);
        len += piece;
        skip = 0;
    }
    return len;
}

/* Few records instead of one for each part. After STREAM_AGAIN OpenSSL wants the same bytes first
   again, at least as many: so does the contract of stream_write(). */
static enum stream_status tls_write(struct stream *stream, const struct slice *parts, size_t count,
                                    size_t *ret_len)
{
    char record[TLS_RECORD_SIZE];
    size_t done = 0;
    size_t put = 0;
    int result = 1;

    do {
        const char *from = record;
        size_t len;
        if (count == 1) {
            from = parts[0].ptr + done;
            len = parts[0].len - done < TLS_RECORD_SIZE ? parts[0].len - done : TLS_RECORD_SIZE;
        } else {
            len = parts_gather(parts, count, done, record);
        }
        if (len == 0) {
            stream->tls_write_wants_read = false;
            break;
        }
        errors_forget();
        result = SSL_write_ex(stream->ssl, from, len, &put);
        stream->tls_write_wants_read = result <= 0 && SSL_want_read(stream->ssl);
        if (result > 0) {
            done += put;
        }
    } while (result > 0);
    *ret_len = done;
    enum stream_status status = done > 0 ? STREAM_OK : tls_status(stream, result);
    watch_update(stream);
    return status;
}

/* --- either --- */

enum stream_status stream_read(struct stream *stream, char *into, size_t size, size_t *ret_len)
{
    *ret_len = 0;
    CHECK(!stream->closing && size > 0);
    return stream->ssl == NULL ? plain_read(stream, into, size, ret_len)
                               : tls_read(stream, into, size, ret_len);
}

enum stream_status stream_write(struct stream *stream, const struct slice *parts, size_t count,
                                size_t *ret_len)
{
    *ret_len = 0;
    CHECK(!stream->closing && count > 0 && count <= PARTS_MAX);
    return stream->ssl == NULL ? plain_write(stream, parts, count, ret_len)
                               : tls_write(stream, parts, count, ret_len);
}

bool stream_has_buffered(const struct stream *stream)
{
    return stream->ssl != NULL && SSL_pending(stream->ssl) > 0;
}

bool stream_shutdown(struct stream *stream)
{
    if (stream->ssl != NULL && SSL_is_init_finished(stream->ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(stream->ssl);
    }
    return shutdown(stream->fd, SHUT_WR) == 0;
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct stream *stream = handle->data;

    if (stream->on_closed != NULL) {
        stream->on_closed(stream);
    }
}

void stream_close(struct stream *stream, bool reset, void (*on_closed)(struct stream *))
{
    CHECK(!stream->closing);
    stream->closing = true;
    stream->on_closed = on_closed;
    if (stream->ssl != NULL) {
        if (!reset && SSL_is_init_finished(stream->ssl)) {
            ERR_clear_error();
            (void)SSL_shutdown(stream->ssl); /* one close_notify if it fits, no waiting */
        }
        SSL_free(stream->ssl);
        stream->ssl = NULL;
        ERR_clear_error();
    }
    uv_close((uv_handle_t *)&stream->poll, on_poll_closed);
    if (reset) {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    (void)close(stream->fd);
    stream->fd = -1;
}
