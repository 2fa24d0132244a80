/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/reload.h"

#include "base/log.h"
#include "gateway/gateway_budget.h"
#include "gateway/runtime.h"
#include "gateway/worker.h"
#include "net/tls_server.h"

#include <stdio.h>

#define MINUTE_MS 60000
#define PRICES_RETRY_S 3600

void gateway_tell_workers(struct gateway *gateway)
{
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        uv_async_send(&gateway->workers[i]->async);
    }
}

static bool has_service_account(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->provider_count; i++) {
        if (snapshot->providers[i].auth == AUTH_GOOGLE_SERVICE_ACCOUNT) {
            return true;
        }
    }
    return false;
}

/* Workers may look for tokens as soon as the snapshot is published. */
static bool watch_tokens(struct gateway *gateway, struct snapshot *snapshot, struct error *error)
{
    if (gateway->google_tokens == NULL && has_service_account(snapshot)) {
        struct google_tokens *tokens = google_tokens_new(&gateway->loop, error);
        if (tokens == NULL) {
            return false;
        }
        pthread_mutex_lock(&gateway->lock);
        gateway->google_tokens = tokens;
        pthread_mutex_unlock(&gateway->lock);
    }
    if (gateway->google_tokens != NULL) {
        google_tokens_watch(gateway->google_tokens, snapshot);
    }
    return true;
}

/* With the lock a worker sees either the old keys or none. */
static void on_jwks(void *user, struct jwks *keys)
{
    struct gateway *gateway = user;
    pthread_mutex_lock(&gateway->lock);
    struct jwks *old = gateway->jwks;
    gateway->jwks = keys;
    pthread_mutex_unlock(&gateway->lock);
    jwks_unref(old);
    gateway_tell_workers(gateway);
}

static bool watch_jwks(struct gateway *gateway, struct snapshot *snapshot, struct error *error)
{
    if (gateway->jwks_fetch == NULL && snapshot->jwt.jwks_url.len == 0) {
        return true;
    }
    if (gateway->jwks_fetch == NULL) {
        gateway->jwks_fetch = jwks_fetch_new(&gateway->loop, on_jwks, gateway, error);
    }
    if (gateway->jwks_fetch != NULL) {
        jwks_fetch_watch(gateway->jwks_fetch, snapshot);
    }
    return gateway->jwks_fetch != NULL;
}

