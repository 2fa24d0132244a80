/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/call_record.h"

#include "base/log.h"
#include "codec/json_write.h"
#include "gateway/answer_cache.h"
#include "gateway/answer_headers.h"
#include "gateway/call_budget.h"
#include "gateway/call_check.h"
#include "gateway/call_offers.h"
#include "gateway/call_session.h"
#include "gateway/savings_json.h"

static int64_t us_since(int64_t from_ns, int64_t to_ns)
{
    return to_ns > from_ns ? (to_ns - from_ns) / NS_PER_US : 0;
}

void call_record_fill(const struct call *call, int64_t now_ns, struct call_record *ret_record)
{
    const struct attempt *attempt = &call->attempt;
    const struct target *target = attempt->target;
    const struct policy *policy = &call->snapshot->policy;
    *ret_record = (struct call_record){
        .call = call->id,
        .wall_ns = call->started_wall_ns,
        .key_id = call->key_id,
        .key_name = slice_from_cstr(call->key_name),
        .endpoint = call->endpoint->name,
        .asked_model = slice_of(call->asked_model, call->asked_model_len),
        .route = call->route_name,
        .task = call->task,
        .tier = call->required_tier,
        .complexity_permille = call->complexity_permille,
        .streamed = call->streamed,
        .status = call->status,
        .error = call->error_code == NULL ? SLICE_EMPTY : slice_from_cstr(call->error_code),
        .attempts = call->attempts,
        .cost_nd = call->cost_nd,
        .baseline_nd = call->baseline_nd,
        .baseline =
            call->baseline == NO_TARGET ? SLICE_EMPTY : policy->targets[call->baseline].name,
        .expected_cost_nd = call->expected_cost_nd,
        .first_byte_us =
            call->first_byte_ns == 0 ? -1 : us_since(call->started_ns, call->first_byte_ns),
        .total_us = us_since(call->started_ns, now_ns),
        .complete = call->delivered,
        .tag = slice_from_cstr(call->tag),
        .verdict = call_check_verdict(call),
        .candidates = buf_slice(&call->candidates),
    };
    memcpy(ret_record->scopes, call->scopes, sizeof(ret_record->scopes));
    if (call->baseline != NO_TARGET) {
        ret_record->baseline_offer = call_offer(call, &policy->targets[call->baseline]);
    }
    if (target != NULL) {
        ret_record->target = target->name;
        ret_record->provider = target->provider_name;
        ret_record->model =
            target == attempt->target && attempt->model.len > 0 ? attempt->model : target->model;
        ret_record->input_tokens = attempt->meter.usage.input;
        ret_record->output_tokens = attempt->meter.usage.output;
    }
    answer_cache_record(call, ret_record);
}

void call_record_facts(const struct call *call, struct hold_record *record)
{
    record->key_name = slice_from_cstr(call->key_name);
    record->endpoint = call->endpoint->name;
    record->asked_model = slice_of(call->asked_model, call->asked_model_len);
    record->route = call->route_name;
    record->task = call->task;
    record->tier = call->required_tier;
    record->complexity_permille = call->complexity_permille;
    record->tag = slice_from_cstr(call->tag);
}

/* One JSON object per call: no bodies, no secrets, no query strings. */
static void access_log(struct call *call, const struct call_record *record)
{
    if (!call->snapshot->log.access) {
        return;
    }
    struct buf *out = &call->worker->log;
    char time[CLOCK_TEXT_SIZE];
    buf_clear(out);
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("ts"), slice_from_cstr(clock_format(record->wall_ns, time)));
    json_member_string(&w, SLICE("event"), SLICE("call"));
    json_member_string(&w, SLICE("id"), slice_of(call->id_text, ID_TEXT_LEN));
    if (call->exchange != NULL) {
        json_member_string(&w, SLICE("client"), http_exchange_peer(call->exchange));
    }
    if (call->key_id != 0) {
        json_member_string(&w, SLICE("key"), record->key_name);
    }
    json_member_string(&w, SLICE("path"), record->endpoint);
    json_member_int(&w, SLICE("status"), record->status);
    json_member_string(&w, SLICE("model"), record->asked_model);
    json_member_string(&w, SLICE("route"), record->route);
    json_member_string(&w, SLICE("task"), slice_from_cstr(task_name(record->task)));
    json_member_string(&w, SLICE("target"), record->target);
    json_member_string(&w, SLICE("provider"), record->provider);
    json_member_bool(&w, SLICE("stream"), record->streamed);
    json_member_int(&w, SLICE("attempts"), record->attempts);
    json_savings_verdict(&w, record->verdict);
    if (call_session_state(call) != SESSION_NONE && record->attempts > 0) {
        json_member_string(&w, SLICE("session"),
                           slice_from_cstr(session_state_name(call_session_state(call))));
    }
    json_member_int(&w, SLICE("input_tokens"), record->input_tokens);
    json_member_int(&w, SLICE("output_tokens"), record->output_tokens);
    json_member_scaled(&w, SLICE("cost_usd"), record->cost_nd, 9);
    json_member_scaled(&w, SLICE("baseline_usd"), record->baseline_nd, 9);
    if (record->first_byte_us >= 0) {
        json_member_int(&w, SLICE("first_byte_us"), record->first_byte_us);
    } else {
        json_key(&w, SLICE("first_byte_us"));
        json_write_null(&w);
    }
    json_member_int(&w, SLICE("total_us"), record->total_us);
    if (record->error.len > 0) {
        json_member_string(&w, SLICE("error"), record->error);
    }
    if (call->failures[0] != '\0') {
        json_member_string(&w, SLICE("failed"), slice_from_cstr(call->failures));
    }
    json_end_object(&w);
    log_line(buf_slice(out));
}

static void count(struct call *call, const struct call_record *record)
{
    struct metrics *metrics = &call->worker->metrics;
    metrics_request(metrics, endpoint_index(call->endpoint), record->status);
    histogram_add(&metrics->duration, METRICS_DURATION_FIRST_NS, record->total_us * NS_PER_US);
    metric_add(&metrics->cost_nd, (uint64_t)record->cost_nd);
    metric_add(&metrics->baseline_nd, (uint64_t)record->baseline_nd);
}

void call_record_closed(struct call *call, const struct call_record *record)
{
    call->settled = true;
    call_budget_leave(call);
    count(call, record);
    access_log(call, record);
}

void call_record_close(struct call *call)
{
    if (call->settled) {
        return;
    }
    struct call_record record;
    call_record_fill(call, clock_monotonic(call->worker->loop.clock), &record);
    struct ledger *ledger = call->worker->gateway->ledger;
    if (ledger != NULL && !call->stranger && !journal_call(ledger_journal(ledger), &record)) {
        metric_add(&call->worker->metrics.ledger_refused, 1);
    }
    call_record_closed(call, &record);
}
