/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call.h"

#include "gateway/admission.h"
#include "gateway/answer_cache.h"
#include "gateway/attempt_run.h"
#include "gateway/call_budget.h"
#include "gateway/call_exact.h"
#include "gateway/call_linger.h"
#include "gateway/call_new.h"
#include "gateway/call_record.h"
#include "gateway/call_session.h"
#include "gateway/call_wait.h"
#include "gateway/classifier.h"
#include "gateway/question.h"
#include "gateway/refusals.h"
#include "store/token_revoke.h"

#include "base/log.h"

/* Another process, or the next of this one, is up by then. */
#define CUT_RETRY_MS 1000

static const struct {
    const char *name;
    enum call_step (*run)(struct call *call);
} steps[] = {
    [STEP_ADMIT] = {"admit", call_admit},       [STEP_READ] = {"read", call_read},
    [STEP_PARSE] = {"parse", call_parse},       [STEP_SESSION] = {"session", call_session},
    [STEP_MODEL] = {"model", call_model},       [STEP_CLASSIFY] = {"classify", call_classify},
    [STEP_PLAN] = {"plan", call_plan},          [STEP_RECALL] = {"recall", call_recall},
    [STEP_ATTEMPT] = {"attempt", call_attempt}, [STEP_HOLD] = {"hold", call_take_hold},
    [STEP_STREAM] = {"stream", call_stream},    [STEP_CHECK] = {"check", call_check},
    [STEP_SETTLE] = {"settle", call_settle},    [STEP_DELIVER] = {"deliver", call_deliver},
    [STEP_DONE] = {"done", call_done},
};

const char *call_step_name(enum call_step step)
{
    return (size_t)step < ARRAY_LEN(steps) ? steps[step].name : "wait";
}

void call_run(struct call *call, enum call_step step)
{
    CHECK(call->magic == CALL_MAGIC);
    while (step != STEP_WAIT) {
        call->step = step;
        if (step == STEP_DONE) {
            call_done(call);
            return;
        }
        step = steps[step].run(call);
    }
}

enum call_step call_done(struct call *call)
{
    if (call->exchange != NULL) {
        http_exchange_set_user(call->exchange, NULL);
        call->exchange = NULL;
    }
    answer_cache_release(call);
    call_free(call);
    return STEP_WAIT;
}

static enum call_step refuse_caller(struct call *call, const struct caller_refusal *refusal)
{
    call->stranger = call->key_id == 0;
    metric_add(&call->worker->metrics.unauthorized, 1);
    refusal_note(call->worker, call->exchange, call->endpoint, refusal);
    return call_fail(call, refusal->status, refusal->code, NULL, "%s", refusal->text);
}

static void take_token(struct call *call, struct token *token)
{
    struct token *old = call->token;
    call->token = token == NULL ? NULL : token_ref(token);
    token_unref(old);
}

/* The key decides who pays and is looked up once per call. */
enum call_step call_admit(struct call *call)
{
    struct worker *worker = call->worker;
    const struct http_request *request = http_exchange_request(call->exchange);
    struct caller caller;
    struct caller_refusal refusal;
    enum admission admission =
        admission_check(worker, request, call->snapshot->keys_required, &caller, &refusal);
    if (admission == ADMISSION_REFUSED) {
        return refuse_caller(call, &refusal);
    }
    take_token(call, caller.token);
    if (admission == ADMISSION_UNKNOWN && !call->waited) {
        return admission_wait(call);
    }
    if (caller.key == NULL && caller.token != NULL) {
        return call_fail(call, 503, "keys_unavailable", NULL,
                         "The key of this token's subject is not there.");
    }
    if (caller.key == NULL) {
        return STEP_READ;
    }
    call->key_id = caller.key->id;
    slice_to_cstr(slice_from_cstr(caller.key->name), call->key_name, sizeof(call->key_name));
    slice_to_cstr(caller_tag(&caller), call->tag, sizeof(call->tag));
    return call_budget_enter(call, caller.key);
}

