/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/answer_headers.h"

#include "gateway/runtime.h"

struct buf *answer_headers_begin(struct call *call)
{
    struct buf *lines = &call->worker->lines;
    buf_clear(lines);
    return lines;
}

/* A line of what needs no check: literals, and what we made ourselves. */
static inline void add(struct buf *lines, struct slice name, struct slice value)
{
    buf_append(lines, name);
    buf_append(lines, SLICE(": "));
    buf_append(lines, value);
    buf_append(lines, SLICE("\r\n"));
}

void answer_headers_add(struct buf *lines, struct slice name, struct slice value)
{
    if (value.len > 0 && http_value_valid(value)) {
        add(lines, name, value);
    }
}

static void add_number(struct buf *lines, struct slice name, int64_t value)
{
    buf_append(lines, name);
    buf_append(lines, SLICE(": "));
    buf_append_i64(lines, value);
    buf_append(lines, SLICE("\r\n"));
}

static void add_money(struct buf *lines, struct slice name, int64_t nd)
{
    buf_append(lines, name);
    buf_append(lines, SLICE(": "));
    money_format(lines, nd);
    buf_append(lines, SLICE("\r\n"));
}

static void add_attempt(struct buf *lines, const struct call *call)
{
    const struct attempt *attempt = &call->attempt;
    if (attempt->target == NULL) {
        return;
    }
    buf_append(lines, runtime_target(call->snapshot, attempt->target)->answer_lines);
    add(lines, SLICE("x-sluice-lane"), slice_from_cstr(lane_name(attempt->lane)));
    add_number(lines, SLICE("x-sluice-attempts"), call->attempts);
    answer_headers_add(lines, SLICE("x-sluice-loss"),
                       slice_of(attempt->loss.text, attempt->loss.len));
}

static void add_marks(struct buf *lines, const struct call *call)
{
    if (call->below_tier) {
        add(lines, SLICE("x-sluice-below-tier"), SLICE("true"));
    }
    if (call->relaxed) {
        add(lines, SLICE("x-sluice-relaxed"), SLICE("true"));
    }
    if (call->snapshot->simulated) {
        add(lines, SLICE("x-sluice-simulated"), SLICE("true"));
    }
}

void answer_headers_of_call(struct buf *lines, const struct call *call)
{
    struct slice id = slice_of(call->id_text, ID_TEXT_LEN);
    add(lines, SLICE("x-sluice-call-id"), id);
    add(lines, SLICE("x-request-id"), id);
    if (call->max_attempts == 0) {
        return; /* refused before a plan was made */
    }
    answer_headers_add(lines, SLICE("x-sluice-route"), call->route_name);
    add(lines, SLICE("x-sluice-task"), slice_from_cstr(task_name(call->task)));
    add(lines, SLICE("x-sluice-tier"), slice_from_cstr(tier_name(call->required_tier)));
    add(lines, SLICE("x-sluice-cache"), SLICE("off"));
    add_attempt(lines, call);
    add_marks(lines, call);
}

void answer_headers_cost(struct buf *lines, const struct call *call)
{
    add_money(lines, SLICE("x-sluice-cost-usd"), call->cost_nd);
    add_money(lines, SLICE("x-sluice-baseline-usd"), call->baseline_nd);
}

void answer_headers_retry_after(struct buf *lines, const struct call *call)
{
    int64_t ms = call->attempt.retry_after_ms;
    if (ms > 0) {
        add_number(lines, SLICE("retry-after"), (ms + 999) / 1000);
    }
}

bool answer_header_forwarded(struct slice name)
{
    static const struct slice exact[] = {SLICE_INIT("retry-after-ms"), SLICE_INIT("x-should-retry"),
                                         SLICE_INIT("cache-control")};
    static const struct slice prefixes[] = {SLICE_INIT("x-ratelimit-"), SLICE_INIT("openai-"),
                                            SLICE_INIT("anthropic-")};
    for (size_t i = 0; i < ARRAY_LEN(exact); i++) {
        if (slice_eq_nocase(name, exact[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (name.len > prefixes[i].len &&
            slice_eq_nocase(slice_of(name.ptr, prefixes[i].len), prefixes[i])) {
            return true;
        }
    }
    return false;
}
