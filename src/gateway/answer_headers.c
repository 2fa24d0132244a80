/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/answer_headers.h"

#include "base/number.h"
#include "gateway/answer_cache.h"
#include "gateway/call_check.h"
#include "gateway/call_session.h"
#include "gateway/runtime.h"

struct buf *answer_headers_begin(struct call *call)
{
    struct buf *lines = &call->worker->lines;
    buf_clear(lines);
    return lines;
}

void answer_headers_add(struct buf *lines, struct slice name, struct slice value)
{
    if (value.len > 0 && http_value_valid(value)) {
        buf_append(lines, name);
        buf_append(lines, SLICE(": "));
        buf_append(lines, value);
        buf_append(lines, SLICE("\r\n"));
    }
}

/* The lines that every answer has are put one after the other into room that is made once: each
   function below writes less than this and what it names. */
#define LINES_ROOM 512

static inline char *put(char *at, struct slice text)
{
    if (text.len > 0) {
        memcpy(at, text.ptr, text.len);
    }
    return at + text.len;
}

static inline char *put_cstr(char *at, const char *text)
{
    return put(at, slice_from_cstr(text));
}

static inline char *put_id(char *at, const struct call *call)
{
    return put(at, slice_of(call->id_text, ID_TEXT_LEN));
}

static void end_lines(struct buf *lines, const char *at)
{
    lines->len = (size_t)(at - lines->ptr);
}

static void add_ids(struct buf *lines, const struct call *call)
{
    char *at = buf_reserve(lines, LINES_ROOM);
    if (at == NULL) {
        return;
    }
    at = put(at, SLICE("x-sluice-call-id: "));
    at = put_id(at, call);
    at = put(at, SLICE("\r\nx-request-id: "));
    at = put_id(at, call);
    end_lines(lines, put(at, SLICE("\r\n")));
}

/* What the plan and the cache say. */
static void add_plan(struct buf *lines, const struct call *call)
{
    struct slice route = call->route_name;
    char *at = buf_reserve(lines, LINES_ROOM + route.len);
    if (at == NULL) {
        return;
    }
    if (route.len > 0 && http_value_valid(route)) {
        at = put(at, SLICE("x-sluice-route: "));
        at = put(at, route);
        at = put(at, SLICE("\r\n"));
    }
    at = put(at, SLICE("x-sluice-task: "));
    at = put_cstr(at, task_name(call->task));
    at = put(at, SLICE("\r\nx-sluice-tier: "));
    at = put_cstr(at, tier_name(call->required_tier));
    at = put(at, SLICE("\r\nx-sluice-cache: "));
    at = put(at, answer_cache_word(call));
    end_lines(lines, put(at, SLICE("\r\n")));
}

static void add_attempt(struct buf *lines, const struct call *call)
{
    const struct attempt *attempt = &call->attempt;
    if (attempt->target == NULL) {
        return;
    }
    struct slice names = runtime_target(call->snapshot, attempt->target)->answer_lines;
    if (attempt->called) {
        answer_headers_add(lines, SLICE("x-sluice-model"), attempt->model);
    }
    char *at = buf_reserve(lines, LINES_ROOM + names.len);
    if (at == NULL) {
        return;
    }
    at = put(at, names);
    at = put(at, SLICE("x-sluice-lane: "));
    at = put_cstr(at, lane_name(attempt->lane));
    at = put(at, SLICE("\r\nx-sluice-attempts: "));
    at += number_format(call->attempts, at);
    end_lines(lines, put(at, SLICE("\r\n")));
    answer_headers_add(lines, SLICE("x-sluice-loss"),
                       slice_of(attempt->loss.text, attempt->loss.len));
}

/* Who gave the answer that is repeated, and how long ago (RFC 9111, 5.1). */
static void add_hit(struct buf *lines, const struct call *call)
{
    if (call->cache.state != CACHE_STATE_HIT) {
        return;
    }
    answer_headers_add(lines, SLICE("x-sluice-target"), call->cache.target->name);
    answer_headers_add(lines, SLICE("x-sluice-provider"), SLICE("cache"));
    buf_printf(lines, "age: %lld\r\n", (long long)call->cache.age_s);
}

