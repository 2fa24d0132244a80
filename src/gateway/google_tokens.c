/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/google_tokens.h"

#include "base/log.h"
#include "base/memory.h"
#include "net/upstream.h"

#include <pthread.h>
#include <stdio.h>

#define RENEW_BEFORE_S 300
#define RETRY_FIRST_S 1
#define RETRY_LAST_S 60
#define ANSWER_BYTES_MAX ((size_t)64 << 10)
#define FORM_BYTES_MAX ((size_t)64 << 10)
#define NAME_BYTES_MAX ((size_t)8 << 10)
#define SPARE_NS                                                                                   \
    (5 * NS_PER_S) /* a token that ends within it is none: the request takes time too */

struct account_token {
    struct google_tokens *owner;
    struct account_token *next;
    struct buf name;    /* which account: address, key and place of tokens */
    struct buf token;   /* secret; guarded by the lock, as the next */
    int64_t expires_ns; /* monotonic */
    /* the main thread's: */
    const struct provider *provider; /* of the snapshot that is watched; NULL: of none */
    int64_t due_ns;                  /* when it is to be fetched */
    int64_t retry_s;
    bool under_way;
    int status;
    struct upstream_origin origin; /* while under way, as what follows */
    struct upstream_request request;
    struct buf path;
    struct buf form;
    struct buf answer; /* secret */
};

struct google_tokens {
    struct net_loop *loop;
    struct upstream *client;
    struct deadline due;
    pthread_mutex_t lock; /* guards the list against the workers, and what is said above */
    struct account_token *first;
    struct snapshot *snapshot;
    bool closed;
};

static void wipe(struct buf *b)
{
    if (b->ptr != NULL) {
        memory_wipe(b->ptr, b->cap);
    }
    buf_release(b);
}

static void append_name(const struct service_account *account, struct buf *out)
{
    buf_append(out, account->email);
    buf_append_char(out, '\n');
    buf_append(out, account->key_id);
    buf_append_char(out, '\n');
    buf_append(out, account->token_uri);
}

static struct account_token *find(const struct google_tokens *tokens,
                                  const struct service_account *account)
{
    struct buf name = BUF_INIT(NAME_BYTES_MAX);
    struct account_token *token = tokens->first;
    append_name(account, &name);
    while (token != NULL && !slice_eq(buf_slice(&token->name), buf_slice(&name))) {
        token = token->next;
    }
    buf_release(&name);
    return token;
}

/* --- for the workers --- */

bool google_tokens_append(struct google_tokens *tokens, const struct service_account *account,
                          int64_t now_ns, struct buf *out)
{
    bool ok = false;
    if (tokens == NULL) {
        return false;
    }
    pthread_mutex_lock(&tokens->lock);
    const struct account_token *token = find(tokens, account);
    if (token != NULL && token->token.len > 0 && token->expires_ns > now_ns + SPARE_NS) {
        buf_append(out, SLICE("Authorization: Bearer "));
        buf_append(out, buf_slice(&token->token));
        ok = buf_append(out, SLICE("\r\n"));
    }
    pthread_mutex_unlock(&tokens->lock);
    return ok;
}

/* --- one fetch --- */

static void plan(struct google_tokens *tokens);

static void end_fetch(struct account_token *token)
{
    token->under_way = false;
    upstream_origin_release(&token->origin);
    buf_release(&token->path);
    wipe(&token->form);
    wipe(&token->answer);
}

static void fetch_failed(struct account_token *token, const char *why, const char *detail)
{
    int64_t now_ns = clock_monotonic(token->owner->loop->clock);
    token->retry_s = token->retry_s == 0 ? RETRY_FIRST_S : token->retry_s * 2;
    token->retry_s = token->retry_s > RETRY_LAST_S ? RETRY_LAST_S : token->retry_s;
    token->due_ns = now_ns + token->retry_s * NS_PER_S;
    log_event(LOG_WARN, "google_token",
              "no access token for provider %.*s: %s%s%s; asking again in %lld s",
              SLICE_ARG(token->provider->name), why, detail[0] == '\0' ? "" : " ", detail,
              (long long)token->retry_s);
}

/* Half of a short life, else five minutes before the end. */
static int64_t renew_after_s(int64_t expires_in_s)
{
    return expires_in_s > 2 * RENEW_BEFORE_S ? expires_in_s - RENEW_BEFORE_S
           : expires_in_s > 1                ? expires_in_s / 2
                                             : 1;
}

