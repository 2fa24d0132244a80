/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_error.h"

#include "gateway/attempt_run.h"
#include "gateway/call_budget.h"

#include "codec/json_write.h"
#include "dialect/inner.h"

#include <stdio.h>

/* A want of one target, not of the machine: another target may have what it needs. */
#define CREDENTIAL_UNAVAILABLE "credential_unavailable"

bool status_allows_fallback(int status)
{
    switch (status) {
    case 401: /* the operator's credential or account is at fault, not the request: another target
                 may work */
    case 402:
    case 403:
    case 404:
    case 408:
    case 409:
    case 425:
    case 429:
        return true;
    default:
        return status >= 500 || status < 200 || (status >= 300 && status < 400);
    }
}

/* --- errors inside status 200 --- */

/* In a form that every dialect reads as the body of a refusal. */
static void write_as_body(const struct meter *meter, struct buf *out)
{
    static const char *const names[] = {"type", "code", "status"};
    const struct slice name = slice_from_cstr(meter->error_name);
    const struct slice message = slice_from_cstr(meter->error);
    struct json_writer json;
    json_writer_init(&json, out);
    json_begin_object(&json);
    json_member_string(&json, SLICE("message"), message); /* where Bedrock looks for it */
    json_key(&json, SLICE("error"));
    json_begin_object(&json);
    for (size_t i = 0; i < ARRAY_LEN(names) && name.len > 0; i++) {
        json_member_string(&json, slice_from_cstr(names[i]), name);
    }
    json_member_string(&json, SLICE("message"), message);
    json_end_object(&json);
    json_end_object(&json);
}

static int status_of_name(struct slice name)
{
    static const struct {
        const char *part;
        int status;
    } parts[] = {
        {"rate_limit", 429},        {"ratelimit", 429},      {"too_many_requests", 429},
        {"exhausted", 429},         {"throttl", 429},        {"quota", 429},
        {"overload", 529},          {"unavailable", 503},    {"slow_down", 503},
        {"api_key", 401},           {"authentication", 401}, {"unauthenticated", 401},
        {"billing", 402},           {"permission", 403},     {"not_found", 404},
        {"request_too_large", 413}, {"invalid_", 400},       {"validation", 400},
    };
    uint64_t number = 0;
    if (slice_to_u64(name, &number) && number >= 400 && number < 600) {
        return (int)number;
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (inner_contains(name, parts[i].part)) {
            return parts[i].status;
        }
    }
    return 502;
}

void call_note_stream_error(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    struct provider_error refusal;
    memset(&refusal, 0, sizeof(refusal));
    int status = status_of_name(slice_from_cstr(attempt->meter.error_name));
    buf_clear(&attempt->answer);
    write_as_body(&attempt->meter, &attempt->answer);
    attempt->back->read_error(attempt->decoder, status, buf_slice(&attempt->answer), &refusal);
    attempt->error_code = refusal.context_length   ? "context_length_exceeded"
                          : refusal.content_filter ? "content_filter"
                                                   : NULL;
    attempt->error_status = attempt->error_code != NULL ? 400 : status;
}

enum call_step call_fail_in_stream(struct call *call)
{
    const struct attempt *attempt = &call->attempt;
    const int status = attempt->error_status;
    struct fail_words words = {
        .code = slice_from_cstr(attempt->error_code != NULL ? attempt->error_code
                                                            : attempt->meter.error_name),
        .message = slice_from_cstr(attempt->meter.error),
    };
    if (status == 529) {
        words.type = SLICE("overloaded_error");
        return call_fail_words(call, 503, "upstream_cut", &words);
    }
    bool known = status == 429 || status == 503 || !status_allows_fallback(status);
    return call_fail_words(call, known ? status : 502, "upstream_cut", &words);
}

/* --- the failure that is told --- */

