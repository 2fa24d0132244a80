/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A non-blocking stream socket on a loop, plain or TLS. Readiness comes from uv_poll on the
 * descriptor, so OpenSSL works on the descriptor without copies. The owner embeds it and gets one
 * callback; it reads and writes when told that it can. Level-triggered for the owner: stay with
 * watching reads in the steady state, so that a request costs no epoll_ctl.
 */
#ifndef SLUICE_NET_STREAM_H
#define SLUICE_NET_STREAM_H

#include "net/loop.h"

#include <openssl/ssl.h>

enum stream_status {
    STREAM_OK,    /* some bytes moved */
    STREAM_AGAIN, /* nothing now: wait for the callback */
    STREAM_EOF,   /* orderly end by the peer (TLS: close_notify or FIN) */
    STREAM_ERROR, /* reset, TLS alert ...: errno or the OpenSSL queue says more */
};

struct stream {
    struct net_loop *loop;
    uv_poll_t poll;
    int fd;
    SSL *ssl;     /* owned; NULL: plain */
    int watching; /* UV_READABLE | UV_WRITABLE | UV_DISCONNECT as uv_poll has it */
    bool want_read;
    bool want_write;
    bool tls_read_wants_write; /* what the TLS layer itself waits for */
    bool tls_write_wants_read;
    bool want_hangup;
    bool closing;
    bool drained; /* the last read took all that there was */
    bool edge;    /* the kernel tells changes only; always with plain reads alone watched */
    uint8_t calm_events;
    void (*on_ready)(struct stream *stream, bool readable, bool writable);
    void (*on_closed)(struct stream *stream);
};

/* Takes the descriptor (made non-blocking); when it returns false the descriptor is still the
   caller's. on_ready may close the stream, but not free it before on_closed. A socket error is
   reported as readable and writable whatever is watched: the next read or write says which. */
MUST_USE bool stream_init(struct stream *stream, struct net_loop *loop, int fd,
                          void (*on_ready)(struct stream *, bool, bool));
/* From now on TLS: takes the SSL (connect or accept state already set); the handshake runs inside
 * read and write. */
void stream_use_tls(struct stream *stream, SSL *ssl);
void stream_watch(struct stream *stream, bool read, bool write);
/* While reads are not watched: a FIN or reset of the peer is reported as readable although unread
 * bytes may precede it. */
void stream_watch_hangup(struct stream *stream, bool hangup);
enum stream_status stream_read(struct stream *stream, char *into, size_t size, size_t *ret_len);
/* Gathers at most 8 parts; may move fewer bytes than given. What was not taken must come first in
 * the next call, unchanged. */
enum stream_status stream_write(struct stream *stream, const struct slice *parts, size_t count,
                                size_t *ret_len);
/* TLS may hold decrypted bytes that the descriptor will not announce. */
bool stream_has_buffered(const struct stream *stream);
/* Ends our side (close_notify and FIN); reads still work. False: the peer is gone. */
MUST_USE bool stream_shutdown(struct stream *stream);
/* Closes now (with SO_LINGER 0, so that the peer sees a reset, if `reset`); on_closed runs on a
 * later turn. */
void stream_close(struct stream *stream, bool reset, void (*on_closed)(struct stream *));

#endif
