/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/answer_cache.h"

#include "gateway/answer_value.h"
#include "gateway/call_budget.h"
#include "gateway/call_check.h"
#include "gateway/call_offers.h"
#include "gateway/call_record.h"
#include "gateway/cluster_ask.h"
#include "gateway/fragile.h"
#include "gateway/gateway.h"
#include "store/redis.h"
#include "store/shared.h"

#include <openssl/evp.h>

#define REDIS_MS 5 /* a call waits no longer for what other nodes may have */

static const struct cache_settings *settings_of(const struct call *call)
{
    return &call->snapshot->cache;
}

bool answer_cache_wanted(const struct call *call)
{
    return settings_of(call)->ttl_ms > 0 && call->decision->cache != CACHE_WISH_OFF &&
           call->chat.operation != OPERATION_TOKEN_COUNT && !call->meta && !call->keeps_answer &&
           call->cache.state == CACHE_STATE_OFF && call->worker->gateway->answers != NULL;
}

/* --- names --- */

/* Headers that change what is answered. */
static bool header_counts(struct slice name)
{
    static const struct slice others[] = {
        SLICE_INIT("x-sluice-cache"), SLICE_INIT("x-sluice-session"), SLICE_INIT("x-sluice-meta")};
    if (slice_eq_nocase(name, SLICE("anthropic-version")) ||
        slice_eq_nocase(name, SLICE("anthropic-beta")) ||
        slice_eq_nocase(name, SLICE("openai-beta"))) {
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (slice_eq_nocase(name, others[i])) {
            return false;
        }
    }
    return name.len > 9 && slice_eq_nocase(slice_of(name.ptr, 9), SLICE("x-sluice-"));
}

/* Each text with its length before it, so that none runs into the next. */
static bool add(EVP_MD_CTX *context, struct slice text)
{
    uint64_t len = text.len;
    return EVP_DigestUpdate(context, &len, sizeof(len)) == 1 &&
           (text.len == 0 || EVP_DigestUpdate(context, text.ptr, text.len) == 1);
}

static bool add_request(EVP_MD_CTX *context, const struct call *call)
{
    const struct http_request *request = http_exchange_request(call->exchange);
    bool ok = add(context, request->path) && add(context, request->query);
    for (size_t i = 0; ok && i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        if (header_counts(header->name)) {
            ok = add(context, header->name) && add(context, header->value);
        }
    }
    unsigned fragile = fragile_client(request); /* what is written differently for its client */
    return ok && add(context, slice_of((const char *)&fragile, sizeof(fragile))) &&
           add(context, call->chat.body);
}

static bool make_name(struct call *call)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
              add_request(context, call) &&
              EVP_DigestFinal_ex(context, call->cache.name, NULL) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

static struct shared_key key_of(const struct call *call)
{
    return (struct shared_key){SHARED_ANSWER, call->key_id,
                               slice_of((const char *)call->cache.name, sizeof(call->cache.name))};
}

/* "cache:CLUSTER:KEY:DIGEST" in Redis: another cluster has keys of the same numbers. Empty: nothing
 * is shared, or not yet. */
static struct slice redis_name(const struct call *call, char text[CLUSTER_KEY_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    struct cluster_member *member = call->worker->gateway->cluster.member;
    if (member == NULL || !cluster_ask_possible(call->worker)) {
        return SLICE_EMPTY;
    }
    struct member_facts facts = member_facts(member);
    if (facts.cluster[0] == '\0') {
        return SLICE_EMPTY;
    }
    int len = snprintf(text, CLUSTER_KEY_SIZE, "cache:%s:%llu:", facts.cluster,
                       (unsigned long long)call->key_id);
    CHECK((size_t)len + 2 * sizeof(call->cache.name) < CLUSTER_KEY_SIZE);
    char *at = text + len;
    for (size_t i = 0; i < sizeof(call->cache.name); i++) {
        *at++ = digits[call->cache.name[i] >> 4];
        *at++ = digits[call->cache.name[i] & 15];
    }
    return slice_of(text, (size_t)(at - text));
}

/* --- a hit --- */

/* Who answered then, if it may answer now, or NULL: keys, targets and routes change while answers
 * are kept. That it rests, or is dear or slow just now, is no matter: nobody asks it. */
static const struct target *target_of(const struct call *call,
                                      const struct slice names[ANSWER_NAMES])
{
    const struct plan *plan = &call->decision->plan;
    const struct policy *policy = &call->snapshot->policy;
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_entry *entry = &plan->entries[i];
        const struct target *target = &policy->targets[entry->target];
        if (slice_eq(target->name, names[0])) {
            bool same =
                slice_eq(target->provider_name, names[1]) && slice_eq(target->model, names[2]);
            bool may = entry->taken || entry->reason == REASON_DEAD ||
                       entry->reason == REASON_COST || entry->reason == REASON_LATENCY;
            return same && may ? target : NULL;
        }
    }
    return NULL;
}

