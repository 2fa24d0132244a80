/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/attempt_run.h"

#include "base/hash.h"
#include "base/memory.h"
#include "dialect/emulate.h"
#include "dialect/responses_store.h"
#include "dialect/tool_fit.h"
#include "gateway/attempt_usage.h"
#include "gateway/call_budget.h"
#include "gateway/call_forecast.h"
#include "gateway/call_new.h"
#include "gateway/call_offers.h"
#include "gateway/call_record.h"
#include "gateway/call_session.h"
#include "gateway/opaque.h"
#include "gateway/stored.h"

#include <stdio.h>

#define ANSWER_BYTES_MAX (64u << 20)
#define REQUEST_BYTES_MAX (256u << 20)
#define ATTEMPT_BYTES_KEPT ((size_t)16 << 10)

const char *lane_name(enum lane lane)
{
    static const char *const names[] = {"verbatim", "edit", "translate"};
    return names[lane];
}

bool meter_begins(const struct frame *frame)
{
    for (size_t i = 0; i < frame->count; i++) {
        switch (frame->events[i].kind) {
        case EVENT_TEXT:
        case EVENT_REASONING:
        case EVENT_REFUSAL:
        case EVENT_TOOL_CALL:
        case EVENT_TOOL_ARGUMENTS:
        case EVENT_SIGNATURE:
        case EVENT_OPAQUE:
        case EVENT_EMBEDDING:
        case EVENT_IMAGE:
            return true;
        case EVENT_FINISH:
            if (frame->events[i].finish != FINISH_ERROR) {
                return true;
            }
            break;
        case EVENT_START:
        case EVENT_CITATION:
        case EVENT_LOGPROBS:
        case EVENT_DETAIL:
        case EVENT_LOST:
        case EVENT_USAGE:
        case EVENT_ERROR:
        case EVENT_END:
            break;
        }
    }
    return false;
}

/* `size` bytes at `to`, with the terminator. */
static void keep_printable(struct slice inner, char *to, size_t size)
{
    size_t len = json_unescape_to(inner, to, size - 1);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)to[i] < 0x20) {
            to[i] = ' ';
        }
    }
    to[len] = '\0';
}

static void meter_error(struct meter *meter, const struct event *event)
{
    meter->failed = true;
    keep_printable(event->name, meter->error_name, sizeof(meter->error_name));
    keep_printable(event->text, meter->error, sizeof(meter->error));
}

static void meter_finish(struct meter *meter, const struct event *event)
{
    meter->finish = event->finish;
    if (event->choice != 0) {
        return;
    }
    meter->first = event->finish;
    if (event->finish == FINISH_ERROR) {
        keep_printable(event->native, meter->finish_word, sizeof(meter->finish_word));
    }
}

static void meter_start(struct meter *meter, const struct event *event)
{
    meter->started = true;
    if (event->id.len < sizeof(meter->answer_id)) {
        slice_to_cstr(event->id, meter->answer_id, sizeof(meter->answer_id));
    }
}

/* long function: one row per kind of event */
void meter_frame(struct meter *meter, const struct frame *frame)
{
    for (size_t i = 0; i < frame->count; i++) {
        const struct event *event = &frame->events[i];
        switch (event->kind) {
        case EVENT_REASONING:
            meter->thought = true;
            meter->text_bytes += (int64_t)event->text.len;
            meter->events++;
            break;
        case EVENT_TEXT:
        case EVENT_REFUSAL:
        case EVENT_TOOL_ARGUMENTS:
            meter->text_bytes += (int64_t)event->text.len;
            meter->events++;
            break;
        case EVENT_OPAQUE: /* as long as the thought that it hides, in base64 */
            meter->thought = true;
            meter->text_bytes += (int64_t)event->text.len / 4 * 3;
            meter->events++;
            break;
        case EVENT_EMBEDDING:
        case EVENT_IMAGE:
            meter->events++;
            break;
        case EVENT_SIGNATURE:
        case EVENT_DETAIL:
            meter->thought = true;
            break;
        case EVENT_CITATION:
        case EVENT_LOGPROBS:
        case EVENT_LOST:
            break;
        case EVENT_TOOL_CALL:
            if (event->choice == 0 && meter->call_name == 0) {
                meter->call_id = hash_stable(event->id);
                meter->call_name = hash_stable(event->name);
            }
            meter->called = true;
            meter->nameless = meter->nameless || event->name.len == 0;
            meter->text_bytes += (int64_t)event->name.len;
            meter->events++;
            break;
        case EVENT_FINISH:
            meter_finish(meter, event);
            break;
        case EVENT_USAGE:
            usage_report(&meter->usage, &event->usage);
            meter->reported_bytes = meter->text_bytes;
            meter->told_usage = true;
            break;
        case EVENT_ERROR:
            meter_error(meter, event);
            break;
        case EVENT_END:
            meter->ended = true;
            break;
        case EVENT_START:
            meter_start(meter, event);
            break;
        }
    }
    if (frame->next_number > 0 && !meter->failed) { /* an error's own frame does not pass */
        meter->next_number = frame->next_number;
    }
}

