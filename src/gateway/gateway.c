/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/gateway.h"
#include "gateway/answer_value.h"

#include "base/footprint.h"
#include "base/log.h"
#include "gateway/call_forecast.h"
#include "gateway/call_session.h"
#include "gateway/cluster_redis.h"
#include "gateway/evidence_keep.h"
#include "gateway/gateway_budget.h"
#include "gateway/refusals.h"
#include "gateway/reload.h"
#include "gateway/tag_words.h"
#include "gateway/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define ANSWERS_TTL_NS (INT64_C(366) * 86400 * NS_PER_S)
#define SECOND_SIGNAL_MS 5000
#define LEDGER_CLOSE_MS 10000
#define KEYS_WAIT_S 5

struct snapshot *gateway_snapshot(struct gateway *gateway)
{
    pthread_mutex_lock(&gateway->lock);
    struct snapshot *snapshot = snapshot_ref(gateway->snapshot);
    pthread_mutex_unlock(&gateway->lock);
    return snapshot;
}

SSL_CTX *gateway_tls(struct gateway *gateway)
{
    pthread_mutex_lock(&gateway->lock);
    SSL_CTX *tls = gateway->tls;
    if (tls != NULL) {
        SSL_CTX_up_ref(tls);
    }
    pthread_mutex_unlock(&gateway->lock);
    return tls;
}

struct key_set *gateway_keys(struct gateway *gateway, uint64_t *ret_generation)
{
    pthread_mutex_lock(&gateway->lock);
    struct key_set *keys = key_set_ref(gateway->keys);
    *ret_generation = gateway->keys_generation;
    pthread_mutex_unlock(&gateway->lock);
    return keys;
}

struct jwks *gateway_jwks(struct gateway *gateway, const struct snapshot *snapshot)
{
    if (snapshot->jwt.keys != NULL) {
        return jwks_ref(snapshot->jwt.keys);
    }
    pthread_mutex_lock(&gateway->lock);
    bool usable = snapshot->jwt.jwks_url.len > 0 && gateway->jwks != NULL;
    struct jwks *keys = usable ? jwks_ref(gateway->jwks) : NULL;
    pthread_mutex_unlock(&gateway->lock);
    return keys;
}

void gateway_stop(struct gateway *gateway, unsigned ms)
{
    atomic_store(&gateway->stop_ms, ms);
    atomic_fetch_add(&gateway->stops, 1);
    atomic_store(&gateway->stop_requested, true);
    uv_async_send(&gateway->wake);
}

/* Has somebody else read them since they were changed? *ret_generation: of the set that has them.
 */
static bool keys_are_read(struct gateway *gateway, uint64_t *ret_generation)
{
    struct key_set *have = gateway_keys(gateway, ret_generation);
    bool current = key_set_is_current(have, gateway->ledger_path);
    key_set_unref(have);
    return current;
}

/* What is refused from now on, and until when. */
static void tell_damage(const struct key_set *keys)
{
    if (key_set_damage(keys)[0] != '\0') {
        log_event(LOG_ERROR, "keys_damaged",
                  "what is stored of these keys, users, teams or organisations is not what was "
                  "written, so the calls of all below them are refused: %s; `sluice ledger verify` "
                  "looks, `sluice key reseal` takes it as it is",
                  key_set_damage(keys));
    }
}

/* One reader at a time, so that what is published last was read last. */
static bool read_keys(struct gateway *gateway, uint64_t *ret_generation, struct error *error)
{
    pthread_mutex_lock(&gateway->keys_reading);
    if (keys_are_read(gateway, ret_generation)) {
        pthread_mutex_unlock(&gateway->keys_reading);
        return true;
    }
    struct key_set *keys = key_set_load(gateway->ledger_path, error);
    if (keys != NULL) {
        tell_damage(keys);
        gateway_budget_introduce(gateway, keys);
        pthread_mutex_lock(&gateway->lock);
        struct key_set *old = gateway->keys;
        gateway->keys = keys;
        *ret_generation = ++gateway->keys_generation;
        pthread_mutex_unlock(&gateway->lock);
        cluster_redis_keys(gateway, old, keys);
        key_set_unref(old);
    }
    pthread_mutex_unlock(&gateway->keys_reading);
    return keys != NULL;
}

