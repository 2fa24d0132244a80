/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/answer_headers.h"

#include <stdarg.h>
#include <stdio.h>

void answer_headers_init(struct answer_headers *headers)
{
    headers->count = 0;
    headers->used = 0;
}

void answer_headers_add(struct answer_headers *headers, const char *name, struct slice value)
{
    if (value.len == 0 || headers->count == ANSWER_HEADERS_MAX || !http_value_valid(value)) {
        return;
    }
    headers->items[headers->count++] = (struct http_header){slice_from_cstr(name), value};
}

static void add_number(struct answer_headers *headers, const char *name, int64_t value)
{
    char *at = headers->text + headers->used;
    size_t room = sizeof(headers->text) - headers->used;
    int len = snprintf(at, room, "%lld", (long long)value);
    if (len > 0 && (size_t)len < room) {
        headers->used += (size_t)len;
        answer_headers_add(headers, name, slice_of(at, (size_t)len));
    }
}

static void add_money(struct answer_headers *headers, const char *name, int64_t nd)
{
    struct buf text = BUF_INIT(64);
    money_format(&text, nd);
    size_t room = sizeof(headers->text) - headers->used;
    if (text.len > 0 && text.len < room) {
        char *at = headers->text + headers->used;
        memcpy(at, text.ptr, text.len);
        headers->used += text.len;
        answer_headers_add(headers, name, slice_of(at, text.len));
    }
    buf_release(&text);
}

static void add_attempt(struct answer_headers *headers, const struct call *call)
{
    const struct attempt *attempt = &call->attempt;
    if (attempt->target == NULL) {
        return;
    }
    answer_headers_add(headers, "x-sluice-target", attempt->target->name);
    answer_headers_add(headers, "x-sluice-provider", attempt->target->provider_name);
    answer_headers_add(headers, "x-sluice-lane", slice_from_cstr(lane_name(attempt->lane)));
    add_number(headers, "x-sluice-attempts", call->attempts);
    answer_headers_add(headers, "x-sluice-loss", slice_of(attempt->loss.text, attempt->loss.len));
}

void answer_headers_of_call(struct answer_headers *headers, const struct call *call)
{
    answer_headers_add(headers, "x-sluice-call-id", slice_of(call->id_text, ID_TEXT_LEN));
    answer_headers_add(headers, "x-request-id", slice_of(call->id_text, ID_TEXT_LEN));
    if (call->max_attempts == 0) {
        return; /* refused before a plan was made */
    }
    answer_headers_add(headers, "x-sluice-route", call->route_name);
    answer_headers_add(headers, "x-sluice-task", slice_from_cstr(task_name(call->task)));
    answer_headers_add(headers, "x-sluice-tier", slice_from_cstr(tier_name(call->required_tier)));
    answer_headers_add(headers, "x-sluice-cache", SLICE("off"));
    add_attempt(headers, call);
    if (call->below_tier) {
        answer_headers_add(headers, "x-sluice-below-tier", SLICE("true"));
    }
    if (call->relaxed) {
        answer_headers_add(headers, "x-sluice-relaxed", SLICE("true"));
    }
    if (call->snapshot->simulated) {
        answer_headers_add(headers, "x-sluice-simulated", SLICE("true"));
    }
}

void answer_headers_cost(struct answer_headers *headers, const struct call *call)
{
    add_money(headers, "x-sluice-cost-usd", call->cost_nd);
    add_money(headers, "x-sluice-baseline-usd", call->baseline_nd);
}

void answer_headers_retry_after(struct answer_headers *headers, const struct call *call)
{
    int64_t ms = call->attempt.retry_after_ms;
    if (ms > 0) {
        add_number(headers, "retry-after", (ms + 999) / 1000);
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