static void take_token(struct account_token *token, const struct service_token *fetched)
{
    struct google_tokens *tokens = token->owner;
    int64_t now_ns = clock_monotonic(tokens->loop->clock);
    struct buf fresh = BUF_INIT(SERVICE_ACCOUNT_TOKEN_MAX);
    if (!buf_append(&fresh, fetched->token)) {
        fetch_failed(token, "out of memory", "");
        return;
    }
    pthread_mutex_lock(&tokens->lock);
    struct buf old = token->token;
    token->token = fresh;
    token->expires_ns = now_ns + fetched->expires_in_s * NS_PER_S;
    pthread_mutex_unlock(&tokens->lock);
    wipe(&old);
    token->retry_s = 0;
    token->due_ns = now_ns + renew_after_s(fetched->expires_in_s) * NS_PER_S;
    log_event(LOG_DEBUG, "google_token", "provider %.*s has an access token for %lld s",
              SLICE_ARG(token->provider->name), (long long)fetched->expires_in_s);
}

static void on_head(struct upstream_request *r, const struct http_response *head)
{
    struct account_token *token = r->user;
    token->status = head->status;
}

static void on_data(struct upstream_request *r, struct slice bytes)
{
    struct account_token *token = r->user;
    (void)buf_append(&token->answer, bytes); /* what is too long fails the buffer */
}

static void on_end(struct upstream_request *r)
{
    struct account_token *token = r->user;
    struct service_token fetched;
    struct arena arena;
    char status[24];
    arena_init(&arena, ANSWER_BYTES_MAX);
    if (token->status != 200) {
        (void)snprintf(status, sizeof status, "%d", token->status);
        fetch_failed(token, "the token's address answered", status);
    } else if (token->answer.failed ||
               !service_account_read_token(buf_slice(&token->answer), &arena, &fetched)) {
        fetch_failed(token, "the answer holds none", "");
    } else {
        take_token(token, &fetched);
        memory_wipe((void *)(uintptr_t)fetched.token.ptr, fetched.token.len);
    }
    arena_release(&arena);
    end_fetch(token);
    plan(token->owner);
}

static void on_fail(struct upstream_request *r, enum upstream_failure failure, const char *detail)
{
    struct account_token *token = r->user;
    fetch_failed(token, upstream_failure_name(failure), detail == NULL ? "" : detail);
    end_fetch(token);
    plan(token->owner);
}

static const struct upstream_ops ops = {
    .on_head = on_head, .on_data = on_data, .on_end = on_end, .on_fail = on_fail};

static void begin_fetch(struct account_token *token)
{
    struct google_tokens *tokens = token->owner;
    const struct service_account *account = &token->provider->account;
    const struct url *url = &account->token_url;
    struct error error;
    bool direct = url_is_loopback(url);
    buf_init(&token->path, FORM_BYTES_MAX); /* a copy: a reload may come before the answer */
    buf_append(&token->path, url->path.len > 0 ? url->path : SLICE("/"));
    buf_init(&token->form, FORM_BYTES_MAX);
    buf_init(&token->answer, ANSWER_BYTES_MAX);
    if (!upstream_origin_init(&token->origin, url, SLICE_EMPTY, SLICE_EMPTY,
                              direct ? SLICE_EMPTY : token->provider->proxy, &error)) {
        fetch_failed(token, error.text, "");
        buf_release(&token->path);
        return;
    }
    int64_t now_s = clock_wall(tokens->loop->clock) / NS_PER_S;
    if (!service_account_write_request(account, now_s, &token->form)) {
        fetch_failed(token, "the assertion could not be signed", "");
        end_fetch(token);
        return;
    }
    token->under_way = true;
    token->status = 0;
    token->request = (struct upstream_request){
        .origin = &token->origin,
        .method = SLICE("POST"),
        .path = buf_slice(&token->path),
        .headers = SLICE("Content-Type: application/x-www-form-urlencoded\r\n"
                         "Accept: application/json\r\n"),
        .body = buf_slice(&token->form),
        .timeouts = {.connect = 8000, .first_byte = 10000, .idle = 10000, .total = 20000},
        .body_limit = ANSWER_BYTES_MAX,
        .ops = &ops,
        .user = token,
    };
    upstream_send(tokens->client, &token->request);
}

