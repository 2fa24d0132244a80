/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running gateway: workers, the published snapshot, live target state, keys, the ledger,
 * signals. The main thread owns it and runs its own small loop (signals, reload, the admin socket's
 * housekeeping); workers only read it, except for what is marked atomic.
 */
#ifndef SLUICE_GATEWAY_GATEWAY_H
#define SLUICE_GATEWAY_GATEWAY_H

#include "config/config.h"
#include "gateway/cluster.h"
#include "gateway/google_tokens.h"
#include "gateway/jwks_fetch.h"
#include "gateway/questions.h"
#include "gateway/target_state.h"
#include "gateway/verdict_memory.h"
#include "store/budget.h"
#include "store/keys.h"
#include "store/ledger.h"
#include "store/sessions.h"
#include "store/shared.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#define GATEWAY_WORKERS_MAX 64

struct gateway;
struct cluster_redis;
struct refusals;
struct tag_words;
struct worker;

struct gateway_options {
    const struct clock *clock;
    struct snapshot *snapshot; /* the first one; ownership passes */
    /* Loads the configuration again for SIGHUP; NULL result: keeps the old one (already reported).
     * NULL: no reload. */
    struct snapshot *(*reload)(void *user, uint64_t generation);
    void *user;
    const char *admin_socket; /* path or NULL: none */
    /* All workers accept: the banner may be printed. Runs on the main thread. */
    void (*on_ready)(void *user, struct gateway *gateway);
};

struct gateway {
    const struct clock *clock;
    struct gateway_options options;
    struct net_loop loop; /* of the main thread */
    uv_signal_t signals[3];
    uv_async_t wake;
    uv_timer_t minute;
    pthread_mutex_t lock;      /* guards snapshot and keys pointers */
    struct snapshot *snapshot; /* published */
    struct key_set *keys;
    uint64_t keys_generation;     /* of the published set; also under the lock */
    pthread_cond_t keys_taken;    /* with the lock: a worker has taken a set, or ended */
    pthread_mutex_t keys_reading; /* held while the keys are read and published, outside the lock */
    struct target_states states;
    struct questions questions;     /* of clients, about their own calls */
    struct refusals *refusals;      /* NULL: no ledger to record them in */
    struct ledger *ledger;          /* NULL: off */
    char ledger_path[1024];         /* of the open one, whatever a reload says; "": off */
    struct tag_words *tag_words;    /* that callers said; NULL: out of memory */
    atomic_uint_fast64_t feedbacks; /* that count */
    atomic_uint_fast64_t feedback_score_ppm;
    atomic_uint_fast64_t verdicts;
    struct gateway_cluster cluster;
    struct google_tokens *google_tokens; /* NULL: no provider needs them */
    struct jwks_fetch *jwks_fetch;       /* NULL: no identity provider publishes its keys */
    struct jwks *jwks;                   /* what it fetched; under the lock; NULL: nothing yet */
    struct budget *budget;               /* what keys may still spend */
    struct budget_news *news;            /* of it, for the main thread */
    struct cluster_redis *redis;         /* NULL: none */
    int64_t lease_wait_ns;               /* how long calls wait for a slice; 0: no cluster */
    struct sessions *sessions;           /* of conversations */
    struct verdict_memory verdicts_seen; /* of the last answers that were checked */
    atomic_bool sessions_shared;         /* they are hashed as the cluster's other nodes do */
    struct shared_store *shared;         /* state that answers leave behind, of all workers */
    struct shared_store *answers;        /* the exact cache; NULL: out of memory */
    SSL_CTX *tls;                        /* NULL: plain */
    struct worker *workers[GATEWAY_WORKERS_MAX];
    unsigned worker_count;
    uint16_t ports[8]; /* bound ports of snapshot->server.listen, in order */
    bool reachable;    /* one of them is beyond loopback */
    atomic_uint workers_left;
    atomic_bool draining;
    atomic_bool keys_changed;
    atomic_bool overruns_wait; /* keys are to be blocked in the database */
    atomic_bool jwks_wanted; /* somebody came with a key that is not known */
    unsigned stop_signals;
    int64_t started_ns;
    atomic_int_fast64_t last_reload_wall_ns; /* read by scrapes */
    atomic_bool last_reload_ok;
    int64_t prices_retry_s; /* a reload for new prices failed: not before this time again */
    atomic_bool stop_requested;
    atomic_uint stop_ms;
    atomic_uint stops;     /* how often gateway_stop() was called */
    atomic_uint calls_cut; /* when the time to drain was over */
};

/* Runs until it has drained. False: it could not start (*error). */
MUST_USE bool gateway_run(struct gateway *gateway, const struct gateway_options *options,
                          struct error *error);
/* From any thread: begin to drain, at most `ms`. */
void gateway_stop(struct gateway *gateway, unsigned ms);
/* References of the published snapshot and keys: any thread; give back with the _unref functions.
 */
struct snapshot *gateway_snapshot(struct gateway *gateway);
struct key_set *gateway_keys(struct gateway *gateway, uint64_t *ret_generation);
/* The keys that tokens are verified with while this snapshot is in force; NULL: there are none.
 * Give back with jwks_unref(). */
struct jwks *gateway_jwks(struct gateway *gateway, const struct snapshot *snapshot);
/*
 * Reads the keys again, publishes them and waits until every worker has them: a revoked key opens
 * nothing any more when this returns. Not on an event loop. "keys_pending": a worker did not take
 * them in time.
 */
MUST_USE bool gateway_refresh_keys(struct gateway *gateway, struct error *error);
/* The main thread: reads the keys again where they changed. */
void gateway_reload_keys(struct gateway *gateway);
/* NULL: plain HTTP. Give back with SSL_CTX_free(). */
SSL_CTX *gateway_tls(struct gateway *gateway);

#endif