/* Another process changed the keys, or the admin API did, which has read them already. */
void gateway_reload_keys(struct gateway *gateway)
{
    struct error error;
    uint64_t generation = 0;
    if (keys_are_read(gateway, &generation)) {
        return;
    }
    if (read_keys(gateway, &generation, &error)) {
        gateway_tell_workers(gateway);
    } else {
        log_event(LOG_ERROR, "keys_failed", "%s", error.text);
    }
}

/* Under the lock. */
static bool all_have(const struct gateway *gateway, uint64_t generation)
{
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        if (gateway->workers[i]->keys_generation < generation) {
            return false;
        }
    }
    return true;
}

bool gateway_refresh_keys(struct gateway *gateway, struct error *error)
{
    struct timespec until;
    uint64_t generation = 0;
    if (!read_keys(gateway, &generation, error)) {
        return false;
    }
    gateway_tell_workers(gateway);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += KEYS_WAIT_S;
    pthread_mutex_lock(&gateway->lock);
    int status = 0;
    while (!all_have(gateway, generation) && status == 0) {
        status = pthread_cond_timedwait(&gateway->keys_taken, &gateway->lock, &until);
    }
    bool done = all_have(gateway, generation);
    pthread_mutex_unlock(&gateway->lock);
    return done || error_set(error, ERROR_ENVIRONMENT, "keys_pending",
                             "the change is stored, but not all workers have taken it yet");
}

static void on_keys_changed(void *user)
{
    struct gateway *gateway = user;
    atomic_store(&gateway->keys_changed, true);
    uv_async_send(&gateway->wake);
}

static void begin_drain(struct gateway *gateway)
{
    unsigned ms = atomic_load(&gateway->stop_ms);
    if (!atomic_exchange(&gateway->draining, true)) {
        log_event(LOG_INFO, "draining", "no new connections; calls under way have %u ms", ms);
    } else {
        log_event(LOG_INFO, "draining_hurried", "told to stop again: calls under way have %u ms",
                  ms);
    }
    gateway_tell_workers(gateway);
}

static void close_main_loop(struct gateway *gateway)
{
    for (size_t i = 0; i < ARRAY_LEN(gateway->signals); i++) {
        uv_close((uv_handle_t *)&gateway->signals[i], NULL);
    }
    uv_close((uv_handle_t *)&gateway->wake, NULL);
    uv_close((uv_handle_t *)&gateway->minute, NULL);
    google_tokens_close(gateway->google_tokens);
    jwks_fetch_close(gateway->jwks_fetch);
    gateway_budget_stop(gateway);
}

static void on_wake(uv_async_t *async)
{
    struct gateway *gateway = CONTAINER_OF(async, struct gateway, wake);
    if (atomic_exchange(&gateway->keys_changed, false)) {
        gateway_reload_keys(gateway);
    }
    if (atomic_exchange(&gateway->jwks_wanted, false) && gateway->jwks_fetch != NULL) {
        jwks_fetch_hurry(gateway->jwks_fetch);
    }
    gateway_budget_wake(gateway);
    refusals_write(gateway->refusals, &gateway->loop.uv);
    if (atomic_exchange(&gateway->stop_requested, false)) {
        begin_drain(gateway);
    }
    if (atomic_load(&gateway->workers_left) == 0 && !uv_is_closing((uv_handle_t *)async)) {
        close_main_loop(gateway);
    }
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct gateway *gateway = handle->data;
    if (number == SIGHUP) {
        gateway_reload(gateway);
        return;
    }
    gateway->stop_signals++;
    unsigned ms =
        gateway->stop_signals > 1 ? SECOND_SIGNAL_MS : (unsigned)gateway->snapshot->server.drain_ms;
    gateway_stop(gateway, ms);
}