void meter_settle(struct meter *meter, int64_t expected_input, bool whole)
{
    struct usage *usage = &meter->usage;
    int64_t bytes = meter->text_bytes - (usage->reported ? meter->reported_bytes : 0);
    if (usage->reported && (whole || bytes == 0)) {
        return;
    }
    if (!usage->reported) {
        usage->input = expected_input;
        usage->output = 0;
    }
    int64_t output = usage->output + bytes / 4 + (bytes > 0 ? 1 : 0);
    usage->output = output > USAGE_TOKENS_MAX ? USAGE_TOKENS_MAX : output;
    usage->reported = false;
}

void attempt_init(struct attempt *attempt)
{
    memset(attempt, 0, sizeof(*attempt));
    buf_init(&attempt->body, REQUEST_BYTES_MAX);
    buf_init(&attempt->answer, ANSWER_BYTES_MAX);
    seen_init(&attempt->seen);
}

static void buf_recycle(struct buf *buf)
{
    buf_clear(buf);
    buf_trim(buf, ATTEMPT_BYTES_KEPT);
}

void attempt_forget_secret(struct attempt *attempt)
{
    if (attempt->secret.len > 0) {
        /* the bytes are the arena's own copy; only the view of them is const */
        memory_wipe((void *)(uintptr_t)attempt->secret.ptr, attempt->secret.len);
    }
    attempt->secret = SLICE_EMPTY;
}

void attempt_reset(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    const size_t first = offsetof(struct attempt, number);
    const size_t texts = offsetof(struct attempt, meter.error);
    if (attempt->decoder != NULL) {
        call_give_decoder(call, attempt->back, attempt->decoder);
    }
    attempt_forget_secret(attempt);
    if (call->encoder != NULL && !call->committed) {
        call->front->encoder_free(call->encoder); /* of an answer that nobody got */
        call->encoder = NULL;
    }
    inflate_free(attempt->inflate);
    opaque_notes_free(attempt->notes);
    responses_record_free(attempt->record);
    emulation_free(attempt->emulation);
    tool_fit_free(attempt->tool_fit);
    buf_recycle(&attempt->body);
    buf_recycle(&attempt->answer);
    seen_clear(&attempt->seen);
    memset((char *)attempt + first, 0, texts - first);
    attempt->meter.error[0] = '\0';
    attempt->loss.len = 0;
    attempt->loss.count = 0;
    attempt->detail[0] = '\0';
}

void attempt_release(struct call *call)
{
    attempt_reset(call);
    buf_release(&call->attempt.body);
    buf_release(&call->attempt.answer);
    seen_release(&call->attempt.seen);
}

void attempt_fail(struct call *call, const char *error, const char *detail)
{
    struct attempt *attempt = &call->attempt;
    attempt->outcome = call->committed ? ATTEMPT_CUT : ATTEMPT_FAILED;
    attempt->error = error;
    snprintf(attempt->detail, sizeof(attempt->detail), "%s", detail == NULL ? "" : detail);
    /* "http_429" says already what "429" would */
    bool said = attempt->detail[0] != '\0' && strstr(error, attempt->detail) == NULL;
    size_t used = strlen(call->failures);
    snprintf(call->failures + used, sizeof(call->failures) - used, "%s%.*s: %s%s%s%s",
             used == 0 ? "" : ", ", SLICE_ARG(attempt->target->name), error, said ? " (" : "",
             said ? attempt->detail : "", said ? ")" : "");
}

