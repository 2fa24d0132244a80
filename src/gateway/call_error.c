/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_error.h"

#include "gateway/attempt_run.h"

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

enum call_step call_attempt_impossible(struct call *call, const struct error *error)
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

static int status_for_client(const struct attempt *attempt)
{
    if (attempt->status == 429 || attempt->status == 529) {
        return attempt->status == 429 ? 429 : 503;
    }
    if (attempt->error != NULL && strstr(attempt->error, "timeout") != NULL) {
        return 504;
    }
    return attempt->status == 503 ? 503 : 502;
}

static const char *code_for_client(const struct attempt *attempt)
{
    switch (attempt->status) {
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
    if (call->tries == 0 || told->rank == TOLD_NOTHING) {
        return nothing_tried(call);
    }
    attempt->retry_after_ms = told->retry_after_ms;
    attempt->retry = told->retry;
    attempt->limits = call->tries == 1 ? told->limits : SLICE_EMPTY;
    if (attempt->target == NULL) { /* the last one of the plan could not be sent the request */
        attempt->target = told->target;
        attempt->lane = told->lane;
    }
    if (told->message.len > 0) {
        return call_fail(call, told->status, told->code, NULL, "%.*s", SLICE_ARG(told->message));
    }
    return call_fail(call, told->status, told->code, NULL, "%u attempt%s failed: %s.", call->tries,
                     call->tries == 1 ? "" : "s", call->failures);
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
                               SLICE_ARG(attempt->provider->name), attempt->status);
    }
    told->message = arena_copy(&call->arena, slice_of(message, len));
    told->status = attempt->status;
    told->code = refusal->context_length   ? "context_length_exceeded"
                 : refusal->content_filter ? "content_filter"
                                           : "upstream_rejected";
    /* A prompt that is too long here may fit the next target: what that one meets counts. */
    told->rank = refusal->context_length ? TOLD_HOPELESS : TOLD_REFUSED;
}

static enum retry_advice retry_of(const struct attempt *attempt,
                                  const struct provider_error *refusal)
{
    if (attempt->retry != RETRY_UNSAID) {
        return attempt->retry;
    }
    switch (attempt->status) {
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
    if (attempt->status >= 400) {
        attempt->back->read_error(attempt->decoder, attempt->status, buf_slice(&attempt->answer),
                                  &refusal);
    }
    bool limited = attempt->status == 429 || attempt->status == 529;
    enum retry_advice retry = retry_of(attempt, &refusal);
    struct told_failure told = {
        .rank = retry == RETRY_NO ? TOLD_HOPELESS
                : limited         ? TOLD_LIMITED
                                  : TOLD_FAILED,
        .status = status_for_client(attempt),
        .code = code_for_client(attempt),
        .retry_after_ms = attempt->retry_after_ms,
        .retry = retry,
        .limits = attempt->limits,
        .target = attempt->target,
        .lane = attempt->lane,
    };
    if (attempt->status >= 400 && !status_allows_fallback(attempt->status)) {
        note_refusal(call, &refusal, &told);
    }
    if (told.rank >= call->told.rank) {
        call->told = told;
    }
}