/* The verdict on what is delivered, and what was said before it and not shown. */
static void add_verdict(struct buf *lines, const struct call *call)
{
    const struct call_check *check = call->check;
    if (check == NULL) {
        return;
    }
    const char *reason = call_check_reason(call);
    answer_headers_add(lines, SLICE("x-sluice-escalated"), slice_from_cstr(check->escalated));
    if (check->early || check->verdict == VERDICT_ACCEPT) {
        answer_headers_add(lines, SLICE("x-sluice-verdict"),
                           check->early ? SLICE("early") : SLICE("accept"));
    } else if (reason != NULL) {
        buf_append_cstr(lines, "x-sluice-verdict: escalate; ");
        buf_append_cstr(lines, reason + strlen("check_"));
        buf_append_cstr(lines, "\r\n");
    }
}

static void add_marks(struct buf *lines, const struct call *call)
{
    answer_headers_add(lines, SLICE("x-sluice-rule"), call->rule_name);
    if (call->below_tier) {
        answer_headers_add(lines, SLICE("x-sluice-below-tier"), SLICE("true"));
    }
    if (call->relaxed) {
        answer_headers_add(lines, SLICE("x-sluice-relaxed"), SLICE("true"));
    }
    enum session_state session = call_session_state(call);
    if (session_moved(session)) {
        const char *reason = session_state_name(session);
        buf_append_cstr(lines, "x-sluice-session: moved; reason=");
        buf_append_cstr(lines, reason);
        buf_append(lines, SLICE("\r\n"));
    } else if (session == SESSION_KEPT && call->session.loop_held) {
        buf_append_cstr(lines, "x-sluice-session: kept; reason=tool-loop\r\n");
    } else if (session != SESSION_NONE) {
        answer_headers_add(lines, SLICE("x-sluice-session"),
                           slice_from_cstr(session_state_name(session)));
    }
    if (call->snapshot->simulated) {
        answer_headers_add(lines, SLICE("x-sluice-simulated"), SLICE("true"));
    }
}

void answer_headers_of_plan(struct buf *lines, const struct call *call)
{
    add_ids(lines, call);
    add_plan(lines, call);
    add_marks(lines, call);
}

void answer_headers_of_call(struct buf *lines, const struct call *call)
{
    add_ids(lines, call);
    if (call->max_attempts == 0) {
        return; /* refused before a plan was made */
    }
    add_plan(lines, call);
    add_attempt(lines, call);
    add_hit(lines, call);
    add_marks(lines, call);
    add_verdict(lines, call);
}

void answer_headers_cost(struct buf *lines, const struct call *call)
{
    char *at = buf_reserve(lines, LINES_ROOM);
    if (at == NULL) {
        return;
    }
    at = put(at, SLICE("x-sluice-cost-usd: "));
    at += money_put(call->cost_nd, at);
    at = put(at, SLICE("\r\nx-sluice-baseline-usd: "));
    at += money_put(call->baseline_nd, at);
    end_lines(lines, put(at, SLICE("\r\n")));
}

void answer_headers_retry_after(struct buf *lines, const struct call *call)
{
    int64_t ms = call->attempt.retry_after_ms;
    if (ms > 0) {
        char digits[NUMBER_DIGITS_MAX];
        size_t len = number_format((uint64_t)((ms + 999) / 1000), digits);
        answer_headers_add(lines, SLICE("retry-after"), slice_of(digits, len));
        len = number_format((uint64_t)ms, digits);
        answer_headers_add(lines, SLICE("retry-after-ms"), slice_of(digits, len));
    }
}

/* By status alone; what SDKs do not try again anyway is said nevertheless, for the others. */
static bool refuses_request(int status)
{
    return status >= 400 && status < 500 && status != 408 && status != 409 && status != 425 &&
           status != 429;
}

void answer_headers_should_retry(struct buf *lines, const struct call *call, int status)
{
    enum retry_advice advice = call->attempt.retry;
    if (advice == RETRY_UNSAID && refuses_request(status)) {
        advice = RETRY_NO;
    }
    if (advice != RETRY_UNSAID) {
        answer_headers_add(lines, SLICE("x-should-retry"),
                           advice == RETRY_YES ? SLICE("true") : SLICE("false"));
    }
}

void answer_headers_limits(struct buf *lines, const struct call *call)
{
    if (call->own_limited) { /* what the client has to heed is ours, not the provider's */
        rate_limits_write(&call->own_limits, call->endpoint->dialect,
                          clock_wall(call->worker->loop.clock), lines);
    } else if (call->attempt.limits.len > 0) {
        buf_append(lines, call->attempt.limits);
    }
}