bool gateway_publish(struct gateway *gateway, struct snapshot *snapshot, struct error *error)
{
    if (!runtime_attach(snapshot, error)) {
        return false;
    }
    if (!target_states_attach(&gateway->states, snapshot)) {
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    if (!watch_tokens(gateway, snapshot, error) || !watch_jwks(gateway, snapshot, error)) {
        return false;
    }
    gateway_budget_watch(gateway, snapshot);
    pthread_mutex_lock(&gateway->lock);
    struct snapshot *old = gateway->snapshot;
    gateway->snapshot = snapshot;
    pthread_mutex_unlock(&gateway->lock);
    snapshot_unref(old);
    return true;
}

/* --- what a reload cannot change --- */

/* The address without its port (which may be 0) read as the host of a URL; "*:4141" is none, and
 * means every address. */
static bool is_loopback(struct slice address)
{
    struct url url;
    char text[300];
    while (address.len > 0 && address.ptr[address.len - 1] != ':') {
        address.len--;
    }
    int len = snprintf(text, sizeof(text), "http://%.*s", SLICE_ARG(address));
    return len > 0 && (size_t)len < sizeof(text) &&
           url_parse(slice_of(text, (size_t)len - 1), &url, NULL) && url_is_loopback(&url);
}

bool gateway_is_reachable(const struct server_settings *settings)
{
    for (size_t i = 0; i < settings->listen_count; i++) {
        if (!is_loopback(settings->listen[i])) {
            return true;
        }
    }
    return false;
}

static bool same_listeners(const struct server_settings *old, const struct server_settings *new)
{
    bool same = old->listen_count == new->listen_count && old->workers == new->workers &&
                (old->tls_certificate.len == 0) == (new->tls_certificate.len == 0);
    same = same && old->admin_listen_count == new->admin_listen_count;
    for (size_t i = 0; same && i < new->listen_count; i++) {
        same = slice_eq(old->listen[i], new->listen[i]);
    }
    for (size_t i = 0; same && i < new->admin_listen_count; i++) {
        same = slice_eq(old->admin_listen[i], new->admin_listen[i]);
    }
    return same;
}

static bool same_limits(const struct server_settings *old, const struct server_settings *new)
{
    return old->head_bytes == new->head_bytes &&new->body_bytes <= old->body_bytes &&
           old->connections == new->connections && old->head_ms == new->head_ms &&
           old->idle_ms == new->idle_ms && old->write_stall_ms == new->write_stall_ms;
}

/* What a running process cannot change is said, not silently left. */
static void warn_unchangeable(const struct gateway *gateway, const struct snapshot *new)
{
    const struct snapshot *old = gateway->snapshot;
    if (!same_listeners(&old->server, &new->server)) {
        log_event(LOG_WARN, "restart_needed",
                  "server.listen, admin.listen, server.workers and switching TLS on or off take "
                  "effect at the next start");
    }
    if (!same_limits(&old->server, &new->server)) {
        log_event(LOG_WARN, "restart_needed",
                  "limits and timeouts of the section server take effect at the next start");
    }
    if (!slice_eq(slice_from_cstr(gateway->ledger_path), new->ledger_path)) {
        log_event(LOG_WARN, "restart_needed",
                  "another ledger takes effect at the next start; calls and keys stay with the one "
                  "that is open");
    }
    if (!slice_eq(old->caps.time_zone, new->caps.time_zone)) {
        log_event(LOG_WARN, "restart_needed",
                  "another caps.time_zone takes effect at the next start; until then caps begin "
                  "their days, weeks and months in the one of this start");
    }
}

static size_t targets_of(const struct snapshot *snapshot, struct slice provider, bool *ret_there)
{
    size_t count = 0;
    *ret_there = false;
    for (size_t i = 0; i < snapshot->provider_count; i++) {
        *ret_there = *ret_there || slice_eq(snapshot->providers[i].name, provider);
    }
    for (size_t i = 0; i < snapshot->named_targets; i++) {
        count += slice_eq(snapshot->policy.targets[i].provider_name, provider) ? 1 : 0;
    }
    return count;
}

/* Servers come and go without anybody having changed a file: what that did is said. */
static void say_changes(const struct snapshot *old, const struct snapshot *new)
{
    bool there;
    for (size_t i = 0; i < old->provider_count; i++) {
        struct slice name = old->providers[i].name;
        size_t before = targets_of(old, name, &there);
        size_t after = targets_of(new, name, &there);
        if (!there || (after < before && after == 0)) {
            log_event(LOG_WARN, "provider_gone", "provider %.*s is gone, with %zu target%s",
                      SLICE_ARG(name), before, before == 1 ? "" : "s");
        } else if (after != before) {
            log_event(LOG_INFO, "provider_changed", "provider %.*s has %zu target%s now, not %zu",
                      SLICE_ARG(name), after, after == 1 ? "" : "s", before);
        }
    }
    for (size_t i = 0; i < new->provider_count; i++) {
        struct slice name = new->providers[i].name;
        (void)targets_of(old, name, &there);
        if (!there) {
            size_t count = targets_of(new, name, &there);
            log_event(LOG_INFO, "provider_new", "provider %.*s is new, with %zu target%s",
                      SLICE_ARG(name), count, count == 1 ? "" : "s");
        }
    }
}

/* The listeners of the start stay open, so a configuration that is safe behind other listeners is
 * not safe here. */
static bool is_safe(const struct gateway *gateway, const struct snapshot *snapshot)
{
    if (!gateway->reachable || snapshot->keys_required) {
        return true;
    }
    log_event(LOG_ERROR, "reload_failed",
              "this process listens beyond loopback, so keys.required stays true until the next "
              "start; the running configuration stays");
    return false;
}

/* --- reload --- */

SSL_CTX *gateway_tls_context(const struct snapshot *snapshot, struct error *error)
{
    const struct server_settings *settings = &snapshot->server;
    return tls_server_context(settings->tls_certificate, settings->tls_key, error);
}

/* New files of the same names are the usual case: certificates are renewed. *ret_tls NULL: as it
 * is. */
static bool load_tls(const struct gateway *gateway, const struct snapshot *snapshot,
                     SSL_CTX **ret_tls, struct error *error)
{
    *ret_tls = NULL;
    if (gateway->tls == NULL || snapshot->server.tls_certificate.len == 0) {
        return true;
    }
    *ret_tls = gateway_tls_context(snapshot, error);
    return *ret_tls != NULL;
}

static void swap_tls(struct gateway *gateway, SSL_CTX *tls)
{
    if (tls == NULL) {
        return;
    }
    pthread_mutex_lock(&gateway->lock);
    SSL_CTX *old = gateway->tls;
    gateway->tls = tls;
    pthread_mutex_unlock(&gateway->lock);
    SSL_CTX_free(old);
}

static bool take(struct gateway *gateway, struct snapshot *snapshot)
{
    struct error error;
    struct snapshot *old = NULL;
    SSL_CTX *tls = NULL;
    if (!is_safe(gateway, snapshot)) {
        return false;
    }
    warn_unchangeable(gateway, snapshot);
    old = snapshot_ref(gateway->snapshot);
    bool taken =
        load_tls(gateway, snapshot, &tls, &error) && gateway_publish(gateway, snapshot, &error);
    if (!taken) {
        log_event(LOG_ERROR, "reload_failed", "%s; the running configuration stays", error.text);
        SSL_CTX_free(tls);
        snapshot_unref(old);
        return false;
    }
    say_changes(old, snapshot);
    snapshot_unref(old);
    swap_tls(gateway, tls);
    return true;
}

static bool reload(struct gateway *gateway)
{
    if (gateway->options.reload == NULL) {
        log_event(LOG_WARN, "reload_ignored", "there is no configuration file to read again");
        return false;
    }
    uint64_t generation = gateway->snapshot->generation + 1;
    struct snapshot *snapshot = gateway->options.reload(gateway->options.user, generation);
    if (snapshot == NULL) {
        log_event(LOG_ERROR, "reload_failed",
                  "the configuration has errors; the running one stays");
        return false;
    }
    if (!take(gateway, snapshot)) {
        snapshot_unref(snapshot);
        return false;
    }
    gateway_tell_workers(gateway);
    log_event(LOG_INFO, "reloaded", "configuration generation %llu is in force",
              (unsigned long long)generation);
    return true;
}

void gateway_reload(struct gateway *gateway)
{
    atomic_store(&gateway->last_reload_ok, reload(gateway));
    atomic_store(&gateway->last_reload_wall_ns, clock_wall(gateway->clock));
}

/* --- what time brings --- */

static void warn_insecure(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->provider_count; i++) {
        const struct provider *provider = &snapshot->providers[i];
        if (provider->insecure) {
            log_event(LOG_WARN, "insecure_provider",
                      "provider %.*s has insecure_skip_verify: whoever is in between can read its "
                      "key and every prompt",
                      SLICE_ARG(provider->name));
        }
    }
}

