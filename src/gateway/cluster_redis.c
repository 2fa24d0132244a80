/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cluster_redis.h"

#include "base/log.h"
#include "base/memory.h"
#include "gateway/call_wait.h"
#include "gateway/worker.h"
#include "store/lease_redis.h"
#include "store/redis_queue.h"

#include <stdlib.h>

/* Other clusters have another database of the server. */
#define PREFIX "sluice"
#define DEADLINE_MS 500
#define RETRY_MS 50
#define RETRY_MAX_MS 1000
#define REVOKED_MAX 65536

struct cluster_redis {
    struct lease_redis *lease;
    struct cluster_asks *asks; /* of workers */
    pthread_rwlock_t lock;     /* guards the next two */
    uint64_t *revoked; /* keys, ascending: those that our own set of keys does not say so of */
    size_t revoked_room;
    atomic_size_t revoked_count; /* 0 most of the time: read without the lock first */
};

/* --- revoked keys --- */

static int compare_keys(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;
    return *left < *right ? -1 : *left > *right;
}

static bool is_listed(const struct cluster_redis *redis, uint64_t key)
{
    return bsearch(&key, redis->revoked, atomic_load(&redis->revoked_count), sizeof(key),
                   compare_keys) != NULL;
}

bool cluster_redis_revoked(const struct gateway *gateway, uint64_t key)
{
    struct cluster_redis *redis = gateway->redis;
    if (redis == NULL || atomic_load(&redis->revoked_count) == 0) {
        return false;
    }
    pthread_rwlock_rdlock(&redis->lock);
    bool listed = is_listed(redis, key);
    pthread_rwlock_unlock(&redis->lock);
    return listed;
}

/* Under the lock. */
static void list_key(struct cluster_redis *redis, uint64_t key)
{
    size_t count = atomic_load(&redis->revoked_count);
    if ((count > 0 && is_listed(redis, key)) || count == REVOKED_MAX) {
        return;
    }
    if (count == redis->revoked_room) {
        size_t room = count == 0 ? 64 : count * 2;
        uint64_t *larger = memory_resize(redis->revoked, room * sizeof(uint64_t));
        if (larger == NULL) {
            log_event(LOG_ERROR, "no_memory", "a revoked key cannot be kept: out of memory");
            return;
        }
        redis->revoked = larger;
        redis->revoked_room = room;
    }
    redis->revoked[count] = key;
    qsort(redis->revoked, count + 1, sizeof(key), compare_keys);
    atomic_store(&redis->revoked_count, count + 1);
}

static bool is_revoked(const struct key_set *keys, uint64_t id)
{
    const struct key *key = key_set_by_id(keys, id);
    return key != NULL && key->revoked_s != 0;
}

/* On the thread of Redis. Only what is news is kept. */
static void on_revoked(void *user, uint64_t id)
{
    struct gateway *gateway = user;
    struct cluster_redis *redis = gateway->redis;
    uint64_t generation = 0;
    pthread_rwlock_wrlock(&redis->lock);
    struct key_set *keys = gateway_keys(gateway, &generation);
    if (!is_revoked(keys, id)) {
        list_key(redis, id);
    }
    key_set_unref(keys);
    pthread_rwlock_unlock(&redis->lock);
}

static void forget_known(struct cluster_redis *redis, const struct key_set *keys)
{
    size_t kept = 0;
    pthread_rwlock_wrlock(&redis->lock);
    for (size_t i = 0; i < atomic_load(&redis->revoked_count); i++) {
        if (!is_revoked(keys, redis->revoked[i])) {
            redis->revoked[kept++] = redis->revoked[i];
        }
    }
    atomic_store(&redis->revoked_count, kept);
    pthread_rwlock_unlock(&redis->lock);
}

void cluster_redis_keys(struct gateway *gateway, const struct key_set *old,
                        const struct key_set *keys)
{
    struct cluster_redis *redis = gateway->redis;
    if (redis == NULL) {
        return;
    }
    for (size_t i = 0; i < key_set_count(keys); i++) {
        const struct key *key = key_set_at(keys, i);
        if (key->revoked_s != 0 && old != NULL && !is_revoked(old, key->id)) {
            lease_redis_revoke(redis->lease, key->id);
        }
    }
    /* workers that have the old set yet ask the list meanwhile: it is shortened the next time */
    if (old != NULL) {
        forget_known(redis, old);
    }
}

/* --- the start and the end --- */

static void on_moved(void *user)
{
    struct gateway *gateway = user;
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        call_wait_wake(gateway->workers[i]);
    }
}

/* Those that PostgreSQL knows of. */
static unsigned count_nodes(void *user)
{
    const struct gateway *gateway = user;
    struct cluster_member *member = gateway->cluster.member;
    int64_t nodes = member == NULL ? 0 : member_facts(member).nodes;
    return nodes > 0 && nodes < UINT16_MAX ? (unsigned)nodes : 0;
}