const char *attempt_fault(const struct call *call, const char *unfinished)
{
    const struct attempt *attempt = &call->attempt;
    const struct meter *meter = &attempt->meter;
    enum operation operation = call->chat.operation;
    bool same = attempt->back_id == call->endpoint->dialect;
    bool ours = !same || (call->streamed && !attempt->is_stream);
    if (operation == OPERATION_EMBEDDING || operation == OPERATION_TOKEN_COUNT) {
        return NULL;
    }
    if (ours && meter->nameless) {
        return "malformed_answer";
    }
    if (meter->first == FINISH_ERROR && (ours || (meter->events == 0 && call_has_another(call)))) {
        return "provider_failed";
    }
    if (attempt->must_call && !meter->called && meter->first == FINISH_STOP) {
        return "tool_not_called";
    }
    return ours && meter->first == FINISH_NONE ? unfinished : NULL;
}

void attempt_complete(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    bool failed = attempt->meter.first == FINISH_ERROR;
    attempt->outcome = failed ? ATTEMPT_CUT : ATTEMPT_OK;
    attempt->error = failed ? "provider_failed" : NULL;
}

const struct price *attempt_price(const struct call *call, const struct target *target,
                                  struct price *spare)
{
    if (target->price.known) {
        return &target->price;
    }
    *spare = policy_price(&call->snapshot->policy, target);
    return spare;
}

int64_t attempt_cost_nd(const struct call *call)
{
    const struct attempt *attempt = &call->attempt;
    struct price spare;
    if (!attempt->open) {
        return 0;
    }
    if (call_budget_capped(call) && !attempt->meter.usage.reported) {
        return attempt->budget.amount_nd; /* it may be all of it */
    }
    struct meter meter = attempt->meter;
    meter_settle(&meter, call->tokens.expected, true);
    bool told =
        meter.usage.has_provider_cost && (attempt->provider->quirks & QUIRK_REPORTS_COST) != 0;
    return told ? meter.usage.provider_cost_nd
                : price_cost(attempt_price(call, attempt->target, &spare), &meter.usage);
}

/* Fills in the cost and what it is made of. `usage_basis` is what the usage is. */
static void price_attempt(const struct call *call, const struct usage *usage,
                          enum charge_basis usage_basis, struct settle_record *record)
{
    const struct target *target = call->attempt.target;
    struct price spare;
    bool told =
        usage->has_provider_cost && (call->attempt.provider->quirks & QUIRK_REPORTS_COST) != 0;
    bool counted = call->chat.operation == OPERATION_TOKEN_COUNT;
    record->offer = call_offer(call, target);
    record->priced = target->price.known || told;
    record->catalogue_nd = RECORD_NO_CATALOGUE;
    if (told) {
        record->basis = CHARGE_PROVIDER;
        record->cost_nd = usage->provider_cost_nd;
        record->catalogue_nd =
            target->price.known ? price_cost(&target->price, usage) : RECORD_NO_CATALOGUE;
        if (target->price.known) {
            target_state_told(call->snapshot, target, record->cost_nd, record->catalogue_nd);
        }
    } else if (counted || usage_basis == CHARGE_NOTHING) {
        record->basis = CHARGE_NOTHING; /* a price per request, too, is for answers */
        record->cost_nd = 0;
    } else if (usage_basis == CHARGE_MOST) {
        record->basis = CHARGE_MOST;
        record->cost_nd = attempt_most_nd(call, usage->input, usage->output);
    } else {
        record->basis = CHARGE_PRICE;
        record->cost_nd = price_cost(attempt_price(call, target, &spare), usage);
        target_state_priced(target, usage);
    }
}

/* What the same usage costs at the baseline; only answers save money. A call that named its target
 * has no other baseline than what it cost. */
static int64_t baseline_of(const struct call *call, const struct settle_record *record)
{
    if (call->attempt.outcome == ATTEMPT_FAILED || call->attempt.escalated ||
        record->basis == CHARGE_NOTHING) {
        return 0;
    }
    if (call->baseline == NO_TARGET) {
        return record->cost_nd;
    }
    struct price spare;
    const struct target *target = &call->snapshot->policy.targets[call->baseline];
    return price_cost(attempt_price(call, target, &spare), &record->usage);
}