static bool start_signals(struct gateway *gateway)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        gateway->signals[i].data = gateway;
        if (uv_signal_init(&gateway->loop.uv, &gateway->signals[i]) != 0 ||
            uv_signal_start(&gateway->signals[i], on_signal, numbers[i]) != 0) {
            return false;
        }
    }
    return uv_async_init(&gateway->loop.uv, &gateway->wake, on_wake) == 0 &&
           uv_timer_init(&gateway->loop.uv, &gateway->minute) == 0;
}

/* Each answer has its own age; here it leaves only for others. */
static struct shared_store *open_answers(const struct gateway *gateway)
{
    const struct cache_settings *settings = &gateway->options.snapshot->cache;
    const struct shared_limits limits = {
        .bytes = (size_t)settings->bytes,
        .value_bytes = (size_t)settings->entry_bytes + ANSWER_HEAD_MAX,
        .ttl_ns = ANSWERS_TTL_NS,
    };
    return shared_new(gateway->clock, &limits);
}

static bool open_ledger(struct gateway *gateway, struct error *error)
{
    struct slice configured = gateway->options.snapshot->ledger_path;
    if (configured.len == 0) {
        gateway->keys = key_set_load("", error);
        return gateway->keys != NULL;
    }
    slice_to_cstr(configured, gateway->ledger_path, sizeof(gateway->ledger_path));
    const struct ledger_keeper keepers[] = {call_session_keeper(gateway->sessions)};
    struct ledger_options options = {
        .path = gateway->ledger_path,
        .keepers = keepers,
        .keeper_count = ARRAY_LEN(keepers),
        .journal = {.segment_bytes = (size_t)gateway->options.snapshot->ledger_segment_bytes,
                    .segments_max = 64,
                    .sync_ms = (uint64_t)gateway->options.snapshot->ledger_sync_ms},
        .batch_ms = 200,
        .batch_records = 8192,
        .retention_ms = gateway->options.snapshot->ledger_retention_ms,
        .ships = gateway->options.snapshot->cluster.postgres.len > 0,
        .on_keys_changed = on_keys_changed,
        .on_evidence = evidence_keep_changed,
        .on_overruns = gateway_budget_overruns_wait,
        .user = gateway,
    };
    gateway->ledger = ledger_open(&options, error);
    if (gateway->ledger == NULL) {
        return false;
    }
    gateway->refusals = refusals_new(gateway->clock, gateway->ledger_path);
    if (gateway->refusals == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    gateway->keys = key_set_load(gateway->ledger_path, error);
    if (gateway->keys != NULL) {
        tell_damage(gateway->keys);
    }
    return gateway->keys != NULL;
}

/* When this node knows which cluster it belongs to. */
static bool recall_sessions(struct gateway *gateway, struct error *error)
{
    return gateway->ledger == NULL || sessions_load(gateway->sessions, gateway->ledger_path,
                                                    clock_wall(gateway->clock), error);
}

static unsigned wanted_workers(const struct snapshot *snapshot)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned wanted = snapshot->server.workers;
    if (wanted == 0) {
        wanted = cores > 0 ? (unsigned)cores : 1;
    }
    return wanted > GATEWAY_WORKERS_MAX ? GATEWAY_WORKERS_MAX : wanted;
}

static bool open_tls(struct gateway *gateway, struct error *error)
{
    if (gateway->snapshot->server.tls_certificate.len == 0) {
        return true;
    }
    gateway->tls = gateway_tls_context(gateway->snapshot, error);
    return gateway->tls != NULL;
}

static bool start_workers(struct gateway *gateway, struct error *error)
{
    unsigned wanted = wanted_workers(gateway->snapshot);
    gateway->reachable = gateway_is_reachable(&gateway->snapshot->server);
    for (unsigned i = 0; i < wanted; i++) {
        struct worker *worker = worker_new(gateway, i, error);
        if (worker == NULL || !worker_listen(worker, error)) {
            return false;
        }
        gateway->workers[i] = worker;
        if (i == 0 && gateway->options.admin_socket != NULL &&
            !worker_listen_admin(worker, gateway->options.admin_socket, error)) {
            return false;
        }
        if (i == 0 && !worker_listen_keyed(worker, error)) {
            return false;
        }
    }
    gateway->worker_count = wanted;
    atomic_store(&gateway->workers_left, wanted);
    for (unsigned i = 0; i < wanted; i++) {
        if (!worker_start(gateway->workers[i], error)) {
            return false;
        }
    }
    return true;
}