bool cluster_redis_open(struct gateway *gateway, struct error *error)
{
    const struct cluster_settings *cluster = &gateway->options.snapshot->cluster;
    if (cluster->redis.host.len == 0) {
        return true;
    }
    gateway->redis = memory_array(1, sizeof(*gateway->redis));
    if (gateway->redis == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    pthread_rwlock_init(&gateway->redis->lock, NULL);
    const struct lease_redis_options options = {
        .redis = {.host = cluster->redis.host,
                  .port = cluster->redis.port,
                  .database = cluster->redis.database,
                  .user = cluster->redis.user,
                  .password = cluster->redis.password,
                  .deadline_ms = DEADLINE_MS,
                  .retry_ms = RETRY_MS,
                  .retry_max_ms = RETRY_MAX_MS},
        .prefix = SLICE(PREFIX),
        .node = cluster->node,
        .budget = gateway->budget,
        .wait_ns = cluster->lease_wait_ms * NS_PER_MS,
        .allows_away = cluster->allows_away,
        .nodes = count_nodes,
        .moved = on_moved,
        .revoked = on_revoked,
        .user = gateway,
    };
    gateway->lease_wait_ns = options.wait_ns;
    gateway->redis->lease = lease_redis_new(&options, error);
    gateway->redis->asks = cluster_asks_open(&options.redis, error);
    return gateway->redis->lease != NULL && gateway->redis->asks != NULL;
}

bool cluster_redis_worker(struct worker *worker)
{
    return worker->gateway->redis == NULL || cluster_ask_init(worker, worker->gateway->redis->asks);
}

bool cluster_redis_start(struct gateway *gateway, struct error *error)
{
    return gateway->redis == NULL || (lease_redis_start(gateway->redis->lease, error) &&
                                      cluster_asks_start(gateway->redis->asks, error));
}

void cluster_redis_stop(struct gateway *gateway)
{
    if (gateway->redis != NULL) {
        cluster_asks_stop(gateway->redis->asks);
        lease_redis_stop(gateway->redis->lease);
    }
}

void cluster_redis_free(struct gateway *gateway)
{
    if (gateway->redis != NULL) {
        cluster_asks_free(gateway->redis->asks);
        lease_redis_free(gateway->redis->lease);
        pthread_rwlock_destroy(&gateway->redis->lock);
        memory_free(gateway->redis->revoked);
        memory_free(gateway->redis);
        gateway->redis = NULL;
    }
}

/* --- metrics --- */

static void metric(struct buf *out, const char *name, const char *type, const char *help,
                   double value)
{
    buf_printf(out, "# HELP sluice_redis_%s %s\n# TYPE sluice_redis_%s %s\nsluice_redis_%s %.9g\n",
               name, help, name, type, name, value);
}

void cluster_redis_metrics(struct gateway *gateway, struct buf *out)
{
    struct lease_redis_stats stats;
    struct lease_stats leases;
    struct redis_queue_stats asks;
    if (gateway->redis == NULL) {
        return;
    }
    lease_redis_stats_read(gateway->redis->lease, &stats);
    budget_lease_stats(gateway->budget, LEASE_RATES, &leases);
    cluster_asks_stats(gateway->redis->asks, &asks);
    metric(out, "up", "gauge", "1: Redis answers.", stats.connected ? 1 : 0);
    metric(out, "leasing", "gauge", "1: limits of a minute hold over all nodes.",
           stats.leasing ? 1 : 0);
    metric(out, "nodes", "gauge", "Nodes alive, as Redis says.", stats.nodes);
    metric(out, "connections_total", "counter", "Connections made.", (double)stats.connections);
    metric(out, "exchanges_total", "counter", "Questions.", (double)stats.exchanges);
    metric(out, "failures_total", "counter", "Questions without an answer.",
           (double)stats.failures);
    metric(out, "exchange_seconds_total", "counter", "Time spent on questions.",
           (double)stats.exchange_ns / 1e9);
    metric(out, "recalls_total", "counter", "Times that others wanted what this node had.",
           (double)stats.recalls);
    metric(out, "unleased_total", "counter", "Let through while Redis was away.",
           (double)leases.unleased);
    metric(out, "revocations_said_total", "counter", "Revoked keys that others were told of.",
           (double)stats.revoked_said);
    metric(out, "revocations_heard_total", "counter", "Revoked keys that were heard of.",
           (double)stats.revoked_heard);
    metric(out, "asks_total", "counter", "Questions of workers.", (double)asks.asked);
    metric(out, "asks_refused_total", "counter", "Of workers, not asked: away, or too many.",
           (double)asks.refused);
    metric(out, "asks_failed_total", "counter", "Of workers, without an answer.",
           (double)asks.failures);
}
