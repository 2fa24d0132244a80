/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 server on one loop (RFC 9112): everything ambiguous is refused (see the list in
 * http_head.h), and what the handler gets is a request whose framing is
 * settled. Keep-alive, pipelining (answered in order, one at a time), chunked both ways, Expect:
 * 100-continue. The handler answers from any later turn of the loop.
 *
 * Back-pressure: output beyond `output_high` makes http_write() return false, and on_drain tells
 * when to go on; while an exchange is open nothing more is read from the client than notices its
 * end. Every buffer has a ceiling in the limits.
 *
 * A client that closes its sending side while its answer is being made counts as gone, as in nginx:
 * a FIN cannot be told from a closed socket, and an answer nobody waits for costs money. Once
 * http_finish() or http_respond() was called a FIN only ends keep-alive, so `printf ... | nc` gets
 * answers that are made at once.
 *
 * No callback runs inside a call of this interface: on_body, on_drain and on_end come from the
 * loop. Errors of the connection too: writing to a lost one is harmless and returns false until
 * on_end.
 */
#ifndef SLUICE_NET_HTTP_SERVER_H
#define SLUICE_NET_HTTP_SERVER_H

#include "base/error.h"
#include "net/http.h"
#include "net/loop.h"

#include <openssl/ssl.h>

struct http_server;
struct http_exchange;

/* Sizes in bytes, times in milliseconds; tested at limit - 1, limit, limit + 1. */
struct http_limits {
    size_t head_bytes;   /* 32 KB: request line and headers, else 431 */
    size_t head_fields;  /* 100, else 431 */
    size_t target_bytes; /* 8 KB, else 414 */
    size_t body_bytes;   /* 32 MB, else 413; the handler may set less */
    uint64_t head_ms;    /* 10 s from the first byte, else 408 */
    /* 1024 bytes a second, else 408: the first 64 KB (or all of a shorter body) may take the 64 s
       that they need at this rate; from then on each body_window_ms must bring its share. */
    uint64_t body_min_rate;
    uint64_t body_window_ms;          /* 10 s (0 too); the first 64 KB get at least this long */
    uint64_t idle_ms;                 /* 75 s between requests: closed */
    uint64_t write_stall_ms;          /* 60 s without progress of the reader: cut */
    size_t output_high;               /* 1 MB */
    uint32_t connections;             /* of this server; beyond it: 503 and close */
    uint32_t requests_per_connection; /* 10,000 */
};
extern const struct http_limits http_default_limits;

enum http_gone { HTTP_GONE_CLOSED, HTTP_GONE_STALLED, HTTP_GONE_SHUTDOWN };

struct http_handler {
    /* The head is complete. Call exactly one of http_accept_body(), http_respond(), http_start(),
     * now or later. */
    void (*on_head)(struct http_exchange *x);
    /* The body is complete (empty for a request without one). The slice is valid until the exchange
       ends or http_release_body(). */
    void (*on_body)(struct http_exchange *x, struct slice body);
    /* Output fell below half of output_high after http_write() returned false. May be NULL. */
    void (*on_drain)(struct http_exchange *x);
    /* The exchange is over, exactly once, for every exchange that had on_head; `gone` is NULL when
       the answer left in full (handed to the kernel), else why not. x is invalid afterwards. */
    void (*on_end)(struct http_exchange *x, const enum http_gone *gone);
};

struct http_server_options {
    struct http_limits limits;
    const struct http_handler *handler;
    void *owner;  /* http_exchange_owner() */
    SSL_CTX *tls; /* NULL: plain; not owned */
};

MUST_USE struct http_server *http_server_new(struct net_loop *loop,
                                             const struct http_server_options *options);
/* "127.0.0.1:4141", "[::1]:4141", "*:4141", port 0 for any; SO_REUSEPORT. May be called several
 * times. */
MUST_USE bool http_server_listen(struct http_server *server, struct slice address, bool reuse_port,
                                 uint16_t *ret_port, struct error *error);
/* Serves one connected socket (tests use a socketpair). Takes the descriptor, also when it fails.
 */
MUST_USE bool http_server_adopt(struct http_server *server, int fd);
/* Stops accepting, closes idle connections, lets exchanges finish (answers carry Connection:
   close); after `ms` the rest is cut. Connections that only linger behind an answer are closed as
   soon as nothing else is left. May be called again with a shorter time. `on_drained` runs when no
   connection is left. */
void http_server_drain(struct http_server *server, uint64_t ms, void (*on_drained)(void *owner));
/* Connections accepted from now on use this context (a reloaded certificate); not owned. Plain
 * stays plain, TLS stays TLS. */
void http_server_set_tls(struct http_server *server, SSL_CTX *tls);
size_t http_server_connections(const struct http_server *server);
/* Only after on_drained. */
void http_server_free(struct http_server *server);

/* --- one exchange --- */
const struct http_request *http_exchange_request(const struct http_exchange *x);
void *http_exchange_owner(const struct http_exchange *x);
struct net_loop *http_exchange_loop(const struct http_exchange *x);
/* The client's address as text, for the log. */
struct slice http_exchange_peer(const struct http_exchange *x);
void http_exchange_set_user(struct http_exchange *x, void *user);
void *http_exchange_user(const struct http_exchange *x);
/* Monotonic ns when the first byte of the head was read. */
int64_t http_exchange_started(const struct http_exchange *x);

/* Reads the body up to `limit` bytes (answers 100 Continue if asked for); larger: 413 is answered
 * here and on_end follows. */
void http_accept_body(struct http_exchange *x, size_t limit);
/* The body's memory is no longer needed (long streams hold none of it). */
void http_release_body(struct http_exchange *x);
/* The same for all of the request once its answer has begun: http_exchange_request() has no texts
 * and no headers any more. */
void http_release_request(struct http_exchange *x);

/* A whole answer in one write; on_end follows on a later turn. Content-Length, Date and Connection
 * are added here; headers must be valid (CHECK). */
void http_respond(struct http_exchange *x, int status, const struct http_header *headers,
                  size_t count, struct slice body);
/* Begins an answer: the head is queued and leaves with the first http_write(), http_flush() or
   http_finish(). content_length HTTP_CONTENT_LENGTH_UNKNOWN: chunked (HTTP/1.0 clients: until
   close). */
void http_start(struct http_exchange *x, int status, const struct http_header *headers,
                size_t count, int64_t content_length);
/* The same with header lines that are rendered already ("Name: value\r\n" each), for who answers
   often. Their bytes are not looked at: names must be literals that are not Date, Connection,
   Content-Length or Transfer-Encoding, and values have passed http_value_valid(). */
void http_respond_lines(struct http_exchange *x, int status, struct slice lines, struct slice body);
void http_start_lines(struct http_exchange *x, int status, struct slice lines,
                      int64_t content_length);
/* A header of the answer to come, whoever makes it, the server's own refusals included. The same is
 * asked of name and value as of headers (CHECK). */
void http_exchange_add_line(struct http_exchange *x, struct slice name, struct slice value);
bool http_started(const struct http_exchange *x);
/* Writes body bytes at once, what the kernel does not take is queued. False: wait for on_drain (the
   bytes are taken nevertheless). Never called with nothing. */
bool http_write(struct http_exchange *x, struct slice bytes);
void http_flush(struct http_exchange *x);
/* Ends the answer; on_end follows on a later turn. Less than the announced length: cut like
 * http_abort(). */
void http_finish(struct http_exchange *x);
/* Cuts the connection so that a truncated answer looks truncated; on_end(HTTP_GONE_CLOSED) follows
 * on a later turn. */
void http_abort(struct http_exchange *x);

#endif