static void finish(struct gateway *gateway)
{
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        pthread_join(gateway->workers[i]->thread, NULL);
    }
    cluster_redis_stop(gateway);
    unsigned cut = atomic_load(&gateway->calls_cut);
    if (cut > 0) {
        log_event(LOG_WARN, "calls_cut", "the time to drain was over: %u call%s cut", cut,
                  cut == 1 ? " was" : "s were");
    }
    gateway_cluster_stop(gateway);
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        worker_free(gateway->workers[i]);
    }
    refusals_free(gateway->refusals);
    if (gateway->ledger != NULL) {
        ledger_close(gateway->ledger, LEDGER_CLOSE_MS);
    }
    gateway_budget_leave(gateway);
    gateway_cluster_close(gateway);
    if (gateway->options.admin_socket != NULL) {
        unlink(gateway->options.admin_socket);
    }
    key_set_unref(gateway->keys);
    snapshot_unref(gateway->snapshot);
    target_states_release(&gateway->states);
    tag_words_free(gateway->tag_words);
    shared_free(gateway->shared);
    shared_free(gateway->answers);
    sessions_free(gateway->sessions);
    verdict_memory_release(&gateway->verdicts_seen);
    SSL_CTX_free(gateway->tls);
    google_tokens_free(gateway->google_tokens);
    jwks_fetch_free(gateway->jwks_fetch);
    jwks_unref(gateway->jwks);
    gateway_budget_close(gateway);
    cluster_redis_free(gateway);
    net_loop_release(&gateway->loop);
    questions_release(&gateway->questions);
    pthread_cond_destroy(&gateway->keys_taken);
    pthread_mutex_destroy(&gateway->keys_reading);
    pthread_mutex_destroy(&gateway->lock);
}

bool gateway_run(struct gateway *gateway, const struct gateway_options *options,
                 struct error *error)
{
    memset(gateway, 0, sizeof(*gateway));
    gateway->clock = options->clock;
    gateway->options = *options;
    gateway->started_ns = clock_monotonic(options->clock);
    atomic_store(&gateway->last_reload_ok, true);
    pthread_mutex_init(&gateway->lock, NULL);
    pthread_mutex_init(&gateway->keys_reading, NULL);
    verdict_memory_init(&gateway->verdicts_seen);
    questions_init(&gateway->questions);
    pthread_cond_init(&gateway->keys_taken, NULL);
    target_states_init(&gateway->states);
    gateway->tag_words = tag_words_new();
    gateway->shared = shared_new(gateway->clock, &shared_default_limits);
    gateway->answers = open_answers(gateway);
    gateway->sessions = sessions_new(0);
    if (gateway->sessions == NULL || !net_loop_init(&gateway->loop, gateway->clock)) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    if (!start_signals(gateway)) {
        return error_set(error, ERROR_ENVIRONMENT, "signals", "signal handlers could not be set");
    }
    gateway_budget_zone(options->snapshot); /* before the ledger's writer adds up days */
    if (!open_ledger(gateway, error) || !evidence_keep_load(gateway, error) ||
        !gateway_cluster_open(gateway, error) || !recall_sessions(gateway, error) ||
        !gateway_budget_open(gateway, error) || !gateway_cluster_lease(gateway, error) ||
        !cluster_redis_open(gateway, error) ||
        !gateway_publish(gateway, options->snapshot, error) || !open_tls(gateway, error)) {
        return false;
    }
    forecast_seed(gateway);
    if (!start_workers(gateway, error) || !gateway_cluster_start(gateway, error) ||
        !cluster_redis_start(gateway, error)) {
        return false;
    }
    gateway_begin_minutes(gateway);
    footprint_trim();
    if (options->on_ready != NULL) {
        options->on_ready(options->user, gateway);
    }
    uv_run(&gateway->loop.uv, UV_RUN_DEFAULT);
    finish(gateway);
    return true;
}
