/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/jwks_fetch.h"

#include "base/log.h"
#include "base/memory.h"
#include "gateway/gateway.h"
#include "net/upstream.h"

#include <stdio.h>

#define RETRY_FIRST_MS 1000
#define RETRY_LAST_MS 60000
#define HURRY_MS 5000 /* between two questions that unknown keys cause */
#define PATH_BYTES_MAX ((size_t)8 << 10)

struct jwks_fetch {
    struct net_loop *loop;
    struct upstream *client;
    struct deadline due;
    void (*publish)(void *user, struct jwks *keys);
    void *user;
    struct snapshot *snapshot;
    bool closed;
    bool under_way;
    int64_t asked_ns; /* when it was asked last; 0: never */
    int64_t retry_ms;
    int status;
    struct upstream_origin origin; /* while under way, as what follows */
    struct upstream_request request;
    struct buf path;
    struct buf answer;
};

static void begin(struct jwks_fetch *fetch);

static bool has_url(const struct jwks_fetch *fetch)
{
    return fetch->snapshot != NULL && fetch->snapshot->jwt.jwks_url.len > 0;
}

static void end(struct jwks_fetch *fetch)
{
    fetch->under_way = false;
    upstream_origin_release(&fetch->origin);
    buf_release(&fetch->path);
    buf_release(&fetch->answer);
}

static void failed(struct jwks_fetch *fetch, const char *why, const char *detail)
{
    fetch->retry_ms = fetch->retry_ms == 0 ? RETRY_FIRST_MS : fetch->retry_ms * 2;
    fetch->retry_ms = fetch->retry_ms > RETRY_LAST_MS ? RETRY_LAST_MS : fetch->retry_ms;
    deadline_set(&fetch->due, (uint64_t)fetch->retry_ms);
    log_event(LOG_WARN, "jwks_failed",
              "no keys of the identity provider from %.*s: %s%s%s; asking again in %lld s",
              SLICE_ARG(fetch->snapshot->jwt.url.authority), why, detail[0] == '\0' ? "" : " ",
              detail, (long long)(fetch->retry_ms / 1000));
}

/* --- one fetch ---------------------------------------------------------------------------------
 */

static void on_head(struct upstream_request *r, const struct http_response *head)
{
    struct jwks_fetch *fetch = r->user;
    fetch->status = head->status;
}

static void on_data(struct upstream_request *r, struct slice bytes)
{
    struct jwks_fetch *fetch = r->user;
    (void)buf_append(&fetch->answer, bytes); /* what is too long fails the buffer */
}

static void warn_skipped(const struct jwks *keys)
{
    size_t count = 0;
    const struct jwks_skip *skips = jwks_skips(keys, &count);
    for (size_t i = 0; i < count; i++) {
        log_event(LOG_WARN, "jwks_key_skipped",
                  "a key of the identity provider is not used: kid \"%s\": %s", skips[i].id,
                  skips[i].why);
    }
}

static void take(struct jwks_fetch *fetch)
{
    struct error error = {.code = "bad_jwks"};
    struct jwks *keys = fetch->answer.failed ? NULL : jwks_read(buf_slice(&fetch->answer), &error);
    if (keys == NULL) {
        failed(fetch, fetch->answer.failed ? "the answer is too long" : error.text, "");
        return;
    }
    warn_skipped(keys);
    log_event(LOG_DEBUG, "jwks", "the identity provider has %zu keys", jwks_count(keys));
    fetch->retry_ms = 0;
    deadline_set(&fetch->due, (uint64_t)fetch->snapshot->jwt.refresh_ms);
    fetch->publish(fetch->user, keys);
}

static void on_end(struct upstream_request *r)
{
    struct jwks_fetch *fetch = r->user;
    char status[24];
    if (fetch->status != 200) {
        (void)snprintf(status, sizeof(status), "%d", fetch->status);
        failed(fetch, "the answer was", status);
    } else {
        take(fetch);
    }
    end(fetch);
}

static void on_fail(struct upstream_request *r, enum upstream_failure failure, const char *detail)
{
    struct jwks_fetch *fetch = r->user;
    failed(fetch, upstream_failure_name(failure), detail == NULL ? "" : detail);
    end(fetch);
}

static const struct upstream_ops ops = {
    .on_head = on_head, .on_data = on_data, .on_end = on_end, .on_fail = on_fail};

