/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 client for upstreams on one loop: pooled keep-alive connections (O(1) LIFO per origin),
 * TLS with verification, SNI and session reuse, names resolved off the loop, HTTP proxies,
 * deadlines, back-pressure. It knows no LLM. A request is sent at most once, except that a pooled
 * connection which the peer closed before answering a single byte is replaced by a fresh one. The
 * answer's framing is checked as strictly as a request's; redirects are answers like any other.
 */
#ifndef SLUICE_NET_UPSTREAM_H
#define SLUICE_NET_UPSTREAM_H

#include "base/error.h"
#include "codec/url.h"
#include "net/http.h"
#include "net/loop.h"

struct upstream;
struct upstream_connection;

/* Where requests go, with what may only go there: `headers` (rendered "Name: value\r\n" lines, the
   credential among them) are bound to this scheme, host and port by being in the same object.
   Immutable after init, shared by loops, owned by the caller, outlives its requests. */
struct upstream_origin {
    bool https;
    bool insecure; /* no certificate verification: logged every minute by who configured it */
    uint16_t port;
    char *host;
    char *authority;  /* Host header */
    char *headers;    /* secret */
    char *ca_file;    /* NULL: the system's */
    char *proxy_host; /* NULL: direct */
    uint16_t proxy_port;
    char *proxy_headers; /* "Proxy-Authorization: ...\r\n" or NULL; secret */
    char *pool_key;      /* identity of the pool: everything above but `headers` */
};

/* proxy: URL text of an HTTP proxy or empty; the caller has applied NO_PROXY (see
 * url_proxy_for in codec/url_proxy.h). */
MUST_USE bool upstream_origin_init(struct upstream_origin *origin, const struct url *url,
                                   struct slice headers, struct slice ca_file, struct slice proxy,
                                   struct error *error);
void upstream_origin_release(struct upstream_origin *origin); /* wipes the secrets */
/* What many requests to one place have in common: the rendered head but for the length of the body.
   Holds the origin's secrets. Immutable after init, shared by loops, outlives its requests. */
struct upstream_template {
    const struct upstream_origin *origin;
    char *head; /* secret */
    size_t head_len;
    bool no_body; /* the answer has none: HEAD */
    bool says_length;
};
/* `path` with the query, `headers` further rendered lines. The origin must outlive it. False:
   "invalid_request_line" or "out_of_memory". */
MUST_USE bool upstream_template_init(struct upstream_template *template,
                                     const struct upstream_origin *origin, struct slice method,
                                     struct slice path, struct slice headers, struct error *error);
void upstream_template_release(struct upstream_template *template); /* wipes */
enum upstream_failure {
    UPSTREAM_RESOLVE, /* the name has no address */
    UPSTREAM_CONNECT, /* refused, unreachable, proxy said no */
    UPSTREAM_CONNECT_TIMEOUT,
    UPSTREAM_TLS, /* handshake or certificate */
    UPSTREAM_FIRST_BYTE_TIMEOUT,
    UPSTREAM_IDLE_TIMEOUT, /* between two reads of an answer */
    UPSTREAM_TOTAL_TIMEOUT,
    UPSTREAM_CLOSED,    /* ended before the answer was complete */
    UPSTREAM_MALFORMED, /* not HTTP, ambiguous framing */
    UPSTREAM_TOO_LARGE, /* head or body beyond the limits */
    UPSTREAM_FAILURES
};
/* "connect_timeout" ...: stable, for logs, metrics and the ledger. */
const char *upstream_failure_name(enum upstream_failure failure);

struct upstream_timeouts { /* ms; 0: none */
    uint64_t connect;      /* resolve + TCP + TLS */
    uint64_t first_byte;   /* from the last byte sent */
    uint64_t idle;
    uint64_t total;
};
extern const struct upstream_timeouts
    upstream_default_timeouts; /* 3 s + 5 s TLS, 120 s, 60 s, 600 s */

struct upstream_request;
struct upstream_ops {
    /* Status and headers, valid during the call. 1xx are swallowed (at most 10). */
    void (*on_head)(struct upstream_request *r, const struct http_response *head);
    /* Body bytes without framing, as soon as they are there, valid during the call; one call per
     * read. */
    void (*on_data)(struct upstream_request *r, struct slice bytes);
    /* The answer is complete; the request is over. */
    void (*on_end)(struct upstream_request *r);
    /* The request is over. `detail` is for the log, without secrets. */
    void (*on_fail)(struct upstream_request *r, enum upstream_failure failure, const char *detail);
};

/* Embedded by the caller, who zeroes it and fills in the first part; stays valid until on_end,
   on_fail or upstream_cancel(). Any callback may cancel its own request. */
struct upstream_request {
    const struct upstream_origin *origin;
    const struct upstream_template *template; /* of this origin; NULL: the next three say it */
    struct slice method;
    struct slice path;    /* with the query */
    struct slice headers; /* further rendered lines "Name: value\r\n" */
    struct slice
        body; /* sent with Content-Length; must stay valid until the first callback; an answer that
                 comes before all of it was sent ends the sending (401, 413 ...) */
    struct upstream_timeouts timeouts;
    uint64_t body_limit; /* of the answer, bytes */
    bool once; /* may be set at any time: the body goes, a stale connection is not replaced */
    const struct upstream_ops *ops;
    void *user;
    /* results */
    bool sent;          /* at least one byte of it may have reached the peer */
    bool sent_whole;    /* and its last one, on a connection that was not stale */
    bool reused;        /* a pooled connection carried it */
    int64_t started_ns; /* monotonic */
    int64_t connected_ns;
    int64_t first_byte_ns; /* 0: none yet */
    /* private */
    struct upstream_connection *connection;
    struct upstream
        *failing; /* NULL, or a failure of upstream_send() itself waits here to be told */
    struct upstream_request *failing_next;
    enum upstream_failure failing_kind;
    const char *failing_detail;
};

struct upstream_limits {
    uint32_t idle_per_origin; /* 256 pooled connections */
    uint64_t idle_ms;         /* 55 s: closed when unused that long */
    size_t head_bytes;        /* 64 KB */
};
extern const struct upstream_limits upstream_default_limits;

MUST_USE struct upstream *upstream_new(struct net_loop *loop, const struct upstream_limits *limits,
                                       struct error *error);
/* Starts the request; failures come through on_fail, never from inside this call. */
void upstream_send(struct upstream *client, struct upstream_request *r);
/* No callback comes after it. The connection is closed unless the answer was complete. NULL
 * connection: no-op. */
void upstream_cancel(struct upstream_request *r);
/* Back-pressure: while paused nothing is read from the peer and the idle deadline rests. What was
   read before the pause (one read, NET_SCRATCH_SIZE at most) is still delivered within the same
   callback chain. Neither calls back. */
void upstream_pause(struct upstream_request *r);
void upstream_resume(struct upstream_request *r);
/* Closes pooled connections, `on_closed` runs when nothing is left (requests must be over). */
void upstream_close(struct upstream *client, void (*on_closed)(void *user), void *user);
void upstream_free(struct upstream *client);

#endif
