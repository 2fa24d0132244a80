/* SPDX-License-Identifier: Apache-2.0 */
/* SETTLE and DELIVER: the attempt's one charge, then the terminal bytes of the answer. */
#include "gateway/answer_cache.h"
#include "gateway/answer_headers.h"
#include "gateway/attempt_run.h"
#include "gateway/call_budget.h"
#include "gateway/call_check.h"
#include "gateway/call_count.h"
#include "gateway/call_error.h"
#include "gateway/call_linger.h"
#include "gateway/call_record.h"
#include "gateway/call_stream.h"

#include "base/fault.h"

/* A prompt that is too long for this target may fit another one's window. */
static bool is_context_refusal(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    struct provider_error refusal;
    int status = attempt_refusal(attempt);
    if (status != 400 && status != 413) {
        return false;
    }
    memset(&refusal, 0, sizeof(refusal));
    attempt->back->read_error(attempt->decoder, status, buf_slice(&attempt->answer), &refusal);
    return refusal.context_length;
}

/* What the refusal says of the target is kept by it, so that the next plan leaves it out. */
static void note_unfit(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    struct provider_error refusal;
    int status = attempt_refusal(attempt);
    if (status < 400 || attempt->decoder == NULL) {
        return;
    }
    memset(&refusal, 0, sizeof(refusal));
    attempt->back->read_error(attempt->decoder, status, buf_slice(&attempt->answer), &refusal);
    attempt->unfit = target_refusal_read(status, refusal.message, &call->chat);
    if (attempt->unfit.lacks != 0 && !attempt->called) { /* it stands for others, too */
        target_state_lacks(attempt->target, attempt->unfit.lacks,
                           clock_monotonic(call->worker->loop.clock));
    }
}

/* Some providers say in the body, not in the head, how long to wait. */
static void note_retry_after(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    struct provider_error refusal;
    if ((attempt->status != 429 && attempt->status != 503) || attempt->retry_after_ms > 0) {
        return;
    }
    memset(&refusal, 0, sizeof(refusal));
    attempt->back->read_error(attempt->decoder, attempt->status, buf_slice(&attempt->answer),
                              &refusal);
    attempt->retry_after_ms = refusal.retry_after_ms;
}

bool call_has_another(const struct call *call)
{
    return !call->committed && call->exchange != NULL && call->decision != NULL &&
           call->tries < call->max_attempts && call->next_entry < call->decision->plan.taken;
}

static bool may_try_another(struct call *call)
{
    const struct attempt *attempt = &call->attempt;
    if (!call_has_another(call) || attempt->capped || attempt_ran_out(attempt) ||
        call_check_patience_ms(call) == 0) {
        return false;
    }
    int status = attempt_refusal(attempt);
    if (status < 400) {
        return true;
    }
    return status_allows_fallback(status) || attempt->unfit.lacks != 0 || attempt->unfit.no_model ||
           is_context_refusal(call);
}

static void settle_escalated(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    if (attempt->upstream_open) {
        upstream_cancel(&attempt->request);
        attempt->upstream_open = false;
    }
    attempt->escalated = true;
    attempt_settle(call, false);
}

/* The answer is charged, and kept in case nothing better comes. */
static enum call_step escalate(struct call *call)
{
    settle_escalated(call);
    FAULT_POINT("cascade.escalated");
    call_check_keep(call);
    return STEP_ATTEMPT;
}

enum call_step call_settle(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    if (!attempt->open) {
        return STEP_DELIVER; /* settled when the stream's last frame was read */
    }
    if (attempt->outcome == ATTEMPT_OK && attempt->error == NULL) {
        if (call->check != NULL && !call->committed) {
            attempt->rejected = call_check_reason(call);
            if (call_check_moves_on(call)) {
                return escalate(call);
            }
            if (call_check_has_better(call)) {
                settle_escalated(call);
                return STEP_DELIVER;
            }
            if (call->streamed) {
                return stream_deliver(call);
            }
        }
        attempt_complete(call);
        call->status = 200;
        call->delivered = true;
        FAULT_POINT("call.before_settle");
        attempt_settle(call, true);
        FAULT_POINT("call.after_settle");
        return STEP_DELIVER;
    }
    if (attempt->meter.failed) {
        call_note_stream_error(call);
    }
    note_retry_after(call);
    note_unfit(call);
    attempt_settle(call, false);
    if (!call->committed) {
        call_note_failure(call);
    }
    if (may_try_another(call)) {
        metric_add(&call->worker->metrics.retries, 1);
        return STEP_ATTEMPT;
    }
    return STEP_DELIVER;
}

static void respond(struct call *call, struct slice body)
{
    bool relayed = call->attempt.lane != LANE_TRANSLATE && call->attempt.content_type.len > 0;
    struct buf *lines = answer_headers_begin(call);
    struct slice type = relayed ? call->attempt.content_type : SLICE("application/json");
    answer_headers_add(lines, SLICE("content-type"), type);
    answer_cache_begin(call, type);
    answer_cache_take(call, body);
    answer_cache_finish(call);
    answer_headers_of_call(lines, call);
    answer_headers_cost(lines, call);
    answer_headers_limits(lines, call);
    struct http_exchange *x = call->exchange;
    call->exchange = NULL;
    http_exchange_set_user(x, NULL);
    FAULT_POINT("call.before_client_write");
    http_respond_lines(x, 200, answer_headers_lines(lines), body);
    FAULT_POINT("call.after_client_write");
}

static enum call_step deliver_whole(struct call *call)
{
    const struct attempt *attempt = &call->attempt;
    bool translated = attempt->lane == LANE_TRANSLATE;
    respond(call, buf_slice(translated ? &attempt->body : &attempt->answer));
    return STEP_DONE;
}

static enum call_step finish_stream(struct call *call)
{
    call_finish_stream(call);
    return STEP_DONE;
}

static enum call_step deliver_failure(struct call *call)
{
    if (call->chat.operation == OPERATION_TOKEN_COUNT && call->attempt.status != 400) {
        return call_count_here(call);
    }
    if (call->attempt.capped) {
        return call_budget_cut(call);
    }
    if (call->committed && call->attempt.meter.error[0] != '\0') {
        return call_fail_in_stream(call);
    }
    if (call->committed) {
        return call_fail(call, 502, "upstream_cut", NULL, "The provider's answer ended early: %s.",
                         call->failures);
    }
    return call_plan_exhausted(call);
}

enum call_step call_deliver(struct call *call)
{
    if (call->exchange == NULL) {
        call_record_close(call);
        return STEP_DONE;
    }
    if (!call->delivered && call_check_has_better(call)) {
        call_check_restore(call);
        if (call->streamed) {
            return stream_deliver(call);
        }
    }
    if (!call->delivered) {
        return deliver_failure(call);
    }
    return call->committed ? finish_stream(call) : deliver_whole(call);
}