static enum health_outcome health_of(const struct attempt *attempt)
{
    if (attempt_ran_out(attempt)) {
        return HEALTH_CANCELLED; /* which says nothing of the target */
    }
    switch (attempt->outcome) {
    case ATTEMPT_OK:
        return HEALTH_OK;
    case ATTEMPT_CANCELLED:
        return HEALTH_CANCELLED;
    case ATTEMPT_FAILED:
    case ATTEMPT_CUT:
    case ATTEMPT_INTERRUPTED:
    case ATTEMPT_OUTCOMES:
        break;
    }
    bool unknown = attempt->called && (attempt->status == 403 || attempt->status == 404);
    if (attempt->unfit.lacks != 0 || unknown) {
        return HEALTH_REJECTED; /* for what it cannot do; all else it can */
    }
    switch (attempt->status) {
    case 429:
    case 529:
        return HEALTH_OVERLOADED;
    case 401:
    case 402:
    case 403:
    case 404:
        return HEALTH_FATAL;
    case 400:
    case 413:
    case 422:
        return HEALTH_REJECTED;
    default:
        return HEALTH_FAILED;
    }
}

static void record_health(struct call *call, const struct usage *usage, int64_t cost_nd,
                          int64_t now_ns)
{
    struct attempt *attempt = &call->attempt;
    struct target_state *state = target_state_of(attempt->target);
    const struct upstream_request *r = &attempt->request;
    struct health_sample sample = {
        .outcome = health_of(attempt),
        .now_ns = now_ns,
        .retry_after_ms = attempt->retry_after_ms,
        .first_byte_ms = r->first_byte_ns > 0 && attempt->outcome == ATTEMPT_OK
                             ? (r->first_byte_ns - r->started_ns) / NS_PER_MS
                             : -1,
        .total_ms = attempt->outcome == ATTEMPT_OK ? (now_ns - r->started_ns) / NS_PER_MS : -1,
        .input_tokens = usage->input,
        .output_tokens = usage->output,
        .cost_nd = cost_nd,
    };
    health_record(&state->health, &sample);
    metric_add_shared(&state->outcomes[attempt->outcome], 1);
    if (sample.outcome == HEALTH_OVERLOADED) {
        metric_add_shared(&state->rate_limited, 1);
    }
}

static void count_usage(struct call *call, const struct usage *usage)
{
    struct metrics *metrics = &call->worker->metrics;
    metric_add(&metrics->input_tokens, (uint64_t)usage->input);
    metric_add(&metrics->output_tokens, (uint64_t)usage->output);
    metric_add(&metrics->cache_read_tokens, (uint64_t)usage->cache_read);
    metric_add(&metrics->cache_write_tokens,
               (uint64_t)(usage->cache_write + usage->cache_write_1h));
    metric_add(&metrics->reasoning_tokens, (uint64_t)usage->reasoning);
    if (!usage->reported && (usage->input > 0 || usage->output > 0)) {
        metric_add(&metrics->estimated_usage, 1);
    }
}

static void fill_settle(const struct call *call, struct settle_record *record, int64_t now_ns)
{
    const struct attempt *attempt = &call->attempt;
    const struct upstream_request *r = &attempt->request;
    *record = (struct settle_record){
        .call = call->id,
        .attempt = attempt->number,
        .wall_ns = clock_wall(call->worker->loop.clock),
        .released_nd = attempt->hold_nd,
        .key_id = call->key_id,
        .outcome = attempt->outcome,
        .status = attempt->status,
        .usage = attempt->meter.usage,
        .first_byte_us = r->first_byte_ns > 0 ? (r->first_byte_ns - r->started_ns) / NS_PER_US : -1,
        .total_us = (now_ns - r->started_ns) / NS_PER_US,
        .target = attempt->target->name,
        .provider = attempt->target->provider_name,
        .model = attempt->model,
        .lane = slice_from_cstr(lane_name(attempt->lane)),
        .error = slice_from_cstr(attempt->error != NULL      ? attempt->error
                                 : attempt->rejected != NULL ? attempt->rejected
                                                             : ""),
        .purpose = attempt->escalated ? ATTEMPT_FOR_ESCALATION : ATTEMPT_FOR_ANSWER,
        .loss = slice_of(attempt->loss.text, attempt->loss.len),
    };
}