void call_attempt_undo(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    struct health_sample sample = {.outcome = HEALTH_CANCELLED,
                                   .now_ns = clock_monotonic(call->worker->loop.clock),
                                   .first_byte_ms = -1,
                                   .total_ms = -1};
    health_record(attempt->target->health, &sample);
    attempt->target = NULL; /* nothing was sent: it was no attempt */
    call->attempts--;
    call->tries--;
}

enum call_step call_attempt_impossible(struct call *call, const struct error *error)
{
    call_attempt_undo(call);
    struct error *kept = arena_alloc(&call->arena, sizeof(*kept));
    bool ours =
        error->kind == ERROR_ENVIRONMENT && strcmp(error->code, CREDENTIAL_UNAVAILABLE) != 0;
    if (kept == NULL || ours) {
        return call_fail_error(call, error);
    }
    *kept = *error;
    call->impossible = kept;
    return STEP_ATTEMPT;
}

void call_note_limited(struct call *call, const struct budget_refusal *refusal)
{
    struct plan *plan = &call->decision->plan;
    size_t at = call->next_entry - 1; /* the one that was begun */
    struct plan_entry entry = plan->entries[at];
    call->target_refused = true;
    call->target_refusal = *refusal;
    entry.reason = REASON_LIMIT;
    entry.taken = false;
    memmove(&plan->entries[at], &plan->entries[at + 1],
            (plan->taken - at - 1) * sizeof(plan->entries[0]));
    plan->entries[--plan->taken] = entry;
    call->next_entry--;
}

static int status_for_client(const struct call *call)
{
    const struct attempt *attempt = &call->attempt;
    if (attempt_refusal(attempt) == 429) {
        return 429;
    }
    if (attempt_refusal(attempt) == 529) {
        return call->front->overloaded_status != 0 ? call->front->overloaded_status : 503;
    }
    if (attempt->error != NULL && strstr(attempt->error, "timeout") != NULL) {
        return 504;
    }
    return attempt_refusal(attempt) == 503 ? 503 : 502;
}

static const char *code_for_client(const struct attempt *attempt)
{
    switch (attempt_refusal(attempt)) {
    case 429:
    case 529:
        return "upstream_rate_limited";
    case 401:
    case 402:
    case 403:
        return "upstream_refused_credentials";
    case 404:
        return "upstream_model_not_found";
    default:
        return attempt->error != NULL && strstr(attempt->error, "timeout") != NULL
                   ? "upstream_timeout"
                   : "upstream_failed";
    }
}

/* The plan is used up and nothing was sent anywhere. */
static enum call_step nothing_tried(struct call *call)
{
    if (call->impossible != NULL) {
        return call_fail_error(call, call->impossible);
    }
    if (call->over_budget) {
        return call_fail(call, 422, "no_feasible_target", NULL,
                         "What is left of the cost limit pays for no target that could take this "
                         "request.");
    }
    call->attempt.retry_after_ms = HEALTH_BACKOFF_MIN_MS;
    return call_fail(call, 503, "no_target_available", NULL,
                     "Every target that could take this request is being rested after failures; "
                     "try again shortly.");
}

enum call_step call_plan_exhausted(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    const struct told_failure *told = &call->told;
    if (call->target_refused && (call->tries == 0 || told->rank == TOLD_NOTHING)) {
        return call_budget_refuse(call, &call->target_refusal);
    }
    if (call->tries == 0 || told->rank == TOLD_NOTHING) {
        return nothing_tried(call);
    }
    attempt->retry_after_ms = told->retry_after_ms;
    attempt->retry = told->retry;
    attempt->limits = call->tries == 1 ? told->limits : SLICE_EMPTY;
    if (attempt->target == NULL) { /* the last one of the plan could not be sent the request */
        attempt->target = told->target;
        attempt->model = told->target->model;
        attempt->lane = told->lane;
    }
    if (told->message.len > 0) {
        const struct fail_words words = {
            .code = told->own_code, .param = told->param, .message = told->message};
        return call_fail_words(call, told->status, told->code, &words);
    }
    return call_fail(call, told->status, told->code, NULL, "%u attempt%s failed: %s.", call->tries,
                     call->tries == 1 ? "" : "s", call->failures);
}

