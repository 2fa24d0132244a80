/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client from the inside. A connection moves along these states; everything that calls the
 * owner of a request back does so from the loop and as the last thing it does with the connection:
 *
 *   RESOLVING -> DIALLING -> (TUNNEL) -> ACTIVE <-> IDLE -> CLOSING
 *
 * upstream_client.c     the public functions, failures of upstream_send() itself
 * upstream_request.c    the head of a request, and templates of it
 * upstream_pool.c       one pool for each pool_key: idle connections, TLS sessions and context
 * upstream_connection.c from nothing to an open connection, deadlines, the end
 * upstream_tunnel.c     CONNECT through a proxy
 * upstream_transfer.c   one request and its answer on an open connection
 */
#ifndef SLUICE_NET_UPSTREAM_PRIVATE_H
#define SLUICE_NET_UPSTREAM_PRIVATE_H

#include "base/map.h"
#include "net/resolver.h"
#include "net/stream.h"
#include "net/tls_client.h"
#include "net/upstream.h"
#include "net/upstream_answer.h"
#include "net/upstream_dial.h"

#define POOLS_RECENT 16               /* power of two */
#define POOLS_MAX 1024                /* beyond it unused ones are dropped */
#define REQUEST_HEAD_MAX (256 * 1024) /* bytes of a request's head */

struct upstream_pool {
    char *key; /* "i" or "v" (insecure, verified), then the origin's pool_key */
    struct upstream_connection *idle; /* used last comes first */
    uint32_t idle_count;
    uint32_t connections; /* of this pool, in any state */
    struct tls_sessions sessions;
    struct tls_client *tls; /* the client's, or NULL before the first connection that needs it */
};

struct upstream {
    struct net_loop *loop;
    struct upstream_limits limits;
    struct resolver *resolver;
    struct map pools;
    struct upstream_pool *recent[POOLS_RECENT]; /* by the origin's address, so that a request needs
                                                   no hash of its key */
    struct map tls_clients;                     /* "i" or "v", then the file */
    struct answer_heads heads;
    struct buf head; /* of the request that is being written */
    size_t connections;
    struct upstream_request *failing_first;
    struct upstream_request *failing_last;
    struct deadline failing_due;
    bool closing;
    bool resolver_open;
    bool timer_open;
    void (*on_closed)(void *user);
    void *user;
};

enum connection_state {
    CONNECTION_RESOLVING,
    CONNECTION_DIALLING,
    CONNECTION_TUNNEL,
    CONNECTION_ACTIVE,
    CONNECTION_IDLE,
    CONNECTION_CLOSING,
};

/* What the one deadline of a connection stands for at the moment. */
enum connection_due {
    DUE_CONNECT,
    DUE_SEND, /* no progress in sending; the idle timeout */
    DUE_FIRST_BYTE,
    DUE_IDLE,
    DUE_TOTAL,
    DUE_REAP,      /* unused in the pool */
    DUE_READ,      /* nothing is overdue: read on the next turn */
    DUE_NO_MEMORY, /* nothing is overdue: fail on the next turn */
};

struct upstream_connection {
    struct stream stream;
    struct deadline deadline;
    struct upstream *client;
    struct upstream_pool *pool;
    struct upstream_request *request; /* NULL: IDLE or CLOSING */
    struct upstream_connection *idle_next;
    struct upstream_connection *idle_prev;
    struct dial *dial;
    struct resolver_wait wait;
    struct answer answer;
    struct buf unsent; /* what the kernel did not take of a head */
    size_t unsent_at;
    size_t body_sent;
    uint64_t total_due_ms; /* loop time; 0: none */
    enum connection_state state;
    enum connection_due due;
    uint8_t handles; /* open handles of the loop; the memory goes with the last one */
    bool has_stream;
    bool handshaking; /* TLS is not up yet */
    bool sending;
    bool send_failed;
    bool answered; /* a byte of the present answer came */
    bool paused;
};

/* --- upstream_client.c --- */
/* Tells the owner on the next turn. `detail` is a literal. */
void client_fail_later(struct upstream *client, struct upstream_request *r,
                       enum upstream_failure failure, const char *detail);
/* A connection or the resolver is gone: perhaps the last thing that upstream_close() waited for. */
void client_closed_one(struct upstream *client);

/* --- upstream_request.c --- */
/* Could the request line be sent? */
bool request_is_sendable(const struct upstream_request *r);
/* Does the answer never have a body? */
bool request_has_no_body(const struct upstream_request *r);
/* The whole head into `head`. False: out of memory or larger than its ceiling. */
MUST_USE bool request_render(struct buf *head, const struct upstream_request *r);

/* --- upstream_pool.c --- */
/* The pool of the origin, made if needed; NULL: out of memory. */
struct upstream_pool *pool_for(struct upstream *client, const struct upstream_origin *origin);
/* Takes the connection that was used last; NULL when none is idle. */
struct upstream_connection *pool_take(struct upstream_pool *pool);
/* False: the pool is full. */
bool pool_put(struct upstream_pool *pool, struct upstream_connection *c);
/* Takes this one out (it closed or is too old). */
void pool_drop(struct upstream_pool *pool, struct upstream_connection *c);
/* An SSL for a new connection to the origin; NULL: error filled in. */
SSL *pool_tls(struct upstream *client, struct upstream_pool *pool,
              const struct upstream_origin *origin, struct error *error);
void pools_close_idle(struct upstream *client);
void pools_release(struct upstream *client);

/* --- upstream_connection.c --- */
/* A new connection for the request, on its way. False: out of memory. Does not call back. */
bool connection_open(struct upstream *client, struct upstream_pool *pool,
                     struct upstream_request *r);
/* TCP (and a tunnel) is there: TLS where needed, then the transfer. May call back. */
void connection_established(struct upstream_connection *c);
/* Sets the deadline to `ms` (0: none) or to the end of the total time, whichever is first. */
void connection_expect(struct upstream_connection *c, enum connection_due due, uint64_t ms);
/* Something to do on the next turn: DUE_READ or DUE_NO_MEMORY. */
void connection_soon(struct upstream_connection *c, enum connection_due due);
/* Closes in any state; the request must have been told or be told later. Does not call back. */
void connection_close(struct upstream_connection *c, bool reset);
/* Closes and tells the request. Calls back. */
void connection_fail(struct upstream_connection *c, enum upstream_failure failure,
                     const char *detail);
/* TLS failed just now: connection_fail() with the reason. */
void connection_fail_tls(struct upstream_connection *c);

/* --- upstream_tunnel.c --- */
void tunnel_start(struct upstream_connection *c);
void tunnel_ready(struct upstream_connection *c, bool readable, bool writable);

/* --- upstream_transfer.c --- */
/* Sends the request on an open connection. May call back only while `handshaking`. */
void transfer_start(struct upstream_connection *c);
void transfer_ready(struct upstream_connection *c, bool readable, bool writable);
/* Reads now; for bytes that are there already, or an end that is. */
void transfer_resume(struct upstream_connection *c);
/* Undecrypted or decrypted bytes that the descriptor will not announce (TLS reads ahead). */
bool transfer_has_more(const struct upstream_connection *c);

#endif