/* Answers from the kept bytes. False: they are too old, of a target that may not answer, or no
 * answer. */
static bool answer_from(struct call *call, struct slice bytes)
{
    struct answer_value value;
    int64_t now_ns = clock_wall(call->worker->loop.clock);
    if (!answer_value_read(bytes, &value) || now_ns < value.made_wall_ns ||
        now_ns - value.made_wall_ns > settings_of(call)->ttl_ms * NS_PER_MS) {
        return false;
    }
    const struct target *target = target_of(call, value.names);
    if (target == NULL) {
        return false;
    }
    struct attempt *attempt = &call->attempt;
    buf_clear(&attempt->answer);
    struct slice type = arena_copy(&call->arena, value.content_type);
    if (!buf_append(&attempt->answer, value.body) || type.ptr == NULL) {
        return false;
    }
    attempt->lane = LANE_VERBATIM;
    attempt->content_type = type;
    call->cache.target = target;
    call->cache.usage = value.usage;
    call->cache.age_s = (now_ns - value.made_wall_ns) / NS_PER_S;
    call->cache.state = CACHE_STATE_HIT;
    return true;
}

/* As an attempt that asked nobody: so its usage is in the ledger, and what it would have cost there
 * and at the baseline can be computed again. */
static bool journal_hit(const struct call *call, const struct call_record *closing)
{
    const struct target *target = call->cache.target;
    struct journal *journal = ledger_journal(call->worker->gateway->ledger);
    struct hold_record hold = {
        .call = call->id,
        .attempt = closing->attempts,
        .wall_ns = clock_wall(call->worker->loop.clock),
        .key_id = call->key_id,
        .target = target->name,
        .provider = SLICE("cache"),
        .model = target->model,
    };
    const struct settle_record settle = {
        .call = call->id,
        .attempt = closing->attempts,
        .wall_ns = hold.wall_ns,
        .key_id = call->key_id,
        .outcome = ATTEMPT_OK,
        .usage = call->cache.usage,
        .priced = true,
        .first_byte_us = -1,
        .total_us = closing->total_us,
        .target = target->name,
        .provider = hold.provider,
        .model = target->model,
        .lane = slice_from_cstr(lane_name(LANE_VERBATIM)),
        .offer = call_offer(call, target),
        .basis = CHARGE_CACHE,
        .catalogue_nd = RECORD_NO_CATALOGUE,
    };
    const struct budget_hold none = {.open = false};
    char names[BUDGET_NAMES_SIZE];
    call_budget_scopes(call, &none, names, &hold);
    call_record_facts(call, &hold);
    return journal_hold(journal, &hold) && journal_settle_and_call(journal, &settle, closing);
}

static void record_hit(struct call *call)
{
    struct call_record closing;
    call_record_fill(call, clock_monotonic(call->worker->loop.clock), &closing);
    if (call->worker->gateway->ledger != NULL && !journal_hit(call, &closing)) {
        metric_add(&call->worker->metrics.ledger_refused, 1);
    }
    call_record_closed(call, &closing);
}

/* Who named its target saves what that would have cost: the whole of it. */
static enum call_step deliver_hit(struct call *call)
{
    const struct policy *policy = &call->snapshot->policy;
    metric_add(&call->worker->metrics.cache_hits, 1);
    call->status = 200;
    call->error_code = NULL;
    call->delivered = true;
    if (call->baseline == NO_TARGET) {
        call->baseline = (uint16_t)(call->cache.target - policy->targets);
    }
    call->baseline_nd = policy_cost(policy, &policy->targets[call->baseline], &call->cache.usage);
    record_hit(call);
    return STEP_DELIVER;
}

static enum call_step miss(struct call *call)
{
    metric_add(&call->worker->metrics.cache_misses, 1);
    call->cache.state = CACHE_STATE_MISS;
    call->cache.keeps = true;
    buf_init(&call->cache.copy, (size_t)settings_of(call)->entry_bytes);
    return call_planned(call);
}