/* A word of the provider's, plain and bounded, as the client may have it. */
static struct slice keep_word(struct call *call, struct slice inner)
{
    char word[128];
    size_t len = json_unescape_to(inner, word, sizeof(word));
    return len == 0 ? SLICE_EMPTY : arena_copy(&call->arena, slice_of(word, len));
}

/* Its code, unless it is only the status or the type once more, and its name for the member, where
 * the client speaks the same language. */
static void note_words(struct call *call, const struct provider_error *refusal,
                       struct told_failure *told)
{
    uint64_t number = 0;
    if (!slice_to_u64(refusal->code, &number) && !slice_eq(refusal->code, refusal->type)) {
        told->own_code = keep_word(call, refusal->code);
    }
    if (call->front->write_error == call->attempt.back->write_error) {
        told->param = keep_word(call, refusal->param);
    }
}

/* Its own words, its own status. */
static void note_refusal(struct call *call, const struct provider_error *refusal,
                         struct told_failure *told)
{
    const struct attempt *attempt = &call->attempt;
    char message[768];
    size_t len = json_unescape_to(refusal->message, message, sizeof(message) - 1);
    if (len == 0) {
        len = (size_t)snprintf(message, sizeof(message),
                               "The provider %.*s refused the request with status %d.",
                               SLICE_ARG(attempt->provider->name), attempt_refusal(attempt));
    }
    told->message = arena_copy(&call->arena, slice_of(message, len));
    told->status = attempt_refusal(attempt);
    told->code = refusal->context_length   ? "context_length_exceeded"
                 : refusal->content_filter ? "content_filter"
                                           : "upstream_rejected";
    if (!refusal->context_length && !refusal->content_filter) {
        note_words(call, refusal, told);
    }
    /* A prompt that is too long here may fit the next target, and that one may be able to do what
     * this one cannot: what it meets counts. */
    bool unfit = attempt->unfit.lacks != 0 || attempt->unfit.no_model;
    told->rank = refusal->context_length || unfit ? TOLD_HOPELESS : TOLD_REFUSED;
}

static enum retry_advice retry_of(const struct attempt *attempt,
                                  const struct provider_error *refusal)
{
    if (attempt->retry != RETRY_UNSAID) {
        return attempt->retry;
    }
    switch (attempt_refusal(attempt)) {
    case 401:
    case 402:
    case 403:
    case 404:
        return RETRY_NO;
    default:
        return refusal->quota ? RETRY_NO : RETRY_UNSAID;
    }
}

void call_note_failure(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    struct provider_error refusal;
    memset(&refusal, 0, sizeof(refusal));
    if (attempt_refusal(attempt) >= 400) {
        attempt->back->read_error(attempt->decoder, attempt_refusal(attempt),
                                  buf_slice(&attempt->answer), &refusal);
    }
    bool limited = attempt_refusal(attempt) == 429 || attempt_refusal(attempt) == 529;
    enum retry_advice retry = retry_of(attempt, &refusal);
    struct told_failure told = {
        .rank = retry == RETRY_NO ? TOLD_HOPELESS
                : limited         ? TOLD_LIMITED
                                  : TOLD_FAILED,
        .status = status_for_client(call),
        .code = code_for_client(attempt),
        .retry_after_ms = attempt->retry_after_ms,
        .retry = retry,
        .limits = attempt->limits,
        .target = attempt->target,
        .lane = attempt->lane,
    };
    bool unknown = attempt->called && attempt_refusal(attempt) == 404; /* as the client called it */
    if (unknown ||
        (attempt_refusal(attempt) >= 400 && !status_allows_fallback(attempt_refusal(attempt)))) {
        note_refusal(call, &refusal, &told);
    }
    if (told.rank >= call->told.rank) {
        call->told = told;
    }
}