bool call_still_admitted(struct call *call, struct caller *ret_caller, enum call_step *ret_step)
{
    const struct key_set *keys = call->worker->keys;
    const struct token *token = call->token;
    const struct key *key = call->key_id == 0 ? NULL : key_set_by_id(keys, call->key_id);
    bool revoked = token != NULL && token->has_id && key_set_token_revoked(keys, token->id);
    *ret_caller = (struct caller){.keys = keys, .key = key, .token = call->token};
    if (!revoked && (call->key_id == 0 ||
                     (key != NULL && key_state_at(key, clock_wall(call->worker->loop.clock) /
                                                           NS_PER_S) == KEY_IN_FORCE))) {
        return true;
    }
    const struct caller_refusal refusal = {
        .status = 401,
        .code = revoked ? "token_revoked" : "key_revoked",
        .text = revoked ? "This token was revoked while its request was being received."
                        : "This client key was revoked while its request was being received.",
        .key = key,
    };
    *ret_step = refuse_caller(call, &refusal);
    return false;
}

enum call_step call_read(struct call *call)
{
    call->step = STEP_READ;
    if (request_is_encoded(http_exchange_request(call->exchange))) {
        return call_fail(call, 415, "unsupported_content_encoding", NULL,
                         "Request bodies are taken as they are: leave Content-Encoding out.");
    }
    http_accept_body(call->exchange, (size_t)call->snapshot->server.body_bytes);
    return STEP_WAIT;
}

void call_shrink(struct call *call)
{
    if (call->keeps_answer && call->attempt.lane == LANE_TRANSLATE) {
        call->decision = NULL; /* the request is part of what is kept in the end */
        return;
    }
    if (call->exchange != NULL) {
        http_release_request(call->exchange);
    }
    call->chat = (struct chat){.stream = call->chat.stream, .operation = call->chat.operation};
    call->decision = NULL;
    call->impossible = NULL;
    call->told = (struct told_failure){.rank = TOLD_NOTHING};
    call->attempt.content_type = SLICE_EMPTY;
    call->attempt.limits = SLICE_EMPTY;
    call_release_request(call);
}

/* Nothing more is asked or heard for this call; an attempt under way is charged for what came. */
static void abandon(struct call *call, const char *why, bool last)
{
    call_wait_end(call);
    call_session_end(call);
    call_exact_forget(call);
    classifier_cancel(call);
    question_cancel(call, why);
    answer_cache_release(call);
    if (call->attempt.upstream_open) {
        upstream_cancel(&call->attempt.request);
        call->attempt.upstream_open = false;
    }
    if (call->attempt.open) {
        call_hear_out(call);
        call->attempt.outcome = ATTEMPT_CANCELLED;
        call->attempt.error = why;
        attempt_settle(call, last);
    }
}

void call_gone(struct call *call)
{
    call->status = call->committed ? call->status : 499;
    call->error_code = "client_gone";
    metric_add(&call->worker->metrics.abandoned, 1);
    call_wait_end(call);
    if (call_linger_abandoned(call)) {
        return;
    }
    abandon(call, "client_gone", true);
    call_record_close(call);
    call_run(call, STEP_DONE);
}

void call_cut(struct call *call)
{
    if (call->settled) { /* all of it was said and charged: only the body's end is missing */
        abandon(call, "", false);
        call_run(call, STEP_DELIVER);
        return;
    }
    atomic_fetch_add(&call->worker->gateway->calls_cut, 1);
    abandon(call, "shutting_down", false);
    call->attempt.retry_after_ms = CUT_RETRY_MS;
    call->attempt.retry = RETRY_UNSAID;
    call->attempt.limits = SLICE_EMPTY;
    call_run(call, call_fail(call, 503, "shutting_down", NULL,
                             "The gateway is shutting down and could not wait for this call."));
}