static void answered(void *user, const struct redisReply *answer)
{
    struct call *call = user;
    struct slice bytes = redis_text(answer);
    call->cache.question = NULL;
    if (bytes.len == 0 || !answer_from(call, bytes)) {
        if (call->decision->plan.taken == 0) { /* the refusal tells of them, and other calls used */
            features_extract(&call->chat, &call->worker->features); /* the scratch meanwhile */
        }
        call_run(call, miss(call));
        return;
    }
    struct shared_key key = key_of(call);
    (void)!shared_put(call->worker->gateway->answers, &key, bytes);
    call_run(call, deliver_hit(call));
}

static bool found_here(struct call *call)
{
    struct buf value = BUF_INIT((size_t)settings_of(call)->entry_bytes + ANSWER_HEAD_MAX);
    struct shared_key key = key_of(call);
    bool found = shared_get(call->worker->gateway->answers, &key, &value) &&
                 answer_from(call, buf_slice(&value));
    buf_release(&value);
    return found;
}

enum call_step call_recall(struct call *call)
{
    char name[CLUSTER_KEY_SIZE];
    if (!make_name(call)) {
        call->cache.state = CACHE_STATE_MISS; /* nothing is kept either */
        return call_planned(call);
    }
    if (call->decision->cache == CACHE_WISH_REFRESH) {
        return miss(call);
    }
    if (found_here(call)) {
        return deliver_hit(call);
    }
    struct slice shared = redis_name(call, name);
    call->cache.state = CACHE_STATE_ASKS;
    call->cache.question =
        shared.len > 0 ? cluster_get(call->worker, shared, REDIS_MS, answered, call) : NULL;
    return call->cache.question != NULL ? STEP_WAIT : miss(call);
}

/* --- keeping --- */

void answer_cache_begin(struct call *call, struct slice content_type)
{
    struct call_cache *cache = &call->cache;
    cache->keeps = cache->keeps && content_type.len < sizeof(cache->content_type) &&
                   call_check_reason(call) == NULL; /* what is not good enough is not repeated */
    if (cache->keeps) {
        slice_to_cstr(content_type, cache->content_type, sizeof(cache->content_type));
    }
}

void answer_cache_take(struct call *call, struct slice bytes)
{
    struct call_cache *cache = &call->cache;
    if (cache->keeps && !buf_append(&cache->copy, bytes)) {
        cache->keeps = false; /* too large, or no memory */
        buf_release(&cache->copy);
    }
}

void answer_cache_finish(struct call *call)
{
    const struct attempt *attempt = &call->attempt;
    const struct target *target = attempt->target;
    struct call_cache *cache = &call->cache;
    if (!cache->keeps || !call->delivered || target == NULL || attempt->meter.unread) {
        return;
    }
    struct answer_value value = {
        .made_wall_ns = clock_wall(call->worker->loop.clock),
        .usage = attempt->meter.usage,
        .content_type = slice_from_cstr(cache->content_type),
        .names = {target->name, target->provider_name, target->model},
        .body = buf_slice(&cache->copy),
    };
    struct buf bytes = BUF_INIT(value.body.len + ANSWER_HEAD_MAX);
    struct shared_key key = key_of(call);
    char name[CLUSTER_KEY_SIZE];
    if (answer_value_write(&value, &bytes) &&
        shared_put(call->worker->gateway->answers, &key, buf_slice(&bytes))) {
        metric_add(&call->worker->metrics.cache_kept, 1);
    }
    struct slice shared = bytes.failed ? SLICE_EMPTY : redis_name(call, name);
    if (shared.len > 0) {
        cluster_set(call->worker, shared, buf_slice(&bytes), settings_of(call)->ttl_ms);
    }
    cache->keeps = false;
    buf_release(&cache->copy);
    buf_release(&bytes);
}

/* --- what is said of it --- */

struct slice answer_cache_word(const struct call *call)
{
    switch (call->cache.state) {
    case CACHE_STATE_HIT:
        return SLICE("hit");
    case CACHE_STATE_MISS:
        return SLICE("miss");
    default:
        return SLICE("off");
    }
}

void answer_cache_record(const struct call *call, struct call_record *record)
{
    if (call->cache.state == CACHE_STATE_HIT) {
        record->target = call->cache.target->name;
        record->provider = SLICE("cache");
        record->model = call->cache.target->model;
        record->input_tokens = call->cache.usage.input;
        record->output_tokens = call->cache.usage.output;
        record->attempts = call->attempts + 1; /* the ledger's own, see journal_hit() */
    }
}

void answer_cache_release(struct call *call)
{
    buf_release(&call->cache.copy);
    if (call->cache.question != NULL) {
        cluster_ask_cancel(call->cache.question);
        call->cache.question = NULL;
    }
}