bool attempt_journal_hold(struct call *call)
{
    const struct attempt *attempt = &call->attempt;
    struct ledger *ledger = call->worker->gateway->ledger;
    if (ledger == NULL) {
        return true;
    }
    bool extended = attempt->budget.open && attempt->budget.amount_nd > attempt->hold_nd;
    struct hold_record record = {
        .call = call->id,
        .attempt = attempt->number,
        .wall_ns = clock_wall(call->worker->loop.clock),
        .amount_nd = extended ? attempt->budget.amount_nd : attempt->hold_nd,
        .key_id = call->key_id,
        .target = attempt->target->name,
        .provider = attempt->target->provider_name,
        .model = attempt->model,
    };
    char names[BUDGET_NAMES_SIZE];
    call_budget_scopes(call, &call->attempt.budget, names, &record);
    call_record_facts(call, &record);
    return journal_hold(ledger_journal(ledger), &record);
}

/* With `closing` the call's last record goes with it, in one append. */
static void journal_it(struct call *call, const struct settle_record *settle,
                       const struct call_record *closing)
{
    struct ledger *ledger = call->worker->gateway->ledger;
    if (ledger == NULL) {
        return;
    }
    struct journal *journal = ledger_journal(ledger);
    bool held =
        !call->attempt.unjournaled || attempt_journal_hold(call); /* there may be room now */
    bool ok = !held             ? false
              : closing != NULL ? journal_settle_and_call(journal, settle, closing)
                                : journal_settle(journal, settle);
    if (!ok) {
        metric_add(&call->worker->metrics.ledger_refused, 1);
    }
    if (!ok && settle->blocks) {
        call_budget_unkept(call);
    }
}

static void charge(struct call *call, enum charge_basis usage_basis, struct settle_record *record)
{
    const struct usage *usage = &call->attempt.meter.usage;
    price_attempt(call, usage, usage_basis, record);
    bool told = usage->reported || usage->has_provider_cost;
    int64_t most_nd =
        call->attempt.budget.open ? call->attempt.budget.amount_nd : record->released_nd;
    if (!told && !call_budget_capped(call) && record->cost_nd > most_nd &&
        !attempt_exceeds(&call->attempt)) {
        record->cost_nd = most_nd; /* no estimate of ours is more than the worst case */
        record->basis = CHARGE_BOUND;
    }
    record->blocks = call_budget_settle(call, record->cost_nd, told);
    call->cost_nd = money_add(call->cost_nd, record->cost_nd);
    call->baseline_nd = money_add(call->baseline_nd, baseline_of(call, record));
}

void attempt_settle(struct call *call, bool last)
{
    struct attempt *attempt = &call->attempt;
    const struct upstream_request *r = &attempt->request;
    struct usage *usage = &attempt->meter.usage;
    struct settle_record record;
    struct call_record closing;
    CHECK(attempt->open);
    attempt->open = false;
    int64_t now_ns = clock_monotonic(call->worker->loop.clock);
    if (call->chat.operation == OPERATION_TOKEN_COUNT) {
        *usage = (struct usage){.reported = true}; /* counted, not used: it costs nothing */
    }
    enum charge_basis usage_basis = attempt_usage(call);
    fill_settle(call, &record, now_ns);
    charge(call, usage_basis, &record);
    record_health(call, usage, record.cost_nd, now_ns);
    call_forecast_settle(call, &record);
    if (r->first_byte_ns > 0) {
        histogram_add(&call->worker->metrics.first_byte, METRICS_DURATION_FIRST_NS,
                      r->first_byte_ns - r->started_ns);
    }
    count_usage(call, usage);
    bool shown = attempt->outcome == ATTEMPT_OK && !attempt->escalated;
    if (shown || (attempt->outcome == ATTEMPT_CANCELLED && call->committed)) {
        call_session_keep(call);
    } else if (attempt->escalated) {
        call_session_escalate(call);
    }
    if (shown && attempt->notes != NULL) {
        opaque_keep(call);
    }
    if (shown && attempt->record != NULL) {
        stored_keep(call);
    }
    if (last) {
        call_record_fill(call, now_ns, &closing);
    }
    journal_it(call, &record, last ? &closing : NULL);
    if (last) {
        call_record_closed(call, &closing);
    }
}