static void begin(struct jwks_fetch *fetch)
{
    const struct jwt_settings *settings = &fetch->snapshot->jwt;
    const struct url *url = &settings->url;
    struct error error;
    fetch->asked_ns = clock_monotonic(fetch->loop->clock);
    buf_init(&fetch->path, PATH_BYTES_MAX); /* a copy: a reload may come before the answer */
    buf_append(&fetch->path, url->path.len > 0 ? url->path : SLICE("/"));
    buf_append(&fetch->path, url->query.len > 0 ? SLICE("?") : SLICE_EMPTY);
    buf_append(&fetch->path, url->query);
    buf_init(&fetch->answer, JWKS_BYTES_MAX);
    if (!upstream_origin_init(&fetch->origin, url, SLICE_EMPTY, settings->ca_file, settings->proxy,
                              &error)) {
        failed(fetch, error.text, "");
        buf_release(&fetch->path);
        return;
    }
    fetch->under_way = true;
    fetch->status = 0;
    fetch->request = (struct upstream_request){
        .origin = &fetch->origin,
        .method = SLICE("GET"),
        .path = buf_slice(&fetch->path),
        .headers = SLICE("Accept: application/json\r\n"),
        .timeouts = {.connect = 8000, .first_byte = 10000, .idle = 10000, .total = 20000},
        .body_limit = JWKS_BYTES_MAX,
        .ops = &ops,
        .user = fetch,
    };
    upstream_send(fetch->client, &fetch->request);
}

static void on_due(struct deadline *deadline)
{
    struct jwks_fetch *fetch = deadline->owner;
    if (has_url(fetch) && !fetch->under_way && !fetch->closed) {
        begin(fetch);
    }
}

/* --- from outside ------------------------------------------------------------------------------
 */

struct jwks_fetch *jwks_fetch_new(struct net_loop *loop,
                                  void (*publish)(void *user, struct jwks *keys), void *user,
                                  struct error *error)
{
    struct jwks_fetch *fetch = memory_array(1, sizeof(*fetch));
    if (fetch == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
        return NULL;
    }
    fetch->client = upstream_new(loop, &upstream_default_limits, error);
    if (fetch->client == NULL) {
        memory_free(fetch);
        return NULL;
    }
    fetch->loop = loop;
    fetch->publish = publish;
    fetch->user = user;
    deadline_init(&fetch->due, loop, on_due, fetch);
    return fetch;
}

static void cancel(struct jwks_fetch *fetch)
{
    if (fetch->under_way) {
        upstream_cancel(&fetch->request);
        end(fetch);
    }
}

/* Keys from elsewhere, or for tokens of another issuer, are not those of before. */
static bool is_same_place(const struct jwt_settings *a, const struct jwt_settings *b)
{
    return slice_eq(a->jwks_url, b->jwks_url) && slice_eq(a->ca_file, b->ca_file) &&
           slice_eq(a->proxy, b->proxy) && slice_eq(a->rules.issuer, b->rules.issuer);
}

void jwks_fetch_watch(struct jwks_fetch *fetch, struct snapshot *snapshot)
{
    struct snapshot *old = fetch->snapshot;
    bool same = old != NULL && is_same_place(&old->jwt, &snapshot->jwt);
    fetch->snapshot = snapshot_ref(snapshot);
    if (!same) {
        cancel(fetch);
        fetch->publish(fetch->user, NULL);
        fetch->retry_ms = 0;
    }
    if (!same && has_url(fetch)) {
        begin(fetch);
    }
    snapshot_unref(old);
}

void jwks_fetch_hurry(struct jwks_fetch *fetch)
{
    int64_t since_ns = clock_monotonic(fetch->loop->clock) - fetch->asked_ns;
    if (has_url(fetch) && !fetch->closed && !fetch->under_way && since_ns >= HURRY_MS * NS_PER_MS) {
        begin(fetch);
    }
}

static void on_client_closed(void *user)
{
    (void)user;
}

void jwks_fetch_close(struct jwks_fetch *fetch)
{
    if (fetch == NULL || fetch->closed) {
        return;
    }
    fetch->closed = true;
    cancel(fetch);
    deadline_close(&fetch->due, NULL);
    upstream_close(fetch->client, on_client_closed, NULL);
}

void jwks_fetch_free(struct jwks_fetch *fetch)
{
    if (fetch == NULL) {
        return;
    }
    upstream_free(fetch->client);
    snapshot_unref(fetch->snapshot);
    memory_free(fetch);
}

void jwks_fetch_want(struct gateway *gateway)
{
    if (!atomic_exchange(&gateway->jwks_wanted, true)) {
        uv_async_send(&gateway->wake);
    }
}