/* Starts what is due, and wakes up for what is due next. */
static void plan(struct google_tokens *tokens)
{
    int64_t now_ns = clock_monotonic(tokens->loop->clock);
    int64_t next_ns = INT64_MAX;
    for (struct account_token *token = tokens->first; token != NULL && !tokens->closed;
         token = token->next) {
        if (!token->under_way && token->due_ns <= now_ns) {
            begin_fetch(token);
        }
        if (!token->under_way && token->due_ns < next_ns) {
            next_ns = token->due_ns;
        }
    }
    if (next_ns != INT64_MAX) {
        int64_t ms = next_ns > now_ns ? (next_ns - now_ns) / NS_PER_MS + 1 : 1;
        deadline_set(&tokens->due, (uint64_t)ms);
    }
}

static void on_due(struct deadline *deadline)
{
    plan(deadline->owner);
}

/* --- the accounts --- */

static struct account_token *token_new(struct google_tokens *tokens,
                                       const struct service_account *account)
{
    struct account_token *token = memory_array(1, sizeof *token);
    if (token == NULL) {
        return NULL;
    }
    token->owner = tokens;
    buf_init(&token->name, NAME_BYTES_MAX);
    append_name(account, &token->name);
    if (token->name.failed) {
        buf_release(&token->name);
        memory_free(token);
        return NULL;
    }
    return token;
}

static void token_free(struct account_token *token)
{
    if (token->under_way) {
        upstream_cancel(&token->request);
        end_fetch(token);
    }
    wipe(&token->token);
    buf_release(&token->name);
    memory_free(token);
}

static void watch_provider(struct google_tokens *tokens, const struct provider *provider)
{
    if (provider->auth != AUTH_GOOGLE_SERVICE_ACCOUNT || provider->account.email.len == 0) {
        return;
    }
    struct account_token *token = find(tokens, &provider->account);
    if (token == NULL) {
        token = token_new(tokens, &provider->account);
        if (token == NULL) {
            log_event(LOG_ERROR, "google_token", "out of memory for an access token");
            return;
        }
        pthread_mutex_lock(&tokens->lock);
        token->next = tokens->first;
        tokens->first = token;
        pthread_mutex_unlock(&tokens->lock);
    }
    token->provider = provider;
}

static void drop_unwatched(struct google_tokens *tokens)
{
    struct account_token **at = &tokens->first;
    while (*at != NULL) {
        struct account_token *token = *at;
        if (token->provider != NULL) {
            at = &token->next;
            continue;
        }
        pthread_mutex_lock(&tokens->lock);
        *at = token->next;
        pthread_mutex_unlock(&tokens->lock);
        token_free(token);
    }
}

struct google_tokens *google_tokens_new(struct net_loop *loop, struct error *error)
{
    struct google_tokens *tokens = memory_array(1, sizeof *tokens);
    if (tokens == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
        return NULL;
    }
    tokens->client = upstream_new(loop, &upstream_default_limits, error);
    if (tokens->client == NULL) {
        memory_free(tokens);
        return NULL;
    }
    tokens->loop = loop;
    pthread_mutex_init(&tokens->lock, NULL);
    deadline_init(&tokens->due, loop, on_due, tokens);
    return tokens;
}

void google_tokens_watch(struct google_tokens *tokens, struct snapshot *snapshot)
{
    struct snapshot *old = tokens->snapshot;
    tokens->snapshot = snapshot_ref(snapshot);
    for (struct account_token *token = tokens->first; token != NULL; token = token->next) {
        token->provider = NULL;
    }
    for (size_t i = 0; i < snapshot->provider_count; i++) {
        watch_provider(tokens, &snapshot->providers[i]);
    }
    drop_unwatched(tokens);
    snapshot_unref(old);
    plan(tokens);
}

static void on_client_closed(void *user)
{
    (void)user;
}

void google_tokens_close(struct google_tokens *tokens)
{
    if (tokens == NULL || tokens->closed) {
        return;
    }
    tokens->closed = true;
    for (struct account_token *token = tokens->first; token != NULL; token = token->next) {
        token->provider = NULL;
    }
    drop_unwatched(tokens);
    deadline_close(&tokens->due, NULL);
    upstream_close(tokens->client, on_client_closed, NULL);
}

void google_tokens_free(struct google_tokens *tokens)
{
    if (tokens == NULL) {
        return;
    }
    upstream_free(tokens->client);
    snapshot_unref(tokens->snapshot);
    pthread_mutex_destroy(&tokens->lock);
    memory_free(tokens);
}
