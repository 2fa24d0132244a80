/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: one thread, one loop, one HTTP server, one upstream client, and the calls that belong
 * to them. Nothing of a worker is touched by another thread except `metrics` (atomics) and `async`
 * (uv_async_send).
 */
#ifndef SLUICE_GATEWAY_WORKER_H
#define SLUICE_GATEWAY_WORKER_H

#include "base/random.h"
#include "gateway/call_keep.h"
#include "gateway/gateway.h"
#include "gateway/metrics.h"
#include "net/http_server.h"
#include "net/upstream.h"
#include "route/features.h"

struct cluster_asker;
struct call;
struct tokens;

#define WORKER_OUT_KEPT ((size_t)256 << 10)

/* What an exchange's owner is: which of the worker's servers it came through. */
struct listener {
    struct worker *worker;
    bool admin; /* administers: whoever may open the unix socket, or */
    bool keyed; /* who has an administrator's key, and within what that may */
};

struct worker {
    struct gateway *gateway;
    struct listener front_listener;
    struct listener admin_listener;
    struct listener keyed_listener;
    unsigned index;
    pthread_t thread;
    struct net_loop loop;
    struct http_server *server;
    struct http_server *admin; /* worker 0 only: the unix socket */
    struct http_server *keyed; /* worker 0 only: admin.listen; NULL: none */
    uv_poll_t admin_poll;
    int admin_fd;               /* -1: none */
    struct deadline admin_rest; /* after an accept that failed for want of something */
    struct upstream *upstream;
    struct snapshot *snapshot; /* its own reference; swapped on `async` */
    struct key_set *keys;
    uint64_t keys_generation; /* of the set; guarded by the gateway's lock */
    struct jwks *jwks;        /* its own reference; NULL: no tokens, or no keys for them yet */
    struct tokens *tokens;    /* that these verified under this snapshot; NULL: as above */
    unsigned admissions;      /* calls that wait for the key of a subject */
    unsigned exact_jobs;      /* calls whose texts are being counted, or were when they ended */
    SSL_CTX *tls;             /* its own reference; NULL: plain */
    uv_async_t async;
    struct deadline cut;    /* of what is under way while it drains */
    struct deadline linger; /* see call_linger.h */
    bool sweeping;          /* the deadline is set */
    struct deadline ping;   /* see call_ping.h */
    bool pinging;           /* the deadline is set */
    uint64_t ping_ms;
    struct deadline hold; /* see call_hold.h */
    bool holding;         /* the deadline is set */
    uint64_t hold_ms;
    /* see call_wait.h */
    struct call *waiting; /* oldest first */
    struct call *waiting_last;
    uint64_t wait_round;
    int64_t lease_wait_ns; /* 0: no cluster */
    struct deadline wait_deadline;
    uv_async_t wait_async;
    bool wait_closed;            /* guarded by the gateway's lock */
    struct cluster_asker *asker; /* see cluster_ask.h; NULL: no Redis */
    uv_async_t question_async;   /* see questions.h */
    struct random random;
    struct metrics metrics;
    struct features features; /* scratch of planning: valid within one step */
    struct buf out;           /* scratch for one write to a client */
    struct buf lines;         /* scratch for the header lines of one answer */
    struct buf log;           /* scratch for one access-log line */
    struct call *calls;       /* under way */
    struct call_keep keep;    /* those that are over */
    bool drained_server;
    bool drained_admin;
    bool drained_keyed;
    bool stopping;
    unsigned stops; /* of the gateway, heeded so far */
};

MUST_USE struct worker *worker_new(struct gateway *gateway, unsigned index, struct error *error);
/* Binds the addresses of the snapshot (before the thread starts, so that errors are reported at
 * once). */
MUST_USE bool worker_listen(struct worker *worker, struct error *error);
MUST_USE bool worker_listen_admin(struct worker *worker, const char *path, struct error *error);
/* The addresses of admin.listen, if there are any. */
MUST_USE bool worker_listen_keyed(struct worker *worker, struct error *error);
MUST_USE bool worker_start(struct worker *worker, struct error *error);
/* After its thread ended (or never started). */
void worker_free(struct worker *worker);

#endif