/* Prices of the catalogue have dates: a new configuration is the same one with the prices of now.
 * What fails is not tried every minute. */
static void renew_prices(struct gateway *gateway)
{
    int64_t now_s = clock_wall(gateway->clock) / NS_PER_S;
    if (gateway->options.reload == NULL || now_s < gateway->snapshot->prices_until_s ||
        now_s < gateway->prices_retry_s) {
        return;
    }
    log_event(LOG_INFO, "prices_changed", "a price of the catalogue has a new date: reading again");
    gateway->prices_retry_s = now_s + PRICES_RETRY_S;
    gateway_reload(gateway);
}

/* Until the next minute, or the change of a price if that comes first. */
static uint64_t minute_ms(const struct gateway *gateway)
{
    int64_t now_ns = clock_wall(gateway->clock);
    int64_t until_s = gateway->snapshot->prices_until_s;
    if (until_s <= now_ns / NS_PER_S || until_s > now_ns / NS_PER_S + MINUTE_MS / 1000) {
        return MINUTE_MS;
    }
    int64_t ms = (until_s * NS_PER_S - now_ns) / NS_PER_MS + 1;
    return ms < MINUTE_MS ? (uint64_t)ms : MINUTE_MS;
}

static void on_minute(uv_timer_t *timer)
{
    struct gateway *gateway = CONTAINER_OF(timer, struct gateway, minute);
    evidence_tick(gateway->states.evidence, clock_wall(gateway->clock) / NS_PER_S);
    renew_prices(gateway);
    warn_insecure(gateway->snapshot);
    uv_timer_start(timer, on_minute, minute_ms(gateway), 0);
}

void gateway_begin_minutes(struct gateway *gateway)
{
    uv_timer_start(&gateway->minute, on_minute, 0, 0);
}
